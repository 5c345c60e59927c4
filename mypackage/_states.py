"""What the doors for data beyond one array share: filling exact states and rounding them."""

from __future__ import annotations

from typing import Any

import numpy as np

import mypackage
from mypackage import ExactSum
from mypackage._kinds import fill
from mypackage._native import sum_states


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


def add(state: ExactSum, values: np.ndarray, *, skip_nan: bool) -> None:
    """Add numbers to a state, over the axes that it lacks; without their NaNs if `skip_nan`."""
    lacking = tuple(range(values.ndim - len(state.shape)))
    state.merge(sum_states(values, lacking, True, skip_nan))


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


def rounded_groups(
    name: str, state: ExactSum, dtype: np.dtype[Any], fill_value: Any, nothing: Any
) -> Any:
    """The same, with `fill_value` for sums of `nothing`."""
    if np.any(nothing):
        # No mean is empty then, which would be a cause for a warning.
        state = state.copy().add(np.zeros((1, *state.shape)), 0, nothing)
    value = np.asarray(rounded(name, state, dtype))
    fill(name, value, nothing, fill_value)
    return value


def _integers(state: ExactSum) -> Any:
    """Sums of integers, of any size, as Python ints."""
    rest = state.copy()
    integers: Any = np.zeros(state.shape, dtype=object)
    # A rounded sum of integers is an integer, and so is what it lacks.
    while np.any(part := rest.value()):
        integers = integers + np.vectorize(int, otypes="O")(part)
        rest.subtract(np.expand_dims(part, 0), 0)
    return integers if state.shape else int(integers)
