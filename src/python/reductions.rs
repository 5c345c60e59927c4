//! `sum`, `nansum`, `mean` and `nanmean` with NumPy's signatures.
//!
//! Arrays are summed here. Everything else (lists, masked arrays, pandas, dask, ...) goes to
//! `mypackage._kinds`, which comes back with arrays.

#![allow(unsafe_code)] // Hands the arrays' memory to the kernels.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

use super::ndarray::{self, Array, Number};
use crate::interrupt::{self, GRAIN};
use crate::sum::{
    self as exact, Accumulator, Axis, Cells, Dtype, Format, PairSlice, Request, Sink,
};
use crate::threads;

/// Below this many elements the GIL is kept: to release it would take longer than the sum.
const DETACH_FROM: usize = 1 << 13;

/// An argument that was or was not given; `None` is a value of its own.
pub(super) enum Given<'py> {
    No,
    Yes(Bound<'py, PyAny>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Given<'py> {
    type Error = PyErr;
    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Given<'py>> {
        Ok(Given::Yes(object.to_owned()))
    }
}

/// What a reduction does with the elements.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    pub name: &'static str,
    pub mean: bool,
    pub skip_nan: bool,
    /// What to use where a result does not fit its dtype.
    pub advice: &'static str,
}

pub(super) const OBJECT: &str = "dtype=object for Python ints";
pub(super) const FLOAT: &str = "dtype=float64 for a float";

const SUM: Operation = Operation { name: "sum", mean: false, skip_nan: false, advice: OBJECT };
const NANSUM: Operation = Operation { name: "nansum", mean: false, skip_nan: true, advice: OBJECT };
const MEAN: Operation = Operation { name: "mean", mean: true, skip_nan: false, advice: FLOAT };
const NANMEAN: Operation = Operation { name: "nanmean", mean: true, skip_nan: true, advice: FLOAT };

/// The arguments after the array, as given.
struct Arguments<'py> {
    axis: Option<Bound<'py, PyAny>>,
    dtype: Option<Bound<'py, PyAny>>,
    out: Option<Bound<'py, PyAny>>,
    keepdims: Given<'py>,
    initial: Given<'py>,
    r#where: Given<'py>,
}

impl<'py> Arguments<'py> {
    fn are_default(&self) -> bool {
        self.axis.is_none()
            && self.dtype.is_none()
            && self.out.is_none()
            && matches!(self.keepdims, Given::No)
            && matches!(self.initial, Given::No)
            && matches!(self.r#where, Given::No)
    }

    fn to_dict(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let arguments = PyDict::new(py);
        for (name, value) in [("axis", &self.axis), ("dtype", &self.dtype), ("out", &self.out)] {
            if let Some(value) = value {
                arguments.set_item(name, value)?;
            }
        }
        for (name, value) in
            [("keepdims", &self.keepdims), ("initial", &self.initial), ("where", &self.r#where)]
        {
            if let Given::Yes(value) = value {
                arguments.set_item(name, value)?;
            }
        }
        Ok(arguments)
    }
}

/// A reduction's Python function; a sum starts with an initial number, a mean does not.
macro_rules! reduction {
    ($(#[$doc:meta])* $name:ident(initial) = $operation:ident) => {
        $(#[$doc])*
        #[pyfunction]
        #[pyo3(
            signature = (a, axis=None, dtype=None, out=None, keepdims=Given::No, initial=Given::No, r#where=Given::No),
            text_signature = "(a, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True)"
        )]
        pub(super) fn $name<'py>(
            a: &Bound<'py, PyAny>,
            axis: Option<Bound<'py, PyAny>>,
            dtype: Option<Bound<'py, PyAny>>,
            out: Option<Bound<'py, PyAny>>,
            keepdims: Given<'py>,
            initial: Given<'py>,
            r#where: Given<'py>,
        ) -> PyResult<Bound<'py, PyAny>> {
            reduce($operation, a, &Arguments { axis, dtype, out, keepdims, initial, r#where })
        }
    };
    ($(#[$doc:meta])* $name:ident(no initial) = $operation:ident) => {
        $(#[$doc])*
        #[pyfunction]
        #[pyo3(
            signature = (a, axis=None, dtype=None, out=None, keepdims=Given::No, *, r#where=Given::No),
            text_signature = "(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True)"
        )]
        pub(super) fn $name<'py>(
            a: &Bound<'py, PyAny>,
            axis: Option<Bound<'py, PyAny>>,
            dtype: Option<Bound<'py, PyAny>>,
            out: Option<Bound<'py, PyAny>>,
            keepdims: Given<'py>,
            r#where: Given<'py>,
        ) -> PyResult<Bound<'py, PyAny>> {
            let initial = Given::No;
            reduce($operation, a, &Arguments { axis, dtype, out, keepdims, initial, r#where })
        }
    };
}

reduction! {
    /// sum(a, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True)
    /// --
    ///
    /// Exact sum of array elements over given axes, rounded once.
    ///
    /// The result is the real-number sum of the elements, rounded half to even to the result's dtype:
    /// the same bits for the same elements in any order, layout or chunking, with any number of
    /// threads, on any CPU.
    ///
    /// Parameters
    /// ----------
    /// a : array_like
    ///     Elements to sum: bool, any integer, float16, float32, float64, complex64 or complex128, of
    ///     any strides, alignment and byte order. An object array is summed by NumPy.
    /// axis : None or int or tuple of ints, optional
    ///     Axes to sum over; all by default.
    /// dtype : dtype, optional
    ///     What the exact sum is rounded to; by default the dtype of `a`, or int64 or uint64 for
    ///     smaller integers. With ``dtype=object``, integers sum to Python ints of any size.
    /// out : ndarray, optional
    ///     Where to put the result; its shape must be the result's. It gives the default for `dtype`.
    /// keepdims : bool, optional
    ///     Keep the axes summed over, with size one.
    /// initial : scalar, optional
    ///     A number that is added to each sum, exactly.
    /// where : array_like of bool, optional
    ///     Elements to include, broadcast against `a`.
    ///
    /// Returns
    /// -------
    /// ndarray or scalar
    ///     The sums; 0 for no elements. NaN if a NaN or infinities of both signs are summed.
    ///
    /// Raises
    /// ------
    /// OverflowError
    ///     If an integer sum does not fit the result's dtype.
    /// TypeError
    ///     If `a` or `dtype` is of a type that has no exact sum here.
    ///
    /// Warns
    /// -----
    /// RuntimeWarning
    ///     If a finite sum overflows, or infinities of both signs meet; as `numpy.errstate` says.
    ///
    /// See Also
    /// --------
    /// numpy.sum, math.fsum
    ///
    /// References
    /// ----------
    /// R. M. Neal, "Fast exact summation using small and large superaccumulators", 2015.
    /// S. M. Rump, T. Ogita, S. Oishi, "Accurate floating-point summation", 2008.
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, mypackage
    /// >>> a = np.array([1e16, 1.0, -1e16])
    /// >>> float(np.sum(a)), float(mypackage.sum(a))
    /// (0.0, 1.0)
    /// >>> mypackage.sum(np.ones((3, 20_000), dtype=np.float32), axis=1)
    /// array([20000., 20000., 20000.], dtype=float32)
    sum(initial) = SUM
}

reduction! {
    /// nansum(a, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True)
    /// --
    ///
    /// Exact sum of array elements over given axes, NaNs left out, rounded once.
    ///
    /// Parameters, result and errors are those of `sum`; no copy of `a` is made.
    ///
    /// See Also
    /// --------
    /// sum, numpy.nansum
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, mypackage
    /// >>> float(mypackage.nansum([1.0, np.nan, 2.0]))
    /// 3.0
    nansum(initial) = NANSUM
}

reduction! {
    /// mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True)
    /// --
    ///
    /// Exact arithmetic mean over given axes: the exact sum divided by the count, rounded once.
    ///
    /// Parameters
    /// ----------
    /// a : array_like
    ///     Elements, as for `sum`.
    /// axis : None or int or tuple of ints, optional
    ///     Axes to average over; all by default.
    /// dtype : dtype, optional
    ///     What the exact mean is rounded to; by default the dtype of `a`, or float64 for integers.
    /// out : ndarray, optional
    ///     Where to put the result; its shape must be the result's. It gives the default for `dtype`.
    /// keepdims : bool, optional
    ///     Keep the axes averaged over, with size one.
    /// where : array_like of bool, optional
    ///     Elements to include, broadcast against `a`.
    ///
    /// Returns
    /// -------
    /// ndarray or scalar
    ///     The means; NaN, with a RuntimeWarning, for no elements.
    ///
    /// See Also
    /// --------
    /// sum, numpy.mean
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, mypackage
    /// >>> a = np.full((100_000, 2), 300.1, dtype=np.float32)
    /// >>> np.mean(a, axis=0) == np.float32(300.1)  # its digits depend on the machine
    /// array([False, False])
    /// >>> mypackage.mean(a, axis=0)
    /// array([300.1, 300.1], dtype=float32)
    mean(no initial) = MEAN
}

reduction! {
    /// nanmean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True)
    /// --
    ///
    /// Exact arithmetic mean over given axes, NaNs left out, rounded once.
    ///
    /// Parameters, result and warnings are those of `mean`; no copy of `a` is made.
    ///
    /// See Also
    /// --------
    /// mean, numpy.nanmean
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, mypackage
    /// >>> float(mypackage.nanmean([1.0, np.nan, 2.0]))
    /// 1.5
    nanmean(no initial) = NANMEAN
}

#[inline]
fn reduce<'py>(
    operation: Operation,
    a: &Bound<'py, PyAny>,
    arguments: &Arguments<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = a.py();
    let number = Array::exact(a).and_then(|array| Some((array, array.number()?)));
    let Some((array, number)) = number else {
        let kinds = py.import("mypackage._kinds")?;
        return kinds.call_method("reduce", (operation.name, a), Some(&arguments.to_dict(py)?));
    };
    if arguments.are_default()
        && !operation.skip_nan
        && !number.complex
        && let Some(size) = array.contiguous_size(number)
        && size > 0
        && let Some(total) = total(py, array, number, size)?
        && let Some(result) = plain_result(py, operation, number, &total)?
    {
        return Ok(result);
    }
    reduce_array(operation, array, number, arguments)
}

/// The sum of all elements of a plain array.
#[inline]
pub(super) fn total(
    py: Python<'_>,
    array: Array<'_, '_>,
    number: Number,
    size: usize,
) -> PyResult<Option<Accumulator>> {
    let data = array.data().expose_provenance();
    // SAFETY: native, aligned, contiguous elements of an array that the caller holds.
    let run = || unsafe {
        exact::sum_contiguous(number.part, std::ptr::with_exposed_provenance(data), size)
    };
    watched(py, size, run)
}

/// The usual result without the usual costs; `None` if there is anything to report.
#[inline]
pub(super) fn plain_result<'py>(
    py: Python<'py>,
    operation: Operation,
    number: Number,
    total: &Accumulator,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let target = if operation.mean { number.of_mean() } else { number.of_sum() };
    let divisor = if operation.mean { total.count() } else { 1 };
    let bits = match format(target.part) {
        Some(format) => {
            let bits = total.round_quotient(divisor, format);
            if bits & format.infinity() == format.infinity() {
                return Ok(None);
            }
            bits
        }
        None => match total.to_integer(divisor) {
            Some(integer) if integer_range(target.part).contains(&integer) => integer as u64,
            _ => return Ok(None),
        },
    };
    let size = target.part.size();
    let aligned = if cfg!(target_endian = "little") { bits } else { bits << (64 - 8 * size) };
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&aligned.to_ne_bytes());
    ndarray::scalar(py, &bytes, target).map(Some)
}

/// The format of floating-point results.
fn format(part: Dtype) -> Option<Format> {
    match part {
        Dtype::F64 => Some(Format::F64),
        Dtype::F32 => Some(Format::F32),
        Dtype::F16 => Some(Format::F16),
        _ => None,
    }
}

/// What an integer type, or bool, holds.
pub(super) fn integer_range(part: Dtype) -> std::ops::RangeInclusive<i128> {
    let bits = 8 * part.size() as u32;
    match part {
        Dtype::Bool => 0..=1,
        Dtype::U8 | Dtype::U16 | Dtype::U32 | Dtype::U64 => 0..=(1i128 << bits) - 1,
        _ => -(1i128 << (bits - 1))..=(1i128 << (bits - 1)) - 1,
    }
}

fn reduce_array<'py>(
    operation: Operation,
    array: Array<'_, 'py>,
    number: Number,
    arguments: &Arguments<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = array.object.py();
    let reduced = reduced_axes(array.shape().len(), arguments.axis.as_ref())?;
    let dtype = match (&arguments.dtype, &arguments.out) {
        (Some(dtype), _) => Some(dtype.clone()),
        (None, Some(out)) => Some(out_array(operation.name, out)?.object.getattr("dtype")?),
        (None, None) => None,
    };
    let target = Target::choose(operation, number, dtype)?;
    let keepdims = match &arguments.keepdims {
        Given::No => false,
        Given::Yes(value) => value.is_truthy()?,
    };
    let mut mask = mask(array, &arguments.r#where)?;
    if number.complex && operation.skip_nan {
        mask = Some(without_nans(array, mask)?);
    }
    let shape: Vec<usize> = (array.shape().iter().zip(&reduced))
        .filter(|&(_, &reduced)| keepdims || !reduced)
        .map(|(&size, &reduced)| if reduced { 1 } else { size })
        .collect();
    if let Some(out) = &arguments.out {
        check_out(operation.name, out, &shape)?;
    }
    let initial = initial(py, operation, array, number, &reduced, &arguments.initial)?;

    let parts = number.complex && target.is_complex();
    let request = request(array, number, &reduced, mask.as_ref(), parts, operation.skip_nan);
    let writer = Writer::new(py, operation, target, initial, &shape, request.results())?;
    let size: usize = array.shape().iter().product();
    // SAFETY: the array and the mask are held by the caller and by `mask`.
    watched(py, size, || unsafe {
        exact::sum_into(&request, &writer);
    })?;
    let result = writer.finish(py)?;
    match &arguments.out {
        Some(out) => {
            let options = PyDict::new(py);
            options.set_item("casting", "same_kind")?;
            numpy(py)?.call_method("copyto", (out, result), Some(&options))?;
            Ok(out.clone())
        }
        None => Ok(result),
    }
}

/// Runs a kernel over so many elements, without the GIL where that pays.
#[inline]
pub(super) fn detached<R: Send>(
    py: Python<'_>,
    size: usize,
    kernel: impl FnOnce() -> R + Send,
) -> R {
    if size < DETACH_FROM { kernel() } else { py.detach(kernel) }
}

/// From this many elements on, signals are looked for: that takes a tenth of a millisecond.
const WATCHED_FROM: usize = 16 * GRAIN;

/// As `detached`; and a signal ends a long call. The error is what the signal's handler raised, and
/// what the kernel did is then of no use.
#[inline]
pub(super) fn watched<R: Send>(
    py: Python<'_>,
    size: usize,
    kernel: impl FnOnce() -> R + Send,
) -> PyResult<R> {
    watched_from(WATCHED_FROM, py, size, kernel)
}

/// As `watched`, with a limit of its own, for a kernel that is slower than a sum.
#[inline]
pub(super) fn watched_from<R: Send>(
    limit: usize,
    py: Python<'_>,
    size: usize,
    kernel: impl FnOnce() -> R + Send,
) -> PyResult<R> {
    if size < limit { Ok(detached(py, size, kernel)) } else { watched_now(py, size, kernel) }
}

#[inline(never)]
fn watched_now<R: Send>(
    py: Python<'_>,
    size: usize,
    kernel: impl FnOnce() -> R + Send,
) -> PyResult<R> {
    if !takes_signals(py)? {
        return Ok(detached(py, size, kernel));
    }
    // The thread that does the work may be told to do it alone.
    let alone = threads::get() == 1;
    let kernel = || if alone { threads::serially(kernel) } else { kernel() };
    py.detach(|| interrupt::watched(kernel, || Python::attach(|py| py.check_signals())))
}

/// Whether this is the thread that runs signal handlers: the main one.
fn takes_signals(py: Python<'_>) -> PyResult<bool> {
    let threading = py.import("threading")?;
    let main = threading.call_method0("main_thread")?.getattr("ident")?;
    main.eq(threading.call_method0("get_ident")?)
}

/// What the kernel is asked: the array's memory, axis by axis. The parts of complex numbers are a
/// last axis that is kept, if `parts` says so; otherwise the imaginary parts are left alone.
pub(super) fn request(
    array: Array<'_, '_>,
    number: Number,
    reduced: &[bool],
    mask: Option<&Bound<'_, PyAny>>,
    parts: bool,
    skip_nan: bool,
) -> Request {
    let mask = mask.map(|mask| Array { object: mask });
    let mask_strides = mask.map_or(vec![0; reduced.len()], |mask| mask.strides().to_vec());
    let mut axes: Vec<Axis> = (array.shape().iter().zip(array.strides()))
        .zip(reduced.iter().zip(mask_strides))
        .map(|((&size, &stride), (&reduced, mask_stride))| Axis {
            size,
            stride,
            mask_stride,
            reduced,
        })
        .collect();
    if parts {
        let stride = number.part.size() as isize;
        axes.push(Axis { size: 2, stride, mask_stride: 0, reduced: false });
    }
    Request {
        dtype: number.part,
        swapped: array.swapped(),
        data: array.data(),
        mask: mask.map(|mask| mask.data().cast_const()),
        skip_nan,
        axes,
    }
}

/// Rounds sums that are there already, as `sum` or `mean` of numbers of a dtype.
pub(super) fn round_all<'py>(
    py: Python<'py>,
    operation: Operation,
    number: Number,
    dtype: Option<Bound<'py, PyAny>>,
    shape: &[usize],
    cells: &Cells,
) -> PyResult<Bound<'py, PyAny>> {
    let target = Target::choose(operation, number, dtype)?;
    let real_parts = number.complex && !target.is_complex();
    let results = if real_parts { cells.len() / 2 } else { cells.len() };
    let writer = Writer::new(py, operation, target, None, shape, results)?;
    detached(py, cells.len(), || {
        if real_parts {
            for (index, cell) in cells.iter().step_by(2).enumerate() {
                writer.put(index, &cell);
            }
        } else {
            cells.put(operation.mean, &writer);
        }
    });
    writer.finish(py)
}

/// A single sum rounded to double precision, as Python writes it; nothing is reported.
pub(super) fn quiet_value(py: Python<'_>, complex: bool, cells: &Cells) -> PyResult<String> {
    let part = |index: usize| cells.get(index).to_f64();
    let value = if complex {
        pyo3::types::PyComplex::from_doubles(py, part(0), part(1)).into_any()
    } else {
        part(0).into_pyobject(py)?.into_any()
    };
    Ok(value.repr()?.to_string())
}

pub(super) fn numpy<'py>(py: Python<'py>) -> PyResult<&'py Bound<'py, PyAny>> {
    static NUMPY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let module =
        NUMPY.get_or_try_init(py, || py.import("numpy").map(|numpy| numpy.into_any().unbind()))?;
    Ok(module.bind(py))
}

/// For each axis, whether it is summed over.
pub(super) fn reduced_axes(ndim: usize, axis: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<bool>> {
    let Some(axis) = axis else {
        return Ok(vec![true; ndim]);
    };
    let mut reduced = vec![false; ndim];
    let mut mark = |axis: &Bound<'_, PyAny>| {
        if let Some(index) = normalise_axis(ndim, axis)?
            && std::mem::replace(&mut reduced[index], true)
        {
            return Err(PyValueError::new_err("duplicate value in 'axis'"));
        }
        Ok(())
    };
    match axis.cast::<PyTuple>() {
        Ok(axes) => axes.iter().try_for_each(|axis| mark(&axis))?,
        Err(_) => mark(axis)?,
    }
    Ok(reduced)
}

/// An axis counted from the front; `None` for the only axes that a 0-d array accepts, 0 and -1.
pub(super) fn normalise_axis(ndim: usize, axis: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    let index: isize = axis
        .call_method0("__index__")
        .map_err(|_| {
            PyTypeError::new_err(format!(
                "axis must be None, an int or a tuple of ints, not {}",
                axis.repr().map_or_else(|_| "this".to_owned(), |text| text.to_string())
            ))
        })?
        .extract()?;
    let size = ndim as isize;
    if ndim == 0 && (index == 0 || index == -1) {
        return Ok(None);
    }
    if !(-size..size).contains(&index) {
        let error = axis.py().import("numpy.exceptions")?.getattr("AxisError")?;
        return Err(PyErr::from_value(error.call1((index, ndim))?));
    }
    Ok(Some(if index < 0 { index + size } else { index } as usize))
}

/// `where` as booleans in the shape of the array; `None` for all.
pub(super) fn mask<'py>(
    array: Array<'_, 'py>,
    r#where: &Given<'py>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Given::Yes(r#where) = r#where else {
        return Ok(None);
    };
    let py = array.object.py();
    if r#where.is(pyo3::types::PyBool::new(py, true)) {
        return Ok(None);
    }
    // What the two calls below would return, without their costs.
    if let Some(mask) = Array::exact(r#where)
        && mask.shape() == array.shape()
        && mask.number() == Some(Number { part: Dtype::Bool, complex: false })
    {
        return Ok(Some(r#where.clone()));
    }
    let numpy = numpy(py)?;
    let mask = numpy.call_method1("asarray", (r#where, "?"))?;
    let shape = PyTuple::new(py, array.shape())?;
    Ok(Some(numpy.call_method1("broadcast_to", (mask, shape))?))
}

/// The mask less the NaNs: a complex number is one if either part is.
pub(super) fn without_nans<'py>(
    array: Array<'_, 'py>,
    mask: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let numpy = numpy(array.object.py())?;
    let nan = numpy.call_method1("isnan", (array.object,))?;
    let mut kept = numpy.call_method1("logical_not", (nan,))?;
    if let Some(mask) = mask {
        // (Not a comparison: true may be any byte but 0.)
        kept = numpy.call_method1("logical_and", (mask, kept))?;
    }
    // Of a 0-d array these are scalars.
    numpy.call_method1("asarray", (kept,))
}

fn out_array<'a, 'py>(name: &str, out: &'a Bound<'py, PyAny>) -> PyResult<Array<'a, 'py>> {
    let kind = out.get_type().name()?;
    Array::of(out)
        .ok_or_else(|| PyTypeError::new_err(format!("{name}: out must be an array, not {kind}")))
}

pub(super) fn check_out(name: &str, out: &Bound<'_, PyAny>, shape: &[usize]) -> PyResult<()> {
    let array = out_array(name, out)?;
    if array.shape() != shape {
        return Err(PyValueError::new_err(format!(
            "{}: out has shape {:?}, but the result has shape {shape:?}",
            name,
            array.shape()
        )));
    }
    Ok(())
}

/// The numbers that are added to each part of each sum.
fn initial<'py>(
    py: Python<'py>,
    operation: Operation,
    array: Array<'_, 'py>,
    number: Number,
    reduced: &[bool],
    initial: &Given<'py>,
) -> PyResult<Option<[Accumulator; 2]>> {
    let Given::Yes(value) = initial else {
        return Ok(None);
    };
    if value.is_none() {
        let empty = array.shape().iter().zip(reduced).any(|(&size, &reduced)| reduced && size == 0);
        return if empty {
            Err(PyValueError::new_err(format!(
                "{}: no elements along the axes summed over, and initial=None",
                operation.name
            )))
        } else {
            Ok(None)
        };
    }
    let mut parts = [Accumulator::new(), Accumulator::new()];
    let refused = || {
        PyTypeError::new_err(format!(
            "{}: initial must be a number that {} holds, not {value}",
            operation.name,
            number.of_sum().name()
        ))
    };
    if value.hasattr("__index__")? && !value.is_instance_of::<pyo3::types::PyFloat>() {
        let integer: i128 = value.call_method0("__index__")?.extract().map_err(|_| {
            PyOverflowError::new_err(format!(
                "{}: initial={value} is beyond 128 bits",
                operation.name
            ))
        })?;
        parts[0].add_scaled(integer, 0);
    } else if let Ok(real) = value.extract::<f64>() {
        if !number.part.is_floating() && real.fract() != 0.0 {
            return Err(refused());
        }
        parts[0].add_f64(real);
    } else if number.complex {
        let complex =
            py.get_type::<pyo3::types::PyComplex>().call1((value,)).map_err(|_| refused())?;
        for (part, name) in parts.iter_mut().zip(["real", "imag"]) {
            part.add_f64(complex.getattr(name)?.extract()?);
        }
    } else {
        return Err(refused());
    }
    Ok(Some(parts))
}

/// What the exact results are rounded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Number(Number),
    /// Python ints.
    Object,
}

impl Target {
    pub fn is_complex(self) -> bool {
        matches!(self, Target::Number(Number { complex: true, .. }))
    }

    pub fn choose(
        operation: Operation,
        number: Number,
        dtype: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Target> {
        let Some(dtype) = dtype else {
            return Ok(Target::Number(if operation.mean {
                number.of_mean()
            } else {
                number.of_sum()
            }));
        };
        let py = dtype.py();
        let dtype = numpy(py)?.call_method1("dtype", (dtype,))?;
        let target = match dtype.getattr("char")?.extract::<char>()? {
            'O' if !number.part.is_floating() && !operation.mean => Target::Object,
            _ => match Number::from_type_number(dtype.getattr("num")?.extract()?) {
                Some(number) => Target::Number(number),
                None => {
                    return Err(PyTypeError::new_err(format!(
                        "{}: the exact result of {} elements cannot be given as dtype={dtype}; choose \
                         bool, an integer, float16, float32, float64, complex64, complex128, or object \
                         for sums of integers",
                        operation.name,
                        number.name()
                    )));
                }
            },
        };
        if number.complex && !target.is_complex() {
            let warning = py.import("numpy.exceptions")?.getattr("ComplexWarning")?;
            PyErr::warn(
                py,
                &warning,
                c"Casting complex values to real discards the imaginary part",
                1,
            )?;
        }
        Ok(target)
    }
}

fn is_infinite(sum: &Accumulator) -> bool {
    !sum.is_finite() && sum.to_f64().is_infinite()
}

const INVALID: u8 = 1;
const OVERFLOW: u8 = 2;
const EMPTY: u8 = 4;

/// Rounds the sums into the result, from any thread, and remembers what went wrong.
pub(super) struct Writer<'py> {
    operation: Operation,
    target: Target,
    initial: Option<[Accumulator; 2]>,
    /// Parts of a result: 2 for complex sums.
    parts: usize,
    /// Bytes from one part of a result to the next, in `data`.
    stride: usize,
    data: usize,
    place: Place<'py>,
    status: AtomicU8,
    misfit: Mutex<Option<(usize, String)>>,
    integers: Mutex<Vec<(usize, i128)>>,
}

enum Place<'py> {
    Scalar(Box<[u8; 16]>),
    Array(Bound<'py, PyAny>),
    Objects(Vec<usize>),
}

// SAFETY: results are written to disjoint places; the Python objects are used by `new` and
// `finish` alone, with the GIL.
unsafe impl Sync for Writer<'_> {}
// SAFETY: as above.
unsafe impl Send for Writer<'_> {}

impl Sink for Writer<'_> {
    fn put(&self, index: usize, sum: &Accumulator) {
        self.put_counted(index, sum, sum.count());
    }

    fn put_pairs(&self, index: usize, step: usize, pairs: PairSlice<'_>, count: i64) {
        let divisor = if self.operation.mean { count } else { 1 };
        let isa = crate::cpu::isa();
        // Counts of this size are numbers.
        let part = match self.target {
            Target::Number(number) if self.initial.is_none() && (1..1 << 53).contains(&divisor) => {
                number.part
            }
            _ => Dtype::Bool,
        };
        let divisor = divisor as f64;
        for first in (0..pairs.len()).step_by(ROUNDED) {
            let taken = ROUNDED.min(pairs.len() - first);
            let some = pairs.range(first..first + taken);
            let at = |result: usize| index + (first + result) * step;
            // NaNs and infinities need another way.
            let put = |result: usize| {
                self.put(at(result), &some.accumulator(result, count));
            };
            match part {
                Dtype::F64 => {
                    let mut rounded = [0.0; ROUNDED];
                    exact::round_f64(isa, some, divisor, &mut rounded[..taken]);
                    self.write_all(
                        at(0),
                        step,
                        &rounded[..taken],
                        f64::is_finite,
                        f64::to_bits,
                        put,
                    );
                }
                Dtype::F32 => {
                    let mut rounded = [0.0; ROUNDED];
                    exact::round_f32(isa, some, divisor, &mut rounded[..taken]);
                    let bits = |x: f32| x.to_bits().into();
                    self.write_all(at(0), step, &rounded[..taken], f32::is_finite, bits, put);
                }
                Dtype::I64 if divisor == 1.0 => {
                    for result in 0..taken {
                        match some.integer(result) {
                            Some(sum) => self.write(at(result), 8, sum as u64),
                            None => put(result),
                        }
                    }
                }
                _ => (0..taken).for_each(put),
            }
        }
    }
}

/// Results that are rounded at once.
const ROUNDED: usize = 256;

impl<'py> Writer<'py> {
    pub fn new(
        py: Python<'py>,
        operation: Operation,
        target: Target,
        initial: Option<[Accumulator; 2]>,
        shape: &[usize],
        results: usize,
    ) -> PyResult<Writer<'py>> {
        let (mut place, stride, parts) = match target {
            Target::Object => (Place::Objects(shape.to_vec()), 0, 1),
            Target::Number(number) => {
                let place = if shape.is_empty() {
                    Place::Scalar(Box::new([0; 16]))
                } else {
                    Place::Array(ndarray::empty(py, shape, number)?)
                };
                let cells: usize = shape.iter().product();
                // A complex target of real elements: only the real parts are summed.
                let parts = if number.complex && results == 2 * cells { 2 } else { 1 };
                (place, number.size() / parts, parts)
            }
        };
        let data = match &mut place {
            Place::Scalar(bytes) => bytes.as_mut_ptr().addr(),
            Place::Array(array) => {
                let view = Array { object: array };
                // Imaginary parts that nothing writes are 0.
                if let Target::Number(number) = target
                    && number.complex
                    && parts == 1
                {
                    let bytes = view.shape().iter().product::<usize>() * number.size();
                    // SAFETY: the array is new, C-contiguous and nobody else's.
                    unsafe { view.data().write_bytes(0, bytes) };
                }
                view.data().addr()
            }
            Place::Objects(_) => 0,
        };
        Ok(Writer {
            operation,
            target,
            initial,
            parts,
            stride,
            data,
            place,
            status: AtomicU8::new(0),
            misfit: Mutex::new(None),
            integers: Mutex::new(Vec::new()),
        })
    }

    /// Writes a result, given how many numbers it is the sum of.
    pub fn put_counted(&self, index: usize, sum: &Accumulator, count: i64) {
        let with_initial;
        let sum = match &self.initial {
            None => sum,
            Some(initial) => {
                let mut all = sum.clone();
                all.merge(&initial[index % self.parts]);
                with_initial = all;
                &with_initial
            }
        };
        let divisor = if self.operation.mean { count } else { 1 };
        if self.operation.mean && divisor == 0 {
            self.raise(EMPTY);
        } else if sum.is_invalid() {
            self.raise(INVALID);
        }
        match self.target {
            Target::Object => match sum.to_integer(1) {
                Some(integer) => {
                    self.integers.lock().expect("no panic while locked").push((index, integer));
                }
                None => self.record_misfit(index, "a sum beyond 128 bits".to_owned()),
            },
            Target::Number(number) => {
                let Some(format) = format(number.part) else {
                    return self.put_integer(index, sum, divisor, number.part);
                };
                let bits = sum.round_quotient(divisor, format);
                if bits & format.infinity() == format.infinity() && sum.is_finite() && divisor != 0
                {
                    self.raise(OVERFLOW);
                }
                self.write(index, number.part.size(), bits);
            }
        }
    }

    /// Writes a floating-point quotient of two sums.
    pub fn put_quotient(&self, index: usize, sum: &Accumulator, divisor: &Accumulator) {
        let Target::Number(number) = self.target else {
            unreachable!("quotients are floating-point numbers")
        };
        let Some(format) = format(number.part) else {
            unreachable!("quotients are floating-point numbers")
        };
        let bits = sum.divide(divisor, format);
        if sum.is_invalid() || divisor.is_invalid() || is_infinite(sum) && is_infinite(divisor) {
            self.raise(INVALID);
        } else if bits & format.infinity() == format.infinity()
            && sum.is_finite()
            && divisor.is_finite()
        {
            self.raise(OVERFLOW);
        }
        self.write(index, number.part.size(), bits);
    }

    fn put_integer(&self, index: usize, sum: &Accumulator, divisor: i64, part: Dtype) {
        match sum.to_integer(divisor) {
            Some(integer) if integer_range(part).contains(&integer) => {
                self.write(index, part.size(), integer as u64);
            }
            Some(integer) => self.record_misfit(index, format!("the exact result {integer}")),
            None => {
                let result = f64::from_bits(sum.round_quotient(divisor, Format::F64));
                self.record_misfit(index, format!("the result {result}"));
            }
        }
    }

    fn write(&self, index: usize, size: usize, bits: u64) {
        let bytes = if cfg!(target_endian = "little") { bits } else { bits << (64 - 8 * size) };
        // SAFETY: `index` is below the number of parts of the result, each written once.
        unsafe {
            let to =
                std::ptr::with_exposed_provenance_mut::<u8>(self.data).add(index * self.stride);
            to.copy_from_nonoverlapping(bytes.to_ne_bytes().as_ptr(), size);
        }
    }

    /// Writes the finite numbers as results `index, index + step, ...`; the places of others go to
    /// `put`.
    fn write_all<T: Copy>(
        &self,
        index: usize,
        step: usize,
        numbers: &[T],
        is_finite: impl Fn(T) -> bool,
        bits: impl Fn(T) -> u64,
        put: impl Fn(usize),
    ) {
        if step * self.stride == size_of::<T>()
            && numbers.iter().fold(true, |all, &x| all & is_finite(x))
        {
            // SAFETY: as in `write`, of results that lie side by side.
            unsafe {
                std::ptr::with_exposed_provenance_mut::<u8>(self.data)
                    .add(index * self.stride)
                    .copy_from_nonoverlapping(numbers.as_ptr().cast(), size_of_val(numbers));
            }
            return;
        }
        for (result, &number) in numbers.iter().enumerate() {
            if is_finite(number) {
                self.write(index + result * step, size_of::<T>(), bits(number));
            } else {
                put(result);
            }
        }
    }

    fn raise(&self, status: u8) {
        self.status.fetch_or(status, Ordering::Relaxed);
    }

    /// Keeps the first result that does not fit.
    fn record_misfit(&self, index: usize, what: String) {
        let mut misfit = self.misfit.lock().expect("no panic while locked");
        if misfit.as_ref().is_none_or(|&(first, _)| index < first) {
            *misfit = Some((index, what));
        }
    }

    pub fn finish(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let name = self.operation.name;
        if let Some((index, what)) = self.misfit.into_inner().expect("no panic while locked") {
            let place = match &self.place {
                Place::Scalar(_) => String::new(),
                _ => format!(" (result {index} in C order)"),
            };
            let dtype = match self.target {
                Target::Number(number) => number.name(),
                Target::Object => "a Python int here",
            };
            let advice = self.operation.advice;
            return Err(PyOverflowError::new_err(format!(
                "{name}: {what} does not fit {dtype}{place}; use {advice}"
            )));
        }
        let status = self.status.into_inner();
        if status != 0 {
            let errors = py.import("mypackage._errors")?;
            for (flag, report) in [
                (EMPTY, "report_empty"),
                (INVALID, "report_invalid"),
                (OVERFLOW, "report_overflow"),
            ] {
                if status & flag != 0 {
                    errors.call_method1(report, (name,))?;
                }
            }
        }
        match (self.place, self.target) {
            (Place::Scalar(bytes), Target::Number(number)) => ndarray::scalar(py, &bytes, number),
            (Place::Array(array), _) => Ok(array),
            (Place::Objects(shape), _) => {
                let mut integers = self.integers.into_inner().expect("no panic while locked");
                integers.sort_unstable_by_key(|&(index, _)| index);
                if shape.is_empty() {
                    let integer = integers.first().map_or(0, |&(_, integer)| integer);
                    return Ok(integer.into_pyobject(py)?.into_any());
                }
                let flat = numpy(py)?.call_method1("empty", (integers.len(), "O"))?;
                for (index, integer) in integers {
                    flat.set_item(index, integer)?;
                }
                flat.call_method1("reshape", (PyTuple::new(py, shape)?,))
            }
            (Place::Scalar(_), Target::Object) => unreachable!("objects have a place of their own"),
        }
    }
}
