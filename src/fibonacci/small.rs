//! The numbers that fit 64 bits: tables, and kernels that read them.
//!
//! 64 bits hold fewer than two hundred members of either sequence, so the fastest exact evaluation
//! is a table of all of them. The kernel clamps the index instead of branching on it; what was
//! clamped is an error after the block. With AVX-512 the table stays in registers.

use crate::cpu::{self, dispatch};
use crate::error::{Error, Result};
use crate::fibonacci::Word;
#[cfg(not(target_arch = "x86_64"))]
use crate::fibonacci::Word as Lane;
#[cfg(target_arch = "x86_64")]
use crate::fibonacci::permute::{self, Lane, Sequence};
pub use crate::fibonacci::stores::Stores;

/// Largest |n| with F(n) in an `i64`.
pub const FIBONACCI_I64: usize = 92;
/// Largest n with F(n) in a `u64`.
pub const FIBONACCI_U64: usize = 93;
/// Largest |n| with L(n) in an `i64`.
pub const LUCAS_I64: usize = 90;
/// Largest n with L(n) in a `u64`.
pub const LUCAS_U64: usize = 92;

/// The first `N` members of a sequence with the Fibonacci recurrence.
const fn ascending<const N: usize>(first: u64, second: u64) -> [u64; N] {
    let mut table = [0; N];
    table[0] = first;
    table[1] = second;
    let mut n = 2;
    while n < N {
        table[n] = table[n - 1] + table[n - 2];
        n += 1;
    }
    table
}

/// Members -(N/2) ..= N/2; `odd_sign` is the sign of member -n relative to member n for odd n.
const fn symmetric<const N: usize>(first: i64, second: i64, odd_sign: i64) -> [i64; N] {
    let middle = N / 2;
    let mut table = [0; N];
    table[middle] = first;
    table[middle + 1] = second;
    let mut n = 2;
    while n <= middle {
        table[middle + n] = table[middle + n - 1] + table[middle + n - 2];
        n += 1;
    }
    n = 1;
    while n <= middle {
        let sign = if n % 2 == 1 { odd_sign } else { -odd_sign };
        table[middle - n] = sign * table[middle + n];
        n += 1;
    }
    table
}

/// F(0) ..= F(93).
pub static FIBONACCI: [u64; FIBONACCI_U64 + 1] = ascending(0, 1);
/// L(0) ..= L(92).
pub static LUCAS: [u64; LUCAS_U64 + 1] = ascending(2, 1);
static FIBONACCI_SIGNED: [i64; 2 * FIBONACCI_I64 + 1] = symmetric(0, 1, 1);
static LUCAS_SIGNED: [i64; 2 * LUCAS_I64 + 1] = symmetric(2, 1, -1);
#[cfg(target_arch = "x86_64")]
static FIBONACCI_SEQUENCE: Sequence = Sequence::new(&FIBONACCI, 0);
#[cfg(target_arch = "x86_64")]
static LUCAS_SEQUENCE: Sequence = Sequence::new(&LUCAS, 1);

/// Looks up `table[n + offset]` for each n and returns whether every index was inside.
#[inline(always)]
fn look_up_body<T: Word, const N: usize>(
    table: &[T; N],
    offset: u64,
    n: &[T],
    out: &mut [T],
) -> bool {
    let mut outside = 0;
    for (out, &n) in out.iter_mut().zip(n) {
        let index = n.bits().wrapping_add(offset);
        outside |= u64::from(index >= N as u64);
        *out = table[index.min(N as u64 - 1) as usize];
    }
    outside == 0
}

dispatch! {
    fn look_up_loads [T: Word, const N: usize] [T, N]
        (table: &[T; N], offset: u64, n: &[T], out: &mut [T]) -> bool = look_up_body
}

/// A sequence as a table from X(-origin) on, and in registers.
struct Tables<T: 'static, const N: usize> {
    table: &'static [T; N],
    origin: usize,
    #[cfg(target_arch = "x86_64")]
    sequence: &'static Sequence,
}

impl<T: Lane, const N: usize> Tables<T, N> {
    /// Writes X(n + step) for each n and returns whether the table holds all.
    fn look_up(&self, step: usize, n: &[T], out: &mut [T], stores: Stores) -> bool {
        let isa = cpu::isa();
        #[cfg(target_arch = "x86_64")]
        let (done, mut inside) = {
            let bounds = (step as i64, N - 1 - self.origin);
            permute::look_up(isa, self.sequence, bounds, n, out, stores)
        };
        #[cfg(not(target_arch = "x86_64"))]
        let (done, mut inside) = {
            let _ = stores;
            (0..0, true)
        };
        for rest in [0..done.start, done.end..n.len()] {
            let offset = (self.origin + step) as u64;
            inside &= look_up_loads(isa, self.table, offset, &n[rest.clone()], &mut out[rest]);
        }
        inside
    }
}

/// A 64-bit integer with the two sequences tabulated.
///
/// ```
/// use mypackage::fibonacci::small::{Stores, Tabulated};
///
/// let mut out = [0; 2];
/// assert!(u64::look_up_fibonacci(0, &[10, 93], &mut out, Stores::Cached));
/// assert_eq!(out, [55, 12_200_160_415_121_876_738]);
/// assert!(!u64::look_up_fibonacci(1, &[10, 93], &mut out, Stores::Cached)); // F(94) does not fit
/// let mut out = [0; 2];
/// assert!(i64::look_up_lucas(&[-1, -2], &mut out, Stores::Cached));
/// assert_eq!(out, [-1, 3]);
/// assert_eq!((i64::FIBONACCI_MAX, i64::LUCAS_MAX), (92, 90));
/// ```
pub trait Tabulated: Word {
    /// Largest |n| for which F(n) fits.
    const FIBONACCI_MAX: usize;
    /// Largest |n| for which L(n) fits.
    const LUCAS_MAX: usize;
    /// Writes F(n + step) for each n and returns whether all fit.
    fn look_up_fibonacci(step: usize, n: &[Self], out: &mut [Self], stores: Stores) -> bool;
    /// Writes L(n) for each n and returns whether all fit.
    fn look_up_lucas(n: &[Self], out: &mut [Self], stores: Stores) -> bool;
}

impl Tabulated for i64 {
    const FIBONACCI_MAX: usize = FIBONACCI_I64;
    const LUCAS_MAX: usize = LUCAS_I64;

    fn look_up_fibonacci(step: usize, n: &[i64], out: &mut [i64], stores: Stores) -> bool {
        Tables {
            table: &FIBONACCI_SIGNED,
            origin: FIBONACCI_I64,
            #[cfg(target_arch = "x86_64")]
            sequence: &FIBONACCI_SEQUENCE,
        }
        .look_up(step, n, out, stores)
    }

    fn look_up_lucas(n: &[i64], out: &mut [i64], stores: Stores) -> bool {
        Tables {
            table: &LUCAS_SIGNED,
            origin: LUCAS_I64,
            #[cfg(target_arch = "x86_64")]
            sequence: &LUCAS_SEQUENCE,
        }
        .look_up(0, n, out, stores)
    }
}

impl Tabulated for u64 {
    const FIBONACCI_MAX: usize = FIBONACCI_U64;
    const LUCAS_MAX: usize = LUCAS_U64;

    fn look_up_fibonacci(step: usize, n: &[u64], out: &mut [u64], stores: Stores) -> bool {
        Tables {
            table: &FIBONACCI,
            origin: 0,
            #[cfg(target_arch = "x86_64")]
            sequence: &FIBONACCI_SEQUENCE,
        }
        .look_up(step, n, out, stores)
    }

    fn look_up_lucas(n: &[u64], out: &mut [u64], stores: Stores) -> bool {
        Tables {
            table: &LUCAS,
            origin: 0,
            #[cfg(target_arch = "x86_64")]
            sequence: &LUCAS_SEQUENCE,
        }
        .look_up(0, n, out, stores)
    }
}

/// F(n) for each n.
///
/// ```
/// let mut out = [0; 3];
/// mypackage::fibonacci::small::fibonacci(&[-6i64, 10, 92], &mut out)?;
/// assert_eq!(out, [-8, 55, 7540113804746346429]);
/// # Ok::<(), mypackage::Error>(())
/// ```
///
/// # Errors
/// [`Error::Overflow`] naming the first n whose F(n) does not fit; `out` is then unspecified.
///
/// # Panics
/// If the slices differ in length.
pub fn fibonacci<T: Tabulated>(n: &[T], out: &mut [T]) -> Result<()> {
    fibonacci_with(Stores::of(out.len()), n, out)
}

/// As [`fibonacci`], with a choice of how the results are stored.
///
/// ```
/// use mypackage::fibonacci::small::{Stores, fibonacci_with};
///
/// let (n, mut out) = ([10i64; 100], [0; 100]);
/// fibonacci_with(Stores::Streamed, &n, &mut out)?;
/// assert_eq!(out, [55; 100]);
/// # Ok::<(), mypackage::Error>(())
/// ```
///
/// # Errors
/// As [`fibonacci`].
///
/// # Panics
/// If the slices differ in length.
pub fn fibonacci_with<T: Tabulated>(stores: Stores, n: &[T], out: &mut [T]) -> Result<()> {
    assert_eq!(n.len(), out.len());
    if T::look_up_fibonacci(0, n, out, stores) {
        return Ok(());
    }
    let look_up = |n: &[T], out: &mut [T]| T::look_up_fibonacci(0, n, out, Stores::Cached);
    again_from_copies("fibonacci", T::FIBONACCI_MAX, n, out, look_up)
}

/// L(n) for each n.
///
/// ```
/// let mut out = [0; 3];
/// mypackage::fibonacci::small::lucas(&[0u64, 10, 92], &mut out)?;
/// assert_eq!(out, [2, 123, 16860207025497407047]);
/// # Ok::<(), mypackage::Error>(())
/// ```
///
/// # Errors
/// [`Error::Overflow`] naming the first n whose L(n) does not fit; `out` is then unspecified.
///
/// # Panics
/// If the slices differ in length.
pub fn lucas<T: Tabulated>(n: &[T], out: &mut [T]) -> Result<()> {
    lucas_with(Stores::of(out.len()), n, out)
}

/// As [`lucas`], with a choice of how the results are stored.
///
/// ```
/// use mypackage::fibonacci::small::{Stores, lucas_with};
///
/// let (n, mut out) = ([10i64; 100], [0; 100]);
/// lucas_with(Stores::Streamed, &n, &mut out)?;
/// assert_eq!(out, [123; 100]);
/// # Ok::<(), mypackage::Error>(())
/// ```
///
/// # Errors
/// As [`lucas`].
///
/// # Panics
/// If the slices differ in length.
pub fn lucas_with<T: Tabulated>(stores: Stores, n: &[T], out: &mut [T]) -> Result<()> {
    assert_eq!(n.len(), out.len());
    if T::look_up_lucas(n, out, stores) {
        return Ok(());
    }
    let look_up = |n: &[T], out: &mut [T]| T::look_up_lucas(n, out, Stores::Cached);
    again_from_copies("lucas", T::LUCAS_MAX, n, out, look_up)
}

/// Elements that are copied at once, on their way through the first-level cache.
const COPIED: usize = 256;

/// After an index was outside: looks all up again, in copies, and reports the first one outside.
///
/// Another thread may write to the indices meanwhile (Python's arrays are shared): what was outside
/// may be inside by now, and then its number is that of what it is now.
#[cold]
fn again_from_copies<T: Tabulated>(
    name: &str,
    limit: usize,
    n: &[T],
    out: &mut [T],
    look_up: impl Fn(&[T], &mut [T]) -> bool,
) -> Result<()> {
    for (n, out) in n.chunks(COPIED).zip(out.chunks_mut(COPIED)) {
        let n = n.to_vec();
        if !look_up(&n, out) {
            return Err(overflow(name, &n, limit));
        }
    }
    Ok(())
}

/// F(n) and F(n+1) for each n.
///
/// ```
/// let (mut here, mut next) = ([0; 2], [0; 2]);
/// mypackage::fibonacci::small::fibonacci_pair(&[10i64, -2], &mut here, &mut next)?;
/// assert_eq!((here, next), ([55, -1], [89, 1]));
/// # Ok::<(), mypackage::Error>(())
/// ```
///
/// # Errors
/// [`Error::Overflow`] naming the first n for which they do not both fit; the outputs are then
/// unspecified.
///
/// # Panics
/// If the slices differ in length.
pub fn fibonacci_pair<T: Tabulated>(n: &[T], here: &mut [T], next: &mut [T]) -> Result<()> {
    assert!(n.len() == here.len() && n.len() == next.len());
    let outputs = here.chunks_mut(COPIED).zip(next.chunks_mut(COPIED));
    for (n, (here, next)) in n.chunks(COPIED).zip(outputs) {
        // Both numbers are those of one index, whatever another thread writes meanwhile.
        let mut copy = [n[0]; COPIED];
        let copy = &mut copy[..n.len()];
        copy.copy_from_slice(n);
        look_up_pairs(copy, here, next)?;
    }
    Ok(())
}

fn look_up_pairs<T: Tabulated>(n: &[T], here: &mut [T], next: &mut [T]) -> Result<()> {
    let stores = Stores::Cached;
    if T::look_up_fibonacci(0, n, here, stores) & T::look_up_fibonacci(1, n, next, stores) {
        return Ok(());
    }
    let limit = T::FIBONACCI_MAX as u64;
    let outside = |n: &&T| n.magnitude() > limit || !n.is_negative() && n.magnitude() == limit;
    let n = n.iter().find(outside).expect("an index was outside");
    let range = if T::SIGNED { format!("-{limit} <= n < {limit}") } else { format!("n < {limit}") };
    Err(Error::Overflow(format!(
        "fibonacci_pair({n}) does not fit {}, which holds {range}; use dtype=object for the exact numbers",
        T::NAME
    )))
}

/// What [`index`] gives where there is none. No n with F(n) = x is -1: F(-1) = 1 = F(1).
pub const NO_INDEX: i64 = -1;

/// For each length in bits, the first n > 0 with an F(n) of that length; at most the next is as long.
static FIRST_OF_LENGTH: [u8; 65] = {
    let mut first = [0; 65];
    let mut n = FIBONACCI_U64;
    while n > 0 {
        first[(u64::BITS - FIBONACCI[n].leading_zeros()) as usize] = n as u8;
        n -= 1;
    }
    first
};

/// For each x the n with F(n) = x: the smallest n >= 0 for x >= 0, n < 0 for x < 0; [`NO_INDEX`]
/// where there is none.
///
/// ```
/// let mut out = [0; 4];
/// mypackage::fibonacci::small::index(&[55i64, 56, -8, 1], &mut out);
/// assert_eq!(out, [10, -1, -6, 1]);
/// ```
///
/// # Panics
/// If the slices differ in length.
pub fn index<T: Word>(x: &[T], out: &mut [i64]) {
    assert_eq!(x.len(), out.len());
    for (out, &x) in out.iter_mut().zip(x) {
        let magnitude = x.magnitude();
        let first = usize::from(FIRST_OF_LENGTH[(u64::BITS - magnitude.leading_zeros()) as usize]);
        // F(94) does not fit, so F(93) is followed by itself.
        let second = (first + 1).min(FIBONACCI_U64);
        let found = if FIBONACCI[first] == magnitude { first } else { second };
        let n = found as i64;
        *out = match (FIBONACCI[found] == magnitude, x.is_negative()) {
            (false, _) => NO_INDEX,
            (true, false) => n,
            // F(-n) = -F(n) for even n only; -1 is F(-2).
            (true, true) if n <= 2 => -2,
            (true, true) => {
                if n % 2 == 0 {
                    -n
                } else {
                    NO_INDEX
                }
            }
        };
    }
}

/// Whether each x is an F(n).
///
/// ```
/// let mut out = [false; 4];
/// mypackage::fibonacci::small::is_fibonacci(&[55i64, 56, -8, 8], &mut out);
/// assert_eq!(out, [true, false, true, true]);
/// ```
///
/// # Panics
/// If the slices differ in length.
pub fn is_fibonacci<T: Word>(x: &[T], out: &mut [bool]) {
    assert_eq!(x.len(), out.len());
    for (out, x) in out.iter_mut().zip(x) {
        let mut n = [0];
        index(std::slice::from_ref(x), &mut n);
        *out = n[0] != NO_INDEX;
    }
}

/// The error for the first n of which the sequence's member does not fit.
#[cold]
fn overflow<T: Word>(name: &str, n: &[T], limit: usize) -> Error {
    let limit = limit as u64;
    match n.iter().find(|n| n.magnitude() > limit) {
        Some(n) => {
            let range = if T::SIGNED { format!("|n| <= {limit}") } else { format!("n <= {limit}") };
            Error::Overflow(format!(
                "{name}({n}) does not fit {}, which holds {range}; use dtype=object for the exact \
                 number, or {name}_mod(n, m) for a remainder",
                T::NAME
            ))
        }
        None => unreachable!("a kernel reported an index outside that is inside"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_is_found_and_nothing_else() {
        let found = |x: i64| {
            let mut out = [0];
            index(&[x], &mut out);
            out[0]
        };
        for n in -(FIBONACCI_I64 as i64)..=FIBONACCI_I64 as i64 {
            let mut f = [0];
            fibonacci(&[n], &mut f).unwrap();
            let (mut again, n_found) = ([0], found(f[0]));
            fibonacci(&[n_found], &mut again).unwrap();
            assert_eq!(again, f);
            assert!(n_found == n || n.abs() == 2 || n < 0 && f[0] > 0, "{n} {n_found}");
        }
        let numbers: Vec<i64> = (-100..=100).filter(|&x| found(x) != NO_INDEX).collect();
        let expected = [-55, -21, -8, -3, -1, 0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89];
        assert_eq!(numbers, expected);
        let mut out = [0; 3];
        index(&[FIBONACCI[93], u64::MAX, FIBONACCI[93] - 1], &mut out);
        assert_eq!(out, [93, NO_INDEX, NO_INDEX]);
    }

    #[test]
    fn the_first_offender_is_named() {
        let mut out = [0; 3];
        let error = fibonacci(&[92i64, -93, 94], &mut out).unwrap_err().to_string();
        assert!(
            error.starts_with("fibonacci(-93) does not fit int64, which holds |n| <= 92"),
            "{error}"
        );
        let error = lucas(&[92u64, 93, 94], &mut [0; 3]).unwrap_err().to_string();
        assert!(error.starts_with("lucas(93) does not fit uint64, which holds n <= 92"), "{error}");
        let error =
            fibonacci_pair(&[-92i64, 91, 92], &mut out, &mut [0; 3]).unwrap_err().to_string();
        assert!(error.starts_with("fibonacci_pair(92) does not fit int64"), "{error}");
    }
}
