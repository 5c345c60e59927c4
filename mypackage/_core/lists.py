"""Lists and other sequences, which NumPy may round when it makes an array of them.

``numpy.asarray([2**53 + 1, 0.5])`` has lost the 1 before anything is summed. Such a list is kept as
an array of its own numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# From here on float64 does not hold all integers.
_LIMIT = 2.0**53


def exact(a: Any, array: np.ndarray) -> tuple[np.ndarray, np.dtype[Any] | None]:
    """The numbers of `a`, of which NumPy made `array`, and what results are rounded to.

    That is `array` itself where nothing was rounded. Where only ints were, results are Python's.
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
    """An array of objects with numbers in place of arrays of no axes."""
    if not any(issubclass(kind, np.ndarray) for kind in set(map(type, objects.flat))):
        return objects
    result = objects.copy()
    for at, x in np.ndenumerate(objects):
        if isinstance(x, np.ndarray) and x.ndim == 0:
            result[at] = x[()]
    return result


def common_dtype(*inputs: tuple[np.ndarray, np.dtype[Any] | None]) -> np.dtype[Any] | None:
    """What NumPy would have rounded a result of several of these pairs to; None if nothing."""
    if all(dtype is None for _, dtype in inputs):
        return None
    parts = [array.dtype if dtype is None else dtype for array, dtype in inputs]
    return np.result_type(*(part for part in parts if part.kind != "O"))
