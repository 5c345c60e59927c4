//! Moments of the columns of a matrix, read row by row; each column has its own shift and levels, or, of
//! float32 numbers and results, plain sums in float64.

use super::block::{LEVEL, Levels, RANGE, Real, UNITS, level_of_sums, starts_of_level};
use super::finish::{Near, Pair};
use super::narrow;
use super::run::{self, Wide};
use crate::array::memory::{CACHE_LINE, prefetch};
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
/// The length of rows up to which the hardware prefetcher follows several rows in turn.
const FORESEEN: usize = crate::kernel::columns::FORESEEN;
/// The number of rows from which shifts and levels are guessed.
const SAMPLE: usize = 16;
/// The same for plain sums, whose shifts need not be near the means.
const FEW_ROWS: usize = 4;

/// The sums of a panel of columns.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// The number of columns; value `i` of a row belongs to column `i % columns`.
    columns: usize,
    shift: Vec<f64>,
    level: Vec<i32>,
    /// In units of the levels' last bits: of squares, of differences.
    totals: Vec<[i128; 2]>,
    /// Whether the sums are plain, and these sums.
    narrow: bool,
    plain: Vec<[Pair; 2]>,
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
    /// Begins a panel with this many values in a row, and this many columns; `narrow` for float32 numbers
    /// and results no wider.
    pub fn start(&mut self, width: usize, columns: usize, narrow: bool) {
        (self.columns, self.narrow) = (columns, narrow);
        self.plain.clear();
        self.plain.resize(if narrow { width } else { 0 }, [Pair::default(); 2]);
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
            if !self.narrow {
                for column in 0..size {
                    let starts = starts_of_level(self.level[first + column]);
                    for part in 0..4 {
                        strip.starts[part][column] = starts[part];
                    }
                }
            }
            for above in (0..rows.len()).step_by(ROWS) {
                let parts = if self.narrow { 2 } else { 4 };
                strip.sums[..parts].copy_from_slice(&strip.starts[..parts]);
                let rows = rows.skip(above).truncate(ROWS);
                let counted = counted.map(|counted| counted.skip(above).truncate(ROWS));
                if self.narrow {
                    let mode = mode::SHIFT | mode::PLAIN;
                    add_strip(isa, rows, counted, first, size, mode, &mut strip);
                    let plain = &mut self.plain[first..first + size];
                    for (column, [squares, sums]) in plain.iter_mut().enumerate() {
                        squares.take(strip.sums[0][column]);
                        sums.take(strip.sums[1][column]);
                    }
                    continue;
                }
                let shifted = strip.shift[..size].iter().any(|&shift| shift != 0.0);
                let mode = if shifted { mode::SHIFT } else { 0 };
                add_strip(isa, rows, counted, first, size, mode, &mut strip);
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
        let sample_size = if self.narrow { FEW_ROWS } else { SAMPLE };
        let taken = rows.len().min(sample_size.div_ceil(width / columns));
        for second in [false, true] {
            if second && self.narrow {
                // Plain sums have no level.
                break;
            }
            for index in 0..taken {
                let at = index * (rows.len() / taken);
                for fold in 0..width / columns {
                    let range = fold * columns..(fold + 1) * columns;
                    let counted = counted.map(|counted| &counted.row(at)[range.clone()]);
                    sample_row(isa, &rows.row(at)[range], counted, second, &mut sample);
                }
            }
            if !second {
                sample.guess_shifts(self.narrow);
            }
        }
        for column in 0..columns {
            let shift = sample.shift[column];
            if self.narrow {
                self.shift.push(shift);
                continue;
            }
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
            if !self.narrow {
                self.level.push(self.level[index % columns]);
            }
        }
    }

    /// The plain sums of a column, of squares and of differences, and their error bounds.
    #[inline]
    fn plain_sums(&self, column: usize) -> ([Pair; 2], [f64; 2]) {
        let mut all = self.plain[column];
        for others in self.plain[column..].iter().step_by(self.columns).skip(1) {
            for (sum, other) in all.iter_mut().zip(others) {
                sum.take(other.high);
                sum.low += other.low;
            }
        }
        (all, narrow::errors(all[0].high, self.added))
    }

    /// Whether all numbers of a column are certainly the same.
    #[inline]
    pub fn is_constant(&self, column: usize) -> bool {
        if self.narrow {
            // (No difference of float32 numbers is so small that its square vanishes.)
            let ([squares, _], _) = self.plain_sums(column);
            return squares == Pair::default() && !self.shift.is_empty();
        }
        let shows = |error| run::shows(self.shift[column], error);
        self.sums(column)
            .is_some_and(|([(squares, _), _], [error, _])| squares == 0 && shows(error))
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
        if self.narrow {
            let ([squares, sum], [squares_error, sum_error]) = self.plain_sums(column);
            return Some(Near::new(squares, squares_error, sum, sum_error));
        }
        let (sums, [squares_error, sum_error]) = self.sums(column)?;
        let [squares, sum] =
            sums.map(|(integer, exponent)| Pair::of_integer(integer, power_of_two(exponent)));
        Some(Near::new(squares, squares_error, sum, sum_error))
    }

    /// The same, to be merged with the bounds for other rows.
    pub fn wide(&self, column: usize) -> Option<Wide> {
        let count = self.added - self.left_out[column];
        if self.narrow {
            let ([squares, sum], errors) = self.plain_sums(column);
            let shift = *self.shift.get(column)?;
            return Wide::of_pairs([shift, 0.0], count, squares, [sum, Pair::default()], errors);
        }
        let (sums, errors) = self.sums(column)?;
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
    fn guess_shifts(&mut self, narrow: bool) {
        for column in 0..self.shift.len() {
            let (low, high) = (self.low[column], self.high[column]);
            let mean = self.sum[column] / self.count;
            if narrow {
                // Numbers need not be near it.
                let mean = mean as f32;
                self.shift[column] = if mean.is_finite() { mean.into() } else { 0.0 };
                continue;
            }
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

/// What the kernels do besides adding to two levels.
mod mode {
    /// Subtract a shift.
    pub const SHIFT: u8 = 1;
    /// Leave out numbers whose byte in a mask is 0.
    pub const SELECT: u8 = 2;
    /// Add plainly instead.
    pub const PLAIN: u8 = 4;
}

/// Adds values of some rows to the sums of as many columns as a vector has lanes. `one` is [`Simd::hidden_one`]'s.
#[inline(always)]
fn add_vector<S: Simd, V: Real, const R: usize, const MODE: u8>(
    simd: S,
    one: S::V,
    rows: [&[V]; R],
    counted: [&[u8]; R],
    at: usize,
    column: usize,
    strip: &mut Strip,
) {
    let is_plain = MODE & mode::PLAIN != 0;
    let shift = simd.read(&strip.shift, column);
    // (A closure would be compiled without this function's target features.)
    macro_rules! difference {
        ($row:expr) => {{
            let mut d = V::vector(simd, &rows[$row][at..]);
            if MODE & mode::SHIFT != 0 {
                // (Additions are many, multiply-adds few.)
                d = if is_plain { simd.minus(one, d, shift) } else { simd.subtract(d, shift) };
            }
            if MODE & mode::SELECT != 0 {
                d = simd.and(d, simd.read_mask(counted[$row], at));
            }
            d
        }};
    }
    if is_plain {
        let mut squares = simd.read(&strip.sums[0], column);
        let mut sums = simd.read(&strip.sums[1], column);
        for row in 0..R {
            let d = difference!(row);
            squares = simd.multiply_add(d, d, squares);
            sums = simd.add(sums, d);
        }
        simd.write(squares, &mut strip.sums[0], column);
        simd.write(sums, &mut strip.sums[1], column);
        return;
    }
    let [squares, rests, sums, left] =
        std::array::from_fn(|part| simd.read(&strip.sums[part], column));
    let mut levels = Levels::<S> { squares, rests, sums, left };
    for row in 0..R {
        levels.add(simd, one, difference!(row));
    }
    let Levels { squares, rests, sums, left } = levels;
    for (part, vector) in [squares, rests, sums, left].into_iter().enumerate() {
        simd.write(vector, &mut strip.sums[part], column);
    }
}

#[inline(always)]
fn add_rows<S: Simd, V: Real, const R: usize, const MODE: u8>(
    simd: S,
    rows: [&[V]; R],
    counted: [&[u8]; R],
    next: Option<[&[V]; R]>,
    first: usize,
    size: usize,
    strip: &mut Strip,
) {
    let whole = size / S::W * S::W;
    let one = simd.hidden_one();
    // (Of the same length as `whole` comes from, so that no index needs to be checked.)
    let next = next.map(|rows| rows.map(|row| &row[first..first + size]));
    for column in (0..whole).step_by(S::W) {
        let at = first + column;
        if let Some(next) = next
            && column % (CACHE_LINE / size_of::<V>()) == 0
        {
            for row in 0..R {
                prefetch(next[row][column..].as_ptr());
            }
        }
        add_vector::<S, V, R, MODE>(simd, one, rows, counted, at, column, strip);
    }
    for column in whole..size {
        let (simd, at) = (Portable::<1>, first + column);
        add_vector::<_, V, R, MODE>(simd, [1.0], rows, counted, at, column, strip);
    }
}

#[inline(always)]
fn strip_rows<S: Simd, V: Real, const MODE: u8>(
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
    let is_long = rows.width() > FORESEEN;
    for row in (0..whole).step_by(AT_ONCE) {
        let of: [usize; AT_ONCE] = std::array::from_fn(|index| row + index);
        let next = of.map(|row| row + AT_ONCE);
        let next =
            (is_long && next[AT_ONCE - 1] < rows.len()).then(|| next.map(|row| rows.row(row)));
        let (rows, counted) = (of.map(|row| rows.row(row)), of.map(counted));
        add_rows::<S, V, AT_ONCE, MODE>(simd, rows, counted, next, first, size, strip);
    }
    for row in whole..rows.len() {
        let (rows, counted) = ([rows.row(row)], [counted(row)]);
        add_rows::<S, V, 1, MODE>(simd, rows, counted, None, first, size, strip);
    }
}

#[inline(always)]
fn add_strip_body<S: Simd, V: Real>(
    simd: S,
    rows: Rows<'_, V>,
    counted: Option<Rows<'_, u8>>,
    first: usize,
    size: usize,
    mode: u8,
    strip: &mut Strip,
) {
    const SHIFT: u8 = mode::SHIFT;
    const SHIFT_PLAIN: u8 = SHIFT | mode::PLAIN;
    const BOTH: u8 = SHIFT | mode::SELECT;
    const BOTH_PLAIN: u8 = BOTH | mode::PLAIN;
    match (mode, counted.is_some()) {
        (0, false) => strip_rows::<S, V, 0>(simd, rows, counted, first, size, strip),
        (SHIFT_PLAIN, false) => {
            strip_rows::<S, V, SHIFT_PLAIN>(simd, rows, counted, first, size, strip)
        }
        (SHIFT_PLAIN, true) => {
            strip_rows::<S, V, BOTH_PLAIN>(simd, rows, counted, first, size, strip)
        }
        (_, false) => strip_rows::<S, V, SHIFT>(simd, rows, counted, first, size, strip),
        (_, true) => strip_rows::<S, V, BOTH>(simd, rows, counted, first, size, strip),
    }
}

vectorized! {
    /// Adds rows to the sums of a strip; `mode` says whether plainly, and whether a shift is subtracted.
    fn add_strip[V: Real][V](
        rows: Rows<'_, V>, counted: Option<Rows<'_, u8>>, first: usize, size: usize, mode: u8,
        strip: &mut Strip
    ) = add_strip_body
}
