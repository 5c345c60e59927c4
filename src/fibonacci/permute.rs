//! The tables of [`small`](super::small) in the registers of AVX-512.
//!
//! Twelve registers hold every member that fits 64 bits. Six permutations of two of them each look
//! eight indices up at once, in half the time of eight loads or of a gather instruction.

#![allow(unsafe_code)] // AVX-512's instructions, and stores past the caches.

use std::arch::x86_64::*;
use std::ops::Range;

use crate::cpu::{Isa, Level, vectorized};
use crate::fibonacci::Word;
use crate::fibonacci::stores::Stores;
use crate::simd::Simd;

/// Numbers in a register.
const LANES: usize = 8;
/// The fewest elements worth filling the registers for.
const FEWEST: usize = 8 * LANES;

/// A primitive 64-bit integer, of which registers hold [`LANES`].
pub(super) trait Lane: Word {}
impl Lane for i64 {}
impl Lane for u64 {}

/// A sequence X(0), X(1), ... with X(-n) = X(n) or -X(n), by the parity of n.
#[derive(Debug)]
pub(super) struct Sequence {
    members: [u64; 12 * LANES],
    /// 0 if X(-n) = -X(n) for even n, 1 if for odd n.
    negated: i64,
}

impl Sequence {
    pub(super) const fn new<const N: usize>(table: &[u64; N], negated: i64) -> Sequence {
        let mut members = [0; 12 * LANES];
        let mut n = 0;
        while n < N {
            members[n] = table[n];
            n += 1;
        }
        Sequence { members, negated }
    }
}

/// Writes X(n + step) for the elements of a range, and returns the range, which may be empty, and
/// whether |n + step| <= `limit` for all of it.
pub(super) fn look_up<T: Lane>(
    isa: Isa,
    sequence: &Sequence,
    (step, limit): (i64, usize),
    n: &[T],
    out: &mut [T],
    stores: Stores,
) -> (Range<usize>, bool) {
    assert!(n.len() == out.len() && limit < sequence.members.len());
    if isa.level() < Level::Avx512 || n.len() < FEWEST {
        return (0..0, true);
    }
    // Whole registers within whole cache lines, which streamed stores demand.
    let start = out.as_ptr().align_offset(size_of::<__m512i>()).min(n.len());
    let end = n.len() - (n.len() - start) % LANES;
    let (n, out) = (&n[start..end], &mut out[start..end]);
    (start..end, look_up_aligned(isa, sequence, (step, limit), n, out, stores))
}

vectorized! {
    /// [`look_up`] for whole registers, `out` aligned to them. For AVX-512 alone.
    fn look_up_aligned[T: Lane][T](
        sequence: &Sequence, bounds: (i64, usize), n: &[T], out: &mut [T], stores: Stores
    ) -> bool = look_up_body
}

// (Without closures: they would be compiled without the instructions.)
#[inline(always)]
fn look_up_body<S: Simd, T: Lane>(
    _: S,
    sequence: &Sequence,
    (step, limit): (i64, usize),
    n: &[T],
    out: &mut [T],
    stores: Stores,
) -> bool {
    assert!(matches!(S::LEVEL, Level::Avx512));
    assert!(out.as_ptr().cast::<__m512i>().is_aligned());
    // SAFETY: the token says that the processor has the instructions. Loads and stores are of eight of an
    // array's 64-bit integers, which may have any bits, and stores are aligned, by the assertion.
    unsafe {
        let zero = _mm512_setzero_si512();
        let mut table = [zero; 12];
        for (register, members) in table.iter_mut().zip(sequence.members.chunks_exact(LANES)) {
            *register = _mm512_loadu_si512(members.as_ptr().cast());
        }
        let (step, flip) = (_mm512_set1_epi64(step), _mm512_set1_epi64(1 - sequence.negated));
        let limit = _mm512_set1_epi64(limit as i64);
        let mut outside = 0;
        for (n, out) in n.chunks_exact(LANES).zip(out.chunks_exact_mut(LANES)) {
            let n = _mm512_add_epi64(_mm512_loadu_si512(n.as_ptr().cast()), step);
            let magnitude = if T::SIGNED { _mm512_abs_epi64(n) } else { n };
            outside |= _mm512_cmpgt_epu64_mask(magnitude, limit);
            // A permutation takes the low four bits of the index; the next three choose among six.
            let mut pairs = [zero; 6];
            for (index, pair) in pairs.iter_mut().enumerate() {
                let (low, high) = (table[2 * index], table[2 * index + 1]);
                *pair = _mm512_permutex2var_epi64(low, magnitude, high);
            }
            let bit4 = _mm512_test_epi64_mask(magnitude, _mm512_set1_epi64(16));
            let bit5 = _mm512_test_epi64_mask(magnitude, _mm512_set1_epi64(32));
            let bit6 = _mm512_test_epi64_mask(magnitude, _mm512_set1_epi64(64));
            let low = _mm512_mask_mov_epi64(pairs[0], bit4, pairs[1]);
            let middle = _mm512_mask_mov_epi64(pairs[2], bit4, pairs[3]);
            let high = _mm512_mask_mov_epi64(pairs[4], bit4, pairs[5]);
            let below_64 = _mm512_mask_mov_epi64(low, bit5, middle);
            let mut member = _mm512_mask_mov_epi64(below_64, bit6, high);
            if T::SIGNED {
                let parity = _mm512_slli_epi64::<63>(_mm512_xor_si512(n, flip));
                let negated = _mm512_movepi64_mask(_mm512_and_si512(n, parity));
                member = _mm512_mask_sub_epi64(member, negated, zero, member);
            }
            let out = out.as_mut_ptr().cast();
            match stores {
                Stores::Cached => _mm512_store_si512(out, member),
                Stores::Streamed => _mm512_stream_si512(out, member),
            }
        }
        if stores == Stores::Streamed {
            // Streamed stores are not ordered with others: they end before anyone is told that they did.
            _mm_sfence();
        }
        outside == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu;
    use crate::fibonacci::small::FIBONACCI;

    #[test]
    fn whatever_the_alignment() {
        static SEQUENCE: Sequence = Sequence::new(&FIBONACCI, 0);
        let n: Vec<i64> = (0..500).map(|i| (i * 37) % 185 - 92).collect();
        for stores in [Stores::Cached, Stores::Streamed] {
            for skipped in 0..9 {
                for len in [0, 5, FEWEST - 1, FEWEST, FEWEST + 1, 300] {
                    let n = &n[skipped / 2..][..len];
                    let mut out = vec![7; skipped + len + 9];
                    let inner = &mut out[skipped..skipped + len];
                    let (done, inside) = look_up(cpu::isa(), &SEQUENCE, (0, 92), n, inner, stores);
                    assert!(inside);
                    assert!(done.is_empty() || done.len() + 16 > len);
                    for (index, &value) in out.iter().enumerate() {
                        let index = index.wrapping_sub(skipped);
                        if done.contains(&index) {
                            let magnitude = FIBONACCI[n[index].unsigned_abs() as usize] as i64;
                            let negated = n[index] < 0 && n[index] % 2 == 0;
                            assert_eq!(value, if negated { -magnitude } else { magnitude });
                        } else {
                            assert_eq!(value, 7);
                        }
                    }
                }
            }
        }
    }
}
