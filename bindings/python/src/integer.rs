//! Python ints to big integers and back, in linear time.
//!
//! By way of bytes, since the stable ABI does not expose the digits of an int.

use crate::exit::protect_thread;
use dashu_int::ops::BitTest;
use dashu_int::{IBig, Sign, UBig};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyType};

/// An object array's entry as an integer: an int or anything with `__index__`.
///
/// # Errors
/// TypeError naming the function and the offending entry.
pub(super) fn index<'py>(function: &str, entry: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if entry.is_exact_instance_of::<PyInt>() {
        return Ok(entry.clone());
    }
    protect_thread();
    entry.call_method0(intern!(entry.py(), "__index__")).map_err(|_| {
        let kind = entry.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
        PyTypeError::new_err(format!("{function} takes integers, not {entry} of type {kind}"))
    })
}

/// A number as shown in messages: Python refuses to print ints of more than 4300 digits.
pub(super) fn shown(number: &Bound<'_, PyAny>) -> String {
    let bits: Option<usize> =
        number.call_method0("bit_length").and_then(|bits| bits.extract()).ok();
    match bits {
        Some(bits) if bits > 14_000 => format!("an int of {bits} bits"),
        _ => number.to_string(),
    }
}

/// An int as a big integer.
pub(super) fn to_big(int: &Bound<'_, PyAny>) -> PyResult<IBig> {
    match int.extract::<i64>() {
        Ok(word) => return Ok(word.into()),
        Err(error) if error.is_instance_of::<PyOverflowError>(int.py()) => {}
        Err(error) => return Err(error),
    }
    let py = int.py();
    let negative = int.lt(0)?;
    let magnitude = int.call_method0(intern!(py, "__abs__"))?;
    let bits: usize = magnitude.call_method0(intern!(py, "bit_length"))?.extract()?;
    let bytes = magnitude
        .call_method1(intern!(py, "to_bytes"), (bits.div_ceil(8), intern!(py, "little")))?
        .cast_into::<PyBytes>()?;
    let sign = if negative { Sign::Negative } else { Sign::Positive };
    Ok(IBig::from_parts(sign, UBig::from_le_bytes(bytes.as_bytes())))
}

/// A big integer as an int; `negate` changes its sign.
pub(super) fn from_big<'py>(
    py: Python<'py>,
    value: &UBig,
    negate: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let int = match u64::try_from(value) {
        Ok(word) => word.into_pyobject(py)?.into_any(),
        Err(_) => {
            let mut bytes_len = value.bit_len().div_ceil(8);
            let bytes = PyBytes::new_with(py, bytes_len, |mut bytes| {
                // The words in memory, without leading zero bytes.
                for word in value.as_words() {
                    let word = word.to_le_bytes();
                    let count = word.len().min(bytes_len);
                    let (here, rest) = bytes.split_at_mut(count);
                    here.copy_from_slice(&word[..count]);
                    bytes = rest;
                    bytes_len -= count;
                }
                Ok(())
            })?;
            PyType::new::<PyInt>(py)
                .call_method1(intern!(py, "from_bytes"), (bytes, intern!(py, "little")))?
        }
    };
    if negate { int.neg() } else { Ok(int) }
}
