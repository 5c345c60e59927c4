//! Weighted means, for `mypackage.average`.

use std::sync::OnceLock;

use pyo3::exceptions::{PyTypeError, PyZeroDivisionError};
use pyo3::prelude::*;

use super::calls::check_memory;
use super::ndarray::{Array, Number};
use super::results::{Operation, Target, Writer};
use super::vecdot::Pairs;
use mypackage::sum::{Accumulator, Each, Vectors, View};

const AVERAGE: Operation =
    Operation { advice: "a floating-point dtype", ..Operation::mean("average") };

/// The exact weighted means along the last axis, rounded once to the dtype of number `dtype_num`.
#[pyfunction]
pub(super) fn weighted_mean<'py>(
    a: &Bound<'py, PyAny>,
    weights: &Bound<'py, PyAny>,
    dtype_num: i32,
) -> PyResult<Bound<'py, PyAny>> {
    let py = a.py();
    let operand = |x| {
        Array::of_numbers(x)
            .ok_or_else(|| PyTypeError::new_err("weighted_mean needs arrays of numbers"))
    };
    let (values, factors) = (operand(a)?, operand(weights)?);
    let target = Number::from_type_number(dtype_num)
        .ok_or_else(|| PyTypeError::new_err(format!("average: no kernel for dtype {dtype_num}")))?;
    let products = Pairs::of(AVERAGE.name, factors, values, None)?;
    let divisors = divisors(py, &products)?;
    let zero = |sum: &OnceLock<Accumulator>| sum.get().is_some_and(Accumulator::is_zero);
    if products.shape.iter().all(|&size| size > 0) && divisors.iter().any(zero) {
        return Err(PyZeroDivisionError::new_err(
            "average: weights sum to zero along the axis; there is no average",
        ));
    }
    let parts = products.parts();
    let target = Target::Number(target);
    let writer = Writer::new(py, AVERAGE, target, None, &products.shape, products.results())?;
    let put = |index: usize, sum: &Accumulator| {
        let divisor = &divisors[if divisors.len() == 1 { 0 } else { index / parts }];
        if let Some(divisor) = divisor.get() {
            writer.put_quotient(index, sum, divisor);
        }
    };
    products.compute(py, &Each(put))?;
    writer.finish(py)
}

/// The sums of the weights; only one if it is the same for all means.
fn divisors(py: Python<'_>, products: &Pairs<'_>) -> PyResult<Vec<OnceLock<Accumulator>>> {
    let weights = &products.left.view;
    let outer = products.shape.len();
    let shared = weights.axes()[..outer].iter().all(|axis| axis.stride == 0 && axis.size > 0);
    let shape = if shared { Vec::new() } else { products.shape.clone() };
    let view = if shared {
        (0..outer).fold(weights.clone(), |view, _| view.selected(0, 0))
    } else {
        weights.clone()
    };
    let lengths: Vec<usize> = view.axes().iter().map(|axis| axis.size).collect();
    check_memory(shape.iter().product(), size_of::<OnceLock<Accumulator>>(), "sums of weights")?;
    let sums: Vec<_> = (0..shape.iter().product()).map(|_| OnceLock::new()).collect();
    let sums_of_weights = Pairs {
        left: Vectors { view, complex: false },
        right: Vectors { view: View::repeated(&1.0, &lengths), complex: false },
        shape,
    };
    let put = |index: usize, sum: &Accumulator| {
        let _ = sums[index].set(sum.clone());
    };
    sums_of_weights.compute(py, &Each(put))?;
    Ok(sums)
}
