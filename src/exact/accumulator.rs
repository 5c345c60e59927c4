//! The exact sum as a value: add, subtract, merge, compare, round once.

use std::borrow::Borrow;

use super::round::{Format, Magnitude};
use super::small_superaccumulator::Digits;
use crate::binary64::{ABSOLUTE, decompose, is_finite, power_of_two};
use crate::error::{Error, Result};

/// The exact sum of any number of finite, infinite and NaN values.
///
/// The finite part is a 128-bit fixed-point window, which is all that ordinary data needs, and a
/// superaccumulator (Neal 2015) that is allocated when the window does not suffice. Infinities and
/// NaNs are counted, so that subtraction exactly undoes addition.
///
/// # Examples
/// ```
/// use mypackage::sum::Accumulator;
///
/// let mut total = Accumulator::new();
/// for x in [1e308, 1e308, -1e308, 2f64.powi(-1074)] {
///     total.add_f64(x);
/// }
/// assert_eq!(total.to_f64(), 1e308);
/// total.subtract_f64(1e308);
/// assert_eq!(total.to_f64(), 2f64.powi(-1074));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Accumulator {
    /// The finite part is `window * 2^exponent`, plus `digits` where they exist.
    window: i128,
    exponent: i32,
    digits: Option<Box<Digits>>,
    nans: i64,
    positive_infinities: i64,
    negative_infinities: i64,
    count: i64,
}

impl Accumulator {
    /// The lowest bit of a binary64 product.
    pub(super) const LOWEST_EXPONENT: i32 = -2148;
    /// Every sum is smaller than two to this, since a sum of 2^62 products is.
    pub(super) const HIGHEST_EXPONENT: i32 = 2112;
    /// No counter of a merged or decoded sum is larger, so that adding numbers one by one cannot
    /// overflow it.
    pub(super) const MOST: i64 = 1 << 62;

    /// An empty sum.
    ///
    /// ```
    /// let total = mypackage::sum::Accumulator::new();
    /// assert_eq!((total.to_f64(), total.count()), (0.0, 0));
    /// ```
    pub fn new() -> Accumulator {
        Accumulator::default()
    }

    /// Adds one number, and one to the count.
    ///
    /// ```
    /// let mut total = mypackage::sum::Accumulator::new();
    /// total.add_f64(0.5);
    /// assert_eq!((total.to_f64(), total.count()), (0.5, 1));
    /// ```
    #[inline]
    pub fn add_f64(&mut self, x: f64) {
        self.count += 1;
        self.add_signed(x, false);
    }

    /// Subtracts one number, and one from the count.
    ///
    /// ```
    /// let mut total: mypackage::sum::Accumulator = [1.0, f64::INFINITY].into_iter().collect();
    /// total.subtract_f64(f64::INFINITY);
    /// assert_eq!((total.to_f64(), total.count()), (1.0, 1));
    /// ```
    #[inline]
    pub fn subtract_f64(&mut self, x: f64) {
        self.count -= 1;
        self.add_signed(x, true);
    }

    /// Adds one number, without counting it.
    #[inline]
    pub(crate) fn add_uncounted(&mut self, x: f64) {
        self.add_signed(x, false);
    }

    #[inline]
    fn add_signed(&mut self, x: f64, subtract: bool) {
        // By the bits, since a comparison would depend on the floating-point environment.
        if is_finite(x) {
            let (m, e) = decompose(x);
            let m = i128::from(m);
            self.add_scaled(if x.is_sign_negative() != subtract { -m } else { m }, e);
        } else {
            self.add_special(x, if subtract { -1 } else { 1 });
        }
    }

    /// Adds an infinity or a NaN `times` times, without counting it.
    pub(crate) fn add_special(&mut self, x: f64, times: i64) {
        if x.to_bits() & ABSOLUTE > f64::INFINITY.to_bits() {
            self.nans += times;
        } else if x.is_sign_positive() {
            self.positive_infinities += times;
        } else {
            self.negative_infinities += times;
        }
    }

    /// Adds the exact product of two numbers, and one to the count.
    ///
    /// # Examples
    /// ```
    /// let mut total = mypackage::sum::Accumulator::new();
    /// total.add_product(1e200, 1e200);
    /// total.add_product(-1e200, 1e200);
    /// total.add_product(0.1, 10.0);
    /// assert_eq!(total.to_f64(), 1.0);
    /// ```
    #[inline]
    pub fn add_product(&mut self, x: f64, y: f64) {
        self.count += 1;
        // (Compilers turn a test of the bits for 0 into a floating-point comparison, which depends
        // on the environment.)
        let is_zero = |x: f64| std::hint::black_box(x.to_bits() & ABSOLUTE) == 0;
        if is_finite(x) && is_finite(y) {
            let ((mx, ex), (my, ey)) = (decompose(x), decompose(y));
            let m = (u128::from(mx) * u128::from(my)) as i128;
            self.add_scaled(
                if x.is_sign_negative() != y.is_sign_negative() { -m } else { m },
                ex + ey,
            );
        } else if is_zero(x) || is_zero(y) {
            // 0 * inf is invalid, as inf - inf is.
            self.positive_infinities += 1;
            self.negative_infinities += 1;
        } else {
            // A NaN, or an infinity with the sign of the product.
            let is_nan = |x: f64| x.to_bits() & ABSOLUTE > f64::INFINITY.to_bits();
            let special = if is_nan(x) || is_nan(y) {
                f64::NAN
            } else {
                f64::INFINITY.copysign(if x.is_sign_negative() != y.is_sign_negative() {
                    -1.0
                } else {
                    1.0
                })
            };
            self.add_special(special, 1);
        }
    }

    /// Adds `value * 2^exponent` to the finite part, without counting it.
    ///
    /// ```
    /// let mut total = mypackage::sum::Accumulator::new();
    /// total.add_scaled(3, -1);
    /// assert_eq!((total.to_f64(), total.count()), (1.5, 0));
    /// ```
    ///
    /// # Panics
    /// If the number has bits below 2^-2148 or reaches 2^2111 (no sum of products does).
    #[inline]
    pub fn add_scaled(&mut self, value: i128, exponent: i32) {
        if exponent == self.exponent
            && let Some(sum) = self.window.checked_add(value)
        {
            self.window = sum;
            return;
        }
        self.add_scaled_slow(value, exponent);
    }

    #[inline(never)]
    fn add_scaled_slow(&mut self, value: i128, exponent: i32) {
        if value == 0 {
            return;
        }
        if self.window != 0 {
            let lowest = exponent.min(self.exponent);
            if let (Some(mine), Some(theirs)) = (
                shift_left(self.window, self.exponent - lowest),
                shift_left(value, exponent - lowest),
            ) && let Some(sum) = mine.checked_add(theirs)
            {
                self.window = sum;
                self.exponent = lowest;
                return;
            }
            self.spill();
        }
        self.window = value;
        self.exponent = exponent;
    }

    /// Its memory in bytes.
    pub(super) fn memory(&self) -> usize {
        size_of::<Accumulator>() + self.digits.as_deref().map_or(0, size_of_val)
    }

    /// Moves the window into the superaccumulator.
    fn spill(&mut self) {
        let (window, exponent) = (std::mem::take(&mut self.window), self.exponent);
        self.digits.get_or_insert_with(Digits::new).add(
            window < 0,
            window.unsigned_abs(),
            exponent,
        );
    }

    /// The finite part as one superaccumulator.
    fn in_digits(&self, digits: &Digits) -> Digits {
        let mut all = digits.clone();
        all.add(self.window < 0, self.window.unsigned_abs(), self.exponent);
        all
    }

    /// Adds the numbers one by one to the superaccumulator; for widely differing magnitudes.
    pub(crate) fn add_each(&mut self, values: impl Iterator<Item = f64>) {
        let mut digits = self.digits.take().unwrap_or_else(Digits::new);
        for x in values {
            if is_finite(x) {
                digits.add_f64(x);
            } else {
                self.add_special(x, 1);
            }
        }
        self.digits = Some(digits);
    }

    /// Adds the contents of `other`.
    ///
    /// # Examples
    /// ```
    /// use mypackage::sum::Accumulator;
    ///
    /// let mut left: Accumulator = [1.0, 1e100].into_iter().collect();
    /// let right: Accumulator = [-1e100, 2.0].into_iter().collect();
    /// left.merge(&right);
    /// assert_eq!((left.to_f64(), left.count()), (3.0, 4));
    /// ```
    ///
    /// # Panics
    /// Where [`Accumulator::try_merge`] fails.
    pub fn merge(&mut self, other: &Accumulator) {
        if let Err(error) = self.try_merge(other) {
            panic!("{error}");
        }
    }

    /// As [`Accumulator::merge`], but a result that cannot be represented is an error, and then
    /// nothing is changed.
    ///
    /// ```
    /// use mypackage::sum::Accumulator;
    ///
    /// let mut total: Accumulator = [0.5].into_iter().collect();
    /// let doubled = (0..100).take_while(|_| total.try_merge(&total.clone()).is_ok()).count();
    /// assert_eq!((doubled, total.count(), total.mean()), (62, 1 << 62, 0.5));
    /// ```
    ///
    /// # Errors
    /// [`Error::Overflow`] if the result would count more than 2^62 numbers, NaNs or infinities, or
    /// its magnitude reach 2^2112.
    pub fn try_merge(&mut self, other: &Accumulator) -> Result<()> {
        let counters = merged_counters([&*self, other].into_iter())?;
        self.merge_finite(other);
        self.set_counters(counters);
        Ok(())
    }

    /// Adds the finite part of `other`, if the caller knows that the result can be represented.
    fn merge_finite(&mut self, other: &Accumulator) {
        self.add_scaled(other.window, other.exponent);
        if let Some(theirs) = &other.digits {
            match &mut self.digits {
                Some(mine) => mine.merge(theirs),
                None => self.digits = Some(theirs.clone()),
            }
        }
    }

    /// As [`Accumulator::merge`], where [`merged_counters`] has found no error.
    pub(super) fn merge_checked(&mut self, other: &Accumulator) {
        self.merge_finite(other);
        let (mine, theirs) = (self.counters(), other.counters());
        self.set_counters(std::array::from_fn(|index| mine[index] + theirs[index]));
    }

    /// The exponent of a power of two that bounds the finite part's magnitude, closely.
    fn height(&self) -> i32 {
        let window = (i128::BITS - self.window.unsigned_abs().leading_zeros()) as i32;
        let window = if self.window == 0 { i32::MIN / 2 } else { window + self.exponent };
        self.digits.as_ref().map_or(window, |digits| digits.height().max(window) + 1)
    }

    /// Negates the sum, and the counts: `a.merge(-b)` subtracts `b` from `a`.
    ///
    /// ```
    /// use mypackage::sum::Accumulator;
    ///
    /// let mut total: Accumulator = [1.0, 2.0].into_iter().collect();
    /// let mut taken: Accumulator = [2.0].into_iter().collect();
    /// taken.negate();
    /// total.merge(&taken);
    /// assert_eq!((total.to_f64(), total.count()), (1.0, 1));
    /// ```
    pub fn negate(&mut self) {
        if self.window == i128::MIN {
            self.spill();
        }
        self.window = -self.window;
        if let Some(digits) = &mut self.digits {
            digits.negate();
        }
        for counter in [
            &mut self.nans,
            &mut self.positive_infinities,
            &mut self.negative_infinities,
            &mut self.count,
        ] {
            *counter = -*counter;
        }
    }

    /// The number of numbers added minus those subtracted.
    ///
    /// ```
    /// let total: mypackage::sum::Accumulator = [1.0, f64::NAN].into_iter().collect();
    /// assert_eq!(total.count(), 2);
    /// ```
    #[inline]
    pub fn count(&self) -> i64 {
        self.count
    }

    /// Adds zeros, which changes only the count.
    #[inline]
    pub(crate) fn add_zeros(&mut self, count: i64) {
        self.count += count;
    }

    /// NaN or an infinity if the sum is one, `None` if it is finite.
    pub(crate) fn special(&self) -> Option<f64> {
        match (self.nans, self.positive_infinities, self.negative_infinities) {
            (0, 0, 0) => None,
            (0, _, 0) => Some(f64::INFINITY),
            (0, 0, _) => Some(f64::NEG_INFINITY),
            _ => Some(f64::NAN),
        }
    }

    /// Whether there is an infinity of that sign.
    pub(crate) fn has_infinity(&self, negative: bool) -> bool {
        (if negative { self.negative_infinities } else { self.positive_infinities }) != 0
    }

    /// Whether infinities of both signs met and no NaN did: the operation was invalid.
    ///
    /// ```
    /// use mypackage::sum::Accumulator;
    ///
    /// let infinities = [f64::INFINITY, f64::NEG_INFINITY];
    /// assert!(infinities.into_iter().collect::<Accumulator>().is_invalid());
    /// assert!(![f64::NAN].into_iter().collect::<Accumulator>().is_invalid());
    /// ```
    pub fn is_invalid(&self) -> bool {
        self.nans == 0 && self.positive_infinities != 0 && self.negative_infinities != 0
    }

    /// Whether the sum is finite (its rounded value may still overflow).
    ///
    /// ```
    /// let total: mypackage::sum::Accumulator = [f64::MAX, f64::MAX].into_iter().collect();
    /// assert!(total.is_finite() && total.to_f64() == f64::INFINITY);
    /// ```
    pub fn is_finite(&self) -> bool {
        self.special().is_none()
    }

    /// Whether the sum is exactly zero.
    ///
    /// ```
    /// let total: mypackage::sum::Accumulator = [1e300, 1.0, -1e300].into_iter().collect();
    /// assert!(!total.is_zero() && mypackage::sum::Accumulator::new().is_zero());
    /// ```
    pub fn is_zero(&self) -> bool {
        self.is_finite()
            && match &self.digits {
                None => self.window == 0,
                Some(_) => self.canonical().magnitude.is_empty(),
            }
    }

    /// Sign and magnitude of the finite part.
    pub(crate) fn magnitude(&self) -> (bool, Magnitude) {
        match &self.digits {
            None => (
                self.window < 0,
                Magnitude {
                    head: self.window.unsigned_abs(),
                    exponent: self.exponent,
                    sticky: false,
                },
            ),
            Some(digits) => self.in_digits(digits).magnitude(),
        }
    }

    /// The bits of the sum divided by `divisor`, rounded once to `format`, half to even.
    ///
    /// `divisor` may be negative; NaN if it is 0.
    ///
    /// ```
    /// use mypackage::sum::{Accumulator, Format};
    ///
    /// let total: Accumulator = [1e308, 1e308].into_iter().collect();
    /// assert_eq!(f64::from_bits(total.round_quotient(-4, Format::F64)), -5e307);
    /// assert_eq!(total.round_quotient(1, Format::F16), Format::F16.infinity());
    /// ```
    #[inline]
    pub fn round_quotient(&self, divisor: i64, format: Format) -> u64 {
        if divisor == 1
            && format == Format::F64
            && self.digits.is_none()
            && (-960..=890).contains(&self.exponent)
            && self.special().is_none()
        {
            // Only the conversion rounds; the scaling is exact this far from overflow and
            // underflow.
            return (self.window as f64 * power_of_two(self.exponent)).to_bits();
        }
        self.round_slow(divisor, format)
    }

    fn round_slow(&self, divisor: i64, format: Format) -> u64 {
        match self.special() {
            _ if divisor == 0 => format.nan(),
            Some(special) if special.is_nan() => format.nan(),
            Some(special) if (special < 0.0) != (divisor < 0) => {
                format.sign_bit() | format.infinity()
            }
            Some(_) => format.infinity(),
            None => {
                let (negative, magnitude) = self.magnitude();
                magnitude.divide(divisor.unsigned_abs()).round(negative != (divisor < 0), format)
            }
        }
    }

    /// The bits of the sum rounded once to `format`, half to even.
    pub(crate) fn round(&self, format: Format) -> u64 {
        self.round_quotient(1, format)
    }

    /// The sum, rounded once to binary64, half to even. An empty sum is 0.0.
    ///
    /// ```
    /// let total: mypackage::sum::Accumulator = [0.1; 10].into_iter().collect();
    /// assert_eq!(total.to_f64(), 1.0);
    /// ```
    pub fn to_f64(&self) -> f64 {
        f64::from_bits(self.round(Format::F64))
    }

    /// The sum, rounded once to binary32 (never by way of binary64).
    ///
    /// ```
    /// let total: mypackage::sum::Accumulator = [1.0, 2f64.powi(-24), 2f64.powi(-80)].into_iter().collect();
    /// assert_eq!(total.to_f32(), 1.0 + f32::EPSILON);
    /// assert_eq!(total.to_f64() as f32, 1.0); // rounded twice
    /// ```
    pub fn to_f32(&self) -> f32 {
        f32::from_bits(self.round(Format::F32) as u32)
    }

    /// The sum rounded to binary64, and the rounding error, if both are representable finite
    /// numbers.
    pub(crate) fn to_pair(&self) -> Option<[f64; 2]> {
        if self.digits.is_none()
            && (-960..=890).contains(&self.exponent)
            && self.special().is_none()
            && self.window.unsigned_abs() < 1 << 126
        {
            let high = self.window as f64;
            let rest = self.window - high as i128;
            let low = rest as f64;
            let unit = power_of_two(self.exponent);
            // The scaling is exact this far from overflow and underflow.
            return (low as i128 == rest).then_some([high * unit, low * unit]);
        }
        let high = self.to_f64();
        if !high.is_finite() {
            return None;
        }
        let mut rest = self.clone();
        rest.add_uncounted(-high);
        let low = rest.to_f64();
        rest.add_uncounted(-low);
        rest.is_zero().then_some([high, low])
    }

    /// The exact mean, rounded once to binary64; NaN if the count is 0.
    ///
    /// ```
    /// let total: mypackage::sum::Accumulator = [f64::MAX, f64::MAX].into_iter().collect();
    /// assert_eq!(total.mean(), f64::MAX);
    /// ```
    pub fn mean(&self) -> f64 {
        f64::from_bits(self.round_quotient(self.count, Format::F64))
    }

    /// The sum divided by `divisor`, rounded once to an integer, half to even; `None` if it is not
    /// finite, beyond 127 bits, or the divisor 0.
    ///
    /// ```
    /// let total: mypackage::sum::Accumulator = [1e18, 0.5].into_iter().collect();
    /// assert_eq!(total.to_integer(1), Some(1_000_000_000_000_000_000));
    /// assert_eq!(total.to_integer(-4), Some(-250_000_000_000_000_000));
    /// ```
    pub fn to_integer(&self, divisor: i64) -> Option<i128> {
        if !self.is_finite() || divisor == 0 {
            return None;
        }
        let (negative, magnitude) = self.magnitude();
        let integer =
            i128::try_from(magnitude.divide(divisor.unsigned_abs()).to_integer()?).ok()?;
        Some(if negative != (divisor < 0) { -integer } else { integer })
    }

    /// The finite part in canonical form.
    pub(super) fn canonical(&self) -> Canonical {
        let (negative, mut bytes, mut exponent) = match &self.digits {
            None => {
                (self.window < 0, self.window.unsigned_abs().to_le_bytes().to_vec(), self.exponent)
            }
            Some(digits) => self.in_digits(digits).into_bytes(),
        };
        bytes.truncate(bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1));
        let Some(first) = bytes.iter().position(|&byte| byte != 0) else {
            return Canonical { negative: false, magnitude: Vec::new(), exponent: 0 };
        };
        bytes.drain(..first);
        exponent += 8 * first as i32;
        let shift = bytes[0].trailing_zeros();
        if shift > 0 {
            exponent += shift as i32;
            for index in 0..bytes.len() {
                let above = bytes.get(index + 1).copied().unwrap_or(0);
                bytes[index] = ((u16::from(above) << 8 | u16::from(bytes[index])) >> shift) as u8;
            }
            if bytes.last() == Some(&0) {
                bytes.pop();
            }
        }
        Canonical { negative, magnitude: bytes, exponent }
    }

    /// The inverse of [`Accumulator::canonical`].
    pub(super) fn from_canonical(value: &Canonical) -> Accumulator {
        let mut result = Accumulator::new();
        for (index, chunk) in value.magnitude.chunks(8).enumerate() {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let word = i128::from(u64::from_le_bytes(word));
            result.add_scaled(
                if value.negative { -word } else { word },
                value.exponent + 64 * index as i32,
            );
        }
        result
    }

    /// The counts of NaNs, +infinities, -infinities and all numbers.
    pub(super) fn counters(&self) -> [i64; 4] {
        [self.nans, self.positive_infinities, self.negative_infinities, self.count]
    }

    pub(super) fn set_counters(&mut self, counters: [i64; 4]) {
        [self.nans, self.positive_infinities, self.negative_infinities, self.count] = counters;
    }

    /// The exact finite value as sign, magnitude bytes (lowest first) and binary exponent;
    /// `None` if the sum is an infinity or NaN.
    ///
    /// ```
    /// let total: mypackage::sum::Accumulator = [0.5, 0.25].into_iter().collect();
    /// assert_eq!(total.to_parts(), Some((false, vec![3], -2)));
    /// ```
    pub fn to_parts(&self) -> Option<(bool, Vec<u8>, i32)> {
        self.is_finite().then(|| {
            let Canonical { negative, magnitude, exponent } = self.canonical();
            (negative, magnitude, exponent)
        })
    }
}

/// The counters that these sums have together, if they and the total can be represented. (Checked
/// before anything is changed.)
pub(super) fn merged_counters<S>(sums: S) -> Result<[i64; 4]>
where
    S: Iterator<Item: Borrow<Accumulator>> + Clone,
{
    let mut counters = [0; 4];
    let (mut highest, mut doublings) = (i32::MIN / 2, 0);
    for (index, sum) in sums.clone().enumerate() {
        for (all, one) in counters.iter_mut().zip(sum.borrow().counters()) {
            *all += i128::from(one);
        }
        highest = highest.max(sum.borrow().height());
        doublings = (usize::BITS - index.leading_zeros()) as i32;
    }
    for counter in counters {
        check_counter(counter)?;
    }
    if highest + doublings > Accumulator::HIGHEST_EXPONENT {
        // The bound does not decide; the sum itself does, which the digits can hold.
        let mut all = Accumulator::new();
        sums.for_each(|sum| all.merge_finite(sum.borrow()));
        if all.canonical().top() > Accumulator::HIGHEST_EXPONENT {
            return Err(Error::Overflow(
                "the exact sum would reach 2^2112; no sum of 2^62 products does".into(),
            ));
        }
    }
    Ok(counters.map(|counter| counter as i64))
}

/// Refuses counts that would overflow a counter.
pub(super) fn check_counter(counter: i128) -> Result<()> {
    let most = i128::from(Accumulator::MOST);
    if (-most..=most).contains(&counter) {
        return Ok(());
    }
    Err(Error::Overflow(format!(
        "the exact sum would count {counter} numbers, more than the 2^62 that it can"
    )))
}

/// `value << shift` if no bit is lost.
#[inline]
fn shift_left(value: i128, shift: i32) -> Option<i128> {
    if shift == 0 {
        return Some(value);
    }
    (shift < 127 && (value << shift) >> shift == value).then(|| value << shift)
}

/// `±magnitude * 2^exponent` with an odd magnitude without leading zero bytes; 0 is all zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Canonical {
    pub negative: bool,
    pub magnitude: Vec<u8>,
    pub exponent: i32,
}

impl Canonical {
    /// The magnitude is below two to this, but at least half of it; 0 if it is 0.
    pub fn top(&self) -> i32 {
        self.magnitude.last().map_or(0, |&last| {
            self.exponent + 8 * self.magnitude.len() as i32 - last.leading_zeros() as i32
        })
    }
}

/// Equality of the exact values and of all counts, whatever the representation.
impl PartialEq for Accumulator {
    fn eq(&self, other: &Accumulator) -> bool {
        self.counters() == other.counters() && self.canonical() == other.canonical()
    }
}

impl Eq for Accumulator {}

impl Extend<f64> for Accumulator {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, values: I) {
        values.into_iter().for_each(|x| self.add_f64(x));
    }
}

impl FromIterator<f64> for Accumulator {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Accumulator {
        let mut result = Accumulator::new();
        result.extend(values);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::array::Cells;
    use proptest::prelude::*;

    fn sum_of(values: &[f64]) -> Accumulator {
        values.iter().copied().collect()
    }

    /// Doubles until that fails, and returns how often it succeeded.
    fn doublings(total: &mut Accumulator) -> usize {
        (0..5000).take_while(|_| total.try_merge(&total.clone()).is_ok()).count()
    }

    #[test]
    fn counters_are_errors_where_they_would_wrap() {
        for values in [&[2.0][..], &[f64::NAN], &[f64::INFINITY, 1.0], &[1e300, 1e-300]] {
            let mut total = sum_of(values);
            let expected = 62 - values.len().ilog2() as usize;
            assert_eq!(doublings(&mut total), expected, "{values:?}");
            assert_eq!(total.count(), 1 << 62);
            assert_eq!(total.to_f32().is_nan(), values[0].is_nan());
            let before = total.clone();
            let error = total.try_merge(&total.clone()).unwrap_err();
            assert!(matches!(&error, Error::Overflow(text) if text.contains("2^62")), "{error}");
            assert_eq!(total, before);
            let read = Accumulator::from_bytes(&total.to_bytes());
            assert_eq!(read, Ok(total));
        }
    }

    #[test]
    fn sums_are_errors_where_they_would_wrap() {
        for sign in [1.0, -1.0] {
            for values in [&[1e308][..], &[1e308, 1e-300], &[f64::MAX, 2f64.powi(-1074), 1.0]] {
                let mut total = sum_of(values);
                // The count stays 0, whatever is merged.
                total.add_zeros(-total.count());
                if sign < 0.0 {
                    total.negate();
                }
                let times = doublings(&mut total);
                assert_eq!(times, 2112 - 1024, "{values:?}");
                let before = total.clone();
                let error = total.try_merge(&total.clone()).unwrap_err();
                assert!(matches!(&error, Error::Overflow(text) if text.contains("2^2112")));
                assert_eq!(total, before);
                assert_eq!(total.to_f64(), sign * f64::INFINITY);
                assert_eq!(Accumulator::from_bytes(&total.to_bytes()), Ok(total.clone()));
                // Numbers that make it smaller can still be added.
                let mut negated = total.clone();
                negated.negate();
                total.try_merge(&negated).unwrap();
                assert!(total.is_zero());
            }
        }
    }

    #[test]
    fn arrays_change_as_a_whole_or_not_at_all() {
        let fine = sum_of(&[0.5, 0.25]);
        let mut large = sum_of(&[f64::NAN]);
        doublings(&mut large);
        let mut wide = sum_of(&[1e308, 1e-300]);
        wide.add_zeros(-2);
        doublings(&mut wide);
        let mut many = sum_of(&[3.0]);
        doublings(&mut many);
        for bad in [large, wide, many] {
            for place in [0, 5, 1500] {
                let mut sums = vec![fine.clone(); 2000];
                sums[place] = bad.clone();
                let mut cells = Cells::from(sums.clone());
                let before = cells.clone();
                assert!(cells.merge(&[&before]).is_err());
                assert!(cells.merged(&[&before]).is_err());
                assert_eq!(cells, before);
                sums[place] = Accumulator::new();
                cells.merge(&[&Cells::from(sums)]).unwrap();
                assert_eq!(*cells.get(place), bad);
            }
        }
        // Pairs, with one count for all and with one for each.
        let mut pairs = Cells::new(1500);
        for each in [false, true] {
            pairs.set_counts(|index| (1 << 62) - i64::from(each && index < 1400));
            let before = pairs.clone();
            assert!(pairs.merge(&[&before]).is_err());
            assert_eq!(pairs, before);
        }
    }

    #[test]
    fn bytes_with_counters_or_values_beyond_the_bounds_are_refused() {
        let mut total = sum_of(&[1.0]);
        for counter in [Accumulator::MOST + 1, i64::MAX, i64::MIN, -Accumulator::MOST - 1] {
            for index in 0..4 {
                let mut counters = [0, 0, 0, 1];
                counters[index] = counter;
                total.set_counters(counters);
                assert!(Accumulator::from_bytes(&total.to_bytes()).is_err(), "{counters:?}");
                counters[index] = counter.signum() * Accumulator::MOST;
                total.set_counters(counters);
                assert_eq!(Accumulator::from_bytes(&total.to_bytes()), Ok(total.clone()));
            }
        }
        for (top, fits) in [(2112, true), (2113, false)] {
            let mut total = Accumulator::new();
            total.add_scaled(1, top - 1);
            assert_eq!(Accumulator::from_bytes(&total.to_bytes()).is_ok(), fits);
        }
    }

    proptest! {
        #[test]
        fn heights_are_bounds_and_not_far_off(
            values in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO, 0..9),
            doublings in 0usize..40,
            negate: bool,
        ) {
            let mut total = sum_of(&values);
            for _ in 0..doublings {
                total.merge(&total.clone());
            }
            if negate {
                total.negate();
            }
            let top = total.canonical().top();
            if !total.is_zero() {
                prop_assert!(total.height() >= top);
                // The same sum in the representation without cancellation.
                let plain = Accumulator::from_canonical(&total.canonical());
                prop_assert!(plain.height() <= top + 128, "{} {top}", plain.height());
            }
        }
    }
}
