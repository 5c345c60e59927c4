"""Dask arrays of Python objects and of times: group sums, cumulative sums, weighted averages."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from mypackage._core import objects, timedelta
from mypackage._core.groups import fill, labels_of
from mypackage._core.reductions import Reduction
from mypackage._core.rounding import whole
from mypackage._core.states import grouped
from mypackage._errors import report_no_freedom
from mypackage._extras import require
from mypackage._native import ExactSum, split_states

da = require("dask.array")


def group_parts(
    reduction: Reduction, dtype: np.dtype[Any], wanted: Any, fill_value: Any, skip_nan: bool
) -> tuple[Any, Any, np.dtype[Any]]:
    """For objects and times: functions that make group states and results, and the dtype."""
    name = reduction.name
    if dtype.kind == "O":
        state = partial(_object_groups, name=name, skip_nan=skip_nan)
        finish = partial(_object_group_values, reduction=reduction, fill_value=fill_value)
        return state, finish, np.dtype(object if wanted is None else wanted)
    timedelta.check(name, dtype, reduction.finish)
    unit = dtype.newbyteorder("=")
    if wanted is not None and np.dtype(wanted) != unit:
        raise TypeError(f"{name}: the results of {dtype} elements are of that dtype, not {wanted}")
    of_chunk = partial(_time_groups, name=name, skip_nan=skip_nan)
    return of_chunk, partial(_time_group_values, reduction=reduction, fill_value=fill_value), unit


def _line(name: str, labels: np.ndarray, axis: int) -> np.ndarray:
    """The one-dimensional labels, from an array that they were broadcast to."""
    return labels_of(name, np.moveaxis(labels, axis, -1)[(0,) * (labels.ndim - 1)])


def _results_shape(x: np.ndarray, axis: int, size: int) -> tuple[int, ...]:
    return (*x.shape[:axis], size, *x.shape[axis + 1 :])


def _object_groups(
    x: np.ndarray,
    labels: np.ndarray,
    axis: tuple[int, ...],
    *,
    name: str,
    size: int,
    skip_nan: bool,
) -> objects.States:
    if not x.size:
        shape = _results_shape(x, axis[0], size)
        return objects.group_states(name, np.zeros(0, np.int64), np.empty(shape, object), 0, size)
    line = _line(name, labels, axis[0])
    return objects.group_states(name, line, x, axis[0], size, skip_nan)


def _object_group_values(
    total: objects.States, *, reduction: Reduction, fill_value: Any, dtype: Any
) -> Any:
    result = total.of_groups(reduction, dtype)
    nothing = np.equal(np.reshape(total.counts, total.shape), 0)
    if nothing.any():
        fill(reduction.name, result, nothing, fill_value, reduction.empty)
    return result


def _time_groups(
    x: np.ndarray,
    labels: np.ndarray,
    axis: tuple[int, ...],
    *,
    name: str,
    size: int,
    skip_nan: bool,
) -> ExactSum:
    """The exact sums of the ticks; a NaT that is not skipped counts as a NaN."""
    if not x.size:
        return ExactSum(_results_shape(x, axis[0], size))
    line, lost = _line(name, labels, axis[0]), np.isnat(x)
    ticks = x.astype(x.dtype.newbyteorder("="), copy=False).view(np.int64)
    total = grouped(line, ticks, axis[0], size, True, lost)
    if lost.any() and not skip_nan:
        total.merge(grouped(line, np.full(x.shape, np.nan), axis[0], size, True, ~lost))
    return total


def _time_group_values(
    total: ExactSum, *, reduction: Reduction, fill_value: Any, dtype: Any
) -> Any:
    nothing = np.equal(total.count, 0)
    if nothing.any():
        # So that no group is empty, for which the mean would warn.
        total = total.copy().add(np.zeros((1, *total.shape)), 0, nothing)
    result = timedelta.of_state(reduction, total, dtype, 0)
    if nothing.any():
        fill(reduction.name, result, nothing, fill_value, reduction.empty)
    return result


class Quotient(NamedTuple):
    """The state of a weighted average of objects; it merges like an ExactSum."""

    products: objects.States
    weights: objects.States

    def copy(self) -> Quotient:
        return Quotient(self.products.copy(), self.weights.copy())

    def merge(self, *others: Quotient) -> None:
        for mine, theirs in zip(self, zip(*others, strict=True), strict=True):
            mine.merge(*theirs)


class Moments(NamedTuple):
    """The state of moments of objects; it merges as an ExactMoments does."""

    sums: objects.States
    squares: objects.States

    def copy(self) -> Moments:
        return Moments(self.sums.copy(), self.squares.copy())

    def merge(self, *others: Moments) -> None:
        for mine, theirs in zip(self, zip(*others, strict=True), strict=True):
            mine.merge(*theirs)


def moment_state(x: np.ndarray, where: Any, axis: Any, *, name: str, skip_nan: bool) -> Moments:
    parts = (name, *shown(x, where), axis, skip_nan)
    return Moments(objects.states(*parts), objects.square_states(*parts))


def moment_value(total: Moments, *, reduction: Reduction, ddof: Any, dtype: Any) -> Any:
    """Round the root, and report what the function in memory reports."""
    from mypackage._core import object_moments  # Only here: fractions costs an import.

    value, lacking = object_moments.of_states(reduction, *total, ddof, dtype)
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


def deviations(total: Any, *, ddof: Any, dtype: Any) -> np.ndarray:
    """Standard deviations in whole ticks, half to even; the lowest integer for none."""
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
            report_no_freedom("std")
            results.append(np.iinfo(np.int64).min)
            continue
        scatter = Fraction(squares.as_fraction()) - Fraction(sums.as_fraction()) ** 2 / count
        square = Fraction(0) if divisor == np.inf else scatter / divisor
        results.append(whole(square.numerator, square.denominator, True))
    return np.array(results, dtype).reshape(total.shape)


def average_state(x: np.ndarray, weights: np.ndarray, axis: tuple[int, ...]) -> Quotient:
    return Quotient(*objects.average_states(x, weights, axis))


def average_value(total: Quotient, *, dtype: Any) -> np.ndarray:
    pairs = zip(total.products.totals, total.weights.totals, strict=True)
    means = [objects.weighted_mean(*pair, None) for pair in pairs]
    return objects.column(means, dtype).reshape(total.products.shape)


def weights_value(total: Quotient, *, dtype: Any) -> np.ndarray:
    sums = [objects.value("average", one, None, None) for one in total.weights.totals]
    return objects.column(sums, dtype).reshape(total.weights.shape)


def vecdot_state(x1: np.ndarray, x2: np.ndarray, axis: tuple[int, ...]) -> objects.States:
    return objects.vecdot_states(x1, x2, axis)


def carry(before: objects.States | None, x: np.ndarray, axis: int) -> objects.States:
    """The exact sums of all blocks up to and including `x`."""
    return objects.last_prefixes(x, axis, before)


def prefixes(before: objects.States | None, x: np.ndarray, axis: int, dtype: Any) -> np.ndarray:
    """The exact cumulative sums of a block of objects."""
    return objects.prefixes(x, axis, None if dtype.kind == "O" else dtype, before)
