//! Pisano periods: the least k > 0 with F(k) = 0 and F(k+1) = 1 modulo m.
//!
//! Wall 1960, "Fibonacci series modulo m": the period of m is the least common multiple of those
//! of its prime powers; that of a prime p divides p - 1 if p = 1, 4 mod 5 and 2(p + 1) if p = 2, 3
//! mod 5; that of p^e divides p^(e-1) times that of p. From such a multiple the period is
//! found by removing prime factors while F(k) = 0 and F(k+1) = 1 still hold, so no conjecture (on
//! Wall-Sun-Sun primes) enters.

use std::ops::{Div, Rem};

use dashu_int::ops::Gcd;
use dashu_int::{IBig, UBig};

use crate::error::{Error, Result};
use crate::fibonacci::Word;
use crate::fibonacci::big_modular::Ring as BigRing;
use crate::fibonacci::factor::{SMALL_PRIMES, factor, factor_big};
use crate::fibonacci::modular::Ring;

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
    factor(m).into_iter().fold(1, |period, (prime, exponent)| {
        let of_power = prime_power_period(prime, exponent);
        period / gcd(period, of_power) * of_power
    })
}

/// The periods of the small primes, by walking.
static SMALL_PERIODS: [u16; SMALL_PRIMES.len()] = {
    let mut periods = [0; SMALL_PRIMES.len()];
    let mut index = 0;
    while index < periods.len() {
        let (mut a, mut b, mut steps) = (1, 1, 1);
        while a != 0 || b != 1 {
            (a, b) = (b, (a + b) % SMALL_PRIMES[index]);
            steps += 1;
        }
        periods[index] = steps;
        index += 1;
    }
    periods
};

fn prime_period(prime: u64) -> u128 {
    if let Ok(index) = SMALL_PRIMES.binary_search(&prime) {
        return u128::from(SMALL_PERIODS[index]);
    }
    let wide = u128::from(prime);
    // 5 is among the small primes; prime + 1 exceeds 64 bits for none, as 2^64 - 1 is composite.
    let (multiple, related) = if matches!(prime % 5, 1 | 4) {
        (wide - 1, prime - 1)
    } else {
        (2 * (wide + 1), prime + 1)
    };
    let mut primes: Vec<u128> =
        factor(related).into_iter().map(|(prime, _)| u128::from(prime)).collect();
    primes.push(2);
    least_period(multiple, &primes, prime)
}

/// The least divisor of `multiple` that is a period modulo m.
fn least_period(multiple: u128, primes: &[u128], m: u64) -> u128 {
    let ring = Ring::fibonacci(m);
    let Ok(period) =
        least(multiple, primes, |&k| Ok::<_, std::convert::Infallible>(ring.is_period(k)));
    period
}

fn prime_power_period(prime: u64, exponent: u32) -> u128 {
    let of_prime = prime_period(prime);
    if exponent == 1 {
        return of_prime;
    }
    let wide = u128::from(prime);
    least_period(of_prime * wide.pow(exponent - 1), &[wide], prime.pow(exponent))
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
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
/// What `poll` returns.
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
        let product = [1_000_000_007, 4_294_967_291, 10]
            .map(period)
            .into_iter()
            .fold(1, |a, b| a / gcd(a, b) * b);
        assert_eq!(k, UBig::from(product));
        assert!(ring.is_period::<()>(&k, &mut || Ok(())).unwrap());
    }
}
