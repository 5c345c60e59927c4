//! The smallest examples for an interface: a text, two integers, a record.

use std::ffi::CStr;

use crate::error::{Error, Result};

/// The greeting, with a terminating null for C.
///
/// ```
/// assert_eq!(mypackage::hello::GREETING.to_str(), Ok("Hello from rust"));
/// ```
pub const GREETING: &CStr = c"Hello from rust";

/// The sum of two integers.
///
/// ```
/// assert_eq!(mypackage::hello::add(3, 5), Ok(8));
/// assert!(mypackage::hello::add(i32::MAX, 1).is_err());
/// ```
///
/// # Errors
/// [`Error::Overflow`] if it does not fit.
pub fn add(left: i32, right: i32) -> Result<i32> {
    left.checked_add(right).ok_or_else(|| {
        Error::Overflow(format!(
            "{left} + {right} = {} does not fit int32, which holds {} to {}; add Python integers \
             with +",
            i64::from(left) + i64::from(right),
            i32::MIN,
            i32::MAX
        ))
    })
}

/// A person's greeting.
///
/// ```
/// assert_eq!(mypackage::hello::greet("Jan"), "Jan says hello in Rust");
/// ```
pub fn greet(name: &str) -> String {
    format!("{name} says hello in Rust")
}
