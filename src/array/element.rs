//! Converting elements to what kernels take: native, binary64 or integer numbers.

use super::dtype::{Dtype, by_wide};
use super::view::{Bits, Line};
use crate::binary64;
use crate::cpu::{Isa, dispatch};

/// A native number type that kernels take. Each represents the elements of one or more dtypes
/// exactly.
pub(crate) trait Native: Copy + Default + Send + Sync + 'static {
    /// The dtype whose elements have this type in memory.
    const DTYPE: Dtype;
    /// Whether the type has NaNs.
    const HAS_NAN: bool;
    fn is_nan(self) -> bool;

    /// Reads the first elements of a line, whose dtype [`by_native!`] or [`by_wide!`] has taken to
    /// this type.
    fn read(isa: Isa, line: Line<'_>, into: &mut [Self]);

    /// The nearest binary64 number.
    fn nearest(self) -> f64;
    /// The integer minus [`Native::nearest`].
    fn rest(self) -> f64;
    /// Its integer part.
    fn integer(self) -> i128;
    /// The highest bit tells whether `before + self`, which wraps around to `after`, overflows 64
    /// bits: signed ones, except for `u64`.
    fn lost(self, before: u64, after: u64) -> u64;
}

#[inline(always)]
fn lost_signed(x: u64, before: u64, after: u64) -> u64 {
    (before ^ after) & (x ^ after)
}

#[inline(always)]
fn lost_unsigned(x: u64, before: u64, after: u64) -> u64 {
    before & x | (before | x) & !after
}

macro_rules! native {
    ($($type:ty: $dtype:ident $(or $other:ty as $other_dtype:ident)*,
       $has_nan:literal, $is_nan:expr, $rest:expr, $lost:expr;)*) => {$(
        impl Native for $type {
            const DTYPE: Dtype = Dtype::$dtype;
            const HAS_NAN: bool = $has_nan;
            #[inline(always)]
            fn is_nan(self) -> bool {
                $is_nan(self)
            }
            #[inline]
            fn read(isa: Isa, line: Line<'_>, into: &mut [$type]) {
                match line.dtype() {
                    $(Dtype::$other_dtype => read_line::<$other, $type>(isa, line, into),)*
                    _ => read_line::<$type, $type>(isa, line, into),
                }
            }
            #[inline(always)]
            fn nearest(self) -> f64 {
                self.to_f64()
            }
            #[inline(always)]
            fn rest(self) -> f64 {
                $rest(self)
            }
            #[inline(always)]
            fn integer(self) -> i128 {
                self as i128
            }
            #[inline(always)]
            fn lost(self, before: u64, after: u64) -> u64 {
                $lost(self.integer() as u64, before, after)
            }
        }
    )*};
}

/// The nearest binary64 number.
trait ToF64 {
    fn to_f64(self) -> f64;
}

impl ToF64 for f32 {
    /// Correct in any floating-point environment.
    #[inline(always)]
    fn to_f64(self) -> f64 {
        binary64::widen(self)
    }
}

macro_rules! to_f64 {
    ($($type:ty)*) => {$(
        impl ToF64 for $type {
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
        }
    )*};
}

to_f64! { f64 i64 i32 i16 i8 u64 u32 u16 u8 }

native! {
    f64: F64, true, f64::is_nan, |_| 0.0, lost_signed;
    f32: F32 or F16 as F16, true, f32::is_nan, |_| 0.0, lost_signed;
    i64: I64 or u32 as U32, false, |_| false, |x: i64| (i128::from(x) - x as f64 as i128) as f64, lost_signed;
    i32: I32 or i16 as I16 or i8 as I8 or u16 as U16 or u8 as U8 or Bool as Bool, false, |_| false, |_| 0.0, lost_signed;
    i16: I16, false, |_| false, |_| 0.0, lost_signed;
    i8: I8, false, |_| false, |_| 0.0, lost_signed;
    u64: U64, false, |_| false, |x: u64| (i128::from(x) - x as f64 as i128) as f64, lost_unsigned;
    u32: U32, false, |_| false, |_| 0.0, lost_signed;
    u16: U16, false, |_| false, |_| 0.0, lost_signed;
    u8: U8 or Bool as Bool, false, |_| false, |_| 0.0, lost_signed;
}

/// An element in memory, whose values `V` holds exactly.
trait Element<V>: Copy + 'static {
    type Bits: Bits;
    fn value(bits: Self::Bits) -> V;
}

macro_rules! element {
    ($($type:ty, $bits:ty, $($value:ty)|+, $convert:expr;)*) => {$($(
        impl Element<$value> for $type {
            type Bits = $bits;
            #[inline(always)]
            #[allow(clippy::useless_conversion)] // (Not for the wider type.)
            fn value(bits: $bits) -> $value {
                $convert(bits)
            }
        }
    )+)*};
}

/// A binary16 number.
#[derive(Clone, Copy)]
struct F16;
/// A bool; any byte but 0 is true.
#[derive(Clone, Copy)]
struct Bool;

element! {
    f64, u64, f64, f64::from_bits;
    f32, u32, f32, f32::from_bits;
    F16, u16, f32, widen_f16;
    i64, u64, i64, |bits| bits as i64;
    i32, u32, i32, |bits| bits as i32;
    i16, u16, i16 | i32, |bits| (bits as i16).into();
    i8, u8, i8 | i32, |bits| (bits as i8).into();
    u64, u64, u64, |bits| bits;
    u32, u32, u32 | i64, |bits: u32| bits.into();
    u16, u16, u16 | i32, |bits: u16| bits.into();
    u8, u8, u8 | i32, |bits: u8| bits.into();
    Bool, u8, u8 | i32, |bits| (bits != 0).into();
}

/// binary16 to binary32, without branches so that loops are vectorised.
#[inline(always)]
fn widen_f16(bits: u16) -> f32 {
    const REBIAS: u32 = (127 - 15) << 23;
    let magnitude = u32::from(bits & 0x7fff) << 13;
    let subnormal =
        f32::from_bits(magnitude + REBIAS + (1 << 23)) - f32::from_bits(REBIAS + (1 << 23));
    let widened = match bits & 0x7c00 {
        // (When rounding down, a number minus itself is -0.)
        0 => subnormal.abs().to_bits(),
        0x7c00 => magnitude + 2 * REBIAS,
        _ => magnitude + REBIAS,
    };
    f32::from_bits(widened | u32::from(bits & 0x8000) << 16)
}

#[inline(always)]
fn read_line_body<E: Element<V>, V: Native>(line: Line<'_>, into: &mut [V]) {
    line.read(into, E::value);
}

dispatch! {
    fn read_line[E: Element<V>, V: Native][E, V](line: Line<'_>, into: &mut [V])
        = read_line_body::<E, V>
}

/// An element converted to binary64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// The nearest binary64 number.
    Nearest,
    /// What remains of an integer that binary64 does not represent.
    Rest,
}

/// The binary64 numbers whose sum is an element of a dtype.
pub(crate) fn pieces(dtype: Dtype) -> &'static [Piece] {
    match dtype {
        Dtype::I64 | Dtype::U64 => &[Piece::Nearest, Piece::Rest],
        _ => &[Piece::Nearest],
    }
}

/// The number of elements converted at once.
const CONVERTED: usize = 128;

/// Converts the first elements of a line of native values.
#[inline]
fn convert_line<V: Native, T>(isa: Isa, line: Line<'_>, into: &mut [T], convert: impl Fn(V) -> T) {
    let mut values = [V::default(); CONVERTED];
    for (index, into) in into.chunks_mut(CONVERTED).enumerate() {
        let values = &mut values[..into.len()];
        V::read(isa, line.skip(index * CONVERTED), values);
        for (to, &value) in into.iter_mut().zip(&*values) {
            *to = convert(value);
        }
    }
}

/// Reads a piece of each of the first elements of a line.
pub(crate) fn read_numbers(isa: Isa, line: Line<'_>, piece: Piece, into: &mut [f64]) {
    fn run<V: Native>(isa: Isa, line: Line<'_>, piece: Piece, into: &mut [f64]) {
        match piece {
            Piece::Nearest => convert_line::<V, f64>(isa, line, into, V::nearest),
            Piece::Rest => convert_line::<V, f64>(isa, line, into, V::rest),
        }
    }
    by_wide!(line.dtype(), run(isa, line, piece, into));
}

/// Reads the first elements of a line of integers, in two's complement.
pub(crate) fn read_words(isa: Isa, line: Line<'_>, into: &mut [u64]) {
    fn run<V: Native>(isa: Isa, line: Line<'_>, into: &mut [u64]) {
        convert_line::<V, u64>(isa, line, into, |value| value.integer() as u64);
    }
    by_wide!(line.dtype(), run(isa, line, into));
}

/// Which elements of a line are included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selection<'a> {
    /// A mask with a bool for each element: true includes it.
    pub mask: Option<Line<'a>>,
    /// Whether NaNs are left out.
    pub skip_nan: bool,
}

impl<'a> Selection<'a> {
    /// Whether elements of this type may be excluded.
    pub fn is_selective<V: Native>(&self) -> bool {
        self.mask.is_some() || self.skip_nan && V::HAS_NAN
    }

    pub fn skip(&self, start: usize) -> Selection<'a> {
        Selection { mask: self.mask.map(|mask| mask.skip(start)), ..*self }
    }
}

/// Buffers for the values of a part of a line.
pub(crate) struct Stage<V> {
    pub values: Vec<V>,
    /// 1 where a value is included, 0 where it is excluded (and its value is 0).
    pub counted: Vec<u8>,
}

impl<V: Native> Stage<V> {
    pub fn new(size: usize) -> Stage<V> {
        Stage { values: vec![V::default(); size], counted: vec![1; size] }
    }

    /// Reserves space for at least this many values.
    pub fn make_room(&mut self, size: usize) {
        if self.values.len() < size {
            *self = Stage::new(size);
        }
    }

    /// Copies a line to `at..at + line.len()`; `counted` is written only if elements are selected.
    #[inline]
    pub fn fill(&mut self, isa: Isa, line: Line<'_>, selection: Selection<'_>, at: usize) {
        let values = &mut self.values[at..at + line.len()];
        V::read(isa, line, values);
        if selection.is_selective::<V>() {
            let counted = &mut self.counted[at..at + line.len()];
            match selection.mask {
                Some(mask) => read_line::<Bool, u8>(isa, mask, counted),
                None => counted.fill(1),
            }
            select(isa, values, counted, selection.skip_nan);
        }
    }
}

#[inline(always)]
fn count_ones_body(counted: &[u8]) -> usize {
    // As many as can be added up in a byte.
    counted.chunks(255).map(|some| usize::from(some.iter().sum::<u8>())).sum()
}

dispatch! {
    /// The number of ones in bytes that are 0 or 1.
    pub(crate) fn count_ones(counted: &[u8]) -> usize = count_ones_body
}

/// Sets excluded values to 0, and excludes NaNs if they are to be skipped.
#[inline(always)]
fn select_body<V: Native>(values: &mut [V], counted: &mut [u8], skip_nan: bool) {
    for (value, counted) in values.iter_mut().zip(counted) {
        let keep = *counted != 0 && !(skip_nan && value.is_nan());
        *value = if keep { *value } else { V::default() };
        *counted = u8::from(keep);
    }
}

dispatch! {
    fn select[V: Native][V](values: &mut [V], counted: &mut [u8], skip_nan: bool)
        = select_body::<V>
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::view::View;

    fn check_read<T: Native + Into<V>, V: Native + PartialEq + std::fmt::Debug>(values: &[T]) {
        let expected: Vec<V> = values.iter().map(|&x| x.into()).collect();
        for isa in Isa::available() {
            let mut read = vec![V::default(); values.len()];
            V::read(isa, Line::of(values), &mut read);
            assert_eq!(read, expected, "{isa:?} {:?}", T::DTYPE);
        }
    }

    #[test]
    fn narrow_integers_are_read_as_wider_ones() {
        check_read::<i8, i32>(&[i8::MIN, -1, 0, 7, i8::MAX]);
        check_read::<u8, i32>(&[0, 1, 127, 128, u8::MAX]);
        check_read::<i16, i32>(&[i16::MIN, -129, 300, i16::MAX, 5]);
        check_read::<u16, i32>(&[0, 1 << 15, u16::MAX, 9, 2]);
        check_read::<u32, i64>(&[0, 1 << 31, u32::MAX, 9, 2]);
        let bools = View::of_mask(&[false, true, true, false]);
        let mut read = [0i32; 4];
        i32::read(Isa::BASELINE, bools.line(0, 1, 4), &mut read);
        assert_eq!(read, [0, 1, 1, 0]);
    }

    #[test]
    fn every_binary16_number_is_widened() {
        for bits in 0..=u16::MAX {
            let (sign, exponent, fraction) = (bits >> 15, bits >> 10 & 0x1f, bits & 0x3ff);
            let magnitude = match exponent {
                0 => f64::from(fraction) * 2f64.powi(-24),
                31 if fraction == 0 => f64::INFINITY,
                31 => f64::NAN,
                _ => (1.0 + f64::from(fraction) / 1024.0) * 2f64.powi(i32::from(exponent) - 15),
            };
            let expected = if sign == 1 { -magnitude } else { magnitude };
            let widened = f64::from(widen_f16(bits));
            assert!(widened == expected || widened.is_nan() && expected.is_nan(), "{bits:#x}");
            assert!(widened.is_sign_negative() == (sign == 1) || widened.is_nan());
        }
    }
}
