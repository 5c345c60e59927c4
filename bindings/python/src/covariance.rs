//! Matrices of covariances and correlations, for `mypackage.cov` and `corrcoef`.

use mypackage::interrupt::GRAIN;
use mypackage::moments::{CovarianceRequest, Covariances, Variable, covariance};
use mypackage::sum::{Dtype, Format};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::calls::{check_memory, watched_from};
use super::ndarray::{Array, NewArray, Number};

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
        let &[rows, length] = view.shape() else {
            return Err(PyValueError::new_err("covariances needs arrays of two axes"));
        };
        if *count.get_or_insert(length) != length {
            return Err(PyValueError::new_err("covariances needs rows of one length"));
        }
        // Memory for the sums of products, the entries, and the result.
        let size = variables.len() + rows;
        check_memory(size.saturating_mul(size), size_of::<[u64; 6]>(), "covariances")?;
        let view = view.view(number, true);
        let complex = number.complex;
        variables.extend((0..rows).map(|row| Variable { view: view.selected(0, row), complex }));
    }
    let count = count.unwrap_or(0);
    let frequencies = fweights.as_ref().map(|weights| weight(weights, count)).transpose()?;
    let importances = aweights.as_ref().map(|weights| weight(weights, count)).transpose()?;
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
    let request =
        CovarianceRequest { variables, count, frequencies, importances, ddof, correlation, format };
    let work = size.saturating_mul(size).saturating_mul(count);
    let matrix = watched_from(GRAIN, py, work, || covariance(&request))?;
    let Covariances { bits, overflow, constant, degenerate } = matrix;
    let mut result = NewArray::empty(py, &[size, size], target)?;
    result.fill(bits);
    Ok((result.into_object(), overflow, constant, degenerate))
}

/// The weights of all observations.
fn weight<'a>(weights: &'a Bound<'_, PyAny>, count: usize) -> PyResult<Variable<'a>> {
    match Array::of_numbers(weights) {
        Some((array, number)) if array.shape() == [count] && !number.complex => {
            Ok(Variable { view: array.view(number, false), complex: false })
        }
        Some(_) => Err(PyValueError::new_err("covariances needs a real weight for each column")),
        None => Err(PyTypeError::new_err("covariances needs arrays of numbers")),
    }
}
