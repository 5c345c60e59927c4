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
from mypackage._extras import require
from mypackage._kinds import REDUCTIONS
from mypackage._native import join_states, split_states
from mypackage._states import grouped, rounded_groups

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


def _aggregation(name: str) -> Any:
    mean, skip_nan = REDUCTIONS[name]
    empty = np.nan if mean else 0
    return _Aggregation(
        f"mypackage_{name}",
        numpy=partial(_grouped, name=name),
        chunk=partial(_chunk, skip_nan=skip_nan),
        combine=_combine,
        finalize=partial(_finalize, name=name, empty=empty),
        # What a chunk has for a group that it lacks.
        fill_value=ExactSum(),
        final_fill_value=empty,
        dtypes=np.dtype(object),
        final_dtype=np.floating if mean else None,
    )


def _grouped(
    group_idx: np.ndarray, array: np.ndarray, *, size: int, fill_value: Any, dtype: Any, name: str
) -> Any:
    """All elements at once: not of a dask array."""
    states = _chunk(group_idx, array, size=size, skip_nan=REDUCTIONS[name].skip_nan)
    return _finalize(states, dtype=dtype, name=name, empty=fill_value)


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


def _finalize(states: np.ndarray, *, dtype: Any, name: str, empty: Any) -> Any:
    total = join_states(states.ravel().tolist(), states.shape)
    nothing = np.equal(total.count, 0)
    return rounded_groups(
        f"group_{name.removeprefix('nan')}", total, np.dtype(dtype), empty, nothing
    )


sum = _aggregation("sum")
nansum = _aggregation("nansum")
mean = _aggregation("mean")
nanmean = _aggregation("nanmean")
