//! Exact sums of slices, parallel where that pays.

use std::ops::Range;

use super::adaptive::Summer;
use super::certified;
use super::levels::BLOCK;
use super::summand::Summand;
use crate::cpu::{self, Isa};
use crate::exact::accumulator::Accumulator;
use crate::exact::interval::Interval;
use crate::exact::round::Format;
use crate::interrupt::{GRAIN, Interrupt};
use crate::threads::{self, PARALLEL_FROM};

/// The exact sum of a slice; parallel where that pays.
pub(crate) fn sum<T: Summand>(isa: Isa, values: &[T]) -> Accumulator {
    sum_for(isa, values, None, false).0.total
}

/// The sum of a slice, exact unless it is `rounded`, NaNs left out if `skip_nan`; parallel where that
/// pays. If all numbers are 0 or at least as large as the returned magnitude, it is exact.
fn sum_for<T: Summand>(
    isa: Isa,
    values: &[T],
    rounded: Option<Format>,
    skip_nan: bool,
) -> (Interval, f64) {
    let isa = T::isa_of_slices(isa);
    let sum = |part: Range<usize>| {
        let values = &values[part];
        let mut total = Interval::new();
        let mut summer = Summer::new(isa, values.len(), rounded);
        let count = if skip_nan {
            T::add_selected_run(isa, values, None, true, &mut summer, &mut total)
        } else {
            T::add_run(isa, values, &mut summer, &mut total);
            values.len()
        };
        total.total.add_zeros(count as i64);
        (total, summer.exact_from())
    };
    let add = |mut left: (Interval, f64), right: (Interval, f64)| {
        left.0.merge(&right.0);
        (left.0, left.1.max(right.1))
    };
    in_parts(values.len(), sum, add)
}

/// The bits of the sum of a slice, or of its mean if `mean`, rounded once to `format`; or the exact sum,
/// if it overflows or is not finite. Parallel where that pays.
pub(crate) fn round<T: Summand>(
    isa: Isa,
    values: &[T],
    format: Format,
    mean: bool,
) -> Result<u64, Accumulator> {
    let divisor = if mean { values.len() as i64 } else { 1 };
    let (mut total, exact_from) = sum_for(isa, values, Some(format), false);
    let mut bits = total.round_quotient(divisor, format);
    if bits.is_none() {
        // The ends of the interval differ, as they do where numbers cancel. If the numbers are of
        // similar magnitude, nothing was rounded; checking that is faster than adding them again.
        if are_from::<T>(isa, values, exact_from) {
            total.set_exact();
        } else {
            total = Interval::from(sum(isa, values));
        }
        bits = total.round_quotient(divisor, format);
    }
    bits.filter(|bits| bits & format.infinity() != format.infinity()).ok_or(total.total)
}

/// The bits of the sum of the numbers of a slice that are not NaN, or of their mean if `mean`, rounded
/// once to `format`; `None` if there are none, if the result overflows or is not finite, or if it takes
/// exact sums to decide it. Parallel where that pays.
pub(crate) fn round_without_nan<T: Summand>(
    isa: Isa,
    values: &[T],
    format: Format,
    mean: bool,
) -> Option<u64> {
    let total = sum_for(isa, values, Some(format), true).0;
    let count = total.total.count();
    let bits = (count > 0).then(|| total.round_quotient(if mean { count } else { 1 }, format))?;
    bits.filter(|bits| bits & format.infinity() != format.infinity())
}

/// Whether numbers are binary64, and each is 0 or has at least this magnitude.
fn are_from<T: Summand>(isa: Isa, values: &[T], least: f64) -> bool {
    let Some(values) = T::doubles(values) else { return false };
    let smallest = |part: Range<usize>| certified::smallest(isa, &values[part]);
    // (Where numbers differ much, the first of them tell.)
    smallest(0..values.len().min(BLOCK)) >= least
        && in_parts(values.len(), smallest, f64::min) >= least
}

/// The merged results of a function for parts of `0..count`; parallel where that pays. An
/// interrupted call skips parts.
pub(crate) fn in_parts<R: Send>(
    count: usize,
    sum: impl Fn(Range<usize>) -> R + Sync,
    add: impl Fn(R, R) -> R + Sync,
) -> R {
    let threads = threads::worth(count);
    let interrupt = Interrupt::of_call(count);
    if count < PARALLEL_FROM || threads == 1 && !interrupt.is_possible() {
        return sum(0..count);
    }
    let most = if interrupt.is_possible() { GRAIN } else { usize::MAX };
    let share = count.div_ceil(4 * threads).next_multiple_of(BLOCK);
    let share = share.clamp(PARALLEL_FROM / 4, most);
    let sums = threads::split_among(threads, count, share, |ranges| {
        ranges.take_while(|_| !interrupt.is_set()).map(&sum).reduce(&add)
    });
    sums.into_iter().flatten().reduce(&add).unwrap_or_else(|| sum(0..0))
}

impl Accumulator {
    /// Adds the numbers of a slice, and their number to the count, at the speed of memory.
    ///
    /// ```
    /// let mut total = mypackage::sum::Accumulator::new();
    /// total.add_slice(&[1e16, 1.0, -1e16]);
    /// assert_eq!((total.to_f64(), total.count()), (1.0, 3));
    /// ```
    pub fn add_slice(&mut self, values: &[f64]) {
        self.merge(&sum(cpu::isa(), values));
    }

    /// Adds the numbers of a binary32 slice, and their number to the count.
    ///
    /// ```
    /// let mut total = mypackage::sum::Accumulator::new();
    /// total.add_slice_f32(&[16_777_216.0, 1.0]);
    /// assert_eq!(total.to_f64(), 16_777_217.0);
    /// ```
    pub fn add_slice_f32(&mut self, values: &[f32]) {
        self.merge(&sum(cpu::isa(), values));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary64::power_of_two;
    use crate::testing::{numbers, pseudo_random};
    use proptest::prelude::*;

    fn reference(values: &[f64]) -> Accumulator {
        values.iter().copied().collect()
    }

    fn check(values: &[f64]) {
        let expected = reference(values);
        for isa in Isa::available() {
            assert_eq!(sum(isa, values), expected, "{isa:?}, {} numbers", values.len());
        }
    }

    #[test]
    fn every_length_around_the_blocks() {
        let values = numbers(3 * BLOCK + 40, 0, 20, 1);
        for length in (0..140).chain(BLOCK - 40..BLOCK + 40).chain(2 * BLOCK - 3..2 * BLOCK + 70) {
            check(&values[..length]);
            check(&values[3..3 + length]);
        }
    }

    #[test]
    fn every_scale_and_spread() {
        for (seed, spread) in
            [0, 1, 10, 17, 30, 60, 90, 130, 300, 700, 2000].into_iter().enumerate()
        {
            for centre in [-1074, -1030, -1000, -500, 0, 600, 1000, 1023] {
                check(&numbers(5 * BLOCK + 17, centre, spread, seed as u64));
            }
        }
    }

    #[test]
    fn scales_that_change_from_block_to_block() {
        let mut values = Vec::new();
        for block in 0..40 {
            values.extend(numbers(BLOCK, [0, 200, -200, 3, 70][block % 5], 12, block as u64));
        }
        check(&values);
        let negated: Vec<f64> = values.iter().rev().map(|x| -x).collect();
        values.extend(negated);
        check(&values);
        assert_eq!(sum(crate::cpu::isa(), &values).to_f64(), 0.0);
    }

    #[test]
    fn numbers_at_the_edge_of_the_accumulator() {
        for exponent in -3..60 {
            let big = power_of_two(exponent);
            let mut values = vec![1.0 + f64::EPSILON; 4 * BLOCK];
            values.extend([big, -big * (1.0 + f64::EPSILON), big * 0.75, -big / 3.0].repeat(BLOCK));
            check(&values);
        }
    }

    #[test]
    fn infinities_and_nans_are_counted() {
        let mut values = numbers(9000, 0, 10, 5);
        values[4321] = f64::INFINITY;
        assert_eq!(sum(crate::cpu::isa(), &values).to_f64(), f64::INFINITY);
        values[77] = f64::NEG_INFINITY;
        check(&values);
        assert!(sum(crate::cpu::isa(), &values).is_invalid());
        values[8999] = f64::NAN;
        check(&values);
    }

    #[test]
    fn single_precision_is_widened_exactly() {
        let mut next = pseudo_random(3);
        for spread in [0u32, 8, 30, 100, 254] {
            let values: Vec<f32> = (0..3 * BLOCK + 5)
                .map(|_| {
                    let bits = next() as u32;
                    let field = (127 + bits % (spread + 1)).saturating_sub(spread / 2).min(254);
                    f32::from_bits((next() as u32) & 0x807f_ffff | field << 23)
                })
                .collect();
            let expected: Accumulator = values.iter().map(|&x| f64::from(x)).collect();
            for isa in Isa::available() {
                assert_eq!(sum(isa, &values), expected);
                // `sum` may choose another instruction set.
                let mut total = Accumulator::new();
                Summer::new(isa, values.len(), None).add_exactly(&values, &mut total);
                total.add_zeros(values.len() as i64);
                assert_eq!(total, expected, "{isa:?}");
            }
        }
    }

    /// The finite rounded sums and means of the numbers that are not NaN are those of a slice of them
    /// alone; how many results were decided.
    fn check_without_nan<T: Summand>(values: &[T], is_nan: impl Fn(T) -> bool) -> usize {
        let numbers: Vec<T> = values.iter().copied().filter(|&x| !is_nan(x)).collect();
        let mut decided = 0;
        for isa in Isa::available() {
            for (format, mean) in [(Format::F64, false), (Format::F64, true), (Format::F32, false)]
            {
                let found = round_without_nan(isa, values, format, mean);
                let expected = match numbers.len() {
                    0 => None,
                    _ => round(isa, &numbers, format, mean).ok(),
                };
                assert!(found.is_none() || found == expected, "{isa:?} {format:?} {mean}");
                decided += usize::from(found.is_some());
            }
        }
        decided
    }

    #[test]
    fn nans_are_left_out_whole_blocks_without_them_not_searched() {
        let all = 3 * Isa::available().len();
        // No NaN at all, some in every block, a few, one block of nothing else, nothing else.
        for nan in [
            (|_| false) as fn(usize) -> bool,
            |index| index % 100 == 0,
            |index| index % 3001 == 3000,
            |index| (BLOCK..2 * BLOCK).contains(&index),
            |_| true,
        ] {
            for count in [1, 7, 64, 65, BLOCK, 3 * BLOCK + 40, 90 * BLOCK] {
                let mut values = numbers(count, 0, 10, 9);
                for (index, x) in values.iter_mut().enumerate().filter(|&(index, _)| nan(index)) {
                    *x = if index % 2 == 0 { f64::NAN } else { -f64::NAN };
                }
                let is_empty = values.iter().all(|x| x.is_nan());
                let decided = check_without_nan(&values, f64::is_nan);
                assert_eq!(decided, if is_empty { 0 } else { all }, "{count}");
                let singles: Vec<f32> = values.iter().map(|&x| x as f32).collect();
                check_without_nan(&singles, f32::is_nan);
            }
        }
        let mut values = numbers(5000, 0, 10, 9);
        (values[70], values[90]) = (f64::NAN, f64::INFINITY);
        assert_eq!(check_without_nan(&values, f64::is_nan), 0);
        let integers: Vec<i32> = (0..3000).collect();
        assert_eq!(check_without_nan(&integers, |_| false), all);
        // Numbers that cancel within the bound are not decided, or right.
        values = numbers(5000, 0, 30, 2);
        let negated: Vec<f64> = values.iter().map(|x| -x).collect();
        values.extend(negated);
        values.extend([f64::NAN, 1e-30]);
        check_without_nan(&values, f64::is_nan);
    }

    proptest! {
        #[test]
        fn any_numbers_that_are_not_nan(values in prop::collection::vec(prop::num::f64::ANY, 0..300)) {
            check_without_nan(&values, f64::is_nan);
        }

        #[test]
        fn any_numbers(values in prop::collection::vec(prop::num::f64::ANY, 0..300)) {
            let expected = reference(&values);
            for isa in Isa::available() {
                prop_assert_eq!(&sum(isa, &values), &expected);
            }
        }
    }
}
