//! The kernel for sums down the columns of a matrix: rows stream by, every column keeps its levels.
//!
//! The algorithm is that of `block`, with two levels and a scale of its own for each column. A
//! column that does not fit its scale in some block of rows is added alone, by the run's kernel.

#![allow(unsafe_code)] // Raw, unaligned loads in the hot loop.

use super::accumulator::Accumulator;
use super::block::{self, HIGHEST, LEVEL, Number, SIGN_AND_EXPONENT};
use super::slice::Summer;
use super::summand::{Integer, Rows};
use crate::cpu::{Isa, dispatch};

/// Columns in a panel: their state of 48 bytes each stays in the first-level cache.
pub(super) const WIDTH: usize = 512;
/// Rows in a block: what a level can take between two collections.
const ROWS: usize = 256;
/// Binades from a column's largest number to its first accumulator, as 256 rows add up to less
/// than a quarter of it.
const HEADROOM: i32 = 10;
/// Blocks after which the columns' 64-bit sums (52 bits from each block) are emptied.
const BLOCKS: u32 = 1 << 10;
/// Rows for which a column's state stays in registers.
const GROUP: usize = 8;
/// The scale of a column that has shown nothing but zeros: any other number leaves it.
const UNKNOWN: i32 = -1022;

type Lanes<T> = [T; WIDTH];

/// The sums of up to [`WIDTH`] columns.
pub(super) struct Panel {
    width: usize,
    first: Lanes<i32>,
    state: Box<State>,
    /// Exact sums of the blocks before, in units of the levels' last bits.
    parts: [Lanes<i64>; 2],
    blocks: u32,
    totals: Vec<Accumulator>,
    summer: Summer,
}

/// What the kernel works on.
struct State {
    bias: [Lanes<f64>; 2],
    sums: [Lanes<f64>; 2],
    escaped: Lanes<u64>,
    remainder: Lanes<u64>,
}

impl Panel {
    pub fn new(isa: Isa, width: usize) -> Panel {
        assert!(width <= WIDTH);
        let mut panel = Panel {
            width,
            first: [UNKNOWN; WIDTH],
            state: Box::new(State {
                bias: [[0.0; WIDTH]; 2],
                sums: [[0.0; WIDTH]; 2],
                escaped: [0; WIDTH],
                remainder: [0; WIDTH],
            }),
            parts: [[0; WIDTH]; 2],
            blocks: 0,
            totals: vec![Accumulator::new(); width],
            summer: Summer::new(isa, ROWS),
        };
        (0..WIDTH).for_each(|column| panel.set_scale(column, UNKNOWN));
        panel
    }

    /// The exact sums of the columns; their counts are the caller's.
    pub fn finish(mut self, floating: bool) -> Vec<Accumulator> {
        for column in 0..self.width {
            if floating {
                self.empty(column);
            } else {
                self.empty_integer(column);
            }
        }
        self.totals
    }

    fn set_scale(&mut self, column: usize, first: i32) {
        self.first[column] = first;
        let (_, bias) = block::levels::<2>(first, LEVEL);
        for level in 0..2 {
            self.state.bias[level][column] = bias[level];
        }
    }

    /// Moves a column's 64-bit sums to its accumulator.
    fn empty(&mut self, column: usize) {
        let (exponents, _) = block::levels::<2>(self.first[column], LEVEL);
        let [high, low] = self.take_parts(column);
        let sum = (i128::from(high) << (exponents[0] - exponents[1])) + i128::from(low);
        self.totals[column].add_scaled(sum, exponents[1] - 52);
    }

    fn empty_integer(&mut self, column: usize) {
        let [high, low] = self.take_parts(column);
        self.totals[column].add_scaled((i128::from(high) << 32) + i128::from(low), 0);
    }

    fn take_parts(&mut self, column: usize) -> [i64; 2] {
        [0, 1].map(|level| std::mem::take(&mut self.parts[level][column]))
    }

    pub fn add_floating<T: Number>(&mut self, isa: Isa, rows: Rows<T>) {
        let mut rest = rows;
        while rest.count > 0 {
            let rows = Rows { count: rest.count.min(ROWS), ..rest };
            self.add_block(isa, rows);
            rest.data = rest.data.wrapping_byte_offset(rows.count as isize * rest.stride);
            rest.count -= rows.count;
        }
    }

    fn add_block<T: Number>(&mut self, isa: Isa, rows: Rows<T>) {
        self.blocks += 1;
        if self.blocks == BLOCKS {
            self.blocks = 0;
            (0..self.width).for_each(|column| self.empty(column));
        }
        if self.blocks == 1 {
            self.measure(isa, rows);
        }
        // Whole vectors, unless they would reach beyond the row.
        add_block(isa, rows, self.width, &mut self.state);
        if !collect(isa, &self.state, &mut self.parts) {
            for column in 0..self.width {
                let state = &self.state;
                if state.escaped[column] & SIGN_AND_EXPONENT != 0 || state.remainder[column] << 1 != 0 {
                    self.add_column(isa, rows, column);
                }
            }
        }
    }

    /// Chooses the columns' scales by a first block of rows.
    fn measure<T: Number>(&mut self, isa: Isa, rows: Rows<T>) {
        let mut highest = [0; WIDTH];
        measure(isa, rows, self.width, &mut highest);
        for column in 0..self.width {
            if let Some(first) = scale((highest[column] >> 52) as i32)
                && highest[column] != 0
                && first != self.first[column]
            {
                self.empty(column);
                self.set_scale(column, first);
            }
        }
    }

    /// Adds a block of one column that did not fit its scale, and chooses a new one.
    #[inline(never)]
    fn add_column<T: Number>(&mut self, isa: Isa, rows: Rows<T>, column: usize) {
        let mut values = [T::default(); ROWS];
        for (row, value) in values[..rows.count].iter_mut().enumerate() {
            let at = rows.data.wrapping_byte_offset(row as isize * rows.stride).wrapping_add(column);
            // SAFETY: `Rows` are readable, and `column` lies within them.
            *value = unsafe { at.read_unaligned() };
        }
        let values = &values[..rows.count];
        if let Some(first) = scale(block::highest_exponent(isa, values))
            && first > self.first[column]
        {
            self.empty(column);
            self.set_scale(column, first);
        }
        self.summer.add(values, &mut self.totals[column]);
    }

    pub fn add_integers<T: Integer>(&mut self, isa: Isa, rows: Rows<T>) {
        // Each part is below 2^32, so 2^30 rows stay below 2^62.
        let mut rest = rows;
        while rest.count > 0 {
            let rows = Rows { count: rest.count.min(ROWS), ..rest };
            self.blocks += 1;
            if self.blocks == 1 << 22 {
                self.blocks = 0;
                (0..self.width).for_each(|column| self.empty_integer(column));
            }
            add_integer_block(isa, rows, self.width, &mut self.parts);
            rest.data = rest.data.wrapping_byte_offset(rows.count as isize * rest.stride);
            rest.count -= rows.count;
        }
    }
}

/// The first level's exponent for numbers up to a biased exponent; `None` beyond its range.
fn scale(highest: i32) -> Option<i32> {
    let first = highest.max(1) - 1023 + HEADROOM;
    (highest != 2047 && first <= HIGHEST).then_some(first)
}

/// Loads up to `W` numbers of a row, the others 0.
#[inline(always)]
fn load<T: Copy + Default, const W: usize>(rows: Rows<T>, row: usize, column: usize, width: usize) -> [T; W] {
    let at = rows.data.wrapping_byte_offset(row as isize * rows.stride).wrapping_add(column);
    if column + W <= width {
        // SAFETY: `Rows` are readable, and the vector ends within them.
        unsafe { at.cast::<[T; W]>().read_unaligned() }
    } else {
        let mut vector = [T::default(); W];
        for (lane, value) in vector[..width - column].iter_mut().enumerate() {
            // SAFETY: the lane lies within the row.
            *value = unsafe { at.wrapping_add(lane).read_unaligned() };
        }
        vector
    }
}

#[inline(always)]
fn vector<T: Copy, const W: usize>(lanes: &Lanes<T>, column: usize) -> [T; W] {
    std::array::from_fn(|lane| lanes[column + lane])
}

#[inline(always)]
fn add_group<T: Number, const W: usize, const COUNT: usize>(
    rows: Rows<T>,
    start: usize,
    width: usize,
    state: &mut State,
) {
    for column in (0..width).step_by(W) {
        let mut high: [f64; W] = vector(&state.sums[0], column);
        let mut low: [f64; W] = vector(&state.sums[1], column);
        let bias: [f64; W] = vector(&state.bias[0], column);
        let mut escaped: [u64; W] = vector(&state.escaped, column);
        let mut remainder: [u64; W] = vector(&state.remainder, column);
        for row in 0..COUNT {
            let x: [T; W] = load(rows, start + row, column, width);
            for lane in 0..W {
                let x = x[lane].widen();
                let s = high[lane] + x;
                let rest = x - (s - high[lane]);
                let t = low[lane] + rest;
                let rest = rest - (t - low[lane]);
                escaped[lane] |= s.to_bits() ^ bias[lane].to_bits();
                remainder[lane] |= rest.to_bits();
                high[lane] = s;
                low[lane] = t;
            }
        }
        state.sums[0][column..column + W].copy_from_slice(&high);
        state.sums[1][column..column + W].copy_from_slice(&low);
        state.escaped[column..column + W].copy_from_slice(&escaped);
        state.remainder[column..column + W].copy_from_slice(&remainder);
    }
}

#[inline(always)]
fn add_block_body<T: Number, const W: usize>(rows: Rows<T>, width: usize, state: &mut State) {
    state.sums = state.bias;
    state.escaped = [0; WIDTH];
    state.remainder = [0; WIDTH];
    let mut row = 0;
    while row + GROUP <= rows.count {
        add_group::<T, W, GROUP>(rows, row, width, state);
        row += GROUP;
    }
    while row < rows.count {
        add_group::<T, W, 1>(rows, row, width, state);
        row += 1;
    }
}

dispatch! {
    fn add_block[T: Number][T](rows: Rows<T>, width: usize, state: &mut State)
        = add_block_body::<T, {W}>
}

/// Adds the block's sums of the columns that kept to their scale; whether all did.
#[inline(always)]
fn collect_body(state: &State, parts: &mut [Lanes<i64>; 2]) -> bool {
    let mut any = 0;
    for column in 0..WIDTH {
        let failed = state.escaped[column] & SIGN_AND_EXPONENT | state.remainder[column] << 1;
        any |= failed;
        for level in 0..2 {
            let moved = state.sums[level][column].to_bits().wrapping_sub(state.bias[level][column].to_bits());
            parts[level][column] += if failed == 0 { moved as i64 } else { 0 };
        }
    }
    any == 0
}

dispatch! {
    fn collect(state: &State, parts: &mut [Lanes<i64>; 2]) -> bool = collect_body
}

#[inline(always)]
fn measure_body<T: Number, const W: usize>(rows: Rows<T>, width: usize, highest: &mut Lanes<u64>) {
    for row in 0..rows.count {
        for column in (0..width).step_by(W) {
            let x: [T; W] = load(rows, row, column, width);
            for lane in 0..W {
                let magnitude = x[lane].widen().to_bits() & (u64::MAX >> 1);
                highest[column + lane] = magnitude.max(highest[column + lane]);
            }
        }
    }
}

dispatch! {
    fn measure[T: Number][T](rows: Rows<T>, width: usize, highest: &mut Lanes<u64>)
        = measure_body::<T, {W}>
}

#[inline(always)]
fn add_integer_block_body<T: Integer, const W: usize>(
    rows: Rows<T>,
    width: usize,
    parts: &mut [Lanes<i64>; 2],
) {
    for column in (0..width).step_by(W) {
        let mut high: [i64; W] = vector(&parts[0], column);
        let mut low: [i64; W] = vector(&parts[1], column);
        for row in 0..rows.count {
            let x: [T; W] = load(rows, row, column, width);
            for lane in 0..W {
                let part = x[lane].parts();
                high[lane] += part[0];
                low[lane] += part[1];
            }
        }
        parts[0][column..column + W].copy_from_slice(&high);
        parts[1][column..column + W].copy_from_slice(&low);
    }
}

dispatch! {
    fn add_integer_block[T: Integer][T](rows: Rows<T>, width: usize, parts: &mut [Lanes<i64>; 2])
        = add_integer_block_body::<T, {W}>
}
