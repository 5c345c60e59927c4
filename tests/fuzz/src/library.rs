//! The C functions that take records.
#![allow(dead_code)] // Each target calls its own.

use std::ffi::{CStr, c_char};
use std::ptr::null_mut;

// Links the library.
use mypackage_capi as _;

type Exchange = unsafe extern "C" fn(*const c_char, usize, *mut *mut c_char) -> i32;

unsafe extern "C" {
    fn mypackage_summarize(request: *const c_char, length: usize, answer: *mut *mut c_char) -> i32;
    fn mypackage_greet(request: *const c_char, length: usize, answer: *mut *mut c_char) -> i32;
    fn mypackage_string_free(string: *mut c_char);
}

/// Calls a function: its answer is text, and its status none of a defect.
fn exchange(function: Exchange, request: &[u8]) {
    const INTERNAL: i32 = 6;
    let mut answer = null_mut();
    // SAFETY: the request is readable, the answer writable and freed below.
    let status = unsafe { function(request.as_ptr().cast(), request.len(), &mut answer) };
    assert!(!answer.is_null() && status != INTERNAL);
    // SAFETY: as above.
    let text = unsafe { CStr::from_ptr(answer) };
    assert!(text.to_str().is_ok_and(|text| text.starts_with('{') && text.ends_with('}')));
    assert_eq!(status != 0, text.to_bytes().starts_with(b"{\"error\""));
    // SAFETY: as above.
    unsafe { mypackage_string_free(answer) };
}

pub fn summarize(request: &[u8]) {
    exchange(mypackage_summarize, request);
}

pub fn greet(request: &[u8]) {
    exchange(mypackage_greet, request);
}
