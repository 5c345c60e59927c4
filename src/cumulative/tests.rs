//! Prefixes of arrays of any shape and layout against sums of big integers.

use proptest::prelude::*;

use super::scan::{ScanStatus, cumsum_axis, nancumsum_axis};
use crate::array::view::ViewMut;
use crate::testing::{Layout, Oracle, layouts, numbers};

/// Numbers of similar, of many and of all magnitudes, and numbers that cancel.
fn values(kind: usize, count: usize, seed: u64) -> Vec<f64> {
    let (centre, spread) = [(0, 4), (0, 80), (0, 1900), (-1060, 30), (1000, 8), (40, 2)][kind % 6];
    let mut values = numbers(count, centre, spread, seed);
    if kind >= 6 {
        // Each is followed by its negative, and by a small number.
        for index in (2..count).step_by(3) {
            values[index - 1] = -values[index - 2];
            values[index] = f64::from(index as u32 % 7) * 1e-20;
        }
    }
    values
}

/// The prefixes of each line, rounded.
fn expected<T>(
    layout: &Layout,
    axis: usize,
    joined: bool,
    add: impl Fn(&mut Oracle, usize),
    round: impl Fn(&Oracle) -> T,
) -> Vec<(usize, T)> {
    let places = layout.places();
    let mut sum = Oracle::new();
    let mut prefixes = Vec::new();
    for line in layout.lines(axis) {
        if !joined {
            sum = Oracle::new();
        }
        for index in line {
            add(&mut sum, places[index]);
            prefixes.push((index, round(&sum)));
        }
    }
    prefixes
}

proptest! {
    #[test]
    fn of_numbers(
        layout in layouts(),
        kind in 0..12usize,
        seed in any::<u64>(),
        joined in any::<bool>(),
        gaps in 0..4usize,
    ) {
        let (axis, joined) = if joined { (layout.shape().len() - 1, true) } else { (layout.axis, false) };
        let mut numbers = values(kind, layout.size(), seed);
        let mut prefixes = vec![0.0f64; numbers.len()];
        let mut singles = vec![0.0f32; numbers.len()];
        let right = expected(&layout, axis, joined, |sum, place| sum.add(numbers[place]), |sum| (sum.to_f64(), sum.to_f32()));
        for skips in [false, true] {
            if skips {
                // NaNs count as 0.
                for place in (0..numbers.len()).filter(|place| place % 5 < gaps) {
                    numbers[place] = f64::NAN;
                }
            }
            let right = if skips {
                let add = |sum: &mut Oracle, place: usize| {
                    if !numbers[place].is_nan() {
                        sum.add(numbers[place]);
                    }
                };
                &expected(&layout, axis, joined, add, |sum| (sum.to_f64(), sum.to_f32()))
            } else {
                &right
            };
            let scan = if skips { nancumsum_axis } else { cumsum_axis };
            let view = layout.view(&numbers);
            let out = ViewMut::of(&mut prefixes).reshaped(&layout.shape());
            let status = scan(&view, out, axis, joined, &(0..=0));
            prop_assert!(!status.invalid);
            for &(index, (prefix, _)) in right {
                prop_assert_eq!(prefixes[index], prefix);
            }
            let out = ViewMut::of(&mut singles).reshaped(&layout.shape());
            scan(&view, out, axis, joined, &(0..=0));
            for &(index, (_, prefix)) in right {
                prop_assert_eq!(singles[index], prefix);
            }
        }
    }

    #[test]
    fn of_binary32_numbers(layout in layouts(), seed in any::<u64>(), spread in 1..250u64) {
        let numbers: Vec<f32> =
            numbers(layout.size(), 0, spread, seed).into_iter().map(|x| x as f32).collect();
        let mut prefixes = vec![0.0f32; numbers.len()];
        let out = ViewMut::of(&mut prefixes).reshaped(&layout.shape());
        cumsum_axis(&layout.view(&numbers), out, layout.axis, false, &(0..=0));
        let add = |sum: &mut Oracle, place: usize| sum.add(numbers[place].into());
        for (index, prefix) in expected(&layout, layout.axis, false, add, Oracle::to_f32) {
            prop_assert_eq!(prefixes[index], prefix);
        }
    }

    #[test]
    fn of_integers(layout in layouts(), seed in any::<u64>(), shift in 0..64u32) {
        let mut next = crate::testing::pseudo_random(seed);
        let integers: Vec<i64> =
            (0..layout.size()).map(|_| next() as i64 >> shift).collect();
        let (mut prefixes, mut rounded) = (vec![0i64; integers.len()], vec![0.0f64; integers.len()]);
        let range = i64::MIN.into()..=i64::MAX.into();
        let view = layout.view(&integers);
        let out = ViewMut::of(&mut prefixes).reshaped(&layout.shape());
        let ScanStatus { misfit, .. } = cumsum_axis(&view, out, layout.axis, false, &range);
        let out = ViewMut::of(&mut rounded).reshaped(&layout.shape());
        cumsum_axis(&view, out, layout.axis, false, &range);
        let add = |sum: &mut Oracle, place: usize| sum.add_integer(integers[place].into());
        let right = expected(&layout, layout.axis, false, add, |sum| (sum.to_integer(), sum.to_f64()));
        let fits = |prefix: Option<i128>| prefix.filter(|prefix| range.contains(prefix));
        let first = right.iter().find(|(_, (prefix, _))| fits(*prefix).is_none());
        prop_assert_eq!(
            misfit.map(|misfit| misfit.value),
            first.and_then(|&(_, (prefix, _))| prefix)
        );
        for (index, (prefix, nearest)) in right {
            prop_assert_eq!(rounded[index], nearest);
            if misfit.is_none() {
                prop_assert_eq!(Some(i128::from(prefixes[index])), prefix);
            }
        }
    }
}
