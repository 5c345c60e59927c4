"""Weighted averages of dask arrays."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

import mypackage
from mypackage._core import average as _average
from mypackage._core import units
from mypackage._core.axes import aligned, lines, normalised
from mypackage._core.input_types import front, is_dask, label_kind
from mypackage._core.states import Several
from mypackage._extras import require
from mypackage._native import split_states, sum_states, vecdot_states
from mypackage.dask._masked import is_masked
from mypackage.dask._objects import (
    average_state,
    average_value,
    weights_value,
)
from mypackage.dask._sums import mean, sum
from mypackage.dask._times import as_ticks, as_times, is_lost
from mypackage.dask._tree import lazy, refuse_other_dtypes, tree_reduction
from mypackage.dask._unknown import is_unknown

if TYPE_CHECKING:
    from dask.array import Array

da = require("dask.array")


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
    a = lazy("average", a)
    if weights is None:
        options: dict[str, Any] = {"keepdims": keepdims, "split_every": split_every}
        result = mean(a, axis, **options)
        if not returned:
            return result
        # Counted, since the number of elements may be unknown and some may be masked.
        ones = a.map_blocks(partial(np.ones_like, dtype=bool), dtype=bool)
        return result, sum(ones, axis, _average.count_dtype(a), **options)
    owner = label_kind(weights)
    if owner in ("pandas", "xarray"):
        weights = front(owner).plain_weights("average", weights)
    weights = lazy("average", weights)
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
        tree = partial(tree_reduction, a, weights, average_state, **options)
        result = tree(name="average", finish=partial(average_value, masked=masked))
        if not returned:
            return result
        return result, tree(name="average-weights", finish=partial(weights_value, masked=masked))
    for x in (a, weights):
        refuse_other_dtypes("average", x)
    _average.check(a, weights)
    dtype = _average.result_dtype(a, weights)
    tree = partial(
        tree_reduction,
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
    numbers, lost = (
        data.map_blocks(as_ticks, dtype=np.int64),
        data.map_blocks(is_lost, dtype=np.int8),
    )
    if masked:
        hidden = da.ma.getmaskarray(a)
        numbers, lost = da.ma.masked_array(numbers, hidden), da.logical_and(lost, ~hidden)
    # Both in blocks that fit those of the weights.
    lost = tree_reduction(
        lost,
        weights,
        _lost_state,
        name="average-lost",
        finish=_lost_value,
        dtype=np.dtype(np.int64),
        exact=exact,
        **options,
    )
    tree = partial(
        tree_reduction, numbers, weights, _average_state, exact=exact, masked=masked, **options
    )
    finish = partial(_time_average_value, masked=masked)
    ticks = tree(name="average", finish=finish, dtype=np.dtype(np.int64))
    result = da.map_blocks(
        as_times, ticks, lost, unit=unit, dtype=unit, meta=ticks._meta.view(unit)
    )
    if not returned:
        return result
    whole = mypackage.sum(np.ones(1, weights.dtype)).dtype
    finish = partial(_weights_value, masked=masked)
    return result, tree(name="average-weights", finish=finish, dtype=whole)


def _lost_state(x: np.ndarray, _weights: np.ndarray, axis: tuple[int, ...]) -> Any:
    return sum_states(x, axis, True, False)


def _lost_value(total: Any, *, dtype: Any) -> Any:
    return total.value(dtype)


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
