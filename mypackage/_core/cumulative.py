"""Cumulative sums beside `cumsum`: the Array API's, NumPy's nancumsum, and by label."""

from __future__ import annotations

from typing import Any

import numpy as np

from mypackage import _native

from . import lists, plain, units
from .axes import normalised
from .groups import fill, labels_of
from .input_types import (
    KERNELS,
    as_array,
    front,
    goes_to_dask,
    is_dask,
    label_kind,
    refuse,
    unsupported,
)
from .inputs import array_of, named
from .outputs import fill_out


def cumulative_sum(
    x: Any,
    /,
    *,
    axis: int | None = None,
    dtype: Any = None,
    out: Any = None,
    include_initial: bool = False,
) -> Any:
    """
    Exact cumulative sum of the elements along an axis, every prefix rounded once.

    The name and the arguments are those of the Array API standard (2023.12).

    Parameters
    ----------
    x : array_like
        Elements of any dtype that `cumsum` takes.
    axis : int, optional
        The axis along which the elements are added; required if there are several.
    dtype : dtype, optional
        What the exact prefixes are rounded to; by default the dtype of the elements, or int64 or
        uint64 for smaller integers.
    out : ndarray, optional
        Where to put the result; its shape must be the result's.
    include_initial : bool, optional
        Whether the result begins with 0, the sum of no elements, and is one element longer.

    Returns
    -------
    ndarray
        The prefixes, in the shape of `x`; one longer with `include_initial`.

    Raises
    ------
    ValueError
        If `x` has several axes and `axis` is not given, or `out` is of another shape.
    OverflowError
        If an integer prefix does not fit the result's dtype.
    TypeError
        If `x` or `dtype` is of a type that has no exact sum here.

    See Also
    --------
    cumsum, nancumsum, numpy.cumulative_sum

    Examples
    --------
    >>> import numpy as np, mypackage
    >>> mypackage.cumulative_sum(np.array([1e16, 1.0, -1e16]), include_initial=True)
    array([0.e+00, 1.e+16, 1.e+16, 1.e+00])
    """
    kind = label_kind(x)
    labelled = kind in ("pandas", "xarray")
    if kind == "arrow":
        x = front(kind).plain(x, "cumulative_sum")
    elif not labelled and not is_dask(x):
        refuse("cumulative_sum", x)
        x = np.atleast_1d(x) if isinstance(x, np.ndarray) else _at_least_1d(x)
    ndim = getattr(x, "ndim", 0) if labelled else np.ndim(x)
    if axis is None:
        if ndim > 1:
            raise ValueError(f"cumulative_sum: an array of {ndim} axes needs axis=")
        axis = 0
    if not include_initial:
        with named("cumulative_sum", "cumsum"):
            return _native.cumsum(x, axis, dtype, out)
    if labelled:
        raise TypeError("cumulative_sum: the initial 0 has no label; give the numbers alone")
    (place,) = normalised("cumulative_sum", axis, ndim)
    if out is not None:
        shape = np.shape(x)
        shape = (*shape[:place], shape[place] + 1, *shape[place + 1 :])
        if getattr(out, "shape", None) != shape:
            raise ValueError(
                f"cumulative_sum: out has shape {getattr(out, 'shape', None)}, but the result has "
                f"shape {shape}"
            )
    with named("cumulative_sum", "cumsum"):
        prefixes = _native.cumsum(x, axis, dtype if out is None or dtype is not None else out.dtype)
    first = (*prefixes.shape[:place], 1, *prefixes.shape[place + 1 :])
    if is_dask(prefixes):
        da = front("dask").da
        return da.concatenate([da.zeros(first, dtype=prefixes.dtype), prefixes], axis=place)
    join = np.ma.concatenate if isinstance(prefixes, np.ma.MaskedArray) else np.concatenate
    result = join([np.zeros(first, prefixes.dtype), prefixes], axis=place)
    if out is None:
        return result
    return fill_out("cumulative_sum", out, result)


def _at_least_1d(x: Any) -> Any:
    """Lists unchanged, since NumPy might round their numbers; anything else as an array."""
    if units.kind_of(x) is not None:
        return x
    return x if np.ndim(x) else np.atleast_1d(x)


def nancumsum(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """
    Exact cumulative sum of the elements along an axis, NaNs taken as 0, every prefix rounded once.

    Parameters
    ----------
    a : array_like
        Elements of any dtype that `cumsum` takes.
    axis : int, optional
        The axis along which the elements are added; by default those of the flattened array.
    dtype : dtype, optional
        What the exact prefixes are rounded to; by default the dtype of the elements, or int64 or
        uint64 for smaller integers.
    out : ndarray, optional
        Where to put the result; its shape must be the result's.

    Returns
    -------
    ndarray
        The prefixes: 0.0 as long as there are only NaNs, and NaN from where infinities of both
        signs have met.

    Raises
    ------
    OverflowError
        If an integer prefix does not fit the result's dtype.
    TypeError
        If `a` or `dtype` is of a type that has no exact sum here.

    Warns
    -----
    RuntimeWarning
        If a finite prefix overflows, or infinities of both signs meet; as `numpy.errstate` says.

    See Also
    --------
    cumsum, nansum, numpy.nancumsum

    Examples
    --------
    >>> import numpy as np, mypackage
    >>> mypackage.nancumsum(np.array([np.nan, 1e16, 1.0, np.nan, -1e16]))
    array([0.e+00, 1.e+16, 1.e+16, 1.e+16, 1.e+00])
    """
    name = "nancumsum"
    with named(name, "cumsum"):
        if is_dask(a):
            return _native.cumsum(without_nans(a), axis, dtype, out)
        kind = label_kind(a)
        if kind == "xarray":
            # NaNs count as 0 there anyway.
            return _native.cumsum(a, axis, dtype, out)
        if kind == "pandas":
            # (Not every column that is refused could be filled.)
            front(kind).columns_of(a, name)
            return _native.cumsum(a.fillna(0), axis, dtype, out)
        if kind == "arrow":
            if front(kind).is_table(a):
                front(kind).plain(a, name)
            (column,) = front(kind).columns_of(a, name, skip_nulls=True)
            zero = np.zeros((), column.values.dtype)
            a = np.where(column.missing, zero, column.values) if len(column.missing) else a
        if units.kind_of(a) is not None:
            units.check(name, a, False)
            if units.kind_of(a) != "other":
                return units.with_unit(a, nancumsum(units.plain(a), axis, dtype), True)
        array, exact = lists.exact(a, as_array(name, a))
        dtype = exact if dtype is None and out is None else dtype
        if type(array) is np.ndarray and array.dtype.char in "efd" and _is_a_line(array, axis):
            return _native.nan_scan(array, axis, dtype, out)
        return _native.cumsum(without_nans(array), axis, dtype, out)


def _is_a_line(array: np.ndarray, axis: int | None) -> bool:
    """Whether the kernel runs along lines. (Adjacent columns are faster if copied first.)"""
    return array.ndim == 1 or axis is None


def without_nans(a: Any) -> Any:
    """The array with 0 in place of NaNs."""
    dtype = a.dtype
    if dtype.kind not in "fcmO":
        return a
    if is_dask(a):
        return a.map_blocks(without_nans, dtype=dtype)
    if isinstance(a, np.ma.MaskedArray):
        return np.ma.array(without_nans(a.data), mask=np.ma.getmaskarray(a))
    nan = np.not_equal(a, a).astype(bool) if dtype.kind != "m" else np.isnat(a)
    if not nan.any():
        return a
    if type(a) is np.ndarray:
        return np.where(nan, dtype.type(0), a)
    result = a.copy()
    result[nan] = np.zeros((), dtype)
    return result


def group_cumsum(
    group_idx: Any,
    array: Any,
    *,
    axis: int = -1,
    size: int | None = None,
    fill_value: Any = 0,
    dtype: Any = None,
) -> Any:
    """
    Exact cumulative sums of the elements with the same label, each rounded once.

    Each element's result is the sum of all elements so far that have its label, itself included.

    Parameters
    ----------
    group_idx : array_like of int, shape (n,)
        The group of each position along `axis`, in any order; a negative or masked label means
        none.
    array : array_like, shape (..., n, ...)
        Elements to sum, of any dtype that `sum` takes.
    axis : int, optional
        The axis of `array` that the labels belong to; the last by default.
    size : int, optional
        The number of groups; labels must be smaller.
    fill_value : scalar, optional
        The result for elements that are in no group.
    dtype : dtype, optional
        What the exact prefixes are rounded to; by default the dtype of the elements, or int64 or
        uint64 for smaller integers.

    Returns
    -------
    ndarray
        In the shape of `array`.

    Raises
    ------
    ValueError
        If the labels do not match the axis, one is not below `size`, or `fill_value` is needed and
        does not fit the result's dtype.
    OverflowError
        If an integer prefix does not fit the result's dtype.
    TypeError
        If the labels are not integers, or `array` has no exact sums here.

    See Also
    --------
    group_sum, cumsum

    Notes
    -----
    Labels of pandas and xarray objects are kept. As in `cumsum`, masked elements and missing values
    of pandas count as 0 and stay masked or missing.

    Examples
    --------
    >>> import mypackage
    >>> mypackage.group_cumsum([0, 1, 0, -1, 0], [1e16, 2.0, 1.0, 9.0, -1e16], fill_value=-1)
    array([ 1.e+16,  2.e+00,  1.e+16, -1.e+00,  1.e+00])
    """
    name = "group_cumsum"
    options = {"axis": axis, "size": size, "fill_value": fill_value, "dtype": dtype}
    if goes_to_dask(array, group_idx):
        return front("dask").group_cumsum(group_idx, array, **options)
    kind = label_kind(array)
    if kind in ("pandas", "xarray"):
        return front(kind).group_cumsum(group_idx, array, **options)
    given, exact = array_of(name, array)
    mask = np.ma.getmask(given)
    values = np.asarray(np.ma.filled(given, 0) if mask is not np.ma.nomask else given)
    labels = labels_of(name, group_idx)
    if values.ndim == 0:
        raise ValueError(f"{name}: array must have at least one axis")
    if isinstance(axis, (bool, np.bool_)) or not hasattr(axis, "__index__"):
        raise TypeError(f"{name}: axis must be an integer, not {axis!r}")
    (place,) = normalised(name, axis, values.ndim)
    if size is not None and labels.size and labels.max() >= size:
        raise ValueError(f"{name}: the label {labels.max()} in group_idx is not below size={size}")
    if values.dtype.char in KERNELS:
        with named(name, "cumsum"):
            result = _native.group_scan(labels, values, place, dtype)
    elif values.dtype.kind in "OmM":
        result = _by_group(name, labels, values, place, exact if dtype is None else dtype)
    else:
        raise unsupported(name, values.dtype, ", timedelta64 and object")
    outside = labels < 0
    if outside.any():
        fill(name, result, (*(slice(None),) * place, outside), fill_value)
    return np.ma.MaskedArray(result, mask) if isinstance(given, np.ma.MaskedArray) else result


def _by_group(name: str, labels: np.ndarray, a: np.ndarray, axis: int, dtype: Any) -> np.ndarray:
    """The same of objects or time differences, group by group."""
    if len(labels) != a.shape[axis]:
        raise ValueError(
            f"{name}: group_idx has {len(labels)} labels, but axis {axis} of array has "
            f"length {a.shape[axis]}"
        )
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1) > 0)
    with named(name, "cumsum"):
        # Of no elements: what is refused is refused without groups, too.
        result = plain.cumsum(a.take([], axis), axis, dtype, None)
        result = np.zeros(a.shape, result.dtype)
        for members in np.split(order, starts)[1:] if len(starts) else ():
            place: Any = (*(slice(None),) * axis, members)
            result[place] = plain.cumsum(a[place], axis, dtype, None)
    return result
