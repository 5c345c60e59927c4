//! What depends on the processor's maker. All of it was measured: the processors of one maker are alike,
//! those of two are not.

use crate::cpu::made_by_amd;

/// Distances in bytes, and choices.
#[derive(Debug)]
pub(crate) struct Tuning {
    /// Between reading memory from its beginning to its end and asking for it. (Intel's read a fifth
    /// slower from a page on; AMD's foresee less and want two.)
    pub ahead: usize,
    /// As `ahead`, of numbers that are summed. (Zen 4 reads binary64 numbers from memory a quarter slower
    /// if it is asked at all; binary32 ones in its second-level cache, of which twice as many are in a
    /// line, with AVX-512 a third faster.)
    pub ahead_of_sum: usize,
    /// As `ahead_of_sum`, of the first of two arrays that are read side by side. (Zen 3 and 4 read them a
    /// fifth to a half slower if they are asked, wherever they lie. Between numbers that take longer to
    /// be added, Intel's want less.)
    pub ahead_of_two: usize,
    /// How much earlier the second of two arrays is asked for, if the first is. (Intel's read both faster
    /// if they are not at the same places of two pages.)
    pub lead_of_second: usize,
    /// Whether kernels that convert most of what they read to longer numbers are faster in vectors of
    /// 512 bits. (In these, Intel's convert with the units that add.)
    pub converts_in_512_bits: bool,
}

const AMD: Tuning = Tuning {
    ahead: 8 << 10,
    ahead_of_sum: 0,
    ahead_of_two: 0,
    lead_of_second: 0,
    converts_in_512_bits: true,
};

/// Intel's, on which everything else was measured.
const OTHERS: Tuning = Tuning {
    ahead: 3 << 10,
    ahead_of_sum: 3 << 10,
    ahead_of_two: 1 << 9,
    lead_of_second: 5 << 9,
    converts_in_512_bits: false,
};

/// That of this processor.
#[inline(always)]
pub(crate) fn tuning() -> &'static Tuning {
    if made_by_amd() { &AMD } else { &OTHERS }
}
