"""Weighted averages of pandas objects."""

from __future__ import annotations

from typing import Any

import numpy as np

import mypackage
from mypackage._core import columns, labels, units
from mypackage._core.axes import normalised
from mypackage._core.input_types import is_dask, label_kind
from mypackage._extras import require
from mypackage.pandas._columns import axes_of, columns_of
from mypackage.pandas._results import in_zone, own_scalar, series_of, zone_of

pd = require("pandas")


def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, keepdims: bool = False
) -> Any:
    """`mypackage.average` for a pandas object.

    Missing elements are left out with their weights, which must not be missing themselves. Weights
    with labels are matched by label, plain arrays by position.
    """
    name = "average"
    if keepdims:
        raise TypeError(f"{name}: a pandas object takes no keepdims=; give its to_numpy()")
    table = columns_of(a, name)
    frame = isinstance(a, pd.DataFrame)
    axes = axes_of(name, axis) if frame else set(normalised(name, axis, 1))
    times = any(column.values.dtype.kind in "mM" for column in table)
    if frame and times and axes == {0}:
        return _averages_of_columns(a, weights, returned)
    zone = None
    if times:
        columns.one_kind_of_time(name, table)
        zone = zone_of(name, a)
    values = columns.table(table) if frame else table[0].values
    missing = np.array([c.missing for c in table], bool).T if frame else table[0].missing
    plain = None
    if weights is not None:
        plain = aligned_weights(name, a, weights, axes)
    result, total = mypackage.average(
        np.ma.array(values, mask=missing.reshape(values.shape)),
        tuple(sorted(axes)),
        plain,
        returned=True,
    )
    if frame and values.dtype.kind == "O" and all(column.has_kernel for column in table):
        # The common dtype of the columns' results.
        result, total = (np.ma.asarray(part).astype(np.float64) for part in (result, total))
    index = a.columns if axes == {0} and frame else a.index if axes == {1} else None
    parts = [_unmasked(a, part, index, zone) for part in (result, total)]
    return tuple(parts) if returned else parts[0]


def _averages_of_columns(a: Any, weights: Any, returned: bool) -> Any:
    """The averages of columns of which some hold times, each with its own type."""
    name = "average"
    if isinstance(weights, pd.Series):
        weights = labels.reordered(name, "weights", weights, a.index)
    elif isinstance(weights, pd.DataFrame):
        weights = labels.reordered(name, "weights", weights, a.index)
        columns_ = list(labels.reordered(name, "weights", weights.T, a.columns).index)
        weights = weights[columns_]
    pairs = []
    for at, (_, column) in enumerate(a.items()):
        own = weights.iloc[:, at] if isinstance(weights, pd.DataFrame) else weights
        own = own[:, at] if isinstance(own, np.ndarray) and own.ndim == 2 else own
        pairs.append(average(column, 0, own, True))
    means, sums = (series_of(a, list(part), a.columns) for part in zip(*pairs, strict=True))
    return (means, sums) if returned else means


def aligned_weights(name: str, a: Any, weights: Any, axes: set[int]) -> np.ndarray:
    """The weights in the order of the labels of `a`, with its shape or that of one axis."""
    labels.refuse_others(name, "weights", weights)
    frame = isinstance(a, pd.DataFrame)
    if isinstance(weights, pd.Series) and frame:
        along = a.index if axes == {0} else a.columns if axes == {1} else None
        if along is None:
            raise TypeError(f"{name}: weights of one axis need axis=, 0 or 1")
        weights = labels.reordered(name, "weights", weights, along)
    elif isinstance(weights, (pd.Series, pd.DataFrame)) and isinstance(
        a, (pd.Series, pd.DataFrame)
    ):
        if weights.ndim != a.ndim:
            raise TypeError(f"{name}: the weights have {weights.ndim} axes, the elements {a.ndim}")
        weights = labels.reordered(name, "weights", weights, a.index)
        if frame:
            weights = weights[list(labels.reordered(name, "weights", weights.T, a.columns).index)]
    return plain_weights(name, weights)


def plain_weights(name: str, weights: Any, argument: str = "weights") -> np.ndarray:
    """The weights, or another argument, as a plain array; they must not be missing."""
    if label_kind(weights) == "pandas":
        table = columns_of(weights, name)
        if any(column.missing.any() for column in table):
            raise ValueError(f"{name}: {argument} must not be missing; fill them, with 0 say")
        return columns.table(table) if isinstance(weights, pd.DataFrame) else table[0].values
    if is_dask(weights):
        raise TypeError(f"{name}: {argument} that are a dask array are lazy; give their compute()")
    units.check(name, weights, False)
    plain = np.asarray(units.plain(weights))
    if np.ma.is_masked(weights) or (plain.dtype.kind in "fc" and np.isnan(plain).any()):
        raise ValueError(f"{name}: {argument} must not be missing; fill them, with 0 say")
    return plain


def _unmasked(a: Any, result: Any, index: Any, zone: Any) -> Any:
    """A result with NaN in place of masked values; a Series if there are several."""
    mask = np.ma.getmaskarray(result)
    if mask.any():
        zero = np.ma.getdata(result)
        result = np.where(mask, columns.missing_of(zero.dtype), zero)[()]
    else:
        result = np.ma.getdata(result)[()]
    if index is None:
        return own_scalar(result, zone)
    return in_zone(series_of(a, result, index), zone)
