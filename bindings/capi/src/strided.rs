//! C arrays: a pointer, a count and a stride in bytes; any alignment, any stride.

#![allow(unsafe_code)] // The one place where C's pointers to numbers are followed.

use super::status::{Failure, Outcome, Status};
use mypackage::error::Error;
use mypackage::sum::{Axis, Dtype, View};

/// Numbers that are copied at once: a few pages of stack.
pub(super) const BLOCK: usize = 512;

/// The numbers at `first`, `first + stride`, ... (in bytes).
#[derive(Debug, Clone, Copy)]
pub(super) struct Strided<T> {
    first: *mut T,
    count: usize,
    stride: isize,
}

impl<T: Copy + Default> Strided<T> {
    /// Checks what can be checked: a null pointer, and a size that no memory has.
    ///
    /// # Safety
    /// The elements must be readable, and for [`Strided::write`] writable, while this is used. No
    /// alignment is asked for.
    pub unsafe fn new(
        name: &str,
        first: *const T,
        count: usize,
        stride: isize,
    ) -> Result<Strided<T>, Failure> {
        if count > 0 && first.is_null() {
            return Err(Failure::null(name));
        }
        let step = stride.unsigned_abs().max(size_of::<T>());
        if count.checked_mul(step).is_none_or(|bytes| bytes > isize::MAX as usize) {
            return Err(Error::Value(format!(
                "{name}: {count} elements at a stride of {stride} bytes exceed the address space"
            ))
            .into());
        }
        Ok(Strided { first: first.cast_mut(), count, stride })
    }

    fn address(&self, index: usize) -> *mut T {
        // `new` checked that the product does not overflow.
        self.first.wrapping_byte_offset(self.stride * index as isize)
    }

    /// The number of elements.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The numbers where they are, if they lie as a Rust slice must.
    pub fn as_slice(&self) -> Option<&[T]> {
        let dense = self.stride == size_of::<T>() as isize && self.first.is_aligned();
        if self.count == 0 {
            return Some(&[]);
        }
        // SAFETY: `new`'s caller promised readable elements; they are aligned and adjacent.
        dense.then(|| unsafe { std::slice::from_raw_parts(self.first, self.count) })
    }

    /// Copies the numbers from `start` on.
    pub fn read(&self, start: usize, into: &mut [T]) {
        assert!(start + into.len() <= self.count);
        for (index, element) in into.iter_mut().enumerate() {
            // SAFETY: inside the array, whose elements `new`'s caller promised to be readable.
            *element = unsafe { self.address(start + index).read_unaligned() };
        }
    }

    /// Overwrites the numbers from `start` on.
    pub fn write(&self, start: usize, from: &[T]) {
        assert!(start + from.len() <= self.count);
        for (index, &element) in from.iter().enumerate() {
            // SAFETY: inside the array, whose elements `new`'s caller promised to be writable.
            unsafe { self.address(start + index).write_unaligned(element) };
        }
    }
}

/// Numbers that the sums take.
pub(super) trait Real: Copy + Default {
    const DTYPE: Dtype;
}

impl Real for f64 {
    const DTYPE: Dtype = Dtype::F64;
}

impl Real for f32 {
    const DTYPE: Dtype = Dtype::F32;
}

impl<T: Real> Strided<T> {
    /// The numbers as an array of one axis. The view must not outlive the call from C.
    pub fn view<'a>(&self) -> View<'a> {
        let axes = vec![Axis { size: self.count, stride: self.stride }];
        // SAFETY: `new`'s caller promised readable elements of one array for as long as this is used.
        unsafe { View::new(T::DTYPE, false, self.first.cast_const().cast(), axes) }
    }
}

/// Writes a result through a pointer that may be null or misaligned.
///
/// # Safety
/// A pointer that is not null must be writable.
pub(super) unsafe fn store<T>(name: &str, to: *mut T, value: T) -> Outcome {
    if to.is_null() {
        return Err(Failure::null(name));
    }
    // SAFETY: not null, and writable as the caller promised.
    unsafe { to.write_unaligned(value) };
    Ok(())
}

/// The object behind an opaque pointer.
///
/// # Safety
/// A pointer that is not null must have come from this library and not have been freed.
pub(super) unsafe fn reference<'a, T>(name: &str, pointer: *const T) -> Result<&'a T, Failure> {
    check(name, pointer)?;
    // SAFETY: not null, and valid as the caller promised.
    Ok(unsafe { &*pointer })
}

/// The object behind an opaque pointer, to be changed.
///
/// # Safety
/// As for [`reference`], and no other reference to the object may be in use.
pub(super) unsafe fn reference_mut<'a, T>(
    name: &str,
    pointer: *mut T,
) -> Result<&'a mut T, Failure> {
    check(name, pointer)?;
    // SAFETY: not null, and valid and unshared as the caller promised.
    Ok(unsafe { &mut *pointer })
}

fn check<T>(name: &str, pointer: *const T) -> Outcome {
    if pointer.is_null() {
        return Err(Failure::null(name));
    }
    if !pointer.is_aligned() {
        let message = format!("{name} is {pointer:p}, which no function of this library returned");
        return Err(Failure { status: Status::Pointer, message });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stride_and_alignment() {
        let numbers: Vec<f64> = (0..2000).map(f64::from).collect();
        let mut bytes = vec![0u8; 8 * numbers.len() + 8];
        for shift in 0..8 {
            for (place, number) in bytes[shift..].chunks_exact_mut(8).zip(&numbers) {
                place.copy_from_slice(&number.to_ne_bytes());
            }
            for step in [1, 2, 3, 7, -1, -3, 0] {
                let count = if step == 0 { 9 } else { 1999 / isize::abs(step) as usize + 1 };
                let start = if step < 0 { 1999 } else { 0 };
                let first = bytes[shift + 8 * start..].as_ptr().cast::<f64>();
                // SAFETY: the last element is within `bytes`.
                let strided = unsafe { Strided::new("x", first, count, 8 * step) }.unwrap();
                let expected: Vec<f64> =
                    (0..count as isize).map(|i| (start as isize + i * step) as f64).collect();
                let mut copies = vec![0.0; count];
                strided.read(0, &mut copies);
                assert_eq!(copies, expected);
                if let Some(slice) = strided.as_slice() {
                    assert_eq!(slice, expected);
                }
            }
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut bytes = [0u8; 8 * 12 + 1];
        // SAFETY: the last element is within `bytes`.
        let strided =
            unsafe { Strided::new("x", bytes[1..].as_mut_ptr().cast::<i64>(), 4, 24) }.unwrap();
        strided.write(1, &[-5, 6, i64::MIN]);
        let mut copies = [1; 4];
        strided.read(0, &mut copies);
        assert_eq!(copies, [0, -5, 6, i64::MIN]);
    }

    #[test]
    fn nonsense_is_refused() {
        let number = 0.0f64;
        // SAFETY: nothing is read.
        let make =
            |first: *const f64, count, stride| unsafe { Strided::new("x", first, count, stride) };
        assert_eq!(make(std::ptr::null(), 1, 8).unwrap_err().status, Status::Pointer);
        for (count, stride) in
            [(usize::MAX, 8), (usize::MAX / 8, 0), (3, isize::MAX), (3, isize::MIN)]
        {
            assert_eq!(make(&raw const number, count, stride).unwrap_err().status, Status::Value);
        }
        assert_eq!(make(std::ptr::null(), 0, 0).unwrap().as_slice(), Some(&[][..]));
    }
}
