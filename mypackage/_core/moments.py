"""Variances, standard deviations and norms: arguments, dtypes and warnings.

Plain arrays with common arguments are handled by the extension alone.
"""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np

from mypackage import _native
from mypackage._errors import DEGREES, report

from .axes import aligned, lines, mask_for, normalised, reduced_shape
from .input_types import KERNELS, unsupported
from .inputs import beside, wanted
from .outputs import fill_out
from .reductions import Reduction

_ABSENT: Any = np._NoValue


def reduce(
    reduction: Reduction,
    a: np.ndarray,
    *,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    where: Any = True,
    mean: Any = _ABSENT,
    correction: Any = _ABSENT,
    weights: Any = None,
    warn: bool = True,
) -> Any:
    """The moment of an array of any dtype; `warn` of missing degrees of freedom."""
    name = reduction.name
    ddof = exact_ddof(name, one_ddof(name, ddof, correction))
    axes = normalised(name, axis, a.ndim)
    keepdims = bool(keepdims)
    shape = reduced_shape(a.shape, axes, keepdims)
    if out is not None:
        if not isinstance(out, np.ndarray):
            raise TypeError(f"{name}: out must be an array, not {type(out).__name__}")
        if out.shape != shape:
            raise ValueError(f"{name}: out has shape {out.shape}, but the result has shape {shape}")
    mask = None
    if where is not True:
        mask = mask_for(wanted(where), a.shape)
    means, kind = None, None
    if mean is not _ABSENT and mean is not None:
        if weights is not None:
            raise TypeError(f"{name}: mean= and weights= do not go together")
        means = _means(name, mean, a, reduced_shape(a.shape, axes, True))
        # A Python number takes the dtype of the elements where possible, as in NumPy.
        kind = mean if isinstance(mean, (int, float, complex)) else means.dtype
    if a.dtype.kind in "mM":
        if means is not None or weights is not None:
            raise TypeError(f"{name}: {a.dtype} elements take neither mean= nor weights=")
        result, status = _times(reduction, a, axes, dtype, out, ddof, mask)
    else:
        target = dtype if dtype is not None else None if out is None else out.dtype
        if reduction.skip_nan and a.dtype.kind in "fc" and target is not None:
            # As in NumPy, only for the nan functions.
            if np.dtype(target).kind not in "fc":
                what = "out" if dtype is None else "dtype"
                raise TypeError(f"{name}: If a is inexact, then {what} must be inexact")
        kinds = [] if kind is None else [kind]
        result, status = _numbers(reduction, a, axes, target, kinds, ddof, mask, means, weights)
    report(name, status if warn else status & ~DEGREES)
    result = result.reshape(shape)
    if out is None:
        return result if shape else result[()]
    return fill_out(name, out, np.asarray(result))


def one_ddof(name: str, ddof: Any, correction: Any) -> Any:
    """The value of ``ddof``, given as `ddof` or as `correction`."""
    if correction is _ABSENT:
        return ddof
    if not (isinstance(ddof, (int, float)) and ddof == 0):
        raise ValueError(f"{name}: ddof and correction can't be provided simultaneously.")
    return correction


def exact_ddof(name: str, ddof: Any) -> float | tuple[int, int]:
    """The exact value of ``ddof``: a float, or numerator and denominator.

    Raises
    ------
    TypeError
        If it is not a real number.
    """
    if isinstance(ddof, np.ndarray) and ddof.ndim == 0:
        ddof = ddof[()]
    if isinstance(ddof, (float, np.float16, np.float32)):
        return float(ddof)
    if isinstance(ddof, (int, np.integer, np.bool_)):
        return (int(ddof), 1)
    if isinstance(ddof, numbers.Rational):
        return (int(ddof.numerator), int(ddof.denominator))
    if isinstance(ddof, np.floating) or type(ddof).__name__ == "Decimal":
        special = float(ddof)
        if not math.isfinite(special):
            return special
        numerator, denominator = ddof.as_integer_ratio()
        return (int(numerator), int(denominator))
    raise TypeError(f"{name}: ddof must be a real number, not {ddof!r}")


def _means(name: str, mean: Any, a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The argument `mean` as an array with one number for each result."""
    means = beside(name, "mean", mean)
    if means.dtype.char not in KERNELS and means.dtype.kind not in "OmM":
        raise TypeError(f"{name}: mean must be an array of numbers, not of dtype {means.dtype}")
    if means.dtype.kind == "c" and a.dtype.kind not in "cO":
        raise TypeError(f"{name}: a complex mean is none of {a.dtype} elements")
    try:
        return np.broadcast_to(means, shape)
    except ValueError:
        raise ValueError(
            f"{name}: mean has shape {means.shape}, which does not broadcast to {shape}, the "
            "result's with keepdims=True"
        ) from None


def lacking(reduction: Reduction, valid: np.ndarray, arguments: dict[str, Any]) -> Any:
    """Where no degrees of freedom are left, with the reduced axes kept."""
    name, axis = reduction.name, arguments.get("axis")
    count = np.sum(valid, axis=axis, keepdims=True)
    if reduction.finish == "norm":
        return count == 0
    ddof = one_ddof(name, arguments.get("ddof", 0), arguments.get("correction", _ABSENT))
    exact = exact_ddof(name, ddof)
    if isinstance(exact, tuple):
        # n <= p / q where n <= floor(p / q).
        exact = exact[0] // exact[1]
    return (count <= exact) | (count == 0)


def moment_dtype(*kinds: Any) -> np.dtype[Any]:
    """The dtype of a moment of elements of a dtype, as in NumPy."""
    dtype = np.result_type(*kinds)
    if dtype.kind in "biu":
        return np.dtype(np.float64)
    return np.empty(0, dtype).real.dtype.newbyteorder("=")


def _numbers(
    reduction: Reduction,
    a: np.ndarray,
    axes: tuple[int, ...],
    dtype: Any,
    kinds: list[Any],
    ddof: Any,
    mask: np.ndarray | None,
    means: np.ndarray | None,
    weights: Any,
) -> tuple[np.ndarray, int]:
    """The moments in one dimension, and status bits."""
    name = reduction.name
    wanted = None if dtype is None else np.dtype(dtype)
    factors = None
    if weights is not None:
        factors = beside(name, "weights", weights)
        if factors.dtype.char not in KERNELS and factors.dtype.kind != "O":
            raise TypeError(f"{name}: weights must be numbers, not of dtype {factors.dtype}")
        if factors.dtype.kind == "c":
            raise TypeError(f"{name}: weights must be real numbers, not {factors.dtype}")
        factors = aligned(name, factors, a, axes if len(axes) < a.ndim else None, axes)
    others = [x for x in (means, factors) if x is not None]
    if any(x.dtype.kind == "O" for x in (a, *others)) or (
        wanted is not None and wanted.kind == "O"
    ):
        from . import object_moments  # Imported here, since fractions is slow to import.

        return object_moments.moments(
            reduction,
            _as_rows(np.asarray(a, object), axes),
            _as_rows(np.ones(a.shape, bool) if mask is None else mask, axes),
            None if means is None else np.asarray(means, object).reshape(-1),
            None if factors is None else _as_rows(np.asarray(factors, object), axes),
            ddof,
            wanted,
        )
    if a.dtype.char not in KERNELS:
        raise unsupported(name, a.dtype, ", timedelta64 (standard deviations) and object")
    if factors is not None:
        kinds = [*kinds, factors.dtype]
    target = moment_dtype(a.dtype, *kinds) if wanted is None else wanted
    native = np.empty(0, target).real.dtype.newbyteorder("=") if target.kind == "c" else target
    native = native.newbyteorder("=")
    if native.char not in KERNELS:
        raise TypeError(
            f"{name}: the exact result of {a.dtype} elements cannot be given as dtype={target}; "
            "choose an integer, float16, float32, float64, complex64, complex128 or object"
        )
    if factors is not None:
        if native.kind != "f":
            raise TypeError(f"{name}: weighted results are floats, not {target}")
        reduced = [axis in axes for axis in range(a.ndim)]
        result, status = _native.weighted_moments_of_array(
            name, np.asarray(a), np.asarray(factors), reduced, mask, ddof, native.num
        )
    else:
        result, status = _along(name, a, axes, mask, _pairs(means), ddof, native)
    return (result if target == native else result.astype(target)), status


def _along(
    name: str,
    a: np.ndarray,
    axes: tuple[int, ...],
    mask: np.ndarray | None,
    means: np.ndarray | None,
    ddof: Any,
    dtype: np.dtype[Any],
    times: bool = False,
) -> tuple[np.ndarray, int]:
    """The moments of an array, read in place."""
    reduced = [axis in axes for axis in range(a.ndim)]
    return _native.moments_of_array(
        name, np.asarray(a), reduced, mask, means, ddof, dtype.num, times
    )


def _as_rows(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """An array whose rows are the elements of each result."""
    flat = lines(x, axes)
    return flat.reshape(math.prod(flat.shape[:-1]), flat.shape[-1])


def _pairs(means: np.ndarray | None) -> np.ndarray | None:
    """For each mean, real and imaginary part as unevaluated sums of two floats."""
    if means is None:
        return None
    flat = means.reshape(-1)
    pairs = np.zeros((flat.size, 2, 2))
    parts = (flat.real, flat.imag) if flat.dtype.kind == "c" else (flat,)
    for part, numbers_ in enumerate(parts):
        pairs[:, part, 0] = numbers_
        if flat.dtype.kind in "iu" and flat.dtype.itemsize == 8:
            nearest = pairs[:, part, 0].tolist()
            rests = [int(x) - int(y) for x, y in zip(numbers_.tolist(), nearest, strict=True)]
            pairs[:, part, 1] = rests
    return pairs.reshape(flat.size, 4)


def _times(
    reduction: Reduction,
    a: np.ndarray,
    axes: tuple[int, ...],
    dtype: Any,
    out: np.ndarray | None,
    ddof: Any,
    mask: np.ndarray | None,
) -> tuple[np.ndarray, int]:
    """Standard deviations of dates and time differences, in whole ticks."""
    name = reduction.name
    if reduction.finish != "std":
        raise TypeError(
            f"{name}: the square of a time has no unit that {a.dtype} elements could have; "
            "std has theirs, and a.view('i8') has its ticks"
        )
    step, factor = np.datetime_data(a.dtype)
    unit = np.dtype("m8" if step == "generic" else f"m8[{factor}{step}]")
    target = np.dtype(dtype if dtype is not None else unit if out is None else out.dtype)
    if target.kind != "m":
        raise TypeError(f"{name}: the result of {a.dtype} elements is a timedelta64, not {target}")
    ticks = a.astype(a.dtype.newbyteorder("="), copy=False).view(np.int64)
    missing = np.isnat(a)
    wanted = np.ones(a.shape, bool) if mask is None else mask
    lost = np.any(wanted & missing, axis=axes).reshape(-1) & (not reduction.skip_nan)
    counted = wanted & ~missing
    result, status = _along(
        name, ticks, axes, np.asarray(counted), None, ddof, np.dtype(np.int64), True
    )
    exact = result.view(unit)
    try:
        converted = exact.astype(target)
        differs = (converted.astype(unit) != exact) & ~np.isnat(exact)
        wraps = np.can_cast(unit, target) and bool(np.any(differs))
    except OverflowError:
        wraps = True
    if wraps:
        raise OverflowError(f"{name}: an exact result does not fit {target}; use a coarser unit")
    return np.where(lost, np.array("NaT", converted.dtype), converted), status
