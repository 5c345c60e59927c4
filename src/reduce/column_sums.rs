//! The sums of one panel of columns after another.

use super::{Attempt, Counts, PanelShape, Results};
use crate::array::view::Rows;
use crate::cpu::Isa;
use crate::exact::bulk;
use crate::exact::interval::Interval;
use crate::exact::pairs::{BATCH, Pairs};
use crate::exact::round::Format;
use crate::exact::sink::{Rounding, Sink};
use crate::kernel::columns::{Mode, Order, Panel};
use crate::kernel::few;
use crate::kernel::hysteresis::Hysteresis;
use crate::kernel::summand::Summand;

/// Arrays of fewer bytes may be in a cache.
const CACHED: usize = 32 << 20;
/// Arrays of this many bytes or more are prefetched.
const PREFETCHED_FROM: usize = 8 << 20;
/// The length of rows up to which memory is read faster row by row than in groups of rows. Wider matrices are
/// bound by memory, so that reading them a second time would cost more than exact sums do.
const NARROW: usize = 256;
/// Undecided columns are read again one by one if they are at most one in this number; otherwise all columns are.
const ALONE: usize = 16;

/// The sums of one panel after another.
pub(super) struct ColumnSums {
    panel: Panel,
    shape: PanelShape,
    mode: Mode,
    order: Order,
    /// Whether the panel has begun: not yet, if all rows may come at once.
    started: bool,
    /// Whether the sums are in `pairs` already.
    summed: bool,
    pairs: Box<Pairs>,
    bounds: Vec<f64>,
    rounded: Vec<f64>,
    /// The columns of the panel whose results a bound decided; none if it was not tried.
    decided: Vec<bool>,
    /// Whether bounds decide enough.
    certified: Hysteresis,
}

impl ColumnSums {
    pub fn new(isa: Isa) -> ColumnSums {
        ColumnSums {
            panel: Panel::new(isa),
            shape: PanelShape { width: 1, columns: 1, rows: 0 },
            mode: Mode::Exact,
            order: Order::Groups,
            started: false,
            summed: false,
            pairs: Pairs::new(),
            bounds: vec![0.0; BATCH],
            rounded: vec![0.0; BATCH],
            decided: Vec::new(),
            certified: Hysteresis::strict(),
        }
    }

    /// Begins a panel of an array of `elements` elements; `false` if the caller should rather add the undecided
    /// columns one by one.
    pub fn start<V: Summand>(
        &mut self,
        shape: PanelShape,
        attempt: Attempt,
        rounding: Option<Rounding>,
        elements: usize,
    ) -> bool {
        if attempt == Attempt::Exact && !self.decided.is_empty() {
            if self.undecided() * ALONE <= shape.columns {
                return false;
            }
            if self.panel.prove() {
                return true;
            }
        }
        self.decided.clear();
        let bytes = elements.saturating_mul(size_of::<V>());
        let is_narrow = shape.width <= NARROW;
        self.order = match bytes {
            ..PREFETCHED_FROM => Order::Groups,
            CACHED.. if is_narrow => Order::Rows,
            _ => Order::Prefetched,
        };
        self.certified.next();
        let is_certified = attempt == Attempt::First
            && V::HAS_NAN
            && rounding
                .is_some_and(|rounding| [Format::F64, Format::F32].contains(&rounding.format))
            && (bytes < CACHED || is_narrow)
            && !self.certified.is_given_up();
        self.mode = if is_certified { Mode::Certified } else { Mode::Exact };
        (self.shape, self.started, self.summed) = (shape, false, false);
        if !few::suits(shape.rows, shape.columns) || shape.width > shape.columns {
            self.begin::<V>();
        }
        true
    }

    fn begin<V: Summand>(&mut self) {
        if !self.started {
            let PanelShape { width, columns, .. } = self.shape;
            self.panel.start(width, columns, !V::HAS_NAN, self.mode, self.order);
            self.started = true;
        }
    }

    pub fn add<V: Summand>(&mut self, isa: Isa, rows: Rows<'_, V>) {
        if !self.started && rows.len() == self.shape.rows {
            self.summed = V::sum_few(isa, rows, &mut self.panel, &mut self.pairs);
        }
        if !self.summed {
            self.begin::<V>();
            V::add_rows(isa, rows, &mut self.panel);
        }
    }

    /// Puts the results; whether all are.
    pub fn finish(
        &mut self,
        isa: Isa,
        results: Results,
        counts: Counts<'_>,
        sink: &dyn Sink,
    ) -> bool {
        if !self.summed
            && self.panel.is_certified()
            && let Some(rounding) = sink.rounding()
        {
            self.finish_certified(isa, results, counts, sink, rounding);
            let undecided = self.undecided();
            if undecided * ALONE > results.count {
                self.certified.fail();
            }
            return undecided == 0;
        }
        if let Counts::All(count) = counts
            && (self.summed || self.panel.pairs(isa, &mut self.pairs))
        {
            let pairs = self.pairs.first(results.count);
            sink.put_pairs(results.first, results.step, pairs, count);
            return true;
        }
        for column in 0..results.count {
            let mut sum = self.interval(column);
            sum.total.add_zeros(counts.get(column));
            sink.put(results.at(column), &sum.total);
        }
        true
    }

    /// Puts the results that a bound decides.
    fn finish_certified(
        &mut self,
        isa: Isa,
        results: Results,
        counts: Counts<'_>,
        sink: &dyn Sink,
        Rounding { format, mean }: Rounding,
    ) {
        self.decided.resize(results.count, false);
        if let Counts::All(count) = counts
            && let divisor = if mean { count } else { 1 }
            && divisor != 0
            && self.panel.pairs(isa, &mut self.pairs)
        {
            let pairs = self.pairs.first(results.count);
            let rounded = &mut self.rounded[..results.count];
            self.panel.bounds(isa, &mut self.bounds);
            let bounds = &self.bounds[..results.count];
            bulk::round_within(isa, pairs, bounds, divisor as f64, format, rounded);
            for (column, decided) in self.decided.iter_mut().enumerate() {
                let x = rounded[column];
                if !x.is_nan() {
                    sink.put_rounded(results.at(column), bulk::bits_of(x, format));
                } else if bounds[column] == 0.0 {
                    sink.put(results.at(column), &pairs.accumulator(column, count));
                }
                *decided = !x.is_nan() || bounds[column] == 0.0;
            }
            return;
        }
        for column in 0..results.count {
            let mut sum = self.panel.interval(column);
            sum.total.add_zeros(counts.get(column));
            self.decided[column] = sink.put_interval(results.at(column), &sum);
        }
    }

    fn undecided(&self) -> usize {
        self.decided.iter().filter(|&&decided| !decided).count()
    }

    /// Whether the result of a column is there, though the panel's others are not all.
    pub fn is_decided(&self, column: usize) -> bool {
        self.decided.get(column).is_some_and(|&decided| decided)
    }

    /// What is known of the sum of a column.
    pub fn interval(&self, column: usize) -> Interval {
        if self.summed {
            self.pairs.first(BATCH).accumulator(column, 0).into()
        } else {
            self.panel.interval(column)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::array::view::View;
    use crate::exact::accumulator::Accumulator;
    use crate::sum::{Input, sum_into};
    use crate::testing::{Oracle, numbers};

    /// Takes rounded results, and rounds the others.
    struct Bits {
        rounding: Rounding,
        count: i64,
        bits: Mutex<Vec<Option<u64>>>,
    }

    impl Bits {
        fn set(&self, index: usize, bits: u64) {
            let before = self.bits.lock().unwrap()[index].replace(bits);
            assert!(before.is_none_or(|before| before == bits), "{index}");
        }
    }

    impl Sink for Bits {
        fn put(&self, index: usize, sum: &Accumulator) {
            assert_eq!(sum.count(), self.count);
            let divisor = if self.rounding.mean { self.count } else { 1 };
            self.set(index, sum.round_quotient(divisor, self.rounding.format));
        }
        fn rounding(&self) -> Option<Rounding> {
            Some(self.rounding)
        }
        fn put_rounded(&self, index: usize, bits: u64) {
            self.set(index, bits);
        }
    }

    fn check(values: &[f64], width: usize) {
        let count = values.len() / width;
        for format in [Format::F64, Format::F32, Format::F16] {
            for mean in [false, true] {
                let bits = Mutex::new(vec![None; width]);
                let sink = Bits { rounding: Rounding { format, mean }, count: count as i64, bits };
                let matrix = View::of(values).reshaped(&[count, width]);
                sum_into(&Input::from(matrix), &[true, false], &sink);
                let bits = sink.bits.into_inner().unwrap();
                for (column, bits) in bits.into_iter().enumerate() {
                    let column = values[column..].iter().step_by(width);
                    let exact: Accumulator = column.clone().copied().collect();
                    let divisor = if mean { count as i64 } else { 1 };
                    assert_eq!(bits, Some(exact.round_quotient(divisor, format)));
                    if format == Format::F64 && !mean && column.clone().all(|x| x.is_finite()) {
                        let mut oracle = Oracle::new();
                        column.for_each(|&x| oracle.add(x));
                        assert_eq!(bits, Some(oracle.to_f64().to_bits()));
                    }
                }
            }
        }
    }

    /// None, some (which are read again alone) or all of whose sums are ties or cancel.
    #[test]
    fn columns_that_no_bound_decides() {
        for (width, rows) in [(64, 500), (1000, 40), (1500, 30), (3, 5000)] {
            for every in [usize::MAX, 100, 20, 2, 1] {
                let mut values = numbers(width * rows, 0, 9, 5);
                for column in (0..width).filter(|column| (column + 1).is_multiple_of(every)) {
                    for row in 0..rows {
                        values[row * width + column] = match (column % 3, row % 10, row) {
                            (0, 0, _) => 1e-40,
                            (0, 5, _) => -1e-40,
                            (0, ..) => 0.0,
                            (1, _, 0) => 1.0,
                            (1, _, 1) => f64::EPSILON / 2.0,
                            (1, ..) => 0.0,
                            (_, _, row) if row >= rows / 2 => {
                                -values[(row - rows / 2) * width + column]
                            }
                            (_, _, row) => values[row * width + column],
                        };
                    }
                }
                check(&values, width);
            }
        }
    }

    #[test]
    fn columns_of_all_sizes() {
        for spread in [40, 300, 2000] {
            let mut values = numbers(77 * 800, 0, spread, spread);
            check(&values, 77);
            values[77 * 400 + 5] = f64::INFINITY;
            values[77 * 3 + 70] = f64::NAN;
            values[77 * 799 + 76] = f64::MAX;
            check(&values, 77);
        }
    }
}
