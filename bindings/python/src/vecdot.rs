//! `vecdot` with NumPy's signature.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::accumulator::ExactSum;
use super::arguments::normalise_axis;
use super::calls::watched_from;
use super::ndarray::{Array, Number, numpy};
use super::results::{Target, VECDOT, Writer, single_result};
use mypackage::interrupt::GRAIN;
use mypackage::sum::{self as exact, Accumulator, Collector, DotRequest, Dtype, Sink, Vectors};

/// See `watched_from`.
const WATCHED_FROM: usize = 2 * GRAIN;

/// Exact dot product of two arrays of vectors, rounded once.
///
/// The result is the real-number sum of the exact products, rounded half to even to the result's
/// dtype: no product overflows, underflows or is rounded on the way.
///
/// Parameters
/// ----------
/// x1, x2 : array_like
///     Vectors along `axis`, of one length; the other axes are broadcast. Bool, any integer,
///     float16, float32, float64, complex64 or complex128, also mixed. `x1` is conjugated.
/// axis : int, optional
///     The axis of the vectors, in each of the two arrays; the last by default.
///
/// Returns
/// -------
/// ndarray or scalar
///     The products, of dtype ``numpy.result_type(x1, x2)``.
///
/// Raises
/// ------
/// OverflowError
///     If an integer product does not fit the result's dtype.
/// ValueError
///     If the shapes do not match, or an argument has no axis.
///
/// Warns
/// -----
/// RuntimeWarning
///     If a finite result overflows, or is invalid (inf - inf, 0 * inf); as `numpy.errstate` says.
///
/// See Also
/// --------
/// average, sum, numpy.vecdot
///
/// References
/// ----------
/// T. J. Dekker, "A floating-point technique for extending the available precision", 1971.
/// T. Ogita, S. M. Rump, S. Oishi, "Accurate sum and dot product", 2005.
///
/// Examples
/// --------
/// >>> import numpy as np, mypackage
/// >>> x1, x2 = np.array([1e200, 1.0, -1e200]), np.array([1e200, 2.0, 1e200])
/// >>> float(mypackage.vecdot(x1, x2))
/// 2.0
/// >>> mypackage.vecdot(np.array([[1j, 2], [3, 4]]), [1, 1j])
/// array([0.+1.j, 3.+4.j])
#[pyfunction]
#[pyo3(signature = (x1, x2, /, *, axis=None), text_signature = "(x1, x2, /, *, axis=-1)")]
pub(super) fn vecdot<'py>(
    x1: &Bound<'py, PyAny>,
    x2: &Bound<'py, PyAny>,
    axis: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = x1.py();
    let (Some(left), Some(right)) = (Array::of_numbers(x1), Array::of_numbers(x2)) else {
        return py.import("mypackage._kinds")?.call_method1("vecdot", (x1, x2, axis));
    };
    if axis.is_none()
        && let Some(total) = total(py, left, right)?
    {
        return single_result(py, VECDOT, left.1, &total);
    }
    let request = request(VECDOT.name, left, right, axis.as_ref())?;
    let number = if left.1 == right.1 {
        left.1
    } else {
        let dtypes = (x1.getattr("dtype")?, x2.getattr("dtype")?);
        let dtype = numpy(py)?.call_method1("result_type", dtypes)?;
        Number::from_type_number(dtype.getattr("num")?.extract()?)
            .ok_or_else(|| PyValueError::new_err(format!("vecdot: no kernel for dtype {dtype}")))?
    };
    let cells: usize = request.shape.iter().product();
    let target = Target::Number(number);
    let writer = Writer::new(py, VECDOT, target, None, &request.shape, request.parts() * cells)?;
    // NumPy's product of truth values is their conjunction, and the sum their disjunction.
    let truth = number.part == Dtype::Bool;
    let put = |index: usize, sum: &Accumulator| {
        if truth && sum.to_integer(1) != Some(0) {
            let mut one = Accumulator::new();
            one.add_f64(1.0);
            writer.put(index, &one);
        } else {
            writer.put(index, sum);
        }
    };
    compute(py, &request, &put)?;
    writer.finish(py)
}

/// The product of two plain vectors of one dtype, without the costs of any others.
#[allow(unsafe_code)] // Hands the arrays' memory to the kernel.
fn total(
    py: Python<'_>,
    left: Operand<'_, '_>,
    right: Operand<'_, '_>,
) -> PyResult<Option<Accumulator>> {
    let Some(size) = left.0.contiguous_size(left.1) else {
        return Ok(None);
    };
    let is_vector = |side: Operand<'_, '_>| side.0.shape() == [size];
    let plain = left.1 == right.1
        && !left.1.complex
        && is_vector(left)
        && is_vector(right)
        && right.0.contiguous_size(right.1).is_some();
    if !plain {
        return Ok(None);
    }
    let data = [left, right].map(|side| side.0.data().expose_provenance());
    watched_from(WATCHED_FROM, py, size, || {
        let [x, y] = data.map(std::ptr::with_exposed_provenance);
        // SAFETY: native, aligned, contiguous elements of arrays that the caller holds.
        unsafe { exact::dot_contiguous(left.1.part, x, y, size) }
    })
}

/// The exact dot products of two plain arrays as an `ExactSum`: what `mypackage.dask` merges.
#[pyfunction]
pub(super) fn vecdot_states<'py>(
    x1: &Bound<'py, PyAny>,
    x2: &Bound<'py, PyAny>,
    axis: &Bound<'py, PyAny>,
) -> PyResult<ExactSum> {
    let (Some(left), Some(right)) = (Array::of_numbers(x1), Array::of_numbers(x2)) else {
        return Err(PyTypeError::new_err("vecdot: dask chunks must be plain arrays of numbers"));
    };
    let request = request(VECDOT.name, left, right, Some(axis))?;
    let cells: usize = request.shape.iter().product();
    let sums = Collector::new(request.parts() * cells, request.count as i64);
    compute(x1.py(), &request, &|index, sum| sums.put(index, sum))?;
    Ok(ExactSum::of(request.shape.clone(), request.parts() == 2, sums.finish()))
}

/// Computes with the GIL released where that pays; see `watched`.
#[allow(unsafe_code)] // Hands the arrays' memory to the kernel.
pub(super) fn compute(
    py: Python<'_>,
    request: &DotRequest,
    put: &(dyn Fn(usize, &Accumulator) + Sync),
) -> PyResult<()> {
    let size = request.shape.iter().product::<usize>().saturating_mul(request.count);
    // SAFETY: the caller holds the arrays that `request` was made from.
    watched_from(WATCHED_FROM, py, size, || unsafe { exact::vecdot(request, put) })
}

type Operand<'a, 'py> = (Array<'a, 'py>, Number);

/// The request for two arrays, whose vectors lie along `axis` (the last by default).
pub(super) fn request(
    name: &str,
    left: Operand<'_, '_>,
    right: Operand<'_, '_>,
    axis: Option<&Bound<'_, PyAny>>,
) -> PyResult<DotRequest> {
    let mut sides = Vec::with_capacity(2);
    for (position, (array, number)) in [("first", left), ("second", right)] {
        let ndim = array.shape().len();
        if ndim == 0 {
            return Err(PyValueError::new_err(format!(
                "{name}: the {position} argument is 0-dimensional; it needs the axis of the vectors"
            )));
        }
        let axis = match axis {
            Some(axis) => normalise_axis(ndim, axis)?.unwrap_or(0),
            None => ndim - 1,
        };
        let mut outer: Vec<(usize, isize)> =
            array.shape().iter().copied().zip(array.strides().iter().copied()).collect();
        let core = outer.remove(axis);
        sides.push((array, number, core, outer));
    }
    let (count, other) = (sides[0].2.0, sides[1].2.0);
    if count != other {
        return Err(PyValueError::new_err(format!(
            "{name}: the vectors differ in length: {count} and {other}"
        )));
    }
    let outer = [&sides[0].3, &sides[1].3];
    let shape = broadcast(outer).ok_or_else(|| {
        let [left, right] = outer.map(|axes| axes.iter().map(|&(size, _)| size).collect::<Vec<_>>());
        PyValueError::new_err(format!(
            "{name}: the shapes of the other axes, {left:?} and {right:?}, cannot be broadcast together"
        ))
    })?;
    let mut vectors = sides.iter().map(|(array, number, core, outer)| {
        let missing = std::iter::repeat_n(0, shape.len() - outer.len());
        let strides = outer.iter().map(|&(size, stride)| if size == 1 { 0 } else { stride });
        Vectors {
            dtype: number.part,
            complex: number.complex,
            swapped: array.swapped(),
            data: array.data(),
            stride: core.1,
            outer_strides: missing.chain(strides).collect(),
        }
    });
    let (Some(left), Some(right)) = (vectors.next(), vectors.next()) else {
        unreachable!("there are two sides")
    };
    drop(vectors);
    Ok(DotRequest { left, right, count, shape })
}

/// The common shape of two lists of (size, stride), if there is one.
fn broadcast(sides: [&Vec<(usize, isize)>; 2]) -> Option<Vec<usize>> {
    let ndim = sides[0].len().max(sides[1].len());
    let size = |side: &Vec<(usize, isize)>, axis: usize| {
        (axis + side.len()).checked_sub(ndim).map_or(1, |axis| side[axis].0)
    };
    (0..ndim)
        .map(|axis| match sides.map(|side| size(side, axis)) {
            [left, right] if left == right || right == 1 => Some(left),
            [1, right] => Some(right),
            _ => None,
        })
        .collect()
}
