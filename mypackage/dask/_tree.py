"""Exact reductions as trees of tasks: states of chunks, merged, and rounded at the root."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from mypackage import ExactMoments, ExactSum
from mypackage._core import objects
from mypackage._core.input_types import is_dask
from mypackage._core.inputs import array_of, wanted
from mypackage._core.states import Several
from mypackage._errors import warns_of_few, without_warnings_of_few
from mypackage._extras import require
from mypackage._native import run_serially
from mypackage.dask._unknown import is_unknown, paired

da = require("dask.array")


# The values that the nodes of a tree exchange.
State = ExactSum | ExactMoments | objects.States | Several


def lazy(name: str, x: Any) -> Any:
    """A dask array, of what is none without rounding; nulls, labels and units are refused."""
    return x if is_dask(x) else da.asanyarray(array_of(name, x)[0])


def wanted_or_lazy(where: Any) -> Any:
    """What ``where=`` says; True and lazy arrays as they are."""
    return where if where is True or is_dask(where) else wanted(where)


def delivered(result: Any, out: Any) -> Any:
    """The result, or `out`, which becomes it."""
    return result if out is None else require("dask.array.core").handle_out(out, result)


def refuse_other_dtypes(name: str, a: Any) -> None:
    """Refuse objects and times, for functions whose states hold numbers."""
    if a.dtype.kind in "OmM":
        raise TypeError(
            f"{name}: lazy arrays of {a.dtype} have no exact result here; give the array that "
            "compute() makes"
        )


def tree_reduction(
    a: Any,
    second: Any,
    state: Callable[..., State],
    finish: Callable[..., Any],
    *,
    name: str,
    axis: Any,
    dtype: np.dtype[Any],
    keepdims: bool = False,
    split_every: Any = None,
    out: Any = None,
    groups: int | None = None,
    masked: bool = False,
    exact: tuple[int, ...] = (),
) -> Any:
    """Merge ``state(chunk, chunk of second, axis)`` in dask's tree reduction and `finish` the root.

    The axis disappears, or stays with size 1 or `groups`. `second` is broadcast, except along the
    axes `exact`; without it (None, or True for a mask), the blocks of `a` may be pairs.
    """
    if second is True:
        second = None
    if second is not None:
        second = da.asanyarray(second)
        if is_unknown(a, second):
            a, second = paired(name, a, second, exact), None
    if not warns_of_few():
        # The root is computed later, by another thread or process.
        finish = partial(_finish_without_warnings, finish=finish)
    reduced = a.ndim if axis is None else np.size(axis)
    stays = keepdims or groups is not None
    meta = np.empty((0,) * (a.ndim if stays else a.ndim - reduced), dtype)
    return da.reduction(
        a,
        partial(_chunk, state=state),
        partial(_root, finish=finish, expand=keepdims),
        axis=axis,
        keepdims=stays,
        output_size=1 if groups is None else groups,
        dtype=dtype,
        split_every=split_every,
        combine=_merge,
        name=f"mypackage-{name}",
        out=out,
        # A chunk becomes a state, not an array.
        concatenate=False,
        weights=second,
        meta=np.ma.array(meta) if masked else meta,
    )


def _chunk(
    x: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    axis: tuple[int, ...],
    keepdims: bool,
    dtype: Any = None,
    state: Callable[..., State],
    computing_meta: bool = False,
) -> Any:
    """A leaf of the tree. ("weights" is dask's name for a second array.)"""
    if isinstance(x, tuple):
        x, weights = x
    # The scheduler runs chunks in parallel already.
    # (The fill value of masked objects fits no other dtype.)
    return np.ma.getdata(x) if computing_meta else run_serially(state, x, weights, axis)


def _states(nested: Any) -> Iterator[Any]:
    if isinstance(nested, list):
        for item in nested:
            yield from _states(item)
    else:
        yield nested


def _merge(nested: Any, axis: Any = None, keepdims: bool = True) -> Any:
    """An inner node of the tree."""
    first, *others = _states(nested)
    # A task must not change its arguments.
    total = first.copy()
    if others:
        total.merge(*others)
    return total


def _finish_without_warnings(
    total: State, *, finish: Callable[..., Any], dtype: np.dtype[Any]
) -> Any:
    with without_warnings_of_few():
        return finish(total, dtype=dtype)


def _root(
    nested: Any,
    axis: tuple[int, ...],
    keepdims: bool,
    dtype: np.dtype[Any],
    finish: Callable[..., Any],
    expand: bool,
) -> Any:
    result = finish(_merge(nested), dtype=dtype)
    if expand:
        return np.expand_dims(result, axis)
    # A single object is itself, as in memory and of dask's own reductions.
    return result[()] if type(result) is np.ndarray and result.dtype.kind == "O" else result
