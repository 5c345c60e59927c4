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
        return getattr(_native, name)(a, **arguments)
    if a.dtype.kind == "O":
        return objects.reduce(reduction, a, **arguments)
    if a.dtype.kind == "m":
        return timedelta.reduce(reduction, a, **arguments)
    others = "timedelta64 and object" if reduction.state == "ExactSum" else "and object"
    raise TypeError(
        f"{name}: there is no exact result for dtype {a.dtype}; supported are {NUMBERS}, {others}"
    )


def cumsum(a: np.ndarray, axis: Any, dtype: Any, out: Any) -> Any:
    """`mypackage.cumsum` of an array."""
    if a.dtype.char in KERNELS:
        return _native.cumsum(a, axis, dtype, out)
    if a.dtype.kind == "O":
        return objects.cumsum(a, axis, dtype, out)
    raise TypeError(
        f"cumsum: there is no exact result for dtype {a.dtype}; supported are {NUMBERS} and object"
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
