//! Exact dot products along an axis of any two arrays.
//!
//! A product of complex numbers is two sums of products of their parts, and a 64-bit integer beside
//! a floating-point number is the sum of two binary64 numbers. All these products are added to one
//! accumulator for each part of each result.

use std::ops::Range;

use super::block::{PAIRS, highest_exponent};
use super::dot::Factor;
use crate::array::dtype::Dtype;
use crate::array::element::{Native, Piece, pieces, read_numbers, read_words};
use crate::array::view::{Axis, Line, View};
use crate::array::walk::{self, Step};
use crate::cpu::Isa;
use crate::exact::accumulator::Accumulator;
use crate::exact::bulk;
use crate::exact::interval::Interval;
use crate::exact::pairs::{self as exact_pairs, BATCH};
use crate::exact::round::Format;
use crate::exact::sink::{Each, Rounding, Sink};
use crate::interrupt::{GRAIN, Interrupt};
use crate::kernel::adaptive::Summer;
use crate::kernel::short_rows::{self, Factors, LONGEST};
use crate::kernel::slice::in_parts;
use crate::{cpu, environment, threads};

/// One of the two arrays of vectors.
///
/// ```
/// use mypackage::sum::{Vectors, View};
///
/// // One vector of two complex numbers: 1 + 2i and 3 + 4i.
/// let parts = [1.0, 2.0, 3.0, 4.0];
/// let vector = Vectors { view: View::of(&parts).reshaped(&[2, 2]), complex: true };
/// assert_eq!(vector.len(), 2);
/// ```
#[derive(Debug, Clone)]
pub struct Vectors<'a> {
    /// The elements: the last axis is that of a vector, or the last but one if they are complex.
    pub view: View<'a>,
    /// Whether an element has a real and an imaginary part.
    pub complex: bool,
}

impl Vectors<'_> {
    /// The outer axes.
    fn outer(&self) -> &[Axis] {
        let axes = self.view.axes();
        &axes[..axes.len() - if self.complex { 2 } else { 1 }]
    }

    /// The axis of a vector.
    fn axis(&self) -> Axis {
        self.view.axes()[self.outer().len()]
    }

    /// The length of a vector.
    #[allow(clippy::len_without_is_empty)]
    #[doc(hidden)]
    pub fn len(&self) -> usize {
        self.axis().size
    }
}

/// Computes the dot product of each vector on the left with the corresponding one on the right,
/// calling `put(parts * index + part, sum)` for each part of each result, from any thread; indices
/// are in row-major order of the outer axes, which must be the same for both arrays (a broadcast
/// axis has stride 0). There are two parts, real and imaginary, if either side is complex,
/// otherwise one; the left side is conjugated. The count of a sum is the number of its products.
///
/// ```
/// use std::sync::Mutex;
///
/// use mypackage::sum::{Vectors, View, vecdot};
///
/// let vectors = |parts| Vectors { view: View::of(parts).reshaped(&[1, 1, 2]), complex: true };
/// let parts = Mutex::new([0.0; 2]);
/// // (1 + 2i) times its conjugate
/// let (left, right) = (vectors(&[1.0, 2.0]), vectors(&[1.0, 2.0]));
/// vecdot(&left, &right, &|index, sum| parts.lock().unwrap()[index] = sum.to_f64());
/// assert_eq!(parts.into_inner().unwrap(), [5.0, 0.0]);
/// ```
///
/// # Panics
/// If the shapes differ.
pub fn vecdot(left: &Vectors<'_>, right: &Vectors<'_>, put: &(dyn Fn(usize, &Accumulator) + Sync)) {
    vecdot_into(left, right, &Each(put));
}

/// As [`vecdot`], with a sink, which may specify how results are rounded.
///
/// # Panics
/// If the shapes differ.
#[doc(hidden)]
pub fn vecdot_into(left: &Vectors<'_>, right: &Vectors<'_>, sink: &(dyn Sink + Sync)) {
    let plan = Plan::new(left, right);
    let results = walk::count(&plan.outer);
    let size = results.saturating_mul(left.len());
    let threads = threads::worth(size);
    if threads > 1 && results < 4 * threads {
        return plan.run_divided(sink);
    }
    threads::split_among(threads, results, threads::share(results, size, 1), |ranges| {
        ranges.for_each(|range| plan.run(range, sink));
    });
}

/// Below this many products, adding them one by one is faster than a block.
const SHORT: usize = 12;

/// Numbers taken from the elements at an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Component {
    offset: isize,
    piece: Piece,
}

/// A product of components that is added to a part of the result.
#[derive(Debug, Clone, Copy)]
struct Term {
    left: Component,
    right: Component,
    negative: bool,
}

struct Plan<'a> {
    isa: Isa,
    left: &'a Vectors<'a>,
    right: &'a Vectors<'a>,
    outer: Vec<Step<2>>,
    kernel: Kernel,
    /// The terms for each part of the result.
    terms: Vec<Vec<Term>>,
    interrupt: Interrupt,
}

/// How products are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kernel {
    F64,
    F32,
    Signed,
    Unsigned,
}

/// A thread's state.
struct Workspace {
    summer: Summer,
    left: Box<[f64; PAIRS]>,
    right: Box<[f64; PAIRS]>,
}

impl<'a> Plan<'a> {
    fn new(left: &'a Vectors<'a>, right: &'a Vectors<'a>) -> Plan<'a> {
        assert_eq!(left.len(), right.len(), "vectors of one length");
        assert_eq!(left.outer().len(), right.outer().len(), "arrays of one shape");
        let outer = left.outer().iter().zip(right.outer()).map(|(left, right)| {
            assert_eq!(left.size, right.size, "arrays of one shape");
            Step { size: left.size, strides: [left.stride, right.stride] }
        });
        let outer: Vec<_> = outer.collect();
        let parts = if left.complex || right.complex { 2 } else { 1 };
        let signed = |dtype| matches!(dtype, Dtype::I8 | Dtype::I16 | Dtype::I32 | Dtype::I64);
        let kernel = match (left.view.dtype(), right.view.dtype()) {
            (Dtype::F32, Dtype::F32) if parts == 1 => Kernel::F32,
            (x, y) if x.is_floating() || y.is_floating() => Kernel::F64,
            (Dtype::U64, y) if signed(y) => Kernel::F64,
            (x, Dtype::U64) if signed(x) => Kernel::F64,
            (Dtype::U64, _) | (_, Dtype::U64) => Kernel::Unsigned,
            _ => Kernel::Signed,
        };
        let terms = (0..parts).map(|part| terms(left, right, part)).collect();
        let interrupt = Interrupt::of_call(walk::count(&outer).saturating_mul(left.len()));
        Plan { isa: cpu::isa(), left, right, outer, kernel, terms, interrupt }
    }

    fn workspace(&self, total: usize) -> Workspace {
        let summer = match self.kernel {
            Kernel::F32 => f32::summer(self.isa, total, None),
            _ => f64::summer(self.isa, total, None),
        };
        Workspace { summer, left: Box::new([0.0; PAIRS]), right: Box::new([0.0; PAIRS]) }
    }

    /// A range of results, one after the other.
    fn run(&self, results: Range<usize>, sink: &dyn Sink) {
        if let Some(Rounding { format, mean: false }) = sink.rounding() {
            if self.kernel == Kernel::F64 && format == Format::F64 {
                return self.run_rounded::<f64>(results, format, sink);
            }
            if self.kernel == Kernel::F32 && format == Format::F32 {
                return self.run_rounded::<f32>(results, format, sink);
            }
        }
        self.run_exactly(results, sink);
    }

    /// Rounded results, in batches where the vectors are slices of `T` in memory.
    fn run_rounded<T: Factor + Native>(
        &self,
        results: Range<usize>,
        format: Format,
        sink: &dyn Sink,
    ) {
        let count = self.left.len();
        if self.terms.len() == 2 || count == 0 || !environment::is_default() {
            return self.run_exactly(results, sink);
        }
        let mut workspace = self.workspace(results.len().saturating_mul(count));
        let mut rounded = Rounded::new(T::summer(self.isa, count, Some(format)), format);
        let mut batch = Vec::with_capacity(rounded.at_once(count));
        walk::for_range(&self.outer, [0; 2], results, &self.interrupt, |index, offsets| {
            let [left, right] = self.lines(Pairs { offsets, start: 0, count }, [0; 2]);
            let Some((x, y)) = left.as_slice::<T>().zip(right.as_slice::<T>()) else {
                return sink.put(index, &self.sum(offsets, 0, 0..count, &mut workspace));
            };
            batch.push(Factors { result: index, x, y });
            if batch.len() == batch.capacity() {
                rounded.put(self.isa, &batch, &mut workspace.summer, sink);
                batch.clear();
            }
        });
        rounded.put(self.isa, &batch, &mut workspace.summer, sink);
    }

    /// A range of results, one after the other, by their exact sums.
    fn run_exactly(&self, results: Range<usize>, sink: &dyn Sink) {
        let count = self.left.len();
        let mut workspace = self.workspace(results.len().saturating_mul(count));
        walk::for_range(&self.outer, [0; 2], results, &self.interrupt, |index, offsets| {
            for part in 0..self.terms.len() {
                let sum = self.sum(offsets, part, 0..count, &mut workspace);
                sink.put(self.terms.len() * index + part, &sum);
            }
        });
    }

    /// All results, each by several threads.
    fn run_divided(&self, sink: &dyn Sink) {
        let all = 0..walk::count(&self.outer);
        walk::for_range(&self.outer, [0; 2], all, &self.interrupt, |index, offsets| {
            for part in 0..self.terms.len() {
                let some = |range: Range<usize>| {
                    self.sum(offsets, part, range.clone(), &mut self.workspace(range.len()))
                };
                let sum = in_parts(self.left.len(), some, |mut one, other| {
                    one.merge(&other);
                    one
                });
                sink.put(self.terms.len() * index + part, &sum);
            }
        });
    }

    /// A part of the sum for one part of a result.
    fn sum(
        &self,
        offsets: [isize; 2],
        part: usize,
        range: Range<usize>,
        workspace: &mut Workspace,
    ) -> Accumulator {
        let mut sum = Accumulator::new();
        for start in range.clone().step_by(GRAIN).take_while(|_| !self.interrupt.is_set()) {
            let pairs = Pairs { offsets, start, count: GRAIN.min(range.end - start) };
            self.add(pairs, part, workspace, &mut sum);
        }
        sum.add_zeros(range.len() as i64);
        sum
    }

    /// Adds products to a part of a result, without counting them.
    fn add(&self, pairs: Pairs, part: usize, workspace: &mut Workspace, sum: &mut Accumulator) {
        match self.kernel {
            Kernel::F32 if self.add_direct::<f32>(pairs, workspace, sum) => return,
            Kernel::F64 if self.add_direct::<f64>(pairs, workspace, sum) => return,
            _ => {}
        }
        for start in (0..pairs.count).step_by(PAIRS) {
            let count = PAIRS.min(pairs.count - start);
            let pairs = Pairs { start: pairs.start + start, count, ..pairs };
            match self.kernel {
                Kernel::Signed => self.add_integers::<true>(pairs, sum),
                Kernel::Unsigned => self.add_integers::<false>(pairs, sum),
                _ => self.add_staged(pairs, part, workspace, sum),
            }
        }
    }

    /// The elements on each side; of complex ones, the chosen parts.
    fn lines(&self, pairs: Pairs, components: [isize; 2]) -> [Line<'a>; 2] {
        let sides = [self.left, self.right];
        std::array::from_fn(|index| {
            let Axis { stride, .. } = sides[index].axis();
            let offset = pairs.offsets[index] + components[index] + pairs.start as isize * stride;
            sides[index].view.line(offset, stride, pairs.count)
        })
    }

    /// Adds the products if both sides are slices of `T` in memory; returns whether they are.
    fn add_direct<T: Factor + Native>(
        &self,
        pairs: Pairs,
        workspace: &mut Workspace,
        sum: &mut Accumulator,
    ) -> bool {
        if self.terms.len() == 2 || pairs.count < SHORT {
            return false;
        }
        let [left, right] = self.lines(pairs, [0; 2]);
        let slices = left.as_slice::<T>().zip(right.as_slice::<T>());
        slices.is_some_and(|(x, y)| {
            T::add_products_exactly(x, y, &mut workspace.summer, sum);
            true
        })
    }

    /// Adds the terms of at most [`PAIRS`] pairs by way of binary64 numbers.
    fn add_staged(
        &self,
        pairs: Pairs,
        part: usize,
        workspace: &mut Workspace,
        sum: &mut Accumulator,
    ) {
        let Workspace { summer, left: x, right: y } = workspace;
        let (x, y) = (&mut x[..pairs.count], &mut y[..pairs.count]);
        for term in &self.terms[part] {
            let [left, right] = self.lines(pairs, [term.left.offset, term.right.offset]);
            read_numbers(self.isa, left, term.left.piece, x);
            read_numbers(self.isa, right, term.right.piece, y);
            if term.negative {
                x.iter_mut().for_each(|x| *x = -*x);
            }
            // If the partner is infinite or NaN, the nearest number decides the product.
            for (rest, partner) in [(term.left.piece, &mut *y), (term.right.piece, &mut *x)] {
                if rest == Piece::Rest {
                    partner.iter_mut().filter(|y| !y.is_finite()).for_each(|y| *y = 0.0);
                }
            }
            if x.len() < SHORT {
                x.iter().zip(&*y).for_each(|(&x, &y)| sum.add_product(x, y));
                sum.add_zeros(-(x.len() as i64));
            } else {
                f64::add_products_exactly(x, y, summer, sum);
            }
        }
    }

    /// Adds the products of at most [`PAIRS`] pairs of integers.
    fn add_integers<const SIGNED: bool>(&self, pairs: Pairs, sum: &mut Accumulator) {
        let (mut x, mut y) = ([0; PAIRS], [0; PAIRS]);
        let (x, y) = (&mut x[..pairs.count], &mut y[..pairs.count]);
        let [left, right] = self.lines(pairs, [0; 2]);
        read_words(self.isa, left, x);
        read_words(self.isa, right, y);
        // Products have up to 128 bits; their halves are added separately.
        let (mut high, mut low) = (0i128, 0i128);
        for (&x, &y) in x.iter().zip(&*y) {
            if SIGNED {
                let product = i128::from(x as i64) * i128::from(y as i64);
                high += product >> 64;
                low += i128::from(product as u64);
            } else {
                let product = u128::from(x) * u128::from(y);
                high += (product >> 64) as i128;
                low += i128::from(product as u64);
            }
        }
        sum.add_scaled(high, 64);
        sum.add_scaled(low, 0);
    }
}

/// The number of products per batch of results.
const AT_ONCE: usize = 2 * PAIRS;

/// A thread's state for rounded results.
struct Rounded {
    format: Format,
    /// For vectors too long for a batch.
    summer: Summer,
    /// The largest biased exponent of a product, once known, in the batch for which it was chosen.
    highest: Option<i32>,
    pairs: Box<exact_pairs::Pairs>,
    results: Box<[f64; BATCH]>,
}

impl Rounded {
    fn new(summer: Summer, format: Format) -> Rounded {
        let (pairs, results) = (exact_pairs::Pairs::new(), Box::new([0.0; BATCH]));
        Rounded { format, summer, highest: None, pairs, results }
    }

    /// The number of vectors per batch, for a length.
    fn at_once(&self, length: usize) -> usize {
        (AT_ONCE / length).clamp(1, BATCH)
    }

    /// Puts a range of results; those that an interval does not decide, by their exact sums.
    fn put<T: Factor>(
        &mut self,
        isa: Isa,
        batch: &[Factors<'_, T>],
        exact: &mut Summer,
        sink: &dyn Sink,
    ) {
        let is_short = batch.first().is_some_and(|run| run.x.len() <= LONGEST);
        let is_rounded = is_short && self.round(isa, batch);
        for (index, &Factors { result, x, y }) in batch.iter().enumerate() {
            if is_rounded && !self.results[index].is_nan() {
                sink.put_rounded(result, bulk::bits_of(self.results[index], self.format));
                continue;
            }
            if !is_short {
                let mut sum = Interval::new();
                T::add_products(x, y, &mut self.summer, &mut sum);
                sum.total.add_zeros(x.len() as i64);
                if sink.put_interval(result, &sum) {
                    continue;
                }
            }
            let mut sum = Accumulator::new();
            T::add_products_exactly(x, y, exact, &mut sum);
            sum.add_zeros(x.len() as i64);
            sink.put(result, &sum);
        }
    }

    /// Rounds a batch, at the scale of the previous one if that fits.
    fn round<T: Factor>(&mut self, isa: Isa, batch: &[Factors<'_, T>]) -> bool {
        let results = &mut self.results[..batch.len()];
        for attempt in 0..2 {
            if attempt > 0 || self.highest.is_none() {
                let highest = batch.iter().map(|run| highest_exponent(isa, run.x, run.y)).max();
                if highest == self.highest {
                    break;
                }
                self.highest = highest;
            }
            let Some(highest) = self.highest else { return false };
            if short_rows::round_products(
                isa,
                batch,
                highest,
                self.format,
                &mut self.pairs,
                results,
            ) {
                let undecided = results.iter().filter(|x| x.is_nan()).count();
                if undecided <= batch.len() / 4 || attempt > 0 {
                    return true;
                }
            }
        }
        false
    }
}

/// A range of elements of two vectors: the offsets of the vectors, and the range.
#[derive(Debug, Clone, Copy)]
struct Pairs {
    offsets: [isize; 2],
    start: usize,
    count: usize,
}

/// The terms of a part of the result: `(a - bi)(c + di) = (ac + bd) + (ad - bc)i`.
fn terms(left: &Vectors<'_>, right: &Vectors<'_>, part: usize) -> Vec<Term> {
    let mut terms = Vec::new();
    let pairs = if part == 0 { [(0, 0), (1, 1)] } else { [(0, 1), (1, 0)] };
    for (of_left, of_right) in pairs {
        for left in components(left, of_left) {
            for right in components(right, of_right) {
                terms.push(Term { left, right, negative: (of_left, of_right) == (1, 0) });
            }
        }
    }
    terms
}

/// The terms of the real (0) or the imaginary (1) part.
fn components(vectors: &Vectors<'_>, part: usize) -> Vec<Component> {
    let axes = vectors.view.axes();
    let offset = match (vectors.complex, part) {
        (_, 0) => 0,
        (true, _) => axes[axes.len() - 1].stride,
        (false, _) => return Vec::new(),
    };
    pieces(vectors.view.dtype()).iter().map(|&piece| Component { offset, piece }).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::testing::{Oracle, numbers};

    /// Receives rounded results, and rounds the others.
    struct Results {
        format: Format,
        bits: Mutex<Vec<Option<u64>>>,
    }

    impl Results {
        fn set(&self, index: usize, bits: u64) {
            let before = self.bits.lock().unwrap()[index].replace(bits);
            assert_eq!(before, None, "each result once");
        }
    }

    impl Sink for Results {
        fn put(&self, index: usize, sum: &Accumulator) {
            self.set(index, sum.round_quotient(1, self.format));
        }
        fn rounding(&self) -> Option<Rounding> {
            Some(Rounding { format: self.format, mean: false })
        }
        fn put_rounded(&self, index: usize, bits: u64) {
            self.set(index, bits);
        }
    }

    /// The products of the rows of two matrices; if `repeated`, the second one is a single row.
    fn check(x: &[f64], y: &[f64], length: usize, repeated: bool) {
        let count = x.len() / length;
        let of = |values: &[f64]| -> Vec<f32> { values.iter().map(|&x| x as f32).collect() };
        let (singles, others) = (of(x), of(y));
        for format in [Format::F64, Format::F32] {
            let is_double = format == Format::F64;
            let [left, right] = [(x, &singles), (y, &others)].map(|(doubles, singles)| {
                if is_double { View::of(doubles) } else { View::of(singles) }
            });
            let right = if repeated {
                right.reshaped(&[length]).broadcast(&[count], 1)
            } else {
                right.reshaped(&[count, length])
            };
            let left = left.reshaped(&[count, length]);
            let [left, right] = [left, right].map(|view| Vectors { view, complex: false });
            let results = Results { format, bits: Mutex::new(vec![None; count]) };
            vecdot_into(&left, &right, &results);
            for (row, bits) in results.bits.into_inner().unwrap().into_iter().enumerate() {
                let mut oracle = Oracle::new();
                for index in 0..length {
                    let at = row * length + index;
                    let other = if repeated { index } else { at };
                    if is_double {
                        oracle.add_product(x[at], y[other]);
                    } else {
                        oracle.add_product(singles[at].into(), others[other].into());
                    }
                }
                let expected = match format {
                    Format::F64 => oracle.to_f64().to_bits(),
                    _ => oracle.to_f32().to_bits().into(),
                };
                assert_eq!(bits, Some(expected), "{row} of {count} x {length}");
            }
        }
    }

    #[test]
    fn rounded_products_of_rows() {
        for (seed, spread) in [4, 30, 100].into_iter().enumerate() {
            for length in [1, 2, 3, 7, 10, 33, 100, 1000, 1024, 1025, 2500] {
                let count = (6000 / length).clamp(2, 1100);
                let x = numbers(count * length, 0, spread, seed as u64);
                let y = numbers(count * length, 3, spread, 9);
                check(&x, &y, length, false);
                check(&x, &y[..length], length, true);
                // Rows of zeros, of integers, of numbers that cancel, and of another scale.
                let mut x = x;
                x[..length].fill(0.0);
                x[length..2 * length].iter_mut().for_each(|x| *x = x.trunc());
                let last = (count - 1) * length;
                x[last..].iter_mut().for_each(|x| *x *= 2f64.powi(60));
                for pair in x[last..].chunks_exact_mut(2) {
                    pair[1] = -pair[0];
                }
                check(&x, &vec![1.5; length], length, true);
            }
        }
    }
}
