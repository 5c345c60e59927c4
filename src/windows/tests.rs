//! Windows against big integers: each result is the number nearest to the exact value, which is compared
//! with the points halfway to the result's neighbours. `sums` examines what the kernels keep.

mod plain;
mod sums;

use std::cmp::Ordering;

use dashu_int::IBig;
use proptest::prelude::*;

use super::bounds::Bounds;
use super::line::Engine;
use super::source::{Numbers, Out};
use super::{Options, Statistic, WindowRequest, Windows, half_bits, move_windows};
use crate::array::view::{View, ViewMut};
use crate::cpu::Isa;
use crate::exact::round::Format;
use crate::interrupt::Interrupt;
use crate::testing::pseudo_random;
use crate::threads;

const STATISTICS: [Statistic; 4] =
    [Statistic::Sum, Statistic::Mean, Statistic::Var, Statistic::Std];

/// The integer `x * 2^1080`, for any number and any point halfway between two.
fn scaled(x: f64) -> IBig {
    let (significand, exponent) = crate::binary64::decompose(x);
    let magnitude = IBig::from(significand) << (exponent + 1080) as usize;
    if x.is_sign_negative() { -magnitude } else { magnitude }
}

/// The exact sums of some numbers that are not NaN.
#[derive(Debug, Clone, Default)]
struct Totals {
    count: usize,
    /// How many are infinity, and how many are minus infinity.
    infinite: [usize; 2],
    /// The sum of the finite ones, in units of 2^-1080.
    sum: IBig,
    /// The sum of their squares, in units of 2^-2160.
    squares: IBig,
}

impl Totals {
    fn of(numbers: &[f64]) -> Totals {
        let mut totals = Totals::default();
        numbers.iter().for_each(|&x| totals.add(x));
        totals
    }

    /// The sums of the first elements of a line, from none up to all.
    fn of_prefixes(line: &[f64]) -> Vec<Totals> {
        let mut totals = Totals::default();
        let after = line.iter().map(|&x| {
            totals.add(x);
            totals.clone()
        });
        std::iter::once(Totals::default()).chain(after).collect()
    }

    fn add(&mut self, x: f64) {
        self.count += usize::from(!x.is_nan());
        self.infinite[0] += usize::from(x == f64::INFINITY);
        self.infinite[1] += usize::from(x == f64::NEG_INFINITY);
        if x.is_finite() {
            let x = scaled(x);
            self.squares += x.sqr();
            self.sum += x;
        }
    }

    /// The sums of the elements from one position up to, but not including, another.
    fn between(prefixes: &[Totals], start: usize, end: usize) -> Totals {
        let (before, after) = (&prefixes[start], &prefixes[end]);
        Totals {
            count: after.count - before.count,
            infinite: [0, 1].map(|sign| after.infinite[sign] - before.infinite[sign]),
            sum: &after.sum - &before.sum,
            squares: &after.squares - &before.squares,
        }
    }

    /// Compares the sum of two neighbours, which is twice the point halfway between them, with twice the exact
    /// value.
    fn compare(&self, twice: &IBig, statistic: Statistic, ddof: i64) -> Ordering {
        let Totals { sum, squares, .. } = self;
        let n = IBig::from(self.count);
        match statistic {
            Statistic::Sum => twice.cmp(&(sum * 2)),
            Statistic::Mean => (twice * n).cmp(&(sum * 2)),
            Statistic::Var | Statistic::Std => {
                let numerator = &n * squares - sum * sum;
                let divisor = &n * (&n - IBig::from(ddof));
                if statistic == Statistic::Var {
                    // The numerator is in units of 2^-2160.
                    ((twice << 1080) * divisor).cmp(&(numerator * 2))
                } else if *twice < IBig::ZERO {
                    Ordering::Less
                } else {
                    (twice * twice * divisor).cmp(&(numerator * 4))
                }
            }
        }
    }

    /// Whether a result is the number of its format nearest to the exact value, the even one in a tie, or NaN if
    /// there is no value.
    fn give(&self, result: f64, options: &Options) -> bool {
        let Options { statistic, ddof, format, .. } = *options;
        let moment = matches!(statistic, Statistic::Var | Statistic::Std);
        if !options.is_enough(self.count) || moment && self.infinite != [0; 2] {
            return result.is_nan();
        }
        match self.infinite {
            [0, 0] => {}
            [_, 0] => return result == f64::INFINITY,
            [0, _] => return result == f64::NEG_INFINITY,
            _ => return result.is_nan(),
        }
        if result.is_nan() {
            return false;
        }
        let bits = match format {
            Format::F64 => result.to_bits(),
            // Results for binary32 are still to be rounded to it.
            Format::F32 => (result as f32).to_bits().into(),
            _ => half_bits(result).into(),
        };
        let magnitude = (bits & !format.sign_bit()) as i64;
        let place = if bits & format.sign_bit() == 0 { magnitude } else { -magnitude };
        // The number at a position in the order of all numbers; infinity as if there were more exponents.
        let number = |place: i64| {
            let magnitude = place.unsigned_abs();
            let number = if magnitude < format.infinity() {
                scaled(format.number(magnitude))
            } else {
                scaled(format.number(magnitude - 1)) * 2 - scaled(format.number(magnitude - 2))
            };
            if place < 0 { -number } else { number }
        };
        let even = magnitude % 2 == 0;
        let beyond = |side: i64, order: Ordering| {
            let neighbour = place + side;
            if neighbour.unsigned_abs() > format.infinity() {
                return true;
            }
            let found = self.compare(&(number(place) + number(neighbour)), statistic, ddof);
            found == order || even && found == Ordering::Equal
        };
        beyond(-1, Ordering::Less) && beyond(1, Ordering::Greater)
    }
}

/// Numbers of one kind: with few bits or many, close together or of many magnitudes, or such that cancel.
fn numbers(kind: usize, count: usize, seed: u64) -> Vec<f64> {
    let mut next = pseudo_random(seed);
    let mut fraction = move || (next() as i64 >> 11) as f64 * 2f64.powi(-52);
    let mut next = pseudo_random(!seed);
    let mut below = move |limit: u64| (next() % limit) as i32;
    let mut number = |index: usize| match kind {
        0 => fraction(),
        1 => 1e9 + fraction(),
        2 => f64::from(below(100) - 50) / 10.0,
        3 => f64::from(below(19) - 9),
        4 => 1e9 + f64::from(below(40)) / 8.0,
        5 => fraction() * 2f64.powi(below(80) - 40),
        6 => fraction() * 2f64.powi(below(2000) - 1000),
        7 => f64::from(below(200) - 100) * 5e-324,
        8 => fraction() * 1e-300,
        9 => 0.1,
        10 => f64::from(below(2)) * -0.0,
        11 => fraction() * 1e290,
        // Each number with many bits twice, and then its negative.
        12 => {
            let mut next = pseudo_random(seed ^ (index / 4) as u64);
            let x = (next() >> 10) as f64 * 2f64.powi((next() % 60) as i32 - 30);
            if index % 4 < 2 { x } else { -x }
        }
        // Points halfway between two numbers, exactly or nearly, beside spikes.
        13 => match below(20) {
            0 => 2f64.powi(60),
            1 => 128.0,
            2 => -128.0,
            3 => 2f64.powi(-70),
            4 => -2f64.powi(-70),
            _ => 0.0,
        },
        // With more and more bits.
        14 => f64::from(below(19) - 9) * 2f64.powi(6 - (index / 37 % 12) as i32),
        // Values that two roundings, to narrower and narrower formats, might get wrong.
        15 => match below(9) {
            0 => 1.0,
            1 => -2f64.powi(-11),
            2 => 2f64.powi(-24),
            3 => 2f64.powi(-54) * f64::from(below(3) - 1),
            4 => 2f64.powi(-25),
            _ => 0.0,
        },
        // Numbers whose squares have rests near the smallest numbers, beside larger ones.
        16 => f64::from(below(99) - 50) * 2f64.powi(-400 - below(60)),
        // Windows that are nearly constant.
        17 => {
            let mut next = pseudo_random(seed ^ (index / 70) as u64);
            let level = (next() >> 11) as f64 * 2f64.powi(-53);
            level + fraction() * 2f64.powi(-10 - (next() % 16) as i32)
        }
        // With fewer and fewer bits.
        18 => f64::from(below(19) - 9) * 2f64.powi((index / 37 % 12) as i32 - 6),
        19 => 1000.0 + 20.0 * fraction(),
        20 => {
            if below(50) == 0 {
                300.0 + fraction()
            } else {
                fraction()
            }
        }
        // Near the smallest binary32 numbers, and halfway between these.
        21 => {
            f64::from(below(40) - 20) * 2f64.powi(-151) + f64::from(below(3) - 1) * 2f64.powi(-210)
        }
        22 => f64::from(index as u32 / 40 * 7 % 5) / 10.0,
        // Huge and tiny ones alternate.
        _ => [1e16, fraction() * 1e-8, -1e16, 1.0][index % 4],
    };
    (0..count).map(&mut number).collect()
}

const KINDS: usize = 24;
/// What some numbers are replaced with.
const SPOILS: [f64; 11] = [
    f64::NAN,
    1e16,
    -1e30,
    0.0,
    1e-9,
    5e-324,
    1e300,
    -1e300,
    f64::INFINITY,
    f64::NEG_INFINITY,
    -1e-40,
];

/// Lines of numbers of one kind, or of several kinds one after another, some of them replaced.
fn line(counts: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    let piece = (0..KINDS, any::<u64>());
    let pieces = prop_oneof![3 => prop::collection::vec(piece.clone(), 1), 1 => prop::collection::vec(piece, 2..5)];
    // A few of any kind, or of one kind.
    let spoils = prop_oneof![
        Just(0..0),
        Just(0..SPOILS.len()),
        (0..SPOILS.len()).prop_map(|other| other..other + 1),
        Just(0..1),
    ];
    (counts, pieces, spoils, 0..9usize).prop_flat_map(|(count, pieces, spoils, spoilt)| {
        let share = count.div_ceil(pieces.len());
        let line: Vec<f64> =
            pieces.iter().flat_map(|&(kind, seed)| numbers(kind, share, seed)).collect();
        let spoilt = if spoils.is_empty() { 0 } else { spoilt };
        let others = if spoils.is_empty() { 0..1 } else { spoils };
        prop::collection::vec((0..count, others), spoilt).prop_map(move |spoils| {
            let mut line = line[..count].to_vec();
            for (place, other) in spoils {
                line[place] = SPOILS[other];
            }
            line
        })
    })
}

/// The possible options for windows of a length.
fn options(window: usize) -> impl Strategy<Value = Options> {
    let formats =
        prop_oneof![3 => Just(Format::F64), 1 => Just(Format::F32), 1 => Just(Format::F16)];
    let least = prop_oneof![Just(window), Just(1), 1..=window];
    (0..4usize, least, prop_oneof![5 => 0..3i64, 1 => 3..9i64], formats).prop_map(
        move |(kind, least, ddof, format)| Options {
            statistic: STATISTICS[kind],
            window,
            least,
            ddof,
            format,
        },
    )
}

/// Lines with options for their windows, which may be as long as the line.
fn cases(counts: std::ops::Range<usize>) -> impl Strategy<Value = (Vec<f64>, Options)> {
    line(counts).prop_flat_map(|line| {
        let count = line.len();
        let window = prop_oneof![6 => 1..120usize.min(count), 1 => 1..5usize, 1 => 1..count, 1 => Just(count)];
        (Just(line), window.prop_flat_map(options))
    })
}

/// Checks all results of a line, with an engine that was used for the reversed line before.
fn check_line(line: &[f64], options: Options) -> Result<(), TestCaseError> {
    let prefixes = Totals::of_prefixes(line);
    let reversed: Vec<f64> = line.iter().rev().copied().collect();
    for isa in Isa::available() {
        let mut results = vec![0.0; line.len()];
        let mut engine = Engine::new(isa, options);
        engine.run(Numbers::F64(&reversed), 0..line.len(), None, &Interrupt::default(), |_, _| ());
        let (numbers, out) = (Numbers::F64(line), Some(Out::F64(&mut results)));
        engine.run(numbers, 0..line.len(), out, &Interrupt::default(), |_, _| ());
        for (index, &result) in results.iter().enumerate() {
            let start = (index + 1).saturating_sub(options.window);
            prop_assert!(
                Totals::between(&prefixes, start, index + 1).give(result, &options),
                "{isa:?} {options:?} at {index}: {result:e} of {:?}",
                &line[start..=index]
            );
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn results_are_the_nearest_numbers((line, options) in cases(300..900)) {
        check_line(&line, options)?;
    }

    #[test]
    fn and_those_by_indices(
        (line, options) in cases(300..900),
        seed in any::<u64>(),
        rising in any::<bool>(),
    ) {
        let count = line.len();
        let mut next = pseudo_random(seed);
        let mut ends: Vec<usize> = (0..count).map(|_| next() as usize % (count + 1)).collect();
        if rising {
            ends.sort_unstable();
        }
        let bounds: Vec<[usize; 2]> = (ends.into_iter())
            .map(|end| [end.saturating_sub(next() as usize % options.window + 1), end])
            .collect();
        let [starts, ends] =
            [0, 1].map(|side| bounds.iter().map(|pair| pair[side] as i64).collect::<Vec<_>>());
        let prefixes = Totals::of_prefixes(&line);
        for isa in Isa::available() {
            let mut results = vec![0.0; count];
            let mut engine = Engine::new(isa, options);
            let of = Bounds::new(&starts, &ends);
            engine.run_bounds(&line, of, Some(&mut results), &Interrupt::default(), |_, _| ());
            for (&[start, end], &result) in bounds.iter().zip(&results) {
                prop_assert!(
                    Totals::between(&prefixes, start, end).give(result, &options),
                    "{isa:?} {options:?} {start}..{end}: {result:e} of {:?}",
                    &line[start..end]
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    /// Lines of several blocks.
    #[test]
    fn and_those_of_long_lines((line, options) in cases(5000..9000)) {
        check_line(&line, options)?;
    }
}

/// A line is divided among threads; each part begins with the window before it.
#[test]
fn threads_share_a_line() {
    let pieces = [0, 13, 2, 1, 17, 5, 9].map(|kind| numbers(kind, 45_000, kind as u64));
    let mut line = pieces.concat();
    for (place, other) in (20..line.len()).step_by(3001).zip(SPOILS.iter().cycle()) {
        line[place] = *other;
    }
    for statistic in STATISTICS {
        for (window, least) in [(1, 1), (90, 1), (90, 90), (6000, 100)] {
            let request = WindowRequest {
                statistic,
                windows: Windows::Fixed(window),
                least,
                ddof: 0,
                lowest_is_missing: false,
            };
            let move_all = || {
                let mut results = vec![0.0; line.len()];
                move_windows(&View::of(&line), None, ViewMut::of(&mut results), 0, &request);
                results
            };
            let alone = threads::serially(move_all);
            for count in [2, 3, 7] {
                let before = threads::set(count).expect("a number of threads");
                let together = move_all();
                threads::set(before).expect("a number of threads");
                assert!(same_bits(&alone, &together), "{request:?} by {count}");
            }
            let format = Format::F64;
            let options = Options { statistic, window, least, ddof: 0, format };
            for index in (line.len() / 28 * 3..line.len()).step_by(9973) {
                let inside = &line[(index + 1).saturating_sub(window)..=index];
                assert!(Totals::of(inside).give(alone[index], &options), "{request:?} {index}");
            }
        }
    }
}

/// All NaNs have the same bits here.
fn same_bits(some: &[f64], others: &[f64]) -> bool {
    let same = |(x, y): (&f64, &f64)| x.to_bits() == y.to_bits() || x.is_nan() && y.is_nan();
    some.len() == others.len() && some.iter().zip(others).all(same)
}

/// Kinds of numbers with replacements and options, each of which needs one particular step of the algorithm.
#[derive(Debug)]
struct Difficulty {
    kinds: &'static [usize],
    statistics: &'static [Statistic],
    formats: &'static [Format],
    spoils: &'static [f64],
}

const DIFFICULTIES: [Difficulty; 6] = [
    // Double rounding, to binary64 and then to a narrower format.
    Difficulty {
        kinds: &[15, 21],
        statistics: &STATISTICS,
        formats: &[Format::F32, Format::F16],
        spoils: &[],
    },
    // The second term of a root's expansion.
    Difficulty {
        kinds: &[17],
        statistics: &[Statistic::Std],
        formats: &[Format::F64],
        spoils: &[],
    },
    // Differences from a centre that are not exact.
    Difficulty {
        kinds: &[19],
        statistics: &[Statistic::Var, Statistic::Std],
        formats: &[Format::F64],
        spoils: &[1e-9, 5e-324, -1e-40],
    },
    // Ties that integers decide: the numbers' common power of two, and the number of missing ones.
    Difficulty {
        kinds: &[14, 18, 2, 3, 22],
        statistics: &[Statistic::Mean, Statistic::Var, Statistic::Std],
        formats: &[Format::F64],
        spoils: &[f64::NAN],
    },
    // The rounded rests of outliers.
    Difficulty {
        kinds: &[13],
        statistics: &[Statistic::Sum, Statistic::Mean],
        formats: &[Format::F64],
        spoils: &[],
    },
    // Numbers that are all equal, or nearly all.
    Difficulty {
        kinds: &[9, 22],
        statistics: &[Statistic::Var, Statistic::Std],
        formats: &[Format::F64],
        spoils: &[f64::NAN, 0.3],
    },
];

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 2, ..ProptestConfig::default() })]

    /// Lines of more than one block.
    #[test]
    fn and_those_of_each_difficulty(
        which in 0..DIFFICULTIES.len(),
        seed in any::<u64>(),
        window in 1..120usize,
        all in any::<bool>(),
        spoilt in 0..40usize,
    ) {
        let Difficulty { kinds, statistics, formats, spoils } = DIFFICULTIES[which];
        let mut next = pseudo_random(seed);
        let mut below = move |limit: usize| next() as usize % limit;
        let mut line = numbers(kinds[below(kinds.len())], 5000, seed);
        for _ in 0..if spoils.is_empty() { 0 } else { spoilt } {
            line[below(5000)] = spoils[below(spoils.len())];
        }
        let options = Options {
            statistic: statistics[below(statistics.len())],
            window,
            least: if all { window } else { 1 },
            ddof: below(2) as i64,
            format: formats[below(formats.len())],
        };
        check_line(&line, options)?;
    }
}

/// Numbers whose squares are all rounded in the same direction, each by almost half a step of the given size, and
/// a few others. Each number comes with its negative. Their variance, or its root, lies `beyond` units of the
/// sum of squares below the point halfway between two numbers (above it if `beyond` is negative), so the
/// rounded squares would put it on the other side. Numbers and results have this many bits.
fn squares_beside_a_midpoint(
    bits: u32,
    root: bool,
    step: u32,
    beyond: i128,
    seed: u64,
) -> Vec<f64> {
    const PAIRS: usize = 128;
    let mut next = pseudo_random(seed);
    let step = 1u128 << step;
    let rest =
        if beyond > 0 { step / 2..step / 2 + step / 64 } else { step / 2 - step / 64..step / 2 };
    let square = |x: u64| u128::from(x) * u128::from(x);
    let mut numbers: Vec<u64> = std::iter::repeat_with(|| next() >> (65 - bits) | 1 << (bits - 1))
        .filter(|&x| rest.contains(&(square(x) % step)))
        .take(PAIRS - 12)
        .collect();
    let sum: u128 = numbers.iter().map(|&x| square(x)).sum();
    let about = sum + (1 << (2 * bits - 1));
    let halfway = if root {
        // Twice the root of the sum over the pairs should be an odd number of one bit more.
        let twice = ((about * 4 / PAIRS as u128).isqrt() | 1 << bits) | 1;
        PAIRS as u128 * (twice * twice) / 4
    } else {
        let unit = 128 - about.leading_zeros() - bits;
        (about >> unit << unit) + (1 << (unit - 1))
    };
    let mut left = halfway.wrapping_sub(beyond as u128) - sum;
    while numbers.len() < PAIRS {
        let x = left.isqrt();
        left -= x * x;
        numbers.push(x as u64);
    }
    assert_eq!(left, 0);
    numbers.into_iter().flat_map(|x| [x as f64, -(x as f64)]).collect()
}

/// The rounding errors of squares are bounded, and results that they might change are left undecided.
#[test]
fn what_squares_lose_is_in_doubt() {
    for statistic in [Statistic::Var, Statistic::Std] {
        for step in 18..27 {
            for part in [1, 8, 40, 120] {
                for sign in [1, -1] {
                    let beyond = sign * (part << step) / 3 + sign;
                    let root = statistic == Statistic::Std;
                    let line: Vec<f64> = (0..5)
                        .flat_map(|seed| squares_beside_a_midpoint(53, root, step, beyond, seed))
                        .collect();
                    let options = Options {
                        statistic,
                        window: 256,
                        least: 256,
                        ddof: 0,
                        format: Format::F64,
                    };
                    for isa in Isa::available() {
                        for least in [256, 1] {
                            let options = Options { least, ..options };
                            let mut results = vec![0.0; line.len()];
                            let mut engine = Engine::new(isa, options);
                            let interrupt = &Interrupt::default();
                            engine.run(
                                Numbers::F64(&line),
                                0..line.len(),
                                Some(Out::F64(&mut results)),
                                interrupt,
                                |_, _| (),
                            );
                            for end in (256..=line.len()).step_by(256) {
                                let totals = Totals::of(&line[end - 256..end]);
                                assert!(
                                    totals.give(results[end - 1], &options),
                                    "{isa:?} {statistic:?} {step} {beyond}"
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Numbers that are widened on the way have the results of wide ones.
#[test]
fn numbers_of_other_types() {
    let interrupt = &Interrupt::default();
    for (seed, (window, least)) in [(7, 7), (100, 1), (700, 700), (2, 1)].into_iter().enumerate() {
        for statistic in STATISTICS {
            for (isa, kind) in
                Isa::available().into_iter().flat_map(|isa| (0..KINDS).map(move |k| (isa, k)))
            {
                let mut singles: Vec<f32> =
                    numbers(kind, 3001, seed as u64).into_iter().map(|x| x as f32).collect();
                if kind % 3 == 1 {
                    (singles[1000], singles[2100]) = (f32::NAN, f32::INFINITY);
                }
                let wide: Vec<f64> = singles.iter().map(|&x| x.into()).collect();
                let options = Options { statistic, window, least, ddof: 0, format: Format::F32 };
                let mut expected = vec![0.0; wide.len()];
                let out = Some(Out::F64(&mut expected));
                let mut engine = Engine::new(isa, options);
                assert!(engine.run(Numbers::F64(&wide), 0..3001, out, interrupt, |_, _| ()));
                let mut results = vec![0f32; singles.len()];
                let out = Some(Out::F32(&mut results));
                assert!(engine.run(Numbers::F32(&singles), 0..3001, out, interrupt, |_, _| ()));
                for (index, (&result, &right)) in results.iter().zip(&expected).enumerate() {
                    let right = right as f32;
                    let same =
                        result.to_bits() == right.to_bits() || result.is_nan() && right.is_nan();
                    assert!(same, "{isa:?} {options:?} {kind} {index}: {result:e} {right:e}");
                }
            }
            let mut next = pseudo_random(seed as u64);
            let words: Vec<i64> = (0..3001).map(|_| (next() >> 50) as i64 - (1 << 13)).collect();
            let wide: Vec<f64> = words.iter().map(|&x| x as f64).collect();
            let options = Options { statistic, window, least, ddof: 0, format: Format::F64 };
            for isa in Isa::available() {
                let mut engine = Engine::new(isa, options);
                let mut expected = vec![0.0; words.len()];
                let out = Some(Out::F64(&mut expected));
                engine.run(Numbers::F64(&wide), 0..3001, out, interrupt, |_, _| ());
                let mut results = vec![0.0; words.len()];
                let out = Some(Out::F64(&mut results));
                assert!(engine.run(Numbers::I64(&words), 0..3001, out, interrupt, |_, _| ()));
                assert!(same_bits(&results, &expected), "{isa:?} {options:?}");
                for place in [0, 800, 1601, 3000] {
                    let mut words = words.clone();
                    words[place] = -(1 << 51) - 1;
                    let out = Some(Out::F64(&mut results));
                    let fit = engine.run(Numbers::I64(&words), 0..3001, out, interrupt, |_, _| ());
                    assert!(!fit, "{isa:?} {options:?} {place}");
                }
            }
        }
    }
}

/// Variances of multiples of one number are often halfway between two; not those of windows with a finer
/// number, which the sample does not show.
#[test]
fn variances_that_are_halfway() {
    for window in [2, 3, 4, 6, 16, 31, 64] {
        let mut next = pseudo_random(window as u64);
        for (ddof, finer, gap) in [(0, 0, 0), (0, 1, 0), (1, 0, 7), (1, 1, 7), (0, 5, 0)] {
            let unit = 2f64.powi(-20);
            let mut line: Vec<f64> =
                (0..2500).map(|_| 2f64.powi(20) + (next() % 64) as f64 * unit).collect();
            for place in 0..finer {
                line[1203 + 131 * place] += unit * 2f64.powi(-(1 + 5 * place as i32 % 12));
            }
            for place in 0..gap {
                line[501 + 200 * place] = f64::NAN;
            }
            if gap > 0 {
                // Windows with fewer elements than are needed, too.
                line[700..720].fill(f64::NAN);
            }
            let least = if gap == 0 { window } else { window.min(3) };
            let (statistic, format) = (Statistic::Var, Format::F64);
            let options = Options { statistic, window, least, ddof, format };
            check_line(&line, options).expect("variances are right");
        }
    }
}

/// Means that lie halfway between two numbers, exactly or very nearly.
#[test]
fn means_that_are_halfway() {
    for window in (1..300usize).chain([1000, 2047]) {
        let mut next = pseudo_random(window as u64);
        let mut number = || (next() >> 12 | 1 << 52) as i64;
        let mut whole: Vec<i64> = (0..window.saturating_sub(2)).map(|_| number()).collect();
        if window > 1 {
            // A number from 2^51 to 2^52, whose last bit is one half, makes the sum an odd multiple of one half.
            let sum: i128 = whole.iter().map(|&x| i128::from(x)).sum();
            let count = window as i128;
            let half = ((sum + (3 << 50)) / count) | 1 << 51;
            whole.push((half * count - sum) as i64);
        }
        let more = window % 2 == 1;
        for beyond in [0.0, 2f64.powi(-20), -2f64.powi(-30)] {
            let mut line: Vec<f64> = whole.iter().map(|&x| x as f64).collect();
            if let Some(last) = line.last_mut() {
                *last += 0.5 * f64::from(u8::from(more));
            }
            line.push(beyond);
            let line: Vec<f64> = line.iter().cycle().take(window + 600).copied().collect();
            for least in [window, 1] {
                let (statistic, format) = (Statistic::Mean, Format::F64);
                let options = Options { statistic, window, least, ddof: 0, format };
                check_line(&line, options).expect("means are right");
            }
        }
    }
}

/// The oracle refuses the neighbours of the right result.
#[test]
fn neighbours_are_not_nearest() {
    let numbers = [1.0, 2.0, 4.5, -0.7];
    let totals = Totals::of(&numbers);
    for statistic in STATISTICS {
        for format in [Format::F64, Format::F32, Format::F16] {
            let options = Options { statistic, window: 4, least: 4, ddof: 0, format };
            let mut results = [0.0; 4];
            let mut engine = Engine::new(Isa::BASELINE, options);
            let (line, out) = (Numbers::F64(&numbers), Some(Out::F64(&mut results)));
            engine.run(line, 0..4, out, &Interrupt::default(), |_, _| ());
            let right = results[3];
            let step = right * 2f64.powi(if format == Format::F64 { -52 } else { -10 });
            assert!(totals.give(right, &options));
            assert!(!totals.give(right + step, &options) && !totals.give(right - step, &options));
            assert!(!totals.give(f64::NAN, &options) && !totals.give(f64::INFINITY, &options));
        }
    }
}

/// Checks results of a line from a new engine, and from one that computed another line before.
fn check_after(before: &[f64], line: &[f64], options: Options) {
    let prefixes = Totals::of_prefixes(line);
    for isa in Isa::available() {
        for earlier in [&[][..], before] {
            let mut engine = Engine::new(isa, options);
            let interrupt = &Interrupt::default();
            engine.run(Numbers::F64(earlier), 0..earlier.len(), None, interrupt, |_, _| ());
            let mut results = vec![0.0; line.len()];
            let (numbers, out) = (Numbers::F64(line), Some(Out::F64(&mut results)));
            engine.run(numbers, 0..line.len(), out, interrupt, |_, _| ());
            for (index, &result) in results.iter().enumerate() {
                let start = (index + 1).saturating_sub(options.window);
                let totals = Totals::between(&prefixes, start, index + 1);
                assert!(totals.give(result, &options), "{isa:?} {options:?} {index}: {result:e}");
            }
        }
    }
}

/// Results nearly halfway between two binary32 numbers, where binary64 cannot tell; results exactly halfway; and
/// both among the smallest numbers.
#[test]
fn results_halfway_between_single_numbers() {
    let tiny = 2f64.powi(-60);
    // (From 2^-128 on, numbers of binary32 are 2^-149 apart, and bits of binary64 do not show what is
    // halfway.)
    for (scale, unit) in [(0, -21), (-128, -21), (-128, -19)] {
        let [scale, unit] = [scale, unit].map(|exponent| 2f64.powi(exponent));
        for beyond in [tiny, -tiny, 0.0] {
            for odd in [1.0, 3.0] {
                // Means of 8 of them are 1 + odd * unit / 8, and a little beyond; sums are halfway, too.
                let eight = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0 + odd * unit, beyond];
                let eight = eight.map(|x| x * scale);
                // For sums, bits below the last one.
                let rough =
                    eight.map(|x| if x == beyond * scale { x * 2f64.powi(-200) } else { x });
                for (statistic, eight) in
                    [(Statistic::Mean, eight), (Statistic::Mean, rough), (Statistic::Sum, rough)]
                {
                    let line: Vec<f64> = eight.into_iter().cycle().take(700).collect();
                    for least in [8, 1] {
                        let options =
                            Options { statistic, window: 8, least, ddof: 0, format: Format::F32 };
                        check_after(&line, &line, options);
                    }
                }
            }
        }
    }
}

/// Windows that end in a block know the bits of the numbers before it, and how many of these are missing.
#[test]
fn windows_across_blocks() {
    // The difference of two is an odd number of 27 bits: their variance is halfway between two numbers.
    let fine = f64::from((1 << 27) - 1) * 2f64.powi(-20);
    for place in (4090..4104).chain([8192, 8193]) {
        let mut line: Vec<f64> = (0..9000).map(|index| f64::from(index % 3 * 64 - 64)).collect();
        (line[place], line[place + 1]) = (fine, 0.0);
        for statistic in [Statistic::Var, Statistic::Std] {
            let options = Options { statistic, window: 2, least: 2, ddof: 0, format: Format::F64 };
            check_after(&line, &line, options);
        }
    }
    let mut line = numbers(0, 9000, 4);
    line[4200..4240].fill(f64::NAN);
    for statistic in STATISTICS {
        let options = Options { statistic, window: 50, least: 30, ddof: 0, format: Format::F64 };
        check_after(&numbers(0, 9000, 5), &line, options);
    }
}

/// A number with many bits among numbers with few: it stays in windows long after it has entered, and decides
/// the results where the others cancel.
#[test]
fn fine_numbers_among_coarse_ones() {
    for (seed, window) in [(1, 8), (2, 60), (3, 300), (4, 900)] {
        let mut next = pseudo_random(seed);
        let mut line: Vec<f64> = (0..9000u32)
            .map(|index| f64::from(index / 2 % 1000) * if index % 2 == 0 { 1.0 } else { -1.0 })
            .collect();
        for _ in 0..8 {
            let at = next() as usize % line.len();
            line[at] += 2f64.powi(-42) * (next() % 7 + 1) as f64;
        }
        for (statistic, format) in [Statistic::Sum, Statistic::Mean]
            .into_iter()
            .flat_map(|statistic| [Format::F64, Format::F32].map(|format| (statistic, format)))
        {
            let options = Options { statistic, window, least: window, ddof: 0, format };
            check_after(&line, &line, options);
        }
    }
}

/// Windows with at most `ddof` elements have no variance, whatever the other options.
#[test]
fn more_degrees_of_freedom_than_elements() {
    let mut line = numbers(0, 1500, 8);
    for index in 0..1500 {
        if index % 100 >= 3 {
            line[index] = f64::NAN;
        }
    }
    line[..400].copy_from_slice(&numbers(0, 400, 9));
    for statistic in [Statistic::Var, Statistic::Std] {
        for ddof in [0, 2, 3, 5, 11] {
            let options = Options { statistic, window: 12, least: 1, ddof, format: Format::F64 };
            check_after(&line, &line, options);
        }
    }
}

/// The outliers of a line are forgotten before the next line, also for windows by indices.
#[test]
fn outliers_of_the_last_line_are_gone() {
    let options =
        Options { statistic: Statistic::Sum, window: 30, least: 1, ddof: 0, format: Format::F64 };
    let (starts, ends): (Vec<i64>, Vec<i64>) =
        (0..2900).map(|index| (index, index + 20 + index % 7)).unzip();
    for isa in Isa::available() {
        let mut engine = Engine::new(isa, options);
        for place in [2800, 60, 1000] {
            let mut line = numbers(0, 3000, place as u64);
            line[place] = 1e300;
            let bounds = Bounds::new(&starts, &ends);
            let mut results = vec![0.0; starts.len()];
            engine.run_bounds(&line, bounds, Some(&mut results), &Interrupt::default(), |_, _| ());
            for (index, &result) in results.iter().enumerate() {
                let totals = Totals::of(&line[index..ends[index] as usize]);
                assert!(totals.give(result, &options), "{isa:?} {place} {index}");
            }
        }
    }
}
