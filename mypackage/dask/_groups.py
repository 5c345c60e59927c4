"""Reductions of the elements of dask arrays with the same label."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import mypackage
from mypackage import ExactMoments, ExactSum
from mypackage._core import objects
from mypackage._core.axes import normalised
from mypackage._core.group_moments import finished as finished_groups
from mypackage._core.group_moments import states_by_label
from mypackage._core.groups import labels_of, size_of
from mypackage._core.input_types import is_dask
from mypackage._core.moments import exact_ddof
from mypackage._core.reductions import GROUPED, Reduction
from mypackage._core.states import grouped, rounded_groups
from mypackage._docstrings import like
from mypackage._extras import require
from mypackage.dask._masked import group_moment_value as masked_moment_value
from mypackage.dask._masked import group_state as masked_groups
from mypackage.dask._masked import group_value as masked_group_value
from mypackage.dask._masked import is_masked
from mypackage.dask._masked import no_groups as no_masked_groups
from mypackage.dask._objects import (
    GroupParts,
    group_chunk,
    group_moment_state,
    group_parts,
    no_moments,
    object_moments_of_groups,
)
from mypackage.dask._tree import lazy, refuse_other_dtypes, tree_reduction
from mypackage.dask._unknown import is_unknown

if TYPE_CHECKING:
    from dask.array import Array

da = require("dask.array")


def group_sum(
    group_idx: Any,
    array: Any,
    *,
    axis: int = -1,
    size: int | None = None,
    fill_value: Any = None,
    dtype: Any = None,
    split_every: int | dict[int, int] | None = None,
) -> Array:
    """Exact sums of the elements of a dask array with the same label, each rounded once.

    Parameters
    ----------
    group_idx : array_like or dask.array.Array of int, shape (n,)
        The group of each position along `axis`; a negative label belongs to no group.
    array : dask.array.Array, shape (..., n, ...)
        The elements.
    axis : int, optional
        The axis of `array` that the labels belong to; the last by default.
    size : int, optional
        The number of groups; by default the greatest label plus one. Required if the labels are
        lazy.
    fill_value : scalar, optional
        The result for groups without elements; by default 0 for sums and NaN for means.
    dtype : dtype, optional
        What the exact sums are rounded to.
    split_every : int >= 2 or dict of axis to int, optional
        How many states are merged at once.

    Returns
    -------
    dask.array.Array, shape (..., size, ...)
        Lazy. Every chunk becomes a state of at least 24 bytes for each group.

    Raises
    ------
    ValueError
        If the labels do not match the axis, or are lazy and `size` is not given.

    See Also
    --------
    group_mean, group_nansum, mypackage.group_sum

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> a = da.from_array([1e16, 2.0, 1.0, 9.0, -1e16], chunks=2)
    >>> mypackage.dask.group_sum([0, 1, 0, -1, 0], a).compute()
    array([1., 2.])
    """
    group_sum = GROUPED["group_sum"]
    return reduce_groups(group_sum, group_idx, array, axis, size, fill_value, dtype, split_every)


@like(group_sum, sum="average", sums="means")
def group_mean(
    group_idx: Any,
    array: Any,
    *,
    axis: int = -1,
    size: int | None = None,
    fill_value: Any = None,
    dtype: Any = None,
    split_every: int | dict[int, int] | None = None,
) -> Array:
    """Exact means of the elements of a dask array with the same label, each rounded once.

    The exact sum of a group, divided by the number of its elements.

    See Also
    --------
    group_sum, group_nanmean, mypackage.group_mean

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> mypackage.dask.group_mean([0, 0, 1], da.from_array([1, 2, 5], chunks=1)).compute()
    array([1.5, 5. ])
    """
    group_mean = GROUPED["group_mean"]
    return reduce_groups(group_mean, group_idx, array, axis, size, fill_value, dtype, split_every)


def reduce_groups(
    reduction: Reduction,
    group_idx: Any,
    array: Any,
    axis: int,
    size: int | None,
    fill_value: Any,
    dtype: Any,
    split_every: Any = None,
    skip_nan: bool = False,
    name: str = "",
) -> Any:
    """Grouped sums and means; for `mypackage.xarray` also with NaNs left out."""
    name = name or reduction.name
    reduction = reduction._replace(name=name)
    array = lazy(name, array)
    target = _group_dtype(name, array, dtype)
    if array.dtype.kind in "OmM":
        parts = group_parts(reduction, array.dtype, target, fill_value, skip_nan)
    else:
        finish = partial(_group_value, reduction=reduction, fill_value=fill_value)
        parts = GroupParts(partial(_group_state, skip_nan=skip_nan), ExactSum, finish, target)
    if is_masked(array):
        parts = GroupParts(
            partial(masked_groups, name=name, skip_nan=skip_nan),
            partial(no_masked_groups, empty=parts.empty),
            partial(masked_group_value, reduction=reduction, fill_value=fill_value),
            target,
        )
    return _by_label(name, group_idx, array, axis, size, parts, split_every)


def _group_dtype(name: str, array: Any, dtype: Any) -> Any:
    """The dtype of results; the function in memory refuses what it refuses."""
    return getattr(mypackage, name)([0], np.ones(1, array.dtype), dtype=dtype).dtype


def _by_label(
    name: str,
    group_idx: Any,
    array: Any,
    axis: int,
    size: int | None,
    parts: GroupParts,
    split_every: Any,
) -> Any:
    """Build the tree of a grouped reduction."""
    if array.ndim == 0:
        raise ValueError(f"{name}: array must have at least one axis")
    (axis,) = normalised(name, axis, array.ndim)
    lazy = is_dask(group_idx)
    if lazy and size is None:
        raise ValueError(f"{name}: lazy labels need size=, the number of groups")
    # What is wrong with labels that are not lazy is known now.
    known = labels_of(name, () if lazy else group_idx)
    size = size_of(name, known, axis, len(known), size)
    labels = group_idx if lazy else da.asarray(known)
    unknown = (labels.ndim == 1 and is_unknown(labels)) or math.isnan(array.shape[axis])
    if labels.ndim != 1 or not (unknown or labels.shape[0] == array.shape[axis]):
        raise ValueError(
            f"{name}: group_idx has shape {labels.shape}, but axis {axis} of array has "
            f"length {array.shape[axis]}"
        )
    return tree_reduction(
        array,
        labels[tuple(slice(None) if index == axis else None for index in range(array.ndim))],
        partial(group_chunk, name=name, size=size, parts=parts, lazy=lazy),
        parts.finish,
        name=name,
        axis=axis,
        dtype=parts.dtype,
        split_every=split_every,
        groups=size,
        masked=is_masked(array),
        exact=(axis,),
    )


def group_var(
    group_idx: Any,
    array: Any,
    *,
    axis: int = -1,
    size: int | None = None,
    fill_value: Any = None,
    dtype: Any = None,
    ddof: Any = 0,
    split_every: int | dict[int, int] | None = None,
) -> Array:
    """Exact variances of the elements of a dask array with the same label, each rounded once.

    Parameters
    ----------
    group_idx : array_like or dask.array.Array of int, shape (n,)
        The group of each position along `axis`; a negative label belongs to no group.
    array : dask.array.Array, shape (..., n, ...)
        The elements.
    axis : int, optional
        The axis of `array` that the labels belong to; the last by default.
    size : int, optional
        The number of groups; by default the greatest label plus one. Required if the labels are
        lazy.
    fill_value : scalar, optional
        The result for groups of no more than `ddof` elements; NaN by default.
    dtype : dtype, optional
        What the exact variances are rounded to.
    ddof : real number, optional
        Delta degrees of freedom: the divisor is the number of elements minus `ddof`.
    split_every : int >= 2 or dict of axis to int, optional
        How many states are merged at once.

    Returns
    -------
    dask.array.Array, shape (..., size, ...)
        Lazy. Every chunk becomes two states of at least 24 bytes for each group.

    Raises
    ------
    ValueError
        If the labels do not match the axis, or are lazy and `size` is not given.
    TypeError
        If the elements have no exact variance, or `dtype` is not a floating-point dtype.

    See Also
    --------
    group_std, group_mean, mypackage.group_var

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> a = da.from_array([1e9, 0.1, 1e9 + 1, 0.1], chunks=2)
    >>> mypackage.dask.group_var([0, 1, 0, 1], a, ddof=1).compute()
    array([0.5, 0. ])
    """
    options = (axis, size, fill_value, dtype, ddof, split_every)
    return moments_of_groups("group_var", group_idx, array, *options)


@like(group_var, variances="deviations")
def group_std(
    group_idx: Any,
    array: Any,
    *,
    axis: int = -1,
    size: int | None = None,
    fill_value: Any = None,
    dtype: Any = None,
    ddof: Any = 0,
    split_every: int | dict[int, int] | None = None,
) -> Array:
    """Exact standard deviations of the elements of a dask array with the same label.

    The root of the exact variance, not of a rounded one.

    See Also
    --------
    group_var, mypackage.group_std

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> mypackage.dask.group_std([0, 0, 1], da.from_array([1, 5, 5], chunks=1)).compute()
    array([2., 0.])
    """
    options = (axis, size, fill_value, dtype, ddof, split_every)
    return moments_of_groups("group_std", group_idx, array, *options)


@like(group_sum, sum="count", sums="counts")
def group_count(
    group_idx: Any,
    array: Any,
    *,
    axis: int = -1,
    size: int | None = None,
    fill_value: Any = None,
    dtype: Any = None,
    split_every: int | dict[int, int] | None = None,
) -> Array:
    """The numbers of elements of a dask array with the same label that are not NaN.

    Parameters
    ----------
    fill_value : scalar, optional
        The result for groups without elements; 0 by default.
    dtype : dtype, optional
        The dtype of the counts; int64 by default.

    See Also
    --------
    group_nansum, mypackage.group_count

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> a = da.from_array([1.0, float("nan"), 5.0], chunks=1)
    >>> mypackage.dask.group_count([0, 0, 1], a).compute()
    array([1, 1])
    """
    name = "group_count"
    array = lazy(name, array)
    target = _group_dtype(name, array, dtype)
    counted = array.map_blocks(_is_number, dtype=bool)
    options = (axis, size, 0 if fill_value is None else fill_value, target, split_every)
    return reduce_groups(GROUPED["group_sum"], group_idx, counted, *options, name=name)


def _is_number(x: np.ndarray) -> Any:
    """Where an array has neither NaN nor NaT, nor masked elements."""
    if isinstance(x, np.ma.MaskedArray):
        shown = ~np.ma.getmaskarray(x)
        return shown & _is_number(np.where(shown, x.data, np.zeros((), x.dtype)))
    if x.dtype.kind == "O":
        return ~objects.is_nan(x)
    return np.equal(x, x)


@like(group_sum)
def group_nansum(
    group_idx: Any,
    array: Any,
    *,
    axis: int = -1,
    size: int | None = None,
    fill_value: Any = None,
    dtype: Any = None,
    min_count: int = 0,
    split_every: int | dict[int, int] | None = None,
) -> Array:
    """Exact sums of the elements of a dask array with the same label, NaNs left out.

    Parameters
    ----------
    fill_value : scalar, optional
        The result for groups without numbers, or with fewer than `min_count`; by default 0, or NaN
        for too few.
    min_count : int, optional
        Groups with fewer numbers have no sum. If it is given, sums of integers are float64.

    See Also
    --------
    group_sum, group_nanmean, mypackage.group_nansum

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> a = da.from_array([1.0, float("nan"), 5.0], chunks=1)
    >>> mypackage.dask.group_nansum([0, 0, 1], a).compute()
    array([1., 5.])
    """
    name = "group_nansum"
    array = lazy(name, array)
    if array.dtype.kind in "Om" and min_count <= 0:
        options = (axis, size, fill_value, dtype, split_every, True)
        return reduce_groups(GROUPED["group_sum"], group_idx, array, *options, name=name)
    refuse_other_dtypes(name, array)
    if min_count > 0 and array.dtype.kind in "biu" and dtype is None:
        dtype = np.float64
    if fill_value is None:
        nan = complex(math.nan, math.nan) if array.dtype.kind == "c" else math.nan
        fill_value = nan if min_count > 0 else 0
    reduction = GROUPED["group_sum"]._replace(name=name)
    how = {"reduction": reduction, "fill_value": fill_value, "least": max(min_count, 1)}
    state: Callable[..., Any] = partial(_group_state, skip_nan=True)
    finish: Callable[..., Any] = partial(_group_some, **how)
    empty: Callable[..., Any] = ExactSum
    if is_masked(array):
        state = partial(masked_groups, name=name, skip_nan=True)
        finish = partial(masked_group_value, **how)
        empty = partial(no_masked_groups, empty=ExactSum)
    parts = GroupParts(state, empty, finish, _group_dtype(name, array, dtype))
    return _by_label(name, group_idx, array, axis, size, parts, split_every)


@like(group_mean)
def group_nanmean(
    group_idx: Any,
    array: Any,
    *,
    axis: int = -1,
    size: int | None = None,
    fill_value: Any = None,
    dtype: Any = None,
    split_every: int | dict[int, int] | None = None,
) -> Array:
    """Exact means of the elements of a dask array with the same label, NaNs left out.

    Parameters
    ----------
    fill_value : scalar, optional
        The result for groups without numbers; NaN by default.

    See Also
    --------
    group_mean, group_nansum, mypackage.group_nanmean

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> a = da.from_array([1.0, float("nan"), 5.0], chunks=1)
    >>> mypackage.dask.group_nanmean([0, 0, 1], a).compute()
    array([1., 5.])
    """
    array = lazy("group_nanmean", array)
    options = (axis, size, fill_value, dtype, split_every, True)
    return reduce_groups(GROUPED["group_mean"], group_idx, array, *options, name="group_nanmean")


def moments_of_groups(
    name: str,
    group_idx: Any,
    array: Any,
    axis: int,
    size: int | None,
    fill_value: Any,
    dtype: Any,
    ddof: Any,
    split_every: Any,
    skip_nan: bool = False,
) -> Any:
    array = lazy(name, array)
    exact_ddof(name, ddof)
    options = {"name": name, "ddof": ddof, "fill_value": fill_value}
    state: Callable[..., Any]
    finish: Callable[..., Any]
    if array.dtype.kind == "O":
        state = partial(group_moment_state, name=name)
        empty: Callable[..., Any] = partial(no_moments, name=name)
        finish = partial(object_moments_of_groups, **options)
    else:
        state, empty = partial(_group_moment_state, skip_nan=skip_nan), ExactMoments
        finish = partial(_group_moment_value, source=array.dtype, **options)
    if is_masked(array):
        state = partial(masked_groups, name=name, skip_nan=skip_nan, moments=True)
        empty = partial(no_masked_groups, empty=empty)
        finish = partial(masked_moment_value, source=array.dtype, **options)
    parts = GroupParts(state, empty, finish, _group_dtype(name, array, dtype))
    return _by_label(name, group_idx, array, axis, size, parts, split_every)


def _group_moment_state(
    x: np.ndarray, labels: np.ndarray, axis: int, size: int, *, skip_nan: bool
) -> ExactMoments:
    return ExactMoments._of(*states_by_label(labels, x, axis, size, skip_nan))


def _group_moment_value(total: ExactMoments, *, name: str, dtype: Any, **options: Any) -> Any:
    return finished_groups(name, *total._content(), dtype=dtype, **options)


def _group_some(
    total: ExactSum, *, reduction: Reduction, fill_value: Any, least: int, dtype: Any
) -> Any:
    return rounded_groups(reduction, total, dtype, fill_value, np.less(total.count, least))


def _group_state(
    x: np.ndarray, labels: np.ndarray, axis: int, size: int, *, skip_nan: bool
) -> ExactSum:
    return grouped(labels, x, axis, size, skip_nan)


def _group_value(total: ExactSum, *, reduction: Reduction, dtype: Any, fill_value: Any) -> Any:
    return rounded_groups(reduction, total, dtype, fill_value, np.equal(total.count, 0))
