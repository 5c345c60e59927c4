//! The loops over int64 and uint64.

use std::marker::PhantomData;

use pyo3::prelude::*;

use super::Which;
use crate::ufunc::{Call, Loop, Scalar, Work};
use mypackage::fibonacci::Word;
use mypackage::fibonacci::modular::{self, Member, Ring, SharedRing};
use mypackage::fibonacci::pisano;
use mypackage::fibonacci::small::{self, Stores, Tabulated};

/// F(n) or L(n) in 64 bits.
pub(super) struct Number<S, T>(PhantomData<(S, T)>);

impl<S: Which, T: Tabulated + Scalar> Loop for Number<S, T> {
    type Inputs = (T,);
    type Outputs = (T,);

    fn run(call: &Call<(T,), (T,)>) -> PyResult<()> {
        // A block is private to the call, or a copy.
        let stores = if call.is_direct() { Stores::of(call.count()) } else { Stores::Cached };
        call.for_each_block(Work::Light, |(n,), (out,)| match S::MEMBER {
            Member::U => small::fibonacci_with(stores, n, out),
            Member::V => small::lucas_with(stores, n, out),
        })
    }
}

/// F(n) or L(n) modulo m. The result has the type of m, whose range it shares.
pub(super) struct Modular<S, N, M>(PhantomData<(S, N, M)>);

impl<S: Which, N: Word + Scalar, M: Word + Scalar> Loop for Modular<S, N, M> {
    type Inputs = (N, M);
    type Outputs = (M,);

    fn run(call: &Call<(N, M), (M,)>) -> PyResult<()> {
        let (_, m) = call.first();
        if m.magnitude() != 0 && call.is_shared(1) && call.count() >= SharedRing::PAYS_FROM {
            let ring = SharedRing::fibonacci(m.magnitude());
            return call.for_each_block(Work::Moderate, |(n, _), (out,)| {
                ring.members(S::MEMBER, n, m, out)
            });
        }
        call.for_each_block(Work::Moderate, |(n, m), (out,)| {
            if modular::fibonacci(S::MEMBER, n, m, out)? {
                call.note_division_by_zero();
            }
            Ok(())
        })
    }
}

/// U(n) or V(n) with parameters p and q modulo m. The result has the type of m.
pub(super) struct Sequence<S, P, Q, N, M>(PhantomData<(S, P, Q, N, M)>);

impl<S, P, Q, N, M> Loop for Sequence<S, P, Q, N, M>
where
    S: Which,
    P: Word + Scalar,
    Q: Word + Scalar,
    N: Word + Scalar,
    M: Word + Scalar,
{
    type Inputs = (P, Q, N, M);
    type Outputs = (M,);

    fn run(call: &Call<(P, Q, N, M), (M,)>) -> PyResult<()> {
        let (p, q, _, m) = call.first();
        let shared = [0, 1, 3].into_iter().all(|input| call.is_shared(input));
        if m.magnitude() != 0 && shared && call.count() >= SharedRing::PAYS_FROM {
            let ring = SharedRing::new(Ring::new(p, q, m.magnitude()));
            return call.for_each_block(Work::Moderate, |(_, _, n, _), (out,)| {
                ring.members(S::MEMBER, n, m, out)
            });
        }
        call.for_each_block(Work::Moderate, |(p, q, n, m), (out,)| {
            if modular::lucas_sequence(S::MEMBER, p, q, n, m, out)? {
                call.note_division_by_zero();
            }
            Ok(())
        })
    }
}

/// (F(n), F(n+1)).
pub(super) struct Pair<T>(PhantomData<T>);

impl<T: Tabulated + Scalar> Loop for Pair<T> {
    type Inputs = (T,);
    type Outputs = (T, T);

    fn run(call: &Call<(T,), (T, T)>) -> PyResult<()> {
        call.for_each_block(Work::Light, |(n,), (here, next)| small::fibonacci_pair(n, here, next))
    }
}

/// The Pisano period.
pub(super) struct Pisano<T>(PhantomData<T>);

impl<T: Word + Scalar> Loop for Pisano<T> {
    type Inputs = (T,);
    type Outputs = (T,);

    fn run(call: &Call<(T,), (T,)>) -> PyResult<()> {
        call.for_each_block(Work::Heavy, |(m,), (out,)| {
            if pisano::periods(m, out)? {
                call.note_division_by_zero();
            }
            Ok(())
        })
    }
}

/// The index of a Fibonacci number.
pub(super) struct FindIndex<T>(PhantomData<T>);

impl<T: Word + Scalar> Loop for FindIndex<T> {
    type Inputs = (T,);
    type Outputs = (i64,);

    fn run(call: &Call<(T,), (i64,)>) -> PyResult<()> {
        call.for_each_block(Work::Light, |(x,), (out,)| {
            small::index(x, out);
            Ok(())
        })
    }
}

/// Whether x is a Fibonacci number.
pub(super) struct IsFibonacci<T>(PhantomData<T>);

impl<T: Word + Scalar> Loop for IsFibonacci<T> {
    type Inputs = (T,);
    type Outputs = (bool,);

    fn run(call: &Call<(T,), (bool,)>) -> PyResult<()> {
        call.for_each_block(Work::Light, |(x,), (out,)| {
            small::is_fibonacci(x, out);
            Ok(())
        })
    }
}
