//! Exact, bit-reproducible sums and exact Fibonacci numbers.
//!
//! The kernels take slices and return values; they do not depend on Python or C. Two crates of this
//! workspace convert arguments and errors for other languages: `bindings/python` is the extension
//! module for NumPy, `bindings/capi` the C library.
//!
//! ```
//! use mypackage::sum::{Accumulator, sum};
//!
//! assert_eq!(sum(&[1e16, 1.0, -1e16]), 1.0);
//! let mut total: Accumulator = [1e308, 1e308].into_iter().collect();
//! total.add_slice(&[-1e308]);
//! assert_eq!(total.to_f64(), 1e308);
//! ```

mod array;
mod binary64;
pub mod cpu;
mod cumulative;
pub mod environment;
pub mod error;
mod exact;
pub mod fibonacci;
#[cfg(test)]
mod golden;
mod groups;
pub mod hello;
pub mod interrupt;
mod kernel;
pub mod memory;
pub mod moments;
mod products;
mod reduce;
pub mod shared;
mod simd;
pub mod sum;
mod summary;
#[cfg(test)]
mod testing;
pub mod threads;
mod tuning;
pub mod windows;

pub use error::{Error, Result};
