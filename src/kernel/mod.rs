//! The arithmetic: exact sums of numbers that lie in memory in some regular way.
//!
//! - `number`: the types of numbers.
//! - `levels`: exact sums of one block of adjacent numbers, in any number of levels; read this first.
//!   `large_superaccumulator` adds numbers of any magnitudes.
//! - `certified`: sums of a block with error bounds, for rounded results; and exact ones in two
//!   levels.
//! - `adaptive`: sums block by block, each by the cheapest kernel that succeeds. `slice`: any
//!   number of
//!   adjacent numbers, parallel where that pays. `hysteresis`: when to try a failed kernel again.
//! - `integers`: adjacent integers. `short_rows`: many short runs. `columns`: down the columns of a
//!   matrix; `few`: of a few rows.
//! - `summand`: the kernels for each type.

pub(super) mod adaptive;
pub(super) mod certified;
pub(super) mod columns;
pub(super) mod few;
pub(super) mod hysteresis;
mod integers;
pub(super) mod large_superaccumulator;
pub(super) mod levels;
pub(super) mod number;
pub(super) mod short_rows;
pub(super) mod slice;
pub(super) mod summand;
