//! Adding the numbers of one result block by block: sums about a shift with error bounds, or exact
//! ones.

use dashu_int::IBig;

use super::block::{self, Ask, Block, RANGE, Real, UNITS, level_of_sums};
use super::dyadic::Dyadic;
use super::finish::{Near, Pair, estimate};
use super::moment::{Moment, Sums};
use crate::binary64::power_of_two;
use crate::cpu::{Isa, dispatch};
use crate::exact::accumulator::Accumulator;
use crate::exact::round::Format;

/// The number of elements from which shift and level are guessed.
const SAMPLE: usize = 16;
/// The number of elements after which the integer sums are moved elsewhere, long before they
/// overflow.
const PUT_AWAY_FROM: i64 = 1 << 36;

/// Sums of `d = x - c` and of `d^2` with error bounds.
#[derive(Debug)]
pub(super) struct Run {
    /// `c`, for numbers at even and at odd positions.
    shift: [f64; 2],
    /// The exponent of the first level of squares.
    level: i32,
    /// In units of `2^(level - 95)` and `2^(level_of_sums(level) - 95)`.
    squares: i128,
    sums: [i128; 2],
    /// The numbers added at this level.
    added: i64,
    /// The number of elements included.
    pub count: i64,
    settled: Option<Box<Settled>>,
}

/// The sums at lower levels.
#[derive(Debug, Default)]
struct Settled {
    squares: Accumulator,
    sums: [Accumulator; 2],
    squares_error: f64,
    sums_error: f64,
}

/// A level for the largest square, or sum of squares, in a lane.
fn level_for(sum: f64) -> Option<i32> {
    let level = (sum.to_bits() >> 52) as i32 - 1022;
    (sum.is_finite() && RANGE.contains(&level)).then_some(level)
}

impl Run {
    /// A run with a guess of its shift and level from some of its numbers; `None` if these are
    /// useless for that. `parts` is 2 if the numbers are the parts of complex ones.
    #[inline]
    pub fn guess<V: Real>(values: &[V], parts: usize, ask: Ask, block: usize) -> Option<Run> {
        let units = values.len() / parts;
        let taken = units.clamp(1, SAMPLE);
        // (Odd, lest it meets every other number of those that take turns.)
        let step = ((units / taken - usize::from(units > taken)) | 1) * parts;
        let mut shift = [0.0; 2];
        let mut squares: f64 = 0.0;
        let mut largest: f64 = 0.0;
        let mut last_bit: f64 = 0.0;
        let mut counted = 0;
        for part in 0..parts {
            let mut sample = [0.0; SAMPLE];
            let mut size = 0;
            let (mut low, mut high, mut sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
            for index in 0..taken {
                let x = values.get(index * step + part)?.widen();
                if ask.skip_nan && x.is_nan() {
                    continue;
                }
                sample[size] = x;
                size += 1;
                (low, high, sum) = (low.min(x), high.max(x), sum + x);
            }
            let mean = sum / size as f64;
            // Only if cancellation would exceed what the levels allow for.
            if ask.sums && high - low < mean.abs() / 64.0 {
                shift[part] = if high == low { low } else { mean };
            }
            for x in &sample[..size] {
                let d = x - shift[part];
                squares += d * d;
                largest = largest.max(d * d);
            }
            last_bit = last_bit.max(shift[part].abs() * f64::EPSILON);
            counted += size;
        }
        if counted == 0 {
            return None;
        }
        let depth = values.len().min(block).div_ceil(8) as f64;
        // (If the sample is constant, other differences are assumed to be a few last bits.)
        let sum = (squares / counted as f64 * depth * 4.0)
            .max(largest * 4.0)
            .max(last_bit * last_bit * depth);
        let sum = if sum == 0.0 { power_of_two(RANGE.start) } else { sum };
        let (level, shift) =
            (level_for(sum)?, shift.map(|c| if parts == 1 { shift[0] } else { c }));
        Some(Run { shift, level, squares: 0, sums: [0; 2], added: 0, count: 0, settled: None })
    }

    /// `c` of either part.
    pub fn shift(&self, parts: usize) -> [f64; 2] {
        [self.shift[0], if parts == 1 { 0.0 } else { self.shift[1] }]
    }

    /// Adds a block, without NaNs where these are left out; `false` if it must be added exactly.
    #[inline]
    pub fn add<V: Real>(&mut self, isa: Isa, values: &[V], ask: Ask, ahead: usize) -> bool {
        for _attempt in 0..3 {
            let (shift, level) = (self.shift, self.level);
            let block = block::add(isa, values, None, shift, level, ask, ahead);
            if block.is_some_and(|block| self.take(block, values.len())) {
                return true;
            }
            if block.is_some() {
                // Too far from the shift, which is given up as long as nothing was added.
                if self.shift == [0.0; 2] || self.added > 0 || self.settled.is_some() {
                    return false;
                }
                self.shift = [0.0; 2];
            }
            let sum = plain_squares(isa, values, self.shift);
            let higher = level_for(sum).filter(|&level| block.is_some() || level > self.level);
            let Some(level) = higher else { return false };
            self.settle();
            self.level = level;
        }
        false
    }

    /// Adds those of a block whose byte in a mask is not 0; `false` if they do not fit.
    #[inline]
    pub fn add_selected<V: Real>(
        &mut self,
        isa: Isa,
        values: &[V],
        counted: &[u8],
        ask: Ask,
        ahead: usize,
    ) -> bool {
        let (shift, level) = (self.shift, self.level);
        let block = block::add(isa, values, Some(counted), shift, level, ask, ahead);
        block.is_some_and(|block| self.take(block, values.len()))
    }

    /// Adds the sums of a block of so many numbers, unless some are far from the shift.
    #[inline]
    fn take(&mut self, block: Block, length: usize) -> bool {
        // Numbers from half to one and a half of c: x - c is exact (Sterbenz).
        if self.shift.iter().any(|&c| c != 0.0 && block.largest >= c * c * 0.25) {
            return false;
        }
        self.squares += block.squares;
        self.sums[0] += block.sums[0];
        self.sums[1] += block.sums[1];
        self.added += length as i64;
        self.count += block.count;
        if self.added > PUT_AWAY_FROM {
            self.settle();
        }
        true
    }

    /// The error bound of sums of this many numbers at this level: half a last bit for each
    /// addition to a second level, twice that for the omitted rest of a square, or for squares that
    /// take two additions.
    fn errors(&self) -> [f64; 2] {
        let added = self.added as f64;
        [
            added * 2.02 * power_of_two(self.level - UNITS - 1),
            added * power_of_two(level_of_sums(self.level) - UNITS - 1),
        ]
    }

    fn settle(&mut self) {
        if self.added == 0 {
            return;
        }
        let [squares_error, sums_error] = self.errors();
        let settled = self.settled.get_or_insert_default();
        settled.squares.add_scaled(self.squares, self.level - UNITS);
        for (settled, &sum) in settled.sums.iter_mut().zip(&self.sums) {
            settled.add_scaled(sum, level_of_sums(self.level) - UNITS);
        }
        settled.squares_error += squares_error * 1.0001;
        settled.sums_error += sums_error * 1.0001;
        (self.squares, self.sums, self.added) = (0, [0; 2], 0);
    }

    /// The sums with error bounds; `None` if they are not pairs.
    #[inline]
    fn near(&mut self, parts: usize) -> Near {
        let (squares, sums, [squares_error, sums_error]);
        if self.settled.is_some() {
            self.settle();
        }
        match &self.settled {
            None => {
                let unit = power_of_two(level_of_sums(self.level) - UNITS);
                squares = Pair::of_integer(self.squares, power_of_two(self.level - UNITS));
                sums = if parts == 1 {
                    [Pair::of_integer(self.sums[0] + self.sums[1], unit), Pair::default()]
                } else {
                    self.sums.map(|sum| Pair::of_integer(sum, unit))
                };
                [squares_error, sums_error] = self.errors();
            }
            Some(settled) => {
                squares = pair(&settled.squares);
                let [even, odd] = &settled.sums;
                sums = if parts == 1 {
                    let mut all = even.clone();
                    all.merge(odd);
                    [pair(&all), Pair::default()]
                } else {
                    [pair(even), pair(odd)]
                };
                [squares_error, sums_error] = [settled.squares_error, settled.sums_error];
            }
        }
        if parts == 1 {
            Near::new(squares, squares_error, sums[0], sums_error)
        } else {
            Near::complex(squares, squares_error, sums, sums_error)
        }
    }

    /// The result for `count` numbers, if it is decided.
    #[inline]
    pub fn round(
        &mut self,
        isa: Isa,
        moment: &Moment,
        parts: usize,
        count: i64,
        format: Format,
    ) -> Option<u64> {
        if self.is_constant(parts) && is_zero(moment, count) {
            return Some(0);
        }
        let near = self.near(parts);
        round(isa, near, moment, count, format)
    }

    /// Whether all numbers are certainly equal to the shift: one that is not would have a square that
    /// shows.
    fn is_constant(&self, parts: usize) -> bool {
        let hides = |&c: &f64| !shows(c, self.errors()[0]);
        self.squares == 0 && self.settled.is_none() && !self.shift[..parts].iter().any(hides)
    }

    pub fn into_wide(mut self, parts: usize) -> Wide {
        self.settle();
        let shift = self.shift(parts);
        let settled = self.settled.unwrap_or_default();
        let mut sums = settled.sums;
        if parts == 1 {
            let odd = std::mem::take(&mut sums[1]);
            sums[0].merge(&odd);
        }
        let exactly = |sum: &Accumulator| Dyadic::of(sum).expect("levels hold finite numbers");
        Wide {
            shift,
            count: self.count / parts as i64,
            squares: exactly(&settled.squares),
            sums: [exactly(&sums[0]), exactly(&sums[1])],
            squares_error: settled.squares_error,
            sums_error: settled.sums_error,
        }
    }
}

/// Whether the square of the distance from `c` of any other number is more than `error`.
#[inline]
pub(super) fn shows(c: f64, error: f64) -> bool {
    let least = c * power_of_two(-54);
    least * least > error
}

/// Whether numbers that are all the same have the moment 0, rather than none.
#[inline]
pub(super) fn is_zero(moment: &Moment, count: i64) -> bool {
    moment.has_sums() && count > 0 && moment.ddof.degrees_near(count).is_some()
}

/// The sum as a pair, to within `2^-105` of its size.
fn pair(sum: &Accumulator) -> Pair {
    let high = sum.to_f64();
    let mut rest = sum.clone();
    rest.subtract_f64(high);
    Pair { high, low: rest.to_f64() }
}

#[inline(always)]
fn round_body(
    near: Near,
    n: f64,
    degrees: Pair,
    root: bool,
    exponent: i32,
    format: Format,
) -> Option<u64> {
    let found = estimate(near, n, degrees, root);
    let found = if exponent == 0 { found } else { found.scaled(exponent)? };
    found.round(format)
}

dispatch! {
    /// `(Q - D^2 / n) / degrees` or its root, times `2^exponent`, if its rounding is decided.
    pub(super) fn round_near(
        near: Near, n: f64, degrees: Pair, root: bool, exponent: i32, format: Format
    ) -> Option<u64> = round_body
}

/// A result from sums with error bounds, if it is decided.
#[inline]
pub(super) fn round(
    isa: Isa,
    near: Near,
    moment: &Moment,
    count: i64,
    format: Format,
) -> Option<u64> {
    if !moment.has_sums() {
        let one = Pair { high: 1.0, low: 0.0 };
        return round_near(isa, near, 1.0, one, moment.root(), 0, format);
    }
    let degrees = moment.ddof.degrees_near(count).filter(|_| count > 0)?;
    round_near(isa, near, count as f64, degrees, moment.root(), 0, format)
}

#[inline(always)]
fn plain_squares_body<V: Real, const W: usize>(values: &[V], shift: [f64; 2]) -> f64 {
    let mut lanes = [0.0; W];
    let (vectors, rest) = values.as_chunks::<W>();
    for vector in vectors {
        for lane in 0..W {
            let d = vector[lane].widen() - shift[lane % 2];
            let d = if d.is_nan() { 0.0 } else { d };
            lanes[lane] += d * d;
        }
    }
    for (index, x) in rest.iter().enumerate() {
        let d = x.widen() - shift[index % 2];
        lanes[0] += if d.is_nan() { 0.0 } else { d * d };
    }
    lanes.iter().sum()
}

dispatch! {
    /// About the sum of squares of what is not NaN.
    fn plain_squares[V: Real][V](values: &[V], shift: [f64; 2]) -> f64 = plain_squares_body::<V, {W}>
}

/// As a [`Run`], with big integers, to merge runs about different shifts.
#[derive(Debug, Clone)]
pub(super) struct Wide {
    shift: [f64; 2],
    pub count: i64,
    squares: Dyadic,
    sums: [Dyadic; 2],
    squares_error: f64,
    sums_error: f64,
}

impl Wide {
    /// From sums that are integers times powers of two.
    pub fn of_integers(
        shift: f64,
        count: i64,
        [squares, sum]: [(i128, i32); 2],
        [squares_error, sums_error]: [f64; 2],
    ) -> Wide {
        let exactly = |(integer, exponent)| Dyadic::new(IBig::from(integer), exponent);
        Wide {
            shift: [shift, 0.0],
            count,
            squares: exactly(squares),
            sums: [exactly(sum), Dyadic::from(0)],
            squares_error,
            sums_error,
        }
    }

    /// From pairs of sums; `None` if they are not finite.
    pub fn of_pairs(
        shift: [f64; 2],
        count: i64,
        squares: Pair,
        sums: [Pair; 2],
        [squares_error, sums_error]: [f64; 2],
    ) -> Option<Wide> {
        let exactly =
            |pair: Pair| Some(Dyadic::from_f64(pair.high)?.plus(&Dyadic::from_f64(pair.low)?));
        let sums = [exactly(sums[0])?, exactly(sums[1])?];
        Some(Wide { shift, count, squares: exactly(squares)?, sums, squares_error, sums_error })
    }

    /// From exact sums; `None` if they are not finite.
    pub fn of(sums: &Sums, shift: [f64; 2]) -> Option<Wide> {
        let plain = Wide {
            shift: [0.0; 2],
            count: sums.count,
            squares: Dyadic::of(&sums.squares)?,
            sums: [Dyadic::of(&sums.sums[0])?, Dyadic::of(&sums.sums[1])?],
            squares_error: 0.0,
            sums_error: 0.0,
        };
        plain.about(shift)
    }

    /// The same about another shift.
    fn about(self, shift: [f64; 2]) -> Option<Wide> {
        let mut wide = self;
        let count = Dyadic::from(i128::from(wide.count));
        let two = Dyadic::from(2);
        for part in 0..2 {
            if wide.shift[part] == shift[part] {
                continue;
            }
            // d' = d + e: sum d' = D + n e, sum d'^2 = Q + 2 e D + n e^2
            let step = Dyadic::from_f64(wide.shift[part])?.minus(&Dyadic::from_f64(shift[part])?);
            let bound = (wide.shift[part].abs() + shift[part].abs()) * 2.0001;
            wide.squares = wide
                .squares
                .plus(&two.times(&step).times(&wide.sums[part]))
                .plus(&count.times(&step.squared()));
            wide.sums[part] = wide.sums[part].plus(&count.times(&step));
            wide.squares_error = (wide.squares_error + bound * wide.sums_error) * 1.0001;
        }
        wide.shift = shift;
        Some(wide)
    }

    pub fn shift(&self) -> [f64; 2] {
        self.shift
    }

    /// Adds another one.
    pub fn merge(&mut self, other: Wide) -> Option<()> {
        let other = other.about(self.shift)?;
        self.count += other.count;
        self.squares = self.squares.plus(&other.squares);
        for part in 0..2 {
            self.sums[part] = self.sums[part].plus(&other.sums[part]);
        }
        self.squares_error = (self.squares_error + other.squares_error) * 1.0001;
        self.sums_error = (self.sums_error + other.sums_error) * 1.0001;
        Some(())
    }

    /// The result, if it is decided.
    pub fn round(
        &self,
        isa: Isa,
        moment: &Moment,
        parts: usize,
        count: i64,
        format: Format,
    ) -> Option<u64> {
        let pairs = [&self.squares, &self.sums[0], &self.sums[1]].map(Dyadic::to_pair);
        let [squares, even, odd] = pairs;
        let near = if parts == 1 {
            Near::new(squares, self.squares_error, even, self.sums_error)
        } else {
            Near::complex(squares, self.squares_error, [even, odd], self.sums_error)
        };
        round(isa, near, moment, count, format)
    }
}
