"""`out=`: results in an array of the caller's."""

from __future__ import annotations

from typing import Any

import numpy as np

from .input_types import KERNELS


def fill_out(name: str, out: np.ndarray, result: Any) -> np.ndarray:
    """`out` with the result in it.

    Raises
    ------
    OverflowError
        If `out` does not hold an integer, where NumPy would wrap.
    """
    source, target = result.dtype, out.dtype
    if source.kind in "iu" and target.kind in "iu" and not np.can_cast(source, target):
        limits = np.iinfo(target)
        misfits = np.asarray(result)[np.asarray((result < limits.min) | (result > limits.max))]
        if misfits.size:
            lost = f"{misfits[0]} does not fit {target}, the dtype of out"
            raise OverflowError(f"{name}: {lost}; give an out of {source}")
    np.copyto(out, result, casting="unsafe" if target.kind == "O" else "same_kind")
    return out


def dtype_of(out: Any) -> np.dtype[Any] | None:
    """What results are rounded to for `out`, if there is a kernel for it."""
    if isinstance(out, tuple) and len(out) == 1:
        (out,) = out
    return out.dtype if isinstance(out, np.ndarray) and out.dtype.char in KERNELS else None
