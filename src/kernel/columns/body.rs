//! The loop over rows that kernels share: a few vectors of columns in a few rows at a time.

use super::{Order, VECTOR, WIDTH, address};
use crate::array::memory::{CACHE_LINE, prefetch};
use crate::array::view::Rows;
use crate::kernel::number::Number;
use crate::simd::{Simd, WIDEST};

/// Rows during which a column's accumulators stay in registers.
const GROUP: usize = 8;

/// Prefetches the cache line that begins with a number; other numbers are ignored.
#[inline(always)]
pub(super) fn prefetch_at<T>(rows: Rows<'_, T>, row: usize, column: usize) {
    if (column * size_of::<T>()).is_multiple_of(CACHE_LINE) {
        prefetch(address(rows, row, column));
    }
}

/// A kernel's work on `V` vectors of columns in `COUNT` rows. If `MASKED`, columns outside the mask `keep` are
/// ignored.
pub(super) trait Body<S: Simd, T: Number> {
    /// Vectors that it takes at once, 2 or 4, so that none waits for the one before and all that they need
    /// stays in registers.
    const VECTORS: usize;

    fn add<const V: usize, const COUNT: usize, const MASKED: bool>(
        &mut self,
        simd: S,
        rows: Rows<'_, T>,
        column: usize,
        keep: S::V,
    );
}

/// Calls a body for all columns of a few rows. The last vector may overlap the one before; it leaves the shared
/// columns out.
#[inline(always)]
fn in_vectors<S: Simd, T: Number, B: Body<S, T>, const COUNT: usize>(
    simd: S,
    rows: Rows<'_, T>,
    row: usize,
    width: usize,
    body: &mut B,
) {
    let rows = rows.part(row, COUNT, 0, width);
    let keep = simd.splat(0.0);
    let (whole, pairs, fours) =
        (width - width % S::W, width - width % (2 * S::W), width - width % (4 * S::W));
    if B::VECTORS == 4 {
        for column in (0..fours).step_by(4 * S::W) {
            body.add::<4, COUNT, false>(simd, rows, column, keep);
        }
    }
    for column in (if B::VECTORS == 4 { fours } else { 0 }..pairs).step_by(2 * S::W) {
        body.add::<2, COUNT, false>(simd, rows, column, keep);
    }
    if pairs < whole {
        body.add::<1, COUNT, false>(simd, rows, pairs, keep);
    }
    if whole < width {
        let mut lanes = [0u64; WIDEST];
        lanes[whole + S::W - width..S::W].fill(u64::MAX);
        let keep = simd.read_bits(&lanes, 0);
        body.add::<1, COUNT, true>(simd, rows, width - S::W, keep);
    }
}

/// Calls a body for all columns of all rows.
#[inline(always)]
pub(super) fn in_groups<S: Simd, T: Number>(
    simd: S,
    rows: Rows<'_, T>,
    width: usize,
    order: Order,
    body: &mut impl Body<S, T>,
) {
    let width = width.min(WIDTH);
    assert!((VECTOR..=rows.width()).contains(&width));
    let grouped = if order == Order::Rows { 0 } else { rows.len() - rows.len() % GROUP };
    for row in (0..grouped).step_by(GROUP) {
        in_vectors::<S, T, _, GROUP>(simd, rows, row, width, body);
    }
    for row in grouped..rows.len() {
        in_vectors::<S, T, _, 1>(simd, rows, row, width, body);
    }
}
