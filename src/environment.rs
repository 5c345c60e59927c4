//! The floating-point environment of the thread: read, never written.
//!
//! Kernels are compiled for the default environment of IEEE 754: round to nearest even, gradual
//! underflow, no traps. Other libraries may leave other modes behind (`-ffast-math` makes the whole
//! process flush subnormal numbers to zero), and programs may unmask exceptions to find the origin
//! of NaNs (`feenableexcept`). In such an environment, a slower path with the same results is
//! taken, which uses only integer operations, and exact operations on normal numbers. A kernel
//! checks once for each task, on the thread that computes, since a thread of the pool keeps the
//! modes of the one that started it.

/// Whether the calling thread's environment is the default one. On processors other than x86-64 and
/// aarch64 this is assumed.
#[inline]
pub(crate) fn is_default() -> bool {
    control() == DEFAULT
}

/// Whether a floating-point exception would raise a signal. Kernels check this themselves; callers
/// that parse or format numbers must, since the standard library rounds there.
///
/// ```
/// assert!(!mypackage::environment::has_traps());
/// ```
pub fn has_traps() -> bool {
    traps(control())
}

/// What those who refuse to parse or format numbers say.
pub const HAS_TRAPS: &str = "floating-point exceptions are unmasked on this thread; mask them \
                             (fedisableexcept) for the time of the call";

#[cfg(target_arch = "x86_64")]
use x86_64::{DEFAULT, control, traps};

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    #![allow(unsafe_code)] // Only assembly can read the register.

    /// Round to nearest even, no flush to zero, all exceptions masked.
    pub(super) const DEFAULT: u32 = MASKS;
    /// A bit for each masked exception.
    const MASKS: u32 = 0x1f80;
    /// The six sticky flags and the reserved bits; the other bits are controls.
    const IGNORED: u32 = 0xffff_003f;

    #[inline(always)]
    pub(super) fn control() -> u32 {
        let mut value = 0u32;
        // SAFETY: stores the register into a local; SSE is part of x86-64.
        unsafe {
            std::arch::asm!(
                "stmxcsr [{}]", in(reg) &raw mut value, options(nostack, preserves_flags)
            );
        }
        value & !IGNORED
    }

    pub(super) fn traps(control: u32) -> bool {
        control & MASKS != MASKS
    }
}

#[cfg(target_arch = "aarch64")]
use aarch64::{DEFAULT, control, traps};

#[cfg(target_arch = "aarch64")]
mod aarch64 {
    #![allow(unsafe_code)] // Only assembly can read the register.

    /// Round to nearest even, no flush to zero, no trap.
    pub(super) const DEFAULT: u64 = 0;
    /// A bit for each trapped exception.
    const ENABLED: u64 = 0x9f00;

    #[inline(always)]
    pub(super) fn control() -> u64 {
        let value: u64;
        // SAFETY: reads a register that every thread may read.
        unsafe {
            std::arch::asm!("mrs {}, fpcr", out(reg) value, options(nomem, nostack, preserves_flags));
        }
        value
    }

    pub(super) fn traps(control: u64) -> bool {
        control & ENABLED != 0
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use unknown::{DEFAULT, control, traps};

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod unknown {
    pub(super) const DEFAULT: () = ();

    pub(super) fn control() {}

    pub(super) fn traps(_: ()) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_run_in_the_default_environment() {
        assert!(is_default() && !has_traps());
    }
}
