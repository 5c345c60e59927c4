//! Prime factors, as far as the periods need them.
//!
//! Trial division, then the Miller-Rabin test and Pollard's rho in Brent's form (Brent 1980, "An
//! improved Monte Carlo factorization algorithm"). Crates that do this bring a big-integer library
//! of their own; on top of [`Modulus`] it is a page.

use dashu_int::fast_div::ConstDivisor;
use dashu_int::ops::Gcd;
use dashu_int::{UBig, modular::Reduced};

use crate::fibonacci::modulus::Modulus;

pub(super) const SMALL_PRIMES: [u64; 54] = [
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193,
    197, 199, 211, 223, 227, 229, 233, 239, 241, 251,
];
/// What is below this and has no small prime factor is prime: 257 is the next prime.
const TRIAL_LIMIT: u64 = 257 * 257;

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
/// assert_eq!(factors, [(2, 3), (5, 3), (71, 1), (839, 1), (1471, 1), (6857, 1)]);
/// ```
pub fn factor(mut n: u64) -> Vec<(u64, u32)> {
    let mut factors = Vec::new();
    for prime in SMALL_PRIMES {
        if prime * prime > n {
            break;
        }
        while n.is_multiple_of(prime) {
            count(&mut factors, prime);
            n /= prime;
        }
    }
    let mut composites = vec![n];
    while let Some(n) = composites.pop() {
        if n == 1 {
        } else if is_prime(n) {
            count(&mut factors, n);
        } else {
            let divisor = divisor(n);
            composites.extend([divisor, n / divisor]);
        }
    }
    factors
}

/// Whether n, free of small prime factors or itself one, is prime.
fn is_prime(n: u64) -> bool {
    if n < TRIAL_LIMIT {
        return true;
    }
    let modulus = Modulus::new(n);
    let (twos, odd) = ((n - 1).trailing_zeros(), (n - 1) >> (n - 1).trailing_zeros());
    // No composite below 2^32 passes the three bases (Jaeschke 1993), none below 2^64 the seven
    // (Jim Sinclair).
    let bases: &[u64] = if n < 1 << 32 {
        &[2, 7, 61]
    } else {
        &[2, 325, 9375, 28178, 450_775, 9_780_504, 1_795_265_022]
    };
    bases.iter().all(|&base| {
        let base = modulus.reduce(base);
        let mut x = modulus.pow(base, odd);
        if base == 0 || x == 1 || x == n - 1 {
            return true;
        }
        (1..twos).any(|_| {
            x = modulus.mul(x, x);
            x == n - 1
        })
    })
}

/// A proper divisor of a composite n.
fn divisor(n: u64) -> u64 {
    /// Differences multiplied together before a common divisor is looked for.
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
                    // Several factors at once: look again, one step at a time.
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

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
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
/// What `poll` returns.
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
            for (prime, exponent) in factor(word) {
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

/// Miller-Rabin with the small primes as bases: no composite is known to pass, and a period computed
/// from one would fail its own check.
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
            for (p, _) in factors {
                prop_assert!((2..1000u64).take_while(|d| d * d <= p).all(|d| p % d != 0));
                prop_assert!(p < TRIAL_LIMIT || is_prime(p));
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
            assert_eq!(factors, expected);
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
