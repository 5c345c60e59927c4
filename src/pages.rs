//! Memory of large tables, in large pages: their small ones take longer to map than to use.

#![allow(unsafe_code)] // Advice to the operating system.

/// From this size on, in bytes, a table is worth huge pages: to map it page by page, and to look up
/// each page at random, may take longer than what is done with it. (NumPy's arrays are alike.)
#[cfg(target_os = "linux")]
const LARGE: usize = 4 << 20;

/// So many pairs of zeros.
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
