"""Masked arrays: masked elements are left out; a result without other elements is masked."""

from __future__ import annotations

from typing import Any

import numpy as np

from mypackage import _native

from . import groups, moments, objects, subclasses
from .axes import aligned, normalised
from .input_types import unsupported
from .reductions import Reduction


def _check(name: str, a: np.ma.MaskedArray) -> None:
    """Refuse structured dtypes, whose masks are structured too."""
    if a.dtype.names:
        raise unsupported(name, a.dtype)


def reduce(reduction: Reduction, a: np.ma.MaskedArray, arguments: dict[str, Any]) -> Any:
    """The reduction of a masked array."""
    _check(reduction.name, a)
    valid = ~np.ma.getmaskarray(a)
    valid &= np.asarray(arguments.pop("where", True), bool)
    data = a.data
    if a.dtype.kind == "O":
        data = np.where(valid, data, 0)
        if reduction.skip_nan:
            valid &= ~objects.is_nan(data)
    axis, keepdims = arguments.get("axis"), bool(arguments.get("keepdims", False))
    hidden = np.any(np.ma.getmaskarray(a), axis=axis, keepdims=True)
    # Without any elements, the result is the same as for an empty plain array.
    nothing = ~np.any(valid, axis=axis, keepdims=True) & hidden
    if reduction.state == "ExactMoments":
        # Without degrees of freedom, the result is masked, without a warning.
        nothing = moments.lacking(reduction, valid, arguments)
        arguments["warn"] = False
    elif reduction.empty != 0 and np.any(nothing):
        # Unmask everything there, since the mean is masked anyway and must not warn.
        data, valid = np.where(nothing, np.zeros((), a.dtype), data), valid | nothing
    if not keepdims:
        nothing = np.any(nothing, axis=axis)
    out = arguments.get("out")
    arguments["where"] = valid
    if isinstance(out, np.ma.MaskedArray):
        subclasses.reduce(reduction, data, {**arguments, "out": out.data})
        out.mask = nothing
        return out
    result = subclasses.reduce(reduction, data, arguments)
    if out is not None:
        return out
    if np.ndim(result) == 0:
        return np.ma.masked if nothing else result
    return np.ma.MaskedArray(result, nothing).view(type(a))


def without_weight(
    name: str, a: np.ndarray, weights: np.ma.MaskedArray, axis: Any
) -> tuple[np.ma.MaskedArray, np.ndarray]:
    """The elements, masked where their weights are, and the weights without their mask."""
    _check(f"{name}: weights", weights)
    axes = normalised(name, axis, a.ndim)
    along = axes if len(axes) < a.ndim else None
    hidden = aligned(name, np.ma.getmaskarray(weights), a, along, axes)
    return np.ma.array(a, mask=np.ma.getmaskarray(a) | hidden), np.asarray(weights.data)


def cumsum(a: np.ma.MaskedArray, axis: Any, dtype: Any, out: Any) -> Any:
    """`mypackage.cumsum` of a masked array: masked elements count as 0 and stay masked."""
    _check("cumsum", a)
    plain_out = None if out is None else np.asarray(out)
    result = subclasses.cumsum(np.asarray(a.filled(0)), axis, dtype, plain_out)
    mask = np.ma.getmaskarray(a)
    result = np.ma.array(result, mask=mask.ravel() if axis is None else mask)
    if out is None:
        return result
    if isinstance(out, np.ma.MaskedArray):
        out.mask = result.mask
    return out


def vecdot(x1: Any, x2: Any, axis: Any) -> Any:
    """`mypackage.vecdot`: pairs with a masked element are left out; without others, masked."""
    for x in (x1, x2):
        _check("vecdot", np.ma.asanyarray(x))
    valid = [~np.ma.getmaskarray(np.ma.asanyarray(x)) for x in (x1, x2)]
    data = [np.ma.filled(x, 0) for x in (x1, x2)]
    pairs = _native.vecdot(*(v.astype(np.int64) for v in valid), axis=axis)
    # Both are zeroed, since the element beside a masked one may be infinite.
    along = [np.moveaxis(x, axis, -1) for x in (*data, *valid)]
    both = np.logical_and(along[2], along[3])
    left, right = (np.where(both, x, np.zeros((), x.dtype)) for x in along[:2])
    result = subclasses.vecdot(left, right, -1)
    masked = np.ma.array(result, mask=pairs == 0)
    return masked if masked.ndim else masked[()]


def grouped(
    reduction: Reduction, labels: np.ndarray, a: np.ma.MaskedArray, **options: Any
) -> np.ma.MaskedArray:
    """Grouped reductions of a masked array; groups of masked elements only are masked."""
    _check(reduction.name, a)
    valid = ~np.ma.getmaskarray(a)
    result, nothing = groups.of_some(reduction, labels, np.asarray(a.data), valid, **options)
    return np.ma.MaskedArray(result, nothing)
