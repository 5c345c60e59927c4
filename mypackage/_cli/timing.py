"""Timing several methods alternately, so that a slow moment of the machine affects all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

# The shortest time, in seconds, that a method runs in a round, so that the clock is precise enough.
SHORTEST_TURN = 1e-3


def interleaved(
    methods: Mapping[str, Callable[[], Any]], seconds: float, rounds: int = 3
) -> dict[str, list[float]]:
    """Seconds per call of each method, one time for each round.

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
    while done < rounds or time.perf_counter() < end:
        for name, method in methods.items():
            times[name].append(_time(method, calls[name]))
        done += 1
    return times


def _time(method: Callable[[], Any], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        method()
    return (time.perf_counter() - start) / calls
