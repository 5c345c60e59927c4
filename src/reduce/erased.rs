//! Reductions without the type of their numbers: the walk over an array is compiled once for each
//! reduction, instead of once for each of its number types.

use std::any::type_name;
use std::marker::PhantomData;
use std::ops::Range;

use super::{Attempt, Counts, PanelShape, Reduction, Results, ShortRows};
use crate::array::element::{Native, Selection, Stage};
use crate::array::view::{AnyRows, Line, Rows, View};
use crate::cpu::Isa;

/// A [`Reduction`] of numbers of any type. Those it is given are in memory as the type has them.
pub(super) trait AnyReduction: Sync {
    type Worker;
    type Partial: Send;

    fn numbers(&self) -> Numbers;
    fn stage(&self, size: usize) -> Box<dyn AnyStage>;
    /// Whether the first element of an array can be read in place.
    fn reads(&self, view: &View<'_>) -> bool;
    /// Whether a line can be added without a stage.
    fn reads_line(&self, line: Line<'_>) -> bool;
    /// Whether rows can be added without a stage.
    fn reads_rows(&self, rows: AnyRows<'_>) -> bool;

    // As in `Reduction`.
    fn worker(&self, isa: Isa, elements: usize) -> Self::Worker;
    fn start(&self, worker: &mut Self::Worker, attempt: Attempt) -> Self::Partial;
    fn add(&self, worker: &mut Self::Worker, into: &mut Self::Partial, values: Line<'_>);
    fn add_selected(
        &self,
        worker: &mut Self::Worker,
        into: &mut Self::Partial,
        values: Line<'_>,
        counted: &[u8],
    );
    fn add_selected_run(
        &self,
        worker: &mut Self::Worker,
        into: &mut Self::Partial,
        values: Line<'_>,
        mask: Option<&[u8]>,
        skip_nan: bool,
    ) -> Option<usize>;
    fn add_in_turn(
        &self,
        worker: &mut Self::Worker,
        into: &mut [Self::Partial; 2],
        values: Line<'_>,
    );
    fn merge(&self, into: &mut Self::Partial, other: Self::Partial);
    fn finish(
        &self,
        worker: &mut Self::Worker,
        result: usize,
        partial: Self::Partial,
        count: i64,
    ) -> bool;
    fn start_panel(&self, worker: &mut Self::Worker, panel: PanelShape, attempt: Attempt) -> bool;
    fn add_rows(&self, worker: &mut Self::Worker, rows: AnyRows<'_>, counted: Option<Rows<'_, u8>>);
    fn finish_panel(&self, worker: &mut Self::Worker, results: Results, counts: Counts<'_>)
    -> bool;
    fn is_done(&self, worker: &Self::Worker, column: usize) -> bool;
    fn column(&self, worker: &mut Self::Worker, column: usize) -> Self::Partial;
    fn rows_at_once(&self, worker: &mut Self::Worker, rows: ShortRows) -> usize;
    fn add_short_rows(&self, worker: &mut Self::Worker, rows: AnyRows<'_>, first: bool);
    fn finish_short_rows(&self, worker: &mut Self::Worker, results: Results, count: i64) -> bool;
}

/// A reduction with a state `W` of a thread and `P` of a result.
pub(super) type Erased<'r, W, P> = dyn AnyReduction<Worker = W, Partial = P> + 'r;

/// Properties of the number type of a reduction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    /// Bytes of a number, and their alignment.
    pub size: usize,
    pub align: usize,
    pub has_nan: bool,
    /// Whether there is a kernel for two results whose values alternate.
    pub turns: bool,
}

/// A [`Stage`] for numbers of any type.
pub(super) trait AnyStage {
    fn make_room(&mut self, size: usize);
    fn fill(&mut self, isa: Isa, line: Line<'_>, selection: Selection<'_>, at: usize);
    /// Sets values to 0.
    fn clear(&mut self, range: Range<usize>);
    /// The first values.
    fn values(&self, count: usize) -> Line<'_>;
    /// The first values, as rows.
    fn rows(&self, count: usize, width: usize) -> AnyRows<'_>;
    fn counted(&self) -> &[u8];
    fn counted_mut(&mut self) -> &mut [u8];
}

impl<V: Native> AnyStage for Stage<V> {
    fn make_room(&mut self, size: usize) {
        Stage::make_room(self, size);
    }

    fn fill(&mut self, isa: Isa, line: Line<'_>, selection: Selection<'_>, at: usize) {
        Stage::fill(self, isa, line, selection, at);
    }

    fn clear(&mut self, range: Range<usize>) {
        self.values[range].fill(V::default());
    }

    fn values(&self, count: usize) -> Line<'_> {
        Line::of(&self.values[..count])
    }

    fn rows(&self, count: usize, width: usize) -> AnyRows<'_> {
        Rows::of(&self.values[..count * width], width).erased()
    }

    fn counted(&self) -> &[u8] {
        &self.counted
    }

    fn counted_mut(&mut self) -> &mut [u8] {
        &mut self.counted
    }
}

/// A reduction of numbers of the type `V`.
pub(super) struct Of<'r, V, R> {
    reduction: &'r R,
    numbers: PhantomData<fn(V)>,
}

impl<'r, V, R> Of<'r, V, R> {
    pub fn new(reduction: &'r R) -> Of<'r, V, R> {
        Of { reduction, numbers: PhantomData }
    }
}

#[inline]
fn slice<V: Native>(line: Line<'_>) -> &[V] {
    line.as_slice().unwrap_or_else(|| panic!("a line of {} in memory", type_name::<V>()))
}

#[inline]
fn typed<V: Native>(rows: AnyRows<'_>) -> Rows<'_, V> {
    rows.of().unwrap_or_else(|| panic!("rows of {} in memory", type_name::<V>()))
}

impl<V: Native, R: Reduction<V>> AnyReduction for Of<'_, V, R> {
    type Worker = R::Worker;
    type Partial = R::Partial;

    fn numbers(&self) -> Numbers {
        let (size, align) = (size_of::<V>(), align_of::<V>());
        Numbers { size, align, has_nan: V::HAS_NAN, turns: R::TURNS }
    }

    fn stage(&self, size: usize) -> Box<dyn AnyStage> {
        Box::new(Stage::<V>::new(size))
    }

    fn reads(&self, view: &View<'_>) -> bool {
        view.holds::<V>()
    }

    fn reads_line(&self, line: Line<'_>) -> bool {
        line.as_slice::<V>().is_some()
    }

    fn reads_rows(&self, rows: AnyRows<'_>) -> bool {
        rows.of::<V>().is_some()
    }

    fn worker(&self, isa: Isa, elements: usize) -> R::Worker {
        self.reduction.worker(isa, elements)
    }

    fn start(&self, worker: &mut R::Worker, attempt: Attempt) -> R::Partial {
        self.reduction.start(worker, attempt)
    }

    fn add(&self, worker: &mut R::Worker, into: &mut R::Partial, values: Line<'_>) {
        self.reduction.add(worker, into, slice(values));
    }

    fn add_selected(
        &self,
        worker: &mut R::Worker,
        into: &mut R::Partial,
        values: Line<'_>,
        counted: &[u8],
    ) {
        self.reduction.add_selected(worker, into, slice(values), counted);
    }

    fn add_selected_run(
        &self,
        worker: &mut R::Worker,
        into: &mut R::Partial,
        values: Line<'_>,
        mask: Option<&[u8]>,
        skip_nan: bool,
    ) -> Option<usize> {
        self.reduction.add_selected_run(worker, into, slice(values), mask, skip_nan)
    }

    fn add_in_turn(&self, worker: &mut R::Worker, into: &mut [R::Partial; 2], values: Line<'_>) {
        self.reduction.add_in_turn(worker, into, slice(values));
    }

    fn merge(&self, into: &mut R::Partial, other: R::Partial) {
        self.reduction.merge(into, other);
    }

    fn finish(
        &self,
        worker: &mut R::Worker,
        result: usize,
        partial: R::Partial,
        count: i64,
    ) -> bool {
        self.reduction.finish(worker, result, partial, count)
    }

    fn start_panel(&self, worker: &mut R::Worker, panel: PanelShape, attempt: Attempt) -> bool {
        self.reduction.start_panel(worker, panel, attempt)
    }

    fn add_rows(&self, worker: &mut R::Worker, rows: AnyRows<'_>, counted: Option<Rows<'_, u8>>) {
        self.reduction.add_rows(worker, typed(rows), counted);
    }

    fn finish_panel(&self, worker: &mut R::Worker, results: Results, counts: Counts<'_>) -> bool {
        self.reduction.finish_panel(worker, results, counts)
    }

    fn is_done(&self, worker: &R::Worker, column: usize) -> bool {
        self.reduction.is_done(worker, column)
    }

    fn column(&self, worker: &mut R::Worker, column: usize) -> R::Partial {
        self.reduction.column(worker, column)
    }

    fn rows_at_once(&self, worker: &mut R::Worker, rows: ShortRows) -> usize {
        self.reduction.rows_at_once(worker, rows)
    }

    fn add_short_rows(&self, worker: &mut R::Worker, rows: AnyRows<'_>, first: bool) {
        self.reduction.add_short_rows(worker, typed(rows), first);
    }

    fn finish_short_rows(&self, worker: &mut R::Worker, results: Results, count: i64) -> bool {
        self.reduction.finish_short_rows(worker, results, count)
    }
}
