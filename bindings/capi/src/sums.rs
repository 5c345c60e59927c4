//! Sums and dot products of arrays, rounded once.

#![allow(unsafe_code)] // C's entry points.

use std::sync::Mutex;

use super::status::guard;
use super::strided::{Real, Strided, store};
use mypackage::sum::{Accumulator, Vectors, collect, vecdot};

/// An element type of the sums.
pub(super) trait Element: Real {
    fn add_slice(values: &[Self], total: &mut Accumulator);
}

impl Element for f64 {
    fn add_slice(values: &[f64], total: &mut Accumulator) {
        total.add_slice(values);
    }
}

impl Element for f32 {
    fn add_slice(values: &[f32], total: &mut Accumulator) {
        total.add_slice_f32(values);
    }
}

/// The one result of a kernel that gives its results to a function.
fn only(kernel: impl FnOnce(&(dyn Fn(usize, &Accumulator) + Sync))) -> Accumulator {
    let total = Mutex::new(Accumulator::new());
    kernel(&|_, sum| *total.lock().expect("nothing panics here") = sum.clone());
    total.into_inner().expect("nothing panics here")
}

/// The exact sum of an array.
pub(super) fn exact_sum<T: Element>(values: Strided<T>) -> Accumulator {
    if let Some(slice) = values.as_slice() {
        let mut total = Accumulator::new();
        T::add_slice(slice, &mut total);
        return total;
    }
    collect(&values.view().into(), &[true]).get(0).into_owned()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mypackage_sum_f64(
    values: *const f64,
    count: usize,
    stride: isize,
    out: *mut f64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let values = unsafe { Strided::new("values", values, count, stride)? };
        // SAFETY: as above.
        unsafe { store("out", out, exact_sum(values).to_f64()) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mypackage_sum_f32(
    values: *const f32,
    count: usize,
    stride: isize,
    out: *mut f32,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let values = unsafe { Strided::new("values", values, count, stride)? };
        // SAFETY: as above.
        unsafe { store("out", out, exact_sum(values).to_f32()) }
    })
}

/// The exact dot product of two strided vectors of one length.
pub(super) fn exact_dot(x: Strided<f64>, y: Strided<f64>) -> Accumulator {
    let vectors = |strided: Strided<f64>| Vectors { view: strided.view(), complex: false };
    only(|put| vecdot(&vectors(x), &vectors(y), put))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mypackage_vecdot_f64(
    x: *const f64,
    y: *const f64,
    count: usize,
    x_stride: isize,
    y_stride: isize,
    out: *mut f64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let (x, y) = unsafe {
            (Strided::new("x", x, count, x_stride)?, Strided::new("y", y, count, y_stride)?)
        };
        let total = exact_dot(x, y);
        // SAFETY: the caller's promise.
        unsafe { store("out", out, total.to_f64()) }
    })
}
