"""Moving statistics of dask arrays."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from mypackage._core import windows
from mypackage._core.axes import normalised
from mypackage._extras import require
from mypackage._native import run_serially
from mypackage.dask._masked import is_masked
from mypackage.dask._unknown import in_one_block, is_unknown

da = require("dask.array")


def move(
    name: str,
    a: Any,
    window: Any = None,
    min_count: Any = None,
    axis: Any = -1,
    ddof: Any = None,
    start: Any = None,
    end: Any = None,
) -> Any:
    """`mypackage.move_sum` and its kin for a dask array: lazy, with the same bits."""
    if start is not None or end is not None:
        raise TypeError(f"{name}: windows by indices reach into any chunk; give a.compute()")
    if getattr(a, "ndim", 0) == 0:
        raise ValueError(f"{name}: a 0-dimensional array has no axis to move along")
    if isinstance(axis, (bool, np.bool_)) or not hasattr(axis, "__index__"):
        raise TypeError(f"{name}: axis must be an integer, not {axis!r}")
    (place,) = normalised(name, axis, a.ndim)
    # Checks the arguments as for a NumPy array of this length.
    length = a.shape[place]
    if math.isnan(length):
        length = max(window, 1) if hasattr(window, "__index__") else 1
    empty = np.empty([length if i == place else 0 for i in range(a.ndim)], a.dtype)
    if a.ndim == 1:
        empty = np.zeros((length, 0), a.dtype)
    checked = windows.moved(name, empty, window, min_count, 0 if a.ndim == 1 else place, ddof)
    if is_unknown(a):
        block = partial(_moved_line, name=name, arguments=(window, min_count, place, ddof))
        meta = _meta(a, a.ndim, checked.dtype)
        return in_one_block(a, place).map_blocks(block, dtype=checked.dtype, meta=meta)
    least = window if min_count is None else min_count
    return move_around(a, name, place, int(window), 0, int(least), ddof)


def move_around(
    a: Any, name: str, axis: int, window: int, behind: int, least: int, ddof: Any
) -> Any:
    """Statistics of windows along an axis that end `behind` elements after each one."""
    one = np.zeros([1] * a.ndim, a.dtype)
    dtype = windows.around(one, name, axis, 1, 0, 1, ddof).dtype
    depth = {axis: (min(window - 1 - behind, a.shape[axis]), min(behind, a.shape[axis]))}
    block = partial(
        _moved_block, name=name, axis=axis, window=window, behind=behind, least=least, ddof=ddof
    )
    meta = _meta(a, a.ndim, dtype)
    if a.size == 0 or depth[axis] == (0, 0):
        return da.map_blocks(block, a, dtype=dtype, meta=meta)
    return da.map_overlap(block, a, depth=depth, boundary="none", dtype=dtype, meta=meta)


def _meta(a: Any, ndim: int, dtype: Any) -> np.ndarray:
    """An empty array, masked if the chunks of `a` are."""
    meta = np.empty((0,) * ndim, dtype)
    return np.ma.array(meta) if is_masked(a) else meta


def _moved_line(x: np.ndarray, *, name: str, arguments: tuple[Any, ...]) -> Any:
    return run_serially(windows.moved, name, x, *arguments)


def _moved_block(
    x: np.ndarray, *, name: str, axis: int, window: int, behind: int, least: int, ddof: Any
) -> Any:
    return run_serially(windows.around, x, name, axis, window, behind, least, ddof)
