//! Sums of rows: how a plan's axes become the runs of `runs`, and pairs of results in turn.

#![allow(unsafe_code)] // Addresses from strides.

use super::plan::{Plan, Step};
use crate::array::walk::{Line, Native, Operand, Rows, Stage};
use crate::cpu::{Isa, dispatch};
use crate::exact::accumulator::Accumulator;
use crate::exact::pairs::{BATCH, Pairs};
use crate::exact::sink::Sink;
use crate::fpu;
use crate::interrupt::GRAIN;
use crate::kernel::adaptive::Summer;
use crate::kernel::levels::BLOCK;
use crate::kernel::short_rows::{Batches, LONGEST};
use crate::kernel::summand::Summand;

/// Fewer numbers are not worth a batch for each position of the outer axes.
const WORTHWHILE: usize = BLOCK / 4;

impl Plan {
    /// Each result, or each two in turn (of complex numbers), from short runs of memory, many at
    /// once; whether that is what there is.
    pub(super) fn sum_short_runs<O: Operand<Value: Summand>>(&self, sink: &dyn Sink) -> bool {
        let size = size_of::<O>() as isize;
        let Some((run, reduced)) = self.reduced.split_last() else {
            return false;
        };
        let (kept, part) = match self.kept.split_last() {
            Some((&part, kept)) if part.size == 2 && part.stride == size => (kept, part),
            _ => (self.kept.as_slice(), Step { size: 1, stride: size, ..*run }),
        };
        let parts = part.size;
        let Some((many, outer)) = kept.split_last() else {
            return false;
        };
        let in_turn = parts == 1 || many.result_stride == 2 * part.result_stride;
        let step = if parts == 1 { many.result_stride } else { part.result_stride };
        let length = parts * run.size;
        let rows = Rows { data: self.data.cast(), stride: many.stride, count: many.size };
        if !self.is_direct::<O>()
            || !fpu::inexact_flag_works()
            || run.stride != size * parts as isize
            || !in_turn
            || !Batches::suit::<O::Value>(rows, length)
        {
            return false;
        }
        let mut batches = Batches::new(parts);
        let at_once = batches.size(length);
        if !reduced.is_empty() && at_once.min(many.size) * length < WORTHWHILE {
            return false;
        }
        let mut summer = Summer::new(self.isa, self.size());
        let mut totals = Totals::new();
        let mut stage = None;
        let terms: usize = self.reduced.iter().map(|step| step.size).product();
        self.for_each(outer, self.data, self.mask, self.result, |data, _, result| {
            for first in (0..many.size).step_by(at_once) {
                let data = data.wrapping_offset(first as isize * many.stride);
                let count = at_once.min(many.size - first);
                let result = result + first * many.result_stride;
                if self.interrupt.is_set() {
                    return;
                }
                totals.start(count * parts);
                self.for_each(reduced, data, self.mask, 0, |data, _, _| {
                    let rows = Rows { data: data.cast(), count, ..rows };
                    if O::Value::sum_runs(self.isa, rows, length, &mut batches, &mut summer) {
                        totals.add(self.isa, &mut batches.pairs, &summer);
                        return;
                    }
                    let stage = stage.get_or_insert_with(|| Stage::new(LONGEST));
                    for (index, sum) in totals.difficult().iter_mut().enumerate() {
                        let by = (index / parts) as isize * many.stride
                            + (index % parts) as isize * part.stride;
                        let line = Line::of(data.wrapping_offset(by), run.stride, run.size);
                        // SAFETY: the promise of `sum_axes`.
                        unsafe { stage.fill::<O>(self.isa, line, self.reading, 0) };
                        let values = &stage.values[..run.size];
                        O::Value::add_run(self.isa, values, &mut summer, sum);
                    }
                });
                totals.put(result, step, terms as i64, sink);
            }
        });
        true
    }

    /// Each two results in turn (of complex numbers) from longer runs of memory; whether that is
    /// what there is.
    pub(super) fn sum_in_turn<O: Operand<Value: Summand>>(&self, sink: &dyn Sink) -> bool {
        let size = size_of::<O>() as isize;
        let (Some((part, kept)), Some((run, outer))) =
            (self.kept.split_last(), self.reduced.split_last())
        else {
            return false;
        };
        if !O::Value::HAS_NAN
            || !self.is_direct::<O>()
            || (part.size, part.stride, run.stride) != (2, size, 2 * size)
            || (run.size < WORTHWHILE && !outer.is_empty())
        {
            return false;
        }
        let mut summer = Summer::new(self.isa, self.size());
        self.for_each(kept, self.data, self.mask, self.result, |data, _, result| {
            let mut sums = [Accumulator::new(), Accumulator::new()];
            self.for_each(outer, data, self.mask, 0, |data, _, _| {
                // SAFETY: the promise of `sum_axes`; `direct`, and aligned.
                let values = unsafe { std::slice::from_raw_parts(data.cast(), 2 * run.size) };
                for values in values.chunks(GRAIN).take_while(|_| !self.interrupt.is_set()) {
                    O::Value::add_in_turn(values, &mut summer, &mut sums);
                }
                sums.iter_mut().for_each(|sum| sum.add_zeros(run.size as i64));
            });
            for (index, sum) in sums.iter().enumerate() {
                sink.put(result + index * part.result_stride, sum);
            }
        });
        true
    }
}

/// The sums of several batches of runs, result by result.
struct Totals {
    results: usize,
    pairs: Option<Box<Pairs>>,
    /// Memory for the next ones.
    spare: Option<Box<Pairs>>,
    /// What the pairs do not hold; none if they hold all.
    difficult: Vec<Accumulator>,
}

impl Totals {
    fn new() -> Totals {
        Totals { results: 0, pairs: None, spare: None, difficult: Vec::new() }
    }

    fn start(&mut self, results: usize) {
        self.results = results;
        self.difficult.clear();
    }

    fn difficult(&mut self) -> &mut [Accumulator] {
        self.difficult.resize_with(self.results, Accumulator::new);
        &mut self.difficult
    }

    /// Adds the sums of a batch, and takes its memory. The inexact flag must be clear.
    fn add(&mut self, isa: Isa, batch: &mut Box<Pairs>, summer: &Summer) {
        let mut pairs = self.spare.take().unwrap_or_else(Pairs::new);
        if let Some(before) = &self.pairs {
            add_pairs(isa, before, batch, self.results, &mut pairs);
            if !summer.was_inexact() {
                self.spare = self.pairs.replace(pairs);
                return;
            }
            self.empty();
        }
        std::mem::swap(&mut pairs, batch);
        self.pairs = Some(pairs);
    }

    /// Moves the pairs, if there are any, to the accumulators.
    fn empty(&mut self) {
        if let Some(pairs) = self.pairs.take() {
            for (index, sum) in self.difficult().iter_mut().enumerate() {
                pairs.first(BATCH).add_to(index, 0, sum);
            }
            self.spare = Some(pairs);
        }
    }

    /// Puts the results, of `terms` numbers each.
    fn put(&mut self, result: usize, step: usize, terms: i64, sink: &dyn Sink) {
        if self.difficult.is_empty()
            && let Some(pairs) = self.pairs.take()
        {
            sink.put_pairs(result, step, pairs.first(self.results), terms);
            self.spare = Some(pairs);
            return;
        }
        self.empty();
        for (index, sum) in self.difficult().iter_mut().enumerate() {
            sum.add_zeros(terms);
            sink.put(result + index * step, sum);
        }
    }
}

#[inline(always)]
fn add_pairs_body(one: &Pairs, other: &Pairs, results: usize, sum: &mut Pairs) {
    for index in 0..results.min(BATCH) {
        sum.high[index] = one.high[index] + other.high[index];
        sum.low[index] = one.low[index] + other.low[index];
    }
}

dispatch! {
    /// The sums of the first `results`, exact if the inexact flag was not raised meanwhile.
    fn add_pairs(one: &Pairs, other: &Pairs, results: usize, sum: &mut Pairs) = add_pairs_body
}
