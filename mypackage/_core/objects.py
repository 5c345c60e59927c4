"""Object arrays: exact sums, means and products of Python's numbers."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np

from mypackage._errors import report_empty
from mypackage._native import ExactSum, integer_states

from .axes import check_out, lines, mask_for, normalised, reduced_shape
from .outputs import fill_out
from .python_numbers import (
    LARGEST,
    LOWEST,
    Kind,
    Total,
    add_totals,
    add_up,
    fraction,
    kind_of,
    multiply,
    square,
    value,
)
from .reductions import Reduction


def is_nan(a: np.ndarray) -> Any:
    """Where the elements of an object array are not equal to themselves."""
    return np.not_equal(a, a).astype(bool)


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
    """The sums, means or sums of squares of an object array."""
    name = reduction.name
    axes = normalised(name, axis, a.ndim)
    shape = reduced_shape(a.shape, axes, keepdims)
    target = _target(name, dtype, out, shape)
    wanted = mask_for(where, a.shape)
    if reduction.skip_nan:
        wanted = wanted & ~is_nan(a)
    if initial is None and any(a.shape[one] == 0 for one in axes):
        raise ValueError(f"{name}: no elements along the axes summed over, and initial=None")
    start = [] if initial is None or (type(initial) is int and initial == 0) else [initial]
    mean = reduction.finish == "mean"
    squares = reduction.finish == "sum_of_squares"

    def result(elements: list[Any]) -> Any:
        if mean and not elements:
            report_empty(name)
            return math.nan
        if squares:
            total = _sum_of_squares(name, elements)
        else:
            total = add_up(name, start + elements)
        return value(name, total, len(elements) if mean else None, target)

    rows = zip(_rows(a, axes), _rows(wanted, axes), strict=True)
    results = [result([x for x, take in zip(*row, strict=True) if take]) for row in rows]
    return delivered(name, results, shape, target, out, mean)


def _rows(a: np.ndarray, axes: tuple[int, ...]) -> Any:
    """For each result, its elements as a list."""
    flat = lines(a, axes)
    return flat.reshape(math.prod(flat.shape[:-1]), flat.shape[-1]).tolist()


def _rows_of(x1: np.ndarray, x2: np.ndarray, axes: tuple[int, ...], where: Any) -> list[Any]:
    """For each result, the elements of two arrays as lists, and a list of which are wanted."""
    wanted = mask_for(where, x1.shape)
    return [_rows(x, axes) for x in (x1, x2, wanted)]


def _target(name: str, dtype: Any, out: Any, shape: tuple[int, ...]) -> np.dtype[Any] | None:
    """The dtype of results; None for Python's numbers."""
    if out is not None:
        check_out(name, out, shape)
        dtype = out.dtype if dtype is None else dtype
    return None if dtype is None else np.dtype(dtype)


def delivered(
    name: str,
    results: list[Any],
    shape: tuple[int, ...],
    target: np.dtype[Any] | None,
    out: np.ndarray | None,
    mean: bool = False,
) -> Any:
    """The results in their shape: a scalar, an array or `out`."""
    if out is None and shape == ():
        # As numpy.mean does.
        return np.float64(results[0]) if mean and type(results[0]) is float else results[0]
    array = column(results, np.dtype(object) if target is None else target)
    array = array.reshape(shape)
    if out is None:
        return array
    return fill_out(name, out, array)


def column(results: list[Any], dtype: np.dtype[Any]) -> np.ndarray:
    """A one-dimensional array; objects are kept as they are, also sequences."""
    array = np.empty(len(results), dtype)
    for at, one in enumerate(results):
        array[at] = one
    return array


def cumsum(a: np.ndarray, axis: Any, dtype: Any, out: Any) -> Any:
    """The exact prefixes of an object array, each rounded once."""
    name = "cumsum"
    if axis is None:
        a, axis = a.reshape(-1), 0
    (axis,) = normalised(name, axis, a.ndim) or (0,)
    a = a.reshape(-1) if a.ndim == 0 else a
    target = _target(name, dtype, out, a.shape)
    results = prefixes(a, axis, target)
    if out is None:
        return results
    return fill_out(name, out, results)


def prefixes(
    a: np.ndarray, axis: int, target: np.dtype[Any] | None, before: States | None = None
) -> np.ndarray:
    """The exact prefixes of an object array along an axis, continuing from the states before it."""
    moved = np.moveaxis(a, axis, -1)
    results = np.empty(moved.shape, object if target is None else target)
    for row, totals in zip(np.ndindex(moved.shape[:-1]), _prefixes(a, axis, before), strict=True):
        for at, total in enumerate(totals):
            results[(*row, at)] = value("cumsum", total, None, target)
    return np.moveaxis(results, -1, axis)


def last_prefixes(a: np.ndarray, axis: int, before: States | None) -> States:
    """The exact sums of an object array along an axis, added to the states before it."""
    totals, counts = [], []
    for place, line in enumerate(_prefixes(a, axis, before)):
        earlier = before.counts[place] if before is not None else 0
        first = [before.totals[place]] if before is not None else [Total(Kind.INTEGER, 0)]
        totals.append([*first, *line][-1])
        counts.append(earlier + a.shape[axis])
    return States(reduced_shape(a.shape, (axis,), False), totals, counts)


def _prefixes(a: np.ndarray, axis: int, before: States | None) -> Iterable[Iterable[Total]]:
    """The prefixes of each line."""
    for place, elements in enumerate(_rows(a, (axis,))):
        first = before.totals[place] if before is not None and before.counts[place] else None
        yield _line_prefixes("cumsum", elements, first)


def _line_prefixes(name: str, elements: list[Any], before: Total | None) -> Iterable[Total]:
    total, negative = before, before is None or _is_negative_zero(before.real)
    for x in elements:
        one = add_up(name, [x])
        total = one if total is None else add_totals(name, [total, one])
        negative = negative and _is_negative_zero(x)
        # A prefix whose elements are all -0.0 is -0.0.
        yield Total(Kind.FLOAT, -0.0) if negative else total


def _is_negative_zero(x: Any) -> bool:
    return isinstance(x, float) and x == 0 and math.copysign(1, x) < 0


# -- Two inputs -----------------------------------------------------------------------------------


def vecdot(x1: np.ndarray, x2: np.ndarray, axis: Any, dtype: Any = None) -> Any:
    """The exact dot products of two arrays, at least one of which holds objects."""
    name = "vecdot"
    if min(x1.ndim, x2.ndim) == 0:
        raise ValueError("vecdot: a 0-dimensional argument lacks the axis of the vectors")
    left, right = (np.moveaxis(x, axis, -1) for x in (x1, x2))
    if left.shape[-1] != right.shape[-1]:
        raise ValueError(
            f"vecdot: the vectors differ in length: {left.shape[-1]} and {right.shape[-1]}"
        )
    left, right = np.broadcast_arrays(left, right)
    target = None if dtype is None else np.dtype(dtype)
    products = vecdot_states(left, right, (left.ndim - 1,))
    results = [value(name, total, None, target) for total in products.totals]
    return delivered(name, results, products.shape, target, None)


def vecdot_states(
    x1: np.ndarray, x2: np.ndarray, axes: tuple[int, ...], where: Any = True
) -> States:
    """The exact dot products over some axes of two arrays of the same shape."""
    totals, counts = [], []
    for pairs in zip(*_rows_of(x1, x2, axes, where), strict=True):
        terms = [
            multiply("vecdot", _conjugate(add_up("vecdot", [x])), add_up("vecdot", [y]))
            for x, y, take in zip(*pairs, strict=True)
            if take
        ]
        totals.append(add_totals("vecdot", terms))
        counts.append(len(terms))
    return States(reduced_shape(x1.shape, axes, False), totals, counts, "vecdot")


def _conjugate(total: Total) -> Total:
    return total if total.kind is not Kind.COMPLEX else total._replace(imag=-total.imag)


def weighted_means(
    inputs: list[np.ndarray], dtype: np.dtype[Any] | None
) -> tuple[list[Any], list[Any]]:
    """Weighted averages along the last axis, where a mask is True, and the sums of weights.

    Lines without such elements give 0, for the caller to mask.
    """
    name = "average"
    axes = (inputs[0].ndim - 1,)
    means, sums = [], []
    for row in zip(*(_rows(x, axes) for x in inputs), strict=True):
        pairs = [(x, w) for x, w, take in zip(*row, strict=True) if take]
        if not pairs:
            means.append(0)
            sums.append(0)
            continue
        products, total = _weighted(pairs)
        means.append(weighted_mean(products, total, dtype))
        sums.append(value(name, total, None, dtype))
    return means, sums


def _weighted(pairs: Iterable[tuple[Any, Any]]) -> tuple[Total, Total]:
    """The exact sums of products and of weights."""
    name, pairs = "average", list(pairs)
    terms = [multiply(name, add_up(name, [w]), add_up(name, [x])) for x, w in pairs]
    return add_totals(name, terms), add_up(name, [w for _, w in pairs])


def weighted_mean(products: Total, weights: Total, dtype: np.dtype[Any] | None) -> Any:
    """The quotient of two exact sums, rounded once."""
    if weights.kind is Kind.COMPLEX:
        raise TypeError("average: weights must be real numbers, not complex ones")
    if weights.real == 0:
        raise ZeroDivisionError("average: weights sum to zero along the axis; there is no average")
    return value("average", products, weights.real, dtype)


def average_states(
    values: np.ndarray, weights: np.ndarray, axes: tuple[int, ...], where: Any = True
) -> tuple[States, States]:
    """The exact sums of products and of weights over some axes."""
    rows = [
        [(x, w) for x, w, take in zip(*row, strict=True) if take]
        for row in zip(*_rows_of(values, weights, axes, where), strict=True)
    ]
    sums, shape = [_weighted(row) for row in rows], reduced_shape(values.shape, axes, False)
    counts = list(map(len, rows))
    products, divisors = [p for p, _ in sums], [w for _, w in sums]
    return States(shape, products, counts, "average"), States(shape, divisors, counts, "average")


# -- States ---------------------------------------------------------------------------------------


def squares(name: str, a: np.ndarray, where: Any) -> np.ndarray:
    """The exact squares of real numbers; 0 where the mask is False."""
    result = np.zeros(a.shape, object)
    for at, wanted in np.ndenumerate(mask_for(where, a.shape)):
        if not wanted:
            continue
        kind, x = kind_of(name, type(a[at])), a[at]
        own = kind is Kind.OWN and isinstance(x, numbers.Rational)
        if kind > Kind.FLOAT and not own:
            raise TypeError(
                f"{name}: it takes real integers, floats and Fractions among objects, not "
                f"{type(x).__name__}; numpy.asarray(a, float) rounds others"
            )
        special = kind is Kind.FLOAT and not math.isfinite(x)
        result[at] = float(x) ** 2 if special else fraction(x) ** 2
    return result


def state(
    name: str, a: np.ndarray, axis: Any, where: Any, skip_nan: bool, lowest: int = LOWEST
) -> ExactSum:
    """The exact sums of an object array over some axes, as an `ExactSum`.

    Raises
    ------
    TypeError
        If a number is not a multiple of two to the power `lowest`.
    OverflowError
        If a sum is too large for an ExactSum.
    """
    axes = normalised(name, axis, a.ndim)
    wanted = mask_for(where, a.shape)
    if skip_nan:
        wanted = wanted & ~is_nan(a)
    shape = reduced_shape(a.shape, axes, False)
    scaled, counts, specials = [], [], []
    integers = True
    for row in zip(_rows(a, axes), _rows(wanted, axes), strict=True):
        elements = [x for x, take in zip(*row, strict=True) if take]
        finite: list[Any] = []
        special: list[Any] = []
        for x in elements:
            (special if isinstance(x, (float, complex)) and x - x != 0 else finite).append(x)
        total = add_up(name, finite)
        integers &= total.kind in (Kind.INTEGER, Kind.OWN) and isinstance(
            total.real, numbers.Integral
        )
        scaled.append([_scaled(name, part, lowest) for part in (total.real, total.imag)])
        counts.append(len(finite))
        specials.append(special)
    if any(imag[0] for _, imag in scaled):
        parts = [part for pair in scaled for part in pair]
        states = integer_states(parts, counts, shape, False)
    else:
        states = integer_states([real for real, _ in scaled], counts, shape, integers)
    for at in range(max(map(len, specials), default=0)):
        # NaNs and infinities: one of each sum at a time.
        there = np.array([len(special) > at for special in specials]).reshape(shape)
        layer = np.array([special[at] if len(special) > at else 0 for special in specials])
        states.add(layer.reshape(1, *shape), 0, there)
    return states


def _scaled(name: str, x: Any, lowest: int) -> tuple[int, int]:
    """A rational number as an integer times a power of two, given by its exponent."""
    if not isinstance(x, numbers.Rational):
        raise TypeError(
            f"{name}: it holds sums of integers and floats, not of {type(x).__name__} objects; use "
            "mypackage.sum"
        )
    numerator, denominator = int(x.numerator), int(x.denominator)
    exponent = 1 - denominator.bit_length()
    if denominator != 1 << -exponent or exponent < lowest:
        raise TypeError(
            f"{name}: it holds sums of integers and floats, of which {x} is none; use mypackage.sum"
        )
    if numerator.bit_length() + exponent > LARGEST:
        raise OverflowError(
            f"{name}: the integers reach 2**{numerator.bit_length() + exponent - 1}, but an "
            f"ExactSum holds sums below 2**{LARGEST}; use mypackage.sum"
        )
    return numerator, exponent


class States:
    """An array of exact sums of objects, which merges like an `ExactSum`."""

    def __init__(
        self, shape: tuple[int, ...], totals: list[Total], counts: list[int], name: str = "sum"
    ) -> None:
        # (Errors begin with the name of the function.)
        self.shape, self.totals, self.counts, self.name = shape, totals, counts, name

    def reshape(self, shape: tuple[int, ...]) -> States:
        """The same sums in another shape."""
        return States(shape, self.totals, self.counts, self.name)

    def copy(self) -> States:
        """An independent copy."""
        return States(self.shape, list(self.totals), list(self.counts), self.name)

    def merge(self, *others: States) -> States:
        """Add the sums of others."""
        for other in others:
            pairs = zip(self.totals, other.totals, strict=True)
            self.totals = [add_totals(self.name, list(pair)) for pair in pairs]
            self.counts = [a + b for a, b in zip(self.counts, other.counts, strict=True)]
        return self

    def of_groups(self, reduction: Reduction, dtype: Any) -> np.ndarray:
        """The sums or the means, each rounded once; 0 for empty groups."""
        name, mean = reduction.name, reduction.finish == "mean"
        target = np.dtype(object if dtype is None else dtype)
        results = [
            value(name, total, count if mean else None, target) if count else 0
            for total, count in zip(self.totals, self.counts, strict=True)
        ]
        return column(results, target).reshape(self.shape)

    def values(self, reduction: Reduction, dtype: Any, start: list[Any]) -> Any:
        """The sums, including their initial values, or the means, each rounded once."""
        mean = reduction.finish == "mean"
        target = None if dtype is None or dtype.kind == "O" else dtype
        first = [add_up(reduction.name, start)] if start else []
        results = []
        for total, count in zip(self.totals, self.counts, strict=True):
            if mean and not count:
                report_empty(reduction.name)
                results.append(math.nan)
                continue
            whole = add_totals(reduction.name, [*first, total])
            results.append(value(reduction.name, whole, count if mean else None, target))
        return delivered(reduction.name, results, self.shape, target, None, mean)


def states(name: str, a: np.ndarray, where: Any, axis: Any, skip_nan: bool) -> States:
    """The exact sums of an object array over some axes."""
    shape, elements = _elements(name, a, where, axis, skip_nan)
    return States(shape, [add_up(name, row) for row in elements], list(map(len, elements)), name)


def square_states(name: str, a: np.ndarray, where: Any, axis: Any, skip_nan: bool) -> States:
    """The exact sums of the squares, of complex numbers those of their magnitudes."""
    shape, elements = _elements(name, a, where, axis, skip_nan)
    totals = [_sum_of_squares(name, row) for row in elements]
    return States(shape, totals, list(map(len, elements)), name)


def _sum_of_squares(name: str, elements: list[Any]) -> Total:
    return add_totals(name, [square(name, add_up(name, [x])) for x in elements])


def _elements(
    name: str, a: np.ndarray, where: Any, axis: Any, skip_nan: bool
) -> tuple[tuple[int, ...], list[list[Any]]]:
    """The shape of the results over some axes, and the elements that each is of."""
    axes = normalised(name, axis, a.ndim)
    wanted = mask_for(where, a.shape)
    if skip_nan:
        wanted = wanted & ~is_nan(a)
    rows = zip(_rows(a, axes), _rows(wanted, axes), strict=True)
    elements = [[x for x, take in zip(*row, strict=True) if take] for row in rows]
    return reduced_shape(a.shape, axes, False), elements


# -- Groups ---------------------------------------------------------------------------------------


def grouped(
    reduction: Reduction, labels: np.ndarray, a: np.ndarray, axis: int, size: int, dtype: Any
) -> np.ndarray:
    """The sums or means of groups of objects along an axis; 0 for an empty group."""
    return group_states(reduction.name, labels, a, axis, size).of_groups(reduction, dtype)


def empty_states(shape: tuple[int, ...], name: str) -> States:
    """Sums of nothing."""
    count = math.prod(shape)
    return States(shape, [Total(Kind.INTEGER, 0)] * count, [0] * count, name)


def group_states(
    name: str,
    labels: np.ndarray,
    a: np.ndarray,
    axis: int,
    size: int,
    skip_nan: bool = False,
    squares: bool = False,
) -> States:
    """The exact sums of groups of objects along an axis, or those of their squares."""
    moved = np.moveaxis(a, axis, -1)
    totals = np.empty((*moved.shape[:-1], size), object)
    counts = np.zeros(totals.shape, np.int64)
    for row in np.ndindex(totals.shape[:-1]):
        members: dict[int, list[Any]] = {}
        for label, x in zip(labels.tolist(), moved[row].tolist(), strict=True):
            if label >= 0 and not (skip_nan and x != x):
                members.setdefault(label, []).append(x)
        for label in range(size):
            elements = members.get(label, [])
            totals[(*row, label)] = (_sum_of_squares if squares else add_up)(name, elements)
            counts[(*row, label)] = len(elements)
    totals, counts = np.moveaxis(totals, -1, axis), np.moveaxis(counts, -1, axis)
    return States(totals.shape, list(totals.flat), counts.ravel().tolist(), name)
