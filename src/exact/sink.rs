//! What receives the results of kernels, one by one, or as batches of pairs.

use super::accumulator::Accumulator;
use super::interval::Interval;
use super::pairs::PairSlice;
use super::round::Format;

/// How all results are rounded.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounding {
    /// The format.
    pub format: Format,
    /// Whether sums are divided by their counts.
    pub mean: bool,
}

/// Receives the results of a kernel in any order: each once or, with a [`Sink::rounding`], perhaps again with the
/// same value.
#[doc(hidden)]
pub trait Sink {
    /// Receives one result.
    fn put(&self, index: usize, sum: &Accumulator);

    /// How results are rounded, if only rounded results are needed; `None` if exact sums are.
    fn rounding(&self) -> Option<Rounding> {
        None
    }

    /// Receives a result that was rounded to a finite number as [`Sink::rounding`] says.
    fn put_rounded(&self, index: usize, bits: u64) {
        let _ = (index, bits);
        unreachable!("a sink that says how results are rounded takes them");
    }

    /// Receives one result if the interval decides it; otherwise returns false, and the exact sum
    /// must be put.
    fn put_interval(&self, index: usize, sum: &Interval) -> bool {
        if let Some(Rounding { format, mean }) = self.rounding()
            && let divisor = if mean { sum.total.count() } else { 1 }
            && divisor != 0
            && let Some(bits) = sum.round_quotient(divisor, format)
        {
            if bits & format.infinity() != format.infinity() {
                self.put_rounded(index, bits);
            } else {
                // An overflow, or a sum that is not finite, which must be reported.
                self.put(index, &sum.total);
            }
            return true;
        }
        let decided = sum.is_exact() || !sum.total.is_finite();
        if decided {
            self.put(index, &sum.total);
        }
        decided
    }

    /// Receives the results `index, index + step, ...`, each the sum of `count` numbers. The thread
    /// must have the default floating-point environment.
    fn put_pairs(&self, index: usize, step: usize, pairs: PairSlice<'_>, count: i64) {
        for result in 0..pairs.len() {
            self.put(index + result * step, &pairs.accumulator(result, count));
        }
    }
}

/// A function that receives the results one by one.
#[doc(hidden)]
pub struct Each<F>(pub F);

impl<F: Fn(usize, &Accumulator)> Sink for Each<F> {
    fn put(&self, index: usize, sum: &Accumulator) {
        self.0(index, sum);
    }
}
