"""The reductions on pandas' Series and DataFrame.

`mypackage.sum` and the other reductions call these for pandas objects. As in pandas itself, missing
values (NaN, NA) are left out unless ``skipna=False``, and integers of nullable dtypes stay exact.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import numpy as np

import mypackage
from mypackage._core import columns, labelled_moments, labels, timedelta, units
from mypackage._core.axes import normalised
from mypackage._core.columns import Column
from mypackage._core.groups import labels_of, size_of
from mypackage._core.input_types import front, is_dask, label_kind
from mypackage._core.inputs import array_of, named, wanted, without_labels
from mypackage._core.labelled_moments import moment
from mypackage._core.objects import kind_of
from mypackage._core.reductions import GROUPED, GROUPED_MOMENTS, REDUCTIONS, Reduction
from mypackage._core.states import result_dtype
from mypackage._docstrings import like
from mypackage._extras import require
from mypackage._pandas_rolling import T_Pandas, Windows, expanding, named_column, rolling

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    Axis: TypeAlias = Literal[0, 1, "index", "columns"]

pd = require("pandas")

__all__ = [
    "Windows",
    "cumsum",
    "expanding",
    "group_mean",
    "group_std",
    "group_sum",
    "group_var",
    "mean",
    "norm",
    "rolling",
    "std",
    "sum",
    "var",
]


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
        return result.where(a.count(axis=1 if axis in (1, -1, "columns") else 0) >= min_count)
    count = a.count()
    if int(np.sum(count)) >= min_count:
        return result
    nullable = isinstance(a, pd.Series) and not isinstance(a.dtype, np.dtype)
    return pd.NA if nullable else np.float64(np.nan)


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


@overload
def var(
    a: DataFrame, axis: Axis = 0, *, skipna: bool = True, ddof: Any = 0, dtype: Any = None
) -> Series: ...
@overload
def var(a: Any, axis: Any = 0, *, skipna: bool = True, ddof: Any = 0, dtype: Any = None) -> Any: ...
def var(a: Any, axis: Any = 0, *, skipna: bool = True, ddof: Any = 0, dtype: Any = None) -> Any:
    """Exact variance of a Series or of the columns or rows of a DataFrame, rounded once.

    Parameters
    ----------
    a : pandas.Series or pandas.DataFrame
        Of numbers or bools, of NumPy's, pandas' nullable or Arrow's dtypes.
    axis : {0, 1, None}, optional
        0 takes each column, 1 each row, None everything. A Series has the axis 0 only.
    skipna : bool, optional
        Leave missing values out; otherwise a variance with a missing value is missing.
    ddof : real number, optional
        Delta degrees of freedom: the divisor is the number of elements minus `ddof`. 0 by default,
        as in NumPy; the default of pandas' own methods is 1.
    dtype : dtype, optional
        What the exact variances are rounded to.

    Returns
    -------
    scalar or pandas.Series
        NaN where there are no more than `ddof` numbers.

    Raises
    ------
    TypeError
        If a column has no numbers; the message names it.
    ValueError
        If there is no such axis.

    See Also
    --------
    std, mypackage.var, pandas.DataFrame.var

    Examples
    --------
    >>> import pandas, mypackage.pandas
    >>> table = pandas.DataFrame({"x": [1e9, 1e9 + 1, None], "n": [1, 2, 3]})
    >>> mypackage.pandas.var(table, ddof=1).to_dict()
    {'x': 0.5, 'n': 1.0}
    """
    return moment("var", a, axis, skipna=skipna, ddof=ddof, dtype=dtype)


@overload
def std(
    a: DataFrame, axis: Axis = 0, *, skipna: bool = True, ddof: Any = 0, dtype: Any = None
) -> Series: ...
@overload
def std(a: Any, axis: Any = 0, *, skipna: bool = True, ddof: Any = 0, dtype: Any = None) -> Any: ...
@like(var, variance="deviation", variances="deviations")
def std(a: Any, axis: Any = 0, *, skipna: bool = True, ddof: Any = 0, dtype: Any = None) -> Any:
    """Exact standard deviation of a Series or of a DataFrame's columns or rows, rounded once.

    The root of the exact variance, not of a rounded one.

    See Also
    --------
    var, mypackage.std, pandas.DataFrame.std

    Examples
    --------
    >>> import pandas, mypackage.pandas
    >>> float(mypackage.pandas.std(pandas.Series([0.1] * 10)))
    0.0
    """
    return moment("std", a, axis, skipna=skipna, ddof=ddof, dtype=dtype)


@overload
def norm(a: DataFrame, axis: Axis = 0, *, skipna: bool = True, dtype: Any = None) -> Series: ...
@overload
def norm(a: Any, axis: Any = 0, *, skipna: bool = True, dtype: Any = None) -> Any: ...
@like(var, variance="norm", variances="norms")
def norm(a: Any, axis: Any = 0, *, skipna: bool = True, dtype: Any = None) -> Any:
    """Exact Euclidean norm of a Series or of a DataFrame's columns or rows, rounded once.

    The root of the exact sum of squares; missing values count as 0.

    Returns
    -------
    scalar or pandas.Series
        A Series for the columns or rows of a DataFrame.

    See Also
    --------
    mypackage.norm, mypackage.sum_of_squares

    Examples
    --------
    >>> import pandas, mypackage.pandas
    >>> float(mypackage.pandas.norm(pandas.Series([3, None, 4], dtype="Int64")))
    5.0
    """
    return moment("norm", a, axis, skipna=skipna, ddof=0, dtype=dtype)


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
        return labelled_moments.reduce(reduction, a, axis=axis, dtype=dtype, where=where, **others)
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
    if not isinstance(a, pd.DataFrame):
        (column,) = columns_of(a, name, where)
        if axis in ("index", "rows"):
            axis = 0
        elif isinstance(axis, str) or axis not in (None, 0, -1, (0,), (-1,)):
            raise ValueError(f"{name}: a Series has no axis {axis!r}")
        result = _own_scalar(columns.of_column(reduction, column, skipna, dtype), _zone(name, a))
        return _or_missing(result, a, skipna)
    axes = _axes(name, axis)
    table = columns_of(a, name, where)
    # (Integers beside NaN would be rounded.)
    plain = dtype is not None and np.dtype(dtype).kind not in "biu"
    nullable = [] if plain else _nullable(a)
    if axes == {0, 1}:
        result, missing = columns.over(reduction, table, (), skipna, dtype)
        if nullable and missing:
            return pd.NA
        return _own_scalar(columns.with_nan(result, missing)[()], _zone(name, a))
    if axes == {1}:
        values, missing = columns.over(reduction, table, a.index.shape, skipna, dtype)
        own = _in_own_dtype(values, missing, nullable)
        if own is None:
            own = columns.with_nan(values, missing)
        return _in_zone(pd.Series(own, index=a.index), _zone(name, a))
    if not axes:
        raise ValueError(f"{name}: axis=() reduces nothing")
    if nullable and all(column.values.dtype.kind in "biuf" for column in table):
        return _of_nullable(reduction, a, table, skipna, dtype, nullable)
    results, common = columns.of_columns(reduction, table, skipna, dtype)
    results = [
        _own_scalar(value, _zone(name, column))
        for (_, column), value in zip(a.items(), results, strict=True)
    ]
    kind: Any = object if common is None else common
    if common is not None and common.kind == "M":
        # (Of missing dates pandas does not know the time zone.)
        gone = all(value is pd.NaT for value in results)
        kind = a.dtypes.iloc[0] if gone and a.dtypes.nunique() == 1 else None
    return pd.Series(results, index=a.columns, dtype=kind)


def _nullable(a: DataFrame) -> list[Any]:
    """The dtypes of the columns that have `pandas.NA`."""
    return [dtype for dtype in a.dtypes if getattr(dtype, "na_value", None) is pd.NA]


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
    missing = np.array(
        [_or_missing(value, column, skipna) is pd.NA for value, (_, column) in pairs]
    )
    kinds = [result_dtype(reduction, column.values.dtype, dtype) for column in table]
    common = np.result_type(*kinds)
    results = np.zeros(len(values), common)
    for at, (column, value) in enumerate(zip(table, values, strict=True)):
        if not missing[at]:
            columns.check_fit(reduction, column, value, common)
            results[at] = value
    own = _in_own_dtype(results, missing, nullable)
    return pd.Series(columns.with_nan(results, missing) if own is None else own, index=a.columns)


def _in_own_dtype(values: np.ndarray, missing: Any, nullable: list[Any]) -> Any:
    """Results in the nullable dtype that pandas' own methods give; None if there is none."""
    if not nullable or values.dtype.kind not in "biuf":
        return None
    missing = np.broadcast_to(missing, values.shape).copy()
    if all(isinstance(dtype, pd.ArrowDtype) for dtype in nullable):
        # (NaN stays NaN.)
        return pd.arrays.ArrowExtensionArray(require("pyarrow").array(values, mask=missing))
    name = values.dtype.name.replace("uint", "UInt").replace("int", "Int")
    try:
        empty = pd.array([], dtype=name.replace("float", "Float").replace("bool", "boolean"))
    except TypeError:
        return None
    return type(empty)(values, missing)


def _axes(name: str, axis: Any) -> set[int]:
    """The axes of a DataFrame as a set of numbers."""
    names = {"index": 0, "rows": 0, "columns": 1}
    if isinstance(axis, str):
        if axis not in names:
            raise ValueError(f"{name}: a DataFrame has no axis {axis!r}")
        return {names[axis]}
    return set(normalised(name, axis, 2))


def _own_scalar(value: Any, zone: Any) -> Any:
    """A time as pandas' own scalar, in a time zone if that is not None."""
    if isinstance(value, np.timedelta64):
        return pd.Timedelta(value)
    if isinstance(value, np.datetime64):
        # The value is in UTC; the zone changes how it is shown.
        time = pd.Timestamp(value)
        return time if zone is None or time is pd.NaT else time.tz_localize("UTC").tz_convert(zone)
    return value


def _or_missing(value: Any, a: Any, skipna: bool) -> Any:
    """`pandas.NA` in place of a NaN that stands for missing values, for a dtype that has it."""
    is_nan = isinstance(value, np.floating) and np.isnan(value)
    if not is_nan or getattr(a.dtype, "na_value", None) is not pd.NA:
        return value
    # (An Index or an extension array counts as a Series without labels.)
    values, missing = _numbers("sum", a if isinstance(a, pd.Series) else pd.Series(a))
    # Without infinities and NaNs nothing else gives NaN.
    is_missing = (not skipna and missing.any()) or np.isfinite(values[~missing]).all()
    return pd.NA if is_missing else value


def _in_zone(times: Any, zone: Any) -> Any:
    """A Series, with its UTC times converted to a time zone if that is not None."""
    if zone is None or times.dtype.kind != "M":
        return times
    return times.dt.tz_localize("UTC").dt.tz_convert(zone)


def _zone(name: str, a: Any) -> Any:
    """The time zone of dates, or the common one of a DataFrame's columns; None if there is none."""
    if isinstance(a, pd.DataFrame):
        zones = [_zone(name, column) for _, column in a.items()]
        for zone in zones:
            if str(zone) != str(zones[0]):
                raise TypeError(
                    f"{name}: the columns are of the time zones {zones[0]} and {zone}; convert "
                    "them to one, with dt.tz_convert, or choose axis=0"
                )
        return zones[0] if zones else None
    arrow = getattr(a.dtype, "pyarrow_dtype", None)
    return getattr(a.dtype if arrow is None else arrow, "tz", None)


def columns_of(a: Any, name: str, where: Any = True) -> list[Column]:
    """The columns of a Series, an Index, an extension array or a DataFrame, without rounding.

    Elements that `where` excludes count as missing.
    """
    if isinstance(a, pd.DataFrame):
        wanted = _wanted(name, a, where)
        return [
            Column(label, values, missing if wanted is None else missing | ~wanted[:, at])
            for at, (label, column) in enumerate(a.items())
            for values, missing in (_numbers(name, column),)
        ]
    if isinstance(a, pd.MultiIndex):
        raise TypeError(f"{name}: a MultiIndex has several levels; give its get_level_values(0)")
    values, missing = _numbers(name, a if isinstance(a, pd.Series) else pd.Series(a))
    wanted = _wanted(name, a, where)
    label = getattr(a, "name", None)
    return [Column(label, values, missing if wanted is None else missing | ~wanted)]


def _wanted(name: str, a: Any, where: Any) -> Any:
    if where is True:
        return None
    # This refuses missing values too.
    chosen = wanted(where)
    if label_kind(where) in ("pandas", "xarray"):
        chosen = np.asarray(labels.aligned(name, "where", where, a), bool)
    return np.broadcast_to(chosen, a.shape)


def _numbers(name: str, column: Any) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of a column and a mask of the missing ones."""
    dtype = column.dtype
    missing = column.isna().to_numpy(bool)
    if isinstance(dtype, pd.SparseDtype):
        column, dtype = column.sparse.to_dense(), dtype.subtype
    if isinstance(dtype, np.dtype):
        if dtype.kind in "biufcmM":
            return column.to_numpy(), missing
        if dtype.kind == "O":
            # The elements decide; missing ones are skipped.
            values = np.where(missing, 0, column.to_numpy())
            _check_objects(name, column, values)
            return values, missing
    elif getattr(dtype, "pyarrow_dtype", None) is not None:
        arrow = str(dtype.pyarrow_dtype)
        if arrow.startswith("decimal"):
            return np.where(missing, 0, column.to_numpy(object)), missing
        if arrow.startswith(("duration", "timestamp", "date")):
            return front("arrow").values_of(column.array.__arrow_array__(), name)[0], missing
    if isinstance(dtype, pd.DatetimeTZDtype):
        return column.dt.tz_convert(None).to_numpy(), missing
    kind = getattr(dtype, "numpy_dtype", None)
    if kind is None or kind.kind not in "biufc":
        raise TypeError(
            f"{name}: {named_column(column)} of dtype {dtype} has no exact sum; choose columns of "
            "numbers, with select_dtypes('number') say, or make it one, with astype(float) say"
        )
    # Not by way of float64, which would round large integers.
    return column.to_numpy(kind, na_value=kind.type(0)), missing


def _check_objects(name: str, column: Any, values: np.ndarray) -> None:
    """Refuse objects without an exact sum, text before pandas 3 say, by the column's name."""
    for kind in set(map(type, values.tolist())):
        try:
            kind_of(name, kind)
        except TypeError as error:
            what = str(error).removeprefix(f"{name}: ")
            raise TypeError(
                f"{name}: {named_column(column)} of dtype object: {what}; or choose columns of "
                "numbers, with select_dtypes('number') say"
            ) from None


def cumsum(a: T_Pandas, axis: Any = 0, *, dtype: Any = None) -> T_Pandas:
    """Exact cumulative sums of a Series or of the columns of a DataFrame, each rounded once.

    As in pandas, a missing value stays missing, and the sums after it skip it.

    Parameters
    ----------
    a : pandas.Series or pandas.DataFrame
        Of numbers or bools, of NumPy's, pandas' nullable or Arrow's dtypes.
    axis : 0 or None, optional
        Only down the columns, since the values of a row may differ in dtype.
    dtype : dtype, optional
        What the exact cumulative sums are rounded to.

    Returns
    -------
    pandas.Series or pandas.DataFrame
        Indexed as `a`. Integers beside missing values are of a nullable dtype.

    Raises
    ------
    TypeError
        If a column has no numbers; the message names it.
    ValueError
        If `axis` is another one.

    See Also
    --------
    mypackage.cumsum, pandas.DataFrame.cumsum

    Examples
    --------
    >>> import pandas, mypackage.pandas
    >>> mypackage.pandas.cumsum(pandas.Series([1e16, 1.0, None, -1e16])).tolist()
    [1e+16, 1e+16, nan, 1.0]
    """
    columnwise = axis in (0, None, "index", "rows")
    if not columnwise and (axis != -1 or isinstance(a, pd.DataFrame)):
        raise ValueError(f"cumsum: axis must be 0, not {axis!r}; for rows, give a.T or to_numpy()")
    return _prefixes("cumsum", a, partial(mypackage.cumsum, dtype=dtype))


def _prefixes(name: str, a: Any, function: Callable[[np.ndarray], Any]) -> Any:
    """What a function that is given plain values makes of each column; missing ones stay so."""
    if not isinstance(a, (pd.Series, pd.DataFrame)):
        prefixes = _prefixes(name, pd.Series(a), function)
        if isinstance(a, pd.Index):
            return pd.Index(prefixes, name=a.name)
        nullable = not isinstance(a, pd.arrays.NumpyExtensionArray)
        if nullable and isinstance(prefixes.dtype, np.dtype) and prefixes.dtype.kind in "iuf":
            return pd.array(prefixes.to_numpy())
        return prefixes.array
    if isinstance(a, pd.DataFrame):
        return _each(partial(_prefixes, name, function=function), a, a.index)
    values, missing = _numbers(name, a)
    zero = np.zeros((), values.dtype)
    prefixes = function(np.where(missing, zero, values))
    if missing.any():
        if prefixes.dtype.kind in "iu":
            prefixes = pd.arrays.IntegerArray(prefixes, missing)
        elif prefixes.dtype.kind == "m":
            prefixes[missing] = np.timedelta64("NaT")
        else:
            prefixes[missing] = np.nan
    return pd.Series(prefixes, index=a.index, name=a.name)


def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, keepdims: bool = False
) -> Any:
    """`mypackage.average` for a pandas object.

    Missing elements are left out with their weights, which must not be missing themselves. Weights
    with labels are matched by label, plain arrays by position.
    """
    name = "average"
    if keepdims:
        raise TypeError(f"{name}: a pandas object takes no keepdims=; give its to_numpy()")
    table = columns_of(a, name)
    frame = isinstance(a, pd.DataFrame)
    axes = _axes(name, axis) if frame else set(normalised(name, axis, 1))
    times = any(column.values.dtype.kind in "mM" for column in table)
    if frame and times and axes == {0}:
        return _averages_of_columns(a, weights, returned)
    zone = None
    if times:
        columns.one_kind_of_time(name, table)
        zone = _zone(name, a)
    values = columns.table(table) if frame else table[0].values
    missing = np.array([c.missing for c in table], bool).T if frame else table[0].missing
    plain = None
    if weights is not None:
        plain = _weights(name, a, weights, axes)
    result, total = mypackage.average(
        np.ma.array(values, mask=missing.reshape(values.shape)),
        tuple(sorted(axes)),
        plain,
        returned=True,
    )
    if frame and values.dtype.kind == "O" and all(column.has_kernel for column in table):
        # The common dtype of the columns' results.
        result, total = (np.ma.asarray(part).astype(np.float64) for part in (result, total))
    index = a.columns if axes == {0} and frame else a.index if axes == {1} else None
    parts = [_unmasked(part, index, zone) for part in (result, total)]
    return tuple(parts) if returned else parts[0]


def _averages_of_columns(a: Any, weights: Any, returned: bool) -> Any:
    """The averages of columns of which some hold times, each with its own type."""
    name = "average"
    if isinstance(weights, pd.Series):
        weights = labels.reordered(name, "weights", weights, a.index)
    elif isinstance(weights, pd.DataFrame):
        weights = labels.reordered(name, "weights", weights, a.index)
        columns_ = list(labels.reordered(name, "weights", weights.T, a.columns).index)
        weights = weights[columns_]
    pairs = []
    for at, (_, column) in enumerate(a.items()):
        own = weights.iloc[:, at] if isinstance(weights, pd.DataFrame) else weights
        own = own[:, at] if isinstance(own, np.ndarray) and own.ndim == 2 else own
        pairs.append(average(column, 0, own, True))
    means, sums = (pd.Series(list(part), index=a.columns) for part in zip(*pairs, strict=True))
    return (means, sums) if returned else means


def _weights(name: str, a: Any, weights: Any, axes: set[int]) -> np.ndarray:
    """The weights in the order of the labels of `a`, with its shape or that of one axis."""
    labels.refuse_others(name, "weights", weights)
    frame = isinstance(a, pd.DataFrame)
    if isinstance(weights, pd.Series) and frame:
        along = a.index if axes == {0} else a.columns if axes == {1} else None
        if along is None:
            raise TypeError(f"{name}: weights of one axis need axis=, 0 or 1")
        weights = labels.reordered(name, "weights", weights, along)
    elif isinstance(weights, (pd.Series, pd.DataFrame)) and isinstance(
        a, (pd.Series, pd.DataFrame)
    ):
        if weights.ndim != a.ndim:
            raise TypeError(f"{name}: the weights have {weights.ndim} axes, the elements {a.ndim}")
        weights = labels.reordered(name, "weights", weights, a.index)
        if frame:
            weights = weights[list(labels.reordered(name, "weights", weights.T, a.columns).index)]
    return plain_weights(name, weights)


def plain_weights(name: str, weights: Any) -> np.ndarray:
    """The weights as a plain array; they must not be missing."""
    if label_kind(weights) == "pandas":
        table = columns_of(weights, name)
        if any(column.missing.any() for column in table):
            raise ValueError(f"{name}: weights must not be missing; fill them, with 0 say")
        return columns.table(table) if isinstance(weights, pd.DataFrame) else table[0].values
    if is_dask(weights):
        raise TypeError(f"{name}: weights that are a dask array are lazy; give their compute()")
    units.check(name, weights, False)
    plain = np.asarray(units.plain(weights))
    if np.ma.is_masked(weights) or (plain.dtype.kind in "fc" and np.isnan(plain).any()):
        raise ValueError(f"{name}: weights must not be missing; fill them, with 0 say")
    return plain


def _unmasked(result: Any, index: Any, zone: Any) -> Any:
    """A result with NaN in place of masked values; a Series if there are several."""
    mask = np.ma.getmaskarray(result)
    if mask.any():
        zero = np.ma.getdata(result)
        result = np.where(mask, columns.missing_of(zero.dtype), zero)[()]
    else:
        result = np.ma.getdata(result)[()]
    if index is None:
        return _own_scalar(result, zone)
    return _in_zone(pd.Series(result, index=index), zone)


def vecdot(x1: Any, x2: Any, axis: int) -> Any:
    """`mypackage.vecdot` for Series: pairs by label, or by position with plain arrays.

    Pairs with a missing element are left out.
    """
    normalised("vecdot", axis, 1)
    return mypackage.vecdot(*pairs("vecdot", x1, x2))


def pairs(name: str, x1: Any, x2: Any) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of two vectors that belong together, without those of which one is missing."""
    for x in (x1, x2):
        if isinstance(x, pd.DataFrame) or label_kind(x) == "xarray":
            without_labels(name, x)
    indices = [getattr(x, "index", None) for x in (x1, x2) if label_kind(x) == "pandas"]
    if len(indices) == 2 and all(index is not None for index in indices):
        x2 = labels.reordered(name, "x2", x2, x1.index)
    parts = [_pair_of(name, x) for x in (x1, x2)]
    shapes = [values.shape for values, _ in parts]
    if shapes[0] != shapes[1]:
        raise ValueError(f"{name}: the vectors are of the shapes {shapes[0]} and {shapes[1]}")
    kept = ~(parts[0][1] | parts[1][1])
    return parts[0][0][kept], parts[1][0][kept]


def _pair_of(name: str, x: Any) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of a vector, and a mask of the missing ones."""
    if label_kind(x) == "pandas":
        (column,) = columns_of(x, name)
        return column.values, column.missing.reshape(column.values.shape)
    array, _ = array_of(name, x)
    return np.asarray(np.ma.getdata(array)), np.ma.getmaskarray(array)


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
    axes = _axes(name, axis) if frame else set(normalised(name, axis, 1))
    codes = _codes(name, group_idx, a, axes)
    function = getattr(mypackage, name)
    if others.get("weights") is not None:
        others["weights"] = _weights(name, a, others["weights"], axes)
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
        if _zone(name, a) is not None and name != "group_count":
            timedelta.check(name, table[0].values.dtype, "mean" if "mean" in name else name)
            raise TypeError(
                f"{name}: the results of plain labels are an array, which has no time zone; use "
                f"mypackage.pandas.{name}, or give its dt.tz_convert(None)"
            )
        return of(table[0].values, table[0].missing.reshape(table[0].values.shape), 0)
    if axes == {1}:
        columns.one_kind_of_time(name, table)
        zone, missing = _zone(name, a), np.array([column.missing for column in table], bool).T
        results = pd.DataFrame(of(columns.table(table), missing, 1), index=a.index)
        return results.apply(_in_zone, zone=zone) if zone is not None else results
    parts = [
        _in_zone(pd.Series(of(column.values, column.missing, 0)), _zone(name, given))
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
    axes = _axes(name, axis) if isinstance(a, pd.DataFrame) else set(normalised(name, axis, 1))
    if axes != {0}:
        raise ValueError(f"{name}: axis must be 0, not {axis!r}; for rows, give to_numpy()")
    codes = _codes(name, group_idx, a, axes)
    options = {"size": size, "fill_value": fill_value, "dtype": dtype}
    return _prefixes(name, a, lambda values: mypackage.group_cumsum(codes, values, **options))


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
        Indexed by the groups, sorted.

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

    NaN for a group of missing elements only.

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

    NaN for groups of no more than `ddof` numbers.

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
        values, missing = _numbers(name, column)
        present = np.where(missing, -1, codes)
        fill = None if values.dtype.kind in "mM" else reduction.empty
        numbers = getattr(mypackage, name)(
            present, values, size=len(index), fill_value=fill, dtype=dtype, **options
        )
        return _in_zone(pd.Series(numbers, index=index, name=column.name), _zone(name, column))

    return (
        column_of(a) if isinstance(a, pd.Series) else _each(column_of, a.drop(columns=keys), index)
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


def _each(function: Any, table: Any, index: Any) -> Any:
    """Apply a function to each column of a table, whose column names may repeat."""
    columns = [function(column) for _, column in table.items()]
    result = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=index)
    return result.set_axis(table.columns, axis=1)
