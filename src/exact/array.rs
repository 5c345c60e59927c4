//! Arrays of exact sums: pairs of numbers where these suffice, otherwise accumulators.
//!
//! Sums of ordinary numbers have fewer than a hundred bits. In an array they are kept as `high + low`,
//! where `high` is the sum rounded to binary64 and `low` the rounding error: 16 bytes and a shared
//! count, instead of an accumulator's 64. A block in which a sum is not such a pair holds
//! accumulators. The representation is not visible outside.

use std::borrow::Cow;

use super::accumulator::{Accumulator, check_counter, merged_counters};
use super::pairs::{self, BATCH, PairSlice};
use super::sink::Sink;
use crate::cpu;
use crate::environment;
use crate::error::Result;

/// An array of exact sums.
///
/// ```
/// use mypackage::sum::{Accumulator, Cells};
///
/// let columns = |rows: [[f64; 2]; 2]| {
///     let sums = [0, 1].map(|column| rows.iter().map(|row| row[column]).collect::<Accumulator>());
///     Cells::from(sums.to_vec())
/// };
/// let mut total = columns([[1.0, 1e100], [2.0, 5.0]]);
/// total.merge(&[&columns([[3.0, -1e100], [0.5, 1.0]])])?;
/// assert_eq!((total.get(0).to_f64(), total.get(1).to_f64()), (6.5, 6.0));
/// assert_eq!((total.len(), total.get(1).count()), (2, 4));
/// # Ok::<(), mypackage::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Cells {
    len: usize,
    /// Blocks of [`BATCH`] sums, except for the last one.
    blocks: Vec<Block>,
}

#[derive(Debug, Clone)]
pub(super) enum Block {
    Narrow(Narrow),
    Wide(Vec<Accumulator>),
}

/// Sums as pairs of numbers in normal form: `high` is the rounded sum, and no zero is negative.
#[derive(Debug, Clone)]
pub(super) struct Narrow {
    pub counts: Counts,
    /// All upper parts, followed by all lower ones.
    numbers: Vec<f64>,
}

/// The counts of the sums of a block.
#[derive(Debug, Clone)]
pub(super) enum Counts {
    All(i64),
    Each(Vec<i64>),
}

impl Counts {
    pub fn get(&self, index: usize) -> i64 {
        match self {
            Counts::All(count) => *count,
            Counts::Each(counts) => counts[index],
        }
    }

    /// The counts of `length` sums, one by one.
    fn each(&mut self, length: usize) -> &mut [i64] {
        if let Counts::All(count) = *self {
            *self = Counts::Each(vec![count; length]);
        }
        match self {
            Counts::Each(counts) => counts,
            Counts::All(_) => &mut [],
        }
    }

    fn set(&mut self, index: usize, count: i64, length: usize) {
        if self.get(index) != count {
            self.each(length)[index] = count;
        }
    }

    fn set_some(&mut self, indices: impl Iterator<Item = usize>, count: i64, length: usize) {
        if !matches!(*self, Counts::All(all) if all == count) {
            indices.for_each(|index| self.set(index, count, length));
        }
    }

    fn add(&mut self, other: &Counts, length: usize) {
        match (&mut *self, other) {
            (Counts::All(mine), Counts::All(theirs)) => *mine += theirs,
            _ => {
                let mine = self.each(length).iter_mut().enumerate();
                mine.for_each(|(index, mine)| *mine += other.get(index));
            }
        }
    }
}

impl Narrow {
    /// From untrusted numbers, if they are in normal form.
    pub fn checked(counts: Counts, numbers: Vec<f64>) -> Option<Narrow> {
        let given = Narrow { counts, numbers };
        if !environment::is_default() {
            let pairs = given.pairs();
            let has_form = |index: usize| {
                let pair = pairs.accumulator(index, 0).to_pair().map(|pair| pair.map(f64::to_bits));
                pair == Some([pairs.high[index].to_bits(), pairs.low[index].to_bits()])
            };
            return (0..given.len()).all(has_form).then_some(given);
        }
        let mut again = given.clone();
        let (high, low) = again.halves();
        let finite = pairs::normalise(cpu::isa(), given.pairs(), high, low);
        (finite && again.has_numbers_of(&given)).then_some(given)
    }

    /// Negates the bits, which is correct in any floating-point environment.
    fn has_numbers_of(&self, other: &Narrow) -> bool {
        self.numbers.len() == other.numbers.len()
            && self.numbers.iter().zip(&other.numbers).all(|(x, y)| x.to_bits() == y.to_bits())
    }

    pub fn len(&self) -> usize {
        self.numbers.len() / 2
    }

    pub fn numbers(&self) -> &[f64] {
        &self.numbers
    }

    fn pairs(&self) -> PairSlice<'_> {
        let (high, low) = self.numbers.split_at(self.len());
        PairSlice { high, low }
    }

    fn halves(&mut self) -> (&mut [f64], &mut [f64]) {
        let length = self.len();
        self.numbers.split_at_mut(length)
    }

    /// Returns whether that succeeded; if not, these sums are lost.
    fn set_pairs(&mut self, first: usize, step: usize, pairs: PairSlice<'_>, count: i64) -> bool {
        let length = self.len();
        self.counts.set_some((0..pairs.len()).map(|index| first + index * step), count, length);
        let (high, low) = self.halves();
        let (high, low) = (&mut high[first..], &mut low[first..]);
        if step == 1 {
            let (high, low) = (&mut high[..pairs.len()], &mut low[..pairs.len()]);
            return pairs::normalise(cpu::isa(), pairs, high, low);
        }
        (0..pairs.len()).all(|index| {
            let at = index * step..index * step + 1;
            let pair = pairs.range(index..index + 1);
            pairs::normalise(cpu::isa(), pair, &mut high[at.clone()], &mut low[at])
        })
    }

    /// The sum of blocks; `None` if one is wide, or the result is.
    fn sum<'a>(&self, others: impl Iterator<Item = &'a Block>) -> Option<Narrow> {
        if !environment::is_default() {
            return None;
        }
        let mut sum = self.clone();
        let length = sum.len();
        for other in others {
            let Block::Narrow(other) = other else { return None };
            let (high, low) = sum.halves();
            if !pairs::add(cpu::isa(), high, low, other.pairs()) {
                return None;
            }
            sum.counts.add(&other.counts, length);
        }
        Some(sum)
    }
}

impl Default for Block {
    fn default() -> Block {
        Block::Wide(Vec::new())
    }
}

impl Block {
    pub fn zeros(len: usize, count: i64) -> Block {
        Block::Narrow(Narrow { counts: Counts::All(count), numbers: vec![0.0; 2 * len] })
    }

    pub fn len(&self) -> usize {
        match self {
            Block::Narrow(narrow) => narrow.len(),
            Block::Wide(cells) => cells.len(),
        }
    }

    pub fn get(&self, index: usize) -> Cow<'_, Accumulator> {
        match self {
            Block::Narrow(narrow) => {
                Cow::Owned(narrow.pairs().accumulator(index, narrow.counts.get(index)))
            }
            Block::Wide(cells) => Cow::Borrowed(&cells[index]),
        }
    }

    fn count(&self, index: usize) -> i64 {
        match self {
            Block::Narrow(narrow) => narrow.counts.get(index),
            Block::Wide(cells) => cells[index].count(),
        }
    }

    fn into_wide(self) -> Vec<Accumulator> {
        match self {
            Block::Narrow(_) => (0..self.len()).map(|index| self.get(index).into_owned()).collect(),
            Block::Wide(cells) => cells,
        }
    }

    fn widen(&mut self) -> &mut Vec<Accumulator> {
        *self = Block::Wide(std::mem::take(self).into_wide());
        match self {
            Block::Wide(cells) => cells,
            Block::Narrow(_) => unreachable!("the block was just made a wide one"),
        }
    }

    /// The same sums as pairs, if all are pairs.
    pub fn narrowed(&self) -> Option<Cow<'_, Narrow>> {
        match self {
            Block::Narrow(narrow) => Some(Cow::Borrowed(narrow)),
            Block::Wide(cells) => {
                let mut numbers = vec![0.0; 2 * cells.len()];
                for (index, cell) in cells.iter().enumerate() {
                    [numbers[index], numbers[cells.len() + index]] = cell.to_pair()?;
                }
                let counts = Counts::Each(cells.iter().map(Accumulator::count).collect());
                Some(Cow::Owned(Narrow { counts, numbers }))
            }
        }
    }

    fn merged<'a>(first: Cow<'_, Block>, others: impl Iterator<Item = &'a Block> + Clone) -> Block {
        if let Block::Narrow(first) = &*first
            && let Some(sum) = first.sum(others.clone())
        {
            return Block::Narrow(sum);
        }
        let mut sums = first.into_owned().into_wide();
        for other in others {
            for (index, sum) in sums.iter_mut().enumerate() {
                match other {
                    Block::Narrow(other) => {
                        other.pairs().add_to(index, other.counts.get(index), sum);
                    }
                    Block::Wide(cells) => sum.merge_checked(&cells[index]),
                }
            }
        }
        Block::Wide(sums)
    }

    /// Refuses blocks whose sums could not be represented.
    fn check<'a>(blocks: impl Iterator<Item = &'a Block> + Clone) -> Result<()> {
        let total = |index| blocks.clone().map(move |block| i128::from(block.count(index))).sum();
        let mut narrow = blocks.clone().map(|block| match block {
            Block::Narrow(narrow) => Some(matches!(narrow.counts, Counts::All(_))),
            Block::Wide(_) => None,
        });
        let length = blocks.clone().next().map_or(0, Block::len);
        // Pairs are far below the limit. The counts may be the same for all.
        match narrow.try_fold(true, |all, one| Some(all & one?)) {
            Some(true) => check_counter(total(0)),
            Some(false) => (0..length).try_for_each(|index| check_counter(total(index))),
            None => (0..length).try_for_each(|index| {
                merged_counters(blocks.clone().map(|block| block.get(index))).map(drop)
            }),
        }
    }

    pub fn set(&mut self, index: usize, sum: &Accumulator) {
        if let Block::Narrow(narrow) = self
            && let Some(pair) = sum.to_pair()
        {
            let length = narrow.len();
            narrow.counts.set(index, sum.count(), length);
            let (high, low) = narrow.halves();
            [high[index], low[index]] = pair;
        } else {
            self.widen()[index] = sum.clone();
        }
    }

    /// Sets the sums `first`, `first + step`, ...; requires the default floating-point environment.
    pub fn set_pairs(&mut self, first: usize, step: usize, pairs: PairSlice<'_>, count: i64) {
        if let Block::Narrow(narrow) = self
            && narrow.set_pairs(first, step, pairs, count)
        {
            return;
        }
        let cells = self.widen()[first..].iter_mut().step_by(step).take(pairs.len());
        cells.enumerate().for_each(|(index, cell)| *cell = pairs.accumulator(index, count));
    }

    fn negate(&mut self) {
        match self {
            Block::Narrow(narrow) => {
                let negate = |count: &mut i64| *count = -*count;
                match &mut narrow.counts {
                    Counts::All(count) => negate(count),
                    Counts::Each(counts) => counts.iter_mut().for_each(negate),
                }
                // Zeros stay positive.
                let negate = |x: &mut f64| *x = if x.to_bits() == 0 { 0.0 } else { -*x };
                narrow.numbers.iter_mut().for_each(negate);
            }
            Block::Wide(cells) => cells.iter_mut().for_each(Accumulator::negate),
        }
    }
}

/// Equality of the exact values and of all counts, whatever the representation.
impl PartialEq for Block {
    fn eq(&self, other: &Block) -> bool {
        let each = || 0..self.len();
        match (self, other) {
            (Block::Narrow(mine), Block::Narrow(theirs)) => {
                mine.has_numbers_of(theirs)
                    && each().all(|index| mine.counts.get(index) == theirs.counts.get(index))
            }
            _ => {
                self.len() == other.len() && each().all(|index| self.get(index) == other.get(index))
            }
        }
    }
}

impl PartialEq for Cells {
    fn eq(&self, other: &Cells) -> bool {
        self.blocks == other.blocks
    }
}

impl Eq for Cells {}

/// Keeps accumulators.
impl From<Vec<Accumulator>> for Cells {
    fn from(cells: Vec<Accumulator>) -> Cells {
        Cells::in_blocks(cells.into_iter(), |block| block)
    }
}

/// Converts to pairs where possible.
impl FromIterator<Accumulator> for Cells {
    fn from_iter<I: IntoIterator<Item = Accumulator>>(cells: I) -> Cells {
        Cells::in_blocks(cells.into_iter(), |block| {
            let narrow = block.narrowed().map(|narrow| Block::Narrow(narrow.into_owned()));
            narrow.unwrap_or(block)
        })
    }
}

impl Cells {
    /// Sums block by block, each block as `kept` makes it.
    fn in_blocks(
        mut cells: impl Iterator<Item = Accumulator>,
        kept: impl Fn(Block) -> Block,
    ) -> Cells {
        let (mut len, mut blocks) = (0, Vec::new());
        loop {
            let block: Vec<_> = cells.by_ref().take(BATCH).collect();
            if block.is_empty() {
                return Cells { len, blocks };
            }
            len += block.len();
            blocks.push(kept(Block::Wide(block)));
        }
    }

    /// Empty sums.
    ///
    /// ```
    /// assert_eq!(mypackage::sum::Cells::new(3).get(2).to_f64(), 0.0);
    /// ```
    pub fn new(len: usize) -> Cells {
        Cells::of_blocks(len, block_lengths(len).map(|length| Block::zeros(length, 0)).collect())
    }

    /// Blocks of the lengths that [`block_lengths`] gives.
    pub(super) fn of_blocks(len: usize, blocks: Vec<Block>) -> Cells {
        Cells { len, blocks }
    }

    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The number of sums.
    ///
    /// ```
    /// assert_eq!(mypackage::sum::Cells::new(3).len(), 3);
    /// ```
    pub fn len(&self) -> usize {
        self.len
    }

    /// Their memory in bytes.
    ///
    /// ```
    /// assert!(mypackage::sum::Cells::new(100).bytes() >= 1600);
    /// ```
    pub fn bytes(&self) -> usize {
        let of_block = |block: &Block| match block {
            Block::Narrow(Narrow { counts: Counts::All(_), numbers }) => size_of_val(&numbers[..]),
            Block::Narrow(narrow) => 3 * size_of_val(&narrow.numbers[..]) / 2,
            Block::Wide(cells) => cells.iter().map(Accumulator::memory).sum(),
        };
        self.blocks.iter().map(|block| size_of::<Block>() + of_block(block)).sum()
    }

    /// Whether there are no sums.
    ///
    /// ```
    /// assert!(mypackage::sum::Cells::new(0).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One of the sums.
    ///
    /// ```
    /// use mypackage::sum::{Accumulator, Cells};
    ///
    /// let cells = Cells::from(vec![[0.5, 0.25].into_iter().collect::<Accumulator>()]);
    /// assert_eq!(cells.get(0).to_f64(), 0.75);
    /// ```
    ///
    /// # Panics
    /// If the index is out of range.
    pub fn get(&self, index: usize) -> Cow<'_, Accumulator> {
        self.blocks[index / BATCH].get(index % BATCH)
    }

    /// All sums, in order.
    ///
    /// ```
    /// use mypackage::sum::{Accumulator, Cells};
    ///
    /// let sums = [[1.0, 2.0], [3.0, 4.0]].map(|cell| cell.into_iter().collect::<Accumulator>());
    /// let values: Vec<f64> = Cells::from(sums.to_vec()).iter().map(|sum| sum.to_f64()).collect();
    /// assert_eq!(values, [3.0, 7.0]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = Cow<'_, Accumulator>> {
        self.blocks.iter().flat_map(|block| (0..block.len()).map(|index| block.get(index)))
    }

    /// The counts of all sums, in order.
    ///
    /// ```
    /// assert!(mypackage::sum::Cells::new(2).counts().eq([0, 0]));
    /// ```
    pub fn counts(&self) -> impl Iterator<Item = i64> {
        self.blocks.iter().flat_map(|block| (0..block.len()).map(|index| block.count(index)))
    }

    /// Replaces all counts.
    #[doc(hidden)]
    pub fn set_counts(&mut self, count: impl Fn(usize) -> i64) {
        for (block, first) in self.blocks.iter_mut().zip((0..).step_by(BATCH)) {
            let length = block.len();
            match block {
                Block::Narrow(narrow) => {
                    for index in 0..length {
                        narrow.counts.set(index, count(first + index), length);
                    }
                }
                Block::Wide(cells) => {
                    for (index, cell) in cells.iter_mut().enumerate() {
                        cell.add_zeros(count(first + index) - cell.count());
                    }
                }
            }
        }
    }

    /// Adds the contents of others of the same length, in one pass.
    ///
    /// ```
    /// use mypackage::sum::{Accumulator, Cells};
    ///
    /// let mut total = Cells::new(1);
    /// let part = Cells::from(vec![[1e100, 1.0].into_iter().collect::<Accumulator>()]);
    /// total.merge(&[&part, &part])?;
    /// assert_eq!((total.get(0).to_f64(), total.get(0).count()), (2e100, 4));
    /// # Ok::<(), mypackage::Error>(())
    /// ```
    ///
    /// # Errors
    /// That of [`Accumulator::try_merge`]; then nothing is changed.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn merge(&mut self, others: &[&Cells]) -> Result<()> {
        self.check(others)?;
        for (index, block) in self.blocks.iter_mut().enumerate() {
            let others = others.iter().map(|other| &other.blocks[index]);
            *block = Block::merged(Cow::Owned(std::mem::take(block)), others);
        }
        Ok(())
    }

    /// Refuses others that cannot be merged.
    fn check(&self, others: &[&Cells]) -> Result<()> {
        assert!(others.iter().all(|other| other.len == self.len), "the lengths differ");
        self.blocks.iter().enumerate().try_for_each(|(index, block)| {
            let others = others.iter().map(|other| &other.blocks[index]);
            Block::check(std::iter::once(block).chain(others))
        })
    }

    /// As [`Cells::merge`], into a new array.
    ///
    /// ```
    /// let empty = mypackage::sum::Cells::new(2);
    /// assert_eq!(empty.merged(&[&empty]), Ok(empty));
    /// ```
    ///
    /// # Errors
    /// That of [`Accumulator::try_merge`].
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn merged(&self, others: &[&Cells]) -> Result<Cells> {
        self.check(others)?;
        let merged = |(index, block)| {
            Block::merged(Cow::Borrowed(block), others.iter().map(|other| &other.blocks[index]))
        };
        Ok(Cells::of_blocks(self.len, self.blocks.iter().enumerate().map(merged).collect()))
    }

    /// Negates all sums, and the counts.
    ///
    /// ```
    /// use mypackage::sum::{Accumulator, Cells};
    ///
    /// let mut cells = Cells::from(vec![[1.0, 2.0].into_iter().collect::<Accumulator>()]);
    /// cells.negate();
    /// assert_eq!((cells.get(0).to_f64(), cells.get(0).count()), (-3.0, -2));
    /// ```
    pub fn negate(&mut self) {
        self.blocks.iter_mut().for_each(Block::negate);
    }

    /// Each sum, and a zero of the same count after it.
    #[doc(hidden)]
    pub fn with_zeros(&self) -> Cells {
        let mut all = Cells::new(2 * self.len);
        for (index, sum) in self.iter().enumerate() {
            let mut zero = Accumulator::new();
            zero.add_zeros(sum.count());
            for (at, part) in [(2 * index, &*sum), (2 * index + 1, &zero)] {
                all.blocks[at / BATCH].set(at % BATCH, part);
            }
        }
        all
    }

    /// Passes the sums to a sink, with their counts if they are `counted`.
    #[doc(hidden)]
    pub fn put(&self, counted: bool, sink: &dyn Sink) {
        // The sink may round pairs by floating-point arithmetic.
        let floating = environment::is_default();
        for (block, first) in self.blocks.iter().zip((0..).step_by(BATCH)) {
            match block {
                Block::Narrow(_) if !floating => {
                    for index in 0..block.len() {
                        sink.put(first + index, &block.get(index));
                    }
                }
                Block::Narrow(narrow) => match narrow.counts {
                    Counts::All(count) => sink.put_pairs(first, 1, narrow.pairs(), count),
                    Counts::Each(_) if !counted => sink.put_pairs(first, 1, narrow.pairs(), 0),
                    Counts::Each(_) => {
                        for index in 0..narrow.len() {
                            sink.put(first + index, &block.get(index));
                        }
                    }
                },
                Block::Wide(cells) => {
                    for (index, cell) in cells.iter().enumerate() {
                        sink.put(first + index, cell);
                    }
                }
            }
        }
    }
}

/// The lengths of the blocks of an array.
pub(super) fn block_lengths(len: usize) -> impl Iterator<Item = usize> {
    (0..len).step_by(BATCH).map(move |start| BATCH.min(len - start))
}

#[cfg(test)]
mod tests {
    use super::super::bytes::{decode, encode};
    use super::super::collect::Collector;
    use super::super::pairs::Pairs;
    use super::super::round::Format;
    use super::*;
    use crate::testing::{numbers, pseudo_random};
    use proptest::prelude::*;
    use std::sync::Mutex;

    const LEN: usize = 2 * BATCH + 37;

    /// Sums of some numbers each, as pairs where possible, and the same sums as accumulators.
    fn sums(seed: u64, spread: u64, special: u64) -> (Cells, Vec<Accumulator>) {
        let mut next = pseudo_random(seed);
        let values = numbers(3 * LEN, 3, spread, seed);
        let mut expected = Vec::new();
        let collector = Collector::new(LEN, 3);
        for (index, values) in values.chunks(3).enumerate() {
            let mut sum: Accumulator = values.iter().copied().collect();
            if special > 0 && next().is_multiple_of(special) {
                match next() % 4 {
                    0 => sum.add_f64(f64::NAN),
                    1 => sum.add_f64(f64::NEG_INFINITY),
                    2 => sum.add_f64(f64::MAX),
                    _ => sum.add_zeros(1),
                }
            }
            collector.put(index, &sum);
            expected.push(sum);
        }
        (collector.finish(), expected)
    }

    fn check(cells: &Cells, expected: &[Accumulator]) {
        assert_eq!(cells.len(), expected.len());
        assert!(cells.iter().zip(expected).all(|(cell, expected)| *cell == *expected));
        assert!(cells.counts().eq(expected.iter().map(Accumulator::count)));
        // In either representation they are equal, and so are their bytes.
        let wide = Cells::from(expected.to_vec());
        assert_eq!(*cells, wide);
        assert_eq!(wide, *cells);
        let bytes = encode(0, &[expected.len()], cells);
        assert_eq!(bytes, encode(0, &[expected.len()], &wide));
        let (_, _, again) = decode(&bytes).unwrap();
        assert_eq!(again, *cells);
        assert_eq!(encode(0, &[expected.len()], &again), bytes);
        // A sink receives the same sums from both.
        for counted in [true, false] {
            struct Slots(Mutex<Vec<Option<Accumulator>>>, bool);
            impl Sink for Slots {
                fn put(&self, index: usize, sum: &Accumulator) {
                    let mut sum = sum.clone();
                    sum.add_zeros(if self.1 { 0 } else { -sum.count() });
                    assert_eq!(self.0.lock().unwrap()[index].replace(sum), None);
                }
            }
            let slots = Slots(Mutex::new(vec![None; expected.len()]), counted);
            cells.put(counted, &slots);
            for (sum, expected) in slots.0.into_inner().unwrap().into_iter().zip(expected) {
                let mut expected = expected.clone();
                expected.add_zeros(if counted { 0 } else { -expected.count() });
                assert_eq!(sum, Some(expected));
            }
        }
    }

    fn narrow_blocks(cells: &Cells) -> usize {
        cells.blocks.iter().filter(|block| matches!(block, Block::Narrow(_))).count()
    }

    #[test]
    fn ordinary_sums_stay_pairs_and_others_do_not() {
        let (mut cells, mut expected) = sums(1, 8, 0);
        let (others, more) = sums(2, 8, 0);
        for _ in 0..100 {
            cells.merge(&[&others]).unwrap();
            expected.iter_mut().zip(&more).for_each(|(sum, more)| sum.merge(more));
        }
        assert_eq!(narrow_blocks(&cells), 3);
        check(&cells, &expected);
        let (wild, more) = sums(3, 900, 0);
        let cells = cells.merged(&[&others, &wild]).unwrap();
        assert_eq!(narrow_blocks(&cells), 0);
        expected.iter_mut().zip(&sums(2, 8, 0).1).for_each(|(sum, more)| sum.merge(more));
        expected.iter_mut().zip(&more).for_each(|(sum, more)| sum.merge(more));
        check(&cells, &expected);
    }

    #[test]
    fn one_sum_makes_its_block_wide() {
        for (place, x) in [(5, f64::NAN), (BATCH, f64::INFINITY), (LEN - 1, 1e-300)] {
            let (mut cells, mut expected) = sums(4, 8, 0);
            let mut other = Cells::new(LEN);
            let single: Accumulator = [x, 1.0].into_iter().collect();
            other.blocks[place / BATCH].set(place % BATCH, &single);
            cells.merge(&[&other]).unwrap();
            expected[place].merge(&single);
            assert_eq!(narrow_blocks(&cells), 2);
            check(&cells, &expected);
        }
    }

    #[test]
    fn counts_of_their_own_leave_pairs() {
        let (mut cells, mut expected) = sums(5, 8, 0);
        let more = |index: usize| (index % 7) as i64;
        cells.set_counts(|index| 3 + more(index));
        expected.iter_mut().enumerate().for_each(|(index, sum)| sum.add_zeros(more(index)));
        assert_eq!(narrow_blocks(&cells), 3);
        check(&cells, &expected);
        let (other, others) = sums(6, 8, 0);
        for cells in [cells.merged(&[&other]), other.merged(&[&cells])].map(Result::unwrap) {
            let sums = expected.iter().zip(&others).map(|(sum, other)| {
                let mut sum = sum.clone();
                sum.merge(other);
                sum
            });
            check(&cells, &sums.collect::<Vec<_>>());
        }
    }

    #[test]
    fn pairs_are_put_where_they_belong() {
        for (step, huge) in
            [0, 1, 2, 3, 700].into_iter().flat_map(|step| [(step, 0.0), (step, 2f64.powi(970))])
        {
            let mut batch = Pairs::new();
            batch.high.copy_from_slice(&numbers(BATCH, 3, 3, 7));
            batch.low.copy_from_slice(&numbers(BATCH, -20, 3, 8));
            // The sum of the first overflows.
            (batch.high[0], batch.low[0]) = (f64::MAX, huge);
            for (first, results) in [(0, BATCH), (1000, 600), (BATCH, 1), (LEN - 1, 1), (1, 3)] {
                if (results - 1) * step + first >= LEN || step == 0 && results > 1 {
                    continue;
                }
                for count in [0, 3] {
                    let (before, mut expected) = sums(9, 8, 40);
                    let collector = Collector::new(LEN, 3);
                    before.put(true, &collector);
                    collector.put_pairs(first, step, batch.first(results), count);
                    for index in 0..results {
                        expected[first + index * step] =
                            batch.first(results).accumulator(index, count);
                    }
                    check(&collector.finish(), &expected);
                }
            }
        }
    }

    #[test]
    fn zeros_that_follow_the_sums() {
        for special in [0, 50] {
            let (cells, expected) = sums(10, 8, special);
            let with_zeros = expected.iter().flat_map(|sum| {
                let mut zero = Accumulator::new();
                zero.add_zeros(sum.count());
                [sum.clone(), zero]
            });
            check(&cells.with_zeros(), &with_zeros.collect::<Vec<_>>());
        }
    }

    #[test]
    fn bytes_of_no_canonical_pair_are_refused() {
        let bytes = |high: f64, low: f64| {
            let mut bytes = b"MYXS\x02\0\0\x01\x04".to_vec();
            bytes.extend([high.to_le_bytes(), low.to_le_bytes()].concat());
            bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
            bytes
        };
        assert_eq!(decode(&bytes(1.0, 1e-20)).unwrap().2.get(0).count(), 2);
        for (high, low) in [
            (1e-20, 1.0),
            (1.0, f64::EPSILON),
            (0.0, -0.0),
            (-0.0, 0.0),
            (f64::NAN, 0.0),
            (f64::INFINITY, 0.0),
            (1.0, f64::NAN),
            (f64::NAN, f64::NAN),
        ] {
            assert!(decode(&bytes(high, low)).is_err(), "{high} {low}");
        }
    }

    #[test]
    fn any_sum_of_two_numbers_is_a_pair_and_no_other() {
        for spread in [20, 100, 120, 2000] {
            for index in 0..300 {
                let values = numbers(3, 0, spread, index);
                let two: Accumulator = values[..2].iter().copied().collect();
                let [high, low] = two.to_pair().unwrap();
                assert_eq!(high.to_bits(), two.round(Format::F64));
                assert_eq!([high, low].into_iter().collect::<Accumulator>(), two);
                let three: Accumulator = values.iter().copied().collect();
                if let Some(pair) = three.to_pair() {
                    let mut again: Accumulator = pair.into_iter().collect();
                    again.add_zeros(1);
                    assert_eq!(again, three);
                }
            }
        }
        let overflow: Accumulator = [f64::MAX, f64::MAX].into_iter().collect();
        assert_eq!(overflow.to_pair(), None);
        let cancelled: Accumulator = [1e300, 1e-300, -1e300].into_iter().collect();
        assert_eq!(cancelled.to_pair(), Some([1e-300, 0.0]));
    }

    proptest! {
        #[test]
        fn any_merges(seeds in prop::collection::vec((0u64.., 0usize..4, 0u64..4), 2..6), negative: bool) {
            let of = |&(seed, spread, special): &(u64, usize, u64)| {
                sums(seed, [3, 8, 60, 900][spread], 600 * special)
            };
            let (mut cells, mut expected) = of(&seeds[0]);
            let others: Vec<_> = seeds[1..].iter().map(of).collect();
            let all: Vec<&Cells> = others.iter().map(|(cells, _)| cells).collect();
            let apart = cells.merged(&all).unwrap();
            cells.merge(&all).unwrap();
            for (_, other) in &others {
                expected.iter_mut().zip(other).for_each(|(sum, other)| sum.merge(other));
            }
            prop_assert!(apart == cells);
            if negative {
                cells.negate();
                expected.iter_mut().for_each(Accumulator::negate);
            }
            check(&cells, &expected);
            // Subtracting everything leaves 0.
            let mut rest = cells.clone();
            rest.negate();
            rest.merge(&[&cells]).unwrap();
            prop_assert!(rest == Cells::new(LEN));
        }
    }
}
