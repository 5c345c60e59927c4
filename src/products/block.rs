//! The kernel for products: the exact sum of the products of one block of pairs.
//!
//! A product is two numbers (Dekker 1971; by a fused multiply-add where the processor has one):
//!
//! ```text
//! p = x * y          rounded
//! e = x * y - p      exact, unless it lies below the subnormal numbers
//! ```
//!
//! and |e| is at most half a last bit of p. Both go to the biased levels of [`crate::kernel::levels`], `e`
//! from the second one on.
//!
//! # Products of one size
//!
//! If all |p| >= 2^(k-33), where k is the exponent of the first level, the last bit of each product
//! is at least 2^(k-138), the last bit of the third level. The rest of `p` after the first level is
//! a multiple of 2^(k-85), so the second level absorbs it completely; the third level does so with
//! the rest of `e`. This kernel needs no remainder, only the smallest |p|. (The second level
//! receives at most 256 + 2 times 2^(k-53) + 2^(k-54) in a lane, the third one 2^(k-96): either
//! stays in its binade.)
//!
//! # Products of any sizes
//!
//! Is `e` exact? If |p| >= 2^-968, the last bit of x * y is at least 2^-1074. A smaller p that is
//! not 0 passes all levels unchanged, since their last bits are larger than [`LOWEST_LAST_BIT`],
//! and appears in the remainder. Products that are 0 remain; a block with any is read again to see
//! whether they are exactly 0.

use std::hint::black_box;

use crate::array::memory::{prefetch, prefetch_lines};
use crate::binary64::{ABSOLUTE, INFINITE, SIGN_AND_EXPONENT, power_of_two};
use crate::cpu::{Isa, dispatch};
use crate::exact::accumulator::Accumulator;
use crate::kernel::adaptive::{SAMPLE, Terms, Tier};
use crate::kernel::certified::{self, Block};
use crate::kernel::large_superaccumulator::{self, Bins};
use crate::kernel::levels::{BLOCK, LEVEL, Levels, Sums, any, collect, levels};
use crate::kernel::number::Number;
use crate::tuning::tuning;

/// The number of pairs in a block.
pub(super) const PAIRS: usize = BLOCK;
/// The exponent that the last bit of the last level must exceed.
const LOWEST_LAST_BIT: i32 = -967;
/// The exponent from which the error of a product is a binary64 number.
const EXACT_FROM: i32 = -968;

/// At most [`PAIRS`] pairs. With `EXACT`, every product is a binary64 number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Products<'a, T, const EXACT: bool> {
    pub x: &'a [T],
    pub y: &'a [T],
}

impl<T: Number, const EXACT: bool> Terms for Products<'_, T, EXACT> {
    const SCALABLE: bool = false;
    const REFINES: bool = false;

    #[inline(always)]
    fn highest_exponent(self, isa: Isa) -> i32 {
        highest_exponent(isa, self.x, self.y)
    }
    #[inline(always)]
    fn lowest_exponent(self, _: Isa) -> i32 {
        INFINITE
    }
    #[inline(always)]
    fn first_exponents(self) -> Option<(i32, i32)> {
        let count = self.x.len().min(SAMPLE);
        let highest = highest_exponent_body(&self.x[..count], &self.y[..count]);
        (highest > 0).then_some((highest, highest))
    }
    #[inline(always)]
    fn margin(self, tier: Tier) -> i32 {
        // Products in three levels must be of similar magnitude.
        if tier == Tier::Levels3 { 4 } else { 8 }
    }
    /// There is no lower bound on the products.
    #[inline(always)]
    fn depth(self, _: Tier) -> i32 {
        i32::MAX
    }
    #[inline(always)]
    fn certified(self, isa: Isa, first: i32, ahead: usize, narrow: bool) -> Option<Block> {
        match (T::singles(self.x), T::singles(self.y)) {
            (Some(x), Some(y)) if narrow => certified::single_dot_block(isa, x, y, ahead),
            _ => certified::dot_block(isa, self.x, self.y, first, ahead),
        }
    }
    #[inline(always)]
    fn levels2(self, isa: Isa, first: i32, ahead: usize) -> Option<Block> {
        let sums = products_block::<T, 2, EXACT>(isa, self.x, self.y, first, ahead)?;
        Some(Block::exact(sums.parts, sums.exponents[1]))
    }
    #[inline(always)]
    fn levels<const K: usize>(self, isa: Isa, first: i32, ahead: usize) -> Option<Sums<K>> {
        if K == 3 && !EXACT {
            let Sums { parts, exponents } = similar_block(isa, self.x, self.y, first, ahead)?;
            return Some(Sums {
                parts: std::array::from_fn(|level| parts[level]),
                exponents: std::array::from_fn(|level| exponents[level]),
            });
        }
        products_block::<T, K, EXACT>(isa, self.x, self.y, first, ahead)
    }
    #[inline(always)]
    fn add_smallest(self, _: Isa, _: &mut Accumulator) -> bool {
        false
    }
    fn count(self) -> usize {
        self.x.len()
    }
    fn add_to_bins(self, isa: Isa, bins: &mut Bins, into: &mut Accumulator, ahead: usize) {
        let mut terms = [0.0; large_superaccumulator::CHUNK];
        let pairs = self
            .x
            .chunks(large_superaccumulator::CHUNK / 2)
            .zip(self.y.chunks(large_superaccumulator::CHUNK / 2));
        for (x, y) in pairs {
            if take_apart(isa, x, y, ahead, &mut terms) {
                bins.add(isa, &terms[..2 * x.len()], 0);
            } else {
                Products::<T, EXACT> { x, y }.add_each(into);
            }
        }
    }
    fn add_bits(self, into: &mut Accumulator) {
        for (x, y) in self.x.iter().zip(self.y) {
            into.add_product(x.widen_bits(), y.widen_bits());
        }
        into.add_zeros(-(self.x.len() as i64));
    }
    fn add_each(self, into: &mut Accumulator) {
        for (x, y) in self.x.iter().zip(self.y) {
            into.add_product(x.widen(), y.widen());
        }
        into.add_zeros(-(self.x.len() as i64));
    }
}

/// Passes vectors of widened pairs to a function, for four streams in turn, with the number of
/// lanes that hold pairs (the others are 0).
macro_rules! read_pairs {
    ($x:ident, $y:ident, $w:ident, $ahead:ident,
     |stream: $stream:ident, $left:ident, $right:ident, $valid:pat_param| $add:expr) => {{
        let lead = if $ahead == 0 { 0 } else { tuning().lead_of_second };
        let (x_fours, x_rest) = $x.as_chunks::<$w>().0.as_chunks::<4>();
        let (y_fours, y_rest) = $y.as_chunks::<$w>().0.as_chunks::<4>();
        for (x, y) in x_fours.iter().zip(y_fours) {
            let ask = |stream: usize| {
                prefetch(x[stream].as_ptr().wrapping_byte_add($ahead));
                prefetch(y[stream].as_ptr().wrapping_byte_add($ahead + lead));
            };
            {
                const $stream: usize = 0;
                ask(0);
                let ($left, $right, $valid) = (x[0].map(T::widen), y[0].map(T::widen), $w);
                $add;
            }
            {
                const $stream: usize = 1;
                ask(1);
                let ($left, $right, $valid) = (x[1].map(T::widen), y[1].map(T::widen), $w);
                $add;
            }
            {
                const $stream: usize = 2;
                ask(2);
                let ($left, $right, $valid) = (x[2].map(T::widen), y[2].map(T::widen), $w);
                $add;
            }
            {
                const $stream: usize = 3;
                ask(3);
                let ($left, $right, $valid) = (x[3].map(T::widen), y[3].map(T::widen), $w);
                $add;
            }
        }
        const $stream: usize = 0;
        for (x, y) in x_rest.iter().zip(y_rest) {
            let ($left, $right, $valid) = (x.map(T::widen), y.map(T::widen), $w);
            $add;
        }
        let (x, y) = ($x.as_chunks::<$w>().1, $y.as_chunks::<$w>().1);
        if !x.is_empty() {
            let ($left, $right, $valid) = (padded::<T, $w>(x), padded::<T, $w>(y), x.len());
            $add;
        }
    }};
}

/// A vector of fewer numbers, filled up with zeros.
#[inline(always)]
fn padded<T: Number, const W: usize>(numbers: &[T]) -> [f64; W] {
    let mut vector = [0.0; W];
    for (to, from) in vector.iter_mut().zip(numbers) {
        *to = from.widen();
    }
    vector
}

/// Binades from the first level to the smallest product of [`similar_body`].
const SIMILAR: i32 = 33;

/// `x - y` by a fused multiply-add, for which some processors have otherwise idle units. The
/// compiler keeps it, since it does not know that the factor is 1.
#[inline(always)]
fn minus<const W: usize>(x: f64, y: f64, one: f64) -> f64 {
    if has_fma::<W>() { x.mul_add(one, -y) } else { x - y }
}

/// The sums of products of one size in three levels.
struct Similar<const W: usize> {
    one: f64,
    bias: [f64; 3],
    sums: [[[f64; W]; 4]; 3],
    escaped: [u64; W],
    smallest: [f64; W],
}

impl<const W: usize> Similar<W> {
    #[inline(always)]
    fn add<const STREAM: usize>(&mut self, x: [f64; W], y: [f64; W], valid: usize) {
        for lane in 0..W {
            let p = x[lane] * y[lane];
            let e = error::<W>(x[lane], y[lane], p);
            let [first, second, third] = self.sums.each_mut().map(|sums| &mut sums[STREAM][lane]);
            let s = *first + p;
            let rest = minus::<W>(p, minus::<W>(s, *first, self.one), self.one);
            *first = s;
            self.escaped[lane] |= s.to_bits() ^ self.bias[0].to_bits();
            let whole = *second + rest;
            let s = whole + e;
            *third += e - minus::<W>(s, whole, self.one);
            *second = s;
            let magnitude = p.abs();
            if lane < valid {
                self.smallest[lane] = smaller(magnitude, self.smallest[lane]);
            }
        }
    }
}

/// The smaller one, with the semantics of the instruction.
#[inline(always)]
fn smaller(x: f64, y: f64) -> f64 {
    if x < y { x } else { y }
}

#[inline(always)]
fn similar_body<T: Number, const W: usize>(
    x: &[T],
    y: &[T],
    first: i32,
    ahead: usize,
) -> Option<Sums<3>> {
    if first - LEVEL * 2 - 52 <= LOWEST_LAST_BIT {
        return None;
    }
    let (exponents, bias) = levels::<3>(first, LEVEL);
    let mut state = Similar::<W> {
        one: black_box(1.0),
        bias,
        sums: bias.map(|bias| [[bias; W]; 4]),
        escaped: [0; W],
        smallest: [f64::INFINITY; W],
    };
    read_pairs!(x, y, W, ahead, |stream: STREAM, x, y, valid| state.add::<STREAM>(x, y, valid));
    let smallest = state.smallest.into_iter().fold(f64::INFINITY, smaller);
    let kept =
        any(state.escaped) & SIGN_AND_EXPONENT == 0 && smallest >= power_of_two(first - SIMILAR);
    collect(state.sums, exponents, bias).filter(|_| kept)
}

/// The levels, and the smallest magnitude of a rounded product.
struct State<const W: usize, const K: usize> {
    levels: Levels<W, K, 4>,
    smallest: [f64; W],
}

impl<const W: usize, const K: usize> State<W, K> {
    #[inline(always)]
    fn add<const STREAM: usize, const EXACT: bool>(&mut self, x: [f64; W], y: [f64; W]) {
        let (mut p, mut e) = ([0.0; W], [0.0; W]);
        for lane in 0..W {
            p[lane] = x[lane] * y[lane];
            if !EXACT {
                e[lane] = error::<W>(x[lane], y[lane], p[lane]);
                self.smallest[lane] = smaller(p[lane].abs(), self.smallest[lane]);
            }
        }
        self.levels.cascade::<STREAM, 0>(p);
        if !EXACT {
            self.levels.cascade::<STREAM, 1>(e);
        }
    }
}

/// Whether vectors of `W` lanes can be multiplied and added at once: not on the x86-64 baseline.
const fn has_fma<const W: usize>() -> bool {
    W > 2 || cfg!(not(target_arch = "x86_64"))
}

/// `x * y - p` for the rounded product `p`.
#[inline(always)]
fn error<const W: usize>(x: f64, y: f64, p: f64) -> f64 {
    if has_fma::<W>() {
        return x.mul_add(y, -p);
    }
    // Veltkamp's splitting; beyond 2^996 it gives NaN, which appears in the remainder.
    let split = |x: f64| {
        let scaled = x * 134_217_729.0;
        let high = scaled - (scaled - x);
        (high, x - high)
    };
    let ((xh, xl), (yh, yl)) = (split(x), split(y));
    ((xh * yh - p) + xh * yl + xl * yh) + xl * yl
}

#[inline(always)]
fn products_body<T: Number, const W: usize, const K: usize, const EXACT: bool>(
    x: &[T],
    y: &[T],
    first: i32,
    ahead: usize,
) -> Option<Sums<K>> {
    debug_assert!(x.len() == y.len() && x.len() <= PAIRS);
    if first - LEVEL * (K as i32 - 1) - 52 <= LOWEST_LAST_BIT {
        return None;
    }
    let mut state = State::<W, K> { levels: Levels::new(first), smallest: [f64::INFINITY; W] };
    read_pairs!(x, y, W, ahead, |stream: STREAM, x, y, _| state.add::<STREAM, EXACT>(x, y));
    if !EXACT && state.smallest.contains(&0.0) && any_vanishes(x, y) {
        return None;
    }
    state.levels.finish()
}

/// Whether the product of any two numbers that are not 0 is rounded to 0.
#[inline(always)]
fn any_vanishes<T: Number>(x: &[T], y: &[T]) -> bool {
    let vanishes = |(x, y): (&T, &T)| {
        let (x, y) = (x.widen(), y.widen());
        (x * y == 0.0) & (x != 0.0) & (y != 0.0)
    };
    x.iter().zip(y).fold(false, |any, pair| any | vanishes(pair))
}

/// Writes products and their errors; returns whether these are exact.
#[inline(always)]
fn take_apart_body<T: Number, const W: usize>(
    x: &[T],
    y: &[T],
    ahead: usize,
    terms: &mut [f64; large_superaccumulator::CHUNK],
) -> bool {
    if ahead > 0 {
        for numbers in [x, y] {
            prefetch_lines(numbers.as_ptr().wrapping_byte_add(ahead), size_of_val(numbers));
        }
    }
    let (products, errors) = terms[..2 * x.len()].split_at_mut(x.len());
    let mut are_exact = true;
    for (((x, y), p), e) in x.iter().zip(y).zip(products).zip(errors) {
        let (x, y) = (x.widen(), y.widen());
        *p = x * y;
        *e = error::<W>(x, y, *p);
        // Infinite products have no error, nor do those whose splitting overflows.
        are_exact &= (p.abs() >= power_of_two(EXACT_FROM)) | (x == 0.0) | (y == 0.0);
        are_exact &= e.is_finite();
    }
    are_exact
}

#[inline(always)]
fn highest_exponent_body<T: Number>(x: &[T], y: &[T]) -> i32 {
    let magnitude = |(x, y): (&T, &T)| (x.widen() * y.widen()).to_bits() & ABSOLUTE;
    let highest = x.iter().zip(y).map(magnitude).fold(0, u64::max);
    ((highest >> 52) as i32).min(INFINITE)
}

dispatch! {
    /// The exact sum of the products of a block in `K` levels; `None` if they do not fit.
    fn products_block[T: Number, const K: usize, const EXACT: bool][T, K, EXACT](
        x: &[T], y: &[T], first: i32, ahead: usize
    ) -> Option<Sums<K>> = products_body::<T, {W}, K, EXACT>
}

dispatch! {
    /// The exact sum of the products of a block, if they are of similar magnitude.
    fn similar_block[T: Number][T](x: &[T], y: &[T], first: i32, ahead: usize) -> Option<Sums<3>>
        = similar_body::<T, {W}>
}

dispatch! {
    /// Writes up to `CHUNK / 2` products, then their errors; `false` if any error is not exact.
    fn take_apart[T: Number][T](
        x: &[T], y: &[T], ahead: usize, terms: &mut [f64; large_superaccumulator::CHUNK]
    ) -> bool = take_apart_body::<T, {W}>
}

dispatch! {
    /// The largest biased exponent of the products; 2047 if any is infinite or NaN.
    pub(super) fn highest_exponent[T: Number][T](x: &[T], y: &[T]) -> i32
        = highest_exponent_body::<T>
}
