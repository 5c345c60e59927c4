"""``sum_of_squares``: the exact sum of the squares, rounded once."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts import COMPLEX, DTYPES, FLOATS, INTEGERS, arrays, axes
from reference import rounded, same

import mypackage


def expected_dtype(a: np.ndarray) -> np.dtype:
    """That of NumPy's sum, and of each part of complex numbers."""
    dtype = np.sum(np.ones(1, a.dtype)).dtype
    return np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype


def oracle(values: list, dtype: np.dtype):
    """The sum of squares by Fractions; OverflowError beyond an integer dtype."""
    parts = [
        part for x in values for part in ((x.real, x.imag) if isinstance(x, complex) else (x,))
    ]
    if any(x != x for x in parts):
        return dtype.type(math.nan)
    if any(isinstance(x, float) and math.isinf(x) for x in parts):
        return dtype.type(math.inf)
    total = sum((Fraction(x) ** 2 for x in parts), Fraction())
    if dtype.kind == "f":
        return rounded(total, dtype)
    if total > np.iinfo(dtype).max:
        raise OverflowError
    return dtype.type(int(total))


def reduce(a: np.ndarray, axis, keepdims: bool, where, dtype=None) -> np.ndarray:
    """One result at a time."""
    axis = range(a.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    reduced = {int(i) % a.ndim for i in axis} if a.ndim else set()
    kept = [i for i in range(a.ndim) if i not in reduced]
    included = np.broadcast_to(np.asarray(where, bool), a.shape)
    result = np.empty([a.shape[i] for i in kept], dtype or expected_dtype(a))
    for index in np.ndindex(*result.shape):
        place = [slice(None)] * a.ndim
        for i, position in zip(kept, index, strict=True):
            place[i] = position
        values = np.atleast_1d(a[tuple(place)])[np.atleast_1d(included[tuple(place)])].tolist()
        result[index] = oracle(values, result.dtype)
    return np.expand_dims(result, tuple(reduced)) if keepdims else result


@given(st.data())
def test_any_array_and_axes(data):
    """Dtypes, layouts, axes and masks: the bits of the exact sum."""
    a = data.draw(arrays())
    axis = data.draw(axes(a.ndim))
    keepdims = data.draw(st.booleans())
    seed = data.draw(st.integers(0, 99))
    where = True if seed < 30 else np.random.default_rng(seed).random(a.shape) < 0.7
    with np.errstate(all="ignore"):
        try:
            expected = reduce(a, axis, keepdims, where)
        except OverflowError:
            with pytest.raises(OverflowError, match=r"^sum_of_squares: .*use dtype=object"):
                mypackage.sum_of_squares(a, axis, keepdims=keepdims, where=where)
        else:
            same(mypackage.sum_of_squares(a, axis, keepdims=keepdims, where=where), expected)


@given(st.data())
def test_dtype_is_what_the_exact_sum_is_rounded_to(data):
    """Any dtype of elements to any floating-point dtype, from one rounding."""
    a = data.draw(arrays(INTEGERS + FLOATS + COMPLEX))
    dtype = np.dtype(data.draw(st.sampled_from(FLOATS)))
    with np.errstate(all="ignore"):
        same(mypackage.sum_of_squares(a, dtype=dtype), reduce(a, None, False, True, dtype))
        out = np.full((), 7, dtype)
        assert mypackage.sum_of_squares(a, out=out) is out
        same(out, reduce(a, None, False, True, dtype))


@pytest.mark.parametrize("shape", [(3000,), (70, 50), (50, 70), (3000, 2), (2, 3000), (40, 5, 9)])
@pytest.mark.parametrize("dtype", ["d", "f", "e", "D", "q", "i", "B", "?"])
def test_every_way_through_memory(shape, dtype):
    """Long runs, short rows, columns, and views that are none of these."""
    rng = np.random.default_rng(5)
    a = (rng.standard_normal(shape) * 2.0 ** rng.integers(-9, 9, shape) * 50).astype(dtype)
    if dtype == "D":
        a = a + 1j * rng.standard_normal(shape)
    views = [a, a[..., ::-2], a.T, np.asfortranarray(a), a.byteswap().view(a.dtype.newbyteorder())]
    for x in views:
        for axis in (None, 0, -1):
            with np.errstate(over="ignore"):
                result = mypackage.sum_of_squares(x, axis)
                same(result, reduce(x, axis, False, True))
                out = np.full_like(result, 7)
                assert mypackage.sum_of_squares(x, axis, out=out) is out
                same(out, result)


def test_threads_and_parts_do_not_matter():
    """Enough elements for several threads, as one result, as a few and as many."""
    a = np.random.default_rng(1).standard_normal(600_000)
    a[7::100] *= 1e100
    with mypackage.threads(1):
        alone = [mypackage.sum_of_squares(a.reshape(shape), axis=0) for shape in SHAPES]
    with mypackage.threads(4):
        for shape, expected in zip(SHAPES, alone, strict=True):
            same(mypackage.sum_of_squares(a.reshape(shape), axis=0), expected)
    exact = sum((Fraction(x) ** 2 for x in a.tolist()), Fraction())
    same(mypackage.sum_of_squares(a), rounded(exact, np.dtype("d")))


SHAPES = [(600_000,), (300_000, 2), (600, 1000), (2, 300_000)]


def test_no_square_overflows_or_underflows():
    """Only the sum is rounded."""
    tiny = np.full(2**12, 2.0**-540)
    assert mypackage.sum_of_squares(tiny) == 2.0**-1068
    assert mypackage.sum_of_squares(np.full(4, 2.0**-538)) == 2.0**-1074
    with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="sum_of_squares"):
        mypackage.sum_of_squares([1e200])
    assert mypackage.sum_of_squares(np.float32([1e30, 1]), dtype="d") == rounded(
        Fraction(float(np.float32(1e30))) ** 2 + 1, np.dtype("d")
    )


@pytest.mark.parametrize("count", [1, 4, 100, 5000])
def test_integers_beyond_128_bits(count):
    """A Python int with ``dtype=object``, else an error that says so."""
    a = np.full((count, 2), np.iinfo("q").min)
    assert mypackage.sum_of_squares(a, dtype=object) == 2 * count * 2**126
    columns = mypackage.sum_of_squares(a, axis=0, dtype=object)
    assert columns.dtype == object and columns.tolist() == [count * 2**126] * 2
    with pytest.raises(OverflowError, match="does not fit int64; use dtype=object for Python ints"):
        mypackage.sum_of_squares(a)
    assert mypackage.sum_of_squares(a, dtype=float) == float(2 * count * 2**126)
    assert mypackage.sum_of_squares(np.uint64([2**64 - 1]), dtype=object) == (2**64 - 1) ** 2


def test_complex_numbers_give_real_results():
    """The sum of the squares of the moduli, without a warning."""
    result = mypackage.sum_of_squares(np.array([3 + 4j, 1j], np.complex64))
    assert result.dtype == np.float32 and result == 26
    result = mypackage.sum_of_squares([[3 + 4j, 1j]], axis=0, dtype=complex)
    assert result.dtype == np.complex128 and result.tolist() == [25, 1]
    assert math.isnan(mypackage.sum_of_squares([1 + math.nan * 1j]))
    assert mypackage.sum_of_squares([complex(math.inf, -math.inf)]) == math.inf
    where = np.array([[True, False], [False, True]])
    a = np.array([[1 + 1j, 2], [3, 4j]])
    assert mypackage.sum_of_squares(a, axis=1, where=where).tolist() == [2, 16]


def test_nothing():
    assert mypackage.sum_of_squares([]) == 0
    assert mypackage.sum_of_squares(np.ones((0, 3)), axis=0).tolist() == [0, 0, 0]
    assert mypackage.sum_of_squares([np.nan], where=False) == 0


def test_other_kinds():
    """Lists and objects; masked arrays leave elements out; a matrix stays one."""
    assert mypackage.sum_of_squares([1, 2.5]) == 7.25
    assert mypackage.sum_of_squares([2**70, 1]) == 2**140 + 1
    assert mypackage.sum_of_squares(np.array([Fraction(1, 3), 2], object)) == Fraction(37, 9)
    assert mypackage.sum_of_squares(np.array([Decimal("1.5"), 2], object)) == Decimal("6.25")
    assert mypackage.sum_of_squares(np.array([3 + 4j, 1e200], object)[:1]) == 25
    masked = np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[False, True], [True, True]])
    result = mypackage.sum_of_squares(masked, axis=1)
    assert result.tolist() == [1.0, None]
    matrix = np.array([[1.0, 2.0]]).view(np.matrix)
    assert mypackage.sum_of_squares(matrix, axis=1).tolist() == [[5.0]]


def test_times_have_none():
    with pytest.raises(TypeError, match="no exact result for dtype timedelta64"):
        mypackage.sum_of_squares(np.array([1], "m8[s]"))


def test_pandas():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"x": [1e200, 3.0, None], "n": [3, 4, 2**31 + 1]}, index=list("abc"))
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert mypackage.sum_of_squares(table.x) == math.inf
    assert mypackage.sum_of_squares(table.x[1:]) == 9
    large = (2**31 + 1) ** 2
    assert mypackage.sum_of_squares(table.n) == 25 + large
    columns = mypackage.sum_of_squares(table.iloc[1:], axis=0, dtype=object)
    assert columns.to_dict() == {"x": 9, "n": 16 + large}
    with pytest.raises(OverflowError, match=r"^sum_of_squares: .* column 'n' does not fit float64"):
        mypackage.sum_of_squares(table.iloc[1:], axis=0)
    rows = mypackage.sum_of_squares(table.iloc[1:], axis=1)
    assert rows.to_dict() == {"b": 25, "c": float(large)}
    assert mypackage.sum_of_squares(table.iloc[1:]) == float(25 + large)
    assert mypackage.sum_of_squares(table.n, where=table.x > 5) == 9
    pairs = pd.DataFrame({"z": [3 + 4j, np.nan], "w": [1j, 1.0]})
    assert mypackage.sum_of_squares(pairs) == 27
    assert mypackage.sum_of_squares(pairs, axis=1).tolist() == [26, 1]
    assert mypackage.sum_of_squares(pd.Series([10**30, None, 1], dtype=object)) == 10**60 + 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_dask(dtype):
    da = pytest.importorskip("dask.array")
    rng = np.random.default_rng(0)
    a = abs(rng.normal(size=(5, 7)) * 9).astype(dtype)
    lazy = da.from_array(a, chunks=(2, 3))
    for axis in (None, 0, 1, (0, 1)):
        for options in ({}, {"keepdims": True}, {"where": a > 1}):
            result = mypackage.sum_of_squares(lazy, axis, **options)
            assert isinstance(result, da.Array)
            ours = mypackage.sum_of_squares(a, axis, **options)
            assert result.dtype == ours.dtype
            same(np.asarray(result.compute()), np.asarray(ours))


def test_masked_lazy_arrays():
    da = pytest.importorskip("dask.array")
    hidden = np.ma.array([[1.0, np.nan], [3.0, np.inf]], mask=[[0, 1], [0, 1]])
    result = mypackage.sum_of_squares(da.from_array(hidden, chunks=1), 0).compute()
    assert result.tolist() == mypackage.sum_of_squares(hidden, 0).tolist() == [10, None]


def test_lazy_results_that_do_not_fit():
    da = pytest.importorskip("dask.array")
    large = da.from_array(np.array([2**62, 3]), chunks=1)
    lazy = mypackage.sum_of_squares(large)
    with pytest.raises(OverflowError, match="does not fit int64"):
        lazy.compute()
    assert mypackage.sum_of_squares(large, dtype=object).compute() == 2**124 + 9
    for kind in ("m8[s]", "M8[s]"):
        with pytest.raises(TypeError, match=r"^sum_of_squares: "):
            mypackage.sum_of_squares(da.ones(3).astype("i8").astype(kind))


def test_xarray():
    xr = pytest.importorskip("xarray")
    a = xr.DataArray([[1.0, np.nan], [3.0, 4.0]], dims=("t", "x"), attrs={"units": "m"})
    result = mypackage.sum_of_squares(a, axis=1)
    assert result.dims == ("t",) and result.values.tolist() == [1, 25]
    assert mypackage.sum_of_squares(a.to_dataset(name="v")).v == 26
    with pytest.raises(ValueError, match=r"^where: 1 of its elements are missing"):
        mypackage.sum_of_squares(a, where=a)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sum_of_one_number_is_its_square(dtype):
    one = np.array([1], dtype)
    same(mypackage.sum_of_squares(one), np.ones((), expected_dtype(one)))
