//! Sums down the columns of a matrix, which is read row by row; each column has its own levels.
//!
//! The algorithm is that of `levels`, with two levels and a scale of its own for each column. There are two
//! kernels:
//!
//! - `exact` checks each column; one that does not fit its scale in a block of rows is added separately, by the
//!   kernel for lines.
//! - `certified`, for results that are rounded, ignores what the second level loses and bounds it instead. Where
//!   that does not decide all results, a second pass over the rows makes the sums exact.
//!
//! `integers` is the kernel for integers, `body` the loop over rows that the other two share, `scale` chooses
//! the columns' scales.

mod body;
mod certified;
mod exact;
mod integers;
mod scale;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::ops::{Deref, DerefMut};

use super::adaptive::Summer;
use super::few;
use super::hysteresis::Hysteresis;
use super::levels::{self, LEVEL};
use super::number::{Integer, Number};
use crate::array::view::Rows;
use crate::binary64::SIGN_AND_EXPONENT;
use crate::cpu::{Isa, dispatch};
use crate::environment;
use crate::exact::accumulator::Accumulator;
use crate::exact::interval::Interval;
use crate::exact::pairs::{BATCH, Pairs};

/// The number of columns in a panel, whose sums stay in the first-level cache.
pub(crate) const WIDTH: usize = BATCH;
/// Panels are padded to whole vectors of any instruction set.
pub(crate) const VECTOR: usize = 8;
/// The length of rows, in binary64 numbers, up to which the hardware prefetcher follows several
/// rows in turn; prefetching them would be slower.
pub(crate) const FORESEEN: usize = 40;
/// The number of rows in a block: as many as a level can take before it is emptied.
const ROWS: usize = 256;
/// Binades from a column's largest number to its first accumulator, since 256 rows add up to less
/// than a quarter of it; plus a margin, since only the first rows are measured.
const HEADROOM: i32 = 10 + 3;
/// The number of rows measured to choose the scales of the columns.
const SAMPLE: usize = 8;
/// Blocks after which the columns' 64-bit sums (52 bits from each block) are emptied.
const BLOCKS: u32 = 1 << 10;
/// As [`BLOCKS`], for integers: each part of a row is below 2^32.
const INTEGER_BLOCKS: u32 = 1 << 22;
/// The scale of a column that has had only zeros so far; no other number fits it.
const LOWEST_SCALE: i32 = -1022;
/// The number of parts of blocks (51 bits each) whose sum is below 63 bits.
const FOLDED: usize = 1 << 11;

type Lanes<T> = [T; WIDTH];

/// How rows are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// To exact sums.
    Exact,
    /// To sums that are known up to a bound.
    Certified,
    /// In a second pass over the same rows, which makes certified sums exact.
    Proving,
}

/// How rows are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// In groups, during which a column's accumulators stay in registers.
    Groups,
    /// As `Groups`, with the next group prefetched.
    Prefetched,
    /// One by one, in the order of memory.
    Rows,
}

/// The sums of up to [`WIDTH`] columns.
///
/// A matrix of few columns is treated as a wider one that repeats the `period` columns: the copies
/// of a column share a scale, and their sums are added.
pub(crate) struct Panel {
    width: usize,
    period: usize,
    integers: bool,
    mode: Mode,
    order: Order,
    /// Whether all blocks so far were added by the certified kernel, at one scale.
    is_uniform: bool,
    /// Whether all numbers so far are large enough to be added exactly.
    are_large: bool,
    /// Whether the certified kernel is worth trying.
    certified: Hysteresis,
    state: Borrowed,
    blocks: u32,
    /// Rows that were added in all.
    added: u64,
    /// Whether the thread's floating-point environment is the default one.
    floating: bool,
    /// The sums that are not in `state.parts`; empty if all are.
    totals: Vec<Accumulator>,
    summer: Summer,
}

/// The state of the kernels.
struct State {
    bias: [Lanes<f64>; 2],
    sums: [Lanes<f64>; 2],
    escaped: Lanes<u64>,
    remainder: Lanes<u64>,
    /// Exact sums of previous blocks, in units of the levels' last bits; or of integers.
    parts: [Lanes<i64>; 2],
}

impl Panel {
    pub fn new(isa: Isa) -> Panel {
        Panel {
            width: 0,
            period: 0,
            integers: false,
            mode: Mode::Exact,
            order: Order::Groups,
            is_uniform: true,
            are_large: true,
            certified: Hysteresis::default(),
            state: Borrowed(SPARE.take().or_else(|| Some(Box::new(State::EMPTY)))),
            blocks: 0,
            added: 0,
            floating: environment::is_default(),
            totals: Vec::new(),
            summer: Summer::new(isa, ROWS, None),
        }
    }

    /// Sums a few rows to pairs, without adding them to this panel; returns whether that succeeded.
    pub fn sum_few<T: Number>(&self, isa: Isa, rows: Rows<'_, T>, pairs: &mut Pairs) -> bool {
        self.floating && few::sum_few(isa, rows, pairs)
    }

    /// Begins the sums of a matrix of `width` columns, in which column `i` is a copy of column `i % period`. Sums
    /// of integers are exact in any mode. `order` applies to rows that are not short.
    pub fn start(&mut self, width: usize, period: usize, integers: bool, mode: Mode, order: Order) {
        assert!(width <= WIDTH && width.is_multiple_of(period));
        self.mode = if integers || !self.floating { Mode::Exact } else { mode };
        (self.order, self.is_uniform, self.are_large) = (order, true, true);
        (self.blocks, self.added) = (0, 0);
        self.certified = Hysteresis::strict();
        self.totals.clear();
        let padded = width.max(VECTOR);
        for parts in &mut self.state.parts {
            parts[..padded].fill(0);
        }
        let bias = if integers {
            // The weights of the last bits are those of the parts of integers.
            levels::levels::<2>(52 + 32, 32).1
        } else {
            levels::levels::<2>(LOWEST_SCALE, LEVEL).1
        };
        for level in 0..2 {
            self.state.bias[level][..padded].fill(bias[level]);
        }
        (self.width, self.period, self.integers) = (width, period, integers);
    }

    /// Whether the sums are known up to a bound only.
    pub fn is_certified(&self) -> bool {
        self.mode == Mode::Certified
    }

    /// Prepares for a second pass over the same rows, which makes the sums exact; returns whether that is possible.
    pub fn prove(&mut self) -> bool {
        let can = self.mode == Mode::Certified && self.is_uniform;
        if can {
            (self.mode, self.blocks) = (Mode::Proving, 0);
        }
        can
    }

    /// The exponents of the units of a column's parts.
    fn units(&self, column: usize) -> [i32; 2] {
        let apart = if self.integers { 32 } else { LEVEL };
        let first = (self.state.bias[0][column].to_bits() >> 52) as i32 - 1023;
        levels::levels::<2>(first, apart).0.map(|exponent| exponent - 52)
    }

    /// The sum of the parts over all copies of one of the first `period` columns.
    fn parts(&self, column: usize) -> [i128; 2] {
        [0, 1].map(|level| {
            let parts = self.state.parts[level][column..self.width].iter();
            parts.step_by(self.period).map(|&part| i128::from(part)).sum()
        })
    }

    /// Puts all sums in `pairs`, if they are pairs of numbers.
    pub fn pairs(&mut self, isa: Isa, pairs: &mut Pairs) -> bool {
        let Panel { width, period, .. } = *self;
        let folded = width / period;
        let too_many = folded > 1 && self.blocks as usize * folded > FOLDED;
        if !self.totals.is_empty() || too_many || !self.floating {
            return false;
        }
        if folded > 1 {
            for parts in &mut self.state.parts {
                let (own, others) = parts[..width].split_at_mut(period);
                for other in others.chunks_exact_mut(period) {
                    for (own, other) in own.iter_mut().zip(other) {
                        *own += std::mem::take(other);
                    }
                }
            }
        }
        to_pairs(isa, &self.state, period, pairs)
    }

    /// How many additions to the second level of a column and its copies may have lost something, those of the
    /// final test included.
    fn errors(&self) -> u64 {
        self.added * (self.width / self.period) as u64 + 4
    }

    /// Bounds on the differences between the sums and those of [`Panel::pairs`].
    pub fn bounds(&self, isa: Isa, bounds: &mut [f64]) {
        let errors = if self.is_certified() { self.errors() as f64 } else { 0.0 };
        certified::bounds(isa, &self.state, errors, &mut bounds[..self.period]);
    }

    /// An interval that contains the sum of a column and its copies; the caller sets the count.
    pub fn interval(&self, column: usize) -> Interval {
        let mut sum = Interval::from(self.sum(column));
        let [_, unit] = self.units(column);
        if self.is_certified() && unit > -1074 {
            sum.add(0, unit, self.errors(), unit);
        }
        sum
    }

    /// The sum of a column and its copies; the caller sets the count.
    pub fn sum(&self, column: usize) -> Accumulator {
        let mut sum = self.totals.get(column).cloned().unwrap_or_default();
        let [high, low] = self.parts(column);
        let units = self.units(column);
        sum.add_scaled((high << (units[0] - units[1])) + low, units[1]);
        sum
    }

    /// Moves the parts of all copies of a column to its accumulator.
    fn empty(&mut self, column: usize) {
        self.totals.resize_with(self.period, Accumulator::new);
        self.totals[column] = self.sum(column);
        for level in 0..2 {
            let parts = self.state.parts[level][column..self.width].iter_mut();
            parts.step_by(self.period).for_each(|part| *part = 0);
        }
    }

    fn empty_all(&mut self) {
        (0..self.period).for_each(|column| self.empty(column));
    }

    pub fn add_floating<T: Number>(&mut self, isa: Isa, rows: Rows<'_, T>) {
        if !self.floating {
            self.totals.resize_with(self.period, Accumulator::new);
            for row in 0..rows.len() {
                for (column, x) in rows.row(row)[..self.width].iter().enumerate() {
                    self.totals[column % self.period].add_uncounted(x.widen_bits());
                }
            }
            return;
        }
        self.in_blocks(rows, BLOCKS, |panel, rows| {
            if panel.mode == Mode::Proving {
                return panel.prove_block(isa, rows);
            }
            if panel.added == 0 {
                panel.measure(isa, rows.truncate(SAMPLE));
            }
            panel.added += rows.len() as u64;
            if !panel.certify_block(isa, rows) {
                panel.add_block(isa, rows);
            }
        });
    }

    pub fn add_integers<T: Integer>(&mut self, isa: Isa, rows: Rows<'_, T>) {
        self.in_blocks(rows, INTEGER_BLOCKS, |panel, rows| {
            in_vectors(rows, panel.width, |rows, width| {
                integers::add_integers(isa, rows, width, &mut panel.state.parts);
            });
        });
    }

    fn in_blocks<T: Copy>(
        &mut self,
        mut rows: Rows<'_, T>,
        limit: u32,
        mut add: impl FnMut(&mut Panel, Rows<'_, T>),
    ) {
        while rows.len() > 0 {
            let block = rows.truncate(ROWS);
            self.blocks += 1;
            if self.blocks == limit {
                self.empty_all();
                self.blocks = 1;
            }
            add(self, block);
            rows = rows.skip(block.len());
        }
    }

    /// Adds a block to sums that are known up to a bound; returns whether that was possible.
    fn certify_block<T: Number>(&mut self, isa: Isa, rows: Rows<'_, T>) -> bool {
        if self.mode != Mode::Certified {
            return false;
        }
        self.certified.next();
        if !self.certified.is_given_up() {
            let order = self.order(rows);
            // Only some rows of the first block were measured, so its scales may be chosen again. Later, they may
            // only rise.
            let is_first = self.added == rows.len() as u64;
            for measures in [false, true] {
                if measures {
                    self.measure(isa, rows);
                }
                let Panel { width, ref mut state, .. } = *self;
                state.begin(width.max(VECTOR));
                let mut all = true;
                in_vectors(rows, width, |rows, width| {
                    all &= certified::add_certified(isa, rows, width, order, state);
                });
                if all {
                    certified::collect_all(isa, state, width);
                    return true;
                }
                if !is_first {
                    break;
                }
            }
            self.certified.fail();
        }
        self.is_uniform = false;
        false
    }

    /// Makes the sums of a block that the certified kernel added exact.
    fn prove_block<T: Number>(&mut self, isa: Isa, rows: Rows<'_, T>) {
        let order = self.order(rows);
        let Panel { width, are_large, ref state, .. } = *self;
        if are_large {
            let mut all = true;
            in_vectors(rows, width, |rows, width| {
                all &= certified::are_large(isa, rows, width, order, state);
            });
            if all {
                return;
            }
            // Further blocks will have small numbers, too.
            self.are_large = false;
        }
        self.add_carefully(isa, rows);
        for column in 0..width {
            if self.state.remainder[column] << 1 != 0 {
                let own = column % self.period;
                let mut values = [T::default(); ROWS];
                self.add_exactly(gather(rows, column, &mut values), own);
                let units = self.units(column);
                for level in 0..2 {
                    let moved = exact::moved(&self.state, level, column);
                    self.totals[own].add_scaled(-i128::from(moved), units[level]);
                }
            }
        }
    }

    /// How rows are read.
    fn order<T>(&self, rows: Rows<'_, T>) -> Order {
        let is_far = rows.stride().unsigned_abs() > FORESEEN * size_of::<f64>();
        if is_far { self.order } else { Order::Groups }
    }

    fn add_carefully<T: Number>(&mut self, isa: Isa, rows: Rows<'_, T>) {
        let order = self.order(rows);
        let Panel { width, ref mut state, .. } = *self;
        state.begin(width.max(VECTOR));
        state.forget_failures(width.max(VECTOR));
        in_vectors(rows, width, |rows, width| {
            exact::add_carefully(isa, rows, width, order, state);
        });
    }

    fn add_block<T: Number>(&mut self, isa: Isa, rows: Rows<'_, T>) {
        self.add_carefully(isa, rows);
        let Panel { width, ref mut state, .. } = *self;
        if !exact::collect_each(isa, state, width) {
            for column in 0..width {
                if self.state.escaped[column] & SIGN_AND_EXPONENT != 0
                    || self.state.remainder[column] << 1 != 0
                {
                    self.add_column(isa, rows, column);
                }
            }
        }
    }

    /// Chooses the columns' scales by some rows. There are no parts yet.
    fn measure<T: Number>(&mut self, isa: Isa, rows: Rows<'_, T>) {
        let Panel { width, period, ref mut state, .. } = *self;
        let negative = &mut state.sums[0];
        negative[..width.max(VECTOR)].fill(-0.0);
        in_vectors(rows, width, |rows, width| scale::measure(isa, rows, width, negative));
        scale::choose(isa, state, width, period);
    }

    /// Sets the scale of all copies of a column.
    fn set_scale(&mut self, column: usize, first: i32) {
        let (_, bias) = levels::levels::<2>(first, LEVEL);
        for level in 0..2 {
            let lanes = self.state.bias[level][column..self.width].iter_mut();
            lanes.step_by(self.period).for_each(|lane| *lane = bias[level]);
        }
    }

    /// Adds a block of one column that did not fit its scale, and chooses a new one.
    #[inline(never)]
    fn add_column<T: Number>(&mut self, isa: Isa, rows: Rows<'_, T>, column: usize) {
        let mut values = [T::default(); ROWS];
        let values = gather(rows, column, &mut values);
        let own = column % self.period;
        if let Some(first) = levels::scale(levels::highest_exponent(isa, values), HEADROOM)
            && (((first + 1023) as u64) << 52) > self.state.bias[0][own].to_bits()
        {
            self.empty(own);
            self.set_scale(own, first);
        }
        self.add_exactly(values, own);
    }

    fn add_exactly<T: Number>(&mut self, values: &[T], own: usize) {
        self.totals.resize_with(self.period, Accumulator::new);
        self.summer.add_exactly(values, &mut self.totals[own]);
    }
}

/// Copies a block of a column.
fn gather<'a, T: Copy>(rows: Rows<'_, T>, column: usize, values: &'a mut [T; ROWS]) -> &'a [T] {
    let values = &mut values[..rows.len()];
    for (row, value) in values.iter_mut().enumerate() {
        [*value] = load(rows, row, column);
    }
    values
}

thread_local! {
    /// The state of the previous panel, since clearing a new one takes longer than a small sum.
    static SPARE: Cell<Option<Box<State>>> = const { Cell::new(None) };
}

/// A state that returns to [`SPARE`] when it is dropped; `Some` until then.
struct Borrowed(Option<Box<State>>);

impl Deref for Borrowed {
    type Target = State;
    fn deref(&self) -> &State {
        self.0.as_ref().expect("the state is there until it is dropped")
    }
}

impl DerefMut for Borrowed {
    fn deref_mut(&mut self) -> &mut State {
        self.0.as_mut().expect("the state is there until it is dropped")
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let state = self.0.take();
        // It is not needed when the thread is ending.
        let _ = SPARE.try_with(|spare| spare.set(state));
    }
}

impl State {
    const EMPTY: State = State {
        bias: [[0.0; WIDTH]; 2],
        sums: [[0.0; WIDTH]; 2],
        escaped: [0; WIDTH],
        remainder: [0; WIDTH],
        parts: [[0; WIDTH]; 2],
    };

    fn begin(&mut self, width: usize) {
        for level in 0..2 {
            self.sums[level][..width].copy_from_slice(&self.bias[level][..width]);
        }
    }

    fn forget_failures(&mut self, width: usize) {
        self.escaped[..width].fill(0);
        self.remainder[..width].fill(0);
    }
}

#[inline(always)]
fn address<T>(rows: Rows<'_, T>, row: usize, column: usize) -> *const T {
    rows.as_ptr().wrapping_byte_offset(row as isize * rows.stride()).wrapping_add(column)
}

/// Loads `W` numbers of a row.
#[inline(always)]
fn load<T: Copy, const W: usize>(rows: Rows<'_, T>, row: usize, column: usize) -> [T; W] {
    *rows.row(row)[column..].first_chunk().expect("so many columns")
}

/// Calls `add` for the rows, or for copies as wide as a vector.
fn in_vectors<T: Copy + Default>(
    rows: Rows<'_, T>,
    width: usize,
    mut add: impl FnMut(Rows<'_, T>, usize),
) {
    if width >= VECTOR {
        return add(rows, width);
    }
    let mut copy = [[T::default(); VECTOR]; 32];
    for start in (0..rows.len()).step_by(copy.len()) {
        let count = copy.len().min(rows.len() - start);
        for (row, copy) in copy[..count].iter_mut().enumerate() {
            for (column, value) in copy[..width].iter_mut().enumerate() {
                [*value] = load(rows, start + row, column);
            }
        }
        add(Rows::of(copy[..count].as_flattened(), VECTOR), VECTOR);
    }
}

/// The sums of the first columns, if they are pairs of numbers.
#[inline(always)]
fn to_pairs_body(state: &State, width: usize, pairs: &mut Pairs) -> bool {
    let mut longest = 0;
    for (level, numbers) in [&mut pairs.high, &mut pairs.low].into_iter().enumerate() {
        for column in 0..width.min(WIDTH) {
            let part = state.parts[level][column];
            longest |= part.unsigned_abs();
            let bias = state.bias[level][column];
            let unit = f64::from_bits(bias.to_bits() + 1) - bias;
            numbers[column] = part as f64 * unit;
        }
    }
    longest < 1 << 53
}

dispatch! {
    fn to_pairs(state: &State, width: usize, pairs: &mut Pairs) -> bool = to_pairs_body
}
