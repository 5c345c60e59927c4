//! Weighted moments: sums of `w`, `w x` and `w x^2`, as integers, since pairs of numbers cannot
//! hold them.

use dashu_int::{IBig, UBig};

use super::ddof::Degrees;
use super::dyadic::Dyadic;
use super::moment::{Answer, Moment, Remark};
use crate::exact::round::Format;

/// The lowest bit of a product of three numbers, and how many digits of 32 bits reach their highest.
const LOWEST_OF_THREE: i32 = -3 * 1074 - 2;
const DIGITS_OF_THREE: usize = 212;

/// A fixed-point number wide enough for any sum of products of three numbers.
#[derive(Debug, Clone)]
struct Long {
    /// Digits of 32 bits, each of which takes `2^31` additions.
    digits: Vec<i64>,
    additions: u32,
}

impl Long {
    fn new() -> Long {
        Long { digits: vec![0; DIGITS_OF_THREE], additions: 0 }
    }

    fn add(&mut self, negative: bool, magnitude: u128, exponent: i32) {
        if magnitude == 0 {
            return;
        }
        if self.additions == 1 << 30 {
            self.carry();
        }
        self.additions += 1;
        let place = (exponent - LOWEST_OF_THREE) as usize;
        let (first, shift) = (place / 32, place % 32);
        let mut rest = magnitude;
        let mut carried = 0u64;
        for digit in &mut self.digits[first..] {
            let shifted = u64::from(rest as u32) << shift | carried;
            let part = (shifted & 0xffff_ffff) as i64;
            carried = shifted >> 32;
            *digit += if negative { -part } else { part };
            rest >>= 32;
            if rest == 0 && carried == 0 {
                break;
            }
        }
    }

    fn carry(&mut self) {
        let mut carry = 0;
        for digit in &mut self.digits[..DIGITS_OF_THREE - 1] {
            let value = *digit + carry;
            *digit = value & 0xffff_ffff;
            carry = value >> 32;
        }
        self.digits[DIGITS_OF_THREE - 1] += carry;
        self.additions = 0;
    }

    fn value(mut self) -> Dyadic {
        self.carry();
        let negative = self.digits[DIGITS_OF_THREE - 1] < 0;
        if negative {
            self.digits.iter_mut().for_each(|digit| *digit = -*digit);
            self.carry();
        }
        let bytes: Vec<u8> =
            self.digits.iter().flat_map(|&digit| (digit as u32).to_le_bytes()).collect();
        let integer = IBig::from(UBig::from_le_bytes(&bytes));
        Dyadic::new(if negative { -integer } else { integer }, LOWEST_OF_THREE)
    }
}

/// A number as an integer of up to 64 bits times a power of two; or an infinity or NaN.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    /// Sign, magnitude and exponent.
    Finite(bool, u64, i32),
    /// An infinity or NaN.
    Special(f64),
}

impl From<f64> for Number {
    fn from(x: f64) -> Number {
        if !x.is_finite() {
            return Number::Special(x);
        }
        let (significand, exponent) = crate::binary64::decompose(x);
        Number::Finite(x < 0.0, significand, exponent)
    }
}

impl From<i64> for Number {
    fn from(x: i64) -> Number {
        Number::Finite(x < 0, x.unsigned_abs(), 0)
    }
}

impl From<u64> for Number {
    fn from(x: u64) -> Number {
        Number::Finite(false, x, 0)
    }
}

/// Why weights have no moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A weight is negative.
    Negative,
    /// They sum to zero.
    Zero,
}

/// The weighted sums of one result.
#[derive(Debug, Clone)]
pub(super) struct Weighted {
    weights: Long,
    sums: [Long; 2],
    squares: Long,
    nan: bool,
    infinite: bool,
    count: i64,
}

impl Default for Weighted {
    fn default() -> Weighted {
        Weighted {
            weights: Long::new(),
            sums: [Long::new(), Long::new()],
            squares: Long::new(),
            nan: false,
            infinite: false,
            count: 0,
        }
    }
}

impl Weighted {
    /// Adds a number, of one or two parts, with its weight.
    ///
    /// # Errors
    /// [`Fault::Negative`].
    pub fn add(&mut self, weight: Number, parts: &[Number], skip_nan: bool) -> Result<(), Fault> {
        let is_nan = |x: &Number| matches!(x, Number::Special(x) if x.is_nan());
        if skip_nan && parts.iter().any(is_nan) {
            return Ok(());
        }
        self.count += 1;
        let (w, unit) = match weight {
            Number::Finite(negative, w, _) if negative && w != 0 => return Err(Fault::Negative),
            Number::Special(w) if w < 0.0 => return Err(Fault::Negative),
            Number::Finite(_, w, unit) => (w, unit),
            Number::Special(_) => {
                self.nan = true;
                return Ok(());
            }
        };
        self.weights.add(false, w.into(), unit);
        for (part, &x) in parts.iter().enumerate() {
            match x {
                Number::Finite(negative, x, exponent) => {
                    self.sums[part].add(negative, u128::from(w) * u128::from(x), unit + exponent);
                    let square = u128::from(x) * u128::from(x);
                    let place = unit + 2 * exponent;
                    self.squares.add(false, u128::from(w) * (square & u128::from(u64::MAX)), place);
                    self.squares.add(false, u128::from(w) * (square >> 64), place + 64);
                }
                Number::Special(x) if x.is_nan() => self.nan = true,
                // 0 times an infinity is NaN.
                Number::Special(_) => self.infinite = true,
            }
        }
        Ok(())
    }

    /// `(W sum w x^2 - |sum w x|^2) / (W (W - ddof))` or its root, rounded once.
    ///
    /// # Errors
    /// [`Fault::Zero`].
    pub fn round(self, moment: &Moment, format: Format) -> Result<Answer<u64>, Fault> {
        let special = |value: u64, remark| Ok(Answer { value, remark });
        if self.count == 0 {
            return special(format.nan(), Remark::Degrees);
        }
        if self.nan {
            return special(format.nan(), Remark::None);
        }
        let total = self.weights.value();
        if total.is_zero() {
            return Err(Fault::Zero);
        }
        let squares = total.times(&self.squares.value());
        let scatter =
            (self.sums.into_iter()).fold(squares, |rest, sum| rest.minus(&sum.value().squared()));
        match moment.ddof.degrees_of(&total) {
            Degrees::Nan => special(format.nan(), Remark::None),
            Degrees::NotPositive if moment.skip_nan || self.infinite || scatter.is_zero() => {
                special(format.nan(), Remark::Degrees)
            }
            Degrees::NotPositive => special(format.infinity(), Remark::Degrees),
            _ if self.infinite => special(format.nan(), Remark::Invalid),
            Degrees::Infinite => special(0, Remark::None),
            Degrees::Ratio(degrees, unit) => {
                let below = degrees.times(&total);
                let bits = scatter.times(&unit).round_quotient(&below, moment.root(), format);
                let beyond = bits == format.infinity();
                special(bits, if beyond { Remark::Overflow } else { Remark::None })
            }
        }
    }
}
