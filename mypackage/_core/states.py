"""Filling and rounding exact states, for data that come in more than one array."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import mypackage
from mypackage import ExactSum
from mypackage._native import group_states, reshape_states, round_states, sum_states

from .groups import fill, labels_of, own_labels
from .reductions import GROUPED, Reduction


def result_dtype(reduction: Reduction, dtype: Any, wanted: Any = None) -> np.dtype[Any]:
    """The dtype of a reduction's result for elements of `dtype`.

    Raises
    ------
    TypeError
        If they have no exact result.
    """
    # Ask the function over axes itself. For dtype=object, the result is a Python int without a
    # dtype.
    name = reduction.finish if reduction.name in GROUPED else reduction.name
    if name == "norm" and wanted is not None:
        target: np.dtype[Any] = np.dtype(wanted)
        return target
    options = {} if name == "norm" else {"dtype": wanted}
    one = getattr(mypackage, name)(np.ones(1, dtype), **options)
    return getattr(one, "dtype", np.dtype(object))


class Several(tuple[Any, ...]):
    """States that belong together, and are merged together."""

    def copy(self) -> Several:
        """Independent copies."""
        return Several(one.copy() for one in self)

    def merge(self, *others: Several) -> Several:
        """Merge each with its counterparts."""
        for mine, *theirs in zip(self, *others, strict=True):
            mine.merge(*theirs)
        return self


def add(state: ExactSum, values: np.ndarray, *, skip_nan: bool) -> None:
    """Add numbers to a state, summing over the axes that it lacks; skipping NaNs if `skip_nan`."""
    lacking = tuple(range(values.ndim - len(state.shape)))
    state.merge(sum_states(values, lacking, True, skip_nan))


def grouped(
    labels: np.ndarray,
    values: np.ndarray,
    axis: int,
    size: int,
    skip_nan: bool,
    missing: np.ndarray | None = None,
) -> ExactSum:
    """The exact sums of groups along an axis, of all numbers or of those that are not NaN."""
    if missing is None and values.dtype.kind in "fc" and skip_nan:
        missing = np.isnan(values)
    if missing is None or not missing.any():
        return group_states(labels_of("group_sum", labels), _plain(values), axis, size)
    own, shape = own_labels(labels, values, missing, range(values.ndim)[axis], size)
    states = group_states(own, values.ravel(), -1, math.prod(shape))
    return reshape_states(states, shape)


def _plain(values: Any) -> np.ndarray:
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError("a masked array has no labels for its masked elements; give those -1")
    return np.asarray(values)


def rounded(reduction: Reduction, state: ExactSum, dtype: np.dtype[Any]) -> Any:
    """The result of a reduction from its state."""
    if dtype.kind == "O" and not reduction.fractional:
        return state.value(object)
    if reduction.name == "vecdot" and dtype.kind == "b":
        # As in NumPy: whether any product is True.
        return np.not_equal(state.value(np.int64), 0)
    return round_states(state, reduction.name, dtype)


def rounded_groups(
    reduction: Reduction, state: ExactSum, dtype: np.dtype[Any], fill_value: Any, nothing: Any
) -> Any:
    """The same, with `fill_value` where `nothing` is True."""
    if np.any(nothing):
        # So that no group is empty, for which the mean would warn.
        state = state.copy().add(np.zeros((1, *state.shape), np.int8), 0, nothing)
    value = np.asarray(rounded(reduction, state, dtype))
    if np.any(nothing):
        fill(reduction.name, value, nothing, fill_value, reduction.empty)
    return value
