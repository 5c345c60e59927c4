"""`mypackage.sum` beside its peers: each promise of speed is a case, with its target.

    python benchmarks/sums.py [--quick] [--only TEXT] [--csv FILE] [--plot FILE]

Every answer of ours is compared with exact arithmetic before and after it is timed. Figures are
nanoseconds per element, and medians of the ratios of interleaved pairs: their time over ours. Each
instruction set has its turn; targets are for the best one unless they name another, and for the
default number of threads unless they name one. The read limit is the fastest pass over the same
memory, in the same run. Peers that are not installed are skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import numpy as np

import mypackage
from inputs import DIFFICULT, ORDINARY, numbers, some_of
from oracles import exact_sum, is_sum, rounded, some_cells
from pairs import CPUS, Case, Method, Scale, Target, Task, by_default_and_alone, main, short, task
from peers import sums

LEAST = partial(Target, "np.sum")


def cases(scale: Scale) -> Iterator[Case]:
    large = scale.of(10**8, 2 * 10**7)
    yield from large_cases(scale, large)
    yield from cached_cases(scale)
    yield from dtype_cases(scale, large)
    yield from axis_cases(scale)
    yield from layout_cases(scale)
    yield from difficult_cases(scale)


def large_cases(scale: Scale, size: int) -> Iterator[Case]:
    kinds = ORDINARY if scale is Scale.FULL else ("uniform", "normal")
    for kind in kinds:
        for threads, ratio in (2, 2.0), (1, 1.10):
            targets = LEAST(ratio), Target("read limit", 0.95)
            yield float64_case(kind, size, threads, targets, scale, limit=True)


def cached_cases(scale: Scale) -> Iterator[Case]:
    by_isa = LEAST(1.5, "avx512"), LEAST(1.2, "avx2")
    for size in scale.of(10**4), scale.of(10**5):
        for kind in ORDINARY:
            yield float64_case(kind, size, 1, by_isa, scale)
    for kind in ORDINARY:
        yield float64_case(kind, scale.of(10**5), 2, (LEAST(2.0),), scale)
    for threads in sorted({CPUS, 1}, reverse=True):
        yield float64_case("uniform", scale.of(10**6), threads, (), scale)
    for size, ratio in (1000, 3.0), (32, 12.0), (8, 12.0), (1, 12.0):
        yield float64_case("uniform", scale.of(size), 1, (LEAST(ratio),), scale)


def float64_case(
    kind: str,
    size: int,
    threads: int,
    targets: tuple[Target, ...],
    scale: Scale,
    limit: bool = False,
) -> Case:
    def build() -> Task:
        values = numbers(kind, size)
        expected = exact_number(kind, size)
        ours = Method(partial(mypackage.sum, values), size)
        return Task(ours, sums(values, threads, scale, limit), lambda total: total == expected)

    return Case(f"float64, {kind}, {short(size)}", build, threads, targets)


@lru_cache(maxsize=1)
def exact_number(kind: str, size: int) -> Any:
    """The exact sum of `numbers`, kept as they are for the next number of threads."""
    return rounded(exact_sum(numbers(kind, size)), np.dtype("f8"))


def dtype_cases(scale: Scale, large: int) -> Iterator[Case]:
    """Sizes, threads and target of each dtype."""
    table = {
        "float32": [(10**4, 1, 3.0), (10**5, 1, 3.0), (large, 2, 2.0)],
        "float16": [(10**4, 1, 1.0), (10**6, 1, 1.0)],
        "int64": [(1000, 1, 1.0), (10**5, 1, 1.0), (10**6, 1, 1.0), (large, 2, 1.5)],
        "int32": [(1000, 1, 1.0), (10**5, 1, 1.0), (10**6, 1, 1.0), (large, 2, 1.5)],
        "uint8": [(1000, 1, 1.0), (10**5, 1, 1.0), (10**6, 1, 1.0), (large, 2, 1.5)],
        "bool": [(1000, 1, 1.0), (10**5, 1, 1.0), (10**6, 1, 1.0), (large, 2, 1.5)],
        "complex64": [(10**4, 1, 1.0), (10**6, 1, 1.0)],
        "complex128": [(10**4, 1, 1.0), (10**6, 1, 1.0)],
    }
    for dtype, rows in table.items():
        for size, threads, ratio in rows:
            size = scale.of(size)
            name = f"{dtype}, {short(size)}"
            build = partial(against_numpy, partial(some_of, dtype, size))
            yield Case(name, build, threads, (LEAST(ratio),))


def against_numpy(make: Callable[[], np.ndarray], **options: Any) -> Task:
    """The sum of an array to one number."""
    values = make()
    return task(
        values.size,
        partial(mypackage.sum, values, **options),
        {"np.sum": partial(np.sum, values, **options)},
        lambda total: is_sum(total, values[options.get("where", ...)]),
    )


def axis_cases(scale: Scale) -> Iterator[Case]:
    """Full and quick shape, axis and target."""
    first: list[tuple[tuple[int, ...], tuple[int, ...], Any, float]] = [
        ((1000, 1000), (1000, 1000), 0, 1.0),
        ((10**5, 1000), (10**4, 1000), 0, 1.0),
        ((10**6, 64), (200_000, 64), 0, 1.0),
        ((10**6, 10), (10**6, 10), 0, 1.0),
        ((10**6, 3), (10**6, 3), 0, 1.0),
        ((1000, 1000), (1000, 1000), 1, 1.2),
        ((10**5, 30), (10**5, 30), 1, 1.2),
        ((100, 100, 100), (100, 100, 100), 1, 1.2),
        ((100, 100, 100), (100, 100, 100), (0, 2), 1.2),
        ((100, 100, 100), (100, 100, 100), (0, 1), 1.2),
    ]
    for full, quick, axis, ratio in first:
        shape = scale.shape(full, quick)
        name = f"axis={axis}, {' x '.join(map(short, shape))}"
        yield from by_default_and_alone(name, partial(along, shape, axis), (LEAST(ratio),))


def along(shape: tuple[int, ...], axis: int | tuple[int, ...]) -> Task:
    """The sum along axes, to an array of which some cells are checked."""
    values = some_of("float64", shape)
    axes = (axis,) if isinstance(axis, int) else axis
    kept = tuple(i for i in range(len(shape)) if i not in axes)
    cells = values.transpose(kept + axes)

    def check(result: np.ndarray) -> bool:
        return all(is_sum(result[place], cells[place]) for place in some_cells(result))

    ours, theirs = (partial(add, values, axis=axis) for add in (mypackage.sum, np.sum))
    return task(values.size, ours, {"np.sum": theirs}, check)


def layout_cases(scale: Scale) -> Iterator[Case]:
    for size in scale.of(10**4), scale.of(10**6):
        layouts: dict[str, Callable[[], np.ndarray]] = {
            "every 2nd": lambda size=size: some_of("float64", 2 * size)[::2],
            "reversed": lambda size=size: some_of("float64", size)[::-1],
            "a column of 10": lambda size=size: some_of("float64", (size, 10))[:, 3],
            "byte-swapped": lambda size=size: some_of("float64", size).astype(
                np.dtype("f8").newbyteorder()
            ),
            "unaligned": lambda size=size: unaligned(size),
        }
        for name, make in layouts.items():
            build = partial(against_numpy, make)
            yield from by_default_and_alone(f"{name}, {short(size)}", build, (LEAST(1.0),))
        # Half of them at random, then nearly all.
        for share in 0.5, 0.99:
            mask = np.random.default_rng(5).random(size) < share
            build = partial(against_numpy, partial(some_of, "float64", size), where=mask)
            name = f"where, {share:.0%} true, {short(size)}"
            yield from by_default_and_alone(name, build, (LEAST(1.0),))


def unaligned(size: int) -> np.ndarray:
    """float64 numbers at odd addresses."""
    values = np.empty(8 * size + 1, np.uint8)[1:].view(np.float64)
    values[:] = some_of("float64", size)
    return values


def difficult_cases(scale: Scale) -> Iterator[Case]:
    sizes = [scale.of(10**4), scale.of(10**6)]
    if scale is Scale.FULL:
        sizes.append(10**8)
    for kind in DIFFICULT:
        for size in sizes:
            targets = (Target("math.fsum", 10.0),)
            yield float64_case(kind, size, 1, targets, scale)


if __name__ == "__main__":
    main(cases, __doc__.splitlines()[0])
