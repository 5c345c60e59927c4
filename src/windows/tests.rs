//! Windows against big integers: each result is the nearest number to the exact value, by the numbers
//! halfway to its neighbours.

use std::cmp::Ordering;

use dashu_int::IBig;
use proptest::prelude::*;

use super::line::Engine;
use super::{Options, Statistic};
use crate::cpu::Isa;
use crate::exact::round::Format;
use crate::interrupt::Interrupt;

/// The integer `x * 2^1080`: every number halfway between two is one.
fn scaled(x: f64) -> IBig {
    let (significand, exponent) = crate::binary64::decompose(x);
    let magnitude = IBig::from(significand) << (exponent + 1080) as usize;
    if x.is_sign_negative() { -magnitude } else { magnitude }
}

/// How twice a number, which is a sum of two neighbours, compares with twice the exact value.
fn compare(twice: &IBig, statistic: Statistic, numbers: &[f64], ddof: i64) -> Ordering {
    let sum: IBig = numbers.iter().map(|&x| scaled(x)).sum();
    let n = IBig::from(numbers.len());
    match statistic {
        Statistic::Sum => twice.cmp(&(sum * 2)),
        Statistic::Mean => (twice * n).cmp(&(sum * 2)),
        Statistic::Var | Statistic::Std => {
            let squares: IBig = numbers.iter().map(|&x| scaled(x).pow(2)).sum();
            let numerator = &n * squares - &sum * &sum;
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

/// Whether a result is the nearest number to the exact value, or the even one of two.
fn is_nearest(result: f64, statistic: Statistic, numbers: &[f64], ddof: i64) -> bool {
    let neighbours = [result.next_down(), result.next_up()];
    let [below, above] = neighbours.map(|other| scaled(result) + scaled(other));
    let even = result.to_bits() & 1 == 0;
    let from_below = compare(&below, statistic, numbers, ddof);
    let from_above = compare(&above, statistic, numbers, ddof);
    (from_below == Ordering::Less || even && from_below == Ordering::Equal)
        && (from_above == Ordering::Greater || even && from_above == Ordering::Equal)
}

/// Numbers that lines are made of: of few bits and many, near to each other and of many sizes.
fn line() -> impl Strategy<Value = Vec<f64>> {
    let ordinary = (-1.0f64..1.0).boxed();
    let far = (-1.0f64..1.0).prop_map(|x| 1e9 + x).boxed();
    let tenths = (-50i32..50).prop_map(|x| f64::from(x) / 10.0).boxed();
    let whole = (-9i32..9).prop_map(f64::from).boxed();
    let eighths = (0i32..40).prop_map(|x| 1e9 + f64::from(x) / 8.0).boxed();
    let sizes = (-1.0f64..1.0, -40i32..40).prop_map(|(x, e)| x * f64::powi(2.0, e)).boxed();
    let kinds = [ordinary, far, tenths, whole, eighths, sizes];
    (0..kinds.len(), 0..8usize, 300..900usize).prop_flat_map(move |(kind, spoilt, count)| {
        let numbers = prop::collection::vec(kinds[kind].clone(), count);
        let others = [f64::NAN, 1e16, -1e30, 0.0, 1e-9];
        let spoils = prop::collection::vec((0..count, 0..others.len()), spoilt);
        (numbers, spoils).prop_map(move |(mut numbers, spoils)| {
            for (place, other) in spoils {
                numbers[place] = others[other];
            }
            numbers
        })
    })
}

proptest! {
    #[test]
    fn results_are_the_nearest_numbers(
        line in line(),
        window in 1..120usize,
        kind in 0..4usize,
        ddof in 0..2i64,
        all in any::<bool>(),
    ) {
        let statistic = [Statistic::Sum, Statistic::Mean, Statistic::Var, Statistic::Std][kind];
        let least = if all { window } else { 1 };
        let options = Options { statistic, window, least, ddof, format: Format::F64 };
        for isa in Isa::available() {
            let mut results = vec![0.0; line.len()];
            let mut engine = Engine::new(isa, options);
            engine.run(&line, 0..line.len(), Some(&mut results), &Interrupt::default(), |_, _| ());
            for (index, &result) in results.iter().enumerate() {
                let inside = &line[(index + 1).saturating_sub(window)..=index];
                let numbers: Vec<f64> = inside.iter().copied().filter(|x| !x.is_nan()).collect();
                if !options.is_enough(numbers.len()) {
                    prop_assert!(result.is_nan());
                } else {
                    prop_assert!(
                        is_nearest(result, statistic, &numbers, ddof),
                        "{isa:?} {statistic:?} of {window} at {index}: {result:e} of {numbers:?}"
                    );
                }
            }
        }
    }
}

/// The oracle refuses what is next to the right result.
#[test]
fn neighbours_are_not_nearest() {
    let numbers = [1.0, 2.0, 4.5, -0.7];
    for statistic in [Statistic::Sum, Statistic::Mean, Statistic::Var, Statistic::Std] {
        let options = Options { statistic, window: 4, least: 4, ddof: 0, format: Format::F64 };
        let mut results = [0.0; 4];
        let mut engine = Engine::new(Isa::BASELINE, options);
        engine.run(&numbers, 0..4, Some(&mut results), &Interrupt::default(), |_, _| ());
        let right = results[3];
        assert!(is_nearest(right, statistic, &numbers, 0));
        assert!(!is_nearest(right.next_up(), statistic, &numbers, 0));
        assert!(!is_nearest(right.next_down(), statistic, &numbers, 0));
    }
}
