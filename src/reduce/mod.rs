//! Sums over any axes of any array: how memory is taken apart for the kernels.
//!
//! - `reduce`: what is asked, and the choice of a way. `plan`: the request, its axes sorted.
//! - The ways: `runs`, long ones, each result from its own; `rows`, many short ones at once;
//!   `matrix`, panels of columns.

mod matrix;
mod plan;
pub(super) mod reduce;
mod rows;
mod runs;
