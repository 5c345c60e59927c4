//! Results that the fast kernels do not decide, from exact sums.

use dashu_int::UBig;

use super::lanes::last_common_bit;
use super::running::round_moment;
use super::tile::Frame;
use super::{Options, Statistic};
use crate::binary64::{decompose, power_of_two};
use crate::exact::round::{Format, Magnitude};
use crate::kernel::levels::LEVEL;

/// A result from the sums of a window's numbers and of their squares, in steps of the second levels, if
/// these are exact. `bits` is the union of the numbers' bits in the two levels.
pub(super) fn decide(
    options: &Options,
    frame: &Frame,
    [sum, squares]: [i128; 2],
    bits: [u64; 2],
    count: usize,
) -> Option<f64> {
    let Options { statistic, format, ddof, .. } = *options;
    let last = frame.first - LEVEL - 52;
    let number = |bits| Some(format.number(bits));
    if !statistic.is_moment() {
        let divisor = if statistic == Statistic::Mean { count as u64 } else { 1 };
        let sum_of = Magnitude { head: sum.unsigned_abs(), exponent: last, sticky: false };
        return number(sum_of.divide(divisor).round(sum < 0, format));
    }
    // All numbers are multiples of this power of two.
    let unit = last_common_bit(frame, bits);
    let spare = (unit - last) as u32;
    let of_squares = frame.squares - LEVEL - 52;
    if 2 * unit < of_squares {
        return None;
    }
    let sum = sum >> spare;
    let squares = squares.checked_shr((2 * unit - of_squares) as u32).unwrap_or(0);
    let numerator =
        squares.checked_mul(count as i128)?.checked_sub(sum.checked_mul(sum)?)?.unsigned_abs();
    let divisor = count as u128 * (count as i128 - i128::from(ddof)) as u128;
    if statistic == Statistic::Var
        && let Ok(divisor) = u64::try_from(divisor)
    {
        if format == Format::F64
            && let Some(quotient) = quick_quotient(numerator, 2 * unit, divisor)
        {
            return Some(quotient);
        }
        let numerator = Magnitude { head: numerator, exponent: 2 * unit, sticky: false };
        return number(numerator.divide(divisor).round(false, format));
    }
    let root = statistic == Statistic::Std;
    number(round_moment(UBig::from(numerator), 2 * unit, divisor, root, format))
}

/// `numerator * 2^exponent / divisor`, rounded once, from an estimate and its remainder. `None` for
/// exponents near the ends of the range.
fn quick_quotient(numerator: u128, exponent: i32, divisor: u64) -> Option<f64> {
    if numerator == 0 {
        return Some(0.0);
    }
    let estimate = numerator as f64 / divisor as f64;
    let (significand, scale) = decompose(estimate);
    let lost = numerator.leading_zeros();
    // Away from powers of two, and from subnormal results.
    if !((1 << 52) + 8..(1 << 53) - 8).contains(&significand)
        || lost < 2
        || !(-900..900).contains(&(scale + exponent))
    {
        return None;
    }
    // Both are nearly equal, and below 2^127.
    let product = u128::from(significand) * u128::from(divisor);
    let (rest, step) = if scale >= 0 {
        let shift = scale as u32;
        if product.leading_zeros() < shift + 1 {
            return None;
        }
        (numerator as i128 - (product << shift) as i128, i128::from(divisor) << shift)
    } else {
        let shift = scale.unsigned_abs();
        if lost < shift + 1 || product.leading_zeros() < 1 {
            return None;
        }
        ((numerator << shift) as i128 - product as i128, i128::from(divisor))
    };
    let (mut significand, mut rest) = (significand as i64, rest);
    // The estimate is within two of its last bits.
    while rest < 0 {
        (significand, rest) = (significand - 1, rest + step);
    }
    while rest >= step {
        (significand, rest) = (significand + 1, rest - step);
    }
    let up = 2 * rest > step || 2 * rest == step && significand & 1 == 1;
    let significand = (significand + i64::from(up)) as f64;
    let scale = scale + exponent;
    Some(significand * power_of_two(scale / 2) * power_of_two(scale - scale / 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::pseudo_random;

    /// The common factor that is found is the largest power of two that divides all numbers.
    #[test]
    fn sums_of_multiples_decide() {
        let mut next = pseudo_random(12);
        let mut decided = 0;
        for _ in 0..4000 {
            // A frame as for windows of 2^(below - 2) numbers.
            let below = 10 + (next() % 12) as i32;
            let first = 20;
            let frame = Frame {
                first,
                squares: 2 * (first - below) + below - 1,
                reach: power_of_two(first - below),
                centre: 0.0,
            };
            let [last, of_squares] = [first, frame.squares].map(|level| level - LEVEL - 52);
            let whole: Vec<i128> =
                (0..2 + next() % 5).map(|_| (next() % 32) as i128 - 16).collect();
            let all = whole.iter().fold(0, |all, x| all | x.unsigned_abs() as u64);
            // In the first level, or below all of its bits.
            let in_first = next().is_multiple_of(2);
            let shift =
                if in_first { LEVEL + (next() % 6) as i32 } else { 33 + (next() % 5) as i32 };
            let unit = last + shift;
            if all == 0 || 2 * unit < of_squares {
                continue;
            }
            let bits = match in_first {
                true => [all << (shift - LEVEL), 0],
                false => [0, all << shift],
            };
            let sum: i128 = whole.iter().sum();
            let squares: i128 = whole.iter().map(|x| x * x).sum();
            let totals = [sum << shift, squares << (2 * unit - of_squares)];
            let count = whole.len();
            let numerator =
                UBig::try_from(count as i128 * squares - sum * sum).expect("a variance");
            for (statistic, root) in [(Statistic::Var, false), (Statistic::Std, true)] {
                let format = Format::F64;
                let options = Options { statistic, window: count, least: count, ddof: 1, format };
                let result = decide(&options, &frame, totals, bits, count);
                let divisor = (count * (count - 1)) as u128;
                let right = round_moment(numerator.clone(), 2 * unit, divisor, root, format);
                assert_eq!(result.map(f64::to_bits), Some(right), "{whole:?} {shift} {below}");
                decided += 1;
            }
        }
        assert!(decided > 4000, "{decided}");
    }

    #[test]
    fn quick_quotients_are_rounded_once() {
        let mut next = pseudo_random(3);
        let mut taken = 0;
        for round in 0..20_000u32 {
            let bits = 1 + round % 125;
            let numerator = (u128::from(next()) << 64 | u128::from(next())) >> (127 - bits);
            let divisor = (next() >> (24 + next() % 40)).max(1);
            // Quotients that are halfway, too.
            let numerator = match round % 3 {
                0 => numerator,
                1 => (numerator >> 40).saturating_mul(divisor.into()),
                _ => {
                    let odd = u128::from(next() >> 10 | 1 << 53 | 1);
                    odd.saturating_mul(divisor.into()) >> (next() % 2)
                }
            };
            let exponent = (next() % 200) as i32 - 100;
            if let Some(quotient) = quick_quotient(numerator, exponent, divisor) {
                let right = round_moment(
                    UBig::from(numerator),
                    exponent,
                    divisor.into(),
                    false,
                    Format::F64,
                );
                assert_eq!(quotient.to_bits(), right, "{numerator} 2^{exponent} / {divisor}");
                taken += 1;
            }
        }
        assert!(taken > 10_000, "{taken}");
    }
}
