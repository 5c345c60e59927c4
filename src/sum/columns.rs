//! The kernel for sums down the columns of a matrix: rows stream by, every column keeps its levels.
//!
//! The algorithm is that of `block`, with two levels and a scale of its own for each column. A
//! column that does not fit its scale in some block of rows is added alone, by the run's kernel.

#![allow(unsafe_code)] // Raw, unaligned loads in the hot loop.

use super::accumulator::Accumulator;
use super::block::{self, LEVEL, Number, SIGN_AND_EXPONENT};
use super::slice::Summer;
use super::summand::{Integer, Rows};
use crate::cpu::{Isa, dispatch};

/// Columns in a panel: their state of 48 bytes each stays in the first-level cache.
pub(super) const WIDTH: usize = 512;
/// Rows in a block: what a level can take between two collections.
const ROWS: usize = 256;
/// Binades from a column's largest number to its first accumulator, as 256 rows add up to less
/// than a quarter of it; and some more, as only the first rows are measured.
const HEADROOM: i32 = 10 + 3;
/// Rows that are measured to choose the columns' scales.
const SAMPLE: usize = 32;
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

impl Default for State {
    fn default() -> State {
        State {
            bias: [[0.0; WIDTH]; 2],
            sums: [[0.0; WIDTH]; 2],
            escaped: [0; WIDTH],
            remainder: [0; WIDTH],
        }
    }
}

impl Panel {
    pub fn new(isa: Isa, width: usize) -> Panel {
        assert!(width <= WIDTH);
        let mut panel = Panel {
            width,
            first: [UNKNOWN; WIDTH],
            state: Box::default(),
            parts: [[0; WIDTH]; 2],
            blocks: 0,
            totals: vec![Accumulator::new(); width],
            summer: Summer::new(isa, ROWS),
        };
        let (_, bias) = block::levels::<2>(UNKNOWN, LEVEL);
        for (lanes, bias) in panel.state.bias.iter_mut().zip(bias) {
            lanes[..width].fill(bias);
        }
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
        add_block(isa, rows, self.width, &mut self.state);
        if !collect(isa, &self.state, self.width, &mut self.parts) {
            for column in 0..self.width {
                let state = &self.state;
                if state.escaped[column] & SIGN_AND_EXPONENT != 0
                    || state.remainder[column] << 1 != 0
                {
                    self.add_column(isa, rows, column);
                }
            }
        }
    }

    /// Chooses the columns' scales by a first block of rows.
    fn measure<T: Number>(&mut self, isa: Isa, rows: Rows<T>) {
        let mut highest = [0; WIDTH];
        measure(isa, Rows { count: rows.count.min(SAMPLE), ..rows }, self.width, &mut highest);
        for column in 0..self.width {
            if let Some(first) = block::scale((highest[column] >> 52) as i32, HEADROOM)
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
            [*value] = load(rows, row, column);
        }
        let values = &values[..rows.count];
        if let Some(first) = block::scale(block::highest_exponent(isa, values), HEADROOM)
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

#[inline(always)]
fn address<T>(rows: Rows<T>, row: usize, column: usize) -> *const T {
    rows.data.wrapping_byte_offset(row as isize * rows.stride).wrapping_add(column)
}

/// Loads `W` numbers of a row.
#[inline(always)]
fn load<T: Copy, const W: usize>(rows: Rows<T>, row: usize, column: usize) -> [T; W] {
    // SAFETY: `Rows` are readable, and all callers stay within their width.
    unsafe { address(rows, row, column).cast::<[T; W]>().read_unaligned() }
}

#[inline(always)]
fn vector<T: Copy, const W: usize>(lanes: &Lanes<T>, column: usize) -> [T; W] {
    std::array::from_fn(|lane| lanes[column + lane])
}

/// Adds `COUNT` rows to `V` vectors of `W` columns.
#[inline(always)]
fn add_group<T: Number, const W: usize, const V: usize, const COUNT: usize>(
    rows: Rows<T>,
    start: usize,
    column: usize,
    state: &mut State,
) {
    let at = |index: usize| column + index * W;
    let bias: [[f64; W]; V] = std::array::from_fn(|index| vector(&state.bias[0], at(index)));
    let mut high: [[f64; W]; V] = std::array::from_fn(|index| vector(&state.sums[0], at(index)));
    let mut low: [[f64; W]; V] = std::array::from_fn(|index| vector(&state.sums[1], at(index)));
    let mut escaped: [[u64; W]; V] = std::array::from_fn(|index| vector(&state.escaped, at(index)));
    let mut remainder: [[u64; W]; V] =
        std::array::from_fn(|index| vector(&state.remainder, at(index)));
    for row in start..start + COUNT {
        for index in 0..V {
            if COUNT > 1 {
                // The rows of the next group start too far away for the processor to foresee.
                block::prefetch(address(rows, row + COUNT, at(index)));
            }
            let x: [T; W] = load(rows, row, at(index));
            for lane in 0..W {
                let x = x[lane].widen();
                let s = high[index][lane] + x;
                let rest = x - (s - high[index][lane]);
                let t = low[index][lane] + rest;
                escaped[index][lane] |= s.to_bits() ^ bias[index][lane].to_bits();
                remainder[index][lane] |= (rest - (t - low[index][lane])).to_bits();
                high[index][lane] = s;
                low[index][lane] = t;
            }
        }
    }
    for index in 0..V {
        let columns = at(index)..at(index) + W;
        state.sums[0][columns.clone()].copy_from_slice(&high[index]);
        state.sums[1][columns.clone()].copy_from_slice(&low[index]);
        state.escaped[columns.clone()].copy_from_slice(&escaped[index]);
        state.remainder[columns].copy_from_slice(&remainder[index]);
    }
}

/// Adds `COUNT` rows to all columns: vectors in pairs for the sake of latency, where the processor
/// has registers for that, then one by one.
#[inline(always)]
fn add_rows<T: Number, const W: usize, const COUNT: usize>(
    rows: Rows<T>,
    row: usize,
    width: usize,
    state: &mut State,
) {
    let whole = width - width % W;
    let pairs = if W == 8 { width - width % (2 * W) } else { 0 };
    for column in (0..pairs).step_by(2 * W) {
        add_group::<T, W, 2, COUNT>(rows, row, column, state);
    }
    for column in (pairs..whole).step_by(W) {
        add_group::<T, W, 1, COUNT>(rows, row, column, state);
    }
    for column in whole..width {
        add_group::<T, 1, 1, COUNT>(rows, row, column, state);
    }
}

#[inline(always)]
fn add_block_body<T: Number, const W: usize>(rows: Rows<T>, width: usize, state: &mut State) {
    let width = width.min(WIDTH);
    for level in 0..2 {
        state.sums[level][..width].copy_from_slice(&state.bias[level][..width]);
    }
    state.escaped[..width].fill(0);
    state.remainder[..width].fill(0);
    let grouped = rows.count - rows.count % GROUP;
    for row in (0..grouped).step_by(GROUP) {
        add_rows::<T, W, GROUP>(rows, row, width, state);
    }
    for row in grouped..rows.count {
        add_rows::<T, W, 1>(rows, row, width, state);
    }
}

dispatch! {
    fn add_block[T: Number][T](rows: Rows<T>, width: usize, state: &mut State)
        = add_block_body::<T, {W}>
}

/// Adds the block's sums of the columns that kept to their scale; whether all did.
#[inline(always)]
fn collect_body(state: &State, width: usize, parts: &mut [Lanes<i64>; 2]) -> bool {
    let mut any = 0;
    for column in 0..width.min(WIDTH) {
        let failed = state.escaped[column] & SIGN_AND_EXPONENT | state.remainder[column] << 1;
        any |= failed;
        for level in 0..2 {
            let moved = state.sums[level][column]
                .to_bits()
                .wrapping_sub(state.bias[level][column].to_bits());
            parts[level][column] += if failed == 0 { moved as i64 } else { 0 };
        }
    }
    any == 0
}

dispatch! {
    fn collect(state: &State, width: usize, parts: &mut [Lanes<i64>; 2]) -> bool = collect_body
}

#[inline(always)]
fn measure_body<T: Number>(rows: Rows<T>, width: usize, highest: &mut Lanes<u64>) {
    for row in 0..rows.count {
        for (column, highest) in highest[..width.min(WIDTH)].iter_mut().enumerate() {
            let [x] = load::<T, 1>(rows, row, column);
            *highest = (x.widen().to_bits() & (u64::MAX >> 1)).max(*highest);
        }
    }
}

dispatch! {
    fn measure[T: Number][T](rows: Rows<T>, width: usize, highest: &mut Lanes<u64>)
        = measure_body::<T>
}

#[inline(always)]
fn add_integer_block_body<T: Integer>(rows: Rows<T>, width: usize, parts: &mut [Lanes<i64>; 2]) {
    let [high, low] = parts;
    for row in 0..rows.count {
        for column in 0..width.min(WIDTH) {
            let [x] = load::<T, 1>(rows, row, column);
            let part = x.parts();
            high[column] += part[0];
            low[column] += part[1];
        }
    }
}

dispatch! {
    fn add_integer_block[T: Integer][T](rows: Rows<T>, width: usize, parts: &mut [Lanes<i64>; 2])
        = add_integer_block_body::<T>
}
