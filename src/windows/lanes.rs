//! Moving windows where all are full: each lane of a vector moves an exact sum along a part of the line.
//!
//! A stretch of results is cut into as many parts as a vector has lanes, and each lane moves along
//! its own. A number enters as two parts, `x = h + l`: `h` is what `x + 2^k * 1.5` keeps of it, a
//! multiple of 2^(k-52), and `l` the rest, which must be a multiple of 2^(k-95). What leaves is cut the
//! same way, so that the sums `P` of the one and `Q` of the other are those of the window alone, and
//! exact: `P` because `k` leaves room for the window, and `Q` because its multiples of 2^(k-52) are moved
//! to `P` after each tile. Squares are summed in the same way, but their rests are rounded to multiples
//! of the last bit.
//!
//! A tile that has a number too large for the levels, or one that is not finite, is left to another
//! kernel. Some numbers may be *rough*, which means that they have bits below the last one. These are
//! rounded as well. The number of rough elements in a window bounds the error of its sum, and results
//! that such an error might change are left undecided.

use std::cell::Cell;

use super::tile::Frame;
use crate::array::memory::prefetch;
use crate::binary64::power_of_two;
use crate::cpu::vectorized;
use crate::kernel::levels::LEVEL;
use crate::simd::{Simd, WIDEST};

/// The most results of a lane in a tile. Before each, the excess of its lower sum moves to the upper one. Right
/// after that, the lower sum is at most half a step of the upper one, and each result changes it by at
/// most a step, so it stays below 2^52 of its own steps.
pub(super) const SETTLED: usize = 256;
// (A step of the upper sum has 2^43 of the lower one's.)
const _: () = assert!(SETTLED < 1 << (52 - LEVEL));
/// The same for moments, whose sums are kept until a tile is done.
pub(super) const KEPT: usize = 64;
/// The prefetch distance of sums, in numbers: lanes are several streams to be read and to be written, and
/// the hardware foresees fewer. (Other statistics gain nothing, as they wait less for memory.)
const AHEAD: usize = 96;
/// Sums: of numbers in two parts, and of their squares.
pub(super) const SUMS: usize = 4;

/// The constants of a stretch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub window: usize,
    pub frame: Frame,
    /// Binades from the first level to the numbers.
    pub below: i32,
    pub ddof: f64,
    /// Windows with fewer elements have no result.
    pub least: f64,
    /// Whether results are rounded again: sums are rounded to odd for that, others marked if they lie halfway.
    pub again: bool,
    /// Whether numbers are read, and results written, where they are in memory.
    pub in_place: bool,
    /// Whether most numbers have no bits below those of the first level.
    pub coarse: bool,
    /// The square of a power of two of which all numbers seem to be multiples; 0 if results that lie
    /// halfway between two numbers are not to be decided by that.
    pub grid: f64,
}

impl Job {
    fn levels(&self) -> [f64; SUMS] {
        let Frame { first, squares, .. } = self.frame;
        [first, first - LEVEL, squares, squares - LEVEL]
            .map(|exponent| 1.5 * power_of_two(exponent))
    }

    /// The bias of the first level plus the limit for numbers, so that any number from the negative of the
    /// limit to just below it leaves the upper bits as they are.
    pub fn start(&self) -> f64 {
        1.5 * power_of_two(self.frame.first) + power_of_two(self.frame.first - self.below)
    }

    /// A bound on the error of the sum of a window with this many rough numbers: half a step for
    /// each, and one for the rounding of operations.
    fn off(&self, rough: u64) -> f64 {
        (rough as f64 + 1.0) * power_of_two(self.frame.first - LEVEL - 52 - 1)
    }

    pub fn escaped(&self, bits: u64) -> bool {
        bits >> (53 - self.below) != 0
    }

    /// Whether numbers with these bits are multiples of the root of `grid`.
    fn are_on_grid(&self, bits: [u64; 2]) -> bool {
        let unit = last_common_bit(&self.frame, bits);
        (-500..500).contains(&unit) && power_of_two(2 * unit) >= self.grid
    }
}

/// The exponent of a power of two of which numbers with these bits in both levels are multiples.
pub(super) fn last_common_bit(frame: &Frame, [first, second]: [u64; 2]) -> i32 {
    let spare = match second {
        0 => LEVEL as u32 + first.trailing_zeros().min(52),
        _ => second.trailing_zeros(),
    };
    frame.first - LEVEL - 52 + spare as i32
}

/// The windows before the next results, one in each lane.
#[derive(Debug)]
pub(super) struct State {
    pub sums: [[f64; WIDEST]; SUMS],
    /// The number of elements that are not missing.
    pub counts: [u64; WIDEST],
    /// The number of rough elements.
    pub rough: [u64; WIDEST],
    /// The sums of each result of the last tile, for variances.
    pub totals: Box<[[[f64; WIDEST]; SUMS]; KEPT]>,
    /// The bits in both levels of all numbers so far, for variances.
    pub bits: [u64; 2],
}

impl State {
    pub fn new() -> State {
        State {
            sums: [[0.0; WIDEST]; SUMS],
            counts: [0; WIDEST],
            rough: [0; WIDEST],
            totals: Box::new([[[0.0; WIDEST]; SUMS]; KEPT]),
            bits: [0; 2],
        }
    }

    /// Sets a lane to the sums of a window.
    pub fn set(&mut self, lane: usize, begun: &Begun, job: &Job) {
        let Frame { first, squares, .. } = job.frame;
        for (pair, level) in [first, squares].into_iter().enumerate() {
            let [upper, lower] = [begun.steps[2 * pair], begun.steps[2 * pair + 1]];
            let carry = (lower + (1 << (LEVEL - 1))) >> LEVEL;
            let (upper, lower) = (upper + carry, lower - (carry << LEVEL));
            self.sums[2 * pair][lane] = upper as f64 * power_of_two(level - 52);
            self.sums[2 * pair + 1][lane] = lower as f64 * power_of_two(level - LEVEL - 52);
        }
        self.counts[lane] = begun.count as u64;
        self.rough[lane] = begun.rough as u64;
        for (all, bits) in self.bits.iter_mut().zip(begun.bits) {
            *all |= bits;
        }
    }

    /// The sums of a result of the last tile, in steps of the second levels.
    pub fn totals(&self, lane: usize, index: usize, frame: &Frame) -> [i128; 2] {
        let sums = self.totals[index].map(|lanes| lanes[lane]);
        [(0, frame.first), (2, frame.squares)].map(|(sum, level)| {
            // (Steps are integers below 2^53.)
            let upper = (sums[sum] * power_of_two(52 - level)) as i64;
            let lower = sums[sum + 1] * power_of_two(52 + LEVEL - level);
            (i128::from(upper) << LEVEL) + i128::from(lower as i64)
        })
    }
}

/// A window's sums in steps of the levels, how many of its elements are present and how many rough, and the
/// union of the bits of its numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    pub steps: [i64; SUMS],
    pub count: usize,
    pub rough: usize,
    pub bits: [u64; 2],
}

/// The longest window whose lower sum is a 64-bit integer of steps.
pub(super) const LONGEST: usize = 1 << 20;

#[inline(always)]
fn begin_body<S: Simd, const MOMENTS: bool>(s: S, job: &Job, numbers: &[f64]) -> Option<Begun> {
    let Constants { start, levels: [_, b, c, d], centre, .. } = Constants::new(s, job);
    let zero = s.splat(0.0);
    let mut sums = [zero; SUMS];
    let (mut missing, mut escaped, mut smooth, mut bits) = (zero, zero, zero, [zero; 2]);
    // (A closure would be compiled without this function's target features.)
    macro_rules! add {
        ($number:expr) => {
            let number = $number;
            let present = s.ordered(number);
            missing = s.add_bits(missing, present);
            let x = s.and(if MOMENTS { s.subtract(number, centre) } else { number }, present);
            let upper = s.add(x, start);
            escaped = s.or(escaped, s.xor(upper, start));
            let l = s.subtract(x, s.subtract(upper, start));
            let lower = s.add(l, b);
            smooth = s.add_bits(smooth, s.equal(l, s.subtract(lower, b)));
            let (upper, lower) = (s.subtract_bits(upper, start), s.subtract_bits(lower, b));
            sums[0] = s.add_bits(sums[0], upper);
            sums[1] = s.add_bits(sums[1], lower);
            bits = [s.or(bits[0], upper), s.or(bits[1], lower)];
            if MOMENTS {
                let q = s.multiply_add(x, x, c);
                let r = s.add(s.multiply_subtract(x, x, s.subtract(q, c)), d);
                sums[2] = s.add_bits(sums[2], s.subtract_bits(q, c));
                sums[3] = s.add_bits(sums[3], s.subtract_bits(r, d));
            }
        };
    }
    let whole = numbers.len() / S::W * S::W;
    let mut at = 0;
    while at < whole {
        add!(s.read(numbers, at));
        at += S::W;
    }
    if whole < numbers.len() {
        // Elements beyond the line count as missing.
        let mut last = [f64::NAN; WIDEST];
        last[..numbers.len() - whole].copy_from_slice(&numbers[whole..]);
        add!(s.read(&last, 0));
    }
    if job.escaped(s.any(escaped)) {
        return None;
    }
    // (Masks are -1.)
    let total = |masks: S::V| s.total_bits(masks).wrapping_neg() as usize;
    Some(Begun {
        steps: sums.map(|sum| s.total_bits(sum) as i64),
        count: total(missing),
        rough: numbers.len().next_multiple_of(S::W) - total(smooth),
        bits: bits.map(|bits| s.any(bits)),
    })
}

vectorized! {
    /// The sums of a window; `None` if a number is too large for the lanes.
    pub(super) fn begin[const MOMENTS: bool][MOMENTS](
        job: &Job, numbers: &[f64]
    ) -> Option<Begun> = begin_body
}

#[inline(always)]
fn is_coarse_body<S: Simd>(s: S, job: &Job, numbers: &[f64]) -> bool {
    let start = s.splat(job.start());
    let mut remains = s.splat(0.0);
    let mut at = 0;
    while at + S::W <= numbers.len() {
        let x = s.read(numbers, at);
        remains = s.or(remains, s.xor(x, s.subtract(s.add(x, start), start)));
        at += S::W;
    }
    s.any(remains) << 1 == 0
}

vectorized! {
    /// Whether numbers, a multiple of 8 of them, have no bits below those of the first level.
    pub(super) fn is_coarse[][](job: &Job, numbers: &[f64]) -> bool = is_coarse_body
}

/// Which elements a tile and its windows may have.
pub(super) mod mode {
    /// Some may be missing.
    pub const COUNTED: u8 = 1;
    /// Some may be rough.
    pub const ROUGH: u8 = 2;
    /// None is missing or rough, and none has bits below those of the first level.
    pub const COARSE: u8 = 4;
}

/// The outcome of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// Some results are NaN, since they have too few elements or are undecided, or rounding them to binary32
    /// might be wrong.
    Marked,
    /// The results are meaningless, because there are rough numbers, or, where all numbers should be coarse,
    /// some that are not.
    Rough,
    /// The results are meaningless, because numbers are too large or not finite.
    Failed,
    /// The same, because some numbers are not multiples of what all seemed to be.
    Fine,
}

/// The constants of a tile in all lanes.
#[derive(Clone, Copy)]
pub(super) struct Constants<S: Simd> {
    s: S,
    /// The value 1, hidden from the compiler, so that some subtractions use multiply-add units.
    one: S::V,
    pub start: S::V,
    pub levels: [S::V; SUMS],
    pub centre: S::V,
    pub window: S::V,
    reciprocal: S::V,
    free: S::V,
    free_reciprocal: S::V,
    /// A bound on the error of one number's square.
    doubt: S::V,
}

/// A square of vectors, of which the first `S::W` are used.
type Square<S> = [<S as Simd>::V; WIDEST];

/// An expression for each of the first `$s::W` indices.
macro_rules! each {
    ($s:ident, |$j:ident| $value:expr) => {{
        let mut values = [$s.splat(0.0); WIDEST];
        for $j in 0..S::W {
            values[$j] = $value;
        }
        values
    }};
}

impl<S: Simd> Constants<S> {
    #[inline(always)]
    pub fn new(s: S, job: &Job) -> Constants<S> {
        let window = job.window as f64;
        let free = window - job.ddof;
        // Half a step, and 0.6 more for the roundings of the operations.
        let doubt = power_of_two(job.frame.squares - LEVEL - 52 - 1) * 1.6;
        Constants {
            s,
            one: std::hint::black_box(s.splat(1.0)),
            start: s.splat(job.start()),
            levels: job.levels().map(|level| s.splat(level)),
            centre: s.splat(job.frame.centre),
            window: s.splat(window),
            reciprocal: s.splat(1.0 / window),
            free: s.splat(free),
            free_reciprocal: s.splat(1.0 / free),
            doubt: s.splat(doubt),
        }
    }

    /// `a - b`, by a fused multiply-add if there is one.
    #[inline(always)]
    fn minus(&self, a: S::V, b: S::V) -> S::V {
        if S::FMA { self.s.multiply_subtract(a, self.one, b) } else { self.s.subtract(a, b) }
    }

    /// `W` numbers of each lane, transposed: a vector has one of each lane.
    #[inline(always)]
    fn load(&self, lines: &[&[f64]; WIDEST], at: usize) -> Square<S> {
        let s = self.s;
        let rows = each!(s, |j| s.read(lines[j], at));
        s.turn(rows)
    }

    /// Rounds to odd, like `certified::to_odd`, where the rounded sums are known.
    #[inline(always)]
    fn odd(&self, sum: Square<S>, high: Square<S>, low: Square<S>) -> Square<S> {
        let s = self.s;
        let zero = s.splat(0.0);
        let [sign, one, last] = [-0.0, 1.0, f64::from_bits(1)].map(|x| s.splat(x));
        each!(s, |j| {
            let error = s.subtract(low[j], s.subtract(sum[j], high[j]));
            let exact = s.equal(error, zero);
            // The neighbour towards zero (masks are -1); setting the last bit then makes it odd.
            let apart = s.less(s.or(s.and(s.xor(sum[j], error), sign), one), zero);
            let beyond = s.select(exact, zero, apart);
            s.or(s.add_bits(sum[j], beyond), s.select(exact, zero, last))
        })
    }

    /// The means of sums `high + low`, as quotients and corrections. `sum` is `high + low` rounded, and `rest` its
    /// rounding error.
    ///
    /// A quotient plus its correction is rounded to the right mean. With `u` the last bit of the quotient,
    /// `count * u <= 2^(k-54)`, and the sum is a multiple of `2^(k-95)`. So the mean either is halfway between two
    /// numbers, or is at least `2^(k-95) / count`, which is at least `2^-41 u`, away from any point halfway. The
    /// correction is less than `2 u` and known to 51 bits. Where the mean is halfway, the correction is a small
    /// multiple of `u / 2`, and exact.
    #[inline(always)]
    fn means(
        &self,
        sum: Square<S>,
        rest: Square<S>,
        count: Square<S>,
        reciprocal: Square<S>,
    ) -> [Square<S>; 2] {
        let s = self.s;
        let quotient = each!(s, |j| s.multiply(sum[j], reciprocal[j]));
        let remainder = each!(s, |j| s.subtract_product(quotient[j], count[j], sum[j]));
        let left = each!(s, |j| s.add(remainder[j], rest[j]));
        let first = each!(s, |j| s.multiply(left[j], reciprocal[j]));
        let lacks = each!(s, |j| s.subtract_product(first[j], count[j], left[j]));
        let correction = each!(s, |j| s.multiply_add(lacks[j], reciprocal[j], first[j]));
        [quotient, correction]
    }

    /// Whether rounding one of the results to binary32 might be wrong: those halfway between two binary32 numbers,
    /// unless they are exact.
    #[inline(always)]
    fn any_halfway(&self, results: Square<S>, exact: Square<S>) -> bool {
        let s = self.s;
        let [unsigned, rest] = [u64::MAX >> 1, u64::MAX >> 35].map(|x| s.splat(f64::from_bits(x)));
        let one = s.splat(1.0);
        let half = s.splat(1.0 + power_of_two(-24));
        let (zero, least) = (s.splat(0.0), s.splat(power_of_two(-126)));
        let mut any = zero;
        for j in 0..S::W {
            let magnitude = s.and(results[j], unsigned);
            // The bits that a normal binary32 number does not have.
            let is_halfway = s.equal(s.or(s.and(results[j], rest), one), half);
            let is_small = s.and(s.less(magnitude, least), s.less(zero, magnitude));
            any = s.or(any, s.select(exact[j], zero, s.or(is_halfway, is_small)));
        }
        s.any(any) != 0
    }

    /// Whether all lanes of masks are set.
    #[inline(always)]
    fn all(&self, masks: Square<S>) -> bool {
        let mut all = masks[0];
        for &mask in &masks[1..S::W] {
            all = self.s.and(all, mask);
        }
        self.s.all(all)
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn advance_body<S: Simd, const KIND: u8, const MODE: u8>(
    s: S,
    job: &Job,
    [enter, leave]: [&[&[f64]; WIDEST]; 2],
    length: usize,
    state: &mut State,
    results: &mut [f64],
    to: &[usize; WIDEST],
) -> Outcome {
    let moments = KIND >= 2;
    let counts_all = MODE & mode::COUNTED != 0;
    let is_rough = MODE & mode::ROUGH != 0;
    let is_coarse = MODE & mode::COARSE != 0;
    let constants = Constants::new(s, job);
    let Constants { start, levels: [a, b, c, d], centre, .. } = constants;
    let lanes = |x: &[f64; WIDEST]| s.read(x, 0);
    let mut sums = state.sums.each_ref().map(lanes);
    let mut counts = lanes(&state.counts.map(f64::from_bits));
    let zero = s.splat(0.0);
    let (mut escaped, mut remains, mut marked, mut tied) = (zero, zero, false, false);
    let mut bits = [zero; 2];
    // Bounds on the errors of the windows' sums, however many of the entering elements are rough.
    let mut rough = lanes(&state.rough.map(f64::from_bits));
    let off = lanes(&state.rough.map(|rough| job.off(rough + length as u64)));
    // (As long as each other, so that one check is enough for all.)
    let (mut new_lines, mut old_lines): ([&[f64]; WIDEST], [&[f64]; WIDEST]) = Default::default();
    // (The last lanes may overlap.)
    let results = Cell::from_mut(results).as_slice_of_cells();
    let mut out: [&[Cell<f64>]; WIDEST] = Default::default();
    for lane in 0..S::W {
        new_lines[lane] = &enter[lane][..length];
        old_lines[lane] = &leave[lane][..length];
        out[lane] = &results[to[lane]..to[lane] + length];
    }
    // Moves multiples of the upper sums' last bits from the lower sums to the upper ones.
    for pair in 0..if moments { 2 } else { 1 } {
        let level = [a, c][pair];
        let excess = s.subtract(s.add(sums[2 * pair + 1], level), level);
        sums[2 * pair] = s.add(sums[2 * pair], excess);
        sums[2 * pair + 1] = s.subtract(sums[2 * pair + 1], excess);
    }
    let mut at = 0;
    while at + S::W <= length {
        if KIND == 0 && job.in_place {
            for j in 0..S::W {
                prefetch(new_lines[j].as_ptr().wrapping_add(at + AHEAD));
                prefetch(out[j].as_ptr().wrapping_add(at + AHEAD));
            }
        }
        let new = constants.load(&new_lines, at);
        let old = constants.load(&old_lines, at);
        let (mut x, mut y) = (new, old);
        let mut counted = [zero; WIDEST];
        if moments && !counts_all {
            x = each!(s, |j| s.subtract(x[j], centre));
            y = each!(s, |j| s.subtract(y[j], centre));
        }
        if counts_all {
            let enters = each!(s, |j| s.ordered(x[j]));
            let leaves = each!(s, |j| s.ordered(y[j]));
            if moments {
                x = each!(s, |j| s.subtract(x[j], centre));
                y = each!(s, |j| s.subtract(y[j], centre));
            }
            x = each!(s, |j| s.and(x[j], enters[j]));
            y = each!(s, |j| s.and(y[j], leaves[j]));
            for j in 0..S::W {
                // (A mask is -1.)
                counts = s.add_bits(counts, s.subtract_bits(leaves[j], enters[j]));
                counted[j] = counts;
            }
        }
        let upper = each!(s, |j| s.add(x[j], start));
        for j in 0..S::W {
            escaped = s.or(escaped, s.xor(upper[j], start));
        }
        let h = each!(s, |j| s.subtract(upper[j], start));
        if is_coarse {
            for j in 0..S::W {
                remains = s.or(remains, s.xor(x[j], h[j]));
            }
            let difference = each!(s, |j| s.subtract(x[j], y[j]));
            let mut result = [zero; WIDEST];
            for j in 0..S::W {
                sums[0] = s.add(sums[0], difference[j]);
                result[j] = sums[0];
            }
            if KIND == 1 {
                let sum = result;
                result = each!(s, |j| s.divide(sum[j], constants.window));
                if job.again {
                    // Quotients halfway between two numbers are mostly exact, with few bits.
                    let rest =
                        each!(s, |j| s.subtract_product(result[j], constants.window, sum[j]));
                    marked |= constants.any_halfway(result, each!(s, |j| s.equal(rest[j], zero)));
                }
            }
            let rows = s.turn(result);
            for j in 0..S::W {
                s.write_shared(rows[j], out[j], at);
            }
            at += S::W;
            continue;
        }
        let upper_old = each!(s, |j| s.add(y[j], start));
        let h_old = each!(s, |j| s.subtract(upper_old[j], start));
        let l = each!(s, |j| constants.minus(x[j], h[j]));
        let l_old = each!(s, |j| constants.minus(y[j], h_old[j]));
        let lower = each!(s, |j| if S::FMA {
            s.multiply_add(l[j], constants.one, b)
        } else {
            s.add(l[j], b)
        });
        let kept = each!(s, |j| s.subtract(lower[j], b));
        let (mut l, mut l_old) = (l, l_old);
        if is_rough {
            let lower_old = each!(s, |j| s.add(l_old[j], b));
            let kept_old = each!(s, |j| s.subtract(lower_old[j], b));
            for j in 0..S::W {
                // (A mask is -1.)
                let (smooth, smooth_old) = (s.equal(l[j], kept[j]), s.equal(l_old[j], kept_old[j]));
                rough = s.add_bits(rough, s.subtract_bits(smooth, smooth_old));
            }
            (l, l_old) = (kept, kept_old);
        } else {
            for j in 0..S::W {
                remains = s.or(remains, s.xor(l[j], kept[j]));
            }
        }
        if moments {
            for j in 0..S::W {
                bits[0] = s.or(bits[0], s.subtract_bits(upper[j], start));
                bits[1] = s.or(bits[1], s.subtract_bits(lower[j], b));
            }
        }
        let h = each!(s, |j| s.subtract(h[j], h_old[j]));
        let l = each!(s, |j| constants.minus(l[j], l_old[j]));
        let (mut high, mut low) = ([zero; WIDEST], [zero; WIDEST]);
        for j in 0..S::W {
            sums[0] = s.add(sums[0], h[j]);
            sums[1] = s.add(sums[1], l[j]);
            (high[j], low[j]) = (sums[0], sums[1]);
        }
        let sum = each!(s, |j| s.add(high[j], low[j]));
        let mut result = sum;
        // Masks of results that are certain, and of windows with enough elements.
        let mut sure = [zero; WIDEST];
        let mut ties = Ties::<S>::none(s);
        if KIND == 0 && is_rough {
            result = each!(s, |j| s.add(high[j], s.subtract(low[j], off)));
            let other = each!(s, |j| s.add(high[j], s.add(low[j], off)));
            sure = each!(s, |j| s.equal(result[j], other[j]));
        } else if KIND == 0 && job.again {
            result = constants.odd(sum, high, low);
        }
        if counts_all {
            let start = s.splat(power_of_two(52));
            counted = each!(s, |j| s.subtract(s.add_bits(counted[j], start), start));
        }
        if KIND >= 1 {
            let rest = each!(s, |j| s.subtract(low[j], s.subtract(sum[j], high[j])));
            let (mut count, mut reciprocal) =
                ([constants.window; WIDEST], [constants.reciprocal; WIDEST]);
            if counts_all {
                count = counted;
                reciprocal = each!(s, |j| s.divide(s.splat(1.0), counted[j]));
            }
            if KIND == 1 {
                let [quotient, correction] = constants.means(sum, rest, count, reciprocal);
                result = each!(s, |j| s.add(quotient[j], correction[j]));
                if is_rough {
                    let off = each!(s, |j| s.multiply(off, reciprocal[j]));
                    let lower = each!(s, |j| s.subtract(correction[j], off[j]));
                    let upper = each!(s, |j| s.add(correction[j], off[j]));
                    result = each!(s, |j| s.add(quotient[j], lower[j]));
                    sure = each!(s, |j| s.equal(result[j], s.add(quotient[j], upper[j])));
                }
            } else {
                let q = each!(s, |j| s.multiply_add(x[j], x[j], c));
                let q_old = each!(s, |j| s.multiply_add(y[j], y[j], c));
                let q = each!(s, |j| s.subtract(q[j], c));
                let q_old = each!(s, |j| s.subtract(q_old[j], c));
                let r = each!(s, |j| s.multiply_subtract(x[j], x[j], q[j]));
                let r_old = each!(s, |j| s.multiply_subtract(y[j], y[j], q_old[j]));
                // The level cancels in the difference, which is exact.
                let r = each!(s, |j| s.add(r[j], d));
                let r_old = each!(s, |j| s.add(r_old[j], d));
                let q = each!(s, |j| constants.minus(q[j], q_old[j]));
                let r = each!(s, |j| s.subtract(r[j], r_old[j]));
                let (mut squares, mut squares_low) = ([zero; WIDEST], [zero; WIDEST]);
                let totals = &mut state.totals[at..at + S::W];
                for j in 0..S::W {
                    sums[2] = s.add(sums[2], q[j]);
                    sums[3] = s.add(sums[3], r[j]);
                    s.write(high[j], &mut totals[j][0], 0);
                    s.write(low[j], &mut totals[j][1], 0);
                    s.write(sums[2], &mut totals[j][2], 0);
                    s.write(sums[3], &mut totals[j][3], 0);
                    squares[j] = s.add(sums[2], sums[3]);
                    squares_low[j] = s.subtract(sums[3], s.subtract(squares[j], sums[2]));
                }
                let (mut free, mut free_reciprocal) =
                    ([constants.free; WIDEST], [constants.free_reciprocal; WIDEST]);
                if counts_all {
                    let ddof = s.splat(job.ddof);
                    free = each!(s, |j| s.subtract(counted[j], ddof));
                    free_reciprocal = each!(s, |j| s.divide(s.splat(1.0), free[j]));
                }
                let mut doubt = each!(s, |j| s.multiply(count[j], constants.doubt));
                if is_rough {
                    // A bound on the error of the sum's square, divided by the count.
                    let unsigned = s.splat(f64::from_bits(u64::MAX >> 1));
                    let twice = each!(s, |j| s.and(s.add(sum[j], sum[j]), unsigned));
                    let of_each = each!(s, |j| s.multiply(off, reciprocal[j]));
                    doubt =
                        each!(s, |j| s.multiply_add(s.add(twice[j], off), of_each[j], doubt[j]));
                }
                let moments = Moments {
                    sum,
                    rest,
                    squares,
                    squares_low,
                    doubt,
                    count,
                    reciprocal,
                    free,
                    free_reciprocal,
                };
                ties.divisor = (moments.count, moments.free);
                [result, ties.upper, ties.doubt, sure] =
                    if KIND == 2 { moments.get::<false>(s) } else { moments.get::<true>(s) };
            }
        }
        if KIND == 2 && !is_rough && job.grid > 0.0 && !constants.all(sure) {
            let [even, decided] = ties.decide(s, result, s.splat(job.grid));
            result = each!(s, |j| s.select(decided[j], even[j], result[j]));
            sure = each!(s, |j| s.or(sure[j], decided[j]));
            tied = true;
        }
        if counts_all {
            let least = s.splat(job.least);
            let few = each!(s, |j| s.less(counted[j], least));
            let set = s.splat(f64::from_bits(u64::MAX));
            let enough = each!(s, |j| s.xor(few[j], set));
            sure = match moments || is_rough {
                true => each!(s, |j| s.and(sure[j], enough[j])),
                false => enough,
            };
        }
        if (moments || counts_all || is_rough) && !constants.all(sure) {
            result = each!(s, |j| s.select(sure[j], result[j], s.splat(f64::NAN)));
            marked = true;
        }
        if job.again && (KIND >= 1 || is_rough) {
            marked |= constants.any_halfway(result, [zero; WIDEST]);
        }
        let rows = s.turn(result);
        for j in 0..S::W {
            s.write_shared(rows[j], out[j], at);
        }
        at += S::W;
    }
    if job.escaped(s.any(escaped)) {
        return Outcome::Failed;
    }
    if s.any(remains) << 1 != 0 {
        return Outcome::Rough;
    }
    let mut all_bits = state.bits;
    for (all, bits) in all_bits.iter_mut().zip(bits) {
        *all |= s.any(bits);
    }
    if tied && !job.are_on_grid(all_bits) {
        return Outcome::Fine;
    }
    state.bits = all_bits;
    for (kept, sums) in state.sums.iter_mut().zip(sums) {
        s.write(sums, kept, 0);
    }
    state.counts = s.lanes(counts);
    state.rough = s.lanes(rough);
    if marked { Outcome::Marked } else { Outcome::Done }
}

/// The inputs of a variance.
struct Moments<S: Simd> {
    sum: Square<S>,
    rest: Square<S>,
    squares: Square<S>,
    squares_low: Square<S>,
    doubt: Square<S>,
    count: Square<S>,
    reciprocal: Square<S>,
    free: Square<S>,
    free_reciprocal: Square<S>,
}

impl<S: Simd> Moments<S> {
    /// Both ends of the intervals of results, the bounds on their errors, and masks of those that are certain, like
    /// those of `certified::variance`. Here the bound on the squares' errors includes those of the operations. Each
    /// stage is computed for all vectors before the next one: a processor looks ahead too little to overlap one
    /// long chain of operations with another.
    #[inline(always)]
    fn get<const ROOT: bool>(self, s: S) -> [Square<S>; 4] {
        let Moments { sum, rest, squares, squares_low, doubt, count, reciprocal, free, .. } = self;
        let over = self.free_reciprocal;
        let square = each!(s, |j| s.multiply(sum[j], sum[j]));
        let twice = each!(s, |j| s.add(sum[j], sum[j]));
        let error = each!(s, |j| s.multiply_subtract(sum[j], sum[j], square[j]));
        let quotient = each!(s, |j| s.multiply(square[j], reciprocal[j]));
        let error = each!(s, |j| s.multiply_add(twice[j], rest[j], error[j]));
        let left = each!(s, |j| s.subtract(squares[j], quotient[j]));
        let remainder = each!(s, |j| s.subtract_product(quotient[j], count[j], square[j]));
        let back = each!(s, |j| s.subtract(left[j], squares[j]));
        let value = each!(s, |j| s.multiply(left[j], over[j]));
        let lacks = each!(s, |j| s.add(remainder[j], error[j]));
        let first = each!(s, |j| s.subtract(left[j], back[j]));
        let second = each!(s, |j| s.add(quotient[j], back[j]));
        let first = each!(s, |j| s.subtract(squares[j], first[j]));
        let low = each!(s, |j| s.subtract_product(lacks[j], reciprocal[j], squares_low[j]));
        let rest = each!(s, |j| s.subtract(first[j], second[j]));
        let rest = each!(s, |j| s.add(rest[j], low[j]));
        let remainder = each!(s, |j| s.subtract_product(value[j], free[j], left[j]));
        let correction = each!(s, |j| s.multiply(s.add(remainder[j], rest[j]), over[j]));
        let doubt = each!(s, |j| s.multiply(doubt[j], over[j]));
        let (mut value, mut correction, mut doubt) = (value, correction, doubt);
        if ROOT {
            let root = each!(s, |j| s.square_root(value[j]));
            let half = each!(s, |j| s.divide(s.splat(0.5), root[j]));
            let remainder = each!(s, |j| s.subtract_product(root[j], root[j], value[j]));
            correction = each!(s, |j| s.multiply(s.add(remainder[j], correction[j]), half[j]));
            // The second term of the root's expansion matters where a window is nearly constant.
            let double = each!(s, |j| s.add(half[j], half[j]));
            let second =
                each!(s, |j| s.multiply(s.multiply(correction[j], correction[j]), double[j]));
            doubt = each!(s, |j| s.multiply_add(doubt[j], half[j], second[j]));
            value = root;
        }
        let lower = each!(s, |j| s.add(value[j], s.subtract(correction[j], doubt[j])));
        let upper = each!(s, |j| s.add(value[j], s.add(correction[j], doubt[j])));
        [lower, upper, doubt, each!(s, |j| s.equal(lower[j], upper[j]))]
    }
}

/// Variances that may lie halfway between two numbers.
struct Ties<S: Simd> {
    upper: Square<S>,
    doubt: Square<S>,
    /// The counts, and the degrees of freedom.
    divisor: (Square<S>, Square<S>),
}

impl<S: Simd> Ties<S> {
    #[inline(always)]
    fn none(s: S) -> Ties<S> {
        let none = [s.splat(0.0); WIDEST];
        Ties { upper: none, doubt: none, divisor: (none, none) }
    }

    /// The even ones of the ends of intervals, and masks of those which are the results.
    ///
    /// With all numbers multiples of g, `n (n - ddof)` times a variance is a multiple of `g^2`, and `n (n - ddof)`
    /// times a number halfway between the ends, which are neighbours, is one of half their last bit. If the
    /// interval, widened to allow for the rounding of its ends, is shorter than the smaller one of both divided by `n (n - ddof)`,
    /// these two, which both lie in it, are the same.
    #[inline(always)]
    fn decide(self, s: S, lower: Square<S>, grid: S::V) -> [Square<S>; 2] {
        let Ties { upper, doubt, divisor: (count, free) } = self;
        let [zero, four, exponent, half_bit] =
            [0.0, 4.0, f64::INFINITY, power_of_two(-53)].map(|x| s.splat(x));
        let last = s.splat(f64::from_bits(1));
        let even = each!(s, |j| s.equal(s.and(lower[j], last), zero));
        let even = each!(s, |j| s.select(even[j], lower[j], upper[j]));
        let next = each!(s, |j| s.equal(s.subtract_bits(upper[j], lower[j]), last));
        let factor = each!(s, |j| s.multiply(s.multiply(count[j], free[j]), four));
        let length = each!(s, |j| s.multiply(doubt[j], factor[j]));
        let step = each!(s, |j| s.multiply(s.and(lower[j], exponent), half_bit));
        let short = each!(s, |j| s.and(s.less(length[j], grid), s.less(length[j], step[j])));
        [even, each!(s, |j| s.and(next[j], short[j]))]
    }
}

vectorized! {
    /// Moves all lanes on by a number of results, a multiple of 8 and at most a tile, given the elements that enter
    /// and those that leave. The results of lane `j` are written from `to[j]` on. `KIND` is 0 for sums, 1 for means,
    /// 2 for variances, 3 for their roots. `MODE` combines the bits of `mode`.
    pub(super) fn advance[const KIND: u8, const MODE: u8][KIND, MODE](
        job: &Job,
        lines: [&[&[f64]; WIDEST]; 2],
        length: usize,
        state: &mut State,
        results: &mut [f64],
        to: &[usize; WIDEST]
    ) -> Outcome = advance_body
}
