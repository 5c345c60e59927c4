//! Each result from its own elements: long runs in memory, or lines through it.

use super::Attempt;
use super::erased::{AnyStage, Erased, Numbers};
use super::plan::{Axes, DATA, Offsets, Plan, RESULT, SHORT, Share};
use crate::array::element::count_ones;
use crate::array::memory;
use crate::array::view::Line;
use crate::array::walk::{self, Step};
use crate::interrupt::GRAIN;

/// The number of values copied to a stage at once.
pub(super) const STAGED: usize = crate::kernel::levels::BLOCK;

/// A thread's state.
pub(super) struct Thread<'r, W, P> {
    pub reduction: &'r Erased<'r, W, P>,
    pub numbers: Numbers,
    pub worker: W,
    pub stage: Option<Box<dyn AnyStage>>,
    attempt: Attempt,
    /// Receives the states of results shared with other threads; otherwise results are finished.
    shares: Option<Vec<Share<P>>>,
}

impl<'r, W, P: Send> Thread<'r, W, P> {
    pub fn new(reduction: &'r Erased<'r, W, P>, plan: &Plan<'_>) -> Thread<'r, W, P> {
        Thread {
            reduction,
            numbers: reduction.numbers(),
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
    pub fn shares(mut self, plan: &Plan<'_>, attempt: Attempt) -> Vec<Share<P>> {
        (self.attempt, self.shares) = (attempt, Some(Vec::new()));
        self.run(plan);
        let mut shares = self.shares.unwrap_or_default();
        shares.sort_unstable_by_key(|share| share.result);
        shares
    }

    /// Finishes results, all or (in order) the `wanted` ones; returns those that must be read
    /// again.
    pub fn finish_all(&mut self, shares: Vec<Share<P>>, wanted: Option<&[usize]>) -> Vec<usize> {
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
    pub fn put(&mut self, result: usize, partial: P, count: i64) -> bool {
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
        let Thread { reduction, numbers, worker, stage, .. } = self;
        let is_selective = plan.is_selective(*numbers);
        let mut partial = reduction.start(worker, attempt);
        let size = plan.input.view.dtype().size();
        let next = outer.last().map_or(0, |axis| axis.strides[DATA]);
        let (mut filled, mut counted) = (0, 0);
        walk::for_each(outer, offsets, &plan.interrupt, |offsets| {
            let (mut line, mut selection) = plan.line(offsets, run, run.size);
            let is_read =
                (line.len() >= STAGED / 4 || outer.is_empty()) && reduction.reads_line(line);
            if !is_selective && is_read {
                let grains = grains(line).take_while(|_| !plan.interrupt.is_set());
                grains.for_each(|values| reduction.add(worker, &mut partial, values));
                counted += line.len();
                return;
            }
            if is_selective
                && is_read
                && let Some(mask) =
                    selection.mask.map_or(Some(None), |mask| mask.as_bytes().map(Some))
            {
                let mut added = 0;
                for values in grains(line).take_while(|_| !plan.interrupt.is_set()) {
                    let (mask, skip) =
                        (mask.map(|mask| &mask[added..][..values.len()]), selection.skip_nan);
                    let count =
                        reduction.add_selected_run(worker, &mut partial, values, mask, skip);
                    let Some(count) = count else { break };
                    counted += count;
                    added += values.len();
                }
                if added == line.len() || plan.interrupt.is_set() {
                    return;
                }
                // (Either the whole run, or nothing.)
                debug_assert_eq!(added, 0);
            }
            if run.strides[DATA].unsigned_abs() <= size {
                memory::prefetch_all(line.as_ptr().wrapping_offset(next), run.size * size);
            }
            let stage = stage.get_or_insert_with(|| reduction.stage(STAGED));
            while line.len() > 0 && !plan.interrupt.is_set() {
                let part = line.truncate(STAGED - filled);
                stage.fill(plan.isa, part, selection, filled);
                filled += part.len();
                (line, selection) = (line.skip(part.len()), selection.skip(part.len()));
                if filled == STAGED {
                    counted += add_staged(plan, *reduction, worker, &**stage, filled, &mut partial);
                    filled = 0;
                }
            }
        });
        if filled > 0
            && let Some(stage) = stage
        {
            counted += add_staged(plan, *reduction, worker, &**stage, filled, &mut partial);
        }
        self.put(offsets[RESULT] as usize, partial, counted as i64)
    }
}

/// A line in pieces, between which a call can be interrupted.
pub(super) fn grains(line: Line<'_>) -> impl Iterator<Item = Line<'_>> {
    (0..line.len()).step_by(GRAIN).map(move |start| line.skip(start).truncate(GRAIN))
}

/// Adds the first values of a stage; returns how many of them are included.
pub(super) fn add_staged<W, P: Send>(
    plan: &Plan<'_>,
    reduction: &Erased<'_, W, P>,
    worker: &mut W,
    stage: &dyn AnyStage,
    filled: usize,
    partial: &mut P,
) -> usize {
    let values = stage.values(filled);
    if plan.is_selective(reduction.numbers()) {
        let counted = &stage.counted()[..filled];
        reduction.add_selected(worker, partial, values, counted);
        count_ones(plan.isa, counted)
    } else {
        reduction.add(worker, partial, values);
        filled
    }
}
