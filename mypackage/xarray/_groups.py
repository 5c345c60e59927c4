"""Reductions of the elements of xarray objects with the same label."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import mypackage
from mypackage._core import cumulative, objects
from mypackage._core.columns import missing_of
from mypackage._core.group_moments import moments_of_groups
from mypackage._core.groups import labels_of, of_some
from mypackage._core.input_types import front, is_dask
from mypackage._core.reductions import GROUPED, GROUPED_MOMENTS, Reduction
from mypackage._docstrings import like
from mypackage._extras import require
from mypackage.xarray._averages import filled, plain_weights
from mypackage.xarray._labels import T_Xarray, aligned_data, check, dims_of, like_array

xr = require("xarray")


def group_by_number(
    name: str,
    group_idx: Any,
    obj: Any,
    *,
    axis: Any = -1,
    size: Any = None,
    fill_value: Any = None,
    dtype: Any = None,
    new_dim: str = "group",
    **others: Any,
) -> Any:
    """`mypackage.group_sum` and its kin for a DataArray, with integer labels.

    In the result, a dimension `new_dim` replaces that of the labels.
    """
    codes, dim = _codes(name, group_idx, obj, axis)
    number = obj.get_axis_num(dim)
    if size is None:
        size = int(codes.max(initial=-1)) + 1
    if others.get("min_count", 0) <= 0:
        others.pop("min_count", None)
    elif name == "group_sum":
        # NaNs are left out of both.
        name = "group_nansum"
    weights = others.pop("weights", None)
    options = {"fill_value": fill_value, "dtype": dtype, **others}
    if weights is not None:
        data = aligned_data(name, "weights", weights, obj)
        options["weights"] = plain_weights(name, data)
        data = obj.data
        if is_dask(data) or is_dask(options["weights"]):
            raise TypeError(f"{name}: weights= takes no dask arrays; give their compute()")
        if data.dtype.kind in "fc":
            data = np.ma.masked_where(np.isnan(data), data)
        result = mypackage.group_mean(codes, data, axis=number, size=size, **options)
        data = filled(result)
    elif name in GROUPED or name in GROUPED_MOMENTS:
        reduction = {**GROUPED, **GROUPED_MOMENTS}[name]
        data = _group_data(reduction, codes, obj.data, number, size, True, **options)
    else:
        function = getattr(mypackage, name)
        data = function(codes, obj.data, axis=number, size=size, **options)
    dims = [new_dim if other == dim else other for other in obj.dims]
    if isinstance(obj, xr.Variable):
        return xr.Variable(dims, data, attrs=obj.attrs)
    kept = {key: value for key, value in obj.coords.items() if dim not in value.dims}
    return like_array(obj, dims, data, kept)


def _codes(name: str, group_idx: Any, obj: Any, axis: Any) -> tuple[np.ndarray, Any]:
    """The numbers of groups in the order of the elements, and the dimension that they go along."""
    if isinstance(obj, xr.Dataset):
        raise TypeError(f"{name}: a Dataset is several arrays; map mypackage.{name} over it")
    (dim,) = dims_of(name, name, obj, axis)
    line = obj.isel({other: 0 for other in obj.dims if other != dim})
    return labels_of(name, aligned_data(name, "group_idx", group_idx, line)), dim


def group_cumsum(group_idx: Any, obj: Any, *, axis: Any, **options: Any) -> Any:
    """What `mypackage.group_cumsum` does with a DataArray; as in `cumsum`, a NaN counts as 0."""
    codes, dim = _codes("group_cumsum", group_idx, obj, axis)
    number, data = obj.get_axis_num(dim), cumulative.without_nans(obj.data)
    return obj.copy(data=mypackage.group_cumsum(codes, data, axis=number, **options))


def group_sum(obj: T_Xarray, by: Any, *, skipna: bool | None = None, dtype: Any = None) -> T_Xarray:
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
        A dimension named like `by` replaces the one that it belongs to; its coordinate holds the
        distinct values of `by`, sorted.

    Raises
    ------
    TypeError
        If `by` is a list of several coordinates, or plain values for more than one dimension.
    ValueError
        If `by` has several dimensions, or a dimension that `obj` lacks.

    See Also
    --------
    group_mean, mypackage.group_sum, xarray.DataArray.groupby

    Examples
    --------
    >>> import xarray, mypackage.xarray
    >>> a = xarray.DataArray([1e16, 5.0, 1.0, -1e16], dims="x", coords={"k": ("x", list("abaa"))})
    >>> total = mypackage.xarray.group_sum(a, "k")
    >>> dict(zip(total.k.values.tolist(), total.values.tolist()))
    {'a': 1.0, 'b': 5.0}
    """
    return _grouped(GROUPED["group_sum"], obj, by, skipna, dtype)


@like(group_sum, sums="means")
def group_mean(
    obj: T_Xarray, by: Any, *, skipna: bool | None = None, dtype: Any = None
) -> T_Xarray:
    """Exact means of the elements of a DataArray with equal values of a coordinate.

    NaN for a group of NaNs only.

    See Also
    --------
    group_sum, mypackage.group_mean, xarray.DataArray.groupby

    Examples
    --------
    >>> import xarray, mypackage.xarray
    >>> a = xarray.DataArray([1.0, 5.0, 2.0], dims="x", coords={"k": ("x", list("aba"))})
    >>> mypackage.xarray.group_mean(a, "k").values
    array([1.5, 5. ])
    """
    return _grouped(GROUPED["group_mean"], obj, by, skipna, dtype)


@like(group_sum, sums="variances")
def group_var(
    obj: T_Xarray, by: Any, *, skipna: bool | None = None, ddof: Any = 0, dtype: Any = None
) -> T_Xarray:
    """Exact variances of the elements of a DataArray with equal values of a coordinate.

    NaN for a group of no more than `ddof` numbers.

    Parameters
    ----------
    ddof : real number, optional
        Delta degrees of freedom: the divisor is the number of elements minus `ddof`.

    See Also
    --------
    group_std, mypackage.group_var, xarray.DataArray.groupby

    Examples
    --------
    >>> import xarray, mypackage.xarray
    >>> a = xarray.DataArray([1.0, 0.1, 3.0, 0.1], dims="x", coords={"k": ("x", list("abab"))})
    >>> mypackage.xarray.group_var(a, "k").values
    array([1., 0.])
    """
    return _grouped(GROUPED_MOMENTS["group_var"], obj, by, skipna, dtype, ddof=ddof)


@like(group_var, variances="deviations")
def group_std(
    obj: T_Xarray, by: Any, *, skipna: bool | None = None, ddof: Any = 0, dtype: Any = None
) -> T_Xarray:
    """Exact standard deviations of a DataArray's elements with equal values of a coordinate.

    The root of the exact variance, not of a rounded one.

    See Also
    --------
    group_var, mypackage.group_std, xarray.DataArray.groupby

    Examples
    --------
    >>> import xarray, mypackage.xarray
    >>> a = xarray.DataArray([1.0, 0.1, 5.0, 0.1], dims="x", coords={"k": ("x", list("abab"))})
    >>> mypackage.xarray.group_std(a, "k").values
    array([2., 0.])
    """
    return _grouped(GROUPED_MOMENTS["group_std"], obj, by, skipna, dtype, ddof=ddof)


def _grouped(
    reduction: Reduction, obj: Any, by: Any, skipna: bool | None, dtype: Any, **more: Any
) -> Any:
    name = reduction.name
    check(name, obj)
    by = _labels(name, obj, by)
    if isinstance(obj, xr.Dataset):
        if by.name in obj.data_vars:
            obj = obj.drop_vars(by.name)
        # As in xarray, there is no result for text.
        text = [
            key
            for key, value in obj.data_vars.items()
            if value.dtype.kind not in "biufcmMO" and set(by.dims) & set(value.dims)
        ]
        obj = obj.drop_vars(text)
        return obj.map(
            partial(_grouped_or_kept, reduction, by=by, skipna=skipna, dtype=dtype, **more)
        )
    if by.ndim != 1:
        raise ValueError(f"{name}: {by.name!r} must have one dimension, not {by.dims}")
    (dim,) = by.dims
    if dim not in obj.dims:
        raise ValueError(f"{name}: {by.name!r} has a dimension {dim!r} that the elements lack")
    line = obj.isel({other: 0 for other in obj.dims if other != dim})
    label = by.name or "group"
    # pandas is there, since xarray depends on it.
    values = np.asarray(aligned_data(name, "by", by, line))
    codes, groups = require("pandas").factorize(values, sort=True)
    axis = obj.get_axis_num(dim)
    skip = skipna is not False
    data = _group_data(reduction, codes, obj.data, axis, len(groups), skip, dtype, **more)
    kept = {
        key: value for key, value in obj.coords.items() if dim not in value.dims and key != label
    }
    dims = [label if other == dim else other for other in obj.dims]
    coords = {**kept, label: (label, np.asarray(groups), by.attrs)}
    return like_array(obj, dims, data, coords)


def _labels(name: str, obj: Any, by: Any) -> Any:
    """Labels as a DataArray; a plain array belongs to the only dimension."""
    if isinstance(by, (list, tuple)) and len(by) == 1:
        (one,) = by
        by = one if isinstance(one, (str, xr.DataArray)) else by
    if isinstance(by, (list, tuple)) and by:
        several = [isinstance(one, xr.DataArray) for one in by]
        if all(several) or all(isinstance(one, str) and one in obj.coords for one in by):
            raise TypeError(
                f"{name}: several labels make a table; stack them first, with "
                "obj.set_index(...) or pandas.MultiIndex, or use mypackage.flox"
            )
    if isinstance(by, str):
        if by not in obj.coords and not (isinstance(obj, xr.Dataset) and by in obj):
            raise ValueError(f"{name}: {by!r} is not a coordinate of the elements")
        return obj[by]
    if isinstance(by, xr.DataArray):
        return by
    values = np.asarray(by)
    if len(obj.dims) != 1 or values.ndim != 1:
        raise TypeError(f"{name}: plain labels belong to no dimension; give a DataArray")
    (length,) = obj.sizes.values()
    if len(values) != length:
        raise ValueError(f"{name}: there are {len(values)} labels for {length} elements")
    return xr.DataArray(values, dims=list(obj.dims), name="group")


def _grouped_or_kept(
    reduction: Reduction, obj: Any, *, by: Any, skipna: Any, dtype: Any, **more: Any
) -> Any:
    """A variable of a Dataset; one without the labels' dimension is not changed."""
    if not set(by.dims) & set(obj.dims):
        return obj
    return _grouped(reduction, obj, by, skipna, dtype, **more)


def _group_data(
    reduction: Reduction,
    codes: Any,
    data: Any,
    axis: int,
    size: int,
    skip_nan: bool,
    dtype: Any,
    fill_value: Any = None,
    **more: Any,
) -> Any:
    options = {"axis": axis, "size": size, "fill_value": fill_value, "dtype": dtype}
    if reduction.state == "ExactMoments":
        return moments_of_groups(reduction.name, codes, data, **options, skip_nan=skip_nan, **more)
    if not skip_nan or data.dtype.kind not in "fcmMO":
        return getattr(mypackage, reduction.name)(codes, data, **options)
    if is_dask(data):
        # A group of NaNs only counts as empty.
        return front("dask").reduce_groups(
            reduction, codes, data, axis, size, fill_value, dtype, skip_nan=True
        )
    codes = labels_of(reduction.name, codes)
    missing = objects.is_nan(data) if data.dtype.kind == "O" else np.isnan(data)
    if not missing.any():
        return getattr(mypackage, reduction.name)(codes, data, **options)
    result, nothing = of_some(reduction, codes, data, ~missing, **options)
    if reduction.empty == 0 or not nothing.any():
        return result
    return np.where(nothing, missing_of(result.dtype), result)
