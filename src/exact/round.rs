//! Rounding an exact magnitude to the nearest number of a format, ties to even.

/// An IEEE 754 binary interchange format.
///
/// ```
/// use mypackage::sum::{Accumulator, Format};
///
/// let total: Accumulator = [2048.0, 1.0, 2f64.powi(-40)].into_iter().collect();
/// // binary16 has 11 bits: just above half way between 2048 and 2050.
/// assert_eq!(total.round_quotient(1, Format::F16), 0x6801);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Bits of the trailing significand field (52 for binary64).
    fraction_bits: u32,
    /// Bits of the exponent field (11 for binary64).
    exponent_bits: u32,
}

impl Format {
    /// binary16, `float16`.
    pub const F16: Format = Format { fraction_bits: 10, exponent_bits: 5 };
    /// binary32, `float32`.
    pub const F32: Format = Format { fraction_bits: 23, exponent_bits: 8 };
    /// binary64, `float64`.
    pub const F64: Format = Format { fraction_bits: 52, exponent_bits: 11 };

    fn bias(self) -> i32 {
        (1 << (self.exponent_bits - 1)) - 1
    }

    /// The exponent of the smallest subnormal number.
    fn lowest_bit(self) -> i32 {
        1 - self.bias() - self.fraction_bits as i32
    }

    /// The sign bit.
    ///
    /// ```
    /// use mypackage::sum::Format;
    ///
    /// assert_eq!(Format::F64.sign_bit(), (-0.0f64).to_bits());
    /// ```
    pub fn sign_bit(self) -> u64 {
        1 << (self.fraction_bits + self.exponent_bits)
    }

    /// The bit pattern of +infinity.
    ///
    /// ```
    /// use mypackage::sum::Format;
    ///
    /// assert_eq!(Format::F32.infinity(), u64::from(f32::INFINITY.to_bits()));
    /// ```
    pub fn infinity(self) -> u64 {
        ((1 << self.exponent_bits) - 1) << self.fraction_bits
    }

    /// The bit pattern of all NaN results: non-signalling, positive, no payload.
    ///
    /// ```
    /// use mypackage::sum::Format;
    ///
    /// assert_eq!(Format::F16.nan(), 0x7e00);
    /// assert_eq!(Format::F64.nan(), 0x7ff8_0000_0000_0000);
    /// ```
    pub fn nan(self) -> u64 {
        self.infinity() | 1 << (self.fraction_bits - 1)
    }
}

/// A non-negative real number: `head * 2^exponent`, plus a positive rest if `sticky`.
///
/// The rest is smaller than one unit of `head`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Magnitude {
    pub head: u128,
    pub exponent: i32,
    pub sticky: bool,
}

impl Magnitude {
    /// The number divided by `divisor`, precise enough to be rounded to any [`Format`].
    pub fn divide(self, divisor: u64) -> Magnitude {
        if divisor == 1 || self.head == 0 {
            return self;
        }
        // With the head's top bit set the quotient has at least 64 bits. A sticky part below the
        // head cannot carry into the quotient: remainder + part < divisor.
        let shift = self.head.leading_zeros();
        let head = self.head << shift;
        let divisor = u128::from(divisor);
        Magnitude {
            head: head / divisor,
            exponent: self.exponent - shift as i32,
            sticky: self.sticky || !head.is_multiple_of(divisor),
        }
    }

    /// The nearest integer, ties to even; `None` beyond 128 bits.
    pub fn to_integer(self) -> Option<u128> {
        let Magnitude { head, exponent, sticky } = self;
        if exponent >= 0 {
            // A sticky part lies below a head of more than 64 bits: far beyond the integers here.
            let fits = head == 0 || head.leading_zeros() as i32 >= exponent;
            return (fits && !sticky).then(|| head.checked_shl(exponent as u32).unwrap_or(0));
        }
        let dropped = exponent.unsigned_abs();
        if dropped > 128 {
            return Some(0);
        }
        let (kept, rest, half) = match dropped {
            128 => (0, head, 1 << 127),
            _ => (head >> dropped, head & ((1 << dropped) - 1), 1u128 << (dropped - 1)),
        };
        let up = rest > half || rest == half && (sticky || kept & 1 == 1);
        Some(kept + u128::from(up))
    }

    /// The bits of the nearest number of `format`, ties to even; infinity beyond its range.
    ///
    /// With a sticky part, the head must have at least two bits more than the significand.
    pub fn round(self, negative: bool, format: Format) -> u64 {
        let sign = if negative { format.sign_bit() } else { 0 };
        if self.head == 0 {
            debug_assert!(!self.sticky);
            return 0;
        }
        let shift = self.head.leading_zeros();
        let head = self.head << shift;
        let lowest = self.exponent - shift as i32;
        // The exponent of the result's last bit.
        let unit = (lowest + 127 - format.fraction_bits as i32).max(format.lowest_bit());
        let dropped = unit.saturating_sub(lowest);
        debug_assert!(dropped > 0);
        let (mut kept, rest, half) = match dropped {
            ..=127 => {
                let half = 1u128 << (dropped - 1);
                ((head >> dropped) as u64, head & (half - 1 + half), half)
            }
            128 => (0, head, 1 << 127),
            // Below a quarter of the smallest subnormal: a zero with the sign.
            _ => return sign,
        };
        if rest > half || rest == half && (self.sticky || kept & 1 == 1) {
            kept += 1;
        }
        // The hidden bit of a normal number adds one to the field, and so does a carry beyond it.
        let field = (unit - format.lowest_bit()) as u64;
        let bits =
            field.checked_mul(1 << format.fraction_bits).and_then(|bits| bits.checked_add(kept));
        sign | bits.unwrap_or(u64::MAX).min(format.infinity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dashu_int::UBig;
    use proptest::prelude::*;

    fn round_f64(head: u128, exponent: i32, sticky: bool) -> f64 {
        f64::from_bits(Magnitude { head, exponent, sticky }.round(false, Format::F64))
    }

    #[test]
    fn special_patterns() {
        let of = |format: Format| [format.sign_bit(), format.infinity(), format.nan()];
        assert_eq!(of(Format::F16), [0x8000, 0x7c00, 0x7e00]);
        assert_eq!(of(Format::F32), [0x8000_0000, 0x7f80_0000, 0x7fc0_0000]);
        assert_eq!(of(Format::F64), [1 << 63, 0x7ff << 52, 0xfff << 51]);
    }

    #[test]
    fn ties_go_to_even() {
        let odd = (1u128 << 53) + 2;
        assert_eq!(round_f64((1 << 54) + 2, 0, false), (1u64 << 54) as f64);
        assert_eq!(round_f64(odd * 2 + 2, 0, false), ((1u64 << 54) + 8) as f64);
        assert_eq!(round_f64(((1 << 54) + 2) << 20, -20, true), ((1u64 << 54) + 4) as f64);
    }

    #[test]
    fn the_ends_of_the_range() {
        assert_eq!(round_f64(1, -1074, false), f64::from_bits(1));
        assert_eq!(round_f64(1, -1075, false), 0.0);
        assert_eq!(round_f64(3, -1076, false), f64::from_bits(1));
        assert_eq!(round_f64((1 << 53) - 1, 971, false), f64::MAX);
        assert_eq!(round_f64((1 << 54) - 1, 970, false), f64::INFINITY);
        assert_eq!(round_f64((1 << 56) - 5, 968, false), f64::MAX);
        assert_eq!(round_f64(1, 5000, false), f64::INFINITY);
        assert_eq!(round_f64(1, -5000, false), 0.0);
    }

    #[test]
    fn every_f64_survives_and_halves_agree() {
        for bits in (0..2046u64).map(|e| e << 52 | 0x000f_1234_5678_9abc) {
            let (m, e) = crate::binary64::decompose(f64::from_bits(bits));
            assert_eq!(round_f64(u128::from(m), e, false).to_bits(), bits);
        }
    }

    #[test]
    fn formats_round_like_the_hardware() {
        for bits in (0..u64::from(u32::MAX) >> 1).step_by(65_537 * 3) {
            let x = f64::from_bits(bits << 32 | 0x9e37_79b9);
            if x.is_finite() {
                let (m, e) = crate::binary64::decompose(x);
                let number = Magnitude { head: m.into(), exponent: e, sticky: false };
                assert_eq!(number.round(false, Format::F32) as u32, (x as f32).to_bits());
            }
        }
    }

    #[test]
    fn quotients_are_rounded_once() {
        let third = Magnitude { head: 1, exponent: 0, sticky: false }.divide(3);
        assert_eq!(f64::from_bits(third.round(false, Format::F64)), 1.0 / 3.0);
        assert_eq!(f32::from_bits(third.round(false, Format::F32) as u32), 1.0f32 / 3.0);
        // Halfway between two numbers, and beyond by the rest of the division or of the dividend.
        let halfway = ((1u128 << 24) + 1) * 3;
        for (head, exponent, sticky, up) in [
            (halfway, 0, false, 0),
            (halfway + 1, 0, false, 2),
            (halfway << 60, -60, false, 0),
            (halfway << 60, -60, true, 2),
        ] {
            let number = Magnitude { head, exponent, sticky }.divide(3);
            let expected = ((1 << 24) + up) as f32;
            assert_eq!(f32::from_bits(number.round(false, Format::F32) as u32), expected);
        }
    }

    /// Everything below is multiplied by `2^SCALE`, so that it is an integer.
    const SCALE: i32 = 1600;

    fn scaled(head: u128, exponent: i32) -> UBig {
        UBig::from(head) << (exponent + SCALE) as usize
    }

    /// Four times the number.
    fn four_times(number: Magnitude) -> UBig {
        let Magnitude { head, exponent, sticky } = number;
        (scaled(head, exponent) << 2) + if sticky { scaled(1, exponent) } else { UBig::ZERO }
    }

    /// The number of a bit pattern; that of infinity would be next to the largest finite number.
    fn decoded(bits: u64, format: Format) -> UBig {
        let hidden = 1 << format.fraction_bits;
        let (field, fraction) = (bits >> format.fraction_bits, bits % hidden);
        let significand = if field == 0 { fraction } else { hidden + fraction };
        scaled(significand.into(), format.lowest_bit() + field.saturating_sub(1) as i32)
    }

    /// `head` and `sticky`, where allowed: many midpoints of a format, and numbers beside them.
    fn heads() -> impl Strategy<Value = (u128, bool)> {
        let precision = prop::sample::select(vec![11 + 1, 24 + 1, 53 + 1]);
        let near =
            (any::<u64>(), precision, 0u32..64, -1i128..2).prop_map(|(x, bits, up, more)| {
                (u128::from((x | 1 << 63) >> (64 - bits)) << up).saturating_add_signed(more)
            });
        let any_head = (any::<u128>(), prop_oneof![Just(0), 0u32..128]);
        (prop_oneof![near, any_head.prop_map(|(head, down)| head >> down)], any::<bool>())
            .prop_map(|(head, sticky)| (head, sticky && head >> 56 > 0))
    }

    proptest! {
        #[test]
        fn no_number_of_the_format_is_nearer(
            (head, sticky) in heads(),
            format in prop::sample::select(vec![Format::F16, Format::F32, Format::F64]),
            from_lowest in -132i32..40,
            from_highest in prop::option::of(-130i32..4),
            divisor in prop_oneof![Just(1), 1u64..20, any::<u64>().prop_map(|x| x.max(1))],
            is_multiple: bool,
        ) {
            let multiple = if is_multiple { head.checked_mul(divisor.into()) } else { None };
            let head = multiple.unwrap_or(head);
            let highest = format.lowest_bit() + (1 << format.exponent_bits) - 2;
            let exponent =
                from_highest.map_or(format.lowest_bit() + from_lowest, |offset| highest + offset);
            let number = Magnitude { head, exponent, sticky };
            let bits = number.divide(divisor).round(false, format);
            let exact = four_times(number);
            // Twice the midpoints on both sides, times the divisor.
            let midpoint = |lower: u64| (decoded(lower, format) + decoded(lower + 1, format)) * divisor;
            let is_even = bits.is_multiple_of(2);
            prop_assert!(bits <= format.infinity());
            if bits < format.infinity() {
                let above = midpoint(bits) << 1;
                prop_assert!(exact < above || is_even && exact == above);
            }
            if bits > 0 {
                let below = midpoint(bits - 1) << 1;
                prop_assert!(exact > below || is_even && exact == below);
            }
            let sign = if head == 0 { 0 } else { format.sign_bit() };
            prop_assert_eq!(number.divide(divisor).round(true, format), sign | bits);
        }

        #[test]
        fn no_integer_is_nearer(
            (head, sticky) in heads(),
            any_exponent in -140i32..140,
            place in 0..3,
            offset in -1i32..2,
        ) {
            let exponent = match place {
                0 => any_exponent,
                // Halves.
                1 => offset.min(0) - head.trailing_zeros() as i32,
                // Near one half.
                _ => offset - (128 - head.leading_zeros() as i32),
            };
            let number = Magnitude { head, exponent, sticky };
            let exact = four_times(number);
            let Some(integer) = number.to_integer() else {
                // The largest 128-bit integer and a half.
                let limit = (scaled(u128::MAX, 0) << 2) + scaled(2, 0);
                prop_assert!(exact >= limit || sticky && exponent >= 0);
                return Ok(());
            };
            let half = scaled(2, 0);
            let quadruple = scaled(integer, 0) << 2;
            let is_even = integer.is_multiple_of(2);
            let above = &quadruple + &half;
            prop_assert!(exact < above || is_even && exact == above);
            prop_assert!(&exact + &half > quadruple || is_even && exact + half == quadruple);
        }
    }
}
