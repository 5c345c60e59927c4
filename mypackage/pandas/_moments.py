"""Variances, standard deviations and norms of pandas objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

import numpy as np

import mypackage
from mypackage._core import moments
from mypackage._core.axes import normalised
from mypackage._core.columns import with_nan
from mypackage._core.exact_moments import ExactMoments, rounded
from mypackage._core.inputs import named
from mypackage._core.reductions import Reduction
from mypackage._docstrings import like
from mypackage._extras import require
from mypackage.pandas._columns import check, numbers_of
from mypackage.pandas._results import (
    in_own_dtype,
    nullable_dtypes,
    or_missing,
    own_scalar,
    series_of,
)

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from mypackage.pandas._columns import Axis

pd = require("pandas")


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


def reduce_moments(
    reduction: Reduction,
    a: Any,
    *,
    axis: Any = None,
    dtype: Any = None,
    ddof: Any = 0,
    correction: Any = np._NoValue,
    where: Any = True,
    **others: Any,
) -> Any:
    """`mypackage.var` and its kin for a pandas object."""
    defaults = {"out": None, "keepdims": False, "weights": None, "ord": 2}
    for key, value in others.items():
        absent = value is None or value is np._NoValue
        if not absent and (np.ndim(value) or value != defaults.get(key)):
            raise TypeError(
                f"{reduction.name}: a pandas object takes no {key}=; give its to_numpy()"
            )
    if where is not True:
        raise TypeError(f"{reduction.name}: a pandas object takes no where=; choose its rows")
    ddof = moments.one_ddof(reduction.name, ddof, correction)
    if isinstance(axis, tuple):
        axes = normalised(reduction.name, axis, a.ndim)
        axis = None if len(axes) == a.ndim else axes[0] if axes else axis
    with named(reduction.name, reduction.finish):
        return moment(reduction.finish, a, axis, skipna=True, ddof=ddof, dtype=dtype)


def moment(name: str, a: Any, axis: Any, *, skipna: bool, ddof: Any, dtype: Any) -> Any:
    """The moment of a Series or of the columns or rows of a DataFrame."""
    check(name, a)
    moments.exact_ddof(name, ddof)
    if not isinstance(a, pd.DataFrame):
        if axis not in (0, None, "index", "rows", -1):
            raise ValueError(f"{name}: a Series has no axis {axis!r}")
        # An Index or an extension array counts as a Series without labels.
        a = a if isinstance(a, pd.Series) else pd.Series(a)
        result = with_nan(*_of(name, [numbers_of(name, a)], (), skipna, ddof, dtype))[()]
        return or_missing(own_scalar(result, None), a, skipna)
    columns = [numbers_of(name, column) for _, column in a.items()]
    nullable = nullable_dtypes(a) if dtype is None else []
    if axis is None:
        result, missing = _of(name, columns, (), skipna, ddof, dtype)
        return pd.NA if nullable and missing else with_nan(result, missing)[()]
    if axis in (0, "index", "rows", -2):
        results = [_of(name, [column], (), skipna, ddof, dtype) for column in columns]
        if nullable:
            values, gone = map(np.array, zip(*results, strict=True))
            own = in_own_dtype(values, gone, nullable)
            if own is not None:
                return series_of(a, own, a.columns)
        scalars = [own_scalar(with_nan(*result)[()], None) for result in results]
        # (Of missing times alone pandas would make dates.)
        kinds = {value.dtype for value, _ in results}
        kind = np.result_type(*kinds) if all(one.kind == "m" for one in kinds) and kinds else None
        return series_of(a, scalars, a.columns, kind if columns else np.float64)
    if axis in (1, "columns", -1):
        result, missing = _of(name, columns, a.index.shape, skipna, ddof, dtype)
        own = in_own_dtype(result, missing, nullable)
        return series_of(a, with_nan(result, missing) if own is None else own, a.index)
    raise ValueError(f"{name}: a DataFrame has no axis {axis!r}")


def _of(
    name: str,
    columns: list[tuple[np.ndarray, np.ndarray]],
    shape: tuple[int, ...],
    skipna: bool,
    ddof: Any,
    dtype: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """The moment of columns: of all elements, or, if a shape is given, of each row.

    With a mask of the results that are missing.
    """
    if name == "std" and not shape and len(columns) == 1 and columns[0][0].dtype.kind in "mM":
        values, missing = columns[0]
        count = len(missing) - np.count_nonzero(missing)
        if count == 0 or count <= ddof or (count < len(missing) and not skipna):
            # As in pandas, without a warning.
            unit = np.datetime_data(values.dtype)[0]
            return np.array("NaT", f"m8[{unit}]"), np.zeros((), bool)
        function = mypackage.nanstd if skipna else mypackage.std
        result = function(values, dtype=dtype, ddof=ddof, where=~missing if skipna else True)
        return np.asarray(result), np.zeros((), bool)
    state, poisoned = ExactMoments(shape), np.zeros(shape, bool)
    for values, missing in columns:
        if values.dtype.kind in "OmM":
            way = "dropna()" if values.dtype.kind != "M" else "dropna().astype('int64')"
            raise TypeError(
                f"{name}: there is no exact result for dtype {values.dtype} in a pandas object; "
                f"give its {way}.to_numpy()"
            )
        state.add(values, () if shape else (0,), ~missing)
        poisoned |= missing if shape else missing.any()
    kinds = [values.dtype for values, _ in columns] or [np.dtype(np.float64)]
    target = _result_dtype(name, np.result_type(*kinds), dtype)
    with np.errstate(invalid="ignore"):
        value = np.asarray(rounded(name, *state._content(), ddof, target)[0])
    # As in pandas, too few numbers give NaN without a warning.
    lacking = np.zeros(shape, bool)
    if name != "norm":
        lacking = np.less_equal(state.count, ddof) | np.equal(state.count, 0)
    return value, lacking | (poisoned & (not skipna))


def _result_dtype(name: str, source: np.dtype[Any], dtype: Any) -> Any:
    """The dtype of the moment for elements of a dtype."""
    if name == "norm":
        return np.dtype(dtype) if dtype is not None else mypackage.norm(np.ones(1, source)).dtype
    function: Callable[..., Any] = getattr(mypackage, name)
    return function(np.ones(1, source), dtype=dtype).dtype
