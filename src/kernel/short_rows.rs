//! The kernel for sums of many short runs of memory, such as the rows of a narrow matrix.
//!
//! It is the exact kernel of `certified`, with a scale that is common to many runs. What it cannot do
//! exactly is left to the caller.

#![allow(unsafe_code)] // Raw, unaligned loads in the hot loop.

use super::adaptive::Summer;
use super::certified::Lanes;
use super::levels::{self, BLOCK, LEVEL};
use super::number::{Integer, Number};
use crate::array::memory::{CACHE_LINE, prefetch};
use crate::array::view::Rows;
use crate::binary64::power_of_two;
use crate::cpu::{Isa, dispatch, vectorized};
use crate::exact::pairs::{BATCH, Pairs};
use crate::simd::{Simd, WIDEST};

/// The longest runs; for longer ones the usual kernel is as good.
pub(crate) const LONGEST: usize = 1024;
/// Bits by which the sum of all lanes may be longer than a number.
const EXCESS: u32 = 8;
/// Vectors that are added side by side for one run.
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
        (2 * BLOCK / length).clamp(1, BATCH / self.parts)
    }

    /// Whether the runs are short, and if they are very short, side by side.
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
        if self.parts == 1 {
            sum_runs::<T, 1>(isa, runs, first, summer.ahead(), &mut self.pairs)
        } else {
            sum_runs::<T, 2>(isa, runs, first, summer.ahead(), &mut self.pairs)
        }
    }
}

/// Sums runs to pairs; false if any is not exact. Memory is asked for `ahead` bytes ahead.
#[inline(always)]
fn sum_runs_body<S: Simd, T: Number, const PARTS: usize>(
    simd: S,
    runs: Rows<'_, T>,
    first: i32,
    ahead: usize,
    pairs: &mut Pairs,
) -> bool {
    let length = runs.width();
    assert!(length <= LONGEST && runs.len() * PARTS <= BATCH);
    let units = [first, first - LEVEL].map(|exponent| power_of_two(exponent - 52));
    let vectors = length / S::W;
    let rest = length % S::W;
    // The last vector starts early, and lanes that were read already are dropped.
    let mut keep = [0u64; WIDEST];
    keep[S::W - rest..S::W].fill(u64::MAX);
    // SAFETY: no vector is longer.
    let keep = unsafe { simd.load(keep.as_ptr().cast()) };
    let mut lanes = Lanes::<S, STREAMS>::new(simd, first);
    let mut longest = 0;
    for run in 0..runs.len() {
        let values = runs.row(run);
        for vector in 0..vectors {
            let at = values.as_ptr().wrapping_add(vector * S::W);
            if (vector * S::W * size_of::<T>()).is_multiple_of(CACHE_LINE) {
                prefetch(at.wrapping_byte_add(ahead));
            }
            // SAFETY: the run has so many numbers from there on.
            lanes.add::<true>(vector % STREAMS, unsafe { T::load(simd, at) });
        }
        if rest > 0 {
            let vector = if vectors > 0 {
                let at = values.as_ptr().wrapping_add(length - S::W);
                // SAFETY: the last numbers of the run.
                simd.and(unsafe { T::load(simd, at) }, keep)
            } else {
                T::load_some(simd, values)
            };
            lanes.add::<true>(STREAMS - 1, vector);
        }
        let sums = lanes.take_sums::<PARTS>();
        for part in 0..PARTS {
            let [high, low] = sums[part];
            // The upper level may have a few bits too many for a number; the lower takes them.
            let excess = high & ((1 << EXCESS) - 1);
            let low = low + (excess << LEVEL);
            longest |= low.unsigned_abs();
            pairs.high[PARTS * run + part] = (high - excess) as f64 * units[0];
            pairs.low[PARTS * run + part] = low as f64 * units[1];
        }
    }
    lanes.are_right() && longest < 1 << 53
}

vectorized! {
    fn sum_runs[T: Number, const PARTS: usize][T, PARTS](
        runs: Rows<'_, T>, first: i32, ahead: usize, pairs: &mut Pairs
    ) -> bool = sum_runs_body
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
    use crate::testing::numbers;

    fn check(values: &[f64], length: usize, stride: usize, must_work: bool) {
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
