//! `group_sum` and `group_mean`: reductions of an array by label.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySlice, PyTuple};

use super::accumulator::ExactSum;
use super::arguments::normalise_axis;
use super::calls::{check_memory, detached, watched_from};
use super::modules::dispatch;
use super::ndarray::{Array, Number, numpy};
use super::results::{GROUP_MEAN, GROUP_SUM, Operation, Target, Writer};
use super::sum_state::Numbers;
use mypackage::interrupt::GRAIN;
use mypackage::sum::{self as exact, Collector, Each};

/// Exact sums of the elements with the same label, each rounded once.
///
/// The sum of a group is bit for bit the `sum` of its elements.
///
#[doc = parameters_of_groups!()]
/// fill_value : scalar, optional
///     The result for groups without elements: by default 0, or NaN if `min_count` is given.
/// dtype : dtype, optional
///     What the exact sums are rounded to; by default the dtype of `array`, or int64 or uint64 for
///     smaller integers.
/// min_count : int, optional
///     Groups with fewer numbers that are not NaN get `fill_value`, which is then NaN by default.
///     If it is given, sums of integers are float64.
///
/// Returns
/// -------
/// ndarray, shape (..., size, ...)
///     The sums, with one result for each group along `axis`.
///
/// Raises
/// ------
/// ValueError
///     If a label is not below `size`, the labels do not match the axis, or `fill_value` is needed
///     and does not fit the result's dtype.
/// OverflowError
///     If an integer sum does not fit the result's dtype.
///
/// See Also
/// --------
/// group_mean, group_nansum, group_cumsum, segment_sum, numpy.bincount
///
/// Examples
/// --------
/// >>> import mypackage
/// >>> mypackage.group_sum([0, 1, 0, -1, 0], [1e16, 2.0, 1.0, 9.0, -1e16])
/// array([1., 2.])
#[pyfunction]
#[pyo3(
    signature = (
        group_idx, array, *, axis=None, size=None, fill_value=None, dtype=None, min_count=None
    ),
    text_signature = "(group_idx, array, *, axis=-1, size=None, fill_value=None, dtype=None, min_count=0)"
)]
#[allow(clippy::too_many_arguments)]
pub(super) fn group_sum<'py>(
    group_idx: &Bound<'py, PyAny>,
    array: &Bound<'py, PyAny>,
    axis: Option<Bound<'py, PyAny>>,
    size: Option<Bound<'py, PyAny>>,
    fill_value: Option<Bound<'py, PyAny>>,
    dtype: Option<Bound<'py, PyAny>>,
    min_count: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    if let Some(least) = min_count {
        let options = options(array.py(), [&axis, &size, &fill_value, &dtype])?;
        let moments = array.py().import("mypackage._core.group_moments")?;
        return moments.call_method1("sum_of_enough", (group_idx, array, options, least));
    }
    grouped(GROUP_SUM, group_idx, array, axis, size, fill_value, dtype)
}

/// Exact means of the elements with the same label, each rounded once.
///
/// The exact sum of a group, divided by the number of its elements: only the quotient is rounded.
///
#[doc = parameters_of_groups!()]
/// fill_value : scalar, optional
///     The result for groups without elements; NaN by default (NaT for times).
/// dtype : dtype, optional
///     What the exact means are rounded to; by default the dtype of `array`, or float64 for integers.
/// weights : array_like, optional
///     One for each position along `axis`, or for each element. A mean is then the exact sum of the
///     weighted elements, divided by the exact sum of the weights.
///
/// Returns
/// -------
/// ndarray, shape (..., size, ...)
///     The means, with one result for each group along `axis`.
///
/// Raises
/// ------
/// ValueError
///     If a label is not below `size`, the labels or weights do not match the axis, or `fill_value`
///     is needed and does not fit the result's dtype.
/// ZeroDivisionError
///     If the weights of a group sum to zero.
///
/// See Also
/// --------
/// group_sum, group_nanmean, group_var, segment_mean, average
///
/// Examples
/// --------
/// >>> import mypackage
/// >>> mypackage.group_mean([0, 0, 2], [1, 2, 5])
/// array([1.5, nan, 5. ])
/// >>> mypackage.group_mean([0, 0, 1], [1.0, 2.0, 5.0], weights=[1, 3, 1])
/// array([1.75, 5.  ])
#[pyfunction]
#[pyo3(
    signature = (
        group_idx, array, *, axis=None, size=None, fill_value=None, dtype=None, weights=None
    ),
    text_signature = "(group_idx, array, *, axis=-1, size=None, fill_value=None, dtype=None, weights=None)"
)]
#[allow(clippy::too_many_arguments)]
pub(super) fn group_mean<'py>(
    group_idx: &Bound<'py, PyAny>,
    array: &Bound<'py, PyAny>,
    axis: Option<Bound<'py, PyAny>>,
    size: Option<Bound<'py, PyAny>>,
    fill_value: Option<Bound<'py, PyAny>>,
    dtype: Option<Bound<'py, PyAny>>,
    weights: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    if let Some(weights) = weights {
        let options = options(array.py(), [&axis, &size, &fill_value, &dtype])?;
        let moments = array.py().import("mypackage._core.group_moments")?;
        return moments.call_method1("weighted_mean", (group_idx, array, weights, options));
    }
    grouped(GROUP_MEAN, group_idx, array, axis, size, fill_value, dtype)
}

/// The names and values of the arguments that were given.
fn options<'py>(
    py: Python<'py>,
    given: [&Option<Bound<'py, PyAny>>; 4],
) -> PyResult<Bound<'py, PyDict>> {
    let options = PyDict::new(py);
    for (key, value) in ["axis", "size", "fill_value", "dtype"].into_iter().zip(given) {
        if let Some(value) = value {
            options.set_item(key, value)?;
        }
    }
    Ok(options)
}

fn grouped<'py>(
    operation: Operation,
    group_idx: &Bound<'py, PyAny>,
    array: &Bound<'py, PyAny>,
    axis: Option<Bound<'py, PyAny>>,
    size: Option<Bound<'py, PyAny>>,
    fill_value: Option<Bound<'py, PyAny>>,
    dtype: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    let name = operation.name;
    let options = options(py, [&axis, &size, &fill_value, &dtype])?;
    let handed = dispatch(py)?.call_method1("grouped", (name, group_idx, array, &options))?;
    let (array, labels) = handed.extract::<(Bound<'py, PyAny>, Bound<'py, PyAny>)>()?;
    if array.is_none() {
        return Ok(labels);
    }
    let groups = Groups::of(name, &array, &labels, axis, size)?;
    let target = Target::choose(operation, groups.number, dtype)?;
    let parts = groups.number.complex && target.is_complex();
    let operation = operation.of(groups.number);
    let writer = Writer::new(py, operation, target, None, &groups.shape, groups.results(parts))?;
    // Empty sums are 0, like elements that are never written, so no counts are needed.
    let fill = match fill_value {
        // An empty mean is NaN.
        None if operation.is_mean() => Some(py.None().into_bound(py)),
        given => given,
    };
    let counts = if fill.is_some() { groups.counts() } else { Vec::new() };
    if operation.is_mean() {
        let (inner, size) = (groups.inner(parts), groups.size);
        groups.sum(
            parts,
            &Each(|index: usize, sum: &exact::Accumulator| {
                // An empty one is 0 too.
                writer.put_counted(index, sum, counts[index / inner % size].max(1));
            }),
        )?;
    } else {
        groups.sum(parts, &writer)?;
    }
    let result = writer.finish(py)?;
    if let Some(fill) = fill
        && counts.contains(&0)
    {
        let empty: Vec<bool> = counts.iter().map(|&count| count == 0).collect();
        let everything = PySlice::full(py).into_any();
        let mut index = vec![everything; groups.axis];
        index.push(numpy(py)?.call_method1("array", (empty,))?);
        dispatch(py)?.call_method1("fill", (name, &result, PyTuple::new(py, index)?, fill))?;
    }
    Ok(result)
}

/// The exact sums and counts of the groups, as an `ExactSum` with the result's shape; for
/// `mypackage.dask`.
#[pyfunction]
#[pyo3(signature = (group_idx, array, axis, size))]
pub(super) fn group_states<'py>(
    group_idx: &Bound<'py, PyAny>,
    array: &Bound<'py, PyAny>,
    axis: Option<Bound<'py, PyAny>>,
    size: Option<Bound<'py, PyAny>>,
) -> PyResult<ExactSum> {
    let groups = Groups::of(GROUP_SUM.name, array, group_idx, axis, size)?;
    let parts = groups.number.complex;
    let sums = Collector::new(groups.results(parts), 0);
    groups.sum(parts, &sums)?;
    let mut cells = sums.finish();
    let (counts, inner, size) = (groups.counts(), groups.inner(parts), groups.size);
    cells.set_counts(|index| counts[index / inner % size]);
    Ok(ExactSum::of(groups.shape, Numbers::of(groups.number), cells))
}

/// An array and the labels along one of its axes.
struct Groups<'a, 'py> {
    name: &'static str,
    array: Array<'a, 'py>,
    number: Number,
    axis: usize,
    labels: exact::Labels<'a>,
    size: usize,
    /// The shape of the result.
    shape: Vec<usize>,
}

impl<'a, 'py> Groups<'a, 'py> {
    fn of(
        name: &'static str,
        array: &'a Bound<'py, PyAny>,
        labels: &'a Bound<'py, PyAny>,
        axis: Option<Bound<'py, PyAny>>,
        size: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Groups<'a, 'py>> {
        let view = Array { object: array };
        let Some(number) = view.number() else {
            return Err(PyTypeError::new_err(format!(
                "{name}: there is no exact result for dtype {}; supported are bool, integers, \
                 float16, float32, float64, complex64 and complex128",
                array.getattr("dtype")?
            )));
        };
        let ndim = view.shape().len();
        let axis = match &axis {
            Some(axis) => normalise_axis(ndim, axis)?,
            None => ndim.checked_sub(1),
        };
        let Some(axis) = axis else {
            return Err(PyValueError::new_err(format!(
                "{name}: array must have at least one axis"
            )));
        };
        let py = labels.py();
        let labels = labels_of(labels)?;
        let length = view.shape()[axis];
        if labels.len() != length {
            return Err(PyValueError::new_err(format!(
                "{name}: group_idx has {} labels, but axis {axis} of array has length {length}",
                labels.len()
            )));
        }
        let (labels, groups) = match &size {
            None => {
                let labels = detached(py, length, || exact::Labels::surveyed(labels));
                (labels, labels.groups())
            }
            Some(size) => {
                let groups = size.extract().map_err(|_| {
                    PyValueError::new_err(format!(
                        "{name}: size must be an int of at least 0, not {size}"
                    ))
                })?;
                (detached(py, length, || exact::Labels::of_groups(labels, groups)), groups)
            }
        };
        // For each group, a count and the two integers of a sum.
        check_memory(groups, size_of::<[i64; 3]>(), "groups")?;
        let mut shape = view.shape().to_vec();
        shape[axis] = groups;
        Ok(Groups { name, array: view, number, axis, labels, size: groups, shape })
    }

    /// The number of results; with `parts`, complex ones count as two.
    fn results(&self, parts: bool) -> usize {
        self.shape.iter().product::<usize>() * if parts { 2 } else { 1 }
    }

    /// The number of elements with each label.
    fn counts(&self) -> Vec<i64> {
        let mut counts = vec![0; self.size];
        for &label in self.labels.all {
            if let Some(count) = counts.get_mut(label as usize) {
                *count += 1;
            }
        }
        counts
    }

    /// The distance in results from one group to the next.
    fn inner(&self, parts: bool) -> usize {
        let after: usize = self.shape[self.axis + 1..].iter().product();
        after * if parts { 2 } else { 1 }
    }

    /// The sums of all results, whose counts `sink` does not know.
    fn sum(&self, parts: bool, sink: &(dyn exact::Sink + Sync)) -> PyResult<()> {
        let (axis, labels, size) = (self.axis, self.labels, self.size);
        let view = self.array.view(self.number, parts);
        let elements = self.array.shape().iter().product();
        let stray = watched_from(GRAIN, self.array.object.py(), elements, || {
            exact::sum_groups_into(&view, axis, labels, size, sink)
        })?;
        if stray >= 0 {
            return Err(PyValueError::new_err(format!(
                "{}: the label {stray} in group_idx is not below size={size}",
                self.name
            )));
        }
        Ok(())
    }
}

/// The labels, which are contiguous int64, by `mypackage._core.groups`.
pub(super) fn labels_of<'a>(labels: &'a Bound<'_, PyAny>) -> PyResult<&'a [i64]> {
    Array::of_numbers(labels)
        .and_then(|(array, number)| array.view(number, false).as_slice::<i64>())
        .ok_or_else(|| PyTypeError::new_err("labels must be a contiguous array of int64"))
}
