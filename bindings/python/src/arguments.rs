//! Parsing arguments: `axis`, `where`, `initial` and `out`, as NumPy accepts them.

use std::fmt::Display;

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyComplex, PyFloat, PyString, PyTuple, PyType};

use super::integer::shown;
use super::modules::{dispatch, exceptions};
use super::ndarray::{Array, Number, numpy};
use super::results::Target;
use mypackage::sum::{Accumulator, Dtype};

/// An argument that may not be given; `None` counts as given.
#[derive(Default)]
pub(super) enum Given<'py> {
    #[default]
    No,
    Yes(Bound<'py, PyAny>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Given<'py> {
    type Error = PyErr;
    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Given<'py>> {
        // numpy._NoValue, which NumPy's functions and their wrappers pass for "not given".
        static NO_VALUE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let absent = object.is(NO_VALUE.import(object.py(), "numpy", "_NoValue")?);
        Ok(if absent { Given::No } else { Given::Yes(object.to_owned()) })
    }
}

/// The dtype of an argument. (For NumPy's dtype classes, `numpy.dtype` would give object.)
pub(super) fn as_dtype<'py>(dtype: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let base = numpy(dtype.py())?.getattr("dtype")?;
    match dtype.cast::<PyType>() {
        Ok(class) if class.is_subclass(&base)? => class.call0(),
        _ => base.call1((dtype,)),
    }
}

/// For each axis, whether it is summed over.
pub(super) fn reduced_axes(ndim: usize, axis: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<bool>> {
    let Some(axis) = axis else {
        return Ok(vec![true; ndim]);
    };
    let mut reduced = vec![false; ndim];
    let mut mark = |axis: &Bound<'_, PyAny>| {
        if let Some(index) = normalised(ndim, axis, "None, an int or a tuple of ints")?
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
    normalised(ndim, axis, "an int")
}

/// The same, where the error says what may be given.
fn normalised(ndim: usize, axis: &Bound<'_, PyAny>, allowed: &str) -> PyResult<Option<usize>> {
    let refused =
        || PyTypeError::new_err(format!("axis must be {allowed}, not {}", represented(axis)));
    // As in NumPy: `sum(a, True)` is a mistake.
    if axis.is_instance_of::<PyBool>() {
        return Err(refused());
    }
    let index: isize = axis.call_method0("__index__").map_err(|_| refused())?.extract()?;
    let size = ndim as isize;
    if ndim == 0 && (index == 0 || index == -1) {
        return Ok(None);
    }
    if !(-size..size).contains(&index) {
        let error = exceptions(axis.py())?.getattr("AxisError")?;
        return Err(PyErr::from_value(error.call1((index, ndim))?));
    }
    Ok(Some(if index < 0 { index + size } else { index } as usize))
}

/// `where` as booleans in the shape of the array, or `None` for all elements. With `skip_nan`, it
/// also excludes complex NaNs, which kernels do not skip.
pub(super) fn mask<'py>(
    array: Array<'_, 'py>,
    number: Number,
    r#where: &Given<'py>,
    skip_nan: bool,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let wanted = wanted(array, r#where)?;
    if number.complex && skip_nan { without_nans(array, wanted).map(Some) } else { Ok(wanted) }
}

/// `where` as booleans in the shape of the array, or `None` for all elements.
fn wanted<'py>(array: Array<'_, 'py>, r#where: &Given<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Given::Yes(r#where) = r#where else {
        return Ok(None);
    };
    let py = array.object.py();
    if r#where.is(PyBool::new(py, true)) {
        return Ok(None);
    }
    // A fast path with the same result as the two calls below.
    if let Some(mask) = Array::exact(r#where)
        && mask.shape() == array.shape()
        && mask.number() == Some(Number { part: Dtype::Bool, complex: false })
    {
        return Ok(Some(r#where.clone()));
    }
    let numpy = numpy(py)?;
    let mask = match Array::exact(r#where) {
        Some(_) => numpy.call_method1("asarray", (r#where, "?"))?,
        // Input whose mask or missing values numpy.asarray would drop.
        None => dispatch(py)?.call_method1("wanted", (r#where,))?,
    };
    let shape = PyTuple::new(py, array.shape())?;
    let broadcast = numpy.call_method1("broadcast_to", (&mask, shape));
    Ok(Some(broadcast.map_err(|error| match mask.getattr("shape") {
        Ok(own) if error.is_instance_of::<PyValueError>(py) => PyValueError::new_err(format!(
            "where has shape {own}, which does not broadcast to that of the elements, {}",
            written(array.shape())
        )),
        _ => error,
    })?))
}

/// The mask without NaNs: a complex number is NaN if either part is.
fn without_nans<'py>(
    array: Array<'_, 'py>,
    mask: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let numpy = numpy(array.object.py())?;
    let nan = numpy.call_method1("isnan", (array.object,))?;
    let mut kept = numpy.call_method1("logical_not", (nan,))?;
    if let Some(mask) = mask {
        // (Not compared with 1: true may be any byte but 0.)
        kept = numpy.call_method1("logical_and", (mask, kept))?;
    }
    // For a 0-d array these are scalars.
    numpy.call_method1("asarray", (kept,))
}

/// A shape in Python's notation: `()`, `(3,)`, `(2, 3)`.
pub(super) fn written<T: Display>(shape: &[T]) -> String {
    match shape {
        [length] => format!("({length},)"),
        _ => format!("({})", shape.iter().map(T::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// The repr of an object.
pub(super) fn represented(object: &Bound<'_, PyAny>) -> String {
    object.repr().map_or_else(|_| "this".to_owned(), |text| text.to_string())
}

/// Keywords that only other packages' functions have. (Signatures have them so that a message can say
/// which; `**others` would make every call build a tuple and a dict, a tenth of a short call.)
pub(super) struct Foreign<'py> {
    pub dim: Given<'py>,
    pub keep_attrs: Given<'py>,
    pub skipna: Given<'py>,
    pub split_every: Given<'py>,
}

impl Foreign<'_> {
    /// Refuses them, and names functions that have them.
    pub fn refuse(&self, name: &str) -> PyResult<()> {
        let Foreign { dim, keep_attrs, skipna, split_every } = self;
        let plain = name.strip_prefix("nan").unwrap_or(name);
        let labelled = matches!(plain, "sum" | "mean" | "var" | "std");
        let all = [
            ("dim", dim, format_args!("; mypackage.xarray.{plain} has it")),
            ("keep_attrs", keep_attrs, format_args!("; mypackage.xarray.{plain} has it")),
            (
                "skipna",
                skipna,
                format_args!(
                    "; mypackage.pandas.{plain} and mypackage.xarray.{plain} have it, and \
                     mypackage.nan{plain} leaves NaN out"
                ),
            ),
            ("split_every", split_every, format_args!("; mypackage.dask.{name} has it")),
        ];
        for (keyword, value, way_out) in all {
            if matches!(value, Given::Yes(_)) {
                let way_out = if labelled { way_out } else { format_args!("") };
                return Err(PyTypeError::new_err(format!(
                    "{name}() got an unexpected keyword argument '{keyword}'{way_out}"
                )));
            }
        }
        Ok(())
    }
}

/// `out`, if it is an array.
pub(super) fn out_array<'a, 'py>(
    name: &str,
    out: &'a Bound<'py, PyAny>,
) -> PyResult<Array<'a, 'py>> {
    let kind = out.get_type().name()?;
    Array::of(out)
        .ok_or_else(|| PyTypeError::new_err(format!("{name}: out must be an array, not {kind}")))
}

/// Whether `out` has the shape of the result.
pub(super) fn check_out(name: &str, out: &Bound<'_, PyAny>, shape: &[usize]) -> PyResult<()> {
    let array = out_array(name, out)?;
    if array.shape() != shape {
        return Err(PyValueError::new_err(format!(
            "{name}: out has shape {}, but the result has shape {}",
            written(array.shape()),
            written(shape)
        )));
    }
    Ok(())
}

/// The result, or `out` with the result copied into it.
pub(super) fn delivered<'py>(
    name: &str,
    result: Bound<'py, PyAny>,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(out) = out else {
        return Ok(result);
    };
    dispatch(result.py())?.call_method1("fill_out", (name, out, &result))
}

/// `initial`: the numbers that are added to each part of each sum. Only for floating-point elements
/// or results.
pub(super) fn initial<'py>(
    name: &str,
    array: Array<'_, 'py>,
    number: Number,
    target: Target,
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
                "{name}: no elements along the axes summed over, and initial=None"
            )))
        } else {
            Ok(None)
        };
    }
    let mut parts = [Accumulator::new(), Accumulator::new()];
    let holder = match target {
        Target::Number(Number { part, .. }) if part.is_floating() && !number.part.is_floating() => {
            Number { part, complex: false }
        }
        _ => number.of_sum(),
    };
    let refused = || {
        PyTypeError::new_err(format!(
            "{name}: initial must be a number that {} holds, not {}",
            holder.name(),
            represented(value)
        ))
    };
    if !value.is_instance_of::<PyFloat>()
        && let Ok(integer) = value.call_method0("__index__")
    {
        let integer: i128 = integer.extract().map_err(|_| {
            PyOverflowError::new_err(format!(
                "{name}: initial={} is beyond 128 bits; give a float",
                shown(value)
            ))
        })?;
        parts[0].add_scaled(integer, 0);
        return Ok(Some(parts));
    }
    if value.is_instance_of::<PyString>() {
        return Err(refused());
    }
    let complex = value.py().get_type::<PyComplex>().call1((value,)).map_err(|_| refused())?;
    let [real, imag] = ["real", "imag"].map(|name| complex.getattr(name)?.extract::<f64>());
    let (real, imag) = (real?, imag?);
    // A unit, a mask or a digit that the conversion dropped makes them differ.
    if !(real.is_nan() || imag.is_nan() || complex.eq(value).unwrap_or(false)) {
        return Err(refused());
    }
    if imag != 0.0 && !number.complex || real.fract() != 0.0 && !holder.part.is_floating() {
        return Err(refused());
    }
    parts[0].add_f64(real);
    parts[1].add_f64(imag);
    Ok(Some(parts))
}
