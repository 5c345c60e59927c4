//! Eight numbers in a register, moved between its lanes.
//!
//! Compilers make gathers and scalar loops of the plain code; on AVX-512, the moves are given.

#![allow(unsafe_code)] // Intrinsics that move lanes.

/// Rows become columns, for vectors of `W` lanes.
#[inline(always)]
pub(super) fn transpose<const W: usize>(rows: [[f64; 8]; 8]) -> [[f64; 8]; 8] {
    #[cfg(target_arch = "x86_64")]
    if W == 8 {
        use std::arch::x86_64::{
            __m512d, _mm512_shuffle_f64x2, _mm512_unpackhi_pd, _mm512_unpacklo_pd,
        };
        // SAFETY: `dispatch!` gives bodies eight lanes on AVX-512 only; the types are eight times
        // eight binary64 numbers each.
        return unsafe {
            let r: [__m512d; 8] = std::mem::transmute(rows);
            // Neighbouring numbers, then neighbouring pairs, then halves.
            let pairs: [__m512d; 8] = std::array::from_fn(|i| match i % 2 {
                0 => _mm512_unpacklo_pd(r[i], r[i + 1]),
                _ => _mm512_unpackhi_pd(r[i - 1], r[i]),
            });
            // Quarters 0 and 2, or 1 and 3, of two vectors.
            let fours: [__m512d; 8] = std::array::from_fn(|i| match i % 4 {
                0 | 1 => _mm512_shuffle_f64x2::<0b10_00_10_00>(pairs[i], pairs[i + 2]),
                _ => _mm512_shuffle_f64x2::<0b11_01_11_01>(pairs[i - 2], pairs[i]),
            });
            let eights: [__m512d; 8] = std::array::from_fn(|i| match i / 4 {
                0 => _mm512_shuffle_f64x2::<0b10_00_10_00>(fours[i], fours[i + 4]),
                _ => _mm512_shuffle_f64x2::<0b11_01_11_01>(fours[i - 4], fours[i]),
            });
            std::mem::transmute::<[__m512d; 8], [[f64; 8]; 8]>(eights)
        };
    }
    std::array::from_fn(|row| std::array::from_fn(|column| rows[column][row]))
}

/// The sums of `before` and the lanes up to each, and that of all lanes alone, for vectors of `W`
/// lanes; they wrap around.
#[inline(always)]
pub(super) fn add_up<const W: usize>(before: u64, x: [u64; 8]) -> ([u64; 8], u64) {
    #[cfg(target_arch = "x86_64")]
    if W == 8 {
        use std::arch::x86_64::{
            __m512i, _mm_extract_epi64, _mm512_add_epi64, _mm512_alignr_epi64,
            _mm512_extracti64x2_epi64, _mm512_set1_epi64, _mm512_setzero_si512,
        };
        // SAFETY: as above; the types are eight integers each.
        return unsafe {
            let zero = _mm512_setzero_si512();
            let x: __m512i = std::mem::transmute(x);
            // Each step doubles the lanes that a lane is the sum of.
            let two = _mm512_add_epi64(x, _mm512_alignr_epi64::<7>(x, zero));
            let four = _mm512_add_epi64(two, _mm512_alignr_epi64::<6>(two, zero));
            let eight = _mm512_add_epi64(four, _mm512_alignr_epi64::<4>(four, zero));
            let all = _mm_extract_epi64::<1>(_mm512_extracti64x2_epi64::<3>(eight)) as u64;
            let sums = _mm512_add_epi64(eight, _mm512_set1_epi64(before as i64));
            (std::mem::transmute::<__m512i, [u64; 8]>(sums), all)
        };
    }
    let mut sum = before;
    let sums = x.map(|x| {
        sum = sum.wrapping_add(x);
        sum
    });
    (sums, sum.wrapping_sub(before))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::{Isa, dispatch};

    #[inline(always)]
    fn both_body<const W: usize>(rows: [[f64; 8]; 8], x: [u64; 8]) -> ([[f64; 8]; 8], [u64; 8]) {
        (transpose::<W>(rows), add_up::<W>(100, x).0)
    }

    dispatch! {
        fn both(rows: [[f64; 8]; 8], x: [u64; 8]) -> ([[f64; 8]; 8], [u64; 8]) = both_body::<{W}>
    }

    #[test]
    fn each_number_arrives() {
        let number = |row: usize, column: usize| (8 * row + column) as f64;
        let rows = std::array::from_fn(|row| std::array::from_fn(|column| number(row, column)));
        let x = [3, u64::MAX, 5, 7, 1 << 63, 1 << 63, 11, 13];
        for isa in Isa::available() {
            let (turned, sums) = both(isa, rows, x);
            for (row, turned) in turned.iter().enumerate() {
                for (column, &x) in turned.iter().enumerate() {
                    assert_eq!(x, number(column, row), "{isa:?}");
                }
            }
            assert_eq!(sums, [103, 102, 107, 114, (1 << 63) + 114, 114, 125, 138], "{isa:?}");
        }
    }
}
