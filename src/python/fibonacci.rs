//! The Fibonacci family as ufuncs: the table, and the loops that join kernels to NumPy.

use std::marker::PhantomData;

use pyo3::prelude::*;
use pyo3::types::PyModule;

use super::ufunc::{Call, Loop, Scalar, TypedLoop, Ufunc, Work};
use crate::fibonacci::small::{self, Tabulated};

/// Adds every ufunc to the module.
pub(super) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    UFUNCS.iter().try_for_each(|ufunc| ufunc.add_to(module))
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
        loops: &[TypedLoop::of::<Fibonacci<i64>>(), TypedLoop::of::<Fibonacci<u64>>()],
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
        loops: &[TypedLoop::of::<Lucas<i64>>(), TypedLoop::of::<Lucas<u64>>()],
    },
];

struct Fibonacci<T>(PhantomData<T>);

impl<T: Tabulated + Scalar> Loop for Fibonacci<T> {
    type Inputs = (T,);
    type Outputs = (T,);

    fn run(call: &Call<(T,), (T,)>) -> PyResult<()> {
        call.for_each_block(Work::Light, |(n,), (out,)| small::fibonacci(n, out))
    }
}

struct Lucas<T>(PhantomData<T>);

impl<T: Tabulated + Scalar> Loop for Lucas<T> {
    type Inputs = (T,);
    type Outputs = (T,);

    fn run(call: &Call<(T,), (T,)>) -> PyResult<()> {
        call.for_each_block(Work::Light, |(n,), (out,)| small::lucas(n, out))
    }
}
