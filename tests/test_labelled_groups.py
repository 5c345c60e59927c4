"""Functions by label and of segments: of what has labels, has a mask or is lazy."""

from fractions import Fraction

import numpy as np
import pytest

import mypackage

BIG = 2**53


def test_series_go_by_label():
    pd = pytest.importorskip("pandas")
    series = pd.Series([1e16, 5.0, 1.0, None, -1e16], index=list("abcde"))
    groups = pd.Series([0, 1, 0, 0, 0], index=list("abcde"))
    backwards = groups[::-1]
    for by in (groups, backwards, [0, 1, 0, 0, 0]):
        assert mypackage.group_nansum(by, series).tolist() == [1.0, 5.0]
        assert mypackage.group_nanmean(by, series).tolist() == [float(Fraction(1, 3)), 5.0]
        assert mypackage.group_count(by, series).tolist() == [3, 1]
        sums = mypackage.group_cumsum(by, series)
        wanted = pd.Series([1e16, 5.0, 1e16, np.nan, 1.0], index=list("abcde"))
        pd.testing.assert_series_equal(sums, wanted)
        assert mypackage.group_var(by, series, ddof=1)[1] != mypackage.group_var(by, series)[1]
        few = mypackage.group_sum(by, series, min_count=2)
        assert few[0] == 1.0 and np.isnan(few[1])
        few = mypackage.group_nansum(by, series, min_count=2, fill_value=-1)
        assert few.tolist() == [1.0, -1.0]
    other = backwards.rename({"a": "z"})
    for function in (
        mypackage.group_nansum,
        mypackage.group_nanmean,
        mypackage.group_count,
        mypackage.group_var,
        mypackage.group_cumsum,
    ):
        name = function.__name__
        with pytest.raises(ValueError, match=rf"^{name}: the label 'a' of the elements is not"):
            function(other, series)
    # Labels of a plain array go by position.
    assert mypackage.group_nansum(groups, series.to_numpy()).tolist() == [1.0, 5.0]
    assert mypackage.group_cumsum(groups, series.fillna(0).to_numpy()).tolist()[-1] == 1.0


def test_integers_stay_exact_beside_missing_ones():
    pd = pytest.importorskip("pandas")
    column = pd.Series([2**60 + 1, None, -(2**60), 3], dtype="Int64")
    by = [0, 0, 0, -1]
    assert mypackage.group_nansum(by, column).tolist() == [1]
    assert mypackage.group_cumsum(by, column, fill_value=9).tolist() == [2**60 + 1, pd.NA, 1, 9]
    assert mypackage.group_cumsum(by, column, fill_value=9).dtype == "Int64"
    assert mypackage.segment_sum(column, [0, 3, 3, 4]).tolist() == [1, 0, 3]
    means = mypackage.segment_mean(column, [0, 3, 3, 4])
    assert means[0] == 0.5 and np.isnan(means[1]) and means[2] == 3
    # Variances of Python's numbers, some missing.
    objects = pd.Series([10**30, None, 10**30 + 2, 7], dtype=object)
    assert mypackage.group_var(by, objects).tolist() == [1.0]
    lost = mypackage.group_var([0, 1, 0, 0], objects, size=3)
    assert np.isnan(lost).tolist() == [False, True, True]


def test_columns_of_tables():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"x": [1e16, 1.0, -1e16], "n": [BIG + 1, 1, 2]}, index=list("abc"))
    by = pd.Series([0, 1, 0], index=list("cba"))
    sums = mypackage.group_nansum(by, table, axis=0)
    assert sums["x"].tolist() == [0.0, 1.0] and sums["n"].tolist() == [BIG + 3, 1]
    assert mypackage.group_count(by, table, axis=0)["x"].tolist() == [2, 1]
    prefixes = mypackage.group_cumsum(by, table, axis=0)
    assert prefixes.index.equals(table.index) and prefixes["n"].tolist() == [BIG + 1, 1, BIG + 3]
    with pytest.raises(ValueError, match=r"^group_cumsum: axis must be 0"):
        mypackage.group_cumsum([0, 0], table)
    pieces = mypackage.segment_sum(table, [0, 1, 3], axis=0)
    assert pieces["n"].tolist() == [BIG + 1, 3] and pieces["x"].tolist() == [1e16, -1e16]
    rows = mypackage.group_nansum([0, 0], table[["x", "x"]].set_axis(["x", "y"], axis=1), axis=1)
    assert rows[0].tolist() == [2e16, 2.0, -2e16] and rows.index.equals(table.index)


def test_dimensions_by_name():
    xr = pytest.importorskip("xarray")
    data = np.array([[1e16, 5.0, 1.0, np.nan, -1e16], [1.0, np.nan, 2.0, 3.0, 4.0]])
    a = xr.DataArray(data, {"t": list("abcde"), "p": [1, 2]}, ("p", "t"), attrs={"units": "m"})
    by = xr.DataArray([0, 1, 0, 0, 0], {"t": list("abcde")}, "t")[::-1]
    for lazy in (False, True):
        if lazy:
            pytest.importorskip("dask.array")
            a = a.chunk(t=2, p=1)
        sums = mypackage.group_nansum(by, a)
        assert sums.dims == ("p", "group") and sums.attrs == a.attrs and sums.p.equals(a.p)
        assert sums.values.tolist() == [[1.0, 5.0], [10.0, 0.0]]
        assert mypackage.group_count(by, a).values.tolist() == [[3, 1], [4, 0]]
        means = mypackage.group_nanmean(by, a).values
        assert means[1, 0] == 2.5 and np.isnan(means[1, 1])
        assert mypackage.group_var(by, a, fill_value=-1).values[1].tolist() == [1.25, -1.0]
        prefixes = mypackage.group_cumsum(by, a)
        assert prefixes.coords.identical(a.coords) and prefixes.attrs == a.attrs
        assert prefixes.values[0].tolist() == [1e16, 5.0, 1e16, 1e16, 1.0]
        few = mypackage.group_sum(by, a, min_count=2).values
        assert few[0].tolist()[0] == 1.0 and np.isnan(few[:, 1]).all()
        pieces = mypackage.segment_mean(a, [0, 2, 2, 5])
        assert pieces.dims == ("p", "segment") and np.isnan(pieces.values[:, 1]).all()
        assert pieces.values[1].tolist()[::2] == [1.0, 3.0]
    with pytest.raises(ValueError, match=r"^group_cumsum: the label 'a' of the elements is not"):
        mypackage.group_cumsum(by.assign_coords(t=list("edcbz")), a)
    with pytest.raises(TypeError, match=r"^group_cumsum: a Dataset is several arrays"):
        mypackage.group_cumsum([0] * 5, a.to_dataset(name="v"))
    with pytest.raises(TypeError, match=r"^segment_sum: a Dataset is several arrays"):
        mypackage.segment_sum(a.to_dataset(name="v"), [0, 5])
    # A missing time is left out, as it is by sum.
    spans = xr.DataArray(np.array([1, "NaT", 3], "m8[ns]"), dims="t")
    assert mypackage.group_sum([0, 0, 0], spans).values.tolist() == [4]
    assert np.isnat(mypackage.group_mean([0, 1, 0], spans).values).tolist() == [False, True]


def test_masked_elements_stay_masked():
    a = np.ma.array([1e16, np.nan, 1.0, -1e16, 7.0], mask=[0, 1, 0, 0, 1])
    prefixes = mypackage.group_cumsum([0, 0, 0, 0, 1], a)
    assert prefixes.mask.tolist() == a.mask.tolist()
    assert prefixes.compressed().tolist() == [1e16, 1e16, 1.0]
    sums = mypackage.segment_sum(a, [0, 4, 4, 5])
    assert sums.mask.tolist() == [False, False, True] and sums.compressed().tolist() == [1.0, 0.0]
    objects = np.ma.array([10**30, None, 1], mask=[0, 1, 0], dtype=object)
    assert mypackage.group_cumsum([0, 0, 0], objects).compressed().tolist() == [10**30, 10**30 + 1]
    grid = np.ma.array(np.arange(6.0).reshape(2, 3), mask=[[0, 0, 1], [0, 0, 0]])
    assert mypackage.segment_sum(grid, [0, 1, 3]).tolist() == [[0.0, 1.0], [3.0, 9.0]]


def test_prefixes_of_other_numbers_by_label():
    rows = np.array([[10**30, 1, 2], [Fraction(1, 3), 5, 0.5]], object)
    assert mypackage.group_cumsum([0, 1, 0], rows).tolist() == [
        [10**30, 1, 10**30 + 2],
        [Fraction(1, 3), 5, float(Fraction(5, 6))],
    ]
    columns = mypackage.group_cumsum([1, 1], rows, axis=0)
    assert columns[1].tolist() == [Fraction(10**30 * 3 + 1, 3), 6, 2.5]
    spans = np.array([1, 2, "NaT", 4], "m8[s]")
    wanted = np.array([1, 3, "NaT", 0], "m8[s]")
    np.testing.assert_array_equal(mypackage.group_cumsum([0, 0, 0, -1], spans), wanted)
    with pytest.raises(TypeError, match=r"^group_cumsum: dates have no sum"):
        mypackage.group_cumsum([-1], np.array(["2020"], "M8[s]"))
    with pytest.raises(TypeError, match=r"^group_cumsum: .* type str"):
        mypackage.group_cumsum([0], np.array(["a"], object))
    with pytest.raises(ValueError, match="has 2 labels, but axis 0 of array has length 1"):
        mypackage.group_cumsum([0, 0], np.array([1], object))
    assert mypackage.group_cumsum([-1], np.array([5], object), fill_value=2).tolist() == [2]


def test_lazy_prefixes_and_segments():
    da = pytest.importorskip("dask.array")
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(4, 30)) * 10.0 ** rng.integers(-20, 20, (4, 30))
    by = rng.integers(-1, 4, 30)
    offsets = [2, 5, 5, 17, 30]
    for a in (numbers, (numbers * 9).astype("f4"), numbers.astype(object), numbers.view("i8") >> 9):
        lazy = da.from_array(a, chunks=(3, 7))
        for labels in (by, da.from_array(by, chunks=11)):
            prefixes = mypackage.group_cumsum(labels, lazy, size=4)
            assert isinstance(prefixes, da.Array) and prefixes.shape == a.shape
            wanted = mypackage.group_cumsum(by, a)
            assert prefixes.dtype == wanted.dtype
            np.testing.assert_array_equal(prefixes.compute(), wanted)
        for function in (mypackage.segment_sum, mypackage.segment_mean):
            pieces = function(lazy, offsets)
            assert isinstance(pieces, da.Array)
            # (NaNs among objects are no equal of themselves.)
            results = [np.array(x.tolist()) for x in (pieces.compute(), function(a, offsets))]
            np.testing.assert_array_equal(*results)
            pieces = function(lazy, [0, 3, 4], axis=0)
            np.testing.assert_array_equal(pieces.compute(), function(a, [0, 3, 4], axis=0))
    unknown = da.from_array(numbers[0], chunks=7)
    unknown = unknown[unknown < np.inf]
    wanted = mypackage.group_cumsum(by, numbers[0])
    assert mypackage.group_cumsum(by, unknown).compute().tolist() == wanted.tolist()
    with pytest.raises(ValueError, match=r"^segment_sum: .*compute_chunk_sizes"):
        mypackage.segment_sum(unknown, [0, 30])
    with pytest.raises(ValueError, match=r"^segment_mean: offsets\[1\] is 31, outside 0 to 30"):
        mypackage.segment_mean(da.from_array(numbers, chunks=7), [0, 31])
    with pytest.raises(ValueError, match="has 29 labels"):
        mypackage.group_cumsum(by[1:], da.from_array(numbers, chunks=7))
    with pytest.raises(ValueError, match="not below size=2"):
        mypackage.group_cumsum(by, da.from_array(numbers, chunks=7), size=2)
    with pytest.raises(TypeError, match=r"^group_cumsum: dates have no sum"):
        mypackage.group_cumsum([0], da.from_array(np.array(["2020"], "M8[s]")))
    masked = da.ma.masked_less(da.from_array(numbers, chunks=7), 0)
    prefixes = mypackage.group_cumsum(by, masked).compute()
    assert np.array_equal(prefixes.mask, numbers < 0)
    hidden = np.ma.masked_less(numbers, 0)
    assert prefixes.tolist() == mypackage.group_cumsum(by, hidden).tolist()
