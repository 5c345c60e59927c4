//! Lucas sequences modulo numbers of any size: [`modular`](super::modular) without its 64 bits.

use dashu_int::fast_div::ConstDivisor;
use dashu_int::modular::Reduced;
use dashu_int::ops::BitTest;
use dashu_int::{IBig, Sign, UBig};

use crate::error::Error;
use crate::fibonacci::member::Member;

/// `Z/m[alpha]` with alpha^2 = P alpha - Q.
///
/// ```
/// use mypackage::fibonacci::big_modular::Ring;
///
/// let fibonacci = Ring::new(&1.into(), &(-1).into(), &10u32.into());
/// assert_eq!(fibonacci.is_period(&60u32.into(), &mut || Ok::<(), ()>(())), Ok(true));
/// ```
#[derive(Debug)]
pub struct Ring {
    divisor: ConstDivisor,
    p: UBig,
    q: UBig,
}

impl Ring {
    /// The ring with parameters P and Q modulo m.
    ///
    /// ```
    /// use mypackage::fibonacci::big_modular::Ring;
    ///
    /// let pell = Ring::new(&2.into(), &(-1).into(), &7u32.into());
    /// assert_eq!(pell.is_period(&6u32.into(), &mut || Ok::<(), ()>(())), Ok(true));
    /// ```
    ///
    /// # Panics
    /// If `m` is 0.
    pub fn new(p: &IBig, q: &IBig, m: &UBig) -> Ring {
        let divisor = ConstDivisor::new(m.clone());
        let residue = |x: &IBig| divisor.reduce(x.clone()).residue();
        Ring { p: residue(p), q: residue(q), divisor }
    }

    /// (a, b) with alpha^n = a + b alpha.
    fn power<E>(
        &self,
        n: &UBig,
        poll: &mut dyn FnMut() -> Result<(), E>,
    ) -> Result<(Reduced<'_>, Reduced<'_>), E> {
        let (p, q) = (self.divisor.reduce(self.p.clone()), self.divisor.reduce(self.q.clone()));
        let (mut a, mut b) = (self.divisor.reduce(1), self.divisor.reduce(0));
        for bit in (0..n.bit_len()).rev() {
            poll()?;
            let square = b.sqr();
            let middle = (&a * &b).dbl() + &p * &square;
            a = a.sqr() - &q * square;
            b = middle;
            if n.bit(bit) {
                let next = &a + &p * &b;
                a = -(&q * &b);
                b = next;
            }
        }
        Ok((a, b))
    }

    /// Whether alpha^k = 1: for P = 1, Q = -1, whether F(k) = 0 and F(k+1) = 1.
    ///
    /// ```
    /// use mypackage::fibonacci::big_modular::Ring;
    ///
    /// let fibonacci = Ring::new(&1.into(), &(-1).into(), &2u32.into());
    /// let poll = &mut || Ok::<(), ()>(());
    /// let found = [1u32, 2, 3].map(|k| fibonacci.is_period(&k.into(), poll));
    /// assert_eq!(found, [Ok(false), Ok(false), Ok(true)]);
    /// ```
    ///
    /// # Errors
    /// The error of `poll`.
    pub fn is_period<E>(
        &self,
        k: &UBig,
        poll: &mut dyn FnMut() -> Result<(), E>,
    ) -> Result<bool, E> {
        let (a, b) = self.power(k, poll)?;
        Ok(a == self.divisor.reduce(1) && b == self.divisor.reduce(0))
    }
}

/// U(n) or V(n) with parameters p and q modulo m, with Python's sign rule.
///
/// ```
/// use mypackage::fibonacci::{big_modular, modular::Member};
/// let [p, q, n, m] = [1, -1, 100, 1_000_000].map(Into::into);
/// let f = big_modular::member(Member::U, &p, &q, &n, &m, &mut || Ok::<_, mypackage::Error>(()))??;
/// assert_eq!(f, 915_075.into()); // F(100) = 354224848179261915075
/// # Ok::<(), mypackage::Error>(())
/// ```
///
/// # Errors
/// The error of `poll`; within, [`Error::Value`] for a negative n where q has no inverse modulo m.
///
/// # Panics
/// If `m` is 0.
pub fn member<E>(
    member: Member,
    p: &IBig,
    q: &IBig,
    n: &IBig,
    m: &IBig,
    poll: &mut dyn FnMut() -> Result<(), E>,
) -> Result<crate::Result<IBig>, E> {
    let (sign, modulus) = m.clone().into_parts();
    let ring = Ring::new(p, q, &modulus);
    let (direction, distance) = n.clone().into_parts();
    let (a, b) = ring.power(&distance, poll)?;
    let mut value = match member {
        Member::U => b,
        Member::V => a.dbl() + ring.divisor.reduce(ring.p.clone()) * b,
    };
    if direction == Sign::Negative {
        // U(-n) = -U(n) / Q^n and V(-n) = V(n) / Q^n.
        let Some(inverse) = ring.divisor.reduce(ring.q.clone()).inv() else {
            return Ok(Err(Error::Value(format!(
                "a Lucas sequence at the negative index n={n} needs Q to be invertible modulo m, but \
                 Q={q} and m={m} have a common divisor"
            ))));
        };
        value *= inverse.pow(&distance);
        if member == Member::U {
            value = -value;
        }
    }
    let residue = IBig::from(value.residue());
    let below = sign == Sign::Negative && residue != IBig::ZERO;
    Ok(Ok(if below { residue + m } else { residue }))
}
