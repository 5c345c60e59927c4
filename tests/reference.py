"""Independent oracles, in Python's exact integers and fractions."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

import numpy as np


def exact_sum(values: Iterable[float]) -> float:
    """The sum rounded once; inf and NaN as IEEE 754 would have it."""
    values = [float(x) for x in values]
    special = [x for x in values if not math.isfinite(x)]
    if special:
        return special[0] if len(set(special)) == 1 else math.nan
    return to_float(sum(map(Fraction, values)))


def exact_vecdot(x: Iterable[float], y: Iterable[float]) -> float:
    """The sum of the products of finite numbers, rounded once."""
    return to_float(sum(Fraction(a) * Fraction(b) for a, b in zip(x, y, strict=True)))


def to_float(value: Fraction | int) -> float:
    """The nearest float, ties to even; infinite beyond the range."""
    try:
        return float(Fraction(value))
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def to_format(value: Fraction | int, dtype: type) -> float:
    """The nearest number of a NumPy floating-point type, by way of a binary64 rounded to odd."""
    value = Fraction(value)
    near = to_float(value)
    if dtype is np.float64 or math.isinf(near):
        return dtype(near)
    exact = Fraction(near)
    if exact != value and int(np.float64(near).view(np.int64)) % 2 == 0:
        near = math.nextafter(near, math.inf if value > exact else -math.inf)
    with np.errstate(over="ignore", under="ignore"):
        return dtype(near)


def fibonacci(n: int) -> int:
    """F(n) by the recurrence, for negative n too."""
    a, b = 0, 1
    for _ in range(abs(n)):
        a, b = b, a + b
    return -a if n < 0 and n % 2 == 0 else a


def fibonacci_mod(n: int, m: int) -> int:
    """F(n) modulo m by Python's rule, by doubling."""

    def pair(n: int) -> tuple[int, int]:
        if n == 0:
            return 0, 1
        a, b = pair(n // 2)
        c, d = a * (2 * b - a) % m, (a * a + b * b) % m
        return (d, (c + d) % m) if n % 2 else (c, d)

    a = pair(abs(n))[0]
    return (-a if n < 0 and n % 2 == 0 else a) % m
