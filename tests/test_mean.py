"""``mean`` and ``nanmean``: the exact quotient, rounded once."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts import COMPLEX, DTYPES, FLOATS, INTEGERS, arrays, axes
from reference import reduce, rounded, same

import mypackage

MEANS = ["mean", "nanmean"]


def call(name, *arguments, **options):
    """The function called `name`, silent about all that may happen to floats."""
    with np.errstate(all="ignore"):
        return getattr(mypackage, name)(*arguments, **options)


@pytest.mark.parametrize("name", MEANS)
@pytest.mark.filterwarnings("ignore:Mean of empty slice")
@given(st.data())
def test_any_array_and_axes(name, data):
    """Dtypes, layouts, axes and masks: the bits of the exact mean."""
    a = data.draw(arrays())
    axis = data.draw(axes(a.ndim))
    keepdims = data.draw(st.booleans())
    seed = data.draw(st.integers(0, 99))
    where = True if seed < 30 else np.random.default_rng(seed).random(a.shape) < 0.7
    expected = reduce(name, a, axis, None, keepdims, where=where)
    same(call(name, a, axis, keepdims=keepdims, where=where), expected)


@pytest.mark.parametrize("name", MEANS)
@given(st.data())
def test_dtype_is_what_the_exact_mean_is_rounded_to(name, data):
    """Any dtype of elements to any dtype of result, integers too, from one rounding."""
    a = data.draw(arrays(INTEGERS + FLOATS, finite=True).filter(np.size))
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    if name == "nanmean" and a.dtype.kind in "fc" and dtype.kind not in "fc":
        with pytest.raises(TypeError, match=r"nanmean: .*dtype must be inexact"):
            call(name, a, None, dtype)
        return
    try:
        expected = reduce(name, a, None, dtype)
    except OverflowError:
        with pytest.raises(OverflowError, match=f"^{name}: .*dtype=float64"):
            call(name, a, None, dtype)
    else:
        same(call(name, a, None, dtype), expected)


@given(st.data())
def test_out(data):
    """`out` receives the result, is what is returned, and gives the dtype."""
    a = data.draw(arrays(FLOATS, finite=True).filter(np.size))
    dtype = np.dtype(data.draw(st.sampled_from(FLOATS)))
    out = np.full((), 7, dtype)
    assert call("mean", a, out=out) is out
    same(out, reduce("mean", a, None, dtype))


@pytest.mark.parametrize("dtype", FLOATS)
def test_any_count(dtype):
    """A quotient of a rounded sum would be off for many of these."""
    rng = np.random.default_rng(3)
    for size in [*range(1, 70), 2047, 2048, 2049, 4099]:
        a = rng.standard_normal(size).astype(dtype)
        exact = sum(map(Fraction, a.tolist())) / size
        same(mypackage.mean(a), np.asarray(rounded(exact, dtype)))
        same(
            mypackage.mean(np.repeat(a[:, None], 3, axis=1), 0)[1],
            np.asarray(rounded(exact, dtype)),
        )


def test_where_numpy_fails():
    """Overflow on the way, accumulators that stop, and two roundings."""
    assert mypackage.mean([1.7e308, 1.7e308]) == 1.7e308
    assert mypackage.mean(np.full(3, 60000, "e")) == 60000
    assert mypackage.mean(np.full(7, 300.1, "f")) == np.float32(300.1)
    tiny = 5e-324
    assert mypackage.mean([tiny, tiny, 0.0]) == tiny
    assert mypackage.mean(np.array([2**63 - 1, 2**63 - 1, 1])) == float(Fraction(2**64 - 1, 3))


def test_negative_underflow_keeps_its_sign():
    """As every IEEE 754 division does."""
    result = mypackage.mean([-5e-324, 0.0, 0.0])
    assert result == 0 and np.signbit(result)


@pytest.mark.parametrize("dtype", [*FLOATS, *COMPLEX, "i", "?"])
def test_no_elements(dtype):
    """NaN and NumPy's warning, which names the function and the caller's line."""
    with pytest.warns(RuntimeWarning, match="^Mean of empty slice in mean$") as record:
        result = mypackage.mean(np.empty(0, dtype))
    assert record[0].filename == __file__
    assert np.isnan(result) and result.dtype == np.mean(np.ones(1, dtype)).dtype
    with pytest.warns(RuntimeWarning, match="Mean of empty slice in mean"):
        assert np.isnan(mypackage.mean(np.ones((2, 0), dtype), axis=1)).tolist() == [True, True]
    with pytest.warns(RuntimeWarning, match="Mean of empty slice in mean"):
        mypackage.mean(np.ones(3, dtype), where=False)
    assert mypackage.mean(np.ones((2, 0), dtype), axis=0).shape == (0,)


def test_all_nan():
    """nanmean of nothing but NaNs warns; one such row is NaN, the others are right."""
    a = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]])
    with pytest.warns(RuntimeWarning, match="^Mean of empty slice in nanmean$"):
        same(mypackage.nanmean(a, axis=1), np.array([2.0, np.nan]))
    with pytest.warns(RuntimeWarning, match="Mean of empty slice"):
        same(mypackage.nanmean(a, axis=0), np.array([1.0, np.nan, 3.0]))


def test_infinities():
    """inf - inf is invalid; one infinity is the mean."""
    with pytest.warns(RuntimeWarning, match="^invalid value encountered in mean$"):
        assert np.isnan(mypackage.mean([np.inf, -np.inf]))
    assert mypackage.mean([1.0, -np.inf]) == -np.inf
    with pytest.warns(RuntimeWarning, match="^overflow encountered in mean$"):
        assert np.isinf(mypackage.mean([1e300], dtype="f"))


def test_mean_to_integers():
    """dtype of an integer: half to even."""
    assert [int(mypackage.mean([0, n], dtype=int)) for n in (1, 3, 5, -1, -3)] == [0, 2, 2, 0, -2]
    with pytest.raises(OverflowError, match="mean: the result NaN does not fit int64"):
        mypackage.mean([], dtype=int)


@pytest.mark.parametrize("name", MEANS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_result_types_are_numpys(name, dtype):
    """Scalars, arrays and dtypes, as from NumPy."""
    a = np.ones((2, 3), dtype)
    for options in ({}, {"axis": 0}, {"axis": (0, 1)}, {"keepdims": True}, {"dtype": "f4"}):
        if dtype in COMPLEX and "dtype" in options:
            continue
        ours, theirs = getattr(mypackage, name)(a, **options), getattr(np, name)(a, **options)
        assert isinstance(ours, np.ndarray) == isinstance(theirs, np.ndarray)
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        assert np.array_equal(ours, theirs)


def test_where_is_a_keyword():
    """As in NumPy."""
    with pytest.raises(TypeError):
        mypackage.mean([1.0], None, None, None, False, True)
