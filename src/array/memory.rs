//! How memory is asked for: before its turn, by the distances of `tuning`, and in large pages.

#![allow(unsafe_code)] // Prefetches, and advice to the operating system.

/// Bytes.
pub(crate) const CACHE_LINE: usize = 64;

/// Bytes after which the processor has recognised a run of memory.
const FORESEEN: usize = 1 << 10;

/// Fewer chunks than this are not worth a shorter first one.
const MANY: usize = 4;

/// Chunks of `length` numbers and shorter ones at the ends. If there are many, all but the first
/// begin at a cache line.
///
/// (A vector that reaches into a second line is loaded twice. NumPy's larger arrays all begin 16
/// bytes after a line.)
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

/// Bytes from which on an array is worth splitting.
const LONG: usize = 4 << 10;

/// What lies before the first cache line, if the array is long, and the rest.
#[inline(always)]
pub(crate) fn split_at_line<T>(values: &[T]) -> (&[T], &[T]) {
    if size_of_val(values) < LONG {
        return (&[], values);
    }
    values.split_at(values.as_ptr().addr().wrapping_neg() % CACHE_LINE / size_of::<T>())
}

/// Asks for a cache line ahead of its use; any address will do.
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

/// Asks for all cache lines of so many bytes.
#[inline(always)]
pub(crate) fn prefetch_lines<T>(start: *const T, bytes: usize) {
    for line in (0..bytes).step_by(CACHE_LINE) {
        prefetch(start.wrapping_byte_add(line));
    }
}

/// Asks for the beginning of what the processor can't foresee; the rest it can.
#[inline(always)]
pub(crate) fn prefetch_all<T>(start: *const T, bytes: usize) {
    prefetch_lines(start, bytes.min(FORESEEN));
}

/// From this size on, in bytes, a table is worth huge pages: to map it page by page, and to look up
/// each page at random, may take longer than what is done with it. (NumPy's arrays are alike.)
#[cfg(target_os = "linux")]
const LARGE: usize = 4 << 20;

/// So many pairs of zeros; a large table is in large pages, since small ones take longer to map than to
/// use.
pub(crate) fn zeros(count: usize) -> Vec<[i64; 2]> {
    let zeros = vec![[0; 2]; count];
    #[cfg(target_os = "linux")]
    if size_of_val(zeros.as_slice()) >= LARGE {
        const PAGE: usize = 1 << 12;
        let pages = zeros.as_ptr_range();
        let (start, end) =
            (pages.start.addr().next_multiple_of(PAGE), pages.end.addr() / PAGE * PAGE);
        // SAFETY: advice on memory that is the vector's alone, which keeps what it holds. (Where it
        // is refused, it is not needed.)
        unsafe { libc::madvise(start as *mut _, end - start, libc::MADV_HUGEPAGE) };
    }
    zeros
}
