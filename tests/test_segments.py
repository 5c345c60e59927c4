"""Segments, and the other names of cumulative sums, against exact fractions."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts import DTYPES
from reference import reduce, same

import mypackage

RNG = np.random.default_rng(23)


def expected_segments(name, values, offsets, axis):
    lines = np.moveaxis(values, axis, -1)
    parts = [
        reduce(name, lines[..., start:end], axis=-1) for start, end in itertools.pairwise(offsets)
    ]
    return np.moveaxis(np.stack(parts, -1), -1, axis)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_dtypes_and_axes(name, dtype, axis):
    values = RNG.integers(0, 100, (9, 8)).astype(dtype)
    if np.dtype(dtype).kind in "fc":
        values = (values * RNG.standard_normal(values.shape)).astype(dtype)
        values[2, 3], values[5, 5] = np.nan, np.inf
    for offsets in ([0, 3, 3, 8], [1, 2, 6], [4], [0, 0, 0], np.array([2, 8], "u1")):
        result = getattr(mypackage, f"segment_{name}")(values, offsets, axis=axis)
        if len(offsets) > 1:
            expected = expected_segments(name, values, offsets, axis)
            np.testing.assert_array_equal(result, expected)
            assert result.dtype == expected.dtype
        else:
            assert result.shape[axis] == 0


@given(values=st.lists(st.floats(), max_size=30), data=st.data())
def test_any_numbers(values, data):
    offsets = sorted(data.draw(st.lists(st.integers(0, len(values)), min_size=2, max_size=9)))
    with np.errstate(all="ignore"):
        result = mypackage.segment_sum(np.array(values, float), offsets)
    same(result, expected_segments("sum", np.array(values, float), offsets, 0))


@pytest.mark.parametrize("lengths", [[0, 5, 100, 2000, 3, 1, 0, 70], [100] * 50, [1] * 1000])
def test_many_numbers(lengths):
    for scale in (1.0, 1e300, 5e-324):
        values = RNG.standard_normal(sum(lengths)) * scale
        offsets = np.append(0, np.cumsum(lengths))
        for name in ("sum", "mean"):
            result = getattr(mypackage, f"segment_{name}")(values, offsets)
            function = getattr(mypackage, name)
            for i, (start, end) in enumerate(itertools.pairwise(offsets)):
                if start < end:
                    assert result[i] == function(values[start:end])


def test_time_differences():
    values = np.array([1, 2, 4, 9], "m8[s]")
    values[3] = "NaT"
    sums = mypackage.segment_sum(values, [0, 2, 2, 3, 4])
    np.testing.assert_array_equal(sums, np.array([3, 0, 4, "NaT"], "m8[s]"))
    means = mypackage.segment_mean(values, [0, 2, 2, 4])
    np.testing.assert_array_equal(means, np.array([2, "NaT", "NaT"], "m8[s]"))


@pytest.mark.parametrize(
    ("offsets", "error"),
    [
        ([], ValueError),
        ([[0, 1]], ValueError),
        (0, ValueError),
        ([0, 5], ValueError),
        ([-1, 2], ValueError),
        ([2, 1], ValueError),
        (np.array([0, 2**63], "u8"), ValueError),
        ([0.0, 1.0], TypeError),
        ([False, True], TypeError),
        (["0"], TypeError),
    ],
)
def test_wrong_offsets(offsets, error):
    for name in ("segment_sum", "segment_mean"):
        with pytest.raises(error, match=name):
            getattr(mypackage, name)(np.arange(4.0), offsets)


def test_other_errors():
    with pytest.raises(ValueError, match="0-dimensional"):
        mypackage.segment_sum(1.0, [0])
    with pytest.raises(OverflowError):
        mypackage.segment_sum(np.array([2**63 - 1, 1]), [0, 2])
    with pytest.raises(TypeError, match="axis"):
        mypackage.segment_sum([1.0], [0, 1], axis=True)
    with pytest.raises(np.exceptions.AxisError):
        mypackage.segment_sum([1.0], [0, 1], axis=1)


# -- Cumulative sums by other names ----------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_cumulative_sum(dtype):
    a = RNG.integers(0, 9, (3, 4)).astype(dtype)
    for axis in (0, 1, -1):
        expected = mypackage.cumsum(a, axis)
        same(mypackage.cumulative_sum(a, axis=axis), expected)
        longer = mypackage.cumulative_sum(a, axis=axis, include_initial=True)
        assert longer.dtype == expected.dtype
        np.testing.assert_array_equal(longer, np.insert(expected, 0, 0, axis=axis))
        out = np.empty_like(longer)
        assert mypackage.cumulative_sum(a, axis=axis, out=out, include_initial=True) is out
        np.testing.assert_array_equal(out, longer)
        if hasattr(np, "cumulative_sum"):
            theirs = np.cumulative_sum(a, axis=axis, include_initial=True)
            assert theirs.dtype == longer.dtype
    with pytest.raises(ValueError, match="axis"):
        mypackage.cumulative_sum(a)
    with pytest.raises(ValueError, match="shape"):
        mypackage.cumulative_sum(a, axis=0, out=np.empty((3, 4)), include_initial=True)


def test_cumulative_sum_of_little():
    assert mypackage.cumulative_sum(3.0).tolist() == [3.0]
    assert mypackage.cumulative_sum([], include_initial=True).tolist() == [0.0]
    assert mypackage.cumulative_sum([2**53, 1, 1]).tolist() == [2**53, 2**53 + 1, 2**53 + 2]


@given(st.lists(st.sampled_from([np.nan, 1e16, -1e16, 1.0, 0.1, np.inf, -np.inf]), max_size=12))
def test_nancumsum(values):
    a = np.array(values, float)
    with np.errstate(all="ignore"):
        result = mypackage.nancumsum(a)
        np.testing.assert_array_equal(result, mypackage.cumsum(np.where(np.isnan(a), 0.0, a)))
        np.testing.assert_array_equal(np.isnan(a), np.isnan(np.array(values)))


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", ">f8", ">f4"])
def test_nancumsum_of_layouts(dtype):
    a = RNG.standard_normal((60, 70)) * 100
    a[RNG.random(a.shape) < 0.1] = np.nan
    a[0, :2] = np.nan
    a = a.astype(dtype)
    native = np.dtype(dtype).newbyteorder("=")

    def prefixes(line, to):
        filled = [0.0 if x != x else float(x) for x in line.ravel()]
        return np.array([math.fsum(filled[: end + 1]) for end in range(len(filled))]).astype(to)

    for line in (a[0], a[3, ::-3], a.T[5], a[:, 7], a[::2, ::9], a.T[:9, :20], a[1, 1]):
        same(mypackage.nancumsum(line), prefixes(line, native))
        same(mypackage.nancumsum(line, dtype="c16"), prefixes(line, "c16"))
        out = np.zeros(line.size)
        assert mypackage.nancumsum(line, None, None, out) is out
        same(out, prefixes(line, "f8"))
    for axis in (0, 1):
        rows = np.moveaxis(mypackage.nancumsum(a, axis), axis, -1)
        for line, result in zip(np.moveaxis(a, axis, -1), rows, strict=True):
            same(result, prefixes(line, native))
    with pytest.raises(ValueError, match="axis 1"):
        mypackage.nancumsum(a[0], 1)
    with pytest.raises(TypeError, match="nancumsum"):
        mypackage.nancumsum(a[0], dtype="i8")


def test_nancumsum_of_other_kinds():
    assert mypackage.nancumsum([[1, 2], [3, 4]], axis=0).tolist() == [[1, 2], [4, 6]]
    complex_ones = np.array([1j, complex(np.nan, 1), 2])
    assert mypackage.nancumsum(complex_ones).tolist() == [1j, 1j, 2 + 1j]
    assert mypackage.nancumsum(np.array([np.nan, 1], "f4")).dtype == np.float32
    da = pytest.importorskip("dask.array")
    lazy = mypackage.nancumsum(da.from_array(np.array([np.nan, 1.0]), 1), axis=0)
    assert lazy.compute().tolist() == [0.0, 1.0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_group_cumsum(dtype, axis):
    a = RNG.integers(0, 100, (40, 30)).astype(dtype)
    if np.dtype(dtype).kind in "fc":
        a = (a * RNG.standard_normal(a.shape)).astype(dtype)
    labels = RNG.integers(-1, 5, a.shape[axis]) * 10**12
    result = mypackage.group_cumsum(labels, a, axis=axis, fill_value=0)
    lines, results = np.moveaxis(a, axis, -1), np.moveaxis(result, axis, -1)
    assert (results[..., labels < 0] == 0).all()
    for label in set(labels[labels >= 0].tolist()):
        expected = mypackage.cumsum(lines[..., labels == label], axis=-1)
        same(results[..., labels == label], expected)


def test_group_cumsum_arguments():
    result = mypackage.group_cumsum([0, -1, 0], [1.0, 2.0, 3.0], fill_value=np.nan)
    np.testing.assert_array_equal(result, [1.0, np.nan, 4.0])
    with pytest.raises(ValueError, match="labels"):
        mypackage.group_cumsum([0], [1.0, 2.0])
    with pytest.raises(ValueError, match="size"):
        mypackage.group_cumsum([0, 3], [1.0, 2.0], size=3)
    with pytest.raises(ValueError, match="fill_value"):
        mypackage.group_cumsum([0, -1], [1, 2], fill_value=0.5)
    with pytest.raises(OverflowError, match="group_cumsum"):
        mypackage.group_cumsum([0, 1, 0], np.array([2**63 - 1, 1, 1]))
    with pytest.raises(TypeError, match="axis"):
        mypackage.group_cumsum([0], [1.0], axis=None)
