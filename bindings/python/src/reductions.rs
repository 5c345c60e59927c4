//! The reductions over axes, with NumPy's signatures: the table of reductions, and shared code.
//!
//! Plain arrays are summed here. Everything else (lists, masked arrays, pandas, dask, ...) goes to
//! `mypackage._core.dispatch`, which calls back with arrays.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt};

use super::arguments::{
    Foreign, Given, check_out, delivered, initial, mask, out_array, reduced_axes,
};
use super::calls::watched;
use super::lists::array_of;
use super::modules::dispatch;
use super::moments::Plain;
use super::ndarray::{Array, Number};
use super::results::{
    Kind, MEAN, NANMEAN, NANSUM, Operation, SUM, SUM_OF_SQUARES, Target, Writer, format,
    rounded_result, single_result,
};
use mypackage::sum::{self as exact, Accumulator, Input};

/// The arguments after the array, as given. Each function of the table takes some of them.
#[derive(Default)]
struct Arguments<'py> {
    axis: Option<Bound<'py, PyAny>>,
    dtype: Option<Bound<'py, PyAny>>,
    out: Option<Bound<'py, PyAny>>,
    keepdims: Given<'py>,
    initial: Given<'py>,
    r#where: Given<'py>,
}

impl<'py> Arguments<'py> {
    /// The arguments that may be `None`, with their names.
    fn others(&self) -> [(&'static str, &Given<'py>); 3] {
        [("keepdims", &self.keepdims), ("initial", &self.initial), ("where", &self.r#where)]
    }

    fn are_default(&self) -> bool {
        self.axis.is_none()
            && self.dtype.is_none()
            && self.out.is_none()
            && self.others().iter().all(|(_, value)| matches!(value, Given::No))
    }

    /// Whether a sum of only -0.0 must be -0.0, which kernels do not compute.
    fn starts_at_negative_zero(&self, py: Python<'py>) -> PyResult<bool> {
        let Given::Yes(initial) = &self.initial else {
            return Ok(false);
        };
        if initial.is_none() || initial.is_exact_instance_of::<PyInt>() {
            return Ok(false);
        }
        if let Ok(initial) = initial.cast_exact::<PyFloat>() {
            return Ok(initial.value().to_bits() == (-0.0f64).to_bits());
        }
        let parts = dispatch(py)?.call_method1("starts_at_negative_zero", (initial,))?;
        let (real, imaginary): (bool, bool) = parts.extract()?;
        Ok(real || imaginary)
    }

    fn to_dict(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let arguments = PyDict::new(py);
        for (name, value) in [("axis", &self.axis), ("dtype", &self.dtype), ("out", &self.out)] {
            if let Some(value) = value {
                arguments.set_item(name, value)?;
            }
        }
        for (name, value) in self.others() {
            if let Given::Yes(value) = value {
                arguments.set_item(name, value)?;
            }
        }
        Ok(arguments)
    }
}

/// A row of the table: the Python function of a reduction, with the arguments that follow `out`
/// (after a semicolon those that are keyword-only), which are fields of [`Arguments`]; its
/// signature as `help` shows it; and the operation.
macro_rules! reduction {
    ($(#[$doc:meta])* $name:ident($($place:ident),* $(; $($named:ident),*)?), $signature:tt = $operation:ident) => {
        $(#[$doc])*
        #[pyfunction]
        #[pyo3(
            signature = (
                a, axis=None, dtype=None, out=None,
                $($place=Given::No,)* *, $($($named=Given::No,)*)? dim=Given::No,
                keep_attrs=Given::No, skipna=Given::No, split_every=Given::No
            ),
            text_signature = $signature
        )]
        #[allow(clippy::too_many_arguments)]
        pub(super) fn $name<'py>(
            a: &Bound<'py, PyAny>,
            axis: Option<Bound<'py, PyAny>>,
            dtype: Option<Bound<'py, PyAny>>,
            out: Option<Bound<'py, PyAny>>,
            $($place: Given<'py>,)*
            $($($named: Given<'py>,)*)?
            dim: Given<'py>,
            keep_attrs: Given<'py>,
            skipna: Given<'py>,
            split_every: Given<'py>,
        ) -> PyResult<Bound<'py, PyAny>> {
            Foreign { dim, keep_attrs, skipna, split_every }.refuse($operation.name)?;
            #[allow(clippy::needless_update)]
            let arguments = Arguments {
                axis, dtype, out, $($place,)* $($($named,)*)? ..Arguments::default()
            };
            reduce($operation, a, &arguments)
        }
    };
}

reduction! {
    /// Exact sum of array elements over given axes, rounded once.
    ///
    /// The result is the real-number sum of the elements, rounded half to even to the result's dtype:
    /// the same bits for the same elements in any order, layout or chunking, with any number of
    /// threads, on any CPU.
    ///
    #[doc = sections_of_sums!("NaN if a NaN or infinities of both signs are summed.")]
    ///
    /// See Also
    /// --------
    /// nansum, mean, cumsum, ExactSum, numpy.sum, math.fsum
    ///
    /// References
    /// ----------
    /// * Neal, "Fast exact summation using small and large superaccumulators", 2015.
    /// * Rump, Ogita and Oishi, "Accurate floating-point summation", 2008.
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, mypackage
    /// >>> a = np.array([1e16, 1.0, -1e16])
    /// >>> float(np.sum(a)), float(mypackage.sum(a))
    /// (0.0, 1.0)
    /// >>> mypackage.sum(np.ones((3, 20_000), dtype=np.float32), axis=1)
    /// array([20000., 20000., 20000.], dtype=float32)
    sum(keepdims, initial, r#where),
    "(a, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True)" = SUM
}

reduction! {
    /// Exact sum of array elements over given axes, NaNs left out, rounded once.
    ///
    /// The real-number sum of the elements that are not NaN, rounded half to even to the result's dtype.
    /// No copy of `a` is made. A sum of NaNs only is 0.
    ///
    #[doc = sections_of_sums!("NaN if infinities of both signs are summed.")]
    ///
    /// See Also
    /// --------
    /// sum, nanmean, nancumsum, numpy.nansum
    ///
    /// References
    /// ----------
    /// * Neal, "Fast exact summation using small and large superaccumulators", 2015.
    /// * Rump, Ogita and Oishi, "Accurate floating-point summation", 2008.
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, mypackage
    /// >>> float(mypackage.nansum([1.0, np.nan, 2.0]))
    /// 3.0
    /// >>> mypackage.nansum([[1e16, np.nan], [1.0, np.nan], [-1e16, 5.0]], axis=0)
    /// array([1., 5.])
    nansum(keepdims, initial, r#where),
    "(a, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True)" = NANSUM
}

reduction! {
    /// Exact arithmetic mean over given axes: the exact sum divided by the count, rounded once.
    ///
    #[doc = sections_of_means!()]
    ///
    /// See Also
    /// --------
    /// nanmean, average, sum, numpy.mean, statistics.fmean
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, mypackage
    /// >>> a = np.full((100_000, 2), 300.1, dtype=np.float32)
    /// >>> np.mean(a, axis=0) == np.float32(300.1)  # its digits depend on the machine
    /// array([False, False])
    /// >>> mypackage.mean(a, axis=0)
    /// array([300.1, 300.1], dtype=float32)
    mean(keepdims; r#where),
    "(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True)" = MEAN
}

reduction! {
    /// Exact arithmetic mean over given axes, NaNs left out, rounded once.
    ///
    /// The exact sum of the elements that are not NaN, divided by their number. No copy of `a` is made.
    ///
    #[doc = sections_of_means!()]
    ///
    /// See Also
    /// --------
    /// mean, nansum, numpy.nanmean
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, mypackage
    /// >>> float(mypackage.nanmean([1.0, np.nan, 2.0]))
    /// 1.5
    nanmean(keepdims; r#where),
    "(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True)" = NANMEAN
}

reduction! {
    /// Exact sum of the squares of array elements over given axes, rounded once.
    ///
    /// No square overflows, underflows or is rounded; only the sum is rounded, half to even, to the
    /// result's dtype.
    ///
    /// Parameters
    /// ----------
    /// a : array_like
    ///     Elements of any dtype that `sum` takes. The square of a complex number is that of its
    ///     modulus.
    /// axis : None or int or tuple of ints, optional
    ///     Axes to sum over; all by default.
    /// dtype : dtype, optional
    ///     What the exact sum is rounded to; by default the dtype of `a`, or of its parts if they are
    ///     complex, or int64 or uint64 for smaller integers. With ``dtype=object``, integers give
    ///     Python ints of any size.
    /// out : ndarray, optional
    ///     Where to put the result; its shape must be the result's. It gives the default for `dtype`.
    /// keepdims : bool, optional
    ///     Keep the axes summed over, with size one.
    /// where : array_like of bool, optional
    ///     Elements to include, broadcast against `a`.
    ///
    /// Returns
    /// -------
    /// ndarray or scalar
    ///     The sums of squares, which are real; 0 for no elements. NaN if an element is.
    ///
    /// Raises
    /// ------
    /// OverflowError
    ///     If an integer sum does not fit the result's dtype.
    /// TypeError
    ///     If `a` or `dtype` is of a type that has no exact sum of squares here.
    ///
    /// Warns
    /// -----
    /// RuntimeWarning
    ///     If a finite sum overflows; as `numpy.errstate` says.
    ///
    /// See Also
    /// --------
    /// sum, vecdot, numpy.square
    ///
    /// References
    /// ----------
    /// * Dekker, "A floating-point technique for extending the available precision", 1971.
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, mypackage
    /// >>> a = np.array([3e7, 1.0, 1.0], dtype=np.float32)
    /// >>> float(np.sum(a * a)) == float(mypackage.sum_of_squares(a, dtype=np.float64))
    /// False
    /// >>> float(mypackage.sum_of_squares(a, dtype=np.float64))
    /// 900000000000002.0
    /// >>> int(mypackage.sum_of_squares(np.array([2**62, 3]), dtype=object)) == 2**124 + 9
    /// True
    /// >>> mypackage.sum_of_squares([[3 + 4j, 1j], [0, 2]], axis=1)
    /// array([26.,  4.])
    sum_of_squares(keepdims; r#where),
    "(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True)" = SUM_OF_SQUARES
}

#[inline]
fn reduce<'py>(
    operation: Operation,
    a: &Bound<'py, PyAny>,
    arguments: &Arguments<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    // Kept small, since Python code may call this recursively (through an `__array__`).
    match Array::of_numbers(a) {
        Some((array, number)) if !arguments.starts_at_negative_zero(a.py())? => {
            reduce_numbers(operation, array, number, arguments)
        }
        _ => reduce_other(operation, a, arguments),
    }
}

#[inline(never)]
fn reduce_numbers<'py>(
    operation: Operation,
    array: Array<'_, 'py>,
    number: Number,
    arguments: &Arguments<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = array.object.py();
    if arguments.are_default()
        && matches!(operation.kind, Kind::Sum | Kind::Mean)
        && !number.complex
        && let Some(size) = array.contiguous_size(number)
        && size > 0
    {
        let target = operation.default_target(number);
        let Some(format) = format(target.part) else {
            return match total(py, array, number, size)? {
                Some(total) => single_result(py, operation, number, &total),
                None => reduce_array(operation, array, number, arguments),
            };
        };
        let view = array.flat(number);
        if operation.skip_nan {
            let round = || exact::round_contiguous_without_nan(&view, format, operation.is_mean());
            return match watched(py, size, round)? {
                Some(bits) => rounded_result(py, target, bits),
                None => reduce_array(operation, array, number, arguments),
            };
        }
        let round = || exact::round_contiguous(&view, format, operation.is_mean());
        match watched(py, size, round)? {
            Some(Ok(bits)) => return rounded_result(py, target, bits),
            Some(Err(total)) => return single_result(py, operation, number, &total),
            None => {}
        }
    }
    if operation.kind == Kind::SumOfSquares {
        let dtype = result_dtype(operation, arguments)?;
        let plain = Plain {
            axis: arguments.axis.as_ref(),
            dtype: dtype.as_ref(),
            ddof: &Given::No,
            keepdims: &arguments.keepdims,
            r#where: &arguments.r#where,
        };
        if let Some(result) = plain.sum_of_squares(array, number)? {
            if let Some(out) = &arguments.out {
                let shape: Vec<usize> = result.getattr("shape")?.extract()?;
                check_out(operation.name, out, &shape)?;
            }
            return delivered(operation.name, result, arguments.out.as_ref());
        }
    }
    reduce_array(operation, array, number, arguments)
}

/// The reduction of what is not a plain array.
fn reduce_other<'py>(
    operation: Operation,
    a: &Bound<'py, PyAny>,
    arguments: &Arguments<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    if let Some(list) = array_of(a)?
        && let Some((array, number)) = Array::of_numbers(&list)
        && !arguments.starts_at_negative_zero(a.py())?
    {
        return reduce_array(operation, array, number, arguments);
    }
    let options = arguments.to_dict(a.py())?;
    dispatch(a.py())?.call_method("reduce", (operation.name, a), Some(&options))
}

/// The sum of all elements of a plain array.
#[inline]
pub(super) fn total(
    py: Python<'_>,
    array: Array<'_, '_>,
    number: Number,
    size: usize,
) -> PyResult<Option<Accumulator>> {
    let view = array.flat(number);
    watched(py, size, || exact::sum_contiguous(&view))
}

/// The dtype that is asked for, by that of `out` if not by name.
fn result_dtype<'py>(
    operation: Operation,
    arguments: &Arguments<'py>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    match (&arguments.dtype, &arguments.out) {
        (Some(dtype), _) => Ok(Some(dtype.clone())),
        (None, Some(out)) => Ok(Some(out_array(operation.name, out)?.object.getattr("dtype")?)),
        (None, None) => Ok(None),
    }
}

fn reduce_array<'py>(
    operation: Operation,
    array: Array<'_, 'py>,
    number: Number,
    arguments: &Arguments<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = array.object.py();
    let mut reduced = reduced_axes(array.shape().len(), arguments.axis.as_ref())?;
    let target = Target::choose(operation, number, result_dtype(operation, arguments)?)?;
    // As in NumPy, only for the nan functions.
    if operation.name == NANMEAN.name
        && number.part.is_floating()
        && !matches!(target, Target::Number(target) if target.part.is_floating())
    {
        let what = if arguments.dtype.is_some() { "dtype" } else { "out" };
        return Err(PyTypeError::new_err(format!(
            "{}: If a is inexact, then {what} must be inexact",
            operation.name
        )));
    }
    let keepdims = match &arguments.keepdims {
        Given::No => false,
        Given::Yes(value) => value.is_truthy()?,
    };
    let mask = mask(array, number, &arguments.r#where, operation.skip_nan)?;
    let shape: Vec<usize> = (array.shape().iter().zip(&reduced))
        .filter(|&(_, &reduced)| keepdims || !reduced)
        .map(|(&size, &reduced)| if reduced { 1 } else { size })
        .collect();
    if let Some(out) = &arguments.out {
        check_out(operation.name, out, &shape)?;
    }
    let initial = initial(operation.name, array, number, target, &reduced, &arguments.initial)?;

    // The parts of complex numbers are reduced to two results, or to one.
    let squares = operation.kind == Kind::SumOfSquares;
    let parts = number.complex && (target.is_complex() || squares);
    if parts {
        reduced.push(squares);
    }
    let input = input(array, number, mask.as_ref(), parts, operation.skip_nan);
    let kept = input.view.axes().iter().zip(&reduced).filter(|&(_, &reduced)| !reduced);
    let results = kept.map(|(axis, _)| axis.size).product();
    let writer = Writer::new(py, operation.of(number), target, initial, &shape, results)?;
    let size: usize = array.shape().iter().product();
    watched(py, size, || {
        let compute = if squares { exact::sum_of_squares_into } else { exact::sum_into };
        compute(&input, &reduced, &writer);
    })?;
    delivered(operation.name, writer.finish(py)?, arguments.out.as_ref())
}

/// The elements of an array and their mask. With `parts`, the parts of complex numbers are a last
/// axis; otherwise imaginary parts are ignored.
pub(super) fn input<'a>(
    array: Array<'a, '_>,
    number: Number,
    mask: Option<&'a Bound<'_, PyAny>>,
    parts: bool,
    skip_nan: bool,
) -> Input<'a> {
    let view = array.view(number, parts);
    let mask = mask.map(|mask| {
        let mask = Array { object: mask }.view(Number::BOOL, false);
        // The mask applies to both parts.
        if parts && number.complex { mask.with_axis(2) } else { mask }
    });
    Input { view, mask, skip_nan }
}
