//! Arrays of any layout: lines and their results.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::bounds::Bounds;
use super::columns::Columns;
use super::line::{Engine, LONGEST};
use super::running::{Elements, Moving};
use super::source::{Numbers, Out, convert, narrow, widen};
use super::{Options, Statistic};
use crate::array::dtype::Dtype;
use crate::array::element::{Piece, read_numbers};
use crate::array::view::{Line, LineMut, View, ViewMut};
use crate::array::walk::{Group, Lines};
use crate::cpu;
use crate::environment;
use crate::exact::round::Format;
use crate::interrupt::Interrupt;
use crate::threads;

/// The least number of elements of a line that are read at once; no power of two, as in `columns`.
const PART: usize = 9024;
/// The number of neighbouring lines that are read together where the elements of a line are far apart:
/// those of neighbours share cache lines, and the hardware foresees the next ones.
const TOGETHER: usize = 32;
/// Threads share this many neighbouring lines: the numbers of a cache line.
const SHARED: usize = 8;
/// The number of elements of a line that are read or written before those of its neighbour.
const ROWS: usize = 64;

/// The windows of each line.
#[derive(Debug, Clone, Copy)]
pub enum Windows<'a> {
    /// A window for each element: this many elements, of which it is the last.
    Fixed(usize),
    /// Windows between given indices.
    Bounds(Bounds<'a>),
}

/// The statistics to compute for windows along an axis.
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
    /// The statistic to compute.
    pub statistic: Statistic,
    /// The windows of each line.
    pub windows: Windows<'a>,
    /// Windows with fewer elements that are not missing have no result: NaN.
    pub least: usize,
    /// Delta degrees of freedom of variances.
    pub ddof: i64,
    /// Whether the lowest 64-bit integer is a missing element, as of time differences.
    pub lowest_is_missing: bool,
}

/// What happened while summing.
///
/// ```
/// assert_eq!(mypackage::windows::WindowStatus::default().misfit, None);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WindowStatus {
    /// The line and the index of a result that does not fit a 64-bit integer; all results are then
    /// meaningless.
    pub misfit: Option<[usize; 2]>,
}

/// Writes the results of all windows along an axis, each rounded once; parallel where that pays.
///
/// Results are floating-point numbers, or, for sums and means of integers, 64-bit integers, of which the
/// lowest stands for no result. `other` has the other parts of complex numbers: an element is missing
/// if either part is NaN, and a variance is the sum of those of the two parts.
///
/// ```
/// use mypackage::sum::{View, ViewMut};
/// use mypackage::windows::{Bounds, Statistic, WindowRequest, Windows, move_windows};
///
/// let values = [1i64, 2, 4];
/// let mut sums = [0.0; 2];
/// let request = WindowRequest {
///     statistic: Statistic::Sum,
///     windows: Windows::Bounds(Bounds::new(&[0, 1], &[3, 1])),
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
        assert_eq!(bounds.outside(count), None, "an index beyond the line");
        if let Some(window) = trailing(bounds, count) {
            request.windows = Windows::Fixed(window);
        }
    }
    match request.windows {
        Windows::Fixed(window) => {
            assert!((1..=1 << 53).contains(&(window as u64)), "a window of {window}");
            assert_eq!(length, count, "a result for each element");
        }
        Windows::Bounds(bounds) => assert_eq!(length, bounds.len(), "a result for each window"),
    }
    let out = results.dtype();
    let mut lines = Lines::apart(values, results, axis);
    lines.interrupt = Interrupt::of_call(request.cost(values, axis));
    let interrupt = lines.interrupt.clone();
    let is_only = values.size() == count;
    let statuses = lines.split(TOGETHER, SHARED, |for_each_group| {
        let mut worker = Worker::new(request, out, other, &interrupt, is_only);
        for_each_group(&mut |group| worker.run(group));
        worker.status
    });
    WindowStatus { misfit: statuses.into_iter().filter_map(|status| status.misfit).min() }
}

impl WindowRequest<'_> {
    /// Roughly how many elements are read along an axis of an array.
    ///
    /// ```
    /// # use mypackage::sum::View;
    /// # use mypackage::windows::{Bounds, Statistic, WindowRequest, Windows};
    /// let request = WindowRequest {
    ///     statistic: Statistic::Sum,
    ///     windows: Windows::Bounds(Bounds::new(&[0, 5, 0], &[9, 10, 4])),
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
            Windows::Bounds(bounds) => bounds.cost(),
        };
        let others = values.axes().iter().enumerate().filter(|&(index, _)| index != axis);
        others.fold(along, |size, (_, other)| size.saturating_mul(other.size))
    }

    fn options(&self, out: Dtype) -> Options {
        let window = match self.windows {
            Windows::Fixed(window) => window,
            Windows::Bounds(bounds) => bounds.longest().max(1),
        };
        let format = match out {
            Dtype::F32 => Format::F32,
            Dtype::F16 => Format::F16,
            _ => Format::F64,
        };
        Options { statistic: self.statistic, window, least: self.least, ddof: self.ddof, format }
    }
}

/// The common length, if there is a window for each element that ends with it, cut off at the start of the line.
fn trailing(bounds: Bounds<'_>, count: usize) -> Option<usize> {
    let last = bounds.len().checked_sub(1)?;
    let window = bounds.get(last)[1].saturating_sub(bounds.get(last)[0]);
    let alike = |(index, pair): (usize, [usize; 2])| {
        pair == [(index + 1).saturating_sub(window), index + 1]
    };
    (window > 0 && bounds.len() == count && bounds.iter().enumerate().all(alike)).then_some(window)
}

/// A thread's state between lines.
struct Worker<'a> {
    request: WindowRequest<'a>,
    out: Dtype,
    other: Option<&'a View<'a>>,
    interrupt: &'a Interrupt,
    options: Options,
    /// Whether there is one line.
    is_only: bool,
    engine: Option<Engine>,
    doubles: Columns<f64, f64>,
    singles: Columns<f32, f32>,
    integers: Columns<i64, f64>,
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
        is_only: bool,
    ) -> Worker<'a> {
        let options = request.options(out);
        // Tiles use floating-point arithmetic; running sums use integers.
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
            is_only,
            engine: tiles.then(|| Engine::new(cpu::isa(), options)),
            doubles: Columns::new(),
            singles: Columns::new(),
            integers: Columns::new(),
            nearest: Vec::new(),
            rest: Vec::new(),
            imaginary: Vec::new(),
            status: WindowStatus::default(),
        }
    }

    /// Computes a group of lines.
    fn run(&mut self, group: &mut Group<'_>) {
        let first = group.line(0);
        let scattered = first.as_slice::<f64>().is_none() && first.as_slice::<f32>().is_none();
        if let Windows::Fixed(window) = self.request.windows
            && group.len() > 1
            && self.other.is_none()
        {
            if self.run_columns(group, window) {
                return;
            }
            if scattered
                && self.engine.is_some()
                && matches!(first.dtype(), Dtype::F64 | Dtype::F32)
            {
                return self.run_together(group, window);
            }
        }
        for place in 0..group.len() {
            self.run_line(group, place);
        }
    }

    /// The results of adjacent columns; `false` if they are no such, or have integers too large.
    fn run_columns(&mut self, group: &mut Group<'_>, window: usize) -> bool {
        let (isa, interrupt) = (cpu::isa(), self.interrupt);
        let Some(engine) = &mut self.engine else {
            return false;
        };
        if let Some((rows, out)) = group.columns() {
            return self.doubles.run(isa, engine, window, rows, out, interrupt);
        }
        if let Some((rows, out)) = group.columns() {
            return self.singles.run(isa, engine, window, rows, out, interrupt);
        }
        if !self.request.lowest_is_missing
            && let Some((rows, out)) = group.columns()
        {
            return self.integers.run(isa, engine, window, rows, out, interrupt);
        }
        false
    }

    /// The results of neighbouring lines of other layouts.
    fn run_together(&mut self, group: &mut Group<'_>, window: usize) {
        let isa = cpu::isa();
        let (length, lines) = (group.line(0).len(), group.len());
        let part = PART.max(window.saturating_mul(8));
        let mut numbers: Vec<Vec<f64>> = vec![Vec::new(); lines];
        let mut results: Vec<Vec<f64>> = vec![Vec::new(); lines];
        for start in (0..length).step_by(part) {
            let end = length.min(start.saturating_add(part));
            let base = start.saturating_sub(window);
            numbers.iter_mut().for_each(|numbers| numbers.resize(end - base, 0.0));
            results.iter_mut().for_each(|results| results.resize(end - start, 0.0));
            for from in (base..end).step_by(ROWS) {
                let to = end.min(from + ROWS);
                for (place, numbers) in numbers.iter_mut().enumerate() {
                    let elements = group.line(place).skip(from).truncate(to - from);
                    let into = &mut numbers[from - base..to - base];
                    read_numbers(isa, elements, Piece::Nearest, into);
                }
            }
            let local = start - base..end - base;
            if let Some(engine) = &mut self.engine {
                for (numbers, results) in numbers.iter().zip(&mut results) {
                    let (numbers, out) = (Numbers::F64(numbers), Some(Out::F64(results)));
                    engine.run(numbers, local.clone(), out, self.interrupt, |_, _| ());
                }
            }
            for from in (start..end).step_by(ROWS) {
                let to = end.min(from + ROWS);
                for (place, results) in results.iter().enumerate() {
                    let results = &results[from - start..to - start];
                    write(&mut group.out(place), self.out, from, results);
                }
            }
        }
    }

    /// The results of one of the lines of a group.
    fn run_line(&mut self, group: &mut Group<'_>, place: usize) {
        let (line, index) = (group.line(place), group.first + place);
        let other = self.other.map(|other| group.line_of(other, place));
        let mut out = group.out(place);
        let results = match self.request.windows {
            Windows::Fixed(_) => line.len(),
            Windows::Bounds(bounds) => bounds.len(),
        };
        if other.is_none()
            && let Some(numbers) = self.numbers_of(line)
            && (self.run_in_parts(numbers, &mut out)
                || self.run_engine(numbers, 0..results, 0..results, &mut out))
        {
            return;
        }
        // With windows of one length, a part needs its own elements and those of the window before it.
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

    /// The numbers of a line for the engine, if it can read them where they are.
    fn numbers_of<'l>(&self, line: Line<'l>) -> Option<Numbers<'l>> {
        self.engine.as_ref()?;
        let numbers = line.as_slice::<f64>().map(Numbers::F64);
        // (Of windows by indices, all are widened at once.)
        if numbers.is_some() || !matches!(self.request.windows, Windows::Fixed(_)) {
            return numbers;
        }
        let integers = || line.as_slice::<i64>().filter(|_| !self.request.lowest_is_missing);
        let singles = line.as_slice::<f32>().map(Numbers::F32);
        singles.or_else(|| integers().map(Numbers::I64))
    }

    /// The results of the only line, in parts shared among threads; returns whether that pays, and succeeds.
    fn run_in_parts(&self, numbers: Numbers<'_>, out: &mut LineMut<'_>) -> bool {
        let Windows::Fixed(window) = self.request.windows else {
            return false;
        };
        let share = threads::share(numbers.len(), numbers.len(), 1);
        // Each part begins with a window.
        let share = share.max(window.saturating_mul(8));
        if !self.is_only || share >= numbers.len() {
            return false;
        }
        let parts: Vec<_> = match self.out {
            Dtype::F64 => match out.as_slice::<f64>(0, numbers.len()) {
                Some(results) => {
                    results.chunks_mut(share).map(|part| Mutex::new(Some(Out::F64(part)))).collect()
                }
                None => return false,
            },
            Dtype::F32 => match out.as_slice::<f32>(0, numbers.len()) {
                Some(results) => {
                    results.chunks_mut(share).map(|part| Mutex::new(Some(Out::F32(part)))).collect()
                }
                None => return false,
            },
            _ => return false,
        };
        let fits = threads::split(parts.len(), 1, |ranges| {
            let mut worker = Worker::new(self.request, self.out, None, self.interrupt, true);
            let mut fits = true;
            for index in ranges.flatten() {
                if !fits {
                    break;
                }
                let part = parts[index].lock().unwrap_or_else(PoisonError::into_inner).take();
                let Some(mut results) = part else { continue };
                let outputs = index * share..numbers.len().min((index + 1) * share);
                match &mut worker.engine {
                    Some(engine) => {
                        fits =
                            engine.run(numbers, outputs, Some(results), self.interrupt, |_, _| ());
                    }
                    // A thread with another floating-point environment does not widen numbers.
                    None => match numbers {
                        Numbers::F64(numbers) => {
                            let mut moving = Moving::new(self.options, Elements::real(numbers));
                            for (place, index) in outputs.enumerate() {
                                moving.enter(index);
                                results.write(cpu::isa(), place, &[moving.number()]);
                            }
                        }
                        _ => fits = false,
                    },
                }
            }
            fits
        });
        fits.into_iter().all(|fits| fits)
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
            self.run_engine(Numbers::F64(&nearest), local, outputs, out);
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
        self.rest.clear();
        self.imaginary.clear();
        let by_arithmetic = environment::is_default();
        if by_arithmetic && let Some(singles) = line.as_slice::<f32>() {
            self.nearest.resize(singles.len(), 0.0);
            return widen(isa, singles, &mut self.nearest);
        }
        if by_arithmetic
            && let Some(words) = line.as_slice::<i64>()
            && !self.request.lowest_is_missing
        {
            self.nearest.resize(words.len(), 0.0);
            if convert(isa, words, &mut self.nearest) {
                return;
            }
        }
        read(line, Piece::Nearest, &mut self.nearest);
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

    /// The results `local` of some numbers, which are the `outputs` of the line; `false` if an integer is too
    /// large.
    fn run_engine(
        &mut self,
        numbers: Numbers<'_>,
        local: Range<usize>,
        outputs: Range<usize>,
        out: &mut LineMut<'_>,
    ) -> bool {
        let Some(mut engine) = self.engine.take() else {
            return false;
        };
        let (base, dtype, interrupt) = (local.start, self.out, self.interrupt);
        let adjacent = match (dtype, numbers) {
            (Dtype::F64, _) => out.as_slice::<f64>(outputs.start, outputs.len()).map(Out::F64),
            (Dtype::F32, Numbers::F32(_)) => {
                out.as_slice::<f32>(outputs.start, outputs.len()).map(Out::F32)
            }
            _ => None,
        };
        let (direct, mut out) = match adjacent {
            Some(direct) => (Some(direct), None),
            None => (None, Some(out)),
        };
        let put = |start: usize, results: &[f64]| {
            if let Some(out) = &mut out {
                write(out, dtype, outputs.start + start, results);
            }
        };
        let fits = match (self.request.windows, numbers) {
            (Windows::Fixed(_), _) => {
                let mut put = put;
                let put = |start: usize, results: &[f64]| put(start - base, results);
                engine.run(numbers, local, direct, interrupt, put)
            }
            (Windows::Bounds(bounds), Numbers::F64(numbers)) => {
                let direct = match direct {
                    Some(Out::F64(results)) => Some(results),
                    _ => None,
                };
                engine.run_bounds(numbers, bounds.part(local), direct, interrupt, put);
                true
            }
            (Windows::Bounds(_), _) => false,
        };
        self.engine = Some(engine);
        fits
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
                Windows::Bounds(bounds) => {
                    let [start, end] = bounds.get(index);
                    moving.move_to(start..end);
                }
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

/// Writes results from a position on.
fn write(out: &mut LineMut<'_>, dtype: Dtype, place: usize, results: &[f64]) {
    match dtype {
        Dtype::F64 => {
            for (index, &result) in results.iter().enumerate() {
                out.write(place + index, result);
            }
        }
        Dtype::F32 => match out.as_slice::<f32>(place, results.len()) {
            Some(to) => narrow(cpu::isa(), results, to),
            None => {
                for (index, &result) in results.iter().enumerate() {
                    out.write(place + index, result as f32);
                }
            }
        },
        _ => {
            for (index, &result) in results.iter().enumerate() {
                out.write_bits(place + index, super::half_bits(result).into());
            }
        }
    }
}

/// The number of results between two checks for interrupts.
const TURN: usize = 1 << 12;
