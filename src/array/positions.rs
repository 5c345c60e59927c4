//! All positions of several arrays of one shape, in row-major order: where lines, and their
//! results, begin.

use std::ops::Range;

use crate::interrupt::Interrupt;

/// A shape, and the byte strides of `N` arrays along its axes.
#[derive(Debug, Clone)]
pub(crate) struct Positions<const N: usize> {
    pub shape: Vec<usize>,
    pub strides: Vec<[isize; N]>,
}

impl<const N: usize> Positions<N> {
    /// The number of positions.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// Calls `visit(index, offsets)` for the positions of a range, in order, unless the call is
    /// interrupted.
    pub fn for_each(
        &self,
        range: Range<usize>,
        interrupt: &Interrupt,
        mut visit: impl FnMut(usize, [isize; N]),
    ) {
        let mut position = vec![0; self.shape.len()];
        let mut offsets = [0; N];
        let mut rest = range.start;
        for (axis, &size) in self.shape.iter().enumerate().rev() {
            position[axis] = rest.checked_rem(size).unwrap_or(0);
            rest = rest.checked_div(size).unwrap_or(0);
            for (offset, stride) in offsets.iter_mut().zip(self.strides[axis]) {
                *offset += position[axis] as isize * stride;
            }
        }
        for index in range.take_while(|_| !interrupt.is_set()) {
            visit(index, offsets);
            for (axis, &size) in self.shape.iter().enumerate().rev() {
                position[axis] += 1;
                let wrapped = position[axis] == size;
                let steps = if wrapped { 1 - size as isize } else { 1 };
                for (offset, stride) in offsets.iter_mut().zip(self.strides[axis]) {
                    *offset += steps * stride;
                }
                if !wrapped {
                    break;
                }
                position[axis] = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_range_is_walked_in_order() {
        let positions =
            Positions { shape: vec![2, 3, 4], strides: vec![[100, 7], [-10, 0], [1, 1]] };
        let expected = |index: usize| {
            let [i, j, k] = [index / 12, index / 4 % 3, index % 4].map(|i| i as isize);
            [100 * i - 10 * j + k, 7 * i + k]
        };
        for start in 0..24 {
            let mut next = start;
            positions.for_each(start..24, &Interrupt::default(), |index, offsets| {
                assert_eq!((index, offsets), (next, expected(next)));
                next += 1;
            });
            assert_eq!(next, 24);
        }
    }

    #[test]
    fn one_position_and_none() {
        let mut visits = 0;
        Positions { shape: vec![], strides: vec![] }.for_each(
            0..1,
            &Interrupt::default(),
            |_, offsets: [isize; 2]| {
                assert_eq!(offsets, [0, 0]);
                visits += 1;
            },
        );
        let none = Positions { shape: vec![0, 2], strides: vec![[1]; 2] };
        none.for_each(0..0, &Interrupt::default(), |_, _| visits += 1);
        assert_eq!(visits, 1);
    }
}
