//! Exact results as pairs of numbers.

use super::accumulator::Accumulator;

/// Results in one batch.
pub(crate) const BATCH: usize = 1024;

/// Up to [`BATCH`] results, each exactly `high + low`, both finite and far from overflow.
#[derive(Debug)]
#[repr(align(64))] // A vector that crosses cache lines takes twice as long.
pub(crate) struct Pairs {
    /// The upper parts.
    pub high: [f64; BATCH],
    /// The lower parts.
    pub low: [f64; BATCH],
}

impl Pairs {
    pub fn new() -> Box<Pairs> {
        Box::new(Pairs { high: [0.0; BATCH], low: [0.0; BATCH] })
    }

    /// One of the sums, if both its parts and itself are 64-bit integers.
    #[cfg(any(feature = "python", test))]
    #[inline]
    pub fn integer(&self, index: usize) -> Option<i64> {
        let [high, low] = [self.high[index], self.low[index]];
        let whole = (high as i64 as f64, low as i64 as f64) == (high, low);
        // The conversion to an integer ends at i64::MAX, and that back to a number at 2^63.
        let fits = high.abs() < 2f64.powi(63) && low.abs() < 2f64.powi(63);
        (whole && fits).then(|| (high as i64).checked_add(low as i64)).flatten()
    }

    /// One of the sums, as any other.
    pub fn accumulator(&self, index: usize, count: i64) -> Accumulator {
        let mut sum = Accumulator::new();
        sum.add_uncounted(self.high[index]);
        sum.add_uncounted(self.low[index]);
        sum.add_zeros(count);
        sum
    }
}

/// `a + b` and its rounding error (Knuth 1969).
#[inline(always)]
pub(super) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let from_b = sum - a;
    (sum, (a - (sum - from_b)) + (b - from_b))
}
