//! Additions that are rounded without raising the inexact flag.
//!
//! The flag proves that *all* additions of a loop were exact. A loop that rounds on purpose, as the
//! first of two levels does, could not use that proof; AVX-512 has additions that leave the flag
//! alone, and with them two levels cost four operations instead of nine.

#![allow(unsafe_code)] // An intrinsic: no plain operation is quiet.

use crate::cpu::Isa;

/// Whether there are quiet additions of `W` lanes.
pub(super) const fn exists<const W: usize>() -> bool {
    cfg!(target_arch = "x86_64") && W == 8
}

/// Whether the kernels of an instruction set have quiet additions.
pub(super) fn exists_on(isa: Isa) -> bool {
    isa == Isa::Avx512 && exists::<8>()
}

/// Defines a quiet operation of `W` lanes, rounded half to even; 0 where it does not exist.
macro_rules! quiet {
    ($(#[$attribute:meta])* $name:ident, $intrinsic:ident) => {
        $(#[$attribute])*
        #[inline(always)]
        pub(super) fn $name<const W: usize>(a: [f64; W], b: [f64; W]) -> [f64; W] {
            #[cfg(target_arch = "x86_64")]
            if W == 8 {
                use std::arch::x86_64::{
                    _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, $intrinsic,
                };
                use std::mem::transmute_copy;
                // SAFETY: `dispatch!` gives bodies eight lanes on AVX-512 only; the types are eight
                // binary64 numbers each.
                return unsafe {
                    let result = $intrinsic::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(
                        transmute_copy(&a),
                        transmute_copy(&b),
                    );
                    transmute_copy(&result)
                };
            }
            let _ = (a, b);
            [0.0; W]
        }
    };
}

quiet!(
    /// `a + b`, lane by lane.
    add,
    _mm512_add_round_pd
);
quiet!(
    /// `a - b`, lane by lane.
    subtract,
    _mm512_sub_round_pd
);

/// `a + b` and its rounding error, all quietly (Knuth 1969).
#[inline(always)]
pub(super) fn two_sum<const W: usize>(a: [f64; W], b: [f64; W]) -> ([f64; W], [f64; W]) {
    let sum = add(a, b);
    let from_b = subtract(sum, a);
    (sum, add(subtract(a, subtract(sum, from_b)), subtract(b, from_b)))
}

/// Adds `x` to `sum` and returns what was rounded away: `sum + rest` is the exact sum if the
/// inexact flag stays clear.
///
/// (Whatever the addition did, `s - sum` and `x - (s - sum)` are exact unless they raise the flag.)
#[inline(always)]
pub(super) fn absorb<const W: usize>(sum: &mut [f64; W], x: [f64; W]) -> [f64; W] {
    let s = add(*sum, x);
    let rest = std::array::from_fn(|lane| x[lane] - (s[lane] - sum[lane]));
    *sum = s;
    rest
}
