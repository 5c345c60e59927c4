//! Pisano periods: the least k > 0 with F(k) = 0 and F(k+1) = 1 modulo m.
//!
//! Wall 1960, "Fibonacci series modulo m": the period of m is the least common multiple of those
//! of its prime powers; that of a prime p divides p - 1 if p = 1, 4 mod 5 and 2(p + 1) if p = 2, 3
//! mod 5; that of p^e divides p^(e-1) times that of p, and equals it if that of p^2 differs from that
//! of p. From such a multiple the period is found by removing prime factors while F(k) = 0 and
//! F(k+1) = 1 still hold, so no conjecture (on Wall-Sun-Sun primes) enters.

use std::ops::{Div, Rem};

use dashu_int::ops::Gcd;
use dashu_int::{IBig, UBig};

use crate::error::{Error, Result};
use crate::fibonacci::Word;
use crate::fibonacci::big_modular::Ring as BigRing;
use crate::fibonacci::factor::{factor, factor_big, gcd};
use crate::fibonacci::modular::{Power, Ring};
use crate::fibonacci::narrow;

/// The least divisor of `multiple` that `is_period`, where only divisors by `primes` are tried.
fn least<T, E>(
    mut multiple: T,
    primes: &[T],
    mut is_period: impl FnMut(&T) -> std::result::Result<bool, E>,
) -> std::result::Result<T, E>
where
    T: PartialEq + From<u8>,
    for<'a> &'a T: Div<&'a T, Output = T> + Rem<&'a T, Output = T>,
{
    for prime in primes {
        while &multiple % prime == T::from(0) {
            let smaller = &multiple / prime;
            if !is_period(&smaller)? {
                break;
            }
            multiple = smaller;
        }
    }
    Ok(multiple)
}

/// The period modulo m > 0; at most 6 m.
///
/// ```
/// use mypackage::fibonacci::pisano::period;
/// assert_eq!([1, 2, 10, 1000].map(period), [1, 3, 60, 1500]);
/// ```
pub fn period(m: u64) -> u128 {
    factor(m)
        .iter()
        .fold(1, |period, &(prime, exponent)| lcm(period, prime_power_period(prime, exponent)))
}

/// Primes below this have their periods in a table.
const SMALL: usize = 1 << 10;

/// The periods of the small primes, by walking; 0 for other numbers.
static SMALL_PERIODS: [u16; SMALL] = {
    /// (F(k-1), F(k)) after the given one, modulo m.
    const fn next((a, b): (u64, u64), m: u64) -> (u64, u64) {
        (b, (a + b) % m)
    }
    let mut periods = [0; SMALL];
    let mut n = 2;
    while n < SMALL {
        let mut divisor = 2;
        while divisor * divisor <= n && !n.is_multiple_of(divisor) {
            divisor += 1;
        }
        if divisor * divisor > n {
            let prime = n as u64;
            let (mut power, mut of_square, mut steps) = ((0, 1), (0, 1), 1);
            while power.0 != 1 || power.1 != 0 {
                (power, of_square) = (next(power, prime), next(of_square, prime * prime));
                steps += 1;
            }
            // So the period of each power of the prime is p times that of the power before.
            assert!(of_square.0 != 1 || of_square.1 != 0);
            periods[n] = steps;
        }
        n += 1;
    }
    periods
};

/// The Fibonacci numbers' ring modulo a prime.
enum Residues {
    Narrow(narrow::Modulus),
    Wide(Ring),
}

impl Residues {
    fn new(prime: u64) -> Residues {
        if prime < narrow::LIMIT {
            Residues::Narrow(narrow::Modulus::new(prime))
        } else {
            Residues::Wide(Ring::fibonacci(prime))
        }
    }

    /// Whether F(k) = 0 and F(k-1) = `value`, for each k.
    fn are_multiples_of_one<const K: usize>(&self, value: u64, k: [u64; K]) -> [bool; K] {
        match self {
            Residues::Narrow(modulus) => modulus.powers(k).map(|power| power == (value, 0)),
            Residues::Wide(ring) => ring.powers(k).map(|power| power == Power { a: value, b: 0 }),
        }
    }
}

fn prime_period(prime: u64) -> u128 {
    if prime < SMALL as u64 {
        return u128::from(SMALL_PERIODS[prime as usize]);
    }
    // Let alpha be a root of x^2 = x + 1. If 5 is a square modulo p, alpha^(p-1) = 1. Otherwise
    // alpha^(p+1), the product of both roots, is -1, so the period is twice the least k with
    // alpha^k = -1, and as alpha^(p+1) is not 1, p + 1 is an odd multiple of that k.
    if matches!(prime % 5, 1 | 4) {
        u128::from(least_divisor(prime, prime - 1, 1, 2))
    } else {
        // 2^64 - 1 is composite, so p + 1 fits.
        2 * u128::from(least_divisor(prime, prime + 1, prime - 1, 3))
    }
}

/// The least divisor k of `multiple` with F(k) = 0 and F(k-1) = `value` modulo a prime, where the
/// multiple itself is such and only primes from `first` on are removed from it.
fn least_divisor(prime: u64, multiple: u64, value: u64, first: u64) -> u64 {
    /// Quotients that are tried at once.
    const TOGETHER: usize = 4;
    let residues = Residues::new(prime);
    let mut least = multiple;
    let mut factors = factor(multiple);
    // The only prime below 3 is 2, the first.
    let skipped = usize::from(factors[0].0 < first);
    for factors in factors[skipped..].chunks_mut(TOGETHER) {
        // F(1) is not 0.
        let mut quotients = [1; TOGETHER];
        for (quotient, (factor, _)) in quotients.iter_mut().zip(&*factors) {
            *quotient = multiple / factor;
        }
        let found = residues.are_multiples_of_one(value, quotients);
        for ((found, mut quotient), (factor, exponent)) in
            found.into_iter().zip(quotients).zip(factors)
        {
            let mut removable = found;
            while removable {
                least /= *factor;
                *exponent -= 1;
                quotient /= *factor;
                removable =
                    *exponent > 0 && residues.are_multiples_of_one(value, [quotient]) == [true];
            }
        }
    }
    least
}

fn prime_power_period(prime: u64, exponent: u32) -> u128 {
    let of_prime = prime_period(prime);
    if exponent == 1 {
        return of_prime;
    }
    let wide = u128::from(prime);
    let multiple = of_prime * wide.pow(exponent - 1);
    if prime < SMALL as u64 {
        return multiple;
    }
    let ring = Ring::fibonacci(prime.pow(exponent));
    let Ok(period) =
        least(multiple, &[wide], |&k| Ok::<_, std::convert::Infallible>(ring.is_period(k)));
    period
}

/// The least common multiple; every period fits.
fn lcm(a: u128, b: u128) -> u128 {
    let common = match (u64::try_from(a), u64::try_from(b)) {
        (Ok(a), Ok(b)) => u128::from(gcd(a, b)),
        _ => {
            let (mut a, mut b) = (a, b);
            while b != 0 {
                (a, b) = (b, a % b);
            }
            a
        }
    };
    a / common * b
}

/// The period modulo each m; a negative m counts as |m|. Returns whether some m was 0; the result
/// there is 0.
///
/// ```
/// use mypackage::fibonacci::pisano::periods;
///
/// let mut out = [1; 3];
/// let divided_by_zero = periods(&[10i64, -7, 0], &mut out)?;
/// assert_eq!(out, [60, 16, 0]);
/// assert!(divided_by_zero);
/// # Ok::<(), mypackage::Error>(())
/// ```
///
/// # Errors
/// [`Error::Overflow`] naming the first m whose period does not fit.
///
/// # Panics
/// If the slices differ in length.
pub fn periods<M: Word>(m: &[M], out: &mut [M]) -> Result<bool> {
    assert_eq!(m.len(), out.len());
    let mut divided_by_zero = false;
    for (out, &m) in out.iter_mut().zip(m) {
        *out = if m.magnitude() == 0 {
            divided_by_zero = true;
            m
        } else {
            let period = period(m.magnitude());
            u64::try_from(period).ok().and_then(M::from_magnitude).ok_or_else(|| {
                Error::Overflow(format!(
                    "pisano_period({m}) is {period}, which does not fit {}; use dtype=object",
                    M::NAME
                ))
            })?
        };
    }
    Ok(divided_by_zero)
}

/// The period modulo m > 0 of any size, as long as m and its primes' neighbours can be factored.
///
/// ```
/// use dashu_int::UBig;
/// use mypackage::fibonacci::pisano::period_big;
///
/// let m = UBig::from(10u32).pow(30);
/// let period = period_big(&m, &mut || Ok::<(), ()>(()))?;
/// assert_eq!(period, UBig::from(15u32) * UBig::from(10u32).pow(29)); // as for 10^3, 10^4 ...
/// # Ok::<(), ()>(())
/// ```
///
/// # Errors
/// The error of `poll`.
pub fn period_big<E>(
    m: &UBig,
    poll: &mut dyn FnMut() -> std::result::Result<(), E>,
) -> std::result::Result<UBig, E> {
    if let Ok(word) = u64::try_from(m) {
        return Ok(UBig::from(period(word)));
    }
    let mut period = UBig::ONE;
    for (prime, exponent) in factor_big(m, poll)? {
        let of_prime = match u64::try_from(&prime) {
            Ok(prime) => UBig::from(prime_period(prime)),
            Err(_) => {
                let residue = u64::try_from(&prime % UBig::from(5u8)).unwrap_or(0);
                let (multiple, related) = if residue == 1 || residue == 4 {
                    (&prime - UBig::ONE, &prime - UBig::ONE)
                } else {
                    ((&prime + UBig::ONE) << 1, &prime + UBig::ONE)
                };
                let mut primes: Vec<UBig> =
                    factor_big(&related, poll)?.into_iter().map(|(prime, _)| prime).collect();
                primes.push(UBig::from(2u8));
                let ring = BigRing::new(&IBig::ONE, &IBig::NEG_ONE, &prime);
                least(multiple, &primes, |k| ring.is_period(k, poll))?
            }
        };
        let multiple = of_prime * prime.pow(exponent as usize - 1);
        let ring = BigRing::new(&IBig::ONE, &IBig::NEG_ONE, &prime.pow(exponent as usize));
        let of_power = least(multiple, &[prime], |k| ring.is_period(k, poll))?;
        period = &period / (&period).gcd(&of_power) * of_power;
    }
    Ok(period)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_walking(m: u64) -> u128 {
        let (mut a, mut b, mut k) = (0, 1 % m, 0);
        loop {
            (a, b) = (b, (a + b) % m);
            k += 1;
            if a == 0 && b == 1 % m {
                return k;
            }
        }
    }

    #[test]
    fn agrees_with_walking() {
        for m in 1..3000 {
            assert_eq!(period(m), by_walking(m), "{m}");
        }
    }

    #[test]
    fn primes_agree_with_walking() {
        // The ends of the table, and both kinds of primes beyond it.
        for m in [1019, 1021, 1031, 1033, 9_349, 65_537, 104_729, 1_000_003] {
            assert_eq!(period(m), by_walking(m), "{m}");
            assert_eq!(period(4 * m), by_walking(4 * m), "{m}");
        }
    }

    /// The definition of `least`, from a multiple of the period and any prime modulus.
    #[test]
    fn narrow_and_wide_primes_agree_with_the_definition() {
        for prime in [
            2_147_483_629u64,
            2_147_483_647,
            2_147_483_659,
            2_147_483_693,
            4_294_967_291,
            u64::MAX - 58,
            u64::MAX - 82,
        ] {
            let found = period(prime);
            let ring = Ring::fibonacci(prime);
            assert!(ring.is_period(found), "{prime}");
            // p - 1 and 2 (p + 1) divide it.
            let multiple = u128::from(prime) * u128::from(prime) - 1;
            assert_eq!(multiple % found, 0, "{prime}");
            for neighbour in [prime - 1, prime + 1] {
                for &(q, _) in factor(neighbour).iter() {
                    let q = u128::from(q);
                    assert!(!found.is_multiple_of(q) || !ring.is_period(found / q), "{prime} {q}");
                }
            }
        }
    }

    #[test]
    fn the_longest_periods() {
        // 6 m for m = 2 * 5^k.
        let m = 2 * 5u64.pow(26);
        assert_eq!(period(m), 6 * u128::from(m));
        let error = periods(&[1, m as i64], &mut [0, 0]).unwrap_err().to_string();
        assert!(error.starts_with("pisano_period(2980232238769531250)"), "{error}");
    }

    #[test]
    fn big_and_small_agree() {
        let m = UBig::from(1_000_000_007u64) * UBig::from(4_294_967_291u64) * UBig::from(10u8);
        let ring = BigRing::new(&IBig::ONE, &IBig::NEG_ONE, &m);
        let k = period_big::<()>(&m, &mut || Ok(())).unwrap();
        let product = [1_000_000_007, 4_294_967_291, 10].map(period).into_iter().fold(1, lcm);
        assert_eq!(k, UBig::from(product));
        assert!(ring.is_period::<()>(&k, &mut || Ok(())).unwrap());
    }
}
