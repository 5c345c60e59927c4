"""Which kind of thing an input is, found without importing what makes such things."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np

from mypackage._extras import is_of

# The dtypes that have kernels.
KERNELS = "?bBhHiIlLqQefdFD"
NUMBERS = "bool, integers, float16, float32, float64, complex64, complex128"

# How each labelled kind gives its numbers to NumPy.
PLAIN = {"pandas": "to_numpy()", "xarray": ".data", "arrow": "to_numpy()"}


def front(module: str) -> Any:
    """The module for one kind of input, imported when it is needed first."""
    return importlib.import_module(f"mypackage.{module}")


def is_dask(a: object) -> bool:
    """Whether `a` is a dask array."""
    return is_of(a, "dask.array", "Array")


def label_kind(a: Any) -> str | None:
    """The front for a pandas or xarray object or an Arrow column, None for anything else."""
    if is_of(a, "pandas", "Series", "DataFrame"):
        return "pandas"
    if is_of(a, "xarray", "DataArray", "Dataset"):
        return "xarray"
    if {"pyarrow", "polars"} & sys.modules.keys() and front("arrow").is_column(a):
        return "arrow"
    return None


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
