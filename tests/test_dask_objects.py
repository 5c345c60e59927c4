"""Dask arrays of objects and of times: the results of the arrays in memory."""

import warnings
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


PARTS = np.array([[10**30, Fraction(1, 3), 0.5, 1j], [2, 7, -(10**30), 3]], object)
MOMENTS = ["var", "std", "nanvar", "nanstd", "norm"]


@pytest.mark.parametrize("chunks", [1, 2, 4])
@pytest.mark.parametrize("name", MOMENTS)
def test_moments_of_objects(name, chunks):
    function = getattr(mypackage, name)
    for values in (PARTS, PARTS[:, :3]):
        lazy = da.from_array(values, chunks=chunks)
        for axis in (None, 0, 1):
            for options in ({},) if name == "norm" else ({}, {"ddof": 1}, {"where": values != 7}):
                result = function(lazy, axis=axis, **options)
                assert isinstance(result, da.Array) and result.dtype == np.float64
                ours = function(values, axis=axis, **options)
                np.testing.assert_array_equal(result.compute(), ours)
    real = da.from_array(PARTS[:, :3], chunks=chunks)
    if name.endswith("var"):
        exact = function(real, 1, dtype=object).compute()
        assert exact.tolist() == function(PARTS[:, :3], 1, dtype=object).tolist()
        wide = function(real // 10**20, dtype="f4").compute()
        assert wide == function(PARTS[:, :3] // 10**20, dtype="f4")
    special = np.array([np.nan, 1, np.inf, 2], object)
    with np.errstate(invalid="ignore"):
        lazy = function(da.from_array(special, chunks=chunks))
        # `errstate` is the thread's.
        np.testing.assert_array_equal(lazy.compute(scheduler="sync"), function(special))
    with pytest.raises(TypeError, match=r"lazy array of them .* compute\(\)"):
        function(da.from_array(DECIMALS, chunks=chunks)).compute()
    if name != "norm":
        with pytest.warns(RuntimeWarning, match="Degrees of freedom"):
            assert np.isnan(function(real[0, :1], ddof=1).compute())
        with pytest.raises(TypeError, match="cannot be given as dtype"):
            function(real, dtype="S3")


@pytest.mark.parametrize("chunks", [1, 2, 6])
def test_deviations_of_times(chunks):
    for values in (
        TIMES,
        TIMES[:1, :5],
        TIMES[1:, :5].view("M8[s]"),
        TIMES[1:, :3].astype(">m8[s]"),
    ):
        lazy = da.from_array(values, chunks=chunks)
        for name in ("std", "nanstd"):
            function = getattr(mypackage, name)
            for axis in (None, 0, 1):
                for options in ({}, {"ddof": 1}, {"where": np.arange(values.shape[1]) != 2}):
                    with warnings.catch_warnings():
                        warnings.filterwarnings("ignore", "Degrees of freedom")
                        try:
                            ours = function(values, axis, **options)
                        except OverflowError:
                            continue
                        result = function(lazy, axis, **options)
                        assert result.dtype == ours.dtype
                        np.testing.assert_array_equal(result.compute(), ours)
    with pytest.raises(TypeError, match=r"^var: "):
        mypackage.var(da.from_array(TIMES, chunks=chunks))
    with pytest.raises(TypeError, match="are timedelta64"):
        mypackage.std(da.from_array(TIMES, chunks=chunks), dtype="m8[ms]")


def test_masked_chunks():
    hidden = np.ma.array(
        [[10**30, None, 2, 0.5], [1, None, -(10**30), 7]],
        mask=[[0, 1, 0, 0], [0, 1, 0, 1]],
        dtype=object,
    )
    times = np.ma.array(TIMES[:, :4], mask=[[0, 0, 1, 1], [0, 0, 0, 1]])
    for values in (hidden, times):
        lazy = da.from_array(values, chunks=(1, 2))
        for name in ("sum", "nansum", "mean", "nanmean"):
            function = getattr(mypackage, name)
            for axis in (None, 0, 1):
                result, ours = function(lazy, axis).compute(), function(values, axis)
                assert np.ma.getmaskarray(result).tolist() == np.ma.getmaskarray(ours).tolist()
                assert np.ma.filled(result, 0).tolist() == np.ma.filled(ours, 0).tolist()


# Errors name the function that was called, lazily too

GROUPED = sorted(name for name in mypackage.__all__ if name.startswith("group_"))


def refused(call):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            result = call()
            getattr(result, "compute", lambda: None)()
        except Exception as error:
            return error
    return None


@pytest.mark.parametrize(
    ("labels", "a", "options"),
    [
        ([0, 5, 1], [1.0, 2.0, 3.0], {"size": 2}),
        ([0, 5, 1], np.ma.array([1.0, 2.0, 3.0], mask=[0, 0, 1]), {"size": 2}),
        ([0, 5, 1], np.array([1, 2, 3], object), {"size": 2}),
        ([0.0, 1.0, 1.0], [1.0, 2.0, 3.0], {}),
        ([[0, 1, 1]], [1.0, 2.0, 3.0], {}),
        ([0, 2, 2], [1.0, 2.0, 3.0], {"fill_value": "a"}),
        ([0, 2, 2], [1, 2, 3], {"fill_value": 0.5}),
        ([0, 2, 2], [1.0, 2.0, 3.0], {"dtype": int}),
        ([0, 2, 2], np.array([1, 2, 3], object), {}),
        ([0, 0, 0], [2**62] * 3, {"dtype": np.int64}),
        ([0, 0, 0], [200] * 3, {"dtype": np.int8}),
        ([0, 0, 0], ["a"] * 3, {}),
        ([0, 0, 0], np.ones(3, np.longdouble), {}),
        ([0, 0, 0], np.zeros(3, "M8[s]"), {}),
        ([0, 0, 0], np.full(3, 2**62, "m8[s]"), {}),
        ([0, 0, 0], np.ones(3, "m8[s]"), {"dtype": float}),
        ([0, 0, 0], [1.0] * 3, {"dtype": "U3"}),
        ([0, 0, 0], [1.0] * 3, {"dtype": object}),
        ([0, 0, 0], np.array([1, None, 2], object), {}),
        ([0, 0, 0], np.array([Decimal(1), 1, 0.5], object), {}),
        ([0, 0, 0], [1.0] * 3, {"size": -1}),
        ([0, 0, 0], [1.0] * 3, {"size": 2.5}),
        ([0], np.array(2.0), {}),
        ([0, 0], [1e308, 1e308], {}),
        ([0, 0], [np.inf, -np.inf], {}),
    ],
)
def test_errors_of_lazy_groups(labels, a, options):
    a = np.asanyarray(a)
    lazy = da.from_array(a, chunks=2) if a.ndim else da.from_array(a)
    for name in GROUPED:
        function = getattr(mypackage, name)
        errors = [refused(lambda x=x: function(labels, x, **options)) for x in (a, lazy)]  # noqa: B023
        assert type(errors[0]) is type(errors[1])
        for error in errors:
            assert error is None or str(error).startswith(f"{name}: ") or f" {name}" in str(error)


def test_labels_beyond_the_groups_are_known_when_lazy_objects_are_called():
    objects = da.from_array(np.array([1, 2, 3], object), chunks=2)
    for name in GROUPED:
        function = getattr(mypackage, name)
        with pytest.raises(ValueError, match=f"^{name}: the label 5 in group_idx is not below"):
            function([0, 5, 1], objects, size=2)
        if name != "group_cumsum":
            later = function(da.from_array([0, 5, 1], chunks=2), objects, size=2)
            with pytest.raises(ValueError, match=f"^{name}: the label 5 in group_idx is not below"):
                later.compute()


def test_a_single_object_is_itself():
    objects = da.from_array(np.array([1, Fraction(1, 2), 3], object), chunks=1)
    assert mypackage.sum(objects).compute() == Fraction(9, 2)
    for function in (mypackage.sum, mypackage.mean):
        assert type(function(objects).compute()) is Fraction
        assert function(objects, keepdims=True).compute().shape == (1,)
    assert type(mypackage.vecdot(objects, objects).compute()) is Fraction
