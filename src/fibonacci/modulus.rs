//! Arithmetic modulo a 64-bit number.

use std::hint::select_unpredictable;

use crate::fibonacci::Word;

/// A modulus with its precomputed reciprocal.
///
/// Division by the invariant m becomes two multiplications (Möller and Granlund 2011, "Improved
/// division by invariant integers", algorithm 4). Unlike Montgomery's form this serves odd and even
/// moduli alike, and residues need no conversion.
///
/// ```
/// use mypackage::fibonacci::modulus::Modulus;
///
/// let m = Modulus::new(1_000_000_007);
/// assert_eq!(m.pow(m.reduce(2), 100), 976_371_285);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Modulus {
    value: u64,
    /// Leading zeros of `value`.
    shift: u32,
    /// `value << shift`: the algorithm wants the top bit set.
    divisor: u64,
    /// floor((2^128 - 1) / divisor) - 2^64.
    reciprocal: u64,
}

impl Modulus {
    /// Prepares a modulus.
    ///
    /// ```
    /// use mypackage::fibonacci::modulus::Modulus;
    ///
    /// assert_eq!(Modulus::new(10).reduce(123), 3);
    /// ```
    ///
    /// # Panics
    /// If `value` is 0.
    #[inline]
    pub fn new(value: u64) -> Self {
        let shift = value.leading_zeros();
        let divisor = value << shift;
        let reciprocal = (u128::MAX / u128::from(divisor)) as u64;
        Modulus { value, shift, divisor, reciprocal }
    }

    /// The modulus.
    ///
    /// ```
    /// assert_eq!(mypackage::fibonacci::modulus::Modulus::new(10).value(), 10);
    /// ```
    #[inline(always)]
    pub fn value(&self) -> u64 {
        self.value
    }

    /// `high * 2^64 + low` modulo the divisor, for `high < divisor`.
    #[inline(always)]
    fn remainder(&self, high: u64, low: u64) -> u64 {
        let quotient = u128::from(self.reciprocal) * u128::from(high)
            + ((u128::from(high) << 64) | u128::from(low));
        let trial = ((quotient >> 64) as u64).wrapping_add(1);
        let rest = low.wrapping_sub(trial.wrapping_mul(self.divisor));
        let high_by_one = rest > quotient as u64;
        let rest = select_unpredictable(high_by_one, rest.wrapping_add(self.divisor), rest);
        if rest >= self.divisor { rest - self.divisor } else { rest }
    }

    /// x mod m, for any x.
    ///
    /// ```
    /// # use mypackage::fibonacci::modulus::Modulus;
    /// assert_eq!(Modulus::new(1000).reduce(u64::MAX), 615);
    /// ```
    #[inline(always)]
    pub fn reduce(&self, x: u64) -> u64 {
        let x = u128::from(x) << self.shift;
        self.remainder((x >> 64) as u64, x as u64) >> self.shift
    }

    /// a + b mod m, for residues.
    ///
    /// ```
    /// # use mypackage::fibonacci::modulus::Modulus;
    /// assert_eq!(Modulus::new(u64::MAX).add(u64::MAX - 1, 3), 2);
    /// ```
    #[inline(always)]
    pub fn add(&self, a: u64, b: u64) -> u64 {
        let gap = self.value - b;
        select_unpredictable(a >= gap, a.wrapping_sub(gap), a.wrapping_add(b))
    }

    /// a - b mod m, for residues.
    ///
    /// ```
    /// # use mypackage::fibonacci::modulus::Modulus;
    /// assert_eq!(Modulus::new(10).sub(3, 7), 6);
    /// ```
    #[inline(always)]
    pub fn sub(&self, a: u64, b: u64) -> u64 {
        let difference = a.wrapping_sub(b);
        select_unpredictable(a >= b, difference, difference.wrapping_add(self.value))
    }

    /// -a mod m, for a residue.
    ///
    /// ```
    /// # use mypackage::fibonacci::modulus::Modulus;
    /// assert_eq!([0, 3].map(|a| Modulus::new(10).negate(a)), [0, 7]);
    /// ```
    #[inline(always)]
    pub fn negate(&self, a: u64) -> u64 {
        if a == 0 { 0 } else { self.value - a }
    }

    /// a * b mod m, for residues.
    ///
    /// ```
    /// # use mypackage::fibonacci::modulus::Modulus;
    /// assert_eq!(Modulus::new(u64::MAX).mul(u64::MAX - 1, u64::MAX - 1), 1);
    /// ```
    #[inline(always)]
    pub fn mul(&self, a: u64, b: u64) -> u64 {
        let product = u128::from(a) * u128::from(b << self.shift);
        self.remainder((product >> 64) as u64, product as u64) >> self.shift
    }

    /// a * b + c * d mod m, for residues: one reduction for two products.
    ///
    /// ```
    /// # use mypackage::fibonacci::modulus::Modulus;
    /// assert_eq!(Modulus::new(10).mul_add(3, 4, 5, 7), 7);
    /// ```
    #[inline(always)]
    pub fn mul_add(&self, a: u64, b: u64, c: u64, d: u64) -> u64 {
        self.mul_add_scaled(a, self.scale(b), c, self.scale(d))
    }

    /// A residue prepared for [`mul_add_scaled`](Self::mul_add_scaled).
    ///
    /// ```
    /// # use mypackage::fibonacci::modulus::Modulus;
    /// let m = Modulus::new(10);
    /// assert_eq!(m.unscale(m.scale(7)), 7);
    /// ```
    #[inline(always)]
    pub fn scale(&self, a: u64) -> u64 {
        a << self.shift
    }

    /// The residue that [`scale`](Self::scale) prepared.
    ///
    /// ```
    /// # use mypackage::fibonacci::modulus::Modulus;
    /// let m = Modulus::new(1 << 63);
    /// assert_eq!((m.scale(5), m.unscale(5)), (5, 5)); // the top bit is set already
    /// ```
    #[inline(always)]
    pub fn unscale(&self, a: u64) -> u64 {
        a >> self.shift
    }

    /// a * b + c * d mod m, where b and d are scaled residues.
    ///
    /// ```
    /// # use mypackage::fibonacci::modulus::Modulus;
    /// let m = Modulus::new(10);
    /// assert_eq!(m.mul_add_scaled(3, m.scale(4), 5, m.scale(7)), m.mul_add(3, 4, 5, 7));
    /// ```
    #[inline(always)]
    pub fn mul_add_scaled(&self, a: u64, b: u64, c: u64, d: u64) -> u64 {
        let left = u128::from(a) * u128::from(b);
        let right = u128::from(c) * u128::from(d);
        let (low, carry) = (left as u64).overflowing_add(right as u64);
        // Each high word is below the modulus, so their sum with the carry is below twice the
        // divisor.
        let (left, right) = ((left >> 64) as u64, (right >> 64) as u64 + u64::from(carry));
        let gap = self.divisor - right;
        let high =
            select_unpredictable(left >= gap, left.wrapping_sub(gap), left.wrapping_add(right));
        self.remainder(high, low) >> self.shift
    }

    /// base^exponent mod m, for a residue.
    ///
    /// ```
    /// # use mypackage::fibonacci::modulus::Modulus;
    /// assert_eq!(Modulus::new(1000).pow(7, 100), 1);
    /// assert_eq!(Modulus::new(1).pow(0, 0), 0);
    /// ```
    pub fn pow(&self, mut base: u64, mut exponent: u64) -> u64 {
        let mut power = self.reduce(1);
        while exponent > 0 {
            if exponent & 1 == 1 {
                power = self.mul(power, base);
            }
            base = self.mul(base, base);
            exponent >>= 1;
        }
        power
    }

    /// The inverse of a residue, if it has one.
    ///
    /// ```
    /// # use mypackage::fibonacci::modulus::Modulus;
    /// let m = Modulus::new(10);
    /// assert_eq!((m.inverse(3), m.inverse(4)), (Some(7), None));
    /// ```
    pub fn inverse(&self, a: u64) -> Option<u64> {
        let (mut r0, mut r1) = (i128::from(self.value), i128::from(a));
        let (mut t0, mut t1) = (0i128, 1i128);
        while r1 != 0 {
            let quotient = r0 / r1;
            (r0, r1) = (r1, r0 - quotient * r1);
            (t0, t1) = (t1, t0 - quotient * t1);
        }
        (r0 == 1).then(|| t0.rem_euclid(i128::from(self.value)) as u64)
    }
}

/// The word that Python's `%` gives for a residue modulo |m|.
#[inline(always)]
pub(super) fn signed<M: Word>(residue: u64, m: M) -> M {
    M::from_bits(if m.is_negative() && residue != 0 {
        residue.wrapping_add(m.bits())
    } else {
        residue
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_u128(m in 1u64.., a: u64, b: u64, c: u64, d: u64, narrow in 0u32..64) {
            let m = (m >> narrow).max(1);
            let modulus = Modulus::new(m);
            prop_assert_eq!(modulus.reduce(a), a % m);
            let [a, b, c, d] = [a, b, c, d].map(|x| x % m);
            let exact = |x: u128| (x % u128::from(m)) as u64;
            let [wide_a, wide_b, wide_c, wide_d] = [a, b, c, d].map(u128::from);
            prop_assert_eq!(modulus.add(a, b), exact(wide_a + wide_b));
            prop_assert_eq!(modulus.sub(a, b), exact(wide_a + u128::from(m) - wide_b));
            prop_assert_eq!(modulus.mul(a, b), exact(wide_a * wide_b));
            let left = wide_a * wide_b % u128::from(m);
            prop_assert_eq!(modulus.mul_add(a, b, c, d), exact(left + wide_c * wide_d % u128::from(m)));
            prop_assert_eq!(modulus.add(a, modulus.negate(a)), 0);
            if let Some(inverse) = modulus.inverse(a) {
                prop_assert_eq!(modulus.mul(a, inverse), 1 % m);
            }
        }
    }

    #[test]
    fn the_largest_residues_do_not_overflow() {
        for m in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) + 1, 3, 2, 1] {
            let modulus = Modulus::new(m);
            let r = m - 1;
            let square = (u128::from(r) * u128::from(r) % u128::from(m)) as u64;
            assert_eq!(modulus.mul(r, r), square);
            assert_eq!(modulus.mul_add(r, r, r, r), modulus.add(square, square));
        }
    }
}
