"""Moving windows along a dimension of xarray objects, with exact results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic

import numpy as np

from mypackage._core.input_types import front, is_dask
from mypackage._core.windows import around
from mypackage._docstrings import like
from mypackage._extras import require
from mypackage.xarray._labels import T_Xarray, check

xr = require("xarray")


class Windows(Generic[T_Xarray]):
    """Windows along a dimension, and their statistics; what `rolling` returns.

    Methods
    -------
    sum
    mean
    var
    std
    count

    See Also
    --------
    rolling

    Examples
    --------
    >>> import xarray, mypackage.xarray
    >>> a = xarray.DataArray([1e16, 0.1, 0.1], dims="time")
    >>> mypackage.xarray.rolling(a, time=2).mean().values.tolist()[2:]
    [0.1]
    """

    def __init__(
        self, obj: T_Xarray, dim: Any, window: int, min_periods: int, center: bool
    ) -> None:
        self._obj: Any = obj
        self._dim, self._window = dim, window
        self._least, self._center = min_periods, center

    def __repr__(self) -> str:
        return f"mypackage.xarray.rolling: {self._dim!r}, {self._window}"

    def sum(self) -> T_Xarray:
        """Exact sums, each rounded once; infinities count as numbers.

        Returns
        -------
        xarray.DataArray or xarray.Dataset
            With the dimensions, coordinates and attributes of the elements.

        See Also
        --------
        mean, mypackage.move_sum

        Examples
        --------
        >>> import xarray, mypackage.xarray
        >>> a = xarray.DataArray([1.0, 2.0, 4.0, 8.0], dims="time")
        >>> mypackage.xarray.rolling(a, time=2).sum().values.tolist()
        [nan, 3.0, 6.0, 12.0]
        """
        return self._statistic("move_sum", None)

    @like(sum)
    def mean(self) -> T_Xarray:
        """Exact means, each rounded once.

        See Also
        --------
        sum, mypackage.move_mean

        Examples
        --------
        >>> import xarray, mypackage.xarray
        >>> a = xarray.DataArray([1.0, 2.0, 4.0, 8.0], dims="time")
        >>> mypackage.xarray.rolling(a, time=2).mean().values.tolist()
        [nan, 1.5, 3.0, 6.0]
        """
        return self._statistic("move_mean", None)

    @like(sum)
    def var(self, ddof: int = 0) -> T_Xarray:
        """Exact variances, each rounded once: never negative, and 0 where all are equal.

        Parameters
        ----------
        ddof : int, optional
            Delta degrees of freedom: the divisor is the number of elements minus `ddof`.

        See Also
        --------
        std, mypackage.move_var

        Examples
        --------
        >>> import xarray, mypackage.xarray
        >>> a = xarray.DataArray([1.0, 2.0, 4.0, 8.0], dims="time")
        >>> mypackage.xarray.rolling(a, time=2).var().values.tolist()
        [nan, 0.25, 1.0, 4.0]
        """
        return self._statistic("move_var", ddof)

    @like(var)
    def std(self, ddof: int = 0) -> T_Xarray:
        """Exact standard deviations, each rounded once.

        See Also
        --------
        var, mypackage.move_std

        Examples
        --------
        >>> import xarray, mypackage.xarray
        >>> a = xarray.DataArray([1.0, 2.0, 4.0, 8.0], dims="time")
        >>> mypackage.xarray.rolling(a, time=2).std().values.tolist()
        [nan, 0.5, 1.0, 2.0]
        """
        return self._statistic("move_std", ddof)

    @like(sum)
    def count(self) -> T_Xarray:
        """How many elements of each window are not missing.

        See Also
        --------
        sum

        Examples
        --------
        >>> import xarray, mypackage.xarray
        >>> a = xarray.DataArray([1.0, 2.0, 4.0, 8.0], dims="time")
        >>> mypackage.xarray.rolling(a, time=2).count().values.tolist()
        [nan, 2.0, 2.0, 2.0]
        """
        return self._obj.rolling(
            {self._dim: self._window}, min_periods=self._least, center=self._center
        ).count()

    def _statistic(self, name: str, ddof: int | None) -> Any:
        if isinstance(self._obj, xr.Dataset):
            along = {
                key: self._of_array(value, name, ddof)
                for key, value in self._obj.data_vars.items()
                if self._dim in value.dims
            }
            # As in xarray, variables without the dimension stay as they are.
            return self._obj.assign(along)
        return self._of_array(self._obj, name, ddof)

    def _of_array(self, array: Any, name: str, ddof: int | None) -> Any:
        axis = array.get_axis_num(self._dim)
        # A window of even length has one element more before its centre than after it.
        behind = self._window - 1 - self._window // 2 if self._center else 0
        data = array.data
        arguments = (name, axis, self._window, behind, self._least, ddof)
        if is_dask(data):
            return array.copy(data=front("dask").move_around(data, *arguments))
        return array.copy(data=around(data, *arguments))


def rolling(
    obj: T_Xarray,
    dim: Mapping[Any, int] | None = None,
    min_periods: int | None = None,
    center: bool | Mapping[Any, bool] = False,
    **window_kwargs: int,
) -> Windows[T_Xarray]:
    """Moving windows along a dimension whose statistics are exact, each rounded once.

    Parameters
    ----------
    obj : xarray.DataArray or xarray.Dataset
        With numbers of any dtype that `mypackage.move_sum` takes; dask-backed ones stay lazy.
    dim : dict of hashable to int, optional
        The dimension and the number of elements in each window.
    min_periods : int, optional
        Windows with fewer elements that are not NaN give NaN; by default the length of the window.
    center : bool, optional
        Put each result at the middle of its window instead of the end.
    **window_kwargs : int, optional
        `dim` as a keyword.

    Returns
    -------
    Windows
        With the methods ``sum()``, ``mean()``, ``var(ddof=0)``, ``std(ddof=0)`` and ``count()``.
        Each returns an object like `obj`, with its coordinates, attributes and float dtype.
        Variables of a Dataset that lack the dimension stay as they are.

    Raises
    ------
    TypeError
        If there are several dimensions: their windows would not be rounded once.
    ValueError
        If a window is less than 1, `min_periods` is not from 1 to the window, or there is no such
        dimension.

    See Also
    --------
    mypackage.move_sum, xarray.DataArray.rolling

    Examples
    --------
    >>> import xarray, mypackage.xarray
    >>> a = xarray.DataArray([1e16, 0.1, 0.1, 0.1], dims="time")
    >>> float(mypackage.xarray.rolling(a, time=3).mean()[3])
    0.1
    """
    check("rolling", obj)
    windows = dict(dim or {}) | window_kwargs
    if len(windows) != 1:
        raise TypeError(
            f"rolling: needs one dimension, not {len(windows)}; windows over several are not "
            "rounded once when one follows the other"
        )
    ((name, window),) = windows.items()
    if name not in obj.dims:
        raise ValueError(f"rolling: there is no dimension {name!r} in {tuple(obj.dims)}")
    if isinstance(window, (bool, np.bool_)) or not hasattr(window, "__index__"):
        raise TypeError(f"rolling: the window must be an integer, not {window!r}")
    least = window if min_periods is None else min_periods
    if window < 1 or least < 1:
        raise ValueError("rolling: the window and min_periods must be at least 1")
    if least > window:
        raise ValueError(f"rolling: min_periods is {least}, more than the window, {window}")
    middle = center.get(name, False) if isinstance(center, Mapping) else center
    return Windows(obj, name, int(window), int(least), bool(middle))
