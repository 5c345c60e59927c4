"""Weighted averages of xarray objects."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import mypackage
from mypackage._core import units
from mypackage._core.input_types import is_dask, label_kind
from mypackage._extras import require
from mypackage.xarray._labels import aligned_data, dims_of, is_nan

xr = require("xarray")


def average(
    obj: Any, axis: Any = None, weights: Any = None, returned: bool = False, keepdims: bool = False
) -> Any:
    """`mypackage.average` for an xarray object: like ``obj.weighted(weights).mean()``.

    NaNs are left out with their weights, which must not be NaN themselves.
    """
    name = "average"
    if isinstance(obj, xr.Dataset):
        raise TypeError(f"{name}: a Dataset is several arrays; map mypackage.average over it")
    dims = dims_of(name, name, obj, axis)
    axes = None if dims is None else tuple(obj.dims.index(dim) for dim in dims)
    owners = [obj.data, None]
    if weights is not None:
        owners[1] = aligned_data(name, "weights", weights, obj)
        weights = plain_weights(name, owners[1])
    units.check(name, owners[0], True)
    data = units.plain(owners[0])
    if data.dtype.kind in "fcmMO":
        masked_where = (
            require("dask.array.ma").masked_where if is_dask(data) else np.ma.masked_where
        )
        data = masked_where(is_nan(data) if data.dtype.kind == "O" else data != data, data)
    both = mypackage.average(data, axes, weights, returned=True, keepdims=keepdims)
    parts = [
        obj.reduce(
            partial(_already, result=units.with_unit(owner, filled(x))),
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


def filled(result: Any) -> Any:
    """A result with NaN in place of masked elements."""
    if is_dask(result):
        return result.map_blocks(filled) if isinstance(result._meta, np.ma.MaskedArray) else result
    if not isinstance(result, np.ma.MaskedArray):
        return result
    missing: Any = np.array("NaT", result.dtype) if result.dtype.kind in "mM" else np.nan
    return np.ma.filled(result, missing)


def _already(data: Any, axis: Any = None, *, result: Any, **_others: Any) -> Any:
    """For ``DataArray.reduce``: return a result that was computed before."""
    return result
