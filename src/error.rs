//! The crate's one error type; each binding converts it once.

/// What can go wrong in a kernel or its configuration.
///
/// ```
/// use mypackage::{Error, hello};
///
/// match hello::add(i32::MAX, 1) {
///     Err(Error::Overflow(message)) => assert!(message.contains("does not fit int32")),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// A value is outside the domain of the operation (Python: `ValueError`).
    Value(String),
    /// An exact result does not fit the type asked for (Python: `OverflowError`).
    Overflow(String),
    /// The operation has no meaning for this type (Python: `TypeError`).
    Type(String),
    /// There is not enough memory (Python: `MemoryError`).
    Memory(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Error::Value(message)
        | Error::Overflow(message)
        | Error::Type(message)
        | Error::Memory(message)) = self;
        f.write_str(message)
    }
}

impl std::error::Error for Error {}

/// A result whose error is [`Error`].
///
/// ```
/// fn double(x: i32) -> mypackage::Result<i32> {
///     mypackage::hello::add(x, x)
/// }
/// assert_eq!(double(21), Ok(42));
/// ```
pub type Result<T> = std::result::Result<T, Error>;
