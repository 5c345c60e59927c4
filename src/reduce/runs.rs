//! Each result from its own elements: long runs in memory, or lines through it.

use super::plan::{Axes, DATA, Offsets, Plan, RESULT, SHORT, Share};
use super::{Attempt, Reduction};
use crate::array::element::{Native, Stage, count_ones};
use crate::array::memory;
use crate::array::walk::{self, Step};
use crate::interrupt::GRAIN;

/// The number of values copied to a stage at once.
pub(super) const STAGED: usize = crate::kernel::levels::BLOCK;

/// A thread's state.
pub(super) struct Thread<'r, V: Native, R: Reduction<V>> {
    pub reduction: &'r R,
    pub worker: R::Worker,
    pub stage: Option<Stage<V>>,
    attempt: Attempt,
    /// Receives the states of results shared with other threads; otherwise results are finished.
    shares: Option<Vec<Share<R::Partial>>>,
}

impl<'r, V: Native, R: Reduction<V>> Thread<'r, V, R> {
    pub fn new(reduction: &'r R, plan: &Plan<'_>) -> Thread<'r, V, R> {
        Thread {
            reduction,
            worker: reduction.worker(plan.isa, plan.size()),
            stage: None,
            attempt: Attempt::First,
            shares: None,
        }
    }

    /// Computes all results.
    pub fn run(&mut self, plan: &Plan<'_>) {
        let Some(densest) = plan.kept.last() else {
            return self.run_runs(plan);
        };
        if self.run_short_rows(plan) || self.run_two(plan) {
            return;
        }
        // A result with few terms has more overhead than work, so many are computed at once.
        if plan.runs_are_dense() && (plan.terms() >= SHORT || densest.size < SHORT) {
            self.run_runs(plan);
        } else {
            self.run_columns(plan);
        }
    }

    /// The states of all results after a part of the elements, in order.
    pub fn shares(mut self, plan: &Plan<'_>, attempt: Attempt) -> Vec<Share<R::Partial>> {
        (self.attempt, self.shares) = (attempt, Some(Vec::new()));
        self.run(plan);
        let mut shares = self.shares.unwrap_or_default();
        shares.sort_unstable_by_key(|share| share.result);
        shares
    }

    /// Finishes results, all or (in order) the `wanted` ones; returns those that must be read
    /// again.
    pub fn finish_all(
        &mut self,
        shares: Vec<Share<R::Partial>>,
        wanted: Option<&[usize]>,
    ) -> Vec<usize> {
        let mut again = Vec::new();
        for Share { result, count, partial } in shares {
            if wanted.is_none_or(|wanted| wanted.binary_search(&result).is_ok())
                && !self.reduction.finish(&mut self.worker, result, partial, count)
            {
                again.push(result);
            }
        }
        again
    }

    /// Whether results are shared with other threads.
    pub fn is_sharing(&self) -> bool {
        self.shares.is_some()
    }

    /// Calls `read`, which computes the state of a result, until the result is decided.
    pub fn until_done(&mut self, mut read: impl FnMut(&mut Self, Attempt) -> bool) {
        let attempts = [self.attempt, Attempt::Exact];
        let _ = attempts.into_iter().any(|attempt| read(self, attempt));
    }

    /// Ends a result; returns whether its elements need not be read again.
    pub fn put(&mut self, result: usize, partial: R::Partial, count: i64) -> bool {
        match &mut self.shares {
            None => self.reduction.finish(&mut self.worker, result, partial, count),
            Some(shares) => {
                shares.push(Share { result, count, partial });
                true
            }
        }
    }

    /// Computes each result from runs in memory.
    pub fn run_runs(&mut self, plan: &Plan<'_>) {
        let (run, outer) = match plan.reduced.split_last() {
            Some((run, outer)) => (run, outer),
            None => (&Step::ONE, [].as_slice()),
        };
        walk::for_each(&plan.kept, plan.origin, &plan.interrupt, |offsets| {
            self.until_done(|thread, attempt| {
                thread.run_result(plan, run, outer, offsets, attempt)
            });
        });
    }

    /// Computes one result; returns whether its elements need not be read again.
    pub fn run_result(
        &mut self,
        plan: &Plan<'_>,
        run: &Axes,
        outer: &[Axes],
        offsets: Offsets,
        attempt: Attempt,
    ) -> bool {
        let Thread { reduction, worker, stage, .. } = self;
        let mut partial = reduction.start(worker, attempt);
        let size = plan.input.view.dtype().size();
        let next = outer.last().map_or(0, |axis| axis.strides[DATA]);
        let (mut filled, mut counted) = (0, 0);
        walk::for_each(outer, offsets, &plan.interrupt, |offsets| {
            let (mut line, mut selection) = plan.line(offsets, run, run.size);
            if !plan.is_selective::<V>()
                && let Some(values) = line.as_slice::<V>()
                && (values.len() >= STAGED / 4 || outer.is_empty())
            {
                for values in values.chunks(GRAIN).take_while(|_| !plan.interrupt.is_set()) {
                    reduction.add(worker, &mut partial, values);
                }
                counted += values.len();
                return;
            }
            if plan.is_selective::<V>()
                && let Some(values) = line.as_slice::<V>()
                && let Some(mask) =
                    selection.mask.map_or(Some(None), |mask| mask.as_bytes().map(Some))
                && (values.len() >= STAGED / 4 || outer.is_empty())
            {
                let mut added = 0;
                while added < values.len() && !plan.interrupt.is_set() {
                    let range = added..values.len().min(added + GRAIN);
                    let mask = mask.map(|mask| &mask[range.clone()]);
                    let (values, skip) = (&values[range.clone()], selection.skip_nan);
                    let count =
                        reduction.add_selected_run(worker, &mut partial, values, mask, skip);
                    let Some(count) = count else { break };
                    counted += count;
                    added = range.end;
                }
                if added == values.len() || plan.interrupt.is_set() {
                    return;
                }
                // (Either the whole run, or nothing.)
                debug_assert_eq!(added, 0);
            }
            if run.strides[DATA].unsigned_abs() <= size {
                memory::prefetch_all(line.as_ptr().wrapping_offset(next), run.size * size);
            }
            let stage = stage.get_or_insert_with(|| Stage::new(STAGED));
            while line.len() > 0 && !plan.interrupt.is_set() {
                let part = line.truncate(STAGED - filled);
                stage.fill(plan.isa, part, selection, filled);
                filled += part.len();
                (line, selection) = (line.skip(part.len()), selection.skip(part.len()));
                if filled == STAGED {
                    counted += add_staged(plan, *reduction, worker, stage, filled, &mut partial);
                    filled = 0;
                }
            }
        });
        if filled > 0
            && let Some(stage) = stage
        {
            counted += add_staged(plan, *reduction, worker, stage, filled, &mut partial);
        }
        self.put(offsets[RESULT] as usize, partial, counted as i64)
    }
}

/// Adds the first values of a stage; returns how many of them are included.
pub(super) fn add_staged<V: Native, R: Reduction<V>>(
    plan: &Plan<'_>,
    reduction: &R,
    worker: &mut R::Worker,
    stage: &Stage<V>,
    filled: usize,
    partial: &mut R::Partial,
) -> usize {
    let values = &stage.values[..filled];
    if plan.is_selective::<V>() {
        let counted = &stage.counted[..filled];
        reduction.add_selected(worker, partial, values, counted);
        count_ones(plan.isa, counted)
    } else {
        reduction.add(worker, partial, values);
        filled
    }
}
