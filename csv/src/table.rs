//! The numbers in the columns of a table, row by row.

use std::collections::HashMap;
use std::mem::{replace, take};

use dashu_int::IBig;

use super::fields::{Dialect, Fields, Position};
use super::number::{Format, Value, is_null, parse, trimmed};
use super::{Error, Problem};

/// Integers up to this magnitude are represented exactly as float64.
const LARGEST_INTEGRAL: u64 = 1 << 53;

/// The number of characters of a field that an error shows.
const SHOWN: usize = 40;

/// What to read from a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Skipped,
    /// Its numbers.
    Number,
    /// Its texts, as written.
    Text,
}

/// Which kinds of values may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// Numbers.
    pub numbers: bool,
    /// Texts.
    pub texts: bool,
}

impl Missing {
    fn has(self, kind: Kind) -> bool {
        if kind == Kind::Text { self.texts } else { self.numbers }
    }
}

/// A part of a column.
#[derive(Debug, Clone, Default)]
pub struct Column {
    /// One item for each row.
    pub data: Data,
    /// Rows whose integer (with `Data::Decimals`, digits) is beyond the type of `data`, which holds
    /// 0 there.
    pub wide: Vec<(usize, IBig)>,
    /// Rows with missing values, for which `data` holds 0, or no text.
    pub nulls: Vec<usize>,
}

/// One item for each row.
#[derive(Debug, Clone, Default)]
pub enum Data {
    /// A column that is skipped.
    #[default]
    Skipped,
    /// Integers only.
    Integers(Vec<i64>),
    /// Numbers that are not all integers.
    Floats(Vec<f64>),
    /// Digits and exponents of ten.
    Decimals(Vec<i64>, Vec<i32>),
    /// Indices into texts, -1 for a missing one.
    Texts(Vec<i64>, Texts),
}

/// Distinct texts, in the order of their first rows.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    /// The texts.
    pub all: Vec<Box<str>>,
    indices: HashMap<Box<str>, i64>,
}

impl Texts {
    fn index(&mut self, text: &str) -> i64 {
        if let Some(&index) = self.indices.get(text) {
            return index;
        }
        let index = self.all.len() as i64;
        self.all.push(text.into());
        self.indices.insert(text.into(), index);
        index
    }
}

impl Column {
    fn new(kind: Kind, format: &Format) -> Column {
        let data = match kind {
            Kind::Skipped => Data::Skipped,
            Kind::Number if format.decimals => Data::Decimals(Vec::new(), Vec::new()),
            Kind::Number => Data::Integers(Vec::new()),
            Kind::Text => Data::Texts(Vec::new(), Texts::default()),
        };
        Column { data, ..Column::default() }
    }

    /// Appends the row's value, or a missing one.
    fn push(&mut self, row: usize, field: &[u8], format: &Format) -> Result<(), Problem> {
        if let Data::Skipped = self.data {
            return Ok(());
        }
        if let Data::Texts(indices, texts) = &mut self.data {
            if is_null(trimmed(field), format) {
                self.nulls.push(row);
                indices.push(-1);
                return Err(Problem::Null);
            }
            // The text is UTF-8, and delimiters and quotes are ASCII, so fields are UTF-8 too.
            indices.push(texts.index(std::str::from_utf8(field).expect("checked before")));
            return Ok(());
        }
        match (parse(field, format)?, &mut self.data) {
            (Value::Integer(value), Data::Integers(integers)) => integers.push(value),
            (Value::Float(value), Data::Floats(floats)) => floats.push(value),
            (Value::Integer(value), Data::Floats(floats)) => {
                floats.push(float(row, value, &mut self.wide));
            }
            (Value::Float(value), Data::Integers(integers)) => {
                let mut floats: Vec<f64> = Vec::with_capacity(integers.capacity());
                for (row, &integer) in integers.iter().enumerate() {
                    floats.push(float(row, integer, &mut self.wide));
                }
                floats.push(value);
                self.data = Data::Floats(floats);
            }
            (Value::Decimal(digits, exponent), Data::Decimals(all, exponents)) => {
                all.push(digits);
                exponents.push(exponent);
            }
            (Value::WideDecimal(digits, exponent), Data::Decimals(all, exponents)) => {
                self.wide.push((row, digits));
                all.push(0);
                exponents.push(exponent);
            }
            (Value::Wide(value), data) => {
                self.wide.push((row, value));
                data.push_zero();
            }
            (_, data) => {
                self.nulls.push(row);
                data.push_zero();
                return Err(Problem::Null);
            }
        }
        Ok(())
    }

    /// Takes the first rows; the others are kept.
    fn take(&mut self, rows: usize) -> Column {
        let rest = match &mut self.data {
            Data::Skipped => Data::Skipped,
            Data::Integers(all) => Data::Integers(all.split_off(rows)),
            // When no rows are left, start with integers again.
            Data::Floats(all) => {
                let rest = all.split_off(rows);
                if rest.is_empty() { Data::Integers(Vec::new()) } else { Data::Floats(rest) }
            }
            Data::Decimals(all, exponents) => {
                Data::Decimals(all.split_off(rows), exponents.split_off(rows))
            }
            Data::Texts(all, texts) => {
                let mut own = Texts::default();
                let rest = all.split_off(rows);
                let rest = rest.into_iter().map(|index| match usize::try_from(index) {
                    Ok(index) => own.index(&texts.all[index]),
                    Err(_) => -1,
                });
                Data::Texts(rest.collect(), own)
            }
        };
        let (wide, later): (Vec<_>, Vec<_>) =
            take(&mut self.wide).into_iter().partition(|&(row, _)| row < rows);
        let wide_rest = later.into_iter().map(|(row, value)| (row - rows, value)).collect();
        let (nulls, later): (Vec<_>, Vec<_>) =
            take(&mut self.nulls).into_iter().partition(|&row| row < rows);
        let nulls_rest = later.into_iter().map(|row| row - rows).collect();
        let rest = Column { data: rest, wide: wide_rest, nulls: nulls_rest };
        Column { wide, nulls, ..replace(self, rest) }
    }
}

/// The integer as a float64 number, or 0 if it is not representable and goes to `wide`.
fn float(row: usize, value: i64, wide: &mut Vec<(usize, IBig)>) -> f64 {
    if value.unsigned_abs() <= LARGEST_INTEGRAL {
        return value as f64;
    }
    wide.push((row, IBig::from(value)));
    0.0
}

impl Data {
    fn push_zero(&mut self) {
        match self {
            Data::Integers(all) => all.push(0),
            Data::Floats(all) => all.push(0.0),
            Data::Decimals(all, exponents) => {
                all.push(0);
                exponents.push(0);
            }
            Data::Skipped | Data::Texts(..) => {}
        }
    }
}

/// Reads a table.
pub struct Table {
    fields: Fields,
    format: Format,
    missing: Missing,
    kinds: Vec<Kind>,
    columns: Vec<Column>,
    /// The number of complete rows, and the index of the next field.
    rows: usize,
    index: usize,
    /// An error in a field of the current row.
    wrong: Option<Error>,
}

impl Table {
    /// A table whose records all have one field for each of `kinds`, read from a position between
    /// records.
    pub fn new(
        dialect: Dialect,
        format: Format,
        kinds: &[Kind],
        missing: Missing,
        start: Position,
    ) -> Table {
        Table {
            fields: Fields::new(dialect, start),
            missing,
            kinds: kinds.to_vec(),
            columns: kinds.iter().map(|&kind| Column::new(kind, &format)).collect(),
            format,
            rows: 0,
            index: 0,
            wrong: None,
        }
    }

    /// Reads the next bytes of the stream.
    ///
    /// # Errors
    ///
    /// The first error, after which nothing can be read.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), Error> {
        let (completed, rest, problem) = self.fields.text(piece);
        for mut text in [&completed[..], rest] {
            while let Some(record_end) = self.fields.next(&mut text)? {
                self.end_field(record_end)?;
            }
        }
        match problem {
            Some(problem) => Err(self.fields.error_here(problem)),
            None => Ok(()),
        }
    }

    /// Ends the stream.
    ///
    /// # Errors
    ///
    /// An error in the last record.
    pub fn finish(&mut self) -> Result<(), Error> {
        match self.fields.finish()? {
            Some(record_end) => self.end_field(record_end),
            None => Ok(()),
        }
    }

    /// Takes the complete rows that have been read.
    pub fn take(&mut self) -> Vec<Column> {
        let rows = replace(&mut self.rows, 0);
        self.columns.iter_mut().map(|column| column.take(rows)).collect()
    }

    /// The position after the rows that have been read.
    pub fn position(&self) -> Position {
        self.fields.position()
    }

    fn end_field(&mut self, record_end: bool) -> Result<(), Error> {
        let index = self.index;
        self.index += 1;
        if let Some(column) = self.columns.get_mut(index) {
            match column.push(self.rows, self.fields.field(), &self.format) {
                Ok(()) => {}
                Err(Problem::Null) if self.missing.has(self.kinds[index]) => {}
                Err(problem) => self.refuse(index, problem),
            }
        }
        if record_end {
            let found = replace(&mut self.index, 0);
            if found != self.columns.len() {
                return Err(self.fields.error(Problem::RowLength(found, self.columns.len())));
            }
            if let Some(error) = self.wrong.take() {
                return Err(error);
            }
            self.rows += 1;
        }
        Ok(())
    }

    /// Records the first error in a row, and all fields of it that are not numbers.
    fn refuse(&mut self, index: usize, problem: Problem) {
        let text = String::from_utf8_lossy(trimmed(self.fields.field()));
        let text = text.chars().take(SHOWN).collect();
        let error = self.fields.error(problem);
        let first = self.wrong.get_or_insert(Error { column: Some(index), text, ..error });
        if problem == Problem::NotANumber && self.kinds[index] == Kind::Number {
            first.columns.push(index);
        }
    }
}

/// The fields of a record, each with whether it is a number (`None` if it is missing), and the
/// position after it.
pub type Row = (Vec<(String, Option<bool>)>, Position);

/// The fields of the first record of a text, each with whether it is a number (`None` if it is
/// missing), and the position after it. `None` if the record is incomplete, unless the text is all
/// there is.
///
/// # Errors
///
/// An error in the record.
pub fn first_row(
    text: &[u8],
    all: bool,
    dialect: Dialect,
    format: &Format,
    start: Position,
) -> Result<Option<Row>, Error> {
    let mut fields = Fields::new(dialect, start);
    let (_, mut rest, problem) = fields.text(text);
    let mut row = Vec::new();
    loop {
        let mut ended = fields.next(&mut rest)?;
        if ended.is_none() {
            if let Some(problem) = problem {
                return Err(fields.error_here(problem));
            }
            if !all {
                return Ok(None);
            }
            ended = fields.finish()?;
        }
        let Some(record_end) = ended else { return Ok(None) };
        let field = fields.field();
        let number = match parse(field, format) {
            Ok(Value::Null) => None,
            Err(Problem::NotANumber) => Some(false),
            Ok(_) | Err(_) => Some(true),
        };
        row.push((String::from_utf8_lossy(field).into_owned(), number));
        if record_end {
            return Ok(Some((row, fields.position())));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Read = Result<(Vec<Vec<String>>, Position), Error>;

    /// Every value of every row as text, for any cuts of the stream.
    fn read<'a>(
        pieces: impl Iterator<Item = &'a [u8]>,
        dialect: Dialect,
        format: &Format,
        kinds: &[Kind],
    ) -> Read {
        let mut table = Table::new(dialect, format.clone(), kinds, ALLOWED, Position::default());
        let mut all = vec![Vec::new(); kinds.len()];
        let mut keep = |columns: Vec<Column>| {
            for (all, column) in all.iter_mut().zip(columns) {
                let begin = all.len();
                match column.data {
                    Data::Skipped => {}
                    Data::Integers(values) => {
                        all.extend(values.iter().map(|x| (*x as f64).to_string()))
                    }
                    Data::Floats(values) => all.extend(values.iter().map(|x| x.to_string())),
                    Data::Decimals(values, exponents) => {
                        all.extend(values.iter().zip(exponents).map(|(x, e)| format!("{x}e{e}")));
                    }
                    Data::Texts(indices, texts) => all.extend(indices.iter().map(|&index| {
                        usize::try_from(index)
                            .map_or(String::new(), |index| texts.all[index].to_string())
                    })),
                }
                for (row, value) in column.wide {
                    let exponent = all[begin + row].split_once('e').map_or("", |parts| parts.1);
                    all[begin + row] = format!("wide {value} {exponent}");
                }
                for row in column.nulls {
                    all[begin + row] = "null".to_string();
                }
            }
        };
        for piece in pieces {
            table.feed(piece)?;
            keep(table.take());
        }
        table.finish()?;
        keep(table.take());
        Ok((all, table.position()))
    }

    fn whole(text: &[u8], dialect: Dialect, format: &Format, kinds: &[Kind]) -> Read {
        read([text].into_iter(), dialect, format, kinds)
    }

    const ALLOWED: Missing = Missing { numbers: true, texts: true };
    const REFUSED: Missing = Missing { numbers: false, texts: false };
    const PAIR: [Kind; 2] = [Kind::Text, Kind::Number];

    fn pairs(text: &str) -> Read {
        whole(text.as_bytes(), Dialect::default(), &Format::default(), &PAIR)
    }

    fn problem(text: &str) -> (u64, Option<usize>, Problem) {
        let error = pairs(text).unwrap_err();
        (error.line, error.column, error.problem)
    }

    #[test]
    fn every_kind_of_line_end() {
        for end in ["\n", "\r\n", "\r", "\r\r", "\n\n\r\n"] {
            let text = ["a,1", "\"b \"\",\",2", "c\"d\",\"3\"", ""].join(end);
            for text in [&text[..], text.trim_end()] {
                let (columns, position) = pairs(text).unwrap();
                assert_eq!(columns, [["a", "b \",", "c\"d\""], ["1", "2", "3"]], "{text:?}");
                assert_eq!(position.offset, text.len() as u64);
            }
        }
    }

    #[test]
    fn errors_name_the_line() {
        assert_eq!(problem("a,1\r\n\r\nb,1,2\r\n"), (3, None, Problem::RowLength(3, 2)));
        assert_eq!(problem("a,1\rb\r"), (2, None, Problem::RowLength(1, 2)));
        assert_eq!(problem("a,1\n\"x\r\ny\",q\n"), (2, Some(1), Problem::NotANumber));
        assert_eq!(problem("\"x\r\ny\rz\n\",1\na,q"), (5, Some(1), Problem::NotANumber));
        assert_eq!(problem("a,1\nb,\"1\n2,3\n"), (2, None, Problem::OpenQuote));
        assert_eq!(problem("a,1\nb,\"1\"2\n"), (2, None, Problem::AfterQuote));
        assert_eq!(problem("a,1\n\"b\n\0\",3\n"), (3, None, Problem::Nul));
        assert_eq!(problem("a,1\nb,1e999\n"), (2, Some(1), Problem::BeyondFloat));
        let long = format!("a,1\nb,{}", "2".repeat(super::super::LONGEST_FIELD + 1));
        assert_eq!(problem(&long), (2, None, Problem::LongField));
        let long = format!("a,1\nb,{}\n", "0".repeat(super::super::LONGEST_FIELD));
        assert_eq!(pairs(&long).unwrap().0[1], ["1", "0"]);
    }

    #[test]
    fn a_row_tells_all_columns_that_are_no_numbers() {
        let text = b"1,2,3,4\n1,x,2,y\n";
        let kinds = [Kind::Number, Kind::Number, Kind::Skipped, Kind::Number];
        let error = whole(text, Dialect::default(), &Format::default(), &kinds).unwrap_err();
        assert_eq!((error.line, error.column, error.columns), (2, Some(1), vec![1, 3]));
        assert_eq!(error.text, "x");
    }

    #[test]
    fn a_missing_value_may_be_refused() {
        let format = Format::default();
        for (text, column) in [(",1\n", 0), ("a, \n", 1)] {
            let mut table =
                Table::new(Dialect::default(), format.clone(), &PAIR, REFUSED, Position::default());
            let error = table.feed(text.as_bytes()).unwrap_err();
            assert_eq!((error.column, error.problem), (Some(column), Problem::Null));
        }
    }

    #[test]
    fn integers_beside_fractions_keep_their_digits() {
        let text = b"9007199254740993,a\n0.5,b\n9007199254740992,c\n-9223372036854775808,d\n";
        let kinds = [Kind::Number, Kind::Text];
        let wide = |row, value: i64| (row, IBig::from(value));
        // Also where a piece ends between the number and its row's end.
        for cut in [text.len(), 17, 24, 60, 65] {
            let mut table = Table::new(
                Dialect::default(),
                Format::default(),
                &kinds,
                REFUSED,
                Position::default(),
            );
            let mut found = Vec::new();
            let mut rows = 0;
            for piece in [&text[..cut], &text[cut..]] {
                table.feed(piece).unwrap();
                let column = table.take().swap_remove(0);
                let count = column.rows();
                if let Data::Floats(values) = &column.data {
                    assert!(
                        values.iter().all(|value| [0.0, 0.5, 9007199254740992.0].contains(value))
                    );
                    found.extend(column.wide.into_iter().map(|(row, value)| (rows + row, value)));
                } else if let Data::Integers(values) = &column.data {
                    for (row, &value) in values.iter().enumerate() {
                        if value.unsigned_abs() > 1 << 53 {
                            found.push(wide(rows + row, value));
                        }
                    }
                }
                rows += count;
            }
            assert_eq!(found, [wide(0, (1 << 53) + 1), wide(3, i64::MIN)], "{cut}");
        }
    }

    #[test]
    fn comments_and_spaces() {
        let dialect = Dialect { comment: Some(b'#'), skip_initial_space: true, delimiter: b';' };
        let text = b"# \"1;\r#\r  \ra; \"2\" \r\r\n  b;3#\r #;4\n#";
        let kinds = [Kind::Text, Kind::Text];
        let (columns, _) = whole(text, dialect, &Format::default(), &kinds).unwrap();
        assert_eq!(columns, [["a", "b", "#"], ["2 ", "3#", "4"]]);
    }

    #[test]
    fn other_bytes_are_refused() {
        for (text, problem) in [
            (&b"a,1\n\xff,2\n"[..], Problem::NotUtf8(0xff)),
            (b"a,1\n\xc3,2\n", Problem::NotUtf8(0xc3)),
            (b"a,1\nb\xe2\x82\0,2\n", Problem::NotUtf8(0xe2)),
            (b"a,1\n\"b\"\xe2\x82\xff,2\n", Problem::NotUtf8(0xe2)),
            (b"a,1\n\"b\"\xe2\x82", Problem::CutCharacter),
            (b"a,1\nb,2\xe2\x82", Problem::CutCharacter),
        ] {
            for size in 1..=text.len() {
                let read = read(text.chunks(size), Dialect::default(), &Format::default(), &PAIR);
                let error = read.unwrap_err();
                assert_eq!((error.line, error.problem), (2, problem));
            }
        }
        let text = "\u{feff}é€😀,1\n";
        for size in 1..=text.len() {
            let pieces = text.as_bytes().chunks(size);
            let read = read(pieces, Dialect::default(), &Format::default(), &PAIR);
            assert_eq!(read.unwrap().0[0], ["\u{feff}é€😀"]);
        }
    }

    #[test]
    fn the_first_row_is_found_in_any_piece() {
        let text = b"#\n\n\"a\nb\", 1,\n2,3,4";
        let dialect = Dialect { comment: Some(b'#'), ..Dialect::default() };
        let first =
            |text, all| first_row(text, all, dialect, &Format::default(), Position::default());
        for length in 0..13 {
            assert_eq!(first(&text[..length], false), Ok(None), "{length}");
        }
        let row = vec![
            ("a\nb".to_string(), Some(false)),
            (" 1".to_string(), Some(true)),
            (String::new(), None),
        ];
        let place = Position { offset: 13, line: 4, after_return: false };
        assert_eq!(first(text, false), Ok(Some((row.clone(), place))));
        assert_eq!(first(&text[..12], true).unwrap().unwrap().0, row);
        assert_eq!(first(b"#", true), Ok(None));
        assert_eq!(first(b"\"a", true).unwrap_err().problem, Problem::OpenQuote);
    }

    #[test]
    fn reading_goes_on_from_every_place() {
        let text = b"a,1\r\nb,\"2\"\r\r\n\nc,3\n#\nd,99999999999999999999\ne,.5";
        let dialect = Dialect { comment: Some(b'#'), ..Dialect::default() };
        let format = Format::default();
        let all = whole(text, dialect, &format, &PAIR).unwrap().0;
        for length in 0..=text.len() {
            let mut table =
                Table::new(dialect, format.clone(), &PAIR, REFUSED, Position::default());
            table.feed(&text[..length]).unwrap();
            let rows = table.take()[1].rows();
            let place = table.position();
            let mut table = Table::new(dialect, format.clone(), &PAIR, REFUSED, place);
            table.feed(&text[place.offset as usize..]).unwrap();
            table.finish().unwrap();
            assert_eq!(rows + table.take()[1].rows(), all[1].len(), "{length}");
            assert_eq!(table.position().line, 8);
        }
    }

    impl Column {
        fn rows(&self) -> usize {
            match &self.data {
                Data::Integers(all) => all.len(),
                Data::Floats(all) => all.len(),
                _ => unreachable!(),
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_depends_on_the_pieces(
            text in "([ab1 .,\"\"#\r\n\n\t-]|é|9007199254740993|99999999999999999999|0.5|1e999|,1\n|\"\",2\r\n){0,24}",
            size in 1usize..7,
            comment: bool,
            skip_initial_space: bool,
            decimals: bool,
        ) {
            let comment = comment.then_some(b'#');
            let dialect = Dialect { comment, skip_initial_space, ..Dialect::default() };
            let format = Format { decimals, ..Format::default() };
            let expected = whole(text.as_bytes(), dialect, &format, &PAIR);
            let found = read(text.as_bytes().chunks(size), dialect, &format, &PAIR);
            prop_assert_eq!(found, expected);
        }
    }
}
