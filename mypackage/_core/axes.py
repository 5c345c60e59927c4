"""Normalising `axis`, merging axes of arrays, and the shape of results."""

from __future__ import annotations

import math
from operator import index
from typing import Any

import numpy as np


def normalised(name: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """The axes of the reduction `name` as non-negative numbers."""
    if axis is None:
        return tuple(range(ndim))
    given = axis if isinstance(axis, tuple) else (axis,)
    try:
        if any(isinstance(one, (bool, np.bool_)) for one in given):
            raise TypeError
        numbers = [index(one) for one in given]
    except TypeError:
        raise TypeError(
            f"{name}: axis must be None, an int or a tuple of ints, not {axis!r}"
        ) from None
    axes = []
    for one in numbers:
        if ndim == 0 and one in (0, -1):
            continue
        if not -ndim <= one < ndim:
            raise np.exceptions.AxisError(one, ndim)
        axes.append(one % ndim)
    if len(set(axes)) < len(axes):
        raise ValueError("duplicate value in 'axis'")
    return tuple(axes)


def lines(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The array with some of its axes merged into one, the last."""
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    shape = [x.shape[axis] for axis in kept]
    length = math.prod(x.shape[axis] for axis in axes)
    return np.transpose(np.asarray(x), (*kept, *axes)).reshape(*shape, length)


def reduced_shape(shape: tuple[int, ...], axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """The shape of a reduction's result."""
    if keepdims:
        return tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def check_out(name: str, out: Any, shape: tuple[int, ...]) -> None:
    """Refuse an `out` that is no array of the result's shape."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{name}: out must be an array, not {type(out).__name__}")
    if out.shape != shape:
        raise ValueError(f"{name}: out has shape {out.shape}, but the result has shape {shape}")


def aligned(name: str, weights: Any, a: Any, axis: Any, axes: tuple[int, ...]) -> Any:
    """The weights in a shape that broadcasts to that of `a`."""
    if weights.shape == a.shape:
        return weights
    if axis is None:
        raise TypeError(
            f"{name}: Axis must be specified when shapes of a and weights differ: they are "
            f"{a.shape} and {weights.shape}"
        )
    expected = tuple(a.shape[one] for one in axes)
    if weights.shape != expected:
        raise ValueError(
            f"{name}: Shape of weights must be consistent with shape of a along specified axis: "
            f"it is {weights.shape}, not {expected}"
        )
    order = sorted(range(len(axes)), key=axes.__getitem__)
    sizes = [size if one in axes else 1 for one, size in enumerate(a.shape)]
    return np.broadcast_to(weights.transpose(order).reshape(sizes), a.shape)


def mask_for(where: Any, shape: tuple[int, ...]) -> np.ndarray:
    """The mask `where`, broadcast to the shape of the elements."""
    mask = np.asarray(where, bool)
    try:
        return np.broadcast_to(mask, shape)
    except ValueError:
        raise ValueError(
            f"where has shape {mask.shape}, which does not broadcast to that of the elements, "
            f"{shape}"
        ) from None
