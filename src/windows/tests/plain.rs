//! Windows of binary32 numbers and integers whose sums fit one number, by these kernels alone.

use proptest::prelude::*;

use super::super::plain::Plain;
use super::super::source::{Numbers, Out};
use super::{KINDS, STATISTICS, Totals, numbers, squares_beside_a_midpoint};
use crate::cpu::Isa;
use crate::exact::round::Format;
use crate::testing::pseudo_random;
use crate::windows::{Options, Statistic};

fn options(statistic: Statistic, window: usize, ddof: i64, format: Format) -> Options {
    Options { statistic, window, least: window, ddof, format }
}

/// Checks the results that the kernels have, on all processors that they are for; returns the least number of
/// them.
fn check(line: Numbers<'_>, options: Options) -> usize {
    let wide: Vec<f64> = (0..line.len()).map(|index| line.get(index)).collect();
    let prefixes = Totals::of_prefixes(&wide);
    let mut least = line.len();
    for isa in Isa::available() {
        let Some(mut plain) = Plain::new(isa, options) else {
            continue;
        };
        // From the first full window on, and from within.
        for start in [options.window - 1, options.window + 100] {
            if start >= line.len() {
                continue;
            }
            let mut results = vec![0.0; line.len() - start];
            let outputs = start..line.len();
            let done = if options.format == Format::F32 {
                let mut singles = vec![0f32; results.len()];
                let done = plain.run(line, outputs, &mut Out::F32(&mut singles));
                results = singles.into_iter().map(f64::from).collect();
                done
            } else {
                plain.run(line, outputs, &mut Out::F64(&mut results))
            };
            for (index, &result) in results[..done].iter().enumerate() {
                let end = start + index + 1;
                let totals = Totals::between(&prefixes, end - options.window, end);
                assert!(
                    totals.give(result, &options),
                    "{isa:?} {options:?} at {index}: {result:e} of {:?}",
                    &wide[end - options.window..end]
                );
            }
            least = least.min(done);
        }
    }
    least
}

proptest! {
    #[test]
    fn results_of_any_singles(
        kind in 0..KINDS,
        seed in any::<u64>(),
        window in prop_oneof![4 => 2..120usize, 1 => 2..700usize],
        which in 0..3usize,
        ddof in 0..3i64,
    ) {
        let line: Vec<f32> = numbers(kind, 1500, seed).into_iter().map(|x| x as f32).collect();
        check(Numbers::F32(&line), options(OF_SINGLES[which], window, ddof.min(window as i64 - 1), Format::F32));
    }

    /// Of all sizes up to the largest that are served, and beyond.
    #[test]
    fn results_of_any_integers(
        bits in 1..52u32,
        far in any::<bool>(),
        seed in any::<u64>(),
        window in prop_oneof![4 => 2..120usize, 1 => 2..700usize],
        which in 0..4usize,
        ddof in 0..3i64,
    ) {
        let mut next = pseudo_random(seed);
        let centre = if far { 1 << 49 } else { 0 };
        let line: Vec<i64> = (0..1500).map(|_| centre + (next() as i64 >> (64 - bits))).collect();
        check(Numbers::I64(&line), options(STATISTICS[which], window, ddof.min(window as i64 - 1), Format::F64));
    }
}

/// Integers up to the limit, at the limit and just beyond it.
#[test]
fn integers_at_the_limit() {
    for window in [2, 3, 7, 8, 64, 100] {
        let binades = usize::next_power_of_two(window).trailing_zeros();
        for statistic in STATISTICS {
            let moments = matches!(statistic, Statistic::Var | Statistic::Std);
            let limit = 1i64 << if moments { 26 - binades } else { 50 - binades };
            let mut next = pseudo_random(window as u64);
            // All alike, alternating, or any near the limit.
            for kind in 0..4 {
                let line: Vec<i64> = (0..900)
                    .map(|index| match kind {
                        0 => limit - 1 - (next() % 7) as i64,
                        1 => -limit,
                        2 => {
                            if index % 2 == 0 {
                                limit - 1
                            } else {
                                -limit
                            }
                        }
                        _ => {
                            (next() >> 8) as i64 % limit
                                * if next().is_multiple_of(2) { 1 } else { -1 }
                        }
                    })
                    .collect();
                let options = options(statistic, window, 0, Format::F64);
                let done = check(Numbers::I64(&line), options);
                if kind == 3 && cfg!(target_arch = "x86_64") && Isa::available().len() > 1 {
                    assert_eq!(done, line.len() - window - 100, "{options:?}");
                }
                for beyond in [limit, -limit - 1, limit + 1, 1 << 52, i64::MAX, i64::MIN] {
                    let mut line = line.clone();
                    line[700] = beyond;
                    check(Numbers::I64(&line), options);
                }
            }
        }
    }
}

/// Roots that are integers, powers of two, or next to these, and roots of numbers next to squares.
#[test]
fn roots_beside_squares() {
    for (window, ddof) in [(2, 0), (2, 1), (4, 0), (16, 0), (17, 1), (64, 0), (64, 60)] {
        for scale in [1, 2, 3, 5, 1000, 4096, 4097] {
            let mut next = pseudo_random(scale);
            let line: Vec<i64> = (0..900)
                .map(|index| {
                    let sign = if index % 2 == 0 { 1 } else { -1 };
                    sign * scale as i64 + i64::from(next().is_multiple_of(23))
                })
                .collect();
            for statistic in [Statistic::Var, Statistic::Std] {
                check(Numbers::I64(&line), options(statistic, window, ddof, Format::F64));
            }
        }
    }
}

/// What is served of binary32 numbers.
const OF_SINGLES: [Statistic; 3] = [Statistic::Sum, Statistic::Var, Statistic::Std];

/// Sums just beside a point halfway between two binary32 numbers, by less than the rounding errors of
/// what is far smaller, or exactly there.
#[test]
fn small_numbers_decide() {
    let (mut served, mut all) = (0, 0);
    for (shift, window) in [(0, 8), (-30, 8), (60, 8), (0, 100), (20, 300)] {
        let binades = usize::next_power_of_two(window).trailing_zeros() as i32;
        for unit in (-39..-35).map(|exponent| 2f32.powi(exponent + binades)) {
            for tenths in [0.4, 0.6, -0.4, -0.6] {
                // Each of the three is rounded to 0 or to a whole unit.
                let rough = tenths * unit;
                let whole = if rough.abs() < unit / 2.0 { -unit } else { -2.0 * unit };
                let small = [1024.0, 2f32.powi(-14), whole.copysign(-rough), rough, rough, rough];
                let scale = 2f32.powi(shift);
                for (count, gap) in [(6, 0), (2, 0), (6, 500)] {
                    let mut line: Vec<f32> = (0..1400)
                        .map(|index| index % window)
                        .map(|place| if place < count { small[place] * scale } else { 0.0 })
                        .collect();
                    // Rough numbers that leave, and others that come later.
                    line[700..700 + gap].fill(1024.0 * scale);
                    for statistic in OF_SINGLES {
                        // (Variances of longer windows are not served.)
                        if statistic != Statistic::Sum && window > 256 {
                            continue;
                        }
                        let options = options(statistic, window, 0, Format::F32);
                        served += check(Numbers::F32(&line), options);
                        all += line.len() - window - 100;
                    }
                }
            }
        }
    }
    assert!(Isa::available().len() == 1 || served > all / 4, "{served} of {all}");
}

/// The rounding errors of squares are bounded: results that they might change are computed otherwise.
#[test]
fn squares_of_singles_are_in_doubt() {
    let (mut served, mut all) = (0, 0);
    for statistic in [Statistic::Var, Statistic::Std] {
        // (Below 9, no square is just below the middle of a step.)
        for step in [9, 11] {
            for part in [40, 120] {
                for sign in [1, -1] {
                    let beyond = sign * (part << step) / 3 + sign;
                    let root = statistic == Statistic::Std;
                    let line: Vec<f32> = (0..2)
                        .flat_map(|seed| squares_beside_a_midpoint(24, root, step, beyond, seed))
                        .map(|x| x as f32)
                        .collect();
                    served += check(Numbers::F32(&line), options(statistic, 256, 0, Format::F32));
                    all += line.len() - 356;
                }
            }
        }
    }
    assert!(Isa::available().len() == 1 || served > all / 2, "{served} of {all}");
}

/// Numbers that are not finite, or far too large, end what is served.
#[test]
fn numbers_that_do_not_fit() {
    for statistic in OF_SINGLES {
        for spoil in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 1e10, -1e10] {
            for place in [0, 5, 99, 100, 600, 703, 1499] {
                let mut line: Vec<f32> =
                    numbers(0, 1500, 3).into_iter().map(|x| x as f32).collect();
                line[place] = spoil;
                let done = check(Numbers::F32(&line), options(statistic, 100, 1, Format::F32));
                if !spoil.is_finite() {
                    assert!(done <= place.saturating_sub(99), "{done} {place}");
                }
            }
        }
    }
}
