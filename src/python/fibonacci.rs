//! The Fibonacci family as ufuncs: the table, and the loops that join kernels to NumPy.

use std::marker::PhantomData;

use pyo3::prelude::*;
use pyo3::types::PyModule;

use super::ufunc::{Call, Loop, Scalar, TypedLoop, Ufunc, Work};
use crate::fibonacci::Word;
use crate::fibonacci::modular::{self, Member, Ring, SharedRing};
use crate::fibonacci::small::{self, Tabulated};

/// Adds every ufunc to the module.
pub(super) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    UFUNCS.iter().try_for_each(|ufunc| ufunc.add_to(module))
}

/// The loops of a four-parameter sequence: int64 and uint64 in every mix.
macro_rules! lucas_loops {
    ($S:ident) => { lucas_loops!(@p $S: i64 i64, u64 u64, i64 u64, u64 i64) };
    (@p $S:ident: $($n:ident $m:ident),+) => {
        &[
            $(TypedLoop::of::<Sequence<$S, i64, i64, $n, $m>>(),)+
            $(TypedLoop::of::<Sequence<$S, u64, u64, $n, $m>>(),)+
            $(TypedLoop::of::<Sequence<$S, i64, u64, $n, $m>>(),)+
            $(TypedLoop::of::<Sequence<$S, u64, i64, $n, $m>>(),)+
        ]
    };
}

static UFUNCS: &[Ufunc] = &[
    Ufunc {
        name: c"fibonacci",
        doc: c"fibonacci(n, /, out=None, *, where=True, dtype=None)

F(n), the n-th Fibonacci number, exact, element by element.

F(0) = 0, F(1) = 1, F(n) = F(n-1) + F(n-2); for negative n, F(-n) = (-1)**(n+1) F(n).

Parameters
----------
n : array_like of int
    Any shape. Smaller integers are cast to int64 (uint64 stays). Python ints of any size with
    ``dtype=object``.
out, where, dtype, **kwargs
    As for any `numpy.ufunc`.

Returns
-------
ndarray or scalar
    int64 for int64 input, uint64 for uint64, Python ints for object.

Raises
------
OverflowError
    If a result does not fit: int64 holds ``|n| <= 92``, uint64 ``n <= 93``. The message names
    the first such n. ``dtype=object`` has no such limit.
TypeError
    For floating-point and complex input.

See Also
--------
fibonacci_mod : F(n) modulo m, for any n.
lucas : the companion sequence.

Examples
--------
>>> import mypackage, numpy as np
>>> mypackage.fibonacci(np.arange(-3, 11))
array([ 2, -1,  1,  0,  1,  1,  2,  3,  5,  8, 13, 21, 34, 55])
",
        loops: &[TypedLoop::of::<Small<U, i64>>(), TypedLoop::of::<Small<U, u64>>()],
    },
    Ufunc {
        name: c"lucas",
        doc: c"lucas(n, /, out=None, *, where=True, dtype=None)

L(n), the n-th Lucas number, exact, element by element.

L(0) = 2, L(1) = 1, L(n) = L(n-1) + L(n-2); for negative n, L(-n) = (-1)**n L(n).

Parameters
----------
n : array_like of int
    Any shape. Smaller integers are cast to int64 (uint64 stays). Python ints of any size with
    ``dtype=object``.
out, where, dtype, **kwargs
    As for any `numpy.ufunc`.

Returns
-------
ndarray or scalar
    int64 for int64 input, uint64 for uint64, Python ints for object.

Raises
------
OverflowError
    If a result does not fit: int64 holds ``|n| <= 90``, uint64 ``n <= 92``. The message names
    the first such n. ``dtype=object`` has no such limit.
TypeError
    For floating-point and complex input.

See Also
--------
lucas_mod : L(n) modulo m, for any n.
fibonacci : the companion sequence.

Examples
--------
>>> import mypackage, numpy as np
>>> mypackage.lucas(np.arange(-2, 9))
array([ 3, -1,  2,  1,  3,  4,  7, 11, 18, 29, 47])
",
        loops: &[TypedLoop::of::<Small<V, i64>>(), TypedLoop::of::<Small<V, u64>>()],
    },
    Ufunc {
        name: c"fibonacci_mod",
        doc: c"fibonacci_mod(n, m, /, out=None, *, where=True, dtype=None)

F(n) modulo m, for any n and m, element by element.

Parameters
----------
n, m : array_like of int
    Index and modulus, broadcast against each other; int64 and uint64 in any mix, or Python ints
    of any size with ``dtype=object``. Negative n by F(-n) = (-1)**(n+1) F(n).
out, where, dtype, **kwargs
    As for any `numpy.ufunc`.

Returns
-------
ndarray or scalar
    Of the type of m, with Python's sign rule: in ``[0, m)`` for m > 0, in ``(m, 0]`` for m < 0.
    0 where m is 0, with NumPy's divide-by-zero handling (`numpy.errstate`).

Raises
------
TypeError
    For floating-point and complex input.
ZeroDivisionError
    For m = 0 in object arrays.

Notes
-----
Powers in the ring Z/m[phi]: by fast doubling, about 0.2 us per element, or, where one m serves
a whole array, by tables of powers built once per call (Brauer 1939). Division by m is
multiplication by its reciprocal (Moeller and Granlund 2011), so even moduli cost no more than
odd ones.

See Also
--------
fibonacci : the numbers themselves.
pisano_period : the period of the Fibonacci numbers modulo m.

Examples
--------
>>> import mypackage
>>> mypackage.fibonacci_mod([10, 10**18, -7], 1000)
array([ 55, 875,  13])
",
        loops: &[
            TypedLoop::of::<Modular<U, i64, i64>>(),
            TypedLoop::of::<Modular<U, u64, u64>>(),
            TypedLoop::of::<Modular<U, i64, u64>>(),
            TypedLoop::of::<Modular<U, u64, i64>>(),
        ],
    },
    Ufunc {
        name: c"lucas_mod",
        doc: c"lucas_mod(n, m, /, out=None, *, where=True, dtype=None)

L(n) modulo m, for any n and m, element by element.

Parameters
----------
n, m : array_like of int
    Index and modulus, broadcast against each other; int64 and uint64 in any mix, or Python ints
    of any size with ``dtype=object``. Negative n by L(-n) = (-1)**n L(n).
out, where, dtype, **kwargs
    As for any `numpy.ufunc`.

Returns
-------
ndarray or scalar
    Of the type of m, with Python's sign rule: in ``[0, m)`` for m > 0, in ``(m, 0]`` for m < 0.
    0 where m is 0, with NumPy's divide-by-zero handling (`numpy.errstate`).

Raises
------
TypeError
    For floating-point and complex input.
ZeroDivisionError
    For m = 0 in object arrays.

Notes
-----
Powers in the ring Z/m[phi]: by fast doubling, about 0.2 us per element, or, where one m serves
a whole array, by tables of powers built once per call (Brauer 1939). Division by m is
multiplication by its reciprocal (Moeller and Granlund 2011), so even moduli cost no more than
odd ones.

See Also
--------
lucas : the numbers themselves.
pisano_period : the period of the Fibonacci numbers modulo m.

Examples
--------
>>> import mypackage
>>> mypackage.lucas_mod([10, 10**18, -7], 1000)
array([123, 127, 971])
",
        loops: &[
            TypedLoop::of::<Modular<V, i64, i64>>(),
            TypedLoop::of::<Modular<V, u64, u64>>(),
            TypedLoop::of::<Modular<V, i64, u64>>(),
            TypedLoop::of::<Modular<V, u64, i64>>(),
        ],
    },
    Ufunc {
        name: c"lucasu_mod",
        doc: c"lucasu_mod(p, q, n, m, /, out=None, *, where=True, dtype=None)

The Lucas sequence U(n) with parameters P = p and Q = q, modulo m, element by element.

U(0) = 0, U(1) = 1, U(n) = P U(n-1) - Q U(n-2). With P = 1 and Q = -1
these are the Fibonacci numbers.

Parameters
----------
p, q, n, m : array_like of int
    Parameters, index and modulus, broadcast against each other; int64 and uint64 in any mix, or
    Python ints of any size with ``dtype=object``.
out, where, dtype, **kwargs
    As for any `numpy.ufunc`.

Returns
-------
ndarray or scalar
    Of the type of m, with Python's sign rule: in ``[0, m)`` for m > 0, in ``(m, 0]`` for m < 0.
    0 where m is 0, with NumPy's divide-by-zero handling (`numpy.errstate`).

Raises
------
ValueError
    For a negative n where q has no inverse modulo m: the sequence has no such member.
TypeError
    For floating-point and complex input.
ZeroDivisionError
    For m = 0 in object arrays.

Notes
-----
Lucas 1878, \"Theorie des fonctions numeriques simplement periodiques\"; computed as
`fibonacci_mod` is.

Examples
--------
>>> import mypackage, numpy as np
>>> mypackage.lucasu_mod(3, 2, np.arange(8), 1000)
array([  0,   1,   3,   7,  15,  31,  63, 127])
",
        loops: lucas_loops!(U),
    },
    Ufunc {
        name: c"lucasv_mod",
        doc: c"lucasv_mod(p, q, n, m, /, out=None, *, where=True, dtype=None)

The Lucas sequence V(n) with parameters P = p and Q = q, modulo m, element by element.

V(0) = 2, V(1) = P, V(n) = P V(n-1) - Q V(n-2). With P = 1 and Q = -1
these are the Lucas numbers.

Parameters
----------
p, q, n, m : array_like of int
    Parameters, index and modulus, broadcast against each other; int64 and uint64 in any mix, or
    Python ints of any size with ``dtype=object``.
out, where, dtype, **kwargs
    As for any `numpy.ufunc`.

Returns
-------
ndarray or scalar
    Of the type of m, with Python's sign rule: in ``[0, m)`` for m > 0, in ``(m, 0]`` for m < 0.
    0 where m is 0, with NumPy's divide-by-zero handling (`numpy.errstate`).

Raises
------
ValueError
    For a negative n where q has no inverse modulo m: the sequence has no such member.
TypeError
    For floating-point and complex input.
ZeroDivisionError
    For m = 0 in object arrays.

Notes
-----
Lucas 1878, \"Theorie des fonctions numeriques simplement periodiques\"; computed as
`fibonacci_mod` is.

Examples
--------
>>> import mypackage, numpy as np
>>> mypackage.lucasv_mod(3, 2, np.arange(8), 1000)
array([  2,   3,   5,   9,  17,  33,  65, 129])
",
        loops: lucas_loops!(V),
    },
];

/// F(n) or L(n) where it fits a word.
struct Small<S, T>(PhantomData<(S, T)>);

/// A marker type for one of the two members of a Lucas sequence pair.
trait Which: 'static {
    const MEMBER: Member;
}

/// Fibonacci numbers and U sequences.
struct U;

impl Which for U {
    const MEMBER: Member = Member::U;
}

/// Lucas numbers and V sequences.
struct V;

impl Which for V {
    const MEMBER: Member = Member::V;
}

impl<S: Which, T: Tabulated + Scalar> Loop for Small<S, T> {
    type Inputs = (T,);
    type Outputs = (T,);

    fn run(call: &Call<(T,), (T,)>) -> PyResult<()> {
        call.for_each_block(Work::Light, |(n,), (out,)| match S::MEMBER {
            Member::U => small::fibonacci(n, out),
            Member::V => small::lucas(n, out),
        })
    }
}

/// F(n) or L(n) modulo m. The result has the type of m, whose range it shares.
struct Modular<S, N, M>(PhantomData<(S, N, M)>);

impl<S: Which, N: Word + Scalar, M: Word + Scalar> Loop for Modular<S, N, M> {
    type Inputs = (N, M);
    type Outputs = (M,);

    fn run(call: &Call<(N, M), (M,)>) -> PyResult<()> {
        let (_, m) = call.first();
        if m.magnitude() != 0 && call.is_shared(1) && call.count() >= SharedRing::PAYS_FROM {
            let ring = SharedRing::new(Ring::fibonacci(m.magnitude()));
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
struct Sequence<S, P, Q, N, M>(PhantomData<(S, P, Q, N, M)>);

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
