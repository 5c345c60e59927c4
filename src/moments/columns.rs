//! Moments of the columns of a matrix, read row by row; each column has its own shift and levels.

use super::block::{LEVEL, Levels, RANGE, Real, UNITS, level_of_sums, starts_of_level};
use super::finish::{Near, Pair};
use super::run::Wide;
use crate::array::view::Rows;
use crate::binary64::{SIGN_AND_EXPONENT, power_of_two};
use crate::cpu::{Isa, dispatch, vectorized};
use crate::simd::{Portable, Simd};

/// The number of columns whose sums stay in the first-level cache.
const STRIP: usize = 256;
/// The number of rows after which the levels are emptied.
const ROWS: usize = 252;
/// The number of rows added at once.
const AT_ONCE: usize = 4;
/// The number of rows from which shifts and levels are guessed.
const SAMPLE: usize = 16;

/// The sums of a panel of columns.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// The number of columns; value `i` of a row belongs to column `i % columns`.
    columns: usize,
    shift: Vec<f64>,
    level: Vec<i32>,
    /// In units of the levels' last bits: of squares, of differences.
    totals: Vec<[i128; 2]>,
    failed: Vec<bool>,
    /// The number of elements added to each column, including excluded ones.
    added: i64,
    /// The number of excluded elements.
    left_out: Vec<i64>,
}

/// Integers times powers of two.
type Scaled = [(i128, i32); 2];

/// The sums of a strip of columns in registers.
struct Strip {
    shift: [f64; STRIP],
    starts: [[f64; STRIP]; 4],
    sums: [[f64; STRIP]; 4],
}

impl Columns {
    /// Begins a panel with this many values in a row, and this many columns.
    pub fn start(&mut self, width: usize, columns: usize) {
        self.columns = columns;
        self.shift.clear();
        self.level.clear();
        self.totals.clear();
        self.totals.resize(width, [0; 2]);
        self.failed.clear();
        self.failed.resize(width, false);
        self.added = 0;
        self.left_out.clear();
        self.left_out.resize(columns, 0);
    }

    /// Adds rows; values whose byte in `counted` is 0 are excluded.
    pub fn add<V: Real>(&mut self, isa: Isa, rows: Rows<'_, V>, counted: Option<Rows<'_, u8>>) {
        if self.shift.is_empty() {
            self.guess(isa, rows, counted);
        }
        let width = self.totals.len();
        self.added += (rows.len() * (width / self.columns)) as i64;
        if let Some(counted) = counted {
            for row in 0..rows.len() {
                for (index, &counts) in counted.row(row).iter().enumerate() {
                    self.left_out[index % self.columns] += i64::from(counts == 0);
                }
            }
        }
        let mut strip =
            Strip { shift: [0.0; STRIP], starts: [[0.0; STRIP]; 4], sums: [[0.0; STRIP]; 4] };
        for first in (0..width).step_by(STRIP) {
            let size = STRIP.min(width - first);
            strip.shift[..size].copy_from_slice(&self.shift[first..first + size]);
            for column in 0..size {
                let starts = starts_of_level(self.level[first + column]);
                for part in 0..4 {
                    strip.starts[part][column] = starts[part];
                }
            }
            for above in (0..rows.len()).step_by(ROWS) {
                strip.sums = strip.starts;
                let rows = rows.skip(above).truncate(ROWS);
                let counted = counted.map(|counted| counted.skip(above).truncate(ROWS));
                let shifted = strip.shift[..size].iter().any(|&shift| shift != 0.0);
                add_strip(isa, rows, counted, first, size, shifted, &mut strip);
                for column in 0..size {
                    let units = |part: usize| {
                        let [sum, start] = [strip.sums[part][column], strip.starts[part][column]];
                        i128::from(sum.to_bits().wrapping_sub(start.to_bits()) as i64)
                    };
                    let index = first + column;
                    let [squares, start] = [strip.sums[0][column], strip.starts[0][column]];
                    let escaped = (squares.to_bits() ^ start.to_bits()) & SIGN_AND_EXPONENT != 0;
                    let shift = strip.shift[column];
                    let largest = squares - start + start * power_of_two(-44);
                    self.failed[index] |=
                        escaped || shift != 0.0 && largest >= shift * shift * 0.25;
                    if !escaped {
                        self.totals[index][0] += (units(0) << LEVEL) + units(1);
                        self.totals[index][1] += (units(2) << LEVEL) + units(3);
                    }
                }
            }
        }
    }

    /// Guesses shifts and levels from some of the rows.
    fn guess<V: Real>(&mut self, isa: Isa, rows: Rows<'_, V>, counted: Option<Rows<'_, u8>>) {
        let (width, columns) = (self.totals.len(), self.columns);
        let mut sample = Sample {
            low: vec![f64::INFINITY; columns],
            high: vec![f64::NEG_INFINITY; columns],
            sum: vec![0.0; columns],
            shift: vec![0.0; columns],
            squares: vec![0.0; columns],
            count: 0.0,
        };
        let taken = rows.len().min(SAMPLE.div_ceil(width / columns));
        for second in [false, true] {
            for index in 0..taken {
                let at = index * (rows.len() / taken);
                for fold in 0..width / columns {
                    let range = fold * columns..(fold + 1) * columns;
                    let counted = counted.map(|counted| &counted.row(at)[range.clone()]);
                    sample_row(isa, &rows.row(at)[range], counted, second, &mut sample);
                }
            }
            if !second {
                sample.guess_shifts();
            }
        }
        for column in 0..columns {
            let shift = sample.shift[column];
            let last_bit = shift * f64::EPSILON;
            let sum = (sample.squares[column] / f64::max(sample.count, 1.0) * ROWS as f64 * 16.0)
                .max(last_bit * last_bit * ROWS as f64);
            let level = if sum == 0.0 { RANGE.start } else { (sum.to_bits() >> 52) as i32 - 1022 };
            let fits = sum.is_finite() && RANGE.contains(&level);
            self.shift.push(if fits { shift } else { 0.0 });
            self.level.push(if fits { level } else { 0 });
            self.failed[column] |= !fits;
        }
        for index in columns..width {
            self.shift.push(self.shift[index % columns]);
            self.level.push(self.level[index % columns]);
        }
    }

    /// The sums of a column and their error bounds, in units of powers of two; `None` if they are
    /// not known.
    #[inline]
    fn sums(&self, column: usize) -> Option<(Scaled, [f64; 2])> {
        let (mut squares, mut sum, mut failed) = (0, 0, self.shift.is_empty());
        for index in (column..self.totals.len()).step_by(self.columns) {
            squares += self.totals[index][0];
            sum += self.totals[index][1];
            failed |= self.failed[index];
        }
        if failed {
            return None;
        }
        let level = self.level[column];
        let exponents = [level - UNITS, level_of_sums(level) - UNITS];
        let [squares_unit, sums_unit] = exponents.map(power_of_two);
        let errors = [self.added as f64 * 1.01 * squares_unit, self.added as f64 * 0.5 * sums_unit];
        Some(([(squares, exponents[0]), (sum, exponents[1])], errors))
    }

    /// The bounds for a column; `None` if they do not suffice.
    #[inline]
    pub fn near(&self, column: usize) -> Option<Near> {
        let (sums, [squares_error, sum_error]) = self.sums(column)?;
        let [squares, sum] =
            sums.map(|(integer, exponent)| Pair::of_integer(integer, power_of_two(exponent)));
        Some(Near::new(squares, squares_error, sum, sum_error))
    }

    /// The same, to be merged with the bounds for other rows.
    pub fn wide(&self, column: usize) -> Option<Wide> {
        let (sums, errors) = self.sums(column)?;
        let count = self.added - self.left_out[column];
        Some(Wide::of_integers(self.shift[column], count, sums, errors))
    }
}

/// Statistics of columns from a sample of rows.
struct Sample {
    low: Vec<f64>,
    high: Vec<f64>,
    sum: Vec<f64>,
    shift: Vec<f64>,
    squares: Vec<f64>,
    count: f64,
}

impl Sample {
    fn guess_shifts(&mut self) {
        for column in 0..self.shift.len() {
            let (low, high) = (self.low[column], self.high[column]);
            let mean = self.sum[column] / self.count;
            let near = high - low < mean.abs() / 64.0;
            self.shift[column] = match (near, low == high) {
                (false, _) => 0.0,
                (_, true) => low,
                _ => mean,
            };
        }
        self.count = 0.0;
    }
}

#[inline(always)]
fn sample_row_body<V: Real>(row: &[V], counted: Option<&[u8]>, second: bool, sample: &mut Sample) {
    sample.count += 1.0;
    // (Excluded values are 0, so a guess may be bad.)
    let _ = counted;
    let columns = row.len();
    if second {
        let (shift, squares) = (&sample.shift[..columns], &mut sample.squares[..columns]);
        for column in 0..columns {
            let d = row[column].widen() - shift[column];
            squares[column] += d * d;
        }
        return;
    }
    let (low, high) = (&mut sample.low[..columns], &mut sample.high[..columns]);
    let sum = &mut sample.sum[..columns];
    for column in 0..columns {
        let x = row[column].widen();
        low[column] = if x < low[column] { x } else { low[column] };
        high[column] = if x > high[column] { x } else { high[column] };
        sum[column] += x;
    }
}

dispatch! {
    fn sample_row[V: Real][V](row: &[V], counted: Option<&[u8]>, second: bool, sample: &mut Sample)
        = sample_row_body::<V>
}

/// Adds values of some rows to the sums of as many columns as a vector has lanes.
#[inline(always)]
fn add_vector<S: Simd, V: Real, const R: usize, const SHIFT: bool, const SELECT: bool>(
    simd: S,
    rows: [&[V]; R],
    counted: [&[u8]; R],
    at: usize,
    column: usize,
    strip: &mut Strip,
) {
    let shift = simd.read(&strip.shift, column);
    let [squares, rests, sums, left] =
        std::array::from_fn(|part| simd.read(&strip.sums[part], column));
    let mut levels = Levels::<S> { squares, rests, sums, left };
    for row in 0..R {
        let mut d = V::vector(simd, &rows[row][at..]);
        if SHIFT {
            d = simd.subtract(d, shift);
        }
        if SELECT {
            d = simd.and(d, simd.read_mask(counted[row], at));
        }
        levels.add(simd, d);
    }
    let Levels { squares, rests, sums, left } = levels;
    for (part, vector) in [squares, rests, sums, left].into_iter().enumerate() {
        simd.write(vector, &mut strip.sums[part], column);
    }
}

#[inline(always)]
fn add_rows<S: Simd, V: Real, const R: usize, const SHIFT: bool, const SELECT: bool>(
    simd: S,
    rows: [&[V]; R],
    counted: [&[u8]; R],
    first: usize,
    size: usize,
    strip: &mut Strip,
) {
    let whole = size / S::W * S::W;
    for column in (0..whole).step_by(S::W) {
        add_vector::<S, V, R, SHIFT, SELECT>(simd, rows, counted, first + column, column, strip);
    }
    for column in whole..size {
        let (simd, at) = (Portable::<1>, first + column);
        add_vector::<_, V, R, SHIFT, SELECT>(simd, rows, counted, at, column, strip);
    }
}

#[inline(always)]
fn strip_rows<S: Simd, V: Real, const SHIFT: bool, const SELECT: bool>(
    simd: S,
    rows: Rows<'_, V>,
    counted: Option<Rows<'_, u8>>,
    first: usize,
    size: usize,
    strip: &mut Strip,
) {
    let whole = rows.len() / AT_ONCE * AT_ONCE;
    let counted = |row: usize| match counted {
        Some(counted) => counted.row(row),
        None => &[],
    };
    for row in (0..whole).step_by(AT_ONCE) {
        let of: [usize; AT_ONCE] = std::array::from_fn(|index| row + index);
        let (rows, counted) = (of.map(|row| rows.row(row)), of.map(counted));
        add_rows::<S, V, AT_ONCE, SHIFT, SELECT>(simd, rows, counted, first, size, strip);
    }
    for row in whole..rows.len() {
        let (rows, counted) = ([rows.row(row)], [counted(row)]);
        add_rows::<S, V, 1, SHIFT, SELECT>(simd, rows, counted, first, size, strip);
    }
}

#[inline(always)]
fn add_strip_body<S: Simd, V: Real>(
    simd: S,
    rows: Rows<'_, V>,
    counted: Option<Rows<'_, u8>>,
    first: usize,
    size: usize,
    shifted: bool,
    strip: &mut Strip,
) {
    match (shifted, counted.is_some()) {
        (false, false) => {
            strip_rows::<S, V, false, false>(simd, rows, counted, first, size, strip);
        }
        (true, false) => strip_rows::<S, V, true, false>(simd, rows, counted, first, size, strip),
        (_, true) => strip_rows::<S, V, true, true>(simd, rows, counted, first, size, strip),
    }
}

vectorized! {
    fn add_strip[V: Real][V](
        rows: Rows<'_, V>, counted: Option<Rows<'_, u8>>, first: usize, size: usize, shifted: bool,
        strip: &mut Strip
    ) = add_strip_body
}
