//! NumPy arrays as memory: the only file that reads and creates `PyArrayObject`s.

#![allow(unsafe_code)] // NumPy's C API.

use std::ffi::{c_int, c_long, c_void};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use crate::exit::protect_thread;
use numpy::npyffi::{NPY_TYPES, PY_ARRAY_API, PyArray_Check, PyArray_CheckExact, PyArrayObject};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use mypackage::sum::{Axis, Dtype, View, ViewMut};

/// A dtype that has kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    /// The type of the number, or of the parts of a complex one.
    pub part: Dtype,
    pub complex: bool,
}

impl Number {
    pub const BOOL: Number = Number { part: Dtype::Bool, complex: false };
    pub const F64: Number = Number { part: Dtype::F64, complex: false };
    pub const I64: Number = Number { part: Dtype::I64, complex: false };
    pub const U64: Number = Number { part: Dtype::U64, complex: false };

    pub fn from_type_number(number: c_int) -> Option<Number> {
        let long = if size_of::<c_long>() == 8 { Dtype::I64 } else { Dtype::I32 };
        let ulong = if size_of::<c_long>() == 8 { Dtype::U64 } else { Dtype::U32 };
        let is = |types: NPY_TYPES| number == types as c_int;
        let part = match () {
            () if is(NPY_TYPES::NPY_DOUBLE) || is(NPY_TYPES::NPY_CDOUBLE) => Dtype::F64,
            () if is(NPY_TYPES::NPY_FLOAT) || is(NPY_TYPES::NPY_CFLOAT) => Dtype::F32,
            () if is(NPY_TYPES::NPY_HALF) => Dtype::F16,
            () if is(NPY_TYPES::NPY_BOOL) => Dtype::Bool,
            () if is(NPY_TYPES::NPY_BYTE) => Dtype::I8,
            () if is(NPY_TYPES::NPY_UBYTE) => Dtype::U8,
            () if is(NPY_TYPES::NPY_SHORT) => Dtype::I16,
            () if is(NPY_TYPES::NPY_USHORT) => Dtype::U16,
            () if is(NPY_TYPES::NPY_INT) => Dtype::I32,
            () if is(NPY_TYPES::NPY_UINT) => Dtype::U32,
            () if is(NPY_TYPES::NPY_LONG) => long,
            () if is(NPY_TYPES::NPY_ULONG) => ulong,
            () if is(NPY_TYPES::NPY_LONGLONG) => Dtype::I64,
            () if is(NPY_TYPES::NPY_ULONGLONG) => Dtype::U64,
            () => return None,
        };
        let complex = is(NPY_TYPES::NPY_CDOUBLE) || is(NPY_TYPES::NPY_CFLOAT);
        Some(Number { part, complex })
    }

    fn type_number(self) -> c_int {
        let wide = size_of::<c_long>() == 8;
        let number = match (self.part, self.complex) {
            (Dtype::F64, false) => NPY_TYPES::NPY_DOUBLE,
            (Dtype::F64, true) => NPY_TYPES::NPY_CDOUBLE,
            (Dtype::F32, false) => NPY_TYPES::NPY_FLOAT,
            (Dtype::F32, true) => NPY_TYPES::NPY_CFLOAT,
            (Dtype::F16, _) => NPY_TYPES::NPY_HALF,
            (Dtype::Bool, _) => NPY_TYPES::NPY_BOOL,
            (Dtype::I8, _) => NPY_TYPES::NPY_BYTE,
            (Dtype::U8, _) => NPY_TYPES::NPY_UBYTE,
            (Dtype::I16, _) => NPY_TYPES::NPY_SHORT,
            (Dtype::U16, _) => NPY_TYPES::NPY_USHORT,
            (Dtype::I32, _) => NPY_TYPES::NPY_INT,
            (Dtype::U32, _) => NPY_TYPES::NPY_UINT,
            (Dtype::I64, _) if wide => NPY_TYPES::NPY_LONG,
            (Dtype::I64, _) => NPY_TYPES::NPY_LONGLONG,
            (Dtype::U64, _) if wide => NPY_TYPES::NPY_ULONG,
            (Dtype::U64, _) => NPY_TYPES::NPY_ULONGLONG,
        };
        number as c_int
    }

    /// The size of an element in bytes.
    pub fn size(self) -> usize {
        self.part.size() * if self.complex { 2 } else { 1 }
    }

    pub fn name(self) -> &'static str {
        match (self.part, self.complex) {
            (Dtype::F64, true) => "complex128",
            (_, true) => "complex64",
            (Dtype::F64, _) => "float64",
            (Dtype::F32, _) => "float32",
            (Dtype::F16, _) => "float16",
            (Dtype::Bool, _) => "bool",
            (Dtype::I8, _) => "int8",
            (Dtype::U8, _) => "uint8",
            (Dtype::I16, _) => "int16",
            (Dtype::U16, _) => "uint16",
            (Dtype::I32, _) => "int32",
            (Dtype::U32, _) => "uint32",
            (Dtype::I64, _) => "int64",
            (Dtype::U64, _) => "uint64",
        }
    }

    /// The dtype of a sum, as in NumPy: small integers become 64-bit ones.
    pub fn of_sum(self) -> Number {
        match self.part {
            Dtype::Bool | Dtype::I8 | Dtype::I16 | Dtype::I32 => Number::I64,
            Dtype::U8 | Dtype::U16 | Dtype::U32 => Number::U64,
            _ => self,
        }
    }

    /// The dtype of each part.
    pub fn real(self) -> Number {
        Number { complex: false, ..self }
    }

    /// The dtype of a mean, as in NumPy: integers become float64.
    pub fn of_mean(self) -> Number {
        if self.part.is_floating() { self } else { Number::F64 }
    }
}

/// A borrowed NumPy array.
#[derive(Clone, Copy)]
pub(super) struct Array<'a, 'py> {
    pub object: &'a Bound<'py, PyAny>,
}

impl<'a, 'py> Array<'a, 'py> {
    /// The object as an array, if it is one, but not of a subclass.
    #[inline]
    pub fn exact(object: &'a Bound<'py, PyAny>) -> Option<Array<'a, 'py>> {
        // Every function calls this before it hands over to Python.
        protect_thread();
        // SAFETY: called with the GIL and a live object.
        let exact = unsafe { PyArray_CheckExact(object.py(), object.as_ptr()) } != 0;
        exact.then_some(Array { object })
    }

    /// The object as an array of numbers with kernels, if it is one, but not of a subclass.
    #[inline]
    pub fn of_numbers(object: &'a Bound<'py, PyAny>) -> Option<(Array<'a, 'py>, Number)> {
        let array = Array::exact(object)?;
        Some((array, array.number()?))
    }

    /// The object as an array, subclasses included.
    pub fn of(object: &'a Bound<'py, PyAny>) -> Option<Array<'a, 'py>> {
        // SAFETY: called with the GIL and a live object.
        (unsafe { PyArray_Check(object.py(), object.as_ptr()) } != 0).then_some(Array { object })
    }

    #[inline]
    fn raw(&self) -> *mut PyArrayObject {
        self.object.as_ptr().cast()
    }

    #[inline]
    pub fn data(&self) -> *mut u8 {
        // SAFETY: the object is an array; NumPy keeps this field's place in every version.
        unsafe { (*self.raw()).fields.data.cast() }
    }

    #[inline]
    pub fn shape(&self) -> &'a [usize] {
        // SAFETY: as above; `nd` dimensions, none negative, live as long as the array.
        unsafe {
            let raw = self.raw();
            slice((*raw).fields.dimensions.cast(), (*raw).fields.nd)
        }
    }

    #[inline]
    pub fn strides(&self) -> &'a [isize] {
        // SAFETY: as above.
        unsafe {
            let raw = self.raw();
            slice((*raw).fields.strides, (*raw).fields.nd)
        }
    }

    #[inline]
    fn descriptor(&self) -> (c_int, u8) {
        // SAFETY: as above; type number and byte order have the same place in NumPy 1 and 2.
        unsafe {
            let descriptor = (*self.raw()).fields.descr;
            ((*descriptor).fields.type_num, (*descriptor).fields.byteorder as u8)
        }
    }

    /// The dtype, if it has kernels.
    #[inline]
    pub fn number(&self) -> Option<Number> {
        Number::from_type_number(self.descriptor().0)
    }

    /// Whether the byte order is not the native one.
    #[inline]
    pub fn swapped(&self) -> bool {
        let native = if cfg!(target_endian = "little") { b'<' } else { b'>' };
        let order = self.descriptor().1;
        (order == b'<' || order == b'>') && order != native
    }

    /// The elements; of complex ones both parts, as a further axis, or only the real part.
    #[inline]
    pub fn view(&self, number: Number, both_parts: bool) -> View<'a> {
        let parts = number.complex && both_parts;
        let mut axes = Vec::with_capacity(self.shape().len() + usize::from(parts));
        let sizes = self.shape().iter().zip(self.strides());
        axes.extend(sizes.map(|(&size, &stride)| Axis { size, stride }));
        if parts {
            axes.push(Axis { size: 2, stride: number.part.size() as isize });
        }
        // SAFETY: NumPy keeps the memory of an array while it is referenced, and all elements of one
        // array lie in one piece of memory.
        unsafe { View::new(number.part, self.swapped(), self.data(), axes) }
    }

    /// As [`Array::view`] with both parts, for a contiguous array, with all elements along one
    /// axis.
    ///
    /// # Panics
    /// If the array is not contiguous.
    pub fn flat(&self, number: Number) -> View<'a> {
        let size = if self.shape().is_empty() { Some(1) } else { self.contiguous_size(number) };
        let stride = number.size() as isize;
        let mut axes = vec![Axis { size: size.expect("a contiguous array"), stride }];
        if number.complex {
            axes.push(Axis { size: 2, stride: number.part.size() as isize });
        }
        // SAFETY: as in `view`.
        unsafe { View::new(number.part, self.swapped(), self.data(), axes) }
    }

    /// The number of elements, if they are contiguous, aligned and in native byte order.
    #[inline]
    pub fn contiguous_size(&self, number: Number) -> Option<usize> {
        let mut expected = number.size() as isize;
        let mut size = 1;
        for (&length, &stride) in self.shape().iter().zip(self.strides()).rev() {
            if stride != expected && length > 1 {
                return None;
            }
            expected *= length as isize;
            size *= length;
        }
        let aligned = self.data().addr().is_multiple_of(number.part.size());
        (aligned && !self.swapped()).then_some(size)
    }
}

/// # Safety
/// `length` values must be readable at `data`, unless `length` is 0.
unsafe fn slice<'a, T>(data: *const T, length: c_int) -> &'a [T] {
    if length == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(data, length as usize) }
}

/// A new array in C order that nobody else has a reference to.
pub(super) struct NewArray<'py> {
    object: Bound<'py, PyAny>,
    number: Number,
}

impl<'py> NewArray<'py> {
    /// An array whose elements are not yet set.
    pub fn empty(py: Python<'py>, shape: &[usize], number: Number) -> PyResult<NewArray<'py>> {
        Ok(NewArray { object: empty(py, shape, number)?, number })
    }

    /// Sets all elements to 0.
    pub fn clear(&mut self) {
        let array = Array { object: &self.object };
        let bytes = array.shape().iter().product::<usize>() * self.number.size();
        // SAFETY: the array is new, C-contiguous and nobody else's.
        unsafe { array.data().write_bytes(0, bytes) };
    }

    /// Sets the elements in order (both parts of complex ones) to the lowest bytes of each item.
    ///
    /// # Panics
    /// If there are fewer elements.
    pub fn fill(&mut self, bits: Vec<u64>) {
        let array = Array { object: &self.object };
        let (size, parts) = (self.number.part.size(), if self.number.complex { 2 } else { 1 });
        assert_eq!(bits.len(), parts * array.shape().iter().product::<usize>());
        for (index, bits) in bits.into_iter().enumerate() {
            let first = if cfg!(target_endian = "little") { bits } else { bits << (64 - 8 * size) };
            let bytes = first.to_ne_bytes();
            // SAFETY: one of the parts of a new, C-contiguous array that is nobody else's.
            unsafe {
                array.data().add(index * size).copy_from_nonoverlapping(bytes.as_ptr(), size);
            }
        }
    }

    /// The elements, or the parts of complex ones, to be set by any thread.
    pub fn slots(&mut self) -> Slots<'_> {
        let array = Array { object: &self.object };
        let parts = if self.number.complex { 2 } else { 1 };
        Slots {
            data: array.data(),
            size: self.number.part.size(),
            count: parts * array.shape().iter().product::<usize>(),
            memory: PhantomData,
        }
    }

    /// The elements along these axes, starting with a `part` of the first one (1: its imaginary
    /// part).
    ///
    /// # Panics
    /// If the axes are not apart from each other, or go beyond the array.
    pub fn parts(&mut self, part: usize, axes: Vec<Axis>) -> ViewMut<'_> {
        let array = Array { object: &self.object };
        let itemsize = self.number.part.size();
        let bytes = array.shape().iter().product::<usize>() * self.number.size();
        // In order of strides, each axis must step over the extent of those before it.
        let mut sorted: Vec<&Axis> = axes.iter().filter(|axis| axis.size != 1).collect();
        sorted.sort_unstable_by_key(|axis| axis.stride);
        let reach = sorted.iter().try_fold(itemsize, |reach, axis| {
            let apart = axis.stride >= reach as isize && axis.stride % itemsize as isize == 0;
            apart.then(|| reach + axis.size.saturating_sub(1) * axis.stride as usize)
        });
        let offset = part * itemsize;
        let is_empty = axes.iter().any(|axis| axis.size == 0);
        assert!(is_empty || reach.is_some_and(|reach| offset + reach <= bytes));
        // SAFETY: elements of a new, aligned array, apart from each other by the assertion; the
        // array is nobody else's while it is borrowed.
        unsafe { ViewMut::new(self.number.part, array.data().wrapping_add(offset), axes) }
    }

    /// The axes of the array.
    pub fn axes(&self) -> Vec<Axis> {
        let array = Array { object: &self.object };
        let axes = array.shape().iter().zip(array.strides());
        axes.map(|(&size, &stride)| Axis { size, stride }).collect()
    }

    pub fn into_object(self) -> Bound<'py, PyAny> {
        self.object
    }
}

/// The elements of a new array.
pub(super) struct Slots<'a> {
    data: *mut u8,
    size: usize,
    count: usize,
    memory: PhantomData<&'a mut [u8]>,
}

// SAFETY: they are only written to, by atomic stores.
unsafe impl Send for Slots<'_> {}
// SAFETY: as above.
unsafe impl Sync for Slots<'_> {}

impl Slots<'_> {
    /// Sets an element to the lowest bytes of `bits`.
    ///
    /// # Panics
    /// If there are fewer elements.
    #[inline]
    pub fn set(&self, index: usize, bits: u64) {
        assert!(index < self.count);
        let at = self.data.wrapping_add(index * self.size);
        // SAFETY: an aligned element of a new array that is nobody else's while it is borrowed.
        unsafe {
            match self.size {
                1 => AtomicU8::from_ptr(at).store(bits as u8, Ordering::Relaxed),
                2 => AtomicU16::from_ptr(at.cast()).store(bits as u16, Ordering::Relaxed),
                4 => AtomicU32::from_ptr(at.cast()).store(bits as u32, Ordering::Relaxed),
                _ => AtomicU64::from_ptr(at.cast()).store(bits, Ordering::Relaxed),
            }
        }
    }

    /// Sets the elements `first, first + step, ...`, like [`Slots::set`].
    ///
    /// # Panics
    /// If there are fewer elements.
    #[inline]
    pub fn set_all(&self, first: usize, step: usize, bits: impl ExactSizeIterator<Item = u64>) {
        let count = bits.len();
        let Some(last) = count.checked_sub(1) else { return };
        let last = last.checked_mul(step).and_then(|span| span.checked_add(first));
        assert!(last.is_some_and(|last| last < self.count));
        let bits = bits.take(count);
        // A separate loop for each size.
        macro_rules! store {
            ($atomic:ty, $bits:ty) => {{
                let mut at = self.data.cast::<$bits>().wrapping_add(first);
                for bits in bits {
                    // SAFETY: as in `set`: there are at most `count` of them.
                    unsafe { <$atomic>::from_ptr(at) }.store(bits as $bits, Ordering::Relaxed);
                    at = at.wrapping_add(step);
                }
            }};
        }
        match self.size {
            1 => store!(AtomicU8, u8),
            2 => store!(AtomicU16, u16),
            4 => store!(AtomicU32, u32),
            _ => store!(AtomicU64, u64),
        }
    }
}

/// A new array in C order, whose elements any thread may set.
pub(super) struct SharedArray {
    /// They belong to `object`, which this borrows.
    slots: Slots<'static>,
    object: Py<PyAny>,
}

impl SharedArray {
    /// An array of zeros, or one whose elements are not yet set.
    pub fn new(
        py: Python<'_>,
        shape: &[usize],
        number: Number,
        zeros: bool,
    ) -> PyResult<SharedArray> {
        let mut array = NewArray::empty(py, shape, number)?;
        if zeros {
            array.clear();
        }
        let slots = Slots { memory: PhantomData, ..array.slots() };
        Ok(SharedArray { slots, object: array.into_object().unbind() })
    }

    /// The elements, or the parts of complex ones.
    #[inline]
    pub fn slots(&self) -> &Slots<'_> {
        &self.slots
    }

    pub fn into_object(self, py: Python<'_>) -> Bound<'_, PyAny> {
        self.object.into_bound(py)
    }
}

/// A new array in C order, its elements not yet set.
pub(super) fn empty<'py>(
    py: Python<'py>,
    shape: &[usize],
    number: Number,
) -> PyResult<Bound<'py, PyAny>> {
    let mut dimensions: Vec<isize> = shape.iter().map(|&length| length as isize).collect();
    // SAFETY: `PyArray_Empty` steals the descriptor and returns a new reference or an error.
    unsafe {
        let descriptor = PY_ARRAY_API.PyArray_DescrFromType(py, number.type_number());
        let array = PY_ARRAY_API.PyArray_Empty(
            py,
            dimensions.len() as c_int,
            dimensions.as_mut_ptr(),
            descriptor,
            0,
        );
        Bound::from_owned_ptr_or_err(py, array)
    }
}

/// A NumPy scalar from the bytes of an element.
#[inline]
pub(super) fn scalar<'py>(
    py: Python<'py>,
    bytes: &[u8; 16],
    number: Number,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: `PyArray_Scalar` copies an element, at most 16 bytes, and borrows the descriptor.
    unsafe {
        let descriptor = PY_ARRAY_API.PyArray_DescrFromType(py, number.type_number());
        let data = bytes.as_ptr().cast_mut().cast::<c_void>();
        let object = PY_ARRAY_API.PyArray_Scalar(py, data, descriptor, std::ptr::null_mut());
        ffi::Py_DECREF(descriptor.cast());
        Bound::from_owned_ptr_or_err(py, object)
    }
}

/// The module `numpy`.
pub(super) fn numpy<'py>(py: Python<'py>) -> PyResult<&'py Bound<'py, PyAny>> {
    static NUMPY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let module =
        NUMPY.get_or_try_init(py, || py.import("numpy").map(|numpy| numpy.into_any().unbind()))?;
    Ok(module.bind(py))
}
