"""`mypackage.vecdot` against exact fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from reference import exact_vecdot, to_float, to_format

import mypackage

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
RNG = np.random.default_rng(20)


def exact_products(*pairs):
    """The sum of the products of pairs of arrays, as a fraction."""
    return sum(
        Fraction(float(a)) * Fraction(float(b)) for x, y in pairs for a, b in zip(x, y, strict=True)
    )


def wide(*shape):
    """Numbers of very different sizes, whose products do not overflow."""
    return RNG.standard_normal(shape) * 2.0 ** RNG.integers(-300, 300, shape)


@given(st.lists(st.tuples(FLOATS, FLOATS)))
def test_any_numbers(pairs):
    x, y = np.array(pairs).reshape(-1, 2).T
    with np.errstate(over="ignore"):
        assert mypackage.vecdot(x, y) == exact_vecdot(x, y)


@pytest.mark.parametrize("count", [0, 1, 2, 11, 12, 13, 100, 1023, 1024, 1025, 5000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_lengths_and_dtypes(count, dtype):
    x, y = RNG.standard_normal((2, count)).astype(dtype)
    result = mypackage.vecdot(x, y)
    assert type(result) is dtype
    exact = sum(
        (Fraction(float(a)) * Fraction(float(b)) for a, b in zip(x, y, strict=True)), Fraction(0)
    )
    assert result == to_format(exact, dtype)


def test_cancellation_and_tiny_products():
    x, y = wide(3000), wide(3000)
    x = np.concatenate([x, -x, [5e-324, 3e-200]])
    y = np.concatenate([y, y, [0.75, 1e-122]])
    expected = exact_vecdot(x, y)
    assert expected != 0
    assert mypackage.vecdot(x, y) == expected


def test_layouts():
    x, y = wide(4, 5, 6), wide(4, 5, 6)
    for axis in (0, 1, 2, -1, -3):
        expected = [
            exact_vecdot(a, b)
            for a, b in zip(
                np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis]),
                np.moveaxis(y, axis, -1).reshape(-1, y.shape[axis]),
                strict=True,
            )
        ]
        shape = np.moveaxis(x, axis, -1).shape[:-1]
        unaligned = (
            np.frombuffer(b"x" + x.tobytes(), np.uint8)[1:].view(np.float64).reshape(x.shape)
        )
        for left in (x, np.asfortranarray(x), x.astype(">f8"), x[::-1][::-1], unaligned):
            result = mypackage.vecdot(left, np.asfortranarray(y), axis=axis)
            assert result.dtype == np.float64 and result.dtype.isnative
            np.testing.assert_array_equal(result, np.reshape(expected, shape))


def test_broadcasting():
    x, y = wide(3, 1, 7), wide(5, 7)
    expected = [[exact_vecdot(x[i, 0], y[j]) for j in range(5)] for i in range(3)]
    np.testing.assert_array_equal(mypackage.vecdot(x, y), expected)
    ones = np.broadcast_to(1.0, (7,))
    np.testing.assert_array_equal(mypackage.vecdot(y, ones), mypackage.sum(y, axis=-1))
    assert mypackage.vecdot(np.ones((0, 3)), np.ones(3)).shape == (0,)
    np.testing.assert_array_equal(mypackage.vecdot(np.ones((3, 0)), np.ones(0)), np.zeros(3))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_large_arrays(threads):
    x, y = RNG.standard_normal((2, 600_001))
    x[300_000:600_000], y[300_000:600_000] = -x[:300_000], y[:300_000]
    x[-1], y[-1] = 1e-30, 1e-30
    with mypackage.threads(threads):
        assert mypackage.vecdot(x, y) == exact_vecdot(x[-1:], y[-1:])
        left, right = x[:600_000].reshape(3, -1), y[:600_000].reshape(3, -1)
        many = mypackage.vecdot(x[:600_000].reshape(-1, 3), y[:600_000].reshape(-1, 3))
    assert many[0] == exact_vecdot(x[:3], y[:3]) and many[-1] == -many[99_999]
    np.testing.assert_array_equal(
        mypackage.vecdot(left, right),
        [mypackage.vecdot(a, b) for a, b in zip(left, right, strict=True)],
    )


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_conjugates_the_first(dtype):
    part = dtype().real.dtype.type
    x, y = (RNG.standard_normal((2, 50, 2)) * [1e10, 1e-10]).astype(part).view(dtype)[..., 0]
    result = mypackage.vecdot(x, y)
    assert type(result) is dtype
    assert result.real == to_format(exact_products((x.real, y.real), (x.imag, y.imag)), part)
    assert result.imag == to_format(exact_products((x.real, y.imag), (-x.imag, y.real)), part)
    mixed = mypackage.vecdot(x, y.real)
    assert mixed.imag == to_format(exact_products((-x.imag, y.real)), part)


@given(
    hnp.arrays(np.int64, 20), hnp.arrays(np.uint64, 20), hnp.arrays(np.float64, 20, elements=FLOATS)
)
def test_64_bit_integers_with_others(i, u, f):
    exact = sum(int(a) * int(b) for a, b in zip(i, u, strict=True))
    result = mypackage.vecdot(i, u)
    assert type(result) is np.float64 and result == to_float(exact)
    exact = sum(int(a) * Fraction(b) for a, b in zip(u, f, strict=True))
    with np.errstate(over="ignore"):
        assert mypackage.vecdot(f, u) == to_float(exact)


@pytest.mark.parametrize("dtype", "bhilqBHILQ")
def test_integers_keep_their_dtype_or_overflow(dtype):
    most = np.iinfo(dtype).max
    result = mypackage.vecdot(np.array([most, 1], dtype), np.array([1, 0], dtype))
    assert result == most and result.dtype == np.dtype(dtype)
    with pytest.raises(OverflowError, match=rf"vecdot: the exact result {most + 1} does not fit"):
        mypackage.vecdot(np.array([most, 1], dtype), np.array([1, 1], dtype))
    x = np.array([most, most, most], dtype)
    with pytest.raises(
        OverflowError, match=str(3 * most * most) if 3 * most**2 < 2**127 else "vecdot"
    ):
        mypackage.vecdot(x, x)


def test_integers_that_cancel():
    x = np.array([2**63 - 1, -(2**63), 2**63 - 1, 5] * 600)
    y = np.array([2**63 - 1, 2**63 - 1, 1, 1] * 600)
    assert mypackage.vecdot(x, y) == 600 * 5
    assert mypackage.vecdot(np.array([True, True]), np.array([True, True])) is np.True_
    assert mypackage.vecdot(np.array([True, False]), np.array([False, True])) is np.False_
    assert mypackage.vecdot(np.array([3], np.int8), np.array([100], np.int16)) == 300


def test_special_values():
    inf, nan = math.inf, math.nan
    assert mypackage.vecdot([inf, 1.0], [2.0, 3.0]) == inf
    assert math.isnan(mypackage.vecdot([nan, 1.0], [2.0, 3.0]))
    for x, y in ([inf, inf], [1.0, -1.0]), ([0.0, 1.0], [inf, 1.0]):
        with pytest.warns(RuntimeWarning, match="invalid value encountered in vecdot"):
            assert math.isnan(mypackage.vecdot(x, y))
    with pytest.warns(RuntimeWarning, match="overflow encountered in vecdot"):
        assert mypackage.vecdot([1e200], [1e200]) == inf
    assert mypackage.vecdot(np.array([5, 7]), np.array([inf, 1.0])) == inf
    assert math.copysign(1.0, mypackage.vecdot([-0.0], [1.0])) == 1.0


def test_other_kinds():
    assert mypackage.vecdot([1, 2], (3, 4)) == 11
    assert mypackage.vecdot(np.array([2**70, 1], object), np.array([2, 3], object)) == 2**71 + 3
    x = np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 1], [1, 1]])
    result = mypackage.vecdot(x, [5.0, math.inf])
    assert result[0] == 5.0 and result[1] is np.ma.masked
    with pytest.raises(TypeError, match=r"no exact result for dtype .*U1"):
        mypackage.vecdot(["a"], ["b"])


def test_integers_as_pythons_numbers():
    for a in (np.array([2**62, 1]), [2**62, 1], np.array([[2**62, 1]])):
        found = np.asarray(mypackage.vecdot(a, [4, 4], dtype=object))
        assert found.dtype == object and found.ravel().tolist() == [2**64 + 4]
    with pytest.raises(TypeError, match=r"^vecdot: .* float64 .* dtype=object; choose float64"):
        mypackage.vecdot([1.0], [2.0], dtype=object)


def test_subclasses():
    """The result's kind is that of the argument with the higher priority, as NumPy's."""

    class First(np.ndarray):
        __array_priority__ = 1.0

    class Second(np.ndarray):
        __array_priority__ = 2.0

    x, y = np.array([[1.0, 2.0]]).view(First), np.array([[3.0, 4.0]]).view(Second)
    assert type(mypackage.vecdot(x, x)) is First
    assert type(mypackage.vecdot(x, y)) is type(mypackage.vecdot(y, x)) is Second
    assert type(mypackage.vecdot(x, [1, 2])) is First
    assert type(mypackage.vecdot(x.astype(object), y)) is Second
    assert mypackage.vecdot(x, y).tolist() == [11.0]
    assert type(mypackage.vecdot(x.view(np.matrix), y.view(np.ndarray))) is np.matrix


def test_errors_are_those_of_numpy():
    for arguments, error in [
        (([1.0, 2.0], [1.0]), ValueError),
        ((1.0, [1.0]), ValueError),
        ((np.ones((2, 3)), np.ones((3, 3))), ValueError),
        ((np.ones(3, object), np.ones(1, object)), ValueError),
        ((np.ones(3, object), 1), ValueError),
    ]:
        with pytest.raises(error, match="vecdot"):
            mypackage.vecdot(*arguments)
    with pytest.raises(np.exceptions.AxisError):
        mypackage.vecdot([1.0], [1.0], axis=1)
