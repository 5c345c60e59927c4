//! From sums about a shift to a variance or its root, rounded once where that can be proved.
//!
//! With `d = x - c` for any `c`, `Q = sum d^2` and `D = sum d`, the variance is
//! `(Q - D^2 / n) / m`, `m = n - ddof`. `Q` and `D` are known to within bounds, and so is the
//! result; where both ends of its interval round to one number, that is the right one.

use crate::exact::round::{Format, Magnitude};

/// `high + low`, the low part below the last bits of the high one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pair {
    /// The number nearest to the sum.
    pub high: f64,
    /// The rounding error.
    pub low: f64,
}

impl Pair {
    /// The exact sum of two numbers (Knuth's TwoSum).
    #[inline(always)]
    pub(crate) fn sum(x: f64, y: f64) -> Pair {
        let high = x + y;
        let z = high - x;
        Pair { high, low: (x - (high - z)) + (y - z) }
    }

    /// Adds a number; the low parts add up, with an error.
    #[inline(always)]
    pub(crate) fn take(&mut self, x: f64) {
        let next = Pair::sum(self.high, x);
        *self = Pair { high: next.high, low: self.low + next.low };
    }

    /// The exact product of two numbers.
    #[inline(always)]
    pub(crate) fn product(x: f64, y: f64) -> Pair {
        let high = x * y;
        Pair { high, low: f64::mul_add(x, y, -high) }
    }

    /// The exact square of a number.
    #[inline(always)]
    pub(crate) fn square(x: f64) -> Pair {
        Pair::product(x, x)
    }

    /// An integer times a power of two, to within `2^-105` of its size.
    #[inline(always)]
    pub(crate) fn of_integer(integer: i128, unit: f64) -> Pair {
        let high = integer as f64;
        let low = integer.wrapping_sub(high as i128) as f64;
        Pair { high: high * unit, low: low * unit }
    }
}

/// `Q` and `D^2` with their error bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Near {
    pub squares: Pair,
    pub squares_error: f64,
    /// `D^2`; of complex numbers the sum of both parts' squares.
    pub product: Pair,
    pub product_error: f64,
}

impl Near {
    /// From sums with error bounds. ([`estimate`] adds `2^-98` of `Q` and `D^2 / n`, since the
    /// pairs and the square are not exact.)
    #[inline(always)]
    pub fn new(squares: Pair, squares_error: f64, sum: Pair, sum_error: f64) -> Near {
        let square = Pair::square(sum.high);
        let low = square.low + 2.0 * sum.high * sum.low;
        let product_error = (2.0 * sum.high.abs() + sum_error) * sum_error * 1.0001;
        let product = Pair { high: square.high, low };
        Near { squares, squares_error, product, product_error }
    }

    /// The same of complex numbers.
    #[inline(always)]
    pub fn complex(squares: Pair, squares_error: f64, sums: [Pair; 2], sum_error: f64) -> Near {
        let [real, imaginary] = sums.map(|sum| Near::new(squares, squares_error, sum, sum_error));
        let product = Pair::sum(real.product.high, imaginary.product.high);
        let low = product.low + (real.product.low + imaginary.product.low);
        Near {
            product: Pair { low, ..product },
            product_error: (real.product_error + imaginary.product_error) * 1.0001,
            ..real
        }
    }

    /// The sum of squares alone.
    #[inline(always)]
    pub fn squares(squares: Pair, squares_error: f64) -> Near {
        Near { squares, squares_error, product: Pair::default(), product_error: 0.0 }
    }
}

/// A number `value + rest`, to within `error`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Estimate {
    value: f64,
    rest: f64,
    error: f64,
}

/// A bound on the relative error of a rest after a few operations (`2^-53` each).
pub(super) const RELATIVE_ERROR: f64 = 1e-15;
/// Within these, no remainder of a division or root underflows, and nothing overflows.
pub(super) const SMALL: f64 = 1e-200;
pub(super) const LARGE: f64 = 1e250;

/// `(Q - D^2 / n) / m`, or its root; the estimate is NaN where the bounds do not hold.
#[inline(always)]
pub(crate) fn estimate(near: Near, n: f64, m: Pair, root: bool) -> Estimate {
    let Near { squares, squares_error, product, product_error } = near;
    // Quotients need not be correctly rounded: their errors are computed up to a last bit or two.
    let [per_n, per_m] = [1.0 / n, 1.0 / m.high];
    // D^2 / n = u + v
    let u = product.high * per_n;
    let v = (f64::mul_add(-u, n, product.high) + product.low) * per_n;
    // Q - D^2 / n = s + t
    let Pair { high: s, low: t } = Pair::sum(squares.high, -u);
    let t = t + (squares.low - v);
    let value = s * per_m;
    let remainder = f64::mul_add(-value, m.high, s);
    let rest = (f64::mul_add(-value, m.low, remainder) + t) * per_m;
    let bound = squares_error + product_error * per_n + (squares.high.abs() + u) * 3.2e-30;
    let error = (bound * per_m + rest.abs() * RELATIVE_ERROR) * 1.0001;
    let valid = value > SMALL && value < LARGE && m.high > 0.0;
    let value = if valid { value } else { f64::NAN };
    if !root {
        return Estimate { value, rest, error };
    }
    // sqrt(value + rest) = r + k - k^2 / 2 r + ..., k = (value - r^2 + rest) / 2 r
    let r = value.sqrt();
    let k = (f64::mul_add(-r, r, value) + rest) / (2.0 * r);
    let error = (error / (2.0 * r) + k * k / r + k.abs() * RELATIVE_ERROR) * 1.0001;
    Estimate { value: r, rest: k, error }
}

impl Estimate {
    /// The number times a power of two; `None` where that is not exact.
    #[inline(always)]
    pub fn scaled(self, exponent: i32) -> Option<Estimate> {
        let own = (self.value.to_bits() >> 52) as i32 - 1023;
        if !(-1000..=1015).contains(&exponent) || !(-640..=1015).contains(&(own + exponent)) {
            return None;
        }
        let unit = crate::binary64::power_of_two(exponent);
        let [value, rest, error] = [self.value, self.rest, self.error].map(|x| x * unit);
        // (Underflow in an error is far smaller than this.)
        Some(Estimate { value, rest, error: error + value * 1e-60 })
    }

    /// The number, rounded once to binary64; NaN where the interval does not decide.
    #[inline(always)]
    pub fn to_f64(self) -> f64 {
        let [low, high] = self.ends();
        if low == high { low } else { f64::NAN }
    }

    /// As [`Estimate::to_f64`], to binary32.
    #[inline(always)]
    pub fn to_f32(self) -> f32 {
        narrowed(self.ends())
    }

    /// The bits of the number, rounded once; `None` where the interval does not decide, or it is
    /// not finite.
    #[inline(always)]
    pub fn round(self, format: Format) -> Option<u64> {
        if format == Format::F64 {
            let number = self.to_f64();
            return number.is_finite().then_some(number.to_bits());
        }
        if format == Format::F32 {
            let number = self.to_f32();
            return number.is_finite().then_some(number.to_bits().into());
        }
        let ends = self.wide_ends();
        if !ends.iter().all(|end| end.is_finite() && *end > SMALL) {
            return None;
        }
        let [low, high] = ends.map(|end| round(end, format));
        (low == high && low != 0 && low < format.infinity()).then_some(low)
    }

    /// The interval's ends, each rounded: rounding is monotone.
    #[inline(always)]
    pub fn ends(self) -> [f64; 2] {
        [self.value + (self.rest - self.error), self.value + (self.rest + self.error)]
    }

    /// The same, widened to contain the interval after rounding.
    #[inline(always)]
    fn wide_ends(self) -> [f64; 2] {
        widened(self.ends())
    }
}

/// An interval that contains another, whose ends were rounded.
#[inline(always)]
fn widened([low, high]: [f64; 2]) -> [f64; 2] {
    [low * (1.0 - 8.0 * f64::EPSILON), high * (1.0 + 8.0 * f64::EPSILON)]
}

/// What an interval, whose ends were rounded, rounds to in binary32; NaN if that is not decided.
#[inline(always)]
pub(super) fn narrowed(ends: [f64; 2]) -> f32 {
    let [low, high] = widened(ends).map(|end| end as f32);
    if low == high && low > 0.0 { low } else { f32::NAN }
}

/// A positive number rounded to a format.
fn round(x: f64, format: Format) -> u64 {
    let (significand, exponent) = crate::binary64::decompose(x);
    Magnitude { head: significand.into(), exponent, sticky: false }.round(false, format)
}
