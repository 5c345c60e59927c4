//! Exact sums of the elements with the same label.
//!
//! - `cut`: numbers as pairs of integers, which tables add.
//! - `table`: tables of sums by label.
//! - `labels`: what is known about labels in advance.
//! - `group`: reductions of arrays by label. `cumulative`: cumulative sums by label.

pub(super) mod cumulative;
mod cut;
pub(super) mod group;
pub(super) mod labels;
mod table;
#[cfg(test)]
mod tests;
