"""Python's numbers, in object arrays and in lists: exact, of the right kind, or refused.

The oracle is `fractions.Fraction`.
"""

import datetime
import math
import warnings
from decimal import Context, Decimal, localcontext
from fractions import Fraction

import gmpy2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mypackage

integers = st.one_of(
    st.integers(-3, 3), st.integers(-(2**70), 2**70), st.sampled_from([10**400, -(10**400), 2**53])
)
floats = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.5, -0.5, 1e16, -1e16])
)
fractions = st.fractions(max_denominator=1000)


def objects(*elements):
    array = np.empty(len(elements), object)
    array[:] = elements
    return array


def nearest(x):
    """A rational number as a float."""
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf


@given(st.lists(integers))
def test_integers(elements):
    total = mypackage.sum(objects(*elements))
    assert type(total) is int and total == sum(elements)
    if elements:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert mypackage.mean(objects(*elements)) == nearest(
                Fraction(sum(elements), len(elements))
            )


@given(st.lists(st.one_of(integers, fractions), min_size=1))
def test_fractions(elements):
    exact = sum(map(Fraction, elements))
    total = mypackage.sum(objects(*elements, Fraction(1, 3)))
    assert type(total) is Fraction and total == exact + Fraction(1, 3)
    mean = mypackage.mean(objects(*elements, Fraction(1, 3)))
    assert type(mean) is Fraction and mean == (exact + Fraction(1, 3)) / (len(elements) + 1)


@given(st.lists(st.one_of(integers, fractions, floats), min_size=1))
def test_floats(elements):
    elements = [*elements, 0.25]
    exact = sum(map(Fraction, elements))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        total, mean = mypackage.sum(objects(*elements)), mypackage.mean(objects(*elements))
        prefixes = mypackage.cumsum(objects(*elements)).tolist()
    assert type(total) is float and total == nearest(exact)
    assert isinstance(mean, float) and mean == nearest(exact / len(elements))
    running = Fraction()
    for x, prefix in zip(elements, prefixes, strict=True):
        running += Fraction(x)
        assert prefix == (nearest(running) if isinstance(prefix, float) else running)


@given(st.lists(st.tuples(st.one_of(integers, fractions, floats), st.one_of(fractions, floats))))
def test_products(pairs):
    pairs = [*pairs, (0.5, 2)]
    exact = sum(Fraction(x) * Fraction(w) for x, w in pairs)
    weight = sum(Fraction(w) for _, w in pairs)
    values, weights = (objects(*column) for column in zip(*pairs, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert mypackage.vecdot(values, weights) == nearest(exact)
        if weight:
            assert mypackage.average(values, weights=weights) == nearest(exact / weight)
        else:
            with pytest.raises(ZeroDivisionError, match="weights sum to zero"):
                mypackage.average(values, weights=weights)


@given(st.lists(st.tuples(st.integers(-1, 3), st.one_of(integers, fractions, floats))))
def test_columns_and_where(pairs):
    """Over an axis, each result for itself."""
    a = np.array([[x, 1] for _, x in pairs], dtype=object).reshape(-1, 2)
    where = np.array([label >= 0 for label, _ in pairs], bool).reshape(-1, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = mypackage.sum(a, axis=0, where=where)
    kept = [x for label, x in pairs if label >= 0]
    exact = sum(map(Fraction, kept))
    assert result[0] == (nearest(exact) if isinstance(result[0], float) else exact)
    assert result[1] == len(kept)


def test_complex_numbers():
    assert mypackage.sum(objects(1e16 + 1j, 1, Fraction(1, 2), -1e16)) == 1.5 + 1j
    assert mypackage.mean(objects(1j, 2)) == 1 + 0.5j
    assert mypackage.vecdot(objects(1j, 2), objects(1j, 3)) == 7
    assert mypackage.average(objects(1j, 2), weights=[1, 3]) == 1.5 + 0.25j


def test_special_values():
    nan, inf = math.nan, math.inf
    assert math.isnan(mypackage.sum(objects(1, nan, Fraction(1, 3))))
    assert mypackage.sum(objects(1, inf, 10**400)) == inf
    with pytest.warns(RuntimeWarning, match="invalid value encountered in sum"):
        assert math.isnan(mypackage.sum(objects(inf, -inf, 1)))
    with pytest.warns(RuntimeWarning, match="overflow encountered in sum"):
        assert mypackage.sum(objects(1e308, 1e308)) == inf
    assert mypackage.sum(objects(1e308, 1e308, -1e308)) == 1e308
    assert mypackage.nansum(objects(nan, 1, Decimal(2), Decimal("nan"))) == 3
    assert mypackage.nanmean(objects(nan, 1, 2)) == 1.5
    assert mypackage.sum(objects()) == 0
    with pytest.warns(RuntimeWarning, match="Mean of empty slice in mean"):
        assert math.isnan(mypackage.mean(objects()))
    assert str(mypackage.cumsum(objects(-0.0, -0.0, 0, -0.0)).tolist()) == "[-0.0, -0.0, 0.0, 0.0]"


def test_decimals():
    big = objects(Decimal("1e30"), Decimal(1), Decimal("-1e30"))
    assert str(mypackage.sum(big)) == "1"
    third = mypackage.mean(objects(Decimal(1), 0, 0))
    assert third == Decimal(1) / 3
    with localcontext(Context(prec=3)):
        assert mypackage.sum(objects(Decimal("1.2345"), 1)) == Decimal("2.2345")
        assert str(mypackage.mean(objects(Decimal(1), 0, 0))) == "0.333"
        assert str(mypackage.average(objects(Decimal(1), 0), weights=[1, Decimal(2)])) == "0.333"
    for other in (0.5, Fraction(1, 2), 1j, gmpy2.mpz(1)):
        for call in (mypackage.sum, mypackage.mean, mypackage.cumsum):
            with pytest.raises(TypeError, match="Decimals do not mix"):
                call(objects(Decimal(1), other))
    with pytest.raises(OverflowError, match=r"^sum: .* 1000002 digits"):
        mypackage.sum(objects(Decimal("1e1000000"), Decimal(1)))


def test_other_rational_numbers():
    """Their own addition, and their own type."""
    mpz, mpq = gmpy2.mpz, gmpy2.mpq
    total = mypackage.sum(objects(1, mpz(2) ** 80, np.int64(-1)))
    assert type(total) is type(mpz(0)) and total == 2**80
    total = mypackage.sum(objects(mpz(1), Fraction(1, 3)))
    assert type(total) is type(mpq(0)) and total == Fraction(4, 3)
    assert mypackage.mean(objects(mpz(1), mpz(2))) == Fraction(3, 2)
    assert mypackage.sum(objects(mpq(1, 3), 0.5)) == float(Fraction(5, 6))
    assert mypackage.sum(objects(datetime.timedelta(1), datetime.timedelta(2))).days == 3
    assert mypackage.sum(objects(*[mypackage.ExactSum().add([0.1])] * 10)).value() == 1.0


@pytest.mark.parametrize("call", [mypackage.sum, mypackage.mean, mypackage.cumsum], ids=str)
@pytest.mark.parametrize(
    "x", [gmpy2.mpfr(1), "a", None, np.longdouble(1), [1], {1}, np.datetime64("2020")], ids=repr
)
def test_refused(call, x):
    """What rounds, is symbolic or is more than a number; the way out is NumPy's own function."""
    with pytest.raises(TypeError, match=f"^{call.__name__}: .*numpy.sum"):
        call(objects(1, x))


def test_dtype_and_out():
    a = objects(1, Fraction(1, 2**24), Fraction(1, 2**80))
    assert mypackage.sum(a, dtype=np.float32) == np.float32(1 + 2.0**-23)
    assert mypackage.sum(objects(2049, Fraction(1, 2**60)), dtype=np.float16) == 2050
    assert mypackage.sum(objects(2.5, 1), dtype=np.int64) == 4
    with pytest.raises(OverflowError, match="300 does not fit int8"):
        mypackage.sum(objects(300), dtype=np.int8)
    with pytest.raises(TypeError, match=r"longdouble|float128"):
        mypackage.sum(objects(300), dtype=np.longdouble)
    out = np.zeros(2, object)
    table = np.array([[1, 2**80], [1e16, 1]], object)
    assert mypackage.sum(table, axis=0, out=out) is out
    assert out.tolist() == [1e16, 2**80 + 1] and mypackage.sum(a, initial=2**90) > 2**90
    with pytest.raises(ValueError, match="out has shape"):
        mypackage.sum(table, out=out)
    with pytest.raises(np.exceptions.AxisError):
        mypackage.sum(table, axis=2)
    with pytest.raises(ValueError, match="duplicate"):
        mypackage.sum(table, axis=(0, 0))
    assert mypackage.sum(table, axis=(0, 1), keepdims=True).shape == (1, 1)


# -- Lists ----------------------------------------------------------------------------------------


@given(st.lists(st.one_of(st.integers(-(2**63), 2**64 - 1), floats), min_size=1))
def test_lists(elements):
    """The dtype that NumPy has for them, and the exact value; ints give an int."""
    exact, dtype = sum(map(Fraction, elements)), np.asarray(elements).dtype
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            total = mypackage.sum(elements)
        except OverflowError:
            # An integer dtype does not hold it, as of an array.
            assert dtype.kind in "iu"
            return
        mean, prefixes = mypackage.mean(elements), mypackage.cumsum([*elements, 0.0])
        average = mypackage.average(elements, weights=[1] * len(elements))
        dot = mypackage.vecdot(elements, [1.0] * len(elements))
    if all(isinstance(x, int) for x in elements):
        assert total == exact and (dtype.kind in "iu" or type(total) is int)
    else:
        assert total == nearest(exact) and type(total) is np.float64
    assert mean == average == nearest(exact / len(elements))
    assert prefixes[-1] == dot == nearest(exact)


def test_lists_of_other_shapes():
    assert mypackage.sum([2**63, -(2**63) + 1]) == 1
    assert mypackage.sum([2**64, 0.5, -(2**64)]) == 0.5
    table = [[2**53 + 1, 0.5], [-(2**53), 1]]
    assert mypackage.sum(table, axis=0).tolist() == [1.0, 1.5]
    assert mypackage.sum(tuple(map(tuple, table))) == 2.5
    assert mypackage.sum([np.array([2**53 + 1, 1]), np.array([0.5, -(2.0**53)])]) == 2.5
    assert mypackage.sum([2**53 + 1, -(2**53), 0.5j]) == 1 + 0.5j
    assert mypackage.sum([np.uint64(2**64 - 1), np.int64(-1), -(2**63)]) == 2**63 - 2
    assert type(mypackage.sum([np.float32(0.1)] * 3)) is np.float32
    assert mypackage.sum(range(2**62, 2**62 + 2), dtype=object) == 2**63 + 1
    with pytest.raises(ValueError, match="inhomogeneous"):
        mypackage.sum([[1, 2], [3]])


@pytest.mark.parametrize("numbers", [[True, False, True], [True, 2, 0.5], [True, Fraction(1, 3)]])
def test_bools_of_numpy(numbers):
    array = np.array([np.bool_(x) if isinstance(x, bool) else x for x in numbers] + [None], object)
    plain = np.array([*numbers, None], object)
    for name in ("sum", "mean", "cumsum", "var"):
        result = getattr(mypackage, name)(array[:-1])
        assert np.array_equal(result, getattr(mypackage, name)(plain[:-1]))


def test_times_among_objects():
    array = np.array([np.timedelta64(1, "s"), np.timedelta64(5, "ms")], object)
    with pytest.raises(TypeError, match=r"^sum: .*timedelta64.*numpy.asarray\(a, 'm8\[us\]'\)"):
        mypackage.sum(array)
    assert mypackage.sum(np.asarray(array, "m8[us]")) == np.timedelta64(1_005_000, "us")


def test_arrays_without_axes_in_lists():
    numbers = [np.array(2**53 + 1), 0.5, np.array(-(2**53))]
    assert mypackage.sum(numbers) == 1.5
    assert mypackage.sum([numbers, numbers], axis=1).tolist() == [1.5, 1.5]
    assert mypackage.sum([np.array(5), 2**70]) == 2**70 + 5


def test_labelled_objects_in_lists():
    pd = pytest.importorskip("pandas")
    s = pd.Series([1.0, 2.0], index=["a", "b"])
    assert mypackage.sum([s, s], axis=0).tolist() == [2, 4]
    table = pd.DataFrame({"a": [2**53 + 1], "b": [0.5]})
    for parts in ([s, s[::-1]], [s, s * np.nan], [table]):
        with pytest.raises(TypeError, match="labels, which differ, or what is missing"):
            mypackage.sum(parts)
    xr = pytest.importorskip("xarray")
    a = xr.DataArray([1.0, 2.0], {"x": [1, 2]}, "x")
    assert mypackage.sum([a, a], axis=0).tolist() == [2, 4]
    for parts in ([a, a[::-1]], [a, a.where(a > 1)], [a.to_dataset(name="v")]):
        with pytest.raises(TypeError, match="labels, which differ, or what is missing"):
            mypackage.sum(parts)
    pa = pytest.importorskip("pyarrow")
    assert mypackage.sum([pa.array([1, 2])]) == 3
    for part in (pa.array([1, None]), pa.table({"a": [1]})):
        with pytest.raises(TypeError, match="what is missing"):
            mypackage.sum([part])
    da = pytest.importorskip("dask.array")
    with pytest.raises(TypeError, match=r"dask.array.stack"):
        mypackage.sum([da.ones(2)])
