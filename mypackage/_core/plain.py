"""Plain arrays of any dtype; those with a kernel go to the extension."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mypackage import _native

from . import moments, objects, timedelta, units
from .input_types import KERNELS, unsupported
from .reductions import Reduction


def reduce(reduction: Reduction, a: np.ndarray, arguments: dict[str, Any]) -> Any:
    """The reduction of an array, or a TypeError that names its dtype."""
    name = reduction.name
    if reduction.state == "ExactMoments":
        return moments.reduce(reduction, a, **arguments)
    if a.dtype.char in KERNELS:
        negative = starts_at_negative_zero(arguments.get("initial"))
        if any(negative):
            return _from_negative_zero(reduction, a, arguments, negative)
        return getattr(_native, name)(a, **arguments)
    if a.dtype.kind == "O":
        return objects.reduce(reduction, a, **arguments)
    if a.dtype.kind in "mM" and reduction.state == "ExactSum":
        return timedelta.reduce(reduction, a, **arguments)
    others = "timedelta64 and object" if reduction.state == "ExactSum" else "and object"
    raise unsupported(name, a.dtype, f", {others}")


def starts_at_negative_zero(initial: Any) -> tuple[bool, bool]:
    """Whether the parts of ``initial`` are -0.0, which decides the sign of a zero sum."""
    if initial is None or isinstance(initial, (int, str, bytes)) or np.ndim(initial):
        return False, False
    if units.kind_of(initial) is not None:
        # The extension hands such sums over, and `dispatch` refuses them.
        return True, False
    try:
        value = complex(initial)
    except (TypeError, ValueError, OverflowError):
        return False, False
    real, imaginary = (x == 0 and math.copysign(1, x) < 0 for x in (value.real, value.imag))
    return real, imaginary


def _from_negative_zero(
    reduction: Reduction, a: np.ndarray, arguments: dict[str, Any], negative: tuple[bool, bool]
) -> Any:
    """Sums whose zero parts are negative where only -0.0 was added to an initial -0.0."""
    over = {key: arguments[key] for key in ("axis", "keepdims", "where") if key in arguments}
    # (Before writing to `out`, which may share memory with `a`.)
    others = [
        np.asarray(np.any(other, **over)) if sign else None
        for sign, other in zip(
            negative, other_than_negative_zero(a, reduction.skip_nan), strict=True
        )
    ]
    initial = arguments["initial"] + (0j if negative[1] else 0)
    result = getattr(_native, reduction.name)(a, **{**arguments, "initial": initial})
    given = arguments.get("out") is not None
    signed = result if given else np.array(result)
    for part, other in zip(_parts(signed), others, strict=False):
        if other is not None and part.dtype.kind == "f":
            part[~other] = -0.0
    return signed if given else signed[()]


def _parts(x: np.ndarray) -> tuple[np.ndarray, ...]:
    """Views of the real and imaginary parts."""
    return (x.real, x.imag) if x.dtype.kind == "c" else (x,)


def other_than_negative_zero(a: Any, skip_nan: bool) -> tuple[Any, Any]:
    """Which elements, by real and imaginary part, are anything but -0.0."""
    inexact = a.dtype.kind in "fc"
    valid = ~np.isnan(a) if skip_nan and inexact else (a == a) | (a != a)
    if not inexact:
        return valid, valid
    # A real number has the imaginary part +0.0.
    parts = [valid & ((x != 0) | ~np.signbit(x)) for x in _parts(a)]
    return parts[0], parts[1] if len(parts) == 2 else valid


def cumsum(a: np.ndarray, axis: Any, dtype: Any, out: Any) -> Any:
    """`mypackage.cumsum` of an array."""
    if a.dtype.char in KERNELS:
        return _native.cumsum(a, axis, dtype, out)
    if a.dtype.kind == "O":
        return objects.cumsum(a, axis, dtype, out)
    if a.dtype.kind in "mM":
        return timedelta.cumsum(a, axis, dtype, out)
    raise unsupported("cumsum", a.dtype, ", timedelta64 and object")


def vecdot(x1: np.ndarray, x2: np.ndarray, axis: Any) -> Any:
    """`mypackage.vecdot` of two arrays."""
    arrays = (x1, x2)
    if any(x.dtype.kind == "O" for x in arrays):
        return objects.vecdot(x1, x2, axis)
    for x in arrays:
        if x.dtype.char not in KERNELS:
            raise unsupported("vecdot", x.dtype, " and object")
    return _native.vecdot(x1, x2, axis=axis)
