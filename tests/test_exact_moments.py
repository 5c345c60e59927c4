"""ExactMoments: exact, whatever the order, the grouping and what was taken back."""

from __future__ import annotations

import copy
import math
import pickle
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import root_to_format, to_format

import mypackage
from mypackage import ExactMoments
from mypackage._core.rounding import nearest

numbers = st.floats(allow_nan=False, allow_infinity=False)


def exact_var(values, ddof=0):
    values = [Fraction(x) for x in values]
    n, total = len(values), sum(values)
    v = n * sum(x * x for x in values) - total * total
    return v / (n * (n - Fraction(ddof)))


@given(st.lists(numbers, min_size=1), st.data())
def test_order_and_grouping_are_no_matter(values, data):
    cut = data.draw(st.integers(0, len(values)))
    shuffled = data.draw(st.permutations(values))
    left, right = ExactMoments().add(values[:cut]), ExactMoments().add(values[cut:])
    merged = left + right
    whole = ExactMoments().add(shuffled)
    assert merged == whole == ExactMoments().merge(right, left)
    assert merged.to_bytes() == whole.to_bytes()
    with np.errstate(over="ignore"):
        assert whole.var() == to_format(exact_var(values), np.float64)
        assert whole.std() == root_to_format(exact_var(values))
        assert whole.norm() == root_to_format(sum(Fraction(x) ** 2 for x in values))
    assert whole.count == len(values)


@given(st.lists(st.floats()), st.lists(st.floats()))
def test_what_was_added_can_be_taken_back(kept, gone):
    moments = ExactMoments().add(kept)
    before = moments.to_bytes()
    moments.add(gone)
    moments -= np.array(gone)
    assert moments.to_bytes() == before
    # In the other order, by way of negative counts.
    moments = ExactMoments().subtract(gone)
    assert (moments.add(kept) + gone).to_bytes() == before


@pytest.mark.parametrize("ddof", [0, 1, 0.1, Fraction(1, 3), -2.5])
def test_ddof_is_exact(ddof):
    values = [5.0, 0.0, 5.0, 1e9, 0.1]
    moments = ExactMoments().add(values)
    assert moments.var(ddof) == to_format(exact_var(values, ddof), np.float64)
    assert moments.std(ddof=ddof) == root_to_format(exact_var(values, ddof))
    assert moments.var(ddof, np.float32).dtype == np.float32
    with np.errstate(over="ignore"):
        assert moments.var(ddof, np.float16) == to_format(exact_var(values, ddof), np.float16)


def test_complex():
    values = np.array([1 + 2j, 3 - 1j, 0.1j])
    moments = ExactMoments().add(values.real).add(1j * values.imag)
    moments = ExactMoments().add(values)
    real, imag = ([Fraction(x) for x in part.tolist()] for part in (values.real, values.imag))
    squares = sum(x * x for x in real + imag)
    v = 3 * squares - sum(real) ** 2 - sum(imag) ** 2
    assert moments.var() == to_format(v / 9, np.float64)
    assert moments.norm() == root_to_format(squares)
    assert moments.mean() == mypackage.mean(values)
    assert pickle.loads(pickle.dumps(moments)) == moments
    assert (ExactMoments().add([1.0]) + moments).count == 4


def test_no_freedom_is_no_warning():
    moments = ExactMoments().add([1.0, 2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert moments.var(2) == np.inf
        assert math.isnan(ExactMoments().add([1.0]).var(1))
        assert math.isnan(ExactMoments().var())
        assert math.isnan(ExactMoments().subtract([1.0]).std())
    assert ExactMoments().norm() == 0


def test_a_mean_of_nothing_warns_by_its_own_name():
    for empty in (ExactMoments(), ExactMoments(2)):
        with pytest.warns(RuntimeWarning, match=r"^Mean of empty slice in ExactMoments\.mean$"):
            assert np.isnan(empty.mean()).all()
    with pytest.raises(TypeError, match=r"^ExactMoments\.mean: "):
        ExactMoments().add([1.0]).mean("M8[s]")


def test_impossible_sums():
    moments = ExactMoments().add([1.0, 2.0, 4.0]).subtract([5.0])
    with pytest.raises(ValueError, match="no numbers have these sums"):
        moments.var()
    with pytest.raises(ValueError, match="taken back"):
        moments.norm()
    assert "none" in repr(moments)
    assert ExactMoments().add([1.0, 2.0, 4.0]).subtract([5.0]).add([5.0]).norm() == math.sqrt(21)


def test_what_is_not_finite():
    moments = ExactMoments().add([1.0, np.inf, 3.0])
    with np.errstate(invalid="ignore"):
        assert math.isnan(moments.var())
    assert moments.norm() == np.inf
    moments.add([np.nan, -np.inf])
    assert math.isnan(moments.norm())
    moments.subtract([np.nan, np.inf, -np.inf])
    assert moments.var() == 1.0


def test_arrays_of_moments():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(50, 3)) * 10.0 ** rng.integers(-9, 9, (50, 3))
    moments = ExactMoments(3)
    for rows in np.array_split(table, 4):
        moments += rows
    assert moments.shape == (3,) and moments.count.tolist() == [50] * 3
    expected = [ExactMoments().add(column) for column in table.T]
    for name in ("mean", "var", "std", "norm"):
        got = getattr(moments, name)()
        assert got.tolist() == [float(getattr(one, name)()) for one in expected]
    assert moments == ExactMoments(3).add(table.T, axis=1)
    with pytest.raises(ValueError, match="shape"):
        moments.add(table.T)
    with pytest.raises(ValueError, match="shape"):
        moments.merge(ExactMoments(2))
    cube = rng.integers(-(2**60), 2**60, (4, 5, 6))
    got = ExactMoments(5).add(cube, axis=(0, 2)).var().tolist()
    assert got == [to_format(exact_var(map(int, cube[:, k].ravel())), np.float64) for k in range(5)]


@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "i4", "u8", "f2", "f4", "c8", ">f8", ">i4"])
def test_every_dtype(dtype):
    values = np.array([1, 0, 3, 100, 7], dtype="i4").astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = [float(x.real) for x in values]
    assert ExactMoments().add(values).var() == to_format(exact_var(plain), np.float64)
    assert ExactMoments().add(values[::-2]).count == 3


def test_where_masks_and_iterators():
    values = np.array([1.0, np.nan, 3.0, np.inf])
    expected = ExactMoments().add([1.0, 3.0])
    valid = np.isfinite(values)
    assert ExactMoments().add(values, where=valid) == expected
    assert ExactMoments().add(np.ma.array(values, mask=~valid)) == expected
    assert ExactMoments().add(iter([[1.0], [3.0]])) == expected
    assert expected.subtract(iter([[1.0], [3.0]])) == ExactMoments()
    assert ExactMoments().add(5.0).count == 1


def test_bytes():
    moments = ExactMoments().add([0.1, 1e300, -5.0])
    data = moments.to_bytes()
    assert ExactMoments.from_bytes(bytearray(data)) == moments
    assert len(ExactMoments().add(np.random.default_rng(0).normal(size=1000)).to_bytes()) < 100
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 64
        with pytest.raises(ValueError, match="not exact moments"):
            ExactMoments.from_bytes(damaged)
        with pytest.raises(ValueError, match="not exact moments"):
            ExactMoments.from_bytes(data[:at])
    with pytest.raises(ValueError, match="not exact moments"):
        ExactMoments.from_bytes(data + b"\0")


def test_as_a_value():
    moments = ExactMoments().add([1.0, 3.0])
    assert repr(moments) == "ExactMoments(mean=2.0, var=1.0, count=2)"
    assert repr(ExactMoments(2).add([[1.0, 2.0], [3.0, 2.0]])) == (
        "ExactMoments(mean=[2., 2.], var=[1., 0.], count=[2, 2])"
    )
    assert repr(ExactMoments((2, 1))) == (
        "ExactMoments(mean=[[nan],\n                   [nan]],\n             var=[[nan],\n"
        "                  [nan]],\n             count=[[0],\n                    [0]])"
    )
    assert "<caption>ExactMoments</caption>" in moments._repr_html_()
    assert "of shape" in ExactMoments(4)._repr_html_()
    for other in (copy.copy(moments), copy.deepcopy(moments), moments.copy()):
        other += 5.0
        assert other != moments and moments.count == 2
    assert sum([moments, moments]).count == 4
    assert (np.array([1.0]) + moments).count == 3
    assert moments != 3 and (moments - [1.0]).var() == 0
    with pytest.raises(TypeError):
        hash(moments)
    with pytest.raises(TypeError, match="not an ExactMoments"):
        moments.merge(mypackage.ExactSum())
    with pytest.raises(TypeError, match="real number"):
        moments.var(1j)
    with pytest.raises(TypeError, match="float64"):
        moments.var(dtype=int)


def test_rationals_round_as_the_reference():
    for value in (Fraction(1, 3), Fraction(2**200 + 1, 3**50), Fraction(1, 7**500)):
        assert nearest(value, np.dtype(float)) == to_format(value, np.float64)
        assert nearest(value, np.dtype(float), root=True) == root_to_format(value)
        assert nearest(-value, np.dtype(float), root=True) == -root_to_format(value)


@given(
    st.lists(
        st.one_of(
            st.integers(-(2**400), 2**400),
            st.floats(-1e60, 1e60),
            st.builds(Fraction, st.integers(-99, 99), st.sampled_from([1, 2, 1024])),
        ),
        min_size=2,
        max_size=8,
    )
)
def test_moments_of_objects(numbers):
    array = np.array([*numbers, None], object)[:-1]
    mean = sum(map(Fraction, numbers)) / len(numbers)
    scatter = sum((Fraction(x) - mean) ** 2 for x in numbers)
    with np.errstate(over="ignore"):
        for ddof in (0, 1):
            exact = Fraction(scatter, len(numbers) - ddof)
            expected = to_format(exact, np.float64)
            assert mypackage.ExactMoments().add(array).var(ddof) == expected
            labels = [3] * len(numbers)
            assert mypackage.group_var(labels, array, ddof=ddof)[3] == expected
            assert mypackage.group_var(labels, array, ddof=ddof, dtype=object)[3] == exact
            root = mypackage.ExactMoments().add(array).std(ddof)
            assert (
                mypackage.group_std(labels, array, ddof=ddof)[3]
                == root
                == mypackage.std(array, ddof=ddof)
            )


def test_moments_of_objects_by_label():
    array = np.array([[10**30, 5, 10**30 + 3, Fraction(1, 3)], [1, 2, 5, 2**70]], object)
    result = mypackage.group_var([0, 1, 0, -1], array, size=4)
    assert result[:, :2].tolist() == [[2.25, 0], [4, 0]] and np.isnan(result[:, 2:]).all()
    assert mypackage.group_var([0, 1], array.T[:2], axis=0, fill_value=-1, ddof=1).tolist() == [
        [-1, -1],
        [-1, -1],
    ]
    moments = mypackage.ExactMoments((2,)).add(array[:, :3], axis=1)
    assert moments.count.tolist() == [3, 3] and moments.subtract(array[:, :3], axis=1).count[0] == 0
    for numbers in ([Fraction(1, 3)], [1j], [Decimal(1)], [None]):
        with pytest.raises(TypeError, match="ExactMoments: "):
            moments.add(np.array([numbers, numbers], object), axis=1)
    with pytest.raises(OverflowError, match="an ExactSum holds"):
        mypackage.ExactMoments().add(np.array([10**400], object))
    with pytest.raises(TypeError, match=r"group_var: .*str"):
        mypackage.group_var([0], np.array(["a"], object))
