//! Reductions: one result from the elements along any axes of any array.
//!
//! A [`Reduction`] defines what is computed from the elements, and passes on the results;
//! [`reduce`] traverses memory for it, in the most efficient order, since every reduction here is
//! exact and independent of the order. Elements are passed according to their layout: as long runs,
//! panels of columns, or short rows. Other layouts, and elements to be excluded, are copied to a
//! buffer (a *stage*) first.
//!
//! - `erased`: reductions without the type of their numbers, so that what follows is compiled once
//!   for all types.
//! - `plan`: sorting the axes, choosing a strategy, and dividing the work among threads.
//! - The strategies: `runs`, each result from its own elements; `panels`, many columns at once;
//!   `rows`, many short rows at once.
//! - The reductions: `sum` (that of panels in `column_sums`), `squares`.

mod column_sums;
mod erased;
mod panels;
mod plan;
mod rows;
mod runs;
pub(crate) mod squares;
pub(crate) mod sum;
#[cfg(test)]
mod tests;

pub(crate) use plan::reduce;

use crate::array::element::Native;
use crate::array::view::{Rows, View};
use crate::cpu::Isa;

/// An array, and which of its elements are included.
///
/// ```
/// use mypackage::sum::{Input, View, collect};
///
/// let (values, mask) = ([1.0, f64::NAN, 2.0, 4.0], [true, true, true, false]);
/// let input = Input { mask: Some(View::of_mask(&mask)), skip_nan: true, ..View::of(&values).into() };
/// assert_eq!(collect(&input, &[true]).get(0).to_f64(), 3.0);
/// ```
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// The elements.
    pub view: View<'a>,
    /// A mask of the same shape: elements whose byte is 0 are excluded.
    pub mask: Option<View<'a>>,
    /// Whether NaNs are left out.
    pub skip_nan: bool,
}

/// All elements.
impl<'a> From<View<'a>> for Input<'a> {
    fn from(view: View<'a>) -> Input<'a> {
        Input { view, mask: None, skip_nan: false }
    }
}

/// Whether the elements of a result may be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// A reduction may compute an interval, and request another attempt if that does not decide the
    /// result.
    First,
    /// The result must be final.
    Exact,
}

/// What is computed from the elements of each result. One value is shared by all threads.
///
/// `V` represents the elements exactly: [`f32`] those of float16, [`u8`] bools.
pub(crate) trait Reduction<V: Native>: Sync {
    /// A thread's state between results.
    type Worker;
    /// The intermediate state of a result.
    type Partial: Send;

    /// A state for about this many elements in all.
    fn worker(&self, isa: Isa, elements: usize) -> Self::Worker;

    /// Begins a result.
    fn start(&self, worker: &mut Self::Worker, attempt: Attempt) -> Self::Partial;

    /// Adds values: a long run in memory, or up to [`runs::STAGED`] values from a stage.
    fn add(&self, worker: &mut Self::Worker, into: &mut Self::Partial, values: &[V]);

    /// Adds up to [`runs::STAGED`] values. Those with a 0 in `counted` are excluded, and are 0; the
    /// others have a 1 there.
    fn add_selected(
        &self,
        worker: &mut Self::Worker,
        into: &mut Self::Partial,
        values: &[V],
        counted: &[u8],
    ) {
        // Correct if zeros do not change the result.
        let _ = counted;
        self.add(worker, into, values);
    }

    /// Adds the values of a long run in memory that a mask, if there is one, includes, and that are
    /// not NaN, if these are left out; returns how many these are. `None` if there is no kernel for
    /// it; then they are passed through a stage.
    fn add_selected_run(
        &self,
        worker: &mut Self::Worker,
        into: &mut Self::Partial,
        values: &[V],
        mask: Option<&[u8]>,
        skip_nan: bool,
    ) -> Option<usize> {
        let _ = (worker, into, values, mask, skip_nan);
        None
    }

    /// Whether there is a kernel for two results whose values alternate.
    const TURNS: bool = false;

    /// Adds the values with an even index of a long run in memory to one result, and those with an
    /// odd one to another.
    fn add_in_turn(&self, worker: &mut Self::Worker, into: &mut [Self::Partial; 2], values: &[V]) {
        let _ = (worker, into, values);
        unreachable!("there is no kernel for two results in turn");
    }

    /// Merges the state of other elements of the same result.
    fn merge(&self, into: &mut Self::Partial, other: Self::Partial);

    /// Ends a result with `count` included elements. If it returns `false`, all of them are passed
    /// again, as [`Attempt::Exact`].
    fn finish(
        &self,
        worker: &mut Self::Worker,
        result: usize,
        partial: Self::Partial,
        count: i64,
    ) -> bool;

    /// Begins a panel of columns, whose elements are passed row by row; returns whether there is a
    /// kernel for it. Otherwise the elements of each column are passed separately.
    fn start_panel(&self, worker: &mut Self::Worker, panel: PanelShape, attempt: Attempt) -> bool {
        let _ = (worker, panel, attempt);
        false
    }

    /// Adds rows of [`PanelShape::width`] values to the columns; excluded values are 0, and so are
    /// their bytes in `counted`, if there are any.
    fn add_rows(
        &self,
        worker: &mut Self::Worker,
        rows: Rows<'_, V>,
        counted: Option<Rows<'_, u8>>,
    ) {
        let _ = (worker, rows, counted);
        unreachable!("there is no kernel for panels");
    }

    /// Ends the columns of a panel as results. If it returns `false`, all of its rows are passed
    /// again, as [`Attempt::Exact`].
    fn finish_panel(
        &self,
        worker: &mut Self::Worker,
        results: Results,
        counts: Counts<'_>,
    ) -> bool {
        let _ = (worker, results, counts);
        unreachable!("there is no kernel for panels");
    }

    /// Whether a column of the panel that has just ended is decided, though others must be read
    /// again.
    fn is_done(&self, worker: &Self::Worker, column: usize) -> bool {
        let _ = (worker, column);
        false
    }

    /// The state of a column of a panel after some of its rows.
    fn column(&self, worker: &mut Self::Worker, column: usize) -> Self::Partial {
        let _ = (worker, column);
        unreachable!("there is no kernel for panels");
    }

    /// Begins a batch of results that consist of short rows. Returns the size of the batch, which
    /// the reduction chooses; 0 if there is no kernel for it.
    fn rows_at_once(&self, worker: &mut Self::Worker, rows: ShortRows) -> usize {
        let _ = (worker, rows);
        0
    }

    /// Adds a row to each result of a batch; `first` is true for the first rows of a batch.
    fn add_short_rows(&self, worker: &mut Self::Worker, rows: Rows<'_, V>, first: bool) {
        let _ = (worker, rows, first);
        unreachable!("there is no kernel for short rows");
    }

    /// Ends a batch of results of `count` elements each. If it returns `false`, the elements of
    /// each result are passed separately.
    fn finish_short_rows(&self, worker: &mut Self::Worker, results: Results, count: i64) -> bool {
        let _ = (worker, results, count);
        unreachable!("there is no kernel for short rows");
    }
}

/// A panel of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PanelShape {
    /// The number of values in a row: at most [`panels::WIDTH`].
    pub width: usize,
    /// The number of columns. If it is less than the width, a row consists of several rows of
    /// memory: value `i` of a row belongs to column `i % columns`.
    pub columns: usize,
    /// The total number of rows.
    pub rows: usize,
}

/// Short rows, each of which gives a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShortRows {
    /// Values in a row.
    pub length: usize,
    /// The number of results in a row: 2 for interleaved parts of complex numbers, else 1.
    pub parts: usize,
    /// Bytes from one row to the next.
    pub stride: isize,
    /// Results.
    pub count: usize,
    /// The number of rows of each result.
    pub rows_each: usize,
}

/// The results `first`, `first + step`, ...
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Results {
    pub first: usize,
    pub step: usize,
    pub count: usize,
}

impl Results {
    #[inline]
    pub fn at(self, index: usize) -> usize {
        self.first + index * self.step
    }
}

/// The number of included elements.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Counts<'a> {
    /// The same number in every column.
    All(i64),
    /// The number in each column.
    Each(&'a [i64]),
}

impl Counts<'_> {
    #[inline]
    pub fn get(self, index: usize) -> i64 {
        match self {
            Counts::All(count) => count,
            Counts::Each(counts) => counts[index],
        }
    }
}
