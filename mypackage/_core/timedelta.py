"""Time differences: integers with a unit, whose NaN is NaT."""

from __future__ import annotations

from typing import Any

import numpy as np

from mypackage import _native
from mypackage._errors import report_empty

from .reductions import Reduction


def reduce(
    reduction: Reduction,
    a: np.ndarray,
    *,
    axis: Any = None,
    dtype: Any = None,
    out: np.ndarray | None = None,
    keepdims: bool = False,
    initial: Any = 0,
    where: Any = True,
) -> Any:
    """The exact sum, or the exact mean rounded half to even to whole ticks of the unit."""
    name = reduction.name
    if not isinstance(out, (np.ndarray, type(None))):
        raise TypeError(f"{name}: out must be an array, not {type(out).__name__}")
    dtype = np.dtype(dtype or (a.dtype if out is None else out.dtype)).newbyteorder("=")
    if dtype.kind != "m":
        raise TypeError(f"{name}: the result of {a.dtype} elements is a timedelta64, not {dtype}")
    unit = a.dtype.newbyteorder("=")
    ticks = a.astype(unit, copy=False).view(np.int64)
    over: dict[str, Any] = {"axis": axis, "keepdims": keepdims}
    where = np.broadcast_to(np.asarray(where, bool), a.shape)
    counted = where & ~np.isnat(a)
    lost = np.False_ if reduction.skip_nan else np.any(where & ~counted, **over)
    fits = True
    if reduction.finish == "sum":
        initial = None if initial is None else int(np.asarray(initial, unit).view(np.int64))
        try:
            total = _native.sum(ticks, initial=initial, where=counted, **over)
            # The lowest number is NaT's.
            fits = not np.any(np.equal(total, np.iinfo(np.int64).min))
        except OverflowError:
            total, fits = 0, False
    else:
        count = np.sum(counted, **over)
        if np.any((count == 0) & ~lost):
            report_empty(name)
        lost = lost | (count == 0)
        total = _native.sum(ticks, dtype=object, where=counted, **over)
        total = _rounded_quotients(total, np.maximum(count, 1))
    exact = np.asarray(total, np.int64).view(unit)
    try:
        result = exact.astype(dtype)
        # Before NumPy 2.5 a conversion to a finer unit wraps.
        wraps = np.can_cast(unit, dtype) and bool(np.any(result.astype(unit) != exact))
    except OverflowError:
        wraps = True
    if wraps or not fits:
        raise OverflowError(f"{name}: an exact result does not fit {dtype}; use a coarser unit")
    result = np.where(lost, np.array("NaT", result.dtype), result)
    if out is None:
        return result[()]
    if out.shape != result.shape:
        raise ValueError(
            f"{name}: out has shape {out.shape}, but the result has shape {result.shape}"
        )
    np.copyto(out, result, casting="same_kind")
    return out


def _rounded_quotients(totals: Any, counts: Any) -> Any:
    """The quotients of Python ints, rounded half to even."""
    # Only here: fractions and its decimal cost an import more than all of this package.
    from fractions import Fraction

    quotient = np.frompyfunc(lambda total, count: round(Fraction(total, int(count))), 2, 1)
    return quotient(totals, counts)
