//! Sums of columns: rows of memory are added to a panel of results.

use super::erased::Numbers;
use super::plan::{Axes, DATA, MASK, Offsets, Plan, RESULT, SHORT};
use super::runs::{STAGED, Thread, add_staged};
use super::{Attempt, Counts, PanelShape, Results};
use crate::array::view::Rows;
use crate::array::walk::{self, Step};
use crate::interrupt::GRAIN;

/// The most values in a row of a panel.
pub(crate) const WIDTH: usize = crate::kernel::columns::WIDTH;
/// Values in a vector, on every processor.
const VECTOR: usize = crate::kernel::columns::VECTOR;
/// The number of values copied at once if memory is not a matrix of numbers: enough rows for a
/// panel to pay.
const COPIED: usize = 1 << 13;
/// The largest number of values in rows that are combined, if each row must be located.
const FOLDED: usize = WIDTH / 4;
/// As [`FOLDED`], of binary64 numbers in memory: rows as short as this are read nearly
/// sequentially, which suits the hardware prefetcher. (Narrower numbers and integers gain nothing.)
const FORESEEN: usize = crate::kernel::columns::FORESEEN;
/// The number of columns read in turn, if there is no kernel for panels: more than share cache
/// lines.
const IN_TURN: usize = 32;
/// The number of rows of these that are read at once.
const BLOCK: usize = 256;

/// Columns in memory, and their rows.
struct Matrix<'a> {
    columns: Axes,
    rows: Axes,
    outer: &'a [Axes],
    /// The number of rows of memory combined into one.
    fold: usize,
    offsets: Offsets,
}

/// The numbers of included elements in the columns of a panel.
#[derive(Default)]
struct Counted {
    /// The same number in every column.
    common: i64,
    /// The further elements in each column.
    more: Vec<i64>,
}

impl<W, P: Send> Thread<'_, W, P> {
    /// Rows of memory, added to panels of columns.
    pub fn run_columns(&mut self, plan: &Plan<'_>) {
        let Some((columns, kept)) = plan.kept.split_last() else {
            return;
        };
        let (rows, outer) = match plan.reduced.split_last() {
            Some((rows, outer)) => (*rows, outer),
            None => (Step::ONE, [].as_slice()),
        };
        let Numbers { size, has_nan, .. } = self.numbers;
        let is_read = columns.strides[DATA] == size as isize
            && size == size_of::<f64>()
            && has_nan
            && !plan.is_selective(self.numbers);
        let most = if is_read && columns.size <= FORESEEN { FORESEEN } else { FOLDED };
        let fold = fold(columns, &rows, most);
        let mut counted = Counted::default();
        walk::for_each(kept, plan.origin, &plan.interrupt, |offsets| {
            for first in (0..columns.size).step_by(WIDTH) {
                if plan.interrupt.is_set() {
                    return;
                }
                let columns = Step { size: WIDTH.min(columns.size - first), ..*columns };
                let offsets = columns.from(offsets, first);
                let matrix = Matrix { columns, rows, outer, fold, offsets };
                self.until_done(|thread, attempt| {
                    thread.run_panel(plan, &matrix, &mut counted, attempt)
                });
            }
        });
    }

    /// Reduces one panel; returns whether its elements need not be read again.
    fn run_panel(
        &mut self,
        plan: &Plan<'_>,
        matrix: &Matrix<'_>,
        counted: &mut Counted,
        attempt: Attempt,
    ) -> bool {
        let Matrix { columns, rows, outer, fold, offsets } = *matrix;
        let width = columns.size * fold;
        let all_rows = walk::count(outer) * rows.size.div_ceil(fold);
        let panel = PanelShape { width, columns: columns.size, rows: all_rows };
        if !self.reduction.start_panel(&mut self.worker, panel, attempt) {
            return self.run_in_turn(plan, matrix, attempt);
        }
        counted.common = 0;
        counted.more.clear();
        counted.more.resize(columns.size, 0);
        walk::for_each(outer, offsets, &plan.interrupt, |offsets| {
            // Combined rows, and the remaining ones.
            let folded =
                Step { size: rows.size / fold, strides: rows.strides.map(|x| x * fold as isize) };
            self.add_rows(plan, &columns, offsets, &folded, width, width, counted);
            let rest = rows.size % fold;
            if rest > 0 {
                let offsets = folded.from(offsets, folded.size);
                let width = rest * columns.size;
                self.add_rows(plan, &columns, offsets, &Step::ONE, width, panel.width, counted);
            }
        });
        let first = offsets[RESULT] as usize;
        let step = columns.strides[RESULT] as usize;
        if self.is_sharing() {
            for column in 0..columns.size {
                let partial = self.reduction.column(&mut self.worker, column);
                let count = counted.common + counted.more[column];
                self.put(first + column * step, partial, count);
            }
            return true;
        }
        // Without a selection there is only the common count; with one, often too.
        let more = counted.more[0];
        let counts = if counted.more.iter().all(|&count| count == more) {
            Counts::All(counted.common + more)
        } else {
            counted.more.iter_mut().for_each(|more| *more += counted.common);
            Counts::Each(&counted.more)
        };
        let results = Results { first, step, count: columns.size };
        self.reduction.finish_panel(&mut self.worker, results, counts)
    }

    /// Adds rows of `width` elements to a panel whose own width is `wide`.
    #[allow(clippy::too_many_arguments)]
    fn add_rows(
        &mut self,
        plan: &Plan<'_>,
        columns: &Axes,
        offsets: Offsets,
        rows: &Axes,
        width: usize,
        wide: usize,
        counted: &mut Counted,
    ) {
        let Thread { reduction, numbers, worker, stage, .. } = self;
        let is_selective = plan.is_selective(*numbers);
        let side_by_side = (width / columns.size) as i64;
        let dense = columns.strides[DATA] == numbers.size as isize || width == 1;
        let view = &plan.input.view;
        if dense
            && width == wide
            && !is_selective
            && let rows = view.rows(offsets[DATA], rows.strides[DATA], rows.size, width)
            && reduction.reads_rows(rows)
        {
            let at_once = GRAIN / wide;
            for first in (0..rows.len()).step_by(at_once) {
                if plan.interrupt.is_set() {
                    return;
                }
                reduction.add_rows(worker, rows.part(first, at_once), None);
            }
            counted.common += rows.len() as i64 * side_by_side;
            return;
        }
        // Shorter rows are filled up with excluded values.
        let is_short = width < wide;
        let at_once = (COPIED / wide).min(rows.size).max(1);
        let stage = stage.get_or_insert_with(|| reduction.stage(at_once * wide));
        stage.make_room(at_once * wide);
        for first in (0..rows.size).step_by(at_once) {
            if plan.interrupt.is_set() {
                return;
            }
            let taken = at_once.min(rows.size - first);
            for row in 0..taken {
                let (line, selection) = plan.line(rows.from(offsets, first + row), columns, width);
                stage.fill(plan.isa, line, selection, row * wide);
                let beyond = row * wide + width..(row + 1) * wide;
                stage.clear(beyond.clone());
                if is_short && !is_selective {
                    stage.counted_mut()[row * wide..][..width].fill(1);
                    stage.counted_mut()[beyond.clone()].fill(0);
                }
                if is_selective {
                    stage.counted_mut()[beyond].fill(0);
                    let own = stage.counted()[row * wide..][..width].chunks(columns.size);
                    for own in own {
                        for (all, &one) in counted.more.iter_mut().zip(own) {
                            *all += i64::from(one);
                        }
                    }
                }
            }
            if !is_selective {
                counted.common += taken as i64 * side_by_side;
            }
            let values = stage.rows(taken, wide);
            let counted = Rows::of(&stage.counted()[..taken * wide], wide);
            reduction.add_rows(worker, values, (is_selective || is_short).then_some(counted));
        }
    }

    /// Passes the elements of each column separately, some of each in turn.
    fn run_in_turn(&mut self, plan: &Plan<'_>, matrix: &Matrix<'_>, attempt: Attempt) -> bool {
        let Matrix { columns, rows, outer, offsets, .. } = *matrix;
        let mut done = true;
        for first in (0..columns.size).step_by(IN_TURN) {
            let columns = Step { size: IN_TURN.min(columns.size - first), ..columns };
            let offsets = columns.from(offsets, first);
            let attempts = if attempt == Attempt::First && !self.is_sharing() {
                [Attempt::First, Attempt::Exact].as_slice()
            } else {
                &[attempt]
            };
            let is_left = |column: &usize| !self.reduction.is_done(&self.worker, first + column);
            let mut left: Vec<usize> = (0..columns.size).filter(is_left).collect();
            for &attempt in attempts {
                if left.is_empty() {
                    break;
                }
                left = self.add_in_turn(plan, &columns, &rows, outer, offsets, left, attempt);
            }
            done &= left.is_empty();
        }
        done
    }

    /// Reduces some columns; returns those that must be read again.
    #[allow(clippy::too_many_arguments)]
    fn add_in_turn(
        &mut self,
        plan: &Plan<'_>,
        columns: &Axes,
        rows: &Axes,
        outer: &[Axes],
        offsets: Offsets,
        wanted: Vec<usize>,
        attempt: Attempt,
    ) -> Vec<usize> {
        let Thread { reduction, worker, stage, .. } = &mut *self;
        let stage = stage.get_or_insert_with(|| reduction.stage(STAGED));
        stage.make_room(STAGED);
        let mut partials: Vec<(usize, P, usize)> = Vec::with_capacity(wanted.len());
        partials
            .extend(wanted.into_iter().map(|column| (column, reduction.start(worker, attempt), 0)));
        walk::for_each(outer, offsets, &plan.interrupt, |offsets| {
            for first in (0..rows.size).step_by(BLOCK) {
                if plan.interrupt.is_set() {
                    return;
                }
                let count = BLOCK.min(rows.size - first);
                let offsets = rows.from(offsets, first);
                for (column, partial, counted) in &mut partials {
                    let (line, selection) = plan.line(columns.from(offsets, *column), rows, count);
                    stage.fill(plan.isa, line, selection, 0);
                    *counted += add_staged(plan, *reduction, worker, &**stage, count, partial);
                }
            }
        });
        let mut again = Vec::new();
        for (column, partial, count) in partials {
            let result = columns.from(offsets, column)[RESULT] as usize;
            if !self.put(result, partial, count as i64) {
                again.push(column);
            }
        }
        again
    }
}

/// How many rows are combined into one of at most `most` values: the rows of a narrow matrix are
/// contiguous, and a wide panel is faster.
fn fold(columns: &Axes, rows: &Axes, most: usize) -> usize {
    let follow = [DATA, MASK]
        .into_iter()
        .all(|array| rows.strides[array] == columns.size as isize * columns.strides[array]);
    if !follow || columns.size > most / 2 {
        return 1;
    }
    let most = (most / columns.size).min(rows.size.div_ceil(SHORT));
    // Whole vectors, if possible.
    let vectors = VECTOR >> columns.size.trailing_zeros().min(VECTOR.ilog2());
    (most - most % vectors).max(most.min(vectors)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_side_by_side_are_whole_vectors_and_no_more_than_there_are() {
        for size in 1..WIDTH {
            for count in [1, 2, 31, 32, 33, 1000, 100_000] {
                let columns = Step { size, strides: [8, 0, 1] };
                let rows = Step { size: count, strides: [8 * size as isize, 0, 0] };
                for most in [FOLDED, FORESEEN] {
                    let taken = fold(&columns, &rows, most);
                    assert!(
                        taken >= 1 && taken * size <= WIDTH && taken <= count,
                        "{size} {count}"
                    );
                    assert!(taken == 1 || taken * size <= most.max(VECTOR * size));
                    let apart = Step { strides: [8 * size as isize + 8, 0, 0], ..rows };
                    assert_eq!(fold(&columns, &apart, most), 1);
                }
            }
        }
    }
}
