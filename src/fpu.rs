//! The floating-point environment: IEEE defaults inside a kernel, the caller's again after it.
//!
//! Other libraries leave flush-to-zero on or a rounding mode changed; a kernel forces the IEEE
//! defaults and restores what it found. The hardware's sticky *inexact* flag tells whether any
//! operation since [`Environment::clear_inexact`] was rounded: a proof of exactness that costs
//! nothing per operation. Emulators may not model it, so [`inexact_flag_works`] tests it once.

#![allow(unsafe_code)] // Reads and writes the control register; there is no safe interface.

use std::hint::black_box;
use std::sync::OnceLock;

/// Round to nearest even, no flush to zero, all exceptions masked, all flags clear.
const DEFAULT: u32 = 0x1f80;
/// The six sticky flags; the rest of the register controls.
const FLAGS: u32 = 0x3f;
const INEXACT: u32 = 0x20;

/// While this lives, the thread's environment is IEEE 754's default.
#[derive(Debug)]
pub(crate) struct Environment {
    saved: u32,
}

impl Environment {
    #[inline]
    pub fn enter() -> Environment {
        let saved = read();
        if saved & !FLAGS != DEFAULT {
            write(DEFAULT);
        }
        Environment { saved }
    }

    /// Clears the flags, so that [`Environment::was_inexact`] speaks of what follows.
    #[inline]
    pub fn clear_inexact(&mut self) {
        write(DEFAULT);
    }

    /// Whether any operation since the flags were cleared was rounded.
    #[inline]
    pub fn was_inexact(&self) -> bool {
        read() & INEXACT != 0
    }
}

impl Drop for Environment {
    #[inline]
    fn drop(&mut self) {
        // Writing is slow; most callers have the inexact flag set already and lose nothing.
        if read() != self.saved {
            write(self.saved);
        }
    }
}

/// Whether the inexact flag is raised by rounded operations and by no others.
pub(crate) fn inexact_flag_works() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| {
        let mut environment = Environment::enter();
        let mut raised_by = |x: f64, y: f64| {
            environment.clear_inexact();
            black_box(black_box(x) + black_box(y));
            environment.was_inexact()
        };
        cfg!(target_arch = "x86_64")
            && raised_by(1.0, f64::EPSILON / 4.0)
            && !raised_by(1.0, f64::EPSILON)
            && raised_by(f64::MAX, f64::MAX)
    })
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn read() -> u32 {
    let mut value = 0u32;
    // SAFETY: stores the register into a local; SSE is part of x86-64. As an opaque use of memory
    // it also keeps the compiler from moving calls of kernels across it.
    unsafe {
        std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack, preserves_flags));
    }
    value
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn write(value: u32) {
    // SAFETY: `value` is either the default or what the register held: no reserved bit is set and
    // no exception is unmasked that was not before.
    unsafe {
        std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack, preserves_flags));
    }
}

/// Elsewhere the environment is left as it is.
#[cfg(not(target_arch = "x86_64"))]
fn read() -> u32 {
    DEFAULT
}

#[cfg(not(target_arch = "x86_64"))]
fn write(_value: u32) {}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn the_callers_environment_comes_back() {
        let before = read();
        for control in [0x9fc0, 0x7f80, 0x1fbf, 0x3f80] {
            write(control);
            {
                let mut inner = Environment::enter();
                assert_eq!(read() & !FLAGS, DEFAULT);
                inner.clear_inexact();
                black_box(black_box(1.0) / black_box(3.0));
                assert!(inner.was_inexact());
            }
            assert_eq!(read(), control);
        }
        write(before);
    }
}
