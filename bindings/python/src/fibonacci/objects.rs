//! The loops over arrays of Python ints.

use std::marker::PhantomData;

use dashu_int::{IBig, Sign, UBig};
use pyo3::exceptions::PyZeroDivisionError;
use pyo3::prelude::*;

use super::Which;
use crate::integer::{from_big, index, shown, to_big};
use crate::raised;
use crate::ufunc::{Call, Loop, Objects, look_for_signals};
use mypackage::fibonacci::big::{self, Room, Walk};
use mypackage::fibonacci::modular::Member;
use mypackage::fibonacci::small::NO_INDEX;
use mypackage::fibonacci::{big_modular, pisano};

/// An index whose number fits into memory: |n|, and whether n < 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Index {
    magnitude: u64,
    negative: bool,
}

impl Index {
    /// Reads an entry; refuses an index whose number would be too large.
    fn read(function: &str, entry: &Bound<'_, PyAny>) -> PyResult<Index> {
        let int = index(function, entry)?;
        let value = int.extract::<i64>().map(|n| (n.unsigned_abs(), n < 0));
        let (magnitude, negative) = match value {
            Ok((magnitude, negative)) => (Some(magnitude), negative),
            Err(_) => (None, false),
        };
        big::check_size(function, &shown(&int), magnitude).map_err(raised)?;
        // `check_size` refuses indices beyond int64.
        Ok(Index { magnitude: magnitude.unwrap_or(u64::MAX), negative })
    }
}

fn function_name<S: Which>() -> &'static str {
    match S::MEMBER {
        Member::U => "fibonacci",
        Member::V => "lucas",
    }
}

/// From this index on, a single number takes long enough to release the GIL.
const LONG: u64 = 1 << 17;

/// F(n) or L(n) by doubling.
fn number(py: Python<'_>, function: &str, member: Member, n: u64) -> PyResult<UBig> {
    if n < LONG {
        return big::number(member, n, &mut || Ok(()));
    }
    let room = Room::find(function, &n, n).map_err(raised)?;
    py.detach(|| room.run(|| big::number(member, n, &mut look_for_signals)))
}

/// F(n) or L(n).
pub(super) struct Number<S>(PhantomData<S>);

impl<S: Which> Loop for Number<S> {
    type Inputs = Objects<1>;
    type Outputs = Objects<1>;

    fn run(call: &Call<Objects<1>, Objects<1>>) -> PyResult<()> {
        Python::attach(|py| {
            let name = function_name::<S>();
            let read = |at| Ok((Index::read(name, &call.object(py, 0, at))?, at));
            let mut indices = (0..call.count()).map(read).collect::<PyResult<Vec<_>>>()?;
            if let [(index, at)] = indices[..] {
                let value = number(py, name, S::MEMBER, index.magnitude)?;
                let negate = index.negative && big::is_negated(S::MEMBER, index.magnitude);
                call.set_object(at, from_big(py, &value, negate)?);
                return Ok(());
            }
            // In ascending order, each number can be computed from the one before it.
            indices.sort_unstable();
            let mut climb = Climb::new(name, S::MEMBER);
            for (count, &(index, at)) in indices.iter().enumerate() {
                if count % 64 == 0 {
                    look_for_signals()?;
                }
                let value = climb.to(py, index.magnitude)?;
                let negate = index.negative && big::is_negated(S::MEMBER, index.magnitude);
                call.set_object(at, if negate { value.neg()? } else { value.clone() });
            }
            Ok(())
        })
    }
}

/// Numbers at ascending indices, as Python ints.
struct Climb<'py> {
    function: &'static str,
    member: Member,
    walk: Option<Walk>,
    /// The last two numbers, if their indices are adjacent, and the index of the second.
    last: Option<(u64, Option<Bound<'py, PyAny>>, Bound<'py, PyAny>)>,
}

impl<'py> Climb<'py> {
    fn new(function: &'static str, member: Member) -> Self {
        Climb { function, member, walk: None, last: None }
    }

    fn to(&mut self, py: Python<'py>, n: u64) -> PyResult<Bound<'py, PyAny>> {
        let (value, below) = match self.last.take() {
            Some((at, below, value)) if at == n => (value, below),
            // The next number after two adjacent ones, by Python's own addition without conversion.
            Some((at, Some(below), value)) if at + 1 == n => (value.add(below)?, Some(value)),
            Some((at, None, below)) if at + 1 == n => (self.walk_to(py, n)?, Some(below)),
            _ => (self.walk_to(py, n)?, None),
        };
        self.last = Some((n, below, value.clone()));
        Ok(value)
    }

    fn walk_to(&mut self, py: Python<'py>, n: u64) -> PyResult<Bound<'py, PyAny>> {
        let walk = &mut self.walk;
        let room = Room::find(self.function, &n, n).map_err(raised)?;
        let step = || match walk {
            Some(walk) => walk.go(n, &mut look_for_signals),
            None => {
                *walk = Some(Walk::start(n, &mut look_for_signals)?);
                Ok(())
            }
        };
        py.detach(|| room.run(step))?;
        let walk = self.walk.as_ref().expect("started above");
        match self.member {
            Member::U => from_big(py, walk.fibonacci(), false),
            Member::V => from_big(py, &walk.lucas(), false),
        }
    }
}

/// (F(n), F(n+1)).
pub(super) struct Pair;

impl Loop for Pair {
    type Inputs = Objects<1>;
    type Outputs = Objects<2>;

    fn run(call: &Call<Objects<1>, Objects<2>>) -> PyResult<()> {
        Python::attach(|py| {
            for at in 0..call.count() {
                let Index { magnitude: n, negative } =
                    Index::read("fibonacci_pair", &call.object(py, 0, at))?;
                let room = Room::find("fibonacci_pair", &n, n).map_err(raised)?;
                let pair = || big::pair(n, &mut look_for_signals);
                let (below, here) = py.detach(|| room.run(pair))?;
                let (first, second) = if negative {
                    // F(-n) and F(-(n-1)).
                    let even = n % 2 == 0;
                    (from_big(py, &here, even)?, from_big(py, &below, !even)?)
                } else {
                    (from_big(py, &here, false)?, from_big(py, &(below + &here), false)?)
                };
                call.set_objects(at, [first, second]);
            }
            Ok(())
        })
    }
}

/// F(n) or L(n) modulo m.
pub(super) struct Modular<S>(PhantomData<S>);

impl<S: Which> Loop for Modular<S> {
    type Inputs = Objects<2>;
    type Outputs = Objects<1>;

    fn run(call: &Call<Objects<2>, Objects<1>>) -> PyResult<()> {
        Python::attach(|py| {
            for at in 0..call.count() {
                let name = match S::MEMBER {
                    Member::U => "fibonacci_mod",
                    Member::V => "lucas_mod",
                };
                let [n, m] = read(py, call, name, at)?;
                let value = remainder(py, S::MEMBER, name, [&IBig::ONE, &IBig::NEG_ONE, &n, &m])?;
                call.set_object(at, value);
            }
            Ok(())
        })
    }
}

/// U(n) or V(n) with parameters p and q modulo m.
pub(super) struct Sequence<S>(PhantomData<S>);

impl<S: Which> Loop for Sequence<S> {
    type Inputs = Objects<4>;
    type Outputs = Objects<1>;

    fn run(call: &Call<Objects<4>, Objects<1>>) -> PyResult<()> {
        Python::attach(|py| {
            for at in 0..call.count() {
                let name = match S::MEMBER {
                    Member::U => "lucasu_mod",
                    Member::V => "lucasv_mod",
                };
                let [p, q, n, m] = read(py, call, name, at)?;
                call.set_object(at, remainder(py, S::MEMBER, name, [&p, &q, &n, &m])?);
            }
            Ok(())
        })
    }
}

/// Reads all operands at one position.
fn read<const N: usize>(
    py: Python<'_>,
    call: &Call<Objects<N>, Objects<1>>,
    function: &str,
    at: usize,
) -> PyResult<[IBig; N]> {
    let mut values = [const { IBig::ZERO }; N];
    for (operand, value) in values.iter_mut().enumerate() {
        *value = to_big(&index(function, &call.object(py, operand, at))?)?;
    }
    Ok(values)
}

fn remainder<'py>(
    py: Python<'py>,
    member: Member,
    function: &str,
    [p, q, n, m]: [&IBig; 4],
) -> PyResult<Bound<'py, PyAny>> {
    if *m == IBig::ZERO {
        return Err(PyZeroDivisionError::new_err(format!("{function} by zero: m = 0")));
    }
    let value = py
        .detach(|| big_modular::member(member, p, q, n, m, &mut look_for_signals))?
        .map_err(raised)?;
    let (sign, magnitude) = value.into_parts();
    from_big(py, &magnitude, sign == Sign::Negative)
}

/// The Pisano period.
pub(super) struct Pisano;

impl Loop for Pisano {
    type Inputs = Objects<1>;
    type Outputs = Objects<1>;

    fn run(call: &Call<Objects<1>, Objects<1>>) -> PyResult<()> {
        Python::attach(|py| {
            for at in 0..call.count() {
                let [m] = read(py, call, "pisano_period", at)?;
                if m == IBig::ZERO {
                    return Err(PyZeroDivisionError::new_err("pisano_period of zero: m = 0"));
                }
                let (_, modulus) = m.into_parts();
                let period = py.detach(|| pisano::period_big(&modulus, &mut look_for_signals))?;
                call.set_object(at, from_big(py, &period, false)?);
            }
            Ok(())
        })
    }
}

/// The n with F(n) = x, or -1.
fn find(py: Python<'_>, function: &str, entry: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    let x = to_big(&index(function, entry)?)?;
    py.detach(|| big::index(&x, &mut look_for_signals))
}

/// The index of a Fibonacci number.
pub(super) struct FindIndex;

impl Loop for FindIndex {
    type Inputs = Objects<1>;
    type Outputs = Objects<1>;

    fn run(call: &Call<Objects<1>, Objects<1>>) -> PyResult<()> {
        Python::attach(|py| {
            for at in 0..call.count() {
                let found = find(py, "fibonacci_index", &call.object(py, 0, at))?;
                let n = found.unwrap_or(NO_INDEX).into_pyobject(py)?;
                call.set_object(at, n.into_any());
            }
            Ok(())
        })
    }
}

/// Whether x is a Fibonacci number.
pub(super) struct IsFibonacci;

impl Loop for IsFibonacci {
    type Inputs = Objects<1>;
    type Outputs = (bool,);

    fn run(call: &Call<Objects<1>, (bool,)>) -> PyResult<()> {
        Python::attach(|py| {
            for at in 0..call.count() {
                let found = find(py, "is_fibonacci", &call.object(py, 0, at))?;
                call.set(at, found.is_some());
            }
            Ok(())
        })
    }
}
