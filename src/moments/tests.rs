//! Every kernel against exact sums of the numbers one by one, on adversarial data.

use std::sync::Mutex;

use super::columns::Columns;
use super::partial::{Element, Partial, Worker};
use super::short_rows::{self, Divisors};
use super::*;
use crate::array::view::{Rows, View};
use crate::cpu::Isa;
use crate::exact::round::Format;
use crate::reduce::Input;
use crate::testing::{numbers, pseudo_random};

/// About normally distributed numbers.
pub(super) fn normal(next: &mut impl FnMut() -> u64) -> f64 {
    let mut unit = || (next() >> 11) as f64 * f64::EPSILON / 2.0;
    (0..12).map(|_| unit()).sum::<f64>() - 6.0
}

/// Adversarial numbers of several kinds.
pub(super) fn kind(kind: usize, count: usize, seed: u64) -> Vec<f64> {
    let mut next = pseudo_random(seed * 977 + kind as u64);
    let spread = |next: &mut dyn FnMut() -> u64, range: u64| (next() % range) as f64;
    let mut one = |index: usize| match kind {
        0 => normal(&mut next),
        1 => 1e9 + normal(&mut next),
        2 => 1.7e18 + spread(&mut next, 1 << 40) * 256.0,
        3 => 3.3,
        4 => f64::from_bits(3.3f64.to_bits() + next() % 2),
        5 => spread(&mut next, 10),
        6 => spread(&mut next, 2),
        7 => normal(&mut next) * f64::from_bits((next() % 2046) << 52),
        8 => f64::from_bits(next() % (1 << 52)),
        9 => normal(&mut next) * 2f64.powi(500),
        10 => normal(&mut next) * 2f64.powi(-500),
        11 => (normal(&mut next) * 10.0).exp(),
        12 if index % 1000 == 999 => 0.0,
        12 => 1e9 + normal(&mut next),
        13 => {
            if next().is_multiple_of(10) {
                normal(&mut next)
            } else {
                0.0
            }
        }
        14 => 100.0 + 100.0 * normal(&mut next) * [0.03, 0.06, 0.12][seed as usize % 3],
        15 => index as f64,
        16 => {
            if index == count / 2 {
                1e200
            } else {
                normal(&mut next)
            }
        }
        17 => normal(&mut next) * 1e-160,
        18 => normal(&mut next) * 2f64.powi((index / 700) as i32 * 40 - 100),
        19 => 1e9 + spread(&mut next, 4) * 2f64.powi(-23),
        20 => {
            if index.is_multiple_of(2) {
                1e16 + spread(&mut next, 100)
            } else {
                -1e16
            }
        }
        21 => normal(&mut next) * 2f64.powi(505),
        _ => f64::from_bits(next() & !(1 << 62)),
    };
    (0..count).map(&mut one).collect()
}
pub(super) const KINDS: usize = 23;

const LENGTHS: [usize; 14] = [1, 2, 3, 5, 8, 17, 31, 64, 100, 257, 1000, 2017, 4100, 9000];

fn all_moments() -> Vec<Moment> {
    let mut all = Vec::new();
    for measure in [Measure::Variance, Measure::Deviation] {
        for ddof in [0.0, 1.0, 0.1, -2.5] {
            all.push(Moment { measure, ddof: Ddof::from(ddof), skip_nan: false });
        }
    }
    for measure in [Measure::Squares, Measure::Norm] {
        all.push(Moment { measure, ddof: Ddof::from(0.0), skip_nan: false });
    }
    all
}

/// The exact sums, number by number; of complex ones, if `parts` is 2.
fn sums(values: &[f64], parts: usize, skip_nan: bool) -> Sums {
    let mut all = Sums::default();
    for number in values.chunks(parts) {
        if skip_nan && number.iter().any(|x| x.is_nan()) {
            continue;
        }
        all.count += 1;
        for (part, &x) in number.iter().enumerate() {
            all.sums[part].add_f64(x);
            all.squares.add_product(x, x);
        }
    }
    all
}

/// Checks certified results, and that enough are certified; returns how many were not.
fn check<T: Element>(
    values: &[T],
    wide: &[f64],
    moment: &Moment,
    parts: usize,
    format: Format,
    cut: usize,
) -> bool {
    let mut certain = false;
    let exact = sums(wide, parts, moment.skip_nan);
    let expected = moment.round(&exact, None, format);
    for isa in Isa::available() {
        for cut in [0, cut] {
            let mut worker = Worker::new(isa, moment, parts, Some(format));
            let mut partial = Partial::default();
            let (left, right) = values.split_at(cut);
            T::add(left, &mut worker, &mut partial);
            let mut other = Partial::default();
            if cut % 3 == 0 {
                T::add(right, &mut worker, &mut partial);
            } else {
                T::add(right, &mut worker, &mut other);
                partial.merge(other, parts);
            }
            let count = partial.count(parts);
            if let Some(bits) = partial.round(&worker, moment, format) {
                certain = true;
                assert_eq!(count, exact.count);
                assert_eq!(
                    bits,
                    expected.value,
                    "{isa:?} {moment:?} {cut} {:?}",
                    &wide[..wide.len().min(40)]
                );
                assert_eq!(expected.remark, Remark::None);
            }
        }
        let mut worker = Worker::new(isa, moment, parts, None);
        let mut partial = Partial::default();
        T::add(values, &mut worker, &mut partial);
        let found = partial.into_exact().expect("exact sums");
        assert_eq!(moment.round(&found, None, format), expected);
    }
    certain
}

#[test]
fn float64_of_every_kind() {
    for kind in 0..KINDS {
        let (mut asked, mut certain) = (0, 0);
        for (seed, length) in LENGTHS.into_iter().enumerate() {
            let values = self::kind(kind, length, seed as u64);
            for moment in all_moments() {
                for format in [Format::F64, Format::F32, Format::F16] {
                    let found = check(&values, &values, &moment, 1, format, length / 3);
                    if format == Format::F64 && length > 100 {
                        asked += 1;
                        certain += usize::from(found);
                    }
                }
            }
        }
        // Ordinary data must not take the slow path.
        if [0, 1, 13, 14].contains(&kind) {
            assert!(certain * 10 >= asked * 9, "kind {kind}: {certain} of {asked}");
        }
    }
}

#[test]
fn float32_of_every_kind() {
    for kind in 0..KINDS {
        for (seed, length) in LENGTHS.into_iter().enumerate() {
            let values: Vec<f32> =
                self::kind(kind, length, seed as u64 + 50).into_iter().map(|x| x as f32).collect();
            let wide: Vec<f64> = values.iter().map(|&x| x.into()).collect();
            for moment in all_moments() {
                for format in [Format::F64, Format::F32, Format::F16] {
                    let found = check(&values, &wide, &moment, 1, format, length / 3);
                    assert!(found || kind != 0 || length < 100 || format == Format::F16);
                }
            }
        }
    }
}

#[test]
fn complex_of_every_kind() {
    for kind in 0..KINDS {
        for (seed, length) in LENGTHS.into_iter().enumerate() {
            let mut values = Vec::new();
            let other = self::kind((kind + seed) % KINDS, length, 3);
            for (x, y) in self::kind(kind, length, seed as u64 + 90).into_iter().zip(other) {
                values.extend([x, y]);
            }
            for moment in all_moments() {
                for skip_nan in [false, moment.has_sums()] {
                    let moment = Moment { skip_nan, ..moment.clone() };
                    let mut values = values.clone();
                    if skip_nan {
                        values[length / 2] = f64::NAN;
                    }
                    check(&values, &values, &moment, 2, Format::F64, length / 3 * 2);
                    let narrow: Vec<f32> = values.iter().map(|&x| x as f32).collect();
                    let wide: Vec<f64> = narrow.iter().map(|&x| x.into()).collect();
                    check(&narrow, &wide, &moment, 2, Format::F32, length / 3 * 2);
                }
            }
        }
    }
}

/// A million cases, each on every instruction set, whole and in two parts. Takes some minutes:
///
/// ```text
/// cargo test --lib a_million_adversarial_cases -- --ignored --nocapture
/// ```
#[test]
#[ignore = "takes some minutes"]
fn a_million_adversarial_cases() {
    let mut next = pseudo_random(19);
    let moments = all_moments();
    let (mut certain, count) = (0, 1_000_000);
    for case in 0..count {
        let length = 1 + (next() % [3, 12, 40, 130][next() as usize % 4]) as usize;
        let values = kind(case % KINDS, 2 * length, next() >> 20);
        let moment = &moments[next() as usize % moments.len()];
        let format = [Format::F64, Format::F64, Format::F32, Format::F16][next() as usize % 4];
        let cut = next() as usize % (length + 1);
        let found = match next() % 4 {
            0 => {
                let values: Vec<f32> = values[..length].iter().map(|&x| x as f32).collect();
                let wide: Vec<f64> = values.iter().map(|&x| x.into()).collect();
                check(&values, &wide, moment, 1, format, cut)
            }
            1 => check(&values, &values, moment, 2, format, 2 * cut),
            _ => check(&values[..length], &values[..length], moment, 1, format, cut),
        };
        certain += u64::from(found);
    }
    println!("{count} cases are right, {certain} of them decided without big integers");
}

#[test]
fn nans_and_infinities() {
    for length in LENGTHS {
        for skip_nan in [false, true] {
            for special in [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                for every in [1, 2, 7, length] {
                    let mut values = kind(1, length, 5);
                    values.iter_mut().step_by(every).for_each(|x| *x = special);
                    for moment in all_moments() {
                        let skip_nan = skip_nan && moment.has_sums();
                        let moment = Moment { skip_nan, ..moment };
                        check(&values, &values, &moment, 1, Format::F64, length / 3);
                        let narrow: Vec<f32> = values.iter().map(|&x| x as f32).collect();
                        let wide: Vec<f64> = narrow.iter().map(|&x| x.into()).collect();
                        check(&narrow, &wide, &moment, 1, Format::F32, length / 3);
                    }
                }
            }
        }
    }
}

#[test]
fn integers() {
    let mut next = pseudo_random(8);
    for length in LENGTHS {
        for shift in [0, 1, 20, 40, 60] {
            let bits: Vec<u64> = (0..length).map(|_| next() >> shift).collect();
            for moment in all_moments() {
                macro_rules! check {
                    ($type:ty) => {{
                        let values: Vec<$type> = bits.iter().map(|&x| x as $type).collect();
                        // Two numbers for each integer of 64 bits.
                        let mut expected = Sums { count: length as i64, ..Sums::default() };
                        for &x in &values {
                            expected.sums[0].add_scaled(x as i128, 0);
                            let square = (x as i128).unsigned_abs().pow(2);
                            expected.squares.add_scaled((square >> 1) as i128, 1);
                            expected.squares.add_scaled((square & 1) as i128, 0);
                        }
                        for isa in Isa::available() {
                            let mut worker = Worker::new(isa, &moment, 1, Some(Format::F64));
                            let (mut partial, mut other) = (Partial::default(), Partial::default());
                            <$type>::add(&values[..length / 2], &mut worker, &mut partial);
                            <$type>::add(&values[length / 2..], &mut worker, &mut other);
                            partial.merge(other, 1);
                            let expected = moment.round(&expected, None, Format::F64);
                            if let Some(bits) = partial.round(&worker, &moment, Format::F64) {
                                assert_eq!((bits, Remark::None), (expected.value, expected.remark));
                            }
                            let mut partial = Partial::default();
                            <$type>::add(&values, &mut worker, &mut partial);
                            let sums = partial.into_exact().expect("integers are exact");
                            assert_eq!(moment.round(&sums, None, Format::F64), expected);
                        }
                    }};
                }
                check!(i64);
                check!(u64);
                check!(i32);
                check!(u32);
                check!(i16);
                check!(u16);
                check!(i8);
                check!(u8);
            }
        }
    }
}

/// The results that `moments` puts.
#[derive(Default)]
struct Results(Mutex<Vec<(usize, u64, Remark)>>);

impl Sink for Results {
    fn put(&self, index: usize, bits: u64, remark: Remark) {
        self.0.lock().unwrap().push((index, bits, remark));
    }

    fn put_integer(&self, index: usize, answer: Answer<Result<i128, f64>>) {
        let bits = answer.value.map_or(u64::MAX, |integer| integer as u64);
        self.0.lock().unwrap().push((index, bits, answer.remark));
    }
}

/// What `moments_along` puts, in order.
fn along(
    input: &Input<'_>,
    complex: bool,
    reduced: &[bool],
    moment: &Moment,
) -> Vec<(u64, Remark)> {
    let request = Along { moment, means: None, format: Some(Format::F64) };
    let results = Results::default();
    moments_along(input, complex, reduced, &request, &results);
    let mut results = results.0.into_inner().unwrap();
    results.sort_unstable_by_key(|&(index, ..)| index);
    assert!(results.iter().enumerate().all(|(place, &(index, ..))| place == index));
    results.into_iter().map(|(_, bits, remark)| (bits, remark)).collect()
}

#[test]
fn rows_masked_and_long() {
    for (rows, length) in [(5, 30), (1, 700_001), (700, 1000), (0, 3), (3, 0)] {
        let mut values = kind(1, rows * length, 7);
        values.iter_mut().step_by(97).for_each(|x| *x = f64::NAN);
        let mask: Vec<bool> = numbers(rows * length, 0, 2, 3).iter().map(|&x| x > 0.0).collect();
        for (masked, skip_nan) in [(false, false), (true, false), (false, true), (true, true)] {
            let moment = Moment { measure: Measure::Variance, ddof: Ddof::from(1.0), skip_nan };
            let view = View::of(&values).reshaped(&[rows, length]);
            let mask_view = View::of_mask(&mask).reshaped(&[rows, length]);
            let input = Input { view, mask: masked.then_some(mask_view), skip_nan };
            let results = along(&input, false, &[false, true], &moment);
            assert_eq!(results.len(), rows);
            for (row, result) in results.into_iter().enumerate() {
                let range = row * length..(row + 1) * length;
                let kept: Vec<f64> = (values[range.clone()].iter().zip(&mask[range]))
                    .filter(|&(x, &counts)| (!masked || counts) && !(skip_nan && x.is_nan()))
                    .map(|(&x, _)| x)
                    .collect();
                let expected = moment.round(&sums(&kept, 1, false), None, Format::F64);
                assert_eq!(result, (expected.value, expected.remark));
            }
        }
    }
}

#[test]
fn complex_numbers_along_any_axis() {
    for shape in [[3, 7, 2], [40, 2000, 3], [0, 2, 5], [2, 70_000, 1]] {
        let size: usize = shape.iter().product();
        let mut values = kind(1, 2 * size, 5);
        values.iter_mut().step_by(89).for_each(|x| *x = f64::NAN);
        let mask: Vec<bool> = numbers(size, 0, 2, 3).iter().map(|&x| x > 0.0).collect();
        let [a, b, c] = shape;
        for (marks, masked, skip_nan) in (0..16).map(|case| {
            let bit = |bit: i32| case >> bit & 1 != 0;
            ([bit(0), bit(1), !bit(0)], bit(2), bit(3))
        }) {
            let moment = Moment { measure: Measure::Variance, ddof: Ddof::from(0.5), skip_nan };
            let view = View::of(&values).reshaped(&[a, b, c, 2]);
            let mask_view = View::of_mask(&mask).reshaped(&shape);
            let input = Input { view, mask: masked.then_some(mask_view), skip_nan };
            let results = along(&input, true, &marks, &moment);
            let kept = |axis: usize| if marks[axis] { 1 } else { shape[axis] };
            let mut expected = vec![Vec::new(); kept(0) * kept(1) * kept(2)];
            for index in 0..size {
                let place = [index / c / b, index / c % b, index % c];
                let [i, j, k]: [usize; 3] =
                    std::array::from_fn(|axis| if marks[axis] { 0 } else { place[axis] });
                let number = [values[2 * index], values[2 * index + 1]];
                let is_nan = number.iter().any(|x| x.is_nan());
                if (!masked || mask[index]) && !(skip_nan && is_nan) {
                    expected[(i * kept(1) + j) * kept(2) + k].extend(number);
                }
            }
            assert_eq!(results.len(), expected.len());
            for (result, numbers) in results.into_iter().zip(expected) {
                let expected = moment.round(&sums(&numbers, 2, false), None, Format::F64);
                assert_eq!(result, (expected.value, expected.remark));
            }
        }
    }
}

#[test]
fn all_of_a_view() {
    for (size, complex) in [(0, false), (1, false), (33, true), (5000, false), (300_000, true)] {
        let parts = if complex { 2 } else { 1 };
        let values = kind(12, parts * size, 3);
        for moment in all_moments() {
            let flat = View::of(&values);
            let view = if complex { flat.reshaped(&[size, 2]) } else { flat };
            let found = moment_of_all(&view, complex, &moment, Format::F64);
            let expected = moment.round(&sums(&values, parts, false), None, Format::F64);
            assert_eq!(found, expected);
        }
    }
}

/// A matrix whose columns are of different kinds.
fn matrix(rows: usize, columns: usize, seed: usize) -> Vec<f64> {
    let lines: Vec<_> =
        (0..columns).map(|column| kind((column + seed) % KINDS, rows, column as u64)).collect();
    (0..rows * columns).map(|at| lines[at % columns][at / columns]).collect()
}

#[test]
fn columns_of_every_kind() {
    let (mut asked, mut certain) = (0, 0);
    for (seed, (rows, columns, fold)) in
        [(40, 23, 1), (300, 270, 1), (600, 8, 8), (300, 5, 3), (2, 40, 1), (9, 1, 9), (252, 7, 1)]
            .into_iter()
            .enumerate()
    {
        let values = matrix(rows, columns, seed);
        let narrow: Vec<f32> = values.iter().map(|&x| x as f32).collect();
        let mask: Vec<u8> =
            numbers(rows * columns, 0, 2, 3).iter().map(|x| u8::from(*x > -0.5)).collect();
        for isa in Isa::available() {
            for moment in all_moments().into_iter().filter(Moment::has_sums) {
                for masked in [false, true] {
                    let mut panels: [Columns; 3] = Default::default();
                    let width = columns * fold;
                    let whole = rows / fold * fold * columns;
                    for (panel, is_narrow) in panels.iter_mut().zip([false, false, true]) {
                        panel.start(width, columns, is_narrow);
                    }
                    let counted = masked.then(|| Rows::of(&mask[..whole], width));
                    let zeroed: Vec<f64> = (values.iter().zip(&mask))
                        .map(|(&x, &counts)| if masked && counts == 0 { 0.0 } else { x })
                        .collect();
                    let zeroed_too: Vec<f32> = zeroed.iter().map(|&x| x as f32).collect();
                    panels[0].add(isa, Rows::of(&zeroed[..whole], width), counted);
                    panels[1].add(isa, Rows::of(&narrow[..whole], width), None);
                    panels[2].add(isa, Rows::of(&zeroed_too[..whole], width), counted);
                    for column in 0..columns {
                        for (index, panel) in panels.iter().enumerate() {
                            let all = index == 1 || !masked;
                            let numbers: Vec<f64> = (0..whole)
                                .filter(|at| at % columns == column && (all || mask[*at] != 0))
                                .map(|at| if index == 0 { values[at] } else { narrow[at].into() })
                                .collect();
                            let exact = sums(&numbers, 1, false);
                            let format = if index == 2 { Format::F32 } else { Format::F64 };
                            let expected = moment.round(&exact, None, format);
                            let count = numbers.len() as i64;
                            asked += 1;
                            let is_constant = panel.is_constant(column);
                            if is_constant {
                                assert!(numbers.iter().all(|&x| x == numbers[0]), "{numbers:?}");
                            }
                            if (column + seed) % KINDS == 3 && !masked {
                                assert!(is_constant, "{index}");
                            }
                            let bits = panel.near(column).and_then(|near| {
                                super::run::round(isa, near, &moment, count, format)
                            });
                            if let Some(bits) = bits {
                                certain += 1;
                                assert_eq!((bits, Remark::None), (expected.value, expected.remark));
                            }
                            let mut partial = Partial::of_column(panel.wide(column));
                            let worker = Worker::new(isa, &moment, 1, Some(format));
                            if let Some(bits) = partial.round(&worker, &moment, format) {
                                assert_eq!(bits, expected.value);
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(certain * 3 > asked, "{certain} of {asked}");
}

#[test]
fn short_rows_of_every_kind() {
    for length in [4, 5, 7, 8, 9, 30, 64, 100, 128] {
        let (mut asked, mut certain) = (0, 0);
        for row_kind in 0..KINDS {
            let mut values = kind(row_kind, 11 * length, length as u64);
            values[3 * length + length / 2] = [f64::NAN, f64::INFINITY][row_kind % 2];
            let narrow: Vec<f32> = values.iter().map(|&x| x as f32).collect();
            for moment in all_moments().into_iter().filter(Moment::has_sums) {
                for isa in Isa::available() {
                    for (format, wide) in
                        [(Format::F64, true), (Format::F64, false), (Format::F32, false)]
                    {
                        let divisors = Divisors {
                            count: length as f64,
                            degrees: moment.ddof.degrees_near(length as i64).unwrap(),
                            root: moment.root(),
                            format,
                        };
                        let mut results = [0.0; 11];
                        if wide {
                            let rows = Rows::of(&values, length);
                            short_rows::moments_of_rows(isa, rows, divisors, &mut results);
                        } else {
                            let rows = Rows::of(&narrow, length);
                            short_rows::moments_of_rows(isa, rows, divisors, &mut results);
                        }
                        for (row, result) in results.into_iter().enumerate() {
                            let numbers: Vec<f64> = (row * length..(row + 1) * length)
                                .map(|at| if wide { values[at] } else { narrow[at].into() })
                                .collect();
                            asked += usize::from(row_kind < 2);
                            if result.is_finite() {
                                certain += usize::from(row_kind < 2);
                                let exact = sums(&numbers, 1, false);
                                let expected = moment.round(&exact, None, format);
                                let bits = if format == Format::F64 {
                                    result.to_bits()
                                } else {
                                    (result as f32).to_bits().into()
                                };
                                assert_eq!(
                                    (bits, Remark::None),
                                    (expected.value, expected.remark),
                                    "{numbers:?} {moment:?} {isa:?}"
                                );
                            }
                        }
                    }
                }
            }
        }
        assert!(certain * 11 > asked * 9, "{length}: {certain} of {asked}");
    }
}
