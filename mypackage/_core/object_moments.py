"""Moments of Python's numbers in rational arithmetic, rounded once."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from mypackage._errors import report_invalid, report_overflow

from .objects import States, column
from .python_numbers import DIGITS, Kind, Total, fraction, kind_of, refuse_mixed_decimals
from .reductions import Reduction
from .rounding import nearest, whole


def moments(
    reduction: Reduction,
    rows: np.ndarray,
    selected: np.ndarray,
    means: np.ndarray | None,
    weights: np.ndarray | None,
    ddof: Any,
    dtype: np.dtype[Any] | None,
) -> tuple[np.ndarray, int]:
    """The moments of rows of objects, as float64, as `dtype`, or, for object, as Fractions.

    Those of Decimals are Decimals, rounded once in the current context.

    The second result is whether any lacks degrees of freedom. `means` has one mean for each row;
    `weights` and `selected` have the length of a row.
    """
    name = reduction.name
    exact = dtype is not None and dtype.kind == "O"
    if exact and reduction.finish != "var":
        raise TypeError(f"{name}: a square root is not a Fraction; dtype=object is for variances")
    lacking = False
    results = []
    others = [x.ravel() for x in (means, weights) if x is not None]
    elements = [*rows[selected].tolist(), *(y for x in others for y in x.tolist())]
    decimals = are_decimals(name, elements) and dtype is None
    for at, row in enumerate(rows):
        weight = [1] * row.size if weights is None else weights[at].tolist()
        pairs = [
            (_parts(name, x), _weight(name, w))
            for x, w, take in zip(row.tolist(), weight, selected[at].tolist(), strict=True)
            if take
        ]
        if reduction.skip_nan:
            pairs = [(x, w) for x, w in pairs if not any(map(_is_nan, x))]
        mean = None if means is None else _parts(name, means[at])
        value, degrees = _moment(reduction, pairs, mean, ddof, weights is not None)
        lacking |= degrees
        results.append(_finished(name, reduction.finish, value, dtype, decimals))
    return column(results, _dtype(dtype, decimals)), int(lacking)


def grouped(
    reduction: Reduction,
    labels: np.ndarray,
    lines: np.ndarray,
    groups: int,
    ddof: Any,
    dtype: np.dtype[Any] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """The moments of groups along the last axis, and the sizes of the groups.

    Moments without degrees of freedom are NaN.
    """
    name = reduction.name
    exact = dtype is not None and dtype.kind == "O"
    if exact and reduction.finish != "var":
        raise TypeError(f"{name}: a square root is not a Fraction; dtype=object is for variances")
    counts = np.bincount(labels[labels >= 0], minlength=groups)
    results: list[Any] = []
    decimals = are_decimals(name, lines[..., labels >= 0].ravel().tolist()) and dtype is None
    for row in lines.reshape(math.prod(lines.shape[:-1]), lines.shape[-1]):
        members: list[list[Any]] = [[] for _ in range(groups)]
        for label, x in zip(labels.tolist(), row.tolist(), strict=True):
            if label >= 0:
                members[label].append((_parts(name, x), 1))
        for pairs in members:
            with np.errstate(invalid="ignore"):
                # As for arrays of floats.
                value, lacking = _moment(reduction, pairs, None, ddof, False)
            value = math.nan if lacking else value
            results.append(_finished(name, reduction.finish, value, dtype, decimals))
    array = column(results, _dtype(dtype, decimals))
    return array.reshape(*lines.shape[:-1], groups), counts


def _dtype(dtype: np.dtype[Any] | None, decimals: bool) -> np.dtype[Any]:
    """That of the array of results."""
    return np.dtype(object if decimals else np.float64) if dtype is None else dtype


def _finished(
    name: str, finish: str, value: Any, dtype: np.dtype[Any] | None, decimals: bool
) -> Any:
    """A result: a Fraction, a Decimal, or what is rounded to a dtype of NumPy's."""
    if decimals:
        return as_decimal(value, finish != "var")
    if dtype is not None and dtype.kind == "O":
        return value
    return _rounded(name, finish, value, dtype)


def _is_nan(x: Any) -> bool:
    return isinstance(x, float) and math.isnan(x)


def _parts(name: str, x: Any) -> tuple[Any, Any]:
    """Real and imaginary part: Fractions, or floats that are not finite."""
    kind = kind_of(name, type(x))
    if kind is Kind.COMPLEX:
        return _part(float(x.real)), _part(float(x.imag))
    if kind is Kind.DECIMAL:
        return _of_decimal(name, x), Fraction(0)
    if kind is Kind.OWN and not isinstance(x, numbers.Rational):
        raise TypeError(
            f"{name}: there is no exact result for objects of type {type(x).__name__}; supported "
            "are ints, floats, complex numbers, Decimals and rational numbers; "
            "numpy.asarray(a, float) rounds others"
        )
    return _part(float(x) if kind is Kind.FLOAT else x), Fraction(0)


def _of_decimal(name: str, x: Any) -> Any:
    """A Decimal as a Fraction, or a float that is not finite."""
    if not x.is_finite():
        return math.nan if x.is_nan() else float(x)
    if max(abs(x.adjusted()), abs(x.as_tuple().exponent)) > DIGITS:
        raise OverflowError(
            f"{name}: exact squares of Decimals as {x:.3e} take more than {DIGITS} digits; "
            "numpy.asarray(a, float) rounds them"
        )
    return Fraction(*x.as_integer_ratio())


def are_decimals(name: str, elements: Iterable[Any]) -> bool:
    """Whether these numbers are Decimals.

    Raises
    ------
    TypeError
        If they are mixed with what Python does not add to them.
    """
    kinds = {kind_of(name, kind) for kind in set(map(type, elements))}
    if Kind.DECIMAL not in kinds:
        return False
    refuse_mixed_decimals(name, kinds)
    return True


def as_decimal(x: Any, root: bool) -> Any:
    """A rational number that is not negative, or its root, rounded once in the current context."""
    import decimal

    if isinstance(x, float):
        return decimal.Decimal(x)
    context = decimal.getcontext()
    numerator, denominator = x.numerator, x.denominator
    if root:
        roots = [math.isqrt(part) for part in (numerator, denominator)]
        if roots[0] ** 2 != numerator or roots[1] ** 2 != denominator:
            return _irrational(numerator, denominator, context)
        numerator, denominator = roots
    return context.divide(decimal.Decimal(numerator), decimal.Decimal(denominator))


def _irrational(numerator: int, denominator: int, context: Any) -> Any:
    """The root of a quotient that has none among rational numbers."""
    import decimal

    # So many decimal places that there are a few digits more than the context keeps.
    size = (numerator.bit_length() - denominator.bit_length()) * 0.30103
    places = context.prec + 4 - math.floor(size / 2)
    scale = 10 ** (2 * abs(places))
    if places >= 0:
        numerator *= scale
    else:
        denominator *= scale
    # One more digit says that there are others behind; no rounding is mistaken then.
    digits = 10 * math.isqrt(numerator // denominator) + 1
    exact = decimal.Context(prec=len(str(digits)), Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)
    return context.plus(decimal.Decimal(digits).scaleb(-places - 1, exact))


def _part(x: Any) -> Any:
    return x if isinstance(x, float) and not math.isfinite(x) else Fraction(fraction(x))


def _weight(name: str, weight: Any) -> Any:
    real, imag = _parts(name, weight)
    if imag:
        raise TypeError(f"{name}: weights must be real numbers, not {weight!r}")
    if real < 0:
        raise ValueError(f"{name}: weights must not be negative")
    return real


def _moment(
    reduction: Reduction, pairs: list[Any], mean: Any, ddof: Any, weighted: bool
) -> tuple[Any, bool]:
    """A variance or sum of squares, and whether it lacks degrees of freedom."""
    name = reduction.name
    parts_ = [part for parts, w in pairs for part in (*parts, w)]
    special = [x for x in parts_ if isinstance(x, float)]
    if reduction.finish == "norm":
        if special:
            return (math.nan if any(map(_is_nan, special)) else math.inf), False
        return sum((x * x + y * y for (x, y), _ in pairs), Fraction(0)), False
    if not pairs:
        return math.nan, True
    if any(map(_is_nan, special)) and weighted:
        return math.nan, False
    total = sum(w for _, w in pairs)
    if weighted and total == 0:
        raise ZeroDivisionError(f"{name}: weights sum to zero along the axis; there is no mean")
    divisor = _divisor(total, ddof)
    lacking = divisor <= 0
    if lacking and reduction.skip_nan:
        return math.nan, True
    if mean is not None and any(isinstance(x, float) for x in mean):
        special = [*special, *(x for x in mean if isinstance(x, float))]
        if not any(map(_is_nan, special)):
            against = [x - m for (x, _), _ in pairs for m in mean[:1] if isinstance(m, float)]
            special = special if not any(map(_is_nan, against)) else [math.nan]
            return (math.inf if special != [math.nan] else math.nan), lacking
    if special:
        infinite = not any(map(_is_nan, special))
        if infinite and mean is not None:
            return math.inf, lacking
        if infinite and not lacking:
            report_invalid(name)
        return math.nan, lacking
    if math.isnan(divisor):
        return math.nan, False
    if mean is None:
        centre = [sum(w * parts[at] for parts, w in pairs) / total for at in (0, 1)]
    else:
        centre = list(mean)
    scatter = sum(w * ((x - centre[0]) ** 2 + (y - centre[1]) ** 2) for (x, y), w in pairs)
    if lacking:
        return (math.inf if scatter else math.nan), True
    if math.isinf(divisor):
        return Fraction(0), False
    # With weights that sum to W, the divisor is W - ddof.
    return scatter / divisor, False


def _divisor(total: Any, ddof: Any) -> Any:
    """What a sum of squares is divided by: the number of elements, or their weights, less ddof."""
    if isinstance(ddof, float) and not math.isfinite(ddof):
        return -ddof
    return total - (Fraction(ddof) if isinstance(ddof, float) else Fraction(*ddof))


def of_states(
    reduction: Reduction, sums: States, squares: States, ddof: Any, dtype: np.dtype[Any]
) -> tuple[np.ndarray, np.ndarray]:
    """The moments of elements whose exact sums and sums of squares are known.

    The second result is where they lack degrees of freedom.
    """
    name = reduction.name
    results, lacking = [], []
    for total, square, count in zip(sums.totals, squares.totals, sums.counts, strict=True):
        if total.kind is Kind.DECIMAL:
            raise TypeError(
                f"{name}: moments of Decimals are Decimals, and a lazy array of them cannot be "
                "told beforehand; give its compute()"
            )
        value, few = _of_sums(reduction, total, square, count, ddof)
        exact = dtype.kind == "O"
        results.append(value if exact else _rounded(name, reduction.finish, value, dtype))
        lacking.append(few)
    return column(results, dtype).reshape(sums.shape), np.array(lacking, bool).reshape(sums.shape)


def _of_sums(
    reduction: Reduction, total: Total, square: Total, count: int, ddof: Any
) -> tuple[Any, bool]:
    """The same as `_moment`, from the sum of the elements and that of their squares."""
    special = isinstance(square.real, float)
    if reduction.finish == "norm":
        return (square.real if special else Fraction(fraction(square.real))), not count
    if not count:
        return math.nan, True
    divisor = _divisor(count, ddof)
    lacking = bool(divisor <= 0)
    if lacking and reduction.skip_nan:
        return math.nan, True
    if special:
        if math.isinf(square.real) and not lacking:
            report_invalid(reduction.name)
        return math.nan, lacking
    if math.isnan(divisor):
        return math.nan, False
    parts = [Fraction(fraction(part)) for part in (total.real, total.imag)]
    scatter = Fraction(fraction(square.real)) - sum(part**2 for part in parts) / count
    if lacking:
        return (math.inf if scatter else math.nan), True
    return (Fraction(0) if math.isinf(divisor) else scatter / divisor), False


def _rounded(name: str, finish: str, x: Any, dtype: np.dtype[Any] | None) -> Any:
    """A number or its square root, rounded once."""
    target = np.dtype(np.float64) if dtype is None else dtype
    if target.kind == "c":
        target = np.empty(0, target).real.dtype
    root = finish != "var"
    if target.kind in "iu":
        if isinstance(x, float):
            raise OverflowError(f"{name}: the result {x} does not fit {target}; use dtype=float64")
        result = whole(x.numerator, x.denominator, root)
        limits = np.iinfo(target)
        if not limits.min <= result <= limits.max:
            raise OverflowError(f"{name}: {result} does not fit {target}; use dtype=float64")
        return result
    if target.kind != "f" or target.itemsize > 8:
        raise TypeError(f"{name}: the exact result of objects cannot be given as dtype={target}")
    if isinstance(x, float):
        return x
    near = nearest(x, target, root)
    if math.isinf(near):
        report_overflow(name)
    return near
