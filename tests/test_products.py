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
    with pytest.raises(TypeError, match="cannot be given as dtype=int64"):
        mypackage.vecdot(x, x, out=np.empty(4, int))


def test_out_gives_the_dtype():
    """Each product is rounded to it once, and an integer must fit."""
    x, ones = np.array([[1 + 2.0**-24, 2.0**-80]]), np.ones((2, 1))
    single = np.float32(1 + 2.0**-23)
    assert mypackage.vecdot(x[0], ones[:, 0], out=np.empty((), "f4")) == single
    assert mypackage.matvec(x, ones[:, 0], out=np.empty(1, "f4")) == single
    assert mypackage.vecmat(x[0], ones, out=np.empty(1, "f4")) == single
    assert mypackage.matmul(x, ones, out=np.empty((1, 1), "f4")) == single
    assert mypackage.vecdot([True, True], [True, True], out=np.empty((), "i1")) == 1
    with pytest.raises(OverflowError, match=r"vecdot: .* 300 does not fit int8"):
        mypackage.vecdot([300], [1], out=np.empty((), "i1"))
    with pytest.raises(OverflowError, match=r"matmul: .* 300 does not fit int8"):
        mypackage.matmul([[300]], [[1]], out=np.empty((1, 1), "i1"))


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
            function(np.full((2, 2), None), np.ones((2, 2)))


def test_objects():
    """Python's numbers, by their own arithmetic; vectors are conjugated by `vecmat` only."""
    large = np.array([[10**30, 1], [-(10**30), Fraction(1, 3)]], object)
    ones = np.ones((2, 2), int)
    assert mypackage.matmul(large, ones).tolist() == [
        [10**30 + 1] * 2,
        [Fraction(1, 3) - 10**30] * 2,
    ]
    assert mypackage.matvec(large.T, [1, 1]).tolist() == [0, Fraction(4, 3)]
    assert mypackage.vecmat([1, 1], large).tolist() == [0, Fraction(4, 3)]
    assert mypackage.matmul([1, 1], large[:, 0]) == 0
    stack = mypackage.matmul(np.stack([large, large]), large)
    assert stack.shape == (2, 2, 2) and stack[1, 0, 0] == 10**60 - 10**30
    # Lists that NumPy would round are not.
    assert mypackage.matvec([[2**53 + 1, 0.5, -(2**53)]], [1, 1, 1]).tolist() == [1.5]
    assert mypackage.matmul(large, ones, dtype=float).tolist() == [[1e30] * 2, [-1e30] * 2]
    turned = np.array([1j, 2.0], object)
    assert mypackage.matmul(turned, turned) == 3
    assert mypackage.matvec(turned[None], turned).tolist() == [3]
    assert mypackage.vecmat(turned, turned[:, None]).tolist() == [5]
    assert mypackage.vecdot(turned, turned, dtype=complex) == 5


def test_products_are_added_by_label():
    pd = pytest.importorskip("pandas")
    x = pd.Series([1e200, 0.5, np.nan], index=list("abc"))
    y = pd.Series([7.0, 3.0, 1e200], index=list("cba"))
    for pair in ((x, y), (y, x)):
        total = mypackage.ExactSum().add_products(*pair).add_products(1e200, -1e200)
        assert float(total) == 1.5 and total.count == 3
    assert float(mypackage.ExactSum().add_products(x[:2], [0, 3])) == 1.5
    with pytest.raises(ValueError, match=r"^add_products: the label 'c' of the elements is not"):
        mypackage.ExactSum().add_products(x, y[1:])
    hidden = np.ma.array([[1.0, np.nan], [2.0, 3.0j]], mask=[[0, 1], [0, 0]])
    total = mypackage.ExactSum(2).add_products(hidden, np.ones((2, 2)))
    assert total.value().tolist() == [3, 3j] and total.count.tolist() == [2, 1]
    xr = pytest.importorskip("xarray")
    a = xr.DataArray([[1.0, 2.0], [np.nan, 4.0]], {"t": ["p", "q"]}, ("t", "c"))
    b = xr.DataArray([10.0, 1.0], {"t": ["q", "p"]}, "t")
    total = mypackage.ExactSum().add_products(a, b)
    assert float(total) == 43 and total.count == 3
    total = mypackage.ExactSum(2).add_products(b, a)
    assert total.value().tolist() == [1, 42] and total.count.tolist() == [1, 2]
    with pytest.raises(TypeError, match=r"^add_products: a dask array is lazy"):
        mypackage.ExactSum().add_products(a.chunk(), b)
