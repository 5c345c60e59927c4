//! Exact cumulative sums: every prefix rounded once.
//!
//! - `prefix`: the arithmetic; `lanes` has the cumulative sums within a vector.
//! - `tile`: the kernel along a line. `beside`: the kernel down columns.
//! - `slices`: cumulative sums of a slice. `scan`: along an axis of any array.

mod beside;
pub(super) mod lanes;
mod prefix;
pub(super) mod scan;
pub(super) mod slices;
#[cfg(test)]
mod tests;
mod tile;
