//! Sums of the elements that carry the same label.
//!
//! A block of numbers is cut into pairs of integers at a scale that is common to the whole line
//! (`block`'s levels again, but less filled, so that two million pairs add up without overflow); the
//! pairs are added to their groups. A block that cannot be cut exactly is added number by number to
//! an [`Accumulator`] for each group. Both are exact, so the order of the elements does not matter.

#![allow(unsafe_code)] // Addresses from strides.

use std::marker::PhantomData;

use rayon::prelude::*;

use super::accumulator::Accumulator;
use super::axes::{Each, Sink};
use super::block::{BLOCK, power_of_two};
use super::memory::prefetch;
use super::pairs::{BATCH, Pairs};
use super::request::{Dtype, Request, by_dtype};
use super::slice::PARALLEL_FROM;
use super::summand::Summand;
use super::walk::{Line, Operand, Reading, Stage};
use crate::cpu::{self, Isa, dispatch};
use crate::fpu::Environment;
use crate::interrupt::Interrupt;
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
    let highest = highest_label(cpu::isa(), labels);
    assert!(highest < 0 || (highest as usize) < groups);
    // SAFETY: the caller's promise.
    unsafe { sum_groups_into(request, labels, groups, &Each(put)) }
}

/// As [`sum_groups`], into any [`Sink`]; labels that are not below `groups` belong to no group.
///
/// # Safety
/// That of [`sum_groups`].
pub(crate) unsafe fn sum_groups_into(
    request: &Request,
    labels: &[i64],
    groups: usize,
    sink: &(dyn Sink + Sync),
) {
    by_dtype!(request.dtype, run(request, labels, groups, sink));
}

#[inline(always)]
fn highest_label_body(labels: &[i64]) -> i64 {
    labels.iter().copied().fold(-1, i64::max)
}

dispatch! {
    /// The highest label; -1 if there is none, or all are negative.
    pub(crate) fn highest_label(labels: &[i64]) -> i64 = highest_label_body
}

fn run<O: Operand>(request: &Request, labels: &[i64], groups: usize, sink: &(dyn Sink + Sync)) {
    let Some(axis) = request.axes.iter().position(|axis| axis.reduced) else {
        return;
    };
    let along = request.axes[axis];
    assert_eq!(along.size, labels.len());
    let inner: usize = request.axes[axis + 1..].iter().map(|axis| axis.size).product();
    let lines = 0..request.results();
    let size = lines.len().saturating_mul(labels.len());
    let interrupt = &Interrupt::of_call(size);
    let sum_line = |index: usize| {
        if interrupt.is_set() {
            return;
        }
        // The line's first element: its position among the kept axes, the last fastest.
        let mut rest = index;
        let mut data = request.data;
        for kept in request.axes.iter().rev().filter(|axis| !axis.reduced) {
            data = data.wrapping_offset((rest % kept.size) as isize * kept.stride);
            rest /= kept.size;
        }
        let line = Line {
            data,
            stride: along.stride,
            mask: std::ptr::null(),
            mask_stride: 0,
            count: along.size,
        };
        let first = index / inner * groups * inner + index % inner;
        Table::<O>::of(cpu::isa(), line, request.swapped, labels, groups, interrupt)
            .put(first, inner, sink);
    };
    let threads = threads::get();
    if threads > 1 && lines.len() >= threads && size >= PARALLEL_FROM {
        threads::run(|| lines.into_par_iter().for_each(sum_line));
    } else {
        lines.for_each(sum_line);
    }
}

/// The groups of one line.
struct Table<O> {
    scale: Option<i32>,
    /// Two integers for each group.
    pairs: Vec<[i64; 2]>,
    /// Numbers added since the pairs were emptied.
    added: usize,
    /// What the pairs could not take; empty until it is needed.
    wide: Vec<Accumulator>,
    operand: PhantomData<O>,
}

/// So many pairs of 42 bits, sign included, add up without overflow.
const CAPACITY: usize = 1 << 21;
/// Labels looked ahead, to ask for their groups' memory in time.
const AHEAD: usize = 24;
/// Labels of a block that tell whether most are equal to the one before.
const SAMPLE: usize = 32;
/// So many groups stay in the first-level cache.
const NEAR: usize = 1 << 11;

impl<O: Operand> Table<O> {
    fn of(
        isa: Isa,
        line: Line,
        swapped: bool,
        labels: &[i64],
        groups: usize,
        interrupt: &Interrupt,
    ) -> Table<O> {
        let reading = Reading { swapped, masked: false, skip_nan: false };
        let parts = Self::parts(line.count, groups);
        let share = line.count.div_ceil(parts).max(1);
        let used = line.count.div_ceil(share).max(1);
        let part = |index: usize| {
            let start = index * share;
            let part = Line { count: share.min(line.count - start), ..line.skip(start) };
            (part, &labels[start..start + part.count])
        };
        // A block with infinities or NaNs has no scale, and needs none.
        let scale_of = |index: usize| {
            let mut scale = None;
            for_blocks::<O>(isa, part(index).0, reading, interrupt, |_, values| {
                scale = scale.max(O::Value::scale(isa, values));
            });
            scale
        };
        let table_of = |scale: Option<i32>, index: usize| {
            let mut table = Table::<O> {
                scale,
                pairs: vec![[0; 2]; groups],
                added: 0,
                wide: Vec::new(),
                operand: PhantomData,
            };
            let (part, labels) = part(index);
            let mut pairs = [[0; 2]; BLOCK];
            for_blocks::<O>(isa, part, reading, interrupt, |start, values| {
                table.add(isa, values, &labels[start..], &mut pairs);
            });
            table
        };
        if used == 1 {
            return table_of(scale_of(0), 0);
        }
        threads::run(|| {
            let scale = (0..used).into_par_iter().map(scale_of).max().flatten();
            (0..used).into_par_iter().map(|index| table_of(scale, index)).reduce_with(Table::merged)
        })
        .expect("there are parts")
    }

    /// A table for each part is worth it only if the parts are larger than the tables.
    fn parts(count: usize, groups: usize) -> usize {
        let threads = threads::get();
        if count >= PARALLEL_FROM && groups <= count / 4 { threads } else { 1 }
    }

    /// Adds a block; the labels may be more.
    fn add(
        &mut self,
        isa: Isa,
        values: &[O::Value],
        labels: &[i64],
        pairs: &mut [[i64; 2]; BLOCK],
    ) {
        if self.added + values.len() > CAPACITY {
            self.empty();
        }
        let cut = self.scale.is_some_and(|scale| O::Value::cut(isa, values, scale, pairs));
        if !cut {
            let wide = self.wide();
            for (&x, &label) in values.iter().zip(labels) {
                // A negative label is beyond every table.
                if let Some(sum) = wide.get_mut(label as usize) {
                    x.add_to(sum);
                }
            }
            return;
        }
        self.added += values.len();
        let equal = labels[..values.len()].windows(2).take(SAMPLE).filter(|two| two[0] == two[1]);
        if equal.count() >= SAMPLE - SAMPLE / 4 {
            add_runs(&mut self.pairs, &pairs[..values.len()], labels);
        } else if self.pairs.len() > NEAR {
            add_pairs::<true>(&mut self.pairs, &pairs[..values.len()], labels);
        } else {
            add_pairs::<false>(&mut self.pairs, &pairs[..values.len()], labels);
        }
    }

    fn wide(&mut self) -> &mut Vec<Accumulator> {
        if self.wide.is_empty() {
            self.wide = vec![Accumulator::new(); self.pairs.len()];
        }
        &mut self.wide
    }

    /// Moves the pairs to the accumulators.
    fn empty(&mut self) {
        let scale = self.scale;
        let mut wide = std::mem::take(self.wide());
        for (sum, pair) in wide.iter_mut().zip(&mut self.pairs) {
            add_pair::<O>(scale, std::mem::take(pair), sum);
        }
        self.wide = wide;
        self.added = 0;
    }

    fn merged(mut self, mut other: Table<O>) -> Table<O> {
        if self.added + other.added > CAPACITY {
            other.empty();
        }
        self.added += other.added;
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

    /// Hands over the sums as results `first`, `first + step`, ...
    fn put(self, first: usize, step: usize, sink: &dyn Sink) {
        // For the multiplications, and for those of the sink.
        let _environment = Environment::enter();
        let units = O::Value::units(self.scale.unwrap_or(0)).map(unit);
        let mut batch = Pairs::new();
        for (index, sums) in self.pairs.chunks(BATCH).enumerate() {
            let start = index * BATCH;
            let at = |group: usize| first + (start + group) * step;
            if self.wide.is_empty() && to_pairs(cpu::isa(), sums, units, &mut batch) {
                sink.put_pairs(at(0), step, batch.first(sums.len()), 0);
                continue;
            }
            for (group, &pair) in sums.iter().enumerate() {
                let mut sum = self.wide.get(start + group).cloned().unwrap_or_default();
                add_pair::<O>(self.scale, pair, &mut sum);
                sink.put(at(group), &sum);
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

/// As [`add_pairs`], for labels that are often equal to the one before: a sum that was just written
/// takes long to be read again.
fn add_runs(sums: &mut [[i64; 2]], mut pairs: &[[i64; 2]], labels: &[i64]) {
    for run in labels[..pairs.len()].chunk_by(|one, next| one == next) {
        let (own, later) = pairs.split_at(run.len());
        pairs = later;
        if let Some(sum) = sums.get_mut(run[0] as usize) {
            let [mut high, mut low] = *sum;
            for pair in own {
                high += pair[0];
                low += pair[1];
            }
            *sum = [high, low];
        }
    }
}

/// Adds pairs to the sums that their labels name; the labels may be more. `FAR` sums are asked for
/// in advance.
fn add_pairs<const FAR: bool>(sums: &mut [[i64; 2]], pairs: &[[i64; 2]], labels: &[i64]) {
    for (index, (pair, &label)) in pairs.iter().zip(labels).enumerate() {
        if FAR && let Some(&next) = labels.get(index + AHEAD) {
            prefetch(sums.as_ptr().wrapping_add(next as usize));
        }
        // A negative label is beyond every table.
        if let Some(sum) = sums.get_mut(label as usize) {
            sum[0] += pair[0];
            sum[1] += pair[1];
        }
    }
}

fn add_pair<O: Operand>(scale: Option<i32>, pair: [i64; 2], sum: &mut Accumulator) {
    if let Some(scale) = scale {
        let units = O::Value::units(scale);
        sum.add_scaled(
            (i128::from(pair[0]) << (units[0] - units[1])) + i128::from(pair[1]),
            units[1],
        );
    }
}

/// Calls `visit(start, values)` for the values of a line, a block at a time, unless the call is
/// interrupted.
fn for_blocks<O: Operand>(
    isa: Isa,
    line: Line,
    reading: Reading,
    interrupt: &Interrupt,
    mut visit: impl FnMut(usize, &[O::Value]),
) {
    // A subnormal number must not be flushed.
    let _environment = Environment::enter();
    // SAFETY: the promise of `sum_groups`.
    if let Some(values) = unsafe { line.as_slice::<O>(reading) } {
        let blocks = values.chunks(BLOCK).enumerate().take_while(|_| !interrupt.is_set());
        blocks.for_each(|(index, values)| visit(index * BLOCK, values));
        return;
    }
    let mut stage = Stage::new(BLOCK);
    for start in (0..line.count).step_by(BLOCK).take_while(|_| !interrupt.is_set()) {
        let part = Line { count: BLOCK.min(line.count - start), ..line.skip(start) };
        // SAFETY: the promise of `sum_groups`.
        unsafe { stage.fill::<O>(isa, part, reading, 0) };
        visit(start, &stage.values[..part.count]);
    }
}
