//! Sums of products of many variables: centred, in tiles of two by two, with proved error bounds.
//!
//! Each variable is centred at a number c for which all d = x - c are exact (0, or one within a factor
//! of two of all x: Sterbenz 1974), which changes no numerator:
//!
//! ```text
//! n sum(x y) - sum(x) sum(y) = n sum(dx dy) - sum(dx) sum(dy)
//! ```
//!
//! With |d| < 2^e known for each variable beforehand, the products of a pair go to two accumulators,
//! `1.5 * 2^k` and `1.5 * 2^(k-43)` with k = e_x + e_y + 9, which are emptied after every [`BLOCK`]
//! observations:
//!
//! ```text
//! s = fma(dx, dy, s1)   h = s - s1   s1 = s   s2 = s2 + fma(dx, dy, -h)
//! ```
//!
//! A lane takes at most 128 products below 2^(k-9), so the first stays within 2^(k-2) of its start and
//! in its binade: no element needs a check. The rest is at most 2^(k-53), with a rounding error of
//! 2^(k-106); the second one, whose last bit is 2^(k-95), rounds that by 2^(k-96) at most and stays
//! within 2^(k-46) of its start. So the sum of n products is an integer in units of 2^(k-95), with
//! an error of n units at most; and of 0, if all products are multiples of 2^(k-95). Sums of d
//! likewise, k = e + 9.
//!
//! An entry is certified if all numbers within its error bound round to the same result.

use std::hint::black_box;

use dashu_int::IBig;

use super::covariance::{CovarianceRequest, Variable};
use super::dyadic::Dyadic;
use crate::array::dtype::Dtype;
use crate::array::memory::prefetch_lines;
use crate::binary64::power_of_two;
use crate::cpu::{Isa, dispatch};
use crate::environment;
use crate::exact::round::Format;
use crate::interrupt::Interrupt;
use crate::threads;

/// The number of observations between two emptyings of the accumulators.
const BLOCK: usize = 256;
/// The number of variables whose products with another two are added in turn.
const IN_TURN: usize = 8;
/// Binades from the largest product to the first accumulator: a lane of two takes 128.
const HEADROOM: i32 = 9;
/// Binades from the first accumulator to the second.
const LEVEL: i32 = 43;
/// Binades from the first accumulator to the last bit of the second.
const UNIT: i32 = LEVEL + 52;
/// Where all the numbers above are normal ones.
const EXPONENTS: std::ops::RangeInclusive<i32> = -800..=800;
/// The exponent of the last bit of 0.
const ANY: i32 = i32::MAX / 4;
/// The number of blocks per task of a thread.
const SHARE: usize = 64;

/// What is known about a variable before its products are added.
#[derive(Debug, Clone, Copy)]
pub(super) struct Centred {
    /// The number subtracted from each element; `None` if the variable is not handled by tiles.
    pub centre: Option<f64>,
    /// All differences are below 2^exponent.
    pub exponent: i32,
    /// All differences are multiples of 2^last_bit.
    pub last_bit: i32,
    is_finite: bool,
    is_constant: bool,
}

/// The sums of all variables and of the products of all pairs.
pub(super) struct Tiles {
    count: f64,
    divisor: i128,
    ddof: i64,
    correlation: bool,
    format: Format,
    variables: Vec<Centred>,
    /// Variables, and a column of zeros if their number is odd.
    width: usize,
    sums: Vec<i128>,
    /// Row by row; nothing below the diagonal's tiles.
    products: Vec<i128>,
}

impl Tiles {
    /// Reads all real variables that can be centred; `None` if there is none. For the default
    /// floating-point environment.
    pub fn of(isa: Isa, request: &CovarianceRequest<'_>, interrupt: &Interrupt) -> Option<Tiles> {
        let CovarianceRequest { variables, count, ddof, correlation, format, .. } = request;
        let count = *count;
        if count == 0 || count as u64 >= 1 << 32 || ddof.unsigned_abs() >= 1 << 52 {
            return None;
        }
        let width = variables.len().next_multiple_of(2);
        let blocks = count.div_ceil(BLOCK);
        let ranges = threads::split(blocks, SHARE, |blocks| {
            let mut ranges = vec![Range::new(); variables.len()];
            if !environment::is_default() {
                // A thread with another floating-point environment leaves the work to others.
                return ranges;
            }
            let mut stage = [0.0; BLOCK];
            for blocks in blocks {
                for (range, variable) in ranges.iter_mut().zip(variables) {
                    if let Some(numbers) = variable.numbers()
                        && !interrupt.is_set()
                    {
                        range.extend(
                            isa,
                            &numbers[blocks.start * BLOCK..count.min(blocks.end * BLOCK)],
                        );
                    }
                }
                // (Block by block, since variables may be the columns of a matrix.)
                for block in blocks.take_while(|_| !interrupt.is_set()) {
                    let start = block * BLOCK;
                    let values = &mut stage[..BLOCK.min(count - start)];
                    let staged = |(_, variable): &(_, &Variable<'_>)| variable.numbers().is_none();
                    for (range, variable) in ranges.iter_mut().zip(variables).filter(staged) {
                        if !range.is_exact || variable.read_rest(0, start, values) {
                            range.is_exact = false;
                            continue;
                        }
                        variable.read(0, start, values);
                        range.extend(isa, values);
                    }
                }
            }
            ranges
        });
        let centred: Vec<Centred> = (0..variables.len())
            .map(|index| {
                let mut range = Range::new();
                ranges.iter().for_each(|ranges| range.merge(&ranges[index]));
                range.centred(variables[index].dtype())
            })
            .collect();
        if centred.iter().all(|variable| variable.centre.is_none()) {
            return None;
        }
        let mut tiles = Tiles {
            count: count as f64,
            divisor: i128::from(count as i64) * (i128::from(count as i64) - i128::from(*ddof)),
            ddof: *ddof,
            correlation: *correlation,
            format: *format,
            variables: centred,
            width,
            sums: vec![0; width],
            products: vec![0; width * width],
        };
        let parts = threads::split(blocks, SHARE, |blocks| {
            let mut sums = vec![0; width];
            let mut products = vec![0; width * width];
            if !environment::is_default() {
                return (sums, products);
            }
            let mut stage = vec![[0.0; BLOCK]; width];
            for block in blocks.flatten() {
                if interrupt.is_set() {
                    break;
                }
                let start = block * BLOCK;
                let length = BLOCK.min(count - start);
                for (index, column) in stage.iter_mut().enumerate().take(variables.len()) {
                    let Some(centre) = tiles.variables[index].centre else { continue };
                    let (values, rest) = column.split_at_mut(length);
                    variables[index].read(0, start, values);
                    if let Some(numbers) = variables[index].numbers() {
                        // The next block, which no hardware foresees.
                        prefetch_lines(numbers[start..].as_ptr().wrapping_add(BLOCK), 8 * BLOCK);
                    }
                    rest.fill(0.0);
                    let [high, low] = sum(isa, column, centre, length, tiles.bias(index));
                    sums[index] += combined(high, low);
                }
                tiles.multiply(isa, &stage, &mut products);
            }
            (sums, products)
        });
        for (sums, products) in parts {
            tiles.sums.iter_mut().zip(sums).for_each(|(all, sum)| *all += sum);
            tiles.products.iter_mut().zip(products).for_each(|(all, sum)| *all += sum);
        }
        Some(tiles)
    }

    /// The starts of the accumulators of a sum.
    fn bias(&self, index: usize) -> [f64; 2] {
        bias(self.variables[index].exponent)
    }

    fn multiply(&self, isa: Isa, stage: &[[f64; BLOCK]], products: &mut [i128]) {
        let exponent =
            |index: usize| self.variables.get(index).map_or(0, |variable| variable.exponent);
        // (Some rows stay in the first-level cache, while columns pass by.)
        for (first, column) in (0..self.width)
            .step_by(IN_TURN)
            .flat_map(|first| (first..self.width).step_by(2).map(move |column| (first, column)))
        {
            for row in (first..(column + 1).min(first + IN_TURN)).step_by(2) {
                let pair = |x: usize, y: usize| bias(exponent(row + x) + exponent(column + y));
                let biases = [pair(0, 0), pair(0, 1), pair(1, 0), pair(1, 1)];
                let parts = tile(
                    isa,
                    [&stage[row], &stage[row + 1]],
                    [&stage[column], &stage[column + 1]],
                    biases,
                );
                for (place, [high, low]) in parts.into_iter().enumerate() {
                    let at = (row + place / 2) * self.width + column + place % 2;
                    products[at] += combined(high, low);
                }
            }
        }
    }

    fn centred(&self, index: usize) -> Option<Centred> {
        Some(self.variables[index]).filter(|variable| variable.centre.is_some())
    }

    /// Whether all numbers of a variable are finite, if that is known.
    pub fn is_finite(&self, index: usize) -> Option<bool> {
        let variable = self.variables[index];
        (variable.centre.is_some() || !variable.is_finite).then_some(variable.is_finite)
    }

    /// Whether all numbers of a variable are equal, if that is known.
    pub fn is_constant(&self, index: usize) -> Option<bool> {
        self.centred(index).map(|variable| variable.is_constant)
    }

    /// The exact numerator of an entry, if no product was rounded.
    pub fn numerator(&self, row: usize, column: usize) -> Option<Dyadic> {
        let (x, y) = (self.centred(row)?, self.centred(column)?);
        let unit = |exponent: i32| exponent + HEADROOM - UNIT;
        let exact = |last_bit: i32, exponent: i32| last_bit >= unit(exponent);
        if !exact(x.last_bit + y.last_bit, x.exponent + y.exponent)
            || !exact(x.last_bit, x.exponent)
            || !exact(y.last_bit, y.exponent)
        {
            return None;
        }
        let number = |sum: i128, exponent: i32| Dyadic::new(IBig::from(sum), unit(exponent));
        let product = number(self.products[row * self.width + column], x.exponent + y.exponent);
        let sums = number(self.sums[row], x.exponent).times(&number(self.sums[column], y.exponent));
        Some(Dyadic::from(self.count as i128).times(&product).minus(&sums))
    }

    /// The bits of an entry, if they are decided.
    pub fn entry(&self, row: usize, column: usize) -> Option<u64> {
        let (x, y) = (self.centred(row)?, self.centred(column)?);
        // In units of 2^(e_x + e_y).
        let numerator = self.interval(row, column);
        if !self.correlation {
            if self.divisor <= 0 {
                return None;
            }
            let quotient = numerator.divided(self.count - self.ddof as f64);
            return quotient.round(x.exponent + y.exponent, self.format);
        }
        if row == column || x.is_constant || y.is_constant {
            return None;
        }
        let (x, y) = (self.interval(row, row), self.interval(column, column));
        numerator.over_root(x, y)?.round(0, self.format)
    }

    /// A numerator divided by n, in units of the two variables' largest differences.
    fn interval(&self, row: usize, column: usize) -> Interval {
        let scaled = |sum: i128| Interval::of(sum, self.count, HEADROOM - UNIT);
        let (x, y) = (scaled(self.sums[row]), scaled(self.sums[column]));
        let product = scaled(self.products[row * self.width + column]);
        product.minus_quotient(x, y, self.count)
    }
}

/// The starts of two accumulators for numbers below `2^exponent`.
fn bias(exponent: i32) -> [f64; 2] {
    let first = exponent + HEADROOM;
    [1.5 * power_of_two(first), 1.5 * power_of_two(first - LEVEL)]
}

fn combined(high: i64, low: i64) -> i128 {
    (i128::from(high) << LEVEL) + i128::from(low)
}

/// Bounds of the numbers of a variable.
#[derive(Debug, Clone)]
pub(super) struct Range {
    lowest: f64,
    highest: f64,
    /// The least magnitude of a number that is not 0.
    smallest: f64,
    is_finite: bool,
    /// Whether all are binary64 numbers.
    is_exact: bool,
}

impl Range {
    pub fn new() -> Range {
        Range {
            lowest: f64::INFINITY,
            highest: f64::NEG_INFINITY,
            smallest: f64::INFINITY,
            is_finite: true,
            is_exact: true,
        }
    }

    pub fn extend(&mut self, isa: Isa, values: &[f64]) {
        let [lowest, highest, smallest, rest] = range(isa, values);
        self.lowest = smaller(lowest, self.lowest);
        self.highest = larger(highest, self.highest);
        self.smallest = smaller(smallest, self.smallest);
        self.is_finite &= rest == 0.0;
    }

    fn merge(&mut self, other: &Range) {
        self.lowest = smaller(other.lowest, self.lowest);
        self.highest = larger(other.highest, self.highest);
        self.smallest = smaller(other.smallest, self.smallest);
        self.is_finite &= other.is_finite;
        self.is_exact &= other.is_exact;
    }

    pub fn centred(self, dtype: Dtype) -> Centred {
        let Range { lowest, highest, smallest, is_finite, is_exact } = self;
        let none = Centred {
            centre: None,
            exponent: 0,
            last_bit: 0,
            is_finite: is_finite || !is_exact,
            is_constant: false,
        };
        if !is_exact || !is_finite {
            return none;
        }
        let near = |low: f64, high: f64| low > 0.0 && high <= 2.0 * low;
        // Between the bounds, hence within a factor of two of all numbers.
        let centre = if near(lowest, highest) || near(-highest, -lowest) {
            lowest + (highest - lowest) / 2.0
        } else {
            0.0
        };
        let largest = larger(highest - centre, centre - lowest);
        // The exponent of the number above it; differences that are all 0 have any.
        let exponent = if largest == 0.0 { 0 } else { exponent_of(largest) + 1 };
        let fraction_bits = match dtype {
            Dtype::F64 => 52,
            Dtype::F32 => 23,
            Dtype::F16 => 10,
            _ => 0,
        };
        let last_bit = match (smallest.is_finite(), dtype.is_floating()) {
            (false, _) => ANY,
            (true, true) => (exponent_of(smallest) - fraction_bits).max(-1074),
            (true, false) => 0,
        };
        // The centre of integers may have a fraction.
        let last_bit = if largest == 0.0 {
            ANY
        } else if centre == 0.0 {
            last_bit
        } else {
            last_bit.min(trailing_exponent(centre))
        };
        let fits = EXPONENTS.contains(&exponent) && EXPONENTS.contains(&(2 * exponent));
        Centred {
            centre: fits.then_some(centre),
            exponent,
            last_bit,
            is_finite: true,
            is_constant: lowest == highest,
        }
    }
}

/// The exponent of a positive number: 2^exponent <= x < 2^(exponent + 1), or -1023.
fn exponent_of(x: f64) -> i32 {
    (x.to_bits() >> 52) as i32 - 1023
}

/// The exponent of the last bit that is set.
fn trailing_exponent(x: f64) -> i32 {
    let (significand, exponent) = crate::binary64::decompose(x);
    exponent + significand.trailing_zeros() as i32
}

/// With the semantics of the instruction.
#[inline(always)]
fn smaller(x: f64, y: f64) -> f64 {
    if x < y { x } else { y }
}

/// With the semantics of the instruction.
#[inline(always)]
fn larger(x: f64, y: f64) -> f64 {
    if x > y { x } else { y }
}

#[inline(always)]
fn range_body<const W: usize>(values: &[f64]) -> [f64; 4] {
    let mut lowest = [f64::INFINITY; W];
    let mut highest = [f64::NEG_INFINITY; W];
    let mut smallest = [f64::INFINITY; W];
    // Not 0 where a number is infinite or NaN.
    let mut rest = [0u64; W];
    let mut add = |lane: usize, x: f64| {
        lowest[lane] = smaller(x, lowest[lane]);
        highest[lane] = larger(x, highest[lane]);
        let magnitude = if x == 0.0 { f64::INFINITY } else { x.abs() };
        smallest[lane] = smaller(magnitude, smallest[lane]);
        #[allow(clippy::eq_op)]
        let zero_or_nan = x - x;
        rest[lane] |= zero_or_nan.to_bits();
    };
    let (vectors, last) = values.as_chunks::<W>();
    for vector in vectors {
        for lane in 0..W {
            add(lane, vector[lane]);
        }
    }
    for &x in last {
        add(0, x);
    }
    let rest = rest.into_iter().fold(0, |all, bits| all | bits);
    [
        lowest.into_iter().fold(f64::INFINITY, smaller),
        highest.into_iter().fold(f64::NEG_INFINITY, larger),
        smallest.into_iter().fold(f64::INFINITY, smaller),
        if rest == 0 { 0.0 } else { 1.0 },
    ]
}

dispatch! {
    /// The lowest and the highest number, the least magnitude but 0, and 0 if all are finite.
    fn range(values: &[f64]) -> [f64; 4] = range_body::<{W}>
}

/// Whether vectors of `W` lanes can be multiplied and added at once: not on the x86-64 baseline.
pub(super) const fn has_fma<const W: usize>() -> bool {
    W > 2 || cfg!(not(target_arch = "x86_64"))
}

/// The sum of an accumulator's lanes, in units of its last bit.
#[inline(always)]
fn taken<const W: usize>(lanes: [f64; W], bias: f64) -> i64 {
    lanes.into_iter().map(|x| x.to_bits().wrapping_sub(bias.to_bits()) as i64).sum()
}

#[inline(always)]
fn sum_body<const W: usize>(
    values: &mut [f64; BLOCK],
    centre: f64,
    length: usize,
    bias: [f64; 2],
) -> [i64; 2] {
    for x in &mut values[..length] {
        *x -= centre;
    }
    let (mut first, mut second) = ([bias[0]; W], [bias[1]; W]);
    for vector in values.as_chunks::<W>().0 {
        for lane in 0..W {
            let s = first[lane] + vector[lane];
            second[lane] += vector[lane] - (s - first[lane]);
            first[lane] = s;
        }
    }
    [taken(first, bias[0]), taken(second, bias[1])]
}

dispatch! {
    /// Centres numbers, and adds them up.
    fn sum(values: &mut [f64; BLOCK], centre: f64, length: usize, bias: [f64; 2]) -> [i64; 2]
        = sum_body::<{W}>
}

#[inline(always)]
fn add_product<const W: usize>(x: [f64; W], y: [f64; W], sums: &mut [[f64; W]; 2]) {
    let [first, second] = sums;
    for lane in 0..W {
        if has_fma::<W>() {
            let s = x[lane].mul_add(y[lane], first[lane]);
            let h = s - first[lane];
            second[lane] += x[lane].mul_add(y[lane], -h);
            first[lane] = s;
        } else {
            let (product, error) = two_product(x[lane], y[lane]);
            let s = first[lane] + product;
            second[lane] += product - (s - first[lane]) + error;
            first[lane] = s;
        }
    }
}

#[inline(always)]
fn tile_body<const W: usize>(
    x: [&[f64; BLOCK]; 2],
    y: [&[f64; BLOCK]; 2],
    bias: [[f64; 2]; 4],
) -> [[i64; 2]; 4] {
    let mut sums = bias.map(|levels| levels.map(|start| [start; W]));
    let [x, next_x] = x.map(|values| values.as_chunks::<W>().0.as_chunks::<2>().0);
    let [y, next_y] = y.map(|values| values.as_chunks::<W>().0.as_chunks::<2>().0);
    for (((x, next_x), y), next_y) in x.iter().zip(next_x).zip(y).zip(next_y) {
        // (Two, so that no accumulator needs to change its register.)
        for vector in 0..2 {
            let (x, next_x, y, next_y) = (x[vector], next_x[vector], y[vector], next_y[vector]);
            add_product(x, y, &mut sums[0]);
            add_product(x, next_y, &mut sums[1]);
            add_product(next_x, y, &mut sums[2]);
            add_product(next_x, next_y, &mut sums[3]);
        }
    }
    // This makes the loop keep whole vectors in registers.
    let sums = black_box(sums);
    std::array::from_fn(|pair| {
        [taken(sums[pair][0], bias[pair][0]), taken(sums[pair][1], bias[pair][1])]
    })
}

dispatch! {
    /// The sums of the products of two blocks with two others: first with first, first with second,
    /// second with first, second with second.
    fn tile(x: [&[f64; BLOCK]; 2], y: [&[f64; BLOCK]; 2], bias: [[f64; 2]; 4]) -> [[i64; 2]; 4]
        = tile_body::<{W}>
}

/// A rounded product and its error (Dekker 1971), without a fused multiply-add.
#[inline(always)]
pub(super) fn two_product(x: f64, y: f64) -> (f64, f64) {
    let split = |x: f64| {
        let scaled = x * 134_217_729.0;
        let high = scaled - (scaled - x);
        (high, x - high)
    };
    let ((xh, xl), (yh, yl), product) = (split(x), split(y), x * y);
    (product, ((xh * yh - product) + xh * yl + xl * yh) + xl * yl)
}

/// A rounded sum and its error (Knuth 1969).
#[inline(always)]
fn two_sum(x: f64, y: f64) -> (f64, f64) {
    let s = x + y;
    let back = s - x;
    (s, (x - (s - back)) + (y - back))
}

/// A number within `error` of `high + low`.
#[derive(Debug, Clone, Copy)]
struct Interval {
    high: f64,
    low: f64,
    error: f64,
}

/// A bound on the relative error of the pair arithmetic below, which is about 2^-100.
const PAIR: f64 = 1.0 / (1u128 << 97) as f64;
/// A bound for a few operations, which also covers rounding of the bounds.
const FEW: f64 = 1.0 / (1u64 << 49) as f64;

impl Interval {
    /// `sum` with an error of `error`, both in units of `2^exponent`.
    fn of(sum: i128, error: f64, exponent: i32) -> Interval {
        let high = sum as f64;
        let low = (sum - high as i128) as f64;
        let unit = power_of_two(exponent);
        Interval {
            high: high * unit,
            low: low * unit,
            error: (error + low.abs() * f64::EPSILON) * unit,
        }
    }

    /// `self - x y / n`.
    fn minus_quotient(self, x: Interval, y: Interval, n: f64) -> Interval {
        let (product, rest) = two_product(x.high, y.high);
        let rest = rest + (x.high * y.low + x.low * y.high);
        let (quotient, rest) = divided(product, rest, n);
        let (high, low) = two_sum(self.high, -quotient);
        let (high, low) = two_sum(high, low + (self.low - rest));
        let of_sums = x.error * y.high.abs() + y.error * x.high.abs() + x.error * y.error;
        let rounded = (self.high.abs() + quotient.abs()) * PAIR;
        Interval { high, low, error: (self.error + of_sums / n + rounded) * (1.0 + FEW) }
    }

    fn divided(self, divisor: f64) -> Interval {
        let (high, low) = divided(self.high, self.low, divisor);
        let error = self.error / divisor + high.abs() * PAIR;
        Interval { high, low, error: error * (1.0 + FEW) }
    }

    /// `self / sqrt(x y)`; `None` where x or y is not certainly positive.
    fn over_root(self, x: Interval, y: Interval) -> Option<Interval> {
        if x.error > 0.25 * x.high || y.error > 0.25 * y.high {
            return None;
        }
        let (product, rest) = two_product(x.high, y.high);
        let rest = rest + (x.high * y.low + x.low * y.high);
        let root = product.sqrt();
        let (square, lost) = two_product(root, root);
        let low_root = ((product - square) - lost + rest) / (2.0 * root);
        let high = self.high / root;
        let (back, lost) = two_product(high, root);
        let low = ((self.high - back) - lost + self.low - high * low_root) / root;
        let relative = PAIR + x.error / x.high + y.error / y.high;
        // The root is at least three quarters of what it was computed to be.
        let error = 1.5 * self.error / root + high.abs() * relative;
        Some(Interval { high, low, error: error * (1.0 + FEW) })
    }

    /// The bits of the number times `2^exponent`, if all within the error round to the same result;
    /// of correlations, for which the exponent is 0, at most 1.
    fn round(self, exponent: i32, format: Format) -> Option<u64> {
        let error = self.error * (1.0 + FEW) + self.low.abs() * FEW;
        let ends = [self.low - error, self.low + error].map(|low| self.high + low);
        if format == Format::F64 {
            let [end, other] = ends;
            // Far from the subnormal numbers, the scaling is exact.
            let size = exponent_of(end.abs()) + exponent;
            let certain = end == other && (-1000..1000).contains(&size);
            return certain.then(|| scaled(end, exponent).to_bits());
        }
        if format != Format::F32 {
            return None;
        }
        let [end, other] = [ends[0].next_down(), ends[1].next_up()];
        let size = exponent_of(end.abs()) + exponent;
        if !(-1000..1000).contains(&size) {
            return None;
        }
        let [end, other] = [end, other].map(|end| scaled(end, exponent) as f32);
        (end == other && end != 0.0 && end.is_finite()).then(|| end.to_bits().into())
    }
}

/// `x * 2^exponent`, for results far from the ends of the range.
fn scaled(x: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    x * power_of_two(half) * power_of_two(exponent - half)
}

/// `(high + low) / divisor` as a pair.
#[inline(always)]
fn divided(high: f64, low: f64, divisor: f64) -> (f64, f64) {
    let quotient = high / divisor;
    let (back, lost) = two_product(quotient, divisor);
    (quotient, ((high - back) - lost + low) / divisor)
}
