//! Exact sums by label: `group`.

pub(super) mod group;
