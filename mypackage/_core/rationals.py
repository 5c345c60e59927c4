"""Covariances of Python's numbers in rational arithmetic, rounded once."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from .rounding import nearest


def parts(name: str, x: Any) -> tuple[Fraction, Fraction] | None:
    """The exact parts of a number; None if one is infinite or NaN.

    Raises
    ------
    TypeError
        If `x` is not an exact number.
    """
    if isinstance(x, (bool, int, np.bool_, np.integer)):
        return Fraction(int(x)), Fraction()
    if isinstance(x, Fraction):
        return x, Fraction()
    if isinstance(x, (float, np.float16, np.float32)):
        return (Fraction(float(x)), Fraction()) if math.isfinite(x) else None
    if isinstance(x, (complex, np.complex64)):
        x = complex(x)
        finite = math.isfinite(x.real) and math.isfinite(x.imag)
        return (Fraction(x.real), Fraction(x.imag)) if finite else None
    raise TypeError(
        f"{name}: there is no exact result for objects of type {type(x).__name__}; supported are "
        "ints, floats, complex numbers and Fractions; numpy.asarray(a, float) rounds others"
    )


def covariances(
    name: str,
    variables: Iterable[np.ndarray],
    target: np.dtype[Any],
    ddof: int,
    correlation: bool,
    fweights: np.ndarray | None,
    aweights: np.ndarray | None,
) -> np.ndarray:
    """The matrix of `cov` or `corrcoef` if some variables are objects."""
    from .covariance import report

    rows: list[list[Any]] = [
        [parts(name, x) for x in row] for block in variables for row in block.tolist()
    ]
    count = len(rows[0])
    weights: list[list[Any]] = [
        [parts(name, w) for w in given.tolist()]
        if given is not None
        else [(Fraction(1), 0)] * count
        for given in (fweights, aweights)
    ]
    if any(w is None for given in weights for w in given):
        rows = [[None] * count for _ in rows]
        weights = [[(Fraction(1), Fraction())] * count] * 2
    important = [w[0] for w in weights[1] if w is not None]
    both = [f[0] * a for f, a in zip(weights[0], important, strict=True) if f is not None]
    total = sum(both, Fraction())
    twice = sum((w * a for w, a in zip(both, important, strict=True)), Fraction())
    divisor = max(total * total - ddof * twice, Fraction())
    size = len(rows)
    numerators: dict[tuple[int, int], tuple[Fraction, Fraction]] = {}
    finite = [bool(count) and all(x is not None for x in row) for row in rows]

    def mean(row: list[Any], part: int) -> Fraction:
        return sum((w * x[part] for w, x in zip(both, row, strict=True)), Fraction())

    def means(row: list[Any]) -> tuple[Fraction, Fraction]:
        return mean(row, 0), mean(row, 1)

    sums = [means(row) if ok else None for row, ok in zip(rows, finite, strict=True)]
    for j in range(size):
        for k in range(j, size):
            left, right = sums[j], sums[k]
            if left is None or right is None:
                continue
            (a, b), (c, d) = left, right
            real, imag = Fraction(), Fraction()
            for w, x, y in zip(both, rows[j], rows[k], strict=True):
                real += w * (x[0] * y[0] + x[1] * y[1])
                imag += w * (x[1] * y[0] - x[0] * y[1])
            numerators[j, k] = (total * real - (a * c + b * d), total * imag - (b * c - a * d))
    constant = [ok and not numerators[j, j][0] for j, ok in enumerate(finite)]
    overflow = False
    part_of = np.empty(0, target).real.dtype

    def entry(j: int, k: int, part: int) -> Any:
        nonlocal overflow
        if (j, k) not in numerators or (correlation and (constant[j] or constant[k])):
            return math.nan
        value = numerators[j, k][part]
        if correlation:
            if j == k:
                return float(part == 0)
            square = value * value / (numerators[j, j][0] * numerators[k, k][0])
            return nearest(square if value > 0 else -square, part_of, root=True)
        if not divisor:
            return (math.inf if value > 0 else -math.inf) if value else math.nan
        if target.kind == "O":
            return value / divisor
        result = nearest(value / divisor, part_of)
        overflow = overflow or math.isinf(result)
        return result

    matrix = np.zeros((size, size), target)
    for j in range(size):
        for k in range(j, size):
            one, other = entry(j, k, 0), entry(j, k, 1) if target.kind == "c" else 0
            matrix[j, k] = complex(one, other) if target.kind == "c" else one
            matrix[k, j] = complex(one, -other or 0.0) if target.kind == "c" else one
    report(name, overflow, any(constant) or not count, not divisor)
    return matrix
