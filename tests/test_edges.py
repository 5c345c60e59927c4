"""Labels, units, empty groups, columns: where a number could go wrong silently."""

import importlib
import importlib.util
import pickle
import statistics
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import gmpy2
import numpy as np
import pytest

import mypackage

BIG = 2.0**53


# -- Labels ---------------------------------------------------------------------------------------


class TestPandasLabels:
    """Of two Series, the labels are matched."""

    @pytest.fixture(autouse=True)
    def _series(self):
        self.pd = pytest.importorskip("pandas")
        self.a = self.pd.Series([BIG, 1.0, -BIG], index=list("xyz"))

    def other(self, values, labels):
        return self.pd.Series(values, index=list(labels))

    def test_reordered(self):
        weights = self.other([4.0, 1.0, 2.0], "zxy")
        assert mypackage.average(self.a, weights=weights) == (BIG + 2 - 4 * BIG) / 7
        assert mypackage.sum(self.a, where=self.other([True, True, False], "zxy")) == 0
        assert mypackage.group_sum(self.other([0, 0, 1], "zxy"), self.a).tolist() == [0.0, 1.0]

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            ("xyw", "label 'z' of the elements is not one of"),
            ("xyzw", "label 'w' of .* is not one of the elements"),
            ("xyy", "label 'y' is there more than once"),
        ],
    )
    def test_other_labels(self, labels, message):
        values = [1] * len(labels)
        for call in (
            lambda other: mypackage.average(self.a, weights=other),
            lambda other: mypackage.sum(self.a, where=other),
            lambda other: mypackage.group_sum(other, self.a),
        ):
            with pytest.raises(ValueError, match=message):
                call(self.other(values, labels))

    def test_plain_and_equal_ones_go_by_position(self):
        assert mypackage.average(self.a, weights=[1, 1, 1]) == 1 / 3
        twice = self.pd.Series([BIG, 1.0, -BIG], index=list("xxy"))
        assert mypackage.average(twice, weights=self.other([1, 1, 1], "xxy")) == 1 / 3

    def test_averages_of_frames(self):
        table = self.pd.DataFrame({"i": [2**53 + 1, -(2**53)], "f": [0.5, 1.0]}, index=["r", "s"])
        by_column = mypackage.average(table, axis=0, weights=[1, 1])
        assert by_column.to_dict() == {"i": 0.5, "f": 0.75}
        rows = self.pd.Series([3, 1], index=["f", "i"])
        by_row = mypackage.average(table, axis=1, weights=rows)
        assert by_row.to_dict() == {"r": (2**53 + 2.5) / 4, "s": (3 - 2**53) / 4}
        assert mypackage.average(table) == 2.5 / 4
        missing = self.pd.Series([1.0, None, 4.0])
        assert mypackage.average(missing, weights=[1, 100, 2]) == 3
        with pytest.raises(ValueError, match="weights must not be missing"):
            mypackage.average([1, 2, 3] * missing, weights=missing)


class TestXarrayLabels:
    """By dimension and coordinate."""

    @pytest.fixture(autouse=True)
    def _array(self):
        self.xr = pytest.importorskip("xarray")
        values = [[BIG, 1.0, -BIG], [1.0, 2.0, 3.0]]
        self.a = self.xr.DataArray(values, {"x": list("pqr")}, ("y", "x"))

    def test_reordered(self):
        weights = self.xr.DataArray([4.0, 1.0, 2.0], {"x": list("rpq")}, "x")
        result = mypackage.average(self.a, axis=1, weights=weights)
        assert result.dims == ("y",)
        assert result.values.tolist() == [(BIG + 2 - 4 * BIG) / 7, 17 / 7]
        assert result.equals(self.a.weighted(weights).mean("x"))
        where = self.xr.DataArray([False, True, True], {"x": list("rpq")}, "x")
        assert mypackage.sum(self.a, axis=1, where=where).values.tolist() == [BIG + 1, 3.0]

    def test_other_labels(self):
        for labels in ("pqs", "ppq"):
            other = self.xr.DataArray([1.0, 2.0, 3.0], {"x": list(labels)}, "x")
            for call in (
                lambda other: mypackage.average(self.a, axis=1, weights=other),
                lambda other: mypackage.sum(self.a, where=other > 0),
                lambda other: mypackage.xarray.group_sum(self.a, other.rename("k")),
            ):
                with pytest.raises(ValueError, match="label"):
                    call(other)
        stranger = self.xr.DataArray([1.0, 2.0], dims="z")
        with pytest.raises(ValueError, match="dimension 'z'"):
            mypackage.sum(self.a, where=stranger > 0)

    def test_groups(self):
        import mypackage.xarray as mx

        by = self.xr.DataArray(["b", "a", "a"], {"x": list("rpq")}, "x", name="k")
        assert mx.group_sum(self.a, by).values.tolist() == [[BIG + 1, -BIG], [3.0, 3.0]]
        table = self.xr.Dataset({"v": self.a, "n": ("y", [1, 2])})
        result = mx.group_sum(table, by)
        assert result.v.values.tolist() == [[BIG + 1, -BIG], [3.0, 3.0]]
        assert result.n.values.tolist() == [1, 2]
        for labels in (["b", "a", "b"], np.array(["b", "a", "b"])):
            one = self.xr.Dataset({"v": self.a[0], "c": 7})
            assert mx.group_sum(one.drop_vars("x"), labels).v.values.tolist() == [1.0, 0.0]
            with pytest.raises(ValueError, match="3 labels for 2 elements"):
                mx.group_sum(one.isel(x=slice(2)), labels)
        with pytest.raises(TypeError, match="give a DataArray"):
            mx.group_sum(table, ["b", "a", "b"])
        with pytest.raises(TypeError, match="several labels"):
            mx.group_sum(table.assign_coords(k=by.drop_vars("x")), ["k", "x"])
        line = self.a[0]
        assert mx.group_sum(line, ["b", "a", "b"]).values.tolist() == [1.0, 0.0]
        with pytest.raises(TypeError, match="several labels"):
            mx.group_sum(line.assign_coords(k=("x", [0, 0, 1])), ["k", "k"])
        numbers = mypackage.group_sum(self.xr.DataArray([0, 0, 1], dims="x"), self.a)
        assert numbers.dims == ("y", "group")


# -- Units ----------------------------------------------------------------------------------------


def test_astropy():
    u = pytest.importorskip("astropy.units")
    q = u.Quantity([BIG, 1.0, -BIG], "m")
    assert mypackage.sum(q) == 1 * u.m and mypackage.mean(q).unit == u.m
    assert mypackage.sum(q, initial=1 * u.km) == 1001 * u.m
    assert mypackage.average(q, weights=u.Quantity([1, 1, 1], "s")) == u.m / 3
    assert mypackage.average([3.0, 6.0], weights=u.Quantity([1, 2], "s")) == 5
    for initial in (1, 1 * u.s, 0.1 * u.cm):
        with pytest.raises(TypeError, match=r"^sum: initial="):
            mypackage.sum(q, initial=initial)
    for refused in (
        lambda: mypackage.vecdot(q, q),
        lambda: mypackage.group_sum([0, 0, 0], q),
        lambda: mypackage.ExactSum().add(q),
    ):
        with pytest.raises(TypeError, match=r"give its \.value"):
            refused()
    coordinates = pytest.importorskip("astropy.coordinates")
    places = coordinates.Longitude([350.0, 20.0], "deg")
    for result in (mypackage.sum(places), mypackage.cumsum(places), mypackage.move_sum(places, 1)):
        assert type(result) is coordinates.Angle
    assert type(mypackage.mean(places)) is coordinates.Longitude
    with pytest.raises(TypeError, match="logarithmic"):
        mypackage.sum(u.Magnitude([1.0, 2.0]))


def test_pint():
    pint = pytest.importorskip("pint")
    ureg = pint.get_application_registry()
    q = ureg.Quantity(np.array([BIG, 1.0, -BIG]), "m")
    assert mypackage.sum(q) == 1 * ureg.m and mypackage.cumsum(q).units == ureg.m
    assert mypackage.sum(q, initial=1 * ureg.km) == 1001 * ureg.m
    degrees = ureg.Quantity(np.array([10.0, 20.0]), "degC")
    assert mypackage.mean(degrees) == ureg.Quantity(15.0, "degC")
    with pytest.raises(TypeError, match="offset"):
        mypackage.sum(degrees)
    with pytest.raises(TypeError, match="has no unit"):
        mypackage.sum(q, initial=1)
    with pytest.raises(TypeError, match=r"give its \.magnitude"):
        mypackage.group_sum([0, 0, 0], q)


# -- Groups ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8", "c16"])
def test_empty_groups(dtype):
    a = np.array([1, 2], dtype)
    assert mypackage.group_sum([0, 2], a).tolist() == [1, 0, 2]
    means = mypackage.group_mean([0, 2], a)
    assert means.dtype == dtype and np.isnan(means).tolist() == [False, True, False]
    if dtype[0] == "c":
        assert np.isnan(means[1].real) and np.isnan(means[1].imag)
    assert mypackage.group_mean([0, 2], a, fill_value=7)[1] == 7


def test_empty_groups_where_there_is_no_nan():
    for dtype in ("i8", "?"):
        with pytest.raises(ValueError, match=r"^group_mean: group 1 is empty.*fill_value="):
            mypackage.group_mean([0, 2], [1.0, 1.0], dtype=dtype)
    assert mypackage.group_mean([0, 2], [1.0, 3.0], dtype="i8", fill_value=-1).tolist() == [
        1,
        -1,
        3,
    ]
    ints = np.array([2**80, 1], object)
    assert mypackage.group_sum([0, 2], ints).tolist() == [2**80, 0, 1]
    with pytest.raises(ValueError, match="group 1 is empty"):
        mypackage.group_mean([0, 2], ints)


def test_masked_groups():
    a = np.ma.array([[BIG, 1e300, -BIG, 1.0], [1, 2, 3, 4.0]], mask=[[0, 1, 0, 0], [0, 0, 0, 1]])
    result = mypackage.group_sum([0, 1, 0, 0], a, size=3)
    assert result.tolist() == [[1.0, None, 0.0], [4.0, 2.0, 0.0]]
    means = mypackage.group_mean([0, 1, 0, 2], a, axis=1)
    assert means.tolist() == [[0.0, None, 1.0], [2.0, 2.0, None]]
    down = mypackage.group_sum([0, 0], a, axis=0)
    assert down.tolist() == [[BIG + 1, 2.0, 3 - BIG, 1.0]]


def test_time_groups():
    a = np.array([5, 1, "NaT", 2], "m8[s]")
    total = mypackage.group_sum([0, 0, 1, 3], a)
    assert total.tolist() == np.array([6, "NaT", 0, 2], "m8[s]").tolist()
    means = mypackage.group_mean([0, 0, 0, 3], np.array([5, 2, 0, 2], "m8[s]"))
    assert means.tolist() == np.array([2, "NaT", "NaT", 2], "m8[s]").tolist()
    dates = np.array(["2020-01-01", "2020-01-03"], "M8[D]")
    assert mypackage.group_mean([0, 0], dates).tolist() == [np.datetime64("2020-01-02").item()]
    with pytest.raises(OverflowError, match="coarser unit"):
        mypackage.group_sum([0, 0], np.array([2**62, 2**62], "m8[s]"))
    assert mypackage.average(a[:2], weights=[1, 3]) == np.timedelta64(2, "s")
    with pytest.raises(TypeError, match="must be integers"):
        mypackage.average(a[:2], weights=[0.5, 0.5])
    assert np.isnat(mypackage.cumsum(a)).tolist() == [False, False, True, True]


# -- ExactSum -------------------------------------------------------------------------------------


def test_integers_in_and_out():
    total = mypackage.ExactSum().add([2**62] * 4 + [1])
    assert int(total) == total.value(object) == 2**64 + 1
    total.add([10**400, Fraction(1, 2), -(10**400)], where=[True, True, True])
    assert total.as_fraction() == total.value(object) == 2**64 + Fraction(3, 2)
    assert total.count == 8
    with pytest.raises(ValueError, match=r"not whole; use float\(\)"):
        int(total)
    before = total.copy()
    with pytest.raises(OverflowError, match="2\\*\\*2111"):
        total.add([1, 2**2200])
    with pytest.raises(TypeError, match="4/3"):
        total.add([Fraction(1, 3), 1])
    assert total == before
    columns = mypackage.ExactSum(2).add(np.array([[2**80, 0.5], [1, -0.25]], object))
    assert columns.value(object).tolist() == [2**80 + 1, Fraction(1, 4)]
    assert isinstance(columns.value(object)[0], Fraction)
    assert columns.count.tolist() == [2, 2]
    special = mypackage.ExactSum().add(np.array([2**80, np.inf, np.nan], object))
    assert special.count == 3 and np.isnan(special.value())
    with pytest.raises(ValueError, match="NaN"):
        special.as_fraction()
    assert special.subtract([np.nan]).value() == np.inf
    with pytest.raises(OverflowError, match="inf"):
        int(special)
    with pytest.raises(TypeError, match="complex"):
        mypackage.ExactSum().add([1j]).value(object)


def test_whole_sums_of_floats_are_fractions():
    integers = mypackage.ExactSum().add([2**62, 2**62]).add(np.ones(2, bool)).add([2**80])
    integers.subtract(2).add_products([3], [5]).add(np.array([gmpy2.mpz(2)], object))
    assert isinstance(mypackage.ExactSum().value(object), int)
    for same in (
        integers,
        integers.copy(),
        integers * -1 * -1,
        integers * 1,
        pickle.loads(pickle.dumps(integers)),
        integers.reshape(1)[0],
        mypackage.ExactSum.stack([integers, integers])[1],
        mypackage.ExactSum().merge(integers),
    ):
        assert same.value(object) == 2**63 + 2**80 + 17
        assert isinstance(same.value(object), int)
    for add in (
        lambda total: total.add([1.5, 0.5]),
        lambda total: total.add(np.float32(2)),
        lambda total: total.add(np.array([Fraction(2)], object)),
        lambda total: total.add(np.array([2, 2.0], object)),
        lambda total: total.add_products([2], [4.0]),
        lambda total: total.subtract(1.0),
        lambda total: total.merge(mypackage.ExactSum().add(2.0)),
    ):
        total = add(integers.copy())
        for same in (total, pickle.loads(pickle.dumps(total)), total.add([1])):
            assert isinstance(same.value(object), Fraction)
    # (Division of ints rounds.)
    assert mypackage.ExactSum().add([0.5, 0.5]).value(object) / 3 == Fraction(1, 3)
    columns = mypackage.ExactSum(2).add([[1, 2]])
    assert [*map(type, columns.value(object))] == [int, int]
    assert [*map(type, columns.add([[1.0, 2.0]]).value(object))] == [Fraction, Fraction]
    # By value they are equal, and C reads both.
    assert mypackage.ExactSum().add([1, 2]) == mypackage.ExactSum().add([1.0, 2.0])
    capi = importlib.import_module("mypackage.capi")
    assert capi.Accumulator.from_bytes(integers.to_bytes()).value() == integers.value()
    with pytest.raises(ValueError, match="an array of exact sums"):
        capi.Accumulator.from_bytes(columns.to_bytes())


# -- Shutdown -------------------------------------------------------------------------------------

AT_EXIT = """
import mypackage

class Last:
    def __del__(self):
        {call}

last = Last()
"""


@pytest.mark.parametrize(
    "call",
    [
        "print(mypackage.sum([1.5, 2]))",
        "print(mypackage.group_sum([0, 0], [1.5, 2])[0])",
        "print(mypackage.average([1.5, 5.5], weights=[1, 1]))",
        "print(mypackage.ExactSum().add([1.5, 2]).value())",
    ],
)
def test_while_python_shuts_down(call):
    run = subprocess.run(
        [sys.executable, "-c", AT_EXIT.format(call=call)], capture_output=True, text=True
    )
    assert run.stdout.strip() == "3.5" and run.stderr == ""


def test_what_pandas_groups_by():
    pd = pytest.importorskip("pandas")
    mp = pytest.importorskip("mypackage.pandas")
    index = pd.MultiIndex.from_tuples([("a", 1), ("b", 1), ("a", 2)], names=["k", "n"])
    series = pd.Series([BIG, 2.0, 1.0], index=index)
    assert mp.group_sum(series, level="k").to_dict() == {"a": BIG + 1, "b": 2.0}
    both = mp.group_sum(series.reset_index(drop=True), [["x", "y", "x"], [1, 1, 1]])
    assert both.to_dict() == {("x", 1): BIG + 1, ("y", 1): 2.0}
    by = pd.Series(["p", "q", "p"], index=[2, 1, 0])
    assert mp.group_sum(series.reset_index(drop=True), by).to_dict() == {"p": BIG + 1, "q": 2.0}
    with pytest.raises(ValueError, match="one value for each row"):
        mp.group_sum(series, np.zeros((3, 1), int))
    with pytest.raises(ValueError, match="label 0 of the elements"):
        mp.group_sum(series.reset_index(drop=True), by[:2])
    with pytest.raises(TypeError, match="by= or level="):
        mp.group_sum(series)
    times = pd.Series(np.array([1, 2, "NaT"], "m8[s]"))
    assert mp.group_mean(times, ["a", "a", "b"]).isna().tolist() == [False, True]


def test_masks_in_lists_and_of_nothing():
    rows = [np.ma.array([1.0, 2.0], mask=[0, 1]), np.ma.array([3.0, 4.0], mask=[0, 0])]
    with pytest.raises(TypeError, match=r"^sum: .* give numpy\.ma\.stack\(a\)"):
        mypackage.sum(rows)
    assert mypackage.sum(np.ma.stack(rows)) == 8
    assert mypackage.sum(np.ma.array([])) == 0.0
    assert mypackage.sum(np.ma.empty((2, 0)), axis=1).tolist() == [0.0, 0.0]
    assert mypackage.sum(np.ma.masked_all(2)) is np.ma.masked
    with pytest.warns(RuntimeWarning, match="Mean of empty slice"):
        assert np.isnan(mypackage.mean(np.ma.array([])))


# -- Times ----------------------------------------------------------------------------------------


def test_means_of_pandas_times():
    pd = pytest.importorskip("pandas")
    days = ["2020-01-01", "2020-01-02", None, "2020-01-06"]
    for zone in (None, "Europe/Berlin"):
        times = pd.Series(pd.to_datetime(days)).dt.tz_localize(zone)
        mean = mypackage.mean(times)
        assert mean == mypackage.nanmean(times) == times.mean()
        # (Time zones of pytz, which pandas 2 makes, differ by the date.)
        assert str(mean.tz) == str(times.dt.tz)
        assert mypackage.mean(pd.DatetimeIndex(times)) == mean
        assert mypackage.average(times, weights=[1, 0, 5, 0]) == times[0]
        assert mypackage.std(times) == times.std(ddof=0)
        with pytest.raises(TypeError, match=r"^sum: dates have no sum"):
            mypackage.sum(times)
    assert mypackage.mean(times[2:3]) is pd.NaT
    frame = pd.DataFrame({"a": times, "b": times})
    assert mypackage.mean(frame, axis=0).tolist() == [mean, mean]
    spans = times - times[0]
    assert mypackage.sum(pd.DataFrame({"a": spans})) == spans.sum()
    assert mypackage.std(spans) == spans.std(ddof=0)
    with pytest.raises(TypeError, match=r"^mean: a MultiIndex .* give its get_level_values"):
        mypackage.mean(pd.MultiIndex.from_tuples([(1, 2)]))


def test_times_of_xarray_and_dask():
    xr, da = pytest.importorskip("xarray"), pytest.importorskip("dask.array")
    spans = np.array([3, "NaT", 5, 4], "m8[s]")
    # (Older releases of xarray have nanoseconds only.)
    labelled = xr.DataArray(spans.astype("m8[ns]"))
    assert mypackage.average(labelled, weights=[1, 9, 1, 1]).values == np.timedelta64(4, "s")
    for array in (spans, spans.reshape(2, 2), spans[[0, 2, 3]]):
        for axis in (None, *range(array.ndim)):
            lazy = mypackage.cumsum(da.from_array(array, chunks=1), axis)
            assert lazy.dtype == array.dtype
            np.testing.assert_array_equal(lazy.compute(), mypackage.cumsum(array, axis))
    for weights in ([1, 2, 2, 1], [3, 0, 0, 1]):
        lazy = mypackage.average(da.from_array(spans[[0, 2, 3, 2]], chunks=2), weights=weights)
        assert lazy.compute() == mypackage.average(spans[[0, 2, 3, 2]], weights=weights)
    assert np.isnat(mypackage.average(da.from_array(spans, chunks=2), weights=[1] * 4).compute())
    with pytest.raises(TypeError, match="must be integers"):
        mypackage.average(da.from_array(spans, chunks=2), weights=[0.5] * 4)
    with pytest.raises(OverflowError, match="coarser unit"):
        mypackage.cumsum(da.from_array(np.array([-(2**62)] * 2, "m8[s]"), chunks=1)).compute()


# -- Lists, units and nulls in newer functions ----------------------------------------------------


def test_lists_are_not_rounded():
    big = [2**53 + 1, 0.5, -(2**53), 1]
    assert mypackage.group_nansum([0, 1, 0, 0], big).tolist() == [2.0, 0.5]
    assert mypackage.group_nanmean([0, 1, 0, 0], big)[0] == 2 / 3
    assert mypackage.segment_sum(big, [0, 3, 4]).tolist() == [1.5, 1.0]
    assert mypackage.nancumsum([*big[:2], np.nan, *big[2:]])[-1] == 2.5
    assert mypackage.group_cumsum([0, 0, 0, 1], big).tolist() == [2.0**53, 2.0**53 + 2, 1.5, 1.0]
    variance = statistics.pvariance(list(map(Fraction, big)))
    assert mypackage.group_var([0] * 4, big)[0] == float(variance)
    assert mypackage.ExactMoments().add(big).var() == float(variance)
    assert mypackage.matvec([big], [1] * 4).tolist() == [2.5]
    with pytest.raises(TypeError, match=r"numpy.asarray\(a, float\) rounds"):
        mypackage.move_sum(big, 2)


def test_logarithmic_units_of_pint():
    pint = pytest.importorskip("pint")
    quantity = pint.get_application_registry().Quantity
    for unit in ("decibel", "dBm"):
        for function in (mypackage.sum, mypackage.mean, mypackage.cumsum):
            with pytest.raises(TypeError, match=r"logarithmic unit .*\.magnitude"):
                function(quantity(np.ones(2), unit))
    assert mypackage.mean(quantity(np.array([1.0, 2.0]), "degC")).magnitude == 1.5


def test_summaries_of_what_float64_holds():
    numbers = [2**64, 0.5, -(2**64), float("nan")]
    for a in (numbers, np.array(numbers, object), [*map(Decimal, numbers[:3]), Decimal("nan")]):
        summary = mypackage.summarize(a)
        assert (summary.nan_count, summary.sum) == (1, 0.5)
    for lost in ([2**53 + 1, 0.5], np.array([Fraction(1, 3)], object), [Decimal("0.1")], [10**400]):
        with pytest.raises(ValueError, match=r"^summarize: float64 does not hold .*mypackage\.sum"):
            mypackage.summarize(lost)
    with pytest.raises(TypeError, match=r"^summarize: the numbers must be real"):
        mypackage.summarize(np.array([1j], object))
    with pytest.raises(TypeError, match=r"^summarize: there is no exact result"):
        mypackage.summarize(np.array(["a"], object))
    nothing = mypackage.summarize([])
    assert (nothing.count, nothing.sum) == (0, 0.0) and np.isnan(nothing.mean)
    assert mypackage.summarize(np.zeros((0, 2)), axis=0).sum.tolist() == [0.0, 0.0]


def test_where_of_xarray_has_no_missing_values():
    xr = pytest.importorskip("xarray")
    a = xr.DataArray([1.0, 2.0], dims="x")
    for where in (xr.DataArray([np.nan, 1.0], dims="x"), xr.Variable("x", [np.nan, 1.0])):
        for call in (mypackage.sum, mypackage.var, mypackage.ExactSum().add):
            with pytest.raises(ValueError, match=r"^where: 1 of its elements are missing"):
                call(a, where=where)
        with pytest.raises(ValueError, match=r"^where: 1 of its elements are missing"):
            mypackage.sum(a.values, where=where)
    assert mypackage.sum(a, where=xr.DataArray([0.0, 1.0], dims="x")) == 2
    pytest.importorskip("dask.array")
    lazy = mypackage.sum(a.chunk(), where=xr.DataArray([np.nan, 1.0], dims="x").chunk())
    with pytest.raises(ValueError, match=r"^where: 1 of its elements are missing"):
        lazy.compute()
    assert mypackage.sum(a.chunk(), where=xr.DataArray([0.0, 1.0], dims="x").chunk()) == 2


def test_groups_without_what_is_missing():
    masked = np.ma.array([BIG, 9, -BIG, 1, 5], mask=[0, 1, 0, 0, 1])
    labels = [0, 0, 0, 1, 2]
    assert mypackage.group_nansum(labels, masked).tolist() == [0, 1, None]
    assert mypackage.group_nanmean(labels, masked).tolist() == [0, 1, None]
    assert mypackage.group_count(labels, masked).tolist() == [2, 1, 0]
    objects = np.array([10**30, float("nan"), -(10**30), 1, 5], object)
    assert mypackage.group_nansum(labels, objects).tolist() == [0, 1, 5]
    assert mypackage.group_count(labels, objects).tolist() == [2, 1, 1]
    spans = np.array([1, "NaT", 3, "NaT", 5], "m8[s]")
    assert mypackage.group_nansum(labels, spans).tolist() == np.array([4, 0, 5], "m8[s]").tolist()
    means = mypackage.group_nanmean(labels, spans)
    assert np.isnat(means).tolist() == [False, True, False] and means[0] == np.timedelta64(2, "s")
    pa = pytest.importorskip("pyarrow")
    column = pa.array([2**53 + 1, None, -(2**53), None, 5])
    assert mypackage.group_nansum(labels, column).tolist() == [1, 0, 5]
    assert mypackage.group_count(labels, column).tolist() == [2, 0, 1]
    assert mypackage.nanvar(column) == float(statistics.pvariance([2**53 + 1, -(2**53), 5]))
    with pytest.raises(ValueError, match=r"^segment_sum: 2 of 5 values are null.*drop_null"):
        mypackage.segment_sum(column, [0, 5])


def test_windows_and_segments_of_units():
    u = pytest.importorskip("astropy.units")
    q = u.Quantity([1.0, 3.0, 5.0], "m")
    assert mypackage.move_std(q, 2).unit == u.m and mypackage.move_sum(q, 2)[2] == 8 * u.m
    for call in (
        lambda: mypackage.move_var(q, 2),
        lambda: mypackage.segment_sum(q, [0, 3]),
        lambda: mypackage.group_nansum([0] * 3, q),
        lambda: mypackage.group_count([0] * 3, q),
        lambda: mypackage.cov(q),
        lambda: mypackage.summarize(q),
    ):
        with pytest.raises(TypeError, match=r"give its \.value"):
            call()


# What where= says


@pytest.mark.parametrize("owner", ["pyarrow", "polars", "pandas"])
def test_where_with_something_missing(owner):
    module = pytest.importorskip(owner)
    given = {"pyarrow": "array", "polars": "Series", "pandas": "Series"}[owner]
    options = {"dtype": "boolean"} if owner == "pandas" else {}
    where = getattr(module, given)([True, None], **options)
    inputs = [[1.0, 2.0], np.array([1, 2]), np.array([1, 2], object), np.array([1, 2], "m8[s]")]
    inputs += [np.ma.array([1.0, 2.0]), getattr(module, given)([1.0, 2.0])]
    if importlib.util.find_spec("dask"):
        inputs.append(importlib.import_module("dask.array").from_array([1.0, 2.0]))
    for a in inputs:
        with pytest.raises(ValueError, match="where: 1 of its elements are missing"):
            mypackage.sum(a, where=where)
    for call in (mypackage.mean, mypackage.var, mypackage.ExactSum().add):
        with pytest.raises(ValueError, match="where: 1 of its elements are missing"):
            call([1.0, 2.0], where=where)


def test_masked_elements_are_not_wanted():
    where = np.ma.array([True, True, False], mask=[0, 1, 1])
    for a in ([1.0, 2.0, 4.0], np.array([1, 2, 4]), np.array([1, 2, 4], object)):
        assert mypackage.sum(a, where=where) == 1
    assert mypackage.var([1.0, 2.0, 4.0], where=where) == 0
    assert mypackage.ExactSum().add([1.0, 2.0, 4.0], where=where).value() == 1
    pd = pytest.importorskip("pandas")
    assert mypackage.sum(pd.Series([1.0, 2.0, 4.0]), where=where) == 1
    da = pytest.importorskip("dask.array")
    assert mypackage.sum(da.from_array([1.0, 2.0, 4.0]), where=where).compute() == 1
    with pytest.raises(TypeError, match=r"where: a dask array is lazy; give its compute\(\)"):
        mypackage.sum([1.0], where=da.ones(1, dtype=bool))


def test_quantities_of_other_arrays():
    pint = pytest.importorskip("pint")
    quantity = pint.get_application_registry().Quantity
    masked = quantity(np.ma.array([1.0, 2.0], mask=[0, 1]), "m")
    assert mypackage.sum(masked) == quantity(1.0, "m")
    assert np.ma.getmaskarray(mypackage.cumsum(masked).magnitude).tolist() == [False, True]
    da = pytest.importorskip("dask.array")
    lazy = mypackage.sum(quantity(da.ones(3), "m"))
    assert isinstance(lazy.magnitude, da.Array) and lazy.compute() == quantity(3.0, "m")


def test_masked_values_of_astropy():
    masked = pytest.importorskip("astropy.utils.masked")
    units = pytest.importorskip("astropy.units")
    for a, values in (
        (masked.Masked([1.0, 2.0], mask=[0, 1]), lambda x: x.unmasked),
        (masked.Masked([1.0, 2.0] * units.m, mask=[0, 1]), lambda x: x.unmasked.value),
    ):
        with pytest.raises(TypeError, match=r"\.unmasked.*numpy.ma.array\(values, mask\)"):
            mypackage.sum(a)
        assert mypackage.sum(np.ma.array(values(a), mask=a.mask)) == 1
    table = pytest.importorskip("astropy.table")
    assert isinstance(mypackage.sum(table.Column([1.0, 2.0])), np.float64)


def test_times_are_rounded_once_to_a_coarser_unit():
    times = np.array([1500, 1000, 499, -2500], "m8[ms]")
    assert mypackage.sum(times[:1], dtype="m8[s]") == np.timedelta64(2, "s")
    assert mypackage.sum(times[3:], dtype="m8[s]") == np.timedelta64(-2, "s")
    assert mypackage.sum(times[:1], out=np.zeros((), "m8[s]")) == np.timedelta64(2, "s")
    # 999.67 ms, of which a mean in whole milliseconds is 1000.
    mean = mypackage.mean(times[:3].view("i8").view("m8[us]"), dtype="m8[ms]")
    assert mean == np.timedelta64(1, "ms")
    ticks = np.array([[1, 2, 4], [5, 7, -1]]) * 499
    for dtype, per in (("m8[s]", 1000), ("m8[2s]", 2000), ("m8[m]", 60000)):
        for axis in (0, 1):
            for name, count in (("sum", 1), ("mean", ticks.shape[axis])):
                result = getattr(mypackage, name)(ticks.astype("m8[ms]"), axis=axis, dtype=dtype)
                sums = ticks.sum(axis=axis).tolist()
                assert result.dtype == dtype
                assert result.view("i8").tolist() == [round(Fraction(x, per * count)) for x in sums]
    assert mypackage.mean(np.array([0, 3], "M8[h]"), dtype="M8[D]") == np.datetime64(0, "D")
    with pytest.raises(TypeError, match=r"datetime64\[D\] is not rounded to datetime64\[M\]"):
        mypackage.mean(np.array([0, 1], "M8[D]"), dtype="M8[M]")


def test_means_of_no_complex_numbers():
    for call in (
        lambda a: mypackage.group_nanmean([0, 2], a, size=3),
        lambda a: mypackage.group_nansum([0, 2], a, size=3, min_count=1),
        lambda a: mypackage.group_mean([0, 2], a, size=3),
    ):
        results = [call(np.array([1, 2j], "c8"))]
        if importlib.util.find_spec("dask"):
            da = importlib.import_module("dask.array")
            results.append(call(da.from_array(np.array([1, 2j], "c8"), chunks=1)).compute())
        for result in results:
            assert np.isnan(result[1].real) and np.isnan(result[1].imag)
