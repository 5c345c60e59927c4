//! The quotient of two exact sums, rounded once.

use dashu_int::UBig;
use dashu_int::ops::{BitTest, DivRem};

use super::accumulator::{Accumulator, Canonical};
use super::round::{Format, Magnitude};

/// The bits of a quotient that suffice to round it to any format.
const ENOUGH: usize = 67;

impl Accumulator {
    /// The bits of the sum divided by another sum, rounded once to `format`, half to even.
    ///
    /// Infinities, NaNs and zeros are divided as in IEEE 754.
    ///
    /// ```
    /// use mypackage::sum::{Accumulator, Format};
    ///
    /// let sum: Accumulator = [1e300, 1.0, -1e300].into_iter().collect();
    /// let divisor: Accumulator = [1.0, 2.0].into_iter().collect();
    /// assert_eq!(f64::from_bits(sum.divide(&divisor, Format::F64)), 1.0 / 3.0);
    /// ```
    pub fn divide(&self, divisor: &Accumulator, format: Format) -> u64 {
        let (left, right) = (self.canonical(), divisor.canonical());
        if !self.is_finite() || !divisor.is_finite() || right.magnitude.is_empty() {
            // At most one of the two is finite and nonzero, of which only the sign matters.
            let value = |sum: &Accumulator, canonical: &Canonical| match sum.special() {
                Some(special) => special,
                None if canonical.magnitude.is_empty() => 0.0,
                None if canonical.negative => -1.0,
                None => 1.0,
            };
            return special(value(self, &left) / value(divisor, &right), format);
        }
        let (dividend, divisor) =
            (UBig::from_le_bytes(&left.magnitude), UBig::from_le_bytes(&right.magnitude));
        let shift = (divisor.bit_len() + ENOUGH).saturating_sub(dividend.bit_len());
        let (quotient, rest) = (dividend << shift).div_rem(divisor);
        let dropped = quotient.bit_len().saturating_sub(128);
        let sticky =
            rest != UBig::ZERO || quotient.trailing_zeros().is_some_and(|zeros| zeros < dropped);
        let Ok(head) = u128::try_from(quotient >> dropped) else {
            unreachable!("128 bits were kept")
        };
        let exponent = left.exponent - right.exponent - shift as i32 + dropped as i32;
        Magnitude { head, exponent, sticky }.round(left.negative != right.negative, format)
    }
}

/// A quotient that is not finite, or 0 (without a sign here).
fn special(x: f64, format: Format) -> u64 {
    match (x.is_nan(), x.is_infinite()) {
        (true, _) => format.nan(),
        (_, true) if x < 0.0 => format.sign_bit() | format.infinity(),
        (_, true) => format.infinity(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn divide(x: &[f64], y: &[f64]) -> f64 {
        let sum = |values: &[f64]| values.iter().copied().collect::<Accumulator>();
        f64::from_bits(sum(x).divide(&sum(y), Format::F64))
    }

    #[test]
    fn special_values() {
        let inf = f64::INFINITY;
        assert_eq!(divide(&[inf], &[-2.0]), -inf);
        assert_eq!(divide(&[-5.0], &[inf]), 0.0);
        assert_eq!(divide(&[-5.0], &[]), -inf);
        assert_eq!(divide(&[5.0], &[]), inf);
        assert_eq!(divide(&[-inf], &[-5.0]), inf);
        assert_eq!(divide(&[], &[3.0]), 0.0);
        assert!(divide(&[inf], &[inf]).is_nan());
        assert!(divide(&[], &[]).is_nan());
        assert!(divide(&[1.0], &[f64::NAN]).is_nan());
    }

    #[test]
    fn sums_that_no_number_holds() {
        assert_eq!(divide(&[1e308, 1e308, 2.0], &[1e308, 1e308, 2.0]), 1.0);
        assert_eq!(divide(&[1e300, 1e-300], &[1e-300]), f64::INFINITY);
        // Just above the midpoint of 1 and the next number.
        assert_eq!(divide(&[1.0, f64::EPSILON / 2.0, 1e-300], &[1.0]), 1.0 + f64::EPSILON);
        assert_eq!(divide(&[1.0, f64::EPSILON / 2.0], &[1.0]), 1.0);
    }

    proptest! {
        #[test]
        fn quotients_of_two_numbers_are_the_processors(x: f64, y: f64) {
            let (ours, theirs) = (divide(&[x], &[y]), x / y);
            // A sum has no negative zero.
            let same = ours == theirs || ours.is_nan() && theirs.is_nan();
            prop_assert!(same || y == 0.0, "{} and {}", ours, theirs);
        }
    }
}
