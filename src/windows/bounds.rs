//! Windows given by indices.

use std::ops::Range;

use crate::cpu::{self, dispatch};

/// Windows from the indices `starts` up to, but excluding, `ends`; empty if the start is not less
/// than the end.
///
/// ```
/// use mypackage::windows::Bounds;
///
/// let bounds = Bounds::new(&[0, 3], &[2, 1]);
/// assert_eq!(bounds.len(), 2);
/// assert_eq!(bounds.outside(3), None);
/// assert_eq!(bounds.outside(2), Some((false, 1, 3)));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Bounds<'a> {
    starts: &'a [i64],
    ends: &'a [i64],
    common: Common,
}

/// Properties of all windows, determined in a single pass.
#[derive(Debug, Clone, Copy, Default)]
struct Common {
    lowest: i64,
    highest: i64,
    /// Whether the indices are non-decreasing.
    rising: bool,
    /// The longest window.
    longest: i64,
    /// From this window on, or an earlier one, each is the previous one moved by one.
    steady_from: usize,
}

/// The number of indices examined together.
const LANES: usize = 8;

#[inline(always)]
fn common_body(starts: &[i64], ends: &[i64]) -> Common {
    let (mut lowest, mut highest) = ([0i64; LANES], [0i64; LANES]);
    let (mut falls, mut longest) = ([0i64; LANES], [0i64; LANES]);
    let mut before = [i64::MIN; 2];
    let mut steady_from = 0;
    let (starts, start_rest) = starts.as_chunks::<LANES>();
    let (ends, end_rest) = ends.as_chunks::<LANES>();
    for (index, (start, end)) in starts.iter().zip(ends).enumerate() {
        let mut uneven = 0;
        for lane in 0..LANES {
            let moved = |x: i64, before: i64| x.wrapping_sub(before) ^ (lane as i64 + 1);
            uneven |= moved(start[lane], before[0]) | moved(end[lane], before[1]);
        }
        let after = [start[LANES - 1], end[LANES - 1]];
        if index > 0 && uneven == 0 && after[0] > before[0] && after[1] > before[1] {
            // All else is known from the window before.
            highest[0] = highest[0].max(after[0]).max(after[1]);
            before = after;
            continue;
        }
        steady_from = (index + 1) * LANES;
        for lane in 0..LANES {
            let (start, end) = (start[lane], end[lane]);
            lowest[lane] = lowest[lane].min(start).min(end);
            highest[lane] = highest[lane].max(start).max(end);
            longest[lane] = longest[lane].max(end.wrapping_sub(start));
        }
        for lane in 1..LANES {
            falls[lane] |= i64::from(start[lane] < start[lane - 1]);
            falls[lane] |= i64::from(end[lane] < end[lane - 1]);
        }
        falls[0] |= i64::from(start[0] < before[0]) | i64::from(end[0] < before[1]);
        before = after;
    }
    for (index, (&start, &end)) in start_rest.iter().zip(end_rest).enumerate() {
        if start.wrapping_sub(before[0]) != 1 || end.wrapping_sub(before[1]) != 1 {
            steady_from = starts.len() * LANES + index + 1;
        }
        lowest[0] = lowest[0].min(start).min(end);
        highest[0] = highest[0].max(start).max(end);
        longest[0] = longest[0].max(end.wrapping_sub(start));
        falls[0] |= i64::from(start < before[0]) | i64::from(end < before[1]);
        before = [start, end];
    }
    Common {
        lowest: lowest.into_iter().fold(0, i64::min),
        highest: highest.into_iter().fold(0, i64::max),
        rising: falls.into_iter().all(|falls| falls == 0),
        longest: longest.into_iter().fold(0, i64::max),
        steady_from,
    }
}

dispatch! {
    fn common(starts: &[i64], ends: &[i64]) -> Common = common_body
}

#[inline(always)]
fn steady_body(starts: &[i64], ends: &[i64]) -> bool {
    let (mut first, mut second) = (0i64, 0i64);
    for (pair, other) in starts.windows(2).zip(ends.windows(2)) {
        first |= pair[1].wrapping_sub(pair[0]) ^ 1;
        second |= other[1].wrapping_sub(other[0]) ^ 1;
    }
    first | second == 0
}

dispatch! {
    /// Whether each window is the previous one moved by one.
    fn steady(starts: &[i64], ends: &[i64]) -> bool = steady_body
}

impl<'a> Bounds<'a> {
    /// Windows from these starts to these ends.
    ///
    /// # Panics
    /// If there are not as many of both.
    pub fn new(starts: &'a [i64], ends: &'a [i64]) -> Bounds<'a> {
        assert_eq!(starts.len(), ends.len(), "as many ends as starts");
        Bounds { starts, ends, common: common(cpu::isa(), starts, ends) }
    }

    /// The number of windows.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there are no windows.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The first index that is not from 0 to `count`: whether it is an end, the window, and the
    /// index.
    pub fn outside(&self, count: usize) -> Option<(bool, usize, i64)> {
        let count = count as i64;
        if self.common.lowest >= 0 && self.common.highest <= count {
            return None;
        }
        [(false, self.starts), (true, self.ends)].into_iter().find_map(|(is_end, indices)| {
            let place = indices.iter().position(|index| !(0..=count).contains(index))?;
            Some((is_end, place, indices[place]))
        })
    }

    /// The length of the longest window, or an upper bound of it.
    pub(super) fn longest(&self) -> usize {
        self.common.longest as usize
    }

    /// A window. (If another thread writes to the indices meanwhile, any window of the line.)
    pub(super) fn get(&self, index: usize) -> [usize; 2] {
        [self.starts[index], self.ends[index]]
            .map(|index| index.clamp(0, self.common.highest) as usize)
    }

    pub(super) fn part(&self, range: Range<usize>) -> Bounds<'a> {
        let steady_from = self.common.steady_from.saturating_sub(range.start);
        let common = Common { steady_from, ..self.common };
        Bounds { starts: &self.starts[range.clone()], ends: &self.ends[range], common }
    }

    pub(super) fn iter(self) -> impl Iterator<Item = [usize; 2]> + 'a {
        (0..self.len()).map(move |index| self.get(index))
    }

    /// The number of elements read for all windows one after the other; an upper bound if the
    /// windows move forward.
    pub(super) fn cost(&self) -> usize {
        if self.common.rising
            && let ([.., last_start], [.., last_end]) = (self.starts, self.ends)
        {
            return (last_start + last_end) as usize + self.len();
        }
        let mut last = [0usize; 2];
        let steps = self.iter().map(|[start, end]| {
            let moved = last[0].abs_diff(start) + last[1].abs_diff(end);
            last = [start, end];
            moved.min(end.saturating_sub(start)) + 1
        });
        steps.fold(0, usize::saturating_add)
    }

    /// How many windows from a given one on, at most `most`, are each the previous one moved by
    /// one.
    pub(super) fn run(&self, first: usize, most: usize) -> usize {
        const PIECE: usize = 256;
        let most = most.min(self.len() - first);
        let mut count = 1;
        while count < most {
            if first + count >= self.common.steady_from {
                return most;
            }
            // (One of the piece is that before it.)
            let piece = self.part(first + count - 1..first + most.min(count + PIECE));
            if !steady(cpu::isa(), piece.starts, piece.ends) {
                let moved = |index: &usize| {
                    piece.starts[*index] - piece.starts[index - 1] == 1
                        && piece.ends[*index] - piece.ends[index - 1] == 1
                };
                return count + (1..piece.len()).take_while(moved).count();
            }
            count += piece.len() - 1;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_windows_have_in_common() {
        for length in [0, 1, 7, 8, 9, 40] {
            let starts: Vec<i64> = (0..length).collect();
            let ends: Vec<i64> = starts.iter().map(|start| start + 3).collect();
            let count = length as usize + 2;
            let bounds = Bounds::new(&starts, &ends);
            assert_eq!(bounds.outside(count), None);
            assert_eq!(bounds.longest(), if length == 0 { 0 } else { 3 });
            if length > 0 {
                let last = length as usize - 1;
                assert_eq!(bounds.outside(count - 1), Some((true, last, count as i64)));
            }
            for place in 0..length as usize {
                for (wrong, is_end) in [(-1, true), (count as i64 + 1, false), (i64::MIN, false)] {
                    let (mut starts, mut ends) = (starts.clone(), ends.clone());
                    (if is_end { &mut ends } else { &mut starts })[place] = wrong;
                    let bounds = Bounds::new(&starts, &ends);
                    assert_eq!(bounds.outside(count), Some((is_end, place, wrong)));
                }
                let mut ends = ends.clone();
                ends[place] += 5;
                let bounds = Bounds::new(&starts, &ends);
                assert_eq!(bounds.longest(), 8);
                let falls = place + 1 < length as usize;
                assert_eq!(!bounds.common.rising, falls, "{length} {place}");
            }
        }
    }

    #[test]
    fn indices_at_the_limits_of_integers_are_outside() {
        for first in [i64::MIN, i64::MIN + 1, i64::MAX - 12] {
            let indices: Vec<i64> = (0..40).map(|index| first.wrapping_add(index)).collect();
            let bounds = Bounds::new(&indices, &indices);
            assert_eq!(bounds.outside(100), Some((false, 0, first)));
            assert_eq!(bounds.common.rising, first < 0);
        }
    }

    #[test]
    fn runs_of_windows() {
        let mut starts: Vec<i64> = (0..2000).collect();
        let mut ends: Vec<i64> = starts.iter().map(|start| start + 3).collect();
        starts[700] = 3;
        ends[1300] = 5;
        let bounds = Bounds::new(&starts, &ends);
        for first in 0..2000 {
            for most in [1, 2, 256, 257, 2000] {
                let mut right = 1;
                let next = |index: usize| {
                    starts[index] - starts[index - 1] == 1 && ends[index] - ends[index - 1] == 1
                };
                while right < most && first + right < 2000 && next(first + right) {
                    right += 1;
                }
                assert_eq!(bounds.run(first, most), right, "{first} {most}");
            }
        }
    }
}
