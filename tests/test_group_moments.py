"""group_var and its kin: a group's result is that of its elements alone."""

from __future__ import annotations

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import exact_sum, root_to_format, to_format
from test_exact_moments import exact_var

import mypackage


def groups_of(labels, values, size):
    return [[x for x, k in zip(values, labels, strict=True) if k == g] for g in range(size)]


@given(
    st.lists(st.tuples(st.integers(-1, 4), st.floats(allow_nan=False, allow_infinity=False))),
    st.integers(0, 2),
)
def test_any_numbers(pairs, ddof):
    labels, values = [k for k, _ in pairs], np.array([x for _, x in pairs])
    with np.errstate(over="ignore"):
        var = mypackage.group_var(labels, values, size=5, ddof=ddof)
        std = mypackage.group_std(labels, values, size=5, ddof=ddof)
    for group, v, s in zip(groups_of(labels, values.tolist(), 5), var, std, strict=True):
        if len(group) <= ddof or not group:
            assert math.isnan(v) and math.isnan(s)
        else:
            assert v == to_format(exact_var(group, ddof), np.float64)
            assert s == root_to_format(exact_var(group, ddof))


@pytest.mark.parametrize("dtype", ["?", "i1", "i8", "u8", "f2", "f4", "f8", "c8", "c16", ">f8"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_dtype_and_axis(dtype, axis):
    rng = np.random.default_rng(axis)
    shape = (4, 5, 6)
    a = rng.integers(-(2**62), 2**62, shape) if dtype in ("i8", "u8") else rng.normal(size=shape)
    if dtype in "c8 c16":
        a = a + 1j * rng.normal(size=shape)
    a = a.astype(dtype) if dtype not in ("?", "i1", "u8") else (a * 3).astype("i8").astype(dtype)
    labels = rng.integers(-1, 3, shape[axis])
    got = mypackage.group_var(labels, a, axis=axis, size=3)
    assert got.shape == (*shape[:axis], 3, *shape[axis + 1 :])
    assert got.dtype == (a.real.dtype.newbyteorder("=") if a.dtype.kind in "fc" else np.float64)
    for g in range(3):
        chosen = np.compress(labels == g, a, axis)
        for place in np.ndindex(*[n for k, n in enumerate(shape) if k != axis]):
            line = np.moveaxis(chosen, axis, -1)[place]
            value = np.moveaxis(got, axis, -1)[place][g]
            if not len(line):
                assert math.isnan(value)
                continue
            parts = [line.real, line.imag] if a.dtype.kind == "c" else [line]
            # The variance of complex numbers is that of their parts, added up.
            exact = sum(exact_var([Fraction(x) for x in p.tolist()]) for p in parts)
            assert value == to_format(exact, got.dtype.type)


def test_counts_sums_and_means_without_nan():
    nan = np.nan
    a = np.array([[1e16, nan, 1.0, nan, -1e16], [nan, nan, 2.0, 3.0, 4.0]])
    labels = [0, 1, 0, 1, 0]
    np.testing.assert_array_equal(mypackage.group_count(labels, a), [[3, 0], [2, 1]])
    assert mypackage.group_count(labels, a).dtype == np.int64
    np.testing.assert_array_equal(mypackage.group_nansum(labels, a), [[1, 0], [6, 3]])
    np.testing.assert_array_equal(mypackage.group_nanmean(labels, a), [[1 / 3, nan], [3, 3]])
    got = mypackage.group_nansum(labels, a, min_count=2)
    np.testing.assert_array_equal(got, [[1, nan], [6, nan]])
    got = mypackage.group_nansum(labels, a, min_count=1, fill_value=-7)
    np.testing.assert_array_equal(got, [[1, -7], [6, 3]])
    got = mypackage.group_nanmean(labels, a, size=3, fill_value=0, axis=-1)
    np.testing.assert_array_equal(got, [[1 / 3, 0, 0], [3, 3, 0]])
    ints = np.array([2**62, 2**62 - 1, 5])
    assert mypackage.group_nansum([0, 1, 1], ints).tolist() == [2**62, 2**62 + 4]
    got = mypackage.group_nansum([0, 1, 1], ints, min_count=2)
    assert math.isnan(got[0]) and got.dtype == np.float64
    assert mypackage.group_count([0, 2], [1, 2]).tolist() == [1, 0, 1]
    assert mypackage.group_count([0, 2], [1, 2], fill_value=-1).tolist() == [1, -1, 1]


def test_group_var_is_never_negative():
    a = np.full(1000, 0.1)
    labels = np.arange(1000) % 7
    assert mypackage.group_var(labels, a).tolist() == [0.0] * 7
    spoilt = mypackage.group_var([0, 0, 1], [np.nan, 1.0, 2.0])
    assert math.isnan(spoilt[0]) and spoilt[1] == 0
    with np.errstate(invalid="ignore"):
        assert math.isnan(mypackage.group_var([0, 0], [np.inf, 1.0])[0])


def test_what_is_empty():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(mypackage.group_var([0, 2], [1.0, 2.0])).tolist() == [False, True, False]
        got = mypackage.group_std([0, 2], [1.0, 2.0], fill_value=-1, ddof=1, dtype="f4")
        assert got.tolist() == [-1, -1, -1] and got.dtype == np.float32
        assert mypackage.group_var([], []).shape == (0,)
        assert mypackage.group_nanmean([0, 2], [1.0, 2.0])[[0, 2]].tolist() == [1, 2]


def test_errors():
    for function in (mypackage.group_var, mypackage.group_count, mypackage.group_nanmean):
        with pytest.raises(ValueError, match="not below size=1"):
            function([0, 1], [1.0, 2.0], size=1)
        with pytest.raises(ValueError, match="3 labels"):
            function([0, 1, 1], [1.0, 2.0])
        with pytest.raises(TypeError, match="supported are"):
            function([0, 1], np.array(["a", "b"]))
        with pytest.raises(np.exceptions.AxisError):
            function([0, 1], [1.0, 2.0], axis=1)
    with pytest.raises(TypeError, match="float64"):
        mypackage.group_var([0, 1], [1.0, 2.0], dtype=int)
    with pytest.raises(ValueError, match="fill_value"):
        mypackage.group_count([0, 2], [1, 2], fill_value=0.5)
    with pytest.raises(TypeError, match="min_count"):
        mypackage.group_nansum([0], [1.0], min_count=1.5)


def test_a_group_is_the_reduction_of_its_elements():
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 50, 20_000)
    for a in (
        rng.normal(size=20_000),
        1e9 + rng.normal(size=20_000),
        np.exp(30 * rng.normal(size=20_000)),
    ):
        var = mypackage.group_var(labels, a, ddof=1)
        moments = [mypackage.ExactMoments().add(a[labels == g]) for g in range(50)]
        assert var.tolist() == [float(m.var(1)) for m in moments]
        assert mypackage.group_nansum(labels, a)[7] == exact_sum(a[labels == 7])


def test_sums_of_enough():
    a = [1.0, np.nan, 2.0, 5.0]
    got = mypackage.group_sum([0, 0, 1, 1], a, min_count=2)
    assert math.isnan(got[0]) and got[1] == 7
    got = mypackage.group_sum([0, 0, 0, 2], [1, 2, 3, 4], min_count=2, fill_value=-1, size=4)
    assert got.tolist() == [6, -1, -1, -1] and got.dtype == np.float64
    assert mypackage.group_sum([0, 0, 2, 2], [1, 2, 3, 4], min_count=0).tolist() == [3, 0, 7]
    with pytest.raises(TypeError, match="min_count"):
        mypackage.group_sum([0], [1.0], min_count="1")


@given(
    st.lists(
        st.tuples(st.integers(-1, 2), st.floats(-1e200, 1e200), st.floats(0, 1e100)), min_size=1
    )
)
def test_weighted_means(rows):
    labels, x, w = ([row[k] for row in rows] for k in range(3))
    groups = [[(a, b) for k, a, b in rows if k == g] for g in range(3)]
    if any(group and not any(b for _, b in group) for group in groups):
        with pytest.raises(ZeroDivisionError, match="sum to zero"):
            mypackage.group_mean(labels, x, size=3, weights=w)
        return
    got = mypackage.group_mean(labels, x, size=3, weights=w)
    for group, value in zip(groups, got, strict=True):
        if not group:
            assert math.isnan(value)
            continue
        above = sum(Fraction(a) * Fraction(b) for a, b in group)
        assert value == to_format(above / sum(Fraction(b) for _, b in group), np.float64)


def test_weights_of_positions_and_of_elements():
    a = np.arange(12.0).reshape(3, 4)
    w = np.array([1.0, 3.0, 0.0, 2.0])
    got = mypackage.group_mean([0, 0, 1, 1], a, weights=w)
    np.testing.assert_array_equal(got, [[0.75, 3.0], [4.75, 7.0], [8.75, 11.0]])
    both = np.broadcast_to(w, a.shape)
    np.testing.assert_array_equal(mypackage.group_mean([0, 0, 1, 1], a, weights=both), got)
    assert mypackage.group_mean([0, 0], [1j, 3.0], weights=[1, 2]).tolist() == [2 + 1j / 3]
    with pytest.raises(ValueError, match="weights have shape"):
        mypackage.group_mean([0, 0, 1, 1], a, weights=[1.0, 2.0])
    with pytest.raises(TypeError, match="real"):
        mypackage.group_mean([0, 0], [1.0, 3.0], weights=[1j, 2])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_masked_elements_are_left_out(axis):
    """A group with labels, but too few numbers, is masked; one without has its fill value."""
    rng = np.random.default_rng(axis)
    shape = (3, 4, 5)
    a = np.ma.array(rng.normal(size=shape), mask=rng.random(shape) < 0.5)
    labels = rng.integers(-1, 3, shape[axis])
    least = {"group_var": 2, "group_std": 1, "group_nanmean": 1, "group_nansum": 1, "group_sum": 2}
    options = {"group_var": {"ddof": 1}, "group_sum": {"min_count": 2}}
    plain = {"group_var": lambda x: mypackage.var(x, ddof=1), "group_std": mypackage.std}
    for name, fewest in least.items():
        found = getattr(mypackage, name)(labels, a, axis=axis, size=5, **options.get(name, {}))
        own = plain.get(name, mypackage.mean if name == "group_nanmean" else mypackage.sum)
        for group in range(5):
            part = np.take(found, group, axis)
            for place in np.ndindex(part.shape):
                line = np.moveaxis(a, axis, -1)[place]
                numbers = line[labels == group].compressed()
                if len(numbers) >= fewest:
                    assert part[place] == own(numbers)
                else:
                    assert np.ma.getmaskarray(part)[place] == (group in labels)
    counts = mypackage.group_count(labels, a, axis=axis, size=5)
    assert type(counts) is np.ndarray
    expected = [np.moveaxis(a, axis, -1)[..., labels == group].count(-1) for group in range(5)]
    np.testing.assert_array_equal(counts, np.stack(expected, axis))


def test_no_groups_of_no_objects():
    empty = np.zeros((0, 3), object)
    for name in ("group_sum", "group_var", "group_std"):
        function = getattr(mypackage, name)
        assert function([], empty, axis=0, size=0).shape == (0, 3)
        assert function([0, 0, 1], empty, axis=1).shape == (0, 2)


def test_one_weight_is_not_taken_for_all():
    array = np.arange(6.0).reshape(2, 3)
    for weights in ([1.0], 2.0, [1.0, 2.0], np.ones((2, 1)), np.ones((1, 2, 3))):
        with pytest.raises(ValueError, match=r"^group_mean: weights have shape \(.*\(2, 3\)"):
            mypackage.group_mean([0, 0, 1], array, weights=weights)
    # Those of the other axis do not go with the labels.
    with pytest.raises(ValueError, match=r"^group_mean: weights have shape \(3,\)"):
        mypackage.group_mean([0, 0], array, axis=0, weights=[1, 2, 3])
    by_row = mypackage.group_mean([0, 0], array, axis=0, weights=[[3.0], [1.0]])
    assert by_row.tolist() == [[0.75, 1.75, 2.75]]
    for axis in (0.5, None, "0"):
        with pytest.raises(TypeError, match=r"^group_var: axis must be an int, not"):
            mypackage.group_var([0, 0, 1], array, axis=axis)


def test_weights_that_no_dtype_holds():
    with pytest.raises(TypeError, match=r"^group_mean: .*asarray\(weights, float\) rounds them"):
        mypackage.group_mean([0, 0], [1.0, 2.0], weights=[2**53 + 1, 0.5])
