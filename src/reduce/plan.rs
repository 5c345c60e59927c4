//! Sorting the axes of a reduction in memory order, choosing a strategy, and dividing the work
//! among threads.
//!
//! If the axis with the smallest stride is reduced, each result consists of runs in memory;
//! otherwise rows in memory are added to a panel of columns.

use super::erased::{Erased, Numbers, Of};
use super::panels::WIDTH;
use super::runs::Thread;
use super::{Attempt, Input, Reduction};
use crate::array::element::{Native, Selection};
use crate::array::view::{Line, View};
use crate::array::walk::{self, Step};
use crate::cpu::{self, Isa};
use crate::interrupt::Interrupt;
use crate::threads;

/// A result with fewer terms than this is short.
pub(super) const SHORT: usize = 32;
/// The number of columns in a thread's part: enough for efficient prefetching along a row.
const WIDE: usize = 256;
/// The number of rows in a part.
const TALL: usize = 256;

/// The strides along an axis: of the array and the mask in bytes, and of results.
pub(super) type Axes = Step<3>;
/// The offsets of the array, the mask and the results.
pub(super) type Offsets = [isize; 3];
pub(super) const DATA: usize = 0;
pub(super) const MASK: usize = 1;
pub(super) const RESULT: usize = 2;

/// A part of the work, with axes sorted by decreasing stride.
#[derive(Clone)]
pub(super) struct Plan<'a> {
    pub isa: Isa,
    pub input: &'a Input<'a>,
    pub origin: Offsets,
    pub kept: Vec<Axes>,
    pub reduced: Vec<Axes>,
    pub interrupt: Interrupt,
}

/// Computes a result for every position along the axes that are not `reduced`, in row-major order
/// of these.
pub(crate) fn reduce<V: Native, R: Reduction<V>>(
    input: &Input<'_>,
    reduced: &[bool],
    reduction: &R,
) {
    reduce_any(input, reduced, &Of::<V, R>::new(reduction));
}

fn reduce_any<W, P: Send>(input: &Input<'_>, reduced: &[bool], reduction: &Erased<'_, W, P>) {
    let axes = input.view.axes();
    assert_eq!(axes.len(), reduced.len(), "a mark for each axis");
    if let Some(mask) = &input.mask {
        let sizes = |view: &View<'_>| view.axes().iter().map(|axis| axis.size).collect::<Vec<_>>();
        assert_eq!(sizes(mask), sizes(&input.view), "the mask is of the array's shape");
    }
    let kept = axes.iter().zip(reduced).filter(|&(_, &reduced)| !reduced);
    let results = kept.map(|(axis, _)| axis.size).product();
    if input.view.size() == 0 {
        let mut worker = reduction.worker(cpu::isa(), 0);
        for result in 0..results {
            let nothing = reduction.start(&mut worker, Attempt::Exact);
            reduction.finish(&mut worker, result, nothing, 0);
        }
        return;
    }
    let plan = Plan::new(input, reduced);
    let threads = threads::worth(plan.size());
    if threads == 1 {
        Thread::new(reduction, &plan).run(&plan);
    } else {
        plan.run_parallel(threads, reduction);
    }
}

impl<'a> Plan<'a> {
    fn new(input: &'a Input<'a>, marks: &[bool]) -> Plan<'a> {
        let (mut origin, mut kept, mut reduced) = ([0; 3], Vec::new(), Vec::new());
        let mut results = 1;
        for (index, axis) in input.view.axes().iter().enumerate().rev() {
            let mask = input.mask.as_ref().map_or(0, |mask| mask.axes()[index].stride);
            let mut step = Step { size: axis.size, strides: [axis.stride, mask, 0] };
            if marks[index] {
                // Traverse memory forwards, since the order does not matter.
                step.turn_forward(&mut origin);
                reduced.push(step);
            } else {
                step.strides[RESULT] = results;
                results *= axis.size as isize;
                kept.push(step);
            }
        }
        Plan {
            isa: cpu::isa(),
            input,
            origin,
            kept: walk::merged(kept),
            reduced: walk::merged(reduced),
            interrupt: Interrupt::of_call(input.view.size()),
        }
    }

    /// The number of elements.
    pub fn size(&self) -> usize {
        walk::count(&self.kept) * self.terms()
    }

    /// The number of elements of a result.
    pub fn terms(&self) -> usize {
        walk::count(&self.reduced)
    }

    /// A number of elements along an axis, and their mask.
    #[inline]
    pub fn line(&self, offsets: Offsets, axis: &Axes, count: usize) -> (Line<'a>, Selection<'a>) {
        let mask = self.input.mask.as_ref();
        let mask = mask.map(|mask| mask.line(offsets[MASK], axis.strides[MASK], count));
        let line = self.input.view.line(offsets[DATA], axis.strides[DATA], count);
        (line, Selection { mask, skip_nan: self.input.skip_nan })
    }

    /// Whether elements may be excluded.
    #[inline]
    pub fn is_selective(&self, numbers: Numbers) -> bool {
        self.input.mask.is_some() || self.input.skip_nan && numbers.has_nan
    }

    /// Whether a reduction can read values in place, and rows are contiguous.
    pub fn is_direct<W, P: Send>(&self, reduction: &Erased<'_, W, P>) -> bool {
        let numbers = reduction.numbers();
        let align = numbers.align as isize;
        let aligned = |axis: &Axes| axis.strides[DATA] % align == 0;
        !self.is_selective(numbers)
            && reduction.reads(&self.input.view)
            && self.origin[DATA] % align == 0
            && self.kept.iter().chain(&self.reduced).all(aligned)
    }

    /// Whether neighbours in memory belong to the same result.
    pub fn runs_are_dense(&self) -> bool {
        let stride = |axis: &Axes| axis.strides[DATA].unsigned_abs();
        match (self.kept.last(), self.reduced.last()) {
            (Some(kept), Some(run)) => stride(run) <= stride(kept),
            (kept, _) => kept.is_none(),
        }
    }

    /// The same plan for a part of an axis, one of those in `axes`.
    fn split(
        &self,
        axes: for<'p> fn(&'p mut Plan<'a>) -> &'p mut Vec<Axes>,
        axis: usize,
        parts: usize,
    ) -> Vec<Plan<'a>> {
        let step = axes(&mut self.clone())[axis];
        let share = step.size.div_ceil(parts);
        let starts = (0..step.size).step_by(share);
        let part = |start| {
            let mut plan = self.clone();
            plan.origin = step.from(self.origin, start);
            axes(&mut plan)[axis].size = share.min(step.size - start);
            plan
        };
        starts.map(part).collect()
    }

    /// Divides the work along the kept axes if these are long enough, else along the reduced ones.
    fn run_parallel<W, P: Send>(&self, threads: usize, reduction: &Erased<'_, W, P>) {
        let parts = 4 * threads;
        let longest = |axes: &[Axes], parts| axes.iter().position(|axis| axis.size >= parts);
        let run_all = |plans: Vec<Plan<'_>>| {
            threads::split_among(threads, plans.len(), 1, |tasks| {
                let mut thread = None;
                for plan in tasks.flat_map(|task| &plans[task]) {
                    thread.get_or_insert_with(|| Thread::new(reduction, plan)).run(plan);
                }
            });
        };
        let reduced = longest(&self.reduced, parts);
        let many = self.runs_are_dense() || walk::count(&self.kept) >= WIDTH * threads;
        if (many || reduced.is_none())
            && let Some(axis) = longest(&self.kept, parts)
        {
            return run_all(self.split(|plan| &mut plan.kept, axis, parts));
        }
        // Few parts: long pieces of a row are read faster than short ones, and the states of parts of a column
        // must be merged. So there may be fewer than threads.
        let wide = longest(&self.kept, 2 * WIDE);
        let across = wide.map_or(1, |axis| self.kept[axis].size / WIDE).min(threads);
        let down = self.terms() / TALL;
        if let Some(axis) = wide.filter(|_| across >= down.min(threads)) {
            return run_all(self.split(|plan| &mut plan.kept, axis, across));
        }
        let Some(axis) = reduced else {
            return Thread::new(reduction, self).run(self);
        };
        let parts = down.clamp(2, parts);
        let plans = self.split(|plan| &mut plan.reduced, axis, parts);
        let mut thread = Thread::new(reduction, self);
        let mut unknown = None;
        for attempt in [Attempt::First, Attempt::Exact] {
            let shares = threads::split_among(threads, plans.len(), 1, |tasks| {
                let plans = tasks.flat_map(|task| &plans[task]);
                let shares = plans.map(|plan| Thread::new(reduction, plan).shares(plan, attempt));
                shares.reduce(|left, right| merged(reduction, left, right))
            });
            let all = shares.into_iter().flatten();
            let all = all.reduce(|left, right| merged(reduction, left, right)).unwrap_or_default();
            let again = thread.finish_all(all, unknown.as_deref());
            if again.is_empty() {
                return;
            }
            unknown = Some(again);
        }
    }
}

/// The state of a result.
pub(super) struct Share<P> {
    pub result: usize,
    pub count: i64,
    pub partial: P,
}

/// Merges the states of the same results, in the same order.
fn merged<W, P: Send>(
    reduction: &Erased<'_, W, P>,
    mut left: Vec<Share<P>>,
    right: Vec<Share<P>>,
) -> Vec<Share<P>> {
    for (left, right) in left.iter_mut().zip(right) {
        debug_assert_eq!(left.result, right.result);
        left.count += right.count;
        reduction.merge(&mut left.partial, right.partial);
    }
    left
}
