//! Exact sums as values: kept, merged, rounded once, written as bytes.
//!
//! - `accumulator`: one sum of anything; `small_superaccumulator` holds what does not fit 128 bits.
//! - `interval`: a sum that is known up to a bound, which is enough to round most.
//! - `pairs`: up to a thousand sums that are two numbers each, as most sums of ordinary data are.
//! - `array`: arrays of sums, in pairs where these suffice. `sink`: where kernels put their results;
//!   `collect` is one that keeps them all.
//! - `round`, `quotient`, `bulk`: the one rounding, of a sum, of a quotient of two, of many at once.
//! - `scale`: multiples. `bytes`: what a file or another process gets.

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
