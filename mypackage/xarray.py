"""The reductions on xarray's DataArray and Dataset: by ``dim=``, with coordinates and attributes.

`mypackage.sum` and its kin call these for xarray objects. Dask-backed ones stay lazy. As in xarray
itself, NaNs are missing values and left out of floats unless ``skipna=False``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import mypackage
from mypackage._core.kinds import front, is_dask
from mypackage._core.reductions import GROUPED, REDUCTIONS, Reduction
from mypackage._core.states import grouped, result_dtype, rounded_groups
from mypackage._extras import require

xr = require("xarray")

__all__ = ["cumsum", "group_mean", "group_sum", "mean", "sum"]


def sum(
    obj: Any,
    dim: Any = None,
    *,
    skipna: bool | None = None,
    keepdims: bool = False,
    keep_attrs: bool = True,
    dtype: Any = None,
) -> Any:
    """Exact sum of a DataArray or Dataset over dimensions, rounded once.

    Parameters
    ----------
    obj : xarray.DataArray or xarray.Dataset
        With numbers of any dtype that `mypackage.sum` takes.
    dim : hashable or iterable of hashable, optional
        Dimensions to sum over; all by default.
    skipna : bool, optional
        Leave NaNs out; by default for floats.
    keepdims : bool, optional
        Keep the dimensions summed over, with size one. For a DataArray.
    keep_attrs : bool, optional
        Keep the attributes.
    dtype : dtype, optional
        What the exact sums are rounded to.

    Returns
    -------
    xarray.DataArray or xarray.Dataset
        As given; lazy if the data are dask arrays.

    Raises
    ------
    ValueError
        If there is no such dimension.

    See Also
    --------
    mypackage.sum, xarray.DataArray.sum

    Examples
    --------
    >>> import xarray, mypackage.xarray
    >>> a = xarray.DataArray([[1e16, 1.0], [1.0, 2.0], [-1e16, 3.0]], dims=("time", "place"))
    >>> mypackage.xarray.sum(a, "time").values
    array([1., 6.])
    """
    return _reduced(REDUCTIONS["sum"], obj, dim, skipna, keepdims, keep_attrs, dtype=dtype)


def mean(
    obj: Any,
    dim: Any = None,
    *,
    skipna: bool | None = None,
    keepdims: bool = False,
    keep_attrs: bool = True,
    dtype: Any = None,
) -> Any:
    """Exact mean of a DataArray or Dataset over dimensions, rounded once.

    Parameters, result and errors are those of `sum`.

    Examples
    --------
    >>> import xarray, mypackage.xarray
    >>> a = xarray.DataArray([0.1] * 10, dims="time", attrs={"units": "m"})
    >>> average = mypackage.xarray.mean(a)
    >>> float(average), average.attrs
    (0.1, {'units': 'm'})
    """
    return _reduced(REDUCTIONS["mean"], obj, dim, skipna, keepdims, keep_attrs, dtype=dtype)


def _reduced(
    reduction: Reduction,
    obj: Any,
    dim: Any,
    skipna: bool | None,
    keepdims: bool,
    keep_attrs: bool,
    **arguments: Any,
) -> Any:
    # A Dataset leaves out what are no numbers, and has no keepdims.
    dataset = isinstance(obj, xr.Dataset)
    extra = {"numeric_only": True} if dataset else {"keepdims": keepdims}
    function = partial(_numbers, reduction=reduction, skipna=skipna, arguments=arguments)
    return obj.reduce(function, dim, keep_attrs=keep_attrs, **extra)


def _numbers(
    data: Any,
    axis: Any = None,
    *,
    reduction: Reduction,
    skipna: bool | None,
    arguments: dict[str, Any],
) -> Any:
    if skipna is not False and data.dtype.kind in "fc":
        reduction = reduction.skipping(True)
    return getattr(mypackage, reduction.name)(data, axis=axis, **arguments)


def reduce(
    reduction: Reduction,
    obj: Any,
    *,
    axis: Any = None,
    keepdims: bool = False,
    out: Any = None,
    where: Any = True,
    **arguments: Any,
) -> Any:
    """What `mypackage.sum` and its kin do with an xarray object, by axis as NumPy's twins."""
    name = reduction.name
    if out is not None:
        raise TypeError(f"{name}: an xarray object takes no out=")
    dims = None
    if axis is not None:
        if isinstance(obj, xr.Dataset):
            raise TypeError(
                f"{name}: the axes of a Dataset have no order; "
                f"use mypackage.xarray.{reduction.finish}(..., dim=)"
            )
        axes = axis if isinstance(axis, tuple) else (axis,)
        for index in axes:
            if not -obj.ndim <= index < obj.ndim:
                raise np.exceptions.AxisError(index, obj.ndim)
        dims = [obj.dims[index] for index in axes]
    if where is not True:
        arguments["where"] = where.data if isinstance(where, xr.DataArray) else where
    return _reduced(reduction, obj, dims, None, keepdims, True, **arguments)


def cumsum(obj: Any, dim: Any = None, *, axis: int | None = None, dtype: Any = None) -> Any:
    """Exact cumulative sums of a DataArray along a dimension, every prefix rounded once.

    As in xarray, a NaN counts as 0.

    Parameters
    ----------
    obj : xarray.DataArray
        The elements; dask-backed ones stay lazy.
    dim : hashable, optional
        The dimension to sum along. An array of one dimension needs none.
    axis : int, optional
        Its number, as for `mypackage.cumsum`, instead of `dim`.
    dtype : dtype, optional
        What the exact prefixes are rounded to.

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
    if isinstance(obj, xr.Dataset):
        raise TypeError("cumsum: a Dataset has no one order; map mypackage.xarray.cumsum over it")
    if dim is None and axis is None and obj.ndim != 1:
        raise TypeError(f"cumsum: choose one of the dimensions {', '.join(map(str, obj.dims))}")
    if dim is not None:
        axis = obj.get_axis_num(dim)
    data = obj.data
    if data.dtype.kind in "fc":
        data = np.where(np.isnan(data), data.dtype.type(0), data)
    return obj.copy(data=mypackage.cumsum(data, 0 if axis is None else axis, dtype))


def group_sum(obj: Any, by: Any, *, skipna: bool | None = None, dtype: Any = None) -> Any:
    """Exact sums of the elements of a DataArray with equal values of a coordinate.

    Parameters
    ----------
    obj : xarray.DataArray
        The elements; dask-backed ones stay lazy.
    by : str or xarray.DataArray
        A coordinate of one dimension, or its name. Elements where it is missing are left out.
    skipna : bool, optional
        Leave NaNs out; by default for floats.
    dtype : dtype, optional
        What the exact sums are rounded to.

    Returns
    -------
    xarray.DataArray
        With a dimension named as `by` in place of the one that it belongs to, and its distinct
        values, sorted, as coordinate.

    See Also
    --------
    mypackage.group_sum, xarray.DataArray.groupby

    Examples
    --------
    >>> import xarray, mypackage.xarray
    >>> a = xarray.DataArray([1e16, 5.0, 1.0, -1e16], dims="x", coords={"k": ("x", list("abaa"))})
    >>> total = mypackage.xarray.group_sum(a, "k")
    >>> dict(zip(total.k.values.tolist(), total.values.tolist()))
    {'a': 1.0, 'b': 5.0}
    """
    return _grouped(GROUPED["group_sum"], obj, by, skipna, dtype)


def group_mean(obj: Any, by: Any, *, skipna: bool | None = None, dtype: Any = None) -> Any:
    """Exact means of the elements of a DataArray with equal values of a coordinate.

    Parameters and result are those of `group_sum`; NaN for a group of NaNs only.

    Examples
    --------
    >>> import xarray, mypackage.xarray
    >>> a = xarray.DataArray([1.0, 5.0, 2.0], dims="x", coords={"k": ("x", list("aba"))})
    >>> mypackage.xarray.group_mean(a, "k").values
    array([1.5, 5. ])
    """
    return _grouped(GROUPED["group_mean"], obj, by, skipna, dtype)


def _grouped(reduction: Reduction, obj: Any, by: Any, skipna: bool | None, dtype: Any) -> Any:
    by = obj[by] if isinstance(by, str) else by
    if by.ndim != 1:
        raise ValueError(f"{reduction.name}: {by.name!r} must have one dimension, not {by.dims}")
    (dim,) = by.dims
    label = by.name or "group"
    # xarray depends on pandas.
    codes, values = require("pandas").factorize(by.values, sort=True)
    axis = obj.get_axis_num(dim)
    data = _group_data(reduction, codes, obj.data, axis, len(values), skipna is not False, dtype)
    kept = {
        key: value for key, value in obj.coords.items() if dim not in value.dims and key != label
    }
    dims = [label if other == dim else other for other in obj.dims]
    coords = {**kept, label: (label, np.asarray(values))}
    return xr.DataArray(data, coords, dims, name=obj.name, attrs=obj.attrs)


def _group_data(
    reduction: Reduction,
    codes: Any,
    data: Any,
    axis: int,
    size: int,
    skip_nan: bool,
    dtype: Any,
) -> Any:
    if not skip_nan or data.dtype.kind not in "fc":
        function = getattr(mypackage, reduction.name)
        return function(codes, data, axis=axis, size=size, dtype=dtype)
    # No group is without elements, but perhaps without numbers.
    fill = reduction.empty
    if is_dask(data):
        lazy = front("dask").reduce_groups
        return lazy(reduction, codes, data, axis, size, fill, dtype, skip_nan=True)
    states = grouped(codes, data, axis, size, skip_nan)
    nothing = np.equal(states.count, 0)
    return rounded_groups(
        reduction, states, result_dtype(reduction, data.dtype, dtype), fill, nothing
    )
