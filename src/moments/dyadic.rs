//! Exact numbers `integer * 2^exponent`, and correctly rounded quotients and roots of them.
//!
//! Sums are such numbers, and so are products and differences of sums. This is the slow path, for
//! results that estimates do not decide; it takes some hundred nanoseconds.

use dashu_int::ops::{BitTest, DivRem, SquareRoot};
use dashu_int::{IBig, Sign, UBig};

use super::finish::Pair;
use crate::binary64::decompose;
use crate::exact::accumulator::Accumulator;
use crate::exact::round::{Format, Magnitude};

/// The number `integer * 2^exponent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dyadic {
    integer: IBig,
    exponent: i32,
}

/// The bits of a quotient or root that suffice to round it to any format.
const ENOUGH: usize = 67;

impl Dyadic {
    pub const ZERO: Dyadic = Dyadic { integer: IBig::ZERO, exponent: 0 };

    pub fn new(integer: IBig, exponent: i32) -> Dyadic {
        Dyadic { integer, exponent }
    }

    /// The value of a sum; `None` if that is infinite or NaN.
    pub fn of(sum: &Accumulator) -> Option<Dyadic> {
        let (negative, magnitude, exponent) = sum.to_parts()?;
        let magnitude = UBig::from_le_bytes(&magnitude);
        let sign = if negative { Sign::Negative } else { Sign::Positive };
        Some(Dyadic { integer: IBig::from_parts(sign, magnitude), exponent })
    }

    /// The value of a number; `None` if that is infinite or NaN.
    pub fn from_f64(x: f64) -> Option<Dyadic> {
        let (significand, exponent) = decompose(x);
        let integer = IBig::from(significand);
        let integer = if x < 0.0 { -integer } else { integer };
        x.is_finite().then_some(Dyadic { integer, exponent })
    }

    pub fn is_zero(&self) -> bool {
        self.integer == IBig::ZERO
    }

    pub fn is_negative(&self) -> bool {
        self.integer < IBig::ZERO
    }

    /// As a pair of numbers, to within `2^-105` of its size; infinite beyond their range.
    pub fn to_pair(&self) -> Pair {
        let nearest =
            |x: &Dyadic| f64::from_bits(x.round_quotient(&Dyadic::from(1), false, Format::F64));
        let high = nearest(self);
        let low = Dyadic::from_f64(high).map_or(0.0, |high| nearest(&self.minus(&high)));
        Pair { high, low }
    }

    /// The two integers in units of the lower exponent.
    fn aligned(&self, other: &Dyadic) -> (IBig, IBig, i32) {
        let exponent = match (self.is_zero(), other.is_zero()) {
            (true, _) => other.exponent,
            (_, true) => self.exponent,
            _ => self.exponent.min(other.exponent),
        };
        let shifted = |x: &Dyadic| {
            if x.is_zero() { IBig::ZERO } else { &x.integer << (x.exponent - exponent) as usize }
        };
        (shifted(self), shifted(other), exponent)
    }

    pub fn plus(&self, other: &Dyadic) -> Dyadic {
        let (x, y, exponent) = self.aligned(other);
        Dyadic { integer: x + y, exponent }
    }

    pub fn minus(&self, other: &Dyadic) -> Dyadic {
        let (x, y, exponent) = self.aligned(other);
        Dyadic { integer: x - y, exponent }
    }

    pub fn times(&self, other: &Dyadic) -> Dyadic {
        Dyadic { integer: &self.integer * &other.integer, exponent: self.exponent + other.exponent }
    }

    pub fn squared(&self) -> Dyadic {
        self.times(self)
    }

    /// The bits of the quotient, or with `root` of the square root of its magnitude, rounded once to
    /// `format`, half to even, with the sign of the quotient.
    ///
    /// A quotient by 0 is an infinity, or NaN if it is 0 by 0.
    pub fn round_quotient(&self, divisor: &Dyadic, root: bool, format: Format) -> u64 {
        let negative = self.is_negative() != divisor.is_negative();
        if divisor.is_zero() {
            let sign = if negative { format.sign_bit() } else { 0 };
            return if self.is_zero() { format.nan() } else { sign | format.infinity() };
        }
        self.quotient(divisor, root).round(negative, format)
    }

    /// The quotient, or the root, rounded to an integer, half to even; `None` beyond 127 bits, or by 0.
    pub fn round_to_integer(&self, divisor: &Dyadic, root: bool) -> Option<i128> {
        if divisor.is_zero() {
            return None;
        }
        let integer = i128::try_from(self.quotient(divisor, root).to_integer()?).ok()?;
        Some(if self.is_negative() != divisor.is_negative() { -integer } else { integer })
    }

    /// The magnitude of a quotient by a number that is not 0, or its root.
    fn quotient(&self, divisor: &Dyadic, root: bool) -> Magnitude {
        if self.is_zero() {
            return Magnitude { head: 0, exponent: 0, sticky: false };
        }
        let (dividend, divisor, exponent) = (
            self.integer.clone().into_parts().1,
            divisor.integer.clone().into_parts().1,
            self.exponent - divisor.exponent,
        );
        let enough = if root { 2 * ENOUGH } else { ENOUGH };
        let mut shift = (divisor.bit_len() + enough).saturating_sub(dividend.bit_len());
        if root && (exponent - shift as i32) % 2 != 0 {
            shift += 1;
        }
        let mut exponent = exponent - shift as i32;
        let (mut value, rest) = (dividend << shift).div_rem(divisor);
        let mut sticky = rest != UBig::ZERO;
        if root {
            let floor = value.sqrt();
            sticky |= &floor * &floor != value;
            (value, exponent) = (floor, exponent / 2);
        }
        let dropped = value.bit_len().saturating_sub(128);
        sticky |= value.trailing_zeros().is_some_and(|zeros| zeros < dropped);
        let Ok(head) = u128::try_from(value >> dropped) else { unreachable!("128 bits were kept") };
        Magnitude { head, exponent: exponent + dropped as i32, sticky }
    }
}

impl From<i128> for Dyadic {
    fn from(integer: i128) -> Dyadic {
        Dyadic { integer: IBig::from(integer), exponent: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(x: f64) -> Dyadic {
        Dyadic::from_f64(x).unwrap()
    }

    fn quotient(x: f64, y: f64, root: bool) -> f64 {
        f64::from_bits(number(x).round_quotient(&number(y), root, Format::F64))
    }

    #[test]
    fn divisions_by_zero() {
        assert_eq!(quotient(3.0, 0.0, false), f64::INFINITY);
        assert_eq!(quotient(-3.0, 0.0, false), f64::NEG_INFINITY);
        assert!(quotient(0.0, 0.0, true).is_nan());
        assert_eq!(quotient(0.0, -2.0, false).to_bits(), 0);
    }

    #[test]
    fn the_ends_of_the_range() {
        let tiny = number(f64::from_bits(1)).squared();
        let one = Dyadic::from(1);
        assert_eq!(tiny.round_quotient(&one, false, Format::F64), 0);
        assert_eq!(tiny.round_quotient(&one, true, Format::F64), 1);
        let huge = number(f64::MAX).squared();
        assert_eq!(huge.round_quotient(&one, false, Format::F64), f64::INFINITY.to_bits());
        assert_eq!(huge.round_quotient(&one, true, Format::F64), f64::MAX.to_bits());
        assert_eq!(huge.round_quotient(&one, true, Format::F16), Format::F16.infinity());
    }

    #[test]
    fn integers_are_half_to_even() {
        let integer = |x: f64, y: f64, root| number(x).round_to_integer(&number(y), root);
        assert_eq!(integer(5.0, 2.0, false), Some(2));
        assert_eq!(integer(7.0, -2.0, false), Some(-4));
        assert_eq!(integer(12.25, 1.0, true), Some(4));
        assert_eq!(integer(6.25, 1.0, true), Some(2));
        assert_eq!(integer(0.0, 1.0, true), Some(0));
        assert_eq!(integer(1e80, 1.0, true), None);
        assert_eq!(integer(1e300, 1.0, false), None);
        assert_eq!(integer(1.0, 0.0, false), None);
    }

    proptest! {
        #[test]
        fn as_the_processor_where_that_rounds_once(x: f64, y: f64) {
            if y != 0.0 && x != 0.0 {
                prop_assert_eq!(quotient(x, y, false), x / y);
            }
            prop_assert_eq!(quotient(x.abs(), 1.0, true), x.abs().sqrt());
        }

        #[test]
        fn sums_and_products_are_exact(x: i64, y: i64, z: i64, shift in -300..300) {
            let [x, y, z] = [x, y, z].map(|x| Dyadic::new(IBig::from(x), shift));
            // (x + y) z - x z = y z, as integers.
            let left = x.plus(&y).times(&z).minus(&x.times(&z));
            prop_assert!(left.minus(&y.times(&z)).is_zero());
            prop_assert!(x.minus(&x).is_zero() && Dyadic::ZERO.plus(&x) == x);
        }
    }
}
