"""The exact states of columns: added to, saved in checkpoints, and rounded once.

`state_of` chooses the class for a reduction. A state has a shape: ``()`` for a column, that of a
row for the rows of an array, or ``(groups,)``. Its methods are

- ``add(column, reduction, labels, size)``: adds the numbers; with labels, each to the group of its
  label, where -1 means no group, and the shape becomes ``(size,)``;
- ``merge(other)``: adds a state of the same shape;
- ``finish(reduction, dtype)``: the results, rounded once;
- ``counts()``: how many numbers were added;
- ``save()`` and ``load(saved)``: conversion to and from what JSON can hold.
"""

from __future__ import annotations

import base64
import math
import warnings
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from mypackage import ExactMoments, ExactSum
from mypackage._core import rounding
from mypackage._core.exact_moments import states_of
from mypackage._core.group_moments import states_by_label
from mypackage._core.reductions import REDUCTIONS, Reduction
from mypackage._core.states import add, grouped, result_dtype, rounded
from mypackage._native import integer_states, join_states, split_states, sum_states

from .pieces import Column


class Sums:
    """Exact sums, also of integers of any size."""

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        self.exact = ExactSum(shape)
        # The common dtype of the numbers: object for integers beyond 64 bits, None as long as there
        # are no numbers.
        self.dtype: np.dtype[Any] | None = None
        # The sum and the count of the integers beyond 64 bits, by flat index.
        self.wide: dict[int, tuple[int, int]] = {}

    @property
    def integral(self) -> bool:
        """Whether there are numbers, all of them integers or bools."""
        return self.dtype is not None and self.dtype.kind in "biuO"

    def add(
        self,
        column: Column,
        reduction: Reduction,
        labels: np.ndarray | None = None,
        size: int = 0,
    ) -> None:
        """Add the numbers of a column, leaving out rows without a value."""
        values = column.values
        if column.exponents is not None or values.dtype.kind in "mM":
            raise TypeError("decimals or times and other numbers have no common result")
        hidden = [row for row, _ in column.wide]
        if column.nulls is not None and len(column.nulls):
            hidden.extend(column.nulls.tolist())
        if hidden:
            shown = np.ones(len(values), bool)
            shown[hidden] = False
            values = values[shown]
        if labels is not None:
            self._grow(size)
            shown_labels = labels[shown] if hidden else labels
            # Without groups there is nothing to add.
            if size:
                size = self.exact.shape[0]
                self._add_groups(shown_labels, values, size, reduction.skip_nan)
        elif values.size or column.typed:
            self._add(values, reduction.skip_nan)
        for row, value in column.wide:
            self._add_wide(0 if labels is None else int(labels[row]), value, 1)
        if values.size or column.typed:
            result_dtype(reduction, values.dtype)  # Refuses dtypes that are not numbers.
            self._promote(values.dtype)
        if column.wide:
            self._promote(np.dtype(np.int64))

    def _add(self, values: np.ndarray, skip_nan: bool) -> None:
        add(self.exact, values, skip_nan=skip_nan)

    def _add_groups(
        self, labels: np.ndarray, values: np.ndarray, size: int, skip_nan: bool
    ) -> None:
        self.exact.merge(grouped(labels, values, -1, size, skip_nan))

    def merge(self, other: Sums) -> None:
        """Merge another state of the same shape."""
        if self.exact.shape != other.exact.shape:
            size = max(self.exact.shape[0], other.exact.shape[0])
            self._grow(size)
            other._grow(size)
        self.exact.merge(other.exact)
        for index, (value, count) in other.wide.items():
            self._add_wide(index, value, count)
        if other.dtype is not None:
            self._promote(other.dtype)

    def finish(self, reduction: Reduction, dtype: np.dtype[Any]) -> Any:
        """The results: an array or a scalar; Python ints for dtype object."""
        wide = self.wide
        if not wide:
            return rounded(reduction, self.exact, dtype)
        result = np.array(rounded(reduction, self.exact, dtype), dtype)
        singles = split_states(self.exact) if self.exact.shape else [self.exact]
        for index, (value, count) in wide.items():
            try:
                ratio = singles[index].as_integer_ratio()
            except (ValueError, OverflowError):
                # Infinities and NaN stay what they are, whatever is added.
                continue
            exact = Fraction(*ratio) + value
            if reduction.fractional:
                exact /= singles[index].count + count
            result.flat[index] = nearest(exact, dtype)
        return result if self.exact.shape else result[()]

    def counts(self) -> Any:
        """How many numbers each result is of."""
        counts = np.array(self.exact.count)
        for index, (_, count) in self.wide.items():
            counts.flat[index] += count
        return counts

    def save(self) -> Any:
        """The state as JSON values, for a checkpoint."""
        return {
            "exact": base64.b64encode(self.exact.to_bytes()).decode(),
            "dtype": None if self.dtype is None else self.dtype.str,
            # Unlike decimal ones, hexadecimal digits are not limited in number.
            "wide": [[index, hex(value), count] for index, (value, count) in self.wide.items()],
        }

    def load(self, saved: Any) -> None:
        """Restore the state that `save` returned."""
        self.exact = ExactSum.from_bytes(base64.b64decode(saved["exact"]))
        self.dtype = None if saved["dtype"] is None else np.dtype(saved["dtype"])
        self.wide = {index: (int(value, 16), count) for index, value, count in saved["wide"]}

    def _add_wide(self, index: int, value: int, count: int) -> None:
        if index >= 0:
            total, number = self.wide.get(index, (0, 0))
            self.wide[index] = total + value, number + count

    def _promote(self, dtype: np.dtype[Any]) -> None:
        if self.dtype is None or self.dtype == dtype:
            self.dtype = dtype
            return
        integral = self.integral and dtype.kind in "biuO"
        both = np.dtype(object)
        if "O" not in (self.dtype.kind, dtype.kind):
            both = np.result_type(self.dtype, dtype)
        elif not integral:
            pair = (self.dtype, dtype)
            both = np.result_type(*(np.float64 if one.kind == "O" else one for one in pair))
        # No integer dtype holds both int64 and uint64.
        self.dtype = np.dtype(object) if integral and both.kind == "f" else both

    def _grow(self, size: int) -> None:
        # At least doubled, since growing copies all groups.
        old = self.exact.shape[0]
        if old >= size:
            return
        size = max(size, 2 * old)
        singles = split_states(self.exact) if old else []
        singles += [ExactSum() for _ in range(size - old)]
        self.exact = join_states(singles, (size,))


class Moments(Sums):
    """Exact sums and sums of squares."""

    exact: Any

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        super().__init__(shape)
        self.exact = ExactMoments(shape)
        # By group, the sum, the sum of squares and the count of integers beyond 64 bits.
        self._waiting: dict[int, tuple[int, int, int]] = {}

    def _add(self, values: np.ndarray, skip_nan: bool) -> None:
        axes = tuple(range(values.ndim - len(self.exact.shape)))
        self.exact.merge(ExactMoments._of(*states_of("var", values, axes, skip_nan=skip_nan)))

    def _add_groups(
        self, labels: np.ndarray, values: np.ndarray, size: int, skip_nan: bool
    ) -> None:
        labels = np.ascontiguousarray(labels, np.int64)
        self.exact.merge(ExactMoments._of(*states_by_label(labels, values, 0, size, skip_nan)))

    def _add_wide(self, index: int, value: int, count: int) -> None:
        if index < 0:
            return
        if value.bit_length() > 1000:
            # Below this, no possible number of squares overflows an ExactSum.
            raise ValueError(
                f"an integer of {value.bit_length()} bits, beyond 2**1000: only sums and means "
                "take such"
            )
        total, square, number = self._waiting.get(index, (0, 0, 0))
        self._waiting[index] = total + value, square + value * value, number + count

    def _take_in(self) -> None:
        """Add the integers beyond 64 bits, all at once."""
        if not self._waiting:
            return
        cells = math.prod(self.exact.shape)
        parts = [[0] * cells for _ in range(3)]
        for index, triple in self._waiting.items():
            for part, number in zip(parts, triple, strict=True):
                part[index] = number
        self._waiting = {}
        *sums, counts = parts
        shape = self.exact.shape
        states = [integer_states([(x, 0) for x in one], counts, shape, True) for one in sums]
        self.exact.merge(ExactMoments._of(*states))

    def merge(self, other: Any) -> None:
        """Merge another state of the same shape."""
        other._take_in()
        super().merge(other)

    def counts(self) -> Any:
        """How many numbers each result is of."""
        self._take_in()
        return super().counts()

    def save(self) -> Any:
        """The state as JSON values, for a checkpoint."""
        self._take_in()
        return super().save()

    def finish(self, reduction: Reduction, dtype: np.dtype[Any], ddof: Any = 0) -> Any:
        """The results: an array or a scalar."""
        self._take_in()
        if reduction.finish == "norm":
            return self.exact.norm(dtype)
        with warnings.catch_warnings():
            # The command line shows this by the result.
            warnings.simplefilter("ignore")
            return getattr(self.exact, reduction.finish)(ddof, dtype)

    def load(self, saved: Any) -> None:
        """Restore the state that `save` returned."""
        super().load({**saved, "exact": base64.b64encode(ExactSum().to_bytes())})
        self.exact = ExactMoments.from_bytes(base64.b64decode(saved["exact"]))

    def _grow(self, size: int) -> None:
        old = self.exact.shape[0]
        if old >= size:
            return
        size = max(size, 2 * old)
        new = [ExactSum() for _ in range(size - old)]
        parts = [(split_states(one) if old else []) + new for one in self.exact._content()]
        self.exact = ExactMoments._of(*(join_states(singles, (size,)) for singles in parts))


class Decimals:
    """Exact sums of decimal numbers: for each exponent of ten, the sum of the digits."""

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        self._shape = shape
        self.parts: dict[int, Sums] = {}

    def add(
        self,
        column: Column,
        reduction: Reduction,
        labels: np.ndarray | None = None,
        size: int = 0,
    ) -> None:
        """Add the numbers of a column, leaving out rows without a value."""
        if reduction.name != "sum":
            raise ValueError(
                f"decimals have an exact sum and nothing else, so --op {reduction.name} is refused"
            )
        exponents = column.exponents
        if exponents is None:
            if column.values.dtype.kind not in "biu":
                raise TypeError("decimals and other numbers have no common result")
            exponents = np.zeros(len(column.values), np.int32)
        shown = np.ones(len(column.values), bool)
        if column.nulls is not None:
            shown[column.nulls] = False
        for exponent in np.unique(exponents[shown]).tolist() or [0]:
            chosen = np.flatnonzero(shown & (exponents == exponent))
            wide: list[tuple[int, int]] = []
            if column.wide:
                places = {row: place for place, row in enumerate(chosen.tolist())}
                wide = [(places[row], value) for row, value in column.wide if row in places]
            part = Column(column.values[chosen], None, wide, typed=column.typed)
            own = None if labels is None else labels[chosen]
            self._part(exponent).add(part, reduction, own, size)

    def _part(self, exponent: int) -> Sums:
        return self.parts.setdefault(exponent, Sums(self._shape))

    def merge(self, other: Any) -> None:
        """Merge another state of the same shape: decimals or integers."""
        if isinstance(other, Sums):
            if other.dtype is not None and not other.integral:
                raise TypeError("decimals and floats have no common total; choose columns")
            self._part(0).merge(other)
            return
        if not isinstance(other, Decimals):
            raise TypeError("decimals and time differences have no common total; choose columns")
        for exponent, part in other.parts.items():
            self._part(exponent).merge(part)

    def exact(self) -> tuple[list[int], int]:
        """The sums in units of the last decimal place, and the number of decimal places."""
        scale = -min(0, *self.parts) if self.parts else 0
        sums = [_scaled(part, 10 ** (exponent + scale)) for exponent, part in self.parts.items()]
        return np.atleast_1d(_added(sums)).tolist(), scale

    def finish(self, reduction: Reduction, dtype: np.dtype[Any] | None) -> Any:
        """The results: exact, as text, or rounded once to a dtype."""
        totals, scale = self.exact()
        if dtype is None:
            results = np.array([_point(total, scale) for total in totals], object)
        else:
            fractions = (Fraction(total, 10**scale) for total in totals)
            results = np.array([nearest(x, dtype) for x in fractions], dtype)
        return results if self._shape else results[0]

    def counts(self) -> Any:
        """How many numbers each result is of."""
        return _added([part.counts() for part in self.parts.values()])

    def save(self) -> Any:
        """The state as JSON values, for a checkpoint."""
        return [[exponent, part.save()] for exponent, part in self.parts.items()]

    def load(self, saved: Any) -> None:
        """Restore the state that `save` returned."""
        for exponent, part in saved:
            self._part(exponent).load(part)


class Times:
    """Exact sums of time differences, or of dates, for their mean: for each unit, of the ticks."""

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        self._shape = shape
        self.parts: dict[str, Sums] = {}
        # The number of NaTs in each result.
        self.lost = Sums(shape)

    def add(
        self,
        column: Column,
        reduction: Reduction,
        labels: np.ndarray | None = None,
        size: int = 0,
    ) -> None:
        """Add the numbers of a column, leaving out rows without a value."""
        _check_times(column.values.dtype, reduction)
        if column.values.dtype.kind not in "mM":
            raise TypeError("times and numbers have nothing in common")
        unit = column.values.dtype.newbyteorder("=")
        values = np.ascontiguousarray(column.values, unit)
        lost = np.isnat(values)
        ticks = np.where(lost, 0, values.view(np.int64))
        part = self._part(unit.str)
        if values.ndim > 1:
            part.exact.merge(sum_states(ticks, (0,), ~lost, False))
            part.dtype = ticks.dtype
        else:
            nulls = np.flatnonzero(lost)
            if column.nulls is not None:
                nulls = np.union1d(nulls, column.nulls)
            part.add(Column(ticks, nulls=nulls), REDUCTIONS["sum"], labels, size)
        if not reduction.skip_nan:
            self.lost.add(Column(lost.astype(np.int64)), REDUCTIONS["sum"], labels, size)

    def _part(self, unit: str) -> Sums:
        if any(np.dtype(one).kind != np.dtype(unit).kind for one in self.parts):
            raise TypeError("dates and time differences have nothing in common; choose columns")
        return self.parts.setdefault(unit, Sums(self._shape))

    def merge(self, other: Any) -> None:
        """Merge another state of the same shape."""
        if not isinstance(other, Times):
            raise TypeError("times and numbers have no common total; choose columns")
        for unit, part in other.parts.items():
            self._part(unit).merge(part)
        self.lost.merge(other.lost)

    def finish(self, reduction: Reduction, dtype: np.dtype[Any] | None) -> Any:
        """The results, in a dtype or in the finest unit."""
        dtype = np.result_type(*self.parts) if dtype is None else dtype
        kind = np.dtype(next(iter(self.parts))).kind
        if dtype.kind != kind:
            whose = "dates is a datetime64" if kind == "M" else "time differences is a timedelta64"
            raise TypeError(f"the result of {whose}, not {dtype}")
        finest = np.result_type(*self.parts, dtype)
        ticks_of = {
            unit: int(np.ones((), unit).astype(finest).view(np.int64)) for unit in self.parts
        }
        totals = _added([_scaled(part, ticks_of[unit]) for unit, part in self.parts.items()])
        per = int(np.ones((), dtype).astype(finest).view(np.int64))
        lost = np.atleast_1d(_scaled(self.lost, 1)).ravel().tolist()
        counts = np.atleast_1d(self.counts()).ravel().tolist()
        ticks = []
        for index, total in enumerate(np.atleast_1d(totals).ravel().tolist()):
            count = counts[index] if reduction.finish == "mean" else 1
            exact = round(Fraction(total, per * count)) if count else None
            if exact is None or (index < len(lost) and lost[index]):
                exact = NAT
            elif not NAT < exact < 2**63:
                raise OverflowError(f"an exact result does not fit {dtype}; use a coarser unit")
            ticks.append(exact)
        result = np.array(ticks, np.int64).view(dtype).reshape(np.shape(totals))
        return result if result.ndim else result[()]

    def counts(self) -> Any:
        """How many numbers each result is of."""
        return _added([part.counts() for part in self.parts.values()])

    def save(self) -> Any:
        """The state as JSON values, for a checkpoint."""
        parts = {unit: part.save() for unit, part in self.parts.items()}
        return {"times": parts, "lost": self.lost.save()}

    def load(self, saved: Any) -> None:
        """Restore the state that `save` returned."""
        for unit, part in saved["times"].items():
            self._part(unit).load(part)
        self.lost.load(saved["lost"])


# The integer that stands for NaT.
NAT = -(2**63)


def _scaled(part: Sums, factor: int) -> np.ndarray:
    """Sums of integers, multiplied by a factor."""
    sums = part.finish(REDUCTIONS["sum"], np.dtype(object))
    return np.asarray(np.asarray(sums, object) * factor, object)


def _added(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """The sum of arrays, the shorter ones extended by zeros."""
    size = max((len(array) for array in arrays if array.ndim), default=0)
    total = np.zeros((), np.int64)
    for array in arrays:
        if array.ndim == 1 and len(array) < size:
            array = np.concatenate([array, np.zeros(size - len(array), array.dtype)])
        total = np.asarray(total + array)
    return total


def state_of(reduction: Reduction, column: Column, shape: tuple[int, ...]) -> Any:
    """An empty state for a column like this one."""
    if column.exponents is not None:
        return Decimals(shape)
    if column.values.dtype.kind in "mM":
        _check_times(column.values.dtype, reduction)
        return Times(shape)
    return STATES[reduction.state](shape)


def _check_times(dtype: np.dtype[Any], reduction: Reduction) -> None:
    """Refuse what has no exact result for times."""
    if dtype.kind == "M" and reduction.finish != "mean":
        raise TypeError(f"dates have exact means only, so --op {reduction.name} is refused")
    if dtype.kind == "m" and reduction.state != "ExactSum":
        raise TypeError(
            f"time differences have exact sums and means only, so --op {reduction.name} is refused"
        )


# By `Reduction.state`; decimals and time differences have classes of their own.
STATES: dict[str, Any] = {"ExactMoments": Moments, "ExactSum": Sums}


def saved_state(reduction: Reduction, shape: tuple[int, ...], saved: Any) -> Any:
    """Restore a state that was saved."""
    if isinstance(saved, list):
        state: Any = Decimals(shape)
    elif "times" in saved:
        state = Times(shape)
    else:
        state = STATES[reduction.state](shape)
    state.load(saved)
    return state


def total(states: Iterable[Any]) -> Any:
    """A single state with the numbers of all."""
    # Decimals and times first, since they refuse to merge with other states.
    ordered = sorted(states, key=lambda state: not isinstance(state, (Decimals, Times)))
    for state in ordered[1:]:
        ordered[0].merge(state)
    return ordered[0]


def nearest(exact: Fraction, dtype: np.dtype[Any]) -> Any:
    """Round a fraction to a dtype, half to even.

    Raises
    ------
    OverflowError
        If an integer does not fit.
    """
    if dtype.kind == "O":
        return exact.numerator if exact.denominator == 1 else exact
    if dtype.kind in "iu":
        limits, integer = np.iinfo(dtype), round(exact)
        if not limits.min <= integer <= limits.max:
            raise OverflowError(f"the exact result does not fit {dtype}")
        return integer
    value = rounding.nearest(exact, np.empty(0, dtype).real.dtype)
    if math.isinf(value):
        warnings.warn("overflow encountered in reduce", RuntimeWarning, stacklevel=2)
    return dtype.type(value)


def _point(total: int, scale: int) -> str:
    digits = str(abs(total)).rjust(scale + 1, "0")
    whole, fraction = digits[: len(digits) - scale], digits[len(digits) - scale :]
    return f"{'-' if total < 0 else ''}{whole}{'.' if scale else ''}{fraction}"
