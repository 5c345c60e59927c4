"""Rational numbers, and their roots, rounded once to a format of floats."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def nearest(value: Any, dtype: np.dtype[Any], root: bool = False) -> float:
    """The nearest number of a dtype to an int or Fraction, half to even; an infinity beyond it.

    With `root`, to the root of its magnitude, with its sign.
    """
    if not value:
        return 0.0
    if dtype == np.float64 and not root:
        try:
            # Python's own conversions and quotients of ints are correctly rounded.
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    format_ = np.finfo(dtype)
    numerator, denominator = abs(value.numerator), value.denominator
    size = numerator.bit_length() - denominator.bit_length()
    # The last bit that the result has, if it is not one of two or three below.
    unit = max((size // 2 if root else size) - format_.nmant - 2, _lowest(format_))
    while True:
        whole = _scaled(numerator, denominator, unit, root)
        excess = whole.bit_length() - format_.nmant - 1
        if excess <= 0:
            break
        unit += excess
    magnitude = math.inf
    if whole.bit_length() + unit <= format_.maxexp:
        magnitude = math.ldexp(whole, unit)
    return magnitude if value > 0 else -magnitude


def _lowest(format_: Any) -> int:
    """The exponent of the smallest number of a format."""
    return int(format_.minexp) - int(format_.nmant)


def _scaled(numerator: int, denominator: int, unit: int, root: bool) -> int:
    """A quotient, or the root of it, in units of a power of two, half to even."""
    shift = 2 * unit if root else unit
    numerator, denominator = numerator << max(-shift, 0), denominator << max(shift, 0)
    return whole(numerator, denominator, root)


def whole(numerator: int, denominator: int, root: bool) -> int:
    """The nearest integer to a quotient, or to the root of it, half to even."""
    floor, rest = divmod(numerator, denominator)
    if not root:
        return floor + (2 * rest + floor % 2 > denominator)
    floor = math.isqrt(floor)
    # Four times the quotient beside the square of twice the middle.
    above = 4 * numerator - (2 * floor + 1) ** 2 * denominator
    return floor + (above + floor % 2 > 0)
