//! The results of one line: its numbers block by block, in a frame that fits them.
//!
//! A block is at least as long as the window, so choosing another frame and forming the prefix sums
//! of the window again costs no more than the block itself. Numbers that do not fit the frame (too
//! large, too small, infinite) are *outliers*: the part that fits, if any, enters the prefix sums,
//! and the rest is added exactly as long as the number is in the window.

use std::collections::VecDeque;
use std::ops::Range;

use super::bounds::Bounds;
use super::certified::{self, Counts, Half, Single, Sums, Target, Wide};
use super::decide::decide;
use super::outliers::{Held, Outlier};
use super::plain::Plain;
use super::running::{Elements, Moving};
use super::source::{Numbers, Out};
use super::stretch::Stretches;
use super::tile::{self, Ends, Frame, Parameters, SPARE, STREAMS, Survey, TILE};
use super::{Options, Statistic};
use crate::binary64::power_of_two;
use crate::cpu::Isa;
use crate::exact::pairs::two_sum;
use crate::exact::round::Format;
use crate::interrupt::Interrupt;
use crate::kernel::levels::LEVEL;

/// The least number of results processed at once; no power of two, since lanes would then compete for a few
/// sets of the caches.
const SPAN: usize = (1 << 16) + 512;
/// The least number of consecutive windows, each moved by one, that are processed like windows of a
/// fixed length.
const RUN: usize = 512;
/// The least number of elements in a block.
const BLOCK: usize = 4096;
/// The longest windows for tiles, whose sums of second-level steps fit an integer.
pub(super) const LONGEST: usize = 1 << 20;
/// The number of elements examined to choose a frame.
pub(super) const SAMPLE: usize = 64;
/// At most one element in this many may be an outlier; with more, a frame does not pay.
const WILD: usize = 4;
/// The number of outliers that any block may have.
const TAME: usize = 64;

/// The state for the results of lines, one after the other.
pub(super) struct Engine {
    isa: Isa,
    options: Options,
    parameters: Parameters,
    plain: Option<Plain>,
    stretches: Option<Stretches>,
    block: usize,
    frame: Option<Frame>,
    /// Prefix sums, beginning before the window that ends just before a block.
    streams: [Vec<u64>; STREAMS],
    /// How many elements were not missing, where this is known.
    counts: Vec<u64>,
    cleaned: Vec<f64>,
    results: Vec<f64>,
    /// Numbers that were widened for blocks.
    widened: Vec<f64>,
    outliers: VecDeque<Outlier>,
    /// The union of the numbers' bits in both levels: of the window, and of the block.
    bits: [[u64; 2]; 2],
    /// The last missing element that was seen.
    missing: Option<usize>,
    /// Whether `counts` hold for the window before the block.
    counting: bool,
}

/// A block of a line.
#[derive(Clone, Copy)]
struct Block<'a> {
    line: &'a [f64],
    start: usize,
    end: usize,
    /// Whether all of its numbers are within the range of the frame.
    plain: bool,
    /// Whether an element of some window may be missing.
    gaps: bool,
    /// Whether `counts` are kept.
    counted: bool,
}

impl Engine {
    pub fn new(isa: Isa, options: Options) -> Engine {
        let window = options.window;
        assert!((1..=LONGEST).contains(&window));
        Engine {
            isa,
            options,
            parameters: Parameters {
                window,
                least: options.least as f64,
                ddof: options.ddof as f64,
            },
            plain: Plain::new(isa, options),
            stretches: Stretches::new(isa, options),
            block: BLOCK.max(window).next_multiple_of(TILE),
            frame: None,
            streams: Default::default(),
            counts: Vec::new(),
            cleaned: Vec::new(),
            results: Vec::new(),
            widened: Vec::new(),
            outliers: VecDeque::new(),
            bits: [[0; 2]; 2],
            missing: None,
            counting: false,
        }
    }

    /// Allocates prefix sums, which lanes do not need, for blocks of at most this many results.
    fn make_room(&mut self, results: usize) {
        let results = results.next_multiple_of(TILE).min(self.block);
        let length = self.options.window + 1 + results + TILE + SPARE;
        if length <= self.counts.len() {
            return;
        }
        self.counts.resize(length, 0);
        self.cleaned.resize(TILE, 0.0);
        let moments = self.options.statistic.is_moment();
        for sums in self.streams.iter_mut().take(if moments { STREAMS } else { 2 }) {
            sums.resize(length, 0);
        }
    }

    /// Computes the results `outputs` of a line whose missing elements are NaN. They are written to `direct`,
    /// or passed to `put` with the index of the first. Results for binary32 that are passed may still have more
    /// bits; the caller rounds them to it, which is correct. `false` if an integer is too large.
    pub fn run(
        &mut self,
        line: Numbers<'_>,
        outputs: Range<usize>,
        mut direct: Option<Out<'_>>,
        interrupt: &Interrupt,
        mut put: impl FnMut(usize, &[f64]),
    ) -> bool {
        let span = SPAN.max(16 * self.options.window);
        let mut start = outputs.start;
        let mut fits = true;
        while fits && start < outputs.end && !interrupt.is_set() {
            let rest = outputs.end - start;
            let end = start + if rest < 2 * span { rest } else { span };
            let mut own = std::mem::take(&mut self.results);
            let results = match &mut direct {
                Some(direct) => direct.part(start - outputs.start..end - outputs.start),
                None => {
                    own.resize(own.len().max(end - start), 0.0);
                    Out::F64(&mut own[..end - start])
                }
            };
            fits = self.run_span(line, start..end, results, interrupt);
            if fits && direct.is_none() {
                put(start, &own[..end - start]);
            }
            self.results = own;
            start = end;
        }
        fits
    }

    /// The results of a part of a line.
    fn run_span(
        &mut self,
        line: Numbers<'_>,
        outputs: Range<usize>,
        mut results: Out<'_>,
        interrupt: &Interrupt,
    ) -> bool {
        let (start, options) = (outputs.start, self.options);
        // From where windows are full, and from where they have enough elements.
        let full = (options.window - 1).clamp(start, outputs.end);
        let enough = (start..full).find(|&index| options.is_enough(index + 1)).unwrap_or(full);
        results.part(0..enough - start).fill(f64::NAN);
        let mut left = Vec::new();
        if enough < full {
            left.push(enough..full);
        }
        let all = full..outputs.end;
        let done = match &mut self.plain {
            Some(plain) => plain.run(line, all, &mut results.part(full - start..outputs.len())),
            None => 0,
        };
        let full = full + done;
        match &mut self.stretches {
            Some(stretches) => {
                let mut results = results.part(full - start..outputs.len());
                left.extend(stretches.run(line, full..outputs.end, &mut results));
                if stretches.is_beyond() {
                    return false;
                }
            }
            None => left.push(full..outputs.end),
        }
        for range in left.into_iter().filter(|range| !range.is_empty()) {
            let to = range.start - start..range.end - start;
            match (line, results.part(to)) {
                (Numbers::F64(line), Out::F64(results)) => {
                    self.run_blocks(line, range, results, interrupt);
                }
                (line, mut results) => {
                    if !self.run_widened(line, range, &mut results, interrupt) {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// As `run_blocks`, of numbers and for results of other types.
    fn run_widened(
        &mut self,
        line: Numbers<'_>,
        outputs: Range<usize>,
        results: &mut Out<'_>,
        interrupt: &Interrupt,
    ) -> bool {
        let mut widened = std::mem::take(&mut self.widened);
        let span = (2 * BLOCK).max(8 * self.options.window);
        let mut part = vec![0.0; outputs.len().min(span)];
        let mut fits = true;
        for start in outputs.clone().step_by(span) {
            let end = outputs.end.min(start + span);
            let base = self.before(start);
            let Some(numbers) = line.part(base..end).all(self.isa, &mut widened) else {
                fits = false;
                break;
            };
            let part = &mut part[..end - start];
            self.run_blocks(numbers, start - base..end - base, part, interrupt);
            results.write(self.isa, start - outputs.start, part);
        }
        self.widened = widened;
        fits
    }

    /// The results of a part of a line, by blocks.
    fn run_blocks(
        &mut self,
        line: &[f64],
        outputs: Range<usize>,
        results: &mut [f64],
        interrupt: &Interrupt,
    ) {
        self.make_room(outputs.len());
        self.missing = None;
        let mut ready = false;
        for start in outputs.clone().step_by(self.block) {
            if interrupt.is_set() {
                return;
            }
            let end = outputs.end.min(start + self.block);
            let results = &mut results[start - outputs.start..end - outputs.start];
            ready = self.run_block(line, start, end, ready, results);
        }
    }

    /// The first element of the window that ends before `start`, which may lie in the line.
    fn before(&self, start: usize) -> usize {
        start.saturating_sub(self.options.window)
    }

    /// Computes a block; returns whether the prefix sums are ready for the next one.
    fn run_block(
        &mut self,
        line: &[f64],
        start: usize,
        end: usize,
        ready: bool,
        results: &mut [f64],
    ) -> bool {
        let before = self.before(start);
        let mut rebuild = !ready;
        let from = if ready { start } else { before };
        let kept =
            self.frame.map(|frame| (frame, tile::survey(self.isa, &line[from..end], frame.centre)));
        let (frame, survey) = match kept.filter(|(frame, survey)| fits(*survey, frame)) {
            Some(kept) => kept,
            None => {
                let Some(chosen) = choose(self.isa, &self.options, &line[before..end]) else {
                    self.run_slowly(line, start..end, results);
                    return false;
                };
                rebuild |= self.frame != Some(chosen.0);
                self.frame = Some(chosen.0);
                chosen
            }
        };
        let plain = !survey.special && survey.most <= frame.reach;
        let gaps = !plain || !rebuild && self.missing.is_some_and(|index| index >= before);
        let counted = gaps || start + 1 < self.options.window;
        let block = Block { line, start, end, plain, gaps, counted };
        if rebuild {
            self.rebuild(block, before, &frame);
        } else {
            if counted && !self.counting {
                self.count_up(self.options.window - (start - before), start - before);
            }
            while self.outliers.front().is_some_and(|outlier| outlier.index < before) {
                self.outliers.pop_front();
            }
            self.bits = [self.bits[1], [0; 2]];
        }
        let done = self.advance(block, &frame, results);
        if done < end {
            self.run_slowly(line, done..end, &mut results[done - start..]);
            return false;
        }
        self.shift(end - start);
        self.counting = counted;
        true
    }

    /// Writes counts that go up by one, from a position on.
    fn count_up(&mut self, place: usize, length: usize) {
        let first = self.counts[place];
        for (index, count) in self.counts[place..=place + length].iter_mut().enumerate() {
            *count = first + index as u64;
        }
    }

    /// Forms the prefix sums of the window before a block.
    fn rebuild(&mut self, block: Block<'_>, before: usize, frame: &Frame) {
        let place = self.options.window - (block.start - before);
        for sums in self.streams.iter_mut().chain([&mut self.counts]) {
            let length = sums.len().min(place + 1);
            sums[..length].fill(0);
        }
        self.outliers.clear();
        self.bits = [[0; 2]; 2];
        self.missing = None;
        let mut at = before;
        while at < block.start {
            let end = block.start.min(at + TILE);
            self.absorb(block, at, end, place + (at - before), frame);
            at = end;
        }
        self.bits = [self.bits[1], [0; 2]];
    }

    /// Continues the prefix sums at a position with the numbers `from..end`.
    fn absorb(&mut self, block: Block<'_>, from: usize, end: usize, place: usize, frame: &Frame) {
        let numbers = &block.line[from..end];
        let mut outside = false;
        let taken = if block.plain {
            if block.counted {
                self.count_up(place, end - from);
            }
            numbers
        } else {
            let counts = &mut self.counts[place..];
            outside = tile::clean(self.isa, numbers, frame, &mut self.cleaned, counts);
            if counts[end - from] - counts[0] < (end - from) as u64 {
                let last = numbers.iter().rposition(|x| x.is_nan());
                self.missing = last.map(|index| from + index).or(self.missing);
            }
            &self.cleaned[..end - from]
        };
        let moments = self.options.statistic.is_moment();
        let streams = self.streams.each_mut().map(|sums| match sums.get_mut(place..) {
            Some(sums) => sums,
            None => &mut [],
        });
        let absorbed = match moments {
            true => tile::absorb::<true>(self.isa, taken, frame, streams),
            false => tile::absorb::<false>(self.isa, taken, frame, streams),
        };
        for (all, bits) in self.bits[1].iter_mut().zip(absorbed.bits) {
            *all |= bits;
        }
        if !outside && !absorbed.remainder {
            return;
        }
        for (index, &x) in numbers.iter().enumerate() {
            let distance = (x - frame.centre).abs();
            if distance > frame.reach {
                self.outliers.push_back(Outlier::new(from + index, x, true));
            } else if !x.is_nan() {
                let value = tile::remainder(x - frame.centre, frame);
                if value != 0.0 {
                    self.outliers.push_back(Outlier::new(from + index, value, false));
                }
            }
        }
    }

    /// Computes the results of a block up to an index, which is returned.
    fn advance(&mut self, block: Block<'_>, frame: &Frame, results: &mut [f64]) -> usize {
        let Block { start, end, .. } = block;
        let window = self.options.window;
        let known = self.outliers.len();
        let (mut held, mut entered, mut left) = (Held::default(), 0, 0);
        let mut pending = Vec::new();
        let mut at = start;
        while at < end {
            let until = end.min(at + TILE);
            self.absorb(block, at, until, window + (at - start), frame);
            if self.outliers.len() - known > TAME + (until - start) / WILD {
                self.settle(block, &pending, results);
                return at;
            }
            while at < until {
                let moments = self.options.statistic.is_moment();
                while let Some(&outlier) = self.outliers.get(entered)
                    && outlier.index <= at
                {
                    self.outliers[entered].near = held.enter(outlier, frame, moments);
                    entered += 1;
                }
                while left < entered && self.outliers[left].index + window <= at {
                    held.leave(self.outliers[left], frame, moments);
                    left += 1;
                }
                let list = &self.outliers;
                let entering = list.get(entered).map_or(until, |outlier| outlier.index);
                let leaving = if left < entered { list[left].index + window } else { until };
                let to = until.min(entering).min(leaving);
                if left == entered {
                    self.finish(block, at..to, frame, results, &mut pending);
                } else {
                    self.finish_held(block, at..to, frame, &mut held, results, &mut pending);
                }
                at = to;
            }
        }
        self.settle(block, &pending, results);
        end
    }

    /// The results of windows without outliers.
    fn finish(
        &mut self,
        block: Block<'_>,
        outputs: Range<usize>,
        frame: &Frame,
        results: &mut [f64],
        pending: &mut Vec<usize>,
    ) {
        let window = self.options.window;
        let full =
            if block.gaps { outputs.end } else { (window - 1).clamp(outputs.start, outputs.end) };
        for (range, counted) in [(outputs.start..full, true), (full..outputs.end, false)] {
            if range.is_empty() {
                continue;
            }
            let (from, to) = (range.start - block.start, range.end - block.start);
            let to_finish = &mut results[from..to];
            let ends = |offset: usize| Ends {
                streams: self.streams.each_ref().map(|sums| match sums.get(from + offset..) {
                    Some(sums) => &sums[..(to - from).min(sums.len())],
                    None => &[],
                }),
                counts: &self.counts[from + offset..to + offset],
            };
            let (new, old) = (ends(window + 1), ends(1));
            let marked = self.finish_tile(counted, frame, new, old, to_finish);
            if !marked {
                continue;
            }
            for index in range {
                if !results[index - block.start].is_nan() {
                    continue;
                }
                let count = if counted { self.count(block, index) } else { window };
                if !self.options.is_enough(count) {
                    continue;
                }
                match self.decide(self.places(block, index), count, frame) {
                    Some(result) => results[index - block.start] = result,
                    None => pending.push(index),
                }
            }
        }
    }

    fn finish_tile(
        &self,
        counted: bool,
        frame: &Frame,
        new: Ends<'_>,
        old: Ends<'_>,
        results: &mut [f64],
    ) -> bool {
        let (isa, parameters) = (self.isa, self.parameters);
        if !counted && !self.options.is_enough(parameters.window) {
            results.fill(f64::NAN);
            return false;
        }
        macro_rules! by_kind {
            ($target:ty, $counted:literal) => {
                match self.options.statistic {
                    Statistic::Sum => tile::finish::<$target, 0, $counted>(
                        isa, parameters, frame, new, old, results,
                    ),
                    Statistic::Mean => tile::finish::<$target, 1, $counted>(
                        isa, parameters, frame, new, old, results,
                    ),
                    Statistic::Var => tile::finish::<$target, 2, $counted>(
                        isa, parameters, frame, new, old, results,
                    ),
                    Statistic::Std => tile::finish::<$target, 3, $counted>(
                        isa, parameters, frame, new, old, results,
                    ),
                }
            };
        }
        match (self.options.format, counted) {
            (Format::F64, false) => by_kind!(Wide, false),
            (Format::F64, true) => by_kind!(Wide, true),
            (Format::F32, false) => by_kind!(Single, false),
            (Format::F32, true) => by_kind!(Single, true),
            (_, false) => by_kind!(Half, false),
            (_, true) => by_kind!(Half, true),
        }
    }

    /// How many elements of a window are not missing.
    fn count(&self, block: Block<'_>, index: usize) -> usize {
        let window = self.options.window;
        if !block.gaps && index + 1 >= window {
            return window;
        }
        let place = index - block.start + 1;
        (self.counts[place + window] - self.counts[place]) as usize
    }

    /// The positions of the prefix sums before and after a window that ends with an element.
    fn places(&self, block: Block<'_>, index: usize) -> [usize; 2] {
        let place = index - block.start + 1;
        [place, place + self.options.window]
    }

    /// The sums of a window: of its numbers and of their squares, in steps of the second levels.
    fn totals(&self, [before, after]: [usize; 2]) -> [i128; 2] {
        let difference = |stream: usize| -> i128 {
            let sums = &self.streams[stream];
            i128::from(sums[after].wrapping_sub(sums[before]) as i64)
        };
        let total = |stream: usize| (difference(stream) << LEVEL) + difference(stream + 1);
        [total(0), if self.options.statistic.is_moment() { total(2) } else { 0 }]
    }

    /// An undecided result, from integers, if these are exact.
    fn decide(&self, places: [usize; 2], count: usize, frame: &Frame) -> Option<f64> {
        let bits = [0, 1].map(|level| self.bits[0][level] | self.bits[1][level]);
        decide(&self.options, frame, self.totals(places), bits, count)
    }

    /// The results of windows with outliers.
    fn finish_held(
        &mut self,
        block: Block<'_>,
        outputs: Range<usize>,
        frame: &Frame,
        held: &mut Held,
        results: &mut [f64],
        pending: &mut Vec<usize>,
    ) {
        let moments = self.options.statistic.is_moment();
        let special = held.special();
        for index in outputs {
            let result = &mut results[index - block.start];
            let count = self.count(block, index);
            if !self.options.is_enough(count) {
                *result = f64::NAN;
            } else if let Some(special) = special {
                *result = if moments || special.is_nan() { f64::NAN } else { special };
            } else {
                let certified = match self.options.format {
                    Format::F64 => self.certify::<Wide>(block, index, count, frame, held),
                    Format::F32 => self.certify::<Single>(block, index, count, frame, held),
                    _ => self.certify::<Half>(block, index, count, frame, held),
                };
                if !certified.is_nan() {
                    *result = certified;
                } else if moments {
                    pending.push(index);
                } else {
                    let mut sum = held.sum();
                    sum.add_scaled(
                        self.totals(self.places(block, index))[0],
                        frame.first - LEVEL - 52,
                    );
                    let divisor =
                        if self.options.statistic == Statistic::Mean { count as i64 } else { 1 };
                    let format = self.options.format;
                    *result = format.number(sum.round_quotient(divisor, format));
                }
            }
        }
    }

    /// The result of a window with outliers; NaN if it is not decided.
    fn certify<T: Target>(
        &self,
        block: Block<'_>,
        index: usize,
        count: usize,
        frame: &Frame,
        held: &mut Held,
    ) -> f64 {
        let moments = self.options.statistic.is_moment();
        let pairs = held.pairs(moments);
        let totals = self.totals(self.places(block, index));
        let parts = |which: usize, first: i32| {
            // At most 95 bits, so that the rest is a number.
            let (high, unit) = (totals[which] as f64, power_of_two(first - LEVEL - 52));
            let low = (totals[which] - high as i128) as f64;
            let (high, low) = (high * unit, low * unit);
            let [other, rest] = pairs[which];
            let (sum, error) = two_sum(high, other);
            let (sum, low) = two_sum(sum, error + (low + rest));
            let doubt = (error.abs() + high.abs() * f64::EPSILON + rest.abs()) * f64::EPSILON * 4.0;
            (sum, low, doubt)
        };
        let (high, low, doubt) = parts(0, frame.first);
        let n = count as f64;
        if !moments {
            let divisor = if self.options.statistic == Statistic::Mean { n } else { 1.0 };
            return certified::quotient::<T>(high, low, doubt, divisor);
        }
        let free = n - self.options.ddof as f64;
        let counts = Counts { count: n, reciprocal: 1.0 / n, free, free_reciprocal: 1.0 / free };
        let (squares_high, squares_low, squares_doubt) = parts(1, frame.squares);
        let of_each = power_of_two(frame.squares - LEVEL - 52 - 1) * 1.01;
        let sums = Sums {
            high,
            low,
            squares_high,
            squares_low,
            doubt: n * of_each + squares_doubt + (2.0 * high.abs() + doubt) * doubt / n * 1.01,
        };
        match self.options.statistic {
            Statistic::Std => certified::variance::<T, true, 2>(sums, counts),
            _ => certified::variance::<T, false, 2>(sums, counts),
        }
    }

    /// Computes the results of windows given by indices. They are written to `direct`, or passed to `put` with
    /// the index of the first.
    pub fn run_bounds(
        &mut self,
        line: &[f64],
        bounds: Bounds<'_>,
        mut direct: Option<&mut [f64]>,
        interrupt: &Interrupt,
        mut put: impl FnMut(usize, &[f64]),
    ) {
        let mut moving = Moving::new(self.options, Elements::real(line));
        let most = SPAN.max(16 * self.options.window);
        let mut first = 0;
        while first < bounds.len() && !interrupt.is_set() {
            let run = bounds.run(first, most);
            let [start, end] = bounds.get(first);
            let is_run = run >= RUN
                && end + run <= line.len() + 1
                && self.stretches_of([start, end]).is_some();
            let group = if is_run {
                Group { windows: run, start: 0, end: 0 }
            } else {
                Group::of(bounds.part(first..bounds.len()), self.options.window + self.block)
            };
            let range = first..first + group.windows;
            let windows = bounds.part(range.clone());
            let mut own = std::mem::take(&mut self.results);
            let results = match &mut direct {
                Some(direct) => &mut direct[range.clone()],
                None => {
                    own.resize(own.len().max(range.len()), 0.0);
                    &mut own[..range.len()]
                }
            };
            if is_run {
                self.run_steadily(line, windows, results, &mut moving);
            } else {
                self.run_group(line, &group, windows, results, &mut moving);
            }
            if direct.is_none() {
                put(first, &own[..range.len()]);
            }
            self.results = own;
            first = range.end;
        }
    }

    /// The state for windows of the same length as a given one, if they can be computed together.
    fn stretches_of(&mut self, [start, end]: [usize; 2]) -> Option<&mut Stretches> {
        let window = end.saturating_sub(start);
        let known = self.stretches.as_ref().is_some_and(|known| known.window() == window);
        if !known {
            self.stretches = match window {
                0 => None,
                _ => Stretches::new(self.isa, Options { window, ..self.options }),
            };
        }
        self.stretches.as_mut()
    }

    /// The results of windows that each are the previous one moved by one element.
    fn run_steadily(
        &mut self,
        line: &[f64],
        windows: Bounds<'_>,
        results: &mut [f64],
        moving: &mut Moving<'_>,
    ) {
        let first = windows.get(0);
        // Windows are named by their last elements.
        let outputs = first[1] - 1..first[1] - 1 + windows.len();
        let base = outputs.start;
        let mut left = vec![outputs.clone()];
        if let Some(stretches) = self.stretches_of(first) {
            left = stretches.run(Numbers::F64(line), outputs, &mut Out::F64(results));
        }
        for range in left {
            let (mut at, end) = (range.start - base, range.end - base);
            while at < end {
                let group = Group::of(windows.part(at..end), self.options.window + self.block);
                let range = at..at + group.windows;
                let results = &mut results[range.clone()];
                self.run_group(line, &group, windows.part(range.clone()), results, moving);
                at = range.end;
            }
        }
    }

    /// The results of the windows of a group.
    fn run_group(
        &mut self,
        line: &[f64],
        group: &Group,
        windows: Bounds<'_>,
        results: &mut [f64],
        moving: &mut Moving<'_>,
    ) {
        let frame = group.pays().then(|| self.take(line, group)).flatten();
        for (index, results) in results.chunks_mut(TILE).enumerate() {
            let windows = windows.part(index * TILE..index * TILE + results.len());
            match &frame {
                Some(frame) => self.finish_group(group, windows, frame, results, moving),
                None => {
                    for ([start, end], result) in windows.iter().zip(&mut *results) {
                        moving.move_to(start..end);
                        *result = moving.number();
                    }
                }
            }
        }
    }

    /// Forms the prefix sums of the elements of a group.
    fn take(&mut self, line: &[f64], group: &Group) -> Option<Frame> {
        self.make_room(self.block);
        let Group { start, end, .. } = *group;
        let numbers = &line[start..end];
        let kept = self.frame.map(|frame| (frame, tile::survey(self.isa, numbers, frame.centre)));
        let (frame, survey) = match kept.filter(|(frame, survey)| fits(*survey, frame)) {
            Some(kept) => kept,
            None => choose(self.isa, &self.options, numbers)?,
        };
        self.frame = Some(frame);
        let plain = !survey.special && survey.most <= frame.reach;
        let block = Block { line, start, end, plain, gaps: true, counted: true };
        for sums in self.streams.iter_mut().chain([&mut self.counts]) {
            if let Some(first) = sums.first_mut() {
                *first = 0;
            }
        }
        self.outliers.clear();
        self.bits = [[0; 2]; 2];
        for at in (start..end).step_by(TILE) {
            self.absorb(block, at, end.min(at + TILE), at - start, &frame);
            if self.outliers.len() > TAME + (at + TILE - start) / WILD {
                return None;
            }
        }
        Some(frame)
    }

    /// The results of windows of a group, at most a tile of them.
    fn finish_group(
        &mut self,
        group: &Group,
        windows: Bounds<'_>,
        frame: &Frame,
        results: &mut [f64],
        moving: &mut Moving<'_>,
    ) {
        let places = |[start, end]: [usize; 2]| {
            if start < end { [start - group.start, end - group.start] } else { [0, 0] }
        };
        let mut gathered = [[[0u64; TILE]; STREAMS + 1]; 2];
        for (index, window) in windows.iter().enumerate() {
            let places = places(window);
            for (side, place) in gathered.iter_mut().zip(places) {
                for (stream, sums) in self.streams.iter().enumerate() {
                    side[stream][index] = sums.get(place).copied().unwrap_or(0);
                }
                side[STREAMS][index] = self.counts[place];
            }
        }
        let [before, after] = &gathered;
        let marked = self.finish_tile(
            true,
            frame,
            gathered_ends(after, windows.len()),
            gathered_ends(before, windows.len()),
            results,
        );
        for (index, window) in windows.iter().enumerate() {
            let places = places(window);
            let outside = {
                let from = self.outliers.partition_point(|outlier| outlier.index < window[0]);
                self.outliers.get(from).is_some_and(|outlier| outlier.index < window[1])
            };
            if !(outside || marked && results[index].is_nan()) {
                continue;
            }
            let count = (self.counts[places[1]] - self.counts[places[0]]) as usize;
            if !self.options.is_enough(count) {
                results[index] = f64::NAN;
                continue;
            }
            let decided = if outside { None } else { self.decide(places, count, frame) };
            results[index] = decided.unwrap_or_else(|| {
                moving.move_to(window[0]..window[1]);
                moving.number()
            });
        }
    }

    /// The results that are still undecided, by running exact sums.
    fn settle(&mut self, block: Block<'_>, pending: &[usize], results: &mut [f64]) {
        if pending.is_empty() {
            return;
        }
        let window = self.options.window;
        let mut alike = Alike::new(block.line, self.before(block.start));
        let mut left = Vec::new();
        for &index in pending {
            if alike.up_to(index, (index + 1).saturating_sub(window)) {
                results[index - block.start] = 0.0;
            } else {
                left.push(index);
            }
        }
        let mut pending = left.into_iter().peekable();
        let Some(&first) = pending.peek() else {
            return;
        };
        let mut moving = Moving::new(self.options, Elements::real(block.line));
        moving.start(first);
        for index in first..block.end {
            if pending.peek().is_none() {
                break;
            }
            moving.enter(index);
            if pending.next_if_eq(&index).is_some() {
                results[index - block.start] = moving.number();
            }
        }
    }

    /// Results from running exact sums only.
    fn run_slowly(&self, line: &[f64], outputs: Range<usize>, results: &mut [f64]) {
        let mut moving = Moving::new(self.options, Elements::real(line));
        moving.start(outputs.start);
        for (index, result) in outputs.zip(results) {
            moving.enter(index);
            *result = moving.number();
        }
    }

    /// Moves the prefix sums of the last window to where those before a block are.
    fn shift(&mut self, length: usize) {
        let window = self.options.window;
        for sums in self.streams.iter_mut().chain([&mut self.counts]) {
            if !sums.is_empty() {
                sums.copy_within(length..=length + window, 0);
            }
        }
    }
}

/// The first of the prefix sums gathered for one end of the windows.
fn gathered_ends(sums: &[[u64; TILE]; STREAMS + 1], length: usize) -> Ends<'_> {
    let [a, b, c, d, counts] = sums.each_ref().map(|sums| &sums[..length]);
    Ends { streams: [a, b, c, d], counts }
}

/// Windows that follow one another, and the elements that they need together.
struct Group {
    windows: usize,
    start: usize,
    end: usize,
}

impl Group {
    /// The number of first windows that need at most `most` elements in all; at least one.
    fn of(bounds: Bounds<'_>, most: usize) -> Group {
        let mut group = Group { windows: 0, start: usize::MAX, end: 0 };
        for [start, end] in bounds.iter() {
            if start < end {
                let (from, to) = (group.start.min(start), group.end.max(end));
                if group.windows > 0 && to - from > most {
                    break;
                }
                (group.start, group.end) = (from, to);
            }
            group.windows += 1;
        }
        group.start = group.start.min(group.end);
        group
    }

    /// Whether prefix sums are less work than adding each window.
    fn pays(&self) -> bool {
        self.end > self.start && (self.end - self.start) / 16 <= self.windows
    }
}

/// The positions where numbers differ from their predecessors.
struct Alike<'a> {
    line: &'a [f64],
    next: usize,
    /// The last number that is not missing, and the position of the last one that differs from its successor.
    last: Option<(usize, f64)>,
    differs: Option<usize>,
}

impl<'a> Alike<'a> {
    fn new(line: &'a [f64], start: usize) -> Alike<'a> {
        Alike { line, next: start, last: None, differs: None }
    }

    /// Whether the numbers from `first` to `last` are one number; `last` never falls.
    fn up_to(&mut self, last: usize, first: usize) -> bool {
        while self.next <= last {
            let x = self.line[self.next];
            if !x.is_nan() {
                if let Some((index, before)) = self.last
                    && before != x
                {
                    self.differs = Some(index);
                }
                self.last = Some((self.next, x));
            }
            self.next += 1;
        }
        self.differs.is_none_or(|index| index < first)
    }
}

fn fits(survey: Survey, frame: &Frame) -> bool {
    // A frame for much larger numbers would lose the bits of small ones.
    survey.most <= frame.reach && (survey.most >= frame.reach / 512.0 || survey.most == 0.0)
}

/// A frame that fits most of the given numbers, if there is one, and the bits that they have in it.
fn choose(isa: Isa, options: &Options, numbers: &[f64]) -> Option<(Frame, Survey)> {
    let moments = options.statistic.is_moment();
    let step = numbers.len().div_ceil(SAMPLE).max(1);
    let finite = numbers.iter().step_by(step).copied().filter(|x| x.is_finite());
    let mut sample: Vec<f64> = finite.collect();
    if sample.is_empty() {
        sample.push(0.0);
    }
    sample.sort_unstable_by(f64::total_cmp);
    // All but one in so many lie between.
    let edge = sample.len() / 16;
    let (low, middle) = (sample[edge], sample[sample.len() / 2]);
    let high = sample[sample.len() - 1 - edge];
    let centre = if moments && high - low < 0.1 * middle.abs() { middle } else { 0.0 };
    let survey = tile::survey(isa, numbers, centre);
    let most = survey.most;
    let mut distances: Vec<f64> = sample.iter().map(|x| (x - centre).abs()).collect();
    distances.sort_unstable_by(f64::total_cmp);
    let zeros = distances.partition_point(|&x| x == 0.0);
    let all_but = |part: usize| distances[distances.len() - 1 - (distances.len() - zeros) / part];
    // Without the largest few, or without somewhat more that are far beyond all others.
    let [few, some] = [all_but(32), all_but(7)];
    let bulk = if exponent(few) - exponent(some) > LEVEL / 2 { some } else { few };
    let mut last_bits: Vec<i32> = distances.iter().filter_map(|&x| last_bit(x)).collect();
    last_bits.sort_unstable();
    // Few numbers have bits so far below those of a sample; they are outliers.
    let last = last_bits.first().map_or(0, |last| last - 8);
    // The window's length, and two binades more so that its sum is at most a quarter of a level.
    let below = usize::BITS as i32 - (options.window - 1).leading_zeros() as i32 + 2;
    let (lowest, highest) = exponents(options.statistic);
    let level = |x: f64| exponent(x) + 1 + below;
    let bulk_level = (level(bulk) + 1).min(level(most));
    let most_level = if moments { level(most).min(bulk_level + 6) } else { level(most) };
    let first = (last + LEVEL + 52).clamp(bulk_level, most_level);
    let first = if most == 0.0 { 0 } else { first };
    if !(lowest..=highest).contains(&first) {
        return None;
    }
    let reach = power_of_two(first - below);
    // This close to the centre, every difference is exact (Sterbenz).
    let reach = if centre == 0.0 { reach } else { reach.min(centre.abs() / 2.0) };
    let squares = 2 * (first - below) + below - 1;
    Some((Frame { first, squares, reach, centre }, survey))
}

/// The range of exponents of first levels in which nothing overflows or underflows.
pub(super) fn exponents(statistic: Statistic) -> (i32, i32) {
    match statistic {
        Statistic::Sum => (-900, 1000),
        Statistic::Mean => (-800, 940),
        Statistic::Var | Statistic::Std => (-380, 480),
    }
}

/// The exponent of a finite number; that of the smallest normal one for smaller ones.
pub(super) fn exponent(x: f64) -> i32 {
    ((x.to_bits() >> 52) as i32 & 0x7ff).max(1) - 1023
}

/// The exponent of the last bit of a number, unless it is 0.
pub(super) fn last_bit(x: f64) -> Option<i32> {
    let (significand, exponent) = crate::binary64::decompose(x);
    (significand != 0).then(|| exponent + significand.trailing_zeros() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{numbers, pseudo_random};

    /// Lines that exercise all code paths.
    fn lines(count: usize) -> Vec<Vec<f64>> {
        let ordinary = numbers(count, 0, 4, 1);
        let far: Vec<f64> = ordinary.iter().map(|x| 1e9 + x).collect();
        let mut next = pseudo_random(5);
        let whole = far.iter().map(|x| x.round()).collect();
        let steps = (0..count).map(|index| ordinary[index / 40 * 40]).collect();
        let with = |values: &[f64], every: usize, other: &dyn Fn(f64) -> f64| -> Vec<f64> {
            let replace = |(index, &x)| if index % every == 7 { other(x) } else { x };
            values.iter().enumerate().map(replace).collect()
        };
        let mixed =
            ordinary.iter().map(|x| if next().is_multiple_of(50) { 1e16 } else { *x }).collect();
        vec![
            with(&ordinary, 17, &|_| f64::NAN),
            with(&far, 900, &|_| f64::NAN),
            with(&ordinary, 1300, &|_| f64::INFINITY),
            with(&ordinary, 400, &|x| x * 1e300),
            with(&ordinary, 90, &|x| x * 1e-30),
            with(&far, 60, &|_| 0.0),
            numbers(count, 0, 100, 2),
            numbers(count, 0, 1500, 3),
            numbers(count, -1030, 20, 4),
            numbers(count, 1015, 10, 5),
            ordinary,
            far,
            whole,
            steps,
            mixed,
        ]
    }

    fn same(a: f64, b: f64) -> bool {
        a == b || a.is_nan() && b.is_nan()
    }

    #[test]
    fn tiles_give_what_running_sums_give() {
        let count = 2 * BLOCK + 700;
        for (kind, line) in lines(count).iter().enumerate() {
            for isa in Isa::available() {
                for statistic in [Statistic::Sum, Statistic::Mean, Statistic::Var, Statistic::Std] {
                    for (window, least, format) in [
                        (3, 3, Format::F64),
                        (20, 1, Format::F64),
                        (300, 300, Format::F32),
                        (64, 20, Format::F16),
                        (BLOCK + 3, 100, Format::F64),
                    ] {
                        let options = Options { statistic, window, least, ddof: 1, format };
                        let mut results = vec![0.0; count];
                        let interrupt = &Interrupt::default();
                        let mut engine = Engine::new(isa, options);
                        engine.run(
                            Numbers::F64(line),
                            0..count,
                            Some(Out::F64(&mut results)),
                            interrupt,
                            |_, _| (),
                        );
                        let narrow = |result: f64| match format {
                            Format::F32 => f64::from(result as f32),
                            _ => result,
                        };
                        let mut moving = Moving::new(options, Elements::real(line));
                        for (index, &result) in results.iter().enumerate() {
                            let result = narrow(result);
                            moving.enter(index);
                            let expected = moving.number();
                            assert!(
                                same(result, expected),
                                "{isa:?} line {kind}, {statistic:?} of {window} at {index}: \
                                 {result:e} is not {expected:e}"
                            );
                        }
                        // A part of the line, with another way to write results.
                        let part = 1000..3000;
                        engine.run(Numbers::F64(line), part, None, interrupt, |start, put| {
                            for (index, &result) in put.iter().enumerate() {
                                assert!(same(narrow(result), narrow(results[start + index])));
                            }
                        });
                    }
                }
            }
        }
    }

    #[test]
    fn windows_by_indices() {
        let count = 3000;
        let mut next = pseudo_random(8);
        let trailing: Vec<[usize; 2]> = (0..count).map(|end| [end / 2, end + 1]).collect();
        let short =
            trailing.iter().map(|&[_, end]| [end.saturating_sub(next() as usize % 90), end]);
        let short: Vec<_> = short.collect();
        let any = short.iter().map(|_| [next() as usize % count, next() as usize % count]);
        let any: Vec<_> = any.take(300).collect();
        // Windows of one length in a row, and others between.
        let steady = (0..count - 60).map(|start| match start {
            900..1000 => [start, start + 20],
            _ => [start, start + 60],
        });
        let steady: Vec<_> = steady.collect();
        for line in lines(count) {
            for bounds in [&trailing, &short, &any, &steady] {
                for statistic in [Statistic::Sum, Statistic::Mean, Statistic::Var] {
                    let window = bounds.iter().map(|&[start, end]| end.saturating_sub(start)).max();
                    let window = window.expect("there are windows");
                    let format = Format::F64;
                    let options = Options { statistic, window, least: 1, ddof: 0, format };
                    let mut moving = Moving::new(options, Elements::real(&line));
                    let mut next = 0;
                    let mut engine = Engine::new(crate::cpu::isa(), options);
                    let [starts, ends] =
                        [0, 1].map(|end| bounds.iter().map(|ends| ends[end] as i64).collect());
                    let (starts, ends): (Vec<i64>, Vec<i64>) = (starts, ends);
                    let of = Bounds::new(&starts, &ends);
                    engine.run_bounds(&line, of, None, &Interrupt::default(), |start, results| {
                        assert_eq!(start, next);
                        for (&result, &[start, end]) in results.iter().zip(&bounds[start..]) {
                            moving.move_to(start..end);
                            assert!(same(result, moving.number()), "{statistic:?} {start}..{end}");
                        }
                        next += results.len();
                    });
                    assert_eq!(next, bounds.len());
                }
            }
        }
    }
}
