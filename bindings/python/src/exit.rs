//! Threads that still run when the interpreter ends.
//!
//! Before 3.14, CPython ends a daemon thread that asks for the GIL during finalisation by
//! `pthread_exit`. That unwinds the thread's stack on glibc, with frames of Rust on it if Python code
//! runs on behalf of a call of ours; their destructors would run without the GIL, and the process
//! ends where a panic would be caught. From 3.14 on such a thread sleeps for ever, and here as well:
//! glibc calls a clean-up handler once the unwinding passes the place of its record. Ours lies below
//! all stacks, so it is called before the first frame is left.

#![allow(unsafe_code)] // glibc's list of clean-up handlers; there is no safe interface.

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn protect_thread() {}

/// From now on, this thread sleeps once the interpreter wants it to end.
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
            // On the heap: below the stacks, or above them, which is the same to glibc.
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
        /// When the thread ends in the ordinary way.
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
        // What tells the thread to end is set a moment before this.
        sleep(Duration::from_millis(20));
        // SAFETY: may be called at any time, by any thread.
        while unsafe { Py_IsInitialized() } == 0 {
            sleep(Duration::from_secs(3600));
        }
    }
}
