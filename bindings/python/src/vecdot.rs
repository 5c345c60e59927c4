//! `vecdot` with NumPy's signature.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::accumulator::ExactSum;
use super::arguments::{normalise_axis, written};
use super::calls::watched_from;
use super::modules::dispatch;
use super::ndarray::{Array, Number, numpy};
use super::results::{Target, VECDOT, Writer, rounded_result, single_result};
use super::sum_state::{Numbers, check_single_sums};
use mypackage::interrupt::GRAIN;
use mypackage::sum::{self as exact, Accumulator, Collector, Dtype, Each, Sink, Vectors};

/// See `watched_from`.
const PRODUCTS_WATCHED_FROM: usize = 2 * GRAIN;

/// Exact dot product of two arrays of vectors, rounded once.
///
/// The result is the real-number sum of the exact products, rounded half to even to the result's
/// dtype: no product overflows, underflows or is rounded on the way.
///
/// Parameters
/// ----------
/// x1, x2 : array_like
///     Vectors along `axis`, of equal length; the other axes are broadcast. Bool, any integer,
///     float16, float32, float64, complex64 or complex128, also mixed. `x1` is conjugated.
/// out : ndarray, optional
///     Where to put the result; it may overlap the inputs.
/// axis : int, optional
///     The axis of the vectors, in each of the two arrays; the last by default.
/// dtype : dtype, optional
///     What the exact sums are rounded to; by default ``numpy.result_type(x1, x2)``.
/// axes : list, optional
///     Instead of `axis`: ``[axis of x1, axis of x2, ()]``.
///
/// Returns
/// -------
/// ndarray or scalar
///     The products. For bools, as in NumPy, whether any pair is True in both.
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
/// matvec, vecmat, matmul, average, ExactSum.add_products, numpy.vecdot
///
/// References
/// ----------
/// * Dekker, "A floating-point technique for extending the available precision", 1971.
/// * Ogita, Rump and Oishi, "Accurate sum and dot product", 2005.
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
#[pyo3(
    signature = (x1, x2, /, out=None, *, axis=None, dtype=None, axes=None),
    text_signature = "(x1, x2, /, out=None, *, axis=-1, dtype=None, axes=None)"
)]
pub(super) fn vecdot<'py>(
    x1: &Bound<'py, PyAny>,
    x2: &Bound<'py, PyAny>,
    out: Option<Bound<'py, PyAny>>,
    axis: Option<Bound<'py, PyAny>>,
    dtype: Option<Bound<'py, PyAny>>,
    axes: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = x1.py();
    if out.is_some() || dtype.is_some() || axes.is_some() {
        let products = py.import("mypackage._core.products")?;
        return products.call_method1("vecdot", (x1, x2, out, axis, dtype, axes));
    }
    let (Some(left), Some(right)) = (Array::of_numbers(x1), Array::of_numbers(x2)) else {
        return dispatch(py)?.call_method1("vecdot", (x1, x2, axis));
    };
    if axis.is_none()
        && let Some(total) = total(py, left, right)?
    {
        return match total {
            Ok(bits) => rounded_result(py, left.1, bits),
            Err(total) => single_result(py, VECDOT, left.1, &total),
        };
    }
    let pairs = Pairs::of(VECDOT.name, left, right, axis.as_ref())?;
    let number = if left.1 == right.1 {
        left.1
    } else {
        let dtypes = (x1.getattr("dtype")?, x2.getattr("dtype")?);
        let dtype = numpy(py)?.call_method1("result_type", dtypes)?;
        Number::from_type_number(dtype.getattr("num")?.extract()?)
            .ok_or_else(|| PyValueError::new_err(format!("vecdot: no kernel for dtype {dtype}")))?
    };
    let target = Target::Number(number);
    let writer = Writer::new(py, VECDOT, target, None, &pairs.shape, pairs.results())?;
    // In NumPy, the product of bools is their conjunction and the sum their disjunction.
    let truth = number.part == Dtype::Bool;
    if truth {
        let put = |index: usize, sum: &Accumulator| {
            let mut truth = Accumulator::new();
            if sum.to_integer(1) != Some(0) {
                truth.add_f64(1.0);
            }
            writer.put(index, &truth);
        };
        pairs.compute(py, &Each(put))?;
    } else {
        pairs.compute(py, &writer)?;
    }
    writer.finish(py)
}

/// The rounded product of two plain vectors of the same dtype, or the exact one where that is not
/// finite: a fast path.
fn total(
    py: Python<'_>,
    left: Operand<'_, '_>,
    right: Operand<'_, '_>,
) -> PyResult<Option<Result<u64, Accumulator>>> {
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
    let [x, y] = [left, right].map(|side| side.0.flat(side.1));
    watched_from(PRODUCTS_WATCHED_FROM, py, size, || exact::dot_contiguous(&x, &y))
}

/// The exact dot products of two plain arrays as an `ExactSum`, for `mypackage.dask`.
#[pyfunction]
pub(super) fn vecdot_states<'py>(
    x1: &Bound<'py, PyAny>,
    x2: &Bound<'py, PyAny>,
    axis: &Bound<'py, PyAny>,
) -> PyResult<ExactSum> {
    let (Some(left), Some(right)) = (Array::of_numbers(x1), Array::of_numbers(x2)) else {
        return Err(PyTypeError::new_err("vecdot: dask chunks must be plain arrays of numbers"));
    };
    let numbers = Numbers::of(left.1).max(Numbers::of(right.1));
    let pairs = Pairs::of(VECDOT.name, left, right, Some(axis))?;
    check_single_sums(pairs.results())?;
    let sums = Collector::new(pairs.results(), pairs.left.len() as i64);
    pairs.compute(x1.py(), &sums)?;
    Ok(ExactSum::of(pairs.shape.clone(), numbers, sums.finish()))
}

type Operand<'a, 'py> = (Array<'a, 'py>, Number);

/// The vectors of two arrays, the other axes broadcast.
pub(super) struct Pairs<'a> {
    pub left: Vectors<'a>,
    pub right: Vectors<'a>,
    /// The shape of the result.
    pub shape: Vec<usize>,
}

impl<'a> Pairs<'a> {
    /// The vectors lie along `axis` (the last by default).
    pub fn of(
        name: &str,
        left: Operand<'a, '_>,
        right: Operand<'a, '_>,
        axis: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Pairs<'a>> {
        let (mut vectors, mut outer) = (Vec::with_capacity(2), Vec::with_capacity(2));
        for (position, (array, number)) in [("first", left), ("second", right)] {
            let ndim = array.shape().len();
            if ndim == 0 {
                return Err(PyValueError::new_err(format!(
                    "{name}: the {position} argument is 0-dimensional; it needs the axis of the \
                     vectors"
                )));
            }
            let axis = match axis {
                Some(axis) => normalise_axis(ndim, axis)?.unwrap_or(0),
                None => ndim - 1,
            };
            let mut shape = array.shape().to_vec();
            shape.remove(axis);
            outer.push(shape);
            let view = array.view(number, true).moved(axis, ndim - 1);
            vectors.push(Vectors { view, complex: number.complex });
        }
        let (Some(right), Some(left)) = (vectors.pop(), vectors.pop()) else {
            unreachable!("there are two sides")
        };
        if left.len() != right.len() {
            return Err(PyValueError::new_err(format!(
                "{name}: the vectors differ in length: {} and {}",
                left.len(),
                right.len()
            )));
        }
        let shape = broadcast([&outer[0], &outer[1]]).ok_or_else(|| {
            PyValueError::new_err(format!(
                "{name}: the shapes of the other axes, {} and {}, cannot be broadcast together",
                written(&outer[0]),
                written(&outer[1])
            ))
        })?;
        let broadcast = |side: Vectors<'a>| Vectors {
            view: side.view.broadcast(&shape, 1 + usize::from(side.complex)),
            complex: side.complex,
        };
        Ok(Pairs { left: broadcast(left), right: broadcast(right), shape })
    }

    /// The number of parts of a result.
    pub fn parts(&self) -> usize {
        if self.left.complex || self.right.complex { 2 } else { 1 }
    }

    /// The parts of all results.
    pub fn results(&self) -> usize {
        self.parts() * self.shape.iter().product::<usize>()
    }

    /// Computes, releasing the GIL where that pays; see `watched`.
    pub fn compute(&self, py: Python<'_>, sink: &(dyn Sink + Sync)) -> PyResult<()> {
        let size = self.shape.iter().product::<usize>().saturating_mul(self.left.len());
        watched_from(PRODUCTS_WATCHED_FROM, py, size, || {
            exact::vecdot_into(&self.left, &self.right, sink)
        })
    }
}

/// The broadcast shape of two shapes, if there is one.
fn broadcast(shapes: [&Vec<usize>; 2]) -> Option<Vec<usize>> {
    let ndim = shapes[0].len().max(shapes[1].len());
    let size = |shape: &Vec<usize>, axis: usize| {
        (axis + shape.len()).checked_sub(ndim).map_or(1, |axis| shape[axis])
    };
    (0..ndim)
        .map(|axis| match shapes.map(|shape| size(shape, axis)) {
            [left, right] if left == right || right == 1 => Some(left),
            [1, right] => Some(right),
            _ => None,
        })
        .collect()
}
