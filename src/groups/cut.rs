//! Numbers as pairs of integers, two million of which can be added without overflow.
//!
//! As with the levels of `kernel::levels`, but with more headroom: a number is cut at the last bits
//! of two levels, and each part is an integer multiple of its unit.

use crate::array::element::Native;
use crate::cpu::{Isa, dispatch};
use crate::exact::accumulator::Accumulator;
use crate::kernel::levels;
use crate::kernel::number::{Integer, Number};

/// A native number type that can be cut.
pub(super) trait Cut: Native {
    /// A scale for `cut` that fits all the numbers; `None` if there is none.
    fn scale(isa: Isa, values: &[Self]) -> Option<i32>;
    /// Cuts numbers into two integers each, from `-2^PART_BITS` to `2^PART_BITS`, in the scale's
    /// `units`; returns whether that was exact.
    fn cut(isa: Isa, values: &[Self], scale: i32, pairs: &mut [[i64; 2]]) -> bool;
    /// The exponents of the units of the two integers.
    fn units(scale: i32) -> [i32; 2];
    /// Adds the number without cutting or counting it.
    fn add_to(self, sum: &mut Accumulator);
}

macro_rules! floating {
    ($($type:ty),*) => {$(
        impl Cut for $type {
            fn scale(isa: Isa, values: &[$type]) -> Option<i32> {
                levels::scale(levels::highest_exponent(isa, values), HEADROOM)
            }
            fn cut(isa: Isa, values: &[$type], scale: i32, pairs: &mut [[i64; 2]]) -> bool {
                cut(isa, values, scale, pairs)
            }
            fn units(scale: i32) -> [i32; 2] {
                levels::levels::<2>(scale, APART).0.map(|exponent| exponent - 52)
            }
            #[inline]
            fn add_to(self, sum: &mut Accumulator) {
                sum.add_uncounted(self.widen_bits());
            }
        }
    )*};
}

floating!(f64, f32);

macro_rules! integer {
    ($($type:ty),*) => {$(
        impl Cut for $type {
            fn scale(_: Isa, _: &[$type]) -> Option<i32> {
                Some(0)
            }
            fn cut(isa: Isa, values: &[$type], _: i32, pairs: &mut [[i64; 2]]) -> bool {
                cut_integers(isa, values, pairs);
                true
            }
            fn units(_: i32) -> [i32; 2] {
                [32, 0]
            }
            fn add_to(self, sum: &mut Accumulator) {
                sum.add_scaled(self.into(), 0);
            }
        }
    )*};
}

integer!(i64, u64, i32, u32, i16, u16, i8, u8);

/// Bits of each part of a number that is cut in two.
pub(crate) const PART_BITS: u32 = 42;
/// Binades from one part's accumulator to the other's.
const APART: i32 = PART_BITS as i32;
/// Binades from the largest number to the accumulator whose last bit the upper part counts: numbers
/// twice as large can be cut, too.
const HEADROOM: i32 = 52 - (APART - 2);

#[inline(always)]
fn cut_body<T: Number>(values: &[T], scale: i32, pairs: &mut [[i64; 2]]) -> bool {
    let (_, bias) = levels::levels::<2>(scale, APART);
    let bits = bias.map(f64::to_bits);
    let mut failed = 0;
    for (x, pair) in values.iter().zip(pairs) {
        let x = x.widen();
        let high = bias[0] + x;
        let rest = x - (high - bias[0]);
        let low = bias[1] + rest;
        let left = rest - (low - bias[1]);
        *pair = [
            high.to_bits().wrapping_sub(bits[0]) as i64,
            low.to_bits().wrapping_sub(bits[1]) as i64,
        ];
        // Within these bounds, the upper part is in its binade.
        failed |=
            left.to_bits() << 1 | pair[0].wrapping_add(1 << PART_BITS) as u64 >> (PART_BITS + 1);
    }
    failed == 0
}

dispatch! {
    fn cut[T: Number][T](values: &[T], scale: i32, pairs: &mut [[i64; 2]]) -> bool
        = cut_body::<T>
}

#[inline(always)]
fn cut_integers_body<T: Integer>(values: &[T], pairs: &mut [[i64; 2]]) {
    for (&x, pair) in values.iter().zip(pairs) {
        *pair = x.parts();
    }
}

dispatch! {
    fn cut_integers[T: Integer][T](values: &[T], pairs: &mut [[i64; 2]])
        = cut_integers_body::<T>
}
