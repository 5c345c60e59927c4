//! Exact cumulative sums along an axis of any array.

use std::ops::RangeInclusive;

use super::beside::{self, Beside};
use super::lanes::{add_up_integers, last_integer};
use super::prefix::{Half, Prefix, TILE};
use super::slices::Running;
use crate::array::dtype::{Dtype, by_native};
use crate::array::element::{Native, Piece, Selection, Stage, pieces, read_numbers};
use crate::array::memory::prefetch;
use crate::array::view::{Line, LineMut, View, ViewMut};
use crate::array::walk::{Group, Lines};
use crate::binary64::ABSOLUTE;
use crate::cpu::{self, Isa, dispatch, vectorized};
use crate::environment;
use crate::exact::round::Format;
use crate::interrupt::Interrupt;
use crate::kernel::levels::any;
use crate::kernel::number::Number;
use crate::simd::Simd;
use crate::tuning::tuning;

/// Lines that are processed together, since neighbours in memory share cache lines.
const GROUP: usize = 8;

/// A prefix that does not fit the type of the results.
///
/// ```
/// use mypackage::sum::Misfit;
///
/// let misfit = Misfit { line: 0, index: 2, value: 1 << 63 };
/// assert_eq!(misfit.value, i128::from(i64::MAX) + 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misfit {
    /// The line, in row-major order.
    pub line: usize,
    /// The position in the line.
    pub index: usize,
    /// Its exact value.
    pub value: i128,
}

/// What happened while summing.
///
/// ```
/// use mypackage::sum::ScanStatus;
///
/// let status = ScanStatus::default();
/// assert!(!status.invalid && !status.overflow && status.misfit.is_none());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScanStatus {
    /// Infinities of both signs met.
    pub invalid: bool,
    /// A finite prefix is beyond the range of the results' type.
    pub overflow: bool,
    /// The first integer prefix that does not fit; then the results are meaningless.
    pub misfit: Option<Misfit>,
}

impl ScanStatus {
    /// Combines the outcomes of two sets of lines.
    pub(crate) fn and(self, others: ScanStatus) -> ScanStatus {
        let misfits = [self.misfit, others.misfit].into_iter().flatten();
        ScanStatus {
            invalid: self.invalid | others.invalid,
            overflow: self.overflow | others.overflow,
            misfit: misfits.min_by_key(|misfit| (misfit.line, misfit.index)),
        }
    }
}

/// Writes the prefixes of all lines along an axis, each rounded once, to an array of the same
/// shape; parallel where that pays. A zero prefix is -0.0 if all elements so far are, else 0.0. If
/// the lines are `joined`, they are summed as one line in row-major order. Results of an integer
/// type, which need integer elements, must be in `range`.
///
/// ```
/// use mypackage::sum::{Misfit, View, ViewMut, cumsum_axis};
///
/// let mut prefixes = [0i8; 3];
/// let values = View::of(&[100i8, 27, 1]);
/// let status = cumsum_axis(&values, ViewMut::of(&mut prefixes), 0, false, &(-128..=127));
/// assert_eq!(status.misfit, Some(Misfit { line: 0, index: 2, value: 128 }));
///
/// let mut prefixes = [0.0; 3];
/// let values = View::of(&[1e16, 1.0, -1e16]);
/// let status = cumsum_axis(&values, ViewMut::of(&mut prefixes), 0, false, &(0..=0));
/// assert_eq!((prefixes, status), ([1e16, 1e16, 1.0], Default::default()));
///
/// cumsum_axis(&View::of(&[-0.0, -0.0, 0.0]), ViewMut::of(&mut prefixes), 0, false, &(0..=0));
/// assert_eq!(prefixes.map(f64::is_sign_negative), [true, true, false]);
/// ```
///
/// # Panics
/// If there is no such axis, or the shapes differ.
pub fn cumsum_axis(
    values: &View<'_>,
    prefixes: ViewMut<'_>,
    axis: usize,
    joined: bool,
    range: &RangeInclusive<i128>,
) -> ScanStatus {
    scan_axis(values, prefixes, axis, joined, range, false)
}

/// As [`cumsum_axis`], with 0.0 in place of each number that is NaN.
///
/// ```
/// use mypackage::sum::{View, ViewMut, nancumsum_axis};
///
/// let mut prefixes = [0.0; 4];
/// let values = View::of(&[f64::NAN, 1e16, f64::NAN, 2.0]);
/// nancumsum_axis(&values, ViewMut::of(&mut prefixes), 0, false, &(0..=0));
/// assert_eq!(prefixes, [0.0, 1e16, 1e16, 1e16 + 2.0]);
/// ```
///
/// # Panics
/// As [`cumsum_axis`].
pub fn nancumsum_axis(
    values: &View<'_>,
    prefixes: ViewMut<'_>,
    axis: usize,
    joined: bool,
    range: &RangeInclusive<i128>,
) -> ScanStatus {
    scan_axis(values, prefixes, axis, joined, range, true)
}

fn scan_axis(
    values: &View<'_>,
    prefixes: ViewMut<'_>,
    axis: usize,
    joined: bool,
    range: &RangeInclusive<i128>,
    skip_nan: bool,
) -> ScanStatus {
    let (dtype, out) = (values.dtype(), prefixes.dtype());
    assert!(
        out.is_floating() || !dtype.is_floating(),
        "integer prefixes of floating-point numbers"
    );
    let lines = Lines::new(values, prefixes, axis, joined);
    if out.is_floating() {
        return scan_floating(lines, Kinds { dtype, out, joined, skip_nan });
    }
    let whole = match dtype {
        Dtype::U64 => out == Dtype::U64,
        Dtype::Bool | Dtype::U8 | Dtype::U16 | Dtype::U32 => matches!(out, Dtype::I64 | Dtype::U64),
        _ => out == Dtype::I64,
    };
    let integers = Integers { signed: dtype != Dtype::U64, whole, range, joined };
    by_native!(dtype, scan_integers(lines, &integers))
}

/// The state for floating-point prefixes.
#[derive(Debug, Clone, Copy)]
struct Kinds {
    /// The type of the elements.
    dtype: Dtype,
    /// The type of the results.
    out: Dtype,
    joined: bool,
    /// Whether NaNs count as 0.
    skip_nan: bool,
}

/// Floating-point prefixes.
fn scan_floating(lines: Lines<'_>, kinds: Kinds) -> ScanStatus {
    let interrupt = lines.interrupt.clone();
    let parts = lines.split(beside::WIDTH, GROUP, |for_each_group| {
        let mut floating = Floating::new(kinds, &interrupt);
        for_each_group(&mut |group| floating.scan_group(group));
        floating.finish()
    });
    parts.into_iter().fold(ScanStatus::default(), ScanStatus::and)
}

/// A thread's state for floating-point prefixes.
struct Floating<'a> {
    kinds: Kinds,
    interrupt: &'a Interrupt,
    isa: Isa,
    /// Whether the thread's floating-point environment is the default one.
    floating: bool,
    /// For adjacent lines.
    beside: Option<Box<Beside>>,
    running: Vec<Running>,
    /// A buffer for the numbers of a tile.
    numbers: Vec<f64>,
    pieces: &'static [Piece],
    /// Whether all elements of a joined line were -0.0 so far.
    negative_zeros: bool,
    status: ScanStatus,
}

impl<'a> Floating<'a> {
    fn new(kinds: Kinds, interrupt: &'a Interrupt) -> Floating<'a> {
        let pieces = pieces(kinds.dtype);
        Floating {
            kinds,
            interrupt,
            isa: cpu::isa(),
            floating: environment::is_default(),
            beside: None,
            running: Vec::new(),
            numbers: vec![0.0; TILE * pieces.len()],
            pieces,
            negative_zeros: true,
            status: ScanStatus::default(),
        }
    }

    fn finish(mut self) -> ScanStatus {
        if self.kinds.joined {
            self.settle();
        }
        self.status
    }

    fn scan_group(&mut self, group: &mut Group<'_>) {
        let done = match (self.kinds.dtype, self.kinds.out) {
            (Dtype::F64, Dtype::F64) => self.scan_beside::<f64>(group),
            (Dtype::F32, Dtype::F32) => self.scan_beside::<f32>(group),
            _ => false,
        };
        if !done {
            for start in (0..group.len()).step_by(GROUP) {
                self.scan(group, start..group.len().min(start + GROUP));
            }
        }
        if self.kinds.dtype.is_floating() {
            self.sign_zeros(group);
        }
    }

    /// Corrects prefixes of only -0.0, which the kernels have written as 0.0.
    fn sign_zeros(&mut self, group: &mut Group<'_>) {
        let sign = match self.kinds.out {
            Dtype::F64 => Format::F64.sign_bit(),
            Dtype::F32 => Format::F32.sign_bit(),
            _ => Format::F16.sign_bit(),
        };
        for line in 0..group.len() {
            if !self.kinds.joined {
                self.negative_zeros = true;
            }
            let elements = group.line(line);
            // For most lines, this stops at the first element.
            let (mut start, mut count) = (0, 1);
            while self.negative_zeros && start < elements.len() && !self.interrupt.is_set() {
                let part = elements.skip(start).truncate(count);
                let numbers = &mut self.numbers[..part.len()];
                read_numbers(self.isa, part, self.pieces[0], numbers);
                let run = numbers.iter().take_while(|x| x.to_bits() == (-0.0f64).to_bits()).count();
                let mut out = group.out(line);
                (start..start + run).for_each(|index| out.write_bits(index, sign));
                self.negative_zeros = run == part.len();
                (start, count) = (start + run, TILE);
            }
        }
    }

    /// The prefixes of adjacent lines, if the kernel for these accepts them.
    fn scan_beside<T: Native + Number + Prefix>(&mut self, group: &mut Group<'_>) -> bool {
        if !self.floating {
            return false;
        }
        let Some((rows, out)) = group.columns::<T, T>() else {
            return false;
        };
        let beside = self.beside.get_or_insert_with(|| Beside::new(self.isa));
        beside.scan(rows, out, self.interrupt)
    }

    /// The prefixes of some lines of a group.
    fn scan(&mut self, group: &mut Group<'_>, lines: std::ops::Range<usize>) {
        while self.running.len() < lines.len() {
            self.running.push(Running::new(self.isa));
        }
        let length = group.line(lines.start).len();
        for start in (0..length).step_by(TILE) {
            if self.interrupt.is_set() {
                break;
            }
            for (running, line) in lines.clone().enumerate() {
                let elements = group.line(line).skip(start).truncate(TILE);
                // (Lines that are read and lines of results do not overlap.)
                let (kinds, pieces) = (self.kinds, self.pieces);
                let read = read_part(self.isa, kinds, elements, pieces, &mut self.numbers);
                let mut out = group.out(line);
                let running = &mut self.running[running];
                let overflow = match (read, kinds.out) {
                    (Read::F64(numbers), _) => {
                        advance::<f64, f64>(running, numbers, &mut out, start, 1)
                    }
                    (Read::F32(numbers), _) => {
                        advance::<f32, f32>(running, numbers, &mut out, start, 1)
                    }
                    (Read::Staged(numbers), Dtype::F64) => {
                        advance::<f64, f64>(running, numbers, &mut out, start, pieces.len())
                    }
                    (Read::Staged(numbers), Dtype::F32) => {
                        advance::<f64, f32>(running, numbers, &mut out, start, pieces.len())
                    }
                    (Read::Staged(numbers), _) => {
                        advance::<f64, Half>(running, numbers, &mut out, start, pieces.len())
                    }
                };
                self.status.overflow |= overflow;
            }
        }
        if !self.kinds.joined {
            self.settle();
        }
    }

    /// Records what happened to the running sums, and resets them.
    fn settle(&mut self) {
        for running in &mut self.running {
            self.status.invalid |= running.is_invalid();
            self.status.overflow |= running.overflowed;
            running.reset();
        }
    }
}
/// Elements as numbers: in place, or converted in a buffer, with all parts of one element before
/// the next.
enum Read<'a> {
    F64(&'a [f64]),
    F32(&'a [f32]),
    Staged(&'a [f64]),
}

/// Reads a part of a line.
fn read_part<'a>(
    isa: Isa,
    kinds: Kinds,
    elements: Line<'a>,
    pieces: &[Piece],
    stage: &'a mut [f64],
) -> Read<'a> {
    match (kinds.dtype, kinds.out) {
        _ if kinds.skip_nan => {}
        (Dtype::F64, Dtype::F64) => {
            if let Some(numbers) = elements.as_slice::<f64>() {
                return Read::F64(numbers);
            }
        }
        (Dtype::F32, Dtype::F32) => {
            if let Some(numbers) = elements.as_slice::<f32>() {
                return Read::F32(numbers);
            }
        }
        _ => {}
    }
    let step = pieces.len();
    let numbers = &mut stage[..step * elements.len()];
    if let [piece] = *pieces {
        read_numbers(isa, elements, piece, numbers);
        if kinds.skip_nan {
            clear_nans(isa, numbers);
        }
        return Read::Staged(numbers);
    }
    let mut column = [0.0; TILE];
    let column = &mut column[..elements.len()];
    for (place, &piece) in pieces.iter().enumerate() {
        read_numbers(isa, elements, piece, column);
        for (number, &x) in numbers[place..].iter_mut().step_by(step).zip(&*column) {
            *number = x;
        }
    }
    Read::Staged(numbers)
}

/// (By their bits, which is correct in any floating-point environment.)
#[inline(always)]
fn clear_nans_body(numbers: &mut [f64]) {
    for x in numbers {
        let is_nan = (x.to_bits() & ABSOLUTE) as i64 > f64::INFINITY.to_bits() as i64;
        *x = if is_nan { 0.0 } else { *x };
    }
}

dispatch! {
    /// Replaces NaNs by 0.
    fn clear_nans(numbers: &mut [f64]) = clear_nans_body
}

/// Writes the prefixes of a part of a line from `start` on, one for every `step` numbers; returns
/// whether narrowing any of them overflows.
fn advance<T: Number, P: Prefix>(
    running: &mut Running,
    numbers: &[T],
    out: &mut LineMut<'_>,
    start: usize,
    step: usize,
) -> bool {
    // Prefixes of another type are narrowed first.
    if step == 1
        && let Some(results) = P::as_results(out, start, numbers.len())
    {
        running.advance(numbers, results);
        return false;
    }
    let mut prefixes = [P::default(); TILE];
    let (mut index, mut overflow) = (start, false);
    for numbers in numbers.chunks(TILE) {
        let prefixes = &mut prefixes[..numbers.len()];
        running.advance(numbers, prefixes);
        // Only the prefix after the last part of an element is a result.
        for prefix in prefixes[step - 1..].iter().step_by(step) {
            overflow |= prefix.overflows();
            out.write(index, prefix.result());
            index += 1;
        }
    }
    overflow
}

/// The state for integer prefixes.
struct Integers<'a> {
    /// Whether 64-bit prefixes of such elements are signed.
    signed: bool,
    /// Whether the results can hold all 64-bit prefixes.
    whole: bool,
    range: &'a RangeInclusive<i128>,
    joined: bool,
}

impl Integers<'_> {
    /// The value of the 64 bits of a prefix.
    fn domain(&self, bits: u64) -> i128 {
        if self.signed { (bits as i64).into() } else { bits.into() }
    }

    /// Writes prefixes in 64-bit arithmetic; returns whether all are correct and in range.
    fn add_up<V: Native>(&self, isa: Isa, values: &[V], before: i128, to: &mut [u64]) -> bool {
        self.domain(before as u64) == before
            && add_up(isa, values, before as u64, to)
            && (self.whole || to.iter().all(|&bits| self.range.contains(&self.domain(bits))))
    }
}

/// Integer prefixes: tile by tile in 64-bit arithmetic, or one by one if a prefix may overflow
/// that.
fn scan_integers<V: Native>(lines: Lines<'_>, integers: &Integers<'_>) -> ScanStatus {
    let interrupt = lines.interrupt.clone();
    let parts = lines.split(beside::WIDTH, GROUP, |for_each_group| {
        let mut scan = IntegerScan::<V> {
            integers,
            interrupt: &interrupt,
            isa: cpu::isa(),
            running: [0; GROUP],
            stage: Stage::new(TILE),
            status: ScanStatus::default(),
        };
        for_each_group(&mut |group| scan.scan(group));
        scan.status
    });
    parts.into_iter().fold(ScanStatus::default(), ScanStatus::and)
}

/// A thread's state for integer prefixes.
struct IntegerScan<'a, V> {
    integers: &'a Integers<'a>,
    interrupt: &'a Interrupt,
    isa: Isa,
    running: [i128; GROUP],
    stage: Stage<V>,
    status: ScanStatus,
}

impl<V: Native> IntegerScan<'_, V> {
    fn scan(&mut self, group: &mut Group<'_>) {
        if self.integers.whole
            && let Some((rows, out)) = group.columns::<V, u64>()
            && beside::scan_integers(self.isa, rows, out, self.interrupt)
        {
            return;
        }
        for first in (0..group.len()).step_by(GROUP) {
            if !self.integers.joined {
                self.running = [0; GROUP];
            }
            let lines = GROUP.min(group.len() - first);
            for start in (0..group.line(first).len()).step_by(TILE) {
                for line in 0..lines {
                    if self.interrupt.is_set() {
                        return;
                    }
                    let elements = group.line(first + line).skip(start).truncate(TILE);
                    let index = group.first + first + line;
                    self.scan_part(line, elements, &mut group.out(first + line), index, start);
                }
            }
        }
    }

    fn scan_part(
        &mut self,
        running: usize,
        elements: Line<'_>,
        out: &mut LineMut<'_>,
        line: usize,
        start: usize,
    ) {
        let IntegerScan { integers, isa, running: sums, stage, status, .. } = self;
        let prefix = &mut sums[running];
        let count = elements.len();
        let values = elements.as_slice::<V>().unwrap_or_else(|| {
            stage.fill(*isa, elements, Selection { mask: None, skip_nan: false }, 0);
            &stage.values[..count]
        });
        let mut staged = [0; TILE];
        let direct = out.as_slice::<u64>(start, count);
        let adjacent = direct.is_some();
        let prefixes = direct.unwrap_or(&mut staged[..count]);
        if integers.add_up(*isa, values, *prefix, prefixes) {
            *prefix = integers.domain(prefixes[count - 1]);
        } else {
            for (index, (value, to)) in values.iter().zip(prefixes.iter_mut()).enumerate() {
                *prefix += value.integer();
                if !integers.range.contains(prefix) {
                    let misfit = Misfit { line, index: start + index, value: *prefix };
                    *status = status.and(ScanStatus { misfit: Some(misfit), ..Default::default() });
                }
                *to = *prefix as u64;
            }
        }
        if !adjacent {
            for (index, &bits) in staged[..count].iter().enumerate() {
                out.write_bits(start + index, bits);
            }
        }
    }
}

/// Adds up integers; returns whether no prefix overflowed.
#[inline(always)]
fn add_up_body<S: Simd, const W: usize, T: Native>(
    simd: S,
    values: &[T],
    before: u64,
    prefixes: &mut [u64],
) -> bool {
    let (mut sum, mut lost) = ([before; W], [0; W]);
    let (vectors, rest) = values.as_chunks::<W>();
    let (to, rest_to) = prefixes.as_chunks_mut::<W>();
    let ahead = tuning().ahead;
    for (values, to) in vectors.iter().zip(to) {
        prefetch(values.as_ptr().wrapping_byte_add(ahead));
        let x = values.map(|x| x.integer() as u64);
        let within = add_up_integers(simd, x);
        for lane in 0..W {
            let after = sum[lane].wrapping_add(within[lane]);
            lost[lane] |= values[lane].lost(after.wrapping_sub(x[lane]), after);
            to[lane] = after;
        }
        sum = last_integer(simd, *to);
    }
    let (mut sum, mut lost) = (sum[0], any(lost));
    for (x, to) in rest.iter().zip(rest_to) {
        *to = sum.wrapping_add(x.integer() as u64);
        lost |= x.lost(sum, *to);
        sum = *to;
    }
    lost >> 63 == 0
}

vectorized! {
    fn add_up[T: Native][T](values: &[T], before: u64, prefixes: &mut [u64]) -> bool
        = add_up_body{W}
}
