//! The arithmetic: exact sums of numbers that lie in memory in some regular way.
//!
//! - `number`: the types of numbers.
//! - `levels`: exact sums of one block of adjacent numbers, in any number of levels; read this first.
//!   `large_superaccumulator` takes the numbers that these can't, of any sizes.
//! - `certified`: sums of a block that are known up to a bound, for results that are rounded; and exact
//!   ones in two levels.
//! - `adaptive`: block after block, each by the cheapest kernel that serves. `slice`: any number of
//!   adjacent numbers, parallel where that pays. `hysteresis`: when what failed is tried again.
//! - `integers`: adjacent integers. `short_rows`: many short runs. `columns`: down the columns of a
//!   matrix; `few`: of a few rows.
//! - `summand`: which of these is the one for a type.

pub(super) mod adaptive;
pub(super) mod certified;
pub(super) mod columns;
pub(super) mod few;
mod hysteresis;
mod integers;
pub(super) mod large_superaccumulator;
pub(super) mod levels;
pub(super) mod number;
pub(super) mod short_rows;
pub(super) mod slice;
pub(super) mod summand;
