//! Exact sums of the elements that carry the same label.
//!
//! - `cut`: numbers as pairs of integers, which is what a table adds.
//! - `table`: tables of groups, how they are filled and handed on.
//! - `labels`: what is known of labels in advance.
//! - `group`: arrays, line by line or several lines at once. `cumulative`: prefixes by label.

pub(super) mod cumulative;
mod cut;
pub(super) mod group;
pub(super) mod labels;
mod table;
#[cfg(test)]
mod tests;
