//! The kernel for cumulative sums down the columns of a matrix, read row by row.

use std::ops::Range;

use super::prefix::{Prefix, Split, TILE, biases, first_level, fitted};
use crate::array::element::Native;
use crate::array::view::{Rows, RowsMut};
use crate::cpu::{Isa, dispatch};
use crate::interrupt::Interrupt;
use crate::kernel::levels::highest_exponent;
use crate::kernel::number::Number;

/// Columns processed together, whose prefixes stay in the first-level cache.
pub(super) const WIDTH: usize = 512;
/// Rows for which a vector of columns stays in registers.
const GROUP: usize = 8;

/// The prefixes of up to [`WIDTH`] columns of floating-point numbers.
pub(super) struct Beside {
    isa: Isa,
    /// The exponent of the first level of all columns.
    first: Option<i32>,
    /// Each prefix in two parts, before and after a block of rows.
    before: Parts,
    after: Parts,
}

type Parts = [[f64; WIDTH]; 2];

impl Beside {
    pub fn new(isa: Isa) -> Box<Beside> {
        let nothing = [[0.0; WIDTH]; 2];
        Box::new(Beside { isa, first: None, before: nothing, after: nothing })
    }

    /// Writes the prefixes of columns; returns whether they are exact.
    pub fn scan<T: Number + Prefix>(
        &mut self,
        rows: Rows<'_, T>,
        mut out: RowsMut<'_, T>,
        interrupt: &Interrupt,
    ) -> bool {
        assert!(rows.width() <= WIDTH && rows.width() == out.width() && rows.len() == out.len());
        self.before = [[0.0; WIDTH]; 2];
        let mut blocks = (0..rows.len()).step_by(TILE).take_while(|_| !interrupt.is_set());
        blocks.all(|start| {
            let block = rows.skip(start).truncate(TILE);
            let mut out = out.part(start, TILE);
            self.first.is_some_and(|first| self.add_block(block, &mut out, first))
                || self
                    .suitable_level(block)
                    .is_some_and(|first| self.add_block(block, &mut out, first))
        })
    }

    /// Chooses the levels for a block of rows.
    fn suitable_level<T: Number + Prefix>(&mut self, rows: Rows<'_, T>) -> Option<i32> {
        let exponents = (0..rows.len()).map(|row| highest_exponent(self.isa, rows.row(row)));
        let highest = exponents.fold(0, i32::max);
        let prefixes = self.before[0][..rows.width()].iter();
        let first = first_level(highest, prefixes.fold(0.0, |most: f64, x| most.max(x.abs())))
            .filter(|&first| first <= T::HIGHEST && self.first != Some(first));
        self.first = first.or(self.first);
        first
    }

    fn add_block<T: Number + Prefix>(
        &mut self,
        rows: Rows<'_, T>,
        out: &mut RowsMut<'_, T>,
        first: i32,
    ) -> bool {
        let exact = add_block(self.isa, rows, out, first, &self.before, &mut self.after);
        if exact {
            std::mem::swap(&mut self.before, &mut self.after);
        }
        exact
    }
}

/// Adds `COUNT` rows to the sums of `W` columns, and writes these.
#[inline(always)]
fn add_rows<T: Number + Prefix, const W: usize, const COUNT: usize>(
    rows: Rows<'_, T>,
    out: &mut RowsMut<'_, T>,
    start: usize,
    column: usize,
    parts: &mut Parts,
    split: &mut Split<W>,
) {
    let [mut high, mut low]: [[f64; W]; 2] =
        [0, 1].map(|part| std::array::from_fn(|lane| parts[part][column + lane]));
    let columns = column..column + W;
    for row in start..start + COUNT {
        let x: [f64; W] = std::array::from_fn(|lane| rows.row(row)[columns.clone()][lane].widen());
        let [x, rest] = split.split(x);
        let to = &mut out.row(row)[columns.clone()];
        for lane in 0..W {
            high[lane] += x[lane];
            low[lane] += rest[lane];
            to[lane] = T::of_parts(high[lane], low[lane]);
        }
    }
    parts[0][columns.clone()].copy_from_slice(&high);
    parts[1][columns].copy_from_slice(&low);
}

/// All rows of some columns.
#[inline(always)]
fn add_columns<T: Number + Prefix, const W: usize>(
    rows: Rows<'_, T>,
    out: &mut RowsMut<'_, T>,
    range: Range<usize>,
    parts: &mut Parts,
    split: &mut Split<W>,
) {
    let grouped = rows.len() - rows.len() % GROUP;
    for row in (0..grouped).step_by(GROUP) {
        for column in range.clone().step_by(W) {
            add_rows::<T, W, GROUP>(rows, out, row, column, parts, split);
        }
    }
    for row in grouped..rows.len() {
        for column in range.clone().step_by(W) {
            add_rows::<T, W, 1>(rows, out, row, column, parts, split);
        }
    }
}

/// Columns in whole vectors of `W`; the rest in vectors of four, two and one.
#[inline(always)]
fn shares<const W: usize>(width: usize) -> [Range<usize>; 4] {
    let up_to = |lanes: usize| (width - width % lanes).max(width - width % W);
    [0..width - width % W, up_to(8)..up_to(4), up_to(4)..up_to(2), up_to(2)..width]
}

#[inline(always)]
fn add_block_body<T: Number + Prefix, const W: usize>(
    rows: Rows<'_, T>,
    out: &mut RowsMut<'_, T>,
    first: i32,
    before: &Parts,
    parts: &mut Parts,
) -> bool {
    let mut fit = true;
    for column in 0..rows.width() {
        let (both, fits) = fitted([before[0][column], before[1][column]], biases(first));
        (parts[0][column], parts[1][column]) = (both[0], both[1]);
        fit &= fits;
    }
    let [whole, fours, twos, ones] = shares::<W>(rows.width());
    macro_rules! add {
        ($lanes:expr, $range:expr) => {{
            let mut split = Split::<{ $lanes }>::new(first);
            add_columns(rows, out, $range, parts, &mut split);
            split.is_exact()
        }};
    }
    fit && add!(W, whole) && add!(4, fours) && add!(2, twos) && add!(1, ones)
}

dispatch! {
    /// Writes the prefixes of rows, continuing from sums in two parts, and returns the last ones;
    /// whether all are exact.
    fn add_block[T: Number + Prefix][T](
        rows: Rows<'_, T>, out: &mut RowsMut<'_, T>, first: i32, before: &Parts, parts: &mut Parts
    ) -> bool = add_block_body::<T, {W}>
}

/// Writes the prefixes of integers; returns whether none overflowed.
pub(super) fn scan_integers<T: Native>(
    isa: Isa,
    rows: Rows<'_, T>,
    mut out: RowsMut<'_, u64>,
    interrupt: &Interrupt,
) -> bool {
    assert!(rows.width() <= WIDTH && rows.width() == out.width() && rows.len() == out.len());
    let mut sums = [0; WIDTH];
    let mut blocks = (0..rows.len()).step_by(TILE).take_while(|_| !interrupt.is_set());
    blocks.all(|start| {
        let block = rows.skip(start).truncate(TILE);
        add_integers(isa, block, &mut out.part(start, TILE), &mut sums)
    })
}

#[inline(always)]
fn add_integers_body<T: Native>(
    rows: Rows<'_, T>,
    out: &mut RowsMut<'_, u64>,
    sums: &mut [u64; WIDTH],
) -> bool {
    // The highest bit tells whether a sum overflowed.
    let mut lost = 0;
    for row in 0..rows.len() {
        for ((x, sum), to) in rows.row(row).iter().zip(&mut *sums).zip(out.row(row)) {
            let after = sum.wrapping_add(x.integer() as u64);
            lost |= x.lost(*sum, after);
            *sum = after;
            *to = after;
        }
    }
    lost >> 63 == 0
}

dispatch! {
    /// Adds rows of integers to the sums, and writes these; returns whether none overflowed.
    fn add_integers[T: Native][T](
        rows: Rows<'_, T>, out: &mut RowsMut<'_, u64>, sums: &mut [u64; WIDTH]
    ) -> bool = add_integers_body::<T>
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::accumulator::Accumulator;
    use crate::testing::numbers;

    /// Rows of `T`, with some space after each.
    struct Matrix<T> {
        width: usize,
        values: Vec<T>,
    }

    const GAP: usize = 3;

    impl<T: Copy> Matrix<T> {
        fn new(width: usize, values: &[T], gap: T) -> Matrix<T> {
            let rows = values.chunks(width);
            let values = rows.flat_map(|row| row.iter().copied().chain([gap; GAP]));
            Matrix { width, values: values.collect() }
        }

        fn column(&self, column: usize) -> impl Iterator<Item = T> {
            let stride = self.width + GAP;
            self.values[column..].iter().step_by(stride).copied()
        }

        fn rows(&self) -> Rows<'_, T> {
            let rows = Rows::of(&self.values, self.width + GAP);
            rows.part(0, rows.len(), 0, self.width)
        }

        fn rows_mut(&mut self) -> RowsMut<'_, T> {
            RowsMut::of(&mut self.values, self.width, GAP)
        }
    }

    /// Whether the kernel accepts the columns, alike on all instruction sets; if so, checks the
    /// results.
    fn takes<T: Number + Prefix + PartialEq + std::fmt::Debug>(width: usize, values: &[T]) -> bool {
        let matrix = Matrix::new(width, values, values[0]);
        let all: Vec<bool> = Isa::available()
            .into_iter()
            .map(|isa| {
                let mut out = Matrix::new(width, values, T::default());
                let (rows, to) = (matrix.rows(), out.rows_mut());
                let exact = Beside::new(isa).scan(rows, to, &Interrupt::default());
                for column in (0..width).filter(|_| exact) {
                    let mut sum = Accumulator::new();
                    for (x, prefix) in matrix.column(column).zip(out.column(column)) {
                        sum.add_f64(x.widen());
                        assert_eq!(prefix, T::of_sum(&sum), "{isa:?}, column {column} of {width}");
                    }
                }
                // Numbers beside the columns are not changed.
                assert!(out.column(width).all(|x| x == T::default()));
                exact
            })
            .collect();
        assert!(all.iter().all(|&taken| taken == all[0]));
        all[0]
    }

    fn takes_both(width: usize, values: &[f64]) -> bool {
        let narrow: Vec<f32> = values.iter().map(|&x| x as f32).collect();
        let taken = takes(width, values);
        assert_eq!(takes(width, &narrow), taken);
        taken
    }

    #[test]
    fn any_width_and_number_of_rows() {
        for width in (1..20).chain([63, WIDTH - 1, WIDTH]) {
            for count in [1, 7, 8, 9, TILE - 1, TILE, TILE + 1, 2 * TILE + 11] {
                let count = if width > 20 { count % 100 } else { count };
                assert!(takes_both(width, &numbers(width * count.max(1), 0, 8, 7)));
            }
        }
    }

    #[test]
    fn scales_that_change() {
        let width = 11;
        let mut values = numbers(width * TILE, 0, 8, 1);
        values.extend(numbers(width * TILE, 20, 8, 2));
        assert!(takes_both(width, &values));
        // The prefixes become small again.
        values.extend(values.clone().iter().map(|x| -x));
        values.extend(numbers(width * TILE, -20, 4, 3));
        assert!(takes(width, &values));
    }

    #[test]
    fn prefixes_that_outgrow_the_first_scale() {
        let values: Vec<f64> = numbers(3 * 40 * TILE, 0, 2, 4).iter().map(|x| x.abs()).collect();
        assert!(takes_both(3, &values));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (width, count) = (13, TILE + 20);
        let values = numbers(width * count, 0, 8, 5);
        for (place, x) in [
            (0, f64::NAN),
            (width * count - 1, f64::INFINITY),
            (width * TILE + 3, -f64::INFINITY),
            (77, 2f64.powi(-100)),
            (width * TILE - 1, 2f64.powi(90)),
        ] {
            let mut values = values.clone();
            values[place] = x;
            assert!(!takes_both(width, &values), "{x} at {place}");
        }
        // Prefixes near the largest numbers.
        assert!(!takes(2, &[f64::MAX / 4.0; 20]));
        assert!(!takes(2, &[f32::MAX / 4.0; 20]));
        assert!(takes(2, &[2f64.powi(1000); 20]) && takes(2, &[2f32.powi(100); 20]));
    }

    fn add_integers(values: &[i64], width: usize) -> Vec<(bool, Vec<u64>)> {
        let matrix = Matrix::new(width, values, 1);
        Isa::available()
            .into_iter()
            .map(|isa| {
                let mut out = Matrix::new(width, &vec![0u64; values.len()], 5);
                let (rows, to) = (matrix.rows(), out.rows_mut());
                let kept = scan_integers(isa, rows, to, &Interrupt::default());
                assert!(out.column(width).all(|x| x == 5));
                let rows = out.values.chunks(width + GAP);
                (kept, rows.flat_map(|row| row[..width].to_vec()).collect())
            })
            .collect()
    }

    #[test]
    fn integers_and_their_overflow() {
        for width in [1, 2, 3, 7, 8, 9, 31] {
            for count in [1, 8, 13, TILE + 9] {
                let indices = 0..(width * count) as i64;
                let mut values: Vec<i64> =
                    indices.map(|index| index * index * 2_654_435 - (1 << 40)).collect();
                let mut expected: Vec<u64> = values.iter().map(|&x| x as u64).collect();
                for index in width..expected.len() {
                    expected[index] = expected[index].wrapping_add(expected[index - width]);
                }
                for (kept, sums) in add_integers(&values, width) {
                    assert!(kept && sums == expected, "{width} x {count}");
                }
                if count > 1 {
                    let last = values.len() - 1;
                    values[last] = i64::MAX;
                    values[last - width] = i64::MAX;
                    assert!(add_integers(&values, width).iter().all(|(kept, _)| !kept));
                }
            }
        }
    }
}
