//! Bits of results that must be the same on every processor, whatever its width or byte order:
//! tests/golden.json, which tests/test_golden.py describes, writes and compares as well.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::array::element::Native;
use crate::exact::accumulator::Accumulator;
use crate::exact::round::Format;
use crate::exact::sink::{Rounding, Sink};
use crate::sum::{Input, Vectors, View, ViewMut, cumsum_axis, sum_into, vecdot_into};

const TABLE: &str = include_str!("../tests/golden.json");
const SHAPES: [&[usize]; 6] =
    [&[70, 33, 5], &[3, 2050], &[300, 17], &[1030, 2], &[5, 40, 64], &[1100, 240]];
const FAMILIES: [&str; 7] = ["like", "spread", "wide", "cancelling", "ties", "tiny", "special"];
/// The axis of a reduction: all axes, the first or the last.
const AXES: [&str; 3] = ["None", "0", "-1"];

/// Pseudo-random integers (splitmix64).
fn integers(size: usize, seed: u64) -> Vec<u64> {
    let start = seed.wrapping_mul(0xd134_2543_de82_ef95);
    let integer = |index: u64| {
        let x = index.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(start);
        let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    };
    (1..=size as u64).map(integer).collect()
}

/// `x * 2^exponent`, exactly.
fn scaled(x: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    x * 2f64.powi(half) * 2f64.powi(exponent - half)
}

/// Numbers of so many binary digits with exponents within `low..=high`.
fn floats(size: usize, family: &str, seed: u64, (digits, low, high): (i32, i32, i32)) -> Vec<f64> {
    let spread = match family {
        "like" => 3,
        "ties" => 1,
        "spread" => 40,
        "cancelling" => 60,
        "wide" => high - low,
        _ => 6,
    };
    let spread = spread.min(high - low);
    let centre = if family == "tiny" { low + spread / 2 } else { (low + high).div_euclid(2) };
    let number = |(bits, more): (u64, u64)| {
        let significand = (bits >> (64 - digits)) as i64 - (1 << (digits - 1));
        let significand = if family == "ties" { significand >> (digits / 2) } else { significand };
        let exponent = (more % (spread as u64 + 1)) as i32 - spread / 2 + centre;
        scaled(significand as f64, exponent - digits)
    };
    let pairs = integers(size, seed).into_iter().zip(integers(size, seed + 1));
    let mut x: Vec<f64> = pairs.map(number).collect();
    if family == "cancelling" {
        let half = size / 2;
        for index in 0..half {
            x[2 * half - 1 - index] = -x[index];
        }
        x[0] += scaled(1.0, low + digits);
    }
    if family == "special" {
        x.iter_mut().step_by((size / 7).max(1)).for_each(|x| *x = f64::NAN);
        x[size / 3] = f64::INFINITY;
        x.iter_mut().skip(1).step_by(11).for_each(|x| *x = -0.0);
    }
    x
}

/// A type of elements, and of the results.
trait Element: Native {
    const LETTER: char;
    /// The type of sums as NumPy writes it, and of means.
    const SUM: (&str, Format);
    fn data(size: usize, family: &str, seed: u64) -> Vec<Self>;
    fn bits(self) -> u64;
}

macro_rules! floating {
    ($type:ty, $letter:literal, $sum:expr, $range:expr) => {
        impl Element for $type {
            const LETTER: char = $letter;
            const SUM: (&str, Format) = $sum;
            fn data(size: usize, family: &str, seed: u64) -> Vec<$type> {
                floats(size, family, seed, $range).into_iter().map(|x| x as $type).collect()
            }
            fn bits(self) -> u64 {
                self.to_bits().into()
            }
        }
    };
}
floating!(f64, 'd', ("f8", Format::F64), (53, -1000, 980));
floating!(f32, 'f', ("f4", Format::F32), (24, -130, 100));

macro_rules! integral {
    ($type:ty, $letter:literal, $sum:literal) => {
        impl Element for $type {
            const LETTER: char = $letter;
            const SUM: (&str, Format) = ($sum, Format::F64);
            fn data(size: usize, family: &str, seed: u64) -> Vec<$type> {
                let drop = if ["like", "ties"].contains(&family) { 24 } else { 0 };
                integers(size, seed).into_iter().map(|x| (x >> drop) as $type).collect()
            }
            fn bits(self) -> u64 {
                self as u64
            }
        }
    };
}
integral!(i64, 'q', "i8");
integral!(u64, 'Q', "u8");
integral!(i32, 'i', "i8");
integral!(u16, 'H', "u8");
integral!(i8, 'b', "i8");

/// Rounds every sum, or mean, to a format.
struct Rounded {
    rounding: Rounding,
    bits: Vec<AtomicU64>,
}

impl Sink for Rounded {
    fn put(&self, index: usize, sum: &Accumulator) {
        let Rounding { format, mean } = self.rounding;
        let divisor = if mean { sum.count() } else { 1 };
        let bits = if divisor == 0 { format.nan() } else { sum.round_quotient(divisor, format) };
        self.put_rounded(index, bits);
    }

    fn rounding(&self) -> Option<Rounding> {
        Some(self.rounding)
    }

    fn put_rounded(&self, index: usize, bits: u64) {
        self.bits[index].store(bits, Ordering::Relaxed);
    }
}

impl Rounded {
    fn new(count: usize, format: Format, mean: bool) -> Rounded {
        let bits = (0..count).map(|_| AtomicU64::new(0)).collect();
        Rounded { rounding: Rounding { format, mean }, bits }
    }

    fn result(self, shape: &[usize]) -> Found {
        let kind = if self.rounding.format == Format::F64 { "f8" } else { "f4" };
        let bits = self.bits.into_iter().map(AtomicU64::into_inner).collect();
        Found { kind, shape: shape.to_vec(), bits }
    }
}

/// Results as an array: its dtype, its shape (empty for a single result), and the bits of its elements.
struct Found {
    kind: &'static str,
    shape: Vec<usize>,
    bits: Vec<u64>,
}

impl Found {
    /// What stands in the table for integers that do not fit their type.
    fn overflow() -> Found {
        Found { kind: "f8", shape: Vec::new(), bits: vec![0] }
    }

    fn hash_into(&self, hash: &mut crc32fast::Hasher) {
        // As Python writes tuples.
        let header = match &self.shape[..] {
            [] => "(1,)".to_string(),
            [size] => format!("({size},)"),
            sizes => {
                format!("({})", sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(", "))
            }
        };
        hash.update(format!("{}{header}", self.kind).as_bytes());
        let width = if self.kind.ends_with('8') { 8 } else { 4 };
        for bits in &self.bits {
            hash.update(&bits.to_le_bytes()[..width]);
        }
    }
}

/// The array, flat if the axis is `None`, which axes are reduced, and the shape of what remains.
fn along(axis: &str, shape: &[usize]) -> (Vec<usize>, usize, Vec<usize>) {
    if axis == "None" {
        return (vec![shape.iter().product()], 0, Vec::new());
    }
    let axis = if axis == "0" { 0 } else { shape.len() - 1 };
    let mut rest = shape.to_vec();
    rest.remove(axis);
    (shape.to_vec(), axis, rest)
}

fn reduced<T: Element>(
    values: &[T],
    shape: &[usize],
    axis: &str,
    mask: Option<&[bool]>,
    (mean, skip_nan): (bool, bool),
) -> Found {
    let (shape, axis, rest) = along(axis, shape);
    let reduced: Vec<bool> = (0..shape.len()).map(|index| index == axis).collect();
    let view = View::of(values).reshaped(&shape);
    let mask = mask.map(|mask| View::of_mask(mask).reshaped(&shape));
    let input = Input { view, mask, skip_nan };
    let (kind, format) = T::SUM;
    if mean || kind.starts_with('f') {
        let sink = Rounded::new(rest.iter().product(), format, mean);
        sum_into(&input, &reduced, &sink);
        return sink.result(&rest);
    }
    let sums = crate::sum::collect(&input, &reduced);
    let bits = (0..rest.iter().product()).map(|index| {
        let sum = sums.get(index).to_integer(1)?;
        let fits =
            if kind == "u8" { u64::try_from(sum).is_ok() } else { i64::try_from(sum).is_ok() };
        fits.then_some(sum as u64)
    });
    match bits.collect() {
        Some(bits) => Found { kind, shape: rest, bits },
        None => Found::overflow(),
    }
}

fn prefixes<T: Element, P: Element>(values: &[T], shape: &[usize], axis: &str) -> Found {
    let (shape, axis, _) = along(axis, shape);
    let (kind, _) = T::SUM;
    let range = if kind == "u8" { 0..=u64::MAX.into() } else { i64::MIN.into()..=i64::MAX.into() };
    let mut prefixes = vec![P::default(); values.len()];
    let out = ViewMut::of(&mut prefixes).reshaped(&shape);
    let status = cumsum_axis(&View::of(values).reshaped(&shape), out, axis, false, &range);
    if status.misfit.is_some() {
        return Found::overflow();
    }
    Found { kind, shape, bits: prefixes.into_iter().map(P::bits).collect() }
}

fn products<T: Element>(left: &[T], right: &[T], shape: &[usize], axis: &str) -> Found {
    let (shape, axis, rest) = along(axis, shape);
    let last = shape.len() - 1;
    let [left, right] = [left, right].map(|values| Vectors {
        view: View::of(values).reshaped(&shape).moved(axis, last),
        complex: false,
    });
    let sink = Rounded::new(rest.iter().product(), T::SUM.1, false);
    vecdot_into(&left, &right, &sink);
    sink.result(&rest)
}

/// Compares a function of arrays of all shapes and families with the table.
fn check<T: Element>(function: &str, run: impl Fn(&[T], &[usize], &str, u64) -> Vec<Found>) {
    for axis in AXES {
        let mut hash = crc32fast::Hasher::new();
        for (number, shape) in SHAPES.into_iter().enumerate() {
            let families = if number == SHAPES.len() - 1 { &FAMILIES[..2] } else { &FAMILIES };
            for (index, family) in families.iter().enumerate() {
                let seed = 100 * number as u64 + index as u64;
                let values = T::data(shape.iter().product(), family, seed);
                for found in run(&values, shape, axis, seed) {
                    found.hash_into(&mut hash);
                }
            }
        }
        let line = format!("\"{function} {} {axis}\": \"{:08x}\"", T::LETTER, hash.finalize());
        assert!(TABLE.contains(&line), "{line} is not in tests/golden.json");
    }
}

fn check_reductions<T: Element>() {
    for (function, kind) in [
        ("sum", (false, false)),
        ("mean", (true, false)),
        ("nansum", (false, true)),
        ("nanmean", (true, true)),
    ] {
        check::<T>(function, |values, shape, axis, _| {
            vec![reduced(values, shape, axis, None, kind)]
        });
    }
    check::<T>("where", |values, shape, axis, seed| {
        let keep = integers(values.len(), seed + 9);
        let keep: Vec<bool> = keep.into_iter().map(|x| x % 3 > 0).collect();
        let of = |mean| reduced(values, shape, axis, Some(&keep), (mean, false));
        let sums = of(false);
        // An error leaves no means either.
        if sums.kind == "f8" && T::SUM.0 != "f8" { vec![sums] } else { vec![sums, of(true)] }
    });
}

#[test]
fn sums_and_means_have_the_bits_of_the_table() {
    check_reductions::<f64>();
    check_reductions::<f32>();
    check_reductions::<i64>();
    check_reductions::<u64>();
    check_reductions::<i32>();
    check_reductions::<u16>();
    check_reductions::<i8>();
}

#[test]
fn prefixes_have_the_bits_of_the_table() {
    check::<f64>("cumsum", |x, shape, axis, _| vec![prefixes::<_, f64>(x, shape, axis)]);
    check::<f32>("cumsum", |x, shape, axis, _| vec![prefixes::<_, f32>(x, shape, axis)]);
    check::<i64>("cumsum", |x, shape, axis, _| vec![prefixes::<_, i64>(x, shape, axis)]);
    check::<u64>("cumsum", |x, shape, axis, _| vec![prefixes::<_, u64>(x, shape, axis)]);
    check::<i32>("cumsum", |x, shape, axis, _| vec![prefixes::<_, i64>(x, shape, axis)]);
    check::<u16>("cumsum", |x, shape, axis, _| vec![prefixes::<_, u64>(x, shape, axis)]);
    check::<i8>("cumsum", |x, shape, axis, _| vec![prefixes::<_, i64>(x, shape, axis)]);
}

#[test]
fn dot_products_have_the_bits_of_the_table() {
    fn check_products<T: Element>() {
        check::<T>("vecdot", |values, shape, axis, seed| {
            let other = T::data(values.len(), "like", seed + 5);
            vec![products(values, &other, shape, axis)]
        });
    }
    check_products::<f64>();
    check_products::<f32>();
}
