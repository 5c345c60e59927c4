//! Numbers in delimited text, read piece by piece from a stream of bytes.
//!
//! There are three layers. `fields` finds where the fields of a record begin and end, with the
//! crate csv-core and the rules of RFC 4180; it refuses what that crate lets pass. `number` is the
//! only module that parses numbers. `table` collects the numbers of the chosen columns, row by row.
//!
//! Results do not depend on how the stream is cut into pieces.

use std::fmt;

mod fields;
mod number;
mod table;

pub use fields::{Dialect, Position};
pub use number::{Format, LARGEST_EXPONENT, Value, parse};
pub use table::{Column, Data, Kind, Missing, Row, Table, Texts, first_row};

/// The longest field in bytes; a longer one is assumed to result from a stray quote.
pub const LONGEST_FIELD: usize = 1 << 20;

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// The line, from 1, where the record begins.
    pub line: u64,
    /// The column, from 0, if a single field is wrong.
    pub column: Option<usize>,
    /// The problem.
    pub problem: Problem,
    /// The beginning of the field.
    pub text: String,
    /// All columns whose fields in this record are not numbers.
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
    /// The number of fields of the record, and of the first record.
    RowLength(usize, usize),
    /// The field is not a number.
    NotANumber,
    /// A finite number beyond float64.
    BeyondFloat,
    /// A decimal exponent beyond `number::LARGEST_EXPONENT`.
    BeyondDecimal,
    /// NaN or infinity where decimals are summed.
    NotFinite,
    /// A missing value, where none are allowed.
    Null,
}

impl Error {
    fn at(line: u64, problem: Problem) -> Error {
        Error { line, column: None, problem, text: String::new(), columns: Vec::new() }
    }

    /// The message, to be written after the position.
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
            Problem::NotFinite => format!(": {text} is not a decimal number"),
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
