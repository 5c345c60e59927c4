//! The types of numbers that kernels add.

/// Numbers that binary64 holds exactly.
pub(crate) trait Number: Copy + Default + Send + Sync + 'static {
    /// Whether the significand is too long for one accumulator of the flagged kernel.
    const SPLIT: bool;
    /// Binades from the first to the last bit of the significand.
    const LAST_BIT: i32;
    fn widen(self) -> f64;
}

impl Number for f64 {
    const SPLIT: bool = true;
    const LAST_BIT: i32 = 52;
    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }
}

impl Number for f32 {
    const SPLIT: bool = false;
    const LAST_BIT: i32 = 23;
    #[inline(always)]
    fn widen(self) -> f64 {
        f64::from(self)
    }
}

/// An integer, cut into parts whose sums do not overflow: `high * 2^32 + low`.
pub(crate) trait Integer: Copy + Default + Send + Sync + 'static {
    /// What makes 64-bit numbers unsigned, their order kept, by an exclusive or.
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
