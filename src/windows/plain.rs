//! Full windows of binary32 numbers and of small integers, whose sums are exact in one binary64 number each. (Means of
//! binary32 numbers are as fast in lanes.)
//!
//! What enters and what leaves is cut to a multiple of a power of two, the *unit*, and so are squares. The
//! differences, as integers, are added up across the lanes of a vector, so that each lane has the sums of its
//! own window alone: integers have no rounding errors that could stay.
//!
//! - Integers are exact as long as their magnitude is limited, and so are their squares. The numerator of a variance is
//!   then an exact number, and one division rounds it.
//! - Most binary32 numbers are multiples of the unit, and so sums of windows of these are exact. The number of others
//!   (*rough* ones) that windows may have bounds the errors of their sums. Squares are in doubt by most of a unit
//!   each. All that takes few of the 29 bits that binary64 has more than the results. Those that an error might
//!   change are computed from exact sums.
//!
//! Where numbers are too large for this, missing or not finite, the other kernels continue.

use std::collections::VecDeque;
use std::ops::Range;

use super::lanes::{self, Job, LONGEST};
use super::line::last_bit;
use super::running::Running;
use super::source::{Numbers, Out};
use super::stretch::{centre, choose, sample};
use super::tile::{Frame, TILE};
use super::{Options, Statistic};
use crate::binary64::power_of_two;
use crate::cpu::{Isa, vectorized};
use crate::cumulative::lanes::run_vectors;
use crate::exact::round::Format;
use crate::simd::{Simd, WIDEST};

/// With fewer results, setting up does not pay.
const WORTHWHILE: usize = 64;
/// With longer windows, too many variances of binary32 numbers are in doubt.
const LONGEST_OF_SQUARES: usize = 256;
/// The exponents of the first level for which no operation overflows, and no unit is below those of binary32.
const LEVELS: std::ops::RangeInclusive<i32> = -60..=110;
/// The work for results in doubt that may be done in advance, in results.
const IN_ADVANCE: usize = 2048;
/// The work for each of them, besides adding up its window.
const EFFORT: usize = 512;
/// Rough numbers that a tile is expected to have after others had some.
const EXPECTED: usize = 8;

/// Numbers of a line, and their results.
trait Number: Copy + 'static {
    /// Whether all are integers, whose sums, and so variances times integers, are exact.
    const WHOLE: bool;
    type Result: Copy + Default;
    fn of(x: f64) -> Self;
    fn result(x: f64) -> Self::Result;
    fn read<S: Simd>(s: S, from: &[Self], at: usize) -> S::V;
    fn write<S: Simd>(s: S, x: S::V, to: &mut [Self::Result], at: usize);
    fn is_nan(result: Self::Result) -> bool;
    fn wrap(numbers: &[Self]) -> Numbers<'_>;
}

impl Number for f32 {
    const WHOLE: bool = false;
    type Result = f32;
    fn of(x: f64) -> f32 {
        x as f32
    }
    fn result(x: f64) -> f32 {
        x as f32
    }
    #[inline(always)]
    fn read<S: Simd>(s: S, from: &[f32], at: usize) -> S::V {
        s.read_f32(from, at)
    }
    #[inline(always)]
    fn write<S: Simd>(s: S, x: S::V, to: &mut [f32], at: usize) {
        s.write_f32(x, to, at);
    }
    fn is_nan(result: f32) -> bool {
        result.is_nan()
    }
    fn wrap(numbers: &[f32]) -> Numbers<'_> {
        Numbers::F32(numbers)
    }
}

impl Number for i64 {
    const WHOLE: bool = true;
    type Result = f64;
    fn of(x: f64) -> i64 {
        x as i64
    }
    fn result(x: f64) -> f64 {
        x
    }
    /// Integers from 2^51 on become numbers that are not smaller.
    #[inline(always)]
    fn read<S: Simd>(s: S, from: &[i64], at: usize) -> S::V {
        let start = s.splat(1.5 * power_of_two(52));
        s.subtract(s.add_bits(s.read_integers(from, at), start), start)
    }
    #[inline(always)]
    fn write<S: Simd>(s: S, x: S::V, to: &mut [f64], at: usize) {
        s.write(x, to, at);
    }
    fn is_nan(result: f64) -> bool {
        result.is_nan()
    }
    fn wrap(numbers: &[i64]) -> Numbers<'_> {
        Numbers::I64(numbers)
    }
}

/// The sums of the window before the next results, as integers: of numbers and of their squares.
type State = [u64; 2];

/// What a tile's numbers and results are like.
#[derive(Debug, Clone, Copy)]
struct Passed {
    /// Whether any number is too large, or not finite.
    escaped: bool,
    /// How many of the entering numbers are rough.
    rough: usize,
    /// Whether some results are in doubt, which are NaN.
    marked: bool,
}

#[inline(always)]
fn advance_body<S: Simd, const W: usize, T: Number, const KIND: u8, const ROUGH: bool>(
    s: S,
    job: &Job,
    rough: usize,
    enter: &[T],
    leave: &[T],
    state: &mut State,
    results: &mut [T::Result],
) -> Passed {
    let moments = KIND >= 2;
    let constants = lanes::Constants::new(s, job);
    let lanes::Constants { start, levels: [level, _, of_squares, _], centre, window, .. } =
        constants;
    let base_of_squares = s.splat(power_of_two(job.frame.squares));
    let [unit, unit_of_squares] =
        [job.frame.first, job.frame.squares].map(|k| power_of_two(k - 52));
    let count = job.window as f64;
    let free = count - job.ddof;
    let over = 1.0 / (count * free);
    // The error of a sum: half a unit for each rough number, a little more if a centre was subtracted, and what
    // operations lose.
    let off = if ROUGH { (rough as f64 + 1.0) * unit } else { 0.0 };
    let doubt = match moments {
        false => off,
        true => over * (0.501 * count * count * unit_of_squares + 1.01 * off * off),
    };
    let doubt = s.splat(doubt);
    let of_square = s.splat(power_of_two(-49) / free);
    let of_sum = s.splat(2.02 * off * over);
    let [unsigned, exponent] =
        [u64::MAX >> 1, 0x7ff << 52].map(|bits| s.splat(f64::from_bits(bits)));
    let [zero, half_bit, half, least] =
        [0.0, power_of_two(-24), 0.5, power_of_two(-126)].map(|x| s.splat(x));
    let nan = s.splat(f64::NAN);
    let (divisor, over) = (s.splat(count * free), s.splat(over));
    let mut carries = state.map(|sum| s.of_bits(&[sum; WIDEST]));
    let (mut escaped, mut smooth, mut marked) = (zero, zero, false);
    let length = results.len();
    let (enter, leave) = (&enter[..length], &leave[..length]);
    let mut at = 0;
    while at + S::W <= length {
        let (mut x, mut y) = (T::read(s, enter, at), T::read(s, leave, at));
        if moments {
            (x, y) = (s.subtract(x, centre), s.subtract(y, centre));
        }
        let (upper, upper_old) = (s.add(x, start), s.add(y, start));
        escaped = s.or(escaped, s.xor(upper, start));
        if !T::WHOLE {
            // (A mask is -1.)
            smooth = s.add_bits(smooth, s.equal(x, s.subtract(upper, start)));
        }
        let steps = s.subtract_bits(upper, upper_old);
        let [steps, carry] = run_vectors::<S, W>(s, steps, carries[0]);
        carries[0] = carry;
        let sum = s.subtract(s.add_bits(steps, level), level);
        // The result, and a mask where it is certain.
        let (mut result, mut sure) = (sum, None);
        let mut numerator = zero;
        let mut squares = zero;
        if moments {
            let q = s.multiply_add(x, x, of_squares);
            let q_old = s.multiply_add(y, y, of_squares);
            let [steps, carry] = run_vectors::<S, W>(s, s.subtract_bits(q, q_old), carries[1]);
            carries[1] = carry;
            squares = s.subtract(s.add_bits(steps, base_of_squares), base_of_squares);
            numerator = s.subtract_product(sum, sum, s.multiply(window, squares));
        }
        if T::WHOLE {
            if KIND == 1 {
                result = s.divide(sum, window);
            } else if moments {
                result = s.divide(numerator, divisor);
            }
            if KIND == 3 {
                // By how much the quotient exceeds the square of the rounded root: it is nearer to a
                // neighbour's if that is more than the root times its last bit.
                let root = s.square_root(result);
                let rest = s.subtract_product(result, divisor, numerator);
                let excess = s.multiply_add(rest, over, s.subtract_product(root, root, result));
                let exponent = s.and(root, exponent);
                let apart = s.multiply(s.multiply(root, exponent), s.splat(f64::EPSILON));
                let distance = s.and(excess, unsigned);
                let inside = s.less(distance, s.multiply(apart, s.splat(1.0 - 1e-10)));
                let outside = s.less(s.multiply(apart, s.splat(1.0 + 1e-10)), distance);
                // A step of one last bit: a mask is -1.
                let up = s.and(outside, s.less(zero, excess));
                let down = s.and(outside, s.less(excess, zero));
                result = s.add_bits(s.subtract_bits(root, up), down);
                sure = Some(s.or(s.or(inside, outside), s.equal(excess, zero)));
            }
        } else if moments || ROUGH {
            let mut doubt = doubt;
            if moments {
                result = s.multiply(numerator, over);
                doubt = s.multiply_add(squares, of_square, doubt);
                if ROUGH {
                    doubt = s.multiply_add(s.and(sum, unsigned), of_sum, doubt);
                }
                if KIND == 3 {
                    result = s.square_root(result);
                }
            }
            let distance = s.and(s.subtract(result, s.nearest_f32(result)), unsigned);
            let magnitude = s.and(result, unsigned);
            let gap = s.multiply(s.and(result, exponent), half_bit);
            // How far all numbers round alike; below a power of two, half as far.
            let mut room = s.smaller(s.subtract(gap, distance), s.multiply(gap, half));
            if KIND == 3 {
                room = s.multiply(room, result);
            }
            sure = Some(s.and(s.less(doubt, room), s.less(least, magnitude)));
        }
        if let Some(sure) = sure
            && !s.all(sure)
        {
            result = s.select(sure, result, nan);
            marked = true;
        }
        T::write(s, result, results, at);
        at += S::W;
    }
    *state = carries.map(|carry| s.lanes(carry)[0]);
    let rough = if T::WHOLE { 0 } else { length - s.total_bits(smooth).wrapping_neg() as usize };
    Passed { escaped: job.escaped(s.any(escaped)), rough, marked }
}

vectorized! {
    /// Results of consecutive windows, a multiple of 8, given the elements that enter and those that leave. `rough`
    /// bounds the number of rough elements in any window. `KIND` is 0 for sums, 1 for means (of integers alone),
    /// 2 for variances, 3 for their roots.
    fn advance[T: Number, const KIND: u8, const ROUGH: bool][T, KIND, ROUGH](
        job: &Job,
        rough: usize,
        enter: &[T],
        leave: &[T],
        state: &mut State,
        results: &mut [T::Result]
    ) -> Passed = advance_body{W}
}

/// The state for full windows of some options.
pub(super) struct Plain {
    isa: Isa,
    options: Options,
    /// The number of rough elements in the window, and in each of its tiles, with the ends of these.
    rough: usize,
    tiles: VecDeque<(usize, usize)>,
    /// Room for the numbers of a window.
    window: Vec<f64>,
}

impl Plain {
    /// `None` if these options are not served on this processor.
    pub fn new(isa: Isa, options: Options) -> Option<Plain> {
        let window = options.window;
        let is_mean_of_singles =
            options.statistic == Statistic::Mean && options.format != Format::F64;
        let squares_are_rounded = options.statistic.is_moment() && options.format != Format::F64;
        let longest = if squares_are_rounded { LONGEST_OF_SQUARES } else { LONGEST };
        let serves = !is_mean_of_singles
            && (2..=longest).contains(&window)
            && options.is_enough(window)
            && options.ddof.unsigned_abs() < 1 << 20
            && (isa.lanes() > 2 || cfg!(target_arch = "aarch64"));
        serves.then(|| Plain { isa, options, rough: 0, tiles: VecDeque::new(), window: Vec::new() })
    }

    /// Writes results of full windows, from the first on; returns how many.
    pub fn run(
        &mut self,
        line: Numbers<'_>,
        outputs: Range<usize>,
        results: &mut Out<'_>,
    ) -> usize {
        if outputs.len() < WORTHWHILE.max(self.options.window / 4) {
            return 0;
        }
        match (line, results) {
            (Numbers::F32(line), Out::F32(results)) if self.options.format == Format::F32 => {
                let job = self.job_of_singles(Numbers::F32(line), &outputs);
                job.map_or(0, |job| self.run_as(&job, line, outputs, results))
            }
            (Numbers::I64(line), Out::F64(results)) if self.options.format == Format::F64 => {
                let job = self.job_of_integers(Numbers::I64(line), &outputs);
                job.map_or(0, |job| self.run_as(&job, line, outputs, results))
            }
            _ => 0,
        }
    }

    /// The levels for binary32 numbers, if a sample says that they serve.
    fn job_of_singles(&self, line: Numbers<'_>, outputs: &Range<usize>) -> Option<Job> {
        let numbers = line.part(outputs.start + 1 - self.options.window..outputs.end);
        let job = choose(self.isa, &self.options, numbers, false)?;
        // (The centre stands for numbers that do not count.)
        let centre = (job.frame.centre as f32).into();
        let frame = Frame { centre, ..job.frame };
        let (sample, size) = sample(numbers);
        let is_rough = |&&x: &&f64| last_bit(x - centre).is_some_and(|bit| bit < frame.first - 52);
        let rough = sample[..size].iter().filter(is_rough).count();
        (LEVELS.contains(&frame.first) && 4 * rough <= size).then_some(Job { frame, ..job })
    }

    /// Those for integers.
    fn job_of_integers(&self, line: Numbers<'_>, outputs: &Range<usize>) -> Option<Job> {
        let window = self.options.window;
        let numbers = line.part(outputs.start + 1 - window..outputs.end);
        let binades = window.next_power_of_two().trailing_zeros() as i32;
        let moments = self.options.statistic.is_moment();
        // A sum is at most 2^50, the square of one, or of the count times a sum of squares, at most 2^52.
        let reach = if moments { 26 - binades } else { 50 - binades };
        let (sample, size) = sample(numbers);
        let sample = &sample[..size];
        let centre = if moments { centre(sample).round() } else { 0.0 };
        let limit = power_of_two(reach);
        if sample.iter().any(|x| (x - centre).abs() >= limit) {
            return None;
        }
        let frame = Frame { first: 52, squares: 52, reach: limit, centre };
        Some(Job {
            window,
            frame,
            below: 52 - reach,
            ddof: self.options.ddof as f64,
            least: 0.0,
            again: false,
            in_place: false,
            coarse: false,
            grid: 0.0,
        })
    }

    fn run_as<T: Number>(
        &mut self,
        job: &Job,
        line: &[T],
        outputs: Range<usize>,
        results: &mut [T::Result],
    ) -> usize {
        let window = self.options.window;
        let Some(mut state) = self.begin(job, line, outputs.start) else {
            return 0;
        };
        let filler = [T::of(job.frame.centre); WIDEST];
        let mut spent = 0;
        let mut at = outputs.start;
        while at < outputs.end {
            let left = outputs.end - at;
            // No element leaves the line's first full window.
            let length = if at < window { 1 } else { left.min(TILE) };
            while let Some(&(end, count)) = self.tiles.front()
                && end + window <= at
            {
                self.rough -= count;
                self.tiles.pop_front();
            }
            let results = &mut results[at - outputs.start..][..length];
            let whole = length / WIDEST * WIDEST;
            let mut marked = false;
            for part in [0..whole, whole..length] {
                if part.is_empty() {
                    continue;
                }
                let from = at + part.start;
                let passed = if part.len() % WIDEST == 0 {
                    let leave = &line[from - window..][..part.len()];
                    let results = &mut results[part.clone()];
                    self.tile(job, &line[from..][..part.len()], leave, &mut state, results)
                } else {
                    let (mut enter, mut leave) = (filler, filler);
                    enter[..part.len()].copy_from_slice(&line[from..][..part.len()]);
                    if from >= window {
                        leave[..part.len()].copy_from_slice(&line[from - window..][..part.len()]);
                    }
                    let mut some = [T::Result::default(); WIDEST];
                    let passed = self.tile(job, &enter, &leave, &mut state, &mut some);
                    results[part.clone()].copy_from_slice(&some[..part.len()]);
                    passed
                };
                if passed.escaped {
                    return at - outputs.start;
                }
                if passed.rough > 0 {
                    self.rough += passed.rough;
                    self.tiles.push_back((at + part.end, passed.rough));
                }
                marked |= passed.marked;
            }
            if marked {
                for (index, result) in results.iter_mut().enumerate() {
                    if !T::is_nan(*result) {
                        continue;
                    }
                    if spent > IN_ADVANCE + (at - outputs.start) {
                        return at + index - outputs.start;
                    }
                    spent += EFFORT + window / 8;
                    let inside = at + index + 1 - window..at + index + 1;
                    *result = T::result(self.exactly(T::wrap(&line[inside])));
                }
            }
            at += length;
        }
        outputs.len()
    }

    /// The state before a result.
    fn begin<T: Number>(&mut self, job: &Job, line: &[T], at: usize) -> Option<State> {
        let start = at.saturating_sub(self.options.window);
        let mut buffer = std::mem::take(&mut self.window);
        let numbers = T::wrap(&line[start..at]).all(self.isa, &mut buffer)?;
        let begun = match self.options.statistic.is_moment() {
            true => lanes::begin::<true>(self.isa, job, numbers),
            false => lanes::begin::<false>(self.isa, job, numbers),
        }?;
        let missing = begun.count < numbers.len();
        self.tiles.clear();
        self.rough = 0;
        if begun.bits[1] != 0 {
            let level = job.start();
            let is_rough = |&&x: &&f64| {
                let x = x - job.frame.centre;
                (x + level) - level != x
            };
            self.rough = numbers.iter().filter(is_rough).count();
            self.tiles.push_back((at, self.rough));
        }
        self.window = buffer;
        (!missing).then_some([begun.steps[0] as u64, begun.steps[2] as u64])
    }

    /// Results of a tile, whose length is a multiple of `WIDEST`.
    fn tile<T: Number>(
        &self,
        job: &Job,
        enter: &[T],
        leave: &[T],
        state: &mut State,
        results: &mut [T::Result],
    ) -> Passed {
        let before = *state;
        let mut rough = if self.rough > 0 { self.rough + EXPECTED } else { 0 };
        loop {
            *state = before;
            let isa = self.isa;
            macro_rules! advance {
                ($kind:literal) => {
                    if rough == 0 || T::WHOLE {
                        advance::<T, $kind, false>(isa, job, 0, enter, leave, state, results)
                    } else {
                        advance::<T, $kind, true>(isa, job, rough, enter, leave, state, results)
                    }
                };
            }
            let passed = match self.options.statistic {
                Statistic::Sum => advance!(0),
                Statistic::Mean if T::WHOLE => advance!(1),
                Statistic::Mean => unreachable!("means of binary32 numbers are not served"),
                Statistic::Var => advance!(2),
                Statistic::Std => advance!(3),
            };
            if passed.escaped || self.rough + passed.rough <= rough {
                return passed;
            }
            rough = self.rough + passed.rough;
        }
    }

    /// The result of a window from exact sums.
    fn exactly(&mut self, inside: Numbers<'_>) -> f64 {
        let Options { statistic, ddof, format, .. } = self.options;
        let numbers = inside.all(self.isa, &mut self.window).expect("integers that were examined");
        let running = Running::of(self.isa, statistic, numbers);
        format.number(running.round(statistic, ddof, format))
    }
}
