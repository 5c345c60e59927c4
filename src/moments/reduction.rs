//! Moments of real numbers over any axes, as a `Reduction` of `crate::reduce`.

use std::sync::{Mutex, PoisonError};

use super::columns::Columns;
use super::finish::Pair;
use super::lines::complex_moments_along;
use super::moment::{Answer, Moment, Remark};
use super::partial::{Element, Partial, Worker};
use super::run;
use super::short_rows::{self, Divisors};
use crate::array::dtype::{Dtype, by_native};
use crate::array::view::{Rows, View};
use crate::cpu::{self, Isa};
use crate::environment;
use crate::exact::bulk;
use crate::exact::round::Format;
use crate::reduce::{Attempt, Counts, Input, PanelShape, Reduction, Results, ShortRows, reduce};
use crate::threads::PARALLEL_FROM;

/// The number of short rows processed at once.
const BATCH: usize = 256;

/// The moments to compute for an array.
#[derive(Debug, Clone, Copy)]
pub struct Along<'a> {
    /// Which ones.
    pub moment: &'a Moment,
    /// A mean for each result, to be used in place of the numbers' own.
    pub means: Option<&'a [[Pair; 2]]>,
    /// What results are rounded to; `None` for integers.
    pub format: Option<Format>,
}

/// Receives the results, from any thread, in any order.
pub trait Sink: Sync {
    /// The bits of a result in the requested format.
    fn put(&self, index: usize, bits: u64, remark: Remark);
    /// A result rounded to an integer, or a float if there is no integer.
    fn put_integer(&self, index: usize, answer: Answer<Result<i128, f64>>);
    /// The results `first, first + step, ...`, finite numbers in the requested format (binary64 or
    /// binary32), without remarks.
    fn put_all(&self, first: usize, step: usize, numbers: &[f64], format: Format) {
        for (index, &x) in numbers.iter().enumerate() {
            self.put(first + index * step, bulk::bits_of(x, format), Remark::None);
        }
    }
}

/// Calls the sink for each moment along the axes that are `reduced`, in row-major order. The parts of
/// `complex` elements are their last axis; `reduced` and the mask have no such axis.
///
/// ```
/// use std::sync::Mutex;
///
/// use mypackage::moments::{
///     Along, Answer, Ddof, Measure, Moment, Remark, Sink, moments_along,
/// };
/// use mypackage::sum::{Format, View};
///
/// struct All(Mutex<[f64; 2]>);
/// impl Sink for All {
///     fn put(&self, index: usize, bits: u64, _: Remark) {
///         self.0.lock().unwrap()[index] = f64::from_bits(bits);
///     }
///     fn put_integer(&self, _: usize, _: Answer<Result<i128, f64>>) {}
/// }
///
/// let moment =
///     &Moment { measure: Measure::Deviation, ddof: Ddof::from(0.0), skip_nan: false };
/// let sink = All(Mutex::new([0.0; 2]));
/// let rows = [1e9, 1e9 + 6.0, 0.1, 0.1];
/// let request = Along { moment, means: None, format: Some(Format::F64) };
/// let view = View::of(&rows).reshaped(&[2, 2]);
/// moments_along(&view.into(), false, &[false, true], &request, &sink);
/// assert_eq!(sink.0.into_inner().unwrap(), [3.0, 0.0]);
/// ```
pub fn moments_along(
    input: &Input<'_>,
    complex: bool,
    reduced: &[bool],
    request: &Along<'_>,
    sink: &dyn Sink,
) {
    fn run<V: Element>(input: &Input<'_>, reduced: &[bool], request: &Along<'_>, sink: &dyn Sink) {
        reduce::<V, _>(input, reduced, &Moments { request: *request, sink });
    }
    if complex {
        return complex_moments_along(input, reduced, request, sink);
    }
    by_native!(input.view.dtype(), run(input, reduced, request, sink));
}

/// The moment of all elements, rounded to a format, with a fast path for few contiguous elements.
/// The parts of `complex` elements are their last axis.
///
/// ```
/// use mypackage::moments::{Ddof, Measure, Moment, moment_of_all};
/// use mypackage::sum::{Format, View};
///
/// let moment =
///     Moment { measure: Measure::Norm, ddof: Ddof::from(0.0), skip_nan: false };
/// let norm = moment_of_all(&View::of(&[3e300, 4e300]), false, &moment, Format::F64);
/// assert_eq!(f64::from_bits(norm.value), 5e300);
/// ```
pub fn moment_of_all(
    view: &View<'_>,
    complex: bool,
    moment: &Moment,
    format: Format,
) -> Answer<u64> {
    fn run<V: Element>(view: &View<'_>, moments: &Moments<'_>, parts: usize) -> bool {
        let Some(values) = view.as_slice::<V>() else { return false };
        let mut worker = moments.new_worker(cpu::isa(), parts);
        if parts == 1 {
            worker.leave_nans_out(moments.request.moment.skip_nan);
        }
        [Attempt::First, Attempt::Exact].into_iter().any(|attempt| {
            moments.begin(&mut worker, attempt);
            let mut partial = Partial::default();
            V::add(values, &mut worker, &mut partial);
            moments.put(&worker, 0, partial)
        })
    }
    let sink = One(Mutex::new(Answer { value: format.nan(), remark: Remark::None }));
    let request = Along { moment, means: None, format: Some(format) };
    let moments = Moments { request, sink: &sink };
    let parts = if complex { 2 } else { 1 };
    let few = view.size() < PARALLEL_FROM;
    if !(few && by_native!(view.dtype(), run(view, &moments, parts))) {
        let axes = view.axes().len() - usize::from(complex);
        let input = Input { skip_nan: moment.skip_nan, ..view.clone().into() };
        moments_along(&input, complex, &vec![true; axes], &request, &sink);
    }
    sink.0.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Receives one result.
struct One(Mutex<Answer<u64>>);

impl Sink for One {
    fn put(&self, _: usize, value: u64, remark: Remark) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Answer { value, remark };
    }

    fn put_integer(&self, _: usize, _: Answer<Result<i128, f64>>) {}
}

pub(super) struct Moments<'a> {
    pub request: Along<'a>,
    pub sink: &'a dyn Sink,
}

/// A thread's state.
pub(super) struct Kept {
    worker: Worker,
    isa: Isa,
    columns: Columns,
    /// The columns of the last panel whose results were decided.
    done: Vec<bool>,
    /// The results of short rows.
    results: Vec<f64>,
    /// The rows that are not in `results`.
    answers: Vec<(usize, Answer<u64>)>,
}

impl Moments<'_> {
    /// The format that results may be certified for.
    fn certified(&self) -> Option<Format> {
        // Kernels need the default floating-point environment.
        self.request.format.filter(|_| self.request.means.is_none() && environment::is_default())
    }

    /// A thread's state for numbers of one or two parts.
    pub fn new_worker(&self, isa: Isa, parts: usize) -> Worker {
        Worker::new(isa, self.request.moment, parts, self.certified())
    }

    /// Begins a result.
    pub fn begin(&self, worker: &mut Worker, attempt: Attempt) {
        worker.exactly(attempt == Attempt::Exact, self.certified());
    }

    /// Puts a result; `false` if it is not decided, so that its elements must be added again,
    /// exactly.
    #[inline]
    pub fn put(&self, worker: &Worker, result: usize, mut partial: Partial) -> bool {
        if let Some(format) = self.certified()
            && let Some(bits) = partial.round(worker, self.request.moment, format)
        {
            self.sink.put(result, bits, Remark::None);
            return true;
        }
        self.put_exactly(result, partial)
    }

    /// Whether there are kernels for many results at once.
    fn has_many<V: Element>(&self) -> bool {
        V::HAS_MANY && self.request.moment.has_sums() && self.certified().is_some()
    }

    /// Puts a result from exact sums; `false` if they are not.
    fn put_exactly(&self, result: usize, partial: Partial) -> bool {
        let Some(sums) = partial.into_exact() else { return false };
        let (moment, mean) = (self.request.moment, self.request.means.map(|all| all[result]));
        match self.request.format {
            Some(format) => {
                let Answer { value, remark } = moment.round(&sums, mean, format);
                self.sink.put(result, value, remark);
            }
            None => self.sink.put_integer(result, moment.round_to_integer(&sums, mean)),
        }
        true
    }

    /// The divisors for short rows of a length; `None` if there is no kernel for such results.
    fn divisors(&self, length: usize) -> Option<Divisors> {
        let moment = self.request.moment;
        let format = self.certified().filter(|&format| format != Format::F16)?;
        let degrees = moment.ddof.degrees_near(length as i64)?;
        Some(Divisors { count: length as f64, degrees, root: moment.root(), format })
    }
}

impl<V: Element> Reduction<V> for Moments<'_> {
    type Worker = Kept;
    type Partial = Partial;

    fn worker(&self, isa: Isa, _: usize) -> Kept {
        let mut worker = self.new_worker(isa, 1);
        // Excluded elements do not occur here.
        worker.leave_nans_out(false);
        let columns = Columns::default();
        let (done, results, answers) = (Vec::new(), Vec::new(), Vec::new());
        Kept { worker, isa, columns, done, results, answers }
    }

    fn start(&self, kept: &mut Kept, attempt: Attempt) -> Partial {
        self.begin(&mut kept.worker, attempt);
        Partial::default()
    }

    fn add(&self, kept: &mut Kept, into: &mut Partial, values: &[V]) {
        V::add(values, &mut kept.worker, into);
    }

    fn add_selected(&self, kept: &mut Kept, into: &mut Partial, values: &[V], counted: &[u8]) {
        V::add_selected(values, counted, &mut kept.worker, into);
    }

    fn add_selected_run(
        &self,
        kept: &mut Kept,
        into: &mut Partial,
        values: &[V],
        mask: Option<&[u8]>,
        skip_nan: bool,
    ) -> Option<usize> {
        let before = into.count(1);
        kept.worker.leave_nans_out(skip_nan && V::HAS_NAN);
        match mask {
            Some(mask) => V::add_selected(values, mask, &mut kept.worker, into),
            None => V::add(values, &mut kept.worker, into),
        }
        kept.worker.leave_nans_out(false);
        Some((into.count(1) - before) as usize)
    }

    fn merge(&self, into: &mut Partial, other: Partial) {
        into.merge(other, 1);
    }

    fn finish(&self, kept: &mut Kept, result: usize, partial: Partial, _: i64) -> bool {
        self.put(&kept.worker, result, partial)
    }

    fn start_panel(&self, kept: &mut Kept, panel: PanelShape, attempt: Attempt) -> bool {
        let has_kernel = attempt == Attempt::First && self.has_many::<V>();
        if attempt == Attempt::First {
            kept.done.clear();
        }
        if has_kernel {
            let narrow = V::DTYPE == Dtype::F32 && self.certified() != Some(Format::F64);
            kept.columns.start(panel.width, panel.columns, narrow);
        }
        has_kernel
    }

    fn add_rows(&self, kept: &mut Kept, rows: Rows<'_, V>, counted: Option<Rows<'_, u8>>) {
        V::add_rows(kept.isa, rows, counted, &mut kept.columns);
    }

    fn finish_panel(&self, kept: &mut Kept, results: Results, counts: Counts<'_>) -> bool {
        let Kept { isa, columns, done, .. } = kept;
        for column in 0..results.count {
            let bits = self.certified().and_then(|format| {
                let count = counts.get(column);
                if columns.is_constant(column) && run::is_zero(self.request.moment, count) {
                    return Some(0);
                }
                let near = columns.near(column)?;
                run::round(*isa, near, self.request.moment, count, format)
            });
            if let Some(bits) = bits {
                self.sink.put(results.at(column), bits, Remark::None);
            }
            done.push(bits.is_some());
        }
        done.iter().all(|&done| done)
    }

    fn is_done(&self, kept: &Kept, column: usize) -> bool {
        kept.done.get(column).is_some_and(|&done| done)
    }

    fn column(&self, kept: &mut Kept, column: usize) -> Partial {
        Partial::of_column(kept.columns.wide(column))
    }

    fn rows_at_once(&self, _: &mut Kept, rows: ShortRows) -> usize {
        let has_kernel = rows.parts == 1
            && rows.rows_each == 1
            && (short_rows::SHORTEST..=short_rows::LONGEST).contains(&rows.length)
            && self.has_many::<V>()
            && self.divisors(rows.length).is_some();
        if has_kernel { BATCH } else { 0 }
    }

    fn add_short_rows(&self, kept: &mut Kept, rows: Rows<'_, V>, _: bool) {
        let Some(divisors) = self.divisors(rows.width()) else { return };
        kept.results.clear();
        kept.results.resize(rows.len(), f64::NAN);
        V::moments_of_rows(kept.isa, rows, divisors, &mut kept.results);
        kept.answers.clear();
        for (row, _) in kept.results.iter().enumerate().filter(|(_, result)| !result.is_finite()) {
            let mut partial = Partial::default();
            kept.worker.exactly(true, None);
            V::add(rows.row(row), &mut kept.worker, &mut partial);
            let (moment, format) = (self.request.moment, divisors.format);
            let answer = match partial.round(&kept.worker, moment, format) {
                Some(value) => Answer { value, remark: Remark::None },
                None => moment.round(&partial.into_exact().unwrap_or_default(), None, format),
            };
            kept.answers.push((row, answer));
        }
    }

    fn finish_short_rows(&self, kept: &mut Kept, results: Results, _: i64) -> bool {
        let Some(format) = self.request.format.filter(|_| kept.results.len() == results.count)
        else {
            return false;
        };
        let mut done = 0;
        for (row, answer) in kept.answers.drain(..) {
            self.sink.put_all(results.at(done), results.step, &kept.results[done..row], format);
            self.sink.put(results.at(row), answer.value, answer.remark);
            done = row + 1;
        }
        self.sink.put_all(results.at(done), results.step, &kept.results[done..], format);
        true
    }
}
