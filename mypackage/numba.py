"""The package's functions inside ``@numba.njit``: importing this module registers them with numba.

Inside compiled code these are calls of the C library, a few nanoseconds each, without the GIL:

- ``mypackage.sum(a)`` for float64 and float32 arrays: of one axis at any stride, or contiguous;
- ``mypackage.var(a, ddof=0)``, ``mypackage.std(a, ddof=0)`` and ``mypackage.norm(a)`` for float64
  arrays: of one axis at any stride, or contiguous;
- ``mypackage.vecdot(x1, x2)`` for float64 arrays of one axis, also by its name in `mypackage.capi`;
- ``mypackage.fibonacci(n)`` for an integer;
- ``mypackage.fibonacci_mod(n, m)`` for two integers, both signed or both unsigned.

numba finds the module by itself (entry point ``numba_extensions``), so an import is needed only
where a cached function runs before anything was compiled. Compiled code cannot build messages at
run time: an exception says what went wrong, not at which number.

Examples
--------
>>> import numba, numpy as np, mypackage, mypackage.numba
>>> @numba.njit
... def total(rows):
...     result = 0.0
...     for i in range(rows.shape[0]):
...         result += mypackage.sum(rows[i]) * mypackage.fibonacci(i)
...     return result
>>> total(np.array([[1.0, 2.0], [1e16, 1.0], [3.0, 4.0]]))
1.0000000000000008e+16
"""

# numba's extension interface is untyped.
# mypy: ignore-errors

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload

import mypackage

from . import capi


def _init() -> None:
    """For numba's entry point; importing this module is all that it takes."""


def _external(name: str, *arguments: types.Type) -> types.ExternalFunction:
    """Return a C function that returns a status, for use in compiled code."""
    symbol = f"mypackage_{name}"
    # By name, not by address, so that compiled code can be cached on disk.
    address = ctypes.cast(getattr(capi.library, symbol), ctypes.c_void_p).value
    llvmlite.binding.add_symbol(symbol, address)
    return types.ExternalFunction(symbol, types.int32(*arguments))


# Pointers are passed as unsigned integers.
_POINTER, _COUNT, _STRIDE = types.uintp, types.uintp, types.intp
_sum = {
    types.float64: _external("sum_f64", _POINTER, _COUNT, _STRIDE, _POINTER),
    types.float32: _external("sum_f32", _POINTER, _COUNT, _STRIDE, _POINTER),
}
_moments = {
    name: _external(f"{name}_f64", _POINTER, _COUNT, _STRIDE, types.float64, _POINTER)
    for name in ("var", "std")
}
_norm = _external("norm_f64", _POINTER, _COUNT, _STRIDE, _POINTER)
_vecdot = _external("vecdot_f64", _POINTER, _POINTER, _COUNT, _STRIDE, _STRIDE, _POINTER)
_fibonacci = {
    True: _external("fibonacci_i64", _POINTER, _COUNT, _STRIDE, _POINTER, _STRIDE),
    False: _external("fibonacci_u64", _POINTER, _COUNT, _STRIDE, _POINTER, _STRIDE),
}
_fibonacci_mod = _external(
    "fibonacci_mod_u64", _POINTER, _POINTER, _COUNT, _STRIDE, _STRIDE, _POINTER, _STRIDE
)


@intrinsic
def _store(context: Any, value: types.Type) -> tuple[Any, Callable[..., Any]]:
    """Put a number on the stack and return its address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        slot = cgutils.alloca_once_value(builder, arguments[0])
        return builder.ptrtoint(slot, context.get_value_type(types.uintp))

    return types.uintp(value), generate


@intrinsic
def _load(context: Any, address: types.Type, like: types.Type) -> tuple[Any, Callable[..., Any]]:
    """Return the number at an address, of the type of `like`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = ir.PointerType(context.get_value_type(like))
        return builder.load(builder.inttoptr(arguments[0], pointer))

    return like(address, like), generate


@overload(mypackage.sum)
def _overload_sum(a: Any) -> Callable[..., Any] | None:
    if not isinstance(a, types.Array) or a.dtype not in _sum:
        return None
    function = _sum[a.dtype]
    zero = np.dtype(str(a.dtype)).type(0)
    if a.ndim == 1:

        def along_axis(a: Any) -> Any:
            out = _store(zero)
            if function(a.ctypes.data, a.size, a.strides[0], out) != 0:
                raise RuntimeError("mypackage.sum failed")
            return _load(out, zero)

        return along_axis
    if a.layout in "CF":

        def through_memory(a: Any) -> Any:
            out = _store(zero)
            if function(a.ctypes.data, a.size, a.itemsize, out) != 0:
                raise RuntimeError("mypackage.sum failed")
            return _load(out, zero)

        return through_memory
    return None


def _is_plain(a: Any) -> bool:
    """Whether the C functions can read the array: float64, and one-dimensional or contiguous."""
    return (
        isinstance(a, types.Array)
        and a.dtype == types.float64
        and (a.ndim == 1 or a.layout in "CF")
    )


def _overload_moment(name: str) -> None:
    function, failed = _moments[name], f"mypackage.{name} failed"

    @overload(getattr(mypackage, name))
    @overload(getattr(capi, name))
    def overloaded(a: Any, ddof: Any = 0) -> Callable[..., Any] | None:
        if not _is_plain(a):
            return None
        if a.ndim == 1:

            def along_axis(a: Any, ddof: Any = 0) -> Any:
                out = _store(0.0)
                if function(a.ctypes.data, a.size, a.strides[0], float(ddof), out) != 0:
                    raise RuntimeError(failed)
                return _load(out, 0.0)

            return along_axis

        def through_memory(a: Any, ddof: Any = 0) -> Any:
            out = _store(0.0)
            if function(a.ctypes.data, a.size, a.itemsize, float(ddof), out) != 0:
                raise RuntimeError(failed)
            return _load(out, 0.0)

        return through_memory


_overload_moment("var")
_overload_moment("std")


@overload(mypackage.norm)
@overload(capi.norm)
def _overload_norm(x: Any) -> Callable[..., Any] | None:
    if not _is_plain(x):
        return None
    if x.ndim == 1:

        def along_axis(x: Any) -> Any:
            out = _store(0.0)
            if _norm(x.ctypes.data, x.size, x.strides[0], out) != 0:
                raise RuntimeError("mypackage.norm failed")
            return _load(out, 0.0)

        return along_axis

    def through_memory(x: Any) -> Any:
        out = _store(0.0)
        if _norm(x.ctypes.data, x.size, x.itemsize, out) != 0:
            raise RuntimeError("mypackage.norm failed")
        return _load(out, 0.0)

    return through_memory


@overload(mypackage.vecdot)
@overload(capi.vecdot)
def _overload_vecdot(x1: Any, x2: Any) -> Callable[..., Any] | None:
    for array in (x1, x2):
        if not (
            isinstance(array, types.Array) and array.ndim == 1 and array.dtype == types.float64
        ):
            return None

    def implementation(x1: Any, x2: Any) -> Any:
        if x1.size != x2.size:
            raise ValueError("mypackage.vecdot needs arrays of equal length")
        out = _store(0.0)
        addresses = x1.ctypes.data, x2.ctypes.data
        if _vecdot(*addresses, x1.size, x1.strides[0], x2.strides[0], out) != 0:
            raise RuntimeError("mypackage.vecdot failed")
        return _load(out, 0.0)

    return implementation


@overload(mypackage.fibonacci)
def _overload_fibonacci(n: Any) -> Callable[..., Any] | None:
    if not isinstance(n, types.Integer):
        return None
    function = _fibonacci[n.signed]
    word = np.int64 if n.signed else np.uint64

    def implementation(n: Any) -> Any:
        out = _store(word(n))
        if function(out, 1, 0, out, 0) != 0:
            raise OverflowError("mypackage.fibonacci(n) does not fit 64 bits")
        return _load(out, word(0))

    return implementation


@overload(mypackage.fibonacci_mod)
def _overload_fibonacci_mod(n: Any, m: Any) -> Callable[..., Any] | None:
    if not (isinstance(n, types.Integer) and isinstance(m, types.Integer)):
        return None
    if n.signed != m.signed:
        return None

    if not n.signed:

        def unsigned(n: Any, m: Any) -> Any:
            out = _store(np.uint64(n))
            if _fibonacci_mod(out, _store(np.uint64(m)), 1, 0, 0, out, 0) != 0:
                raise ZeroDivisionError("mypackage.fibonacci_mod by 0")
            return _load(out, np.uint64(0))

        return unsigned

    def signed(n: Any, m: Any) -> Any:
        out = _store(np.int64(abs(n)))
        modulus = np.int64(abs(m))
        if _fibonacci_mod(out, _store(modulus), 1, 0, 0, out, 0) != 0:
            raise ZeroDivisionError("mypackage.fibonacci_mod by 0")
        residue = _load(out, np.int64(0))
        # F(-n) = (-1)^(n+1) F(n), and Python's rule for the sign of a remainder.
        if n < 0 and n % 2 == 0 and residue != 0:
            residue = modulus - residue
        return residue + np.int64(m) if m < 0 and residue != 0 else residue

    return signed
