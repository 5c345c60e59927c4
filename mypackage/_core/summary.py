"""`summarize`: how well conditioned sums are, and what the usual orders of summation lose."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from mypackage import _native

from .axes import lines, normalised, reduced_shape
from .input_types import front, label_kind, own_numbers, refuse_dask
from .inputs import numbers_of
from .python_numbers import Kind, kind_of


class Summary(NamedTuple):
    """The result of `summarize`, which describes the fields."""

    count: Any
    nan_count: Any
    sum: Any
    mean: Any
    min: Any
    max: Any
    condition_number: Any
    naive_sum: Any
    naive_ulps: Any
    pairwise_sum: Any
    pairwise_ulps: Any


def _as_floats(a: np.ndarray) -> np.ndarray:
    """Python's numbers as float64, which must hold each of them."""
    result = np.empty(a.shape)
    for at, x in np.ndenumerate(a):
        kind = kind_of("summarize", type(x))
        if kind is Kind.COMPLEX:
            raise TypeError("summarize: the numbers must be real, not complex; give their .real")
        try:
            result[at] = value = float(x)
            held = value == x or (value != value and x != x)
        except (OverflowError, TypeError):
            held = False
        if not held:
            raise ValueError(f"summarize: float64 does not hold {x!r}; mypackage.sum is exact")
    return result


def _with_nan(owner: str, a: Any) -> Any:
    """The numbers of a labelled object, NaN for what is missing."""
    if owner == "xarray":
        if not hasattr(a, "data"):
            raise TypeError("summarize: a Dataset is several arrays; give one of them")
        refuse_dask("summarize", a.data, "give its compute()")
        return a.data
    columns = []
    for column in front(owner).columns_of(a, "summarize"):
        exact = column.values.dtype.kind == "f"
        values = column.values if exact else column.values.astype(object)
        columns.append(np.where(column.missing, math.nan, values))
    return np.concatenate(columns or [np.empty(0)])


def summarize(a: Any, axis: Any = None) -> Summary:
    """
    How well conditioned a sum is, and what the usual orders of summation lose.

    Parameters
    ----------
    a : array_like
        Real numbers that float64 can represent exactly.
    axis : None or int or tuple of ints, optional
        Axes to sum over; all by default.

    Returns
    -------
    Summary
        A named tuple of scalars; with an axis, of arrays. NaNs are counted and left out; the two
        inexact sums treat them as 0, as `numpy.nansum` does.

        - ``count``, ``nan_count``: the number of elements, and of NaNs among them.
        - ``sum``, ``mean``: exact, rounded once; without numbers the mean is NaN.
        - ``min``, ``max``: NaN without numbers.
        - ``condition_number``: the sum of the magnitudes divided by the magnitude of the sum: the
          factor by which relative errors of the numbers are amplified. Infinite for a sum of 0; NaN
          if all numbers are 0 or one is infinite.
        - ``naive_sum``, ``pairwise_sum``: rounded after every addition, from left to right, and in
          the order of `numpy.sum` for a contiguous array (NumPy 2.3 and later).
        - ``naive_ulps``, ``pairwise_ulps``: their distance from ``sum``, counted in float64
          numbers; NaN if either is not finite.

    Raises
    ------
    TypeError
        If `a` is complex or not numeric.
    ValueError
        If float64 cannot represent an integer in `a`.

    See Also
    --------
    sum, mypackage.records.summarize

    Examples
    --------
    >>> import mypackage
    >>> summary = mypackage.summarize([1e16, 1.0, -1e16, 1.0])
    >>> summary.sum, summary.naive_sum, summary.condition_number
    (2.0, 1.0, 1e+16)
    >>> mypackage.summarize([[0.1] * 10, [1.0] * 10], axis=1).naive_ulps
    array([1., 0.])
    """
    owner = label_kind(a)
    if owner in ("pandas", "xarray"):
        if not (
            axis is None or set(normalised("summarize", axis, np.ndim(a))) == {*range(np.ndim(a))}
        ):
            raise TypeError(
                "summarize: arrays of results have no labels; give " + own_numbers(a) + ", or all "
                "axes"
            )
        # What is missing is counted as a NaN.
        a, axis = _with_nan(owner, a), None
    array = numbers_of("summarize", a, also="O")
    if array.dtype.kind == "O":
        array = _as_floats(array)
    if array.dtype.kind == "c":
        raise TypeError(
            f"summarize: the numbers must be real, not of dtype {array.dtype}; a.real has some"
        )
    axes = normalised("summarize", axis, array.ndim)
    numbers = array.astype(np.float64)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        limit = 2.0**63 if array.dtype.kind == "i" else 2.0**64
        same = (numbers < limit) & (
            np.where(numbers < limit, numbers, 0).astype(array.dtype) == array
        )
        if not same.all():
            lost = array[~same].flat[0]
            raise ValueError(f"summarize: float64 does not hold {lost}; mypackage.sum is exact")
    shape = reduced_shape(array.shape, axes, keepdims=False)
    rows = np.require(lines(numbers, axes), None, ["C", "A"])
    count = math.prod(rows.shape[:-1])
    fields = [
        [np.nan if one is None else one for one in first + second]
        for first, second in _native.summarize_rows(rows.reshape(count, rows.shape[-1]))
    ]
    if axis is None or not shape:
        whole = fields[0]
        return Summary(*whole)
    columns = list(zip(*fields, strict=True)) or [()] * len(Summary._fields)
    kinds = [np.int64 if name in ("count", "nan_count") else np.float64 for name in Summary._fields]
    return Summary(
        *(np.array(one, kind).reshape(shape) for one, kind in zip(columns, kinds, strict=True))
    )
