//! The thread pool: lazy, sized by the user, safe after `fork`.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rayon::ThreadPool;

use crate::error::{Error, Result};

/// The most threads that can be asked for; far beyond any machine, and small enough to allocate.
pub const MAX_THREADS: usize = 4096;

/// 0 means: not yet set.
static COUNT: AtomicUsize = AtomicUsize::new(0);
static POOL: Mutex<Option<Pool>> = Mutex::new(None);

thread_local! {
    /// Whether kernels called on this thread stay on it.
    static SERIAL: Cell<bool> = const { Cell::new(false) };
}

struct Pool {
    /// The process that started the workers: after `fork` they do not exist in the child.
    process: u32,
    threads: usize,
    pool: Arc<ThreadPool>,
}

/// Reads `MYPACKAGE_NUM_THREADS` unless a number of threads was already set.
///
/// ```
/// mypackage::threads::initialise()?;
/// # Ok::<(), mypackage::Error>(())
/// ```
///
/// # Errors
/// [`Error::Value`] if the variable is not a whole number from 1 to [`MAX_THREADS`].
pub fn initialise() -> Result<()> {
    if COUNT.load(Ordering::Relaxed) == 0 {
        let count = match std::env::var("MYPACKAGE_NUM_THREADS") {
            Ok(text) if !text.trim().is_empty() => {
                text.trim().parse().ok().filter(|n| (1..=MAX_THREADS).contains(n)).ok_or_else(|| {
                    Error::Value(format!(
                        "MYPACKAGE_NUM_THREADS={text:?} is not a whole number from 1 to {MAX_THREADS}"
                    ))
                })?
            }
            _ => available(),
        };
        let _ = COUNT.compare_exchange(0, count, Ordering::Relaxed, Ordering::Relaxed);
    }
    Ok(())
}

/// The processors that this process may use (its affinity and quota considered).
///
/// ```
/// assert!(mypackage::threads::available() >= 1);
/// ```
pub fn available() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get().min(MAX_THREADS))
}

/// How many threads a kernel may use, when it is called on this thread.
///
/// ```
/// assert!(mypackage::threads::get() >= 1);
/// ```
pub fn get() -> usize {
    if SERIAL.get() { 1 } else { setting() }
}

/// Calls `work`, whose kernels use no other thread than this one: for callers that have threads of
/// their own.
///
/// ```
/// use mypackage::threads;
///
/// assert_eq!(threads::serially(threads::get), 1);
/// ```
pub fn serially<R>(work: impl FnOnce() -> R) -> R {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            SERIAL.set(self.0);
        }
    }
    let _before = Before(SERIAL.replace(true));
    work()
}

/// The number of threads for the process.
fn setting() -> usize {
    match COUNT.load(Ordering::Relaxed) {
        0 => {
            let _ = initialise();
            match COUNT.load(Ordering::Relaxed) {
                0 => available(),
                count => count,
            }
        }
        count => count,
    }
}

/// Sets how many threads a kernel may use and returns the number before. No result depends on it.
///
/// ```
/// use mypackage::threads;
///
/// let before = threads::set(2)?;
/// assert_eq!(threads::get(), 2);
/// threads::set(before)?;
/// assert!(threads::set(0).is_err());
/// # Ok::<(), mypackage::Error>(())
/// ```
///
/// # Errors
/// [`Error::Value`] unless `1 <= count <= MAX_THREADS`.
pub fn set(count: usize) -> Result<usize> {
    if !(1..=MAX_THREADS).contains(&count) {
        return Err(Error::Value(format!(
            "the number of threads must be from 1 to {MAX_THREADS}, not {count}"
        )));
    }
    let before = setting();
    COUNT.store(count, Ordering::Relaxed);
    Ok(before)
}

/// Runs `work` inside the pool, so that rayon's parallel iterators use it; on the calling thread
/// when there is one thread only, or when the system refuses to start more.
pub(crate) fn run<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    match pool(get()) {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

fn pool(threads: usize) -> Option<Arc<ThreadPool>> {
    if threads == 1 {
        return None;
    }
    let process = std::process::id();
    let mut slot = POOL.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    match slot.take() {
        Some(pool) if pool.process == process && pool.threads == threads => {
            let handle = Arc::clone(&pool.pool);
            *slot = Some(pool);
            return Some(handle);
        }
        // The workers stayed in the parent: to drop the pool would wait for them for ever.
        Some(pool) if pool.process != process => std::mem::forget(pool),
        _ => {}
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("mypackage-{index}"))
        .build()
        .ok()?;
    let pool = Arc::new(pool);
    *slot = Some(Pool { process, threads, pool: Arc::clone(&pool) });
    Some(pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_zero_and_absurd_counts() {
        assert!(set(0).is_err());
        assert!(set(MAX_THREADS + 1).is_err());
    }

    #[test]
    fn work_runs_in_the_pool() {
        use rayon::prelude::*;
        let total: u64 = run(|| (0..1000u64).into_par_iter().sum());
        assert_eq!(total, 499_500);
    }
}
