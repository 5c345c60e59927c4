"""Products of pandas objects, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

import mypackage
from mypackage._core import labels
from mypackage._core.axes import normalised
from mypackage._core.input_types import label_kind
from mypackage._core.inputs import array_of, without_labels
from mypackage._extras import require
from mypackage.pandas._columns import columns_of

pd = require("pandas")


def vecdot(x1: Any, x2: Any, axis: int) -> Any:
    """`mypackage.vecdot` for Series: pairs by label, or by position with plain arrays.

    Pairs with a missing element are left out.
    """
    normalised("vecdot", axis, 1)
    return mypackage.vecdot(*pairs("vecdot", x1, x2))


def pairs(name: str, x1: Any, x2: Any) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of two vectors that belong together, without those of which one is missing."""
    for x in (x1, x2):
        if isinstance(x, pd.DataFrame) or label_kind(x) == "xarray":
            without_labels(name, x)
    indices = [getattr(x, "index", None) for x in (x1, x2) if label_kind(x) == "pandas"]
    if len(indices) == 2 and all(index is not None for index in indices):
        x2 = labels.reordered(name, "x2", x2, x1.index)
    parts = [_pair_of(name, x) for x in (x1, x2)]
    shapes = [values.shape for values, _ in parts]
    if shapes[0] != shapes[1]:
        raise ValueError(f"{name}: the vectors are of the shapes {shapes[0]} and {shapes[1]}")
    kept = ~(parts[0][1] | parts[1][1])
    return parts[0][0][kept], parts[1][0][kept]


def _pair_of(name: str, x: Any) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of a vector, and a mask of the missing ones."""
    if label_kind(x) == "pandas":
        (column,) = columns_of(x, name)
        return column.values, column.missing.reshape(column.values.shape)
    array, _ = array_of(name, x)
    return np.asarray(np.ma.getdata(array)), np.ma.getmaskarray(array)
