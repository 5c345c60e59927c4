"""A pytest plugin: NumPy's own tests with the package's functions in NumPy's place.

Run by ``tox run -e numpy_suite``: ``pytest -p numpy_suite --pyargs numpy._core.tests.test_ufunc``.
Calls on dtypes that the package refuses by contract go to NumPy.
"""

import functools
import inspect

import numpy as np
import pytest

import mypackage

NAMES = (
    "sum nansum mean nanmean average cumsum nancumsum cumulative_sum "
    "var std nanvar nanstd cov corrcoef"
).split()

# Tests of what is no number, or of how NumPy rounds, by a part of their names.
EXEMPT = {
    "test_object_array_reduction": "sums strings to 'abc'",
    "TestKeepdims::test_raise": "wants numpy.sum to call the method `sum` of a subclass of ndarray",
    "test_average_matrix": "wants the bits of the method matrix.mean, which rounds on the way",
}

# longdouble and its complex brother, strings, records.
_REFUSED = set("gGScUTV")


def _chars(x):
    """The codes of the dtypes of an argument; of dtype=, that itself."""
    if x is None:
        return set()
    try:
        return {
            (np.dtype(x) if isinstance(x, (str, type, np.dtype)) else np.asanyarray(x).dtype).char
        }
    except Exception:
        return set()


def _is_refused(name, given):
    """Whether the package refuses this by contract."""
    elements = [given.get(key) for key in ("a", "m", "x", "y")]
    chars = set().union(*map(_chars, [*elements, *map(given.get, ("dtype", "out", "weights"))]))
    if "M" in chars and not name.endswith("mean"):
        return True
    return bool(chars & _REFUSED)


def _replaced(name, theirs):
    ours = getattr(mypackage, name)
    signature = inspect.signature(theirs)

    @functools.wraps(theirs)
    def function(*args, **kwargs):
        try:
            refused = _is_refused(name, signature.bind_partial(*args, **kwargs).arguments)
        except TypeError:
            refused = False
        return (theirs if refused else ours)(*args, **kwargs)

    return function


def pytest_configure():
    """Replace them before any test module takes a name from NumPy."""
    # (numpy.cumulative_sum is of NumPy 2.1.)
    for name in filter(vars(np).__contains__, NAMES):
        setattr(np, name, _replaced(name, getattr(np, name)))


def pytest_collection_modifyitems(items):
    """Leave out what is listed above."""
    for item in items:
        for name, reason in EXEMPT.items():
            if name in item.nodeid:
                item.add_marker(pytest.mark.skip(reason=reason))
