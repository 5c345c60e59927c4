//! Sums and dot products of arrays, rounded once.

use std::sync::Mutex;

use super::export::export;
use super::foreign::{Array, Real};
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

/// Collects the single result of a kernel that passes results to a closure.
fn only(kernel: impl FnOnce(&(dyn Fn(usize, &Accumulator) + Sync))) -> Accumulator {
    let total = Mutex::new(Accumulator::new());
    kernel(&|_, sum| *total.lock().expect("nothing panics here") = sum.clone());
    total.into_inner().expect("nothing panics here")
}

/// The exact sum of an array.
pub(super) fn exact_sum<T: Element>(values: Array<'_, T>) -> Accumulator {
    if let Some(slice) = values.as_slice() {
        let mut total = Accumulator::new();
        T::add_slice(slice, &mut total);
        return total;
    }
    collect(&values.view().into(), &[true]).get(0).into_owned()
}

export! {
    fn mypackage_sum_f64(values: *const f64, count: usize, stride: isize, out: *mut f64)
    where (values: Array[count, stride], out: Place) {
        out.put(exact_sum(values).to_f64())
    }

    fn mypackage_sum_f32(values: *const f32, count: usize, stride: isize, out: *mut f32)
    where (values: Array[count, stride], out: Place) {
        out.put(exact_sum(values).to_f32())
    }
}

/// The exact dot product of two strided vectors of the same length.
fn exact_dot(x: Array<'_, f64>, y: Array<'_, f64>) -> Accumulator {
    let [x, y] = [x, y].map(|array| Vectors { view: array.view(), complex: false });
    only(|put| vecdot(&x, &y, put))
}

export! {
    fn mypackage_vecdot_f64(
        x: *const f64, y: *const f64, count: usize, x_stride: isize, y_stride: isize, out: *mut f64,
    )
    where (x: Array[count, x_stride], y: Array[count, y_stride], out: Place) {
        out.put(exact_dot(x, y).to_f64())
    }
}
