"""The reductions on each instruction set of this processor, held to the targets for AVX2 and SSE2.

    python benchmarks/processors.py [--quick] [--only TEXT] [--csv FILE]

As sums.py. BLAS takes one thread. `--record` writes the figures, with the processor's name and the
date, to benchmarks/records; `figure.py` draws those.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

# Read by the library behind NumPy's dot products as it loads.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

import mypackage
from inputs import numbers, some_of
from oracles import exact_dot, exact_sum, is_sum, rounded, some_cells
from pairs import Case, Scale, Task, by_level, main, short, task
from peers import optional


def cases(scale: Scale) -> Iterator[Case]:
    yield from vecdot_cases(scale)
    yield from masked_cases(scale)
    yield from axis_cases(scale)
    yield from sum_cases(scale)
    yield from difficult_cases(scale)
    yield from state_cases(scale)
    yield from group_cases(scale)
    yield from fibonacci_cases(scale)


def vecdot_cases(scale: Scale) -> Iterator[Case]:
    large = scale.of(5 * 10**7, 2 * 10**7)
    table = [
        ("float64", scale.of(10**4), 1, 0.85),
        ("float64", scale.of(10**5), 1, 0.85),
        ("float64", scale.of(10**6), 1, 1.1),
        ("float64", large, 1, 0.8),
        ("float64", large, 2, 1.3),
        ("float32", scale.of(10**4), 1, 0.4),
        ("float32", scale.of(10**6), 1, 0.4),
    ]
    for dtype, size, threads, avx2 in table:
        targets = by_level("np.dot", avx2, 0.15 if dtype == "float64" else None)
        yield Case(
            f"vecdot, {dtype}, {short(size)}", partial(vecdot, dtype, size), threads, targets
        )


def vecdot(dtype: str, size: int) -> Task:
    x, y = (some_of(dtype, size), some_of(dtype, size)[::-1].copy())
    expected = rounded(exact_dot(x.astype("f8"), y.astype("f8")), x.dtype)
    return task(
        size,
        partial(mypackage.vecdot, x, y),
        {"np.dot": partial(np.dot, x, y)},
        lambda product: product == expected,
    )


def masked_cases(scale: Scale) -> Iterator[Case]:
    for size in scale.of(10**4), scale.of(10**6):
        targets = *by_level("bottleneck", 2.0, 1.0), *by_level("np.nansum", 4.0)
        yield Case(f"nansum, {short(size)}", partial(nansum, size), 1, targets)
    for share, avx2 in (99, 1.7), (50, 8.0):
        targets = by_level("np.sum", avx2, 0.8)
        name = f"where= {share} % of {short(scale.of(10**6))}"
        yield Case(name, partial(where, share, scale.of(10**6)), 1, targets)


def nansum(size: int) -> Task:
    values = numbers("normal", size).copy()
    values[::100] = np.nan
    peers = {"np.nansum": partial(np.nansum, values)}
    if bottleneck := optional("bottleneck"):
        peers["bottleneck"] = partial(bottleneck.nansum, values)
    expected = rounded(exact_sum(values[~np.isnan(values)]), values.dtype)
    return task(size, partial(mypackage.nansum, values), peers, lambda total: total == expected)


def where(share: int, size: int) -> Task:
    values = numbers("normal", size)
    mask = np.random.default_rng(1).random(size) < share / 100
    return task(
        size,
        partial(mypackage.sum, values, where=mask),
        {"np.sum": partial(np.sum, values, where=mask)},
        lambda total: is_sum(total, values[mask]),
    )


def axis_cases(scale: Scale) -> Iterator[Case]:
    table: list[tuple[tuple[int, ...], Any, int, float, float | None]] = [
        ((1000, 1000), 1, 1, 1.2, 0.5),
        ((10_000, 100), 1, 1, 1.3, None),
        ((100_000, 30), 1, 1, 1.5, None),
        ((100, 100, 100), 1, 1, 1.0, None),
        ((100, 100, 100), (0, 1), 1, 1.2, None),
        ((1000, 1000), 0, 1, 0.7, 0.5),
        ((1000, 1000), 0, 2, 1.1, None),
        ((10_000, 1000), 0, 1, 1.0, None),
        ((200_000, 64), 0, 1, 1.2, None),
        ((1_000_000, 10), 0, 1, 4.0, None),
        ((1_000_000, 3), 0, 1, 9.0, None),
    ]
    for shape, axis, threads, avx2, baseline in table:
        shape = scale.shape(shape)
        name = f"axis={axis} of {' x '.join(map(str, shape))}"
        targets = by_level("np.sum", avx2, baseline)
        yield Case(name, partial(over_axis, shape, axis), threads, targets)
    for axis, avx2 in (0, 0.5), (1, 0.8):
        shape = scale.shape((1000, 1000))
        targets = by_level("np.sum", avx2)
        yield Case(f"centred, axis={axis}", partial(over_axis, shape, axis, True), 1, targets)


def over_axis(shape: tuple[int, ...], axis: Any, centred: bool = False) -> Task:
    values = numbers("normal", int(np.prod(shape))).reshape(shape)
    if centred:
        values = values - values.mean(axis=axis, keepdims=True)
    axes = axis if isinstance(axis, tuple) else (axis,)
    last = np.moveaxis(values, axes, range(-len(axes), 0))

    def right(result: np.ndarray) -> bool:
        return all(is_sum(result[cell], last[cell]) for cell in some_cells(result))

    return task(
        values.size,
        partial(mypackage.sum, values, axis=axis),
        {"np.sum": partial(np.sum, values, axis=axis)},
        right,
    )


def sum_cases(scale: Scale) -> Iterator[Case]:
    large = scale.of(10**8, 2 * 10**7)
    table: list[tuple[str, int, int, float | None, float | None]] = [
        ("float64", scale.of(16), 1, 14.0, None),
        ("float64", scale.of(10**4), 1, None, 0.9),
        ("float64", scale.of(10**5), 1, 2.0, 0.9),
        ("float64", scale.of(10**6), 1, 1.7, 0.7),
        ("float64", large, 1, 1.25, None),
        ("float64", large, 2, 1.9, None),
        ("float32", scale.of(10**5), 1, 2.7, None),
        ("float32", large, 2, 2.0, None),
    ]
    for dtype, size, threads, avx2, baseline in table:
        targets = by_level("np.sum", avx2, baseline)
        build = partial(whole, size, dtype=dtype)
        yield Case(f"sum, {dtype}, {short(size)}", build, threads, targets)
    for dtype, size, avx2 in [
        ("float64", scale.of(10**5), 1.3),
        ("float64", scale.of(10**6), 1.0),
        ("float64", large, 1.0),
        ("float32", scale.of(10**5), 2.0),
        ("float32", scale.of(10**6), 1.5),
    ]:
        build = partial(whole, size, dtype=dtype, centred=True)
        name = f"centred, {dtype}, {short(size)}"
        yield Case(name, build, 1, by_level("np.sum", avx2))


def whole(size: int, kind: str = "normal", dtype: str = "float64", centred: bool = False) -> Task:
    values = numbers(kind, size)
    values = values if dtype == "float64" else values.astype(dtype)
    values = values - values.mean(dtype="f8").astype(dtype) if centred else values
    return task(
        size,
        partial(mypackage.sum, values),
        {"np.sum": partial(np.sum, values)},
        lambda total: is_sum(total, values),
    )


def difficult_cases(scale: Scale) -> Iterator[Case]:
    size = scale.of(10**6)
    for kind, avx2, baseline in [
        ("lognormal(10)", 0.6, None),
        ("exponents +-50", 0.6, None),
        ("wide exponents", 0.6, 0.3),
        ("random bits", 0.6, None),
        ("total cancellation", 0.3, None),
    ]:
        targets = by_level("np.sum", avx2, baseline)
        yield Case(f"{kind}, {short(size)}", partial(whole, size, kind), 1, targets)


def state_cases(scale: Scale) -> Iterator[Case]:
    for dtype, avx2 in ("float64", 1.3), ("float32", 2.0):
        size = scale.of(10**5)
        build = partial(state, dtype, size)
        yield Case(f"ExactSum.add, {dtype}, {short(size)}", build, 1, by_level("np.sum", avx2))


def state(dtype: str, size: int) -> Task:
    values = numbers("normal", size).astype(dtype)
    return task(
        size,
        lambda: mypackage.ExactSum().add(values),
        {"np.sum": partial(np.sum, values)},
        lambda total: total.value(np.float64) == rounded(exact_sum(values), np.dtype("f8")),
    )


def group_cases(scale: Scale) -> Iterator[Case]:
    size = scale.of(10**6)
    for groups, ascending, avx2 in (100, False, 0.95), (10**5, False, 0.9), (10**5, True, 1.5):
        groups = min(groups, size)
        name = f"group_sum, {short(size)} in {short(groups)}{', sorted' * ascending}"
        build = partial(grouped, size, groups, ascending)
        yield Case(name, build, 1, by_level("np.bincount", avx2))


def grouped(size: int, groups: int, ascending: bool) -> Task:
    values = numbers("normal", size)
    labels = np.random.default_rng(2).integers(0, groups, size)
    labels = np.sort(labels) if ascending else labels
    return task(
        size,
        partial(mypackage.group_sum, labels, values, size=groups),
        {"np.bincount": partial(np.bincount, labels, values, groups)},
        lambda sums: all(is_sum(sums[i], values[labels == i]) for i in (0, groups // 2)),
    )


def fibonacci_cases(scale: Scale) -> Iterator[Case]:
    """Three rows of fibonacci.py, if what that needs is there."""
    if not all(map(optional, ("numba", "gmpy2", "sympy"))):
        return
    import fibonacci

    quick = scale is not Scale.FULL
    rows = [*fibonacci.modular_rows(quick), *fibonacci.period_rows(quick)]
    if scale is not Scale.SMOKE:
        rows += fibonacci.table_rows(False)
    avx2 = {
        "fibonacci_mod, 31-bit m each": ("numba", 5.0),
        "pisano_period, m < 10^18": ("sympy", 5.0),
        "fibonacci, int64, beyond the caches": ("np.copyto", 0.95),
        "lucas, int64, beyond the caches": ("np.copyto", 0.95),
    }
    for row in rows:
        if target := avx2.get(row[0]):
            name = f"{row[0]}, {short(row[1])}"
            yield Case(name, partial(fibonacci.build, row), 1, by_level(*target))


if __name__ == "__main__":
    main(cases, __doc__)
