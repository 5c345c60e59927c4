//! Results computed one after the other, each from lines of several arrays: for complex numbers,
//! whose parts belong together, and for numbers with weights.

use super::moment::{Answer, Moment};
use super::partial::{Element, Partial, Worker};
use super::reduction::{Along, Moments, Sink};
use super::weights::{Fault, Number, Weighted};
use crate::array::dtype::{Dtype, by_wide};
use crate::array::element::{Native, Piece, read_numbers};
use crate::array::view::{Line, View};
use crate::array::walk::{self, Step};
use crate::cpu::{self, Isa};
use crate::exact::round::Format;
use crate::interrupt::Interrupt;
use crate::reduce::{Attempt, Input};
use crate::threads::{self, PARALLEL_FROM};

/// Elements of a line that are a part of the work.
const PART: usize = 1 << 16;
/// The number of complex or weighted numbers copied at once.
const STAGE: usize = 1024;
const WEIGHTED: usize = 256;

/// The positions of the elements of each result, in arrays of the same shape.
struct Places<const N: usize> {
    origin: [isize; N],
    /// In row-major order.
    kept: Vec<Step<N>>,
    /// By decreasing stride, then along the parts of a line.
    outer: Vec<Step<N>>,
    line: Step<N>,
}

impl<const N: usize> Places<N> {
    /// The positions in the first view and in the optional others; unmarked axes of the views are
    /// ignored.
    fn new(views: [Option<&View<'_>>; N], reduced: &[bool]) -> Places<N> {
        let (mut origin, mut kept, mut outer) = ([0; N], Vec::new(), Vec::new());
        for (axis, &reduced) in reduced.iter().enumerate() {
            let axes = views.map(|view| view.map(|view| view.axes()[axis]));
            let size = axes[0].expect("a first view").size;
            assert!(axes.iter().flatten().all(|axis| axis.size == size), "arrays of one shape");
            let strides = axes.map(|axis| axis.map_or(0, |axis| axis.stride));
            let mut step = Step { size, strides };
            if reduced {
                // Traverse memory forwards, since the order does not matter.
                step.turn_forward(&mut origin);
                outer.push(step);
            } else {
                kept.push(step);
            }
        }
        let mut outer = walk::merged(outer);
        let line = outer.pop().unwrap_or(Step::ONE);
        // Where there is one part, its stride means nothing and may not fit.
        let strides = line.strides.map(|stride| stride.wrapping_mul(PART as isize));
        let parts = Step { size: line.size.div_ceil(PART), strides };
        outer.push(parts);
        Places { origin, kept, outer, line }
    }

    fn results(&self) -> usize {
        walk::count(&self.kept)
    }

    /// The number of parts of a result's elements.
    fn parts(&self) -> usize {
        walk::count(&self.outer)
    }

    /// Calls `visit(result, offsets)` for a range of the results.
    fn for_results(
        &self,
        range: std::ops::Range<usize>,
        interrupt: &Interrupt,
        visit: impl FnMut(usize, [isize; N]),
    ) {
        walk::for_range(&self.kept, self.origin, range, interrupt, visit);
    }

    /// Calls `visit(offsets, count)` for a range of the parts of the result that is at `offsets`.
    fn for_parts(
        &self,
        offsets: [isize; N],
        range: std::ops::Range<usize>,
        interrupt: &Interrupt,
        mut visit: impl FnMut([isize; N], usize),
    ) {
        let of_line = self.line.size.div_ceil(PART).max(1);
        walk::for_range(&self.outer, offsets, range, interrupt, |index, offsets| {
            visit(offsets, PART.min(self.line.size - index % of_line * PART));
        });
    }
}

/// As [`super::moments_along`] of complex numbers, whose parts are the last axis of the elements;
/// `reduced` and the mask have no such axis. NaNs are left out if the moment says so.
pub(super) fn complex_moments_along(
    input: &Input<'_>,
    reduced: &[bool],
    request: &Along<'_>,
    sink: &dyn Sink,
) {
    fn run<V: Element>(input: &Input<'_>, reduced: &[bool], request: &Along<'_>, sink: &dyn Sink) {
        let places = Places::new([Some(&input.view), input.mask.as_ref()], reduced);
        let interrupt = Interrupt::of_call(input.view.size());
        let moments = Moments { request: *request, sink };
        Complex::<V> { input, places, interrupt, moments, values: std::marker::PhantomData }.run();
    }
    by_wide!(input.view.dtype(), run(input, reduced, request, sink));
}

struct Complex<'a, V> {
    input: &'a Input<'a>,
    places: Places<2>,
    interrupt: Interrupt,
    moments: Moments<'a>,
    values: std::marker::PhantomData<fn() -> V>,
}

impl<V: Element> Complex<'_, V> {
    fn run(&self) {
        let (results, threads) = (self.places.results(), threads::get());
        let alone = threads == 1 || self.input.view.size() < PARALLEL_FROM;
        if alone || results >= 4 * threads {
            let share = if alone { results } else { results.div_ceil(4 * threads) };
            threads::split(results, share.max(1), |ranges| {
                let mut reader = Reader::new(self);
                for range in ranges {
                    self.places.for_results(range, &self.interrupt, |result, offsets| {
                        reader.finish(result, |reader, into| {
                            reader.add(offsets, 0..self.places.parts(), into);
                        });
                    });
                }
            });
            return;
        }
        let parts = self.places.parts();
        self.places.for_results(0..results, &self.interrupt, |result, offsets| {
            Reader::new(self).finish(result, |reader, into| {
                let shares = threads::split(parts, parts.div_ceil(4 * threads).max(1), |ranges| {
                    let mut share = Reader::new(self);
                    share.attempt(reader.attempt);
                    let mut all = Partial::default();
                    for range in ranges {
                        let mut part = Partial::default();
                        share.add(offsets, range, &mut part);
                        all.merge(part, 2);
                    }
                    all
                });
                shares.into_iter().for_each(|share| into.merge(share, 2));
            });
        });
    }
}

/// A thread's buffers for complex numbers.
struct Reader<'a, V> {
    complex: &'a Complex<'a, V>,
    isa: Isa,
    worker: Worker,
    attempt: Attempt,
    stage: Vec<V>,
    counted: Vec<u8>,
}

impl<'a, V: Element> Reader<'a, V> {
    fn new(complex: &'a Complex<'a, V>) -> Self {
        let isa = cpu::isa();
        let worker = complex.moments.new_worker(isa, 2);
        let (stage, counted) = (Vec::new(), Vec::new());
        Reader { complex, isa, worker, attempt: Attempt::First, stage, counted }
    }

    fn attempt(&mut self, attempt: Attempt) {
        self.attempt = attempt;
        self.complex.moments.begin(&mut self.worker, attempt);
    }

    /// Completes a result, whose elements `add` adds once, or twice if the first pass does not
    /// decide it.
    fn finish(&mut self, result: usize, mut add: impl FnMut(&mut Self, &mut Partial)) {
        for attempt in [Attempt::First, Attempt::Exact] {
            self.attempt(attempt);
            let mut partial = Partial::default();
            add(self, &mut partial);
            let Complex { moments, interrupt, .. } = self.complex;
            if interrupt.is_set() || moments.put(&self.worker, result, partial) {
                return;
            }
        }
    }

    /// Adds parts of the elements of the result at `offsets`.
    fn add(&mut self, offsets: [isize; 2], range: std::ops::Range<usize>, into: &mut Partial) {
        let Complex { places, interrupt, .. } = self.complex;
        places.for_parts(offsets, range, interrupt, |offsets, count| {
            self.add_line(offsets, count, into);
        });
    }

    fn add_line(&mut self, offsets: [isize; 2], count: usize, into: &mut Partial) {
        let Complex { input, places, .. } = self.complex;
        let [stride, mask_stride] = places.line.strides;
        let (view, part) = (&input.view, size_of::<V>() as isize);
        let distance = view.axes().last().map_or(part, |axis| axis.stride);
        let adjacent = distance == part && (stride == 2 * part || count == 1);
        let flat =
            if adjacent { view.line(offsets[0], part, 2 * count).as_slice::<V>() } else { None };
        let mask = input.mask.as_ref().map(|mask| mask.line(offsets[1], mask_stride, count));
        if let (Some(values), None) = (flat, mask) {
            return V::add(values, &mut self.worker, into);
        }
        self.stage.resize(4 * STAGE, V::default());
        self.counted.resize(STAGE, 0);
        let lines = [0, distance].map(|part| view.line(offsets[0] + part, stride, count));
        for first in (0..count).step_by(STAGE) {
            let size = STAGE.min(count - first);
            let (pairs, apart) = self.stage.split_at_mut(2 * STAGE);
            let values = match flat {
                Some(values) => &values[2 * first..2 * (first + size)],
                None => {
                    let (real, imaginary) = apart.split_at_mut(STAGE);
                    let (real, imaginary) = (&mut real[..size], &mut imaginary[..size]);
                    V::read(self.isa, lines[0].skip(first), real);
                    V::read(self.isa, lines[1].skip(first), imaginary);
                    let pairs = &mut pairs[..2 * size];
                    for (pair, (&real, &imaginary)) in
                        pairs.chunks_exact_mut(2).zip(real.iter().zip(&*imaginary))
                    {
                        (pair[0], pair[1]) = (real, imaginary);
                    }
                    pairs
                }
            };
            match mask {
                None => V::add(values, &mut self.worker, into),
                Some(mask) => {
                    let counted = &mut self.counted[..size];
                    u8::read(self.isa, mask.skip(first), counted);
                    V::add_selected(values, counted, &mut self.worker, into);
                }
            }
        }
    }
}

/// Calls the sink for each weighted moment along the axes that are `reduced`, in row-major order, with
/// a weight for each element. The parts of `complex` elements are their last axis; `reduced`, the
/// weights and the mask have no such axis.
///
/// ```
/// use std::sync::Mutex;
///
/// use mypackage::moments::{
///     Answer, Ddof, Measure, Moment, Remark, Sink, weighted_moments_along,
/// };
/// use mypackage::sum::{Format, View};
///
/// struct One(Mutex<f64>);
/// impl Sink for One {
///     fn put(&self, _: usize, bits: u64, _: Remark) {
///         *self.0.lock().unwrap() = f64::from_bits(bits);
///     }
///     fn put_integer(&self, _: usize, _: Answer<Result<i128, f64>>) {}
/// }
///
/// let moment =
///     Moment { measure: Measure::Variance, ddof: Ddof::from(0.0), skip_nan: false };
/// let sink = One(Mutex::new(0.0));
/// let (values, weights) = ([1.0, 5.0], [3i64, 1]);
/// let (values, weights) = (View::of(&values), View::of(&weights));
/// weighted_moments_along(&values.into(), false, &weights, &[true], &moment, Format::F64, &sink)?;
/// assert_eq!(sink.0.into_inner().unwrap(), 3.0);
/// # Ok::<(), mypackage::moments::Fault>(())
/// ```
///
/// # Errors
/// [`Fault`]: a weight is negative, or those of a result sum to zero.
pub fn weighted_moments_along(
    input: &Input<'_>,
    complex: bool,
    weights: &View<'_>,
    reduced: &[bool],
    moment: &Moment,
    format: Format,
    sink: &dyn Sink,
) -> Result<(), Fault> {
    let places = Places::new([Some(&input.view), Some(weights), input.mask.as_ref()], reduced);
    let interrupt = Interrupt::of_slow_call(input.view.size());
    let isa = cpu::isa();
    let distance = input.view.axes().last().map_or(0, |axis| axis.stride);
    let zero = Number::from(0.0);
    let (mut numbers, mut factors) = ([[zero; WEIGHTED]; 2], [zero; WEIGHTED]);
    let mut counted = [1; WEIGHTED];
    let mut outcome = Ok(());
    places.for_results(0..places.results(), &interrupt, |result, offsets| {
        let mut all = Weighted::default();
        let mut fault = None;
        places.for_parts(offsets, 0..places.parts(), &interrupt, |offsets, count| {
            let strides = places.line.strides;
            let line = |part| input.view.line(offsets[0] + part, strides[0], count);
            let lines = [line(0), line(if complex { distance } else { 0 })];
            let weights = weights.line(offsets[1], strides[1], count);
            let mask = input.mask.as_ref().map(|mask| mask.line(offsets[2], strides[2], count));
            for first in (0..count).step_by(WEIGHTED) {
                let size = WEIGHTED.min(count - first);
                let parts = if complex { 2 } else { 1 };
                for (line, numbers) in lines.iter().zip(&mut numbers).take(parts) {
                    read_exactly(isa, line.skip(first), &mut numbers[..size]);
                }
                read_exactly(isa, weights.skip(first), &mut factors[..size]);
                if let Some(mask) = mask {
                    u8::read(isa, mask.skip(first), &mut counted[..size]);
                }
                for index in (0..size).filter(|&index| counted[index] != 0) {
                    let number = [numbers[0][index], numbers[1][index]];
                    let added = all.add(factors[index], &number[..parts], moment.skip_nan);
                    fault = fault.or(added.err());
                }
            }
        });
        if interrupt.is_set() {
            return;
        }
        match fault.map_or_else(|| all.round(moment, format), Err) {
            Ok(Answer { value, remark }) => sink.put(result, value, remark),
            Err(fault) => outcome = outcome.and(Err(fault)),
        }
    });
    outcome
}

/// Reads the first elements of a line.
fn read_exactly(isa: Isa, line: Line<'_>, into: &mut [Number]) {
    fn run<V: Native>(isa: Isa, line: Line<'_>, into: &mut [Number])
    where
        Number: From<V>,
    {
        let mut values = [V::default(); WEIGHTED];
        let values = &mut values[..into.len()];
        V::read(isa, line, values);
        for (number, &value) in into.iter_mut().zip(&*values) {
            *number = value.into();
        }
    }
    match line.dtype() {
        Dtype::I64 => run::<i64>(isa, line, into),
        Dtype::U64 => run::<u64>(isa, line, into),
        _ => {
            let mut values = [0.0; WEIGHTED];
            let values = &mut values[..into.len()];
            read_numbers(isa, line, Piece::Nearest, values);
            for (number, &value) in into.iter_mut().zip(&*values) {
                *number = value.into();
            }
        }
    }
}
