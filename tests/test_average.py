"""`mypackage.average` against exact fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import to_float, to_format

import mypackage

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
RNG = np.random.default_rng(22)


def exact_average(values, weights):
    values, weights = ([Fraction(float(x)) for x in numbers] for numbers in (values, weights))
    return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)


@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=1))
def test_any_numbers(pairs):
    values, weights = zip(*pairs, strict=True)
    assume(sum(map(Fraction, weights)) != 0)
    with np.errstate(over="ignore"):
        result = mypackage.average(values, weights=weights)
    assert result == to_float(exact_average(values, weights))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_dtypes(dtype):
    values, weights = RNG.random((2, 1000)).astype(dtype)
    result = mypackage.average(values, weights=weights)
    assert type(result) is dtype
    assert result == to_format(exact_average(values, weights), dtype)
    integers = RNG.integers(-(2**62), 2**62, 50)
    assert mypackage.average(integers, weights=integers) == to_float(
        Fraction(sum(int(i) ** 2 for i in integers), sum(int(i) for i in integers))
    )


def test_list_of_axes():
    """As NumPy's newest, also without weights."""
    a = np.arange(24.0).reshape(2, 3, 4)
    for axis in ([0, 2], [1], [0, 1, 2]):
        for options in ({}, {"keepdims": True}, {"weights": np.ones(a.shape)}):
            result = mypackage.average(a, axis=axis, **options)
            np.testing.assert_array_equal(result, np.average(a, axis=tuple(axis), **options))
    with pytest.raises(ValueError, match="duplicate value in 'axis'"):
        mypackage.average(a, axis=[0, 0])


def test_axes_and_shapes():
    a = RNG.standard_normal((3, 4, 5))
    for axis, shape in [(0, (3,)), (-1, (5,)), ((2, 0), (5, 3)), (None, (3, 4, 5)), (1, (3, 4, 5))]:
        weights = RNG.random(shape)
        for keepdims in (False, True):
            result, total = mypackage.average(a, axis, weights, returned=True, keepdims=keepdims)
            if isinstance(axis, tuple) and np.lib.NumpyVersion(np.__version__) < "2.0.0":
                continue  # np.average takes weights for several axes since NumPy 2.
            twin, twin_total = np.average(a, axis, weights, returned=True, keepdims=keepdims)
            assert np.shape(result) == np.shape(twin)
            assert np.shape(total) == np.shape(twin_total)
            np.testing.assert_allclose(result, twin, rtol=1e-12)
            np.testing.assert_allclose(total, twin_total, rtol=1e-12)
    result = mypackage.average(a, (2, 0), weights=a[:, 0].T)
    expected = [exact_average(a[:, j].ravel(), a[:, 0].ravel()) for j in range(4)]
    np.testing.assert_array_equal(result, [to_float(x) for x in expected])


def test_without_weights():
    a = np.array([[1.0, 2.0], [4.0, 1e300]])
    np.testing.assert_array_equal(mypackage.average(a, axis=0), mypackage.mean(a, axis=0))
    _, count = mypackage.average(a, axis=1, returned=True)
    np.testing.assert_array_equal(count, [2.0, 2.0])
    assert mypackage.average(a, returned=True)[1] == 4.0


def test_complex_elements():
    a = RNG.standard_normal((50, 2)).view(complex)[:, 0]
    weights = RNG.random(50)
    result = mypackage.average(a, weights=weights)
    assert result.real == to_float(exact_average(a.real, weights))
    assert result.imag == to_float(exact_average(a.imag, weights))
    with pytest.raises(TypeError, match="weights must be real"):
        mypackage.average(a, weights=a)


def test_special_values():
    assert mypackage.average([1e308, 1e308], weights=[1e308, 1e308]) == 1e308
    assert mypackage.average([1.0, math.inf], weights=[1.0, 2.0]) == math.inf
    assert math.isnan(mypackage.average([1.0, math.nan], weights=[1.0, 2.0]))
    with pytest.warns(RuntimeWarning, match="overflow encountered in average"):
        mypackage.average([1e308, -1e308], weights=[1.0, -0.999])
    with pytest.raises(ZeroDivisionError, match="weights sum to zero"):
        mypackage.average([1.0, 2.0], weights=[1.0, -1.0])


def test_masked_elements_are_left_out():
    a = np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 1], [0, 1]])
    result = mypackage.average(a, axis=0, weights=np.array([1.0, 3.0]))
    assert result[0] == 2.5 and result[1] is np.ma.masked
    assert mypackage.average(a, weights=np.ones((2, 2))) == 2.0


def test_errors():
    with pytest.raises(TypeError, match="Axis must be specified"):
        mypackage.average(np.ones((2, 3)), weights=[1.0, 2.0])
    with pytest.raises(ValueError, match=r"Shape of weights .* \(2,\)"):
        mypackage.average(np.ones((2, 3)), axis=1, weights=[1.0, 2.0])
    with pytest.raises(np.exceptions.AxisError):
        mypackage.average(np.ones(2), axis=1, weights=[1.0, 2.0])
    with pytest.raises(TypeError, match="no exact result for dtype <U1; supported are bool"):
        mypackage.average(["a"], weights=[1.0])


def test_masked_weights():
    """Weights are masked with their elements, whatever their shape."""
    a = np.arange(6.0).reshape(2, 3)
    weights = np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])
    result, total = mypackage.average(a, axis=1, weights=weights, returned=True)
    np.testing.assert_array_equal(result, [1.5, 4.5])
    np.testing.assert_array_equal(total, [4.0, 4.0])
    weights = np.ma.array([[2.0, 3.0], [4.0, 5.0]], mask=[[1, 1], [0, 1]])
    result, total = mypackage.average(a[:, :2], axis=1, weights=weights, returned=True)
    assert result.tolist() == [None, 3.0] and total.tolist() == [None, 4.0]
    assert mypackage.average(a[0], weights=np.ma.masked_all(3)) is np.ma.masked


class Subclass(np.ndarray):
    """A minimal subclass."""


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("which", ["elements", "weights", "matrix", "memmap"])
def test_subclasses(axis, which, tmp_path):
    """Of the elements or the weights: the result's kind is that of NumPy's."""
    a = np.array([[1.0, 2.0], [4.0, 8.0]])
    weights = a + 1 if axis is None else np.array([1.0, 3.0])
    if which == "weights" and np.lib.NumpyVersion(np.__version__) < "2.0.0":
        pytest.skip("np.average makes plain arrays of weights before NumPy 2")
    if which == "weights":
        weights = weights.view(Subclass)
    elif which == "memmap":
        np.save(tmp_path / "a.npy", a)
        a = np.load(tmp_path / "a.npy", mmap_mode="r")
    else:
        a = a.view(Subclass if which == "elements" else np.matrix)
    result, expected = (f(a, axis, weights) for f in (mypackage.average, np.average))
    assert type(result) is type(expected) and np.shape(result) == np.shape(expected)
    np.testing.assert_allclose(np.asarray(result), np.asarray(expected), rtol=1e-15)


def test_kinds_of_axis():
    """A list of axes, as in NumPy; what is no axis is named."""
    a = np.arange(6.0).reshape(2, 3)
    assert mypackage.average(a, [0, 1], weights=a) == mypackage.average(a, weights=a)
    assert mypackage.average(a, np.int8(1), weights=[1, 2, 3]).shape == (2,)
    assert mypackage.average(a, 1, weights=[1, 2, 3], keepdims=np._NoValue).shape == (2,)
    for axis in (1.0, "x", (0, None)):
        with pytest.raises(TypeError, match="average: axis must be None, an int or a tuple"):
            mypackage.average(a, axis, weights=a)


def test_timedelta_counts():
    """The sum of the weights that are all 1 is no time, neither for dates nor for differences."""
    for kind in ("m8[s]", "M8[s]"):
        for a in (np.array([1, 3], kind), np.ma.array([1, 3, 7], kind, mask=[0, 0, 1])):
            result, count = mypackage.average(a, returned=True)
            assert result == np.array(2, kind)[()]
            assert type(count) is np.float64 and count == 2
    table = np.arange(6).reshape(2, 3).astype("M8[s]")
    assert mypackage.average(table, 1, returned=True)[1].tolist() == [3.0, 3.0]


@pytest.mark.parametrize("unit", ["m8[ns]", "M8[ns]"])
def test_times_of_others_are_counted(unit):
    """The same for objects of other libraries."""
    a = np.array([1, 3], unit)
    for module, make, plain in (
        ("pandas", lambda pd: pd.Series(a), lambda x: x),
        ("xarray", lambda xr: xr.DataArray(a), lambda x: x.values[()]),
        ("dask.array", lambda da: da.from_array(a, chunks=1), lambda x: x.compute()),
    ):
        given = make(pytest.importorskip(module))
        result, count = map(plain, mypackage.average(given, returned=True))
        assert result == np.array(2, unit) and type(count) in (float, np.float64) and count == 2
