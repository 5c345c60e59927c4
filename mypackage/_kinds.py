"""What is not a plain NumPy array: how each kind of input becomes one, and what comes back.

The extension module sums exact ``numpy.ndarray`` objects of the dtypes that have kernels and hands
everything else to `reduce`. Each kind gets the answer of its own kind, as from NumPy's twin;
``docs/numerics.md`` has the table.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, NamedTuple

import numpy as np

from . import _native
from ._errors import report_empty
from ._extras import is_of

# The dtypes that have kernels.
KERNELS = "?bBhHiIlLqQefdFD"
NUMBERS = "bool, integers, float16, float32, float64, complex64, complex128"
_SUPPORTED = f"{NUMBERS}, timedelta64 and object"


class Reduction(NamedTuple):
    """What a reduction does with the elements."""

    mean: bool
    skip_nan: bool


# The reductions of other kinds, by the names of their functions: one that is not here has none.
REDUCTIONS = {
    "sum": Reduction(mean=False, skip_nan=False),
    "nansum": Reduction(mean=False, skip_nan=True),
    "mean": Reduction(mean=True, skip_nan=False),
    "nanmean": Reduction(mean=True, skip_nan=True),
}


def front(module: str) -> Any:
    """The module for one kind of input, imported when it is needed first."""
    return importlib.import_module(f"{__package__}.{module}")


def is_dask(a: object) -> bool:
    """Whether `a` is a dask array."""
    return is_of(a, "dask.array", "Array")


def reduce(name: str, a: Any, **arguments: Any) -> Any:
    """Reduce anything by the function called `name`, given the arguments that were given to it."""
    if is_dask(a):
        return getattr(front("dask"), name)(a, **arguments)
    labelled = _labelled(name, a, arguments)
    if labelled is not None:
        return labelled
    a = as_array(name, a)
    if isinstance(a, np.ma.MaskedArray):
        return _masked(name, a, arguments)
    if type(a) is not np.ndarray:
        return _subclass(name, a, arguments)
    return _array(name, a, arguments)


def as_array(name: str, a: Any) -> Any:
    """What NumPy makes of `a`, unless that is an array of no more than `a` itself."""
    if hasattr(a, "__next__"):
        raise TypeError(
            f"{name}: a generator has no shape; use numpy.fromiter(generator, dtype) or list"
        )
    array = np.asanyarray(a)
    if array.ndim == 0 and array.dtype.kind == "O" and not isinstance(a, np.ndarray):
        # A sparse matrix, for instance, would come back as its own sum.
        for attribute, way in (
            ("__dlpack__", "numpy.from_dlpack"),
            ("sum", "its own conversion to one"),
        ):
            if hasattr(a, attribute):
                raise TypeError(
                    f"{name}: NumPy makes no array of numbers of a {type(a).__name__}; use {way}"
                )
    return array


def as_numbers(name: str, values: Any) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """An exact ``ndarray`` of `values`; of a masked array, its data and what is valid of them."""
    if is_dask(values):
        raise TypeError(f"{name}: a dask array is lazy; add its chunks, or use mypackage.dask")
    if isinstance(values, np.ma.MaskedArray):
        return np.asarray(values.data), ~np.ma.getmaskarray(values)
    return np.asarray(values)


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


def vecdot(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """`mypackage.vecdot` of anything."""
    axis = -1 if axis is None else axis
    if is_dask(x1) or is_dask(x2):
        return front("dask").vecdot(x1, x2, axis=axis)
    for x in (x1, x2):
        kind = _label_kind(x)
        if kind is not None:
            raise TypeError(
                f"vecdot: it does not align the labels of {kind} objects; give their {_PLAIN[kind]}"
            )
    if isinstance(x1, np.ma.MaskedArray) or isinstance(x2, np.ma.MaskedArray):
        # Pairs with a masked element are left out; a result of none is masked.
        valid = [~np.ma.getmaskarray(np.ma.asanyarray(x)) for x in (x1, x2)]
        data = [np.ma.filled(x, 0) for x in (x1, x2)]
        pairs = _native.vecdot(*(v.astype(np.int64) for v in valid), axis=axis)
        # Where one element is masked, the other might be infinite.
        along = [np.moveaxis(x, axis, -1) for x in (*data, *valid)]
        both = np.logical_and(along[2], along[3])
        left, right = (np.where(both, x, np.zeros((), x.dtype)) for x in along[:2])
        result = vecdot(left, right)
        masked = np.ma.array(result, mask=pairs == 0)
        return masked if masked.ndim else masked[()]
    arrays = [np.asarray(x) for x in (x1, x2)]
    if any(x.dtype.kind == "O" for x in arrays):
        if min(x.ndim for x in arrays) == 0:
            raise ValueError("vecdot: a 0-dimensional argument lacks the axis of the vectors")
        left, right = (np.moveaxis(x, axis, -1) for x in arrays)
        if left.shape[-1] != right.shape[-1]:
            raise ValueError(
                f"vecdot: the vectors differ in length: {left.shape[-1]} and {right.shape[-1]}"
            )
        return wrapped(np.sum(np.conjugate(left) * right, axis=-1), x1, x2)
    for x in arrays:
        if x.dtype.char not in KERNELS:
            raise TypeError(
                f"vecdot: there is no exact result for dtype {x.dtype}; "
                f"supported are {NUMBERS} and object"
            )
    return wrapped(_native.vecdot(*arrays, axis=axis), x1, x2)


def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """`mypackage.cumsum` of anything."""
    if is_dask(a):
        return front("dask").cumsum(a, axis=axis, dtype=dtype, out=out)
    kind = _label_kind(a)
    if kind == "arrow":
        raise TypeError(
            f"cumsum: columns of Arrow and polars have no sums here; give {_PLAIN[kind]}"
        )
    if kind is not None:
        if out is not None:
            raise TypeError(f"cumsum: a {kind} object takes no out=; give its {_PLAIN[kind]}")
        return front(kind).cumsum(a, axis=axis, dtype=dtype)
    array = as_array("cumsum", a)
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
        return result if out is not None else wrapped(result, array)
    if array.dtype.char in KERNELS:
        return _native.cumsum(array, axis, dtype, out)
    if array.dtype.kind == "O":
        return np.cumsum(array, axis, dtype, out)
    raise TypeError(
        f"cumsum: there is no exact result for dtype {array.dtype}; "
        f"supported are {NUMBERS} and object"
    )


def _array(name: str, a: np.ndarray, arguments: dict[str, Any]) -> Any:
    if a.dtype.char in KERNELS:
        return getattr(_native, name)(a, **arguments)
    if a.dtype.kind == "O":
        return getattr(np, name)(a, **arguments)
    if a.dtype.kind == "m":
        return _timedelta(name, a, **arguments)
    raise TypeError(
        f"{name}: there is no exact result for dtype {a.dtype}; supported are {_SUPPORTED}"
    )


def _timedelta(
    name: str,
    a: np.ndarray,
    *,
    axis: Any = None,
    dtype: Any = None,
    out: np.ndarray | None = None,
    keepdims: bool = False,
    initial: Any = 0,
    where: Any = True,
) -> Any:
    """Time differences are integers; NaT is their NaN."""
    if not isinstance(out, (np.ndarray, type(None))):
        raise TypeError(f"{name}: out must be an array, not {type(out).__name__}")
    dtype = np.dtype(dtype or (a.dtype if out is None else out.dtype)).newbyteorder("=")
    if dtype.kind != "m":
        raise TypeError(f"{name}: the result of {a.dtype} elements is a timedelta64, not {dtype}")
    unit = a.dtype.newbyteorder("=")
    ticks = a.astype(unit, copy=False).view(np.int64)
    over: dict[str, Any] = {"axis": axis, "keepdims": keepdims}
    where = np.broadcast_to(np.asarray(where, bool), a.shape)
    counted = where & ~np.isnat(a)
    mean, skip_nan = REDUCTIONS[name]
    lost = np.False_ if skip_nan else np.any(where & ~counted, **over)
    fits = True
    if not mean:
        initial = None if initial is None else int(np.asarray(initial, unit).view(np.int64))
        try:
            total = _native.sum(ticks, initial=initial, where=counted, **over)
            # The lowest number is NaT's.
            fits = not np.any(np.equal(total, np.iinfo(np.int64).min))
        except OverflowError:
            total, fits = 0, False
    else:
        count = np.sum(counted, **over)
        if np.any((count == 0) & ~lost):
            report_empty(name)
        lost = lost | (count == 0)
        total = _native.sum(ticks, dtype=object, where=counted, **over)
        total = _rounded_quotients(total, np.maximum(count, 1))
    exact = np.asarray(total, np.int64).view(unit)
    try:
        result = exact.astype(dtype)
        # Before NumPy 2.5 a conversion to a finer unit wraps.
        wraps = np.can_cast(unit, dtype) and bool(np.any(result.astype(unit) != exact))
    except OverflowError:
        wraps = True
    if wraps or not fits:
        raise OverflowError(f"{name}: an exact result does not fit {dtype}; use a coarser unit")
    result = np.where(lost, np.array("NaT", result.dtype), result)
    if out is None:
        return result[()]
    if out.shape != result.shape:
        raise ValueError(
            f"{name}: out has shape {out.shape}, but the result has shape {result.shape}"
        )
    np.copyto(out, result, casting="same_kind")
    return out


def _rounded_quotients(totals: Any, counts: Any) -> Any:
    """The quotients of Python ints, rounded half to even."""
    # Only here: fractions and its decimal cost an import more than all of this package.
    from fractions import Fraction

    quotient = np.frompyfunc(lambda total, count: round(Fraction(total, int(count))), 2, 1)
    return quotient(totals, counts)


def _masked(name: str, a: np.ma.MaskedArray, arguments: dict[str, Any]) -> Any:
    """Masked elements are left out; a result of nothing but masked elements is masked."""
    valid = ~np.ma.getmaskarray(a)
    valid &= np.asarray(arguments.pop("where", True), bool)
    data, (mean, skip_nan) = a.data, REDUCTIONS[name]
    if a.dtype.kind == "O":
        if skip_nan:
            valid &= np.equal(data, data).astype(bool)
        reduction = getattr(np.ma, name.removeprefix("nan"))
        return reduction(np.ma.array(data, mask=~valid), **arguments)
    axis, keepdims = arguments.get("axis"), bool(arguments.get("keepdims", False))
    nothing = ~np.any(valid, axis=axis, keepdims=True)
    if mean and np.any(nothing):
        # A mean of nothing is masked and no cause for a warning: make it one of zeros.
        data, valid = np.where(nothing, np.zeros((), a.dtype), data), valid | nothing
    if not keepdims:
        nothing = np.any(nothing, axis=axis)
    out = arguments.get("out")
    if isinstance(out, np.ma.MaskedArray):
        reduce(name, data, where=valid, **{**arguments, "out": out.data})
        out.mask = nothing
        return out
    result = reduce(name, data, where=valid, **arguments)
    if out is not None:
        return out
    if np.ndim(result) == 0:
        return np.ma.masked if nothing else result
    return np.ma.MaskedArray(result, nothing).view(type(a))


def _subclass(name: str, a: np.ndarray, arguments: dict[str, Any]) -> Any:
    """An array of a subclass: its result is wrapped as NumPy would."""
    if isinstance(a, np.matrix) and arguments.get("axis") is not None:
        # A matrix stays two-dimensional unless it becomes a scalar.
        arguments["keepdims"] = True
    result = reduce(name, a.view(np.ndarray), **arguments)
    return result if result is arguments.get("out") else wrapped(result, a)


def wrapped(result: Any, *sources: Any) -> Any:
    """A result of arrays as the subclass among them, if there is one, would have it of NumPy."""
    plain = (np.ndarray, np.memmap)
    subclassed = [x for x in sources if isinstance(x, np.ndarray) and type(x) not in plain]
    if not subclassed:
        return result
    kind = max(subclassed, key=lambda x: x.__array_priority__)
    if np.ndim(result) == 0 and isinstance(kind, np.matrix):
        return result
    return kind.__array_wrap__(np.asarray(result))


def _labelled(name: str, a: Any, arguments: dict[str, Any]) -> Any:
    """The result for a pandas or xarray object or an Arrow column, None for anything else."""
    kind = _label_kind(a)
    return None if kind is None else front(kind).reduce(name, a, **arguments)


# How each of these kinds gives its numbers to NumPy.
_PLAIN = {"pandas": "to_numpy()", "xarray": ".data", "arrow": "to_numpy()"}


def _label_kind(a: Any) -> str | None:
    """The front for a pandas or xarray object or an Arrow column, None for anything else."""
    if is_of(a, "pandas", "Series", "DataFrame"):
        return "pandas"
    if is_of(a, "xarray", "DataArray", "Dataset"):
        return "xarray"
    if {"pyarrow", "polars"} & sys.modules.keys() and front("arrow").is_column(a):
        return "arrow"
    return None
