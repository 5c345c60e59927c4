//! Moments from exact states, for `ExactMoments`, dask and grouped variances.

use mypackage::interrupt::GRAIN;
use mypackage::moments::{
    Measure, Moment, Remark, Sums, Variable, add_products_by_label, moments_by_label,
};
use mypackage::sum::{Accumulator, Cells, Collector, Dtype, Format, sum_of_squares_into};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::accumulator::ExactSum;
use super::arguments::{Given, mask, reduced_axes};
use super::calls::{check_memory, detached, watched, watched_from};
use super::group::labels_of;
use super::moments::{exactly, flag};
use super::ndarray::{Array, NewArray, Number};
use super::reductions;
use super::sum_state::{Numbers, check_single_sums};

/// The moments of numbers with these sums and sums of squares, rounded to a floating-point dtype,
/// and the bits of a status: 1 for no degrees of freedom, 2 for an infinite element, 4 for an
/// overflow, 8 for sums that no numbers can have.
#[pyfunction]
pub(super) fn round_moments<'py>(
    py: Python<'py>,
    name: &str,
    sums: &Bound<'py, ExactSum>,
    squares: &Bound<'py, ExactSum>,
    ddof: &Bound<'py, PyAny>,
    dtype_num: i32,
) -> PyResult<(Bound<'py, PyAny>, u8)> {
    let moment = moment(name, ddof)?;
    let measure = moment.measure;
    let (number, format) = target(dtype_num)?;
    let (sums, squares) = (sums.get().snapshot(), squares.get().snapshot());
    if sums.shape != squares.shape || squares.complex() {
        return Err(PyValueError::new_err("round_moments needs real squares, one for each sum"));
    }
    let parts = sums.parts();
    let (shape, sums, squares) = (&sums.shape, &sums.cells, &squares.cells);
    check_memory(squares.len(), 8, "results")?;
    let (bits, status) = detached(py, 16 * squares.len(), || {
        let mut status = 0;
        let bits: Vec<u64> = (0..squares.len())
            .map(|index| {
                let of = |part: usize| {
                    if part < parts {
                        sums.get(index * parts + part).into_owned()
                    } else {
                        Accumulator::new()
                    }
                };
                let count = sums.get(index * parts).count();
                if count <= 0 && measure != Measure::Norm {
                    status |= flag(Remark::Degrees);
                    return format.nan();
                }
                let all =
                    Sums { count, sums: [of(0), of(1)], squares: squares.get(index).into_owned() };
                let answer = moment.round(&all, None, format);
                status |= flag(answer.remark);
                if answer.value & format.sign_bit() != 0 {
                    status |= 8;
                }
                answer.value
            })
            .collect();
        (bits, status)
    });
    Ok((array_of(py, shape, number, bits)?, status))
}

fn moment(name: &str, ddof: &Bound<'_, PyAny>) -> PyResult<Moment> {
    let measure = match name {
        "var" => Measure::Variance,
        "std" => Measure::Deviation,
        "norm" => Measure::Norm,
        _ => return Err(PyValueError::new_err(format!("there is no moment {name:?}"))),
    };
    Ok(Moment { measure, ddof: exactly(ddof)?, skip_nan: false })
}

/// The floating-point dtype with this number.
fn target(dtype_num: i32) -> PyResult<(Number, Format)> {
    let number = Number::from_type_number(dtype_num).filter(|number| !number.complex);
    let format = match number.map(|number| number.part) {
        Some(Dtype::F64) => Some(Format::F64),
        Some(Dtype::F32) => Some(Format::F32),
        Some(Dtype::F16) => Some(Format::F16),
        _ => None,
    };
    number.zip(format).ok_or_else(|| PyTypeError::new_err("moments need a floating-point dtype"))
}

fn array_of<'py>(
    py: Python<'py>,
    shape: &[usize],
    number: Number,
    bits: Vec<u64>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut result = NewArray::empty(py, shape, number)?;
    result.fill(bits);
    Ok(result.into_object())
}

/// The lines of an array along an axis.
struct Lines<'a, 'py> {
    array: Array<'a, 'py>,
    number: Number,
    axis: usize,
}

impl<'a> Lines<'a, '_> {
    fn shape(&self) -> &[usize] {
        self.array.shape()
    }

    /// The number of adjacent lines.
    fn inner(&self) -> usize {
        self.shape()[self.axis + 1..].iter().product()
    }

    /// All lines, in C order of the other axes.
    fn all(&self) -> PyResult<Vec<Variable<'a>>> {
        let (complex, shape) = (self.number.complex, self.shape());
        let others = shape.iter().enumerate().filter(|&(axis, _)| axis != self.axis);
        let count = others.fold(1usize, |count, (_, &size)| count.saturating_mul(size));
        // Those of the last two axes, each with a list of its own.
        check_memory(count, 2 * (size_of::<Variable<'_>>() + 64), "lines")?;
        let mut views = vec![self.array.view(self.number, complex).moved(self.axis, 0)];
        // The other axes follow, the first one slowest.
        for size in (0..shape.len()).filter(|&axis| axis != self.axis).map(|axis| shape[axis]) {
            views = views
                .iter()
                .flat_map(|view| (0..size).map(|index| view.selected(1, index)))
                .collect();
        }
        Ok(views.into_iter().map(|view| Variable { view, complex }).collect())
    }
}

/// Labels as a slice, one for each position.
fn labels_for<'a>(labels: &'a Bound<'_, PyAny>, length: usize) -> PyResult<&'a [i64]> {
    let labels = labels_of(labels)?;
    if labels.len() != length {
        return Err(PyValueError::new_err("there must be a label for each position"));
    }
    Ok(labels)
}

/// The moments of an array's elements along an axis by label, all labels being below `size`; the
/// number of elements with each label; and a status, as for `round_moments`.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub(super) fn group_moments<'py>(
    py: Python<'py>,
    name: &str,
    labels: &Bound<'py, PyAny>,
    array: &Bound<'py, PyAny>,
    axis: usize,
    size: usize,
    ddof: &Bound<'py, PyAny>,
    dtype_num: i32,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>, u8)> {
    let refused = || PyTypeError::new_err("group_moments needs an array of numbers");
    let (view, number) = Array::of_numbers(array).ok_or_else(refused)?;
    let length = *view.shape().get(axis).ok_or_else(refused)?;
    let labels = labels_for(labels, length)?;
    let (moment, (target, format)) = (moment(name, ddof)?, target(dtype_num)?);
    let lines = Lines { array: view, number, axis };
    let inner = lines.inner();
    let all = lines.all()?;
    // Memory for three exact sums for each group, twice, and tables.
    check_single_sums(size.saturating_mul(8))?;
    check_memory(labels.len(), 8, "labels")?;
    check_memory(all.len().saturating_mul(size), 8, "results")?;
    let (bits, counts, status) =
        watched_from(GRAIN / 8, py, all.len().saturating_mul(length), || {
            let mut bits = vec![0; all.len() * size];
            let (mut counts, mut status) = (vec![0; size], 0);
            for (line, x) in all.iter().enumerate() {
                let (answers, known) = moments_by_label(x, labels, size, &moment, format);
                counts = known;
                for (group, answer) in answers.into_iter().enumerate() {
                    status |= flag(answer.remark);
                    bits[(line / inner * size + group) * inner + line % inner] = answer.value;
                }
            }
            (bits, counts, status)
        })?;
    let mut shape = view.shape().to_vec();
    shape[axis] = size;
    let counts: Vec<u64> = counts.into_iter().map(|count: i64| count as u64).collect();
    let result = array_of(py, &shape, target, bits)?;
    Ok((result, array_of(py, &[size], Number::I64, counts)?, status))
}

/// The exact sums of the products of two arrays' elements (of complex ones, both parts added up)
/// along an axis by label, each with the count of its label.
///
/// A real `x` and a complex `y` give complex sums.
#[pyfunction]
pub(super) fn group_product_states<'py>(
    py: Python<'py>,
    labels: &Bound<'py, PyAny>,
    x: &Bound<'py, PyAny>,
    y: &Bound<'py, PyAny>,
    axis: usize,
    size: usize,
) -> PyResult<ExactSum> {
    let refused = || PyTypeError::new_err("group_product_states needs arrays of numbers");
    let lines = |array| -> PyResult<Lines<'_, '_>> {
        let (array, number) = Array::of_numbers(array).ok_or_else(refused)?;
        Ok(Lines { array, number, axis })
    };
    let (left, right) = (lines(x)?, lines(y)?);
    let length = *left.shape().get(axis).ok_or_else(refused)?;
    if right.shape() != left.shape() || left.number.complex && !right.number.complex {
        return Err(PyValueError::new_err("group_product_states needs arrays of one shape"));
    }
    let labels = labels_for(labels, length)?;
    let parts = if right.number.complex && !left.number.complex { 2 } else { 1 };
    let inner = left.inner();
    let all: Vec<_> = left.all()?.into_iter().zip(right.all()?).collect();
    check_single_sums((all.len() * parts + 1).saturating_mul(size))?;
    let mut cells = vec![Accumulator::new(); all.len() * size * parts];
    let work = all.len().saturating_mul(length);
    let stray = watched_from(GRAIN / 8, py, work, || {
        let mut stray = -1;
        for (line, (x, y)) in all.iter().enumerate() {
            for part in 0..y.parts() {
                let mut sums = vec![Accumulator::new(); size];
                let of_x = if x.complex { part } else { 0 };
                let highest = add_products_by_label((x, of_x), (y, part), labels, &mut sums);
                stray = stray.max(highest);
                for (group, sum) in sums.into_iter().enumerate() {
                    let result = (line / inner * size + group) * inner + line % inner;
                    cells[result * parts + part % parts].merge(&sum);
                }
            }
        }
        stray
    })?;
    if stray >= 0 {
        return Err(PyValueError::new_err(format!(
            "the label {stray} in group_idx is not below size={size}"
        )));
    }
    let mut counts = vec![0i64; size];
    for &label in labels {
        if let Some(count) = counts.get_mut(label as usize) {
            *count += 1;
        }
    }
    let mut cells = Cells::from(cells);
    cells.set_counts(|index| counts[index / (parts * inner).max(1) % size.max(1)]);
    let mut result = left.shape().to_vec();
    result[axis] = size;
    let numbers = match parts {
        2 => Numbers::Complex,
        // Of squared magnitudes of complex numbers, too.
        _ => Numbers::of(left.number).max(Numbers::of(right.number)).min(Numbers::Reals),
    };
    Ok(ExactSum::of(result, numbers, cells))
}

/// The exact sums of the squared magnitudes over some axes, all by default, with the counts of
/// `sums`.
#[pyfunction]
pub(super) fn square_states<'py>(
    py: Python<'py>,
    values: &Bound<'py, PyAny>,
    axis: Option<Bound<'py, PyAny>>,
    r#where: Given<'py>,
    skip_nan: bool,
    sums: &Bound<'_, ExactSum>,
) -> PyResult<ExactSum> {
    let Some((array, number)) = Array::of_numbers(values) else {
        return Err(PyTypeError::new_err("square_states needs an array of numbers"));
    };
    let reduced = reduced_axes(array.shape().len(), axis.as_ref())?;
    let sizes = array.shape().iter().zip(&reduced);
    let kept: Vec<usize> = sizes.filter(|&(_, &reduced)| !reduced).map(|(&size, _)| size).collect();
    let mask = mask(array, number, &r#where, skip_nan)?;
    let input = reductions::input(array, number, mask.as_ref(), number.complex, skip_nan);
    // The squares of both parts are added up.
    let reduced: Vec<bool> = reduced.into_iter().chain(number.complex.then_some(true)).collect();
    let sums = sums.get().snapshot();
    if sums.shape != kept {
        return Err(PyValueError::new_err("square_states needs sums over the same axes"));
    }
    // Squares have twice the digits, so most of their sums do not fit into two numbers.
    check_single_sums(kept.iter().product())?;
    let mut cells = watched(py, array.shape().iter().product(), || {
        let squares = Collector::new(kept.iter().product(), 0);
        sum_of_squares_into(&input, &reduced, &squares);
        squares.finish()
    })?;
    let counts: Vec<i64> = sums.counts().collect();
    cells.set_counts(|index| counts[index]);
    Ok(ExactSum::of(kept, Numbers::of(number).min(Numbers::Reals), cells))
}
