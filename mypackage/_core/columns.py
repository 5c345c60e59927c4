"""Columns of tables: each is reduced exactly in its own dtype, without a cast to a common one.

They come from pandas' Series and DataFrame, Arrow's columns and tables, and polars.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

import mypackage
from mypackage._native import ExactSum, join_states

from . import objects
from .axes import normalised
from .input_types import KERNELS
from .reductions import REDUCTIONS, Reduction
from .states import result_dtype, rounded


class Column(NamedTuple):
    """Numbers, some of which may be missing.

    Attributes
    ----------
    name : hashable
    values : ndarray
        A dtype with kernels, objects or timedelta64.
    missing : ndarray of bool
    """

    name: Any
    values: np.ndarray
    missing: np.ndarray

    @property
    def has_kernel(self) -> bool:
        return self.values.dtype.char in KERNELS


def of_column(reduction: Reduction, column: Column, skipna: bool, dtype: Any) -> Any:
    """The reduction of one column: a scalar, NaN or NaT if it is missing."""
    valid = ~column.missing
    if reduction.skip_nan:
        valid &= ~_is_nan(column.values)
    if column.missing.any() and not skipna:
        return missing_of(column.values.dtype)
    if reduction.empty != 0 and not valid.any():
        # As in pandas, without a warning.
        return missing_of(column.values.dtype)
    name = reduction.finish if reduction.name not in REDUCTIONS else reduction.name
    function = getattr(mypackage, name)
    options = {"where": True if valid.all() else valid}
    if dtype is not None and np.dtype(dtype) == object and column.values.dtype.kind in "fc":
        # As a Python number.
        return function(column.values, **options).item()
    return function(column.values, dtype=dtype, **options)


def missing_of(dtype: np.dtype[Any]) -> Any:
    """The missing value of a dtype: NaN or NaT."""
    if dtype.kind in "mM":
        return np.array("NaT", dtype)[()]
    if dtype.kind == "c":
        return dtype.type(complex(math.nan, math.nan))
    return (dtype if dtype.kind == "f" else np.dtype(np.float64)).type(math.nan)


def _is_nan(values: np.ndarray) -> Any:
    if values.dtype.kind == "O":
        return objects.is_nan(values)
    return np.isnan(values) if values.dtype.kind in "fc" else np.zeros(values.shape, bool)


def of_columns(
    reduction: Reduction, columns: list[Column], skipna: bool, dtype: Any
) -> tuple[list[Any], np.dtype[Any] | None]:
    """The reduction of each column, and the dtype that holds all the results (None for objects).

    Raises
    ------
    OverflowError
        If the common dtype does not hold a result; the message names the column.
    """
    values = [of_column(reduction, column, skipna, dtype) for column in columns]
    if not values:
        return values, np.dtype(np.float64)
    if all(isinstance(value, np.generic) for value in values):
        kinds = {value.dtype.kind for value in values}
        if len(kinds) > 1 and kinds & set("mM"):
            return values, None
        common = np.result_type(*values) if len(values) > 1 else values[0].dtype
        if common.kind == "O":
            return values, None
        for column, value in zip(columns, values, strict=True):
            check_fit(reduction, column, value, common)
        return values, common
    return values, None


def check_fit(reduction: Reduction, column: Column, value: Any, common: np.dtype[Any]) -> None:
    """Refuse an integer result that the common dtype of all results does not hold."""
    integer = value.dtype.kind in "iu" and common.kind in "fc"
    if integer and int(common.type(value).real) != value:
        raise OverflowError(
            f"{reduction.name}: the result {value} of column {column.name!r} does not fit "
            f"{common}, the dtype of all; use dtype=object"
        )


def with_nan(value: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Results with NaN or NaT in place of missing ones."""
    return np.where(missing, missing_of(value.dtype), value) if np.any(missing) else value


def over(
    reduction: Reduction, columns: list[Column], shape: tuple[int, ...], skipna: bool, dtype: Any
) -> tuple[np.ndarray, np.ndarray]:
    """The reduction of columns: of all elements, or, if a shape is given, of each row.

    With a mask of the results that are missing.
    """
    if any(not column.has_kernel for column in columns):
        return _of_other_kinds(reduction, columns, shape, skipna, dtype)
    state, poisoned = ExactSum(shape), np.zeros(shape, bool)
    squares = reduction.finish == "sum_of_squares"
    for column in columns:
        if squares:
            _add_squares(state, column)
        else:
            add_column(state, column, shape, reduction.skip_nan)
        poisoned |= column.missing if shape else column.missing.any()
    nothing = np.equal(state.count, 0)
    poisoned &= not skipna
    if reduction.empty != 0:
        # As in pandas, a mean without elements is missing, without a warning.
        state.add(np.zeros((1, *shape)), 0, nothing)
        poisoned = poisoned | nothing
    dtypes = [column.values.dtype for column in columns] or [np.dtype(np.float64)]
    dtype = result_dtype(reduction, np.result_type(*dtypes), dtype)
    value = np.asarray(rounded(REDUCTIONS["sum"] if squares else reduction, state, dtype))
    return value, poisoned


def add_column(
    state: ExactSum, column: Column, shape: tuple[int, ...], skip_nan: bool = False
) -> None:
    """Add a column to one sum, or each of its numbers to the sum of its row."""
    valid = ~column.missing
    if skip_nan:
        valid &= ~_is_nan(column.values)
    state.add(column.values, () if shape else (0,), valid)


def _add_squares(state: ExactSum, column: Column) -> None:
    """Add the squares of a column to a sum, or each to that of its row."""
    values = column.values
    parts = (values.real, values.imag) if values.dtype.kind == "c" else (values,)
    for part in parts:
        kept = np.where(column.missing, part.dtype.type(0), part)
        kept = kept[None] if state.shape else kept
        state.add_products(kept, kept)


def _of_other_kinds(
    reduction: Reduction, columns: list[Column], shape: tuple[int, ...], skipna: bool, dtype: Any
) -> tuple[np.ndarray, np.ndarray]:
    """The same, where some columns hold objects or times."""
    times = one_kind_of_time(reduction.name, columns)
    kind = np.result_type(*(c.values.dtype for c in columns)) if times else np.dtype(object)
    table = np.array([column.values.astype(kind) for column in columns], kind)
    valid = ~np.array([column.missing for column in columns], bool)
    axis = 0 if shape else None
    poisoned = (~valid).any(axis) & (not skipna)
    if np.any(poisoned) and not times:
        raise ValueError(f"{reduction.name}: skipna=False meets missing values among objects")
    nothing = ~valid.any(axis)
    if reduction.empty != 0 and np.any(nothing):
        # So that no group is empty, for which the mean would warn.
        valid |= nothing
        table = np.where(nothing, np.zeros((), kind), table)
        poisoned = poisoned | nothing
    value = getattr(mypackage, reduction.name)(table, axis=axis, dtype=dtype, where=valid)
    return np.asarray(value), np.asarray(poisoned)


def one_kind_of_time(name: str, columns: list[Column]) -> bool:
    """Whether the columns hold times, which must be all differences or all dates.

    Raises
    ------
    TypeError
        If a column is of another kind than the first; the message names it.
    """
    kinds = [c.values.dtype.kind if c.values.dtype.kind in "mM" else "" for c in columns]
    for column, kind in zip(columns, kinds, strict=True):
        if kind != kinds[0]:
            time = column if kind else columns[0]
            raise TypeError(
                f"{name}: column {time.name!r} of {time.values.dtype} cannot be added to those of "
                "another kind; choose the columns, or axis=0"
            )
    return bool(kinds) and kinds[0] != ""


def table(columns: list[Column]) -> np.ndarray:
    """All columns side by side as one array; of dtype object where any other would round."""
    dtypes = {column.values.dtype for column in columns}
    common = np.result_type(*dtypes) if dtypes else np.dtype(np.float64)
    wide = {dtype for dtype in dtypes if dtype.kind in "iu" and dtype.itemsize > 4}
    if common.kind in "fc" and wide:
        common = np.dtype(object)
    return np.array([column.values.astype(common) for column in columns], common).T


def state_of(
    columns: list[Column], rows: int, axis: Any, shape: tuple[int, ...] | None
) -> ExactSum:
    """The exact sums of a table: of everything, of each column (axis 0) or each row (axis 1)."""
    if axis is None and shape is not None:
        axis = (0, 1)[: 2 - len(shape)]
    axes = set(normalised("ExactSum", axis, 2))
    if axes == {0}:
        return join_states([_summed(column) for column in columns], (len(columns),))
    state = ExactSum((rows,) if axes == {1} else ())
    for column in columns:
        add_column(state, column, state.shape)
    return state


def _summed(column: Column) -> ExactSum:
    state = ExactSum()
    add_column(state, column, ())
    return state
