//! A value that several threads read and change.
//!
//! Copies share it until one of them changes. No function here holds two locks at once; callers
//! that need two such values take [`snapshot`](Shared::snapshot)s. (Otherwise `a == b` and `b == a`
//! on two threads could deadlock.) `tests/loom` compiles this file with loom's locks, and tests
//! every interleaving of threads.

use std::sync::{Arc, PoisonError};

#[cfg(loom)]
use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
use std::sync::{Mutex, MutexGuard};

/// A value behind a lock, shared with copies until one of them changes.
///
/// ```
/// use mypackage::shared::Shared;
/// use std::sync::Arc;
///
/// let one = Shared::new(1);
/// let copy = one.clone();
/// one.change(|value| *Arc::make_mut(value) += 1);
/// assert_eq!((*one.snapshot(), *copy.snapshot()), (2, 1));
/// assert!(one != copy);
/// ```
#[derive(Debug)]
pub struct Shared<T>(Mutex<Arc<T>>);

impl<T> Shared<T> {
    /// A value that is not shared yet.
    ///
    /// ```
    /// assert_eq!(*mypackage::shared::Shared::new(1).snapshot(), 1);
    /// ```
    pub fn new(value: T) -> Shared<T> {
        Shared(Mutex::new(Arc::new(value)))
    }

    /// A change in one step leaves a consistent value even if it panics.
    fn lock(&self) -> MutexGuard<'_, Arc<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current value; later changes do not affect it.
    ///
    /// ```
    /// let shared = mypackage::shared::Shared::new(1);
    /// let before = shared.snapshot();
    /// shared.change(|value| *value = 2.into());
    /// assert_eq!((*before, *shared.snapshot()), (1, 2));
    /// ```
    pub fn snapshot(&self) -> Arc<T> {
        Arc::clone(&self.lock())
    }

    /// Changes the value with exclusive access. `change` must not use another [`Shared`].
    ///
    /// ```
    /// let shared = mypackage::shared::Shared::new(1);
    /// assert_eq!(shared.change(|value| std::mem::replace(value, 2.into())), 1.into());
    /// ```
    pub fn change<R>(&self, change: impl FnOnce(&mut Arc<T>) -> R) -> R {
        change(&mut self.lock())
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Shared<T> {
        Shared(Mutex::new(self.snapshot()))
    }
}

/// Equality of snapshots of both values, taken one after the other.
impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Shared<T>) -> bool {
        let (mine, theirs) = (self.snapshot(), other.snapshot());
        Arc::ptr_eq(&mine, &theirs) || mine == theirs
    }
}
