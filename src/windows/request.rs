//! Arrays of any layout: their lines, and where the results go.

use std::ops::Range;

use super::line::{Engine, LONGEST};
use super::running::{Elements, Moving};
use super::{Options, Statistic};
use crate::array::dtype::Dtype;
use crate::array::element::{Piece, read_numbers};
use crate::array::view::{Line, LineMut, View, ViewMut};
use crate::array::walk::{Group, Lines};
use crate::cpu;
use crate::environment;
use crate::exact::round::Format;
use crate::interrupt::Interrupt;

/// Elements of a line that are read at once, at least.
const PART: usize = 1 << 15;

/// The windows of each line.
#[derive(Debug, Clone, Copy)]
pub enum Windows<'a> {
    /// One for each element: it and those before it, so many in all.
    Fixed(usize),
    /// From the first index up to before the second, of as many as there are results; none if the
    /// first is not less.
    Bounds(&'a [[usize; 2]]),
}

/// What is asked for of the windows along an axis.
///
/// ```
/// use mypackage::sum::{View, ViewMut};
/// use mypackage::windows::{Statistic, WindowRequest, Windows, move_windows};
///
/// let values = [1e16, 1.0, 2.0, 3.0];
/// let mut means = [0.0f64; 4];
/// let request = WindowRequest {
///     statistic: Statistic::Mean,
///     windows: Windows::Fixed(2),
///     least: 2,
///     ddof: 0,
///     lowest_is_missing: false,
/// };
/// move_windows(&View::of(&values), None, ViewMut::of(&mut means), 0, &request);
/// assert!(means[0].is_nan());
/// assert_eq!(means[1..], [5e15 + 0.5, 1.5, 2.5]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct WindowRequest<'a> {
    /// What is asked for.
    pub statistic: Statistic,
    /// The windows of each line.
    pub windows: Windows<'a>,
    /// Windows with fewer elements that are not missing have no result: NaN.
    pub least: usize,
    /// What is subtracted from the number of elements in a variance's divisor.
    pub ddof: i64,
    /// Whether the lowest 64-bit integer is a missing element, as of time differences.
    pub lowest_is_missing: bool,
}

/// What happened on the way.
///
/// ```
/// assert_eq!(mypackage::windows::WindowStatus::default().misfit, None);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WindowStatus {
    /// The line and the index of a result that is beyond 64-bit integers; the results are then of
    /// no use.
    pub misfit: Option<[usize; 2]>,
}

/// Writes the results of all windows along an axis, each rounded once; parallel where that pays.
///
/// Results are floating-point numbers, or, for sums and means of integers, 64-bit integers, whose
/// lowest stands for no result. `other` has the other parts of complex numbers: an element is missing
/// if either part is NaN, and variances are those of both together.
///
/// ```
/// use mypackage::sum::{View, ViewMut};
/// use mypackage::windows::{Statistic, WindowRequest, Windows, move_windows};
///
/// let values = [1i64, 2, 4];
/// let mut sums = [0.0; 2];
/// let request = WindowRequest {
///     statistic: Statistic::Sum,
///     windows: Windows::Bounds(&[[0, 3], [1, 1]]),
///     least: 0,
///     ddof: 0,
///     lowest_is_missing: false,
/// };
/// move_windows(&View::of(&values), None, ViewMut::of(&mut sums), 0, &request);
/// assert_eq!(sums, [7.0, 0.0]);
/// ```
///
/// # Panics
/// If a window is 0 or longer than 2^53, an index is beyond the line, or the shapes do not match.
pub fn move_windows(
    values: &View<'_>,
    other: Option<&View<'_>>,
    results: ViewMut<'_>,
    axis: usize,
    request: &WindowRequest<'_>,
) -> WindowStatus {
    let (count, length) = (values.axes()[axis].size, results.axes()[axis].size);
    let mut request = *request;
    if let Windows::Bounds(bounds) = request.windows {
        let within = |&[start, end]: &[usize; 2]| start.max(end) <= count;
        assert!(bounds.iter().all(within), "an index beyond the line");
        if let Some(window) = trailing(bounds, count) {
            request.windows = Windows::Fixed(window);
        }
    }
    match request.windows {
        Windows::Fixed(window) => {
            assert!((1..=1 << 53).contains(&window), "a window of {window}");
            assert_eq!(length, count, "a result for each element");
        }
        Windows::Bounds(bounds) => assert_eq!(length, bounds.len(), "a result for each window"),
    }
    let out = results.dtype();
    let mut lines = Lines::apart(values, results, axis);
    lines.interrupt = Interrupt::of_call(request.cost(values, axis));
    let interrupt = lines.interrupt.clone();
    let statuses = lines.split(1, 1, |for_each_group| {
        let mut worker = Worker::new(request, out, other, &interrupt);
        for_each_group(&mut |group| worker.run(group));
        worker.status
    });
    WindowStatus { misfit: statuses.into_iter().filter_map(|status| status.misfit).min() }
}

impl WindowRequest<'_> {
    /// How many elements are read along an axis of an array, or about so.
    ///
    /// ```
    /// # use mypackage::sum::View;
    /// # use mypackage::windows::{Statistic, WindowRequest, Windows};
    /// let request = WindowRequest {
    ///     statistic: Statistic::Sum,
    ///     windows: Windows::Bounds(&[[0, 9], [5, 10], [0, 4]]),
    ///     least: 1,
    ///     ddof: 0,
    ///     lowest_is_missing: false,
    /// };
    /// // Nine to begin with, six that enter or leave, and four that are added anew.
    /// assert_eq!(request.cost(&View::of(&[0u8; 10]), 0), 9 + 5 + 4 + 3);
    /// ```
    pub fn cost(&self, values: &View<'_>, axis: usize) -> usize {
        let along = match self.windows {
            Windows::Fixed(_) => values.axes()[axis].size,
            Windows::Bounds(bounds) => {
                let mut last = [0usize; 2];
                let steps = bounds.iter().map(|&[start, end]| {
                    let moved = last[0].abs_diff(start) + last[1].abs_diff(end);
                    last = [start, end];
                    moved.min(end.saturating_sub(start)) + 1
                });
                steps.fold(0, usize::saturating_add)
            }
        };
        let others = values.axes().iter().enumerate().filter(|&(index, _)| index != axis);
        others.fold(along, |size, (_, other)| size.saturating_mul(other.size))
    }

    fn options(&self, out: Dtype) -> Options {
        let window = match self.windows {
            Windows::Fixed(window) => window,
            Windows::Bounds(bounds) => {
                let lengths = bounds.iter().map(|&[start, end]| end.saturating_sub(start));
                lengths.max().unwrap_or(0).max(1)
            }
        };
        let format = match out {
            Dtype::F32 => Format::F32,
            Dtype::F16 => Format::F16,
            _ => Format::F64,
        };
        Options { statistic: self.statistic, window, least: self.least, ddof: self.ddof, format }
    }
}

/// The length of windows that are one for each element: it and those before it, as many as there are.
fn trailing(bounds: &[[usize; 2]], count: usize) -> Option<usize> {
    let window = bounds.last().map(|&[start, end]| end.saturating_sub(start))?;
    let alike = |(index, &pair): (usize, &[usize; 2])| {
        pair == [(index + 1).saturating_sub(window), index + 1]
    };
    (window > 0 && bounds.len() == count && bounds.iter().enumerate().all(alike)).then_some(window)
}

/// What a thread keeps from one line to the next.
struct Worker<'a> {
    request: WindowRequest<'a>,
    out: Dtype,
    other: Option<&'a View<'a>>,
    interrupt: &'a Interrupt,
    options: Options,
    engine: Option<Engine>,
    nearest: Vec<f64>,
    rest: Vec<f64>,
    imaginary: Vec<f64>,
    status: WindowStatus,
}

impl<'a> Worker<'a> {
    fn new(
        request: WindowRequest<'a>,
        out: Dtype,
        other: Option<&'a View<'a>>,
        interrupt: &'a Interrupt,
    ) -> Worker<'a> {
        let options = request.options(out);
        // Tiles are floating-point arithmetic; sums that move are integers.
        let tiles = environment::is_default()
            && options.window <= LONGEST
            && out.is_floating()
            && !(other.is_some() && options.statistic.is_moment());
        Worker {
            request,
            out,
            other,
            interrupt,
            options,
            engine: tiles.then(|| Engine::new(cpu::isa(), options)),
            nearest: Vec::new(),
            rest: Vec::new(),
            imaginary: Vec::new(),
            status: WindowStatus::default(),
        }
    }

    /// The results of a group of one line.
    fn run(&mut self, group: &mut Group<'_>) {
        let (line, index) = (group.line(0), group.first);
        let other = self.other.map(|other| group.line_of(other, 0));
        let mut out = group.out(0);
        let results = match self.request.windows {
            Windows::Fixed(_) => line.len(),
            Windows::Bounds(bounds) => bounds.len(),
        };
        let direct = match other {
            None => line.as_slice::<f64>().filter(|_| self.engine.is_some()),
            Some(_) => None,
        };
        if let Some(numbers) = direct {
            return self.run_engine(numbers, 0..results, 0..results, &mut out);
        }
        // Windows that are all alike need the elements of a part, and those of the window before.
        let part = match self.request.windows {
            Windows::Fixed(window) => PART.max(window.saturating_mul(8)),
            Windows::Bounds(_) => results.max(1),
        };
        for start in (0..results).step_by(part) {
            let outputs = start..results.min(start.saturating_add(part));
            let needed = match self.request.windows {
                Windows::Fixed(window) => start.saturating_sub(window)..outputs.end,
                Windows::Bounds(_) => 0..line.len(),
            };
            let (from, count) = (needed.start, needed.len());
            let elements = line.skip(from).truncate(count);
            let other = other.map(|other| other.skip(from).truncate(count));
            self.run_part(elements, other, from, index, outputs, &mut out);
        }
    }

    /// Some results of a line, given the elements that they need, from `base` on.
    fn run_part(
        &mut self,
        elements: Line<'_>,
        other: Option<Line<'_>>,
        base: usize,
        line: usize,
        outputs: Range<usize>,
        out: &mut LineMut<'_>,
    ) {
        self.read(elements, other);
        let (nearest, rest, imaginary) = (
            std::mem::take(&mut self.nearest),
            std::mem::take(&mut self.rest),
            std::mem::take(&mut self.imaginary),
        );
        if self.engine.is_some() && rest.is_empty() {
            let local = match self.request.windows {
                Windows::Fixed(_) => outputs.start - base..outputs.end - base,
                Windows::Bounds(_) => outputs.clone(),
            };
            self.run_engine(&nearest, local, outputs, out);
        } else {
            let imaginary = if self.options.statistic.is_moment() { &imaginary[..] } else { &[] };
            let elements = Elements { nearest: &nearest, rest: &rest, imaginary };
            self.run_exactly(elements, line, base, outputs, out);
        }
        (self.nearest, self.rest, self.imaginary) = (nearest, rest, imaginary);
    }

    /// Reads elements: missing ones become NaN.
    fn read(&mut self, line: Line<'_>, other: Option<Line<'_>>) {
        let isa = cpu::isa();
        let read = |line: Line<'_>, piece, into: &mut Vec<f64>| {
            into.resize(line.len(), 0.0);
            read_numbers(isa, line, piece, into);
        };
        read(line, Piece::Nearest, &mut self.nearest);
        self.rest.clear();
        self.imaginary.clear();
        if matches!(line.dtype(), Dtype::I64 | Dtype::U64) {
            const EXACT: f64 = (1u64 << 53) as f64;
            let lowest_is_missing = self.request.lowest_is_missing;
            if lowest_is_missing || self.nearest.iter().any(|x| x.abs() >= EXACT) {
                read(line, Piece::Rest, &mut self.rest);
            }
            if lowest_is_missing {
                for (nearest, rest) in self.nearest.iter_mut().zip(&self.rest) {
                    if *nearest == i64::MIN as f64 && *rest == 0.0 {
                        *nearest = f64::NAN;
                    }
                }
            }
        }
        if let Some(other) = other {
            read(other, Piece::Nearest, &mut self.imaginary);
            for (real, imaginary) in self.nearest.iter_mut().zip(&self.imaginary) {
                *real = if imaginary.is_nan() { f64::NAN } else { *real };
            }
        }
    }

    /// The results `local` of some numbers, which are the `outputs` of the line.
    fn run_engine(
        &mut self,
        numbers: &[f64],
        local: Range<usize>,
        outputs: Range<usize>,
        out: &mut LineMut<'_>,
    ) {
        let Some(mut engine) = self.engine.take() else {
            return;
        };
        let base = local.start;
        let dtype = self.out;
        let write = |out: &mut LineMut<'_>, start: usize, results: &[f64]| {
            for (index, &result) in results.iter().enumerate() {
                let place = outputs.start + (start - base) + index;
                match dtype {
                    Dtype::F64 => out.write(place, result),
                    Dtype::F32 => out.write(place, result as f32),
                    _ => out.write_bits(place, super::half_bits(result).into()),
                }
            }
        };
        match self.request.windows {
            Windows::Fixed(_) => {
                let direct = match dtype {
                    Dtype::F64 => out.as_slice::<f64>(outputs.start, outputs.len()),
                    _ => None,
                };
                match direct {
                    Some(direct) => {
                        engine.run(numbers, local, Some(direct), self.interrupt, |_, _| ());
                    }
                    None => engine.run(numbers, local, None, self.interrupt, |start, results| {
                        write(out, start, results);
                    }),
                }
            }
            Windows::Bounds(bounds) => {
                engine.run_bounds(numbers, &bounds[local], self.interrupt, |start, results| {
                    write(out, base + start, results);
                });
            }
        }
        self.engine = Some(engine);
    }

    /// Results by running exact sums.
    fn run_exactly(
        &mut self,
        elements: Elements<'_>,
        line: usize,
        base: usize,
        outputs: Range<usize>,
        out: &mut LineMut<'_>,
    ) {
        let mut moving = Moving::new(self.options, elements);
        for index in outputs {
            if index % TURN == 0 && self.interrupt.is_set() {
                return;
            }
            match self.request.windows {
                Windows::Fixed(window) => {
                    moving.move_to((index + 1).saturating_sub(window) - base..index + 1 - base);
                }
                Windows::Bounds(bounds) => moving.move_to(bounds[index][0]..bounds[index][1]),
            }
            if self.out.is_floating() {
                out.write_bits(index, moving.bits());
                continue;
            }
            match moving.integer() {
                Some(integer) => out.write_bits(index, integer as u64),
                None => {
                    let misfits = self.status.misfit.into_iter().chain([[line, index]]);
                    self.status.misfit = misfits.min();
                }
            }
        }
    }
}

/// Results between two looks at whether to go on.
const TURN: usize = 1 << 12;
