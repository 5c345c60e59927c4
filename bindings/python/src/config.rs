//! Threads, instruction sets and the build, as Python and threadpoolctl see them.

#![allow(unsafe_code)] // Names of exported functions.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::raised;
use mypackage::cpu::{self, Isa};
use mypackage::threads;

/// The number of threads that a call may use.
///
/// The default is ``MYPACKAGE_NUM_THREADS``, or else the CPUs this process may use. No result
/// depends on it.
///
/// Returns
/// -------
/// int
///     From 1 to 4096.
///
/// See Also
/// --------
/// set_num_threads, threads
///
/// Examples
/// --------
/// >>> import mypackage
/// >>> mypackage.get_num_threads() >= 1
/// True
#[pyfunction]
pub(super) fn get_num_threads() -> usize {
    threads::get()
}

/// Call a function with kernels restricted to this thread; for schedulers with a thread for each
/// task.
#[pyfunction]
#[pyo3(signature = (function, *args))]
pub(super) fn run_serially<'py>(
    function: &Bound<'py, PyAny>,
    args: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    threads::serially(|| function.call1(args))
}

/// Set the number of threads that a call may use, for the whole process.
///
/// Parameters
/// ----------
/// n : int
///     From 1 to 4096.
///
/// Returns
/// -------
/// int
///     The previous number.
///
/// Raises
/// ------
/// ValueError
///     If `n` is out of range.
///
/// See Also
/// --------
/// get_num_threads, threads
///
/// Examples
/// --------
/// >>> import mypackage
/// >>> before = mypackage.set_num_threads(1)
/// >>> mypackage.set_num_threads(before)
/// 1
#[pyfunction]
#[pyo3(signature = (n, /))]
pub(super) fn set_num_threads(n: &Bound<'_, PyAny>) -> PyResult<usize> {
    let count: i64 = n
        .call_method0("__index__")
        .map_err(|_| {
            pyo3::exceptions::PyTypeError::new_err(format!(
                "the number of threads must be an int, not {}",
                n.get_type().name().map_or_else(|_| "this".to_owned(), |name| name.to_string())
            ))
        })?
        .extract()
        .unwrap_or(-1);
    match usize::try_from(count) {
        Ok(count) => threads::set(count).map_err(raised),
        Err(_) => Err(pyo3::exceptions::PyValueError::new_err(format!(
            "the number of threads must be from 1 to {}, not {n}",
            threads::MAX_THREADS
        ))),
    }
}

/// The C library's function, exported here for threadpoolctl, which identifies libraries by their
/// symbols.
// SAFETY: no other function has this name.
#[unsafe(no_mangle)]
extern "C" fn mypackage_get_num_threads() -> usize {
    threads::get()
}

/// As above; 0 if the number was set.
// SAFETY: no other function has this name.
#[unsafe(no_mangle)]
extern "C" fn mypackage_set_num_threads(count: usize) -> i32 {
    i32::from(threads::set(count).is_err())
}

/// What `show_config` prints about the compiled module.
#[pyfunction]
pub(super) fn build_info(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let info = PyDict::new(py);
    info.set_item("version", env!("CARGO_PKG_VERSION"))?;
    info.set_item("profile", if cfg!(debug_assertions) { "debug" } else { "release" })?;
    info.set_item("isa", cpu::isa().name())?;
    let available: Vec<_> = Isa::available().into_iter().map(Isa::name).collect();
    info.set_item("isas_available", available)?;
    Ok(info)
}
