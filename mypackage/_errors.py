"""Floating-point errors and warnings, reported the way NumPy reports them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any, Literal

import numpy as np

_ERRCALL_BITS = {"over": 2, "invalid": 8}
# The bits of a status from the extension; the last says that no numbers can have such sums.
DEGREES, INVALID, OVERFLOW, IMPOSSIBLE = 1, 2, 4, 8

_warns_of_few: ContextVar[bool] = ContextVar("warns_of_few", default=True)


def warns_of_few() -> bool:
    """Whether a mean of nothing, or a variance without degrees of freedom, warns."""
    return _warns_of_few.get()


@contextmanager
def without_warnings_of_few() -> Iterator[None]:
    """Such results are NaN without a warning, as in libraries that leave NaN out by default."""
    token = _warns_of_few.set(False)
    try:
        yield
    finally:
        _warns_of_few.reset(token)


def _warn(message: str) -> None:
    """Warn, attributing the warning to the line outside this package that made the call."""
    package, level = __name__.partition(".")[0], 2
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").startswith(f"{package}."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, RuntimeWarning, stacklevel=level)


def _trouble(kind: Literal["over", "invalid"], message: str) -> None:
    """Do what `numpy.errstate` says about ``"over"`` or ``"invalid"``."""
    match np.geterr()[kind]:
        case "ignore":
            pass
        case "warn":
            _warn(message)
        case "raise":
            raise FloatingPointError(message)
        case "print":
            print(f"Warning: {message}")
        case "call" | "log" as mode:
            handler: Any = np.geterrcall()
            if handler is None:
                raise NameError(f"{message}: the 'call' mode needs a function set by seterrcall")
            if mode == "call":
                handler(message.partition(" encountered")[0], _ERRCALL_BITS[kind])
            else:
                handler.write(f"Warning: {message}\n")


def report_invalid(name: str) -> None:
    """Report that the function `name` added infinities of both signs."""
    _trouble("invalid", f"invalid value encountered in {name}")


def report_overflow(name: str) -> None:
    """Report that a finite result of the function `name` is beyond its dtype."""
    _trouble("over", f"overflow encountered in {name}")


def report_empty(name: str) -> None:
    """Report the mean of an empty slice."""
    if warns_of_few():
        _warn(f"Mean of empty slice in {name}")


def report_no_freedom(name: str) -> None:
    """Report a variance or covariance without degrees of freedom."""
    if warns_of_few():
        _warn(f"Degrees of freedom <= 0 for slice in {name}")


def report(name: str, status: int) -> None:
    """Report what the bits of a status say about the function `name`."""
    if status & DEGREES:
        report_no_freedom(name)
    if status & INVALID:
        report_invalid(name)
    if status & OVERFLOW:
        report_overflow(name)
