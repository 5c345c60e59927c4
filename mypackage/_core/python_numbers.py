"""Python's numbers: exact sums, products and quotients of single numbers.

Integers, floats, complex numbers, Fractions and Decimals are summed here; other rational numbers
(gmpy2's mpz and mpq, sympy's Integer and Rational) by their own addition, which is exact. Types
whose addition rounds, symbolic types and types that are not numbers are refused.
"""

from __future__ import annotations

import builtins
import math
import numbers
import sys
from collections.abc import Iterable
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

from mypackage._errors import report_invalid, report_overflow
from mypackage._native import ExactSum

from .rounding import nearest

# The largest number of digits in an exact sum of Decimals.
DIGITS = 1_000_000
# Sums in an ExactSum are below two to this power.
LARGEST = 2111
# Every float is a multiple of two to this power.
LOWEST = -1074


class Kind(IntEnum):
    """The kinds of numbers; the kind of a sum is the last one among those of its terms."""

    INTEGER = 0
    FRACTION = 1
    FLOAT = 2
    COMPLEX = 3
    DECIMAL = 4
    OWN = 5


class Total(NamedTuple):
    """An exact sum.

    For the kinds float and complex, the parts are rational, or non-finite floats; for Decimals and
    other classes, a number of that class.
    """

    kind: Kind
    real: Any
    imag: Any = 0


def kind_of(name: str, kind: type) -> Kind:
    """The kind of a class of numbers.

    Raises
    ------
    TypeError
        If their sums are not exact.
    """
    if kind is float:
        return Kind.FLOAT
    if issubclass(kind, (int, np.bool_, np.integer)) and not issubclass(kind, np.timedelta64):
        return Kind.INTEGER
    if issubclass(kind, (float, np.float16, np.float32)):
        return Kind.FLOAT
    if issubclass(kind, (complex, np.complex64)):
        return Kind.COMPLEX
    if issubclass(kind, _class("fractions", "Fraction")):
        return Kind.FRACTION
    if issubclass(kind, _class("decimal", "Decimal")):
        return Kind.DECIMAL
    own = (numbers.Rational, ExactSum, _class("datetime", "timedelta"))
    if issubclass(kind, own) and not issubclass(kind, np.timedelta64):
        return Kind.OWN
    if issubclass(kind, np.timedelta64):
        raise TypeError(
            f"{name}: there is no exact result for objects of type {kind.__name__}, which wrap "
            "when they are added; numpy.asarray(a, 'm8[us]') makes an array of one unit"
        )
    if kind is type(None):
        raise TypeError(
            f"{name}: None is not a number; numpy.ma.masked_equal(a, None) leaves it out, and "
            "numpy.sum adds objects as they add themselves"
        )
    raise TypeError(
        f"{name}: there is no exact result for objects of type {kind.__name__}; supported are "
        "ints, floats, complex numbers, Fractions, Decimals and other rational numbers; "
        "numpy.asarray(a, float) rounds others, and numpy.sum adds them as they add themselves"
    )


def _class(module: str, name: str) -> Any:
    """A class, or an empty tuple if its module has not been imported."""
    return getattr(sys.modules.get(module), name, ())


def fraction(x: Any) -> Any:
    """A rational number as an int or a Fraction."""
    if isinstance(x, (int, np.integer, np.bool_)):
        return int(x)
    from fractions import Fraction

    if isinstance(x, (numbers.Rational, Fraction)):
        return Fraction(int(x.numerator), int(x.denominator))
    return Fraction(*x.as_integer_ratio())


def _rational_sum(ratios: Iterable[tuple[int, int]]) -> Any:
    """The exact sum of rational numbers: an int if all are ints."""
    by_denominator: dict[int, int] = {}
    for numerator, denominator in ratios:
        by_denominator[denominator] = by_denominator.get(denominator, 0) + numerator
    if by_denominator.keys() <= {1}:
        return by_denominator.get(1, 0)
    from fractions import Fraction

    parts = [Fraction(n, d) for d, n in sorted(by_denominator.items())]
    while len(parts) > 1:
        # Pairwise, so that denominators grow slowly.
        parts = [builtins.sum(parts[at : at + 2], Fraction()) for at in range(0, len(parts), 2)]
    return parts[0]


def _part(name: str, floats: list[float], rational: Any) -> Any:
    """The exact sum of floats and a rational number; a float only if it is not finite."""
    special = [x for x in floats if not math.isfinite(x)]
    if special:
        if len({*special} & {math.inf, -math.inf}) == 2 and not any(map(math.isnan, special)):
            # With the warning of the function that was called.
            report_invalid(name)
            return math.nan
        return math.nan if any(map(math.isnan, special)) else special[0]
    ratios = [x.as_integer_ratio() for x in floats]
    if rational:
        ratios.append((rational.numerator, rational.denominator))
    return _rational_sum(ratios)


def add_up(name: str, elements: list[Any]) -> Total:
    """The exact sum of Python numbers.

    Raises
    ------
    TypeError
        If the sum of one of them is not exact, or Python cannot add them to each other.
    """
    kinds = {kind: kind_of(name, kind) for kind in set(map(type, elements))}
    if kinds.keys() <= {int, bool}:
        return Total(Kind.INTEGER, builtins.sum(elements))
    present = {*kinds.values()}
    if present & {Kind.DECIMAL, Kind.OWN}:
        return add_totals(name, [Total(kinds[type(x)], *_parts(x)) for x in elements])
    rational = _rational_sum(
        (int(x), 1) if kinds[type(x)] is Kind.INTEGER else (int(x.numerator), int(x.denominator))
        for x in elements
        if kinds[type(x)] in (Kind.INTEGER, Kind.FRACTION)
    )
    floats = [float(x) for x in elements if kinds[type(x)] is Kind.FLOAT]
    pairs = [complex(x) for x in elements if kinds[type(x)] is Kind.COMPLEX]
    if max(present) is Kind.FRACTION:
        return Total(Kind.FRACTION, _as_fraction(rational))
    real = _part(name, floats + [x.real for x in pairs], rational)
    return Total(max(present), real, _part(name, [x.imag for x in pairs], 0))


def _parts(x: Any) -> tuple[Any, Any]:
    """The parts of a number: rational, non-finite floats, or a number of its own class."""
    if isinstance(x, (complex, np.complex64)):
        return _parts(float(x.real))[0], _parts(float(x.imag))[0]
    if isinstance(x, (float, np.float16, np.float32)):
        x = float(x)
        return (fraction(x), 0) if math.isfinite(x) else (x, 0)
    return (int(x) if isinstance(x, (int, np.integer, np.bool_)) else x), 0


def add_totals(name: str, totals: list[Total]) -> Total:
    """The sum of exact sums."""
    kinds = {total.kind for total in totals}
    kind = max(kinds, default=Kind.INTEGER)
    if Kind.DECIMAL in kinds:
        refuse_mixed_decimals(name, kinds)
        return Total(kind, _decimal_sum(name, [total.real for total in totals]))
    if kind is Kind.OWN:
        if not kinds & {Kind.FLOAT, Kind.COMPLEX}:
            return Total(kind, _own_sum(name, totals))
        totals = [_without_own(name, total) for total in totals]
        kind = max(total.kind for total in totals)
    parts = []
    for part in ([t.real for t in totals], [t.imag for t in totals]):
        ratios = ((x.numerator, x.denominator) for x in part if not isinstance(x, float))
        parts.append(_part(name, [x for x in part if isinstance(x, float)], _rational_sum(ratios)))
    if kind is Kind.FRACTION:
        parts[0] = _as_fraction(parts[0])
    return Total(kind, *parts)


def multiply(name: str, a: Total, b: Total) -> Total:
    """The product of exact numbers."""
    kinds = {a.kind, b.kind}
    kind = max(kinds)
    if Kind.DECIMAL in kinds:
        refuse_mixed_decimals(name, kinds)
        import decimal

        x, y = decimal.Decimal(a.real), decimal.Decimal(b.real)
        digits = len(x.as_tuple().digits) + len(y.as_tuple().digits)
        return Total(kind, _exact_context(digits).multiply(x, y))
    if kind is Kind.OWN:
        if not kinds & {Kind.FLOAT, Kind.COMPLEX}:
            return Total(kind, a.real * b.real)
        a, b = _without_own(name, a), _without_own(name, b)
        kind = max(a.kind, b.kind)
    products = [
        _part_product(x, y)
        for x, y in ((a.real, b.real), (a.imag, b.imag), (a.real, b.imag), (a.imag, b.real))
    ]
    if kind is not Kind.COMPLEX:
        return Total(kind, products[0])
    minus = Total(kind, _part_product(products[1], -1), products[3])
    return add_totals(name, [Total(kind, products[0], products[2]), minus])


def square(name: str, x: Total) -> Total:
    """The square of an exact number, or of the modulus of a complex one."""
    if x.kind is not Kind.COMPLEX:
        return multiply(name, x, x)
    parts = [Total(Kind.FLOAT, part) for part in (x.real, x.imag)]
    return add_totals(name, [multiply(name, part, part) for part in parts])


def _part_product(x: Any, y: Any) -> Any:
    if isinstance(x, float) or isinstance(y, float):
        signs = [0.0 if one == 0 else math.copysign(1.0, one) for one in (x, y)]
        special = [one for one in (x, y) if isinstance(one, float)]
        return math.nan if any(map(math.isnan, special)) else math.inf * signs[0] * signs[1]
    return x * y


def refuse_mixed_decimals(name: str, kinds: set[Kind]) -> None:
    """Refuse Decimals beside what Python does not add to them."""
    if kinds - {Kind.DECIMAL, Kind.INTEGER}:
        raise TypeError(
            f"{name}: Decimals do not mix with floats, Fractions and other numbers; convert one or "
            "the other"
        )


def _without_own(name: str, total: Total) -> Total:
    """Convert a sum of another class's rational numbers to Python's, to be added to floats."""
    if total.kind is not Kind.OWN:
        return total
    if not isinstance(total.real, numbers.Rational):
        raise TypeError(f"{name}: a {type(total.real).__name__} does not mix with floats")
    return Total(Kind.FRACTION, fraction(total.real))


def _as_fraction(x: Any) -> Any:
    from fractions import Fraction

    return Fraction(x)


def _own_sum(name: str, totals: list[Total]) -> Any:
    """The sum by the addition of the numbers' own class."""
    own = [total.real for total in totals if total.kind is Kind.OWN]
    result, *others = own
    try:
        for x in others + [total.real for total in totals if total.kind is not Kind.OWN]:
            result = result + x
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    return result


def _decimal_sum(name: str, elements: list[Any]) -> Any:
    """The exact sum of Decimals and ints, regardless of the context's precision."""
    import decimal

    values = [x if isinstance(x, decimal.Decimal) else decimal.Decimal(int(x)) for x in elements]
    special = [x for x in values if not x.is_finite()]
    if special:
        # From 0 on, so that a signalling NaN alone signals too.
        return builtins.sum(special)
    # Enough digits for each Decimal, and the sum, as multiples of the smallest power of ten.
    exponent = min(int(x.as_tuple().exponent) for x in values)
    digits = max(x.adjusted() for x in values) - exponent + len(str(len(values))) + 1
    if digits > DIGITS:
        raise OverflowError(
            f"{name}: the exact sum of these Decimals takes {digits} digits, more than {DIGITS}; "
            "numpy.sum rounds to the current context"
        )
    context = _exact_context(digits)
    total = values[0]
    for one in values[1:]:
        total = context.add(total, one)
    return total


def _exact_context(digits: int) -> Any:
    """A context with that many digits that raises an error instead of rounding."""
    import decimal

    traps: list[Any] = [decimal.Inexact, decimal.InvalidOperation]
    return decimal.Context(prec=digits, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, traps=traps)


# -- Results --------------------------------------------------------------------------------------


def value(name: str, total: Total, divisor: Any, dtype: np.dtype[Any] | None) -> Any:
    """An exact sum over an exact divisor (None for the sum itself), rounded once.

    The result is a Python number of the sum's kind, or of `dtype`.
    """
    kind, real, imag = total
    if dtype is not None and dtype.kind != "O":
        return _converted(name, total, divisor, dtype)
    if kind is Kind.OWN:
        return real if divisor is None else _own_quotient(name, real, divisor)
    if kind is Kind.DECIMAL:
        if divisor is None:
            return real
        # Rounded once, in the current context.
        return real / divisor
    parts = [_quotient(part, divisor) for part in (real, imag)]
    if kind is Kind.COMPLEX:
        return complex(*(_as_float(name, part) for part in parts))
    if kind is Kind.FLOAT or (kind is Kind.INTEGER and divisor is not None):
        return _as_float(name, parts[0])
    return parts[0]


def _quotient(x: Any, divisor: Any) -> Any:
    """An exact quotient; a non-finite float is returned unchanged."""
    if divisor is None:
        return x
    if isinstance(divisor, float):
        return float(x) / divisor
    if isinstance(x, float):
        return x if divisor > 0 else -x
    from fractions import Fraction

    return Fraction(x) / Fraction(divisor)


def _own_quotient(name: str, real: Any, divisor: Any) -> Any:
    if not isinstance(real, numbers.Rational):
        if isinstance(real, ExactSum):
            raise TypeError(f"{name}: ExactSum objects have no mean here; use their divide()")
        return real / divisor
    from fractions import Fraction

    # By multiplication, since the division may give a float.
    return real * (1 / Fraction(divisor))


def _as_float(name: str, x: Any) -> float:
    """A rational number as the nearest float; a non-finite float is returned unchanged."""
    if isinstance(x, float):
        return x
    result = nearest(x, np.dtype(np.float64))
    if math.isinf(result):
        report_overflow(name)
    return result


def _converted(name: str, total: Total, divisor: Any, dtype: np.dtype[Any]) -> Any:
    """An exact quotient rounded to a NumPy dtype, as a scalar."""
    from fractions import Fraction

    kind, real, imag = total
    if kind in (Kind.OWN, Kind.DECIMAL):
        if not hasattr(real, "as_integer_ratio") and not isinstance(real, numbers.Rational):
            raise TypeError(f"{name}: a {type(real).__name__} cannot be given as dtype={dtype}")
        real = fraction(real)
    if dtype.char not in "?bBhHiIlLqQefdFD":
        raise TypeError(f"{name}: exact results of objects cannot be given as dtype={dtype}")
    real, imag = (_quotient(part, divisor) for part in (real, imag))
    if dtype.kind == "c":
        part = np.dtype(f"f{dtype.itemsize // 2}")
        return dtype.type(complex(_rounded(name, real, part), _rounded(name, imag, part)))
    if kind is Kind.COMPLEX:
        import warnings

        message = "Casting complex values to real discards the imaginary part"
        warnings.warn(message, np.exceptions.ComplexWarning, stacklevel=2)
    if dtype.kind == "f":
        return _rounded(name, real, dtype)
    limits = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    whole = real if isinstance(real, float) else round(Fraction(real))
    if not limits[0] <= whole <= limits[1]:
        raise OverflowError(
            f"{name}: {whole} does not fit {dtype}; use dtype=object for Python ints"
        )
    return dtype.type(whole)


def _rounded(name: str, x: Any, dtype: np.dtype[Any]) -> Any:
    """A rational number rounded once to float16, float32 or float64."""
    if isinstance(x, float):
        return dtype.type(x)
    result = nearest(x, dtype)
    if math.isinf(result):
        report_overflow(name)
    return dtype.type(result)
