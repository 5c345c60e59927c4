//! The crate's one error type; each door converts it once.

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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value is outside the domain of the operation (Python: `ValueError`).
    #[error("{0}")]
    Value(String),
    /// An exact result does not fit the type asked for (Python: `OverflowError`).
    #[error("{0}")]
    Overflow(String),
    /// The operation has no meaning for this type (Python: `TypeError`).
    #[error("{0}")]
    Type(String),
}

/// A result whose error is [`Error`].
///
/// ```
/// fn double(x: i32) -> mypackage::Result<i32> {
///     mypackage::hello::add(x, x)
/// }
/// assert_eq!(double(21), Ok(42));
/// ```
pub type Result<T> = std::result::Result<T, Error>;
