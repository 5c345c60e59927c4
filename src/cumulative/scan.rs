//! Exact cumulative sums along an axis of any array.

#![allow(unsafe_code)] // Addresses from strides.

use std::ops::Range;

use super::beside::{self, Beside, Columns};
use super::cumulative::Running;
use super::lanes::{add_up_integers, last_integer};
use super::prefix::{Half, Prefix, TILE};
use crate::array::convert::{Convert, Piece, read_numbers};
use crate::array::memory::{ahead, prefetch};
use crate::array::positions::Positions;
use crate::array::request::{Dtype, by_dtype};
use crate::array::walk::{Line, Operand, Reading, Stage};
use crate::cpu::{self, Isa, dispatch};
use crate::fpu::Environment;
use crate::interrupt::Interrupt;
use crate::kernel::levels::any;
use crate::kernel::number::Number;
use crate::kernel::slice::PARALLEL_FROM;
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
    /// Of these lines and others, in any order.
    fn and(self, others: ScanStatus) -> ScanStatus {
        let misfits = [self.misfit, others.misfit].into_iter().flatten();
        ScanStatus {
            invalid: self.invalid | others.invalid,
            overflow: self.overflow | others.overflow,
            misfit: misfits.min_by_key(|misfit| misfit.line),
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
    let parts = threads::together(lines.div_ceil(share), |tasks| {
        let part = |task| task * share..lines.min((task + 1) * share);
        tasks
            .map(|task| run(request, &positions, part(task), interrupt))
            .fold(ScanStatus::default(), ScanStatus::and)
    });
    parts.into_iter().fold(ScanStatus::default(), ScanStatus::and)
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
    /// Neighbouring lines as columns of `T`, which the elements are, and results of type `P`.
    fn columns<T, P>(&self, lines: &[[isize; 2]]) -> Option<Columns<T, P>> {
        let steps = [size_of::<T>() as isize, size_of::<P>() as isize];
        let &[first, second, ..] = lines else {
            return None;
        };
        let adjacent = [0, 1].iter().all(|&i| second[i] - first[i] == steps[i]);
        let data = self.data.wrapping_offset(first[0]).cast::<T>();
        let aligned = data.is_aligned() && self.stride % align_of::<T>() as isize == 0;
        (adjacent && aligned && self.stride != steps[0]).then(|| Columns {
            data,
            stride: self.stride,
            out: self.result(first[1], 0),
            out_stride: self.out_stride,
            width: lines.len(),
            count: self.count,
        })
    }

    /// Calls `scan` for all lines, as many as are neighbours at equal distances at a time (one, if
    /// they are joined), with the index of the first.
    fn for_each_run(
        &self,
        positions: &Positions<2>,
        lines: Range<usize>,
        interrupt: &Interrupt,
        mut scan: impl FnMut(usize, &[[isize; 2]]),
    ) {
        let most = if self.joined { 1 } else { beside::WIDTH };
        let step = |from: &[isize; 2], to: &[isize; 2]| [to[0] - from[0], to[1] - from[1]];
        let (end, mut run) = (lines.end, Vec::with_capacity(most));
        positions.for_each(lines, interrupt, |index, offset| {
            let goes_on = match &run[..] {
                [first, second, ..] => step(first, second) == step(&run[run.len() - 1], &offset),
                _ => true,
            };
            if !goes_on || run.len() == most {
                scan(index - run.len(), &run);
                run.clear();
            }
            run.push(offset);
        });
        if !run.is_empty() && !interrupt.is_set() {
            scan(end - run.len(), &run);
        }
    }

    /// `count` elements of a line.
    fn line(&self, offset: isize, start: usize, count: usize) -> Line {
        let data = self.data.wrapping_offset(offset + start as isize * self.stride);
        Line::of(data, self.stride, count)
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
        self.is_whole() || prefixes.iter().all(|&prefix| self.range.contains(&self.domain(prefix)))
    }

    /// Whether integer results hold all prefixes that 64-bit arithmetic does not lose.
    fn is_whole(&self) -> bool {
        match self.dtype {
            Dtype::U64 => self.out_dtype == Dtype::U64,
            Dtype::Bool | Dtype::U8 | Dtype::U16 | Dtype::U32 => {
                matches!(self.out_dtype, Dtype::I64 | Dtype::U64)
            }
            _ => self.out_dtype == Dtype::I64,
        }
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

    /// Where a result goes.
    #[inline(always)]
    fn result<T>(&self, offset: isize, index: usize) -> *mut T {
        self.out.wrapping_offset(offset + index as isize * self.out_stride).cast()
    }

    /// Writes an integer result, the lowest bytes of `bits`.
    #[inline]
    fn write(&self, offset: isize, index: usize, bits: u64) {
        // SAFETY: the promise of `cumsum_axis`.
        unsafe {
            match self.out_dtype.size() {
                1 => self.result::<u8>(offset, index).write(bits as u8),
                2 => self.result::<u16>(offset, index).write(bits as u16),
                4 => self.result::<u32>(offset, index).write(bits as u32),
                _ => self.result::<u64>(offset, index).write(bits),
            }
        }
    }
}

/// Prefixes as floating-point numbers.
struct Floating<'a> {
    request: &'a ScanRequest,
    interrupt: &'a Interrupt,
    _environment: Environment,
    /// For lines side by side.
    beside: Option<Box<Beside>>,
    running: Vec<Running>,
    /// Space for a tile's numbers.
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
            _environment: Environment::enter(),
            beside: None,
            running: Vec::new(),
            numbers: vec![0.0; TILE * pieces.len()],
            pieces,
            status: ScanStatus::default(),
        }
    }

    fn run(mut self, positions: &Positions<2>, lines: Range<usize>) -> ScanStatus {
        self.request.for_each_run(positions, lines, self.interrupt, |_, lines| {
            let done = match (self.request.dtype, self.request.out_dtype) {
                (Dtype::F64, Dtype::F64) => self.scan_beside::<f64>(lines),
                (Dtype::F32, Dtype::F32) => self.scan_beside::<f32>(lines),
                _ => false,
            };
            if !done {
                lines.chunks(GROUP).for_each(|group| self.scan(group));
            }
        });
        if self.request.joined {
            self.settle();
        }
        self.status
    }

    /// The prefixes of neighbouring lines, if the kernel for these can take them.
    fn scan_beside<T: Number + Prefix>(&mut self, lines: &[[isize; 2]]) -> bool {
        let Some(columns) = self.request.columns::<T, T>(lines).filter(|_| !self.request.swapped)
        else {
            return false;
        };
        let beside = self.beside.get_or_insert_with(|| Beside::new(cpu::isa()));
        // SAFETY: the promise of `cumsum_axis`, for lines that are neighbours.
        unsafe { beside.scan(columns, self.interrupt) }
    }

    /// The prefixes of a group of lines.
    fn scan(&mut self, lines: &[[isize; 2]]) {
        while self.running.len() < lines.len() {
            self.running.push(Running::new(cpu::isa()));
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

    /// Reads the elements of a part of a line as numbers, all pieces of one before the next.
    fn read(&mut self, elements: Line) {
        let request = self.request;
        let read = |piece, into: &mut [f64]| {
            // SAFETY: the promise of `cumsum_axis`.
            by_dtype!(request.dtype, unsafe read_numbers(elements, request.swapped, piece, into));
        };
        let step = self.pieces.len();
        let numbers = &mut self.numbers[..step * elements.count];
        if let [piece] = *self.pieces {
            return read(piece, numbers);
        }
        let mut column = [0.0; TILE];
        for (place, &piece) in self.pieces.iter().enumerate() {
            read(piece, &mut column[..elements.count]);
            for (number, &x) in numbers[place..].iter_mut().step_by(step).zip(&column) {
                *number = x;
            }
        }
    }

    fn scan_part(&mut self, line: usize, from: isize, to: isize, start: usize, count: usize) {
        let request = self.request;
        let elements = request.line(from, start, count);
        let reading = Reading { swapped: request.swapped, masked: false, skip_nan: false };
        match (request.dtype, request.out_dtype) {
            (Dtype::F64, Dtype::F64) => {
                // SAFETY: the promise of `cumsum_axis`.
                if let Some(numbers) = unsafe { elements.as_slice::<f64>(reading) } {
                    return self.advance::<f64, f64>(line, numbers, to, start);
                }
            }
            (Dtype::F32, Dtype::F32) => {
                // SAFETY: as above.
                if let Some(numbers) = unsafe { elements.as_slice::<f32>(reading) } {
                    return self.advance::<f32, f32>(line, numbers, to, start);
                }
            }
            _ => {}
        }
        self.read(elements);
        let numbers = std::mem::take(&mut self.numbers);
        let read = &numbers[..self.pieces.len() * count];
        match request.out_dtype {
            Dtype::F64 => self.advance::<f64, f64>(line, read, to, start),
            Dtype::F32 => self.advance::<f64, f32>(line, read, to, start),
            _ => self.advance::<f64, Half>(line, read, to, start),
        }
        self.numbers = numbers;
    }

    /// Writes the prefixes of a part of a line that starts at `start`.
    fn advance<T: Number, P: Prefix>(
        &mut self,
        line: usize,
        numbers: &[T],
        to: isize,
        start: usize,
    ) {
        let (request, running) = (self.request, &mut self.running[line]);
        let step = self.pieces.len();
        // SAFETY: the promise of `cumsum_axis`; a prefix of another size is no result yet.
        let results = || unsafe { request.results::<P>(to, start, numbers.len()) };
        if step == 1
            && let Some(results) = results()
        {
            return running.advance(numbers, results);
        }
        let mut prefixes = [P::default(); TILE];
        let mut index = start;
        for numbers in numbers.chunks(TILE) {
            let prefixes = &mut prefixes[..numbers.len()];
            running.advance(numbers, prefixes);
            // The prefix after the last piece of an element is the one asked for.
            for prefix in prefixes[step - 1..].iter().step_by(step) {
                self.status.overflow |= prefix.overflows();
                // SAFETY: as above.
                unsafe { request.result::<P::Result>(to, index).write(prefix.result()) };
                index += 1;
            }
        }
    }
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
    let mut scan = |line: usize, [from, to]: [isize; 2]| {
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
    };
    let values = O::IS_VALUE && !request.swapped && request.is_whole();
    request.for_each_run(positions, lines, interrupt, |first, lines| {
        let columns = if values { request.columns::<O::Value, u64>(lines) } else { None };
        // SAFETY: the promise of `cumsum_axis`, for lines that are neighbours.
        if !columns.is_some_and(|columns| unsafe { beside::scan_integers(isa, columns, interrupt) })
        {
            lines.iter().enumerate().for_each(|(index, &line)| scan(first + index, line));
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
    let (mut sum, mut lost) = ([before; W], [0; W]);
    let (vectors, rest) = values.as_chunks::<W>();
    let (to, rest_to) = prefixes.as_chunks_mut::<W>();
    let ahead = ahead();
    for (values, to) in vectors.iter().zip(to) {
        prefetch(values.as_ptr().wrapping_byte_add(ahead));
        let x = values.map(|x| x.integer() as u64);
        let within = add_up_integers(x);
        for lane in 0..W {
            let after = sum[lane].wrapping_add(within[lane]);
            lost[lane] |= values[lane].lost(after.wrapping_sub(x[lane]), after);
            to[lane] = after;
        }
        sum = last_integer(*to);
    }
    let (mut sum, mut lost) = (sum[0], any(lost));
    for (x, to) in rest.iter().zip(rest_to) {
        *to = sum.wrapping_add(x.integer() as u64);
        lost |= x.lost(sum, *to);
        sum = *to;
    }
    lost >> 63 == 0
}

dispatch! {
    fn add_up[T: Convert + Copy][T](values: &[T], before: u64, prefixes: &mut [u64]) -> bool
        = add_up_body::<T, {W}>
}
