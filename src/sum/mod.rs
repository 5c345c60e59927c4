//! Exact sums: the real-number sum of all numbers, rounded once, half to even.
//!
//! One number, so it cannot depend on the order, the layout, the threads or the processor.
//! `docs/numerics.md` states what is promised, and why each kernel keeps it. From the outside in:
//!
//! - `request`, `axes`, `rows`, `matrix`, `walk`, `positions`: what of which array is summed, and how
//!   memory is taken apart for the kernels: as slices, as many short runs, as columns, as strided
//!   lines.
//! - `slice`, `runs`, `columns`, `few`, `strided`: the sums of these; `block`, `quiet` and `bins` have the
//!   arithmetic, `memory` the ways to ask for memory in advance.
//! - `dot`, `vecdot`, `products`: of products. `scan`, `cumulative`, `tile`, `beside`: of prefixes,
//!   whose arithmetic is in `prefix` and `lanes`. `group`: by label. `summary`: what other orders of
//!   summation lose.
//! - `accumulator`, `digits`, `pairs`, `cells`: exact sums as values, alone and in arrays (`collect`
//!   fills one); `round`, `bulk`, `quotient` round them, `bytes` keeps them. `summand`, `convert`: the types of numbers.

mod accumulator;
mod axes;
mod beside;
mod bins;
mod block;
#[cfg(any(feature = "python", test))]
mod bulk;
mod bytes;
mod cells;
mod collect;
mod columns;
mod convert;
mod cumulative;
mod digits;
mod dot;
mod few;
mod group;
mod lanes;
mod matrix;
mod memory;
mod pairs;
mod positions;
mod prefix;
mod products;
mod quiet;
mod quotient;
mod request;
mod round;
mod rows;
mod runs;
mod scan;
mod slice;
mod strided;
mod summand;
mod summary;
#[cfg(test)]
mod testing;
mod tile;
mod vecdot;
mod walk;

pub use accumulator::Accumulator;
#[cfg(feature = "python")]
pub(crate) use axes::{Each, Sink, sum_into};
pub use axes::{collect_axes, sum_axes, sum_contiguous};
#[cfg(feature = "python")]
pub(crate) use bulk::{round_f32, round_f64};
pub use bytes::{decode, encode};
pub use cells::Cells;
#[cfg(feature = "python")]
pub(crate) use collect::Collector;
pub use cumulative::cumsum;
#[cfg(feature = "python")]
pub(crate) use dot::dot_contiguous;
pub use dot::{dot, dot_f32};
pub use group::sum_groups;
#[cfg(feature = "python")]
pub(crate) use group::{Labels, sum_groups_into};
#[cfg(feature = "python")]
pub(crate) use pairs::PairSlice;
pub use request::{Axis, Dtype, Request};
pub use round::Format;
pub use scan::{Misfit, ScanRequest, ScanStatus, cumsum_axis};
pub use summary::{Summary, summarize};
pub use vecdot::{DotRequest, Vectors, vecdot};

use crate::cpu;

/// The exact sum of a slice, rounded once to binary64. The sum of nothing is 0.0.
///
/// ```
/// assert_eq!(mypackage::sum::sum(&[1e308, 1e308, -1e308]), 1e308);
/// assert_eq!(mypackage::sum::sum(&[0.1; 10]), 1.0);
/// ```
pub fn sum(values: &[f64]) -> f64 {
    slice::sum(cpu::isa(), values).to_f64()
}

/// The exact sum of a slice, rounded once to binary32.
///
/// ```
/// assert_eq!(mypackage::sum::sum_f32(&[16_777_216.0, 1.0, 1.0]), 16_777_218.0);
/// ```
pub fn sum_f32(values: &[f32]) -> f32 {
    slice::sum(cpu::isa(), values).to_f32()
}
