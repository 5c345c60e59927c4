"""Sums and means of Arrow columns: pyarrow's Array and ChunkedArray, polars' Series.

Integers and floats without nulls are not copied. Nulls are refused unless ``skip_nulls=True``
leaves them out. `mypackage.sum` and `mypackage.mean` call these functions for such columns.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from mypackage import ExactSum
from mypackage._core import columns, objects, timedelta
from mypackage._core.axes import normalised
from mypackage._core.columns import Column
from mypackage._core.inputs import wanted
from mypackage._core.reductions import REDUCTIONS, Reduction
from mypackage._core.states import add, result_dtype, rounded
from mypackage._docstrings import like
from mypackage._extras import is_of, require

__all__ = ["mean", "sum"]


def __dir__() -> list[str]:
    return __all__


def sum(column: Any, *, skip_nulls: bool = False, min_count: int = 0, dtype: Any = None) -> Any:
    """Exact sum of an Arrow column, rounded once.

    Parameters
    ----------
    column : pyarrow.Array, pyarrow.ChunkedArray or polars.Series
        Of numbers, bools, decimals or durations; means of timestamps and dates too.
    skip_nulls : bool, optional
        Leave nulls out. NaNs, which are numbers to Arrow, are kept.
    min_count : int, optional
        With fewer values that are not null, the result is None.
    dtype : dtype, optional
        What the exact sum is rounded to.

    Returns
    -------
    scalar
        The sum; 0 for no values. Durations give numpy.timedelta64.

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
    if _count_valid("sum", column) < min_count:
        return None
    return reduce(REDUCTIONS["sum"], column, skip_nulls=skip_nulls, dtype=dtype)


@like(sum, sum="mean")
def mean(column: Any, *, skip_nulls: bool = False, min_count: int = 0, dtype: Any = None) -> Any:
    """Exact mean of an Arrow column, rounded once.

    Returns
    -------
    scalar
        The mean; NaN, with a RuntimeWarning, for no values. Timestamps give numpy.datetime64; with
        a time zone, pyarrow gives its own scalar and polars a datetime in that zone. They are
        rounded half to even in the column's unit.

    See Also
    --------
    sum, mypackage.mean, mypackage.nanmean

    Examples
    --------
    >>> import pyarrow, mypackage.arrow
    >>> float(mypackage.arrow.mean(pyarrow.array([1, 2])))
    1.5
    """
    if _count_valid("mean", column) < min_count:
        return None
    return reduce(REDUCTIONS["mean"], column, skip_nulls=skip_nulls, dtype=dtype)


def _count_valid(name: str, column: Any) -> int:
    """How many values of a column are not null."""
    if not is_column(column):
        raise TypeError(
            f"{name}: give a pyarrow Array or ChunkedArray or a polars Series, not "
            f"{type(column).__name__}; mypackage.{name} takes tables, arrays and lists"
        )
    nulls = column.null_count
    return len(column) - int(nulls() if callable(nulls) else nulls)


def is_column(a: object) -> bool:
    """Whether `a` is a column or a table, without importing pyarrow or polars."""
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
    """`mypackage.sum` and its kin for a column or a table.

    The result is a scalar, or for a table an array of the results of its columns (axis 0) or rows
    (axis 1).
    """
    name = reduction.name
    defaults = {"out": None, "keepdims": False, "initial": 0}
    for key, value in others.items():
        if value is not defaults[key]:
            raise TypeError(f"{name}: a column takes no {key}=; give its to_numpy()")
    # The functions that skip NaN skip nulls too.
    skip_nulls = reduction.skip_nan if skip_nulls is None else skip_nulls
    if is_table(a):
        axes = set(normalised(name, axis, 2))
        table = columns_of(a, name, skip_nulls, where, zones=axes == {0})
        if axes == {0, 1}:
            return columns.with_nan(*columns.over(reduction, table, (), True, dtype))[()]
        if axes == {1}:
            return columns.with_nan(*columns.over(reduction, table, (_rows(a),), True, dtype))
        results, common = columns.of_columns(reduction, table, True, dtype)
        given = [column for _, column in _columns(a)]
        if any(map(_zone, given)):
            pairs = zip(given, results, strict=True)
            results, common = [_in_zone(name, *pair) for pair in pairs], None
        return objects.column(results, np.dtype(object) if common is None else common)
    if axis not in (None, 0, -1, (0,)):
        raise ValueError(f"{name}: a column has no axis {axis}")
    kind = _kind(a, name)
    timedelta.check(name, np.dtype(kind if kind[1:] else float), reduction.finish)
    if kind != "n" or where is not True:
        (column,) = columns_of(a, name, skip_nulls, where, zones=True)
        return _in_zone(name, a, columns.of_column(reduction, column, True, dtype))
    state, element = ExactSum(), np.dtype(np.float64)
    for part in chunks(a, name, skip_nulls):
        add(state, part, skip_nan=reduction.skip_nan)
        element = part.dtype
    return rounded(reduction, state, result_dtype(reduction, element, dtype))


def _zone(column: Any) -> Any:
    """The time zone of a column of timestamps; None if it has none."""
    if is_of(column, "polars", "Series"):
        return getattr(column.dtype, "time_zone", None)
    return getattr(column.type, "tz", None)


def _in_zone(name: str, column: Any, value: Any) -> Any:
    """A mean of UTC timestamps in the time zone of its column, if the column has one.

    As pyarrow's scalar, or as the datetime that polars would give.
    """
    if _zone(column) is None or not isinstance(value, np.datetime64):
        return value
    ticks = None if np.isnat(value) else int(value.astype(np.int64))
    if not is_of(column, "polars", "Series"):
        return require("pyarrow").scalar(ticks, column.type)
    if ticks is None:
        return None
    holds = column.dtype.time_unit != "ns" or ticks % 1000 == 0
    try:
        # (Beyond the years 1 to 9999, where polars 1.0 panics.)
        microseconds = int(value.astype("M8[us]").astype(np.int64))
        datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=microseconds)
        result = sys.modules["polars"].Series([ticks]).cast(column.dtype)[0]
    except OverflowError:
        holds = False
    if not holds:
        raise OverflowError(
            f"{name}: a datetime does not hold the mean {value}; give the column's "
            "dt.convert_time_zone('UTC').dt.replace_time_zone(None)"
        )
    return result


def _columns(a: Any) -> list[tuple[Any, Any]]:
    """The columns of a table, or a column, with their names."""
    if not is_table(a):
        return [(getattr(a, "name", None), a)]
    if is_of(a, "polars", "DataFrame"):
        return [(one, a[one]) for one in a.columns]
    return [(one, a.column(at)) for at, one in enumerate(a.schema.names)]


def columns_of(
    a: Any, name: str, skip_nulls: bool = False, where: Any = True, zones: bool = False
) -> list[Column]:
    """A column, or the columns of a table, without rounding; nulls are missing or refused.

    Elements that `where` excludes count as missing. Timestamps with a time zone are given in UTC,
    and refused unless `zones` says that the caller puts the result back into its zone.
    """
    table = _columns(a)
    result = []
    for at, (label, column) in enumerate(table):
        values, missing = _values(column, name, skip_nulls, zones)
        if where is not True:
            chosen = wanted(where)
            if is_table(a):
                chosen = np.broadcast_to(chosen, (_rows(a), len(table)))[:, at]
            missing = missing | ~np.broadcast_to(chosen, missing.shape)
        result.append(Column(label, values, missing))
    return result


def _rows(table: Any) -> int:
    return int(table.height if is_of(table, "polars", "DataFrame") else table.num_rows)


def plain(a: Any, name: str) -> np.ndarray:
    """The numbers of a column, which must have no nulls, for functions that cannot skip them."""
    if is_table(a):
        raise TypeError(f"{name}: a table is several columns; give one, or its to_pandas()")
    return _values(a, name, False)[0]


def values_of(column: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of a column, timestamps in UTC, and a mask of the nulls."""
    return _values(column, name, True, True)


def _values(
    column: Any, name: str, skip_nulls: bool, zones: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of a column, in one array, and a mask of the nulls."""
    kind = _kind(column, name)
    if _zone(column) is not None and not zones:
        way = "dt.convert_time_zone('UTC').dt.replace_time_zone(None)"
        if not is_of(column, "polars", "Series"):
            way = f"cast(pyarrow.timestamp('{column.type.unit}'))"
        raise TypeError(
            f"{name}: its results here have no time zone, as the column has; give the column's "
            f"{way}, the times of UTC"
        )
    nulls = column.null_count() if is_of(column, "polars", "Series") else column.null_count
    if nulls and not skip_nulls:
        raise _nulls(name, nulls, column)
    missing = np.zeros(len(column), bool)
    if is_of(column, "polars", "Series"):
        if nulls:
            missing = column.is_null().to_numpy()
        if kind == "O":
            return objects.column(
                [0 if x is None else x for x in column.to_list()], np.dtype(object)
            ), missing
        filled = column.to_physical() if kind[1:] else column
        values = (
            filled.fill_null(False if column.dtype == sys.modules["polars"].Boolean else 0)
            if nulls
            else filled
        ).to_numpy()
        if kind[1:]:
            values = values.astype(np.int64, copy=False).view(kind)
        return values, missing
    pa = require("pyarrow")
    if nulls:
        missing = (
            np.asarray(column.is_null().to_numpy(zero_copy_only=False), bool)
            if not isinstance(column, pa.ChunkedArray)
            else np.asarray(column.is_null().to_numpy(), bool)
        )
    if kind == "O":
        return objects.column(
            [0 if x is None else x for x in column.to_pylist()], np.dtype(object)
        ), missing
    if kind[1:]:
        wide = pa.int32() if pa.types.is_date32(column.type) else pa.int64()
        column = column.cast(wide).cast(pa.int64())
    if nulls:
        column = column.fill_null(False if pa.types.is_boolean(column.type) else 0)
    if isinstance(column, pa.ChunkedArray):
        values = column.to_numpy()
    else:
        values = column.to_numpy(zero_copy_only=False)
    return (values.view(kind) if kind[1:] else values), missing


def _kind(column: Any, name: str) -> str:
    """What a column holds: ``"n"`` for numbers, ``"O"`` for objects, or the dtype of times."""
    if is_of(column, "polars", "Series"):
        polars, kind = sys.modules["polars"], column.dtype
        # Older releases of polars lack 128-bit integers.
        wide = [getattr(polars, one, None) for one in ("Int128", "UInt128")]
        if kind in wide or kind == polars.Decimal:
            return "O"
        if kind == polars.Duration:
            return f"m8[{kind.time_unit}]"
        if kind == polars.Datetime:
            return f"M8[{kind.time_unit}]"
        if kind == polars.Date:
            return "M8[D]"
        if kind.is_integer() or kind.is_float() or kind == polars.Boolean:
            return "n"
    else:
        types, kind = require("pyarrow").types, column.type
        if types.is_decimal(kind):
            return "O"
        if types.is_duration(kind):
            return f"m8[{kind.unit}]"
        if types.is_timestamp(kind):
            return f"M8[{kind.unit}]"
        if types.is_date(kind):
            return "M8[D]" if types.is_date32(kind) else "M8[ms]"
        if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
            return "n"
    raise TypeError(f"{name}: there is no exact sum of {kind} elements; cast them first")


def _nulls(name: str, nulls: int, column: Any) -> ValueError:
    drop = "drop_nulls()" if is_of(column, "polars", "Series") else "drop_null()"
    ways = [f"the column's {drop}"]
    if name in __all__:
        ways = [f"mypackage.arrow.{name}(..., skip_nulls=True)", f"mypackage.nan{name}", *ways]
    return ValueError(
        f"{name}: {nulls} of {len(column)} values are null, so they are not numbers; "
        f"{' or '.join(ways)} leaves nulls out"
    )


def chunks(column: Any, what: str, skip_nulls: bool = False) -> Iterator[np.ndarray]:
    """The numbers of a column, chunk by chunk, at least one (perhaps empty).

    `what` is the beginning of error messages.
    """
    if _kind(column, what) != "n":
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
