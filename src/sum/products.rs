//! Blocks of pairs whose exact products are added.
//!
//! A product is two numbers (Dekker 1971; by a fused multiply-add where the processor has one):
//!
//! ```text
//! p = x * y          rounded
//! e = x * y - p      exact, unless it lies below the subnormal numbers
//! ```
//!
//! and |e| is at most half a last bit of p. Both go to the biased levels of [`super::block`], `e`
//! from the second one on: a level so receives two parts per pair, hence the shorter blocks.
//!
//! Is `e` exact? If |p| >= 2^-968, the last bit of x * y is at least 2^-1074. A smaller p that is
//! not 0 passes all levels untouched, since their last bits are larger than [`LOWEST_LAST_BIT`], and
//! shows in the remainder. There remain the products that are 0; a block with any is read again to
//! see whether they are truly 0.

use super::accumulator::Accumulator;
use super::block::{ABSOLUTE, BLOCK, LEVEL, Levels, Number, Sums, prefetch};
use super::slice::{INFINITE, Terms};
use crate::cpu::{Isa, dispatch};

/// Pairs in a block.
pub(super) const PAIRS: usize = BLOCK / 2;
/// The exponent that the last bit of the last level must exceed.
const LOWEST_LAST_BIT: i32 = -967;

/// At most [`PAIRS`] pairs. With `EXACT`, every product is a binary64 number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Products<'a, T, const EXACT: bool> {
    pub x: &'a [T],
    pub y: &'a [T],
}

impl<T: Number, const EXACT: bool> Terms for Products<'_, T, EXACT> {
    #[inline(always)]
    fn highest_exponent(self, isa: Isa) -> i32 {
        highest_exponent(isa, self.x, self.y)
    }
    /// Almost every product is rounded, and the flag raised.
    #[inline(always)]
    fn flagged(self, _: Isa, _: i32, _: usize) -> Option<Sums<2>> {
        None
    }
    #[inline(always)]
    fn levels<const K: usize>(self, isa: Isa, first: i32, ahead: usize) -> Option<Sums<K>> {
        products_block::<T, K, EXACT>(isa, self.x, self.y, first, ahead)
    }
    fn add_each(self, into: &mut Accumulator) {
        for (x, y) in self.x.iter().zip(self.y) {
            into.add_product(x.widen(), y.widen());
        }
        into.add_count(-(self.x.len() as i64));
    }
}

/// The levels, and the smallest magnitude of a rounded product.
struct State<const W: usize, const K: usize> {
    levels: Levels<W, K>,
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
                let magnitude = p[lane].abs();
                let smallest = self.smallest[lane];
                self.smallest[lane] = if magnitude < smallest { magnitude } else { smallest };
            }
        }
        self.levels.cascade::<STREAM, 0>(p);
        if !EXACT {
            self.levels.cascade::<STREAM, 1>(e);
        }
    }
}

/// `x * y - p` for the rounded product `p`.
#[inline(always)]
fn error<const W: usize>(x: f64, y: f64, p: f64) -> f64 {
    /// Vectors of the x86-64 baseline, which has no fused multiply-add.
    const BASELINE: usize = 2;
    if W > BASELINE || cfg!(not(target_arch = "x86_64")) {
        return x.mul_add(y, -p);
    }
    // Veltkamp's splitting; beyond 2^996 it gives NaN, which the remainder shows.
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
    let mut state =
        State::<W, K> { levels: Levels::new(first), smallest: [f64::INFINITY; W] };
    let (x_vectors, x_rest) = x.as_chunks::<W>();
    let (y_vectors, y_rest) = y.as_chunks::<W>();
    let (x_twice, x_once) = x_vectors.as_chunks::<2>();
    let (y_twice, y_once) = y_vectors.as_chunks::<2>();
    for (x, y) in x_twice.iter().zip(y_twice) {
        if ahead > 0 {
            for stream in 0..2 {
                prefetch(x[stream].as_ptr().wrapping_add(ahead));
                prefetch(y[stream].as_ptr().wrapping_add(ahead));
            }
        }
        state.add::<0, EXACT>(x[0].map(T::widen), y[0].map(T::widen));
        state.add::<1, EXACT>(x[1].map(T::widen), y[1].map(T::widen));
    }
    for (x, y) in x_once.iter().zip(y_once) {
        state.add::<0, EXACT>(x.map(T::widen), y.map(T::widen));
    }
    if !x_rest.is_empty() {
        let (mut x, mut y) = ([0.0; W], [0.0; W]);
        for (to, from) in x.iter_mut().zip(x_rest) {
            *to = from.widen();
        }
        for (to, from) in y.iter_mut().zip(y_rest) {
            *to = from.widen();
        }
        state.add::<0, EXACT>(x, y);
    }
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
    fn highest_exponent[T: Number][T](x: &[T], y: &[T]) -> i32 = highest_exponent_body::<T>
}
