"""Sums, means and moments of xarray objects."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np

import mypackage
from mypackage._core import cumulative
from mypackage._core.input_types import is_dask
from mypackage._core.inputs import beside, named
from mypackage._core.reductions import MOMENTS, REDUCTIONS, Reduction
from mypackage._docstrings import like
from mypackage._errors import without_warnings_of_few
from mypackage._extras import require
from mypackage.xarray._averages import plain_weights
from mypackage.xarray._labels import T_Xarray, aligned_data, check, dims_of, wanted_data

xr = require("xarray")


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
        Sums of fewer elements that are not NaN are NaN. Sums of integers that are all of enough
        elements stay integers; one that float64 does not hold beside a NaN is an OverflowError.
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
    if isinstance(obj, xr.Dataset):
        kept = {
            key: _of_enough(value, obj[key], dim, False, min_count)
            for key, value in total.data_vars.items()
        }
        return total.assign(kept)
    return _of_enough(total, obj, dim, keepdims, min_count)


def _of_enough(total: Any, obj: Any, dim: Any, keepdims: bool, min_count: int) -> Any:
    """The sums of at least `min_count` elements that are not NaN; NaN in place of the others."""
    several = not isinstance(dim, str) and isinstance(dim, Iterable)
    wanted = obj.dims if dim in (None, ...) else tuple(dim) if several else (dim,)
    dims = [one for one in obj.dims if one in wanted]
    if obj.ndim and not dims:
        # As in xarray, what lacks the dimensions stays.
        return total
    if obj.dtype.kind not in "fcmMO":
        # All sums are of equally many elements, and none is missing.
        enough = math.prod(obj.sizes[one] for one in dims) >= min_count
        return total if enough else total.where(False)
    counts = _reduced(REDUCTIONS["sum"], obj.notnull(), dims, False, keepdims, False)
    enough = counts >= min_count
    if total.dtype.kind in "iu" and obj.dtype.kind == "O" and not is_dask(obj.data):
        # xarray makes an integer of a single object.
        return total if enough else total.where(False)
    if total.dtype.kind in "iu":
        return xr.apply_ufunc(
            _floats,
            total,
            enough,
            dask="parallelized",
            output_dtypes=[np.float64],
            keep_attrs="override",
        )
    return total.where(enough)


def _floats(sums: np.ndarray, enough: np.ndarray) -> np.ndarray:
    """Integer sums as float64, which has NaN, if it holds them."""
    floats = np.where(enough, sums, np.nan)
    for value, number in zip(np.ravel(sums), np.ravel(floats), strict=True):
        if not np.isnan(number) and int(number) != int(value):
            raise OverflowError(
                f"sum: the sum {value} does not fit float64, whose NaN stands for sums of fewer "
                "than min_count elements; leave min_count= out"
            )
    return floats


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
    check(reduction.finish, obj, xr.Variable)
    # For a Dataset, reduce() skips variables without numbers and takes no keepdims.
    dataset = isinstance(obj, xr.Dataset)
    extra = {"numeric_only": True} if dataset else {"keepdims": keepdims}
    numbers = _numbers_or_text if dataset else _numbers
    function = partial(numbers, reduction=reduction, skipna=skipna, arguments=arguments)
    return obj.reduce(function, dim, keep_attrs=keep_attrs, **extra)


def _numbers_or_text(data: Any, axis: Any = None, *, reduction: Reduction, **options: Any) -> Any:
    """The numbers of a variable of a Dataset; text and times without the dimensions stay."""
    lacking = axis == () or data.ndim == 0
    if lacking and data.dtype.kind not in ("biufc" if reduction.name in REDUCTIONS else "biufcO"):
        return data
    return _numbers(data, axis, reduction=reduction, **options)


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
    # As in xarray: where NaN is left out, NaN stands for a result of too few numbers.
    silent = without_warnings_of_few() if reduction.skip_nan else nullcontext()
    with named(name, reduction.name), silent:
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
    dims = dims_of(name, reduction.finish, obj, axis)
    if where is not True:
        arguments["where"] = wanted_data(name, where, obj)
    if arguments.get("weights") is not None:
        weights = aligned_data(name, "weights", arguments["weights"], obj)
        arguments["weights"] = plain_weights(name, beside(name, "weights", weights))
    if "mean" in arguments:
        arguments["mean"] = _aligned_means(name, arguments["mean"], obj, dims)
    return _reduced(reduction, obj, dims, None, keepdims, True, **arguments)


def _aligned_means(name: str, mean: Any, obj: Any, dims: Any) -> Any:
    """The argument `mean` in the order of `obj`, with size 1 for the dimensions reduced over.

    Raises
    ------
    ValueError
        If it has other dimensions or labels than the results; the message names it.
    """
    if not isinstance(mean, (xr.DataArray, xr.Variable)):
        return aligned_data(name, "mean", mean, obj)
    reduced = list(obj.dims if dims is None else dims)
    for dim in mean.dims:
        if dim in reduced and mean.sizes[dim] != 1:
            raise ValueError(
                f"{name}: mean has a dimension {dim!r}, over which the elements are reduced; give "
                "one mean for each result"
            )
    ones = {dim: 0 for dim in mean.dims if dim in reduced}
    mean = mean.isel(ones, drop=True) if isinstance(mean, xr.DataArray) else mean.isel(ones)
    # The results have the other labels of the elements; that nothing is counted takes no time.
    results = obj.isel(dict.fromkeys(reduced, slice(0))).count(reduced)
    data = aligned_data(name, "mean", mean, results)
    return data[tuple(None if dim in reduced else slice(None) for dim in obj.dims)]
