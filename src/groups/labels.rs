//! Labels, and what is known about them in advance.

use crate::cpu::{self, dispatch};
use crate::exact::pairs::BATCH;
use crate::threads;

/// Labels, with what is known about them.
#[derive(Debug, Clone, Copy)]
#[doc(hidden)]
pub struct Labels<'a> {
    /// A label for each element; negative ones mean no group.
    pub all: &'a [i64],
    /// An upper bound of all labels; -1 if there are none, or all are negative.
    pub highest: i64,
    /// Whether they are known to be non-decreasing.
    pub ascending: bool,
}

impl<'a> Labels<'a> {
    /// Examines all labels.
    pub fn surveyed(all: &'a [i64]) -> Labels<'a> {
        let isa = cpu::isa();
        let both = |one: (i64, bool), other: (i64, bool)| (one.0.max(other.0), one.1 && other.1);
        let parts = threads::split(all.len(), SHARE, |ranges| {
            ranges.fold((-1, true), |known, range| {
                // Including the previous label.
                both(known, survey(isa, &all[range.start.saturating_sub(1)..range.end]))
            })
        });
        let (highest, ascending) = parts.into_iter().fold((-1, true), both);
        Labels { all, highest, ascending }
    }

    /// Examines only as many labels as are needed to choose a method for this number of groups.
    pub fn of_groups(all: &'a [i64], groups: usize) -> Labels<'a> {
        let apart = all.len() / SAMPLE + 1;
        let unknown = Labels { all, highest: i64::MAX, ascending: false };
        if groups > WINDOW && all.iter().step_by(apart).is_sorted() {
            Labels::surveyed(all)
        } else {
            unknown
        }
    }

    /// An upper bound on the number of groups with labels.
    pub fn groups(&self) -> usize {
        (self.highest + 1) as usize
    }
}

/// The number of groups in a window of sorted labels.
pub(super) const WINDOW: usize = BATCH;
/// The number of labels examined to see whether they may be ascending.
const SAMPLE: usize = 16;
/// The number of labels examined at once.
const SHARE: usize = 1 << 16;

#[inline(always)]
fn survey_body(labels: &[i64]) -> (i64, bool) {
    let Some((&first, later)) = labels.split_first() else {
        return (-1, true);
    };
    let (mut highest, mut descents) = (first.max(-1), 0);
    for (&label, &before) in later.iter().zip(labels) {
        highest = highest.max(label);
        descents |= u64::from(label < before);
    }
    (highest, descents == 0)
}

dispatch! {
    fn survey(labels: &[i64]) -> (i64, bool) = survey_body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descent_is_seen_wherever_it_is() {
        let ascending: Vec<i64> = (-5..2 * SHARE as i64 + 9).collect();
        let labels = Labels::surveyed(&ascending);
        assert!(labels.ascending && labels.groups() == 2 * SHARE + 9);
        for place in [1, SHARE - 1, SHARE, SHARE + 1, 2 * SHARE, ascending.len() - 1] {
            let mut labels = ascending.clone();
            labels.swap(place - 1, place);
            let labels = Labels::surveyed(&labels);
            assert!(!labels.ascending && labels.groups() == 2 * SHARE + 9, "{place}");
        }
        for few in [&[][..], &[-3], &[7]] {
            assert!(Labels::surveyed(few).ascending);
        }
        assert_eq!(Labels::surveyed(&[-3]).groups(), 0);
    }
}
