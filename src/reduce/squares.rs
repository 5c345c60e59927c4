//! Exact sums of squares over axes.

use super::{Attempt, Input, Reduction, reduce};
use crate::array::dtype::by_native;
use crate::array::element::Native;
use crate::cpu::{Isa, dispatch};
use crate::exact::accumulator::Accumulator;
use crate::exact::sink::Sink;
use crate::kernel::adaptive::Summer;
use crate::kernel::number::Number;
use crate::products::dot::Factor;

/// The exact sums of the squares of the elements over the axes that are marked as `reduced`, one for
/// each position along the others, passed to `sink` from any thread and in any order; their indices
/// are in row-major order. No square overflows, underflows or is rounded.
///
/// ```
/// use std::sync::Mutex;
///
/// use mypackage::sum::{Accumulator, Each, View, sum_of_squares_into};
///
/// let matrix = View::of(&[1e200, 1.0, 3.0, 1e-200]).reshaped(&[2, 2]);
/// let sums = Mutex::new([0.0; 2]);
/// let sink = Each(|index: usize, sum: &Accumulator| sums.lock().unwrap()[index] = sum.to_f64());
/// sum_of_squares_into(&matrix.into(), &[true, false], &sink);
/// assert_eq!(sums.into_inner().unwrap(), [f64::INFINITY, 1.0]); // 1e400 + 9; 1 + 1e-400
/// ```
///
/// # Panics
/// If there is not one mark for each axis, or the shape of the mask differs from the array's.
pub fn sum_of_squares_into(input: &Input<'_>, reduced: &[bool], sink: &(dyn Sink + Sync)) {
    fn run<V: Square>(input: &Input<'_>, reduced: &[bool], sink: &(dyn Sink + Sync)) {
        reduce::<V, _>(input, reduced, &SumOfSquares { sink });
    }
    by_native!(input.view.dtype(), run(input, reduced, sink));
}

/// A native number type with a kernel for squares.
pub(crate) trait Square: Native {
    /// A state for about `total` squares.
    fn summer(isa: Isa, total: usize) -> Summer;
    /// Adds the squares, without counting them.
    fn add_squares(isa: Isa, values: &[Self], summer: &mut Summer, into: &mut Accumulator);
}

macro_rules! floating {
    ($($type:ty),*) => {$(
        impl Square for $type {
            fn summer(isa: Isa, total: usize) -> Summer {
                <$type as Factor>::summer(isa, total, None)
            }
            #[inline]
            fn add_squares(
                _: Isa,
                values: &[$type],
                summer: &mut Summer,
                into: &mut Accumulator,
            ) {
                if values.len() < FEW {
                    for &x in values {
                        let x = x.widen_bits();
                        into.add_product(x, x);
                    }
                    into.add_zeros(-(values.len() as i64));
                } else {
                    <$type>::add_products_exactly(values, values, summer, into);
                }
            }
        }
    )*};
}

floating!(f64, f32);

macro_rules! integer {
    ($($type:ty: $sum:ident),*) => {$(
        impl Square for $type {
            fn summer(isa: Isa, _: usize) -> Summer {
                Summer::new(isa, 0, None)
            }
            fn add_squares(isa: Isa, values: &[$type], _: &mut Summer, into: &mut Accumulator) {
                for values in values.chunks(AT_ONCE) {
                    let [high, low] = $sum(isa, values);
                    into.add_scaled(high, 32);
                    into.add_scaled(low, 0);
                }
            }
        }
    )*};
}

integer!(
    i64: sum_wide, u64: sum_wide, i32: sum_narrow, u32: sum_narrow, i16: sum_narrow,
    u16: sum_narrow, i8: sum_narrow, u8: sum_narrow
);

/// Below this many squares of floating-point numbers, adding them one by one is faster than a
/// block.
const FEW: usize = 12;
/// The number of integers whose squares are added without overflow.
const AT_ONCE: usize = 1 << 30;

/// The magnitude of an integer.
trait Magnitude: Native {
    fn magnitude(self) -> u64;
}

macro_rules! magnitude {
    ($($type:ty: $magnitude:expr;)*) => {$(
        impl Magnitude for $type {
            #[inline(always)]
            fn magnitude(self) -> u64 {
                $magnitude(self)
            }
        }
    )*};
}

magnitude! {
    i64: i64::unsigned_abs;
    u64: |x| x;
    i32: |x: i32| x.unsigned_abs().into();
    u32: u64::from;
    i16: |x: i16| x.unsigned_abs().into();
    u16: u64::from;
    i8: |x: i8| x.unsigned_abs().into();
    u8: u64::from;
}

/// Squares of up to 64 bits, whose halves are added separately.
#[inline(always)]
fn sum_narrow_body<T: Magnitude>(values: &[T]) -> [i128; 2] {
    let (mut high, mut low) = (0u64, 0u64);
    for x in values {
        let magnitude = x.magnitude() & 0xffff_ffff;
        let square = magnitude * magnitude;
        high += square >> 32;
        low += square & 0xffff_ffff;
    }
    [high.into(), low.into()]
}

/// Squares of up to 128 bits, whose upper 96 bits and lower 32 bits are added separately.
#[inline(always)]
fn sum_wide_body<T: Magnitude>(values: &[T]) -> [i128; 2] {
    let (mut high, mut low) = (0u128, 0u64);
    for x in values {
        let square = u128::from(x.magnitude()) * u128::from(x.magnitude());
        high += square >> 32;
        low += square as u64 & 0xffff_ffff;
    }
    // At most 2^96 each, and 2^30 of them.
    [high as i128, low.into()]
}

dispatch! {
    fn sum_narrow[T: Magnitude][T](values: &[T]) -> [i128; 2] = sum_narrow_body::<T>
}

dispatch! {
    fn sum_wide[T: Magnitude][T](values: &[T]) -> [i128; 2] = sum_wide_body::<T>
}

/// Exact sums of squares.
struct SumOfSquares<'a> {
    sink: &'a (dyn Sink + Sync),
}

impl<V: Square> Reduction<V> for SumOfSquares<'_> {
    type Worker = (Isa, Summer);
    type Partial = Accumulator;

    fn worker(&self, isa: Isa, elements: usize) -> (Isa, Summer) {
        (isa, V::summer(isa, elements))
    }

    fn start(&self, _: &mut (Isa, Summer), _: Attempt) -> Accumulator {
        Accumulator::new()
    }

    fn add(&self, (isa, summer): &mut (Isa, Summer), into: &mut Accumulator, values: &[V]) {
        V::add_squares(*isa, values, summer, into);
    }

    fn merge(&self, into: &mut Accumulator, other: Accumulator) {
        into.merge(&other);
    }

    fn finish(
        &self,
        _: &mut (Isa, Summer),
        result: usize,
        mut sum: Accumulator,
        count: i64,
    ) -> bool {
        sum.add_zeros(count);
        self.sink.put(result, &sum);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{numbers, pseudo_random};
    use proptest::prelude::*;

    fn squares<V: Square>(isa: Isa, values: &[V]) -> Accumulator {
        let mut sum = Accumulator::new();
        V::add_squares(isa, values, &mut V::summer(isa, values.len()), &mut sum);
        sum
    }

    #[test]
    fn squares_of_floating_point_numbers() {
        for (seed, (centre, spread)) in
            [(0, 4), (0, 60), (-1070, 9), (-540, 9), (900, 200), (0, 2000)].into_iter().enumerate()
        {
            for count in [0, 1, FEW - 1, FEW, 700, 3000] {
                let values = numbers(count, centre, spread, seed as u64);
                let mut expected = Accumulator::new();
                values.iter().for_each(|&x| expected.add_product(x, x));
                expected.add_zeros(-(count as i64));
                for isa in Isa::available() {
                    assert_eq!(squares(isa, &values), expected, "{isa:?} {count} at {centre}");
                }
            }
        }
    }

    macro_rules! check_integers {
        ($($type:ty),*) => {$({
            let mut next = pseudo_random(3);
            let mut values: Vec<$type> = (0..3000).map(|_| next() as $type).collect();
            values[70..2000].fill(<$type>::MIN);
            values[2000..2900].fill(<$type>::MAX);
            for count in [0, 1, 77, 3000] {
                // Long multiplication, 64 bits at a time.
                let mut words = [0u64; 3];
                for &x in &values[..count] {
                    let magnitude = i128::from(x).unsigned_abs();
                    let square = magnitude * magnitude;
                    let mut carry = 0u128;
                    for (word, part) in words.iter_mut().zip([square as u64, (square >> 64) as u64, 0]) {
                        let sum = u128::from(*word) + u128::from(part) + carry;
                        (*word, carry) = (sum as u64, sum >> 64);
                    }
                }
                let mut expected = Accumulator::new();
                for (word, exponent) in words.into_iter().zip([0, 64, 128]) {
                    expected.add_scaled(word.into(), exponent);
                }
                for isa in Isa::available() {
                    assert_eq!(squares(isa, &values[..count]), expected, "{isa:?} {count}");
                }
            }
        })*};
    }

    #[test]
    fn squares_of_integers() {
        check_integers!(i64, u64, i32, u32, i16, u16, i8, u8);
    }

    proptest! {
        #[test]
        fn any_numbers(values in prop::collection::vec(prop::num::f32::ANY, 0..300)) {
            let mut expected = Accumulator::new();
            values.iter().for_each(|&x| expected.add_product(x.into(), x.into()));
            expected.add_zeros(-(values.len() as i64));
            for isa in Isa::available() {
                prop_assert_eq!(&squares(isa, &values), &expected);
            }
        }
    }
}
