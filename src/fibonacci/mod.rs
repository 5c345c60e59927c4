//! Fibonacci numbers and their relatives, exact or an error.
//!
//! F(0) = 0, F(1) = 1, F(n) = F(n-1) + F(n-2) and L(0) = 2, L(1) = 1, L(n) = L(n-1) + L(n-2), for
//! every integer n: read backwards, the recurrence gives F(-n) = (-1)^(n+1) F(n) and
//! L(-n) = (-1)^n L(n).
//!
//! [`small`] holds what fits 64 bits, [`big`] numbers of any size; [`modular`] and [`big_modular`]
//! compute remainders at any index, and [`pisano`] their periods. The rest is arithmetic that these
//! need.

pub mod big;
pub mod big_modular;
pub mod factor;
mod member;
pub mod modular;
pub mod modulus;
mod narrow;
#[cfg(target_arch = "x86_64")]
mod permute;
pub mod pisano;
pub mod small;
mod stores;
pub mod transform;

/// A 64-bit integer, signed or not, as the kernels see it.
///
/// ```
/// use mypackage::fibonacci::Word;
///
/// assert_eq!((-3i64).magnitude(), 3);
/// assert_eq!(u64::from_bits((-1i64).bits()), u64::MAX);
/// assert_eq!(i64::from_magnitude(1 << 63), None);
/// assert!((-3i64).is_negative() && i64::SIGNED && !u64::SIGNED);
/// assert_eq!(u64::NAME, "uint64");
/// ```
pub trait Word: Copy + Send + Sync + Ord + std::fmt::Display + 'static {
    /// Whether the type has negative values.
    const SIGNED: bool;
    /// NumPy's and Rust's reader-friendly name: `int64` or `uint64`.
    const NAME: &'static str;
    /// The two's complement bits.
    fn bits(self) -> u64;
    /// The word with these two's complement bits.
    fn from_bits(bits: u64) -> Self;
    /// The nonnegative word of this value, if it fits.
    fn from_magnitude(magnitude: u64) -> Option<Self>;
    /// |self|, which always fits.
    fn magnitude(self) -> u64;
    /// Whether self < 0.
    fn is_negative(self) -> bool;
}

impl Word for i64 {
    const SIGNED: bool = true;
    const NAME: &'static str = "int64";

    #[inline(always)]
    fn bits(self) -> u64 {
        self as u64
    }

    #[inline(always)]
    fn from_bits(bits: u64) -> i64 {
        bits as i64
    }

    #[inline(always)]
    fn from_magnitude(magnitude: u64) -> Option<i64> {
        i64::try_from(magnitude).ok()
    }

    #[inline(always)]
    fn magnitude(self) -> u64 {
        self.unsigned_abs()
    }

    #[inline(always)]
    fn is_negative(self) -> bool {
        self < 0
    }
}

impl Word for u64 {
    const SIGNED: bool = false;
    const NAME: &'static str = "uint64";

    #[inline(always)]
    fn bits(self) -> u64 {
        self
    }

    #[inline(always)]
    fn from_bits(bits: u64) -> u64 {
        bits
    }

    #[inline(always)]
    fn from_magnitude(magnitude: u64) -> Option<u64> {
        Some(magnitude)
    }

    #[inline(always)]
    fn magnitude(self) -> u64 {
        self
    }

    #[inline(always)]
    fn is_negative(self) -> bool {
        false
    }
}
