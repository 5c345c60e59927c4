//! Arrays in memory: what they are, and how their elements are read.
//!
//! - `dtype`: the types of elements.
//! - `view`: arrays that others own, lines through them and rows of them; the one place that follows
//!   a caller's addresses.
//! - `element`: elements of any dtype, masked or not, as the numbers that kernels take.
//! - `walk`: the order of axes, and all positions along them.
//! - `memory`: when memory is asked for in advance.

pub(crate) mod dtype;
pub(crate) mod element;
pub(crate) mod memory;
pub(crate) mod view;
pub(crate) mod walk;
