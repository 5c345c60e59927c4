//! The modules that functions need, imported together with the package, since nothing can be
//! imported while Python shuts down, for instance in a `__del__`.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::arguments::Given;
use super::exit::protect_thread;
use super::ndarray::numpy;

/// Their positions in what `loaded` returns.
const NAMES: [&str; 4] =
    ["mypackage._core.dispatch", "mypackage._errors", "numpy.exceptions", "threading"];

fn loaded(py: Python<'_>) -> PyResult<&[Py<PyAny>; NAMES.len()]> {
    static MODULES: PyOnceLock<[Py<PyAny>; NAMES.len()]> = PyOnceLock::new();
    // Calls through these modules run Python code inside a call of ours.
    protect_thread();
    MODULES.get_or_try_init(py, || {
        let modules = NAMES.map(|name| py.import(name).map(|module| module.into_any().unbind()));
        let [dispatch, errors, exceptions, threading] = modules;
        Ok([dispatch?, errors?, exceptions?, threading?])
    })
}

/// Called at the end of `mypackage/__init__.py`.
#[pyfunction]
pub(super) fn load_modules(py: Python<'_>) -> PyResult<()> {
    loaded(py)?;
    // NumPy's modules cache what they import, too.
    let _: Given<'_> = numpy(py)?.extract()?;
    Ok(())
}

/// `mypackage._core.dispatch`, which handles everything but plain arrays of numbers.
pub(super) fn dispatch(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    Ok(loaded(py)?[0].bind(py))
}

/// `mypackage._errors`.
pub(super) fn errors(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    Ok(loaded(py)?[1].bind(py))
}

/// `numpy.exceptions`.
pub(super) fn exceptions(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    Ok(loaded(py)?[2].bind(py))
}

/// `threading`.
pub(super) fn threading(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    Ok(loaded(py)?[3].bind(py))
}
