"""Cumulative sums of dask arrays, also those of each label."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import mypackage
from mypackage import ExactSum
from mypackage._core.axes import normalised
from mypackage._core.groups import labels_of
from mypackage._core.input_types import is_dask
from mypackage._core.reductions import REDUCTIONS
from mypackage._core.states import result_dtype
from mypackage._extras import require
from mypackage._native import run_serially
from mypackage.dask._masked import is_masked
from mypackage.dask._objects import carry as carry_objects
from mypackage.dask._objects import prefixes as prefixes_of_objects
from mypackage.dask._sums import sum_state
from mypackage.dask._times import as_ticks, as_times, is_lost
from mypackage.dask._tree import delivered, lazy, refuse_other_dtypes
from mypackage.dask._unknown import flattened, in_one_block, is_unknown

if TYPE_CHECKING:
    from dask.array import Array

da = require("dask.array")


def group_cumsum(
    group_idx: Any,
    array: Any,
    *,
    axis: int = -1,
    size: int | None = None,
    fill_value: Any = 0,
    dtype: Any = None,
) -> Array:
    """Exact cumulative sums of the elements of a dask array with the same label, each rounded once.

    Parameters
    ----------
    group_idx : array_like or dask.array.Array of int, shape (n,)
        The group of each position along `axis`; a negative label belongs to none.
    array : dask.array.Array, shape (..., n, ...)
        The elements.
    axis : int, optional
        The axis of `array` that the labels belong to; the last by default.
    size : int, optional
        The number of groups: labels must be less.
    fill_value : scalar, optional
        The result of elements that are in no group.
    dtype : dtype, optional
        What the exact prefixes are rounded to.

    Returns
    -------
    dask.array.Array
        Lazy; in one chunk along `axis`, the only one that is read as a whole.

    Raises
    ------
    ValueError
        If the labels do not match the axis, or one is not below `size`; of lazy labels when the
        result is computed.
    TypeError
        If the elements have no exact sums.

    See Also
    --------
    group_sum, cumsum, mypackage.group_cumsum

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> lazy = da.from_array([1e16, 5.0, 1.0, 2.0, -1e16], chunks=2)
    >>> mypackage.dask.group_cumsum([0, 1, 0, 1, 0], lazy).compute()
    array([1.e+16, 5.e+00, 1.e+16, 7.e+00, 1.e+00])
    """
    name = "group_cumsum"
    array = lazy(name, array)
    if array.ndim == 0:
        raise ValueError(f"{name}: array must have at least one axis")
    (place,) = normalised(name, axis, array.ndim)
    labels = group_idx if is_dask(group_idx) else da.from_array(labels_of(name, group_idx), -1)
    if labels.ndim != 1:
        raise ValueError(f"{name}: group_idx must have one axis, not {labels.ndim}")
    lengths = (labels.shape[0], array.shape[place])
    if lengths[0] != lengths[1] and not is_unknown(labels, array):
        raise ValueError(
            f"{name}: group_idx has {lengths[0]} labels, but axis {place} of array has "
            f"length {lengths[1]}"
        )
    options = {"size": size, "fill_value": fill_value, "dtype": dtype}
    if not is_dask(group_idx):
        # What is wrong with these is known now.
        mypackage.group_cumsum(group_idx, np.zeros(lengths[0], bool), size=size)
    one = mypackage.group_cumsum([0], np.ones(1, array.dtype), dtype=dtype)
    whole, labels = (
        in_one_block(x, at) if is_unknown(x) else x.rechunk({at: -1})
        for x, at in ((array, place), (labels, 0))
    )
    meta = np.empty((0,) * array.ndim, one.dtype)
    axes = tuple(range(array.ndim))
    return da.blockwise(
        partial(_group_prefixes, axis=place, options=options),
        axes,
        labels,
        (place,),
        whole,
        axes,
        align_arrays=False,
        dtype=one.dtype,
        meta=np.ma.array(meta) if is_masked(array) else meta,
    )


def _group_prefixes(labels: Any, x: Any, *, axis: int, options: dict[str, Any]) -> Any:
    return run_serially(partial(mypackage.group_cumsum, labels, x, axis=axis, **options))


def cumsum(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Array:
    """Exact cumulative sums of a dask array along an axis, every prefix rounded once.

    Parameters
    ----------
    a : dask.array.Array
        Of known chunk sizes.
    axis : int, optional
        By default, the flattened array is summed.
    dtype : dtype, optional
        What the exact cumulative sums are rounded to.
    out : dask.array.Array, optional
        An array that is given the result.

    Returns
    -------
    dask.array.Array
        Lazy, with the chunks of `a`. Each chunk is read twice: for its sum, then for its prefixes.

    See Also
    --------
    mypackage.cumsum, dask.array.cumsum

    Examples
    --------
    >>> import dask.array as da, mypackage.dask
    >>> a = da.from_array([1e16, 1.0, 1.0, -1e16], chunks=1)
    >>> float(mypackage.dask.cumsum(a)[-1].compute())
    2.0
    """
    a = da.asanyarray(a)
    if a.dtype.kind in "Om" and is_masked(a):
        # Masked elements count as 0 and stay masked.
        hidden = da.ma.getmaskarray(a)
        if axis is None:
            hidden = flattened(hidden) if a.ndim > 1 and is_unknown(a) else hidden.flatten()
        result = cumsum(da.ma.filled(a, 0), axis, dtype)
        result = da.ma.masked_array(result, hidden)
        return delivered(result, out)
    if a.dtype.kind == "m":
        return _time_prefixes(a, axis, dtype, out)
    if a.dtype.kind != "O":
        refuse_other_dtypes("cumsum", a)
    if axis is None:
        a, axis = flattened(a) if a.ndim > 1 and is_unknown(a) else a.flatten(), 0
    axis = range(a.ndim)[axis]
    dtype = mypackage.cumsum(np.ones(1, a.dtype), dtype=dtype).dtype
    before_block, of_block = (
        (_carry, _prefixes) if a.dtype.kind != "O" else (carry_objects, prefixes_of_objects)
    )
    name = f"mypackage-cumsum-{require('dask.base').tokenize(a, axis, dtype)}"
    graph: dict[Any, Any] = {}
    for index in np.ndindex(*a.numblocks):
        before = (*index[:axis], index[axis] - 1, *index[axis + 1 :])
        block, carry = (a.name, *index), None
        if index[axis]:
            carry = (f"{name}-carry", *index)
            previous = (f"{name}-carry", *before) if before[axis] else None
            graph[carry] = (run_serially, before_block, previous, (a.name, *before), axis)
        graph[(name, *index)] = (run_serially, of_block, carry, block, axis, dtype)
    layers = require("dask.highlevelgraph").HighLevelGraph
    graph = layers.from_collections(name, graph, dependencies=[a])
    result = da.Array(graph, name, a.chunks, dtype=dtype, meta=np.empty((0,) * a.ndim, dtype))
    return delivered(result, out)


def _time_prefixes(a: Any, axis: int | None, dtype: Any, out: Any) -> Any:
    """Cumulative sums of time differences, which are NaT from the first NaT on."""
    unit = a.dtype.newbyteorder("=")
    if dtype is not None and np.dtype(dtype) != unit:
        raise TypeError(
            f"cumsum: the prefixes of {a.dtype} elements are of that dtype, not {dtype}"
        )
    ticks = a.map_blocks(as_ticks, dtype=np.int64)
    lost = cumsum(a.map_blocks(is_lost, dtype=np.int8), axis)
    result = da.map_blocks(as_times, cumsum(ticks, axis), lost, unit=unit, dtype=unit)
    return delivered(result, out)


class _Carry(NamedTuple):
    """The state before a block: the exact sums, and where all elements so far are -0.0."""

    total: ExactSum
    negative_zero: np.ndarray | None


def _carry(before: _Carry | None, x: np.ndarray, axis: int) -> _Carry:
    """The state after the block `x`."""
    total, zero = sum_state(x, None, (axis,), skip_nan=False), None
    if x.dtype.kind in "fc":
        numbers = _components(x)
        zero = np.all((numbers == 0) & np.signbit(numbers), axis=axis)
    if before is None:
        return _Carry(total, zero)
    total = total.merge(before.total)
    return _Carry(total, None if zero is None else zero & before.negative_zero)


def _components(x: np.ndarray) -> np.ndarray:
    """Real and imaginary parts along a new last axis; masked elements as 0."""
    plain = np.ma.filled(x, 0)
    parts = (plain.real, plain.imag) if plain.dtype.kind == "c" else (plain,)
    return np.stack(parts, -1)


def _prefixes(carry: _Carry | None, x: np.ndarray, axis: int, dtype: np.dtype[Any]) -> Any:
    if carry is None:
        return mypackage.cumsum(x, axis, dtype)
    # Numbers whose exact sum is the carry are put before the block.
    if carry.negative_zero is not None:
        wide = np.result_type(x.dtype, np.float64)
        heads = _expansion(carry.total, wide)
        # One zero of the right sign, even where nothing else is needed.
        heads.append(np.zeros(carry.total.shape, wide))
        for head in heads:
            parts = (head.real, head.imag) if wide.kind == "c" else (head,)
            for place, part in enumerate(parts):
                part[carry.negative_zero[..., place]] = -0.0
    else:
        wide = result_dtype(REDUCTIONS["sum"], x.dtype)
        heads = [np.asarray(carry.total.value(wide))]
    front = np.stack(heads, axis)
    # A masked element stays masked.
    concatenate: Any = np.ma.concatenate if isinstance(x, np.ma.MaskedArray) else np.concatenate
    together = concatenate([front.astype(wide), x.astype(wide)], axis)
    result = mypackage.cumsum(together, axis, dtype)
    return result[(slice(None),) * axis + (slice(len(heads), None),)]


def _expansion(state: ExactSum, dtype: np.dtype[Any]) -> list[np.ndarray]:
    """Arrays of floats whose exact sum is the state."""
    rest, parts = state.copy(), []
    with np.errstate(all="ignore"):
        if not np.any(state.count):
            return []
        # A finite sum may overflow the floats, but the mean of floats cannot.
        some = state.copy().add(np.zeros((1, *state.shape)), 0, np.equal(state.count, 0))
        finite = _floats(some.mean(dtype), dtype)
    special = ~np.isfinite(finite)
    while True:
        with np.errstate(all="ignore"):
            part = _floats(rest.value(dtype), dtype)
        limit = np.finfo(np.float64).max
        part = np.where(special, 0.0, np.clip(part, -limit, limit))
        if not part.any():
            break
        value = part.view(dtype).reshape(state.shape)
        parts.append(value)
        rest.subtract(np.expand_dims(value, 0), 0)
    if special.any():
        parts.append(np.where(special, finite, 0.0).view(dtype).reshape(state.shape))
    return parts


def _floats(value: Any, dtype: np.dtype[Any]) -> np.ndarray:
    """An array's real numbers; both parts of complex ones."""
    return np.ravel(np.asarray(value, dtype)).view(np.float64)
