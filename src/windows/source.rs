//! The numbers of a line as they are in memory, and where results go.
//!
//! Numbers of binary32 and small integers are widened a tile at a time, in the first-level cache, rather
//! than all before.

use std::ops::Range;

use super::tile;
use crate::cpu::{Isa, dispatch};
use crate::simd::WIDEST;

/// The most numbers of a lane that are widened at once.
pub(super) const STAGED: usize = 128;
/// Numbers for each lane of a tile, one lane after the other.
pub(super) type Stage = [f64; STAGED * WIDEST];

/// The numbers of a line. Integers are to be below 2^51 in magnitude.
#[derive(Debug, Clone, Copy)]
pub(super) enum Numbers<'a> {
    F64(&'a [f64]),
    F32(&'a [f32]),
    I64(&'a [i64]),
}

impl<'a> Numbers<'a> {
    pub fn len(self) -> usize {
        match self {
            Numbers::F64(numbers) => numbers.len(),
            Numbers::F32(numbers) => numbers.len(),
            Numbers::I64(numbers) => numbers.len(),
        }
    }

    /// A number, or the nearest one to an integer.
    pub fn get(self, index: usize) -> f64 {
        match self {
            Numbers::F64(numbers) => numbers[index],
            Numbers::F32(numbers) => numbers[index].into(),
            Numbers::I64(numbers) => numbers[index] as f64,
        }
    }

    pub fn part(self, range: Range<usize>) -> Numbers<'a> {
        match self {
            Numbers::F64(numbers) => Numbers::F64(&numbers[range]),
            Numbers::F32(numbers) => Numbers::F32(&numbers[range]),
            Numbers::I64(numbers) => Numbers::I64(&numbers[range]),
        }
    }

    /// Widens as many numbers as there is room for; `false` if an integer is too large.
    pub fn read(self, isa: Isa, into: &mut [f64]) -> bool {
        match self {
            Numbers::F64(numbers) => into.copy_from_slice(&numbers[..into.len()]),
            Numbers::F32(numbers) => widen(isa, &numbers[..into.len()], into),
            Numbers::I64(numbers) => return convert(isa, &numbers[..into.len()], into),
        }
        true
    }

    /// All numbers, widened into `stage` if they need to be; `None` if an integer is too large.
    pub fn all<'s>(self, isa: Isa, stage: &'s mut Vec<f64>) -> Option<&'s [f64]>
    where
        'a: 's,
    {
        if let Numbers::F64(numbers) = self {
            return Some(numbers);
        }
        stage.resize(self.len(), 0.0);
        self.read(isa, stage).then_some(stage)
    }

    /// The numbers of the first lanes from their places on; `None` if an integer is too large.
    pub fn tile<'s>(
        self,
        isa: Isa,
        places: &[usize; WIDEST],
        length: usize,
        stage: &'s mut Stage,
    ) -> Option<[&'s [f64]; WIDEST]>
    where
        'a: 's,
    {
        let mut lines: [&[f64]; WIDEST] = Default::default();
        let places = &places[..isa.lanes()];
        match self {
            Numbers::F64(numbers) => {
                for (line, &place) in lines.iter_mut().zip(places) {
                    *line = &numbers[place..place + length];
                }
                return Some(lines);
            }
            Numbers::F32(numbers) => widen_tile(isa, numbers, places, length, stage),
            Numbers::I64(numbers) => {
                if !convert_tile(isa, numbers, places, length, stage) {
                    return None;
                }
            }
        }
        for (line, staged) in lines.iter_mut().zip(stage.chunks_exact(STAGED)).take(places.len()) {
            *line = &staged[..length];
        }
        Some(lines)
    }

    /// The greatest finite distance from a centre.
    pub fn most(self, isa: Isa, centre: f64) -> f64 {
        if let Numbers::F64(numbers) = self {
            return tile::survey(isa, numbers, centre).most;
        }
        let mut stage = [0.0; 1024];
        let mut most = 0.0f64;
        for start in (0..self.len()).step_by(stage.len()) {
            let end = self.len().min(start + stage.len());
            let stage = &mut stage[..end - start];
            // (Rounded, a large integer is as far away.)
            self.part(start..end).read(isa, stage);
            most = most.max(tile::survey(isa, stage, centre).most);
        }
        most
    }
}

/// Where the results of a line go, those of binary32 rounded to it.
#[derive(Debug)]
pub(super) enum Out<'a> {
    F64(&'a mut [f64]),
    F32(&'a mut [f32]),
}

impl Out<'_> {
    pub fn part(&mut self, range: Range<usize>) -> Out<'_> {
        match self {
            Out::F64(results) => Out::F64(&mut results[range]),
            Out::F32(results) => Out::F32(&mut results[range]),
        }
    }

    pub fn fill(&mut self, value: f64) {
        match self {
            Out::F64(results) => results.fill(value),
            Out::F32(results) => results.fill(value as f32),
        }
    }

    /// Writes results from a place on.
    pub fn write(&mut self, isa: Isa, place: usize, from: &[f64]) {
        match self {
            Out::F64(results) => results[place..][..from.len()].copy_from_slice(from),
            Out::F32(results) => narrow(isa, from, &mut results[place..][..from.len()]),
        }
    }
}

#[inline(always)]
fn widen_body(from: &[f32], to: &mut [f64]) {
    for (to, &x) in to.iter_mut().zip(from) {
        *to = x.into();
    }
}

dispatch! {
    pub(super) fn widen(from: &[f32], to: &mut [f64]) = widen_body
}

#[inline(always)]
fn narrow_body(from: &[f64], to: &mut [f32]) {
    for (to, &x) in to.iter_mut().zip(from) {
        *to = x as f32;
    }
}

dispatch! {
    pub(super) fn narrow(from: &[f64], to: &mut [f32]) = narrow_body
}

#[inline(always)]
fn convert_body(from: &[i64], to: &mut [f64]) -> bool {
    // An integer up to 2^51 is added to the bits of a number whose last bit weighs 1.
    const START: f64 = 1.5 * (1u64 << 52) as f64;
    let mut outside = 0u64;
    for (to, &x) in to.iter_mut().zip(from) {
        *to = f64::from_bits((x as u64).wrapping_add(START.to_bits())) - START;
        outside |= (x as u64).wrapping_add(1 << 51);
    }
    outside >> 52 == 0
}

dispatch! {
    /// Integers as numbers; returns whether all were small enough.
    pub(super) fn convert(from: &[i64], to: &mut [f64]) -> bool = convert_body
}

#[inline(always)]
fn widen_tile_body(from: &[f32], places: &[usize], length: usize, stage: &mut Stage) {
    for (&place, to) in places.iter().zip(stage.chunks_exact_mut(STAGED)) {
        widen_body(&from[place..place + length], &mut to[..length]);
    }
}

dispatch! {
    fn widen_tile(from: &[f32], places: &[usize], length: usize, stage: &mut Stage) = widen_tile_body
}

#[inline(always)]
fn convert_tile_body(from: &[i64], places: &[usize], length: usize, stage: &mut Stage) -> bool {
    places.iter().zip(stage.chunks_exact_mut(STAGED)).fold(true, |all, (&place, to)| {
        all & convert_body(&from[place..place + length], &mut to[..length])
    })
}

dispatch! {
    fn convert_tile(from: &[i64], places: &[usize], length: usize, stage: &mut Stage) -> bool
        = convert_tile_body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_integers_are_converted() {
        const LIMIT: i64 = 1 << 51;
        let small = [0, 1, -1, LIMIT - 1, -LIMIT, 12345678901, -77, 5, 9];
        for isa in Isa::available() {
            let mut numbers = [0.0; 9];
            assert!(convert(isa, &small, &mut numbers));
            assert_eq!(numbers.map(|x| x as i64), small);
            for large in [LIMIT, -LIMIT - 1, i64::MAX, i64::MIN] {
                for place in 0..9 {
                    let mut words = small;
                    words[place] = large;
                    assert!(!convert(isa, &words, &mut numbers), "{large}");
                }
            }
        }
    }
}
