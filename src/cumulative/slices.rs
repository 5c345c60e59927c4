//! Exact cumulative sums of a slice, or of a line given in parts.
//!
//! The kernel in [`super::tile`] keeps the running sum in two parts, and processes a tile of
//! numbers at a time. A tile that it does not accept is added to an [`Accumulator`], prefix by
//! prefix.

use super::prefix::{Prefix, TILE, first_level};
use super::tile::tile;
use crate::cpu::Isa;
use crate::environment;
use crate::exact::accumulator::Accumulator;
use crate::kernel::levels::highest_exponent;
use crate::kernel::number::Number;

/// A running sum. Advancing it requires the default floating-point environment.
#[derive(Debug)]
pub(super) struct Running {
    isa: Isa,
    /// Whether the thread's floating-point environment is the default one.
    floating: bool,
    /// The exponent of the first level, once it is chosen.
    first: Option<i32>,
    /// The sum in two parts; `None` if it is in `exact`.
    parts: Option<[f64; 2]>,
    exact: Accumulator,
    /// Whether a finite prefix became infinite.
    pub overflowed: bool,
}

impl Running {
    pub fn new(isa: Isa) -> Running {
        Running {
            isa,
            floating: environment::is_default(),
            first: None,
            parts: Some([0.0; 2]),
            exact: Accumulator::new(),
            overflowed: false,
        }
    }

    /// Resets to 0.
    pub fn reset(&mut self) {
        self.parts = Some([0.0; 2]);
        self.overflowed = false;
    }

    /// Whether infinities of both signs met.
    pub fn is_invalid(&self) -> bool {
        self.parts.is_none() && self.exact.is_invalid()
    }

    /// Writes the prefixes that end with each of the numbers.
    pub fn advance<T: Number, P: Prefix>(&mut self, numbers: &[T], prefixes: &mut [P]) {
        for (numbers, prefixes) in numbers.chunks(TILE).zip(prefixes.chunks_mut(TILE)) {
            if self.is_nan() {
                prefixes.fill(P::of_sum(&self.exact));
            } else if !self.floating || !self.advance_tile(numbers, prefixes) {
                self.advance_each(numbers, prefixes);
            }
        }
    }

    fn is_nan(&self) -> bool {
        self.parts.is_none() && self.exact.special().is_some_and(f64::is_nan)
    }

    /// Tries to add in two parts; otherwise the sum is not changed.
    fn advance_tile<T: Number, P: Prefix>(&mut self, numbers: &[T], prefixes: &mut [P]) -> bool {
        let Some(parts) = self.parts.or_else(|| self.exact.to_pair()) else {
            return false;
        };
        let mut add = |first: i32| {
            let parts = tile(self.isa, numbers, parts, first, prefixes);
            self.parts = parts.or(self.parts);
            parts.is_some()
        };
        if self.first.is_some_and(&mut add) {
            return true;
        }
        // The level was not suitable.
        let first = first_level(highest_exponent(self.isa, numbers), parts[0] + parts[1])
            .filter(|&first| first <= P::HIGHEST && self.first != Some(first));
        self.first = first.or(self.first);
        first.is_some_and(add)
    }

    /// Adds to the accumulator, one by one.
    fn advance_each<T: Number, P: Prefix>(&mut self, numbers: &[T], prefixes: &mut [P]) {
        if let Some(parts) = self.parts.take() {
            self.exact = parts.into_iter().collect();
        }
        for (x, prefix) in numbers.iter().zip(prefixes) {
            self.exact.add_f64(x.widen_bits());
            *prefix = P::of_sum(&self.exact);
            self.overflowed |= prefix.is_infinite() && self.exact.is_finite();
        }
    }
}

/// The exact cumulative sums of a slice, each rounded once to binary64.
///
/// ```
/// use mypackage::sum::cumsum;
///
/// assert_eq!(cumsum(&[1e16, 1.0, 1.0, -1e16]), [1e16, 1e16, 1e16 + 2.0, 2.0]);
/// ```
pub fn cumsum(values: &[f64]) -> Vec<f64> {
    let mut prefixes = vec![0.0; values.len()];
    Running::new(crate::cpu::isa()).advance(values, &mut prefixes);
    prefixes
}

#[cfg(test)]
mod tests {
    use super::super::prefix::Half;
    use super::*;
    use crate::exact::round::Format;
    use crate::testing::{numbers, pseudo_random};
    use proptest::prelude::*;

    fn check(values: &[f64]) {
        let mut sum = Accumulator::new();
        let mut expected = Vec::new();
        for &x in values {
            sum.add_f64(x);
            expected.push((sum.to_f64().to_bits(), sum.to_f32().to_bits(), sum.round(Format::F16)));
        }
        for isa in Isa::available() {
            let mut wide = vec![0f64; values.len()];
            Running::new(isa).advance(values, &mut wide);
            let mut single = vec![0f32; values.len()];
            Running::new(isa).advance(values, &mut single);
            let mut half = vec![Half::default(); values.len()];
            Running::new(isa).advance(values, &mut half);
            for (index, &expected) in expected.iter().enumerate() {
                let (wide, single) = (wide[index].to_bits(), single[index].to_bits());
                let prefixes = (wide, single, half[index].result().into());
                assert_eq!(prefixes, expected, "{isa:?} {index}");
            }
        }
    }

    /// For the same numbers, rounded to binary32 first.
    fn check_f32(values: &[f64]) {
        let values: Vec<f32> = values.iter().map(|&x| x as f32).collect();
        for isa in Isa::available() {
            let mut prefixes = vec![0f32; values.len()];
            Running::new(isa).advance(&values, &mut prefixes);
            let mut sum = Accumulator::new();
            for (&x, &prefix) in values.iter().zip(&prefixes) {
                sum.add_f64(x.into());
                assert_eq!(prefix.to_bits(), sum.to_f32().to_bits(), "{isa:?}");
            }
        }
    }

    #[test]
    fn every_length_around_the_tiles() {
        let values = numbers(3 * TILE, 0, 12, 1);
        for length in (0..70).chain(TILE - 9..TILE + 9) {
            check(&values[..length]);
            check(&values[3..TILE + length]);
            check_f32(&values[..length]);
        }
    }

    #[test]
    fn every_scale_and_spread() {
        for (seed, spread) in [0, 10, 30, 60, 130, 700].into_iter().enumerate() {
            for centre in [-1074, -1000, -140, -10, 0, 600, 1000, 1023] {
                let values = numbers(3 * TILE + 17, centre, spread, seed as u64);
                check(&values);
                check_f32(&values);
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
    fn sums_of_three_numbers_are_not_split() {
        let mut values = vec![1.0; 2 * TILE];
        (values[1], values[2]) = (2f64.powi(-60), 2f64.powi(-200));
        // First the ones are cancelled, then the first of the two.
        values.extend([2.0 - 2.0 * TILE as f64, -2f64.powi(-60), 1.0]);
        check(&values);
    }

    #[test]
    fn similar_numbers_need_no_accumulator() {
        let values = numbers(20 * TILE + 5, 0, 12, 6);
        for isa in Isa::available() {
            let mut running = Running::new(isa);
            for values in values.chunks(700) {
                running.advance(values, &mut vec![0f64; values.len()]);
                assert!(running.parts.is_some(), "{isa:?}");
            }
        }
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
            check_f32(&values);
        }
    }
}
