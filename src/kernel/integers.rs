//! The kernel for sums of adjacent integers.

use super::number::Integer;
use crate::array::memory::{self, CACHE_LINE};
use crate::cpu::dispatch;
use crate::tuning::tuning;

/// The number of vectors of 64-bit numbers that are added in parallel.
const STREAMS: usize = 2;

#[inline(always)]
fn sum_integers_body<T: Integer, const W: usize>(values: &[T]) -> i128 {
    debug_assert!(values.len() <= 1 << 30);
    if size_of::<T>() < 8 {
        return values.iter().map(|x| x.parts()[1]).sum::<i64>().into();
    }
    let biased = |x: T| {
        let [high, low] = x.parts();
        (high << 32 | low) as u64 ^ T::BIAS
    };
    // The sum of the upper halves and the sum modulo 2^64 determine the sum, since there are less
    // than 2^30 lower halves below 2^32.
    let (mut upper, mut modular) = ([[0u64; W]; STREAMS], [[0u64; W]; STREAMS]);
    let steps = values.as_chunks::<W>().0.as_chunks::<STREAMS>().0;
    let ahead = tuning().ahead;
    for step in steps {
        for stream in 0..STREAMS {
            if size_of_val(&step[..stream]).is_multiple_of(CACHE_LINE) {
                memory::prefetch(step[stream].as_ptr().wrapping_byte_add(ahead));
            }
            for lane in 0..W {
                let x = biased(step[stream][lane]);
                upper[stream][lane] += x >> 32;
                modular[stream][lane] = modular[stream][lane].wrapping_add(x);
            }
        }
    }
    let total = |lanes: [[u64; W]; STREAMS]| {
        lanes.as_flattened().iter().copied().fold(0, u64::wrapping_add)
    };
    let (mut upper, mut modular) = (total(upper), total(modular));
    for &x in &values[steps.len() * STREAMS * W..] {
        upper += biased(x) >> 32;
        modular = modular.wrapping_add(biased(x));
    }
    let lower = modular.wrapping_sub(upper << 32);
    (i128::from(upper) << 32) + i128::from(lower) - i128::from(T::BIAS) * values.len() as i128
}

dispatch! {
    /// The sum of up to 2^30 integers.
    pub(super) fn sum_integers[T: Integer][T](values: &[T]) -> i128 = sum_integers_body::<T, {W}>
}
