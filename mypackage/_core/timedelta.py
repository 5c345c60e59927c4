"""Time differences and dates: integers with a unit, and NaT as NaN. Dates have only means."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from mypackage import _native
from mypackage._errors import report_empty
from mypackage._native import ExactSum

from .axes import check_out, mask_for
from .input_types import NUMBERS
from .outputs import fill_out
from .reductions import Reduction


def reduce(
    reduction: Reduction,
    a: np.ndarray,
    *,
    axis: Any = None,
    dtype: Any = None,
    out: np.ndarray | None = None,
    keepdims: bool = False,
    initial: Any = 0,
    where: Any = True,
) -> Any:
    """The exact sum, or the exact mean rounded half to even to whole ticks of the unit."""
    name = reduction.name
    if not isinstance(out, (np.ndarray, type(None))):
        raise TypeError(f"{name}: out must be an array, not {type(out).__name__}")
    dtype = np.dtype(dtype or (a.dtype if out is None else out.dtype)).newbyteorder("=")
    check(name, a.dtype, reduction.finish)
    if dtype.kind != a.dtype.kind:
        kind = "timedelta64" if a.dtype.kind == "m" else "datetime64"
        raise TypeError(f"{name}: the result of {a.dtype} elements is a {kind}, not {dtype}")
    unit = a.dtype.newbyteorder("=")
    ticks = a.astype(unit, copy=False).view(np.int64)
    over: dict[str, Any] = {"axis": axis, "keepdims": keepdims}
    where = mask_for(where, a.shape)
    counted = where & ~np.isnat(a)
    lost = np.False_ if reduction.skip_nan else np.any(where & ~counted, **over)
    fits, per = True, _ticks_per(name, unit, dtype)
    if per > 1:
        return _in_coarser(reduction, ticks, unit, dtype, per, counted, lost, out, initial, over)
    if reduction.finish == "sum":
        initial = None if initial is None else in_ticks(name, initial, unit)
        try:
            total = _native.sum(ticks, initial=initial, where=counted, **over)
            # The lowest integer stands for NaT.
            fits = not np.any(np.equal(total, np.iinfo(np.int64).min))
        except OverflowError:
            total, fits = 0, False
    else:
        count = np.sum(counted, **over)
        if np.any((count == 0) & ~lost):
            report_empty(name)
        lost = lost | (count == 0)
        total = _native.sum(ticks, dtype=object, where=counted, **over)
        total = _rounded_quotients(total, np.maximum(count, 1))
    exact = np.asarray(total, np.int64).view(unit)
    try:
        result = exact.astype(dtype)
        # Before NumPy 2.5, conversion to a finer unit wraps around.
        wraps = np.can_cast(unit, dtype) and bool(np.any(result.astype(unit) != exact))
    except OverflowError:
        wraps = True
    if wraps or not fits:
        raise OverflowError(f"{name}: an exact result does not fit {dtype}; use a coarser unit")
    return _delivered(name, np.where(lost, np.array("NaT", result.dtype), result), out)


def _ticks_per(name: str, unit: np.dtype[Any], dtype: np.dtype[Any]) -> int:
    """How many ticks of the unit make one tick of a coarser dtype; 1 if it is not coarser."""
    difference = np.dtype(unit.str.replace("M8", "m8"))
    coarser = np.dtype(dtype.str.replace("M8", "m8"))
    if difference == coarser or np.can_cast(difference, coarser):
        return 1
    if len({np.datetime_data(x)[0] in "YM" for x in (unit, dtype)}) > 1:
        # Months have no fixed length.
        raise TypeError(
            f"{name}: {unit} is not rounded to {dtype}; give dtype={unit}, or a finer one, and the "
            "result's astype()"
        )
    return int(np.array(1, coarser).astype(difference).view(np.int64))


def _in_coarser(
    reduction: Reduction,
    ticks: np.ndarray,
    unit: np.dtype[Any],
    dtype: np.dtype[Any],
    per: int,
    counted: np.ndarray,
    lost: Any,
    out: np.ndarray | None,
    initial: Any,
    over: dict[str, Any],
) -> Any:
    """The sum or mean, rounded once to a coarser unit."""
    start = 0 if initial is None else in_ticks(reduction.name, initial, unit)
    total = np.asarray(_native.sum(ticks, dtype=object, where=counted, **over), object)
    count = np.sum(counted, **over)
    if reduction.finish == "sum":
        divisors: Any = np.full(total.shape, per, object)
        total = total + start
    else:
        if np.any((count == 0) & ~lost):
            report_empty(reduction.name)
        lost = lost | (count == 0)
        divisors = np.maximum(count, 1).astype(object) * per
    whole = np.asarray(_rounded_quotients(total, divisors), np.int64).view(dtype)
    result = np.where(lost, np.array("NaT", dtype), whole)
    return _delivered(reduction.name, result, out)


def _delivered(name: str, result: np.ndarray, out: np.ndarray | None) -> Any:
    if out is None:
        return result[()]
    check_out(name, out, result.shape)
    return fill_out(name, out, result)


def _rounded_quotients(totals: Any, counts: Any) -> Any:
    """The quotients of Python ints, rounded half to even."""
    # Imported here, since fractions is slower to import than this package.
    from fractions import Fraction

    quotient = np.frompyfunc(lambda total, count: round(Fraction(total, int(count))), 2, 1)
    return quotient(totals, counts)


def check(name: str, dtype: np.dtype[Any], finish: str) -> None:
    """Refuse sums of dates."""
    if dtype.kind == "M" and finish != "mean":
        raise TypeError(
            f"{name}: dates have no sum, {dtype} has means only; subtract one of them for "
            "differences, and there is no exact result for other dtypes than numbers "
            f"({NUMBERS}), timedelta64 and object"
        )


def in_ticks(name: str, initial: Any, unit: np.dtype[Any]) -> int:
    """`initial` in ticks of a unit."""
    if hasattr(initial, "to_timedelta64"):
        initial = initial.to_timedelta64()
    elif isinstance(initial, datetime.timedelta):
        initial = np.timedelta64(initial)
    given = np.asarray(initial)
    if given.dtype.kind not in "biumM":
        raise TypeError(f"{name}: initial={initial} must be an integer or a timedelta64")
    converted = given.astype(unit)
    if given.dtype.kind == "m" and np.any(converted.astype(given.dtype) != given):
        raise TypeError(f"{name}: initial={initial} is rounded on the way to {unit}; give it so")
    return int(converted.view(np.int64))


def cumsum(a: np.ndarray, axis: Any, dtype: Any, out: Any) -> Any:
    """The prefixes of time differences, which are NaT from the first NaT on."""
    check("cumsum", a.dtype, "sum")
    unit = a.dtype.newbyteorder("=")
    if dtype is not None and np.dtype(dtype) != unit:
        raise TypeError(
            f"cumsum: the prefixes of {a.dtype} elements are of that dtype, not {dtype}"
        )
    lost = np.isnat(a)
    ticks = np.where(lost, 0, a.astype(unit, copy=False).view(np.int64))
    try:
        total = _native.cumsum(ticks, axis)
        fits = not np.any(total == np.iinfo(np.int64).min)
    except OverflowError:
        fits = False
    if not fits:
        raise OverflowError(f"cumsum: an exact result does not fit {unit}; use a coarser unit")
    lost = np.logical_or.accumulate(lost.ravel() if axis is None else lost, axis or 0)
    result = np.where(lost.reshape(total.shape), np.array("NaT", unit), total.view(unit))
    return _delivered("cumsum", result, out)


def grouped(
    reduction: Reduction, labels: np.ndarray, a: np.ndarray, axis: int, size: int, dtype: Any
) -> np.ndarray:
    """The sums or means of groups along an axis; 0 for an empty group."""
    name, unit = reduction.name, a.dtype.newbyteorder("=")
    check(name, a.dtype, reduction.finish)
    if dtype is not None and np.dtype(dtype) != unit:
        raise TypeError(f"{name}: the results of {a.dtype} elements are of that dtype, not {dtype}")
    lost = np.isnat(a)
    ticks = np.where(lost, 0, a.astype(unit, copy=False).view(np.int64))
    options: dict[str, Any] = {"axis": axis, "size": size}
    total = _native.group_sum(labels, ticks, dtype=object, **options)
    if reduction.finish == "mean":
        counts = np.maximum(np.bincount(labels[labels >= 0], minlength=size), 1)
        along = counts.reshape([-1 if one == axis else 1 for one in range(a.ndim)])
        total = _rounded_quotients(total, np.broadcast_to(along, total.shape))
    limit = np.iinfo(np.int64).max
    if np.any(np.abs(total) > limit):
        raise OverflowError(f"{name}: an exact result does not fit {unit}; use a coarser unit")
    lost = _native.group_sum(labels, lost, **options) > 0
    return np.where(lost, np.array("NaT", unit), np.asarray(total, np.int64).view(unit))


def weighted_means(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Averages along the last axis with integer weights, rounded half to even to whole ticks."""
    unit = values.dtype.newbyteorder("=")
    lost = np.isnat(values)
    ticks = np.where(lost, 0, values.astype(unit).view(np.int64)).astype(object)
    factors = weights.astype(object)
    divisors = np.asarray(np.sum(factors, axis=-1), object)
    if np.any(divisors == 0):
        raise ZeroDivisionError("average: weights sum to zero along the axis; there is no average")
    totals = _rounded_quotients(np.sum(ticks * factors, axis=-1), divisors)
    if np.any(np.abs(totals) > np.iinfo(np.int64).max):
        raise OverflowError(f"average: an exact result does not fit {unit}; use a coarser unit")
    result = np.asarray(totals, np.int64).view(unit)
    return np.where(lost.any(-1), np.array("NaT", unit), result)


def state(a: np.ndarray, where: Any, axis: Any, skip_nan: bool) -> ExactSum:
    """The exact sums of the ticks; a NaT that is not skipped counts as a NaN."""
    lost = np.isnat(a)
    where = mask_for(where, a.shape)
    total = _native.sum_states(
        a.astype(a.dtype.newbyteorder("=")).view(np.int64), axis, where & ~lost, False
    )
    if not skip_nan:
        total.merge(_native.sum_states(np.where(lost, np.nan, 0.0), axis, where & lost, False))
    return total


def of_state(reduction: Reduction, total: ExactSum, unit: np.dtype[Any], initial: int) -> Any:
    """The sums, or the means rounded half to even to whole ticks."""
    from fractions import Fraction

    name, mean = reduction.name, reduction.finish == "mean"
    ticks = []
    for one in _native.split_states(total):
        if mean and one.count == 0:
            report_empty(name)
        if (mean and one.count == 0) or np.isnan(one.value()):
            ticks.append(np.iinfo(np.int64).min)
            continue
        exact = one.as_fraction() + initial
        ticks.append(round(exact / Fraction(one.count)) if mean else int(exact))
        if abs(ticks[-1]) > np.iinfo(np.int64).max:
            raise OverflowError(f"{name}: an exact result does not fit {unit}; use a coarser unit")
    return np.array(ticks, np.int64).view(unit).reshape(total.shape)[()]
