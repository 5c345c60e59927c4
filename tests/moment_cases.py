"""Numbers that variances are lost on, by kind; ``python moment_cases.py 1000000`` tries so many."""

from __future__ import annotations

import sys

import numpy as np


def _normal(shift=0.0, scale=1.0):
    return lambda n, rng: shift + scale * rng.normal(size=n)


def _bits(n, rng):
    """Any finite numbers."""
    bits = rng.integers(0, 2**64, n, dtype=np.uint64)
    return np.where(np.isfinite(bits.view(np.float64)), bits.view(np.float64), 1.0)


def _integers(dtype):
    def make(n, rng):
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, n, dtype=dtype, endpoint=True)

    return make


def _squares(n, rng):
    """Numbers whose variances are squares: x and -x."""
    x = rng.integers(1, 2**26, n // 2 + 1).astype(float)
    return np.concatenate([x, -x])[: max(n, 1)]


def _sentinels(n, rng):
    a = 1e9 + rng.normal(size=n)
    a[::50] = 0
    return a


KINDS = {
    "normal": _normal(),
    "far from 0": _normal(1e9),
    "very far from 0": _normal(1e15, 3),
    "spread of the mean's size": _normal(100, 8),
    "constant": lambda n, rng: np.full(n, rng.normal()),
    "one ulp beside constant": lambda n, rng: np.nextafter(3.3, 3.3 + rng.integers(0, 2, n)),
    "ties": lambda n, rng: rng.integers(0, 4, n) * 0.5 + 2.0**26,
    "small integers": lambda n, rng: rng.integers(0, 10, n).astype(float),
    "halves of last bits": lambda n, rng: 1e9 + rng.integers(0, 8, n) * 2.0**-23,
    "squares": _squares,
    "mostly zeros": lambda n, rng: np.where(rng.random(n) < 0.1, rng.normal(size=n), 0),
    "a zero now and then": _sentinels,
    "lognormal": lambda n, rng: rng.lognormal(0, 10, n),
    "any exponents": lambda n, rng: rng.normal(size=n) * 10.0 ** rng.uniform(-300, 150, n),
    "any bits": _bits,
    "subnormal": lambda n, rng: rng.integers(0, 2**50, n) * 5e-324,
    "squares underflow": _normal(0, 2.0**-520),
    "squares overflow": _normal(0, 2.0**500),
    "one outlier": lambda n, rng: np.where(np.arange(n) == n // 2, 1e200, rng.normal(size=n)),
    "infinities": lambda n, rng: np.where(rng.random(n) < 0.05, np.inf, rng.normal(size=n)),
    "NaNs": lambda n, rng: np.where(rng.random(n) < 0.1, np.nan, rng.normal(1e6, 1, n)),
    "time stamps": lambda n, rng: rng.integers(17 * 10**17, 17 * 10**17 + 10**12, n),
    "int64": _integers(np.int64),
    "uint64": _integers(np.uint64),
    "int32": _integers(np.int32),
    "int8": _integers(np.int8),
    "bool": lambda n, rng: rng.random(n) < 0.5,
    "float32": lambda n, rng: (300.1 + rng.normal(size=n)).astype(np.float32),
    "float32 ties": lambda n, rng: rng.integers(0, 3, n).astype(np.float32),
    "float16": lambda n, rng: (rng.normal(size=n) * 100).astype(np.float16),
    "small float16": lambda n, rng: (rng.integers(0, 50, n) * 6e-8).astype(np.float16),
    "complex": lambda n, rng: rng.normal(1e6, 1, n) + 1j * rng.normal(size=n),
    "complex64": lambda n, rng: (rng.normal(9, 1, n) + 1j * rng.normal(size=n)).astype("F"),
}


def case(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """About `n` numbers of a kind."""
    with np.errstate(all="ignore"):
        return KINDS[kind](n, rng)


def main(cases: int) -> None:
    """Compare so many results of random kinds, lengths and functions with the exact ones."""
    from test_moments import ALL, expected, quietly

    rng = np.random.default_rng()
    kinds = sorted(KINDS)
    done = 0
    while done < cases:
        kind = kinds[rng.integers(len(kinds))]
        n, rows = int(rng.choice([1, 2, 3, 5, 10, 17, 30, 64])), int(rng.choice([1, 4, 9]))
        a = np.stack([case(kind, n, rng) for _ in range(rows)])
        name = ALL[rng.integers(len(ALL))]
        options = {} if name == "norm" else {"ddof": [0, 1, 0.1, -2.5][rng.integers(4)]}
        axis = [0, 1, None][rng.integers(3)]
        found = np.asarray(quietly(name, a, axis=axis, **options))
        exact = expected(name, a, axis, **options)
        if found.tobytes() != exact.tobytes():
            raise SystemExit(
                f"{name} of {a.tolist()}, axis {axis}, {options}: {found}, not {exact}"
            )
        done += exact.size
    print(f"{done} results, all exact")


if __name__ == "__main__":
    main(int(sys.argv[1]))
