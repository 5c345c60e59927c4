"""Reductions of segments: consecutive elements, delimited by offsets."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from mypackage import _native
from mypackage._docstrings import like

from . import groups
from .input_types import KERNELS, front, is_dask, label_kind, unsupported
from .inputs import array_of, beside, named
from .reductions import GROUPED


def segment_sum(values: Any, offsets: Any, *, axis: int = -1) -> Any:
    """
    Exact sums of segments of an array, each rounded once.

    Segment i is ``values[offsets[i]:offsets[i + 1]]`` along `axis`: this is how Arrow's list
    arrays, CSR matrices and awkward-array lay out lists in memory.

    Parameters
    ----------
    values : array_like
        Elements: bool, integers, floats, complex numbers or timedelta64.
    offsets : array_like of int, shape (m + 1,)
        Where segments begin and end: a non-decreasing sequence within 0 and the length of the axis.
        It need not begin with 0 or end with the length.
    axis : int, optional
        The axis along which the segments lie; the last by default.

    Returns
    -------
    ndarray
        With m results along `axis`, of the dtype that `sum` gives. The sum of an empty segment is
        0. NaN and NaT propagate.

    Raises
    ------
    ValueError
        If `offsets` decrease, lie outside the axis, are empty or have several axes; if `values` is
        0-dimensional.
    TypeError
        If `offsets` are not integers, or `values` have no exact sum here.
    OverflowError
        If a sum of integers or time differences does not fit.

    See Also
    --------
    segment_mean, group_sum, numpy.ufunc.reduceat

    Notes
    -----
    Offsets are positions, not labels. A pandas Series gives an array, a DataFrame with ``axis=0`` a
    DataFrame, and in an xarray object a dimension ``segment`` replaces that of `axis`; their
    missing elements are left out, as are masked ones. A dask array gives a lazy result.

    Examples
    --------
    >>> import numpy as np, mypackage
    >>> values = np.array([1e16, 1.0, -1e16, 0.1, 0.2])
    >>> mypackage.segment_sum(values, [0, 3, 3, 5])
    array([1. , 0. , 0.3])

    The rows of a sparse matrix in the CSR format are ``segment_sum(matrix.data, matrix.indptr)``;
    the lists of an Arrow array ``segment_sum(lists.values.to_numpy(), lists.offsets.to_numpy())``;
    those of awkward-array are at ``layout.content.data`` and ``layout.offsets.data``.
    """
    return _segments("segment_sum", values, offsets, axis)


@like(segment_sum)
def segment_mean(values: Any, offsets: Any, *, axis: int = -1) -> Any:
    """
    Exact means of segments of an array, each rounded once.

    The exact sum of a segment, divided by the number of its elements.

    Returns
    -------
    ndarray
        With m results along `axis`, of the dtype that `mean` gives. The mean of an empty segment is
        NaN, without a warning.

    See Also
    --------
    segment_sum, group_mean

    Examples
    --------
    >>> import mypackage
    >>> mypackage.segment_mean([0.1, 0.1, 0.1, 7.0], [0, 3, 3, 4])
    array([0.1, nan, 7. ])
    """
    return _segments("segment_mean", values, offsets, axis)


def _segments(name: str, values: Any, offsets: Any, axis: Any) -> Any:
    offsets = beside(name, "offsets", offsets)
    if is_dask(values) or label_kind(values) in ("pandas", "xarray"):
        return _by_label(name, values, offsets, axis)
    array, dtype = array_of(name, values)
    if isinstance(array, np.ma.MaskedArray):
        return _by_label(name, array, offsets, axis)
    array = np.asarray(array)
    axis = _axis(name, axis, array.ndim)
    length = array.shape[axis]
    if (
        array.ndim == 1
        and array.dtype == np.float64
        and array.flags.c_contiguous
        and array.flags.aligned
    ):
        places = _as_int64(offsets)
        if places is not None:
            results = _native.segment_slices(array, places, name == "segment_mean")
            if results is not None:
                finite = np.isfinite(results)
                if finite.all() or (finite | (np.diff(places) == 0)).all():
                    return results
        # Warnings are given below.
    offsets = checked_offsets(name, offsets, length)
    if array.dtype.char in KERNELS:
        lengths = np.diff(offsets)
        labels = np.repeat(np.arange(len(lengths)), lengths)
        place = [slice(None)] * array.ndim
        place[axis] = slice(offsets[0], offsets[-1])
        fill = 0 if name == "segment_sum" else np.nan
        inner = name.replace("segment", "group")
        with named(name, inner):
            return getattr(_native, inner)(
                labels, array[tuple(place)], axis=axis, size=len(lengths), fill_value=fill
            )
    if array.dtype.kind == "m":
        return _times(name, array, offsets, axis)
    if array.dtype.kind == "O":
        inner = name.replace("segment", "group")
        labels = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        some = array.take(range(offsets[0], offsets[-1]), axis)
        with named(name, inner):
            return groups.by_label(
                GROUPED[inner],
                labels,
                some,
                axis=axis,
                size=len(offsets) - 1,
                fill_value=0 if name == "segment_sum" else np.nan,
                dtype=dtype,
            )
    raise unsupported(name, array.dtype, ", timedelta64 and object")


def _axis(name: str, axis: Any, ndim: int) -> int:
    """The axis that is cut."""
    if ndim == 0:
        raise ValueError(f"{name}: a 0-dimensional array has no axis to cut")
    try:
        if isinstance(axis, (bool, np.bool_)):
            raise TypeError
        axis = index(axis)
    except TypeError:
        raise TypeError(f"{name}: axis must be an integer, not {axis!r}") from None
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return int(axis)


def _by_label(name: str, values: Any, offsets: Any, axis: Any) -> Any:
    """The segments of what is masked, lazy or has labels, as groups of neighbours."""
    kind = label_kind(values)
    if kind == "xarray" and not hasattr(values, "data"):
        raise TypeError(f"{name}: a Dataset is several arrays; map mypackage.{name} over it")
    axis = _axis(name, axis, np.ndim(values))
    length = np.shape(values)[axis]
    if length != length:
        raise ValueError(
            f"{name}: the length of axis {axis} is not known; call the array's "
            "compute_chunk_sizes() before"
        )
    offsets = checked_offsets(name, offsets, length)
    labels = np.full(length, -1)
    labels[offsets[0] : offsets[-1]] = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    inner = name.replace("segment", "group")
    options: dict[str, Any] = {"axis": axis, "size": len(offsets) - 1}
    dtypes = values.dtypes if np.ndim(values) == 2 and kind == "pandas" else [values.dtype]
    if name == "segment_mean" and any(dtype == np.dtype(object) for dtype in dtypes):
        options["fill_value"] = np.nan
    with named(name, inner):
        if kind == "xarray":
            return front(kind).group_by_number(inner, labels, values, **options, new_dim="segment")
        return getattr(_native, inner)(labels, values, **options)


def _as_int64(offsets: np.ndarray) -> np.ndarray | None:
    """Offsets as int64, if they are integers that fit."""
    array = offsets
    if array.ndim != 1 or array.size == 0 or not np.can_cast(array.dtype, np.int64):
        return None
    if array.dtype.kind not in "iu":
        return None
    return np.ascontiguousarray(array, np.int64)


def checked_offsets(name: str, offsets: np.ndarray, length: int) -> np.ndarray:
    """Offsets as int64, checked to be non-decreasing and within an axis."""
    if offsets.ndim != 1 or offsets.size == 0:
        raise ValueError(f"{name}: offsets must have one axis and at least one element")
    if offsets.dtype.kind not in "iu":
        raise TypeError(f"{name}: offsets must be integers, not {offsets.dtype}")
    places: np.ndarray = offsets.astype(np.int64)
    outside = (offsets < 0) | (offsets > length) | (places != offsets)
    falls = np.append(False, places[1:] < places[:-1])
    wrong = np.flatnonzero(outside | falls)
    if wrong.size:
        place = int(wrong[0])
        what = f"outside 0 to {length}" if outside[place] else "less than the one before"
        raise ValueError(f"{name}: offsets[{place}] is {offsets[place]}, {what}")
    return places


def _times(name: str, array: np.ndarray, offsets: np.ndarray, axis: int) -> Any:
    unit = array.dtype.newbyteorder("=")
    ticks = array.astype(unit, copy=False).view(np.int64)
    start, end = offsets[:-1], offsets[1:]
    move = "move_sum" if name == "segment_sum" else "move_mean"
    least = 0 if name == "segment_sum" else 1
    number = np.dtype(np.int64).num
    result = _native.move_numbers(
        move, ticks, None, least, axis, None, start, end, number, lowest_is_missing=True
    ).view(unit)
    lost = np.isnat(array).view(np.int8)
    lost = _native.move_numbers("move_sum", lost, None, 0, axis, None, start, end, None)
    return np.where(lost > 0, np.array("NaT", unit), result)
