"""Grouped variances and counts, and grouped reductions that leave NaN out."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from mypackage import _native
from mypackage._docstrings import like
from mypackage._errors import OVERFLOW, report
from mypackage._native import (
    ExactSum,
    group_product_states,
    group_states,
    group_sum,
    reshape_states,
)

from . import groups as groups_
from . import moments, objects
from .axes import normalised
from .exact_moments import rounded
from .groups import labels_of, own_labels
from .input_types import KERNELS, front, goes_to_dask, is_dask, label_kind, unsupported
from .inputs import array_of, beside, named
from .reductions import GROUPED, GROUPED_MOMENTS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike


def group_var(
    group_idx: ArrayLike,
    array: ArrayLike,
    *,
    axis: int = -1,
    size: int | None = None,
    fill_value: Any = None,
    dtype: DTypeLike | None = None,
    ddof: Any = 0,
) -> Any:
    """
    Exact variances of the elements with the same label, each rounded once.

    The variance of a group is bit for bit the `var` of its elements: never negative, and 0 if all
    are equal.

    Parameters
    ----------
    group_idx : array_like of int, shape (n,)
        The group of each position along `axis`: 0, 1, ...; a negative or masked label means none.
    array : array_like, shape (..., n, ...)
        Elements, of any dtype that `var` takes. Masked ones are left out.
    axis : int, optional
        The axis of `array` that the labels belong to; the last by default.
    size : int, optional
        The number of groups; by default the greatest label plus one.
    fill_value : scalar, optional
        The result for groups of no more than `ddof` elements; NaN by default.
    dtype : dtype, optional
        The floating-point dtype that the exact variances are rounded to; by default that of
        `array`, of its parts if they are complex, or float64 for integers.
    ddof : real number, optional
        Delta degrees of freedom: the divisor is the number of elements minus `ddof`.

    Returns
    -------
    ndarray, shape (..., size, ...)
        One result for each group along `axis`.

    Raises
    ------
    ValueError
        If a label is not below `size`, the labels do not match the axis, or `fill_value` is needed
        and does not fit the result's dtype.
    TypeError
        If the elements have no exact variance, or `dtype` is not a floating-point dtype.

    See Also
    --------
    var, group_std, group_mean

    Examples
    --------
    >>> import mypackage
    >>> mypackage.group_var([0, 1, 0, 1, 1], [1e9, 0.1, 1e9 + 1, 0.1, 0.1], ddof=1)
    array([0.5, 0. ])
    """
    return _moment("group_var", group_idx, array, axis, size, fill_value, dtype, ddof)


@like(group_var, variances="deviations", variance="deviation", var="std")
def group_std(
    group_idx: ArrayLike,
    array: ArrayLike,
    *,
    axis: int = -1,
    size: int | None = None,
    fill_value: Any = None,
    dtype: DTypeLike | None = None,
    ddof: Any = 0,
) -> Any:
    """
    Exact standard deviations of the elements with the same label, each rounded once.

    The root of the exact variance, not of a rounded one.

    See Also
    --------
    std, group_var, group_mean

    Examples
    --------
    >>> import mypackage
    >>> mypackage.group_std([0, 0, 2], [1.0, 5.0, 7.0])
    array([ 2., nan,  0.])
    """
    return _moment("group_std", group_idx, array, axis, size, fill_value, dtype, ddof)


def group_count(
    group_idx: ArrayLike,
    array: ArrayLike,
    *,
    axis: int = -1,
    size: int | None = None,
    fill_value: Any = None,
    dtype: DTypeLike | None = None,
) -> Any:
    """
    The number of elements with the same label that are not NaN.

    Parameters
    ----------
    group_idx : array_like of int, shape (n,)
        The group of each position along `axis`: 0, 1, ...; a negative or masked label means none.
    array : array_like, shape (..., n, ...)
        Elements, of any dtype that `sum` takes.
    axis : int, optional
        The axis of `array` that the labels belong to; the last by default.
    size : int, optional
        The number of groups; by default the greatest label plus one.
    fill_value : scalar, optional
        The result for groups without elements; 0 by default.
    dtype : dtype, optional
        The dtype of the counts; int64 by default.

    Returns
    -------
    ndarray, shape (..., size, ...)
        One result for each group along `axis`.

    Raises
    ------
    ValueError
        If a label is not below `size`, the labels do not match the axis, or `fill_value` is needed
        and does not fit the result's dtype.

    See Also
    --------
    group_sum, numpy.bincount

    Examples
    --------
    >>> import numpy as np, mypackage
    >>> mypackage.group_count([0, 1, 0, 0], [1.0, 2.0, np.nan, 4.0])
    array([2, 1])
    """
    name = "group_count"
    options = {"axis": axis, "size": size, "fill_value": fill_value, "dtype": dtype}
    if owner := _owner(group_idx, array):
        return owner(name, group_idx, array, **options)
    shown: Any = True
    if isinstance(array, np.ma.MaskedArray) and array.dtype.char in KERNELS:
        array, shown = np.asarray(array.data), ~np.ma.getmaskarray(array)
    result = _of_some(name, group_idx, array, axis, size, fill_value, dtype)
    if result is not None:
        return result
    labels, numbers, along, groups = _plain(name, group_idx, array, axis, size)
    counted = ~np.isnan(numbers) if numbers.dtype.kind in "fc" else np.ones(numbers.shape, bool)
    counted &= shown
    with named(name, "group_sum"):
        counts = _native.group_sum(labels, counted, axis=along, size=groups, dtype=dtype)
    if fill_value is not None:
        fill(name, counts, _empty(labels, groups), along, fill_value)
    return counts


def group_nansum(
    group_idx: ArrayLike,
    array: ArrayLike,
    *,
    axis: int = -1,
    size: int | None = None,
    fill_value: Any = None,
    dtype: DTypeLike | None = None,
    min_count: int = 0,
) -> Any:
    """
    Exact sums of the elements with the same label that are not NaN, each rounded once.

    Parameters
    ----------
    group_idx : array_like of int, shape (n,)
        The group of each position along `axis`: 0, 1, ...; a negative or masked label means none.
    array : array_like, shape (..., n, ...)
        Elements to sum, of any dtype that `sum` takes.
    axis : int, optional
        The axis of `array` that the labels belong to; the last by default.
    size : int, optional
        The number of groups; by default the greatest label plus one.
    fill_value : scalar, optional
        The result for groups without numbers, or with fewer than `min_count`; by default 0, or NaN
        for too few.
    dtype : dtype, optional
        What the exact sums are rounded to; by default the dtype of `array`, or int64 or uint64 for
        smaller integers.
    min_count : int, optional
        Groups with fewer numbers have no sum. If it is given, sums of integers are float64.

    Returns
    -------
    ndarray, shape (..., size, ...)
        One result for each group along `axis`.

    Raises
    ------
    ValueError
        If a label is not below `size`, the labels do not match the axis, or `fill_value` is needed
        and does not fit the result's dtype.
    OverflowError
        If an integer sum does not fit the result's dtype.

    See Also
    --------
    group_sum, nansum

    Examples
    --------
    >>> import numpy as np, mypackage
    >>> mypackage.group_nansum([0, 1, 0, 1], [1e16, np.nan, 1.0, np.nan])
    array([1.e+16, 0.e+00])
    >>> mypackage.group_nansum([0, 1, 0, 1], [1e16, np.nan, 1.0, np.nan], min_count=1)
    array([1.e+16,    nan])
    """
    options = {"axis": axis, "size": size, "fill_value": fill_value, "dtype": dtype}
    return total("group_nansum", group_idx, array, options, min_count, skip_nan=True)


@like(group_count)
def group_nanmean(
    group_idx: ArrayLike,
    array: ArrayLike,
    *,
    axis: int = -1,
    size: int | None = None,
    fill_value: Any = None,
    dtype: DTypeLike | None = None,
) -> Any:
    """
    Exact means of the elements with the same label that are not NaN, each rounded once.

    Parameters
    ----------
    fill_value : scalar, optional
        The result for groups without numbers; NaN by default.
    dtype : dtype, optional
        The floating-point dtype that the exact means are rounded to; by default that of `array`, or
        float64 for integers.

    See Also
    --------
    group_mean, group_nansum, nanmean

    Examples
    --------
    >>> import numpy as np, mypackage
    >>> mypackage.group_nanmean([0, 1, 0, 1], [1.0, np.nan, 2.0, np.nan])
    array([1.5, nan])
    """
    name = "group_nanmean"
    options = {"axis": axis, "size": size, "fill_value": fill_value, "dtype": dtype}
    if owner := _owner(group_idx, array):
        return owner(name, group_idx, array, **options)
    if isinstance(array, np.ma.MaskedArray) and array.dtype.char in KERNELS:
        options = {"fill_value": fill_value, "dtype": dtype}
        return _of_masked(group_nanmean, group_idx, array, axis, size, options, 0)
    some = _of_some(name, group_idx, array, axis, size, fill_value, dtype)
    if some is not None:
        return some
    labels, numbers, along, groups = _plain(name, group_idx, array, axis, size)
    target = _mean_dtype(name, numbers.dtype, dtype)
    state = states_of_some(labels, numbers, along, groups)
    nothing = np.equal(state.count, 0)
    if nothing.any():
        # So that no group is empty, for which the mean would warn.
        state.add(np.zeros((1, *state.shape)), 0, nothing)
    result = np.asarray(_native.round_states(state, name, target))
    fill(name, result, nothing, None, math.nan if fill_value is None else fill_value)
    return result


def total(
    name: str,
    group_idx: Any,
    array: Any,
    options: dict[str, Any],
    min_count: int,
    *,
    skip_nan: bool,
) -> Any:
    """The sums of groups; those with fewer than `min_count` numbers are missing."""
    if isinstance(min_count, bool) or not hasattr(min_count, "__index__"):
        raise TypeError(f"{name}: min_count must be an int, not {min_count!r}")
    least = index(min_count)
    if goes_to_dask(array, group_idx):
        if not skip_nan:
            if least > 0:
                raise TypeError(f"{name}: a dask array takes no min_count= here; use group_nansum")
            return front("dask").group_sum(group_idx, array, **options)
        return front("dask").group_nansum(group_idx, array, **options, min_count=least)
    if owner := _owner(group_idx, array):
        return owner(name, group_idx, array, **options, min_count=least)
    fill_value, dtype = options["fill_value"], options["dtype"]
    axis, size = options["axis"], options["size"]
    if isinstance(array, np.ma.MaskedArray) and array.dtype.char in KERNELS:
        of_array = {"fill_value": fill_value, "dtype": dtype, "min_count": least}
        function = group_nansum if skip_nan else group_sum
        return _of_masked(function, group_idx, array, axis, size, of_array, max(least - 1, 0))
    if skip_nan and least <= 0:
        some = _of_some(name, group_idx, array, axis, size, fill_value, dtype)
        if some is not None:
            return some
    labels, numbers, along, groups = _plain(name, group_idx, array, axis, size)
    if least > 0 and numbers.dtype.kind in "biu" and dtype is None:
        dtype = np.float64
    inexact = numbers.dtype.kind in "fc"
    if skip_nan and inexact:
        state = states_of_some(labels, numbers, along, groups)
        count = np.asarray(state.count)
        target = _float(numbers.dtype) if dtype is None else np.dtype(dtype)
        result = np.asarray(_native.round_states(state, name, target))
    else:
        with named(name, "group_sum"):
            result = _native.group_sum(labels, numbers, axis=along, size=groups, dtype=dtype)
        counted = ~np.isnan(numbers) if inexact else np.ones(numbers.shape, bool)
        count = _native.group_sum(labels, counted, axis=along, size=groups)
    if least > 0:
        fill(name, result, count < least, None, math.nan if fill_value is None else fill_value)
    elif fill_value is not None:
        fill(name, result, count == 0, None, fill_value)
    return result


def sum_of_enough(group_idx: Any, array: Any, given: dict[str, Any], min_count: Any) -> Any:
    """`mypackage.group_sum` of groups with at least `min_count` numbers."""
    return total("group_sum", group_idx, array, {**_DEFAULTS, **given}, min_count, skip_nan=False)


# The other arguments that the grouped functions share.
_DEFAULTS: dict[str, Any] = {"axis": -1, "size": None, "fill_value": None, "dtype": None}


def weighted_mean(group_idx: Any, array: Any, weights: Any, options: dict[str, Any]) -> Any:
    """The exact weighted means of groups, each rounded once."""
    name, options = "group_mean", {**_DEFAULTS, **options}
    if any(is_dask(x) for x in (group_idx, array, weights)):
        raise TypeError(f"{name}: weights= takes no dask arrays; give their compute()")
    if (owner := label_kind(array)) in ("pandas", "xarray"):
        # Elements that are missing are left out with their weights.
        return front(owner).group_by_number(name, group_idx, array, **options, weights=weights)
    if (owner := label_kind(weights)) in ("pandas", "xarray"):
        weights = front(owner).plain_weights(name, weights)
    axis, size, dtype = options["axis"], options["size"], options["dtype"]
    given, factors = (array_of(name, x)[0] for x in (array, weights))
    masks = [np.ma.getmaskarray(x) for x in (given, factors)]
    masked = any(isinstance(x, np.ma.MaskedArray) for x in (given, factors))
    labels, numbers, along, groups = _plain(
        name, group_idx, np.asarray(np.ma.getdata(given)), axis, size
    )
    factors = np.asarray(np.ma.getdata(factors))
    if factors.dtype.char not in KERNELS or factors.dtype.kind == "c":
        way = ""
        if factors.dtype.kind == "O":
            way = ", which no dtype holds exactly; numpy.asarray(weights, float) rounds them"
        raise TypeError(f"{name}: weights must be real numbers, not {factors.dtype}{way}")
    if factors.ndim == 1 and factors.shape[0] == numbers.shape[along]:
        line = [-1 if one == along else 1 for one in range(numbers.ndim)]
        factors, masks[1] = factors.reshape(line), masks[1].reshape(line)
    try:
        # One weight is not taken for all positions along the axis: it may be a slip.
        if factors.shape[along - numbers.ndim] != numbers.shape[along]:
            raise ValueError
        factors, masks[1] = (np.broadcast_to(x, numbers.shape) for x in (factors, masks[1]))
    except (ValueError, IndexError):
        raise ValueError(
            f"{name}: weights have shape {factors.shape}, which fits neither the axis nor the "
            f"array, of shape {numbers.shape}"
        ) from None
    target = _mean_dtype(name, np.result_type(numbers, factors), dtype)
    if masked:
        own, shape = own_labels(labels, numbers, masks[0] | masks[1], along, groups)
        flat = (own, factors.ravel(), numbers.ravel(), 0, math.prod(shape))
        products = reshape_states(group_product_states(*flat), shape)
        divisors = reshape_states(group_states(own, factors.ravel(), 0, math.prod(shape)), shape)
    else:
        products = group_product_states(labels, factors, numbers, along, groups)
        divisors = group_states(labels, factors, along, groups)
    nothing = np.equal(divisors.count, 0)
    if nothing.any():
        divisors.add(np.ones((1, *divisors.shape)), 0, nothing)
    try:
        result = np.asarray(products.divide(divisors, target))
    except ZeroDivisionError:
        zero = np.flatnonzero(
            (np.asarray(divisors.value()) == 0).any(
                axis=tuple(one for one in range(numbers.ndim) if one != along)
            )
        )
        raise ZeroDivisionError(
            f"{name}: the weights of group {zero[0]} sum to zero; there is no mean"
        ) from None
    fill_value = options["fill_value"]
    fill(name, result, nothing, None, math.nan if fill_value is None else fill_value)
    if not masked:
        return result
    labelled = ~_empty(labels, groups)
    labelled = labelled.reshape([-1 if one == along else 1 for one in range(numbers.ndim)])
    return np.ma.MaskedArray(result, nothing & labelled)


def _owner(group_idx: Any, array: Any) -> Callable[..., Any] | None:
    """What takes the name of a function and its arguments, if these are lazy or have labels."""
    if goes_to_dask(array, group_idx):
        return lambda name, *arguments, **options: getattr(front("dask"), name)(
            *arguments, **options
        )
    kind = label_kind(array)
    if kind in ("pandas", "xarray"):
        by_number: Callable[..., Any] = front(kind).group_by_number
        return by_number
    return None


def _moment(
    name: str,
    group_idx: Any,
    array: Any,
    axis: Any,
    size: Any,
    fill_value: Any,
    dtype: Any,
    ddof: Any,
) -> Any:
    options = {"axis": axis, "size": size, "fill_value": fill_value, "dtype": dtype}
    if owner := _owner(group_idx, array):
        return owner(name, group_idx, array, ddof=ddof, **options)
    if isinstance(array, np.ma.MaskedArray):
        options = {"fill_value": fill_value, "dtype": dtype, "ddof": ddof}
        function = group_var if name == "group_var" else group_std
        return _of_masked(function, group_idx, array, axis, size, options, ddof)
    given, codes, _ = _given(name, group_idx, array)
    if given.dtype.kind == "O":
        return _moment_of_objects(name, codes, given, axis, size, fill_value, dtype, ddof)
    labels, numbers, along, groups = _plain(name, codes, given, axis, size)
    target = _moment_dtype(name, numbers.dtype, dtype)
    part = np.empty(0, target).real.dtype
    moment, exact = name.removeprefix("group_"), moments.exact_ddof(name, ddof)
    result, counts, status = _native.group_moments(
        moment, labels, numbers, along, groups, exact, part.num
    )
    report(name, status & OVERFLOW)
    result = result.astype(target, copy=False)
    lacking = (counts == 0) | (counts <= ddof)
    fill(name, result, lacking, along, math.nan if fill_value is None else fill_value)
    return result


def _moment_of_objects(
    name: str,
    labels: np.ndarray,
    array: np.ndarray,
    axis: Any,
    size: Any,
    fill_value: Any,
    dtype: Any,
    ddof: Any,
) -> np.ndarray:
    """The same for Python's numbers: as floats, or as Fractions with ``dtype=object``."""
    from . import object_moments  # Imported here, since fractions is slow to import.

    if array.ndim == 0:
        raise ValueError(f"{name}: array must have at least one axis")
    (along,) = normalised(name, axis, array.ndim)
    groups = groups_.size_of(name, labels, along, array.shape[along], size)
    exact = moments.exact_ddof(name, ddof)
    target = None if dtype is None else np.dtype(dtype)
    result, counts = object_moments.grouped(
        GROUPED_MOMENTS[name], labels, np.moveaxis(array, along, -1), groups, exact, target
    )
    result = np.moveaxis(result, -1, along)
    lacking = (counts == 0) | (counts <= ddof)
    fill(name, result, lacking, along, math.nan if fill_value is None else fill_value)
    return result


def _of_masked(
    function: Any,
    group_idx: Any,
    array: Any,
    axis: Any,
    size: Any,
    options: dict[str, Any],
    most: Any,
) -> Any:
    """The results of the elements that are not masked.

    A group that is not empty, but has at most `most` elements that are not masked, is masked.
    """
    name = function.__name__
    hidden = np.ma.getmaskarray(array)
    labels, numbers, along, groups = _plain(
        name, group_idx, np.asarray(array.data), axis, size, objects_too=array.dtype.kind == "O"
    )
    own, shape = own_labels(labels, numbers, hidden, along, groups)
    if numbers.dtype.kind == "O":
        numbers = np.where(hidden, 0, numbers)
    cells = math.prod(shape)
    result = np.asarray(function(own, numbers.ravel(), size=cells, **options)).reshape(shape)
    count = np.bincount(own[own >= 0], minlength=cells).reshape(shape)
    labelled = ~_empty(labels, groups)
    labelled = labelled.reshape([-1 if one == along else 1 for one in range(numbers.ndim)])
    return np.ma.MaskedArray(result, ((count <= most) | (count == 0)) & labelled)


def moments_of_groups(
    name: str,
    group_idx: Any,
    array: Any,
    *,
    axis: int,
    size: int,
    dtype: Any,
    ddof: Any,
    skip_nan: bool,
    fill_value: Any = None,
) -> Any:
    """The variances or deviations of groups, NaNs left out if `skip_nan`; of a dask array, lazy."""
    options = {"axis": axis, "size": size, "fill_value": fill_value, "dtype": dtype, "ddof": ddof}
    if is_dask(array):
        return front("dask").moments_of_groups(
            name, group_idx, array, axis, size, fill_value, dtype, ddof, None, skip_nan=skip_nan
        )
    inexact = array.dtype.kind in "fc"
    if not (skip_nan and inexact and np.isnan(array).any()):
        function = group_var if name == "group_var" else group_std
        return function(group_idx, array, **options)
    labels = labels_of(name, group_idx)
    sums, squares = states_by_label(labels, array, axis, size, skip_nan=True)
    return finished(name, sums, squares, ddof, dtype, array.dtype, fill_value)


def finished(
    name: str,
    sums: ExactSum,
    squares: ExactSum,
    ddof: Any,
    dtype: Any,
    source: np.dtype[Any],
    fill_value: Any,
) -> Any:
    """The variances or deviations of groups, given their sums and the sums of their squares."""
    target = _moment_dtype(name, source, dtype)
    with np.errstate(invalid="ignore"):
        result = np.asarray(rounded(name.removeprefix("group_"), sums, squares, ddof, target)[0])
    lacking = np.less_equal(sums.count, ddof) | np.equal(sums.count, 0)
    fill(name, result, lacking, None, math.nan if fill_value is None else fill_value)
    return result


def states_of_some(labels: np.ndarray, array: np.ndarray, axis: int, size: int) -> ExactSum:
    """The exact sums and counts of groups, NaNs left out."""
    if array.dtype.kind not in "fc" or not (missing := np.isnan(array)).any():
        return group_states(labels, array, axis, size)
    own, shape = own_labels(labels, array, missing, axis, size)
    return reshape_states(group_states(own, array.ravel(), 0, math.prod(shape)), shape)


def states_by_label(
    labels: np.ndarray, array: np.ndarray, axis: int, size: int, skip_nan: bool
) -> tuple[ExactSum, ExactSum]:
    """The exact sums and sums of squares of groups."""
    if skip_nan and array.dtype.kind in "fc" and (missing := np.isnan(array)).any():
        own, shape = own_labels(labels, array, missing, axis, size)
        sums, squares = states_by_label(own, array.ravel(), 0, math.prod(shape), skip_nan=False)
        return reshape_states(sums, shape), reshape_states(squares, shape)
    sums = group_states(labels, array, axis, size)
    return sums, group_product_states(labels, array, array, axis, size)


def _plain(
    name: str, group_idx: Any, array: Any, axis: Any, size: Any, objects_too: bool = False
) -> tuple[np.ndarray, np.ndarray, int, int]:
    """Labels as int64, an array of numbers, the axis, and the number of groups."""
    numbers, labels, _ = _given(name, group_idx, array)
    if isinstance(numbers, np.ma.MaskedArray):
        raise TypeError(
            f"{name}: it takes no masked objects here; give the label -1 to masked elements"
        )
    if numbers.dtype.char not in KERNELS and not objects_too:
        raise unsupported(name, numbers.dtype)
    if numbers.ndim == 0:
        raise ValueError(f"{name}: array must have at least one axis")
    try:
        along = index(axis)
    except TypeError:
        raise TypeError(f"{name}: axis must be an int, not {axis!r}") from None
    if not -numbers.ndim <= along < numbers.ndim:
        raise np.exceptions.AxisError(along, numbers.ndim)
    along %= numbers.ndim
    groups = groups_.size_of(name, labels, along, numbers.shape[along], size)
    return labels, numbers, along, groups


def _given(name: str, group_idx: Any, array: Any) -> tuple[Any, np.ndarray, Any]:
    """An array, masked or of any dtype; labels as int64; the dtype of results, or None."""
    numbers, dtype = array_of(name, array)
    return (
        (numbers if isinstance(numbers, np.ma.MaskedArray) else np.asarray(numbers)),
        labels_of(name, group_idx),
        dtype,
    )


def _of_some(
    name: str, group_idx: Any, array: Any, axis: Any, size: Any, fill_value: Any, dtype: Any
) -> Any:
    """The same for masked arrays, objects and time differences; None for plain numbers."""
    nulls = None
    if label_kind(array) == "arrow" and not front("arrow").is_table(array):
        # The functions that skip NaN skip nulls too.
        (column,) = front("arrow").columns_of(array, name, skip_nulls=True)
        array, nulls = column.values, column.missing
    numbers, labels, exact = _given(name, group_idx, array)
    masked = isinstance(numbers, np.ma.MaskedArray)
    if nulls is not None and nulls.any():
        numbers = np.ma.MaskedArray(numbers, nulls)
    if masked:
        if numbers.dtype.names:
            raise unsupported(name, numbers.dtype)
    elif np.ma.getmask(numbers) is np.ma.nomask and (
        numbers.dtype.char in KERNELS or numbers.dtype.kind not in "Om"
    ):
        return None
    data, valid = np.asarray(np.ma.getdata(numbers)), ~np.ma.getmaskarray(numbers)
    if data.dtype.kind == "O":
        data = np.where(valid, data, 0)
    missing = objects.is_nan(data) if data.dtype.kind == "O" else np.not_equal(data, data)
    valid &= ~np.asarray(missing, bool)
    count = name == "group_count"
    inner = "group_sum" if count else name.replace("nan", "")
    options = {"axis": axis, "size": size, "fill_value": fill_value}
    if count:
        data = np.ones(data.shape, np.int64)
    with named(name, inner):
        result, nothing = groups_.of_some(
            GROUPED[inner], labels, data, valid, dtype=exact if dtype is None else dtype, **options
        )
    if count:
        return result
    if masked:
        return np.ma.MaskedArray(result, nothing)
    if inner == "group_mean":
        fill(name, result, nothing, None, _missing(result.dtype, fill_value))
    return result


def _missing(dtype: np.dtype[Any], fill_value: Any) -> Any:
    """The mean of an empty group."""
    if fill_value is not None:
        return fill_value
    return np.array("NaT", dtype)[()] if dtype.kind == "m" else math.nan


def _empty(labels: np.ndarray, groups: int) -> Any:
    """Which groups are empty."""
    return np.bincount(labels[labels >= 0], minlength=groups) == 0


def _moment_dtype(name: str, source: np.dtype[Any], dtype: Any) -> Any:
    """The dtype of variances: real, unless `dtype` is given."""
    if dtype is None:
        return np.empty(0, _float(source)).real.dtype
    target = np.dtype(dtype)
    if target.char not in "efdFD":
        raise TypeError(f"{name}: moments are floats; choose float64, not {target}")
    return target


def _mean_dtype(name: str, source: np.dtype[Any], dtype: Any) -> Any:
    """The dtype of means, which must be a floating-point one."""
    if dtype is None:
        return _float(source)
    target = np.dtype(dtype)
    if target.char not in "efdFD":
        raise TypeError(f"{name}: means are floats; choose float64, not {target}")
    return target


def _float(source: np.dtype[Any]) -> Any:
    """The dtype in native byte order if it is an inexact one, else float64."""
    return source.newbyteorder("=") if source.kind in "fc" else np.dtype(np.float64)


def fill(name: str, result: np.ndarray, empty: np.ndarray, axis: int | None, value: Any) -> None:
    """Set some results, or all results of some groups, to a value that their dtype must hold."""
    if not empty.any():
        return
    beside(name, "fill_value", value)
    place = empty if axis is None else (slice(None),) * axis + (empty,)
    if result.dtype.kind == "c" and isinstance(value, float) and math.isnan(value):
        value = complex(value, value)
    integral = result.dtype.kind in "biu"
    try:
        fits = np.ndim(value) == 0
        if fits and integral:
            limits = (0, 1) if result.dtype.kind == "b" else _limits(result.dtype)
            fits = int(value) == value and limits[0] <= value <= limits[1]
        if fits:
            result[place] = value
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        groups = np.argwhere(empty)[0].tolist()
        raise ValueError(
            f"{name}: {result.dtype} does not hold {value!r} for the group at {groups}; choose a "
            "dtype or a fill_value that fits"
        )


def _limits(dtype: np.dtype[Any]) -> tuple[int, int]:
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)
