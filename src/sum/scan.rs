//! Exact cumulative sums along an axis of any array.

#![allow(unsafe_code)] // Addresses from strides.

use std::ops::Range;

use rayon::prelude::*;

use super::beside::{self, Beside};
use super::convert::{Convert, Piece, read_numbers};
use super::cumulative::{Rounding, Running, TILE, narrow};
use super::lanes;
use super::positions::Positions;
use super::request::{Dtype, by_dtype};
use super::round::Format;
use super::slice::PARALLEL_FROM;
use super::walk::{Line, Operand, Reading, Stage};
use crate::cpu::{self, Isa, dispatch};
use crate::fpu::Environment;
use crate::interrupt::Interrupt;
use crate::threads;

/// Lines that are walked along together: neighbours in memory share cache lines.
const GROUP: usize = 8;

/// The lines of an array, and where their prefixes go. Strides are in bytes.
///
/// ```
/// use mypackage::sum::{Dtype, ScanRequest, cumsum_axis};
///
/// // The prefixes of both columns of a matrix, each rounded once.
/// let matrix = [[1e16, 1.0], [1.0, 2.0], [-1e16, 3.0]];
/// let mut prefixes = [[0.0; 2]; 3];
/// let request = ScanRequest {
///     dtype: Dtype::F64,
///     swapped: false,
///     data: matrix.as_ptr().cast(),
///     stride: 16,
///     count: 3,
///     shape: vec![2],
///     outer_strides: vec![8],
///     joined: false,
///     out_dtype: Dtype::F64,
///     out: prefixes.as_mut_ptr().cast(),
///     out_stride: 16,
///     out_outer_strides: vec![8],
///     range: 0..=0, // results are not integers
/// };
/// // SAFETY: the strides are those of the matrices.
/// let status = unsafe { cumsum_axis(&request) };
/// assert_eq!(prefixes, [[1e16, 1.0], [1e16, 3.0], [1.0, 6.0]]);
/// assert!(!status.invalid && !status.overflow);
/// ```
#[derive(Debug, Clone)]
pub struct ScanRequest {
    /// The type of the elements.
    pub dtype: Dtype,
    /// Whether the elements' bytes are in the other than the native order.
    pub swapped: bool,
    /// The first element.
    pub data: *const u8,
    /// From one element of a line to the next.
    pub stride: isize,
    /// The length of the lines.
    pub count: usize,
    /// The axes other than that of the lines.
    pub shape: Vec<usize>,
    /// From one line to the next along these axes.
    pub outer_strides: Vec<isize>,
    /// Whether all lines, in row-major order, are one sum.
    pub joined: bool,
    /// The type of the results: not an integer if `dtype` is not.
    pub out_dtype: Dtype,
    /// The first result; results are aligned and in native order.
    pub out: *mut u8,
    /// From one result of a line to the next.
    pub out_stride: isize,
    /// From one line of results to the next.
    pub out_outer_strides: Vec<isize>,
    /// What results of an integer type may be.
    pub range: std::ops::RangeInclusive<i128>,
}

// SAFETY: the pointers are used only by a function whose caller promised that they may be.
unsafe impl Send for ScanRequest {}
// SAFETY: as above.
unsafe impl Sync for ScanRequest {}

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
    /// Its place in the line.
    pub index: usize,
    /// Its exact value.
    pub value: i128,
}

/// What happened on the way.
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
    /// The first integer prefix that does not fit; the results are then of no use.
    pub misfit: Option<Misfit>,
}

impl ScanStatus {
    fn and(self, later: ScanStatus) -> ScanStatus {
        ScanStatus {
            invalid: self.invalid | later.invalid,
            overflow: self.overflow | later.overflow,
            misfit: self.misfit.or(later.misfit),
        }
    }
}

/// Writes the prefixes of all lines, each rounded once; parallel where that pays.
///
/// ```
/// use mypackage::sum::{Dtype, Misfit, ScanRequest, cumsum_axis};
///
/// let values = [100i8, 27, 1];
/// let mut prefixes = [0i8; 3];
/// let mut request = ScanRequest {
///     dtype: Dtype::I8,
///     swapped: false,
///     data: values.as_ptr().cast(),
///     stride: 1,
///     count: 3,
///     shape: vec![],
///     outer_strides: vec![],
///     joined: false,
///     out_dtype: Dtype::I8,
///     out: prefixes.as_mut_ptr().cast(),
///     out_stride: 1,
///     out_outer_strides: vec![],
///     range: -128..=127,
/// };
/// // SAFETY: the strides and the count are those of both arrays.
/// let status = unsafe { cumsum_axis(&request) };
/// assert_eq!(status.misfit, Some(Misfit { line: 0, index: 2, value: 128 }));
/// request.count = 2;
/// // SAFETY: as above.
/// assert_eq!(unsafe { cumsum_axis(&request) }, Default::default());
/// assert_eq!(prefixes[..2], [100, 127]);
/// ```
///
/// # Safety
/// All elements must be readable, and all results writable (they hold some bytes already, of no
/// matter what value) during the call, and the two must not overlap.
pub unsafe fn cumsum_axis(request: &ScanRequest) -> ScanStatus {
    let strides = request.outer_strides.iter().zip(&request.out_outer_strides);
    let positions = Positions {
        shape: request.shape.clone(),
        strides: strides.map(|(&from, &to)| [from, to]).collect(),
    };
    let (lines, threads) = (positions.count(), threads::get());
    let size = lines.saturating_mul(request.count);
    let interrupt = &Interrupt::of_call(size);
    if size < PARALLEL_FROM || threads == 1 || request.joined || lines < 2 {
        return run(request, &positions, 0..lines, interrupt);
    }
    let share = lines.div_ceil(4 * threads).next_multiple_of(GROUP);
    threads::run(|| {
        (0..lines.div_ceil(share))
            .into_par_iter()
            .map(|task| {
                let lines = task * share..lines.min((task + 1) * share);
                run(request, &positions, lines, interrupt)
            })
            .reduce(ScanStatus::default, ScanStatus::and)
    })
}

fn run(
    request: &ScanRequest,
    positions: &Positions<2>,
    lines: Range<usize>,
    interrupt: &Interrupt,
) -> ScanStatus {
    if request.out_dtype.is_floating() {
        Floating::new(request, interrupt).run(positions, lines)
    } else {
        by_dtype!(request.dtype, scan_integers(request, positions, lines, interrupt))
    }
}

impl ScanRequest {
    /// Whether lines are columns of plain binary64 numbers, and so are their results.
    fn has_neighbours(&self) -> bool {
        let unit = size_of::<f64>() as isize;
        self.dtype == Dtype::F64
            && self.out_dtype == Dtype::F64
            && !self.swapped
            && !self.joined
            && self.count > 1
            && self.outer_strides.last() == Some(&unit)
            && self.out_outer_strides.last() == Some(&unit)
    }

    /// `count` elements of a line.
    fn line(&self, offset: isize, start: usize, count: usize) -> Line {
        Line {
            data: self.data.wrapping_offset(offset + start as isize * self.stride),
            stride: self.stride,
            mask: std::ptr::null(),
            mask_stride: 0,
            count,
        }
    }

    /// The prefixes of integers in 64-bit arithmetic; whether all are right, and in range.
    fn add_up<O: Operand<Value: Convert>>(
        &self,
        isa: Isa,
        values: &[O::Value],
        before: i128,
        prefixes: &mut [u64],
    ) -> bool {
        // Prefixes of uint64 elements have no sign; all others have one.
        if self.domain(before as u64) != before || !add_up(isa, values, before as u64, prefixes) {
            return false;
        }
        let whole = if self.dtype == Dtype::U64 { Dtype::U64 } else { Dtype::I64 };
        self.out_dtype == whole
            || prefixes.iter().all(|&prefix| self.range.contains(&self.domain(prefix)))
    }

    /// What the 64 bits of an integer prefix mean.
    fn domain(&self, bits: u64) -> i128 {
        if self.dtype == Dtype::U64 { bits.into() } else { (bits as i64).into() }
    }

    /// Whether the results of a line are adjacent.
    fn is_adjacent(&self) -> bool {
        self.out_stride == self.out_dtype.size() as isize
    }

    /// The memory of results, if it holds them as an array of `T`, which any bytes are.
    ///
    /// # Safety
    /// That of [`cumsum_axis`]; nothing else may use these results meanwhile.
    unsafe fn results<'a, T>(
        &self,
        offset: isize,
        start: usize,
        count: usize,
    ) -> Option<&'a mut [T]> {
        let at = self.out.wrapping_offset(offset + start as isize * self.out_stride);
        // SAFETY: adjacent, aligned, and writable by the caller's promise.
        (self.is_adjacent() && self.out_dtype.size() == size_of::<T>())
            .then(|| unsafe { std::slice::from_raw_parts_mut(at.cast(), count) })
    }

    /// Writes a result, the lowest bytes of `bits`.
    #[inline]
    fn write(&self, offset: isize, index: usize, bits: u64) {
        let to = self.out.wrapping_offset(offset + index as isize * self.out_stride);
        // SAFETY: the promise of `cumsum_axis`.
        unsafe {
            match self.out_dtype.size() {
                1 => to.write(bits as u8),
                2 => to.cast::<u16>().write(bits as u16),
                4 => to.cast::<u32>().write(bits as u32),
                _ => to.cast::<u64>().write(bits),
            }
        }
    }
}

/// Prefixes as floating-point numbers.
struct Floating<'a> {
    request: &'a ScanRequest,
    interrupt: &'a Interrupt,
    environment: Environment,
    /// For lines side by side.
    beside: Option<Box<Beside>>,
    running: Vec<Running>,
    numbers: Vec<f64>,
    pieces: &'static [Piece],
    status: ScanStatus,
}

impl<'a> Floating<'a> {
    fn new(request: &'a ScanRequest, interrupt: &'a Interrupt) -> Floating<'a> {
        let pieces: &[Piece] = match request.dtype {
            Dtype::I64 | Dtype::U64 => &[Piece::Nearest, Piece::Rest],
            _ => &[Piece::Nearest],
        };
        Floating {
            request,
            interrupt,
            environment: Environment::enter(),
            beside: request.has_neighbours().then(|| Beside::new(cpu::isa())),
            running: Vec::new(),
            numbers: vec![0.0; TILE * pieces.len()],
            pieces,
            status: ScanStatus::default(),
        }
    }

    fn run(mut self, positions: &Positions<2>, lines: Range<usize>) -> ScanStatus {
        let group = match self.beside {
            _ if self.request.joined => 1,
            Some(_) => beside::WIDTH,
            None => GROUP,
        };
        let mut offsets = Vec::with_capacity(group);
        let last = lines.end;
        positions.for_each(lines, self.interrupt, |index, offset| {
            offsets.push(offset);
            if offsets.len() == group || index + 1 == last {
                self.scan_all(&offsets);
                offsets.clear();
            }
        });
        if self.request.joined {
            self.settle();
        }
        self.status
    }

    /// The prefixes of many lines.
    fn scan_all(&mut self, mut lines: &[[isize; 2]]) {
        const STEP: isize = size_of::<f64>() as isize;
        while let Some(&first) = lines.first() {
            let run = 1
                + (lines.windows(2))
                    .take_while(|pair| [0, 1].iter().all(|&i| pair[1][i] - pair[0][i] == STEP))
                    .count();
            let wide = run - run % beside::VECTOR;
            let mut left = run;
            if wide > 0 && self.scan_beside(first, wide) {
                left -= wide;
            }
            for group in lines[run - left..run].chunks(GROUP) {
                self.scan(group);
            }
            lines = &lines[run..];
        }
    }

    /// The prefixes of lines side by side in memory, if the kernel for these can take them.
    fn scan_beside(&mut self, [from, to]: [isize; 2], width: usize) -> bool {
        let request = self.request;
        let Some(beside) = &mut self.beside else {
            return false;
        };
        let lines = beside::Lines {
            data: request.data.wrapping_offset(from).cast(),
            stride: request.stride,
            out: request.out.wrapping_offset(to).cast(),
            out_stride: request.out_stride,
            count: request.count,
        };
        // SAFETY: the promise of `cumsum_axis`, for lines that are neighbours.
        unsafe { beside.scan(lines, width, &mut self.environment, self.interrupt) }
    }

    /// The prefixes of a group of lines.
    fn scan(&mut self, lines: &[[isize; 2]]) {
        let rounding = match self.request.out_dtype {
            Dtype::F64 => Rounding::Nearest,
            _ => Rounding::Odd,
        };
        while self.running.len() < lines.len() {
            self.running.push(Running::new(cpu::isa(), rounding));
        }
        for start in (0..self.request.count).step_by(TILE) {
            if self.interrupt.is_set() {
                break;
            }
            let count = TILE.min(self.request.count - start);
            for (line, &[from, to]) in lines.iter().enumerate() {
                self.scan_part(line, from, to, start, count);
            }
        }
        if !self.request.joined {
            self.settle();
        }
    }

    /// Notes what happened to the running sums, and starts them again.
    fn settle(&mut self) {
        for running in &mut self.running {
            self.status.invalid |= running.is_invalid();
            self.status.overflow |= running.overflowed;
            running.reset();
        }
    }

    fn scan_part(&mut self, line: usize, from: isize, to: isize, start: usize, count: usize) {
        let request = self.request;
        let elements = request.line(from, start, count);
        let read = |piece, into: &mut [f64]| {
            // SAFETY: the promise of `cumsum_axis`.
            by_dtype!(request.dtype, unsafe read_numbers(elements, request.swapped, piece, into));
        };
        if request.out_dtype == Dtype::F64
            && self.pieces.len() == 1
            // SAFETY: the promise of `cumsum_axis`.
            && let Some(out) = unsafe { request.results(to, start, count) }
        {
            read(Piece::Nearest, out);
            self.running[line].advance(out);
            return;
        }
        let step = self.pieces.len();
        let numbers = &mut self.numbers[..step * count];
        if let [piece] = *self.pieces {
            read(piece, numbers);
        } else {
            // The prefixes after the last piece of each element are those asked for.
            let mut column = [0.0; TILE];
            for (place, &piece) in self.pieces.iter().enumerate() {
                read(piece, &mut column[..count]);
                for (number, &x) in numbers[place..].iter_mut().step_by(step).zip(&column) {
                    *number = x;
                }
            }
        }
        self.running[line].advance(numbers);
        if step == 1
            && request.out_dtype == Dtype::F32
            // SAFETY: the promise of `cumsum_axis`.
            && let Some(narrowed) = unsafe { request.results(to, start, count) }
        {
            self.status.overflow |= narrow_all(cpu::isa(), numbers, narrowed);
            return;
        }
        for (index, &x) in numbers[step - 1..].iter().step_by(step).enumerate() {
            let (bits, infinity) = match request.out_dtype {
                Dtype::F64 => (x.to_bits(), Format::F64.infinity()),
                Dtype::F32 => (narrow(x, Format::F32), Format::F32.infinity()),
                _ => (narrow(x, Format::F16), Format::F16.infinity()),
            };
            self.status.overflow |= bits & infinity == infinity && x.is_finite();
            request.write(to, start + index, bits);
        }
    }
}

/// Rounds prefixes to binary32; whether a finite one became infinite.
#[inline(always)]
fn narrow_all_body(numbers: &[f64], narrowed: &mut [f32]) -> bool {
    let mut overflow = false;
    for (&x, narrowed) in numbers.iter().zip(narrowed) {
        let nearest = x as f32;
        overflow |= nearest.is_infinite() && x.is_finite();
        *narrowed = if x.is_nan() { NAN_F32 } else { nearest };
    }
    overflow
}

/// What every NaN becomes.
const NAN_F32: f32 = f32::from_bits(0x7fc0_0000);

dispatch! {
    fn narrow_all(numbers: &[f64], narrowed: &mut [f32]) -> bool = narrow_all_body
}

/// Prefixes as integers: a tile at a time in 64-bit arithmetic, or one by one if a prefix may be
/// beyond its range.
fn scan_integers<O: Operand<Value: Convert>>(
    request: &ScanRequest,
    positions: &Positions<2>,
    lines: Range<usize>,
    interrupt: &Interrupt,
) -> ScanStatus {
    let isa = cpu::isa();
    let reading = Reading { swapped: request.swapped, masked: false, skip_nan: false };
    let mut status = ScanStatus::default();
    let mut prefix = 0i128;
    let mut stage = Stage::new(TILE);
    let mut prefixes = [0u64; TILE];
    positions.for_each(lines, interrupt, |line, [from, to]| {
        if !request.joined {
            prefix = 0;
        }
        for start in (0..request.count).step_by(TILE) {
            if status.misfit.is_some() || interrupt.is_set() {
                return;
            }
            let count = TILE.min(request.count - start);
            let elements = request.line(from, start, count);
            // SAFETY: the promise of `cumsum_axis`.
            let values = match unsafe { elements.as_slice::<O>(reading) } {
                Some(values) => values,
                None => {
                    // SAFETY: as above.
                    unsafe { stage.fill::<O>(isa, elements, reading, 0) };
                    &stage.values[..count]
                }
            };
            // SAFETY: as above.
            let direct = unsafe { request.results(to, start, count) };
            let adjacent = direct.is_some();
            let prefixes = direct.unwrap_or(&mut prefixes[..count]);
            if request.add_up::<O>(isa, values, prefix, prefixes) {
                prefix = request.domain(prefixes[count - 1]);
            } else {
                for (index, (value, to)) in values.iter().zip(prefixes.iter_mut()).enumerate() {
                    prefix += value.integer();
                    if !request.range.contains(&prefix) && status.misfit.is_none() {
                        status.misfit = Some(Misfit { line, index: start + index, value: prefix });
                    }
                    *to = prefix as u64;
                }
            }
            if !adjacent {
                for (index, &bits) in prefixes.iter().enumerate() {
                    request.write(to, start + index, bits);
                }
            }
        }
    });
    status
}

/// Adds up integers; whether no prefix was lost.
#[inline(always)]
fn add_up_body<T: Convert + Copy, const W: usize>(
    values: &[T],
    before: u64,
    prefixes: &mut [u64],
) -> bool {
    let prefixes = &mut prefixes[..values.len()];
    for (x, to) in values.iter().zip(&mut *prefixes) {
        *to = x.integer() as u64;
    }
    let (groups, rest) = prefixes.as_chunks_mut::<8>();
    let mut sum = before;
    for group in groups {
        let all;
        (*group, all) = lanes::add_up::<W>(sum, *group);
        sum = sum.wrapping_add(all);
    }
    for x in rest {
        sum = sum.wrapping_add(*x);
        *x = sum;
    }
    let Some(first) = values.first() else {
        return true;
    };
    let mut lost = first.lost(before, prefixes[0]);
    for ((x, &before), &after) in values[1..].iter().zip(&*prefixes).zip(&prefixes[1..]) {
        lost |= x.lost(before, after);
    }
    lost >> 63 == 0
}

dispatch! {
    fn add_up[T: Convert + Copy][T](values: &[T], before: u64, prefixes: &mut [u64]) -> bool
        = add_up_body::<T, {W}>
}
