//! NumPy's ufunc interface, which only this file uses.
//!
//! A ufunc is a row of a table ([`Ufunc`]): a name, a docstring and typed [`Loop`]s. A loop
//! declares its operand types once; both the type numbers for NumPy and the memory accesses are
//! derived from them. NumPy hands a loop raw pointers with byte strides (zero, negative, not a
//! multiple of the item size, memory that other threads may write); [`Call::for_each_block`] turns
//! them into slices of private copies, so a kernel is plain safe Rust.
#![allow(unsafe_code)] // Raw pointers from NumPy; tables that NumPy keeps forever.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::hint::black_box;
use std::marker::PhantomData;
use std::mem::size_of;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use numpy::npyffi::{NPY_TYPES, PY_UFUNC_API, PyUFuncGenericFunction, npy_intp};
use numpy::{Element, PyArrayDescrMethods, dtype};
use pyo3::exceptions::{PyAttributeError, PyRuntimeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::raised;
use mypackage::error::Result as KernelResult;
use mypackage::threads;

/// Elements per block, whose copies stay in the first-level cache.
pub(super) const BLOCK: usize = 256;
/// The largest number of inputs and outputs of a loop.
const MAX_OPERANDS: usize = 5;
/// The largest item of any operand, in bytes.
const MAX_ITEM: usize = 8;
/// How long a loop may run without checking for Ctrl-C.
const PATIENCE: Duration = Duration::from_millis(50);

/// An element type of NumPy arrays, for loops.
pub(super) trait Scalar: Element + Copy + Default + Send + Sync + 'static {}
impl Scalar for bool {}
impl Scalar for i64 {}
impl Scalar for u64 {}

/// The types of a loop's inputs or outputs.
pub(super) trait Columns {
    /// Their number.
    const COUNT: usize;
    /// NumPy's type numbers.
    fn type_numbers(py: Python<'_>) -> Vec<c_char>;
}

/// Columns of numbers, which can be copied into blocks.
pub(super) trait Numbers: Columns {
    /// One value of each column.
    type Values;
    /// A block of each column.
    type Buffers;
    /// Views of the blocks.
    type Slices<'a>;
    /// Writable views of the blocks.
    type SlicesMut<'a>;

    fn buffers() -> Self::Buffers;
    fn slices(buffers: &Self::Buffers, len: usize) -> Self::Slices<'_>;
    fn slices_mut(buffers: &mut Self::Buffers, len: usize) -> Self::SlicesMut<'_>;
    /// # Safety
    /// `operands` describe readable memory of these types for elements `start .. start + len`.
    unsafe fn load(buffers: &mut Self::Buffers, operands: &[Operand], start: usize, len: usize);
    /// # Safety
    /// `operands` describe writable memory of these types for elements `start .. start + len`.
    unsafe fn store(buffers: &Self::Buffers, operands: &[Operand], start: usize, len: usize);
    /// Whether the operands are contiguous, ascending and aligned.
    fn are_slices(operands: &[Operand]) -> bool;
    /// # Safety
    /// The operands [are slices](Self::are_slices), readable for elements `start .. start + len`.
    unsafe fn views<'a>(operands: &[Operand], start: usize, len: usize) -> Self::Slices<'a>;
    /// # Safety
    /// The operands [are slices](Self::are_slices), writable for elements `start .. start + len`,
    /// which no other reference reaches.
    unsafe fn views_mut<'a>(operands: &[Operand], start: usize, len: usize) -> Self::SlicesMut<'a>;
    /// # Safety
    /// `operands` describe readable memory of these types for element 0.
    unsafe fn first(operands: &[Operand]) -> Self::Values;
}

/// One operand of a call: the address of element 0, and the stride.
#[derive(Clone, Copy)]
pub(super) struct Operand {
    start: *mut u8,
    stride: isize,
}

// SAFETY: NumPy gives the memory to the loop for the length of the call, and blocks written by
// different threads do not overlap.
unsafe impl Send for Operand {}
// SAFETY: as above.
unsafe impl Sync for Operand {}

impl Operand {
    fn at(self, index: usize) -> *mut u8 {
        self.start.wrapping_offset(self.stride * index as isize)
    }

    /// # Safety
    /// Elements `start .. start + out.len()` are readable and hold values of type `T`.
    unsafe fn load<T: Copy>(self, start: usize, out: &mut [T]) {
        if self.stride == size_of::<T>() as isize {
            // SAFETY: the caller's promise; a byte copy needs no alignment.
            unsafe {
                let bytes = size_of_val(out);
                std::ptr::copy_nonoverlapping(self.at(start), out.as_mut_ptr().cast(), bytes);
            }
        } else {
            for (index, out) in out.iter_mut().enumerate() {
                // SAFETY: the caller's promise.
                *out = unsafe { self.at(start + index).cast::<T>().read_unaligned() };
            }
        }
    }

    /// # Safety
    /// Elements `start .. start + values.len()` are writable and hold values of type `T`.
    unsafe fn store<T: Copy>(self, start: usize, values: &[T]) {
        if self.stride == size_of::<T>() as isize {
            // SAFETY: the caller's promise; a byte copy needs no alignment.
            unsafe {
                let bytes = size_of_val(values);
                std::ptr::copy_nonoverlapping(values.as_ptr().cast(), self.at(start), bytes);
            }
        } else {
            for (index, &value) in values.iter().enumerate() {
                // SAFETY: the caller's promise.
                unsafe { self.at(start + index).cast::<T>().write_unaligned(value) };
            }
        }
    }

    /// Whether the elements are laid out like a Rust slice.
    fn is_slice<T>(self) -> bool {
        self.stride == size_of::<T>() as isize && self.start.cast::<T>().is_aligned()
    }

    /// Whether the memory ranges of `count` elements overlap.
    fn overlaps(self, other: Operand, count: usize) -> bool {
        let span = |operand: Operand| {
            let (first, last) = (operand.at(0) as usize, operand.at(count - 1) as usize);
            (first.min(last), first.max(last) + MAX_ITEM)
        };
        let ((low, high), (start, end)) = (span(self), span(other));
        start < high && low < end
    }
}

macro_rules! columns {
    ($count:literal: $($T:ident $index:tt),+) => {
        impl<$($T: Scalar),+> Columns for ($($T,)+) {
            const COUNT: usize = $count;

            fn type_numbers(py: Python<'_>) -> Vec<c_char> {
                vec![$(dtype::<$T>(py).num() as c_char),+]
            }
        }

        impl<$($T: Scalar),+> Numbers for ($($T,)+) {
            type Values = ($($T,)+);
            type Buffers = ($([$T; BLOCK],)+);
            type Slices<'a> = ($(&'a [$T],)+);
            type SlicesMut<'a> = ($(&'a mut [$T],)+);

            fn buffers() -> Self::Buffers {
                ($([$T::default(); BLOCK],)+)
            }

            fn slices(buffers: &Self::Buffers, len: usize) -> Self::Slices<'_> {
                ($(&buffers.$index[..len],)+)
            }

            fn slices_mut(buffers: &mut Self::Buffers, len: usize) -> Self::SlicesMut<'_> {
                ($(&mut buffers.$index[..len],)+)
            }

            unsafe fn load(buffers: &mut Self::Buffers, operands: &[Operand], start: usize, len: usize) {
                // SAFETY: the caller's promise.
                $(unsafe { operands[$index].load(start, &mut buffers.$index[..len]) };)+
            }

            unsafe fn store(buffers: &Self::Buffers, operands: &[Operand], start: usize, len: usize) {
                // SAFETY: the caller's promise.
                $(unsafe { operands[$index].store(start, &buffers.$index[..len]) };)+
            }

            fn are_slices(operands: &[Operand]) -> bool {
                $(operands[$index].is_slice::<$T>())&&+
            }

            unsafe fn views<'a>(operands: &[Operand], start: usize, len: usize) -> Self::Slices<'a> {
                // SAFETY: the caller's promise.
                ($(unsafe { std::slice::from_raw_parts(operands[$index].at(start).cast::<$T>(), len) },)+)
            }

            unsafe fn views_mut<'a>(
                operands: &[Operand],
                start: usize,
                len: usize,
            ) -> Self::SlicesMut<'a> {
                // SAFETY: the caller's promise.
                ($(unsafe {
                    std::slice::from_raw_parts_mut(operands[$index].at(start).cast::<$T>(), len)
                },)+)
            }

            unsafe fn first(operands: &[Operand]) -> Self::Values {
                // SAFETY: the caller's promise.
                ($(unsafe { operands[$index].start.cast::<$T>().read_unaligned() },)+)
            }
        }
    };
}
columns!(1: A 0);
columns!(2: A 0, B 1);
columns!(4: A 0, B 1, C 2, D 3);

/// `N` columns of objects.
pub(super) struct Objects<const N: usize>;

impl<const N: usize> Columns for Objects<N> {
    const COUNT: usize = N;

    fn type_numbers(_py: Python<'_>) -> Vec<c_char> {
        vec![NPY_TYPES::NPY_OBJECT as c_char; N]
    }
}

/// The work per element, which decides when threads pay and how often to check for Ctrl-C.
#[derive(Clone, Copy)]
pub(super) enum Work {
    /// About as long as reading it from memory.
    Light,
    /// Tens to hundreds of nanoseconds.
    Moderate,
    /// From hundreds of nanoseconds to hundreds of microseconds.
    Heavy,
}

impl Work {
    /// Elements between two checks for Ctrl-C: a few milliseconds of work.
    fn segment(self) -> usize {
        match self {
            Work::Light => 1 << 22,
            Work::Moderate => 1 << 17,
            Work::Heavy => 1 << 10,
        }
    }

    /// The smallest number of elements for which threads pay.
    fn parallel_from(self) -> usize {
        match self {
            Work::Light => 1 << 18,
            Work::Moderate => 1 << 11,
            Work::Heavy => 1 << 8,
        }
    }

    /// Elements per task of a thread.
    fn piece(self) -> usize {
        match self {
            Work::Light => 256 * BLOCK,
            Work::Moderate => 2 * BLOCK,
            Work::Heavy => 8,
        }
    }
}

/// One call of an inner loop, with operands of the types `I` and `O`.
pub(super) struct Call<I, O> {
    operands: [Operand; MAX_OPERANDS],
    count: usize,
    divided_by_zero: AtomicBool,
    types: PhantomData<fn(I) -> O>,
}

impl<I: Columns, O: Columns> Call<I, O> {
    /// # Safety
    /// The arguments are those of an inner loop that NumPy runs for these types.
    unsafe fn new(args: *mut *mut c_char, count: *mut npy_intp, strides: *mut npy_intp) -> Self {
        let mut operands = [Operand { start: std::ptr::null_mut(), stride: 0 }; MAX_OPERANDS];
        for (index, operand) in operands.iter_mut().take(I::COUNT + O::COUNT).enumerate() {
            // SAFETY: NumPy passes one address and one stride per operand.
            unsafe {
                operand.start = (*args.add(index)).cast();
                operand.stride = *strides.add(index);
            }
        }
        // SAFETY: NumPy passes the number of elements.
        let count = usize::try_from(unsafe { *count }).unwrap_or(0);
        Call { operands, count, divided_by_zero: AtomicBool::new(false), types: PhantomData }
    }

    fn inputs(&self) -> &[Operand] {
        &self.operands[..I::COUNT]
    }

    fn outputs(&self) -> &[Operand] {
        &self.operands[I::COUNT..I::COUNT + O::COUNT]
    }

    /// The number of elements.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether an input is one value for the whole call (a scalar broadcast against an array).
    pub(super) fn is_shared(&self, input: usize) -> bool {
        self.inputs()[input].stride == 0 && !self.is_recurrent()
    }

    /// Records a division by zero, to be handled as `np.errstate` says.
    pub(super) fn note_division_by_zero(&self) {
        self.divided_by_zero.store(true, Ordering::Relaxed);
    }

    /// Whether an element may read what an earlier one wrote, as in `accumulate` and `reduce`,
    /// because an output overlaps an input other than element by element.
    fn is_recurrent(&self) -> bool {
        if I::COUNT == 1 || self.count < 2 {
            return false;
        }
        self.outputs().iter().any(|output| {
            self.inputs().iter().any(|input| {
                let in_step = output.start == input.start
                    && output.stride == input.stride
                    && input.stride != 0;
                output.overlaps(*input, self.count) && !in_step
            })
        })
    }

    /// Whether no output shares memory with any other operand.
    fn is_disjoint(&self) -> bool {
        self.outputs().iter().enumerate().all(|(index, output)| {
            let others = self.inputs().iter().chain(&self.outputs()[index + 1..]);
            !others.into_iter().any(|other| output.overlaps(*other, self.count))
        })
    }
}

impl<I: Numbers, O: Numbers> Call<I, O> {
    /// The first value of each input, the only one of those that are [shared](Call::is_shared).
    pub(super) fn first(&self) -> I::Values {
        assert!(self.count > 0, "NumPy calls no loop without elements");
        // SAFETY: element 0 exists.
        unsafe { I::first(self.inputs()) }
    }

    /// Whether a kernel with little work may use the operands in place: they are slices, and no
    /// output overlaps another operand.
    pub(super) fn is_direct(&self) -> bool {
        I::are_slices(self.inputs()) && O::are_slices(self.outputs()) && self.is_disjoint()
    }

    /// Runs the kernel over all elements, block by block, on several threads when that pays.
    ///
    /// A block is a copy, unless copying would take as long as the work.
    ///
    /// The error is that of the first failing block in memory order; work that has not begun by
    /// then is skipped.
    pub(super) fn for_each_block<F>(&self, work: Work, kernel: F) -> PyResult<()>
    where
        F: Fn(I::Slices<'_>, O::SlicesMut<'_>) -> KernelResult<()> + Sync,
    {
        let block = if self.is_recurrent() { 1 } else { BLOCK };
        let direct = matches!(work, Work::Light) && self.is_direct();
        let piece = |start: usize, end: usize| -> KernelResult<()> {
            if direct {
                // SAFETY: the operands are slices, the outputs disjoint from all else, NumPy vouches
                // for elements up to `self.count`, and pieces partition them.
                let (inputs, outputs) = unsafe {
                    (
                        I::views(self.inputs(), start, end - start),
                        O::views_mut(self.outputs(), start, end - start),
                    )
                };
                return kernel(inputs, outputs);
            }
            let mut inputs = I::buffers();
            let mut outputs = O::buffers();
            for start in (start..end).step_by(block) {
                let len = block.min(end - start);
                // SAFETY: `start + len <= self.count`, and NumPy vouches for these elements.
                unsafe { I::load(&mut inputs, self.inputs(), start, len) };
                kernel(I::slices(&inputs, len), O::slices_mut(&mut outputs, len))?;
                // SAFETY: as above.
                unsafe { O::store(&outputs, self.outputs(), start, len) };
            }
            Ok(())
        };
        let parallel = block > 1 && threads::get() > 1;
        for start in (0..self.count).step_by(work.segment()) {
            if start > 0 || !matches!(work, Work::Light) {
                look_for_signals()?;
            }
            let end = self.count.min(start + work.segment());
            if parallel && end - start >= work.parallel_from() {
                let failures = threads::split(end - start, work.piece(), |pieces| {
                    let mut failures = pieces.filter_map(|range| {
                        let (from, to) = (start + range.start, start + range.end);
                        Some((from, piece(from, to).err()?))
                    });
                    failures.next()
                });
                // Tasks are started in order, so no task before the first failed one is skipped.
                if let Some((_, error)) = failures.into_iter().flatten().min_by_key(|&(at, _)| at) {
                    return Err(raised(error));
                }
            } else {
                piece(start, end).map_err(raised)?;
            }
        }
        Ok(())
    }
}

impl<const N: usize, O: Columns> Call<Objects<N>, O> {
    /// The entry of an object input.
    pub(super) fn object<'py>(
        &self,
        py: Python<'py>,
        input: usize,
        index: usize,
    ) -> Bound<'py, PyAny> {
        // SAFETY: NumPy vouches for an object pointer, or null for None, at this place.
        unsafe {
            let entry = self.inputs()[input].at(index).cast::<*mut ffi::PyObject>();
            Bound::from_borrowed_ptr_or_opt(py, entry.read_unaligned())
        }
        .unwrap_or_else(|| py.None().into_bound(py))
    }
}

impl<I: Columns, const N: usize> Call<I, Objects<N>> {
    /// Stores one entry in each object output.
    pub(super) fn set_objects(&self, index: usize, values: [Bound<'_, PyAny>; N]) {
        for (output, value) in self.outputs().iter().zip(values) {
            let entry = output.at(index).cast::<*mut ffi::PyObject>();
            // SAFETY: NumPy vouches for an owned object pointer, or null, at this place. The new
            // value is in place before the old one is released, which may run any code.
            unsafe {
                let old = entry.read_unaligned();
                entry.write_unaligned(value.into_ptr());
                ffi::Py_XDECREF(old);
            }
        }
    }
}

impl<I: Columns> Call<I, Objects<1>> {
    /// Stores the result of one element.
    pub(super) fn set_object(&self, index: usize, value: Bound<'_, PyAny>) {
        self.set_objects(index, [value]);
    }
}

impl<I: Columns, T: Scalar> Call<I, (T,)> {
    /// Stores the result of one element.
    pub(super) fn set(&self, index: usize, value: T) {
        // SAFETY: NumPy vouches for the output's memory.
        unsafe { self.outputs()[0].store(index, &[value]) };
    }
}

thread_local! {
    /// When this thread last checked for Ctrl-C.
    static LAST_LOOK: Cell<Option<Instant>> = const { Cell::new(None) };
    /// Whether this thread's last loop raised an exception. NumPy runs the remaining chunks of a
    /// numeric call before it checks for exceptions; this makes them return at once.
    static FAILED: Cell<bool> = const { Cell::new(false) };
}

/// Raises KeyboardInterrupt, or whatever a signal handler raises, if a signal came in.
pub(super) fn look_for_signals() -> PyResult<()> {
    let now = Instant::now();
    if LAST_LOOK.get().is_some_and(|last| now - last < PATIENCE) {
        return Ok(());
    }
    LAST_LOOK.set(Some(now));
    Python::attach(|py| py.check_signals())
}

/// An inner loop: its operand types and what it does.
pub(super) trait Loop: 'static {
    /// The inputs' types.
    type Inputs: Columns;
    /// The outputs' types.
    type Outputs: Columns;
    /// Computes all elements of a call.
    fn run(call: &Call<Self::Inputs, Self::Outputs>) -> PyResult<()>;
}

/// The function that NumPy calls: builds the [`Call`], and turns errors and panics into exceptions.
unsafe extern "C" fn inner_loop<L: Loop>(
    args: *mut *mut c_char,
    count: *mut npy_intp,
    strides: *mut npy_intp,
    _data: *mut c_void,
) {
    if FAILED.get() {
        // SAFETY: attached, so the interpreter may be asked.
        let pending = Python::attach(|_| unsafe { !ffi::PyErr_Occurred().is_null() });
        if pending {
            return;
        }
        FAILED.set(false);
    }
    // SAFETY: NumPy runs this loop for the types it was registered with, which are L's.
    let call = unsafe { Call::<L::Inputs, L::Outputs>::new(args, count, strides) };
    if call.count == 0 {
        return;
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| L::run(&call))).unwrap_or_else(|_| {
        Err(PyRuntimeError::new_err("internal error: a kernel panicked; please report it"))
    });
    match outcome {
        Ok(()) if call.divided_by_zero.into_inner() => {
            // An actual division sets the thread's floating-point flag, which NumPy checks next.
            black_box(black_box(1.0) / black_box(0.0));
        }
        Ok(()) => {}
        Err(error) => {
            FAILED.set(true);
            Python::attach(|py| error.restore(py));
        }
    }
}

/// A [`Loop`] as an entry of a table.
pub(super) struct TypedLoop {
    inputs: usize,
    outputs: usize,
    types: fn(Python<'_>) -> Vec<c_char>,
    function: PyUFuncGenericFunction,
}

impl TypedLoop {
    /// The table entry for `L`.
    pub(super) const fn of<L: Loop>() -> Self {
        TypedLoop {
            inputs: L::Inputs::COUNT,
            outputs: L::Outputs::COUNT,
            types: |py| [L::Inputs::type_numbers(py), L::Outputs::type_numbers(py)].concat(),
            function: Some(inner_loop::<L>),
        }
    }
}

/// One ufunc.
pub(super) struct Ufunc {
    /// Its name in the module.
    pub(super) name: &'static CStr,
    /// Its docstring, which begins with the call, since NumPy does not know parameter names.
    pub(super) doc: &'static CStr,
    /// Its loops; NumPy chooses the first one to which the inputs cast safely.
    pub(super) loops: &'static [TypedLoop],
}

impl Ufunc {
    /// Makes the ufunc and adds it to the module.
    pub(super) fn add_to(&self, module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        let (inputs, outputs) = (self.loops[0].inputs, self.loops[0].outputs);
        // NumPy keeps the addresses of these tables until the process ends.
        let functions = leak(self.loops.iter().map(|row| row.function).collect());
        let data = leak(vec![std::ptr::null_mut::<c_void>(); self.loops.len()]);
        let types = leak(self.loops.iter().flat_map(|row| (row.types)(py)).collect());
        assert_eq!(types.len(), self.loops.len() * (inputs + outputs));
        // SAFETY: the tables have one row per loop and are never freed or changed; the strings are
        // static. NumPy returns a new reference or null with an exception set.
        let ufunc = unsafe {
            let ufunc = PY_UFUNC_API.PyUFunc_FromFuncAndData(
                py,
                functions.as_mut_ptr(),
                data.as_mut_ptr(),
                types.as_mut_ptr(),
                self.loops.len() as c_int,
                inputs as c_int,
                outputs as c_int,
                NO_IDENTITY,
                self.name.as_ptr(),
                self.doc.as_ptr(),
                0,
            );
            Bound::from_owned_ptr_or_err(py, ufunc)?
        };
        // In NumPy 2.2 and later, a ufunc can set its module and its whole docstring; earlier
        // versions search for the module, and prepend a line to the docstring.
        for (attribute, value) in [("__module__", c"mypackage"), ("__doc__", self.doc)] {
            match ufunc.setattr(attribute, value) {
                Err(error) if error.is_instance_of::<PyAttributeError>(py) => {}
                outcome => outcome?,
            }
        }
        module.add(&*self.name.to_string_lossy(), ufunc)
    }
}

/// `PyUFunc_None`: reductions have no identity.
const NO_IDENTITY: c_int = -1;

fn leak<T>(table: Vec<T>) -> &'static mut [T] {
    Box::leak(table.into_boxed_slice())
}
