//! Memory that must be there before a computation begins.
//!
//! Rust's collections, and those of the libraries in use, end the process where there is no memory.
//! A call that needs much therefore asks for all of it first, gives it back, and begins if it got
//! it. Between the two another thread may take it: that window remains, and `docs/numerics.md` says so.

use std::hint::black_box;

use crate::error::{Error, Result};

/// Whether so many bytes could be had.
///
/// ```
/// assert!(mypackage::memory::is_there(1000) && !mypackage::memory::is_there(usize::MAX));
/// ```
pub fn is_there(bytes: usize) -> bool {
    let mut memory = Vec::<u8>::new();
    let outcome = memory.try_reserve_exact(bytes);
    // Or the compiler would take it for granted.
    black_box(memory.as_ptr());
    outcome.is_ok()
}

/// Refuses to go on if so many bytes can't be had.
///
/// ```
/// use mypackage::{Error, memory};
///
/// assert_eq!(memory::check(1000, || unreachable!()), Ok(()));
/// let error = memory::check(usize::MAX, || "this table".into()).unwrap_err();
/// assert!(matches!(error, Error::Memory(text) if text.starts_with("there is no memory for this")));
/// ```
///
/// # Errors
/// [`Error::Memory`] naming what they are for.
pub fn check(bytes: usize, what: impl FnOnce() -> String) -> Result<()> {
    if is_there(bytes) {
        return Ok(());
    }
    Err(Error::Memory(format!("there is no memory for {}: it takes {bytes} bytes", what())))
}
