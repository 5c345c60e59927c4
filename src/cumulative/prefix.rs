//! A prefix as the unevaluated sum of two numbers, adding to it, and rounding it.
//!
//! Every number is split at the last bit of a level. The rest must be a multiple of the last bit of
//! the next level, which is checked. So all sums of such parts are exact, in any order, and only
//! the sum of a prefix's two parts rounds.

use crate::array::element::Native;
use crate::array::view::LineMut;
use crate::binary64::{ABSOLUTE, power_of_two};
use crate::exact::accumulator::Accumulator;
use crate::exact::round::{Format, Magnitude};
use crate::kernel::levels::{HIGHEST, LEVEL, any, levels, scale};

/// The largest number of additions to a prefix between two calls of [`fitted`].
pub(super) const TILE: usize = 512;
/// Binades from the first level down to the bound on all numbers.
const BELOW: i32 = 11;
/// Binades from the largest number up to the first level.
const HEADROOM: i32 = BELOW + 1;
/// Binades from the prefix up to the first level: at least two, and a margin for growth.
const ROOM: i32 = 4;

/// The first level for adding numbers up to a biased exponent to a prefix.
pub(super) fn first_level(highest: i32, prefix: f64) -> Option<i32> {
    // The exponent of a finite number; for subnormal ones, that of the smallest normal number.
    let exponent = (prefix.to_bits() >> 52) as i32 & 0x7ff;
    let first = scale(highest, HEADROOM)?.max(exponent.max(1) - 1023 + ROOM);
    (first <= HIGHEST).then_some(first)
}

/// The start values of the two levels.
#[inline(always)]
pub(super) fn biases(first: i32) -> [f64; 2] {
    levels::<2>(first, LEVEL).1
}

/// A prefix as multiples of the last bits of two levels, the second at most half the last bit of
/// the first; and whether that succeeded and the prefix is small enough.
#[inline(always)]
pub(super) fn fitted([high, low]: [f64; 2], bias: [f64; 2]) -> ([f64; 2], bool) {
    let upper = (high + bias[0]) - bias[0];
    let rest = high - upper;
    let lower = low + rest;
    let carried = (lower + bias[0]) - bias[0];
    let parts @ [sum, left] = [upper + carried, lower - carried];
    let exact = lower - low == rest && lower - rest == low && (left + bias[1]) - bias[1] == left;
    let small = [high, lower, sum].iter().all(|x| x.abs() <= bias[0] / 4.0);
    (parts, exact & small)
}

/// Splits vectors of numbers, and records whether all splits were exact.
#[derive(Clone, Copy)]
pub(super) struct Split<const W: usize> {
    bias: [f64; 2],
    escaped: [u64; W],
    remainder: [u64; W],
}

impl<const W: usize> Split<W> {
    #[inline(always)]
    pub fn new(first: i32) -> Split<W> {
        let [high, low] = biases(first);
        // Adding a number within the bound does not change the leading bits of this.
        let high = high + power_of_two(first - BELOW);
        Split { bias: [high, low], escaped: [0; W], remainder: [0; W] }
    }

    /// A vector as multiples of the first level's last bit, and the rest.
    #[inline(always)]
    pub fn split(&mut self, x: [f64; W]) -> [[f64; W]; 2] {
        let [mut high, mut low] = [[0.0; W]; 2];
        for lane in 0..W {
            let s = x[lane] + self.bias[0];
            self.escaped[lane] |= s.to_bits() ^ self.bias[0].to_bits();
            high[lane] = s - self.bias[0];
            low[lane] = x[lane] - high[lane];
            let kept = (low[lane] + self.bias[1]) - self.bias[1];
            self.remainder[lane] |= low[lane].to_bits() ^ kept.to_bits();
        }
        [high, low]
    }

    /// Whether all numbers were within the bound, and the rests multiples of the second level's
    /// last bit.
    #[inline(always)]
    pub fn is_exact(&self) -> bool {
        const LEADING: u64 = u64::MAX << (53 - BELOW);
        any(self.escaped) & LEADING == 0 && any(self.remainder) & ABSOLUTE == 0
    }
}

/// The formats that prefixes are rounded to.
pub(super) trait Prefix: Copy + Default + 'static {
    /// The type of the stored result.
    type Result: Native;
    /// The highest first level whose prefixes cannot overflow the results.
    const HIGHEST: i32;
    /// The sum of two parts, the first a multiple of the second's last bit.
    fn of_parts(high: f64, low: f64) -> Self;
    fn of_sum(sum: &Accumulator) -> Self;
    fn result(self) -> Self::Result;
    fn is_infinite(self) -> bool;
    /// A part of the results of a line, if prefixes are stored in it without conversion.
    fn as_results<'a>(_: &'a mut LineMut<'_>, _: usize, _: usize) -> Option<&'a mut [Self]> {
        None
    }
    /// Whether rounding to the result overflows.
    #[inline(always)]
    fn overflows(self) -> bool {
        false
    }
}

impl Prefix for f64 {
    type Result = f64;
    const HIGHEST: i32 = HIGHEST;
    #[inline(always)]
    fn of_parts(high: f64, low: f64) -> f64 {
        high + low
    }
    fn of_sum(sum: &Accumulator) -> f64 {
        sum.to_f64()
    }
    fn result(self) -> f64 {
        self
    }
    fn as_results<'a>(
        line: &'a mut LineMut<'_>,
        start: usize,
        count: usize,
    ) -> Option<&'a mut [f64]> {
        line.as_slice(start, count)
    }
    fn is_infinite(self) -> bool {
        f64::is_infinite(self)
    }
}

impl Prefix for f32 {
    type Result = f32;
    const HIGHEST: i32 = 127;
    #[inline(always)]
    fn of_parts(high: f64, low: f64) -> f32 {
        add_to_odd(high, low) as f32
    }
    fn of_sum(sum: &Accumulator) -> f32 {
        sum.to_f32()
    }
    fn result(self) -> f32 {
        self
    }
    fn as_results<'a>(
        line: &'a mut LineMut<'_>,
        start: usize,
        count: usize,
    ) -> Option<&'a mut [f32]> {
        line.as_slice(start, count)
    }
    fn is_infinite(self) -> bool {
        f32::is_infinite(self)
    }
}

/// A number rounded *to odd* (if inexact, to the neighbour whose last bit is 1), before it is
/// rounded to binary16: rounding it again is then the same as rounding once (Boldo and Melquiond,
/// 2008).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Half(f64);

impl Prefix for Half {
    type Result = u16;
    const HIGHEST: i32 = HIGHEST;
    #[inline(always)]
    fn of_parts(high: f64, low: f64) -> Half {
        Half(add_to_odd(high, low))
    }
    fn of_sum(sum: &Accumulator) -> Half {
        Half(round_to_odd(sum))
    }
    #[inline(always)]
    fn result(self) -> u16 {
        const BITS: u32 = 52 - 10;
        const REBIAS: u64 = (1023 - 15) << 10;
        let bits = self.0.to_bits();
        let magnitude = bits & ABSOLUTE;
        let half_up = (1 << (BITS - 1)) - 1 + (magnitude >> BITS & 1);
        let normal = ((magnitude + half_up) >> BITS).saturating_sub(REBIAS).min(INFINITY);
        // The last bit of this sum is that of subnormal binary16 numbers.
        let start = power_of_two(52 - 24);
        let subnormal = (f64::from_bits(magnitude) + start).to_bits() - start.to_bits();
        let result = if magnitude < power_of_two(-14).to_bits() { subnormal } else { normal };
        if self.0.is_nan() { 0x7e00 } else { (result | bits >> 48 & 0x8000) as u16 }
    }
    fn is_infinite(self) -> bool {
        self.0.is_infinite()
    }
    #[inline(always)]
    fn overflows(self) -> bool {
        self.0.is_finite() && u64::from(self.result()) & INFINITY == INFINITY
    }
}

const INFINITY: u64 = 0x7c00;

/// `high + low` rounded to odd, if `high` is a multiple of the last bit of `low`.
#[inline(always)]
fn add_to_odd(high: f64, low: f64) -> f64 {
    let sum = high + low;
    let error = low - (sum - high);
    let inexact = u64::from(error.to_bits() << 1 != 0);
    // The neighbour towards zero, and then the one of the two with an odd last bit.
    let beyond = (sum.to_bits() ^ error.to_bits()) >> 63 & inexact;
    f64::from_bits((sum.to_bits() - beyond) | inexact)
}

/// A sum rounded to odd; beyond the range, to the largest number.
fn round_to_odd(sum: &Accumulator) -> f64 {
    if !sum.is_finite() {
        return sum.to_f64();
    }
    let (negative, Magnitude { head, exponent, sticky }) = sum.magnitude();
    let sign = if negative { -1.0 } else { 1.0 };
    let shift = (128 - head.leading_zeros()).saturating_sub(53);
    let inexact = sticky || head & ((1u128 << shift) - 1) != 0;
    let kept = (head >> shift) as u64 | u64::from(inexact);
    let number = Magnitude { head: kept.into(), exponent: exponent + shift as i32, sticky: false };
    let near = f64::from_bits(number.round(false, Format::F64));
    // Beyond binary64 every narrower format overflows too.
    sign * near.min(f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::numbers;

    #[test]
    fn parts_that_fit_are_multiples_and_small() {
        let bias = biases(20);
        // Multiples of 2^-32 and 2^-75 are kept; a rest above half of 2^-32 is carried.
        let [one, two] = [-32, -75].map(power_of_two);
        assert_eq!(fitted([5.0 * one, 3.0 * two], bias), ([5.0 * one, 3.0 * two], true));
        assert_eq!(fitted([5.0 * one, 0.75 * one], bias), ([6.0 * one, -0.25 * one], true));
        assert_eq!(fitted([5.5 * one, two], bias), ([6.0 * one, two - 0.5 * one], true));
        assert!(!fitted([one, two / 2.0], bias).1);
        assert!(!fitted([power_of_two(19), 0.0], bias).1);
        assert!(!fitted([0.0, power_of_two(19)], bias).1);
        // The rest does not fit into the lower part, or the sum not into the upper one.
        assert!(!fitted([power_of_two(-53), 2.0], bias).1);
        assert!(!fitted([power_of_two(-34), power_of_two(-90)], bias).1);
        let most = 0.375 * power_of_two(20);
        assert!(fitted([most, 0.0], bias).1 && !fitted([most, most], bias).1);
        assert!(!fitted([2.0 * most, -most], bias).1);
        assert!(!fitted([f64::NAN, 0.0], bias).1 && !fitted([0.0, f64::INFINITY], bias).1);
    }

    #[test]
    fn numbers_are_split_or_refused() {
        let first = 20;
        let splits = |x: f64| {
            let mut split = Split::<1>::new(first);
            let [[high], [low]] = split.split([x]);
            assert!(!split.is_exact() || high + low == x && low.abs() <= power_of_two(first - 53));
            split.is_exact()
        };
        let limit = power_of_two(first - BELOW);
        let below = f64::from_bits(limit.to_bits() - 1);
        for sign in [1.0, -1.0] {
            assert!(splits(sign * power_of_two(first - 95)) && splits(sign * below / 2.0));
            assert!(!splits(sign * power_of_two(first - 96)) && !splits(sign * 2.0 * limit));
            assert!(!splits(sign * (1.0 + f64::EPSILON) * power_of_two(first - 45)));
        }
        assert!(splits(0.0) && splits(-0.0) && splits(-limit) && !splits(limit));
        assert!(!splits(f64::NAN) && !splits(f64::INFINITY) && !splits(f64::NEG_INFINITY));
        // A single number that does not fit is detected.
        let mut split = Split::<4>::new(first);
        split.split([1.0, 2.0, limit, 3.0]);
        split.split([1.0; 4]);
        assert!(!split.is_exact());
    }

    /// Numbers near the midpoints of binary32 and binary16.
    fn hard() -> Vec<f64> {
        let kept = |x: &f64, bits: u32| f64::from_bits(x.to_bits() >> bits << bits);
        let mut hard = vec![0.0, 65504.0, 65519.0, 65520.0, 65536.0, 3.4028235677973366e38];
        for x in numbers(2000, -5, 60, 3).iter().chain(&numbers(2000, -135, 40, 4)) {
            hard.extend([29, 28, 42, 41, 40].map(|bits| kept(x, bits)));
        }
        hard
    }

    #[test]
    fn sums_of_two_are_rounded_once() {
        for high in hard() {
            for low in [0.0, 1.0, -1.0, 0.5, -0.5, 0.25].map(|x| x * high * f64::EPSILON) {
                for low in [low, low + high.abs() * 1e-25, -1e-320] {
                    let sum: Accumulator = [high, low].into_iter().collect();
                    assert_eq!(f64::of_parts(high, low), sum.to_f64(), "{high:e} {low:e}");
                    assert_eq!(f32::of_parts(high, low), sum.to_f32(), "{high:e} {low:e}");
                    for half in [Half::of_parts(high, low), Half::of_sum(&sum)] {
                        let expected = sum.round(Format::F16);
                        assert_eq!(u64::from(half.result()), expected, "{high:e} {low:e}");
                        assert_eq!(half.overflows(), expected & INFINITY == INFINITY);
                    }
                }
            }
        }
    }

    #[test]
    fn infinities_and_nans_are_no_overflow() {
        for (x, bits) in [(f64::INFINITY, 0x7c00), (f64::NEG_INFINITY, 0xfc00), (f64::NAN, 0x7e00)]
        {
            assert!(Half(x).result() == bits && !Half(x).overflows());
        }
    }
}
