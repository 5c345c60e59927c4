//! Statistics of moving windows: each result is computed from its window's elements alone, rounded
//! once.
//!
//! Missing elements (NaN, or the lowest integer of time differences) are left out and counted; a
//! window with fewer than `least` others has no result, nor has a variance without degrees of
//! freedom. With n elements that count, Sx their exact sum and Sxx that of their squares:
//!
//! - sum: Sx; mean: Sx / n; each rounded once, half to even.
//! - variance: (n Sxx - Sx^2) / (n (n - ddof)), rounded once; its root: the root of that quotient,
//!   rounded once.
//! - infinities give +-infinity or NaN for sums and means and NaN for the others, as long as they
//!   are in the window.
//!
//! So a result does not depend on earlier elements, on threads or on the processor.
//!
//! - `lanes`: the kernels for full windows of numbers of similar magnitude. `stretch`: the parts of
//!   a line that these handle.
//! - `plain`: full windows of binary32 numbers and of integers, whose sums fit one number.
//! - `columns`: neighbouring columns as lines. `source`: numbers and results of other types than binary64.
//! - `tile`: the kernels for all other windows. `certified`: rounding sums in two parts.
//! - `line`: the results of a line. `outliers`: numbers that the tiles cannot hold.
//! - `decide`: undecided results, from exact sums.
//! - `running`: exact sums of the window's elements, for everything else.
//! - `bounds`: windows by indices. `request`: arrays and their results. `segments`: consecutive
//!   windows.

mod bounds;
mod certified;
mod columns;
mod decide;
mod lanes;
mod line;
mod outliers;
mod plain;
mod request;
mod running;
mod segments;
mod source;
mod stretch;
#[cfg(test)]
mod tests;
mod tile;

pub use bounds::Bounds;
pub use request::{WindowRequest, WindowStatus, Windows, move_windows};
pub use segments::segment_sums;

use crate::exact::round::Format;

/// The statistic of each window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// The sum.
    Sum,
    /// The sum divided by the number of elements.
    Mean,
    /// The mean square of the distances from the mean.
    Var,
    /// The root of that.
    Std,
}

impl Statistic {
    fn is_moment(self) -> bool {
        matches!(self, Statistic::Var | Statistic::Std)
    }
}

/// The parameters of all windows.
#[derive(Debug, Clone, Copy)]
struct Options {
    statistic: Statistic,
    /// The length of the longest window.
    window: usize,
    /// Windows with fewer elements have no result.
    least: usize,
    ddof: i64,
    format: Format,
}

impl Options {
    /// Whether a window with this many elements has a result.
    fn is_enough(&self, count: usize) -> bool {
        // (An empty sum is a result, if `least` is 0.)
        let free = match self.statistic {
            Statistic::Sum => 1,
            Statistic::Mean => count as i128,
            Statistic::Var | Statistic::Std => {
                (count as i128 - i128::from(self.ddof)).min(count as i128)
            }
        };
        count >= self.least && free > 0
    }
}

impl Format {
    /// The number that has these bits.
    fn number(self, bits: u64) -> f64 {
        match self {
            Format::F64 => f64::from_bits(bits),
            Format::F32 => f32::from_bits(bits as u32).into(),
            _ => half(bits as u16),
        }
    }
}

/// A binary16 number.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => return f64::NAN,
        0 => fraction * crate::binary64::power_of_two(-24),
        _ => (fraction + 1024.0) * crate::binary64::power_of_two(exponent - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

/// The bits of a number that binary16 holds.
fn half_bits(x: f64) -> u16 {
    let sign = (x.to_bits() >> 48) as u16 & 0x8000;
    let magnitude = x.abs();
    let bits = if magnitude.is_nan() {
        return Format::F16.nan() as u16;
    } else if magnitude < crate::binary64::power_of_two(-14) {
        (magnitude * crate::binary64::power_of_two(24)) as u16
    } else {
        (magnitude.to_bits() >> 42).saturating_sub((1023 - 15) << 10).min(Format::F16.infinity())
            as u16
    };
    sign | bits
}
