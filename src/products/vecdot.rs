//! Exact dot products along an axis of any two arrays.
//!
//! A product of complex numbers is two sums of products of their parts, and an integer of 64 bits
//! is the sum of two binary64 numbers where a floating-point number is its partner. All of these
//! end in one accumulator for each part of each result.

use std::ops::Range;

use super::block::PAIRS;
use super::dot::Factor;
use crate::array::dtype::Dtype;
use crate::array::element::{Native, Piece, pieces, read_numbers, read_words};
use crate::array::view::{Axis, Line, View};
use crate::array::walk::{self, Step};
use crate::cpu::Isa;
use crate::exact::accumulator::Accumulator;
use crate::interrupt::{GRAIN, Interrupt};
use crate::kernel::adaptive::Summer;
use crate::kernel::slice::in_parts;
use crate::{cpu, threads};

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
    /// Whether an element is two, a real part and an imaginary one.
    pub complex: bool,
}

impl Vectors<'_> {
    /// All axes but those of a vector.
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

/// Computes the dot product of each vector on the left with the one at the same place on the right,
/// calling `put(parts * index + part, sum)` for each part of each result, from any thread; indices are
/// in row-major order of the outer axes, which both arrays have alike (one that is broadcast has
/// a stride of 0). There are two parts, real and imaginary, if either side is complex, and else one;
/// the left side is conjugated. The count of a sum is that of its products.
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
    let plan = Plan::new(left, right);
    let (results, threads) = (walk::count(&plan.outer), threads::get());
    let size = results.saturating_mul(left.len());
    if threads > 1 && size >= threads::PARALLEL_FROM && results < 4 * threads {
        return plan.run_divided(put);
    }
    threads::split(results, threads::share(results, size, 1), |ranges| {
        ranges.for_each(|range| plan.run(range, put));
    });
}

/// Below this many products, one by one is faster than a block.
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
    /// For each part of the result.
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

/// What a thread needs.
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

    /// Some results, one after the other.
    fn run(&self, results: Range<usize>, put: &dyn Fn(usize, &Accumulator)) {
        let count = self.left.len();
        let mut workspace = self.workspace(results.len().saturating_mul(count));
        walk::for_range(&self.outer, [0; 2], results, &self.interrupt, |index, offsets| {
            for part in 0..self.terms.len() {
                let sum = self.sum(offsets, part, 0..count, &mut workspace);
                put(self.terms.len() * index + part, &sum);
            }
        });
    }

    /// All results, each by several threads.
    fn run_divided(&self, put: &dyn Fn(usize, &Accumulator)) {
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
                put(self.terms.len() * index + part, &sum);
            }
        });
    }

    /// A part of the sum that is a part of a result.
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

    /// The elements on each side; of complex ones, the parts at the components.
    fn lines(&self, pairs: Pairs, components: [isize; 2]) -> [Line<'a>; 2] {
        let sides = [self.left, self.right];
        std::array::from_fn(|index| {
            let Axis { stride, .. } = sides[index].axis();
            let offset = pairs.offsets[index] + components[index] + pairs.start as isize * stride;
            sides[index].view.line(offset, stride, pairs.count)
        })
    }

    /// Adds the products where memory holds them as slices of `T`; whether it does.
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
            // Where the partner is infinite or NaN, the nearest number has said it all.
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
        // Products have up to 128 bits: their halves are added apart.
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

/// Some elements of two vectors: where these begin, and which of theirs.
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

/// What makes up the real (0) or the imaginary (1) part.
fn components(vectors: &Vectors<'_>, part: usize) -> Vec<Component> {
    let axes = vectors.view.axes();
    let offset = match (vectors.complex, part) {
        (_, 0) => 0,
        (true, _) => axes[axes.len() - 1].stride,
        (false, _) => return Vec::new(),
    };
    pieces(vectors.view.dtype()).iter().map(|&piece| Component { offset, piece }).collect()
}
