//! The kernel for sums down columns of a few rows: each sum is a pair of numbers.
//!
//! The pair is kept exact by two error-free additions for each number (Knuth 1969). That is more
//! work for each number than in `columns`, but needs no set-up and no final step.

use super::levels::any;
use super::number::Number;
use crate::array::view::Rows;
use crate::cpu::dispatch;
use crate::exact::pairs::{BATCH, Pairs, two_sum};

/// The largest number of rows; for more, `columns` is faster.
const MOST: usize = 16;
/// The fewest columns: a vector.
const NARROWEST: usize = 8;

/// Whether the kernel accepts this many rows and columns.
pub(crate) fn suits(rows: usize, columns: usize) -> bool {
    (2..=MOST).contains(&rows) && (NARROWEST..=BATCH).contains(&columns)
}

#[inline(always)]
fn sum_few_body<T: Number, const W: usize>(rows: Rows<'_, T>, pairs: &mut Pairs) -> bool {
    let width = rows.width();
    assert!(rows.len() > 1 && (NARROWEST..=BATCH).contains(&width));
    let mut lost = [0; W];
    for column in (0..width).step_by(W) {
        // The last vector may overlap the previous one.
        let column = column.min(width - W);
        let part = rows.part(0, rows.len(), column, W);
        let load = |row: usize| -> [T; W] { *part.row(row).first_chunk().expect("W columns") };
        let mut high = load(0).map(T::widen);
        let mut low = [0.0; W];
        for row in 1..rows.len() {
            let x = load(row).map(T::widen);
            for lane in 0..W {
                let (sum, rest) = two_sum(high[lane], x[lane]);
                let (rests, left) = two_sum(low[lane], rest);
                (high[lane], low[lane]) = (sum, rests);
                // An infinity or a NaN leaves a NaN.
                lost[lane] |= left.to_bits() << 1;
            }
        }
        for lane in 0..W {
            lost[lane] |= u64::from(low[lane].is_nan());
        }
        pairs.high[column..column + W].copy_from_slice(&high);
        pairs.low[column..column + W].copy_from_slice(&low);
    }
    any(lost) == 0
}

dispatch! {
    /// Sums the columns of at least two rows; false if a column's sum is not a pair of numbers.
    pub(super) fn sum_few[T: Number][T](rows: Rows<'_, T>, pairs: &mut Pairs) -> bool
        = sum_few_body::<T, {W}>
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Isa;
    use crate::exact::accumulator::Accumulator;
    use crate::testing::numbers;

    #[test]
    fn every_shape_and_spread() {
        for (seed, spread) in [0, 3, 40, 90, 2000].into_iter().enumerate() {
            for centre in [-1060, 0, 1000] {
                let mut values = numbers(MOST * 50, centre, spread, seed as u64);
                for special in [1.0, -0.0, f64::INFINITY, f64::NAN] {
                    values[77] = special;
                    check(&values, spread <= 3 && centre == 0 && special.is_finite());
                }
            }
        }
    }

    fn check(values: &[f64], must_work: bool) {
        for (count, width) in [(2, 8), (3, 50), (7, 31), (MOST, 17), (5, 16)] {
            let rows = Rows::of(&values[..50 * count], 50).part(0, count, 0, width);
            for isa in Isa::available() {
                let mut pairs = Pairs::new();
                let worked = sum_few(isa, rows, &mut pairs);
                assert!(worked || !must_work);
                for column in 0..if worked { width } else { 0 } {
                    let terms = values.chunks(50).take(count).map(|row| row[column]);
                    let expected: Accumulator = terms.collect();
                    assert_eq!(pairs.first(width).accumulator(column, count as i64), expected);
                }
            }
        }
    }
}
