//! Any text as a table: the same values or the same error, however it is cut into pieces.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mypackage_csv::{Column, Data, Dialect, Error, Format, Kind, Missing, Position, Table};

/// Texts by their order alone: the map that finds them has another order in every table.
fn contents(column: &Column) -> String {
    let data = match &column.data {
        Data::Texts(indices, texts) => format!("{indices:?} {:?}", texts.all),
        data => format!("{data:?}"),
    };
    format!("{data} {:?} {:?}\n", column.wide, column.nulls)
}

/// All values and the place of the end.
fn read(pieces: &[&[u8]], dialect: Dialect, format: &Format) -> Result<(String, Position), Error> {
    let allowed = Missing { numbers: true, texts: true };
    let kinds = [Kind::Number, Kind::Text];
    let mut table = Table::new(dialect, format.clone(), &kinds, allowed, Position::default());
    for piece in pieces {
        table.feed(piece)?;
    }
    table.finish()?;
    let columns: Vec<String> = table.take().iter().map(contents).collect();
    Ok((columns.concat(), table.position()))
}

fuzz_target!(|data: &[u8]| {
    let [options, cut, text @ ..] = data else { return };
    let has = |bit: u8| options >> bit & 1 == 1;
    let dialect = Dialect {
        delimiter: if has(0) { b';' } else { b',' },
        comment: has(1).then_some(b'#'),
        skip_initial_space: has(2),
    };
    let format = Format {
        decimal: if has(0) { b',' } else { b'.' },
        thousands: has(3).then_some(b'\''),
        nulls: vec![b"".to_vec(), b"NA".to_vec()],
        decimals: has(4),
    };
    let (first, rest) = text.split_at(usize::from(*cut).min(text.len()));
    let whole = read(&[text], dialect, &format);
    let cut = read(&[first, rest], dialect, &format);
    match (whole, cut) {
        (Ok(whole), Ok(cut)) => assert_eq!(whole, cut),
        (Err(whole), Err(cut)) => assert_eq!((whole.line, whole.problem), (cut.line, cut.problem)),
        (whole, cut) => panic!("{whole:?} {cut:?}"),
    }
});
