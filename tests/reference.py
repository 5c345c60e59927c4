"""Independent oracles, in Python's exact integers and fractions."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterable
from fractions import Fraction
from functools import partial

import numpy as np


def exact_sum(values: Iterable[float]) -> float:
    """The sum rounded once; inf and NaN as IEEE 754 would have it."""
    values = [float(x) for x in values]
    special = [x for x in values if not math.isfinite(x)]
    if special:
        return special[0] if len(set(special)) == 1 else math.nan
    # As integers, which are several times as fast as Fractions.
    parts = [math.frexp(x) for x in values if x]
    low = min((exponent for _, exponent in parts), default=0)
    total = sum(int(part * 2**53) << (exponent - low) for part, exponent in parts)
    return to_float(total * Fraction(2) ** (low - 53))


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


def root_to_format(value: Fraction | int, dtype: type = np.float64) -> float:
    """The nearest number of a type to the square root, by integers; with the sign of the value."""
    value = Fraction(value)
    size = abs(value)
    bits = size.denominator.bit_length() - size.numerator.bit_length()
    shift = max(80 + bits // 2, 80)
    floor = math.isqrt(size.numerator * 4**shift // size.denominator)
    # Twice as fine, and odd where bits were cut off: it then rounds as the root does.
    odd = 2 * floor + (Fraction(floor * floor, 4**shift) != size)
    root = to_format(Fraction(odd, 2 << shift), dtype)
    return -root if value < 0 else root


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


# -- Reductions: what any array's sums and means are, cell by cell --------------------------------


def rounded(value: Fraction, dtype: np.dtype) -> np.generic:
    """The number of a binary floating-point dtype nearest to a fraction, ties to even."""
    dtype = np.dtype(dtype)
    info = np.finfo(dtype)
    magnitude = abs(value)
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    exponent -= magnitude < Fraction(2) ** exponent
    unit = max(exponent, info.minexp) - info.nmant
    digits = round(magnitude / Fraction(2) ** unit)
    fits = digits * Fraction(2) ** unit < Fraction(2) ** info.maxexp
    nearest = math.ldexp(digits, unit) if fits else math.inf
    return dtype.type(-nearest if value < 0 else nearest)


def result_dtype(name: str, dtype: np.dtype) -> np.dtype:
    """NumPy's dtype of a sum or mean."""
    one = np.ones(1, dtype)
    return (np.sum if name.endswith("sum") else np.mean)(one).dtype


def reduce(name, a, axis=None, dtype=None, keepdims=False, initial=0, where=True) -> np.ndarray:
    """``sum``, ``nansum``, ``mean`` or ``nanmean`` of an array, one result at a time.

    A result that is beyond an integer dtype is an OverflowError.
    """
    axes = tuple(range(a.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = {operator.index(i) % a.ndim for i in axes} if a.ndim else set()
    kept = [i for i in range(a.ndim) if i not in axes]
    shape = [a.shape[i] for i in kept]
    dtype = np.dtype(dtype or result_dtype(name, a.dtype)).newbyteorder("=")
    elements = a.transpose(kept + sorted(axes)).reshape((*shape, -1) if a.size else (*shape, 0))
    included = (
        np.broadcast_to(np.asarray(where, bool), a.shape)
        .transpose(kept + sorted(axes))
        .reshape(elements.shape)
    )
    result = np.empty(shape, dtype)
    for index in np.ndindex(*shape):
        values = np.atleast_1d(elements[index])[np.atleast_1d(included[index])].tolist()
        if name.startswith("nan"):
            values = [x for x in values if x == x]
        divisor = len(values) if name.endswith("mean") else None
        result[index] = _result([*values, initial], divisor, dtype)
    if keepdims:
        result = np.expand_dims(result, tuple(axes))
    return result


def _result(values: list, divisor: int | None, dtype: np.dtype):
    if dtype.kind == "c":
        part = np.dtype(f"f{dtype.itemsize // 2}")
        real, imag = (
            _result([getattr(x, name) for x in values], divisor, part) for name in ("real", "imag")
        )
        pair = np.array([real, imag])
        return pair.view(dtype)[0]
    values = [x.real for x in values]
    special = {x for x in values if isinstance(x, float) and not math.isfinite(x)}
    if divisor == 0 or len(special) > 1 or any(x != x for x in special):
        return dtype.type(math.nan)
    if special:
        return dtype.type(special.pop())
    total = _exact_total(values) / (1 if divisor is None else divisor)
    if dtype.kind == "f":
        return rounded(total, dtype)
    nearest = round(total)
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if not low <= nearest <= high:
        raise OverflowError(nearest)
    return nearest


def _exact_total(values: list) -> Fraction:
    """The sum of finite numbers, in units of the smallest float: faster than Fractions."""
    ratios = (x.as_integer_ratio() for x in values)
    return Fraction(sum(n << (1075 - d.bit_length()) for n, d in ratios), 1 << 1074)


def same(actual, expected) -> None:
    """Assert equality to the bit: dtype, shape, and the signs of zeros; every NaN is positive."""
    actual = np.asarray(actual)
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    assert actual.tobytes() == expected.tobytes(), f"{actual!r} is not {expected!r}"


# -- Sums of many numbers, quickly -----------------------------------------------------------------


def exact_total(values: np.ndarray) -> Fraction | float:
    """The sum of a vector of float64 numbers: a fraction, or inf or NaN.

    The significands of each exponent are added as halves of 27 bits, exactly, in float64.
    """
    values = np.ascontiguousarray(values, np.float64)
    special = values[~np.isfinite(values)].tolist()
    if special:
        return special[0] if len(set(special)) == 1 else math.nan
    bits = values.view(np.int64)
    field = (bits >> 52) & 2047
    significand = (bits & (2**52 - 1)) + np.where(field > 0, 2**52, 0)
    shift, sign = np.maximum(field, 1) - 1, np.where(bits < 0, -1.0, 1.0)
    high = np.bincount(shift, (significand >> 27) * sign)
    low = np.bincount(shift, (significand & (2**27 - 1)) * sign)
    used = np.flatnonzero((high != 0) | (low != 0)).tolist()
    return Fraction(sum(((int(high[k]) << 27) + int(low[k])) << k for k in used), 2**1074)


def rounded_quotient(total: Fraction | float, divisor: int, dtype: np.dtype) -> np.generic:
    """A total of `exact_total`, divided and rounded once."""
    special = isinstance(total, float)
    return np.dtype(dtype).type(total) if special else rounded(total / divisor, dtype)


# -- Windows ---------------------------------------------------------------------------------------


def rounded_ratio(numerator: int, denominator: int, dtype: np.dtype) -> np.generic:
    """`rounded` of a fraction; fast for float64, since Python divides integers exactly."""
    if dtype != np.float64:
        return rounded(Fraction(numerator, denominator), dtype)
    try:
        return np.float64(numerator / denominator)
    except OverflowError:
        return np.float64(math.inf if numerator > 0 else -math.inf)


def rounded_root(numerator: int, denominator: int, dtype: np.dtype) -> np.generic:
    """The number of a binary floating-point dtype nearest to the root of a fraction."""
    # 64 bits at least: what is below them matters only where they are a midpoint.
    shift = max(0, 65 - (numerator.bit_length() - denominator.bit_length()) // 2)
    scaled, rest = divmod(numerator << 2 * shift, denominator)
    root = math.isqrt(scaled)
    inexact = rest != 0 or root * root != scaled
    return rounded_ratio(2 * root + inexact, 1 << (shift + 1), dtype)


def window_results(name, values, windows, least, ddof, dtype) -> list:
    """The statistic of each window of a list of Python numbers; NaN and None are missing.

    Prefix sums of Python integers make it fast enough for long lists.
    """
    dtype = np.dtype(dtype)
    if any(isinstance(x, complex) for x in values):
        return _complex_window_results(name, values, windows, least, ddof, dtype)
    missing = [x is None or x != x for x in values]
    infinite = [
        0 if gap or abs(x) != math.inf else (1 if x > 0 else -1)
        for x, gap in zip(values, missing, strict=True)
    ]
    ratios = [
        (0, 1) if gap or infinity else x.as_integer_ratio()
        for x, gap, infinity in zip(values, missing, infinite, strict=True)
    ]
    # All are powers of two: of floats, or 1.
    unit = max((denominator for _, denominator in ratios), default=1)
    ticks = [numerator * (unit // denominator) for numerator, denominator in ratios]
    accumulate = partial(itertools.accumulate, initial=0)
    counts = list(accumulate(not gap for gap in missing))
    sums, squares = list(accumulate(ticks)), list(accumulate(x * x for x in ticks))
    up = list(accumulate(x > 0 for x in infinite))
    down = list(accumulate(x < 0 for x in infinite))
    results = []
    for start, end in windows:
        end = max(start, end)
        count = counts[end] - counts[start]
        ups, downs = up[end] - up[start], down[end] - down[start]
        total, square = sums[end] - sums[start], squares[end] - squares[start]
        moment = name.endswith(("var", "std"))
        if count < least or (count == 0 and not name.endswith("sum")):
            result = math.nan
        elif moment and (count <= ddof or ups or downs):
            result = math.nan
        elif moment:
            numerator = count * square - total * total
            round_to = rounded_ratio if name.endswith("var") else rounded_root
            result = round_to(numerator, count * (count - ddof) * unit**2, dtype)
        elif ups or downs:
            result = math.nan if ups and downs else math.copysign(math.inf, ups - downs)
        else:
            divisor = count if name.endswith("mean") else 1
            result = rounded_ratio(total, divisor * unit, dtype)
        results.append(dtype.type(result))
    return results


def _complex_window_results(name, values, windows, least, ddof, dtype) -> list:
    gap = [x != x for x in values]
    parts = [
        [None if lost else getattr(x, part) for x, lost in zip(values, gap, strict=True)]
        for part in ("real", "imag")
    ]
    if not name.endswith(("var", "std")):
        part = np.dtype(f"f{dtype.itemsize // 2}")
        real, imag = (window_results(name, x, windows, least, ddof, part) for x in parts)
        pairs = np.array([real, imag], part).T.copy()
        return list(pairs.view(dtype)[:, 0])
    results = []
    for start, end in windows:
        real, imag = ([x for x in part[start:end] if x is not None] for part in parts)
        count = len(real)
        finite = all(map(math.isfinite, real + imag))
        if count < least or count <= ddof or count == 0 or not finite:
            results.append(dtype.type(math.nan))
            continue
        spread = Fraction(0)
        for part in (real, imag):
            part = [Fraction(x) for x in part]
            spread += count * sum(x * x for x in part) - sum(part) ** 2
        spread /= count * (count - ddof)
        round_to = rounded_ratio if name.endswith("var") else rounded_root
        results.append(round_to(spread.numerator, spread.denominator, dtype))
    return results


def moving(name, a, window, min_count=None, axis=-1, ddof=0) -> np.ndarray:
    """`mypackage.move_sum` and its kin, by fractions."""
    length = a.shape[axis]
    windows = [(max(i + 1 - window, 0), i + 1) for i in range(length)]
    least = window if min_count is None else min_count
    return windowed(name, a, windows, least, axis, ddof)


def windowed(name, a, windows, least, axis=-1, ddof=0) -> np.ndarray:
    """The statistic of windows given by indices."""
    kind = a.dtype.newbyteorder("=")
    dtype = np.dtype(np.float64) if kind.kind in "biu" else kind
    if name.endswith(("var", "std")):
        dtype = np.empty(0, dtype).real.dtype
    lines = np.moveaxis(a, axis, -1)
    result = np.empty((*lines.shape[:-1], len(windows)), dtype)
    for index in np.ndindex(*lines.shape[:-1]):
        result[index] = window_results(name, lines[index].tolist(), windows, least, ddof, dtype)
    return np.moveaxis(result, -1, axis)
