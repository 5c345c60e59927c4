//! Exact dot products of slices.

use super::block::{PAIRS, Products};
use crate::array::element::Native;
use crate::array::memory;
use crate::array::view::View;
use crate::cpu::{self, Isa};
use crate::exact::accumulator::Accumulator;
use crate::exact::interval::Interval;
use crate::exact::round::Format;
use crate::kernel::adaptive::Summer;
use crate::kernel::number::Number;
use crate::kernel::slice;

/// The exact dot product of two slices, rounded once to binary64. For empty slices it is 0.0.
///
/// # Panics
/// If the slices differ in length.
///
/// ```
/// use mypackage::sum::dot;
///
/// assert_eq!(dot(&[1e200, 1.0, -1e200], &[1e200, 2.0, 1e200]), 2.0);
/// assert_eq!(dot(&[0.1; 10], &[10.0; 10]), 10.0);
/// ```
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    let bits = round(cpu::isa(), x, y, Format::F64);
    bits.map_or_else(|sum| sum.to_f64(), f64::from_bits)
}

/// The exact dot product of two slices, rounded once to binary32.
///
/// # Panics
/// If the slices differ in length.
///
/// ```
/// assert_eq!(mypackage::sum::dot_f32(&[4097.0, -4096.0], &[4097.0, 4096.0]), 8193.0);
/// ```
pub fn dot_f32(x: &[f32], y: &[f32]) -> f32 {
    let bits = round(cpu::isa(), x, y, Format::F32);
    bits.map_or_else(|sum| sum.to_f32(), |bits| f32::from_bits(bits as u32))
}

/// A number whose products are [`Products`].
pub(crate) trait Factor: Number {
    /// Adds the products of two slices of the same length, without counting them.
    fn add_products(x: &[Self], y: &[Self], summer: &mut Summer, into: &mut Interval);
    /// The same, for a sum that is exact.
    fn add_products_exactly(x: &[Self], y: &[Self], summer: &mut Summer, into: &mut Accumulator) {
        let mut sum = Interval::from(std::mem::take(into));
        Self::add_products(x, y, summer, &mut sum);
        debug_assert!(sum.is_exact());
        *into = sum.total;
    }
    /// Prepares for about `total` products, whose sum is rounded to a format, or exact.
    fn summer(isa: Isa, total: usize, rounded: Option<Format>) -> Summer;
}

macro_rules! factor {
    ($($type:ty, $exact:literal;)*) => {$(
        impl Factor for $type {
            #[inline]
            fn add_products(x: &[$type], y: &[$type], summer: &mut Summer, into: &mut Interval) {
                let mut rest = y;
                let blocks = memory::chunks_at_lines(x, PAIRS).filter_map(|x| {
                    let y = rest.split_off(..x.len())?;
                    Some(Products::<$type, $exact> { x, y })
                });
                summer.add_blocks(blocks, into);
            }
            #[inline]
            fn summer(isa: Isa, total: usize, rounded: Option<Format>) -> Summer {
                Summer::of_products(isa, total, $exact, rounded)
            }
        }
    )*};
}

factor! {
    f64, false;
    f32, true;
}

/// The sum of all products, exact unless it is `rounded`; parallel where that pays.
fn products_for<T: Factor>(isa: Isa, x: &[T], y: &[T], rounded: Option<Format>) -> Interval {
    assert_eq!(x.len(), y.len(), "a dot product needs slices of one length");
    let sum = |part: std::ops::Range<usize>| {
        let (x, y) = (&x[part.clone()], &y[part]);
        let mut total = Interval::new();
        T::add_products(x, y, &mut T::summer(isa, x.len(), rounded), &mut total);
        total.total.add_zeros(x.len() as i64);
        total
    };
    slice::in_parts(x.len(), sum, Interval::merged)
}

/// The exact sum of all products; parallel where that pays.
pub(crate) fn products<T: Factor>(isa: Isa, x: &[T], y: &[T]) -> Accumulator {
    products_for(isa, x, y, None).total
}

/// The bits of the dot product rounded once to `format`; or the exact one, if it overflows or is not
/// finite. Parallel where that pays.
fn round<T: Factor>(isa: Isa, x: &[T], y: &[T], format: Format) -> Result<u64, Accumulator> {
    let mut total = products_for(isa, x, y, Some(format));
    let mut bits = total.round_quotient(1, format);
    if bits.is_none() {
        total = Interval::from(products(isa, x, y));
        bits = total.round_quotient(1, format);
    }
    bits.filter(|bits| bits & format.infinity() != format.infinity()).ok_or(total.total)
}

/// The bits of the dot product of two arrays of one axis, rounded once to the format of their elements;
/// or the exact one, if it overflows or is not finite. `None` unless both are native slices of binary64
/// or of binary32 numbers in memory.
///
/// ```
/// use mypackage::sum::{View, dot_contiguous};
///
/// let x = View::of(&[1.0, 2.0]);
/// assert_eq!(dot_contiguous(&x, &x), Some(Ok(5f64.to_bits())));
/// ```
pub fn dot_contiguous(x: &View<'_>, y: &View<'_>) -> Option<Result<u64, Accumulator>> {
    fn run<T: Factor + Native>(
        x: &View<'_>,
        y: &View<'_>,
        format: Format,
    ) -> Option<Result<u64, Accumulator>> {
        let (x, y) = (x.as_slice::<T>()?, y.as_slice::<T>()?);
        (x.len() == y.len()).then(|| round(cpu::isa(), x, y, format))
    }
    if x.axes().len() != 1 || y.axes().len() != 1 {
        return None;
    }
    run::<f64>(x, y, Format::F64).or_else(|| run::<f32>(x, y, Format::F32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary64::power_of_two;
    use crate::testing::{numbers, pseudo_random};
    use proptest::prelude::*;

    fn check(x: &[f64], y: &[f64]) {
        let mut expected = Accumulator::new();
        x.iter().zip(y).for_each(|(&x, &y)| expected.add_product(x, y));
        for isa in Isa::available() {
            assert_eq!(products(isa, x, y), expected, "{isa:?}, {} pairs", x.len());
        }
    }

    #[test]
    fn every_length_around_the_blocks() {
        let (x, y) = (numbers(3 * PAIRS, 0, 8, 1), numbers(3 * PAIRS, 3, 8, 2));
        for length in (0..70).chain(PAIRS - 20..PAIRS + 20).chain(2 * PAIRS - 3..2 * PAIRS + 35) {
            check(&x[..length], &y[..length]);
            check(&x[3..3 + length], &y[1..1 + length]);
        }
    }

    #[test]
    fn every_scale_and_spread() {
        for (seed, spread) in [0, 1, 10, 17, 30, 60, 130, 700, 2000].into_iter().enumerate() {
            for centres in [
                (0, 0),
                (-1074, 0),
                (-1000, 900),
                (-500, -480),
                (-540, -535),
                (500, 500),
                (1023, 1),
            ] {
                let x = numbers(3 * PAIRS + 17, centres.0, spread, seed as u64);
                check(&x, &numbers(3 * PAIRS + 17, centres.1, spread / 2, 77 + seed as u64));
            }
        }
    }

    #[test]
    fn products_that_vanish_are_not_lost() {
        let mut x = numbers(PAIRS, 0, 2, 1);
        let mut y = numbers(PAIRS, 0, 2, 2);
        x[5] = 0.0;
        y[9] = 0.0;
        check(&x, &y);
        for (small, other) in
            [(-1074, -1), (-600, -600), (-500, -490), (-1074, -1074), (-480, -488)]
        {
            x[700] = 2f64.powi(small) * (1.0 + f64::EPSILON);
            y[700] = 2f64.powi(other) * (1.0 + f64::EPSILON);
            check(&x, &y);
        }
    }

    /// Errors of products at the last bit of the last level, or below the subnormal numbers.
    #[test]
    fn the_smallest_of_many_products() {
        let odd = 1.0 + f64::EPSILON;
        let factors = |exponent: i32| [exponent / 2, exponent - exponent / 2].map(power_of_two);
        let large = [0].into_iter().chain((-860..-760).step_by(7));
        for (large, apart) in large.flat_map(|large| (10..220).map(move |apart| (large, apart))) {
            let [[mut x, mut y], [small_x, small_y]] = [factors(large), factors(large - apart)]
                .map(|pair| pair.map(|x| vec![x * odd; 40]));
            (x[20], y[20]) = (small_x[0], small_y[0]);
            check(&x, &y);
        }
    }

    #[test]
    fn products_at_the_edge_of_the_accumulator() {
        for exponent in -3..60 {
            let big = power_of_two(exponent);
            let mut x = vec![1.0 + f64::EPSILON; 2 * PAIRS];
            let y = vec![1.0 - f64::EPSILON; 6 * PAIRS];
            x.extend([big, -big * (1.0 + f64::EPSILON), big * 0.75, -big / 3.0].repeat(PAIRS));
            check(&x, &y);
        }
    }

    #[test]
    fn infinities_and_nans_are_counted() {
        let (mut x, mut y) = (numbers(5000, 0, 10, 5), vec![1.0; 5000]);
        x[4321] = f64::INFINITY;
        check(&x, &y);
        assert_eq!(dot(&x, &y), f64::INFINITY);
        y[4321] = 0.0;
        check(&x, &y);
        assert!(dot(&x, &y).is_nan());
        assert!(products(cpu::isa(), &x, &y).is_invalid());
        y[77] = f64::NAN;
        check(&x, &y);
    }

    #[test]
    fn single_precision_products_are_exact() {
        let mut next = pseudo_random(3);
        for spread in [0u32, 8, 30, 100, 254] {
            let mut number = || {
                let bits = next() as u32;
                let field = (127 + bits % (spread + 1)).saturating_sub(spread / 2).min(254);
                f32::from_bits((next() as u32) & 0x807f_ffff | field << 23)
            };
            let x: Vec<f32> = (0..3 * PAIRS + 5).map(|_| number()).collect();
            let y: Vec<f32> = (0..3 * PAIRS + 5).map(|_| number()).collect();
            let mut expected = Accumulator::new();
            x.iter().zip(&y).for_each(|(&x, &y)| expected.add_product(x.into(), y.into()));
            for isa in Isa::available() {
                assert_eq!(products(isa, &x, &y), expected);
            }
        }
    }

    proptest! {
        #[test]
        fn any_numbers(pairs in prop::collection::vec((prop::num::f64::ANY, prop::num::f64::ANY), 0..300)) {
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let mut expected = Accumulator::new();
            x.iter().zip(&y).for_each(|(&x, &y)| expected.add_product(x, y));
            for isa in Isa::available() {
                prop_assert_eq!(&products(isa, &x, &y), &expected);
            }
        }
    }
}
