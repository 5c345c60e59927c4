//! The fields of binary64 numbers.

pub(super) const SIGN_AND_EXPONENT: u64 = 0xfff << 52;
/// All bits but that of the sign.
pub(super) const ABSOLUTE: u64 = u64::MAX >> 1;
/// The stored bits of the significand.
pub(super) const FRACTION: u64 = (1 << 52) - 1;
/// The implicit bit of a normal number's significand.
pub(super) const HIDDEN: u64 = 1 << 52;
/// The weight of the last bit of a normal number is 2 to the power of its exponent field minus
/// this.
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

/// Whether a number is finite, by its bits.
#[inline(always)]
pub(crate) fn is_finite(x: f64) -> bool {
    x.to_bits() & ABSOLUTE < (INFINITE as u64) << 52
}

/// Converts binary32 to binary64 by integer operations, so that no floating-point mode affects it.
#[inline(always)]
pub(crate) fn widen(x: f32) -> f64 {
    let bits = x.to_bits();
    let magnitude = u64::from(bits & 0x7fff_ffff);
    let widened = match magnitude >> 23 {
        // A multiple of 2^-149, which is an exact, normal number.
        0 => (f64::from(magnitude as i32) * power_of_two(-149)).to_bits(),
        0xff => (INFINITE as u64) << 52 | (magnitude << 29 & FRACTION),
        _ => (magnitude << 29) + (896 << 52),
    };
    f64::from_bits(widened | u64::from(bits >> 31) << 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widened_by_bits() {
        for bits in (0..=u32::MAX).step_by(65_521).chain([0, 1, 0x7f_ffff, 0x80_0000, 0x8000_0001])
        {
            let x = f32::from_bits(bits);
            assert!(widen(x) == f64::from(x) || x.is_nan() && widen(x).is_nan(), "{bits:#x}");
            assert_eq!(widen(x).is_sign_negative(), x.is_sign_negative());
        }
        for x in [f32::INFINITY, f32::NEG_INFINITY, -0.0] {
            assert_eq!(widen(x).to_bits(), f64::from(x).to_bits());
        }
    }
}
