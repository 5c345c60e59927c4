//! Running kernels: without the GIL where that pays, and interruptible by signals.

use pyo3::prelude::*;

use super::modules::threading;

use crate::raised;
use mypackage::interrupt::{self, GRAIN};
use mypackage::{memory, threads};

/// Below this many elements the GIL is kept, since releasing it would take longer than the sum.
const DETACH_FROM: usize = 1 << 13;

/// The size of the largest buffers within kernels.
const BUFFERS: usize = 1 << 20;

/// Refuses a call that needs too much memory: for `count` items of a given size, and the same again
/// for buffers.
pub(super) fn check_memory(count: usize, bytes: usize, what: &str) -> PyResult<()> {
    let bytes = count.saturating_mul(bytes);
    let all = bytes.saturating_add(bytes.min(BUFFERS));
    memory::check(all, || format!("{count} {what}")).map_err(raised)
}

/// Runs a kernel over `size` elements, without the GIL where that pays.
#[inline]
pub(super) fn detached<R: Send>(
    py: Python<'_>,
    size: usize,
    kernel: impl FnOnce() -> R + Send,
) -> R {
    if size < DETACH_FROM { kernel() } else { py.detach(kernel) }
}

/// From this many elements on, signals are checked, which takes a tenth of a millisecond.
const WATCHED_FROM: usize = 16 * GRAIN;

/// As `detached`, but a signal interrupts a long call. Then the error is what the signal's handler
/// raised, and the kernel's output is incomplete.
#[inline]
pub(super) fn watched<R: Send>(
    py: Python<'_>,
    size: usize,
    kernel: impl FnOnce() -> R + Send,
) -> PyResult<R> {
    watched_from(WATCHED_FROM, py, size, kernel)
}

/// As `watched`, with a limit of its own, for a kernel that is slower than a sum.
#[inline]
pub(super) fn watched_from<R: Send>(
    limit: usize,
    py: Python<'_>,
    size: usize,
    kernel: impl FnOnce() -> R + Send,
) -> PyResult<R> {
    if size < limit { Ok(detached(py, size, kernel)) } else { watched_now(py, size, kernel) }
}

#[inline(never)]
fn watched_now<R: Send>(
    py: Python<'_>,
    size: usize,
    kernel: impl FnOnce() -> R + Send,
) -> PyResult<R> {
    if !takes_signals(py)? {
        return Ok(detached(py, size, kernel));
    }
    // The worker thread inherits a request to run serially.
    let alone = threads::get() == 1;
    let kernel = || if alone { threads::serially(kernel) } else { kernel() };
    py.detach(|| interrupt::watched(kernel, || Python::attach(|py| py.check_signals())))
}

/// Whether this is the thread that runs signal handlers: the main one.
fn takes_signals(py: Python<'_>) -> PyResult<bool> {
    let threading = threading(py)?;
    let main = threading.call_method0("main_thread")?.getattr("ident")?;
    main.eq(threading.call_method0("get_ident")?)
}
