//! Tables of groups: how they are filled, by label, and handed on.
//!
//! A piece of numbers is cut into pairs of integers at a scale that is common to the whole line
//! (`block`'s levels again, but less filled, so that two million pairs add up without overflow, and
//! as many more as the sums have room for); the pairs are added to their groups. A piece that cannot
//! be cut exactly is added number by number to an [`Accumulator`] for each group. Both are exact, so
//! the order of the elements does not matter.
//!
//! The scale is guessed from some of the numbers; if larger ones turn up, the sums start again. A
//! table of many groups is slow to be mapped and to be found in: sorted labels do with one for the
//! groups of a window. Lines that lie side by side in memory have a table in common, to which a number
//! of each is added at once.

#![allow(unsafe_code)] // Addresses from strides.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicI64, Ordering};

use super::cut::{Cut, PART_BITS};
use crate::cpu::{self, Isa, dispatch};
use crate::fpu::Environment;
use crate::interrupt::Interrupt;
use crate::pages;
use crate::sum::array::memory::prefetch;
use crate::sum::array::request::{Axis, Dtype, Request, by_dtype};
use crate::sum::array::walk::{Line, Operand, Reading, Stage};
use crate::sum::binary64::power_of_two;
use crate::sum::kernel::block::HIGHEST;
use crate::sum::kernel::slice::PARALLEL_FROM;
use crate::sum::state::accumulator::Accumulator;
use crate::sum::state::pairs::{BATCH, Pairs};
use crate::sum::state::sink::{Each, Sink};
use crate::threads;

/// Sums along the one reduced axis of `request` by label: element `i` of a line belongs to the
/// group `labels[i]`, or to none if that is negative. Calls `put(index, sum)`, from any thread, for
/// every result in row-major order of the array's shape with `groups` in place of the axis.
///
/// Counts are not kept: they are those of the labels.
///
/// ```
/// use std::sync::Mutex;
///
/// use mypackage::sum::{Axis, Dtype, Request, sum_groups};
///
/// let values = [1e16, 5.0, 1.0, 8.0, -1e16];
/// let labels = [0, 1, 0, -1, 0];
/// let request = Request {
///     dtype: Dtype::F64,
///     swapped: false,
///     data: values.as_ptr().cast(),
///     mask: None,
///     skip_nan: false,
///     axes: vec![Axis { size: 5, stride: 8, mask_stride: 0, reduced: true }],
/// };
/// let results = Mutex::new([f64::NAN; 2]);
/// // SAFETY: the axis is that of the slice.
/// unsafe {
///     sum_groups(&request, &labels, 2, &|group, sum| {
///         results.lock().unwrap()[group] = sum.to_f64();
///     });
/// }
/// assert_eq!(results.into_inner().unwrap(), [1.0, 5.0]);
/// ```
///
/// # Panics
/// If a label is not below `groups`, or `labels` is not as long as the axis.
///
/// # Safety
/// All elements must be readable during the call. A mask and `skip_nan` are not looked at.
pub unsafe fn sum_groups(
    request: &Request,
    labels: &[i64],
    groups: usize,
    put: &(dyn Fn(usize, &Accumulator) + Sync),
) {
    let labels = Labels::surveyed(labels);
    assert!(labels.groups() <= groups);
    // SAFETY: the caller's promise.
    unsafe { sum_groups_into(request, labels, groups, &Each(put)) };
}

/// As [`sum_groups`], into any [`Sink`]. Labels that are not below `groups` belong to no group: it
/// returns the highest of them, or -1.
///
/// # Safety
/// That of [`sum_groups`].
pub(crate) unsafe fn sum_groups_into(
    request: &Request,
    labels: Labels<'_>,
    groups: usize,
    sink: &(dyn Sink + Sync),
) -> i64 {
    by_dtype!(request.dtype, run(request, labels, groups, sink))
}

/// Labels, and what is known of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Labels<'a> {
    pub all: &'a [i64],
    /// At least as high as all labels; -1 if there is none, or all are negative.
    highest: i64,
    /// Whether it is known that none is less than the one before.
    ascending: bool,
}

impl<'a> Labels<'a> {
    /// Looks at all labels.
    pub fn surveyed(all: &'a [i64]) -> Labels<'a> {
        let (highest, ascending) = survey(cpu::isa(), all);
        Labels { all, highest, ascending }
    }

    /// Looks at no more labels than are needed to know which way to sum so many groups.
    #[cfg(feature = "python")]
    pub fn of_groups(all: &'a [i64], groups: usize) -> Labels<'a> {
        let apart = all.len() / SAMPLE + 1;
        let unknown = Labels { all, highest: i64::MAX, ascending: false };
        if groups > WINDOW && all.iter().step_by(apart).is_sorted() {
            Labels::surveyed(all)
        } else {
            unknown
        }
    }

    /// So many groups have a label, at most.
    pub fn groups(&self) -> usize {
        (self.highest + 1) as usize
    }
}

#[inline(always)]
fn survey_body(labels: &[i64]) -> (i64, bool) {
    let Some((&first, later)) = labels.split_first() else {
        return (-1, true);
    };
    let (mut highest, mut descents) = (first.max(-1), 0);
    for (&label, &before) in later.iter().zip(labels) {
        highest = highest.max(label);
        descents |= u64::from(label < before);
    }
    (highest, descents == 0)
}

dispatch! {
    fn survey(labels: &[i64]) -> (i64, bool) = survey_body
}

fn run<O: Operand<Value: Cut>>(
    request: &Request,
    labels: Labels<'_>,
    groups: usize,
    sink: &(dyn Sink + Sync),
) -> i64 {
    let Some(axis) = request.axes.iter().position(|axis| axis.reduced) else {
        return -1;
    };
    let along = request.axes[axis];
    assert_eq!(along.size, labels.all.len());
    let inner: usize = request.axes[axis + 1..].iter().map(|axis| axis.size).product();
    let size = request.results().saturating_mul(along.size);
    let interrupt = &Interrupt::of_call(size);
    let isa = cpu::isa();
    // Sorted labels name the groups of one window after the other.
    let window = if labels.ascending { WINDOW.min(groups) } else { groups };
    let windows = if window == 0 { 0 } else { groups.div_ceil(window) };
    let threads = threads::get();
    // Lines that lie closer together than their elements are read side by side.
    let across = request.axes[axis + 1..].last().filter(|across| {
        across.size >= NARROW && across.stride.unsigned_abs() < along.stride.unsigned_abs()
    });
    let share = across.map_or(1, |across| across.size.div_ceil(threads));
    let width = share.min(PIECE).min(ROWS / window.max(1));
    let (across, width) = match across {
        Some(across) if width >= NARROW => (*across, width),
        _ => (Axis { size: 1, stride: 0, mask_stride: 0, reduced: false }, 1),
    };
    let panels = across.size.div_ceil(width);
    let inner = inner / across.size.max(1);
    let lines = request.results() / across.size.max(1) * panels;
    let kept = request.axes.iter().rev().filter(|axis| !axis.reduced);
    let kept: Vec<_> = kept.skip(usize::from(width > 1)).collect();
    let stray = AtomicI64::new(-1);
    let sum_window = |worker: &mut Worker, task: usize| {
        if interrupt.is_set() {
            return;
        }
        let (line, first) = (task / windows, task % windows * window);
        let window = window.min(groups - first);
        let (line, column) = (line / panels, line % panels * width);
        let at = ((line / inner * groups + first) * inner + line % inner) * across.size + column;
        // The line's first element: its position among the kept axes, the last fastest.
        let mut rest = line;
        let mut data = request.data.wrapping_offset(column as isize * across.stride);
        for kept in &kept {
            data = data.wrapping_offset((rest % kept.size) as isize * kept.stride);
            rest /= kept.size;
        }
        let whole = Part {
            line: Line::of(data, along.stride, along.size),
            across: across.stride,
            width: width.min(across.size - column),
            labels: labels.all,
            first,
            groups: window,
        };
        let part = if windows == 1 { whole } else { worker.cut_out(whole) };
        let table = Table::<O>::of(isa, part, request.swapped, interrupt);
        stray.fetch_max(table.stray, Ordering::Relaxed);
        table.put(at, inner * across.size, &mut worker.batch, sink);
    };
    let tasks = lines * windows;
    let sum_windows = |tasks: &mut dyn Iterator<Item = usize>| {
        let mut worker = Worker::new();
        tasks.for_each(|task| sum_window(&mut worker, task));
    };
    if threads > 1 && tasks >= threads && size >= PARALLEL_FROM {
        threads::together(tasks, |mut tasks| sum_windows(&mut tasks));
    } else {
        sum_windows(&mut (0..tasks));
    }
    let highest = if tasks == 0 {
        survey(isa, labels.all).0
    } else if labels.ascending {
        // The last window ends before stray labels.
        labels.highest
    } else {
        stray.into_inner()
    };
    if highest < groups as i64 { -1 } else { highest }
}

/// What a thread keeps from one window to the next.
struct Worker {
    batch: Box<Pairs>,
    /// The group after the last window, and where its labels begin.
    next: (usize, usize),
}

impl Worker {
    fn new() -> Worker {
        Worker { batch: Pairs::new(), next: (0, 0) }
    }

    /// The part of a line with sorted labels that belongs to its groups.
    fn cut_out<'a>(&mut self, whole: Part<'a>) -> Part<'a> {
        let below = |group: usize| move |&label: &i64| label < group as i64;
        let start = match self.next {
            (group, start) if group == whole.first && group > 0 => start,
            _ => whole.labels.partition_point(below(whole.first)),
        };
        // The end is near, most often.
        let end = whole.first + whole.groups;
        let labels = &whole.labels[start..];
        let mut most = whole.groups;
        while labels.get(most).is_some_and(below(end)) {
            most *= 2;
        }
        let count = labels[..most.min(labels.len())].partition_point(below(end));
        self.next = (end, start + count);
        whole.share(start, count)
    }
}

/// A line or a part of it, or several side by side, the labels, and the range of groups that they
/// may name.
#[derive(Clone, Copy)]
struct Part<'a> {
    line: Line,
    /// From one line to the next, in bytes.
    across: isize,
    /// Lines side by side.
    width: usize,
    labels: &'a [i64],
    first: usize,
    groups: usize,
}

impl<'a> Part<'a> {
    fn share(self, start: usize, count: usize) -> Part<'a> {
        let line = self.line.skip(start).truncate(count);
        Part { line, labels: &self.labels[start..start + line.count], ..self }
    }
}

/// The groups of a part.
struct Table<O> {
    /// Sums of each group, side by side.
    width: usize,
    scale: Option<i32>,
    /// Whether there were numbers too large for the scale; they are not in the table.
    outgrown: bool,
    /// The label of the first group.
    first: i64,
    /// The highest label beyond the table.
    stray: i64,
    /// Two integers for each sum.
    pairs: Vec<[i64; 2]>,
    /// So many more numbers can be added before an integer might overflow.
    room: usize,
    /// What the pairs could not take; empty until it is needed.
    wide: Vec<Accumulator>,
    operand: PhantomData<O>,
}

/// So many parts of numbers add up without overflow.
const ROOM: usize = room(0);
/// Numbers that are cut at once: what becomes of them stays in the first-level cache.
const PIECE: usize = 512;
/// Pieces that a scale is guessed from.
const SAMPLE: usize = 16;
/// Labels looked ahead, to ask for their groups' memory in time.
const AHEAD: usize = 64;
/// Labels of a piece that tell whether most are equal to the one before.
const FEW: usize = 32;
/// So few lines are read one by one.
const NARROW: usize = 16;
/// So many sums of lines side by side stay in the second-level cache.
const ROWS: usize = 1 << 16;
/// So many groups stay in the first-level cache.
const NEAR: usize = 1 << 11;
/// Groups of sorted labels that are summed at once.
const WINDOW: usize = BATCH;

impl<O: Operand<Value: Cut>> Table<O> {
    fn of(isa: Isa, part: Part<'_>, swapped: bool, interrupt: &Interrupt) -> Table<O> {
        let reading = Reading { swapped, masked: false, skip_nan: false };
        let scale_of = |part: Part<'_>| {
            let mut scale = None;
            // Infinities and NaNs have no scale, and need none.
            for_pieces::<O>(isa, part, reading, interrupt, |_, values| {
                scale = scale.max(O::Value::scale(isa, values));
            });
            scale
        };
        let table_of = |scale: Option<i32>, part: Part<'_>| {
            let mut table = Table::<O>::new(scale, part);
            let mut pairs = [[0; 2]; PIECE];
            for_pieces::<O>(isa, part, reading, interrupt, |start, values| {
                table.add(isa, values, &part.labels[start..], &mut pairs);
            });
            table
        };
        let count = part.line.count;
        // All numbers of a short line; of a long one, to look at some saves a passage through
        // memory, and the scale has room for larger ones.
        let piece = PIECE / part.width;
        let apart = (count / SAMPLE).max(piece);
        let some = (0..count).step_by(apart).filter_map(|start| scale_of(part.share(start, piece)));
        let guess = some.max().map(|scale| (scale + i32::from(apart > piece)).min(HIGHEST));

        let parts = if count * part.width >= PARALLEL_FROM && threads::get() > 1 {
            // Each part has a table of its own, and should be larger than that.
            (count / 4 / part.groups.max(1)).clamp(1, 4 * threads::get())
        } else {
            1
        };
        let share = count.div_ceil(parts).max(1);
        let shares = count.div_ceil(share);
        if shares <= 1 {
            let table = table_of(guess, part);
            return if table.outgrown { table_of(scale_of(part), part) } else { table };
        }
        let share = |index| part.share(index * share, share);
        let table_of = |scale| {
            let tables = threads::together(shares, |tasks| {
                tasks.map(|index| table_of(scale, share(index))).reduce(Table::merged)
            });
            tables.into_iter().flatten().reduce(Table::merged).expect("there are shares")
        };
        let table = table_of(guess);
        if !table.outgrown {
            return table;
        }
        let scales = threads::together(shares, |tasks| tasks.map(|i| scale_of(share(i))).max());
        table_of(scales.into_iter().flatten().max().flatten())
    }

    fn new(scale: Option<i32>, part: Part<'_>) -> Table<O> {
        Table {
            scale,
            outgrown: false,
            first: part.first as i64,
            stray: -1,
            width: part.width,
            pairs: pages::zeros(part.groups * part.width),
            room: ROOM,
            wide: Vec::new(),
            operand: PhantomData,
        }
    }

    /// Adds a piece, or one number to each line; the labels may be more.
    fn add(
        &mut self,
        isa: Isa,
        values: &[O::Value],
        labels: &[i64],
        pairs: &mut [[i64; 2]; PIECE],
    ) {
        if self.outgrown {
            return;
        }
        if values.len() > self.room {
            self.make_room();
        }
        let cut = self.scale.is_some_and(|scale| O::Value::cut(isa, values, scale, pairs));
        if !cut {
            self.outgrown = O::Value::scale(isa, values) > self.scale;
            if !self.outgrown {
                self.add_wide(values, labels);
            }
            return;
        }
        self.room -= values.len();
        let pairs = &pairs[..values.len()];
        if self.width > 1 {
            return self.add_row(pairs, labels[0]);
        }
        let equal = labels[..values.len()].windows(2).take(FEW).filter(|two| two[0] == two[1]);
        let stray = if equal.count() >= FEW - FEW / 16 {
            add_runs(&mut self.pairs, self.first, pairs, labels)
        } else if self.pairs.len() > NEAR {
            add_pairs::<true, _>(
                &mut self.pairs,
                self.first,
                pairs,
                labels,
                values.as_ptr_range().end,
            )
        } else {
            add_pairs::<false, _>(
                &mut self.pairs,
                self.first,
                pairs,
                labels,
                values.as_ptr_range().end,
            )
        };
        self.stray = self.stray.max(stray);
    }

    fn add_row(&mut self, pairs: &[[i64; 2]], label: i64) {
        let row = place(label, self.first);
        if row >= self.pairs.len() / self.width {
            self.stray = self.stray.max(label);
            return;
        }
        for (sum, pair) in self.pairs[row * self.width..].iter_mut().zip(pairs) {
            sum[0] += pair[0];
            sum[1] += pair[1];
        }
    }

    fn add_wide(&mut self, values: &[O::Value], labels: &[i64]) {
        let (first, width, mut stray) = (self.first, self.width, self.stray);
        let wide = self.wide();
        for (index, &x) in values.iter().enumerate() {
            let (label, column) = if width > 1 { (labels[0], index) } else { (labels[index], 0) };
            let row = place(label, first).checked_mul(width);
            match row.and_then(|row| wide.get_mut(row + column)) {
                Some(sum) => x.add_to(sum),
                None => stray = stray.max(label),
            }
        }
        self.stray = stray;
    }

    fn wide(&mut self) -> &mut Vec<Accumulator> {
        if self.wide.is_empty() {
            self.wide = vec![Accumulator::new(); self.pairs.len()];
        }
        &mut self.wide
    }

    /// Finds out how large the integers are, and moves them to the accumulators if they are large.
    fn make_room(&mut self) {
        self.measure();
        if self.room < ROOM / 2 {
            self.empty();
        }
    }

    fn measure(&mut self) {
        self.room = room(longest(cpu::isa(), &self.pairs));
    }

    /// Moves the pairs to the accumulators.
    fn empty(&mut self) {
        let scale = self.scale;
        let mut wide = std::mem::take(self.wide());
        for (sum, pair) in wide.iter_mut().zip(&mut self.pairs) {
            add_pair::<O>(scale, std::mem::take(pair), sum);
        }
        self.wide = wide;
        self.room = ROOM;
    }

    fn merged(mut self, mut other: Table<O>) -> Table<O> {
        self.outgrown |= other.outgrown;
        self.stray = self.stray.max(other.stray);
        self.measure();
        other.measure();
        if self.room + other.room < ROOM {
            other.empty();
        }
        self.room -= ROOM - other.room;
        for (mine, theirs) in self.pairs.iter_mut().zip(&other.pairs) {
            mine[0] += theirs[0];
            mine[1] += theirs[1];
        }
        if !other.wide.is_empty() {
            for (mine, theirs) in self.wide().iter_mut().zip(&other.wide) {
                mine.merge(theirs);
            }
        }
        self
    }

    /// Hands over the sums: of the groups as results `first`, `first + step`, ..., those of lines
    /// side by side after one another.
    fn put(self, first: usize, step: usize, batch: &mut Pairs, sink: &dyn Sink) {
        // For the multiplications, and for those of the sink.
        let _environment = Environment::enter();
        let units = O::Value::units(self.scale.unwrap_or(0)).map(unit);
        let (chunk, apart, step) =
            if self.width > 1 { (self.width, step, 1) } else { (BATCH, BATCH * step, step) };
        for (index, sums) in self.pairs.chunks(chunk).enumerate() {
            let first = first + index * apart;
            if self.wide.is_empty() && to_pairs(cpu::isa(), sums, units, batch) {
                sink.put_pairs(first, step, batch.first(sums.len()), 0);
                continue;
            }
            for (place, &pair) in sums.iter().enumerate() {
                let mut sum = self.wide.get(index * chunk + place).cloned().unwrap_or_default();
                add_pair::<O>(self.scale, pair, &mut sum);
                sink.put(first + place * step, &sum);
            }
        }
    }
}

/// `2^exponent`, which may be subnormal.
fn unit(exponent: i32) -> f64 {
    if exponent < -1022 { f64::from_bits(1 << (exponent + 1074)) } else { power_of_two(exponent) }
}

/// The sums as pairs of numbers, if they are that.
#[inline(always)]
fn to_pairs_body(sums: &[[i64; 2]], units: [f64; 2], pairs: &mut Pairs) -> bool {
    let mut longest = 0;
    for (index, sum) in sums[..sums.len().min(BATCH)].iter().enumerate() {
        longest |= sum[0].unsigned_abs() | sum[1].unsigned_abs();
        pairs.high[index] = sum[0] as f64 * units[0];
        pairs.low[index] = sum[1] as f64 * units[1];
    }
    longest < 1 << 53
}

dispatch! {
    fn to_pairs(sums: &[[i64; 2]], units: [f64; 2], pairs: &mut Pairs) -> bool = to_pairs_body
}

/// So many parts of numbers can be added to integers up to `longest` without overflow.
const fn room(longest: u64) -> usize {
    ((i64::MAX as u64 - longest) >> PART_BITS) as usize
}

#[inline(always)]
fn longest_body(sums: &[[i64; 2]]) -> u64 {
    sums.iter().flatten().fold(0, |longest, part| longest.max(part.unsigned_abs()))
}

dispatch! {
    /// The largest absolute value.
    fn longest(sums: &[[i64; 2]]) -> u64 = longest_body
}

/// Where in a table the group is, if its first one is `first`: a lower label is beyond every table.
#[inline(always)]
fn place(label: i64, first: i64) -> usize {
    usize::try_from(label.wrapping_sub(first) as u64).unwrap_or(usize::MAX)
}

/// As [`add_pairs`], for labels that are often equal to the one before: a sum that was just written
/// takes long to be read again.
fn add_runs(sums: &mut [[i64; 2]], first: i64, mut pairs: &[[i64; 2]], labels: &[i64]) -> i64 {
    let mut stray = -1;
    for run in labels[..pairs.len()].chunk_by(|one, next| one == next) {
        let (own, later) = pairs.split_at(run.len());
        pairs = later;
        if let Some(sum) = sums.get_mut(place(run[0], first)) {
            let [mut high, mut low] = *sum;
            for pair in own {
                high += pair[0];
                low += pair[1];
            }
            *sum = [high, low];
        } else {
            stray = stray.max(run[0]);
        }
    }
    stray
}

/// Adds pairs to the sums that their labels name; the labels may be more. Returns the highest label
/// beyond the sums, or -1. What comes next, the numbers from `values` on and their labels, is asked
/// for in advance; so are `FAR` sums.
fn add_pairs<const FAR: bool, V>(
    sums: &mut [[i64; 2]],
    first: i64,
    pairs: &[[i64; 2]],
    labels: &[i64],
    values: *const V,
) -> i64 {
    let table = sums.as_ptr();
    let mut stray = -1;
    let mut add = |(pair, &label): (&[i64; 2], &i64)| {
        if let Some(sum) = sums.get_mut(place(label, first)) {
            sum[0] += pair[0];
            sum[1] += pair[1];
        } else {
            stray = stray.max(label);
        }
    };
    let (eights, rest) = pairs.as_chunks::<8>();
    let (own, last) = labels[..pairs.len()].as_chunks::<8>();
    for (index, eight) in eights.iter().enumerate() {
        prefetch(values.wrapping_add(8 * index));
        prefetch(labels.as_ptr().wrapping_add(8 * index + PIECE));
        if FAR && let Some(next) = labels.get(8 * index + AHEAD..8 * (index + 1) + AHEAD) {
            next.iter().for_each(|&label| prefetch(table.wrapping_add(place(label, first))));
        }
        eight.iter().zip(&own[index]).for_each(&mut add);
    }
    rest.iter().zip(last).for_each(add);
    stray
}

fn add_pair<O: Operand<Value: Cut>>(scale: Option<i32>, pair: [i64; 2], sum: &mut Accumulator) {
    if let Some(scale) = scale {
        let units = O::Value::units(scale);
        sum.add_scaled(
            (i128::from(pair[0]) << (units[0] - units[1])) + i128::from(pair[1]),
            units[1],
        );
    }
}

/// Calls `visit(start, values)` for the values of a line, a piece at a time, or of lines side by
/// side, one of each at a time, unless the call is interrupted.
fn for_pieces<O: Operand<Value: Cut>>(
    isa: Isa,
    part: Part<'_>,
    reading: Reading,
    interrupt: &Interrupt,
    mut visit: impl FnMut(usize, &[O::Value]),
) {
    // A subnormal number must not be flushed.
    let _environment = Environment::enter();
    let line = part.line;
    let apart = if part.width > 1 { 1 } else { PIECE };
    let mut stage = None;
    for start in (0..line.count).step_by(apart).take_while(|_| !interrupt.is_set()) {
        let piece = if part.width > 1 {
            Line { stride: part.across, count: part.width, ..line.skip(start) }
        } else {
            line.skip(start).truncate(PIECE)
        };
        // SAFETY: the promise of `sum_groups`.
        if let Some(values) = unsafe { piece.as_slice::<O>(reading) } {
            visit(start, values);
            continue;
        }
        let stage = stage.get_or_insert_with(|| Stage::new(PIECE));
        // SAFETY: the promise of `sum_groups`.
        unsafe { stage.fill::<O>(isa, piece, reading, 0) };
        visit(start, &stage.values[..piece.count]);
    }
}
