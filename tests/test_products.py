"""`matvec`, `vecmat`, `matmul`, and the other arguments of `vecdot`, against exact integers."""

from fractions import Fraction

import numpy as np
import pytest

import mypackage

RNG = np.random.default_rng(24)


def numbers(*shape):
    return RNG.standard_normal(shape) * 2.0 ** RNG.integers(-40, 40, shape)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((3,), (3,)),
        ((3,), (3, 4)),
        ((2, 3), (3,)),
        ((2, 3), (3, 4)),
        ((5, 2, 3), (3, 4)),
        ((5, 1, 2, 3), (6, 3, 4)),
        ((5, 2, 3), (3,)),
        ((3,), (5, 3, 4)),
        ((2, 0), (0, 4)),
        ((0, 3), (3, 2)),
    ],
)
def test_matmul_shapes(left, right):
    a, b = numbers(*left), numbers(*right)
    result = mypackage.matmul(a, b)
    expected = np.matmul(a, b)
    assert (np.shape(result), result.dtype) == (np.shape(expected), expected.dtype)
    if np.size(expected):
        objects = [np.vectorize(Fraction, otypes="O")(x) for x in (a, b)]
        if all(x.size for x in objects):
            product = np.matmul(*objects)
            np.testing.assert_array_equal(result, np.asarray(product).astype(float))


@pytest.mark.parametrize("dtype", ["i4", "f4", "f8", "c8", "c16", "?"])
def test_dtypes(dtype):
    a, b, v = (RNG.integers(-9, 9, s).astype(dtype) for s in ((2, 3, 4), (4, 5), (4,)))
    if np.dtype(dtype).kind == "c":
        a, v = a * (1 + 2j), v * (2 - 1j)
        a, v = a.astype(dtype), v.astype(dtype)
    cases = [
        (mypackage.matmul(a, b), np.matmul(a, b)),
        (mypackage.matmul(v, b), np.matmul(v, b)),
        (mypackage.matvec(a, v), np.matmul(a, v)),
        (mypackage.vecmat(v, b), np.matmul(np.conjugate(v) if dtype != "?" else v, b)),
    ]
    for result, expected in cases:
        np.testing.assert_array_equal(result, expected)
        assert result.dtype == expected.dtype
    if hasattr(np, "matvec") and dtype != "?":
        np.testing.assert_array_equal(mypackage.matvec(a, v), np.matvec(a, v))
        np.testing.assert_array_equal(mypackage.vecmat(v, b), np.vecmat(v, b))


def test_integers_overflow():
    a = np.full((1, 3), 10, "i1")
    with pytest.raises(OverflowError):
        mypackage.vecdot(a[0], a[0])
    with pytest.raises(OverflowError):
        mypackage.matmul(a, a.T)
    assert mypackage.vecdot(a[0], a[0], dtype="i4") == 300
    assert mypackage.matmul(a, a.T, dtype="f8").tolist() == [[300.0]]


def test_dtype_rounds_the_exact_sum_once():
    x = np.array([1, 2.0**-24, 2.0**-60])
    assert mypackage.vecdot(x, np.ones(3), dtype="f4") == np.float32(1 + 2.0**-23)
    x = np.array([1.0, 2.0**-12], "f4")
    assert mypackage.vecdot(x, x, dtype="f8") == 1 + 2.0**-24
    with pytest.raises(TypeError, match="int64"):
        mypackage.vecdot(x, x, dtype="i8")
    with pytest.raises(TypeError, match="float64"):
        mypackage.vecdot(x * 1j, x, dtype="f8")


def test_out():
    a, v = numbers(3, 3), numbers(3)
    expected = mypackage.matvec(a, v)
    assert mypackage.matvec(a, v, out=v) is v
    np.testing.assert_array_equal(v, expected)
    square = mypackage.matmul(a, a)
    assert mypackage.matmul(a, a, a) is a
    np.testing.assert_array_equal(a, square)
    x = numbers(4, 3)
    dots = mypackage.vecdot(x, x)
    out = np.empty(4)
    assert mypackage.vecdot(x, x, out) is out
    np.testing.assert_array_equal(out, dots)
    assert mypackage.vecdot(x, x, out=x[:, 0]).base is x
    np.testing.assert_array_equal(x[:, 0], dots)
    with pytest.raises(ValueError, match="shape"):
        mypackage.vecdot(x, x, out=np.empty(3))
    with pytest.raises(TypeError, match="array"):
        mypackage.vecdot(x, x, out=[0.0] * 4)
    with pytest.raises(TypeError, match=r"same_kind|cast"):
        mypackage.vecdot(x, x, out=np.empty(4, int))


def test_axes():
    x, y = numbers(3, 4), numbers(4, 3)
    expected = mypackage.vecdot(x, y, axis=-1) if x.shape == y.shape else None
    assert expected is None
    result = mypackage.vecdot(x, y, axes=[0, (1,), ()])
    np.testing.assert_array_equal(result, mypackage.vecdot(x.T, y))
    with pytest.raises(TypeError, match="not both"):
        mypackage.vecdot(x, y, axis=0, axes=[0, 1])
    for wrong in ((0, 1), [0], [0, True], [0, (1, 2)], 3):
        with pytest.raises(TypeError, match="axes"):
            mypackage.vecdot(x, y, axes=wrong)
    with pytest.raises(ValueError, match="axes"):
        mypackage.vecdot(x, y, axes=[0, 1, (0,)])


def test_errors():
    for function in (mypackage.matmul, mypackage.matvec, mypackage.vecmat):
        with pytest.raises(ValueError, match=function.__name__):
            function(1.0, 2.0)
        with pytest.raises(ValueError, match="length"):
            function(np.ones((2, 3)), np.ones((4, 4)))
        with pytest.raises(TypeError, match=function.__name__):
            function(np.ones((2, 2), "O"), np.ones((2, 2)))
