//! The Fibonacci family as ufuncs: the table, with the docstrings; the loops are in `words` and `objects`.

use std::ffi::CStr;

use pyo3::prelude::*;
use pyo3::types::PyModule;

use super::ufunc::{TypedLoop, Ufunc};
use mypackage::fibonacci::modular::Member;

mod objects;
mod words;

/// Adds every ufunc to the module.
pub(super) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    UFUNCS.iter().try_for_each(|ufunc| ufunc.add_to(module))
}

/// The loops of a four-parameter sequence, for every mix of int64 and uint64.
macro_rules! lucas_loops {
    ($S:ident) => { lucas_loops!(@p $S: i64 i64, u64 u64, i64 u64, u64 i64) };
    (@p $S:ident: $($n:ident $m:ident),+) => {
        &[
            $(TypedLoop::of::<words::Sequence<$S, i64, i64, $n, $m>>(),)+
            $(TypedLoop::of::<words::Sequence<$S, u64, u64, $n, $m>>(),)+
            $(TypedLoop::of::<words::Sequence<$S, i64, u64, $n, $m>>(),)+
            $(TypedLoop::of::<words::Sequence<$S, u64, i64, $n, $m>>(),)+
            TypedLoop::of::<objects::Sequence<$S>>(),
        ]
    };
}

/// A docstring assembled from literals.
macro_rules! doc {
    ($($part:literal),+ $(,)?) => {
        const {
            match CStr::from_bytes_with_nul(concat!($($part,)+ "\0").as_bytes()) {
                Ok(doc) => doc,
                Err(_) => panic!("a NUL in a docstring"),
            }
        }
    };
}

/// The docstring of a sequence.
macro_rules! number_doc {
    ($name:literal, $title:literal, $definition:literal, $range:literal, $see:literal, $example:literal $(,)?) => {
        doc!(
            $name,
            "(n, /, out=None, *, where=True, dtype=None)

",
            $title,
            "

",
            $definition,
            "

Parameters
----------
n : array_like of int
    Any shape. Smaller integers are cast to int64 (uint64 stays). Python ints of any size with
    ``dtype=object``.
out, where, dtype, **kwargs
    As for any `numpy.ufunc`: what does not fit a narrower `out` is cut off by NumPy, unless
    ``casting='safe'``.

Returns
-------
ndarray or scalar
    int64 for int64 input, uint64 for uint64, Python ints for object.

Raises
------
OverflowError
    If a result does not fit: ",
            $range,
            ". The message names
    the first such n. ``dtype=object`` has no such limit.
TypeError
    For floating-point and complex input.

See Also
--------
",
            $see,
            "

Notes
-----
64-bit results are looked up. Python ints come by fast doubling (D. Takahashi 2000, 'A fast
algorithm for computing large Fibonacci numbers'); an array shares the work where indices are near.

Examples
--------
",
            $example
        )
    };
}

/// The docstring of a sequence modulo m.
macro_rules! remainder_doc {
    ($name:literal, $title:literal, $reflection:literal, $see:literal, $example:literal $(,)?) => {
        doc!(
            $name,
            "(n, m, /, out=None, *, where=True, dtype=None)

",
            $title,
            "

Parameters
----------
n, m : array_like of int
    Index and modulus, broadcast against each other; int64 and uint64 in any mix, or Python ints
    of any size with ``dtype=object``. Negative n by ",
            $reflection,
            ".
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

See Also
--------
",
            $see,
            "

Notes
-----
Powers in the ring Z/m[phi]: by fast doubling, about 0.2 us per element, or, where one m serves
a whole array, by tables of powers built once per call (Brauer 1939). Division by m is
multiplication by its reciprocal (Moeller and Granlund 2011), so even moduli cost no more than
odd ones.

Examples
--------
",
            $example
        )
    };
}

/// The docstring of a four-parameter sequence.
macro_rules! sequence_doc {
    ($name:literal, $title:literal, $definition:literal, $example:literal $(,)?) => {
        doc!(
            $name,
            "(p, q, n, m, /, out=None, *, where=True, dtype=None)

",
            $title,
            "

",
            $definition,
            "

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

See Also
--------
fibonacci_mod, lucas_mod

Notes
-----
Lucas 1878, \"Theorie des fonctions numeriques simplement periodiques\"; computed as
`fibonacci_mod` is.

Examples
--------
",
            $example
        )
    };
}

static UFUNCS: &[Ufunc] = &[
    Ufunc {
        name: c"fibonacci",
        doc: number_doc!(
            "fibonacci",
            "F(n), the n-th Fibonacci number, exact, element by element.",
            "F(0) = 0, F(1) = 1, F(n) = F(n-1) + F(n-2); for negative n, F(-n) = (-1)**(n+1) F(n).",
            "int64 holds ``|n| <= 92``, uint64 ``n <= 93``",
            "fibonacci_mod : The remainder of F(n) modulo m, for any n.
lucas : The companion sequence.",
            ">>> import mypackage, numpy as np
>>> mypackage.fibonacci(np.arange(-3, 11))
array([ 2, -1,  1,  0,  1,  1,  2,  3,  5,  8, 13, 21, 34, 55])
",
        ),
        loops: &[TypedLoop::of::<words::Number<U, i64>>(), TypedLoop::of::<words::Number<U, u64>>(), TypedLoop::of::<objects::Number<U>>()],
    },
    Ufunc {
        name: c"lucas",
        doc: number_doc!(
            "lucas",
            "L(n), the n-th Lucas number, exact, element by element.",
            "L(0) = 2, L(1) = 1, L(n) = L(n-1) + L(n-2); for negative n, L(-n) = (-1)**n L(n).",
            "int64 holds ``|n| <= 90``, uint64 ``n <= 92``",
            "lucas_mod : The remainder of L(n) modulo m, for any n.
fibonacci : The companion sequence.",
            ">>> import mypackage, numpy as np
>>> mypackage.lucas(np.arange(-2, 9))
array([ 3, -1,  2,  1,  3,  4,  7, 11, 18, 29, 47])
",
        ),
        loops: &[TypedLoop::of::<words::Number<V, i64>>(), TypedLoop::of::<words::Number<V, u64>>(), TypedLoop::of::<objects::Number<V>>()],
    },
    Ufunc {
        name: c"fibonacci_mod",
        doc: remainder_doc!(
            "fibonacci_mod",
            "F(n) modulo m, for any n and m, element by element.",
            "F(-n) = (-1)**(n+1) F(n)",
            "fibonacci : The numbers themselves.
pisano_period : The period of the Fibonacci numbers modulo m.",
            ">>> import mypackage
>>> mypackage.fibonacci_mod([10, 10**18, -7], 1000)
array([ 55, 875,  13])
",
        ),
        loops: &[
            TypedLoop::of::<words::Modular<U, i64, i64>>(),
            TypedLoop::of::<words::Modular<U, u64, u64>>(),
            TypedLoop::of::<words::Modular<U, i64, u64>>(),
            TypedLoop::of::<words::Modular<U, u64, i64>>(),
            TypedLoop::of::<objects::Modular<U>>(),
        ],
    },
    Ufunc {
        name: c"lucas_mod",
        doc: remainder_doc!(
            "lucas_mod",
            "L(n) modulo m, for any n and m, element by element.",
            "L(-n) = (-1)**n L(n)",
            "lucas : The numbers themselves.
pisano_period : The period of the Fibonacci numbers modulo m.",
            ">>> import mypackage
>>> mypackage.lucas_mod([10, 10**18, -7], 1000)
array([123, 127, 971])
",
        ),
        loops: &[
            TypedLoop::of::<words::Modular<V, i64, i64>>(),
            TypedLoop::of::<words::Modular<V, u64, u64>>(),
            TypedLoop::of::<words::Modular<V, i64, u64>>(),
            TypedLoop::of::<words::Modular<V, u64, i64>>(),
            TypedLoop::of::<objects::Modular<V>>(),
        ],
    },
    Ufunc {
        name: c"lucasu_mod",
        doc: sequence_doc!(
            "lucasu_mod",
            "The Lucas sequence U(n) with parameters P = p and Q = q, modulo m, element by element.",
            "U(0) = 0, U(1) = 1, U(n) = P U(n-1) - Q U(n-2). With P = 1 and Q = -1
these are the Fibonacci numbers.",
            ">>> import mypackage, numpy as np
>>> mypackage.lucasu_mod(3, 2, np.arange(8), 1000)
array([  0,   1,   3,   7,  15,  31,  63, 127])
",
        ),
        loops: lucas_loops!(U),
    },
    Ufunc {
        name: c"lucasv_mod",
        doc: sequence_doc!(
            "lucasv_mod",
            "The Lucas sequence V(n) with parameters P = p and Q = q, modulo m, element by element.",
            "V(0) = 2, V(1) = P, V(n) = P V(n-1) - Q V(n-2). With P = 1 and Q = -1
these are the Lucas numbers.",
            ">>> import mypackage, numpy as np
>>> mypackage.lucasv_mod(3, 2, np.arange(8), 1000)
array([  2,   3,   5,   9,  17,  33,  65, 129])
",
        ),
        loops: lucas_loops!(V),
    },
    Ufunc {
        name: c"fibonacci_pair",
        doc: c"fibonacci_pair(n, /, out=(None, None), *, where=True, dtype=None)

The pair (F(n), F(n+1)), exact, element by element.

Parameters
----------
n : array_like of int
    Any shape. Smaller integers are cast to int64 (uint64 stays). Python ints of any size with
    ``dtype=object``, where one computation serves both numbers.
out, where, dtype, **kwargs
    As for any `numpy.ufunc` with two outputs.

Returns
-------
tuple of two ndarrays or scalars
    F(n) and F(n+1), of the type of n.

Raises
------
OverflowError
    If a result does not fit: int64 holds ``-92 <= n < 92``, uint64 ``n < 93``. The message names
    the first such n.
TypeError
    For floating-point and complex input.

See Also
--------
fibonacci, lucas

Notes
-----
dask does not apply ufuncs with two outputs; ``dask.array.apply_gufunc(fibonacci_pair,
'()->(),()', n)`` does.

Examples
--------
>>> import mypackage
>>> mypackage.fibonacci_pair([5, 90])
(array([                  5, 2880067194370816120]), array([                  8, 4660046610375530309]))
",
        loops: &[
            TypedLoop::of::<words::Pair<i64>>(),
            TypedLoop::of::<words::Pair<u64>>(),
            TypedLoop::of::<objects::Pair>(),
        ],
    },
    Ufunc {
        name: c"fibonacci_index",
        doc: c"fibonacci_index(x, /, out=None, *, where=True, dtype=None)

The n with F(n) = x, or -1 where there is none, element by element.

For x >= 0 the smallest n >= 0 (so 1 for x = 1); for x < 0 the n < 0. No Fibonacci number has
-1 for its index alone, as F(-1) = F(1) = 1.

Parameters
----------
x : array_like of int
    Numbers: int64, uint64 or, with ``dtype=object``, Python ints of any size.
out, where, dtype, **kwargs
    As for any `numpy.ufunc`.

Returns
-------
ndarray or scalar
    int64, or Python ints for object.

Raises
------
TypeError
    For floating-point and complex input.

See Also
--------
is_fibonacci : Whether there is such an n.

Examples
--------
>>> import mypackage
>>> mypackage.fibonacci_index([0, 1, 4, 55, -8])
array([ 0,  1, -1, 10, -6])
",
        loops: &[
            TypedLoop::of::<words::FindIndex<i64>>(),
            TypedLoop::of::<words::FindIndex<u64>>(),
            TypedLoop::of::<objects::FindIndex>(),
        ],
    },
    Ufunc {
        name: c"is_fibonacci",
        doc: c"is_fibonacci(x, /, out=None, *, where=True)

Whether x is a Fibonacci number F(n) for some n, which may be negative, element by element.

Parameters
----------
x : array_like of int
    Numbers: int64, uint64 or object (Python ints of any size).
out, where, **kwargs
    As for any `numpy.ufunc`.

Returns
-------
ndarray of bool or bool
    True for F(n) of any integer n.

Raises
------
TypeError
    For floating-point and complex input.

See Also
--------
fibonacci_index : The n.

Examples
--------
>>> import mypackage
>>> mypackage.is_fibonacci([0, 1, 4, 55, -8])
array([ True,  True, False,  True,  True])
",
        loops: &[
            TypedLoop::of::<words::IsFibonacci<i64>>(),
            TypedLoop::of::<words::IsFibonacci<u64>>(),
            TypedLoop::of::<objects::IsFibonacci>(),
        ],
    },
    Ufunc {
        name: c"pisano_period",
        doc: c"pisano_period(m, /, out=None, *, where=True, dtype=None)

The Pisano period of m: after how many terms F(n) modulo m repeats, element by element.

Parameters
----------
m : array_like of int
    Moduli: int64, uint64 or, with ``dtype=object``, Python ints of any size that can be factored. A
    negative m counts as ``|m|``.
out, where, dtype, **kwargs
    As for any `numpy.ufunc`.

Returns
-------
ndarray or scalar
    The least k > 0 with F(k) = 0 and F(k+1) = 1 modulo m; of the type of m. 0 where m is 0, with
    NumPy's divide-by-zero handling (`numpy.errstate`).

Raises
------
OverflowError
    If a period, which is at most 6 m, does not fit. The message names m.
TypeError
    For floating-point and complex input.
ZeroDivisionError
    For m = 0 in object arrays.

See Also
--------
fibonacci_mod

Notes
-----
From the prime factors of m and of their neighbours (D. D. Wall 1960, 'Fibonacci series modulo m'),
found by Pollard's rho method (Brent 1980). Beyond 64 bits that takes as long as the second
largest prime factor demands; Ctrl-C works.

Examples
--------
>>> import mypackage
>>> mypackage.pisano_period([1, 2, 10, 1000, 10**18])
array([                  1,                   3,                  60,
                      1500, 1500000000000000000])
",
        loops: &[
            TypedLoop::of::<words::Pisano<i64>>(),
            TypedLoop::of::<words::Pisano<u64>>(),
            TypedLoop::of::<objects::Pisano>(),
        ],
    },
];

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
