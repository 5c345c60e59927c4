//! Sums down columns: how a plan's axes become the panels of `columns`.

#![allow(unsafe_code)] // Addresses from strides.

use super::plan::{Plan, SHORT, Step};
use crate::array::walk::{Line, Native, Operand, Rows, Stage};
use crate::exact::accumulator::Accumulator;
use crate::exact::pairs::Pairs;
use crate::exact::sink::Sink;
use crate::interrupt::GRAIN;
use crate::kernel::columns::{Panel, VECTOR, WIDTH};
use crate::kernel::few;
use crate::kernel::summand::Summand;

/// Numbers that are copied at once where memory is not a matrix of numbers: enough rows for the
/// panel to be worth starting.
const COPIED: usize = 1 << 13;

/// Columns, at most, of rows that are taken side by side.
const FOLDED: usize = WIDTH / 4;

/// What one panel sums: rows, and more rows along further axes.
struct Matrix<'a> {
    columns: Step,
    rows: Step,
    outer: &'a [Step],
    /// Rows taken side by side.
    fold: usize,
    data: *const u8,
    mask: *const u8,
}

/// The sums of one panel after another.
struct Columns<'a, O: Operand<Value: Summand>> {
    plan: &'a Plan,
    panel: Panel,
    stage: Option<Stage<O::Value>>,
    /// Rows that count in every column.
    common: i64,
    /// What more counts in each column.
    counts: Vec<i64>,
    pairs: Box<Pairs>,
}

impl Plan {
    /// Rows of memory, added to panels of columns.
    pub(super) fn sum_columns<O: Operand<Value: Summand>>(&self, sink: &dyn Sink) {
        let Some((columns, outer)) = self.kept.split_last() else {
            return;
        };
        let one = Step { size: 1, stride: 0, mask_stride: 0, result_stride: 0 };
        let (rows, reduced) = match self.reduced.split_last() {
            Some((rows, reduced)) => (*rows, reduced),
            None => (one, [].as_slice()),
        };
        let mut sums = Columns::<O> {
            plan: self,
            panel: Panel::new(self.isa),
            stage: None,
            common: 0,
            counts: Vec::new(),
            pairs: Pairs::new(),
        };
        let fold = fold(columns, &rows);
        let terms: usize = self.reduced.iter().map(|step| step.size).product();
        let few = (2..=few::MOST).contains(&terms)
            && columns.size >= few::NARROWEST
            && columns.stride == size_of::<O>() as isize
            && self.is_direct::<O>();
        // From the first row to each.
        let mut offsets = Vec::new();
        if few {
            let start = self.data.addr();
            self.for_each(&self.reduced, self.data, self.mask, 0, |data, _, _| {
                offsets.push(data.addr().wrapping_sub(start) as isize);
            });
        }
        self.for_each(outer, self.data, self.mask, self.result, |data, mask, result| {
            for first in (0..columns.size).step_by(WIDTH) {
                if self.interrupt.is_set() {
                    return;
                }
                let width = columns.size.min(first + WIDTH) - first;
                let at = |pointer: *const u8, stride: isize| {
                    pointer.wrapping_offset(first as isize * stride)
                };
                let (data, mask) = (at(data, columns.stride), at(mask, columns.mask_stride));
                let columns = Step { size: width, ..*columns };
                let result = result + first * columns.result_stride;
                // (An interrupted call has not found all rows.)
                if offsets.len() == terms && width >= few::NARROWEST {
                    let mut rows = [std::ptr::null(); few::MOST];
                    for (row, &offset) in rows.iter_mut().zip(&offsets) {
                        *row = data.wrapping_offset(offset).cast();
                    }
                    let Columns { panel, pairs, .. } = &mut sums;
                    if O::Value::sum_few(self.isa, &rows[..terms], width, panel, pairs) {
                        let pairs = sums.pairs.first(width);
                        sink.put_pairs(result, columns.result_stride, pairs, terms as i64);
                        continue;
                    }
                }
                sums.add(&Matrix { columns, rows, outer: reduced, fold, data, mask });
                sums.put(result, &columns, sink);
            }
        });
    }
}

/// How many rows are taken side by side: those of a narrow matrix follow each other without a gap,
/// and a wide panel is faster.
fn fold(columns: &Step, rows: &Step) -> usize {
    let follow = rows.stride == columns.size as isize * columns.stride
        && rows.mask_stride == columns.size as isize * columns.mask_stride;
    if !follow || columns.size > FOLDED / 2 {
        return 1;
    }
    let most = (FOLDED / columns.size).min(rows.size.div_ceil(SHORT));
    // Whole vectors, if there can be.
    let vectors = VECTOR >> columns.size.trailing_zeros().min(VECTOR.ilog2());
    (most - most % vectors).max(most.min(vectors)).max(1)
}

impl<O: Operand<Value: Summand>> Columns<'_, O> {
    fn add(&mut self, matrix: &Matrix<'_>) {
        let Matrix { columns, rows, fold, .. } = *matrix;
        let wide = columns.size * fold;
        self.panel.start(wide, columns.size, !O::Value::HAS_NAN);
        self.common = 0;
        self.counts.clear();
        self.counts.resize(columns.size, 0);
        self.plan.for_each(matrix.outer, matrix.data, matrix.mask, 0, |data, mask, _| {
            let folded = rows.size / fold;
            let (stride, mask_stride) =
                (rows.stride * fold as isize, rows.mask_stride * fold as isize);
            self.add_rows(&columns, data, mask, folded, wide, wide, stride, mask_stride);
            let rest = rows.size - folded * fold;
            if rest > 0 {
                let by = folded as isize;
                let (data, mask) =
                    (data.wrapping_offset(by * stride), mask.wrapping_offset(by * mask_stride));
                self.add_rows(&columns, data, mask, 1, rest * columns.size, wide, 0, 0);
            }
        });
    }

    /// Adds `count` rows of `width` numbers to a panel of `wide` columns.
    #[allow(clippy::too_many_arguments)]
    fn add_rows(
        &mut self,
        columns: &Step,
        data: *const u8,
        mask: *const u8,
        count: usize,
        width: usize,
        wide: usize,
        stride: isize,
        mask_stride: isize,
    ) {
        let plan = self.plan;
        let line = Line {
            data,
            stride: columns.stride,
            mask,
            mask_stride: columns.mask_stride,
            count: width,
        };
        let side_by_side = (width / columns.size) as i64;
        // SAFETY: the promise of `sum_axes`.
        if let Some(values) = unsafe { line.as_slice::<O>(plan.reading) }
            && width == wide
            && (stride % align_of::<O::Value>() as isize == 0 || count == 1)
        {
            let at_once = GRAIN / wide;
            for first in (0..count).step_by(at_once) {
                if plan.interrupt.is_set() {
                    return;
                }
                let data = values.as_ptr().wrapping_byte_offset(first as isize * stride);
                let rows = Rows { data, stride, count: at_once.min(count - first) };
                O::Value::add_rows(plan.isa, rows, &mut self.panel);
            }
            self.common += count as i64 * side_by_side;
            return;
        }
        let at_once = (COPIED / wide).min(count).max(1);
        let stage = self.stage.get_or_insert_with(|| Stage::new(at_once * wide));
        stage.make_room(at_once * wide);
        for first in (0..count).step_by(at_once) {
            if plan.interrupt.is_set() {
                return;
            }
            let taken = at_once.min(count - first);
            for row in 0..taken {
                let by = (first + row) as isize;
                let line = Line {
                    data: data.wrapping_offset(by * stride),
                    mask: mask.wrapping_offset(by * mask_stride),
                    ..line
                };
                // SAFETY: the promise of `sum_axes`.
                unsafe { stage.fill::<O>(plan.isa, line, plan.reading, row * wide) };
                stage.values[row * wide + width..(row + 1) * wide].fill(O::Value::default());
                if plan.reading.is_selective() {
                    let counted = stage.counted[row * wide..][..width].chunks(columns.size);
                    for counted in counted {
                        for (all, &one) in self.counts.iter_mut().zip(counted) {
                            *all += i64::from(one);
                        }
                    }
                }
            }
            if !plan.reading.is_selective() {
                self.common += taken as i64 * side_by_side;
            }
            let rows = Rows {
                data: stage.values.as_ptr(),
                stride: (wide * size_of::<O::Value>()) as isize,
                count: taken,
            };
            O::Value::add_rows(plan.isa, rows, &mut self.panel);
        }
    }

    /// Puts the sums of the columns.
    fn put(&mut self, result: usize, columns: &Step, sink: &dyn Sink) {
        let step = columns.result_stride;
        // Without a selection there are no counts but the common one; with one, often.
        let more = self.counts.first().copied().unwrap_or(0);
        if self.counts.iter().all(|&count| count == more)
            && self.panel.pairs(self.plan.isa, &mut self.pairs)
        {
            sink.put_pairs(result, step, self.pairs.first(columns.size), self.common + more);
            return;
        }
        for column in 0..columns.size {
            let mut sum: Accumulator = self.panel.sum(column);
            sum.add_zeros(self.common + self.counts[column]);
            sink.put(result + column * step, &sum);
        }
    }
}
