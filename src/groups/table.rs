//! Tables of groups: adding numbers by label, and reading the sums.
//!
//! A piece of numbers is cut into pairs of integers at a scale that is common to the whole line
//! (with enough headroom for two million pairs, and more as long as the sums are small); the pairs
//! are added to their groups. A piece that cannot be cut exactly is added number by number to an
//! [`Accumulator`] for each group. Both are exact, so the order of the elements does not matter.
//!
//! The scale is that of the previous line, or guessed from a sample; if it does not fit, the sums
//! are restarted. Each thread has a table; they are added when the sums are read.

use std::marker::PhantomData;
use std::ops::Range;

use super::cut::{Cut, PART_BITS};
use crate::array::element::{Selection, Stage};
use crate::array::memory::{prefetch, zeros};
use crate::array::view::View;
use crate::binary64::power_of_two;
use crate::cpu::{self, Isa, dispatch};
use crate::environment;
use crate::exact::accumulator::Accumulator;
use crate::exact::pairs::{BATCH, Pairs};
use crate::exact::sink::Sink;
use crate::interrupt::Interrupt;
use crate::kernel::levels::HIGHEST;
use crate::threads::{self, PARALLEL_FROM};

/// A line, a part of it, or several adjacent lines, with the labels and the range of groups.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub view: &'a View<'a>,
    /// The first element, in bytes.
    pub offset: isize,
    /// The distance from one element of a line to the next, in bytes.
    pub along: isize,
    /// The number of elements in a line.
    pub count: usize,
    /// The distance from one line to the next, in bytes.
    pub across: isize,
    /// The number of adjacent lines.
    pub width: usize,
    pub labels: &'a [i64],
    pub first: usize,
    pub groups: usize,
}

impl<'a> Part<'a> {
    pub fn share(self, start: usize, count: usize) -> Part<'a> {
        let offset = self.offset + start as isize * self.along;
        Part { offset, count, labels: &self.labels[start..start + count], ..self }
    }
}

/// A thread's state between parts.
pub(super) struct Scratch {
    /// The scale of the previous part, which usually fits the next one.
    scale: Option<i32>,
    cut: Box<CutPiece>,
    batch: Box<Pairs>,
}

impl Scratch {
    pub fn new() -> Scratch {
        Scratch { scale: None, cut: Box::new([[0; 2]; PIECE]), batch: Pairs::new() }
    }
}

/// A piece of numbers, each cut into two integers.
type CutPiece = [[i64; 2]; PIECE];

/// The groups of a part, in one table for each thread that filled one; at least one.
pub(super) struct Tables<V>(Vec<Table<V>>);

/// The groups of a part, or of some of its elements.
struct Table<V> {
    /// The number of sums of each group: one for each line.
    width: usize,
    scale: Scale,
    /// Whether the scale did not fit some numbers, which are missing from the table.
    unfit: bool,
    /// The label of the first group.
    first: i64,
    /// The highest label beyond the table.
    stray: i64,
    /// Two integers for each sum.
    pairs: Vec<[i64; 2]>,
    /// How many more numbers can be added before an integer might overflow.
    room: usize,
    /// The sums of what the pairs could not hold; empty until needed.
    wide: Vec<Accumulator>,
    value: PhantomData<V>,
}

/// How numbers are cut, if at all.
#[derive(Clone, Copy)]
enum Scale {
    /// The scale must fit all numbers.
    Borrowed(Option<i32>),
    /// The scale must be large enough for all numbers.
    Own(Option<i32>),
}

impl Scale {
    fn value(self) -> Option<i32> {
        let (Scale::Borrowed(scale) | Scale::Own(scale)) = self;
        scale
    }
}

/// How many parts can be added without overflow.
const ROOM: usize = room(0);
/// How many numbers are cut at once, so that the parts stay in the first-level cache.
pub(super) const PIECE: usize = 512;
/// The approximate number of elements per task of a thread.
const SHARE: usize = 1 << 16;
/// The number of pieces from which a scale is guessed.
const SAMPLE: usize = 16;
/// The prefetch distance in labels.
const AHEAD: usize = 64;
/// The number of labels examined to see whether most equal their predecessor.
const FEW: usize = 32;
/// The number of groups that stay in the first-level cache.
const NEAR: usize = 1 << 11;

impl<V: Cut> Tables<V> {
    pub fn of(isa: Isa, part: Part<'_>, scratch: &mut Scratch, interrupt: &Interrupt) -> Tables<V> {
        let Scratch { scale, cut, .. } = scratch;
        let scale_of = |part: Part<'_>| {
            let mut scale = None;
            // Infinities and NaNs do not need a scale.
            for_pieces::<V>(isa, part, interrupt, |_, values| {
                scale = scale.max(V::scale(isa, values));
            });
            scale
        };
        let count = part.count;
        // More threads pay only if there are enough elements for their tables.
        let (threads, tables) = (threads::get(), (count / 4 / part.groups.max(1)).max(1));
        let shares = match count * part.width {
            size if size < PARALLEL_FROM || threads == 1 => 1,
            size => (size / SHARE).max(threads).min(tables),
        };
        let length = count.div_ceil(shares);
        let share = |range: Range<usize>| part.share(range.start, range.len());
        let fill = |scale, shares: &mut dyn Iterator<Item = Range<usize>>, cut: &mut CutPiece| {
            let mut table = None;
            for share in shares.map(share) {
                let table = table.get_or_insert_with(|| Table::<V>::new(scale, part));
                for_pieces::<V>(isa, share, interrupt, |start, values| {
                    table.add(isa, values, &share.labels[start..], cut);
                });
            }
            table
        };
        let mut filled = |scale| {
            if shares == 1 {
                let whole = &mut std::iter::once(0..count);
                return Tables(Vec::from_iter(fill(scale, whole, cut)));
            }
            let tables =
                threads::split(count, length, |shares| fill(scale, shares, &mut [[0; 2]; PIECE]));
            Tables(tables.into_iter().flatten().collect())
        };
        if scale.is_some() {
            let tables = filled(Scale::Borrowed(*scale));
            if tables.fit() {
                return tables;
            }
        }
        // All numbers of a short line; a sample of a long one, which saves a pass over memory. The
        // scale leaves room for larger ones.
        let piece = PIECE / part.width;
        let apart = (count / SAMPLE).max(piece);
        let starts = (0..count).step_by(apart);
        let some = starts.filter_map(|start| scale_of(part.share(start, piece.min(count - start))));
        *scale = some.max().map(|scale| (scale + i32::from(apart > piece)).min(HIGHEST));
        let tables = filled(Scale::Own(*scale));
        if tables.fit() {
            return tables;
        }
        let scales = threads::split(count, length, |shares| {
            shares.map(|range| scale_of(share(range))).max()
        });
        *scale = scales.into_iter().flatten().max().flatten();
        filled(Scale::Own(*scale))
    }

    /// Whether the scale fitted all numbers.
    fn fit(&self) -> bool {
        self.0.iter().all(|table| !table.unfit)
    }

    /// The highest label beyond the tables.
    pub fn stray(&self) -> i64 {
        self.0.iter().map(|table| table.stray).max().unwrap_or(-1)
    }

    /// Passes on the sums, those of groups as results `first`, `first + step`, ..., and those of
    /// adjacent lines one after the other.
    pub fn put(&self, first: usize, step: usize, scratch: &mut Scratch, sink: &(dyn Sink + Sync)) {
        let Tables(tables) = self;
        let Some(Table { width, scale, pairs, .. }) = tables.first() else {
            return;
        };
        let units = V::units(scale.value().unwrap_or(0)).map(unit);
        let (sums, width) = (pairs.len(), *width);
        let (chunk, apart, step) =
            if width > 1 { (width, step, 1) } else { (BATCH, BATCH * step, step) };
        let put_chunk = |index: usize, batch: &mut Pairs| {
            let (start, first) = (index * chunk, first + index * apart);
            let range = start..(start + chunk).min(sums);
            if environment::is_default() && self.to_pairs(range.clone(), units, batch) {
                sink.put_pairs(first, step, batch.first(range.len()), 0);
                return;
            }
            for (place, index) in range.enumerate() {
                sink.put(first + place * step, &self.sum(index));
            }
        };
        let chunks = sums.div_ceil(chunk);
        if sums < PARALLEL_FROM {
            (0..chunks).for_each(|index| put_chunk(index, &mut scratch.batch));
        } else {
            threads::split(chunks, 1, |ranges| {
                let mut batch = Pairs::new();
                ranges.flatten().for_each(|index| put_chunk(index, &mut batch));
            });
        }
    }

    /// A part of the sums as pairs of numbers, if they are pairs.
    fn to_pairs(&self, range: Range<usize>, units: [f64; 2], pairs: &mut Pairs) -> bool {
        let Tables(tables) = self;
        let isa = cpu::isa();
        if tables.iter().any(|table| !table.wide.is_empty()) {
            return false;
        }
        if let [table] = tables.as_slice() {
            return to_pairs(isa, &table.pairs[range], units, pairs);
        }
        let mut sums = [[0i64; 2]; BATCH];
        let sums = &mut sums[..range.len()];
        let mut most = 0u64;
        for table in tables {
            let own = &table.pairs[range.clone()];
            most = most.saturating_add(longest(isa, own));
            for (sum, pair) in sums.iter_mut().zip(own) {
                *sum = [sum[0].wrapping_add(pair[0]), sum[1].wrapping_add(pair[1])];
            }
        }
        most <= i64::MAX as u64 && to_pairs(isa, sums, units, pairs)
    }

    /// One of the sums.
    fn sum(&self, index: usize) -> Accumulator {
        let mut sum = Accumulator::new();
        for table in &self.0 {
            if let Some(wide) = table.wide.get(index) {
                sum.merge(wide);
            }
            add_pair::<V>(table.scale.value(), table.pairs[index], &mut sum);
        }
        sum
    }
}

impl<V: Cut> Table<V> {
    fn new(scale: Scale, part: Part<'_>) -> Table<V> {
        Table {
            scale,
            unfit: false,
            first: part.first as i64,
            stray: -1,
            width: part.width,
            pairs: zeros(part.groups * part.width),
            room: ROOM,
            wide: Vec::new(),
            value: PhantomData,
        }
    }

    /// Adds a piece, or one number to each line; there may be more labels.
    fn add(&mut self, isa: Isa, values: &[V], labels: &[i64], pairs: &mut CutPiece) {
        if self.unfit {
            return;
        }
        if !environment::is_default() {
            return self.add_wide(values, labels);
        }
        if values.len() > self.room {
            self.make_room();
        }
        let scale = self.scale.value();
        let cut = scale.is_some_and(|scale| V::cut(isa, values, scale, pairs));
        if !cut {
            self.unfit = match self.scale {
                Scale::Borrowed(_) => true,
                Scale::Own(scale) => V::scale(isa, values) > scale,
            };
            if !self.unfit {
                self.add_wide(values, labels);
            }
            return;
        }
        self.room -= values.len();
        let pairs = &pairs[..values.len()];
        if self.width > 1 {
            return self.add_row(pairs, labels[0]);
        }
        let (sums, first, next) = (&mut self.pairs, self.first, values.as_ptr_range().end);
        let equal = labels[..values.len()].windows(2).take(FEW).filter(|two| two[0] == two[1]);
        let stray = if equal.count() >= FEW - FEW / 16 {
            add_runs(sums, first, pairs, labels, next)
        } else if sums.len() > NEAR {
            add_pairs::<true, _>(sums, first, pairs, labels, next)
        } else {
            add_pairs::<false, _>(sums, first, pairs, labels, next)
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

    fn add_wide(&mut self, values: &[V], labels: &[i64]) {
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

    /// Determines how large the integers are, and moves large ones to the accumulators.
    fn make_room(&mut self) {
        self.room = room(longest(cpu::isa(), &self.pairs));
        if self.room < ROOM / 2 {
            self.empty();
        }
    }

    /// Moves the pairs to the accumulators.
    fn empty(&mut self) {
        let scale = self.scale.value();
        let mut wide = std::mem::take(self.wide());
        for (sum, pair) in wide.iter_mut().zip(&mut self.pairs) {
            add_pair::<V>(scale, std::mem::take(pair), sum);
        }
        self.wide = wide;
        self.room = ROOM;
    }
}

/// `2^exponent`, which may be subnormal.
fn unit(exponent: i32) -> f64 {
    if exponent < -1022 { f64::from_bits(1 << (exponent + 1074)) } else { power_of_two(exponent) }
}

/// The sums as pairs of numbers, if they are pairs.
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

/// How many parts can be added to integers up to `longest` without overflow.
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

/// The index of the group in a table that begins at `first`; a lower label gives an index beyond
/// every table.
#[inline(always)]
fn place(label: i64, first: i64) -> usize {
    usize::try_from(label.wrapping_sub(first) as u64).unwrap_or(usize::MAX)
}

/// Adds a pair to the sum of its label; keeps the highest label beyond the sums.
#[inline(always)]
fn add_to(sums: &mut [[i64; 2]], first: i64, label: i64, pair: [i64; 2], stray: &mut i64) {
    if let Some(sum) = sums.get_mut(place(label, first)) {
        sum[0] += pair[0];
        sum[1] += pair[1];
    } else {
        *stray = (*stray).max(label);
    }
}

/// Calls `add` with each pair and its label, and `ask(index)` before every eight of them. Meanwhile
/// the next numbers, from `values` on, and their labels are prefetched.
#[inline(always)]
fn for_each_label<V>(
    pairs: &[[i64; 2]],
    labels: &[i64],
    values: *const V,
    ask: impl Fn(usize),
    mut add: impl FnMut((&[i64; 2], &i64)),
) {
    let (eights, rest) = pairs.as_chunks::<8>();
    let (own, last) = labels[..pairs.len()].as_chunks::<8>();
    for (index, eight) in eights.iter().enumerate() {
        prefetch(values.wrapping_add(8 * index));
        prefetch(labels.as_ptr().wrapping_add(8 * index + PIECE));
        ask(8 * index);
        eight.iter().zip(&own[index]).for_each(&mut add);
    }
    rest.iter().zip(last).for_each(add);
}

/// Adds pairs to the sums of their labels; there may be more labels. Returns the highest label
/// beyond the sums, or -1. With `FAR`, sums are prefetched.
#[inline(never)] // Kept in registers.
fn add_pairs<const FAR: bool, T>(
    sums: &mut [[i64; 2]],
    first: i64,
    pairs: &[[i64; 2]],
    labels: &[i64],
    values: *const T,
) -> i64 {
    let table = sums.as_ptr();
    let ask = |index: usize| {
        if FAR && let Some(next) = labels.get(index + AHEAD..index + 8 + AHEAD) {
            next.iter().for_each(|&label| prefetch(table.wrapping_add(place(label, first))));
        }
    };
    let mut stray = -1;
    for_each_label(pairs, labels, values, ask, |(&pair, &label)| {
        add_to(sums, first, label, pair, &mut stray);
    });
    stray
}

/// As [`add_pairs`], for labels that often equal their predecessor: reading a sum that was just
/// written has a high latency.
#[inline(never)] // Kept in registers.
fn add_runs<V>(
    sums: &mut [[i64; 2]],
    first: i64,
    pairs: &[[i64; 2]],
    labels: &[i64],
    values: *const V,
) -> i64 {
    let Some(&label) = labels.first() else {
        return -1;
    };
    let mut stray = -1;
    let (mut current, mut total) = (label, [0, 0]);
    for_each_label(
        pairs,
        labels,
        values,
        |_| {},
        |(pair, &label)| {
            if label != current {
                add_to(sums, first, current, total, &mut stray);
                (current, total) = (label, [0, 0]);
            }
            total[0] += pair[0];
            total[1] += pair[1];
        },
    );
    add_to(sums, first, current, total, &mut stray);
    stray
}

fn add_pair<V: Cut>(scale: Option<i32>, pair: [i64; 2], sum: &mut Accumulator) {
    if let Some(scale) = scale {
        let units = V::units(scale);
        sum.add_scaled(
            (i128::from(pair[0]) << (units[0] - units[1])) + i128::from(pair[1]),
            units[1],
        );
    }
}

/// Calls `visit(start, values)` for the values of a line, piece by piece, or of adjacent lines, one
/// element of each at a time, unless the call is interrupted.
fn for_pieces<V: Cut>(
    isa: Isa,
    part: Part<'_>,
    interrupt: &Interrupt,
    mut visit: impl FnMut(usize, &[V]),
) {
    let apart = if part.width > 1 { 1 } else { PIECE };
    let mut stage = None;
    for start in (0..part.count).step_by(apart).take_while(|_| !interrupt.is_set()) {
        let offset = part.offset + start as isize * part.along;
        let piece = if part.width > 1 {
            part.view.line(offset, part.across, part.width)
        } else {
            part.view.line(offset, part.along, PIECE.min(part.count - start))
        };
        if let Some(values) = piece.as_slice::<V>() {
            visit(start, values);
            continue;
        }
        let stage = stage.get_or_insert_with(|| Stage::new(PIECE));
        stage.fill(isa, piece, Selection { mask: None, skip_nan: false }, 0);
        visit(start, &stage.values[..piece.len()]);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::exact::sink::Each;

    /// Tables of three groups.
    fn tables(pairs: &[[i64; 2]], strays: &[i64]) -> Tables<f64> {
        let part = Part {
            view: &View::of::<f64>(&[]),
            offset: 0,
            along: 8,
            count: 0,
            across: 0,
            width: 1,
            labels: &[],
            first: 0,
            groups: 3,
        };
        let table = |(&pair, &stray)| {
            let mut table = Table::<f64>::new(Scale::Own(Some(0)), part);
            (table.pairs[1], table.stray) = (pair, stray);
            table
        };
        Tables(pairs.iter().zip(strays).map(table).collect())
    }

    #[test]
    fn sums_of_tables_neither_wrap_nor_are_rounded() {
        let [high, low] = <f64 as Cut>::units(0);
        let odd = (1 << 53) + 1;
        for pair in
            [[1 << 62, 5], [-(1 << 62), 1 << 62], [3, 1 << 62], [7, -1], [odd, 0], [1, -odd]]
        {
            for count in [1, 4] {
                let sums = Mutex::new(vec![Accumulator::new(); 3]);
                tables(&vec![pair; count], &vec![-1; count]).put(
                    0,
                    1,
                    &mut Scratch::new(),
                    &Each(|index: usize, sum: &Accumulator| {
                        sums.lock().unwrap()[index] = sum.clone();
                    }),
                );
                let mut expected = Accumulator::new();
                expected.add_scaled(count as i128 * i128::from(pair[0]), high);
                expected.add_scaled(count as i128 * i128::from(pair[1]), low);
                let sums = sums.into_inner().unwrap();
                let expected = [Accumulator::new(), expected, Accumulator::new()];
                assert_eq!(sums, expected, "{pair:?} {count}");
            }
        }
    }

    #[test]
    fn the_highest_stray_label_of_any_table_is_found() {
        for strays in [[9, 3, -1], [-1, 9, 3], [3, -1, 9]] {
            assert_eq!(tables(&[[0; 2]; 3], &strays).stray(), 9);
        }
    }
}
