"""Arrays with units, and other classes whose meaning is more than their numbers.

Sums, means and prefixes have the unit of the elements; functions whose result has another unit
refuse them. astropy's Quantity is an ``ndarray``, pint's is not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mypackage._extras import is_of

from .input_types import is_dask

# The attribute that holds the numbers of each kind.
_NUMBERS = {"astropy": ".value", "pint": ".magnitude"}


def kind_of(a: Any) -> str | None:
    """``"astropy"``, ``"pint"``, ``"other"`` for other such classes, or None."""
    if isinstance(a, np.ndarray):
        if type(a) is np.ndarray:
            return None
        if is_of(a, "astropy.units", "Quantity") and not hasattr(a, "mask"):
            return "astropy"
        own = type(a).__array_function__ is not np.ndarray.__array_function__
        return "other" if own and not isinstance(a, np.ma.MaskedArray) else None
    if is_of(a, "pint", "Quantity"):
        return "pint"
    return "other" if hasattr(type(a), "__array_function__") else None


def refuse(name: str, *inputs: Any) -> None:
    """Refuse input with a unit, for a function whose result would have another one."""
    for a in inputs:
        kind = kind_of(a)
        if kind is not None:
            raise TypeError(
                f"{name}: the unit and whatever else a {type(a).__name__} has beside its numbers "
                f"would be lost; give its {_way_out(kind, a)}"
            )


def _way_out(kind: str, a: Any) -> str:
    if hasattr(a, "unmasked") and hasattr(a, "mask"):
        # astropy's Masked, whose view would lose the mask.
        values = ".unmasked.value" if hasattr(a, "unit") else ".unmasked"
        return f"{values} and .mask, as numpy.ma.array(values, mask)"
    if kind in _NUMBERS or isinstance(a, np.ndarray):
        return _NUMBERS.get(kind, ".view(numpy.ndarray)")
    if hasattr(a, "todense"):
        # sparse's arrays, which numpy.asarray refuses.
        return ".todense()"
    return ".view(numpy.ndarray) or numpy.asarray(a)"


def plain(a: Any) -> Any:
    """The numbers of a quantity; anything else unchanged."""
    kind = kind_of(a)
    if kind == "astropy":
        return a.view(np.ndarray)
    if kind != "pint":
        return a
    return a.magnitude if is_dask(a.magnitude) else np.asanyarray(a.magnitude)


def check(name: str, a: Any, mean: bool) -> None:
    """Refuse units without sums, or without means."""
    kind = None if is_dask(a) else kind_of(a)
    if kind == "astropy" and hasattr(a.unit, "physical_unit"):
        raise TypeError(
            f"{name}: numbers in the logarithmic unit {a.unit} do not add up; give its .physical "
            "or its .value"
        )
    if kind == "pint" and not a._is_multiplicative and _is_logarithmic(a):
        raise TypeError(
            f"{name}: numbers in the logarithmic unit {a.units} do not add up; convert with "
            ".to_base_units(), or give its .magnitude"
        )
    if kind == "pint" and not mean and not a._is_multiplicative:
        raise TypeError(
            f"{name}: {a.units} has an offset, so that only means have a meaning; convert with "
            ".to_base_units(), or give its .magnitude"
        )
    if kind == "other" and (not isinstance(a, np.ndarray) or hasattr(a, "mask")):
        refuse(name, a)


def _is_logarithmic(a: Any) -> bool:
    """Whether a pint quantity is in decibels and the like."""
    units = a._REGISTRY._units
    return any(getattr(units.get(name), "is_logarithmic", False) for name in a._units)


def with_unit(a: Any, result: Any, adds: bool = False) -> Any:
    """A result in the unit of `a`; a sum (`adds`) may have another class."""
    if kind_of(a) == "pint":
        return a.__class__(result, a.units)
    if kind_of(a) == "astropy":
        if adds and np.size(a):
            # A sum of longitudes is an angle, not a longitude.
            a = np.add(a.ravel()[:1], a.ravel()[:1])
        return a._new_view(result, a.unit)
    return result


def arguments_for(name: str, a: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments as numbers in the unit of `a`."""
    arguments = dict(arguments)
    initial, out = arguments.get("initial"), arguments.get("out")
    if initial is not None:
        arguments["initial"] = _converted(name, initial, a)
    if out is not None:
        same = kind_of(out) == kind_of(a) and _unit(out) == _unit(a)
        if not same:
            raise TypeError(f"{name}: out must be a {type(a).__name__} in {_unit(a)}")
        arguments["out"] = out.view(np.ndarray) if kind_of(a) == "astropy" else out.magnitude
    return arguments


def _unit(a: Any) -> Any:
    return a.units if kind_of(a) == "pint" else a.unit


def _converted(name: str, initial: Any, a: Any) -> Any:
    """`initial` in the unit of `a`, if that is exact."""
    if kind_of(initial) is None:
        if np.any(np.not_equal(initial, 0)):
            raise TypeError(f"{name}: initial={initial} has no unit; give it in {_unit(a)}")
        return initial
    value = plain(initial)[()]
    if _unit(initial) == _unit(a):
        return value
    try:
        factor = (1 * _unit(initial)).to(_unit(a))
    except Exception as error:
        raise TypeError(f"{name}: initial={initial} is not in {_unit(a)} ({error})") from None
    factor = float(factor.magnitude if kind_of(a) == "pint" else factor.value)
    from fractions import Fraction

    # A fractional factor may be a rounded one.
    exact = factor == int(factor) and Fraction(float(value)) * int(factor)
    if exact is False or Fraction(float(value) * factor) != exact:
        raise TypeError(
            f"{name}: initial={initial} is rounded on the way to {_unit(a)}; give it so"
        )
    return value * factor
