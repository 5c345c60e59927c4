//! Functions of arrays of `ExactSum`, for the Python modules.

use std::borrow::Cow;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::accumulator::{ExactSum, sums_of};
use super::arguments::{Given, written};
use super::results::Operation;
use super::sum_state::{Numbers, gathered, made_alike};
use mypackage::sum::{Accumulator, Cells};

/// The exact sums over some axes, all by default, as an `ExactSum` with the shape of the other
/// axes; for `mypackage.dask`.
#[pyfunction]
pub(super) fn sum_states<'py>(
    values: &Bound<'py, PyAny>,
    axis: Option<Bound<'py, PyAny>>,
    r#where: Given<'py>,
    skip_nan: bool,
) -> PyResult<ExactSum> {
    sums_of(values, axis.as_ref(), &r#where, None, skip_nan).map(ExactSum::from_state)
}

/// Sums given as integers times powers of two, with their counts: for each the integer and the
/// exponent, which must be in range. Complex sums have both parts side by side. `integers`: whether
/// only integers were added.
#[pyfunction]
pub(super) fn integer_states(
    scaled: Vec<(Bound<'_, PyAny>, i32)>,
    counts: Vec<i64>,
    shape: Vec<usize>,
    integers: bool,
) -> PyResult<ExactSum> {
    let mut cells = Vec::with_capacity(scaled.len());
    for (integer, exponent) in &scaled {
        let negative = integer.lt(0)?;
        let magnitude = integer.abs()?;
        let size = magnitude.call_method0("bit_length")?.extract::<usize>()?.div_ceil(8);
        let bytes = magnitude.call_method1("to_bytes", (size, "little"))?;
        let mut sum = Accumulator::new();
        for (index, chunk) in bytes.cast::<PyBytes>()?.as_bytes().chunks(8).enumerate() {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let part = i128::from(u64::from_le_bytes(word));
            sum.add_scaled(if negative { -part } else { part }, exponent + 64 * index as i32);
        }
        cells.push(sum);
    }
    let parts = if counts.is_empty() { 1 } else { cells.len() / counts.len() };
    let mut cells: Cells = cells.into();
    cells.set_counts(|index| counts[index / parts]);
    let numbers = match parts {
        2 => Numbers::Complex,
        _ if integers => Numbers::Integers,
        _ => Numbers::Reals,
    };
    Ok(ExactSum::of(shape, numbers, cells))
}

/// A list of the single sums, in C order.
#[pyfunction]
pub(super) fn split_states(states: &Bound<'_, ExactSum>) -> Vec<ExactSum> {
    let state = states.get().snapshot();
    let parts = state.parts();
    let cell = |index| state.cells.get(index).into_owned();
    (0..state.size())
        .map(|index| (index * parts..(index + 1) * parts).map(cell).collect::<Vec<_>>())
        .map(|cells| ExactSum::of(Vec::new(), state.numbers, cells.into()))
        .collect()
}

/// The inverse of `split_states`.
#[pyfunction]
pub(super) fn join_states(
    singles: Vec<Bound<'_, ExactSum>>,
    shape: Vec<usize>,
) -> PyResult<ExactSum> {
    let mut states = singles
        .iter()
        .map(|single| single.get().checked_snapshot(&[]))
        .collect::<PyResult<Vec<_>>>()?;
    if states.len() != shape.iter().product::<usize>() {
        return Err(PyValueError::new_err(format!(
            "ExactSum: {} sums have no shape {}",
            states.len(),
            written(&shape)
        )));
    }
    let numbers = made_alike(&mut states);
    let count = states.iter().map(|state| state.cells.len()).sum();
    let sums = states.iter().flat_map(|state| state.cells.iter().map(Cow::into_owned));
    Ok(ExactSum::of(shape, numbers, gathered(count, sums)?))
}

/// The same sums, in C order, with another shape.
#[pyfunction]
pub(super) fn reshape_states(
    states: &Bound<'_, ExactSum>,
    shape: Vec<usize>,
) -> PyResult<ExactSum> {
    let state = states.get().snapshot();
    if state.size() != shape.iter().product::<usize>() {
        return Err(PyValueError::new_err(format!(
            "ExactSum: sums of shape {} have no shape {}",
            written(&state.shape),
            written(&shape)
        )));
    }
    Ok(ExactSum::of(shape, state.numbers, state.cells.clone()))
}

/// The sums or the means, each rounded once; warnings name the function.
#[pyfunction]
pub(super) fn round_states<'py>(
    states: &Bound<'py, ExactSum>,
    name: &str,
    dtype: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let operation = Operation::called(name)
        .ok_or_else(|| PyValueError::new_err(format!("round_states: no function {name:?}")))?;
    states.get().rounded(states.py(), operation, Some(dtype))
}
