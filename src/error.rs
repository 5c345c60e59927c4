//! The crate's one error type; each door converts it once.

/// What can go wrong in a kernel or its configuration.
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
pub type Result<T> = std::result::Result<T, Error>;
