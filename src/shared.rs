//! A value that several threads read and change.
//!
//! Copies share it until one of them changes. Nothing here holds two locks at once, and so a call
//! that has two such values to look at must not either: it takes [`snapshot`](Shared::snapshot)s.
//! (`a == b` beside `b == a` would else wait for each other.) `tests/loom` compiles this file with
//! loom's locks, and tries every order in which threads can meet.

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
    /// A value that nobody shares yet.
    ///
    /// ```
    /// assert_eq!(*mypackage::shared::Shared::new(1).snapshot(), 1);
    /// ```
    pub fn new(value: T) -> Shared<T> {
        Shared(Mutex::new(Arc::new(value)))
    }

    /// What is changed in one step leaves a whole value even if it panics.
    fn lock(&self) -> MutexGuard<'_, Arc<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value as it is now; later changes are made to another.
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

    /// Changes the value while nobody else reads or changes it. `change` must look at no other
    /// [`Shared`].
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

/// Equality of both values as they are at some moment, not the same one.
impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Shared<T>) -> bool {
        let (mine, theirs) = (self.snapshot(), other.snapshot());
        Arc::ptr_eq(&mine, &theirs) || mine == theirs
    }
}
