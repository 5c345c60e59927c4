"""Variances, standard deviations, norms and sums of squares of dask arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import mypackage
from mypackage import ExactMoments
from mypackage._core.exact_moments import rounded as rounded_moments
from mypackage._core.exact_moments import states_of
from mypackage._core.inputs import named
from mypackage._core.moments import exact_ddof, one_ddof
from mypackage._core.reductions import ARRAYS, MOMENTS, REDUCTIONS, Reduction
from mypackage._core.states import result_dtype, rounded
from mypackage._docstrings import like
from mypackage._errors import report_no_freedom
from mypackage._extras import require
from mypackage.dask._masked import is_masked
from mypackage.dask._objects import (
    deviations,
    moment_state,
    moment_value,
    object_value,
    square_state,
)
from mypackage.dask._times import as_ticks, is_lost
from mypackage.dask._tree import delivered, refuse_other_dtypes, tree_reduction, wanted_or_lazy

if TYPE_CHECKING:
    from dask.array import Array

da = require("dask.array")


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
    where = wanted_or_lazy(where)
    masked = is_masked(a)
    state: Callable[..., Any] = partial(_moment_state, name="norm", skip_nan=False)
    finish: Callable[..., Any] = partial(_squares_value, masked=masked)
    if a.dtype.kind == "O":
        state = square_state
        finish = partial(object_value, reduction=ARRAYS[name], start=[], masked=masked)
        dtype = np.dtype(object if dtype is None else dtype)
    else:
        refuse_other_dtypes(name, a)
        dtype = result_dtype(ARRAYS[name], a.dtype, dtype)
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
    where = wanted_or_lazy(where)
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
    lost = a.map_blocks(is_lost, dtype=np.int8)
    chosen = da.logical_not(lost)
    if where is not True:
        chosen = da.logical_and(chosen, where)
        lost = da.logical_and(lost, where)
    ticks = tree_reduction(
        a.map_blocks(as_ticks, dtype=np.int64),
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
    return delivered(result, out)


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
