//! Arrays in memory, and reading their elements.
//!
//! - `dtype`: the types of elements.
//! - `view`: arrays owned by the caller, lines and rows of them; the only module that dereferences
//!   a caller's addresses.
//! - `element`: conversion of elements of any dtype, with masks, to what kernels take.
//! - `walk`: the order of axes, and iterating over positions.
//! - `memory`: prefetching and huge pages.

pub(crate) mod dtype;
pub(crate) mod element;
pub(crate) mod memory;
pub(crate) mod view;
pub(crate) mod walk;
