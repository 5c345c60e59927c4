"""Moving windows of pandas, xarray and dask objects: their windows, exact results."""

import numpy as np
import pytest
from reference import windowed

import mypackage

RNG = np.random.default_rng(22)
STATISTICS = ["sum", "mean", "var", "std"]


def values(count=60):
    a = RNG.standard_normal(count)
    a[RNG.random(count) < 0.15] = np.nan
    a[7] = 1e16
    return a


# -- pandas ----------------------------------------------------------------------------------------


@pytest.fixture
def pd():
    return pytest.importorskip("pandas")


@pytest.fixture
def pandas_front(pd):
    import mypackage.pandas

    return mypackage.pandas


def check_series(statistic, actual, a, start, end, least, ddof=1):
    expected = windowed(
        f"move_{statistic}", a, list(zip(start, end, strict=True)), least, ddof=ddof
    )
    np.testing.assert_array_equal(actual.to_numpy(), expected)
    assert actual.dtype == np.float64


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("closed", [None, "left", "both", "neither"])
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize(("window", "min_periods"), [(1, None), (3, 1), (4, None), (100, 2)])
def test_series(pd, pandas_front, statistic, closed, center, window, min_periods):
    a = values()
    series = pd.Series(a, index=pd.RangeIndex(5, 65), name="x")
    arguments = {"min_periods": min_periods, "center": center, "closed": closed}
    theirs = series.rolling(window, **arguments)
    ours = pandas_front.rolling(series, window, **arguments)
    result = getattr(ours, statistic)()
    start, end = theirs._get_window_indexer().get_window_bounds(60, min_periods, center, closed)
    least = window if min_periods is None else min_periods
    check_series(statistic, result, a, start.tolist(), end.tolist(), least)
    pd.testing.assert_index_equal(result.index, series.index)
    assert result.name == "x"
    # pandas agrees where nothing large was in the way.
    expected = getattr(theirs, statistic)().to_numpy()
    before = slice(0, 7 - window if center else 7)
    np.testing.assert_allclose(result.to_numpy()[before], expected[before], rtol=1e-9, atol=1e-12)
    pd.testing.assert_series_equal(ours.count(), theirs.count())


def test_min_periods_0(pd, pandas_front):
    series = pd.Series([np.nan, np.nan, 1.0])
    assert pandas_front.rolling(series, 2, min_periods=0).sum().tolist() == [0.0, 0.0, 1.0]
    assert np.isnan(pandas_front.rolling(series, 2, min_periods=0).mean()[:2]).all()
    assert pandas_front.rolling(series, 0, min_periods=0).sum().tolist() == [0.0, 0.0, 0.0]
    long = pandas_front.rolling(series, 9, min_periods=1).sum()
    np.testing.assert_array_equal(long, [np.nan, np.nan, 1.0])


@pytest.mark.parametrize("statistic", STATISTICS)
def test_offsets_and_on(pd, pandas_front, statistic):
    a = values(20)
    times = pd.Timestamp("2020") + pd.to_timedelta(np.sort(RNG.integers(0, 40, 20)), unit="s")
    series = pd.Series(a, index=times)
    ours = getattr(pandas_front.rolling(series, "5s"), statistic)()
    theirs = series.rolling("5s")
    start, end = theirs._get_window_indexer().get_window_bounds(20, 1, False, None)
    check_series(statistic, ours, a, start.tolist(), end.tolist(), 1)
    table = pd.DataFrame({"t": times, "x": a, "n": range(20)})
    ours = getattr(pandas_front.rolling(table, "5s", on="t"), statistic)()
    theirs = getattr(table.rolling("5s", on="t"), statistic)()
    assert list(ours.columns) == list(theirs.columns)
    pd.testing.assert_series_equal(ours["t"], theirs["t"])
    check_series(statistic, ours["x"], a, start.tolist(), end.tolist(), 1)
    check_series(statistic, ours["n"], np.arange(20), start.tolist(), end.tolist(), 1)


def test_step_and_indexers(pd, pandas_front):
    series = pd.Series(values(20))
    ours = pandas_front.rolling(series, 3, step=4).sum()
    assert ours.index.tolist() == [0, 4, 8, 12, 16]
    check_series("sum", ours, series.to_numpy(), [0, 2, 6, 10, 14], [1, 5, 9, 13, 17], 3)
    indexer = pd.api.indexers.FixedForwardWindowIndexer(window_size=3)
    ours = pandas_front.rolling(series, indexer, min_periods=1).mean()
    end = [min(i + 3, 20) for i in range(20)]
    check_series("mean", ours, series.to_numpy(), range(20), end, 1)


def test_no_rows(pd, pandas_front):
    """pandas asks an indexer for the bounds of no windows."""
    forward = pd.api.indexers.FixedForwardWindowIndexer(window_size=2)
    empty = pd.Series([], dtype=float)
    for given in (empty, empty.to_frame("x"), pd.DataFrame({"x": pd.array([], "Int64")})):
        for options in (
            {"window": "2D"},
            {"window": 2, "step": 2},
            {"window": forward, "center": True},
            {"window": forward, "closed": "left"},
        ):
            ours = pandas_front.rolling(given, **options).mean()
            theirs = given.rolling(**options).mean()
            assert ours.shape == theirs.shape and ours.index.equals(theirs.index)
    with pytest.raises(ValueError, match="center=True"):
        pandas_front.rolling(pd.Series([1.0]), forward, center=True).sum()


def test_times_of_other_labels_and_of_none(pd, pandas_front):
    """`on` is a label of any type, or the times themselves, a level of the index say."""
    times = pd.date_range("2030", periods=4)
    levels = pd.MultiIndex.from_arrays([times, list("abab")])
    table = pd.DataFrame({"x": [1.0, 2.0, 4.0, 8.0]}, index=levels)
    ours = pandas_front.rolling(table, "2D", on=times).sum()
    pd.testing.assert_frame_equal(ours, table.rolling("2D", on=times).sum())
    for on in (0, ("a", 0)):
        table = pd.DataFrame([*zip(times, [1.0, 2.0, 4.0, 8.0], strict=True)], columns=[on, "x"])
        ours = pandas_front.rolling(table, "2D", on=on).sum()
        pd.testing.assert_frame_equal(ours, table.rolling("2D", on=on).sum())
    # Without `on`, a column that is called None is one of numbers.
    table = pd.DataFrame([[1.0], [2.0]], columns=[None])
    assert pandas_front.rolling(table, 2).sum().iloc[1, 0] == 3.0


@pytest.mark.parametrize("chosen", [None, "x", ["x", "n"]])
@pytest.mark.parametrize("by", ["k", ["k", "n"]])
def test_groups_whose_keys_are_columns(pd, pandas_front, by, chosen):
    """With as_index=False the result has the keys as columns, as pandas' own."""
    table = pd.DataFrame({"k": list("abab"), "x": [1.0, 2.0, 4.0, 8.0], "n": [1, 2, 1, 3]})
    groups = table.groupby(by, as_index=False)
    if chosen is not None:
        groups = groups[chosen]
    ours = pandas_front.rolling(groups, 2, min_periods=1).mean()
    pd.testing.assert_frame_equal(ours, groups.rolling(2, min_periods=1).mean())


@pytest.mark.parametrize("statistic", STATISTICS)
def test_groups(pd, pandas_front, statistic):
    table = pd.DataFrame({"k": list("abcab") * 6, "x": values(30), "n": np.arange(30)})
    for windows in (
        lambda x: (x.rolling(3, min_periods=1), pandas_front.rolling(x, 3, min_periods=1)),
        lambda x: (x.expanding(), pandas_front.expanding(x)),
    ):
        for grouped in (table.groupby("k"), table.groupby("k")["x"]):
            theirs, ours = (getattr(one, statistic)() for one in windows(grouped))
            assert type(ours) is type(theirs)
            pd.testing.assert_index_equal(ours.index, theirs.index)
            column = ours if ours.ndim == 1 else ours["x"]
            for key in "abc":
                a = table["x"][table["k"] == key].to_numpy()
                start = [
                    0 if "expanding" in repr(windows(grouped)[1]) else max(i - 2, 0)
                    for i in range(len(a))
                ]
                check_series(statistic, column.loc[key], a, start, range(1, len(a) + 1), 1)


def test_dtypes(pd, pandas_front):
    large = [2**62 + 1, 2**62 + 3, None, 5]
    nullable = pd.Series(large, dtype="Int64")
    result = pandas_front.rolling(nullable, 2, min_periods=1).mean()
    assert result.tolist() == [2.0**62, 2.0**62, 2.0**62, 5.0]
    table = pd.DataFrame(
        {
            "f4": np.array([0.1, 0.2, 0.3], "f4"),
            "b": [True, False, True],
            "u": np.array([2**64 - 1, 1, 1], "u8"),
        }
    )
    sums = pandas_front.rolling(table, 2, min_periods=1).sum()
    assert (sums.dtypes == np.float64).all()
    assert sums["f4"][1] == np.float64(np.float32(0.1)) + np.float64(np.float32(0.2))
    assert sums["b"].tolist() == [1.0, 1.0, 1.0]
    assert sums["u"].tolist() == [2.0**64, 2.0**64, 2.0]
    twice = pd.DataFrame([[1.0, 2.0], [3.0, 5.0]], columns=["x", "x"])
    assert pandas_front.rolling(twice, 2).sum().iloc[1].tolist() == [4.0, 7.0]


def test_infinities_are_numbers(pd, pandas_front):
    series = pd.Series([1.0, np.inf, 2.0, 3.0])
    assert pandas_front.rolling(series, 2).sum().tolist()[1:] == [np.inf, np.inf, 5.0]


def test_what_is_refused(pd, pandas_front):
    series = pd.Series([1.0, 2.0])
    with pytest.raises(TypeError, match="win_type"):
        pandas_front.rolling(series, 2, win_type="triang")
    with pytest.raises(TypeError, match="method"):
        pandas_front.rolling(series.to_frame(), 2, method="table")
    with pytest.raises(ValueError, match="window"):
        pandas_front.rolling(series, -1)
    with pytest.raises(TypeError, match="complex"):
        pandas_front.rolling(pd.Series([1j, 2]), 2).sum()
    dates = pd.Series(pd.date_range("2020", periods=3), name="when")
    for times in (dates, dates - dates[0], pd.DataFrame({"when": dates})):
        with pytest.raises(TypeError, match=r"rolling: column 'when' of dtype .*int64"):
            pandas_front.rolling(times, 2).mean()
    assert pandas_front.rolling((dates - dates[0]).astype("int64"), 2).sum().iloc[1] > 0
    with pytest.raises(TypeError, match=r"expanding: a column of dtype object .*float"):
        pandas_front.expanding(pd.Series([1, 2], dtype=object)).sum()


# -- xarray ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize(("window", "min_periods"), [(1, None), (3, 1), (4, None), (9, 3)])
@pytest.mark.parametrize("chunks", [None, 1, 4, 10])
# (That of older releases of xarray.)
@pytest.mark.filterwarnings("ignore:Degrees of freedom:RuntimeWarning")
def test_data_arrays(statistic, center, window, min_periods, chunks):
    xr = pytest.importorskip("xarray")
    import mypackage.xarray

    a = np.stack([values(20), values(20)], 1).astype("f4")
    array = xr.DataArray(
        a, dims=("t", "p"), coords={"t": np.arange(20) * 2}, name="x", attrs={"units": "m"}
    )
    if chunks is not None:
        pytest.importorskip("dask")
        array = array.chunk({"t": chunks})
    arguments = {"min_periods": min_periods, "center": center}
    windows = mypackage.xarray.rolling(array, t=window, **arguments)
    result = getattr(windows, statistic)()
    assert result.chunks is None if chunks is None else result.chunks is not None
    behind = window - 1 - window // 2 if center else 0
    bounds = [
        (min(max(i + behind + 1 - window, 0), 20), min(i + behind + 1, 20)) for i in range(20)
    ]
    least = window if min_periods is None else min_periods
    expected = windowed(f"move_{statistic}", a, bounds, least, axis=0)
    np.testing.assert_array_equal(result.values, expected)
    assert (result.dtype, result.name, result.attrs) == (np.float32, "x", {"units": "m"})
    # xarray has its results at the same places.
    theirs = getattr(array.astype(float).rolling(t=window, **arguments), statistic)()
    xr.testing.assert_identical(result.isnull(), theirs.isnull())
    xr.testing.assert_identical(windows.count(), array.rolling(t=window, **arguments).count())


def test_datasets_and_refusals():
    xr = pytest.importorskip("xarray")
    import mypackage.xarray

    data = xr.Dataset({"x": ("t", [1.0, 2.0, 4.0]), "y": ("p", [1.0])}, {"p": [5]}, {"unit": "m"})
    result = mypackage.xarray.rolling(data, {"t": 2}).sum()
    xr.testing.assert_identical(result, data.rolling(t=2).sum())
    assert list(result) == ["x", "y"] and result.attrs == data.attrs
    np.testing.assert_array_equal(result.x, [np.nan, 3.0, 6.0])
    assert np.isnan(mypackage.xarray.rolling(data.x, t=5).sum()).all()
    with pytest.raises(TypeError, match="one dimension"):
        mypackage.xarray.rolling(data, t=2, p=1)
    with pytest.raises(ValueError, match="no dimension"):
        mypackage.xarray.rolling(data, q=2)
    with pytest.raises(ValueError, match="at least 1"):
        mypackage.xarray.rolling(data, t=2, min_periods=0)
    with pytest.raises(TypeError, match="integer"):
        mypackage.xarray.rolling(data, t=2.0)
    moved = mypackage.move_sum(data.x, 2)
    assert isinstance(moved, xr.DataArray)
    np.testing.assert_array_equal(moved, [np.nan, 3.0, 6.0])


# -- dask ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["move_sum", "move_mean", "move_var", "move_std"])
@pytest.mark.parametrize("chunks", [(7, 3), (60, 1), (1, 2), ((30, 2, 28), 3)])
def test_dask_arrays(name, chunks):
    da = pytest.importorskip("dask.array")
    a = np.stack([values(), values(), values()], 1)
    lazy = da.from_array(a, chunks)
    for window, min_count in [(1, None), (5, 2), (40, None), (60, 1)]:
        result = getattr(mypackage, name)(lazy, window, min_count, axis=0)
        assert isinstance(result, da.Array)
        expected = getattr(mypackage, name)(a, window, min_count, axis=0)
        np.testing.assert_array_equal(result.compute(), expected)
        assert result.dtype == expected.dtype
    for arguments in ((0,), (61,), (2, 3), (2.0,), (2, 1, 5)):
        with pytest.raises((ValueError, TypeError)):
            getattr(mypackage, name)(lazy[:, 0] if len(arguments) < 3 else lazy, *arguments)


# -- Sums of too few values are missing ------------------------------------------------------------


def test_min_count(pd, pandas_front):
    assert pandas_front.sum(pd.Series([1, 2]), min_count=2) == 3
    assert np.isnan(pandas_front.sum(pd.Series([1, 2]), min_count=3))
    assert pandas_front.sum(pd.Series([1, None], dtype="Int64"), min_count=2) is pd.NA
    table = pd.DataFrame({"x": [1.0, np.nan, 2.0], "n": [1, 2, 3]})
    sums = pandas_front.sum(table, min_count=3)
    assert np.isnan(sums["x"])
    assert sums["n"] == 6
    rows = pandas_front.sum(table, axis=1, min_count=2)
    np.testing.assert_array_equal(rows, [2.0, np.nan, 5.0])
    assert np.isnan(pandas_front.sum(table, axis=None, min_count=6))


def test_min_count_of_xarray_and_arrow():
    xr = pytest.importorskip("xarray")
    import mypackage.xarray

    array = xr.DataArray([[1.0, np.nan], [2.0, 3.0]], dims=("t", "p"))
    sums = mypackage.xarray.sum(array, "t", min_count=2)
    np.testing.assert_array_equal(sums, [3.0, np.nan])
    assert np.isnan(mypackage.xarray.sum(xr.DataArray([1, 2], dims="t"), min_count=3))
    pa = pytest.importorskip("pyarrow")
    import mypackage.arrow

    column = pa.array([1, None, 2])
    assert mypackage.arrow.sum(column, skip_nulls=True, min_count=3) is None
    assert mypackage.arrow.mean(column, skip_nulls=True, min_count=2) == 1.5
