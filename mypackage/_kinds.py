"""What is not a plain NumPy array: how each kind of input becomes one, and what comes back.

The extension module sums exact ``numpy.ndarray`` objects of the dtypes that have kernels and hands
everything else to `reduce`. Each kind gets the answer of its own kind, as from NumPy's twin.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from . import _native

# The dtypes that have kernels.
KERNELS = "?bBhHiIlLqQefdFD"
_NUMBERS = "bool, integers, float16, float32, float64, complex64, complex128"
_SUPPORTED = f"{_NUMBERS}, timedelta64 and object"


def is_dask(a: object) -> bool:
    """Whether `a` is a dask array, without importing dask."""
    dask_array = sys.modules.get("dask.array")
    return dask_array is not None and isinstance(a, dask_array.Array)


def reduce(name: str, a: Any, **arguments: Any) -> Any:
    """Reduce anything by the function called `name`, given the arguments that were given to it."""
    if is_dask(a):
        from . import dask

        return getattr(dask, name)(a, **arguments)
    labelled = _labelled(name, a, arguments)
    if labelled is not None:
        return labelled
    if isinstance(a, np.ma.MaskedArray):
        return _masked(name, a, arguments)
    if isinstance(a, np.ndarray):
        if type(a) is not np.ndarray:
            return _subclass(name, a, arguments)
        return _special(name, a, arguments)
    if hasattr(a, "__next__"):
        raise TypeError(
            f"{name}: a generator has no shape; use mypackage.ExactSum().add(...) for streams, "
            "or numpy.fromiter"
        )
    array = np.asanyarray(a)
    return reduce(name, array, **arguments) if type(array) is not np.ndarray else _plain(
        name, array, arguments
    )


def vecdot(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """`mypackage.vecdot` of anything."""
    axis = -1 if axis is None else axis
    if is_dask(x1) or is_dask(x2):
        from . import dask

        return dask.vecdot(x1, x2, axis=axis)
    if isinstance(x1, np.ma.MaskedArray) or isinstance(x2, np.ma.MaskedArray):
        # Pairs with a masked element are left out; a result of none is masked.
        valid = [~np.ma.getmaskarray(np.ma.asanyarray(x)) for x in (x1, x2)]
        data = [np.ma.filled(x, 0) for x in (x1, x2)]
        pairs = _native.vecdot(*(v.astype(np.int64) for v in valid), axis=axis)
        # Where one element is masked, the other might be infinite.
        along = [np.moveaxis(x, axis, -1) for x in (*data, *valid)]
        both = np.logical_and(along[2], along[3])
        result = vecdot(*(np.where(both, x, np.zeros((), x.dtype)) for x in along[:2]))
        masked = np.ma.array(result, mask=pairs == 0)
        return masked if masked.ndim else masked[()]
    arrays = [np.asarray(x) for x in (x1, x2)]
    if any(x.dtype.kind == "O" for x in arrays):
        left, right = (np.moveaxis(x, axis, -1) for x in arrays)
        return np.sum(np.conjugate(left) * right, axis=-1)
    for x in arrays:
        if x.dtype.char not in KERNELS:
            raise TypeError(
                f"vecdot: there is no exact result for dtype {x.dtype}; "
                f"supported are {_NUMBERS} and object"
            )
    return _native.vecdot(*arrays, axis=axis)


def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """`mypackage.cumsum` of anything."""
    if is_dask(a):
        from . import dask

        return dask.cumsum(a, axis=axis, dtype=dtype, out=out)
    array = np.asanyarray(a)
    if isinstance(array, np.ma.MaskedArray):
        # Masked elements count as 0 and stay masked.
        result = cumsum(array.filled(0), axis, dtype, None if out is None else np.asarray(out))
        mask = np.ma.getmaskarray(array)
        result = np.ma.array(result, mask=mask.ravel() if axis is None else mask)
        if out is None:
            return result
        if isinstance(out, np.ma.MaskedArray):
            out.mask = result.mask
        return out
    if type(array) is not np.ndarray:
        result = cumsum(array.view(np.ndarray), axis, dtype, out)
        if out is not None or isinstance(array, np.memmap):
            return result
        return array.__array_wrap__(result)
    if array.dtype.char in KERNELS:
        return _native.cumsum(array, axis, dtype, out)
    if array.dtype.kind == "O":
        return np.cumsum(array, axis, dtype, out)
    raise TypeError(
        f"cumsum: there is no exact result for dtype {array.dtype}; "
        f"supported are {_NUMBERS} and object"
    )


def _plain(name: str, a: np.ndarray, arguments: dict[str, Any]) -> Any:
    if a.dtype.char in KERNELS:
        return getattr(_native, name)(a, **arguments)
    return _special(name, a, arguments)


def _special(name: str, a: np.ndarray, arguments: dict[str, Any]) -> Any:
    """Arrays of dtypes without a kernel."""
    if a.dtype.kind == "O":
        return getattr(np, name)(a, **arguments)
    if a.dtype.kind == "m":
        return _timedelta(name, a, arguments)
    raise TypeError(
        f"{name}: there is no exact result for dtype {a.dtype}; supported are {_SUPPORTED}"
    )


def _timedelta(name: str, a: np.ndarray, arguments: dict[str, Any]) -> Any:
    """Time differences are sums of integers; NaT is their NaN."""
    unit = a.dtype.newbyteorder("=")
    dtype = arguments.pop("dtype", None)
    if dtype is not None and np.dtype(dtype).kind != "m":
        raise TypeError(f"{name}: the result of {a.dtype} elements is a timedelta, not {dtype}")
    out = arguments.pop("out", None)
    initial = arguments.pop("initial", None)
    if initial is not None:
        arguments["initial"] = int(np.asarray(initial).astype(unit).astype("i8"))
    missing = np.isnat(a)
    where = arguments.pop("where", True)
    exact = getattr(_native, name.removeprefix("nan"))
    included = np.logical_and(where, ~missing)
    counts = np.sum(
        np.broadcast_to(included, a.shape),
        axis=arguments.get("axis"),
        keepdims=arguments.get("keepdims", False),
    )
    poisoned = np.any(
        missing, axis=arguments.get("axis"), keepdims=arguments.get("keepdims", False), where=where
    )
    if name.endswith("mean"):
        empty = counts == 0
        with_one = {k: v for k, v in arguments.items() if k != "initial"}
        if np.any(empty & ~poisoned) or (name == "nanmean" and np.any(empty)):
            from ._errors import report_empty

            report_empty(name)
        poisoned = (poisoned | empty) if name == "mean" else empty
        total = _native.sum(a.view("i8") if a.dtype.isnative else a.astype(unit).view("i8"),
                            where=included, **with_one)
        # Half to even, as everywhere.
        safe = np.where(empty, 1, counts)
        quotient, remainder = np.divmod(total, safe)
        up = (2 * remainder > safe) | ((2 * remainder == safe) & (quotient % 2 == 1))
        value = quotient + up
    else:
        value = exact(
            a.view("i8") if a.dtype.isnative else a.astype(unit).view("i8"),
            where=included,
            **arguments,
        )
        if name == "nansum":
            poisoned = np.zeros_like(poisoned)
    result = np.where(poisoned, np.timedelta64("NaT").view("i8"), value).view(unit)
    if dtype is not None:
        result = result.astype(dtype)
    if out is not None:
        np.copyto(out, result, casting="same_kind")
        return out
    return result[()]


def _masked(name: str, a: np.ma.MaskedArray, arguments: dict[str, Any]) -> Any:
    """Masked elements are left out; a result of nothing but masked elements is masked."""
    out = arguments.pop("out", None)
    valid = ~np.ma.getmaskarray(a)
    where = arguments.pop("where", True)
    if where is not True:
        valid &= np.broadcast_to(np.asarray(where, dtype=bool), a.shape)
    axis, keepdims = arguments.get("axis"), bool(arguments.get("keepdims", False))
    nothing = ~np.any(valid, axis=axis, keepdims=keepdims)
    if name.endswith("mean"):
        # A mean of nothing is masked, and no cause for a warning.
        arguments["where"] = valid | np.expand_dims(nothing, _axes(axis, a.ndim)) if (
            not keepdims
        ) else valid | nothing
    else:
        arguments["where"] = valid
    data = reduce(name, np.asarray(a.data), **arguments)
    if out is not None:
        np.copyto(out, data, casting="same_kind")
        if isinstance(out, np.ma.MaskedArray):
            out.mask = nothing
        return out
    if np.ndim(data) == 0 and not isinstance(data, np.ndarray):
        return np.ma.masked if nothing else data
    result = np.asarray(data).view(type(a))
    result.mask = nothing
    return result


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    return axis if isinstance(axis, tuple) else (axis,)


def _subclass(name: str, a: np.ndarray, arguments: dict[str, Any]) -> Any:
    """An array of a subclass: its result is wrapped as NumPy would."""
    if isinstance(a, np.matrix):
        # A matrix stays two-dimensional unless it becomes a scalar.
        arguments["keepdims"] = arguments.get("axis") is not None
    result = reduce(name, a.view(np.ndarray), **arguments)
    if "out" in arguments and arguments["out"] is not None:
        return result
    if isinstance(a, np.memmap) or not isinstance(result, np.ndarray):
        return result
    return a.__array_wrap__(result)


def _labelled(name: str, a: Any, arguments: dict[str, Any]) -> Any:
    """The result for a pandas or xarray object, None for anything else."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(a, (pandas.Series, pandas.DataFrame)):
        from . import pandas as front

        return front.reduce(name, a, **arguments)
    xarray = sys.modules.get("xarray")
    if xarray is not None and isinstance(a, (xarray.DataArray, xarray.Dataset)):
        from . import xarray as front

        return front.reduce(name, a, **arguments)
    return None
