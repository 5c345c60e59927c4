//! Sums block by block, each by the cheapest kernel that succeeds.
//!
//! A block consists of numbers, or of pairs whose products are added ([`Terms`]). The kernel and
//! the scale that succeeded for previous blocks are tried first.

use super::certified::{self, Block, HIGHEST_SCALED, LOWEST, SUBNORMAL};
use super::hysteresis::{Hysteresis, PATIENCE};
use super::large_superaccumulator::Bins;
use super::levels::{self, BLOCK, HIGHEST, Sums};
use super::number::Number;
use crate::array::memory;
use crate::binary64::{ABSOLUTE, INFINITE};
use crate::cpu::{Isa, Level};
use crate::environment;
use crate::exact::accumulator::Accumulator;
use crate::exact::interval::Interval;
use crate::exact::round::Format;
use crate::tuning::tuning;

/// The kernels; all but the first are exact, and the last takes any numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tier {
    Certified,
    Levels2,
    Levels3,
    Levels4,
    Bins,
}

impl Tier {
    /// Binades from the first level to the last one.
    fn below_first(self) -> i32 {
        match self {
            Tier::Levels2 => levels::LEVEL,
            Tier::Levels3 => 2 * levels::LEVEL,
            Tier::Levels4 => 3 * levels::LEVEL,
            // Smaller numbers are exact too.
            Tier::Certified | Tier::Bins => 1 << 16,
        }
    }

    /// Whether a number of an exponent is not below the last bit of all levels, the first of which
    /// is at exponent `first`.
    fn reaches(self, first: i32, exponent: i32) -> bool {
        exponent >= first - self.below_first() - 52
    }
}

/// For exact sums, cheapest first.
const EXACT: &[Tier] = &[Tier::Levels2, Tier::Levels3, Tier::Levels4, Tier::Bins];
/// For exact sums of products that are rounded as binary64 numbers.
const EXACT_PRODUCTS: &[Tier] = &[Tier::Levels3, Tier::Levels4, Tier::Bins];
/// For sums that are rounded.
const ROUNDED: &[Tier] = &[Tier::Certified, Tier::Bins];
/// For rounded sums of numbers beyond a core's own caches: a second pass, where the interval does not
/// decide, would cost more than exact blocks.
const ROUNDED_FAR: &[Tier] = &[Tier::Levels2, Tier::Certified, Tier::Bins];

/// What a block adds: its numbers, or the products of its pairs.
pub(crate) trait Terms: Copy {
    /// Whether [`Terms::certified`] accepts terms too large for the levels.
    const SCALABLE: bool;
    /// Whether its bound is smaller for results that are not narrow.
    const REFINES: bool;
    /// The largest biased exponent of a term; 2047 if any is infinite or NaN.
    fn highest_exponent(self, isa: Isa) -> i32;
    /// The smallest biased exponent of a nonzero term; 2047 if it is not known.
    fn lowest_exponent(self, isa: Isa) -> i32;
    /// The largest and the smallest biased exponent of the first few terms; `None` if all are 0.
    fn first_exponents(self) -> Option<(i32, i32)>;
    /// By how many binades other terms may be larger than these and still be summed by the kernel
    /// of a tier.
    fn margin(self, tier: Tier) -> i32;
    /// How many binades below the first level a tier still holds all bits of a term.
    fn depth(self, tier: Tier) -> i32;
    /// The sum with an error bound, if the terms fit two levels. For results with a shorter
    /// significand than binary64's if `narrow`.
    fn certified(self, isa: Isa, first: i32, ahead: usize, narrow: bool) -> Option<Block>;
    /// The exact sum in two levels, if the terms fit them.
    fn levels2(self, isa: Isa, first: i32, ahead: usize) -> Option<Block>;
    /// The exact sum in `K` levels, more than two, if the terms fit them.
    fn levels<const K: usize>(self, isa: Isa, first: i32, ahead: usize) -> Option<Sums<K>>;
    /// Adds terms whose biased exponents are at most 1, without counting them; returns whether
    /// there is a kernel for it.
    fn add_smallest(self, isa: Isa, into: &mut Accumulator) -> bool;
    fn count(self) -> usize;
    /// Adds the terms one by one, without counting them.
    fn add_each(self, into: &mut Accumulator);
    /// The same, in any floating-point environment.
    fn add_bits(self, into: &mut Accumulator);
    /// Adds the terms to bins, or to the accumulator if there are no bins, without counting them.
    fn add_to_bins(self, isa: Isa, bins: &mut Bins, into: &mut Accumulator, ahead: usize);
}

/// The number of elements up to which there is a kernel with shorter registers.
const SMALL: usize = 64;

impl<T: Number> Terms for &[T] {
    const SCALABLE: bool = true;
    const REFINES: bool = !T::SPLIT;

    #[inline(always)]
    fn highest_exponent(self, isa: Isa) -> i32 {
        levels::highest_exponent(isa, self)
    }
    #[inline(always)]
    fn lowest_exponent(self, isa: Isa) -> i32 {
        levels::lowest_exponent(isa, self)
    }
    #[inline(always)]
    fn first_exponents(self) -> Option<(i32, i32)> {
        let (mut lowest, mut highest) = (u64::MAX, 0);
        for x in self.iter().take(SAMPLE) {
            let magnitude = x.widen().to_bits() & ABSOLUTE;
            highest = highest.max(magnitude);
            // After subtracting 1, 0 becomes the largest.
            lowest = lowest.min(magnitude.wrapping_sub(1));
        }
        (highest > 0).then_some(((highest >> 52) as i32, (lowest.wrapping_add(1) >> 52) as i32))
    }
    #[inline(always)]
    fn margin(self, _: Tier) -> i32 {
        8
    }
    #[inline(always)]
    fn depth(self, tier: Tier) -> i32 {
        tier.below_first() + 52 - T::LAST_BIT
    }
    #[inline(always)]
    fn certified(self, isa: Isa, first: i32, ahead: usize, narrow: bool) -> Option<Block> {
        if let Some(singles) = T::singles(self)
            && let Some(block) = certified::single_block(isa, singles, tuning().ahead)
            && (narrow || block.errors == 0)
        {
            return Some(block);
        }
        in_blocks(self, |block| certified::sum_block::<T, false>(isa, block, first, ahead))
    }
    #[inline(always)]
    fn levels2(self, isa: Isa, first: i32, ahead: usize) -> Option<Block> {
        if self.len() <= SMALL {
            if first < LOWEST {
                return None;
            }
            let Sums { parts, exponents } = levels::exact_block::<T, 2>(isa, self, first, ahead)?;
            return Some(Block::exact(parts, exponents[1]));
        }
        if let Some(singles) = T::singles(self)
            && let Some(block) = certified::single_block(isa, singles, tuning().ahead)
            && block.errors == 0
        {
            return Some(block);
        }
        in_blocks(self, |block| certified::sum_block::<T, true>(isa, block, first, ahead))
    }
    #[inline(always)]
    fn levels<const K: usize>(self, isa: Isa, first: i32, ahead: usize) -> Option<Sums<K>> {
        let mut blocks = self.chunks(BLOCK);
        let mut sums = levels::exact_block(isa, blocks.next()?, first, ahead)?;
        for block in blocks {
            let block = levels::exact_block(isa, block, first, ahead)?;
            // (A few numbers at the end may be added at another scale.)
            sums = (sums.exponents == block.exponents).then(|| sums.plus(block))?;
        }
        Some(sums)
    }
    #[inline(always)]
    fn add_smallest(self, isa: Isa, into: &mut Accumulator) -> bool {
        for block in self.chunks(BLOCK) {
            into.add_scaled(levels::count_smallest(isa, block), SMALLEST);
        }
        true
    }
    fn count(self) -> usize {
        self.len()
    }
    fn add_each(self, into: &mut Accumulator) {
        into.add_each(self.iter().map(|x| x.widen()));
    }
    fn add_bits(self, into: &mut Accumulator) {
        into.add_each(self.iter().map(|x| x.widen_bits()));
    }
    fn add_to_bins(self, isa: Isa, bins: &mut Bins, _: &mut Accumulator, ahead: usize) {
        bins.add(isa, self, ahead);
    }
}

/// The sum over up to four blocks of [`BLOCK`] numbers, but usually one.
#[inline(always)]
fn in_blocks<T: Number>(values: &[T], sum: impl Fn(&[T]) -> Option<Block>) -> Option<Block> {
    if values.len() <= BLOCK {
        return sum(values);
    }
    let mut blocks = values.chunks(BLOCK);
    let mut total = sum(blocks.next()?)?;
    for block in blocks {
        let block = sum(block)?;
        total.units += block.units;
        total.errors += block.errors;
    }
    Some(total)
}

/// The exponent of the smallest subnormal number.
const SMALLEST: i32 = -1074;
/// From this scale on, the rests between levels are 0 or normal. (Operations on subnormal numbers
/// take some processors a hundred times as long.)
const NO_SUBNORMALS: i32 = LOWEST;
/// The scale before the first block, lower than any other.
const UNKNOWN: i32 = i32::MIN / 2;

/// Below this many, the hardware prefetcher suffices.
const PREFETCH_FROM: usize = 1 << 13;
/// The number of elements from which [`ROUNDED_FAR`] pays. (Without AVX2, exact blocks take so long that it
/// never does. With AVX-512, their extra time is hidden only where the numbers come from memory.)
fn far(isa: Isa) -> usize {
    match isa.level() {
        Level::Baseline => usize::MAX,
        Level::Avx2 => 1 << 18,
        Level::Avx512 => 1 << 21,
    }
}
/// Below this many terms, emptying the bins costs more than they save.
const BINS_FROM: usize = 256;
/// The number of elements from which a scale is guessed.
pub(crate) const SAMPLE: usize = 8;
/// By how many binades other numbers may be smaller than these.
const SMALLER: i32 = 4;
/// The scale is lowered only if a block is smaller by more binades than this.
const SLACK: i32 = 4;

/// Adds slices to an [`Interval`], remembering what succeeded for previous blocks.
pub(crate) struct Summer {
    isa: Isa,
    /// Whether the thread's floating-point environment is the default one.
    floating: bool,
    tiers: &'static [Tier],
    /// Whether results have a shorter significand than binary64's.
    narrow: bool,
    /// When to try plain sums of blocks of binary32 numbers again, after they were rounded.
    refinement: Hysteresis,
    /// The exponent of the first level's accumulator.
    first: i32,
    /// The highest exponent so far for a certified block.
    certified_at: i32,
    /// The index in `tiers` of the kernel that is tried first: the cheapest one, or another while
    /// that is given up.
    tier: usize,
    cheapest: Hysteresis,
    /// When to try again to add blocks as if nothing had to be left out.
    whole: Hysteresis,
    /// The prefetch distance in bytes.
    ahead: usize,
    /// The sums of the lower levels, which would not fit into the window of the accumulator for the
    /// upper ones.
    lower: Option<Box<Accumulator>>,
    bins: Option<Box<Bins>>,
}

impl Summer {
    /// For about `total` numbers in all, and results that are rounded to a format, or exact.
    #[inline]
    pub fn new(isa: Isa, total: usize, rounded: Option<Format>) -> Summer {
        let tiers = match rounded {
            None => EXACT,
            // For a few numbers, ties are common, and the exact kernel is as fast.
            Some(_) if total <= SMALL => EXACT,
            Some(_) if total < far(isa) => ROUNDED,
            Some(_) => ROUNDED_FAR,
        };
        Summer::starting_with(isa, total, tiers, rounded, tuning().ahead_of_sum)
    }

    /// For about `total` products in all; with `exact`, each of them is a binary64 number.
    #[inline]
    pub fn of_products(isa: Isa, total: usize, exact: bool, rounded: Option<Format>) -> Summer {
        let tiers = match rounded {
            Some(_) => ROUNDED,
            None if exact => EXACT,
            None => EXACT_PRODUCTS,
        };
        Summer::starting_with(isa, total, tiers, rounded, tuning().ahead_of_two)
    }

    #[inline]
    fn starting_with(
        isa: Isa,
        total: usize,
        tiers: &'static [Tier],
        rounded: Option<Format>,
        ahead: usize,
    ) -> Summer {
        Summer {
            isa,
            floating: environment::is_default(),
            tiers,
            narrow: rounded.is_some_and(|format| format != Format::F64),
            refinement: Hysteresis::default(),
            first: UNKNOWN,
            certified_at: UNKNOWN,
            tier: 0,
            cheapest: Hysteresis::strict(),
            whole: Hysteresis::strict(),
            ahead: if total >= PREFETCH_FROM { ahead } else { 0 },
            lower: None,
            bins: None,
        }
    }

    /// The prefetch distance in bytes.
    #[inline]
    pub fn ahead(&self) -> usize {
        self.ahead
    }

    /// Whether results are rounded, so that bounds suffice.
    #[inline]
    fn is_rounded(&self) -> bool {
        self.tiers.contains(&Tier::Certified)
    }

    /// If all numbers certified so far are 0 or at least this large in magnitude, nothing was
    /// rounded.
    pub fn exact_from(&self) -> f64 {
        let exponent = (self.certified_at - levels::LEVEL).max(-1022);
        crate::binary64::power_of_two(exponent.min(1023))
    }

    /// Adds a slice, without counting it.
    #[inline]
    pub fn add<T: Number>(&mut self, values: &[T], into: &mut Interval) {
        self.add_blocks(memory::chunks_at_lines(values, T::BLOCK), into);
    }

    /// Adds a slice to an exact sum, without counting it. Only for exact results.
    #[inline]
    pub fn add_exactly<T: Number>(&mut self, values: &[T], into: &mut Accumulator) {
        let mut sum = Interval::from(std::mem::take(into));
        self.add(values, &mut sum);
        debug_assert!(sum.is_exact());
        *into = sum.total;
    }

    /// Adds the numbers that a mask, if there is one, includes, and that are not NaN, if these are
    /// left out; returns how many these are.
    pub fn add_selected<T: Number>(
        &mut self,
        values: &[T],
        mask: Option<&[u8]>,
        skip_nan: bool,
        into: &mut Interval,
    ) -> usize {
        let (mut start, mut counted) = (0, 0);
        for block in values.chunks(BLOCK) {
            let mask = mask.map(|mask| &mask[start..start + block.len()]);
            start += block.len();
            if !self.floating {
                for (index, x) in block.iter().map(|x| x.widen_bits()).enumerate() {
                    let is_nan = x.to_bits() & ABSOLUTE > f64::INFINITY.to_bits();
                    if mask.is_none_or(|mask| mask[index] != 0) && !(skip_nan && is_nan) {
                        into.total.add_uncounted(x);
                        counted += 1;
                    }
                }
                continue;
            }
            self.guess_scale_of_selected(block, mask, skip_nan);
            if mask.is_none() && self.add_whole_block(block, into) {
                counted += block.len();
            } else if let Some(count) = self.add_selected_block(block, mask, skip_nan, into) {
                counted += count;
            } else {
                let mut kept = [T::default(); BLOCK];
                for (index, (kept, &x)) in kept.iter_mut().zip(block).enumerate() {
                    let keep = mask.is_none_or(|mask| mask[index] != 0)
                        && !(skip_nan && x.widen().is_nan());
                    *kept = if keep { x } else { T::default() };
                    counted += usize::from(keep);
                }
                self.add_block(&kept[..block.len()], into);
            }
        }
        self.finish(into);
        counted
    }

    /// Guesses the scale of the first block from numbers that are included.
    #[inline]
    fn guess_scale_of_selected<T: Number>(
        &mut self,
        values: &[T],
        mask: Option<&[u8]>,
        skip_nan: bool,
    ) {
        if self.first != UNKNOWN {
            return;
        }
        let (mut sample, mut count) = ([T::default(); SAMPLE], 0);
        for (index, &x) in values.iter().enumerate() {
            if skip_nan && x.widen().is_nan() {
                self.whole.give_up_for(PATIENCE);
            } else if mask.is_none_or(|mask| mask[index] != 0) {
                sample[count] = x;
                count += 1;
                if count == SAMPLE {
                    break;
                }
            }
        }
        self.guess_scale(&sample[..count]);
    }

    /// Adds a block that turns out to have no NaN by the kernel for all numbers, which is faster;
    /// returns whether that succeeded.
    fn add_whole_block<T: Number>(&mut self, values: &[T], into: &mut Interval) -> bool {
        let is_given_up = self.whole.is_given_up();
        self.whole.next();
        if is_given_up || !self.is_rounded() || self.first == UNKNOWN {
            return false;
        }
        let is_added = self.try_tier(Tier::Certified, values, into);
        if !is_added {
            self.whole.fail();
        }
        is_added
    }

    /// Adds a block by the selecting kernel, if there is one for it; returns how many numbers are
    /// included.
    fn add_selected_block<T: Number>(
        &mut self,
        values: &[T],
        mask: Option<&[u8]>,
        skip_nan: bool,
        into: &mut Interval,
    ) -> Option<usize> {
        let Summer { isa, first, ahead, .. } = *self;
        if !self.is_rounded() || !(LOWEST..=HIGHEST).contains(&first) {
            return None;
        }
        let sum = match (mask, skip_nan) {
            (Some(mask), false) => {
                certified::selected_block::<T, true, false>(isa, values, mask, first, ahead)
            }
            (Some(mask), true) => {
                certified::selected_block::<T, true, true>(isa, values, mask, first, ahead)
            }
            (None, _) => {
                certified::selected_block::<T, false, true>(isa, values, &[], first, ahead)
            }
        };
        let (block, count) = sum?;
        self.deposit_block(block, into);
        self.certified_at = self.certified_at.max(first);
        Some(count)
    }

    /// Adds the numbers with an even index to one sum and those with an odd one to another, without
    /// counting them.
    pub fn add_in_turn<T: Number>(&mut self, values: &[T], into: &mut [Interval; 2]) {
        for block in values.chunks(BLOCK) {
            if !self.floating {
                for (index, x) in block.iter().enumerate() {
                    into[index % 2].total.add_uncounted(x.widen_bits());
                }
                continue;
            }
            self.guess_scale(block);
            if !self.try_in_turn(block, into) {
                let mut parts = [[T::default(); BLOCK / 2]; 2];
                for (index, &x) in block.iter().enumerate() {
                    parts[index % 2][index / 2] = x;
                }
                for part in 0..2 {
                    let count = (block.len() + 1 - part) / 2;
                    self.add_block(&parts[part][..count], &mut into[part]);
                    self.finish(&mut into[part]);
                }
            }
        }
    }

    /// Adds a block by the kernel for two sums; returns whether that succeeded.
    fn try_in_turn<T: Number>(&mut self, block: &[T], into: &mut [Interval; 2]) -> bool {
        let Summer { isa, first, ahead, .. } = *self;
        if !(LOWEST..=HIGHEST).contains(&first) {
            return false;
        }
        let is_exact = !self.is_rounded();
        let sums = if is_exact {
            certified::two_sums::<T, true>(isa, block, first, ahead)
        } else {
            certified::two_sums::<T, false>(isa, block, first, ahead)
        };
        let Some(sums) = sums else { return false };
        for (block, into) in sums.into_iter().zip(into) {
            self.deposit_block(block, into);
        }
        if !is_exact {
            self.certified_at = self.certified_at.max(first);
        }
        true
    }

    /// Adds blocks, without counting them.
    #[inline]
    pub fn add_blocks(&mut self, blocks: impl Iterator<Item = impl Terms>, into: &mut Interval) {
        if !self.floating {
            return blocks.for_each(|block| block.add_bits(&mut into.total));
        }
        for block in blocks {
            self.add_block(block, into);
        }
        self.finish(into);
    }

    /// Moves the sums of the kernels for difficult numbers.
    #[inline]
    fn finish(&mut self, into: &mut Interval) {
        if let Some(lower) = self.lower.take() {
            into.total.merge(&lower);
        }
        if let Some(bins) = &mut self.bins {
            bins.empty_into(&mut into.total);
        }
    }

    /// Guesses the scale and the tier of the first block.
    #[inline(always)]
    fn guess_scale(&mut self, terms: impl Terms) {
        if self.first != UNKNOWN {
            return;
        }
        let tier = self.tiers[self.tier];
        if let Some((highest, lowest)) = terms.first_exponents()
            && highest > 1
        {
            let lowest = lowest - 1023 - SMALLER;
            self.guess_scale_of(highest, terms.margin(tier));
            if self.first - lowest > terms.depth(tier) {
                self.guess_tier(terms, highest, lowest);
            }
        }
    }

    #[inline(always)]
    fn guess_scale_of(&mut self, highest: i32, margin: i32) {
        // The levels leave room for a guess, and adding a block is faster than measuring it.
        let headroom = levels::headroom(self.isa) + margin;
        self.first = levels::scale(highest, headroom)
            .filter(|&first| first >= NO_SUBNORMALS)
            .unwrap_or(UNKNOWN);
    }

    /// Advances to the first tier that holds all bits of numbers between two exponents.
    #[inline(never)]
    fn guess_tier(&mut self, terms: impl Terms, highest: i32, lowest: i32) {
        for tier in self.tier + 1..self.tiers.len() {
            self.guess_scale_of(highest, terms.margin(self.tiers[tier]));
            if self.first != UNKNOWN && self.first - lowest <= terms.depth(self.tiers[tier]) {
                return self.give_up_for(tier);
            }
        }
    }

    /// Starts with a more expensive tier for some time.
    fn give_up_for(&mut self, tier: usize) {
        self.tier = tier;
        self.cheapest.give_up_for(PATIENCE);
    }

    /// Adds a block, to `into`, `self.lower` and `self.bins`.
    #[inline]
    fn add_block(&mut self, terms: impl Terms, into: &mut Interval) {
        self.guess_scale(terms);
        if self.first == UNKNOWN || !self.try_tier(self.tiers[self.tier], terms, into) {
            self.add_difficult_block(terms, into);
        }
        self.cheapest.next();
        if !self.cheapest.is_given_up() {
            self.tier = 0;
        }
    }

    /// Chooses the scale for a block, then tries the tiers in turn.
    #[inline(never)]
    fn add_difficult_block<X: Terms>(&mut self, terms: X, into: &mut Interval) {
        let highest = terms.highest_exponent(self.isa);
        if highest <= 1 && terms.add_smallest(self.isa, &mut into.total) {
            return;
        }
        let own = highest - 1023 + levels::headroom(self.isa);
        let mut start = self.tier;
        if highest == INFINITE {
            start = self.tiers.len() - 1;
        } else if own > self.first || own < self.first - SLACK {
            self.first = own;
        } else if self.tiers[start] == Tier::Certified {
            // The same kernel would fail again at the same scale.
            start += 1;
        }
        let lowest = terms.lowest_exponent(self.isa) - 1023;
        let mut suitable = self.tiers.len() - 1;
        for tier in start..self.tiers.len() {
            if self.tiers[tier].reaches(self.first, lowest)
                && self.try_tier(self.tiers[tier], terms, into)
            {
                suitable = tier;
                break;
            }
        }
        if suitable > self.tier && highest != INFINITE && self.cheapest.fail() {
            self.tier = suitable;
        }
    }

    #[inline]
    fn try_tier<X: Terms>(&mut self, tier: Tier, terms: X, into: &mut Interval) -> bool {
        let Summer { isa, first, ahead, .. } = *self;
        // Below this, the second level has all bits of the smallest numbers; in between, remainders
        // would be subnormal.
        let two_levels =
            if first <= SUBNORMAL && X::SCALABLE { SUBNORMAL } else { first.max(LOWEST) };
        match tier {
            Tier::Certified => {
                let limit = if X::SCALABLE { HIGHEST_SCALED } else { HIGHEST };
                if first > limit {
                    return false;
                }
                let Some(block) = self.certified(terms, two_levels) else {
                    return false;
                };
                self.deposit_block(block, into);
                self.certified_at = self.certified_at.max(two_levels);
                true
            }
            Tier::Levels2 if first <= HIGHEST => {
                let Some(block) = terms.levels2(isa, two_levels, ahead) else {
                    return false;
                };
                self.deposit_block(block, into);
                true
            }
            Tier::Levels3 => self.try_levels::<3>(terms, into),
            Tier::Levels4 => self.try_levels::<4>(terms, into),
            Tier::Levels2 => false,
            Tier::Bins => {
                if terms.count() < BINS_FROM {
                    terms.add_each(&mut into.total);
                } else {
                    let bins = self.bins.get_or_insert_with(Bins::new);
                    terms.add_to_bins(isa, bins, &mut into.total, ahead);
                }
                true
            }
        }
    }

    /// The sum of a block with an error bound. For most binary32 data, plain sums are rounded in
    /// few blocks; for these, two levels are cheaper than a second pass if the numbers cancel.
    #[inline(always)]
    fn certified<X: Terms>(&mut self, terms: X, first: i32) -> Option<Block> {
        let Summer { isa, ahead, narrow, .. } = *self;
        let block = terms.certified(isa, first, ahead, narrow);
        if !narrow || !X::REFINES {
            return block;
        }
        self.refinement.next();
        if self.refinement.is_given_up() || block.is_none_or(|block| block.errors == 0) {
            return block;
        }
        self.refinement.fail();
        // (At the ends of the range, levels do not always succeed.)
        terms.certified(isa, first, ahead, false).or(block)
    }

    #[inline(always)]
    fn deposit_block(&mut self, block: Block, into: &mut Interval) {
        into.add(block.units, block.exponent, block.errors, block.error_exponent);
    }

    #[inline]
    fn try_levels<const K: usize>(&mut self, terms: impl Terms, into: &mut Interval) -> bool {
        let Summer { isa, first, ahead, .. } = *self;
        if !(NO_SUBNORMALS..=HIGHEST).contains(&first) {
            return false;
        }
        deposit(terms.levels::<K>(isa, first, ahead), &mut into.total, &mut self.lower)
    }
}

/// Adds the sums of a block, if there are any; those of the two upper levels to `upper`.
#[inline]
fn deposit<const K: usize>(
    sums: Option<Sums<K>>,
    upper: &mut Accumulator,
    lower: &mut Option<Box<Accumulator>>,
) -> bool {
    let Some(Sums { parts, exponents }) = sums else {
        return false;
    };
    // |part| < 2^57 and at most LEVEL binades between them: no bit is lost.
    let high = i128::from(parts[0]) << (exponents[0] - exponents[1]);
    upper.add_scaled(high + i128::from(parts[1]), exponents[1]);
    for level in 2..K {
        let lower = lower.get_or_insert_default();
        lower.add_scaled(parts[level].into(), exponents[level]);
    }
    true
}
