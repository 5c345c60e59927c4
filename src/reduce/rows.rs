//! Many short rows at once, each a result; and two interleaved results, as for complex numbers.

use super::plan::{Axes, DATA, Plan, RESULT};
use super::runs::{Thread, grains};
use super::{Attempt, Results, ShortRows};
use crate::array::walk::{self, Step};

impl<W, P: Send> Thread<'_, W, P> {
    /// Whether the array consists of such rows, and there is a kernel for them.
    pub fn run_short_rows(&mut self, plan: &Plan<'_>) -> bool {
        let size = self.numbers.size as isize;
        let Some((run, reduced)) = plan.reduced.split_last() else {
            return false;
        };
        let (part, kept) = match plan.kept.split_last() {
            Some((part, kept)) if part.size == 2 && part.strides[DATA] == size => (*part, kept),
            _ => (Step { size: 1, strides: [size, 0, 0] }, plan.kept.as_slice()),
        };
        let Some((rows, outer)) = kept.split_last() else {
            return false;
        };
        let parts = part.size;
        let step = if parts == 1 { rows.strides[RESULT] } else { part.strides[RESULT] };
        let in_turn = parts == 1 || rows.strides[RESULT] == 2 * step;
        if !in_turn
            || run.strides[DATA] != parts as isize * size
            || self.is_sharing()
            || !plan.is_direct(self.reduction)
        {
            return false;
        }
        let shape = ShortRows {
            length: parts * run.size,
            parts,
            stride: rows.strides[DATA],
            count: rows.size,
            rows_each: walk::count(reduced),
        };
        let at_once = self.reduction.rows_at_once(&mut self.worker, shape);
        if at_once == 0 {
            return false;
        }
        walk::for_each(outer, plan.origin, &plan.interrupt, |offsets| {
            for first in (0..rows.size).step_by(at_once) {
                if plan.interrupt.is_set() {
                    return;
                }
                let batch = Step { size: at_once.min(rows.size - first), ..*rows };
                let offsets = rows.from(offsets, first);
                let mut is_first = true;
                walk::for_each(reduced, offsets, &plan.interrupt, |offsets| {
                    let view = &plan.input.view;
                    let stride = batch.strides[DATA];
                    let rows = view.rows(offsets[DATA], stride, batch.size, shape.length);
                    self.reduction.add_short_rows(&mut self.worker, rows, is_first);
                    is_first = false;
                });
                let results = Results {
                    first: offsets[RESULT] as usize,
                    step: step as usize,
                    count: parts * batch.size,
                };
                let terms = plan.terms() as i64;
                if !self.reduction.finish_short_rows(&mut self.worker, results, terms) {
                    self.run_each(plan, run, reduced, &[batch, part], offsets);
                }
            }
        });
        true
    }

    /// Whether there are only two results, whose elements are interleaved in memory, and there is a
    /// kernel for them.
    pub fn run_two(&mut self, plan: &Plan<'_>) -> bool {
        let size = self.numbers.size as isize;
        let ([part], [run]) = (plan.kept.as_slice(), plan.reduced.as_slice()) else {
            return false;
        };
        if !self.numbers.turns
            || plan.is_selective(self.numbers)
            || (part.size, part.strides[DATA], run.strides[DATA]) != (2, size, 2 * size)
        {
            return false;
        }
        let line = plan.input.view.line(plan.origin[DATA], size, 2 * run.size);
        if !self.reduction.reads_line(line) {
            return false;
        }
        let results = [0, 1].map(|index| part.from(plan.origin, index)[RESULT] as usize);
        let mut done = [false; 2];
        self.until_done(|thread, attempt| {
            let Thread { reduction, worker, .. } = thread;
            let mut partials = [(); 2].map(|()| reduction.start(worker, attempt));
            for values in grains(line).take_while(|_| !plan.interrupt.is_set()) {
                reduction.add_in_turn(worker, &mut partials, values);
            }
            for (index, partial) in partials.into_iter().enumerate() {
                done[index] = done[index] || thread.put(results[index], partial, run.size as i64);
            }
            done == [true; 2]
        });
        true
    }

    /// The results along some axes, one after the other.
    fn run_each(
        &mut self,
        plan: &Plan<'_>,
        run: &Axes,
        reduced: &[Axes],
        results: &[Axes],
        offsets: [isize; 3],
    ) {
        walk::for_each(results, offsets, &plan.interrupt, |offsets| {
            for attempt in [Attempt::First, Attempt::Exact] {
                if self.run_result(plan, run, reduced, offsets, attempt) {
                    return;
                }
            }
        });
    }
}
