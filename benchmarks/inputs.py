"""Numbers to add: ordinary ones, and those that make exact sums hard."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np


def _wide(rng: np.random.Generator, size: int) -> np.ndarray:
    return np.ldexp(rng.standard_normal(size), rng.integers(-300, 300, size, dtype=np.int32))


def _cancelling(rng: np.random.Generator, size: int) -> np.ndarray:
    half = np.ldexp(
        rng.standard_normal(size // 2), rng.integers(-50, 50, size // 2, dtype=np.int32)
    )
    both = np.concatenate([half, -half, np.full(size % 2, 2.0**-60)])
    rng.shuffle(both)
    return both


def _random_bits(rng: np.random.Generator, size: int) -> np.ndarray:
    """Any sign and fraction, and any exponent of which 1e8 numbers do not overflow."""
    bits = rng.integers(0, 2000 << 52, size, dtype=np.uint64)
    return (bits | rng.integers(0, 2, size, dtype=np.uint64) << np.uint64(63)).view(np.float64)


Maker = Callable[[np.random.Generator, int], np.ndarray]

ORDINARY: dict[str, Maker] = {
    "uniform": lambda rng, size: rng.random(size),
    "normal": lambda rng, size: rng.standard_normal(size),
    "lognormal": lambda rng, size: rng.lognormal(sigma=1.0, size=size),
    "decimals": lambda rng, size: rng.integers(0, 100_000, size) / 100,
    "integers": lambda rng, size: rng.integers(0, 2**40, size).astype(np.float64),
}
DIFFICULT: dict[str, Maker] = {
    "lognormal(10)": lambda rng, size: rng.lognormal(sigma=10.0, size=size),
    "exponents +-50": lambda rng, size: np.ldexp(
        rng.standard_normal(size), rng.integers(-50, 50, size, dtype=np.int32)
    ),
    "wide exponents": _wide,
    "total cancellation": _cancelling,
    "subnormals": lambda rng, size: rng.integers(0, 1 << 52, size, dtype=np.uint64).view("f8"),
    "random bits": _random_bits,
}


@lru_cache(maxsize=1)
def numbers(kind: str, size: int) -> np.ndarray:
    """float64 numbers of a kind; the last ones made are kept, for the next case may want them."""
    values = {**ORDINARY, **DIFFICULT}[kind](np.random.default_rng(7), size)
    values.flags.writeable = False
    return values


def some_of(dtype: str, shape: int | tuple[int, ...]) -> np.ndarray:
    """Random numbers of a dtype that fill its range, as far as its sum allows."""
    rng = np.random.default_rng(3)
    kind, itemsize = np.dtype(dtype).kind, np.dtype(dtype).itemsize
    if kind in "iu":
        # A hundred million of them stay below 2^63.
        high = 2 ** min(36, 8 * itemsize - 1)
        return rng.integers(0 if kind == "u" else -high, high, shape, dtype=dtype)
    if kind == "b":
        return rng.integers(0, 2, shape, dtype=np.uint8).view(bool)
    # Around zero, for a million float16 between 0 and 1 overflow.
    values = rng.random(shape, dtype="f8" if dtype in ("float64", "complex128") else "f4") - 0.5
    return (values + 1j * values[::-1]).astype(dtype) if kind == "c" else values.astype(dtype)
