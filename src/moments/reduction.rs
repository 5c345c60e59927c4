//! Moments over any axes of real numbers, as a reduction for the walk through memory.

use super::columns::Columns;
use super::finish::Pair;
use super::partial::{Element, Partial, Worker};
use super::question::{Answer, Measure, Question, Remark};
use super::rows::Sink;
use super::run;
use super::short_rows::{self, Divisors};
use crate::array::dtype::by_native;
use crate::array::view::Rows;
use crate::cpu::Isa;
use crate::environment;
use crate::exact::round::Format;
use crate::reduce::{Attempt, Counts, Input, PanelShape, Reduction, Results, ShortRows, reduce};

/// Short rows that are taken at once.
const BATCH: usize = 256;

/// What is asked of an array.
#[derive(Debug, Clone, Copy)]
pub struct Along<'a> {
    /// What is asked.
    pub question: &'a Question,
    /// A mean for each result, to be used in place of the numbers' own.
    pub means: Option<&'a [[Pair; 2]]>,
    /// What results are rounded to; `None` for integers.
    pub format: Option<Format>,
}

/// Calls the sink for each result along the axes that are not `reduced`, in row-major order; elements
/// are real numbers.
pub fn moments_along(input: &Input<'_>, reduced: &[bool], request: &Along<'_>, sink: &dyn Sink) {
    fn run<V: Element>(input: &Input<'_>, reduced: &[bool], request: &Along<'_>, sink: &dyn Sink) {
        reduce::<V, _>(input, reduced, &Moments { request: *request, sink });
    }
    by_native!(input.view.dtype(), run(input, reduced, request, sink));
}

struct Moments<'a> {
    request: Along<'a>,
    sink: &'a dyn Sink,
}

/// What a thread keeps.
pub(super) struct Kept {
    worker: Worker,
    isa: Isa,
    columns: Columns,
    /// Of short rows.
    results: Vec<f64>,
    answers: Vec<Answer<u64>>,
}

impl Moments<'_> {
    /// The format that results may be certified for.
    fn certified(&self) -> Option<Format> {
        // Kernels do arithmetic in the environment that they find.
        self.request.format.filter(|_| self.request.means.is_none() && environment::is_default())
    }

    /// Whether there are kernels for many results at once.
    fn has_many<V: Element>(&self) -> bool {
        V::HAS_MANY && self.request.question.measure != Measure::Norm && self.certified().is_some()
    }

    /// Puts a result from exact sums; `false` if they are not.
    fn put_exactly(&self, result: usize, partial: Partial) -> bool {
        let Some(sums) = partial.into_exact() else { return false };
        let (question, mean) = (self.request.question, self.request.means.map(|all| all[result]));
        match self.request.format {
            Some(format) => {
                let Answer { value, remark } = question.round(&sums, mean, format);
                self.sink.put(result, value, remark);
            }
            None => self.sink.put_integer(result, question.round_to_integer(&sums, mean)),
        }
        true
    }

    /// What short rows of a length are divided by; `None` if there is no kernel for such results.
    fn divisors(&self, length: usize) -> Option<Divisors> {
        let question = self.request.question;
        let format = self.certified().filter(|&format| format != Format::F16)?;
        let degrees = question.ddof.degrees_near(length as i64)?;
        Some(Divisors { count: length as f64, degrees, root: question.root(), format })
    }
}

impl<V: Element> Reduction<V> for Moments<'_> {
    type Worker = Kept;
    type Partial = Partial;

    fn worker(&self, isa: Isa, _: usize) -> Kept {
        let mut worker = Worker::new(isa, self.request.question, 1, self.certified());
        // What is left out does not come here.
        worker.keep_nans();
        let columns = Columns::default();
        Kept { worker, isa, columns, results: Vec::new(), answers: Vec::new() }
    }

    fn start(&self, kept: &mut Kept, attempt: Attempt) -> Partial {
        kept.worker.exactly(attempt == Attempt::Exact, self.certified());
        Partial::default()
    }

    fn add(&self, kept: &mut Kept, into: &mut Partial, values: &[V]) {
        V::add(values, &mut kept.worker, into);
    }

    fn add_selected(&self, kept: &mut Kept, into: &mut Partial, values: &[V], counted: &[u8]) {
        V::add_selected(values, counted, &mut kept.worker, into);
    }

    fn merge(&self, into: &mut Partial, other: Partial) {
        into.merge(other, 1);
    }

    fn finish(&self, kept: &mut Kept, result: usize, mut partial: Partial, _: i64) -> bool {
        if let Some(format) = self.certified()
            && let Some(bits) = partial.round(&kept.worker, self.request.question, format)
        {
            self.sink.put(result, bits, Remark::None);
            return true;
        }
        self.put_exactly(result, partial)
    }

    fn start_panel(&self, kept: &mut Kept, panel: PanelShape, attempt: Attempt) -> bool {
        let has_kernel = attempt == Attempt::First && self.has_many::<V>();
        if has_kernel {
            kept.columns.start(panel.width, panel.columns);
        }
        has_kernel
    }

    fn add_rows(&self, kept: &mut Kept, rows: Rows<'_, V>, counted: Option<Rows<'_, u8>>) {
        V::add_rows(kept.isa, rows, counted, &mut kept.columns);
    }

    fn finish_panel(&self, kept: &mut Kept, results: Results, counts: Counts<'_>) -> bool {
        let Kept { isa, columns, .. } = kept;
        let mut done = true;
        for column in 0..results.count {
            let bits = self.certified().and_then(|format| {
                let near = columns.near(column)?;
                run::round(*isa, near, self.request.question, counts.get(column), format)
            });
            match bits {
                Some(bits) => self.sink.put(results.at(column), bits, Remark::None),
                None => done = false,
            }
        }
        done
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
        for (row, &result) in kept.results.iter().enumerate() {
            let answer = if result.is_finite() {
                let bits = if divisors.format == Format::F64 {
                    result.to_bits()
                } else {
                    (result as f32).to_bits().into()
                };
                Answer { value: bits, remark: Remark::None }
            } else {
                let mut partial = Partial::default();
                kept.worker.exactly(true, None);
                V::add(rows.row(row), &mut kept.worker, &mut partial);
                let sums = partial.into_exact().unwrap_or_default();
                self.request.question.round(&sums, None, divisors.format)
            };
            kept.answers.push(answer);
        }
    }

    fn finish_short_rows(&self, kept: &mut Kept, results: Results, _: i64) -> bool {
        if kept.answers.len() != results.count {
            return false;
        }
        for (row, answer) in kept.answers.drain(..).enumerate() {
            self.sink.put(results.at(row), answer.value, answer.remark);
        }
        true
    }
}
