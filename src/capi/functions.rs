//! Greeting, settings, Fibonacci numbers and sums.

#![allow(unsafe_code)] // C's entry points.

use std::ffi::{CStr, c_char};
use std::sync::Mutex;

use super::status::{Outcome, guard, last_message};
use super::strided::{BLOCK, Strided, store};
use crate::error::Error;
use crate::fibonacci::modular::{self, Member, SharedRing};
use crate::fibonacci::small::{self, Tabulated};
use crate::hello;
use crate::sum::{Accumulator, Axis, DotRequest, Dtype, Request, Vectors, sum_axes, vecdot};
use crate::threads;

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version holds no null"),
    };

#[unsafe(no_mangle)]
pub extern "C" fn mypackage_version() -> *const c_char {
    VERSION.as_ptr()
}

#[unsafe(no_mangle)]
pub extern "C" fn mypackage_error_message() -> *const c_char {
    last_message()
}

#[unsafe(no_mangle)]
pub extern "C" fn mypackage_hello() -> *const c_char {
    hello::GREETING.as_ptr()
}

/// # Safety
/// As the header says; so for every function here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mypackage_add_i32(left: i32, right: i32, out: *mut i32) -> i32 {
    // SAFETY: the caller's promise about `out`.
    guard(|| unsafe { store("out", out, hello::add(left, right)?) })
}

#[unsafe(no_mangle)]
pub extern "C" fn mypackage_get_num_threads() -> usize {
    threads::get()
}

#[unsafe(no_mangle)]
pub extern "C" fn mypackage_set_num_threads(count: usize) -> i32 {
    guard(|| {
        threads::set(count)?;
        Ok(())
    })
}

/// Computes `out` from `n` block by block. All is copied, so the two may be the same array.
fn map_blocks<T: Copy + Default>(
    n: Strided<T>,
    out: Strided<T>,
    kernel: impl Fn(usize, &[T], &mut [T]) -> Outcome,
) -> Outcome {
    // A single number should not pay for clearing a large block.
    match n.count() {
        ..=FEW => map_blocks_of::<T, FEW>(n, out, kernel),
        _ => map_blocks_of::<T, BLOCK>(n, out, kernel),
    }
}

const FEW: usize = 8;

fn map_blocks_of<T: Copy + Default, const BLOCK: usize>(
    n: Strided<T>,
    out: Strided<T>,
    kernel: impl Fn(usize, &[T], &mut [T]) -> Outcome,
) -> Outcome {
    let (mut inputs, mut results) = ([T::default(); BLOCK], [T::default(); BLOCK]);
    for start in (0..n.count()).step_by(BLOCK) {
        let length = BLOCK.min(n.count() - start);
        let (inputs, results) = (&mut inputs[..length], &mut results[..length]);
        n.read(start, inputs);
        kernel(start, inputs, results)?;
        out.write(start, results);
    }
    Ok(())
}

/// # Safety
/// The header's.
unsafe fn fibonacci<T: Tabulated + Default>(
    n: *const T,
    count: usize,
    stride: isize,
    out: *mut T,
    out_stride: isize,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let (n, out) = unsafe {
            (Strided::new("n", n, count, stride)?, Strided::new("out", out, count, out_stride)?)
        };
        map_blocks(n, out, |_, n, out| Ok(small::fibonacci(n, out)?))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mypackage_fibonacci_i64(
    n: *const i64,
    count: usize,
    stride: isize,
    out: *mut i64,
    out_stride: isize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { fibonacci(n, count, stride, out, out_stride) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mypackage_fibonacci_u64(
    n: *const u64,
    count: usize,
    stride: isize,
    out: *mut u64,
    out_stride: isize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { fibonacci(n, count, stride, out, out_stride) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mypackage_fibonacci_mod_u64(
    n: *const u64,
    m: *const u64,
    count: usize,
    n_stride: isize,
    m_stride: isize,
    out: *mut u64,
    out_stride: isize,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let (n, m, out) = unsafe {
            (
                Strided::new("n", n, count, n_stride)?,
                Strided::new("m", m, count, m_stride)?,
                Strided::new("out", out, count, out_stride)?,
            )
        };
        let zero = || Error::Value("fibonacci_mod needs a modulus m other than 0".into());
        if m_stride == 0 && count >= SharedRing::PAYS_FROM {
            let mut modulus = [0];
            m.read(0, &mut modulus);
            let [modulus] = modulus;
            if modulus == 0 {
                return Err(zero().into());
            }
            let ring = SharedRing::fibonacci(modulus);
            return map_blocks(n, out, |_, n, out| Ok(ring.members(Member::U, n, modulus, out)?));
        }
        map_blocks(n, out, |start, n, out| {
            // In parts of a few: the kernel's own groups are no larger.
            for (part, (n, out)) in n.chunks(FEW).zip(out.chunks_mut(FEW)).enumerate() {
                let mut moduli = [0; FEW];
                let moduli = &mut moduli[..n.len()];
                m.read(start + part * FEW, moduli);
                if modular::fibonacci(Member::U, n, moduli, out)? {
                    return Err(zero().into());
                }
            }
            Ok(())
        })
    })
}

/// An element type of the sums.
pub(super) trait Number: Copy + Default {
    const DTYPE: Dtype;
    fn add_slice(values: &[Self], total: &mut Accumulator);
}

impl Number for f64 {
    const DTYPE: Dtype = Dtype::F64;
    fn add_slice(values: &[f64], total: &mut Accumulator) {
        total.add_slice(values);
    }
}

impl Number for f32 {
    const DTYPE: Dtype = Dtype::F32;
    fn add_slice(values: &[f32], total: &mut Accumulator) {
        total.add_slice_f32(values);
    }
}

/// The exact sum of an array.
pub(super) fn exact_sum<T: Number>(values: Strided<T>) -> Accumulator {
    let mut total = Accumulator::new();
    if let Some(slice) = values.as_slice() {
        T::add_slice(slice, &mut total);
        return total;
    }
    let (data, stride) = values.layout();
    let axis = Axis { size: values.count(), stride, mask_stride: 0, reduced: true };
    let request = Request {
        dtype: T::DTYPE,
        swapped: false,
        data,
        mask: None,
        skip_nan: false,
        axes: vec![axis],
    };
    let total = Mutex::new(total);
    // SAFETY: `Strided::new`'s caller promised that all elements are readable.
    unsafe {
        sum_axes(&request, &|_, sum| *total.lock().expect("nothing panics here") = sum.clone());
    }
    total.into_inner().expect("nothing panics here")
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
fn exact_dot(x: Strided<f64>, y: Strided<f64>) -> Accumulator {
    let vectors = |strided: Strided<f64>| {
        let (data, stride) = strided.layout();
        let (dtype, complex, swapped) = (Dtype::F64, false, false);
        Vectors { dtype, complex, swapped, data, stride, outer_strides: Vec::new() }
    };
    let request =
        DotRequest { left: vectors(x), right: vectors(y), count: x.count(), shape: Vec::new() };
    let total = Mutex::new(Accumulator::new());
    // SAFETY: `Strided::new`'s caller promised that all elements are readable.
    unsafe {
        vecdot(&request, &|_, sum| *total.lock().expect("nothing panics here") = sum.clone());
    }
    total.into_inner().expect("nothing panics here")
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
