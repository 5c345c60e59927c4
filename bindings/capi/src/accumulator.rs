//! The exact sum as an opaque object.

#![allow(unsafe_code)] // C's entry points.

use super::status::{Failure, Outcome, guard};
use super::strided::{Strided, reference, reference_mut, store};
use super::sums::exact_sum;
use mypackage::error::Error;
use mypackage::sum::Accumulator;

/// Hands an accumulator over to C.
///
/// # Safety
/// `out` must be null or writable.
unsafe fn give(out: *mut *mut Accumulator, value: Accumulator) -> Outcome {
    if out.is_null() {
        return Err(Failure::null("out"));
    }
    // SAFETY: the caller's promise.
    unsafe { store("out", out, Box::into_raw(Box::new(value))) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mypackage_accumulator_new(out: *mut *mut Accumulator) -> i32 {
    // SAFETY: the caller's promise.
    guard(|| unsafe { give(out, Accumulator::new()) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mypackage_accumulator_free(accumulator: *mut Accumulator) {
    if !accumulator.is_null() {
        // SAFETY: `give` made it, and the caller promises not to use it again.
        guard(|| unsafe {
            drop(Box::from_raw(accumulator));
            Ok(())
        });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mypackage_accumulator_add_f64(
    accumulator: *mut Accumulator,
    values: *const f64,
    count: usize,
    stride: isize,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let values = unsafe { Strided::new("values", values, count, stride)? };
        // SAFETY: as above.
        let total = unsafe { reference_mut("accumulator", accumulator)? };
        Ok(total.try_merge(&exact_sum(values))?)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mypackage_accumulator_merge(
    accumulator: *mut Accumulator,
    other: *const Accumulator,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise. A copy, since the two may be the same.
        let other = unsafe { reference("other", other)? }.clone();
        // SAFETY: as above; the reference to `other` is no longer in use.
        Ok(unsafe { reference_mut("accumulator", accumulator)? }.try_merge(&other)?)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mypackage_accumulator_value_f64(
    accumulator: *const Accumulator,
    out: *mut f64,
) -> i32 {
    // SAFETY: the caller's promise.
    guard(|| unsafe { store("out", out, reference("accumulator", accumulator)?.to_f64()) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mypackage_accumulator_count(
    accumulator: *const Accumulator,
    out: *mut i64,
) -> i32 {
    // SAFETY: the caller's promise.
    guard(|| unsafe { store("out", out, reference("accumulator", accumulator)?.count()) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mypackage_accumulator_to_bytes(
    accumulator: *const Accumulator,
    buffer: *mut u8,
    capacity: usize,
    length: *mut usize,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let bytes = unsafe { reference("accumulator", accumulator)? }.to_bytes();
        // SAFETY: as above.
        unsafe { store("length", length, bytes.len())? };
        if buffer.is_null() && capacity == 0 {
            return Ok(());
        }
        if capacity < bytes.len() {
            return Err(Error::Value(format!(
                "the accumulator needs a buffer of {} bytes, not {capacity}",
                bytes.len()
            ))
            .into());
        }
        // SAFETY: as above, for `capacity` bytes.
        unsafe { Strided::new("buffer", buffer, bytes.len(), 1)? }.write(0, &bytes);
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mypackage_accumulator_from_bytes(
    bytes: *const u8,
    length: usize,
    out: *mut *mut Accumulator,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let bytes = unsafe { Strided::new("bytes", bytes, length, 1)? };
        let bytes = bytes.as_slice().expect("bytes at a stride of 1 are a slice");
        // SAFETY: as above.
        unsafe { give(out, Accumulator::from_bytes(bytes)?) }
    })
}
