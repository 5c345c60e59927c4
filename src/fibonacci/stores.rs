//! Whether results are worth keeping in the caches.

/// Where results go.
///
/// ```
/// use mypackage::fibonacci::small::Stores;
///
/// assert_eq!([10, 10_000_000].map(Stores::of), [Stores::Cached, Stores::Streamed]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stores {
    /// Into the caches, as usual.
    Cached,
    /// Past the caches into memory, which need not be read first; for results that the caches
    /// could not keep.
    Streamed,
}

impl Stores {
    /// For this many results that lie side by side.
    ///
    /// ```
    /// assert_eq!(mypackage::fibonacci::small::Stores::of(1000), mypackage::fibonacci::small::Stores::Cached);
    /// ```
    pub fn of(count: usize) -> Stores {
        /// 16 MiB; with as much input, about a last-level cache.
        const STREAMED_FROM: usize = 1 << 21;
        if count >= STREAMED_FROM { Stores::Streamed } else { Stores::Cached }
    }
}
