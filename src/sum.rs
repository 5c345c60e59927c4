//! Exact sums: the real-number sum of all numbers, rounded once, half to even.
//!
//! So it does not depend on the order, the layout, the threads or the processor. `docs/numerics.md`
//! states what is promised, and proves it for each kernel. The modules, each depending only on
//! those before it:
//!
//! - `binary64`: the fields of numbers.
//! - `array`: arrays in memory, and reading their elements.
//! - `exact`: exact sums as values, alone and in arrays, and rounding them.
//! - `kernel`: the arithmetic, for numbers that lie in memory in some regular way.
//! - The public functions: `reduce` (sums over any axes), `products` (of products), `cumulative`,
//!   `groups` (by label), `summary` (what other orders of summation lose).

pub use crate::array::dtype::Dtype;
pub use crate::array::view::{Axis, View, ViewMut};
pub use crate::cumulative::scan::{Misfit, ScanStatus, cumsum_axis, nancumsum_axis};
pub use crate::cumulative::slices::cumsum;
pub use crate::exact::accumulator::Accumulator;
pub use crate::exact::array::Cells;
pub use crate::exact::bulk::{round_f32, round_f64};
pub use crate::exact::bytes::{COMPLEX, INTEGERS, REALS, decode, encode};
pub use crate::exact::collect::Collector;
pub use crate::exact::interval::Interval;
pub use crate::exact::pairs::PairSlice;
pub use crate::exact::round::Format;
pub use crate::exact::sink::{Each, Rounding, Sink};
pub use crate::groups::cumulative::cumsum_groups;
pub use crate::groups::group::{sum_groups, sum_groups_into};
pub use crate::groups::labels::Labels;
pub use crate::products::dot::{dot, dot_contiguous, dot_f32};
pub use crate::products::vecdot::{Vectors, vecdot, vecdot_into};
pub use crate::reduce::Input;
pub use crate::reduce::squares::sum_of_squares_into;
pub use crate::reduce::sum::{
    collect, round_contiguous, round_contiguous_without_nan, sum_contiguous, sum_into,
};
pub use crate::summary::{Summary, summarize};

use crate::cpu;
use crate::kernel::slice;

/// The exact sum of a slice, rounded once to binary64. An empty sum is 0.0.
///
/// ```
/// assert_eq!(mypackage::sum::sum(&[1e308, 1e308, -1e308]), 1e308);
/// assert_eq!(mypackage::sum::sum(&[0.1; 10]), 1.0);
/// ```
pub fn sum(values: &[f64]) -> f64 {
    let bits = slice::round(cpu::isa(), values, Format::F64, false);
    bits.map_or_else(|sum| sum.to_f64(), f64::from_bits)
}

/// The exact sum of a slice, rounded once to binary32.
///
/// ```
/// assert_eq!(mypackage::sum::sum_f32(&[16_777_216.0, 1.0, 1.0]), 16_777_218.0);
/// ```
pub fn sum_f32(values: &[f32]) -> f32 {
    let bits = slice::round(cpu::isa(), values, Format::F32, false);
    bits.map_or_else(|sum| sum.to_f32(), |bits| f32::from_bits(bits as u32))
}
