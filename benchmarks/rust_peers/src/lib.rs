//! What benchmarks/sums.py measures beside the package: the read limit and other crates' exact sums.

use std::slice::from_raw_parts;

/// Words in a stride of the loop: four registers of 64 bytes, so that none waits for another.
const STRIDE: usize = 32;

/// The bitwise or of words: the least that can be done with every word of memory.
///
/// Words are asked for `ahead` words before their turn. They are read from two places at once,
/// `apart` words apart; or from one, if that is 0.
///
/// # Safety
/// `count` words must be readable at `words`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn read_words(
    words: *const u64,
    count: usize,
    ahead: usize,
    apart: usize,
) -> u64 {
    // SAFETY: the caller's promise.
    let words = unsafe { from_raw_parts(words, count) };
    let mut lanes = [0; STRIDE];
    let mut add = |stride: &[u64]| {
        for line in (0..STRIDE).step_by(8) {
            prefetch(stride.as_ptr().wrapping_add(ahead + line));
            for lane in line..line + 8 {
                lanes[lane] |= stride[lane];
            }
        }
    };
    let mut rest = words;
    if apart > 0 {
        let pairs = words.chunks_exact(2 * apart);
        rest = pairs.remainder();
        for pair in pairs {
            let (near, far) = pair.split_at(apart);
            for (near, far) in near.chunks_exact(STRIDE).zip(far.chunks_exact(STRIDE)) {
                add(near);
                add(far);
            }
        }
    }
    let strides = rest.chunks_exact(STRIDE);
    rest = strides.remainder();
    strides.for_each(add);
    lanes.iter().chain(rest).fold(0, |all, word| all | word)
}

/// Asks for the cache line of an address, which may lie past the end.
#[inline(always)]
fn prefetch(at: *const u64) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch does not fault.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// The exact sum by the crate `xsum`.
///
/// # Safety
/// `count` numbers must be readable at `values`.
#[cfg(feature = "crates")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn xsum_sum(values: *const f64, count: usize) -> f64 {
    use xsum::{Xsum, XsumLarge, XsumSmall};

    // SAFETY: the caller's promise.
    let values = unsafe { from_raw_parts(values, count) };
    // The crate's own advice on when the large accumulator pays.
    if count > 1_000 {
        let mut total = XsumLarge::new();
        total.add_list(values);
        total.sum()
    } else {
        let mut total = XsumSmall::new();
        total.add_list(values);
        total.sum()
    }
}

/// The exact sum by the crate `accurate`.
///
/// # Safety
/// `count` numbers must be readable at `values`.
#[cfg(feature = "crates")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn accurate_sum(values: *const f64, count: usize) -> f64 {
    use accurate::sum::OnlineExactSum;
    use accurate::traits::SumWithAccumulator;

    // SAFETY: the caller's promise.
    let values = unsafe { from_raw_parts(values, count) };
    values.iter().copied().sum_with_accumulator::<OnlineExactSum<f64>>()
}
