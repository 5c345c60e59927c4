//! Arrays in memory: any strides, alignment and byte order.
//!
//! Only here are a caller's addresses turned into values that are safe to use. [`View::new`] trusts
//! the caller; everything derived from a view is checked to lie within it.

#![allow(unsafe_code)] // Reads memory that the caller vouches for.

use std::marker::PhantomData;
use std::ops::Range;

use super::dtype::Dtype;
use super::element::Native;

/// One axis of a view: its length, and its stride in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    /// The number of elements along it.
    pub size: usize,
    /// The distance in bytes from one element to the next; it may be 0 or negative.
    pub stride: isize,
}

/// The layout of an array in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub dtype: Dtype,
    /// Whether the byte order is not the native one.
    pub swapped: bool,
}

/// An array in memory that is only read.
///
/// An array of complex numbers is an array of their parts, with a last axis of size 2.
///
/// ```
/// use mypackage::sum::View;
///
/// let columns = View::of(&[1.0, 2.0, 3.0, 4.0]).reshaped(&[2, 2]);
/// assert_eq!(columns.axes()[0].stride, 16);
/// ```
#[derive(Debug, Clone)]
pub struct View<'a> {
    layout: Layout,
    data: *const u8,
    axes: Vec<Axis>,
    /// The range of bytes of all elements, relative to `data`.
    reach: Range<isize>,
    memory: PhantomData<&'a [u8]>,
}

// SAFETY: a view only reads, as the caller of `View::new` promised.
unsafe impl Send for View<'_> {}
// SAFETY: as above.
unsafe impl Sync for View<'_> {}

impl<'a> View<'a> {
    /// The array whose first element is at `data`, of any alignment.
    ///
    /// ```
    /// use mypackage::sum::{Axis, Dtype, View, collect};
    ///
    /// let matrix = [[1e16f64, 1.0], [1.0, 2.0], [-1e16, 3.0]];
    /// let axes = vec![Axis { size: 3, stride: 16 }, Axis { size: 2, stride: 8 }];
    /// // SAFETY: the axes are those of the matrix.
    /// let view = unsafe { View::new(Dtype::F64, false, matrix.as_ptr().cast(), axes) };
    /// let columns = collect(&view.into(), &[true, false]);
    /// assert_eq!([0, 1].map(|column| columns.get(column).to_f64()), [1.0, 6.0]);
    /// ```
    ///
    /// # Safety
    /// Unless an axis has size 0, all bytes from the lowest to the highest of an element's must be
    /// readable during `'a`, those between elements included. (Where other threads write to them
    /// meanwhile, any numbers may be read.)
    pub unsafe fn new(dtype: Dtype, swapped: bool, data: *const u8, axes: Vec<Axis>) -> View<'a> {
        let mut reach = 0..dtype.size() as isize;
        for axis in &axes {
            let span = (axis.size as isize - 1) * axis.stride;
            reach.start += span.min(0);
            reach.end += span.max(0);
        }
        if axes.iter().any(|axis| axis.size == 0) {
            reach = 0..0;
        }
        let layout = Layout { dtype, swapped: swapped && dtype.size() > 1 };
        View { layout, data, axes, reach, memory: PhantomData }
    }

    /// A slice as a one-dimensional array.
    ///
    /// ```
    /// use mypackage::sum::{View, collect};
    ///
    /// let sum = collect(&View::of(&[0.1f32; 10]).into(), &[true]);
    /// assert_eq!(sum.get(0).to_f32(), 1.0);
    /// ```
    #[allow(private_bounds)]
    pub fn of<T: Native>(values: &'a [T]) -> View<'a> {
        let axes = vec![Axis { size: values.len(), stride: size_of::<T>() as isize }];
        // SAFETY: the elements of a slice.
        unsafe { View::new(T::DTYPE, false, values.as_ptr().cast(), axes) }
    }

    /// Bools as a one-dimensional array.
    pub fn of_mask(mask: &'a [bool]) -> View<'a> {
        let axes = vec![Axis { size: mask.len(), stride: 1 }];
        // SAFETY: the elements of a slice.
        unsafe { View::new(Dtype::Bool, false, mask.as_ptr().cast(), axes) }
    }

    /// A contiguous one-dimensional array as an array of this shape, in row-major order.
    ///
    /// # Panics
    /// If the number of elements differs, or the view is not contiguous and one-dimensional.
    pub fn reshaped(&self, shape: &[usize]) -> View<'a> {
        View { axes: reshaped(&self.axes, shape), ..self.clone() }
    }

    /// The array at one position along an axis, without that axis.
    ///
    /// # Panics
    /// If there is no such axis or position.
    pub fn selected(&self, axis: usize, index: usize) -> View<'a> {
        let mut view = self.clone();
        let Axis { size, stride } = view.axes.remove(axis);
        assert!(index < size, "a position along the axis");
        let offset = index as isize * stride;
        view.data = view.data.wrapping_offset(offset);
        view.reach = view.reach.start - offset..view.reach.end - offset;
        view
    }

    /// The array with an axis moved to another position.
    ///
    /// # Panics
    /// If there is no such axis.
    pub fn moved(mut self, from: usize, to: usize) -> View<'a> {
        let axis = self.axes.remove(from);
        self.axes.insert(to, axis);
        self
    }

    /// The array with its leading axes broadcast to this shape: missing axes and those of size 1
    /// are repeated. The `last` axes are not changed.
    ///
    /// # Panics
    /// If an axis has neither the required size nor 1, or there are too many axes.
    pub fn broadcast(mut self, shape: &[usize], last: usize) -> View<'a> {
        let given = self.axes.len() - last;
        let missing = shape.len().checked_sub(given).expect("a shape of as many axes");
        for _ in 0..missing {
            self.axes.insert(0, Axis { size: 1, stride: 0 });
        }
        for (axis, &size) in self.axes.iter_mut().zip(shape) {
            assert!(axis.size == size || axis.size == 1, "axes of one size");
            if axis.size != size {
                *axis = Axis { size, stride: 0 };
            }
        }
        if shape.contains(&0) {
            self.reach = 0..0;
        }
        self
    }

    /// The array with a further, last axis, along which everything is repeated.
    pub fn with_axis(mut self, size: usize) -> View<'a> {
        if size == 0 {
            self.reach = 0..0;
        }
        self.axes.push(Axis { size, stride: 0 });
        self
    }

    /// An array of this shape that repeats one value.
    #[allow(private_bounds)]
    pub fn repeated<T: Native>(value: &'a T, shape: &[usize]) -> View<'a> {
        let axes = shape.iter().map(|&size| Axis { size, stride: 0 });
        View { axes: axes.collect(), ..View::of(std::slice::from_ref(value)) }
    }

    /// The type of the elements.
    pub fn dtype(&self) -> Dtype {
        self.layout.dtype
    }

    /// The axes.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// The number of elements.
    pub fn size(&self) -> usize {
        self.axes.iter().map(|axis| axis.size).product()
    }

    /// Whether values of `T` can be read in place: the byte order is native, and the first element
    /// and all strides are aligned.
    pub(crate) fn holds<T: Native>(&self) -> bool {
        self.layout.dtype == T::DTYPE && !self.layout.swapped && self.data.cast::<T>().is_aligned()
    }

    /// All elements in row-major order as a slice, if memory is laid out that way.
    #[inline]
    #[allow(private_bounds)]
    pub fn as_slice<T: Native>(&self) -> Option<&'a [T]> {
        if self.size() == 0 {
            return (self.layout.dtype == T::DTYPE).then_some(&[]);
        }
        let mut expected = size_of::<T>() as isize;
        for axis in self.axes.iter().rev().filter(|axis| axis.size != 1) {
            if axis.stride != expected {
                return None;
            }
            expected *= axis.size as isize;
        }
        self.line(0, size_of::<T>() as isize, self.size()).as_slice::<T>()
    }

    /// `count` elements, `stride` bytes apart, beginning `offset` bytes after the first one.
    ///
    /// # Panics
    /// If they extend beyond the array.
    #[inline]
    pub(crate) fn line(&self, offset: isize, stride: isize, count: usize) -> Line<'a> {
        self.check(offset, stride, count, self.layout.dtype.size());
        let data = self.data.wrapping_offset(offset);
        Line { layout: self.layout, data, stride, count, memory: PhantomData }
    }

    /// `count` rows of `width` adjacent elements each, `stride` bytes apart.
    ///
    /// # Panics
    /// If they extend beyond the array.
    #[inline]
    pub(crate) fn rows(
        &self,
        offset: isize,
        stride: isize,
        count: usize,
        width: usize,
    ) -> AnyRows<'a> {
        if width > 0 {
            self.check(offset, stride, count, width * self.layout.dtype.size());
        }
        let data = self.data.wrapping_offset(offset);
        AnyRows { layout: self.layout, data, stride, count, width, memory: PhantomData }
    }

    #[inline]
    fn check(&self, offset: isize, stride: isize, count: usize, bytes: usize) {
        let last =
            (count as isize - 1).checked_mul(stride).and_then(|span| span.checked_add(offset));
        let within = last.is_some_and(|last| {
            self.reach.start <= last.min(offset)
                && last.max(offset) <= self.reach.end - bytes as isize
        });
        assert!(within || count == 0, "a line reaches beyond its array");
    }
}

/// Axes of this shape that replace a contiguous one.
fn reshaped(axes: &[Axis], shape: &[usize]) -> Vec<Axis> {
    let &[Axis { size, stride }] = axes else {
        panic!("only an array of one axis is reshaped");
    };
    assert_eq!(shape.iter().product::<usize>(), size, "a shape of another size");
    let mut rest = size as isize;
    let axes = shape.iter().map(|&size| {
        rest = rest.checked_div(size as isize).unwrap_or(0);
        Axis { size, stride: stride * rest }
    });
    axes.collect()
}

/// An array in memory that is written to: aligned, in native byte order, without overlapping
/// elements.
#[derive(Debug)]
pub struct ViewMut<'a> {
    dtype: Dtype,
    data: *mut u8,
    axes: Vec<Axis>,
    memory: PhantomData<&'a mut [u8]>,
}

// SAFETY: a view has exclusive access to its memory, as the caller of `ViewMut::new` promised.
unsafe impl Send for ViewMut<'_> {}
// SAFETY: threads write to separate lines (`LineMut`).
unsafe impl Sync for ViewMut<'_> {}

impl<'a> ViewMut<'a> {
    /// The array whose first element is at `data`.
    ///
    /// ```
    /// use mypackage::sum::{Axis, Dtype, View, ViewMut, cumsum_axis};
    ///
    /// let mut prefixes = [0.0; 3];
    /// let axes = vec![Axis { size: 3, stride: 8 }];
    /// // SAFETY: the axis is that of the array.
    /// let out = unsafe { ViewMut::new(Dtype::F64, prefixes.as_mut_ptr().cast(), axes) };
    /// cumsum_axis(&View::of(&[1e16, 1.0, -1e16]), out, 0, false, &(0..=0));
    /// assert_eq!(prefixes, [1e16, 1e16, 1.0]);
    /// ```
    ///
    /// # Safety
    /// The elements must be writable during `'a`, initialised (with any bytes), aligned for their
    /// type, disjoint, and used by nobody else.
    pub unsafe fn new(dtype: Dtype, data: *mut u8, axes: Vec<Axis>) -> ViewMut<'a> {
        ViewMut { dtype, data, axes, memory: PhantomData }
    }

    /// A slice as a one-dimensional array.
    #[allow(private_bounds)]
    pub fn of<T: Native>(values: &'a mut [T]) -> ViewMut<'a> {
        let axes = vec![Axis { size: values.len(), stride: size_of::<T>() as isize }];
        // SAFETY: the elements of a slice.
        unsafe { ViewMut::new(T::DTYPE, values.as_mut_ptr().cast(), axes) }
    }

    /// A contiguous one-dimensional array as an array of this shape, in row-major order.
    ///
    /// ```
    /// use mypackage::sum::{View, ViewMut, cumsum_axis};
    ///
    /// let mut prefixes = [0.0; 4];
    /// let values = View::of(&[1.0, 2.0, 3.0, 4.0]).reshaped(&[2, 2]);
    /// let out = ViewMut::of(&mut prefixes).reshaped(&[2, 2]);
    /// cumsum_axis(&values, out, 0, false, &(0..=0));
    /// assert_eq!(prefixes, [1.0, 2.0, 4.0, 6.0]);
    /// ```
    ///
    /// # Panics
    /// As [`View::reshaped`].
    pub fn reshaped(mut self, shape: &[usize]) -> ViewMut<'a> {
        self.axes = reshaped(&self.axes, shape);
        self
    }

    /// The type of the elements.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The axes.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// `count` elements, `stride` bytes apart, beginning `offset` bytes after the first one.
    ///
    /// # Safety
    /// They must be elements of the array, and nobody else may use them during the lifetime of the
    /// line.
    pub(super) unsafe fn line(&self, offset: isize, stride: isize, count: usize) -> LineMut<'_> {
        let data = self.data.wrapping_offset(offset);
        LineMut { dtype: self.dtype, data, stride, count, memory: PhantomData }
    }

    /// `count` rows of `width` adjacent elements each, `stride` bytes apart.
    ///
    /// # Safety
    /// As for [`ViewMut::line`].
    pub(super) unsafe fn rows<T>(
        &self,
        offset: isize,
        stride: isize,
        count: usize,
        width: usize,
    ) -> RowsMut<'_, T> {
        let data = self.data.wrapping_offset(offset).cast();
        RowsMut { data, stride, count, width, memory: PhantomData }
    }
}

/// A writable line: elements at equal distances.
#[derive(Debug)]
pub(crate) struct LineMut<'a> {
    dtype: Dtype,
    data: *mut u8,
    stride: isize,
    count: usize,
    memory: PhantomData<&'a mut [u8]>,
}

impl<'a> LineMut<'a> {
    /// The elements from `start` on, at most `count`, if they are adjacent and have the size of
    /// `T`.
    #[inline]
    pub fn as_slice<T: Native>(&mut self, start: usize, count: usize) -> Option<&mut [T]> {
        assert!(start <= self.count && count <= self.count - start);
        let adjacent = self.stride == size_of::<T>() as isize || count <= 1;
        let data = self.data.wrapping_offset(start as isize * self.stride).cast();
        // SAFETY: adjacent, aligned elements that are this line's alone.
        (adjacent && self.dtype.size() == size_of::<T>())
            .then(|| unsafe { std::slice::from_raw_parts_mut(data, count) })
    }

    /// Writes an element.
    ///
    /// # Panics
    /// If there is no such element, or the elements do not have the size of `T`.
    #[inline]
    pub fn write<T: Native>(&mut self, index: usize, value: T) {
        assert!(index < self.count && self.dtype.size() == size_of::<T>());
        // SAFETY: an element, which is this line's alone.
        unsafe { self.data.wrapping_offset(index as isize * self.stride).cast::<T>().write(value) };
    }

    /// Writes an element, the lowest bytes of `bits`.
    #[inline]
    pub fn write_bits(&mut self, index: usize, bits: u64) {
        match self.dtype.size() {
            1 => self.write(index, bits as u8),
            2 => self.write(index, bits as u16),
            4 => self.write(index, bits as u32),
            _ => self.write(index, bits),
        }
    }
}

/// Writable rows: `count` rows of `width` adjacent values each, `stride` bytes apart.
#[derive(Debug)]
pub(crate) struct RowsMut<'a, T> {
    data: *mut T,
    stride: isize,
    count: usize,
    width: usize,
    memory: PhantomData<&'a mut [T]>,
}

impl<'a, T> RowsMut<'a, T> {
    /// The rows of a matrix, each followed by a gap.
    ///
    /// # Panics
    /// If the last gap is not whole.
    #[cfg(test)]
    pub fn of(values: &'a mut [T], width: usize, gap: usize) -> RowsMut<'a, T> {
        assert!(values.len().is_multiple_of(width + gap));
        let stride = ((width + gap) * size_of::<T>()) as isize;
        let count = values.len() / (width + gap);
        RowsMut { data: values.as_mut_ptr(), stride, count, width, memory: PhantomData }
    }

    /// The number of rows.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.count
    }

    /// The number of values in a row.
    #[inline(always)]
    pub fn width(&self) -> usize {
        self.width
    }

    /// One of the rows.
    #[inline(always)]
    pub fn row(&mut self, index: usize) -> &mut [T] {
        assert!(index < self.count);
        let at = self.data.wrapping_byte_offset(index as isize * self.stride);
        // SAFETY: a row that is this value's alone.
        unsafe { std::slice::from_raw_parts_mut(at, self.width) }
    }

    /// The rows from `start` on, at most `count`.
    #[inline(always)]
    pub fn part(&mut self, start: usize, count: usize) -> RowsMut<'_, T> {
        assert!(start <= self.count);
        let data = self.data.wrapping_byte_offset(start as isize * self.stride);
        let count = count.min(self.count - start);
        RowsMut { data, count, memory: PhantomData, ..*self }
    }
}

/// The bits of an element.
pub(crate) trait Bits: Copy {
    fn swapped(self) -> Self;
}

macro_rules! bits {
    ($($type:ty)*) => {$(
        impl Bits for $type {
            #[inline(always)]
            fn swapped(self) -> $type {
                self.swap_bytes()
            }
        }
    )*};
}

bits!(u8 u16 u32 u64);

/// Elements at equal distances: one line through an array.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    layout: Layout,
    data: *const u8,
    stride: isize,
    count: usize,
    memory: PhantomData<&'a [u8]>,
}

// SAFETY: as for `View`.
unsafe impl Send for Line<'_> {}
// SAFETY: as above.
unsafe impl Sync for Line<'_> {}

impl<'a> Line<'a> {
    /// The elements of a slice.
    #[inline]
    pub fn of<T: Native>(values: &'a [T]) -> Line<'a> {
        let layout = Layout { dtype: T::DTYPE, swapped: false };
        let (data, stride) = (values.as_ptr().cast(), size_of::<T>() as isize);
        Line { layout, data, stride, count: values.len(), memory: PhantomData }
    }

    #[inline]
    pub fn dtype(&self) -> Dtype {
        self.layout.dtype
    }

    /// The number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.count
    }

    /// The address of the first element.
    #[inline]
    pub fn as_ptr(&self) -> *const u8 {
        self.data
    }

    /// The line as a slice, if its memory is laid out that way.
    #[inline]
    pub fn as_slice<T: Native>(&self) -> Option<&'a [T]> {
        let direct = self.holds::<T>()
            && (self.stride == size_of::<T>() as isize || self.count <= 1)
            && self.data.cast::<T>().is_aligned();
        // SAFETY: native, contiguous and aligned elements of a view, which are readable. (If another
        // thread writes to them meanwhile, the numbers are any numbers, and so is the result.)
        direct.then(|| unsafe { std::slice::from_raw_parts(self.data.cast(), self.count) })
    }

    /// The elements as a slice of bytes, if they have one byte each and are adjacent.
    #[inline]
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        let direct = self.layout.dtype.size() == 1 && (self.stride == 1 || self.count <= 1);
        // SAFETY: as above.
        direct.then(|| unsafe { std::slice::from_raw_parts(self.data, self.count) })
    }

    /// Whether the elements are native values of `T`.
    #[inline]
    fn holds<T: Native>(&self) -> bool {
        self.layout.dtype == T::DTYPE && !self.layout.swapped
    }

    /// The part of the line from `start` on.
    #[inline]
    pub fn skip(&self, start: usize) -> Line<'a> {
        let count = self.count.checked_sub(start).expect("a line is as long as what is skipped");
        Line { data: self.data.wrapping_offset(start as isize * self.stride), count, ..*self }
    }

    /// The first elements, at most `count`.
    #[inline]
    pub fn truncate(&self, count: usize) -> Line<'a> {
        Line { count: self.count.min(count), ..*self }
    }

    /// Converts the bits of the first elements, in native order.
    ///
    /// # Panics
    /// If the line is shorter than `into`, or its elements are not of the size of `B`.
    #[inline(always)]
    pub fn read<B: Bits, T>(&self, into: &mut [T], convert: impl Fn(B) -> T) {
        assert!(into.len() <= self.count && size_of::<B>() == self.layout.dtype.size());
        let size = size_of::<B>() as isize;
        let swapped = |bits: B| convert(bits.swapped());
        // Separate loops, so that the compiler sees constant strides.
        match (self.layout.swapped, self.stride) {
            (false, stride) if stride == size => self.read_loop(size, into, convert),
            (true, stride) if stride == size => self.read_loop(size, into, swapped),
            (false, stride) if stride == -size => self.read_loop(-size, into, convert),
            (false, stride) => self.read_loop(stride, into, convert),
            (true, stride) => self.read_loop(stride, into, swapped),
        }
    }

    #[inline(always)]
    fn read_loop<B: Bits, T>(&self, stride: isize, into: &mut [T], convert: impl Fn(B) -> T) {
        for (index, value) in into.iter_mut().enumerate() {
            let at = self.data.wrapping_offset(index as isize * stride).cast::<B>();
            // SAFETY: an element of the view, whose size and stride `read` has checked.
            *value = convert(unsafe { at.read_unaligned() });
        }
    }
}

/// `count` rows of `width` adjacent values each, `stride` bytes apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a, T> {
    data: *const T,
    stride: isize,
    count: usize,
    width: usize,
    memory: PhantomData<&'a [T]>,
}

impl<'a, T> Rows<'a, T> {
    /// The rows of a matrix without gaps.
    ///
    /// # Panics
    /// If the last row is not whole.
    #[inline]
    pub fn of(values: &'a [T], width: usize) -> Rows<'a, T> {
        assert!(width > 0 && values.len().is_multiple_of(width));
        let stride = (width * size_of::<T>()) as isize;
        let count = values.len() / width;
        Rows { data: values.as_ptr(), stride, count, width, memory: PhantomData }
    }

    /// The rows without their type.
    #[inline]
    pub fn erased(self) -> AnyRows<'a>
    where
        T: Native,
    {
        let layout = Layout { dtype: T::DTYPE, swapped: false };
        let Rows { data, stride, count, width, .. } = self;
        AnyRows { layout, data: data.cast(), stride, count, width, memory: PhantomData }
    }

    /// The number of rows.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.count
    }

    /// The number of values in a row.
    #[inline(always)]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Bytes from one row to the next.
    #[inline(always)]
    pub fn stride(&self) -> isize {
        self.stride
    }

    /// The address of the first value.
    #[inline(always)]
    pub fn as_ptr(&self) -> *const T {
        self.data
    }

    /// One of the rows.
    #[inline(always)]
    pub fn row(&self, index: usize) -> &'a [T] {
        assert!(index < self.count);
        let at = self.data.wrapping_byte_offset(index as isize * self.stride);
        // SAFETY: a row of a view or slice, aligned as all of them are.
        unsafe { std::slice::from_raw_parts(at, self.width) }
    }

    /// The rows from `start` on.
    #[inline(always)]
    pub fn skip(&self, start: usize) -> Rows<'a, T> {
        let count = self.count.checked_sub(start).expect("there are as many rows as are skipped");
        let data = self.data.wrapping_byte_offset(start as isize * self.stride);
        Rows { data, count, memory: PhantomData, ..*self }
    }

    /// The first rows, at most `count`.
    #[inline(always)]
    pub fn truncate(&self, count: usize) -> Rows<'a, T> {
        Rows { count: self.count.min(count), memory: PhantomData, ..*self }
    }

    /// `count` rows from `start` on, and of each `width` values from `column` on.
    ///
    /// # Panics
    /// If there are not as many.
    #[inline(always)]
    pub fn part(&self, start: usize, count: usize, column: usize, width: usize) -> Rows<'a, T> {
        assert!(count <= self.count && start <= self.count - count);
        assert!(width <= self.width && column <= self.width - width);
        let data = self.data.wrapping_byte_offset(start as isize * self.stride);
        Rows { data: data.wrapping_add(column), count, width, memory: PhantomData, ..*self }
    }
}

/// `count` rows of `width` adjacent elements each, of any dtype, `stride` bytes apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnyRows<'a> {
    layout: Layout,
    data: *const u8,
    stride: isize,
    count: usize,
    width: usize,
    memory: PhantomData<&'a [u8]>,
}

impl<'a> AnyRows<'a> {
    /// The rows, if their elements are native values of `T`.
    #[inline]
    pub fn of<T: Native>(self) -> Option<Rows<'a, T>> {
        let AnyRows { layout, data, stride, count, width, .. } = self;
        let data = data.cast::<T>();
        let aligned = data.is_aligned() && (stride % align_of::<T>() as isize == 0 || count <= 1);
        (layout.dtype == T::DTYPE && !layout.swapped && aligned).then_some(Rows {
            data,
            stride,
            count,
            width,
            memory: PhantomData,
        })
    }

    /// The number of rows.
    #[inline]
    pub fn len(self) -> usize {
        self.count
    }

    /// The rows from `start` on, at most `most`.
    #[inline]
    pub fn part(self, start: usize, most: usize) -> AnyRows<'a> {
        let count = self.count.checked_sub(start).expect("there are as many rows as are skipped");
        let data = self.data.wrapping_offset(start as isize * self.stride);
        AnyRows { data, count: count.min(most), ..self }
    }
}
