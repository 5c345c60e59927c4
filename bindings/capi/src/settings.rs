//! The library's version, last error, greeting and number of threads.

use std::ffi::{CStr, c_char};

use super::export::export;
use super::status::last_message;
use mypackage::{hello, threads};

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version holds no null"),
    };

export! {
    value fn mypackage_version() -> *const c_char {
        VERSION.as_ptr()
    }

    value fn mypackage_error_message() -> *const c_char {
        last_message()
    }

    value fn mypackage_hello() -> *const c_char {
        hello::GREETING.as_ptr()
    }

    value fn mypackage_get_num_threads() -> usize {
        threads::get()
    }
}

export! {
    fn mypackage_add_i32(left: i32, right: i32, out: *mut i32) where (out: Place) {
        out.put(hello::add(left, right)?)
    }

    fn mypackage_set_num_threads(count: usize) where () {
        threads::set(count)?;
        Ok(())
    }
}
