//! Reductions: one result from the elements along any axes of any array.
//!
//! A [`Reduction`] says what is computed of the elements, and gives its results to whoever asked for
//! them; [`reduce`] walks through memory for it, in an order that suits memory: every reduction here
//! is exact, so that the order does not matter. What it finds there is handed over in the form in
//! which it lies: long runs, panels of columns, short rows. Where it is nothing of the kind, or
//! elements are left out, it is copied to a stage first.
//!
//! - `plan`: the axes sorted, the choice of a way, and the sharing out among threads.
//! - The ways: `runs`, each result from its own elements; `panels`, many columns at once; `rows`,
//!   many short rows at once.
//! - The reductions: `sum`, `squares`.

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

/// An array, and what of it is counted.
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
    /// Truth values of the same shape: elements whose byte is 0 are left out.
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

/// Whether a result may be read once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// A reduction may compute an interval, and ask for another attempt if that does not tell what
    /// the result is.
    First,
    /// It must come to an end.
    Exact,
}

/// What is computed of the elements of each result. One value serves all threads.
///
/// `V` holds the elements exactly: [`f32`] those of float16, [`u8`] truth values.
pub(crate) trait Reduction<V: Native>: Sync {
    /// What one thread keeps from one result to the next.
    type Worker;
    /// What is known of a result until all its elements were seen.
    type Partial: Send;

    /// For about so many elements in all.
    fn worker(&self, isa: Isa, elements: usize) -> Self::Worker;

    /// Begins a result.
    fn start(&self, worker: &mut Self::Worker, attempt: Attempt) -> Self::Partial;

    /// Adds values: a long run of memory, or up to [`runs::STAGED`] values from a stage.
    fn add(&self, worker: &mut Self::Worker, into: &mut Self::Partial, values: &[V]);

    /// Adds up to [`runs::STAGED`] values of which only those whose byte in `counted` is 1 count; the
    /// others are 0, and so is their byte.
    fn add_selected(
        &self,
        worker: &mut Self::Worker,
        into: &mut Self::Partial,
        values: &[V],
        counted: &[u8],
    ) {
        // Right where zeros add nothing.
        let _ = counted;
        self.add(worker, into, values);
    }

    /// Adds those of a long run of values in memory that the bytes of a mask let through, if there is
    /// one, and that are not NaN, if these are left out; how many these are. `None` without a kernel
    /// for it, and then they come by way of a stage.
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

    /// Whether there is a kernel for two results whose values take turns.
    const TURNS: bool = false;

    /// Adds the values with an even index of a long run of memory to one result, and those with an odd
    /// one to another.
    fn add_in_turn(&self, worker: &mut Self::Worker, into: &mut [Self::Partial; 2], values: &[V]) {
        let _ = (worker, into, values);
        unreachable!("there is no kernel for two results in turn");
    }

    /// Adds what is known of other elements of the same result.
    fn merge(&self, into: &mut Self::Partial, other: Self::Partial);

    /// Ends a result of `count` elements that count. If it returns `false`, all of them come again,
    /// as [`Attempt::Exact`].
    fn finish(
        &self,
        worker: &mut Self::Worker,
        result: usize,
        partial: Self::Partial,
        count: i64,
    ) -> bool;

    /// Begins a panel of columns, whose elements come in rows; whether there is a kernel for it.
    /// Otherwise the elements of each column come one after the other.
    fn start_panel(&self, worker: &mut Self::Worker, panel: PanelShape, attempt: Attempt) -> bool {
        let _ = (worker, panel, attempt);
        false
    }

    /// Adds rows of [`PanelShape::width`] values to the columns; what was left out is 0, and
    /// its byte in `counted`, if there are any, too.
    fn add_rows(
        &self,
        worker: &mut Self::Worker,
        rows: Rows<'_, V>,
        counted: Option<Rows<'_, u8>>,
    ) {
        let _ = (worker, rows, counted);
        unreachable!("there is no kernel for panels");
    }

    /// Ends the columns of a panel as results. If it returns `false`, all of its rows come again, as
    /// [`Attempt::Exact`].
    fn finish_panel(
        &self,
        worker: &mut Self::Worker,
        results: Results,
        counts: Counts<'_>,
    ) -> bool {
        let _ = (worker, results, counts);
        unreachable!("there is no kernel for panels");
    }

    /// Whether a column of the panel that has just ended need not be read again, though others must.
    fn is_done(&self, worker: &Self::Worker, column: usize) -> bool {
        let _ = (worker, column);
        false
    }

    /// What is known of a column of a panel, of which not all rows have been seen.
    fn column(&self, worker: &mut Self::Worker, column: usize) -> Self::Partial {
        let _ = (worker, column);
        unreachable!("there is no kernel for panels");
    }

    /// Begins a batch of results of short rows each, at most so many that the length of
    /// [`ShortRows`] allows; whether there is a kernel for it. The batch is as large as the reduction
    /// likes, which is what is returned; 0 without a kernel.
    fn rows_at_once(&self, worker: &mut Self::Worker, rows: ShortRows) -> usize {
        let _ = (worker, rows);
        0
    }

    /// Adds a row to each result of a batch; `first` tells whether they are the first rows of a
    /// batch.
    fn add_short_rows(&self, worker: &mut Self::Worker, rows: Rows<'_, V>, first: bool) {
        let _ = (worker, rows, first);
        unreachable!("there is no kernel for short rows");
    }

    /// Ends a batch of results of `count` elements each. If it returns `false`, the elements of each
    /// come one after the other.
    fn finish_short_rows(&self, worker: &mut Self::Worker, results: Results, count: i64) -> bool {
        let _ = (worker, results, count);
        unreachable!("there is no kernel for short rows");
    }
}

/// A panel of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PanelShape {
    /// Values in a row: at most [`panels::WIDTH`].
    pub width: usize,
    /// Columns. Where they are less than the width, several rows of memory lie side by side: value
    /// `i` of a row belongs to column `i % columns`.
    pub columns: usize,
    /// Rows in all.
    pub rows: usize,
}

/// Rows that are a result each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShortRows {
    /// Values in a row.
    pub length: usize,
    /// Results in a row: 2 if the parts of complex numbers take turns, else 1.
    pub parts: usize,
    /// Bytes from one row to the next.
    pub stride: isize,
    /// Results.
    pub count: usize,
    /// Rows that each result consists of.
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

/// How many elements count.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Counts<'a> {
    /// In every column.
    All(i64),
    /// In each column.
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
