//! The kernel for cumulative sums along a line, a vector at a time.

use super::lanes::{add_up_numbers, last_number};
use super::prefix::{Prefix, Split, TILE, biases, fitted};
use crate::array::memory::prefetch;
use crate::cpu::vectorized;
use crate::kernel::number::Number;
use crate::simd::Simd;
use crate::tuning::tuning;

/// The sum so far, in every lane, and the splitter of further numbers.
#[derive(Clone, Copy)]
struct Line<const W: usize> {
    high: [f64; W],
    low: [f64; W],
    split: Split<W>,
}

impl<const W: usize> Line<W> {
    /// The prefixes that end with each number of a vector.
    #[inline(always)]
    fn advance<S: Simd, T: Number, P: Prefix>(&mut self, simd: S, x: [T; W]) -> [P; W] {
        let [x, rest] = self.split.split(x.map(T::widen));
        let (x, rest) = (add_up_numbers(simd, x), add_up_numbers(simd, rest));
        let [mut high, mut low] = [[0.0; W]; 2];
        for lane in 0..W {
            high[lane] = self.high[lane] + x[lane];
            low[lane] = self.low[lane] + rest[lane];
        }
        (self.high, self.low) = (last_number(simd, high), last_number(simd, low));
        std::array::from_fn(|lane| P::of_parts(high[lane], low[lane]))
    }
}

#[inline(always)]
fn tile_body<S: Simd, const W: usize, T: Number, P: Prefix>(
    simd: S,
    numbers: &[T],
    parts: [f64; 2],
    first: i32,
    prefixes: &mut [P],
) -> Option<[f64; 2]> {
    if W == 2 {
        // With two lanes, moves between lanes do not pay.
        tile_of::<S, T, P, 1>(simd, numbers, parts, first, prefixes)
    } else {
        tile_of::<S, T, P, W>(simd, numbers, parts, first, prefixes)
    }
}

#[inline(always)]
fn tile_of<S: Simd, T: Number, P: Prefix, const W: usize>(
    simd: S,
    numbers: &[T],
    parts: [f64; 2],
    first: i32,
    prefixes: &mut [P],
) -> Option<[f64; 2]> {
    let ([high, low], fits) = fitted(parts, biases(first));
    if !fits || numbers.len() > TILE {
        return None;
    }
    let mut line = Line::<W> { high: [high; W], low: [low; W], split: Split::new(first) };
    let ahead = tuning().ahead;
    let (vectors, rest) = numbers.as_chunks::<W>();
    let (to, rest_to) = prefixes[..numbers.len()].as_chunks_mut::<W>();
    for (x, to) in vectors.iter().zip(to) {
        prefetch(x.as_ptr().wrapping_byte_add(ahead));
        *to = line.advance(simd, *x);
    }
    if !rest.is_empty() {
        let mut x = [T::default(); W];
        x[..rest.len()].copy_from_slice(rest);
        rest_to.copy_from_slice(&line.advance(simd, x)[..rest.len()]);
    }
    line.split.is_exact().then_some([line.high[0], line.low[0]])
}

vectorized! {
    /// Writes the prefixes of at most [`TILE`] numbers, continuing from a sum in two parts, and
    /// returns the last one in two parts; `None`, with meaningless output, if not all fit the
    /// levels.
    pub(super) fn tile[T: Number, P: Prefix][T, P](
        numbers: &[T], parts: [f64; 2], first: i32, prefixes: &mut [P]
    ) -> Option<[f64; 2]> = tile_body{W}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary64::power_of_two;
    use crate::cpu::Isa;
    use crate::exact::accumulator::Accumulator;
    use crate::testing::{numbers, pseudo_random};

    const FIRST: i32 = 16;

    /// The last prefix in two parts, if the tile is accepted; then all prefixes are checked.
    fn checked(isa: Isa, values: &[f64], parts: [f64; 2]) -> Option<[f64; 2]> {
        let mut prefixes = vec![0f64; values.len()];
        let last = tile(isa, values, parts, FIRST, &mut prefixes)?;
        let mut sum: Accumulator = parts.into_iter().collect();
        for (x, prefix) in values.iter().zip(prefixes) {
            sum.add_f64(*x);
            assert_eq!(prefix, sum.to_f64(), "{isa:?}");
        }
        last.into_iter().for_each(|part| sum.subtract_f64(part));
        assert!(sum.is_zero(), "{isa:?}");
        Some(last)
    }

    #[test]
    fn numbers_of_similar_size_fit() {
        for isa in Isa::available() {
            for count in [1, 7, 8, 9, 100, TILE] {
                let mut parts = [0.0; 2];
                for seed in 0..20 {
                    let values = numbers(count, 0, 8, seed);
                    parts = checked(isa, &values, parts).expect("it fits");
                }
            }
        }
    }

    #[test]
    fn the_largest_numbers_that_fit() {
        let limit = power_of_two(FIRST - 11);
        let below = limit - power_of_two(FIRST - 11 - 53);
        // Just under half of the upper level's last bit, as multiples of the lower one's.
        let low = power_of_two(FIRST - 53) - power_of_two(FIRST - 95);
        let most = [0.375 * power_of_two(FIRST), power_of_two(FIRST - 53)];
        for isa in Isa::available() {
            for sign in [1.0, -1.0] {
                let parts = most.map(|part| sign * part);
                for x in [-limit, limit / 2.0 + low, below, low, -low] {
                    assert!(checked(isa, &[x; TILE], parts).is_some() || x == below, "{x:e}");
                }
                assert!(checked(isa, &[0.0], [2.0 * parts[0], 0.0]).is_none());
                for place in [0, 1, 300, TILE - 1] {
                    let mut values = [1.0; TILE];
                    values[place] = sign * 2.0 * limit;
                    assert!(checked(isa, &values, parts).is_none());
                    values[place] = sign * power_of_two(FIRST - 96);
                    assert!(checked(isa, &values, parts).is_none());
                    values[place] = f64::NAN;
                    assert!(checked(isa, &values, parts).is_none());
                }
            }
            assert!(checked(isa, &[1.0; TILE + 1], [0.0; 2]).is_none());
        }
    }

    #[test]
    fn every_bit_of_both_levels() {
        let mut next = pseudo_random(3);
        let bits = (FIRST - 95..FIRST - 12).map(power_of_two).collect::<Vec<_>>();
        let values: Vec<f64> = (0..TILE)
            .map(|_| {
                let x = bits[next() as usize % bits.len()];
                if next() >> 63 == 0 { x } else { -x }
            })
            .collect();
        for isa in Isa::available() {
            assert!(checked(isa, &values, [0.0; 2]).is_some(), "{isa:?}");
        }
    }
}
