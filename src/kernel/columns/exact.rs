//! Two levels for each column, and what they lose: each column is checked.

use super::body::{Body, in_groups, prefetch_at};
use super::{Order, State, WIDTH};
use crate::array::view::Rows;
use crate::binary64::SIGN_AND_EXPONENT;
use crate::cpu::{dispatch, vectorized};
use crate::kernel::number::Number;
use crate::simd::Simd;

/// Adds to the levels, and notes which columns were not exact.
struct Add<'a> {
    state: &'a mut State,
    /// Whether the next rows are prefetched.
    prefetches: bool,
}

impl<S: Simd, T: Number> Body<S, T> for Add<'_> {
    const VECTORS: usize = 2;

    #[inline(always)]
    fn add<const V: usize, const COUNT: usize, const MASKED: bool>(
        &mut self,
        simd: S,
        rows: Rows<'_, T>,
        column: usize,
        keep: S::V,
    ) {
        let Add { ref mut state, prefetches } = *self;
        let part = rows.part(0, COUNT, column, V * S::W);
        let one = simd.hidden_one();
        let zero = simd.splat(0.0);
        let (mut high, mut low) = ([zero; V], [zero; V]);
        let (mut escaped, mut remainder) = ([zero; V], [zero; V]);
        for index in 0..V {
            let at = column + index * S::W;
            high[index] = simd.read(&state.sums[0], at);
            low[index] = simd.read(&state.sums[1], at);
            escaped[index] = simd.read_bits(&state.escaped, at);
            remainder[index] = simd.read_bits(&state.remainder, at);
        }
        for row in 0..COUNT {
            for index in 0..V {
                let at = index * S::W;
                if prefetches {
                    prefetch_at(part, row + COUNT, at);
                }
                let x = T::load_first(simd, &part.row(row)[at..]);
                let x = if MASKED { simd.and(x, keep) } else { x };
                let s = simd.add(high[index], x);
                escaped[index] = simd.or(escaped[index], simd.xor(s, high[index]));
                let rest = simd.minus(one, x, simd.minus(one, s, high[index]));
                let t = simd.add(low[index], rest);
                let lost = simd.subtract(rest, simd.minus(one, t, low[index]));
                remainder[index] = simd.or(remainder[index], lost);
                high[index] = s;
                low[index] = t;
            }
        }
        for index in 0..V {
            let at = column + index * S::W;
            simd.write(high[index], &mut state.sums[0], at);
            simd.write(low[index], &mut state.sums[1], at);
            simd.write_bits(escaped[index], &mut state.escaped, at);
            simd.write_bits(remainder[index], &mut state.remainder, at);
        }
    }
}

#[inline(always)]
fn add_carefully_body<S: Simd, T: Number>(
    simd: S,
    rows: Rows<'_, T>,
    width: usize,
    order: Order,
    state: &mut State,
) {
    // This kernel loads and stores more than the levels, so keeping these in registers for several rows is worth
    // more than reading memory in order.
    let order = if order == Order::Rows { Order::Prefetched } else { order };
    in_groups(simd, rows, width, order, &mut Add { state, prefetches: order == Order::Prefetched });
}

vectorized! {
    /// Adds rows to the columns and notes which columns were not exact.
    pub(super) fn add_carefully[T: Number][T](
        rows: Rows<'_, T>, width: usize, order: Order, state: &mut State
    ) = add_carefully_body
}

/// A block's sum of a column, in units of the level's last bit.
#[inline(always)]
pub(super) fn moved(state: &State, level: usize, column: usize) -> i64 {
    state.sums[level][column].to_bits().wrapping_sub(state.bias[level][column].to_bits()) as i64
}

/// Adds the block's sums of the columns that stayed within their scale; returns whether all did.
#[inline(always)]
fn collect_each_body(state: &mut State, width: usize) -> bool {
    let mut any = 0;
    for column in 0..width.min(WIDTH) {
        let failed = state.escaped[column] & SIGN_AND_EXPONENT | state.remainder[column] << 1;
        any |= failed;
        for level in 0..2 {
            let moved = moved(state, level, column);
            state.parts[level][column] += if failed == 0 { moved } else { 0 };
        }
    }
    any == 0
}

dispatch! {
    pub(super) fn collect_each(state: &mut State, width: usize) -> bool = collect_each_body
}
