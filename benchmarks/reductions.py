"""Means, dot products, prefix sums, grouped sums and `ExactSum` beside their peers, with targets.

    python benchmarks/reductions.py [--quick] [--only TEXT] [--csv FILE] [--plot FILE]

As sums.py. NumPy's dot products take one thread, whatever the number of ours; pandas is skipped if
it is not installed.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from typing import Any

# Read by the library behind NumPy's dot products as it loads.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

import mypackage
from inputs import numbers, some_of
from oracles import exact_dot, exact_sum, rounded, some_cells
from pairs import Case, Method, Scale, Target, Task, by_default_and_alone, main, short, task
from peers import optional

# So many products are enough for loops in Python.
FEW = 1000


def cases(scale: Scale) -> Iterator[Case]:
    yield from mean_cases(scale)
    yield from vecdot_cases(scale)
    yield from cumsum_cases(scale)
    yield from group_cases(scale)
    yield from exact_sum_cases(scale)


def mean_cases(scale: Scale) -> Iterator[Case]:
    for size in scale.of(10**5), scale.of(10**7, 2 * 10**6):
        for name in "mean", "nansum", "nanmean":
            for dtype in "float64", "float32":
                build = partial(mean_or_nansum, name, dtype, size)
                yield Case(f"{name}, {dtype}, {short(size)}", build)
        yield Case(f"average, weights, {short(size)}", partial(average, size))


def mean_or_nansum(name: str, dtype: str, size: int) -> Task:
    """Beside NumPy's twin; one number in a hundred is NaN if the name says so."""
    values = some_of(dtype, size)
    if name.startswith("nan"):
        values[::100] = np.nan
    finite = values[~np.isnan(values)]
    exact = exact_sum(finite) / (finite.size if name.endswith("mean") else 1)
    return beside_numpy(name, size, exact, values)


def average(size: int) -> Task:
    values, weights = numbers("normal", size), some_of("float64", size) + 0.5
    exact = exact_dot(values, weights) / exact_sum(weights)
    return beside_numpy("average", size, exact, values, weights=weights)


def beside_numpy(name: str, size: int, exact: Fraction, *arguments: Any, **options: Any) -> Task:
    """A function and NumPy's of the same name; their result is one number."""
    ours, theirs = (
        partial(getattr(module, name), *arguments, **options) for module in (mypackage, np)
    )
    return task(
        size, ours, {f"np.{name}": theirs}, lambda total: total == rounded(exact, total.dtype)
    )


def vecdot_cases(scale: Scale) -> Iterator[Case]:
    """Sizes, threads and target against NumPy."""
    table = [
        (scale.of(10**4), 1, 0.6),
        (scale.of(10**5), 1, 0.6),
        (scale.of(2 * 10**7), 1, 1.0),
        (scale.of(5 * 10**7, 2 * 10**7), 2, 1.9),
    ]
    for size, threads, ratio in table:
        targets = Target("np.dot", ratio), Target("np.vecdot", ratio), Target("Fraction loop", 50.0)
        yield Case(f"vecdot, {short(size)}", partial(vecdot, size), threads, targets)


def vecdot(size: int) -> Task:
    x, y = numbers("normal", size), some_of("float64", size)
    few = x[:FEW].tolist(), y[:FEW].tolist()
    peers = {"np.dot": Method(partial(np.dot, x, y), size)}
    # NumPy 2 and Python 3.12 have these.
    if hasattr(np, "vecdot"):
        peers["np.vecdot"] = Method(partial(np.vecdot, x, y), size)
    if hasattr(math, "sumprod"):
        peers["math.sumprod"] = Method(partial(math.sumprod, *few), len(few[0]))
    peers["Fraction loop"] = Method(partial(fraction_loop, *few), len(few[0]))
    expected = rounded(exact_dot(x, y), x.dtype)
    ours = Method(partial(mypackage.vecdot, x, y), size)
    return Task(ours, peers, lambda product: product == expected)


def fraction_loop(x: list[float], y: list[float]) -> float:
    return float(sum(Fraction(a) * Fraction(b) for a, b in zip(x, y, strict=True)))


def cumsum_cases(scale: Scale) -> Iterator[Case]:
    """Dtypes, shapes, axes and targets."""
    large = scale.of(10**7, 2 * 10**6)
    table: list[tuple[str, tuple[int, ...], int, float]] = [
        ("float64", (scale.of(10**4),), 0, 2.0),
        ("float64", (scale.of(10**6),), 0, 1.2),
        ("float64", (large,), 0, 1.2),
        ("float32", (scale.of(10**4),), 0, 2.0),
        ("float32", (scale.of(10**6),), 0, 1.2),
        ("int64", (scale.of(10**6),), 0, 1.2),
        ("float64", scale.shape((1000, 1000)), 0, 1.2),
        ("float64", scale.shape((1000, 1000)), 1, 1.2),
    ]
    for dtype, shape, axis, ratio in table:
        along = f"axis={axis}, " if len(shape) > 1 else ""
        name = f"cumsum, {dtype}, {along}{' x '.join(map(short, shape))}"
        build = partial(cumsum, dtype, shape, axis)
        yield from by_default_and_alone(name, build, (Target("np.cumsum", ratio),))


def cumsum(dtype: str, shape: tuple[int, ...], axis: int) -> Task:
    values = some_of(dtype, shape)
    ours, theirs = (partial(f, values, axis=axis) for f in (mypackage.cumsum, np.cumsum))

    def check(result: np.ndarray) -> bool:
        lines = zip(
            *(np.moveaxis(a, axis, -1).reshape(-1, shape[axis]) for a in (values, result)),
            strict=True,
        )
        return all(are_prefixes(line, sums) for line, sums in list(lines)[:: 1 + shape[axis] // 9])

    return task(values.size, ours, {"np.cumsum": theirs}, check)


def are_prefixes(values: np.ndarray, prefixes: np.ndarray) -> bool:
    """Whether some of the prefixes, the last among them, are exact and rounded once."""
    total, start = Fraction(0), 0
    for (place,) in some_cells(prefixes, 100):
        total += exact_sum(values[start : place + 1])
        start = place + 1
        if prefixes[place] != rounded(total, prefixes.dtype):
            return False
    return True


def group_cases(scale: Scale) -> Iterator[Case]:
    size = scale.of(10**7, 10**6)
    targets = Target("np.bincount", 1.0), Target("np.add.at", 3.0), Target("pandas", 1.0)
    for groups in scale.of(10), scale.of(1000), scale.of(10**6):
        for order in "unsorted", "sorted":
            name = f"group_sum, {short(groups)} groups, {order}, {short(size)}"
            build = partial(group_sum, "float64", size, groups, order == "sorted")
            yield from by_default_and_alone(name, build, targets)
    name = f"group_sum, float32, {short(scale.of(1000))} groups, unsorted, {short(size)}"
    build = partial(group_sum, "float32", size, scale.of(1000), False)
    yield from by_default_and_alone(name, build, targets)
    shape = scale.shape((1000, 1000))
    name = f"group_sum, 50 groups, axis=0, {' x '.join(map(short, shape))}"
    build = partial(group_sum_of_rows, shape, 50)
    yield from by_default_and_alone(name, build, (Target("np.add.at", 3.0),))


def group_sum(dtype: str, size: int, groups: int, in_order: bool) -> Task:
    # Writeable: np.bincount copies what is not.
    values = numbers("normal", size).astype(dtype)
    codes = np.random.default_rng(9).integers(0, groups, size)
    if in_order:
        codes.sort()
    totals = np.zeros(groups)
    peers: dict[str, Callable[[], Any]] = {
        "np.bincount": partial(np.bincount, codes, weights=values, minlength=groups),
        "np.add.at": partial(np.add.at, totals, codes, values),
    }
    if pandas := optional("pandas"):
        series = pandas.Series(values)
        peers["pandas"] = lambda: series.groupby(codes, sort=False).sum()

    def check(sums: np.ndarray) -> bool:
        return all(
            sums[group] == rounded(exact_sum(values[codes == group]), sums.dtype)
            for (group,) in some_cells(sums)
        )

    ours = partial(mypackage.group_sum, codes, values, size=groups)
    return task(size, ours, peers, check)


def group_sum_of_rows(shape: tuple[int, int], groups: int) -> Task:
    values = some_of("float64", shape)
    codes = np.random.default_rng(9).integers(0, groups, shape[0])
    totals = np.zeros((groups, shape[1]))

    def check(sums: np.ndarray) -> bool:
        return all(
            sums[group, column] == rounded(exact_sum(values[codes == group, column]), sums.dtype)
            for group, column in some_cells(sums)
        )

    ours = partial(mypackage.group_sum, codes, values, axis=0, size=groups)
    theirs = partial(np.add.at, totals, codes, values)
    return task(values.size, ours, {"np.add.at": theirs}, check)


def exact_sum_cases(scale: Scale) -> Iterator[Case]:
    size = scale.of(10**7)
    for threads in 1, 2:
        # It may cost 1.3 times what the sum costs.
        targets = (Target("mypackage.sum", 1 / 1.3),)
        yield Case(f"ExactSum.add, {short(size)}", partial(accumulate, size), threads, targets)


def accumulate(size: int) -> Task:
    values = numbers("normal", size)
    expected = rounded(exact_sum(values), values.dtype)

    return task(
        size,
        lambda: mypackage.ExactSum().add(values),
        {"mypackage.sum": partial(mypackage.sum, values)},
        lambda total: total.value() == expected and total.count == size,
    )


if __name__ == "__main__":
    main(cases, __doc__.splitlines()[0])
