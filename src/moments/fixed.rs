//! Exact sums of numbers and of their squares, of any exponents: in fixed point (Kulisch), by integers.
//!
//! A number is an integer below 2^53 times a power of two, and its square one below 2^106: shifted
//! into position, it overlaps two or three digits of 64 bits. A carry beyond these is rare.
//! Negative numbers have separate digits, so that a sum near 0 does not borrow from all digits
//! above.

use super::block::Real;
use super::finish::{Near, Pair};
use super::moment::{Moment, Sums};
use super::run;
use crate::binary64::power_of_two;
use crate::cpu::Isa;
use crate::exact::accumulator::Accumulator;
use crate::exact::round::Format;

/// The lowest bit of a number, and of a square.
const LOWEST: i32 = -1074;
/// Digits up to the highest bit of a number and of a square, and for 2^64 of these.
const DIGITS: usize = 36;
const SQUARES: usize = 68;

/// The sum of one part of the numbers.
#[derive(Debug, Clone)]
struct Part {
    /// The sums of positive and of negative numbers.
    digits: [[u64; DIGITS]; 2],
    infinities: [i64; 2],
    nans: i64,
}

/// The sums of numbers and of their squares.
#[derive(Debug, Clone)]
pub(super) struct Fixed {
    pub count: i64,
    real: Part,
    imaginary: Option<Box<Part>>,
    squares: [u64; SQUARES],
    /// The bits of the first number, and those in which others differ from it.
    first: u64,
    differ: u64,
    /// How many of the first numbers, all the same, are not in the sums yet.
    pending: i64,
}

impl Part {
    const EMPTY: Part = Part { digits: [[0; DIGITS]; 2], infinities: [0; 2], nans: 0 };
}

impl Default for Fixed {
    fn default() -> Fixed {
        let (real, squares) = (Part::EMPTY, [0; SQUARES]);
        Fixed { count: 0, real, imaginary: None, squares, first: 0, differ: 0, pending: 0 }
    }
}

/// Adds a number below `2^(64 N)` to the digits from a position on.
#[inline(always)]
fn add_at<const N: usize, const SIZE: usize>(
    digits: &mut [u64; SIZE],
    place: usize,
    number: [u64; N],
) {
    let digits = &mut digits[place..];
    let mut carry = false;
    for index in 0..N {
        let (sum, over) = digits[index].overflowing_add(number[index]);
        let (sum, again) = sum.overflowing_add(u64::from(carry));
        (digits[index], carry) = (sum, over | again);
    }
    if carry {
        carry_on(&mut digits[N..]);
    }
}

#[cold]
#[inline(never)]
fn carry_on(digits: &mut [u64]) {
    for digit in digits {
        *digit = digit.wrapping_add(1);
        if *digit != 0 {
            break;
        }
    }
}

/// The significand of a number, and the place of its last bit; `None` if it is not finite.
#[inline(always)]
fn take_apart(bits: u64) -> Option<(u64, u32)> {
    let exponent = (bits >> 52 & 0x7ff) as u32;
    let significand = bits & ((1 << 52) - 1) | u64::from(exponent != 0) << 52;
    (exponent != 0x7ff).then_some((significand, exponent.max(1) - 1))
}

/// How many numbers from the first one on have these bits.
#[inline(always)]
fn alike<V: Real>(values: &[V], bits: u64) -> usize {
    const PIECE: usize = 64;
    let same = |x: &V| x.nearest().to_bits() == bits;
    let mut count = 0;
    for piece in values.chunks(PIECE) {
        if !piece.iter().fold(true, |all, x| all & same(x)) {
            return count + piece.iter().take_while(|x| same(x)).count();
        }
        count += piece.len();
    }
    count
}

/// Adds a number and its square; returns whether it was finite.
#[inline(always)]
fn add<const SUMS: bool>(x: f64, part: &mut Part, squares: &mut [u64; SQUARES]) -> bool {
    let bits = x.to_bits();
    let Some((significand, place)) = take_apart(bits) else { return false };
    if SUMS {
        let shifted = u128::from(significand) << (place & 63);
        let digits = &mut part.digits[(bits >> 63) as usize];
        add_at(digits, (place >> 6) as usize & 31, [shifted as u64, (shifted >> 64) as u64]);
    }
    let square = u128::from(significand) * u128::from(significand);
    let place = 2 * place;
    let shift = place & 63;
    let low = square << shift;
    let high = ((square >> 64) as u64 >> 1) >> (63 - shift);
    add_at(squares, (place >> 6) as usize & 63, [low as u64, (low >> 64) as u64, high]);
    true
}

impl Part {
    #[cold]
    #[inline(never)]
    fn add_special(&mut self, x: f64) {
        if x.is_nan() {
            self.nans += 1;
        } else {
            self.infinities[usize::from(x.is_sign_negative())] += 1;
        }
    }

    fn merge(&mut self, other: &Part) {
        for (mine, theirs) in self.digits.iter_mut().zip(&other.digits) {
            add_at(mine, 0, *theirs);
        }
        for (mine, theirs) in self.infinities.iter_mut().zip(other.infinities) {
            *mine += theirs;
        }
        self.nans += other.nans;
    }

    fn to_accumulator(&self) -> Accumulator {
        let mut sum = Accumulator::new();
        for (digits, sign) in self.digits.iter().zip([1, -1]) {
            add_digits(&mut sum, digits, sign, LOWEST);
        }
        for (infinity, times) in [f64::INFINITY, f64::NEG_INFINITY].into_iter().zip(self.infinities)
        {
            sum.add_special(infinity, times);
        }
        sum.add_special(f64::NAN, self.nans);
        sum
    }
}

fn add_digits(sum: &mut Accumulator, digits: &[u64], sign: i128, lowest: i32) {
    for (digit, exponent) in digits.iter().zip((lowest..).step_by(64)) {
        if *digit != 0 {
            sum.add_scaled(sign * i128::from(*digit), exponent);
        }
    }
}

/// The magnitude of a difference.
fn difference(x: &[u64; DIGITS], y: &[u64; DIGITS]) -> [u64; DIGITS] {
    let (x, y) = if x.iter().rev().ge(y.iter().rev()) { (x, y) } else { (y, x) };
    let mut borrow = false;
    std::array::from_fn(|index| {
        let (rest, under) = x[index].overflowing_sub(y[index]);
        let (rest, again) = rest.overflowing_sub(u64::from(borrow));
        borrow = under | again;
        rest
    })
}

/// The 127 highest bits of a number, and the exponent of the last of them; `None` of 0.
fn highest(digits: &[u64]) -> Option<(i128, i32)> {
    let top = digits.iter().rposition(|&digit| digit != 0)?;
    let digit = |below: usize| top.checked_sub(below).map_or(0, |index| digits[index]);
    let zeros = digits[top].leading_zeros();
    let head = u128::from(digit(0)) << 64 | u128::from(digit(1));
    let head = head << zeros | u128::from(digit(2)) >> (64 - zeros);
    Some(((head >> 1) as i128, 64 * top as i32 - 63 - zeros as i32))
}

impl Fixed {
    /// Adds numbers of one or two parts; their sums only if `sums`; with `skip_nan`, numbers with a
    /// NaN part are left out.
    pub fn add<V: Real>(&mut self, values: &[V], parts: usize, sums: bool, skip_nan: bool) {
        match (parts, sums) {
            (1, false) => self.add_numbers::<V, 1, false>(values, skip_nan),
            (1, true) => self.add_numbers::<V, 1, true>(values, skip_nan),
            (_, false) => self.add_numbers::<V, 2, false>(values, skip_nan),
            (_, true) => self.add_numbers::<V, 2, true>(values, skip_nan),
        }
    }

    #[inline(never)]
    fn add_numbers<V: Real, const PARTS: usize, const SUMS: bool>(
        &mut self,
        values: &[V],
        skip_nan: bool,
    ) {
        let mut values = values;
        if PARTS == 1 && self.differ == 0 && self.pending == self.count {
            let bits = match (self.count, values.first()) {
                (0, Some(x)) => x.nearest().to_bits(),
                _ => self.first,
            };
            if take_apart(bits).is_some() {
                let count = alike(values, bits);
                self.first = bits;
                self.count += count as i64;
                self.pending += count as i64;
                values = &values[count..];
            }
        }
        if values.is_empty() {
            return;
        }
        self.catch_up();
        let mut none = Part::EMPTY;
        let second = match PARTS {
            1 => &mut none,
            _ => self.imaginary.get_or_insert_with(|| Box::new(Part::EMPTY)),
        };
        for number in values.as_chunks::<PARTS>().0 {
            // (In any floating-point environment.)
            let number = number.map(V::nearest);
            if skip_nan && number.iter().any(|x| x.is_nan()) {
                continue;
            }
            if self.count == 0 {
                self.first = number[0].to_bits();
            }
            self.count += 1;
            self.differ |= number[0].to_bits() ^ self.first;
            for (index, &x) in number.iter().enumerate() {
                let part = if index == 0 { &mut self.real } else { &mut *second };
                if !add::<SUMS>(x, part, &mut self.squares) {
                    part.add_special(x);
                }
            }
        }
    }

    /// The sum of the numbers that are pending, and that of their squares in two parts: integers and the
    /// places of their last bits.
    fn pending(&self) -> [(u128, u32); 3] {
        let (significand, place) = take_apart(self.first).unwrap_or_default();
        let (times, x) = (self.pending as u128, u128::from(significand));
        let square = x * x;
        let [low, high] = [square & ((1 << 53) - 1), square >> 53];
        [(x * times, place), (low * times, 2 * place), (high * times, 2 * place + 53)]
    }

    /// Adds the numbers that are pending.
    fn catch_up(&mut self) {
        if self.pending == 0 {
            return;
        }
        let [sum, low, high] = self.pending().map(|(integer, place)| {
            let (low, shift) = (integer << (place & 63), place & 63);
            let over = ((integer >> 64) as u64 >> 1) >> (63 - shift);
            ((place >> 6) as usize, [low as u64, (low >> 64) as u64, over])
        });
        add_at(&mut self.real.digits[(self.first >> 63) as usize], sum.0, sum.1);
        add_at(&mut self.squares, low.0, low.1);
        add_at(&mut self.squares, high.0, high.1);
        self.pending = 0;
    }

    /// Adds another one.
    pub fn merge(&mut self, other: &Fixed) {
        self.catch_up();
        if other.pending > 0 {
            let mut other = other.clone();
            other.catch_up();
            return self.merge(&other);
        }
        if self.count == 0 {
            self.first = other.first;
        }
        if other.count > 0 {
            self.differ |= other.differ | self.first ^ other.first;
        }
        self.count += other.count;
        self.real.merge(&other.real);
        if let Some(theirs) = &other.imaginary {
            self.imaginary.get_or_insert_with(|| Box::new(Part::EMPTY)).merge(theirs);
        }
        add_at(&mut self.squares, 0, other.squares);
    }

    /// The result for real, finite numbers, if the highest digits decide it.
    pub fn round(&self, isa: Isa, moment: &Moment, format: Format) -> Option<u64> {
        let Part { digits: [positive, negative], infinities, nans } = &self.real;
        if self.imaginary.is_some() || *infinities != [0; 2] || *nans != 0 || self.count == 0 {
            return None;
        }
        if moment.has_sums() && self.differ == 0 {
            return moment.ddof.degrees_near(self.count).map(|_| 0);
        }
        if self.pending > 0 {
            return None;
        }
        let squares = highest(&self.squares)?;
        // Squares become numbers about 1, and sums fit them.
        let scale = (squares.1 + 2 * LOWEST + 126).div_euclid(2);
        let known = |(integer, exponent): (i128, i32)| {
            let pair = Pair::of_integer(integer, power_of_two(exponent));
            (pair, pair.high.abs() * power_of_two(-104))
        };
        let (squares, squares_error) = known((squares.0, squares.1 + 2 * LOWEST - 2 * scale));
        let root = moment.root();
        let exponent = if root { scale } else { 2 * scale };
        if !moment.has_sums() {
            let near = Near::squares(squares, squares_error);
            let one = Pair { high: 1.0, low: 0.0 };
            return run::round_near(isa, near, 1.0, one, root, exponent, format);
        }
        let degrees = moment.ddof.degrees_near(self.count)?;
        let (sum, sum_error) = match highest(&difference(positive, negative)) {
            None => (Pair::default(), 0.0),
            Some((_, exponent)) if exponent + LOWEST - scale < -900 => {
                (Pair::default(), power_of_two(-700))
            }
            Some((integer, exponent)) => known((integer, exponent + LOWEST - scale)),
        };
        let near = Near::new(squares, squares_error, sum, sum_error);
        run::round_near(isa, near, self.count as f64, degrees, root, exponent, format)
    }

    pub fn to_sums(&self) -> Sums {
        let imaginary = self.imaginary.as_deref();
        let mut squares = Accumulator::new();
        add_digits(&mut squares, &self.squares, 1, 2 * LOWEST);
        let mut real = self.real.to_accumulator();
        if self.pending > 0 {
            let [sum, low, high] = self.pending();
            let sign = if self.first >> 63 == 1 { -1 } else { 1 };
            real.add_scaled(sign * sum.0 as i128, LOWEST + sum.1 as i32);
            for (integer, place) in [low, high] {
                squares.add_scaled(integer as i128, 2 * LOWEST + place as i32);
            }
        }
        for part in std::iter::once(&self.real).chain(imaginary) {
            squares.add_special(f64::INFINITY, part.infinities.iter().sum());
            squares.add_special(f64::NAN, part.nans);
        }
        let imaginary = imaginary.map_or_else(Accumulator::new, Part::to_accumulator);
        Sums { count: self.count, sums: [real, imaginary], squares }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moments::Measure;
    use crate::moments::Remark;
    use proptest::prelude::*;

    fn expected(values: &[f64], parts: usize, skip_nan: bool) -> Sums {
        let mut all = Sums::default();
        for number in values.chunks_exact(parts) {
            if skip_nan && number.iter().any(|x| x.is_nan()) {
                continue;
            }
            all.count += 1;
            for (part, &x) in number.iter().enumerate() {
                all.sums[part].add_uncounted(x);
                all.squares.add_product(x, x);
            }
        }
        all.squares.add_zeros(-all.squares.count());
        all
    }

    fn same(found: &Sums, expected: &Sums) -> bool {
        (found.count, &found.sums, &found.squares)
            == (expected.count, &expected.sums, &expected.squares)
    }

    proptest! {
        #[test]
        fn any_numbers(
            bits in prop::collection::vec(any::<u64>(), 0..40),
            cut in 0usize..20,
            parts in 1usize..3,
            skip_nan: bool,
        ) {
            let mut values: Vec<f64> = bits.into_iter().map(f64::from_bits).collect();
            // More of the extremes.
            values.extend([f64::MAX, -f64::MAX, 5e-324, -5e-324, 0.0, -0.0, f64::MIN_POSITIVE, 1.0]);
            values.truncate(values.len() / 2 * 2);
            let (left, right) = values.split_at((2 * cut).min(values.len()));
            let [mut fixed, mut other] = [Fixed::default(), Fixed::default()];
            fixed.add(left, parts, true, skip_nan);
            other.add(right, parts, true, skip_nan);
            fixed.merge(&other);
            prop_assert!(same(&fixed.to_sums(), &expected(&values, parts, skip_nan)));
        }

        #[test]
        fn what_is_certain_is_right(
            bits in prop::collection::vec(any::<u64>(), 1..9),
            around: f64,
            kind in 0usize..4,
            ddof in -1i32..2,
        ) {
            let values: Vec<f64> = bits
                .iter()
                .map(|&bits| match kind {
                    0 => f64::from_bits(bits & !(1 << 62)),
                    1 => around,
                    2 => around * (1.0 + (bits % 8) as f64 * f64::EPSILON),
                    _ => f64::from_bits(bits >> 12 | 1023 << 52) - 1.5,
                })
                .collect();
            let mut fixed = Fixed::default();
            fixed.add(&values, 1, true, false);
            let sums = expected(&values, 1, false);
            for measure in [Measure::Variance, Measure::Deviation, Measure::Squares, Measure::Norm] {
                let moment = Moment { measure, ddof: f64::from(ddof).into(), skip_nan: false };
                for format in [Format::F64, Format::F32, Format::F16] {
                    for isa in Isa::available() {
                        if let Some(found) = fixed.round(isa, &moment, format) {
                            let answer = moment.round(&sums, None, format);
                            prop_assert_eq!((found, Remark::None), (answer.value, answer.remark));
                        }
                    }
                }
            }
        }

        #[test]
        fn carries_go_far(times in 1usize..3000, small: f64) {
            let values = [vec![f64::MAX; times], vec![-f64::MAX; times], vec![small; times]].concat();
            let mut fixed = Fixed::default();
            fixed.add(&values, 1, true, false);
            for _ in 0..40 {
                let all = fixed.clone();
                fixed.merge(&all);
            }
            let mut sums = expected(&values, 1, false);
            for _ in 0..40 {
                let all = sums.clone();
                sums.merge(&all);
            }
            prop_assert!(same(&fixed.to_sums(), &sums));
        }
    }
}
