//! Sums over any axes of any array: how the memory's shape becomes runs and columns.
//!
//! An exact sum may take its numbers in any order, so the axes that are summed over are sorted by
//! stride, turned forward and merged where memory allows, and so are the axes that are kept. If the
//! densest axis is summed over, each result is the sum of runs of memory; otherwise rows of memory
//! are added to a panel of columns.

#![allow(unsafe_code)] // Addresses from strides.

use rayon::prelude::*;

use super::accumulator::Accumulator;
use super::block::BLOCK;
use super::columns::{Panel, WIDTH};
use super::slice::{self, PARALLEL_FROM, Summer};
use super::summand::{Rows, Summand};
use super::walk::{Bool, F16, Line, Operand, Reading, Stage};
use crate::cpu::Isa;
use crate::{cpu, threads};

/// The type of an array's elements.
///
/// ```
/// use mypackage::sum::Dtype;
///
/// let total = unsafe { mypackage::sum::sum_contiguous(Dtype::I16, [1i16, -3].as_ptr().cast(), 2) };
/// assert_eq!(total.unwrap().to_integer(1), Some(-2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Dtype {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    F32,
    F64,
}

/// Calls a function that is generic over [`Operand`] with the operand of a [`Dtype`].
macro_rules! by_dtype {
    ($dtype:expr, unsafe $function:ident($($argument:expr),*)) => {
        // SAFETY: argued at the call.
        unsafe { by_dtype!($dtype, $function($($argument),*)) }
    };
    ($dtype:expr, $function:ident($($argument:expr),*)) => {
        match $dtype {
            Dtype::Bool => $function::<Bool>($($argument),*),
            Dtype::I8 => $function::<i8>($($argument),*),
            Dtype::I16 => $function::<i16>($($argument),*),
            Dtype::I32 => $function::<i32>($($argument),*),
            Dtype::I64 => $function::<i64>($($argument),*),
            Dtype::U8 => $function::<u8>($($argument),*),
            Dtype::U16 => $function::<u16>($($argument),*),
            Dtype::U32 => $function::<u32>($($argument),*),
            Dtype::U64 => $function::<u64>($($argument),*),
            Dtype::F16 => $function::<F16>($($argument),*),
            Dtype::F32 => $function::<f32>($($argument),*),
            Dtype::F64 => $function::<f64>($($argument),*),
        }
    };
}

pub(super) use by_dtype;

impl Dtype {
    /// Bytes of an element.
    ///
    /// ```
    /// use mypackage::sum::Dtype;
    ///
    /// assert_eq!([Dtype::Bool, Dtype::F16, Dtype::U64].map(Dtype::size), [1, 2, 8]);
    /// ```
    pub fn size(self) -> usize {
        match self {
            Dtype::Bool | Dtype::I8 | Dtype::U8 => 1,
            Dtype::I16 | Dtype::U16 | Dtype::F16 => 2,
            Dtype::I32 | Dtype::U32 | Dtype::F32 => 4,
            Dtype::I64 | Dtype::U64 | Dtype::F64 => 8,
        }
    }

    /// Whether elements are floating-point numbers.
    ///
    /// ```
    /// use mypackage::sum::Dtype;
    ///
    /// assert!(Dtype::F16.is_floating() && !Dtype::U64.is_floating());
    /// ```
    pub fn is_floating(self) -> bool {
        matches!(self, Dtype::F16 | Dtype::F32 | Dtype::F64)
    }
}

/// The exact sum of `count` native, aligned, contiguous elements: [`sum_axes`] without its costs.
/// `None` for elements that have to be converted.
///
/// ```
/// use mypackage::sum::{Dtype, sum_contiguous};
///
/// let values = [1e16f64, 1.0, -1e16];
/// // SAFETY: the pointer and the count are those of a slice.
/// let total = unsafe { sum_contiguous(Dtype::F64, values.as_ptr().cast(), values.len()) };
/// assert_eq!(total.unwrap().to_f64(), 1.0);
/// ```
///
/// # Safety
/// The elements must be readable during the call.
pub unsafe fn sum_contiguous(dtype: Dtype, data: *const u8, count: usize) -> Option<Accumulator> {
    fn run<O: Operand>(data: *const u8, count: usize) -> Option<Accumulator> {
        let reading = Reading { swapped: false, masked: false, skip_nan: false };
        let stride = size_of::<O>() as isize;
        let line = Line { data, stride, mask: std::ptr::null(), mask_stride: 0, count };
        // SAFETY: the caller's promise.
        unsafe { line.as_slice::<O>(reading) }.map(|values| slice::sum(cpu::isa(), values))
    }
    by_dtype!(dtype, run(data, count))
}

/// One axis of an array. Strides are in bytes.
///
/// ```
/// use mypackage::sum::Axis;
///
/// // The rows of a matrix of binary64 numbers with three columns, to be summed over.
/// let rows = Axis { size: 2, stride: 3 * 8, mask_stride: 0, reduced: true };
/// assert_eq!(rows.stride, 24);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    /// The number of elements along it.
    pub size: usize,
    /// From one element to the next.
    pub stride: isize,
    /// From one byte of the mask to the next, if there is a mask.
    pub mask_stride: isize,
    /// Whether it is summed over.
    pub reduced: bool,
}

/// An array in memory, and what of it is summed.
///
/// ```
/// use mypackage::sum::{Axis, Dtype, Request, collect_axes};
///
/// let matrix = [[1.0, 1e16, 0.0], [2.0, 1.0, 0.0]];
/// let request = Request {
///     dtype: Dtype::F64,
///     swapped: false,
///     data: matrix.as_ptr().cast(),
///     mask: None,
///     skip_nan: false,
///     axes: vec![
///         Axis { size: 2, stride: 24, mask_stride: 0, reduced: true },
///         Axis { size: 3, stride: 8, mask_stride: 0, reduced: false },
///     ],
/// };
/// // SAFETY: the axes are those of the matrix.
/// let columns = unsafe { collect_axes(&request) };
/// assert_eq!(columns[0].to_f64(), 3.0);
/// assert_eq!(columns[1].to_integer(1), Some(10_000_000_000_000_001));
/// ```
#[derive(Debug, Clone)]
pub struct Request {
    /// The type of the elements.
    pub dtype: Dtype,
    /// Whether the elements' bytes are in the other than the native order.
    pub swapped: bool,
    /// The first element.
    pub data: *const u8,
    /// The first byte of the mask: elements whose byte is 0 are left out.
    pub mask: Option<*const u8>,
    /// Whether NaNs are left out.
    pub skip_nan: bool,
    /// The axes; the results are in row-major order of those that are not reduced.
    pub axes: Vec<Axis>,
}

// SAFETY: the pointers are only read, by a function whose caller promised that they may be.
unsafe impl Send for Request {}
// SAFETY: as above.
unsafe impl Sync for Request {}

impl Request {
    /// How many sums there are.
    ///
    /// ```
    /// # use mypackage::sum::{Axis, Dtype, Request};
    /// let axis = Axis { size: 5, stride: 0, mask_stride: 0, reduced: false };
    /// let request = Request {
    ///     dtype: Dtype::U8,
    ///     swapped: false,
    ///     data: [7].as_ptr(), // read 15 times: both strides are 0
    ///     mask: None,
    ///     skip_nan: false,
    ///     axes: vec![axis, Axis { size: 3, reduced: true, ..axis }],
    /// };
    /// assert_eq!(request.results(), 5);
    /// ```
    pub fn results(&self) -> usize {
        self.axes.iter().filter(|axis| !axis.reduced).map(|axis| axis.size).product()
    }
}

/// Sums as requested, calling `put(index, sum)` for each result, from any thread, in any order.
///
/// ```
/// use std::sync::Mutex;
///
/// use mypackage::sum::{Axis, Dtype, Request, sum_axes};
///
/// let (values, mask) = ([1.0f32, 2.0, 3.0, f32::NAN], [1u8, 0, 1, 1]);
/// let request = Request {
///     dtype: Dtype::F32,
///     swapped: false,
///     data: values.as_ptr().cast(),
///     mask: Some(mask.as_ptr()),
///     skip_nan: true,
///     axes: vec![Axis { size: 4, stride: 4, mask_stride: 1, reduced: true }],
/// };
/// let results = Mutex::new(Vec::new());
/// // SAFETY: the axis is that of both arrays.
/// unsafe { sum_axes(&request, &|index, sum| results.lock().unwrap().push((index, sum.to_f32()))) };
/// assert_eq!(results.into_inner().unwrap(), [(0, 4.0)]);
/// ```
///
/// # Safety
/// All elements, and all bytes of the mask, must be readable during the call.
pub unsafe fn sum_axes(request: &Request, put: &(dyn Fn(usize, &Accumulator) + Sync)) {
    by_dtype!(request.dtype, run(request, put));
}

/// The sums as requested, in row-major order.
///
/// ```
/// use mypackage::sum::{Axis, Dtype, Request, collect_axes};
///
/// let values = [3i64, i64::MAX, i64::MAX, 4];
/// let request = Request {
///     dtype: Dtype::I64,
///     swapped: false,
///     data: values.as_ptr().cast(),
///     mask: None,
///     skip_nan: false,
///     axes: vec![
///         Axis { size: 2, stride: 8, mask_stride: 0, reduced: false },
///         Axis { size: 2, stride: 16, mask_stride: 0, reduced: true },
///     ],
/// };
/// // SAFETY: the axes are those of the slice, read as a 2 by 2 matrix.
/// let sums = unsafe { collect_axes(&request) };
/// assert_eq!(sums[0].to_integer(1), Some(i128::from(i64::MAX) + 3));
/// assert_eq!(sums[1].to_integer(1), Some(i128::from(i64::MAX) + 4));
/// ```
///
/// # Safety
/// As for [`sum_axes`].
pub unsafe fn collect_axes(request: &Request) -> Vec<Accumulator> {
    struct Slots(*mut Accumulator);
    // SAFETY: each result is put once, into a slot of its own.
    unsafe impl Sync for Slots {}
    impl Slots {
        /// # Safety
        /// `index` must be that of a result, and nobody else may write it.
        unsafe fn set(&self, index: usize, sum: &Accumulator) {
            // SAFETY: the caller's promise; the slot holds an accumulator already.
            unsafe { *self.0.add(index) = sum.clone() };
        }
    }
    let mut sums = vec![Accumulator::new(); request.results()];
    let slots = Slots(sums.as_mut_ptr());
    // SAFETY: the caller's promise, and the one of `sum_axes` to put each result once.
    unsafe { sum_axes(request, &|index, sum| slots.set(index, sum)) };
    sums
}

/// An axis that is kept, and the distance between the results along it; or one summed over (0).
#[derive(Debug, Clone, Copy)]
struct Step {
    size: usize,
    stride: isize,
    mask_stride: isize,
    result_stride: usize,
}

/// A part of the work: axes sorted from the sparsest to the densest.
#[derive(Debug, Clone)]
struct Plan {
    isa: Isa,
    data: *const u8,
    mask: *const u8,
    reading: Reading,
    result: usize,
    kept: Vec<Step>,
    reduced: Vec<Step>,
}

// SAFETY: as for `Request`.
unsafe impl Send for Plan {}
// SAFETY: as above.
unsafe impl Sync for Plan {}

fn run<O: Operand>(request: &Request, put: &(dyn Fn(usize, &Accumulator) + Sync)) {
    if request.results() == 0 {
        return;
    }
    if request.axes.iter().any(|axis| axis.size == 0) {
        let empty = Accumulator::new();
        (0..request.results()).for_each(|index| put(index, &empty));
        return;
    }
    let plan = Plan::new(request);
    let threads = threads::get();
    if threads == 1 || plan.size() < PARALLEL_FROM {
        plan.sum::<O>(put);
    } else {
        threads::run(|| plan.sum_parallel::<O>(threads, put));
    }
}

impl Plan {
    fn new(request: &Request) -> Plan {
        let (mut data, mut mask) = (request.data, request.mask.unwrap_or(std::ptr::null()));
        let (mut kept, mut reduced) = (Vec::new(), Vec::new());
        let mut results = 1;
        for axis in request.axes.iter().rev().filter(|axis| axis.size > 1) {
            let Axis { size, mut stride, mut mask_stride, .. } = *axis;
            if axis.reduced && stride < 0 {
                // Forward through memory: the order does not matter.
                data = data.wrapping_offset((size as isize - 1) * stride);
                mask = mask.wrapping_offset((size as isize - 1) * mask_stride);
                (stride, mask_stride) = (-stride, -mask_stride);
            }
            let result_stride = if axis.reduced { 0 } else { results };
            let step = Step { size, stride, mask_stride, result_stride };
            if axis.reduced {
                reduced.push(step);
            } else {
                results *= size;
                kept.push(step);
            }
        }
        let reading = Reading {
            swapped: request.swapped,
            masked: request.mask.is_some(),
            skip_nan: request.skip_nan && request.dtype.is_floating(),
        };
        Plan {
            isa: cpu::isa(),
            data,
            mask,
            reading,
            result: 0,
            kept: merge(kept),
            reduced: merge(reduced),
        }
    }

    fn size(&self) -> usize {
        self.kept.iter().chain(&self.reduced).map(|step| step.size).product()
    }

    /// Serially: by rows or by columns.
    fn sum<O: Operand>(&self, put: &dyn Fn(usize, &Accumulator)) {
        let Some(&densest) = self.kept.last() else {
            return self.sum_runs::<O>(put);
        };
        let run = self.reduced.last();
        let terms: usize = self.reduced.iter().map(|step| step.size).product();
        let runs_are_dense = run.is_some_and(|run| run.stride.abs() <= densest.stride.abs());
        // A result of few terms costs more than its terms do: better many results at once.
        if runs_are_dense && (terms >= SHORT || densest.size < SHORT) {
            self.sum_runs::<O>(put);
        } else {
            self.sum_columns::<O>(put);
        }
    }

    /// In parts by the kept axes, if there is enough to share out, else by the terms of each sum.
    fn sum_parallel<O: Operand>(&self, threads: usize, put: &(dyn Fn(usize, &Accumulator) + Sync)) {
        let parts = 4 * threads;
        let split = |steps: &[Step]| steps.iter().position(|step| step.size >= parts);
        let outer = |steps: &[Step]| steps.iter().map(|step| step.size).product::<usize>();
        let many = outer(&self.kept) >= WIDTH * threads || split(&self.reduced).is_none();
        if many && let Some(axis) = split(&self.kept) {
            let plans: Vec<_> = self.split_kept(axis, parts).collect();
            plans.par_iter().for_each(|plan| plan.sum::<O>(put));
            return;
        }
        let Some(axis) = split(&self.reduced) else {
            return self.sum::<O>(put);
        };
        let plans: Vec<_> = self.split_reduced(axis, parts).collect();
        let sums = plans
            .par_iter()
            .map(|plan| {
                let results = std::cell::RefCell::new(Vec::new());
                plan.sum::<O>(&|index, sum| results.borrow_mut().push((index, sum.clone())));
                let mut results = results.into_inner();
                results.sort_unstable_by_key(|&(index, _)| index);
                results
            })
            .reduce_with(|mut left, right| {
                for ((_, left), (_, right)) in left.iter_mut().zip(&right) {
                    left.merge(right);
                }
                left
            });
        for (index, sum) in sums.unwrap_or_default() {
            put(index, &sum);
        }
    }

    fn split_kept(&self, axis: usize, parts: usize) -> impl Iterator<Item = Plan> {
        chunks(self.kept[axis].size, parts).map(move |(start, size)| {
            let mut plan = self.moved(&self.kept[axis], start);
            plan.kept[axis].size = size;
            plan
        })
    }

    fn split_reduced(&self, axis: usize, parts: usize) -> impl Iterator<Item = Plan> {
        chunks(self.reduced[axis].size, parts).map(move |(start, size)| {
            let mut plan = self.moved(&self.reduced[axis], start);
            plan.reduced[axis].size = size;
            plan
        })
    }

    fn moved(&self, step: &Step, by: usize) -> Plan {
        let mut plan = self.clone();
        plan.data = plan.data.wrapping_offset(by as isize * step.stride);
        plan.mask = plan.mask.wrapping_offset(by as isize * step.mask_stride);
        plan.result += by * step.result_stride;
        plan
    }

    /// Each result from runs of memory.
    fn sum_runs<O: Operand>(&self, put: &dyn Fn(usize, &Accumulator)) {
        let (run, outer) = match self.reduced.split_last() {
            Some((run, outer)) => (*run, outer),
            None => (Step { size: 1, stride: 0, mask_stride: 0, result_stride: 0 }, [].as_slice()),
        };
        let mut summer = Summer::new(self.isa, self.size());
        let mut stage = None;
        for_each(&self.kept, self.data, self.mask, self.result, |data, mask, result| {
            let mut sum = Accumulator::new();
            let mut filled = 0;
            let mut counted = 0;
            for_each(outer, data, mask, 0, |data, mask, _| {
                let mut line = Line {
                    data,
                    stride: run.stride,
                    mask,
                    mask_stride: run.mask_stride,
                    count: run.size,
                };
                // SAFETY: the promise of `sum_axes`.
                if let Some(values) = unsafe { line.as_slice::<O>(self.reading) }
                    && (values.len() >= BLOCK / 4 || outer.is_empty())
                {
                    O::Value::add_run(self.isa, values, &mut summer, &mut sum);
                    counted += values.len();
                    return;
                }
                let stage = stage.get_or_insert_with(Stage::new);
                while line.count > 0 {
                    let part = Line { count: line.count.min(BLOCK - filled), ..line };
                    // SAFETY: the promise of `sum_axes`.
                    unsafe { stage.fill::<O>(self.isa, part, self.reading, filled) };
                    filled += part.count;
                    line = line.skip(part.count);
                    if filled == BLOCK {
                        counted += self.add_stage(stage, filled, &mut summer, &mut sum);
                        filled = 0;
                    }
                }
            });
            if filled > 0
                && let Some(stage) = &stage
            {
                counted += self.add_stage(stage, filled, &mut summer, &mut sum);
            }
            sum.add_zeros(counted as i64);
            put(result, &sum);
        });
    }

    /// Adds the first values of a stage; how many of them count.
    fn add_stage<V: Summand>(
        &self,
        stage: &Stage<V>,
        filled: usize,
        summer: &mut Summer,
        sum: &mut Accumulator,
    ) -> usize {
        V::add_run(self.isa, &stage.values[..filled], summer, sum);
        if self.reading.is_selective() {
            stage.counted[..filled].iter().map(|&counted| usize::from(counted)).sum()
        } else {
            filled
        }
    }

    /// Rows of memory, added to panels of columns.
    fn sum_columns<O: Operand>(&self, put: &dyn Fn(usize, &Accumulator)) {
        let Some((columns, outer)) = self.kept.split_last() else {
            return;
        };
        let one = Step { size: 1, stride: 0, mask_stride: 0, result_stride: 0 };
        let (rows, reduced) = match self.reduced.split_last() {
            Some((rows, reduced)) => (*rows, reduced),
            None => (one, [].as_slice()),
        };
        // Rows that follow each other without a gap are taken as one, several times as wide.
        let row_bytes = columns.size as isize * columns.stride;
        let fold = if rows.stride == row_bytes
            && rows.mask_stride == columns.size as isize * columns.mask_stride
            && columns.size <= WIDTH / 2
            && rows.size > 1
        {
            // Few rows side by side where there are few rows at all.
            (WIDTH / columns.size).min(rows.size.div_ceil(SHORT))
        } else {
            1
        };
        for_each(outer, self.data, self.mask, self.result, |data, mask, result| {
            for first in (0..columns.size).step_by(WIDTH) {
                let width = columns.size.min(first + WIDTH) - first;
                let at = |pointer: *const u8, stride: isize| {
                    pointer.wrapping_offset(first as isize * stride)
                };
                let (data, mask) = (at(data, columns.stride), at(mask, columns.mask_stride));
                let block = Matrix {
                    columns: Step { size: width, ..*columns },
                    rows,
                    outer: reduced,
                    fold,
                    data,
                    mask,
                };
                for (column, sum) in self.sum_matrix::<O>(&block).iter().enumerate() {
                    put(result + (first + column) * columns.result_stride, sum);
                }
            }
        });
    }

    fn sum_matrix<O: Operand>(&self, matrix: &Matrix<'_>) -> Vec<Accumulator> {
        let Matrix { columns, rows, fold, .. } = *matrix;
        let wide = columns.size * fold;
        let mut panel = Panel::new(self.isa, wide);
        let mut counts = vec![0i64; wide];
        let mut stage: Option<Box<Stage<O::Value>>> = None;
        // Rows `start..start + count`, `fold` of them side by side.
        let mut add =
            |data: *const u8, mask: *const u8, count: usize, width: usize, stride, mask_stride| {
                let line = Line {
                    data,
                    stride: columns.stride,
                    mask,
                    mask_stride: columns.mask_stride,
                    count: width,
                };
                // SAFETY: the promise of `sum_axes`.
                if let Some(values) = unsafe { line.as_slice::<O>(self.reading) }
                    && width == wide
                    && (stride % align_of::<O::Value>() as isize == 0 || count == 1)
                {
                    let rows = Rows { data: values.as_ptr(), stride, count };
                    O::Value::add_rows(self.isa, rows, &mut panel);
                    counts.iter_mut().for_each(|counted| *counted += count as i64);
                    return;
                }
                let stage = stage.get_or_insert_with(Stage::new);
                let at_once = BLOCK / wide;
                for first in (0..count).step_by(at_once) {
                    let taken = at_once.min(count - first);
                    for row in 0..taken {
                        let by = (first + row) as isize;
                        let line = Line {
                            data: data.wrapping_offset(by * stride),
                            mask: mask.wrapping_offset(by * mask_stride),
                            ..line
                        };
                        // SAFETY: the promise of `sum_axes`.
                        unsafe { stage.fill::<O>(self.isa, line, self.reading, row * wide) };
                        stage.values[row * wide + width..(row + 1) * wide]
                            .fill(O::Value::default());
                        if self.reading.is_selective() {
                            let counted = &stage.counted[row * wide..][..width];
                            counts
                                .iter_mut()
                                .zip(counted)
                                .for_each(|(all, &one)| *all += i64::from(one));
                        } else {
                            counts[..width].iter_mut().for_each(|counted| *counted += 1);
                        }
                    }
                    let rows = Rows {
                        data: stage.values.as_ptr(),
                        stride: (wide * size_of::<O::Value>()) as isize,
                        count: taken,
                    };
                    O::Value::add_rows(self.isa, rows, &mut panel);
                }
            };
        for_each(matrix.outer, matrix.data, matrix.mask, 0, |data, mask, _| {
            let folded = rows.size / fold;
            let (stride, mask_stride) =
                (rows.stride * fold as isize, rows.mask_stride * fold as isize);
            add(data, mask, folded, wide, stride, mask_stride);
            let rest = rows.size - folded * fold;
            if rest > 0 {
                let by = folded as isize;
                let (data, mask) =
                    (data.wrapping_offset(by * stride), mask.wrapping_offset(by * mask_stride));
                add(data, mask, 1, rest * columns.size, 0, 0);
            }
        });
        let mut sums = panel.finish(O::Value::HAS_NAN);
        for (sum, count) in sums.iter_mut().zip(counts) {
            sum.add_zeros(count);
        }
        let (left, right) = sums.split_at_mut(columns.size);
        for (index, sum) in right.iter().enumerate() {
            left[index % columns.size].merge(sum);
        }
        sums.truncate(columns.size);
        sums
    }
}

/// Fewer terms than this make a short sum.
const SHORT: usize = 32;

/// What one panel sums.
struct Matrix<'a> {
    columns: Step,
    rows: Step,
    outer: &'a [Step],
    /// Rows taken side by side.
    fold: usize,
    data: *const u8,
    mask: *const u8,
}

/// `parts` ranges `(start, size)` that cover `0..size`.
fn chunks(size: usize, parts: usize) -> impl Iterator<Item = (usize, usize)> {
    let share = size.div_ceil(parts);
    (0..size).step_by(share).map(move |start| (start, share.min(size - start)))
}

/// Sorts from the sparsest to the densest, and makes one of two that are one in memory.
fn merge(mut steps: Vec<Step>) -> Vec<Step> {
    steps.sort_by_key(|step| std::cmp::Reverse(step.stride.unsigned_abs()));
    let mut merged: Vec<Step> = Vec::with_capacity(steps.len());
    for step in steps {
        match merged.last_mut() {
            Some(outer)
                if outer.stride == step.stride * step.size as isize
                    && outer.mask_stride == step.mask_stride * step.size as isize
                    && outer.result_stride == step.result_stride * step.size =>
            {
                *outer = Step { size: outer.size * step.size, ..step };
            }
            _ => merged.push(step),
        }
    }
    merged
}

/// Calls `visit(data, mask, result)` at every position of the axes, the densest fastest.
fn for_each(
    steps: &[Step],
    data: *const u8,
    mask: *const u8,
    result: usize,
    mut visit: impl FnMut(*const u8, *const u8, usize),
) {
    let mut position = vec![0; steps.len()];
    let (mut data, mut mask, mut result) = (data, mask, result);
    loop {
        visit(data, mask, result);
        let mut axis = steps.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            let step = &steps[axis];
            position[axis] += 1;
            data = data.wrapping_offset(step.stride);
            mask = mask.wrapping_offset(step.mask_stride);
            result += step.result_stride;
            if position[axis] < step.size {
                break;
            }
            position[axis] = 0;
            data = data.wrapping_offset(-step.stride * step.size as isize);
            mask = mask.wrapping_offset(-step.mask_stride * step.size as isize);
            result -= step.result_stride * step.size;
        }
    }
}
