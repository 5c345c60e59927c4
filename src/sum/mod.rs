//! Exact sums: the real-number sum of all numbers, rounded once, half to even.
//!
//! One number, so it cannot depend on the order, the layout, the threads or the processor.
//! `docs/numerics.md` states what is promised, and why each kernel keeps it. From the ground up,
//! each standing on those before it:
//!
//! - `binary64`: the bits of numbers.
//! - `array`: arrays in memory, and how they are read.
//! - `state`: exact sums as values, alone and in arrays, and their rounding.
//! - `kernel`: the arithmetic, for numbers that lie in memory in some regular way.
//! - What users ask for: `axes` (sums over any axes), `products` (of products), `prefixes`
//!   (cumulative ones), `groups` (by label), `summary` (what other orders of summation lose).

mod array;
mod axes;
mod binary64;
mod groups;
mod kernel;
mod prefixes;
mod products;
mod state;
mod summary;
#[cfg(test)]
mod testing;

pub use array::request::{Axis, Dtype, Request};
#[cfg(feature = "python")]
pub(crate) use axes::reduce::sum_into;
pub use axes::reduce::{collect_axes, sum_axes, sum_contiguous};
pub use groups::group::sum_groups;
#[cfg(feature = "python")]
pub(crate) use groups::{group::sum_groups_into, labels::Labels};
pub use prefixes::cumulative::cumsum;
pub use prefixes::scan::{Misfit, ScanRequest, ScanStatus, cumsum_axis};
#[cfg(feature = "python")]
pub(crate) use products::dot::dot_contiguous;
pub use products::dot::{dot, dot_f32};
pub use products::vecdot::{DotRequest, Vectors, vecdot};
pub use state::accumulator::Accumulator;
#[cfg(feature = "python")]
pub(crate) use state::bulk::{round_f32, round_f64};
pub use state::bytes::{decode, encode};
pub use state::cells::Cells;
#[cfg(feature = "python")]
pub(crate) use state::collect::Collector;
#[cfg(feature = "python")]
pub(crate) use state::pairs::PairSlice;
pub use state::round::Format;
#[cfg(feature = "python")]
pub(crate) use state::sink::{Each, Sink};
pub use summary::{Summary, summarize};

use crate::cpu;
use kernel::slice;

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
