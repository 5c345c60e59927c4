//! Numbers in delimited text, read piece by piece from a stream of bytes.
//!
//! Three layers, each with one question. `fields` asks where the fields of a record begin and end:
//! the crate csv-core finds them, by RFC 4180; what that crate lets pass is refused here. `number`
//! asks which number a field is, and is the only place that does. `table` keeps the numbers of the
//! columns that were asked for, row by row.
//!
//! No result depends on how the stream was cut into pieces.

use std::fmt;

mod fields;
mod number;
mod table;

pub use fields::{Dialect, Position};
pub use number::{Format, LARGEST_EXPONENT, Value, parse};
pub use table::{Column, Data, Kind, Missing, Row, Table, Texts, first_row};

/// The longest field, in bytes: one that is longer is taken for the work of a stray quote.
pub const LONGEST_FIELD: usize = 1 << 20;

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// The line, from 1, where it began.
    pub line: u64,
    /// The column, from 0, if it is one field.
    pub column: Option<usize>,
    /// What is wrong.
    pub problem: Problem,
    /// The beginning of the field.
    pub text: String,
    /// All columns whose fields in this record are no numbers.
    pub columns: Vec<usize>,
}

/// What can be wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// A NUL byte.
    Nul,
    /// A byte that is not UTF-8.
    NotUtf8(u8),
    /// Text that ends inside a character.
    CutCharacter,
    /// A field longer than `LONGEST_FIELD`.
    LongField,
    /// The text ends inside quotes.
    OpenQuote,
    /// Something follows the quote that closes a field.
    AfterQuote,
    /// The record has so many fields, the first one so many.
    RowLength(usize, usize),
    /// The field is no number.
    NotANumber,
    /// A finite number beyond float64.
    BeyondFloat,
    /// A decimal exponent beyond `number::LARGEST_EXPONENT`.
    BeyondDecimal,
    /// NaN or infinity where decimals are summed.
    NotFinite,
    /// No value, where none may be missing.
    Null,
}

impl Error {
    fn at(line: u64, problem: Problem) -> Error {
        Error { line, column: None, problem, text: String::new(), columns: Vec::new() }
    }

    /// What is wrong, to be written behind the place.
    pub fn message(&self) -> String {
        let text = format!("'{}'", self.text.escape_debug());
        match self.problem {
            Problem::Nul => " holds a NUL byte".to_string(),
            Problem::NotUtf8(byte) => format!(" is not UTF-8: it holds the byte {byte:#04x}"),
            Problem::CutCharacter => " is not UTF-8: it ends inside a character".to_string(),
            Problem::LongField => format!(": a field is longer than {LONGEST_FIELD} bytes"),
            Problem::OpenQuote => ": a quote is open at the end of the file".to_string(),
            Problem::AfterQuote => ": text follows a closing quote".to_string(),
            Problem::RowLength(found, first) => {
                format!(" has {found} fields, but the first row {first}")
            }
            Problem::NotANumber => format!(": {text} is not a number"),
            Problem::BeyondFloat => format!(": {text} is beyond float64"),
            Problem::BeyondDecimal => {
                format!(": the exponent of {text} is beyond {LARGEST_EXPONENT}")
            }
            Problem::NotFinite => format!(": {text} is no decimal number"),
            Problem::Null => ": a value is missing".to_string(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        f.write_str(&self.message())
    }
}

impl std::error::Error for Error {}
