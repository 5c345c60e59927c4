//! The C library: `mypackage/include/mypackage.h` says what each function promises.
//!
//! A function checks its arguments, calls the kernel and turns an error or a panic into a status.
//! The header documents the functions; comments here only add to it.

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
