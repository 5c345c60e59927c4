//! Neighbouring columns of a matrix: turned into lines, a square of numbers at a time, and back.

use super::line::Engine;
use super::source::{Numbers, Out};
use crate::array::element::Native;
use crate::array::view::{Rows, RowsMut};
use crate::cpu::{Isa, vectorized};
use crate::interrupt::Interrupt;
use crate::simd::{Simd, WIDEST};

/// The least number of rows that are read at once. It is no power of two, since the parts of the lanes
/// would then compete for a few sets of the cache.
const HEIGHT: usize = 4512;
/// Room between lines, so that they do not begin in the same set of the cache.
const GAP: usize = 72;

/// Numbers that vectors move without change. (Signalling NaNs may become quiet.)
pub(super) trait Element: Native {
    fn take<S: Simd>(s: S, from: &[Self], at: usize) -> S::V;
    fn put<S: Simd>(s: S, x: S::V, to: &mut [Self], at: usize);
    fn numbers(line: &[Self]) -> Numbers<'_>;
}

/// Results of a line.
pub(super) trait Output: Element {
    fn out(line: &mut [Self]) -> Out<'_>;
}

macro_rules! elements {
    ($($type:ty: $read:ident, $write:ident, $variant:ident;)*) => {$(
        impl Element for $type {
            #[inline(always)]
            fn take<S: Simd>(s: S, from: &[$type], at: usize) -> S::V {
                s.$read(from, at)
            }
            #[inline(always)]
            fn put<S: Simd>(s: S, x: S::V, to: &mut [$type], at: usize) {
                s.$write(x, to, at);
            }
            fn numbers(line: &[$type]) -> Numbers<'_> {
                Numbers::$variant(line)
            }
        }
    )*};
}

elements! {
    f64: read, write, F64;
    f32: read_f32, write_f32, F32;
    i64: read_integers, write_integers, I64;
}

impl Output for f64 {
    fn out(line: &mut [f64]) -> Out<'_> {
        Out::F64(line)
    }
}

impl Output for f32 {
    fn out(line: &mut [f32]) -> Out<'_> {
        Out::F32(line)
    }
}

/// Room for lines of numbers and of results.
#[derive(Debug)]
pub(super) struct Columns<T, O> {
    numbers: Vec<T>,
    results: Vec<O>,
}

impl<T: Element, O: Output> Columns<T, O> {
    pub fn new() -> Columns<T, O> {
        Columns { numbers: Vec::new(), results: Vec::new() }
    }

    /// The results of all windows of columns; returns whether there are any, which integers too large prevent.
    pub fn run(
        &mut self,
        isa: Isa,
        engine: &mut Engine,
        window: usize,
        rows: Rows<'_, T>,
        mut out: RowsMut<'_, O>,
        interrupt: &Interrupt,
    ) -> bool {
        let (length, width) = (rows.len(), rows.width());
        let part = HEIGHT.max(window.saturating_mul(8));
        for start in (0..length).step_by(part) {
            let end = length.min(start.saturating_add(part));
            // A part needs its own elements and those of the window before it.
            let base = start.saturating_sub(window);
            let [before, after] = [end - base, end - start].map(|length| length + GAP);
            self.numbers.resize(self.numbers.len().max(width * before), T::default());
            self.results.resize(self.results.len().max(width * after), O::default());
            gather(isa, rows.skip(base).truncate(end - base), &mut self.numbers, before);
            let lines = self.numbers.chunks(before).zip(self.results.chunks_mut(after));
            for (numbers, results) in lines.take(width) {
                let numbers = T::numbers(&numbers[..end - base]);
                let results = O::out(&mut results[..end - start]);
                let outputs = start - base..end - base;
                if !engine.run(numbers, outputs, Some(results), interrupt, |_, _| ()) {
                    return false;
                }
            }
            scatter(isa, &self.results, after, out.part(start, end - start));
        }
        true
    }
}

#[inline(always)]
fn gather_body<S: Simd, T: Element>(s: S, rows: Rows<'_, T>, lines: &mut [T], distance: usize) {
    let (length, width) = (rows.len() / S::W * S::W, rows.width() / S::W * S::W);
    for row in (0..length).step_by(S::W) {
        for column in (0..width).step_by(S::W) {
            let mut square = [s.splat(0.0); WIDEST];
            for (index, vector) in square.iter_mut().enumerate().take(S::W) {
                *vector = T::take(s, rows.row(row + index), column);
            }
            for (index, vector) in s.turn(square).into_iter().enumerate().take(S::W) {
                T::put(s, vector, lines, (column + index) * distance + row);
            }
        }
    }
    for row in 0..rows.len() {
        let done = if row < length { width } else { 0 };
        for (column, &x) in rows.row(row).iter().enumerate().skip(done) {
            lines[column * distance + row] = x;
        }
    }
}

vectorized! {
    /// Copies each column to a line of its own; these begin at a distance from one another.
    fn gather[T: Element][T](rows: Rows<'_, T>, lines: &mut [T], distance: usize) = gather_body
}

#[inline(always)]
fn scatter_body<S: Simd, T: Element>(s: S, lines: &[T], distance: usize, mut rows: RowsMut<'_, T>) {
    let (length, width) = (rows.len() / S::W * S::W, rows.width() / S::W * S::W);
    for row in (0..length).step_by(S::W) {
        for column in (0..width).step_by(S::W) {
            let mut square = [s.splat(0.0); WIDEST];
            for (index, vector) in square.iter_mut().enumerate().take(S::W) {
                *vector = T::take(s, lines, (column + index) * distance + row);
            }
            for (index, vector) in s.turn(square).into_iter().enumerate().take(S::W) {
                T::put(s, vector, rows.row(row + index), column);
            }
        }
    }
    for row in 0..rows.len() {
        let done = if row < length { width } else { 0 };
        for (column, x) in rows.row(row).iter_mut().enumerate().skip(done) {
            *x = lines[column * distance + row];
        }
    }
}

vectorized! {
    /// Copies lines to columns.
    fn scatter[T: Element][T](lines: &[T], distance: usize, rows: RowsMut<'_, T>) = scatter_body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back<T: Element + PartialEq>(number: impl Fn(usize) -> T) {
        for isa in Isa::available() {
            for (length, width) in [(1, 1), (3, 5), (8, 8), (13, 7), (40, 16), (17, 19)] {
                let matrix: Vec<T> = (0..length * width).map(&number).collect();
                let distance = length + 3;
                let mut lines = vec![T::default(); width * distance];
                gather(isa, Rows::of(&matrix, width), &mut lines, distance);
                for column in 0..width {
                    for row in 0..length {
                        assert!(lines[column * distance + row] == matrix[row * width + column]);
                    }
                }
                let mut back = vec![T::default(); length * (width + 2)];
                scatter(isa, &lines, distance, RowsMut::of(&mut back, width, 2));
                for (row, expected) in back.chunks(width + 2).zip(matrix.chunks(width)) {
                    assert!(row[..width] == *expected);
                    assert!(row[width..] == [T::default(); 2], "a gap was written");
                }
            }
        }
    }

    #[test]
    fn columns_become_lines_and_columns_again() {
        there_and_back(|index| index as f64 + 0.5);
        there_and_back(|index| index as f32 + 0.5);
        there_and_back(|index| i64::MIN + index as i64);
    }
}
