"""Exact answers by another way than the package's, fast enough for 1e8 numbers.

Integers take the place of floating-point numbers: each is a 53-bit integer times a power of two,
and each power has a total of its own.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from reference import root_to_format as root_to_format
from reference import to_format

CHUNK = 1 << 20
# frexp's exponents are at least -1073, so a number is a multiple of 2^(-1073 - 53).
LOWEST = -1073
# Halves of the integers, so that the totals of a chunk are exact in float64.
HALF = 27
# Powers of two that products are scaled by together.
SPAN = 200


def exact_sum(values: np.ndarray) -> Fraction:
    """The sum of finite real numbers, of any shape and dtype."""
    values = values.reshape(-1)
    total = Fraction(0)
    for start in range(0, values.size, CHUNK):
        total += _chunk_sum(values[start : start + CHUNK])
    return total


def _chunk_sum(values: np.ndarray) -> Fraction:
    if values.dtype.kind in "biu":
        integers = values.astype(np.int64)
        return Fraction((int((integers >> 32).sum()) << 32) + int((integers & 0xFFFFFFFF).sum()))
    mantissas, exponents = np.frexp(values.astype(np.float64))
    integers = np.ldexp(mantissas, 53).astype(np.int64)
    powers = exponents - LOWEST
    high = np.bincount(powers, weights=integers >> HALF)
    low = np.bincount(powers, weights=integers & ((1 << HALF) - 1))
    total = sum(
        ((int(high[power]) << HALF) + int(low[power])) << int(power)
        for power in np.flatnonzero((high != 0) | (low != 0))
    )
    return Fraction(total, 1 << (53 - LOWEST))


def exact_product_sum(x: np.ndarray, y: np.ndarray) -> Fraction:
    """The sum of x y* of finite numbers of any size and dtype, of complex ones its real part."""
    if x.dtype.kind == "c":
        return exact_product_sum(x.real, y.real) + exact_product_sum(x.imag, y.imag)
    if x.dtype.kind in "biu":
        return Fraction(sum(a * b for a, b in zip(x.tolist(), y.tolist(), strict=True)))
    # Numbers of about one size at a time, near 1.
    (x, exponents), (y, others) = np.frexp(x), np.frexp(y)
    powers = exponents.astype(np.int64) + others
    blocks = powers // SPAN
    total = Fraction(0)
    for block in np.unique(blocks).tolist():
        some = blocks == block
        scaled = np.ldexp(x[some], powers[some] - block * SPAN)
        total += exact_dot(scaled, y[some]) * Fraction(2) ** (block * SPAN)
    return total


def exact_dot(x: np.ndarray, y: np.ndarray) -> Fraction:
    """The dot product of ordinary float64 numbers: halves of 26 bits have exact products."""
    total = Fraction(0)
    for start in range(0, x.size, CHUNK):
        halves = [_halves(values[start : start + CHUNK]) for values in (x, y)]
        total += sum(_chunk_sum(a * b) for a in halves[0] for b in halves[1])
    return total


def _halves(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Splits numbers into two of 26 bits (Veltkamp, 1968)."""
    scaled = values * (2.0**HALF + 1)
    high = scaled - (scaled - values)
    return high, values - high


def rounded(value: Fraction, dtype: np.dtype) -> Any:
    """A NumPy scalar: the value rounded once, half to even."""
    dtype = np.dtype(dtype)
    return dtype.type(int(value)) if dtype.kind in "iu" else to_format(value, dtype.type)


def is_sum(result: Any, values: np.ndarray) -> bool:
    """Whether a scalar is the exact sum, rounded once to its own dtype."""
    if values.dtype.kind == "c":
        return is_sum(result.real, values.real) and is_sum(result.imag, values.imag)
    return bool(result == rounded(exact_sum(values), result.dtype))


def some_cells(result: np.ndarray, least: int = 10) -> list[tuple[int, ...]]:
    """The first, the last and a few cells between."""
    places = np.linspace(0, result.size - 1, min(least, result.size)).astype(int)
    return [tuple(map(int, np.unravel_index(place, result.shape))) for place in places]
