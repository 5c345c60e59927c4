//! Outliers: numbers that a frame does not take, summed exactly while they are in the window.

use super::tile::Frame;
use crate::exact::accumulator::Accumulator;

/// A number that the frame does not take, or what it leaves of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outlier {
    pub index: usize,
    pub value: f64,
    /// Whether the number entered the prefix sums as nothing.
    pub whole: bool,
}

/// The exact sums of the outliers in a window.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    pub sum: Accumulator,
    pub squares: Accumulator,
    /// Both rounded to two numbers, and whether these are up to date.
    pairs: Option<[[f64; 2]; 2]>,
}

impl Held {
    pub fn change(&mut self, outlier: Outlier, frame: &Frame, moments: bool, sign: f64) {
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

    /// The nearest numbers to the sums, and those to what these leave.
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
        let pairs = [pair(&self.sum), if moments { pair(&self.squares) } else { [0.0; 2] }];
        self.pairs = Some(pairs);
        pairs
    }
}
