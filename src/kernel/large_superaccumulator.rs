//! Sums of numbers of any magnitudes: a sum of significands for each exponent.
//!
//! Source: Radford M. Neal, "Fast exact summation using small and large superaccumulators" (2015),
//! whose large superaccumulator this is. Here the significands are signed, and full bins are
//! detected by overflow, so that additions need not be counted.

use super::number::Number;
use crate::array::memory::prefetch_lines;
use crate::binary64::{FRACTION, HIDDEN, INFINITE, LAST_BIT_BIAS};
use crate::cpu::{self, Isa, dispatch};
use crate::exact::accumulator::Accumulator;

/// The number of elements that are decomposed together, in vectors, before they are added one by
/// one.
pub(crate) const CHUNK: usize = 512;
/// One bin for each exponent field.
const BINS: usize = INFINITE as usize + 1;
/// Numbers are added to these tables in turn, to reduce dependencies between additions.
const TABLES: usize = 2;
/// How many bins are combined in 128 bits.
const TOGETHER: usize = 32;

/// A sum in parts that are multiples of powers of two.
pub(crate) struct Bins {
    sums: [[i64; BINS]; TABLES],
    /// The contents of full bins, infinities and NaNs.
    others: Accumulator,
    is_empty: bool,
    parts: Parts,
}

/// The numbers of a chunk, decomposed.
struct Parts {
    significands: [i64; CHUNK],
    exponents: [u16; CHUNK],
}

impl Bins {
    pub fn new() -> Box<Bins> {
        Box::new(Bins {
            sums: [[0; BINS]; TABLES],
            others: Accumulator::new(),
            is_empty: true,
            parts: Parts { significands: [0; CHUNK], exponents: [0; CHUNK] },
        })
    }

    /// Adds numbers, without counting them, and prefetches `ahead` bytes ahead.
    #[inline]
    pub fn add<T: Number>(&mut self, isa: Isa, values: &[T], ahead: usize) {
        self.is_empty = false;
        for chunk in values.chunks(CHUNK) {
            add_chunk(isa, chunk, ahead, self);
        }
    }

    /// Moves the sum to an accumulator.
    pub fn empty_into(&mut self, into: &mut Accumulator) {
        if self.is_empty {
            return;
        }
        for (group, total) in group_totals(cpu::isa(), &self.sums).into_iter().enumerate() {
            into.add_scaled(total, (TOGETHER * group) as i32 - LAST_BIT_BIAS);
        }
        // Exponent field 0 means the same exponent as 1, so that bin is added twice.
        for table in &self.sums {
            into.add_scaled(table[0].into(), -LAST_BIT_BIAS);
        }
        self.sums = [[0; BINS]; TABLES];
        into.merge(&std::mem::take(&mut self.others));
        self.is_empty = true;
    }
}

/// The signed significand of a number that is finite, and 0 for others; the exponent field.
#[inline(always)]
fn part(x: f64) -> (i64, u16) {
    let bits = x.to_bits();
    let hidden = if x.abs() >= f64::MIN_POSITIVE { HIDDEN } else { 0 };
    let magnitude = if x.is_finite() { bits & FRACTION | hidden } else { 0 };
    let sign = bits as i64 >> 63;
    ((magnitude as i64 ^ sign) - sign, (bits >> 52) as u16 & INFINITE as u16)
}

#[inline(always)]
fn add_chunk_body<T: Number>(values: &[T], ahead: usize, bins: &mut Bins) {
    let Bins { sums, others, parts: Parts { significands, exponents }, .. } = bins;
    if ahead > 0 {
        prefetch_lines(values.as_ptr().wrapping_byte_add(ahead), size_of_val(values));
    }
    let mut all_finite = true;
    for ((x, significand), exponent) in values.iter().zip(&mut *significands).zip(&mut *exponents) {
        let x = x.widen();
        (*significand, *exponent) = part(x);
        all_finite &= x.is_finite();
    }
    if !all_finite {
        add_others(others, values);
    }
    // The neighbour of the last one is from another chunk.
    let count = values.len().next_multiple_of(TABLES);
    significands[values.len()..count].fill(0);
    let significands = significands[..count].as_chunks::<TABLES>().0;
    for (significands, exponents) in significands.iter().zip(exponents.as_chunks::<TABLES>().0) {
        for table in 0..TABLES {
            let exponent = exponents[table];
            let sum = &mut sums[table][usize::from(exponent) % BINS];
            let (next, is_full) = sum.overflowing_add(significands[table]);
            if is_full {
                add_full(others, *sum, exponent);
                *sum = significands[table];
            } else {
                *sum = next;
            }
        }
    }
}

/// The sum of each group of bins, in units of the first one's.
#[inline(always)]
fn group_totals_body(sums: &[[i64; BINS]; TABLES]) -> [i128; BINS / TOGETHER] {
    const HALF: usize = TOGETHER / 2;
    std::array::from_fn(|group| {
        let half_total = |first: usize| {
            // Parts of 32 bits, up to 2^15 times as large: 2^5 of them stay below 2^52.
            let (mut high, mut low) = (0, 0);
            for table in sums {
                for (place, sum) in table[first..first + HALF].iter().enumerate() {
                    high += sum >> 32 << place;
                    low += (sum & 0xffff_ffff) << place;
                }
            }
            (i128::from(high) << 32) + i128::from(low)
        };
        half_total(TOGETHER * group) + (half_total(TOGETHER * group + HALF) << HALF)
    })
}

dispatch! {
    fn group_totals(sums: &[[i64; BINS]; TABLES]) -> [i128; BINS / TOGETHER] = group_totals_body
}

#[cold]
#[inline(never)]
fn add_full(others: &mut Accumulator, sum: i64, exponent: u16) {
    others.add_scaled(sum.into(), i32::from(exponent.max(1)) - LAST_BIT_BIAS);
}

/// Adds the infinities and NaNs among the numbers.
#[cold]
#[inline(never)]
fn add_others<T: Number>(others: &mut Accumulator, values: &[T]) {
    for x in values.iter().map(|x| x.widen()).filter(|x| !x.is_finite()) {
        others.add_special(x, 1);
    }
}

dispatch! {
    /// Adds up to [`CHUNK`] numbers.
    fn add_chunk[T: Number][T](values: &[T], ahead: usize, bins: &mut Bins) = add_chunk_body::<T>
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{numbers, pseudo_random};

    fn check<T: Number>(values: &[T]) {
        let expected: Accumulator = values.iter().map(|x| x.widen()).collect();
        for isa in Isa::available() {
            for ahead in [0, 1 << 12] {
                let mut bins = Bins::new();
                for _ in 0..2 {
                    // Emptied bins must not be added again.
                    let mut total = Accumulator::new();
                    bins.add(isa, values, ahead);
                    bins.empty_into(&mut total);
                    total.add_zeros(values.len() as i64);
                    assert_eq!(total, expected, "{isa:?}, {} numbers", values.len());
                }
            }
        }
    }

    #[test]
    fn all_bits_and_lengths() {
        let mut next = pseudo_random(7);
        let values: Vec<f64> = (0..3 * CHUNK + 1).map(|_| f64::from_bits(next())).collect();
        for length in [0, 1, 2, 3, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 1] {
            check(&values[..length]);
        }
        check(
            &values.iter().map(|&x| f32::from_bits((x.to_bits() >> 32) as u32)).collect::<Vec<_>>(),
        );
    }

    #[test]
    fn full_bins() {
        for exponent in [-1074, -1022, 0, 1, 1023] {
            let values = numbers(1, exponent, 0, 3).repeat(5000);
            check(&values);
            check(&values.iter().map(|x| -x).collect::<Vec<_>>());
        }
        check(&[f64::MAX; 9000]);
        check(&[-f64::MAX; 9000]);
        check(&[f64::from_bits(FRACTION); 9000]);
        check(&[-f64::from_bits(HIDDEN | FRACTION); 9000]);
    }

    #[test]
    fn infinities_and_nans() {
        let mut values = numbers(2 * CHUNK, 0, 2000, 5);
        values[CHUNK - 1] = f64::INFINITY;
        check(&values);
        values[CHUNK] = f64::NEG_INFINITY;
        values[0] = f64::NAN;
        values[2 * CHUNK - 1] = -f64::NAN;
        check(&values);
    }
}
