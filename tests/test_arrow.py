"""Arrow columns: no copy, and no null taken for a number."""

import numpy as np
import pytest
from reference import exact_sum

import mypackage
from mypackage import arrow

pa = pytest.importorskip("pyarrow")

WILD = np.array([1e16, 1.0, -1e16, 0.1, 3e-300])
LARGE = 2**60 + 1


def polars_series(values):
    return pytest.importorskip("polars").Series("x", values)


@pytest.mark.parametrize(
    "make", [pa.array, polars_series, lambda x: pa.chunked_array([x[:2], x[2:]])]
)
def test_columns(make):
    column = make(WILD)
    assert mypackage.sum(column) == exact_sum(WILD)
    assert mypackage.nanmean(column) == mypackage.mean(WILD)
    assert mypackage.sum(column, dtype="f4") == mypackage.sum(WILD, dtype="f4")
    flags = mypackage.sum(make(WILD > 0.5))
    assert flags == 2 and flags.dtype == np.int64
    assert mypackage.mean(make(np.arange(5, dtype=np.int8))) == 2.0


@pytest.mark.parametrize("make", [pa.array, polars_series])
def test_nulls(make):
    column = make([LARGE, None, 2])
    for function in (mypackage.sum, mypackage.mean, arrow.sum):
        with pytest.raises(ValueError, match=r"1 of 3 values are null.*skip_nulls=True"):
            function(column)
    # What has no way to skip them does not say so.
    with pytest.raises(ValueError, match=r"null, which is no number; the column's drop_null"):
        mypackage.cumsum(column)
    assert arrow.sum(column, skip_nulls=True) == LARGE + 2
    assert arrow.mean(column, skip_nulls=True) == (LARGE + 2) / 2
    assert arrow.sum(make([None, 1.5, np.nan]), skip_nulls=True) != 0
    assert mypackage.nansum(make([1.5, np.nan, None])) == 1.5
    assert mypackage.nanmean(column) == (LARGE + 2) / 2


@pytest.mark.parametrize("make", [pa.array, polars_series])
def test_refusals(make):
    with pytest.raises(TypeError, match="no exact sum of"):
        mypackage.sum(make(["a"]))
    with pytest.raises(TypeError, match="takes no keepdims="):
        mypackage.sum(make([1.0]), keepdims=True)
    with pytest.raises(ValueError, match="no axis 1"):
        mypackage.sum(make([1.0]), axis=1)


def test_no_copy():
    for column in (pa.array(WILD), polars_series(WILD)):
        (part,) = arrow.chunks(column, "sum")
        assert not part.flags.owndata and not part.flags.writeable


def test_empty():
    for column in (pa.array([], pa.int32()), pa.chunked_array([], pa.int32())):
        assert mypackage.sum(column) == 0 and mypackage.sum(column).dtype == np.int64


def test_arrays_come_of_columns():
    column = pa.array([1e16, 1.0, -1e16])
    assert mypackage.cumsum(column).tolist() == [1e16, 1e16, 1.0]
    assert mypackage.vecdot(column, pa.array([1, 1, 1])) == 1
    assert mypackage.average(column, weights=[1, 2, 1]) == 0.5
    assert mypackage.group_sum([0, 0, 0], column).tolist() == [1.0]
