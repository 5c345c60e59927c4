//! Every strategy, checked against sums of big integers, and a test reduction that uses every
//! feature of the traversal.

#![allow(unsafe_code)] // Views with strides of their own.

use std::collections::BTreeMap;
use std::sync::Mutex;

use proptest::prelude::*;

use super::squares::sum_of_squares_into;
use super::sum::collect;
use super::{Attempt, Counts, Input, PanelShape, Reduction, Results, ShortRows, panels, reduce};
use crate::array::dtype::Dtype;
use crate::array::view::{Axis, Rows, View};
use crate::cpu::Isa;
use crate::exact::sink::Each;
use crate::testing::{Oracle, pseudo_random};
use crate::threads;

/// An array in memory with gaps, in any order of axes and directions, and its elements in row-major
/// order.
struct Array {
    memory: Vec<u8>,
    dtype: Dtype,
    swapped: bool,
    start: usize,
    axes: Vec<Axis>,
    values: Vec<f64>,
}

impl Array {
    /// `order` gives the order of the axes in memory, `gaps` the gaps along them, `turned` those
    /// with negative strides.
    fn new(
        dtype: Dtype,
        swapped: bool,
        shape: &[usize],
        order: &[usize],
        gaps: &[usize],
        turned: &[bool],
        value: &mut dyn FnMut() -> f64,
    ) -> Array {
        let mut strides = vec![0isize; shape.len()];
        let mut reach = dtype.size();
        let mut inner: Vec<usize> = (0..shape.len()).collect();
        inner.sort_by_key(|&axis| order[axis]);
        for &axis in &inner {
            strides[axis] = (reach + gaps[axis] * dtype.size()) as isize;
            if shape[axis] > 0 {
                reach += (shape[axis] - 1) * strides[axis] as usize;
            }
        }
        let mut memory = vec![0xa5; reach + 8];
        // The values start where their type is aligned.
        let aligned = memory.as_ptr().align_offset(8);
        let mut start = aligned;
        for axis in 0..shape.len() {
            if turned[axis] && shape[axis] > 0 {
                start += (shape[axis] - 1) * strides[axis] as usize;
                strides[axis] = -strides[axis];
            }
        }
        let axes: Vec<Axis> =
            shape.iter().zip(&strides).map(|(&size, &stride)| Axis { size, stride }).collect();
        let count: usize = shape.iter().product();
        let mut values = Vec::with_capacity(count);
        for index in 0..count {
            let mut at = start as isize;
            let mut rest = index;
            for axis in axes.iter().rev() {
                at += (rest % axis.size) as isize * axis.stride;
                rest /= axis.size;
            }
            let (bytes, value) = element(dtype, value());
            let mut bytes = bytes[..dtype.size()].to_vec();
            if swapped {
                bytes.reverse();
            }
            memory[at as usize..][..dtype.size()].copy_from_slice(&bytes);
            values.push(value);
        }
        Array { memory, dtype, swapped, start, axes, values }
    }

    fn view(&self) -> View<'_> {
        let data = self.memory[self.start.min(self.memory.len() - 1)..].as_ptr();
        // SAFETY: the axes were made for this memory.
        unsafe { View::new(self.dtype, self.swapped, data, self.axes.clone()) }
    }

    /// The elements of each result, by its index.
    fn results(&self, reduced: &[bool]) -> Vec<Vec<usize>> {
        let sizes: Vec<usize> = self.axes.iter().map(|axis| axis.size).collect();
        let kept = sizes.iter().zip(reduced).filter(|&(_, &reduced)| !reduced);
        let mut results = vec![Vec::new(); kept.map(|(&size, _)| size).product()];
        for index in 0..self.values.len() {
            let (mut rest, mut result, mut step) = (index, 0, 1);
            for (&size, &reduced) in sizes.iter().zip(reduced).rev() {
                if !reduced {
                    result += rest % size * step;
                    step *= size;
                }
                rest /= size;
            }
            results[result].push(index);
        }
        results
    }
}

/// The bytes of an element, and its value.
fn element(dtype: Dtype, x: f64) -> ([u8; 8], f64) {
    let mut bytes = [0; 8];
    macro_rules! of {
        ($type:ty, $value:expr) => {{
            let value: $type = $value;
            bytes[..size_of::<$type>()].copy_from_slice(&value.to_ne_bytes());
            (bytes, value as f64)
        }};
    }
    match dtype {
        Dtype::F64 => of!(f64, x),
        Dtype::F32 => of!(f32, x as f32),
        Dtype::I64 => of!(i64, (x * 1024.0) as i64),
        Dtype::I16 => of!(i16, x as i16),
        Dtype::U8 => of!(u8, x as u8),
        Dtype::Bool => {
            let (bytes, _) = of!(u8, if x > 0.0 { 3 } else { 0 });
            (bytes, f64::from(u8::from(x > 0.0)))
        }
        // Integers up to 2^10 are easy to construct.
        _ => {
            let value = (x as i32).rem_euclid(1024);
            let exponent = if value == 0 { 0 } else { value.ilog2() };
            let bits = if value == 0 {
                0
            } else {
                (exponent + 15) << 10 | (value as u32) << (10 - exponent) & 0x3ff
            };
            bytes[..2].copy_from_slice(&(bits as u16).to_ne_bytes());
            (bytes, value.into())
        }
    }
}

/// A shape, the order of the axes in memory, gaps, directions, marks, and the rest.
#[derive(Debug, Clone)]
struct Case {
    dtype: Dtype,
    swapped: bool,
    shape: Vec<usize>,
    order: Vec<usize>,
    gaps: Vec<usize>,
    turned: Vec<bool>,
    reduced: Vec<bool>,
    masked: bool,
    nans: bool,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let dtypes =
        [Dtype::F64, Dtype::F32, Dtype::F16, Dtype::I64, Dtype::I16, Dtype::U8, Dtype::Bool];
    let size = prop_oneof![4 => 1usize..9, 2 => 9usize..70, 1 => Just(2usize), 1 => 70usize..300];
    let axes = prop::collection::vec(
        (
            size,
            0usize..100,
            prop_oneof![3 => Just(0usize), 1 => 1usize..4],
            any::<bool>(),
            any::<bool>(),
        ),
        1..4,
    );
    let axes = axes.prop_filter("not too many", |axes| {
        axes.iter().map(|axis| axis.0).product::<usize>() <= 40_000
    });
    let rest = (
        prop::sample::select(dtypes.to_vec()),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.3),
        any::<u64>(),
    );
    (axes, rest).prop_map(|(axes, (dtype, swapped, masked, nans, seed))| Case {
        dtype,
        swapped,
        shape: axes.iter().map(|axis| axis.0).collect(),
        order: axes.iter().map(|axis| axis.1).collect(),
        gaps: axes.iter().map(|axis| axis.2).collect(),
        turned: axes.iter().map(|axis| axis.3 && seed % 3 == 0).collect(),
        reduced: axes.iter().map(|axis| axis.4).collect(),
        masked,
        nans,
        seed,
    })
}

/// Numbers whose sums have few digits or many.
fn numbers(seed: u64, nans: bool) -> impl FnMut() -> f64 {
    let mut next = pseudo_random(seed);
    let spread = [2, 30, 80][seed as usize % 3];
    move || {
        let bits = next();
        if nans && bits.is_multiple_of(37) {
            return f64::NAN;
        }
        let x = (bits >> 11) as f64 / 2f64.powi(43) - 512.0;
        x * 2f64.powi((next() % spread) as i32 - spread as i32 / 2).trunc().max(1.0)
    }
}

struct Prepared {
    array: Array,
    mask: Option<Array>,
}

impl Prepared {
    fn new(case: &Case) -> Prepared {
        let Case { dtype, swapped, shape, order, gaps, turned, seed, .. } = case;
        let floating = matches!(dtype, Dtype::F64 | Dtype::F32);
        let mut value = numbers(*seed, case.nans && floating);
        let array = Array::new(*dtype, *swapped, shape, order, gaps, turned, &mut value);
        let mask = case.masked.then(|| {
            let mut next = pseudo_random(seed ^ 1);
            // In another order.
            let order: Vec<usize> = order.iter().rev().copied().collect();
            let mut value = || if next().is_multiple_of(3) { 0.0 } else { 1.0 };
            Array::new(Dtype::Bool, false, shape, &order, gaps, turned, &mut value)
        });
        Prepared { array, mask }
    }

    fn input(&self, skip_nan: bool) -> Input<'_> {
        let mask = self.mask.as_ref().map(Array::view);
        Input { view: self.array.view(), mask, skip_nan }
    }

    /// The included values of each result.
    fn results(&self, reduced: &[bool]) -> Vec<Vec<f64>> {
        let counts = |&index: &usize| {
            self.mask.as_ref().is_none_or(|mask| mask.values[index] != 0.0)
                && !self.array.values[index].is_nan()
        };
        let results = self.array.results(reduced).into_iter();
        let values = |index| self.array.values[index];
        results.map(|indices| indices.into_iter().filter(counts).map(values).collect()).collect()
    }
}

proptest! {
    #[test]
    fn sums_and_squares_of_any_array(case in cases()) {
        let prepared = Prepared::new(&case);
        let input = prepared.input(true);
        let results = prepared.results(&case.reduced);
        let sums = collect(&input, &case.reduced);
        prop_assert_eq!(sums.len(), results.len());
        let squares = Mutex::new(vec![None; results.len()]);
        sum_of_squares_into(&input, &case.reduced, &Each(|index: usize, sum: &_| {
            squares.lock().unwrap()[index] = Some(Clone::clone(sum));
        }));
        let squares = squares.into_inner().unwrap();
        for (index, values) in results.iter().enumerate() {
            let (mut sum, mut square) = (Oracle::new(), Oracle::new());
            for &x in values {
                sum.add(x);
                square.add_product(x, x);
            }
            prop_assert_eq!(sums.get(index).to_f64().to_bits(), sum.to_f64().to_bits());
            prop_assert_eq!(sums.get(index).count(), values.len() as i64);
            let own = squares[index].as_ref().expect("a result");
            prop_assert_eq!(own.to_f64().to_bits(), square.to_f64().to_bits());
            prop_assert_eq!(own.count(), values.len() as i64);
        }
    }

    #[test]
    fn every_way_gives_every_element_once(case in cases(), kernels in 0u32..8, doubt in 0usize..4) {
        let prepared = Prepared::new(&Case { dtype: Dtype::F64, ..case.clone() });
        let probe = Probe::new(kernels, doubt);
        reduce::<f64, _>(&prepared.input(true), &case.reduced, &probe);
        let found = probe.results.into_inner().unwrap();
        let results = prepared.results(&case.reduced);
        prop_assert!(found.keys().copied().eq(0..results.len()));
        for (index, values) in results.iter().enumerate() {
            let expected: i128 = values.iter().map(|&x| hash(x)).sum();
            prop_assert_eq!(found[&index], (expected, values.len() as i64));
        }
    }
}

#[test]
fn every_element_once_with_many_threads() {
    let mut next = pseudo_random(1);
    let values: Vec<f64> = (0..threads::PARALLEL_FROM + 7 * 720).map(|_| next() as f64).collect();
    let values = &values[..threads::PARALLEL_FROM / 720 * 720 + 720];
    let before = threads::set(3).unwrap();
    let rows = values.len() / 720;
    for (shape, reduced) in [
        (vec![values.len()], vec![true]),
        (vec![rows, 720], vec![true, false]),
        (vec![rows, 720], vec![false, true]),
        (vec![2, values.len() / 2], vec![false, true]),
        (vec![values.len() / 3, 3], vec![true, false]),
        (vec![rows, 9, 80], vec![true, false, true]),
        (vec![rows, 9, 80], vec![false, true, false]),
        (vec![3, values.len() / 3], vec![true, false]),
    ] {
        let view = View::of(values).reshaped(&shape);
        for doubt in [0, 2] {
            for kernels in 0..8 {
                let probe = Probe::new(kernels, doubt);
                reduce::<f64, _>(&view.clone().into(), &reduced, &probe);
                let found = probe.results.into_inner().unwrap();
                let kept = shape.iter().zip(&reduced).filter(|&(_, &reduced)| !reduced);
                let count: usize = kept.map(|(&size, _)| size).product();
                assert!(found.keys().copied().eq(0..count), "{shape:?}");
                let all: i128 = values.iter().map(|&x| hash(x)).sum();
                assert_eq!(found.values().map(|&(sum, _)| sum).sum::<i128>(), all, "{shape:?}");
                let each = (values.len() / count) as i64;
                assert!(found.values().all(|&(_, count)| count == each), "{shape:?}");
            }
        }
    }
    threads::set(before).unwrap();
}

/// A hash of the set of values.
fn hash(x: f64) -> i128 {
    let bits = if x == 0.0 { 0 } else { x.to_bits() };
    i128::from(pseudo_random(bits)())
}

/// A reduction with kernels as its bits say, which needs a second attempt from time to time.
struct Probe {
    panels: bool,
    rows: bool,
    /// Whether the batches of short rows that were announced are then refused.
    refuses: bool,
    /// One in this many results needs a second attempt.
    doubt: usize,
    results: Mutex<BTreeMap<usize, (i128, i64)>>,
}

#[derive(Default)]
struct Worker {
    panel: Option<(PanelShape, Attempt, Vec<i128>)>,
    rows: Vec<i128>,
    parts: usize,
}

impl Probe {
    fn new(kernels: u32, doubt: usize) -> Probe {
        Probe {
            panels: kernels & 1 != 0,
            rows: kernels & 2 != 0,
            refuses: kernels & 4 != 0,
            doubt,
            results: Mutex::default(),
        }
    }

    fn is_doubtful(&self, result: usize, attempt: Attempt) -> bool {
        attempt == Attempt::First && self.doubt > 0 && result.is_multiple_of(self.doubt)
    }

    fn put(&self, result: usize, sum: i128, count: i64) {
        let before = self.results.lock().unwrap().insert(result, (sum, count));
        assert!(before.is_none(), "a result comes once");
    }
}

/// The hashes of values, some of which may be excluded.
fn hashes(values: &[f64], counted: Option<&[u8]>) -> Vec<i128> {
    let counts = |index: usize| counted.is_none_or(|counted| counted[index] == 1);
    let each = values.iter().enumerate();
    each.map(|(index, &x)| if counts(index) { hash(x) } else { 0 }).collect()
}

impl Reduction<f64> for Probe {
    type Worker = Worker;
    type Partial = (Attempt, i128);

    fn worker(&self, _: Isa, _: usize) -> Worker {
        Worker::default()
    }

    fn start(&self, _: &mut Worker, attempt: Attempt) -> (Attempt, i128) {
        (attempt, 0)
    }

    fn add(&self, _: &mut Worker, into: &mut (Attempt, i128), values: &[f64]) {
        into.1 += hashes(values, None).iter().sum::<i128>();
    }

    fn add_selected(
        &self,
        _: &mut Worker,
        into: &mut (Attempt, i128),
        values: &[f64],
        counted: &[u8],
    ) {
        assert!(values.iter().zip(counted).all(|(&x, &one)| one == 1 || x == 0.0 && one == 0));
        into.1 += hashes(values, Some(counted)).iter().sum::<i128>();
    }

    fn merge(&self, into: &mut (Attempt, i128), other: (Attempt, i128)) {
        assert_eq!(into.0, other.0);
        into.1 += other.1;
    }

    fn finish(
        &self,
        _: &mut Worker,
        result: usize,
        (attempt, sum): (Attempt, i128),
        count: i64,
    ) -> bool {
        let doubtful = self.is_doubtful(result, attempt);
        if !doubtful {
            self.put(result, sum, count);
        }
        !doubtful
    }

    fn start_panel(&self, worker: &mut Worker, panel: PanelShape, attempt: Attempt) -> bool {
        assert!(panel.width <= panels::WIDTH && panel.width.is_multiple_of(panel.columns));
        worker.panel = self.panels.then(|| (panel, attempt, vec![0; panel.columns]));
        self.panels
    }

    fn add_rows(&self, worker: &mut Worker, rows: Rows<'_, f64>, counted: Option<Rows<'_, u8>>) {
        let (panel, _, sums) = worker.panel.as_mut().unwrap();
        assert_eq!(rows.width(), panel.width);
        for row in 0..rows.len() {
            let counted = counted.map(|counted| counted.row(row));
            for (index, hash) in hashes(rows.row(row), counted).into_iter().enumerate() {
                // A row that is not whole ends with zeros, whose hash is not 0.
                let is_zero = rows.row(row)[index] == 0.0 && counted.is_none();
                sums[index % panel.columns] += if is_zero { 0 } else { hash };
            }
        }
    }

    fn finish_panel(&self, worker: &mut Worker, results: Results, counts: Counts<'_>) -> bool {
        let (panel, attempt, sums) = worker.panel.take().unwrap();
        assert_eq!(panel.columns, results.count);
        if self.is_doubtful(results.first, attempt) {
            return false;
        }
        for (column, sum) in sums.into_iter().enumerate() {
            self.put(results.at(column), sum, counts.get(column));
        }
        true
    }

    fn column(&self, worker: &mut Worker, column: usize) -> (Attempt, i128) {
        let (_, attempt, sums) = worker.panel.as_ref().unwrap();
        (*attempt, sums[column])
    }

    fn rows_at_once(&self, worker: &mut Worker, rows: ShortRows) -> usize {
        assert_eq!(rows.length % rows.parts, 0);
        worker.parts = rows.parts;
        if self.rows { 5 } else { 0 }
    }

    fn add_short_rows(&self, worker: &mut Worker, rows: Rows<'_, f64>, first: bool) {
        if first {
            worker.rows = vec![0; rows.len() * worker.parts];
        }
        for row in 0..rows.len() {
            for (index, hash) in hashes(rows.row(row), None).into_iter().enumerate() {
                worker.rows[row * worker.parts + index % worker.parts] += hash;
            }
        }
    }

    fn finish_short_rows(&self, worker: &mut Worker, results: Results, count: i64) -> bool {
        assert_eq!(worker.rows.len(), results.count);
        if self.refuses {
            return false;
        }
        for (index, &sum) in worker.rows.iter().enumerate() {
            self.put(results.at(index), sum, count);
        }
        true
    }
}
