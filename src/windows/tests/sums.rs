//! The sums that kernels keep of windows: exactly those of the numbers in them, whatever came before.

use std::ops::Range;

use dashu_int::IBig;
use proptest::prelude::*;

use super::super::lanes::{self, Job, Outcome, State, mode};
use super::super::outliers::{Held, Outlier};
use super::super::source::{Numbers, Out};
use super::super::stretch::Stretches;
use super::super::tile::{self, Ends, Frame, Parameters, SPARE, STREAMS};
use super::{STATISTICS, Totals, scaled};
use crate::binary64::power_of_two;
use crate::cpu::Isa;
use crate::exact::round::Format;
use crate::kernel::levels::LEVEL;
use crate::simd::WIDEST;
use crate::testing::pseudo_random;
use crate::windows::{Options, Statistic};

/// Lines and their windows, in levels for numbers that are less than `2^reach` from a centre.
#[derive(Debug, Clone)]
struct Case {
    line: Vec<f64>,
    window: usize,
    reach: i32,
    centre: f64,
}

impl Case {
    /// Binades from the first level to the numbers: enough for the window's length, and two more.
    fn below(&self) -> i32 {
        self.window.next_power_of_two().trailing_zeros() as i32 + 2
    }

    fn frame(&self) -> Frame {
        let first = self.reach + self.below();
        Frame {
            first,
            squares: 2 * self.reach + self.below() - 1,
            reach: power_of_two(self.reach),
            centre: self.centre,
        }
    }

    fn job(&self, least: usize) -> Job {
        Job {
            window: self.window,
            frame: self.frame(),
            below: self.below(),
            ddof: 0.0,
            least: least as f64,
            again: false,
            in_place: true,
            coarse: false,
            grid: 0.0,
        }
    }

    /// The exponent of the last bit of the second level, and that of squares.
    fn last(&self) -> [i32; 2] {
        let Frame { first, squares, .. } = self.frame();
        [first - LEVEL - 52, squares - LEVEL - 52]
    }

    /// Whether a number is not too large for the levels.
    fn reaches(&self, x: f64) -> bool {
        let (d, limit) = (x - self.centre, power_of_two(self.reach));
        // After the first level has rounded it.
        let half = power_of_two(self.frame().first - 53);
        -limit - half <= d && d < limit - half
    }

    /// Whether the two levels hold a number exactly.
    fn fits(&self, x: f64) -> bool {
        self.reaches(x) && self.left(x - self.centre) == 0.0
    }

    /// Whether a number has no bits below those of the first level.
    fn is_coarse(&self, x: f64) -> bool {
        (x - self.centre) % power_of_two(self.frame().first - 52) == 0.0
    }

    /// How many numbers have bits below the last one.
    fn rough(&self, range: Range<usize>) -> usize {
        let numbers = self.line[range].iter().filter(|x| !x.is_nan());
        numbers.filter(|&x| self.left(x - self.centre) != 0.0).count()
    }

    /// The part of a difference below the last bit.
    fn left(&self, d: f64) -> f64 {
        d % power_of_two(self.last()[0])
    }

    /// The sums of the elements that are not missing, in units of 2^-1080 and 2^-2160.
    fn sums(&self, range: Range<usize>) -> Totals {
        let numbers = self.line[range].iter().filter(|x| !x.is_nan());
        Totals::of(&numbers.map(|x| x - self.centre).collect::<Vec<_>>())
    }

    /// Whether sums in steps match these: to within half a step for each rough number, and those of squares to
    /// within half a step for each number.
    fn are_sums(&self, [sum, squares]: [i128; 2], range: Range<usize>, moments: bool) -> bool {
        let exact = self.sums(range.clone());
        let [last, last_of_squares] = self.last();
        let found = IBig::from(sum) << (last + 1080) as usize;
        let found_squares = IBig::from(squares) << (last_of_squares + 2160) as usize;
        let lost = (found_squares - exact.squares) * 2;
        let within = |lost: IBig, count: usize, unit: i32| {
            let most = IBig::from(count) << unit as usize;
            -&most <= lost && lost <= most
        };
        within((found - exact.sum) * 2, self.rough(range), last + 1080)
            && (!moments || within(lost, exact.count, last_of_squares + 2160))
    }
}

/// Numbers with any bits that the levels hold: small ones and the largest, those with the largest parts in the
/// second level, and, at a few positions, others.
fn cases(windows: Range<usize>, spoilt: Range<usize>) -> impl Strategy<Value = Case> {
    let centres = prop_oneof![2 => Just(0.0), 1 => Just(1e9), 1 => Just(-3e5)];
    let kinds = prop_oneof![2 => 0..9usize, 1 => prop::sample::select(vec![1, 6]), 1 => 9..12usize];
    (windows, -20..12i32, centres, kinds, spoilt, any::<u64>()).prop_map(
        |(window, reach, centre, kind, spoilt, seed)| {
            let mut case = Case { line: Vec::new(), window, reach, centre };
            let mut next = pseudo_random(seed);
            let first = reach + case.below();
            let step = power_of_two(first - 52);
            // Just below half a step of the first level, all of which goes to the second one.
            let rest = step / 2.0 - power_of_two(case.last()[0]);
            // Those whose squares have the largest parts in the second level.
            let level = 1.5 * power_of_two(case.frame().squares);
            let rest_of_square = |x: f64| {
                let q = x.mul_add(x, level) - level;
                x.mul_add(x, -q)
            };
            let mut some: Vec<f64> =
                (0..99).map(|_| (next() >> 11) as f64 * power_of_two(reach - 53)).collect();
            some.sort_by(|&x, &y| rest_of_square(x).total_cmp(&rest_of_square(y)));
            let ends = [some[0], some[98]];
            let mut difference = |index: usize| {
                let turn = index / window % 2;
                let fraction = (next() as i64 >> 11) as f64 * 2f64.powi(-52);
                let sign = if next().is_multiple_of(2) { 1.0 } else { -1.0 };
                let small = (next() % 17) as f64;
                let last = power_of_two(case.last()[0]);
                match if (3..=5).contains(&kind) { next() % 6 } else { 0 } + 10 * (kind as u64) {
                    0 | 30 | 40 | 50 => fraction * power_of_two(reach),
                    // All rests of a window have the same sign, or any.
                    10 | 31 => [1.0, -1.0][turn] * (small * step + rest),
                    20 | 41 => sign * (small * step + rest),
                    32 | 42 | 51 => small * sign * power_of_two(case.last()[0]),
                    33 | 52 => -power_of_two(reach),
                    34 | 43 => (power_of_two(reach) - step) * sign,
                    53 => fraction * power_of_two(reach - 30),
                    60 => ends[turn],
                    // Multiples of the first level's last bit, later with more bits.
                    70 => small * sign * step * power_of_two(10 - (index / 100).min(10) as i32),
                    // Multiples of the second level's last bit.
                    80 => {
                        let later = power_of_two(10 - (index / 100).min(10) as i32);
                        small * (step + sign * power_of_two(case.last()[0]) * later)
                    }
                    // Rough ones: of many magnitudes, or all rounded in one direction by nearly half a step; beside
                    // larger ones with as many bits as the sum has where it is next to a midpoint.
                    90 => fraction * power_of_two(reach - (small as i32) * 7),
                    100 => [1.0, -1.0][turn] * last * (small + 0.5 - power_of_two(-40)),
                    110 => match index % 5 {
                        0 => sign * power_of_two(reach - 1),
                        1 => sign * power_of_two(reach - 54 + (small as i32) % 3),
                        2 => sign * power_of_two(reach - 200),
                        _ => 0.0,
                    },
                    _ => 0.0,
                }
            };
            let count = window + 900;
            let mut line: Vec<f64> = (0..count)
                .map(|index| {
                    let d = difference(index);
                    let x = centre + d;
                    // Near a centre, many have fewer bits.
                    if case.fits(x) || kind >= 9 && case.reaches(x) { x } else { centre }
                })
                .collect();
            let last = power_of_two(case.last()[0]);
            for _ in 0..spoilt {
                let place = next() as usize % count;
                let limit = power_of_two(reach);
                let other = [
                    f64::NAN,
                    f64::NAN,
                    centre + limit,
                    centre - 2.0 * limit,
                    centre + last / 2.0,
                    5e-324,
                    1e300,
                    f64::INFINITY,
                    centre - limit,
                    centre + limit - step / 2.0,
                    centre - limit - step / 2.0,
                ];
                line[place] = other[(next() % 11) as usize];
            }
            case.line = line;
            case
        },
    )
}

/// The result of a window is right, or left undecided. The sum of a whole window without rough numbers is always
/// decided.
fn is_right(case: &Case, result: f64, range: Range<usize>, options: &Options, rough: bool) -> bool {
    let numbers = &case.line[range];
    let numbers: Vec<f64> = numbers.iter().copied().filter(|x| !x.is_nan()).collect();
    let totals = Totals::of(&numbers);
    let may_be_left = options.statistic != Statistic::Sum || rough;
    result.is_nan() && may_be_left || totals.give(result, options)
}

/// Moves lanes along a line as far as they go.
fn check_lanes<const KIND: u8, const MODE: u8>(case: &Case) -> Result<(), TestCaseError> {
    let [counted, rough_too, coarse] =
        [mode::COUNTED, mode::ROUGH, mode::COARSE].map(|bit| MODE & bit != 0);
    let Case { line, window, centre, .. } = case;
    let (window, moments) = (*window, KIND >= 2);
    let options = Options {
        statistic: STATISTICS[KIND as usize],
        window,
        least: if counted { 1 } else { window },
        ddof: 0,
        format: Format::F64,
    };
    let job = case.job(options.least);
    let last = case.last();
    // (Sums are not centred.)
    if !moments && *centre != 0.0 {
        return Ok(());
    }
    for isa in Isa::available().into_iter().filter(|isa| isa.lanes() > 2) {
        let width = isa.lanes();
        let length = (line.len() - window) / width / 8 * 8;
        let starts: [usize; WIDEST] =
            std::array::from_fn(|lane| window + lane.min(width - 1) * length);
        let mut state = State::new();
        let begin = |end: usize| {
            let numbers = &line[end - window..end];
            match moments {
                true => lanes::begin::<true>(isa, &job, numbers),
                false => lanes::begin::<false>(isa, &job, numbers),
            }
        };
        let mut ready = true;
        for (lane, &start) in starts.iter().enumerate().take(width) {
            let numbers = &line[start - window..start];
            let fit = numbers.iter().all(|&x| x.is_nan() || case.reaches(x));
            let begun = begin(start);
            prop_assert_eq!(begun.is_some(), fit, "{:?} {:?}", isa, numbers);
            ready &= fit && (counted || !numbers.iter().any(|x| x.is_nan()));
            let rough = case.rough(start - window..start);
            ready &= rough_too || rough == 0;
            let all_coarse = numbers.iter().all(|&x| x.is_nan() || case.is_coarse(x));
            ready &= !coarse || all_coarse;
            if let Some(begun) = begun {
                let total = |pair: usize| {
                    (i128::from(begun.steps[2 * pair]) << LEVEL)
                        + i128::from(begun.steps[2 * pair + 1])
                };
                let totals = [total(0), if moments { total(1) } else { 0 }];
                prop_assert!(case.are_sums(totals, start - window..start, moments));
                prop_assert_eq!(begun.count, case.sums(start - window..start).count);
                prop_assert_eq!(begun.rough, rough);
                // A rough number may have no bit that is kept.
                prop_assert_eq!(begun.bits[1] == 0 && rough == 0, all_coarse);
                state.set(lane, &begun, &job);
            }
        }
        let tile = if moments { lanes::KEPT } else { lanes::SETTLED };
        let mut done = 0;
        let mut results = vec![0.0; line.len()];
        while ready && done < length {
            let some = tile.min(length - done);
            let places = starts.map(|start| start + done);
            let (sums, counts, rough) = (state.sums, state.counts, state.rough);
            let [enter, leave] =
                [0, window].map(|back| places.map(|place| &line[place - back..][..some]));
            let outcome = lanes::advance::<KIND, MODE>(
                isa,
                &job,
                [&enter, &leave],
                some,
                &mut state,
                &mut results,
                &places,
            );
            let enter = places[..width].iter().flat_map(|&place| &line[place..place + some]);
            let taken = |x: f64| counted && x.is_nan();
            let failed = enter.clone().any(|&x| !taken(x) && !case.reaches(x));
            prop_assert_eq!(outcome == Outcome::Failed, failed, "{:?}", isa);
            let too_fine = |x: f64| match coarse {
                true => !case.is_coarse(x),
                false => !rough_too && !case.fits(x),
            };
            let left = !failed && enter.into_iter().any(|&x| !taken(x) && too_fine(x));
            prop_assert_eq!(outcome == Outcome::Rough, left, "{:?}", isa);
            if failed || left {
                // Nothing has changed.
                prop_assert_eq!((state.sums, state.counts, state.rough), (sums, counts, rough));
                break;
            }
            done += some;
            for lane in 0..width {
                let end = starts[lane] + done;
                let inside = end - window..end;
                let exact = case.sums(inside.clone());
                let [high, low] = [0, 1].map(|part| state.sums[part][lane]);
                let rough = case.rough(inside.clone());
                let found = scaled(high) + scaled(low);
                if rough == 0 {
                    prop_assert!(found == exact.sum, "{:?} {} {}", isa, high, low);
                }
                prop_assert_eq!(state.rough[lane], rough as u64);
                // It is the same as if the lane began here.
                let anew = begin(end).expect("all are in reach");
                let steps = [0, 1].map(|part| i128::from(anew.steps[part]));
                let sum = IBig::from((steps[0] << LEVEL) + steps[1]);
                prop_assert!(found == sum << (last[0] + 1080) as usize);
                // So the lower sum is exact, whatever is added.
                let steps = (tile as f64 + 0.5) * power_of_two(43);
                prop_assert!(low.abs() <= steps * power_of_two(last[0]));
                if counted {
                    prop_assert_eq!(state.counts[lane], exact.count as u64);
                }
                let first = if rough_too { end - some + 1 } else { end };
                for end in (first..=end).rev().step_by(1 + window / 64) {
                    let inside = end - window..end;
                    prop_assert!(
                        is_right(case, results[end - 1], inside.clone(), &options, rough_too),
                        "{isa:?} {options:?} {end}: {:e} of {:?}",
                        results[end - 1],
                        &line[inside]
                    );
                }
                if !moments {
                    continue;
                }
                let [high, low] = [2, 3].map(|part| state.sums[part][lane]);
                prop_assert!(low.abs() <= steps * power_of_two(last[1]));
                // The sums of squares are the same as if the lane began here.
                let squares = [2, 3].map(|part| i128::from(anew.steps[part]));
                let sum = IBig::from((squares[0] << LEVEL) + squares[1]);
                prop_assert!(scaled(high) + scaled(low) == sum << (last[1] + 1080) as usize);
                for index in [0, some / 2, some - 1] {
                    let end = end - some + index + 1;
                    let totals = state.totals(lane, index, &job.frame);
                    prop_assert!(case.are_sums(totals, end - window..end, true));
                }
                if rough_too {
                    continue;
                }
                // The bits are those of all numbers so far.
                let [first, second] = state.bits;
                let spare = match second {
                    0 => LEVEL as u32 + first.trailing_zeros().min(52),
                    _ => second.trailing_zeros(),
                };
                let unit = power_of_two(last[0] + spare as i32);
                let so_far = line[starts[lane] - window..end].iter().filter(|x| !x.is_nan());
                prop_assert!(so_far.into_iter().all(|x| (x - centre) % unit == 0.0));
            }
        }
    }
    Ok(())
}

/// Forms the prefix sums of a line, and computes some windows from them.
fn check_tiles<const KIND: u8>(case: &Case) -> Result<(), TestCaseError> {
    let Case { line, window, centre, .. } = case;
    let (window, moments, frame) = (*window, KIND >= 2, case.frame());
    if !moments && *centre != 0.0 {
        return Ok(());
    }
    // Numbers out of range enter as 0.
    let count = line.len();
    for isa in Isa::available() {
        let mut streams: [Vec<u64>; STREAMS] = Default::default();
        for sums in streams.iter_mut().take(if moments { STREAMS } else { 2 }) {
            *sums = vec![0; count + 1 + SPARE];
        }
        let mut counts = vec![0; count + 1 + SPARE];
        let mut cleaned = vec![0.0; count];
        let mut bits = [0; 2];
        for start in (0..count).step_by(tile::TILE) {
            let end = count.min(start + tile::TILE);
            let numbers = &line[start..end];
            let taken = &mut cleaned[start..end];
            let outside = tile::clean(isa, numbers, &frame, taken, &mut counts[start..]);
            let inside = |x: f64| (x - centre).abs() <= frame.reach;
            prop_assert_eq!(outside, numbers.iter().any(|&x| !x.is_nan() && !inside(x)));
            for (&x, &taken) in numbers.iter().zip(&*taken) {
                prop_assert_eq!(taken, if inside(x) { x } else { *centre });
            }
            let streams = streams.each_mut().map(|sums| sums.get_mut(start..).unwrap_or_default());
            let absorbed = match moments {
                true => tile::absorb::<true>(isa, taken, &frame, streams),
                false => tile::absorb::<false>(isa, taken, &frame, streams),
            };
            let left = taken.iter().any(|x| case.left(x - centre) != 0.0);
            prop_assert_eq!(absorbed.remainder, left);
            bits = [0, 1].map(|level| bits[level] | absorbed.bits[level]);
        }
        let whole = Case { line: cleaned.clone(), ..case.clone() };
        let kept: Vec<f64> = (cleaned.iter())
            .map(|x| x - centre)
            .map(|d| if moments { d } else { d - tile::remainder(d, &frame) })
            .collect();
        let exact = cleaned.iter().all(|x| case.left(x - centre) == 0.0);
        for start in (0..count - window).step_by(97) {
            let end = start + window;
            let total = |stream: usize| {
                let difference =
                    |sums: &[u64]| i128::from(sums[end].wrapping_sub(sums[start]) as i64);
                (difference(&streams[stream]) << LEVEL) + difference(&streams[stream + 1])
            };
            let present = line[start..end].iter().filter(|x| !x.is_nan()).count();
            prop_assert_eq!(counts[end] - counts[start], present as u64);
            let sum = total(0);
            if exact {
                let totals = [sum, if moments { total(2) } else { 0 }];
                prop_assert!(whole.are_sums(totals, start..end, moments));
            } else if !moments {
                let kept = Totals::of(&kept[start..end]).sum;
                prop_assert!(IBig::from(sum) << (case.last()[0] + 1080) as usize == kept);
            }
        }
        if !exact {
            continue;
        }
        let options = Options {
            statistic: STATISTICS[KIND as usize],
            window,
            least: window,
            ddof: 0,
            format: Format::F64,
        };
        let ends = |start: usize, length: usize| Ends {
            streams: streams.each_ref().map(|sums| match sums.get(start..start + length) {
                Some(sums) => sums,
                None => &[],
            }),
            counts: &counts[start..start + length],
        };
        let (parameters, length) =
            (Parameters { window, least: window as f64, ddof: 0.0 }, count - window);
        let mut results = vec![0.0; length];
        let marked = tile::finish::<super::super::certified::Wide, KIND, false>(
            isa,
            parameters,
            &frame,
            ends(window, length),
            ends(0, length),
            &mut results,
        );
        prop_assert!(marked || !results.iter().any(|x| x.is_nan()));
        for start in (0..length).step_by(31) {
            prop_assert!(
                is_right(&whole, results[start], start..start + window, &options, false),
                "{isa:?} {options:?} {start}: {:e} of {:?}",
                results[start],
                &cleaned[start..start + window]
            );
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn lanes_have_those_of_their_windows(case in cases(1..120, 0..3), kind in 0..8) {
        match kind {
            0 => check_lanes::<0, 0>(&case)?,
            1 => check_lanes::<1, 0>(&case)?,
            2 => check_lanes::<2, 0>(&case)?,
            3 => check_lanes::<3, 0>(&case)?,
            4 => check_lanes::<0, { mode::COUNTED }>(&case)?,
            5 => check_lanes::<1, { mode::COUNTED }>(&case)?,
            6 => check_lanes::<2, { mode::COUNTED }>(&case)?,
            _ => check_lanes::<3, { mode::COUNTED }>(&case)?,
        }
    }

    #[test]
    fn and_lanes_of_coarse_numbers(case in cases(1..120, 0..3), coarse in 0..3, kind in 0..2) {
        let mut case = case;
        let step = power_of_two(case.frame().first - 52);
        let few = |index: usize| if coarse == 0 { index % 400 != 399 } else { true };
        for (index, x) in case.line.iter_mut().enumerate() {
            if x.is_finite() && few(index) {
                *x -= *x % step;
            }
        }
        match kind {
            0 => check_lanes::<0, { mode::COARSE }>(&case)?,
            _ => check_lanes::<1, { mode::COARSE }>(&case)?,
        }
        let Case { line, window, .. } = &case;
        for numbers in line.chunks_exact(8 * (1 + window % 8)).filter(|_| case.centre == 0.0) {
            let right = numbers.iter().all(|x| x % step == 0.0);
            let job = case.job(*window);
            for isa in Isa::available() {
                prop_assert!(lanes::is_coarse(isa, &job, numbers) == right || numbers.iter().any(|&x| !case.reaches(x)));
            }
        }
    }

    #[test]
    fn lanes_with_rough_numbers_too(case in cases(1..120, 0..3), kind in 0..8) {
        match kind {
            0 => check_lanes::<0, { mode::ROUGH }>(&case)?,
            1 => check_lanes::<1, { mode::ROUGH }>(&case)?,
            2 => check_lanes::<2, { mode::ROUGH }>(&case)?,
            3 => check_lanes::<3, { mode::ROUGH }>(&case)?,
            4 => check_lanes::<0, { mode::COUNTED | mode::ROUGH }>(&case)?,
            5 => check_lanes::<1, { mode::COUNTED | mode::ROUGH }>(&case)?,
            6 => check_lanes::<2, { mode::COUNTED | mode::ROUGH }>(&case)?,
            _ => check_lanes::<3, { mode::COUNTED | mode::ROUGH }>(&case)?,
        }
    }

    #[test]
    fn so_have_prefix_sums(case in cases(1..120, 0..3), kind in 0..4) {
        match kind {
            0 => check_tiles::<0>(&case)?,
            1 => check_tiles::<1>(&case)?,
            2 => check_tiles::<2>(&case)?,
            _ => check_tiles::<3>(&case)?,
        }
    }

    #[test]
    fn and_outliers(seed in any::<u64>(), moments in any::<bool>(), far in any::<bool>()) {
        let centre = if moments && far { 1e9 } else { 0.0 };
        let frame = Frame { first: 20, squares: 20, reach: 1.0, centre };
        let mut next = pseudo_random(seed);
        let mut held = Held::default();
        let mut inside: Vec<Outlier> = Vec::new();
        for _ in 0..300 {
            if !inside.is_empty() && next().is_multiple_of(2) {
                let place = next() as usize % inside.len();
                held.leave(inside.swap_remove(place), &frame, moments);
            } else {
                let size = [0, 40, 300, -200, 55][(next() % 5) as usize] + (next() % 8) as i32;
                let x = (next() as i64 >> 10) as f64 * power_of_two(size - 53);
                let mut outlier = Outlier::new(0, x, next().is_multiple_of(2));
                outlier.near = held.enter(outlier, &frame, moments);
                inside.push(outlier);
            }
            // The centre is subtracted from numbers that are taken whole. Others enter as what the levels leave of
            // them; their squares are counted elsewhere.
            let (mut sum, mut squares) = (IBig::ZERO, IBig::ZERO);
            for outlier in &inside {
                let difference = scaled(outlier.value) - if outlier.whole && moments { scaled(centre) } else { IBig::ZERO };
                if outlier.whole {
                    squares += difference.sqr();
                }
                sum += difference;
            }
            let [[high, low], [square_high, square_low]] = held.pairs(moments);
            let near = |high: f64, low: f64, exact: IBig, unit: usize| {
                let rest = exact - (scaled(high) << (unit - 1080));
                let ulp = |x: f64| scaled(x.abs().next_up()) - scaled(x.abs());
                let by = &rest - (scaled(low) << (unit - 1080));
                // Each is the nearest number.
                let off = |by: &IBig| if *by < IBig::ZERO { -by } else { by.clone() };
                off(&rest) * 2 <= ulp(high) << (unit - 1080)
                    && (off(&by) * 2 <= ulp(low) << (unit - 1080))
            };
            prop_assert!(near(high, low, sum, 1080), "{high:e} {low:e}");
            if moments {
                prop_assert!(near(square_high, square_low, squares, 2160));
            }
        }
    }
}

/// The lower sums of windows up to the longest that needs no carry, and beyond, where everything added to them has
/// the same sign and the largest possible size.
#[test]
fn lower_sums_at_their_largest() {
    for window in [255, 256, 257, 300, 511, 512, 513, 700, 1024, 1025, 2048] {
        let mut case = Case { line: Vec::new(), window, reach: 0, centre: 0.0 };
        let step = power_of_two(case.frame().first - 52);
        let rest = step / 2.0 - power_of_two(case.last()[0]);
        let sign = |index: usize| [1.0, -1.0][index / (2 * window) % 2];
        case.line = (0..3 * window + 3000).map(|index| sign(index) * (3.0 * step + rest)).collect();
        check_tiles::<0>(&case).expect("sums are right");
        check_tiles::<1>(&case).expect("means are right");
        check_lanes::<0, 0>(&case).expect("sums of lanes are right");
        check_lanes::<1, 0>(&case).expect("means of lanes are right");
    }
}

/// Rough numbers leave few results undecided: the lanes reach the end.
#[test]
fn rough_numbers_do_not_end_lanes() {
    let mut next = pseudo_random(6);
    // No multiples of one number, since their sums may lie halfway.
    let mut line: Vec<f64> =
        (0..6000).map(|_| (next() as i64 >> 11) as f64 * power_of_two(-52) / 3.0).collect();
    for (place, x) in [(700, 1e-30), (2500, 5e-324), (2501, -1e-12), (5999, 1e-18)] {
        line[place] = x;
    }
    for isa in Isa::available().into_iter().filter(|isa| isa.lanes() > 2) {
        for statistic in STATISTICS {
            for format in [Format::F64, Format::F32] {
                for window in [20, 1000, 3000] {
                    let options = Options { statistic, window, least: window, ddof: 0, format };
                    let mut stretches = Stretches::new(isa, options).expect("lanes serve these");
                    let outputs = window - 1..line.len();
                    let mut results = vec![0.0; outputs.len()];
                    let left = stretches.run(
                        Numbers::F64(&line),
                        outputs.clone(),
                        &mut Out::F64(&mut results),
                    );
                    assert!(left.is_empty(), "{isa:?} {options:?} {left:?}");
                    for index in outputs.clone().step_by(7) {
                        let totals = Totals::of(&line[index + 1 - window..=index]);
                        assert!(totals.give(results[index - outputs.start], &options));
                    }
                }
            }
        }
    }
}

/// So many of the largest numbers, close together, that their sum exceeds 128 bits.
#[test]
fn many_outliers() {
    let frame = Frame { first: 20, squares: 20, reach: 1.0, centre: 0.0 };
    let (mut held, mut entered) = (Held::default(), Vec::new());
    let x = power_of_two(101) - power_of_two(48);
    let mut exact = IBig::ZERO;
    for index in 0..40_000 {
        let x = if index == 0 { power_of_two(70) } else { x };
        let mut outlier = Outlier::new(0, x, true);
        outlier.near = held.enter(outlier, &frame, false);
        entered.push(outlier);
        exact += scaled(x);
        if index % 4096 == 0 {
            let [[high, low], _] = held.pairs(false);
            assert!(scaled(high) + scaled(low) == exact, "{index}");
        }
    }
    entered.into_iter().for_each(|outlier| held.leave(outlier, &frame, false));
    assert_eq!(held.pairs(false)[0], [0.0, 0.0]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, ..ProptestConfig::default() })]

    /// The lower sums of long windows are moved to the upper ones.
    #[test]
    fn of_long_windows_too(case in cases(1000..9000, 0..2), kind in 0..9) {
        match kind {
            0 => check_lanes::<0, 0>(&case)?,
            1 => check_lanes::<1, { mode::COUNTED }>(&case)?,
            2 => check_lanes::<2, 0>(&case)?,
            6 => check_lanes::<0, { mode::ROUGH }>(&case)?,
            7 => check_lanes::<1, { mode::COUNTED | mode::ROUGH }>(&case)?,
            8 => check_lanes::<2, { mode::ROUGH }>(&case)?,
            3 => check_tiles::<0>(&case)?,
            4 => check_tiles::<1>(&case)?,
            _ => check_tiles::<2>(&case)?,
        }
    }
}
