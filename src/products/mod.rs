//! Exact sums of products.
//!
//! - `block`: the arithmetic for one block of pairs.
//! - `dot`: products of two slices. `vecdot`: along an axis of any two arrays.

mod block;
pub(super) mod dot;
pub(super) mod vecdot;
