"""Times of several methods, in turns: a slow moment of the machine hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

# A turn runs its method at least this long, in seconds, so that the clock's grain is negligible.
SHORTEST_TURN = 1e-3


def interleaved(
    methods: Mapping[str, Callable[[], Any]], seconds: float, rounds: int = 3
) -> dict[str, list[float]]:
    """Seconds per call of each method, one time for each round.

    Parameters
    ----------
    methods : mapping of str to callable
        They have run once already, if their first call is slower.
    seconds : float
        Start no round after this time.
    rounds : int
        But run so many at least.
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
