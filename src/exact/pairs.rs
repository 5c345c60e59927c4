//! Exact results as pairs of numbers, which are added and rounded in vectors.

use std::ops::Range;

use super::accumulator::Accumulator;
use crate::cpu::dispatch;

/// The number of results in a batch.
pub(crate) const BATCH: usize = 1024;

/// Up to [`BATCH`] results, each exactly `high + low`, both finite and far from overflow.
#[derive(Debug)]
#[repr(align(64))] // A vector that crosses cache lines takes twice as long.
pub(crate) struct Pairs {
    /// The upper parts.
    pub high: [f64; BATCH],
    /// The lower parts.
    pub low: [f64; BATCH],
}

impl Pairs {
    pub fn new() -> Box<Pairs> {
        Box::new(Pairs { high: [0.0; BATCH], low: [0.0; BATCH] })
    }

    /// The first of the results.
    pub fn first(&self, results: usize) -> PairSlice<'_> {
        PairSlice { high: &self.high[..results], low: &self.low[..results] }
    }
}

/// Results, each exactly `high + low`, both finite.
#[derive(Debug, Clone, Copy)]
#[doc(hidden)]
pub struct PairSlice<'a> {
    /// The upper parts.
    pub high: &'a [f64],
    /// The lower parts.
    pub low: &'a [f64],
}

impl<'a> PairSlice<'a> {
    /// The number of results.
    #[allow(clippy::len_without_is_empty)] // Never empty.
    pub fn len(self) -> usize {
        self.high.len()
    }

    /// A part of them.
    pub fn range(self, range: Range<usize>) -> PairSlice<'a> {
        PairSlice { high: &self.high[range.clone()], low: &self.low[range] }
    }

    /// One of the sums, if it and both its parts are 64-bit integers.
    #[inline]
    pub fn integer(self, index: usize) -> Option<i64> {
        let [high, low] = [self.high[index], self.low[index]];
        let whole = (high as i64 as f64, low as i64 as f64) == (high, low);
        // The conversion to an integer saturates at i64::MAX, which converts back to 2^63.
        let fits = high.abs() < 2f64.powi(63) && low.abs() < 2f64.powi(63);
        (whole && fits).then(|| (high as i64).checked_add(low as i64)).flatten()
    }

    /// One of the sums as an accumulator.
    pub fn accumulator(self, index: usize, count: i64) -> Accumulator {
        let mut sum = Accumulator::new();
        self.add_to(index, count, &mut sum);
        sum
    }

    /// Adds one of the sums, and `count` to the count.
    pub fn add_to(self, index: usize, count: i64, sum: &mut Accumulator) {
        sum.add_uncounted(self.high[index]);
        sum.add_uncounted(self.low[index]);
        sum.add_zeros(count);
    }
}

/// `a + b` and its rounding error (Knuth 1969). The error is never `-0.0` unless both are.
#[inline(always)]
pub(crate) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let from_b = sum - a;
    (sum, (a - (sum - from_b)) + (b - from_b))
}

#[inline(always)]
fn normalise_body(pairs: PairSlice<'_>, high: &mut [f64], low: &mut [f64]) -> bool {
    let length = high.len();
    let (low, pairs) = (&mut low[..length], pairs.range(0..length));
    let mut overflow = 0;
    for index in 0..length {
        // Neither of two equal pairs contains -0.0.
        (high[index], low[index]) = two_sum(pairs.high[index] + 0.0, pairs.low[index]);
        overflow |= (0.0 * low[index]).to_bits() << 1;
    }
    overflow == 0
}

dispatch! {
    /// Copies pairs in normal form, with the rounded sum as the upper part; false if any overflows,
    /// and then the output is meaningless.
    pub(super) fn normalise(pairs: PairSlice<'_>, high: &mut [f64], low: &mut [f64]) -> bool
        = normalise_body
}

#[inline(always)]
fn add_body(high: &mut [f64], low: &mut [f64], others: PairSlice<'_>) -> bool {
    let length = high.len();
    let (low, others) = (&mut low[..length], others.range(0..length));
    let mut lost = 0;
    for index in 0..length {
        let (sum, rest) = two_sum(high[index], others.high[index]);
        let (lower, first) = two_sum(low[index], others.low[index]);
        let (rest, second) = two_sum(rest, lower);
        (high[index], low[index]) = two_sum(sum, rest);
        // An overflow leaves a NaN or an infinity, which makes this NaN.
        let overflow = 0.0 * low[index];
        lost |= (first.to_bits() | second.to_bits() | overflow.to_bits()) << 1;
    }
    lost == 0
}

dispatch! {
    /// Adds pairs to others, exactly; false if any sum is not a pair, and then the output is
    /// meaningless.
    pub(crate) fn add(high: &mut [f64], low: &mut [f64], others: PairSlice<'_>) -> bool = add_body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Isa;
    use crate::testing::{numbers, pseudo_random};
    use proptest::prelude::*;

    fn normal(isa: Isa, high: &[f64], low: &[f64]) -> [Vec<f64>; 2] {
        let mut result = [vec![0.0; high.len()], vec![0.0; high.len()]];
        let [to_high, to_low] = &mut result;
        normalise(isa, PairSlice { high, low }, to_high, to_low);
        result
    }

    /// Returns whether the sums are pairs.
    fn check(isa: Isa, left: &[Vec<f64>; 2], right: &[Vec<f64>; 2]) -> bool {
        let [mut high, mut low] = left.clone();
        let others = PairSlice { high: &right[0], low: &right[1] };
        if !add(isa, &mut high, &mut low, others) {
            return false;
        }
        let (before, after) =
            (PairSlice { high: &left[0], low: &left[1] }, PairSlice { high: &high, low: &low });
        for index in 0..high.len() {
            let mut expected = before.accumulator(index, 3);
            others.add_to(index, 4, &mut expected);
            assert_eq!(after.accumulator(index, 7), expected, "{isa:?}");
            assert_eq!(high[index].to_bits(), expected.to_f64().to_bits(), "{isa:?}");
            assert!(low[index].to_bits() != (-0.0f64).to_bits(), "{isa:?}");
        }
        true
    }

    #[test]
    fn pairs_of_like_numbers_add_up() {
        for isa in Isa::available() {
            for apart in [0, 20, 43, 60] {
                let pairs = |seed| {
                    normal(isa, &numbers(77, 9, 12, seed), &numbers(77, 9 - apart, 4, seed + 1))
                };
                let mut total = pairs(1);
                for seed in 2..40 {
                    // Numbers of few bits, as in typical data.
                    let other = pairs(seed)
                        .map(|half| half.iter().map(|x| (x * 65536.0).round()).collect::<Vec<_>>());
                    let rounded = normal(isa, &other[0], &other[1]);
                    if seed == 2 {
                        total = rounded;
                        continue;
                    }
                    assert!(check(isa, &total, &rounded), "{isa:?} {apart} {seed}");
                    let [high, low] = &mut total;
                    add(isa, high, low, PairSlice { high: &rounded[0], low: &rounded[1] });
                }
            }
        }
    }

    #[test]
    fn what_is_no_pair_is_noticed_in_any_lane() {
        let difficult = [
            ([1.0, 2f64.powi(-53)], [2f64.powi(-200), 0.0]),
            ([1.0, 2f64.powi(-60)], [2f64.powi(60), 2f64.powi(-10)]),
            ([f64::MAX, 0.0], [f64::MAX, 0.0]),
            ([f64::MAX, 2f64.powi(969)], [2f64.powi(969), 0.0]),
            ([1.0, f64::from_bits(1)], [1.0 + f64::EPSILON, 2f64.powi(-54)]),
        ];
        for isa in Isa::available() {
            for (one, other) in difficult {
                for place in 0..19 {
                    let mut sides = [one, other].map(|[high, low]| {
                        let mut side = [vec![1.0; 19], vec![0.0; 19]];
                        (side[0][place], side[1][place]) = (high, low);
                        side
                    });
                    assert!(!check(isa, &sides[0], &sides[1]), "{isa:?} {place}");
                    sides.swap(0, 1);
                    assert!(!check(isa, &sides[0], &sides[1]), "{isa:?} {place}");
                }
            }
        }
    }

    #[test]
    fn integers_are_told_from_others() {
        let (two_62, two_63) = (2f64.powi(62), 2f64.powi(63));
        let cases = [
            (two_62, 5.0, Some((1 << 62) + 5)),
            (-two_62, -two_62, Some(i64::MIN)),
            (two_62, two_62, None),
            (two_63, -1.0, None),
            (1.0, 0.5, None),
            (1e300, 0.0, None),
            (-0.0, 0.0, Some(0)),
        ];
        for (high, low, expected) in cases {
            assert_eq!(PairSlice { high: &[high], low: &[low] }.integer(0), expected);
        }
    }

    #[test]
    fn zeros_are_positive() {
        for isa in Isa::available() {
            let pairs = normal(isa, &[-0.0, 0.0, 1.0, -0.0], &[-0.0, -0.0, -1.0, 0.0]);
            assert!(pairs.concat().iter().all(|x| x.to_bits() == 0), "{isa:?}");
        }
    }

    proptest! {
        #[test]
        fn sums_are_exact_or_refused(seed: u64, centres in prop::array::uniform4(-1074..1023i32), near: bool) {
            let mut next = pseudo_random(seed);
            let shift = |index: usize| if near { centres[0] - 30 * index as i32 } else { centres[index] };
            for isa in Isa::available() {
                let mut half = |index: usize| {
                    let exponent = shift(index).clamp(-1030, 1020);
                    let mut values = numbers(21, exponent, 40, seed.wrapping_add(index as u64));
                    values.iter_mut().filter(|x| !x.is_finite() || next().is_multiple_of(9)).for_each(|x| *x = 0.0);
                    values
                };
                let sides = [[half(0), half(1)], [half(2), half(3)]].map(|[high, low]| normal(isa, &high, &low));
                if sides.iter().flatten().flatten().all(|x| x.is_finite()) {
                    check(isa, &sides[0], &sides[1]);
                    for index in 0..21 {
                        let one = |side: &[Vec<f64>; 2]| [vec![side[0][index]], vec![side[1][index]]];
                        check(isa, &one(&sides[0]), &one(&sides[1]));
                    }
                }
            }
        }
    }
}
