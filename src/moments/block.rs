//! One block of contiguous numbers: the sums of `d = x - c` and of `d^2`, each in two levels.
//!
//! `docs/numerics.md` has the proof: squares only grow, so the last value of their first level tells
//! whether it stayed in its binade, and then, by Cauchy and Schwarz, so did the level of the sums.

use crate::array::element::Native;
use crate::array::memory::prefetch;
use crate::binary64::{SIGN_AND_EXPONENT, power_of_two};
use crate::cpu::{dispatch, vectorized};
use crate::simd::{Simd, WIDEST};

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

/// The levels of squares, and those of differences, as vectors.
#[derive(Clone, Copy)]
pub(super) struct Levels<S: Simd> {
    pub squares: S::V,
    pub rests: S::V,
    pub sums: S::V,
    pub left: S::V,
}

impl<S: Simd> Levels<S> {
    /// Adds differences, and their squares. `one` is [`Simd::hidden_one`]'s.
    #[inline(always)]
    pub fn add(&mut self, simd: S, one: S::V, d: S::V) {
        self.add_squares::<true>(simd, one, d);
        let before = self.sums;
        self.sums = simd.add(before, d);
        let part = simd.minus(one, self.sums, before);
        self.left = simd.add(self.left, simd.subtract(d, part));
    }

    /// Adds the squares of differences, `BESIDE` those themselves: then units that add have more to do.
    #[inline(always)]
    pub fn add_squares<const BESIDE: bool>(&mut self, simd: S, one: S::V, d: S::V) {
        let before = self.squares;
        if S::FMA {
            let after = simd.multiply_add(d, d, before);
            let part =
                if BESIDE { simd.minus(one, after, before) } else { simd.subtract(after, before) };
            self.rests = simd.add(self.rests, simd.multiply_subtract(d, d, part));
            self.squares = after;
            return;
        }
        let square = simd.multiply(d, d);
        let after = simd.add(before, square);
        let part = simd.subtract(after, before);
        // The upper 26 bits, and the lower 27.
        let head = simd.and(d, simd.splat(f64::from_bits(u64::MAX << 27)));
        let tail = simd.subtract(d, head);
        let heads = simd.subtract(simd.multiply(head, head), square);
        let both = simd.multiply(simd.add(head, head), tail);
        let rest = simd.add(simd.add(heads, both), simd.multiply(tail, tail));
        self.rests = simd.add(simd.add(self.rests, simd.subtract(square, part)), rest);
        self.squares = after;
    }
}

/// The starts of both levels of squares, and of both of sums.
#[inline(always)]
pub(super) fn starts_of_level(level: i32) -> [f64; 4] {
    let Starts { squares, sums } = Starts::new(level);
    [squares[0], squares[1], sums[0], sums[1]]
}

/// What a block's kernel does besides adding squares.
mod mode {
    /// Subtracts a shift.
    pub const SHIFT: u8 = 1;
    /// Adds differences, too.
    pub const SUMS: u8 = 2;
    /// Leaves out NaNs.
    pub const SKIP: u8 = 4;
    /// Leaves out numbers whose byte in a mask is 0.
    pub const MASKED: u8 = 8;
}

#[inline(always)]
fn body<S: Simd, V: Real, const MODE: u8>(
    simd: S,
    values: &[V],
    counted: &[u8],
    shift: [f64; 2],
    level: i32,
    ahead: usize,
) -> Option<Block> {
    let [has_shift, has_sums, skips, is_masked] =
        [mode::SHIFT, mode::SUMS, mode::SKIP, mode::MASKED].map(|option| MODE & option != 0);
    assert!(!is_masked || counted.len() == values.len());
    let starts = Starts::new(level);
    let one = simd.hidden_one();
    let shift: [f64; WIDEST] = std::array::from_fn(|lane| shift[lane % 2]);
    let shifts = simd.read(&shift, 0);
    let start = Levels::<S> {
        squares: simd.splat(starts.squares[0]),
        rests: simd.splat(starts.squares[1]),
        sums: simd.splat(starts.sums[0]),
        left: simd.splat(starts.sums[1]),
    };
    let mut streams = [start; 2];
    // The numbers that are not left out.
    let mut kept = [simd.splat(0.0); 2];
    // (A closure would be compiled without this function's target features.)
    macro_rules! add {
        ($stream:expr, $x:expr, $mask:expr) => {
            let x = $x;
            let mut d = if has_shift { simd.subtract(x, shifts) } else { x };
            if skips || is_masked {
                let mut keep = if skips { simd.ordered(x) } else { x };
                if is_masked {
                    let mask = $mask;
                    keep = if skips { simd.and(keep, mask) } else { mask };
                }
                d = simd.and(d, keep);
                // (A mask is -1.)
                kept[$stream] = simd.subtract_bits(kept[$stream], keep);
            }
            if has_sums {
                streams[$stream].add(simd, one, d);
            } else {
                streams[$stream].add_squares::<false>(simd, one, d);
            }
        };
    }
    let whole = values.len() / S::W * S::W;
    debug_assert!(whole / S::W / 2 + 2 < DEPTH);
    let mut at = 0;
    for pair in values.chunks_exact(2 * S::W) {
        if ahead > 0 {
            prefetch(pair.as_ptr().wrapping_byte_add(ahead));
        }
        add!(0, V::vector(simd, pair), simd.read_mask(counted, at));
        add!(1, V::vector(simd, &pair[S::W..]), simd.read_mask(counted, at + S::W));
        at += 2 * S::W;
    }
    if at < whole {
        add!(0, V::vector(simd, &values[at..]), simd.read_mask(counted, at));
    }
    if whole < values.len() {
        // The last numbers, filled up with what counts for nothing.
        let mut last = if skips { [f64::NAN; WIDEST] } else { shift };
        let mut mask = [0; WIDEST];
        for (index, x) in values[whole..].iter().enumerate() {
            last[index] = x.widen();
            mask[index] = if is_masked { counted[whole + index] } else { 1 };
        }
        add!(1, simd.read(&last, 0), simd.read_mask(&mask, 0));
    }
    // Whole numbers of last bits.
    let mut escaped = 0;
    let mut largest = 0;
    let mut squares = [0i64; 2];
    let mut sums = [[0i64; 2]; 2];
    let units = |bits: u64, start: f64| bits.wrapping_sub(start.to_bits()) as i64;
    for stream in streams {
        let upper = simd.lanes(stream.squares);
        for lane in 0..S::W {
            escaped |= upper[lane] ^ starts.squares[0].to_bits();
            largest = i64::max(largest, upper[lane] as i64);
            squares[0] = squares[0].wrapping_add(units(upper[lane], starts.squares[0]));
        }
        let bits = |x| std::num::Wrapping(simd.total_bits(x) as i64);
        let all =
            |start: f64| std::num::Wrapping((start.to_bits() as i64).wrapping_mul(S::W as i64));
        squares[1] = squares[1].wrapping_add((bits(stream.rests) - all(starts.squares[1])).0);
        if has_sums {
            let lanes = [simd.lanes(stream.sums), simd.lanes(stream.left)];
            for lane in 0..S::W {
                for level in 0..2 {
                    let sum = &mut sums[lane % 2][level];
                    *sum = sum.wrapping_add(units(lanes[level][lane], starts.sums[level]));
                }
            }
        }
    }
    if escaped & SIGN_AND_EXPONENT != 0 {
        return None;
    }
    let together = |[high, low]: [i64; 2]| (i128::from(high) << LEVEL) + i128::from(low);
    let count = if skips || is_masked {
        simd.total_bits(simd.add_bits(kept[0], kept[1])) as i64
    } else {
        values.len() as i64
    };
    Some(Block {
        squares: together(squares),
        sums: sums.map(together),
        // The rests are below the last bit of the first level each.
        largest: f64::from_bits(largest as u64) - starts.squares[0] + power_of_two(level - 44),
        count,
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
fn add_body<S: Simd, V: Real>(
    simd: S,
    values: &[V],
    counted: Option<&[u8]>,
    shift: [f64; 2],
    level: i32,
    ask: Ask,
    ahead: usize,
) -> Option<Block> {
    const SHIFT: u8 = mode::SHIFT;
    const SUMS: u8 = mode::SUMS;
    const ALL: u8 = SHIFT | SUMS;
    const SKIP: u8 = mode::SKIP;
    const MASKED: u8 = mode::MASKED;
    macro_rules! body {
        ($mode:expr) => {
            body::<S, V, { $mode }>(simd, values, counted.unwrap_or(&[]), shift, level, ahead)
        };
    }
    let shifted = shift != [0.0; 2];
    match (counted.is_some(), shifted, ask.sums, ask.skip_nan) {
        (false, false, false, false) => body!(0),
        (false, true, false, false) => body!(SHIFT),
        (false, false, true, false) => body!(SUMS),
        (false, true, true, false) => body!(ALL),
        (false, false, _, true) => body!(SUMS | SKIP),
        (false, true, _, true) => body!(ALL | SKIP),
        (true, _, _, false) => body!(ALL | MASKED),
        (true, _, _, true) => body!(ALL | SKIP | MASKED),
    }
}

vectorized! {
    /// The sums of a block of at most [`length`] numbers, with separate sums for odd positions if
    /// the numbers are parts of complex ones; `None` if a square is too large for the level. With
    /// `counted`, those whose byte in it is 0 are left out.
    pub(super) fn add[V: Real][V](
        values: &[V], counted: Option<&[u8]>, shift: [f64; 2], level: i32, ask: Ask, ahead: usize
    ) -> Option<Block> = add_body
}

#[inline(always)]
fn length_body<const W: usize>() -> usize {
    block_length::<W>()
}

dispatch! {
    /// The largest number of elements in a block; a multiple of 8.
    pub(super) fn length() -> usize = length_body::<{W}>
}
