//! `cumsum` with NumPy's signature.

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::arguments::{as_dtype, check_out, delivered, normalise_axis, out_array};
use super::calls::{check_memory, watched_from};
use super::group::labels_of;
use super::lists::array_of;
use super::modules::{dispatch, errors};
use super::ndarray::{Array, NewArray, Number, numpy};
use super::results::integer_range;
use mypackage::interrupt::SLOW_GRAIN;
use mypackage::sum::{Accumulator, Axis, ScanStatus, cumsum_axis, cumsum_groups, nancumsum_axis};

const NAME: &str = "cumsum";

/// Exact cumulative sum of the elements along an axis, every prefix rounded once.
///
/// Parameters
/// ----------
/// a : array_like
///     Elements of any dtype that `sum` takes.
/// axis : int, optional
///     The axis along which the elements are added; by default the array is flattened
///     first.
/// dtype : dtype, optional
///     What the exact prefixes are rounded to; by default the dtype of `a`, or int64 or uint64 for
///     smaller integers.
/// out : ndarray, optional
///     Where to put the result; its shape must be the result's. It gives the default for `dtype`.
///
/// Returns
/// -------
/// ndarray
///     The prefixes, in the shape of `a`; one axis if `axis` is None. The last prefix is the sum:
///     ``cumsum(a)[-1] == sum(a)``.
///
/// Raises
/// ------
/// OverflowError
///     If an integer prefix does not fit the result's dtype.
/// TypeError
///     If `a` or `dtype` is of a type that has no exact sum here.
///
/// Warns
/// -----
/// RuntimeWarning
///     If a finite prefix overflows, or infinities of both signs meet; as `numpy.errstate` says.
///
/// See Also
/// --------
/// sum, nancumsum, cumulative_sum, group_cumsum, numpy.cumsum
///
/// References
/// ----------
/// * Rump, Ogita and Oishi, "Accurate floating-point summation", 2008.
/// * Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using
///   rounding to odd", 2008.
///
/// Examples
/// --------
/// >>> import numpy as np, mypackage
/// >>> mypackage.cumsum(np.array([1e16, 1.0, 1.0, -1e16]))
/// array([1.e+16, 1.e+16, 1.e+16, 2.e+00])
/// >>> mypackage.cumsum([[1, 2], [3, 4]], axis=0)
/// array([[1, 2],
///        [4, 6]])
#[pyfunction]
#[pyo3(signature = (a, axis=None, dtype=None, out=None))]
pub(super) fn cumsum<'py>(
    a: &Bound<'py, PyAny>,
    axis: Option<Bound<'py, PyAny>>,
    dtype: Option<Bound<'py, PyAny>>,
    out: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    match Array::of_numbers(a) {
        Some((array, number)) => cumsum_array(array, number, axis, dtype, out, false),
        None => hand_over(a, axis, dtype, out),
    }
}

/// Kept small, since Python code may call this recursively (through an `__array__`).
#[inline(never)]
fn hand_over<'py>(
    a: &Bound<'py, PyAny>,
    axis: Option<Bound<'py, PyAny>>,
    dtype: Option<Bound<'py, PyAny>>,
    out: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    match array_of(a)? {
        Some(array) => cumsum(&array, axis, dtype, out),
        None => dispatch(a.py())?.call_method1("cumsum", (a, axis, dtype, out)),
    }
}

#[inline(never)]
fn cumsum_array<'py>(
    array: Array<'_, 'py>,
    number: Number,
    axis: Option<Bound<'py, PyAny>>,
    dtype: Option<Bound<'py, PyAny>>,
    out: Option<Bound<'py, PyAny>>,
    skip_nan: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let (a, py) = (array.object, array.object.py());
    let Some(target) = target(number, dtype.as_ref(), out.as_ref())? else {
        // Python ints cannot overflow.
        let numpy = numpy(py)?;
        return numpy.call_method1(NAME, (a.call_method1("astype", ("O",))?, axis, "O", out));
    };
    let axis = match &axis {
        None => None,
        Some(axis) => Some(normalise_axis(array.shape().len(), axis)?.unwrap_or(0)),
    };
    delivered(NAME, scan(py, array, number, target, axis, out.as_ref(), skip_nan)?, out.as_ref())
}

/// Cumulative sums with 0 in place of NaNs: what `mypackage.nancumsum` makes of plain arrays of real
/// numbers.
#[pyfunction]
#[pyo3(signature = (a, axis, dtype, out))]
pub(super) fn nan_scan<'py>(
    a: &Bound<'py, PyAny>,
    axis: Option<Bound<'py, PyAny>>,
    dtype: Option<Bound<'py, PyAny>>,
    out: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    match Array::of_numbers(a).filter(|(_, number)| !number.complex) {
        Some((array, number)) => cumsum_array(array, number, axis, dtype, out, true),
        None => Err(PyTypeError::new_err(format!("{NAME}: not an array of real numbers"))),
    }
}

/// Cumulative sums by label along an axis: what `mypackage.group_cumsum` makes of plain arrays.
#[pyfunction]
#[pyo3(signature = (labels, array, axis, dtype))]
pub(super) fn group_scan<'py>(
    labels: &Bound<'py, PyAny>,
    array: &Bound<'py, PyAny>,
    axis: Bound<'py, PyAny>,
    dtype: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    const NAME: &str = "group_cumsum";
    let py = array.py();
    let Some((array, number)) = Array::of_numbers(array) else {
        return Err(PyTypeError::new_err(format!("{NAME}: not an array of numbers")));
    };
    let Some(target) = target(number, dtype.as_ref(), None)? else {
        return Err(PyTypeError::new_err(format!("{NAME}: prefixes are not given as objects")));
    };
    let axis = normalise_axis(array.shape().len(), &axis)?.unwrap_or(0);
    let labels = labels_of(labels)?;
    let count = array.shape()[axis];
    if labels.len() != count {
        return Err(PyValueError::new_err(format!(
            "{NAME}: group_idx has {} labels, but axis {axis} of array has length {count}",
            labels.len(),
        )));
    }
    let mut result = NewArray::empty(py, array.shape(), target)?;
    // The labels in order, the place of each, and a sum for each if all are different.
    check_memory(labels.len(), 3 * 16 + size_of::<Accumulator>(), "labels")?;
    if target.complex && !number.complex {
        result.clear();
    }
    let view = array.view(number, true);
    let mut out = result.axes();
    if number.complex {
        out.push(Axis { size: 2, stride: target.part.size() as isize });
    }
    let (prefixes, range) = (result.parts(0, out), integer_range(target.part));
    let status = watched_from(SLOW_GRAIN, py, view.size(), || {
        cumsum_groups(&view, prefixes, axis, labels, &range)
    })?;
    report(py, NAME, status, target)?;
    Ok(result.into_object())
}

/// What the prefixes are rounded to; `None` for Python ints.
fn target(
    number: Number,
    dtype: Option<&Bound<'_, PyAny>>,
    out: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<Number>> {
    let dtype = match (dtype, out) {
        (Some(dtype), _) => as_dtype(dtype)?,
        (None, Some(out)) => out_array(NAME, out)?.object.getattr("dtype")?,
        (None, None) => return Ok(Some(number.of_sum())),
    };
    let integers = !number.part.is_floating();
    if integers && dtype.getattr("char")?.extract::<char>()? == 'O' {
        return Ok(None);
    }
    let target = Number::from_type_number(dtype.getattr("num")?.extract()?);
    match target.filter(|target| {
        (integers || target.part.is_floating()) && (target.complex || !number.complex)
    }) {
        Some(target) => Ok(Some(target)),
        None => Err(PyTypeError::new_err(format!(
            "{NAME}: the exact prefixes of {} elements cannot be given as dtype={dtype}; choose a \
             dtype of the same kind, a floating-point one, or object for prefixes of integers",
            number.name()
        ))),
    }
}

fn scan<'py>(
    py: Python<'py>,
    array: Array<'_, 'py>,
    number: Number,
    target: Number,
    axis: Option<usize>,
    out: Option<&Bound<'py, PyAny>>,
    skip_nan: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let size: usize = array.shape().iter().product();
    // A 0-dimensional array is a line of one element.
    let shape = match axis {
        Some(_) if !array.shape().is_empty() => array.shape().to_vec(),
        _ => vec![size],
    };
    if let Some(out) = out {
        check_out(NAME, out, &shape)?;
    }
    let mut result = NewArray::empty(py, &shape, target)?;
    if target.complex && !number.complex {
        // Imaginary parts, which nothing writes, are 0.
        result.clear();
    }
    let view = array.view(number, true);
    // Without an axis, all elements in row-major order are one line, if memory holds that; and if
    // not, so many joined lines.
    let flat =
        axis.is_none() && array.contiguous_size(number).is_some() || array.shape().is_empty();
    let (view, axis, joined) = match axis {
        _ if flat => (array.flat(number), 0, false),
        Some(axis) => (view, axis, false),
        None => (view, array.shape().len() - 1, true),
    };
    // The axes of the result, in the shape of the array.
    let mut to = (size * target.size()) as isize;
    let mut out: Vec<Axis> = (view.axes().iter())
        .take(view.axes().len() - usize::from(number.complex))
        .map(|axis| {
            to = to.checked_div(axis.size as isize).unwrap_or(0);
            Axis { size: axis.size, stride: to }
        })
        .collect();
    let mut status = ScanStatus::default();
    if !joined && number.complex {
        out.push(Axis { size: 2, stride: target.part.size() as isize });
    }
    let parts = if joined && number.complex { 2 } else { 1 };
    for part in 0..parts {
        let view =
            if parts == 2 { view.selected(view.axes().len() - 1, part) } else { view.clone() };
        let prefixes = result.parts(part, out.clone());
        let range = integer_range(target.part);
        let done = watched_from(SLOW_GRAIN, py, size, || match skip_nan {
            true => nancumsum_axis(&view, prefixes, axis, joined, &range),
            false => cumsum_axis(&view, prefixes, axis, joined, &range),
        })?;
        status.invalid |= done.invalid;
        status.overflow |= done.overflow;
        status.misfit = status.misfit.or(done.misfit);
    }
    report(py, NAME, status, target)?;
    Ok(result.into_object())
}

fn report(py: Python<'_>, name: &str, status: ScanStatus, target: Number) -> PyResult<()> {
    if let Some(misfit) = status.misfit {
        return Err(PyOverflowError::new_err(format!(
            "{name}: the exact prefix {} (at index {} along the axis) does not fit {}; use \
             dtype=object for Python ints",
            misfit.value,
            misfit.index,
            target.name()
        )));
    }
    for (happened, report) in
        [(status.invalid, "report_invalid"), (status.overflow, "report_overflow")]
    {
        if happened {
            errors(py)?.call_method1(report, (name,))?;
        }
    }
    Ok(())
}
