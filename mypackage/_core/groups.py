"""Labels and empty groups of the functions that take ``group_idx``."""

from __future__ import annotations

from typing import Any

import numpy as np

from .kinds import is_dask


def grouped(name: str, group_idx: Any, array: Any) -> tuple[Any, Any]:
    """Plain values and int64 labels; ``(None, (group_idx, array))`` if either is a dask array."""
    if is_dask(array) or is_dask(group_idx):
        return None, (group_idx, array)
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(
            f"{name}: a masked array has no labels for its masked elements; give those the label -1"
        )
    return np.asarray(array), labels_of(name, group_idx)


def labels_of(name: str, group_idx: Any) -> np.ndarray:
    """Labels as int64; a masked one is that of no group."""
    labels = np.asarray(group_idx)
    if labels.ndim != 1:
        raise ValueError(f"{name}: group_idx must have one axis, not {labels.ndim}")
    if labels.dtype.kind not in "iub" and labels.size:
        raise TypeError(f"{name}: group_idx must be of an integer dtype, not {labels.dtype}")
    if labels.dtype == np.uint64 and labels.size and labels.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{name}: the label {labels.max()} in group_idx is beyond int64")
    labels = np.ascontiguousarray(labels, dtype=np.int64)
    mask = np.ma.getmask(group_idx)
    return labels if mask is np.ma.nomask else np.where(mask, -1, labels)


def fill(name: str, result: np.ndarray, empty: Any, value: Any) -> None:
    """Give the results of empty groups their value."""
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


def _holds(dtype: np.dtype, value: Any) -> bool:
    """Whether `value` is one of the numbers of a dtype of integers; others round it."""
    if dtype.kind == "b":
        return value in (0, 1)
    if dtype.kind not in "iu":
        return True
    limits = np.iinfo(dtype)
    return bool(int(value) == value and limits.min <= value <= limits.max)
