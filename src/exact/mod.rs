//! Exact sums as values: stored, merged, rounded once, serialised.
//!
//! - `accumulator`: a single sum; `small_superaccumulator` holds sums beyond 128 bits.
//! - `interval`: a sum that is known up to an error bound, which usually suffices to round it.
//! - `pairs`: up to a thousand sums, each as the unevaluated sum of two numbers, which suffices for
//!   most data.
//! - `array`: arrays of sums, as pairs where these suffice. `sink`: what receives the results of
//!   kernels; `collect` is one that stores them all.
//! - `round`, `quotient`, `bulk`: rounding a sum, a quotient of two sums, many sums at once.
//! - `scale`: multiples. `bytes`: the serialised form.

pub(super) mod accumulator;
pub(super) mod array;
pub(super) mod bulk;
pub(super) mod bytes;
pub(super) mod collect;
pub(super) mod interval;
pub(super) mod pairs;
mod quotient;
pub(super) mod round;
mod scale;
pub(super) mod sink;
mod small_superaccumulator;
