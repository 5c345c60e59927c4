//! Lists and tuples of only floats, or only ints in the range of int64, as arrays: the result is
//! that of NumPy, but faster. Other lists are handled by `mypackage._core`.

use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyList, PyTuple};

use super::calls::check_memory;
use super::ndarray::{NewArray, Number};

/// The array, if the sequence is such a list or tuple.
pub(super) fn array_of<'py>(a: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    if let Ok(list) = a.cast_exact::<PyList>() {
        return of_items(a.py(), list.len(), || list.iter());
    }
    match a.cast_exact::<PyTuple>() {
        Ok(tuple) => of_items(a.py(), tuple.len(), || tuple.iter()),
        Err(_) => Ok(None),
    }
}

fn of_items<'py, I: Iterator<Item = Bound<'py, PyAny>>>(
    py: Python<'py>,
    length: usize,
    items: impl Fn() -> I,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some(first) = items().next() else {
        return Ok(None);
    };
    if first.is_exact_instance_of::<PyFloat>() {
        let read =
            |item: &Bound<'py, PyAny>| Some(item.cast_exact::<PyFloat>().ok()?.value().to_bits());
        filled(py, Number::F64, length, items(), read)
    } else if first.is_exact_instance_of::<PyInt>() {
        let read = |item: &Bound<'py, PyAny>| {
            Some(item.cast_exact::<PyInt>().ok()?.extract::<i64>().ok()? as u64)
        };
        filled(py, Number::I64, length, items(), read)
    } else {
        Ok(None)
    }
}

/// A new array of the bits that `read` returns for each item, or `None` if it returns none for one.
fn filled<'py>(
    py: Python<'py>,
    number: Number,
    length: usize,
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    read: impl Fn(&Bound<'py, PyAny>) -> Option<u64>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    check_memory(length, 8, "numbers of a list")?;
    let mut bits = Vec::with_capacity(length);
    // Another thread may change the length of the list.
    for item in items.take(length) {
        let Some(one) = read(&item) else {
            return Ok(None);
        };
        bits.push(one);
    }
    let mut array = NewArray::empty(py, &[bits.len()], number)?;
    array.fill(bits);
    Ok(Some(array.into_object()))
}
