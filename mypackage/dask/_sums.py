"""Sums, means and dot products of dask arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import mypackage
from mypackage import ExactSum
from mypackage._core import plain, timedelta, units
from mypackage._core.reductions import REDUCTIONS, VECDOT, Reduction
from mypackage._core.states import result_dtype, rounded, rounded_groups
from mypackage._docstrings import like
from mypackage._extras import require
from mypackage._native import sum_states, vecdot_states
from mypackage.dask._masked import is_masked, with_masks_of_both
from mypackage.dask._masked import vecdot_state as masked_vecdot
from mypackage.dask._masked import vecdot_value as masked_vecdot_value
from mypackage.dask._objects import object_state, object_value, shown, vecdot_state
from mypackage.dask._tree import delivered, lazy, tree_reduction, wanted_or_lazy
from mypackage.dask._unknown import is_unknown, paired

if TYPE_CHECKING:
    from dask.array import Array

da = require("dask.array")


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
    x1, x2 = (da.moveaxis(lazy("vecdot", x), axis, -1) for x in (x1, x2))
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
        finish = partial(object_value, reduction=VECDOT, start=[], masked=masked)
        return tree_reduction(x1, x2, vecdot_state, finish, **options)
    if masked:
        return tree_reduction(x1, x2, masked_vecdot, masked_vecdot_value, **options)
    finish = partial(_value, reduction=VECDOT, initial=0, masked=False)
    return tree_reduction(x1, x2, _vecdot_state, finish, **options)


def _vecdot_state(x1: np.ndarray, x2: np.ndarray, axis: tuple[int, ...]) -> ExactSum:
    return vecdot_states(x1, x2, axis[0])


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
    units.refuse(f"{name}: initial", initial)
    a = da.asanyarray(a)
    where = wanted_or_lazy(where)
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
        return delivered(total, out)
    finish = partial(_value, reduction=reduction, initial=initial, masked=masked)
    return tree_reduction(
        a,
        where,
        partial(sum_state, skip_nan=reduction.skip_nan),
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
        state = partial(object_state, name=name, skip_nan=reduction.skip_nan)
        finish = partial(object_value, reduction=reduction, start=start, masked=masked)
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
    return tree_reduction(
        a,
        where,
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


def sum_state(
    x: np.ndarray, where: np.ndarray | None, axis: tuple[int, ...], *, skip_nan: bool
) -> ExactSum:
    return sum_states(x, axis, True if where is None else where, skip_nan)


def _value(total: ExactSum, *, reduction: Reduction, dtype: Any, initial: Any, masked: bool) -> Any:
    """Round the state at the root of the tree; `total` may be changed."""
    nothing = np.equal(total.count, 0) if masked else False
    if np.any(initial):
        total.add(np.broadcast_to(initial, (1, *total.shape)), 0)
    if not masked:
        return rounded(reduction, total, dtype)
    # The mean of masked elements only is masked, without a warning.
    return np.ma.array(rounded_groups(reduction, total, dtype, 0, nothing), mask=nothing)
