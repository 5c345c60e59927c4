"""Dask arrays of Python objects and of times: the states of chunks, and the results from them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from mypackage._core import group_moments, moments, objects, python_numbers, timedelta
from mypackage._core.groups import fill, groups_shape, labels_of, size_of
from mypackage._core.reductions import GROUPED_MOMENTS, Reduction
from mypackage._core.rounding import whole
from mypackage._core.states import Several, grouped
from mypackage._errors import report_no_freedom
from mypackage._extras import require
from mypackage._native import ExactSum, split_states

da = require("dask.array")


class GroupParts(NamedTuple):
    """What a grouped reduction is made of.

    Attributes
    ----------
    state : callable
        The exact states of the groups of a chunk: of the elements, their labels, the axis and the
        number of groups.
    empty : callable
        The states of groups without elements: of their shape.
    finish : callable
        The results: of the merged states and ``dtype=``.
    dtype : dtype
        That of the results.
    """

    state: Callable[..., Any]
    empty: Callable[[tuple[int, ...]], Any]
    finish: Callable[..., Any]
    dtype: np.dtype[Any]


def group_parts(
    reduction: Reduction,
    source: np.dtype[Any],
    dtype: np.dtype[Any],
    fill_value: Any,
    skip_nan: bool,
) -> GroupParts:
    """The parts for objects and times."""
    name = reduction.name
    if source.kind == "O":
        state = partial(_object_groups, name=name, skip_nan=skip_nan)
        finish = partial(_object_group_values, reduction=reduction, fill_value=fill_value)
        empty = partial(objects.empty_states, name=name)
        return GroupParts(state, empty, finish, dtype)
    finish = partial(_time_group_values, reduction=reduction, fill_value=fill_value)
    return GroupParts(partial(_time_groups, skip_nan=skip_nan), ExactSum, finish, dtype)


def group_chunk(
    x: np.ndarray,
    labels: np.ndarray,
    axis: tuple[int, ...],
    *,
    name: str,
    size: int,
    parts: GroupParts,
    lazy: bool,
) -> Any:
    """The states of the groups of a chunk, whose labels were broadcast to its shape."""
    (along,) = axis
    if not x.size:
        return parts.empty(groups_shape(x.shape, along, size))
    line = labels_of(name, np.moveaxis(labels, along, -1)[(0,) * (labels.ndim - 1)])
    if lazy:
        size_of(name, line, along, x.shape[along], size)
    return parts.state(x, line, along, size)


def _object_groups(
    x: np.ndarray, labels: np.ndarray, axis: int, size: int, *, name: str, skip_nan: bool
) -> objects.States:
    return objects.group_states(name, labels, x, axis, size, skip_nan)


def group_moment_state(
    x: np.ndarray, labels: np.ndarray, axis: int, size: int, *, name: str
) -> Several:
    """The sums and the sums of squares of groups of objects."""
    parts = (name, labels, x, axis, size)
    return Several((objects.group_states(*parts), objects.group_states(*parts, squares=True)))


def no_moments(shape: tuple[int, ...], *, name: str) -> Several:
    """The same of groups without elements."""
    return Several(objects.empty_states(shape, name) for _ in range(2))


def object_moments_of_groups(
    total: Several, *, name: str, ddof: Any, fill_value: Any, dtype: Any
) -> np.ndarray:
    """The variances or deviations of groups of objects, each rounded once."""
    from mypackage._core import object_moments  # Only here: fractions costs an import.

    sums, squares = total
    reduction, exact = GROUPED_MOMENTS[name], moments.exact_ddof(name, ddof)
    with np.errstate(invalid="ignore"):
        value, _ = object_moments.of_states(reduction, sums, squares, exact, dtype)
    count = np.reshape(sums.counts, sums.shape)
    lacking = (count == 0) | (count <= ddof)
    group_moments.fill(name, value, lacking, None, np.nan if fill_value is None else fill_value)
    return value


def _object_group_values(
    total: objects.States, *, reduction: Reduction, fill_value: Any, dtype: Any
) -> Any:
    result = total.of_groups(reduction, dtype)
    nothing = np.equal(np.reshape(total.counts, total.shape), 0)
    if nothing.any():
        fill(reduction.name, result, nothing, fill_value, reduction.empty)
    return result


def _time_groups(
    x: np.ndarray, labels: np.ndarray, axis: int, size: int, *, skip_nan: bool
) -> ExactSum:
    """The exact sums of the ticks; a NaT that is not skipped counts as a NaN."""
    lost = np.isnat(x)
    ticks = x.astype(x.dtype.newbyteorder("="), copy=False).view(np.int64)
    total = grouped(labels, ticks, axis, size, True, lost)
    if lost.any() and not skip_nan:
        total.merge(grouped(labels, np.full(x.shape, np.nan), axis, size, True, ~lost))
    return total


def _time_group_values(
    total: ExactSum, *, reduction: Reduction, fill_value: Any, dtype: Any
) -> Any:
    nothing = np.equal(total.count, 0)
    if nothing.any():
        # So that no group is empty, for which the mean would warn.
        total = total.copy().add(np.zeros((1, *total.shape), np.int8), 0, nothing)
    result = timedelta.of_state(reduction, total, dtype, 0)
    if nothing.any():
        fill(reduction.name, result, nothing, fill_value, reduction.empty)
    return result


def moment_state(x: np.ndarray, where: Any, axis: Any, *, name: str, skip_nan: bool) -> Several:
    parts = (name, *shown(x, where), axis, skip_nan)
    return Several((objects.states(*parts), objects.square_states(*parts)))


def square_state(x: np.ndarray, where: Any, axis: Any) -> objects.States:
    return objects.square_states("sum_of_squares", *shown(x, where), axis, False)


def moment_value(
    total: Several, *, reduction: Reduction, ddof: Any, dtype: Any, masked: bool
) -> Any:
    """Round the root, and report what the function in memory reports."""
    from mypackage._core import object_moments  # Only here: fractions costs an import.

    sums, squares = total
    value, lacking = object_moments.of_states(reduction, sums, squares, ddof, dtype)
    if masked:
        # As in memory, masked results give no warning.
        return np.ma.array(value, mask=lacking)
    if lacking.any() and reduction.finish != "norm":
        report_no_freedom(reduction.name)
    return value


def shown(x: np.ndarray, where: Any) -> tuple[np.ndarray, Any]:
    """The elements of a chunk, and which of them are wanted and not masked."""
    where = True if where is None else where
    if not isinstance(x, np.ma.MaskedArray):
        return x, where
    hidden = np.ma.getmaskarray(x)
    return np.where(hidden, np.zeros((), x.dtype), x.data), where & ~hidden


def deviations(total: Any, *, ddof: Any, dtype: Any, masked: bool) -> np.ndarray:
    """Standard deviations in whole ticks, half to even; the lowest integer, or masked, for none."""
    from fractions import Fraction

    results = []
    for sums, squares in zip(*map(split_states, total._content()), strict=True):
        count = sums.count
        divisor = (
            -ddof
            if isinstance(ddof, float) and not np.isfinite(ddof)
            else count - (Fraction(ddof) if isinstance(ddof, float) else Fraction(*ddof))
        )
        if not (count and divisor > 0):
            if not masked:
                report_no_freedom("std")
            results.append(np.iinfo(np.int64).min)
            continue
        scatter = Fraction(squares.as_fraction()) - Fraction(sums.as_fraction()) ** 2 / count
        square = Fraction(0) if divisor == np.inf else scatter / divisor
        results.append(whole(square.numerator, square.denominator, True))
    array = np.array(results, dtype).reshape(total.shape)
    return np.ma.masked_equal(array, np.iinfo(np.int64).min) if masked else array


def average_state(x: np.ndarray, weights: np.ndarray, axis: tuple[int, ...]) -> Several:
    hidden = np.ma.getmaskarray(x)
    x, weights = (np.where(hidden, 0, np.ma.getdata(one)) for one in (x, weights))
    return Several(objects.average_states(x, weights, axis, ~hidden))


def average_value(total: Several, *, dtype: Any, masked: bool) -> np.ndarray:
    products, weights = total
    nothing = np.equal(np.reshape(weights.counts, weights.shape), 0)
    means = [
        0 if masked and not count else objects.weighted_mean(product, weight, None)
        for product, weight, count in zip(
            products.totals, weights.totals, weights.counts, strict=True
        )
    ]
    result = objects.column(means, dtype).reshape(products.shape)
    return np.ma.array(result, mask=nothing) if masked else result


def weights_value(total: Several, *, dtype: Any, masked: bool) -> np.ndarray:
    _, weights = total
    sums = [python_numbers.value("average", one, None, None) for one in weights.totals]
    result = objects.column(sums, dtype).reshape(weights.shape)
    nothing = np.equal(np.reshape(weights.counts, weights.shape), 0)
    return np.ma.array(result, mask=nothing) if masked else result


def vecdot_state(x1: np.ndarray, x2: np.ndarray, axis: tuple[int, ...]) -> objects.States:
    hidden = np.ma.getmaskarray(x1) | np.ma.getmaskarray(x2)
    x1, x2 = (np.where(hidden, 0, np.ma.getdata(x)) for x in (x1, x2))
    return objects.vecdot_states(x1, x2, axis, ~hidden)


def carry(before: objects.States | None, x: np.ndarray, axis: int) -> objects.States:
    """The exact sums of all blocks up to and including `x`."""
    return objects.last_prefixes(x, axis, before)


def prefixes(before: objects.States | None, x: np.ndarray, axis: int, dtype: Any) -> np.ndarray:
    """The exact cumulative sums of a block of objects."""
    return objects.prefixes(x, axis, None if dtype.kind == "O" else dtype, before)


def object_state(x: Any, where: Any, axis: Any, *, name: str, skip_nan: bool) -> Any:
    return objects.states(name, *shown(x, where), axis, skip_nan)


def object_value(
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
