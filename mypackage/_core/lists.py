"""Lists and other sequences, whose numbers NumPy may round when it makes an array.

``numpy.asarray([2**53 + 1, 0.5])``, for instance, loses the 1. Such a list is kept as an array of
Python numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# From here on, float64 cannot represent all integers.
_LIMIT = 2.0**53


def exact(a: Any, array: np.ndarray) -> tuple[np.ndarray, np.dtype[Any] | None]:
    """The exact numbers of `a`, of which NumPy made `array`, and the dtype of results.

    The numbers are `array` itself if nothing was rounded. If `a` holds only ints, results are
    Python ints.
    """
    if array.dtype.char == "O" and isinstance(a, (list, tuple)):
        return _without_arrays(array), None
    if array.dtype.char not in "dD" or isinstance(a, np.ndarray):
        return array, None
    large = np.abs(array.real) >= _LIMIT
    if not large.any() or hasattr(a, "__array__") or hasattr(a, "__array_interface__"):
        return array, None
    objects = np.array(a, dtype=object)
    if objects.shape != array.shape:
        return array, None
    objects = _without_arrays(objects)
    elements = objects[large].tolist() if objects.ndim else [objects[()]]
    whole = {kind for kind in set(map(type, elements)) if issubclass(kind, (int, np.integer))}
    if not whole:
        return array, None
    kinds = set(map(type, objects.flat))
    if all(issubclass(kind, (int, np.integer, np.bool_)) for kind in kinds):
        return objects, None
    rounded = array.real[large].tolist()
    if all(int(x) == y for x, y in zip(elements, rounded, strict=True) if type(x) in whole):
        return array, None
    return objects, array.dtype


def _without_arrays(objects: np.ndarray) -> np.ndarray:
    """An object array with 0-dimensional arrays replaced by their numbers."""
    if not any(issubclass(kind, np.ndarray) for kind in set(map(type, objects.flat))):
        return objects
    result = objects.copy()
    for at, x in np.ndenumerate(objects):
        if isinstance(x, np.ndarray) and x.ndim == 0:
            result[at] = x[()]
    return result


def common_dtype(*inputs: tuple[np.ndarray, np.dtype[Any] | None]) -> np.dtype[Any] | None:
    """The dtype that NumPy would give to a result of these pairs; None if nothing was rounded."""
    if all(dtype is None for _, dtype in inputs):
        return None
    parts = [array.dtype if dtype is None else dtype for array, dtype in inputs]
    return np.result_type(*(part for part in parts if part.kind != "O"))
