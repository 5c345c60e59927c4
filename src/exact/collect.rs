//! A sink that stores every sum in an array, which threads fill together.

use std::sync::{Mutex, PoisonError};

use super::accumulator::Accumulator;
use super::array::{Block, Cells, block_lengths};
use super::pairs::{BATCH, PairSlice};
use super::sink::Sink;

/// Receives the results of a kernel, from any thread.
#[doc(hidden)]
pub struct Collector {
    len: usize,
    blocks: Vec<Mutex<Block>>,
}

impl Collector {
    /// A sink for `len` results, most of them sums of `count` numbers.
    pub fn new(len: usize, count: i64) -> Collector {
        let blocks = block_lengths(len).map(|length| Mutex::new(Block::zeros(length, count)));
        Collector { len, blocks: blocks.collect() }
    }

    /// The sums, once all kernels are done.
    pub fn finish(self) -> Cells {
        let blocks = self.blocks.into_iter();
        let blocks = blocks.map(|block| block.into_inner().unwrap_or_else(PoisonError::into_inner));
        Cells::of_blocks(self.len, blocks.collect())
    }

    fn with_block(&self, index: usize, put: impl FnOnce(&mut Block)) {
        put(&mut self.blocks[index / BATCH].lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Sink for Collector {
    fn put(&self, index: usize, sum: &Accumulator) {
        self.with_block(index, |block| block.set(index % BATCH, sum));
    }

    fn put_pairs(&self, index: usize, step: usize, pairs: PairSlice<'_>, count: i64) {
        // For a single result, the step may be 0.
        let step = step.max(1);
        let mut put = 0;
        while put < pairs.len() {
            let at = index + put * step;
            let in_block = (BATCH - at % BATCH).div_ceil(step).min(pairs.len() - put);
            let pairs = pairs.range(put..put + in_block);
            self.with_block(at, |block| block.set_pairs(at % BATCH, step, pairs, count));
            put += in_block;
        }
    }
}
