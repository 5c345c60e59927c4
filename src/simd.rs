//! Vectors of binary64 numbers, for kernels that must not depend on automatic vectorisation.
//!
//! A *token* proves that the processor has an instruction set, so its holder may use the
//! instructions. Bodies of kernels are generic over [`Simd`]; `vectorized!` (in `cpu`) compiles
//! them for each token. [`Portable`] needs no instruction set, so tests can run every body at any
//! width.

#![allow(unsafe_code)] // Intrinsics, and loads from addresses that the caller vouches for.

use std::cell::Cell;
use std::hint::black_box;

use crate::cpu::Level;

/// The most lanes of any vector.
pub(crate) const WIDEST: usize = 8;

/// The operations of an instruction set on vectors of [`Simd::W`] binary64 numbers.
///
/// Arithmetic is IEEE 754's, lane by lane. Masks have all bits of a lane set, or none.
pub(crate) trait Simd: Copy + 'static {
    /// The instruction set that a token proves.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    const LEVEL: Level;
    /// Lanes of a vector.
    const W: usize;
    /// Whether [`Simd::multiply_add`] and [`Simd::multiply_subtract`] round once. Kernels that need
    /// that must not call them otherwise.
    const FMA: bool;
    /// The number of vectors, 3 or 4, that are added to two levels in parallel, which hides
    /// latencies and keeps all sums in registers.
    const STREAMS: usize;
    /// Whether [`Simd::larger_head`] and [`Simd::smaller_head`] are single instructions.
    const MEASURES: bool;
    /// A vector.
    type V: Copy;

    /// All lanes the same.
    fn splat(self, x: f64) -> Self::V;
    /// Loads `W` numbers from any address.
    ///
    /// # Safety
    /// They must be readable.
    unsafe fn load(self, at: *const f64) -> Self::V;
    /// Loads `W` binary32 numbers from any address, widened.
    ///
    /// # Safety
    /// They must be readable.
    unsafe fn load_f32(self, at: *const f32) -> Self::V;
    /// A mask of the lanes whose bytes are not 0.
    ///
    /// # Safety
    /// `W` bytes must be readable.
    unsafe fn load_mask(self, at: *const u8) -> Self::V;
    /// Stores `W` numbers at any address.
    ///
    /// # Safety
    /// They must be writable.
    unsafe fn store(self, x: Self::V, at: *mut f64);
    /// Stores `W` numbers at any address, rounded to binary32.
    ///
    /// # Safety
    /// They must be writable.
    unsafe fn store_f32(self, x: Self::V, at: *mut f32);
    /// The nearest binary32 numbers.
    fn nearest_f32(self, a: Self::V) -> Self::V;
    /// `a + b`.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`.
    fn subtract(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`.
    fn multiply(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`.
    fn multiply_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a * b - c`.
    fn multiply_subtract(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The bits that both have.
    fn and(self, a: Self::V, b: Self::V) -> Self::V;
    /// The bits that either has.
    fn or(self, a: Self::V, b: Self::V) -> Self::V;
    /// The bits that one of them has.
    fn xor(self, a: Self::V, b: Self::V) -> Self::V;
    /// The difference of the bits read as integers, modulo 2^64.
    fn subtract_bits(self, a: Self::V, b: Self::V) -> Self::V;
    /// The sum of the bits read as integers, modulo 2^64.
    fn add_bits(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a` if it is smaller, else `b`; so `b` if `a` is NaN.
    fn smaller(self, a: Self::V, b: Self::V) -> Self::V;
    /// Of magnitudes, the larger upper 32 bits; the lower ones may be any.
    fn larger_head(self, a: Self::V, b: Self::V) -> Self::V;
    /// The smaller ones, as [`Simd::larger_head`].
    fn smaller_head(self, a: Self::V, b: Self::V) -> Self::V;
    /// A mask of the lanes that are not NaN.
    fn ordered(self, a: Self::V) -> Self::V;
    /// A mask of the lanes where the numbers are equal.
    fn equal(self, a: Self::V, b: Self::V) -> Self::V;
    /// A mask of the lanes where `a` is less than `b`.
    fn less(self, a: Self::V, b: Self::V) -> Self::V;
    /// `c - a * b`, rounded as [`Simd::multiply_add`] is.
    fn subtract_product(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a / b`.
    fn divide(self, a: Self::V, b: Self::V) -> Self::V;
    /// The square roots.
    fn square_root(self, a: Self::V) -> Self::V;
    /// `a` in the lanes of a mask, `b` in the others.
    fn select(self, mask: Self::V, a: Self::V, b: Self::V) -> Self::V;
    /// Whether all lanes of a mask are set.
    fn all(self, mask: Self::V) -> bool;
    /// The first `W` vectors, transposed: lane `i` of vector `j` is lane `j` of vector `i`.
    fn turn(self, square: [Self::V; WIDEST]) -> [Self::V; WIDEST];

    /// The vector at a position of a slice.
    ///
    /// # Panics
    /// If it extends beyond the slice.
    #[inline(always)]
    fn read(self, from: &[f64], at: usize) -> Self::V {
        let numbers = &from[at..at + Self::W];
        // SAFETY: there are `W` numbers.
        unsafe { self.load(numbers.as_ptr()) }
    }
    /// Writes a vector at a position of a slice.
    ///
    /// # Panics
    /// If it extends beyond the slice.
    #[inline(always)]
    fn write(self, x: Self::V, to: &mut [f64], at: usize) {
        let numbers = &mut to[at..at + Self::W];
        // SAFETY: there is room for `W` numbers.
        unsafe { self.store(x, numbers.as_mut_ptr()) };
    }
    /// As [`Simd::write`], to a slice that may share its numbers with others.
    #[inline(always)]
    fn write_shared(self, x: Self::V, to: &[Cell<f64>], at: usize) {
        let numbers = &to[at..at + Self::W];
        // SAFETY: there is room for `W` numbers, which cells allow to be written.
        unsafe { self.store(x, numbers.as_ptr().cast::<f64>().cast_mut()) };
    }
    /// As [`Simd::read`], of bits.
    #[inline(always)]
    fn read_bits(self, from: &[u64], at: usize) -> Self::V {
        let bits = &from[at..at + Self::W];
        // SAFETY: there are `W` numbers of 64 bits, and all bits are a number.
        unsafe { self.load(bits.as_ptr().cast()) }
    }
    /// As [`Simd::write`], the bits.
    #[inline(always)]
    fn write_bits(self, x: Self::V, to: &mut [u64], at: usize) {
        let bits = &mut to[at..at + Self::W];
        // SAFETY: there is room for `W` numbers of 64 bits, which may be any.
        unsafe { self.store(x, bits.as_mut_ptr().cast()) };
    }

    /// As [`Simd::read`], the bits of integers.
    #[inline(always)]
    fn read_integers(self, from: &[i64], at: usize) -> Self::V {
        let integers = &from[at..at + Self::W];
        // SAFETY: there are `W` integers of 64 bits, and all bits are a number.
        unsafe { self.load(integers.as_ptr().cast()) }
    }
    /// As [`Simd::write`], the bits of integers.
    #[inline(always)]
    fn write_integers(self, x: Self::V, to: &mut [i64], at: usize) {
        let integers = &mut to[at..at + Self::W];
        // SAFETY: there is room for `W` integers of 64 bits, which may be any.
        unsafe { self.store(x, integers.as_mut_ptr().cast()) };
    }
    /// As [`Simd::write`], rounded to binary32.
    #[inline(always)]
    fn write_f32(self, x: Self::V, to: &mut [f32], at: usize) {
        let numbers = &mut to[at..at + Self::W];
        // SAFETY: there is room for `W` numbers.
        unsafe { self.store_f32(x, numbers.as_mut_ptr()) };
    }
    /// As [`Simd::read`], of binary32 numbers, widened.
    #[inline(always)]
    fn read_f32(self, from: &[f32], at: usize) -> Self::V {
        let numbers = &from[at..at + Self::W];
        // SAFETY: there are `W` numbers.
        unsafe { self.load_f32(numbers.as_ptr()) }
    }
    /// As [`Simd::read`], a mask of the lanes whose bytes are not 0.
    #[inline(always)]
    fn read_mask(self, from: &[u8], at: usize) -> Self::V {
        let bytes = &from[at..at + Self::W];
        // SAFETY: there are `W` bytes.
        unsafe { self.load_mask(bytes.as_ptr()) }
    }
    /// As [`Simd::read`], twice as many binary32 numbers.
    #[inline(always)]
    fn read_singles(self, from: &[f32], at: usize) -> Self::Singles {
        let numbers = &from[at..at + 2 * Self::W];
        // SAFETY: there are `2 * W` numbers.
        unsafe { self.load_singles(numbers.as_ptr()) }
    }

    /// Twice as many binary32 numbers.
    type Singles: Copy;
    /// All lanes the same.
    fn splat_singles(self, x: f32) -> Self::Singles;
    /// Loads `2 * W` numbers from any address.
    ///
    /// # Safety
    /// They must be readable.
    unsafe fn load_singles(self, at: *const f32) -> Self::Singles;
    /// Stores `2 * W` numbers at any address.
    ///
    /// # Safety
    /// They must be writable.
    unsafe fn store_singles(self, x: Self::Singles, at: *mut f32);
    /// The numbers without their signs.
    fn magnitudes(self, a: Self::Singles) -> Self::Singles;
    /// The next smaller numbers; NaN for zeros. For magnitudes.
    fn predecessors(self, a: Self::Singles) -> Self::Singles;
    /// The larger ones, for magnitudes; a NaN is ignored or the result.
    fn larger_singles(self, a: Self::Singles, b: Self::Singles) -> Self::Singles;
    /// The smaller ones, for magnitudes and [`Simd::predecessors`]; a NaN is ignored if it is `a`.
    fn smaller_singles(self, a: Self::Singles, b: Self::Singles) -> Self::Singles;

    /// The result of an operation on all lanes, one after the other.
    #[inline(always)]
    fn fold_singles(self, a: Self::Singles, operation: impl Fn(f32, f32) -> f32) -> f32 {
        let mut lanes = [0f32; 2 * WIDEST];
        // SAFETY: there is room for twice `WIDEST` numbers, and no vector has more.
        unsafe { self.store_singles(a, lanes.as_mut_ptr()) };
        lanes[1..2 * Self::W].iter().fold(lanes[0], |all, &lane| operation(all, lane))
    }

    /// A vector of these bits; those beyond its lanes are ignored.
    #[inline(always)]
    fn of_bits(self, bits: &[u64; WIDEST]) -> Self::V {
        // SAFETY: no vector has more lanes.
        unsafe { self.load(bits.as_ptr().cast()) }
    }

    /// The bits of the lanes, and zeros.
    #[inline(always)]
    fn lanes(self, a: Self::V) -> [u64; WIDEST] {
        let mut lanes = [0u64; WIDEST];
        // SAFETY: there is room for `WIDEST` numbers, and no vector has more.
        unsafe { self.store(a, lanes.as_mut_ptr().cast()) };
        lanes
    }

    /// 1.0, hidden from the compiler, for [`Simd::minus`].
    #[inline(always)]
    fn hidden_one(self) -> Self::V {
        if Self::FMA { black_box(self.splat(1.0)) } else { self.splat(1.0) }
    }

    /// `a - b`, by a fused multiply-add if there is one: many processors have separate units for
    /// these, so that half of the operations run on each.
    #[inline(always)]
    fn minus(self, hidden_one: Self::V, a: Self::V, b: Self::V) -> Self::V {
        if Self::FMA { self.multiply_subtract(a, hidden_one, b) } else { self.subtract(a, b) }
    }

    /// The bits that any lane has.
    #[inline(always)]
    fn any(self, a: Self::V) -> u64 {
        self.lanes(a).into_iter().fold(0, |any, lane| any | lane)
    }

    /// The sum of the lanes' bits read as integers, modulo 2^64.
    #[inline(always)]
    fn total_bits(self, a: Self::V) -> u64 {
        self.lanes(a).into_iter().fold(0, u64::wrapping_add)
    }
}

/// Arrays of `W` numbers, vectorised by the compiler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable<const W: usize>;

impl<const W: usize> Portable<W> {
    #[inline(always)]
    fn each(a: [f64; W], b: [f64; W], operation: impl Fn(f64, f64) -> f64) -> [f64; W] {
        std::array::from_fn(|lane| operation(a[lane], b[lane]))
    }

    #[inline(always)]
    fn bits(a: [f64; W], b: [f64; W], operation: impl Fn(u64, u64) -> u64) -> [f64; W] {
        Self::each(a, b, |a, b| f64::from_bits(operation(a.to_bits(), b.to_bits())))
    }
}

#[inline(always)]
fn mask(is_set: bool) -> f64 {
    f64::from_bits(if is_set { u64::MAX } else { 0 })
}

impl<const W: usize> Simd for Portable<W> {
    const LEVEL: Level = Level::Baseline;
    const W: usize = W;
    const FMA: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));
    const STREAMS: usize = if W == 4 { 3 } else { 4 };
    const MEASURES: bool = false;
    type V = [f64; W];

    #[inline(always)]
    fn splat(self, x: f64) -> [f64; W] {
        [x; W]
    }
    #[inline(always)]
    unsafe fn load(self, at: *const f64) -> [f64; W] {
        // SAFETY: the caller's promise.
        unsafe { at.cast::<[f64; W]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn load_f32(self, at: *const f32) -> [f64; W] {
        // SAFETY: the caller's promise.
        unsafe { at.cast::<[f32; W]>().read_unaligned() }.map(f64::from)
    }
    #[inline(always)]
    unsafe fn load_mask(self, at: *const u8) -> [f64; W] {
        // SAFETY: the caller's promise.
        unsafe { at.cast::<[u8; W]>().read_unaligned() }.map(|byte| mask(byte != 0))
    }
    #[inline(always)]
    unsafe fn store(self, x: [f64; W], at: *mut f64) {
        // SAFETY: the caller's promise.
        unsafe { at.cast::<[f64; W]>().write_unaligned(x) }
    }
    #[inline(always)]
    unsafe fn store_f32(self, x: [f64; W], at: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { at.cast::<[f32; W]>().write_unaligned(x.map(|x| x as f32)) }
    }
    #[inline(always)]
    fn nearest_f32(self, a: [f64; W]) -> [f64; W] {
        a.map(|a| (a as f32).into())
    }
    #[inline(always)]
    fn add(self, a: [f64; W], b: [f64; W]) -> [f64; W] {
        Self::each(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn subtract(self, a: [f64; W], b: [f64; W]) -> [f64; W] {
        Self::each(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn multiply(self, a: [f64; W], b: [f64; W]) -> [f64; W] {
        Self::each(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn multiply_add(self, a: [f64; W], b: [f64; W], c: [f64; W]) -> [f64; W] {
        std::array::from_fn(|lane| {
            // Elsewhere `mul_add` would be a library call.
            if Self::FMA { a[lane].mul_add(b[lane], c[lane]) } else { a[lane] * b[lane] + c[lane] }
        })
    }
    #[inline(always)]
    fn multiply_subtract(self, a: [f64; W], b: [f64; W], c: [f64; W]) -> [f64; W] {
        self.multiply_add(a, b, c.map(|c| -c))
    }
    #[inline(always)]
    fn and(self, a: [f64; W], b: [f64; W]) -> [f64; W] {
        Self::bits(a, b, |a, b| a & b)
    }
    #[inline(always)]
    fn or(self, a: [f64; W], b: [f64; W]) -> [f64; W] {
        Self::bits(a, b, |a, b| a | b)
    }
    #[inline(always)]
    fn xor(self, a: [f64; W], b: [f64; W]) -> [f64; W] {
        Self::bits(a, b, |a, b| a ^ b)
    }
    #[inline(always)]
    fn subtract_bits(self, a: [f64; W], b: [f64; W]) -> [f64; W] {
        Self::bits(a, b, u64::wrapping_sub)
    }
    #[inline(always)]
    fn add_bits(self, a: [f64; W], b: [f64; W]) -> [f64; W] {
        Self::bits(a, b, u64::wrapping_add)
    }
    #[inline(always)]
    fn smaller(self, a: [f64; W], b: [f64; W]) -> [f64; W] {
        Self::each(a, b, |a, b| if a < b { a } else { b })
    }
    /// (NEON's multiply-adds run on the units for additions, and take a negation.)
    #[inline(always)]
    fn minus(self, _: [f64; W], a: [f64; W], b: [f64; W]) -> [f64; W] {
        self.subtract(a, b)
    }
    #[inline(always)]
    fn larger_head(self, a: [f64; W], b: [f64; W]) -> [f64; W] {
        Self::bits(a, b, u64::max)
    }
    #[inline(always)]
    fn smaller_head(self, a: [f64; W], b: [f64; W]) -> [f64; W] {
        Self::bits(a, b, u64::min)
    }
    #[inline(always)]
    fn ordered(self, a: [f64; W]) -> [f64; W] {
        a.map(|a| mask(!a.is_nan()))
    }
    #[inline(always)]
    fn equal(self, a: [f64; W], b: [f64; W]) -> [f64; W] {
        Self::each(a, b, |a, b| mask(a == b))
    }
    #[inline(always)]
    fn less(self, a: [f64; W], b: [f64; W]) -> [f64; W] {
        Self::each(a, b, |a, b| mask(a < b))
    }
    #[inline(always)]
    fn subtract_product(self, a: [f64; W], b: [f64; W], c: [f64; W]) -> [f64; W] {
        self.multiply_add(a.map(|a| -a), b, c)
    }
    #[inline(always)]
    fn divide(self, a: [f64; W], b: [f64; W]) -> [f64; W] {
        Self::each(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn square_root(self, a: [f64; W]) -> [f64; W] {
        a.map(f64::sqrt)
    }
    #[inline(always)]
    fn select(self, mask: [f64; W], a: [f64; W], b: [f64; W]) -> [f64; W] {
        let kept = Self::bits(mask, a, |mask, a| mask & a);
        Self::bits(kept, Self::bits(mask, b, |mask, b| !mask & b), |a, b| a | b)
    }
    #[inline(always)]
    fn all(self, mask: [f64; W]) -> bool {
        mask.iter().all(|lane| lane.to_bits() != 0)
    }
    #[inline(always)]
    fn turn(self, square: [[f64; W]; WIDEST]) -> [[f64; W]; WIDEST] {
        let mut turned = square;
        for (lane, row) in square.iter().take(W).enumerate() {
            for (index, &x) in row.iter().enumerate() {
                turned[index][lane] = x;
            }
        }
        turned
    }

    type Singles = [[f32; W]; 2];

    #[inline(always)]
    fn splat_singles(self, x: f32) -> [[f32; W]; 2] {
        [[x; W]; 2]
    }
    #[inline(always)]
    unsafe fn load_singles(self, at: *const f32) -> [[f32; W]; 2] {
        // SAFETY: the caller's promise.
        unsafe { at.cast::<[[f32; W]; 2]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store_singles(self, x: [[f32; W]; 2], at: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { at.cast::<[[f32; W]; 2]>().write_unaligned(x) }
    }
    #[inline(always)]
    fn magnitudes(self, a: [[f32; W]; 2]) -> [[f32; W]; 2] {
        a.map(|a| a.map(f32::abs))
    }
    #[inline(always)]
    fn predecessors(self, a: [[f32; W]; 2]) -> [[f32; W]; 2] {
        a.map(|a| a.map(|a| f32::from_bits(a.to_bits().wrapping_sub(1))))
    }
    #[inline(always)]
    fn larger_singles(self, a: [[f32; W]; 2], b: [[f32; W]; 2]) -> [[f32; W]; 2] {
        let larger = |a: f32, b: f32| if a > b { a } else { b };
        std::array::from_fn(|half| std::array::from_fn(|lane| larger(a[half][lane], b[half][lane])))
    }
    #[inline(always)]
    fn smaller_singles(self, a: [[f32; W]; 2], b: [[f32; W]; 2]) -> [[f32; W]; 2] {
        let smaller = |a: f32, b: f32| if a < b { a } else { b };
        std::array::from_fn(|half| {
            std::array::from_fn(|lane| smaller(a[half][lane], b[half][lane]))
        })
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Simd, WIDEST};
    use crate::cpu::Level;

    /// AVX2 and FMA, and the other extensions of `Isa::Avx2`.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Avx2(());
    /// AVX-512 F, BW, CD, DQ and VL, with all of [`Avx2`].
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Avx512(());

    impl Avx2 {
        /// # Safety
        /// The processor must have the instruction set.
        #[inline(always)]
        pub(crate) unsafe fn new() -> Avx2 {
            Avx2(())
        }
    }

    impl Avx512 {
        /// # Safety
        /// The processor must have the instruction set.
        #[inline(always)]
        pub(crate) unsafe fn new() -> Avx512 {
            Avx512(())
        }
    }

    /// Operations that are a single intrinsic.
    macro_rules! operations {
        ($vector:ty: $($name:ident($($operand:ident),*) = $intrinsic:expr;)*) => {$(
            #[inline(always)]
            fn $name(self, $($operand: $vector),*) -> $vector {
                // SAFETY: the token says that the processor has the instruction.
                unsafe { $intrinsic }
            }
        )*};
    }

    impl Simd for Avx2 {
        const LEVEL: Level = Level::Avx2;
        const W: usize = 4;
        const FMA: bool = true;
        const STREAMS: usize = 3;
        const MEASURES: bool = true;
        type V = __m256d;

        #[inline(always)]
        fn splat(self, x: f64) -> __m256d {
            // SAFETY: the token says that the processor has the instruction.
            unsafe { _mm256_set1_pd(x) }
        }
        #[inline(always)]
        unsafe fn load(self, at: *const f64) -> __m256d {
            // SAFETY: as above, and the caller's promise.
            unsafe { _mm256_loadu_pd(at) }
        }
        #[inline(always)]
        unsafe fn load_f32(self, at: *const f32) -> __m256d {
            // SAFETY: as above.
            unsafe { _mm256_cvtps_pd(_mm_loadu_ps(at)) }
        }
        #[inline(always)]
        unsafe fn load_mask(self, at: *const u8) -> __m256d {
            // SAFETY: as above.
            unsafe {
                let bytes = _mm_cvtsi32_si128(at.cast::<i32>().read_unaligned());
                let zero = _mm256_cmpeq_epi64(_mm256_cvtepu8_epi64(bytes), _mm256_setzero_si256());
                _mm256_castsi256_pd(_mm256_xor_si256(zero, _mm256_set1_epi64x(-1)))
            }
        }
        #[inline(always)]
        unsafe fn store(self, x: __m256d, at: *mut f64) {
            // SAFETY: as above.
            unsafe { _mm256_storeu_pd(at, x) }
        }
        #[inline(always)]
        unsafe fn store_f32(self, x: __m256d, at: *mut f32) {
            // SAFETY: as above.
            unsafe { _mm_storeu_ps(at, _mm256_cvtpd_ps(x)) }
        }
        operations! {
            __m256d:
            nearest_f32(a) = _mm256_cvtps_pd(_mm256_cvtpd_ps(a));
            add(a, b) = _mm256_add_pd(a, b);
            subtract(a, b) = _mm256_sub_pd(a, b);
            multiply(a, b) = _mm256_mul_pd(a, b);
            multiply_add(a, b, c) = _mm256_fmadd_pd(a, b, c);
            multiply_subtract(a, b, c) = _mm256_fmsub_pd(a, b, c);
            and(a, b) = _mm256_and_pd(a, b);
            or(a, b) = _mm256_or_pd(a, b);
            xor(a, b) = _mm256_xor_pd(a, b);
            subtract_bits(a, b) =
                _mm256_castsi256_pd(_mm256_sub_epi64(_mm256_castpd_si256(a), _mm256_castpd_si256(b)));
            add_bits(a, b) =
                _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(a), _mm256_castpd_si256(b)));
            smaller(a, b) = _mm256_min_pd(a, b);
            larger_head(a, b) = _mm256_castsi256_pd(_mm256_max_epu32(_mm256_castpd_si256(a), _mm256_castpd_si256(b)));
            smaller_head(a, b) = _mm256_castsi256_pd(_mm256_min_epu32(_mm256_castpd_si256(a), _mm256_castpd_si256(b)));
            ordered(a) = _mm256_cmp_pd::<_CMP_ORD_Q>(a, a);
            equal(a, b) = _mm256_cmp_pd::<_CMP_EQ_OQ>(a, b);
            less(a, b) = _mm256_cmp_pd::<_CMP_LT_OQ>(a, b);
            subtract_product(a, b, c) = _mm256_fnmadd_pd(a, b, c);
            divide(a, b) = _mm256_div_pd(a, b);
            square_root(a) = _mm256_sqrt_pd(a);
            select(mask, a, b) = _mm256_blendv_pd(b, a, mask);
        }
        #[inline(always)]
        fn all(self, mask: __m256d) -> bool {
            // SAFETY: the token says that the processor has the instruction.
            unsafe { _mm256_movemask_pd(mask) == 0xf }
        }
        #[inline(always)]
        fn turn(self, square: [__m256d; WIDEST]) -> [__m256d; WIDEST] {
            let [a, b, c, d, ..] = square;
            let mut turned = square;
            // SAFETY: the token says that the processor has the instructions.
            unsafe {
                let (e, f) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
                let (g, h) = (_mm256_unpacklo_pd(c, d), _mm256_unpackhi_pd(c, d));
                turned[0] = _mm256_permute2f128_pd::<0x20>(e, g);
                turned[1] = _mm256_permute2f128_pd::<0x20>(f, h);
                turned[2] = _mm256_permute2f128_pd::<0x31>(e, g);
                turned[3] = _mm256_permute2f128_pd::<0x31>(f, h);
            }
            turned
        }

        type Singles = __m256;

        #[inline(always)]
        fn splat_singles(self, x: f32) -> __m256 {
            // SAFETY: the token says that the processor has the instruction.
            unsafe { _mm256_set1_ps(x) }
        }
        #[inline(always)]
        unsafe fn load_singles(self, at: *const f32) -> __m256 {
            // SAFETY: as above, and the caller's promise.
            unsafe { _mm256_loadu_ps(at) }
        }
        #[inline(always)]
        unsafe fn store_singles(self, x: __m256, at: *mut f32) {
            // SAFETY: as above.
            unsafe { _mm256_storeu_ps(at, x) }
        }
        operations! {
            __m256:
            magnitudes(a) = _mm256_and_ps(a, _mm256_set1_ps(f32::from_bits(u32::MAX >> 1)));
            predecessors(a) = _mm256_castsi256_ps(
                _mm256_add_epi32(_mm256_castps_si256(a), _mm256_set1_epi32(-1))
            );
            // (As integers: the units that compare numbers are those that add them.)
            larger_singles(a, b) = _mm256_castsi256_ps(_mm256_max_epu32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
            smaller_singles(a, b) = _mm256_castsi256_ps(_mm256_min_epu32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
        }
    }

    impl Simd for Avx512 {
        const LEVEL: Level = Level::Avx512;
        const W: usize = 8;
        const FMA: bool = true;
        const STREAMS: usize = 4;
        const MEASURES: bool = true;
        type V = __m512d;

        #[inline(always)]
        fn splat(self, x: f64) -> __m512d {
            // SAFETY: the token says that the processor has the instruction.
            unsafe { _mm512_set1_pd(x) }
        }
        #[inline(always)]
        unsafe fn load(self, at: *const f64) -> __m512d {
            // SAFETY: as above, and the caller's promise.
            unsafe { _mm512_loadu_pd(at) }
        }
        #[inline(always)]
        unsafe fn load_f32(self, at: *const f32) -> __m512d {
            // SAFETY: as above.
            unsafe { _mm512_cvtps_pd(_mm256_loadu_ps(at)) }
        }
        #[inline(always)]
        unsafe fn load_mask(self, at: *const u8) -> __m512d {
            // SAFETY: as above.
            unsafe {
                let bytes = _mm_loadl_epi64(at.cast());
                let set = _mm_test_epi8_mask(bytes, bytes);
                _mm512_castsi512_pd(_mm512_movm_epi64(set as u8))
            }
        }
        #[inline(always)]
        unsafe fn store(self, x: __m512d, at: *mut f64) {
            // SAFETY: as above.
            unsafe { _mm512_storeu_pd(at, x) }
        }
        #[inline(always)]
        unsafe fn store_f32(self, x: __m512d, at: *mut f32) {
            // SAFETY: as above.
            unsafe { _mm256_storeu_ps(at, _mm512_cvtpd_ps(x)) }
        }
        operations! {
            __m512d:
            nearest_f32(a) = _mm512_cvtps_pd(_mm512_cvtpd_ps(a));
            add(a, b) = _mm512_add_pd(a, b);
            subtract(a, b) = _mm512_sub_pd(a, b);
            multiply(a, b) = _mm512_mul_pd(a, b);
            multiply_add(a, b, c) = _mm512_fmadd_pd(a, b, c);
            multiply_subtract(a, b, c) = _mm512_fmsub_pd(a, b, c);
            and(a, b) = _mm512_and_pd(a, b);
            or(a, b) = _mm512_or_pd(a, b);
            xor(a, b) = _mm512_xor_pd(a, b);
            subtract_bits(a, b) =
                _mm512_castsi512_pd(_mm512_sub_epi64(_mm512_castpd_si512(a), _mm512_castpd_si512(b)));
            add_bits(a, b) =
                _mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(a), _mm512_castpd_si512(b)));
            smaller(a, b) = _mm512_min_pd(a, b);
            larger_head(a, b) = _mm512_castsi512_pd(_mm512_max_epu64(_mm512_castpd_si512(a), _mm512_castpd_si512(b)));
            smaller_head(a, b) = _mm512_castsi512_pd(_mm512_min_epu64(_mm512_castpd_si512(a), _mm512_castpd_si512(b)));
            ordered(a) =
                _mm512_castsi512_pd(_mm512_movm_epi64(_mm512_cmp_pd_mask::<_CMP_ORD_Q>(a, a)));
            equal(a, b) =
                _mm512_castsi512_pd(_mm512_movm_epi64(_mm512_cmp_pd_mask::<_CMP_EQ_OQ>(a, b)));
            less(a, b) =
                _mm512_castsi512_pd(_mm512_movm_epi64(_mm512_cmp_pd_mask::<_CMP_LT_OQ>(a, b)));
            subtract_product(a, b, c) = _mm512_fnmadd_pd(a, b, c);
            divide(a, b) = _mm512_div_pd(a, b);
            square_root(a) = _mm512_sqrt_pd(a);
            select(mask, a, b) =
                _mm512_mask_blend_pd(_mm512_movepi64_mask(_mm512_castpd_si512(mask)), b, a);
        }
        #[inline(always)]
        fn all(self, mask: __m512d) -> bool {
            // SAFETY: the token says that the processor has the instruction.
            unsafe { _mm512_movepi64_mask(_mm512_castpd_si512(mask)) == 0xff }
        }
        #[inline(always)]
        fn turn(self, square: [__m512d; WIDEST]) -> [__m512d; WIDEST] {
            // SAFETY: the token says that the processor has the instructions.
            unsafe {
                // Pairs of rows, then pairs of quarters, twice.
                let mut pairs = square;
                for pair in 0..4 {
                    let (a, b) = (square[2 * pair], square[2 * pair + 1]);
                    pairs[2 * pair] = _mm512_unpacklo_pd(a, b);
                    pairs[2 * pair + 1] = _mm512_unpackhi_pd(a, b);
                }
                let mut turned = square;
                for odd in 0..2 {
                    let [a, b, c, d] = [0, 2, 4, 6].map(|row| pairs[row + odd]);
                    // Quarters 0 and 2, and 1 and 3, of two pairs of rows each.
                    let (e, f) =
                        (_mm512_shuffle_f64x2::<0x88>(a, b), _mm512_shuffle_f64x2::<0xdd>(a, b));
                    let (g, h) =
                        (_mm512_shuffle_f64x2::<0x88>(c, d), _mm512_shuffle_f64x2::<0xdd>(c, d));
                    turned[odd] = _mm512_shuffle_f64x2::<0x88>(e, g);
                    turned[2 + odd] = _mm512_shuffle_f64x2::<0x88>(f, h);
                    turned[4 + odd] = _mm512_shuffle_f64x2::<0xdd>(e, g);
                    turned[6 + odd] = _mm512_shuffle_f64x2::<0xdd>(f, h);
                }
                turned
            }
        }

        type Singles = __m512;

        #[inline(always)]
        fn splat_singles(self, x: f32) -> __m512 {
            // SAFETY: the token says that the processor has the instruction.
            unsafe { _mm512_set1_ps(x) }
        }
        #[inline(always)]
        unsafe fn load_singles(self, at: *const f32) -> __m512 {
            // SAFETY: as above, and the caller's promise.
            unsafe { _mm512_loadu_ps(at) }
        }
        #[inline(always)]
        unsafe fn store_singles(self, x: __m512, at: *mut f32) {
            // SAFETY: as above.
            unsafe { _mm512_storeu_ps(at, x) }
        }
        operations! {
            __m512:
            magnitudes(a) = _mm512_and_ps(a, _mm512_set1_ps(f32::from_bits(u32::MAX >> 1)));
            predecessors(a) = _mm512_castsi512_ps(
                _mm512_add_epi32(_mm512_castps_si512(a), _mm512_set1_epi32(-1))
            );
            // (As integers: the units that compare numbers are those that add them.)
            larger_singles(a, b) = _mm512_castsi512_ps(_mm512_max_epu32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
            smaller_singles(a, b) = _mm512_castsi512_ps(_mm512_min_epu32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
        }
    }
}
