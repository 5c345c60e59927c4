//! Kernels as Python calls them: without the GIL where that pays, and ended by a signal.

use pyo3::prelude::*;

use super::modules::threading;

use crate::raised;
use mypackage::interrupt::{self, GRAIN};
use mypackage::{memory, threads};

/// Below this many elements the GIL is kept: to release it would take longer than the sum.
const DETACH_FROM: usize = 1 << 13;

/// Kernels have no larger buffers of their own.
const BUFFERS: usize = 1 << 20;

/// Refuses a call that there is no memory for: `count` of something, of so many bytes each, and as
/// much again for buffers.
pub(super) fn check_memory(count: usize, bytes: usize, what: &str) -> PyResult<()> {
    let bytes = count.saturating_mul(bytes);
    let all = bytes.saturating_add(bytes.min(BUFFERS));
    memory::check(all, || format!("{count} {what}")).map_err(raised)
}

/// Runs a kernel over so many elements, without the GIL where that pays.
#[inline]
pub(super) fn detached<R: Send>(
    py: Python<'_>,
    size: usize,
    kernel: impl FnOnce() -> R + Send,
) -> R {
    if size < DETACH_FROM { kernel() } else { py.detach(kernel) }
}

/// From this many elements on, signals are looked for: that takes a tenth of a millisecond.
const WATCHED_FROM: usize = 16 * GRAIN;

/// As `detached`; and a signal ends a long call. The error is what the signal's handler raised, and
/// what the kernel did is then of no use.
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
    // The thread that does the work may be told to do it alone.
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
