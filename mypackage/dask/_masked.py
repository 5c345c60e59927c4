"""Dask arrays with masks: groups and products, of numbers, objects and time differences.

A masked element belongs to no group. A group of masked elements only is masked; one that no label
names is empty, and has the fill value.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mypackage._core import objects, timedelta
from mypackage._core.exact_moments import ExactMoments
from mypackage._core.group_moments import finished, states_by_label
from mypackage._core.groups import fill, groups_shape, own_labels
from mypackage._core.reductions import VECDOT, Reduction
from mypackage._core.states import Several, grouped, rounded
from mypackage._extras import require
from mypackage._native import ExactSum, group_states, reshape_states, sum_states, vecdot_states
from mypackage.dask._objects import object_moments_of_groups

da = require("dask.array")


def is_masked(a: Any) -> bool:
    """Whether the chunks of a dask array are masked arrays."""
    return isinstance(a._meta, np.ma.MaskedArray)


def with_masks_of_both(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Two arrays of the same shape after broadcasting; the first one has both masks.

    (dask keeps the mask of the elements, but not that of the array that goes with them.)
    """
    hidden = da.logical_or(*(da.ma.getmaskarray(x) for x in (x1, x2)))
    x1, x2 = da.broadcast_arrays(*(da.ma.getdata(x) for x in (x1, x2)))
    return da.ma.masked_array(x1, hidden), x2


def group_state(
    x: np.ndarray,
    line: np.ndarray,
    along: int,
    size: int,
    *,
    name: str,
    skip_nan: bool,
    moments: bool = False,
) -> Several:
    """The states of groups; how many elements are not masked; how many there are."""
    shape = groups_shape(x.shape, along, size)
    kind = "moments" if moments else x.dtype.kind
    data, hidden = np.asarray(np.ma.getdata(x)), np.ma.getmaskarray(x)
    zeros = np.zeros(x.shape, bool)
    missing = hidden
    if skip_nan and x.dtype.kind in "fcm":
        missing = hidden | np.isnan(data)
    elif skip_nan and x.dtype.kind == "O":
        missing = hidden | objects.is_nan(np.where(hidden, 0, data))
    # Of objects and times, NaN and NaT count as masked where they are skipped.
    unmasked = hidden if x.dtype.kind in "fc" else missing
    counts = (
        grouped(line, zeros, along, size, False, unmasked),
        group_states(line, zeros, along, size),
    )
    if x.dtype.kind == "O":
        own, _ = own_labels(line, data, missing, along, size)
        flat = (name, own, np.where(missing, 0, data).ravel(), 0, int(np.prod(shape)))
        states: Any = objects.group_states(*flat).reshape(shape)
        if moments:
            states = Several((states, objects.group_states(*flat, squares=True).reshape(shape)))
    elif moments:
        own, _ = own_labels(line, data, missing, along, size)
        both = states_by_label(own, data.ravel(), 0, int(np.prod(shape)), skip_nan=False)
        states = ExactMoments._of(*(reshape_states(one, shape) for one in both))
    elif kind == "m":
        lost = np.isnat(data)
        ticks = data.astype(data.dtype.newbyteorder("="), copy=False).view(np.int64)
        states = grouped(line, ticks, along, size, True, missing | lost)
        if (lost & ~missing).any():
            nan = np.full(x.shape, np.nan)
            states.merge(grouped(line, nan, along, size, True, missing | ~lost))
    else:
        states = grouped(line, data, along, size, False, missing)
    return Several((states, *counts))


def no_groups(shape: tuple[int, ...], *, empty: Any) -> Several:
    """The same of groups without elements."""
    return Several((empty(shape), ExactSum(shape), ExactSum(shape)))


def group_value(
    total: Several, *, reduction: Reduction, fill_value: Any, least: int = 1, dtype: Any
) -> Any:
    """The sums or means of groups, masked where fewer than `least` elements are not masked."""
    states, unmasked, labelled = total
    gone = np.less(unmasked.count, least) & np.greater(labelled.count, 0)
    if isinstance(states, objects.States):
        few = np.equal(np.reshape(states.counts, states.shape), 0)
        value = states.of_groups(reduction, dtype)
    else:
        few = np.less(states.count, least)
        # So that no group is empty, for which the mean would warn.
        states = states.copy().add(np.zeros((1, *states.shape), np.int8), 0, few)
        if dtype.kind == "m":
            value = timedelta.of_state(reduction, states, dtype, 0)
        else:
            value = np.asarray(rounded(reduction, states, dtype))
    empty = few & ~gone
    if empty.any():
        fill(reduction.name, value, empty, fill_value, reduction.empty)
    return np.ma.array(value, mask=gone)


def group_moment_value(
    total: Several, *, name: str, ddof: Any, fill_value: Any, source: Any, dtype: Any
) -> Any:
    """The variances or deviations of groups, masked where too few elements are not masked."""
    states, unmasked, labelled = total
    count = np.asarray(unmasked.count)
    gone = ((count <= ddof) | (count == 0)) & np.greater(labelled.count, 0)
    if isinstance(states, Several):
        value = object_moments_of_groups(
            states, name=name, ddof=ddof, fill_value=fill_value, dtype=dtype
        )
    else:
        sums, squares = states._content()
        value = finished(name, sums, squares, ddof, dtype, source, fill_value)
    return np.ma.array(value, mask=gone)


def vecdot_state(x1: np.ndarray, x2: np.ndarray, axis: tuple[int, ...]) -> Several:
    """The dot products of pairs that are not masked, and their number."""
    hidden = np.ma.getmaskarray(x1) | np.ma.getmaskarray(x2)
    # Both are zeroed, since the element beside a masked one may be infinite.
    x1, x2 = (np.where(hidden, x.dtype.type(0), np.ma.getdata(x)) for x in (x1, x2))
    counts = sum_states(np.zeros(hidden.shape, bool), axis, ~hidden, False)
    return Several((vecdot_states(x1, x2, axis[0]), counts))


def vecdot_value(total: Several, *, dtype: Any) -> Any:
    """The dot products, masked where all pairs are."""
    products, counts = total
    return np.ma.array(rounded(VECDOT, products, dtype), mask=np.equal(counts.count, 0))
