"""Products of xarray objects, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

import mypackage
from mypackage._core.axes import normalised
from mypackage._core.input_types import is_dask, label_kind
from mypackage._core.inputs import array_of, without_labels
from mypackage._extras import require
from mypackage.xarray._labels import aligned_data, is_nan, like_array

xr = require("xarray")


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
            return obj.data if x is obj else aligned_data(name, argument, x, obj)
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
            pair = [np.where(is_nan(data), x.dtype.type(0), x) for x in pair]
    result = mypackage.vecdot(*pair, axis=place)
    dims = [one for one in obj.dims if one != dim]
    if isinstance(obj, xr.Variable):
        return xr.Variable(dims, result, attrs=obj.attrs)
    coords = {key: one for key, one in obj.coords.items() if dim not in one.dims}
    return like_array(obj, dims, result, coords)


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
            x = obj.data if x is obj else aligned_data(name, argument, x, obj)
        array = np.ma.asarray(array_of(name, x)[0])
        if array.shape != obj.shape:
            raise ValueError(f"{name}: {argument} has shape {array.shape}, not {obj.shape}")
        if array.dtype.kind in "fcO":
            array = np.ma.masked_where(is_nan(array.data) | np.ma.getmaskarray(array), array)
        arrays.append(array)
    return arrays[0], arrays[1]
