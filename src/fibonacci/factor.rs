//! Prime factors, as far as the periods need them.
//!
//! A table of least factors, trial division, then the Miller-Rabin test and Pollard's rho in Brent's form (Brent 1980, "An
//! improved Monte Carlo factorization algorithm"). Crates that do this bring a big-integer library
//! of their own; on top of [`Modulus`] it is a page.

use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;

use dashu_int::fast_div::ConstDivisor;
use dashu_int::ops::Gcd;
use dashu_int::{UBig, modular::Reduced};

use crate::fibonacci::modulus::Modulus;

const SMALL_PRIMES: [u64; 54] = [
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193,
    197, 199, 211, 223, 227, 229, 233, 239, 241, 251,
];
/// For each odd small prime its inverse modulo 2^64 and the largest quotient by it: n is a multiple
/// if and only if n times the inverse is no larger (Granlund and Montgomery 1994).
static ODD_DIVISORS: [(u64, u64); SMALL_PRIMES.len() - 1] = {
    let mut divisors = [(0, 0); SMALL_PRIMES.len() - 1];
    let mut index = 0;
    while index < divisors.len() {
        let prime = SMALL_PRIMES[index + 1];
        // Newton's iteration doubles the three bits that an odd number has in common with its
        // inverse, to 96.
        let mut inverse = prime;
        let mut doublings = 0;
        while doublings < 5 {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(prime.wrapping_mul(inverse)));
            doublings += 1;
        }
        divisors[index] = (inverse, u64::MAX / prime);
        index += 1;
    }
    divisors
};

/// Numbers below this are factored by a table.
const TABLE_LIMIT: usize = 1 << 20;

/// The least prime factors of 1, 3, 5, ... below [`TABLE_LIMIT`]; 0 for primes and 1.
static LEAST_FACTORS: LazyLock<Box<[u16]>> = LazyLock::new(|| {
    let mut least = vec![0; TABLE_LIMIT / 2].into_boxed_slice();
    for divisor in (3..1 << 10).step_by(2) {
        if least[divisor / 2] == 0 {
            for multiple in (divisor * divisor..TABLE_LIMIT).step_by(2 * divisor) {
                if least[multiple / 2] == 0 {
                    least[multiple / 2] = divisor as u16;
                }
            }
        }
    }
    least
});

/// The prime factors of a 64-bit number with their exponents: a slice of its own.
///
/// ```
/// let factors = mypackage::fibonacci::factor::factor(1 << 40);
/// assert_eq!(*factors, [(2, 40)]);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Factors {
    /// The product of the first 16 primes exceeds 64 bits.
    factors: [(u64, u32); 15],
    len: usize,
}

impl Factors {
    fn count(&mut self, prime: u64) {
        match self.iter_mut().find(|(known, _)| *known == prime) {
            Some((_, exponent)) => *exponent += 1,
            None => {
                self.factors[self.len] = (prime, 1);
                self.len += 1;
            }
        }
    }

    /// Counts the prime factors of an odd n.
    fn count_factors(&mut self, mut n: u64) {
        if n < TABLE_LIMIT as u64 {
            let least = &**LEAST_FACTORS;
            loop {
                match u32::from(least[n as usize / 2]) {
                    0 => break,
                    prime => {
                        self.count(u64::from(prime));
                        n = u64::from(n as u32 / prime);
                    }
                }
            }
            if n > 1 {
                self.count(n);
            }
        } else if is_prime(n) {
            self.count(n);
        } else {
            let divisor = divisor(n);
            self.count_factors(divisor);
            self.count_factors(n / divisor);
        }
    }
}

impl Deref for Factors {
    type Target = [(u64, u32)];

    fn deref(&self) -> &Self::Target {
        &self.factors[..self.len]
    }
}

impl DerefMut for Factors {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.factors[..self.len]
    }
}

/// Adds a prime to a factorisation.
fn count<T: PartialEq>(factors: &mut Vec<(T, u32)>, prime: T) {
    match factors.iter_mut().find(|(known, _)| *known == prime) {
        Some((_, exponent)) => *exponent += 1,
        None => factors.push((prime, 1)),
    }
}

/// The prime factors of n > 0 with their exponents.
///
/// ```
/// use mypackage::fibonacci::factor::factor;
/// let mut factors = factor(600_851_475_143_000);
/// factors.sort();
/// assert_eq!(*factors, [(2, 3), (5, 3), (71, 1), (839, 1), (1471, 1), (6857, 1)]);
/// ```
pub fn factor(n: u64) -> Factors {
    let mut factors = Factors::default();
    let twos = n.trailing_zeros();
    if twos > 0 {
        (factors.factors[0], factors.len) = ((2, twos), 1);
    }
    let mut n = n >> twos;
    if n >= TABLE_LIMIT as u64 {
        for (&(inverse, largest), prime) in ODD_DIVISORS.iter().zip(&SMALL_PRIMES[1..]) {
            let mut quotient = n.wrapping_mul(inverse);
            while quotient <= largest {
                factors.count(*prime);
                n = quotient;
                quotient = n.wrapping_mul(inverse);
            }
        }
    }
    factors.count_factors(n);
    factors
}

/// Whether an odd n from [`TABLE_LIMIT`] on is prime (Miller 1976, Rabin 1980).
fn is_prime(n: u64) -> bool {
    let modulus = Modulus::new(n);
    // Base 2 finds nearly every composite. No other passes the three bases below 2^32 (Jaeschke
    // 1993), nor the seven below 2^64 (Jim Sinclair).
    is_strong_probable_prime(&modulus, [2])
        && if n < 1 << 32 {
            is_strong_probable_prime(&modulus, [7, 61])
        } else {
            is_strong_probable_prime(
                &modulus,
                [325, 9375, 28178, 450_775, 9_780_504, 1_795_265_022],
            )
        }
}

/// Whether odd n passes the test with all bases, whose independent chains of multiplications hide
/// each other's latency.
fn is_strong_probable_prime<const BASES: usize>(modulus: &Modulus, bases: [u64; BASES]) -> bool {
    let below = modulus.value() - 1;
    let (twos, odd) = (below.trailing_zeros(), below >> below.trailing_zeros());
    let bases = bases.map(|base| modulus.reduce(base));
    let mut x = bases;
    for bit in (0..odd.ilog2()).rev() {
        for (x, base) in x.iter_mut().zip(bases) {
            *x = modulus.mul(*x, *x);
            if odd >> bit & 1 == 1 {
                *x = modulus.mul(*x, base);
            }
        }
    }
    x.into_iter().zip(bases).all(|(mut x, base)| {
        base == 0
            || x == 1
            || x == below
            || (1..twos).any(|_| {
                x = modulus.mul(x, x);
                x == below
            })
    })
}

/// A proper divisor of a composite n.
fn divisor(n: u64) -> u64 {
    /// Differences multiplied together before each computation of a gcd.
    const BATCH: u32 = 128;
    let modulus = Modulus::new(n);
    for increment in 1.. {
        let next = |x| modulus.add(modulus.mul(x, x), increment);
        let (mut y, mut product, mut length) = (2, 1, 1);
        let (mut anchor, mut batch_start);
        let found = 'search: loop {
            anchor = y;
            (0..length).for_each(|_| y = next(y));
            let mut done = 0;
            while done < length {
                batch_start = y;
                let batch = BATCH.min(length - done);
                for _ in 0..batch {
                    y = next(y);
                    product = modulus.mul(product, anchor.abs_diff(y));
                }
                let common = gcd(product, n);
                if common == n {
                    // Several factors were found at once: repeat one step at a time.
                    let mut y = batch_start;
                    break 'search (0..batch)
                        .map(|_| {
                            y = next(y);
                            gcd(anchor.abs_diff(y), n)
                        })
                        .find(|&common| common > 1)
                        .unwrap_or(n);
                } else if common > 1 {
                    break 'search common;
                }
                done += batch;
            }
            length *= 2;
        };
        if found < n {
            return found;
        }
    }
    unreachable!("some polynomial splits every composite number")
}

/// The greatest common divisor (Stein 1967).
pub(super) fn gcd(mut a: u64, mut b: u64) -> u64 {
    if a == 0 || b == 0 {
        return a | b;
    }
    let twos = (a | b).trailing_zeros();
    a >>= a.trailing_zeros();
    while b != 0 {
        b >>= b.trailing_zeros();
        (a, b) = (a.min(b), a.abs_diff(b));
    }
    a << twos
}

/// The prime factors of n > 0 of any size with their exponents. How long it takes depends on the
/// second largest prime factor; beyond about 20 digits that is very long, hence `poll`.
///
/// ```
/// use dashu_int::UBig;
/// use mypackage::fibonacci::factor::factor_big;
///
/// let mersenne = (UBig::ONE << 67) - UBig::ONE;
/// let mut factors = factor_big(&mersenne, &mut || Ok::<(), ()>(()))?;
/// factors.sort();
/// assert_eq!(factors, [(193_707_721u64.into(), 1), (761_838_257_287u64.into(), 1)]);
/// # Ok::<(), ()>(())
/// ```
///
/// # Errors
/// The error of `poll`.
pub fn factor_big<E>(
    n: &UBig,
    poll: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Vec<(UBig, u32)>, E> {
    let mut factors = Vec::new();
    let mut rest = n.clone();
    for prime in SMALL_PRIMES.map(UBig::from) {
        while (&rest % &prime) == UBig::ZERO {
            rest /= &prime;
            count(&mut factors, prime.clone());
        }
    }
    let mut composites = vec![rest];
    while let Some(n) = composites.pop() {
        if let Ok(word) = u64::try_from(&n) {
            for &(prime, exponent) in factor(word).iter() {
                (0..exponent).for_each(|_| count(&mut factors, UBig::from(prime)));
            }
        } else if is_prime_big(&n, poll)? {
            count(&mut factors, n);
        } else {
            let divisor = divisor_big(&n, poll)?;
            composites.push(n / &divisor);
            composites.push(divisor);
        }
    }
    Ok(factors)
}

/// Miller-Rabin with the small primes as bases: no composite is known to pass, and a period
/// computed from one would not pass its final check.
fn is_prime_big<E>(n: &UBig, poll: &mut dyn FnMut() -> Result<(), E>) -> Result<bool, E> {
    let ring = ConstDivisor::new(n.clone());
    let below = n - UBig::ONE;
    let twos = below.trailing_zeros().unwrap_or(0);
    let (odd, minus_one) = (&below >> twos, ring.reduce(below));
    for base in SMALL_PRIMES {
        poll()?;
        let mut x = ring.reduce(base).pow(&odd);
        if x == ring.reduce(1) || x == minus_one {
            continue;
        }
        let passes = (1..twos).any(|_| {
            x = x.sqr();
            x == minus_one
        });
        if !passes {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The iteration of Pollard's rho.
fn following<'a>(x: &Reduced<'a>, increment: &Reduced<'a>) -> Reduced<'a> {
    x.sqr() + increment
}

/// A proper divisor of a composite n.
fn divisor_big<E>(n: &UBig, poll: &mut dyn FnMut() -> Result<(), E>) -> Result<UBig, E> {
    let ring = ConstDivisor::new(n.clone());
    for increment in 1u32.. {
        let increment = ring.reduce(increment);
        let (mut slow, mut fast) = (ring.reduce(2), ring.reduce(2));
        loop {
            let start = (slow.clone(), fast.clone());
            let mut product = ring.reduce(1);
            for _ in 0..128 {
                slow = following(&slow, &increment);
                fast = following(&following(&fast, &increment), &increment);
                product *= &slow - &fast;
            }
            poll()?;
            let mut common = product.residue().gcd(n);
            if common == *n {
                (slow, fast) = start;
                common = UBig::ONE;
                while common == UBig::ONE {
                    slow = following(&slow, &increment);
                    fast = following(&following(&fast, &increment), &increment);
                    common = (&slow - &fast).residue().gcd(n);
                }
                if common == *n {
                    break;
                }
            }
            if common > UBig::ONE {
                return Ok(common);
            }
        }
    }
    unreachable!("some polynomial splits every composite number")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn factors_multiply_back_and_are_prime(n in 1u64.., narrow in 0u32..64) {
            let n = (n >> narrow).max(1);
            let factors = factor(n);
            prop_assert_eq!(factors.iter().map(|&(p, e)| p.pow(e)).product::<u64>(), n);
            for &(p, _) in factors.iter() {
                prop_assert!((2..2000u64).take_while(|d| d * d <= p).all(|d| p % d != 0));
                prop_assert!(p < 2000 * 2000 || is_prime(p));
            }
        }
    }

    #[test]
    fn hard_cases() {
        // Squares of primes, Carmichael numbers, strong pseudoprimes, the largest semiprimes.
        for (n, expected) in [
            (4_294_967_291 * 4_294_967_291, vec![(4_294_967_291, 2)]),
            (3_215_031_751, vec![(151, 1), (751, 1), (28_351, 1)]),
            (4_294_967_291 * 4_294_967_279, vec![(4_294_967_279, 1), (4_294_967_291, 1)]),
            (u64::MAX - 58, vec![(u64::MAX - 58, 1)]),
            (257 * 257, vec![(257, 2)]),
        ] {
            let mut factors = factor(n);
            factors.sort_unstable();
            assert_eq!(*factors, expected);
        }
    }

    #[test]
    fn greatest_common_divisors() {
        for a in 0..200 {
            for b in 0..200 {
                let common = (1..=a.max(b)).rev().find(|d| a % d == 0 && b % d == 0);
                assert_eq!(gcd(a, b), common.unwrap_or(0));
            }
        }
    }

    #[test]
    fn the_ends_of_the_table() {
        for n in (1..2000).chain(TABLE_LIMIT as u64 - 2000..TABLE_LIMIT as u64 + 2000) {
            let mut rest = n;
            for &(p, exponent) in factor(n).iter() {
                assert!((2..p).take_while(|d| d * d <= p).all(|d| p % d != 0), "{n}");
                rest /= p.pow(exponent);
            }
            assert_eq!(rest, 1, "{n}");
        }
    }

    #[test]
    fn big_numbers_too() {
        let n = UBig::from(1_000_000_007u64)
            * UBig::from(1_000_000_009u64)
            * UBig::from(998_244_353u64)
            * UBig::from(1_000_000_007u64)
            * UBig::from(12u8);
        let mut factors = factor_big::<()>(&n, &mut || Ok(())).unwrap();
        factors.sort();
        let expected = [(2, 2), (3, 1), (998_244_353, 1), (1_000_000_007, 2), (1_000_000_009, 1)];
        assert_eq!(factors, expected.map(|(p, e): (u64, u32)| (UBig::from(p), e)));
    }
}
