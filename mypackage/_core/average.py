"""`average`: the exact quotient of two exact sums, rounded once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import numpy as np

from mypackage import _native

from . import lists, objects, timedelta, units
from .axes import aligned, lines, normalised, reduced_shape
from .input_types import KERNELS, as_array, front, goes_to_dask, is_dask, label_kind, unsupported
from .subclasses import wrapped

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_Inexact = TypeVar("_Inexact", bound="np.inexact[Any]")


@overload
def average(
    a: _Inexact | NDArray[_Inexact],
    axis: None = None,
    weights: None = None,
    returned: Literal[False] = False,
    *,
    keepdims: Literal[False] = False,
) -> _Inexact: ...
@overload
def average(
    a: NDArray[np.integer[Any] | np.bool_],
    axis: None = None,
    weights: None = None,
    returned: Literal[False] = False,
    *,
    keepdims: Literal[False] = False,
) -> np.float64: ...
@overload
def average(
    a: ArrayLike,
    axis: Any = None,
    weights: ArrayLike | None = None,
    *,
    returned: Literal[True],
    keepdims: bool = False,
) -> tuple[Any, Any]: ...
@overload
def average(
    a: ArrayLike,
    axis: Any = None,
    weights: ArrayLike | None = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any: ...
def average(
    a: Any,
    axis: Any = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any:
    """
    Exact weighted average over given axes, rounded once.

    The exact sum of the exact products of elements and weights is divided by the exact sum of the
    weights; only the quotient is rounded.

    Parameters
    ----------
    a : array_like
        Elements of any dtype that `sum` takes.
    axis : None or int or tuple of ints, optional
        Axes to average over; all by default.
    weights : array_like, optional
        Real weights, with the shape of `a` or of the axes given; all 1 by default.
    returned : bool, optional
        Whether to return the sums of the weights too.
    keepdims : bool, optional
        Keep the axes averaged over, with size one.

    Returns
    -------
    average : ndarray or scalar
        The averages. Their dtype is that of `a` and the weights together; float64 where the
        elements are integers.
    sum_of_weights : ndarray or scalar
        If `returned`: the sums of the weights, exact and rounded once, in the average's shape and
        dtype.

    Raises
    ------
    ZeroDivisionError
        If weights sum to zero.
    TypeError
        If the weights' shape differs from that of `a` and no axis is given, or if they are complex.
    ValueError
        If the weights' shape does not fit the axes given.

    See Also
    --------
    mean, vecdot, numpy.average

    Examples
    --------
    >>> import mypackage
    >>> float(mypackage.average([1.0, 2.0, 4.0], weights=[3, 2, 1]))
    1.8333333333333333
    >>> float(mypackage.average([1e308, 1e308], weights=[1e308, 1e308]))
    1e+308
    """
    # Only numpy.average takes a list.
    axis = tuple(axis) if isinstance(axis, list) else axis
    if goes_to_dask(a, weights):
        return front("dask").average(a, axis, weights, returned, keepdims)
    # What wrappers of NumPy's function pass for arguments that were not given.
    absent: Any = np._NoValue
    keepdims = False if keepdims is absent else keepdims
    for x in (a, weights):
        owner = label_kind(x)
        if owner in ("pandas", "xarray"):
            if owner == label_kind(a):
                return front(owner).average(a, axis, weights, returned, keepdims)
            # Labels beside a plain array match nothing, so that positions count.
            weights = front(owner).plain_weights("average", weights)
            if is_dask(weights):
                return average(a, axis, weights, returned, keepdims=keepdims)
    a, weights = (
        front("arrow").plain(x, "average") if label_kind(x) == "arrow" else x for x in (a, weights)
    )
    if units.kind_of(a) is not None or units.kind_of(weights) is not None:
        units.check("average", a, True)
        units.check("average", weights, False)
        result = average(units.plain(a), axis, units.plain(weights), returned, keepdims=keepdims)
        if not returned:
            return units.with_unit(a, result)
        return units.with_unit(a, result[0]), units.with_unit(weights, result[1])
    array, exact = lists.exact(a, as_array("average", a))
    if weights is None:
        result = _native.mean(array, axis=axis, dtype=exact, keepdims=keepdims)
        if not returned:
            return result
        count = np.asanyarray(
            np.ma.count(array, axis=axis, keepdims=keepdims)
            if isinstance(array, np.ma.MaskedArray)
            else array.size / max(np.size(result), 1)
        )
        return result, np.broadcast_to(count, np.shape(result)).astype(count_dtype(array))[()]
    weights, exact_weights = lists.exact(weights, as_array("average", weights))
    of_objects = "O" in (array.dtype.kind, weights.dtype.kind)
    dtype: Any = None
    if array.dtype.kind in "mM":
        if weights.dtype.kind not in "biu":
            raise TypeError(
                f"average: weights of {array.dtype} elements must be integers, not {weights.dtype}"
            )
        dtype = array.dtype
    elif not of_objects:
        check(array, weights)
        dtype = result_dtype(array, weights)
    else:
        dtype = lists.common_dtype((array, exact), (weights, exact_weights))
    axes = normalised("average", axis, array.ndim)
    # A matrix stays two-dimensional unless it becomes a scalar.
    keepdims = keepdims or (isinstance(array, np.matrix) and axis is not None)
    values, factors = (np.asarray(np.ma.getdata(x)) for x in (array, weights))
    factors = aligned("average", factors, array, axis, axes)
    missing, hidden = None, np.zeros((), bool)
    if any(isinstance(x, np.ma.MaskedArray) for x in (array, weights)):
        hidden = np.ma.getmaskarray(array)
        hidden = hidden | aligned("average", np.ma.getmaskarray(weights), array, axis, axes)
        missing = np.all(hidden, axis=axes, keepdims=keepdims)
    shape = reduced_shape(array.shape, axes, keepdims)

    def finished(result: Any, *sources: Any) -> Any:
        """The result with the shape and type that numpy.average returns."""
        result = np.reshape(result, shape)[()]
        if missing is None:
            return wrapped(result, *sources)
        return np.ma.array(result, mask=missing)[()]

    if of_objects:
        wanted = np.broadcast_to(~hidden, array.shape)
        rows = [lines(x, axes) for x in (values, factors, wanted)]
        means, sums = objects.weighted_means(rows, dtype)
        kind = np.dtype(object) if dtype is None else dtype
        results = [finished(objects.column(x, kind), array, weights) for x in (means, sums)]
        return tuple(results) if returned else results[0]
    if missing is not None:
        # If all elements are masked so is the result, and any weight will do.
        ones = np.all(hidden, axis=axes, keepdims=True)
        values = np.where(hidden, np.zeros((), values.dtype), values)
        factors = np.where(hidden, ones.astype(factors.dtype), factors)
    values, factors = (lines(x, axes) for x in (values, factors))
    if values.dtype.kind in "mM":
        result = finished(timedelta.weighted_means(values, factors), array, weights)
        return (result, finished(_native.sum(factors, axis=-1), weights)) if returned else result
    result = finished(_native.weighted_mean(values, factors, dtype.num), array, weights)
    if not returned:
        return result
    return result, finished(_native.sum(factors, axis=-1, dtype=dtype), weights)


def check(a: Any, weights: Any) -> None:
    """Refuse elements and weights whose dtypes have no exact averages."""
    for x in (a, weights):
        if x.dtype.char not in KERNELS:
            raise unsupported("average", x.dtype, " and object")
    if weights.dtype.kind == "c":
        raise TypeError(f"average: weights must be real numbers, not {weights.dtype}")


def count_dtype(a: Any) -> np.dtype:
    """The dtype of the sums of weights that were not given, which are numbers, not times."""
    return np.dtype(np.float64) if a.dtype.kind in "mM" else result_dtype(a)


def result_dtype(a: Any, weights: Any = None) -> np.dtype:
    """The dtype of the average, as in NumPy."""
    parts = [a.dtype] if weights is None else [a.dtype, weights.dtype]
    if a.dtype.kind in "biu":
        parts.append(np.dtype(np.float64))
    return np.result_type(*parts)
