"""Typed records to Rust and back: a dataclass or pydantic model as JSON through the C library.

A record becomes JSON, goes through the C ABI as bytes, is parsed into a Rust struct, and the answer
comes back the same way. This interface suits requests whose structure matters more than speed.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._core import dispatch
from ._core.input_types import unsupported
from .capi import library

__all__ = ["Greeting", "Person", "Summary", "exchange", "greet", "summarize"]


def __dir__() -> list[str]:
    return __all__


#: The exception for each kind of error that the library reports.
KIND_EXCEPTIONS: dict[str, type[Exception]] = {
    "io": OSError,
    "not_found": FileNotFoundError,
    "syntax": ValueError,
    "too_large": ValueError,
    "type": TypeError,
    "value": ValueError,
}

#: The longest request in bytes, the same as in the library.
_LONGEST = 16 << 20
#: How many numbers are written at once.
_PIECE = 1 << 14


@dataclasses.dataclass(frozen=True)
class Person:
    """Who is greeted.

    Parameters
    ----------
    name : str
        The person's name.
    age : int
        The person's age, not negative.

    See Also
    --------
    greet, Greeting

    Examples
    --------
    >>> from mypackage.records import Person
    >>> Person(name="Jan", age=42)
    Person(name='Jan', age=42)
    """

    name: str
    age: int


@dataclasses.dataclass(frozen=True)
class Greeting:
    """The answer to a person.

    Parameters
    ----------
    person : Person
        The person as Rust received it.
    message : str
        The greeting.

    See Also
    --------
    greet, Person

    Examples
    --------
    >>> from mypackage.records import Person, greet
    >>> greet(Person(name="Jan", age=42)).person
    Person(name='Jan', age=42)
    """

    person: Any
    message: str


@dataclasses.dataclass(frozen=True)
class Summary:
    """The exact sum of float64 numbers, with what inexact orders of summation lose.

    NaNs are counted and left out; the two inexact sums treat them as 0, as `numpy.nansum` does.

    Parameters
    ----------
    count, nan_count : int
        The number of elements, and of NaNs among them.
    sum, mean : float
        Exact, rounded once; without numbers the mean is NaN.
    min, max : float or None
        None without numbers.
    condition_number : float or None
        The sum of the magnitudes divided by the magnitude of the sum: the factor by which relative
        errors of the numbers are amplified. Infinite for a sum of 0; None if all numbers are 0 or
        one is infinite.
    naive_sum : float
        Rounded after every addition, from left to right.
    naive_ulps : int or None
        The distance from `sum`, counted in float64 numbers; None if either is not finite.
    pairwise_sum : float
        In the order of `numpy.sum` for the same numbers as a contiguous float64 array (NumPy 2.3
        and later; earlier versions took 8192 numbers at a time).
    pairwise_ulps : int or None
        The same for `pairwise_sum`.

    See Also
    --------
    summarize, mypackage.summarize

    Examples
    --------
    >>> from mypackage.records import summarize
    >>> summary = summarize([0.1] * 10)
    >>> summary.sum, summary.naive_sum, summary.naive_ulps
    (1.0, 0.9999999999999999, 1)
    """

    count: int
    nan_count: int
    sum: float
    mean: float
    min: float | None
    max: float | None
    condition_number: float | None
    naive_sum: float
    naive_ulps: int | None
    pairwise_sum: float
    pairwise_ulps: int | None


def exchange(name: str, request: bytes) -> bytes:
    """Send a request as JSON and return the answer as JSON.

    Parameters
    ----------
    name : {'greet', 'summarize'}
        The function to call.
    request : bytes
        JSON in UTF-8, 16 MiB at most.

    Returns
    -------
    bytes
        The answer, JSON in UTF-8.

    Raises
    ------
    ValueError
        If the request is not JSON, is too large, or has a value that is refused.
    TypeError
        If a field is missing, unknown or has the wrong type.
    OSError
        If a file that it names cannot be read; FileNotFoundError if it does not exist.

    See Also
    --------
    greet, summarize

    Examples
    --------
    >>> from mypackage import records
    >>> records.exchange("greet", b'{"name": "Jan", "age": 42}')
    b'{"person":{"name":"Jan","age":42},"message":"Jan says hello in Rust"}'
    """
    if name not in ("greet", "summarize"):
        raise ValueError(f"name must be 'greet' or 'summarize', not {name!r}")
    pointer = ctypes.c_void_p()
    function = getattr(library, f"mypackage_{name}")
    status = function(request, len(request), ctypes.byref(pointer))
    if not pointer:
        raise RuntimeError(library.mypackage_error_message().decode())
    try:
        answer = ctypes.string_at(pointer)
    finally:
        library.mypackage_string_free(pointer)
    if status:
        error = json.loads(answer)["error"]
        raise KIND_EXCEPTIONS[error["kind"]](error["message"])
    return answer


def greet(person: Any, model: Any = Greeting) -> Any:
    """Let Rust greet a person.

    Parameters
    ----------
    person : Person, pydantic model or mapping
        With the fields of `mypackage.records.Person`.
    model : class, optional
        The class of the answer: any class that takes the fields of `mypackage.records.Greeting` as
        keywords.

    Returns
    -------
    Greeting
        Or an instance of `model`; its `person` has the class of the argument.

    Raises
    ------
    TypeError
        If a field is missing, unknown or has the wrong type.
    ValueError
        If the age is negative.

    See Also
    --------
    mypackage.records.exchange, mypackage.records.Person

    Examples
    --------
    >>> from mypackage.records import Person, greet
    >>> greet(Person(name="Jan", age=42)).message
    'Jan says hello in Rust'
    """
    answer = json.loads(exchange("greet", json.dumps(_fields(person)).encode()))
    answer["person"] = type(person)(**answer["person"])
    return model(**answer)


def summarize(source: str | os.PathLike[str] | ArrayLike, model: Any = Summary) -> Any:
    """Sum float64 numbers exactly, and report what the usual orders of summation lose.

    Parameters
    ----------
    source : path or array_like
        An ``.npy`` file of float64 or float32, which Rust reads block by block, or numbers.
        Numbers are sent as text, so save an array of more than half a million numbers to a file
        first.
    model : class, optional
        The class of the answer: any class that takes the fields of `Summary` as keywords.

    Returns
    -------
    Summary
        Or an instance of `model`.

    Raises
    ------
    FileNotFoundError, OSError
        If the file cannot be read.
    ValueError
        If the file is of another format, or there are too many numbers for a request.

    See Also
    --------
    exchange, mypackage.summarize

    Examples
    --------
    >>> from mypackage.records import summarize
    >>> summary = summarize([1e16, 1.0, -1e16, 1.0])
    >>> summary.sum, summary.naive_sum, summary.condition_number
    (2.0, 1.0, 1e+16)
    """
    if isinstance(source, (str, os.PathLike)):
        request = json.dumps({"path": os.fsdecode(source)}).encode()
    else:
        request = _values_request(_floats(source))
    answer = json.loads(exchange("summarize", request))
    return model(**{key: float(x) if isinstance(x, str) else x for key, x in answer.items()})


def _floats(source: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The elements of any array_like as float64 numbers, none of them rounded."""
    array = dispatch.numbers("summarize", source, nan=True)
    if array.dtype.kind not in "biuf":
        if array.dtype.kind == "c":
            raise TypeError(f"summarize: it sums real numbers, not {array.dtype}; a.real has some")
        raise unsupported("summarize", array.dtype)
    floats = array.astype(np.float64)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        lost = [(x, y) for x, y in zip(array.flat, floats.flat, strict=True) if int(y) != int(x)]
        if lost:
            raise TypeError(
                f"summarize: {lost[0][0]} is not a float64 number; "
                "mypackage.sum is exact for integers"
            )
    elif np.any(floats.astype(array.dtype) != array) and array.dtype.itemsize > 8:
        raise TypeError(f"summarize: float64 does not hold these {array.dtype} numbers")
    return floats.ravel()


def _values_request(values: np.ndarray[Any, np.dtype[np.float64]]) -> bytes:
    """Write numbers as a request, piece by piece, and stop as soon as it is too long."""
    text, length = [], 0
    for start in range(0, values.size, _PIECE):
        piece = values[start : start + _PIECE].tolist()
        numbers = [x if math.isfinite(x) else _name(x) for x in piece]
        text.append(json.dumps(numbers)[1:-1])
        length += len(text[-1])
        if length > _LONGEST:
            raise ValueError(
                f"{values.size} numbers are more than the {_LONGEST} bytes of text that a request "
                "may have; save them and name the .npy file instead"
            )
    return f'{{"values": [{", ".join(text)}]}}'.encode()


def _name(x: float) -> str:
    """The text for a number that JSON cannot write."""
    return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"


def _fields(record: Any) -> dict[str, Any]:
    if isinstance(record, Mapping):
        return dict(record)
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return dataclasses.asdict(record)
    if hasattr(record, "model_dump"):  # a pydantic model, without importing pydantic
        fields: dict[str, Any] = record.model_dump()
        return fields
    raise TypeError(f"a record is a dataclass, a pydantic model or a mapping, not {record!r:.60}")
