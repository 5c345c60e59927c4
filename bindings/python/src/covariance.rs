//! Matrices of covariances and correlations: what `mypackage.cov` and `corrcoef` are built on.

#![allow(unsafe_code)] // Hands the arrays' memory to the kernels.

use mypackage::interrupt::GRAIN;
use mypackage::moments::{CovarianceRequest, Covariances, Variable, covariance};
use mypackage::sum::{Dtype, Format};
use pyo3::exceptions::{PyMemoryError, PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::calls::watched_from;
use super::ndarray::{self, Array, Number};

/// The covariances or correlations of the rows of several arrays, rounded to the dtype of number
/// `dtype_num`; whether one overflowed, whether a row is constant, and whether the weights leave no
/// degree of freedom.
#[pyfunction]
pub(super) fn covariances<'py>(
    py: Python<'py>,
    arrays: Vec<Bound<'py, PyAny>>,
    dtype_num: i32,
    ddof: i64,
    correlation: bool,
    fweights: Option<Bound<'py, PyAny>>,
    aweights: Option<Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyAny>, bool, bool, bool)> {
    let refused = || PyTypeError::new_err("covariances needs arrays of numbers");
    let mut variables = Vec::new();
    let mut count = None;
    for array in &arrays {
        let (view, number) = Array::of_numbers(array).ok_or_else(refused)?;
        let (&[rows, length], &[apart, stride]) = (view.shape(), view.strides()) else {
            return Err(PyValueError::new_err("covariances needs arrays of two axes"));
        };
        if *count.get_or_insert(length) != length {
            return Err(PyValueError::new_err("covariances needs rows of one length"));
        }
        variables.extend((0..rows as isize).map(|row| variable(view, number, stride, row * apart)));
    }
    let count = count.unwrap_or(0);
    let weights = |weights: &Option<Bound<'py, PyAny>>| -> PyResult<Option<Variable>> {
        let Some(weights) = weights else { return Ok(None) };
        let (view, number) = Array::of_numbers(weights).ok_or_else(refused)?;
        match (view.shape(), view.strides()) {
            (&[length], &[stride]) if length == count && !number.complex => {
                Ok(Some(variable(view, number, stride, 0)))
            }
            _ => Err(PyValueError::new_err("covariances needs a real weight for each column")),
        }
    };
    let (frequencies, importances) = (weights(&fweights)?, weights(&aweights)?);
    let target = Number::from_type_number(dtype_num).ok_or_else(refused)?;
    let format = match target.part {
        Dtype::F64 => Format::F64,
        Dtype::F32 => Format::F32,
        Dtype::F16 => Format::F16,
        _ => return Err(refused()),
    };
    let complex = variables.iter().any(|variable| variable.complex);
    if complex != target.complex {
        return Err(PyTypeError::new_err("covariances: a dtype of the other kind of numbers"));
    }
    let size = variables.len();
    // The sums of products, the entries, and what they are copied to.
    let entries = size.checked_mul(size);
    if entries.is_none_or(|entries| Vec::<[u64; 6]>::new().try_reserve_exact(entries).is_err()) {
        return Err(PyMemoryError::new_err(format!(
            "there is no memory for a matrix of {size} x {size} covariances"
        )));
    }
    let request =
        CovarianceRequest { variables, count, frequencies, importances, ddof, correlation, format };
    let work = size.saturating_mul(size).saturating_mul(count);
    // SAFETY: the arrays are held until this returns.
    let matrix = watched_from(GRAIN, py, work, || unsafe { covariance(&request) })?;
    let Covariances { bits, overflow, constant, degenerate } = matrix;
    let result = ndarray::empty(py, &[size, size], target)?;
    let bytes = target.part.size();
    let data = Array { object: &result }.data();
    for (index, bits) in bits.into_iter().enumerate() {
        let first = if cfg!(target_endian = "little") { bits } else { bits << (64 - 8 * bytes) };
        // SAFETY: the array is new, C-contiguous, and has as many parts as there are bits.
        unsafe {
            data.add(index * bytes).copy_from_nonoverlapping(first.to_ne_bytes().as_ptr(), bytes);
        }
    }
    Ok((result, overflow, constant, degenerate))
}

fn variable(view: Array<'_, '_>, number: Number, stride: isize, offset: isize) -> Variable {
    Variable {
        dtype: number.part,
        complex: number.complex,
        swapped: view.swapped(),
        data: view.data().wrapping_offset(offset),
        stride,
    }
}
