"""Products of vectors and matrices, by NumPy's names and shapes, each result rounded once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mypackage import _native
from mypackage._docstrings import like

from . import lists, objects
from .input_types import KERNELS, front, label_kind, own_numbers
from .inputs import array_of, named, numbers_of
from .outputs import dtype_of, fill_out
from .subclasses import wrapped


def vecdot(x1: Any, x2: Any, out: Any, axis: Any, dtype: Any, axes: Any) -> Any:
    """`mypackage.vecdot` with any of ``out=``, ``dtype=`` and ``axes=``."""
    if axes is not None:
        if axis is not None:
            raise TypeError("vecdot: takes axis= or axes=, not both")
        first, second = _vector_axes(axes)
        for x in (x1, x2):
            if label_kind(x) in ("pandas", "xarray"):
                raise TypeError(f"vecdot: axes= knows no labels; give {own_numbers(x)}, or axis=")
        x1, x2 = _moved(x1, first), _moved(x2, second)
    axis = -1 if axis is None else axis
    dtype = _dtype_for(dtype, out, x1, x2)
    if dtype is None:
        return delivered("vecdot", _native.vecdot(x1, x2, axis=axis), out)
    return delivered("vecdot", rounded("vecdot", x1, x2, axis, dtype), out)


def _vector_axes(axes: Any) -> tuple[Any, Any]:
    """The axes of the vectors, from a list such as NumPy's ufuncs take."""
    if not isinstance(axes, list) or len(axes) not in (2, 3):
        raise TypeError(f"vecdot: axes must be a list of two axes and (), not {axes!r}")
    if len(axes) == 3 and axes[2] != ():
        raise ValueError(f"vecdot: results have no axis of their own, but axes[2] is {axes[2]!r}")
    single = [one[0] if isinstance(one, tuple) and len(one) == 1 else one for one in axes[:2]]
    for one in single:
        if isinstance(one, (bool, tuple)) or not hasattr(one, "__index__"):
            raise TypeError(f"vecdot: axes must hold one axis each, not {one!r}")
    return single[0], single[1]


def _moved(x: Any, axis: Any) -> Any:
    x = x if hasattr(x, "ndim") else np.asanyarray(x)
    return np.moveaxis(x, axis, -1)


def rounded(name: str, x1: Any, x2: Any, axis: Any, dtype: Any) -> Any:
    """The exact products of vectors, rounded to a dtype."""
    arrays = [_numbers(name, x) for x in (x1, x2)]
    target = np.dtype(dtype)
    if any(x.dtype.kind == "O" for x in arrays):
        return wrapped(objects.vecdot(arrays[0], arrays[1], axis, target), x1, x2)
    source = np.result_type(*arrays)
    if not np.can_cast(source, target, "same_kind") and not (
        source.kind in "iub" and target.kind in "iufc"
    ):
        raise TypeError(f"{name}: exact products of {source} cannot be given as dtype={target}")
    if target.kind == "b":
        return _native.vecdot(*arrays, axis=axis)
    if target.kind == "O" and source.kind in "iub":
        first, second = (x.astype(object) for x in arrays)
        return wrapped(objects.vecdot(first, second, axis, target), x1, x2)
    if target.char not in KERNELS:
        raise TypeError(
            f"{name}: exact products of {source} cannot be given as dtype={target}; choose "
            "float64 or complex128, or object for integers and for objects"
        )
    states = _native.vecdot_states(arrays[0], arrays[1], axis)
    with named(name, "sum"):
        result = _native.round_states(states, "sum", target)
    return wrapped(result, x1, x2)


def _numbers(name: str, x: Any) -> np.ndarray:
    return numbers_of(name, x, also="O")


def _dtype_for(dtype: Any, out: Any, *given: Any) -> Any:
    """`dtype`, or that of `out`; products of bools are logical whatever `out` is."""
    if dtype is not None or out is None:
        return dtype
    operands = [np.asarray(x) if isinstance(x, (list, tuple)) else x for x in given]
    kinds = {getattr(getattr(x, "dtype", None), "kind", None) for x in operands}
    return None if kinds == {"b"} else dtype_of(out)


def delivered(name: str, result: Any, out: Any) -> Any:
    """The result, or `out` with the result in it."""
    if out is None:
        return result
    if isinstance(out, tuple) and len(out) == 1:
        (out,) = out
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{name}: out must be an array, not {type(out).__name__}")
    if out.shape != np.shape(result):
        raise ValueError(
            f"{name}: out has shape {out.shape}, but the result has shape {np.shape(result)}"
        )
    return fill_out(name, out, np.asanyarray(result))


def _products(name: str, left: Any, right: Any, out: Any, dtype: Any, *sources: Any) -> Any:
    """Sums of products along the last axis, without the conjugation of `vecdot`."""
    if left.shape[-1] != right.shape[-1]:
        raise ValueError(
            f"{name}: the axes that are summed over differ in length: {left.shape[-1]} and "
            f"{right.shape[-1]}"
        )
    if "O" in (left.dtype.kind, right.dtype.kind):
        # Not conjugated here: the dot product does that to the first.
        left = _conjugated(left)
        target = _common(name, sources) if dtype is None else dtype
        with named(name, "vecdot"):
            result = objects.vecdot(left, right, -1, target)
        return delivered(name, wrapped(result, *sources), out)
    if left.dtype.kind == "c":
        left = np.conjugate(left)
    dtype = _dtype_for(dtype, out, left, right)
    if dtype is None:
        return delivered(name, wrapped(_native.vecdot(left, right), *sources), out)
    return delivered(name, rounded(name, left, right, -1, dtype), out)


def _conjugated(x: np.ndarray) -> np.ndarray:
    """The complex conjugates, among objects, too; what has none stays as it is."""
    if x.dtype.kind != "O":
        return np.asarray(np.conjugate(x))
    result = np.empty(x.shape, object)
    for at, one in np.ndenumerate(x):
        result[at] = one.conjugate() if isinstance(one, (complex, np.complexfloating)) else one
    return result


def _common(name: str, sources: tuple[Any, ...]) -> Any:
    """What NumPy would round the products of lists to; None for Python's numbers."""
    return lists.common_dtype(*(array_of(name, x) for x in sources))


def _check(name: str, ndims: tuple[int, int], *arrays: np.ndarray) -> None:
    for place, (array, ndim) in enumerate(zip(arrays, ndims, strict=True), 1):
        if array.ndim < ndim:
            raise ValueError(f"{name}: x{place} has {array.ndim} axes, but needs at least {ndim}")


def matvec(x1: Any, x2: Any, /, out: Any = None, *, dtype: Any = None) -> Any:
    """
    Exact products of matrices and vectors, each rounded once.

    Result i is the exact sum of ``x1[..., i, j] * x2[..., j]`` over j. Nothing is conjugated.

    Parameters
    ----------
    x1 : array_like, shape (..., m, n)
        Matrices, of any dtype that `vecdot` takes.
    x2 : array_like, shape (..., n)
        Vectors. Leading axes are broadcast.
    out : ndarray, optional
        Where to put the result; it may overlap with the arguments.
    dtype : dtype, optional
        What the exact sums are rounded to; by default ``numpy.result_type(x1, x2)``.

    Returns
    -------
    ndarray, shape (..., m)
        A product for each row of the matrices.

    Raises
    ------
    OverflowError
        If an integer result does not fit (NumPy wraps around).
    ValueError
        If shapes do not match.
    TypeError
        If a dtype has no exact products here.

    See Also
    --------
    vecmat, matmul, vecdot, numpy.matvec

    Examples
    --------
    >>> import numpy as np, mypackage
    >>> mypackage.matvec(np.array([[1e16, 1.0, -1e16], [1.0, 2.0, 3.0]]), np.ones(3))
    array([1., 6.])
    """
    matrix, vector = _numbers("matvec", x1), _numbers("matvec", x2)
    _check("matvec", (2, 1), matrix, vector)
    return _products("matvec", matrix, vector[..., None, :], out, dtype, x1, x2)


@like(matvec)
def vecmat(x1: Any, x2: Any, /, out: Any = None, *, dtype: Any = None) -> Any:
    """
    Exact products of vectors and matrices, each rounded once.

    Result j is the exact sum of ``conj(x1[..., i]) * x2[..., i, j]`` over i.

    Parameters
    ----------
    x1 : array_like, shape (..., n)
        Vectors, which are conjugated, of any dtype that `vecdot` takes.
    x2 : array_like, shape (..., n, m)
        Matrices. Leading axes are broadcast.

    Returns
    -------
    ndarray, shape (..., m)
        A product for each column of the matrices.

    See Also
    --------
    matvec, matmul, numpy.vecmat

    Examples
    --------
    >>> import numpy as np, mypackage
    >>> mypackage.vecmat(np.array([1e16, 1.0, -1e16]), np.ones((3, 2)))
    array([1., 1.])
    """
    vector, matrix = _numbers("vecmat", x1), _numbers("vecmat", x2)
    _check("vecmat", (1, 2), vector, matrix)
    conjugated = _conjugated(vector) if vector.dtype.kind in "cO" else vector
    columns = np.swapaxes(matrix, -1, -2)
    return _products("vecmat", conjugated[..., None, :], columns, out, dtype, x1, x2)


@like(matvec)
def matmul(x1: Any, x2: Any, /, out: Any = None, *, dtype: Any = None) -> Any:
    """
    Exact matrix products, each element rounded once.

    For small and medium matrices: every element is computed by the kernel of `vecdot`, which takes
    about fifty times as long as the matrix product of a tuned BLAS.

    Parameters
    ----------
    x1 : array_like, shape (n,) or (..., m, n)
        Of any dtype that `vecdot` takes.
    x2 : array_like, shape (n,) or (..., n, p)
        Stacks of matrices are broadcast. As in `numpy.matmul`, a vector is a row as the first
        argument and a column as the second, and its missing axis is dropped from the result.

    Returns
    -------
    ndarray or scalar
        With the shape (..., m, p); a scalar for two vectors. Nothing is conjugated.

    See Also
    --------
    vecdot, matvec, numpy.matmul

    Examples
    --------
    >>> import mypackage
    >>> mypackage.matmul([[1e16, 1.0, -1e16], [1.0, 2.0, 3.0]], [[1.0], [1.0], [1.0]])
    array([[1.],
           [6.]])
    """
    left, right = _numbers("matmul", x1), _numbers("matmul", x2)
    _check("matmul", (1, 1), left, right)
    rows = left if left.ndim == 1 else left[..., :, None, :]
    if right.ndim == 1:
        columns = right
        rows = left
    else:
        # Contiguous columns are read faster.
        columns = np.ascontiguousarray(np.swapaxes(right, -1, -2))
        if left.ndim > 1:
            columns = columns[..., None, :, :]
    return _products("matmul", rows, columns, out, dtype, x1, x2)


def states(x: Any, y: Any, shape: tuple[int, ...]) -> Any:
    """The exact sums of products over the leading axes, as an `ExactSum` of a given shape."""
    name = "add_products"
    owners = [kind for kind in map(label_kind, (x, y)) if kind in ("pandas", "xarray")]
    if owners:
        x, y = front(owners[0]).pairs(name, x, y)
    arrays = [array_of(name, one)[0] for one in (x, y)]
    hidden = np.logical_or(*map(np.ma.getmaskarray, arrays))
    left, right = np.broadcast_arrays(*(numbers_of(name, np.ma.getdata(one)) for one in arrays))
    kept = left.shape[left.ndim - len(shape) :] if len(shape) else ()
    if kept != tuple(shape):
        raise ValueError(
            f"add_products: products of shape {left.shape} leave no sums of shape {tuple(shape)}"
        )
    if left.dtype.kind == "c":
        left = np.conjugate(left)
    if not hidden.any():
        left, right = (z.reshape(-1, *shape) for z in (left, right))
        return _native.vecdot_states(left, right, 0)
    columns = [z.reshape(-1, math.prod(shape)).T for z in (left, right, ~hidden)]
    singles = [
        _native.vecdot_states(one[valid], other[valid], 0)
        for one, other, valid in zip(*columns, strict=True)
    ]
    return _native.join_states(singles, tuple(shape))


def values_without_warnings(sums: Any) -> Any:
    """The rounded values of sums, without warnings."""
    with np.errstate(all="ignore"):
        return sums.value()
