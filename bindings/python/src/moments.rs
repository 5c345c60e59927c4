//! `var`, `std`, `nanvar`, `nanstd` and `norm`.
//!
//! Plain arrays, all of whose elements are one result, are done here. Everything else goes to
//! `mypackage._core`, which comes back with rows of adjacent numbers.

#![allow(unsafe_code)] // Hands the arrays' memory to the kernels.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError, PyZeroDivisionError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt};

use super::arguments::Given;
use super::calls::{watched, watched_from};
use super::ndarray::{self, Array, Number};
use super::reductions::input;
use super::results::{first_bytes, format, integer_range};
use mypackage::interrupt::{GRAIN, Interrupt};
use mypackage::moments::{
    self as exact, Along, Answer, Ddof, Fault, Measure, Pair, Question, Remark, Request, Sink,
    Weighted,
};
use mypackage::sum::Dtype;

/// A function of this file.
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
const NORM: Operation = Operation { name: "norm", measure: Measure::Norm, skip_nan: false };

impl Operation {
    fn called(name: &str) -> PyResult<Operation> {
        [VAR, STD, NANVAR, NANSTD, NORM]
            .into_iter()
            .find(|operation| operation.name == name)
            .ok_or_else(|| PyValueError::new_err(format!("there is no moment called {name:?}")))
    }

    fn question(self, ddof: Ddof) -> Question {
        Question { measure: self.measure, ddof, skip_nan: self.skip_nan }
    }
}

macro_rules! moment {
    ($(#[$doc:meta])* $name:ident($python:literal) = $operation:ident) => {
        $(#[$doc])*
        #[pyfunction]
        #[pyo3(
            name = $python,
            signature = (a, axis=None, dtype=None, out=None, ddof=Given::No, keepdims=Given::No, *, r#where=Given::No, mean=Given::No, correction=Given::No, weights=None),
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
        ) -> PyResult<Bound<'py, PyAny>> {
            if axis.is_none() && dtype.is_none() && out.is_none() && weights.is_none()
                && matches!((&keepdims, &r#where, &mean, &correction), (Given::No, Given::No, Given::No, Given::No))
                && let Some(result) = all_of($operation, a, &ddof)?
            {
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
    /// The real-number mean of the squared distances from the mean, over ``n - ddof``: never negative,
    /// 0 where all elements are equal, and the same bits for the same elements in any order, layout or
    /// chunking.
    ///
    /// Parameters
    /// ----------
    /// a : array_like
    ///     Elements: bool, any integer, float16, float32, float64, complex64 or complex128, of any
    ///     strides, alignment and byte order; of an object array ints, floats, complex numbers and
    ///     Fractions.
    /// axis : None or int or tuple of ints, optional
    ///     Axes along which the variance is taken; all by default.
    /// dtype : dtype, optional
    ///     What the exact variance is rounded to; by default the dtype of `a`, that of its parts if it
    ///     is complex, or float64 for integers. An integer dtype rounds half to even; with
    ///     ``dtype=object`` the result is a `fractions.Fraction`.
    /// out : ndarray, optional
    ///     Where to put the result; its shape must be the result's. It gives the default for `dtype`.
    /// ddof : real number, optional
    ///     Taken exactly; the divisor is ``n - ddof``.
    /// keepdims : bool, optional
    ///     Keep the axes reduced, with size one.
    /// where : array_like of bool, optional
    ///     Elements to include, broadcast against `a`.
    /// mean : array_like, optional
    ///     The mean to use, exactly as it is given, in a shape that broadcasts to the result's with
    ///     ``keepdims=True``. (It is no hint: a rounded mean is another one.)
    /// correction : real number, optional
    ///     The Array API's name for `ddof`; not both.
    /// weights : array_like, optional
    ///     Weights w that are not negative, broadcast as in `average`: with ``W = sum(w)`` the result is
    ///     ``(W sum(w x^2) - sum(w x)^2) / (W (W - ddof))``.
    ///
    /// Returns
    /// -------
    /// ndarray or scalar
    ///     The variances. With ``n - ddof <= 0`` infinity, or NaN where all elements are equal.
    ///
    /// Raises
    /// ------
    /// OverflowError
    ///     If a result does not fit an integer `dtype`.
    /// TypeError
    ///     If `a` or `dtype` is of a type that has no exact variance here, or `ddof` is no real number.
    /// ValueError
    ///     If a weight is negative, `mean` has another shape, or `ddof` and `correction` are given.
    /// ZeroDivisionError
    ///     If weights sum to zero.
    ///
    /// Warns
    /// -----
    /// RuntimeWarning
    ///     If ``n - ddof <= 0``, once; and, as `numpy.errstate` says, if an element is infinite or a
    ///     finite result overflows.
    ///
    /// See Also
    /// --------
    /// std, nanvar, mean, numpy.var, statistics.pvariance
    ///
    /// Notes
    /// -----
    /// Sums about a shift, in two binary levels, give an interval that certainly holds the result; where
    /// its ends do not round alike, the sums of the elements and of their squares are found exactly.
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
    /// The square root of the exact variance: not of the rounded one. Parameters, errors and warnings are
    /// those of `var`; in whole ticks of their unit, rounded half to even, there are also standard
    /// deviations of timedelta64 and datetime64 elements, and ``dtype=object`` is refused.
    ///
    /// See Also
    /// --------
    /// var, nanstd, numpy.std, statistics.pstdev
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
    /// Parameters, errors and warnings are those of `var`; no copy of `a` is made. Where
    /// ``n - ddof <= 0`` the result is NaN. Elements with fractions give no integers: such a `dtype` or
    /// `out` is a TypeError.
    ///
    /// See Also
    /// --------
    /// var, numpy.nanvar
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
    /// Parameters, errors and warnings are those of `nanvar`.
    ///
    /// See Also
    /// --------
    /// std, numpy.nanstd
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
///     Elements, as for `var`; all of them are one vector by default.
/// axis : None or int or tuple of ints, optional
///     Axes along which the vectors lie; several are as one.
/// keepdims : bool, optional
///     Keep the axes reduced, with size one.
/// ord : {2, None}, optional
///     Only the 2-norm has an exact form here.
///
/// Returns
/// -------
/// ndarray or scalar
///     The norms, of the dtype of `x`, of its parts if it is complex, or float64 for integers. NaN if an
///     element is NaN, else infinity if one is infinite.
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
/// var, numpy.linalg.vector_norm
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
    if axis.is_none()
        && matches!((&keepdims, &ord), (Given::No, Given::No))
        && let Some(result) = all_of(NORM, x, &Given::No)?
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
    let core = a.py().import("mypackage._core.dispatch")?;
    core.call_method("reduce", (operation.name, a), Some(arguments))
}

/// The type of a moment of numbers, as NumPy's.
fn of_moment(number: Number) -> Number {
    let part = if number.part.is_floating() { number.part } else { Dtype::F64 };
    Number { part, complex: false }
}

/// The moment of all elements of a plain array; `None` if it is not one, or there is something to say
/// about it.
#[inline]
fn all_of<'py>(
    operation: Operation,
    a: &Bound<'py, PyAny>,
    ddof: &Given<'py>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = a.py();
    let Some((array, number)) = Array::of_numbers(a) else { return Ok(None) };
    let Some(size) = array.contiguous_size(number) else { return Ok(None) };
    let ddof = match ddof {
        Given::No => 0.0,
        Given::Yes(ddof) if ddof.is_exact_instance_of::<PyFloat>() => ddof.extract()?,
        Given::Yes(ddof) if ddof.is_exact_instance_of::<PyInt>() => match ddof.extract::<i32>() {
            Ok(ddof) => ddof.into(),
            Err(_) => return Ok(None),
        },
        Given::Yes(_) => return Ok(None),
    };
    let target = of_moment(number);
    let question = operation.question(Ddof::from(ddof));
    let format = format(target.part);
    let sink = One(Mutex::new(None));
    let data = array.data().expose_provenance();
    watched(py, size, || {
        let request = Request {
            dtype: number.part,
            complex: number.complex,
            data: std::ptr::with_exposed_provenance(data),
            mask: None,
            rows: 1,
            length: size,
            question: &question,
            means: None,
            format,
        };
        // SAFETY: native, aligned, contiguous elements of an array that the caller holds.
        unsafe { exact::moments(&request, &sink) };
    })?;
    let Some((bits, Remark::None)) = sink.0.into_inner().unwrap_or_default() else {
        return Ok(None);
    };
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&first_bytes(bits, target.part.size()));
    ndarray::scalar(py, &bytes, target).map(Some)
}

/// Takes one result.
struct One(Mutex<Option<(u64, Remark)>>);

impl Sink for One {
    fn put(&self, _: usize, bits: u64, remark: Remark) {
        if let Ok(mut one) = self.0.lock() {
            *one = Some((bits, remark));
        }
    }

    fn put_integer(&self, _: usize, _: Answer<Result<i128, f64>>) {}
}

const DEGREES: u8 = 1;
const INVALID: u8 = 2;
const OVERFLOW: u8 = 4;
/// What an int64 is where a time difference is none.
const NAT: i64 = i64::MIN;

/// Takes many results.
struct Many {
    data: usize,
    part: Dtype,
    /// Results that are no integers are NaT.
    times: bool,
    status: AtomicU8,
    misfit: Mutex<Option<(usize, String)>>,
}

impl Many {
    /// For a new array of numbers of a type.
    fn of(result: &Bound<'_, PyAny>, part: Dtype, times: bool) -> Many {
        Many {
            data: Array { object: result }.data().expose_provenance(),
            part,
            times,
            status: AtomicU8::new(0),
            misfit: Mutex::new(None),
        }
    }

    /// What is remarkable about the results.
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
        let flag = match remark {
            Remark::None => return,
            Remark::Degrees => DEGREES,
            Remark::Invalid => INVALID,
            Remark::Overflow => OVERFLOW,
        };
        self.status.fetch_or(flag, Ordering::Relaxed);
    }

    fn write(&self, index: usize, bits: u64) {
        let size = self.part.size();
        // SAFETY: `index` is below the number of results, each of which is written once.
        unsafe {
            std::ptr::with_exposed_provenance_mut::<u8>(self.data)
                .add(index * size)
                .copy_from_nonoverlapping(first_bytes(bits, size).as_ptr(), size);
        }
    }
}

impl Sink for Many {
    fn put(&self, index: usize, bits: u64, remark: Remark) {
        self.remark(remark);
        self.write(index, bits);
    }

    fn put_integer(&self, index: usize, answer: Answer<Result<i128, f64>>) {
        self.remark(answer.remark);
        let what = match answer.value {
            Ok(integer) if integer_range(self.part).contains(&integer) => {
                return self.write(index, integer as u64);
            }
            Err(float) if self.times && float.is_nan() => return self.write(index, NAT as u64),
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

/// `ddof` as Python's code gives it: a float, or numerator and denominator.
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

fn rows_of<'a, 'py>(rows: &'a Bound<'py, PyAny>) -> PyResult<(Array<'a, 'py>, Number, [usize; 2])> {
    let refused = || PyTypeError::new_err("moments need rows of adjacent numbers");
    let (array, number) = Array::of_numbers(rows).ok_or_else(refused)?;
    let &[count, length] = array.shape() else { return Err(refused()) };
    // (An array of no elements may have any strides.)
    if count * length > 0 {
        array.contiguous_size(number).ok_or_else(refused)?;
    }
    Ok((array, number, [count, length]))
}

/// The moments of rows of adjacent numbers, as an array of a dtype, and what is remarkable about them: 1
/// for no degrees of freedom, 2 for an infinite element, 4 for an overflow.
///
/// `mask` has a byte for each number; `means` for each row and part the mean as a pair of floats.
#[pyfunction]
pub(super) fn moments_of_rows<'py>(
    name: &str,
    rows: &Bound<'py, PyAny>,
    mask: Option<&Bound<'py, PyAny>>,
    means: Option<&Bound<'py, PyAny>>,
    ddof: &Bound<'py, PyAny>,
    dtype_num: i32,
    times: bool,
) -> PyResult<(Bound<'py, PyAny>, u8)> {
    let py = rows.py();
    let operation = Operation::called(name)?;
    let question = operation.question(exactly(ddof)?);
    let (array, number, [count, length]) = rows_of(rows)?;
    let target = Number::from_type_number(dtype_num)
        .filter(|target| !target.complex)
        .ok_or_else(|| PyTypeError::new_err(format!("{name}: no kernel for dtype {dtype_num}")))?;
    let mask = mask.map(rows_of).transpose()?;
    if mask.is_some_and(|(_, number, shape)| number.part.size() != 1 || shape != [count, length]) {
        return Err(PyTypeError::new_err("the mask must have a byte for each number"));
    }
    let means = means.map(|means| pairs_of(means, count)).transpose()?;
    let result = ndarray::empty(py, &[count], target)?;
    let sink = Many::of(&result, target.part, times);
    let data = array.data().expose_provenance();
    let mask = mask.map(|(mask, ..)| mask.data().expose_provenance());
    watched(py, count * length, || {
        let request = Request {
            dtype: number.part,
            complex: number.complex,
            data: std::ptr::with_exposed_provenance(data),
            mask: mask.map(std::ptr::with_exposed_provenance),
            rows: count,
            length,
            question: &question,
            means: means.as_deref(),
            format: format(target.part),
        };
        // SAFETY: native, aligned, contiguous elements of arrays that the caller holds.
        unsafe { exact::moments(&request, &sink) };
    })?;
    Ok((result, sink.finish(name, target, count)?))
}

/// The moments of real numbers along the axes that are `reduced`, in C order, and what is remarkable about
/// them, as for `moments_of_rows`; the array is read where it lies. `mask` has its shape.
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
    let question = operation.question(exactly(ddof)?);
    let refused = || PyTypeError::new_err("moments need an array of real numbers");
    let (array, number) =
        Array::of_numbers(a).filter(|(_, number)| !number.complex).ok_or_else(refused)?;
    let target = Number::from_type_number(dtype_num)
        .filter(|target| !target.complex)
        .ok_or_else(|| PyTypeError::new_err(format!("{name}: no kernel for dtype {dtype_num}")))?;
    let fits = |mask: &&Bound<'py, PyAny>| {
        Array::of_numbers(mask)
            .is_some_and(|(mask, number)| number == Number::BOOL && mask.shape() == array.shape())
    };
    if reduced.len() != array.shape().len() || !mask.as_ref().is_none_or(fits) {
        return Err(refused());
    }
    let kept = array.shape().iter().zip(&reduced).filter(|&(_, &reduced)| !reduced);
    let count = kept.map(|(&size, _)| size).product();
    let means = means.map(|means| pairs_of(means, count)).transpose()?;
    let result = ndarray::empty(py, &[count], target)?;
    let sink = Many::of(&result, target.part, times);
    let input = input(array, number, mask, false, operation.skip_nan);
    let size: usize = array.shape().iter().product();
    watched(py, size, || {
        let request =
            Along { question: &question, means: means.as_deref(), format: format(target.part) };
        exact::moments_along(&input, &reduced, &request, &sink);
    })?;
    Ok((result, sink.finish(name, target, count)?))
}

/// Means as `_core.moments` gives them: for each result the pairs of both parts.
fn pairs_of(means: &Bound<'_, PyAny>, count: usize) -> PyResult<Vec<[Pair; 2]>> {
    let (means, number, shape) = rows_of(means)?;
    if number != Number::F64 || shape != [count, 4] {
        return Err(PyTypeError::new_err("means must be two pairs of float64 for each result"));
    }
    // SAFETY: native, aligned, contiguous float64 numbers of an array that the caller holds.
    let flat = unsafe { std::slice::from_raw_parts(means.data().cast::<f64>(), 4 * count) };
    let pair = |x: &[f64]| Pair { high: x[0], low: x[1] };
    Ok(flat.chunks_exact(4).map(|x| [pair(&x[..2]), pair(&x[2..])]).collect())
}

/// A number of an array, exactly.
///
/// # Safety
/// `data` is the address of native, aligned, adjacent numbers, of which there are more than `index`.
unsafe fn number_at(data: usize, number: Number, index: usize) -> exact::Number {
    let at = std::ptr::with_exposed_provenance::<u8>(data).wrapping_add(index * number.part.size());
    macro_rules! read {
        ($type:ty, $wide:ty) => {
            // SAFETY: the caller's promise.
            exact::Number::from(<$wide>::from(unsafe { at.cast::<$type>().read() }))
        };
    }
    match number.part {
        Dtype::Bool | Dtype::U8 => read!(u8, u64),
        Dtype::U16 => read!(u16, u64),
        Dtype::U32 => read!(u32, u64),
        Dtype::U64 => read!(u64, u64),
        Dtype::I8 => read!(i8, i64),
        Dtype::I16 => read!(i16, i64),
        Dtype::I32 => read!(i32, i64),
        Dtype::I64 => read!(i64, i64),
        Dtype::F32 => read!(f32, f64),
        // float16 is widened by whoever calls.
        Dtype::F64 | Dtype::F16 => read!(f64, f64),
    }
}

/// Numbers between two looks for an interrupt.
const LOOKS: usize = 1 << 16;

/// As `moments_of_rows`, with a weight for each number; no float16 among them.
#[pyfunction]
pub(super) fn weighted_moments_of_rows<'py>(
    name: &str,
    rows: &Bound<'py, PyAny>,
    weights: &Bound<'py, PyAny>,
    mask: Option<&Bound<'py, PyAny>>,
    ddof: &Bound<'py, PyAny>,
    dtype_num: i32,
) -> PyResult<(Bound<'py, PyAny>, u8)> {
    let py = rows.py();
    let operation = Operation::called(name)?;
    let question = operation.question(exactly(ddof)?);
    let (array, number, [count, length]) = rows_of(rows)?;
    let (factors, factor, shape) = rows_of(weights)?;
    let mask = mask.map(rows_of).transpose()?;
    let fits = shape == [count, length]
        && !factor.complex
        && number.part != Dtype::F16
        && factor.part != Dtype::F16
        && mask
            .is_none_or(|(_, number, shape)| number.part.size() == 1 && shape == [count, length]);
    let target = Number::from_type_number(dtype_num).filter(|_| fits);
    let (Some(target), Some(format)) = (target, target.and_then(|target| format(target.part)))
    else {
        return Err(PyTypeError::new_err(format!("{name}: no kernel for such weights")));
    };
    let result = ndarray::empty(py, &[count], target)?;
    let sink = Many::of(&result, target.part, false);
    let parts = if number.complex { 2 } else { 1 };
    let [data, factors] = [array, factors].map(|array| array.data().expose_provenance());
    let mask = mask.map(|(mask, ..)| mask.data().expose_provenance());
    let kernel = || -> Result<(), Fault> {
        let interrupt = Interrupt::of_call(count * length);
        for row in 0..count {
            let mut all = Weighted::default();
            for index in row * length..(row + 1) * length {
                if index.is_multiple_of(LOOKS) && interrupt.is_set() {
                    return Ok(());
                }
                // SAFETY: the arrays are held by the caller and as long as the numbers.
                let (counts, first, second, weight) = unsafe {
                    (
                        mask.is_none_or(|mask| {
                            *std::ptr::with_exposed_provenance::<u8>(mask).add(index) != 0
                        }),
                        number_at(data, number, index * parts),
                        number_at(data, number, index * parts + parts - 1),
                        number_at(factors, factor, index),
                    )
                };
                if counts {
                    all.add(weight, &[first, second][..parts], question.skip_nan)?;
                }
            }
            let Answer { value, remark } = all.round(&question, format)?;
            sink.put(row, value, remark);
        }
        Ok(())
    };
    let outcome = watched_from(GRAIN, py, count * length, kernel)?;
    match outcome {
        Ok(()) => Ok((result, sink.finish(name, target, count)?)),
        Err(Fault::Negative) => {
            Err(PyValueError::new_err(format!("{name}: weights must not be negative")))
        }
        Err(Fault::Zero) => Err(PyZeroDivisionError::new_err(format!(
            "{name}: weights sum to zero along the axis; there is no mean to be distant from"
        ))),
    }
}
