"""Sums of Arrow columns: pyarrow's Array and ChunkedArray, polars' Series. No copy is made of
integers and floats without nulls.

A null is no number: it is refused, unless ``skip_nulls=True`` leaves nulls out. `mypackage.sum` and
`mypackage.mean` call these for such columns.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from mypackage import ExactSum
from mypackage._core.reductions import REDUCTIONS, Reduction
from mypackage._core.states import add, result_dtype, rounded
from mypackage._extras import is_of, require

__all__ = ["mean", "sum"]


def sum(column: Any, *, skip_nulls: bool = False, dtype: Any = None) -> Any:
    """Exact sum of an Arrow column, rounded once.

    Parameters
    ----------
    column : pyarrow.Array, pyarrow.ChunkedArray or polars.Series
        Of integers, floats or bools.
    skip_nulls : bool, optional
        Leave nulls out. (NaNs are numbers to Arrow, and stay.)
    dtype : dtype, optional
        What the exact sum is rounded to.

    Returns
    -------
    scalar

    Raises
    ------
    TypeError
        If the column holds no numbers.
    ValueError
        If it has nulls and `skip_nulls` is false.

    Examples
    --------
    >>> import pyarrow, mypackage.arrow
    >>> column = pyarrow.chunked_array([[1e16, 1.0], [None, -1e16]])
    >>> float(mypackage.arrow.sum(column, skip_nulls=True))
    1.0
    """
    return reduce(REDUCTIONS["sum"], column, skip_nulls=skip_nulls, dtype=dtype)


def mean(column: Any, *, skip_nulls: bool = False, dtype: Any = None) -> Any:
    """Exact mean of an Arrow column, rounded once.

    Parameters and errors are those of `sum`. NaN, with a RuntimeWarning, for no elements.

    Examples
    --------
    >>> import pyarrow, mypackage.arrow
    >>> float(mypackage.arrow.mean(pyarrow.array([1, 2])))
    1.5
    """
    return reduce(REDUCTIONS["mean"], column, skip_nulls=skip_nulls, dtype=dtype)


def is_column(a: object) -> bool:
    """Whether `a` is one of the columns above, without importing what makes them."""
    return is_of(a, "pyarrow", "Array", "ChunkedArray") or is_of(a, "polars", "Series")


def reduce(
    reduction: Reduction,
    column: Any,
    *,
    axis: Any = None,
    dtype: Any = None,
    skip_nulls: bool = False,
    **others: Any,
) -> Any:
    """What `mypackage.sum` and its kin do with a column."""
    name = reduction.name
    if axis not in (None, 0, -1, (0,)):
        raise ValueError(f"{name}: a column has no axis {axis}")
    defaults = {"out": None, "keepdims": False, "initial": 0, "where": True}
    for key, value in others.items():
        if value is not defaults[key]:
            raise TypeError(f"{name}: a column takes no {key}=; give its to_numpy()")
    state, kind = ExactSum(), np.dtype(np.float64)
    for part in chunks(column, name, skip_nulls):
        add(state, part, skip_nan=reduction.skip_nan)
        kind = part.dtype
    return rounded(reduction, state, result_dtype(reduction, kind, dtype))


def chunks(column: Any, what: str, skip_nulls: bool = False) -> Iterator[np.ndarray]:
    """The numbers of a column, chunk by chunk, at least one (perhaps empty).

    `what` begins the messages.
    """
    if is_of(column, "polars", "Series"):
        polars = sys.modules["polars"]
        numeric = column.dtype.is_integer() or column.dtype.is_float()
        # Older releases have no integers of 128 bits.
        wide = column.dtype == getattr(polars, "Int128", None)
        numeric = (numeric or column.dtype == polars.Boolean) and not wide
        nulls, parts = column.null_count(), column.get_chunks()
        kind: Any = column.dtype
    else:
        pa = require("pyarrow")
        kind = column.type
        checks = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
        numeric = any(check(kind) for check in checks)
        nulls = column.null_count
        parts = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        parts = parts or [pa.array([], kind)]
    if not numeric:
        raise TypeError(f"{what}: there is no exact sum of {kind} elements; cast them first")
    if nulls and not skip_nulls:
        raise ValueError(
            f"{what}: {nulls} of {len(column)} values are null, which is no number; "
            "mypackage.arrow.sum(..., skip_nulls=True), or --skip-nulls, leaves nulls out"
        )
    for part in parts:
        if hasattr(part, "drop_nulls"):
            yield part.drop_nulls().to_numpy()
        else:
            yield (part.drop_null() if part.null_count else part).to_numpy(zero_copy_only=False)
