//! Lucas sequences modulo 64-bit numbers, for any 64-bit index.
//!
//! U(0) = 0, U(1) = 1, V(0) = 2, V(1) = P, and both satisfy X(n) = P X(n-1) - Q X(n-2). With
//! P = 1, Q = -1 they are the Fibonacci and Lucas numbers. If alpha is a root of x^2 - P x + Q, then
//! alpha^n = a + b alpha with b = U(n) and V(n) = 2 a + P b, so everything here is a power in
//! the ring `Z/m[alpha]`: by repeated squaring (fast doubling) where each element has its own
//! modulus, and by tables of powers where many share one (Brauer 1939; Yao 1976 calls it 2^k-ary).
//!
//! Results follow Python's sign rule: they lie in [0, m) for m > 0 and in (m, 0] for m < 0.

use std::hint::{black_box, select_unpredictable};
use std::sync::OnceLock;

use crate::cpu::{self, dispatch};
use crate::error::{Error, Result};
use crate::fibonacci::Word;
pub use crate::fibonacci::member::Member;
use crate::fibonacci::modulus::{Modulus, signed};
use crate::fibonacci::{narrow, small};

/// `Z/m[alpha]` with alpha^2 = P alpha - Q.
///
/// ```
/// use mypackage::fibonacci::modular::Ring;
///
/// let pell = Ring::new(2i64, -1i64, 1000);
/// assert_eq!(pell.power(10).b, 378); // 2378
/// assert!(Ring::fibonacci(10).is_period(60));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Ring {
    modulus: Modulus,
    p: u64,
    minus_q: u64,
}

/// a + b alpha.
///
/// ```
/// use mypackage::fibonacci::modular::{Power, Ring};
///
/// assert_eq!(Ring::fibonacci(100).power(10), Power { a: 34, b: 55 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Power {
    /// For alpha^n: -Q U(n-1); for Fibonacci numbers F(n-1).
    pub a: u64,
    /// For alpha^n: U(n).
    pub b: u64,
}

impl Ring {
    /// The ring of the Fibonacci and Lucas numbers.
    ///
    /// ```
    /// use mypackage::fibonacci::modular::Ring;
    ///
    /// assert_eq!(Ring::fibonacci(1000).power(12).b, 144);
    /// ```
    ///
    /// # Panics
    /// If `m` is 0.
    #[inline]
    pub fn fibonacci(m: u64) -> Ring {
        let modulus = Modulus::new(m);
        let one = modulus.reduce(1);
        Ring { modulus, p: one, minus_q: one }
    }

    /// The ring of the Lucas sequences with parameters P and Q.
    ///
    /// ```
    /// use mypackage::fibonacci::modular::Ring;
    ///
    /// let mersenne = Ring::new(3u64, 2u64, 1000); // U(n) = 2^n - 1
    /// assert_eq!(mersenne.power(10).b, 23);
    /// ```
    ///
    /// # Panics
    /// If `m` is 0.
    pub fn new<P: Word, Q: Word>(p: P, q: Q, m: u64) -> Ring {
        let modulus = Modulus::new(m);
        let minus_q = modulus.negate(residue(&modulus, q));
        Ring { modulus, p: residue(&modulus, p), minus_q }
    }

    #[inline(always)]
    fn one(&self) -> Power {
        Power { a: self.modulus.reduce(1), b: 0 }
    }

    /// alpha^k for k < 2^[`TABLE_BITS`] and P = 1, Q = -1.
    #[inline(always)]
    fn tabulated(&self, k: u64) -> Power {
        let (here, next) = (small::FIBONACCI[k as usize], small::FIBONACCI[k as usize + 1]);
        Power { a: self.modulus.reduce(next - here), b: self.modulus.reduce(here) }
    }

    /// x^2; `FIBONACCI` promises P = 1, Q = -1.
    #[inline(always)]
    fn square<const FIBONACCI: bool>(&self, x: Power) -> Power {
        let m = &self.modulus;
        let Power { a, b } = x;
        if FIBONACCI {
            let first = m.mul_add(a, a, b, b);
            let (first, Power { a, b }) = second(x, first);
            Power { a: first, b: m.mul(b, m.add(m.add(a, a), b)) }
        } else {
            let bb = m.mul(b, b);
            Power { a: m.mul_add(a, a, self.minus_q, bb), b: m.mul_add(a, m.add(b, b), self.p, bb) }
        }
    }

    /// x alpha.
    #[inline(always)]
    fn times_alpha<const FIBONACCI: bool>(&self, x: Power) -> Power {
        let m = &self.modulus;
        let Power { a, b } = x;
        if FIBONACCI {
            Power { a: b, b: m.add(a, b) }
        } else {
            Power { a: m.mul(self.minus_q, b), b: m.add(a, m.mul(self.p, b)) }
        }
    }

    /// x^2, or x^2 alpha: the two steps of raising to a power from the exponent's top bit down.
    #[inline(always)]
    fn step<const FIBONACCI: bool>(&self, x: Power, odd: bool) -> Power {
        let even = self.square::<FIBONACCI>(x);
        let next = self.times_alpha::<FIBONACCI>(even);
        Power {
            a: select_unpredictable(odd, next.a, even.a),
            b: select_unpredictable(odd, next.b, even.b),
        }
    }

    /// alpha^n.
    ///
    /// ```
    /// use mypackage::fibonacci::modular::Ring;
    /// assert_eq!(Ring::fibonacci(1000).power(90).b, 120); // F(90) = 2880067194370816120
    /// ```
    pub fn power(&self, n: u128) -> Power {
        if self.minus_q == self.p && self.p == self.one().a {
            self.raise::<true>(n)
        } else {
            self.raise::<false>(n)
        }
    }

    #[inline(always)]
    fn raise<const FIBONACCI: bool>(&self, n: u128) -> Power {
        let bits = u128::BITS - n.leading_zeros();
        (0..bits).rev().fold(self.one(), |x, bit| self.step::<FIBONACCI>(x, n >> bit & 1 == 1))
    }

    /// alpha^k for each k in the Fibonacci numbers' ring: independent chains of multiplications hide each other's latency.
    pub(super) fn powers<const K: usize>(&self, k: [u64; K]) -> [Power; K] {
        let all = k.iter().fold(0, |all, k| all | k);
        let rest = (u64::BITS - all.leading_zeros()).saturating_sub(TABLE_BITS);
        let mut powers = k.map(|k| self.tabulated(k >> rest));
        for bit in (0..rest).rev() {
            for (power, k) in powers.iter_mut().zip(k) {
                *power = self.step::<true>(*power, k >> bit & 1 == 1);
            }
        }
        powers
    }

    /// Whether alpha^k = 1: for the Fibonacci numbers, whether F(k) = 0 and F(k+1) = 1.
    ///
    /// ```
    /// use mypackage::fibonacci::modular::Ring;
    ///
    /// let ring = Ring::fibonacci(2);
    /// assert_eq!([1, 2, 3, 6].map(|k| ring.is_period(k)), [false, false, true, true]);
    /// ```
    pub fn is_period(&self, k: u128) -> bool {
        self.power(k) == self.one()
    }

    /// U(n) or V(n) from alpha^|n|, as a residue.
    ///
    /// # Errors
    /// [`Error::Value`] for negative n if Q has no inverse.
    #[inline(always)]
    fn member<N: Word>(&self, member: Member, x: Power, n: N) -> Result<u64> {
        let m = &self.modulus;
        let value = match member {
            Member::U => x.b,
            Member::V => m.add(m.add(x.a, x.a), m.mul(self.p, x.b)),
        };
        if n.is_negative() { self.reflect(member, value, n) } else { Ok(value) }
    }

    /// The member at negative n, from the one at |n|: U(-n) = -U(n) / Q^n and V(-n) = V(n) / Q^n.
    fn reflect<N: Word>(&self, member: Member, value: u64, n: N) -> Result<u64> {
        let m = &self.modulus;
        let one = m.reduce(1);
        let q = m.negate(self.minus_q);
        let power = if self.minus_q == one {
            if n.magnitude().is_multiple_of(2) { one } else { q }
        } else {
            let inverse = m.inverse(q).ok_or_else(|| {
                Error::Value(format!(
                    "a Lucas sequence at the negative index n={n} needs Q to be invertible modulo m, \
                     but Q={q} and m={} have a common divisor",
                    m.value()
                ))
            })?;
            m.pow(inverse, n.magnitude())
        };
        let value = m.mul(value, power);
        Ok(if member == Member::U { m.negate(value) } else { value })
    }
}

/// Returns both, and keeps the compiler from vectorising the two coordinates of a ring element,
/// which is slower, since vectors have no wide multiplication.
#[inline(always)]
fn second(x: Power, first: u64) -> (u64, Power) {
    let first = black_box(first);
    (first, Power { a: black_box(x.a), b: x.b })
}

/// The residue of a word.
#[inline(always)]
fn residue<T: Word>(modulus: &Modulus, x: T) -> u64 {
    let residue = modulus.reduce(x.magnitude());
    if x.is_negative() { modulus.negate(residue) } else { residue }
}

/// The Fibonacci numbers' table begins each power with this many bits of the index.
const TABLE_BITS: u32 = 6;
/// Elements that are raised together, bit by bit: their independent chains of multiplications hide
/// each other's latency.
const GROUP: usize = 16;

/// Runs over slices; `ring(i)` is the ring of element i, modulo 1 in place of 0.
#[inline(always)]
fn each<const FIBONACCI: bool, N: Word, M: Word>(
    member: Member,
    ring: impl Fn(usize) -> Ring,
    n: &[N],
    m: &[M],
    out: &mut [M],
) -> Result<bool> {
    let mut divided_by_zero = false;
    let mut rings = [Ring::fibonacci(1); GROUP];
    let mut x = [Power { a: 0, b: 0 }; GROUP];
    for start in (0..n.len()).step_by(GROUP) {
        let group = start..n.len().min(start + GROUP);
        let (rings, x) = (&mut rings[..group.len()], &mut x[..group.len()]);
        let all = n[group.clone()].iter().fold(0, |all, n| all | n.magnitude());
        let bits = u64::BITS - all.leading_zeros();
        let rest = if FIBONACCI { bits.saturating_sub(TABLE_BITS) } else { bits };
        for (lane, index) in group.clone().enumerate() {
            rings[lane] = ring(index);
            x[lane] = if FIBONACCI {
                rings[lane].tabulated(n[index].magnitude() >> rest)
            } else {
                rings[lane].one()
            };
        }
        for bit in (0..rest).rev() {
            for ((ring, x), n) in rings.iter().zip(&mut *x).zip(&n[group.clone()]) {
                *x = ring.step::<FIBONACCI>(*x, n.magnitude() >> bit & 1 == 1);
            }
        }
        for (lane, index) in group.enumerate() {
            if m[index].bits() == 0 {
                divided_by_zero = true;
                out[index] = m[index];
            } else {
                out[index] = signed(rings[lane].member(member, x[lane], n[index])?, m[index]);
            }
        }
    }
    Ok(divided_by_zero)
}

#[inline(always)]
fn fibonacci_body<N: Word, M: Word>(
    member: Member,
    n: &[N],
    m: &[M],
    out: &mut [M],
) -> Result<bool> {
    let mut divided_by_zero = false;
    let groups = n.chunks(narrow::CHUNK).zip(m.chunks(narrow::CHUNK));
    for ((n, m), out) in groups.zip(out.chunks_mut(narrow::CHUNK)) {
        if m.iter().all(|m| (1..narrow::LIMIT).contains(&m.magnitude())) {
            narrow::each(member, n, m, out);
        } else {
            let ring = |index: usize| Ring::fibonacci(m[index].magnitude().max(1));
            divided_by_zero |= each::<true, N, M>(member, ring, n, m, out)?;
        }
    }
    Ok(divided_by_zero)
}

dispatch! {
    fn fibonacci_dispatched [N: Word, M: Word] [N, M]
        (member: Member, n: &[N], m: &[M], out: &mut [M]) -> Result<bool> = fibonacci_body
}

/// F(n) mod m ([`Member::U`]) or L(n) mod m ([`Member::V`]), element by element. Returns whether
/// some m was 0; the result there is 0.
///
/// ```
/// use mypackage::fibonacci::modular::{Member, fibonacci};
/// let mut out = [0; 3];
/// let divided_by_zero = fibonacci(Member::U, &[10i64, -10, 1 << 62], &[7i64, -7, 0], &mut out)?;
/// assert_eq!(out, [6, -6, 0]);
/// assert!(divided_by_zero);
/// # Ok::<(), mypackage::Error>(())
/// ```
///
/// # Errors
/// None in practice: -1 is invertible modulo every m.
///
/// # Panics
/// If the slices differ in length.
pub fn fibonacci<N: Word, M: Word>(
    member: Member,
    n: &[N],
    m: &[M],
    out: &mut [M],
) -> Result<bool> {
    assert!(n.len() == m.len() && n.len() == out.len());
    fibonacci_dispatched(cpu::isa(), member, n, m, out)
}

/// A word of either type: one kernel serves all sixteen mixes of four arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Either {
    negative: bool,
    bits: u64,
}

impl Either {
    const ZERO: Either = Either { negative: false, bits: 0 };

    fn of<T: Word>(x: T) -> Either {
        Either { negative: x.is_negative(), bits: x.bits() }
    }
}

impl std::fmt::Display for Either {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.negative { "-" } else { "" }, self.magnitude())
    }
}

impl Word for Either {
    const SIGNED: bool = true;
    const NAME: &'static str = "int64 or uint64";

    #[inline(always)]
    fn bits(self) -> u64 {
        self.bits
    }

    /// The sign is that of the word which these bits are converted to.
    #[inline(always)]
    fn from_bits(bits: u64) -> Either {
        Either { negative: false, bits }
    }

    #[inline(always)]
    fn from_magnitude(magnitude: u64) -> Option<Either> {
        Some(Either { negative: false, bits: magnitude })
    }

    #[inline(always)]
    fn magnitude(self) -> u64 {
        if self.negative { self.bits.wrapping_neg() } else { self.bits }
    }

    #[inline(always)]
    fn is_negative(self) -> bool {
        self.negative
    }
}

#[inline(always)]
fn lucas_body(member: Member, [p, q, n, m]: [&[Either]; 4], out: &mut [Either]) -> Result<bool> {
    let ring = |index: usize| Ring::new(p[index], q[index], m[index].magnitude().max(1));
    each::<false, Either, Either>(member, ring, n, m, out)
}

dispatch! {
    fn lucas_dispatched(member: Member, arguments: [&[Either]; 4], out: &mut [Either]) -> Result<bool>
        = lucas_body
}

/// U(n) or V(n) with parameters p and q modulo m, element by element. Returns whether some m was
/// 0; the result there is 0.
///
/// ```
/// use mypackage::fibonacci::modular::{Member, lucas_sequence};
///
/// // U(10) = 2^10 - 1 and V(10) = 2^10 + 1 for P = 3, Q = 2.
/// let (p, q, n, m) = ([3i64], [2i64], [10i64], [1_000_000i64]);
/// let mut out = [0];
/// lucas_sequence(Member::U, &p, &q, &n, &m, &mut out)?;
/// assert_eq!(out, [1023]);
/// lucas_sequence(Member::V, &p, &q, &n, &m, &mut out)?;
/// assert_eq!(out, [1025]);
/// assert!(lucas_sequence(Member::U, &p, &q, &[-1i64], &m, &mut out).is_err()); // 1/2 mod 10^6
/// # Ok::<(), mypackage::Error>(())
/// ```
///
/// # Errors
/// [`Error::Value`] for a negative n where q has no inverse modulo m.
///
/// # Panics
/// If the slices differ in length.
pub fn lucas_sequence<P: Word, Q: Word, N: Word, M: Word>(
    member: Member,
    p: &[P],
    q: &[Q],
    n: &[N],
    m: &[M],
    out: &mut [M],
) -> Result<bool> {
    let len = out.len();
    assert!(p.len() == len && q.len() == len && n.len() == len && m.len() == len);
    let isa = cpu::isa();
    let mut divided_by_zero = false;
    let mut words = [[Either::ZERO; GROUP]; 5];
    for start in (0..len).step_by(GROUP) {
        let count = GROUP.min(len - start);
        let [p_words, q_words, n_words, m_words, results] =
            words.each_mut().map(|words| &mut words[..count]);
        for lane in 0..count {
            let index = start + lane;
            p_words[lane] = Either::of(p[index]);
            q_words[lane] = Either::of(q[index]);
            n_words[lane] = Either::of(n[index]);
            m_words[lane] = Either::of(m[index]);
        }
        let arguments = [&*p_words, &*q_words, &*n_words, &*m_words];
        divided_by_zero |= lucas_dispatched(isa, member, arguments, results)?;
        for (out, result) in out[start..].iter_mut().zip(results) {
            *out = M::from_bits(result.bits);
        }
    }
    Ok(divided_by_zero)
}

/// Bits of the index that one table covers.
const WINDOW_BITS: usize = 8;
const WINDOW: usize = 1 << WINDOW_BITS;
const WINDOWS: usize = (u64::BITS as usize).div_ceil(WINDOW_BITS);

/// Multiplication by a fixed ring element c + d alpha, as the matrix it applies to (a, b); its
/// entries are scaled residues.
#[derive(Debug, Clone, Copy)]
struct Multiplier {
    /// c
    a_to_a: u64,
    /// -Q d
    b_to_a: u64,
    /// d
    a_to_b: u64,
    /// c + P d
    b_to_b: u64,
}

/// One ring for many indices: alpha^n is a product of table entries, one per byte of n.
///
/// Worth its tables (built on first use) from about a hundred indices on.
///
/// ```
/// use mypackage::fibonacci::modular::{Member, SharedRing};
///
/// let n: Vec<u64> = (0..100).collect();
/// let mut out = vec![0; 100];
/// SharedRing::fibonacci(1000).members(Member::U, &n, 1000u64, &mut out)?;
/// assert_eq!((out[10], out[90]), (55, 120));
/// # Ok::<(), mypackage::Error>(())
/// ```
#[derive(Debug)]
pub struct SharedRing {
    ring: Ring,
    tables: [OnceLock<Box<[Multiplier; WINDOW]>>; WINDOWS],
    /// Used instead for a narrow modulus.
    narrow: Option<narrow::Tables>,
}

impl SharedRing {
    /// The number of indices from which the tables pay.
    pub const PAYS_FROM: usize = 96;

    /// Prepares a ring.
    ///
    /// ```
    /// use mypackage::fibonacci::modular::{Member, Ring, SharedRing};
    ///
    /// let pell = SharedRing::new(Ring::new(2i64, -1i64, 1000));
    /// let mut out = [0; 3];
    /// pell.members(Member::U, &[1u64, 2, 10], 1000u64, &mut out)?;
    /// assert_eq!(out, [1, 2, 378]);
    /// # Ok::<(), mypackage::Error>(())
    /// ```
    pub fn new(ring: Ring) -> SharedRing {
        SharedRing { ring, tables: [const { OnceLock::new() }; WINDOWS], narrow: None }
    }

    /// Prepares the ring of the Fibonacci and Lucas numbers.
    ///
    /// ```
    /// use mypackage::fibonacci::modular::{Member, SharedRing};
    ///
    /// let mut out = [0];
    /// SharedRing::fibonacci(1_000_000_007).members(Member::U, &[10u64.pow(18)], 1_000_000_007, &mut out)?;
    /// assert_eq!(out, [209_783_453u64]);
    /// # Ok::<(), mypackage::Error>(())
    /// ```
    ///
    /// # Panics
    /// If `m` is 0.
    pub fn fibonacci(m: u64) -> SharedRing {
        let narrow = (m < narrow::LIMIT).then(|| narrow::Tables::new(m));
        SharedRing { narrow, ..SharedRing::new(Ring::fibonacci(m)) }
    }

    fn multiplier(&self, x: Power) -> Multiplier {
        let m = &self.ring.modulus;
        Multiplier {
            a_to_a: m.scale(x.a),
            b_to_a: m.scale(m.mul(self.ring.minus_q, x.b)),
            a_to_b: m.scale(x.b),
            b_to_b: m.scale(m.add(x.a, m.mul(self.ring.p, x.b))),
        }
    }

    #[inline(always)]
    fn apply(&self, x: Power, by: &Multiplier) -> Power {
        let m = &self.ring.modulus;
        let a = m.mul_add_scaled(x.a, by.a_to_a, x.b, by.b_to_a);
        let x = second(x, a);
        Power { a: x.0, b: m.mul_add_scaled(x.1.a, by.a_to_b, x.1.b, by.b_to_b) }
    }

    /// The ring element of a multiplier.
    #[inline(always)]
    fn power(&self, by: &Multiplier) -> Power {
        let m = &self.ring.modulus;
        Power { a: m.unscale(by.a_to_a), b: m.unscale(by.a_to_b) }
    }

    /// alpha^(d 2^(window WINDOW_BITS)) for every digit d.
    fn table(&self, window: usize) -> &[Multiplier; WINDOW] {
        self.tables[window].get_or_init(|| {
            let base = match window.checked_sub(1) {
                None => self.multiplier(self.ring.times_alpha::<false>(self.ring.one())),
                Some(below) => {
                    let below = self.table(below);
                    self.multiplier(self.apply(self.power(&below[WINDOW - 1]), &below[1]))
                }
            };
            let mut x = self.ring.one();
            Box::new(std::array::from_fn(|digit| {
                if digit > 0 {
                    x = self.apply(x, &base);
                }
                self.multiplier(x)
            }))
        })
    }

    /// U(n) or V(n) for each n, for the modulus `m` that the ring was made with (its sign decides
    /// the result's).
    ///
    /// ```
    /// use mypackage::fibonacci::modular::{Member, SharedRing};
    ///
    /// let mut out = [0; 3];
    /// SharedRing::fibonacci(7).members(Member::U, &[10i64, -10, 0], -7i64, &mut out)?;
    /// assert_eq!(out, [-1, -6, 0]); // 55 and -55, with the modulus's sign
    /// # Ok::<(), mypackage::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Value`] for a negative n where Q has no inverse.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn members<N: Word, M: Word>(
        &self,
        member: Member,
        n: &[N],
        m: M,
        out: &mut [M],
    ) -> Result<()> {
        assert_eq!(n.len(), out.len());
        shared_dispatched(cpu::isa(), self, member, n, m, out)
    }
}

#[inline(always)]
fn shared_body<N: Word, M: Word>(
    shared: &SharedRing,
    member: Member,
    n: &[N],
    m: M,
    out: &mut [M],
) -> Result<()> {
    if let Some(tables) = &shared.narrow {
        for (n, out) in n.chunks(narrow::CHUNK).zip(out.chunks_mut(narrow::CHUNK)) {
            tables.members(member, n, m, out);
        }
        return Ok(());
    }
    let mut x = [shared.ring.one(); GROUP];
    for (n, out) in n.chunks(GROUP).zip(out.chunks_mut(GROUP)) {
        let x = &mut x[..n.len()];
        let table = shared.table(0);
        let mut all = 0;
        for (x, n) in x.iter_mut().zip(n) {
            let n = n.magnitude();
            all |= n;
            *x = shared.power(&table[n as usize % WINDOW]);
        }
        for window in 1..WINDOWS {
            let position = window * WINDOW_BITS;
            if all >> position == 0 {
                break;
            }
            let table = shared.table(window);
            for (x, n) in x.iter_mut().zip(n) {
                *x = shared.apply(*x, &table[(n.magnitude() >> position) as usize % WINDOW]);
            }
        }
        for ((out, &x), &n) in out.iter_mut().zip(&*x).zip(n) {
            *out = signed(shared.ring.member(member, x, n)?, m);
        }
    }
    Ok(())
}

dispatch! {
    fn shared_dispatched [N: Word, M: Word] [N, M]
        (shared: &SharedRing, member: Member, n: &[N], m: M, out: &mut [M]) -> Result<()> = shared_body
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// U(n) and V(n) by the recurrence, in 128 bits.
    fn by_recurrence(p: i64, q: i64, n: u32, m: i64) -> (i64, i64) {
        let wide = i128::from(m);
        let (p, q) = (i128::from(p), i128::from(q));
        let mut u = (0, 1);
        let mut v = (2, p % wide);
        for _ in 0..n {
            u = (u.1, (p % wide * u.1 - q % wide * u.0) % wide);
            v = (v.1, (p % wide * v.1 - q % wide * v.0) % wide);
        }
        let python = |x: i128| {
            let r = x.rem_euclid(wide.abs());
            (if m < 0 && r != 0 { r + wide } else { r }) as i64
        };
        (python(u.0), python(v.0))
    }

    proptest! {
        #[test]
        fn agrees_with_the_recurrence(
            p in -9i64..9, q: i64, n in 0u32..600, m: i64, narrow in 0u32..63,
        ) {
            let m = m >> narrow;
            prop_assume!(m != 0 && m != i64::MIN);
            let (u, v) = by_recurrence(p, q, n, m);
            for (member, expected) in [(Member::U, u), (Member::V, v)] {
                let mut out = [0];
                lucas_sequence(member, &[p], &[q], &[u64::from(n)], &[m], &mut out).unwrap();
                prop_assert_eq!(out[0], expected);
                let shared = SharedRing::new(Ring::new(p, q, m.unsigned_abs()));
                shared.members(member, &[i64::from(n)], m, &mut out).unwrap();
                prop_assert_eq!(out[0], expected);
            }
            let (f, l) = by_recurrence(1, -1, n, m);
            for (member, expected) in [(Member::U, f), (Member::V, l)] {
                let mut out = [0];
                fibonacci(member, &[u64::from(n)], &[m], &mut out).unwrap();
                prop_assert_eq!(out[0], expected);
            }
        }

        #[test]
        fn tables_and_doubling_agree(n: i64, m in 1u64.., narrow in 0u32..64) {
            let m = (m >> narrow).max(1);
            let shared = SharedRing::fibonacci(m);
            for member in [Member::U, Member::V] {
                let (mut one, mut other) = ([0], [0]);
                fibonacci(member, &[n], &[m], &mut one).unwrap();
                shared.members(member, &[n], m, &mut other).unwrap();
                prop_assert_eq!(one, other);
            }
        }
    }

    #[test]
    fn a_negative_index_needs_an_invertible_q() {
        let mut out = [0];
        let error =
            lucas_sequence(Member::U, &[3i64], &[2i64], &[-1i64], &[6i64], &mut out).unwrap_err();
        assert!(error.to_string().contains("Q=2 and m=6"), "{error}");
        lucas_sequence(Member::U, &[3i64], &[2i64], &[-1i64], &[5i64], &mut out).unwrap();
        assert_eq!(out, [2]); // U(-1) = -1/2 = -3 mod 5
    }
}
