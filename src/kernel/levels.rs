//! The basic kernel: the exact sum of one block of numbers, in a few operations per element.
//!
//! # Levels
//!
//! A *biased accumulator* starts at `1.5 * 2^k` and stays in the binade `[2^k, 2^(k+1))`, so that
//! its last bit always weighs `2^(k-52)`. To add `x`:
//!
//! ```text
//! s = S + x          rounded: the high part of x is now in s
//! h = s - S          exact: s and S are in one binade
//! l = x - h          exact: the rounding error of an addition is a number of the format
//! ```
//!
//! (Dekker's FastTwoSum, 1971, whose condition `|S| >= |x|` follows from the binade; depositing
//! into a biased accumulator is due to Rump, Ogita and Oishi, 2008, and Demmel and Nguyen, 2013.)
//! `l` goes to the next level, whose accumulator lies [`LEVEL`] binades lower; the rest after the
//! last level must be zero in every lane. Each `s` is compared with the bias: `escaped` collects
//! the bits of sign and exponent that ever differed. If none did, every condition above holds, and
//! lane minus bias is an integer multiple of the accumulator's last bit: the difference of the two
//! bit patterns.
//!
//! `docs/numerics.md` has the proofs.

use std::hint::black_box;

use super::number::Number;
use crate::array::memory::{CACHE_LINE, prefetch};
use crate::binary64::{ABSOLUTE, SIGN_AND_EXPONENT, power_of_two};
use crate::cpu::{Isa, Level, dispatch};

/// The number of elements in a full block: large enough to amortise its set-up, small enough for
/// the lanes to stay in their binades.
pub(crate) const BLOCK: usize = 2048;
/// Binades between two levels. A level receives at most 256 + 4 parts of at most half a last bit
/// of the level above (2^-53 of its binade): their sum stays below half of this level's.
pub(crate) const LEVEL: i32 = 43;
/// The highest exponent of a first accumulator.
pub(crate) const HIGHEST: i32 = 1022;
/// At this exponent the last bit is the smallest subnormal number, so there is no rest.
const LOWEST_LEVEL: i32 = -1022;

/// The sums of one block: level `j` holds `parts[j] * 2^(exponents[j])`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sums<const K: usize> {
    pub parts: [i64; K],
    pub exponents: [i32; K],
}

impl<const K: usize> Sums<K> {
    /// The sum of two sums of the same scale.
    #[inline(always)]
    pub fn plus(self, other: Sums<K>) -> Sums<K> {
        let parts = std::array::from_fn(|level| self.parts[level] + other.parts[level]);
        Sums { parts, exponents: self.exponents }
    }
}

/// The exponents of `K` accumulators, `apart` binades apart, and their start values.
#[inline(always)]
pub(crate) fn levels<const K: usize>(first: i32, apart: i32) -> ([i32; K], [f64; K]) {
    let exponents = std::array::from_fn(|level| (first - apart * level as i32).max(LOWEST_LEVEL));
    (exponents, exponents.map(|exponent| 1.5 * power_of_two(exponent)))
}

/// An operation on the vectors of a block.
trait Lanes<T, const W: usize>: Copy {
    /// Whether to prefetch before the first stream instead of between streams, where that would
    /// spill registers.
    const ASKS_FIRST: bool;
    /// Adds one vector to the lanes of a stream (a constant, so that lanes live in registers).
    fn add<const STREAM: usize>(&mut self, vector: [T; W]);
}

/// Adds all numbers to `lanes`, four streams of vectors in turn, and prefetches `ahead` bytes
/// ahead.
#[inline(always)]
fn read<T: Number, const W: usize, L: Lanes<T, W>>(values: &[T], ahead: usize, lanes: &mut L) {
    debug_assert!(values.len() <= BLOCK);
    let asks = |stream: usize| (stream * W * size_of::<T>()).is_multiple_of(CACHE_LINE);
    let (vectors, rest) = values.as_chunks::<W>();
    let (steps, vectors) = vectors.as_chunks::<4>();
    for step in steps {
        // (Even if `ahead` is 0, since a condition in this loop would take longer.)
        let ask = |stream: usize| {
            if asks(stream) {
                prefetch(step[stream].as_ptr().wrapping_byte_add(ahead));
            }
        };
        if L::ASKS_FIRST {
            (0..4).for_each(ask);
        }
        let load = |stream: usize| {
            // One line at a time, since several prefetches at once stall.
            if !L::ASKS_FIRST {
                ask(stream);
            }
            step[stream]
        };
        lanes.add::<0>(load(0));
        lanes.add::<1>(load(1));
        lanes.add::<2>(load(2));
        lanes.add::<3>(load(3));
    }
    // A barrier: otherwise the compiler may split vectors in the loop above for the sake of the
    // scalar code after it.
    *lanes = black_box(*lanes);
    for &vector in vectors {
        lanes.add::<0>(vector);
    }
    if !rest.is_empty() {
        lanes.add::<0>(last(values, rest));
    }
}

/// The last numbers, fewer than a vector has, filled up with zeros.
#[inline(always)]
fn last<T: Number, const W: usize>(values: &[T], rest: &[T]) -> [T; W] {
    if let Some(vector) = values.last_chunk::<W>() {
        // The vector that ends with them, with the numbers before them set to zero.
        return std::array::from_fn(|lane| {
            if lane + rest.len() < W { T::default() } else { vector[lane] }
        });
    }
    let mut vector = [T::default(); W];
    vector[..rest.len()].copy_from_slice(rest);
    vector
}

/// The lanes minus their biases; `None` if a lane is not in its binade.
#[inline(always)]
pub(crate) fn collect<const W: usize, const STREAMS: usize, const K: usize>(
    lanes: [[[f64; W]; STREAMS]; K],
    exponents: [i32; K],
    bias: [f64; K],
) -> Option<Sums<K>> {
    let (parts, escaped) = units(lanes, bias);
    if escaped & SIGN_AND_EXPONENT != 0 {
        return None;
    }
    Some(Sums { parts, exponents: exponents.map(|exponent| exponent - 52) })
}

/// The lanes minus their biases, in units of the last bit, and the bits in which any lane differs
/// from its bias: if sign and exponent are not among them, these are the sums.
#[inline(always)]
fn units<const W: usize, const STREAMS: usize, const K: usize>(
    lanes: [[[f64; W]; STREAMS]; K],
    bias: [f64; K],
) -> ([i64; K], u64) {
    let mut escaped = [0; W];
    let mut parts = [0; K];
    for level in 0..K {
        let start = bias[level].to_bits();
        let mut sums = [0u64; W];
        for stream in &lanes[level] {
            for lane in 0..W {
                sums[lane] = sums[lane].wrapping_add(stream[lane].to_bits().wrapping_sub(start));
                escaped[lane] |= stream[lane].to_bits() ^ start;
            }
        }
        parts[level] = sums.into_iter().fold(0, u64::wrapping_add) as i64;
    }
    (parts, any(escaped))
}

#[inline(always)]
pub(crate) fn any<const W: usize>(lanes: [u64; W]) -> u64 {
    lanes.into_iter().fold(0, |any, lane| any | lane)
}

/// `K` levels, the rest after them, and whether the first one left its binade.
///
/// With fewer than four streams, the lanes are shared, and need fewer registers.
#[derive(Clone, Copy)]
pub(crate) struct Levels<const W: usize, const K: usize, const STREAMS: usize> {
    exponents: [i32; K],
    bias: [f64; K],
    sums: [[[f64; W]; STREAMS]; K],
    escaped: [u64; W],
    remainder: [u64; W],
}

impl<const W: usize, const K: usize, const STREAMS: usize> Levels<W, K, STREAMS> {
    /// Empty levels, the first at exponent `first`.
    #[inline(always)]
    pub fn new(first: i32) -> Self {
        let (exponents, bias) = levels::<K>(first, LEVEL);
        let sums = bias.map(|bias| [[bias; W]; STREAMS]);
        Levels { exponents, bias, sums, escaped: [0; W], remainder: [0; W] }
    }

    /// Adds one vector to level `TOP` of a stream, and the rest to the levels below.
    #[inline(always)]
    pub fn cascade<const STREAM: usize, const TOP: usize>(&mut self, mut x: [f64; W]) {
        for level in TOP..K {
            let sum = &mut self.sums[level][STREAM % STREAMS];
            for lane in 0..W {
                let s = sum[lane] + x[lane];
                x[lane] -= s - sum[lane];
                sum[lane] = s;
                if level == 0 {
                    self.escaped[lane] |= sum[lane].to_bits() ^ self.bias[0].to_bits();
                }
            }
        }
        for lane in 0..W {
            self.remainder[lane] |= x[lane].to_bits();
        }
    }

    /// The sums, if they are exact.
    #[inline(always)]
    pub fn finish(self) -> Option<Sums<K>> {
        let kept =
            any(self.escaped) & SIGN_AND_EXPONENT == 0 && any(self.remainder) & ABSOLUTE == 0;
        collect(self.sums, self.exponents, self.bias).filter(|_| kept)
    }
}

impl<T: Number, const W: usize, const K: usize, const STREAMS: usize> Lanes<T, W>
    for Levels<W, K, STREAMS>
{
    const ASKS_FIRST: bool = K > 2;

    #[inline(always)]
    fn add<const STREAM: usize>(&mut self, vector: [T; W]) {
        self.cascade::<STREAM, 0>(vector.map(T::widen));
    }
}

/// The number of elements up to which [`exact_body`] uses shorter registers, since adding the lanes
/// of long ones takes longer than filling them.
const SMALL: usize = 64;

/// The exact sum of a few vectors in one stream.
#[inline(always)]
fn small_body<T: Number, const W: usize, const K: usize>(
    vectors: &[[T; W]],
    rest: &[T],
    first: i32,
) -> Option<Sums<K>> {
    let mut lanes = Levels::<W, K, 1>::new(first);
    for vector in vectors {
        lanes.cascade::<0, 0>(vector.map(T::widen));
    }
    for x in rest {
        let mut vector = [0.0; W];
        vector[0] = x.widen();
        lanes.cascade::<0, 0>(vector);
    }
    lanes.finish()
}

#[inline(always)]
fn exact_body<T: Number, const W: usize, const K: usize>(
    values: &[T],
    first: i32,
    ahead: usize,
) -> Option<Sums<K>> {
    if values.len() <= SMALL {
        let (vectors, rest) = values.as_chunks::<4>();
        let (twos, last) = rest.as_chunks::<2>();
        if vectors.is_empty() {
            return small_body::<T, 2, K>(twos, last, first);
        }
        let sums = small_body::<T, 4, K>(vectors, &[], first);
        if rest.is_empty() {
            return sums;
        }
        return Some(sums?.plus(small_body::<T, 2, K>(twos, last, first)?));
    }
    // Vectors of two lanes need all streams for a block to fit the levels.
    if K > 2 && W > 2 {
        // A lane receives twice as many numbers.
        let first = Some(first + 1).filter(|&first| first <= HIGHEST)?;
        let mut lanes = Levels::<W, K, 2>::new(first);
        read::<T, W, _>(values, ahead, &mut lanes);
        return lanes.finish();
    }
    let mut lanes = Levels::<W, K, 4>::new(first);
    read::<T, W, _>(values, ahead, &mut lanes);
    lanes.finish()
}

/// The largest biased exponent (sign dropped) of the numbers; 2047 if any is infinite or NaN.
#[inline(always)]
fn highest_exponent_body<T: Number>(values: &[T]) -> i32 {
    let magnitudes = values.iter().map(|x| (x.widen().to_bits() & ABSOLUTE) as i64);
    (magnitudes.fold(0, i64::max) >> 52) as i32
}

/// The smallest biased exponent (sign dropped) of the numbers that are not 0; 0 if all are.
#[inline(always)]
fn lowest_exponent_body<T: Number>(values: &[T]) -> i32 {
    // After subtracting 1, 0 becomes the largest.
    let magnitudes = values.iter().map(|x| (x.widen().to_bits() & ABSOLUTE).wrapping_sub(1));
    (magnitudes.fold(u64::MAX, u64::min).wrapping_add(1) >> 52) as i32
}

/// The number of elements added in parallel in units of the smallest subnormal number.
const COUNTED: usize = 8;

/// With biased exponents 0 and 1, a number's bits are its multiple of the smallest subnormal one.
#[inline(always)]
fn count_smallest_body<T: Number>(values: &[T]) -> i128 {
    debug_assert!(values.len() <= BLOCK);
    let mut lanes = [0; COUNTED];
    let (vectors, rest) = values.as_chunks::<COUNTED>();
    let count = |x: T| {
        let bits = x.widen().to_bits();
        let (magnitude, sign) = ((bits & ABSOLUTE) as i64, bits as i64 >> 63);
        (magnitude ^ sign) - sign
    };
    for vector in vectors {
        for lane in 0..COUNTED {
            lanes[lane] += count(vector[lane]);
        }
    }
    lanes.into_iter().chain(rest.iter().map(|&x| count(x))).map(i128::from).sum()
}

dispatch! {
    /// The exact sum of a block in `K` levels; `None` if the numbers do not fit the levels.
    pub(super) fn exact_block[T: Number, const K: usize][T, K](
        values: &[T], first: i32, ahead: usize
    ) -> Option<Sums<K>> = exact_body::<T, {W}, K>
}

dispatch! {
    pub(super) fn lowest_exponent[T: Number][T](values: &[T]) -> i32 = lowest_exponent_body::<T>
}

dispatch! {
    /// The sum of a block of numbers with biased exponents up to 1, in units of 2^-1074.
    pub(super) fn count_smallest[T: Number][T](values: &[T]) -> i128 = count_smallest_body::<T>
}

dispatch! {
    pub(crate) fn highest_exponent[T: Number][T](values: &[T]) -> i32
        = highest_exponent_body::<T>
}

/// The exponent of the first level for numbers up to a biased exponent, `headroom` binades above
/// the largest; `None` if that is beyond the range, or if there are infinities or NaNs.
pub(crate) fn scale(highest: i32, headroom: i32) -> Option<i32> {
    // The exponent field of a subnormal number is 0, but counts as 1.
    let first = highest.max(1) - 1023 + headroom;
    // (For infinities and NaNs it is beyond the range.)
    (first <= HIGHEST).then_some(first)
}

/// Binades from a block's largest number to the first accumulator: the sum of the numbers in one
/// lane is less than half of the accumulator.
pub(super) fn headroom(isa: Isa) -> i32 {
    match isa.level() {
        // (A lane of AVX2 takes up to 176 of a [`BLOCK`], one of AVX-512 up to 68.)
        Level::Baseline | Level::Avx2 => 10,
        Level::Avx512 => 9,
    }
}
