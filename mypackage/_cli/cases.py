"""What ``mypackage bench`` measures: time and error of several methods for the same task."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import mypackage

OURS = "mypackage"


@dataclass(frozen=True)
class Case:
    """One task.

    Attributes
    ----------
    title : str
        The operation and its input.
    elements : int
        The number of input elements, by which times are divided.
    methods : dict of str to callable
        The last is this package's, `OURS`.
    error : callable
        Given a method's result, the largest error of an element in units in the last place of the
        result's dtype. A correctly rounded result is within 0.5.
    """

    title: str
    elements: int
    methods: dict[str, Callable[[], Any]]
    error: Callable[[Any], float]


def cases(quick: bool) -> Iterator[Case]:
    """Yield the cases, holding one input in memory at a time; `quick` ones are smaller."""
    size = 100_000 if quick else 1_000_000
    yield _fibonacci(20, recursive=True)
    yield _fibonacci(90, recursive=False)
    rng = np.random.default_rng(0)
    values = rng.normal(size=size) * 10.0 ** rng.integers(-8, 8, size)
    yield _sum("sum(float64), magnitudes from 1e-8 to 1e8", values)
    yield _sum("sum(float64), nearly all cancels", rng.permutation(np.append(values, -values[1:])))
    kelvin = rng.uniform(250, 320, (size, 4)).astype(np.float32)
    yield _columns("sum(float32, axis=0), temperatures in 4 columns", kelvin)


def _recursion(n: int) -> int:
    return n if n < 2 else _recursion(n - 1) + _recursion(n - 2)


def _loop(n: int) -> int:
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def _binet(n: np.ndarray) -> np.ndarray:
    golden = (1 + math.sqrt(5)) / 2
    return np.rint(golden**n / math.sqrt(5))


def _fibonacci(largest: int, recursive: bool) -> Case:
    n = np.arange(largest + 1)
    numbers = n.tolist()
    exact = [_loop(k) for k in numbers]

    def error(result: Any) -> float:
        return max(
            abs(int(value) - value_exact) / math.ulp(value_exact)
            for value, value_exact in zip(result, exact, strict=True)
        )

    methods = {
        "Python, loop": lambda: [_loop(k) for k in numbers],
        "NumPy, Binet's formula": lambda: _binet(n),
        OURS: lambda: mypackage.fibonacci(n),
    }
    if recursive:
        methods = {"Python, recursion": lambda: [_recursion(k) for k in numbers], **methods}
    return Case(f"fibonacci(n), n from 0 to {largest}", n.size, methods, error)


def _sum(title: str, values: np.ndarray) -> Case:
    numbers = values.tolist()
    methods = {
        "NumPy": lambda: np.sum(values),
        "math.fsum": lambda: math.fsum(numbers),
        OURS: lambda: mypackage.sum(values),
    }
    return Case(title, values.size, methods, lambda result: _error(result, numbers))


def _columns(title: str, values: np.ndarray) -> Case:
    columns = [column.tolist() for column in values.T]
    methods = {
        "NumPy": lambda: np.sum(values, axis=0),
        "NumPy, through float64": lambda: np.sum(values, axis=0, dtype=np.float64).astype("f4"),
        "math.fsum": lambda: [np.float32(math.fsum(column)) for column in columns],
        OURS: lambda: mypackage.sum(values, axis=0),
    }

    def error(result: Any) -> float:
        return max(_error(value, column) for value, column in zip(result, columns, strict=True))

    return Case(title, values.size, methods, error)


def _error(result: Any, numbers: list[float]) -> float:
    # math.fsum rounds once, and the result is one of its terms, so the error is correctly rounded.
    ulp = abs(float(np.spacing(result)))
    return abs(math.fsum([*numbers, -float(result)])) / ulp
