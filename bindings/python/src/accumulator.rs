//! `ExactSum`: the exact sum as a Python object.

use std::borrow::Cow;
use std::sync::Arc;

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError, PyZeroDivisionError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyComplex, PyDict, PyMemoryView, PyTuple, PyType};

use super::arguments::{Given, as_dtype, mask, reduced_axes, represented, written};
use super::calls::{check_memory, detached, watched};
use super::modules::dispatch;
use super::ndarray::{Array, NewArray, Number, numpy};
use super::reductions;
use super::results::{FLOAT, Operation, Target, Writer, round_all};
use super::sum_state::{Numbers, State, check_sums, flat, gathered, made_alike};
use crate::exit::protect_thread;
use crate::raised;
use mypackage::shared::Shared;
use mypackage::sum::{self as exact, Accumulator, Cells, Dtype};

const VALUE: Operation = Operation { advice: FLOAT, ..Operation::sum("ExactSum.value") };
const EXACT_MEAN: Operation = Operation::mean("ExactSum.mean");
const DIVIDE: Operation = Operation::mean("ExactSum.divide");

/// An exact sum, or an array of them, that numbers are added to and subtracted from.
///
/// It holds the real-number sum, not a rounded one, so neither the order nor the grouping of
/// additions and merges can change it: streams, processes and machines that each sum a part agree
/// to the last bit. Infinities and NaNs are counted and can be subtracted too.
///
/// Parameters
/// ----------
/// shape : int or tuple of ints, optional
///     The shape of the array of sums; by default a single sum.
///
/// Attributes
/// ----------
/// count
/// shape
///
/// Methods
/// -------
/// add
/// subtract
/// merge
/// from_values
/// add_products
/// reshape
/// sum
/// stack
/// value
/// mean
/// divide
/// as_fraction
/// as_integer_ratio
/// copy
/// to_bytes
/// from_bytes
///
/// See Also
/// --------
/// sum, ExactMoments, math.fsum
///
/// Notes
/// -----
/// In an array, a sum takes 16 bytes while it has less than about 106 binary digits. Otherwise, and
/// as a single sum, it takes 64 bytes, and 1.1 kB more if the numbers span more than about 120
/// digits. As bytes it takes about 30, and at most 560. All methods may be called from several
/// threads. The long form is Kulisch's accumulator (1971) in words of 64 bits, with delayed carries
/// (R. M. Neal 2015).
///
/// ``total + values``, ``total - values``, ``-total`` and ``n * total`` for an int n make new objects;
/// ``total += values`` and ``total -= values`` change this one. An array of sums can be indexed
/// like a NumPy array.
///
/// Examples
/// --------
/// >>> import numpy as np, mypackage
/// >>> total = mypackage.ExactSum()
/// >>> for chunk in np.array_split(np.full(10, 0.1), 3):
/// ...     total += chunk
/// >>> total
/// ExactSum(1.0, count=10)
/// >>> bool(total.subtract(np.full(9, 0.1)).value() == 0.1)
/// True
///
/// Column sums of a table that arrives in parts:
///
/// >>> columns = mypackage.ExactSum(2)
/// >>> for rows in ([[1.0, 1e100], [2.0, 5.0]], [[3.0, -1e100]]):
/// ...     columns += rows
/// >>> columns.value()
/// array([6., 5.])
#[pyclass(frozen, weakref, module = "mypackage", name = "ExactSum", eq)]
pub(super) struct ExactSum {
    /// Copy-on-write: shared with copies until one of them changes.
    state: Shared<State>,
}

impl PartialEq for ExactSum {
    fn eq(&self, other: &ExactSum) -> bool {
        self.state == other.state
    }
}

impl ExactSum {
    /// An object with these sums; complex ones have both parts side by side.
    pub(super) fn of(shape: Vec<usize>, numbers: Numbers, cells: Cells) -> ExactSum {
        ExactSum::from_state(State { shape, numbers, cells })
    }

    pub(super) fn from_state(state: State) -> ExactSum {
        ExactSum { state: Shared::new(state) }
    }

    /// A snapshot of the sums.
    pub(super) fn snapshot(&self) -> Arc<State> {
        self.state.snapshot()
    }

    /// Merges others of the same shape; on an error nothing is changed.
    fn absorb(&self, py: Python<'_>, others: Vec<Arc<State>>) -> PyResult<()> {
        let cells = others.iter().map(|other| other.cells.len()).sum();
        // Memory for a copy of a shared state, and for widening narrow sums.
        let own = self.snapshot();
        let bytes = others.iter().chain([&own]).map(|state| state.cells.bytes()).max();
        check_memory(bytes.unwrap_or(0), 1, "bytes of exact sums")?;
        drop(own); // Otherwise the sums would always be shared, and copied.
        // The lock is taken without holding the GIL, since its holder may be waiting for the GIL.
        let merge = || self.state.change(|state| State::merge(state, others));
        detached(py, cells, merge).map_err(raised)
    }

    pub(super) fn checked_snapshot(&self, shape: &[usize]) -> PyResult<Arc<State>> {
        let state = self.snapshot();
        if state.shape != shape {
            return Err(PyValueError::new_err(format!(
                "ExactSum: sums of shape {} cannot be merged into sums of shape {}",
                written(&state.shape),
                written(shape)
            )));
        }
        Ok(state)
    }

    /// Adds values, or each item of an iterator, or subtracts them.
    fn update<'py>(
        &self,
        values: &Bound<'py, PyAny>,
        axis: Option<&Bound<'py, PyAny>>,
        r#where: &Given<'py>,
        subtract: bool,
    ) -> PyResult<()> {
        protect_thread();
        if values.hasattr("__next__")? {
            for item in values.try_iter()? {
                self.update(&item?, axis, r#where, subtract)?;
            }
            return Ok(());
        }
        let shape = self.snapshot().shape.clone();
        let mut sums = match values.cast::<ExactSum>() {
            Ok(other) => other.get().checked_snapshot(&shape)?,
            Err(_) => Arc::new(sums_of(values, axis, r#where, Some(&shape), false)?),
        };
        if subtract {
            Arc::make_mut(&mut sums).negate();
        }
        self.absorb(values.py(), vec![sums])
    }

    pub(super) fn rounded<'py>(
        &self,
        py: Python<'py>,
        operation: Operation,
        dtype: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let state = self.snapshot();
        let number = Number { part: Dtype::F64, complex: state.complex() };
        round_all(py, operation, number, dtype, &state.shape, &state.cells)
    }

    /// The exact sums as Python numbers: ints if `integers`, else Fractions.
    fn as_objects<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        integers: impl Fn(&State) -> bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let state = self.snapshot();
        if state.complex() {
            return Err(PyTypeError::new_err(format!(
                "ExactSum.{name}: the sum is complex; value() rounds its parts"
            )));
        }
        let integers = integers(&state);
        let fraction = py.import("fractions")?.getattr("Fraction")?;
        let one = |index: usize| {
            let [numerator, denominator] = integer_ratio(py, name, &state.cells.get(index))?;
            if integers {
                return Ok(numerator);
            }
            fraction.call1((numerator, denominator))
        };
        if state.shape.is_empty() {
            return one(0);
        }
        let flat = numpy(py)?.call_method1("empty", (state.size(), "O"))?;
        for index in 0..state.size() {
            flat.set_item(index, one(index)?)?;
        }
        flat.call_method1("reshape", (PyTuple::new(py, &state.shape)?,))
    }

    fn combined(&self, other: &Bound<'_, PyAny>, subtract: bool) -> PyResult<ExactSum> {
        let result = self.copy();
        result.update(other, None, &Given::No, subtract)?;
        Ok(result)
    }
}

/// A finite sum as a quotient of Python ints.
fn integer_ratio<'py>(
    py: Python<'py>,
    name: &str,
    cell: &Accumulator,
) -> PyResult<[Bound<'py, PyAny>; 2]> {
    let Some((negative, magnitude, exponent)) = cell.to_parts() else {
        let message = format!("{name}: the sum is {}", cell.to_f64());
        // As Python's own conversions do.
        return Err(if cell.to_f64().is_nan() && name != "as_integer_ratio" {
            PyValueError::new_err(message)
        } else {
            PyOverflowError::new_err(message)
        });
    };
    let integer = py.get_type::<pyo3::types::PyInt>();
    let mut numerator =
        integer.call_method1("from_bytes", (PyBytes::new(py, &magnitude), "little"))?;
    if negative {
        numerator = numerator.neg()?;
    }
    let one = 1i32.into_pyobject(py)?.into_any();
    let power = one.lshift(exponent.unsigned_abs())?;
    Ok(if exponent < 0 { [numerator, power] } else { [numerator.mul(power)?, one] })
}

/// The sums of `values` over `axis`, or, without it, over leading axes, so that the sums have the
/// shape `expected`.
pub(super) fn sums_of<'py>(
    values: &Bound<'py, PyAny>,
    axis: Option<&Bound<'py, PyAny>>,
    r#where: &Given<'py>,
    expected: Option<&[usize]>,
    skip_nan: bool,
) -> PyResult<State> {
    let py = values.py();
    let array = match Array::of_numbers(values) {
        Some(_) => values.clone(),
        None => {
            let wanted = match r#where {
                Given::No => PyBool::new(py, true).to_owned().into_any(),
                Given::Yes(wanted) => wanted.clone(),
            };
            let expected = expected.map(|shape| PyTuple::new(py, shape)).transpose()?;
            let arguments = (values, axis, wanted, expected, skip_nan);
            dispatch(py)?.call_method1("exact_state", arguments)?
        }
    };
    if let Ok(sums) = array.cast::<ExactSum>() {
        let state = sums.get().snapshot();
        return match expected {
            Some(shape) if shape != state.shape => Err(wrong_shape(&array, &state.shape, shape)),
            _ => Ok((*state).clone()),
        };
    }
    if let Ok((array, mask)) = array.extract::<(Bound<'py, PyAny>, Bound<'py, PyAny>)>() {
        // An array and a mask of the elements to add.
        return sums_of(&array, axis, &Given::Yes(mask), expected, skip_nan);
    }
    let array = Array { object: &array };
    let Some(number) = array.number() else {
        return Err(PyTypeError::new_err(format!(
            "ExactSum: numbers of dtype {} have no exact sum; supported are bool, integers, \
             float16, float32, float64, complex64 and complex128",
            array.object.getattr("dtype")?
        )));
    };
    let numbers = Numbers::of(number);
    if expected.is_some_and(<[usize]>::is_empty)
        && axis.is_none()
        && matches!(r#where, Given::No)
        && !number.complex
        && !skip_nan
        && let Some(size) = array.contiguous_size(number)
        && size > 0
        && let Some(total) = reductions::total(py, array, number, size)?
    {
        return Ok(State { shape: Vec::new(), numbers, cells: vec![total].into() });
    }
    let ndim = array.shape().len();
    let reduced = match (axis, expected) {
        (None, Some(shape)) => (0..ndim).map(|axis| axis + shape.len() < ndim).collect(),
        _ => reduced_axes(ndim, axis)?,
    };
    let kept: Vec<usize> = array
        .shape()
        .iter()
        .zip(&reduced)
        .filter(|&(_, &reduced)| !reduced)
        .map(|(&size, _)| size)
        .collect();
    if let Some(shape) = expected
        && kept != shape
    {
        return Err(wrong_shape(array.object, &kept, shape));
    }
    let mask = mask(array, number, r#where, skip_nan)?;
    let input = reductions::input(array, number, mask.as_ref(), number.complex, skip_nan);
    let parts = number.complex.then_some(false);
    let reduced: Vec<bool> = reduced.into_iter().chain(parts).collect();
    let size = array.shape().iter().product();
    check_sums(kept.iter().product::<usize>() * if number.complex { 2 } else { 1 })?;
    let cells = watched(py, size, || exact::collect(&input, &reduced))?;
    Ok(State { shape: kept, numbers, cells })
}

fn wrong_shape(values: &Bound<'_, PyAny>, kept: &[usize], expected: &[usize]) -> PyErr {
    let shape = values.getattr("shape").and_then(|shape| shape.extract::<Vec<usize>>());
    let shape = shape.unwrap_or_default();
    PyValueError::new_err(format!(
        "ExactSum: values of shape {} leave sums of shape {}, but this one has shape {}; choose \
         another axis",
        written(&shape),
        written(kept),
        written(expected)
    ))
}

/// An argument of a method that takes other sums.
fn exact_sum<'a, 'py>(
    method: &str,
    value: &'a Bound<'py, PyAny>,
) -> PyResult<&'a Bound<'py, ExactSum>> {
    value.cast().map_err(|_| {
        PyTypeError::new_err(format!(
            "ExactSum.{method} takes ExactSum objects, not {}; ExactSum().add(x) makes one",
            represented(value)
        ))
    })
}

/// The repr of a single sum, rounded to double precision, without warnings.
fn single_value(py: Python<'_>, state: &State) -> PyResult<String> {
    let part = |index: usize| state.cells.get(index).to_f64();
    let value = if state.complex() {
        PyComplex::from_doubles(py, part(0), part(1)).into_any()
    } else {
        part(0).into_pyobject(py)?.into_any()
    };
    Ok(value.repr()?.to_string())
}

#[pymethods]
impl ExactSum {
    #[new]
    #[pyo3(signature = (shape=None), text_signature = "(shape=())")]
    fn new(shape: Option<&Bound<'_, PyAny>>) -> PyResult<ExactSum> {
        let shape = match shape {
            None => Vec::new(),
            Some(shape) => match shape.extract::<Vec<i64>>() {
                Ok(shape) => shape,
                Err(_) => vec![shape.extract::<i64>().map_err(|_| {
                    PyTypeError::new_err(format!(
                        "ExactSum: shape must be an int or a tuple of ints, not {}",
                        represented(shape)
                    ))
                })?],
            },
        };
        let sizes =
            shape.iter().map(|&length| usize::try_from(length).ok()).collect::<Option<Vec<_>>>();
        let size =
            |shape: &Vec<usize>| shape.iter().try_fold(1usize, |all, &one| all.checked_mul(one));
        let Some((shape, size)) = sizes.and_then(|shape| size(&shape).map(|size| (shape, size)))
        else {
            let shape = written(&shape);
            return Err(PyValueError::new_err(format!("ExactSum: {shape} is not a shape")));
        };
        if shape.len() > 64 {
            return Err(PyValueError::new_err(format!(
                "ExactSum: an array has at most 64 dimensions, not {}",
                shape.len()
            )));
        }
        check_sums(size)?;
        Ok(ExactSum::of(shape, Numbers::Integers, Cells::new(size)))
    }

    /// Makes NumPy leave `array + total` to `__radd__`, which adds all elements, as `total + array`
    /// does.
    #[classattr]
    #[pyo3(name = "__array_ufunc__")]
    const ARRAY_UFUNC: Option<i32> = None;

    /// Add numbers exactly.
    ///
    #[doc = parameters_of_values!()]
    ///
    /// See Also
    /// --------
    /// subtract, merge, add_products
    ///
    /// Examples
    /// --------
    /// >>> import mypackage
    /// >>> mypackage.ExactSum().add([1e16, 1.0]).add(-1e16)
    /// ExactSum(1.0, count=3)
    #[pyo3(signature = (values, axis=None, r#where=Given::No), text_signature = "($self, values, axis=None, where=True)")]
    fn add<'py>(
        slf: Bound<'py, ExactSum>,
        values: &Bound<'py, PyAny>,
        axis: Option<&Bound<'py, PyAny>>,
        r#where: Given<'py>,
    ) -> PyResult<Bound<'py, ExactSum>> {
        slf.get().update(values, axis, &r#where, false)?;
        Ok(slf)
    }

    /// Subtract numbers exactly; the inverse of `add`.
    ///
    #[doc = parameters_of_values!()]
    ///
    /// See Also
    /// --------
    /// add
    ///
    /// Examples
    /// --------
    /// >>> import mypackage
    /// >>> mypackage.ExactSum().add([1e16, 1.0, 0.1]).subtract([1e16, 1.0])
    /// ExactSum(0.1, count=1)
    #[pyo3(signature = (values, axis=None, r#where=Given::No), text_signature = "($self, values, axis=None, where=True)")]
    fn subtract<'py>(
        slf: Bound<'py, ExactSum>,
        values: &Bound<'py, PyAny>,
        axis: Option<&Bound<'py, PyAny>>,
        r#where: Given<'py>,
    ) -> PyResult<Bound<'py, ExactSum>> {
        slf.get().update(values, axis, &r#where, true)?;
        Ok(slf)
    }

    /// Add the contents of others of the same shape.
    ///
    /// Parameters
    /// ----------
    /// *others : ExactSum
    ///     Merging several in one call is faster.
    ///
    /// Returns
    /// -------
    /// ExactSum
    ///     This object.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If the shapes differ.
    /// OverflowError
    ///     If a sum would hold more than 2**62 numbers, or reach 2**2112; then nothing is changed.
    ///
    /// See Also
    /// --------
    /// add, sum, stack
    ///
    /// Examples
    /// --------
    /// >>> import mypackage
    /// >>> parts = [mypackage.ExactSum().add(part) for part in ([1e16, 1.0], [-1e16])]
    /// >>> mypackage.ExactSum().merge(*parts)
    /// ExactSum(1.0, count=3)
    #[pyo3(signature = (*others))]
    fn merge<'py>(
        slf: Bound<'py, ExactSum>,
        others: Vec<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, ExactSum>> {
        let shape = slf.get().snapshot().shape.clone();
        let states = others
            .iter()
            .map(|other| exact_sum("merge", other)?.get().checked_snapshot(&shape))
            .collect::<PyResult<Vec<_>>>()?;
        slf.get().absorb(slf.py(), states)?;
        Ok(slf)
    }

    /// An array of sums, each of one value.
    ///
    /// Parameters
    /// ----------
    /// values : array_like
    ///     Numbers of any dtype that `sum` takes.
    ///
    /// Returns
    /// -------
    /// ExactSum
    ///     With the shape of `values`.
    ///
    /// See Also
    /// --------
    /// add, stack
    ///
    /// Examples
    /// --------
    /// >>> import mypackage
    /// >>> mypackage.ExactSum.from_values([0.5, 1e300])
    /// ExactSum([5.e-001, 1.e+300], count=[1, 1])
    #[classmethod]
    #[pyo3(signature = (values, /))]
    fn from_values(class: &Bound<'_, PyType>, values: &Bound<'_, PyAny>) -> PyResult<ExactSum> {
        let none = PyTuple::empty(class.py()).into_any();
        sums_of(values, Some(&none), &Given::No, None, false).map(ExactSum::from_state)
    }

    /// Add the exact products of numbers.
    ///
    /// Parameters
    /// ----------
    /// x, y : array_like
    ///     Numbers of any dtype that `vecdot` takes, broadcast to one shape, whose last axes are
    ///     those of this object. Products are summed over the axes before. Nothing is conjugated.
    ///
    /// Returns
    /// -------
    /// ExactSum
    ///     This object.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If the shapes do not match.
    /// TypeError
    ///     If `x` or `y` are not numbers.
    ///
    /// See Also
    /// --------
    /// add, vecdot
    ///
    /// Examples
    /// --------
    /// >>> import mypackage
    /// >>> total = mypackage.ExactSum().add_products([1e200, 0.5], [1e200, 3.0])
    /// >>> float(total.add_products(-1e200, 1e200))
    /// 1.5
    #[pyo3(signature = (x, y, /))]
    fn add_products<'py>(
        slf: Bound<'py, ExactSum>,
        x: &Bound<'py, PyAny>,
        y: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, ExactSum>> {
        let products = slf.py().import("mypackage._core.products")?;
        let shape = PyTuple::new(slf.py(), &slf.get().snapshot().shape)?;
        let sums = products.call_method1("states", (x, y, shape))?;
        slf.get().update(&sums, None, &Given::No, false)?;
        Ok(slf)
    }

    /// The same sums in C order, as an array of another shape.
    ///
    /// Parameters
    /// ----------
    /// *shape : int or tuple of ints
    ///     As for `numpy.ndarray.reshape`; one length may be -1.
    ///
    /// Returns
    /// -------
    /// ExactSum
    ///     An independent copy.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If the shape does not have the same number of sums.
    ///
    /// See Also
    /// --------
    /// sum, stack
    ///
    /// Examples
    /// --------
    /// >>> import mypackage
    /// >>> mypackage.ExactSum.from_values([1.0, 2.0, 3.0, 4.0]).reshape(2, -1).shape
    /// (2, 2)
    #[pyo3(signature = (*shape))]
    fn reshape(&self, shape: &Bound<'_, PyTuple>) -> PyResult<ExactSum> {
        let state = self.snapshot();
        let places = state.places(shape.py())?.call_method1("reshape", shape)?;
        let shape = places.getattr("shape")?.extract()?;
        Ok(ExactSum::of(shape, state.numbers, state.cells.clone()))
    }

    /// Merge sums over axes: the sums of all numbers that were added to them.
    ///
    /// Parameters
    /// ----------
    /// axis : None or int or tuple of ints, optional
    ///     Axes to merge over; all by default.
    ///
    /// Returns
    /// -------
    /// ExactSum
    ///     Without the merged axes.
    ///
    /// See Also
    /// --------
    /// merge, reshape
    ///
    /// Examples
    /// --------
    /// >>> import mypackage
    /// >>> mypackage.ExactSum.from_values([[1e16, 1.0], [-1e16, 2.0]]).sum(axis=0)
    /// ExactSum([0., 3.], count=[2, 2])
    #[pyo3(signature = (axis=None))]
    fn sum(&self, py: Python<'_>, axis: Option<&Bound<'_, PyAny>>) -> PyResult<ExactSum> {
        let state = self.snapshot();
        let reduced = reduced_axes(state.shape.len(), axis)?;
        let of = |wanted: bool| -> Vec<usize> {
            let axes = reduced.iter().enumerate();
            axes.filter(|&(_, &reduced)| reduced == wanted).map(|(index, _)| index).collect()
        };
        let (kept, merged) = (of(false), of(true));
        let order: Vec<usize> = merged.iter().chain(&kept).copied().collect();
        let places = state.places(py)?.call_method1("transpose", (order,))?;
        let flat = flat(&places)?;
        let shape: Vec<usize> = kept.iter().map(|&axis| state.shape[axis]).collect();
        let size: usize = shape.iter().product();
        let rows = flat.chunks(size.max(1)).filter(|row| !row.is_empty());
        let taken = |row| state.taken(row, shape.clone()).map(Arc::new);
        let rows = rows.map(taken).collect::<PyResult<Vec<_>>>()?;
        let cells = Cells::new(size * state.parts());
        let mut total = Arc::new(State { shape, numbers: state.numbers, cells });
        State::merge(&mut total, rows).map_err(raised)?;
        Ok(ExactSum::from_state(Arc::unwrap_or_clone(total)))
    }

    /// Stack sums, or arrays of sums of the same shape, along a new axis.
    ///
    /// Parameters
    /// ----------
    /// sums : sequence of ExactSum
    ///     All of the same shape.
    /// axis : int, optional
    ///     The position of the new axis in the result.
    ///
    /// Returns
    /// -------
    /// ExactSum
    ///     With one more axis.
    ///
    /// See Also
    /// --------
    /// from_values, reshape
    ///
    /// Examples
    /// --------
    /// >>> import mypackage
    /// >>> mypackage.ExactSum.stack([mypackage.ExactSum().add(x) for x in (0.5, [1, 2])])
    /// ExactSum([0.5, 3. ], count=[1, 2])
    #[classmethod]
    #[pyo3(signature = (sums, /, axis=0))]
    fn stack(
        class: &Bound<'_, PyType>,
        sums: Vec<Bound<'_, PyAny>>,
        axis: isize,
    ) -> PyResult<ExactSum> {
        let py = class.py();
        let mut states = sums
            .iter()
            .map(|sum| Ok(exact_sum("stack", sum)?.get().snapshot()))
            .collect::<PyResult<Vec<_>>>()?;
        let Some(shape) = states.first().map(|state| state.shape.clone()) else {
            return Err(PyValueError::new_err("ExactSum.stack: there is nothing to stack"));
        };
        if let Some(other) = states.iter().find(|state| state.shape != shape) {
            return Err(PyValueError::new_err(format!(
                "ExactSum.stack: sums of shape {} and {} have no array in common",
                written(&other.shape),
                written(&shape)
            )));
        }
        let numbers = made_alike(&mut states);
        let count = states.iter().map(|state| state.cells.len()).sum();
        let sums = states.iter().flat_map(|state| state.cells.iter().map(Cow::into_owned));
        let cells = gathered(count, sums)?;
        let first: Vec<usize> = [states.len()].into_iter().chain(shape).collect();
        let all = State { shape: first, numbers, cells };
        let places = numpy(py)?.call_method1("moveaxis", (all.places(py)?, 0, axis))?;
        all.at(&places).map(ExactSum::from_state)
    }

    /// A copy of some sums, chosen by any index that NumPy takes.
    fn __getitem__(&self, key: &Bound<'_, PyAny>) -> PyResult<ExactSum> {
        let state = self.snapshot();
        let places = state.places(key.py())?.get_item(key)?;
        state.at(&places).map(ExactSum::from_state)
    }

    fn __len__(&self) -> PyResult<usize> {
        let state = self.snapshot();
        let first = state.shape.first().copied();
        first.ok_or_else(|| PyTypeError::new_err("a single ExactSum has no length"))
    }

    /// The negated sum, with the same count.
    fn __neg__(&self) -> PyResult<ExactSum> {
        self.snapshot().times(-1).map(ExactSum::from_state)
    }

    fn __pos__(&self) -> ExactSum {
        self.copy()
    }

    /// The sum multiplied by an int, with the same count.
    fn __mul__(&self, factor: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = factor.py();
        let Ok(index) = factor.call_method0("__index__") else {
            return Ok(py.NotImplemented());
        };
        let factor = index.extract().map_err(|_| {
            PyOverflowError::new_err(format!("ExactSum: the factor {index} is beyond int64"))
        })?;
        let state = self.snapshot().times(factor)?;
        Ok(Py::new(py, ExactSum::from_state(state))?.into_any())
    }

    fn __rmul__(&self, factor: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.__mul__(factor)
    }

    /// The sums, each rounded once, half to even.
    ///
    /// Parameters
    /// ----------
    /// dtype : dtype, optional
    ///     The result's dtype; float64 by default, complex128 if complex numbers were added. With
    ///     ``object``, nothing is rounded: sums of integers are Python ints, others Fractions,
    ///     whole ones too.
    ///
    /// Returns
    /// -------
    /// scalar or ndarray
    ///     With the shape of this object.
    ///
    /// Raises
    /// ------
    /// OverflowError
    ///     If an integer `dtype` does not hold a sum; with ``object``, if one is infinite.
    /// ValueError
    ///     With ``object``, if a sum is NaN.
    ///
    /// See Also
    /// --------
    /// as_fraction, mean, mypackage.sum
    ///
    /// Examples
    /// --------
    /// >>> import mypackage
    /// >>> mypackage.ExactSum().add([2**62, 2**62, 2**62]).value(object)
    /// 13835058055282163712
    #[pyo3(signature = (dtype=None))]
    fn value<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(dtype) = &dtype
            && as_dtype(dtype)?.getattr("char")?.extract::<char>()? == 'O'
        {
            return self
                .as_objects(py, "value(object)", |state| state.numbers == Numbers::Integers);
        }
        self.rounded(py, VALUE, dtype)
    }

    /// The exact sums as a `fractions.Fraction`, or an object array of these.
    ///
    /// Returns
    /// -------
    /// Fraction or ndarray of object
    ///     With the shape of this object.
    ///
    /// Raises
    /// ------
    /// OverflowError, ValueError
    ///     If a sum is an infinity or NaN.
    /// TypeError
    ///     If complex numbers were added.
    ///
    /// See Also
    /// --------
    /// value, as_integer_ratio
    ///
    /// Examples
    /// --------
    /// >>> import mypackage
    /// >>> mypackage.ExactSum().add([0.5, 1e300, -1e300]).as_fraction()
    /// Fraction(1, 2)
    fn as_fraction<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.as_objects(py, "as_fraction", |_| false)
    }

    /// The exact means, the sums divided by the counts, each rounded once.
    ///
    /// Parameters
    /// ----------
    /// dtype : dtype, optional
    ///     The result's dtype; float64 by default, complex128 if complex numbers were added.
    ///
    /// Returns
    /// -------
    /// scalar or ndarray
    ///     With the shape of this object; NaN without numbers.
    ///
    /// Raises
    /// ------
    /// OverflowError
    ///     If an integer `dtype` does not hold a mean.
    ///
    /// Warns
    /// -----
    /// RuntimeWarning
    ///     If a mean is of no numbers.
    ///
    /// See Also
    /// --------
    /// value, divide, mypackage.mean
    ///
    /// Examples
    /// --------
    /// >>> import mypackage
    /// >>> float(mypackage.ExactSum().add([0.1] * 10).mean())
    /// 0.1
    #[pyo3(signature = (dtype=None))]
    fn mean<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.rounded(py, EXACT_MEAN, dtype)
    }

    /// The exact quotients of these sums by others, each rounded once.
    ///
    /// Parameters
    /// ----------
    /// divisor : ExactSum
    ///     Real sums, of the same shape.
    /// dtype : dtype, optional
    ///     The result's dtype; float64 by default, complex128 if complex numbers were added.
    ///
    /// Returns
    /// -------
    /// scalar or ndarray
    ///     With the shape of this object.
    ///
    /// Raises
    /// ------
    /// ZeroDivisionError
    ///     If a divisor is zero.
    /// ValueError
    ///     If the shapes differ.
    /// TypeError
    ///     If the divisors are complex, or `dtype` is not a floating-point or complex one.
    ///
    /// See Also
    /// --------
    /// mean, add_products, mypackage.average
    ///
    /// Examples
    /// --------
    /// >>> import mypackage
    /// >>> products, weights = mypackage.ExactSum(), mypackage.ExactSum()
    /// >>> float(products.add([1e300, 1.0, -1e300]).divide(weights.add([1.0, 2.0])))
    /// 0.3333333333333333
    #[pyo3(signature = (divisor, /, dtype=None))]
    fn divide<'py>(
        &self,
        py: Python<'py>,
        divisor: &Bound<'py, PyAny>,
        dtype: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let state = self.snapshot();
        let divisors = exact_sum("divide", divisor)?.get().snapshot();
        if state.shape != divisors.shape {
            return Err(PyValueError::new_err(format!(
                "ExactSum.divide: sums of shape {} cannot be divided by sums of shape {}",
                written(&state.shape),
                written(&divisors.shape)
            )));
        }
        if divisors.complex() {
            return Err(PyTypeError::new_err("ExactSum.divide: the divisors must be real sums"));
        }
        let number = Number { part: Dtype::F64, complex: state.complex() };
        let target = Target::choose(DIVIDE, number, dtype)?;
        if !matches!(target, Target::Number(number) if number.part.is_floating()) {
            return Err(PyTypeError::new_err(
                "ExactSum.divide: quotients are floating-point numbers; choose such a dtype",
            ));
        }
        if divisors.cells.iter().any(|divisor| divisor.is_zero()) {
            return Err(PyZeroDivisionError::new_err("ExactSum.divide: a divisor is zero"));
        }
        let stored = state.parts();
        let parts = if target.is_complex() { stored } else { 1 };
        let results = divisors.cells.len() * parts;
        let writer = Writer::new(py, DIVIDE, target, None, &state.shape, results)?;
        detached(py, results, || {
            for (index, divisor) in divisors.cells.iter().enumerate() {
                for part in 0..parts {
                    let sum = state.cells.get(index * stored + part);
                    writer.put_quotient(index * parts + part, &sum, &divisor);
                }
            }
        });
        writer.finish(py)
    }

    /// The exact value of a single real sum as a pair of ints, like `float.as_integer_ratio`.
    ///
    /// Returns
    /// -------
    /// tuple of two ints
    ///     Numerator and positive denominator, in lowest terms.
    ///
    /// Raises
    /// ------
    /// OverflowError, ValueError
    ///     If the sum is an infinity or NaN; if this is an array of sums or complex.
    ///
    /// See Also
    /// --------
    /// as_fraction, value
    ///
    /// Examples
    /// --------
    /// >>> import mypackage
    /// >>> mypackage.ExactSum().add([0.5, 1e300, -1e300]).as_integer_ratio()
    /// (1, 2)
    fn as_integer_ratio<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let state = self.snapshot();
        if state.complex() || !state.shape.is_empty() {
            return Err(PyValueError::new_err("as_integer_ratio: this is not a single real sum"));
        }
        PyTuple::new(py, integer_ratio(py, "as_integer_ratio", &state.cells.get(0))?)
    }

    /// A single integral sum as an int.
    fn __int__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let state = self.snapshot();
        if state.complex() || !state.shape.is_empty() {
            return Err(PyTypeError::new_err("int: this ExactSum is not a single real sum"));
        }
        let [numerator, denominator] = integer_ratio(py, "int", &state.cells.get(0))?;
        if !denominator.eq(1)? {
            return Err(PyValueError::new_err(format!(
                "int: the sum {} is not whole; use float() or as_fraction()",
                state.cells.get(0).to_f64()
            )));
        }
        Ok(numerator)
    }

    /// The number of numbers added minus those subtracted: an int, or an array of int64.
    ///
    /// See Also
    /// --------
    /// shape, mean
    ///
    /// Examples
    /// --------
    /// >>> import mypackage
    /// >>> mypackage.ExactSum().add([0.5, 1.5]).subtract(0.5).count
    /// 1
    #[getter]
    fn count<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let state = self.snapshot();
        if state.shape.is_empty() {
            return Ok(state.cells.get(0).count().into_pyobject(py)?.into_any());
        }
        let mut array = NewArray::empty(py, &state.shape, Number::I64)?;
        array.fill(state.counts().map(|count| count as u64).collect());
        Ok(array.into_object())
    }

    /// The shape of the array of sums; ``()`` for a single one.
    ///
    /// See Also
    /// --------
    /// count, reshape
    ///
    /// Examples
    /// --------
    /// >>> import mypackage
    /// >>> mypackage.ExactSum((2, 3)).shape
    /// (2, 3)
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.snapshot().shape)
    }

    /// An independent ExactSum with the same content.
    ///
    /// Returns
    /// -------
    /// ExactSum
    ///     The copy; later changes of one do not affect the other.
    ///
    /// See Also
    /// --------
    /// merge
    ///
    /// Examples
    /// --------
    /// >>> import mypackage
    /// >>> total = mypackage.ExactSum().add(1.0)
    /// >>> total.copy().add(2.0), total
    /// (ExactSum(3.0, count=2), ExactSum(1.0, count=1))
    fn copy(&self) -> ExactSum {
        ExactSum { state: self.state.clone() }
    }

    fn __copy__(&self) -> ExactSum {
        self.copy()
    }

    fn __deepcopy__(&self, _memo: &Bound<'_, PyAny>) -> ExactSum {
        self.copy()
    }

    /// The sums as bytes; equal sums of the same kind of numbers have equal bytes on every machine.
    ///
    /// Returns
    /// -------
    /// bytes
    ///     About 20 bytes, and 16 for each sum of ordinary numbers. One of them tells sums of integers
    ///     (bool too), of real and of complex numbers apart.
    ///
    /// See Also
    /// --------
    /// from_bytes
    ///
    /// Examples
    /// --------
    /// >>> import mypackage
    /// >>> total = mypackage.ExactSum().add([1e300, 1.0, -1e300])
    /// >>> mypackage.ExactSum.from_bytes(total.to_bytes()) == total
    /// True
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let state = self.snapshot();
        check_sums(2 * state.cells.len())?;
        let bytes = state.to_bytes();
        PyBytes::new_with(py, bytes.len(), |target| {
            target.copy_from_slice(&bytes);
            Ok(())
        })
    }

    /// The inverse of `to_bytes`.
    ///
    /// Parameters
    /// ----------
    /// data : bytes-like
    ///     The result of `to_bytes`, also on another machine.
    ///
    /// Returns
    /// -------
    /// ExactSum
    ///     Equal to the one that the bytes were made from.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If `data` is damaged, cut short, or of a version that this release does not read.
    ///
    /// See Also
    /// --------
    /// to_bytes
    ///
    /// Examples
    /// --------
    /// >>> import mypackage
    /// >>> data = mypackage.ExactSum().add([0.1, 0.2]).to_bytes()
    /// >>> mypackage.ExactSum.from_bytes(data)
    /// ExactSum(0.30000000000000004, count=2)
    #[classmethod]
    #[pyo3(signature = (data, /))]
    fn from_bytes(_class: &Bound<'_, PyType>, data: &Bound<'_, PyAny>) -> PyResult<ExactSum> {
        let data = PyMemoryView::from(data)?.call_method0("tobytes")?;
        check_memory(data.len()?, 2, "bytes of exact sums")?;
        State::from_bytes(data.cast::<PyBytes>()?.as_bytes()).map(ExactSum::from_state)
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, ExactSum>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        Ok((slf.get_type().getattr("from_bytes")?, (slf.get().to_bytes(slf.py())?,)))
    }

    /// The size in bytes, for `sys.getsizeof` and schedulers.
    fn __sizeof__(&self) -> usize {
        size_of::<State>() + self.snapshot().cells.bytes()
    }

    fn __float__(&self, py: Python<'_>) -> PyResult<f64> {
        self.value(py, None)?.extract()
    }

    fn __add__(&self, other: &Bound<'_, PyAny>) -> PyResult<ExactSum> {
        self.combined(other, false)
    }

    /// The builtin sum() starts with 0, which must not be counted.
    fn __radd__(&self, other: &Bound<'_, PyAny>) -> PyResult<ExactSum> {
        if other.is_exact_instance_of::<pyo3::types::PyInt>() && other.eq(0)? {
            return Ok(self.copy());
        }
        self.combined(other, false)
    }

    fn __sub__(&self, other: &Bound<'_, PyAny>) -> PyResult<ExactSum> {
        self.combined(other, true)
    }

    fn __iadd__(&self, other: &Bound<'_, PyAny>) -> PyResult<()> {
        self.update(other, None, &Given::No, false)
    }

    fn __isub__(&self, other: &Bound<'_, PyAny>) -> PyResult<()> {
        self.update(other, None, &Given::No, true)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let state = self.snapshot();
        if state.shape.is_empty() {
            let value = single_value(py, &state)?;
            return Ok(format!("ExactSum({value}, count={})", state.cells.get(0).count()));
        }
        let values = py.import("mypackage._core.products")?;
        let values = values
            .call_method1("values_without_warnings", (ExactSum::from_state((*state).clone()),));
        let count = self.count(py)?;
        let text = |array: Bound<'_, PyAny>, before: &str| -> PyResult<String> {
            let options = PyDict::new(py);
            options.set_item("separator", ", ")?;
            options.set_item("prefix", before)?;
            numpy(py)?.call_method("array2string", (array,), Some(&options))?.extract()
        };
        let values = text(values?, "ExactSum(")?;
        let (gap, before) = if values.contains('\n') {
            (",\n         ", "         count=")
        } else {
            (", ", "count=")
        };
        Ok(format!("ExactSum({values}{gap}count={})", text(count, before)?))
    }

    /// A small table for notebooks.
    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let state = self.snapshot();
        let bytes = state.to_bytes().len();
        let value = if state.shape.is_empty() {
            single_value(py, &state)?
        } else {
            format!("{} sums of shape {}", state.size(), PyTuple::new(py, &state.shape)?.repr()?)
        };
        let total: i128 = state.counts().map(i128::from).sum();
        let rows = [("value", value), ("count", total.to_string()), ("bytes", bytes.to_string())]
            .map(|(name, value)| format!("<tr><th>{name}</th><td>{value}</td></tr>"));
        Ok(format!("<table><caption>ExactSum</caption>{}</table>", rows.concat()))
    }
}
