//! Exact, bit-reproducible sums and exact Fibonacci numbers.
//!
//! Three doors open on the same kernels: this crate (no feature needed), a C library (feature
//! `capi`) and a Python extension for NumPy (feature `python`). The kernels take slices and return
//! values; they know nothing of Python or C.
//!
//! ```
//! use mypackage::sum::{Accumulator, sum};
//!
//! assert_eq!(sum(&[1e16, 1.0, -1e16]), 1.0);
//! let mut total: Accumulator = [1e308, 1e308].into_iter().collect();
//! total.add_slice(&[-1e308]);
//! assert_eq!(total.to_f64(), 1e308);
//! ```

pub mod cpu;
pub mod error;
pub mod fibonacci;
mod fpu;
pub mod hello;
mod interrupt;
mod pages;
pub mod sum;
pub mod threads;

#[cfg(feature = "capi")]
mod capi;
#[cfg(feature = "python")]
mod python;

pub use error::{Error, Result};
