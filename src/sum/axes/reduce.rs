//! Sums over any axes of any array: how the memory's shape becomes runs and columns.
//!
//! An exact sum may take its numbers in any order, so the axes that are summed over are sorted by
//! stride, turned forward and merged where memory allows, and so are the axes that are kept. If the
//! densest axis is summed over, each result is the sum of runs of memory; otherwise rows of memory
//! are added to a panel of columns.

#![allow(unsafe_code)] // Addresses from strides.

use rayon::prelude::*;

use crate::cpu::Isa;
use crate::interrupt::{GRAIN, Interrupt};
use crate::sum::array::memory;
use crate::sum::array::request::{Axis, Dtype, Request, by_dtype};
use crate::sum::array::walk::{Line, Operand, Reading, Stage, count_ones};
use crate::sum::kernel::block::BLOCK;
use crate::sum::kernel::columns::WIDTH;
use crate::sum::kernel::slice::{self, PARALLEL_FROM, Summer};
use crate::sum::kernel::strided;
use crate::sum::kernel::summand::Summand;
use crate::sum::state::accumulator::Accumulator;
use crate::sum::state::cells::Cells;
use crate::sum::state::collect::Collector;
use crate::sum::state::pairs::PairSlice;
use crate::{cpu, threads};

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
    // SAFETY: the caller's promise.
    unsafe { sum_into(request, &Each(put)) };
}

/// As [`sum_axes`], into any [`Sink`].
///
/// # Safety
/// As for [`sum_axes`].
pub(crate) unsafe fn sum_into(request: &Request, sink: &(dyn Sink + Sync)) {
    by_dtype!(request.dtype, run(request, sink));
}

/// What takes the results, in any order; each once.
pub(crate) trait Sink {
    fn put(&self, index: usize, sum: &Accumulator);

    /// The results `index, index + step, ...`, each the sum of `count` numbers; in the default
    /// floating-point environment.
    fn put_pairs(&self, index: usize, step: usize, pairs: PairSlice<'_>, count: i64) {
        for result in 0..pairs.len() {
            self.put(index + result * step, &pairs.accumulator(result, count));
        }
    }
}

/// A function that takes the results one by one.
pub(crate) struct Each<F>(pub F);

impl<F: Fn(usize, &Accumulator)> Sink for Each<F> {
    fn put(&self, index: usize, sum: &Accumulator) {
        self.0(index, sum);
    }
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
/// assert_eq!(sums.get(0).to_integer(1), Some(i128::from(i64::MAX) + 3));
/// assert_eq!(sums.get(1).to_integer(1), Some(i128::from(i64::MAX) + 4));
/// ```
///
/// # Safety
/// As for [`sum_axes`].
pub unsafe fn collect_axes(request: &Request) -> Cells {
    let terms = request.axes.iter().filter(|axis| axis.reduced).map(|axis| axis.size);
    let sums = Collector::new(request.results(), terms.product::<usize>() as i64);
    // SAFETY: the caller's promise.
    unsafe { sum_into(request, &sums) };
    sums.finish()
}

/// An axis that is kept, and the distance between the results along it; or one summed over (0).
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub size: usize,
    pub stride: isize,
    pub mask_stride: isize,
    pub result_stride: usize,
}

/// A part of the work: axes sorted from the sparsest to the densest.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub isa: Isa,
    pub data: *const u8,
    pub mask: *const u8,
    pub reading: Reading,
    pub result: usize,
    pub kept: Vec<Step>,
    pub reduced: Vec<Step>,
    pub interrupt: Interrupt,
}

// SAFETY: as for `Request`.
unsafe impl Send for Plan {}
// SAFETY: as above.
unsafe impl Sync for Plan {}

fn run<O: Operand>(request: &Request, sink: &(dyn Sink + Sync)) {
    if request.results() == 0 {
        return;
    }
    if request.axes.iter().any(|axis| axis.size == 0) {
        let empty = Accumulator::new();
        (0..request.results()).for_each(|index| sink.put(index, &empty));
        return;
    }
    let plan = Plan::new(request);
    let threads = threads::get();
    if threads == 1 || plan.size() < PARALLEL_FROM {
        plan.sum::<O>(sink);
    } else {
        threads::run(|| plan.sum_parallel::<O>(threads, sink));
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
            interrupt: Interrupt::of_call(request.axes.iter().map(|axis| axis.size).product()),
            kept: merge(kept),
            reduced: merge(reduced),
        }
    }

    pub(super) fn size(&self) -> usize {
        self.kept.iter().chain(&self.reduced).map(|step| step.size).product()
    }

    /// Serially: by rows or by columns.
    fn sum<O: Operand>(&self, sink: &dyn Sink) {
        let Some(&densest) = self.kept.last() else {
            return self.sum_runs::<O>(sink);
        };
        let run = self.reduced.last();
        let terms: usize = self.reduced.iter().map(|step| step.size).product();
        if self.sum_short_runs::<O>(sink) || self.sum_in_turn::<O>(sink) {
            return;
        }
        let runs_are_dense = run.is_some_and(|run| run.stride.abs() <= densest.stride.abs());
        // A result of few terms costs more than its terms do: better many results at once.
        if runs_are_dense && (terms >= SHORT || densest.size < SHORT) {
            self.sum_runs::<O>(sink);
        } else {
            self.sum_columns::<O>(sink);
        }
    }

    /// In parts by the kept axes, if there is enough to share out, else by the terms of each sum.
    fn sum_parallel<O: Operand>(&self, threads: usize, sink: &(dyn Sink + Sync)) {
        let parts = 4 * threads;
        let split = |steps: &[Step]| steps.iter().position(|step| step.size >= parts);
        let outer = |steps: &[Step]| steps.iter().map(|step| step.size).product::<usize>();
        let many = outer(&self.kept) >= WIDTH * threads || split(&self.reduced).is_none();
        if many && let Some(axis) = split(&self.kept) {
            let plans: Vec<_> = self.split_kept(axis, parts).collect();
            plans.par_iter().for_each(|plan| plan.sum::<O>(sink));
            return;
        }
        let Some(axis) = split(&self.reduced) else {
            return self.sum::<O>(sink);
        };
        let plans: Vec<_> = self.split_reduced(axis, parts).collect();
        let sums = plans
            .par_iter()
            .map(|plan| {
                let results = std::cell::RefCell::new(Vec::new());
                plan.sum::<O>(&Each(|index, sum: &Accumulator| {
                    results.borrow_mut().push((index, sum.clone()));
                }));
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
            sink.put(index, &sum);
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
    fn sum_runs<O: Operand>(&self, sink: &dyn Sink) {
        let (run, outer) = match self.reduced.split_last() {
            Some((run, outer)) => (*run, outer),
            None => (Step { size: 1, stride: 0, mask_stride: 0, result_stride: 0 }, [].as_slice()),
        };
        let mut summer = Summer::new(self.isa, self.size());
        let mut stage = None;
        // Whether numbers can be read where they are, if there are enough of them.
        let block = strided::block_of::<O>(run.stride);
        let in_place = O::IS_VALUE && !self.reading.swapped && !self.reading.is_selective();
        let align = align_of::<O::Value>();
        let in_place = in_place && run.stride % align as isize == 0;
        let next = outer.last().map_or(0, |step| step.stride);
        self.for_each(&self.kept, self.data, self.mask, self.result, |data, mask, result| {
            let mut sum = Accumulator::new();
            let mut filled = 0;
            let mut counted = 0;
            self.for_each(outer, data, mask, 0, |data, mask, _| {
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
                    for values in values.chunks(GRAIN).take_while(|_| !self.interrupt.is_set()) {
                        O::Value::add_run(self.isa, values, &mut summer, &mut sum);
                    }
                    counted += values.len();
                    return;
                }
                if run.stride.unsigned_abs() <= size_of::<O>() {
                    memory::prefetch_all(data.wrapping_offset(next), run.size * size_of::<O>());
                }
                let stage = stage.get_or_insert_with(|| Stage::new(BLOCK));
                while line.count > 0 && !self.interrupt.is_set() {
                    let long = line.truncate(block);
                    if in_place
                        && long.data.addr().is_multiple_of(align)
                        && long.count >= BLOCK / 8
                        && O::Value::add_line(long, &mut summer, &mut sum)
                    {
                        counted += long.count;
                        line = line.skip(long.count);
                        continue;
                    }
                    let part = line.truncate(BLOCK - filled);
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
            sink.put(result, &sum);
        });
    }

    /// Calls `visit(data, mask, result)` at every position of the axes, the densest fastest, unless
    /// the call is interrupted.
    pub(super) fn for_each(
        &self,
        steps: &[Step],
        data: *const u8,
        mask: *const u8,
        result: usize,
        mut visit: impl FnMut(*const u8, *const u8, usize),
    ) {
        let mut position = vec![0; steps.len()];
        let (mut data, mut mask, mut result) = (data, mask, result);
        while !self.interrupt.is_set() {
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
            count_ones(self.isa, &stage.counted[..filled])
        } else {
            filled
        }
    }
}

/// Fewer terms than this make a short sum.
pub(super) const SHORT: usize = 32;

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
