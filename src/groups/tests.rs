//! Sums and prefixes by label, of arrays of any shape and layout, against sums of big integers.

use std::sync::Mutex;

use proptest::prelude::*;

use super::cumulative::cumsum_groups;
use super::group::sum_groups;
use crate::array::view::ViewMut;
use crate::testing::{Oracle, layouts, numbers, pseudo_random};

/// Labels below `groups`, or negative, in any order or ascending.
fn labels(count: usize, groups: usize, rising: bool, seed: u64) -> Vec<i64> {
    let mut next = pseudo_random(seed);
    let mut labels: Vec<i64> =
        (0..count).map(|_| (next() % (groups as u64 + 1)) as i64 - 1).collect();
    if rising {
        labels.sort_unstable();
    }
    labels
}

proptest! {
    #[test]
    fn of_any_array(
        layout in layouts(),
        groups in prop_oneof![1..5usize, 1..200usize],
        rising in any::<bool>(),
        like in prop_oneof![Just((0, 4)), Just((0, 90)), Just((0, 1900)), Just((-1060, 30)), Just((1000, 8))],
        seed in any::<u64>(),
    ) {
        let (centre, spread) = like;
        let (shape, axis, places) = (layout.shape(), layout.axis, layout.places());
        let values = numbers(layout.size(), centre, spread, seed);
        let labels = labels(shape[axis], groups, rising, !seed);
        let view = layout.view(&values);
        let sums = Mutex::new(vec![None; values.len() / shape[axis] * groups]);
        sum_groups(&view, axis, &labels, groups, &|index, sum| {
            let former = sums.lock().unwrap()[index].replace(sum.to_f64());
            assert_eq!(former, None, "each result once");
        });
        let sums = sums.into_inner().unwrap();
        let mut prefixes = vec![f64::NAN; values.len()];
        let out = ViewMut::of(&mut prefixes).reshaped(&shape);
        cumsum_groups(&view, out, axis, &labels, &(0..=0));
        let inner: usize = shape[axis + 1..].iter().product();
        for (number, line) in layout.lines(axis).into_iter().enumerate() {
            let mut right = vec![Oracle::new(); groups];
            for (&label, index) in labels.iter().zip(line) {
                let Ok(group) = usize::try_from(label) else {
                    prop_assert_eq!(prefixes[index], 0.0);
                    continue;
                };
                right[group].add(values[places[index]]);
                prop_assert_eq!(prefixes[index], right[group].to_f64());
            }
            for (group, sum) in right.iter().enumerate() {
                let place = (number / inner * groups + group) * inner + number % inner;
                prop_assert_eq!(sums[place], Some(sum.to_f64()));
            }
        }
    }

    #[test]
    fn of_integers(layout in layouts(), groups in 1..40usize, shift in 0..64u32, seed in any::<u64>()) {
        let mut next = pseudo_random(seed);
        let values: Vec<i64> = (0..layout.size()).map(|_| next() as i64 >> shift).collect();
        let (shape, axis, places) = (layout.shape(), layout.axis, layout.places());
        let labels = labels(shape[axis], groups, false, !seed);
        let sums = Mutex::new(vec![None; values.len() / shape[axis] * groups]);
        sum_groups(&layout.view(&values), axis, &labels, groups, &|index, sum| {
            sums.lock().unwrap()[index] = sum.to_integer(1);
        });
        let sums = sums.into_inner().unwrap();
        let inner: usize = shape[axis + 1..].iter().product();
        for (number, line) in layout.lines(axis).into_iter().enumerate() {
            let mut right = vec![0i128; groups];
            for (&label, index) in labels.iter().zip(line) {
                if let Ok(group) = usize::try_from(label) {
                    right[group] += i128::from(values[places[index]]);
                }
            }
            for (group, &sum) in right.iter().enumerate() {
                let place = (number / inner * groups + group) * inner + number % inner;
                prop_assert_eq!(sums[place].map(|sum| sum.to_string()), Some(sum.to_string()));
            }
        }
    }
}
