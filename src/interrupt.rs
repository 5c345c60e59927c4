//! Interrupting long calls.
//!
//! The caller of a long kernel may run it on another thread ([`watched`]) and meanwhile check for a
//! reason to stop. Between pieces of at most [`GRAIN`] numbers, kernels check whether that happened
//! ([`Interrupt::is_set`]), and then return early, with meaningless results.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How many numbers a kernel reads between two checks: some milliseconds of work, or a few tenths
/// of a second for the most difficult numbers. Smaller calls need not be watched.
pub const GRAIN: usize = 1 << 23;

/// As [`GRAIN`], for kernels that take up to 300 ns for a number.
pub const SLOW_GRAIN: usize = 1 << 20;

thread_local! {
    /// The flag of the call that this thread works on, if it is watched.
    static CURRENT: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// Whether a call was interrupted.
#[derive(Debug, Clone, Default)]
#[doc(hidden)]
pub struct Interrupt(Option<Arc<AtomicBool>>);

impl Interrupt {
    /// The flag of the calling thread's call, given its size. Other threads get a clone.
    #[inline]
    pub fn of_call(size: usize) -> Interrupt {
        Interrupt(if size < GRAIN { None } else { CURRENT.with_borrow(Clone::clone) })
    }

    /// As [`Interrupt::of_call`], for a kernel that takes longer for each number.
    #[inline]
    pub fn of_slow_call(size: usize) -> Interrupt {
        Interrupt(if size < SLOW_GRAIN { None } else { CURRENT.with_borrow(Clone::clone) })
    }

    /// Whether the call is watched.
    #[inline]
    pub fn is_possible(&self) -> bool {
        self.0.is_some()
    }

    /// Whether to return early.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.0.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
    }
}

/// Runs `work` on another thread. Until it is done, `look` is called here ten times a second; once
/// it fails, the work is interrupted and its result dropped. If no thread can be started, the work
/// is done here, unwatched.
///
/// # Errors
/// That of `look`.
#[doc(hidden)]
pub fn watched<R: Send, E>(
    work: impl FnOnce() -> R + Send,
    mut look: impl FnMut() -> Result<(), E>,
) -> Result<R, E> {
    use std::panic::resume_unwind;
    use std::sync::{Mutex, PoisonError};
    use std::thread;
    use std::time::Duration;

    /// Wakes the caller, even from a panic.
    struct Done<'a>(&'a AtomicBool, thread::Thread);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
            self.1.unpark();
        }
    }

    let (flag, done) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
    let work = Mutex::new(Some(work));
    let take = || work.lock().unwrap_or_else(PoisonError::into_inner).take();
    let caller = thread::current();
    let task = || {
        let _done = Done(&done, caller);
        CURRENT.set(Some(Arc::clone(&flag)));
        take().map(|work| work())
    };
    let outcome = thread::scope(|scope| {
        let builder = thread::Builder::new().name("mypackage-call".to_owned());
        let worker = builder.spawn_scoped(scope, task).ok()?;
        let mut error = None;
        while !done.load(Ordering::Acquire) {
            thread::park_timeout(Duration::from_millis(100));
            if error.is_none()
                && !done.load(Ordering::Acquire)
                && let Err(reason) = look()
            {
                flag.store(true, Ordering::Relaxed);
                error = Some(reason);
            }
        }
        let result = worker.join().unwrap_or_else(|panic| resume_unwind(panic));
        Some((result, error))
    });
    match outcome {
        Some((_, Some(error))) => Err(error),
        Some((Some(result), None)) => Ok(result),
        _ => Ok(take().expect("nobody else has taken the work")()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_ends_is_not_interrupted() {
        let result = watched(|| Interrupt::of_call(GRAIN).is_set(), || Err("never asked"));
        assert_eq!(result, Ok(false));
    }

    #[test]
    fn work_without_end_is_interrupted() {
        let mut looks = 0;
        let result = watched(
            || {
                let interrupt = Interrupt::of_call(GRAIN);
                // Helper threads have the same flag.
                std::thread::scope(|scope| {
                    let helper = scope.spawn(|| while !interrupt.is_set() {});
                    helper.join().expect("it does not panic");
                });
            },
            || {
                looks += 1;
                if looks == 2 { Err("given up") } else { Ok(()) }
            },
        );
        assert_eq!(result, Err("given up"));
    }

    #[test]
    fn small_calls_and_unwatched_ones_are_not_interrupted() {
        assert!(Interrupt::of_call(GRAIN).0.is_none());
        let watched_flag =
            |size| watched(move || Interrupt::of_call(size).0.is_some(), || Ok::<_, ()>(()));
        assert_eq!(watched_flag(GRAIN - 1), Ok(false));
        assert_eq!(watched_flag(GRAIN), Ok(true));
    }

    #[test]
    #[should_panic(expected = "the work's own")]
    fn a_panic_arrives() {
        let _ = watched(|| panic!("the work's own"), || Ok::<_, ()>(()));
    }
}
