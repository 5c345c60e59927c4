//! The scales of the columns: some binades above the largest number in a few rows.

use super::body::{Body, in_groups};
use super::{HEADROOM, Order, State, WIDTH};
use crate::array::view::Rows;
use crate::binary64::ABSOLUTE;
use crate::cpu::{dispatch, vectorized};
use crate::kernel::levels::{HIGHEST, LEVEL};
use crate::kernel::number::Number;
use crate::simd::Simd;

/// Finds the largest magnitudes, with a negative sign.
struct Largest<'a> {
    negative: &'a mut [f64; WIDTH],
}

impl<S: Simd, T: Number> Body<S, T> for Largest<'_> {
    const VECTORS: usize = 4;

    #[inline(always)]
    fn add<const V: usize, const COUNT: usize, const MASKED: bool>(
        &mut self,
        simd: S,
        rows: Rows<'_, T>,
        column: usize,
        _: S::V,
    ) {
        let part = rows.part(0, COUNT, column, V * S::W);
        let sign = simd.splat(-0.0);
        let mut smallest = [sign; V];
        for row in 0..COUNT {
            for index in 0..V {
                let x = T::load_first(simd, &part.row(row)[index * S::W..]);
                // (A NaN leaves the other.)
                smallest[index] = simd.smaller(simd.or(x, sign), smallest[index]);
            }
        }
        for index in 0..V {
            let at = column + index * S::W;
            let before = simd.read(self.negative, at);
            simd.write(simd.smaller(smallest[index], before), self.negative, at);
        }
    }
}

#[inline(always)]
fn measure_body<S: Simd, T: Number>(
    simd: S,
    rows: Rows<'_, T>,
    width: usize,
    negative: &mut [f64; WIDTH],
) {
    in_groups(simd, rows, width, Order::Groups, &mut Largest { negative });
}

vectorized! {
    /// Lowers `negative` to the negative magnitudes of the columns' numbers; NaNs are ignored.
    pub(super) fn measure[T: Number][T](
        rows: Rows<'_, T>, width: usize, negative: &mut [f64; WIDTH]
    ) = measure_body
}

/// The bits of the biases of two levels for numbers up to a magnitude, as `levels::levels` and
/// `levels::scale` have them; `None` for zeros, and if the first level is beyond the range.
#[inline(always)]
fn biases(magnitude: u64) -> Option<[u64; 2]> {
    const HALF: u64 = 1 << 51;
    let first = (magnitude >> 52).max(1) + HEADROOM as u64;
    let second = first.saturating_sub(LEVEL as u64).max(1);
    let is_within = magnitude != 0 && first <= (HIGHEST + 1023) as u64;
    is_within.then_some([first << 52 | HALF, second << 52 | HALF])
}

#[inline(always)]
fn choose_body(state: &mut State, width: usize, period: usize) {
    // The measured magnitudes are where the sums will be: nothing was added yet.
    let State { sums: [negative, _], bias: [upper, lower], .. } = state;
    let (own, copies) = negative[..width].split_at_mut(period);
    for copy in copies.chunks_exact(period) {
        for (own, other) in own.iter_mut().zip(copy) {
            *own = own.min(*other);
        }
    }
    for column in 0..period.min(WIDTH) {
        if let Some(bias) = biases(own[column].to_bits() & ABSOLUTE) {
            [upper[column], lower[column]] = bias.map(f64::from_bits);
        }
    }
    for bias in [upper, lower] {
        let (own, copies) = bias[..width].split_at_mut(period);
        copies.chunks_exact_mut(period).for_each(|copy| copy.copy_from_slice(own));
    }
}

dispatch! {
    /// Chooses the biases of the columns for the numbers that were measured in `state.sums[0]`.
    pub(super) fn choose(state: &mut State, width: usize, period: usize) = choose_body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::levels::{levels, scale};

    #[test]
    fn biases_are_those_of_levels() {
        for field in 0..2048 {
            for fraction in [0, 1, (1 << 52) - 1] {
                let magnitude = field << 52 | fraction;
                let expected = scale(field as i32, HEADROOM).filter(|_| magnitude != 0);
                let expected = expected.map(|first| levels::<2>(first, LEVEL).1.map(f64::to_bits));
                assert_eq!(biases(magnitude), expected, "{field} {fraction}");
            }
        }
    }
}
