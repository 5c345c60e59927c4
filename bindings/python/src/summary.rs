//! `summarize`: what the usual orders of summation lose.

use std::convert::Infallible;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::calls::{check_memory, watched};
use super::ndarray::{Array, Number};
use mypackage::sum::{Summary, summarize};

/// The fields of a summary, in the order of `mypackage._core.summary.Summary`.
type Fields = (
    (usize, usize, f64, f64, Option<f64>, Option<f64>, Option<f64>),
    (f64, Option<u64>, f64, Option<u64>),
);

/// Bytes of a row's tuples and numbers, as Python has them.
const OBJECTS: usize = 640;

/// The summary of each row of a matrix of float64 numbers in C order.
#[pyfunction]
#[pyo3(signature = (rows, /))]
pub(super) fn summarize_rows(rows: &Bound<'_, PyAny>) -> PyResult<Vec<Fields>> {
    let array = Array::of_numbers(rows).filter(|(_, number)| *number == Number::F64);
    let values = array.and_then(|(array, number)| {
        let &[count, length] = array.shape() else { return None };
        Some((count, length, array.view(number, false).as_slice::<f64>()?))
    });
    let Some((count, length, values)) = values else {
        return Err(PyTypeError::new_err("summarize_rows: not a matrix of float64 in C order"));
    };
    check_memory(count, size_of::<Summary>() + size_of::<Fields>() + OBJECTS, "summaries")?;
    let of = |row: usize| -> Summary {
        let mut rest = &values[row * length..(row + 1) * length];
        let read = |into: &mut [f64]| -> Result<(), Infallible> {
            let (now, later) = rest.split_at(into.len());
            into.copy_from_slice(now);
            rest = later;
            Ok(())
        };
        let Ok(summary) = summarize(length, read);
        summary
    };
    let summaries = watched(rows.py(), values.len(), || (0..count).map(of).collect::<Vec<_>>())?;
    let fields = |s: Summary| {
        (
            (s.count, s.nan_count, s.sum, s.mean, s.min, s.max, s.condition_number),
            (s.naive_sum, s.naive_ulps, s.pairwise_sum, s.pairwise_ulps),
        )
    };
    Ok(summaries.into_iter().map(fields).collect())
}
