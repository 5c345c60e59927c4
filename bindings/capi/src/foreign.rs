//! Pointers from C: arrays with a stride in bytes, results, and objects that C owns. Only this file
//! dereferences them.
//!
//! Each type here expresses what the header promises about an argument of a C function. Its unsafe
//! constructor `of` is called only by `export!`, with the name of the argument for error messages.
//! The promise holds for the lifetime of the [`Call`].

#![allow(unsafe_code)] // The only file that dereferences pointers from C.

use std::ffi::{CString, c_char};
use std::marker::PhantomData;

use super::status::{Failure, Outcome, Status};
use mypackage::error::Error;
use mypackage::sum::{Axis, Dtype, View};

/// A call from C, whose pointers must not be used after it.
pub(super) struct Call;

/// How many numbers are copied at once: a few pages of stack.
pub(super) const BLOCK: usize = 512;

/// The numbers at `first`, `first + stride`, ... (in bytes), at any alignment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Array<'call, T> {
    first: *const T,
    count: usize,
    stride: isize,
    call: PhantomData<&'call T>,
}

impl<'call, T: Copy + Default> Array<'call, T> {
    /// Checks for null pointers and impossible sizes.
    ///
    /// # Safety
    /// The elements must be readable during the call, in one piece of memory.
    pub unsafe fn of(
        _: &'call Call,
        name: &str,
        first: *const T,
        count: usize,
        stride: isize,
    ) -> Result<Array<'call, T>, Failure> {
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
        Ok(Array { first, count, stride, call: PhantomData })
    }

    fn address(&self, index: usize) -> *const T {
        // `of` checked that the product does not overflow.
        self.first.wrapping_byte_offset(self.stride * index as isize)
    }

    /// The number of elements.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The numbers in place, if they are laid out like a Rust slice.
    pub fn as_slice(&self) -> Option<&'call [T]> {
        let dense = self.stride == size_of::<T>() as isize && self.first.is_aligned();
        if self.count == 0 {
            return Some(&[]);
        }
        // SAFETY: `of`'s caller promised readable elements; they are aligned and adjacent.
        dense.then(|| unsafe { std::slice::from_raw_parts(self.first, self.count) })
    }

    /// Copies the numbers from `start` on.
    ///
    /// # Panics
    /// If there are fewer elements.
    pub fn read(&self, start: usize, into: &mut [T]) {
        assert!(start <= self.count && into.len() <= self.count - start);
        for (index, element) in into.iter_mut().enumerate() {
            // SAFETY: inside the array, whose elements `of`'s caller promised to be readable.
            *element = unsafe { self.address(start + index).read_unaligned() };
        }
    }
}

/// The number types that can be summed.
pub(super) trait Real: Copy + Default {
    const DTYPE: Dtype;
}

impl Real for f64 {
    const DTYPE: Dtype = Dtype::F64;
}

impl Real for f32 {
    const DTYPE: Dtype = Dtype::F32;
}

impl<'call, T: Real> Array<'call, T> {
    /// The numbers as a one-dimensional array.
    pub fn view(&self) -> View<'call> {
        let axes = vec![Axis { size: self.count, stride: self.stride }];
        // SAFETY: `of`'s caller promised readable elements of one array.
        unsafe { View::new(T::DTYPE, false, self.first.cast(), axes) }
    }
}

/// An array of results, laid out as in [`Array`]; it may also be one that is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct ArrayMut<'call, T>(Array<'call, T>);

impl<'call, T: Copy + Default> ArrayMut<'call, T> {
    /// # Safety
    /// As for [`Array::of`]; the elements must be writable.
    pub unsafe fn of(
        call: &'call Call,
        name: &str,
        first: *mut T,
        count: usize,
        stride: isize,
    ) -> Result<ArrayMut<'call, T>, Failure> {
        // SAFETY: the caller's promise. (Nothing is read.)
        Ok(ArrayMut(unsafe { Array::of(call, name, first, count, stride)? }))
    }

    /// Overwrites the numbers from `start` on.
    ///
    /// # Panics
    /// If there are fewer elements.
    pub fn write(&self, start: usize, from: &[T]) {
        assert!(start <= self.0.count && from.len() <= self.0.count - start);
        for (index, &element) in from.iter().enumerate() {
            // SAFETY: inside the array, whose elements `of`'s caller promised to be writable.
            unsafe { self.0.address(start + index).cast_mut().write_unaligned(element) };
        }
    }
}

/// Input bytes.
pub(super) struct Bytes;

impl Bytes {
    /// # Safety
    /// This many bytes must be readable during the call, and nobody may write to them.
    pub unsafe fn of<'call>(
        call: &'call Call,
        name: &str,
        first: *const impl Sized,
        length: usize,
    ) -> Result<&'call [u8], Failure> {
        // SAFETY: the caller's promise.
        let bytes = unsafe { Array::of(call, name, first.cast::<u8>(), length, 1)? };
        Ok(bytes.as_slice().expect("bytes at a stride of 1 are a slice"))
    }
}

/// Output bytes.
pub(super) struct Buffer<'call>(ArrayMut<'call, u8>);

impl<'call> Buffer<'call> {
    /// # Safety
    /// This many bytes must be writable during the call.
    pub unsafe fn of(
        call: &'call Call,
        name: &str,
        first: *mut u8,
        capacity: usize,
    ) -> Result<Buffer<'call>, Failure> {
        // SAFETY: the caller's promise.
        Ok(Buffer(unsafe { ArrayMut::of(call, name, first, capacity, 1)? }))
    }

    /// Whether the pointer is null; the capacity is then 0.
    pub fn is_null(&self) -> bool {
        self.0.0.first.is_null()
    }

    /// Overwrites the first bytes.
    ///
    /// # Panics
    /// If there are fewer elements.
    pub fn write(&self, bytes: &[u8]) -> Outcome {
        self.0.write(0, bytes);
        Ok(())
    }
}

/// A single result.
pub(super) struct Place<'call, T>(*mut T, PhantomData<&'call mut T>);

impl<'call, T: Copy> Place<'call, T> {
    /// # Safety
    /// A pointer that is not null must be writable during the call; it may be misaligned.
    pub unsafe fn of(_: &'call Call, name: &str, to: *mut T) -> Result<Place<'call, T>, Failure> {
        if to.is_null() {
            return Err(Failure::null(name));
        }
        Ok(Place(to, PhantomData))
    }

    /// Writes the result.
    pub fn put(&self, value: T) -> Outcome {
        // SAFETY: not null, and writable as the caller of `of` promised.
        unsafe { self.0.write_unaligned(value) };
        Ok(())
    }
}

/// The place for a pointer to a new object, which C owns until it returns it as [`Owned`].
pub(super) struct Handle;

impl Handle {
    /// A null pointer is detected when the object is stored.
    ///
    /// # Safety
    /// As for [`Place::of`].
    pub unsafe fn of<'call, T: 'call>(
        call: &'call Call,
        name: &'static str,
        to: *mut *mut T,
    ) -> Result<impl FnOnce(T) -> Outcome + use<'call, T>, Failure> {
        Ok(move |value| {
            // SAFETY: the caller's promise.
            let place = unsafe { Place::of(call, name, to)? };
            place.put(Box::into_raw(Box::new(value)))
        })
    }
}

/// An object that C returns, to be released.
pub(super) struct Owned;

impl Owned {
    /// None for a null pointer.
    ///
    /// # Safety
    /// A pointer that is not null must have come from [`Handle`] and never be used again.
    pub unsafe fn of<T>(_: &Call, _: &str, pointer: *mut T) -> Result<Option<Box<T>>, Failure> {
        // SAFETY: not null, and by the caller's promise from `Box::into_raw`.
        Ok((!pointer.is_null()).then(|| unsafe { Box::from_raw(pointer) }))
    }
}

/// An object that C owns.
pub(super) struct Shared;

impl Shared {
    /// # Safety
    /// A pointer that is not null must have come from [`Handle`] and not have been given back; nobody
    /// may change the object during the call.
    pub unsafe fn of<'call, T>(
        _: &'call Call,
        name: &str,
        pointer: *const T,
    ) -> Result<&'call T, Failure> {
        check(name, pointer)?;
        // SAFETY: not null, and valid as the caller promised.
        Ok(unsafe { &*pointer })
    }
}

/// A copy of an object that C owns, since it may be the same as the one that the call changes.
pub(super) struct Copied;

impl Copied {
    /// # Safety
    /// As for [`Shared::of`], but only until this function returns.
    pub unsafe fn of<T: Clone>(call: &Call, name: &str, pointer: *const T) -> Result<T, Failure> {
        // SAFETY: the caller's promise. The reference ends here.
        unsafe { Shared::of(call, name, pointer) }.cloned()
    }
}

/// An object that C owns, to be changed.
pub(super) struct Unique;

impl Unique {
    /// # Safety
    /// As for [`Shared::of`], and nobody else may use the object during the call from now on.
    #[allow(clippy::mut_from_ref)] // The object outlives the call.
    pub unsafe fn of<'call, T>(
        _: &'call Call,
        name: &str,
        pointer: *mut T,
    ) -> Result<&'call mut T, Failure> {
        check(name, pointer)?;
        // SAFETY: not null, and valid and unshared as the caller promised.
        Ok(unsafe { &mut *pointer })
    }
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

/// The place for a pointer to a string, which C owns until it returns it as [`OwnedText`]. The
/// pointer is null until the string is stored.
pub(super) struct Text<'call>(Place<'call, *mut c_char>);

impl<'call> Text<'call> {
    /// # Safety
    /// As for [`Place::of`].
    pub unsafe fn of(
        call: &'call Call,
        name: &str,
        to: *mut *mut c_char,
    ) -> Result<Text<'call>, Failure> {
        // SAFETY: the caller's promise.
        let place = unsafe { Place::of(call, name, to)? };
        place.put(std::ptr::null_mut())?;
        Ok(Text(place))
    }

    /// Hands a string to C.
    pub fn put(self, text: CString) -> Outcome {
        self.0.put(text.into_raw())
    }
}

/// A string that C returns, to be released.
pub(super) struct OwnedText;

impl OwnedText {
    /// None for a null pointer.
    ///
    /// # Safety
    /// A pointer that is not null must have come from [`Text`] and never be used again.
    pub unsafe fn of(_: &Call, _: &str, text: *mut c_char) -> Result<Option<CString>, Failure> {
        // SAFETY: not null, and by the caller's promise from `CString::into_raw`.
        Ok((!text.is_null()).then(|| unsafe { CString::from_raw(text) }))
    }
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
                let array = unsafe { Array::of(&Call, "x", first, count, 8 * step) }.unwrap();
                let expected: Vec<f64> =
                    (0..count as isize).map(|i| (start as isize + i * step) as f64).collect();
                let mut copies = vec![0.0; count];
                array.read(0, &mut copies);
                assert_eq!(copies, expected);
                if let Some(slice) = array.as_slice() {
                    assert_eq!(slice, expected);
                }
            }
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut bytes = [0u8; 8 * 12 + 1];
        // SAFETY: the last element is within `bytes`.
        let array =
            unsafe { ArrayMut::of(&Call, "x", bytes[1..].as_mut_ptr().cast::<i64>(), 4, 24) }
                .unwrap();
        array.write(1, &[-5, 6, i64::MIN]);
        let mut copies = [1; 4];
        array.0.read(0, &mut copies);
        assert_eq!(copies, [0, -5, 6, i64::MIN]);
    }

    #[test]
    fn nonsense_is_refused() {
        let number = 0.0f64;
        // SAFETY: nothing is read.
        let make = |first: *const f64, count, stride| unsafe {
            Array::of(&Call, "x", first, count, stride)
        };
        assert_eq!(make(std::ptr::null(), 1, 8).unwrap_err().status, Status::Pointer);
        for (count, stride) in
            [(usize::MAX, 8), (usize::MAX / 8, 0), (3, isize::MAX), (3, isize::MIN)]
        {
            assert_eq!(make(&raw const number, count, stride).unwrap_err().status, Status::Value);
        }
        assert_eq!(make(std::ptr::null(), 0, 0).unwrap().as_slice(), Some(&[][..]));
    }
}
