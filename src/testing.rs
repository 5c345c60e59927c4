//! Numbers for the unit tests, and an oracle for them.

use dashu_int::ops::{BitTest, UnsignedAbs};
use dashu_int::{IBig, UBig};
use proptest::prelude::*;

use crate::array::element::Native;
use crate::array::view::View;

/// A sequence that looks random and is always the same.
pub(super) fn pseudo_random(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let x = (state ^ state >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x ^ x >> 32
    }
}

/// `spread` binades around `centre`, both signs.
pub(super) fn numbers(count: usize, centre: i32, spread: u64, seed: u64) -> Vec<f64> {
    let mut next = pseudo_random(seed);
    let number = |bits: u64, exponent: i32| {
        let field = (exponent + 1023).clamp(0, 2046) as u64;
        f64::from_bits(bits & !(0x7ff << 52) | field << 52)
    };
    (0..count)
        .map(|_| {
            let bits = next();
            let shift = if spread == 0 { 0 } else { (next() % spread) as i32 - spread as i32 / 2 };
            number(bits, centre + shift)
        })
        .collect()
}

/// `count` numbers, at least 8, whose sum lies by so many sixteenths of `count` units of `2^(first - 95)`
/// beside a point half way between two numbers of so many digits. Two levels from `first` on round them
/// all to one side, up if `up`, and lose almost half a unit each.
pub(super) fn beside_a_midpoint(
    first: i32,
    count: usize,
    digits: i32,
    sixteenths: i32,
    up: bool,
) -> Vec<f64> {
    // 31 of 64 parts of a unit are lost, or as many are too much.
    let tail = if up { 33 } else { 31 };
    let part = 2f64.powi(first - 95 - 6);
    let top = first - 14;
    let tails = count - 3;
    let offset = i64::from(sixteenths) * 4 * count as i64 - tail * tails as i64;
    let mut values = vec![tail as f64 * part; tails];
    values.extend([2f64.powi(top), 2f64.powi(top - digits), offset as f64 * part]);
    values
}

/// A contiguous array with its axes in another order, one of which is asked about.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The sizes of the axes, as they lie in memory.
    sizes: Vec<usize>,
    /// An axis, and the place that it is moved to.
    moved: [usize; 2],
    pub axis: usize,
}

impl Layout {
    pub fn size(&self) -> usize {
        self.sizes.iter().product()
    }

    pub fn view<'a, T: Native>(&self, values: &'a [T]) -> View<'a> {
        View::of(values).reshaped(&self.sizes).moved(self.moved[0], self.moved[1])
    }

    /// The sizes of the axes.
    pub fn shape(&self) -> Vec<usize> {
        let mut shape = self.sizes.clone();
        let size = shape.remove(self.moved[0]);
        shape.insert(self.moved[1], size);
        shape
    }

    /// Where the elements lie, in row-major order.
    pub fn places(&self) -> Vec<usize> {
        let order: Vec<u64> = (0..self.size() as u64).collect();
        let mut places = vec![0];
        for axis in self.view(&order).axes() {
            let step = axis.stride as usize / size_of::<u64>();
            places =
                places.iter().flat_map(|at| (0..axis.size).map(move |i| at + i * step)).collect();
        }
        places
    }

    /// The indices in row-major order of the elements of each line along an axis.
    pub fn lines(&self, axis: usize) -> Vec<Vec<usize>> {
        let shape = self.shape();
        let inner: usize = shape[axis + 1..].iter().product();
        let outer: usize = shape[..axis].iter().product();
        let line = |outer: usize, first: usize| {
            let start = outer * shape[axis] * inner + first;
            (0..shape[axis]).map(|index| start + index * inner).collect()
        };
        (0..outer).flat_map(|outer| (0..inner).map(move |first| line(outer, first))).collect()
    }
}

/// Arrays of one to three axes, none empty, one of which may be long.
pub(crate) fn layouts() -> impl Strategy<Value = Layout> {
    let sizes = prop::collection::vec(1..12usize, 1..4);
    let long = prop_oneof![1..30usize, 1..1600usize];
    (sizes, long, any::<[prop::sample::Index; 4]>()).prop_map(|(mut sizes, long, indices)| {
        let [longest, from, to, axis] = indices.map(|index| index.index(sizes.len()));
        sizes[longest] = long;
        Layout { sizes, moved: [from, to], axis }
    })
}

/// An exact sum of numbers and products in big integers: what kernels are compared with. All are finite.
#[derive(Debug, Clone)]
pub(crate) struct Oracle {
    /// In units of the smallest product.
    total: IBig,
}

/// The exponent of [`Oracle`]'s unit: twice that of the smallest number.
const UNIT: i32 = -2148;

impl Oracle {
    pub fn new() -> Oracle {
        Oracle { total: IBig::ZERO }
    }

    /// A number as an integer, in units of the smallest one.
    fn units(x: f64) -> IBig {
        assert!(x.is_finite());
        let bits = x.to_bits();
        let (field, fraction) = ((bits >> 52) as usize & 0x7ff, bits & ((1 << 52) - 1));
        let magnitude = if field == 0 {
            IBig::from(fraction)
        } else {
            IBig::from(fraction | 1 << 52) << (field - 1)
        };
        if x < 0.0 { -magnitude } else { magnitude }
    }

    pub fn add(&mut self, x: f64) {
        self.total += Oracle::units(x) << 1074;
    }

    pub fn add_product(&mut self, x: f64, y: f64) {
        self.total += Oracle::units(x) * Oracle::units(y);
    }

    pub fn add_integer(&mut self, x: i128) {
        self.total += IBig::from(x) << 2148;
    }

    /// The sum, if it is an integer of 128 bits.
    pub fn to_integer(&self) -> Option<i128> {
        let integer = &self.total >> 2148;
        (&integer << 2148 == self.total).then(|| i128::try_from(integer).ok()).flatten()
    }

    /// Rounded once, half to even, to a format of so many significant bits whose smallest number is
    /// 2^lowest; as an integer, and the exponent of its unit.
    fn rounded(&self, digits: usize, lowest: i32) -> (u64, i32) {
        let magnitude = self.total.clone().unsigned_abs();
        let length = magnitude.bit_len();
        let drop = length.saturating_sub(digits).max((lowest - UNIT) as usize);
        let quotient = &magnitude >> drop;
        let twice_rest = (&magnitude - (&quotient << drop)) << 1;
        let half = UBig::ONE << drop;
        let odd = quotient.bit(0);
        let up = twice_rest > half || twice_rest == half && odd;
        let quotient = quotient + UBig::from(u8::from(up));
        (u64::try_from(quotient).expect("few digits"), UNIT + drop as i32)
    }

    /// Rounded once to binary64.
    pub fn to_f64(&self) -> f64 {
        let (integer, exponent) = self.rounded(53, -1074);
        // Both factors are exact, and so is the product unless it overflows.
        let half = exponent / 2;
        let magnitude = integer as f64 * 2f64.powi(half) * 2f64.powi(exponent - half);
        if self.total < IBig::ZERO { -magnitude } else { magnitude }
    }

    /// Rounded once to binary32.
    pub fn to_f32(&self) -> f32 {
        let (integer, exponent) = self.rounded(24, -149);
        let magnitude = (integer as f64 * 2f64.powi(exponent.max(-1000))) as f32;
        if self.total < IBig::ZERO { -magnitude } else { magnitude }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oracle_rounds_as_the_language_does() {
        let mut next = pseudo_random(5);
        for _ in 0..20_000 {
            let mut number = || f64::from_bits(next()).clamp(-1e300, 1e300);
            let (x, y) = (number(), number());
            let (x, y) = (if x.is_nan() { 0.0 } else { x }, if y.is_nan() { 1.0 } else { y });
            let (mut sum, mut product) = (Oracle::new(), Oracle::new());
            sum.add(x);
            sum.add(y);
            product.add_product(x, y);
            assert_eq!(sum.to_f64(), x + y);
            assert_eq!(product.to_f64(), x * y);
            let mut one = Oracle::new();
            one.add(x);
            assert_eq!(one.to_f32(), x as f32);
        }
        let mut ten = Oracle::new();
        ten.add_integer(13);
        ten.add(-3.0);
        assert_eq!((ten.to_integer(), ten.to_f64()), (Some(10), 10.0));
        ten.add(0.5);
        assert_eq!(ten.to_integer(), None);
    }
}
