//! Which kernel is the one for a type of numbers, floating or integer, in each way that they lie in
//! memory.

use super::adaptive::Summer;
use super::columns::Panel;
use super::integers::sum_integers;
use super::number::Number;
use super::short_rows::Batches;
use crate::array::element::Native;
use crate::array::memory;
use crate::array::view::Rows;
use crate::cpu::Isa;
use crate::exact::accumulator::Accumulator;
use crate::exact::pairs::Pairs;

/// A native number with kernels for a run of numbers and for a matrix of columns.
pub(crate) trait Summand: Native {
    /// The instruction set for slices of such numbers.
    fn isa_of_slices(isa: Isa) -> Isa {
        isa
    }
    /// Adds a run, without counting it.
    fn add_run(isa: Isa, values: &[Self], summer: &mut Summer, into: &mut Accumulator);
    /// Sums a batch of short runs to pairs; whether that worked.
    fn sum_runs(isa: Isa, runs: Rows<'_, Self>, batches: &mut Batches, summer: &mut Summer)
    -> bool;
    /// Sums the columns of a few rows to pairs, with a panel's help;
    /// whether that worked.
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
            fn add_run(_: Isa, values: &[$type], summer: &mut Summer, into: &mut Accumulator) {
                summer.add(values, into);
            }
            fn sum_runs(
                isa: Isa,
                runs: Rows<'_, $type>,
                batches: &mut Batches,
                summer: &mut Summer,
            ) -> bool {
                batches.sum(isa, runs, summer)
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
            fn add_run(isa: Isa, values: &[$type], _: &mut Summer, into: &mut Accumulator) {
                let (head, values) = memory::split_at_line(values);
                for values in [head].into_iter().chain(values.chunks(1 << 30)) {
                    into.add_scaled(sum_integers(isa, values), 0);
                }
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
