"""Searches for the finite data that take longest beside `numpy.sum`, and prints the worst found.

    python benchmarks/worst.py [--size N] [--tries N] [--seed N]

A random search over families that are hard for summation by levels: mixtures of scales by block,
outliers, alternating magnitudes, sorted numbers, subnormal numbers beside large ones, zeros with
one huge number, pairs that cancel at a distance. MYPACKAGE_ISA chooses the instruction set.
"""

from __future__ import annotations

import argparse

import numpy as np

import mypackage
from mypackage._cli.timing import interleaved
from oracles import is_sum
from pairs import ISA, ratio

Rng = np.random.Generator


def scaled(rng: Rng, size: int, exponents: np.ndarray) -> np.ndarray:
    return np.ldexp(rng.standard_normal(size), np.resize(exponents, size).astype(np.int32))


def by_block(rng: Rng, size: int) -> np.ndarray:
    length = int(2.0 ** rng.uniform(0, 13))
    levels = rng.integers(-500, 500, rng.integers(2, 9))
    return scaled(rng, size, rng.choice(levels, size // length + 1).repeat(length))


def outliers(rng: Rng, size: int) -> np.ndarray:
    values = rng.standard_normal(size)
    values[:: int(2.0 ** rng.uniform(1, 12))] *= 2.0 ** rng.integers(-900, 900)
    return values


def alternating(rng: Rng, size: int) -> np.ndarray:
    return scaled(rng, size, rng.integers(-900, 900, int(2.0 ** rng.uniform(1, 8))))


def ascending(rng: Rng, size: int) -> np.ndarray:
    return np.sort(scaled(rng, size, rng.integers(-300, 300, size)))


def with_subnormals(rng: Rng, size: int) -> np.ndarray:
    values = rng.integers(0, 1 << 52, size, dtype=np.uint64).view(np.float64).copy()
    values[rng.random(size) < rng.random()] = 2.0 ** rng.integers(-300, 900)
    return values


def one_huge(rng: Rng, size: int) -> np.ndarray:
    values = np.zeros(size)
    values[rng.random(size) < 10.0 ** -rng.uniform(0, 5)] = 2.0 ** rng.integers(-1000, 1000)
    return values


def cancelling(rng: Rng, size: int) -> np.ndarray:
    half = scaled(rng, size // 2, rng.integers(-1, 2, size) * rng.integers(1, 450))
    return np.concatenate([half, -np.roll(half, rng.integers(0, size)), [2.0**-70] * (size % 2)])


FAMILIES = (by_block, outliers, alternating, ascending, with_subnormals, one_huge, cancelling)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10**6)
    parser.add_argument("--tries", type=int, default=20, help="of each family")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    worst = {}
    with mypackage.threads(1):
        for family in FAMILIES:
            for seed in range(arguments.seed, arguments.seed + arguments.tries):
                values = family(np.random.default_rng(seed), arguments.size)
                calls = {
                    "ours": lambda v=values: mypackage.sum(v),
                    "np": lambda v=values: np.sum(v),
                }
                with np.errstate(all="ignore"):
                    times = interleaved(calls, 0.02, 3)
                found = ratio(times["ours"], times["np"]), seed
                worst[family] = max(worst.get(family, found), found)
            taken, seed = worst[family]
            values = family(np.random.default_rng(seed), arguments.size)
            with np.errstate(all="ignore"):
                right = is_sum(mypackage.sum(values), values)
            print(
                f"{family.__name__:18} {taken:6.2f} times np.sum's time (seed {seed})", flush=True
            )
            if not right:
                raise SystemExit("and the answer is wrong")
    family, (taken, seed) = max(worst.items(), key=lambda item: item[1])
    print(f"worst on {ISA}: {family.__name__}, seed {seed}: {taken:.2f} times np.sum's time")


if __name__ == "__main__":
    main()
