//! The kernels: prefix sums in two levels, and results from their differences.
//!
//! A level is `1.5 * 2^k`: what is added to it is rounded to a multiple of 2^(k-52), and the bits of
//! the sum less those of the level are that multiple as an integer. The rest of the number goes to
//! the next level, 43 binades below. Prefix sums of such integers wrap around without loss, so the
//! difference of any two is the exact sum of the elements between them, whatever came before.
//! Squares are rounded to the second level's last bit, each once, so the error of a difference
//! depends only on the window's own elements.

use super::certified::{self, Counts, Sums, Target, fused};
use crate::binary64::power_of_two;
use crate::cpu::{Isa, dispatch, vectorized};
use crate::cumulative::lanes::run_integers;
use crate::kernel::levels::{LEVEL, any};
use crate::simd::{Simd, WIDEST};

/// The number of elements, and of results, processed at once.
pub(super) const TILE: usize = 512;
/// Prefix sums: of numbers in two levels, and of their squares in two.
pub(super) const STREAMS: usize = 4;
/// The padding of arrays of prefix sums, for whole vectors.
pub(super) const SPARE: usize = 8;

/// The levels, and the centre that is subtracted from the numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    /// The exponent of the first level of the numbers.
    pub first: i32,
    /// The exponent of the first level of their squares.
    pub squares: i32,
    /// No number is farther than this from the centre.
    pub reach: f64,
    pub centre: f64,
}

impl Frame {
    fn levels(&self) -> [f64; STREAMS] {
        [self.first, self.first - LEVEL, self.squares, self.squares - LEVEL]
            .map(|exponent| 1.5 * power_of_two(exponent))
    }
}

/// The integer that a level's sum represents.
#[inline(always)]
fn steps(sum: f64, level: f64) -> u64 {
    sum.to_bits().wrapping_sub(level.to_bits())
}

/// The number that is this many steps of a level, at most half of all steps.
#[inline(always)]
pub(super) fn number(steps: u64, level: f64) -> f64 {
    f64::from_bits(steps.wrapping_add(level.to_bits())) - level
}

/// Properties of the numbers of a tile.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Absorbed {
    /// Whether any number has a rest after both levels.
    pub remainder: bool,
    /// The bits in both levels that occur in any number, for moments.
    pub bits: [u64; 2],
}

/// The prefix sums so far, in every lane, and properties of the numbers. (A closure would be
/// compiled without the target features of the function around it.)
struct Absorber<const W: usize> {
    levels: [f64; STREAMS],
    centre: f64,
    carry: [[u64; W]; STREAMS],
    remainder: [u64; W],
    bits: [[u64; W]; 2],
}

impl<const W: usize> Absorber<W> {
    #[inline(always)]
    fn add<S: Simd, const MOMENTS: bool>(
        &mut self,
        simd: S,
        x: &[f64; W],
        place: usize,
        [first, second, third, fourth]: [&mut [u64]; STREAMS],
    ) {
        let [a, b, c, d] = self.levels;
        let mut step = [[0u64; W]; STREAMS];
        for lane in 0..W {
            let x = if MOMENTS { x[lane] - self.centre } else { x[lane] };
            let s = x + a;
            let rest = x - (s - a);
            let t = rest + b;
            self.remainder[lane] |= rest.to_bits() ^ (t - b).to_bits();
            step[0][lane] = steps(s, a);
            step[1][lane] = steps(t, b);
            if MOMENTS {
                self.bits[0][lane] |= step[0][lane];
                self.bits[1][lane] |= step[1][lane];
                let s = fused::<W>(x, x, c);
                let t = fused::<W>(x, x, -(s - c)) + d;
                step[2][lane] = steps(s, c);
                step[3][lane] = steps(t, d);
            }
        }
        self.put(simd, 0, step[0], place, first);
        self.put(simd, 1, step[1], place, second);
        if MOMENTS {
            self.put(simd, 2, step[2], place, third);
            self.put(simd, 3, step[3], place, fourth);
        }
    }

    #[inline(always)]
    fn put<S: Simd>(
        &mut self,
        simd: S,
        stream: usize,
        step: [u64; W],
        place: usize,
        to: &mut [u64],
    ) {
        let [sums, after] = run_integers(simd, step, self.carry[stream]);
        to[1 + place..][..W].copy_from_slice(&sums);
        self.carry[stream] = after;
    }
}

#[inline(always)]
fn absorb_body<S: Simd, const W: usize, const MOMENTS: bool>(
    simd: S,
    x: &[f64],
    frame: &Frame,
    mut streams: [&mut [u64]; STREAMS],
) -> Absorbed {
    let mut absorber = Absorber::<W> {
        levels: frame.levels(),
        centre: frame.centre,
        carry: [[0; W]; STREAMS],
        remainder: [0; W],
        bits: [[0; W]; 2],
    };
    let length = x.len().next_multiple_of(W) + 1;
    for stream in 0..if MOMENTS { STREAMS } else { 2 } {
        absorber.carry[stream] = [streams[stream][0]; W];
        // (So that no index needs to be checked.)
        streams[stream] = &mut std::mem::take(&mut streams[stream])[..length];
    }
    let (vectors, rest) = x.as_chunks::<W>();
    for (index, x) in vectors.iter().enumerate() {
        absorber.add::<S, MOMENTS>(simd, x, index * W, streams.each_mut().map(|sums| &mut **sums));
    }
    if !rest.is_empty() {
        let mut last = [frame.centre; W];
        last[..rest.len()].copy_from_slice(rest);
        absorber.add::<S, MOMENTS>(simd, &last, vectors.len() * W, streams);
    }
    Absorbed { remainder: any(absorber.remainder) << 1 != 0, bits: absorber.bits.map(any) }
}

vectorized! {
    /// Continues the prefix sums, whose first ones are given, with numbers within the range of a
    /// frame.
    pub(super) fn absorb[const MOMENTS: bool][MOMENTS](
        x: &[f64], frame: &Frame, streams: [&mut [u64]; STREAMS]
    ) -> Absorbed = absorb_body{W}
}

/// The rest of a number after both levels.
pub(super) fn remainder(x: f64, frame: &Frame) -> f64 {
    let [a, b, ..] = frame.levels();
    let rest = x - ((x + a) - a);
    rest - ((rest + b) - b)
}

/// The numbers of elements in windows, and the divisor of variances.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameters {
    /// The longest window.
    pub window: usize,
    /// Windows with fewer elements have no result.
    pub least: f64,
    pub ddof: f64,
}

/// The prefix sums after the last elements of windows and before their first ones, for both levels
/// of numbers and of squares, and of the elements that are not missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends<'a> {
    pub streams: [&'a [u64]; STREAMS],
    pub counts: &'a [u64],
}

/// The number of steps of the second level up to which no carry to the first one is needed.
const NARROW_WINDOW: usize = 256;

/// The constants of a call of [`finish`].
struct Finisher<const W: usize> {
    levels: [f64; STREAMS],
    counts: Counts,
    least: f64,
    ddof: f64,
    /// Half a step for each square, and a little more for the rounding of operations.
    doubt_of_each: f64,
    doubtful: [u64; W],
}

/// Prefix sums of `W` windows: those after their last elements, and those before their first ones.
type Sides<const W: usize> = [[[u64; W]; STREAMS]; 2];

impl<const W: usize> Finisher<W> {
    /// Sums in two levels as numbers; with `WIDE`, the second one may have many more steps.
    #[inline(always)]
    fn parts<const WIDE: bool>(&self, sides: &Sides<W>, pair: usize) -> [[f64; W]; 2] {
        let [new, old] = sides;
        let (mut high, mut low) = ([0.0; W], [0.0; W]);
        for lane in 0..W {
            let mut first = new[2 * pair][lane].wrapping_sub(old[2 * pair][lane]);
            let mut second = new[2 * pair + 1][lane].wrapping_sub(old[2 * pair + 1][lane]);
            if WIDE {
                // To the nearest step of the first level. (The offset is for a shift that fills
                // with zeros.)
                let raised = second.wrapping_add((1 << 62) + (1 << (LEVEL - 1))) >> LEVEL;
                let carry = raised.wrapping_sub(1 << (62 - LEVEL));
                first = first.wrapping_add(carry);
                second = second.wrapping_sub(carry << LEVEL);
            }
            high[lane] = number(first, self.levels[2 * pair]);
            low[lane] = number(second, self.levels[2 * pair + 1]);
        }
        [high, low]
    }

    #[inline(always)]
    fn results<T: Target, const KIND: u8, const COUNTED: bool, const WIDE: bool>(
        &mut self,
        sides: &Sides<W>,
        counted: [[u64; W]; 2],
    ) -> [f64; W] {
        let [high, low] = self.parts::<WIDE>(sides, 0);
        let [squares_high, squares_low] =
            if KIND >= 2 { self.parts::<WIDE>(sides, 1) } else { [[0.0; W]; 2] };
        let mut result = [0.0; W];
        for lane in 0..W {
            let mut counts = self.counts;
            if COUNTED {
                let start = power_of_two(52);
                let count = counted[0][lane].wrapping_sub(counted[1][lane]);
                let count = f64::from_bits(count + start.to_bits()) - start;
                let free = count - self.ddof;
                let (reciprocal, free_reciprocal) = (1.0 / count, 1.0 / free);
                counts = Counts { count, reciprocal, free, free_reciprocal };
            }
            let sums = Sums {
                high: high[lane],
                low: low[lane],
                squares_high: squares_high[lane],
                squares_low: squares_low[lane],
                doubt: counts.count * self.doubt_of_each,
            };
            let value = match KIND {
                0 => certified::sum::<T>(sums.high, sums.low),
                1 => {
                    let Counts { count, reciprocal, .. } = counts;
                    certified::mean::<T, W>(sums.high, sums.low, count, reciprocal)
                }
                2 => certified::variance::<T, false, W>(sums, counts),
                _ => certified::variance::<T, true, W>(sums, counts),
            };
            let few = COUNTED & ((counts.count < self.least) | (KIND >= 2) & (counts.free <= 0.0));
            result[lane] = if few { f64::NAN } else { value };
            if KIND > 0 || COUNTED {
                self.doubtful[lane] |= u64::from(result[lane].is_nan());
            }
        }
        result
    }
}

/// The vector at a position.
#[inline(always)]
fn load<const W: usize>(from: &[u64], at: usize) -> [u64; W] {
    *from[at..].first_chunk::<W>().expect("a whole vector")
}

#[inline(always)]
fn finish_all<T: Target, const KIND: u8, const COUNTED: bool, const WIDE: bool, const W: usize>(
    finisher: &mut Finisher<W>,
    new: Ends<'_>,
    old: Ends<'_>,
    results: &mut [f64],
) {
    let streams = if KIND >= 2 { STREAMS } else { 2 };
    // (So that no index needs to be checked.)
    let count = results.len();
    assert!(count >= W, "a whole vector");
    let (mut new_streams, mut old_streams) = (new.streams, old.streams);
    for stream in 0..streams {
        new_streams[stream] = &new_streams[stream][..count];
        old_streams[stream] = &old_streams[stream][..count];
    }
    for at in (0..count).step_by(W) {
        // The last vector overlaps the one before.
        let at = at.min(count - W);
        let mut sides = [[[0; W]; STREAMS]; 2];
        for stream in 0..streams {
            sides[0][stream] = load(new_streams[stream], at);
            sides[1][stream] = load(old_streams[stream], at);
        }
        let counted =
            if COUNTED { [load(new.counts, at), load(old.counts, at)] } else { [[0; W]; 2] };
        let result = finisher.results::<T, KIND, COUNTED, WIDE>(&sides, counted);
        results[at..at + W].copy_from_slice(&result);
    }
}

#[inline(always)]
fn finish_body<T: Target, const KIND: u8, const COUNTED: bool, const W: usize>(
    parameters: Parameters,
    frame: &Frame,
    new: Ends<'_>,
    old: Ends<'_>,
    results: &mut [f64],
) -> bool {
    let all = parameters.window as f64;
    let mut finisher = Finisher::<W> {
        levels: frame.levels(),
        counts: Counts {
            count: all,
            reciprocal: 1.0 / all,
            free: all - parameters.ddof,
            free_reciprocal: 1.0 / (all - parameters.ddof),
        },
        least: parameters.least,
        ddof: parameters.ddof,
        doubt_of_each: power_of_two(frame.squares - LEVEL - 52 - 1) * 1.01,
        doubtful: [0; W],
    };
    if parameters.window > NARROW_WINDOW {
        finish_all::<T, KIND, COUNTED, true, W>(&mut finisher, new, old, results);
    } else {
        finish_all::<T, KIND, COUNTED, false, W>(&mut finisher, new, old, results);
    }
    any(finisher.doubtful) != 0
}

/// Writes results; returns whether any is NaN, for too few elements or because it is not decided.
/// `KIND` is 0 for sums, 1 for means, 2 for variances, 3 for their roots. Without `COUNTED`, all
/// windows have the length in the options.
pub(super) fn finish<T: Target, const KIND: u8, const COUNTED: bool>(
    isa: Isa,
    parameters: Parameters,
    frame: &Frame,
    new: Ends<'_>,
    old: Ends<'_>,
    results: &mut [f64],
) -> bool {
    let count = results.len();
    if count == 0 {
        return false;
    }
    if count >= WIDEST {
        return finish_vectors::<T, KIND, COUNTED>(isa, parameters, frame, new, old, results);
    }
    // The last window fills a vector.
    let padded = |from: &[u64]| -> [u64; WIDEST] {
        std::array::from_fn(|lane| from.get(lane.min(count - 1)).copied().unwrap_or(0))
    };
    let all = [new, old].map(|ends| (ends.streams.map(padded), padded(ends.counts)));
    let [new, old] = all.each_ref().map(|(streams, counts)| Ends {
        streams: streams.each_ref().map(|sums| sums.as_slice()),
        counts,
    });
    let mut some = [0.0; WIDEST];
    let marked = finish_vectors::<T, KIND, COUNTED>(isa, parameters, frame, new, old, &mut some);
    results.copy_from_slice(&some[..count]);
    marked
}

dispatch! {
    fn finish_vectors[T: Target, const KIND: u8, const COUNTED: bool][T, KIND, COUNTED](
        parameters: Parameters, frame: &Frame, new: Ends<'_>, old: Ends<'_>, results: &mut [f64]
    ) -> bool = finish_body::<T, KIND, COUNTED, {W}>
}

/// Properties of numbers before a frame is chosen or used.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Survey {
    /// The greatest finite distance from a centre.
    pub most: f64,
    /// Whether some are infinite or NaN.
    pub special: bool,
}

#[inline(always)]
fn survey_some<const W: usize>(
    x: &[f64; W],
    centre: f64,
    most: &mut [f64; W],
    special: &mut [u64; W],
) {
    for lane in 0..W {
        let distance = (x[lane] - centre).abs();
        // (NaN is not less than anything.)
        let finite = distance < f64::INFINITY;
        special[lane] |= u64::from(!finite);
        most[lane] = if finite & (distance > most[lane]) { distance } else { most[lane] };
    }
}

#[inline(always)]
fn survey_body<const W: usize>(x: &[f64], centre: f64) -> Survey {
    let (mut most, mut special) = ([[0.0f64; W]; 4], [[0u64; W]; 4]);
    let (vectors, rest) = x.as_chunks::<W>();
    let (fours, ones) = vectors.as_chunks::<4>();
    for four in fours {
        for stream in 0..4 {
            survey_some(&four[stream], centre, &mut most[stream], &mut special[stream]);
        }
    }
    for x in ones {
        survey_some(x, centre, &mut most[0], &mut special[0]);
    }
    let mut last = [centre; W];
    last[..rest.len()].copy_from_slice(rest);
    survey_some(&last, centre, &mut most[1], &mut special[1]);
    let most = most.as_flattened().iter().fold(0.0, |most: f64, &x| most.max(x));
    Survey { most, special: special.into_iter().any(|lanes| any(lanes) != 0) }
}

dispatch! {
    pub(super) fn survey(x: &[f64], centre: f64) -> Survey = survey_body::<{W}>
}

/// Replaces numbers out of range in a vector, counts, and records whether there were any.
#[inline(always)]
fn clean_some<S: Simd, const W: usize>(
    simd: S,
    x: &[f64; W],
    frame: &Frame,
    carry: &mut [u64; W],
    outside: &mut [u64; W],
) -> ([f64; W], [u64; W]) {
    let (mut cleaned, mut present) = ([0.0; W], [0u64; W]);
    for lane in 0..W {
        let inside = (x[lane] - frame.centre).abs() <= frame.reach;
        let number = !x[lane].is_nan();
        cleaned[lane] = if inside { x[lane] } else { frame.centre };
        present[lane] = u64::from(number);
        outside[lane] |= u64::from(!inside & number);
    }
    let [counts, after] = run_integers(simd, present, *carry);
    *carry = after;
    (cleaned, counts)
}

#[inline(always)]
fn clean_body<S: Simd, const W: usize>(
    simd: S,
    x: &[f64],
    frame: &Frame,
    cleaned: &mut [f64],
    counts: &mut [u64],
) -> bool {
    let (mut carry, mut outside) = ([counts[0]; W], [0u64; W]);
    let (vectors, rest) = x.as_chunks::<W>();
    let (to, rest_to) = cleaned[..x.len()].as_chunks_mut::<W>();
    let counts = &mut counts[1..][..x.len().next_multiple_of(W)];
    for (index, (x, to)) in vectors.iter().zip(to).enumerate() {
        let (cleaned, counted) = clean_some(simd, x, frame, &mut carry, &mut outside);
        *to = cleaned;
        counts[index * W..][..W].copy_from_slice(&counted);
    }
    if !rest.is_empty() {
        let mut last = [f64::NAN; W];
        last[..rest.len()].copy_from_slice(rest);
        let (last, counted) = clean_some(simd, &last, frame, &mut carry, &mut outside);
        rest_to.copy_from_slice(&last[..rest.len()]);
        counts[vectors.len() * W..][..W].copy_from_slice(&counted);
    }
    any(outside) != 0
}

vectorized! {
    /// The numbers within range, with others (and NaNs) replaced by the centre, and the number of
    /// those up to each that are not NaN; whether any is out of range.
    pub(super) fn clean[][](
        x: &[f64], frame: &Frame, cleaned: &mut [f64], counts: &mut [u64]
    ) -> bool = clean_body{W}
}
