"""Dask arrays: the bits of the array in memory, for any chunking, scheduler and accident."""

import importlib
import itertools
import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import exact_sum

import mypackage
from mypackage._core.reductions import REDUCTIONS

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
md = importlib.import_module("mypackage.dask")

# Two arrays whose chunks cross have many more: dask says so, and the results are tested.
pytestmark = pytest.mark.filterwarnings("ignore:Increasing number of chunks")

DTYPES = ["?", "i1", "u2", "i8", "u8", "f2", "f4", "f8", "c8", "c16", ">f8", ">i4"]


def wild(shape, seed=0):
    """Numbers whose naive sum depends on the order."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) * 2.0 ** rng.integers(-300, 300, shape)


def same(lazy, expected, scheduler="threads"):
    """Whether a lazy result announced, and has, the shape, dtype and bits expected."""
    result = lazy.compute(scheduler=scheduler)
    expected = np.asarray(expected)
    assert lazy.shape == result.shape == expected.shape
    assert lazy.dtype == result.dtype == expected.dtype
    assert result.tobytes() == expected.tobytes()


@st.composite
def chunked(draw, shape):
    """A division of each axis into chunks."""
    chunks = []
    for size in shape:
        cuts = draw(st.lists(st.integers(0, size), max_size=6))
        edges = [0, *sorted(cuts), size]
        chunks.append(tuple(b - a for a, b in itertools.pairwise(edges)))
    return tuple(chunks)


@pytest.mark.filterwarnings("ignore:Mean of empty")
@settings(deadline=None, max_examples=60)
@given(
    data=st.data(),
    name=st.sampled_from(list(REDUCTIONS)),
    axis=st.sampled_from([None, 0, 1, -1, 2, (0, 1), (0, -1), (0, 1, 2), ()]),
    keepdims=st.booleans(),
    split_every=st.sampled_from([None, 2, 3, 100]),
)
def test_no_chunking_changes_a_bit(data, name, axis, keepdims, split_every):
    values = wild((6, 5, 4))
    values.flat[:: data.draw(st.integers(7, 200))] = np.nan
    lazy = da.from_array(values, chunks=data.draw(chunked(values.shape)))
    with np.errstate(all="ignore"):
        expected = getattr(mypackage, name)(values, axis=axis, keepdims=keepdims)
    result = getattr(md, name)(lazy, axis=axis, keepdims=keepdims, split_every=split_every)
    same(result, expected, "sync")


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(name, dtype):
    values = (np.arange(60).reshape(12, 5) % 7).astype(dtype)
    if values.dtype.kind in "fc":
        values /= 3
    function = getattr(mypackage, name)
    lazy = da.from_array(values, chunks=(5, 2))
    for axis in (None, 0):
        same(function(lazy, axis=axis), function(values, axis=axis))
        if values.dtype.kind != "c":
            same(function(lazy, axis, "f4"), function(values, axis, "f4"))


def test_numpy_level_calls_come_here():
    """The package's own functions know dask arrays, with all of their arguments."""
    values = wild((9, 7))
    lazy = da.from_array(values, chunks=4)
    where = values > 0
    for mask in (where, da.from_array(where, chunks=3), where[:, :1]):
        expected = mypackage.sum(values, axis=0, where=np.asarray(mask), initial=2.5)
        same(mypackage.sum(lazy, axis=0, where=mask, initial=2.5), expected)
        expected = mypackage.mean(values, axis=0, where=np.asarray(mask))
        same(mypackage.mean(lazy, axis=0, where=mask), expected)
    out = da.zeros(7)
    assert mypackage.sum(lazy, axis=0, out=out) is out
    same(out, mypackage.sum(values, axis=0))


@pytest.mark.parametrize("name", ["sum", "nansum"])
def test_initial_is_refused_as_in_memory(name):
    """Before anything is computed."""
    function, values = getattr(mypackage, name), np.arange(6)
    lazy = da.from_array(values, chunks=4)
    refused = [(values, {}, 0.5), (values, {"dtype": "u1"}, 0.5), (values, {}, "1")]
    refused += [(values / 2, {}, 1j), (values / 2, {"dtype": int}, "1")]
    for a, options, initial in refused:
        for kind in (a, da.from_array(a, chunks=4)):
            with pytest.raises(TypeError, match=f"^{name}: initial must be a number that"):
                function(kind, initial=initial, **options)
    small = {"dtype": "i1", "initial": 300}
    same(function(-50 * lazy[:4], **small), function(-50 * values[:4], **small))
    for options in ({"dtype": float, "initial": 0.5}, {"initial": 2.0}, {"initial": None}):
        same(function(lazy, **options), function(values, **options))
    same(function(lazy / 4, dtype=int, initial=0.5), function(values / 4, dtype=int, initial=0.5))


def test_the_result_is_lazy():
    def fail(block):
        if block.size:
            raise RuntimeError("computed")
        return block

    lazy = md.sum(da.zeros(8, chunks=2).map_blocks(fail, dtype=float))
    with pytest.raises(RuntimeError, match="computed"):
        lazy.compute(scheduler="sync")


def test_names_are_deterministic():
    """Equal graphs have equal keys, so that schedulers and caches recognise them."""
    lazy = da.from_array(np.ones(8), chunks=2, name="ones")
    assert md.sum(lazy).name == md.sum(lazy).name
    assert len({md.sum(lazy).name, md.mean(lazy).name, md.sum(lazy, dtype="f4").name}) == 3


def test_integers():
    """A sum that does not fit is an error when computed; Python ints hold any."""
    lazy = da.full((4, 2), 2**62, chunks=1, dtype=np.int64)
    with pytest.raises(OverflowError, match=r"does not fit int64.*dtype=object"):
        md.sum(lazy).compute()
    assert md.sum(lazy, dtype=object).compute() == 2**65
    assert md.sum(lazy - 1, axis=0, dtype=object).compute().tolist() == [2**64 - 4] * 2


def test_special_values():
    values = np.array([[np.inf, 1e308, -0.0, np.nan], [-np.inf, 1e308, -0.0, 2.0]])
    lazy = da.from_array(values, chunks=1)
    with np.errstate(all="ignore"), dask.config.set(scheduler="sync"):
        for name in REDUCTIONS:
            for axis in (None, 0, 1):
                same(getattr(md, name)(lazy, axis), getattr(mypackage, name)(values, axis), "sync")
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert md.sum(lazy[:, 1]).compute(scheduler="sync") == np.inf
    assert md.sum(da.from_array([1e308, 1e308, -1e308], chunks=1)).compute() == 1e308


def test_empty():
    lazy = da.zeros((0, 3), chunks=2)
    same(md.sum(lazy), mypackage.sum(np.zeros((0, 3))))
    same(md.sum(lazy, axis=0), np.zeros(3))
    with pytest.warns(RuntimeWarning, match="Mean of empty"):
        assert np.isnan(md.mean(lazy).compute(scheduler="sync"))


def test_masked_chunks():
    values = np.ma.masked_greater(np.arange(12.0).reshape(4, 3), 7)
    values[:, 1] = np.ma.masked
    lazy = da.from_array(values, chunks=2)
    for name in ("sum", "mean"):
        for axis in (None, 0, 1):
            result = getattr(md, name)(lazy, axis).compute(scheduler="sync")
            expected = np.ma.asarray(getattr(mypackage, name)(values, axis))
            assert np.ma.getmaskarray(result).tolist() == np.ma.getmaskarray(expected).tolist()
            assert np.ma.filled(result, 0).tolist() == np.ma.filled(expected, 0).tolist()


def test_unknown_chunk_sizes():
    values = wild(50)
    lazy = da.from_array(values, chunks=7)
    assert md.sum(lazy[lazy > 0]).compute() == mypackage.sum(values[values > 0])


def test_refusals():
    with pytest.raises(TypeError, match="datetime64"):
        md.sum(da.from_array(np.zeros(3, "M8[s]"), chunks=1))
    times = da.from_array(np.array([1, 2, 4], "m8[s]"), chunks=1)
    assert md.sum(times).compute() == np.timedelta64(7, "s")
    assert md.mean(times[:2]).compute() == np.timedelta64(2, "s")
    with pytest.raises(TypeError, match=r"^group_var: there is no exact result"):
        md.group_var([0, 0, 0], times)
    with pytest.raises(np.exceptions.AxisError):
        md.sum(da.zeros((2, 2)), axis=2)
    objects = da.from_array(np.array([1, 10**30], dtype=object), chunks=1)
    assert md.sum(objects).compute() == 10**30 + 1


# Dot products


@settings(deadline=None, max_examples=30)
@given(data=st.data(), axis=st.sampled_from([None, -1, -2, 0, 1]))
def test_vecdot_of_any_chunking(data, axis):
    x1, x2 = wild((7, 6)), wild((7, 6), seed=1)
    lazy = da.from_array(x1, chunks=data.draw(chunked(x1.shape)))
    with np.errstate(all="ignore"):
        expected = mypackage.vecdot(x1, x2, axis=-1 if axis is None else axis)
        same(mypackage.vecdot(lazy, x2, axis=-1 if axis is None else axis), expected, "sync")
        other = da.from_array(x2, chunks=data.draw(chunked(x2.shape)))
        same(md.vecdot(lazy, other, axis=axis, split_every=2), expected, "sync")


def test_vecdot_dtypes():
    x1 = (np.arange(12).reshape(4, 3) % 5 + 1j).astype("c16") / 3
    x2 = np.arange(3.0)
    same(md.vecdot(da.from_array(x1, chunks=2), x2), mypackage.vecdot(x1, x2))
    same(md.vecdot(da.from_array(x2, chunks=2), x1), mypackage.vecdot(x2, x1))
    integers = np.arange(9, dtype="i4")
    same(md.vecdot(da.from_array(integers, chunks=2), integers), np.int32(204))


def test_vecdot_of_broadcast_vectors():
    """The axis is that of each array; the others are broadcast, as in memory."""
    x1, x2 = wild((5, 3, 4)), wild((5, 4), seed=1)
    lazy = da.from_array(x1, chunks=2)
    same(mypackage.vecdot(lazy, x2, axis=0), mypackage.vecdot(x1, x2, axis=0))
    same(md.vecdot(x2, lazy, axis=0), mypackage.vecdot(x2, x1, axis=0))
    same(md.vecdot(lazy, x2[0], axis=-1), mypackage.vecdot(x1, x2[0]))
    with pytest.raises(ValueError, match="differ in length: 4 and 1"):
        md.vecdot(lazy, np.ones(1))
    with pytest.raises(np.exceptions.AxisError):
        md.vecdot(lazy, x2, axis=2)


def test_masked_labels_are_integers():
    labels = np.ma.array([0.9, 1.0], mask=[False, True])
    for array in (np.ones(2), da.ones(2, chunks=1)):
        with pytest.raises(TypeError, match="group_idx must be of an integer dtype, not float64"):
            mypackage.group_sum(labels, array, size=2)


def test_trouble_is_reported_in_the_name_of_the_function():
    huge, labels = da.full(4, 1e308, chunks=1), np.zeros(4, int)
    for name, lazy in [
        ("sum", mypackage.sum(huge)),
        ("group_sum", md.group_sum(labels, huge, size=1)),
        ("vecdot", md.vecdot(huge, huge)),
    ]:
        with pytest.warns(RuntimeWarning, match=f"^overflow encountered in {name}$"):
            assert lazy.compute(scheduler="sync") == np.inf
    with pytest.warns(RuntimeWarning, match="^invalid value encountered in mean$"):
        mypackage.mean(da.from_array([np.inf, -np.inf], chunks=1)).compute(scheduler="sync")
    message = f"^sum: the exact result {2**63} does not fit int64; use dtype=object"
    with pytest.raises(OverflowError, match=message):
        mypackage.sum(da.full(2, 2**62, chunks=1)).compute(scheduler="sync")


# Averages


@settings(deadline=None, max_examples=60)
@given(
    data=st.data(),
    axis=st.sampled_from([None, 0, 1, -1, (0, 1), (2, 0), (0, 1, 2)]),
    keepdims=st.booleans(),
    split_every=st.sampled_from([None, 2]),
)
def test_average_of_any_chunking(data, axis, keepdims, split_every):
    values, weights = wild((6, 5, 4)), wild((6, 5, 4), seed=1)
    if axis is not None and data.draw(st.booleans()):
        axes = axis if isinstance(axis, tuple) else (axis,)
        weights = wild([values.shape[one] for one in axes], seed=2)
    lazy = da.from_array(values, chunks=data.draw(chunked(values.shape)))
    expected = mypackage.average(values, axis, weights, returned=True, keepdims=keepdims)
    chunks = data.draw(chunked(weights.shape))
    for factors in (weights, da.from_array(weights, chunks=chunks)):
        result = md.average(lazy, axis, factors, True, keepdims, split_every=split_every)
        for ours, theirs in zip(result, expected, strict=True):
            same(ours, theirs, "sync")
    same(md.average(values, axis, factors, keepdims=keepdims), expected[0], "sync")


@pytest.mark.parametrize("weights", [None, "f4", "i2", "?"])
@pytest.mark.parametrize("dtype", ["?", "i8", "u2", "f2", "f4", "f8", "c8", ">f8"])
def test_average_dtypes(dtype, weights):
    values = (np.arange(60).reshape(12, 5) % 7).astype(dtype)
    if values.dtype.kind in "fc":
        values /= 3
    factors = None if weights is None else (np.arange(60).reshape(12, 5) % 4 + 1).astype(weights)
    lazy = da.from_array(values, chunks=(5, 2))
    for axis in (None, 0, -1):
        expected = mypackage.average(values, axis, factors, returned=True)
        result = mypackage.average(lazy, axis, factors, returned=True)
        for ours, theirs in zip(result, expected, strict=True):
            same(ours, theirs)
        same(mypackage.average(lazy, axis, factors), expected[0])


def test_average_is_lazy_and_refuses():
    ones = da.ones((4, 3), chunks=2)
    lazy = mypackage.average(ones, axis=0, weights=da.zeros(4, chunks=2))
    with pytest.raises(ZeroDivisionError, match="average: weights sum to zero"):
        lazy.compute(scheduler="sync")
    with pytest.raises(TypeError, match="Axis must be specified"):
        mypackage.average(ones, weights=np.ones(3))
    with pytest.raises(ValueError, match=r"Shape of weights .* \(3,\)"):
        mypackage.average(ones, axis=0, weights=np.ones(3))
    with pytest.raises(TypeError, match="must be real"):
        mypackage.average(ones, weights=ones * 1j)
    with pytest.raises(TypeError, match="no exact"):
        mypackage.average(ones.astype("M8[s]"), weights=ones)
    with pytest.raises(np.exceptions.AxisError):
        mypackage.average(ones, 2, ones)
    with pytest.warns(RuntimeWarning, match="overflow"):
        huge = md.average(da.from_array([1e308, -1e308], chunks=1), weights=[1.0, -0.999])
        assert huge.compute(scheduler="sync") == np.inf


@pytest.mark.parametrize("lost", [False, True])
def test_average_of_times_by_weights_in_other_chunks(lost):
    times = np.arange(1, 7).reshape(2, 3).astype("m8[s]")
    if lost:
        times[0, 1] = "NaT"
    weights = np.arange(1, 7).reshape(2, 3)
    lazy, some = da.from_array(times, chunks=(1, 2)), da.from_array([True] * 3, chunks=1)
    for factors in (
        da.from_array(weights, chunks=(2, 1)),
        da.from_array(weights, chunks=(2, 1))[:, some],
    ):
        for axis, keepdims in ((0, False), (1, True), (None, False)):
            expected = mypackage.average(times, axis, weights, keepdims=keepdims)
            result = mypackage.average(lazy, axis, factors, keepdims=keepdims)
            assert result.dtype == times.dtype
            np.testing.assert_array_equal(result.compute(), expected)


def test_average_of_special_values_and_of_unknown_sizes():
    values, weights = np.array([1.0, np.inf, 2.0]), np.array([1e308, 1e308, 1e-308])
    lazy = da.from_array(values, chunks=1)
    same(md.average(lazy, weights=weights), mypackage.average(values, weights=weights))
    some = lazy[lazy < 5]
    result, total = md.average(some, returned=True)
    assert (result.compute(), total.compute()) == (1.5, 2.0)


def test_masked_weights_and_labels():
    """Masked weights of another shape, and masked labels, as in memory."""
    values = np.ma.masked_equal(np.arange(12.0).reshape(3, 4), 5)
    weights = np.ma.array([1.0, 2.0, 3.0, 4.0], mask=[0, 1, 0, 1])
    for a in (values, values.data):
        for chunked in (weights, da.from_array(weights, chunks=3)):
            lazy = mypackage.average(da.from_array(a, chunks=2), 1, chunked, returned=True)
            wanted = mypackage.average(a, 1, weights, returned=True)
            for result, expected in zip(lazy, wanted, strict=True):
                assert np.array_equal(result.compute(), expected)
    labels = np.ma.array([0, 1, 1, 2], "u1", mask=[0, 0, 1, 0])
    result = mypackage.group_sum(labels, da.from_array(values.data, chunks=2))
    assert np.array_equal(result.compute(), mypackage.group_sum(labels, values.data))


def test_masked_prefixes():
    """A masked element stays masked in every chunk."""
    values = np.ma.masked_equal(np.arange(12.0).reshape(4, 3) % 5, 0)
    for a in (values, values.astype(int)):
        for axis in (0, 1):
            result = mypackage.cumsum(da.from_array(a, chunks=2), axis).compute()
            expected = mypackage.cumsum(a, axis)
            assert np.array_equal(np.ma.getmaskarray(result), expected.mask)
            assert result.tolist() == expected.tolist()


def test_masked_averages():
    values = np.ma.masked_greater(np.arange(12.0).reshape(4, 3), 7)
    values[:, 1] = np.ma.masked
    weights = np.arange(1.0, 13.0).reshape(4, 3)
    for a, w in ((values, weights), (values.data, np.ma.array(weights, mask=values.mask))):
        for axis in (None, 0, 1):
            lazy = md.average(da.from_array(a, chunks=2), axis, da.from_array(w, chunks=2))
            result = np.ma.asarray(lazy.compute(scheduler="sync"))
            expected = np.ma.asarray(mypackage.average(a, axis, w))
            _, lazy = md.average(da.from_array(values, chunks=2), axis, returned=True)
            count = np.ma.asarray(lazy.compute(scheduler="sync"))
            assert np.array_equal(np.ma.filled(count, 0), np.ma.count(values, axis))
            assert np.array_equal(np.ma.getmaskarray(result), np.ma.getmaskarray(expected))
            assert np.array_equal(np.ma.filled(result, 0), np.ma.filled(expected, 0))


# Cumulative sums


@settings(deadline=None, max_examples=30)
@given(data=st.data(), axis=st.sampled_from([None, 0, 1, -1]), dtype=st.sampled_from([None, "f4"]))
def test_cumsum_of_any_chunking(data, axis, dtype):
    values = wild((6, 5))
    values[data.draw(st.integers(0, 5)), 2] = data.draw(st.sampled_from([np.inf, np.nan, 1e308]))
    values[data.draw(st.integers(0, 5)), 2] = data.draw(st.sampled_from([-np.inf, 0.0, 1e308]))
    # dask cannot flatten empty chunks.
    chunks = st.integers(1, 6) if axis is None else chunked(values.shape)
    lazy = da.from_array(values, chunks=data.draw(chunks))
    with np.errstate(all="ignore"):
        same(mypackage.cumsum(lazy, axis, dtype), mypackage.cumsum(values, axis, dtype), "sync")


@pytest.mark.parametrize("dtype", DTYPES)
def test_cumsum_dtypes(dtype):
    values = (np.arange(15).reshape(3, 5) % 4).astype(dtype)
    if values.dtype.kind in "fc":
        values /= 3
    same(mypackage.cumsum(da.from_array(values, chunks=2), 0), mypackage.cumsum(values, 0))


def test_cumsum_beyond_the_floats():
    values = np.array([1e308, 1e308, -1e308, -1e308, 1.0])
    with np.errstate(over="ignore"):
        expected = mypackage.cumsum(values)
        same(md.cumsum(da.from_array(values, chunks=1)), expected, "sync")
    assert expected[-1] == 1.0


# Groups


@settings(deadline=None, max_examples=40)
@given(data=st.data(), name=st.sampled_from(["group_sum", "group_mean"]), axis=st.integers(-2, 1))
def test_groups_of_any_chunking(data, name, axis):
    values = wild((9, 8))
    count = values.shape[axis]
    labels = np.array(data.draw(st.lists(st.integers(-1, 4), min_size=count, max_size=count)))
    lazy = da.from_array(values, chunks=data.draw(chunked(values.shape)))
    options = {
        "axis": axis,
        "size": 6,
        "fill_value": 7,
        "dtype": data.draw(st.sampled_from(["f4", None])),
    }
    with np.errstate(over="ignore"):
        expected = getattr(mypackage, name)(labels, values, **options)
        same(getattr(mypackage, name)(labels, lazy, **options), expected, "sync")
        lazy_labels = da.from_array(labels, chunks=3)
        same(getattr(md, name)(lazy_labels, lazy, **options, split_every=2), expected, "sync")


def test_groups_of_dtypes():
    labels = [0, 2, 2, -1, 0]
    for dtype in DTYPES:
        values = (np.arange(15).reshape(3, 5) % 4).astype(dtype)
        if values.dtype.kind in "fc":
            values /= 3
        for name in ("group_sum", "group_mean"):
            function = getattr(mypackage, name)
            same(function(labels, da.from_array(values, chunks=2)), function(labels, values))


def test_group_refusals():
    lazy = da.ones((4, 3), chunks=2)
    with pytest.raises(ValueError, match="size="):
        mypackage.group_sum(da.zeros(3, dtype=int), lazy)
    with pytest.raises(ValueError, match="axis 1 of array has length 3"):
        mypackage.group_sum([0, 1], lazy)
    with pytest.raises(ValueError, match=r"label 5 .* not below size=2"):
        mypackage.group_sum([0, 5, 0], lazy, size=2).compute(scheduler="sync")


# Size


def test_a_sum_over_many_chunks_stays_small():
    """10,000 chunks: about one task for each and the tree's; a state of some 30 bytes each."""
    lazy = da.ones(10_000, chunks=1)
    result = md.sum(lazy)
    assert len(result.__dask_graph__()) <= len(da.sum(lazy).__dask_graph__())
    assert result.compute() == 10_000.0


def test_states_are_small():
    from dask.sizeof import sizeof

    state = mypackage.ExactSum((1000, 10)).add(np.full((1000, 10), 0.1))
    assert 16 * 10_000 <= sizeof(state) < 20 * 10_000
    assert len(state.to_bytes()) < 17 * 10_000


# Schedulers


def test_a_chunk_is_summed_on_its_own_thread():
    """A scheduler has a thread for each chunk; what callers set is as before, after errors too."""
    run_serially = mypackage._native.run_serially
    with mypackage.threads(3):
        assert run_serially(mypackage.get_num_threads) == 1
        with pytest.raises(ZeroDivisionError):
            run_serially(lambda: 1 // 0)
        assert run_serially(run_serially, mypackage.get_num_threads) == 1
        assert mypackage.get_num_threads() == 3


def test_processes():
    values = wild((40, 30))
    lazy = da.from_array(values, chunks=(9, 13))
    for axis in (None, 0):
        same(md.sum(lazy, axis), mypackage.sum(values, axis), "processes")


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes on this machine."""
    distributed = pytest.importorskip("distributed")
    settings = {
        "distributed.worker.memory.terminate": False,
        "distributed.admin.log-format": "%(message)s",
    }
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):  # fmt: skip
        yield client


@pytest.mark.filterwarnings("ignore")  # distributed closes some sockets late
def test_cluster(cluster):
    values = wild((40, 30))
    lazy = da.from_array(values, chunks=(7, 11))
    for name in REDUCTIONS:
        for axis in (None, 0, 1):
            result = cluster.compute(getattr(md, name)(lazy, axis)).result(timeout=120)
            assert np.array_equal(result, getattr(mypackage, name)(values, axis))


def _slowly(block, seconds):
    time.sleep(seconds)
    return block


@pytest.mark.filterwarnings("ignore")  # distributed closes some sockets late
def test_a_killed_worker_changes_nothing(cluster):
    """Its chunks are summed again elsewhere: no element is lost, and none counts twice."""
    values = wild(4000)
    lazy = da.from_array(values, chunks=50).map_blocks(partial(_slowly, seconds=0.05), dtype="f8")
    future = cluster.compute(md.sum(lazy))
    done = lambda: sum(cluster.run_on_scheduler(_tasks_in_memory).values())  # noqa: E731
    deadline = time.monotonic() + 60
    while done() < 10 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not future.done()
    victim = next(iter(cluster.run(os.getpid).values()))
    os.kill(victim, signal.SIGKILL)
    assert future.result(timeout=120) == exact_sum(values)
    assert victim not in cluster.run(os.getpid).values()


def _tasks_in_memory(dask_scheduler):
    return {address: len(w.has_what) for address, w in dask_scheduler.workers.items()}


# Documentation and the missing extra


def test_a_missing_extra_is_named():
    code = "import sys; sys.modules['dask'] = None; import mypackage.dask"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "pip install 'dask[array]'" in run.stderr
