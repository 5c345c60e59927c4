"""Floating-point trouble, reported as NumPy reports it."""

from __future__ import annotations

import warnings

import numpy as np

# The caller's line: report -> _trouble -> the extension module is not a Python frame.
_STACKLEVEL = 3

_ERRCALL_BITS = {"over": 2, "invalid": 8}


def _trouble(kind: str, message: str) -> None:
    """Do what `numpy.errstate` says about trouble of a kind: ``"over"`` or ``"invalid"``."""
    match np.geterr()[kind]:
        case "ignore":
            pass
        case "warn":
            warnings.warn(message, RuntimeWarning, stacklevel=_STACKLEVEL)
        case "raise":
            raise FloatingPointError(message)
        case "print":
            print(f"Warning: {message}")
        case "call" | "log" as mode:
            handler = np.geterrcall()
            if handler is None:
                raise NameError(f"{message}: the 'call' mode needs a function set by seterrcall")
            if mode == "call":
                handler(message.partition(" encountered")[0], _ERRCALL_BITS[kind])
            else:
                handler.write(f"Warning: {message}\n")


def report_invalid(name: str) -> None:
    """Infinities of both signs met in the function called `name`."""
    _trouble("invalid", f"invalid value encountered in {name}")


def report_overflow(name: str) -> None:
    """A finite result of the function called `name` is beyond its dtype."""
    _trouble("over", f"overflow encountered in {name}")


def report_empty(name: str) -> None:
    """A mean of no elements was asked for."""
    warnings.warn(f"Mean of empty slice in {name}", RuntimeWarning, stacklevel=_STACKLEVEL - 1)
