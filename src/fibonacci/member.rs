//! The two sequences, and their signs at negative indices.

/// Which of the two sequences.
///
/// ```
/// use mypackage::fibonacci::modular::{Member, fibonacci};
///
/// let (mut f, mut l) = ([0], [0]);
/// fibonacci(Member::U, &[10u64], &[1000u64], &mut f)?;
/// fibonacci(Member::V, &[10u64], &[1000u64], &mut l)?;
/// assert_eq!((f, l), ([55], [123]));
/// # Ok::<(), mypackage::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    /// U(n); with P = 1, Q = -1 the Fibonacci numbers.
    U,
    /// V(n); with P = 1, Q = -1 the Lucas numbers.
    V,
}

/// Whether the member at -n is the negative of the one at n.
///
/// ```
/// use mypackage::fibonacci::{big::is_negated, modular::Member};
///
/// assert!(is_negated(Member::U, 6)); // F(-6) = -8
/// assert!(!is_negated(Member::V, 6)); // L(-6) = 18
/// ```
pub fn is_negated(member: Member, n: u64) -> bool {
    match member {
        Member::U => n.is_multiple_of(2),
        Member::V => n % 2 == 1,
    }
}
