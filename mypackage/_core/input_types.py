"""Classifying input without importing the libraries that it may come from."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, MappingView, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import Any

import numpy as np

from mypackage._extras import is_of

# The dtypes that have kernels.
KERNELS = "?bBhHiIlLqQefdFD"
NUMBERS = "bool, integers, float16, float32, float64, complex64, complex128"

# The most axes that an array has in NumPy.
_MAXDIMS = 64
# The classes that lists usually hold, which have nothing to lose.
_PLAIN_PARTS = {float, int, complex, bool, list, tuple, np.ndarray}
# Classes that are told from those of other packages at once, which most calls of functions need.
_PLAIN_INPUT = {*_PLAIN_PARTS, type(None)}

# The attribute or method that gives the plain numbers of each labelled kind.
PLAIN = {"pandas": "to_numpy()", "xarray": ".data", "arrow": "to_numpy()"}


def own_numbers(a: Any) -> str:
    """How to get the numbers of a labelled object as a NumPy array, missing values left out."""
    kind = label_kind(a)
    if kind == "pandas" and np.ndim(a) == 2:
        return "each column's to_numpy()"
    if kind == "pandas" and getattr(a.dtype, "tz", None) is not None:
        # Here to_numpy() returns objects.
        return f"its {'dt.' if hasattr(a, 'dt') else ''}tz_convert(None).to_numpy()"
    if kind == "pandas" and np.any(a.isna()):
        return "its dropna().to_numpy()"
    if kind == "xarray" and not hasattr(a, "data"):
        return "the .data of each variable"
    return f"its {PLAIN[kind]}" if kind else "its compute()"


def unsupported(name: str, dtype: np.dtype[Any], others: str = "") -> TypeError:
    """The error for a dtype without kernels, with a remedy."""
    if dtype.names:
        way = "; give one of its fields, as a['name']"
    elif dtype.kind == "O":
        way = "; numpy.asarray(a, float) rounds such numbers to float64"
    elif dtype.kind in "mM":
        way = "; a.view('i8') has its ticks"
    else:
        way = "; a.astype(float) makes float64 of what it can"
    supported = f"{NUMBERS}{others}"
    if " and " not in others:
        supported = " and ".join(supported.rsplit(", ", 1))
    return TypeError(
        f"{name}: there is no exact result for dtype {dtype}; supported are {supported}{way}"
    )


def front(module: str) -> Any:
    """The module for one kind of input, imported on first use."""
    return importlib.import_module(f"mypackage.{module}")


def is_dask(a: object) -> bool:
    """Whether `a` is a dask array."""
    return type(a) not in _PLAIN_INPUT and is_of(a, "dask.array", "Array")


def refuse_dask(name: str, a: object, way: str) -> None:
    """Refuse a dask array, with what to do instead."""
    if is_dask(a):
        raise TypeError(f"{name}: a dask array is lazy; {way}")


def goes_to_dask(array: Any, other: Any) -> bool:
    """Whether an array and its labels or weights are a matter of `mypackage.dask`.

    A labelled array has an owner, which says what becomes of a lazy second input.
    """
    return is_dask(array) or (is_dask(other) and label_kind(array) not in ("pandas", "xarray"))


def label_kind(a: Any) -> str | None:
    """The kind of a pandas or xarray object or an Arrow column or table, else None."""
    if type(a) in _PLAIN_INPUT:
        return None
    if is_of(a, "pandas", "Series", "DataFrame", "Index"):
        return "pandas"
    if is_of(a, "pandas.api.extensions", "ExtensionArray"):
        return "pandas"
    if is_of(a, "xarray", "DataArray", "Dataset", "Variable"):
        return "xarray"
    if {"pyarrow", "polars"} & sys.modules.keys():
        arrow = front("arrow")
        if arrow.is_column(a) or arrow.is_table(a):
            return "arrow"
    return None


# Classes that no function takes, by package and part of the class name, with what to do instead.
_REFUSED = (
    ("pandas", "GroupBy", "mypackage.pandas.group_sum and group_mean take the object and its keys"),
    ("pandas", "Resampler", "mypackage.pandas.group_sum takes a pandas.Grouper(freq=...)"),
    ("pandas", "Rolling", "give the Series itself to a function for moving windows"),
    ("pandas", "Expanding", "mypackage.cumsum takes the Series itself"),
    ("pandas", "Window", "give the Series itself to a function for moving windows"),
    ("xarray", "GroupBy", "mypackage.xarray.group_sum and group_mean take the object and the name"),
    ("xarray", "Resample", "mypackage.xarray.group_sum takes the object and floored times"),
    ("xarray", "Weighted", "mypackage.average takes the object and weights="),
    ("xarray", "Rolling", "give its construct() and the dimension of the window"),
    ("xarray", "Coarsen", "give its construct() and the dimension of the window"),
    ("polars", "LazyFrame", "give its .collect()"),
    ("polars", "GroupBy", "mypackage.group_sum takes labels and values"),
    ("pyarrow", "Scalar", "give its .as_py()"),
    ("dask", "Series", "give its .to_dask_array()"),
    ("dask", "DataFrame", "give its .to_dask_array()"),
    ("dask", "Index", "give its .to_dask_array()"),
)


def refuse(name: str, a: Any) -> None:
    """Refuse objects that are not arrays of numbers, with what to pass instead."""
    if isinstance(a, (np.ndarray, list, tuple, float, int)):
        return
    kind = type(a).__name__
    if hasattr(a, "__next__"):
        raise TypeError(
            f"{name}: a generator has no shape; use numpy.fromiter(generator, dtype) or list"
        )
    if a is None:
        raise TypeError(f"{name}: None is not a number; give an array, a list or a number")
    if isinstance(a, Mapping):
        raise TypeError(f"{name}: a {kind} is not an array; give list(a.values())")
    if isinstance(a, (AbstractSet, MappingView)):
        raise TypeError(f"{name}: a {kind} is not an array; give list(a)")
    for base in type(a).__mro__:
        package = base.__module__.partition(".")[0].partition("_")[0]
        for refused, part, way in _REFUSED:
            if package == refused and part in base.__name__:
                raise TypeError(f"{name}: a {kind} is not an array of numbers; {way}")


def _refuse_parts(name: str, a: Sequence[Any]) -> None:
    """Refuse lists of masked, labelled or lazy arrays and of quantities.

    NumPy would make an array without their masks, labels and units.
    """
    for kind, parts in _by_class(a).items():
        part = parts[0]
        if isinstance(part, np.ma.MaskedArray):
            raise TypeError(
                f"{name}: NumPy makes an array without masks of these masked arrays; give "
                "numpy.ma.stack(a)"
            )
        if is_dask(part):
            raise TypeError(
                f"{name}: the dask arrays in this list are lazy; give dask.array.stack(a)"
            )
        if isinstance(part, np.ndarray) or is_of(part, "pint", "Quantity"):
            unit = str(getattr(part, "unit", getattr(part, "units", None)))
            if type(part).__array_function__ is not np.ndarray.__array_function__ and (
                unit not in ("", "dimensionless")
            ):
                raise TypeError(
                    f"{name}: NumPy makes an array of these {kind.__name__} objects without what "
                    "they have beside their numbers, a unit say; give numpy.stack(a)"
                )
            continue
        owner = label_kind(part)
        if owner is not None and _lose_something(owner, parts):
            raise TypeError(
                f"{name}: an array of the {kind.__name__} objects in this list would be without "
                f"their labels, which differ, or what is missing; of each give {own_numbers(part)}"
            )


def _by_class(a: Sequence[Any]) -> dict[type, list[Any]]:
    """What is in nested lists, by class, except plain numbers and arrays."""
    found: dict[type, list[Any]] = {}
    lists: list[Sequence[Any]] = [a]
    # Level by level. (Deeper than NumPy's arrays may be, a list is refused or an object.)
    for _ in range(_MAXDIMS):
        kinds = set(map(type, chain.from_iterable(lists)))
        for kind in kinds - _PLAIN_PARTS:
            if not issubclass(kind, (np.generic, str)):
                parts = (x for x in chain.from_iterable(lists) if type(x) is kind)
                found.setdefault(kind, []).extend(parts)
        if not kinds & {list, tuple}:
            break
        lists = [x for x in chain.from_iterable(lists) if type(x) in (list, tuple)]
    return found


def _lose_something(owner: str, parts: list[Any]) -> bool:
    """Whether a plain array of these labelled objects would lose something."""
    first = parts[0]
    if owner == "arrow":
        nulls = [getattr(x, "null_count", None) for x in parts]
        return any(map(front(owner).is_table, parts)) or any(
            x() if callable(x) else x for x in nulls
        )
    if owner == "pandas":
        if len({dtype for x in parts if np.ndim(x) == 2 for dtype in x.dtypes}) > 1:
            return True
        indices = [getattr(x, "index", None) for x in parts]
        alike = all(x is None or x.equals(indices[0]) for x in indices)
        return not alike or any(np.any(x.isna()) for x in parts)
    if not hasattr(first, "data") or any(is_dask(x.data) for x in parts):
        return True
    alike = all(x.dims == first.dims for x in parts) and all(
        x.indexes[dim].equals(first.indexes.get(dim))
        for x in parts
        for dim in getattr(x, "indexes", ())
    )
    return not alike or any(bool(x.isnull().any()) for x in parts)


def as_array(name: str, a: Any) -> Any:
    """NumPy's array of `a`, unless that is only an object array with `a` in it."""
    refuse(name, a)
    if isinstance(a, (list, tuple)):
        _refuse_parts(name, a)
    array = np.asanyarray(a)
    if array.ndim == 0 and array.dtype.kind == "O" and not isinstance(a, np.ndarray):
        # The sum of a sparse matrix, for instance, would be the matrix itself.
        for attribute, way in (
            ("__dlpack__", "numpy.from_dlpack"),
            ("sum", "its own conversion to one"),
        ):
            if hasattr(a, attribute):
                raise TypeError(
                    f"{name}: NumPy makes no array of numbers of a {type(a).__name__}; use {way}"
                )
    return array
