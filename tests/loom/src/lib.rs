//! What `ExactSum` does with its lock, in every order in which two threads can meet.
//!
//! `RUSTFLAGS="--cfg loom" cargo test` in this folder. The sums are integers here, their merge is `+`:
//! what is modelled is who holds which lock when.

#![cfg(all(test, loom))]

#[path = "../../../src/shared.rs"]
mod shared;

use std::sync::Arc;

use loom::thread;
use shared::Shared;

type Action = fn(&Shared<i64>, &Shared<i64>);

/// `mine += other`, as `ExactSum.merge` does it.
fn merge(mine: &Shared<i64>, other: &Shared<i64>) {
    let other = other.snapshot();
    mine.change(|sum| *Arc::make_mut(sum) += *other);
}

/// Runs both on threads of their own, on sums of 1 and 100, and checks what these are then.
fn together(one: Action, other: Action, check: fn(i64, i64) -> bool) {
    loom::model(move || {
        let sums = loom::sync::Arc::new([1, 100].map(Shared::new));
        let of_thread = loom::sync::Arc::clone(&sums);
        let thread = thread::spawn(move || one(&of_thread[0], &of_thread[1]));
        other(&sums[0], &sums[1]);
        thread.join().expect("no thread panics");
        let (first, second) = (*sums[0].snapshot(), *sums[1].snapshot());
        assert!(check(first, second), "{first} {second}");
    });
}

#[test]
fn equality_from_both_sides() {
    together(|a, b| assert!(a != b), |a, b| assert!(b != a), |a, b| (a, b) == (1, 100));
}

#[test]
fn equality_with_itself_beside_a_merge() {
    together(merge, |a, _| assert!([true, false].contains(&(a == a))), |a, b| (a, b) == (101, 100));
}

#[test]
fn equality_beside_a_merge() {
    together(merge, |a, b| assert!(b != a || b == a), |a, b| (a, b) == (101, 100));
}

#[test]
fn merges_into_each_other() {
    let sums = |a, b| [(101, 101), (101, 201), (102, 101)].contains(&(a, b));
    together(merge, |a, b| merge(b, a), sums);
}

#[test]
fn a_merge_with_itself_beside_another() {
    let sums = |a, b| b == 100 && [102, 202, 103].contains(&a);
    together(merge, |a, _| merge(a, a), sums);
}

#[test]
fn two_additions_to_one() {
    let add: Action = |a, _| a.change(|sum| *Arc::make_mut(sum) += 5);
    together(add, add, |a, _| a == 11);
}

#[test]
fn a_copy_beside_an_addition() {
    together(
        |a, _| a.change(|sum| *Arc::make_mut(sum) += 5),
        |a, _| assert!([1, 6].contains(&*a.clone().snapshot())),
        |a, _| a == 6,
    );
}
