"""Rounding rational numbers and their square roots once to a floating-point format."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def nearest(value: Any, dtype: np.dtype[Any], root: bool = False) -> float:
    """Round an int or Fraction to a floating-point dtype, half to even; infinite on overflow.

    With `root`, round the square root of its magnitude, with its sign.
    """
    if not value:
        return 0.0
    if dtype == np.float64 and not root:
        try:
            # Python's conversion and true division of ints are correctly rounded.
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    format_ = np.finfo(dtype)
    numerator, denominator = abs(value.numerator), value.denominator
    size = numerator.bit_length() - denominator.bit_length()
    # The exponent of the result's last bit, or up to three less.
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
    """The exponent of the smallest positive number of a format."""
    return int(format_.minexp) - int(format_.nmant)


def _scaled(numerator: int, denominator: int, unit: int, root: bool) -> int:
    """A quotient or its square root in units of a power of two, rounded half to even."""
    shift = 2 * unit if root else unit
    numerator, denominator = numerator << max(-shift, 0), denominator << max(shift, 0)
    return whole(numerator, denominator, root)


def whole(numerator: int, denominator: int, root: bool) -> int:
    """The nearest integer to a quotient or its square root, half to even."""
    floor, rest = divmod(numerator, denominator)
    if not root:
        return floor + (2 * rest + floor % 2 > denominator)
    floor = math.isqrt(floor)
    # Compare four times the quotient with the square of twice the midpoint.
    above = 4 * numerator - (2 * floor + 1) ** 2 * denominator
    return floor + (above + floor % 2 > 0)
