"""The reductions on xarray's DataArray and Dataset: by ``dim=``, with coordinates and attributes.

`mypackage.sum` and the other reductions call these for xarray objects. Dask-backed ones stay lazy.
As in xarray itself, NaNs are missing values and left out of floats unless ``skipna=False``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import mypackage
from mypackage._core import cumulative, labels, objects, units
from mypackage._core.axes import normalised
from mypackage._core.columns import missing_of
from mypackage._core.group_moments import moments_of_groups
from mypackage._core.groups import labels_of, of_some
from mypackage._core.input_types import front, is_dask, label_kind
from mypackage._core.inputs import array_of, named, wanted, wanted_of_block, without_labels
from mypackage._core.reductions import GROUPED, GROUPED_MOMENTS, MOMENTS, REDUCTIONS, Reduction
from mypackage._docstrings import like
from mypackage._extras import require
from mypackage._xarray_rolling import T_Xarray, Windows, rolling

if TYPE_CHECKING:
    from xarray import DataArray

xr = require("xarray")

__all__ = [
    "Windows",
    "cumsum",
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


def sum(
    obj: T_Xarray,
    dim: Any = None,
    *,
    skipna: bool | None = None,
    min_count: int = 0,
    keepdims: bool = False,
    keep_attrs: bool = True,
    dtype: Any = None,
) -> T_Xarray:
    """Exact sum of a DataArray or Dataset over dimensions, rounded once.

    Parameters
    ----------
    obj : xarray.DataArray or xarray.Dataset
        With numbers of any dtype that `mypackage.sum` takes.
    dim : hashable or iterable of hashable, optional
        Dimensions to sum over; all by default.
    skipna : bool, optional
        Leave NaNs out; by default for floats.
    min_count : int, optional
        Sums of fewer elements that are not NaN are NaN.
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
    mean, cumsum, mypackage.sum, xarray.DataArray.sum

    Examples
    --------
    >>> import xarray, mypackage.xarray
    >>> a = xarray.DataArray([[1e16, 1.0], [1.0, 2.0], [-1e16, 3.0]], dims=("time", "place"))
    >>> mypackage.xarray.sum(a, "time").values
    array([1., 6.])
    """
    total = _reduced(REDUCTIONS["sum"], obj, dim, skipna, keepdims, keep_attrs, dtype=dtype)
    if min_count <= 0:
        return total
    counts = _reduced(REDUCTIONS["sum"], obj.notnull(), dim, False, keepdims, keep_attrs)
    return total.where(counts >= min_count)


@like(sum, sum="average", sums="means")
def mean(
    obj: T_Xarray,
    dim: Any = None,
    *,
    skipna: bool | None = None,
    keepdims: bool = False,
    keep_attrs: bool = True,
    dtype: Any = None,
) -> T_Xarray:
    """Exact mean of a DataArray or Dataset over dimensions, rounded once.

    NaN, with a RuntimeWarning, where no elements are left.

    See Also
    --------
    sum, mypackage.mean, xarray.DataArray.mean

    Examples
    --------
    >>> import xarray, mypackage.xarray
    >>> a = xarray.DataArray([0.1] * 10, dims="time", attrs={"units": "m"})
    >>> average = mypackage.xarray.mean(a)
    >>> float(average), average.attrs
    (0.1, {'units': 'm'})
    """
    return _reduced(REDUCTIONS["mean"], obj, dim, skipna, keepdims, keep_attrs, dtype=dtype)


def var(
    obj: T_Xarray,
    dim: Any = None,
    *,
    skipna: bool | None = None,
    ddof: Any = 0,
    keepdims: bool = False,
    keep_attrs: bool = True,
    dtype: Any = None,
) -> T_Xarray:
    """Exact variance of a DataArray or Dataset over dimensions, rounded once.

    Parameters
    ----------
    obj : xarray.DataArray or xarray.Dataset
        With numbers of any dtype that `mypackage.var` takes.
    dim : hashable or iterable of hashable, optional
        Dimensions over which to compute the variance; all by default.
    skipna : bool, optional
        Leave NaNs out; by default for floats.
    ddof : real number, optional
        Delta degrees of freedom: the divisor is the number of elements minus `ddof`.
    keepdims : bool, optional
        Keep the dimensions, with size one. For a DataArray.
    keep_attrs : bool, optional
        Keep the attributes.
    dtype : dtype, optional
        What the exact variances are rounded to.

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
    std, mypackage.var, xarray.DataArray.var

    Examples
    --------
    >>> import xarray, mypackage.xarray
    >>> a = xarray.DataArray([[1e9, 0.1], [1e9 + 2, 0.1]], dims=("time", "place"))
    >>> mypackage.xarray.var(a, "time").values
    array([1., 0.])
    """
    options = {"dtype": dtype, "ddof": ddof}
    return _reduced(MOMENTS["var"], obj, dim, skipna, keepdims, keep_attrs, **options)


@like(var, variance="deviation", variances="deviations")
def std(
    obj: T_Xarray,
    dim: Any = None,
    *,
    skipna: bool | None = None,
    ddof: Any = 0,
    keepdims: bool = False,
    keep_attrs: bool = True,
    dtype: Any = None,
) -> T_Xarray:
    """Exact standard deviation of a DataArray or Dataset over dimensions, rounded once.

    The root of the exact variance, not of a rounded one.

    See Also
    --------
    var, mypackage.std, xarray.DataArray.std

    Examples
    --------
    >>> import xarray, mypackage.xarray
    >>> float(mypackage.xarray.std(xarray.DataArray([0.1] * 10, dims="time")))
    0.0
    """
    options = {"dtype": dtype, "ddof": ddof}
    return _reduced(MOMENTS["std"], obj, dim, skipna, keepdims, keep_attrs, **options)


@like(var, variance="norm")
def norm(
    obj: T_Xarray, dim: Any = None, *, keepdims: bool = False, keep_attrs: bool = True
) -> T_Xarray:
    """Exact Euclidean norm of a DataArray or Dataset over dimensions, rounded once.

    The root of the exact sum of squares. NaNs are left out.

    See Also
    --------
    mypackage.norm, mypackage.sum_of_squares

    Examples
    --------
    >>> import xarray, mypackage.xarray
    >>> float(mypackage.xarray.norm(xarray.DataArray([3.0, 4.0], dims="time")))
    5.0
    """
    return _reduced(MOMENTS["norm"], obj, dim, False, keepdims, keep_attrs)


def _reduced(
    reduction: Reduction,
    obj: Any,
    dim: Any,
    skipna: bool | None,
    keepdims: bool,
    keep_attrs: bool,
    **arguments: Any,
) -> Any:
    # For a Dataset, reduce() skips variables without numbers and takes no keepdims.
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
    name = reduction.name
    if reduction.finish in ("norm", "sum_of_squares"):
        # Zeros do not change these.
        data = cumulative.without_nans(data)
    elif skipna is not False and data.dtype.kind in "fcmMO":
        reduction = reduction.skipping(True)
    with named(name, reduction.name):
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
    """`mypackage.sum` and its kin for an xarray object, with NumPy's arguments."""
    name = reduction.name
    if out is not None:
        raise TypeError(f"{name}: an xarray object takes no out=; give its .data")
    dims = _dims(name, reduction.finish, obj, axis)
    if where is not True:
        arguments["where"] = _wanted(name, where, obj)
    return _reduced(reduction, obj, dims, None, keepdims, True, **arguments)


def _dims(name: str, function: str, obj: Any, axis: Any) -> Any:
    """The names of the dimensions that `axis` means."""
    if axis is None:
        return None
    if isinstance(obj, xr.Dataset):
        raise TypeError(
            f"{name}: the axes of a Dataset have no order; "
            f"use mypackage.xarray.{function}(..., dim=)"
        )
    return [obj.dims[index] for index in normalised(name, axis, obj.ndim)]


def _aligned(name: str, argument: str, other: Any, obj: Any) -> Any:
    """The data of a second input in the order of `obj`: by label, or by position for a plain array.

    Raises
    ------
    ValueError
        If one of the two lacks a label or a dimension, which the message names.
    """
    if not isinstance(other, (xr.DataArray, xr.Variable)):
        if label_kind(other) is not None:
            raise TypeError(f"{name}: {argument} is a {type(other).__name__}, not a DataArray")
        return other
    if isinstance(obj, xr.Dataset):
        raise TypeError(f"{name}: give {argument} for one variable of the Dataset at a time")
    for dim in other.dims:
        if dim not in obj.dims:
            raise ValueError(f"{name}: {argument} has a dimension {dim!r} that the elements lack")
    if isinstance(other, xr.DataArray) and isinstance(obj, xr.DataArray):
        for dim in other.dims:
            if dim in other.indexes and dim in obj.indexes:
                mine, theirs = obj.indexes[dim], other.indexes[dim]
                if not mine.equals(theirs):
                    places = theirs.to_series().reset_index(drop=True)
                    order = type(places)(range(len(theirs)), index=theirs)
                    order = labels.reordered(name, argument, order, mine)
                    other = other.isel({dim: order.to_numpy()})
    for dim in other.dims:
        if other.sizes[dim] != obj.sizes[dim]:
            raise ValueError(
                f"{name}: {argument} has {other.sizes[dim]} elements along {dim!r}, the others "
                f"{obj.sizes[dim]}"
            )
    variable = getattr(other, "variable", other)
    return variable.set_dims({dim: obj.sizes[dim] for dim in obj.dims}).transpose(*obj.dims).data


def _wanted(name: str, where: Any, obj: Any) -> Any:
    """What ``where=`` says, in the order of `obj`; a missing value says nothing and is refused."""
    if isinstance(where, (xr.DataArray, xr.Variable)):
        if not is_dask(where.data):
            wanted(where)
        elif where.dtype.kind in "fcmMO":
            where = where.copy(data=where.data.map_blocks(wanted_of_block, dtype=bool))
    return _aligned(name, "where", where, obj)


def valid(name: str, obj: Any, where: Any) -> tuple[Any, Any]:
    """The data of a DataArray, and where they are included by `where` and not NaN."""
    if isinstance(obj, xr.Dataset):
        raise TypeError(f"{name}: a Dataset is several arrays; give one of them, or to_dataarray()")
    where = True if where is True else np.asarray(_wanted(name, where, obj), bool)
    data = obj.data
    if not is_dask(data) and data.dtype.kind in "fcO":
        where = where & ~_nans(data)
    return data, where


def _nans(data: Any) -> Any:
    """Where an array, lazy or not, has NaNs."""
    if data.dtype.kind != "O":
        return np.isnan(data)
    return data.map_blocks(objects.is_nan, dtype=bool) if is_dask(data) else objects.is_nan(data)


def vecdot(x1: Any, x2: Any, axis: int) -> Any:
    """`mypackage.vecdot` for DataArrays: dimensions match by name, elements by label.

    One of the two must have all dimensions. Pairs with a NaN are left out. A plain array must have
    the shape of the other argument, or be one vector.
    """
    name = "vecdot"
    for x in (x1, x2):
        if isinstance(x, xr.Dataset) or label_kind(x) == "pandas":
            without_labels(name, x)
    labelled = [x for x in (x1, x2) if isinstance(x, (xr.DataArray, xr.Variable))]
    obj = max(labelled, key=lambda x: x.ndim)
    if labelled[0].ndim == 0:
        raise ValueError(f"{name}: a 0-dimensional argument lacks the axis of the vectors")
    (place,) = normalised(name, axis, labelled[0].ndim)
    dim = labelled[0].dims[place]
    if dim not in obj.dims:
        raise ValueError(f"{name}: the elements lack the dimension {dim!r}")
    place = obj.dims.index(dim)

    def data_of(x: Any, argument: str) -> Any:
        if isinstance(x, (xr.DataArray, xr.Variable)):
            return obj.data if x is obj else _aligned(name, argument, x, obj)
        array = x if is_dask(x) else array_of(name, x)[0]
        if np.shape(array) == (obj.sizes[dim],):
            shape = [-1 if one == place else 1 for one in range(obj.ndim)]
            return np.broadcast_to(array.reshape(shape), obj.shape)
        if np.shape(array) != obj.shape:
            raise ValueError(f"{name}: {argument} has shape {np.shape(array)}, not {obj.shape}")
        return array

    pair = [data_of(x1, "x1"), data_of(x2, "x2")]
    for data in list(pair):
        if data.dtype.kind in "fcO":
            pair = [np.where(_nans(data), x.dtype.type(0), x) for x in pair]
    result = mypackage.vecdot(*pair, axis=place)
    dims = [one for one in obj.dims if one != dim]
    if isinstance(obj, xr.Variable):
        return xr.Variable(dims, result, attrs=obj.attrs)
    coords = {key: one for key, one in obj.coords.items() if dim not in one.dims}
    return xr.DataArray(result, coords, dims, name=obj.name, attrs=obj.attrs)


def pairs(name: str, x1: Any, x2: Any) -> tuple[np.ndarray, np.ndarray]:
    """The elements of two arrays that belong together, those of which one is NaN masked.

    One of the two has all dimensions; a plain array has the other's shape.
    """
    for x in (x1, x2):
        if isinstance(x, xr.Dataset) or label_kind(x) == "pandas":
            without_labels(name, x)
    labelled = [x for x in (x1, x2) if isinstance(x, (xr.DataArray, xr.Variable))]
    obj = max(labelled, key=lambda x: x.ndim)
    arrays = []
    for x, argument in ((x1, "x"), (x2, "y")):
        if isinstance(x, (xr.DataArray, xr.Variable)):
            x = obj.data if x is obj else _aligned(name, argument, x, obj)
        array = np.ma.asarray(array_of(name, x)[0])
        if array.shape != obj.shape:
            raise ValueError(f"{name}: {argument} has shape {array.shape}, not {obj.shape}")
        if array.dtype.kind in "fcO":
            array = np.ma.masked_where(_nans(array.data) | np.ma.getmaskarray(array), array)
        arrays.append(array)
    return arrays[0], arrays[1]


def average(
    obj: Any, axis: Any = None, weights: Any = None, returned: bool = False, keepdims: bool = False
) -> Any:
    """`mypackage.average` for an xarray object: like ``obj.weighted(weights).mean()``.

    NaNs are left out with their weights, which must not be NaN themselves.
    """
    name = "average"
    if isinstance(obj, xr.Dataset):
        raise TypeError(f"{name}: a Dataset is several arrays; map mypackage.average over it")
    dims = _dims(name, name, obj, axis)
    axes = None if dims is None else tuple(obj.dims.index(dim) for dim in dims)
    owners = [obj.data, None]
    if weights is not None:
        owners[1] = _aligned(name, "weights", weights, obj)
        weights = plain_weights(name, owners[1])
    units.check(name, owners[0], True)
    data = units.plain(owners[0])
    if data.dtype.kind in "fcmMO":
        masked_where = (
            require("dask.array.ma").masked_where if is_dask(data) else np.ma.masked_where
        )
        data = masked_where(_nans(data) if data.dtype.kind == "O" else data != data, data)
    both = mypackage.average(data, axes, weights, returned=True, keepdims=keepdims)
    parts = [
        obj.reduce(
            partial(_already, result=units.with_unit(owner, _filled(x))),
            dims,
            keepdims=keepdims,
            keep_attrs=True,
        )
        for x, owner in zip(both, owners, strict=True)
    ]
    return tuple(parts) if returned else parts[0]


def plain_weights(name: str, weights: Any) -> Any:
    """The weights without labels and unit; they must not be NaN."""
    weights = getattr(weights, "data", weights) if label_kind(weights) else weights
    units.check(name, weights, False)
    weights = units.plain(weights)
    if is_dask(weights):
        return weights
    weights = np.asanyarray(weights)
    if weights.dtype.kind in "fc" and np.isnan(weights).any():
        raise ValueError(f"{name}: weights must not be NaN; fill them, with 0 say")
    return weights


def _filled(result: Any) -> Any:
    """A result with NaN in place of masked elements."""
    if is_dask(result):
        return result.map_blocks(_filled) if isinstance(result._meta, np.ma.MaskedArray) else result
    if not isinstance(result, np.ma.MaskedArray):
        return result
    missing: Any = np.array("NaT", result.dtype) if result.dtype.kind in "mM" else np.nan
    return np.ma.filled(result, missing)


def _already(data: Any, axis: Any = None, *, result: Any, **_others: Any) -> Any:
    """For ``DataArray.reduce``: return a result that was computed before."""
    return result


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
        data = _aligned(name, "weights", weights, obj)
        options["weights"] = plain_weights(name, data)
        data = obj.data
        if is_dask(data) or is_dask(options["weights"]):
            raise TypeError(f"{name}: weights= takes no dask arrays; give their compute()")
        if data.dtype.kind in "fc":
            data = np.ma.masked_where(np.isnan(data), data)
        result = mypackage.group_mean(codes, data, axis=number, size=size, **options)
        data = _filled(result)
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
    return xr.DataArray(data, kept, dims, name=obj.name, attrs=obj.attrs)


def _codes(name: str, group_idx: Any, obj: Any, axis: Any) -> tuple[np.ndarray, Any]:
    """The numbers of groups in the order of the elements, and the dimension that they go along."""
    if isinstance(obj, xr.Dataset):
        raise TypeError(f"{name}: a Dataset is several arrays; map mypackage.{name} over it")
    (dim,) = _dims(name, name, obj, axis)
    line = obj.isel({other: 0 for other in obj.dims if other != dim})
    return labels_of(name, _aligned(name, "group_idx", group_idx, line)), dim


def group_cumsum(group_idx: Any, obj: Any, *, axis: Any, **options: Any) -> Any:
    """What `mypackage.group_cumsum` does with a DataArray; as in `cumsum`, a NaN counts as 0."""
    codes, dim = _codes("group_cumsum", group_idx, obj, axis)
    number, data = obj.get_axis_num(dim), cumulative.without_nans(obj.data)
    return obj.copy(data=mypackage.group_cumsum(codes, data, axis=number, **options))


def cumsum(
    obj: DataArray, dim: Any = None, *, axis: int | None = None, dtype: Any = None
) -> DataArray:
    """Exact cumulative sums of a DataArray along a dimension, every prefix rounded once.

    As in xarray, a NaN counts as 0.

    Parameters
    ----------
    obj : xarray.DataArray
        The elements; dask-backed ones stay lazy.
    dim : hashable, optional
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
    if isinstance(obj, xr.Dataset):
        raise TypeError("cumsum: a Dataset has no one order; map mypackage.xarray.cumsum over it")
    if dim is None and axis is None and obj.ndim != 1:
        raise TypeError(f"cumsum: choose one of the dimensions {', '.join(map(str, obj.dims))}")
    if dim is not None:
        axis = obj.get_axis_num(dim)
    data = obj.data
    if data.dtype.kind in "fcO":
        data = np.where(_nans(data), data.dtype.type(0), data)
    return obj.copy(data=mypackage.cumsum(data, 0 if axis is None else axis, dtype))


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
    by = _labels(name, obj, by)
    if isinstance(obj, xr.Dataset):
        if by.name in obj.data_vars:
            obj = obj.drop_vars(by.name)
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
    values = np.asarray(_aligned(name, "by", by, line))
    codes, groups = require("pandas").factorize(values, sort=True)
    axis = obj.get_axis_num(dim)
    skip = skipna is not False
    data = _group_data(reduction, codes, obj.data, axis, len(groups), skip, dtype, **more)
    kept = {
        key: value for key, value in obj.coords.items() if dim not in value.dims and key != label
    }
    dims = [label if other == dim else other for other in obj.dims]
    coords = {**kept, label: (label, np.asarray(groups))}
    return xr.DataArray(data, coords, dims, name=obj.name, attrs=obj.attrs)


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
