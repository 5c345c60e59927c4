//! The numbers that kernels add, floating and integer, behind one trait.

use super::accumulator::Accumulator;
use super::block::{self, Number};
use super::columns::Panel;
use super::memory::{self, CACHE_LINE};
use super::pairs::Pairs;
use super::runs::Batches;
use super::slice::Summer;
use super::walk::Line;
use crate::cpu::{Isa, dispatch};

/// A native number with kernels for a run of numbers and for a matrix of columns.
pub(super) trait Summand: Copy + Default + Send + Sync + 'static {
    /// Whether the type has NaNs.
    const HAS_NAN: bool;
    fn is_nan(self) -> bool;
    /// A scale for `cut` that suits all of the numbers; `None` if there is none.
    fn scale(isa: Isa, values: &[Self]) -> Option<i32>;
    /// Cuts numbers into two integers each, from `-2^PART_BITS` to `2^PART_BITS`, in the scale's
    /// `units`; whether that was exact.
    fn cut(isa: Isa, values: &[Self], scale: i32, pairs: &mut [[i64; 2]]) -> bool;
    /// The exponents of what the integers count.
    fn units(scale: i32) -> [i32; 2];
    /// Adds the number, without counting it.
    fn add_to(self, sum: &mut Accumulator);
    /// Adds a run, without counting it.
    fn add_run(isa: Isa, values: &[Self], summer: &mut Summer, into: &mut Accumulator);
    /// Adds numbers at equal distances in memory, without counting them; whether that worked.
    fn add_line(line: Line, summer: &mut Summer, into: &mut Accumulator) -> bool;
    /// Adds numbers to two sums in turn, without counting them; whether there is a kernel for it.
    fn add_in_turn(values: &[Self], summer: &mut Summer, into: &mut [Accumulator; 2]) -> bool;
    /// Sums a batch of short runs of `length` numbers to pairs; whether that worked.
    fn sum_runs(
        isa: Isa,
        runs: Rows<Self>,
        length: usize,
        batches: &mut Batches,
        summer: &mut Summer,
    ) -> bool;
    /// Sums the columns of at least two rows of `width` numbers to pairs, with a panel's help;
    /// whether that worked.
    fn sum_few(
        isa: Isa,
        rows: &[*const Self],
        width: usize,
        panel: &mut Panel,
        pairs: &mut Pairs,
    ) -> bool;
    /// Adds rows to the columns of a panel, without counting them.
    fn add_rows(isa: Isa, rows: Rows<Self>, panel: &mut Panel);
}

/// A matrix whose columns are added: `count` rows, `stride` bytes apart, each a contiguous run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<T> {
    pub data: *const T,
    pub stride: isize,
    pub count: usize,
}

macro_rules! floating {
    ($($type:ty),*) => {$(
        impl Summand for $type {
            const HAS_NAN: bool = true;
            #[inline(always)]
            fn is_nan(self) -> bool {
                self.widen() != self.widen()
            }
            fn scale(isa: Isa, values: &[$type]) -> Option<i32> {
                block::scale(block::highest_exponent(isa, values), CUT_HEADROOM)
            }
            fn cut(isa: Isa, values: &[$type], scale: i32, pairs: &mut [[i64; 2]]) -> bool {
                cut(isa, values, scale, pairs)
            }
            fn units(scale: i32) -> [i32; 2] {
                block::levels::<2>(scale, CUT_BITS).0.map(|exponent| exponent - 52)
            }
            #[inline]
            fn add_to(self, sum: &mut Accumulator) {
                sum.add_uncounted(self.widen());
            }
            #[inline]
            fn add_run(_: Isa, values: &[$type], summer: &mut Summer, into: &mut Accumulator) {
                summer.add(values, into);
            }
            fn add_line(line: Line, summer: &mut Summer, into: &mut Accumulator) -> bool {
                summer.add_line::<$type>(line, into)
            }
            fn add_in_turn(
                values: &[$type],
                summer: &mut Summer,
                into: &mut [Accumulator; 2],
            ) -> bool {
                summer.add_in_turn(values, into);
                true
            }
            fn sum_runs(
                isa: Isa,
                runs: Rows<$type>,
                length: usize,
                batches: &mut Batches,
                summer: &mut Summer,
            ) -> bool {
                batches.sum(isa, runs, length, summer)
            }
            fn sum_few(
                isa: Isa,
                rows: &[*const $type],
                width: usize,
                panel: &mut Panel,
                pairs: &mut Pairs,
            ) -> bool {
                panel.sum_few(isa, rows, width, pairs)
            }
            fn add_rows(isa: Isa, rows: Rows<$type>, panel: &mut Panel) {
                panel.add_floating(isa, rows);
            }
        }
    )*};
}

floating!(f64, f32);

/// Bits of each part of a number that is cut in two.
pub(super) const PART_BITS: u32 = 42;
/// Binades from one part's accumulator to the other's.
const CUT_BITS: i32 = PART_BITS as i32;
/// Binades from the largest number to the accumulator whose last bit the upper part counts: numbers
/// twice as large can be cut, too.
const CUT_HEADROOM: i32 = 52 - (CUT_BITS - 2);

#[inline(always)]
fn cut_body<T: Number>(values: &[T], scale: i32, pairs: &mut [[i64; 2]]) -> bool {
    let (_, bias) = block::levels::<2>(scale, CUT_BITS);
    let bits = bias.map(f64::to_bits);
    let mut failed = 0;
    for (x, pair) in values.iter().zip(pairs) {
        let x = x.widen();
        let high = bias[0] + x;
        let rest = x - (high - bias[0]);
        let low = bias[1] + rest;
        let left = rest - (low - bias[1]);
        *pair = [
            high.to_bits().wrapping_sub(bits[0]) as i64,
            low.to_bits().wrapping_sub(bits[1]) as i64,
        ];
        // Outside its binade, the upper part is far from these bounds.
        failed |=
            left.to_bits() << 1 | pair[0].wrapping_add(1 << PART_BITS) as u64 >> (PART_BITS + 1);
    }
    failed == 0
}

dispatch! {
    fn cut[T: Number][T](values: &[T], scale: i32, pairs: &mut [[i64; 2]]) -> bool
        = cut_body::<T>
}

#[inline(always)]
fn cut_integers_body<T: Integer>(values: &[T], pairs: &mut [[i64; 2]]) {
    for (&x, pair) in values.iter().zip(pairs) {
        *pair = x.parts();
    }
}

dispatch! {
    fn cut_integers[T: Integer][T](values: &[T], pairs: &mut [[i64; 2]])
        = cut_integers_body::<T>
}

/// An integer, cut into parts whose sums do not overflow: `high * 2^32 + low`.
pub(super) trait Integer: Summand {
    /// What makes 64-bit numbers unsigned, their order kept, by an exclusive or.
    const BIAS: u64;
    fn parts(self) -> [i64; 2];
}

macro_rules! integer {
    ($($type:ty: $parts:expr;)*) => {$(
        impl Integer for $type {
            const BIAS: u64 = if <$type>::MIN == 0 { 0 } else { 1 << 63 };
            #[inline(always)]
            fn parts(self) -> [i64; 2] {
                $parts(self)
            }
        }
        impl Summand for $type {
            const HAS_NAN: bool = false;
            #[inline(always)]
            fn is_nan(self) -> bool {
                false
            }
            fn scale(_: Isa, _: &[$type]) -> Option<i32> {
                Some(0)
            }
            fn cut(isa: Isa, values: &[$type], _: i32, pairs: &mut [[i64; 2]]) -> bool {
                cut_integers(isa, values, pairs);
                true
            }
            fn units(_: i32) -> [i32; 2] {
                [32, 0]
            }
            fn add_to(self, sum: &mut Accumulator) {
                sum.add_scaled(self.into(), 0);
            }
            #[inline]
            fn add_run(isa: Isa, values: &[$type], _: &mut Summer, into: &mut Accumulator) {
                for values in values.chunks(1 << 30) {
                    into.add_scaled(sum_integers(isa, values), 0);
                }
            }
            fn add_line(_: Line, _: &mut Summer, _: &mut Accumulator) -> bool {
                false
            }
            fn add_in_turn(_: &[$type], _: &mut Summer, _: &mut [Accumulator; 2]) -> bool {
                false
            }
            fn sum_runs(
                isa: Isa,
                runs: Rows<$type>,
                length: usize,
                batches: &mut Batches,
                _: &mut Summer,
            ) -> bool {
                batches.sum_integers(isa, runs, length)
            }
            fn sum_few(
                _: Isa,
                _: &[*const $type],
                _: usize,
                _: &mut Panel,
                _: &mut Pairs,
            ) -> bool {
                false
            }
            fn add_rows(isa: Isa, rows: Rows<$type>, panel: &mut Panel) {
                panel.add_integers(isa, rows);
            }
        }
    )*};
}

integer! {
    i64: |x: i64| [x >> 32, x & 0xffff_ffff];
    u64: |x: u64| [(x >> 32) as i64, (x & 0xffff_ffff) as i64];
    i32: |x: i32| [0, x.into()];
    u32: |x: u32| [0, x.into()];
    i16: |x: i16| [0, x.into()];
    u16: |x: u16| [0, x.into()];
    i8: |x: i8| [0, x.into()];
    u8: |x: u8| [0, x.into()];
}

/// Vectors of 64-bit numbers that are added side by side.
const STREAMS: usize = 2;

#[inline(always)]
fn sum_integers_body<T: Integer, const W: usize>(values: &[T]) -> i128 {
    debug_assert!(values.len() <= 1 << 30);
    if size_of::<T>() < 8 {
        return values.iter().map(|x| x.parts()[1]).sum::<i64>().into();
    }
    let biased = |x: T| {
        let [high, low] = x.parts();
        (high << 32 | low) as u64 ^ T::BIAS
    };
    // The sum of the upper halves, and the sum modulo 2^64: all that is lacking are less than 2^30
    // numbers below 2^32.
    let (mut upper, mut modular) = ([[0u64; W]; STREAMS], [[0u64; W]; STREAMS]);
    let steps = values.as_chunks::<W>().0.as_chunks::<STREAMS>().0;
    let ahead = memory::ahead();
    for step in steps {
        for line in (0..size_of_val(step)).step_by(CACHE_LINE) {
            memory::prefetch(step.as_ptr().wrapping_byte_add(line + ahead));
        }
        for stream in 0..STREAMS {
            for lane in 0..W {
                let x = biased(step[stream][lane]);
                upper[stream][lane] += x >> 32;
                modular[stream][lane] = modular[stream][lane].wrapping_add(x);
            }
        }
    }
    let total = |lanes: [[u64; W]; STREAMS]| {
        lanes.as_flattened().iter().copied().fold(0, u64::wrapping_add)
    };
    let (mut upper, mut modular) = (total(upper), total(modular));
    for &x in &values[steps.len() * STREAMS * W..] {
        upper += biased(x) >> 32;
        modular = modular.wrapping_add(biased(x));
    }
    let lower = modular.wrapping_sub(upper << 32);
    (i128::from(upper) << 32) + i128::from(lower) - i128::from(T::BIAS) * values.len() as i128
}

dispatch! {
    /// The sum of up to 2^30 integers.
    fn sum_integers[T: Integer][T](values: &[T]) -> i128 = sum_integers_body::<T, {W}>
}
