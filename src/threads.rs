//! The thread pool: lazy, sized by the user, safe after `fork`.
//!
//! A thread that sleeps may take longer to wake up than a call of a kernel takes. The calling
//! thread therefore does not wait for those of the pool: it begins at once, they help as soon as
//! they are awake, and one that comes too late finds nothing to do (`together`).

#![allow(unsafe_code)] // Lends work to threads of the pool for the time of a call.

use std::any::Any;
use std::cell::Cell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rayon::ThreadPool;

use crate::error::{Error, Result};

/// The most threads that can be asked for; far beyond any machine, and small enough to allocate.
pub const MAX_THREADS: usize = 4096;

/// 0 means: not yet set.
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// The slot of the process that asked last; null before the first.
static SLOT: AtomicPtr<Slot> = AtomicPtr::new(std::ptr::null_mut());

thread_local! {
    /// Whether kernels called on this thread stay on it.
    static SERIAL: Cell<bool> = const { Cell::new(false) };
}

/// Where a process keeps its pool. A child of `fork` gets a slot of its own: the threads of its
/// parent's pool do not exist in it, nor does one that may have held the lock.
struct Slot {
    process: u32,
    pool: Mutex<Option<Arc<Pool>>>,
}

struct Pool {
    helpers: usize,
    threads: ThreadPool,
    /// How many calls for help wait for a thread to hear them.
    unheard: AtomicUsize,
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

/// The fewest numbers worth waking another thread for.
pub(crate) const PARALLEL_FROM: usize = 1 << 18;
/// The fewest numbers for each thread.
const EACH: usize = PARALLEL_FROM / 2;

/// How many threads work on `size` numbers is worth.
pub(crate) fn worth(size: usize) -> usize {
    get().min(size / EACH).max(1)
}

/// Shares `0..count` out among threads, in ranges of `share` and a shorter last one. Each thread that
/// takes part calls `part` once, with the ranges that it is to take, in ascending order. Returns what
/// the parts did, in no order.
///
/// ```
/// use mypackage::threads;
///
/// let sums = threads::split(10, 4, |ranges| ranges.flatten().sum::<usize>());
/// assert_eq!(sums.into_iter().sum::<usize>(), 45);
/// ```
pub fn split<R: Send>(
    count: usize,
    share: usize,
    part: impl Fn(&mut dyn Iterator<Item = Range<usize>>) -> R + Sync,
) -> Vec<R> {
    split_among(get(), count, share, part)
}

/// As [`split`], among up to so many threads.
pub(crate) fn split_among<R: Send>(
    threads: usize,
    count: usize,
    share: usize,
    part: impl Fn(&mut dyn Iterator<Item = Range<usize>>) -> R + Sync,
) -> Vec<R> {
    if share >= count {
        return vec![part(&mut std::iter::once(0..count))];
    }
    together(threads, count.div_ceil(share), |tasks| {
        part(&mut tasks.map(|task| task * share..count.min((task + 1) * share)))
    })
}

/// How many of `count` things, of `size` numbers in all, a thread takes at a time: a multiple of
/// `multiple`, and all of them if they are not worth another thread.
pub(crate) fn share(count: usize, size: usize, multiple: usize) -> usize {
    let threads = worth(size);
    if threads == 1 {
        return count;
    }
    count.div_ceil(4 * threads).next_multiple_of(multiple)
}

/// The tasks of a call that nobody has begun, in ascending order.
struct Tasks<'a> {
    next: &'a AtomicUsize,
    count: usize,
}

impl Iterator for Tasks<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let task = self.next.fetch_add(1, Ordering::Relaxed);
        (task < self.count).then_some(task)
    }
}

/// Calls `part` on the calling thread and on such others as come in time, up to `threads` in all; each takes its tasks from `0..count`, and all are taken when this returns.
/// Returns what the parts did, in no order.
fn together<R: Send>(threads: usize, count: usize, part: impl Fn(Tasks<'_>) -> R + Sync) -> Vec<R> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let take_part = || {
        let result = part(Tasks { next: &next, count });
        lock(&results).push(result);
    };
    let all = get();
    let helpers = threads.min(all).min(count).saturating_sub(1);
    let pool = if helpers > 0 { pool(all - 1) } else { None };
    match pool {
        Some(pool) => run_beside(&pool, helpers, &take_part),
        None => take_part(),
    }
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What a call lends to helpers.
struct Loan {
    /// The work, until the call ends: those who do it hold the lock for reading.
    work: RwLock<Option<&'static (dyn Fn() + Sync)>>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// For so many turns the end of a call is awaited without sleeping.
const TURNS: u32 = 1 << 12;

/// So often each helper may be called before it has heard: while all help a long call, memory would
/// fill with what others ask for in vain.
const UNHEARD: usize = 64;

/// Calls `work` here and on up to `helpers` threads of the pool, and waits for those that began.
fn run_beside(pool: &Arc<Pool>, helpers: usize, work: &(dyn Fn() + Sync)) {
    struct End<'a>(&'a Loan);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            for _ in 0..TURNS {
                if let Ok(mut work) = self.0.work.try_write() {
                    *work = None;
                    return;
                }
                std::hint::spin_loop();
            }
            *self.0.work.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
    // SAFETY: `End` waits for all who use the reference, and takes it away from all others, before
    // this function returns or unwinds.
    let lent: &'static (dyn Fn() + Sync) = unsafe { std::mem::transmute(work) };
    let loan = Arc::new(Loan { work: RwLock::new(Some(lent)), panic: Mutex::new(None) });
    let end = End(&loan);
    call(pool, helpers, &loan);
    work();
    drop(end);
    let cause = lock(&loan.panic).take();
    if let Some(cause) = cause {
        resume_unwind(cause);
    }
}

/// Calls so many helpers: two of them, who call half of the others each. (To wake one up takes a
/// while, and to wake up all would take longer than many a call.)
fn call(pool: &Arc<Pool>, helpers: usize, loan: &Arc<Loan>) {
    for helpers in [helpers.div_ceil(2), helpers / 2].into_iter().filter(|&helpers| helpers > 0) {
        if pool.unheard.load(Ordering::Relaxed) >= UNHEARD * pool.helpers {
            return;
        }
        pool.unheard.fetch_add(1, Ordering::Relaxed);
        let (of, loan) = (Arc::clone(pool), Arc::clone(loan));
        pool.threads.spawn(move || {
            of.unheard.fetch_sub(1, Ordering::Relaxed);
            let lent = loan.work.read().unwrap_or_else(PoisonError::into_inner);
            let Some(work) = *lent else { return };
            call(&of, helpers - 1, &loan);
            if let Err(cause) = catch_unwind(AssertUnwindSafe(work)) {
                *lock(&loan.panic) = Some(cause);
            }
        });
    }
}

impl Pool {
    /// None if the system refuses to start the threads.
    fn start(helpers: usize) -> Option<Pool> {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(helpers)
            .thread_name(|index| format!("mypackage-{index}"))
            .build()
            .ok()?;
        Some(Pool { helpers, threads, unheard: AtomicUsize::new(0) })
    }
}

/// The slot of this process.
fn slot() -> &'static Slot {
    let process = std::process::id();
    let last = SLOT.load(Ordering::Acquire);
    // SAFETY: slots are never freed, once they are in `SLOT`.
    if let Some(slot) = unsafe { last.as_ref() }
        && slot.process == process
    {
        return slot;
    }
    let own = Box::into_raw(Box::new(Slot { process, pool: Mutex::new(None) }));
    match SLOT.compare_exchange(last, own, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: as above.
        Ok(_) => unsafe { &*own },
        Err(other) => {
            // SAFETY: no other thread has seen it.
            drop(unsafe { Box::from_raw(own) });
            // SAFETY: as above; and only threads of this process compete.
            unsafe { &*other }
        }
    }
}

/// The pool of so many helpers; none if the system refuses to start them.
fn pool(helpers: usize) -> Option<Arc<Pool>> {
    let mut slot = lock(&slot().pool);
    if let Some(pool) = slot.as_ref().filter(|pool| pool.helpers == helpers) {
        return Some(Arc::clone(pool));
    }
    *slot = Pool::start(helpers).map(Arc::new);
    slot.clone()
}

/// What a panic elsewhere left is as good as ever.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_zero_and_absurd_counts() {
        assert!(set(0).is_err());
        assert!(set(MAX_THREADS + 1).is_err());
    }

    /// Calls `together` with three helpers, at least one of which takes part.
    fn with_a_helper<R: Send>(part: impl Fn(Tasks<'_>) -> R + Sync) -> Vec<R> {
        let arrived = AtomicUsize::new(0);
        let pool = pool(3).expect("a pool");
        let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        run_beside(&pool, 3, &|| {
            arrived.fetch_add(1, Ordering::Relaxed);
            while arrived.load(Ordering::Relaxed) < 2 {
                std::thread::yield_now();
            }
            let result = part(Tasks { next: &next, count: 1000 });
            lock(&results).push(result);
        });
        results.into_inner().unwrap()
    }

    #[test]
    fn every_task_is_taken_once() {
        let parts = with_a_helper(|tasks| tasks.collect::<Vec<_>>());
        assert!(parts.len() >= 2);
        let mut all = parts.concat();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..1000));
        assert_eq!(together(4, 0, |tasks| tasks.count()), [0]);
        assert_eq!(together(4, 77, |tasks| tasks.count()).into_iter().sum::<usize>(), 77);
        assert_eq!(serially(|| together(4, 5, |tasks| tasks.count())), [5]);
    }

    #[test]
    fn all_is_shared_out_once() {
        for (count, share) in [(0, 1), (1, 1), (10, 3), (10, 10), (10, 99), (1000, 7)] {
            let parts = split(count, share, |ranges| ranges.flatten().collect::<Vec<_>>());
            let mut all = parts.concat();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..count), "{count} by {share}");
        }
        serially(|| assert_eq!(share(1000, PARALLEL_FROM, 8), 1000));
        assert_eq!([0, EACH, PARALLEL_FROM - 1].map(worth), [1; 3]);
    }

    #[test]
    fn all_helpers_are_called() {
        for helpers in 1..8 {
            let pool = Arc::new(Pool::start(helpers).expect("a pool"));
            let arrived = AtomicUsize::new(0);
            run_beside(&pool, helpers, &|| {
                arrived.fetch_add(1, Ordering::Relaxed);
                while arrived.load(Ordering::Relaxed) <= helpers {
                    std::thread::yield_now();
                }
            });
            assert_eq!(arrived.into_inner(), helpers + 1);
        }
    }

    #[test]
    fn a_child_does_not_wait_for_a_lock_of_its_parent() {
        // Slots are never freed. LeakSanitizer finds these two here, when `SLOT` has a third.
        static KEPT: Mutex<Vec<&Slot>> = Mutex::new(Vec::new());
        let parents: &Slot = Box::leak(Box::new(Slot { process: 0, pool: Mutex::new(None) }));
        std::mem::forget(parents.pool.lock());
        lock(&KEPT).extend([slot(), parents]);
        SLOT.store(std::ptr::from_ref(parents).cast_mut(), Ordering::Release);
        assert!(pool(3).is_some());
    }

    #[test]
    fn calls_that_nobody_hears_do_not_pile_up() {
        let pool = Arc::new(Pool::start(3).expect("a pool"));
        let (busy, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..3 {
            let (busy, done) = (Arc::clone(&busy), Arc::clone(&done));
            pool.threads.spawn(move || {
                busy.fetch_add(1, Ordering::Relaxed);
                while done.load(Ordering::Relaxed) == 0 {
                    std::thread::yield_now();
                }
            });
        }
        while busy.load(Ordering::Relaxed) < 3 {
            std::thread::yield_now();
        }
        let worked = AtomicUsize::new(0);
        for _ in 0..1000 {
            run_beside(&pool, 3, &|| {
                worked.fetch_add(1, Ordering::Relaxed);
            });
        }
        assert_eq!(worked.into_inner(), 1000);
        let unheard = pool.unheard.load(Ordering::Relaxed);
        assert_eq!(unheard, UNHEARD * 3);
        done.store(1, Ordering::Relaxed);
        while pool.unheard.load(Ordering::Relaxed) > 0 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_panic_of_any_thread_reaches_the_caller_after_all_have_ended() {
        let caller = std::thread::current().id();
        for guilty in [true, false] {
            let (working, begun) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let result = catch_unwind(AssertUnwindSafe(|| {
                with_a_helper(|_| {
                    begun.fetch_add(1, Ordering::Relaxed);
                    while begun.load(Ordering::Relaxed) < 2 {
                        std::thread::yield_now();
                    }
                    if (std::thread::current().id() == caller) == guilty {
                        std::panic::panic_any("guilty");
                    }
                    working.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(std::time::Duration::from_millis(30));
                    working.fetch_sub(1, Ordering::Relaxed);
                })
            }));
            assert_eq!(result.unwrap_err().downcast_ref(), Some(&"guilty"));
            assert_eq!(working.into_inner(), 0);
        }
    }

    #[test]
    fn calls_within_calls_and_from_many_threads() {
        let sum = |tasks: Tasks<'_>| {
            tasks
                .map(|_| together(4, 10, |tasks| tasks.sum::<usize>()).into_iter().sum::<usize>())
                .sum()
        };
        std::thread::scope(|scope| {
            for _ in 0..5 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let parts: Vec<usize> = together(4, 7, sum);
                        assert_eq!(parts.into_iter().sum::<usize>(), 7 * 45);
                    }
                });
            }
        });
    }
}
