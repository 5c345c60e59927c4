"""Arrow columns: no copy, and no null taken for a number."""

import builtins
from fractions import Fraction

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
    with pytest.raises(ValueError, match=r"null, so they are not numbers; the column's drop_null"):
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


@pytest.mark.parametrize("given", [[1.0], None, np.ones(1)])
def test_plain_input_is_refused_with_what_to_give(given):
    for name in ("sum", "mean"):
        message = f"^{name}: give a .* polars Series, not {type(given).__name__}; mypackage.{name}"
        with pytest.raises(TypeError, match=message):
            getattr(arrow, name)(given)


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


# Timestamps

MOMENTS = [10**18 + 1, -7, 2**61 + 1, 12345]
UNITS = ["s", "ms", "us", "ns"]


@pytest.mark.parametrize("unit", UNITS)
def test_means_of_timestamps(unit):
    ticks = [x // 10**9 if unit == "s" else x for x in MOMENTS]
    for given in (ticks, ticks[:3], ticks[:2]):
        expected = np.datetime64(round(Fraction(builtins.sum(given), len(given))), unit)
        columns = [pa.array(given, pa.timestamp(unit))]
        columns.append(pa.chunked_array([columns[0][:1], columns[0][1:]]))
        if unit != "s":
            pl = pytest.importorskip("polars")
            columns.append(pl.Series(given).cast(pl.Datetime(unit)))
        for column in columns:
            assert mypackage.mean(column) == arrow.mean(column) == expected
            assert mypackage.mean(column).dtype == expected.dtype
            for function in (mypackage.sum, mypackage.nansum, mypackage.cumsum):
                with pytest.raises(TypeError, match="dates have no sum"):
                    function(column)
        holes = pa.array([*given, None], pa.timestamp(unit))
        assert mypackage.nanmean(holes) == arrow.mean(holes, skip_nulls=True) == expected
        with pytest.raises(ValueError, match=r"1 of .* values are null"):
            mypackage.mean(holes)
        # A sum is refused for what it is, and not with a way out that there is not.
        with pytest.raises(TypeError, match="dates have no sum"):
            mypackage.sum(holes)


def test_means_of_dates():
    days = [18262, 18263, 18266, None]
    for column in (pa.array(days, pa.date32()), pa.array(days, pa.int32()).cast(pa.date32())):
        assert mypackage.nanmean(column) == np.datetime64(18264, "D")
    assert mypackage.nanmean(
        pa.array(days[:2]).cast(pa.int32()).cast(pa.date32())
    ) == np.datetime64(18262, "D")
    pl = pytest.importorskip("polars")
    assert mypackage.nanmean(pl.Series(days).cast(pl.Date)) == np.datetime64(18264, "D")
    assert mypackage.mean(pa.array([0, 86400000], pa.date64())) == np.datetime64(43200000, "ms")
    with pytest.raises(TypeError, match="no exact sum of time64"):
        mypackage.mean(pa.array([1], pa.time64("us")))


def test_time_zones_are_kept():
    ticks, zone = [1_600_000_000_001_001, 1_600_000_000_000_000, 5], "Europe/Berlin"
    expected = round(Fraction(builtins.sum(ticks), 3))
    column = pa.array(ticks, pa.timestamp("us", zone))
    for one in (column, pa.chunked_array([column]), pa.array([*ticks, None], column.type)):
        result = mypackage.nanmean(one)
        assert result == pa.scalar(expected, column.type) and result.type == column.type
    table = mypackage.mean(pa.table({"t": column, "x": [1, 2, 6]}), axis=0)
    assert table.tolist() == [pa.scalar(expected, column.type), 3.0]
    assert mypackage.nanmean(pa.array([None], column.type)) == pa.scalar(None, column.type)
    # Where the result is an array of NumPy's, which has no zone, the column must have none.
    for call in (
        lambda x: mypackage.group_mean([0, 0, 1], x),
        lambda x: mypackage.group_nanmean([0, 0, 1], x),
        lambda x: mypackage.average(x),
        lambda x: mypackage.mean(pa.table({"t": x, "u": x}), axis=1),
    ):
        with pytest.raises(TypeError, match=r"no time zone.*cast\(pyarrow.timestamp\('us'\)\)"):
            call(column)
    result = mypackage.group_mean([0, 0, 1], column.cast(pa.timestamp("us")))
    assert result.astype(int).tolist() == [1_600_000_000_000_500, 5]


def test_time_zones_of_polars():
    pl = pytest.importorskip("polars")
    series = pl.Series([1_600_000_000_001_001, 1_600_000_000_000_000, 5])
    for unit, scale in (("ms", 1000), ("us", 1)):
        numbers = series // scale
        column = numbers.cast(pl.Datetime(unit, "Europe/Berlin"))
        ticks = round(Fraction(numbers.sum(), 3))
        expected = pl.Series([ticks]).cast(column.dtype)
        assert mypackage.mean(column) == expected[0]
        assert str(mypackage.mean(column).tzinfo) == "Europe/Berlin"
    fine = series.cast(pl.Datetime("ns", "Europe/Berlin"))
    with pytest.raises(OverflowError, match=r"mean .*replace_time_zone"):
        mypackage.mean(series.cast(pl.Datetime("ms", "UTC")))
    with pytest.raises(OverflowError, match=r"datetime does not hold the mean .*replace_time_zone"):
        mypackage.mean(fine)
    plain = fine.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    assert mypackage.mean(plain) == np.datetime64(ticks, "ns")
