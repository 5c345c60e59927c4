//! Arrays in memory: what they are, and how their elements are read.
//!
//! - `request`: dtypes, axes, and what of an array is summed.
//! - `walk`: elements of any stride, alignment and byte order, masked or not, as native numbers;
//!   `convert`: the same as binary64 numbers or integers, without loss.
//! - `positions`: where the lines of several arrays of one shape begin.
//! - `memory`: how memory is asked for before its turn.

pub(super) mod convert;
pub(super) mod memory;
pub(super) mod positions;
pub(super) mod request;
pub(super) mod walk;
