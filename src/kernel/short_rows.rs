//! The kernel for sums of many short runs of memory, such as the rows of a narrow matrix.
//!
//! It is the flagged kernel of `block`, with a scale that is common to many runs; the flag is read
//! once for all of them. What it cannot do exactly is left to the caller.

#![allow(unsafe_code)] // Raw, unaligned loads in the hot loop.

use super::adaptive::Summer;
use super::levels::{self, BLOCK, Flagged};
use super::number::{Integer, Number};
use crate::array::memory::{CACHE_LINE, prefetch};
use crate::array::view::Rows;
use crate::binary64::{SIGN_AND_EXPONENT, power_of_two};
use crate::cpu::{Isa, dispatch};
use crate::exact::pairs::{BATCH, Pairs};

/// The longest runs; for longer ones the usual kernel is as good.
pub(crate) const LONGEST: usize = 1024;
/// Bits by which the sum of all lanes may be longer than a number.
const EXCESS: u32 = 8;
/// Vectors in flight for one run.
const STREAMS: usize = 2;
/// Batches for which a kernel that failed is not tried again.
const PATIENCE: u32 = 4;
/// Scales from which all results and their parts are normal numbers.
const SMALLEST: i32 = -700;

/// The sums of a batch of runs.
pub(crate) struct Batches {
    /// The scale, once known.
    first: Option<i32>,
    /// How many numbers are summed from a run, in turn: 2 for complex ones.
    parts: usize,
    patience: u32,
    pub pairs: Box<Pairs>,
}

impl Batches {
    /// For runs of `parts` numbers in turn, 1 or 2.
    pub fn new(parts: usize) -> Batches {
        assert!(parts == 1 || parts == 2);
        Batches { first: None, parts, patience: 0, pairs: Pairs::new() }
    }

    /// How many runs of `length` numbers make a batch: few enough that one difficult number does
    /// not spoil much.
    pub fn size(&self, length: usize) -> usize {
        (8 * BLOCK / length).clamp(1, BATCH / self.parts)
    }

    /// Whether the runs can be read: where the last vector of a run reaches beyond it, there must
    /// be another run or enough of this one.
    pub fn suit<T>(stride: isize, length: usize) -> bool {
        length <= LONGEST && (length >= 8 || stride == (length * size_of::<T>()) as isize)
    }

    /// Puts the exact sums of a batch of runs in `pairs`; whether that worked.
    pub fn sum<T: Number>(&mut self, isa: Isa, runs: Rows<'_, T>, summer: &mut Summer) -> bool {
        debug_assert!(
            runs.len() * self.parts <= BATCH && Batches::suit::<T>(runs.stride(), runs.width())
        );
        if self.patience > 0 {
            self.patience -= 1;
            return false;
        }
        if self.try_scale(isa, runs, summer) {
            return true;
        }
        let mut highest = 0;
        for run in 0..runs.len() {
            highest = levels::highest_exponent(isa, runs.row(run)).max(highest);
        }
        // The numbers of a lane add up to less than half of its accumulator.
        let lane = runs.width().div_ceil(STREAMS * isa.lanes()) + 1;
        let headroom = lane.next_power_of_two().ilog2() as i32 + 2;
        let first = levels::scale(highest, headroom).filter(|&first| first >= SMALLEST);
        if first != self.first {
            self.first = first;
            if self.try_scale(isa, runs, summer) {
                return true;
            }
        }
        self.patience = PATIENCE;
        false
    }

    /// As [`Batches::sum`], of integers.
    pub fn sum_integers<T: Integer>(&mut self, isa: Isa, runs: Rows<'_, T>) -> bool {
        debug_assert!(runs.len() <= BATCH && Batches::suit::<T>(runs.stride(), runs.width()));
        if self.parts != 1 {
            return false;
        }
        sum_integer_runs(isa, runs, &mut self.pairs);
        true
    }

    fn try_scale<T: Number>(&mut self, isa: Isa, runs: Rows<'_, T>, summer: &mut Summer) -> bool {
        let Some(first) = self.first else { return false };
        summer.clear_inexact();
        let kept = if self.parts == 1 {
            sum_runs::<T, 1>(isa, runs, first, summer.ahead(), &mut self.pairs)
        } else {
            sum_runs::<T, 2>(isa, runs, first, summer.ahead(), &mut self.pairs)
        };
        kept && !summer.was_inexact()
    }
}

/// The `count` numbers at `at`, and zeros.
#[inline(always)]
fn load_some<T: Number, const W: usize>(at: *const T, count: usize) -> [T; W] {
    let mut vector = [T::default(); W];
    for (lane, x) in vector[..count].iter_mut().enumerate() {
        // SAFETY: the caller's run has these numbers.
        *x = unsafe { at.add(lane).read_unaligned() };
    }
    vector
}

/// Sums runs to pairs; false if a sum left its binade. The inexact flag tells the rest. Memory is
/// asked for `ahead` bytes ahead.
#[inline(always)]
fn sum_runs_body<T: Number, const W: usize, const PARTS: usize>(
    runs: Rows<'_, T>,
    first: i32,
    ahead: usize,
    pairs: &mut Pairs,
) -> bool {
    let length = runs.width();
    let (exponents, bias) = levels::levels::<2>(first, levels::apart::<T, W>());
    let units = exponents.map(|exponent| power_of_two(exponent - 52));
    let vectors = length / W;
    let rest = length % W;
    // The last vector of a longer run starts early, and lanes that were read already are dropped; a
    // shorter run is a vector with lanes of the next run.
    let (last, kept) = if vectors > 0 { (length - W, W - rest..W) } else { (0, 0..length) };
    let mut keep = [0u64; W];
    keep[kept].fill(u64::MAX);
    // Short runs whose vector would reach beyond the last run.
    let beyond = if vectors > 0 { 0 } else { W.div_ceil(length) };
    let mut escaped = 0;
    for run in 0..runs.len() {
        let at = runs.as_ptr().wrapping_byte_offset(run as isize * runs.stride());
        let load = |index: usize| {
            let at = at.wrapping_add(index);
            if (index * size_of::<T>()).is_multiple_of(CACHE_LINE) {
                prefetch(at.wrapping_byte_add(ahead));
            }
            // SAFETY: `index + W <= length`, or the run is followed by others that are readable.
            unsafe { at.cast::<[T; W]>().read_unaligned() }
        };
        let mut lanes = Flagged::<W, STREAMS>::new(bias);
        for pair in 0..vectors / 2 {
            lanes.add::<0, T>(load(2 * pair * W).map(T::widen));
            lanes.add::<1, T>(load((2 * pair + 1) * W).map(T::widen));
        }
        if vectors % 2 == 1 {
            lanes.add::<0, T>(load((vectors - 1) * W).map(T::widen));
        }
        if rest > 0 {
            let vector = if run + beyond < runs.len() || vectors > 0 {
                load(last)
            } else {
                load_some(at, length)
            };
            lanes.add::<1, T>(levels::masked(vector, keep));
        }
        let mut put = |result: usize, (parts, outside): ([i64; 2], u64)| {
            escaped |= outside;
            // The upper level may have a few bits too many for a number; the lower takes them.
            let excess = parts[0] & ((1 << EXCESS) - 1);
            pairs.high[result] = (parts[0] - excess) as f64 * units[0];
            pairs.low[result] = (parts[1] + (excess << levels::apart::<T, W>())) as f64 * units[1];
        };
        if PARTS == 1 {
            put(run, lanes.parts(bias));
        } else {
            let ([even, odd], outside) = lanes.parts_in_turn(bias);
            put(2 * run, (even, outside));
            put(2 * run + 1, (odd, outside));
        }
    }
    escaped & SIGN_AND_EXPONENT == 0
}

dispatch! {
    fn sum_runs[T: Number, const PARTS: usize][T, PARTS](
        runs: Rows<'_, T>, first: i32, ahead: usize, pairs: &mut Pairs
    ) -> bool = sum_runs_body::<T, {W}, PARTS>
}

/// Sums runs of integers to pairs: the sums of up to [`LONGEST`] parts are numbers.
#[inline(always)]
fn sum_integer_runs_body<T: Integer>(runs: Rows<'_, T>, pairs: &mut Pairs) {
    for run in 0..runs.len().min(BATCH) {
        let (mut high, mut low) = (0, 0);
        for x in &runs.row(run)[..runs.width().min(LONGEST)] {
            let parts = x.parts();
            high += parts[0];
            low += parts[1];
        }
        pairs.high[run] = high as f64 * power_of_two(32);
        pairs.low[run] = low as f64;
    }
}

dispatch! {
    fn sum_integer_runs[T: Integer][T](runs: Rows<'_, T>, pairs: &mut Pairs)
        = sum_integer_runs_body::<T>
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::view::View;
    use crate::exact::accumulator::Accumulator;
    use crate::fpu::inexact_flag_works;
    use crate::testing::numbers;

    fn check(values: &[f64], length: usize, stride: usize, must_work: bool) {
        // Without the flag, nobody calls the kernel.
        if !inexact_flag_works() {
            return;
        }
        let count = (values.len() - length) / stride + 1;
        let view = View::of(values);
        let rows = |count| view.rows::<f64>(0, (8 * stride) as isize, count, length).unwrap();
        for isa in Isa::available() {
            let mut summer = Summer::new(isa, values.len(), None);
            let mut batches = Batches::new(1);
            for count in [count.min(BATCH), 1] {
                batches.patience = 0;
                let worked = batches.sum(isa, rows(count), &mut summer);
                assert!(worked || !must_work, "{isa:?}, {length}");
                for run in 0..if worked { count } else { 0 } {
                    let expected: Accumulator =
                        values[run * stride..][..length].iter().copied().collect();
                    assert_eq!(
                        batches.pairs.first(BATCH).accumulator(run, length as i64),
                        expected
                    );
                }
            }
        }
    }

    #[test]
    fn every_length() {
        let values = numbers(9000, 2, 3, 1);
        for length in (1..70).chain([127, 500, 1023, 1024]) {
            check(&values[..length * (9000 / length)], length, length, true);
            if length >= 8 {
                check(&values, length, length + 3, true);
            }
        }
    }

    #[test]
    fn two_sums_in_turn() {
        if !inexact_flag_works() {
            return;
        }
        let values = numbers(9000, 2, 3, 1);
        for length in (2..70).chain([500, 1022, 1024]).filter(|length| length % 2 == 0) {
            let count = (9000 / length).min(BATCH / 2);
            let rows = Rows::of(&values[..count * length], length);
            for isa in Isa::available() {
                let mut batches = Batches::new(2);
                assert!(batches.sum(isa, rows, &mut Summer::new(isa, 9000, None)));
                for result in 0..2 * count {
                    let run = &values[result / 2 * length..][..length];
                    let mut expected: Accumulator =
                        run.iter().skip(result % 2).step_by(2).copied().collect();
                    expected.add_zeros(-expected.count());
                    assert_eq!(
                        batches.pairs.first(BATCH).accumulator(result, 0),
                        expected,
                        "{isa:?} {length}"
                    );
                }
            }
        }
    }

    #[test]
    fn difficult_numbers_are_summed_or_refused() {
        for (seed, spread) in [12, 25, 40, 100, 2000].into_iter().enumerate() {
            for centre in [-1000, -600, 0, 1000] {
                let mut values = numbers(3000, centre, spread, seed as u64);
                check(&values, 30, 30, false);
                check(&values, 3, 3, false);
                values[1234] = f64::NAN;
                values[77] = f64::INFINITY;
                check(&values, 50, 50, false);
            }
        }
    }
}
