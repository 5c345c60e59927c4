//! Exact sums of integers of any size.

use super::finish::{Near, Pair};
use super::moment::{Moment, Sums};
use super::run;
use crate::array::element::Native;
use crate::cpu::{Isa, dispatch};
use crate::exact::round::Format;

/// How many numbers have partial sums within 64 bits.
const SUMMED: usize = 1 << 15;
const MASK: u64 = 0xffff_ffff;

/// Sums of integers.
///
/// Those of 64 bits are `x = y - offset` with `y = 2^32 h + l`, both halves without a sign.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Integers {
    /// Of `y`.
    sum: i128,
    /// Of `h^2`, `h l` and `l^2`; of shorter integers the last one is that of `y^2`.
    high: i128,
    mixed: i128,
    low: i128,
    /// How many `y` there are that are `2^63` too large.
    offset: i128,
    /// How many there are.
    pub count: i64,
}

/// An integer type of up to 64 bits.
pub(crate) trait Integer: Native {
    /// Whether a square fits 32 bits.
    const SHORT: bool;
    /// Whether an integer has 64 bits.
    const LONG: bool;
    /// Whether `2^63` is added to the integer before its halves are taken.
    const OFFSET: bool;
    /// The integer, with its sign.
    fn wide(self) -> i64;
}

macro_rules! integer {
    ($($type:ty: $short:literal, $long:literal, $offset:literal;)*) => {$(
        impl Integer for $type {
            const SHORT: bool = $short;
            const LONG: bool = $long;
            const OFFSET: bool = $offset;
            #[inline(always)]
            #[allow(clippy::unnecessary_cast)]
            fn wide(self) -> i64 {
                self as i64
            }
        }
    )*};
}

integer! {
    i8: true, false, false;
    u8: true, false, false;
    i16: true, false, false;
    u16: true, false, false;
    i32: false, false, false;
    u32: false, false, false;
    i64: false, true, true;
    u64: false, true, false;
}

#[inline(always)]
fn add_body<T: Integer, const W: usize>(values: &[T]) -> Integers {
    debug_assert!(values.len() <= SUMMED);
    let mut total = Integers::default();
    let whole = |[below, above]: [u64; 2]| i128::from(below) + (i128::from(above) << 32);
    if !T::LONG {
        let (mut sum, mut squares) = (0i64, [0u64; 2]);
        for &x in values {
            let x = x.wide();
            let square = x.wrapping_mul(x) as u64;
            sum += x;
            if T::SHORT {
                squares[0] += square;
            } else {
                squares[0] += square & MASK;
                squares[1] += square >> 32;
            }
        }
        total.sum = sum.into();
        total.low = whole(squares);
        return total;
    }
    let (mut sum, mut low, mut mixed, mut high) = ([0; 2], [0; 2], [0; 2], [0; 2]);
    for &x in values {
        let y = if T::OFFSET { x.wide() as u64 ^ 1 << 63 } else { x.wide() as u64 };
        let (h, l) = (y >> 32, y & MASK);
        sum[0] += l;
        sum[1] += h;
        for (parts, product) in [(&mut low, l * l), (&mut mixed, h * l), (&mut high, h * h)] {
            parts[0] += product & MASK;
            parts[1] += product >> 32;
        }
    }
    if T::OFFSET {
        total.offset = values.len() as i128;
    }
    [total.sum, total.low, total.mixed, total.high] = [sum, low, mixed, high].map(whole);
    total
}

dispatch! {
    fn add_block[T: Integer][T](values: &[T]) -> Integers = add_body::<T, {W}>
}

impl Integers {
    /// Adds numbers.
    #[inline]
    pub fn add<T: Integer>(&mut self, isa: Isa, values: &[T]) {
        for block in values.chunks(SUMMED) {
            self.merge(&add_block(isa, block));
            self.count += block.len() as i64;
        }
    }

    /// Adds another one.
    #[inline]
    pub fn merge(&mut self, other: &Integers) {
        self.sum += other.sum;
        self.high += other.high;
        self.mixed += other.mixed;
        self.low += other.low;
        self.offset += other.offset;
        self.count += other.count;
    }

    /// The sum of the integers, and the sum of their squares as `2^64 a + b`, `0 <= b < 2^64`.
    #[inline]
    fn without_offset(&self) -> (i128, [i128; 2]) {
        // x^2 = y^2 - 2^64 y + 2^126
        let removed = if self.offset == 0 { 0 } else { (self.offset << 62) - self.sum };
        let below = self.low + ((self.mixed & ((1 << 31) - 1)) << 33);
        let above = self.high + (self.mixed >> 31) + removed + (below >> 64);
        (self.sum - (self.offset << 63), [above, below & ((1 << 64) - 1)])
    }

    /// `n sum x^2 - (sum x)^2`, if 127 bits hold it and what it is made of.
    #[inline]
    pub fn scatter(&self, n: i64) -> Option<i128> {
        let (sum, _) = self.without_offset();
        self.squares()?.checked_mul(n.into())?.checked_sub(sum.checked_mul(sum)?)
    }

    /// The sum of squares, if 127 bits hold it.
    #[inline]
    fn squares(&self) -> Option<i128> {
        let (_, [above, below]) = self.without_offset();
        above.checked_mul(1 << 64)?.checked_add(below)
    }

    /// The result for this many numbers, if it is decided.
    #[inline]
    pub fn round(&self, isa: Isa, moment: &Moment, n: i64, format: Format) -> Option<u64> {
        let (above, below) = if !moment.has_sums() {
            (self.squares()?, Pair { high: 1.0, low: 0.0 })
        } else {
            // n (n - ddof), to within 2^-104 of its size.
            let degrees = moment.ddof.degrees_near(n)?;
            let count = n as f64;
            let product = Pair::product(count, degrees.high);
            let low = product.low + count * degrees.low;
            (self.scatter(n)?, Pair { low, ..product })
        };
        let near = Near::squares(Pair::of_integer(above, 1.0), 0.0);
        run::round_near(isa, near, 1.0, below, moment.root(), 0, format)
    }

    /// The sums as such.
    pub fn to_sums(self, count: i64) -> Sums {
        let (sum, [above, below]) = self.without_offset();
        let mut sums = Sums { count, ..Sums::default() };
        sums.sums[0].add_scaled(sum, 0);
        sums.squares.add_scaled(above, 64);
        sums.squares.add_scaled(below, 0);
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dashu_int::{IBig, UBig};
    use proptest::prelude::*;

    fn check<T: Integer + Into<i128>>(values: &[T]) {
        let exact = |square: bool| -> IBig {
            let terms = values.iter().map(|&x| IBig::from(x.into()));
            terms.map(|x| if square { &x * &x } else { x }).sum()
        };
        let n = values.len() as i64;
        let scatter = IBig::from(n) * exact(true) - exact(false) * exact(false);
        for isa in Isa::available() {
            let mut integers = Integers::default();
            let (left, right) = values.split_at(values.len() / 3);
            integers.add(isa, left);
            integers.add(isa, right);
            if let Some(found) = integers.scatter(n) {
                assert_eq!(IBig::from(found), scatter);
            }
            let sums = integers.to_sums(n);
            for (sum, exact) in [(&sums.sums[0], exact(false)), (&sums.squares, exact(true))] {
                let (negative, bytes, exponent) = sum.to_parts().unwrap();
                let magnitude = IBig::from(UBig::from_le_bytes(&bytes)) << exponent as usize;
                assert_eq!(if negative { -magnitude } else { magnitude }, exact);
            }
        }
    }

    #[test]
    fn the_ends_of_the_types() {
        check(&[i64::MIN; 5]);
        check(&[i64::MIN, i64::MAX, 0, -1, 1]);
        check(&[u64::MAX; 3]);
        check(&[u32::MAX; 70]);
        check(&[i32::MIN; 70]);
        check(&vec![u16::MAX; 3 * SUMMED + 7]);
        check(&vec![i64::MIN; 3 * SUMMED + 7]);
        check(&vec![u64::MAX; 3 * SUMMED + 7]);
    }

    #[test]
    fn small_ones_fit_127_bits() {
        let mut integers = Integers::default();
        integers.add(Isa::BASELINE, &[1i64, -2, 4]);
        assert_eq!(integers.scatter(3), Some(3 * 21 - 9));
    }

    proptest! {
        #[test]
        fn any_integers(
            a: Vec<i64>, b: Vec<u64>, c: Vec<i32>, d: Vec<u32>, e: Vec<i16>, f: Vec<u8>, shift in 0..64
        ) {
            check(&a.iter().map(|x| x >> shift).collect::<Vec<_>>());
            check(&b);
            check(&c);
            check(&d);
            check(&e);
            check(&f);
        }
    }
}
