//! The kernel for sums down the columns of a matrix, which is read row by row; each column has its
//! own levels.
//!
//! The algorithm is that of `levels`, with two levels and a scale of its own for each column. Each
//! column is checked; one that does not fit its scale in a block of rows is added separately, by
//! the kernel for lines.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};

use super::adaptive::Summer;
use super::few;
use super::levels::{self, LEVEL};
use super::number::{Integer, Number};
use crate::array::memory::prefetch;
use crate::array::view::Rows;
use crate::binary64::{ABSOLUTE, SIGN_AND_EXPONENT};
use crate::cpu::{Isa, dispatch, vectorized};
use crate::environment;
use crate::exact::accumulator::Accumulator;
use crate::exact::pairs::{BATCH, Pairs};
use crate::simd::{Simd, WIDEST};

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
/// The scale of a column with only zeros so far, which no other number fits.
const LOWEST_SCALE: i32 = -1022;
/// The number of parts of blocks (51 bits each) whose sum is below 63 bits.
const FOLDED: usize = 1 << 11;

type Lanes<T> = [T; WIDTH];

/// The sums of up to [`WIDTH`] columns.
///
/// A matrix of few columns is treated as a wider one that repeats the `period` columns: the copies
/// of a column share a scale, and their sums are added.
pub(crate) struct Panel {
    width: usize,
    period: usize,
    integers: bool,
    state: Borrowed,
    blocks: u32,
    /// Whether the thread's floating-point environment is the default one.
    floating: bool,
    /// Whether the columns have scales.
    scaled: bool,
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
            state: Borrowed(SPARE.take().or_else(|| Some(Box::new(State::EMPTY)))),
            blocks: 0,
            floating: environment::is_default(),
            scaled: false,
            totals: Vec::new(),
            summer: Summer::new(isa, ROWS, None),
        }
    }

    /// Sums a few rows to pairs, without adding them to this panel; returns whether that succeeded.
    pub fn sum_few<T: Number>(&self, isa: Isa, rows: Rows<'_, T>, pairs: &mut Pairs) -> bool {
        self.floating && few::sum_few(isa, rows, pairs)
    }

    /// Begins the sums of a matrix of `width` columns, in which column `i` is a copy of column `i %
    /// period`.
    pub fn start(&mut self, width: usize, period: usize, integers: bool) {
        assert!(width <= WIDTH && width.is_multiple_of(period));
        self.blocks = 0;
        self.totals.clear();
        let padded = width.max(VECTOR);
        for parts in &mut self.state.parts {
            parts[..padded].fill(0);
        }
        self.scaled = false;
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

    /// The sum of a column over all its copies, without a count.
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
            if panel.blocks == 1 && !panel.scaled {
                panel.measure(isa, rows);
            }
            panel.add_block(isa, rows);
        });
    }

    pub fn add_integers<T: Integer>(&mut self, isa: Isa, rows: Rows<'_, T>) {
        self.in_blocks(rows, INTEGER_BLOCKS, |panel, rows| {
            in_vectors(rows, panel.width, |rows, width| {
                add_integers(isa, rows, width, &mut panel.state.parts);
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

    fn add_block<T: Number>(&mut self, isa: Isa, rows: Rows<'_, T>) {
        let Panel { width, ref mut state, .. } = *self;
        state.begin(width.max(VECTOR));
        state.forget_failures(width.max(VECTOR));
        in_vectors(rows, width, |rows, width| add_carefully(isa, rows, width, state));
        if !collect_each(isa, state, width) {
            for column in 0..width {
                if self.state.escaped[column] & SIGN_AND_EXPONENT != 0
                    || self.state.remainder[column] << 1 != 0
                {
                    self.add_column(isa, rows, column);
                }
            }
        }
    }

    /// Chooses the columns' scales by a first block of rows. There are no parts yet.
    fn measure<T: Number>(&mut self, isa: Isa, rows: Rows<'_, T>) {
        let mut highest = [0; WIDTH];
        let Panel { width, period, .. } = *self;
        measure(isa, rows.truncate(SAMPLE), width, &mut highest);
        let (own, others) = highest[..width].split_at_mut(period);
        for (index, &other) in others.iter().enumerate() {
            own[index % period] = other.max(own[index % period]);
        }
        for column in 0..period {
            if let Some(first) = levels::scale((highest[column] >> 52) as i32, HEADROOM)
                && highest[column] != 0
            {
                self.set_scale(column, first);
            }
        }
        self.scaled = true;
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
        for (row, value) in values[..rows.len()].iter_mut().enumerate() {
            [*value] = load(rows, row, column);
        }
        let values = &values[..rows.len()];
        let own = column % self.period;
        self.totals.resize_with(self.period, Accumulator::new);
        if let Some(first) = levels::scale(levels::highest_exponent(isa, values), HEADROOM)
            && (((first + 1023) as u64) << 52) > self.state.bias[0][own].to_bits()
        {
            self.empty(own);
            self.set_scale(own, first);
        }
        self.summer.add_exactly(values, &mut self.totals[own]);
    }
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

/// All bits in the lanes from `first` on.
#[inline(always)]
fn lanes_from<const W: usize>(first: usize) -> [u64; W] {
    std::array::from_fn(|lane| if lane >= first { u64::MAX } else { 0 })
}

#[inline(always)]
fn vector<T: Copy, const W: usize>(lanes: &Lanes<T>, column: usize) -> [T; W] {
    std::array::from_fn(|lane| lanes[column + lane])
}

/// Whether [`Simd::minus`] pays: not with few registers, of which it needs one more.
const fn has_registers<S: Simd>() -> bool {
    S::STREAMS > 3
}

#[inline(always)]
fn minus<S: Simd>(simd: S, one: S::V, a: S::V, b: S::V) -> S::V {
    if has_registers::<S>() { simd.minus(one, a, b) } else { simd.subtract(a, b) }
}

/// Adds `COUNT` rows to `V` vectors of columns, and records which columns were not exact. If
/// `MASKED`, lanes outside `keep` are left out.
#[inline(always)]
fn add_group<S: Simd, T: Number, const V: usize, const COUNT: usize, const MASKED: bool>(
    simd: S,
    rows: Rows<'_, T>,
    start: usize,
    column: usize,
    keep: S::V,
    state: &mut State,
) {
    let part = rows.part(start, COUNT, column, V * S::W);
    let is_far = rows.stride().unsigned_abs() > FORESEEN * size_of::<f64>();
    let zero = simd.splat(0.0);
    let one = if has_registers::<S>() { simd.hidden_one() } else { zero };
    let mut bias = [zero; V];
    let (mut high, mut low) = ([zero; V], [zero; V]);
    let (mut escaped, mut remainder) = ([zero; V], [zero; V]);
    for index in 0..V {
        let at = column + index * S::W;
        bias[index] = simd.read(&state.bias[0], at);
        high[index] = simd.read(&state.sums[0], at);
        low[index] = simd.read(&state.sums[1], at);
        escaped[index] = simd.read_bits(&state.escaped, at);
        remainder[index] = simd.read_bits(&state.remainder, at);
    }
    for row in 0..COUNT {
        for index in 0..V {
            let at = index * S::W;
            if is_far {
                prefetch(address(part, row + COUNT, at));
            }
            let x = T::load_first(simd, &part.row(row)[at..]);
            let x = if MASKED { simd.and(x, keep) } else { x };
            let s = simd.add(high[index], x);
            let rest = minus(simd, one, x, minus(simd, one, s, high[index]));
            let t = simd.add(low[index], rest);
            escaped[index] = simd.or(escaped[index], simd.xor(s, bias[index]));
            let lost = simd.subtract(rest, minus(simd, one, t, low[index]));
            remainder[index] = simd.or(remainder[index], lost);
            high[index] = s;
            low[index] = t;
        }
    }
    for index in 0..V {
        let at = column + index * S::W;
        simd.write(high[index], &mut state.sums[0], at);
        simd.write(low[index], &mut state.sums[1], at);
        simd.write_bits(escaped[index], &mut state.escaped, at);
        simd.write_bits(remainder[index], &mut state.remainder, at);
    }
}

/// Adds `COUNT` rows to all columns, two vectors at once, to hide latencies. The last vector may
/// overlap the previous one; it adds zeros to the shared columns.
#[inline(always)]
fn add_some<S: Simd, T: Number, const COUNT: usize>(
    simd: S,
    rows: Rows<'_, T>,
    row: usize,
    width: usize,
    state: &mut State,
) {
    let keep = simd.splat(0.0);
    let (whole, together) = (width - width % S::W, width - width % (2 * S::W));
    for column in (0..together).step_by(2 * S::W) {
        add_group::<S, T, 2, COUNT, false>(simd, rows, row, column, keep, state);
    }
    if together < whole {
        add_group::<S, T, 1, COUNT, false>(simd, rows, row, together, keep, state);
    }
    if whole < width {
        let mut lanes = [0u64; WIDEST];
        lanes[whole + S::W - width..S::W].fill(u64::MAX);
        let keep = simd.read_bits(&lanes, 0);
        add_group::<S, T, 1, COUNT, true>(simd, rows, row, width - S::W, keep, state);
    }
}

#[inline(always)]
fn add_carefully_body<S: Simd, T: Number>(
    simd: S,
    rows: Rows<'_, T>,
    width: usize,
    state: &mut State,
) {
    const GROUP: usize = 8;
    let width = width.min(WIDTH);
    assert!((VECTOR..=rows.width()).contains(&width));
    let grouped = rows.len() - rows.len() % GROUP;
    for row in (0..grouped).step_by(GROUP) {
        add_some::<S, T, GROUP>(simd, rows, row, width, state);
    }
    let paired = rows.len() - rows.len() % 2;
    for row in (grouped..paired).step_by(2) {
        add_some::<S, T, 2>(simd, rows, row, width, state);
    }
    if paired < rows.len() {
        add_some::<S, T, 1>(simd, rows, paired, width, state);
    }
}

vectorized! {
    /// Adds rows to the columns, and records which of them were not exact.
    fn add_carefully[T: Number][T](rows: Rows<'_, T>, width: usize, state: &mut State)
        = add_carefully_body
}

#[inline(always)]
fn moved(state: &State, level: usize, column: usize) -> u64 {
    state.sums[level][column].to_bits().wrapping_sub(state.bias[level][column].to_bits())
}

/// Adds the sums of the block for the columns that fitted their scale; returns whether all did.
#[inline(always)]
fn collect_each_body(state: &mut State, width: usize) -> bool {
    let mut any = 0;
    for column in 0..width.min(WIDTH) {
        let failed = state.escaped[column] & SIGN_AND_EXPONENT | state.remainder[column] << 1;
        any |= failed;
        for level in 0..2 {
            let moved = moved(state, level, column) as i64;
            state.parts[level][column] += if failed == 0 { moved } else { 0 };
        }
    }
    any == 0
}

dispatch! {
    fn collect_each(state: &mut State, width: usize) -> bool = collect_each_body
}

#[inline(always)]
fn measure_body<T: Number>(rows: Rows<'_, T>, width: usize, highest: &mut Lanes<u64>) {
    for row in 0..rows.len() {
        for (column, highest) in highest[..width.min(WIDTH)].iter_mut().enumerate() {
            let [x] = load::<T, 1>(rows, row, column);
            *highest = (x.widen().to_bits() & ABSOLUTE).max(*highest);
        }
    }
}

dispatch! {
    fn measure[T: Number][T](rows: Rows<'_, T>, width: usize, highest: &mut Lanes<u64>)
        = measure_body::<T>
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

/// Adds `COUNT` rows to `W` columns, except for the first `skip` lanes.
#[inline(always)]
fn add_integer_group<T: Integer, const W: usize, const COUNT: usize>(
    rows: Rows<'_, T>,
    column: usize,
    skip: usize,
    parts: &mut [Lanes<i64>; 2],
) {
    let keep = lanes_from::<W>(skip);
    let part = rows.part(0, COUNT, column, W);
    let mut high: [i64; W] = vector(&parts[0], column);
    let mut low: [i64; W] = vector(&parts[1], column);
    for row in 0..COUNT {
        // The next rows are too far away for the hardware prefetcher.
        prefetch(address(part, row + COUNT, 0));
        let x: [T; W] = load(part, row, 0);
        for lane in 0..W {
            let part = x[lane].parts();
            high[lane] += part[0] & keep[lane] as i64;
            low[lane] += part[1] & keep[lane] as i64;
        }
    }
    parts[0][column..column + W].copy_from_slice(&high);
    parts[1][column..column + W].copy_from_slice(&low);
}

/// Adds `COUNT` rows to all vectors of columns. The last vector may overlap the previous one; it
/// adds zeros to the shared columns.
#[inline(always)]
fn add_some_integers<T: Integer, const W: usize, const COUNT: usize>(
    rows: Rows<'_, T>,
    start: usize,
    width: usize,
    parts: &mut [Lanes<i64>; 2],
) {
    let rows = rows.part(start, COUNT, 0, width);
    let whole = width - width % W;
    for column in (0..whole).step_by(W) {
        add_integer_group::<T, W, COUNT>(rows, column, 0, parts);
    }
    if whole < width {
        add_integer_group::<T, W, COUNT>(rows, width - W, whole + W - width, parts);
    }
}

#[inline(always)]
fn add_integers_body<T: Integer, const W: usize>(
    rows: Rows<'_, T>,
    width: usize,
    parts: &mut [Lanes<i64>; 2],
) {
    // Groups of rows, for which a column's state stays in registers; then pairs and single ones.
    const GROUP: usize = 8;
    let width = width.min(WIDTH);
    let grouped = rows.len() - rows.len() % GROUP;
    for row in (0..grouped).step_by(GROUP) {
        add_some_integers::<T, W, GROUP>(rows, row, width, parts);
    }
    let paired = rows.len() - rows.len() % 2;
    for row in (grouped..paired).step_by(2) {
        add_some_integers::<T, W, 2>(rows, row, width, parts);
    }
    if paired < rows.len() {
        add_some_integers::<T, W, 1>(rows, paired, width, parts);
    }
}

dispatch! {
    fn add_integers[T: Integer][T](rows: Rows<'_, T>, width: usize, parts: &mut [Lanes<i64>; 2])
        = add_integers_body::<T, {W}>
}
