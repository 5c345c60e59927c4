"""`cov` and `corrcoef`: matrices of exact covariances and correlations, each entry rounded once."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

import numpy as np

from mypackage import _native
from mypackage._errors import report_invalid, report_no_freedom, report_overflow

from . import lists, units
from .input_types import KERNELS, as_array, front, label_kind, refuse_dask, unsupported
from .inputs import beside

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray


def cov(
    m: ArrayLike,
    y: ArrayLike | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: ArrayLike | None = None,
    aweights: ArrayLike | None = None,
    *,
    dtype: DTypeLike | None = None,
) -> NDArray[Any]:
    """
    Exact covariance matrix, each entry rounded once.

    With the weights w = f a (all 1 if there are none), S = sum(w) and T = sum(f a^2), the entry of
    two variables x and y is ``(S sum(w x y*) - sum(w x) sum(w y)*) / (S^2 - ddof T)``: a rational
    number, rounded only at the end. So the covariance with a constant is 0, a variance is never
    negative, and the matrix is symmetric (Hermitian) to the last bit.

    Parameters
    ----------
    m : array_like, shape (variables, observations) or (observations,)
        Bool, any integer, float16, float32, float64, complex64, complex128; or objects: ints,
        floats, complex numbers and Fractions.
    y : array_like, optional
        More variables, with the same observations.
    rowvar : bool, optional
        Whether each row is a variable; otherwise each column is.
    bias : bool, optional
        Whether to divide by the number of observations n, instead of n - 1.
    ddof : int, optional
        Divide by the number of observations minus `ddof`, whatever `bias` says.
    fweights : array_like of int, shape (observations,), optional
        How often each observation occurred.
    aweights : array_like of float, shape (observations,), optional
        The weight of each observation.
    dtype : dtype, optional
        What the entries are rounded to; by default at least float64, or complex128 for complex
        numbers. The observations are not converted. ``object`` gives Fractions if the observations
        are objects.

    Returns
    -------
    ndarray
        The matrix; for a single variable, its variance as a 0-dimensional array.

    Raises
    ------
    ValueError
        If `m` or `y` has more than two axes, their numbers of observations differ, `ddof` is not an
        integer, or a weight is negative.
    TypeError
        If frequencies are not integers, or the observations are of other dtypes than the above.
    RuntimeError
        If the weights have more than one axis, or are not one for each observation.
    ZeroDivisionError
        If the weights are all 0.

    Warns
    -----
    RuntimeWarning
        If no degrees of freedom are left: an entry is then infinite, or NaN where the numerator is
        0.

    See Also
    --------
    corrcoef, numpy.cov

    Notes
    -----
    A variable with an infinity or a NaN has NaN in its row and column.

    Examples
    --------
    >>> import numpy as np, mypackage
    >>> x = np.array([1e9, 1e9 + 1, 1e9 + 2])
    >>> mypackage.cov(x, [3.0, 2.0, 1.0])
    array([[ 1., -1.],
           [-1.,  1.]])
    >>> float(mypackage.cov(np.full(3, 0.1)))  # NumPy's need not be 0
    0.0
    """
    if ddof is not None and beside("cov", "ddof", ddof) != int(ddof):
        raise ValueError(f"cov: ddof must be an integer, not {ddof}")
    taken = (0 if bias else 1) if ddof is None else int(ddof)
    result = _matrix("cov", m, y, rowvar, taken, fweights, aweights, dtype)
    return np.asarray(np.squeeze(result))


def corrcoef(
    x: ArrayLike, y: ArrayLike | None = None, rowvar: bool = True, *, dtype: DTypeLike | None = None
) -> Any:
    """
    Exact matrix of Pearson's correlation coefficients, each rounded once.

    The coefficient of two variables is ``A_jk / sqrt(A_jj A_kk)``, where A are the exact numerators
    of covariance and variances; only the quotient is rounded. So real coefficients are within -1
    and 1, they are 1 for equal and -1 for opposite variables, and the diagonal is 1.

    Parameters
    ----------
    x : array_like, shape (variables, observations) or (observations,)
        Bool, any integer, float16, float32, float64, complex64, complex128; or objects: ints,
        floats, complex numbers and Fractions.
    y : array_like, optional
        More variables, with the same observations.
    rowvar : bool, optional
        Whether each row is a variable; otherwise each column is.
    dtype : dtype, optional
        What the coefficients are rounded to; by default at least float64, or complex128 for complex
        numbers.

    Returns
    -------
    ndarray or scalar
        The matrix; for a single variable, a scalar.

    Raises
    ------
    ValueError
        If `x` or `y` has more than two axes, or their numbers of observations differ.
    TypeError
        If the observations are not numbers of the dtypes that `cov` takes.

    Warns
    -----
    RuntimeWarning
        If a variable is constant: its coefficients are NaN; as `numpy.errstate` says.

    See Also
    --------
    cov, numpy.corrcoef

    Notes
    -----
    Each part of a complex coefficient is rounded once, and lies within -1 and 1.

    Examples
    --------
    >>> import mypackage
    >>> mypackage.corrcoef([1.0, 2.0, 4.0], [-0.1, -0.2, -0.4])
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    return np.squeeze(_matrix("corrcoef", x, y, rowvar, 1, None, None, dtype))[()]


def _matrix(
    name: str,
    m: Any,
    y: Any,
    rowvar: Any,
    ddof: int,
    fweights: Any,
    aweights: Any,
    dtype: Any,
) -> np.ndarray:
    given = [_observations(name, "m" if name == "cov" else "x", m)]
    if y is not None:
        given.append(_observations(name, "y", y))
    target = _target(name, given, dtype)
    first = given[0] if given[0].ndim == 2 else given[0].reshape(1, -1)
    if not rowvar and given[0].ndim == 2:
        first = first.T
    if first.shape[0] == 0:
        return np.array([]).reshape(0, 0)
    variables = [first]
    if y is not None:
        second = given[1] if given[1].ndim == 2 else given[1].reshape(1, -1)
        variables.append(second.T if not rowvar and second.shape[0] != 1 else second)
        if variables[1].shape[1] != first.shape[1]:
            raise ValueError(
                f"{name}: the variables differ in length: {first.shape[1]} and "
                f"{variables[1].shape[1]} observations"
            )
    weights = _weights(first.shape[1], fweights, aweights)
    correlation = name == "corrcoef"
    if any(x is not None and x.dtype.kind == "O" for x in (*variables, *weights)):
        from . import rationals  # Imported here, since fractions is slow to import.

        return rationals.covariances(name, variables, target, ddof, correlation, *weights)
    is_complex = any(x.dtype.kind == "c" for x in variables)
    # A complex result of real variables has no imaginary part.
    parts = target if is_complex else np.empty(0, target).real.dtype
    # Anything beyond this leaves no degrees of freedom, or all of them.
    ddof = min(ddof, 2**62)
    if ddof < -(2**62):
        raise OverflowError(f"{name}: ddof={ddof} is beyond 62 bits")
    result, overflow, constant, degenerate = _native.covariances(
        variables, parts.num, ddof, correlation, *weights
    )
    report(name, overflow, constant or not first.shape[1], degenerate)
    return result.astype(target, copy=False)


def report(name: str, overflow: bool, constant: bool, degenerate: bool) -> None:
    """Warn about a matrix as NumPy does."""
    if name == "corrcoef":
        if constant:
            report_invalid("divide")
        return
    if degenerate:
        report_no_freedom(name)
    if overflow:
        report_overflow(name)


def _observations(name: str, argument: str, values: Any) -> np.ndarray:
    """An array of numbers with at most two axes."""
    refuse_dask(name, values, f"give its compute(), or use dask.array.{name}")
    kind = label_kind(values)
    if kind == "arrow":
        values = front(kind).plain(values, name)
    elif kind is not None:
        own = {"pandas": "corr() or cov()", "xarray": "xarray.corr or xarray.cov"}[kind]
        plain = "to_numpy()" if hasattr(values, "to_numpy") else "to_dataarray().to_numpy()"
        if getattr(getattr(values, "dtype", None), "tz", None) is not None:
            plain = "astype('int64').to_numpy()"
        raise TypeError(
            f"{name}: {argument} is a {type(values).__name__}, whose rows would be the variables; "
            f"give its {plain}, with rowvar=False if its columns are the variables, or use "
            f"{own} of its owner"
        )
    units.refuse(name, values)
    array = as_array(name, values)
    if array.dtype.names:
        raise unsupported(name, array.dtype)
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(
            f"{name}: a masked array leaves out other observations for each pair of variables; "
            f"use numpy.ma.{name}, or give its compressed() or filled()"
        )
    array = lists.exact(values, np.asarray(array))[0]
    if array.ndim > 2:
        raise ValueError(f"{argument} has more than 2 dimensions")
    if array.dtype.kind != "O" and array.dtype.char not in KERNELS:
        raise unsupported(name, array.dtype, " and object")
    return array


def _target(name: str, given: list[np.ndarray], dtype: Any) -> Any:
    """The dtype that the entries are rounded to."""
    parts = [x.dtype for x in given if x.dtype.kind != "O"]
    objects = [element for x in given if x.dtype.kind == "O" for element in x.flat]
    if any(isinstance(x, (complex, np.complexfloating)) for x in objects):
        parts.append(np.dtype(complex))
    default = np.result_type(*parts, np.float64)
    if dtype is None:
        return default
    target = np.dtype(dtype)
    if target.kind == "O" and objects and name == "cov" and default.kind != "c":
        return target
    if target.char not in "efdFD":
        raise TypeError(
            f"{name}: the entries of dtype={target} are not floats; choose float64 or complex128"
        )
    if default.kind == "c" and target.kind != "c":
        raise TypeError(
            f"{name}: the entries of complex variables are complex, not {target}; "
            "choose complex64 or complex128"
        )
    return target


def _weights(count: int, fweights: Any, aweights: Any) -> list[np.ndarray | None]:
    """The frequencies and the weights as arrays of numbers, or None, with NumPy's checks."""
    weights: list[np.ndarray | None] = []
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is None:
            weights.append(None)
            continue
        array = beside("cov", name, given)
        if array.dtype.kind == "O":
            array = _plain(name, array)
        if array.dtype.char not in f"{KERNELS}O" or array.dtype.kind == "c":
            raise TypeError(f"{name} must be real numbers, not {array.dtype}")
        if name == "fweights" and _have_fractions(array):
            raise TypeError("fweights must be integer")
        if array.ndim != 1:
            raise RuntimeError(f"cannot handle multidimensional {name}")
        if array.shape[0] != count:
            raise RuntimeError(f"incompatible numbers of samples and {name}")
        if np.any(array < 0):
            raise ValueError(f"{name} cannot be negative")
        weights.append(array)
    if fweights is not None or aweights is not None:
        counted = np.ones(count, bool)
        for one in weights:
            if one is not None:
                counted &= one != 0
        if not counted.any():
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    return weights


def _have_fractions(weights: np.ndarray) -> bool:
    if weights.dtype.kind == "O":
        return any(x % 1 != 0 for x in weights.ravel().tolist())
    return weights.dtype.kind == "f" and bool(np.any(weights != np.around(weights)))


def _plain(name: str, weights: np.ndarray) -> np.ndarray:
    """Objects as int64 or float64, if these are exact; else ints, floats and Fractions as given."""
    for dtype in (np.int64, np.uint64, np.float64):
        try:
            plain = weights.astype(dtype)
        except (TypeError, ValueError, OverflowError):
            continue
        if np.all(plain.astype(object) == weights):
            return plain
    for x in weights.ravel().tolist():
        if isinstance(x, bool) or not isinstance(x, (float, numbers.Rational)):
            raise TypeError(f"{name} must be ints, floats or Fractions, not {x!r}")
    return weights
