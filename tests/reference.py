"""Independent oracles, in Python's exact integers and fractions."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction


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


def lucas(n: int) -> int:
    """L(n) = F(n-1) + F(n+1)."""
    return fibonacci(n - 1) + fibonacci(n + 1)


def lucas_sequences_mod(p: int, q: int, n: int, m: int) -> tuple[int, int]:
    """U(n) and V(n) modulo m by Python's rule, as a power of the companion matrix."""

    def product(a: list[int], b: list[int]) -> list[int]:
        (a0, a1, a2, a3), (b0, b1, b2, b3) = a, b
        entries = (a0 * b0 + a1 * b2, a0 * b1 + a1 * b3, a2 * b0 + a3 * b2, a2 * b1 + a3 * b3)
        return [entry % m for entry in entries]

    power, square = [1, 0, 0, 1], [p, -q, 1, 0]
    if n < 0:
        # The companion matrix has determinant q.
        inverse = pow(q, -1, abs(m))
        square = [0, q * inverse, -inverse, p * inverse]
    n = abs(n)
    while n:
        if n % 2:
            power = product(power, square)
        square = product(square, square)
        n //= 2
    return power[2] % m, (2 * power[3] + p * power[2]) % m


def pisano_period(m: int) -> int:
    """The period of F modulo m, by walking it."""
    a, b, steps = 1 % m, 1 % m, 1
    while (a, b) != (0, 1 % m):
        a, b, steps = b, (a + b) % m, steps + 1
    return steps
