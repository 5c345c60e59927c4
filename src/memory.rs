//! Checking for memory before a computation begins.
//!
//! Rust's collections, and those of libraries, abort the process if memory is exhausted. So a call
//! that needs much memory first allocates all of it, frees it, and only then begins. In between
//! another thread may take the memory; `docs/numerics.md` mentions this.

use std::hint::black_box;

use crate::error::{Error, Result};

/// Whether this many bytes can be allocated.
///
/// ```
/// assert!(mypackage::memory::is_there(1000) && !mypackage::memory::is_there(usize::MAX));
/// ```
pub fn is_there(bytes: usize) -> bool {
    let mut memory = Vec::<u8>::new();
    let outcome = memory.try_reserve_exact(bytes);
    // Otherwise the compiler would remove the allocation.
    black_box(memory.as_ptr());
    outcome.is_ok()
}

/// Returns an error if this many bytes cannot be allocated.
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
