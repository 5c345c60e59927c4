//! A superaccumulator: a fixed-point number wide enough for every finite sum of products.
//!
//! Source: Radford M. Neal, "Fast exact summation using small and large superaccumulators" (2015),
//! extended to products of two binary64 numbers.

use super::round::Magnitude;
use crate::binary64::decompose;

/// The weight of the lowest bit: products of two subnormal numbers reach 2^-2148.
const LOWEST: i32 = -2148;
/// Products reach 2^2048, and 2^63 of them 2^2111: (2111 + 2148) / 32 digits and one for the sign.
const DIGITS: usize = 136;
/// A digit has 32 bits, and receives terms of 33 bits (with sign) between carry propagations.
const ADDITIONS_BETWEEN_CARRIES: u32 = 1 << 29;

/// A number `sum(digit[i] * 2^(32 i - 2148))` whose carries are delayed.
#[derive(Debug, Clone)]
pub(super) struct Digits {
    digit: [i64; DIGITS],
    additions: u32,
}

impl Digits {
    pub fn new() -> Box<Digits> {
        Box::new(Digits { digit: [0; DIGITS], additions: 0 })
    }

    /// Adds a finite binary64 number: two digits, no loop.
    #[inline]
    pub fn add_f64(&mut self, x: f64) {
        if self.additions == ADDITIONS_BETWEEN_CARRIES {
            self.carry();
        }
        self.additions += 1;
        let (m, e) = decompose(x);
        let position = (e - LOWEST) as u32;
        let (index, shift) = (position as usize / 32, position % 32);
        let sign = -(x.is_sign_negative() as i64);
        let shifted = u128::from(m) << shift;
        // (v ^ sign) - sign is -v where the sign is set.
        let [low, middle, high] =
            [0, 32, 64].map(|bits| ((shifted >> bits) as u32 as i64 ^ sign) - sign);
        let Some(digits) = self.digit.get_mut(index..index + 3) else {
            unreachable!("every binary64 number lies within the digits")
        };
        digits[0] += low;
        digits[1] += middle;
        digits[2] += high;
    }

    /// Adds `±magnitude * 2^exponent`. Bits below 2^-2148 must be 0.
    #[inline]
    pub fn add(&mut self, negative: bool, magnitude: u128, exponent: i32) {
        if self.additions == ADDITIONS_BETWEEN_CARRIES {
            self.carry();
        }
        self.additions += 1;
        let (mut magnitude, mut position) = (magnitude, exponent - LOWEST);
        if position < 0 {
            debug_assert!(magnitude.trailing_zeros() as i32 >= -position || magnitude == 0);
            magnitude = magnitude.checked_shr(position.unsigned_abs()).unwrap_or(0);
            position = 0;
        }
        let mut index = position as usize / 32;
        let shift = position as u32 % 32;
        let signed = |part: u64| if negative { -(part as i64) } else { part as i64 };
        self.digit[index] += signed((magnitude << shift) as u64 & 0xffff_ffff);
        let mut rest = magnitude >> (32 - shift);
        while rest != 0 {
            index += 1;
            self.digit[index] += signed(rest as u64 & 0xffff_ffff);
            rest >>= 32;
        }
    }

    pub fn merge(&mut self, other: &Digits) {
        self.carry();
        let mut other = other.clone();
        other.carry();
        for (mine, theirs) in self.digit.iter_mut().zip(&other.digit) {
            *mine += theirs;
        }
        self.additions = 2;
    }

    pub fn negate(&mut self) {
        for digit in &mut self.digit {
            *digit = -*digit;
        }
    }

    /// The exponent of a power of two that bounds the magnitude.
    pub fn height(&self) -> i32 {
        // Above its significant digits, a negative number has sign digits.
        let top = match self.digit[DIGITS - 1] {
            0 => self.digit.iter().rposition(|&digit| digit != 0),
            -1 => self.digit[..DIGITS - 1].iter().rposition(|&digit| digit != 0xffff_ffff),
            _ => Some(DIGITS - 1),
        };
        // Even before a carry no digit reaches 2^63.
        top.map_or(LOWEST, |top| LOWEST + 32 * top as i32) + 64
    }

    /// Propagates carries: every digit but the last is then in 0..2^32; the last carries the sign.
    fn carry(&mut self) {
        let mut carry = 0;
        for digit in &mut self.digit[..DIGITS - 1] {
            let value = *digit + carry;
            *digit = value & 0xffff_ffff;
            carry = value >> 32;
        }
        self.digit[DIGITS - 1] += carry;
        self.additions = 1;
    }

    /// Sign and the digits of the magnitude, lowest first, each below 2^32.
    fn magnitude_digits(mut self) -> (bool, [i64; DIGITS]) {
        let value = &mut self;
        value.carry();
        let negative = value.digit[DIGITS - 1] < 0;
        if negative {
            value.negate();
            value.carry();
        }
        (negative, value.digit)
    }

    /// Sign and magnitude, the latter cut to its first 97 to 128 bits.
    pub fn magnitude(self) -> (bool, Magnitude) {
        let (negative, digits) = self.magnitude_digits();
        let Some(top) = digits.iter().rposition(|&digit| digit != 0) else {
            return (false, Magnitude { head: 0, exponent: 0, sticky: false });
        };
        let lowest = top.saturating_sub(3);
        let head =
            digits[lowest..=top].iter().rev().fold(0, |head, &digit| head << 32 | digit as u128);
        let sticky = digits[..lowest].iter().any(|&digit| digit != 0);
        (negative, Magnitude { head, exponent: LOWEST + 32 * lowest as i32, sticky })
    }

    /// Sign, the magnitude's bytes (lowest first) and the exponent of the lowest one.
    pub fn into_bytes(self) -> (bool, Vec<u8>, i32) {
        let (negative, digits) = self.magnitude_digits();
        let bytes = digits.iter().flat_map(|&digit| (digit as u32).to_le_bytes()).collect();
        (negative, bytes, LOWEST)
    }
}
