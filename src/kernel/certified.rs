//! The kernels for rounded results: sums of blocks with error bounds.
//!
//! A rounded result does not need the exact sum, only an interval that is proved to contain it
//! ([`crate::exact::interval`]). Only if the ends of the interval round to different numbers, the
//! exact kernels read the block again.
//!
//! # Two levels
//!
//! As in `levels`, a biased accumulator `S1` starts at `1.5 * 2^k` and a second one, `S2`, [`LEVEL`]
//! binades below. To add `x`:
//!
//! ```text
//! s = S1 + x      h = s - S1      r = x - h      S1 = s      S2 = S2 + r
//! ```
//!
//! While every `s` is in its binade, `h` and `r` are exact (Dekker's FastTwoSum, 1971). Only `S2 + r`
//! may be rounded, each time by at most half of the last bit of `S2`, which is `2^(k-95)`. So at the
//! end of a block, with `n` additions in all, the sum lies within `n * 2^(k-95)` of what the lanes
//! hold beyond their biases, which is twice the necessary bound. For products, `s` and `r` take one
//! fused multiply-add each, and the second one is rounded too, by far less than the other half.
//!
//! If every number is 0 or so large that its last bit is not below that of `S2`, nothing is rounded
//! at all. With `EXACT`, the kernel for blocks therefore measures the numbers instead of watching
//! `S1`: the largest magnitude tells that no lane can leave its binade, the smallest one that the
//! sum is exact. Where that takes longer ([`Simd::MEASURES`]), and in other kernels, `EXACT` also
//! collects the rounding errors of `S2 + r`; if all are 0, the sum is exact.
//!
//! # Single precision
//!
//! binary32 numbers are added in plain binary64 lanes. With `A` additions in a lane of numbers
//! below `2^(M+1)`, each partial sum is below `A * 2^(M+1)` and the relative error of each addition
//! is at most `2^-53`. All are exact if `A` times the largest magnitude is at most `2^53` times the
//! last bit of the smallest number that is not 0.
//!
//! `docs/numerics.md` has the proofs.

use super::levels::{BLOCK, HIGHEST, LEVEL};
use super::number::Number;
use crate::array::memory::{CACHE_LINE, prefetch};
use crate::binary64::{ABSOLUTE, SIGN_AND_EXPONENT, power_of_two};
use crate::cpu::vectorized;
use crate::simd::{Simd, WIDEST};
use crate::tuning::tuning;

/// The number of vectors whose smallest magnitudes are computed in parallel.
const MEASURED: usize = 4;
/// The largest number of additions in a lane; a [`BLOCK`] has fewer at any width.
pub(super) const MOST_ADDITIONS: usize = 500;
/// Binades from the first level to the last bit of the second one.
pub(crate) const DEPTH: i32 = LEVEL + 52;
/// The lowest first level: below it, remainders would be subnormal.
pub(super) const LOWEST: i32 = -900;
/// At this first level, the last bit of the second is the smallest subnormal number, so nothing is
/// rounded.
pub(super) const SUBNORMAL: i32 = -979;
/// Numbers too large for the levels are multiplied by `2^-64`.
const SCALED_BY: i32 = 64;
/// The highest first level for scaled numbers.
pub(super) const HIGHEST_SCALED: i32 = HIGHEST + SCALED_BY;
/// The number of elements in a block of binary32 numbers.
pub(crate) const SINGLES: usize = 4 * BLOCK;
/// Vectors of binary64 lanes for binary32 numbers.
const SINGLE_STREAMS: usize = 8;

/// The sum of a block: within `errors * 2^error_exponent` of `units * 2^exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub units: i128,
    pub exponent: i32,
    pub errors: u64,
    pub error_exponent: i32,
}

impl Block {
    const ZERO: Block = Block { units: 0, exponent: 0, errors: 0, error_exponent: 0 };

    /// An exact sum of two levels, in units of their last bits, the second of which is at `exponent`.
    #[inline(always)]
    pub fn exact(parts: [i64; 2], exponent: i32) -> Block {
        let units = (i128::from(parts[0]) << LEVEL) + i128::from(parts[1]);
        Block { units, exponent, ..Block::ZERO }
    }

    /// The sum of two levels, in units of their last bits.
    #[inline(always)]
    fn of_levels(parts: [i64; 2], first: i32, errors: usize) -> Block {
        let exponent = (first - DEPTH).max(-1074);
        let errors = if first == SUBNORMAL { 0 } else { errors as u64 };
        let units = (i128::from(parts[0]) << LEVEL) + i128::from(parts[1]);
        Block { units, exponent, errors, error_exponent: exponent }
    }
}

/// Two levels in `N` streams of vectors.
#[derive(Clone, Copy)]
pub(super) struct Lanes<S: Simd, const N: usize> {
    simd: S,
    bias: [f64; 2],
    first_bias: S::V,
    one: S::V,
    upper: [S::V; N],
    lower: [S::V; N],
    escaped: S::V,
    remainder: S::V,
}

impl<S: Simd, const N: usize> Lanes<S, N> {
    #[inline(always)]
    pub fn new(simd: S, first: i32) -> Self {
        let bias = [first, first - LEVEL].map(|exponent| 1.5 * power_of_two(exponent));
        let (upper, lower) = (simd.splat(bias[0]), simd.splat(bias[1]));
        Lanes {
            simd,
            bias,
            first_bias: upper,
            one: simd.hidden_one(),
            upper: [upper; N],
            lower: [lower; N],
            escaped: simd.splat(0.0),
            remainder: simd.splat(0.0),
        }
    }

    /// Adds a vector to a stream.
    #[inline(always)]
    pub fn add<const EXACT: bool>(&mut self, stream: usize, x: S::V) {
        let simd = self.simd;
        let s = simd.add(self.upper[stream], x);
        let h = simd.minus(self.one, s, self.upper[stream]);
        let r = simd.minus(self.one, x, h);
        self.take::<EXACT>(stream, s, r);
    }

    /// Adds a vector of numbers without a check: the levels are known to hold them, or this is found
    /// out later.
    #[inline(always)]
    pub fn add_measured(&mut self, stream: usize, x: S::V) {
        let simd = self.simd;
        let s = simd.add(self.upper[stream], x);
        let h = simd.minus(self.one, s, self.upper[stream]);
        let r = simd.minus(self.one, x, h);
        self.upper[stream] = s;
        self.lower[stream] = simd.add(self.lower[stream], r);
    }

    /// Adds the products of two vectors to a stream.
    #[inline(always)]
    pub fn add_product(&mut self, stream: usize, x: S::V, y: S::V) {
        let simd = self.simd;
        if S::FMA {
            let s = simd.multiply_add(x, y, self.upper[stream]);
            let h = simd.subtract(s, self.upper[stream]);
            let r = simd.multiply_subtract(x, y, h);
            return self.take::<false>(stream, s, r);
        }
        let p = simd.multiply(x, y);
        let ((xh, xl), (yh, yl)) = (split(simd, x), split(simd, y));
        let e = simd.subtract(simd.multiply(xh, yh), p);
        let e = simd.add(simd.add(e, simd.multiply(xh, yl)), simd.multiply(xl, yh));
        let e = simd.add(e, simd.multiply(xl, yl));
        let s = simd.add(self.upper[stream], p);
        let h = simd.subtract(s, self.upper[stream]);
        self.take::<false>(stream, s, simd.add(simd.subtract(p, h), e));
    }

    #[inline(always)]
    fn take<const EXACT: bool>(&mut self, stream: usize, s: S::V, r: S::V) {
        let simd = self.simd;
        self.upper[stream] = s;
        let t = simd.add(self.lower[stream], r);
        if EXACT {
            let kept = simd.minus(self.one, t, self.lower[stream]);
            self.remainder = simd.or(self.remainder, simd.subtract(r, kept));
        }
        self.lower[stream] = t;
        self.escaped = simd.or(self.escaped, simd.xor(s, self.first_bias));
    }

    /// The sums of the lanes in units of the levels' last bits, if `PARTS` is 2 those of the even and of
    /// the odd ones; the lanes are reset. [`Lanes::are_right`] tells at the end whether these are
    /// correct.
    #[inline(always)]
    pub fn take_sums<const PARTS: usize>(&mut self) -> [[i64; 2]; PARTS] {
        let simd = self.simd;
        let mut sums = [[0i64; 2]; PARTS];
        for level in 0..2 {
            let bias = simd.splat(self.bias[level]);
            let streams = if level == 0 { &mut self.upper } else { &mut self.lower };
            let mut total = simd.splat(0.0);
            for stream in 0..N {
                self.escaped = simd.or(self.escaped, simd.xor(streams[stream], bias));
                total = simd.add_bits(total, simd.subtract_bits(streams[stream], bias));
                streams[stream] = bias;
            }
            let lanes = simd.lanes(total);
            for lane in 0..S::W {
                let sum = &mut sums[lane % PARTS][level];
                *sum = sum.wrapping_add(lanes[lane] as i64);
            }
        }
        sums
    }

    /// Whether all accumulators stayed in their binades, and exact additions lost nothing.
    #[inline(always)]
    pub fn are_right(&self) -> bool {
        self.simd.any(self.escaped) & SIGN_AND_EXPONENT == 0
            && self.simd.any(self.remainder) & ABSOLUTE == 0
    }

    /// The lanes' sums in units of the levels' last bits; `None` if any was not in its binade or, if
    /// `EXACT`, anything was lost.
    ///
    /// The second level is checked only at the end: once it has left its binade it cannot return,
    /// and NaN and infinity persist.
    #[inline(always)]
    pub fn finish<const EXACT: bool>(self) -> Option<[i64; 2]> {
        let simd = self.simd;
        let mut escaped = self.escaped;
        let mut parts = [0; 2];
        for (level, lanes) in [self.upper, self.lower].into_iter().enumerate() {
            let bias = simd.splat(self.bias[level]);
            let mut total = simd.splat(0.0);
            for lane in lanes {
                escaped = simd.or(escaped, simd.xor(lane, bias));
                total = simd.add_bits(total, simd.subtract_bits(lane, bias));
            }
            parts[level] = simd.total_bits(total) as i64;
        }
        let kept = simd.any(escaped) & SIGN_AND_EXPONENT == 0
            && (!EXACT || simd.any(self.remainder) & ABSOLUTE == 0);
        kept.then_some(parts)
    }
}

/// Veltkamp's splitting (Dekker 1971). From 2^996 on it gives NaN, which leaves the second level's
/// binade.
#[inline(always)]
fn split<S: Simd>(simd: S, x: S::V) -> (S::V, S::V) {
    let scaled = simd.multiply(x, simd.splat(134_217_729.0));
    let high = simd.subtract(scaled, simd.subtract(scaled, x));
    (high, simd.subtract(x, high))
}

/// Runs `$body` for all numbers, vector by vector, the streams in turn. (A macro, since a closure that
/// is not inlined would be compiled without the token's instructions.)
macro_rules! read {
    ($simd:ident, $type:ty, $values:ident, $streams:expr, $ahead:ident, |$stream:ident, $x:ident| $body:expr) => {{
        let vectors = const { in_turn($streams) };
        let mut turns = $values.chunks_exact(vectors * S::W);
        for turn in &mut turns {
            for vector in 0..vectors {
                let $stream = vector % $streams;
                let values = &turn[vector * S::W..];
                if $ahead > 0 && (vector * S::W * size_of::<$type>()).is_multiple_of(CACHE_LINE) {
                    prefetch(values.as_ptr().wrapping_byte_add($ahead));
                }
                let $x = <$type>::load_first($simd, values);
                $body;
            }
        }
        let $stream = 0;
        for values in turns.remainder().chunks(S::W) {
            let $x = <$type>::load_some($simd, values);
            $body;
        }
    }};
}

/// The number of vectors in one iteration of a loop: for an odd number of streams two each, so that
/// an iteration reads whole cache lines.
pub(super) const fn in_turn(streams: usize) -> usize {
    if streams.is_multiple_of(2) { streams } else { 2 * streams }
}

/// The number of additions in a lane for `count` numbers in `streams`, the last ones in a single
/// stream.
pub(super) const fn additions(count: usize, width: usize, streams: usize) -> usize {
    count / (streams * width) + in_turn(streams)
}

/// Calls a body for as many streams as the instruction set has registers for.
macro_rules! in_streams {
    ($simd:ty, $body:ident::<$($generic:tt),*>($($argument:expr),*)) => {
        match <$simd>::STREAMS {
            3 => $body::<$($generic,)* 3>($($argument),*),
            _ => $body::<$($generic,)* 4>($($argument),*),
        }
    };
}
pub(super) use in_streams;

#[inline(always)]
fn sum_in_streams<S: Simd, T: Number, const EXACT: bool, const N: usize>(
    simd: S,
    values: &[T],
    first: i32,
    ahead: usize,
) -> Option<Block> {
    if EXACT && S::MEASURES {
        return measured_in_streams::<S, T, N>(simd, values, first, ahead);
    }
    assert!(additions(values.len(), S::W, N) <= MOST_ADDITIONS);
    let errors = if EXACT { 0 } else { values.len() + S::W };
    if !EXACT && first > HIGHEST {
        // Rounding errors here are below 2^-1074.
        let first = first - SCALED_BY;
        let factor = simd.splat(power_of_two(-SCALED_BY));
        let mut lanes = Lanes::<S, N>::new(simd, first);
        read!(simd, T, values, N, ahead, |stream, x| {
            lanes.add::<false>(stream, simd.multiply(x, factor))
        });
        let block = Block::of_levels(lanes.finish::<false>()?, first, errors);
        return Some(Block {
            exponent: block.exponent + SCALED_BY,
            error_exponent: block.error_exponent + SCALED_BY,
            ..block
        });
    }
    let mut lanes = Lanes::<S, N>::new(simd, first);
    read!(simd, T, values, N, ahead, |stream, x| lanes.add::<EXACT>(stream, x));
    Some(Block::of_levels(lanes.finish::<EXACT>()?, first, errors))
}

#[inline(always)]
fn sum_body<S: Simd, T: Number, const EXACT: bool>(
    simd: S,
    values: &[T],
    first: i32,
    ahead: usize,
) -> Option<Block> {
    in_streams!(S, sum_in_streams::<S, T, EXACT>(simd, values, first, ahead))
}

vectorized! {
    /// The sum of up to [`BLOCK`] numbers in two levels, the first at the exponent `first`; `None`
    /// if they do not fit. With `EXACT`, the sum is exact.
    pub(super) fn sum_block[T: Number, const EXACT: bool][T, EXACT](
        values: &[T], first: i32, ahead: usize
    ) -> Option<Block> = sum_body
}

/// The largest and the smallest magnitude of numbers, by the upper halves of their bits.
pub(super) struct Extent<S: Simd> {
    simd: S,
    magnitude: S::V,
    largest: S::V,
    smallest: S::V,
}

impl<S: Simd> Extent<S> {
    #[inline(always)]
    pub fn new(simd: S) -> Self {
        let (largest, smallest) = (simd.splat(0.0), simd.splat(f64::INFINITY));
        Extent { simd, magnitude: simd.splat(f64::from_bits(ABSOLUTE)), largest, smallest }
    }

    #[inline(always)]
    pub fn take(&mut self, x: S::V) {
        let x = self.simd.and(x, self.magnitude);
        self.largest = self.simd.larger_head(x, self.largest);
        self.smallest = self.simd.smaller_head(x, self.smallest);
    }

    /// Also measures fewer numbers than a vector has.
    #[inline(always)]
    fn take_some<T: Number>(&mut self, values: &[T]) {
        // (Filled up with the first number.)
        let mut vector = [values[0]; WIDEST];
        vector[..values.len()].copy_from_slice(values);
        self.take(T::load_first(self.simd, &vector));
    }

    /// A magnitude such that two levels, the first at an exponent, hold these numbers exactly, up to so
    /// many `additions` in a lane, if all that are not 0 have at least this magnitude; 0 if they do.
    /// `None` if they are too large, or some certainly too small.
    #[inline(always)]
    pub fn exact_from<T: Number>(self, additions: usize, first: i32) -> Option<f64> {
        let (largest, smallest) = (self.simd.lanes(self.largest), self.simd.lanes(self.smallest));
        // A number that all magnitudes are below, and a lower bound of all.
        let (mut most, mut least) = (0, u64::MAX);
        for lane in 0..S::W {
            (most, least) = (most.max(largest[lane] >> 32), least.min(smallest[lane] >> 32));
        }
        let (most, least) = (f64::from_bits((most + 1) << 32), f64::from_bits(least << 32));
        if additions as f64 * most >= power_of_two(first - 1) {
            return None;
        }
        // From here on, the last bit of a number is not below that of the second level.
        let exact_from = power_of_two((first - DEPTH + T::LAST_BIT).max(-1022));
        if first == SUBNORMAL || least >= exact_from {
            return Some(0.0);
        }
        // (These may be zeros.)
        (least == 0.0).then_some(exact_from)
    }
}

/// The exact sum of numbers whose magnitudes are neither too large nor too small for the levels.
#[inline(always)]
fn measured_in_streams<S: Simd, T: Number, const N: usize>(
    simd: S,
    values: &[T],
    first: i32,
    ahead: usize,
) -> Option<Block> {
    let additions = additions(values.len(), S::W, N);
    assert!(additions <= MOST_ADDITIONS);
    let (vectors, rest) = values.split_at(values.len() - values.len() % S::W);
    let (mut lanes, mut extent) = (Lanes::<S, N>::new(simd, first), Extent::new(simd));
    read!(simd, T, vectors, N, ahead, |stream, x| {
        lanes.add_measured(stream, x);
        extent.take(x);
    });
    if !rest.is_empty() {
        lanes.add_measured(0, T::load_some(simd, rest));
        extent.take_some(rest);
    }
    let least = extent.exact_from::<T>(additions, first)?;
    if least > 0.0 && smallest_body(simd, values) < least {
        return None;
    }
    // (Infinities and NaNs are found here.)
    Some(Block::of_levels(lanes.finish::<false>()?, first, 0))
}

#[inline(always)]
fn two_in_streams<S: Simd, T: Number, const EXACT: bool, const N: usize>(
    simd: S,
    values: &[T],
    first: i32,
    ahead: usize,
) -> Option<[Block; 2]> {
    assert!(additions(values.len(), S::W, N) <= MOST_ADDITIONS);
    let errors = if EXACT { 0 } else { values.len() + S::W };
    let mut lanes = Lanes::<S, N>::new(simd, first);
    read!(simd, T, values, N, ahead, |stream, x| lanes.add::<EXACT>(stream, x));
    let sums = lanes.take_sums::<2>();
    lanes.are_right().then(|| sums.map(|parts| Block::of_levels(parts, first, errors)))
}

#[inline(always)]
fn two_body<S: Simd, T: Number, const EXACT: bool>(
    simd: S,
    values: &[T],
    first: i32,
    ahead: usize,
) -> Option<[Block; 2]> {
    in_streams!(S, two_in_streams::<S, T, EXACT>(simd, values, first, ahead))
}

vectorized! {
    /// As [`sum_block`], for numbers with even and with odd indices separately.
    pub(super) fn two_sums[T: Number, const EXACT: bool][T, EXACT](
        values: &[T], first: i32, ahead: usize
    ) -> Option<[Block; 2]> = two_body
}

#[inline(always)]
fn select_in_streams<S: Simd, T: Number, const MASKED: bool, const SKIP: bool, const N: usize>(
    simd: S,
    values: &[T],
    mask: &[u8],
    first: i32,
    ahead: usize,
) -> Option<(Block, usize)> {
    assert!(additions(values.len(), S::W, N) <= MOST_ADDITIONS);
    assert!(!MASKED || mask.len() == values.len());
    let mut lanes = Lanes::<S, N>::new(simd, first);
    let mut count = simd.splat(0.0);
    let vectors = in_turn(N);
    macro_rules! add {
        ($stream:expr, $x:ident, $keep:ident) => {
            let keep = if SKIP { simd.and($keep, simd.ordered($x)) } else { $keep };
            // A mask is -1 as an integer.
            count = simd.subtract_bits(count, keep);
            lanes.add::<false>($stream, simd.and($x, keep));
        };
    }
    let all = simd.equal(simd.splat(0.0), simd.splat(0.0));
    let (mut turns, mut masks) =
        (values.chunks_exact(vectors * S::W), mask.chunks_exact(vectors * S::W));
    for turn in &mut turns {
        let mask = if MASKED { masks.next().expect("as many masks") } else { &[] };
        for vector in 0..vectors {
            let values = &turn[vector * S::W..];
            if ahead > 0 && (vector * S::W * size_of::<T>()).is_multiple_of(CACHE_LINE) {
                prefetch(values.as_ptr().wrapping_byte_add(ahead));
            }
            let keep = if MASKED { simd.read_mask(mask, vector * S::W) } else { all };
            let x = T::load_first(simd, values);
            add!(vector % N, x, keep);
        }
    }
    let rest = turns.remainder();
    for start in (0..rest.len()).step_by(S::W) {
        let end = rest.len().min(start + S::W);
        let mut bytes = [0; WIDEST];
        if MASKED {
            bytes[..end - start].copy_from_slice(&masks.remainder()[start..end]);
        } else {
            bytes[..end - start].fill(1);
        }
        let keep = simd.read_mask(&bytes, 0);
        let x = T::load_some(simd, &rest[start..end]);
        add!(0, x, keep);
    }
    let count = simd.total_bits(count) as usize;
    let block = Block::of_levels(lanes.finish::<false>()?, first, values.len() + S::W);
    Some((block, count))
}

#[inline(always)]
fn selected_body<S: Simd, T: Number, const MASKED: bool, const SKIP: bool>(
    simd: S,
    values: &[T],
    mask: &[u8],
    first: i32,
    ahead: usize,
) -> Option<(Block, usize)> {
    in_streams!(S, select_in_streams::<S, T, MASKED, SKIP>(simd, values, mask, first, ahead))
}

vectorized! {
    /// As [`sum_block`], for the numbers that a mask includes (if `MASKED`) and that are not NaN
    /// (if `SKIP`); and their count.
    pub(super) fn selected_block[T: Number, const MASKED: bool, const SKIP: bool][T, MASKED, SKIP](
        values: &[T], mask: &[u8], first: i32, ahead: usize
    ) -> Option<(Block, usize)> = selected_body
}

#[inline(always)]
fn dot_in_streams<S: Simd, T: Number, const N: usize>(
    simd: S,
    x: &[T],
    y: &[T],
    first: i32,
    ahead: usize,
) -> Option<Block> {
    assert!(additions(x.len(), S::W, N) <= MOST_ADDITIONS && first >= LOWEST);
    assert!(x.len() == y.len());
    let mut lanes = Lanes::<S, N>::new(simd, first);
    let lead = tuning().lead_of_second;
    // (With two for each stream, the compiler would not keep all in registers.)
    let (lefts, left) = (x.chunks_exact(N * S::W), x.len() % (N * S::W));
    for (x, y) in lefts.zip(y.chunks_exact(N * S::W)) {
        for vector in 0..N {
            let (x, y) = (&x[vector * S::W..], &y[vector * S::W..]);
            if ahead > 0 && (vector * S::W * size_of::<T>()).is_multiple_of(CACHE_LINE) {
                prefetch(x.as_ptr().wrapping_byte_add(ahead));
                prefetch(y.as_ptr().wrapping_byte_add(ahead + lead));
            }
            lanes.add_product(vector, T::load_first(simd, x), T::load_first(simd, y));
        }
    }
    let rest = x.len() - left..;
    for (x, y) in x[rest.clone()].chunks(S::W).zip(y[rest].chunks(S::W)) {
        lanes.add_product(0, T::load_some(simd, x), T::load_some(simd, y));
    }
    Some(Block::of_levels(lanes.finish::<false>()?, first, x.len() + S::W))
}

#[inline(always)]
fn dot_body<S: Simd, T: Number>(
    simd: S,
    x: &[T],
    y: &[T],
    first: i32,
    ahead: usize,
) -> Option<Block> {
    in_streams!(S, dot_in_streams::<S, T>(simd, x, y, first, ahead))
}

vectorized! {
    /// The sum of the products of up to [`BLOCK`] pairs, as [`sum_block`].
    pub(crate) fn dot_block[T: Number][T](x: &[T], y: &[T], first: i32, ahead: usize) -> Option<Block>
        = dot_body
}

/// The exponent of a positive number; of 0 and subnormal ones, that of the smallest normal one.
#[inline(always)]
fn exponent(x: f32) -> i32 {
    (x.to_bits() >> 23).max(1) as i32 - 127
}

/// Adds the lanes of `count` terms below `2^(highest + 1)`, without rounding if `is_exact`.
#[inline(always)]
fn fold<S: Simd>(
    simd: S,
    lanes: [S::V; SINGLE_STREAMS],
    count: usize,
    highest: i32,
    is_exact: bool,
) -> Option<Block> {
    // Partial sums are below 2^(highest + 1 + log).
    let log = additions(count, S::W, SINGLE_STREAMS).next_power_of_two().ilog2() as i32;
    // The lanes' totals fill one lane by an eighth.
    let first = highest + 1 + log + SINGLE_STREAMS.ilog2() as i32 + 2;
    let mut total = Lanes::<S, 1>::new(simd, first);
    for lane in lanes {
        total.add::<false>(0, lane);
    }
    let parts = total.finish::<false>()?;
    let mut block = Block::of_levels(parts, first, 0);
    if !is_exact {
        // The error of adding the totals is less than one such unit.
        block.errors = (count + S::W + 1) as u64;
        block.error_exponent = highest + 1 + log - 53;
    }
    Some(block)
}

#[inline(always)]
fn single_body<S: Simd>(simd: S, values: &[f32], ahead: usize) -> Option<Block> {
    assert!(values.len() <= SINGLES);
    let mut lanes = [simd.splat(0.0); SINGLE_STREAMS];
    let mut largest = simd.splat_singles(0.0);
    let mut smallest = simd.splat_singles(f32::INFINITY);
    macro_rules! measure {
        ($x:expr) => {
            let x = simd.magnitudes($x);
            largest = simd.larger_singles(x, largest);
            smallest = simd.smaller_singles(simd.predecessors(x), smallest);
        };
    }
    let mut turns = values.chunks_exact(SINGLE_STREAMS * S::W);
    for turn in &mut turns {
        for stream in 0..SINGLE_STREAMS {
            let at = stream * S::W;
            if ahead > 0 && (at * size_of::<f32>()).is_multiple_of(CACHE_LINE) {
                prefetch(turn[at..].as_ptr().wrapping_byte_add(ahead));
            }
            lanes[stream] = simd.add(lanes[stream], simd.read_f32(turn, at));
            // (The number of streams is even.)
            if stream % 2 == 0 {
                measure!(simd.read_singles(turn, at));
            }
        }
    }
    for rest in turns.remainder().chunks(2 * S::W) {
        let mut numbers = [0.0; 2 * WIDEST];
        numbers[..rest.len()].copy_from_slice(rest);
        for half in 0..2 {
            lanes[half] = simd.add(lanes[half], simd.read_f32(&numbers, half * S::W));
        }
        measure!(simd.read_singles(&numbers, 0));
    }
    let largest = simd.fold_singles(largest, f32::max);
    let smallest = simd.fold_singles(smallest, f32::min);
    if largest == 0.0 && smallest == f32::INFINITY {
        // Zeros, or NaNs, which comparisons ignore.
        let is_zero = values.iter().all(|&x| x == 0.0);
        return is_zero.then_some(Block::ZERO);
    }
    if !largest.is_finite() {
        return None;
    }
    // (A NaN makes a total NaN, which leaves the binade.)
    // Partial sums are multiples of the smallest one's last bit.
    let longest = additions(values.len(), S::W, SINGLE_STREAMS) as f64 * f64::from(largest);
    let is_exact = longest <= power_of_two(exponent(smallest) - 23 + 53);
    fold(simd, lanes, values.len(), exponent(largest), is_exact)
}

vectorized! {
    /// The sum of up to [`SINGLES`] binary32 numbers; `None` if any is infinite or NaN.
    pub(super) fn single_block[][](values: &[f32], ahead: usize) -> Option<Block> = single_body
}

/// `sum + x * y`, where the product of two binary32 numbers is a binary64 number.
#[inline(always)]
fn add_product<S: Simd>(simd: S, sum: S::V, x: S::V, y: S::V) -> S::V {
    if S::FMA { simd.multiply_add(x, y, sum) } else { simd.add(sum, simd.multiply(x, y)) }
}

#[inline(always)]
fn single_dot_body<S: Simd>(simd: S, x: &[f32], y: &[f32], ahead: usize) -> Option<Block> {
    assert!(x.len() == y.len() && x.len() <= SINGLES);
    let mut lanes = [simd.splat(0.0); SINGLE_STREAMS];
    let mut largest = [simd.splat_singles(0.0); 2];
    macro_rules! measure {
        ($side:expr, $x:expr) => {
            largest[$side] = simd.larger_singles(simd.magnitudes($x), largest[$side]);
        };
    }
    let step = SINGLE_STREAMS * S::W;
    for (x, y) in x.chunks_exact(step).zip(y.chunks_exact(step)) {
        for stream in 0..SINGLE_STREAMS {
            let at = stream * S::W;
            if ahead > 0 && (at * size_of::<f32>()).is_multiple_of(CACHE_LINE) {
                prefetch(x[at..].as_ptr().wrapping_byte_add(ahead));
                prefetch(y[at..].as_ptr().wrapping_byte_add(ahead));
            }
            let (left, right) = (simd.read_f32(x, at), simd.read_f32(y, at));
            lanes[stream] = add_product(simd, lanes[stream], left, right);
            if stream % 2 == 0 {
                measure!(0, simd.read_singles(x, at));
                measure!(1, simd.read_singles(y, at));
            }
        }
    }
    let start = x.len() - x.len() % step;
    for (x, y) in x[start..].chunks(2 * S::W).zip(y[start..].chunks(2 * S::W)) {
        let numbers = [x, y].map(|rest| {
            let mut numbers = [0.0; 2 * WIDEST];
            numbers[..rest.len()].copy_from_slice(rest);
            numbers
        });
        for half in 0..2 {
            let at = half * S::W;
            let (x, y) = (simd.read_f32(&numbers[0], at), simd.read_f32(&numbers[1], at));
            lanes[half] = add_product(simd, lanes[half], x, y);
        }
        for side in 0..2 {
            measure!(side, simd.read_singles(&numbers[side], 0));
        }
    }
    let large = simd.fold_singles(largest[0], f32::max);
    let larger = simd.fold_singles(largest[1], f32::max);
    if !(large.is_finite() && larger.is_finite()) {
        return None;
    }
    // The smallest product is not known.
    fold(simd, lanes, x.len(), exponent(large) + exponent(larger) + 1, false)
}

vectorized! {
    /// The sum of the products of up to [`SINGLES`] pairs of binary32 numbers; `None` if any number is
    /// infinite or NaN.
    pub(crate) fn single_dot_block[][](x: &[f32], y: &[f32], ahead: usize) -> Option<Block>
        = single_dot_body
}

#[inline(always)]
pub(super) fn smallest_body<S: Simd, T: Number>(simd: S, values: &[T]) -> f64 {
    let mut smallest = [simd.splat(f64::INFINITY); MEASURED];
    let sign = simd.splat(f64::from_bits(ABSOLUTE));
    let ahead = 0;
    let less_one = simd.splat(f64::from_bits(u64::MAX));
    read!(simd, T, values, MEASURED, ahead, |stream, x| {
        // The next smaller magnitude. For a zero this is a NaN, which is ignored.
        let x = simd.add_bits(simd.and(x, sign), less_one);
        smallest[stream] = simd.smaller(x, smallest[stream]);
    });
    let mut result = f64::INFINITY;
    for smallest in smallest {
        for &lane in &simd.lanes(smallest)[..S::W] {
            result = result.min(f64::from_bits(lane));
        }
    }
    result.next_up()
}

vectorized! {
    /// The smallest magnitude of the numbers that are not 0.
    pub(crate) fn smallest[T: Number][T](values: &[T]) -> f64 = smallest_body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Isa;
    use crate::exact::accumulator::Accumulator;
    use crate::exact::interval::Interval;
    use crate::exact::round::Format;
    use crate::simd::Portable;
    use crate::testing::{numbers, pseudo_random};
    use dashu_int::IBig;
    use proptest::prelude::*;

    /// A finite number in units of `2^-2200`.
    fn big(x: f64) -> IBig {
        let bits = x.to_bits();
        let field = (bits >> 52 & 0x7ff) as usize;
        let fraction = bits & ((1 << 52) - 1);
        let significand = if field == 0 { fraction } else { fraction | 1 << 52 };
        let magnitude = IBig::from(significand) << (field.max(1) + 2200 - 1075);
        if x.is_sign_negative() { -magnitude } else { magnitude }
    }

    fn scaled(units: i128, exponent: i32) -> IBig {
        IBig::from(units) << (exponent + 2200) as usize
    }

    /// Whether a block counts an error for each of so many numbers, and no more than the lanes and one
    /// beyond.
    fn is_sharp(block: Block, count: usize) -> bool {
        block.errors <= (count + WIDEST + 1) as u64
    }

    /// Whether the interval of the block contains the exact sum.
    fn holds(block: Block, sum: &IBig) -> bool {
        let difference = sum - scaled(block.units, block.exponent);
        let bound = scaled(block.errors.into(), block.error_exponent);
        -&bound <= difference && difference <= bound
    }

    fn sum_of(values: &[f64]) -> IBig {
        values.iter().map(|&x| big(x)).fold(IBig::ZERO, |sum, x| sum + x)
    }

    fn dot_of(x: &[f64], y: &[f64]) -> IBig {
        let products = x.iter().zip(y).map(|(&x, &y)| big(x) * big(y));
        products.fold(IBig::ZERO, |sum, x| sum + x) >> 2200usize
    }

    /// Checks the exact sum of a block with the bodies of all widths and the kernels of all
    /// instruction sets.
    fn check_sum(values: &[f64], first: i32, must_work: bool) {
        let expected = sum_of(values);
        let portable = [
            sum_body::<_, _, false>(Portable::<2>, values, first, 0),
            sum_body::<_, _, false>(Portable::<4>, values, first, 0),
            sum_body::<_, _, false>(Portable::<8>, values, first, 0),
        ];
        let kernels = Isa::available();
        let kernels =
            kernels.into_iter().map(|isa| sum_block::<_, false>(isa, values, first, 1 << 10));
        for block in portable.into_iter().chain(kernels) {
            assert!(block.is_some() || !must_work, "{first}, {} numbers", values.len());
            assert!(block.is_none_or(|block| holds(block, &expected)));
            assert!(block.is_none_or(|block| is_sharp(block, values.len())));
        }
        if first > HIGHEST {
            return;
        }
        for block in exact_sums(values, first) {
            let is_exact =
                |block: Block| block.errors == 0 && scaled(block.units, block.exponent) == expected;
            assert!(block.is_none_or(is_exact), "{first}, {} numbers", values.len());
        }
    }

    /// Computed by the bodies of all widths, and by the kernels of all instruction sets.
    fn exact_sums(values: &[f64], first: i32) -> Vec<Option<Block>> {
        let mut blocks = vec![
            measured_in_streams::<_, _, 4>(Portable::<2>, values, first, 0),
            measured_in_streams::<_, _, 3>(Portable::<4>, values, first, 0),
            measured_in_streams::<_, _, 4>(Portable::<8>, values, first, 0),
        ];
        blocks.extend(
            Isa::available().into_iter().map(|isa| sum_block::<_, true>(isa, values, first, 0)),
        );
        blocks
    }

    /// Numbers whose last bits are the second level's are exact in it, smaller ones may not be.
    #[test]
    fn the_smallest_magnitude_tells_what_is_exact() {
        let first = 20;
        let exact_from = 2f64.powi(-23);
        for length in (1..140).chain([500, BLOCK - 1, BLOCK]) {
            for place in [0, 1, 7, 8, 61, length / 2, length - 1].map(|place| place.min(length - 1))
            {
                let mut values = numbers(length, 0, 4, length as u64);
                for zeros in [false, true] {
                    if zeros {
                        values.iter_mut().step_by(3).for_each(|x| *x = 0.0);
                    }
                    // The last bits of the outer ones are odd.
                    for (smallest, is_exact) in [
                        (exact_from.next_up(), true),
                        (exact_from, true),
                        (exact_from.next_down(), false),
                    ] {
                        values[place] = -smallest;
                        check_sum(&values, first, true);
                        for block in exact_sums(&values, first) {
                            assert_eq!(block.is_some(), is_exact, "{length} {place} {zeros}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn extents_tell_what_two_levels_hold() {
        fn check<S: Simd>(simd: S) {
            let (first, additions) = (20, 1 << 8);
            let (limit, exact_from) = (2f64.powi(20 - 1 - 8), 2f64.powi(-23));
            for (values, expected) in [
                ([limit * (1.0 - 2f64.powi(-19)), 1.0], Some(0.0)),
                ([limit.next_down(), 1.0], None),
                ([1.0, -limit], None),
                ([exact_from, 1.0], Some(0.0)),
                ([-1.0, -exact_from], Some(0.0)),
                ([exact_from.next_down(), 1.0], None),
                ([1.0, 1e-300], None),
                // Upper halves of 0.
                ([1.0, 5e-324], Some(exact_from)),
                ([0.0, 1.0], Some(exact_from)),
                ([-0.0, limit], None),
            ] {
                let mut extent = Extent::new(simd);
                extent.take_some(&values);
                assert_eq!(extent.exact_from::<f64>(additions, first), expected, "{values:?}");
            }
            let mut extent = Extent::new(simd);
            extent.take_some(&[5e-324, 1e-310]);
            assert_eq!(extent.exact_from::<f64>(additions, SUBNORMAL), Some(0.0));
        }
        check(Portable::<2>);
        check(Portable::<4>);
        check(Portable::<8>);
    }

    /// Lanes that reach the limits of the levels, and go a little beyond.
    #[test]
    fn the_largest_magnitude_tells_what_fits() {
        let first = 20;
        let additions =
            [(2, 4), (4, 3), (8, 4)].map(|(width, streams)| additions(BLOCK, width, streams));
        for (body, most) in additions.into_iter().enumerate() {
            let limit = 2f64.powi(first - 1) / most as f64;
            for (value, fits) in [(limit * 0.99, true), (limit * 1.01, false)] {
                for value in [value, -value] {
                    let block = exact_sums(&[value; BLOCK], first)[body];
                    assert_eq!(block.is_some(), fits, "{most} {value}");
                    assert!(block.is_none_or(|block| holds(block, &sum_of(&[value; BLOCK]))));
                }
            }
        }
    }

    #[test]
    fn two_sums_in_turn() {
        let values = numbers(BLOCK, 0, 20, 1);
        for length in (0..140).step_by(2).chain([512, 1000, BLOCK - 2, BLOCK]) {
            let values = &values[..length];
            let expected = [0, 1].map(|part| {
                sum_of(&values.iter().skip(part).step_by(2).copied().collect::<Vec<_>>())
            });
            let mut blocks = vec![
                two_body::<_, _, false>(Portable::<2>, values, 30, 0),
                two_body::<_, _, false>(Portable::<4>, values, 30, 0),
                two_body::<_, _, false>(Portable::<8>, values, 30, 0),
            ];
            for isa in Isa::available() {
                blocks.push(two_sums::<_, false>(isa, values, 30, 1 << 10));
                let exact = two_sums::<_, true>(isa, values, 22, 0).unwrap();
                assert!(exact.iter().all(|block| block.errors == 0));
                blocks.push(Some(exact));
                // Too large, infinite, and with more bits than two levels have.
                if length > 0 {
                    for bad in [1e30, f64::INFINITY, f64::NAN, 1e-300] {
                        let mut values = values.to_vec();
                        values[length / 2] = bad;
                        assert_eq!(two_sums::<_, true>(isa, &values, 30, 0), None);
                        let certified = two_sums::<_, false>(isa, &values, 30, 0);
                        assert_eq!(certified.is_none(), bad != 1e-300);
                    }
                }
            }
            for blocks in blocks {
                for (block, expected) in blocks.unwrap().into_iter().zip(&expected) {
                    assert!(holds(block, expected) && is_sharp(block, length), "{length}");
                }
            }
        }
    }

    #[test]
    fn sums_of_every_length() {
        let values = numbers(BLOCK, 0, 30, 1);
        for length in (0..140).chain([511, 512, 1000, BLOCK - 1, BLOCK]) {
            check_sum(&values[..length], 30, true);
            check_sum(&values[values.len() - length..], 60, true);
        }
    }

    #[test]
    fn sums_at_both_ends_of_the_range() {
        for first in [SUBNORMAL, LOWEST, LOWEST + 1, -500, 0, HIGHEST - 1, HIGHEST, HIGHEST_SCALED]
        {
            let highest = (first - 12).min(1022);
            for spread in [0, 20, 200, 2000] {
                let values = numbers(BLOCK, highest, spread, spread);
                let values: Vec<f64> = values
                    .into_iter()
                    .filter(|x| x.abs() < 2f64.powi(highest.max(-1000)))
                    .collect();
                check_sum(&values, first, true);
            }
        }
        // Subnormal numbers are exact.
        let block = sum_block::<_, false>(Isa::BASELINE, &[f64::from_bits(1); 700], SUBNORMAL, 0);
        let expected = Block { units: 700, exponent: -1074, errors: 0, error_exponent: -1074 };
        assert_eq!(block, Some(expected));
    }

    #[test]
    fn the_largest_numbers_fit_at_the_highest_level() {
        for value in [f64::MAX, -f64::MAX] {
            check_sum(&[value; BLOCK], HIGHEST_SCALED, true);
            let block = sum_body::<_, _, false>(Portable::<4>, &[value; 9], HIGHEST_SCALED, 0);
            assert!(block.is_some_and(|block| block.error_exponent == block.exponent));
        }
    }

    /// The streams take turns; what is left goes to the first one.
    #[test]
    fn additions_are_those_of_the_busiest_lane() {
        for (width, streams) in [(2, 4), (4, 3), (8, 4), (4, 8)] {
            for count in (0..200).chain([BLOCK - 1, BLOCK, SINGLES]) {
                let turn = in_turn(streams) * width;
                let most = count / turn * (turn / width / streams) + (count % turn).div_ceil(width);
                let bound = additions(count, width, streams);
                assert!((most..=most + in_turn(streams)).contains(&bound), "{count} {width}");
            }
        }
    }

    #[test]
    fn two_levels_are_added_in_units_of_the_second() {
        let expected =
            Block { units: (3 << LEVEL) - 5, exponent: -70, errors: 0, error_exponent: 0 };
        assert_eq!(Block::exact([3, -5], -70), expected);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -2f64.powi(60)] {
            for place in [0, 1, 77, 1999, 2046, 2047] {
                let mut values = numbers(BLOCK, 0, 3, 1);
                values[place] = bad;
                for isa in Isa::available() {
                    assert_eq!(sum_block::<_, false>(isa, &values, 20, 0), None, "{isa:?} {bad}");
                    assert_eq!(sum_block::<_, true>(isa, &values, 20, 0), None);
                    let ones = [1.0; BLOCK];
                    assert_eq!(dot_block(isa, &values, &ones, 20, 0), None);
                    let singles = values.iter().map(|&x| x as f32).collect::<Vec<_>>();
                    if singles.iter().any(|x| !x.is_finite()) {
                        assert_eq!(single_block(isa, &singles, 0), None);
                        assert_eq!(single_dot_block(isa, &[1.0; BLOCK], &singles, 0), None);
                    }
                }
            }
        }
    }

    /// 600 additions in a lane could carry the second level out of its binade; the interface does
    /// not allow it.
    #[test]
    #[should_panic]
    fn too_many_additions_are_refused() {
        sum_body::<_, f64, false>(Portable::<2>, &[0.1; 600 * 2 * 4], 8, 0);
    }

    /// A factor beyond 2^996 makes Veltkamp's splitting overflow, whatever the product.
    #[test]
    fn products_whose_splitting_overflows_are_refused_or_right() {
        let (x, y) = ([2f64.powi(1000), 15.0], [2f64.powi(-1000), 1.0]);
        let expected = dot_of(&x, &y);
        let block = dot_body(Portable::<2>, &x, &y, 20, 0);
        assert!(block.is_none_or(|block| holds(block, &expected)));
        for isa in Isa::available() {
            let block = dot_block(isa, &x, &y, 20, 0);
            assert!(block.is_none_or(|block| holds(block, &expected)));
        }
    }

    #[test]
    fn selections_are_counted_and_the_others_left_out() {
        let mut next = pseudo_random(5);
        for length in (0..70).chain([500, BLOCK]) {
            let mut values = numbers(length, 0, 10, length as u64);
            let mask: Vec<u8> = values.iter().map(|_| (next() % 3) as u8).collect();
            for x in values.iter_mut().step_by(5) {
                *x = f64::NAN;
            }
            let kept = |masked: bool| -> Vec<f64> {
                let pairs = values.iter().zip(&mask);
                let kept = pairs.filter(|&(x, &m)| !x.is_nan() && (m != 0 || !masked));
                kept.map(|(&x, _)| x).collect()
            };
            for isa in Isa::available() {
                let both = selected_block::<_, true, true>(isa, &values, &mask, 20, 0).unwrap();
                let skipped = selected_block::<_, false, true>(isa, &values, &[], 20, 0).unwrap();
                for ((block, count), masked) in [(both, true), (skipped, false)] {
                    assert_eq!(count, kept(masked).len());
                    assert!(holds(block, &sum_of(&kept(masked))) && is_sharp(block, length));
                }
                let numbers: Vec<f64> =
                    values.iter().map(|&x| if x.is_nan() { 3.0 } else { x }).collect();
                let (block, count) =
                    selected_block::<_, true, false>(isa, &numbers, &mask, 20, 0).unwrap();
                let kept: Vec<f64> =
                    numbers.iter().zip(&mask).filter(|p| *p.1 != 0).map(|p| *p.0).collect();
                assert_eq!(count, kept.len());
                assert!(holds(block, &sum_of(&kept)));
            }
        }
    }

    fn singles(count: usize, spread: u32, seed: u64) -> Vec<f32> {
        let mut next = pseudo_random(seed);
        let mut single = || {
            let bits = next();
            let field = (127 + bits as u32 % (spread + 1)).saturating_sub(spread / 2).min(254);
            f32::from_bits(((bits >> 32) as u32 & 0x807f_ffff) | field << 23)
        };
        (0..count).map(|_| single()).collect()
    }

    #[test]
    fn single_precision_holds_its_bound() {
        for (seed, spread) in [0, 5, 15, 20, 21, 22, 23, 24, 26, 40, 254].into_iter().enumerate() {
            for length in (0..70).chain([500, 4095, SINGLES]) {
                let (mut x, y) =
                    (singles(length, spread, seed as u64), singles(length, spread, 99));
                if spread == 5 {
                    x.iter_mut().step_by(3).for_each(|x| *x = 0.0);
                }
                let wide: Vec<f64> = x.iter().map(|&x| x.into()).collect();
                let other: Vec<f64> = y.iter().map(|&x| x.into()).collect();
                let (sum, dot) = (sum_of(&wide), dot_of(&wide, &other));
                let blocks = [
                    single_body(Portable::<2>, &x, 0),
                    single_body(Portable::<4>, &x, 0),
                    single_body(Portable::<8>, &x, 0),
                ];
                let isas = Isa::available();
                let kernels = isas.iter().map(|&isa| single_block(isa, &x, 0));
                for block in blocks.into_iter().chain(kernels) {
                    let block = block.unwrap();
                    assert!(holds(block, &sum) && is_sharp(block, length), "{spread} {length}");
                    // Sums of numbers of similar magnitude are exact.
                    assert!(block.errors == 0 || spread > 15);
                }
                let kernels = isas.iter().map(|&isa| single_dot_block(isa, &x, &y, 0));
                let blocks = [
                    single_dot_body(Portable::<4>, &x, &y, 0),
                    single_dot_body(Portable::<8>, &x, &y, 0),
                ];
                for block in blocks.into_iter().chain(kernels) {
                    let block = block.unwrap();
                    assert!(holds(block, &dot) && is_sharp(block, length), "{spread} {length}");
                }
            }
        }
    }

    /// One error for each number, for each lane of the last vector and, in single precision, for adding
    /// the lanes.
    #[test]
    fn error_counts_are_those_of_the_proofs() {
        fn check<S: Simd>(simd: S) {
            let length = 1003;
            let values = numbers(length, 0, 60, 1);
            let errors = Some((length + S::W) as u64);
            let of = |block: Option<Block>| block.map(|block| block.errors);
            assert_eq!(of(sum_body::<_, _, false>(simd, &values, 50, 0)), errors);
            assert_eq!(of(dot_body(simd, &values, &vec![1.0; length], 50, 0)), errors);
            let two = two_body::<_, _, false>(simd, &values, 50, 0);
            assert_eq!(two.map(|blocks| blocks.map(|block| block.errors)), errors.map(|n| [n; 2]));
            let selected = selected_body::<_, _, false, true>(simd, &values, &[], 50, 0);
            assert_eq!(of(selected.map(|(block, _)| block)), errors);

            let values = singles(length, 60, 1);
            let highest = values.iter().map(|x| x.abs().log2().floor() as i32).max().unwrap();
            let log = (0..).find(|&log| 1 << log >= additions(length, S::W, 8)).unwrap();
            let block = single_body(simd, &values, 0).unwrap();
            assert_eq!(block.errors, (length + S::W + 1) as u64);
            assert_eq!(block.error_exponent, highest + 1 + log - 53);
            let block = single_dot_body(simd, &values, &vec![1.5; length], 0).unwrap();
            assert_eq!(block.errors, (length + S::W + 1) as u64);
            assert_eq!(block.error_exponent, highest + 1 + 1 + log - 53);
        }
        check(Portable::<2>);
        check(Portable::<4>);
        check(Portable::<8>);
    }

    #[test]
    fn single_precision_sees_every_number() {
        // Large ones round the sums of small ones in every lane.
        let large = 2f32.powi(29).next_down();
        let values: Vec<f32> =
            (0..SINGLES).map(|i| [1f32.next_up(), large][(i % 3).min(1)]).collect();
        let sum = sum_of(&values.iter().map(|&x| x.into()).collect::<Vec<_>>());
        for isa in Isa::available() {
            assert!(holds(single_block(isa, &values, 0).unwrap(), &sum));
            for place in 0..300 {
                let (mut values, ones) = ([1f32; 300], [1f32; 300]);
                values[place] = 1e6;
                let sum = big(1_000_299.0);
                assert!(holds(single_block(isa, &values, 0).unwrap(), &sum));
                assert!(holds(single_dot_block(isa, &values, &ones, 0).unwrap(), &sum));
                assert!(holds(single_dot_block(isa, &ones, &values, 0).unwrap(), &sum));
            }
        }
    }

    #[test]
    fn lanes_of_single_precision_may_be_full() {
        let most = 2f32.next_down();
        for value in [most, -most, f32::MAX] {
            // (The three before the last one make the additions in a lane of 8, 4 and 2 a power of two.)
            for length in [1, 7, 100, 1000, 7743, 7967, 8079, SINGLES] {
                let (values, other) = (vec![value; length], vec![most; length]);
                let wide = vec![f64::from(value); length];
                let (sum, dot) = (sum_of(&wide), dot_of(&wide, &vec![most.into(); length]));
                for isa in Isa::available() {
                    let block = single_block(isa, &values, 0).unwrap();
                    assert!(holds(block, &sum) && block.errors == 0, "{value} {length}");
                    let block = single_dot_block(isa, &values, &other, 0).unwrap();
                    assert!(holds(block, &dot) && is_sharp(block, length), "{value} {length}");
                }
            }
        }
    }

    #[test]
    fn the_smallest_passes_over_zeros() {
        for isa in Isa::available() {
            assert_eq!(smallest::<f64>(isa, &[]), f64::INFINITY);
            assert_eq!(smallest(isa, &[0.0; 77]), f64::INFINITY);
            for length in [1, 2, 15, 16, 17, 100] {
                for place in 0..length {
                    let mut values = vec![-0.0; length];
                    values[place] = -1e-300;
                    values[length / 2] = if length / 2 == place { 1e-300 } else { 5.0 };
                    assert_eq!(smallest(isa, &values), 1e-300);
                }
            }
        }
    }

    /// Numbers, and one more that moves their sum to a fraction of the bound from a midpoint of the
    /// format.
    fn near_a_midpoint(
        first: i32,
        count: usize,
        format: Format,
        quarters: i32,
        seed: u64,
    ) -> Vec<f64> {
        let digits = if format == Format::F32 { 24 } else { 53 };
        let top = first - 14;
        let half = 2f64.powi(top - digits);
        let mut values = vec![2f64.powi(top), half];
        // Many small numbers that the second level rounds, with their negatives.
        let tail = numbers(count, first - DEPTH - 1, 0, seed);
        values.extend(tail.iter().chain(&tail.iter().map(|x| -x).collect::<Vec<_>>()));
        values.push(f64::from(quarters) * (count as f64 / 4.0) * 2f64.powi(first - DEPTH));
        values
    }

    #[test]
    fn midpoints_are_decided_rightly_or_not_at_all() {
        for first in [LOWEST + 100, -300, 0, 500, HIGHEST] {
            for format in [Format::F64, Format::F32] {
                if format == Format::F32 && first != 0 {
                    continue;
                }
                for quarters in [-9, -4, -2, -1, 0, 1, 2, 4, 9] {
                    let values = near_a_midpoint(first, 300, format, quarters, 5);
                    let exact: Accumulator = values.iter().copied().collect();
                    let mut undecided = 0;
                    for isa in Isa::available() {
                        let block = sum_block::<_, false>(isa, &values, first, 0).unwrap();
                        let mut sum = Interval::new();
                        sum.add(block.units, block.exponent, block.errors, block.error_exponent);
                        match sum.round_quotient(1, format) {
                            Some(bits) => assert_eq!(bits, exact.round_quotient(1, format)),
                            None => undecided += 1,
                        }
                    }
                    assert!(undecided > 0 || quarters.abs() > 4, "{first} {quarters}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_sums(seed: u64, length in 0..BLOCK, centre in -1040..1000i32, spread in 0..2100u64, more in 0..30i32) {
            let values = numbers(length, centre, spread, seed);
            let highest = values.iter().fold(0.0, |highest: f64, x| highest.max(x.abs()));
            let own = (highest.to_bits() >> 52) as i32 - 1023 + more;
            let first = if own <= SUBNORMAL { SUBNORMAL } else { own.max(LOWEST) };
            if first <= HIGHEST_SCALED {
                check_sum(&values, first, false);
            }
        }

        #[test]
        fn any_products(seed: u64, length in 0..600usize, centres in [-1040..1000i32, -1040..1000], spread in 0..700u64, more in 0..30i32) {
            let [x, y] = centres.map(|centre| numbers(length, centre, spread, seed ^ centre as u64));
            let highest = x.iter().zip(&y).fold(0.0, |highest: f64, (x, y)| highest.max((x * y).abs()));
            let first = ((highest.to_bits() >> 52) as i32 - 1023 + more).max(LOWEST);
            if first <= HIGHEST {
                let expected = dot_of(&x, &y);
                let blocks = [dot_body(Portable::<2>, &x, &y, first, 0), dot_body(Portable::<4>, &x, &y, first, 0)];
                let kernels = Isa::available().into_iter().map(|isa| dot_block(isa, &x, &y, first, 0));
                for block in blocks.into_iter().chain(kernels) {
                    prop_assert!(block.is_none_or(|block| holds(block, &expected) && is_sharp(block, length)));
                }
            }
        }
    }
}
