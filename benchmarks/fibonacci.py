"""The Fibonacci family side by side with its peers, one line per case.

    python benchmarks/fibonacci.py [--quick] [--csv FILE] [--plot FILE]

Every answer is compared with the peers' while it is timed. Times are the best of several runs, in
nanoseconds per element; ours with one thread and with two. Needs numba, gmpy2 and sympy, and
matplotlib for the plot.
"""

from __future__ import annotations

import argparse
import csv
import math
import platform
import time
from collections.abc import Callable
from functools import partial

import gmpy2
import numba
import numpy as np
import sympy
from sympy.ntheory.factor_ import factor_cache

import mypackage


def best(work: Callable[[], object], budget: float) -> tuple[float, object]:
    """The shortest of at least two runs within a budget in seconds, and the result."""
    shortest, spent, runs = math.inf, 0.0, 0
    while spent < budget or runs < 2:
        start = time.perf_counter()
        result = work()
        elapsed = time.perf_counter() - start
        shortest, spent, runs = min(shortest, elapsed), spent + elapsed, runs + 1
    return shortest, result


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
Case = tuple[str, int, Callable[[], object], dict[str, tuple[int, Callable[[], object]]]]


def cases(quick: bool) -> list[Case]:
    return [*table_cases(quick), *modular_cases(quick), *period_cases(quick), *object_cases(quick)]


def table_cases(quick: bool) -> list[Case]:
    rng = np.random.default_rng(1)
    found: list[Case] = []
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
            }
            found.append((f"{name}, int64", size, partial(function, n, out=ours), peers))
    return found


def modular_cases(quick: bool) -> list[Case]:
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
    found: list[Case] = []
    for label, m in moduli.items():
        peers = {"gmpy2": (few, partial(gmpy2_mod, n[:few], m[:few] if np.ndim(m) else m))}
        if int(np.max(m)) < 2**31:
            peers["numba"] = (size, partial(numba_mod, n, m))
        ours = partial(mypackage.fibonacci_mod, n, m)
        found.append((f"fibonacci_mod, {label}", size, ours, peers))
    return found


def period_cases(quick: bool) -> list[Case]:
    rng = np.random.default_rng(3)
    found: list[Case] = []
    for exponent in 6, 12, 18:
        size = 50 if quick else 500
        m = rng.integers(1, 10**exponent, size)
        peers = {"sympy": (50, partial(sympy_periods, m[:50]))}
        ours = partial(mypackage.pisano_period, m)
        found.append((f"pisano_period, m < 10^{exponent}", size, ours, peers))
    return found


def object_cases(quick: bool) -> list[Case]:
    rng = np.random.default_rng(4)
    found: list[Case] = []
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


def check(case: str, ours: object, theirs: object) -> None:
    """Stops at the first difference."""
    ours, theirs = (
        np.atleast_1d(np.asarray(ours, object)),
        np.atleast_1d(np.asarray(theirs, object)),
    )
    if not all(a == b for a, b in zip(ours, theirs, strict=False)):
        raise SystemExit(f"{case}: the answers differ")


def measure(quick: bool) -> list[dict[str, object]]:
    budget = 0.05 if quick else 0.5
    rows = []
    for name, size, ours, peers in cases(quick):
        row: dict[str, object] = {"case": name, "elements": size}
        for threads in 1, 2:
            with mypackage.threads(threads):
                seconds, result = best(ours, budget)
            row[f"mypackage, {threads} thread{'s' * (threads > 1)}"] = seconds / size * 1e9
        for peer, (count, work) in peers.items():
            seconds, theirs = best(work, budget)
            row[peer] = seconds / count * 1e9
            if theirs is not None:
                check(name, result, theirs)
        rows.append(row)
        single = row["mypackage, 1 thread"]
        shown = ", ".join(
            f"{key} {value:.4g} ns ({value / single:.3g}x)"
            for key, value in row.items()
            if key not in ("case", "elements", "mypackage, 1 thread")
        )
        print(f"{name}, {size} elements: {single:.4g} ns; {shown}", flush=True)
    return rows


def plot(rows: list[dict[str, object]], file: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 0.42 * len(rows) + 1.5), layout="constrained")
    labels = [f"{row['case']} ({row['elements']:,})" for row in rows]
    series = dict.fromkeys(key for row in rows for key in row if key not in ("case", "elements"))
    markers = "os^vDP*Xh<>"
    for marker, key in zip(markers, series, strict=False):
        points = [(row[key], place) for place, row in enumerate(rows) if key in row]
        axes.scatter(*zip(*points, strict=True), marker=marker, label=key, zorder=2)
    axes.set(xscale="log", xlabel="nanoseconds per element (smaller is better)")
    axes.set_yticks(range(len(rows)), labels)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.4)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    axes.set_title(
        f"mypackage {mypackage.__version__}, NumPy {np.__version__}, {platform.machine()}"
    )
    figure.savefig(file, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller arrays, shorter runs")
    parser.add_argument("--csv", metavar="FILE", help="write the figures")
    parser.add_argument("--plot", metavar="FILE", help="draw them")
    arguments = parser.parse_args()
    if mypackage.show_config()["profile"] != "release":
        raise SystemExit("this build is not optimised; its figures would say nothing")
    rows = measure(arguments.quick)
    if arguments.csv:
        columns = dict.fromkeys(key for row in rows for key in row)
        with open(arguments.csv, "w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
    if arguments.plot:
        plot(rows, arguments.plot)


if __name__ == "__main__":
    main()
