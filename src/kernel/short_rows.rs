//! The kernel for sums of many short runs of memory, such as the rows of a narrow matrix.
//!
//! This is the exact kernel of `certified`, with a scale common to many runs. Runs that it cannot
//! sum exactly are left to the caller.

use super::adaptive::Summer;
use super::certified::{
    Extent, Lanes, MOST_ADDITIONS, additions, in_streams, in_turn, smallest_body,
};
use super::hysteresis::{Hysteresis, PATIENCE};
use super::levels::{self, BLOCK, LEVEL};
use super::number::{Integer, Number};
use crate::array::memory::prefetch_lines;
use crate::array::view::Rows;
use crate::binary64::power_of_two;
use crate::cpu::{Isa, dispatch, vectorized};
use crate::exact::bulk;
use crate::exact::pairs::{BATCH, Pairs};
use crate::exact::round::Format;
use crate::simd::{Simd, WIDEST};

/// The longest runs; for longer ones the usual kernel is as fast.
pub(crate) const LONGEST: usize = 1024;
/// The number of bits by which the sum of all lanes may exceed a number.
const EXCESS: u32 = 8;
/// The number of vectors added in parallel for one run.
const STREAMS: usize = 2;
/// The number of batches for which the exact kernel is not tried after it has failed, which a
/// single difficult number may cause.
const EXACT_PATIENCE: u32 = 4;
/// For fewer numbers, ties are common, and the exact kernel is as fast.
const CERTIFIED_FROM: usize = 64;
/// The highest scale, up to which no sum overflows.
const FIRST_UP_TO: i32 = 1000;
/// The lowest scale, from which all results and their parts are normal numbers.
const FIRST_FROM: i32 = -700;

/// The sums of a batch of runs.
pub(crate) struct Batches {
    /// The scale, once known.
    first: Option<i32>,
    /// The number of interleaved sums in a run: 2 for complex numbers.
    parts: usize,
    exact: Hysteresis,
    /// The state of the certified kernel.
    certified: Hysteresis,
    pub pairs: Box<Pairs>,
}

impl Batches {
    /// For runs of `parts` numbers in turn, 1 or 2.
    pub fn new(parts: usize) -> Batches {
        assert!(parts == 1 || parts == 2);
        let (exact, certified) = Default::default();
        Batches { first: None, parts, exact, certified, pairs: Pairs::new() }
    }

    /// The number of runs of `length` numbers in a batch: few, since one difficult number spoils a
    /// batch.
    pub fn size(&self, length: usize) -> usize {
        (2 * BLOCK / length).clamp(1, BATCH / self.parts)
    }

    /// Whether the runs are short, and, if they are very short, adjacent.
    pub fn suit<T>(stride: isize, length: usize) -> bool {
        length <= LONGEST && (length >= 8 || stride == (length * size_of::<T>()) as isize)
    }

    /// Puts the exact sums of a batch of runs in `pairs`; returns whether that succeeded.
    pub fn sum<T: Number>(&mut self, isa: Isa, runs: Rows<'_, T>, summer: &mut Summer) -> bool {
        debug_assert!(
            runs.len() * self.parts <= BATCH && Batches::suit::<T>(runs.stride(), runs.width())
        );
        if self.exact.is_given_up() {
            self.exact.next();
            return false;
        }
        if self.try_scale(isa, runs, summer) {
            return true;
        }
        if self.measure(isa, runs) && self.try_scale(isa, runs, summer) {
            return true;
        }
        self.exact.give_up_for(EXACT_PATIENCE);
        false
    }

    /// Chooses the scale for a batch; returns whether it has changed.
    fn measure<T: Number>(&mut self, isa: Isa, runs: Rows<'_, T>) -> bool {
        let mut highest = 0;
        for run in 0..runs.len() {
            highest = levels::highest_exponent(isa, runs.row(run)).max(highest);
        }
        // The sum of the numbers in a lane is less than half of its accumulator.
        let lane = most_additions(runs.width(), isa.lanes());
        let headroom = lane.next_power_of_two().ilog2() as i32 + 2;
        let first = levels::scale(highest, headroom).filter(|&first| first >= FIRST_FROM);
        std::mem::replace(&mut self.first, first) != first
    }

    /// Puts the sums of a batch of runs in `pairs`, with an error bound, and rounds them to a
    /// format, divided by a number; NaN where the bound does not decide. `None` if the kernel is
    /// not used.
    pub fn round<T: Number>(
        &mut self,
        isa: Isa,
        runs: Rows<'_, T>,
        format: Format,
        divisor: f64,
        rounded: &mut [f64; BATCH],
    ) -> bool {
        if self.parts != 1 || runs.width() < CERTIFIED_FROM {
            return false;
        }
        if self.certified.is_given_up() {
            self.certified.next();
            return false;
        }
        let rounded = &mut rounded[..runs.len()];
        for attempt in 0..2 {
            if (self.first.is_none() || attempt > 0) && !self.measure(isa, runs) {
                break;
            }
            let Some(first) = self.first.filter(|first| (FIRST_FROM..=FIRST_UP_TO).contains(first))
            else {
                continue;
            };
            certify(isa, runs, first, 0, &mut self.pairs);
            let bound = [bound(first, runs.width())];
            let sums = self.pairs.first(runs.len());
            bulk::round_within(isa, sums, &bound, divisor, format, rounded);
            let undecided = rounded.iter().filter(|x| x.is_nan()).count();
            if undecided <= runs.len() / 4 {
                return true;
            }
        }
        self.certified.give_up_for(PATIENCE);
        false
    }

    /// As [`Batches::sum`], for integers.
    pub fn sum_integers<T: Integer>(&mut self, isa: Isa, runs: Rows<'_, T>) -> bool {
        debug_assert!(runs.len() <= BATCH && Batches::suit::<T>(runs.stride(), runs.width()));
        if self.parts != 1 {
            return false;
        }
        sum_integer_runs(isa, runs, &mut self.pairs);
        true
    }

    fn try_scale<T: Number>(&mut self, isa: Isa, runs: Rows<'_, T>, summer: &mut Summer) -> bool {
        let Some(first) = self.first else { return false };
        if self.parts == 1 {
            sum_runs::<T, 1>(isa, runs, first, summer.ahead(), &mut self.pairs)
        } else {
            sum_runs::<T, 2>(isa, runs, first, summer.ahead(), &mut self.pairs)
        }
    }
}

/// Calls `$add(stream, vector)` for all vectors of a run, the streams in turn; the last vector
/// begins early, and `$keep` masks the numbers that were read before, except in `$whole`. (A macro,
/// since a closure that is not inlined would be compiled without the token's instructions.)
macro_rules! read_run {
    ($simd:ident, $type:ty, $run:ident, $streams:ident, $keep:ident, $ahead:ident,
     |$stream:ident, $x:ident, $whole:ident| $add:expr) => {{
        let mut turns = $run.chunks_exact(in_turn($streams) * S::W);
        for turn in &mut turns {
            if $ahead > 0 {
                prefetch_lines(turn.as_ptr().wrapping_byte_add($ahead), size_of_val(turn));
            }
            for vector in 0..in_turn($streams) {
                let $stream = vector % $streams;
                let $x = <$type>::load_first($simd, &turn[vector * S::W..]);
                let $whole = $x;
                $add;
            }
        }
        let rest = turns.remainder();
        // (Unrolled, so that the sums stay in registers.)
        read_run!(@one 0, $simd, $type, rest, $streams, |$stream, $x, $whole| $add);
        read_run!(@one 1, $simd, $type, rest, $streams, |$stream, $x, $whole| $add);
        read_run!(@one 2, $simd, $type, rest, $streams, |$stream, $x, $whole| $add);
        read_run!(@one 3, $simd, $type, rest, $streams, |$stream, $x, $whole| $add);
        read_run!(@one 4, $simd, $type, rest, $streams, |$stream, $x, $whole| $add);
        if !rest.len().is_multiple_of(S::W) {
            let $stream = $streams - 1;
            let $whole = match $run.len().checked_sub(S::W) {
                Some(start) => <$type>::load_first($simd, &$run[start..]),
                None => <$type>::load_some($simd, $run),
            };
            let $x = if $run.len() < S::W { $whole } else { $simd.and($whole, $keep) };
            $add;
        }
    }};
    (@one $vector:literal, $simd:ident, $type:ty, $rest:ident, $streams:ident,
     |$stream:ident, $x:ident, $whole:ident| $add:expr) => {
        if $vector + 1 < in_turn($streams) && ($vector + 1) * S::W <= $rest.len() {
            let $stream = $vector % $streams;
            let $x = <$type>::load_first($simd, &$rest[$vector * S::W..]);
            let $whole = $x;
            $add;
        }
    };
}

/// The most numbers of a run that a lane of the exact kernel takes.
fn most_additions(length: usize, width: usize) -> usize {
    length.div_ceil(STREAMS * width) + 1
}

/// For the last vector of a run, which begins early: the lanes that were not read before.
#[inline(always)]
fn keep_last<S: Simd>(simd: S, length: usize) -> S::V {
    let mut keep = [0; WIDEST];
    keep[S::W - length % S::W..S::W].fill(u64::MAX);
    simd.of_bits(&keep)
}

/// The sum of two levels as a pair of numbers, if the lower part, which is returned as well, is short
/// enough.
#[inline(always)]
fn pair([high, low]: [i64; 2], units: [f64; 2]) -> ([f64; 2], u64) {
    // The upper level may have a few bits too many for a number; these go to the lower part.
    let excess = high & ((1 << EXCESS) - 1);
    let low = low + (excess << LEVEL);
    ([(high - excess) as f64 * units[0], low as f64 * units[1]], low.unsigned_abs())
}

/// Lower parts from here on are not representable.
const TOO_LONG: u64 = 1 << 53;

/// The last bits of two levels.
#[inline(always)]
fn units(first: i32) -> [f64; 2] {
    [first, first - LEVEL].map(|exponent| power_of_two(exponent - 52))
}

/// Sums runs to pairs; false if any is not exact. Prefetches `ahead` bytes ahead.
#[inline(always)]
fn sum_runs_body<S: Simd, T: Number, const PARTS: usize>(
    simd: S,
    runs: Rows<'_, T>,
    first: i32,
    ahead: usize,
    pairs: &mut Pairs,
) -> bool {
    let length = runs.width();
    assert!(length <= LONGEST && runs.len() * PARTS <= BATCH);
    let units = units(first);
    let keep = keep_last(simd, length);
    let mut lanes = Lanes::<S, STREAMS>::new(simd, first);
    let mut extent = Extent::new(simd);
    // (Shorter runs are filled up with zeros.)
    let measures = S::MEASURES && length >= S::W;
    let mut longest = 0;
    for run in 0..runs.len() {
        let values = runs.row(run);
        if measures {
            read_run!(simd, T, values, STREAMS, keep, ahead, |stream, x, whole| {
                lanes.add_measured(stream, x);
                extent.take(whole);
            });
        } else {
            read_run!(simd, T, values, STREAMS, keep, ahead, |stream, x, _whole| {
                lanes.add::<true>(stream, x)
            });
        }
        let sums = lanes.take_sums::<PARTS>();
        for part in 0..PARTS {
            let (pair, low) = pair(sums[part], units);
            longest |= low;
            [pairs.high[PARTS * run + part], pairs.low[PARTS * run + part]] = pair;
        }
    }
    if measures {
        let Some(least) = extent.exact_from::<T>(most_additions(length, S::W), first) else {
            return false;
        };
        if least > 0.0 {
            for run in 0..runs.len() {
                if smallest_body(simd, runs.row(run)) < least {
                    return false;
                }
            }
        }
    }
    lanes.are_right() && longest < TOO_LONG
}

vectorized! {
    fn sum_runs[T: Number, const PARTS: usize][T, PARTS](
        runs: Rows<'_, T>, first: i32, ahead: usize, pairs: &mut Pairs
    ) -> bool = sum_runs_body
}

/// Sums runs to pairs, each up to [`bound`]; the upper part is NaN where a run does not fit.
#[inline(always)]
fn certify_in_streams<S: Simd, T: Number, const N: usize>(
    simd: S,
    runs: Rows<'_, T>,
    first: i32,
    ahead: usize,
    pairs: &mut Pairs,
) {
    let length = runs.width();
    assert!(additions(length, S::W, N) <= MOST_ADDITIONS && runs.len() <= BATCH);
    assert!((FIRST_FROM..=FIRST_UP_TO).contains(&first));
    let units = units(first);
    let keep = keep_last(simd, length);
    let empty = Lanes::<S, N>::new(simd, first);
    for run in 0..runs.len() {
        let values = runs.row(run);
        let mut lanes = empty;
        read_run!(simd, T, values, N, keep, ahead, |stream, x, _whole| {
            lanes.add::<false>(stream, x)
        });
        store(lanes.finish::<false>(), units, pairs, run);
    }
}

/// Stores the sum of a run.
#[inline(always)]
fn store(sums: Option<[i64; 2]>, units: [f64; 2], pairs: &mut Pairs, run: usize) {
    let (pair, low) = pair(sums.unwrap_or_default(), units);
    let is_right = sums.is_some() && low < TOO_LONG;
    pairs.high[run] = if is_right { pair[0] } else { f64::NAN };
    pairs.low[run] = pair[1];
}

#[inline(always)]
fn certify_body<S: Simd, T: Number>(
    simd: S,
    runs: Rows<'_, T>,
    first: i32,
    ahead: usize,
    pairs: &mut Pairs,
) {
    in_streams!(S, certify_in_streams::<S, T>(simd, runs, first, ahead, pairs))
}

vectorized! {
    fn certify[T: Number][T](runs: Rows<'_, T>, first: i32, ahead: usize, pairs: &mut Pairs)
        = certify_body
}

/// Two runs of the same length, whose products are added to a result.
#[derive(Clone, Copy)]
pub(crate) struct Factors<'a, T> {
    pub result: usize,
    pub x: &'a [T],
    pub y: &'a [T],
}

/// As [`certify_in_streams`], for products.
#[inline(always)]
fn certify_products_in_streams<S: Simd, T: Number, const N: usize>(
    simd: S,
    runs: &[Factors<'_, T>],
    first: i32,
    pairs: &mut Pairs,
) {
    let length = runs.first().map_or(0, |run| run.x.len());
    assert!(length <= LONGEST && runs.len() <= BATCH);
    assert!((FIRST_FROM..=FIRST_UP_TO).contains(&first));
    let units = units(first);
    let keep = keep_last(simd, length);
    let empty = Lanes::<S, N>::new(simd, first);
    let step = in_turn(N) * S::W;
    for (run, &Factors { x, y, .. }) in runs.iter().enumerate() {
        assert!(x.len() == length && y.len() == length);
        let mut lanes = empty;
        macro_rules! add {
            ($vector:expr, $x:ident, $y:ident) => {
                let at = $vector * S::W;
                let (x, y) = (T::load_first(simd, &$x[at..]), T::load_first(simd, &$y[at..]));
                lanes.add_product($vector % N, x, y);
            };
        }
        for (x, y) in x.chunks_exact(step).zip(y.chunks_exact(step)) {
            for vector in 0..in_turn(N) {
                add!(vector, x, y);
            }
        }
        let whole = length - length % step;
        let (left, right) = (&x[whole..], &y[whole..]);
        let vectors = left.len() / S::W;
        // (Unrolled, so that the sums stay in registers.)
        macro_rules! add_one {
            ($($vector:literal)*) => {$(
                if $vector + 1 < in_turn(N) && $vector < vectors {
                    add!($vector, left, right);
                }
            )*};
        }
        add_one!(0 1 2 3 4);
        if !left.len().is_multiple_of(S::W) {
            let (x, y) = match length.checked_sub(S::W) {
                // (Infinities and NaNs among masked numbers were detected before.)
                Some(at) => {
                    (simd.and(T::load_first(simd, &x[at..]), keep), T::load_first(simd, &y[at..]))
                }
                None => (T::load_some(simd, x), T::load_some(simd, y)),
            };
            lanes.add_product(N - 1, x, y);
        }
        store(lanes.finish::<false>(), units, pairs, run);
    }
}

#[inline(always)]
fn certify_products_body<S: Simd, T: Number>(
    simd: S,
    runs: &[Factors<'_, T>],
    first: i32,
    pairs: &mut Pairs,
) {
    in_streams!(S, certify_products_in_streams::<S, T>(simd, runs, first, pairs))
}

vectorized! {
    fn certify_products[T: Number][T](runs: &[Factors<'_, T>], first: i32, pairs: &mut Pairs)
        = certify_products_body
}

/// Rounds the sums of products of up to [`BATCH`] pairs of runs of up to [`LONGEST`] numbers, at a scale
/// for products up to a biased exponent; NaN for those that must be computed otherwise. Returns
/// whether there is such a scale.
pub(crate) fn round_products<T: Number>(
    isa: Isa,
    runs: &[Factors<'_, T>],
    highest: i32,
    format: Format,
    pairs: &mut Pairs,
    rounded: &mut [f64],
) -> bool {
    let first = levels::scale(highest, levels::headroom(isa));
    let Some(first) = first.filter(|first| (FIRST_FROM..=FIRST_UP_TO).contains(first)) else {
        return false;
    };
    certify_products(isa, runs, first, pairs);
    let bound = [bound(first, runs.first().map_or(0, |run| run.x.len()))];
    bulk::round_within(isa, pairs.first(runs.len()), &bound, 1.0, format, rounded);
    true
}

/// The error bound of the pair that [`certify`] computes for a run: a last bit of the lower level
/// for each addition, which is twice the error, and two for the additions of the test.
fn bound(first: i32, length: usize) -> f64 {
    (length + WIDEST + 2) as f64 * units(first)[1]
}

/// Sums runs of integers to pairs: the sums of up to [`LONGEST`] parts are numbers.
#[inline(always)]
fn sum_integer_runs_body<T: Integer>(runs: Rows<'_, T>, pairs: &mut Pairs) {
    for run in 0..runs.len().min(BATCH) {
        let (mut high, mut low) = (0, 0);
        for x in &runs.row(run)[..runs.width().min(LONGEST)] {
            let parts = x.parts();
            high += parts[0];
            low += parts[1];
        }
        pairs.high[run] = high as f64 * power_of_two(32);
        pairs.low[run] = low as f64;
    }
}

dispatch! {
    fn sum_integer_runs[T: Integer][T](runs: Rows<'_, T>, pairs: &mut Pairs)
        = sum_integer_runs_body::<T>
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::view::View;
    use crate::exact::accumulator::Accumulator;
    use crate::simd::Portable;
    use crate::testing::{Oracle, beside_a_midpoint, numbers};

    /// How many results are not decided, of all; checks the others.
    fn check_rounded<T: Number>(values: &[T], length: usize, first: i32) -> (usize, usize) {
        let rows = Rows::of(values, length);
        let (mut undecided, mut all) = (0, 0);
        let mut check = |pairs: &Pairs, isa| {
            for (format, divisor) in
                [Format::F64, Format::F32].into_iter().flat_map(|f| [1, 3, length].map(|n| (f, n)))
            {
                let mut rounded = [0.0; BATCH];
                let rounded = &mut rounded[..rows.len()];
                let (sums, bound) = (pairs.first(rows.len()), [bound(first, length)]);
                bulk::round_within(isa, sums, &bound, divisor as f64, format, rounded);
                for (run, &rounded) in rounded.iter().enumerate() {
                    all += 1;
                    if rounded.is_nan() {
                        undecided += 1;
                        continue;
                    }
                    let bits = if format == Format::F64 {
                        rounded.to_bits()
                    } else {
                        (rounded as f32).to_bits().into()
                    };
                    let run = rows.row(run).iter().map(|x| x.widen());
                    let exact: Accumulator = run.clone().collect();
                    assert_eq!(bits, exact.round_quotient(divisor as i64, format), "{length}");
                    if divisor == 1 {
                        let mut oracle = Oracle::new();
                        run.for_each(|x| oracle.add(x));
                        let sum = match format {
                            Format::F64 => oracle.to_f64(),
                            _ => oracle.to_f32().into(),
                        };
                        assert_eq!(rounded, sum, "{first} {length}");
                    }
                }
            }
        };
        let mut pairs = Pairs::new();
        for isa in Isa::available() {
            certify(isa, rows, first, 1 << 10, &mut pairs);
            check(&pairs, isa);
        }
        certify_body(Portable::<2>, rows, first, 0, &mut pairs);
        check(&pairs, Isa::BASELINE);
        certify_body(Portable::<4>, rows, first, 0, &mut pairs);
        check(&pairs, Isa::BASELINE);
        certify_body(Portable::<8>, rows, first, 0, &mut pairs);
        check(&pairs, Isa::BASELINE);
        (undecided, all)
    }

    #[test]
    fn rounded_sums_of_every_length() {
        let values = numbers(4000, 2, 6, 1);
        let singles: Vec<f32> = values.iter().map(|&x| x as f32).collect();
        for length in (1..110).chain([127, 500, 1000, 1023, 1024]) {
            let count = (4000 / length).min(40) * length;
            let (undecided, all) = check_rounded(&values[..count], length, 20);
            assert!(length < 64 || undecided < all / 20, "{undecided} of {all}, {length}");
            check_rounded(&singles[..count], length, 20);
            // Scales far above the numbers, and too low for them.
            check_rounded(&values[..count], length, 70);
            check_rounded(&values[..count], length, 3);
        }
    }

    /// A number with bits below those of the levels makes a batch inexact, one just above does not,
    /// among zeros and without any; numbers that take the lanes out of their binades are refused.
    #[test]
    fn exactness_is_seen_in_any_run() {
        let (first, mut pairs) = (20, Pairs::new());
        let exact_from = 2f64.powi(first - LEVEL);
        for length in (1..70).chain([100, 999, 1024]) {
            for place in [0, length, 2 * length - 1, 3 * length - 1, 7 * length / 2] {
                for zeros in [false, true] {
                    let mut values = numbers(5 * length, 0, 4, length as u64);
                    if zeros {
                        values.iter_mut().step_by(3).for_each(|x| *x = -0.0);
                    }
                    // (Odd last bits.)
                    for (x, is_exact) in [
                        (exact_from.next_up(), true),
                        (exact_from.next_down(), false),
                        (2f64.powi(first), false),
                        (f64::NAN, false),
                    ] {
                        values[place] = -x;
                        let rows = Rows::of(&values, length);
                        for isa in Isa::available() {
                            let result = sum_runs::<_, 1>(isa, rows, first, 0, &mut pairs);
                            assert_eq!(result, is_exact, "{isa:?} {length} {place} {zeros} {x}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn rounded_sums_of_any_numbers() {
        for (seed, spread) in [12, 25, 40, 100, 2000].into_iter().enumerate() {
            for first in [FIRST_FROM, FIRST_FROM + 1, -300, 0, FIRST_UP_TO - 1, FIRST_UP_TO] {
                let mut values = numbers(3000, first - 20, spread, seed as u64);
                check_rounded(&values, 60, first);
                values[100..200].fill(0.0);
                values[1500] = 2f64.powi(first + 2);
                values[1234] = f64::NAN;
                values[77] = f64::NEG_INFINITY;
                for undecided in [1, 12, 15] {
                    let run =
                        Rows::of(&values, 100).skip(if undecided == 1 { 0 } else { undecided });
                    let mut pairs = Pairs::new();
                    for isa in Isa::available() {
                        certify(isa, run.truncate(1), first, 0, &mut pairs);
                        assert!(pairs.high[0].is_nan(), "{isa:?} {undecided}");
                    }
                }
            }
        }
    }

    /// Sums within a quarter of the bound of a midpoint; means by a power of two would be the same.
    #[test]
    fn midpoints_are_decided_rightly_or_not_at_all() {
        for first in [FIRST_FROM, FIRST_FROM + 30, 0, FIRST_UP_TO - 30, FIRST_UP_TO] {
            for length in [64, 100, 1000, 1024] {
                for (digits, up) in [(53, false), (53, true), (24, false), (24, true)] {
                    for sixteenths in [-4, -3, -2, -1, 0, 1, 2, 3, 4] {
                        let mut values = beside_a_midpoint(first, length, digits, sixteenths, up);
                        values.extend(values.clone().iter().map(|x| -x));
                        let (undecided, _) = check_rounded(&values, length, first);
                        assert!(undecided > 0, "{first} {length} {sixteenths}");
                    }
                }
            }
        }
    }

    /// Checks decided results of all kernels for products; returns how many are not decided.
    fn check_products(x: &[f64], y: &[f64], length: usize, first: i32) -> usize {
        let runs: Vec<_> = x.chunks_exact(length).zip(y.chunks_exact(length)).enumerate().collect();
        let runs: Vec<_> = runs.iter().map(|&(result, (x, y))| Factors { result, x, y }).collect();
        let mut undecided = 0;
        let mut check = |pairs: &Pairs, isa| {
            for format in [Format::F64, Format::F32] {
                let mut rounded = [0.0; BATCH];
                let rounded = &mut rounded[..runs.len()];
                let (sums, bound) = (pairs.first(runs.len()), [bound(first, length)]);
                bulk::round_within(isa, sums, &bound, 1.0, format, rounded);
                for (run, &rounded) in runs.iter().zip(&*rounded) {
                    if rounded.is_nan() {
                        undecided += 1;
                        continue;
                    }
                    let mut oracle = Oracle::new();
                    run.x.iter().zip(run.y).for_each(|(&x, &y)| oracle.add_product(x, y));
                    let sum = match format {
                        Format::F64 => oracle.to_f64(),
                        _ => oracle.to_f32().into(),
                    };
                    assert_eq!(rounded, sum, "{isa:?} {first} {length}");
                }
            }
        };
        let mut pairs = Pairs::new();
        for isa in Isa::available() {
            certify_products(isa, &runs, first, &mut pairs);
            check(&pairs, isa);
        }
        certify_products_body(Portable::<2>, &runs, first, &mut pairs);
        check(&pairs, Isa::BASELINE);
        certify_products_body(Portable::<4>, &runs, first, &mut pairs);
        check(&pairs, Isa::BASELINE);
        certify_products_body(Portable::<8>, &runs, first, &mut pairs);
        check(&pairs, Isa::BASELINE);
        undecided
    }

    #[test]
    fn rounded_products_of_every_length() {
        let (x, y) = (numbers(3000, 2, 6, 1), numbers(3000, 0, 6, 2));
        for length in (1..110).chain([127, 500, 1000, 1023, 1024]) {
            let count = (3000 / length).min(30);
            let undecided = check_products(&x[..count * length], &y[..count * length], length, 25);
            assert!(undecided <= count, "{undecided} of 6 or more times {count}, {length}");
            check_products(&x[..count * length], &y[..count * length], length, 3);
        }
    }

    /// Products by 1 are as close to midpoints as the numbers; other products are extreme.
    #[test]
    fn difficult_products_are_decided_rightly_or_not_at_all() {
        for first in [FIRST_FROM, FIRST_FROM + 30, 0, FIRST_UP_TO - 30, FIRST_UP_TO] {
            for (digits, up) in [(53, false), (53, true), (24, false), (24, true)] {
                for sixteenths in [-4, -2, -1, 0, 1, 2, 4] {
                    let values = beside_a_midpoint(first, 200, digits, sixteenths, up);
                    let shift = 2f64.powi(first / 2);
                    let x: Vec<f64> = values.iter().map(|x| x / shift).collect();
                    assert!(check_products(&x, &[shift; 200], 200, first) > 0);
                }
            }
            for spread in [10, 100, 700] {
                let x = numbers(600, first / 2 - 10, spread, 1);
                let y = numbers(600, first - first / 2 - 10, spread, 2);
                check_products(&x, &y, 60, first);
            }
        }
        // Those of `check_products`: two formats for each kernel.
        let all = 2 * (Isa::available().len() + 3);
        let (mut x, mut y) = ([1.0; 100], [3.0; 100]);
        for (place, bad) in [(0, f64::NAN), (50, f64::INFINITY), (97, f64::NAN), (98, 1e308)] {
            (x[place], y[place]) = (bad, if bad == 1e308 { 1e-308 } else { 0.0 });
            let undecided = check_products(&x, &y, 100, 30);
            assert!(bad == 1e308 || undecided == all, "{undecided} of {all}");
            (x[place], y[place]) = (1.0, 3.0);
        }
    }

    fn check(values: &[f64], length: usize, stride: usize, must_work: bool) {
        let count = (values.len() - length) / stride + 1;
        let view = View::of(values);
        let rows = |count| view.rows(0, (8 * stride) as isize, count, length).of::<f64>().unwrap();
        for isa in Isa::available() {
            let mut summer = Summer::new(isa, values.len(), None);
            let mut batches = Batches::new(1);
            for count in [count.min(BATCH), 1] {
                batches.exact = Hysteresis::default();
                let worked = batches.sum(isa, rows(count), &mut summer);
                assert!(worked || !must_work, "{isa:?}, {length}");
                for run in 0..if worked { count } else { 0 } {
                    let expected: Accumulator =
                        values[run * stride..][..length].iter().copied().collect();
                    assert_eq!(
                        batches.pairs.first(BATCH).accumulator(run, length as i64),
                        expected
                    );
                }
            }
        }
    }

    #[test]
    fn every_length() {
        let values = numbers(9000, 2, 3, 1);
        for length in (1..70).chain([127, 500, 1023, 1024]) {
            check(&values[..length * (9000 / length)], length, length, true);
            if length >= 8 {
                check(&values, length, length + 3, true);
            }
        }
    }

    #[test]
    fn two_sums_in_turn() {
        let values = numbers(9000, 2, 3, 1);
        for length in (2..70).chain([500, 1022, 1024]).filter(|length| length % 2 == 0) {
            let count = (9000 / length).min(BATCH / 2);
            let rows = Rows::of(&values[..count * length], length);
            for isa in Isa::available() {
                let mut batches = Batches::new(2);
                assert!(batches.sum(isa, rows, &mut Summer::new(isa, 9000, None)));
                for result in 0..2 * count {
                    let run = &values[result / 2 * length..][..length];
                    let mut expected: Accumulator =
                        run.iter().skip(result % 2).step_by(2).copied().collect();
                    expected.add_zeros(-expected.count());
                    assert_eq!(
                        batches.pairs.first(BATCH).accumulator(result, 0),
                        expected,
                        "{isa:?} {length}"
                    );
                }
            }
        }
    }

    #[test]
    fn difficult_numbers_are_summed_or_refused() {
        for (seed, spread) in [12, 25, 40, 100, 2000].into_iter().enumerate() {
            for centre in [-1000, -600, 0, 1000] {
                let mut values = numbers(3000, centre, spread, seed as u64);
                check(&values, 30, 30, false);
                check(&values, 3, 3, false);
                values[1234] = f64::NAN;
                values[77] = f64::INFINITY;
                check(&values, 50, 50, false);
            }
        }
    }
}
