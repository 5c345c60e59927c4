//! Cumulative sums across the lanes of a vector.
//!
//! Compilers generate scalar code for moves between lanes, so these are written in assembly, for
//! four and eight lanes; with fewer they do not pay. A token proves that the processor has the
//! instructions.

#![allow(unsafe_code)] // Instructions that move lanes.

#[cfg(target_arch = "x86_64")]
use crate::cpu::Level;
use crate::simd::Simd;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::asm;
    use std::arch::x86_64::{
        __m256i, __m512i, _mm256_setzero_si256, _mm512_set1_epi64, _mm512_setzero_si512,
    };

    macro_rules! moves {
        ($($name:ident, $feature:literal, $vector:ty, $register:ident,
           [$($code:literal),*] $(, $other:expr)?;)*) => {$(
            #[inline]
            #[target_feature(enable = $feature)]
            pub(super) fn $name(x: $vector) -> $vector {
                let to: $vector;
                // SAFETY: the instructions exist, by the target feature, and touch registers only.
                unsafe {
                    asm!(
                        $($code,)* x = in($register) x, to = out($register) to,
                        $(other = in($register) $other,)?
                        options(pure, nomem, nostack, preserves_flags)
                    );
                }
                to
            }
        )*};
    }
    moves! {
        up_1_of_8, "avx512f", __m512i, zmm_reg, ["valignq {to}, {x}, {other}, 7"], _mm512_setzero_si512();
        up_2_of_8, "avx512f", __m512i, zmm_reg, ["valignq {to}, {x}, {other}, 6"], _mm512_setzero_si512();
        up_4_of_8, "avx512f", __m512i, zmm_reg, ["valignq {to}, {x}, {other}, 4"], _mm512_setzero_si512();
        last_of_8, "avx512f", __m512i, zmm_reg, ["vpermpd {to}, {other}, {x}"], _mm512_set1_epi64(7);
        up_1_of_4, "avx2", __m256i, ymm_reg,
            ["vpermpd {to}, {x}, 0x90", "vblendpd {to}, {to}, {other}, 1"], _mm256_setzero_si256();
        up_2_of_4, "avx2", __m256i, ymm_reg, ["vperm2f128 {to}, {x}, {x}, 0x08"];
        last_of_4, "avx2", __m256i, ymm_reg, ["vpermpd {to}, {x}, 0xff"];
    }
}

#[cfg(target_arch = "x86_64")]
mod runs {
    use std::arch::asm;
    use std::arch::x86_64::{
        __m256i, __m512i, _mm256_setzero_si256, _mm512_set1_epi64, _mm512_setzero_si512,
    };

    /// See [`super::run_integers`].
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn of_4(x: __m256i, before: __m256i) -> [__m256i; 2] {
        let (sums, after): (__m256i, __m256i);
        // SAFETY: the instructions exist, by the target feature, and touch registers only.
        unsafe {
            asm!(
                "vpermpd {t}, {x}, 0x90",
                "vblendpd {t}, {t}, {zero}, 1",
                "vpaddq {x}, {x}, {t}",
                "vperm2f128 {t}, {x}, {x}, 0x08",
                "vpaddq {x}, {x}, {t}",
                "vpermpd {t}, {x}, 0xff",
                "vpaddq {x}, {x}, {before}",
                "vpaddq {t}, {t}, {before}",
                x = inout(ymm_reg) x => sums,
                t = out(ymm_reg) after,
                before = in(ymm_reg) before,
                zero = in(ymm_reg) _mm256_setzero_si256(),
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        [sums, after]
    }

    /// See [`super::run_integers`].
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn of_8(x: __m512i, before: __m512i) -> [__m512i; 2] {
        let (sums, after): (__m512i, __m512i);
        // SAFETY: as above.
        unsafe {
            asm!(
                "valignq {t}, {x}, {zero}, 7",
                "vpaddq {x}, {x}, {t}",
                "valignq {t}, {x}, {zero}, 6",
                "vpaddq {x}, {x}, {t}",
                "valignq {t}, {x}, {zero}, 4",
                "vpaddq {x}, {x}, {t}",
                "vpermpd {t}, {last}, {x}",
                "vpaddq {x}, {x}, {before}",
                "vpaddq {t}, {t}, {before}",
                x = inout(zmm_reg) x => sums,
                t = out(zmm_reg) after,
                before = in(zmm_reg) before,
                zero = in(zmm_reg) _mm512_setzero_si512(),
                last = in(zmm_reg) _mm512_set1_epi64(7),
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        [sums, after]
    }
}

/// The sum in `before`, which is the same in all lanes, plus a vector's integers up to each lane;
/// and the last of these in all lanes. One block of assembly, which compilers do not rearrange.
#[inline(always)]
pub(crate) fn run_integers<S: Simd, const W: usize>(
    simd: S,
    x: [u64; W],
    before: [u64; W],
) -> [[u64; W]; 2] {
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! by {
            ($name:ident) => {
                // SAFETY: the token says that the processor has the instructions; the types are as many
                // 64-bit integers.
                return unsafe {
                    std::mem::transmute_copy(&runs::$name(
                        std::mem::transmute_copy(&x),
                        std::mem::transmute_copy(&before),
                    ))
                }
            };
        }
        match (S::LEVEL, W) {
            (Level::Avx512, 8) => by!(of_8),
            (Level::Avx2, 4) => by!(of_4),
            _ => {}
        }
    }
    let within = add_up_integers(simd, x);
    let sums = std::array::from_fn(|lane| before[lane].wrapping_add(within[lane]));
    [sums, last_integer(simd, sums)]
}

/// As [`run_integers`], of the bits of vectors, which have `W` lanes.
#[inline(always)]
pub(crate) fn run_vectors<S: Simd, const W: usize>(simd: S, x: S::V, before: S::V) -> [S::V; 2] {
    const { assert!(size_of::<S::V>() == size_of::<[u64; W]>()) };
    // SAFETY: both are as many 64-bit numbers, and all bits are numbers.
    unsafe {
        let [x, before] = [x, before].map(|v| std::mem::transmute_copy(&v));
        run_integers::<S, W>(simd, x, before).map(|sums| std::mem::transmute_copy(&sums))
    }
}

/// For [`moved`]: broadcasts the last lane.
const LAST: usize = 0;

/// Shifts by `BY` lanes; the first `BY` lanes become 0.
#[inline(always)]
fn moved<S: Simd, const BY: usize, const W: usize>(_: S, x: [u64; W]) -> [u64; W] {
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! by {
            ($name:ident) => {
                // SAFETY: the token says that the processor has the instructions; the types are as many
                // 64-bit integers.
                return unsafe {
                    std::mem::transmute_copy(&x86::$name(std::mem::transmute_copy(&x)))
                }
            };
        }
        match (S::LEVEL, W, BY) {
            (Level::Avx512, 8, 1) => by!(up_1_of_8),
            (Level::Avx512, 8, 2) => by!(up_2_of_8),
            (Level::Avx512, 8, 4) => by!(up_4_of_8),
            (Level::Avx512, 8, LAST) => by!(last_of_8),
            (Level::Avx2, 4, 1) => by!(up_1_of_4),
            (Level::Avx2, 4, 2) => by!(up_2_of_4),
            (Level::Avx2, 4, LAST) => by!(last_of_4),
            _ => {}
        }
    }
    std::array::from_fn(|lane| match lane.checked_sub(BY) {
        _ if BY == LAST => x[W - 1],
        Some(from) => x[from],
        None => 0,
    })
}

/// The sums of the first lanes up to each, for at most eight lanes.
#[inline(always)]
fn add_up<S: Simd, const W: usize>(
    simd: S,
    x: [u64; W],
    add: impl Fn([u64; W], [u64; W]) -> [u64; W],
) -> [u64; W] {
    // Each step doubles the number of lanes that a lane is the sum of.
    let two = if W > 1 { add(x, moved::<S, 1, W>(simd, x)) } else { x };
    let four = if W > 2 { add(two, moved::<S, 2, W>(simd, two)) } else { two };
    if W > 4 { add(four, moved::<S, 4, W>(simd, four)) } else { four }
}

/// Integers that wrap around.
#[inline(always)]
pub(crate) fn add_up_integers<S: Simd, const W: usize>(simd: S, x: [u64; W]) -> [u64; W] {
    add_up(simd, x, |x, y| std::array::from_fn(|lane| x[lane].wrapping_add(y[lane])))
}

/// Numbers all of whose partial sums are representable.
#[inline(always)]
pub(super) fn add_up_numbers<S: Simd, const W: usize>(simd: S, x: [f64; W]) -> [f64; W] {
    let add = |x: u64, y: u64| (f64::from_bits(x) + f64::from_bits(y)).to_bits();
    add_up(simd, x.map(f64::to_bits), |x, y| std::array::from_fn(|lane| add(x[lane], y[lane])))
        .map(f64::from_bits)
}

/// The last lane's integer in all lanes.
#[inline(always)]
pub(crate) fn last_integer<S: Simd, const W: usize>(simd: S, x: [u64; W]) -> [u64; W] {
    moved::<S, LAST, W>(simd, x)
}

/// The last lane's number in all lanes.
#[inline(always)]
pub(super) fn last_number<S: Simd, const W: usize>(simd: S, x: [f64; W]) -> [f64; W] {
    moved::<S, LAST, W>(simd, x.map(f64::to_bits)).map(f64::from_bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::{Isa, vectorized};

    #[inline(always)]
    fn all_body<S: Simd, const W: usize>(
        simd: S,
        x: &[u64],
        integers: &mut Vec<u64>,
        numbers: &mut Vec<f64>,
    ) {
        for x in x.as_chunks::<W>().0 {
            integers.extend(add_up_integers(simd, *x));
            integers.extend(last_integer(simd, *x));
            let [sums, after] = run_integers(simd, *x, [1000; W]);
            integers.extend(sums.map(|sum| sum - 1000));
            integers.extend(after.map(|sum| sum - 1000));
            numbers.extend(add_up_numbers(simd, x.map(|x| x as f64)));
            numbers.extend(last_number(simd, x.map(|x| x as f64)));
        }
    }

    vectorized! {
        fn all[][](x: &[u64], integers: &mut Vec<u64>, numbers: &mut Vec<f64>) = all_body{W}
    }

    #[test]
    fn each_lane_has_its_sum() {
        let x: Vec<u64> = (0..64).map(|i| (i * i + 3) << (i % 30)).collect();
        for isa in Isa::available() {
            let (mut integers, mut numbers) = (Vec::new(), Vec::new());
            all(isa, &x, &mut integers, &mut numbers);
            let mut expected = Vec::new();
            for x in x.chunks(isa.lanes()) {
                expected.extend((0..x.len()).map(|lane| x[..=lane].iter().sum::<u64>()));
                expected.extend(x.iter().map(|_| x[x.len() - 1]));
            }
            // (The running sums come between.)
            let lanes = isa.lanes();
            let runs: Vec<u64> = (x.chunks(lanes))
                .flat_map(|x| {
                    let sums = (0..x.len()).map(|lane| x[..=lane].iter().sum::<u64>());
                    let total = x.iter().sum::<u64>();
                    sums.chain(std::iter::repeat_n(total, x.len())).collect::<Vec<_>>()
                })
                .collect();
            for (index, found) in integers.chunks(4 * lanes).enumerate() {
                let place = 2 * lanes * index..2 * lanes * (index + 1);
                assert_eq!(found[..2 * lanes], expected[place.clone()], "{isa:?}");
                assert_eq!(found[2 * lanes..], runs[place], "{isa:?}");
            }
            let expected: Vec<f64> = expected.into_iter().map(|x| x as f64).collect();
            assert_eq!(numbers, expected, "{isa:?}");
        }
    }

    #[inline(always)]
    fn wrapped_body<S: Simd, const W: usize>(simd: S) -> u64 {
        add_up_integers(simd, [u64::MAX; W])[W - 1]
    }

    vectorized! { fn wrapped[][]() -> u64 = wrapped_body{W} }

    #[test]
    fn integers_wrap_around() {
        for isa in Isa::available() {
            assert_eq!(wrapped(isa), (isa.lanes() as u64).wrapping_neg(), "{isa:?}");
        }
    }
}
