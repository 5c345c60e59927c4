//! Certified rounding of means, variances and their roots: the result, or NaN where it is not
//! decided.
//!
//! A sum comes in two parts, `high + low`, the first a multiple of the second's last bit, and the
//! sum of squares in two that may be wrong by a known amount. Each quotient is refined by its exact
//! remainder, so that what is left is known to some 45 bits beyond the result; if both ends of the
//! interval round alike, so does what lies between. (`docs/numerics.md` has the bounds.)

/// Whether vectors of `W` lanes can be multiplied and added at once: not on the x86-64 baseline.
pub(super) const fn has_fma<const W: usize>() -> bool {
    W > 2 || cfg!(not(target_arch = "x86_64"))
}

/// `x * y + z`, where the product nearly cancels `z` or `z` is far larger: rounded once.
///
/// Without a fused multiply-add, the product's error comes from Veltkamp's halves (Dekker, 1971).
#[inline(always)]
pub(super) fn fused<const W: usize>(x: f64, y: f64, z: f64) -> f64 {
    if has_fma::<W>() {
        return x.mul_add(y, z);
    }
    let split = |x: f64| {
        let scaled = x * 134_217_729.0;
        let high = scaled - (scaled - x);
        (high, x - high)
    };
    let ((xh, xl), (yh, yl)) = (split(x), split(y));
    let product = x * y;
    let error = ((xh * yh - product) + xh * yl + xl * yh) + xl * yl;
    (product + z) + error
}

/// What results are rounded to; each is kept as a binary64 number.
pub(super) trait Target: 'static {
    /// Whether it is binary64 itself.
    const WIDE: bool = false;
    fn nearest(x: f64) -> f64;
}

pub(super) struct Wide;
pub(super) struct Single;
pub(super) struct Half;

impl Target for Wide {
    const WIDE: bool = true;
    #[inline(always)]
    fn nearest(x: f64) -> f64 {
        x
    }
}

impl Target for Single {
    #[inline(always)]
    fn nearest(x: f64) -> f64 {
        f64::from(x as f32)
    }
}

impl Target for Half {
    #[inline(always)]
    fn nearest(x: f64) -> f64 {
        // Adding this leaves the bits of binary16, whose smallest normal number is 2^-14.
        let exponent = (x.to_bits() & (0x7ff << 52)).max((1023 - 14) << 52);
        let start = f64::from_bits(exponent + (42 << 52)) * 1.5;
        let rounded = (x + start) - start;
        if rounded.abs() >= 65536.0 { f64::INFINITY.copysign(x) } else { rounded }
    }
}

/// A bound on the relative error of a correction.
const DOUBT: f64 = 2.1e-15;
/// A bound on the relative error of results that are not certified in binary64.
const NEAR: f64 = 4.0 * f64::EPSILON;

/// The result that the interval from `value + lower` to `value + upper` rounds to; NaN if there are
/// two.
#[inline(always)]
fn agreed<T: Target>(value: f64, lower: f64, upper: f64) -> f64 {
    let (a, b) = (value + lower, value + upper);
    if T::WIDE {
        return if a == b { a } else { f64::NAN };
    }
    // (The ends themselves were rounded.)
    let (a, b) = (T::nearest(a - a.abs() * NEAR), T::nearest(b + b.abs() * NEAR));
    // (Zeros of both signs count as two results.)
    if a.to_bits() == b.to_bits() { a } else { f64::NAN }
}

/// `high + low` rounded to odd, if `high` is a multiple of the last bit of `low`: to round it again
/// gives what one rounding gives (Boldo and Melquiond, 2008).
#[inline(always)]
fn to_odd(high: f64, low: f64) -> f64 {
    let sum = high + low;
    let error = low - (sum - high);
    let inexact = u64::from(error.to_bits() << 1 != 0);
    // The neighbour towards zero, and then the odd one of the two.
    let beyond = (sum.to_bits() ^ error.to_bits()) >> 63 & inexact;
    f64::from_bits((sum.to_bits() - beyond) | inexact)
}

/// A sum in two parts, rounded once.
#[inline(always)]
pub(super) fn sum<T: Target>(high: f64, low: f64) -> f64 {
    if T::WIDE { high + low } else { T::nearest(to_odd(high, low)) }
}

/// The sum divided by `count`, whose rounded reciprocal is given.
#[inline(always)]
pub(super) fn mean<T: Target, const W: usize>(
    high: f64,
    low: f64,
    count: f64,
    reciprocal: f64,
) -> f64 {
    let sum = high + low;
    let rest = low - (sum - high);
    let quotient = sum * reciprocal;
    let remainder = fused::<W>(-quotient, count, sum);
    let left = remainder + rest;
    let correction = left * reciprocal;
    let correction = correction + fused::<W>(-correction, count, left) * reciprocal;
    let doubt = correction.abs() * DOUBT;
    let certain = agreed::<T>(quotient, correction - doubt, correction + doubt);
    // Ties are common among means of few numbers: quotient and correction are exact then.
    let exact = (fused::<W>(-correction, count, left) == 0.0)
        & (left - remainder == rest)
        & (left - rest == remainder);
    let rounded =
        if T::WIDE { quotient + correction } else { T::nearest(to_odd(quotient, correction)) };
    if exact { rounded } else { certain }
}

/// A sum with an error bound of `doubt`, divided by `divisor`.
pub(super) fn quotient<T: Target>(high: f64, low: f64, doubt: f64, divisor: f64) -> f64 {
    let quotient = high / divisor;
    let correction = (fused::<2>(-quotient, divisor, high) + low) / divisor;
    let doubt = doubt / divisor + correction.abs() * DOUBT;
    if quotient.abs() < 1e-200 {
        // A remainder might be lost.
        return f64::NAN;
    }
    agreed::<T>(quotient, correction - doubt, correction + doubt)
}

/// Sums of differences and of their squares, the latter with an error bound of `doubt`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sums {
    pub high: f64,
    pub low: f64,
    pub squares_high: f64,
    pub squares_low: f64,
    pub doubt: f64,
}

/// The number of elements, and that minus `ddof`, with their reciprocals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    pub count: f64,
    pub reciprocal: f64,
    pub free: f64,
    pub free_reciprocal: f64,
}

/// The variance, or its root.
#[inline(always)]
pub(super) fn variance<T: Target, const ROOT: bool, const W: usize>(
    sums: Sums,
    counts: Counts,
) -> f64 {
    let Counts { count, reciprocal, free, free_reciprocal } = counts;
    let high = sums.high + sums.low;
    let low = sums.low - (high - sums.high);
    let squares = sums.squares_high + sums.squares_low;
    let squares_low = sums.squares_low - (squares - sums.squares_high);
    // The square of the sum divided by the count, and its correction.
    let square = high * high;
    let error = fused::<W>(high, high, -square);
    let error = if has_fma::<W>() {
        (high + high).mul_add(low, error)
    } else {
        error + (high + high) * low
    };
    let quotient = square * reciprocal;
    let correction = (fused::<W>(-quotient, count, square) + error) * reciprocal;
    // The sum of the squares less that, by Dekker's fast sum of two.
    let left = squares - quotient;
    let back = left - squares;
    let rest = (squares - (left - back)) - (quotient + back);
    let rest = rest + (squares_low - correction);
    let variance = left * free_reciprocal;
    let correction = (fused::<W>(-variance, free, left) + rest) * free_reciprocal;
    let doubt = ((squares + quotient) * 3.2e-30 + sums.doubt) * free_reciprocal * 1.0001
        + correction.abs() * DOUBT;
    let usual = variance > 1e-200;
    let result = if ROOT {
        let root = variance.sqrt();
        let half = 0.5 / root;
        let correction = (fused::<W>(-root, root, variance) + correction) * half;
        let magnitude = correction.abs();
        let second = magnitude * magnitude * (half + half);
        let doubt = (doubt * half + second + magnitude * DOUBT) * 1.0001;
        agreed::<T>(root, correction - doubt, correction + doubt)
    } else {
        agreed::<T>(variance, correction - doubt, correction + doubt)
    };
    if usual { result } else { f64::NAN }
}
