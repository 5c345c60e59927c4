"""Cumulative sums of pandas objects."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import mypackage
from mypackage._extras import require
from mypackage.pandas._columns import T_Pandas, check, numbers_of
from mypackage.pandas._results import each_column, in_own_dtype, like_own, nullable_dtypes

pd = require("pandas")


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
        Indexed as `a`. Numbers of nullable dtypes stay of these.

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
    check("cumsum", a)
    columnwise = axis in (0, None, "index", "rows")
    if not columnwise and (axis != -1 or isinstance(a, pd.DataFrame)):
        raise ValueError(f"cumsum: axis must be 0, not {axis!r}; for rows, give a.T or to_numpy()")
    return prefixes_of("cumsum", a, partial(mypackage.cumsum, dtype=dtype))


def prefixes_of(name: str, a: Any, function: Callable[[np.ndarray], Any]) -> Any:
    """What a function that is given plain values makes of each column; missing ones stay so."""
    if not isinstance(a, (pd.Series, pd.DataFrame)):
        prefixes = prefixes_of(name, pd.Series(a), function)
        if isinstance(a, pd.Index):
            return pd.Index(prefixes, name=a.name)
        nullable = not isinstance(a, pd.arrays.NumpyExtensionArray)
        if nullable and isinstance(prefixes.dtype, np.dtype) and prefixes.dtype.kind in "iuf":
            return pd.array(prefixes.to_numpy())
        return prefixes.array
    if isinstance(a, pd.DataFrame):
        return each_column(partial(prefixes_of, name, function=function), a, a.index)
    values, missing = numbers_of(name, a)
    zero = np.zeros((), values.dtype)
    prefixes = function(np.where(missing, zero, values))
    own = in_own_dtype(prefixes, missing, nullable_dtypes(a))
    if own is not None:
        prefixes = own
    elif missing.any():
        if prefixes.dtype.kind == "m":
            prefixes[missing] = np.timedelta64("NaT")
        else:
            prefixes[missing] = np.nan
    return like_own(a, a._constructor(prefixes, index=a.index, name=a.name))
