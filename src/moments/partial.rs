//! The state of one result, for any type, and of a thread between results.

use super::block::{self, Ask, Real};
use super::columns::Columns;
use super::fixed::Fixed;
use super::integers::{Integer, Integers};
use super::moment::{Moment, Sums};
use super::narrow::Narrow;
use super::run::{self, Run, Wide};
use super::short_rows::{self, Divisors};
use crate::array::element::Native;
use crate::array::view::Rows;
use crate::cpu::Isa;
use crate::exact::round::Format;

/// The size in bytes from which memory is prefetched, and the prefetch distance.
const FAR: usize = 1 << 20;
const AHEAD: usize = 4 << 10;

/// The number of elements copied for exact addition.
const STAGE: usize = 1024;

/// A thread's state for all its results.
#[derive(Debug)]
pub(crate) struct Worker {
    isa: Isa,
    ask: Ask,
    /// 2 if the numbers are the parts of complex ones.
    parts: usize,
    /// The format of results; `None` if exact sums are needed.
    format: Option<Format>,
    block: usize,
}

impl Worker {
    /// For results to be certified in a format, or, with `None`, for exact sums.
    pub fn new(isa: Isa, moment: &Moment, parts: usize, format: Option<Format>) -> Worker {
        Worker {
            isa,
            ask: Ask { sums: moment.has_sums(), skip_nan: moment.skip_nan },
            parts,
            format,
            block: block::length(isa),
        }
    }

    /// Whether NaNs are to be left out.
    pub fn leave_nans_out(&mut self, skip_nan: bool) {
        self.ask.skip_nan = skip_nan;
    }

    /// Switches to exact sums, or to results to be certified in a format.
    pub fn exactly(&mut self, exactly: bool, format: Option<Format>) {
        self.format = if exactly { None } else { format };
    }
}

/// The state of one result.
#[derive(Debug, Default)]
pub(crate) struct Partial {
    run: Option<Run>,
    narrow: Option<Narrow>,
    integers: Option<Integers>,
    exact: Option<Box<Fixed>>,
    /// The number of consecutive blocks that had to be added exactly, and of further ones to be
    /// added exactly without an attempt.
    refused: u8,
    hopeless: u8,
    wide: Option<Box<Wide>>,
    /// Whether a number was not finite, so that the elements must be read again.
    spoilt: bool,
}

/// A number type with moments.
pub(crate) trait Element: Native {
    /// Adds numbers; NaNs are left out if the worker says so.
    fn add(values: &[Self], worker: &mut Worker, into: &mut Partial);

    /// Adds numbers whose byte in the mask is not 0.
    fn add_selected(values: &[Self], counted: &[u8], worker: &mut Worker, into: &mut Partial);

    /// Whether there are kernels for columns and short rows.
    const HAS_MANY: bool = false;

    /// Adds rows to columns.
    fn add_rows(
        isa: Isa,
        rows: Rows<'_, Self>,
        counted: Option<Rows<'_, u8>>,
        columns: &mut Columns,
    ) {
        let _ = (isa, rows, counted, columns);
    }

    /// The results of short rows, not finite where they are uncertain.
    fn moments_of_rows(isa: Isa, rows: Rows<'_, Self>, divisors: Divisors, results: &mut [f64]) {
        let _ = (isa, rows, divisors);
        results.fill(f64::NAN);
    }
}

fn ahead<V>(values: &[V]) -> usize {
    if size_of_val(values) >= FAR { AHEAD } else { 0 }
}

/// Adds numbers to sums about a shift, or exactly if these do not accept them.
#[inline(always)]
fn add_run<V: Real>(values: &[V], worker: &mut Worker, into: &mut Partial) {
    if worker.format.is_none() {
        return add_exactly(values, worker, into);
    }
    let (ask, ahead) = (worker.ask, ahead(values));
    for block in values.chunks(worker.block) {
        if into.run.is_none() {
            into.run = Run::guess(values, worker.parts, ask, worker.block);
        }
        // (If consecutive blocks are refused, attempts become rarer.)
        into.hopeless = into.hopeless.saturating_sub(1);
        let added = into.hopeless == 0
            && into.run.as_mut().is_some_and(|run| run.add(worker.isa, block, ask, ahead));
        if added {
            into.refused = 0;
        } else {
            add_exactly(block, worker, into);
            if into.hopeless == 0 {
                into.refused = (into.refused + 1).min(16);
                into.hopeless = into.refused;
            }
        }
    }
}

/// Adds numbers whose byte in a mask is not 0 to sums about a shift, which is guessed from the first
/// ones; or as others are, if they do not fit these.
fn add_selected_run<V: Real>(
    values: &[V],
    counted: &[u8],
    worker: &mut Worker,
    into: &mut Partial,
    add: fn(&[V], &mut Worker, &mut Partial),
) {
    if worker.format.is_none() || worker.parts == 2 || !worker.ask.sums {
        return add_compressed(values, counted, worker, into, add);
    }
    let (isa, ask, ahead) = (worker.isa, worker.ask, ahead(values));
    for (values, counted) in values.chunks(worker.block).zip(counted.chunks(worker.block)) {
        let taken = into.hopeless == 0
            && into
                .run
                .as_mut()
                .is_some_and(|run| run.add_selected(isa, values, counted, ask, ahead));
        if !taken {
            add_compressed(values, counted, worker, into, add);
        }
    }
}

/// Whether numbers have two parts, of which either may be a NaN to be left out.
fn must_look_at_pairs(worker: &Worker) -> bool {
    worker.parts == 2 && worker.ask.skip_nan
}

/// Adds complex numbers without a NaN in either part.
fn add_pairs<V: Real + Native>(
    values: &[V],
    worker: &mut Worker,
    into: &mut Partial,
    add: fn(&[V], &mut Worker, &mut Partial),
) {
    worker.ask.skip_nan = false;
    for values in values.chunks(2 * STAGE) {
        let mut counted = [0; STAGE];
        for (counted, number) in counted.iter_mut().zip(values.chunks_exact(2)) {
            *counted = u8::from(!number.iter().any(|part| part.widen().is_nan()));
        }
        add_compressed(values, &counted, worker, into, add);
    }
    worker.ask.skip_nan = true;
}

impl Element for f64 {
    #[inline]
    fn add(values: &[f64], worker: &mut Worker, into: &mut Partial) {
        if must_look_at_pairs(worker) {
            return add_pairs(values, worker, into, f64::add);
        }
        add_run(values, worker, into);
    }

    fn add_selected(values: &[f64], counted: &[u8], worker: &mut Worker, into: &mut Partial) {
        add_selected_run(values, counted, worker, into, f64::add);
    }

    const HAS_MANY: bool = true;

    fn add_rows(
        isa: Isa,
        rows: Rows<'_, f64>,
        counted: Option<Rows<'_, u8>>,
        columns: &mut Columns,
    ) {
        columns.add(isa, rows, counted);
    }

    fn moments_of_rows(isa: Isa, rows: Rows<'_, f64>, divisors: Divisors, results: &mut [f64]) {
        short_rows::moments_of_rows(isa, rows, divisors, results);
    }
}

impl Element for f32 {
    #[inline]
    fn add(values: &[f32], worker: &mut Worker, into: &mut Partial) {
        if must_look_at_pairs(worker) {
            return add_pairs(values, worker, into, f32::add);
        }
        if !matches!(worker.format, Some(Format::F32 | Format::F16)) {
            return add_run(values, worker, into);
        }
        let (ask, parts) = (worker.ask, worker.parts);
        let narrow = into.narrow.get_or_insert_with(|| Narrow::guess(values, parts, ask));
        narrow.add(worker.isa, values, ask, ahead(values));
    }

    fn add_selected(values: &[f32], counted: &[u8], worker: &mut Worker, into: &mut Partial) {
        if matches!(worker.format, Some(Format::F32 | Format::F16)) {
            return add_compressed(values, counted, worker, into, f32::add);
        }
        add_selected_run(values, counted, worker, into, f32::add);
    }

    const HAS_MANY: bool = true;

    fn add_rows(
        isa: Isa,
        rows: Rows<'_, f32>,
        counted: Option<Rows<'_, u8>>,
        columns: &mut Columns,
    ) {
        columns.add(isa, rows, counted);
    }

    fn moments_of_rows(isa: Isa, rows: Rows<'_, f32>, divisors: Divisors, results: &mut [f64]) {
        short_rows::moments_of_rows(isa, rows, divisors, results);
    }
}

macro_rules! integer {
    ($($type:ty),*) => {$(
        impl Element for $type {
            #[inline]
            fn add(values: &[$type], worker: &mut Worker, into: &mut Partial) {
                add_integers(values, worker, into);
            }

            fn add_selected(
                values: &[$type],
                counted: &[u8],
                worker: &mut Worker,
                into: &mut Partial,
            ) {
                add_compressed(values, counted, worker, into, <$type>::add);
            }
        }
    )*};
}

integer!(i64, u64, i32, u32, i16, u16, i8, u8);

fn add_integers<T: Integer>(values: &[T], worker: &mut Worker, into: &mut Partial) {
    into.integers.get_or_insert_default().add(worker.isa, values);
}

/// Compacts the included elements, and adds them.
#[inline(always)]
fn add_compressed<V: Native>(
    values: &[V],
    counted: &[u8],
    worker: &mut Worker,
    into: &mut Partial,
    add: fn(&[V], &mut Worker, &mut Partial),
) {
    let parts = worker.parts;
    let mut stage = [V::default(); 2 * STAGE];
    let values = values.chunks(STAGE * parts);
    for (values, counted) in values.zip(counted.chunks(STAGE)) {
        let mut kept = 0;
        for (number, &counts) in values.chunks_exact(parts).zip(counted) {
            stage[kept..kept + parts].copy_from_slice(number);
            kept += if counts != 0 { parts } else { 0 };
        }
        add(&stage[..kept], worker, into);
    }
}

/// Adds numbers to exact sums.
fn add_exactly<V: Real>(values: &[V], worker: &Worker, into: &mut Partial) {
    let Ask { sums, skip_nan } = worker.ask;
    into.exact.get_or_insert_default().add(values, worker.parts, sums, skip_nan);
}

impl Partial {
    /// The bounds for a column; `None` if they do not suffice.
    pub fn of_column(column: Option<Wide>) -> Partial {
        Partial { spoilt: column.is_none(), wide: column.map(Box::new), ..Partial::default() }
    }

    fn shift(&self, parts: usize) -> [f64; 2] {
        let wide = self.wide.as_ref().map(|wide| wide.shift());
        self.run.as_ref().map(|run| run.shift(parts)).or(wide).unwrap_or_default()
    }

    /// All sums except those of integers, merged; `None` if one is infinite or NaN.
    fn into_wide(self, shift: [f64; 2], parts: usize) -> Option<Wide> {
        let mut all = Wide::of(&Sums::default(), shift)?;
        if let Some(wide) = self.wide {
            all.merge(*wide)?;
        }
        if let Some(run) = self.run {
            all.merge(run.into_wide(parts))?;
        }
        if let Some(narrow) = self.narrow {
            all.merge(narrow.into_wide(parts)?)?;
        }
        if let Some(exact) = self.exact {
            all.merge(Wide::of(&exact.to_sums(), shift)?)?;
        }
        Some(all)
    }

    /// Adds another one.
    pub fn merge(&mut self, mut other: Partial, parts: usize) {
        if let Some(theirs) = other.integers.take() {
            self.integers.get_or_insert_default().merge(&theirs);
        }
        if let Some(theirs) = other.exact.take() {
            self.exact.get_or_insert_default().merge(&theirs);
        }
        self.spoilt |= other.spoilt;
        if other.run.is_none() && other.narrow.is_none() && other.wide.is_none() {
            return;
        }
        let shift = self.shift(parts);
        let mine = Partial {
            run: self.run.take(),
            narrow: self.narrow.take(),
            wide: self.wide.take(),
            ..Partial::default()
        };
        let both = (mine.into_wide(shift, parts), other.into_wide(shift, parts));
        self.wide = match both {
            (Some(mut wide), Some(theirs)) => wide.merge(theirs).map(|()| Box::new(wide)),
            _ => None,
        };
        self.spoilt |= self.wide.is_none();
    }

    /// The number of elements included.
    #[inline]
    pub fn count(&self, parts: usize) -> i64 {
        let numbers = self.run.as_ref().map_or(0, |run| run.count)
            + self.narrow.as_ref().map_or(0, |narrow| narrow.count);
        numbers / parts as i64
            + self.integers.as_ref().map_or(0, |integers| integers.count)
            + self.exact.as_ref().map_or(0, |exact| exact.count)
            + self.wide.as_ref().map_or(0, |wide| wide.count)
    }

    /// The result, if it is decided.
    #[inline]
    pub fn round(&mut self, worker: &Worker, moment: &Moment, format: Format) -> Option<u64> {
        let Worker { isa, parts, .. } = *worker;
        let count = self.count(parts);
        if let Some(integers) = &self.integers {
            return integers.round(isa, moment, count, format);
        }
        if self.spoilt {
            return None;
        }
        if self.exact.is_none() && self.wide.is_none() {
            if let Some(narrow) = &self.narrow {
                if narrow.is_constant() && run::is_zero(moment, count) {
                    return Some(0);
                }
                return run::round(isa, narrow.near(parts), moment, count, format);
            }
            return self.run.as_mut()?.round(isa, moment, parts, count, format);
        }
        if self.run.is_none() && self.narrow.is_none() && self.wide.is_none() {
            return self.exact.as_ref()?.round(isa, moment, format);
        }
        let shift = self.shift(parts);
        let all = std::mem::take(self);
        // (Parts that were split off are not exact sums.)
        self.spoilt = true;
        let wide = all.into_wide(shift, parts)?;
        wide.round(isa, moment, parts, count, format)
    }

    /// The sums, if all of them are exact.
    pub fn into_exact(self) -> Option<Sums> {
        if self.run.is_some() || self.narrow.is_some() || self.wide.is_some() || self.spoilt {
            return None;
        }
        if let Some(integers) = self.integers {
            return Some(integers.to_sums(integers.count));
        }
        Some(self.exact.map_or_else(Sums::default, |exact| exact.to_sums()))
    }
}
