"""Pairing the blocks of two dask arrays of which one has chunks of unknown size."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from mypackage._extras import require

da = require("dask.array")


def is_unknown(*arrays: Any) -> bool:
    """Whether one of these dask arrays has chunks of unknown size."""
    return any(math.isnan(size) for a in arrays for size in a.shape)


def in_one_block(a: Any, axis: int) -> Any:
    """The array with one block along an axis."""
    axes = list(range(a.ndim))
    inner = [a.ndim if one == axis else one for one in axes]
    # A contraction concatenates the blocks.
    return da.blockwise(
        _first,
        tuple(axes),
        a,
        tuple(inner),
        concatenate=True,
        new_axes={axis: math.nan},
        dtype=a.dtype,
        meta=a._meta,
    )


def flattened(a: Any) -> Any:
    """The array along one axis, in one block."""
    for axis in range(a.ndim):
        a = in_one_block(a, axis)
    return a.map_blocks(
        np.ravel,
        drop_axis=list(range(a.ndim)),
        new_axis=[0],
        chunks=((math.nan,),),
        dtype=a.dtype,
        meta=a._meta.ravel(),
    )


def _first(x: Any) -> Any:
    return x


def paired(name: str, x1: Any, x2: Any, exact: tuple[int, ...], both: bool = False) -> Any:
    """An array whose blocks are pairs: a block of `x1`, and the part of `x2` that goes with it.

    An axis of `x2` (with `both`, of either array) that is known to have length 1 is broadcast,
    except along the axes `exact`. Along an axis of unknown size, arrays with the same number of
    blocks are paired block by block; otherwise one is gathered into a single block, and split into
    the sizes of the other's blocks once these are known. Sizes that do not match raise a
    ValueError: now, or when the array is computed.
    """
    ndim, same = max(x1.ndim, x2.ndim), []
    for at in range(-1, -min(x1.ndim, x2.ndim) - 1, -1):
        one, two = x1.shape[at], x2.shape[at]
        if ndim + at not in exact and (two == 1 or (both and one == 1)):
            continue
        same.append(at)
        if math.isnan(one):
            if not math.isnan(two) or x1.numblocks[at] != x2.numblocks[at]:
                x2 = _dealt(name, x2, x1, at)
        elif math.isnan(two):
            x1 = _dealt(name, x1, x2, at)
        elif one != two:
            raise ValueError(f"{name}: axis {ndim + at} has {one} elements in one array, and {two}")
        else:
            x2 = x2.rechunk({x2.ndim + at: x1.chunks[at]})
    inputs = [(x, tuple(range(ndim - x.ndim, ndim))) for x in (x1, x2)]
    # A broadcast axis is as long as the other array's.
    chunks = {
        place: x.chunks[place - ndim]
        for x, places in inputs
        for place in places
        if x.shape[place - ndim] != 1
    }
    return da.blockwise(
        partial(_pair, name=name, same=tuple(same), both=both),
        tuple(range(ndim)),
        *(part for one in inputs for part in one),
        align_arrays=False,
        adjust_chunks=chunks,
        dtype=x1.dtype,
        meta=np.empty((0,) * ndim, x1.dtype),
    )


def _pair(x1: Any, x2: Any, *, name: str, same: tuple[int, ...], both: bool) -> tuple[Any, Any]:
    for at in same:
        if x1.shape[at] != x2.shape[at]:
            raise ValueError(
                f"{name}: blocks of {x1.shape[at]} and {x2.shape[at]} elements belong together; "
                "call the arrays' compute_chunk_sizes() before"
            )
    if both:
        shape = np.broadcast_shapes(x1.shape, x2.shape)
        x1 = np.broadcast_to(x1, shape, subok=True)
    return x1, np.broadcast_to(x2, x1.shape, subok=True)


def _dealt(name: str, other: Any, a: Any, axis: int) -> Any:
    """`other` split along an axis like the blocks of `a`, which all stay in memory until then."""
    place, count = a.ndim + axis, a.numblocks[axis]
    first = a.blocks[tuple(slice(None) if one == place else 0 for one in range(a.ndim))]
    lengths = da.blockwise(
        partial(_length, axis=axis),
        (place,),
        first,
        tuple(range(a.ndim)),
        concatenate=True,
        adjust_chunks={place: (1,) * count},
        dtype=np.int64,
        meta=np.empty(0, np.int64),
    )
    # A chain, so that the first blocks can be released before the last ones are computed.
    ends = da.cumsum(lengths, axis=0)
    last = da.from_array(np.arange(count) == count - 1, chunks=1)
    along = other.ndim + axis
    whole = in_one_block(other, along)
    return da.blockwise(
        partial(_piece, name=name, axis=axis),
        tuple(range(other.ndim)),
        whole,
        tuple(range(other.ndim)),
        *(part for x in (lengths, ends, last) for part in (x, (along,))),
        align_arrays=False,
        adjust_chunks={along: (math.nan,) * count},
        dtype=other.dtype,
        meta=other._meta,
    )


def _length(x: Any, *, axis: int) -> np.ndarray:
    return np.array([x.shape[axis]])


def _piece(whole: Any, length: Any, end: Any, last: Any, *, name: str, axis: int) -> Any:
    size, stop = whole.shape[axis], int(end[0])
    if stop > size or (last[0] and stop != size):
        least = "" if last[0] else "at least "
        raise ValueError(
            f"{name}: {size} elements do not match the {least}{stop} of the other array along the "
            "same axis"
        )
    return whole[(..., slice(stop - int(length[0]), stop), *(slice(None),) * (-axis - 1))]
