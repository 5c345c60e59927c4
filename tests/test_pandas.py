"""pandas: what pandas would give, were its sums exact."""

import importlib

import numpy as np
import pytest
from reference import exact_sum

import mypackage

pd = pytest.importorskip("pandas")
mp = importlib.import_module("mypackage.pandas")

WILD = [1e16, 1.0, np.nan, -1e16, 0.1, 0.2]
LARGE = 2**60 + 1


def frame():
    return pd.DataFrame({"x": WILD, "n": range(6), "flag": [True, False] * 3})


def test_series():
    series = frame()["x"]
    assert mypackage.sum(series) == exact_sum(series.dropna())
    assert mypackage.sum(series) == mypackage.nansum(series) == mp.sum(series)
    assert np.isnan(mp.sum(series, skipna=False))
    assert mypackage.mean(series) == mypackage.mean(series.dropna().to_numpy())
    assert mypackage.sum(series, dtype="f4").dtype == np.float32


@pytest.mark.filterwarnings("ignore:Arrow")
@pytest.mark.parametrize("dtype", ["Int64", "Float64", "int64[pyarrow]"])
def test_nullable(dtype):
    if "arrow" in dtype:
        pytest.importorskip("pyarrow")
    series = pd.Series([LARGE, None, 2], dtype=dtype)
    # Float64 holds 2**60 of it.
    expected = LARGE + 2 if "nt64" in dtype else 2.0**60 + 2
    assert mypackage.sum(series) == expected
    assert mp.sum(series, skipna=False) is pd.NA
    assert mypackage.mean(series) == expected / 2


def test_frames():
    table = frame()
    columns = mypackage.sum(table, axis=0)
    assert isinstance(columns, pd.Series)
    assert columns.to_dict() == {"x": exact_sum(table.x.dropna()), "n": 15, "flag": 3}
    rows = mypackage.sum(table, axis=1)
    assert rows.index.equals(table.index)
    assert rows.tolist() == [
        exact_sum(x for x in row if x == x) for row in table.astype(float).values
    ]
    assert mypackage.sum(table) == exact_sum(table.astype(float).stack().dropna())
    assert mypackage.mean(table, axis=1).iloc[2] == 1.5
    poisoned = mp.sum(table, axis=1, skipna=False)
    assert np.isnan(poisoned.iloc[2]) and poisoned.notna().sum() == 5


def test_agrees_with_pandas_where_pandas_is_exact():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.integers(-9, 9, (20, 4)).astype(float))
    table = table.mask(rng.random((20, 4)) < 0.3)
    table.loc[3] = np.nan
    for name in ("sum", "mean"):
        for skipna in (True, False):
            for axis in (0, 1):
                ours = getattr(mp, name)(table, axis, skipna=skipna)
                pd.testing.assert_series_equal(ours, getattr(table, name)(axis=axis, skipna=skipna))


def test_groups():
    table = frame().assign(k=["a", "b", "a", "a", None, "b"])
    result = mp.group_sum(table, "k")
    assert result.index.tolist() == ["a", "b"] and result.index.name == "k"
    assert result["x"].tolist() == [0.0, 1.2]
    assert result["n"].tolist() == [5, 6]
    expected = table.groupby("k").mean()
    assert mp.group_mean(table, "k")["n"].tolist() == expected["n"].tolist()
    series = mp.group_mean(table.x, table.k)
    assert series.name == "x" and series["b"] == 0.6
    assert np.isnan(mp.group_mean(table.x, [0, 0, 1, 0, 0, 0])[1])
    assert mp.group_sum(table.n, table.k, dropna=False).tolist() == [5, 6, 4]
    nullable = pd.Series([LARGE, None, 2], dtype="Int64")
    assert mp.group_sum(nullable, [0, 0, 0]).tolist() == [LARGE + 2]


def test_keys_of_groups():
    """What pandas' groupby takes; numbers that both add exactly."""
    table = pd.DataFrame(
        {"k": [2, 1, 2, None, 1], "l": list("babcb"), "x": [1.0, 2, 3, 4, 5], "n": range(5)},
        index=list("vwxyz"),
    )
    same = pd.testing.assert_frame_equal
    for dropna in (True, False):
        for by in ("k", ["k"], ["k", "l"], ["l", "k"]):
            data = table if by != "k" and len(by) > 1 else table.drop(columns="l")
            ours = mp.group_sum(data, by, dropna=dropna)
            same(ours, data.groupby(by, dropna=dropna).sum())
    numbers = table[["x", "n"]]
    for by in ({"v": 1, "w": 1, "x": 2}, ord, "vwxyz".index):
        same(mp.group_mean(numbers, by), numbers.groupby(by).mean())
    same(
        mp.group_sum(numbers.set_axis(["a", "a"], axis=1), [0, 0, 1, 1, 1]).T.reset_index(),
        numbers.set_axis(["a", "a"], axis=1).groupby([0, 0, 1, 1, 1]).sum().T.reset_index(),
    )
    assert mp.group_sum(table[["k"]], "k").shape == (2, 0)
    for a in (table, table.x):
        with pytest.raises(KeyError, match="other"):
            mp.group_sum(a, "other")


def test_refusals():
    table = pd.DataFrame({"x": [1.0], "s": ["a"]})
    with pytest.raises(TypeError, match=r"column 's'.*select_dtypes"):
        mypackage.sum(table)
    # As text is before pandas 3.
    objects = table.astype({"s": object})
    for function in (mypackage.sum, mypackage.mean, mypackage.cumsum):
        with pytest.raises(TypeError, match=r"column 's' of dtype object: .* str; .*select_dtypes"):
            function(objects)
    with pytest.raises(TypeError, match="takes no keepdims="):
        mypackage.sum(table, keepdims=True)
    for axis in ((0, 1, 5), (1, 1), 2, "lines"):
        with pytest.raises(ValueError, match="axis"):
            mypackage.sum(table[["x"]], axis=axis)
    with pytest.raises(ValueError, match="no axis 1"):
        mypackage.sum(table.x, axis=1)
    with pytest.raises(ValueError, match="by has 2 values, but there are 1 rows"):
        mp.group_sum(table.x, [0, 1])


def test_cumulative_sums():
    """A missing value stays missing; integers stay exact."""
    series = pd.Series([1e16, 1.0, np.nan, -1e16], index=list("abcd"), name="x")
    result = mypackage.cumsum(series)
    wanted = pd.Series([1e16, 1e16, np.nan, 1.0], index=list("abcd"), name="x")
    pd.testing.assert_series_equal(result, wanted)
    big = pd.Series([2**60 + 1, None, 1], dtype="Int64")
    assert mypackage.cumsum(big).tolist() == [2**60 + 1, pd.NA, 2**60 + 2]
    table = pd.DataFrame({"x": [0.5, 0.25], "n": [2**62, 1]}, index=[7, 8])
    for axis in (None, 0):
        pd.testing.assert_frame_equal(mypackage.cumsum(table, axis), table.cumsum())
    assert mypackage.cumsum(table[[]]).shape == (2, 0)
    assert mypackage.cumsum(table["x"], dtype="f4").dtype == np.float32
    with pytest.raises(ValueError, match=r"axis must be 0, not 1; .*a\.T"):
        mypackage.cumsum(table, 1)
    with pytest.raises(TypeError, match="column 'x' of dtype"):
        mypackage.cumsum(pd.DataFrame({"x": ["a"]}))
    with pytest.raises(TypeError, match="takes no out="):
        mypackage.cumsum(series, out=np.zeros(4))


# Times in tables

DAYS = pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-04"]).as_unit("ns")


def test_dates_of_a_table_are_no_numbers():
    table = pd.DataFrame({"a": DAYS, "b": DAYS + pd.Timedelta(2, "h")})
    assert mypackage.mean(table) == DAYS.mean() + pd.Timedelta(1, "h")
    assert mypackage.mean(table, axis=1).tolist() == (DAYS + pd.Timedelta(1, "h")).tolist()
    assert mypackage.mean(table, axis=1).dtype == "M8[ns]"
    assert mypackage.average(table) == mypackage.mean(table)
    for axis in (None, 0, 1):
        with pytest.raises(TypeError, match="dates have no sum"):
            mypackage.sum(table, axis=axis)


def test_times_beside_numbers():
    for times, mean in (
        (DAYS, DAYS.mean()),
        (pd.to_timedelta([1, 2, 4], "s"), pd.Timedelta(7 / 3, "s").round("us")),
    ):
        table = pd.DataFrame({"t": times, "x": [1, 2, 4]})
        for function in (mypackage.mean, mypackage.average):
            result = function(table, axis=0)
            assert abs(result["t"] - mean) < pd.Timedelta("1us") and result["x"] == 7 / 3
            for axis in (None, 1):
                with pytest.raises(TypeError, match=r"column 't' of .* another kind"):
                    function(table, axis=axis)
        weighted = mypackage.average(table, axis=0, weights=pd.Series([2, 0, 0], index=[2, 1, 0]))
        assert weighted["t"] == times[2] and weighted["x"] == 4
    both = pd.DataFrame({"t": pd.to_timedelta([1], "s"), "d": DAYS[:1]})
    with pytest.raises(TypeError, match="another kind"):
        mypackage.mean(both, axis=1)


def test_missing_times_of_rows():
    table = pd.DataFrame(
        {"a": pd.to_timedelta([1, None], "s"), "b": pd.to_timedelta([4, None], "s")}
    )
    means = mypackage.mean(table, axis=1)
    assert means[0] == pd.Timedelta(2.5, "s") and means[1] is pd.NaT
    table.loc[1, "b"] = pd.Timedelta(3, "s")
    sums = mp.sum(table, axis=1, skipna=False)
    assert sums[0] == pd.Timedelta(5, "s") and sums[1] is pd.NaT
    assert mypackage.sum(table, axis=1)[1] == pd.Timedelta(3, "s")
    objects = pd.DataFrame({"a": [10**30, None], "b": [1, None]}, dtype=object)
    assert mypackage.mean(objects, axis=1)[0] == (10**30 + 1) / 2
    assert np.isnan(mypackage.mean(objects, axis=1)[1])


def test_time_zones_of_tables_and_groups():
    times = pd.Series(DAYS).dt.tz_localize("Europe/Berlin")
    table = pd.DataFrame({"a": times, "b": times})
    # (Time zones of pytz, which pandas 2 makes, differ by the date.)
    assert str(mypackage.mean(table).tz) == str(times.dt.tz)
    assert mypackage.mean(table, axis=1).dtype == times.dtype
    assert mypackage.mean(table, axis=1).tolist() == times.tolist()
    other = table.assign(b=times.dt.tz_convert("UTC"))
    zones = [str(times.dt.tz), str(other["b"].dt.tz)]
    assert [str(one.tz) for one in mypackage.mean(other, axis=0)] == zones
    for axis in (None, 1):
        with pytest.raises(TypeError, match="time zones Europe/Berlin and UTC"):
            mypackage.mean(other, axis=axis)
    for a, pick in ((times, lambda x: x), (other, lambda x: x["a"])):
        groups = pick(mp.group_mean(a, [0, 1, 0]))
        assert groups.dtype == times.dtype
        assert groups.tolist() == [times[0] + (times[2] - times[0]) / 2, times[1]]
    with pytest.raises(TypeError, match=r"mypackage\.pandas\.group_mean"):
        mypackage.group_mean([0, 1, 0], times)
    assert mypackage.group_mean([0, 1, 0], other, axis=0)["b"].dtype == other["b"].dtype


def test_timestamps_of_arrow():
    pytest.importorskip("pyarrow")
    for dtype in ("timestamp[us][pyarrow]", "timestamp[us, tz=Europe/Berlin][pyarrow]"):
        times = pd.Series(DAYS).astype(dtype)
        assert mypackage.mean(times) == times.astype(times.dtype).iloc[:1].item() + pd.Timedelta(
            32, "h"
        )
        assert str(mypackage.mean(times).tz) == str(times.dt.tz)
        times[1] = None
        assert mypackage.nanmean(times) == times[0] + (times[2] - times[0]) / 2
        with pytest.raises(TypeError, match="dates have no sum"):
            mypackage.sum(times)


def test_dot_products_go_by_label():
    s = pd.Series([1e16, 1.0, -1e16], index=list("abc"))
    other = pd.Series([1, 3, 1], index=list("cba"), dtype="Int64")
    assert mypackage.vecdot(s, other) == mypackage.vecdot(other, s) == 3
    assert mypackage.vecdot(s, [1, 3, 1]) == mypackage.vecdot([1, 3, 1], s) == 3
    # A pair of which one is missing is left out.
    assert mypackage.vecdot(s, pd.Series([1, None, 1], index=list("abc"), dtype="Int64")) == 0
    assert mypackage.vecdot(s, np.ma.array([1, 5, 1], mask=[0, 1, 0])) == 0
    assert mypackage.vecdot(pd.Series([1 + 1j]), pd.Series([2j])) == 2 + 2j
    large = pd.Series([2**62, 2**62 + 1, -1])
    assert mypackage.vecdot(large, pd.Series([1, -1, 0])) == -1
    same = pd.Series([1, 2], index=[0, 0])
    assert mypackage.vecdot(same, same) == 5
    with pytest.raises(ValueError, match=r"^vecdot: the label 'a' of the elements is not"):
        mypackage.vecdot(s, other.rename({"a": "z"}))
    with pytest.raises(ValueError, match=r"^vecdot: the label 0 of the elements is not"):
        mypackage.vecdot(pd.Series([1.0]), pd.Series([1.0], index=[5]))
    with pytest.raises(ValueError, match=r"shapes \(3,\) and \(2,\)"):
        mypackage.vecdot(s, [1, 2])
    with pytest.raises(TypeError, match="each column's"):
        mypackage.vecdot(s.to_frame(), s)


@pytest.mark.parametrize(
    "dtype", ["Int64", "Float64", "int64[pyarrow]", "double[pyarrow]", "float64"]
)
@pytest.mark.parametrize("values", [[], [None, None], [1, None], [5]])
def test_missing_results_are_of_the_owners_kind(dtype, values):
    """NA for nullable dtypes, as pandas' own methods give it; NaN for NumPy's."""
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    series = pd.Series(values, dtype=dtype)
    for kind in (series, pd.Index(series), series.array):
        for name in ("sum", "mean", "var", "std"):
            for skipna in (True, False):
                ddof = {} if name in ("sum", "mean") else {"ddof": 1}
                expected = getattr(series, name)(skipna=skipna, **ddof)
                result = getattr(mypackage.pandas, name)(kind, skipna=skipna, **ddof)
                assert (result is pd.NA) == (expected is pd.NA), (name, skipna)
                assert expected is pd.NA or np.array_equal(result, expected, equal_nan=True)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_nan_among_nullable_numbers_stays():
    numbers = pd.Series(
        pd.arrays.FloatingArray(np.array([np.inf, -np.inf]), np.array([False, False]))
    )
    assert np.isnan(mypackage.sum(numbers)) and np.isnan(mypackage.var(numbers))


@pytest.mark.parametrize(
    "dtype", ["Int64", "boolean", "Float64", "int64[pyarrow]", "double[pyarrow]"]
)
def test_results_of_nullable_columns_are_nullable(dtype):
    """As of pandas' own methods: the dtype too, and NA where there is no result."""
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    values = [True, None] if dtype == "boolean" else [1, None]
    frame = pd.DataFrame({"a": pd.array(values, dtype), "b": pd.array([None, None], dtype)})
    for table in (frame, frame.assign(c=[1.5, 2.5]), frame[["b"]]):
        for name in ("sum", "mean", "var", "std"):
            ddof = {} if name in ("sum", "mean") else {"ddof": 0}
            for skipna in (True, False):
                ours = getattr(mypackage.pandas, name)(table, skipna=skipna)
                pd.testing.assert_series_equal(ours, getattr(table, name)(skipna=skipna, **ddof))
        assert mypackage.mean(table[["b"]], axis=None) is pd.NA
        assert mypackage.var(table[["b"]], axis=None) is pd.NA
        rows = mypackage.pandas.mean(table, axis=1)
        assert rows.isna().tolist() == table.isna().all(axis=1).tolist()


def test_integers_beside_missing_results_are_not_rounded():
    for dtype in ("Int64", "UInt64"):
        frame = pd.DataFrame({"a": [2**53 + 1, None], "b": [0, 0]}, dtype=dtype)
        for result in (
            mypackage.pandas.sum(frame, axis=1, skipna=False),
            mypackage.pandas.sum(frame, axis=1, min_count=2),
            mypackage.pandas.sum(frame, axis=1, skipna=False, dtype=np.int64),
            mypackage.pandas.sum(frame.T, skipna=False),
        ):
            assert result.tolist() == [2**53 + 1, pd.NA]
    beside = pd.DataFrame({"a": pd.array([2**53 + 1], "Int64"), "b": [0.5]})
    with pytest.raises(OverflowError, match="column 'a' does not fit float64"):
        mypackage.pandas.sum(beside)
    nan = pd.arrays.FloatingArray(np.array([np.inf, -np.inf]), np.array([False, False]))
    with np.errstate(invalid="ignore"):
        result = mypackage.pandas.sum(pd.DataFrame({"a": nan, "b": pd.array([None, 1], "Float64")}))
    assert result.array._mask.tolist() == [False, False] and np.isnan(result.array._data[0])


def test_missing_times_of_columns_are_of_the_same_kind():
    spans = pd.DataFrame({"a": np.array(["NaT", "NaT"], "m8[ms]"), "b": np.array([1, 2], "m8[ms]")})
    for table in (spans, spans[["a"]], spans[["b"]]):
        for name in ("sum", "mean", "std"):
            ours = getattr(mypackage.pandas, name)(table, skipna=False)
            assert ours.dtype == "m8[ms]", name
            assert ours.isna().tolist() == [column == "a" for column in table]
    for zone in (None, "Europe/Berlin"):
        dates = pd.DataFrame({"a": pd.Series(np.array(["NaT"], "M8[ms]"))}).apply(
            lambda x, zone=zone: x.dt.tz_localize(zone)
        )
        assert mypackage.pandas.mean(dates).dtype == dates["a"].dtype


class Column(pd.Series):
    """A subclass as by pandas' guide to them."""

    @property
    def _constructor(self):
        return Column

    @property
    def _constructor_expanddim(self):
        return Table


class Table(pd.DataFrame):
    @property
    def _constructor(self):
        return Table

    @property
    def _constructor_sliced(self):
        return Column


def test_attributes_and_subclasses_are_kept():
    table = Table({"x": [1.0, 2.0, 4.0], "k": [1, 1, 2]})
    nullable = table.astype("Float64")
    table.attrs = nullable.attrs = {"units": "m", "points": np.arange(2)}
    column = table["x"]
    of_table = [
        *(getattr(mp, name)(table) for name in ("sum", "mean", "var", "std", "norm", "cumsum")),
        mp.sum(table, axis=1),
        mp.std(table, axis=1),
        mp.sum(nullable),
        mp.var(nullable),
        mypackage.sum(table, axis=0),
        mypackage.average(table, axis=0),
        mp.group_sum(table, "k"),
        mp.group_var(table, "k"),
    ]
    of_column = [mp.cumsum(column), mp.group_mean(column, [1, 1, 2])]
    for result in (*of_table, *of_column):
        assert isinstance(result, (Column, Table))
        assert result.attrs["units"] == "m" and result.attrs["points"].tolist() == [0, 1]
    for statistic in ("sum", "var"):
        for given in (table, column):
            ours, theirs = (getattr(f(given), statistic)() for f in (two_of_ours, two_of_theirs))
            assert type(ours) is type(theirs) is type(given) and ours.attrs == theirs.attrs
    assert mp.expanding(column).sum().tolist() == [1, 3, 7]


def two_of_ours(given):
    return mp.rolling(given, 2)


def two_of_theirs(given):
    return given.rolling(2)


def test_sums_of_too_few_are_missing_as_in_pandas():
    times = pd.Series(pd.to_timedelta([1, None], "s"))
    for given, missing in (
        (times, pd.NaT),
        (times.to_frame(), pd.NaT),
        (pd.Series([1, np.nan], dtype="f4"), np.float32(np.nan)),
        (pd.Series([1, np.nan], dtype="f4").to_frame(), np.float32(np.nan)),
        (pd.Series(pd.arrays.SparseArray([1, np.nan])), np.float64(np.nan)),
        (pd.Series([1, None], dtype="Int64").to_frame(), pd.NA),
        (pd.Index([1, np.nan]), np.float64(np.nan)),
    ):
        found = mp.sum(given, None, min_count=2)
        assert type(found) is type(missing) and (pd.isna(found) is True or found != found)
        assert not pd.isna(mp.sum(given, None, min_count=1))
    table = pd.DataFrame({"x": [2.0**53, 1.0], "y": [1.0, np.nan]})
    found = mp.sum(table, min_count=2, dtype=np.int64)
    assert found.dtype == "Int64" and found.tolist() == [2**53 + 1, pd.NA]


def test_labelled_arguments_that_are_not_taken():
    series = pd.Series([1.0, 2.0])
    for given in (series, series.to_frame(), series.to_numpy()):
        for name in ("weights", "mean"):
            with pytest.raises(TypeError, match=f"^var: a pandas object takes no {name}="):
                mypackage.var(series, **{name: given})


@pytest.mark.parametrize("given", [[1.0, 2.0], None, 1.0, np.ones(2)])
def test_plain_input_is_refused_with_what_to_give(given):
    for name in ("sum", "mean", "var", "std", "norm", "cumsum"):
        message = f"^{name}: give a Series or a DataFrame, not {type(given).__name__}; mypackage"
        with pytest.raises(TypeError, match=f"{message}.{name} takes arrays and lists$"):
            getattr(mp, name)(given)


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "int64[pyarrow]", "double[pyarrow]"])
@pytest.mark.parametrize("values", [[1, 2, 4, 8, None], [1, 2, 4, 8, 16]])
def test_prefixes_and_groups_of_nullable_numbers_are_nullable(dtype, values):
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    keys = [0, 0, 0, 1, 2]
    column = pd.Series(values, dtype=dtype, name="x")
    grouping = column.groupby(keys)
    pd.testing.assert_series_equal(mp.cumsum(column), column.cumsum())
    for name in ("sum", "mean", "var", "std"):
        ours = getattr(mp, f"group_{name}")(column, keys)
        pd.testing.assert_series_equal(ours, getattr(grouping, name)())
    table = mp.group_var(pd.DataFrame({"x": column, "k": keys}), "k", ddof=2.5)
    assert table["x"].isna().tolist() == [False, True, True]
    assert table["x"].dtype == column.groupby(keys).var().dtype


def test_nan_among_prefixes_and_groups_of_nullable_numbers_stays():
    numbers, missing = np.array([0.0, np.nan, 3.0]), np.array([False, False, True])
    values = pd.Series(pd.arrays.FloatingArray(numbers, missing))
    for result in (mp.cumsum(values), mp.group_mean(values, [0, 1, 2])):
        assert result.isna().tolist()[2] and result.array[2] is pd.NA
        assert result.iloc[0] == 0.0 and np.isnan(result.array[1])
