//! The arithmetic: exact sums of numbers that lie in memory in some regular way.
//!
//! - `block`: the algorithm, for one block of adjacent numbers; read this first. `quiet` has the
//!   additions of AVX-512 that it can do with fewer of.
//! - `slice`: any number of adjacent numbers, block by block, the cheapest exact kernel for each.
//! - `strided`: numbers at equal distances. `runs`: many short runs. `columns`: down the columns of
//!   a matrix; `few`: of a few rows.
//! - `summand`: which of these is the one for a type of numbers.

pub(super) mod block;
pub(super) mod columns;
pub(super) mod few;
mod quiet;
pub(super) mod runs;
pub(super) mod slice;
pub(super) mod strided;
pub(super) mod summand;
