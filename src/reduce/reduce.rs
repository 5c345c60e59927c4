//! Sums over any axes of any array, and the choice of how to read it.
//!
//! If the densest axis is summed over, each result is the sum of runs of memory; otherwise rows of
//! memory are added to a panel of columns.

#![allow(unsafe_code)] // Whoever asks promises readable memory.

use super::plan::{Plan, SHORT, Step};
use crate::array::request::{Dtype, Request, by_dtype};
use crate::array::walk::{Line, Operand, Reading};
use crate::exact::accumulator::Accumulator;
use crate::exact::array::Cells;
use crate::exact::collect::Collector;
use crate::exact::sink::{Each, Sink};
use crate::kernel::columns::WIDTH;
use crate::kernel::slice::{self, PARALLEL_FROM};
use crate::kernel::summand::Summand;
use crate::{cpu, threads};

/// Columns that make a part for a thread: a row's are long enough to be found in time.
const WIDE: usize = 256;
/// Rows that make a part.
const TALL: usize = 256;

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
    fn run<O: Operand<Value: Summand>>(data: *const u8, count: usize) -> Option<Accumulator> {
        let reading = Reading { swapped: false, masked: false, skip_nan: false };
        let line = Line::of(data, size_of::<O>() as isize, count);
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
#[doc(hidden)]
pub unsafe fn sum_into(request: &Request, sink: &(dyn Sink + Sync)) {
    by_dtype!(request.dtype, run(request, sink));
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

fn run<O: Operand<Value: Summand>>(request: &Request, sink: &(dyn Sink + Sync)) {
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
        plan.sum_parallel::<O>(threads, sink);
    }
}

impl Plan {
    /// Serially: by rows or by columns.
    fn sum<O: Operand<Value: Summand>>(&self, sink: &dyn Sink) {
        let Some(&densest) = self.kept.last() else {
            return self.sum_runs::<O>(sink);
        };
        let terms: usize = self.reduced.iter().map(|step| step.size).product();
        if self.sum_short_runs::<O>(sink) || self.sum_in_turn::<O>(sink) {
            return;
        }
        // A result of few terms costs more than its terms do: better many results at once.
        if self.runs_are_dense() && (terms >= SHORT || densest.size < SHORT) {
            self.sum_runs::<O>(sink);
        } else {
            self.sum_columns::<O>(sink);
        }
    }

    /// Whether neighbours in memory belong to one sum.
    fn runs_are_dense(&self) -> bool {
        match (self.kept.last(), self.reduced.last()) {
            (Some(kept), Some(run)) => run.stride.abs() <= kept.stride.abs(),
            (kept, _) => kept.is_none(),
        }
    }

    /// In parts by the kept axes, if there is enough to share out, else by the terms of each sum.
    fn sum_parallel<O: Operand<Value: Summand>>(&self, threads: usize, sink: &(dyn Sink + Sync)) {
        let parts = 4 * threads;
        let split = |steps: &[Step], parts| steps.iter().position(|step| step.size >= parts);
        let outer = |steps: &[Step]| steps.iter().map(|step| step.size).product::<usize>();
        let sum_all = |plans: &[Plan]| {
            threads::together(plans.len(), |tasks| {
                tasks.for_each(|task| plans[task].sum::<O>(sink));
            });
        };
        let reduced = split(&self.reduced, parts);
        let many = self.runs_are_dense() || outer(&self.kept) >= WIDTH * threads;
        if (many || reduced.is_none())
            && let Some(axis) = split(&self.kept, parts)
        {
            return sum_all(&self.split_kept(axis, parts).collect::<Vec<_>>());
        }
        // As few parts as can be: a long piece of a row is read faster than short ones.
        if let Some(axis) = split(&self.kept, WIDE * threads) {
            return sum_all(&self.split_kept(axis, threads).collect::<Vec<_>>());
        }
        let Some(axis) = reduced else {
            return self.sum::<O>(sink);
        };
        // What the parts have summed is put together result by result.
        let parts = (outer(&self.reduced) / TALL).clamp(threads, parts);
        let plans: Vec<_> = self.split_reduced(axis, parts).collect();
        let sums_of = |plan: &Plan| {
            let sums = std::cell::RefCell::new(Vec::new());
            plan.sum::<O>(&Each(|index, sum: &Accumulator| {
                sums.borrow_mut().push((index, sum.clone()));
            }));
            let mut sums = sums.into_inner();
            sums.sort_unstable_by_key(|&(index, _)| index);
            sums
        };
        let merged = |mut left: Vec<(usize, Accumulator)>, right: Vec<(usize, Accumulator)>| {
            for ((_, left), (_, right)) in left.iter_mut().zip(&right) {
                left.merge(right);
            }
            left
        };
        let parts = threads::together(plans.len(), |tasks| {
            tasks.map(|task| sums_of(&plans[task])).reduce(merged)
        });
        for (index, sum) in parts.into_iter().flatten().reduce(merged).unwrap_or_default() {
            sink.put(index, &sum);
        }
    }
}
