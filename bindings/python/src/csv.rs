//! Delimited text: takes pieces of bytes, returns columns as arrays.

use std::sync::{Mutex, PoisonError};

use dashu_int::IBig;
use mypackage_csv::{self as csv, Column, Data, Dialect, Format, Kind, Missing, Position, Table};
use numpy::PyArray1;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use super::integer::from_big;
use mypackage::environment;

pyo3::create_exception!(
    mypackage._native,
    CsvError,
    PyValueError,
    "What is wrong with a text: the line, the column or None, the name of the problem, the message \
     to be written behind the place, and the columns whose fields there are no numbers."
);

fn raised(error: csv::Error) -> PyErr {
    let name = match error.problem {
        csv::Problem::NotUtf8(_) | csv::Problem::CutCharacter => "encoding",
        csv::Problem::Nul => "nul",
        csv::Problem::NotANumber => "text",
        csv::Problem::Null => "null",
        _ => "other",
    };
    CsvError::new_err((error.line, error.column, name, error.message(), error.columns))
}

/// An error where parsing a number could raise a signal.
fn check_environment() -> PyResult<()> {
    if environment::has_traps() {
        Err(PyRuntimeError::new_err(environment::HAS_TRAPS))
    } else {
        Ok(())
    }
}

/// A position between records: the bytes and lines before it, and whether they end in a carriage
/// return.
type Place = (u64, u64, bool);

fn position((offset, line, after_return): Place) -> Position {
    Position { offset, line, after_return }
}

fn place(position: Position) -> Place {
    (position.offset, position.line, position.after_return)
}

/// The delimiter and other conventions of a text.
#[pyclass(frozen, module = "mypackage._native")]
pub(super) struct CsvStyle {
    dialect: Dialect,
    format: Format,
}

#[pymethods]
impl CsvStyle {
    #[new]
    fn new(
        delimiter: char,
        decimal: char,
        thousands: Option<char>,
        comment: Option<char>,
        skip_initial_space: bool,
        nulls: Vec<String>,
        decimals: bool,
    ) -> PyResult<CsvStyle> {
        let byte = |character: char| {
            u8::try_from(character).ok().filter(u8::is_ascii).ok_or_else(|| {
                PyValueError::new_err(format!("{character:?} is not an ASCII character"))
            })
        };
        let dialect = Dialect {
            delimiter: byte(delimiter)?,
            comment: comment.map(byte).transpose()?,
            skip_initial_space,
        };
        let format = Format {
            decimal: byte(decimal)?,
            thousands: thousands.map(byte).transpose()?,
            nulls: nulls.into_iter().map(String::into_bytes).collect(),
            decimals,
        };
        Ok(CsvStyle { dialect, format })
    }

    /// The first record of a text that begins at `start`: its fields, each with whether it is a
    /// number (None if it is missing), and the position after it. None if the record is incomplete,
    /// which it can only be unless `all` says that the text is complete.
    #[expect(clippy::type_complexity, reason = "it is what Python gets")]
    fn first_row(
        &self,
        text: &[u8],
        start: Place,
        all: bool,
    ) -> PyResult<Option<(Vec<(String, Option<bool>)>, Place)>> {
        check_environment()?;
        let row = csv::first_row(text, all, self.dialect, &self.format, position(start));
        Ok(row.map_err(raised)?.map(|(fields, end)| (fields, place(end))))
    }
}

/// Reads columns; those that are not wanted have the kind 0, numbers 1, texts 2. Numbers and texts may
/// be `missing` or not.
#[pyclass(frozen, module = "mypackage._native")]
pub(super) struct CsvTable {
    table: Mutex<Table>,
}

/// The arrays of a column: values or indices into texts; exponents of ten of decimals; the texts;
/// rows and numbers of what no array holds; rows of no value.
type Arrays<'py> = (
    Bound<'py, PyAny>,
    Option<Bound<'py, PyAny>>,
    Option<Vec<String>>,
    Vec<(usize, Bound<'py, PyAny>)>,
    Bound<'py, PyAny>,
);

#[pymethods]
impl CsvTable {
    #[new]
    fn new(style: &CsvStyle, kinds: Vec<u8>, missing: (bool, bool), start: Place) -> CsvTable {
        let kinds: Vec<Kind> = kinds
            .into_iter()
            .map(|kind| match kind {
                0 => Kind::Skipped,
                1 => Kind::Number,
                _ => Kind::Text,
            })
            .collect();
        let CsvStyle { dialect, format } = style;
        let missing = Missing { numbers: missing.0, texts: missing.1 };
        let table = Table::new(*dialect, format.clone(), &kinds, missing, position(start));
        CsvTable { table: Mutex::new(table) }
    }

    /// Reads the next bytes.
    fn feed(&self, py: Python<'_>, piece: &[u8]) -> PyResult<()> {
        check_environment()?;
        py.detach(|| self.lock().feed(piece)).map_err(raised)
    }

    /// Ends the text.
    fn finish(&self) -> PyResult<()> {
        check_environment()?;
        self.lock().finish().map_err(raised)
    }

    /// The position after the rows that have been read.
    #[getter]
    fn position(&self) -> Place {
        place(self.lock().position())
    }

    /// The rows that have been read and not been taken; None for a column that is not wanted.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Vec<Option<Arrays<'py>>>> {
        let columns = self.lock().take();
        columns.into_iter().map(|column| arrays(py, column)).collect()
    }
}

impl CsvTable {
    fn lock(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn arrays<'py>(py: Python<'py>, column: Column) -> PyResult<Option<Arrays<'py>>> {
    let (mut exponents, mut texts) = (None, None);
    let values = match column.data {
        Data::Skipped => return Ok(None),
        Data::Integers(values) => PyArray1::from_vec(py, values).into_any(),
        Data::Floats(values) => PyArray1::from_vec(py, values).into_any(),
        Data::Decimals(values, all) => {
            exponents = Some(PyArray1::from_vec(py, all).into_any());
            PyArray1::from_vec(py, values).into_any()
        }
        Data::Texts(indices, all) => {
            texts = Some(all.all.into_iter().map(String::from).collect());
            PyArray1::from_vec(py, indices).into_any()
        }
    };
    let wide = column.wide.into_iter().map(|(row, value)| Ok((row, int(py, value)?)));
    let wide = wide.collect::<PyResult<_>>()?;
    let nulls = column.nulls.into_iter().map(|row| row as i64).collect();
    let nulls = PyArray1::<i64>::from_vec(py, nulls).into_any();
    Ok(Some((values, exponents, texts, wide, nulls)))
}

fn int<'py>(py: Python<'py>, value: IBig) -> PyResult<Bound<'py, PyAny>> {
    let (sign, magnitude) = value.into_parts();
    from_big(py, &magnitude, sign == dashu_int::Sign::Negative)
}
