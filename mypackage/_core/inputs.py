"""What functions of arrays alone take: numbers, without labels, units or anything missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import lists, units
from .kinds import KERNELS, as_array, front, is_dask, label_kind, own_numbers, unsupported


def without_labels(name: str, a: Any, remedy: str = "") -> Any:
    """An Arrow column as an array; what is lazy or has labels is refused.

    `remedy` is another way out than to give the plain numbers.
    """
    if is_dask(a):
        raise TypeError(f"{name}: a dask array is lazy; give its compute(){remedy}")
    kind = label_kind(a)
    if kind == "arrow":
        return front(kind).plain(a, name)
    if kind is not None:
        raise TypeError(
            f"{name}: it does not align the labels of {kind} objects; give {own_numbers(a)}{remedy}"
        )
    return a


def wanted(where: Any) -> np.ndarray:
    """What ``where=`` says, as bools; masked elements are not wanted.

    Raises
    ------
    TypeError
        If it is lazy.
    ValueError
        If something is missing.
    """
    if isinstance(where, np.ma.MaskedArray):
        return np.asarray(where.filled(False), bool)
    if is_dask(where):
        raise TypeError("where: a dask array is lazy; give its compute()")
    kind, missing = label_kind(where), 0
    if kind == "arrow" and not front(kind).is_table(where):
        where, nulls = front(kind).values_of(where, "where")
        missing = int(np.sum(nulls))
    elif kind == "pandas":
        missing = int(np.sum(np.asarray(where.isna())))
    if missing:
        raise ValueError(
            f"where: {missing} of its elements are missing, so that nobody knows what is wanted; "
            "fill them, with False say"
        )
    return np.asarray(where, bool)


def array_of(name: str, a: Any, remedy: str = "") -> tuple[Any, np.dtype[Any] | None]:
    """An array with the exact numbers of `a`, and what results are rounded to if NumPy would.

    It is of objects where no other dtype holds them all, and masked if `a` is.
    """
    a = without_labels(name, a, remedy)
    units.refuse(name, a)
    array, dtype = lists.exact(a, as_array(name, a))
    if array.dtype.names:
        # (Also before a mask of records is looked at.)
        raise unsupported(name, array.dtype)
    return array, dtype


def numbers_of(name: str, a: Any, remedy: str = "", also: str = "") -> np.ndarray:
    """A plain array of a dtype with kernels, or of one of the kinds `also`.

    Raises
    ------
    TypeError
        If there is none that is no less than `a`.
    """
    array, _ = array_of(name, a, remedy)
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(
            f"{name}: a masked array has elements without a value; give compressed(), or filled(0)"
        )
    array = np.asarray(array)
    if array.dtype.char not in KERNELS and array.dtype.kind not in also:
        raise unsupported(name, array.dtype)
    return array


@contextmanager
def named(name: str, inner: str) -> Iterator[None]:
    """Errors of a function that another one calls begin with the name of that other one."""
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        message = str(error)
        if type(error).__module__ != "builtins" or not message.startswith(f"{inner}: "):
            raise
        raise type(error)(name + message.removeprefix(inner)) from None
