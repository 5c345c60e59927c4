//! Where the fields of a record begin and end.

use std::mem::take;

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};
use memchr::{memchr, memchr2};

use super::{Error, LONGEST_FIELD, Problem};

/// How records and fields are delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// The delimiter between fields.
    pub delimiter: u8,
    /// What begins a comment line.
    pub comment: Option<u8>,
    /// Whether spaces before a field are ignored, so that a quote may follow them.
    pub skip_initial_space: bool,
}

impl Default for Dialect {
    fn default() -> Dialect {
        Dialect { delimiter: b',', comment: None, skip_initial_space: false }
    }
}

/// A position between records, from which reading a stream can be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The number of bytes before it.
    pub offset: u64,
    /// The number of lines before it.
    pub line: u64,
    /// Whether the last line ended in a carriage return, which a line feed may complete.
    pub after_return: bool,
}

/// Divides a stream into fields.
pub struct Fields {
    core: Reader,
    dialect: Dialect,
    /// The current field, and the number of its bytes read so far.
    buffer: Vec<u8>,
    length: usize,
    now: Position,
    /// The last position between records.
    mark: Position,
    /// The line, from 1, where the record begins.
    record: u64,
    place: Place,
    quotes: Quotes,
    /// The beginning of a character that was split by the end of the last piece.
    cut: Vec<u8>,
}

/// The position of the next byte within a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    BetweenRecords,
    InComment,
    BeforeFirstField,
    BeforeField,
    InField,
}

/// The position of the next byte within a quoted field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    None,
    /// Before the opening quote.
    Opening,
    Inside,
    /// After a quote, which closes the field unless a second quote follows.
    AtQuote,
    /// After the closing quote.
    Outside,
}

impl Fields {
    /// Begins at a position between records.
    pub fn new(dialect: Dialect, start: Position) -> Fields {
        let mut core = ReaderBuilder::new().delimiter(dialect.delimiter).build();
        // At the beginning of a stream, csv-core would remove a byte order mark.
        core.read_field(b"\n", &mut [0; 4]);
        Fields {
            core,
            dialect,
            buffer: vec![0; 1 << 10],
            length: 0,
            now: start,
            mark: start,
            record: start.line + 1,
            place: Place::BetweenRecords,
            quotes: Quotes::None,
            cut: Vec::new(),
        }
    }

    /// The last position between records.
    pub fn position(&self) -> Position {
        self.mark
    }

    /// Whether a record is incomplete.
    pub fn in_record(&self) -> bool {
        !matches!(self.place, Place::BetweenRecords | Place::InComment)
    }

    /// The field that has just ended.
    pub fn field(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    /// The valid text of a piece, including a character begun in the previous one, and the error,
    /// if any, of the byte after it. A character split by the end of the piece is kept for the next
    /// one.
    pub fn text<'a>(&mut self, piece: &'a [u8]) -> (Vec<u8>, &'a [u8], Option<Problem>) {
        let nul = memchr(0, piece);
        let mut end = nul.unwrap_or(piece.len());
        let mut begin = 0;
        let mut completed = Vec::new();
        while !self.cut.is_empty() && begin < end {
            self.cut.push(piece[begin]);
            match std::str::from_utf8(&self.cut) {
                Ok(_) => completed = take(&mut self.cut),
                Err(error) if error.error_len().is_some() => {
                    return (completed, &[], Some(Problem::NotUtf8(self.cut[0])));
                }
                Err(_) => {}
            }
            begin += 1;
        }
        if let (Some(&first), Some(_)) = (self.cut.first(), nul) {
            return (completed, &[], Some(Problem::NotUtf8(first)));
        }
        if let Err(error) = std::str::from_utf8(&piece[begin..end]) {
            let valid = begin + error.valid_up_to();
            if error.error_len().is_some() || nul.is_some() {
                return (completed, &piece[begin..valid], Some(Problem::NotUtf8(piece[valid])));
            }
            self.cut = piece[valid..].to_vec();
            end = valid;
        }
        (completed, &piece[begin..end], nul.map(|_| Problem::Nul))
    }

    /// An error in the line where the next byte is.
    pub fn error_here(&self, problem: Problem) -> Error {
        let inside = if self.place == Place::InField { breaks(self.field()) } else { 0 };
        Error::at(self.now.line + inside + 1, problem)
    }

    /// An error in the record.
    pub fn error(&self, problem: Problem) -> Error {
        Error::at(self.record, problem)
    }

    /// Reads to the end of a field and returns whether its record ends too; `None` if the piece
    /// ends first.
    pub fn next(&mut self, piece: &mut &[u8]) -> Result<Option<bool>, Error> {
        while self.place != Place::InField {
            if piece.is_empty() {
                return Ok(None);
            }
            match self.place {
                Place::BetweenRecords | Place::InComment => self.skip_between_records(piece),
                _ => self.begin_field(piece),
            }
        }
        while !piece.is_empty() {
            let (result, taken, written) =
                self.core.read_field(piece, &mut self.buffer[self.length..]);
            let (raw, rest) = piece.split_at(taken);
            *piece = rest;
            self.length += written;
            let ended = matches!(result, ReadFieldResult::Field { .. });
            if self.quotes != Quotes::None {
                self.follow_quotes(&raw[..taken - usize::from(ended)])?;
            }
            self.now.offset += taken as u64;
            if self.length > LONGEST_FIELD {
                return Err(self.error(Problem::LongField));
            }
            match result {
                ReadFieldResult::Field { record_end } => {
                    self.end_field(record_end, raw.last() == Some(&b'\r'));
                    return Ok(Some(record_end));
                }
                ReadFieldResult::OutputFull => {
                    let size = (2 * self.buffer.len()).min(LONGEST_FIELD + 1);
                    self.buffer.resize(size, 0);
                }
                ReadFieldResult::InputEmpty | ReadFieldResult::End => {}
            }
        }
        Ok(None)
    }

    /// Ends the stream: like `next` for the last field, if there is one.
    pub fn finish(&mut self) -> Result<Option<bool>, Error> {
        if !self.cut.is_empty() {
            return Err(self.error_here(Problem::CutCharacter));
        }
        if !self.in_record() {
            return Ok(None);
        }
        // csv-core treats the end of a text inside quotes as the end of the field. A line break
        // ends every field except one with an open quote.
        let offset = self.now.offset;
        let ended = self.next(&mut &b"\n"[..])?;
        if ended.is_none() && self.in_record() {
            return Err(self.error(Problem::OpenQuote));
        }
        self.now.offset = offset;
        self.mark.offset = offset;
        Ok(ended)
    }

    /// Advances to the first byte of a record, past blank lines and comments.
    fn skip_between_records(&mut self, piece: &mut &[u8]) {
        if self.place == Place::InComment {
            let length = memchr2(b'\r', b'\n', piece).unwrap_or(piece.len());
            self.skip(piece, length);
            if !piece.is_empty() {
                self.place = Place::BetweenRecords;
            }
            return;
        }
        match piece[0] {
            b'\n' if self.now.after_return => self.now.after_return = false,
            byte @ (b'\r' | b'\n') => {
                self.now.line += 1;
                self.now.after_return = byte == b'\r';
            }
            byte => {
                self.now.after_return = false;
                self.record = self.now.line + 1;
                self.place = if Some(byte) == self.dialect.comment {
                    Place::InComment
                } else {
                    Place::BeforeFirstField
                };
                return;
            }
        }
        self.skip(piece, 1);
        self.mark = self.now;
    }

    fn begin_field(&mut self, piece: &mut &[u8]) {
        if self.dialect.skip_initial_space {
            let spaces = piece.iter().take_while(|&&byte| byte == b' ').count();
            self.skip(piece, spaces);
            match piece.first() {
                None => return,
                Some(b'\r' | b'\n') if self.place == Place::BeforeFirstField => {
                    // A line of only spaces counts as blank.
                    self.place = Place::BetweenRecords;
                    return;
                }
                Some(_) => {}
            }
        }
        self.length = 0;
        self.quotes = if piece[0] == b'"' { Quotes::Opening } else { Quotes::None };
        self.place = Place::InField;
    }

    fn end_field(&mut self, record_end: bool, by_return: bool) {
        if self.quotes != Quotes::None {
            self.now.line += breaks(self.field());
        }
        self.place = Place::BeforeField;
        if record_end {
            self.now.line += 1;
            self.now.after_return = by_return;
            self.place = Place::BetweenRecords;
            self.mark = self.now;
        }
    }

    fn skip(&mut self, piece: &mut &[u8], length: usize) {
        *piece = &piece[length..];
        self.now.offset += length as u64;
    }

    /// Only blanks may follow a closing quote; csv-core would append anything else to the field.
    fn follow_quotes(&mut self, raw: &[u8]) -> Result<(), Error> {
        for &byte in raw {
            self.quotes = match (self.quotes, byte) {
                (Quotes::Opening, _) | (Quotes::AtQuote, b'"') => Quotes::Inside,
                (Quotes::Inside, b'"') => Quotes::AtQuote,
                (Quotes::AtQuote | Quotes::Outside, b' ' | b'\t') => Quotes::Outside,
                (Quotes::AtQuote | Quotes::Outside, _) => {
                    return Err(self.error(Problem::AfterQuote));
                }
                (state, _) => state,
            };
        }
        Ok(())
    }
}

/// The number of line breaks in a text.
fn breaks(text: &[u8]) -> u64 {
    let mut after_return = false;
    let mut count = 0;
    for &byte in text {
        count += u64::from(byte == b'\r' || byte == b'\n' && !after_return);
        after_return = byte == b'\r';
    }
    count
}
