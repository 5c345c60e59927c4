//! Iterating over several arrays of the same shape: the order of axes, positions, and the division
//! among threads.

#![allow(unsafe_code)] // Gives each thread lines of results of its own.

use std::cmp::Reverse;
use std::ops::Range;

use super::element::Native;
use super::view::{Line, LineMut, Rows, RowsMut, View, ViewMut};
use crate::interrupt::Interrupt;
use crate::threads;

/// An axis of `N` arrays: its size, and the stride of each array along it (in bytes, or in
/// results).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step<const N: usize> {
    pub size: usize,
    pub strides: [isize; N],
}

impl<const N: usize> Step<N> {
    /// An axis of size 1.
    pub const ONE: Step<N> = Step { size: 1, strides: [0; N] };

    /// The offset after a number of steps.
    #[inline]
    pub fn from(&self, offsets: [isize; N], steps: usize) -> [isize; N] {
        std::array::from_fn(|array| offsets[array] + steps as isize * self.strides[array])
    }

    /// Reverses the axis if the first array has a negative stride; `origin` then moves to the other
    /// end.
    pub fn turn_forward(&mut self, origin: &mut [isize; N]) {
        if self.strides[0] < 0 {
            *origin = self.from(*origin, self.size - 1);
            self.strides = self.strides.map(|stride| -stride);
        }
    }

    /// Whether this axis continues where `inner` ends, so that both can be merged into one.
    pub fn continues(&self, inner: &Step<N>) -> bool {
        (0..N).all(|array| self.strides[array] == inner.strides[array] * inner.size as isize)
    }
}

/// The number of positions along these axes.
pub(crate) fn count<const N: usize>(steps: &[Step<N>]) -> usize {
    steps.iter().map(|step| step.size).product()
}

/// Sorts axes by decreasing stride in the first array, merges adjacent ones where possible, and
/// drops those of size 1.
pub(crate) fn merged<const N: usize>(mut steps: Vec<Step<N>>) -> Vec<Step<N>> {
    steps.retain(|step| step.size != 1);
    steps.sort_by_key(|step| Reverse(step.strides[0].unsigned_abs()));
    let mut merged: Vec<Step<N>> = Vec::with_capacity(steps.len());
    for step in steps {
        match merged.last_mut() {
            Some(outer) if outer.continues(&step) => {
                *outer = Step { size: outer.size * step.size, ..step };
            }
            _ => merged.push(step),
        }
    }
    merged
}

/// The offsets at one of the positions, in row-major order.
pub(crate) fn position<const N: usize>(
    steps: &[Step<N>],
    origin: [isize; N],
    index: usize,
) -> [isize; N] {
    let (mut offsets, mut rest) = (origin, index);
    for step in steps.iter().rev() {
        offsets = step.from(offsets, rest.checked_rem(step.size).unwrap_or(0));
        rest = rest.checked_div(step.size).unwrap_or(0);
    }
    offsets
}

/// Calls `visit(offsets)` at every position of the axes, the last fastest, unless the call is
/// interrupted. No axis has size 0.
#[inline]
pub(crate) fn for_each<const N: usize>(
    steps: &[Step<N>],
    origin: [isize; N],
    interrupt: &Interrupt,
    mut visit: impl FnMut([isize; N]),
) {
    for_range(steps, origin, 0..count(steps), interrupt, |_, offsets| visit(offsets));
}

/// Calls `visit(index, offsets)` for a range of the positions, in row-major order, unless the call is
/// interrupted.
pub(crate) fn for_range<const N: usize>(
    steps: &[Step<N>],
    origin: [isize; N],
    range: Range<usize>,
    interrupt: &Interrupt,
    mut visit: impl FnMut(usize, [isize; N]),
) {
    let mut position = vec![0; steps.len()];
    let mut offsets = origin;
    let mut rest = range.start;
    for (axis, step) in steps.iter().enumerate().rev().filter(|_| range.start > 0) {
        position[axis] = rest.checked_rem(step.size).unwrap_or(0);
        rest = rest.checked_div(step.size).unwrap_or(0);
        offsets = step.from(offsets, position[axis]);
    }
    for index in range {
        if interrupt.is_set() {
            return;
        }
        visit(index, offsets);
        for (axis, step) in steps.iter().enumerate().rev() {
            position[axis] += 1;
            let wrapped = position[axis] == step.size;
            let steps = if wrapped { 1 - step.size as isize } else { 1 };
            for array in 0..N {
                offsets[array] += steps * step.strides[array];
            }
            if !wrapped {
                break;
            }
            position[axis] = 0;
        }
    }
}

/// The lines along one axis of an array, and of its results.
///
/// Lines are independent of each other, so threads share them; unless they are `joined` to one line
/// in row-major order.
pub(crate) struct Lines<'a> {
    input: &'a View<'a>,
    output: ViewMut<'a>,
    along: Step<2>,
    /// The length of the lines of results.
    results: usize,
    outer: Vec<Step<2>>,
    joined: bool,
    pub interrupt: Interrupt,
}

/// How many lines a thread processes together.
pub(crate) struct Group<'a> {
    lines: &'a Lines<'a>,
    /// The index of the first line, in row-major order.
    pub first: usize,
    offsets: Vec<[isize; 2]>,
}

impl<'a> Lines<'a> {
    /// The lines along an axis of two arrays of the same shape.
    ///
    /// # Panics
    /// If there is no such axis, or the shapes differ.
    pub fn new(input: &'a View<'a>, output: ViewMut<'a>, axis: usize, joined: bool) -> Lines<'a> {
        let lines = Lines::apart(input, output, axis);
        assert_eq!(lines.along.size, lines.results, "arrays of one shape");
        Lines { joined, ..lines }
    }

    /// The lines along an axis of two arrays whose shapes differ only in its length.
    ///
    /// # Panics
    /// If there is no such axis, or the shapes differ in another axis.
    pub fn apart(input: &'a View<'a>, output: ViewMut<'a>, axis: usize) -> Lines<'a> {
        let (from, to) = (input.axes(), output.axes());
        assert_eq!(from.len(), to.len(), "arrays of one shape");
        let steps = from.iter().zip(to).enumerate().map(|(index, (from, to))| {
            assert!(index == axis || from.size == to.size, "arrays of one shape");
            Step { size: from.size, strides: [from.stride, to.stride] }
        });
        let mut outer: Vec<_> = steps.collect();
        let results = to[axis].size;
        let along = outer.remove(axis);
        let interrupt = Interrupt::of_slow_call(input.size());
        Lines { input, output, along, results, outer, joined: false, interrupt }
    }

    /// The length of each line.
    pub fn len(&self) -> usize {
        self.along.size
    }

    /// Distributes all lines: each participating thread calls `part` once, which processes all
    /// groups it is given. A group holds at most `most` neighbouring lines at equal distances in
    /// memory.
    pub fn split<R: Send>(
        self,
        most: usize,
        multiple: usize,
        part: impl Fn(&mut dyn FnMut(&mut dyn FnMut(&mut Group<'_>))) -> R + Sync,
    ) -> Vec<R> {
        let count = count(&self.outer);
        let size = count.saturating_mul(self.len());
        let share = if self.joined { count } else { threads::share(count, size, multiple) };
        let most = if self.joined { 1 } else { most };
        threads::split_among(threads::worth(size), count, share.max(1), |ranges| {
            part(&mut |visit| {
                for range in &mut *ranges {
                    self.for_each_group(range, most, visit);
                }
            })
        })
    }

    fn for_each_group(
        &self,
        range: Range<usize>,
        most: usize,
        visit: &mut dyn FnMut(&mut Group<'_>),
    ) {
        let step = |from: &[isize; 2], to: &[isize; 2]| [to[0] - from[0], to[1] - from[1]];
        let mut group = Group { lines: self, first: range.start, offsets: Vec::new() };
        for_range(&self.outer, [0; 2], range, &self.interrupt, |index, offsets| {
            let goes_on = match group.offsets.as_slice() {
                [first, second, ..] => {
                    step(first, second) == step(&group.offsets[group.len() - 1], &offsets)
                }
                _ => true,
            };
            if !goes_on || group.offsets.len() == most {
                visit(&mut group);
                (group.first, _) = (index, group.offsets.clear());
            }
            group.offsets.push(offsets);
        });
        if !group.offsets.is_empty() && !self.interrupt.is_set() {
            visit(&mut group);
        }
    }
}

impl<'a> Group<'a> {
    /// The number of lines.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// One of the lines.
    pub fn line(&self, index: usize) -> Line<'a> {
        let along = self.lines.along;
        self.lines.input.line(self.offsets[index][0], along.strides[0], along.size)
    }

    /// The results of one of the lines.
    pub fn out(&mut self, index: usize) -> LineMut<'_> {
        let (stride, count) = (self.lines.along.strides[1], self.lines.results);
        // SAFETY: a line along an axis of the output. All groups have lines of their own, and this
        // one lends one at a time.
        unsafe { self.lines.output.line(self.offsets[index][1], stride, count) }
    }

    /// The line of another array with the same strides (the other parts of complex numbers) that
    /// corresponds to one of the lines.
    pub fn line_of<'b>(&self, other: &View<'b>, index: usize) -> Line<'b> {
        let along = self.lines.along;
        other.line(self.offsets[index][0], along.strides[0], along.size)
    }

    /// The lines as columns of `T`, and their results as columns of `P`, if both are adjacent in
    /// memory.
    pub fn columns<T: Native, P: Native>(&mut self) -> Option<(Rows<'a, T>, RowsMut<'_, P>)> {
        let (along, output) = (self.lines.along, &self.lines.output);
        let &[first, second, ..] = self.offsets.as_slice() else {
            return None;
        };
        let steps = [size_of::<T>() as isize, size_of::<P>() as isize];
        let adjacent = [0, 1].iter().all(|&array| second[array] - first[array] == steps[array]);
        if !adjacent
            || self.lines.results != along.size
            || along.strides[0] == steps[0]
            || output.dtype().size() != size_of::<P>()
        {
            return None;
        }
        let width = self.offsets.len();
        let rows = self.lines.input.rows(first[0], along.strides[0], along.size, width).of()?;
        // SAFETY: as in `out`, of all lines of the group, which are adjacent.
        let out = unsafe { output.rows(first[1], along.strides[1], along.size, width) };
        Some((rows, out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all<const N: usize>(steps: &[Step<N>], origin: [isize; N]) -> Vec<[isize; N]> {
        let mut all = Vec::new();
        for_each(steps, origin, &Interrupt::default(), |offsets| all.push(offsets));
        all
    }

    /// The offsets by definition: any axis may be the fastest.
    fn expected(steps: &[Step<2>], origin: [isize; 2]) -> Vec<[isize; 2]> {
        let mut all = vec![origin];
        for step in steps {
            all = (all.iter())
                .flat_map(|&offsets| (0..step.size).map(move |index| step.from(offsets, index)))
                .collect();
        }
        all
    }

    #[test]
    fn any_range_is_walked_in_order() {
        let steps = [(2, [100, 7]), (3, [-10, 0]), (4, [1, 1])]
            .map(|(size, strides)| Step { size, strides });
        let positions = expected(&steps, [5, 6]);
        for (index, &offsets) in positions.iter().enumerate() {
            assert_eq!(position(&steps, [5, 6], index), offsets);
        }
        for start in 0..=24 {
            for end in start..=24 {
                let mut next = start;
                for_range(&steps, [5, 6], start..end, &Interrupt::default(), |index, offsets| {
                    assert_eq!((index, offsets), (next, positions[next]));
                    next += 1;
                });
                assert_eq!(next, end);
            }
        }
    }

    #[test]
    fn one_position_and_none() {
        assert_eq!(all::<2>(&[], [3, 4]), [[3, 4]]);
        assert!(
            all(&[Step { size: 0, strides: [1] }, Step { size: 2, strides: [1] }], [0]).is_empty()
        );
    }

    #[test]
    fn rows_without_gaps_are_one_line() {
        let rows = Step { size: 5, strides: [24, 3, 0] };
        let columns = Step { size: 3, strides: [8, 1, 0] };
        let merged_axis = Step { size: 15, strides: [8, 1, 0] };
        assert_eq!(merged(vec![columns, rows]), [merged_axis]);
        // If the stride differs in any of the arrays, the axes are not merged.
        for array in 0..3 {
            let mut other = rows;
            other.strides[array] += 1;
            assert_eq!(merged(vec![columns, other]), [other, columns]);
        }
    }

    /// Lines of numbers that are their own places in memory, copied as groups hand them out.
    struct Copied {
        /// The first line and the places of the first element of each, for every group.
        groups: Vec<(usize, Vec<[i64; 2]>)>,
        by_columns: Vec<bool>,
        output: Vec<i64>,
    }

    fn copied(view: &View<'_>, shape: &[usize], axis: usize, most: usize, joined: bool) -> Copied {
        let mut output = vec![-1; shape.iter().product()];
        let places: Vec<i64> = (0..output.len() as i64).collect();
        let of_output = View::of(&places).reshaped(shape);
        let target = ViewMut::of(&mut output).reshaped(shape);
        let lines = if shape[axis] == view.axes()[axis].size {
            Lines::new(view, target, axis, joined)
        } else {
            Lines::apart(view, target, axis)
        };
        let count = lines.len();
        let parts = lines.split(most, 1, |for_each_group| {
            let (mut groups, mut by_columns) = (Vec::new(), Vec::new());
            for_each_group(&mut |group| {
                let read = |line: Line<'_>| {
                    let mut numbers = vec![0; line.len()];
                    line.read(&mut numbers, |bits: u64| bits as i64);
                    numbers
                };
                let inputs: Vec<_> =
                    (0..group.len()).map(|index| read(group.line(index))).collect();
                let firsts = (0..group.len()).map(|index| {
                    [inputs[index][0], place_of(&of_output, axis, group.first + index)]
                });
                groups.push((group.first, firsts.collect()));
                let width = group.len();
                let columns = group.columns::<i64, i64>();
                by_columns.push(columns.is_some());
                if let Some((rows, mut out)) = columns {
                    assert_eq!(
                        [rows.len(), rows.width(), out.len(), out.width()],
                        [count, width, count, width]
                    );
                    for index in 0..count {
                        let row: Vec<_> = inputs.iter().map(|line| line[index]).collect();
                        assert_eq!(rows.row(index), row);
                        out.row(index).copy_from_slice(&row);
                    }
                } else {
                    for (index, line) in inputs.iter().enumerate() {
                        let mut out = group.out(index);
                        line.iter()
                            .enumerate()
                            .for_each(|(place, &number)| out.write(place, number));
                    }
                }
            });
            (groups, by_columns)
        });
        let (groups, by_columns): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        Copied { groups: groups.concat(), by_columns: by_columns.concat(), output }
    }

    /// The place of the first element of a line, by definition: any line, in row-major order.
    fn place_of(view: &View<'_>, axis: usize, line: usize) -> i64 {
        let mut outer = view.axes().to_vec();
        outer.remove(axis);
        let (mut rest, mut place) = (line, 0);
        for axis in outer.iter().rev() {
            place += (rest % axis.size) as i64 * axis.stride as i64 / 8;
            rest /= axis.size;
        }
        place
    }

    proptest! {
        #[test]
        fn groups_have_every_line_once(
            sizes in prop::array::uniform3(1usize..5),
            gap in 1usize..3,
            moved in prop::array::uniform2(0usize..3),
            axis in 0usize..3,
            more in 0usize..2,
            most in 1usize..6,
            joined: bool,
        ) {
            let values: Vec<i64> = (0..(sizes.iter().product::<usize>() * gap) as i64).collect();
            let view = View::of(&values).reshaped(&[sizes[0], sizes[1], sizes[2], gap]);
            let view = view.selected(3, 0).moved(moved[0], moved[1]);
            let mut shape: Vec<_> = view.axes().iter().map(|axis| axis.size).collect();
            shape[axis] += more;
            let joined = joined && more == 0;
            let copy = copied(&view, &shape, axis, most, joined);

            let most = if joined { 1 } else { most };
            let lines = copy.groups.iter().map(|(_, places)| places.len()).sum::<usize>();
            prop_assert_eq!(lines, shape.iter().product::<usize>() / shape[axis]);
            let step = |from: [i64; 2], to: [i64; 2]| [to[0] - from[0], to[1] - from[1]];
            let mut next = 0;
            for (index, (first, places)) in copy.groups.iter().enumerate() {
                prop_assert_eq!(*first, next);
                next += places.len();
                prop_assert!((1..=most).contains(&places.len()));
                let (mut pairs, in_line) = (places.windows(2), step(places[0], places[places.len().min(2) - 1]));
                let even = pairs.all(|pair| step(pair[0], pair[1]) == in_line);
                prop_assert!(even);

                // It ends where it is full or the distance changes.
                if let (Some((_, following)), &[.., last]) = (copy.groups.get(index + 1), &places[..]) {
                    let goes_on = places.len() == 1
                        || step(last, following[0]) == step(places[0], places[1]);
                    prop_assert!(places.len() == most || !goes_on);
                }
                let adjacent = places.len() > 1 && step(places[0], places[1]) == [1, 1];
                let expected = adjacent && more == 0 && view.axes()[axis].stride != 8;
                prop_assert_eq!(copy.by_columns[index], expected);
            }
            // The output has each number at its own place.
            for line in 0..lines {
                let along = View::of(&copy.output).reshaped(&shape);
                let (from, to) =
                    (place_of(&view, axis, line), place_of(&along, axis, line));
                let strides = [view.axes()[axis].stride as i64, along.axes()[axis].stride as i64];
                for index in 0..shape[axis] as i64 {
                    let found = copy.output[(to + index * strides[1] / 8) as usize];
                    let is_there = (index as usize) < view.axes()[axis].size;
                    prop_assert_eq!(found, if is_there { from + index * strides[0] / 8 } else { -1 });
                }
            }
        }

        #[test]
        fn sorted_and_turned_axes_visit_the_same_positions(
            axes in prop::collection::vec((1usize..4, -40isize..40, -3isize..3), 0..4)
        ) {
            let steps: Vec<Step<2>> =
                axes.iter().map(|&(size, x, y)| Step { size, strides: [x, y] }).collect();
            let mut before = expected(&steps, [0, 0]);
            let (mut origin, mut turned) = ([0, 0], steps);
            turned.iter_mut().for_each(|step| step.turn_forward(&mut origin));
            prop_assert!(turned.iter().all(|step| step.strides[0] >= 0));
            let turned = merged(turned);
            prop_assert!(turned.is_sorted_by_key(|step| Reverse(step.strides[0])));
            let mut after = all(&turned, origin);
            before.sort_unstable();
            after.sort_unstable();
            prop_assert_eq!(before, after);
        }
    }
}
