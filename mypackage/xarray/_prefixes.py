"""Cumulative sums of xarray objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

import mypackage
from mypackage._extras import require
from mypackage.xarray._labels import check, is_nan

if TYPE_CHECKING:
    from xarray import DataArray

xr = require("xarray")


def cumsum(
    obj: DataArray, dim: Any = None, *, axis: int | None = None, dtype: Any = None
) -> DataArray:
    """Exact cumulative sums of a DataArray along a dimension, every prefix rounded once.

    As in xarray, a NaN counts as 0.

    Parameters
    ----------
    obj : xarray.DataArray
        The elements; dask-backed ones stay lazy.
    dim : hashable or list of one hashable, optional
        The dimension to sum along; not needed for a one-dimensional array.
    axis : int, optional
        The number of the dimension, as in `mypackage.cumsum`, instead of `dim`.
    dtype : dtype, optional
        What the exact cumulative sums are rounded to.

    Returns
    -------
    xarray.DataArray
        With the coordinates and attributes of `obj`.

    Raises
    ------
    TypeError
        If there are several dimensions and none is chosen, or `obj` is a Dataset.

    See Also
    --------
    mypackage.cumsum, xarray.DataArray.cumsum

    Examples
    --------
    >>> import xarray, mypackage.xarray
    >>> a = xarray.DataArray([1e16, 1.0, -1e16], dims="time")
    >>> mypackage.xarray.cumsum(a, "time").values.tolist()
    [1e+16, 1e+16, 1.0]
    """
    check("cumsum", obj, xr.Variable)
    if isinstance(obj, xr.Dataset):
        raise TypeError("cumsum: a Dataset has no one order; map mypackage.xarray.cumsum over it")
    if dim is ...:
        dim = None
    elif not isinstance(dim, str) and isinstance(dim, Iterable):
        dims = list(dim)
        if len(dims) != 1:
            raise TypeError(f"cumsum: dim must be one dimension, not {dims}")
        (dim,) = dims
    if dim is None and axis is None and obj.ndim != 1:
        raise TypeError(f"cumsum: choose one of the dimensions {', '.join(map(str, obj.dims))}")
    if dim is not None:
        axis = obj.get_axis_num(dim)
    data = obj.data
    if data.dtype.kind in "fcO":
        data = np.where(is_nan(data), data.dtype.type(0), data)
    return obj.copy(data=mypackage.cumsum(data, 0 if axis is None else axis, dtype))
