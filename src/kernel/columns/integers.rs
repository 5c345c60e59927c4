//! Integers: parts of them, whose 64-bit sums are exact.

use super::{Lanes, WIDTH, address, load};
use crate::array::memory::prefetch;
use crate::array::view::Rows;
use crate::cpu::dispatch;
use crate::kernel::number::Integer;

/// All bits in the lanes from `first` on.
#[inline(always)]
fn lanes_from<const W: usize>(first: usize) -> [u64; W] {
    std::array::from_fn(|lane| if lane >= first { u64::MAX } else { 0 })
}

#[inline(always)]
fn vector<T: Copy, const W: usize>(lanes: &Lanes<T>, column: usize) -> [T; W] {
    std::array::from_fn(|lane| lanes[column + lane])
}

/// Adds `COUNT` rows to `W` columns, the first `skip` lanes excepted.
#[inline(always)]
fn add_integer_group<T: Integer, const W: usize, const COUNT: usize>(
    rows: Rows<'_, T>,
    column: usize,
    skip: usize,
    parts: &mut [Lanes<i64>; 2],
) {
    let keep = lanes_from::<W>(skip);
    let part = rows.part(0, COUNT, column, W);
    let mut high: [i64; W] = vector(&parts[0], column);
    let mut low: [i64; W] = vector(&parts[1], column);
    for row in 0..COUNT {
        // The next rows are too far away for the hardware prefetcher.
        prefetch(address(part, row + COUNT, 0));
        let x: [T; W] = load(part, row, 0);
        for lane in 0..W {
            let part = x[lane].parts();
            high[lane] += part[0] & keep[lane] as i64;
            low[lane] += part[1] & keep[lane] as i64;
        }
    }
    parts[0][column..column + W].copy_from_slice(&high);
    parts[1][column..column + W].copy_from_slice(&low);
}

/// Adds `COUNT` rows to all vectors of columns. The last vector may overlap the one before; it adds zeros to the
/// shared columns.
#[inline(always)]
fn add_some_integers<T: Integer, const W: usize, const COUNT: usize>(
    rows: Rows<'_, T>,
    start: usize,
    width: usize,
    parts: &mut [Lanes<i64>; 2],
) {
    let rows = rows.part(start, COUNT, 0, width);
    let whole = width - width % W;
    for column in (0..whole).step_by(W) {
        add_integer_group::<T, W, COUNT>(rows, column, 0, parts);
    }
    if whole < width {
        add_integer_group::<T, W, COUNT>(rows, width - W, whole + W - width, parts);
    }
}

#[inline(always)]
fn add_integers_body<T: Integer, const W: usize>(
    rows: Rows<'_, T>,
    width: usize,
    parts: &mut [Lanes<i64>; 2],
) {
    // Groups of rows, for which a column's state stays in registers; then pairs and single ones.
    const GROUP: usize = 8;
    let width = width.min(WIDTH);
    let grouped = rows.len() - rows.len() % GROUP;
    for row in (0..grouped).step_by(GROUP) {
        add_some_integers::<T, W, GROUP>(rows, row, width, parts);
    }
    let paired = rows.len() - rows.len() % 2;
    for row in (grouped..paired).step_by(2) {
        add_some_integers::<T, W, 2>(rows, row, width, parts);
    }
    if paired < rows.len() {
        add_some_integers::<T, W, 1>(rows, paired, width, parts);
    }
}

dispatch! {
    /// Adds rows of integers to the columns' parts.
    pub(super) fn add_integers[T: Integer][T](rows: Rows<'_, T>, width: usize, parts: &mut [Lanes<i64>; 2])
        = add_integers_body::<T, {W}>
}
