//! Sums over any axes of any array: how memory is taken apart for the kernels.
//!
//! - `reduce`: what is asked, and which way is taken: through runs of memory or down columns.
//! - `rows`: many short runs at once. `matrix`: panels of columns.

mod matrix;
pub(super) mod reduce;
mod rows;
