//! Exact cumulative sums along an axis of any array.

#![allow(unsafe_code)] // Addresses from strides.

use std::ops::Range;

use rayon::prelude::*;

use super::convert::{Convert, Piece, read_numbers};
use super::cumulative::{Rounding, Running, TILE, narrow};
use super::positions::Positions;
use super::request::{Dtype, by_dtype};
use super::round::Format;
use super::slice::PARALLEL_FROM;
use super::walk::{Line, Operand};
use crate::cpu;
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
/// All elements must be readable and all results writable during the call, and the two must not
/// overlap.
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
    _environment: Environment,
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
            _environment: Environment::enter(),
            running: Vec::new(),
            numbers: vec![0.0; TILE * pieces.len()],
            pieces,
            status: ScanStatus::default(),
        }
    }

    fn run(mut self, positions: &Positions<2>, lines: Range<usize>) -> ScanStatus {
        let group = if self.request.joined { 1 } else { GROUP };
        let mut offsets = Vec::with_capacity(group);
        let last = lines.end;
        positions.for_each(lines, self.interrupt, |index, offset| {
            offsets.push(offset);
            if offsets.len() == group || index + 1 == last {
                self.scan(&offsets);
                offsets.clear();
            }
        });
        if self.request.joined {
            self.settle();
        }
        self.status
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
            && request.out_stride == size_of::<f64>() as isize
            && self.pieces.len() == 1
        {
            let out = request.out.wrapping_offset(to + (start * size_of::<f64>()) as isize);
            // SAFETY: the promise of `cumsum_axis`; results are aligned, and these are adjacent.
            // They hold any bytes, and so some numbers, until `read` has set them.
            let out = unsafe {
                out.write_bytes(0, count * size_of::<f64>());
                std::slice::from_raw_parts_mut(out.cast::<f64>(), count)
            };
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
        for (index, &x) in numbers[step - 1..].iter().step_by(step).enumerate() {
            let bits = match request.out_dtype {
                Dtype::F64 => x.to_bits(),
                Dtype::F32 if !x.is_nan() => (x as f32).to_bits().into(),
                Dtype::F32 => narrow(x, Format::F32),
                _ => narrow(x, Format::F16),
            };
            let infinity = match request.out_dtype {
                Dtype::F64 => Format::F64,
                Dtype::F32 => Format::F32,
                _ => Format::F16,
            }
            .infinity();
            self.status.overflow |= bits & infinity == infinity && x.is_finite();
            request.write(to, start + index, bits);
        }
    }
}

/// Prefixes as integers, whose range is checked one by one.
fn scan_integers<O: Operand<Value: Convert>>(
    request: &ScanRequest,
    positions: &Positions<2>,
    lines: Range<usize>,
    interrupt: &Interrupt,
) -> ScanStatus {
    let mut status = ScanStatus::default();
    let mut prefix = 0i128;
    let mut values = [O::Value::default(); TILE];
    let (lowest, highest) = (*request.range.start(), *request.range.end());
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
            for (index, value) in values[..count].iter_mut().enumerate() {
                let at = elements.data.wrapping_offset(index as isize * elements.stride);
                // SAFETY: the promise of `cumsum_axis`.
                *value = unsafe { O::read(at, request.swapped) };
            }
            for (index, value) in values[..count].iter().enumerate() {
                prefix += value.integer();
                if (prefix < lowest || prefix > highest) && status.misfit.is_none() {
                    status.misfit = Some(Misfit { line, index: start + index, value: prefix });
                }
                request.write(to, start + index, prefix as u64);
            }
        }
    });
    status
}
