//! The tutorial's functions.

use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;

use crate::raised;
use mypackage::hello as kernel;

/// Print a greeting from Rust.
///
/// See Also
/// --------
/// add, mypackage.capi.hello
///
/// Examples
/// --------
/// >>> from mypackage import tutorial
/// >>> tutorial.hello()
/// Hello from rust
#[pyfunction]
pub(super) fn hello(py: Python<'_>) -> PyResult<()> {
    // By Python's print, so that the text goes to sys.stdout.
    py.import("builtins")?.call_method1("print", (kernel::GREETING,))?;
    Ok(())
}

/// Add two 32-bit integers.
///
/// Parameters
/// ----------
/// left, right : int
///     From -2**31 to 2**31 - 1.
///
/// Returns
/// -------
/// int
///     The sum, from -2**31 to 2**31 - 1.
///
/// Raises
/// ------
/// OverflowError
///     If an argument or the sum does not fit.
///
/// See Also
/// --------
/// hello, mypackage.capi.add
///
/// Examples
/// --------
/// >>> from mypackage import tutorial
/// >>> tutorial.add(3, 5)
/// 8
#[pyfunction]
#[pyo3(signature = (left, right, /))]
pub(super) fn add(left: &Bound<'_, PyAny>, right: &Bound<'_, PyAny>) -> PyResult<i32> {
    kernel::add(int32("left", left)?, int32("right", right)?).map_err(raised)
}

fn int32(name: &str, value: &Bound<'_, PyAny>) -> PyResult<i32> {
    value.extract().map_err(|error: PyErr| {
        if error.is_instance_of::<PyOverflowError>(value.py()) {
            let range = format!("({} to {})", i32::MIN, i32::MAX);
            PyOverflowError::new_err(format!("{name} must fit int32 {range}, not {value}"))
        } else {
            error
        }
    })
}
