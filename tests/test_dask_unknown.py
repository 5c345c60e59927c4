"""Dask arrays in chunks of unknown size: the bits of the arrays in memory."""

import importlib

import numpy as np
import pytest

import mypackage

da = pytest.importorskip("dask.array")
md = importlib.import_module("mypackage.dask")

# Variances of no more numbers than ddof.
pytestmark = pytest.mark.filterwarnings("ignore:Degrees of freedom")


def wild(shape, seed):
    """Numbers whose naive sum depends on the order."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) * 2.0 ** rng.integers(-300, 300, shape)


def same(lazy, expected):
    """Whether a lazy result has the shape, dtype and bits expected, and announced what it could."""
    result, expected = lazy.compute(scheduler="sync"), np.asarray(expected)
    assert result.shape == expected.shape
    assert all(one in (size, None) for one, size in zip(known(lazy), result.shape, strict=True))
    assert lazy.dtype == result.dtype == expected.dtype
    assert result.tobytes() == expected.tobytes()


def known(lazy):
    """The sizes of a dask array, None for those that are unknown."""
    return [None if size != size else size for size in lazy.shape]


CHUNKED = [7, 20, (3, 4, 20, 13)]


def unknown(values, kept, chunks):
    """Those rows of an array that are kept, in chunks of sizes that nobody knows yet."""
    rows = (chunks, 2)[: values.ndim]
    return da.from_array(values, chunks=rows)[da.from_array(kept, chunks=(chunks,))]


@pytest.fixture(params=CHUNKED, ids=str)
def rows(request):
    """An array, the same with chunks of unknown size, labels and weights for its rows."""
    values, kept = wild((40, 3), seed=2), np.arange(40) % 3 != 1
    labels, weights = np.arange(40) * 7 % 5, np.abs(wild(40, seed=3))
    chosen = [x[kept] for x in (values, labels, weights)]
    return (*chosen, *(unknown(x, kept, request.param) for x in (values, labels, weights)))


def test_functions_by_label_along_chunks_of_unknown_size(rows):
    values, labels, _, lazy, lazy_labels, _ = rows
    with np.errstate(all="ignore"):
        for name in [one for one in md.__all__ if one.startswith("group_")]:
            function = getattr(mypackage, name)
            for axis in (0, 1):
                numbers = labels if axis == 0 else np.array([1, 0, 1])
                expected = function(numbers, values, axis=axis, size=5)
                given = [(numbers, lazy), (da.from_array(numbers, chunks=2), lazy)]
                if axis == 0:
                    given += [(lazy_labels, lazy), (lazy_labels, values)]
                for group_idx, array in given:
                    result = function(group_idx, array, axis=axis, size=5)
                    same(result, expected)


def test_two_arrays_of_unknown_size(rows):
    values, _, weights, lazy, _, lazy_weights = rows
    three, column = np.array([1.0, 1e10, -1e-10]), weights[:, None]
    with np.errstate(all="ignore"):
        for x1, x2 in ((lazy, lazy), (lazy, values), (values, lazy)):
            same(mypackage.vecdot(x1, x2), mypackage.vecdot(values, values))
            same(mypackage.vecdot(x1, x2, axis=0), mypackage.vecdot(values, values, axis=0))
        same(mypackage.vecdot(lazy, three), mypackage.vecdot(values, three))
        one = mypackage.vecdot(lazy, lazy_weights[:, None], axis=0)
        same(one, mypackage.vecdot(values, column, axis=0))
        for given in (weights, lazy_weights, da.from_array(weights, chunks=5)):
            result, total = mypackage.average(lazy, 0, given, returned=True)
            expected = mypackage.average(values, 0, weights, returned=True)
            same(result, expected[0])
            same(total, expected[1])
        for where, chosen in ((values > 0, values > 0), (lazy > 0, values > 0), ([[True]], True)):
            for name in ("sum", "nanvar"):
                function = getattr(mypackage, name)
                expected = function(values, axis=1, where=chosen)
                same(function(lazy, axis=1, where=where), expected)


def test_lines_of_unknown_size(rows):
    values, _, _, lazy, _, _ = rows
    with np.errstate(all="ignore"):
        for name in ("move_sum", "move_mean", "move_var", "move_std"):
            function = getattr(mypackage, name)
            for axis in (0, 1):
                expected = function(values, 3, 1, axis=axis)
                same(function(lazy, 3, 1, axis=axis), expected)
        for axis in (None, 0, 1):
            same(mypackage.cumsum(lazy, axis), mypackage.cumsum(values, axis))


def test_sizes_that_do_not_match_are_found_when_they_are_known():
    numbers = np.arange(12)
    lazy = da.from_array(numbers, chunks=5)
    some = lazy[lazy > 2]
    for call in (
        lambda x: mypackage.vecdot(some, x),
        lambda x: mypackage.average(some, weights=x),
        lambda x: mypackage.group_sum(x, some),
    ):
        for size in (1, 8, 10):
            with pytest.raises(ValueError, match=rf": {size} elements do not match the .* of the"):
                call(np.ones(size, int)).compute(scheduler="sync")
    with pytest.raises(ValueError, match=r"^group_sum: blocks of .*compute_chunk_sizes"):
        mypackage.group_sum(lazy[lazy > 3], some, size=12).compute(scheduler="sync")
    with pytest.raises(ValueError, match="not below size=3"):
        mypackage.group_sum(some, some, size=3).compute(scheduler="sync")
    with pytest.raises(ValueError, match=r"window is 10, but .* 9"):
        mypackage.move_sum(some, 10).compute(scheduler="sync")
    with pytest.raises(TypeError, match="window must be an integer"):
        mypackage.move_sum(some, 2.5)
