//! Moving windows: `move_sum` and its kin with bottleneck's signature, and windows by indices.

use pyo3::exceptions::{PyIndexError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt};

use super::arguments::normalise_axis;
use super::calls::{check_memory, watched_from};
use super::ndarray::{Array, NewArray, Number, numpy};
use mypackage::interrupt::GRAIN;
use mypackage::sum::{Dtype, View};
use mypackage::windows::{Bounds, Statistic, WindowRequest, Windows, move_windows, segment_sums};

/// The arguments that define the windows; `None` for those not given.
struct Arguments<'py> {
    window: Option<Bound<'py, PyAny>>,
    min_count: Option<Bound<'py, PyAny>>,
    axis: AxisArgument<'py>,
    ddof: Option<Bound<'py, PyAny>>,
    start: Option<Bound<'py, PyAny>>,
    end: Option<Bound<'py, PyAny>>,
}

impl Arguments<'_> {
    /// Whether none can have a mask or a unit, which only Python code would see.
    fn are_plain(&self) -> bool {
        let is_int = |given: &Bound<'_, PyAny>| given.is_exact_instance_of::<PyInt>();
        let numbers = [&self.window, &self.min_count, &self.ddof];
        let arrays = [&self.start, &self.end];
        numbers.into_iter().flatten().all(is_int)
            && arrays.into_iter().flatten().all(|given| Array::exact(given).is_some())
    }
}

/// `axis=`, by default the last axis.
pub(super) struct AxisArgument<'py>(Option<Bound<'py, PyAny>>);

impl<'a, 'py> FromPyObject<'a, 'py> for AxisArgument<'py> {
    type Error = PyErr;
    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<AxisArgument<'py>> {
        Ok(AxisArgument(Some(object.to_owned())))
    }
}

fn statistic_of(name: &str) -> PyResult<Statistic> {
    Ok(match name {
        "move_sum" | "segment_sum" => Statistic::Sum,
        "move_mean" | "segment_mean" => Statistic::Mean,
        "move_var" => Statistic::Var,
        "move_std" => Statistic::Std,
        _ => return Err(PyValueError::new_err(format!("there is no {name}"))),
    })
}

/// An integer, but not a float, bool or string.
fn integer(name: &str, what: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    if value.is_exact_instance_of::<PyInt>()
        && let Ok(value) = value.extract()
    {
        return Ok(value);
    }
    let numpy_bool = numpy(value.py())?.getattr("bool_")?;
    let refused = || {
        let text = value.repr().map_or_else(|_| "this".to_owned(), |text| text.to_string());
        PyTypeError::new_err(format!("{name}: {what} must be an integer, not {text}"))
    };
    if value.is_instance_of::<PyBool>() || value.is_instance(&numpy_bool)? {
        return Err(refused());
    }
    let index = value.call_method0("__index__").map_err(|_| refused())?;
    index.extract().map_err(|_| {
        PyValueError::new_err(format!("{name}: {what} is {index}, beyond 64-bit integers"))
    })
}

/// The axis of the lines.
fn axis_of(name: &str, ndim: usize, axis: &AxisArgument<'_>) -> PyResult<usize> {
    if ndim == 0 {
        return Err(PyValueError::new_err(format!(
            "{name}: a 0-dimensional array has no axis to move along"
        )));
    }
    match &axis.0 {
        None => Ok(ndim - 1),
        Some(axis) if axis.is_none() => {
            Err(PyTypeError::new_err(format!("{name}: axis must be an integer, not None")))
        }
        Some(axis) => Ok(normalise_axis(ndim, axis)?.unwrap_or(0)),
    }
}

/// An array of the beginnings or ends of windows.
fn indices<'py>(name: &str, what: &str, values: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let numpy = numpy(values.py())?;
    let array = numpy.call_method1("asarray", (values,))?;
    let kind: char = array.getattr("dtype")?.getattr("kind")?.extract()?;
    let size: usize = array.getattr("size")?.extract()?;
    if !matches!(kind, 'i' | 'u') && size > 0 {
        return Err(PyTypeError::new_err(format!(
            "{name}: {what} must be an array of integers, not of {}",
            array.getattr("dtype")?
        )));
    }
    let ndim: usize = array.getattr("ndim")?.extract()?;
    if ndim != 1 {
        return Err(PyValueError::new_err(format!(
            "{name}: {what} must have one axis, not {ndim}"
        )));
    }
    // (An index beyond int64 wraps to a negative one, which is outside too.)
    numpy.call_method1("ascontiguousarray", (array, "i8"))
}

/// The elements of a contiguous array of int64.
fn words<'a>(array: &'a Bound<'_, PyAny>) -> PyResult<&'a [i64]> {
    let words = view_of(array, Number::I64).and_then(|view| view.as_slice::<i64>());
    words.ok_or_else(|| PyTypeError::new_err("not an array of int64"))
}

/// Windows by indices, checked against the length of the lines.
fn bounds<'a>(name: &str, start: &'a [i64], end: &'a [i64], count: usize) -> PyResult<Bounds<'a>> {
    if start.len() != end.len() {
        return Err(PyValueError::new_err(format!(
            "{name}: start and end differ in length: {} and {}",
            start.len(),
            end.len()
        )));
    }
    let bounds = Bounds::new(start, end);
    match bounds.outside(count) {
        None => Ok(bounds),
        Some((is_end, place, value)) => {
            let what = if is_end { "end" } else { "start" };
            Err(PyIndexError::new_err(format!(
                "{name}: {what}[{place}] is {value}, outside 0 to {count}"
            )))
        }
    }
}

/// The results for an array of numbers.
fn of_numbers<'py>(
    name: &str,
    array: Array<'_, 'py>,
    number: Number,
    arguments: &Arguments<'py>,
    target: Number,
    lowest_is_missing: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let py = array.object.py();
    let statistic = statistic_of(name)?;
    let axis = axis_of(name, array.shape().len(), &arguments.axis)?;
    let count = array.shape()[axis];
    let min_count = match &arguments.min_count {
        Some(value) => Some(integer(name, "min_count", value)?),
        None => None,
    };
    let ddof = match &arguments.ddof {
        Some(value) => integer(name, "ddof", value)?,
        None => 0,
    };
    let found;
    let (windows, least) = match (&arguments.window, &arguments.start, &arguments.end) {
        (Some(window), None, None) => {
            let window = integer(name, "window", window)?;
            if window < 1 || window.unsigned_abs() > count as u64 {
                return Err(PyValueError::new_err(format!(
                    "{name}: window is {window}, but must be from 1 to the length of the axis, \
                     {count}"
                )));
            }
            let least = min_count.unwrap_or(window);
            if !(1..=window).contains(&least) {
                return Err(PyValueError::new_err(format!(
                    "{name}: min_count is {least}, but must be from 1 to window, {window}"
                )));
            }
            (Windows::Fixed(window as usize), least)
        }
        (None, Some(start), Some(end)) => {
            let least = min_count.unwrap_or(1);
            if least < 0 {
                return Err(PyValueError::new_err(format!(
                    "{name}: min_count is {least}, but must not be negative"
                )));
            }
            found = [indices(name, "start", start)?, indices(name, "end", end)?];
            let [start, end] = found.each_ref().map(words);
            (Windows::Bounds(bounds(name, start?, end?, count)?), least)
        }
        (None, None, None) => {
            return Err(PyTypeError::new_err(format!(
                "{name}: needs a window, or start= and end="
            )));
        }
        (Some(_), _, _) => {
            return Err(PyTypeError::new_err(format!(
                "{name}: takes a window or start= and end=, not both"
            )));
        }
        _ => return Err(PyTypeError::new_err(format!("{name}: start= and end= go together"))),
    };
    let least = least as usize;
    let request = WindowRequest { statistic, windows, least, ddof, lowest_is_missing };
    run(py, array, number, target, axis, request)
}

fn run<'py>(
    py: Python<'py>,
    array: Array<'_, 'py>,
    number: Number,
    target: Number,
    axis: usize,
    request: WindowRequest<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut shape = array.shape().to_vec();
    if let Windows::Bounds(bounds) = request.windows {
        shape[axis] = bounds.len();
    }
    let mut result = NewArray::empty(py, &shape, target)?;
    // Memory for prefix sums of a window and of what follows it, or for the results of a line.
    let longest = match request.windows {
        Windows::Fixed(window) => window,
        Windows::Bounds(bounds) => bounds.len(),
    };
    check_memory(longest, 20 * 8, "elements of a window")?;
    let both = array.view(number, true);
    let parts: Vec<_> = if number.complex {
        [0, 1].iter().map(|&part| both.selected(shape.len(), part)).collect()
    } else {
        vec![both]
    };
    // The parts of a sum separately, or both together.
    for part in 0..if target.complex { 2 } else { 1 } {
        let (values, other) = (&parts[part], parts.get(1 - part).filter(|_| number.complex));
        let (cost, axes) = (request.cost(values, axis), result.axes());
        let results = result.parts(part, axes);
        let status =
            watched_from(GRAIN, py, cost, || move_windows(values, other, results, axis, &request))?;
        if status.misfit.is_some() {
            return Err(PyOverflowError::new_err(
                "an exact result does not fit timedelta64; use a coarser unit",
            ));
        }
    }
    Ok(result.into_object())
}

/// The dtype of results: floats keep theirs, integers give float64, variances are real.
fn target_of(statistic: Statistic, number: Number) -> Number {
    let real = matches!(statistic, Statistic::Var | Statistic::Std);
    let mean = number.of_mean();
    Number { complex: mean.complex && !real, ..mean }
}

fn moved<'py>(
    name: &str,
    a: &Bound<'py, PyAny>,
    arguments: Arguments<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    if let Some((array, number)) = Array::of_numbers(a)
        && arguments.are_plain()
    {
        let target = target_of(statistic_of(name)?, number);
        return of_numbers(name, array, number, &arguments, target, false);
    }
    let py = a.py();
    let windows = py.import("mypackage._core.windows")?;
    let Arguments { window, min_count, axis, ddof, start, end } = arguments;
    let axis = axis.0.map_or_else(|| (-1).into_pyobject(py).map(Bound::into_any), Ok)?;
    windows.call_method1("moved", (name, a, window, min_count, axis, ddof, start, end))
}

/// Statistics of windows, for callers inside the package: the dtype is given by its number, and the
/// lowest integer may stand for a missing element.
#[pyfunction]
#[pyo3(signature = (
    name, a, window, min_count, axis, ddof, start, end, dtype, lowest_is_missing=false
))]
#[allow(clippy::too_many_arguments)]
pub(super) fn move_numbers<'py>(
    name: &str,
    a: &Bound<'py, PyAny>,
    window: Option<Bound<'py, PyAny>>,
    min_count: Option<Bound<'py, PyAny>>,
    axis: AxisArgument<'py>,
    ddof: Option<Bound<'py, PyAny>>,
    start: Option<Bound<'py, PyAny>>,
    end: Option<Bound<'py, PyAny>>,
    dtype: Option<i32>,
    lowest_is_missing: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let Some((array, number)) = Array::of_numbers(a) else {
        return Err(PyTypeError::new_err(format!("{name}: not an array of numbers")));
    };
    let statistic = statistic_of(name)?;
    let target = match dtype {
        None => target_of(statistic, number),
        Some(dtype) => Number::from_type_number(dtype)
            .filter(|target| target.part.is_floating() || target.part == Dtype::I64)
            .filter(|target| target.complex == target_of(statistic, number).complex)
            .ok_or_else(|| PyTypeError::new_err(format!("{name}: no results of this dtype")))?,
    };
    let arguments = Arguments { window, min_count, axis, ddof, start, end };
    of_numbers(name, array, number, &arguments, target, lowest_is_missing)
}

/// The elements of an array with a given dtype.
fn view_of<'a>(object: &'a Bound<'_, PyAny>, number: Number) -> Option<View<'a>> {
    let (array, is) = Array::of_numbers(object)?;
    (is == number).then(|| array.view(number, false))
}

/// The sums or the means of segments of a contiguous float64 array; an empty one has the sum 0 and
/// the mean NaN. `None` if the offsets decrease or lie outside the array.
#[pyfunction]
#[pyo3(signature = (values, offsets, mean))]
pub(super) fn segment_slices<'py>(
    values: &Bound<'py, PyAny>,
    offsets: &Bound<'py, PyAny>,
    mean: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let (values_view, offsets_view) = (view_of(values, Number::F64), view_of(offsets, Number::I64));
    let wrong = || PyTypeError::new_err("segment_slices: not contiguous float64 and int64");
    let (values_view, offsets_view) =
        (values_view.ok_or_else(wrong)?, offsets_view.ok_or_else(wrong)?);
    let numbers = values_view.as_slice::<f64>().ok_or_else(wrong)?;
    let places = offsets_view.as_slice::<i64>().ok_or_else(wrong)?;
    check_memory(places.len(), 2 * 8, "results of segments")?;
    let mut sums = vec![0.0f64; places.len().saturating_sub(1)];
    let cut = watched_from(GRAIN, values.py(), numbers.len(), || {
        segment_sums(numbers, places, mean, &mut sums)
    })?;
    if !cut {
        return Ok(values.py().None().into_bound(values.py()));
    }
    let mut result = NewArray::empty(values.py(), &[sums.len()], Number::F64)?;
    result.fill(sums.into_iter().map(f64::to_bits).collect());
    Ok(result.into_object())
}

macro_rules! moving {
    ($(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        #[pyfunction]
        #[pyo3(
            signature = (a, window=None, min_count=None, axis=AxisArgument(None), *, start=None, end=None),
            text_signature = "(a, window=None, min_count=None, axis=-1, *, start=None, end=None)"
        )]
        pub(super) fn $name<'py>(
            a: &Bound<'py, PyAny>,
            window: Option<Bound<'py, PyAny>>,
            min_count: Option<Bound<'py, PyAny>>,
            axis: AxisArgument<'py>,
            start: Option<Bound<'py, PyAny>>,
            end: Option<Bound<'py, PyAny>>,
        ) -> PyResult<Bound<'py, PyAny>> {
            let arguments = Arguments { window, min_count, axis, ddof: None, start, end };
            moved(stringify!($name), a, arguments)
        }
    };
    (ddof, $(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        #[pyfunction]
        #[pyo3(
            signature = (
                a, window=None, min_count=None, axis=AxisArgument(None), ddof=None, *, start=None, end=None
            ),
            text_signature =
                "(a, window=None, min_count=None, axis=-1, ddof=0, *, start=None, end=None)"
        )]
        pub(super) fn $name<'py>(
            a: &Bound<'py, PyAny>,
            window: Option<Bound<'py, PyAny>>,
            min_count: Option<Bound<'py, PyAny>>,
            axis: AxisArgument<'py>,
            ddof: Option<Bound<'py, PyAny>>,
            start: Option<Bound<'py, PyAny>>,
            end: Option<Bound<'py, PyAny>>,
        ) -> PyResult<Bound<'py, PyAny>> {
            let arguments = Arguments { window, min_count, axis, ddof, start, end };
            moved(stringify!($name), a, arguments)
        }
    };
}

moving! {
/// Exact sums of moving windows, each rounded once.
///
/// Each result depends only on the elements in its window: elements that have left it leave no
/// rounding errors behind. NaNs (NaT in time differences) are left out and counted.
///
#[doc = parameters_of_windows!()]
#[doc = bounds_of_windows!()]
///
/// Returns
/// -------
/// ndarray
///     With the shape of `a`, or the length of `start` along the axis. Floats, complex numbers and
///     time differences keep their dtype; integers and bools give float64.
///
#[doc = errors_of_windows!()]
///
/// See Also
/// --------
/// move_mean, move_var, move_std, segment_sum, mypackage.pandas.rolling
///
/// Notes
/// -----
/// Infinities count as numbers: a window with infinities gives an infinity, or NaN if they have
/// both signs. Later windows are finite again. A sum beyond the range is infinite; no warning is
/// given. With ``min_count=0``, which `start` and `end` allow, the sum of an empty window is 0.
///
/// References
/// ----------
/// * Rump, Ogita and Oishi, "Accurate floating-point summation", 2008.
///
/// Examples
/// --------
/// >>> import numpy as np, mypackage
/// >>> a = np.array([1.0, 1e16, 2.0, 3.0, np.nan, 4.0])
/// >>> mypackage.move_sum(a, 2, min_count=1)
/// array([1.e+00, 1.e+16, 1.e+16, 5.e+00, 3.e+00, 4.e+00])
/// >>> mypackage.move_sum(a, start=[0, 2], end=[3, 6])
/// array([1.e+16, 9.e+00])
move_sum
}

moving! {
/// Exact means of moving windows, each rounded once.
///
/// The exact sum of the elements in a window that are not NaN is divided by their number; only the
/// quotient is rounded. The mean of a window of equal numbers is that number.
///
#[doc = parameters_of_windows!()]
#[doc = bounds_of_windows!()]
///
/// Returns
/// -------
/// ndarray
///     With the shape of `a`, or the length of `start` along the axis. Floats, complex numbers and
///     time differences keep their dtype, these in whole ticks, rounded half to even; integers and
///     bools give float64.
///
#[doc = errors_of_windows!()]
///
/// See Also
/// --------
/// move_sum, move_var, mean, segment_mean, mypackage.pandas.rolling
///
/// Examples
/// --------
/// >>> import numpy as np, mypackage
/// >>> mypackage.move_mean(np.array([1e16, 0.1, 0.1, 0.1, 0.1]), 3)[3:]
/// array([0.1, 0.1])
move_mean
}

moving! {
ddof,
/// Exact variances of moving windows, each rounded once.
///
/// With n elements in a window that are not NaN, their exact sum S and the exact sum of their
/// squares Q, the result is (n Q - S^2) / (n (n - ddof)), and only this is rounded: never negative,
/// and 0 where all are equal.
///
#[doc = parameters_of_windows!()]
/// ddof : int, optional
///     Delta degrees of freedom: the divisor is the number of elements minus `ddof`. Windows with
///     no more elements than `ddof` give NaN.
#[doc = bounds_of_windows!()]
///
/// Returns
/// -------
/// ndarray
///     With the shape of `a`, or the length of `start` along the axis. Floats keep their dtype,
///     complex numbers give that of their parts, integers and bools float64. Time differences are
///     refused.
///
#[doc = errors_of_windows!()]
///
/// See Also
/// --------
/// move_std, move_mean, var, mypackage.pandas.rolling
///
/// Notes
/// -----
/// A window with an infinity gives NaN; later windows are not affected.
///
/// Examples
/// --------
/// >>> import numpy as np, mypackage
/// >>> a = np.array([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16])
/// >>> mypackage.move_var(a, 4, ddof=1)
/// array([nan, nan, nan, 30.])
move_var
}

moving! {
ddof,
/// Exact standard deviations of moving windows, each rounded once.
///
/// The square root of the exact variance, not of a rounded one.
///
#[doc = parameters_of_windows!()]
/// ddof : int, optional
///     Delta degrees of freedom: the divisor is the number of elements minus `ddof`. Windows with
///     no more elements than `ddof` give NaN.
#[doc = bounds_of_windows!()]
///
/// Returns
/// -------
/// ndarray
///     With the shape of `a`, or the length of `start` along the axis. Floats keep their dtype,
///     complex numbers give that of their parts, integers and bools float64. Time differences are
///     refused.
///
#[doc = errors_of_windows!()]
///
/// See Also
/// --------
/// move_var, move_mean, std, mypackage.pandas.rolling
///
/// Notes
/// -----
/// A window with an infinity gives NaN; later windows are not affected.
///
/// Examples
/// --------
/// >>> import numpy as np, mypackage
/// >>> mypackage.move_std(np.array([1e16, 0.1, 0.1, 0.1, 0.3]), 3)[3:].round(12).tolist()
/// [0.0, 0.094280904158]
move_std
}
