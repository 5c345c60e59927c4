//! Sums of long runs of memory, or of lines through it: each result from its own.

#![allow(unsafe_code)] // Reads lines of the request's memory.

use super::plan::{Plan, Step};
use crate::array::memory;
use crate::array::walk::{Line, Operand, Stage, count_ones};
use crate::exact::accumulator::Accumulator;
use crate::exact::sink::Sink;
use crate::interrupt::GRAIN;
use crate::kernel::adaptive::Summer;
use crate::kernel::levels::BLOCK;
use crate::kernel::strided;
use crate::kernel::summand::Summand;

impl Plan {
    /// Each result from runs of memory.
    pub(super) fn sum_runs<O: Operand<Value: Summand>>(&self, sink: &dyn Sink) {
        let (run, outer) = match self.reduced.split_last() {
            Some((run, outer)) => (*run, outer),
            None => (Step { size: 1, stride: 0, mask_stride: 0, result_stride: 0 }, [].as_slice()),
        };
        let mut summer = Summer::new(self.isa, self.size());
        let mut stage = None;
        // Whether numbers can be read where they are, if there are enough of them.
        let block = strided::block_of::<O>(run.stride);
        let in_place = O::IS_VALUE && !self.reading.swapped && !self.reading.is_selective();
        let align = align_of::<O::Value>();
        let in_place = in_place && run.stride % align as isize == 0;
        let next = outer.last().map_or(0, |step| step.stride);
        self.for_each(&self.kept, self.data, self.mask, self.result, |data, mask, result| {
            let mut sum = Accumulator::new();
            let mut filled = 0;
            let mut counted = 0;
            self.for_each(outer, data, mask, 0, |data, mask, _| {
                let mut line = Line {
                    data,
                    stride: run.stride,
                    mask,
                    mask_stride: run.mask_stride,
                    count: run.size,
                };
                // SAFETY: the promise of `sum_axes`.
                if let Some(values) = unsafe { line.as_slice::<O>(self.reading) }
                    && (values.len() >= BLOCK / 4 || outer.is_empty())
                {
                    for values in values.chunks(GRAIN).take_while(|_| !self.interrupt.is_set()) {
                        O::Value::add_run(self.isa, values, &mut summer, &mut sum);
                    }
                    counted += values.len();
                    return;
                }
                if run.stride.unsigned_abs() <= size_of::<O>() {
                    memory::prefetch_all(data.wrapping_offset(next), run.size * size_of::<O>());
                }
                let stage = stage.get_or_insert_with(|| Stage::new(BLOCK));
                while line.count > 0 && !self.interrupt.is_set() {
                    let long = line.truncate(block);
                    if in_place
                        && long.data.addr().is_multiple_of(align)
                        && long.count >= BLOCK / 8
                        && O::Value::add_line(long, &mut summer, &mut sum)
                    {
                        counted += long.count;
                        line = line.skip(long.count);
                        continue;
                    }
                    let part = line.truncate(BLOCK - filled);
                    // SAFETY: the promise of `sum_axes`.
                    unsafe { stage.fill::<O>(self.isa, part, self.reading, filled) };
                    filled += part.count;
                    line = line.skip(part.count);
                    if filled == BLOCK {
                        counted += self.add_stage(stage, filled, &mut summer, &mut sum);
                        filled = 0;
                    }
                }
            });
            if filled > 0
                && let Some(stage) = &stage
            {
                counted += self.add_stage(stage, filled, &mut summer, &mut sum);
            }
            sum.add_zeros(counted as i64);
            sink.put(result, &sum);
        });
    }

    /// Adds the first values of a stage; how many of them count.
    fn add_stage<V: Summand>(
        &self,
        stage: &Stage<V>,
        filled: usize,
        summer: &mut Summer,
        sum: &mut Accumulator,
    ) -> usize {
        V::add_run(self.isa, &stage.values[..filled], summer, sum);
        if self.reading.is_selective() {
            count_ones(self.isa, &stage.counted[..filled])
        } else {
            filled
        }
    }
}
