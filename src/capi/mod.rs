//! The C library: `mypackage/include/mypackage.h` says what each function promises.
//!
//! A function checks its arguments, calls the kernel and turns an error or a panic into a status.
//! The header is the one description of the functions; here stands only what it does not say.

mod accumulator;
mod functions;
mod npy;
mod record;
mod status;
mod strided;
