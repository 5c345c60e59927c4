"""Moving windows of pandas objects: pandas finds the windows, and each result is exact."""

from __future__ import annotations

from typing import Any, Generic, overload

import numpy as np

from mypackage._core.windows import masked_integers, move_numbers
from mypackage._docstrings import like
from mypackage._extras import require
from mypackage.pandas._columns import T_Pandas, named_column, numbers_of

pd = require("pandas")


_F64 = np.dtype(np.float64)


class Windows(Generic[T_Pandas]):
    """Windows of a pandas object, and their statistics; what `rolling` and `expanding` return.

    Methods
    -------
    sum
    mean
    var
    std
    count

    See Also
    --------
    rolling, expanding

    Examples
    --------
    >>> import pandas, mypackage.pandas
    >>> windows = mypackage.pandas.rolling(pandas.Series([1e16, 0.1, 0.1]), 2)
    >>> windows.mean().tolist()[2:]
    [0.1]
    """

    def __init__(self, name: str, windows: Any, numbers: Any) -> None:
        if getattr(windows, "method", "single") != "single":
            raise TypeError(
                f"{name}: method='table' is not supported; each column is computed by itself"
            )
        self._name, self._windows, self._numbers = name, windows, numbers

    def __repr__(self) -> str:
        return f"mypackage.pandas.{self._name}: {self._windows!r}"

    def sum(self) -> T_Pandas:
        """Exact sums, each rounded once; infinities count as numbers.

        Returns
        -------
        pandas.Series or pandas.DataFrame
            Of float64, indexed as pandas' own result is.

        See Also
        --------
        mean, mypackage.move_sum

        Examples
        --------
        >>> import pandas, mypackage.pandas
        >>> a = pandas.Series([1.0, 2.0, 4.0, 8.0])
        >>> mypackage.pandas.rolling(a, 2).sum().tolist()
        [nan, 3.0, 6.0, 12.0]
        """
        return self._statistic("move_sum", None)

    @like(sum)
    def mean(self) -> T_Pandas:
        """Exact means, each rounded once.

        See Also
        --------
        sum, mypackage.move_mean

        Examples
        --------
        >>> import pandas, mypackage.pandas
        >>> a = pandas.Series([1.0, 2.0, 4.0, 8.0])
        >>> mypackage.pandas.rolling(a, 2).mean().tolist()
        [nan, 1.5, 3.0, 6.0]
        """
        return self._statistic("move_mean", None)

    @like(sum)
    def var(self, ddof: int = 1) -> T_Pandas:
        """Exact variances, each rounded once: never negative, and 0 where all are equal.

        Parameters
        ----------
        ddof : int, optional
            Delta degrees of freedom: the divisor is the number of elements minus `ddof`. 1 by
            default, as in pandas.

        See Also
        --------
        std, mypackage.move_var

        Examples
        --------
        >>> import pandas, mypackage.pandas
        >>> a = pandas.Series([1.0, 2.0, 4.0, 8.0])
        >>> mypackage.pandas.rolling(a, 2).var().tolist()
        [nan, 0.5, 2.0, 8.0]
        """
        return self._statistic("move_var", ddof)

    @like(var)
    def std(self, ddof: int = 1) -> T_Pandas:
        """Exact standard deviations, each rounded once.

        See Also
        --------
        var, mypackage.move_std

        Examples
        --------
        >>> import pandas, mypackage.pandas
        >>> a = pandas.Series([1.0, 2.0, 4.0, 8.0])
        >>> mypackage.pandas.rolling(a, 2).std().tolist()
        [nan, 0.7071067811865476, 1.4142135623730951, 2.8284271247461903]
        """
        return self._statistic("move_std", ddof)

    @like(sum)
    def count(self) -> T_Pandas:
        """How many elements of each window are not missing.

        See Also
        --------
        sum

        Examples
        --------
        >>> import pandas, mypackage.pandas
        >>> a = pandas.Series([1.0, 2.0, 4.0, 8.0])
        >>> mypackage.pandas.rolling(a, 2).count().tolist()
        [nan, 2.0, 2.0, 2.0]
        """
        return self._windows.count()

    def _statistic(self, statistic: str, ddof: int | None) -> Any:
        # Every result has the index, the columns and the order of the counts.
        result = self._windows.count()
        source = self._windows.obj
        grouper = getattr(self._windows, "_grouper", None)
        order = None
        if grouper is not None:
            positions = list(grouper.indices.values())
            order = np.concatenate(positions).astype(np.intp) if positions else np.empty(0, np.intp)
        if isinstance(result, pd.Series):
            return self._column(statistic, source, result, order, ddof)
        # With as_index=False, the groups' keys are the first columns; `on` may be an Index.
        keys = len(grouper.names) if grouper is not None and not self._windows._as_index else 0
        on = self._windows.on
        times = () if on is None or isinstance(on, pd.Index) else (on,)
        columns = []
        for place, label in enumerate(result.columns):
            counted = result.iloc[:, place]
            if place < keys or label in times:
                columns.append(counted)
                continue
            column = source[label] if isinstance(source, pd.DataFrame) else source
            if isinstance(column, pd.DataFrame):
                # Several columns share the name: find out which of them this one is.
                before = int(np.sum(result.columns[keys:place] == label))
                column = column.iloc[:, before]
            columns.append(self._column(statistic, column, counted, order, ddof))
        if not columns:
            return result
        return pd.concat(columns, axis=1).set_axis(result.columns, axis=1)

    def _column(
        self, statistic: str, column: Any, counted: Any, order: Any, ddof: int | None
    ) -> Any:
        values, missing = self._numbers(self._name, column)
        if values.dtype.kind == "c":
            raise TypeError(f"{self._name}: {named_column(column)} is complex; give real columns")
        if values.dtype.kind in "OmM":
            way = "astype(float)" if values.dtype.kind == "O" else "astype('int64')"
            raise TypeError(
                f"{self._name}: {named_column(column)} of dtype {column.dtype} has no exact "
                "windows; choose columns of numbers, with select_dtypes('number') say, or give "
                f"its {way}"
            )
        if order is not None:
            values, missing = values[order], missing[order]
        if not len(values):
            # As in pandas, which does not ask for the bounds of no windows.
            return counted._constructor([], index=counted.index, name=counted.name, dtype=_F64)
        windows = self._windows
        indexer = windows._get_window_indexer()
        least = windows.min_periods
        if least is None:
            least = indexer.window_size
        bounds = indexer.get_window_bounds(
            num_values=len(values),
            min_periods=least,
            center=windows.center,
            closed=windows.closed,
            step=getattr(windows, "step", None),
        )
        start, end = (np.asarray(side, np.int64) for side in bounds)
        arguments = (None, least, 0, ddof, start, end)
        if missing.any() and values.dtype.kind in "biu":
            numbers = masked_integers(statistic, values, missing, arguments, dtype=_F64)
        else:
            if missing.any():
                values = np.where(missing, values.dtype.type(np.nan), values)
            numbers = move_numbers(statistic, values, arguments, _F64)
        return counted._constructor(numbers, index=counted.index, name=counted.name)


@overload
def rolling(
    obj: T_Pandas,
    window: Any,
    min_periods: int | None = None,
    center: bool = False,
    win_type: str | None = None,
    on: Any = None,
    closed: str | None = None,
    step: int | None = None,
    method: str = "single",
) -> Windows[T_Pandas]: ...


@overload
def rolling(  # type: ignore[overload-cannot-match, unused-ignore]  # without pandas' stubs
    obj: Any,
    window: Any,
    min_periods: int | None = None,
    center: bool = False,
    win_type: str | None = None,
    on: Any = None,
    closed: str | None = None,
    step: int | None = None,
    method: str = "single",
) -> Windows[Any]: ...


def rolling(
    obj: Any,
    window: Any,
    min_periods: int | None = None,
    center: bool = False,
    win_type: str | None = None,
    on: Any = None,
    closed: str | None = None,
    step: int | None = None,
    method: str = "single",
) -> Windows[Any]:
    """Moving windows whose statistics are exact, each rounded once.

    Parameters
    ----------
    obj : pandas.Series, pandas.DataFrame or a GroupBy of either
        Of numbers or bools, of NumPy's, pandas' nullable or Arrow's dtypes.
    window : int, timedelta, str, offset or indexer
        The number of rows in each window, the time that it spans, or one of pandas' indexers.
    min_periods : int, optional
        Windows with fewer numbers have no result; by default `window`, or 1 if that is a time.
        With 0, the sum of a window without numbers is 0.0.
    center : bool, optional
        Put each result at the middle of its window instead of the end.
    win_type : None
        Weighted windows are not supported.
    on : label or pandas.Index, optional
        The column of times that defines the windows, or these times, instead of the index.
    closed : {'right', 'left', 'both', 'neither'}, optional
        Which endpoints of a window are included.
    step : int, optional
        Give a result only for every `step`-th row.
    method : {'single'}
        As pandas' default.

    Returns
    -------
    Windows
        With the methods ``sum()``, ``mean()``, ``var(ddof=1)``, ``std(ddof=1)`` and ``count()``.
        Each returns what the method of pandas returns, as float64: exact results, also those of
        integers, are rounded to it directly.

    Raises
    ------
    TypeError
        If `win_type` or another `method` is given, or a column has no real numbers.
    ValueError
        For arguments that pandas refuses.

    See Also
    --------
    expanding, mypackage.move_sum, pandas.DataFrame.rolling

    Notes
    -----
    An infinity counts as a number: its windows have infinite sums and means. pandas treats it as
    missing.

    Examples
    --------
    >>> import pandas, mypackage.pandas
    >>> a = pandas.Series([1e16, 0.1, 0.1, 0.1, 0.1])
    >>> mypackage.pandas.rolling(a, 3).mean().tolist()[3:]
    [0.1, 0.1]
    >>> mypackage.pandas.rolling(a, 3).std().tolist()[3:]
    [0.0, 0.0]
    """
    if win_type is not None:
        raise TypeError(f"rolling: win_type={win_type!r} is not supported: windows have no weights")
    arguments: dict[str, Any] = {"window": window, "min_periods": min_periods, "center": center}
    arguments |= {"on": on, "closed": closed, "method": method}
    if step is not None:
        arguments["step"] = step
    return Windows("rolling", _method("rolling", obj)(**arguments), numbers_of)


@overload
def expanding(obj: T_Pandas, min_periods: int = 1, method: str = "single") -> Windows[T_Pandas]: ...


@overload
def expanding(  # type: ignore[overload-cannot-match, unused-ignore]
    obj: Any, min_periods: int = 1, method: str = "single"
) -> Windows[Any]: ...


def expanding(obj: Any, min_periods: int = 1, method: str = "single") -> Windows[Any]:
    """Growing windows, from the first row to each row, with exact statistics, each rounded once.

    Parameters
    ----------
    obj : pandas.Series, pandas.DataFrame or a GroupBy of either
        Of numbers or bools, of NumPy's, pandas' nullable or Arrow's dtypes.
    min_periods : int, optional
        Windows with fewer numbers have no result.
    method : {'single'}
        As pandas' default.

    Returns
    -------
    Windows
        With the methods ``sum()``, ``mean()``, ``var(ddof=1)``, ``std(ddof=1)`` and ``count()``.

    Raises
    ------
    TypeError
        If another `method` is given, or a column has no real numbers.

    See Also
    --------
    rolling, cumsum, pandas.DataFrame.expanding

    Examples
    --------
    >>> import pandas, mypackage.pandas
    >>> mypackage.pandas.expanding(pandas.Series([1e16, 1.0, -1e16])).sum().tolist()
    [1e+16, 1e+16, 1.0]
    """
    windows = _method("expanding", obj)(min_periods=min_periods, method=method)
    return Windows("expanding", windows, numbers_of)


def _method(name: str, obj: Any) -> Any:
    """The method of pandas' objects that makes windows."""
    groups = (pd.api.typing.SeriesGroupBy, pd.api.typing.DataFrameGroupBy)
    if not isinstance(obj, (pd.Series, pd.DataFrame, *groups)):
        raise TypeError(
            f"{name}: give a Series, a DataFrame or a GroupBy, not {type(obj).__name__}; "
            "mypackage.move_sum and its kin take arrays"
        )
    return getattr(obj, name)
