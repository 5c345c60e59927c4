//! Whether floating-point exceptions would be signals.
//!
//! Programs may unmask them, to find where their NaNs come from (`feenableexcept`). The kernels mind
//! that; what parses and formats numbers does not: its library rounds on purpose.

#![allow(unsafe_code)] // Reads a control register; there is no safe interface.

/// Whether an exception would end this thread's program, or call its handler.
///
/// ```
/// assert!(!mypackage::traps::are_set());
/// ```
pub fn are_set() -> bool {
    unmasked() != 0
}

#[cfg(target_arch = "x86_64")]
fn unmasked() -> u32 {
    const MASKS: u32 = 0x1f80;
    let mut control = 0u32;
    // SAFETY: stores the register into a local; SSE is part of x86-64.
    unsafe {
        std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut control, options(nostack, preserves_flags));
    }
    !control & MASKS
}

#[cfg(target_arch = "aarch64")]
fn unmasked() -> u64 {
    const ENABLED: u64 = 0x9f00;
    let control: u64;
    // SAFETY: reads the register, which every thread may.
    unsafe {
        std::arch::asm!("mrs {}, fpcr", out(reg) control, options(nomem, nostack, preserves_flags));
    }
    control & ENABLED
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn unmasked() -> u32 {
    0
}
