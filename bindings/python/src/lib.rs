//! The extension module `mypackage._native`: converts arguments, calls kernels, converts errors.

use pyo3::prelude::*;

use mypackage::Error;

#[macro_use]
mod docs;

mod accumulator;
mod arguments;
mod average;
mod calls;
mod config;
mod covariance;
mod csv;
mod cumsum;
mod exit;
mod fibonacci;
mod group;
mod hello;
mod integer;
mod lists;
mod modules;
mod moment_states;
mod moments;
mod ndarray;
mod reductions;
mod results;
mod sum_state;
mod sum_states;
mod summary;
mod ufunc;
mod vecdot;
mod windows;

/// The exception for an error of the crate.
fn raised(error: Error) -> PyErr {
    use pyo3::exceptions::{PyMemoryError, PyOverflowError, PyTypeError, PyValueError};
    let message = error.to_string();
    match error {
        Error::Value(_) => PyValueError::new_err(message),
        Error::Overflow(_) => PyOverflowError::new_err(message),
        Error::Type(_) => PyTypeError::new_err(message),
        Error::Memory(_) => PyMemoryError::new_err(message),
    }
}

#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use super::accumulator::ExactSum;
    #[pymodule_export]
    use super::average::weighted_mean;
    #[pymodule_export]
    use super::config::{build_info, get_num_threads, run_serially, set_num_threads};
    #[pymodule_export]
    use super::covariance::covariances;
    #[pymodule_export]
    use super::csv::{CsvError, CsvStyle, CsvTable};
    #[pymodule_export]
    use super::cumsum::{cumsum, group_scan, nan_scan};
    #[pymodule_export]
    use super::group::{group_mean, group_states, group_sum};
    #[pymodule_export]
    use super::hello::{add, hello};
    #[pymodule_export]
    use super::modules::load_modules;
    #[pymodule_export]
    use super::moment_states::{group_moments, group_product_states, round_moments, square_states};
    #[pymodule_export]
    use super::moments::{
        deviation, moments_of_array, nan_deviation, nan_variance, norm, variance,
        weighted_moments_of_array,
    };
    #[pymodule_export]
    use super::reductions::{mean, nanmean, nansum, sum, sum_of_squares};
    #[pymodule_export]
    use super::sum_states::{
        integer_states, join_states, reshape_states, round_states, split_states, sum_states,
    };
    #[pymodule_export]
    use super::summary::summarize_rows;
    #[pymodule_export]
    use super::vecdot::{vecdot, vecdot_states};
    #[pymodule_export]
    use super::windows::{move_mean, move_numbers, move_std, move_sum, move_var, segment_slices};

    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        // A wrong MYPACKAGE_ISA or MYPACKAGE_NUM_THREADS fails at import, not later.
        mypackage::cpu::initialise().map_err(super::raised)?;
        mypackage::threads::initialise().map_err(super::raised)?;
        super::fibonacci::add_to(module)
    }
}
