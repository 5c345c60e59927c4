"""Input for functions that take only plain numbers, without labels, units or missing values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import lists, units
from .input_types import (
    KERNELS,
    as_array,
    front,
    is_dask,
    label_kind,
    own_numbers,
    refuse_dask,
    unsupported,
)


def without_labels(name: str, a: Any, remedy: str = "") -> Any:
    """An Arrow column as an array; lazy or labelled input is refused.

    `remedy` is what the error suggests, beside passing the plain numbers.
    """
    refuse_dask(name, a, f"give its compute(){remedy}")
    kind = label_kind(a)
    if kind == "arrow":
        return front(kind).plain(a, name)
    if kind is not None:
        raise TypeError(
            f"{name}: it does not align the labels of {kind} objects; give {own_numbers(a)}{remedy}"
        )
    return a


def wanted(where: Any) -> np.ndarray:
    """The argument ``where=`` as bools, False where it is masked.

    Raises
    ------
    TypeError
        If it is a dask array.
    ValueError
        If an element is missing.
    """
    if isinstance(where, np.ma.MaskedArray):
        return np.asarray(where.filled(False), bool)
    refuse_dask("where", where, "give its compute()")
    kind, missing = label_kind(where), 0
    if kind == "arrow" and not front(kind).is_table(where):
        where, nulls = front(kind).values_of(where, "where")
        missing = int(np.sum(nulls))
    elif kind == "pandas":
        missing = int(np.sum(np.asarray(where.isna())))
    elif kind == "xarray" and hasattr(where, "isnull") and not is_dask(where.data):
        missing = int(np.sum(where.isnull().values))
    _refuse_missing(missing)
    return np.asarray(where, bool)


def wanted_of_block(where: Any) -> np.ndarray:
    """The same of a block of a lazy array that belongs to xarray, to which a NaN is missing."""
    array = np.asarray(where, object)
    _refuse_missing(sum(x is None or x != x for x in array.ravel().tolist()))
    return np.asarray(where, bool)


def _refuse_missing(count: int) -> None:
    if count:
        raise ValueError(
            f"where: {count} of its elements are missing, so that nobody knows what is wanted; "
            "fill them, with False say"
        )


def beside(name: str, argument: str, value: Any) -> np.ndarray:
    """The exact numbers of an argument that goes with the elements, by position.

    Raises
    ------
    TypeError
        If it is lazy or has a unit.
    ValueError
        If one of its numbers is missing or masked.
    """
    if type(value) is np.ndarray:
        return value
    what = f"{name}: {argument}"
    kind, missing = label_kind(value), np.zeros((), bool)
    if kind == "pandas":
        value = front(kind).plain_weights(name, value, argument)
    elif kind == "arrow":
        if front(kind).is_table(value):
            front(kind).plain(value, what)
        value, missing = front(kind).values_of(value, what)
    elif kind is not None:
        value, present = front(kind).valid(what, value, True)
        missing = np.logical_not(present)
    refuse_dask(what, value, "give its compute()")
    units.refuse(what, value)
    array, _ = lists.exact(value, as_array(what, value))
    if isinstance(array, np.ma.MaskedArray) and not array.dtype.names:
        missing = np.ma.getmaskarray(array)
    if count := int(np.count_nonzero(missing)):
        raise ValueError(
            f"{what}: {count} of its elements are missing or masked, so that they have no value; "
            "fill them"
        )
    return np.asarray(array)


def array_of(name: str, a: Any, remedy: str = "") -> tuple[Any, np.dtype[Any] | None]:
    """An array with the exact numbers of `a`, and the dtype of results if NumPy would round `a`.

    It has dtype object if no other holds all the numbers, and is masked if `a` is.
    """
    a = without_labels(name, a, remedy)
    units.refuse(name, a)
    array, dtype = lists.exact(a, as_array(name, a))
    if array.dtype.names:
        # (Before the mask, since that of records is not an array of bools.)
        raise unsupported(name, array.dtype)
    return array, dtype


def numbers_of(name: str, a: Any, remedy: str = "", also: str = "") -> np.ndarray:
    """A plain array of a dtype with kernels, or of a dtype kind in `also`.

    Raises
    ------
    TypeError
        If that would lose something that `a` has.
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
    """Replace the function name at the beginning of errors by that of the calling function."""
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        message = str(error)
        if type(error).__module__ != "builtins" or not message.startswith(f"{inner}: "):
            raise
        raise type(error)(name + message.removeprefix(inner)) from None
