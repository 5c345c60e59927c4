"""Moving windows and segments beside bottleneck, pandas, polars and NumPy, with targets for AVX2.

    python benchmarks/windows.py [--quick] [--only TEXT] [--csv FILE]

As sums.py. Peers that are not installed are skipped. Some results of each are compared with
fractions. Difficult data stand beside our own time for ordinary ones, or, where a time is the
target, beside a pause of that length.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

import mypackage
from inputs import numbers
from oracles import rounded, some_cells
from pairs import Case, Scale, Task, by_level, main, short, task
from peers import optional

NAMES = "move_sum", "move_mean", "move_var", "move_std"
# Sizes and windows, and how many times as long as ours bottleneck is to take.
TABLE: list[tuple[int, int, tuple[float, float, float, float]]] = [
    (10**6, 10, (1.2, 0.55, 0.65, 0.7)),
    (10**6, 100, (1.2, 0.55, 0.65, 0.7)),
    (10**6, 1000, (1.2, 0.55, 0.65, 0.7)),
    (10**4, 10, (1.0, 0.45, 0.6, 0.6)),
    (10**4, 100, (1.0, 0.45, 0.6, 0.6)),
    (10**4, 1000, (0.7, 0.45, 0.5, 0.5)),
    (10**6, 10**5, (0.7, 0.45, 0.35, 0.35)),
]
KINDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "float32": lambda x: x.astype(np.float32),
    "int64": lambda x: np.round(1000 * x).astype(np.int64),
}


def cases(scale: Scale) -> Iterator[Case]:
    yield from length_cases(scale)
    yield from kind_cases(scale)
    yield from difficult_cases(scale)
    yield from other_cases(scale)


def length_cases(scale: Scale) -> Iterator[Case]:
    for size, window, ratios in TABLE:
        for name, ratio in zip(NAMES, ratios, strict=True):
            targets = by_level("bottleneck", ratio)
            if window <= 100 and size == 10**6:
                targets += by_level("pandas", 4.0) + by_level("polars", 4.0)
            size_here, window_here = scale.of(size), min(window, scale.of(window))
            build = partial(moving, name, ordinary, size_here, window_here)
            title = f"{name}, {short(size_here)}, w = {short(window_here)}"
            yield Case(title, build, 1, targets)


def ordinary(size: int) -> np.ndarray:
    return numbers("normal", size).copy()


def with_gaps(size: int) -> np.ndarray:
    values = ordinary(size)
    values[::17] = np.nan
    return values


def kind_cases(scale: Scale) -> Iterator[Case]:
    size = scale.of(10**6)
    for name, ratio in zip(NAMES, (0.5, 0.5, 0.4, 0.4), strict=True):
        title = f"{name}, NaN every 17th, {short(size)}, w = 100"
        build = partial(moving, name, with_gaps, size, min(100, size), 1)
        yield Case(title, build, 1, by_level("bottleneck", ratio))
    for name, ratio in zip(NAMES, (1.2, 0.55, 0.65, 0.7), strict=True):
        for dtype, convert in KINDS.items():
            title = f"{name}, {dtype}, {short(size)}, w = 100"
            make = partial(converted, convert)
            targets = by_level("bottleneck", ratio if dtype == "float32" else 0.8)
            yield Case(title, partial(moving, name, make, size, min(100, size)), 1, targets)
        shape = scale.shape((1000, 1000))
        title = f"{name}, axis=0, {' x '.join(map(short, shape))}, w = 100"
        build = partial(columns, name, shape, min(100, shape[0]))
        yield Case(title, build, 1, by_level("bottleneck", 0.8))


def converted(convert: Callable[[np.ndarray], np.ndarray], size: int) -> np.ndarray:
    return convert(ordinary(size))


def difficult_cases(scale: Scale) -> Iterator[Case]:
    """Beside the same function of ordinary numbers."""
    size = scale.of(10**6)
    for window in 16, 64:
        for name in NAMES:
            for what, make in (("1e9 + N", far), ("90 % zeros", sparse)):
                title = f"{name}, {what}, {short(size)}, w = {window}"
                build = partial(beside_ordinary, name, make, size, min(window, size))
                yield Case(title, build, 1, by_level("N(0,1)", 1 / 3))
    for name, limit in zip(NAMES, (60, 60, 400, 400), strict=True):
        for window in 16, 1000:
            title = f"{name}, spikes, {short(size)}, w = {window}"
            build = partial(beside_a_pause, name, spiked, size, min(window, size), limit)
            yield Case(title, build, 1, by_level(f"{limit} ns each", 1.0))


def far(size: int) -> np.ndarray:
    return 1e9 + ordinary(size)


def sparse(size: int) -> np.ndarray:
    return np.where(np.arange(size) % 10 == 0, ordinary(size), 0.0)


def spiked(size: int) -> np.ndarray:
    values = ordinary(size)
    values[::17] *= 1e16
    return values


def other_cases(scale: Scale) -> Iterator[Case]:
    size = scale.of(10**6)
    for name in NAMES:
        title = f"{name}, index arrays, {short(size)}, w = 100"
        build = partial(by_indices, name, size, min(100, size))
        yield Case(title, build, 1, by_level("fixed window", 0.5))
    segments = scale.of(10**4)
    title = f"segment_sum, {short(size)} numbers, {short(segments)} segments"
    yield Case(title, partial(in_segments, size, segments), 1, by_level("np.add.reduceat", 1.0))
    title = f"nancumsum, {short(size)}"
    yield Case(title, partial(prefixes, size), 1, by_level("np.nancumsum", 2.0))
    title = f"cumulative_sum, {short(size)}"
    yield Case(title, partial(array_api_prefixes, size), 1, by_level("cumsum", 0.9))


def check(name: str, values: np.ndarray, window: int, least: int, result: np.ndarray) -> bool:
    """Whether some results are those of their windows, by fractions."""
    axis = 0
    for place in some_cells(result, 12):
        end = place[axis] + 1
        inside = values[(slice(max(end - window, 0), end), *place[1:])]
        numbers_inside = [Fraction(x) for x in inside.tolist() if x == x]
        count = len(numbers_inside)
        if count < least:
            right = math.isnan(result[place])
        else:
            right = result[place] == exact(name, numbers_inside, result.dtype)
        if not right:
            return False
    return True


def exact(name: str, inside: list[Fraction], dtype: np.dtype) -> Any:
    total, count = sum(inside, Fraction(0)), len(inside)
    if name == "move_sum":
        return rounded(total, dtype)
    if name == "move_mean":
        return rounded(total / count, dtype)
    variance = sum((x * x for x in inside), Fraction(0)) / count - (total / count) ** 2
    if name == "move_var":
        return rounded(variance, dtype)
    shift = 1 << 400
    return rounded(Fraction(math.isqrt(int(variance * shift * shift)), shift), dtype)


def peers_of(name: str, values: np.ndarray, window: int, least: int) -> dict[str, Any]:
    peers: dict[str, Callable[[], Any]] = {}
    if bottleneck := optional("bottleneck"):
        peers["bottleneck"] = partial(getattr(bottleneck, name), values, window, least, axis=0)
    if values.ndim > 1 or least != window:
        return peers
    what = name.removeprefix("move_")
    ddof = {"ddof": 0} if what in ("var", "std") else {}
    if pandas := optional("pandas"):
        rolling = pandas.Series(values).rolling(window)
        peers["pandas"] = partial(getattr(rolling, what), **ddof)
    if polars := optional("polars"):
        series = polars.Series(values)
        peers["polars"] = partial(getattr(series, f"rolling_{what}"), window, **ddof)
    return peers


def moving(
    name: str,
    make: Callable[[int], np.ndarray],
    size: int,
    window: int,
    least: int | None = None,
) -> Task:
    values = make(size)
    least = window if least is None else least
    ours = partial(getattr(mypackage, name), values, window, least)
    peers = peers_of(name, values, window, least)
    return task(size, ours, peers, partial(check, name, values, window, least))


def columns(name: str, shape: tuple[int, ...], window: int) -> Task:
    values = ordinary(math.prod(shape)).reshape(shape)
    ours = partial(getattr(mypackage, name), values, window, axis=0)
    peers = peers_of(name, values, window, window)
    return task(values.size, ours, peers, partial(check, name, values, window, window))


def beside_ordinary(name: str, make: Callable[[int], np.ndarray], size: int, window: int) -> Task:
    values, function = make(size), getattr(mypackage, name)
    peers = {"N(0,1)": partial(function, ordinary(size), window)}
    ours = partial(function, values, window)
    return task(size, ours, peers, partial(check, name, values, window, window))


def beside_a_pause(
    name: str, make: Callable[[int], np.ndarray], size: int, window: int, limit: int
) -> Task:
    """The peer takes so many nanoseconds for each result."""
    values = make(size)
    ours = partial(getattr(mypackage, name), values, window)
    peers = {f"{limit} ns each": partial(time.sleep, limit * size / 1e9)}
    return task(size, ours, peers, partial(check, name, values, window, window))


def by_indices(name: str, size: int, window: int) -> Task:
    """One window fewer than elements, so that they are not those of a fixed length."""
    values, function = ordinary(size), getattr(mypackage, name)
    end = np.arange(1, size)
    start = np.maximum(end - window, 0)
    peers = {"fixed window": partial(function, values, window, 1)}
    ours = partial(function, values, start=start, end=end)
    return task(size, ours, peers, partial(check, name, values, window, 1))


def in_segments(size: int, segments: int) -> Task:
    values = ordinary(size)
    offsets = np.linspace(0, size, segments + 1).astype(np.int64)
    peers = {"np.add.reduceat": partial(np.add.reduceat, values, offsets[:-1])}

    def right(sums: np.ndarray) -> bool:
        places = [place for (place,) in some_cells(sums, 12)]
        parts = [values[offsets[place] : offsets[place + 1]].tolist() for place in places]
        totals = [sum(map(Fraction, part), Fraction(0)) for part in parts]
        return all(
            sums[place] == rounded(total, sums.dtype)
            for place, total in zip(places, totals, strict=True)
        )

    return task(size, partial(mypackage.segment_sum, values, offsets), peers, right)


def prefixes(size: int) -> Task:
    values = with_gaps(size)
    filled = np.where(np.isnan(values), 0.0, values)
    return task(
        size,
        partial(mypackage.nancumsum, values),
        {"np.nancumsum": partial(np.nancumsum, values)},
        lambda sums: bool((sums == mypackage.cumsum(filled)).all()),
    )


def array_api_prefixes(size: int) -> Task:
    values = ordinary(size)
    return task(
        size,
        partial(mypackage.cumulative_sum, values),
        {"cumsum": partial(mypackage.cumsum, values), "np.cumsum": partial(np.cumsum, values)},
        lambda sums: bool((sums == mypackage.cumsum(values)).all()),
    )


if __name__ == "__main__":
    main(cases, __doc__.splitlines()[0])
