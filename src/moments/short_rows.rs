//! Many short rows, a result each: a lane for each row.
//!
//! Shift and level come from the extremes of each row, so no number can exceed its level.

use super::block::{LEVEL, Levels, Real};
use super::finish::{LARGE, Near, Pair, RELATIVE_ERROR, SMALL, estimate, narrowed};
use super::narrow;
use crate::array::dtype::Dtype;
use crate::array::view::Rows;
use crate::binary64::power_of_two;
use crate::cpu::vectorized;
use crate::exact::round::Format;
use crate::simd::{Simd, WIDEST};

/// The longest rows that are added this way, and the shortest.
pub(super) const LONGEST: usize = 128;
pub(super) const SHORTEST: usize = 4;

/// If the largest difference is within these bounds, nothing overflows or underflows.
const SMALLEST: f64 = 1e-120;
const LARGEST: f64 = 1e130;

/// For each row: `n`, `n - ddof` and whether to take the root.
#[derive(Debug, Clone, Copy)]
pub(super) struct Divisors {
    pub count: f64,
    pub degrees: Pair,
    pub root: bool,
    /// binary64 or binary32.
    pub format: Format,
}

/// The magnitude.
#[inline(always)]
fn size<S: Simd>(simd: S, x: S::V) -> S::V {
    simd.and(x, simd.splat(f64::from_bits(u64::MAX >> 1)))
}

/// The larger of two magnitudes.
#[inline(always)]
fn larger<S: Simd>(simd: S, x: S::V, y: S::V) -> S::V {
    let sign = simd.splat(-0.0);
    simd.xor(simd.smaller(simd.xor(x, sign), simd.xor(y, sign)), sign)
}

/// The sum of two numbers, of which the first is larger, as two.
#[inline(always)]
fn sum<S: Simd>(simd: S, high: S::V, low: S::V) -> [S::V; 2] {
    let sum = simd.add(high, low);
    [sum, simd.subtract(low, simd.subtract(sum, high))]
}

/// `2^log >= length`.
fn log_of(length: usize) -> i32 {
    (length - 1).ilog2() as i32 + 1
}

/// What all rows have in common, in all lanes.
#[derive(Clone, Copy)]
struct Common<S: Simd> {
    divisors: Divisors,
    length: usize,
    one: S::V,
    count: S::V,
    per_count: S::V,
    degrees: [S::V; 2],
    per_degree: S::V,
}

/// Sums of `d = x - c` and of `d^2` of a row in each lane, with bounds for their errors.
#[derive(Clone, Copy)]
struct RowSums<S: Simd> {
    squares: [S::V; 2],
    squares_error: S::V,
    sum: [S::V; 2],
    sum_error: S::V,
}

impl<S: Simd> Common<S> {
    fn new(simd: S, divisors: Divisors, length: usize) -> Common<S> {
        let Divisors { count, degrees, .. } = divisors;
        Common {
            divisors,
            length,
            one: simd.hidden_one(),
            count: simd.splat(count),
            per_count: simd.splat(1.0 / count),
            degrees: [simd.splat(degrees.high), simd.splat(degrees.low)],
            per_degree: simd.splat(1.0 / degrees.high),
        }
    }

    /// Bounds of the results, before they are rounded; NaN where there are none. As `finish::estimate`, in
    /// which the bounds are derived.
    #[inline(always)]
    fn ends(&self, simd: S, sums: RowSums<S>) -> [S::V; 2] {
        if !S::FMA {
            return self.ends_one_by_one(simd, sums);
        }
        let RowSums { squares, squares_error, sum, sum_error } = sums;
        // The square of the sum, and its error.
        let square = simd.multiply(sum[0], sum[0]);
        let twice = simd.add(sum[0], sum[0]);
        let lost = simd.multiply_subtract(sum[0], sum[0], square);
        let lost = simd.multiply_add(twice, sum[1], lost);
        let product_error = simd.multiply(
            simd.multiply(simd.add(size(simd, twice), sum_error), sum_error),
            simd.splat(1.0001),
        );
        let u = simd.multiply(square, self.per_count);
        let v = simd.add(simd.subtract_product(u, self.count, square), lost);
        let v = simd.multiply(v, self.per_count);
        // The sum of squares less that of both, u and v.
        let s = simd.subtract(squares[0], u);
        let z = simd.subtract(s, squares[0]);
        let t = simd.subtract(simd.subtract(squares[0], simd.subtract(s, z)), simd.add(u, z));
        let t = simd.add(t, simd.subtract(squares[1], v));
        let value = simd.multiply(s, self.per_degree);
        let remainder = simd.subtract_product(value, self.degrees[0], s);
        let remainder = simd.subtract_product(value, self.degrees[1], remainder);
        let rest = simd.multiply(simd.add(remainder, t), self.per_degree);
        let bound = simd.multiply_add(product_error, self.per_count, squares_error);
        let bound =
            simd.multiply_add(simd.add(size(simd, squares[0]), u), simd.splat(3.2e-30), bound);
        let bound = simd.multiply(bound, self.per_degree);
        let of_rest = simd.multiply(size(simd, rest), simd.splat(RELATIVE_ERROR));
        let error = simd.multiply(simd.add(bound, of_rest), simd.splat(1.0001));
        let valid =
            simd.and(simd.less(simd.splat(SMALL), value), simd.less(value, simd.splat(LARGE)));
        let value = simd.select(valid, value, simd.splat(f64::NAN));
        let (mut value, mut rest, mut error) = (value, rest, error);
        if self.divisors.root {
            let r = simd.square_root(value);
            let half = simd.divide(simd.splat(0.5), r);
            let k = simd.add(simd.subtract_product(r, r, value), rest);
            let k = simd.multiply(k, half);
            let second = simd.multiply(simd.multiply(k, k), simd.add(half, half));
            let of_rest = simd.multiply(size(simd, k), simd.splat(RELATIVE_ERROR));
            let all = simd.add(simd.multiply_add(error, half, second), of_rest);
            error = simd.multiply(all, simd.splat(1.0001));
            (value, rest) = (r, k);
        }
        [simd.add(value, simd.subtract(rest, error)), simd.add(value, simd.add(rest, error))]
    }

    /// The same without fused multiply-add.
    #[inline(always)]
    fn ends_one_by_one(&self, simd: S, sums: RowSums<S>) -> [S::V; 2] {
        let lanes = |x: S::V| simd.lanes(x).map(f64::from_bits);
        let [squares, sum] = [sums.squares, sums.sum].map(|[high, low]| [lanes(high), lanes(low)]);
        let errors = [lanes(sums.squares_error), lanes(sums.sum_error)];
        let mut ends = [[0.0; WIDEST]; 2];
        for lane in 0..S::W {
            let pair = |x: [[f64; WIDEST]; 2]| Pair { high: x[0][lane], low: x[1][lane] };
            let near = Near::new(pair(squares), errors[0][lane], pair(sum), errors[1][lane]);
            let Divisors { count, degrees, root, .. } = self.divisors;
            let [low, high] = estimate(near, count, degrees, root).ends();
            (ends[0][lane], ends[1][lane]) = (low, high);
        }
        ends.map(|ends| simd.read(&ends, 0))
    }

    /// The results in the lanes, not finite where they are not decided.
    #[inline(always)]
    fn results(&self, simd: S, sums: RowSums<S>) -> [f64; WIDEST] {
        let [low, high] = self.ends(simd, sums);
        if self.divisors.format == Format::F64 {
            let same = simd.equal(low, high);
            return simd.lanes(simd.select(same, low, simd.splat(f64::NAN))).map(f64::from_bits);
        }
        let [low, high] = [low, high].map(|end| simd.lanes(end).map(f64::from_bits));
        std::array::from_fn(|lane| narrowed([low[lane], high[lane]]).into())
    }
}

/// Reads rows, transposed: a vector has an element of each row. (A closure would be compiled without the
/// target features of the function around it.)
macro_rules! for_each_vector {
    ($simd:ident, $v:ty, $rows:ident, |$index:ident, $x:ident| $body:block) => {{
        let length = $rows[0].len();
        let whole = length / S::W * S::W;
        let mut square = [$simd.splat(0.0); WIDEST];
        let mut from = 0;
        while from < whole {
            for lane in 0..S::W {
                square[lane] = <$v>::vector($simd, &$rows[lane][from..]);
            }
            let turned = $simd.turn(square);
            for place in 0..S::W {
                let ($index, $x) = (from + place, turned[place]);
                $body
            }
            from += S::W;
        }
        if whole < length && length >= S::W {
            // Some are read again.
            let from = length - S::W;
            for lane in 0..S::W {
                square[lane] = <$v>::vector($simd, &$rows[lane][from..]);
            }
            let turned = $simd.turn(square);
            for place in whole - from..S::W {
                let ($index, $x) = (from + place, turned[place]);
                $body
            }
        } else {
            for $index in whole..length {
                let mut vector = [0.0; WIDEST];
                for lane in 0..S::W {
                    vector[lane] = $rows[lane][$index].widen();
                }
                let $x = $simd.read(&vector, 0);
                $body
            }
        }
    }};
}

/// The results of as many rows as there are lanes, of equal lengths; not finite if not decided.
#[inline(always)]
fn wide_rows<S: Simd, V: Real>(
    simd: S,
    rows: [&[V]; WIDEST],
    common: &Common<S>,
    stage: &mut [[f64; WIDEST]; LONGEST],
) -> [f64; WIDEST] {
    let length = common.length;
    let (mut low, mut high) = (simd.splat(f64::INFINITY), simd.splat(f64::INFINITY));
    let sign = simd.splat(-0.0);
    for_each_vector!(simd, V, rows, |index, x| {
        low = simd.smaller(x, low);
        high = simd.smaller(simd.xor(x, sign), high);
        simd.write(x, &mut stage[index], 0);
    });
    let high = simd.xor(high, sign);
    // All within a factor of two: a number between them leaves exact differences (Sterbenz).
    let half = simd.splat(0.5);
    let middle = simd.add(low, simd.multiply(half, simd.subtract(high, low)));
    let (low_size, high_size) = (size(simd, low), size(simd, high));
    let least = simd.smaller(low_size, high_size);
    let most = larger(simd, low_size, high_size);
    let same_sign = simd.less(simd.splat(0.0), simd.multiply(low, high));
    let apart = simd.less(simd.add(least, least), most);
    let zero = simd.splat(0.0);
    let shift = simd.select(apart, zero, simd.and(middle, same_sign));
    let below = size(simd, simd.subtract(low, shift));
    let most = larger(simd, below, size(simd, simd.subtract(high, shift)));
    // The largest power of two that is not larger.
    let power = simd.and(most, simd.splat(f64::INFINITY));
    // Squares of one lane add up to less than 2^(log + 2) of the largest's power.
    let log = log_of(length);
    let [q1, d1] = [
        simd.multiply(simd.multiply(power, power), simd.splat(power_of_two(log + 2))),
        simd.multiply(power, simd.splat(1.5 * power_of_two(log + 2))),
    ];
    let q2 = simd.multiply(q1, simd.splat(1.5 * power_of_two(-LEVEL)));
    let d2 = simd.multiply(d1, simd.splat(power_of_two(-LEVEL)));
    let mut levels = Levels::<S> { squares: q1, rests: q2, sums: d1, left: d2 };
    for vector in &stage[..length] {
        levels.add(simd, common.one, simd.subtract(simd.read(vector, 0), shift));
    }
    // Differences within a binade are exact.
    let rests = simd.subtract(levels.rests, q2);
    let squares = sum(simd, simd.subtract(levels.squares, q1), rests);
    let total = sum(simd, simd.subtract(levels.sums, d1), simd.subtract(levels.left, d2));
    // Half a last bit of the second level for each number; twice for squares.
    let doubt = length as f64 * power_of_two(-96);
    let sums = RowSums {
        squares,
        squares_error: simd.multiply(q1, simd.splat(2.02 * doubt)),
        sum: total,
        sum_error: simd.multiply(d1, simd.splat(doubt)),
    };
    let results = common.results(simd, sums);
    // (The extremes ignore NaNs, but the sums do not.)
    let usual =
        simd.and(simd.less(simd.splat(SMALLEST), most), simd.less(most, simd.splat(LARGEST)));
    let valid = simd.ordered(levels.sums);
    let finite = simd.less(high_size, simd.splat(f64::INFINITY));
    let same = simd.and(simd.and(simd.equal(low, high), valid), finite);
    let [usual, same] = [simd.and(usual, valid), same].map(|mask| simd.lanes(mask));
    std::array::from_fn(|lane| match (same[lane], usual[lane]) {
        (0, 0) => f64::NAN,
        (0, _) => results[lane],
        _ => 0.0,
    })
}

/// The same of float32 numbers, for results no wider, by plain sums. With an element of the row as the
/// shift, the sum of the squares is less than `n` times what it would be about the mean.
#[inline(always)]
fn narrow_rows<S: Simd, V: Real>(
    simd: S,
    rows: [&[V]; WIDEST],
    common: &Common<S>,
) -> [f64; WIDEST] {
    let zero = simd.splat(0.0);
    let (mut squares, mut sum) = (zero, zero);
    let mut shift = [0.0; WIDEST];
    for lane in 0..S::W {
        shift[lane] = rows[lane][0].widen();
    }
    let shift = simd.read(&shift, 0);
    for_each_vector!(simd, V, rows, |_index, x| {
        let d = simd.subtract(x, shift);
        squares = simd.multiply_add(d, d, squares);
        sum = simd.add(sum, d);
    });
    let [of_squares, of_sum] = narrow::errors(1.0, common.length as i64);
    let sums = RowSums {
        squares: [squares, zero],
        squares_error: simd.multiply(squares, simd.splat(of_squares)),
        sum: [sum, zero],
        sum_error: simd.multiply(simd.square_root(squares), simd.splat(of_sum)),
    };
    let results = common.results(simd, sums);
    // (No difference of float32 numbers is so small that its square vanishes.)
    let same = simd.lanes(simd.equal(squares, zero));
    std::array::from_fn(|lane| if same[lane] != 0 { 0.0 } else { results[lane] })
}

#[inline(always)]
fn add_body<S: Simd, V: Real>(simd: S, rows: Rows<'_, V>, divisors: Divisors, results: &mut [f64]) {
    let length = rows.width();
    let common = Common::new(simd, divisors, length);
    let mut stage = [[0.0; WIDEST]; LONGEST];
    let last = rows.len().saturating_sub(1);
    let is_narrow = V::DTYPE == Dtype::F32 && divisors.format != Format::F64;
    for (group, results) in results.chunks_mut(S::W).enumerate() {
        let mut of: [&[V]; WIDEST] = [&[]; WIDEST];
        for lane in 0..S::W {
            of[lane] = rows.row((group * S::W + lane).min(last));
        }
        let found = if is_narrow {
            narrow_rows(simd, of, &common)
        } else {
            wide_rows(simd, of, &common, &mut stage)
        };
        results.copy_from_slice(&found[..results.len()]);
    }
}

vectorized! {
    /// The results of rows of numbers, of a length between [`SHORTEST`] and [`LONGEST`]; not finite
    /// for those that are not decided.
    pub(super) fn moments_of_rows[V: Real][V](
        rows: Rows<'_, V>, divisors: Divisors, results: &mut [f64]
    ) = add_body
}
