//! Where results go: what a kernel calls for each sum, and for many that are pairs at once.

use super::accumulator::Accumulator;
use super::interval::Interval;
use super::pairs::PairSlice;
use super::round::Format;

/// How all results are rounded.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounding {
    /// To this format.
    pub format: Format,
    /// Divided by their counts before.
    pub mean: bool,
}

/// What takes the results of a kernel, in any order; each once.
#[doc(hidden)]
pub trait Sink {
    /// One result.
    fn put(&self, index: usize, sum: &Accumulator);

    /// How results are rounded, if that is all that is wanted of them; `None` if the exact sums are.
    fn rounding(&self) -> Option<Rounding> {
        None
    }

    /// A result that was rounded as [`Sink::rounding`] says, to a finite number.
    fn put_rounded(&self, index: usize, bits: u64) {
        let _ = (index, bits);
        unreachable!("a sink that says how results are rounded takes them");
    }

    /// One result, if it is known well enough; otherwise the exact one has to be put.
    fn put_interval(&self, index: usize, sum: &Interval) -> bool {
        if let Some(Rounding { format, mean }) = self.rounding()
            && let divisor = if mean { sum.total.count() } else { 1 }
            && divisor != 0
            && let Some(bits) = sum.round_quotient(divisor, format)
        {
            if bits & format.infinity() != format.infinity() {
                self.put_rounded(index, bits);
            } else {
                // An overflow, or no finite sum, which is to be reported.
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

    /// The results `index, index + step, ...`, each the sum of `count` numbers; on a thread whose
    /// floating-point environment is the default one.
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
