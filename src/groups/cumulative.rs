//! Cumulative sums by label: the exact sums of all elements so far with the same label.

use std::ops::RangeInclusive;

use crate::array::dtype::Dtype;
use crate::array::element::{Piece, pieces, read_numbers};
use crate::array::view::{View, ViewMut};
use crate::array::walk::{Group, Lines};
use crate::cpu;
use crate::cumulative::scan::{Misfit, ScanStatus};
use crate::exact::accumulator::Accumulator;
use crate::exact::round::Format;

/// The number of elements read at once.
const PIECE: usize = 512;

/// Writes the cumulative sums by label along an axis, each rounded once; 0 where the label is
/// negative. A zero prefix is -0.0 if all elements so far are, else 0.0. Integer prefixes must lie
/// in a range.
///
/// ```
/// use mypackage::sum::{View, ViewMut, cumsum_groups};
///
/// let values = [1e16, 5.0, 1.0, 2.0, -1e16];
/// let mut prefixes = [0.0; 5];
/// let (from, to) = (View::of(&values), ViewMut::of(&mut prefixes));
/// let status = cumsum_groups(&from, to, 0, &[0, 1, 0, -1, 0], &(0..=0));
/// assert_eq!(prefixes, [1e16, 5.0, 1e16, 0.0, 1.0]);
/// assert_eq!(status, Default::default());
/// ```
///
/// # Panics
/// If the number of labels is not the length of a line, or the shapes differ.
pub fn cumsum_groups(
    values: &View<'_>,
    prefixes: ViewMut<'_>,
    axis: usize,
    labels: &[i64],
    range: &RangeInclusive<i128>,
) -> ScanStatus {
    let out = prefixes.dtype();
    let lines = Lines::new(values, prefixes, axis, false);
    assert_eq!(labels.len(), lines.len(), "a label for each element");
    let (groups, places) = consecutive(labels);
    let target = Target { out, range };
    let statuses = lines.split(1, 1, |for_each_group| {
        let mut status = ScanStatus::default();
        let mut sums = vec![Running::default(); groups];
        for_each_group(&mut |group| scan(group, &places, &mut sums, target, &mut status));
        status
    });
    statuses.into_iter().fold(ScanStatus::default(), ScanStatus::and)
}

/// The state of one label.
#[derive(Clone, Default)]
struct Running {
    sum: Accumulator,
    /// Whether an element other than -0.0 occurred.
    other: bool,
}

/// The formats that prefixes are rounded to.
#[derive(Clone, Copy)]
struct Target<'a> {
    out: Dtype,
    range: &'a RangeInclusive<i128>,
}

/// Writes the prefixes of a group of one line.
fn scan(
    group: &mut Group<'_>,
    places: &[Option<usize>],
    sums: &mut [Running],
    target: Target<'_>,
    status: &mut ScanStatus,
) {
    let isa = cpu::isa();
    let (elements, line) = (group.line(0), group.first);
    let mut out = group.out(0);
    sums.fill(Running::default());
    let mut numbers = [[0.0; PIECE]; 2];
    let pieces: &[Piece] = pieces(elements.dtype());
    for start in (0..elements.len()).step_by(PIECE) {
        let some = elements.skip(start).truncate(PIECE);
        for (&piece, into) in pieces.iter().zip(&mut numbers) {
            read_numbers(isa, some, piece, &mut into[..some.len()]);
        }
        for index in start..start + some.len() {
            let mut prefix = 0;
            if let Some(running) = places[index].and_then(|place| sums.get_mut(place)) {
                let Running { sum, other } = running;
                let number = numbers[0][index - start];
                sum.add_f64(number);
                for rest in &numbers[1..pieces.len()] {
                    sum.add_uncounted(rest[index - start]);
                }
                *other |= number.to_bits() != (-0.0f64).to_bits();
                prefix = target.rounded(sum, !*other, line, index, status);
            }
            out.write_bits(index, prefix);
        }
    }
    status.invalid |= sums.iter().any(|running| running.sum.is_invalid());
}

/// The number of distinct labels, and the rank of each label; `None` for negative ones.
fn consecutive(labels: &[i64]) -> (usize, Vec<Option<usize>>) {
    let mut different: Vec<i64> = labels.iter().copied().filter(|&label| label >= 0).collect();
    different.sort_unstable();
    different.dedup();
    let place = |label: &i64| different.binary_search(label).ok();
    (different.len(), labels.iter().map(place).collect())
}

impl Target<'_> {
    /// The bits of a prefix, a `negative` zero if it is zero.
    fn rounded(
        &self,
        sum: &Accumulator,
        negative: bool,
        line: usize,
        index: usize,
        status: &mut ScanStatus,
    ) -> u64 {
        let format = match self.out {
            Dtype::F64 => Format::F64,
            Dtype::F32 => Format::F32,
            Dtype::F16 => Format::F16,
            _ => {
                let value = sum.to_integer(1).unwrap_or(i128::MAX);
                if !self.range.contains(&value) && status.misfit.is_none() {
                    status.misfit = Some(Misfit { line, index, value });
                }
                return value as u64;
            }
        };
        if negative {
            return format.sign_bit();
        }
        let bits = sum.round_quotient(1, format);
        let infinite = bits & !format.sign_bit() == format.infinity();
        status.overflow |= infinite && sum.is_finite();
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_places() {
        let (groups, places) = consecutive(&[7, -1, i64::MAX, 7, 0]);
        assert_eq!(groups, 3);
        assert_eq!(places, [Some(1), None, Some(2), Some(1), Some(0)]);
    }
}
