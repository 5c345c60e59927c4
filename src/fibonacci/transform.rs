//! Products of very large integers by number theoretic transforms.
//!
//! The factors are polynomials in 2^32. Their product is computed modulo three primes below 2^31
//! and put together by the Chinese remainder theorem (Pollard 1971, "The fast Fourier transform in
//! a finite field"). Everything is 32-bit integer arithmetic in plain loops, which compilers turn
//! into vector code, and exact: there is no rounding to bound.
//!
//! A transform of length n reduces a polynomial modulo x^n - 1 by repeatedly splitting
//! x^2h - r^2 = (x^h - r)(x^h + r). It stops at factors of degree `LEAF`, where products are made
//! directly: shorter inner loops would not fill a vector.

use dashu_int::{UBig, Word};

use crate::cpu::{self, Isa, dispatch};
use crate::threads;

/// Degree of the factors at which splitting ends.
const LEAF: usize = 8;
/// Transforms up to this length run level by level; longer ones recurse first, to stay in cache.
const CACHED: usize = 1 << 14;
/// From this many words (in the shorter factor) on, transforms beat the library's products.
const TRANSFORMS_FROM: usize = 400;
/// The primes' 2-adic orders allow no longer transforms.
const MAX_LEN: usize = 1 << 25;
/// Transforms from this length on are worth the thread pool.
const PARALLEL_FROM: usize = 1 << 13;

const HALVES: usize = Word::BITS as usize / 32;

/// a * b.
///
/// ```
/// use dashu_int::UBig;
/// use mypackage::fibonacci::transform::multiply;
/// let a = UBig::from(3u32).pow(50_000);
/// assert_eq!(multiply(&a, &a), UBig::from(3u32).pow(100_000));
/// ```
pub fn multiply(a: &UBig, b: &UBig) -> UBig {
    let (long, short) = if a >= b { (a, b) } else { (b, a) };
    let (long_len, short_len) = (long.as_words().len(), short.as_words().len());
    if short_len < TRANSFORMS_FROM {
        if a == b { a.sqr() } else { a * b }
    } else if (long_len + short_len) * HALVES > MAX_LEN {
        let (low, high) = long.as_words().split_at(long_len / 2);
        let shift = low.len() * Word::BITS as usize;
        (multiply(&UBig::from_words(high), short) << shift)
            + multiply(&UBig::from_words(low), short)
    } else {
        let mut product = product(long.as_words(), short.as_words());
        product.truncate(long_len + short_len);
        UBig::from_words(&product)
    }
}

/// The memory that [`multiply`] takes beside factors and product, for a product of so many bytes.
pub(super) fn product_memory(bytes: usize) -> usize {
    let len = (bytes / 4 + 2 * HALVES).min(MAX_LEN).next_power_of_two();
    // For each prime both transformed factors, roots and inverse roots.
    3 * (2 * 4 * len + 2 * 4 * len / LEAF / 2)
}

/// Arithmetic modulo the prime P in Montgomery's form (x stands for x / 2^32 mod P).
struct Field<const P: u32>;

impl<const P: u32> Field<P> {
    /// -1/P mod 2^32, by Newton's iteration.
    const MINUS_INVERSE: u32 = {
        let mut inverse = P;
        let mut step = 0;
        while step < 4 {
            inverse = inverse.wrapping_mul(2u32.wrapping_sub(P.wrapping_mul(inverse)));
            step += 1;
        }
        inverse.wrapping_neg()
    };
    /// 2^32 mod P: the number 1.
    const ONE: u32 = ((1u64 << 32) % P as u64) as u32;
    /// 2^64 mod P: multiplying by it brings a number into the form.
    const INTO: u32 = (Self::ONE as u64 * Self::ONE as u64 % P as u64) as u32;

    /// x / 2^32 mod P, for x < 2^32 P.
    #[inline(always)]
    fn reduce(x: u64) -> u32 {
        let quotient = (x as u32).wrapping_mul(Self::MINUS_INVERSE);
        let rest = ((x + u64::from(quotient) * u64::from(P)) >> 32) as u32;
        rest.min(rest.wrapping_sub(P))
    }

    #[inline(always)]
    fn mul(a: u32, b: u32) -> u32 {
        Self::reduce(u64::from(a) * u64::from(b))
    }

    #[inline(always)]
    fn add(a: u32, b: u32) -> u32 {
        let sum = a + b;
        sum.min(sum.wrapping_sub(P))
    }

    #[inline(always)]
    fn sub(a: u32, b: u32) -> u32 {
        let difference = a.wrapping_sub(b);
        difference.min(difference.wrapping_add(P))
    }

    /// A number into the form.
    fn from_number(x: u32) -> u32 {
        Self::mul(x % P, Self::INTO)
    }

    fn pow(mut base: u32, mut exponent: u32) -> u32 {
        let mut power = Self::ONE;
        while exponent > 0 {
            if exponent & 1 == 1 {
                power = Self::mul(power, base);
            }
            base = Self::mul(base, base);
            exponent >>= 1;
        }
        power
    }

    fn inverse(a: u32) -> u32 {
        Self::pow(a, P - 2)
    }

    /// The splitting roots: block k of a level is x^2h - r^2 with r = `roots[k]`. The children of
    /// block k are x^h - r and x^h + r, hence `roots[2k]^2 = r` and `roots[2k + 1]^2 = -r`.
    fn roots(count: usize, generator: u32) -> Vec<u32> {
        let generator = Self::from_number(generator);
        let mut roots = Vec::with_capacity(count);
        roots.push(Self::ONE);
        let mut order = 4;
        while roots.len() < count {
            let root = Self::pow(generator, (P - 1) / order);
            roots.extend_from_within(..);
            let half = roots.len() / 2;
            roots[half..].iter_mut().for_each(|r| *r = Self::mul(*r, root));
            order *= 2;
        }
        roots
    }
}

/// The residues of a polynomial modulo the factors of one block; `block` is its number in its level.
#[inline(always)]
fn forward_body<const P: u32>(x: &mut [u32], roots: &[u32], block: usize) {
    let (mut half, mut first) = (x.len() / 2, block);
    while half >= LEAF {
        for (x, &root) in x.chunks_exact_mut(2 * half).zip(&roots[first..]) {
            let (low, high) = x.split_at_mut(half);
            for (low, high) in low.iter_mut().zip(high) {
                let turned = Field::<P>::mul(*high, root);
                (*low, *high) = (Field::<P>::add(*low, turned), Field::<P>::sub(*low, turned));
            }
        }
        half /= 2;
        first *= 2;
    }
}

/// The inverse of [`forward_body`] with inverted roots, times the number of levels' power of two.
#[inline(always)]
fn backward_body<const P: u32>(x: &mut [u32], inverse_roots: &[u32], block: usize) {
    let levels = (x.len() / LEAF).ilog2();
    for level in (0..levels).rev() {
        let half = x.len() >> (level + 1);
        let first = block << level;
        for (x, &root) in x.chunks_exact_mut(2 * half).zip(&inverse_roots[first..]) {
            let (low, high) = x.split_at_mut(half);
            for (low, high) in low.iter_mut().zip(high) {
                let (sum, difference) =
                    (Field::<P>::add(*low, *high), Field::<P>::sub(*low, *high));
                (*low, *high) = (sum, Field::<P>::mul(difference, root));
            }
        }
    }
}

/// One level of [`forward_body`], for blocks that exceed the cache.
#[inline(always)]
fn split_body<const P: u32>(low: &mut [u32], high: &mut [u32], root: u32) {
    for (low, high) in low.iter_mut().zip(high) {
        let turned = Field::<P>::mul(*high, root);
        (*low, *high) = (Field::<P>::add(*low, turned), Field::<P>::sub(*low, turned));
    }
}

/// One level of [`backward_body`], for blocks that exceed the cache.
#[inline(always)]
fn join_body<const P: u32>(low: &mut [u32], high: &mut [u32], inverse_root: u32) {
    for (low, high) in low.iter_mut().zip(high) {
        let (sum, difference) = (Field::<P>::add(*low, *high), Field::<P>::sub(*low, *high));
        (*low, *high) = (sum, Field::<P>::mul(difference, inverse_root));
    }
}

/// Products modulo the leaves: leaf 2k is x^LEAF - r, leaf 2k + 1 is x^LEAF + r, for r = `roots[k]`.
#[inline(always)]
fn leaves_body<const P: u32>(x: &mut [u32], y: &[u32], roots: &[u32], scale: u32) {
    for (leaf, (x, y)) in x.chunks_exact_mut(LEAF).zip(y.chunks_exact(LEAF)).enumerate() {
        let root = roots[leaf / 2];
        let root = if leaf % 2 == 0 { root } else { Field::<P>::sub(0, root) };
        // y r, y: a window of LEAF sliding over it gives y x^i modulo x^LEAF - r.
        let mut wrapped = [0; 2 * LEAF];
        for index in 0..LEAF {
            wrapped[index] = Field::<P>::mul(y[index], root);
            wrapped[LEAF + index] = y[index];
        }
        let (mut early, mut late) = ([0u64; LEAF], [0u64; LEAF]);
        // Four products below 2^62 are what 64 bits hold.
        for (index, &x) in x.iter().enumerate() {
            let sums = if index < LEAF / 2 { &mut early } else { &mut late };
            for (sum, &y) in sums.iter_mut().zip(&wrapped[LEAF - index..2 * LEAF - index]) {
                *sum += u64::from(x) * u64::from(y);
            }
        }
        for (x, (&early, &late)) in x.iter_mut().zip(early.iter().zip(&late)) {
            let fold = |sum: u64| {
                let sum = sum.min(sum.wrapping_sub(u64::from(P) << 32));
                Field::<P>::reduce(sum)
            };
            *x = Field::<P>::mul(Field::<P>::add(fold(early), fold(late)), scale);
        }
    }
}

dispatch! { fn forward_cached [const P: u32] [P] (x: &mut [u32], roots: &[u32], block: usize) = forward_body::<P> }
dispatch! { fn backward_cached [const P: u32] [P] (x: &mut [u32], roots: &[u32], block: usize) = backward_body::<P> }
dispatch! { fn split [const P: u32] [P] (low: &mut [u32], high: &mut [u32], root: u32) = split_body::<P> }
dispatch! { fn join [const P: u32] [P] (low: &mut [u32], high: &mut [u32], root: u32) = join_body::<P> }
dispatch! {
    fn leaves [const P: u32] [P]
        (x: &mut [u32], y: &[u32], roots: &[u32], scale: u32) = leaves_body::<P>
}

fn forward<const P: u32>(isa: Isa, x: &mut [u32], roots: &[u32], block: usize) {
    if x.len() <= CACHED {
        return forward_cached::<P>(isa, x, roots, block);
    }
    let (low, high) = x.split_at_mut(x.len() / 2);
    split::<P>(isa, low, high, roots[block]);
    forward::<P>(isa, low, roots, 2 * block);
    forward::<P>(isa, high, roots, 2 * block + 1);
}

fn backward<const P: u32>(isa: Isa, x: &mut [u32], roots: &[u32], block: usize) {
    if x.len() <= CACHED {
        return backward_cached::<P>(isa, x, roots, block);
    }
    let (low, high) = x.split_at_mut(x.len() / 2);
    backward::<P>(isa, low, roots, 2 * block);
    backward::<P>(isa, high, roots, 2 * block + 1);
    join::<P>(isa, low, high, roots[block]);
}

/// The factor's coefficients modulo P, transformed.
fn transformed<const P: u32>(isa: Isa, words: &[Word], len: usize, roots: &[u32]) -> Vec<u32> {
    let mut x = Vec::with_capacity(len);
    x.extend(words.iter().flat_map(|word| {
        (0..HALVES).map(move |half| {
            // Below 2^32, so at most three times P.
            let mut rest = (word >> (32 * half)) as u32;
            rest = rest.min(rest.wrapping_sub(P));
            rest.min(rest.wrapping_sub(P))
        })
    }));
    x.resize(len, 0);
    forward::<P>(isa, &mut x, roots, 0);
    x
}

/// The coefficients of the product modulo P.
fn convolve<const P: u32>(a: &[Word], b: &[Word], len: usize, generator: u32) -> Vec<u32> {
    let isa = cpu::isa();
    let roots = Field::<P>::roots(len / LEAF / 2, generator);
    let mut x = transformed::<P>(isa, a, len, &roots);
    // Undoes the levels' factor of two each, and the reduction in `leaves` that `scale` passes.
    let scale = Field::<P>::inverse(Field::<P>::from_number((len / LEAF) as u32));
    let scale = Field::<P>::mul(scale, Field::<P>::INTO);
    if a == b {
        let y = x.clone();
        leaves::<P>(isa, &mut x, &y, &roots, scale);
    } else {
        let y = transformed::<P>(isa, b, len, &roots);
        leaves::<P>(isa, &mut x, &y, &roots, scale);
    }
    let inverse_roots: Vec<u32> = inverses::<P>(&roots);
    backward::<P>(isa, &mut x, &inverse_roots, 0);
    x
}

/// The inverses of the splitting roots: conjugation reverses each power-of-two range.
fn inverses<const P: u32>(roots: &[u32]) -> Vec<u32> {
    let mut inverses = Vec::with_capacity(roots.len());
    inverses.push(roots[0]);
    let mut start = 1;
    while start < roots.len() {
        let range = &roots[start..2 * start];
        inverses.extend(range.iter().rev().map(|&root| Field::<P>::sub(0, root)));
        start *= 2;
    }
    inverses
}

const P1: u32 = 2_013_265_921;
const P2: u32 = 1_811_939_329;
const P3: u32 = 2_113_929_217;
/// A generator of the multiplicative group modulo each prime.
const GENERATORS: [u32; 3] = [31, 13, 5];

/// Mixed-radix digits: turns residues (x, y, z) into v with value = x + y P1 + z P1 P2.
#[inline(always)]
fn garner_body(x: &[u32], y: &mut [u32], z: &mut [u32]) {
    let p1_in_2 = Field::<P2>::inverse(Field::<P2>::from_number(P1));
    let p1_in_3 = Field::<P3>::inverse(Field::<P3>::from_number(P1));
    let p2_in_3 = Field::<P3>::inverse(Field::<P3>::from_number(P2));
    for ((&x, y), z) in x.iter().zip(y).zip(z) {
        let x_in_2 = x.min(x.wrapping_sub(P2));
        *y = Field::<P2>::mul(Field::<P2>::sub(*y, x_in_2), p1_in_2);
        // P1 and P2 are below P3.
        let rest = Field::<P3>::mul(Field::<P3>::sub(*z, x), p1_in_3);
        *z = Field::<P3>::mul(Field::<P3>::sub(rest, *y), p2_in_3);
    }
}

dispatch! { fn garner(x: &[u32], y: &mut [u32], z: &mut [u32]) = garner_body }

/// The words of a * b.
fn product(a: &[Word], b: &[Word]) -> Vec<Word> {
    let len = ((a.len() + b.len()) * HALVES).next_power_of_two().max(2 * LEAF);
    let modulo = |prime: usize| match prime {
        0 => convolve::<P1>(a, b, len, GENERATORS[0]),
        1 => convolve::<P2>(a, b, len, GENERATORS[1]),
        _ => convolve::<P3>(a, b, len, GENERATORS[2]),
    };
    let mut residues = [const { Vec::new() }; 3];
    if len >= PARALLEL_FROM && threads::get() > 1 {
        let parts = threads::split(3, 1, |primes| {
            primes.flatten().map(|prime| (prime, modulo(prime))).collect::<Vec<_>>()
        });
        for (prime, residue) in parts.into_iter().flatten() {
            residues[prime] = residue;
        }
    } else {
        residues = [0, 1, 2].map(modulo);
    }
    let [x, y, z] = &mut residues;
    garner(cpu::isa(), x, y, z);
    let mut carry = 0u128;
    let mut words = Vec::with_capacity(len / HALVES);
    let mut digits = x.iter().zip(&*y).zip(&*z).map(|((&x, &y), &z)| {
        let low = u64::from(x) + u64::from(y) * u64::from(P1);
        carry += u128::from(low) + u128::from(z) * (u128::from(P1) * u128::from(P2));
        let digit = carry as u32;
        carry >>= 32;
        digit
    });
    while let Some(low) = digits.next() {
        let mut word = Word::from(low);
        for half in 1..HALVES {
            word |= Word::from(digits.next().unwrap_or(0)) << (32 * half);
        }
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_generators_generate() {
        fn check<const P: u32>(generator: u32) {
            let root = Field::<P>::from_number(generator);
            // No order below the full power of two: its half power is -1.
            assert_eq!(Field::<P>::pow(root, (P - 1) / 2), Field::<P>::sub(0, Field::<P>::ONE));
        }
        check::<P1>(GENERATORS[0]);
        check::<P2>(GENERATORS[1]);
        check::<P3>(GENERATORS[2]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn agrees_with_the_library(
            a in prop::collection::vec(prop_oneof![any::<Word>(), Just(Word::MAX), Just(0)], 1..3000),
            b in prop::collection::vec(prop_oneof![any::<Word>(), Just(Word::MAX)], 1..3000),
        ) {
            let mut words = product(&a, &b);
            words.truncate(a.len() + b.len());
            prop_assert_eq!(UBig::from_words(&words), UBig::from_words(&a) * UBig::from_words(&b));
            let mut square = product(&a, &a);
            square.truncate(2 * a.len());
            prop_assert_eq!(UBig::from_words(&square), UBig::from_words(&a).sqr());
        }
    }

    #[test]
    fn the_largest_coefficients_do_not_overflow() {
        let a = vec![Word::MAX; 40_000];
        let bits = 40_000 * Word::BITS as usize;
        let square = (UBig::ONE << (2 * bits)) + UBig::ONE - (UBig::ONE << (bits + 1));
        assert_eq!(UBig::from_words(&product(&a, &a)[..80_000]), square);
    }
}
