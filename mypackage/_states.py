"""What the doors for data beyond one array share: filling exact states and rounding them."""

from __future__ import annotations

from typing import Any

import numpy as np

import mypackage
from mypackage import ExactSum


def result_dtype(name: str, dtype: Any, wanted: Any = None) -> np.dtype[Any]:
    """The dtype that the function called `name` gives for elements of `dtype`.

    Raises
    ------
    TypeError
        If they have no exact result.
    """
    # The function itself decides. Its Python ints, of dtype=object, have no dtype.
    one = getattr(mypackage, name)(np.ones(1, dtype), dtype=wanted)
    return getattr(one, "dtype", np.dtype(object))


def add(
    state: ExactSum, values: np.ndarray, axis: Any = None, where: Any = True, *, skip_nan: bool
) -> None:
    """Add numbers to a state, without their NaNs if `skip_nan`."""
    if not skip_nan or values.dtype.kind not in "fc":
        state.add(values, axis, where)
        return
    total = ExactSum(state.shape).add(values, axis, where)
    with np.errstate(all="ignore"):
        suspect = np.isnan(total.value()).any()
    # NaNs are looked for only where there may be one; infinities of both signs make one too.
    state.add(values, axis, where & ~np.isnan(values)) if suspect else state.merge(total)


def rounded(name: str, state: ExactSum, dtype: np.dtype[Any]) -> Any:
    """The result of the function called `name`."""
    if name.endswith("mean"):
        return state.mean(dtype)
    if dtype.kind == "O":
        return _integers(state)
    try:
        return state.value(dtype)
    except OverflowError as error:
        raise OverflowError(
            f"{name}: an exact sum does not fit {dtype}; use dtype=object for Python ints"
        ) from error


def _integers(state: ExactSum) -> Any:
    """Sums of integers, of any size, as Python ints."""
    rest = state.copy()
    integers: Any = np.zeros(state.shape, dtype=object)
    # A rounded sum of integers is an integer, and so is what it lacks.
    while np.any(part := rest.value()):
        integers = integers + np.vectorize(int, otypes="O")(part)
        rest.subtract(np.expand_dims(part, 0), 0)
    return integers if state.shape else int(integers)
