"""Dask arrays of time differences, as integers and an array that tells where NaT is."""

from __future__ import annotations

from typing import Any

import numpy as np


def as_ticks(x: np.ndarray) -> np.ndarray:
    """Time differences as integers, NaT as 0."""
    ticks = x.astype(x.dtype.newbyteorder("="), copy=False).view(np.int64)
    return np.where(np.isnat(x), 0, ticks)


def is_lost(x: np.ndarray) -> Any:
    return np.isnat(x).astype(np.int8)


def as_times(ticks: np.ndarray, lost: np.ndarray, *, unit: np.dtype[Any]) -> np.ndarray:
    """Integers as time differences; NaT where `lost` is not 0."""
    if np.any((ticks == np.iinfo(np.int64).min) & (lost == 0)):
        raise OverflowError(f"cumsum: an exact result does not fit {unit}; use a coarser unit")
    result = np.where(lost > 0, np.array("NaT", unit), np.ma.getdata(ticks).view(unit))
    hidden = np.ma.getmask(ticks)
    return result if hidden is np.ma.nomask else np.ma.array(result, mask=hidden)
