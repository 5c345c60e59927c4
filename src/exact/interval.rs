//! Sums that are known up to an error bound, which suffices to round most of them.

use super::accumulator::Accumulator;
use super::round::Format;

/// A sum that lies within `error` of `total`.
///
/// Infinities, NaNs and the count are exact, and are those of `total`.
#[doc(hidden)]
#[derive(Debug, Clone, Default)]
pub struct Interval {
    pub(crate) total: Accumulator,
    error: Bound,
}

/// `units * 2^exponent`.
#[derive(Debug, Clone, Copy, Default)]
struct Bound {
    units: u64,
    exponent: i32,
}

impl Interval {
    pub(crate) fn new() -> Interval {
        Interval::default()
    }

    /// Whether the sum is exactly `total`.
    #[inline]
    pub(crate) fn is_exact(&self) -> bool {
        self.error.units == 0
    }

    /// Adds `value * 2^exponent`, known up to `errors * 2^error_exponent`.
    #[inline]
    pub(crate) fn add(&mut self, value: i128, exponent: i32, errors: u64, error_exponent: i32) {
        self.total.add_scaled(value, exponent);
        self.error.add(errors, error_exponent);
    }

    /// Adds the contents of `other`.
    pub(crate) fn merge(&mut self, other: &Interval) {
        self.total.merge(&other.total);
        self.error.add(other.error.units, other.error.exponent);
    }

    /// The sum of two.
    pub(crate) fn merged(mut one: Interval, other: Interval) -> Interval {
        one.merge(&other);
        one
    }

    /// Declares that the sum is exactly `total`, if that was proved by other means.
    pub(crate) fn set_exact(&mut self) {
        self.error = Bound::default();
    }

    /// The bits of the sum divided by `divisor`, rounded once to `format`, half to even; `None` if
    /// the interval does not decide.
    ///
    /// Rounding is monotone: if both ends of the interval round to the same number, or infinity, so
    /// does the sum. If they round to zero, the result is not decided, since the sign of a zero may
    /// differ.
    #[inline]
    pub(crate) fn round_quotient(&self, divisor: i64, format: Format) -> Option<u64> {
        if self.is_exact() || !self.total.is_finite() {
            return Some(self.total.round_quotient(divisor, format));
        }
        let end = |units: i128| {
            let mut end = self.total.clone();
            end.add_scaled(units, self.error.exponent);
            end.round_quotient(divisor, format)
        };
        let units = i128::from(self.error.units);
        let (one, other) = (end(-units), end(units));
        (one == other && one & !format.sign_bit() != 0).then_some(one)
    }
}

impl From<Accumulator> for Interval {
    fn from(total: Accumulator) -> Interval {
        Interval { total, error: Bound::default() }
    }
}

impl Bound {
    /// Adds `units * 2^exponent`, rounded up.
    #[inline]
    fn add(&mut self, units: u64, exponent: i32) {
        if exponent == self.exponent
            && let Some(sum) = self.units.checked_add(units)
        {
            self.units = sum;
        } else if units > 0 {
            self.add_slow(units, exponent);
        }
    }

    #[inline(never)]
    fn add_slow(&mut self, units: u64, exponent: i32) {
        if self.units == 0 {
            *self = Bound { units, exponent };
            return;
        }
        // The bound with the lower exponent is rounded up to the unit of the other; both to a
        // larger unit if the sum would not fit.
        let mut common = exponent.max(self.exponent);
        loop {
            let rounded = |units: u64, from: i32| match common - from {
                0 => units,
                shift => units.checked_shr(shift as u32).unwrap_or(0) + 1,
            };
            let (mine, theirs) = (rounded(self.units, self.exponent), rounded(units, exponent));
            if let Some(sum) = mine.checked_add(theirs) {
                *self = Bound { units: sum, exponent: common };
                return;
            }
            common += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An interval of `total` units of 2^-60, with an error of `errors` units.
    fn interval(total: i128, errors: u64) -> Interval {
        let mut interval = Interval::new();
        interval.add(total, -60, errors, -60);
        interval
    }

    fn round(interval: &Interval, divisor: i64) -> Option<f64> {
        interval.round_quotient(divisor, Format::F64).map(f64::from_bits)
    }

    #[test]
    fn both_ends_decide() {
        // 1 + 2^-53 is a midpoint; a unit is 2^-60.
        let one = 1i128 << 60;
        let tie = one + (1 << 7);
        // (Below 1, the spacing of numbers is half as large.)
        assert_eq!(round(&interval(one, 63), 1), Some(1.0));
        assert_eq!(round(&interval(one, 64), 1), Some(1.0));
        assert_eq!(round(&interval(one, 65), 1), None);
        assert_eq!(round(&interval(tie, 0), 1), Some(1.0));
        assert_eq!(round(&interval(tie, 1), 1), None);
        assert_eq!(round(&interval(tie + 3, 2), 1), Some(1.0 + f64::EPSILON));
        assert_eq!(round(&interval(tie + 3, 3), 1), None);
        assert_eq!(round(&interval(-tie - 3, 2), 1), Some(-1.0 - f64::EPSILON));
    }

    #[test]
    fn zeros_decide_nothing_and_infinities_do() {
        assert_eq!(round(&interval(5, 5), 1), None);
        assert_eq!(round(&interval(0, 1), 1), None);
        assert_eq!(round(&interval(0, 0), 1), Some(0.0));
        let mut large = interval(1, 1);
        large.add(1 << 100, 1000, 0, 0);
        assert_eq!(round(&large, 1), Some(f64::INFINITY));
        large.total.add_special(f64::INFINITY, 1);
        assert_eq!(round(&large, 1), Some(f64::INFINITY));
    }

    #[test]
    fn ends_are_rounded_once_to_the_results_format() {
        // Both ends are 1 + 2^-24 as binary64 numbers, which would be a tie for binary32.
        let mut sum = Interval::new();
        sum.add((1 << 80) + (1 << 56) + (1 << 20), -80, 1, -80);
        assert_eq!(
            sum.round_quotient(1, Format::F32).map(|bits| f32::from_bits(bits as u32)),
            Some(1.0 + f32::EPSILON)
        );
    }

    #[test]
    fn quotients_are_divided_before_they_are_compared() {
        let three = 3i128 << 60;
        assert_eq!(round(&interval(three, 100), 3), Some(1.0));
        assert_eq!(round(&interval(1 << 60, 2), 3), Some(1.0 / 3.0));
        assert_eq!(round(&interval(1 << 60, 1 << 8), 3), None);
    }

    /// Many additions do not inflate a bound.
    #[test]
    fn many_bounds_of_two_scales_add_up_to_little_more() {
        let mut bound = Bound::default();
        for index in 0..1000 {
            bound.add(2048, if index % 2 == 0 { -40 } else { -38 });
        }
        let sum = 500.0 * 2048.0 * (2f64.powi(-40) + 2f64.powi(-38));
        assert!(bound.units as f64 * 2f64.powi(bound.exponent) <= 1.01 * sum);
    }

    #[test]
    fn bounds_of_several_scales_add_up_to_no_less() {
        for (units, exponent) in
            [(1u64, 0), (u64::MAX, 0), (3, 70), (5, -3), (u64::MAX, 5), (1, -400)]
        {
            for (more, other) in [(1u64, 0), (u64::MAX, 0), (3, 70), (7, -1), (u64::MAX, -64)] {
                let mut bound = Bound::default();
                bound.add(units, exponent);
                bound.add(more, other);
                let value = |units: u64, exponent: i32| {
                    let mut sum = Accumulator::new();
                    sum.add_scaled(units.into(), exponent);
                    sum
                };
                let mut excess = value(bound.units, bound.exponent);
                let mut parts = value(units, exponent);
                parts.merge(&value(more, other));
                let twice = [parts.clone(), parts.clone()];
                parts.negate();
                excess.merge(&parts);
                assert!(excess.is_zero() || excess.to_f64() > 0.0);
                // And not much larger.
                assert!(
                    bound.units as f64 * 2f64.powi(bound.exponent)
                        <= 6.0 * (twice[0].to_f64() + twice[1].to_f64())
                );
            }
        }
    }
}
