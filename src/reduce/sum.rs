//! Exact sums over axes, for sinks that round them, compute means, or keep them.

use super::column_sums::ColumnSums;
use super::{Attempt, Counts, Input, PanelShape, Reduction, Results, ShortRows, reduce};
use crate::array::dtype::by_native;
use crate::array::view::{Rows, View};
use crate::cpu::{self, Isa};
use crate::environment;
use crate::exact::accumulator::Accumulator;
use crate::exact::array::Cells;
use crate::exact::bulk;
use crate::exact::collect::Collector;
use crate::exact::interval::Interval;
use crate::exact::pairs::{self, BATCH, Pairs};
use crate::exact::round::Format;
use crate::exact::sink::{Rounding, Sink};
use crate::kernel::adaptive::Summer;
use crate::kernel::levels::BLOCK;
use crate::kernel::short_rows::Batches;
use crate::kernel::slice;
use crate::kernel::summand::Summand;

/// With fewer numbers, a batch for each position of the outer axes does not pay.
const WORTHWHILE: usize = BLOCK / 4;

/// The exact sum of an array that is a native slice in memory: a fast path for [`sum_into`]. `None`
/// for any other array.
///
/// ```
/// use mypackage::sum::{View, sum_contiguous};
///
/// let total = sum_contiguous(&View::of(&[1e16, 1.0, -1e16]));
/// assert_eq!(total.unwrap().to_f64(), 1.0);
/// ```
pub fn sum_contiguous(view: &View<'_>) -> Option<Accumulator> {
    fn run<V: Summand>(view: &View<'_>) -> Option<Accumulator> {
        view.as_slice::<V>().map(|values| slice::sum(cpu::isa(), values))
    }
    by_native!(view.dtype(), run(view))
}

/// As [`sum_contiguous`], but the bits of the sum, or of the mean if `mean`, rounded once to
/// `format`; the exact sum if that overflows or is not finite.
///
/// ```
/// use mypackage::sum::{Format, View, round_contiguous};
///
/// let mean = round_contiguous(&View::of(&[1.0f32, 2.0, 2.0]), Format::F32, true);
/// assert_eq!(mean, Some(Ok(u64::from((5.0f32 / 3.0).to_bits()))));
/// ```
pub fn round_contiguous(
    view: &View<'_>,
    format: Format,
    mean: bool,
) -> Option<Result<u64, Accumulator>> {
    fn run<V: Summand>(
        view: &View<'_>,
        format: Format,
        mean: bool,
    ) -> Option<Result<u64, Accumulator>> {
        view.as_slice::<V>().map(|values| slice::round(cpu::isa(), values, format, mean))
    }
    by_native!(view.dtype(), run(view, format, mean))
}

/// As [`round_contiguous`], without the numbers that are NaN; `None` also if there are no others, if the
/// result overflows or is not finite, or if it takes exact sums to decide it.
///
/// ```
/// use mypackage::sum::{Format, View, round_contiguous_without_nan};
///
/// let values = [1.0, f64::NAN, 2.0];
/// let mean = round_contiguous_without_nan(&View::of(&values), Format::F64, true);
/// assert_eq!(mean, Some(1.5f64.to_bits()));
/// ```
pub fn round_contiguous_without_nan(view: &View<'_>, format: Format, mean: bool) -> Option<u64> {
    fn run<V: Summand>(view: &View<'_>, format: Format, mean: bool) -> Option<u64> {
        let values = view.as_slice::<V>()?;
        slice::round_without_nan(cpu::isa(), values, format, mean)
    }
    by_native!(view.dtype(), run(view, format, mean))
}

/// The exact sums over the axes that are marked as `reduced`, one for each position along the others,
/// passed to `sink` from any thread and in any order; their indices are in row-major order.
///
/// ```
/// use std::sync::Mutex;
///
/// use mypackage::sum::{Accumulator, Each, Input, View, sum_into};
///
/// let (values, mask) = ([1.0f32, 2.0, 3.0, f32::NAN], [true, false, true, true]);
/// let input = Input { mask: Some(View::of_mask(&mask)), skip_nan: true, ..View::of(&values).into() };
/// let results = Mutex::new(Vec::new());
/// let push = |index, sum: &Accumulator| results.lock().unwrap().push((index, sum.to_f32()));
/// let sink = Each(push);
/// sum_into(&input, &[true], &sink);
/// assert_eq!(results.into_inner().unwrap(), [(0, 4.0)]);
/// ```
///
/// # Panics
/// If there is not one mark for each axis, or the shape of the mask differs from the array's.
pub fn sum_into(input: &Input<'_>, reduced: &[bool], sink: &(dyn Sink + Sync)) {
    fn run<V: Summand>(input: &Input<'_>, reduced: &[bool], sink: &(dyn Sink + Sync)) {
        reduce::<V, _>(input, reduced, &Sum { sink });
    }
    by_native!(input.view.dtype(), run(input, reduced, sink));
}

/// The exact sums over the axes that are marked as `reduced`, in row-major order of the others.
///
/// ```
/// use mypackage::sum::{View, collect};
///
/// let matrix = View::of(&[3i64, i64::MAX, i64::MAX, 4]).reshaped(&[2, 2]);
/// let columns = collect(&matrix.into(), &[true, false]);
/// assert_eq!(columns.get(0).to_integer(1), Some(i128::from(i64::MAX) + 3));
/// ```
///
/// # Panics
/// As [`sum_into`].
pub fn collect(input: &Input<'_>, reduced: &[bool]) -> Cells {
    let (mut results, mut terms) = (1, 1);
    for (axis, &reduced) in input.view.axes().iter().zip(reduced) {
        *if reduced { &mut terms } else { &mut results } *= axis.size;
    }
    let sums = Collector::new(results, terms as i64);
    sum_into(input, reduced, &sums);
    sums.finish()
}

/// Exact sums.
struct Sum<'a> {
    sink: &'a (dyn Sink + Sync),
}

/// A thread's state for sums.
struct Worker {
    isa: Isa,
    summer: Summer,
    /// The state for another attempt.
    exact: Option<Summer>,
    /// The approximate number of elements in all.
    elements: usize,
    /// Whether the result must be exact.
    attempt: Attempt,
    columns: Option<ColumnSums>,
    rows: Option<ShortSums>,
}

impl Worker {
    fn summer(&mut self) -> &mut Summer {
        match self.attempt {
            Attempt::First => &mut self.summer,
            Attempt::Exact => {
                let Worker { isa, elements, .. } = *self;
                self.exact.get_or_insert_with(|| Summer::new(isa, elements, None))
            }
        }
    }
}

impl<V: Summand> Reduction<V> for Sum<'_> {
    type Worker = Worker;
    type Partial = Interval;

    fn worker(&self, isa: Isa, elements: usize) -> Worker {
        let rounded = self.sink.rounding().map(|rounding| rounding.format);
        let summer = Summer::new(isa, elements, rounded);
        let (exact, attempt) = (None, Attempt::First);
        Worker { isa, summer, exact, elements, attempt, columns: None, rows: None }
    }

    fn start(&self, worker: &mut Worker, attempt: Attempt) -> Interval {
        worker.attempt = attempt;
        Interval::new()
    }

    #[inline]
    fn add(&self, worker: &mut Worker, into: &mut Interval, values: &[V]) {
        let (isa, summer) = (worker.isa, worker.summer());
        V::add_run(isa, values, summer, into);
    }

    fn add_selected_run(
        &self,
        worker: &mut Worker,
        into: &mut Interval,
        values: &[V],
        mask: Option<&[u8]>,
        skip_nan: bool,
    ) -> Option<usize> {
        let (isa, summer) = (worker.isa, worker.summer());
        Some(V::add_selected_run(isa, values, mask, skip_nan, summer, into))
    }

    const TURNS: bool = V::TURNS;

    fn add_in_turn(&self, worker: &mut Worker, into: &mut [Interval; 2], values: &[V]) {
        V::add_in_turn(values, worker.summer(), into);
    }

    fn merge(&self, into: &mut Interval, other: Interval) {
        into.merge(&other);
    }

    #[inline]
    fn finish(&self, _: &mut Worker, result: usize, mut sum: Interval, count: i64) -> bool {
        sum.total.add_zeros(count);
        self.sink.put_interval(result, &sum)
    }

    fn start_panel(&self, worker: &mut Worker, shape: PanelShape, attempt: Attempt) -> bool {
        let Worker { isa, elements, .. } = *worker;
        let columns = worker.columns.get_or_insert_with(|| ColumnSums::new(isa));
        columns.start::<V>(shape, attempt, self.sink.rounding(), elements)
    }

    fn add_rows(&self, worker: &mut Worker, rows: Rows<'_, V>, _: Option<Rows<'_, u8>>) {
        if let Some(columns) = &mut worker.columns {
            columns.add(worker.isa, rows);
        }
    }

    fn finish_panel(&self, worker: &mut Worker, results: Results, counts: Counts<'_>) -> bool {
        let columns = worker.columns.as_mut();
        columns.is_none_or(|columns| columns.finish(worker.isa, results, counts, self.sink))
    }

    fn is_done(&self, worker: &Worker, column: usize) -> bool {
        worker.columns.as_ref().is_some_and(|columns| columns.is_decided(column))
    }

    fn column(&self, worker: &mut Worker, column: usize) -> Interval {
        let columns = worker.columns.as_ref();
        columns.map_or_else(Interval::new, |columns| columns.interval(column))
    }

    fn rows_at_once(&self, worker: &mut Worker, rows: ShortRows) -> usize {
        let batches = Batches::new(rows.parts);
        let at_once = batches.size(rows.length);
        if !environment::is_default()
            || !Batches::suit::<V>(rows.stride, rows.length)
            || (rows.rows_each > 1 && at_once.min(rows.count) * rows.length < WORTHWHILE)
        {
            return 0;
        }
        let rounding = self.sink.rounding().filter(|rounding| {
            rows.rows_each == 1 && [Format::F64, Format::F32].contains(&rounding.format)
        });
        worker.rows = Some(ShortSums::new(batches, rows.parts, rounding));
        at_once
    }

    fn add_short_rows(&self, worker: &mut Worker, rows: Rows<'_, V>, first: bool) {
        let elements = worker.elements;
        let Worker { isa, summer, exact, rows: Some(sums), .. } = worker else { return };
        if first {
            sums.start(rows.len());
        }
        if sums.round(*isa, rows, summer) {
            return;
        }
        if V::sum_runs(*isa, rows, &mut sums.batches, summer) {
            return sums.add(*isa);
        }
        let exact = exact.get_or_insert_with(|| Summer::new(*isa, elements, None));
        let mut values = Vec::with_capacity(rows.width());
        let parts = sums.parts;
        for (index, sum) in sums.difficult().iter_mut().enumerate() {
            values.clear();
            values.extend(rows.row(index / parts).iter().skip(index % parts).step_by(parts));
            let mut total = Interval::from(std::mem::take(sum));
            V::add_run(*isa, &values, exact, &mut total);
            *sum = total.total;
        }
    }

    fn finish_short_rows(&self, worker: &mut Worker, results: Results, count: i64) -> bool {
        if let Some(sums) = &mut worker.rows {
            sums.put(results, count, self.sink);
        }
        true
    }
}

/// The sums of a batch of results, each of several short rows.
struct ShortSums {
    batches: Batches,
    parts: usize,
    results: usize,
    pairs: Option<Box<Pairs>>,
    /// Memory for the next ones.
    spare: Option<Box<Pairs>>,
    /// The sums that are not pairs; empty if all are.
    difficult: Vec<Accumulator>,
    /// How results are rounded, if each consists of one row and exact sums are not needed.
    rounding: Option<Rounding>,
    /// The rounded results; NaN for those in `undecided`.
    rounded: Box<[f64; BATCH]>,
    /// Whether the results of the batch are complete.
    is_rounded: bool,
    undecided: Vec<(usize, Accumulator)>,
}

impl ShortSums {
    fn new(batches: Batches, parts: usize, rounding: Option<Rounding>) -> ShortSums {
        ShortSums {
            batches,
            parts,
            results: 0,
            pairs: None,
            spare: None,
            difficult: Vec::new(),
            rounding,
            rounded: Box::new([0.0; BATCH]),
            is_rounded: false,
            undecided: Vec::new(),
        }
    }

    /// Rounds the results of a batch, each of one row, those that an interval does not decide by
    /// their exact sums; returns whether that succeeded.
    fn round<V: Summand>(&mut self, isa: Isa, rows: Rows<'_, V>, summer: &mut Summer) -> bool {
        let Some(Rounding { format, mean }) = self.rounding else { return false };
        let divisor = if mean { rows.width() as f64 } else { 1.0 };
        let ShortSums { batches, rounded, undecided, .. } = self;
        undecided.clear();
        self.is_rounded = V::round_runs(isa, rows, batches, format, divisor, rounded);
        for row in (0..rows.len()).filter(|&row| self.is_rounded && rounded[row].is_nan()) {
            let one = rows.skip(row).truncate(1);
            let mut sum = Interval::new();
            if V::sum_runs(isa, one, batches, summer) {
                batches.pairs.first(1).add_to(0, 0, &mut sum.total);
            } else {
                V::add_run(isa, one.row(0), &mut Summer::new(isa, one.width(), None), &mut sum);
            }
            undecided.push((row, sum.total));
        }
        self.is_rounded
    }

    /// Begins the sums of this many rows.
    fn start(&mut self, rows: usize) {
        self.results = rows * self.parts;
        self.difficult.clear();
    }

    fn difficult(&mut self) -> &mut [Accumulator] {
        self.difficult.resize_with(self.results, Accumulator::new);
        &mut self.difficult
    }

    /// Adds the sums of a batch.
    fn add(&mut self, isa: Isa) {
        let mut pairs = self.spare.take().unwrap_or_else(Pairs::new);
        if let Some(before) = &self.pairs {
            let others = self.batches.pairs.first(self.results);
            let (high, low) = (&mut pairs.high[..self.results], &mut pairs.low[..self.results]);
            high.copy_from_slice(before.first(self.results).high);
            low.copy_from_slice(before.first(self.results).low);
            if pairs::add(isa, high, low, others) {
                self.spare = self.pairs.replace(pairs);
                return;
            }
            self.empty();
        }
        std::mem::swap(&mut pairs, &mut self.batches.pairs);
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

    /// Passes on the results, of `terms` numbers each.
    fn put(&mut self, results: Results, terms: i64, sink: &dyn Sink) {
        if std::mem::take(&mut self.is_rounded)
            && let Some(Rounding { format, .. }) = self.rounding
        {
            for (result, &x) in self.rounded[..self.results].iter().enumerate() {
                if !x.is_nan() {
                    sink.put_rounded(results.at(result), bulk::bits_of(x, format));
                }
            }
            for (result, sum) in &mut self.undecided {
                sum.add_zeros(terms);
                sink.put(results.at(*result), sum);
            }
            return;
        }
        if self.difficult.is_empty()
            && let Some(pairs) = self.pairs.take()
        {
            sink.put_pairs(results.first, results.step, pairs.first(self.results), terms);
            self.spare = Some(pairs);
            return;
        }
        self.empty();
        for (index, sum) in self.difficult().iter_mut().enumerate() {
            sum.add_zeros(terms);
            sink.put(results.at(index), sum);
        }
    }
}
