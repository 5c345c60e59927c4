"""flox: the same bits for NumPy and dask arrays, every method and chunking."""

import importlib

import numpy as np
import pytest

import mypackage
from mypackage._core.reductions import STATEFUL

flox = pytest.importorskip("flox")
xr = pytest.importorskip("xarray")
mf = importlib.import_module("mypackage.flox")
xarray_reduce = importlib.import_module("flox.xarray").xarray_reduce

# The groups lie apart, so that no chunk holds all of one.
LABELS = np.array([3, 0, 1, 0, 3, 1, 1, 0, 3, 3, 0, 1])
CHUNKS = [{"time": 1}, {"time": 5, "place": 2}, {"time": (2, 7, 3)}, {"time": -1, "place": 1}]


def wild(dtype="f8", shape=(3, 12)):
    rng = np.random.default_rng(7)
    values = rng.standard_normal(shape) * 2.0 ** rng.integers(-60, 60, shape)
    with np.errstate(over="ignore"):
        return values.astype(dtype)


def labelled(values, labels=LABELS, chunks=None):
    array = xr.DataArray(
        values, {"place": list("abc")}, ("place", "time"), name="flux", attrs={"units": "W"}
    )
    if chunks is not None:
        pytest.importorskip("dask")
        array = array.chunk(chunks)
    # In memory, so that flox knows the groups.
    return array.assign_coords(kind=("time", labels))


def expected(name, values, groups=(0, 1, 3), labels=LABELS, dtype=None):
    function = getattr(mypackage, name)
    options = {"dtype": dtype} if name != "norm" else {}
    parts = [function(values[:, labels == group], axis=1, **options) for group in groups]
    return np.stack(parts, axis=1)


def same(result, wanted):
    assert result.dtype == wanted.dtype
    assert result.values.tobytes() == np.ascontiguousarray(wanted).tobytes()


@pytest.mark.parametrize("name", STATEFUL)
@pytest.mark.parametrize("dtype", ["f8", "f4", "i4", "c16"])
def test_in_memory(name, dtype):
    values = wild().astype(dtype) if dtype != "i4" else np.arange(36, dtype="i4").reshape(3, 12)
    result = xarray_reduce(labelled(values), "kind", func=getattr(mf, name))
    assert result.kind.values.tolist() == [0, 1, 3] and result.attrs == {"units": "W"}
    same(result, expected(name, values))


@pytest.mark.parametrize("chunks", CHUNKS, ids=str)
@pytest.mark.parametrize("method", ["map-reduce", "cohorts", None])
@pytest.mark.parametrize("name", STATEFUL)
def test_any_chunking_and_method(name, method, chunks):
    values = wild("f4")
    array = labelled(values, chunks=chunks)
    result = xarray_reduce(array, "kind", func=getattr(mf, name), method=method)
    assert result.chunks is not None
    same(result, expected(name, values))


def test_blockwise():
    """For which each group lies in one chunk."""
    values, labels = wild(), np.repeat([0, 1, 3], 4)
    array = labelled(values, labels, {"time": 4})
    for name in STATEFUL:
        result = xarray_reduce(array, "kind", func=getattr(mf, name), method="blockwise")
        same(result, expected(name, values, labels=labels))


@pytest.mark.parametrize("chunks", [None, *CHUNKS], ids=str)
def test_missing_values(chunks):
    values = wild()
    values[0, [1, 4]] = values[2, :4] = np.nan
    array = labelled(values, chunks=chunks)
    for name in STATEFUL:
        same(xarray_reduce(array, "kind", func=getattr(mf, name)), expected(name, values))


def test_lazy_labels():
    """flox finds the groups when it computes, and merges states by label."""
    da = pytest.importorskip("dask.array")
    values = wild("f4")
    lazy, labels = da.from_array(values, chunks=(2, 5)), da.from_array(LABELS, chunks=5)
    for name in STATEFUL:
        result, groups = flox.groupby_reduce(lazy, labels, func=getattr(mf, name))
        assert groups.compute().tolist() == [0, 1, 3]
        assert result.compute().tobytes() == expected(name, values).tobytes()


@pytest.mark.parametrize("chunks", [None, {"time": 5}], ids=str)
def test_groups_without_elements(chunks):
    array = labelled(wild(), chunks=chunks)
    groups = np.array([0, 1, 2, 3])
    for name, empty in ((name, row.empty) for name, row in STATEFUL.items()):
        result = xarray_reduce(array, "kind", func=getattr(mf, name), expected_groups=groups)
        assert np.array_equal(result[:, 2], [empty] * 3, equal_nan=True)
        same(result[:, [0, 1, 3]], expected(name, array.values))


@pytest.mark.parametrize("chunks", [None, {"time": 5, "place": 2}], ids=str)
def test_labels_that_are_missing_and_of_two_dimensions(chunks):
    labels = np.where(wild() > 0, LABELS, np.nan)
    array = labelled(wild(), chunks=chunks)
    by = xr.DataArray(labels, dims=("place", "time"), name="by")
    for name in STATEFUL:
        result = xarray_reduce(array, by, func=getattr(mf, name))
        parts = [getattr(mypackage, name)(wild()[labels == group]) for group in (0, 1, 3)]
        same(result, np.array(parts))


def test_one_rounding():
    """The midpoint of two float32 numbers and a bit that float64 does not hold."""
    values = np.array([[1.0, 2.0**-24, 2.0**-80]], "f4")
    wanted = np.float32(1 + 2.0**-23)
    da = pytest.importorskip("dask.array")
    for array in (values, da.from_array(values, chunks=(1, 1))):
        result, _ = flox.groupby_reduce(array, np.zeros(3, int), func=mf.sum)
        assert np.asarray(result)[0, 0] == wanted
