"""Subclasses of ``numpy.ndarray``: results are wrapped as NumPy wraps its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import plain
from .reductions import Reduction


def wrapped(result: Any, *sources: Any) -> Any:
    """Wrap a result as the subclass among the arguments, if there is one, does for NumPy."""
    usual = (np.ndarray, np.memmap)
    subclassed = [x for x in sources if isinstance(x, np.ndarray) and type(x) not in usual]
    if not subclassed:
        return result
    kind = max(subclassed, key=lambda x: x.__array_priority__)
    if np.ndim(result) == 0 and isinstance(kind, np.matrix):
        return result
    own = kind.__array_wrap__(np.asarray(result))
    return own[()] if type(own) is np.ndarray and own.ndim == 0 else own


def reduce(reduction: Reduction, a: np.ndarray, arguments: dict[str, Any]) -> Any:
    """The reduction of an array of any class except masked arrays."""
    if type(a) is np.ndarray:
        return plain.reduce(reduction, a, arguments)
    if isinstance(a, np.matrix) and arguments.get("axis") is not None:
        # A matrix stays two-dimensional unless it becomes a scalar.
        arguments = {**arguments, "keepdims": True}
    result = plain.reduce(reduction, a.view(np.ndarray), arguments)
    return result if result is arguments.get("out") else wrapped(result, a)


def cumsum(a: np.ndarray, axis: Any, dtype: Any, out: Any) -> Any:
    """`mypackage.cumsum` for an array of any class except masked arrays."""
    result = plain.cumsum(a.view(np.ndarray), axis, dtype, out)
    return result if out is not None else wrapped(result, a)


def vecdot(x1: Any, x2: Any, axis: Any) -> Any:
    """`mypackage.vecdot` for arrays of any classes except masked arrays."""
    return wrapped(plain.vecdot(np.asarray(x1), np.asarray(x2), axis), x1, x2)
