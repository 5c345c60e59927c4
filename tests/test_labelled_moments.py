"""Moments of pandas and xarray objects: missing values left out, labels kept."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import mypackage

pd = pytest.importorskip("pandas")
xr = pytest.importorskip("xarray")
mp = importlib.import_module("mypackage.pandas")
mx = importlib.import_module("mypackage.xarray")

A = np.array([[1e9, 1.0], [1e9 + 1, np.nan], [1e9 + 5, 7.0]])


def test_of_a_series():
    series = pd.Series(A[:, 1])
    assert mypackage.var(series) == mp.var(series) == mypackage.var([1.0, 7.0])
    assert mypackage.std(series, ddof=1) == mypackage.std([1.0, 7.0], ddof=1)
    assert mypackage.nanvar(series) == mypackage.var([1.0, 7.0])
    assert mypackage.norm(series) == mp.norm(series) == mypackage.norm([1.0, 7.0])
    assert np.isnan(mp.var(series, skipna=False)) and np.isnan(mp.var(series[:1], ddof=1))
    nullable = pd.Series([2**62, None, 2**62 + 6], dtype="Int64")
    assert mypackage.var(nullable) == 9.0
    assert mp.var(pd.Series([1, 2], dtype="f4")).dtype == np.float32


def test_of_a_frame():
    frame = pd.DataFrame(A, columns=["x", "y"], index=list("pqr"))
    got = mypackage.var(frame, axis=0)
    assert got.to_dict() == {"x": mypackage.var(A[:, 0]), "y": mypackage.var([1.0, 7.0])}
    got = mp.std(frame, 1, ddof=1)
    assert got.index.tolist() == list("pqr") and np.isnan(got["q"])
    assert got["p"] == mypackage.std(A[0], ddof=1)
    valid = A[~np.isnan(A)]
    assert mypackage.var(frame) == mp.var(frame, None) == mypackage.var(valid)
    with pytest.raises(ValueError, match="no axis"):
        mp.var(frame, 2)
    with pytest.raises(TypeError, match="mean"):
        mypackage.var(frame, mean=1.0)
    with pytest.raises(TypeError, match="real number"):
        mp.var(frame, ddof=1j)


def test_groups_of_pandas():
    frame = pd.DataFrame({"k": list("abab"), "x": [1e9, 0.1, 1e9 + 1, 0.1], "n": [1, 2, 3, 5]})
    got = mp.group_var(frame, "k")
    assert got["x"].tolist() == [0.5, 0.0] and got["n"].tolist() == [2.0, 4.5]
    assert mp.group_std(frame["n"], frame["k"], ddof=0).to_dict() == {"a": 1.0, "b": 1.5}
    series = pd.Series([1.0, np.nan, 3.0])
    assert np.isnan(mp.group_var(series, ["a", "a", "b"])).all()


def test_of_xarray():
    array = xr.DataArray(A, dims=("time", "place"), attrs={"units": "m"}, coords={"place": [4, 5]})
    got = mx.var(array, "time", ddof=1)
    assert got.dims == ("place",) and got.attrs == {"units": "m"}
    assert got.values.tolist() == [
        mypackage.var(A[:, 0], ddof=1),
        mypackage.var([1.0, 7.0], ddof=1),
    ]
    assert mypackage.std(array, axis=0).identical(mx.std(array, "time"))
    assert np.isnan(mx.var(array, "time", skipna=False)[1])
    assert mx.norm(array.fillna(0), "place")[0] == mypackage.norm(A[0])
    row = A[1][~np.isnan(A[1])]
    assert mypackage.norm(array, axis=1)[1] == mypackage.norm(row)
    assert mx.var(xr.Dataset({"a": array}))["a"] == mypackage.var(A[~np.isnan(A)])


def test_second_arguments_go_by_label():
    """As in `average`: in another order of labels or dimensions, weights and means are the same."""
    numbers = np.array([[1.0, 2.0], [3.0, 5.0], [9.0, 4.0]])
    x = xr.DataArray(numbers, dims=("y", "x"), coords={"y": [1, 2, 3]})
    weights = xr.DataArray([1.0, 2, 5], dims="y", coords={"y": [3, 2, 1]})
    got = mypackage.var(x, axis=0, weights=weights)
    assert got.values.tolist() == [6.75, 1.75]
    for plain in ([5, 2, 1], np.array([5.0, 2, 1])):
        assert got.equals(mypackage.var(x, axis=0, weights=plain))
    assert got.equals(mypackage.nanvar(x, axis=0, weights=weights))
    both = xr.DataArray(np.arange(6.0).reshape(2, 3), dims=("x", "y"), coords=weights.coords)
    expected = mypackage.var(numbers, weights=both.values.T[::-1])
    assert mypackage.var(x, axis=(1, 0), weights=both) == expected
    square = xr.DataArray(np.arange(4.0).reshape(2, 2) ** 2, dims=("y", "x"))
    across = xr.DataArray([1.0, 3.0], dims="x")
    got = mypackage.var(square, axis=0, weights=across)
    assert got.values.tolist() == mypackage.var(square.values, axis=0).tolist()

    means = xr.DataArray([2.0, 4.0, 6.5], dims="y", coords={"y": [3, 2, 1]})
    expected = mypackage.var(numbers, axis=1, mean=np.array([[6.5], [4.0], [2.0]]))
    for mean in (means, means.expand_dims(x=[7], axis=1), means.expand_dims("x")):
        assert mypackage.var(x, axis=1, mean=mean).values.tolist() == expected.tolist()
    assert mypackage.var(x, mean=xr.DataArray(2.0)) == mypackage.var(numbers, mean=2.0)
    own = mypackage.var(x, axis=1, mean=mypackage.mean(x, axis=1))
    assert own.equals(mypackage.var(x, axis=1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": xr.DataArray([1.0, 2], dims="z")}, "has a dimension 'z' that"),
        ({"mean": xr.DataArray([1.0, 2], dims="z")}, "has a dimension 'z' that"),
        ({"mean": xr.DataArray([1.0, 2, 3], dims="y")}, "'y', over which the elements are reduced"),
        ({"weights": xr.DataArray([1.0, 2], dims="y", coords={"y": [1, 2]})}, "the label 3 of"),
        ({"weights": xr.DataArray([1.0, np.nan, 2], dims="y")}, "must not be NaN"),
        ({"weights": pd.Series([1.0, 2, 3])}, "weights is a Series, not a DataArray"),
        ({"mean": pd.Series([1.0, 2])}, "mean is a Series, not a DataArray"),
        ({"weights": xr.DataArray([1.0, 2, 3], dims="y").chunk()}, "is lazy; give its compute"),
    ],
)
def test_second_arguments_that_do_not_fit(options, message):
    x = xr.DataArray(A, dims=("y", "x"), coords={"y": [1, 2, 3]})
    with pytest.raises((TypeError, ValueError), match=f"^var: .*{message}"):
        mypackage.var(x, axis=0, **options)


def test_a_series_takes_no_weights():
    for weights in ([1, 2], np.array([1, 2])):
        with pytest.raises(TypeError, match="takes no weights="):
            mypackage.var(pd.Series([1.0, 2.0]), weights=weights)


def test_lazy_xarray():
    pytest.importorskip("dask.array")
    array = xr.DataArray(A, dims=("time", "place"), coords={"k": ("time", list("aba"))})
    lazy = array.chunk({"time": 1})
    for function, options in [
        (mx.var, {"dim": "time"}),
        (mx.std, {"dim": "place", "ddof": 0.5}),
        (mx.group_var, {"by": "k"}),
        (mx.group_std, {"by": "k", "skipna": False, "ddof": 1}),
    ]:
        got = function(lazy, **options)
        assert got.chunks is not None
        xr.testing.assert_equal(got.compute(), function(array, **options))


def test_groups_of_xarray():
    array = xr.DataArray(A, dims=("time", "place"), coords={"k": ("time", list("aba"))})
    got = mx.group_var(array, "k")
    assert got.k.values.tolist() == ["a", "b"]
    assert got.sel(k="a").values.tolist() == [mypackage.var(A[[0, 2], 0]), 9.0]
    assert got.sel(k="b").values[0] == 0 and np.isnan(got.sel(k="b").values[1])
    assert mx.group_std(array, "k").sel(k="a").values[1] == 3.0
