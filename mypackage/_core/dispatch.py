"""Where the extension hands over what is not a plain array of a dtype with a kernel.

Each kind gets the answer of its own kind, as from NumPy's twin; ``docs/numerics.md`` has the table.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import lists, masked, objects, subclasses
from .groups import fill, grouped
from .kinds import PLAIN, as_array, front, is_dask, label_kind
from .reductions import ARRAYS, REDUCTIONS

__all__ = ["as_numbers", "cumsum", "fill", "grouped", "reduce", "vecdot"]


def reduce(name: str, a: Any, **arguments: Any) -> Any:
    """Reduce anything by the function called `name`, given the arguments that were given to it."""
    reduction = REDUCTIONS.get(name) or ARRAYS[name]
    kind = label_kind(a)
    if name in ARRAYS and (kind is not None or is_dask(a)):
        plain = f"its {PLAIN[kind]}" if kind else "its compute()"
        raise TypeError(f"{name}: of arrays only, not of a {kind or 'dask'} object; give {plain}")
    if is_dask(a):
        return getattr(front("dask"), name)(a, **arguments)
    if kind is not None:
        return front(kind).reduce(reduction, a, **arguments)
    array = as_array(name, a)
    a, dtype = lists.exact(a, array)
    if dtype is not None:
        arguments.setdefault("dtype", dtype)
    if isinstance(a, np.ma.MaskedArray):
        return masked.reduce(reduction, a, arguments)
    return subclasses.reduce(reduction, a, arguments)


def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """`mypackage.cumsum` of anything."""
    if is_dask(a):
        return front("dask").cumsum(a, axis=axis, dtype=dtype, out=out)
    kind = label_kind(a)
    if kind == "arrow":
        raise TypeError(
            f"cumsum: columns of Arrow and polars have no sums here; give {PLAIN[kind]}"
        )
    if kind is not None:
        if out is not None:
            raise TypeError(f"cumsum: a {kind} object takes no out=; give its {PLAIN[kind]}")
        return front(kind).cumsum(a, axis=axis, dtype=dtype)
    array = as_array("cumsum", a)
    array, exact = lists.exact(a, array)
    dtype = exact if dtype is None and out is None else dtype
    if isinstance(array, np.ma.MaskedArray):
        return masked.cumsum(array, axis, dtype, out)
    return subclasses.cumsum(array, axis, dtype, out)


def vecdot(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """`mypackage.vecdot` of anything."""
    axis = -1 if axis is None else axis
    if is_dask(x1) or is_dask(x2):
        return front("dask").vecdot(x1, x2, axis=axis)
    for x in (x1, x2):
        kind = label_kind(x)
        if kind is not None:
            raise TypeError(
                f"vecdot: it does not align the labels of {kind} objects; give their {PLAIN[kind]}"
            )
    if isinstance(x1, np.ma.MaskedArray) or isinstance(x2, np.ma.MaskedArray):
        return masked.vecdot(x1, x2, axis)
    pairs = [lists.exact(x, np.asanyarray(x)) for x in (x1, x2)]
    dtype = lists.common_dtype(*pairs)
    if dtype is not None:
        return objects.vecdot(pairs[0][0], pairs[1][0], axis, dtype)
    return subclasses.vecdot(pairs[0][0], pairs[1][0], axis)


def as_numbers(name: str, values: Any) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """An exact ``ndarray`` of `values`; of a masked array, its data and what is valid of them."""
    if is_dask(values):
        raise TypeError(f"{name}: a dask array is lazy; add its chunks, or use mypackage.dask")
    if isinstance(values, np.ma.MaskedArray):
        return np.asarray(values.data), ~np.ma.getmaskarray(values)
    return np.asarray(values)
