//! Sums block by block: for each the cheapest kernel that is exact.
//!
//! A block is one of numbers, or of pairs whose products are added ([`Terms`]). What suited the
//! blocks before is tried first.

use super::large_superaccumulator::Bins;
use super::levels::{self, BLOCK, Sums};
use super::number::Number;
use super::{halves, quiet};
use crate::array::memory;
use crate::binary64::ABSOLUTE;
use crate::cpu::Isa;
use crate::exact::accumulator::Accumulator;
use crate::fpu::{self, Environment};

/// The kernels, cheapest first; the last takes any numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    Flagged,
    Levels2,
    Levels3,
    Levels4,
    Bins,
}

impl Tier {
    const ALL: [Tier; 5] = [Tier::Flagged, Tier::Levels2, Tier::Levels3, Tier::Levels4, Tier::Bins];

    /// Binades from the first level to the last one.
    fn below_first(self) -> i32 {
        match self {
            Tier::Flagged | Tier::Levels2 => levels::LEVEL,
            Tier::Levels3 => 2 * levels::LEVEL,
            Tier::Levels4 => 3 * levels::LEVEL,
            // Below all numbers.
            Tier::Bins => 1 << 16,
        }
    }

    /// Whether a number of an exponent is not below the last bit of all levels, the first of which
    /// is at exponent `first`.
    fn reaches(self, first: i32, exponent: i32) -> bool {
        self == Tier::Bins || exponent >= first - self.below_first() - 52
    }
}

/// What a block adds: its numbers, or the products of its pairs.
pub(crate) trait Terms: Copy {
    /// The largest biased exponent of a term; 2047 if any is infinite or NaN.
    fn highest_exponent(self, isa: Isa) -> i32;
    /// The smallest one of a term that is not 0; 2047 if it is not known.
    fn lowest_exponent(self, isa: Isa) -> i32;
    /// The largest and the smallest one of the first few terms; `None` if all of these are 0.
    fn first_exponents(self) -> Option<(i32, i32)>;
    /// By how many binades the others may be larger than these and still be summed by a tier's
    /// kernel, if that has any to spare.
    fn margin(self, isa: Isa, tier: Tier) -> Option<i32>;
    /// So many binades below the first level a tier holds all bits of a term of that exponent.
    fn depth(self, isa: Isa, tier: Tier) -> i32;
    /// The sum, exact if the inexact flag was not raised meanwhile, if there is such a kernel.
    fn flagged(self, isa: Isa, first: i32, ahead: usize) -> Option<Sums<2>>;
    /// The exact sum in `K` levels, if the terms fit them.
    fn levels<const K: usize>(self, isa: Isa, first: i32, ahead: usize) -> Option<Sums<K>>;
    /// The same if the inexact flag was not raised meanwhile, where quiet additions exist and for
    /// terms that have such a kernel.
    fn quiet_levels<const K: usize>(self, _: Isa, _: i32, _: usize) -> Option<Sums<K>> {
        None
    }
    /// Adds terms whose biased exponents are at most 1, without counting them; whether there is a
    /// kernel for it.
    fn add_smallest(self, isa: Isa, into: &mut Accumulator) -> bool;
    fn count(self) -> usize;
    /// Adds the terms one by one, without counting them.
    fn add_each(self, into: &mut Accumulator);
    /// Adds the terms to bins, or to the accumulator where that can't be; without counting them.
    fn add_to_bins(self, isa: Isa, bins: &mut Bins, into: &mut Accumulator, ahead: usize);
}

impl<T: Number> Terms for &[T] {
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
            // Less one, 0 is the largest.
            lowest = lowest.min(magnitude.wrapping_sub(1));
        }
        (highest > 0).then_some(((highest >> 52) as i32, (lowest.wrapping_add(1) >> 52) as i32))
    }
    #[inline(always)]
    fn margin(self, isa: Isa, tier: Tier) -> Option<i32> {
        match tier {
            Tier::Flagged if T::SPLIT && !quiet::exists_on(isa) => None,
            Tier::Flagged => Some(2),
            _ => Some(8),
        }
    }
    #[inline(always)]
    fn depth(self, isa: Isa, tier: Tier) -> i32 {
        let last_level = match tier {
            Tier::Flagged if !T::SPLIT => 0,
            Tier::Flagged if !quiet::exists_on(isa) => levels::CUT_APART,
            _ => tier.below_first(),
        };
        last_level + 52 - T::LAST_BIT
    }
    #[inline(always)]
    fn flagged(self, isa: Isa, first: i32, ahead: usize) -> Option<Sums<2>> {
        levels::flagged_block(isa, self, first, ahead)
    }
    #[inline(always)]
    fn levels<const K: usize>(self, isa: Isa, first: i32, ahead: usize) -> Option<Sums<K>> {
        levels::exact_block(isa, self, first, ahead)
    }
    #[inline(always)]
    fn quiet_levels<const K: usize>(self, isa: Isa, first: i32, ahead: usize) -> Option<Sums<K>> {
        levels::quiet_block(isa, self, first, ahead)
    }
    #[inline(always)]
    fn add_smallest(self, isa: Isa, into: &mut Accumulator) -> bool {
        into.add_scaled(levels::count_smallest(isa, self), SMALLEST);
        true
    }
    fn count(self) -> usize {
        self.len()
    }
    fn add_each(self, into: &mut Accumulator) {
        into.add_each(self.iter().map(|x| x.widen()));
    }
    fn add_to_bins(self, isa: Isa, bins: &mut Bins, _: &mut Accumulator, ahead: usize) {
        bins.add(isa, self, ahead);
    }
}

/// The exponent of the smallest subnormal number.
const SMALLEST: i32 = -1074;
/// From this scale on, what one level leaves to the next is 0 or not subnormal. (Some processors take
/// a hundred times as long for operations on subnormal numbers.)
const NO_SUBNORMALS: i32 = -900;
/// The scale before the first block: lower than any.
const UNKNOWN: i32 = i32::MIN / 2;

/// Up to this many numbers, reading and clearing the flags costs more than it saves.
const FEW: usize = 256;
/// The same for numbers that are cut in two.
const FEW_CUT: usize = 2 * BLOCK - 1;
/// Below this many, the processor's own prefetching suffices.
const PREFETCH_FROM: usize = 1 << 13;
/// For so many blocks a dearer kernel is used before a cheaper one is tried again.
const PATIENCE: u32 = 64;
/// A block that its tier's kernel could not sum costs so many points; every block earns one.
const FAILURE: u32 = 8;
/// With more points against it, a tier is given up.
const ENOUGH: u32 = 20;
/// Below this many terms, bins cost more to empty than they save.
const BINS_FROM: usize = 256;
/// Numbers from which a scale is guessed.
pub(crate) const SAMPLE: usize = 8;
/// Others may be smaller than these by so many binades.
const SMALLER: i32 = 4;
/// The scale is lowered only for blocks smaller by more binades than this.
const SLACK: i32 = 4;

/// Adds slices to an [`Accumulator`], remembering what suited the blocks before.
///
/// While it lives, the thread's floating-point environment is the default one.
pub(crate) struct Summer {
    isa: Isa,
    environment: Environment,
    /// Whether levels are summed quietly.
    quiet: bool,
    /// Whether numbers are too few to be cut in two.
    few: bool,
    /// The exponent of the first level's accumulator.
    first: i32,
    cheapest: Tier,
    tier: Tier,
    /// Blocks until the cheapest tier is tried again.
    patience: u32,
    points: u32,
    /// Bytes between reading and prefetching.
    ahead: usize,
    /// What the lower levels hold: it would not fit the window of the upper ones' accumulator.
    lower: Option<Box<Accumulator>>,
    bins: Option<Box<Bins>>,
}

impl Summer {
    /// For about `total` numbers in all.
    #[inline]
    pub fn new(isa: Isa, total: usize) -> Summer {
        let flagged = total > FEW && fpu::inexact_flag_works();
        let cheapest = if flagged { Tier::Flagged } else { Tier::Levels2 };
        Summer::starting_with(isa, total, cheapest, memory::ahead)
    }

    /// For about `total` products in all; with `exact`, each of them is a binary64 number.
    #[inline]
    pub fn of_products(isa: Isa, total: usize, exact: bool) -> Summer {
        let cheapest = if exact { Tier::Levels2 } else { Tier::Levels3 };
        Summer::starting_with(isa, total, cheapest, memory::ahead_of_two)
    }

    #[inline]
    fn starting_with(isa: Isa, total: usize, cheapest: Tier, ahead: fn() -> usize) -> Summer {
        let mut environment = Environment::enter();
        if cheapest == Tier::Flagged {
            environment.clear_inexact();
        }
        Summer {
            isa,
            environment,
            quiet: cheapest == Tier::Flagged && quiet::exists_on(isa),
            few: total <= FEW_CUT,
            first: UNKNOWN,
            cheapest,
            tier: cheapest,
            patience: 0,
            // A failure at the very beginning is enough.
            points: ENOUGH + 1 - FAILURE,
            ahead: if total >= PREFETCH_FROM { ahead() } else { 0 },
            lower: None,
            bins: None,
        }
    }

    /// Bytes between reading and asking for memory.
    #[inline]
    pub fn ahead(&self) -> usize {
        self.ahead
    }

    /// Clears the flags, so that [`Summer::was_inexact`] speaks of what follows.
    #[inline]
    pub fn clear_inexact(&mut self) {
        self.environment.clear_inexact();
    }

    /// Whether any operation since the flags were cleared was rounded.
    #[inline]
    pub fn was_inexact(&self) -> bool {
        self.environment.was_inexact()
    }

    /// Adds a slice; the count is the caller's.
    #[inline]
    pub fn add<T: Number>(&mut self, values: &[T], into: &mut Accumulator) {
        let Some(between) = memory::between_places(size_of_val(values)) else {
            return self.add_blocks(memory::chunks_at_lines(values, BLOCK), into);
        };
        let (blocks, ends) = halves::split(values, between);
        self.add_blocks(blocks, into);
        for values in ends {
            self.add_blocks(memory::chunks_at_lines(values, BLOCK), into);
        }
    }

    /// Adds blocks; the count is the caller's.
    #[inline]
    pub fn add_blocks(&mut self, blocks: impl Iterator<Item = impl Terms>, into: &mut Accumulator) {
        for block in blocks {
            self.add_block(block, into);
        }
        if let Some(lower) = self.lower.take() {
            into.merge(&lower);
        }
        if let Some(bins) = &mut self.bins {
            bins.empty_into(into);
        }
    }

    /// Guesses the scale of the first block, and the tier.
    #[inline(always)]
    fn guess_scale(&mut self, terms: impl Terms) {
        if self.first != UNKNOWN {
            return;
        }
        let mut margin = terms.margin(self.isa, self.tier);
        if margin.is_none() && self.few {
            (self.cheapest, self.tier) = (Tier::Levels2, Tier::Levels2);
            margin = terms.margin(self.isa, self.tier);
        }
        if let Some(margin) = margin
            && let Some((highest, lowest)) = terms.first_exponents()
            && highest > 1
        {
            let lowest = lowest - 1023 - SMALLER;
            self.guess_scale_of(highest, margin);
            if self.first - lowest > terms.depth(self.isa, self.tier) {
                self.guess_tier(terms, highest, lowest);
            }
        }
    }

    #[inline(always)]
    fn guess_scale_of(&mut self, highest: i32, margin: i32) {
        // There is room for a guess, and a block is summed faster than measured.
        let headroom = levels::headroom(self.isa) + margin;
        self.first = levels::scale(highest, headroom)
            .filter(|&first| first >= NO_SUBNORMALS)
            .unwrap_or(UNKNOWN);
    }

    /// Goes on to the first tier that holds all bits of numbers from the one exponent to the other.
    #[inline(never)]
    fn guess_tier(&mut self, terms: impl Terms, highest: i32, lowest: i32) {
        let failing = self.tier;
        for tier in Tier::ALL.into_iter().filter(|&tier| tier > failing) {
            if let Some(margin) = terms.margin(self.isa, tier) {
                self.guess_scale_of(highest, margin);
            }
            if self.first != UNKNOWN && self.first - lowest <= terms.depth(self.isa, tier) {
                return self.give_up_for(tier);
            }
        }
    }

    /// Tries a dearer tier first for some time.
    fn give_up_for(&mut self, tier: Tier) {
        self.tier = tier;
        self.patience = PATIENCE;
    }

    /// Adds a block, to `into` and to `self.lower`.
    #[inline]
    fn add_block(&mut self, terms: impl Terms, into: &mut Accumulator) {
        self.guess_scale(terms);
        if self.first == UNKNOWN || !self.try_tier(self.tier, terms, into) {
            self.add_difficult_block(terms, into);
        }
        self.points = self.points.saturating_sub(1);
        if self.tier != self.cheapest {
            self.patience -= 1;
            if self.patience == 0 {
                self.tier = self.cheapest;
                self.environment.clear_inexact();
            }
        }
    }

    /// Chooses the scale for a block, then tries the tiers in turn.
    #[inline(never)]
    fn add_difficult_block(&mut self, terms: impl Terms, into: &mut Accumulator) {
        let highest = terms.highest_exponent(self.isa);
        if highest <= 1 && terms.add_smallest(self.isa, into) {
            return;
        }
        let start = match levels::scale(highest, levels::headroom(self.isa)) {
            None => Tier::Bins,
            Some(own) if own < NO_SUBNORMALS => Tier::Bins,
            Some(own) if own > self.first || own < self.first - SLACK => {
                self.first = own;
                self.tier
            }
            // The same kernel at the same scale would fail again.
            Some(_) => self.tier.max(Tier::Levels2),
        };
        if start == Tier::Flagged {
            self.environment.clear_inexact();
        }
        let lowest = terms.lowest_exponent(self.isa) - 1023;
        let mut suitable = Tier::Bins;
        for tier in Tier::ALL {
            if tier >= start && tier.reaches(self.first, lowest) && self.try_tier(tier, terms, into)
            {
                suitable = tier;
                break;
            }
        }
        if suitable > self.tier {
            self.points += FAILURE;
            if self.points > ENOUGH {
                self.points = FAILURE;
                self.give_up_for(suitable);
            }
        }
        if self.tier == Tier::Flagged {
            // The other tiers raise the flag.
            self.environment.clear_inexact();
        }
    }

    #[inline]
    fn try_tier(&mut self, tier: Tier, terms: impl Terms, into: &mut Accumulator) -> bool {
        let Summer { isa, first, ahead, .. } = *self;
        match tier {
            Tier::Flagged => {
                let sums = terms.flagged(isa, first, ahead);
                !self.environment.was_inexact() && deposit(sums, into, &mut self.lower)
            }
            Tier::Levels2 => self.try_levels::<2>(terms, into),
            Tier::Levels3 => self.try_levels::<3>(terms, into),
            Tier::Levels4 => self.try_levels::<4>(terms, into),
            Tier::Bins => {
                if terms.count() < BINS_FROM {
                    terms.add_each(into);
                } else {
                    terms.add_to_bins(isa, self.bins.get_or_insert_with(Bins::new), into, ahead);
                }
                true
            }
        }
    }

    #[inline]
    fn try_levels<const K: usize>(&mut self, terms: impl Terms, into: &mut Accumulator) -> bool {
        let Summer { isa, first, ahead, .. } = *self;
        let sums = if self.quiet {
            self.environment.clear_inexact();
            let sums = terms.quiet_levels::<K>(isa, first, ahead);
            sums.filter(|_| !self.environment.was_inexact())
        } else {
            terms.levels::<K>(isa, first, ahead)
        };
        deposit(sums, into, &mut self.lower)
    }
}

/// Adds a block's sums, if there are any: those of the two upper levels to `upper`.
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
