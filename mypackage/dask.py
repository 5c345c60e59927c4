"""The reductions on dask arrays: lazy, and the same bits as in memory for any chunking.

Each chunk becomes an exact state (`mypackage.ExactSum`), the states merge in a tree, and the root
is rounded once. A state does not depend on how the elements were grouped, so neither does the
result: it is the same for any chunks, scheduler, workers and ``split_every``, and if tasks run
twice.

`mypackage.sum` and the other reductions call these for dask arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

import numpy as np

import mypackage
from mypackage import ExactMoments, ExactSum
from mypackage._core import average as _average
from mypackage._core import objects, plain, timedelta, units
from mypackage._core import windows as _windows
from mypackage._core.axes import aligned, lines, normalised
from mypackage._core.exact_moments import rounded as rounded_moments
from mypackage._core.exact_moments import states_of
from mypackage._core.group_moments import finished as finished_groups
from mypackage._core.group_moments import states_by_label
from mypackage._core.groups import labels_of, size_of
from mypackage._core.input_types import front, is_dask, label_kind
from mypackage._core.inputs import array_of, named, wanted
from mypackage._core.moments import exact_ddof, one_ddof
from mypackage._core.reductions import ARRAYS, GROUPED, MOMENTS, REDUCTIONS, VECDOT, Reduction
from mypackage._core.states import Several, grouped, result_dtype, rounded, rounded_groups
from mypackage._dask_masked import group_moment_value as masked_moment_value
from mypackage._dask_masked import group_state as masked_groups
from mypackage._dask_masked import group_value as masked_group_value
from mypackage._dask_masked import is_masked, with_masks_of_both
from mypackage._dask_masked import no_groups as no_masked_groups
from mypackage._dask_masked import vecdot_state as masked_vecdot
from mypackage._dask_masked import vecdot_value as masked_vecdot_value
from mypackage._dask_objects import (
    GroupParts,
    average_state,
    average_value,
    deviations,
    group_chunk,
    group_moment_state,
    group_parts,
    moment_state,
    moment_value,
    no_moments,
    object_moments_of_groups,
    shown,
    square_state,
    vecdot_state,
    weights_value,
)
from mypackage._dask_objects import carry as carry_objects
from mypackage._dask_objects import prefixes as prefixes_of_objects
from mypackage._dask_unknown import flattened, in_one_block, is_unknown, paired
from mypackage._docstrings import like
from mypackage._errors import report_no_freedom
from mypackage._extras import require
from mypackage._native import run_serially, split_states, sum_states, vecdot_states

if TYPE_CHECKING:
    from dask.array import Array

da = require("dask.array")

__all__ = [
    "average",
    "cumsum",
    "group_count",
    "group_cumsum",
    "group_mean",
    "group_nanmean",
    "group_nansum",
    "group_std",
    "group_sum",
    "group_var",
    "mean",
    "nanmean",
    "nanstd",
    "nansum",
    "nanvar",
    "norm",
    "std",
    "sum",
    "sum_of_squares",
    "var",
    "vecdot",
]


def sum(
    a: Any,
    axis: int | tuple[int, ...] | None = None,
    dtype: Any = None,
    keepdims: bool = False,
    split_every: int | dict[int, int] | None = None,
    out: Any = None,
    *,
    initial: Any = 0,
    where: Any = True,
) -> Array:
    """Exact sum of a dask array over given axes, rounded once.

    Parameters
    ----------
    a : dask.array.Array
        Of any dtype that `mypackage.sum` takes.
    axis : None or int or tuple of ints, optional
        Axes to sum over; all by default.
    dtype : dtype, optional
        What the exact sum is rounded to; by default as in NumPy.
    keepdims : bool, optional
        Keep the axes summed over, with size one.
    split_every : int >= 2 or dict of axis to int, optional
        How many states are merged at once, as for `dask.array.sum`. No result depends on it.
    out : dask.array.Array, optional
        An array that is given the result.
    initial : scalar, optional
        A number that is added to each sum, exactly.
    where : array_like of bool, optional
        Elements to include, broadcast against `a`.

    Returns
    -------
    dask.array.Array
        Lazy. Computed, it has the bits that `mypackage.sum` gives for the array in memory.

    Raises
    ------
    OverflowError
        When computed, if an integer sum does not fit its dtype.
    TypeError
        If the dtype of `a` has no exact sum.

    See Also
    --------
    nansum, cumsum, mypackage.sum, dask.array.sum

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> a = da.from_array([1e16, 1.0, 1.0, -1e16], chunks=2)
    >>> float(a.sum().compute()), float(mypackage.dask.sum(a).compute())
    (0.0, 2.0)
    """
    return _reduction(REDUCTIONS["sum"], a, axis, dtype, keepdims, split_every, out, where, initial)


@like(sum)
def nansum(
    a: Any,
    axis: int | tuple[int, ...] | None = None,
    dtype: Any = None,
    keepdims: bool = False,
    split_every: int | dict[int, int] | None = None,
    out: Any = None,
    *,
    initial: Any = 0,
    where: Any = True,
) -> Array:
    """Exact sum of a dask array over given axes, NaNs left out, rounded once.

    The states leave NaNs out, so a sum of NaNs only is 0.

    See Also
    --------
    sum, nanmean, mypackage.nansum, dask.array.nansum

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> float(mypackage.dask.nansum(da.from_array([1.0, float("nan"), 2.0], chunks=1)).compute())
    3.0
    """
    return _reduction(
        REDUCTIONS["nansum"], a, axis, dtype, keepdims, split_every, out, where, initial
    )


@like(sum, sum="mean")
def mean(
    a: Any,
    axis: int | tuple[int, ...] | None = None,
    dtype: Any = None,
    keepdims: bool = False,
    split_every: int | dict[int, int] | None = None,
    out: Any = None,
    *,
    where: Any = True,
) -> Array:
    """Exact mean of a dask array over given axes: exact sum over count, rounded once.

    Returns
    -------
    dask.array.Array
        Lazy. Computed, it has the bits that `mypackage.mean` gives for the array in memory: NaN,
        with a RuntimeWarning, for no elements.

    See Also
    --------
    nanmean, average, mypackage.mean, dask.array.mean

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> float(mypackage.dask.mean(da.full(1000, 0.1, chunks=7)).compute())
    0.1
    """
    return _reduction(REDUCTIONS["mean"], a, axis, dtype, keepdims, split_every, out, where)


@like(mean)
def nanmean(
    a: Any,
    axis: int | tuple[int, ...] | None = None,
    dtype: Any = None,
    keepdims: bool = False,
    split_every: int | dict[int, int] | None = None,
    out: Any = None,
    *,
    where: Any = True,
) -> Array:
    """Exact mean of a dask array over given axes, NaNs left out, rounded once.

    The states leave NaNs out and count the others.

    See Also
    --------
    mean, nansum, mypackage.nanmean, dask.array.nanmean

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> float(mypackage.dask.nanmean(da.from_array([1.0, float("nan"), 2.0], chunks=1)).compute())
    1.5
    """
    return _reduction(REDUCTIONS["nanmean"], a, axis, dtype, keepdims, split_every, out, where)


def var(
    a: Any,
    axis: int | tuple[int, ...] | None = None,
    dtype: Any = None,
    keepdims: bool = False,
    ddof: Any = 0,
    split_every: int | dict[int, int] | None = None,
    out: Any = None,
    *,
    where: Any = True,
    **others: Any,
) -> Array:
    """Exact variance of a dask array over given axes, rounded once.

    Each chunk becomes a `mypackage.ExactMoments`: count, exact sum and exact sum of squares.

    Parameters
    ----------
    a : dask.array.Array
        Of any dtype that `mypackage.var` takes; Decimals are refused.
    axis : None or int or tuple of ints, optional
        Axes over which to compute the variance; all by default.
    dtype : dtype, optional
        The floating-point dtype that the exact variance is rounded to; by default as in
        `mypackage.var`.
    keepdims : bool, optional
        Keep the axes, with size one.
    ddof : real number, optional
        Delta degrees of freedom: the divisor is the number of elements minus `ddof`.
    split_every : int >= 2 or dict of axis to int, optional
        How many states are merged at once. No result depends on it.
    out : dask.array.Array, optional
        An array that is given the result.
    where : array_like of bool, optional
        Elements to include, broadcast against `a`.
    **others
        `correction`, another name for `ddof`; `mean` and `weights` are refused.

    Returns
    -------
    dask.array.Array
        Lazy. Computed, it has the bits that `mypackage.var` gives for the array in memory.

    Raises
    ------
    TypeError
        If the dtype of `a` has no exact variance, or `dtype` is not a floating-point dtype.

    See Also
    --------
    std, nanvar, mypackage.var, dask.array.var

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> a = 1e9 + da.arange(10.0, chunks=3)
    >>> float(mypackage.dask.var(a).compute())
    8.25
    """
    return _moment("var", a, axis, dtype, keepdims, ddof, split_every, out, where, others)


@like(var, variance="deviation")
def std(
    a: Any,
    axis: int | tuple[int, ...] | None = None,
    dtype: Any = None,
    keepdims: bool = False,
    ddof: Any = 0,
    split_every: int | dict[int, int] | None = None,
    out: Any = None,
    *,
    where: Any = True,
    **others: Any,
) -> Array:
    """Exact standard deviation of a dask array over given axes, rounded once.

    The root of the exact variance, not of a rounded one.

    See Also
    --------
    var, nanstd, mypackage.std, dask.array.std

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> float(mypackage.dask.std(da.full(10, 0.1, chunks=3)).compute())
    0.0
    """
    return _moment("std", a, axis, dtype, keepdims, ddof, split_every, out, where, others)


@like(var)
def nanvar(
    a: Any,
    axis: int | tuple[int, ...] | None = None,
    dtype: Any = None,
    keepdims: bool = False,
    ddof: Any = 0,
    split_every: int | dict[int, int] | None = None,
    out: Any = None,
    *,
    where: Any = True,
    **others: Any,
) -> Array:
    """Exact variance of a dask array over given axes, NaNs left out, rounded once.

    NaN where no more than `ddof` elements are left.

    See Also
    --------
    var, nanstd, mypackage.nanvar, dask.array.nanvar

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> a = da.from_array([1.0, float("nan"), 3.0], chunks=1)
    >>> float(mypackage.dask.nanvar(a).compute())
    1.0
    """
    return _moment("nanvar", a, axis, dtype, keepdims, ddof, split_every, out, where, others)


@like(std)
def nanstd(
    a: Any,
    axis: int | tuple[int, ...] | None = None,
    dtype: Any = None,
    keepdims: bool = False,
    ddof: Any = 0,
    split_every: int | dict[int, int] | None = None,
    out: Any = None,
    *,
    where: Any = True,
    **others: Any,
) -> Array:
    """Exact standard deviation of a dask array over given axes, NaNs left out, rounded once.

    NaN where no more than `ddof` elements are left.

    See Also
    --------
    std, nanvar, mypackage.nanstd, dask.array.nanstd

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> a = da.from_array([1.0, float("nan"), 3.0], chunks=1)
    >>> float(mypackage.dask.nanstd(a).compute())
    1.0
    """
    return _moment("nanstd", a, axis, dtype, keepdims, ddof, split_every, out, where, others)


def norm(
    x: Any,
    /,
    axis: int | tuple[int, ...] | None = None,
    keepdims: bool = False,
    ord: Any = 2,
    split_every: int | dict[int, int] | None = None,
) -> Array:
    """Exact Euclidean norm of a dask array over given axes, rounded once.

    Parameters
    ----------
    x : dask.array.Array
        Of any dtype that `mypackage.norm` takes.
    axis : None or int or tuple of ints, optional
        Axes of the vectors; all by default.
    keepdims : bool, optional
        Keep the axes, with size one.
    ord : {2, None}, optional
        The order of the norm: only the 2-norm.
    split_every : int >= 2 or dict of axis to int, optional
        How many states are merged at once.

    Returns
    -------
    dask.array.Array
        Lazy.

    Raises
    ------
    TypeError
        If `ord` is another norm.

    See Also
    --------
    mypackage.norm

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> float(mypackage.dask.norm(da.from_array([3.0, 4.0], chunks=1)).compute())
    5.0
    """
    if ord not in (2, None):
        raise TypeError(f"norm: only the 2-norm is exact, not ord={ord!r}; use dask.array.linalg")
    return _moment("norm", x, axis, None, keepdims, 0, split_every, None, True, {})


def sum_of_squares(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    *,
    where: Any = True,
    split_every: int | dict[int, int] | None = None,
) -> Array:
    """Exact sum of the squares of the elements of a dask array over given axes, rounded once.

    Of complex numbers, the sum of the squares of their magnitudes.

    Parameters
    ----------
    a : array_like
        The elements, usually a dask array.
    axis : None or int or tuple of ints, optional
        Axes to sum over; all by default.
    dtype : dtype, optional
        What the exact sum is rounded to.
    out : dask.array.Array, optional
        An array whose content becomes the result.
    keepdims : bool, optional
        Keep the axes summed over, with size one.
    where : array_like of bool, optional
        Elements to include; also a dask array.
    split_every : int >= 2 or dict of axis to int, optional
        How many states are merged at once.

    Returns
    -------
    dask.array.Array
        Lazy. Computed, it has the bits that `mypackage.sum_of_squares` gives for the array in
        memory.

    Raises
    ------
    TypeError
        If the elements have no exact sum of squares.
    OverflowError
        When computed, if an integer result does not fit its dtype.

    See Also
    --------
    norm, mypackage.sum_of_squares

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> a = da.from_array([3.0, 4.0], chunks=1)
    >>> float(mypackage.dask.sum_of_squares(a).compute())
    25.0
    """
    name = "sum_of_squares"
    a = da.asanyarray(a)
    if where is not True and not is_dask(where):
        where = wanted(where)
    masked = is_masked(a)
    state: Callable[..., Any] = partial(_moment_state, name="norm", skip_nan=False)
    finish: Callable[..., Any] = partial(_squares_value, masked=masked)
    if a.dtype.kind == "O":
        state = square_state
        finish = partial(_object_value, reduction=ARRAYS[name], start=[], masked=masked)
        dtype = np.dtype(object if dtype is None else dtype)
    else:
        _refuse_other_dtypes(name, a)
        dtype = result_dtype(ARRAYS[name], a.dtype, dtype)
    return _tree(
        a,
        None if where is True else where,
        state,
        finish,
        name=name,
        axis=axis,
        dtype=dtype,
        keepdims=bool(keepdims),
        split_every=split_every,
        out=out,
        masked=masked,
    )


def _squares_value(total: ExactMoments, *, dtype: Any, masked: bool) -> Any:
    with named("sum_of_squares", "sum"):
        value = rounded(REDUCTIONS["sum"], total._content()[1], dtype)
    return np.ma.array(value, mask=np.equal(total.count, 0)) if masked else value


def _moment(
    name: str,
    a: Any,
    axis: Any,
    dtype: Any,
    keepdims: bool,
    ddof: Any,
    split_every: Any,
    out: Any,
    where: Any,
    others: dict[str, Any],
) -> Any:
    reduction = MOMENTS[name]
    for key, value in others.items():
        if key == "correction":
            ddof = one_ddof(name, ddof, value)
        elif value is not None and value is not np._NoValue:
            raise TypeError(f"{name}: a dask array takes no {key}=; give its compute()")
    a = da.asanyarray(a)
    if where is not True and not is_dask(where):
        where = wanted(where)
    exact = exact_ddof(name, ddof)
    masked = is_masked(a)
    state: Callable[..., Any]
    if a.dtype.kind in "mM" and reduction.finish == "std":
        over = {"axis": axis, "keepdims": bool(keepdims), "split_every": split_every}
        return _deviation(reduction, a, dtype, exact, where, out, over)
    if a.dtype.kind == "O":
        if dtype is not None:
            # Refuses the dtypes that are refused in memory.
            getattr(mypackage, name)(np.ones(1, object), dtype=dtype)
        dtype = np.dtype(np.float64 if dtype is None else dtype)
        state = partial(moment_state, name=name, skip_nan=reduction.skip_nan)
        finish = partial(moment_value, reduction=reduction, ddof=exact, masked=masked)
    else:
        dtype = _moment_dtype(reduction, a.dtype, dtype)
        state = partial(_moment_state, name=name, skip_nan=reduction.skip_nan)
        finish = partial(_moment_value, reduction=reduction, ddof=ddof, masked=masked)
    return _tree(
        a,
        None if where is True else where,
        state,
        finish,
        name=name,
        axis=axis,
        dtype=dtype,
        keepdims=bool(keepdims),
        split_every=split_every,
        out=out,
        masked=masked,
    )


def _deviation(
    reduction: Reduction, a: Any, dtype: Any, ddof: Any, where: Any, out: Any, over: dict[str, Any]
) -> Any:
    """Standard deviations of times and of time differences, in whole ticks."""
    # Refuses the dtypes that are refused in memory, and has the unit of the others.
    unit = mypackage.std(np.zeros(1, a.dtype), dtype=dtype).dtype
    ticks_of = mypackage.std(np.zeros(1, a.dtype)).dtype
    if unit != ticks_of:
        raise TypeError(
            f"{reduction.name}: the deviations of lazy {a.dtype} elements are {ticks_of}, not "
            f"{unit}"
        )
    masked = is_masked(a)
    if masked:
        a, shown = da.ma.getdata(a), da.logical_not(da.ma.getmaskarray(a))
        where = shown if where is True else da.logical_and(shown, where)
    lost = a.map_blocks(_lost, dtype=np.int8)
    chosen = da.logical_not(lost)
    if where is not True:
        chosen = da.logical_and(chosen, where)
        lost = da.logical_and(lost, where)
    ticks = _tree(
        a.map_blocks(_ticks, dtype=np.int64),
        chosen,
        partial(_moment_state, name="std", skip_nan=False),
        partial(deviations, ddof=ddof, masked=masked),
        name=reduction.name,
        dtype=np.dtype(np.int64),
        masked=masked,
        **over,
    )
    gone = da.any(lost, **over)
    if reduction.skip_nan:
        gone = da.zeros_like(gone)
    meta = np.empty((0,) * ticks.ndim, unit)
    meta = np.ma.array(meta) if masked else meta
    result = da.map_blocks(_with_lost, ticks, gone, unit=unit, dtype=unit, meta=meta)
    return result if out is None else require("dask.array.core").handle_out(out, result)


def _with_lost(ticks: np.ndarray, lost: np.ndarray, *, unit: np.dtype[Any]) -> np.ndarray:
    result = np.where(lost, np.array("NaT", unit), np.asarray(np.ma.getdata(ticks)).view(unit))
    if not isinstance(ticks, np.ma.MaskedArray):
        return result
    # With a NaT, which is no number, the deviation is NaT even if it lacks degrees of freedom.
    return np.ma.array(result, mask=np.ma.getmaskarray(ticks) & ~np.asarray(lost))


def _moment_dtype(reduction: Reduction, source: np.dtype[Any], dtype: Any) -> Any:
    """The dtype of the result in memory; lazily, it must be a floating-point dtype."""
    if source.kind in "OmM":
        raise TypeError(
            f"{reduction.name}: dask arrays of {source} have no exact result here; "
            "give its compute()"
        )
    options = {} if reduction.finish == "norm" else {"dtype": dtype}
    target = getattr(mypackage, reduction.name)(np.ones(1, source), **options).dtype
    if target.kind not in "fc":
        raise TypeError(f"{reduction.name}: moments are floats; choose float64, not {target}")
    return target


def _moment_state(
    x: np.ndarray, where: np.ndarray | None, axis: tuple[int, ...], *, name: str, skip_nan: bool
) -> ExactMoments:
    return ExactMoments._of(*states_of(name, x, axis, True if where is None else where, skip_nan))


def _moment_value(
    total: ExactMoments, *, reduction: Reduction, dtype: Any, ddof: Any, masked: bool
) -> Any:
    """Round the state at the root of the tree, with the warnings of the function in memory."""
    value, _ = rounded_moments(reduction.finish, *total._content(), ddof, dtype)
    if reduction.finish == "norm":
        lacking: Any = np.equal(total.count, 0)
    else:
        lacking = np.less_equal(total.count, ddof) | np.equal(total.count, 0)
    if masked:
        # As in memory, masked results give no warning.
        return np.ma.array(value, mask=lacking)
    if reduction.finish != "norm" and np.any(lacking):
        report_no_freedom(reduction.name)
        if reduction.skip_nan:
            return np.where(lacking, np.asarray(np.nan, dtype), value)[()]
    return value


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
    array = _lazy(name, array)
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
    return _tree(
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
    return _group_moment("group_var", group_idx, array, *options)


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
    return _group_moment("group_std", group_idx, array, *options)


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
    array = _lazy(name, array)
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
    array = _lazy(name, array)
    if array.dtype.kind in "Om" and min_count <= 0:
        options = (axis, size, fill_value, dtype, split_every, True)
        return reduce_groups(GROUPED["group_sum"], group_idx, array, *options, name=name)
    _refuse_other_dtypes(name, array)
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
    array = _lazy("group_nanmean", array)
    options = (axis, size, fill_value, dtype, split_every, True)
    return reduce_groups(GROUPED["group_mean"], group_idx, array, *options, name="group_nanmean")


def group_cumsum(
    group_idx: Any,
    array: Any,
    *,
    axis: int = -1,
    size: int | None = None,
    fill_value: Any = 0,
    dtype: Any = None,
) -> Array:
    """Exact cumulative sums of the elements of a dask array with the same label, each rounded once.

    Parameters
    ----------
    group_idx : array_like or dask.array.Array of int, shape (n,)
        The group of each position along `axis`; a negative label belongs to none.
    array : dask.array.Array, shape (..., n, ...)
        The elements.
    axis : int, optional
        The axis of `array` that the labels belong to; the last by default.
    size : int, optional
        The number of groups: labels must be less.
    fill_value : scalar, optional
        The result of elements that are in no group.
    dtype : dtype, optional
        What the exact prefixes are rounded to.

    Returns
    -------
    dask.array.Array
        Lazy; in one chunk along `axis`, the only one that is read as a whole.

    Raises
    ------
    ValueError
        If the labels do not match the axis, or one is not below `size`; of lazy labels when the
        result is computed.
    TypeError
        If the elements have no exact sums.

    See Also
    --------
    group_sum, cumsum, mypackage.group_cumsum

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> lazy = da.from_array([1e16, 5.0, 1.0, 2.0, -1e16], chunks=2)
    >>> mypackage.dask.group_cumsum([0, 1, 0, 1, 0], lazy).compute()
    array([1.e+16, 5.e+00, 1.e+16, 7.e+00, 1.e+00])
    """
    name = "group_cumsum"
    array = _lazy(name, array)
    if array.ndim == 0:
        raise ValueError(f"{name}: array must have at least one axis")
    (place,) = normalised(name, axis, array.ndim)
    labels = group_idx if is_dask(group_idx) else da.from_array(labels_of(name, group_idx), -1)
    if labels.ndim != 1:
        raise ValueError(f"{name}: group_idx must have one axis, not {labels.ndim}")
    lengths = (labels.shape[0], array.shape[place])
    if lengths[0] != lengths[1] and not is_unknown(labels, array):
        raise ValueError(
            f"{name}: group_idx has {lengths[0]} labels, but axis {place} of array has "
            f"length {lengths[1]}"
        )
    options = {"size": size, "fill_value": fill_value, "dtype": dtype}
    if not is_dask(group_idx):
        # What is wrong with these is known now.
        mypackage.group_cumsum(group_idx, np.zeros(lengths[0], bool), size=size)
    one = mypackage.group_cumsum([0], np.ones(1, array.dtype), dtype=dtype)
    whole, labels = (
        in_one_block(x, at) if is_unknown(x) else x.rechunk({at: -1})
        for x, at in ((array, place), (labels, 0))
    )
    meta = np.empty((0,) * array.ndim, one.dtype)
    axes = tuple(range(array.ndim))
    return da.blockwise(
        partial(_group_prefixes, axis=place, options=options),
        axes,
        labels,
        (place,),
        whole,
        axes,
        align_arrays=False,
        dtype=one.dtype,
        meta=np.ma.array(meta) if is_masked(array) else meta,
    )


def _group_prefixes(labels: Any, x: Any, *, axis: int, options: dict[str, Any]) -> Any:
    return run_serially(partial(mypackage.group_cumsum, labels, x, axis=axis, **options))


def _group_moment(
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
    array = _lazy(name, array)
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


def vecdot(
    x1: Any, x2: Any, /, *, axis: int | None = None, split_every: int | dict[int, int] | None = None
) -> Array:
    """Exact dot products of dask arrays along an axis, each rounded once; `x1` is conjugated.

    Parameters
    ----------
    x1, x2 : array_like
        Vectors of equal length, at least one a dask array; the other axes are broadcast.
    axis : int, optional
        The axis of the vectors, in each of the two arrays; the last by default.
    split_every : int >= 2 or dict of axis to int, optional
        How many states are merged at once.

    Returns
    -------
    dask.array.Array
        Lazy.

    Raises
    ------
    ValueError
        If the shapes do not match, or an argument has no such axis.

    See Also
    --------
    mypackage.vecdot

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> x = da.from_array([1e200, 1.0, -1e200], chunks=1)
    >>> float(mypackage.dask.vecdot(x, [1e200, 2.0, 1e200]).compute())
    2.0
    """
    axis = -1 if axis is None else axis
    x1, x2 = (da.moveaxis(_lazy("vecdot", x), axis, -1) for x in (x1, x2))
    lengths = (x1.shape[-1], x2.shape[-1])
    if lengths[0] != lengths[1] and not any(map(math.isnan, lengths)):
        raise ValueError("vecdot: the vectors differ in length: {} and {}".format(*lengths))
    of_objects = "O" in (x1.dtype.kind, x2.dtype.kind)
    one = mypackage.vecdot(np.ones(1, x1.dtype), np.ones(1, x2.dtype))
    dtype = np.dtype(object) if of_objects else one.dtype
    masked = is_masked(x1) or is_masked(x2)
    if is_unknown(x1, x2):
        last = max(x1.ndim, x2.ndim) - 1
        x1, x2 = paired("vecdot", x1, x2, (last,), both=True), None
    elif masked:
        x1, x2 = with_masks_of_both(x1, x2)
    else:
        x1, x2 = da.broadcast_arrays(x1, x2)
    options: dict[str, Any] = {"name": "vecdot", "axis": -1, "split_every": split_every}
    options.update(dtype=dtype, masked=masked)
    if of_objects:
        finish = partial(_object_value, reduction=VECDOT, start=[], masked=masked)
        return _tree(x1, x2, vecdot_state, finish, **options)
    if masked:
        return _tree(x1, x2, masked_vecdot, masked_vecdot_value, **options)
    finish = partial(_value, reduction=VECDOT, initial=0, masked=False)
    return _tree(x1, x2, _vecdot_state, finish, **options)


@overload
def average(
    a: Any,
    axis: int | tuple[int, ...] | None = None,
    weights: Any = None,
    returned: Literal[False] = False,
    keepdims: bool = False,
    *,
    split_every: int | dict[int, int] | None = None,
) -> Array: ...
@overload
def average(
    a: Any,
    axis: int | tuple[int, ...] | None = None,
    weights: Any = None,
    *,
    returned: Literal[True],
    keepdims: bool = False,
    split_every: int | dict[int, int] | None = None,
) -> tuple[Array, Array]: ...
@overload
def average(
    a: Any,
    axis: int | tuple[int, ...] | None,
    weights: Any,
    returned: Literal[True],
    keepdims: bool = False,
    *,
    split_every: int | dict[int, int] | None = None,
) -> tuple[Array, Array]: ...
def average(
    a: Any,
    axis: int | tuple[int, ...] | None = None,
    weights: Any = None,
    returned: bool = False,
    keepdims: bool = False,
    *,
    split_every: int | dict[int, int] | None = None,
) -> Any:
    """Exact weighted average of a dask array over given axes, rounded once.

    The exact sums of the products and of the weights are merged; their quotient is rounded.

    Parameters
    ----------
    a : array_like
        Elements; they or the weights are a dask array.
    axis : None or int or tuple of ints, optional
        Axes to average over; all by default.
    weights : array_like, optional
        Real weights, with the shape of `a` or of the axes given; all 1 by default.
    returned : bool, optional
        Whether to return the sums of the weights too.
    keepdims : bool, optional
        Keep the axes averaged over, with size one.
    split_every : int >= 2 or dict of axis to int, optional
        How many states are merged at once.

    Returns
    -------
    average : dask.array.Array
        Lazy. Computed, it has the bits that `mypackage.average` gives for the arrays in memory.
    sum_of_weights : dask.array.Array
        If `returned`.

    Raises
    ------
    ZeroDivisionError
        When computed, if weights sum to zero.
    TypeError
        If the weights' shape differs from that of `a` and no axis is given, or if they are complex.
    ValueError
        If the weights' shape does not fit the axes given.

    See Also
    --------
    mypackage.average, dask.array.average

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> a = da.from_array([1e308, 1e308, 3.0], chunks=1)
    >>> float(mypackage.dask.average(a, weights=[1e308, -1e308, 2.0]).compute())
    3.0
    """
    if not is_dask(a) and units.kind_of(a) is not None:
        raise TypeError(
            f"average: lazy weights of a {type(a).__name__} would give a result without its unit; "
            "give their compute()"
        )
    if not is_dask(weights):
        units.check("average", weights, False)
        weights = units.plain(weights)
    a = _lazy("average", a)
    if weights is None:
        options: dict[str, Any] = {"keepdims": keepdims, "split_every": split_every}
        result = mean(a, axis, **options)
        if not returned:
            return result
        # Counted, since the number of elements may be unknown and some may be masked.
        ones = a.map_blocks(partial(np.ones_like, dtype=bool), dtype=bool)
        return result, sum(ones, axis, _average.result_dtype(a), **options)
    owner = label_kind(weights)
    if owner in ("pandas", "xarray"):
        weights = front(owner).plain_weights("average", weights)
    weights = _lazy("average", weights)
    axes = normalised("average", axis, a.ndim)
    if is_masked(weights):
        # dask keeps the mask of the elements, but not that of the array that goes with them.
        hidden = aligned("average", da.ma.getmaskarray(weights), a, axis, axes)
        a, weights = da.ma.masked_array(a, hidden), da.ma.getdata(weights)
    if a.dtype.kind == "m":
        return _time_average(a, axis, weights, returned, keepdims, split_every)
    weights, exact = _matched(weights, a, axis, axes)
    masked = is_masked(a)
    if "O" in (a.dtype.kind, weights.dtype.kind):
        options = {"axis": axes, "keepdims": keepdims, "split_every": split_every, "exact": exact}
        options.update(dtype=np.dtype(object), masked=masked)
        tree = partial(_tree, a, weights, average_state, **options)
        result = tree(name="average", finish=partial(average_value, masked=masked))
        if not returned:
            return result
        return result, tree(name="average-weights", finish=partial(weights_value, masked=masked))
    for x in (a, weights):
        _refuse_other_dtypes("average", x)
    _average.check(a, weights)
    dtype = _average.result_dtype(a, weights)
    tree = partial(
        _tree,
        a,
        weights,
        _average_state,
        axis=axes,
        dtype=dtype,
        keepdims=keepdims,
        split_every=split_every,
        masked=masked,
        exact=exact,
    )
    result = tree(name="average", finish=partial(_average_value, masked=masked))
    if not returned:
        return result
    return result, tree(name="average-weights", finish=partial(_weights_value, masked=masked))


def _lazy(name: str, x: Any) -> Any:
    """A dask array, of what is none without rounding; nulls, labels and units are refused."""
    return x if is_dask(x) else da.asanyarray(array_of(name, x)[0])


def _matched(weights: Any, a: Any, axis: Any, axes: tuple[int, ...]) -> tuple[Any, tuple[int, ...]]:
    """The weights in a shape that broadcasts to that of `a`, and the axes that must match."""
    everywhere = tuple(range(a.ndim))
    if not is_unknown(a, weights):
        return aligned("average", weights, a, axis, axes), everywhere
    if weights.ndim == a.ndim:
        return weights, everywhere
    if axis is None or weights.ndim != len(axes):
        # Raises the same error as the function in memory.
        aligned("average", weights, a, axis, axes)
    order = sorted(range(len(axes)), key=axes.__getitem__)
    places = tuple(slice(None) if one in axes else None for one in everywhere)
    return weights.transpose(order)[places], axes


def _time_average(
    a: Any, axis: Any, weights: Any, returned: bool, keepdims: bool, split_every: Any
) -> Any:
    """Averages of time differences with integer weights, rounded to whole ticks, half to even."""
    if weights.dtype.kind not in "iub":
        raise TypeError(
            f"average: weights of {a.dtype} elements must be integers, not {weights.dtype}"
        )
    unit, axes = a.dtype.newbyteorder("="), normalised("average", axis, a.ndim)
    weights, exact = _matched(weights, a, axis, axes)
    options: dict[str, Any] = {"axis": axes, "keepdims": keepdims, "split_every": split_every}
    masked = is_masked(a)
    data = da.ma.getdata(a) if masked else a
    numbers, lost = data.map_blocks(_ticks, dtype=np.int64), data.map_blocks(_lost, dtype=np.int8)
    if masked:
        hidden = da.ma.getmaskarray(a)
        numbers, lost = da.ma.masked_array(numbers, hidden), da.logical_and(lost, ~hidden)
    tree = partial(_tree, numbers, weights, _average_state, exact=exact, masked=masked, **options)
    finish = partial(_time_average_value, masked=masked)
    ticks = tree(name="average", finish=finish, dtype=np.dtype(np.int64))
    lost = da.any(lost, **options)
    result = da.map_blocks(_times, ticks, lost, unit=unit, dtype=unit, meta=ticks._meta.view(unit))
    if not returned:
        return result
    whole = mypackage.sum(np.ones(1, weights.dtype)).dtype
    finish = partial(_weights_value, masked=masked)
    return result, tree(name="average-weights", finish=finish, dtype=whole)


def _time_average_value(total: Several, *, dtype: Any, masked: bool) -> Any:
    from fractions import Fraction

    shape, (products, weights) = total[0].shape, total
    nothing = np.equal(weights.count, 0)
    if masked:
        weights = weights.copy().add(np.ones((1, *shape)), 0, nothing)
    products, weights = map(split_states, (products, weights))
    if any(not weight.value() for weight in weights):
        raise ZeroDivisionError("average: weights sum to zero along the axis; there is no average")
    quotients = [
        round(Fraction(product.as_fraction(), weight.as_fraction()))
        for product, weight in zip(products, weights, strict=True)
    ]
    result = np.array(quotients, dtype).reshape(shape)
    return np.ma.array(result, mask=nothing) if masked else result[()]


def _average_state(x: np.ndarray, weights: np.ndarray, axis: tuple[int, ...]) -> Several:
    hidden, x = np.ma.getmaskarray(x), np.ma.getdata(x)
    if hidden.any():
        x, weights = (np.where(hidden, x.dtype.type(0), x) for x in (x, weights))
    values, factors = (lines(x, axis) for x in (x, weights))
    products = vecdot_states(factors, values, -1)
    return Several((products, sum_states(weights, axis, ~hidden, False)))


def _average_value(total: Several, *, dtype: Any, masked: bool) -> Any:
    products, weights = total
    nothing = np.equal(weights.count, 0)
    if masked:
        # If all elements are masked the average is masked, whatever the weights are.
        weights = weights.copy().add(np.ones((1, *weights.shape)), 0, nothing)
    try:
        value = products.divide(weights, dtype)
    except ZeroDivisionError:
        raise ZeroDivisionError(
            "average: weights sum to zero along the axis; there is no average"
        ) from None
    return np.ma.array(value, mask=nothing) if masked else value


def _weights_value(total: Several, *, dtype: Any, masked: bool) -> Any:
    _, weights = total
    value = weights.value(dtype)
    return np.ma.array(value, mask=np.equal(weights.count, 0)) if masked else value


def _vecdot_state(x1: np.ndarray, x2: np.ndarray, axis: tuple[int, ...]) -> ExactSum:
    return vecdot_states(x1, x2, axis[0])


def cumsum(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Array:
    """Exact cumulative sums of a dask array along an axis, every prefix rounded once.

    Parameters
    ----------
    a : dask.array.Array
        Of known chunk sizes.
    axis : int, optional
        By default, the flattened array is summed.
    dtype : dtype, optional
        What the exact cumulative sums are rounded to.
    out : dask.array.Array, optional
        An array that is given the result.

    Returns
    -------
    dask.array.Array
        Lazy, with the chunks of `a`. Each chunk is read twice: for its sum, then for its prefixes.

    See Also
    --------
    mypackage.cumsum, dask.array.cumsum

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> a = da.from_array([1e16, 1.0, 1.0, -1e16], chunks=1)
    >>> float(mypackage.dask.cumsum(a)[-1].compute())
    2.0
    """
    a = da.asanyarray(a)
    if a.dtype.kind in "Om" and is_masked(a):
        # Masked elements count as 0 and stay masked.
        hidden = da.ma.getmaskarray(a)
        if axis is None:
            hidden = flattened(hidden) if a.ndim > 1 and is_unknown(a) else hidden.flatten()
        result = cumsum(da.ma.filled(a, 0), axis, dtype)
        result = da.ma.masked_array(result, hidden)
        return result if out is None else require("dask.array.core").handle_out(out, result)
    if a.dtype.kind == "m":
        return _time_prefixes(a, axis, dtype, out)
    if a.dtype.kind != "O":
        _refuse_other_dtypes("cumsum", a)
    if axis is None:
        a, axis = flattened(a) if a.ndim > 1 and is_unknown(a) else a.flatten(), 0
    axis = range(a.ndim)[axis]
    dtype = mypackage.cumsum(np.ones(1, a.dtype), dtype=dtype).dtype
    before_block, of_block = (
        (_carry, _prefixes) if a.dtype.kind != "O" else (carry_objects, prefixes_of_objects)
    )
    name = f"mypackage-cumsum-{require('dask.base').tokenize(a, axis, dtype)}"
    graph: dict[Any, Any] = {}
    for index in np.ndindex(*a.numblocks):
        before = (*index[:axis], index[axis] - 1, *index[axis + 1 :])
        block, carry = (a.name, *index), None
        if index[axis]:
            carry = (f"{name}-carry", *index)
            previous = (f"{name}-carry", *before) if before[axis] else None
            graph[carry] = (run_serially, before_block, previous, (a.name, *before), axis)
        graph[(name, *index)] = (run_serially, of_block, carry, block, axis, dtype)
    layers = require("dask.highlevelgraph").HighLevelGraph
    graph = layers.from_collections(name, graph, dependencies=[a])
    result = da.Array(graph, name, a.chunks, dtype=dtype, meta=np.empty((0,) * a.ndim, dtype))
    if out is None:
        return result
    return require("dask.array.core").handle_out(out, result)


def _time_prefixes(a: Any, axis: int | None, dtype: Any, out: Any) -> Any:
    """Cumulative sums of time differences, which are NaT from the first NaT on."""
    unit = a.dtype.newbyteorder("=")
    if dtype is not None and np.dtype(dtype) != unit:
        raise TypeError(
            f"cumsum: the prefixes of {a.dtype} elements are of that dtype, not {dtype}"
        )
    ticks = a.map_blocks(_ticks, dtype=np.int64)
    lost = cumsum(a.map_blocks(_lost, dtype=np.int8), axis)
    result = da.map_blocks(_times, cumsum(ticks, axis), lost, unit=unit, dtype=unit)
    return result if out is None else require("dask.array.core").handle_out(out, result)


def _ticks(x: np.ndarray) -> np.ndarray:
    """Time differences as integers, NaT as 0."""
    ticks = x.astype(x.dtype.newbyteorder("="), copy=False).view(np.int64)
    return np.where(np.isnat(x), 0, ticks)


def _lost(x: np.ndarray) -> Any:
    return np.isnat(x).astype(np.int8)


def _times(ticks: np.ndarray, lost: np.ndarray, *, unit: np.dtype[Any]) -> np.ndarray:
    """Integers as time differences; NaT where `lost` is not 0."""
    if np.any((ticks == np.iinfo(np.int64).min) & (lost == 0)):
        raise OverflowError(f"cumsum: an exact result does not fit {unit}; use a coarser unit")
    result = np.where(lost > 0, np.array("NaT", unit), np.ma.getdata(ticks).view(unit))
    hidden = np.ma.getmask(ticks)
    return result if hidden is np.ma.nomask else np.ma.array(result, mask=hidden)


class _Carry(NamedTuple):
    """The state before a block: the exact sums, and where all elements so far are -0.0."""

    total: ExactSum
    negative_zero: np.ndarray | None


def _carry(before: _Carry | None, x: np.ndarray, axis: int) -> _Carry:
    """The state after the block `x`."""
    total, zero = _state(x, None, (axis,), skip_nan=False), None
    if x.dtype.kind in "fc":
        numbers = _components(x)
        zero = np.all((numbers == 0) & np.signbit(numbers), axis=axis)
    if before is None:
        return _Carry(total, zero)
    total = total.merge(before.total)
    return _Carry(total, None if zero is None else zero & before.negative_zero)


def _components(x: np.ndarray) -> np.ndarray:
    """Real and imaginary parts along a new last axis; masked elements as 0."""
    plain = np.ma.filled(x, 0)
    parts = (plain.real, plain.imag) if plain.dtype.kind == "c" else (plain,)
    return np.stack(parts, -1)


def _prefixes(carry: _Carry | None, x: np.ndarray, axis: int, dtype: np.dtype[Any]) -> Any:
    if carry is None:
        return mypackage.cumsum(x, axis, dtype)
    # Numbers whose exact sum is the carry are put before the block.
    if carry.negative_zero is not None:
        wide = np.result_type(x.dtype, np.float64)
        heads = _expansion(carry.total, wide)
        # One zero of the right sign, even where nothing else is needed.
        heads.append(np.zeros(carry.total.shape, wide))
        for head in heads:
            parts = (head.real, head.imag) if wide.kind == "c" else (head,)
            for place, part in enumerate(parts):
                part[carry.negative_zero[..., place]] = -0.0
    else:
        wide = result_dtype(REDUCTIONS["sum"], x.dtype)
        heads = [np.asarray(carry.total.value(wide))]
    front = np.stack(heads, axis)
    # A masked element stays masked.
    concatenate: Any = np.ma.concatenate if isinstance(x, np.ma.MaskedArray) else np.concatenate
    together = concatenate([front.astype(wide), x.astype(wide)], axis)
    result = mypackage.cumsum(together, axis, dtype)
    return result[(slice(None),) * axis + (slice(len(heads), None),)]


def _expansion(state: ExactSum, dtype: np.dtype[Any]) -> list[np.ndarray]:
    """Arrays of floats whose exact sum is the state."""
    rest, parts = state.copy(), []
    with np.errstate(all="ignore"):
        if not np.any(state.count):
            return []
        # A finite sum may overflow the floats, but the mean of floats cannot.
        some = state.copy().add(np.zeros((1, *state.shape)), 0, np.equal(state.count, 0))
        finite = _floats(some.mean(dtype), dtype)
    special = ~np.isfinite(finite)
    while True:
        with np.errstate(all="ignore"):
            part = _floats(rest.value(dtype), dtype)
        limit = np.finfo(np.float64).max
        part = np.where(special, 0.0, np.clip(part, -limit, limit))
        if not part.any():
            break
        value = part.view(dtype).reshape(state.shape)
        parts.append(value)
        rest.subtract(np.expand_dims(value, 0), 0)
    if special.any():
        parts.append(np.where(special, finite, 0.0).view(dtype).reshape(state.shape))
    return parts


def _floats(value: Any, dtype: np.dtype[Any]) -> np.ndarray:
    """An array's real numbers; both parts of complex ones."""
    return np.ravel(np.asarray(value, dtype)).view(np.float64)


def _reduction(
    reduction: Reduction,
    a: Any,
    axis: Any,
    dtype: Any,
    keepdims: bool,
    split_every: Any,
    out: Any,
    where: Any,
    initial: Any = 0,
) -> Any:
    name = reduction.name
    a = da.asanyarray(a)
    if where is not True and not is_dask(where):
        where = wanted(where)
    if a.dtype.kind in "OmM":
        return _of_other_dtypes(
            reduction, a, axis, dtype, keepdims, split_every, out, where, initial
        )
    dtype = result_dtype(reduction, a.dtype, dtype)
    if reduction.finish == "sum":
        _check_initial(name, a.dtype, dtype, initial)
    masked = is_masked(a)
    negative = plain.starts_at_negative_zero(initial)
    if any(negative) and dtype.kind in "fc":
        initial = initial + (0j if negative[1] else 0)
        total = _reduction(reduction, a, axis, dtype, keepdims, split_every, None, where, initial)
        data, counted = (da.ma.getdata(a), ~da.ma.getmaskarray(a)) if masked else (a, True)
        found = []
        for other in plain.other_than_negative_zero(data, reduction.skip_nan):
            for one in (where, counted):
                other = other if one is True else da.logical_and(other, one)
            found.append(da.any(other, axis, keepdims=bool(keepdims), split_every=split_every))
        total = da.map_blocks(
            _signed, total, *found, negative=negative, dtype=dtype, meta=total._meta
        )
        return total if out is None else require("dask.array.core").handle_out(out, total)
    finish = partial(_value, reduction=reduction, initial=initial, masked=masked)
    return _tree(
        a,
        None if where is True else where,
        partial(_state, skip_nan=reduction.skip_nan),
        finish,
        name=name,
        axis=axis,
        dtype=dtype,
        keepdims=bool(keepdims),
        split_every=split_every,
        out=out,
        masked=masked,
    )


def _signed(total: Any, *found: Any, negative: tuple[bool, bool]) -> Any:
    """A block of sums, negative zero where `initial` was and no other element was found."""
    result = np.array(total, subok=True)
    data = np.ma.getdata(result)
    parts = (data.real, data.imag) if data.dtype.kind == "c" else (data,)
    for part, other, sign in zip(parts, found, negative, strict=False):
        if sign:
            part[~np.asarray(other)] = -0.0
    return result


def _refuse_other_dtypes(name: str, a: Any) -> None:
    """Refuse objects and times, for functions whose states hold numbers."""
    if a.dtype.kind in "OmM":
        raise TypeError(
            f"{name}: lazy arrays of {a.dtype} have no exact result here; give the array that "
            "compute() makes"
        )


def _of_other_dtypes(
    reduction: Reduction,
    a: Any,
    axis: Any,
    dtype: Any,
    keepdims: bool,
    split_every: Any,
    out: Any,
    where: Any,
    initial: Any,
) -> Any:
    """The reduction of an array of objects or times."""
    name, masked = reduction.name, is_masked(a)
    finish: Callable[..., Any]
    if a.dtype.kind == "O":
        start = [] if type(initial) is int and initial == 0 else [initial]
        state = partial(_object_state, name=name, skip_nan=reduction.skip_nan)
        finish = partial(_object_value, reduction=reduction, start=start, masked=masked)
        dtype = np.dtype(object if dtype is None else dtype)
    else:
        timedelta.check(name, a.dtype, reduction.finish)
        if dtype is not None and np.dtype(dtype) != a.dtype:
            raise TypeError(
                f"{name}: the result of {a.dtype} elements is of that dtype, not {dtype}"
            )
        dtype = a.dtype.newbyteorder("=")
        ticks = 0 if reduction.finish == "mean" else timedelta.in_ticks(name, initial, dtype)
        state = partial(_time_state, skip_nan=reduction.skip_nan)
        finish = partial(_time_value, reduction=reduction, initial=ticks, masked=masked)
    return _tree(
        a,
        None if where is True else where,
        state,
        finish,
        name=name,
        axis=axis,
        dtype=dtype,
        keepdims=bool(keepdims),
        split_every=split_every,
        out=out,
        masked=masked,
    )


def _object_state(x: Any, where: Any, axis: Any, *, name: str, skip_nan: bool) -> Any:
    return objects.states(name, *shown(x, where), axis, skip_nan)


def _object_value(
    total: Any, *, reduction: Reduction, dtype: Any, start: list[Any], masked: bool = False
) -> Any:
    nothing = np.equal(np.reshape(total.counts, total.shape), 0)
    if masked and nothing.any():
        # A masked mean of nothing is masked, and no cause for a warning.
        total = objects.States(total.shape, total.totals, [max(n, 1) for n in total.counts])
    result = total.values(reduction, dtype, start)
    if not isinstance(result, np.ndarray):
        result = objects.column([result], np.dtype(dtype)).reshape(())
    return np.ma.array(result, mask=nothing) if masked else result


def _time_state(x: Any, where: Any, axis: Any, *, skip_nan: bool) -> ExactSum:
    values, chosen = shown(x, where)
    return timedelta.state(values, chosen, axis, skip_nan)


def _time_value(
    total: ExactSum, *, reduction: Reduction, dtype: Any, initial: int, masked: bool
) -> Any:
    nothing = np.equal(total.count, 0)
    if masked and np.any(nothing):
        total = total.copy().add(np.zeros((1, *total.shape)), 0, nothing)
    result = timedelta.of_state(reduction, total, dtype, initial)
    return np.ma.array(result, mask=nothing) if masked else result


def _check_initial(name: str, source: np.dtype[Any], dtype: np.dtype[Any], initial: Any) -> None:
    """Refuse right away what the function in memory refuses."""
    # Checked in the widest dtype of its kind: the sum may fit where `initial` alone does not.
    holder = dtype if dtype.kind in "fc" else source if source.kind in "fc" else np.dtype(object)
    with np.errstate(all="ignore"):
        getattr(mypackage, name)(np.zeros(1, source), dtype=holder, initial=initial)


def _tree(
    a: Any,
    second: Any,
    state: Callable[..., _State],
    finish: Callable[..., Any],
    *,
    name: str,
    axis: Any,
    dtype: np.dtype[Any],
    keepdims: bool = False,
    split_every: Any = None,
    out: Any = None,
    groups: int | None = None,
    masked: bool = False,
    exact: tuple[int, ...] = (),
) -> Any:
    """Merge ``state(chunk, chunk of second, axis)`` in dask's tree reduction and `finish` the root.

    The axis disappears, or stays with size 1 or `groups`. `second` is broadcast, except along the
    axes `exact`; without it, the blocks of `a` may be pairs.
    """
    if second is not None:
        second = da.asanyarray(second)
        if is_unknown(a, second):
            a, second = paired(name, a, second, exact), None
    reduced = a.ndim if axis is None else np.size(axis)
    stays = keepdims or groups is not None
    meta = np.empty((0,) * (a.ndim if stays else a.ndim - reduced), dtype)
    return da.reduction(
        a,
        partial(_chunk, state=state),
        partial(_root, finish=finish, expand=keepdims),
        axis=axis,
        keepdims=stays,
        output_size=1 if groups is None else groups,
        dtype=dtype,
        split_every=split_every,
        combine=_merge,
        name=f"mypackage-{name}",
        out=out,
        # A chunk becomes a state, not an array.
        concatenate=False,
        weights=second,
        meta=np.ma.array(meta) if masked else meta,
    )


def _chunk(
    x: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    axis: tuple[int, ...],
    keepdims: bool,
    dtype: Any = None,
    state: Callable[..., _State],
    computing_meta: bool = False,
) -> Any:
    """A leaf of the tree. ("weights" is dask's name for a second array.)"""
    if isinstance(x, tuple):
        x, weights = x
    # The scheduler runs chunks in parallel already.
    # (The fill value of masked objects fits no other dtype.)
    return np.ma.getdata(x) if computing_meta else run_serially(state, x, weights, axis)


def _state(
    x: np.ndarray, where: np.ndarray | None, axis: tuple[int, ...], *, skip_nan: bool
) -> ExactSum:
    return sum_states(x, axis, True if where is None else where, skip_nan)


# The values that the nodes of a tree exchange.
_State = ExactSum | ExactMoments | objects.States | Several


def _states(nested: Any) -> Iterator[Any]:
    if isinstance(nested, list):
        for item in nested:
            yield from _states(item)
    else:
        yield nested


def _merge(nested: Any, axis: Any = None, keepdims: bool = True) -> Any:
    """An inner node of the tree."""
    first, *others = _states(nested)
    # A task must not change its arguments.
    total = first.copy()
    if others:
        total.merge(*others)
    return total


def _root(
    nested: Any,
    axis: tuple[int, ...],
    keepdims: bool,
    dtype: np.dtype[Any],
    finish: Callable[..., Any],
    expand: bool,
) -> Any:
    result = finish(_merge(nested), dtype=dtype)
    if expand:
        return np.expand_dims(result, axis)
    # A single object is itself, as in memory and of dask's own reductions.
    return result[()] if type(result) is np.ndarray and result.dtype.kind == "O" else result


def _value(total: ExactSum, *, reduction: Reduction, dtype: Any, initial: Any, masked: bool) -> Any:
    """Round the state at the root of the tree; `total` may be changed."""
    nothing = np.equal(total.count, 0) if masked else False
    if np.any(initial):
        total.add(np.broadcast_to(initial, (1, *total.shape)), 0)
    if not masked:
        return rounded(reduction, total, dtype)
    # The mean of masked elements only is masked, without a warning.
    return np.ma.array(rounded_groups(reduction, total, dtype, 0, nothing), mask=nothing)


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
    checked = _windows.moved(name, empty, window, min_count, 0 if a.ndim == 1 else place, ddof)
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
    dtype = _windows.around(one, name, axis, 1, 0, 1, ddof).dtype
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
    return run_serially(_windows.moved, name, x, *arguments)


def _moved_block(
    x: np.ndarray, *, name: str, axis: int, window: int, behind: int, least: int, ddof: Any
) -> Any:
    return run_serially(_windows.around, x, name, axis, window, behind, least, ddof)
