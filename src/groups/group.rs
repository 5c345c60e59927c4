//! Sums by label along an axis: the division of work.
//!
//! Large tables are slow to map and to access, so sorted labels use a table for a window of groups.
//! Lines that are adjacent in memory share a table, to which an element of each is added at a time.

use super::cut::Cut;
use super::labels::{Labels, WINDOW};
use super::table::{PIECE, Part, Scratch, Tables};
use crate::array::dtype::by_wide;
use crate::array::view::{Axis, View};
use crate::array::walk::{self, Step};
use crate::cpu;
use crate::exact::accumulator::Accumulator;
use crate::exact::sink::{Each, Sink};
use crate::interrupt::Interrupt;
use crate::threads::{self, PARALLEL_FROM};

/// Up to this many lines are read one by one.
const NARROW: usize = 16;
/// The number of sums of adjacent lines that stay in the second-level cache.
const ROWS: usize = 1 << 16;
/// The approximate number of elements per task of a thread.
const BUNCH: usize = 1 << 15;

/// Sums along an axis by label: element `i` of a line belongs to the group `labels[i]`, or to no
/// group if that is negative. Calls `put(index, sum)`, from any thread, for every result in
/// row-major order of the array's shape with `groups` in place of the axis.
///
/// Sums have no counts, since these are the counts of the labels.
///
/// ```
/// use std::sync::Mutex;
///
/// use mypackage::sum::{View, sum_groups};
///
/// let values = View::of(&[1e16, 5.0, 1.0, 8.0, -1e16]);
/// let results = Mutex::new([f64::NAN; 2]);
/// sum_groups(&values, 0, &[0, 1, 0, -1, 0], 2, &|group, sum| {
///     results.lock().unwrap()[group] = sum.to_f64();
/// });
/// assert_eq!(results.into_inner().unwrap(), [1.0, 5.0]);
/// ```
///
/// # Panics
/// If there is no such axis, a label is not below `groups`, or `labels` is not as long as the axis.
pub fn sum_groups(
    view: &View<'_>,
    axis: usize,
    labels: &[i64],
    groups: usize,
    put: &(dyn Fn(usize, &Accumulator) + Sync),
) {
    let labels = Labels::surveyed(labels);
    assert!(labels.groups() <= groups);
    sum_groups_into(view, axis, labels, groups, &Each(put));
}

/// As [`sum_groups`], into any [`Sink`]. Labels that are not below `groups` are ignored; the
/// highest of these is returned, or -1.
///
/// # Panics
/// If there is no such axis, or the labels are not as many as its elements.
#[doc(hidden)]
pub fn sum_groups_into(
    view: &View<'_>,
    axis: usize,
    labels: Labels<'_>,
    groups: usize,
    sink: &(dyn Sink + Sync),
) -> i64 {
    by_wide!(view.dtype(), run(view, axis, labels, groups, sink))
}

fn run<V: Cut>(
    view: &View<'_>,
    axis: usize,
    labels: Labels<'_>,
    groups: usize,
    sink: &(dyn Sink + Sync),
) -> i64 {
    let along = view.axes()[axis];
    assert_eq!(along.size, labels.all.len());
    let count = |axes: &[Axis]| axes.iter().map(|axis| axis.size).product::<usize>();
    let (before, after) = (&view.axes()[..axis], &view.axes()[axis + 1..]);
    let results = count(before) * count(after);
    let size = results.saturating_mul(along.size);
    let interrupt = &Interrupt::of_call(size);
    let isa = cpu::isa();
    // Sorted labels are processed in windows of groups.
    let window = if labels.ascending { WINDOW.min(groups) } else { groups };
    let windows = if window == 0 { 0 } else { groups.div_ceil(window) };
    let threads = threads::get();
    // Lines that are closer together than their elements are read together.
    let across = after.last().filter(|across| {
        across.size >= NARROW && across.stride.unsigned_abs() < along.stride.unsigned_abs()
    });
    let share = across.map_or(1, |across| across.size.div_ceil(threads));
    let width = share.min(PIECE).min(ROWS / window.max(1));
    let (across, after, width) = match (across, after) {
        (Some(across), [after @ .., _]) if width >= NARROW => (*across, after, width),
        _ => (Axis { size: 1, stride: 0 }, after, 1),
    };
    let panels = across.size.div_ceil(width);
    let inner = count(after);
    let lines = count(before) * inner * panels;
    let kept =
        before.iter().chain(after).map(|axis| Step { size: axis.size, strides: [axis.stride] });
    let kept: Vec<_> = kept.collect();
    let sum_window = |worker: &mut Worker, task: usize| {
        if interrupt.is_set() {
            return;
        }
        let (line, first) = (task / windows, task % windows * window);
        let window = window.min(groups - first);
        let (line, column) = (line / panels, line % panels * width);
        let at = ((line / inner * groups + first) * inner + line % inner) * across.size + column;
        let [offset] = walk::position(&kept, [column as isize * across.stride], line);
        let whole = Part {
            view,
            offset,
            along: along.stride,
            count: along.size,
            across: across.stride,
            width: width.min(across.size - column),
            labels: labels.all,
            first,
            groups: window,
        };
        let part = if windows == 1 { whole } else { worker.cut_out(whole) };
        let tables = Tables::<V>::of(isa, part, &mut worker.scratch, interrupt);
        worker.stray = worker.stray.max(tables.stray());
        tables.put(at, inner * across.size, &mut worker.scratch, sink);
    };
    let tasks = lines * windows;
    let share = if threads > 1 && tasks >= threads && size >= PARALLEL_FROM {
        (tasks / (size / BUNCH)).clamp(1, tasks / threads)
    } else {
        tasks
    };
    let strays = threads::split(tasks, share, |ranges| {
        let mut worker = Worker::new();
        ranges.flatten().for_each(|task| sum_window(&mut worker, task));
        worker.stray
    });
    let highest = if tasks == 0 {
        Labels::surveyed(labels.all).highest
    } else if labels.ascending {
        // The last window ends before labels that are out of range.
        labels.highest
    } else {
        strays.into_iter().max().unwrap_or(-1)
    };
    if highest < groups as i64 { -1 } else { highest }
}

/// A thread's state between windows.
struct Worker {
    scratch: Scratch,
    /// The highest label beyond the tables.
    stray: i64,
    /// The first group after the last window, and the position where its labels begin.
    next: (usize, usize),
}

impl Worker {
    fn new() -> Worker {
        Worker { scratch: Scratch::new(), stray: -1, next: (0, 0) }
    }

    /// The part of a line with sorted labels that belongs to the window.
    fn cut_out<'a>(&mut self, whole: Part<'a>) -> Part<'a> {
        let below = |group: usize| move |&label: &i64| label < group as i64;
        let start = match self.next {
            (group, start) if group == whole.first && group > 0 => start,
            _ => whole.labels.partition_point(below(whole.first)),
        };
        // The end is usually near.
        let end = whole.first + whole.groups;
        let labels = &whole.labels[start..];
        let mut most = whole.groups;
        while labels.get(most).is_some_and(below(end)) {
            most *= 2;
        }
        let count = labels[..most.min(labels.len())].partition_point(below(end));
        self.next = (end, start + count);
        whole.share(start, count)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::testing::{numbers, pseudo_random};

    /// The sums by label of each line, and the same by an oracle.
    fn both_ways(
        lines: &[Vec<f64>],
        labels: &[i64],
        groups: usize,
        side_by_side: bool,
    ) -> [Vec<Accumulator>; 2] {
        let (count, length) = (lines.len(), labels.len());
        let mut expected = vec![Accumulator::new(); count * groups];
        let mut data = vec![0.0; count * length];
        for (line, values) in lines.iter().enumerate() {
            for (index, (&x, &label)) in values.iter().zip(labels).enumerate() {
                let at = if side_by_side { index * count + line } else { line * length + index };
                data[at] = x;
                if let Ok(group) = usize::try_from(label) {
                    let at =
                        if side_by_side { group * count + line } else { line * groups + group };
                    expected[at].add_uncounted(x);
                }
            }
        }
        let shape = if side_by_side { [length, count] } else { [count, length] };
        let view = View::of(&data).reshaped(&shape);
        let sums = Mutex::new(vec![Accumulator::new(); expected.len()]);
        sum_groups(&view, usize::from(!side_by_side), labels, groups, &|index, sum| {
            sums.lock().unwrap()[index] = sum.clone();
        });
        [sums.into_inner().unwrap(), expected]
    }

    /// Lines whose scales do not fit the next line, and lines of numbers of all magnitudes.
    fn lines(length: usize) -> Vec<Vec<f64>> {
        let like = [(0, 4), (1, 4), (60, 9), (-60, 9), (0, 200), (-1060, 20), (1000, 40), (0, 2)];
        let mut lines: Vec<_> =
            like.map(|(centre, spread)| numbers(length, centre, spread, spread + 7)).into();
        let last = lines.len() - 1;
        lines[last][length / 2] = f64::INFINITY;
        lines[1][length - 1] = 2f64.powi(30);
        lines
    }

    #[test]
    fn sums_are_those_of_numbers_added_one_by_one() {
        for (length, groups) in [(1, 1), (100, 7), (1500, 3), (3000, 1), (9000, 2500)] {
            let mut next = pseudo_random(length as u64);
            let unsorted: Vec<_> =
                (0..length).map(|_| (next() % (groups as u64 + 1)) as i64 - 1).collect();
            let mut sorted = unsorted.clone();
            sorted.sort_unstable();
            // Twice the number of lines that are read together.
            let lines = [lines(length), lines(length)].concat();
            for (labels, side_by_side) in
                [(&unsorted, false), (&unsorted, true), (&sorted, false), (&sorted, true)]
            {
                let [sums, expected] = both_ways(&lines, labels, groups, side_by_side);
                assert_eq!(sums, expected, "{length} {groups} {side_by_side}");
            }
        }
    }

    #[test]
    fn tables_of_several_threads_add_up() {
        let length = 3 * PARALLEL_FROM;
        let labels: Vec<_> = (0..length as i64).map(|index| index * 7 % 11).collect();
        for (centre, spread) in [(0, 4), (0, 300)] {
            let line = numbers(length, centre, spread, 5);
            let [sums, expected] = both_ways(&[line], &labels, 11, false);
            assert_eq!(sums, expected, "{spread}");
        }
    }
}
