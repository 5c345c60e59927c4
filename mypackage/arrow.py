"""Sums of Arrow columns: pyarrow's Array and ChunkedArray, polars' Series. No copy is made of
integers and floats without nulls.

A null is no number: it is refused, unless ``skip_nulls=True`` leaves nulls out. `mypackage.sum` and
`mypackage.mean` call these for such columns.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from mypackage import ExactSum
from mypackage._core import columns, objects
from mypackage._core.axes import normalised
from mypackage._core.columns import Column
from mypackage._core.reductions import REDUCTIONS, Reduction
from mypackage._core.states import add, result_dtype, rounded
from mypackage._docstrings import like
from mypackage._extras import is_of, require

__all__ = ["mean", "sum"]


def sum(column: Any, *, skip_nulls: bool = False, min_count: int = 0, dtype: Any = None) -> Any:
    """Exact sum of an Arrow column, rounded once.

    Parameters
    ----------
    column : pyarrow.Array, pyarrow.ChunkedArray or polars.Series
        Of integers, floats or bools.
    skip_nulls : bool, optional
        Leave nulls out. NaNs are numbers to Arrow, and stay.
    min_count : int, optional
        Of fewer values that are not null, the result is None: null.
    dtype : dtype, optional
        What the exact sum is rounded to.

    Returns
    -------
    scalar
        The sum; of no values 0.

    Raises
    ------
    TypeError
        If the column holds no numbers.
    ValueError
        If it has nulls and `skip_nulls` is false.

    See Also
    --------
    mean, mypackage.sum, mypackage.nansum

    Examples
    --------
    >>> import pyarrow, mypackage.arrow
    >>> column = pyarrow.chunked_array([[1e16, 1.0], [None, -1e16]])
    >>> float(mypackage.arrow.sum(column, skip_nulls=True))
    1.0
    """
    if _count_valid(column) < min_count:
        return None
    return reduce(REDUCTIONS["sum"], column, skip_nulls=skip_nulls, dtype=dtype)


@like(sum, sum="mean")
def mean(column: Any, *, skip_nulls: bool = False, min_count: int = 0, dtype: Any = None) -> Any:
    """Exact mean of an Arrow column, rounded once.

    Returns
    -------
    scalar
        The mean; of no values NaN, with a RuntimeWarning.

    See Also
    --------
    sum, mypackage.mean, mypackage.nanmean

    Examples
    --------
    >>> import pyarrow, mypackage.arrow
    >>> float(mypackage.arrow.mean(pyarrow.array([1, 2])))
    1.5
    """
    if _count_valid(column) < min_count:
        return None
    return reduce(REDUCTIONS["mean"], column, skip_nulls=skip_nulls, dtype=dtype)


def _count_valid(column: Any) -> int:
    """How many values of a column are not null."""
    nulls = column.null_count
    return len(column) - int(nulls() if callable(nulls) else nulls)


def is_column(a: object) -> bool:
    """Whether `a` is a column or a table, without importing what makes them."""
    return is_of(a, "pyarrow", "Array", "ChunkedArray") or is_of(a, "polars", "Series")


def is_table(a: object) -> bool:
    """Whether `a` is a table of such columns."""
    return is_of(a, "pyarrow", "Table", "RecordBatch") or is_of(a, "polars", "DataFrame")


def reduce(
    reduction: Reduction,
    a: Any,
    *,
    axis: Any = None,
    dtype: Any = None,
    skip_nulls: bool | None = None,
    where: Any = True,
    **others: Any,
) -> Any:
    """What `mypackage.sum` and its kin do with a column or a table.

    A column gives a scalar; so does a table, an array of its columns' results (axis 0) or of its
    rows' (axis 1).
    """
    name = reduction.name
    defaults = {"out": None, "keepdims": False, "initial": 0}
    for key, value in others.items():
        if value is not defaults[key]:
            raise TypeError(f"{name}: a column takes no {key}=; give its to_numpy()")
    # The functions that skip NaN skip nulls, too.
    skip_nulls = reduction.skip_nan if skip_nulls is None else skip_nulls
    if is_table(a):
        axes = set(normalised(name, axis, 2))
        table = columns_of(a, name, skip_nulls, where)
        if axes == {0, 1}:
            return columns.all_of_them(reduction, table, True, dtype)
        if axes == {1}:
            return columns.over(reduction, table, (_rows(a),), True, dtype)
        results, common = columns.of_columns(reduction, table, True, dtype)
        return objects.column(results, np.dtype(object) if common is None else common)
    if axis not in (None, 0, -1, (0,)):
        raise ValueError(f"{name}: a column has no axis {axis}")
    kind = _kind(a, name)
    if kind != "number" or where is not True:
        (column,) = columns_of(a, name, skip_nulls, where)
        return columns.of_column(reduction, column, True, dtype)
    state, element = ExactSum(), np.dtype(np.float64)
    for part in chunks(a, name, skip_nulls):
        add(state, part, skip_nan=reduction.skip_nan)
        element = part.dtype
    return rounded(reduction, state, result_dtype(reduction, element, dtype))


def columns_of(a: Any, name: str, skip_nulls: bool = False, where: Any = True) -> list[Column]:
    """A column, or those of a table, without rounding; nulls are missing or refused.

    What `where` does not want counts as missing.
    """
    if is_table(a):
        names = a.columns if is_of(a, "polars", "DataFrame") else a.schema.names
        table = [
            (one, a[one] if is_of(a, "polars", "DataFrame") else a.column(at))
            for at, one in enumerate(names)
        ]
    else:
        table = [(getattr(a, "name", None), a)]
    result = []
    for at, (label, column) in enumerate(table):
        values, missing = _values(column, name, skip_nulls)
        if where is not True:
            wanted = np.asarray(where, bool)
            if is_table(a):
                wanted = np.broadcast_to(wanted, (_rows(a), len(table)))[:, at]
            missing = missing | ~np.broadcast_to(wanted, missing.shape)
        result.append(Column(label, values, missing))
    return result


def _rows(table: Any) -> int:
    return int(table.height if is_of(table, "polars", "DataFrame") else table.num_rows)


def plain(a: Any, name: str) -> np.ndarray:
    """The numbers of a column without nulls, for functions that have no way to skip them."""
    if is_table(a):
        raise TypeError(f"{name}: a table is several columns; give one, or its to_pandas()")
    return _values(a, name, False)[0]


def _values(column: Any, name: str, skip_nulls: bool) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of a column and which of them are null, in one array."""
    kind = _kind(column, name)
    nulls = column.null_count() if is_of(column, "polars", "Series") else column.null_count
    if nulls and not skip_nulls:
        raise _nulls(name, nulls, column)
    missing = np.zeros(len(column), bool)
    if is_of(column, "polars", "Series"):
        if nulls:
            missing = column.is_null().to_numpy()
        if kind == "object":
            return objects.column(
                [0 if x is None else x for x in column.to_list()], np.dtype(object)
            ), missing
        filled = column.to_physical() if kind == "duration" else column
        values = (
            filled.fill_null(False if column.dtype == sys.modules["polars"].Boolean else 0)
            if nulls
            else filled
        ).to_numpy()
        return (
            values.view(f"m8[{column.dtype.time_unit}]") if kind == "duration" else values
        ), missing
    pa = require("pyarrow")
    if nulls:
        missing = (
            np.asarray(column.is_null().to_numpy(zero_copy_only=False), bool)
            if not isinstance(column, pa.ChunkedArray)
            else np.asarray(column.is_null().to_numpy(), bool)
        )
    if kind == "object":
        return objects.column(
            [0 if x is None else x for x in column.to_pylist()], np.dtype(object)
        ), missing
    unit = column.type.unit if kind == "duration" else None
    if kind == "duration":
        column = column.cast(pa.int64())
    if nulls:
        column = column.fill_null(False if pa.types.is_boolean(column.type) else 0)
    if isinstance(column, pa.ChunkedArray):
        values = column.to_numpy()
    else:
        values = column.to_numpy(zero_copy_only=False)
    return (values.view(f"m8[{unit}]") if unit else values), missing


def _kind(column: Any, name: str) -> str:
    """What a column holds: ``"number"``, ``"object"`` (for Python's numbers) or ``"duration"``."""
    if is_of(column, "polars", "Series"):
        polars, kind = sys.modules["polars"], column.dtype
        # Older releases have no integers of 128 bits.
        wide = [getattr(polars, one, None) for one in ("Int128", "UInt128")]
        if kind in wide or kind == polars.Decimal:
            return "object"
        if kind == polars.Duration:
            return "duration"
        if kind.is_integer() or kind.is_float() or kind == polars.Boolean:
            return "number"
    else:
        types, kind = require("pyarrow").types, column.type
        if types.is_decimal(kind):
            return "object"
        if types.is_duration(kind):
            return "duration"
        if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
            return "number"
    raise TypeError(f"{name}: there is no exact sum of {kind} elements; cast them first")


def _nulls(name: str, nulls: int, column: Any) -> ValueError:
    drop = "drop_nulls()" if is_of(column, "polars", "Series") else "drop_null()"
    ways = [f"the column's {drop}"]
    if name in __all__:
        ways = [f"mypackage.arrow.{name}(..., skip_nulls=True)", f"mypackage.nan{name}", *ways]
    return ValueError(
        f"{name}: {nulls} of {len(column)} values are null, which is no number; "
        f"{' or '.join(ways)} leaves nulls out"
    )


def chunks(column: Any, what: str, skip_nulls: bool = False) -> Iterator[np.ndarray]:
    """The numbers of a column, chunk by chunk, at least one (perhaps empty).

    `what` begins the messages.
    """
    if _kind(column, what) != "number":
        kind = column.dtype if is_of(column, "polars", "Series") else column.type
        raise TypeError(f"{what}: there is no exact sum of {kind} elements here; cast them first")
    if is_of(column, "polars", "Series"):
        nulls, parts = column.null_count(), column.get_chunks()
    else:
        pa = require("pyarrow")
        nulls = column.null_count
        parts = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        parts = parts or [pa.array([], column.type)]
    if nulls and not skip_nulls:
        raise _nulls(what, nulls, column)
    for part in parts:
        if hasattr(part, "drop_nulls"):
            yield part.drop_nulls().to_numpy()
        else:
            yield (part.drop_null() if part.null_count else part).to_numpy(zero_copy_only=False)
