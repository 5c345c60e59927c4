//! The floating-point environment of the thread: read, never written.
//!
//! Kernels are compiled for IEEE 754's default: round to nearest even, subnormal numbers as they are,
//! no trap. Other libraries leave other modes behind (`-ffast-math` turns subnormal numbers to zeros in
//! the whole process), and programs may unmask exceptions, to find where their NaNs come from
//! (`feenableexcept`). A thread that finds any of these set takes a path whose every operation is on
//! integers, or exact and on normal numbers: slower, with the same bits. A kernel looks once for each
//! task, on the thread that computes: a thread of the pool keeps the modes of the one that started it.

/// Whether the calling thread's environment is the default one. On processors other than x86-64 and
/// aarch64 it is taken to be.
#[inline]
pub(crate) fn is_default() -> bool {
    control() == DEFAULT
}

/// Whether a floating-point exception would end the program, or call its handler for the signal. The
/// kernels mind that; what parses and formats numbers does not: its library rounds on purpose.
///
/// ```
/// assert!(!mypackage::environment::has_traps());
/// ```
pub fn has_traps() -> bool {
    traps(control())
}

#[cfg(target_arch = "x86_64")]
use x86_64::{DEFAULT, control, traps};

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    #![allow(unsafe_code)] // There is no other way to read the register.

    /// Round to nearest even, no flush to zero, all exceptions masked.
    pub(super) const DEFAULT: u32 = MASKS;
    /// A bit for each exception that is not signalled.
    const MASKS: u32 = 0x1f80;
    /// The six sticky flags and the reserved bits; the rest controls.
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
    #![allow(unsafe_code)] // There is no other way to read the register.

    /// Round to nearest even, no flush to zero, no trap.
    pub(super) const DEFAULT: u64 = 0;
    /// A bit for each exception that is signalled.
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
