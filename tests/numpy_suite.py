"""A pytest plugin: NumPy's own tests with the package's functions in NumPy's place.

Run by ``tox run -e numpy_suite``: ``pytest -p numpy_suite --pyargs numpy._core.tests.test_ufunc``.
Calls on dtypes that the package refuses by contract go to NumPy.
"""

import functools

import numpy as np
import pytest

import mypackage

NAMES = ("sum", "nansum", "mean", "nanmean", "cumsum", "average")

# Tests of what is no number, or of how NumPy rounds, by a part of their names.
EXEMPT = {
    "test_object_array_reduction": "sums strings to 'abc'",
    "test_average_matrix": "wants the bits of the method matrix.mean, which rounds on the way",
}

# longdouble and its complex brother, strings, records.
_REFUSED = set("gGSUTVa")


def _is_refused(name, a, dtype):
    """Whether the package refuses this by contract."""
    try:
        array = np.asanyarray(a)
    except Exception:
        return False
    kinds = {array.dtype.char}
    if dtype is not None:
        try:
            kinds.add(np.dtype(dtype).char)
        except TypeError:
            return True
    if array.dtype.kind == "M" and not name.endswith("mean"):
        return True
    return bool(kinds & _REFUSED)


def _replaced(name, theirs):
    ours = getattr(mypackage, name)

    @functools.wraps(theirs)
    def function(a, *args, **kwargs):
        dtype = kwargs.get("dtype", args[1] if len(args) > 1 and name != "average" else None)
        out = kwargs.get("out")
        refused = _is_refused(name, a, dtype) or (out is not None and _is_refused(name, out, None))
        return (theirs if refused else ours)(a, *args, **kwargs)

    return function


def pytest_configure():
    """Replace them before any test module takes a name from NumPy."""
    for name in NAMES:
        setattr(np, name, _replaced(name, getattr(np, name)))


def pytest_collection_modifyitems(items):
    """Leave out what is listed above."""
    for item in items:
        for name, reason in EXEMPT.items():
            if name in item.name:
                item.add_marker(pytest.mark.skip(reason=reason))
