"""Arrow data as NumPy arrays, without a copy where its buffers allow it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mypackage._extras import require

pa = require("pyarrow")


def chunks(column: Any, what: str, skip_nulls: bool = False) -> Iterator[np.ndarray]:
    """The numbers of an Array or ChunkedArray, chunk by chunk, at least one (perhaps empty).

    Integers and floats without nulls are not copied; booleans are bits and nulls leave gaps, so
    these are.

    Raises
    ------
    TypeError
        If they are no numbers.
    ValueError
        If there are nulls and `skip_nulls` is false.
    """
    types = pa.types
    if not any(
        check(column.type) for check in (types.is_integer, types.is_floating, types.is_boolean)
    ):
        raise TypeError(f"{what}: there is no exact sum of Arrow's {column.type}; cast it first")
    if column.null_count and not skip_nulls:
        raise ValueError(
            f"{what}: {column.null_count} of {len(column)} values are null, which is no number; "
            "skip_nulls (--skip-nulls) leaves nulls out"
        )
    parts = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    for part in parts or [pa.array([], column.type)]:
        yield (part.drop_null() if part.null_count else part).to_numpy(zero_copy_only=False)
