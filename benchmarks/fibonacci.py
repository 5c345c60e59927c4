"""The Fibonacci family side by side with its peers, one line per case.

    python benchmarks/fibonacci.py [--quick] [--only TEXT] [--csv FILE] [--plot FILE]

Every answer is compared with the peers' before and after it is timed; ours with one thread and with
two. Needs numba, gmpy2 and sympy, and matplotlib for the plot.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import gmpy2
import numba
import numpy as np
import sympy
from sympy.ntheory.factor_ import factor_cache

import mypackage
from pairs import Case, Method, Scale, Target, Task, main, short


@numba.njit
def _numba_mod(n: np.ndarray, m: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Fast doubling modulo numbers below 2^31, as one writes it by hand."""
    for i in range(n.size):
        a, b, modulus = 0, 1, m[i % m.size]
        for bit in range(62, -1, -1):
            c = a * ((2 * b - a) % modulus) % modulus
            d = (a * a + b * b) % modulus
            if n[i] >> bit & 1:
                a, b = d, (c + d) % modulus
            else:
                a, b = c, d
        out[i] = a
    return out


def numba_mod(n: np.ndarray, m: np.ndarray) -> np.ndarray:
    return _numba_mod(n, np.atleast_1d(np.asarray(m, dtype=np.int64)), np.empty_like(n))


POOL = ThreadPoolExecutor(2)


def copy_with_two_threads(out: np.ndarray, n: np.ndarray) -> None:
    """Not the same work, but the speed of memory when two threads ask for it."""
    halves = slice(n.size // 2), slice(n.size // 2, None)
    list(POOL.map(lambda half: np.copyto(out[half], n[half]), halves))


def gmpy2_ints(n: list[int]) -> list[int]:
    return [int(gmpy2.fib(k)) for k in n]


def gmpy2_mod(n: np.ndarray, m: np.ndarray) -> list[int]:
    pairs = np.broadcast(n, m)
    return [int(gmpy2.lucasu_mod(1, -1, int(k), int(modulus))) for k, modulus in pairs]


def sympy_period(m: int) -> int:
    """The period from sympy's factorisations (Wall 1960)."""

    def of_prime(p: int) -> int:
        if p in (2, 5):
            return {2: 3, 5: 20}[p]
        period = p - 1 if p % 5 in (1, 4) else 2 * (p + 1)
        for q in sympy.factorint(period):
            while period % q == 0 and is_period(period // q, p):
                period //= q
        return period

    def is_period(k: int, p: int) -> bool:
        a, b = 0, 1
        for bit in bin(k)[2:]:
            a, b = a * (2 * b - a) % p, (a * a + b * b) % p
            if bit == "1":
                a, b = b, (a + b) % p
        return (a, b) == (0, 1)

    return math.lcm(*(of_prime(p) * p ** (e - 1) for p, e in sympy.factorint(m).items()))


def sympy_periods(m: np.ndarray) -> list[int]:
    # Else the second run would look its factors up.
    factor_cache.cache_clear()
    return [sympy_period(k) for k in m.tolist()]


# Name, number of elements, ours, and each peer with the number of elements it takes.
Row = tuple[str, int, Callable[[], object], dict[str, tuple[int, Callable[[], object]]]]


LOOK_UP = {"table[n]": 1.5, "np.take": 1.0}
TARGETS: dict[str, dict[str, float]] = {
    "fibonacci, int64": LOOK_UP,
    "lucas, int64": LOOK_UP,
    "fibonacci, int64, beyond the caches": LOOK_UP | {"np.copyto": 0.9},
    "lucas, int64, beyond the caches": LOOK_UP | {"np.copyto": 0.9},
    "fibonacci_mod, one 31-bit m": {"numba": 15.0, "gmpy2": 150.0},
    "fibonacci_mod, one 64-bit m, odd": {"gmpy2": 50.0},
    "fibonacci_mod, one 64-bit m, even": {"gmpy2": 50.0},
    "fibonacci_mod, 31-bit m each": {"numba": 5.0, "gmpy2": 20.0},
    "fibonacci_mod, 63-bit m each": {"gmpy2": 20.0},
    "pisano_period, m < 10^6": {"sympy": 50.0},
    "pisano_period, m < 10^12": {"sympy": 50.0},
    "pisano_period, m < 10^18": {"sympy": 50.0},
    "fibonacci, object, n = 10^4": {},
    "fibonacci, object, n = 10^5": {},
    "fibonacci, object, n = 10^6": {"gmpy2": 0.5},
    "fibonacci, object, n = 10^7": {"gmpy2": 0.5},
    "fibonacci, object, arange(2000)": {"gmpy2": 5.0},
    "fibonacci, object, random n < 10^5": {"gmpy2": 1.5},
}


def cases(scale: Scale) -> Iterator[Case]:
    quick = scale is not Scale.FULL
    for table in table_rows, modular_rows, period_rows, object_rows:
        for row in table(quick):
            for threads in 1, 2:
                # What one thread is held to; two show what a second is worth.
                targets = TARGETS[row[0]] if threads == 1 else {}
                yield Case(
                    f"{row[0]}, {short(row[1])}",
                    partial(build, row),
                    threads,
                    tuple(Target(peer, ratio) for peer, ratio in targets.items()),
                )


def build(row: Row) -> Task:
    _, size, ours, peers = row
    methods = {peer: Method(call, count) for peer, (count, call) in peers.items()}
    return Task(Method(ours, size), methods, partial(agree, peers))


def agree(peers: dict[str, tuple[int, Callable[[], object]]], result: object) -> bool:
    """Whether our answers are the peers', as far as they have any."""
    ours = np.atleast_1d(np.asarray(result, object))
    answers = [call() for _, call in peers.values()]
    return all(
        a == b
        for theirs in answers
        if theirs is not None
        for a, b in zip(ours, np.atleast_1d(np.asarray(theirs, object)), strict=False)
    )


def table_rows(quick: bool) -> list[Row]:
    rng = np.random.default_rng(1)
    found: list[Row] = []
    for name, limit in ("fibonacci", 92), ("lucas", 90):
        function = getattr(mypackage, name)
        table = function(np.arange(limit + 1))
        for size in [10**5] if quick else [10**5, 10**7]:
            n = rng.integers(0, limit, size, endpoint=True)
            ours, theirs, copied = (np.empty_like(n) for _ in range(3))
            peers = {
                "table[n]": (size, partial(table.__getitem__, n)),
                "np.take": (size, partial(np.take, table, n, out=theirs, mode="clip")),
                # Not the same work, but the speed of memory.
                "np.copyto": (size, partial(np.copyto, copied, n)),
                "np.copyto, 2 threads": (size, partial(copy_with_two_threads, copied, n)),
            }
            label = f"{name}, int64" + ", beyond the caches" * (size > 10**6)
            found.append((label, size, partial(function, n, out=ours), peers))
    return found


def modular_rows(quick: bool) -> list[Row]:
    rng = np.random.default_rng(2)
    size, few = (10**4, 200) if quick else (10**5, 2000)
    n = rng.integers(0, 2**63 - 1, size)
    moduli = {
        "one 31-bit m": np.int64(2**31 - 1),
        "one 64-bit m, odd": np.uint64(2**64 - 59),
        "one 64-bit m, even": np.uint64(2**64 - 2),
        "31-bit m each": rng.integers(2**30, 2**31, size),
        "63-bit m each": rng.integers(2**62, 2**63 - 1, size),
    }
    found: list[Row] = []
    for label, m in moduli.items():
        peers = {"gmpy2": (few, partial(gmpy2_mod, n[:few], m[:few] if np.ndim(m) else m))}
        if int(np.max(m)) < 2**31:
            peers["numba"] = (size, partial(numba_mod, n, m))
        ours = partial(mypackage.fibonacci_mod, n, m)
        found.append((f"fibonacci_mod, {label}", size, ours, peers))
    return found


def period_rows(quick: bool) -> list[Row]:
    rng = np.random.default_rng(3)
    found: list[Row] = []
    for exponent in 6, 12, 18:
        # As many as to keep the processor from learning their branches by heart.
        size = 50 if quick else 5000
        m = rng.integers(1, 10**exponent, size)
        peers = {"sympy": (50, partial(sympy_periods, m[:50]))}
        ours = partial(mypackage.pisano_period, m)
        found.append((f"pisano_period, m < 10^{exponent}", size, ours, peers))
    return found


def object_rows(quick: bool) -> list[Row]:
    rng = np.random.default_rng(4)
    found: list[Row] = []
    for exponent in [4, 5, 6] if quick else [4, 5, 6, 7]:
        n = 10**exponent
        ours = partial(mypackage.fibonacci, n, dtype=object)
        peers = {"gmpy2": (1, partial(gmpy2_ints, [n])), "gmpy2 mpz": (1, partial(gmpy2.fib, n))}
        found.append((f"fibonacci, object, n = 10^{exponent}", 1, ours, peers))
    batches = {"arange(2000)": np.arange(2000)}
    if not quick:
        batches["random n < 10^5"] = rng.integers(0, 10**5, 10**4)
    for label, n in batches.items():
        ours = partial(mypackage.fibonacci, n.astype(object))
        peers = {"gmpy2": (n.size, partial(gmpy2_ints, n.tolist()))}
        found.append((f"fibonacci, object, {label}", n.size, ours, peers))
    return found


if __name__ == "__main__":
    main(cases, __doc__.splitlines()[0], every_isa=False)
