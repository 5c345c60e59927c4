//! The C library: `mypackage/include/mypackage.h` says what each function promises.
//!
//! A function checks its arguments, calls the kernel and turns an error or a panic into a status.
//! The header is the one description of the functions; here stands only what it does not say.

mod accumulator;
mod export;
mod fibonacci;
mod foreign;
mod moments;
mod npy;
mod record;
mod settings;
mod status;
mod sums;
