"""The reductions on pandas' Series and DataFrame.

`mypackage.sum` and its kin call these for pandas objects. As in pandas itself, missing values (NaN,
NA) are left out unless ``skipna=False``, and nullable dtypes keep their integers exact.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import mypackage
from mypackage import ExactSum
from mypackage._core.reductions import GROUPED, REDUCTIONS, Reduction
from mypackage._core.states import result_dtype, rounded
from mypackage._extras import require

pd = require("pandas")

__all__ = ["cumsum", "group_mean", "group_sum", "mean", "sum"]


def sum(a: Any, axis: Any = 0, *, skipna: bool = True, dtype: Any = None) -> Any:
    """Exact sum of a Series or of the columns or rows of a DataFrame, rounded once.

    Parameters
    ----------
    a : pandas.Series or pandas.DataFrame
        Of numbers or bools, of NumPy's, pandas' nullable or Arrow's dtypes.
    axis : {0, 1, None}, optional
        0 for a sum of each column, 1 of each row, None of all. A Series has the axis 0 only.
    skipna : bool, optional
        Leave missing values out; otherwise they make their sum missing.
    dtype : dtype, optional
        What the exact sums are rounded to.

    Returns
    -------
    scalar or pandas.Series

    Raises
    ------
    TypeError
        Names a column that has no numbers.

    See Also
    --------
    mypackage.sum, pandas.DataFrame.sum

    Examples
    --------
    >>> import pandas, mypackage.pandas
    >>> table = pandas.DataFrame({"x": [1e16, 1.0, -1e16], "n": [1, 2, 3]})
    >>> mypackage.pandas.sum(table).to_dict()
    {'x': 1.0, 'n': 6.0}
    """
    return _reduced(REDUCTIONS["sum"], a, axis, skipna, dtype)


def mean(a: Any, axis: Any = 0, *, skipna: bool = True, dtype: Any = None) -> Any:
    """Exact mean of a Series or of the columns or rows of a DataFrame, rounded once.

    Parameters, result and errors are those of `sum`.

    Examples
    --------
    >>> import pandas, mypackage.pandas
    >>> float(mypackage.pandas.mean(pandas.Series([1, None, 2], dtype="Int64")))
    1.5
    """
    return _reduced(REDUCTIONS["mean"], a, axis, skipna, dtype)


def reduce(
    reduction: Reduction, a: Any, *, axis: Any = None, dtype: Any = None, **others: Any
) -> Any:
    """What `mypackage.sum` and its kin do with a pandas object."""
    defaults = {"out": None, "keepdims": False, "initial": 0, "where": True}
    for key, value in others.items():
        if value is not defaults[key]:
            raise TypeError(
                f"{reduction.name}: a pandas object takes no {key}=; give its to_numpy()"
            )
    # As in pandas, the functions that skip NaN and those that do not are the same.
    if isinstance(axis, tuple):
        axis = None if set(axis) == {0, 1} else axis[0]
    return _reduced(reduction.skipping(False), a, axis, True, dtype)


def _reduced(reduction: Reduction, a: Any, axis: Any, skipna: bool, dtype: Any) -> Any:
    name = reduction.name
    if isinstance(a, pd.Series):
        if axis not in (0, None, "index", -1):
            raise ValueError(f"{name}: a Series has no axis {axis!r}")
        return _value(reduction, [a], (), skipna, dtype)[()]
    columns = [column for _, column in a.items()]
    if axis is None:
        return _value(reduction, columns, (), skipna, dtype)[()]
    if axis in (0, "index"):
        values = [_value(reduction, [column], (), skipna, dtype)[()] for column in columns]
        return pd.Series(values, index=a.columns, dtype=None if columns else np.float64)
    if axis in (1, "columns", -1):
        return pd.Series(_value(reduction, columns, a.index.shape, skipna, dtype), index=a.index)
    raise ValueError(f"{name}: a DataFrame has no axis {axis!r}")


def _value(
    reduction: Reduction, columns: list[Any], shape: tuple[int, ...], skipna: bool, dtype: Any
) -> np.ndarray:
    """The sum of columns: of all elements, or, with their shape, of each row."""
    state, poisoned = ExactSum(shape), np.zeros(shape, bool)
    dtypes = [np.dtype(np.float64)] if not columns else []
    for column in columns:
        values, missing = _numbers(reduction.name, column)
        dtypes.append(values.dtype)
        axes = () if shape else (0,)
        state.add(values, axes, ~missing)
        poisoned |= missing if shape else missing.any()
    nothing = np.equal(state.count, 0)
    if reduction.empty != 0:
        # A mean of nothing is missing, as in pandas, and no cause for a warning.
        state.add(np.zeros((1, *shape)), 0, nothing)
        poisoned = (poisoned & (not skipna)) | nothing
    elif skipna:
        poisoned = np.zeros(shape, bool)
    dtype = result_dtype(reduction, np.result_type(*dtypes), dtype)
    value = np.asarray(rounded(reduction, state, dtype))
    return np.where(poisoned, np.nan, value) if poisoned.any() else value


def _numbers(name: str, column: Any) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of a column and which of them are missing."""
    dtype = column.dtype
    missing = column.isna().to_numpy(bool)
    kind = dtype if isinstance(dtype, np.dtype) else getattr(dtype, "numpy_dtype", None)
    if kind is None or kind.kind not in "biufc":
        raise TypeError(
            f"{name}: column {column.name!r} of dtype {dtype} has no exact sum; choose columns of "
            "numbers, with select_dtypes('number') say"
        )
    if isinstance(dtype, np.dtype):
        return column.to_numpy(), missing
    # Not through float64, which large integers would not survive.
    return column.to_numpy(kind, na_value=kind.type(0)), missing


def cumsum(a: Any, axis: Any = 0, *, dtype: Any = None) -> Any:
    """Exact cumulative sums of a Series or of the columns of a DataFrame, each rounded once.

    As in pandas, a missing value stays missing, and the sums go on behind it.

    Parameters
    ----------
    a : pandas.Series or pandas.DataFrame
        Of numbers or bools, of NumPy's, pandas' nullable or Arrow's dtypes.
    axis : 0 or None, optional
        Down the rows: rows of several columns have several dtypes.
    dtype : dtype, optional
        What the exact prefixes are rounded to.

    Returns
    -------
    pandas.Series or pandas.DataFrame
        Indexed as `a`. Integers beside missing values are of a nullable dtype.

    Raises
    ------
    TypeError
        Names a column that has no numbers.
    ValueError
        If `axis` is another.

    See Also
    --------
    mypackage.cumsum, pandas.DataFrame.cumsum

    Examples
    --------
    >>> import pandas, mypackage.pandas
    >>> mypackage.pandas.cumsum(pandas.Series([1e16, 1.0, None, -1e16])).tolist()
    [1e+16, 1e+16, nan, 1.0]
    """
    if axis not in (0, None, "index") and not (axis == -1 and isinstance(a, pd.Series)):
        raise ValueError(f"cumsum: axis must be 0, not {axis!r}; for rows, give a.T or to_numpy()")
    if isinstance(a, pd.DataFrame):
        return _each(partial(cumsum, dtype=dtype), a, a.index)
    values, missing = _numbers("cumsum", a)
    prefixes = mypackage.cumsum(np.where(missing, values.dtype.type(0), values), dtype=dtype)
    if missing.any():
        if prefixes.dtype.kind in "iu":
            prefixes = pd.arrays.IntegerArray(prefixes, missing)
        else:
            prefixes[missing] = np.nan
    return pd.Series(prefixes, index=a.index, name=a.name)


def group_sum(a: Any, by: Any, *, dropna: bool = True, dtype: Any = None) -> Any:
    """Exact sums of the elements of each group, rounded once.

    Parameters
    ----------
    a : pandas.Series or pandas.DataFrame
        The elements; missing ones are left out.
    by : label, list of labels, dict, function, Series or array_like
        What tells the groups apart: a column of a DataFrame, or several; what a dict or a function
        makes of the index; or a value for each row.
    dropna : bool, optional
        Leave out rows whose group is missing.
    dtype : dtype, optional
        What the exact sums are rounded to.

    Returns
    -------
    pandas.Series or pandas.DataFrame
        Indexed by the groups, sorted.

    See Also
    --------
    mypackage.group_sum, pandas.DataFrame.groupby

    Examples
    --------
    >>> import pandas, mypackage.pandas
    >>> table = pandas.DataFrame({"k": ["a", "b", "a", "a"], "x": [1e16, 5.0, 1.0, -1e16]})
    >>> mypackage.pandas.group_sum(table, "k")["x"].to_dict()
    {'a': 1.0, 'b': 5.0}
    """
    return _grouped(GROUPED["group_sum"], a, by, dropna, dtype)


def group_mean(a: Any, by: Any, *, dropna: bool = True, dtype: Any = None) -> Any:
    """Exact means of the elements of each group, rounded once.

    Parameters and result are those of `group_sum`; NaN for a group of missing elements only.

    Examples
    --------
    >>> import pandas, mypackage.pandas
    >>> mypackage.pandas.group_mean(pandas.Series([1, 2, 5]), ["a", "a", "b"]).to_dict()
    {'a': 1.5, 'b': 5.0}
    """
    return _grouped(GROUPED["group_mean"], a, by, dropna, dtype)


def _grouped(reduction: Reduction, a: Any, by: Any, dropna: bool, dtype: Any) -> Any:
    name = reduction.name
    columns = a.columns if isinstance(a, pd.DataFrame) else ()
    keys = by if isinstance(by, list) else [by]
    keys = [key for key in keys if pd.api.types.is_hashable(key) and key in columns]
    if not keys and pd.api.types.is_list_like(by) and not isinstance(by, (dict, pd.Series)):
        by = pd.Index(by)
        if len(by) != len(a):
            raise ValueError(f"{name}: by has {len(by)} values, but there are {len(a)} rows")
    grouping = a.groupby(by, dropna=dropna, observed=True)
    codes, index = grouping.ngroup().fillna(-1).to_numpy(np.int64), grouping.size().index

    def column_of(column: Any) -> Any:
        values, missing = _numbers(name, column)
        labels = np.where(missing, -1, codes)
        numbers = getattr(mypackage, name)(
            labels, values, size=len(index), fill_value=reduction.empty, dtype=dtype
        )
        return pd.Series(numbers, index=index, name=column.name)

    return (
        column_of(a) if isinstance(a, pd.Series) else _each(column_of, a.drop(columns=keys), index)
    )


def _each(function: Any, table: Any, index: Any) -> Any:
    """The table of the columns that a function makes of the columns of one, which may be alike."""
    columns = [function(column) for _, column in table.items()]
    result = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=index)
    return result.set_axis(table.columns, axis=1)
