//! The arithmetic: exact sums of numbers that lie in memory in some regular way.
//!
//! - `number`: the types of numbers.
//! - `levels`: the algorithm, for one block of adjacent numbers; read this first. `quiet` has the
//!   additions of AVX-512 that make it cheaper. `large_superaccumulator` takes the numbers that it can't, of any
//!   sizes.
//! - `halves`: blocks in two places of a large array.
//! - `adaptive`: block after block, each by the cheapest kernel that is exact for it. `slice`: any
//!   number of adjacent numbers, parallel where that pays.
//! - `integers`: adjacent integers. `short_rows`: many short runs.
//!   `columns`: down the columns of a matrix; `few`: of a few rows.
//! - `summand`: which of these is the one for a type.

pub(super) mod adaptive;
pub(super) mod certified;
pub(super) mod columns;
pub(super) mod few;
mod integers;
pub(super) mod large_superaccumulator;
pub(super) mod levels;
pub(super) mod number;
pub(super) mod short_rows;
pub(super) mod slice;
pub(super) mod summand;
