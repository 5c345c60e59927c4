//! `var`, `std`, `nanvar`, `nanstd` and `norm`.
//!
//! Plain arrays of numbers are handled here. Everything else goes to `mypackage._core`, which calls
//! back with arrays of numbers.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError, PyZeroDivisionError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyTuple};

use super::arguments::{self, Foreign, Given, as_dtype, reduced_axes};
use super::calls::{check_memory, watched, watched_from};
use super::modules::{dispatch, errors};
use super::ndarray::{Array, NewArray, Number, Slots};
use super::reductions::input;
use super::results::{INVALID, OVERFLOW, format, integer_range, rounded_result};
use mypackage::interrupt::GRAIN;
use mypackage::moments::{
    self as exact, Along, Answer, Ddof, Fault, Measure, Moment, Pair, Remark, Sink,
};
use mypackage::sum::{Dtype, Format, Input};

/// One of the functions in this file.
#[derive(Debug, Clone, Copy)]
struct Operation {
    name: &'static str,
    measure: Measure,
    skip_nan: bool,
}

const VAR: Operation = Operation { name: "var", measure: Measure::Variance, skip_nan: false };
const STD: Operation = Operation { name: "std", measure: Measure::Deviation, skip_nan: false };
const NANVAR: Operation = Operation { name: "nanvar", measure: Measure::Variance, skip_nan: true };
const NANSTD: Operation = Operation { name: "nanstd", measure: Measure::Deviation, skip_nan: true };
const SQUARES: Operation =
    Operation { name: "sum_of_squares", measure: Measure::Squares, skip_nan: false };
const NORM: Operation = Operation { name: "norm", measure: Measure::Norm, skip_nan: false };

impl Operation {
    fn called(name: &str) -> PyResult<Operation> {
        [VAR, STD, NANVAR, NANSTD, NORM]
            .into_iter()
            .find(|operation| operation.name == name)
            .ok_or_else(|| PyValueError::new_err(format!("there is no moment called {name:?}")))
    }

    fn moment(self, ddof: Ddof) -> Moment {
        Moment { measure: self.measure, ddof, skip_nan: self.skip_nan }
    }
}

macro_rules! moment {
    ($(#[$doc:meta])* $name:ident($python:literal) = $operation:ident) => {
        $(#[$doc])*
        #[pyfunction]
        #[pyo3(
            name = $python,
            signature = (a, axis=None, dtype=None, out=None, ddof=Given::No, keepdims=Given::No, *, r#where=Given::No, mean=Given::No, correction=Given::No, weights=None, dim=Given::No, keep_attrs=Given::No, skipna=Given::No, split_every=Given::No),
            text_signature = "(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=..., correction=..., weights=None)"
        )]
        #[allow(clippy::too_many_arguments)]
        pub(super) fn $name<'py>(
            a: &Bound<'py, PyAny>,
            axis: Option<Bound<'py, PyAny>>,
            dtype: Option<Bound<'py, PyAny>>,
            out: Option<Bound<'py, PyAny>>,
            ddof: Given<'py>,
            keepdims: Given<'py>,
            r#where: Given<'py>,
            mean: Given<'py>,
            correction: Given<'py>,
            weights: Option<Bound<'py, PyAny>>,
            dim: Given<'py>,
            keep_attrs: Given<'py>,
            skipna: Given<'py>,
            split_every: Given<'py>,
        ) -> PyResult<Bound<'py, PyAny>> {
            Foreign { dim, keep_attrs, skipna, split_every }.refuse($python)?;
            let is_plain = out.is_none() && weights.is_none()
                && matches!((&mean, &correction), (Given::No, Given::No));
            let plain = Plain {
                axis: axis.as_ref(),
                dtype: dtype.as_ref(),
                ddof: &ddof,
                keepdims: &keepdims,
                r#where: &r#where,
            };
            if is_plain && let Some(result) = plain.moment($operation, a)? {
                return Ok(result);
            }
            let arguments = PyDict::new(a.py());
            for (name, value) in [("axis", axis), ("dtype", dtype), ("out", out), ("weights", weights)] {
                if let Some(value) = value {
                    arguments.set_item(name, value)?;
                }
            }
            for (name, value) in [
                ("ddof", ddof), ("keepdims", keepdims), ("where", r#where), ("mean", mean),
                ("correction", correction),
            ] {
                if let Given::Yes(value) = value {
                    arguments.set_item(name, value)?;
                }
            }
            elsewhere($operation, a, &arguments)
        }
    };
}

moment! {
    /// Exact variance along given axes, rounded once.
    ///
    /// The exact sum of squared distances from the exact mean, divided by ``n - ddof``: never
    /// negative, 0 where all elements are equal, and the same bits for the same elements in any
    /// order, layout or chunking.
    ///
    #[doc = parameters_of_moments!()]
    ///
    /// Returns
    /// -------
    /// ndarray or scalar
    ///     The variances. Where ``n - ddof <= 0``, infinity, or NaN if all elements are equal.
    ///
    #[doc = errors_of_moments!()]
    ///
    /// See Also
    /// --------
    /// std, nanvar, mean, ExactMoments, numpy.var, statistics.pvariance
    ///
    #[doc = notes_on_moments!()]
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, mypackage
    /// >>> float(mypackage.var(np.full(1000, 0.1)))  # NumPy's need not be 0
    /// 0.0
    /// >>> float(mypackage.var([1e9, 1e9 + 1, 1e9 + 2], ddof=1))
    /// 1.0
    variance("var") = VAR
}

moment! {
    /// Exact standard deviation along given axes, rounded once.
    ///
    /// The square root of the exact variance, not of the rounded one. For timedelta64 and
    /// datetime64 elements it is in whole ticks of their unit, rounded half to even. Square roots
    /// are not rational in general, so ``dtype=object`` is refused.
    ///
    #[doc = parameters_of_moments!()]
    ///
    /// Returns
    /// -------
    /// ndarray or scalar
    ///     The deviations. Where ``n - ddof <= 0``, infinity, or NaN if all elements are equal.
    ///
    #[doc = errors_of_moments!()]
    ///
    /// See Also
    /// --------
    /// var, nanstd, numpy.std, statistics.pstdev
    ///
    #[doc = notes_on_moments!()]
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, mypackage
    /// >>> a = np.full((100_000, 2), 300.1, dtype=np.float32)
    /// >>> mypackage.std(a, axis=0)  # NumPy's is 10.4
    /// array([0., 0.], dtype=float32)
    deviation("std") = STD
}

moment! {
    /// Exact variance along given axes, NaNs left out, rounded once.
    ///
    /// The variance of the elements that are not NaN; no copy of `a` is made. As in NumPy, an
    /// integer `dtype` or `out` for inexact elements is a TypeError.
    ///
    #[doc = parameters_of_moments!()]
    ///
    /// Returns
    /// -------
    /// ndarray or scalar
    ///     The variances; NaN where ``n - ddof <= 0``, n being the number of elements that are not NaN.
    ///
    #[doc = errors_of_moments!()]
    ///
    /// See Also
    /// --------
    /// var, nanstd, nanmean, numpy.nanvar
    ///
    #[doc = notes_on_moments!()]
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, mypackage
    /// >>> float(mypackage.nanvar([1.0, np.nan, 3.0]))
    /// 1.0
    nan_variance("nanvar") = NANVAR
}

moment! {
    /// Exact standard deviation along given axes, NaNs left out, rounded once.
    ///
    /// The square root of the exact variance of the elements that are not NaN; no copy of `a` is made.
    /// As in NumPy, an integer `dtype` or `out` for inexact elements is a TypeError.
    ///
    #[doc = parameters_of_moments!()]
    ///
    /// Returns
    /// -------
    /// ndarray or scalar
    ///     The deviations; NaN where ``n - ddof <= 0``, n being the number of elements that are not NaN.
    ///
    #[doc = errors_of_moments!()]
    ///
    /// See Also
    /// --------
    /// std, nanvar, numpy.nanstd
    ///
    #[doc = notes_on_moments!()]
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, mypackage
    /// >>> float(mypackage.nanstd([1.0, np.nan, 3.0]))
    /// 1.0
    nan_deviation("nanstd") = NANSTD
}

/// Exact 2-norm of vectors, rounded once.
///
/// The square root of the exact sum of squares: nothing overflows or underflows on the way.
///
/// Parameters
/// ----------
/// x : array_like
///     Elements of any dtype that `var` takes; all of them are one vector by default.
/// axis : None or int or tuple of ints, optional
///     Axes along which the vectors lie; several axes count as one.
/// keepdims : bool, optional
///     Keep the axes reduced, with size one.
/// ord : {2, None}, optional
///     Only the 2-norm is supported.
///
/// Returns
/// -------
/// ndarray or scalar
///     The norms, with the dtype of `x`, of its parts if it is complex, or float64 for integers.
///     NaN if an element is NaN, else infinity if one is infinite.
///
/// Raises
/// ------
/// TypeError
///     If `ord` is another one, or `x` of a type that has no exact norm here.
///
/// Warns
/// -----
/// RuntimeWarning
///     As `numpy.errstate` says, if a finite result overflows.
///
/// See Also
/// --------
/// sum_of_squares, vecdot, numpy.linalg.vector_norm, math.hypot
///
/// Examples
/// --------
/// >>> import numpy as np, mypackage
/// >>> float(mypackage.norm([3e300, 4e300]))
/// 5e+300
/// >>> mypackage.norm(np.array([300, 300], dtype=np.float16))
/// np.float16(424.2)
#[pyfunction]
#[pyo3(
    signature = (x, /, *, axis=None, keepdims=Given::No, ord=Given::No),
    text_signature = "(x, /, *, axis=None, keepdims=False, ord=2)"
)]
pub(super) fn norm<'py>(
    x: &Bound<'py, PyAny>,
    axis: Option<Bound<'py, PyAny>>,
    keepdims: Given<'py>,
    ord: Given<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let plain = Plain {
        axis: axis.as_ref(),
        dtype: None,
        ddof: &Given::No,
        keepdims: &keepdims,
        r#where: &Given::No,
    };
    if matches!(ord, Given::No)
        && let Some(result) = plain.moment(NORM, x)?
    {
        return Ok(result);
    }
    if let Given::Yes(ord) = &ord
        && !ord.is_none()
        && (ord.is_instance_of::<pyo3::types::PyBool>() || !ord.eq(2).unwrap_or(false))
    {
        return Err(PyTypeError::new_err(format!(
            "norm: ord must be 2 or None, not {}; numpy.linalg.vector_norm has the others",
            ord.repr()?
        )));
    }
    let arguments = PyDict::new(x.py());
    if let Some(axis) = axis {
        arguments.set_item("axis", axis)?;
    }
    if let Given::Yes(keepdims) = keepdims {
        arguments.set_item("keepdims", keepdims)?;
    }
    elsewhere(NORM, x, &arguments)
}

fn elsewhere<'py>(
    operation: Operation,
    a: &Bound<'py, PyAny>,
    arguments: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    dispatch(a.py())?.call_method("reduce", (operation.name, a), Some(arguments))
}

/// The type of a moment of numbers, as in NumPy.
fn of_moment(number: Number) -> Number {
    let part = if number.part.is_floating() { number.part } else { Dtype::F64 };
    Number { part, complex: false }
}

/// The arguments that are handled here.
pub(super) struct Plain<'a, 'py> {
    pub axis: Option<&'a Bound<'py, PyAny>>,
    pub dtype: Option<&'a Bound<'py, PyAny>>,
    pub ddof: &'a Given<'py>,
    pub keepdims: &'a Given<'py>,
    pub r#where: &'a Given<'py>,
}

impl<'py> Plain<'_, 'py> {
    /// The sum of squares of floating-point numbers; `None` if an argument is not handled here.
    pub fn sum_of_squares(
        &self,
        array: Array<'_, 'py>,
        number: Number,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if number.part.is_floating() { self.of_numbers(SQUARES, array, number) } else { Ok(None) }
    }

    /// The dtype of the result, if it is a floating-point one in native byte order.
    fn target(&self, number: Number) -> Option<Number> {
        let Some(dtype) = self.dtype else { return Some(of_moment(number)) };
        let dtype = as_dtype(dtype).ok()?;
        let native = dtype.getattr("isnative").and_then(|native| native.is_truthy());
        let number = dtype.getattr("num").and_then(|number| number.extract());
        let target = Number::from_type_number(number.ok()?)?;
        (native.ok()? && target.part.is_floating() && !target.complex).then_some(target)
    }

    /// The moment of a plain array of numbers; `None` if it is another object, or an argument is
    /// not handled here.
    fn moment(
        &self,
        operation: Operation,
        a: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match Array::of_numbers(a) {
            Some((array, number)) => self.of_numbers(operation, array, number),
            None => Ok(None),
        }
    }

    fn of_numbers(
        &self,
        operation: Operation,
        array: Array<'_, 'py>,
        number: Number,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let ddof = match self.ddof {
            Given::No => 0.0,
            Given::Yes(ddof) if ddof.is_exact_instance_of::<PyFloat>() => ddof.extract()?,
            Given::Yes(ddof) if ddof.is_exact_instance_of::<PyInt>() => {
                match ddof.extract::<i32>() {
                    Ok(ddof) => ddof.into(),
                    Err(_) => return Ok(None),
                }
            }
            Given::Yes(_) => return Ok(None),
        };
        let Some(target) = self.target(number) else { return Ok(None) };
        let moment = operation.moment(Ddof::from(ddof));
        if self.axis.is_none()
            && matches!((self.keepdims, self.r#where), (Given::No, Given::No))
            && let Some(size) = array.contiguous_size(number)
        {
            let Answer { value, remark } = all_of(&moment, array, number, size, target)?;
            let py = array.object.py();
            report(py, operation.name, flag(remark))?;
            return rounded_result(py, target, value).map(Some);
        }
        self.along(operation, array, number, target, &moment)
    }

    #[inline(never)]
    fn along(
        &self,
        operation: Operation,
        array: Array<'_, 'py>,
        number: Number,
        target: Number,
        moment: &Moment,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = array.object.py();
        let keepdims = match self.keepdims {
            Given::No => false,
            Given::Yes(value) => value.is_truthy()?,
        };
        // (`_core` raises the error for a wrong argument.)
        let Ok(reduced) = reduced_axes(array.shape().len(), self.axis) else { return Ok(None) };
        let Ok(mask) = arguments::mask(array, number, self.r#where, false) else {
            return Ok(None);
        };
        let shape: Vec<usize> = (array.shape().iter().zip(&reduced))
            .filter(|&(_, &reduced)| keepdims || !reduced)
            .map(|(&size, &reduced)| if reduced { 1 } else { size })
            .collect();
        let mut result = NewArray::empty(py, &shape, target)?;
        let sink = Many::of(&mut result, target.part, false);
        let input = elements(array, number, mask.as_ref(), operation.skip_nan);
        watched(py, array.shape().iter().product(), || {
            let request = Along { moment, means: None, format: format(target.part) };
            exact::moments_along(&input, number.complex, &reduced, &request, &sink);
        })?;
        let status = sink.finish(operation.name, target, 1)?;
        report(py, operation.name, status)?;
        let result = result.into_object();
        let result = if shape.is_empty() { result.get_item(PyTuple::empty(py))? } else { result };
        Ok(Some(result))
    }
}

/// The moment of all elements of a contiguous array.
#[inline]
fn all_of(
    moment: &Moment,
    array: Array<'_, '_>,
    number: Number,
    size: usize,
    target: Number,
) -> PyResult<Answer<u64>> {
    let format = format(target.part).expect("moments are floating-point numbers");
    let view = array.flat(number);
    watched(array.object.py(), size, || exact::moment_of_all(&view, number.complex, moment, format))
}

/// The elements of an array; the parts of complex ones are a further axis, which the mask lacks.
fn elements<'a>(
    array: Array<'a, '_>,
    number: Number,
    mask: Option<&'a Bound<'_, PyAny>>,
    skip_nan: bool,
) -> Input<'a> {
    let mask = mask.map(|mask| Array { object: mask }.view(Number::BOOL, false));
    Input { mask, ..input(array, number, None, true, skip_nan) }
}

/// Gives the warnings for a status.
#[inline]
fn report(py: Python<'_>, name: &str, status: u8) -> PyResult<()> {
    if status == 0 { Ok(()) } else { report_all(py, name, status) }
}

#[cold]
fn report_all(py: Python<'_>, name: &str, status: u8) -> PyResult<()> {
    for (flag, report) in
        [(DEGREES, "report_no_freedom"), (INVALID, "report_invalid"), (OVERFLOW, "report_overflow")]
    {
        if status & flag != 0 {
            errors(py)?.call_method1(report, (name,))?;
        }
    }
    Ok(())
}

/// The status bit for results without degrees of freedom.
const DEGREES: u8 = 1;
/// The int64 that stands for NaT.
const NAT: i64 = i64::MIN;

/// Receives many results.
struct Many<'a> {
    slots: Slots<'a>,
    part: Dtype,
    /// Results that are not integers become NaT.
    times: bool,
    status: AtomicU8,
    misfit: Mutex<Option<(usize, String)>>,
}

/// The status bit of a remark.
pub(super) fn flag(remark: Remark) -> u8 {
    match remark {
        Remark::None => 0,
        Remark::Degrees => DEGREES,
        Remark::Invalid => INVALID,
        Remark::Overflow => OVERFLOW,
    }
}

impl<'a> Many<'a> {
    /// For a new array of numbers of a type.
    fn of(result: &'a mut NewArray<'_>, part: Dtype, times: bool) -> Many<'a> {
        let (status, misfit) = (AtomicU8::new(0), Mutex::new(None));
        Many { slots: result.slots(), part, times, status, misfit }
    }

    /// The status of the results.
    fn finish(self, name: &str, target: Number, count: usize) -> PyResult<u8> {
        if let Some((index, what)) = self.misfit.into_inner().unwrap_or_default() {
            let place =
                if count == 1 { String::new() } else { format!(" (result {index} in C order)") };
            return Err(PyOverflowError::new_err(format!(
                "{name}: {what} does not fit {}{place}; use dtype=float64 for a float",
                target.name()
            )));
        }
        Ok(self.status.into_inner())
    }

    fn remark(&self, remark: Remark) {
        if remark != Remark::None {
            self.status.fetch_or(flag(remark), Ordering::Relaxed);
        }
    }
}

impl Sink for Many<'_> {
    fn put(&self, index: usize, bits: u64, remark: Remark) {
        self.remark(remark);
        self.slots.set(index, bits);
    }

    fn put_all(&self, first: usize, step: usize, numbers: &[f64], format: Format) {
        if format == Format::F64 {
            self.slots.set_all(first, step, numbers.iter().map(|x| x.to_bits()));
        } else {
            let bits = numbers.iter().map(|&x| (x as f32).to_bits().into());
            self.slots.set_all(first, step, bits);
        }
    }

    fn put_integer(&self, index: usize, answer: Answer<Result<i128, f64>>) {
        self.remark(answer.remark);
        let what = match answer.value {
            Ok(integer) if integer_range(self.part).contains(&integer) => {
                return self.slots.set(index, integer as u64);
            }
            Err(float) if self.times && float.is_nan() => return self.slots.set(index, NAT as u64),
            Ok(integer) => format!("the exact result {integer}"),
            Err(float) => format!("the result {float}"),
        };
        if let Ok(mut misfit) = self.misfit.lock()
            && misfit.as_ref().is_none_or(|&(first, _)| index < first)
        {
            *misfit = Some((index, what));
        }
    }
}

/// `ddof` as `_core` passes it: a float, or numerator and denominator.
pub(super) fn exactly(ddof: &Bound<'_, PyAny>) -> PyResult<Ddof> {
    if let Ok(ddof) = ddof.cast::<PyFloat>() {
        return Ok(Ddof::from(ddof.value()));
    }
    let (numerator, denominator) = ddof.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
    let bytes = |integer: &Bound<'_, PyAny>| -> PyResult<Vec<u8>> {
        let size = integer.call_method0("bit_length")?.extract::<usize>()?.div_ceil(8);
        integer.call_method1("__abs__", ())?.call_method1("to_bytes", (size, "little"))?.extract()
    };
    let negative = numerator.lt(0)?;
    Ddof::from_ratio(&bytes(&numerator)?, &bytes(&denominator)?, negative)
        .ok_or_else(|| PyValueError::new_err("ddof has a denominator of 0"))
}

/// The dtype with this number.
fn target(name: &str, dtype_num: i32) -> PyResult<Number> {
    Number::from_type_number(dtype_num)
        .filter(|target| !target.complex)
        .ok_or_else(|| PyTypeError::new_err(format!("{name}: no kernel for dtype {dtype_num}")))
}

/// Whether the mask, if there is one, is a bool array with the shape of the elements.
fn fits(mask: Option<&Bound<'_, PyAny>>, array: Array<'_, '_>) -> bool {
    mask.is_none_or(|mask| {
        Array::of_numbers(mask)
            .is_some_and(|(mask, number)| number == Number::BOOL && mask.shape() == array.shape())
    })
}

/// The number of results.
fn results(array: Array<'_, '_>, reduced: &[bool]) -> usize {
    let kept = array.shape().iter().zip(reduced).filter(|&(_, &reduced)| !reduced);
    kept.map(|(&size, _)| size).product()
}

/// The moments along the axes that are `reduced`, in C order, as an array of a dtype, and the bits
/// of a status: 1 for no degrees of freedom, 2 for an infinite element, 4 for an overflow.
///
/// The array is read in place. `mask` has its shape; `means` holds for each result and part the
/// mean as an unevaluated sum of two floats.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub(super) fn moments_of_array<'py>(
    name: &str,
    a: &Bound<'py, PyAny>,
    reduced: Vec<bool>,
    mask: Option<&Bound<'py, PyAny>>,
    means: Option<&Bound<'py, PyAny>>,
    ddof: &Bound<'py, PyAny>,
    dtype_num: i32,
    times: bool,
) -> PyResult<(Bound<'py, PyAny>, u8)> {
    let py = a.py();
    let operation = Operation::called(name)?;
    let moment = operation.moment(exactly(ddof)?);
    let refused = || PyTypeError::new_err("moments need an array of numbers");
    let (array, number) = Array::of_numbers(a).ok_or_else(refused)?;
    if reduced.len() != array.shape().len() || !fits(mask, array) {
        return Err(refused());
    }
    let target = target(name, dtype_num)?;
    let count = results(array, &reduced);
    let means = means.map(|means| pairs_of(means, count)).transpose()?;
    let mut result = NewArray::empty(py, &[count], target)?;
    let sink = Many::of(&mut result, target.part, times);
    let input = elements(array, number, mask, operation.skip_nan);
    watched(py, array.shape().iter().product(), || {
        let request =
            Along { moment: &moment, means: means.as_deref(), format: format(target.part) };
        exact::moments_along(&input, number.complex, &reduced, &request, &sink);
    })?;
    let status = sink.finish(name, target, count)?;
    Ok((result.into_object(), status))
}

/// Means as passed by `_core.moments`: for each result the pairs of both parts.
fn pairs_of(means: &Bound<'_, PyAny>, count: usize) -> PyResult<Vec<[Pair; 2]>> {
    check_memory(count, size_of::<[Pair; 2]>(), "means")?;
    let flat = Array::of_numbers(means)
        .filter(|(means, _)| means.shape() == [count, 4])
        .and_then(|(means, number)| means.view(number, false).as_slice::<f64>())
        .ok_or_else(|| {
            PyTypeError::new_err("means must be two pairs of float64 for each result")
        })?;
    let pair = |x: &[f64]| Pair { high: x[0], low: x[1] };
    Ok(flat.chunks_exact(4).map(|x| [pair(&x[..2]), pair(&x[2..])]).collect())
}

/// As `moments_of_array`, with a real weight for each element.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub(super) fn weighted_moments_of_array<'py>(
    name: &str,
    a: &Bound<'py, PyAny>,
    weights: &Bound<'py, PyAny>,
    reduced: Vec<bool>,
    mask: Option<&Bound<'py, PyAny>>,
    ddof: &Bound<'py, PyAny>,
    dtype_num: i32,
) -> PyResult<(Bound<'py, PyAny>, u8)> {
    let py = a.py();
    let operation = Operation::called(name)?;
    let moment = operation.moment(exactly(ddof)?);
    let refused = || PyTypeError::new_err(format!("{name}: no kernel for such weights"));
    let (array, number) = Array::of_numbers(a).ok_or_else(refused)?;
    let (factors, factor) = Array::of_numbers(weights).ok_or_else(refused)?;
    let target = target(name, dtype_num)?;
    let format = format(target.part).ok_or_else(refused)?;
    if reduced.len() != array.shape().len()
        || factors.shape() != array.shape()
        || factor.complex
        || !fits(mask, array)
    {
        return Err(refused());
    }
    let count = results(array, &reduced);
    let mut result = NewArray::empty(py, &[count], target)?;
    let sink = Many::of(&mut result, target.part, false);
    let input = elements(array, number, mask, operation.skip_nan);
    let factors = factors.view(factor, false);
    let outcome = watched_from(GRAIN, py, array.shape().iter().product(), || {
        exact::weighted_moments_along(
            &input,
            number.complex,
            &factors,
            &reduced,
            &moment,
            format,
            &sink,
        )
    })?;
    let status = sink.finish(name, target, count)?;
    match outcome {
        Ok(()) => Ok((result.into_object(), status)),
        Err(Fault::Negative) => {
            Err(PyValueError::new_err(format!("{name}: weights must not be negative")))
        }
        Err(Fault::Zero) => Err(PyZeroDivisionError::new_err(format!(
            "{name}: weights sum to zero along the axis; there is no mean"
        ))),
    }
}
