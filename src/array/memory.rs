//! Memory access: prefetching, at the distances in `tuning`, and large pages.

#![allow(unsafe_code)] // Prefetches, and advice to the operating system.

/// Bytes.
pub(crate) const CACHE_LINE: usize = 64;

/// Bytes after which the hardware prefetcher has recognised a stream.
const FORESEEN: usize = 1 << 10;

/// With fewer chunks than this, aligning them does not pay.
const MANY: usize = 4;

/// Chunks of `length` numbers, with shorter ones at the ends. If there are many, all but the first
/// begin at a cache line.
///
/// (A vector that crosses a cache line takes two loads. NumPy's larger arrays all begin 16 bytes
/// after one.)
#[inline(always)]
pub(crate) fn chunks_at_lines<T>(mut values: &[T], length: usize) -> impl Iterator<Item = &[T]> {
    let mut next = length;
    if values.len() >= MANY * length {
        next -= values.as_ptr().addr() % CACHE_LINE / size_of::<T>();
    }
    std::iter::from_fn(move || {
        let chunk = values.split_off(..next.min(values.len()))?;
        next = length;
        (!chunk.is_empty()).then_some(chunk)
    })
}

/// The size in bytes from which splitting an array pays.
const LONG: usize = 4 << 10;

/// The part before the first cache line boundary, if the array is long, and the rest.
#[inline(always)]
pub(crate) fn split_at_line<T>(values: &[T]) -> (&[T], &[T]) {
    if size_of_val(values) < LONG {
        return (&[], values);
    }
    values.split_at(values.as_ptr().addr().wrapping_neg() % CACHE_LINE / size_of::<T>())
}

/// Prefetches a cache line; the address need not be valid.
#[inline(always)]
pub(crate) fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch does not fault, and SSE is part of x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Prefetches all cache lines of a range.
#[inline(always)]
pub(crate) fn prefetch_lines<T>(start: *const T, bytes: usize) {
    for line in (0..bytes).step_by(CACHE_LINE) {
        prefetch(start.wrapping_byte_add(line));
    }
}

/// Prefetches the beginning of a range; the hardware prefetcher does the rest.
#[inline(always)]
pub(crate) fn prefetch_all<T>(start: *const T, bytes: usize) {
    prefetch_lines(start, bytes.min(FORESEEN));
}

/// The size in bytes from which huge pages pay for a table: mapping small pages, and translating
/// random addresses, may take longer than using it. (NumPy does the same.)
#[cfg(target_os = "linux")]
const LARGE: usize = 4 << 20;

/// A table of pairs of zeros; a large one in huge pages, since small pages take longer to map than
/// to use.
pub(crate) fn zeros(count: usize) -> Vec<[i64; 2]> {
    let zeros = vec![[0; 2]; count];
    #[cfg(target_os = "linux")]
    if size_of_val(zeros.as_slice()) >= LARGE {
        const PAGE: usize = 1 << 12;
        let pages = zeros.as_ptr_range();
        let (start, end) =
            (pages.start.addr().next_multiple_of(PAGE), pages.end.addr() / PAGE * PAGE);
        // SAFETY: advice about memory that only the vector uses, and that keeps its contents. (A
        // refusal does no harm.)
        unsafe { libc::madvise(start as *mut _, end - start, libc::MADV_HUGEPAGE) };
    }
    zeros
}
