//! Exact dot products along an axis of any two arrays.
//!
//! A product of complex numbers is two sums of products of their parts, and an integer of 64 bits
//! is the sum of two binary64 numbers where a floating-point number is its partner. All of these
//! end in one accumulator for each part of each result.

#![allow(unsafe_code)] // Addresses from strides.

use super::block::PAIRS;
use super::dot::Factor;
use crate::array::convert::{Convert, Piece, read_numbers};
use crate::array::positions::Positions;
use crate::array::request::{Dtype, by_dtype};
use crate::array::walk::{Line, Operand, Reading};
use crate::cpu::Isa;
use crate::exact::accumulator::Accumulator;
use crate::interrupt::{GRAIN, Interrupt};
use crate::kernel::adaptive::Summer;
use crate::kernel::slice::{PARALLEL_FROM, in_parts};
use crate::{cpu, threads};

/// One of the two arrays. Strides are in bytes; one of a broadcast axis is 0.
///
/// ```
/// use mypackage::sum::{Dtype, Vectors};
///
/// // The columns of a matrix of 4 by 3 binary32 numbers.
/// let matrix = [[0f32; 3]; 4];
/// let columns = Vectors {
///     dtype: Dtype::F32,
///     complex: false,
///     swapped: false,
///     data: matrix.as_ptr().cast(),
///     stride: 12,
///     outer_strides: vec![4],
/// };
/// assert_eq!(columns.stride, 3 * columns.dtype.size() as isize);
/// ```
#[derive(Debug, Clone)]
pub struct Vectors {
    /// The type of the elements, or of each part of complex ones.
    pub dtype: Dtype,
    /// Whether an element is a real part followed by an imaginary one.
    pub complex: bool,
    /// Whether the bytes are in the other than the native order.
    pub swapped: bool,
    /// The first element.
    pub data: *const u8,
    /// From one element of a vector to the next.
    pub stride: isize,
    /// From one vector to the next, for each axis of the result.
    pub outer_strides: Vec<isize>,
}

/// Which dot products to compute: that of each pair of vectors.
///
/// ```
/// use std::sync::Mutex;
///
/// use mypackage::sum::{DotRequest, Dtype, Vectors, vecdot};
///
/// // Each row of a matrix with one vector, which is broadcast.
/// let (matrix, vector) = ([[1e200, 1.0, 1e200], [1.0, 2.0, 3.0]], [1e200, 1.0, -1e200]);
/// let rows = Vectors {
///     dtype: Dtype::F64,
///     complex: false,
///     swapped: false,
///     data: matrix.as_ptr().cast(),
///     stride: 8,
///     outer_strides: vec![24],
/// };
/// let vector = Vectors { data: vector.as_ptr().cast(), outer_strides: vec![0], ..rows.clone() };
/// let request = DotRequest { left: rows, right: vector, count: 3, shape: vec![2] };
/// let results = Mutex::new([0.0; 2]);
/// // SAFETY: the strides and lengths are those of the arrays.
/// unsafe { vecdot(&request, &|index, sum| results.lock().unwrap()[index] = sum.to_f64()) };
/// assert_eq!(results.into_inner().unwrap(), [1.0, -2e200]);
/// ```
#[derive(Debug, Clone)]
pub struct DotRequest {
    /// The left vectors; complex ones are conjugated.
    pub left: Vectors,
    /// The right vectors.
    pub right: Vectors,
    /// The length of the vectors.
    pub count: usize,
    /// The shape of the result.
    pub shape: Vec<usize>,
}

// SAFETY: the pointers are only read, by a function whose caller promised that they may be.
unsafe impl Send for DotRequest {}
// SAFETY: as above.
unsafe impl Sync for DotRequest {}

impl DotRequest {
    /// 2 if the results are complex, else 1.
    ///
    /// ```
    /// use mypackage::sum::{DotRequest, Dtype, Vectors};
    ///
    /// let left = Vectors {
    ///     dtype: Dtype::I64,
    ///     complex: false,
    ///     swapped: false,
    ///     data: [1i64].as_ptr().cast(),
    ///     stride: 8,
    ///     outer_strides: vec![],
    /// };
    /// let right = Vectors { dtype: Dtype::F64, complex: true, data: [0.0, 1.0].as_ptr().cast(), ..left.clone() };
    /// let request = DotRequest { left, right, count: 1, shape: vec![] };
    /// assert_eq!(request.parts(), 2);
    /// ```
    pub fn parts(&self) -> usize {
        if self.left.complex || self.right.complex { 2 } else { 1 }
    }
}

/// Computes dot products, calling `put(parts * index + part, sum)` for each part of each result, in
/// row-major order of the shape, from any thread. The count of a sum is that of its products.
///
/// ```
/// use std::sync::Mutex;
///
/// use mypackage::sum::{DotRequest, Dtype, Vectors, vecdot};
///
/// let x = [1.0, 2.0]; // 1 + 2i
/// let vectors = Vectors {
///     dtype: Dtype::F64,
///     complex: true,
///     swapped: false,
///     data: x.as_ptr().cast(),
///     stride: 16,
///     outer_strides: vec![],
/// };
/// let request = DotRequest { left: vectors.clone(), right: vectors, count: 1, shape: vec![] };
/// let parts = Mutex::new([0.0; 2]);
/// // SAFETY: both are the one complex number.
/// unsafe { vecdot(&request, &|index, sum| parts.lock().unwrap()[index] = sum.to_f64()) };
/// assert_eq!(parts.into_inner().unwrap(), [5.0, 0.0]);
/// ```
///
/// # Safety
/// All elements must be readable during the call.
pub unsafe fn vecdot(request: &DotRequest, put: &(dyn Fn(usize, &Accumulator) + Sync)) {
    let plan = Plan::new(request);
    let results = plan.positions.count();
    let threads = threads::get();
    if threads == 1 || results.saturating_mul(request.count) < PARALLEL_FROM {
        plan.run(0..results, put);
    } else if results < 4 * threads {
        plan.run_divided(put);
    } else {
        let share = results.div_ceil(4 * threads);
        threads::together(results.div_ceil(share), |tasks| {
            tasks.for_each(|task| plan.run(task * share..results.min((task + 1) * share), put));
        });
    }
}

/// Below this many products, one by one is faster than a block.
const SHORT: usize = 12;

/// Numbers taken from the elements at an offset.
#[derive(Debug, Clone, Copy)]
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
    request: &'a DotRequest,
    positions: Positions<2>,
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

impl Plan<'_> {
    fn new(request: &DotRequest) -> Plan<'_> {
        let DotRequest { left, right, .. } = request;
        let strides = left.outer_strides.iter().zip(&right.outer_strides);
        let signed = |dtype| matches!(dtype, Dtype::I8 | Dtype::I16 | Dtype::I32 | Dtype::I64);
        let kernel = match (left.dtype, right.dtype) {
            (Dtype::F32, Dtype::F32) if request.parts() == 1 => Kernel::F32,
            (x, y) if x.is_floating() || y.is_floating() => Kernel::F64,
            (Dtype::U64, y) if signed(y) => Kernel::F64,
            (x, Dtype::U64) if signed(x) => Kernel::F64,
            (Dtype::U64, _) | (_, Dtype::U64) => Kernel::Unsigned,
            _ => Kernel::Signed,
        };
        let terms = (0..request.parts()).map(|part| terms(left, right, part)).collect();
        let positions = Positions {
            shape: request.shape.clone(),
            strides: strides.map(|(&left, &right)| [left, right]).collect(),
        };
        let interrupt = Interrupt::of_call(positions.count().saturating_mul(request.count));
        Plan { isa: cpu::isa(), request, positions, kernel, terms, interrupt }
    }

    fn workspace(&self, total: usize) -> Workspace {
        let summer = match self.kernel {
            Kernel::F32 => f32::summer(self.isa, total),
            _ => f64::summer(self.isa, total),
        };
        Workspace { summer, left: Box::new([0.0; PAIRS]), right: Box::new([0.0; PAIRS]) }
    }

    /// Some results, one after the other.
    fn run(&self, results: std::ops::Range<usize>, put: &dyn Fn(usize, &Accumulator)) {
        let count = self.request.count;
        let mut workspace = self.workspace(results.len().saturating_mul(count));
        self.positions.for_each(results, &self.interrupt, |index, offsets| {
            for part in 0..self.terms.len() {
                let sum = self.sum(offsets, part, 0..count, &mut workspace);
                put(self.terms.len() * index + part, &sum);
            }
        });
    }

    /// All results, each by several threads.
    fn run_divided(&self, put: &dyn Fn(usize, &Accumulator)) {
        let all = 0..self.positions.count();
        self.positions.for_each(all, &self.interrupt, |index, offsets| {
            for part in 0..self.terms.len() {
                let sum = in_parts(self.request.count, |range| {
                    self.sum(offsets, part, range.clone(), &mut self.workspace(range.len()))
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
        range: std::ops::Range<usize>,
        workspace: &mut Workspace,
    ) -> Accumulator {
        let (left, right) = (
            self.request.left.line(offsets[0], range.clone()),
            self.request.right.line(offsets[1], range),
        );
        let mut sum = Accumulator::new();
        for start in (0..left.count).step_by(GRAIN).take_while(|_| !self.interrupt.is_set()) {
            let [left, right] = [left, right].map(|line| line.skip(start).truncate(GRAIN));
            self.add(left, right, part, workspace, &mut sum);
        }
        sum.add_zeros(left.count as i64);
        sum
    }

    /// Adds the products of two lines to a part of a result, without counting them.
    fn add(
        &self,
        left: Line,
        right: Line,
        part: usize,
        workspace: &mut Workspace,
        sum: &mut Accumulator,
    ) {
        match self.kernel {
            Kernel::F32 if self.add_direct::<f32>(left, right, workspace, sum) => return,
            Kernel::F64 if self.add_direct::<f64>(left, right, workspace, sum) => return,
            _ => {}
        }
        for start in (0..left.count).step_by(PAIRS) {
            let [left, right] = [left, right].map(|line| line.skip(start).truncate(PAIRS));
            match self.kernel {
                Kernel::Signed => add_integers::<true>(self.request, left, right, sum),
                Kernel::Unsigned => add_integers::<false>(self.request, left, right, sum),
                _ => self.add_staged(left, right, part, workspace, sum),
            }
        }
    }

    /// Adds the products where memory holds them as slices of `T`; whether it does.
    fn add_direct<T: Factor + Operand<Value = T>>(
        &self,
        left: Line,
        right: Line,
        workspace: &mut Workspace,
        sum: &mut Accumulator,
    ) -> bool {
        let DotRequest { left: x, right: y, .. } = self.request;
        if self.request.parts() == 2
            || size_of::<T>() != x.dtype.size()
            || x.dtype != y.dtype
            || left.count < SHORT
        {
            return false;
        }
        let reading = |swapped| Reading { swapped, masked: false, skip_nan: false };
        // SAFETY: the promise of `vecdot`; the elements of both are of type `T`.
        let slices = unsafe {
            left.as_slice::<T>(reading(x.swapped)).zip(right.as_slice::<T>(reading(y.swapped)))
        };
        slices.is_some_and(|(x, y)| {
            T::add_products(x, y, &mut workspace.summer, sum);
            true
        })
    }

    /// Adds the terms of at most [`PAIRS`] pairs by way of binary64 numbers.
    fn add_staged(
        &self,
        left: Line,
        right: Line,
        part: usize,
        workspace: &mut Workspace,
        sum: &mut Accumulator,
    ) {
        let Workspace { summer, left: x, right: y } = workspace;
        let (x, y) = (&mut x[..left.count], &mut y[..right.count]);
        for term in &self.terms[part] {
            self.request.left.read(left, term.left, x);
            self.request.right.read(right, term.right, y);
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
                f64::add_products(x, y, summer, sum);
            }
        }
    }
}

/// The terms of a part of the result: `(a - bi)(c + di) = (ac + bd) + (ad - bc)i`.
fn terms(left: &Vectors, right: &Vectors, part: usize) -> Vec<Term> {
    let mut terms = Vec::new();
    let pairs = if part == 0 { [(0, 0), (1, 1)] } else { [(0, 1), (1, 0)] };
    for (of_left, of_right) in pairs {
        for left in left.components(of_left) {
            for right in right.components(of_right) {
                terms.push(Term { left, right, negative: (of_left, of_right) == (1, 0) });
            }
        }
    }
    terms
}

impl Vectors {
    /// What makes up the real (0) or the imaginary (1) part.
    fn components(&self, part: usize) -> Vec<Component> {
        if part == 1 && !self.complex {
            return Vec::new();
        }
        let offset = (part * self.dtype.size()) as isize;
        let pieces: &[Piece] = match self.dtype {
            Dtype::I64 | Dtype::U64 => &[Piece::Nearest, Piece::Rest],
            _ => &[Piece::Nearest],
        };
        pieces.iter().map(|&piece| Component { offset, piece }).collect()
    }

    /// A part of the vector at an offset.
    fn line(&self, offset: isize, range: std::ops::Range<usize>) -> Line {
        let data = self.data.wrapping_offset(offset + range.start as isize * self.stride);
        Line::of(data, self.stride, range.len())
    }

    /// Reads a component of a line of this array.
    fn read(&self, line: Line, component: Component, into: &mut [f64]) {
        let line = Line { data: line.data.wrapping_offset(component.offset), ..line };
        // SAFETY: the promise of `vecdot`.
        by_dtype!(self.dtype, unsafe read_numbers(line, self.swapped, component.piece, into));
    }

    /// Reads integers, in two's complement.
    fn read_words(&self, line: Line, into: &mut [u64]) {
        // SAFETY: the promise of `vecdot`.
        by_dtype!(self.dtype, unsafe read_words(line, self.swapped, into));
    }
}

/// # Safety
/// The line must be readable.
unsafe fn read_words<O: Operand<Value: Convert>>(line: Line, swapped: bool, into: &mut [u64]) {
    for (index, word) in into.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        let value =
            unsafe { O::read(line.data.wrapping_offset(index as isize * line.stride), swapped) };
        *word = value.integer() as u64;
    }
}

/// Adds the products of at most [`PAIRS`] pairs of integers.
fn add_integers<const SIGNED: bool>(
    request: &DotRequest,
    left: Line,
    right: Line,
    sum: &mut Accumulator,
) {
    let (mut x, mut y) = ([0; PAIRS], [0; PAIRS]);
    let (x, y) = (&mut x[..left.count], &mut y[..right.count]);
    request.left.read_words(left, x);
    request.right.read_words(right, y);
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
