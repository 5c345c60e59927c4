//! Threads that are still running when the interpreter exits.
//!
//! Before 3.14, CPython ends a daemon thread that requests the GIL during finalisation by
//! `pthread_exit`. On glibc this unwinds the thread's stack, including Rust frames if the thread
//! runs Python code called from one of our functions; their destructors would run without the GIL,
//! and a `catch_unwind` on the way aborts the process. From 3.14 on such a thread sleeps forever,
//! and this module makes it do so earlier too: glibc calls a clean-up handler when the unwinding
//! passes the address of its record. The address of ours is below all stacks, so it is called
//! before the first frame is unwound.

#![allow(unsafe_code)] // glibc's list of clean-up handlers has no safe interface.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn protect_thread() {}

/// From now on, this thread sleeps forever once the interpreter tries to end it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[inline]
pub(super) fn protect_thread() {
    glibc::RECORD.with(|_| ());
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use std::ffi::{c_int, c_void};
    use std::mem::transmute;
    use std::ptr::null_mut;
    use std::thread::sleep;
    use std::time::Duration;

    use pyo3::ffi::Py_IsInitialized;

    /// `struct _pthread_cleanup_buffer` of <pthread.h>.
    #[repr(C)]
    struct Buffer {
        routine: unsafe extern "C" fn(*mut c_void),
        argument: *mut c_void,
        cancel_type: c_int,
        previous: *mut Buffer,
    }

    type Push = unsafe extern "C" fn(*mut Buffer, unsafe extern "C" fn(*mut c_void), *mut c_void);
    type Pop = unsafe extern "C" fn(*mut Buffer, c_int);

    /// A handler in this thread's list.
    pub(super) struct Record {
        buffer: *mut Buffer,
        pop: Option<Pop>,
    }

    thread_local! {
        pub(super) static RECORD: Record = Record::push();
    }

    impl Record {
        fn push() -> Record {
            // By name: their symbol versions are those of a glibc newer than the oldest we run on.
            // SAFETY: the names are strings with a null; the types are those of <pthread.h>.
            let (push, pop) = unsafe {
                let symbol = |name: &std::ffi::CStr| libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr());
                (
                    transmute::<*mut c_void, Option<Push>>(symbol(c"_pthread_cleanup_push")),
                    transmute::<*mut c_void, Option<Pop>>(symbol(c"_pthread_cleanup_pop")),
                )
            };
            let (Some(push), Some(pop)) = (push, pop) else {
                return Record { buffer: null_mut(), pop: None };
            };
            // On the heap, which is below or above the stacks; glibc treats both the same.
            let buffer = Box::into_raw(Box::new(Buffer {
                routine: sleep_if_ending,
                argument: null_mut(),
                cancel_type: 0,
                previous: null_mut(),
            }));
            // SAFETY: the buffer stays where it is until it is popped.
            unsafe { push(buffer, sleep_if_ending, null_mut()) };
            Record { buffer, pop: Some(pop) }
        }
    }

    impl Drop for Record {
        /// Run when the thread ends normally.
        fn drop(&mut self) {
            if let Some(pop) = self.pop {
                // SAFETY: this thread has pushed it; nobody else has a reference.
                unsafe {
                    pop(self.buffer, 0);
                    drop(Box::from_raw(self.buffer));
                }
            }
        }
    }

    unsafe extern "C" fn sleep_if_ending(_argument: *mut c_void) {
        // The interpreter sets its finalising flag shortly before.
        sleep(Duration::from_millis(20));
        // SAFETY: may be called at any time, by any thread.
        while unsafe { Py_IsInitialized() } == 0 {
            sleep(Duration::from_secs(3600));
        }
    }
}
