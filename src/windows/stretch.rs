//! Stretches of a line in which all windows are full, computed by `lanes`.

use std::ops::Range;

use super::decide::decide;
use super::lanes::{self, Job, KEPT, LONGEST, Outcome, SETTLED, State, mode};
use super::line::{SAMPLE, exponent, last_bit};
use super::running::{Elements, Moving, Running};
use super::source::{Numbers, Out, STAGED, Stage};
use super::tile::Frame;
use super::{Options, Statistic};
use crate::binary64::power_of_two;
use crate::cpu::Isa;
use crate::exact::round::Format;
use crate::simd::WIDEST;

/// With fewer results, setting up the lanes does not pay.
const FEWEST: usize = 256;
/// The largest number of elements that are added again for undecided results of `KEPT`.
const PATIENCE: usize = 1 << 14;
/// The size of a way of the first-level cache of most processors, in numbers.
const WAY: usize = 512;
/// The part of that which long lanes are to be apart, at least.
const APART: usize = WAY / WIDEST;
/// A margin, in binades, for numbers that are larger than those of a sample.
const ROOM: i32 = 2;
/// The same, if all numbers are examined, for sums and for moments; with more, most results would
/// not be decided.
const MORE_ROOM: [i32; 2] = [16, 9];

/// The state for results of stretches.
pub(super) struct Stretches {
    isa: Isa,
    options: Options,
    state: State,
    /// Whether elements of the last tile might be missing, whether there were rough ones, and whether all were
    /// coarse.
    counted: bool,
    rough: bool,
    coarse: bool,
    /// Whether an integer of the last line was too large.
    beyond: bool,
    /// `None` while they are in use.
    buffers: Option<Buffers>,
}

/// Room for the numbers that enter and leave, for results, and for the numbers of a window.
struct Buffers {
    enter: Box<Stage>,
    leave: Box<Stage>,
    results: Box<Stage>,
    window: Vec<f64>,
}

impl Buffers {
    fn new() -> Buffers {
        let stage = || Box::new([0.0; STAGED * WIDEST]);
        Buffers { enter: stage(), leave: stage(), results: stage(), window: Vec::new() }
    }
}

/// A tile: the elements that its lanes begin with, and the number of its results in each lane.
#[derive(Clone, Copy)]
struct Tile<'a> {
    line: Numbers<'a>,
    places: [usize; WIDEST],
    length: usize,
}

/// The lanes: their length in results, their first elements, and the number of results done in
/// each.
struct Lanes {
    starts: [usize; WIDEST],
    length: usize,
    done: usize,
    /// The first result, if it belongs to the line's first full window, which no element leaves.
    opening: Option<usize>,
}

impl Lanes {
    fn of(width: usize, window: usize, outputs: &Range<usize>) -> Lanes {
        let opening = (outputs.start < window).then_some(outputs.start);
        let first = outputs.start + usize::from(opening.is_some());
        let count = outputs.end - first;
        let mut length = count.div_ceil(width).next_multiple_of(width);
        if length >= WAY * WIDEST {
            // Lanes compete for few sets of a cache if they are apart by about a multiple of its ways.
            length += (2 * APART).saturating_sub((length + APART) % WAY);
        }
        // The last lanes may overlap.
        let last = outputs.end - length;
        let starts = std::array::from_fn(|lane| last.min(first + lane * length));
        Lanes { starts, length, done: 0, opening }
    }

    fn places(&self) -> [usize; WIDEST] {
        self.starts.map(|start| start + self.done)
    }

    fn left(&self, width: usize) -> Vec<Range<usize>> {
        let rest = |&start: &usize| start + self.done..start + self.length;
        let rests = self.starts[..width].iter().map(rest).filter(|rest| !rest.is_empty());
        self.opening.map(|index| index..index + 1).into_iter().chain(rests).collect()
    }
}

impl Stretches {
    /// `None` if lanes do not support these options on this processor.
    pub fn new(isa: Isa, options: Options) -> Option<Stretches> {
        let serves = options.window <= LONGEST
            && matches!(options.format, Format::F64 | Format::F32)
            && options.is_enough(options.window)
            && (isa.lanes() > 2 || cfg!(target_arch = "aarch64"));
        serves.then(|| Stretches {
            isa,
            options,
            state: State::new(),
            counted: false,
            rough: false,
            coarse: false,
            beyond: false,
            buffers: None,
        })
    }

    /// The length of the windows.
    pub fn window(&self) -> usize {
        self.options.window
    }

    /// Whether an integer of the last line was too large, so that its results are of no use.
    pub fn is_beyond(&self) -> bool {
        self.beyond
    }

    /// Writes results of full windows; returns the ranges of the remaining ones.
    pub fn run(
        &mut self,
        line: Numbers<'_>,
        outputs: Range<usize>,
        results: &mut Out<'_>,
    ) -> Vec<Range<usize>> {
        self.beyond = false;
        let window = self.options.window;
        if outputs.len() < FEWEST.max(window / 4) {
            return vec![outputs];
        }
        let base = outputs.start;
        let numbers = line.part(base + 1 - window..outputs.end);
        let mut lanes = Lanes::of(self.isa.lanes(), window, &outputs);
        let first = choose(self.isa, &self.options, numbers, false);
        let done = first.is_some_and(|job| self.attempt(&job, line, &mut lanes, results, base));
        if !done
            && !self.beyond
            && let Some(job) = choose(self.isa, &self.options, numbers, true)
            && first.is_none_or(|first| first.frame.first < job.frame.first)
        {
            // Perhaps some numbers are only somewhat larger than those of the sample.
            self.attempt(&job, line, &mut lanes, results, base);
        }
        lanes.left(self.isa.lanes())
    }

    /// Advances the lanes as far as possible; returns whether they reach the end.
    fn attempt(
        &mut self,
        job: &Job,
        line: Numbers<'_>,
        lanes: &mut Lanes,
        results: &mut Out<'_>,
        base: usize,
    ) -> bool {
        let mut job = *job;
        let mut buffers = self.buffers.take().unwrap_or_else(Buffers::new);
        // From here on the windows have only coarse numbers, apart from those that enter.
        let mut coarse_from = lanes.done;
        self.state.bits = [0; 2];
        self.counted = false;
        for (lane, place) in lanes.places().into_iter().enumerate().take(self.isa.lanes()) {
            let numbers = line.part(place - self.options.window..place);
            let Some(numbers) = numbers.all(self.isa, &mut buffers.window) else {
                self.beyond = true;
                return false;
            };
            let begun = match self.options.statistic.is_moment() {
                true => lanes::begin::<true>(self.isa, &job, numbers),
                false => lanes::begin::<false>(self.isa, &job, numbers),
            };
            let Some(begun) = begun else {
                return false;
            };
            self.counted |= begun.count < self.options.window;
            if begun.bits[1] != 0 {
                coarse_from = lanes.done + self.options.window;
            }
            self.state.set(lane, &begun, &job);
        }
        self.rough = self.state.rough != [0; WIDEST];
        if let Some(index) = lanes.opening {
            let Some(result) = self.finish(&job, line) else {
                return false;
            };
            results.write(self.isa, index - base, &[result]);
            lanes.opening = None;
        }
        let done =
            self.advance_all(&mut job, line, lanes, results, base, coarse_from, &mut buffers);
        self.buffers = Some(buffers);
        done
    }

    /// The results of all tiles, as far as possible; returns whether these are all.
    #[allow(clippy::too_many_arguments)]
    fn advance_all(
        &mut self,
        job: &mut Job,
        line: Numbers<'_>,
        lanes: &mut Lanes,
        results: &mut Out<'_>,
        base: usize,
        mut coarse_from: usize,
        buffers: &mut Buffers,
    ) -> bool {
        let (isa, window) = (self.isa, self.options.window);
        let most = match (line, &results) {
            _ if self.options.statistic.is_moment() => KEPT,
            (Numbers::F64(_), Out::F64(_)) => SETTLED,
            (Numbers::I64(_), _) => KEPT,
            _ => STAGED,
        };
        while lanes.done < lanes.length {
            let length = most.min(lanes.length - lanes.done);
            let places = lanes.places();
            let before = places.map(|place| place.wrapping_sub(window));
            let counts = self.state.counts;
            self.rough = self.state.rough != [0; WIDEST];
            self.coarse = job.coarse && !self.counted && !self.rough && lanes.done >= coarse_from;
            let enter = line.tile(isa, &places, length, &mut buffers.enter);
            let leave = line.tile(isa, &before, length, &mut buffers.leave);
            let (Some(enter), Some(leave)) = (enter, leave) else {
                self.beyond = true;
                return false;
            };
            // Results of binary32 are rounded afterwards.
            let (to, direct): (_, &mut [f64]) = match results {
                Out::F64(results) => {
                    (places.map(|place| place.wrapping_sub(base)), &mut results[..])
                }
                Out::F32(_) => {
                    (std::array::from_fn(|lane| lane * STAGED), &mut buffers.results[..])
                }
            };
            let outcome = loop {
                let outcome = self.advance(job, [&enter, &leave], length, direct, &to);
                match outcome {
                    Outcome::Failed | Outcome::Rough if self.coarse => self.coarse = false,
                    Outcome::Failed if !self.counted => self.counted = true,
                    Outcome::Rough => self.rough = true,
                    Outcome::Fine => job.grid = 0.0,
                    _ => break outcome,
                }
            };
            if job.coarse
                && !self.coarse
                && enter[..isa.lanes()].iter().any(|numbers| !lanes::is_coarse(isa, job, numbers))
            {
                coarse_from = lanes.done + length + window;
            }
            let settled = match outcome {
                Outcome::Done => true,
                Outcome::Marked => {
                    let tile = Tile { line, places, length };
                    self.settle(job, tile, &counts, direct, &to, &mut buffers.window)
                }
                Outcome::Rough | Outcome::Failed | Outcome::Fine => false,
            };
            if !settled {
                return false;
            }
            if let Out::F32(_) = results {
                for (lane, place) in places.into_iter().enumerate().take(isa.lanes()) {
                    let from = &buffers.results[lane * STAGED..][..length];
                    results.write(isa, place - base, from);
                }
            }
            lanes.done += length;
        }
        true
    }

    fn advance(
        &mut self,
        job: &Job,
        lines: [&[&[f64]; WIDEST]; 2],
        length: usize,
        results: &mut [f64],
        to: &[usize; WIDEST],
    ) -> Outcome {
        macro_rules! advance {
            ($kind:literal, $mode:expr) => {
                lanes::advance::<$kind, { $mode }>(
                    self.isa,
                    job,
                    lines,
                    length,
                    &mut self.state,
                    results,
                    to,
                )
            };
            ($kind:literal) => {
                match (self.counted, self.rough) {
                    (false, false) => advance!($kind, 0),
                    (false, true) => advance!($kind, mode::ROUGH),
                    (true, false) => advance!($kind, mode::COUNTED),
                    (true, true) => advance!($kind, mode::COUNTED | mode::ROUGH),
                }
            };
        }
        match self.options.statistic {
            Statistic::Sum if self.coarse => advance!(0, mode::COARSE),
            Statistic::Mean if self.coarse => advance!(1, mode::COARSE),
            Statistic::Sum => advance!(0),
            Statistic::Mean => advance!(1),
            Statistic::Var => advance!(2),
            Statistic::Std => advance!(3),
        }
    }

    /// The result of the first window of the line, which is that of the first lane.
    fn finish(&mut self, job: &Job, line: Numbers<'_>) -> Option<f64> {
        // A number enters and leaves that does not change the sums.
        self.coarse = false;
        let numbers = [job.frame.centre; WIDEST];
        let lines = [&numbers[..]; WIDEST];
        let mut results = [0.0; WIDEST * WIDEST];
        let to = std::array::from_fn(|lane| WIDEST * lane);
        let still = Job { grid: 0.0, ..*job };
        self.advance(&still, [&lines, &lines], self.isa.lanes(), &mut results, &to);
        let totals = self.state.totals(0, 0, &job.frame);
        let result = results[0];
        let count = self.state.counts[0] as usize;
        if !self.in_doubt(result) || !self.options.is_enough(count) {
            return Some(result);
        }
        let last = self.options.window - 1;
        let (mut patience, mut window) = (usize::MAX, Vec::new());
        self.decide(job, line, last, count, totals, &mut None, &mut patience, &mut window)
    }

    /// Whether the lanes have not decided a result.
    fn in_doubt(&self, result: f64) -> bool {
        result.is_nan() || self.may_be_halfway() && halfway(result)
    }

    /// Whether results are rounded twice without being rounded to odd first.
    fn may_be_halfway(&self) -> bool {
        let Options { statistic, format, .. } = self.options;
        format != Format::F64 && (statistic != Statistic::Sum || self.rough)
    }

    /// Computes the undecided results of a tile; returns whether that was possible.
    fn settle(
        &self,
        job: &Job,
        tile: Tile<'_>,
        counts: &[u64; WIDEST],
        results: &mut [f64],
        to: &[usize; WIDEST],
        window: &mut Vec<f64>,
    ) -> bool {
        let Tile { line, places, length } = tile;
        let mut patience = length.div_ceil(KEPT)
            * match self.rough {
                false => PATIENCE,
                true => (PATIENCE / 8).max(self.options.window / 8),
            };
        for (lane, &place) in places.iter().enumerate().take(self.isa.lanes()) {
            let mut count = counts[lane] as usize;
            let mut alike = None;
            for index in 0..length {
                let at = place + index;
                if self.counted {
                    count += usize::from(!line.get(at).is_nan());
                    count -= usize::from(!line.get(at - self.options.window).is_nan());
                }
                let result = &mut results[to[lane] + index];
                if !self.in_doubt(*result) || !self.options.is_enough(count) {
                    continue;
                }
                let totals = match self.options.statistic.is_moment() {
                    true => self.state.totals(lane, index, &job.frame),
                    false => [0; 2],
                };
                let (alike, patience) = (&mut alike, &mut patience);
                let Some(decided) =
                    self.decide(job, line, at, count, totals, alike, patience, window)
                else {
                    return false;
                };
                *result = decided;
            }
        }
        true
    }

    /// The result of the window that ends with an element; `None` if that takes too long.
    #[allow(clippy::too_many_arguments)]
    fn decide(
        &self,
        job: &Job,
        line: Numbers<'_>,
        last: usize,
        count: usize,
        totals: [i128; 2],
        alike: &mut Option<Range<usize>>,
        patience: &mut usize,
        window: &mut Vec<f64>,
    ) -> Option<f64> {
        let inside = last + 1 - self.options.window..last + 1;
        if self.options.statistic.is_moment() {
            if are_alike(line, &inside, alike) {
                return Some(0.0);
            }
            if !self.rough
                && let Some(decided) =
                    decide(&self.options, &job.frame, totals, self.state.bits, count)
            {
                return Some(decided);
            }
        }
        let numbers = line.part(inside).all(self.isa, window)?;
        if count < numbers.len() {
            *patience = patience.checked_sub(numbers.len())?;
            let mut moving = Moving::new(self.options, Elements::real(numbers));
            moving.move_to(0..numbers.len());
            return Some(moving.number());
        }
        // The numbers are finite, so kernels can add them.
        *patience = patience.checked_sub(numbers.len() / 16)?;
        let Options { statistic, ddof, format, .. } = self.options;
        let running = Running::of(self.isa, statistic, numbers);
        Some(format.number(running.round(statistic, ddof, format)))
    }
}

/// Whether rounding a number that was rounded before to binary32 might be wrong: it lies halfway between two
/// such numbers, or near zero, where they are equally spaced.
fn halfway(x: f64) -> bool {
    const HALF: u64 = 1 << 28;
    let bits = x.to_bits() & (u64::MAX >> 1);
    bits & (2 * HALF - 1) == HALF || bits.wrapping_sub(1) < (1023 - 126) << 52
}

/// Whether all numbers of a window, except missing ones, are equal. `known` are elements for which
/// this is known from an earlier window.
fn are_alike(line: Numbers<'_>, inside: &Range<usize>, known: &mut Option<Range<usize>>) -> bool {
    let mut number = f64::NAN;
    let mut from = inside.end;
    while from > inside.start {
        if let Some(run) = known
            && run.contains(&(from - 1))
        {
            let of_run = run.clone().map(|index| line.get(index)).find(|x| !x.is_nan());
            if number.is_nan() || of_run.is_none_or(|x| x == number) {
                number = if number.is_nan() { of_run.unwrap_or(number) } else { number };
                from = run.start;
                continue;
            }
        }
        let x = line.get(from - 1);
        if !x.is_nan() && !number.is_nan() && x != number {
            break;
        }
        number = if number.is_nan() { x } else { number };
        from -= 1;
    }
    *known = Some(from..inside.end);
    from <= inside.start
}

/// Some finite numbers, and how many they are.
pub(super) fn sample(numbers: Numbers<'_>) -> ([f64; SAMPLE], usize) {
    let step = numbers.len().div_ceil(SAMPLE).max(1);
    let (mut sample, mut size) = ([0.0; SAMPLE], 0);
    let some = (0..numbers.len()).step_by(step).map(|index| numbers.get(index));
    for x in some.filter(|x| x.is_finite()) {
        sample[size] = x;
        size += 1;
    }
    (sample, size)
}

/// The levels for some numbers, chosen by a sample, or, with `look`, by all of them.
pub(super) fn choose(isa: Isa, options: &Options, numbers: Numbers<'_>, look: bool) -> Option<Job> {
    let moments = options.statistic.is_moment();
    let (sample, size) = sample(numbers);
    let sample = &sample[..size];
    let centre = if moments { centre(sample) } else { 0.0 };
    let most = |most: f64, &x: &f64| most.max((x - centre).abs());
    let most_of_sample = sample.iter().fold(0.0, most);
    let (top, room) = if look || most_of_sample == 0.0 {
        let top = numbers.most(isa, centre);
        if most_of_sample > 0.0
            && exponent(top) - exponent(most_of_sample) > MORE_ROOM[usize::from(moments)]
        {
            return None;
        }
        (top, 0)
    } else {
        (most_of_sample, ROOM)
    };
    // The window's length, and two binades more so that its sum is at most a quarter of a level.
    let below = usize::BITS as i32 - (options.window - 1).leading_zeros() as i32 + 2;
    let reach = exponent(top) + 1;
    let mut room = room;
    if centre != 0.0 {
        // This close to the centre, every difference is exact (Sterbenz).
        room = room.min(exponent(centre.abs()) - 1 - reach);
    }
    if room < 0 {
        return None;
    }
    let (lowest, highest) = super::line::exponents(options.statistic);
    let first = if top == 0.0 { 0 } else { reach + room + below };
    if !(lowest..=highest).contains(&first) {
        return None;
    }
    let below_first = |&&x: &&f64| last_bit(x).is_some_and(|bit| bit < first - 52);
    let squares = 2 * (first - below) + below - 1;
    let frame = Frame { first, squares, reach: power_of_two(first - below), centre };
    Some(Job {
        window: options.window,
        frame,
        below,
        ddof: options.ddof as f64,
        // (A variance needs more than `ddof` elements.)
        least: if moments {
            options.least.max(usize::try_from(options.ddof + 1).unwrap_or(0)).max(1)
        } else {
            options.least
        } as f64,
        again: options.format != Format::F64,
        in_place: options.format == Format::F64 && matches!(numbers, Numbers::F64(_)),
        grid: match sample.iter().filter_map(|x| last_bit(x - centre)).min() {
            Some(bit) if options.format == Format::F64 && (-400..400).contains(&bit) => {
                power_of_two(2 * bit)
            }
            _ => 0.0,
        },
        coarse: !moments && 2 * sample.iter().filter(below_first).count() < sample.len(),
    })
}

/// A number near most of a sample; 0 if there is none.
pub(super) fn centre(sample: &[f64]) -> f64 {
    let Some(&some) = sample.first() else {
        return 0.0;
    };
    let (low, high) = sample.iter().fold((some, some), |(low, high), &x| (low.min(x), high.max(x)));
    let middle = low + 0.5 * (high - low);
    if high - low < 0.1 * middle.abs() { middle } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_have_all_results_and_few_twice() {
        for width in [2, 4, 8] {
            for count in (256..3000).chain(32 * WAY - 400..32 * WAY + 400).chain([1 << 16, 70000]) {
                for start in [99, 100, 5000] {
                    let outputs = start..start + count;
                    let lanes = Lanes::of(width, 100, &outputs);
                    let mut next = start;
                    for range in lanes.left(width) {
                        assert!(range.start <= next && range.end <= outputs.end, "{count}");
                        next = next.max(range.end);
                    }
                    assert_eq!(next, outputs.end);
                    assert_eq!(lanes.length % width, 0);
                    let opening = usize::from(lanes.opening.is_some());
                    let excess = lanes.length * width + opening - count;
                    if lanes.length < WAY * WIDEST {
                        assert!(excess < width * width, "{count}");
                        continue;
                    }
                    assert!(excess <= width * (2 * APART + width), "{count}");
                    assert!((APART..=WAY - APART).contains(&(lanes.length % WAY)), "{count}");
                }
            }
        }
    }
}
