//! The bits of binary64 numbers, as states and kernels take them apart.

pub(super) const SIGN_AND_EXPONENT: u64 = 0xfff << 52;
/// All bits but that of the sign.
pub(super) const ABSOLUTE: u64 = u64::MAX >> 1;
/// The bits of the significand that are written.
pub(super) const FRACTION: u64 = (1 << 52) - 1;
/// The bit of a normal number's significand that is not.
pub(super) const HIDDEN: u64 = 1 << 52;
/// The last bit of a normal number weighs 2 to the power of its exponent field less this.
pub(super) const LAST_BIT_BIAS: i32 = 1075;
/// The exponent field of infinities and NaNs.
pub(super) const INFINITE: i32 = 2047;

/// `2^exponent` for a normal result.
#[inline(always)]
pub(super) fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// The integer significand and the exponent of a finite number: `|x| = m * 2^e`.
#[inline]
pub(super) fn decompose(x: f64) -> (u64, i32) {
    let bits = x.to_bits();
    let field = (bits >> 52) as i32 & 0x7ff;
    let fraction = bits & FRACTION;
    let significand = if field == 0 { fraction } else { fraction | HIDDEN };
    (significand, field.max(1) - LAST_BIT_BIAS)
}
