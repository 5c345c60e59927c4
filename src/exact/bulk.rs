//! Rounding of many results at once, for the interfaces that take arrays.

use super::pairs::{PairSlice, two_sum};
use super::round::Format;
use crate::cpu::{Isa, dispatch};

/// The results divided by `divisor`, rounded once, half to even; NaN for those that must be rounded
/// otherwise.
#[inline(always)]
fn round_f64_body(pairs: PairSlice<'_>, divisor: f64, rounded: &mut [f64]) {
    let PairSlice { high, low } = pairs.range(0..rounded.len());
    if divisor == 1.0 {
        for (index, rounded) in rounded.iter_mut().enumerate() {
            *rounded = high[index] + low[index];
        }
        return;
    }
    for (index, rounded) in rounded.iter_mut().enumerate() {
        let (sum, rest) = two_sum(high[index], low[index]);
        // The exact quotient is `quotient + (remainder + rest) / divisor`, where the last bits of
        // the correction are not known. They matter only if they change the result.
        let quotient = sum / divisor;
        let remainder = f64::mul_add(-quotient, divisor, sum);
        let correction = (remainder + rest) / divisor;
        let upper = quotient + correction * (1.0 + DOUBT);
        let lower = quotient + correction * (1.0 - DOUBT);
        // The remainder is exact if it cannot underflow.
        let certain = upper == lower && (quotient.abs() > SMALL || sum == 0.0);
        *rounded = if certain { upper } else { f64::NAN };
    }
}

/// A bound on the relative error of the correction.
const DOUBT: f64 = 8.0 * f64::EPSILON;
/// Above this, no remainder of a division underflows.
const SMALL: f64 = 1e-200;

/// As [`round_f64`], to binary32.
#[inline(always)]
fn round_f32_body(pairs: PairSlice<'_>, divisor: f64, rounded: &mut [f32]) {
    let PairSlice { high, low } = pairs.range(0..rounded.len());
    for (index, rounded) in rounded.iter_mut().enumerate() {
        let quotient = (high[index] + low[index]) / divisor;
        let upper = (quotient * (1.0 + DOUBT)) as f32;
        let lower = (quotient * (1.0 - DOUBT)) as f32;
        *rounded = if upper == lower { upper } else { f32::NAN };
    }
}

/// Both ends of `(high + low ± error) / divisor`, rounded to binary64; infinite or NaN where the
/// sum must be rounded otherwise.
#[inline(always)]
fn ends(high: f64, low: f64, error: f64, divisor: f64) -> (f64, f64) {
    if divisor == 1.0 {
        return (high + (low - error), high + (low + error));
    }
    let (sum, rest) = two_sum(high, low);
    let quotient = sum / divisor;
    let remainder = f64::mul_add(-quotient, divisor, sum);
    let correction = (remainder + rest) / divisor;
    let doubt = correction.abs() * DOUBT + error / divisor * (1.0 + DOUBT);
    // The remainder is exact if it cannot underflow.
    let quotient = if quotient.abs() > SMALL { quotient } else { f64::NAN };
    (quotient + (correction - doubt), quotient + (correction + doubt))
}

#[inline(always)]
fn round_f64_within_body<const EACH: bool>(
    pairs: PairSlice<'_>,
    errors: &[f64],
    divisor: f64,
    rounded: &mut [f64],
) {
    let PairSlice { high, low } = pairs.range(0..rounded.len());
    let errors = &errors[..if EACH { rounded.len() } else { 1 }];
    for (index, rounded) in rounded.iter_mut().enumerate() {
        let error = errors[if EACH { index } else { 0 }];
        let (lower, upper) = ends(high[index], low[index], error, divisor);
        let certain = lower == upper && lower != 0.0 && lower.abs() < f64::INFINITY;
        *rounded = if certain { lower } else { f64::NAN };
    }
}

#[inline(always)]
fn round_f32_within_body<const EACH: bool>(
    pairs: PairSlice<'_>,
    errors: &[f64],
    divisor: f64,
    rounded: &mut [f64],
) {
    let PairSlice { high, low } = pairs.range(0..rounded.len());
    let errors = &errors[..if EACH { rounded.len() } else { 1 }];
    for (index, rounded) in rounded.iter_mut().enumerate() {
        let error = errors[if EACH { index } else { 0 }];
        let (lower, upper) = ends(high[index], low[index], error, divisor);
        // Rounded ends are moved apart by more than their rounding errors.
        let lower = (lower - lower.abs() * DOUBT) as f32;
        let upper = (upper + upper.abs() * DOUBT) as f32;
        let certain = lower == upper && lower != 0.0 && lower.abs() < f32::INFINITY;
        *rounded = if certain { lower.into() } else { f64::NAN };
    }
}

dispatch! {
    fn round_f64_within[const EACH: bool][EACH](
        pairs: PairSlice<'_>, errors: &[f64], divisor: f64, rounded: &mut [f64]
    ) = round_f64_within_body::<EACH>
}

dispatch! {
    fn round_f32_within[const EACH: bool][EACH](
        pairs: PairSlice<'_>, errors: &[f64], divisor: f64, rounded: &mut [f64]
    ) = round_f32_within_body::<EACH>
}

/// Rounds sums that lie within `errors` (one for each, or one for all) of pairs, divided by `divisor`, once to a
/// format, half to even; NaN where the interval does not decide, for zeros, and for sums that are not finite.
/// binary32 results are widened; other formats are not supported.
pub(crate) fn round_within(
    isa: Isa,
    pairs: PairSlice<'_>,
    errors: &[f64],
    divisor: f64,
    format: Format,
    rounded: &mut [f64],
) {
    match (format, errors.len()) {
        (Format::F64, 1) => round_f64_within::<false>(isa, pairs, errors, divisor, rounded),
        (Format::F64, _) => round_f64_within::<true>(isa, pairs, errors, divisor, rounded),
        (Format::F32, 1) => round_f32_within::<false>(isa, pairs, errors, divisor, rounded),
        (Format::F32, _) => round_f32_within::<true>(isa, pairs, errors, divisor, rounded),
        _ => rounded.fill(f64::NAN),
    }
}

/// The bits of a result of [`round_within`], or of any other number of binary64 or binary32.
pub(crate) fn bits_of(x: f64, format: Format) -> u64 {
    if format == Format::F64 { x.to_bits() } else { (x as f32).to_bits().into() }
}

dispatch! {
    /// The results divided by `divisor`, rounded once to binary64, half to even; NaN for those that
    /// must be rounded otherwise.
    #[doc(hidden)]
    pub fn round_f64(pairs: PairSlice<'_>, divisor: f64, rounded: &mut [f64]) = round_f64_body
}

dispatch! {
    /// As [`round_f64`], rounded once to binary32.
    #[doc(hidden)]
    pub fn round_f32(pairs: PairSlice<'_>, divisor: f64, rounded: &mut [f32]) = round_f32_body
}

#[cfg(test)]
mod tests {
    use super::super::pairs::{BATCH, Pairs};
    use super::*;
    use crate::testing::{numbers, pseudo_random};

    #[test]
    fn rounded_as_accumulators_are_or_left_alone() {
        for (seed, (spread, apart)) in
            [(4, 26), (40, 30), (4, 53), (1, 54), (60, 80)].into_iter().enumerate()
        {
            let mut pairs = Pairs::new();
            pairs.high.copy_from_slice(&numbers(BATCH, 3, spread, seed as u64));
            pairs.low.copy_from_slice(&numbers(BATCH, 3 - apart, spread, 99 + seed as u64));
            for index in 0..BATCH / 4 {
                // Integers, ties and exact zeros.
                pairs.high[index] = (index as f64 - 64.0) * 0.5 + 16_777_216.0 * (index % 2) as f64;
                pairs.low[index] = [0.0, 0.5, -0.25, 1e-30][index % 4];
            }
            for divisor in [1, 2, 3, 10, 50, 1000, 12_345_677] {
                for isa in Isa::available() {
                    let mut wide = [0.0; BATCH];
                    let mut narrow = [0.0f32; BATCH];
                    round_f64(isa, pairs.first(BATCH), divisor as f64, &mut wide);
                    round_f32(isa, pairs.first(BATCH), divisor as f64, &mut narrow);
                    for index in 0..BATCH {
                        let exact = pairs.first(BATCH).accumulator(index, 0);
                        let bits = exact.round_quotient(divisor, Format::F64);
                        assert!(wide[index].is_nan() || wide[index].to_bits() == bits);
                        let bits = exact.round_quotient(divisor, Format::F32) as u32;
                        assert!(narrow[index].is_nan() || narrow[index].to_bits() == bits);
                    }
                    let left = wide.iter().filter(|x| x.is_nan()).count();
                    assert!(left < BATCH / 8, "{left} left alone");
                }
            }
        }
    }

    /// Quotients half-way between two numbers, and as close to that as pairs can be.
    #[test]
    fn next_to_midpoints() {
        let mut next = pseudo_random(1);
        for (bits, format) in [(53, Format::F64), (24, Format::F32)] {
            for divisor in (1..300).chain([1001, 65_535, 999_999]) {
                let mut pairs = Pairs::new();
                for index in 0..BATCH / 8 {
                    let significand = next() >> (64 - bits) | 1 << (bits - 1);
                    let total = i128::from(divisor) * (2 * i128::from(significand) + 1);
                    let high = total as f64;
                    let low = (total - high as i128) as f64;
                    let near =
                        if low == 0.0 { [1e-30, -1e-30] } else { [low.next_up(), low.next_down()] };
                    for (place, low) in [low, near[0], near[1], low + 1e-9].into_iter().enumerate()
                    {
                        pairs.high[8 * index + place] = high;
                        pairs.low[8 * index + place] = low;
                        pairs.high[8 * index + place + 4] = -high;
                        pairs.low[8 * index + place + 4] = -low;
                    }
                }
                for isa in Isa::available() {
                    let mut wide = [0.0; BATCH];
                    let mut narrow = [0.0f32; BATCH];
                    round_f64(isa, pairs.first(BATCH), divisor as f64, &mut wide);
                    round_f32(isa, pairs.first(BATCH), divisor as f64, &mut narrow);
                    for index in 0..BATCH {
                        let (rounded, left) = if format == Format::F64 {
                            (wide[index].to_bits(), wide[index].is_nan())
                        } else {
                            (narrow[index].to_bits().into(), narrow[index].is_nan())
                        };
                        let exact = pairs
                            .first(BATCH)
                            .accumulator(index, 0)
                            .round_quotient(divisor, format);
                        assert!(left || rounded == exact, "{isa:?} {divisor} {index}");
                    }
                }
            }
        }
    }
}
