//! Fibonacci and Lucas numbers of any size.
//!
//! Fast doubling on pairs (F(n-1), F(n)), two squarings per bit of n (Takahashi 2000, "A fast
//! algorithm for computing large Fibonacci numbers"), from the tables of [`small`](super::small)
//! up; the last step needs one product only. Long computations call `poll` between
//! multiplications, and stop with its error.

use dashu_int::ops::BitTest;
use dashu_int::{IBig, UBig, Word};

use crate::error::Error;
use crate::fibonacci::member::Member;
pub use crate::fibonacci::member::is_negated;
use crate::fibonacci::small::FIBONACCI;
use crate::fibonacci::transform::{multiply, product_memory};
use crate::{memory, threads};

/// The largest result, in bits: eight gigabytes, for an index near 10^11.
const MAX_BITS: u64 = 1 << 36;
/// The peak memory of a computation, relative to its result: eight numbers of its size, each with
/// the library's spare capacity.
const WORKING_SETS: usize = 9;
/// The memory of helper threads beside their work: stacks, and the arenas of `malloc`.
const HELPERS: usize = 3 << 27;
/// log2 of the golden ratio times 2^64, rounded up.
const BITS_PER_INDEX: u128 = 12806502905986368094;

/// Bits that F(n) and L(n) need at most.
fn bits(n: u64) -> u128 {
    ((u128::from(n) * BITS_PER_INDEX) >> 64) + 2
}

/// Refuses an index whose number is too large for any memory.
///
/// ```
/// use mypackage::fibonacci::big::check_size;
///
/// assert!(check_size("fibonacci", &1000, Some(1000)).is_ok());
/// let message = check_size("fibonacci", &u64::MAX, Some(u64::MAX)).unwrap_err().to_string();
/// assert!(message.contains("too large to hold"));
/// ```
///
/// # Errors
/// [`Error::Overflow`] naming the index and the size. `magnitude` is |n|, or None if n exceeds
/// int64.
pub fn check_size(
    name: &str,
    n: &impl std::fmt::Display,
    magnitude: Option<u64>,
) -> Result<(), Error> {
    let size = match magnitude {
        None => "more than 8 * 10^17 bytes".to_string(),
        Some(magnitude) if bits(magnitude) <= u128::from(MAX_BITS) => return Ok(()),
        Some(magnitude) => format!("{} bytes", bits(magnitude) / 8),
    };
    let family = name.trim_end_matches("_pair");
    // Beyond int64, NumPy refuses a mix with other numbers without dtype=object.
    let dtype = if magnitude.is_none() { ", dtype=object" } else { "" };
    Err(Error::Overflow(format!(
        "{name}({n}) has {size}, too large to hold; use {family}_mod(n, m{dtype}) for a remainder"
    )))
}

/// Which threads the available memory suffices for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(hidden)]
pub enum Room {
    /// All threads that may be used.
    ForHelpers,
    /// Only the calling thread.
    ForOne,
}

impl Room {
    /// Checks that there is enough memory to compute a number; to be called just before.
    ///
    /// ```
    /// use mypackage::fibonacci::big::{self, Room};
    /// use mypackage::fibonacci::modular::Member;
    ///
    /// let room = Room::find("fibonacci", &100, 100)?;
    /// let number = room.run(|| big::number(Member::U, 100, &mut || Ok::<(), mypackage::Error>(())))?;
    /// assert_eq!(number.to_string(), "354224848179261915075");
    /// # Ok::<(), mypackage::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Memory`] naming the index and the size. `magnitude` is |n|.
    pub fn find(name: &str, n: &impl std::fmt::Display, magnitude: u64) -> Result<Room, Error> {
        /// For smaller numbers, asking the system does not pay.
        const ASKED_FROM: u128 = 8 << 12;
        if bits(magnitude) < ASKED_FROM {
            return Ok(Room::ForHelpers);
        }
        let bytes = usize::try_from(bits(magnitude) / 8).unwrap_or(usize::MAX);
        let peak = bytes.saturating_mul(WORKING_SETS).saturating_add(product_memory(bytes));
        if memory::is_there(peak.saturating_add(HELPERS)) {
            return Ok(Room::ForHelpers);
        }
        memory::check(peak, || format!("{name}({n}), a number of {bytes} bytes"))?;
        Ok(Room::ForOne)
    }

    /// Calls `work`, which computes that number.
    ///
    /// ```
    /// use mypackage::{fibonacci::big::Room, threads};
    ///
    /// assert_eq!(Room::ForOne.run(threads::get), 1);
    /// ```
    pub fn run<R>(self, work: impl FnOnce() -> R) -> R {
        match self {
            Room::ForHelpers => work(),
            Room::ForOne => threads::serially(work),
        }
    }
}

/// (F(n-1), F(n)); F(-1) = 1.
///
/// ```
/// use mypackage::fibonacci::big;
///
/// let (below, here) = big::pair::<()>(101, &mut || Ok(())).unwrap();
/// assert_eq!(below.to_string(), "354224848179261915075");
/// assert_eq!(here.to_string(), "573147844013817084101");
/// // A poll that fails, once the user has had enough, ends it.
/// assert_eq!(big::pair(1_000_000, &mut || Err("stopped")), Err("stopped"));
/// ```
///
/// # Errors
/// The error of `poll`.
pub fn pair<E>(n: u64, poll: &mut dyn FnMut() -> Result<(), E>) -> Result<(UBig, UBig), E> {
    let bits = u64::BITS - n.leading_zeros();
    // The top bits come from the table.
    let mut rest = bits.saturating_sub(6);
    let top = (n >> rest) as usize;
    let mut below = if top == 0 { UBig::ONE } else { UBig::from(FIBONACCI[top - 1]) };
    let mut here = UBig::from(FIBONACCI[top]);
    while rest > 0 {
        poll()?;
        rest -= 1;
        let (below_squared, here_squared) = (multiply(&below, &below), multiply(&here, &here));
        // With k = n >> (rest + 1): F(2k+1) = 4 F(k)^2 - F(k-1)^2 + 2 (-1)^k.
        let mut after = (&here_squared << 2) + UBig::from(2u8) - &below_squared;
        if n >> (rest + 1) & 1 == 1 {
            after -= UBig::from(4u8);
        }
        let before = below_squared + here_squared; // F(2k-1)
        let middle = &after - &before; // F(2k)
        (below, here) = if n >> rest & 1 == 1 { (middle, after) } else { (before, middle) };
    }
    Ok((below, here))
}

/// F(n) or L(n), for n >= 0.
///
/// ```
/// use mypackage::fibonacci::{big, modular::Member};
/// let f = big::number::<()>(Member::U, 300, &mut || Ok(())).unwrap();
/// assert_eq!(f.to_string(), "222232244629420445529739893461909967206666939096499764990979600");
/// ```
///
/// # Errors
/// The error of `poll`.
pub fn number<E>(
    member: Member,
    n: u64,
    poll: &mut dyn FnMut() -> Result<(), E>,
) -> Result<UBig, E> {
    if n < FIBONACCI.len() as u64 {
        let (below, here) = pair(n, poll)?;
        return Ok(match member {
            Member::U => here,
            Member::V => (below << 1) + here,
        });
    }
    let half = n / 2;
    let (below, here) = pair(half, poll)?;
    poll()?;
    let odd_half = half % 2 == 1;
    let lucas = (&below << 1) + &here; // L(half)
    Ok(match (member, n % 2 == 1) {
        (Member::U, false) => multiply(&here, &lucas),
        (Member::U, true) => {
            let twice = here << 1;
            let product = multiply(&(&twice + &below), &(twice - below));
            if odd_half { product - UBig::from(2u8) } else { product + UBig::from(2u8) }
        }
        (Member::V, false) => {
            let square = multiply(&lucas, &lucas);
            if odd_half { square + UBig::from(2u8) } else { square - UBig::from(2u8) }
        }
        (Member::V, true) => {
            let next = &lucas + (here << 1) - below; // L(half + 1)
            let product = multiply(&lucas, &next);
            if odd_half { product + UBig::ONE } else { product - UBig::ONE }
        }
    })
}

/// Walks up the sequence: many numbers cost little more than the largest where their indices lie
/// close together.
///
/// ```
/// use mypackage::fibonacci::big::Walk;
///
/// let poll = &mut || Ok::<(), ()>(());
/// let mut walk = Walk::start(100, poll)?;
/// assert_eq!(walk.fibonacci().to_string(), "354224848179261915075");
/// walk.go(102, poll)?;
/// assert_eq!(walk.fibonacci().to_string(), "927372692193078999176");
/// # Ok::<(), ()>(())
/// ```
#[derive(Debug)]
pub struct Walk {
    n: u64,
    below: UBig,
    here: UBig,
}

impl Walk {
    /// Starts at `n`.
    ///
    /// ```
    /// use mypackage::fibonacci::big::Walk;
    ///
    /// assert_eq!(*Walk::start(12, &mut || Ok::<(), ()>(()))?.fibonacci(), 144u32.into());
    /// # Ok::<(), ()>(())
    /// ```
    ///
    /// # Errors
    /// The error of `poll`.
    pub fn start<E>(n: u64, poll: &mut dyn FnMut() -> Result<(), E>) -> Result<Walk, E> {
        let (below, here) = pair(n, poll)?;
        Ok(Walk { n, below, here })
    }

    /// Goes to `n`: in steps by the addition formula if it is near and ahead, else by doubling.
    ///
    /// ```
    /// use mypackage::fibonacci::big::Walk;
    ///
    /// let poll = &mut || Ok::<(), ()>(());
    /// let mut walk = Walk::start(1000, poll)?;
    /// walk.go(12, poll)?;
    /// assert_eq!(*walk.fibonacci(), 144u32.into());
    /// # Ok::<(), ()>(())
    /// ```
    ///
    /// # Errors
    /// The error of `poll`.
    pub fn go<E>(&mut self, n: u64, poll: &mut dyn FnMut() -> Result<(), E>) -> Result<(), E> {
        const STRIDE: u64 = FIBONACCI.len() as u64 - 2;
        // A step is linear in the size, doubling is not: the larger the number, the more steps pay.
        let steps = n.wrapping_sub(self.n).div_ceil(STRIDE);
        if n < self.n || steps > 2 + self.here.bit_len() as u64 / 4096 {
            *self = Walk::start(n, poll)?;
        }
        while self.n < n {
            poll()?;
            let step = (n - self.n).min(STRIDE);
            // F(n+d) = F(n) F(d+1) + F(n-1) F(d), and the same one lower.
            let d = step as usize;
            let [low, middle, high] = [FIBONACCI[d - 1], FIBONACCI[d], FIBONACCI[d + 1]];
            let after = &self.here * high + &self.below * middle;
            self.below = &self.here * middle + &self.below * low;
            self.here = after;
            self.n += step;
        }
        Ok(())
    }

    /// F(n).
    ///
    /// ```
    /// # use mypackage::fibonacci::big::Walk;
    /// let walk = Walk::start(94, &mut || Ok::<(), ()>(()))?;
    /// assert_eq!(walk.fibonacci().to_string(), "19740274219868223167");
    /// # Ok::<(), ()>(())
    /// ```
    pub fn fibonacci(&self) -> &UBig {
        &self.here
    }

    /// F(n+1).
    ///
    /// ```
    /// # use mypackage::fibonacci::big::Walk;
    /// let walk = Walk::start(93, &mut || Ok::<(), ()>(()))?;
    /// assert_eq!(walk.successor().to_string(), "19740274219868223167");
    /// # Ok::<(), ()>(())
    /// ```
    pub fn successor(&self) -> UBig {
        &self.below + &self.here
    }

    /// L(n).
    ///
    /// ```
    /// # use mypackage::fibonacci::big::Walk;
    /// let walk = Walk::start(10, &mut || Ok::<(), ()>(()))?;
    /// assert_eq!(walk.lucas(), 123u32.into());
    /// # Ok::<(), ()>(())
    /// ```
    pub fn lucas(&self) -> UBig {
        (&self.below << 1) + &self.here
    }
}

/// The n with F(n) = x, if there is one: the smallest n >= 0 for x >= 0, n < 0 for x < 0.
///
/// ```
/// use mypackage::fibonacci::big;
/// let index = |x: i64| big::index::<()>(&x.into(), &mut || Ok(())).unwrap();
/// assert_eq!([index(55), index(-8), index(1), index(4)], [Some(10), Some(-6), Some(1), None]);
/// ```
///
/// # Errors
/// The error of `poll`.
pub fn index<E>(x: &IBig, poll: &mut dyn FnMut() -> Result<(), E>) -> Result<Option<i64>, E> {
    let negative = *x < IBig::ZERO;
    let x = x.clone().into_parts().1;
    let found = match u64::try_from(&x) {
        Ok(word) => FIBONACCI.iter().position(|&f| f == word).map(|n| n as u64),
        Err(_) => {
            // At most two members have this length in bits, and almost all other numbers are ruled
            // out by their last word.
            let first = (((x.bit_len() as u128) << 64) / BITS_PER_INDEX) as u64;
            let mut found = None;
            for n in first..first + 4 {
                if last_word(n) == x.as_words()[0] && number(Member::U, n, poll)? == x {
                    found = Some(n);
                    break;
                }
            }
            found
        }
    };
    Ok(match found {
        // F(-n) = -F(n) for even n only; -1 is F(-2).
        Some(1) if negative => Some(-2),
        Some(n) if negative => (n % 2 == 0).then_some(-(n as i64)),
        Some(n) => Some(n as i64),
        None => None,
    })
}

/// F(n) modulo 2^[`Word::BITS`].
fn last_word(n: u64) -> Word {
    let (mut a, mut b) = (1 as Word, 0 as Word);
    for bit in (0..u64::BITS - n.leading_zeros()).rev() {
        let square = a.wrapping_mul(a).wrapping_add(b.wrapping_mul(b));
        let middle = b.wrapping_mul(a.wrapping_mul(2).wrapping_add(b));
        (a, b) = if n >> bit & 1 == 1 {
            (middle, square.wrapping_add(middle))
        } else {
            (square, middle)
        };
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never() -> Result<(), ()> {
        Ok(())
    }

    #[test]
    fn every_way_gives_the_recurrence() {
        let (mut f, mut next) = (UBig::ZERO, UBig::ONE);
        let (mut l, mut next_l) = (UBig::from(2u8), UBig::ONE);
        let mut walk = Walk::start(0, &mut never).unwrap();
        for n in 0..1500 {
            assert_eq!(number(Member::U, n, &mut never).unwrap(), f, "F({n})");
            assert_eq!(number(Member::V, n, &mut never).unwrap(), l, "L({n})");
            walk.go(n, &mut never).unwrap();
            assert_eq!((walk.fibonacci(), &walk.successor(), &walk.lucas()), (&f, &next, &l));
            if n != 2 {
                assert_eq!(index(&f.clone().into(), &mut never).unwrap(), Some(n as i64));
            }
            if n > 4 {
                assert_eq!(
                    index(&(&f + UBig::ONE).into(), &mut never).unwrap(),
                    None,
                    "F({n}) + 1"
                );
            }
            (f, next) = (next.clone(), f + next);
            (l, next_l) = (next_l.clone(), l + next_l);
        }
    }

    #[test]
    fn transforms_and_addition_formula_agree() {
        let (n, d) = (300_007, 300_101);
        let (below, here) = pair(n, &mut never).unwrap();
        let (other_below, other) = pair(d, &mut never).unwrap();
        let sum = &here * (&other + &other_below) + &below * &other;
        assert_eq!(number(Member::U, n + d, &mut never).unwrap(), sum);
    }

    #[test]
    fn bits_is_a_bound_and_close() {
        for n in [0, 1, 2, 92, 1000, 123_456] {
            let actual = number(Member::V, n, &mut never).unwrap().bit_len() as u128;
            assert!(actual <= bits(n) && bits(n) <= actual + 4, "{n}");
        }
    }

    #[test]
    fn an_interruption_stops_the_work() {
        let mut left = 10;
        let mut poll = || {
            left -= 1;
            if left == 0 { Err("stop") } else { Ok(()) }
        };
        assert_eq!(number(Member::U, 1 << 40, &mut poll), Err("stop"));
    }

    #[test]
    fn too_large_is_refused_with_its_size() {
        assert!(check_size("fibonacci", &1_000_000, Some(1_000_000)).is_ok());
        let error = check_size("fibonacci", &(1u64 << 60), Some(1 << 60)).unwrap_err().to_string();
        assert!(error.contains("fibonacci(1152921504606846976) has 100050"), "{error}");
    }
}
