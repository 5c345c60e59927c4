"""Exact grouped sums, means and variances for flox: aggregations for its argument ``func=``.

``flox.xarray.xarray_reduce`` and ``flox.groupby_reduce`` take them for NumPy and for dask arrays,
with every method (map-reduce, cohorts, blockwise), and give the same bits for any of these and for
any chunking: each group of a chunk becomes an exact state, the states merge, and the result is
rounded once. A group without elements has the sum and the norm 0, and the mean and the variance
NaN; `var` and `std` take ``finalize_kwargs={"ddof": 1}``. States do not go into sparse arrays, so
``ReindexArrayType.SPARSE_COO`` is not supported.

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

from mypackage import ExactMoments, ExactSum
from mypackage._core.exact_moments import rounded
from mypackage._core.group_moments import finished, states_by_label
from mypackage._core.groups import labels_of
from mypackage._core.reductions import MOMENTS, REDUCTIONS, Reduction
from mypackage._core.states import grouped, rounded_groups
from mypackage._extras import require
from mypackage._native import join_states, split_states

flox = require("flox.aggregations")

__all__ = ["mean", "nanmean", "nanstd", "nansum", "nanvar", "norm", "std", "sum", "var"]


def __dir__() -> list[str]:
    return __all__


_DOCSTRING = """Exact {what} of groups, each rounded once: for the ``func=`` of flox.

See Also
--------
{twin}, mypackage.{name}

Examples
--------
>>> import flox, mypackage.flox
>>> values, labels = [1e16, 5.0, 1.0, -1e16], ["a", "b", "a", "a"]
>>> flox.groupby_reduce(values, labels, func=mypackage.flox.{name})[0].tolist()
{example}
"""


class _Aggregation(flox.Aggregation):  # type: ignore[misc,name-defined] # Untyped without flox.
    """An aggregation whose `finalize` knows the result's dtype, to round only once."""

    @property
    def finalize(self) -> Any:
        if self._finalize is None or self.dtype is None:
            return self._finalize
        return partial(self._finalize, dtype=self.dtype["final"])

    @finalize.setter
    def finalize(self, function: Any) -> None:
        self._finalize = function


class _Moment(_Aggregation):
    """An aggregation whose results are real."""

    @property
    def dtype(self) -> Any:
        return self._dtype

    @dtype.setter
    def dtype(self, dtypes: Any) -> None:
        self._dtype = dtypes
        if isinstance(dtypes, dict) and np.dtype(dtypes["final"] or float).kind == "c":
            self._dtype = {**dtypes, "final": np.empty(0, dtypes["final"]).real.dtype}


def _aggregation(reduction: Reduction, what: str, twin: str, example: str) -> Any:
    state = ExactMoments if reduction.state == "ExactMoments" else ExactSum
    kind = _Moment if reduction.state == "ExactMoments" else _Aggregation
    aggregation = kind(
        f"mypackage_{reduction.name}",
        numpy=partial(_grouped, reduction=reduction),
        chunk=partial(_chunk, reduction=reduction),
        combine=partial(_combine, empty=state()),
        finalize=partial(_finalize, reduction=reduction, empty=reduction.empty),
        # What stands for a group that a chunk lacks.
        fill_value=state(),
        final_fill_value=reduction.empty,
        dtypes=np.dtype(object),
        final_dtype=np.floating if reduction.fractional else None,
    )
    aggregation.__doc__ = _DOCSTRING.format(
        what=what, name=reduction.name, twin=twin, example=example
    )
    return aggregation


def _grouped(
    group_idx: np.ndarray,
    array: np.ndarray,
    *,
    size: int,
    fill_value: Any,
    dtype: Any,
    reduction: Reduction,
    **others: Any,
) -> Any:
    """The results for an array in memory."""
    states = _chunk(group_idx, array, size=size, reduction=reduction)
    return _finalize(states, dtype=dtype, reduction=reduction, empty=fill_value, **others)


def _chunk(
    group_idx: np.ndarray,
    array: np.ndarray,
    *,
    size: int,
    reduction: Reduction,
    fill_value: Any = None,
    dtype: Any = None,
) -> np.ndarray:
    """The states of a chunk's groups, along its last axis, as an object array."""
    shape = (*array.shape[:-1], size)
    states = np.empty(math.prod(shape), object)
    if reduction.state == "ExactSum":
        states[:] = split_states(grouped(group_idx, array, -1, size, reduction.skip_nan))
    else:
        labels = labels_of(reduction.name, group_idx)
        both = states_by_label(labels, array, array.ndim - 1, size, reduction.skip_nan)
        pairs = zip(*map(split_states, both), strict=True)
        states[:] = [ExactMoments._of(*pair) for pair in pairs]
    return states.reshape(shape)


def _combine(
    *arrays: Any, axis: Any = -1, size: int | None = None, empty: Any, **others: Any
) -> Any:
    """Merge states along axes, or, if labels are given, the states of each group."""
    if size is None:
        return np.add.reduce(arrays[0], axis=axis, keepdims=others["keepdims"])
    labels, states = arrays
    merged = np.empty((*states.shape[:-1], size), object)
    merged.fill(empty)
    for position, label in enumerate(labels):
        merged[..., label] = merged[..., label] + states[..., position]
    return merged


def _finalize(
    states: np.ndarray, *, dtype: Any, reduction: Reduction, empty: Any, ddof: Any = 0
) -> Any:
    singles = states.ravel().tolist()
    if reduction.state == "ExactSum":
        total = join_states(singles, states.shape)
        nothing = np.equal(total.count, 0)
        return rounded_groups(reduction.grouped, total, np.dtype(dtype), empty, nothing)
    contents = [one._content() for one in singles]
    sums = join_states([one for one, _ in contents], states.shape)
    squares = join_states([one for _, one in contents], states.shape)
    target = np.empty(0, dtype).real.dtype
    if reduction.finish == "norm":
        result = np.asarray(rounded("norm", sums, squares, 0, target)[0])
        result[np.equal(sums.count, 0)] = empty
        return result
    return finished(reduction.finish, sums, squares, ddof, target, target, empty)


sum = _aggregation(REDUCTIONS["sum"], "sums", "nansum", "[1.0, 5.0]")
nansum = _aggregation(REDUCTIONS["nansum"], "sums without NaNs", "sum", "[1.0, 5.0]")
mean = _aggregation(REDUCTIONS["mean"], "means", "nanmean", "[0.3333333333333333, 5.0]")
nanmean = _aggregation(
    REDUCTIONS["nanmean"], "means without NaNs", "mean", "[0.3333333333333333, 5.0]"
)
var = _aggregation(MOMENTS["var"], "variances", "std", "[6.666666666666667e+31, 0.0]")
nanvar = _aggregation(
    MOMENTS["nanvar"], "variances without NaNs", "nanstd", "[6.666666666666667e+31, 0.0]"
)
std = _aggregation(MOMENTS["std"], "standard deviations", "var", "[8164965809277260.0, 0.0]")
nanstd = _aggregation(
    MOMENTS["nanstd"], "standard deviations without NaNs", "nanvar", "[8164965809277260.0, 0.0]"
)
norm = _aggregation(MOMENTS["norm"], "Euclidean norms", "std", "[1.414213562373095e+16, 5.0]")
