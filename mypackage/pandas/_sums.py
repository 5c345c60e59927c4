"""Sums and means of pandas objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np

from mypackage._core import columns
from mypackage._core.columns import Column
from mypackage._core.inputs import named
from mypackage._core.reductions import REDUCTIONS, Reduction
from mypackage._core.states import result_dtype
from mypackage._docstrings import like
from mypackage._extras import require
from mypackage.pandas._columns import axes_of, check, columns_of
from mypackage.pandas._moments import reduce_moments
from mypackage.pandas._results import (
    in_own_dtype,
    in_zone,
    nullable_dtypes,
    or_missing,
    own_scalar,
    series_of,
    zone_of,
)

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from mypackage.pandas._columns import Axis

pd = require("pandas")


@overload
def sum(
    a: DataFrame, axis: Axis = 0, *, skipna: bool = True, min_count: int = 0, dtype: Any = None
) -> Series: ...


@overload
def sum(
    a: Any, axis: Any = 0, *, skipna: bool = True, min_count: int = 0, dtype: Any = None
) -> Any: ...


def sum(
    a: Any, axis: Any = 0, *, skipna: bool = True, min_count: int = 0, dtype: Any = None
) -> Any:
    """Exact sum of a Series or of the columns or rows of a DataFrame, rounded once.

    Parameters
    ----------
    a : pandas.Series or pandas.DataFrame
        Of numbers or bools, of NumPy's, pandas' nullable or Arrow's dtypes.
    axis : {0, 1, None}, optional
        0 sums each column, 1 each row, None everything. A Series has the axis 0 only.
    skipna : bool, optional
        Leave missing values out; otherwise a sum with a missing value is missing.
    min_count : int, optional
        With fewer values that are not missing, a sum is missing: NaN, or NA for a nullable dtype.
    dtype : dtype, optional
        What the exact sums are rounded to.

    Returns
    -------
    scalar or pandas.Series
        A Series for the columns or rows of a DataFrame.

    Raises
    ------
    TypeError
        If a column has no numbers; the message names it.
    ValueError
        If there is no such axis.

    See Also
    --------
    mean, cumsum, mypackage.sum, pandas.DataFrame.sum

    Examples
    --------
    >>> import pandas, mypackage.pandas
    >>> table = pandas.DataFrame({"x": [1e16, 1.0, -1e16], "n": [1, 2, 3]})
    >>> mypackage.pandas.sum(table).to_dict()
    {'x': 1.0, 'n': 6.0}
    """
    result = _reduced(REDUCTIONS["sum"], a, axis, skipna, dtype)
    return result if min_count <= 0 else _of_enough(result, a, axis, min_count)


def _of_enough(result: Any, a: Any, axis: Any, min_count: int) -> Any:
    """The sums of at least `min_count` values; missing values in place of the others."""
    if isinstance(result, pd.Series):
        enough = a.count(axis=1 if axis in (1, -1, "columns") else 0) >= min_count
        numpys = isinstance(result.dtype, np.dtype)
        if numpys and result.dtype.kind in "iu" and enough.any() and not enough.all():
            # float64 would round them.
            integers = pd.arrays.IntegerArray(result.to_numpy(), ~enough.to_numpy())
            return series_of(a, integers, result.index)
        return result.where(enough)
    if np.count_nonzero(pd.notna(a)) >= min_count or result is pd.NaT:
        return result
    if nullable_dtypes(a):
        return pd.NA
    if isinstance(result, pd.Timedelta):
        return pd.NaT
    return columns.missing_of(getattr(result, "dtype", np.dtype(np.float64)))


@overload
def mean(a: DataFrame, axis: Axis = 0, *, skipna: bool = True, dtype: Any = None) -> Series: ...


@overload
def mean(a: Any, axis: Any = 0, *, skipna: bool = True, dtype: Any = None) -> Any: ...


@like(sum, sum="mean", sums="means")
def mean(a: Any, axis: Any = 0, *, skipna: bool = True, dtype: Any = None) -> Any:
    """Exact mean of a Series or of the columns or rows of a DataFrame, rounded once.

    Missing where no values are left.

    See Also
    --------
    sum, mypackage.mean, pandas.DataFrame.mean

    Examples
    --------
    >>> import pandas, mypackage.pandas
    >>> float(mypackage.pandas.mean(pandas.Series([1, None, 2], dtype="Int64")))
    1.5
    """
    return _reduced(REDUCTIONS["mean"], a, axis, skipna, dtype)


def reduce(
    reduction: Reduction,
    a: Any,
    *,
    axis: Any = None,
    dtype: Any = None,
    where: Any = True,
    **others: Any,
) -> Any:
    """`mypackage.sum` and its kin for a pandas object."""
    if reduction.state == "ExactMoments":
        return reduce_moments(reduction, a, axis=axis, dtype=dtype, where=where, **others)
    defaults = {"out": None, "keepdims": False, "initial": 0}
    for key, value in others.items():
        if value is not defaults[key]:
            raise TypeError(
                f"{reduction.name}: a pandas object takes no {key}=; give its to_numpy()"
            )
    # As in pandas, the functions without "nan" in their names skip missing values too.
    with named(reduction.name, reduction.finish):
        return _reduced(reduction.skipping(False), a, axis, True, dtype, where)


def _reduced(
    reduction: Reduction, a: Any, axis: Any, skipna: bool, dtype: Any, where: Any = True
) -> Any:
    name = reduction.name
    check(reduction.finish, a)
    if not isinstance(a, pd.DataFrame):
        (column,) = columns_of(a, name, where)
        if axis in ("index", "rows"):
            axis = 0
        elif isinstance(axis, str) or axis not in (None, 0, -1, (0,), (-1,)):
            raise ValueError(f"{name}: a Series has no axis {axis!r}")
        result = own_scalar(columns.of_column(reduction, column, skipna, dtype), zone_of(name, a))
        return or_missing(result, a, skipna)
    axes = axes_of(name, axis)
    table = columns_of(a, name, where)
    # (Integers beside NaN would be rounded.)
    plain = dtype is not None and np.dtype(dtype).kind not in "biu"
    nullable = [] if plain else nullable_dtypes(a)
    if axes == {0, 1}:
        result, missing = columns.over(reduction, table, (), skipna, dtype)
        if nullable and missing:
            return pd.NA
        return own_scalar(columns.with_nan(result, missing)[()], zone_of(name, a))
    if axes == {1}:
        values, missing = columns.over(reduction, table, a.index.shape, skipna, dtype)
        own = in_own_dtype(values, missing, nullable)
        if own is None:
            own = columns.with_nan(values, missing)
        return in_zone(series_of(a, own, a.index), zone_of(name, a))
    if not axes:
        raise ValueError(f"{name}: axis=() reduces nothing")
    if nullable and all(column.values.dtype.kind in "biuf" for column in table):
        return _of_nullable(reduction, a, table, skipna, dtype, nullable)
    results, common = columns.of_columns(reduction, table, skipna, dtype)
    results = [
        own_scalar(value, zone_of(name, column))
        for (_, column), value in zip(a.items(), results, strict=True)
    ]
    kind: Any = object if common is None else common
    if common is not None and common.kind == "M":
        # (Of missing dates pandas does not know the time zone.)
        gone = all(value is pd.NaT for value in results)
        kind = a.dtypes.iloc[0] if gone and a.dtypes.nunique() == 1 else None
    return series_of(a, results, a.columns, kind)


def _of_nullable(
    reduction: Reduction,
    a: DataFrame,
    table: list[Column],
    skipna: bool,
    dtype: Any,
    nullable: list[Any],
) -> Any:
    """The results for columns, some of which are of nullable dtypes."""
    values = [columns.of_column(reduction, column, skipna, dtype) for column in table]
    pairs = zip(values, a.items(), strict=True)
    missing = np.array([or_missing(value, column, skipna) is pd.NA for value, (_, column) in pairs])
    kinds = [result_dtype(reduction, column.values.dtype, dtype) for column in table]
    common = np.result_type(*kinds)
    results = np.zeros(len(values), common)
    for at, (column, value) in enumerate(zip(table, values, strict=True)):
        if not missing[at]:
            columns.check_fit(reduction, column, value, common)
            results[at] = value
    own = in_own_dtype(results, missing, nullable)
    own = columns.with_nan(results, missing) if own is None else own
    return series_of(a, own, a.columns)
