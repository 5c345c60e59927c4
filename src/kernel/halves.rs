//! Blocks whose halves are far apart in memory.
//!
//! A core waits less for two streams of memory than for one: the processor foresees both, each a
//! little way. Only the kernel that numbers of ordinary sizes take reads both at once; for the
//! others, which have more to do for a number, a half follows the other.

use super::adaptive::{Terms, Tier};
use super::large_superaccumulator::Bins;
use super::levels::{self, HALF, Sums};
use super::number::Number;
use crate::array::memory;
use crate::cpu::Isa;
use crate::exact::accumulator::Accumulator;

/// Two halves of one length.
#[derive(Clone, Copy)]
pub(super) struct Halves<'a, T>([&'a [T]; 2]);

/// An array's blocks in two places, so many bytes apart, and what is left at its ends.
#[inline]
pub(super) fn split<T: Number>(
    values: &[T],
    between: usize,
) -> (impl Iterator<Item = Halves<'_, T>>, [&[T]; 2]) {
    let (head, values) = memory::split_at_line(values);
    let between = between / size_of::<T>();
    let pairs = values.chunks_exact(2 * between);
    let tail = pairs.remainder();
    let blocks = pairs.flat_map(move |places| {
        let (near, far) = places.split_at(between);
        near.chunks(HALF).zip(far.chunks(HALF)).map(|(near, far)| Halves([near, far]))
    });
    (blocks, [head, tail])
}

impl<T: Number> Terms for Halves<'_, T> {
    fn highest_exponent(self, isa: Isa) -> i32 {
        let [near, far] = self.0.map(|half| levels::highest_exponent(isa, half));
        near.max(far)
    }
    fn lowest_exponent(self, isa: Isa) -> i32 {
        let [near, far] = self.0.map(|half| half.lowest_exponent(isa));
        near.min(far)
    }
    #[inline(always)]
    fn first_exponents(self) -> Option<(i32, i32)> {
        self.0[0].first_exponents()
    }
    #[inline(always)]
    fn margin(self, isa: Isa, tier: Tier) -> Option<i32> {
        self.0[0].margin(isa, tier)
    }
    #[inline(always)]
    fn depth(self, isa: Isa, tier: Tier) -> i32 {
        self.0[0].depth(isa, tier)
    }
    #[inline(always)]
    fn flagged(self, isa: Isa, first: i32, ahead: usize) -> Option<Sums<2>> {
        levels::flagged_halves(isa, self.0, first, ahead)
    }
    fn levels<const K: usize>(self, isa: Isa, first: i32, ahead: usize) -> Option<Sums<K>> {
        let [near, far] = self.0.map(|half| half.levels(isa, first, ahead));
        Some(near?.plus(far?))
    }
    fn quiet_levels<const K: usize>(self, isa: Isa, first: i32, ahead: usize) -> Option<Sums<K>> {
        let [near, far] = self.0.map(|half| half.quiet_levels(isa, first, ahead));
        Some(near?.plus(far?))
    }
    fn add_smallest(self, isa: Isa, into: &mut Accumulator) -> bool {
        self.0.into_iter().all(|half| half.add_smallest(isa, into))
    }
    fn count(self) -> usize {
        self.0[0].len() + self.0[1].len()
    }
    fn add_each(self, into: &mut Accumulator) {
        self.0.into_iter().for_each(|half| half.add_each(into));
    }
    fn add_to_bins(self, isa: Isa, bins: &mut Bins, into: &mut Accumulator, ahead: usize) {
        self.0.into_iter().for_each(|half| half.add_to_bins(isa, bins, into, ahead));
    }
}

#[cfg(test)]
mod tests {
    use super::super::adaptive::Summer;
    use super::*;
    use crate::testing::numbers;

    fn check(values: &[f64]) {
        let expected: Accumulator = values.iter().copied().collect();
        for isa in Isa::available() {
            for between in [8 * HALF, 10 * HALF] {
                let (blocks, ends) = split(values, between);
                let blocks: Vec<_> = blocks.collect();
                let count: usize = blocks.iter().map(|block| block.count()).sum();
                assert_eq!(count + ends[0].len() + ends[1].len(), values.len());
                let mut total = Accumulator::new();
                let mut summer = Summer::new(isa, values.len());
                summer.add_blocks(blocks.into_iter(), &mut total);
                ends.into_iter().for_each(|end| summer.add(end, &mut total));
                total.add_zeros(values.len() as i64);
                assert_eq!(total, expected, "{isa:?} {between}");
            }
        }
    }

    #[test]
    fn every_scale_and_spread_in_each_half() {
        for (seed, spread) in [0, 10, 30, 60, 130, 2000].into_iter().enumerate() {
            for centres in [[0, 0], [-1074, -1074], [0, -1070], [900, -900], [-1022, 1000]] {
                let mut values = Vec::new();
                for centre in [centres, centres].concat() {
                    values.extend(numbers(3 * HALF, centre, spread, seed as u64));
                }
                check(&values);
                check(&values[3..]);
            }
        }
    }

    #[test]
    fn specials_in_each_half() {
        let mut values = numbers(7 * HALF, 0, 10, 5);
        values[HALF + 77] = f64::INFINITY;
        check(&values);
        values[5] = f64::NAN;
        check(&values);
    }

    #[test]
    fn a_large_array() {
        let mut values = numbers(3 << 19, 0, 4, 1);
        let expected: Accumulator = values.iter().copied().collect();
        let sum = |values: &[f64], total: i64| {
            let mut sum = Accumulator::new();
            Summer::new(crate::cpu::isa(), values.len()).add(values, &mut sum);
            sum.add_zeros(total);
            sum
        };
        assert_eq!(sum(&values, values.len() as i64), expected);
        // One number more in any place is seen.
        for place in [0, 1 << 14, (1 << 20) + 7, values.len() - 1] {
            values[place] += 1.0;
            assert_ne!(sum(&values, values.len() as i64), expected);
            values[place] -= 1.0;
        }
    }
}
