//! Exact cumulative sums: every prefix rounded once.
//!
//! - `prefix`: the arithmetic; `lanes` moves numbers within a vector for it.
//! - `tile`: the kernel along a line. `beside`: the one down columns.
//! - `slices`: of a slice. `scan`: along an axis of any array.

mod beside;
pub(super) mod lanes;
mod prefix;
pub(super) mod scan;
pub(super) mod slices;
#[cfg(test)]
mod tests;
mod tile;
