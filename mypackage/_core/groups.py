"""Labels and empty groups for the functions that take ``group_idx``."""

from __future__ import annotations

import math
from operator import index
from typing import Any

import numpy as np

from mypackage import _native

from . import objects, timedelta, units
from .axes import normalised
from .input_types import KERNELS, is_dask, unsupported
from .inputs import beside
from .reductions import Reduction


def labels_of(name: str, group_idx: Any) -> np.ndarray:
    """Labels as int64; a masked label becomes -1."""
    if is_dask(group_idx):
        raise TypeError(
            f"{name}: lazy labels of an array that is not lazy; give the labels' compute()"
        )
    units.refuse(f"{name}: group_idx", group_idx)
    labels = np.asarray(group_idx)
    if labels.ndim != 1:
        raise ValueError(f"{name}: group_idx must have one axis, not {labels.ndim}")
    if labels.dtype.kind not in "iub" and labels.size:
        advice = ""
        if labels.dtype.kind not in "fc":
            advice = "; numpy.unique(labels, return_inverse=True) numbers other labels"
        raise TypeError(
            f"{name}: group_idx must be of an integer dtype, not {labels.dtype}{advice}"
        )
    if labels.dtype == np.uint64 and labels.size and labels.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{name}: the label {labels.max()} in group_idx is beyond int64")
    # Aligned too, which data from another process may not be.
    labels = np.require(labels, np.int64, ["C", "A"])
    mask = np.ma.getmask(group_idx)
    return labels if mask is np.ma.nomask else np.where(mask, -1, labels)


def size_of(name: str, labels: np.ndarray, axis: int, length: int, size: Any) -> int:
    """The number of groups, for labels along an axis of `length` elements."""
    if len(labels) != length:
        raise ValueError(
            f"{name}: group_idx has {len(labels)} labels, but axis {axis} of array has length "
            f"{length}"
        )
    greatest = int(labels.max(initial=-1))
    if size is None:
        return greatest + 1
    try:
        groups = index(size)
    except TypeError:
        groups = -1
    if groups < 0:
        raise ValueError(f"{name}: size must be an int of at least 0, not {size!r}")
    if greatest >= groups:
        raise ValueError(f"{name}: the label {greatest} in group_idx is not below size={groups}")
    return groups


def by_label(
    reduction: Reduction,
    labels: np.ndarray,
    a: np.ndarray,
    *,
    axis: Any = -1,
    size: Any = None,
    fill_value: Any = None,
    dtype: Any = None,
) -> Any:
    """The result of a function that takes ``group_idx`` for an array without a kernel."""
    name = reduction.name
    if a.ndim == 0:
        raise ValueError(f"{name}: array must have at least one axis")
    (axis,) = normalised(name, axis, a.ndim)
    size = size_of(name, labels, axis, a.shape[axis], size)
    if a.dtype.kind == "O":
        result = objects.grouped(reduction, labels, a, axis, size, dtype)
    elif a.dtype.kind in "mM":
        result = timedelta.grouped(reduction, labels, a, axis, size, dtype)
    else:
        raise unsupported(name, a.dtype, ", timedelta64 and object")
    empty = np.bincount(labels[labels >= 0], minlength=size) == 0
    if empty.any():
        fill(name, result, (slice(None),) * axis + (empty,), fill_value, reduction.empty)
    return result


def groups_shape(shape: tuple[int, ...], axis: int, size: int) -> tuple[int, ...]:
    """The shape of the results of groups along an axis."""
    return (*shape[:axis], size, *shape[axis + 1 :])


def own_labels(
    labels: np.ndarray, array: np.ndarray, missing: np.ndarray, axis: int, size: int
) -> tuple[np.ndarray, tuple[int, ...]]:
    """A label for each element, and the shape of the groups.

    A NaN belongs to no group, although other lines have numbers at its position. So each line has
    its own groups, in the C order of the results.
    """
    shape = groups_shape(array.shape, axis, size)
    along = labels.reshape([-1 if one == axis else 1 for one in range(array.ndim)])
    first = np.arange(math.prod(shape)).reshape(shape).take([0], axis) if size else 0
    own = np.where(missing | (along < 0), -1, first + math.prod(shape[axis + 1 :]) * along)
    return np.require(own.ravel(), np.int64, ["C", "A"]), shape


def of_some(
    reduction: Reduction,
    labels: np.ndarray,
    a: np.ndarray,
    valid: np.ndarray,
    *,
    axis: Any = -1,
    size: Any = None,
    fill_value: Any = None,
    dtype: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The results of the valid elements, and which groups have only invalid ones.

    Empty groups get the fill value, as always; those with only invalid elements 0.
    """
    name = reduction.name
    if a.ndim == 0:
        raise ValueError(f"{name}: array must have at least one axis")
    (axis,) = normalised(name, axis, a.ndim)
    size = size_of(name, labels, axis, a.shape[axis], size)
    own, shape = own_labels(labels, a, ~valid, axis, size)
    values = a.ravel()
    options = {"size": math.prod(shape), "fill_value": 0, "dtype": dtype}
    if a.dtype.char in KERNELS:
        result = getattr(_native, name)(own, values, **options)
    else:
        result = by_label(reduction, own, values, **options)
    counted = np.bincount(own[own >= 0], minlength=options["size"])
    result, counted = (x.reshape(shape) for x in (result, counted))
    absent = np.bincount(labels[labels >= 0], minlength=size) == 0
    if absent.any():
        index = (slice(None),) * axis + (absent,)
        fill(name, result, index, fill_value, reduction.empty)
    along = absent.reshape([-1 if one == axis else 1 for one in range(a.ndim)])
    return result, np.broadcast_to((counted == 0) & ~along, shape)


def fill(name: str, result: np.ndarray, empty: Any, value: Any, default: float = math.nan) -> None:
    """Set the results of empty groups: by default to 0 for sums, NaN for means."""
    if value is None:
        if default == 0 or result.dtype.kind not in "fcmM":
            _refuse_no_nan(name, result, empty, default)
            value = 0
        elif result.dtype.kind in "fc":
            value = complex(math.nan, math.nan) if result.dtype.kind == "c" else math.nan
        else:
            value = np.array("NaT", result.dtype)
    beside(name, "fill_value", value)
    try:
        fits = np.ndim(value) == 0 and _holds(result.dtype, value)
        if fits:
            result[empty] = value
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        raise ValueError(
            f"{name}: fill_value={value!r} does not fit {result.dtype}; "
            "choose a dtype that holds it"
        )


def _refuse_no_nan(name: str, result: np.ndarray, empty: Any, default: float) -> None:
    """Refuse empty groups for means in a dtype without NaN."""
    if default == 0:
        return
    mask = empty[-1] if isinstance(empty, tuple) else empty
    first = tuple(int(at[0]) for at in np.nonzero(mask))
    group = first[0] if len(first) == 1 else first
    raise ValueError(
        f"{name}: group {group} is empty, and {result.dtype} holds no NaN; give fill_value="
    )


def _holds(dtype: np.dtype, value: Any) -> bool:
    """Whether an integer dtype holds `value`; other dtypes may round it."""
    if dtype.kind == "b":
        return value in (0, 1)
    if dtype.kind not in "iu":
        return True
    limits = np.iinfo(dtype)
    return bool(int(value) == value and limits.min <= value <= limits.max)
