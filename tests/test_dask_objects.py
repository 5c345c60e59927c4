"""Dask arrays of objects and of times: the results of the arrays in memory."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import mypackage

da = pytest.importorskip("dask.array")

TIMES = np.array([[5, 3, "NaT", 7, 2, 9], [1, 2, 4, "NaT", 8, 2**62]], "m8[s]")
OBJECTS = np.array([10**30, Fraction(1, 3), 2, 0.5, -(10**30), 7], object)
DECIMALS = np.array([Decimal("1e30"), 1, 2, Decimal("-1e30"), Decimal("0.1"), 6], object)


@pytest.mark.parametrize("values", [TIMES, OBJECTS, DECIMALS], ids=["times", "ints", "decimals"])
@pytest.mark.parametrize("chunks", [1, 4])
def test_objects_and_times_by_label(values, chunks):
    lazy, labels = da.from_array(values, chunks=chunks), np.array([0, 0, 1, 2, 2, -1])
    for name in ("group_sum", "group_mean", "group_nansum", "group_nanmean", "group_count"):
        function = getattr(mypackage, name)
        for options in ({}, {"size": 5, "fill_value": None if values is TIMES else 0}):
            result = function(labels, lazy, **options)
            assert isinstance(result, da.Array)
            result, expected = result.compute(), function(labels, values, **options)
            assert result.dtype == expected.dtype
            assert result.tolist() == expected.tolist()
            assert list(map(type, result.flat)) == list(map(type, expected.flat))


@pytest.mark.parametrize("values", [OBJECTS, DECIMALS[[0, 1, 2, 3, 5]]], ids=["ints", "decimals"])
def test_prefixes_averages_and_products_of_objects(values):
    lazy = da.from_array(values, chunks=2)
    assert mypackage.cumsum(lazy).compute().tolist() == mypackage.cumsum(values).tolist()
    table = values[:4].reshape(2, 2)
    for axis in (None, 0, 1):
        result = mypackage.cumsum(da.from_array(table, chunks=1), axis).compute().tolist()
        assert result == mypackage.cumsum(table, axis).tolist()
    expected = mypackage.average(values, weights=values[::-1] ** 2, returned=True)
    result = mypackage.average(lazy, weights=values[::-1] ** 2, returned=True)
    assert tuple(one.compute() for one in result) == expected
    assert mypackage.vecdot(lazy, values).compute() == mypackage.vecdot(values, values)
    with pytest.raises(ZeroDivisionError, match="sum to zero"):
        mypackage.average(lazy, weights=[0] * len(values)).compute()


def test_negative_zeros_of_lazy_objects():
    values = np.array([-0.0, -0.0, -0.0, 0.0, -0.0], object)
    result = mypackage.cumsum(da.from_array(values, chunks=2)).compute()
    assert np.signbit(result.astype(float)).tolist() == [True, True, True, False, False]
