"""Dask arrays with masks: the results, masks and errors of the masked arrays in memory."""

import warnings
from fractions import Fraction

import numpy as np
import pytest

import mypackage

da = pytest.importorskip("dask.array")

LABELS = np.array([2, 0, -1, 3, 0, 2])
WEIGHTS = np.arange(24).reshape(4, 6) % 5
SHAPE = (4, 6)


def arrays():
    """Masked arrays of every kind, with a masked line and row, and NaN beside masked elements."""
    rng = np.random.default_rng(7)
    floats = rng.choice(
        [1e16, 1.0, -1e16, 0.1, 3.0, np.nan], SHAPE, p=[0.2, 0.2, 0.2, 0.2, 0.1, 0.1]
    )
    numbers = np.array([2**70, Fraction(1, 3), -(2**70), 0.5, 1, 2], object)
    times = rng.integers(-100, 100, SHAPE).astype("m8[s]")
    times[0, 1] = times[3, 4] = "NaT"
    kinds = {
        "floats": floats,
        "ints": rng.integers(-(2**20), 2**20, SHAPE),
        "bools": rng.random(SHAPE) < 0.5,
        "complex": floats + 1j * rng.integers(0, 3, SHAPE),
        "objects": rng.choice(numbers, SHAPE),
        "times": times,
    }
    mask = rng.random(SHAPE) < 0.3
    mask[2], mask[:, 3], mask[0, 1] = True, True, False
    return {kind: np.ma.array(values, mask=mask) for kind, values in kinds.items()}


ARRAYS = arrays()


def calls():
    """Calls by name, of functions of an array and of what makes other arrays like it."""
    for name in ("sum", "nansum", "mean", "nanmean", "var", "std", "nanstd", "norm"):
        yield name, lambda x, _, name=name: getattr(mypackage, name)(x, axis=0)
    yield "sum_of_squares", lambda x, _: mypackage.sum_of_squares(x, axis=1)
    for name in ("cumsum", "nancumsum"):
        yield name, lambda x, _, name=name: getattr(mypackage, name)(x, axis=1)
        yield name, lambda x, _, name=name: getattr(mypackage, name)(x)
    for axis in (None, 1):
        yield "average", lambda x, _, axis=axis: mypackage.average(x, axis=axis, weights=WEIGHTS)
    weights = np.ma.array(WEIGHTS, mask=WEIGHTS == 2)
    yield "average", lambda x, like: mypackage.average(x, axis=1, weights=like(weights))
    for name in ("sum", "mean", "nansum", "nanmean", "count", "var", "std", "cumsum"):
        function = getattr(mypackage, f"group_{name}")
        for options in ({}, {"size": 6, "fill_value": 7}):
            yield (
                f"group_{name}",
                lambda x, _, f=function, options=options: f(LABELS, x, **options),
            )
        yield f"group_{name}", lambda x, _, f=function: f(LABELS[:4], x, axis=0, fill_value=1)
    yield "group_nansum", lambda x, _: mypackage.group_nansum(LABELS, x, min_count=2)
    for name in ("sum", "mean", "var", "std"):
        function = getattr(mypackage, f"move_{name}")
        for least in (1, 2, 3):
            yield f"move_{name}", lambda x, _, f=function, least=least: f(x, 3, min_count=least)
        yield f"move_{name}", lambda x, _, f=function: f(x, 1, axis=0)
    for name in ("sum", "mean"):
        function = getattr(mypackage, f"segment_{name}")
        yield f"segment_{name}", lambda x, _, f=function: f(x, [0, 2, 2, 5])
    yield "vecdot", lambda x, _: mypackage.vecdot(x, x)
    yield "vecdot", lambda x, like: mypackage.vecdot(like(WEIGHTS), x, axis=0)


def shown(result, of_objects):
    """The dtype, mask and values of a result, or the error."""
    if isinstance(result, Exception):
        return type(result)
    result = np.ma.asarray(result)
    mask = np.ma.getmaskarray(result)
    pairs = zip(mask.flat, result.data.flat, strict=True)
    if of_objects:
        # Python's numbers, which alone make an array of another dtype.
        kinds = [None if m else (float(x), isinstance(x, Fraction)) for m, x in pairs]
        return result.shape, repr(kinds)
    return result.shape, result.dtype, [None if m else repr(x) for m, x in pairs]


def outcome(of_objects, function, *arguments):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = function(*arguments)
            if isinstance(result, da.Array):
                result = result.compute(scheduler="sync")
        except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
            result = error
    kinds = {str(one.message).partition(" in ")[0] for one in caught}
    return shown(result, of_objects), kinds - {"invalid value encountered"}


@pytest.mark.parametrize("chunks", [(1, 2), (3, 4)])
@pytest.mark.parametrize("kind", ARRAYS)
def test_as_in_memory(kind, chunks):
    values = ARRAYS[kind]
    lazy = da.from_array(values, chunks=chunks)

    def lazily(x):
        return x if isinstance(x, da.Array) else da.from_array(x, chunks=chunks)

    for name, call in calls():
        expected = outcome(kind == "objects", call, values, lambda x: x)
        assert outcome(kind == "objects", call, lazy, lazily) == expected, name


def test_masks_are_not_lost():
    hidden = np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])
    lazy = da.from_array(hidden, chunks=2)
    assert mypackage.move_sum(lazy, 2, min_count=1).compute().tolist() == [1.0, 1.0, 3.0]
    assert mypackage.move_sum(lazy, 1).compute().tolist() == [1.0, None, 3.0]
    assert mypackage.group_sum([0, 1, 0], lazy).compute().tolist() == [4.0, None]
    objects = np.ma.array([2**70, 7, -(2**70)], mask=[0, 1, 0], dtype=object)
    lazy = da.from_array(objects, chunks=2)
    assert mypackage.vecdot(lazy, lazy).compute() == 2**141
    assert mypackage.vecdot(lazy, da.ones(3, chunks=2)).compute() == 0
    assert mypackage.group_sum([0, 1, 0], lazy).compute().tolist() == [0, None]


def test_moments_and_squares_of_objects_by_label():
    values = np.array([2**70, Fraction(1, 3), 2, 0.5, -(2**70), 7], object)
    for chunks in (1, 4):
        lazy = da.from_array(values, chunks=chunks)
        assert mypackage.sum_of_squares(lazy).compute() == mypackage.sum_of_squares(values)
        narrow = mypackage.sum_of_squares(lazy // 2**40, dtype="f4").compute()
        assert narrow == mypackage.sum_of_squares(values // 2**40, dtype="f4")
        assert narrow.dtype == "f4"
        for name in ("group_var", "group_std"):
            function = getattr(mypackage, name)
            for options in ({}, {"ddof": 1}, {"ddof": 1, "fill_value": -1}, {"size": 5}):
                result = function([0, 1, 0, 0, 2, 2], lazy, **options)
                ours = function([0, 1, 0, 0, 2, 2], values, **options)
                assert isinstance(result, da.Array) and result.dtype == ours.dtype
                np.testing.assert_array_equal(result.compute(), ours)
        exact = mypackage.group_var([0, 1, 0, 0, 1, 1], lazy, dtype=object).compute()
        ours = mypackage.group_var([0, 1, 0, 0, 1, 1], values, dtype=object)
        assert exact.tolist() == ours.tolist()


def test_products_of_bools():
    values = np.array([[True, True, False], [False, True, False]])
    for chunks in (1, 3):
        lazy = mypackage.vecdot(da.from_array(values, chunks=chunks), [True, True, False])
        assert lazy.dtype == bool and lazy.compute().tolist() == [True, True]
        none = mypackage.vecdot(da.from_array(values, chunks=chunks), [False, False, True])
        assert none.compute().tolist() == [False, False]


def test_not_a_time_counts_whatever_its_weight():
    times = np.array([1, "NaT", 4], "m8[s]")
    assert np.isnat(mypackage.average(times, weights=[1, 0, 1]))
    lazy = da.from_array(times, chunks=1)
    assert np.isnat(mypackage.average(lazy, weights=[1, 0, 1]).compute())
