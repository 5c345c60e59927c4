"""``var``, ``std``, ``nanvar``, ``nanstd`` and ``norm``: exact rationals, rounded once."""

import ctypes
import datetime
import decimal
import gc
import math
import operator
import re
import statistics
import sys
import warnings
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import gmpy2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import COMPLEX, DTYPES, FLOATS, INTEGERS, LAYOUTS, arrays, axes
from moment_cases import KINDS, case
from reference import rounded, rounded_root, same

import mypackage

VARIANCES = ["var", "std", "nanvar", "nanstd"]
ALL = [*VARIANCES, "norm"]
DEGREES = "Degrees of freedom <= 0 for slice"


def quietly(name, *arguments, **options):
    """The function called `name`, silent about all that may happen."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", DEGREES)
        return getattr(mypackage, name)(*arguments, **options)


# -- The oracle -----------------------------------------------------------------------------------


def root(square, dtype):
    """The root of a fraction, rounded once."""
    return rounded_root(square.numerator, square.denominator, dtype) if square else dtype.type(0)


def parts(x):
    return [x.real, x.imag] if isinstance(x, complex) else [x]


def moment(name, values, ddof=0, mean=None, weights=None):
    """The exact variance or sum of squares as a Fraction, or a float that is not finite."""
    weights = [1] * len(values) if weights is None else weights
    pairs = list(zip(values, weights, strict=True))
    if name.startswith("nan"):
        pairs = [(x, w) for x, w in pairs if x == x]
    numbers = [part for x, _ in pairs for part in parts(x)]
    special = [x for x in numbers if isinstance(x, float) and not math.isfinite(x)]
    if name == "norm":
        if special:
            return math.nan if any(x != x for x in special) else math.inf
        return sum((Fraction(x) ** 2 for x in numbers), Fraction(0))
    total = sum(Fraction(w) for _, w in pairs)
    degrees = total - Fraction(ddof)
    if not pairs or (degrees <= 0 and name.startswith("nan")) or any(x != x for x in special):
        return math.nan
    if special:
        return math.nan if mean is None else math.inf
    scatter = Fraction(0)
    for at in range(2):
        column = [(Fraction(x.imag if at else x.real), Fraction(w)) for x, w in pairs]
        centre = sum(w * x for x, w in column) / total
        if mean is not None:
            centre = Fraction(complex(mean).imag if at else operator.attrgetter("real")(mean))
        scatter += sum(w * (x - centre) ** 2 for x, w in column)
    if degrees <= 0:
        return math.inf if scatter else math.nan
    return scatter / degrees


def result(name, values, dtype, **options):
    """The moment rounded once to a real floating-point dtype."""
    exact = moment(name, values, **options)
    if isinstance(exact, float):
        return dtype.type(exact)
    return rounded(exact, dtype) if name.endswith("var") else root(exact, dtype)


def real(dtype):
    """The dtype of a variance."""
    dtype = np.dtype(dtype)
    return np.dtype("d") if dtype.kind in "biu" else np.empty(0, dtype).real.dtype.newbyteorder("=")


def expected(name, a, axis=None, dtype=None, keepdims=False, where=True, **options):
    """The moments of an array, one at a time."""
    over = tuple(range(a.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    over = sorted({operator.index(i) % a.ndim for i in over}) if a.ndim else []
    kept = [i for i in range(a.ndim) if i not in over]
    shape = [a.shape[i] for i in kept]
    length = math.prod(a.shape[i] for i in over)
    rows = a.transpose(kept + over).reshape(*shape, length)
    wanted = np.broadcast_to(np.asarray(where, bool), a.shape)
    wanted = wanted.transpose(kept + over).reshape(rows.shape)
    results = np.empty(shape, real(a.dtype) if dtype is None else dtype)
    for index in np.ndindex(*shape):
        row = rows[index][wanted[index]].tolist()
        results[index] = result(name, row, results.dtype, **options)
    return np.expand_dims(results, tuple(over)) if keepdims else results


# -- Any array ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
@given(st.data())
def test_any_array_and_axes(name, data):
    """Dtypes, layouts, axes and masks: the bits of the exact moment."""
    a = data.draw(arrays())
    axis = data.draw(axes(a.ndim))
    keepdims = data.draw(st.booleans())
    options = {}
    if name != "norm":
        seed = data.draw(st.integers(0, 99))
        if seed > 30:
            options["where"] = np.random.default_rng(seed).random(a.shape) < 0.7
        options["ddof"] = data.draw(st.sampled_from([0, 1, 2, 0.1, -1.5, Fraction(1, 3)]))
    found = quietly(name, a, axis=axis, keepdims=keepdims, **options)
    same(found, expected(name, a, axis, None, keepdims, **options))


@pytest.mark.parametrize("name", VARIANCES)
@given(st.data())
def test_dtype_is_what_the_exact_moment_is_rounded_to(name, data):
    """Any dtype of elements to any dtype of result, from one rounding."""
    a = data.draw(arrays(INTEGERS + FLOATS, finite=True).filter(np.size))
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    if name.startswith("nan") and a.dtype.kind == "f" and dtype.kind not in "fc":
        with pytest.raises(TypeError, match="must be inexact"):
            quietly(name, a, dtype=dtype)
    elif dtype.kind in "fc":
        exact = expected(name, a, dtype=real(dtype))
        same(quietly(name, a, dtype=dtype), exact.astype(dtype))
    else:
        exact = moment(name, a.reshape(-1).tolist())
        whole = round(exact)
        if not name.endswith("var"):
            whole = math.isqrt(math.floor(exact))
            middle = Fraction(2 * whole + 1, 2) ** 2
            whole += exact > middle or (exact == middle and whole % 2)
        highest = 1 if dtype.kind == "b" else np.iinfo(dtype).max
        if whole > highest:
            with pytest.raises(OverflowError, match=f"^{name}: .*dtype=float64"):
                quietly(name, a, dtype=dtype)
        else:
            same(quietly(name, a, dtype=dtype), np.array(whole, dtype))


@given(st.data())
def test_mean_is_used_as_it_is_given(data):
    """Not as a hint: another mean is another result, in NumPy's dtype of both."""
    name = data.draw(st.sampled_from(VARIANCES))
    a = data.draw(arrays([*FLOATS, "i", "l", *COMPLEX], finite=True).filter(np.size))
    mean = data.draw(st.floats(-1e10, 1e10))
    mean = np.float64(mean) if a.dtype.kind != "c" else np.complex128(mean + 1j)
    dtype = real(np.result_type(a, mean))
    found = quietly(name, a, mean=mean, dtype=dtype)
    same(found, expected(name, a, dtype=dtype, mean=mean.item()))


@given(st.data())
def test_weights(data):
    """The exact weighted formula; whole weights are repetitions."""
    name = data.draw(st.sampled_from(VARIANCES))
    a = data.draw(arrays([*FLOATS, "b", "l", "Q", *COMPLEX], finite=True).filter(np.size))
    seed, ddof = data.draw(st.integers(0, 2**32)), data.draw(st.sampled_from([0, 1, 0.25]))
    rng = np.random.default_rng(seed)
    weights = rng.integers(0, 5, a.shape)
    weights.flat[0] = 1
    with np.errstate(all="ignore"):
        found = quietly(name, a, weights=weights * 0.5, ddof=ddof, dtype=real(a.dtype))
    flat, halves = a.reshape(-1).tolist(), (weights * 0.5).reshape(-1).tolist()
    same(found, np.array(result(name, flat, real(a.dtype), ddof=ddof, weights=halves)))
    same(
        quietly(name, a, weights=weights, dtype=real(a.dtype)),
        np.asarray(quietly(name, np.repeat(a.reshape(-1), weights.reshape(-1)))),
    )


def test_weights_broadcast_as_in_average():
    a = np.arange(12.0).reshape(3, 4) ** 2
    weights = np.array([1.0, 2, 0, 4])
    along = mypackage.var(a, axis=1, weights=weights)
    same(along, mypackage.var(a, axis=1, weights=np.tile(weights, (3, 1))))
    with pytest.raises(ValueError, match="Shape of weights must"):
        mypackage.var(a, axis=0, weights=weights)
    with pytest.raises(TypeError, match="Axis must be specified"):
        mypackage.var(a, weights=weights)
    with pytest.raises(ValueError, match="must not be negative"):
        mypackage.std([1.0, 2], weights=[1, -1])
    with pytest.raises(ZeroDivisionError, match="sum to zero"):
        mypackage.var([1.0, 2], weights=[0, 0])
    assert math.isnan(mypackage.var([1.0, 2], weights=[1, np.nan]))
    with pytest.warns(RuntimeWarning, match=DEGREES) as record:
        assert mypackage.var([1.0, 2], weights=[0.25, 0.25], ddof=1) == math.inf
    assert len(record) == 1


# -- Difficult data -------------------------------------------------------------------------------


@settings(deadline=None)
@given(kind=st.sampled_from(sorted(KINDS)), seed=st.integers(0, 2**32 - 1))
def test_adversarial_data(kind, seed):
    """Each kind of difficult numbers, in every dtype and along either axis."""
    rng = np.random.default_rng(seed)
    n = int(rng.choice([1, 2, 3, 7, 30, 64, 100, 333]))
    a = case(kind, n, rng)
    for name in ALL:
        options = {} if name == "norm" else {"ddof": [0, 1, 0.1][seed % 3]}
        same(quietly(name, a, **options), expected(name, a, **options))
        if a.dtype == np.float64:
            same(quietly(name, a), np.asarray(quietly(name, a[::-1].copy()[::-1])))
    pair = np.stack([a, case(kind, n, rng)])
    for axis in (0, 1):
        same(quietly("var", pair, axis=axis), expected("var", pair, axis))
        same(quietly("std", pair.T, axis=axis), expected("std", pair.T, axis))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_long_data(kind):
    """Blocks, levels and shifts, and how they are put together."""
    rng = np.random.default_rng(5)
    a = case(kind, 9_000, rng)
    for name in ("var", "std", "norm"):
        same(quietly(name, a), expected(name, a))
    for layout in ("strided", "byte-swapped", "misaligned"):
        same(quietly("var", LAYOUTS[layout](a)), np.asarray(quietly("var", a)))
    where = rng.random(a.size) < 0.5
    same(quietly("var", a, where=where), np.asarray(quietly("var", a[where])))
    if a.dtype.kind == "f":
        holes = a.copy()
        holes[~where] = np.nan
        same(quietly("nanvar", holes), np.asarray(quietly("nanvar", a[where])))


def test_large_arrays_on_threads():
    """Parts of one result, each with its own shift."""
    small = np.random.default_rng(3).integers(-(2**20), 2**20, 3_000_000)
    n, total, square = small.size, int(small.sum()), int((small * small).sum())
    for shift, dtype in ((10**9, np.float64), (0, np.float64), (0, np.float32), (10**17, np.int64)):
        a = small.astype(dtype) + dtype(shift)
        found = [mypackage.var(a), mypackage.std(a), mypackage.norm(a)]
        with mypackage.threads(2):
            assert found == [mypackage.var(a), mypackage.std(a), mypackage.norm(a)]
        variance = Fraction(n * square - total**2, n * n)
        squares = Fraction(square + 2 * shift * total + n * shift**2)
        wanted = np.dtype(np.float64 if dtype is np.int64 else dtype)
        assert found == [
            rounded(variance, wanted),
            root(variance, wanted),
            root(squares, wanted),
        ]
        turned = a.reshape(3, -1, 1000)
        parts = [mypackage.std(turned, axis=axis) for axis in (0, 1, 2, (0, 2), (0, 1))]
        with mypackage.threads(2):
            for axis, part in zip((0, 1, 2, (0, 2), (0, 1)), parts, strict=True):
                same(mypackage.std(turned, axis=axis), part)
        assert parts[4][7] == mypackage.std(np.ascontiguousarray(turned[:, :, 7]))
        assert parts[2][1, 5] == mypackage.std(turned[1, 5])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_rows_and_columns(kind):
    """Many results at once are those of each one alone."""
    rng = np.random.default_rng(11)
    lines = np.stack([case(kind, n, rng) for n in [600] * 5] + [case("normal", 600, rng)] * 6)
    for a in (lines.T, np.ascontiguousarray(lines.T), lines.reshape(-1, 30), lines.reshape(-1, 10)):
        for name in ("var", "std"):
            for axis in (0, 1):
                alone = [quietly(name, line.copy()) for line in np.moveaxis(a, axis, -1)]
                same(quietly(name, a, axis=axis), np.array(alone))
        where = rng.random(a.shape) < 0.7
        alone = [quietly("var", x[w]) for x, w in zip(a.T, where.T, strict=True)]
        same(quietly("var", a, axis=0, where=where), np.array(alone))


@given(st.lists(st.integers(-(2**70), 2**70), min_size=1))
def test_against_statistics(values):
    """CPython's own exact ones."""
    a = np.array([float(x) for x in values])
    assert mypackage.var(a) == statistics.pvariance(a.tolist())
    if sys.version_info >= (3, 11):  # Before, pstdev is rounded twice.
        assert mypackage.std(a) == statistics.pstdev(a.tolist())


@given(arrays(["d"], max_dims=1, finite=True).filter(np.size), st.integers(-40, 40))
def test_scaling_by_powers_of_two(a, k):
    a = np.where(np.abs(a) > 1e100, 1.0, a)
    a = np.where(np.abs(a) < 1e-100, 0.0, a)
    assert mypackage.var(a * 2.0**k) == mypackage.var(a) * 4.0**k
    assert mypackage.std(a * 2.0**k) == mypackage.std(a) * 2.0**k
    assert mypackage.norm(a * 2.0**k) == mypackage.norm(a) * 2.0**k


def test_the_issues_examples():
    assert mypackage.var([0, 1e-200]) == 0 and mypackage.std([0, 1e-200]) == 5e-201
    assert mypackage.var([5, 0, 5], ddof=0.1) == 5.747126436781609
    assert mypackage.var(np.array([0.0, float.fromhex("0x1.e9aa5979a6401p-511")])) == (
        2.0351826612984434e-308
    )
    small = np.array([0, 0, 1.6328125, 5.608797073364258e-05], np.float16)
    assert mypackage.var(small, dtype=np.float16) == result("var", small.tolist(), np.dtype("e"))
    assert mypackage.norm(np.array([300, 300], np.float16)) == np.float16(424.2)
    assert mypackage.var([1j, 0]) == 0.25
    assert mypackage.norm([3e300, 4e300]) == 5e300 and mypackage.norm([1e-200] * 4) == 2e-200


def test_never_negative_and_zero_where_all_are_equal():
    for x in (0.1, 1e300, 5e-324, -3.3, 2.0**1000):
        for n in (1, 2, 7, 1000, 10_000):
            for dtype in (np.float64, np.float32):
                with np.errstate(over="ignore"):
                    a = np.full(n, x, dtype)
                if np.isfinite(a[0]):
                    assert mypackage.var(a) == 0 == mypackage.std(a)
                    assert not mypackage.var(a[:, None] * np.ones((1, 3), dtype), axis=0).any()


# -- Degrees of freedom, NaN and infinities -------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "values", "ddof", "answer"),
    [
        ("var", [], 0, math.nan),
        ("var", [], -1, math.nan),
        ("var", [1.0], 1, math.nan),
        ("var", [1.0, 1.0], 2, math.nan),
        ("var", [1.0, 2.0], 2, math.inf),
        ("std", [1.0, 2.0], 2.5, math.inf),
        ("std", [1.0, 2.0], math.inf, math.inf),
        ("nanvar", [1.0, 2.0], 2, math.nan),
        ("nanstd", [math.nan], 0, math.nan),
        ("var", [math.inf, 2.0], 2, math.nan),
        ("var", [math.nan, 2.0], 2, math.nan),
    ],
)
def test_no_degrees_of_freedom(name, values, ddof, answer):
    """As NumPy divides by 0; one warning a call."""
    for shape in ((-1,), (1, -1)):
        a = np.array(values).reshape(shape) if values else np.zeros((0,))
        with warnings.catch_warnings(record=True) as record:
            warnings.simplefilter("always")
            found = getattr(mypackage, name)(a, ddof=ddof, axis=a.ndim - 1)
        assert [str(w.message) for w in record] == [f"{DEGREES} in {name}"]
        assert record[0].filename == __file__
        assert np.array_equal(np.ravel(found), [answer], equal_nan=True)


def test_ddof_is_any_real_number():
    a = np.arange(10.0) ** 2
    for ddof in (np.int8(1), np.float32(0.1), Fraction(1, 3), Decimal("0.1"), True, np.array(1)):
        exact = Fraction(ddof.item() if isinstance(ddof, (np.ndarray, np.generic)) else ddof)
        assert mypackage.var(a, ddof=ddof) == result("var", a.tolist(), a.dtype, ddof=exact)
    assert mypackage.var(a, ddof=-math.inf) == 0 and math.isnan(mypackage.var(a, ddof=math.nan))
    huge = Fraction(-(10**400))
    assert mypackage.var(a, ddof=huge) == 0
    for ddof in (1j, "1", None, [1], np.ones(2)):
        with pytest.raises(TypeError, match="ddof must be a real number"):
            mypackage.var(a, ddof=ddof)


def test_correction_is_ddof():
    a = np.array([1.0, 2, 4])
    assert mypackage.var(a, correction=1) == mypackage.var(a, ddof=1)
    assert mypackage.std(a, correction=0.5) == mypackage.std(a, ddof=0.5)
    with pytest.raises(ValueError, match="simultaneously"):
        mypackage.var(a, ddof=1, correction=1)


def test_infinities_are_invalid():
    for a in ([np.inf, 1.0], [np.inf, -np.inf], [1 + 1j, complex(0, np.inf)]):
        with pytest.warns(RuntimeWarning, match="invalid value encountered in var"):
            assert math.isnan(mypackage.var(a))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isnan(mypackage.var([np.nan, 1.0])) and math.isnan(mypackage.norm([np.nan]))
        assert mypackage.norm([np.inf, 1]) == np.inf == mypackage.norm([complex(0, np.inf)])
        assert math.isnan(mypackage.norm([np.inf, np.nan]))
        assert mypackage.var([np.inf, 1.0], mean=0.0) == np.inf
        assert mypackage.var([1.0], mean=np.inf) == np.inf
    with pytest.warns(RuntimeWarning, match="invalid"):
        assert math.isnan(mypackage.var([np.inf, 1.0], mean=np.inf))


def test_overflow():
    big = np.array([1e308, -1e308])
    with pytest.warns(RuntimeWarning, match="overflow encountered in var"):
        assert mypackage.var(big) == np.inf
    assert mypackage.std(big) == 1e308
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        mypackage.var(np.array([1000, -1000], np.float16))


# -- Arguments ------------------------------------------------------------------------------------


def test_mean_must_fit():
    a = np.arange(6.0).reshape(2, 3)
    same(mypackage.var(a, axis=1, mean=[[1.0], [4.0]]), np.var(a, axis=1))
    with pytest.raises(ValueError, match="does not broadcast"):
        mypackage.var(a, axis=1, mean=[1.0, 4.0, 5.0])
    with pytest.raises(TypeError, match="complex mean"):
        mypackage.var(a, mean=1j)
    assert mypackage.var(a.astype("f"), mean=2.5).dtype == np.float32
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":  # Before, a scalar's value decides.
        assert mypackage.var(a.astype("f"), mean=np.float64(2.5)).dtype == np.float64
    large = np.array([2**63 - 1, 2**63 - 3], np.uint64)
    assert mypackage.var(large, mean=np.uint64(2**63 - 2)) == 1


def test_a_list_is_no_axis():
    """As in NumPy, for moments as for sums."""
    for name in (*VARIANCES, "norm", "sum"):
        for a in ([1.0, 2.0], np.array([1, 2], object)):
            with pytest.raises(TypeError, match=r"axis must be None, an int or a tuple of ints"):
                getattr(mypackage, name)(a, axis=[0])


def test_lists_beside_the_elements_are_not_rounded():
    """NumPy would make float64 of such a list, in which 2**53 + 1 is 2**53."""
    wide = [2**53 + 1, 0.5]
    found = mypackage.var(np.zeros((1, 2)), axis=0, mean=wide)
    same(found, np.array([float((2**53 + 1) ** 2), 0.25]))
    assert found[0] != float(2**106)
    for name in VARIANCES:
        expected_ = result(name, [0.0, 1.0], np.dtype(float), weights=wide)
        for a in ([0.0, 1.0], np.array([0, 1], np.float32), np.array([False, True])):
            same(getattr(mypackage, name)(a, weights=wide), np.asarray(expected_))
    same(
        mypackage.var(np.arange(4.0).reshape(2, 2), axis=1, weights=wide),
        mypackage.var(np.arange(4.0).reshape(2, 2), axis=1, weights=[wide, wide]),
    )


def test_out():
    a = np.arange(6.0).reshape(2, 3)
    out = np.empty(3)
    assert mypackage.var(a, axis=0, out=out) is out
    same(out, np.full(3, 2.25))
    whole = np.empty(3, np.int32)
    assert mypackage.var(a * 1.5, axis=0, out=whole) is whole
    assert whole.tolist() == [5, 5, 5]
    with pytest.raises(ValueError, match="out has shape"):
        mypackage.var(a, out=out)
    with pytest.raises(TypeError, match="out must be an array"):
        mypackage.var(a, out=[1])
    with pytest.raises(OverflowError, match=r"^std: .* does not fit int8"):
        mypackage.std([0.0, 1000.0], dtype=np.int8)


def test_norm_takes_no_other_order():
    for ord in (1, np.inf, "fro", True):
        with pytest.raises(TypeError, match="ord must be 2 or None"):
            mypackage.norm([1.0], ord=ord)
    a = np.arange(24.0).reshape(2, 3, 4)
    assert mypackage.norm(a, ord=None) == mypackage.norm(a, ord=2.0) == np.linalg.norm(a)
    assert mypackage.norm(a, axis=(0, 2), keepdims=True).shape == (1, 3, 1)
    assert mypackage.norm([]) == 0


def test_dtypes_without_moments():
    for a in (np.zeros(2, np.longdouble), np.array(["a"]), np.zeros(2, "V4")):
        with pytest.raises(TypeError, match="there is no exact result for dtype"):
            mypackage.var(a)
    with pytest.raises(TypeError, match="cannot be given as dtype="):
        mypackage.var([1.0], dtype=np.longdouble)
    with pytest.raises(TypeError, match="generator"):
        mypackage.var(x for x in [1.0])


# -- Other kinds ----------------------------------------------------------------------------------


def test_objects_are_exact():
    a = np.array([1, Fraction(1, 3), 0.1, True], object)
    exact = moment("var", [1, Fraction(1, 3), 0.1, 1])
    assert mypackage.var(a) == float(exact) and type(mypackage.var(a)) is np.float64
    assert mypackage.var(a, dtype=object) == exact
    assert mypackage.std(a) == root(exact, np.dtype("d"))
    assert mypackage.var(np.array([1j, 0], object)) == 0.25
    assert mypackage.var(np.array([1, Decimal(2)], object)) == Decimal("0.25")
    assert mypackage.var([2**100, 2**100 + 2]) == 1
    assert mypackage.norm(np.array([3 * 10**400, 4 * 10**400], object) // 10**400) == 5
    assert mypackage.var(np.arange(4), dtype=object) == Fraction(5, 4)
    with pytest.raises(TypeError, match="not a Fraction"):
        mypackage.std(a, dtype=object)
    for element in ("x", None):
        with pytest.raises(TypeError, match=r"no exact result|None is not a number"):
            mypackage.var(np.array([1, element], object))


@given(st.lists(st.floats(allow_nan=False), min_size=1), st.sampled_from(VARIANCES))
def test_objects_as_arrays(values, name):
    a = np.array(values)
    for dtype in (None, np.float32, np.float16):
        wanted = quietly(name, a, dtype=dtype)
        same(quietly(name, a.astype(object), dtype=dtype), np.asarray(wanted))


def test_times():
    a = np.array([1, 3, 8], "m8[s]")
    assert mypackage.std(a) == np.timedelta64(3, "s")
    dates = np.datetime64("2020-01-01") + np.array([0, 2, 4])
    assert mypackage.std(dates) == np.timedelta64(2, "D")
    assert mypackage.std(dates, ddof=1).dtype == np.dtype("m8[D]")
    holes = np.array([1, "NaT", 3], "m8[s]")
    assert np.isnat(mypackage.std(holes)) and mypackage.nanstd(holes) == np.timedelta64(1, "s")
    for name in ("var", "nanvar", "norm"):
        with pytest.raises(TypeError, match="square of a time"):
            getattr(mypackage, name)(a)
    with pytest.warns(RuntimeWarning, match=DEGREES):
        assert np.isnat(mypackage.std(a[:1], ddof=1))


def test_masked_arrays():
    a = np.ma.array([[1.0, 2, 4], [5, 5, 9]], mask=[[0, 0, 1], [1, 1, 1]])
    found = mypackage.var(a, axis=1)
    assert found[0] == 0.25 and found[1] is np.ma.masked
    assert mypackage.var(a) == 0.25 and mypackage.var(a[1]) is np.ma.masked
    one = mypackage.std(a, axis=0, ddof=1)
    assert one.mask.all()
    out = np.ma.zeros(2)
    assert mypackage.var(a, axis=1, out=out) is out and out.mask.tolist() == [False, True]
    wild = np.ma.array([np.nan, 1.0, 3.0], mask=[1, 0, 0])
    assert mypackage.var(wild) == 1 and mypackage.norm(wild) == root(Fraction(10), np.dtype("d"))


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_subclasses():
    m = np.matrix([[1.0, 2], [3, 5]])
    assert type(mypackage.var(m, axis=0)) is np.matrix and mypackage.var(m, axis=0).shape == (1, 2)
    assert mypackage.var(m) == np.var(m)


# -- Memory ---------------------------------------------------------------------------------------

LARGE = 1_000_000


@pytest.fixture
def more_memory(resident_memory):
    """A function that tells how much more memory a call has in use while it runs.

    The peak is that of the process: now and then it has a page of another thread, or a huge one.
    What a call needs itself it needs each time, so that the least of several calls counts.
    """
    clear, status = Path("/proc/self/clear_refs"), Path("/proc/self/status")
    try:
        clear.write_text("5")
        # Large blocks are given back to the system at once: M_MMAP_THRESHOLD of glibc. (Unless what
        # other tests have freed has room for them.)
        libc = ctypes.CDLL(None)
        assert libc.mallopt(-3, 1 << 16)
    except (OSError, AttributeError):
        pytest.skip("the system keeps no peak that starts anew")

    def once(call):
        libc.malloc_trim(0)
        clear.write_text("5")
        before = resident_memory()
        call()
        (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())
        return int(peak) * 1024 - before

    def measure(call):
        call()
        return min(once(call) for _ in range(3))

    # What others leave is not to be given back meanwhile.
    gc.collect()
    gc.disable()
    yield measure
    gc.enable()


def test_copies_are_found(more_memory):
    a = np.zeros(LARGE)
    assert more_memory(lambda: a + 1) > 8 * LARGE - 500_000


LAID_OUT = {
    "contiguous": lambda a: a,
    "strided": lambda a: np.repeat(a, 2)[::2],
    "backwards": lambda a: a[::-1],
    "swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "misaligned": lambda a: np.frombuffer(b"1" + a.tobytes(), a.dtype, offset=1),
    "rows": lambda a: a.reshape(2, -1),
    "columns": lambda a: a.reshape(2, -1).T,
}


@pytest.mark.parametrize("layout", LAID_OUT)
@pytest.mark.parametrize("kind", ["float64", "float16", "complex128", "complex64", "int64", "bool"])
def test_no_copies(kind, layout, more_memory):
    """Whatever the layout and the options, less than a byte for four elements."""
    rng = np.random.default_rng(1)
    a = LAID_OUT[layout]((rng.normal(size=LARGE) * 9).astype(kind))
    axis = int(np.argmax(a.shape))
    weights, mask = np.arange(a.shape[axis], dtype=np.int16) % 7, rng.random(a.shape) < 0.5
    calls = [
        lambda: quietly("var", a),
        lambda: quietly("nanstd", a, ddof=0.3),
        lambda: quietly("norm", a),
        lambda: quietly("std", a, axis=axis),
        lambda: quietly("var", a, where=mask),
        lambda: quietly("nanvar", a, axis=axis, mean=1.5),
        lambda: quietly("var", a, axis=axis, weights=weights),
    ]
    for threads in 1, 2:
        with mypackage.threads(threads):
            for call in calls:
                assert more_memory(call) < LARGE / 4


@pytest.mark.parametrize("kind", ["any exponents", "one outlier", "far from 0", "infinities"])
def test_no_copies_of_difficult_numbers(kind, more_memory):
    a = case(kind, LARGE, np.random.default_rng(2))
    for name in ALL:
        assert more_memory(lambda name=name: quietly(name, a)) < LARGE / 4
        assert more_memory(lambda name=name: quietly(name, a.reshape(2, -1), axis=1)) < LARGE / 4


# -- Decimals, and rational numbers of other packages ---------------------------------------------


@given(
    st.lists(
        st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9),
        min_size=1,
        max_size=6,
    ),
    st.integers(1, 40),
    st.sampled_from([decimal.ROUND_HALF_EVEN, decimal.ROUND_UP, decimal.ROUND_DOWN]),
)
def test_moments_of_decimals(numbers, digits, rounding):
    """Rounded once in the current context, by its rounding."""
    elements, count = np.array(numbers, object), len(numbers)
    mean = sum(map(Fraction, numbers)) / count
    square = sum((Fraction(x) - mean) ** 2 for x in numbers) / count
    norm = sum(Fraction(x) ** 2 for x in numbers)
    with decimal.localcontext() as context:
        context.prec, context.rounding = digits, rounding
        results = [getattr(mypackage, name)(elements) for name in ("var", "std", "norm")]
        assert all(type(x) is Decimal for x in results)
        wanted = context.divide(Decimal(square.numerator), Decimal(square.denominator))
        assert results[0] == wanted
        for result, exact in zip(results[1:], (square, norm), strict=True):
            if result == 0:
                assert exact == 0
                continue
            # The next numbers of so many digits; or halfway to them.
            ends = [result.next_minus(), result.next_plus()]
            low, high = (Fraction(result), Fraction(result))
            if rounding == decimal.ROUND_UP:
                low = Fraction(ends[0])
            elif rounding == decimal.ROUND_DOWN:
                high = Fraction(ends[1])
            else:
                low, high = ((low + Fraction(end)) / 2 for end in ends)
            assert low**2 <= exact <= high**2, (result, exact)


def test_decimals_alone():
    row = np.array([Decimal("1e30"), Decimal(1), 3], object)
    square = Decimal(2) / 9 * 10**60
    assert abs(mypackage.var(row) - square) < Decimal("1e31")
    assert mypackage.var(row, dtype=float) == float(mypackage.var(row, dtype=object))
    assert mypackage.var(row, dtype=object) == variance_of(row)
    assert mypackage.std([Decimal(2), Decimal(4)]) == 1
    both = mypackage.std(np.array([[Decimal(2), Decimal(4)], [Decimal(1)] * 2], object), axis=1)
    assert both.dtype == object and both.tolist() == [1, 0]
    groups = mypackage.group_var([0, 1, 0, 1], np.array([Decimal(x) for x in "1357"], object))
    assert groups.tolist() == [Decimal(4), Decimal(4)]
    for other in (0.5, Fraction(1, 2), 1j, gmpy2.mpz(1)):
        with pytest.raises(TypeError, match=r"^var: Decimals do not mix"):
            mypackage.var(np.array([Decimal(1), other], object))
        with pytest.raises(TypeError, match=r"^group_std: Decimals do not mix"):
            mypackage.group_std([0, 0], np.array([Decimal(1), other], object))
    with pytest.raises(OverflowError, match="digits"):
        mypackage.var(np.array([Decimal("1e2000000"), Decimal(1)], object))
    assert mypackage.nanvar(np.array([Decimal("NaN"), Decimal(1), Decimal(3)], object)) == 1
    assert mypackage.var(np.array([Decimal("NaN"), Decimal(1)], object)).is_nan()


def variance_of(row):
    mean = sum(map(Fraction, row)) / len(row)
    return sum((Fraction(x) - mean) ** 2 for x in row) / len(row)


def test_rational_numbers_of_gmpy2():
    row = np.array([gmpy2.mpz(2) ** 80, gmpy2.mpq(1, 3), 5], object)
    exact = variance_of([Fraction(2**80), Fraction(1, 3), Fraction(5)])
    assert mypackage.var(row) == float(exact)
    assert mypackage.var(row, dtype=object) == exact
    assert mypackage.group_var([0, 0, 0], row).tolist() == [float(exact)]
    whole = [gmpy2.mpz(2) ** 80, 5]
    assert (
        mypackage.ExactMoments().add(np.array(whole, object)).var() == float((2**80 - 5) ** 2) / 4
    )
    with pytest.raises(TypeError, match="rational numbers"):
        mypackage.var(np.array([datetime.timedelta(1)], object))
