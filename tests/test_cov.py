"""cov and corrcoef against Python's fractions, and beside NumPy's functions."""

from __future__ import annotations

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import root_to_format, to_format

import mypackage

DTYPES = [np.bool_, np.int8, np.uint16, np.int32, np.int64, np.uint64]
DTYPES += [np.float16, np.float32, np.float64, np.complex64, np.complex128]


def _parts(x) -> tuple[Fraction, Fraction]:
    if isinstance(x, (complex, np.complexfloating)):
        return Fraction(float(x.real)), Fraction(float(x.imag))
    if isinstance(x, (np.floating, float)):
        return Fraction(float(x)), Fraction(0)
    return Fraction(x if isinstance(x, Fraction) else int(x)), Fraction(0)


def exact(rows, *, ddof=1, f=None, a=None, correlation=False, dtype=np.float64):
    """The matrix in Fractions, each part of an entry rounded once to `dtype`."""
    rows = [[_parts(x) for x in row] for row in rows]
    n = len(rows[0])
    f = [1] * n if f is None else [Fraction(int(x)) for x in f]
    a = [1] * n if a is None else [_parts(x)[0] for x in a]
    w = [Fraction(x) * y for x, y in zip(f, a, strict=True)]
    s, t = sum(w), sum(x * y for x, y in zip(w, a, strict=True))

    def numerator(x, y):
        real = sum(q * (p[0] * r[0] + p[1] * r[1]) for q, p, r in zip(w, x, y, strict=True))
        imag = sum(q * (p[1] * r[0] - p[0] * r[1]) for q, p, r in zip(w, x, y, strict=True))
        (xr, xi), (yr, yi) = (
            [sum(q * p[part] for q, p in zip(w, z, strict=True)) for part in (0, 1)] for z in (x, y)
        )
        return s * real - (xr * yr + xi * yi), s * imag - (xi * yr - xr * yi)

    result = np.zeros((len(rows), len(rows), 2), dtype)
    for j, x in enumerate(rows):
        for k, y in enumerate(rows):
            parts = numerator(x, y)
            if correlation:
                both = numerator(x, x)[0] * numerator(y, y)[0]
                for part, value in enumerate(parts):
                    if not both:
                        result[j, k, part] = math.nan
                    elif value:
                        result[j, k, part] = root_to_format(value * abs(value) / both, dtype)
            else:
                divisor = s * s - ddof * t
                for part, value in enumerate(parts):
                    result[j, k, part] = to_format(value / divisor, dtype)
    return result


def check(got, expected):
    got = np.asarray(got)
    if got.ndim == 0:
        got = got.reshape(1, 1)
    if got.dtype.kind == "c":
        np.testing.assert_array_equal(got.real, expected[..., 0])
        np.testing.assert_array_equal(got.imag, expected[..., 1])
    else:
        np.testing.assert_array_equal(got, expected[..., 0])
        assert not expected[..., 1][~np.isnan(expected[..., 1])].any()
    # To the last bit, signs of zeros apart.
    np.testing.assert_array_equal(got, got.conj().T)


def _sample(rng, dtype, shape):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    if dtype.kind == "c":
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)
    return rng.normal(size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("length", [2, 3, 70])
def test_every_dtype(dtype, length):
    rng = np.random.default_rng(length)
    x = _sample(rng, dtype, (3, length))
    check(mypackage.cov(x), exact(x))
    check(mypackage.cov(x.T, rowvar=False, ddof=-2), exact(x, ddof=-2))
    check(mypackage.cov(np.asfortranarray(x)[:, ::-1], bias=True), exact(x, ddof=0))
    check(mypackage.cov(x.astype(x.dtype.newbyteorder())), exact(x))
    with np.errstate(invalid="ignore"):
        check(mypackage.corrcoef(x), exact(x, correlation=True))


def kinds(rng, n):
    """Rows that are hard: nearly constant, far from 0, alike, of all sizes, ties."""
    base = rng.normal(size=n)
    return {
        "normal": base,
        "far": 1e9 + rng.normal(size=n),
        "time": 1.7e18 + rng.integers(0, 10**9, n),
        "constant": np.full(n, 0.1),
        "one ulp": np.where(np.arange(n) == n // 2, np.nextafter(0.1, 1), 0.1),
        "alike": base * (1 + 2.0**-40),
        "opposite": -3 * base,
        "small": rng.integers(-2, 3, n).astype(float),
        "squares": np.arange(n) * 0.5,
        "tiny": rng.normal(size=n) * 2.0**-1060,
        "subnormal pairs": rng.normal(size=n) * 2.0**-530,
        "large": rng.normal(size=n) * 2.0**500,
        "any bits": np.ldexp(rng.normal(size=n), rng.integers(-300, 300, n)),
        "lognormal": np.exp(10 * rng.normal(size=n)),
        "zeros": rng.normal(size=n) * (rng.random(n) < 0.1),
        "sentinel": np.where(np.arange(n) % 10 == 3, 0.0, 1e9 + rng.normal(size=n)),
    }


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("n", [2, 3, 17])
def test_hard_rows(n, dtype):
    rows = np.array(list(kinds(np.random.default_rng(n), n).values()))
    with np.errstate(over="ignore", invalid="ignore"):
        check(mypackage.cov(rows, dtype=dtype), exact(rows, dtype=dtype))
        got = mypackage.corrcoef(rows, dtype=dtype)
    check(got, exact(rows, correlation=True, dtype=dtype))
    finite = got[~np.isnan(got)]
    assert (abs(finite) <= 1).all()
    np.testing.assert_array_equal(np.diag(got)[~np.isnan(np.diag(got))], 1)


def test_long_rows():
    rng = np.random.default_rng(5)
    chosen = ("normal", "far", "time", "alike", "squares", "one ulp", "sentinel")
    rows = [kinds(rng, 1500)[name] for name in chosen]
    with np.errstate(over="ignore", invalid="ignore"):
        check(mypackage.cov(rows), exact(rows))


numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-2, 2),
    st.integers(-5, 5).map(float),
    st.floats(-1, 1).map(lambda x: 1e9 + x),
)


@given(
    st.integers(2, 6).flatmap(
        lambda n: st.lists(st.tuples(*[numbers] * n), min_size=1, max_size=4)
    ),
    st.integers(-2, 1),
)
@settings(deadline=None, max_examples=60)
def test_any_numbers(rows, ddof):
    with np.errstate(over="ignore", invalid="ignore"):
        check(mypackage.cov(rows, ddof=ddof), exact(rows, ddof=ddof))
        got = mypackage.corrcoef(rows)
    check(got, exact(rows, correlation=True))


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_weights(data):
    n = data.draw(st.integers(2, 6))
    rows = data.draw(st.lists(st.tuples(*[numbers] * n), min_size=1, max_size=3))
    f = data.draw(st.none() | st.lists(st.integers(0, 5) | st.just(2**62), min_size=n, max_size=n))
    a = data.draw(st.none() | st.lists(st.floats(0, 1e300), min_size=n, max_size=n))
    ddof = data.draw(st.integers(0, 1))
    exact_w = [x * Fraction(y) for x, y in zip(f or [1] * n, a or [1] * n, strict=True)]
    t = sum(x * Fraction(y) for x, y in zip(exact_w, a or [1] * n, strict=True))
    if not any(exact_w) or sum(exact_w) ** 2 <= ddof * t:
        return
    with np.errstate(over="ignore"):
        got = mypackage.cov(rows, ddof=ddof, fweights=f, aweights=a)
    check(got, exact(rows, ddof=ddof, f=f, a=a))


def test_complex_weights():
    rng = np.random.default_rng(1)
    x = _sample(rng, np.complex128, (2, 9))
    f, a = rng.integers(0, 4, 9), rng.random(9)
    check(mypackage.cov(x, fweights=f, aweights=a), exact(x, f=f, a=a))
    assert (
        mypackage.cov(x, fweights=f.astype(float)).tolist() == mypackage.cov(x, fweights=f).tolist()
    )


def test_mixed_dtypes_are_not_cast_together():
    m, y = np.array([2**60 + 1, 2**60, 2**60 + 3]), np.array([0.5, 0.25, 4])
    check(mypackage.cov(m, y), exact([m, y]))
    u = np.array([2**64 - 1, 2**64 - 2, 5], np.uint64)
    check(mypackage.cov(m, u), exact([m, u]))
    check(mypackage.cov(m, np.array([1j, 2, 3])), exact([list(m), [1j, 2, 3]]))


def test_shapes_are_numpys():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3, 20)), rng.normal(size=20)
    for function, twin in [(mypackage.cov, np.cov), (mypackage.corrcoef, np.corrcoef)]:
        for arguments in [(x,), (x, y), (y,), (y, y), (x.T, None, False), (x.T, y[:, None], False)]:
            got, numpys = function(*arguments), twin(*arguments)
            assert np.shape(got) == np.shape(numpys) and got.dtype == numpys.dtype
            assert type(got) is type(numpys)
            np.testing.assert_allclose(got, numpys, rtol=1e-9, atol=1e-12)
        assert function(np.empty((0, 3))).shape == (0, 0)
        assert function(x.astype("f2")).dtype == np.float64
        assert function(x, dtype="f4").dtype == np.float32
        assert function(x, dtype="c8").dtype == np.complex64


def test_no_freedom():
    for m, options in [
        ([[1.0], [2.0]], {}),
        ([[1.0, 2.0], [2.0, 1.0]], {"ddof": 2}),
        ([[1.0, 2.0], [3.0, 3.0]], {"ddof": 5}),
        ([1.0, 2.0], {"fweights": [1, 0]}),
        (np.empty((2, 0)), {}),
    ]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = np.cov(m, **options)
        with pytest.warns(RuntimeWarning, match="Degrees of freedom <= 0 for slice") as caught:
            got = mypackage.cov(m, **options)
        assert len(caught) == 1 and caught[0].filename == __file__
        np.testing.assert_array_equal(got, expected)


def test_what_is_not_finite():
    x = np.array([[1.0, 2.0, 4.0], [np.nan, 1.0, 2.0], [np.inf, 0.0, 1.0], [5.0, 1.0, 2.0]])
    got = mypackage.cov(x)
    spoilt = np.isnan(got)
    assert spoilt[1].all() and spoilt[2].all() and spoilt[:, 1].all() and spoilt[:, 2].all()
    check(got[np.ix_([0, 3], [0, 3])], exact(x[[0, 3]]))
    np.testing.assert_array_equal(np.isnan(mypackage.corrcoef(x)), spoilt)
    assert np.isnan(mypackage.cov(x[0], aweights=[1.0, np.inf, 1.0]))
    assert np.isnan(mypackage.cov(x[0], aweights=[1.0, np.nan, 1.0]))


def test_constants_have_no_correlation():
    with pytest.warns(RuntimeWarning, match="invalid value encountered in divide"):
        got = mypackage.corrcoef([[1.0, 2.0, 3.0], [0.1, 0.1, 0.1]])
    np.testing.assert_array_equal(got, [[1, np.nan], [np.nan, np.nan]])
    with np.errstate(invalid="raise"), pytest.raises(FloatingPointError):
        mypackage.corrcoef([0.1, 0.1])
    assert mypackage.cov([0.1] * 3) == 0


def test_overflow_is_reported():
    with pytest.warns(RuntimeWarning, match="overflow encountered in cov"):
        assert mypackage.cov([1e308, -1e308]) == np.inf
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        mypackage.cov([1e30, -1e30], dtype=np.float32)
    assert mypackage.corrcoef([1e308, -1e308], [-1e-308, 1e-308])[0, 1] == -1


@pytest.mark.parametrize(
    ("error", "options"),
    [
        (ValueError, {"ddof": 1.5}),
        (TypeError, {"fweights": [1.5, 1, 1]}),
        (TypeError, {"fweights": [np.nan, 1, 1]}),
        (RuntimeError, {"fweights": [[1, 1, 1]]}),
        (RuntimeError, {"fweights": [1, 1]}),
        (ValueError, {"fweights": [1, -1, 1]}),
        (RuntimeError, {"aweights": [[1, 1, 1]]}),
        (RuntimeError, {"aweights": [1, 1]}),
        (ValueError, {"aweights": [1, -1, 1]}),
        (ZeroDivisionError, {"aweights": [0, 0, 0]}),
        (ZeroDivisionError, {"fweights": [0, 1, 0], "aweights": [1, 0, 2]}),
        (ValueError, {"y": [1, 2]}),
        (ValueError, {"y": np.ones((1, 1, 3))}),
    ],
)
def test_errors_are_numpys(error, options):
    m = [1.0, 2.0, 4.0]
    with pytest.raises(error):
        np.cov(m, **options)
    with pytest.raises(error):
        mypackage.cov(m, **options)


def test_refusals_name_a_way_out():
    pd, xr = pytest.importorskip("pandas"), pytest.importorskip("xarray")
    frame = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [3.0, 1.0, 1.0]})
    for values in (frame, xr.DataArray(frame.to_numpy())):
        for function in (mypackage.cov, mypackage.corrcoef):
            with pytest.raises(TypeError, match=r"to_numpy\(\), with rowvar=False"):
                function(values)
    check(mypackage.cov(frame.to_numpy(), rowvar=False), exact(frame.to_numpy().T))
    for values, way in [
        (np.ma.masked_equal([1.0, 2.0], 2.0), "numpy.ma.cov"),
        (np.array(["a", "b"]), "supported are"),
        (np.array([1, 2], "m8[s]"), "supported are"),
        ([None, 1.0], "supported are"),
    ]:
        with pytest.raises(TypeError, match=way):
            mypackage.cov(values)
    with pytest.raises(TypeError, match="complex128"):
        mypackage.cov([1j, 2], dtype=float)
    with pytest.raises(TypeError, match="float64"):
        mypackage.cov([1, 2], dtype=int)


def test_objects():
    third = Fraction(1, 3)
    rows = [[third, 2, 0.1, 10**30], [1, 2, 3, True]]
    check(mypackage.cov(np.array(rows, object)), exact(rows))
    check(mypackage.corrcoef(np.array(rows, object)), exact(rows, correlation=True))
    got = mypackage.cov(np.array([third, 2, 1], object), dtype=object)
    assert got[()] == Fraction(19, 27)
    check(mypackage.cov(np.array([1j, 2, third], object)), exact([[1j, 2, third]]))
    f = [1, 2, 1, 3]
    check(mypackage.cov(np.array(rows, object), fweights=f), exact(rows, f=f))


def test_lists_are_not_rounded():
    rows = [[2**53 + 1, 0.5, 2**53], [1, 2, 3]]
    check(mypackage.cov(rows), exact(rows))
    rows = [[2**70 + 1, 5, 2**70 - 1], [1, 2, 3]]
    check(mypackage.cov(rows), exact(rows))


def test_lists_of_weights_are_not_rounded():
    """In float64, 2**53 + 1 would be 2**53."""
    wide = [2**53 + 1, 0.5]
    rows = [[0.0, 1.0], [3.0, 0.1]]
    found = mypackage.cov(rows, aweights=wide, ddof=0)
    np.testing.assert_array_equal(found, exact(rows, ddof=0, a=wide)[..., 0])
    wider = [2**70, 1]
    np.testing.assert_array_equal(mypackage.cov(rows, fweights=wider), exact(rows, f=wider)[..., 0])
    with pytest.raises(TypeError, match="fweights must be integer"):
        mypackage.cov([0.0, 1], fweights=wide)


def test_threads_and_layouts_agree():
    x = np.random.default_rng(3).normal(size=(5, 70_000))
    expected = mypackage.cov(x).tobytes()
    for threads in (1, 2, 3):
        with mypackage.threads(threads):
            assert mypackage.cov(x).tobytes() == expected
            assert mypackage.cov(np.asfortranarray(x)).tobytes() == expected
            assert mypackage.cov(x[:, ::-1]).tobytes() == expected


def test_subclasses_without_a_meaning_of_their_own():
    class Sub(np.ndarray):
        pass

    a = np.array([[1.0, 2.0, 4.0], [2.0, 1.0, 0.0]])
    assert mypackage.cov(a.view(Sub)).tolist() == mypackage.cov(a).tolist()
