//! Where results go: what a kernel calls for each sum, and for many that are pairs at once.

use super::accumulator::Accumulator;
use super::pairs::PairSlice;

/// What takes the results of a kernel, in any order; each once.
#[doc(hidden)]
pub trait Sink {
    /// One result.
    fn put(&self, index: usize, sum: &Accumulator);

    /// The results `index, index + step, ...`, each the sum of `count` numbers; in the default
    /// floating-point environment.
    fn put_pairs(&self, index: usize, step: usize, pairs: PairSlice<'_>, count: i64) {
        for result in 0..pairs.len() {
            self.put(index + result * step, &pairs.accumulator(result, count));
        }
    }
}

/// A function that takes the results one by one.
#[doc(hidden)]
pub struct Each<F>(pub F);

impl<F: Fn(usize, &Accumulator)> Sink for Each<F> {
    fn put(&self, index: usize, sum: &Accumulator) {
        self.0(index, sum);
    }
}
