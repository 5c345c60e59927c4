//! Exact cumulative sums: every prefix rounded once.
//!
//! A tile of numbers is turned, so that each of [`LANES`] lanes walks along its own stretch of the
//! line. A lane keeps its prefix in two biased levels, as in [`super::block`]; what all earlier
//! stretches sum up to is then added level by level, exactly, and the two levels' sum is the one
//! operation that rounds. A tile whose numbers do not fit the levels goes through the
//! [`Accumulator`], prefix by prefix.
//!
//! For results narrower than binary64 that one rounding is *to odd* (Boldo and Melquiond, 2008):
//! rounding its result again gives the nearest number.

use super::accumulator::{Accumulator, decompose};
use super::block::{
    ABSOLUTE, HIGHEST, LEVEL, SIGN_AND_EXPONENT, any, highest_exponent, levels, scale,
};
use super::lanes::transpose;
use super::round::{Format, Magnitude};
use crate::cpu::{Isa, dispatch};
use crate::fpu::Environment;

/// Stretches that are walked along at once.
const LANES: usize = 8;
/// Numbers in a stretch.
const LENGTH: usize = 64;
/// Numbers in a tile.
pub(super) const TILE: usize = LANES * LENGTH;
/// Binades from a tile's largest number to the first level: a stretch stays below a quarter of it,
/// and there is some room for the prefix to grow.
const HEADROOM: i32 = 12;
/// Binades from the prefix to the first level.
const ROOM: i32 = 4;

type Rows = [[f64; LANES]; LENGTH];

/// How the one rounding of a prefix is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounding {
    /// To the nearest binary64 number, ties to even.
    Nearest,
    /// To odd, for [`narrow`].
    Odd,
}

/// A running sum. While it advances, the floating-point environment must be the default one.
#[derive(Debug)]
pub(super) struct Running {
    isa: Isa,
    rounding: Rounding,
    /// The exponent of the first level, once there is one.
    first: Option<i32>,
    /// The prefix, if it is the sum of multiples of the two levels' last bits.
    carry: Option<[f64; 2]>,
    /// The prefix, where `carry` is none.
    exact: Accumulator,
    rows: Box<[Rows; 3]>,
    /// Whether a finite prefix became infinite.
    pub overflowed: bool,
}

impl Running {
    pub fn new(isa: Isa, rounding: Rounding) -> Running {
        Running {
            isa,
            rounding,
            first: None,
            carry: None,
            exact: Accumulator::new(),
            rows: Box::new([[[0.0; LANES]; LENGTH]; 3]),
            overflowed: false,
        }
    }

    /// Starts again from 0.
    pub fn reset(&mut self) {
        self.carry = None;
        self.exact = Accumulator::new();
        self.overflowed = false;
    }

    /// Whether infinities of both signs met.
    pub fn is_invalid(&self) -> bool {
        self.carry.is_none() && self.exact.is_invalid()
    }

    /// Replaces numbers by the prefixes that end with them.
    pub fn advance(&mut self, numbers: &mut [f64]) {
        for numbers in numbers.chunks_mut(TILE) {
            if let Some(special) = self.exact.special().filter(|special| special.is_nan()) {
                numbers.fill(special);
            } else if numbers.len() < TILE / 4 || !self.advance_tile(numbers) {
                self.advance_each(numbers);
            }
        }
    }

    /// By the levels; leaves everything as it was if they do not suffice.
    fn advance_tile(&mut self, numbers: &mut [f64]) -> bool {
        let before = self.first;
        for attempt in 0..2 {
            let first = match self.first {
                Some(first) if attempt == 0 => first,
                _ => match self.suitable_level(numbers) {
                    Some(first) if attempt == 0 || before != Some(first) => first,
                    _ => return false,
                },
            };
            if self.first != Some(first) {
                self.leave_levels();
                self.first = Some(first);
            }
            let Some(carry) = self.carry.or_else(|| divide(&self.exact, first)) else {
                continue;
            };
            let prefixes = tile(self.isa, numbers, carry, first, self.rounding, &mut self.rows);
            if let Some(carry) = prefixes {
                self.carry = Some(carry);
                self.exact = Accumulator::new();
                return true;
            }
        }
        false
    }

    /// The first level for the prefix and the numbers to come.
    fn suitable_level(&self, numbers: &[f64]) -> Option<i32> {
        let highest = highest_exponent(self.isa, numbers);
        let prefix = match self.carry {
            Some([high, low]) => high + low,
            None => self.exact.to_f64(),
        };
        first_level(highest, prefix)
    }

    /// Moves the prefix into the accumulator.
    fn leave_levels(&mut self) {
        if let Some(parts) = self.carry.take() {
            self.exact = Accumulator::new();
            parts.into_iter().for_each(|part| self.exact.add_f64(part));
        }
    }

    /// By the accumulator, one by one.
    fn advance_each(&mut self, numbers: &mut [f64]) {
        self.leave_levels();
        for x in numbers {
            self.exact.add_f64(*x);
            *x = match self.rounding {
                Rounding::Nearest => self.exact.to_f64(),
                Rounding::Odd => round_to_odd(&self.exact),
            };
            self.overflowed |= x.is_infinite() && self.exact.is_finite();
        }
    }
}

/// The first level for numbers up to a biased exponent that are added to a prefix.
pub(super) fn first_level(highest: i32, prefix: f64) -> Option<i32> {
    let first = scale(highest, HEADROOM)?.max(exponent(prefix) + ROOM);
    (first <= HIGHEST).then_some(first)
}

/// The exponent of a finite number; that of the smallest normal one for smaller ones.
fn exponent(x: f64) -> i32 {
    ((x.to_bits() >> 52) as i32 & 0x7ff).max(1) - 1023
}

/// The prefix as multiples of the two levels' last bits, if it is that.
fn divide(prefix: &Accumulator, first: i32) -> Option<[f64; 2]> {
    let (_, bias) = levels::<2>(first, LEVEL);
    let near = prefix.to_f64();
    if !prefix.is_finite() || near.abs() > bias[0] / 8.0 {
        return None;
    }
    let high = (near + bias[0]) - bias[0];
    let mut rest = prefix.clone();
    rest.subtract_f64(high);
    let low = rest.to_f64();
    rest.subtract_f64(low);
    let fits = rest.to_f64() == 0.0 && (low + bias[1]) - bias[1] == low;
    fits.then_some([high, low])
}

/// The sum rounded to odd: if inexact, to the neighbour whose last bit is 1.
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

/// A number that was rounded to odd, rounded to a narrower format.
pub(super) fn narrow(x: f64, format: Format) -> u64 {
    if x.is_nan() {
        return format.nan();
    }
    let sign = if x.is_sign_negative() { format.sign_bit() } else { 0 };
    if x.is_infinite() {
        return sign | format.infinity();
    }
    let (head, exponent) = decompose(x);
    Magnitude { head: head.into(), exponent, sticky: false }.round(x < 0.0, format)
}

#[inline(always)]
fn tile_body<const W: usize>(
    numbers: &mut [f64],
    carry: [f64; 2],
    first: i32,
    rounding: Rounding,
    [turned, high, low]: &mut [Rows; 3],
) -> Option<[f64; 2]> {
    let (_, bias) = levels::<2>(first, LEVEL);
    turn_in::<W>(numbers, turned);
    let mut sums = [[bias[0]; LANES], [bias[1]; LANES]];
    let (mut escaped, mut remainder) = ([0; LANES], [0; LANES]);
    for ((row, high), low) in turned.iter().zip(high.iter_mut()).zip(low.iter_mut()) {
        for lane in 0..LANES {
            let s = sums[0][lane] + row[lane];
            let rest = row[lane] - (s - sums[0][lane]);
            let t = sums[1][lane] + rest;
            remainder[lane] |= (rest - (t - sums[1][lane])).to_bits();
            escaped[lane] |= s.to_bits() ^ bias[0].to_bits();
            sums[0][lane] = s;
            sums[1][lane] = t;
            high[lane] = s - bias[0];
            low[lane] = t - bias[1];
        }
    }
    if any(escaped) & SIGN_AND_EXPONENT != 0 || any(remainder) & ABSOLUTE != 0 {
        return None;
    }
    // What lies before each stretch: the low part within half a last bit of the first level.
    let mut before = [[0.0; LANES]; 2];
    let [mut all_high, mut all_low] = carry;
    for lane in 0..LANES {
        (before[0][lane], before[1][lane]) = (all_high, all_low);
        all_high += high[LENGTH - 1][lane];
        all_low += low[LENGTH - 1][lane];
        let carried = (all_low + bias[0]) - bias[0];
        all_high += carried;
        all_low -= carried;
        if all_high.abs() > bias[0] / 4.0 {
            return None;
        }
    }
    turn_out::<W>([high, low], &before, rounding, numbers);
    Some([all_high, all_low])
}

/// `p + q` rounded to odd (the error is Knuth's TwoSum).
#[inline(always)]
fn add_to_odd(p: f64, q: f64) -> f64 {
    let s = p + q;
    let from_q = s - p;
    let error = (p - (s - from_q)) + (q - from_q);
    let bits = s.to_bits();
    let even = u64::from(error != 0.0) & !bits & 1;
    // The neighbour on the side of the error has an odd last bit.
    let outward = (error > 0.0) == (s > 0.0);
    f64::from_bits(if outward { bits + even } else { bits - even })
}

/// Lane `i` gets the numbers from `LENGTH * i` on; zeros follow the last one.
#[inline(always)]
fn turn_in<const W: usize>(numbers: &[f64], rows: &mut Rows) {
    if numbers.len() < TILE {
        *rows = [[0.0; LANES]; LENGTH];
        for (index, &x) in numbers.iter().enumerate() {
            rows[index % LENGTH][index / LENGTH] = x;
        }
        return;
    }
    let (stretches, _) = numbers.as_chunks::<LENGTH>();
    let (squares, _) = rows.as_chunks_mut::<LANES>();
    for (index, square) in squares.iter_mut().enumerate() {
        *square = transpose::<W>(std::array::from_fn(|lane| {
            std::array::from_fn(|row| stretches[lane][index * LANES + row])
        }));
    }
}

/// A row of prefixes, from what lies before each lane and what is in it. (A call for each row:
/// inlined, the rows' lanes are taken apart, which takes half as long again.)
#[inline(never)]
fn rounded(
    before: &[[f64; LANES]; 2],
    high: &[f64; LANES],
    low: &[f64; LANES],
    rounding: Rounding,
) -> [f64; LANES] {
    std::array::from_fn(|lane| {
        let p = before[0][lane] + high[lane];
        let q = before[1][lane] + low[lane];
        match rounding {
            Rounding::Nearest => p + q,
            Rounding::Odd => add_to_odd(p, q),
        }
    })
}

/// The inverse of [`turn_in`], for the rows of prefixes.
#[inline(always)]
fn turn_out<const W: usize>(
    [high, low]: [&Rows; 2],
    before: &[[f64; LANES]; 2],
    rounding: Rounding,
    numbers: &mut [f64],
) {
    if numbers.len() < TILE {
        for (index, (high, low)) in high.iter().zip(low).enumerate() {
            let row = rounded(before, high, low, rounding);
            for (x, prefix) in numbers.iter_mut().skip(index).step_by(LENGTH).zip(row) {
                *x = prefix;
            }
        }
        return;
    }
    let (stretches, _) = numbers.as_chunks_mut::<LENGTH>();
    let squares = high.as_chunks::<LANES>().0.iter().zip(low.as_chunks::<LANES>().0);
    for (index, (high, low)) in squares.enumerate() {
        let rows = std::array::from_fn(|row| rounded(before, &high[row], &low[row], rounding));
        for (stretch, part) in stretches.iter_mut().zip(transpose::<W>(rows)) {
            stretch[index * LANES..][..LANES].copy_from_slice(&part);
        }
    }
}

dispatch! {
    /// Replaces the numbers of a tile by their prefixes, and returns the last one in two parts;
    /// `None`, and nothing replaced, if they do not fit the levels.
    fn tile(
        numbers: &mut [f64], carry: [f64; 2], first: i32, rounding: Rounding, rows: &mut [Rows; 3]
    ) -> Option<[f64; 2]> = tile_body::<{W}>
}

/// The exact cumulative sums of a slice, each rounded once to binary64.
///
/// ```
/// use mypackage::sum::cumsum;
///
/// assert_eq!(cumsum(&[1e16, 1.0, 1.0, -1e16]), [1e16, 1e16, 1e16 + 2.0, 2.0]);
/// ```
pub fn cumsum(values: &[f64]) -> Vec<f64> {
    let _environment = Environment::enter();
    let mut prefixes = values.to_vec();
    Running::new(crate::cpu::isa(), Rounding::Nearest).advance(&mut prefixes);
    prefixes
}

#[cfg(test)]
mod tests {
    use super::super::testing::{numbers, pseudo_random};
    use super::*;
    use proptest::prelude::*;

    fn check(values: &[f64]) {
        let mut sum = Accumulator::new();
        let mut expected = Vec::new();
        let mut narrowed = Vec::new();
        for &x in values {
            sum.add_f64(x);
            expected.push(sum.to_f64().to_bits());
            narrowed.push((sum.to_f32().to_bits(), sum.round(Format::F16)));
        }
        for isa in Isa::available() {
            let mut prefixes = values.to_vec();
            Running::new(isa, Rounding::Nearest).advance(&mut prefixes);
            let bits: Vec<u64> = prefixes.iter().map(|x| x.to_bits()).collect();
            assert_eq!(bits, expected, "{isa:?}");
            let mut odd = values.to_vec();
            Running::new(isa, Rounding::Odd).advance(&mut odd);
            for (&x, &(f32_bits, f16_bits)) in odd.iter().zip(&narrowed) {
                assert_eq!(narrow(x, Format::F32) as u32, f32_bits, "{isa:?}");
                assert_eq!(narrow(x, Format::F16), f16_bits, "{isa:?}");
            }
        }
    }

    #[test]
    fn every_length_around_the_tiles() {
        let values = numbers(3 * TILE, 0, 12, 1);
        for length in (0..70).chain(TILE / 4 - 3..TILE / 4 + 3).chain(TILE - 9..TILE + 9) {
            check(&values[..length]);
            check(&values[3..TILE + length]);
        }
    }

    #[test]
    fn every_scale_and_spread() {
        for (seed, spread) in [0, 10, 30, 60, 130, 700].into_iter().enumerate() {
            for centre in [-1074, -1000, -140, -10, 0, 600, 1000, 1023] {
                check(&numbers(3 * TILE + 17, centre, spread, seed as u64));
            }
        }
    }

    #[test]
    fn growth_cancellation_and_changing_scales() {
        check(&vec![0.1; 20 * TILE]);
        check(&vec![-f64::MAX / 1000.0; 5 * TILE]);
        let mut values = numbers(4 * TILE, 0, 12, 9);
        values.extend(numbers(2 * TILE, 90, 5, 3));
        let negated: Vec<f64> = values.iter().rev().map(|x| -x).collect();
        values.extend(negated);
        values.extend(numbers(2 * TILE, -90, 5, 4));
        check(&values);
    }

    #[test]
    fn numbers_half_way_between_two() {
        let mut next = pseudo_random(8);
        let values: Vec<f64> = (0..4 * TILE)
            .map(|_| 2f64.powi((next() % 3) as i32 * 27 - 54) * ((next() % 5) as f64 - 2.0))
            .collect();
        check(&values);
    }

    #[test]
    fn infinities_and_nans() {
        let mut values = numbers(3 * TILE, 0, 10, 5);
        values[700] = f64::INFINITY;
        values[1100] = f64::NEG_INFINITY;
        check(&values);
        values[50] = f64::NAN;
        check(&values);
        assert!(cumsum(&values)[49].is_finite());
    }

    proptest! {
        #[test]
        fn any_numbers(values in prop::collection::vec(prop::num::f64::ANY, 0..600)) {
            check(&values);
        }
    }
}
