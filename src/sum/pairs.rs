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

    /// One of the sums, as any other.
    pub fn accumulator(&self, index: usize, count: i64) -> Accumulator {
        let mut sum = Accumulator::new();
        sum.add_uncounted(self.high[index]);
        sum.add_uncounted(self.low[index]);
        sum.add_zeros(count);
        sum
    }
}
