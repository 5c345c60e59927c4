//! The kernel for cumulative sums down the columns of a matrix: rows stream by.
//!
//! Every column keeps its prefix in two biased levels, as in [`super::cumulative`], of one scale
//! for all. Where there are quiet additions, the inexact flag proves a block of rows exact;
//! elsewhere what is left over is collected. What does not fit is left to the other kernel.

#![allow(unsafe_code)] // Rows at computed addresses.

use super::block::{ABSOLUTE, LEVEL, SIGN_AND_EXPONENT, any, highest_exponent, levels};
use super::cumulative::first_level;
use super::quiet;
use crate::cpu::{Isa, dispatch};
use crate::fpu::{self, Environment};
use crate::interrupt::Interrupt;

/// Columns that are taken at once: their levels stay in the first-level cache.
pub(super) const WIDTH: usize = 512;
/// Widths are multiples of this.
pub(super) const VECTOR: usize = 8;
/// Rows in a block: what the lower level can take.
const ROWS: usize = 256;
/// Rows for which a vector of columns stays in registers.
const GROUP: usize = 8;

/// Columns of binary64 numbers, each adjacent to the next, and where their prefixes go.
#[derive(Clone, Copy)]
pub(super) struct Lines {
    pub data: *const f64,
    /// Bytes from one row to the next.
    pub stride: isize,
    pub out: *mut f64,
    pub out_stride: isize,
    pub count: usize,
}

/// The prefixes of up to [`WIDTH`] columns.
pub(super) struct Beside {
    isa: Isa,
    flagged: bool,
    first: Option<i32>,
    /// Each prefix in two parts, multiples of the levels' last bits.
    parts: [[f64; WIDTH]; 2],
    /// The levels.
    sums: [[f64; WIDTH]; 2],
}

impl Beside {
    pub fn new(isa: Isa) -> Box<Beside> {
        let flagged = quiet::exists_on(isa) && fpu::inexact_flag_works();
        let nothing = [[0.0; WIDTH]; 2];
        Box::new(Beside { isa, flagged, first: None, parts: nothing, sums: nothing })
    }

    /// Writes the prefixes of `width` columns; whether that was exact. If not, it is as if nothing
    /// was written.
    ///
    /// # Safety
    /// The rows must be readable and those of the results writable, and must not overlap.
    pub unsafe fn scan(
        &mut self,
        lines: Lines,
        width: usize,
        environment: &mut Environment,
        interrupt: &Interrupt,
    ) -> bool {
        assert!(width <= WIDTH && width.is_multiple_of(VECTOR));
        self.parts = [[0.0; WIDTH]; 2];
        let mut blocks = (0..lines.count).step_by(ROWS).take_while(|_| !interrupt.is_set());
        blocks.all(|start| {
            let block = Lines {
                data: lines.data.wrapping_byte_offset(start as isize * lines.stride),
                out: lines.out.wrapping_byte_offset(start as isize * lines.out_stride),
                count: ROWS.min(lines.count - start),
                ..lines
            };
            self.add_block(block, width, environment)
                || self.rescale(block, width) && self.add_block(block, width, environment)
        })
    }

    /// Chooses the levels for a block of rows.
    fn rescale(&mut self, lines: Lines, width: usize) -> bool {
        let exponents = (0..lines.count).map(|row| {
            let at = lines.data.wrapping_byte_offset(row as isize * lines.stride);
            // SAFETY: the promise of `scan`'s caller, who holds the array.
            highest_exponent(self.isa, unsafe { std::slice::from_raw_parts(at, width) })
        });
        let highest = exponents.fold(0, i32::max);
        let prefix = self.parts[0][..width].iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        let first = first_level(highest, prefix);
        self.first = first.or(self.first);
        first.is_some()
    }

    fn add_block(&mut self, lines: Lines, width: usize, environment: &mut Environment) -> bool {
        let Some(first) = self.first else {
            return false;
        };
        let (_, bias) = levels::<2>(first, LEVEL);
        if !begin(self.isa, &self.parts, &mut self.sums, bias, width) {
            return false;
        }
        let exact = if self.flagged {
            environment.clear_inexact();
            advance::<true>(self.isa, lines, &mut self.sums, bias, width)
                && !environment.was_inexact()
        } else {
            advance::<false>(self.isa, lines, &mut self.sums, bias, width)
        };
        if exact {
            for level in 0..2 {
                for column in 0..width {
                    self.parts[level][column] = self.sums[level][column] - bias[level];
                }
            }
        }
        exact
    }
}

/// Fills the levels, the lower one with at most half a last bit of the upper one; whether the
/// prefixes fit.
#[inline(always)]
fn begin_body(
    parts: &[[f64; WIDTH]; 2],
    sums: &mut [[f64; WIDTH]; 2],
    bias: [f64; 2],
    width: usize,
) -> bool {
    let mut fits = true;
    for column in 0..width.min(WIDTH) {
        // Of an earlier, lower scale, the upper part may have bits below the upper level.
        let [own, low] = [parts[0][column], parts[1][column]];
        let high = (own + bias[0]) - bias[0];
        let rest = own - high;
        let both = low + rest;
        let carried = (both + bias[0]) - bias[0];
        let (high, left) = (high + carried, both - carried);
        let (s, t) = (bias[0] + high, bias[1] + left);
        fits &= both - low == rest && both - rest == low && t - bias[1] == left;
        fits &= high.abs() <= bias[0] / 4.0;
        (sums[0][column], sums[1][column]) = (s, t);
    }
    fits
}

dispatch! {
    fn begin(
        parts: &[[f64; WIDTH]; 2], sums: &mut [[f64; WIDTH]; 2], bias: [f64; 2], width: usize
    ) -> bool = begin_body
}

/// What of any column must not be.
#[derive(Clone, Copy)]
struct Trouble<const W: usize> {
    escaped: [u64; W],
    remainder: [u64; W],
}

/// Adds `COUNT` rows to a vector of columns, and writes the prefixes.
#[inline(always)]
fn add_rows<const QUIET: bool, const W: usize, const COUNT: usize>(
    lines: Lines,
    start: usize,
    column: usize,
    sums: &mut [[f64; WIDTH]; 2],
    bias: [f64; 2],
    trouble: &mut Trouble<W>,
) {
    let quiet = QUIET && quiet::exists::<W>();
    let mut high: [f64; W] = std::array::from_fn(|lane| sums[0][column + lane]);
    let mut low: [f64; W] = std::array::from_fn(|lane| sums[1][column + lane]);
    for row in start..start + COUNT {
        let from = lines.data.wrapping_byte_offset(row as isize * lines.stride);
        let to = lines.out.wrapping_byte_offset(row as isize * lines.out_stride);
        // SAFETY: the promise of `scan`'s caller; the column is one of a whole vector.
        let x = unsafe { from.wrapping_add(column).cast::<[f64; W]>().read_unaligned() };
        let rest = if quiet {
            quiet::absorb(&mut high, x)
        } else {
            std::array::from_fn(|lane| {
                let s = high[lane] + x[lane];
                let rest = x[lane] - (s - high[lane]);
                high[lane] = s;
                rest
            })
        };
        let (mut p, mut q) = ([0.0; W], [0.0; W]);
        for lane in 0..W {
            let t = low[lane] + rest[lane];
            if !quiet {
                trouble.remainder[lane] |= (rest[lane] - (t - low[lane])).to_bits();
            }
            trouble.escaped[lane] |= high[lane].to_bits() ^ bias[0].to_bits();
            low[lane] = t;
            p[lane] = high[lane] - bias[0];
            q[lane] = t - bias[1];
        }
        // The one operation that rounds.
        let prefix =
            if quiet { quiet::add(p, q) } else { std::array::from_fn(|lane| p[lane] + q[lane]) };
        // SAFETY: as above.
        unsafe { to.wrapping_add(column).cast::<[f64; W]>().write_unaligned(prefix) };
    }
    sums[0][column..column + W].copy_from_slice(&high);
    sums[1][column..column + W].copy_from_slice(&low);
}

#[inline(always)]
fn advance_body<const QUIET: bool, const W: usize>(
    lines: Lines,
    sums: &mut [[f64; WIDTH]; 2],
    bias: [f64; 2],
    width: usize,
) -> bool {
    let width = width.min(WIDTH);
    let mut trouble = Trouble { escaped: [0; W], remainder: [0; W] };
    let grouped = lines.count - lines.count % GROUP;
    for row in (0..grouped).step_by(GROUP) {
        for column in (0..width).step_by(W) {
            add_rows::<QUIET, W, GROUP>(lines, row, column, sums, bias, &mut trouble);
        }
    }
    for row in grouped..lines.count {
        for column in (0..width).step_by(W) {
            add_rows::<QUIET, W, 1>(lines, row, column, sums, bias, &mut trouble);
        }
    }
    any(trouble.escaped) & SIGN_AND_EXPONENT == 0 && any(trouble.remainder) & ABSOLUTE == 0
}

dispatch! {
    /// Adds rows to the levels and writes the prefixes; whether these are exact. With `QUIET`, they
    /// are if the inexact flag was not raised either.
    fn advance[const QUIET: bool][QUIET](
        lines: Lines, sums: &mut [[f64; WIDTH]; 2], bias: [f64; 2], width: usize
    ) -> bool = advance_body::<QUIET, {W}>
}
