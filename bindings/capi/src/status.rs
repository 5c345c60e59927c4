//! Status codes and messages: the only place where an error is converted for C.

use std::cell::RefCell;
use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use mypackage::error::Error;
use mypackage::{cpu, threads};

/// The codes of `mypackage.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(super) enum Status {
    Ok = 0,
    Value = 1,
    Overflow = 2,
    Type = 3,
    Pointer = 4,
    Io = 5,
    Internal = 6,
    Memory = 7,
}

/// A status with its message.
#[derive(Debug)]
pub(super) struct Failure {
    pub status: Status,
    pub message: String,
}

impl Failure {
    pub fn null(name: &str) -> Failure {
        Failure { status: Status::Pointer, message: format!("{name} is a null pointer") }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let status = match error {
            Error::Value(_) => Status::Value,
            Error::Overflow(_) => Status::Overflow,
            Error::Type(_) => Status::Type,
            Error::Memory(_) => Status::Memory,
        };
        Failure { status, message: error.to_string() }
    }
}

/// The result of the body of a C function.
pub(super) type Outcome = Result<(), Failure>;

/// Runs the body of a C function: errors and panics become a status and a message.
pub(super) fn guard(body: impl FnOnce() -> Outcome) -> i32 {
    let checked = || {
        cpu::initialise()?;
        threads::initialise()?;
        body()
    };
    let outcome = catch_unwind(AssertUnwindSafe(checked)).unwrap_or_else(|panic| {
        let cause = panic.downcast_ref::<String>().map(String::as_str);
        let cause = cause.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        let message = format!("a defect in mypackage, please report it: {cause}");
        Err(Failure { status: Status::Internal, message })
    });
    match outcome {
        Ok(()) => Status::Ok as i32,
        Err(failure) => {
            LAST.with(|last| last.borrow_mut().set(&failure.message));
            failure.status as i32
        }
    }
}

/// Long enough for all messages, except those with a long path, which are truncated.
const CAPACITY: usize = 1024;

/// A null-terminated message in a fixed buffer, so nobody has to free it.
struct Message([u8; CAPACITY]);

thread_local! {
    static LAST: RefCell<Message> = const { RefCell::new(Message([0; CAPACITY])) };
}

impl Message {
    fn set(&mut self, text: &str) {
        let mut length = text.len().min(CAPACITY - 1);
        while !text.is_char_boundary(length) {
            length -= 1;
        }
        for (to, &from) in self.0.iter_mut().zip(&text.as_bytes()[..length]) {
            // A null inside would end the string early.
            *to = if from == 0 { b' ' } else { from };
        }
        self.0[length] = 0;
    }
}

/// The message of the last error on this thread.
pub(super) fn last_message() -> *const c_char {
    LAST.with(|last| {
        CStr::from_bytes_until_nul(&last.borrow().0).map_or(c"".as_ptr(), CStr::as_ptr)
    })
}

#[cfg(test)]
mod tests {
    #![allow(unsafe_code)] // Reads the message the way C does.

    use super::*;

    fn message() -> String {
        // SAFETY: the pointer is to this thread's message, which nothing changes meanwhile.
        unsafe { CStr::from_ptr(last_message()) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_panic_is_a_status() {
        assert_eq!(guard(|| panic!("number {}", 7)), Status::Internal as i32);
        assert!(message().ends_with("number 7"));
        assert_eq!(guard(|| Ok(())), 0);
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        let text = format!("x{}", "é".repeat(2000));
        guard(|| Err(Error::Value(text.clone()).into()));
        assert_eq!(message(), &text[..1023]);
        guard(|| Err(Error::Value("a\0b".into()).into()));
        assert_eq!(message(), "a b");
    }
}
