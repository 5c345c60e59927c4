"""Moments beside NumPy, bottleneck, pandas and `statistics`, with targets for AVX2.

    python benchmarks/moments.py [--quick] [--only TEXT] [--csv FILE]

As sums.py. Peers that are not installed are skipped. Every result, or some of many, is compared
with fractions.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from typing import Any

# Read by the library behind NumPy's dot products as it loads.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

import mypackage
from inputs import numbers
from oracles import exact_product_sum, exact_sum, root_to_format, rounded, some_cells
from pairs import Case, Method, Scale, Task, by_level, main, short, task
from peers import FEW, optional

Make = Callable[[int], np.ndarray]


def cases(scale: Scale) -> Iterator[Case]:
    yield from plain_cases(scale)
    yield from kind_cases(scale)
    yield from call_cases(scale)
    yield from nan_cases(scale)
    yield from axis_cases(scale)
    yield from difficult_cases(scale)
    yield from matrix_cases(scale)
    yield from group_cases(scale)
    yield from dask_cases(scale)
    yield from other_cases(scale)


# -- Exact answers ---------------------------------------------------------------------------------


def exact_variance(values: np.ndarray, ddof: int = 0) -> Fraction:
    """Of finite real or complex numbers."""
    if values.dtype.kind == "c":
        return exact_variance(values.real, ddof) + exact_variance(values.imag, ddof)
    n, total = values.size, exact_sum(values)
    return (n * exact_product_sum(values, values) - total * total) / (n * (n - ddof))


def is_moment(name: str, values: np.ndarray, result: Any) -> bool:
    """Whether a result is the exact one, rounded once."""
    values = values[~np.isnan(values)] if values.dtype.kind in "fc" else values
    if name == "norm":
        exact = exact_product_sum(values, values)
    else:
        exact = exact_variance(values)
    if name.endswith("var"):
        return bool(result == rounded(exact, result.dtype))
    return bool(result == root_to_format(exact, result.dtype.type))


# -- Whole arrays ----------------------------------------------------------------------------------


def ordinary(size: int) -> np.ndarray:
    return numbers("normal", size)


def single(size: int) -> np.ndarray:
    return ordinary(size).astype(np.float32)


def plain_cases(scale: Scale) -> Iterator[Case]:
    large = scale.of(5 * 10**7, 2 * 10**7)
    for size, ratio in (scale.of(10**4), 5.0), (scale.of(10**6), 3.5), (large, 5.0):
        for name in "var", "std":
            targets = by_level(f"np.{name}", ratio) + by_level("bottleneck", 3.0)
            title = f"{name}, float64, {short(size)}"
            yield Case(title, partial(whole, name, ordinary, size), 1, targets)
        targets = by_level("np.var", ratio)
        build = partial(whole, "var", single, size, dtype=np.float64)
        yield Case(f"var(float32, dtype=float64), {short(size)}", build, 1, targets)
    for size, ratio in (scale.of(10**4), 7.0), (scale.of(10**6), 4.5), (large, 5.0):
        build = partial(whole, "var", single, size)
        yield Case(f"var, float32, {short(size)}", build, 1, by_level("np.var", ratio))
    for size, ratio in (scale.of(10**4), 1.2), (scale.of(10**6), 0.85), (large, 0.85):
        build = partial(whole, "norm", ordinary, size)
        yield Case(f"norm, float64, {short(size)}", build, 1, by_level("np.linalg.norm", ratio))
    size = scale.of(10**6)
    yield Case(f"sum_of_squares, float64, {short(size)}", partial(squares, size), 1)


def squares(size: int) -> Task:
    values = ordinary(size)

    def check(result: Any) -> bool:
        return bool(result == rounded(exact_product_sum(values, values), result.dtype))

    ours = partial(mypackage.sum_of_squares, values)
    return task(size, ours, {"np.dot": partial(np.dot, values, values)}, check)


def numpys(name: str) -> Callable[..., Any]:
    return np.linalg.norm if name == "norm" else getattr(np, name)


def whole(name: str, make: Make, size: int, **options: Any) -> Task:
    values = make(size)
    theirs = "np.linalg.norm" if name == "norm" else f"np.{name}"
    peers: dict[str, Callable[[], Any]] = {theirs: partial(numpys(name), values, **options)}
    if name != "norm" and not options and values.dtype.kind == "f" and values.itemsize > 2:
        if bottleneck := optional("bottleneck"):
            what = f"nan{name.removeprefix('nan')}"
            peers["bottleneck"] = partial(getattr(bottleneck, what), values)
    ours = partial(getattr(mypackage, name), values, **options)
    wide = values.astype(np.float64) if values.dtype.kind == "f" else values
    right = partial(is_moment, name, wide)
    return task(size, ours, peers, right)


def int32(size: int) -> np.ndarray:
    return np.random.default_rng(1).integers(-(2**31), 2**31, size, dtype=np.int32)


def int64(size: int) -> np.ndarray:
    return np.random.default_rng(1).integers(-(2**62), 2**62, size)


def stamps(size: int) -> np.ndarray:
    """Times in nanoseconds."""
    return 17 * 10**17 + np.random.default_rng(1).integers(0, 10**15, size)


def pairs_of_numbers(size: int) -> np.ndarray:
    return ordinary(2 * size).view(np.complex128)


def half(size: int) -> np.ndarray:
    return ordinary(size).astype(np.float16)


def kind_cases(scale: Scale) -> Iterator[Case]:
    size = scale.of(10**6)
    table: list[tuple[str, Make, float]] = [
        ("int32", int32, 2.0),
        ("int64", int64, 2.0),
        ("int64 time stamps", stamps, 2.0),
        ("complex128", pairs_of_numbers, 2.0),
        ("float16", half, 3.0),
    ]
    for title, make, ratio in table:
        build = partial(whole, "var", make, size)
        yield Case(f"var, {title}, {short(size)}", build, 1, by_level("np.var", ratio))
    for share in 50, 99:
        targets = by_level("np.var", 3.0) if share == 50 else ()
        title = f"var, where= {share} %, {short(size)}"
        yield Case(title, partial(where, share, size), 1, targets)


def where(share: int, size: int) -> Task:
    values = ordinary(size)
    mask = np.random.default_rng(1).random(size) < share / 100
    mask[:1] = True
    return task(
        size,
        partial(mypackage.var, values, where=mask),
        {"np.var": partial(np.var, values, where=mask)},
        partial(is_moment, "var", values[mask]),
    )


def call_cases(scale: Scale) -> Iterator[Case]:
    """Where the call is what takes time."""
    for size in 1, 10, 32, 100, 1000:
        size = scale.of(size)
        targets = by_level("np.var", 5.0)
        if size == 32:
            targets += by_level("bottleneck", 0.8)
        yield Case(f"var, float64, {size}", partial(whole, "var", ordinary, size), 1, targets)


def with_gaps(size: int) -> np.ndarray:
    values = ordinary(size).copy()
    values[1::17] = np.nan
    return values


def nan_cases(scale: Scale) -> Iterator[Case]:
    for size in scale.of(10**4), scale.of(10**6), scale.of(5 * 10**7, 2 * 10**7):
        for what, make in ("NaN every 17th", with_gaps), ("no NaN", ordinary):
            targets = by_level("np.nanvar", 5.0) + by_level("bottleneck", 3.0)
            build = partial(whole, "nanvar", make, size)
            yield Case(f"nanvar, {what}, {short(size)}", build, 1, targets)


# -- Axes ------------------------------------------------------------------------------------------


def axis_cases(scale: Scale) -> Iterator[Case]:
    table: list[tuple[tuple[int, int], int, float]] = [
        ((100_000, 30), 1, 3.5),
        ((1_000_000, 10), 1, 4.5),
        ((1000, 1000), 0, 3.0),
        ((1_000_000, 10), 0, 8.0),
    ]
    for shape, axis, ratio in table:
        for dtype in "float64", "float32":
            shape = scale.shape(shape)
            title = f"var, {dtype}, axis={axis} of {' x '.join(map(str, shape))}"
            build = partial(over_axis, "normal", shape, axis, dtype)
            yield Case(title, build, 1, by_level("np.var", ratio))


def over_axis(kind: str, shape: tuple[int, int], axis: int, dtype: str = "float64") -> Task:
    values = data(kind, shape[0] * shape[1]).reshape(shape).astype(dtype)
    peers: dict[str, Callable[[], Any]] = {"np.var": partial(np.var, values, axis=axis)}
    if bottleneck := optional("bottleneck"):
        peers["bottleneck"] = partial(bottleneck.nanvar, values, axis=axis)
    last = np.moveaxis(values, axis, -1).astype(np.float64)

    def right(result: np.ndarray) -> bool:
        return all(is_moment("var", last[cell], result[cell]) for cell in some_cells(result))

    return task(values.size, partial(mypackage.var, values, axis=axis), peers, right)


# -- Any finite data -------------------------------------------------------------------------------


def constant(size: int) -> np.ndarray:
    return np.full(size, 0.1)


def far(size: int) -> np.ndarray:
    values = 1e9 + ordinary(size)
    values[::1000] = 0.0
    return values


def sparse(size: int) -> np.ndarray:
    return np.where(np.arange(size) % 10 == 3, ordinary(size), 0.0)


def spread(share: float, size: int) -> np.ndarray:
    return 100.0 + share * ordinary(size)


def lognormal(size: int) -> np.ndarray:
    return numbers("lognormal(10)", size)


def wide(size: int) -> np.ndarray:
    return numbers("wide exponents", size)


def random_bits(size: int) -> np.ndarray:
    """Of any exponent with which squares do not overflow."""
    values = numbers("random bits", size)
    fractions, exponents = np.frexp(values)
    return np.ldexp(fractions, np.clip(exponents, -1000, 500))


def beside_constants(size: int) -> np.ndarray:
    """As columns of a square, every other one is constant."""
    values = ordinary(size).copy()
    values[::2] = 0.1
    return values


DATA: dict[str, Make] = {
    "normal": ordinary,
    "constant": constant,
    "1e9 + N, some 0": far,
    "90 % zeros": sparse,
    "spread 3 %": partial(spread, 3.0),
    "spread 12 %": partial(spread, 12.0),
    "lognormal(10)": lognormal,
    "exponents +-300": wide,
    "random bits": random_bits,
    "constants beside others": beside_constants,
}


def data(kind: str, size: int) -> np.ndarray:
    return DATA[kind](size)


def difficult_cases(scale: Scale) -> Iterator[Case]:
    targets = by_level("np.var", 0.25)
    for kind, make in list(DATA.items())[1:]:
        for size in scale.of(10**4), scale.of(10**6):
            yield Case(f"{kind}, {short(size)}", partial(whole, "var", make, size), 1, targets)
            side = max(int(size**0.5) // 2 * 2, 2)
            for axis in 0, 1:
                build = partial(over_axis, kind, (side, side), axis)
                yield Case(f"{kind}, axis={axis} of {side} x {side}", build, 1, targets)


# -- Matrices, groups, dask ------------------------------------------------------------------------


def matrix_cases(scale: Scale) -> Iterator[Case]:
    # (The targets: 4 for two lines, 0.6 for matrices.)
    table = [(2, scale.of(10**6), 4.0), (50, scale.of(10**4), 0.6), (200, scale.of(10**4), 0.6)]
    for name in "cov", "corrcoef":
        for count, length, ratio in table:
            targets = by_level(f"np.{name}", ratio) if name == "cov" else ()
            build = partial(matrix, name, count, length)
            yield Case(f"{name}, {count} of {short(length)}", build, 1, targets)


def matrix(name: str, count: int, length: int) -> Task:
    values = ordinary(count * length).reshape(length, count)
    x, y = values.T[0], values.T[1]

    def right(result: np.ndarray) -> bool:
        xy, xx, yy = (
            length * exact_product_sum(a, b) - exact_sum(a) * exact_sum(b)
            for a, b in ((x, y), (x, x), (y, y))
        )
        if name == "cov":
            return bool(result[0, 1] == rounded(xy / (length * (length - 1)), result.dtype))
        exact = root_to_format(xy * abs(xy) / (xx * yy), np.float64)
        return bool(result[0, 1] == exact and result[1, 1] == 1)

    return task(
        values.size,
        partial(getattr(mypackage, name), values, rowvar=False),
        {f"np.{name}": partial(getattr(np, name), values, rowvar=False)},
        right,
    )


def group_cases(scale: Scale) -> Iterator[Case]:
    size = scale.of(10**6)
    for groups in scale.of(1000), scale.of(10**5):
        targets = by_level("pandas", 2.0) if groups <= 1000 else ()
        title = f"group_var, {short(size)} in {short(groups)}"
        yield Case(title, partial(grouped, size, groups), 1, targets)


def grouped(size: int, groups: int) -> Task:
    values = ordinary(size)
    labels = np.random.default_rng(2).integers(0, groups, size)
    labels[:4] = [0, 0, groups // 2, groups // 2]
    peers: dict[str, Callable[[], Any]] = {}
    if pandas := optional("pandas"):
        column = pandas.Series(values)
        peers["pandas"] = lambda: column.groupby(labels).var()

    def right(result: np.ndarray) -> bool:
        some = [0, groups // 2]
        exact = [rounded(exact_variance(values[labels == i], 1), result.dtype) for i in some]
        return result[some].tolist() == exact

    ours = partial(mypackage.group_var, labels, values, size=groups, ddof=1)
    return task(size, ours, peers, right)


def dask_cases(scale: Scale) -> Iterator[Case]:
    chunks, length = scale.of(40), scale.of(10**6)
    title = f"dask var, {chunks} chunks of {short(length)}"
    yield Case(title, partial(chunked, chunks, length), 1, by_level("da.var", 2.0))


def chunked(chunks: int, length: int) -> Task:
    """Of an array that dask has: to make one of an array in memory takes longer, to hash it."""
    values = ordinary(chunks * length)
    peers: dict[str, Callable[[], Any]] = {}
    ours = partial(mypackage.var, values)
    if da := optional("dask.array", "dask"):
        from mypackage.dask import var

        array = da.from_array(values, chunks=length)
        peers["da.var"] = partial(computed, da.var, array)
        ours = partial(computed, var, array)
    return task(values.size, ours, peers, partial(is_moment, "var", values))


def computed(var: Callable[..., Any], array: Any) -> Any:
    return var(array).compute(scheduler="synchronous")


def other_cases(scale: Scale) -> Iterator[Case]:
    large = scale.of(5 * 10**7, 2 * 10**7)
    title = f"2 threads beside 1, {short(large)}"
    yield Case(title, partial(threaded, large), 2, by_level("1 thread", 1.6))
    size = scale.of(10**6)
    targets = by_level("np.var", None, 0.6)
    yield Case(f"var, SSE2, {short(size)}", partial(whole, "var", ordinary, size), 1, targets)
    title = f"statistics.pvariance, {short(FEW)}"
    yield Case(title, partial(beside_statistics, size), 1, by_level("statistics", 1000.0))


def threaded(size: int) -> Task:
    values = ordinary(size)

    def alone() -> Any:
        with mypackage.threads(1):
            return mypackage.var(values)

    ours = partial(mypackage.var, values)
    return task(size, ours, {"1 thread": alone}, partial(is_moment, "var", values))


def beside_statistics(size: int) -> Task:
    values = ordinary(size)
    few = values[:FEW].tolist()
    return Task(
        Method(partial(mypackage.var, values), size),
        {"statistics": Method(partial(statistics.pvariance, few), len(few))},
        partial(is_moment, "var", values),
    )


if __name__ == "__main__":
    main(cases, __doc__.splitlines()[0])
