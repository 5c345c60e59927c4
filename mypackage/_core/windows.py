"""Moving windows for input that is not a plain array with a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from mypackage import _native

from . import lists, units
from .input_types import KERNELS, as_array, front, is_dask, label_kind, own_numbers, unsupported
from .inputs import beside
from .subclasses import wrapped

_LOWEST = np.iinfo(np.int64).min
# From here on, float64 cannot represent all integers.
_LIMIT = 2**53


def moved(
    name: str,
    a: Any,
    window: Any = None,
    min_count: Any = None,
    axis: Any = -1,
    ddof: Any = None,
    start: Any = None,
    end: Any = None,
) -> Any:
    """`mypackage.move_sum` and its kin for any input."""
    for argument, value in (("window", window), ("min_count", min_count), ("ddof", ddof)):
        units.refuse(f"{name}: {argument}", value)
    start, end = (
        value if value is None else beside(name, argument, value)
        for argument, value in (("start", start), ("end", end))
    )
    arguments = (window, min_count, axis, ddof, start, end)
    if is_dask(a):
        return front("dask").move(name, a, *arguments)
    kind = label_kind(a)
    if kind == "pandas":
        raise TypeError(
            f"{name}: pandas objects have labels; use mypackage.pandas.rolling, or give "
            f"{own_numbers(a)}"
        )
    if kind == "arrow":
        a = front(kind).plain(a, name)
    if kind == "xarray":
        if not hasattr(a, "data"):
            raise TypeError(
                f"{name}: the axes of a Dataset have no order; give the .data of each variable"
            )
        if start is not None or end is not None:
            raise TypeError(f"{name}: windows by indices have no coordinates; give .data")
        return a.copy(data=_plain(name, a.data, arguments))
    unit = units.kind_of(a)
    if unit is not None:
        # A variance would have another unit.
        if name == "move_var":
            units.refuse(name, a)
        units.check(name, a, name == "move_mean")
        if unit != "other":
            result = moved(name, units.plain(a), *arguments)
            return units.with_unit(a, result, name != "move_mean")
    array, _ = lists.exact(a, as_array(name, a))
    if isinstance(array, np.ma.MaskedArray):
        return _masked(name, array, arguments)
    return wrapped(_plain(name, array.view(np.ndarray), arguments), array)


def _plain(name: str, a: Any, arguments: tuple[Any, ...]) -> Any:
    if is_dask(a):
        return moved(name, a, *arguments)
    if a.dtype.char in KERNELS:
        return move_numbers(name, a, arguments)
    if a.dtype.kind == "m" and name in ("move_sum", "move_mean"):
        unit = a.dtype.newbyteorder("=")
        ticks = a.astype(unit, copy=False).view(np.int64)
        result = move_numbers(name, ticks, arguments, np.dtype(np.int64), lowest_is_missing=True)
        return result.view(unit)
    raise unsupported(name, a.dtype, ", timedelta64" if name in ("move_sum", "move_mean") else "")


def _masked(name: str, a: Any, arguments: tuple[Any, ...]) -> Any:
    """Windows of a masked array; windows with too few elements that are not masked are masked."""
    missing = np.ma.getmaskarray(a)
    data = np.asarray(a.data)
    if data.dtype.kind in "fc":
        result = _plain(name, np.where(missing, data.dtype.type(np.nan), data), arguments)
        missing = missing | np.isnan(data)
    elif data.dtype.kind == "m":
        result = _plain(name, np.where(missing, np.array("NaT", data.dtype), data), arguments)
        missing = missing | np.isnat(data)
    else:
        result = masked_integers(name, data, missing, arguments)
    window, min_count, axis, _, start, end = arguments
    counts = _native.move_numbers(
        "move_sum", (~missing).view(np.int8), window, window and 1, axis, None, start, end, None
    )
    default = 1 if window is None else window
    return np.ma.array(result, mask=counts < (default if min_count is None else min_count))


def masked_integers(
    name: str,
    data: Any,
    missing: Any,
    arguments: tuple[Any, ...],
    dtype: np.dtype[Any] | None = None,
) -> Any:
    """Statistics, as floats, of integers some of which are missing."""
    if data.dtype.char not in KERNELS:
        return _plain(name, data, arguments)
    kept = np.where(missing, data.dtype.type(0), data)
    if np.all((kept <= _LIMIT) & (kept >= -_LIMIT)):
        kept = np.where(missing, np.nan, kept.astype(np.float64))
        return move_numbers(name, kept, arguments, dtype)
    if data.dtype.kind == "u" and np.any(kept > np.iinfo(np.int64).max):
        raise TypeError(f"{name}: masked integers beyond int64 have no exact result here")
    if np.any(kept == _LOWEST):
        raise TypeError(f"{name}: the lowest int64 stands for a masked element here")
    kept = np.where(missing, _LOWEST, kept.astype(np.int64))
    dtype = np.dtype(np.float64) if dtype is None else dtype
    return move_numbers(name, kept, arguments, dtype, lowest_is_missing=True)


def move_numbers(
    name: str,
    data: np.ndarray,
    arguments: tuple[Any, ...],
    dtype: np.dtype[Any] | None = None,
    lowest_is_missing: bool = False,
) -> Any:
    """The extension's function, given its arguments from `window` on."""
    window, min_count, axis, ddof, start, end = arguments
    number = None if dtype is None else dtype.num
    return _native.move_numbers(
        name, data, window, min_count, axis, ddof, start, end, number, lowest_is_missing
    )


def around(
    data: Any, name: str, axis: int, window: int, behind: int, least: int, ddof: int | None
) -> Any:
    """Statistics of windows of any length that end `behind` elements after each element."""
    masked = isinstance(data, np.ma.MaskedArray)
    data, of = (data, _masked) if masked else (np.asarray(data), _plain)
    length = data.shape[axis]
    if behind == 0 and window <= length:
        return of(name, data, (window, least, axis, ddof, None, None))
    places = np.arange(length, dtype=np.int64)
    start = np.clip(places + (behind + 1 - window), 0, length)
    end = np.clip(places + (behind + 1), 0, length)
    return of(name, data, (None, least, axis, ddof, start, end))
