//! Parameters that depend on the processor's vendor, all of them measured. Processors of one vendor
//! are alike, those of different vendors are not.

use crate::cpu::made_by_amd;

/// Prefetch distances in bytes, and choices.
#[derive(Debug)]
pub(crate) struct Tuning {
    /// The prefetch distance for a sequential pass over memory. (Intel's processors read a fifth
    /// slower at a distance of a page or more; AMD's hardware prefetchers look less far ahead, and
    /// two pages are best.)
    pub ahead: usize,
    /// As `ahead`, for numbers that are summed. (With any prefetching, Zen 4 reads binary64 numbers
    /// from memory a quarter slower. For binary32 numbers in the second-level cache, of which a
    /// line holds twice as many, prefetching is a third faster with AVX-512; they use `ahead`.)
    pub ahead_of_sum: usize,
    /// As `ahead_of_sum`, for the first of two arrays that are read together. (Zen 3 and 4 read
    /// them a fifth to a half slower with any prefetching. Since products take longer to add, a
    /// shorter distance is best on Intel's processors.)
    pub ahead_of_two: usize,
    /// How much further ahead the second of two arrays is prefetched, if the first one is. (Intel's
    /// processors read both faster if they are not at the same offset within a page.)
    pub lead_of_second: usize,
    /// Whether kernels that mostly convert to wider numbers are faster with vectors of 512 bits.
    /// (With these, Intel's processors convert in the same units that add.)
    pub converts_in_512_bits: bool,
}

const AMD: Tuning = Tuning {
    ahead: 8 << 10,
    ahead_of_sum: 0,
    ahead_of_two: 0,
    lead_of_second: 0,
    converts_in_512_bits: true,
};

/// The parameters for Intel's processors, used for all others too.
const OTHERS: Tuning = Tuning {
    ahead: 3 << 10,
    ahead_of_sum: 3 << 10,
    ahead_of_two: 1 << 9,
    lead_of_second: 5 << 9,
    converts_in_512_bits: false,
};

/// The parameters for this processor.
#[inline(always)]
pub(crate) fn tuning() -> &'static Tuning {
    if made_by_amd() { &AMD } else { &OTHERS }
}
