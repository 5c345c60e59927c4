//! Two levels for each column, of which the second is rounded: sums that are known up to a bound.
//!
//! The levels take the same values as those of `exact` do, so a second pass over the rows can tell where
//! nothing was lost.

use super::body::{Body, in_groups, prefetch_at};
use super::exact::moved;
use super::{Order, State, WIDTH};
use crate::array::view::Rows;
use crate::binary64::{ABSOLUTE, SIGN_AND_EXPONENT};
use crate::cpu::{dispatch, vectorized};
use crate::kernel::number::Number;
use crate::simd::Simd;

/// Adds to the levels.
struct Add<'a, S: Simd> {
    sums: &'a mut [[f64; WIDTH]; 2],
    escaped: S::V,
    /// Whether the next rows are prefetched.
    prefetches: bool,
}

impl<S: Simd, T: Number> Body<S, T> for Add<'_, S> {
    const VECTORS: usize = 4;

    #[inline(always)]
    fn add<const V: usize, const COUNT: usize, const MASKED: bool>(
        &mut self,
        simd: S,
        rows: Rows<'_, T>,
        column: usize,
        keep: S::V,
    ) {
        let part = rows.part(0, COUNT, column, V * S::W);
        let prefetches = self.prefetches;
        let one = simd.hidden_one();
        let [mut high, mut low] = [[simd.splat(0.0); V]; 2];
        for index in 0..V {
            high[index] = simd.read(&self.sums[0], column + index * S::W);
            low[index] = simd.read(&self.sums[1], column + index * S::W);
        }
        let mut escaped = self.escaped;
        for row in 0..COUNT {
            for index in 0..V {
                let at = index * S::W;
                if prefetches {
                    prefetch_at(part, row + COUNT, at);
                }
                let x = T::load_first(simd, &part.row(row)[at..]);
                let x = if MASKED { simd.and(x, keep) } else { x };
                let s = simd.add(high[index], x);
                // Whether all values of `high` are in one binade: the first of them is the bias.
                escaped = simd.or(escaped, simd.xor(s, high[index]));
                let rest = simd.minus(one, x, simd.minus(one, s, high[index]));
                low[index] = simd.add(low[index], rest);
                high[index] = s;
            }
        }
        self.escaped = escaped;
        for index in 0..V {
            simd.write(high[index], &mut self.sums[0], column + index * S::W);
            simd.write(low[index], &mut self.sums[1], column + index * S::W);
        }
    }
}

#[inline(always)]
fn add_certified_body<S: Simd, T: Number>(
    simd: S,
    rows: Rows<'_, T>,
    width: usize,
    order: Order,
    state: &mut State,
) -> bool {
    let mut body = Add {
        sums: &mut state.sums,
        escaped: simd.splat(0.0),
        prefetches: order == Order::Prefetched,
    };
    in_groups(simd, rows, width, order, &mut body);
    simd.any(body.escaped) & SIGN_AND_EXPONENT == 0
}

vectorized! {
    /// Adds rows to the columns; returns whether all first levels stayed in their binades.
    pub(super) fn add_certified[T: Number][T](
        rows: Rows<'_, T>, width: usize, order: Order, state: &mut State
    ) -> bool = add_certified_body
}

/// Looks for numbers that are smaller than the second level.
struct Compare<'a, S: Simd> {
    bias: &'a [f64; WIDTH],
    small: S::V,
}

impl<S: Simd, T: Number> Body<S, T> for Compare<'_, S> {
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
        let [absolute, last_bit] = [ABSOLUTE, 1].map(|bits| simd.splat(f64::from_bits(bits)));
        let mut smallest = [simd.splat(f64::INFINITY); V];
        for row in 0..COUNT {
            for index in 0..V {
                let x = T::load_first(simd, &part.row(row)[index * S::W..]);
                // The next smaller magnitude. A zero has none: its bits wrap around to a NaN, which the minimum
                // ignores.
                let before = simd.subtract_bits(simd.and(x, absolute), last_bit);
                smallest[index] = simd.smaller(before, smallest[index]);
            }
        }
        let exponent = simd.splat(f64::INFINITY);
        for index in 0..V {
            let bias = simd.read(self.bias, column + index * S::W);
            let least = simd.subtract_bits(simd.and(bias, exponent), last_bit);
            self.small = simd.or(self.small, simd.less(smallest[index], least));
        }
    }
}

#[inline(always)]
fn are_large_body<S: Simd, T: Number>(
    simd: S,
    rows: Rows<'_, T>,
    width: usize,
    order: Order,
    state: &State,
) -> bool {
    let mut body = Compare { bias: &state.bias[1], small: simd.splat(0.0) };
    in_groups(simd, rows, width, order, &mut body);
    simd.any(body.small) == 0
}

vectorized! {
    /// Whether each number is 0 or at least as large as the second level. The last bit of the level is then at
    /// most that of the number, so nothing was lost.
    pub(super) fn are_large[T: Number][T](
        rows: Rows<'_, T>, width: usize, order: Order, state: &State
    ) -> bool = are_large_body
}

#[inline(always)]
fn collect_all_body(state: &mut State, width: usize) {
    for level in 0..2 {
        for column in 0..width.min(WIDTH) {
            state.parts[level][column] += moved(state, level, column);
        }
    }
}

dispatch! {
    /// Adds the block's sums of all columns.
    pub(super) fn collect_all(state: &mut State, width: usize) = collect_all_body
}

#[inline(always)]
fn bounds_body(state: &State, errors: f64, bounds: &mut [f64]) {
    for (column, bound) in bounds.iter_mut().enumerate() {
        let bias = state.bias[1][column];
        // If the last bit is the smallest subnormal number, nothing is lost.
        let unit = f64::from_bits(bias.to_bits() + 1) - bias;
        *bound = if unit > f64::from_bits(1) { errors * unit } else { 0.0 };
    }
}

dispatch! {
    /// Bounds on the errors of the columns' sums, after additions that each lost at most one last bit.
    pub(super) fn bounds(state: &State, errors: f64, bounds: &mut [f64]) = bounds_body
}
