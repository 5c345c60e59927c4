//! What the library is, says and uses: its version, the last error, a greeting, the threads.

#![allow(unsafe_code)] // C's entry points.

use std::ffi::{CStr, c_char};

use super::status::{guard, last_message};
use super::strided::store;
use mypackage::{hello, threads};

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
