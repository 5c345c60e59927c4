"""Exact grouped sums and means for flox: aggregations to give to its ``func=``.

`flox.xarray.xarray_reduce` and `flox.groupby_reduce` take them for NumPy and for dask arrays, with
every method (map-reduce, cohorts, blockwise), and give the same bits for any of these and for any
chunking: each group of a chunk becomes an exact state, the states merge, and their end is rounded
once. A group without elements has the sum 0 and the mean NaN.

`mypackage.xarray.group_sum` needs no flox, but groups along one dimension only.

Examples
--------
>>> import xarray, mypackage.flox
>>> from flox.xarray import xarray_reduce
>>> a = xarray.DataArray([1e16, 5.0, 1.0, -1e16], dims="x", coords={"k": ("x", list("abaa"))})
>>> xarray_reduce(a, "k", func=mypackage.flox.sum).values
array([1., 5.])
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from mypackage import ExactSum
from mypackage._core.reductions import REDUCTIONS, Reduction
from mypackage._core.states import grouped, rounded_groups
from mypackage._extras import require
from mypackage._native import join_states, split_states

flox = require("flox.aggregations")

__all__ = ["mean", "nanmean", "nansum", "sum"]


class _Aggregation(flox.Aggregation):  # type: ignore[misc,name-defined] # Unknown without flox.
    """One whose `finalize` knows what to round to, so that nothing is rounded twice."""

    @property
    def finalize(self) -> Any:
        if self._finalize is None or self.dtype is None:
            return self._finalize
        return partial(self._finalize, dtype=self.dtype["final"])

    @finalize.setter
    def finalize(self, function: Any) -> None:
        self._finalize = function


def _aggregation(reduction: Reduction) -> Any:
    return _Aggregation(
        f"mypackage_{reduction.name}",
        numpy=partial(_grouped, reduction=reduction),
        chunk=partial(_chunk, skip_nan=reduction.skip_nan),
        combine=_combine,
        finalize=partial(_finalize, reduction=reduction, empty=reduction.empty),
        # What a chunk has for a group that it lacks.
        fill_value=ExactSum(),
        final_fill_value=reduction.empty,
        dtypes=np.dtype(object),
        final_dtype=np.floating if reduction.fractional else None,
    )


def _grouped(
    group_idx: np.ndarray,
    array: np.ndarray,
    *,
    size: int,
    fill_value: Any,
    dtype: Any,
    reduction: Reduction,
) -> Any:
    """All elements at once: not of a dask array."""
    states = _chunk(group_idx, array, size=size, skip_nan=reduction.skip_nan)
    return _finalize(states, dtype=dtype, reduction=reduction, empty=fill_value)


def _chunk(
    group_idx: np.ndarray,
    array: np.ndarray,
    *,
    size: int,
    skip_nan: bool,
    fill_value: Any = None,
    dtype: Any = None,
) -> np.ndarray:
    """The states of the groups of a chunk, along its last axis, as an array of objects."""
    shape = (*array.shape[:-1], size)
    states = np.empty(math.prod(shape), object)
    states[:] = split_states(grouped(group_idx, array, -1, size, skip_nan))
    return states.reshape(shape)


def _combine(*arrays: Any, axis: Any = -1, size: int | None = None, **others: Any) -> Any:
    """Merge states along axes; or, given labels before them, those of each group."""
    if size is None:
        return np.add.reduce(arrays[0], axis=axis, keepdims=others["keepdims"])
    labels, states = arrays
    merged = np.empty((*states.shape[:-1], size), object)
    merged.fill(ExactSum())
    for position, label in enumerate(labels):
        merged[..., label] += states[..., position]
    return merged


def _finalize(states: np.ndarray, *, dtype: Any, reduction: Reduction, empty: Any) -> Any:
    total = join_states(states.ravel().tolist(), states.shape)
    nothing = np.equal(total.count, 0)
    return rounded_groups(reduction.grouped, total, np.dtype(dtype), empty, nothing)


sum = _aggregation(REDUCTIONS["sum"])
nansum = _aggregation(REDUCTIONS["nansum"])
mean = _aggregation(REDUCTIONS["mean"])
nanmean = _aggregation(REDUCTIONS["nanmean"])
