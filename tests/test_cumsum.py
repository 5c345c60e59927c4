"""`mypackage.cumsum` against exact fractions."""

import hashlib
import itertools
import math
import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import to_float, to_format

import mypackage

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
RNG = np.random.default_rng(21)


def prefixes(values):
    return itertools.accumulate(map(Fraction, map(float, values)))


@given(st.lists(FLOATS))
def test_any_numbers(values):
    with np.errstate(over="ignore"):
        result = mypackage.cumsum(np.array(values, float))
    np.testing.assert_array_equal(result, [to_float(x) for x in prefixes(values)])


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("target", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("count", [0, 1, 100, 512, 3000])
def test_dtypes_and_lengths(dtype, target, count):
    values = (RNG.standard_normal(count) * 2.0 ** RNG.integers(-9, 4, count)).astype(dtype)
    result = mypackage.cumsum(values, dtype=target)
    assert result.dtype == target
    np.testing.assert_array_equal(result, [to_format(x, target) for x in prefixes(values)])
    if count:
        assert result[-1] == mypackage.sum(values, dtype=target)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("spread", [1, 20, 80])
@pytest.mark.parametrize(("rows", "columns"), [(511, 8), (513, 17), (1025, 31), (700, 3)])
def test_columns_side_by_side(rows, columns, spread, dtype):
    a = RNG.standard_normal((rows, columns)) * 2.0 ** RNG.integers(-spread, spread, (rows, columns))
    # A scale that changes on the way, a column that cancels, and zeros.
    a[rows // 2 :, 0] *= 2.0**40
    a[rows // 2 : 2 * (rows // 2), 1] = -a[: rows // 2, 1]
    a[:, 2] = 0.0
    with np.errstate(over="ignore"):
        a = a.astype(dtype)
    expected = np.transpose([[to_format(x, dtype) for x in prefixes(column)] for column in a.T])
    np.testing.assert_array_equal(mypackage.cumsum(a, axis=0), expected)
    np.testing.assert_array_equal(mypackage.cumsum(a[:, ::2], axis=0), expected[:, ::2])
    np.testing.assert_array_equal(mypackage.cumsum(a[:, ::-1], axis=0), expected[:, ::-1])
    np.testing.assert_array_equal(mypackage.cumsum(a.T, axis=1), expected.T)
    pairs = a[:, : columns // 2 * 2].copy().view(np.result_type(dtype, np.complex64))
    result = mypackage.cumsum(pairs, axis=0)
    np.testing.assert_array_equal(result.view(dtype), expected[:, : columns // 2 * 2])


@pytest.mark.parametrize("dtype", ["d", "f", "q"])
def test_columns_with_gaps(dtype):
    """Neighbours end after some columns, and begin again."""
    wide = np.arange(40 * 3 * 8).reshape(40, 3, 8).astype(dtype)
    for a in (wide[..., :5], wide[:, :, 1:], wide[:, ::2, :7], wide[..., :1]):
        np.testing.assert_array_equal(mypackage.cumsum(a, axis=0), np.cumsum(a, axis=0))


@pytest.mark.parametrize("dtype", "?bhilqBHILQ")
@pytest.mark.parametrize("target", [np.int64, np.uint64])
def test_columns_of_integers(dtype, target):
    limits = np.iinfo(dtype) if dtype != "?" else np.iinfo(np.uint8)
    low = limits.min // 2000 if target is np.int64 else 0
    a = RNG.integers(low, limits.max // 2000 + 2, (1030, 11)).astype(dtype)
    expected = np.cumsum(a.astype(object), axis=0)
    for layout in (a, a[:, ::2], a[::-1], a.astype(a.dtype.newbyteorder())):
        result = mypackage.cumsum(layout, axis=0, dtype=target)
        assert result.dtype == target
        np.testing.assert_array_equal(result, np.cumsum(layout.astype(object), axis=0))
    np.testing.assert_array_equal(mypackage.cumsum(a.T, axis=1, dtype=target), expected.T)


def test_columns_of_integers_that_overflow():
    a = np.zeros((600, 9), np.int64)
    a[[20, 520], 4] = 2**62
    a[[10, 510], 7] = 2**62
    with pytest.raises(OverflowError, match=rf"{2**63} \(at index 520 along"):
        mypackage.cumsum(a, axis=0)
    # Unsigned ones have one bit more.
    unsigned = mypackage.cumsum(a.astype(np.uint64), axis=0)
    np.testing.assert_array_equal(unsigned, np.cumsum(a.astype(object), axis=0))


def test_specials_stay_in_their_columns():
    a = RNG.standard_normal((600, 16))
    expected = mypackage.cumsum(a, axis=0)
    a[300, 3] = np.nan
    a[100, 5], a[400, 5] = np.inf, -np.inf
    a[200:, 7] = 1e308
    with np.errstate(all="ignore"):
        result = mypackage.cumsum(a, axis=0)
    assert np.isnan(result[300:, 3]).all() and (result[:300, 3] == expected[:300, 3]).all()
    assert (result[100:400, 5] == np.inf).all() and np.isnan(result[400:, 5]).all()
    assert (
        result[200, 7] == to_float(sum(map(Fraction, a[:201, 7])))
        and np.isinf(result[201:, 7]).all()
    )
    others = np.delete(np.arange(16), [3, 5, 7])
    np.testing.assert_array_equal(result[:, others], expected[:, others])


def test_layouts():
    a = RNG.standard_normal((4, 600, 3)) * 2.0 ** RNG.integers(-20, 20, (4, 600, 3))
    for axis in (0, 1, 2, -1):
        lines = np.moveaxis(a, axis, -1)
        expected = np.reshape(
            [[to_float(x) for x in prefixes(line)] for line in lines.reshape(-1, a.shape[axis])],
            lines.shape,
        )
        expected = np.moveaxis(expected, -1, axis)
        for layout in (a, np.asfortranarray(a), a.astype(">f8"), a[::-1][::-1]):
            np.testing.assert_array_equal(mypackage.cumsum(layout, axis=axis), expected)
    expected = [to_float(x) for x in prefixes(a.ravel())]
    for layout in (a, np.asfortranarray(a), a.astype(">f8")):
        np.testing.assert_array_equal(mypackage.cumsum(layout), expected)
    assert mypackage.cumsum(np.zeros((0, 3)), axis=1).shape == (0, 3)
    assert mypackage.cumsum(np.zeros((3, 0))).shape == (0,)
    np.testing.assert_array_equal(mypackage.cumsum(np.float64(3.0)), [3.0])
    np.testing.assert_array_equal(mypackage.cumsum(np.array(3.0), axis=0), [3.0])


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.complex64, np.int32])
@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 63, 511, 512, 513, 1025])
def test_strides_and_lengths(dtype, count):
    a = (RNG.standard_normal(3 * count) * 2.0 ** RNG.integers(0, 9, 3 * count)).astype(dtype)
    with np.errstate(over="ignore"):
        for line in (a[:count], a[::-1], a[::3], a[::-3], a[1 : count + 1]):
            parts = [line.real, line.imag] if line.dtype.kind == "c" else [line]
            result = mypackage.cumsum(line)
            results = [result.real, result.imag] if line.dtype.kind == "c" else [result]
            for values, found in zip(parts, results, strict=True):
                if values.dtype.kind == "i":
                    exact = list(itertools.accumulate(map(int, values)))
                else:
                    exact = [to_format(x, found.dtype.type) for x in prefixes(values)]
                np.testing.assert_array_equal(found, exact)


def test_overflow_on_the_way_and_back():
    for dtype, most in ((np.float64, 1.7e308), (np.float32, 3.4e38), (np.float16, 6.5e4)):
        a = np.zeros(700, dtype)
        a[[100, 300, 500, 650]] = most, most, -most, 1.0
        with pytest.warns(RuntimeWarning, match="overflow encountered in cumsum"):
            result = mypackage.cumsum(a)
        assert (result[100:300] == a[100]).all() and np.isposinf(result[300:500]).all()
        assert (result[500:650] == a[100]).all()
        columns = np.stack([a, a / 4, -a], axis=1)
        with np.errstate(over="ignore"):
            found = mypackage.cumsum(columns, axis=0)
        np.testing.assert_array_equal(found[:, 0], result)
        np.testing.assert_array_equal(found[:, 2], -result)
        np.testing.assert_array_equal(found[:, 1], mypackage.cumsum(a / 4))


def digest():
    """Of many prefixes, the same on every machine."""
    found = hashlib.sha256()
    for seed, spread in enumerate((3, 30, 200)):
        rng = np.random.default_rng(seed)
        integers = rng.integers(-(2**48), 2**48, (1100, 13))
        a = np.ldexp(integers.astype(float), rng.integers(-spread, spread, (1100, 13)) // 2)
        for values in (a, (a / 2**60).astype(np.float32), integers):
            for axis in (None, 0, 1):
                with np.errstate(all="ignore"):
                    found.update(mypackage.cumsum(values, axis=axis))
    return found.hexdigest()


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_every_instruction_set_gives_the_same(isa):
    if isa not in mypackage._native.build_info()["isas_available"]:
        pytest.skip(f"this processor has no {isa}")
    result = subprocess.run(
        [sys.executable, "-c", "import test_cumsum; print(test_cumsum.digest())"],
        env=os.environ | {"MYPACKAGE_ISA": isa},
        cwd=os.path.dirname(__file__),
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == digest()


@pytest.mark.parametrize("threads", [1, 3])
def test_large_arrays(threads):
    a = RNG.standard_normal((3, 200_000))
    with mypackage.threads(threads):
        rows, columns = mypackage.cumsum(a, axis=1), mypackage.cumsum(a, axis=0)
    np.testing.assert_array_equal(rows[:, -1], mypackage.sum(a, axis=1))
    np.testing.assert_array_equal(rows[:, 99_999], mypackage.sum(a[:, :100_000], axis=1))
    np.testing.assert_array_equal(columns[-1], mypackage.sum(a, axis=0))
    np.testing.assert_array_equal(columns[1], mypackage.sum(a[:2], axis=0))


def test_complex():
    a = RNG.standard_normal((700, 2)).view(complex)[:, 0]
    result = mypackage.cumsum(a)
    np.testing.assert_array_equal(result.real, mypackage.cumsum(a.real))
    np.testing.assert_array_equal(result.imag, mypackage.cumsum(a.imag))
    mixed = mypackage.cumsum(a.real, dtype=complex)
    np.testing.assert_array_equal(mixed, result.real)


@pytest.mark.parametrize("dtype", "?bhilqBHILQ")
def test_integers(dtype):
    a = np.array([1, 0, 1, 1], dtype)
    result = mypackage.cumsum(a)
    assert result.dtype == np.cumsum(a).dtype
    np.testing.assert_array_equal(result, [1, 1, 2, 3])
    if dtype != "?":
        most = np.iinfo(dtype).max
        with pytest.raises(OverflowError, match=f"cumsum: the exact prefix {most + 1} "):
            mypackage.cumsum(np.array([most, 1], dtype), dtype=dtype)


def test_integers_beyond_the_other_sign():
    most = np.array([2**63 - 1, 0], np.uint64)
    np.testing.assert_array_equal(mypackage.cumsum(most, dtype=np.int64), [2**63 - 1] * 2)
    with pytest.raises(OverflowError, match=f"prefix {2**63} "):
        mypackage.cumsum(most + np.uint64(1), dtype=np.int64)
    with pytest.raises(OverflowError, match=f"prefix {2**63} \\(at index 1 along"):
        mypackage.cumsum(np.array([[1, 1], [1, 2**63 - 1]], np.uint64), axis=0, dtype=np.int64)
    with pytest.raises(OverflowError, match="prefix -1 "):
        mypackage.cumsum(np.array([1, -2]), dtype=np.uint64)
    many = np.repeat([2**62, 0], [3, 1000])
    expected = np.cumsum(many.astype(np.uint64))
    np.testing.assert_array_equal(mypackage.cumsum(many, dtype=np.uint64), expected)


def test_large_integers():
    a = np.array([2**63 - 1, -(2**63), 2**62, 2**62 - 1] * 300)
    with pytest.raises(OverflowError, match="use dtype=object"):
        mypackage.cumsum(np.array([2**62, 2**62]))
    exact = list(itertools.accumulate(map(int, a)))
    assert mypackage.cumsum(a, dtype=object).tolist() == exact
    np.testing.assert_array_equal(mypackage.cumsum(a, dtype=float), [to_float(x) for x in exact])


@pytest.mark.parametrize("threads", [1, 3])
def test_the_first_prefix_that_does_not_fit_is_named(threads):
    a = np.ones((3000, 200), np.int8)
    with mypackage.threads(threads):
        # Threads take the lines in another order each time.
        for _ in range(30):
            with pytest.raises(OverflowError, match=r"128 \(at index 127 along"):
                mypackage.cumsum(a, axis=1, dtype=np.int8)


def test_special_values():
    inf, nan = math.inf, math.nan
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(mypackage.cumsum([1.0, inf, 2.0]), [1.0, inf, inf])
    np.testing.assert_array_equal(mypackage.cumsum([1.0, nan, 2.0]), [1.0, nan, nan])
    with pytest.warns(RuntimeWarning, match="invalid value encountered in cumsum"):
        np.testing.assert_array_equal(mypackage.cumsum([inf, -inf, 1.0]), [inf, nan, nan])
    with pytest.warns(RuntimeWarning, match="overflow encountered in cumsum"):
        result = mypackage.cumsum([1e308, 1e308, -1e308])
    np.testing.assert_array_equal(result, [1e308, inf, 1e308])
    with pytest.warns(RuntimeWarning, match="overflow encountered in cumsum"):
        assert np.isinf(mypackage.cumsum(np.full(2, 6e4, np.float16)))[1]


@pytest.mark.parametrize("out", [[0, 0], (np.zeros(2),), ..., 5])
def test_out_that_is_no_array(out):
    with pytest.raises(TypeError, match="cumsum: out must be an array, not"):
        mypackage.cumsum([1.0, 2.0], out=out)


def test_out_and_other_kinds():
    out = np.zeros(3, np.float32)
    assert mypackage.cumsum([1, 2, 3.5], out=out) is out
    np.testing.assert_array_equal(out, [1, 3, 6.5])
    a = np.arange(4.0)
    assert mypackage.cumsum(a, out=a) is a
    np.testing.assert_array_equal(a, [0, 1, 3, 6])
    masked = np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])
    result = mypackage.cumsum(masked)
    assert result.tolist() == np.ma.cumsum(masked).tolist() == [1.0, None, 4.0]
    with pytest.raises(ValueError, match="cumsum: out has shape"):
        mypackage.cumsum(np.ones(3), out=np.zeros(4))
    with pytest.raises(np.exceptions.AxisError):
        mypackage.cumsum(np.ones(3), axis=1)
    with pytest.raises(TypeError, match="cannot be given as dtype=int64"):
        mypackage.cumsum(np.ones(3), dtype=np.int64)
    with pytest.raises(TypeError, match="no exact result for dtype"):
        mypackage.cumsum(np.array(["a"]))
