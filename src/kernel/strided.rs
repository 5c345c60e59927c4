//! The flagged kernel of `block` for numbers at equal distances, read where they are.

#![allow(unsafe_code)] // Addresses from strides.

use super::levels::{self, BLOCK, Flagged, Sums};
use super::number::Number;
use crate::array::memory;
use crate::array::walk::Line;
use crate::cpu::dispatch;

/// Numbers in a full block of a line, `stride` bytes apart: no more for a lane than from a block of
/// `block`, though only some of the lanes may receive any.
pub(crate) fn block_of<T>(stride: isize) -> usize {
    let step = stride.unsigned_abs() / size_of::<T>();
    if (1..=DENSE).contains(&step) { BLOCK >> step.trailing_zeros() } else { BLOCK / 4 }
}

/// The first numbers of a line, as many as there is room for.
pub(super) fn first_of<T: Number>(line: Line, room: &mut [T]) -> &[T] {
    let count = room.len().min(line.count);
    for (index, x) in room[..count].iter_mut().enumerate() {
        // SAFETY: `index < count`; the line is readable and aligned.
        *x = unsafe { line.data.wrapping_offset(index as isize * line.stride).cast::<T>().read() };
    }
    &room[..count]
}

/// Up to this many numbers apart, all memory is read and what is between them dropped: they share
/// cache lines anyway.
const DENSE: usize = 5;

/// Adds a line whose numbers are up to [`DENSE`] numbers apart, except its last few numbers; how
/// many were added. `TURNS` says whether the lanes of the numbers change from vector to vector.
#[inline(always)]
fn add_dense<T: Number, const W: usize, const TURNS: bool>(
    line: Line,
    step: usize,
    lanes: &mut Flagged<W, 4>,
) -> usize {
    // masks[p]: the lanes of a vector that starts p numbers after a number of the line.
    let mut masks = [[0; W]; DENSE];
    for (phase, mask) in masks.iter_mut().enumerate() {
        for lane in ((step - phase % step) % step..W).step_by(step) {
            mask[lane] = u64::MAX;
        }
    }
    let mut phases: [usize; 4] = std::array::from_fn(|stream| stream * W % step);
    let advance = 4 * W % step;
    // The last vector must end before the line does.
    let span = (line.count - 1) * step + 1;
    let end = span - span % (4 * W);
    let ahead = memory::ahead();
    for position in (0..end).step_by(4 * W) {
        let at = line.data.cast::<T>().wrapping_add(position);
        macro_rules! add {
            ($($stream:literal)*) => {$(
                let vector = at.wrapping_add($stream * W);
                memory::prefetch(vector.wrapping_byte_add(ahead));
                // SAFETY: `position + 4 W <= span`: memory between two numbers of the line.
                let x = unsafe { vector.cast::<[T; W]>().read_unaligned() };
                let mask = if TURNS { masks[phases[$stream]] } else { masks[0] };
                lanes.add::<$stream, T>(levels::masked(x, mask));
                phases[$stream] += advance;
                if TURNS && phases[$stream] >= step {
                    phases[$stream] -= step;
                }
            )*};
        }
        add!(0 1 2 3);
    }
    end.div_ceil(step)
}

/// Adds numbers of any stride, a vector's worth to each of two streams in turn.
#[inline(always)]
fn add_sparse<T: Number, const W: usize>(line: Line, lanes: &mut Flagged<W, 2>) {
    let read = |index: usize| {
        let at = line.data.wrapping_offset(index as isize * line.stride).cast::<T>();
        // Volatile: the compiler would gather vectors, which takes longer than to do without them.
        // SAFETY: `index < count` below; the line is readable and aligned.
        unsafe { at.read_volatile() }.widen()
    };
    let end = line.count - line.count % (2 * W);
    for index in (0..end).step_by(2 * W) {
        lanes.add::<0, T>(std::array::from_fn(|lane| read(index + lane)));
        lanes.add::<1, T>(std::array::from_fn(|lane| read(index + W + lane)));
    }
    *lanes = std::hint::black_box(*lanes);
    for index in end..line.count {
        let mut vector = [0.0; W];
        vector[0] = read(index);
        lanes.add::<0, T>(vector);
    }
}

#[inline(always)]
fn flagged_line_body<T: Number, const W: usize>(line: Line, first: i32) -> Option<Sums<2>> {
    let (exponents, bias) = levels::levels::<2>(first, levels::apart::<T, W>());
    let step = (line.stride / size_of::<T>() as isize) as usize;
    if !(1..=DENSE).contains(&step) {
        let mut lanes = Flagged::<W, 2>::new(bias);
        add_sparse::<T, W>(line, &mut lanes);
        return levels::collect(lanes.sums(), exponents, bias);
    }
    let mut lanes = Flagged::<W, 4>::new(bias);
    let added = if W.is_multiple_of(step) {
        add_dense::<T, W, false>(line, step, &mut lanes)
    } else {
        add_dense::<T, W, true>(line, step, &mut lanes)
    };
    lanes = std::hint::black_box(lanes);
    // Fewer than are in a vector of every stream.
    let mut rest = Flagged::<W, 2>::new(bias);
    add_sparse::<T, W>(line.skip(added), &mut rest);
    let [one, other] = [
        levels::collect(lanes.sums(), exponents, bias)?,
        levels::collect(rest.sums(), exponents, bias)?,
    ];
    Some(one.plus(other))
}

dispatch! {
    /// The sum of up to [`block_of`] aligned numbers of a line, exact if the inexact flag was not raised
    /// meanwhile; `None` if they are too large.
    pub(super) fn flagged_line[T: Number][T](line: Line, first: i32) -> Option<Sums<2>>
        = flagged_line_body::<T, {W}>
}

#[cfg(test)]
mod tests {
    use super::super::adaptive::Summer;
    use super::*;
    use crate::cpu::Isa;
    use crate::exact::accumulator::Accumulator;
    use crate::fpu::inexact_flag_works;
    use crate::testing::numbers;

    #[test]
    fn every_stride_and_count() {
        // Without the flag, nobody calls the kernel.
        if !inexact_flag_works() {
            return;
        }
        let values = numbers(70_000, 0, 4, 1);
        for step in [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 33] {
            let most = block_of::<f64>(8 * step as isize);
            for count in (1..140).chain([500, 511, 512, 1024, 2047, 2048]).filter(|&n| n <= most) {
                for turned in [false, true] {
                    let (data, stride) = if turned {
                        (&raw const values[(count - 1) * step], -8 * step as isize)
                    } else {
                        (values.as_ptr(), 8 * step as isize)
                    };
                    let line = Line::of(data.cast(), stride, count);
                    let expected: Accumulator =
                        values.iter().step_by(step).take(count).copied().collect();
                    for isa in Isa::available() {
                        let mut summer = Summer::new(isa, 1 << 20);
                        let mut sum = Accumulator::new();
                        summer.add(&values[..512], &mut Accumulator::new());
                        assert!(summer.add_line::<f64>(line, &mut sum), "{isa:?} {step} {count}");
                        sum.add_zeros(count as i64);
                        assert_eq!(sum, expected, "{isa:?} {step} {count}");
                    }
                }
            }
        }
    }
}
