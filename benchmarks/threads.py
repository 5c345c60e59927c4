"""More threads than processors: what sums take with 2, 8 and 32 threads.

    python benchmarks/threads.py [--smoke]

Prints the median time with each number of threads, in turn, and its ratio to that with 2. With two
processors it shows whether threads are in each other's way; with more, what they gain. Each result
is compared with that of one thread.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

import mypackage

COUNTS = (1, 2, 8, 32)
# In each turn.
CALLS = 5


def cases(size: int) -> dict[str, Callable[[], object]]:
    values = np.random.default_rng(0).standard_normal(size)
    matrix = values.reshape(-1, 1000)
    return {
        f"sum {size:.0e}": lambda: mypackage.sum(values),
        f"axis=0 {len(matrix)} x 1000": lambda: mypackage.sum(matrix, axis=0),
        f"axis=1 {len(matrix)} x 1000": lambda: mypackage.sum(matrix, axis=1),
    }


def measure(call: Callable[[], object], rounds: int) -> dict[int, float]:
    """Seconds with each number of threads."""
    times: dict[int, list[float]] = {count: [] for count in COUNTS}
    with mypackage.threads(1):
        expected = np.asarray(call()).tobytes()
    for _ in range(rounds):
        for count in COUNTS:
            with mypackage.threads(count):
                # The first call starts the threads.
                answer = call()
                start = time.perf_counter()
                for _ in range(CALLS):
                    call()
                times[count].append((time.perf_counter() - start) / CALLS)
            if np.asarray(answer).tobytes() != expected:
                raise SystemExit(f"{count} threads: another result")
    return {count: statistics.median(of) for count, of in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="one round of small arrays")
    smoke = parser.parse_args().smoke
    print(
        f"{'case':22}" + "".join(f"{count:>10} threads" for count in COUNTS) + "   over 2 threads"
    )
    for size in (300_000,) if smoke else (100_000, 1_000_000, 100_000_000):
        for name, call in cases(size).items():
            times = measure(call, 1 if smoke else min(101, max(5, 10**8 // size)))
            over = "  ".join(f"{times[count] / times[2]:.2f}" for count in COUNTS)
            print(
                f"{name:22}" + "".join(f"{times[count] * 1e6:15.1f} us" for count in COUNTS), over
            )


if __name__ == "__main__":
    main()
