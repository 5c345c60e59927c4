//! Many short rows, a result each: a lane for each row.
//!
//! Shift and level come from the extremes of each row, so no number can exceed its level.

use super::block::{LEVEL, Levels, Real};
use super::finish::{Near, Pair, estimate};
use crate::array::view::Rows;
use crate::binary64::power_of_two;
use crate::cpu::vectorized;
use crate::exact::round::Format;
use crate::simd::Simd;

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

/// The largest power of two that is not larger than a normal number.
#[inline(always)]
fn power_below(x: f64) -> f64 {
    f64::from_bits(x.to_bits() & 0x7ff << 52)
}

/// The results of `W` rows, one in each lane; not finite if not decided.
#[inline(always)]
fn lanes<S: Simd, V: Real, const W: usize>(
    simd: S,
    rows: [&[V]; W],
    divisors: Divisors,
    stage: &mut [[f64; W]],
) -> [f64; W] {
    let length = stage.len();
    let rows = rows.map(|row| &row[..length]);
    let (mut low, mut high) = ([f64::INFINITY; W], [f64::NEG_INFINITY; W]);
    // Transposed squares of numbers, with a row in each lane.
    let whole = length / W * W;
    for at in (0..whole).step_by(W) {
        let mut square = [[0.0; W]; W];
        for lane in 0..W {
            for index in 0..W {
                square[lane][index] = rows[lane][at + index].widen();
            }
        }
        for index in 0..W {
            for lane in 0..W {
                stage[at + index][lane] = square[lane][index];
            }
        }
    }
    for at in whole..length {
        for lane in 0..W {
            stage[at][lane] = rows[lane][at].widen();
        }
    }
    for vector in &*stage {
        for lane in 0..W {
            low[lane] = if vector[lane] < low[lane] { vector[lane] } else { low[lane] };
            high[lane] = if vector[lane] > high[lane] { vector[lane] } else { high[lane] };
        }
    }
    // 2^log >= length: squares of one lane add up to less than 2^(log + 2) of the largest's power.
    let log = (length - 1).ilog2() as i32 + 1;
    let [above_squares, above_sums] = [power_of_two(log + 2), 1.5 * power_of_two(log + 2)];
    let [mut shift, mut q1, mut q2, mut d1, mut d2, mut largest] = [[0.0; W]; 6];
    for lane in 0..W {
        let (low, high) = (low[lane], high[lane]);
        // All within a factor of two: a number between them leaves exact differences (Sterbenz).
        let sizes = [low.abs(), high.abs()];
        let near = low * high > 0.0 && sizes[0].max(sizes[1]) <= 2.0 * sizes[0].min(sizes[1]);
        let c = if near { low + 0.5 * (high - low) } else { 0.0 };
        let most = f64::max((low - c).abs(), (high - c).abs());
        let power = power_below(most);
        shift[lane] = c;
        largest[lane] = most;
        q1[lane] = power * power * above_squares;
        d1[lane] = power * above_sums;
        q2[lane] = q1[lane] * (1.5 * power_of_two(-LEVEL));
        d2[lane] = d1[lane] * power_of_two(-LEVEL);
    }
    let starts = [q1, q2, d1, d2];
    let [squares, rests, sums, left] = starts.map(|start| simd.read(&start, 0));
    let mut levels = Levels::<S> { squares, rests, sums, left };
    let shifts = simd.read(&shift, 0);
    for vector in &*stage {
        levels.add(simd, simd.subtract(simd.read(vector, 0), shifts));
    }
    simd.write(levels.squares, &mut q1, 0);
    simd.write(levels.rests, &mut q2, 0);
    simd.write(levels.sums, &mut d1, 0);
    simd.write(levels.left, &mut d2, 0);
    let mut results = [0.0; W];
    for lane in 0..W {
        // Differences within a binade are exact.
        let sum = |high: f64, low: f64| {
            let sum = high + low;
            Pair { high: sum, low: low - (sum - high) }
        };
        let squares = sum(q1[lane] - starts[0][lane], q2[lane] - starts[1][lane]);
        let total = sum(d1[lane] - starts[2][lane], d2[lane] - starts[3][lane]);
        // Half a last bit of the second level for each number; twice for squares.
        let squares_error = starts[0][lane] * (length as f64 * 2.02 * power_of_two(-96));
        let sums_error = starts[2][lane] * (length as f64 * power_of_two(-96));
        let near = Near::new(squares, squares_error, total, sums_error);
        let found = estimate(near, divisors.count, divisors.degrees, divisors.root);
        let result =
            if divisors.format == Format::F64 { found.to_f64() } else { found.to_f32().into() };
        // (The extremes ignore NaNs, but the sums do not.)
        let certain = largest[lane] > SMALLEST && largest[lane] < LARGEST && !d1[lane].is_nan();
        let same = low[lane] == high[lane] && !d1[lane].is_nan() && high[lane].is_finite();
        results[lane] = match (same, certain) {
            (true, _) => 0.0,
            (_, true) => result,
            _ => f64::NAN,
        };
    }
    results
}

#[inline(always)]
fn add_body<S: Simd, V: Real>(simd: S, rows: Rows<'_, V>, divisors: Divisors, results: &mut [f64]) {
    // (A token's number of lanes cannot be used in an array type.)
    match S::W {
        8 => add_vectors::<S, V, 8>(simd, rows, divisors, results),
        4 => add_vectors::<S, V, 4>(simd, rows, divisors, results),
        _ => add_vectors::<S, V, 2>(simd, rows, divisors, results),
    }
}

#[inline(always)]
fn add_vectors<S: Simd, V: Real, const W: usize>(
    simd: S,
    rows: Rows<'_, V>,
    divisors: Divisors,
    results: &mut [f64],
) {
    let length = rows.width();
    let mut stage = [[0.0; W]; LONGEST];
    let last = rows.len().saturating_sub(1);
    for (group, results) in results.chunks_mut(W).enumerate() {
        let of: [&[V]; W] = std::array::from_fn(|lane| rows.row((group * W + lane).min(last)));
        let found = lanes::<S, V, W>(simd, of, divisors, &mut stage[..length]);
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
