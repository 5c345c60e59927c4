//! The kernels for each number type, by memory layout.

use super::adaptive::Summer;
use super::columns::Panel;
use super::integers::sum_integers;
use super::levels::BLOCK;
use super::number::Number;
use super::short_rows::Batches;
use crate::array::element::Native;
use crate::array::memory;
use crate::array::view::Rows;
use crate::cpu::{Isa, dispatch};
use crate::exact::interval::Interval;
use crate::exact::pairs::{BATCH, Pairs};
use crate::exact::round::Format;

/// A native number with kernels for a run of numbers and for a matrix of columns.
pub(crate) trait Summand: Native {
    /// The instruction set for slices of such numbers.
    fn isa_of_slices(isa: Isa) -> Isa {
        isa
    }
    /// Adds a run, without counting it.
    fn add_run(isa: Isa, values: &[Self], summer: &mut Summer, into: &mut Interval);
    /// Adds the numbers of a run that a mask, if there is one, includes, and that are not NaN, if
    /// these are left out; returns how many these are.
    fn add_selected_run(
        isa: Isa,
        values: &[Self],
        mask: Option<&[u8]>,
        skip_nan: bool,
        summer: &mut Summer,
        into: &mut Interval,
    ) -> usize;
    /// Whether there is a kernel for two interleaved sums.
    const TURNS: bool = false;
    /// Adds the numbers with an even index to one sum and those with an odd one to another, without
    /// counting them.
    fn add_in_turn(values: &[Self], summer: &mut Summer, into: &mut [Interval; 2]) {
        let _ = (values, summer, into);
        unreachable!("there is no kernel for two sums in turn");
    }
    /// The numbers, if they are binary64.
    fn doubles(_: &[Self]) -> Option<&[f64]> {
        None
    }
    /// Sums a batch of short runs to pairs; returns whether that succeeded.
    fn sum_runs(isa: Isa, runs: Rows<'_, Self>, batches: &mut Batches, summer: &mut Summer)
    -> bool;
    /// Rounds the sums of a batch of short runs, divided by a number, to a format; NaN for those
    /// that must be computed otherwise. Returns whether there is a kernel for it that was used.
    fn round_runs(
        isa: Isa,
        runs: Rows<'_, Self>,
        batches: &mut Batches,
        format: Format,
        divisor: f64,
        rounded: &mut [f64; BATCH],
    ) -> bool {
        let _ = (isa, runs, batches, format, divisor, rounded);
        false
    }
    /// Sums the columns of a few rows to pairs, using a panel; returns whether that succeeded.
    fn sum_few(isa: Isa, rows: Rows<'_, Self>, panel: &mut Panel, pairs: &mut Pairs) -> bool;
    /// Adds rows to the columns of a panel, without counting them.
    fn add_rows(isa: Isa, rows: Rows<'_, Self>, panel: &mut Panel);
}

macro_rules! floating {
    ($($type:ty),*) => {$(
        impl Summand for $type {
            fn isa_of_slices(isa: Isa) -> Isa {
                if <$type>::SPLIT { isa } else { isa.of_conversions() }
            }
            #[inline]
            fn add_run(_: Isa, values: &[$type], summer: &mut Summer, into: &mut Interval) {
                summer.add(values, into);
            }
            fn add_selected_run(
                _: Isa,
                values: &[$type],
                mask: Option<&[u8]>,
                skip_nan: bool,
                summer: &mut Summer,
                into: &mut Interval,
            ) -> usize {
                summer.add_selected(values, mask, skip_nan, into)
            }
            const TURNS: bool = true;
            fn add_in_turn(values: &[$type], summer: &mut Summer, into: &mut [Interval; 2]) {
                summer.add_in_turn(values, into);
            }
            fn doubles(values: &[$type]) -> Option<&[f64]> {
                <$type>::as_doubles(values)
            }
            fn sum_runs(
                isa: Isa,
                runs: Rows<'_, $type>,
                batches: &mut Batches,
                summer: &mut Summer,
            ) -> bool {
                batches.sum(isa, runs, summer)
            }
            fn round_runs(
                isa: Isa,
                runs: Rows<'_, $type>,
                batches: &mut Batches,
                format: Format,
                divisor: f64,
                rounded: &mut [f64; BATCH],
            ) -> bool {
                batches.round(isa, runs, format, divisor, rounded)
            }
            fn sum_few(
                isa: Isa,
                rows: Rows<'_, $type>,
                panel: &mut Panel,
                pairs: &mut Pairs,
            ) -> bool {
                panel.sum_few(isa, rows, pairs)
            }
            fn add_rows(isa: Isa, rows: Rows<'_, $type>, panel: &mut Panel) {
                panel.add_floating(isa, rows);
            }
        }
    )*};
}

floating!(f64, f32);

macro_rules! integer {
    ($($type:ty),*) => {$(
        impl Summand for $type {
            #[inline]
            fn add_run(isa: Isa, values: &[$type], _: &mut Summer, into: &mut Interval) {
                let (head, values) = memory::split_at_line(values);
                for values in [head].into_iter().chain(values.chunks(1 << 30)) {
                    into.total.add_scaled(sum_integers(isa, values), 0);
                }
            }
            fn add_selected_run(
                isa: Isa,
                values: &[$type],
                mask: Option<&[u8]>,
                _: bool,
                summer: &mut Summer,
                into: &mut Interval,
            ) -> usize {
                let Some(mask) = mask else {
                    Self::add_run(isa, values, summer, into);
                    return values.len();
                };
                let mut kept = [0; BLOCK];
                let mut count = 0;
                for (values, mask) in values.chunks(BLOCK).zip(mask.chunks(BLOCK)) {
                    let kept = &mut kept[..values.len()];
                    count += keep(isa, values, mask, kept);
                    Self::add_run(isa, kept, summer, into);
                }
                count
            }
            fn sum_runs(
                isa: Isa,
                runs: Rows<'_, $type>,
                batches: &mut Batches,
                _: &mut Summer,
            ) -> bool {
                batches.sum_integers(isa, runs)
            }
            fn sum_few(
                _: Isa,
                _: Rows<'_, $type>,
                _: &mut Panel,
                _: &mut Pairs,
            ) -> bool {
                false
            }
            fn add_rows(isa: Isa, rows: Rows<'_, $type>, panel: &mut Panel) {
                panel.add_integers(isa, rows);
            }
        }
    )*};
}

integer!(i64, u64, i32, u32, i16, u16, i8, u8);

/// Copies the numbers that the mask includes, and zeros for the others; returns how many are
/// included.
#[inline(always)]
fn keep_body<T: Copy + Default>(values: &[T], mask: &[u8], kept: &mut [T]) -> usize {
    let mut count = 0;
    for ((kept, &x), &byte) in kept.iter_mut().zip(values).zip(mask) {
        *kept = if byte != 0 { x } else { T::default() };
        count += usize::from(byte != 0);
    }
    count
}

dispatch! {
    fn keep[T: Copy + Default][T](values: &[T], mask: &[u8], kept: &mut [T]) -> usize
        = keep_body::<T>
}
