//! The exact sums of a moving window: elements that enter are added, those that leave are
//! subtracted.
//!
//! Nothing is rounded, so elements that have left have no effect. This is the path for data that
//! the tiles do not accept, and for windows of varying length.

use std::hint::black_box;
use std::ops::Range;

use dashu_int::ops::{BitTest, DivRem, SquareRoot};
use dashu_int::{IBig, UBig};

use super::{Options, Statistic};
use crate::binary64::ABSOLUTE;
use crate::cpu::Isa;
use crate::exact::accumulator::Accumulator;
use crate::exact::round::{Format, Magnitude};
use crate::products::dot::products;

/// An element of a line: its real part in two pieces (64-bit integers need both), and its imaginary
/// part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element {
    pub nearest: f64,
    pub rest: f64,
    pub imaginary: f64,
}

/// The elements of a line, missing ones as NaN; without rests or imaginary parts if all are 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elements<'a> {
    pub nearest: &'a [f64],
    pub rest: &'a [f64],
    pub imaginary: &'a [f64],
}

impl<'a> Elements<'a> {
    pub fn real(nearest: &'a [f64]) -> Elements<'a> {
        Elements { nearest, rest: &[], imaginary: &[] }
    }

    /// An element, unless it is missing.
    #[inline]
    fn get(&self, index: usize) -> Option<Element> {
        let or_zero = |values: &[f64]| values.get(index).copied().unwrap_or(0.0);
        let element = Element {
            nearest: self.nearest[index],
            rest: or_zero(self.rest),
            imaginary: or_zero(self.imaginary),
        };
        (!element.nearest.is_nan() && !element.imaginary.is_nan()).then_some(element)
    }
}

/// The exact sums of a window that moves along a line.
pub(super) struct Moving<'a> {
    options: Options,
    elements: Elements<'a>,
    pub running: Running,
    range: Range<usize>,
}

impl<'a> Moving<'a> {
    pub fn new(options: Options, elements: Elements<'a>) -> Moving<'a> {
        Moving { options, elements, running: Running::new(options.statistic), range: 0..0 }
    }

    fn change(&mut self, index: usize, enters: bool) {
        if let Some(element) = self.elements.get(index) {
            if enters { self.running.enter(element) } else { self.running.leave(element) }
        }
    }

    /// Moves to a window, by adding and subtracting elements, or by starting again if that is less
    /// work.
    pub fn move_to(&mut self, range: Range<usize>) {
        let range = if range.is_empty() { self.range.end..self.range.end } else { range };
        let steps = self.range.start.abs_diff(range.start) + self.range.end.abs_diff(range.end);
        if steps > range.len() {
            self.running = Running::new(self.options.statistic);
            self.range = range.start..range.start;
        }
        for index in self.range.end..range.end {
            self.change(index, true);
        }
        for index in range.start..self.range.start {
            self.change(index, true);
        }
        for index in range.end..self.range.end {
            self.change(index, false);
        }
        for index in self.range.start..range.start {
            self.change(index, false);
        }
        self.range = range;
    }

    /// Moves to the window that ends before an element.
    pub fn start(&mut self, index: usize) {
        self.move_to(index.saturating_sub(self.options.window)..index);
    }

    /// Moves to the window whose last element is the given one.
    pub fn enter(&mut self, index: usize) {
        self.move_to((index + 1).saturating_sub(self.options.window)..index + 1);
    }

    /// Whether there is a result.
    pub fn is_enough(&self) -> bool {
        self.options.is_enough(self.running.count)
    }

    /// The bits of the result; NaN if there is none.
    pub fn bits(&self) -> u64 {
        let Options { statistic, ddof, format, .. } = self.options;
        if self.is_enough() { self.running.round(statistic, ddof, format) } else { format.nan() }
    }

    /// A sum or mean as a 64-bit integer, the lowest one if there is none; `None` if it is beyond
    /// these.
    pub fn integer(&self) -> Option<i64> {
        if !self.is_enough() {
            return Some(i64::MIN);
        }
        let mean = self.options.statistic == Statistic::Mean;
        let divisor = if mean { self.running.count as i64 } else { 1 };
        let integer = self.running.parts[0].to_integer(divisor)?;
        i64::try_from(integer).ok().filter(|&integer| integer != i64::MIN)
    }

    pub fn number(&self) -> f64 {
        self.options.format.number(self.bits())
    }
}

/// The sums over the elements of a window that are not missing.
#[derive(Debug, Clone, Default)]
pub(super) struct Running {
    pub count: usize,
    pub parts: [Accumulator; 2],
    pub squares: Accumulator,
    /// Whether squares are summed.
    pub moments: bool,
}

impl Running {
    pub fn new(statistic: Statistic) -> Running {
        Running { moments: statistic.is_moment(), ..Running::default() }
    }

    /// The sums of some finite numbers.
    pub fn of(isa: Isa, statistic: Statistic, numbers: &[f64]) -> Running {
        let mut running = Running::new(statistic);
        running.count = numbers.len();
        running.parts[0].add_slice(numbers);
        if statistic.is_moment() {
            running.squares = products(isa, numbers, numbers);
        }
        running
    }

    pub fn enter(&mut self, element: Element) {
        self.count += 1;
        self.change(element, false);
    }

    pub fn leave(&mut self, element: Element) {
        self.count -= 1;
        self.change(element, true);
    }

    /// (Works in any floating-point environment: only signs and bits of possibly subnormal numbers
    /// are used. Only integers, which are never subnormal, have rests.)
    #[inline]
    fn change(&mut self, Element { nearest, rest, imaginary }: Element, leaves: bool) {
        let signed = |x: f64| if leaves { -x } else { x };
        // (Compilers turn a test of the bits for 0 into a floating-point comparison, which depends
        // on the environment.)
        let is_zero = |x: f64| black_box(x.to_bits() & ABSOLUTE) == 0;
        let values = [(0, nearest), (0, rest), (1, imaginary)];
        for (part, value) in values.into_iter().filter(|&(_, value)| !is_zero(value)) {
            if value.is_finite() {
                self.parts[part].add_uncounted(signed(value));
            } else {
                self.parts[part].add_special(value, if leaves { -1 } else { 1 });
            }
        }
        if !(self.moments && nearest.is_finite() && imaginary.is_finite()) {
            return;
        }
        self.squares.add_product(signed(nearest), nearest);
        if !is_zero(rest) {
            self.squares.add_product(signed(2.0 * nearest), rest);
            self.squares.add_product(signed(rest), rest);
        }
        if !is_zero(imaginary) {
            self.squares.add_product(signed(imaginary), imaginary);
        }
    }

    /// The bits of the statistic, of real parts or of both, rounded once; NaN where it has no value.
    pub fn round(&self, statistic: Statistic, ddof: i64, format: Format) -> u64 {
        let sum = &self.parts[0];
        match statistic {
            Statistic::Sum => sum.round_quotient(1, format),
            Statistic::Mean => sum.round_quotient(self.count as i64, format),
            Statistic::Var | Statistic::Std => {
                let free = self.count as i128 - i128::from(ddof);
                if free <= 0 || self.parts.iter().any(|sum| !sum.is_finite()) {
                    return format.nan();
                }
                let root = statistic == Statistic::Std;
                let (numerator, exponent) = self.numerator();
                round_moment(numerator, exponent, self.count as u128 * free as u128, root, format)
            }
        }
    }

    /// The count times the sum of squares less the square of the sum, never negative, and the power
    /// of two that it is to be multiplied by.
    fn numerator(&self) -> (UBig, i32) {
        let (squares, lowest) = integer(&self.squares);
        let mut terms = vec![(squares * IBig::from(self.count), lowest)];
        for sum in &self.parts {
            let (sum, exponent) = integer(sum);
            terms.push((-(&sum * &sum), 2 * exponent));
        }
        terms.retain(|(term, _)| *term != IBig::ZERO);
        let lowest = terms.iter().map(|&(_, exponent)| exponent).min().unwrap_or(0);
        let total = terms.into_iter().fold(IBig::ZERO, |total, (term, exponent)| {
            total + (term << (exponent - lowest) as usize)
        });
        (UBig::try_from(total).expect("a sum of squares"), lowest)
    }
}

/// A finite sum as an integer and a power of two.
fn integer(sum: &Accumulator) -> (IBig, i32) {
    let (negative, bytes, exponent) = sum.to_parts().expect("a finite sum");
    let magnitude = IBig::from(UBig::from_le_bytes(&bytes));
    (if negative { -magnitude } else { magnitude }, exponent)
}

/// The bits of a quotient or root that suffice to round it to any format.
const ENOUGH: usize = 67;

/// `numerator * 2^exponent / divisor`, or its root, rounded once.
pub(super) fn round_moment(
    numerator: UBig,
    exponent: i32,
    divisor: u128,
    root: bool,
    format: Format,
) -> u64 {
    if numerator == UBig::ZERO {
        return 0;
    }
    let divisor = UBig::from(divisor);
    let enough = if root { 2 * ENOUGH } else { ENOUGH };
    let mut shift = (enough + divisor.bit_len()).saturating_sub(numerator.bit_len());
    if root && (exponent - shift as i32) % 2 != 0 {
        shift += 1;
    }
    let (mut head, remainder) = (numerator << shift).div_rem(&divisor);
    let mut exponent = exponent - shift as i32;
    let mut sticky = remainder != UBig::ZERO;
    if root {
        // The root of the integer part has the integer part of the root.
        let floor = head.sqrt();
        sticky |= &floor * &floor != head;
        head = floor;
        exponent /= 2;
    }
    let spare = head.bit_len().saturating_sub(128);
    if spare > 0 {
        let kept = &head >> spare;
        sticky |= &kept << spare != head;
        head = kept;
        exponent += spare as i32;
    }
    let head = u128::try_from(head).expect("128 bits");
    Magnitude { head, exponent, sticky }.round(false, format)
}
