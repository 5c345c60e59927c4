//! Elements of any dtype as binary64 numbers, without loss: integers of 64 bits need two.

#![allow(unsafe_code)] // Reads elements at computed addresses.

use super::walk::{Line, Operand};

/// A binary64 number taken from an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// The nearest one.
    Nearest,
    /// The rest of an integer that is not its own nearest one.
    Rest,
}

/// A native number as binary64 numbers, or as an integer.
pub(crate) trait Convert {
    fn nearest(self) -> f64;
    /// What [`Convert::nearest`] leaves of an integer.
    fn rest(self) -> f64;
    /// Its integer part.
    fn integer(self) -> i128;
    /// The highest bit tells whether `before + self`, which wraps around to `after`, is beyond the
    /// 64-bit integers: those with a sign, but for `u64`.
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

macro_rules! convert {
    ($($type:ty: $rest:expr, $lost:expr;)*) => {$(
        impl Convert for $type {
            #[inline(always)]
            fn nearest(self) -> f64 {
                self as f64
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

convert! {
    f64: |_| 0.0, lost_signed;
    f32: |_| 0.0, lost_signed;
    i64: |x: i64| (i128::from(x) - x as f64 as i128) as f64, lost_signed;
    u64: |x: u64| (i128::from(x) - x as f64 as i128) as f64, lost_unsigned;
    i32: |_| 0.0, lost_signed;
    u32: |_| 0.0, lost_signed;
    i16: |_| 0.0, lost_signed;
    u16: |_| 0.0, lost_signed;
    i8: |_| 0.0, lost_signed;
    u8: |_| 0.0, lost_signed;
}

/// Reads a piece of each element of a line.
///
/// # Safety
/// The line must be readable, and as long as `into`.
pub(crate) unsafe fn read_numbers<O: Operand<Value: Convert>>(
    line: Line,
    swapped: bool,
    piece: Piece,
    into: &mut [f64],
) {
    let element = size_of::<O>() as isize;
    // One loop each, so that the compiler sees constants where they are constant.
    // SAFETY: the caller's promise.
    unsafe {
        match (line.stride == element, swapped) {
            (true, false) => read_loop::<O>(line.data, element, false, piece, into),
            _ => read_loop::<O>(line.data, line.stride, swapped, piece, into),
        }
    }
}

/// # Safety
/// That of [`read_numbers`].
#[inline(always)]
unsafe fn read_loop<O: Operand<Value: Convert>>(
    data: *const u8,
    stride: isize,
    swapped: bool,
    piece: Piece,
    into: &mut [f64],
) {
    for (index, number) in into.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        let value = unsafe { O::read(data.wrapping_offset(index as isize * stride), swapped) };
        *number = if piece == Piece::Nearest { value.nearest() } else { value.rest() };
    }
}
