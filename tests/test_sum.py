"""``sum`` and ``nansum``: the exact result rounded once, whatever the array looks like."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts import COMPLEX, DTYPES, FLOATS, INTEGERS, arrays, axes
from reference import reduce, rounded, same

import mypackage
from mypackage._core.reductions import REDUCTIONS

SUMS = ["sum", "nansum"]
# One less, and one more, than what the kernels take at a time.
SIZES = sorted(
    {n + d for n in (8, 16, 32, 64, 256, 512, 2048, 4096, 8192) for d in (-1, 0, 1)} | {0, 1, 2, 3}
)
LARGE_SIZES = [131071, 131072, 131073, 262143, 262144, 262145, 400_003]


def call(name, *arguments, **options):
    """The function called `name`, silent about overflow and inf - inf."""
    with np.errstate(all="ignore"):
        return getattr(mypackage, name)(*arguments, **options)


@pytest.mark.parametrize("name", SUMS)
@given(st.data())
def test_any_array_and_axes(name, data):
    """Dtypes, layouts and axes: the bits of the exact sum, or an OverflowError."""
    a = data.draw(arrays())
    axis = data.draw(axes(a.ndim))
    keepdims = data.draw(st.booleans())
    try:
        expected = reduce(name, a, axis, keepdims=keepdims)
    except OverflowError:
        with pytest.raises(OverflowError, match=f"^{name}: .*dtype=object"):
            call(name, a, axis, keepdims=keepdims)
    else:
        same(call(name, a, axis, keepdims=keepdims), expected)


@pytest.mark.parametrize("name", SUMS)
@given(st.data())
def test_where_and_initial(name, data):
    """Elements left out, and a number added to every sum."""
    a = data.draw(arrays(FLOATS + COMPLEX + ["i", "h"]))
    axis = data.draw(axes(a.ndim))
    where = data.draw(
        st.one_of(
            st.booleans(),
            arrays(["?"], max_dims=0),
            st.builds(np.random.default_rng, st.integers(0)),
        )
    )
    if isinstance(where, np.random.Generator):
        where = where.random(a.shape) < 0.6
    initial = data.draw(
        st.sampled_from([0, 1, -7] + [0.5, math.inf, 2.0**-1074] * (a.dtype.kind in "fc"))
    )
    expected = reduce(name, a, axis, initial=initial, where=where)
    same(call(name, a, axis, initial=initial, where=where), expected)


@pytest.mark.parametrize("name", SUMS)
@given(st.data())
def test_dtype_is_what_the_exact_sum_is_rounded_to(name, data):
    """Any dtype of elements to any dtype of result, from one rounding."""
    a = data.draw(arrays(INTEGERS + FLOATS, finite=True))
    axis = data.draw(axes(a.ndim))
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    try:
        expected = reduce(name, a, axis, dtype)
    except OverflowError:
        with pytest.raises(OverflowError):
            call(name, a, axis, dtype)
    else:
        same(call(name, a, axis, dtype), expected)


@given(st.data())
def test_out(data):
    """`out` receives the result, is what is returned, and gives the dtype."""
    a = data.draw(arrays(FLOATS))
    axis = data.draw(axes(a.ndim))
    dtype = np.dtype(data.draw(st.sampled_from(FLOATS)))
    expected = reduce("sum", a, axis, dtype)
    out = np.full(expected.shape, 7, dtype)
    assert call("sum", a, axis, out=out) is out
    same(out, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sizes_around_the_blocks(dtype):
    """One element more or less than a block, a group, or a vector."""
    for size in SIZES:
        rng = np.random.default_rng(size)
        a = rng.integers(0, 2 if dtype == "?" else 100, size).astype(dtype)
        if dtype in FLOATS + COMPLEX:
            a *= np.array(2.0, dtype) ** rng.integers(-10, 8, size).astype(dtype)
            a[: size // 2] *= -1
        for view in (a, a[::-2]):
            same(call("sum", view), reduce("sum", view))


@pytest.mark.parametrize("dtype", ["d", "f", "e", "D", "q", "B", "?"])
@pytest.mark.parametrize("size", LARGE_SIZES)
def test_sizes_around_prefetching_and_threads(dtype, size):
    """Large enough to be split, where the exact sum is known without adding."""
    a = np.ones(size, dtype)
    assert mypackage.sum(a, dtype="q" if a.dtype.kind != "c" else "D") == size
    if dtype in "dfD":
        rng = np.random.default_rng(size)
        half = rng.standard_normal(size // 2)
        a = np.concatenate([half, -half, half[:0]]).astype(dtype)
        rng.shuffle(a)
        a[size // 3] += a.dtype.type(0)
        assert mypackage.sum(a) == 0


@pytest.mark.parametrize("dtype", ["d", "f", "q", "e", "D"])
@pytest.mark.parametrize("rows", [1, 7, 8, 9, 255, 256, 257])
@pytest.mark.parametrize("columns", [1, 3, 8, 33])
def test_columns(dtype, rows, columns):
    """Sums down the columns: around groups of rows and vectors of columns."""
    rng = np.random.default_rng(rows * columns)
    a = rng.integers(-999, 999, (rows, columns)).astype(dtype)
    if dtype not in "q":
        a /= a.dtype.type(3)
    exact = reduce("sum", a, 0)
    same(mypackage.sum(a, 0), exact)
    same(mypackage.sum(np.asfortranarray(a), 0), exact)
    same(mypackage.sum(a.T, 1), exact)


@pytest.mark.parametrize("columns", [511, 512, 513, 1025])
def test_panels_of_columns(columns):
    """More columns than are added at a time, some of another scale in every block of rows."""
    rng = np.random.default_rng(columns)
    a = rng.standard_normal((300, columns))
    a[:, ::5] *= 2.0 ** rng.integers(-1000, 1000, (300, len(range(0, columns, 5))))
    a[17, 3], a[200, 4], a[299, -1] = math.inf, math.nan, 0.0
    a[:, 7] = -0.0
    same(call("sum", a, 0), reduce("sum", a, 0))


@pytest.mark.parametrize("axis", [0, 1, 2, (0, 1), (0, 2), (1, 2), (2, 0), (0, 1, 2), ()])
def test_three_axes(axis):
    """Every set of axes of a cube, in every order of memory."""
    a = np.random.default_rng(1).standard_cauchy((17, 20, 21))
    expected = reduce("sum", a, axis)
    for order in [(0, 1, 2), (2, 1, 0), (1, 2, 0)]:
        inverse = np.argsort(order)
        same(mypackage.sum(a.transpose(order).copy().transpose(inverse), axis), expected)


HARD = {
    "cancels to the last bit": [1e16, 1.0, -1e16],
    "no intermediate overflow": [1e308, 1e308, -1e308],
    "every binade": [math.ldexp(1.0, e) for e in range(-1074, 1024)],
    "every binade, both signs": [math.ldexp((-1.0) ** e, e) for e in range(-1074, 1023)],
    "subnormal": [5e-324] * 3 + [-1e-310],
    "largest numbers cancel": [1.7976931348623157e308] * 9 + [-1.7976931348623157e308] * 8,
    "a tie goes to even, down": [1.0, 2.0**-53],
    "a tie goes to even, up": [1.0 + 2.0**-52, 2.0**-53],
    "just above a tie": [1.0, 2.0**-53, 5e-324],
    "just below a tie": [1.0, 2.0**-53, -5e-324],
    "a tie from many": [1.0] + [2.0**-60] * 128,
    "half of the last subnormal": [2.0**-1022, -(2.0**-1022), 5e-324],
    "the last finite sum": [1.7976931348623157e308, 2.0**969],
    "alternating scales": [1.0, 2.0**300, -(2.0**-300), 2.0**60] * 700,
}


@pytest.mark.parametrize("values", HARD.values(), ids=HARD)
@pytest.mark.parametrize("repeat", [1, 700])
def test_hard_sums(values, repeat):
    """Where a rounding too many, or an accumulator too narrow, would show."""
    if len(values) > 100:
        repeat = min(repeat, 3)
    exact = repeat * sum(map(Fraction, values))
    a = np.array(values * repeat)
    for view in (a, a[::-1], np.sort(a), np.repeat(a, 2)[::2]):
        same(call("sum", view), np.asarray(rounded(exact, "d")))


def test_midpoints_of_every_format():
    """Sums exactly between two numbers, and a trifle beside: down, to even, and up."""
    for dtype, target in [("d", "d"), ("d", "f"), ("d", "e"), ("f", "f"), ("f", "e"), ("e", "e")]:
        gap = float(np.finfo(target).eps)
        trifle = float(np.finfo(dtype).smallest_subnormal)
        for odd in (0, 1):
            for beside, up in [(-trifle, 0), (0.0, odd), (trifle, 1)]:
                a = np.array([1.0, odd * gap, gap / 2, beside], dtype)
                assert mypackage.sum(a, dtype=target) == 1.0 + (odd + up) * gap


def test_one_rounding_not_two():
    """float32 is not reached by way of float64, nor float16 by way of float32."""
    a = np.array([1.0, 2.0**-24, 2.0**-80])
    assert mypackage.sum(a, dtype="f") == np.float32(1 + 2.0**-23)
    assert np.float32(mypackage.sum(a)) == 1
    a = np.array([1.0, 2.0**-11, 2.0**-40], "f")
    assert mypackage.sum(a, dtype="e") == np.float16(1 + 2.0**-10)


@pytest.mark.parametrize("dtype", FLOATS)
def test_special_values(dtype):
    """NaN, infinities and zeros."""
    cases = [
        ([np.inf, 1], np.inf),
        ([-np.inf, np.inf], np.nan),
        ([-np.nan, 1], np.nan),
        ([np.inf, np.nan], np.nan),
        ([-0.0, -0.0], 0.0),
        ([], 0.0),
    ]
    for values, expected in cases:
        for size in (len(values), 40, 3000):
            a = np.resize(np.array(values, dtype), size if values else 0)
            same(call("sum", a), np.array(expected, dtype))
    same(call("nansum", np.array([np.nan, -np.nan], dtype)), np.array(0, dtype))


def test_warnings_are_those_of_errstate():
    """inf - inf and a final overflow report as NumPy's errstate says, naming the function."""
    invalid, overflow = np.array([np.inf, -np.inf]), np.array([1e308, 1e308])
    with pytest.warns(RuntimeWarning, match="^invalid value encountered in sum$") as record:
        assert np.isnan(mypackage.sum(invalid))
    assert record[0].filename == __file__
    with pytest.warns(RuntimeWarning, match="^overflow encountered in nansum$"):
        assert np.isinf(mypackage.nansum(overflow))
    with np.errstate(over="raise"), pytest.raises(FloatingPointError, match=r"overflow.* in sum"):
        mypackage.sum(overflow)
    with np.errstate(invalid="raise"), pytest.raises(FloatingPointError, match=r"invalid.* in sum"):
        mypackage.sum(invalid)
    with np.errstate(all="ignore"):
        mypackage.sum(overflow), mypackage.sum(invalid)
    with pytest.warns(RuntimeWarning, match="overflow"):
        mypackage.sum(np.full(3, 60000, "e"))
    with np.errstate(all="raise"):
        assert np.isnan(mypackage.sum([np.nan, np.inf, -np.inf])), "NaN in, NaN out: no trouble"
        assert np.isinf(mypackage.sum([np.inf, 1e308, 1e308])), "nor an infinity in"


def test_errstate_call_log_and_print(capsys):
    """The other modes of errstate, as NumPy's own ufuncs have them."""
    overflow = np.array([1e308, 1e308])
    calls: list = []
    with np.errstate(over="call", call=lambda *a: calls.append(a)):
        np.add(*overflow)
        mypackage.sum(overflow)
    assert calls[0] == calls[1]
    lines: list = []

    class Log:
        write = staticmethod(lines.append)

    with np.errstate(over="log", call=Log()):
        np.add(*overflow)
        mypackage.sum(overflow)
    assert lines[1] == lines[0].replace("add", "sum")
    with np.errstate(over="print"):
        mypackage.sum(overflow)
    assert capsys.readouterr().out == "Warning: overflow encountered in sum\n"


@pytest.mark.parametrize("dtype", ["q", "Q", "l", "i", "B", "?"])
def test_integers_are_exact_or_an_error(dtype):
    """No wrapping: what does not fit is an OverflowError, or a Python int on request."""
    biggest = 1 if dtype == "?" else np.iinfo(dtype).max
    a = np.full(5, biggest, dtype)
    assert mypackage.sum(a, dtype=object) == 5 * int(biggest)
    assert type(mypackage.sum(a, dtype=object)) is int
    if a.dtype.itemsize == 8:
        with pytest.raises(OverflowError, match=rf"sum: .*{5 * int(biggest)}.*dtype=object"):
            mypackage.sum(a)
    else:
        assert mypackage.sum(a) == 5 * int(biggest)


def test_integers_may_overflow_on_the_way():
    """Only the result has to fit."""
    top = np.iinfo("q").max
    assert mypackage.sum(np.array([top, top, -top])) == top
    assert mypackage.sum(np.array([top, 1]), initial=-1) == top
    assert mypackage.sum(np.array([2**64 - 1, 1], "Q"), initial=-1) == 2**64 - 1


def test_python_ints_by_row():
    """dtype=object along an axis is an object array of Python ints."""
    a = np.full((3, 4), 2**62)
    result = mypackage.sum(a, axis=1, dtype=object, keepdims=True)
    assert result.shape == (3, 1) and result.tolist() == [[2**64]] * 3
    assert {type(x) for x in result.flat} == {int}
    assert mypackage.sum(np.zeros((0, 2), int), 0, dtype=object).tolist() == [0, 0]


def test_python_ints_of_any_size():
    """A sum beyond 128 bits; only `initial` itself has that limit."""
    most = 2**127 - 1
    assert mypackage.sum([0], dtype=object, initial=most) == most
    assert mypackage.sum([1], dtype=object, initial=most) == 2**127
    assert mypackage.sum([[-1], [-2]], 1, dtype=object, initial=-most).tolist() == [
        -most - 1,
        -most - 2,
    ]
    assert mypackage.sum([1], dtype=float, initial=most) == 2.0**127


def test_which_result_overflowed():
    """The error says which of many results does not fit."""
    a = np.zeros((2, 3, 2), "q")
    a[1, 2] = 2**62
    with pytest.raises(OverflowError, match="result 5"):
        mypackage.sum(a, axis=2)


def test_floats_to_integers():
    """The exact sum, half to even: not the sum of truncated elements."""
    assert mypackage.sum([0.5, 0.75, 0.25], dtype=int) == 2
    assert mypackage.sum([0.5, 2.0], dtype=int) == 2
    assert mypackage.sum([0.5, 3.0], dtype=int) == 4
    for bad in ([np.nan], [np.inf], [1e30]):
        with pytest.raises(OverflowError, match=r"sum: .*use dtype=float64"):
            mypackage.sum(bad, dtype=int)


def test_complex_to_real_warns():
    """The imaginary part is dropped with NumPy's warning."""
    with pytest.warns(np.exceptions.ComplexWarning, match="discards the imaginary part"):
        same(mypackage.sum(np.array([1 + 2j, 3 - 9j]), dtype=float), np.array(4.0))


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_result_types_are_numpys(name, dtype):
    """Scalars, arrays and dtypes, as from NumPy."""
    a = np.ones((2, 3), dtype)
    for options in ({}, {"axis": 0}, {"axis": ()}, {"axis": (0, 1)}, {"keepdims": True}):
        ours, theirs = getattr(mypackage, name)(a, **options), getattr(np, name)(a, **options)
        assert isinstance(ours, np.ndarray) == isinstance(theirs, np.ndarray)
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        if theirs.dtype.kind != "b":
            assert np.array_equal(ours, theirs)


ERRORS = [
    ({"axis": 2}, np.exceptions.AxisError),
    ({"axis": -3}, np.exceptions.AxisError),
    ({"axis": (0, 5)}, np.exceptions.AxisError),
    ({"axis": (0, 0)}, ValueError),
    ({"axis": (0, -2)}, ValueError),
    ({"axis": 1.0}, TypeError),
    ({"axis": True}, TypeError),
    ({"axis": (0, True)}, TypeError),
    ({"axis": "x"}, TypeError),
    ({"axis": 2**70}, (np.exceptions.AxisError, OverflowError)),
    ({"out": np.zeros(7)}, ValueError),
    ({"out": np.zeros((2, 1)), "axis": 1}, ValueError),
    ({"out": [1.0]}, TypeError),
    ({"where": np.ones(7, bool)}, ValueError),
    ({"where": np.ones((2, 2, 3), bool)}, ValueError),
    ({"initial": "x"}, (TypeError, ValueError)),
    ({"initial": np.ones(3)}, (TypeError, ValueError)),
    ({"dtype": "no dtype"}, TypeError),
]


@pytest.mark.parametrize(
    ("options", "error"), ERRORS, ids=[str(list(o.items())) for o, _ in ERRORS]
)
def test_bad_arguments(options, error):
    """What NumPy refuses is refused with the same exception."""
    a = np.ones((2, 3))
    with pytest.raises(error):
        np.sum(a, **options)
    with pytest.raises(error):
        mypackage.sum(a, **options)


def test_read_only_out_is_refused():
    """And left as it was."""
    out = np.zeros(3)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        mypackage.sum(np.ones((2, 3)), axis=0, out=out)
    assert not out.any()


@pytest.mark.parametrize("axis", [0, -1, None, ()])
def test_zero_dimensional(axis):
    """A 0-d array takes the axes that NumPy takes."""
    a = np.array(3.0)
    assert np.sum(a, axis=axis) == mypackage.sum(a, axis=axis) == 3
    with pytest.raises(np.exceptions.AxisError):
        mypackage.sum(a, axis=1)


def test_out_may_be_the_array():
    """The result is complete before it is written."""
    a = np.arange(12.0).reshape(3, 4)
    mypackage.sum(a, axis=0, out=a[1])
    assert a[1].tolist() == [12.0, 15.0, 18.0, 21.0]


def test_out_of_other_layouts():
    """Strided, misaligned and byte-swapped outputs."""
    a = np.arange(12.0).reshape(3, 4)
    for out in (
        np.zeros(8)[::2],
        np.zeros(4, ">f8"),
        np.zeros(33, "u1")[1:].view("f8"),
        np.zeros(4, "f4"),
    ):
        assert mypackage.sum(a, axis=0, out=out) is out
        assert out.tolist() == [12.0, 15.0, 18.0, 21.0]


@pytest.mark.parametrize("number", [300, np.int64(300)])
def test_out_of_narrow_integers(number):
    """NumPy wraps what a narrower `out` does not hold, if `dtype` is given."""
    a = np.array([number, -200])
    out = np.zeros((), "i1")
    for name in ("sum", "nansum"):
        assert getattr(mypackage, name)(a, dtype="i8", out=out) is out and out == 100
    for call in (
        lambda: mypackage.sum([number], dtype="i8", out=out),
        lambda: mypackage.sum_of_squares(a, dtype="i8", out=out),
        lambda: mypackage.cumsum(a, dtype="i8", out=np.zeros(2, "u1")),
        lambda: mypackage.sum(np.array([2**63], "u8"), dtype="u8", out=np.zeros((), "i8")),
    ):
        with pytest.raises(OverflowError, match=r"does not fit u?int8|does not fit int64"):
            call()


def test_where_takes_any_truth():
    """`where` is converted by bool, as an array or broadcast."""
    a = np.arange(6.0).reshape(2, 3)
    assert mypackage.sum(a, where=[1, 0, 2]) == 0 + 2 + 3 + 5
    assert mypackage.sum(a, where=np.array([[0.0], [0.5]])) == 12
    assert mypackage.sum(a, where=False) == 0
    assert mypackage.sum(a, where=np.array([True, False, True, False, True, False])[::2]) == 15


def test_nan_in_either_part_is_a_nan():
    """nansum and nanmean leave out a complex number with a NaN in one part, as NumPy does."""
    a = np.array([1 + 2j, complex(np.nan, 5), complex(7, np.nan), 4 + 5j])
    assert mypackage.nansum(a) == np.nansum(a) == 5 + 7j
    assert mypackage.nanmean(a) == np.nanmean(a) == 2.5 + 3.5j


def test_initial_is_added_exactly():
    """Not to a rounded sum; None is refused for no elements only."""
    assert mypackage.sum([1.0, 1e-30], initial=-1.0) == 1e-30
    assert mypackage.sum([1.0], initial=2**-60 + 0.0) == 1
    assert mypackage.sum([1 + 1j], initial=2j) == 1 + 3j
    assert mypackage.sum([1.0], initial=None) == 1
    with pytest.raises(ValueError, match="initial=None"):
        mypackage.sum(np.ones((0, 2)), axis=0, initial=None)


@pytest.mark.parametrize("dtype", [bool, "i1", "u2", "i8", "u8"])
@pytest.mark.parametrize("axis", [None, 0])
def test_initial_with_a_fraction_for_integers(dtype, axis):
    """Where the result has a fraction too."""
    a = np.array([[1, 0], [1, 1]], dtype)
    for target in (np.float64, np.float32, np.float16, np.complex128):
        result = mypackage.sum(a, axis, dtype=target, initial=0.25)
        same(result, np.sum(a, axis, dtype=target, initial=0.25))
        same(mypackage.sum(a, axis, out=np.zeros_like(result), initial=0.25)[()], result)
        assert np.all(mypackage.sum(a, axis, dtype=target, initial=np.inf) == np.inf)
    # Added before the only rounding: half an ulp and a little more.
    big = np.array([[2**53, 2**53], [0, 0]])
    rounded_up = mypackage.sum(big, 0, dtype=float, initial=1.0 + 2**-52)
    assert rounded_up.tolist() == [2**53 + 2] * 2
    for options in ({}, {"dtype": "i4"}, {"dtype": object}):
        with pytest.raises(TypeError, match=r"sum: initial must be a number that u?int64 holds"):
            mypackage.sum(a, axis, initial=0.25, **options)
    with pytest.raises(TypeError, match="sum: initial must be a number that float32 holds, not 1j"):
        mypackage.sum(a, axis, dtype="f4", initial=1j)


@pytest.mark.parametrize("kind", [np.array, np.float32, np.int64, np.complex64])
def test_initial_of_numpys_types(kind):
    """Scalars and 0-d arrays."""
    for a in ([1.5], [1.5j]):
        assert mypackage.sum(a, initial=kind(2)) == a[0] + 2
    assert mypackage.sum([1j], initial=np.array(2.5 + 1j)) == 2.5 + 2j
    assert mypackage.sum([1], initial=np.array(2.0)) == 3


@pytest.mark.parametrize("initial", ["1", [1], np.ones(2), 1j, np.complex64(1j), np.array(1j), {}])
def test_initial_that_is_no_number(initial):
    with pytest.raises(TypeError, match="sum: initial must be a number that float64 holds"):
        mypackage.sum([1.0], initial=initial)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_numpys_sign_of_absence(name):
    """Wrappers of NumPy's functions pass it on for what they were not given."""
    absent = dict.fromkeys(("keepdims", "where", "initial"), np._NoValue)
    if name.endswith("mean"):
        del absent["initial"]
    a = np.arange(6.0).reshape(2, 3)
    for kind in (a, a.view(np.matrix), np.ma.array(a), a.astype(object)):
        twin = getattr(np, name)(kind, axis=0)
        assert getattr(mypackage, name)(kind, axis=0, **absent).tolist() == twin.tolist()


@pytest.mark.skipif(not hasattr(np, "dtypes"), reason="this NumPy names no classes of dtypes")
def test_classes_of_dtypes():
    """As good as the dtype."""
    for function in (mypackage.sum, mypackage.mean, mypackage.cumsum):
        assert function([1, 2], dtype=np.dtypes.Float32DType).dtype == np.float32
        assert function([1.0, 2.0], dtype=np.dtypes.Float16DType).dtype == np.float16
    assert mypackage.ExactSum().add(1).value(np.dtypes.Int8DType).dtype == np.int8


def test_ten_million_float32_ones():
    """Where a float32 accumulator stops at 16777216."""
    ones = np.broadcast_to(np.float32(1), (20_000_000, 1))
    assert mypackage.sum(ones, axis=0) == 20_000_000
    assert mypackage.mean(ones, axis=0) == 1
