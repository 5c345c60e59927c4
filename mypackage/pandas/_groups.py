"""Reductions of the elements of pandas objects with the same key."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import mypackage
from mypackage._core import columns, labels, timedelta
from mypackage._core.axes import normalised
from mypackage._core.groups import labels_of, size_of
from mypackage._core.reductions import GROUPED, GROUPED_MOMENTS, Reduction
from mypackage._docstrings import like
from mypackage._extras import require
from mypackage.pandas._averages import aligned_weights
from mypackage.pandas._columns import T_Pandas, axes_of, columns_of, numbers_of
from mypackage.pandas._prefixes import prefixes_of
from mypackage.pandas._results import (
    each_column,
    in_own_dtype,
    in_zone,
    like_own,
    nullable_dtypes,
    zone_of,
)

pd = require("pandas")


def group_by_number(
    name: str,
    group_idx: Any,
    a: Any,
    *,
    axis: Any = -1,
    size: Any = None,
    fill_value: Any = None,
    **others: Any,
) -> Any:
    """`mypackage.group_sum` and its kin for a pandas object, with integer labels.

    A Series gives an array; a DataFrame, grouped along its rows (axis 0), a two-dimensional array.
    """
    frame = isinstance(a, pd.DataFrame)
    table = columns_of(a, name)
    axes = axes_of(name, axis) if frame else set(normalised(name, axis, 1))
    codes = _codes(name, group_idx, a, axes)
    function = getattr(mypackage, name)
    if others.get("weights") is not None:
        others["weights"] = aligned_weights(name, a, others["weights"], axes)
        if frame and others["weights"].ndim == 2 and axes == {0}:
            raise TypeError(f"{name}: the columns of a DataFrame take one weight for each row")
    options = {"size": size, "fill_value": fill_value, **others}

    def of(values: np.ndarray, missing: np.ndarray, axis: int) -> np.ndarray:
        if not missing.any():
            return np.asarray(function(codes, values, axis=axis, **options))
        if name in GROUPED_MOMENTS and values.ndim == 1:
            options["size"] = size_of(name, codes, 0, len(values), size)
            return np.asarray(function(codes[~missing], values[~missing], **options))
        result = function(codes, np.ma.MaskedArray(values, missing), axis=axis, **options)
        if name not in ("group_mean", "group_nanmean"):
            # Variances of too little are NaN under their mask.
            return np.asarray(np.ma.getdata(result))
        nothing, result = np.ma.getmaskarray(result), np.ma.getdata(result)
        lost = columns.missing_of(result.dtype)
        if fill_value is not None and name == "group_nanmean":
            lost = fill_value
        return np.where(nothing, lost, result) if nothing.any() else np.asarray(result)

    if not frame:
        if zone_of(name, a) is not None and name != "group_count":
            timedelta.check(name, table[0].values.dtype, "mean" if "mean" in name else name)
            raise TypeError(
                f"{name}: the results of plain labels are an array, which has no time zone; use "
                f"mypackage.pandas.{name}, or give its dt.tz_convert(None)"
            )
        return of(table[0].values, table[0].missing.reshape(table[0].values.shape), 0)
    if axes == {1}:
        columns.one_kind_of_time(name, table)
        zone, missing = zone_of(name, a), np.array([column.missing for column in table], bool).T
        results = pd.DataFrame(of(columns.table(table), missing, 1), index=a.index)
        return results.apply(in_zone, zone=zone) if zone is not None else results
    parts = [
        in_zone(pd.Series(of(column.values, column.missing, 0)), zone_of(name, given))
        for column, (_, given) in zip(table, a.items(), strict=True)
    ]
    return pd.concat(parts, axis=1).set_axis(a.columns, axis=1)


def _codes(name: str, group_idx: Any, a: Any, axes: set[int]) -> np.ndarray:
    """The numbers of groups in the order of the labels of `a` along an axis."""
    labels.refuse_others(name, "group_idx", group_idx)
    along = a.columns if axes == {1} else getattr(a, "index", None)
    if isinstance(group_idx, (pd.Series, pd.DataFrame)) and along is not None:
        group_idx = labels.reordered(name, "group_idx", group_idx, along)
    return labels_of(name, group_idx)


def group_cumsum(
    group_idx: Any, a: Any, *, axis: Any, size: Any, fill_value: Any, dtype: Any
) -> Any:
    """What `mypackage.group_cumsum` does with a pandas object: as `cumsum`, by number of group."""
    name = "group_cumsum"
    axes = axes_of(name, axis) if isinstance(a, pd.DataFrame) else set(normalised(name, axis, 1))
    if axes != {0}:
        raise ValueError(f"{name}: axis must be 0, not {axis!r}; for rows, give to_numpy()")
    codes = _codes(name, group_idx, a, axes)
    options = {"size": size, "fill_value": fill_value, "dtype": dtype}
    return prefixes_of(name, a, lambda values: mypackage.group_cumsum(codes, values, **options))


def group_sum(
    a: T_Pandas, by: Any = None, *, level: Any = None, dropna: bool = True, dtype: Any = None
) -> T_Pandas:
    """Exact sums of the elements of each group, rounded once.

    Parameters
    ----------
    a : pandas.Series or pandas.DataFrame
        The elements; missing ones are left out.
    by : label, list of labels, dict, function, Series, array_like or list of these, optional
        What defines the groups: one or more columns of a DataFrame, a dict or function that maps
        the index, or a value for each row.
    level : int or label, or list of them, optional
        Levels of the index that define the groups, instead of `by`.
    dropna : bool, optional
        Leave out rows whose group is missing.
    dtype : dtype, optional
        What the exact sums are rounded to.

    Returns
    -------
    pandas.Series or pandas.DataFrame
        Indexed by the groups, sorted. Numbers of nullable dtypes stay of these.

    Raises
    ------
    TypeError
        If both or neither of `by` and `level` are given, or a column has no numbers.
    ValueError
        If `by` does not have one value for each row.

    See Also
    --------
    group_mean, mypackage.group_sum, pandas.DataFrame.groupby

    Examples
    --------
    >>> import pandas, mypackage.pandas
    >>> table = pandas.DataFrame({"k": ["a", "b", "a", "a"], "x": [1e16, 5.0, 1.0, -1e16]})
    >>> mypackage.pandas.group_sum(table, "k")["x"].to_dict()
    {'a': 1.0, 'b': 5.0}
    """
    return _grouped(GROUPED["group_sum"], a, by, level, dropna, dtype)


@like(group_sum, sums="means")
def group_mean(
    a: T_Pandas, by: Any = None, *, level: Any = None, dropna: bool = True, dtype: Any = None
) -> T_Pandas:
    """Exact means of the elements of each group, rounded once.

    Missing, NaN or NA, for a group of missing elements only.

    See Also
    --------
    group_sum, mypackage.group_mean, pandas.DataFrame.groupby

    Examples
    --------
    >>> import pandas, mypackage.pandas
    >>> mypackage.pandas.group_mean(pandas.Series([1, 2, 5]), ["a", "a", "b"]).to_dict()
    {'a': 1.5, 'b': 5.0}
    """
    return _grouped(GROUPED["group_mean"], a, by, level, dropna, dtype)


@like(group_sum, sums="variances")
def group_var(
    a: T_Pandas,
    by: Any = None,
    *,
    level: Any = None,
    dropna: bool = True,
    ddof: Any = 1,
    dtype: Any = None,
) -> T_Pandas:
    """Exact variances of the elements of each group, rounded once.

    Missing, NaN or NA, for groups of no more than `ddof` numbers.

    Parameters
    ----------
    ddof : real number, optional
        Delta degrees of freedom: the divisor is the number of elements minus `ddof`. 1 by default,
        as in pandas.

    See Also
    --------
    group_std, mypackage.group_var, pandas.DataFrame.groupby

    Examples
    --------
    >>> import pandas, mypackage.pandas
    >>> table = pandas.DataFrame({"k": ["a", "b", "a", "b"], "x": [1e9, 0.1, 1e9 + 1, 0.1]})
    >>> mypackage.pandas.group_var(table, "k")["x"].to_dict()
    {'a': 0.5, 'b': 0.0}
    """
    return _grouped(GROUPED_MOMENTS["group_var"], a, by, level, dropna, dtype, ddof=ddof)


@like(group_var, variances="deviations")
def group_std(
    a: T_Pandas,
    by: Any = None,
    *,
    level: Any = None,
    dropna: bool = True,
    ddof: Any = 1,
    dtype: Any = None,
) -> T_Pandas:
    """Exact standard deviations of the elements of each group, rounded once.

    The root of the exact variance, not of a rounded one.

    See Also
    --------
    group_var, mypackage.group_std, pandas.DataFrame.groupby

    Examples
    --------
    >>> import pandas, mypackage.pandas
    >>> mypackage.pandas.group_std(pandas.Series([1, 5, 5]), ["a", "a", "b"], ddof=0).to_dict()
    {'a': 2.0, 'b': 0.0}
    """
    return _grouped(GROUPED_MOMENTS["group_std"], a, by, level, dropna, dtype, ddof=ddof)


def _grouped(
    reduction: Reduction,
    a: Any,
    by: Any,
    level: Any,
    dropna: bool,
    dtype: Any,
    **options: Any,
) -> Any:
    name = reduction.name
    if not isinstance(a, (pd.Series, pd.DataFrame)):
        raise TypeError(
            f"{name}: give a Series or a DataFrame, not {type(a).__name__}; mypackage.{name} takes "
            "arrays and integer labels"
        )
    if (by is None) == (level is None):
        raise TypeError(f"{name}: give either by= or level=")
    columns = a.columns if isinstance(a, pd.DataFrame) else ()
    keys = by if isinstance(by, list) else [by]
    hashable = [key for key in keys if pd.api.types.is_hashable(key)]
    keys = [key for key in hashable if key in columns]
    if isinstance(by, pd.Series):
        by = labels.reordered(name, "by", by, a.index)
    elif isinstance(by, list) and by and all(map(pd.api.types.is_list_like, by)) and not keys:
        by = [_key(name, a, one) for one in by]
    elif not keys and pd.api.types.is_list_like(by) and not isinstance(by, dict):
        by = _key(name, a, by)
    grouping = a.groupby(by, level=level, dropna=dropna, observed=True)
    codes, index = grouping.ngroup().fillna(-1).to_numpy(np.int64), grouping.size().index

    def column_of(column: Any) -> Any:
        values, missing = numbers_of(name, column)
        present = np.where(missing, -1, codes)
        fill = None if values.dtype.kind in "mM" else reduction.empty
        numbers = getattr(mypackage, name)(
            present, values, size=len(index), fill_value=fill, dtype=dtype, **options
        )
        nullable = nullable_dtypes(column)
        if nullable:
            counts = np.bincount(present[present >= 0], minlength=len(index))
            # With too few elements there is no mean, or no variance.
            least = 0 if reduction.empty == 0 else max(1, math.floor(options.get("ddof", 0)) + 1)
            own = in_own_dtype(numbers, counts < least, nullable)
            numbers = numbers if own is None else own
        result = column._constructor(numbers, index=index, name=column.name)
        return like_own(column, in_zone(result, zone_of(name, column)))

    return (
        column_of(a)
        if isinstance(a, pd.Series)
        else each_column(column_of, a.drop(columns=keys), index)
    )


def _key(name: str, a: Any, by: Any) -> Any:
    """The values that define the groups, one for each row."""
    if isinstance(by, pd.Series):
        return labels.reordered(name, "by", by, a.index)
    if np.ndim(by) != 1 and not isinstance(by, pd.MultiIndex):
        raise ValueError(f"{name}: by must have one value for each row, not shape {np.shape(by)}")
    by = pd.Index(by)
    if len(by) != len(a):
        raise ValueError(f"{name}: by has {len(by)} values, but there are {len(a)} rows")
    return by
