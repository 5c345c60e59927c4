"""Exact ``numpy.ndarray`` objects of any dtype: those with a kernel go to the extension."""

from __future__ import annotations

from typing import Any

import numpy as np

from mypackage import _native

from . import moments, objects, timedelta
from .kinds import KERNELS, NUMBERS
from .reductions import Reduction


def reduce(reduction: Reduction, a: np.ndarray, arguments: dict[str, Any]) -> Any:
    """The reduction of an array, or a TypeError that names its dtype."""
    name = reduction.name
    if reduction.state == "ExactMoments":
        return moments.reduce(reduction, a, **arguments)
    if a.dtype.char in KERNELS:
        if is_negative_zero(arguments.get("initial", 0)):
            return _from_negative_zero(reduction, a, {**arguments, "initial": 0.0})
        return getattr(_native, name)(a, **arguments)
    if a.dtype.kind == "O":
        return objects.reduce(reduction, a, **arguments)
    if a.dtype.kind in "mM" and reduction.state == "ExactSum":
        return timedelta.reduce(reduction, a, **arguments)
    others = "timedelta64 and object" if reduction.state == "ExactSum" else "and object"
    raise TypeError(
        f"{name}: there is no exact result for dtype {a.dtype}; supported are {NUMBERS}, {others}"
    )


def is_negative_zero(initial: Any) -> bool:
    """Whether the sign of a zero sum matters."""
    return isinstance(initial, (float, np.floating)) and initial == 0 and bool(np.signbit(initial))


def _from_negative_zero(reduction: Reduction, a: np.ndarray, arguments: dict[str, Any]) -> Any:
    """Sums that are -0.0 where nothing but -0.0 is added to the initial -0.0."""
    result = getattr(_native, reduction.name)(a, **arguments)
    if np.asarray(result).dtype.kind != "f":
        return result
    other = is_other_than_negative_zero(a, reduction.skip_nan)
    over = {key: arguments[key] for key in ("axis", "keepdims", "where") if key in arguments}
    negative = ~np.any(other, **over)
    if arguments.get("out") is not None:
        result[negative] = -0.0
        return result
    return np.where(negative, np.asarray(-0.0, result.dtype), result)[()]


def is_other_than_negative_zero(a: Any, skip_nan: bool) -> Any:
    """Which elements make a sum that starts at -0.0 something else."""
    other = (a != 0) | ~np.signbit(a) if a.dtype.kind == "f" else a == a
    return other & ~np.isnan(a) if skip_nan and a.dtype.kind == "f" else other


def cumsum(a: np.ndarray, axis: Any, dtype: Any, out: Any) -> Any:
    """`mypackage.cumsum` of an array."""
    if a.dtype.char in KERNELS:
        return _native.cumsum(a, axis, dtype, out)
    if a.dtype.kind == "O":
        return objects.cumsum(a, axis, dtype, out)
    if a.dtype.kind in "mM":
        return timedelta.cumsum(a, axis, dtype, out)
    raise TypeError(
        f"cumsum: there is no exact result for dtype {a.dtype}; "
        f"supported are {NUMBERS}, timedelta64 and object"
    )


def vecdot(x1: np.ndarray, x2: np.ndarray, axis: Any) -> Any:
    """`mypackage.vecdot` of two arrays."""
    arrays = (x1, x2)
    if any(x.dtype.kind == "O" for x in arrays):
        return objects.vecdot(x1, x2, axis)
    for x in arrays:
        if x.dtype.char not in KERNELS:
            raise TypeError(
                f"vecdot: there is no exact result for dtype {x.dtype}; "
                f"supported are {NUMBERS} and object"
            )
    return _native.vecdot(x1, x2, axis=axis)
