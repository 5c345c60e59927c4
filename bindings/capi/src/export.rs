//! How a function is exported to C. No other file of this crate declares one.

/// Declares functions of C.
///
/// The argument list is followed, for each pointer, by the type of `foreign` that states what the
/// header promises about it, with the arguments that give its size:
///
/// ```text
/// export! {
///     fn mypackage_sum_f64(values: *const f64, count: usize, stride: isize, out: *mut f64)
///     where (values: Array[count, stride], out: Place) {
///         out.put(exact_sum(values).to_f64())
///     }
/// }
/// ```
///
/// In the body the pointers have these types. They are checked in that order, and the first null
/// pointer that must not be null ends the call. The function returns a status, also for errors and
/// panics. A `void fn` returns nothing, and a `value fn`, which has no arguments and cannot fail, a
/// value.
macro_rules! export {
    ($(
        fn $name:ident($($argument:ident: $type:ty),* $(,)?)
        where ($($pointer:ident: $kind:ident $([$($extent:ident),+])?),* $(,)?)
        $body:block
    )+) => {$(
        #[allow(unsafe_code)]
        // SAFETY: no other library has functions of this prefix.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $type),*) -> i32 {
            #[allow(unused)]
            let call = $crate::foreign::Call;
            $crate::status::guard(|| {
                $(
                    // SAFETY: the C caller keeps the header's promise about this argument.
                    let $pointer = unsafe {
                        $crate::foreign::$kind::of(
                            &call, stringify!($pointer), $pointer $(, $($extent),+)?
                        )?
                    };
                )*
                #[deny(unsafe_code)]
                let outcome = $body;
                outcome
            })
        }
    )+};
    ($(
        void fn $name:ident($pointer:ident: $type:ty) where ($of:ident: $kind:ident) $body:block
    )+) => {$(
        #[allow(unsafe_code)]
        // SAFETY: as above.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($pointer: $type) {
            let call = $crate::foreign::Call;
            $crate::status::guard(|| {
                // SAFETY: as above.
                let $of = unsafe {
                    $crate::foreign::$kind::of(&call, stringify!($pointer), $pointer)?
                };
                #[deny(unsafe_code)]
                let outcome = $body;
                outcome
            });
        }
    )+};
    ($(value fn $name:ident() -> $type:ty $body:block)+) => {$(
        #[allow(unsafe_code)]
        // SAFETY: as above.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name() -> $type {
            $body
        }
    )+};
}

pub(super) use export;
