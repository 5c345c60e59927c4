//! One block of contiguous numbers: the sums of `d = x - c` and of `d^2`, each in two levels.
//!
//! `docs/numerics.md` has the proof: squares only grow, so the last value of their first level tells
//! whether it stayed in its binade, and then, by Cauchy and Schwarz, so did the level of the sums.

use crate::array::element::Native;
use crate::array::memory::prefetch;
use crate::binary64::{SIGN_AND_EXPONENT, power_of_two};
use crate::cpu::dispatch;
use crate::simd::Simd;

/// Binades between two levels.
pub(super) const LEVEL: i32 = 43;
/// The distance in binades from the exponent of the first level down to the last bit of the second.
pub(super) const UNITS: i32 = LEVEL + 52;
/// The largest number of additions in a lane, including those at the ends.
const DEPTH: usize = 256;
/// The levels of squares for which nothing overflows or underflows.
pub(super) const RANGE: std::ops::Range<i32> = -860..960;

/// The largest number of elements in a block: two streams of vectors.
pub(super) const fn block_length<const W: usize>() -> usize {
    (DEPTH - 4) * W * 2
}

/// Additions to the second level of squares per number: without fused multiply-add two, else one.
pub(super) const fn has_fma<const W: usize>() -> bool {
    // (One lane: the rest of a row of vectors; `mul_add` is then a call on the baseline, but exact.)
    W != 2 || cfg!(target_feature = "fma") || cfg!(target_arch = "aarch64")
}

/// An element type of blocks, which is widened to binary64.
pub(crate) trait Real: Native {
    fn widen(self) -> f64;
    /// The first numbers as a vector.
    fn vector<S: Simd>(simd: S, from: &[Self]) -> S::V;
}

impl Real for f64 {
    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }
    #[inline(always)]
    fn vector<S: Simd>(simd: S, from: &[f64]) -> S::V {
        simd.read(from, 0)
    }
}

impl Real for f32 {
    #[inline(always)]
    fn widen(self) -> f64 {
        self.into()
    }
    #[inline(always)]
    fn vector<S: Simd>(simd: S, from: &[f32]) -> S::V {
        simd.read_f32(from, 0)
    }
}

/// The level of the sums that goes with one of squares: `2^(sums - 2)` is more than the root of 256
/// times `2^squares`.
pub(super) fn level_of_sums(squares: i32) -> i32 {
    (squares + 1).div_euclid(2) + 6
}

/// The sums of a block, in units of the levels' last bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// Of squares, in units of `2^(level - 95)`.
    pub squares: i128,
    /// Of differences at even and at odd places, in units of `2^(level_of_sums(level) - 95)`.
    pub sums: [i128; 2],
    /// An upper bound of the squares.
    pub largest: f64,
    /// The number of elements that are not NaN, where NaNs are left out.
    pub count: i64,
}

/// The starts of the levels.
#[derive(Clone, Copy)]
struct Starts {
    squares: [f64; 2],
    sums: [f64; 2],
}

impl Starts {
    #[inline(always)]
    fn new(level: i32) -> Starts {
        let sums = level_of_sums(level);
        Starts {
            squares: [power_of_two(level), 1.5 * power_of_two(level - LEVEL)],
            sums: [1.5 * power_of_two(sums), 1.5 * power_of_two(sums - LEVEL)],
        }
    }
}

/// The sums of one stream of vectors.
#[derive(Clone, Copy)]
struct Stream<const W: usize> {
    squares: [f64; W],
    rests: [f64; W],
    sums: [f64; W],
    left: [f64; W],
    nans: [i64; W],
}

/// The rest of a number's square: `d^2 - h`, to within `2^-106` of `d^2`; `p` is its rounded square.
#[inline(always)]
fn cut(d: f64) -> (f64, f64) {
    // The upper 26 bits, and the lower 27.
    let head = f64::from_bits(d.to_bits() >> 27 << 27);
    (head, d - head)
}

impl<const W: usize> Stream<W> {
    #[inline(always)]
    fn new(starts: Starts) -> Self {
        Stream {
            squares: [starts.squares[0]; W],
            rests: [starts.squares[1]; W],
            sums: [starts.sums[0]; W],
            left: [starts.sums[1]; W],
            nans: [0; W],
        }
    }

    /// Adds a vector.
    #[inline(always)]
    fn add<const SHIFT: bool, const SUMS: bool, const SKIP: bool>(
        &mut self,
        x: [f64; W],
        shift: [f64; W],
    ) {
        let mut d = x;
        if SHIFT {
            for lane in 0..W {
                d[lane] -= shift[lane];
            }
        }
        if SKIP {
            for lane in 0..W {
                let nan = x[lane].is_nan();
                d[lane] = if nan { 0.0 } else { d[lane] };
                self.nans[lane] += i64::from(nan);
            }
        }
        add_square::<W>(d, &mut self.squares, &mut self.rests);
        if SUMS {
            add_difference(d, &mut self.sums, &mut self.left);
        }
    }
}

/// Adds squares to a first level, and the rests to a second.
#[inline(always)]
pub(super) fn add_square<const W: usize>(
    d: [f64; W],
    squares: &mut [f64; W],
    rests: &mut [f64; W],
) {
    for lane in 0..W {
        let d = d[lane];
        let before = squares[lane];
        if has_fma::<W>() {
            let after = f64::mul_add(d, d, before);
            let part = after - before;
            rests[lane] += f64::mul_add(d, d, -part);
            squares[lane] = after;
        } else {
            let square = d * d;
            let after = before + square;
            let part = after - before;
            let (head, tail) = cut(d);
            let rest = ((head * head - square) + 2.0 * head * tail) + tail * tail;
            rests[lane] = (rests[lane] + (square - part)) + rest;
            squares[lane] = after;
        }
    }
}

/// Adds differences to a first level, and the rests to a second.
#[inline(always)]
pub(super) fn add_difference<const W: usize>(
    d: [f64; W],
    sums: &mut [f64; W],
    left: &mut [f64; W],
) {
    for lane in 0..W {
        let before = sums[lane];
        let after = before + d[lane];
        let part = after - before;
        left[lane] += d[lane] - part;
        sums[lane] = after;
    }
}

/// The levels of squares, and those of differences, as vectors.
pub(super) struct Levels<S: Simd> {
    pub squares: S::V,
    pub rests: S::V,
    pub sums: S::V,
    pub left: S::V,
}

impl<S: Simd> Levels<S> {
    /// Adds differences, and their squares: as [`add_difference`] and [`add_square`].
    #[inline(always)]
    pub fn add(&mut self, simd: S, d: S::V) {
        let before = self.squares;
        if S::FMA {
            let after = simd.multiply_add(d, d, before);
            let part = simd.subtract(after, before);
            self.rests = simd.add(self.rests, simd.multiply_subtract(d, d, part));
            self.squares = after;
        } else {
            let square = simd.multiply(d, d);
            let after = simd.add(before, square);
            let part = simd.subtract(after, before);
            let head = simd.and(d, simd.splat(f64::from_bits(u64::MAX << 27)));
            let tail = simd.subtract(d, head);
            let heads = simd.subtract(simd.multiply(head, head), square);
            let both = simd.multiply(simd.add(head, head), tail);
            let rest = simd.add(simd.add(heads, both), simd.multiply(tail, tail));
            self.rests = simd.add(simd.add(self.rests, simd.subtract(square, part)), rest);
            self.squares = after;
        }
        let before = self.sums;
        self.sums = simd.add(before, d);
        let part = simd.subtract(self.sums, before);
        self.left = simd.add(self.left, simd.subtract(d, part));
    }
}

/// The starts of both levels of squares, and of both of sums.
#[inline(always)]
pub(super) fn starts_of_level(level: i32) -> [f64; 4] {
    let Starts { squares, sums } = Starts::new(level);
    [squares[0], squares[1], sums[0], sums[1]]
}

#[inline(always)]
fn body<V: Real, const W: usize, const SHIFT: bool, const SUMS: bool, const SKIP: bool>(
    values: &[V],
    shift: [f64; 2],
    level: i32,
    ahead: usize,
) -> Option<Block> {
    let starts = Starts::new(level);
    let (mut first, mut second) = (Stream::<W>::new(starts), Stream::<W>::new(starts));
    let mut shifts = [0.0; W];
    for lane in 0..W {
        shifts[lane] = shift[lane % 2];
    }
    let (vectors, rest) = values.as_chunks::<W>();
    let (pairs, single) = vectors.as_chunks::<2>();
    debug_assert!(pairs.len() + single.len() < DEPTH);
    for [x, y] in pairs {
        if ahead > 0 {
            prefetch(x.as_ptr().wrapping_byte_add(ahead));
        }
        first.add::<SHIFT, SUMS, SKIP>(x.map(V::widen), shifts);
        second.add::<SHIFT, SUMS, SKIP>(y.map(V::widen), shifts);
    }
    for x in single {
        first.add::<SHIFT, SUMS, SKIP>(x.map(V::widen), shifts);
    }
    if !rest.is_empty() {
        let mut vector = shifts;
        for (lane, x) in rest.iter().enumerate() {
            vector[lane] = x.widen();
        }
        second.add::<SHIFT, SUMS, SKIP>(vector, shifts);
    }
    // (As one value in memory; otherwise the compiler splits the vectors of the loop.)
    let [first, second] = std::hint::black_box([first, second]);
    // Whole numbers of last bits.
    let mut escaped = 0;
    let mut largest = 0;
    let mut squares = [0i64; 2];
    let mut sums = [[0i64; 2]; 2];
    let mut nans = 0;
    let units = |x: f64, start: f64| x.to_bits().wrapping_sub(start.to_bits()) as i64;
    for stream in [first, second] {
        for lane in 0..W {
            let bits = stream.squares[lane].to_bits();
            escaped |= bits ^ starts.squares[0].to_bits();
            largest = i64::max(largest, bits as i64);
            squares[0] = squares[0].wrapping_add(units(stream.squares[lane], starts.squares[0]));
            squares[1] = squares[1].wrapping_add(units(stream.rests[lane], starts.squares[1]));
            if SUMS {
                let sums = &mut sums[lane % 2];
                sums[0] = sums[0].wrapping_add(units(stream.sums[lane], starts.sums[0]));
                sums[1] = sums[1].wrapping_add(units(stream.left[lane], starts.sums[1]));
            }
            nans += stream.nans[lane];
        }
    }
    if escaped & SIGN_AND_EXPONENT != 0 {
        return None;
    }
    let together = |[high, low]: [i64; 2]| (i128::from(high) << LEVEL) + i128::from(low);
    Some(Block {
        squares: together(squares),
        sums: sums.map(together),
        // The rests are below the last bit of the first level each.
        largest: f64::from_bits(largest as u64) - starts.squares[0] + power_of_two(level - 44),
        count: values.len() as i64 - nans,
    })
}

/// The options of a block's kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ask {
    /// Whether to compute sums besides squares.
    pub sums: bool,
    /// Whether to leave out NaNs.
    pub skip_nan: bool,
}

#[inline(always)]
fn add_body<V: Real, const W: usize>(
    values: &[V],
    shift: [f64; 2],
    level: i32,
    ask: Ask,
    ahead: usize,
) -> Option<Block> {
    let shifted = shift != [0.0; 2];
    match (shifted, ask.sums, ask.skip_nan) {
        (false, false, _) => body::<V, W, false, false, false>(values, shift, level, ahead),
        (true, false, _) => body::<V, W, true, false, false>(values, shift, level, ahead),
        (false, true, false) => body::<V, W, false, true, false>(values, shift, level, ahead),
        (true, true, false) => body::<V, W, true, true, false>(values, shift, level, ahead),
        (_, true, true) => body::<V, W, true, true, true>(values, shift, level, ahead),
    }
}

dispatch! {
    /// The sums of a block of at most [`length`] numbers, with separate sums for odd positions if
    /// the numbers are parts of complex ones; `None` if a square is too large for the level.
    pub(super) fn add[V: Real][V](
        values: &[V], shift: [f64; 2], level: i32, ask: Ask, ahead: usize
    ) -> Option<Block> = add_body::<V, {W}>
}

#[inline(always)]
fn length_body<const W: usize>() -> usize {
    block_length::<W>()
}

dispatch! {
    /// The largest number of elements in a block; a multiple of 8.
    pub(super) fn length() -> usize = length_body::<{W}>
}
