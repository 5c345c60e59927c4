//! Outliers: numbers that the frame cannot hold, summed exactly while they are in the window.

use super::tile::Frame;
use crate::binary64::power_of_two;
use crate::exact::accumulator::Accumulator;

/// A number that the frame cannot hold, or the rest of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outlier {
    pub index: usize,
    pub value: f64,
    /// Whether the number entered the prefix sums as 0.
    pub whole: bool,
    /// Whether it is among those of similar magnitude.
    pub near: bool,
}

impl Outlier {
    pub fn new(index: usize, value: f64, whole: bool) -> Outlier {
        Outlier { index, value, whole, near: false }
    }
}

/// The exact sums of the outliers in a window.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    sum: Accumulator,
    squares: Accumulator,
    near: Near,
    /// The number of those that are not.
    others: usize,
    /// Both sums, rounded to two numbers, and whether these are up to date.
    pairs: Option<[[f64; 2]; 2]>,
}

/// Outliers of similar magnitude, whose sum is an integer.
#[derive(Debug, Clone, Copy, Default)]
struct Near {
    count: usize,
    total: i128,
    /// The exponent of the integer's unit.
    unit: i32,
}

impl Near {
    /// Exponents of last bits, from the unit up.
    const RANGE: u32 = 60;
    /// How many integers of 53 + 60 bits can be added in 126 bits.
    const MOST: usize = 1 << 13;

    /// A number in units, if it is near to the others.
    fn integer(&self, x: f64) -> Option<i128> {
        let (significand, exponent) = crate::binary64::decompose(x);
        let shift =
            u32::try_from(exponent - self.unit).ok().filter(|&shift| shift <= Near::RANGE)?;
        let magnitude = i128::from(significand) << shift;
        Some(if x < 0.0 { -magnitude } else { magnitude })
    }
}

impl Held {
    /// Adds an outlier; returns whether its magnitude is similar to the others'.
    pub fn enter(&mut self, outlier: Outlier, frame: &Frame, moments: bool) -> bool {
        if !moments && outlier.value.is_finite() && self.near.count < Near::MOST {
            if self.near.count == 0 {
                let (_, exponent) = crate::binary64::decompose(outlier.value);
                self.near = Near { unit: exponent - Near::RANGE as i32 / 2, ..Near::default() };
            }
            if let Some(integer) = self.near.integer(outlier.value) {
                self.near.total += integer;
                self.near.count += 1;
                self.pairs = None;
                return true;
            }
        }
        self.others += 1;
        self.change(outlier, frame, moments, 1.0);
        false
    }

    /// Removes an outlier.
    pub fn leave(&mut self, outlier: Outlier, frame: &Frame, moments: bool) {
        if outlier.near {
            self.near.total -= self.near.integer(outlier.value).unwrap_or_default();
            self.near.count -= 1;
            self.pairs = None;
        } else {
            self.others -= 1;
            self.change(outlier, frame, moments, -1.0);
        }
    }

    fn change(&mut self, outlier: Outlier, frame: &Frame, moments: bool, sign: f64) {
        self.pairs = None;
        let x = outlier.value;
        if !x.is_finite() {
            self.sum.add_special(x, sign as i64);
            return;
        }
        self.sum.add_uncounted(sign * x);
        if moments && outlier.whole {
            let centre = frame.centre;
            self.sum.add_uncounted(-sign * centre);
            self.squares.add_product(sign * x, x);
            self.squares.add_product(-2.0 * sign * x, centre);
            self.squares.add_product(sign * centre, centre);
        }
    }

    /// The sum, if it is not finite.
    pub fn special(&self) -> Option<f64> {
        self.sum.special()
    }

    /// The sum of all.
    pub fn sum(&self) -> Accumulator {
        let mut sum = self.sum.clone();
        sum.add_scaled(self.near.total, self.near.unit);
        sum
    }

    /// The sums, each rounded to a number, and the rests, rounded likewise.
    pub fn pairs(&mut self, moments: bool) -> [[f64; 2]; 2] {
        if let Some(pairs) = self.pairs {
            return pairs;
        }
        let pair = |sum: &Accumulator| {
            let high = sum.to_f64();
            let mut rest = sum.clone();
            rest.add_uncounted(-high);
            [high, rest.to_f64()]
        };
        // (Within these both numbers are normal ones, or 0.)
        let pairs = if self.others == 0 && (-900..=800).contains(&self.near.unit) {
            let Near { total, unit, .. } = self.near;
            let high = total as f64;
            let low = (total - high as i128) as f64;
            [[high, low].map(|part| part * power_of_two(unit)), [0.0; 2]]
        } else {
            [pair(&self.sum()), if moments { pair(&self.squares) } else { [0.0; 2] }]
        };
        self.pairs = Some(pairs);
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::pseudo_random;

    #[test]
    fn what_is_held_is_the_exact_sum() {
        let frame = Frame { first: 20, squares: 20, reach: 1.0, centre: 0.0 };
        let mut next = pseudo_random(9);
        let mut held = Held::default();
        let mut inside: Vec<Outlier> = Vec::new();
        for round in 0..4000 {
            if !inside.is_empty() && next().is_multiple_of(2) {
                let place = next() as usize % inside.len();
                held.leave(inside.swap_remove(place), &frame, false);
            } else {
                let size = [0, 40, 300, -200, 55][(next() % 5) as usize];
                let size = if round % 500 < 250 { 0 } else { size } + (next() % 8) as i32;
                let x = (next() >> 11) as f64 * power_of_two(size);
                let x = if next().is_multiple_of(2) { -x } else { x };
                let mut outlier = Outlier::new(0, x, true);
                outlier.near = held.enter(outlier, &frame, false);
                inside.push(outlier);
            }
            let right: Accumulator = inside.iter().map(|outlier| outlier.value).collect();
            assert_eq!(held.sum().to_f64(), right.to_f64());
            let [[high, low], _] = held.pairs(false);
            assert_eq!(high, right.to_f64());
            let mut rest = right.clone();
            rest.add_uncounted(-high);
            assert_eq!(low, rest.to_f64());
        }
    }
}
