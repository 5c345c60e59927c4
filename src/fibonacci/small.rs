//! The numbers that fit 64 bits: tables, and kernels that read them.
//!
//! 64 bits hold fewer than two hundred members of either sequence, so the fastest exact evaluation
//! is a table of all of them. The kernel clamps the index instead of branching on it, which lets
//! the compiler use gather instructions; what was clamped is an error after the block.

use crate::cpu::{self, dispatch};
use crate::error::{Error, Result};
use crate::fibonacci::Word;

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
    fn look_up [T: Word, const N: usize] [T, N]
        (table: &[T; N], offset: u64, n: &[T], out: &mut [T]) -> bool = look_up_body
}

/// A 64-bit integer with the two sequences tabulated.
pub trait Tabulated: Word {
    /// Largest |n| for which F(n) fits.
    const FIBONACCI_MAX: usize;
    /// Largest |n| for which L(n) fits.
    const LUCAS_MAX: usize;
    /// Writes F(n) for each n and returns whether all fit.
    fn look_up_fibonacci(n: &[Self], out: &mut [Self]) -> bool;
    /// Writes L(n) for each n and returns whether all fit.
    fn look_up_lucas(n: &[Self], out: &mut [Self]) -> bool;
}

impl Tabulated for i64 {
    const FIBONACCI_MAX: usize = FIBONACCI_I64;
    const LUCAS_MAX: usize = LUCAS_I64;

    #[inline]
    fn look_up_fibonacci(n: &[i64], out: &mut [i64]) -> bool {
        look_up(cpu::isa(), &FIBONACCI_SIGNED, FIBONACCI_I64 as u64, n, out)
    }

    #[inline]
    fn look_up_lucas(n: &[i64], out: &mut [i64]) -> bool {
        look_up(cpu::isa(), &LUCAS_SIGNED, LUCAS_I64 as u64, n, out)
    }
}

impl Tabulated for u64 {
    const FIBONACCI_MAX: usize = FIBONACCI_U64;
    const LUCAS_MAX: usize = LUCAS_U64;

    #[inline]
    fn look_up_fibonacci(n: &[u64], out: &mut [u64]) -> bool {
        look_up(cpu::isa(), &FIBONACCI, 0, n, out)
    }

    #[inline]
    fn look_up_lucas(n: &[u64], out: &mut [u64]) -> bool {
        look_up(cpu::isa(), &LUCAS, 0, n, out)
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
    assert_eq!(n.len(), out.len());
    if T::look_up_fibonacci(n, out) {
        Ok(())
    } else {
        Err(overflow("fibonacci", n, T::FIBONACCI_MAX))
    }
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
    assert_eq!(n.len(), out.len());
    if T::look_up_lucas(n, out) { Ok(()) } else { Err(overflow("lucas", n, T::LUCAS_MAX)) }
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
