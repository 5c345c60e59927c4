//! Exact sums of the elements that carry the same label.
//!
//! - `group`: labels, tables of groups, and how they are filled.
//! - `cut`: numbers as pairs of integers, which is what a table adds.

mod cut;
pub(super) mod group;
