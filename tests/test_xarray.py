"""xarray: by dimension, lazy where the data are, with coordinates and attributes."""

import importlib
import warnings

import numpy as np
import pytest

import mypackage

xr = pytest.importorskip("xarray")
mx = importlib.import_module("mypackage.xarray")


def cube(chunks=None):
    rng = np.random.default_rng(0)
    values = rng.standard_normal((6, 4, 5)) * 2.0 ** rng.integers(-200, 200, (6, 4, 5))
    values[1, 2, 3] = np.nan
    coords = {"time": range(6), "place": list("abcd"), "season": ("time", list("wssaaw"))}
    array = xr.DataArray(
        values, coords, ("time", "place", "level"), name="flux", attrs={"units": "W"}
    )
    return array if chunks is None else array.chunk(chunks)


@pytest.mark.parametrize("chunks", [None, {"time": 2, "level": 3}])
@pytest.mark.parametrize("dim", [None, "time", ["place", "time"], ...])
@pytest.mark.parametrize("name", ["sum", "mean"])
def test_reductions(name, dim, chunks):
    if chunks:
        pytest.importorskip("dask")
    array = cube(chunks)
    axes = {"time": 0, None: None, ...: None}.get(dim if dim != ["place", "time"] else 0, (0, 1))
    with np.errstate(invalid="ignore"):
        expected = getattr(mypackage, f"nan{name}")(cube().values, axis=axes)
        plain = getattr(mypackage, name)(cube().values, axis=axes)
    result = getattr(mx, name)(array, dim)
    assert (result.chunks is not None) == (chunks is not None)
    assert result.dims == getattr(array, name)(dim).dims
    assert result.attrs == array.attrs and result.name == "flux"
    assert set(result.coords) == set(getattr(array, name)(dim).coords)
    assert np.array_equal(result.values, expected)
    unskipped = getattr(mx, name)(array, dim, skipna=False)
    assert np.array_equal(unskipped.values, plain, equal_nan=True)


def test_the_packages_own_functions():
    array = cube()
    result = mypackage.sum(array, axis=(0, -1))
    assert result.dims == ("place",)
    assert np.array_equal(result, mypackage.nansum(array.values, axis=(0, -1)))
    assert mypackage.mean(array, axis=0, keepdims=True).dims == array.dims
    where = array > 0
    expected = mypackage.nansum(array.values, where=where.values)
    assert float(mypackage.sum(array, where=where)) == expected
    with pytest.raises(TypeError, match="takes no out="):
        mypackage.sum(array, out=np.zeros(()))


def test_datasets():
    data = cube().to_dataset().assign(n=("time", range(6)), label=("time", list("abcdef")))
    result = mx.sum(data, "time")
    assert set(result.data_vars) == {"flux", "n"} and int(result.n) == 15
    assert np.array_equal(result.flux, mypackage.nansum(cube().values, axis=0))
    assert float(mypackage.mean(data).n) == 2.5
    with pytest.raises(TypeError, match=r"dim="):
        mypackage.sum(data, axis=0)
    with pytest.raises(ValueError, match="nowhere"):
        mx.sum(data, "nowhere")
    with pytest.raises(np.exceptions.AxisError, match="axis 3 is out of bounds"):
        mypackage.sum(cube(), axis=(0, 3))


@pytest.mark.parametrize("chunks", [None, {"time": 2, "level": 3}])
def test_groups(chunks):
    if chunks:
        pytest.importorskip("dask")
    array = cube(chunks).drop_isel(level=3)
    for name, whole in (("group_sum", mypackage.sum), ("group_mean", mypackage.mean)):
        result = getattr(mx, name)(array, "season")
        assert result.dims == ("season", "place", "level")
        assert result.season.values.tolist() == ["a", "s", "w"]
        assert result.attrs == array.attrs and set(result.coords) == {"season", "place"}
        for season in "asw":
            part = array.values[array.season.values == season]
            assert np.array_equal(result.sel(season=season), whole(part, axis=0))
    with pytest.raises(ValueError, match="one dimension"):
        mx.group_sum(array, array > 0)


@pytest.mark.parametrize("chunks", [None, {"time": 2, "level": 3}])
@pytest.mark.parametrize("dims", [("time", "place", "level"), ("place", "level", "time")])
@pytest.mark.parametrize("dtype", ["f8", "f4", "c16"])
def test_missing_values_in_groups(chunks, dims, dtype):
    """Left out, unless skipna=False; of a mean of none, NaN without a warning."""
    if chunks:
        pytest.importorskip("dask")
    rng = np.random.default_rng(3)
    array = cube().transpose(*dims)
    array = array.copy(data=rng.standard_normal(array.shape).astype(dtype))
    array = array.assign_coords(season=("time", [*"wssaa", None]))
    array.values[rng.random(array.shape) < 0.4] = np.nan
    array[{"time": np.flatnonzero(array.season == "a"), "level": 1}] = np.nan
    lazy = array.chunk(chunks) if chunks else array
    for name in ("sum", "mean"):
        group = getattr(mx, f"group_{name}")
        result, strict = group(lazy, "season"), group(lazy, "season", skipna=False)
        assert result.dtype == strict.dtype == array.dtype
        assert (result.chunks is not None) == (chunks is not None)
        for season in "asw":
            part = array.isel(time=np.flatnonzero(array.season.values == season))
            axis = part.get_axis_num("time")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                kept = getattr(mypackage, f"nan{name}")(part.values, axis=axis)
                whole = getattr(mypackage, name)(part.values, axis=axis)
            assert np.array_equal(result.sel(season=season), kept, equal_nan=True)
            assert np.array_equal(strict.sel(season=season), whole, equal_nan=True)
    assert np.isnan(mx.group_mean(lazy, "season").sel(season="a").isel(level=1)).all()


@pytest.mark.parametrize("chunks", [None, {"time": 2, "level": 3}])
def test_cumulative_sums(chunks):
    """As xarray has it: a NaN counts as 0."""
    if chunks:
        pytest.importorskip("dask")
    array = cube(chunks)
    filled = np.nan_to_num(cube().values)
    for dim, axis in (("time", 0), ("level", -1)):
        for result in (mx.cumsum(array, dim), mypackage.cumsum(array, axis)):
            assert (result.chunks is not None) == (chunks is not None)
            assert result.dims == array.dims and result.attrs == array.attrs
            assert set(result.coords) == set(array.coords)
            assert result.values.tobytes() == mypackage.cumsum(filled, axis).tobytes()
    line = array[:, 0, 0]
    assert np.array_equal(mypackage.cumsum(line), mypackage.cumsum(line.values))
    with np.errstate(over="ignore"):
        assert mypackage.cumsum(line, dtype="f4").dtype == np.float32
    with pytest.raises(TypeError, match="choose one of the dimensions time, place, level"):
        mypackage.cumsum(array)
    with pytest.raises(TypeError, match="Dataset"):
        mypackage.cumsum(array.to_dataset(), 0)
    with pytest.raises(TypeError, match="takes no out="):
        mypackage.cumsum(line, out=np.zeros(6))


def test_dot_products_go_by_name_and_label():
    a = xr.DataArray(
        np.arange(6.0).reshape(2, 3), {"y": [0, 1], "x": [0, 1, 2]}, ("y", "x"), attrs={"u": 1}
    )
    b = xr.DataArray([1.0, 10.0, 100.0], {"x": [2, 1, 0]}, "x")
    expected = xr.dot(a, b.sortby("x"), dim="x").assign_attrs(u=1)
    for result in (mypackage.vecdot(a, b), mypackage.vecdot(b, a)):
        assert result.identical(expected)
    assert mypackage.vecdot(a, a.T, axis=0).values.tolist() == [9, 17, 29]
    assert mypackage.vecdot(a, [1, 2, 3]).values.tolist() == [8, 26]
    assert mypackage.vecdot(a, np.ones((2, 3)), axis=0).values.tolist() == [3, 5, 7]
    assert mypackage.vecdot(a.where(a != 2), b).values.tolist() == [10, 345]
    variable = mypackage.vecdot(a.variable, b.variable)
    assert isinstance(variable, xr.Variable) and variable.values.tolist() == [210, 543]
    large = xr.DataArray([1e16, 1.0, -1e16], dims="x")
    assert mypackage.vecdot(large, xr.DataArray([1, 1, 1], dims="x")) == 1
    with pytest.raises(ValueError, match="is not one of x2"):
        mypackage.vecdot(a, b.assign_coords(x=[5, 6, 7]))
    with pytest.raises(ValueError, match="dimension 'z' that the elements lack"):
        mypackage.vecdot(a, xr.DataArray([1.0, 2.0], dims="z"))
    with pytest.raises(ValueError, match=r"x2 has shape \(2,\)"):
        mypackage.vecdot(a, [1, 2])
    with pytest.raises(TypeError, match=r"^vecdot: axes= knows no labels"):
        mypackage.vecdot(a, a, axes=[1, 1])
    with pytest.raises(ValueError, match="0-dimensional"):
        mypackage.vecdot(xr.DataArray(1.0), [1.0])


def test_lazy_dot_products():
    pytest.importorskip("dask.array")
    a = xr.DataArray(np.arange(6.0).reshape(2, 3), dims=("y", "x")).chunk(x=1)
    result = mypackage.vecdot(a, [1, 2, 3])
    assert result.chunks is not None and result.values.tolist() == [8, 26]


@pytest.mark.parametrize("scheduler", [None, "threads"])
@pytest.mark.parametrize("name", ["mean", "var", "std"])
def test_too_few_numbers_give_nan_without_a_warning(name, scheduler):
    """As by xarray itself, where a column of the sea has no number; warnings are errors here."""
    a = xr.DataArray([[np.nan, 1.0], [np.nan, 2.0]], dims=("time", "x"))
    if scheduler is not None:
        pytest.importorskip("dask")
        a = a.chunk(time=1)
    for result in (getattr(mx, name)(a, "time"), getattr(mypackage, name)(a, axis=0)):
        values = result.compute(scheduler=scheduler) if scheduler else result
        assert np.isnan(values).values.tolist() == [True, False]
    # Where NaN is a number, and for arrays, the warnings are NumPy's.
    empty = a.isel(time=slice(0))
    with pytest.warns(RuntimeWarning, match=r"empty slice|Degrees of freedom"):
        np.asarray(getattr(mypackage, f"nan{name}")(empty.data, axis=0))


@pytest.mark.parametrize("lazy", [False, True])
def test_sums_of_enough_integers_stay_exact(lazy):
    whole = 2**53 + 1
    table = xr.DataArray([[whole, 0], [1, 2]], dims=("x", "y"))
    objects = xr.DataArray(np.array([[2**60 + 4, 0], [1, np.nan]], object), dims=("x", "y"))
    floats = xr.DataArray([[2.0**53, 1.0], [1.0, np.nan]], dims=("x", "y"))
    if lazy:
        pytest.importorskip("dask")
        table, objects, floats = (a.chunk(1) for a in (table, objects, floats))
    for keepdims in (False, True):
        enough = mx.sum(table, "x", min_count=2, keepdims=keepdims)
        assert enough.dtype == np.int64 and enough.values.ravel().tolist() == [whole + 1, 2]
    assert np.isnan(mx.sum(table, "x", min_count=3).values).all()
    assert mx.sum(table, [], min_count=3).values.tolist() == table.values.tolist()
    both = mx.sum(xr.Dataset({"n": table, "f": floats}), ["x", "y"], min_count=4)
    assert both.n.dtype == np.int64 and both.n == whole + 3 and np.isnan(both.f)
    first, second = mx.sum(objects, "y", min_count=2).values.tolist()
    assert first == 2**60 + 4 and np.isnan(second)
    assert mx.sum(objects[0], min_count=2).values.item() == 2**60 + 4
    assert np.isnan(float(mx.sum(objects[1], min_count=2)))
    with pytest.raises(OverflowError, match=f"the sum {whole} does not fit float64"):
        mx.sum(floats, "y", min_count=2, dtype=np.int64).compute()


def test_variables_without_the_dimension_stay():
    data = xr.Dataset(
        {
            "a": ("t", [1.0, 2.0]),
            "day": ((), np.datetime64("2020-01-01")),
            "place": "x",
            "places": ("u", ["a", "b"]),
            "text": ("t", ["a", "b"]),
        }
    )
    for name in ("sum", "mean", "std"):
        result = getattr(mx, name)(data, "t")
        assert set(result) == {"a", "day", "place", "places"}
        for variable in ("day", "place", "places"):
            assert result[variable].identical(data[variable])
    assert mx.sum(data, "t", min_count=3).places.identical(data.places)
    with pytest.raises(TypeError, match="no exact result for dtype <U1"):
        mx.sum(data.place)
    grouped = mx.group_sum(data.assign_coords(k=("t", [0, 0])), "k")
    assert set(grouped) == {"a", "day", "place", "places"} and grouped.a == 3.0


@pytest.mark.parametrize("given", [[1.0, 2.0], None, np.ones(2)])
def test_plain_input_is_refused_with_what_to_give(given):
    kind = type(given).__name__
    for name in ("sum", "mean", "var", "std", "norm", "cumsum", "group_sum", "group_var"):
        by = ["x"] if name.startswith("group") else []
        message = f"^{name}: give a DataArray or a Dataset, not {kind}; mypackage.{name} takes"
        with pytest.raises(TypeError, match=message):
            getattr(mx, name)(given, *by)
    with pytest.raises(TypeError, match=f"^rolling: give a .*, not {kind}; mypackage.move_sum"):
        mx.rolling(given, x=2)


@pytest.mark.parametrize("lazy", [False, True])
def test_groups_keep_names_and_attributes(lazy):
    array = xr.DataArray(
        np.arange(4.0), coords={"k": ("x", [0, 1, 0, 1], {"units": "m"})}, dims="x"
    )
    if lazy:
        pytest.importorskip("dask")
        array = array.chunk(2)
    for name in ("group_sum", "group_mean", "group_var", "group_std"):
        labelled = getattr(mx, name)(array, "k")
        assert labelled.name is None and labelled.k.attrs == {"units": "m"}
        assert getattr(mypackage, name)([0, 1, 0, 1], array).name is None
        by = xr.DataArray([1, 2, 1, 2], dims="x", attrs={"units": "h"})
        assert getattr(mx, name)(array, by).group.attrs == {"units": "h"}
    assert mypackage.segment_sum(array, [0, 2]).name is None
    assert mypackage.vecdot(array, array).name is None
    assert mypackage.vecdot(array.rename("flux"), array).name == "flux"


def test_one_dimension_of_prefixes_in_a_list():
    array = cube()[:, 0, 0]
    for dim in (["time"], ("time",), ...):
        assert mx.cumsum(array, dim).identical(mx.cumsum(array, "time"))
    assert mx.cumsum(cube(), ["place"]).identical(mx.cumsum(cube(), "place"))
    with pytest.raises(TypeError, match=r"dim must be one dimension, not \['time', 'place'\]"):
        mx.cumsum(cube(), ["time", "place"])
    with pytest.raises(TypeError, match="choose one of the dimensions time, place, level"):
        mx.cumsum(cube(), ...)


def test_windows_shorter_than_min_periods():
    with pytest.raises(ValueError, match="rolling: min_periods is 3, more than the window, 2"):
        mx.rolling(cube(), time=2, min_periods=3)
