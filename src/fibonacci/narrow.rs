//! Fibonacci and Lucas numbers modulo m < 2^31, in vectors.
//!
//! Products of such residues fit 64 bits and need only 32-bit multiplications, which vector units
//! have. So all elements of a group take each step together, in plain loops over arrays, and one
//! element costs a tenth of what it does in [`modular`](super::modular), whose definitions these
//! are.

use std::sync::OnceLock;

use crate::fibonacci::Word;
use crate::fibonacci::member::{Member, is_negated};
use crate::fibonacci::modulus::signed;
use crate::fibonacci::small::FIBONACCI;

/// Moduli below this are narrow.
pub(super) const LIMIT: u64 = 1 << 31;
/// Elements that take each step together.
pub(super) const CHUNK: usize = 64;

/// The product of numbers below 2^32.
#[inline(always)]
fn product(a: u64, b: u64) -> u64 {
    // The masks say that the upper halves are zero.
    (a & 0xffff_ffff) * (b & 0xffff_ffff)
}

/// A narrow modulus with its reciprocal (Barrett 1986).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Modulus {
    value: u64,
    /// The modulus is `value << shift` in the reduction, so that its size is known.
    shift: u32,
    /// `value << shift`, from 2^30 to 2^31.
    divisor: u64,
    /// floor(2^61 / divisor), from 2^30 to 2^31.
    reciprocal: u64,
}

impl Modulus {
    pub(super) fn new(value: u64) -> Modulus {
        let shift = value.leading_zeros() - 33;
        let divisor = value << shift;
        Modulus { value, shift, divisor, reciprocal: (1 << 61) / divisor }
    }

    /// x mod the divisor, over the shift, for x < 2^31 divisor.
    #[inline(always)]
    fn reduce(&self, x: u64) -> u64 {
        // Too small by at most 3, as each of the three roundings loses less than 2, 1 and 1.
        let quotient = product(x >> 30, self.reciprocal) >> 31;
        let rest = x - product(quotient, self.divisor);
        let rest = rest.min(rest.wrapping_sub(2 * self.divisor));
        rest.min(rest.wrapping_sub(self.divisor)) >> self.shift
    }

    /// a * b + c * d mod m, for residues.
    #[inline(always)]
    fn mul_add(&self, a: u64, b: u64, c: u64, d: u64) -> u64 {
        let sum = product(a, b << self.shift) + product(c, d << self.shift);
        self.reduce(sum.min(sum.wrapping_sub(self.divisor << 31)))
    }

    /// a * b mod m, for residues.
    #[inline(always)]
    fn mul(&self, a: u64, b: u64) -> u64 {
        self.reduce(product(a, b << self.shift))
    }

    /// a + b mod m, for residues.
    #[inline(always)]
    fn add(&self, a: u64, b: u64) -> u64 {
        let sum = a + b;
        sum.min(sum.wrapping_sub(self.value))
    }

    /// (F(2k-1), F(2k)) or, if `odd`, (F(2k), F(2k+1)), from (F(k-1), F(k)).
    #[inline(always)]
    fn step(&self, (below, here): (u64, u64), odd: bool) -> (u64, u64) {
        let before = self.mul_add(below, below, here, here);
        let middle = self.mul(here, self.add(self.add(below, below), here));
        let after = self.add(before, middle);
        if odd { (middle, after) } else { (before, middle) }
    }

    /// (F(k-1), F(k)) for each k.
    pub(super) fn powers<const K: usize>(&self, k: [u64; K]) -> [(u64, u64); K] {
        let all = k.iter().fold(0, |all, k| all | k);
        // The table begins each power with its top five bits.
        let rest = (u64::BITS - all.leading_zeros()).saturating_sub(5);
        let mut powers = k.map(|k| {
            let top = (k >> rest) as usize;
            let (here, next) = (FIBONACCI[top], FIBONACCI[top + 1]);
            (self.reduce((next - here) << self.shift), self.reduce(here << self.shift))
        });
        for bit in (0..rest).rev() {
            for (power, k) in powers.iter_mut().zip(k) {
                *power = self.step(*power, k >> bit & 1 == 1);
            }
        }
        powers
    }

    /// F(n) or L(n) from (F(|n|-1), F(|n|)).
    #[inline(always)]
    fn member<N: Word>(&self, member: Member, (a, b): (u64, u64), n: N) -> u64 {
        let value = match member {
            Member::U => b,
            Member::V => self.add(self.add(a, a), b),
        };
        if value != 0 && n.is_negative() && is_negated(member, n.magnitude()) {
            self.value - value
        } else {
            value
        }
    }
}

/// F(n) or L(n) modulo an m of its own each, for at most [`CHUNK`] elements with 0 < |m| < [`LIMIT`].
#[inline(always)]
pub(super) fn each<N: Word, M: Word>(member: Member, n: &[N], m: &[M], out: &mut [M]) {
    let mut moduli = [Modulus::default(); CHUNK];
    let (mut values, mut shifts) = ([1; CHUNK], [0; CHUNK]);
    let (mut divisors, mut reciprocals) = ([1; CHUNK], [0; CHUNK]);
    let mut magnitudes = [0; CHUNK];
    let (mut a, mut b) = ([0; CHUNK], [0; CHUNK]);
    let all = n.iter().fold(0, |all, n| all | n.magnitude());
    // The table begins each power with its top six bits.
    let rest = (u64::BITS - all.leading_zeros()).saturating_sub(6);
    for (lane, (n, m)) in n.iter().zip(m).enumerate() {
        let modulus = Modulus::new(m.magnitude());
        magnitudes[lane] = n.magnitude();
        let top = (n.magnitude() >> rest) as usize;
        b[lane] = FIBONACCI[top] % modulus.value;
        a[lane] = (FIBONACCI[top + 1] - FIBONACCI[top]) % modulus.value;
        (values[lane], shifts[lane]) = (modulus.value, modulus.shift);
        (divisors[lane], reciprocals[lane]) = (modulus.divisor, modulus.reciprocal);
        moduli[lane] = modulus;
    }
    for bit in (0..rest).rev() {
        for lane in 0..CHUNK {
            let modulus = Modulus {
                value: values[lane],
                shift: shifts[lane],
                divisor: divisors[lane],
                reciprocal: reciprocals[lane],
            };
            let odd = magnitudes[lane] >> bit & 1 == 1;
            (a[lane], b[lane]) = modulus.step((a[lane], b[lane]), odd);
        }
    }
    for (lane, (out, (&n, &m))) in out.iter_mut().zip(n.iter().zip(m)).enumerate() {
        *out = signed(moduli[lane].member(member, (a[lane], b[lane]), n), m);
    }
}

/// Bits of the index that one table covers.
const WINDOW_BITS: usize = 8;
const WINDOW: usize = 1 << WINDOW_BITS;
const WINDOWS: usize = (u64::BITS as usize).div_ceil(WINDOW_BITS);

/// One narrow modulus for many indices: (F(n-1), F(n)) for every byte of n, at every place.
#[derive(Debug)]
pub(super) struct Tables {
    modulus: Modulus,
    /// F(k-1) << 32 | F(k), so that one gather fetches both.
    tables: [OnceLock<Box<[u64; WINDOW]>>; WINDOWS],
}

#[inline(always)]
fn unpack(entry: u64) -> (u64, u64) {
    (entry >> 32, entry & 0xffff_ffff)
}

impl Tables {
    pub(super) fn new(m: u64) -> Tables {
        Tables { modulus: Modulus::new(m), tables: [const { OnceLock::new() }; WINDOWS] }
    }

    /// The pair at the sum of two indices.
    #[inline(always)]
    fn sum(&self, (a, b): (u64, u64), (c, d): (u64, u64)) -> (u64, u64) {
        let m = &self.modulus;
        (m.mul_add(a, c, b, d), m.mul_add(a, d, b, m.add(c, d)))
    }

    fn table(&self, window: usize) -> &[u64; WINDOW] {
        self.tables[window].get_or_init(|| {
            let base = match window.checked_sub(1) {
                None => (0, 1 % self.modulus.value),
                Some(below) => {
                    let below = self.table(below);
                    self.sum(unpack(below[WINDOW - 1]), unpack(below[1]))
                }
            };
            let mut pair = (1 % self.modulus.value, 0);
            Box::new(std::array::from_fn(|digit| {
                if digit > 0 {
                    pair = self.sum(pair, base);
                }
                pair.0 << 32 | pair.1
            }))
        })
    }

    /// F(n) or L(n) for at most [`CHUNK`] indices.
    #[inline(always)]
    pub(super) fn members<N: Word, M: Word>(&self, member: Member, n: &[N], m: M, out: &mut [M]) {
        let mut magnitudes = [0; CHUNK];
        magnitudes.iter_mut().zip(n).for_each(|(magnitude, n)| *magnitude = n.magnitude());
        let all = magnitudes.iter().fold(0, |all, n| all | n);
        let (mut a, mut b) = ([0; CHUNK], [0; CHUNK]);
        let table = self.table(0);
        for lane in 0..CHUNK {
            (a[lane], b[lane]) = unpack(table[magnitudes[lane] as usize % WINDOW]);
        }
        for window in 1..WINDOWS {
            let position = window * WINDOW_BITS;
            if all >> position == 0 {
                break;
            }
            let table = self.table(window);
            for lane in 0..CHUNK {
                let digit = (magnitudes[lane] >> position) as usize % WINDOW;
                (a[lane], b[lane]) = self.sum((a[lane], b[lane]), unpack(table[digit]));
            }
        }
        for (lane, (out, &n)) in out.iter_mut().zip(n).enumerate() {
            *out = signed(self.modulus.member(member, (a[lane], b[lane]), n), m);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_plain_remainders(m in 1..LIMIT, a: u64, b: u64, c: u64, d: u64, narrow in 0u32..31) {
            let m = (m >> narrow).max(1);
            let modulus = Modulus::new(m);
            let [a, b, c, d] = [a, b, c, d].map(|x| x % m);
            prop_assert_eq!(modulus.mul(a, b), a * b % m);
            prop_assert_eq!(modulus.mul_add(a, b, c, d), (a * b + c * d) % m);
            prop_assert_eq!(modulus.add(a, b), (a + b) % m);
        }
    }

    #[test]
    fn the_largest_residues_do_not_overflow() {
        for m in [LIMIT - 1, LIMIT - 2, (1 << 30) + 1, 1 << 30, (1 << 30) - 1, 3, 2, 1] {
            let modulus = Modulus::new(m);
            let r = m - 1;
            assert_eq!(modulus.mul(r, r), r * r % m, "{m}");
            assert_eq!(modulus.mul_add(r, r, r, r), 2 * r * r % m, "{m}");
        }
    }
}
