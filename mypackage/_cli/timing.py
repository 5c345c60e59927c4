"""Timing several methods alternately, so that a slow moment of the machine affects all of them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any

# The shortest time, in seconds, that a method runs in a round, so that the clock is precise enough.
SHORTEST_TURN = 1e-3


def interleaved(
    methods: Mapping[str, Callable[[], Any]], seconds: float, rounds: int = 3
) -> dict[str, list[float]]:
    """Seconds per call of each method, one time for each round.

    Memory that a method gives back to the system, or fills caches with, is paid for by the one that
    follows; therefore orders change from round to round.

    Parameters
    ----------
    methods : mapping of str to callable
        The methods; one whose first call is slower must have run once already.
    seconds : float
        Start no round after this time.
    rounds : int
        The least number of rounds.
    """
    calls = {
        name: max(1, round(SHORTEST_TURN / _time(method, 1))) for name, method in methods.items()
    }
    times: dict[str, list[float]] = {name: [] for name in methods}
    end = time.perf_counter() + seconds
    done = 0
    orders = itertools.cycle(balanced_orders(list(methods)))
    while done < rounds or time.perf_counter() < end:
        for name in next(orders):
            times[name].append(_time(methods[name], calls[name]))
        done += 1
    return times


def balanced_orders(names: list[str]) -> list[list[str]]:
    """Orders in which each follows each other equally often.

    Williams, "Experimental designs balanced for the estimation of residual effects of treatments",
    1949.
    """
    count = len(names)
    # 0, 1, -1, 2, -2, ...: all differences of neighbours are different.
    places = [(place + 1) // 2 * (1 if place % 2 else -1) for place in range(count)]
    orders = [[names[(start + place) % count] for place in places] for start in range(count)]
    return orders + [order[::-1] for order in orders] if count % 2 else orders


def _time(method: Callable[[], Any], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        method()
    return (time.perf_counter() - start) / calls
