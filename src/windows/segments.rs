//! Sums and means of many short segments of an array, one after the other.
//!
//! The levels are chosen once for many segments. A lane keeps two sums: of the parts of numbers in
//! the first level, and of the rests, each of which the second level rounds by at most half its
//! last bit. So the segment's sum is known to within one last bit for each number. If both ends of
//! that interval round to the same result, it is decided; other segments are added exactly
//! (`docs/numerics.md`, certified sums).

use super::certified::{self, Wide};
use crate::binary64::power_of_two;
use crate::cpu::{Isa, vectorized};
use crate::exact::accumulator::Accumulator;
use crate::interrupt::Interrupt;
use crate::kernel::levels::LEVEL;
use crate::simd::{Simd, WIDEST};

/// The number of segments whose levels are chosen together.
const GROUP: usize = 256;
/// The number of elements examined to choose them.
const SAMPLED: usize = 32;
/// A margin, in binades, for numbers that are larger than those of the sample.
const SPARE_BINADES: i32 = 3;
/// The longest segment that is added this way: at most 512 numbers for each of two streams of a lane.
const LONGEST_SEGMENT: usize = 1024;
/// Binades from the largest number to the first level: 512 of them leave a lane in its binade.
const HEADROOM: i32 = 11;

/// Whether offsets are valid for an array of this length: non-decreasing and within it.
fn cut(offsets: &[i64], length: usize) -> bool {
    let ends = [offsets.first(), offsets.last()];
    let within = |end: Option<&i64>| {
        end.is_some_and(|&end| usize::try_from(end).is_ok_and(|end| end <= length))
    };
    offsets.windows(2).fold(true, |rises, pair| rises & (pair[0] <= pair[1]))
        && ends.into_iter().all(within)
}

/// Writes the sums, or the means, of `numbers[offsets[i]..offsets[i + 1]]`, each rounded once; an
/// empty sum is 0, an empty mean NaN. Writes nothing and returns `false` if the offsets decrease or
/// lie outside.
///
/// ```
/// use mypackage::windows::segment_sums;
///
/// let mut sums = [0.0; 3];
/// assert!(segment_sums(&[1e16, 1.0, -1e16, 5.0], &[0, 3, 3, 4], false, &mut sums));
/// assert_eq!(sums, [1.0, 0.0, 5.0]);
/// assert!(!segment_sums(&[1.0], &[0, 2], false, &mut sums[..1]));
/// ```
///
/// # Panics
/// If the number of results is not that of segments.
pub fn segment_sums(numbers: &[f64], offsets: &[i64], mean: bool, results: &mut [f64]) -> bool {
    assert_eq!(results.len() + 1, offsets.len().max(1), "a place for each segment");
    if !cut(offsets, numbers.len()) {
        return false;
    }
    sums_of(crate::cpu::isa(), numbers, offsets, mean, results);
    true
}

/// As [`segment_sums`], for valid offsets.
fn sums_of(isa: Isa, numbers: &[f64], offsets: &[i64], mean: bool, results: &mut [f64]) {
    let tiles = crate::environment::is_default();
    let interrupt = Interrupt::of_call(numbers.len());
    for (group, results) in results.chunks_mut(GROUP).enumerate() {
        if interrupt.is_set() {
            break;
        }
        let offsets = &offsets[group * GROUP..][..=results.len()];
        if tiles {
            some(isa, numbers, offsets, mean, results);
        } else {
            results.fill(f64::NAN);
        }
        for (ends, result) in offsets.windows(2).zip(results).filter(|(_, result)| result.is_nan())
        {
            let segment = &numbers[ends[0] as usize..ends[1] as usize];
            if mean {
                let mut total = Accumulator::new();
                total.add_slice(segment);
                *result = total.mean();
            } else {
                *result = crate::sum::sum(segment);
            }
        }
    }
}

/// The results of some segments; NaN where they are not decided.
fn some(isa: Isa, numbers: &[f64], offsets: &[i64], mean: bool, results: &mut [f64]) {
    let (start, end) = (offsets[0] as usize, offsets[results.len()] as usize);
    let step = (end - start).div_ceil(SAMPLED).max(1);
    let sample = numbers[start..end].iter().step_by(step).map(|x| x.abs());
    let top = sample.filter(|x| x.is_finite()).fold(0.0, f64::max);
    let first = super::line::exponent(top) + 1 + SPARE_BINADES + HEADROOM;
    if (-800..=1000).contains(&first) {
        add(isa, numbers, offsets, first, mean, results);
    } else {
        results.fill(f64::NAN);
    }
}

/// Masks of the last lanes of a vector: the `W` words from position `n` on have ones in the last
/// `n` lanes, for `n` up to `W`; the ones begin at `WIDEST`.
const ONES: f64 = f64::from_bits(u64::MAX);
const MASKS: [f64; 2 * WIDEST] =
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, ONES, ONES, ONES, ONES, ONES, ONES, ONES, ONES];

#[inline(always)]
fn add_body<S: Simd>(
    s: S,
    numbers: &[f64],
    offsets: &[i64],
    first: i32,
    mean: bool,
    results: &mut [f64],
) {
    let levels = [first, first - LEVEL].map(|exponent| 1.5 * power_of_two(exponent));
    let (upper, lower) = (s.splat(levels[0]), s.splat(levels[1]));
    let units = [first - 52, first - LEVEL - 52].map(power_of_two);
    let zero = s.splat(0.0);
    // As an integer, what all lanes of both streams have at the beginning, less that of a number at
    // whose size a step is 1.
    let whole = 1.5 * power_of_two(52);
    let [upper_bias, lower_bias] = levels.map(|level| {
        let bits = level.to_bits().wrapping_mul(2 * S::W as u64).wrapping_sub(whole.to_bits());
        f64::from_bits(bits)
    });
    let whole = s.splat(whole);
    let one = s.hidden_one();
    for (group, results) in results.chunks_mut(S::W).enumerate() {
        let offsets = &offsets[group * S::W..][..=results.len()];
        let (mut highs, mut lows, mut escapes) = ([zero; WIDEST], [zero; WIDEST], [zero; WIDEST]);
        let mut lengths = [0.0; WIDEST];
        for index in 0..results.len() {
            let (start, end) = (offsets[index] as usize, offsets[index + 1] as usize);
            let segment = &numbers[start..end];
            lengths[index] = segment.len() as f64;
            let length = if segment.len() > LONGEST_SEGMENT { 0 } else { segment.len() };
            let (mut high, mut low) = ([upper; 2], [lower; 2]);
            let mut escaped = zero;
            // (A closure would be compiled without this function's target features.)
            macro_rules! enter {
                ($stream:literal, $x:expr) => {
                    let x = $x;
                    let sum = s.add(high[$stream], x);
                    let rest = s.minus(one, x, s.minus(one, sum, high[$stream]));
                    high[$stream] = sum;
                    low[$stream] = s.add(low[$stream], rest);
                    escaped = s.or(escaped, s.xor(sum, upper));
                };
            }
            let mut at = 0;
            while at + 2 * S::W <= length {
                enter!(0, s.read(segment, at));
                enter!(1, s.read(segment, at + S::W));
                at += 2 * S::W;
            }
            if at + S::W <= length {
                enter!(0, s.read(segment, at));
                at += S::W;
            }
            let rest = length - at;
            if rest > 0 {
                // The last numbers, without those that were already added or precede the segment.
                let last = if end >= S::W {
                    s.and(s.read(numbers, end - S::W), s.read(&MASKS, WIDEST + rest - S::W))
                } else {
                    let mut last = [0.0; WIDEST];
                    last[..rest].copy_from_slice(&segment[at..]);
                    s.read(&last, 0)
                };
                enter!(1, last);
            }
            let below = s.or(s.xor(low[0], lower), s.xor(low[1], lower));
            highs[index] = s.add_bits(high[0], high[1]);
            lows[index] = s.add_bits(low[0], low[1]);
            escapes[index] = s.or(escaped, below);
        }
        // A lane for each segment.
        let (highs, lows, escapes) = (s.turn(highs), s.turn(lows), s.turn(escapes));
        let (mut high, mut low, mut escaped) = (highs[0], lows[0], escapes[0]);
        for lane in 1..S::W {
            high = s.add_bits(high, highs[lane]);
            low = s.add_bits(low, lows[lane]);
            escaped = s.or(escaped, escapes[lane]);
        }
        // (Also of sums of so many steps that the numbers are much larger than the sample's.)
        let high = s.subtract_bits(high, s.splat(upper_bias));
        let low = s.subtract_bits(low, s.splat(lower_bias));
        escaped = s.or(escaped, s.or(s.xor(high, whole), s.xor(low, whole)));
        let high = s.multiply(s.subtract(high, whole), s.splat(units[0]));
        let low = s.multiply(s.subtract(low, whole), s.splat(units[1]));
        // Half a last bit for each number, and the rounding errors of the additions here.
        let lengths_vector = s.read(&lengths, 0);
        let doubt = s.multiply(s.add(lengths_vector, s.splat(16.0)), s.splat(units[1]));
        let a = s.add(high, s.subtract(low, doubt));
        let b = s.add(high, s.add(low, doubt));
        let sums = s.lanes(s.select(s.equal(a, b), a, s.splat(f64::NAN))).map(f64::from_bits);
        let escaped = s.lanes(escaped);
        let [high, low, doubt] = [s.lanes(high), s.lanes(low), s.lanes(doubt)];
        for (lane, result) in results.iter_mut().enumerate() {
            let length = lengths[lane];
            *result = if escaped[lane] >> 52 != 0 || length > LONGEST_SEGMENT as f64 {
                f64::NAN
            } else if !mean {
                if length == 0.0 { 0.0 } else { sums[lane] }
            } else {
                let [high, low, doubt] = [high, low, doubt].map(|x| f64::from_bits(x[lane]));
                certified::quotient::<Wide>(high, low, doubt, length)
            };
        }
    }
}

vectorized! {
    /// The results of some segments at a given first level; NaN where they are not decided.
    fn add[][](
        numbers: &[f64],
        offsets: &[i64],
        first: i32,
        mean: bool,
        results: &mut [f64]
    ) = add_body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{numbers, pseudo_random};

    #[test]
    fn segments_are_summed_exactly() {
        let mut next = pseudo_random(4);
        for (kind, exponents) in [4, 60, 400, 2000].into_iter().enumerate() {
            let mut line = numbers(6000, 0, exponents, 7 + kind as u64);
            line[5000] = f64::INFINITY;
            line[5100] = f64::NAN;
            let rest: Vec<f64> = line[4000..4500].iter().map(|x| -x).collect();
            line[4500..5000].copy_from_slice(&rest);
            let mut offsets = vec![3];
            while *offsets.last().expect("one") < 5990 {
                let last = offsets.last().expect("one");
                let step = [next() % 4, next() % 40, next() % 1500][next() as usize % 3];
                offsets.push((last + step as i64).min(5995));
            }
            offsets.extend([4000, 5000, 6000].iter().filter(|&&end| end >= 5995));
            for mean in [false, true] {
                let right: Vec<f64> = offsets
                    .windows(2)
                    .map(|ends| {
                        let mut total = Accumulator::new();
                        total.add_slice(&line[ends[0] as usize..ends[1] as usize]);
                        if mean { total.mean() } else { total.to_f64() }
                    })
                    .collect();
                for isa in Isa::available() {
                    let mut found = vec![0.0; right.len()];
                    some(isa, &line, &offsets, mean, &mut found);
                    let certain = found.iter().filter(|x| !x.is_nan()).count();
                    assert!(kind > 0 || certain > found.len() / 2, "{certain} {isa:?}");
                    for (place, (found, right)) in found.iter().zip(&right).enumerate() {
                        assert!(found.is_nan() || found == right, "{kind} {mean} {place} {isa:?}");
                    }
                }
                let mut found = vec![0.0; right.len()];
                assert!(segment_sums(&line, &offsets, mean, &mut found));
                for (found, right) in found.iter().zip(&right) {
                    assert!(found == right || found.is_nan() && right.is_nan());
                }
            }
        }
    }

    #[test]
    fn offsets_that_do_not_cut() {
        for offsets in [&[][..], &[0, 3, 2], &[-1, 2], &[0, 6]] {
            let mut results = vec![7.0; offsets.len().saturating_sub(1)];
            assert!(!segment_sums(&[1.0; 5], offsets, false, &mut results));
            assert!(results.iter().all(|&result| result == 7.0));
        }
    }
}
