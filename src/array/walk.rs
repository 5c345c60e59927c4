//! How memory is read: any stride, alignment and byte order, masked or not, as native slices.

#![allow(unsafe_code)] // Reads elements at computed addresses.

use crate::cpu::{Isa, dispatch};

/// A native number: what kernels take.
pub(crate) trait Native: Copy + Default + Send + Sync + 'static {
    /// Whether the type has NaNs.
    const HAS_NAN: bool;
    fn is_nan(self) -> bool;
}

macro_rules! native {
    ($($type:ty: $has_nan:literal, $is_nan:expr;)*) => {$(
        impl Native for $type {
            const HAS_NAN: bool = $has_nan;
            #[inline(always)]
            fn is_nan(self) -> bool {
                $is_nan(self)
            }
        }
    )*};
}

native! {
    f64: true, f64::is_nan;
    f32: true, f32::is_nan;
    i64: false, |_| false;
    i32: false, |_| false;
    i16: false, |_| false;
    i8: false, |_| false;
    u64: false, |_| false;
    u32: false, |_| false;
    u16: false, |_| false;
    u8: false, |_| false;
}

/// An element as it lies in memory.
pub(crate) trait Operand: Copy + Send + Sync + 'static {
    /// A native number that holds every element exactly.
    type Value: Native;
    /// Whether memory in native byte order is an array of values already.
    const IS_VALUE: bool;

    /// Reads an element at any alignment.
    ///
    /// # Safety
    /// `size_of::<Self>()` bytes must be readable at `at`.
    unsafe fn read(at: *const u8, swapped: bool) -> Self::Value;
}

macro_rules! operand {
    ($($type:ty, $bits:ty, $value:ty, $is_value:literal, $convert:expr;)*) => {$(
        impl Operand for $type {
            type Value = $value;
            const IS_VALUE: bool = $is_value;
            #[inline(always)]
            unsafe fn read(at: *const u8, swapped: bool) -> $value {
                // SAFETY: the caller's promise.
                let bits = unsafe { at.cast::<$bits>().read_unaligned() };
                $convert(if swapped { bits.swap_bytes() } else { bits })
            }
        }
    )*};
}

/// A binary16 number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct F16(#[allow(dead_code)] u16);
/// A truth value; any byte but 0 is true.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bool(#[allow(dead_code)] u8);

operand! {
    f64, u64, f64, true, f64::from_bits;
    f32, u32, f32, true, f32::from_bits;
    F16, u16, f32, false, widen_f16;
    i64, u64, i64, true, |bits| bits as i64;
    i32, u32, i32, true, |bits| bits as i32;
    i16, u16, i16, true, |bits| bits as i16;
    i8, u8, i8, true, |bits| bits as i8;
    u64, u64, u64, true, |bits| bits;
    u32, u32, u32, true, |bits| bits;
    u16, u16, u16, true, |bits| bits;
    u8, u8, u8, true, |bits| bits;
    Bool, u8, u8, false, |bits| u8::from(bits != 0);
}

/// binary16 to binary32, without branches so that the loop around it is vectorised.
#[inline(always)]
fn widen_f16(bits: u16) -> f32 {
    const REBIAS: u32 = (127 - 15) << 23;
    let magnitude = u32::from(bits & 0x7fff) << 13;
    let subnormal =
        f32::from_bits(magnitude + REBIAS + (1 << 23)) - f32::from_bits(REBIAS + (1 << 23));
    let widened = match bits & 0x7c00 {
        0 => subnormal.to_bits(),
        0x7c00 => magnitude + 2 * REBIAS,
        _ => magnitude + REBIAS,
    };
    f32::from_bits(widened | u32::from(bits & 0x8000) << 16)
}

/// Elements and their mask at equal distances: one line through an array.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub data: *const u8,
    pub stride: isize,
    pub mask: *const u8,
    pub mask_stride: isize,
    pub count: usize,
}

// SAFETY: the pointers are only read, under the promise of whoever made the line.
unsafe impl Send for Line {}
// SAFETY: as above.
unsafe impl Sync for Line {}

/// What is read of a line: all of it, or what the mask and the NaNs leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    pub swapped: bool,
    pub masked: bool,
    pub skip_nan: bool,
}

impl Reading {
    /// Whether elements may be left out.
    pub fn is_selective(self) -> bool {
        self.masked || self.skip_nan
    }
}

impl Line {
    /// A line without a mask.
    #[inline]
    pub fn of(data: *const u8, stride: isize, count: usize) -> Line {
        Line { data, stride, mask: std::ptr::null(), mask_stride: 0, count }
    }

    /// The line as a slice, if memory holds exactly that.
    ///
    /// # Safety
    /// The line must be readable while the slice is used. (If another thread writes to it
    /// meanwhile, the numbers are any numbers, and so is the sum.)
    #[inline]
    pub unsafe fn as_slice<'a, O: Operand>(&self, reading: Reading) -> Option<&'a [O::Value]> {
        let direct = O::IS_VALUE
            && (!reading.swapped || size_of::<O>() == 1)
            && !reading.masked
            && !(reading.skip_nan && O::Value::HAS_NAN)
            && (self.stride == size_of::<O>() as isize || self.count == 1)
            && self.data.cast::<O::Value>().is_aligned();
        // SAFETY: native, contiguous, aligned, and readable by the caller's promise.
        direct.then(|| unsafe { std::slice::from_raw_parts(self.data.cast(), self.count) })
    }

    /// The part of the line from `start` on.
    #[inline]
    pub fn skip(&self, start: usize) -> Line {
        Line {
            data: self.data.wrapping_offset(start as isize * self.stride),
            mask: self.mask.wrapping_offset(start as isize * self.mask_stride),
            count: self.count - start,
            ..*self
        }
    }

    /// The first elements, at most `count`.
    #[inline]
    pub fn truncate(&self, count: usize) -> Line {
        Line { count: self.count.min(count), ..*self }
    }
}

/// A matrix whose columns are added: `count` rows, `stride` bytes apart, each a contiguous run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<T> {
    pub data: *const T,
    pub stride: isize,
    pub count: usize,
}

/// Space for the values of a part of a line.
pub(crate) struct Stage<V> {
    pub values: Vec<V>,
    /// 1 where a value is counted, 0 where it was left out (and its value is 0).
    pub counted: Vec<u8>,
}

impl<V: Native> Stage<V> {
    pub fn new(size: usize) -> Stage<V> {
        Stage { values: vec![V::default(); size], counted: vec![1; size] }
    }

    /// Sees to it that there is space for at least so many values.
    pub fn make_room(&mut self, size: usize) {
        if self.values.len() < size {
            *self = Stage::new(size);
        }
    }

    /// Copies a line to `at..at + line.count`; `counted` is written only by a selective reading.
    ///
    /// # Safety
    /// The line must be readable.
    #[inline]
    pub unsafe fn fill<O: Operand<Value = V>>(
        &mut self,
        isa: Isa,
        line: Line,
        reading: Reading,
        at: usize,
    ) {
        let values = &mut self.values[at..at + line.count];
        // SAFETY: the caller's promise.
        unsafe { copy::<O>(isa, line, reading.swapped, values) };
        if reading.is_selective() {
            let counted = &mut self.counted[at..at + line.count];
            if reading.masked {
                copy_mask(isa, line, counted);
            } else {
                counted.fill(1);
            }
            select(isa, values, counted, reading.skip_nan);
        }
    }
}

/// 1 where the mask is set; the line must be readable.
#[inline(always)]
fn copy_mask_body(line: Line, counted: &mut [u8]) {
    let copy = |counted: &mut [u8], stride: isize| {
        for (index, counted) in counted.iter_mut().enumerate() {
            // SAFETY: the promise of `fill`'s caller.
            let mask = unsafe { *line.mask.offset(index as isize * stride) };
            *counted = u8::from(mask != 0);
        }
    };
    // One loop each, so that the compiler sees a constant stride.
    if line.mask_stride == 1 { copy(counted, 1) } else { copy(counted, line.mask_stride) }
}

dispatch! {
    fn copy_mask(line: Line, counted: &mut [u8]) = copy_mask_body
}

#[inline(always)]
fn count_ones_body(counted: &[u8]) -> usize {
    // As many as add up in a byte.
    counted.chunks(255).map(|some| usize::from(some.iter().sum::<u8>())).sum()
}

dispatch! {
    /// How many values count, of bytes that are 0 or 1.
    pub(crate) fn count_ones(counted: &[u8]) -> usize = count_ones_body
}

/// # Safety
/// The line must be readable and as long as `values`.
#[inline]
unsafe fn copy<O: Operand>(isa: Isa, line: Line, swapped: bool, values: &mut [O::Value]) {
    debug_assert_eq!(line.count, values.len());
    copy_line::<O>(isa, line, swapped, values);
}

#[inline(always)]
fn copy_body<O: Operand>(line: Line, swapped: bool, values: &mut [O::Value]) {
    // One loop each, so that the compiler sees constant strides where they are constant.
    let size = size_of::<O>() as isize;
    match (swapped, line.stride == size) {
        (false, true) => copy_loop::<O>(line.data, size, false, values),
        (true, true) => copy_loop::<O>(line.data, size, true, values),
        (_, false) if line.stride == -size => copy_loop::<O>(line.data, -size, swapped, values),
        (_, false) => copy_loop::<O>(line.data, line.stride, swapped, values),
    }
}

#[inline(always)]
fn copy_loop<O: Operand>(data: *const u8, stride: isize, swapped: bool, values: &mut [O::Value]) {
    for (index, value) in values.iter_mut().enumerate() {
        // SAFETY: `copy`'s caller promised a readable line as long as `values`.
        *value = unsafe { O::read(data.wrapping_offset(index as isize * stride), swapped) };
    }
}

dispatch! {
    fn copy_line[O: Operand][O](line: Line, swapped: bool, values: &mut [O::Value])
        = copy_body::<O>
}

/// Puts 0 where a value is not counted, and does not count NaNs if they are to be skipped.
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
