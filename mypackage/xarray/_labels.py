"""The dimensions of xarray objects, and second inputs in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mypackage._core import labels, objects
from mypackage._core.axes import normalised
from mypackage._core.input_types import is_dask, label_kind
from mypackage._core.inputs import wanted, wanted_of_block
from mypackage._extras import require

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

xr = require("xarray")

T_Xarray = TypeVar("T_Xarray", "DataArray", "Dataset")


def dims_of(name: str, function: str, obj: Any, axis: Any) -> Any:
    """The names of the dimensions that `axis` means."""
    if axis is None:
        return None
    if isinstance(obj, xr.Dataset):
        raise TypeError(
            f"{name}: the axes of a Dataset have no order; "
            f"use mypackage.xarray.{function}(..., dim=)"
        )
    return [obj.dims[index] for index in normalised(name, axis, obj.ndim)]


def check(name: str, obj: Any, *more: type) -> None:
    """Refuse what is no DataArray or Dataset, nor of one of some more classes."""
    if not isinstance(obj, (xr.DataArray, xr.Dataset, *more)):
        raise TypeError(
            f"{name}: give a DataArray or a Dataset, not {type(obj).__name__}; "
            f"mypackage.{'move_sum' if name == 'rolling' else name} takes arrays"
        )


def like_array(obj: Any, dims: list[Any], data: Any, coords: dict[Any, Any]) -> Any:
    """A DataArray with the name and the attributes of another one."""
    result = xr.DataArray(data, coords, dims, attrs=obj.attrs)
    # Without a name, that would be the one of the dask array.
    return result.rename(obj.name)


def aligned_data(name: str, argument: str, other: Any, obj: Any) -> Any:
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


def wanted_data(name: str, where: Any, obj: Any) -> Any:
    """What ``where=`` says, in the order of `obj`; a missing value says nothing and is refused."""
    if isinstance(where, (xr.DataArray, xr.Variable)):
        if not is_dask(where.data):
            wanted(where)
        elif where.dtype.kind in "fcmMO":
            where = where.copy(data=where.data.map_blocks(wanted_of_block, dtype=bool))
    return aligned_data(name, "where", where, obj)


def valid(name: str, obj: Any, where: Any) -> tuple[Any, Any]:
    """The data of a DataArray, and where they are included by `where` and not NaN."""
    if isinstance(obj, xr.Dataset):
        raise TypeError(f"{name}: a Dataset is several arrays; give one of them, or to_dataarray()")
    where = True if where is True else np.asarray(wanted_data(name, where, obj), bool)
    data = obj.data
    if not is_dask(data) and data.dtype.kind in "fcO":
        where = where & ~is_nan(data)
    return data, where


def is_nan(data: Any) -> Any:
    """Where an array, lazy or not, has NaNs."""
    if data.dtype.kind != "O":
        return np.isnan(data)
    return data.map_blocks(objects.is_nan, dtype=bool) if is_dask(data) else objects.is_nan(data)
