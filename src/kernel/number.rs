//! The types of numbers that kernels add.

use crate::binary64;
use crate::simd::{Simd, WIDEST};

/// Number types that binary64 represents exactly.
pub(crate) trait Number: Copy + Default + Send + Sync + 'static {
    /// The largest number of elements that are added together.
    const BLOCK: usize;
    /// Whether the significand is too long for one level.
    const SPLIT: bool;
    /// Binades from the first to the last bit of the significand.
    const LAST_BIT: i32;
    fn widen(self) -> f64;
    /// As [`Number::widen`], in any floating-point environment.
    fn widen_bits(self) -> f64;
    /// The first numbers of a slice, which has at least as many as a vector, widened.
    ///
    /// # Panics
    /// If the slice is shorter.
    fn load_first<S: Simd>(simd: S, values: &[Self]) -> S::V;
    /// The numbers, if they are binary64.
    fn as_doubles(values: &[Self]) -> Option<&[f64]>;
    /// The numbers, if they are binary32.
    fn singles(values: &[Self]) -> Option<&[f32]>;

    /// Fewer numbers than a vector has, filled up with zeros.
    #[inline(always)]
    fn load_some<S: Simd>(simd: S, values: &[Self]) -> S::V {
        let mut vector = [Self::default(); WIDEST];
        vector[..values.len()].copy_from_slice(values);
        Self::load_first(simd, &vector)
    }
}

impl Number for f64 {
    const BLOCK: usize = super::levels::BLOCK;
    const SPLIT: bool = true;
    const LAST_BIT: i32 = 52;
    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }
    #[inline(always)]
    fn widen_bits(self) -> f64 {
        self
    }
    #[inline(always)]
    fn load_first<S: Simd>(simd: S, values: &[f64]) -> S::V {
        simd.read(values, 0)
    }
    fn as_doubles(values: &[f64]) -> Option<&[f64]> {
        Some(values)
    }
    #[inline(always)]
    fn singles(_: &[f64]) -> Option<&[f32]> {
        None
    }
}

impl Number for f32 {
    const BLOCK: usize = super::certified::SINGLES;
    const SPLIT: bool = false;
    const LAST_BIT: i32 = 23;
    #[inline(always)]
    fn widen(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn widen_bits(self) -> f64 {
        binary64::widen(self)
    }
    #[inline(always)]
    fn load_first<S: Simd>(simd: S, values: &[f32]) -> S::V {
        simd.read_f32(values, 0)
    }
    fn as_doubles(_: &[f32]) -> Option<&[f64]> {
        None
    }
    #[inline(always)]
    fn singles(values: &[f32]) -> Option<&[f32]> {
        Some(values)
    }
}

/// An integer, cut into parts whose sums do not overflow: `high * 2^32 + low`.
pub(crate) trait Integer: Copy + Default + Send + Sync + 'static {
    /// The mask whose exclusive or maps 64-bit integers to unsigned ones, in the same order.
    const BIAS: u64;
    fn parts(self) -> [i64; 2];
}

macro_rules! integer {
    ($($type:ty: $parts:expr;)*) => {$(
        impl Integer for $type {
            const BIAS: u64 = if <$type>::MIN == 0 { 0 } else { 1 << 63 };
            #[inline(always)]
            fn parts(self) -> [i64; 2] {
                $parts(self)
            }
        }
    )*};
}

integer! {
    i64: |x: i64| [x >> 32, x & 0xffff_ffff];
    u64: |x: u64| [(x >> 32) as i64, (x & 0xffff_ffff) as i64];
    i32: |x: i32| [0, x.into()];
    u32: |x: u32| [0, x.into()];
    i16: |x: i16| [0, x.into()];
    u16: |x: u16| [0, x.into()];
    i8: |x: i8| [0, x.into()];
    u8: |x: u8| [0, x.into()];
}
