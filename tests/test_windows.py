"""`mypackage.move_sum` and its kin against exact fractions."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import DTYPES, LAYOUTS
from reference import moving, rounded, windowed

import mypackage

NAMES = ["move_sum", "move_mean", "move_var", "move_std"]
MOMENTS = ["move_var", "move_std"]
RNG = np.random.default_rng(20)


def equal(actual, expected):
    """Equal to the bit, but for the bits of NaNs."""
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)
    finite = ~np.isnan(expected)
    np.testing.assert_array_equal(
        np.signbit(actual.real[finite]), np.signbit(expected.real[finite])
    )


def call(name, a, window, min_count=None, axis=-1, ddof=0):
    extra = {"ddof": ddof} if name in MOMENTS else {}
    return getattr(mypackage, name)(a, window, min_count, axis, **extra)


def check(name, a, window, min_count=None, axis=-1, ddof=0):
    actual = call(name, a, window, min_count, axis, ddof)
    equal(actual, moving(name, a, window, min_count, axis, ddof))


# -- Any numbers -----------------------------------------------------------------------------------

NUMBERS = st.one_of(
    st.floats(),
    st.sampled_from([0.0, -0.0, 1.0, 0.1, 1e16, -1e16, 1e308, -1e308, 5e-324, 2.0**-500, np.nan]),
    st.integers(-5, 5).map(float),
)


@given(
    name=st.sampled_from(NAMES),
    values=st.lists(NUMBERS, min_size=1, max_size=40),
    data=st.data(),
    dtype=st.sampled_from(["f8", "f4", "f2"]),
)
def test_any_numbers(name, values, data, dtype):
    with np.errstate(over="ignore"):
        a = np.array(values).astype(dtype)
    window = data.draw(st.integers(1, len(a)))
    min_count = data.draw(st.none() | st.integers(1, window))
    check(name, a, window, min_count, ddof=data.draw(st.integers(-1, 3)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_dtypes_layouts_and_axes(name, dtype, axis):
    dtype = np.dtype(dtype)
    a = RNG.integers(0, 200, (5, 6)).astype(dtype)
    if dtype.kind in "fc":
        a = (a + RNG.standard_normal(a.shape)).astype(dtype)
        a[1, 2], a[3, 0], a[4, 4] = np.nan, np.inf, -np.inf
    if dtype.kind == "c":
        a.imag = RNG.standard_normal(a.shape)
        a[2, 3] = complex(1, np.nan)
    if dtype.itemsize == 8 and dtype.kind in "iu":
        a[2] = [2**62, 2**53 + 1, 2**62 + 1, 3, 2**60 + 7, 1]
        a[3, 2] = np.iinfo(dtype).max
    for layout, (window, min_count) in itertools.product(
        LAYOUTS, [(1, None), (3, 1), (4, 3), (5, None)]
    ):
        check(name, LAYOUTS[layout](a), window, min_count, axis)


@pytest.mark.parametrize("name", NAMES)
def test_more_than_two_axes(name):
    a = RNG.standard_normal((3, 4, 5, 2))
    for axis in range(-4, 4):
        check(name, a, 2, 1, axis)
        check(name, a.transpose(2, 0, 3, 1), 2, 2, axis)


# -- Long lines, which go by tiles -----------------------------------------------------------------

N = 9000


def long_lines():
    normal = RNG.standard_normal(N)
    yield "normal", normal
    yield "far from zero", 1e9 + normal
    yield "far from zero, few bits", 1e9 + RNG.integers(-40, 40, N) / 8
    yield "integers", RNG.integers(-1000, 1000, N).astype(float)
    yield "mostly zeros", np.where(RNG.random(N) < 0.9, 0.0, normal)
    yield "zeros", np.zeros(N)
    yield "tenths", np.round(normal, 1)
    yield "sorted", np.sort(normal)
    yield "a random walk", 100 + 0.01 * np.cumsum(normal)
    yield "steps", np.repeat(RNG.standard_normal(N // 100), 100)
    yield "growing", normal * np.exp2(np.arange(N) / 100)
    yield "many sizes", normal * np.exp2(RNG.integers(-30, 30, N))
    yield "all sizes", normal * np.exp2(RNG.integers(-400, 400, N))
    yield "tiny", normal * 2.0**-1060
    yield "huge", normal * 2.0**1015
    spikes = normal.copy()
    spikes[::17] *= 1e16
    yield "spikes", spikes
    spikes = normal.copy()
    spikes[40::700] = 1e300
    yield "few huge spikes", spikes
    one = normal.copy()
    one[2000] = 1e16
    yield "one spike", one
    gaps = normal.copy()
    gaps[::17] = np.nan
    yield "gaps", gaps
    gaps = 1e9 + gaps
    gaps[3000:5000] = np.nan
    yield "long gaps", gaps
    infinite = normal.copy()
    infinite[500], infinite[4700], infinite[4703] = np.inf, -np.inf, np.inf
    yield "infinities", infinite
    mixed = spikes + np.where(RNG.random(N) < 0.01, np.nan, 0.0)
    mixed[1000] = np.inf
    yield "everything", mixed
    yield "sentinels", np.where(RNG.random(N) < 0.01, 0.0, 1e9 + normal)
    alternating = np.where(np.arange(N) % 2 == 0, 2.0**60, -(2.0**60)) + 0.0
    alternating[4000:] = [0.1, 0.2, 0.3, 0.4, 0.5] * 1000
    yield "cancelling", alternating


LONG = dict(long_lines())


@pytest.mark.parametrize("kind", LONG)
@pytest.mark.parametrize("name", NAMES)
def test_long_lines(name, kind):
    a = LONG[kind]
    for window, min_count in [(1, None), (2, None), (3, 2), (16, None), (100, 1), (1000, 500)]:
        check(name, a, window, min_count, ddof=window % 2)


@pytest.mark.parametrize("window", [255, 256, 257, 511, 512, 513, 4095, 4096, 4097, 8999, N])
@pytest.mark.parametrize("name", NAMES)
def test_long_windows(name, window):
    for kind in ("normal", "far from zero", "gaps", "few huge spikes"):
        check(name, LONG[kind], window)
        check(name, LONG[kind], window, 1)


@pytest.mark.parametrize("dtype", ["f4", "f2", "i8", "i2", "?", "F"])
@pytest.mark.parametrize("name", NAMES)
def test_long_lines_of_other_dtypes(name, dtype):
    for kind in ("normal", "tenths", "gaps", "integers"):
        a = LONG[kind]
        if dtype not in ("f4", "f2", "F"):
            a = np.nan_to_num(a * 50)
        with np.errstate(over="ignore"):
            a = a.astype(dtype)
        if dtype == "F":
            a = (a + 1j * a[::-1])[:1000]
        check(name, a, 30, 7)
        check(name, a[::-2], 31)


@pytest.mark.parametrize("name", NAMES)
def test_columns(name):
    a = np.stack([LONG[kind][:3000] for kind in ("normal", "gaps", "spikes", "steps")], 1)
    check(name, a, 50, 10, axis=0)


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i8", "i4"])
@pytest.mark.parametrize("name", NAMES)
def test_columns_are_lines(name, dtype):
    """Some integers are too large for the kernel that the other columns take."""
    rng = np.random.default_rng(3)
    for rows, columns in [(1, 3), (50, 8), (5000, 35)]:
        a = rng.normal(size=(rows, columns)) * 100
        if dtype[0] == "i":
            a[::7, 2::5] *= 2**45 if dtype == "i8" else 2**15
        a = a.astype(dtype)
        reversed_rows, spread = a[::-1], np.repeat(a, 2, axis=1)[:, ::2]
        for layout in (a, reversed_rows, spread, a.astype(a.dtype.newbyteorder())):
            lines = call(name, np.ascontiguousarray(layout.T), min(rows, 20), 1)
            equal(call(name, layout, min(rows, 20), 1, axis=0), lines.T)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), name=st.sampled_from(NAMES), data=st.data())
def test_random_mixtures(seed, name, data):
    rng = np.random.default_rng(seed)
    pieces = [LONG[kind][: rng.integers(1, 3000)] for kind in rng.choice(list(LONG), 4)]
    a = np.concatenate(pieces) * np.exp2(rng.integers(-3, 3))
    window = data.draw(st.integers(1, min(len(a), 700)))
    check(name, a, window, data.draw(st.none() | st.integers(1, window)))


# -- Nothing stays of what has left ----------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_history_and_threads_do_not_matter(name):
    a = np.concatenate([LONG["everything"], LONG["normal"], LONG["far from zero"]] * 5)
    whole = call(name, a, 100, 1)
    for start in (0, 1, 5000, 13_000, 25_111):
        part = call(name, a[start : start + 3000], 100, 1)
        np.testing.assert_array_equal(part[99:], whole[start + 99 : start + 3000])
    for count in (1, 2, 5):
        with mypackage.threads(count):
            np.testing.assert_array_equal(call(name, a, 100, 1), whole)


@pytest.mark.parametrize("name", NAMES)
def test_threads_share_a_line(name):
    # So long that threads take parts of it.
    kinds = ["normal", "few huge spikes", "far from zero", "gaps", "infinities", "steps"]
    a = np.concatenate([LONG[kind] for kind in kinds] * 7)
    assert len(a) > 2**18
    for window, min_count in [(1, None), (100, 1), (3000, None), (40_000, 2)]:
        with mypackage.threads(1):
            whole = call(name, a, window, min_count)
        for count in (2, 3, 8):
            with mypackage.threads(count):
                equal(call(name, a, window, min_count), whole)
    # Around where parts begin.
    with mypackage.threads(3):
        result = call(name, a, 100, 1)
    share = -(-len(a) // 12)
    for start in range(share, len(a), 4 * share):
        part = slice(start - 102, start + 5)
        equal(result[part][99:], moving(name, a[part], 100, 1)[99:])


def test_after_a_spike():
    a = np.full(1000, 0.1)
    a[10] = 1e16
    assert (mypackage.move_mean(a, 5)[15:] == 0.1).all()
    assert (mypackage.move_std(a, 5)[15:] == 0.0).all()
    a[10] = np.inf
    assert mypackage.move_sum(a, 5)[14] == np.inf
    assert (mypackage.move_mean(a, 5)[15:] == 0.1).all()
    assert np.isnan(mypackage.move_var(a, 5)[10:15]).all()
    assert (mypackage.move_var(a, 5)[15:] == 0.0).all()


def test_means_of_binary16_are_rounded_once():
    a = np.array([1, 2.0**-11, 2.0**-24], "f2")
    assert mypackage.move_sum(a, 3)[2] == np.float16(1.0009765625)


# -- Windows by indices ----------------------------------------------------------------------------


@given(
    name=st.sampled_from(NAMES),
    values=st.lists(NUMBERS, max_size=30),
    data=st.data(),
)
def test_windows_by_indices(name, values, data):
    a = np.array(values, float)
    index = st.integers(0, len(a))
    pairs = data.draw(st.lists(st.tuples(index, index), max_size=20))
    if data.draw(st.booleans()):
        pairs = list(zip(*(sorted(side) for side in zip(*pairs, strict=True)), strict=True))
    least = data.draw(st.integers(0, 3))
    start, end = np.array(pairs, int).reshape(-1, 2).T
    actual = getattr(mypackage, name)(a, min_count=least, start=start, end=end)
    equal(actual, windowed(name, a, pairs, least))


@pytest.mark.parametrize("kind", LONG)
@pytest.mark.parametrize("name", NAMES)
def test_many_windows_by_indices(name, kind):
    a = LONG[kind]
    end = np.arange(0, N + 1, 3)
    lengths = RNG.integers(0, 200, len(end))
    for start in (np.maximum(end - 100, 0), np.maximum(end - lengths, 0), end // 2):
        actual = getattr(mypackage, name)(a, start=start, end=end)
        equal(actual, windowed(name, a, list(zip(start.tolist(), end.tolist(), strict=True)), 1))


def test_indices_along_an_axis():
    a = RNG.standard_normal((7, 5))
    actual = mypackage.move_mean(a, axis=0, start=[0, 3, 7, 5], end=[7, 4, 7, 2])
    equal(actual, windowed("move_mean", a, [(0, 7), (3, 4), (7, 7), (5, 5)], 1, axis=0))


def test_min_count_of_windows_by_indices():
    a = np.array([1.0, np.nan, 2.0])
    start, end = [0, 1, 2], [1, 2, 2]
    np.testing.assert_array_equal(mypackage.move_sum(a, start=start, end=end), [1, np.nan, np.nan])
    sums = mypackage.move_sum(a, min_count=0, start=start, end=end)
    np.testing.assert_array_equal(sums, [1, 0, 0])
    means = mypackage.move_mean(a, min_count=0, start=start, end=end)
    np.testing.assert_array_equal(means, [1, np.nan, np.nan])


@pytest.mark.parametrize(
    ("start", "end", "error"),
    [
        ([-1], [2], IndexError),
        ([0], [5], IndexError),
        ([5], [0], IndexError),
        ([0], [1, 2], ValueError),
        ([[0]], [[1]], ValueError),
        (0, 1, ValueError),
        ([0.0], [1.0], TypeError),
        ([True], [True], TypeError),
        (["0"], ["1"], TypeError),
        ([0], None, TypeError),
        (None, [0], TypeError),
        (np.array([2**64 - 1], "u8"), [2], IndexError),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_wrong_indices(name, start, end, error):
    with pytest.raises(error, match=name):
        getattr(mypackage, name)(np.arange(4.0), start=start, end=end)


# -- Arguments -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((0,), ValueError),
        ((5,), ValueError),
        ((-1,), ValueError),
        ((2**70,), ValueError),
        ((3.0,), TypeError),
        ((True,), TypeError),
        ((np.True_,), TypeError),
        (("2",), TypeError),
        ((None,), TypeError),
        ((2, 0), ValueError),
        ((2, 3), ValueError),
        ((2, 1.0), TypeError),
        ((2, True), TypeError),
        ((2, "1"), TypeError),
        ((2, 1, 1), ValueError),
        ((2, 1, None), TypeError),
        ((2, 1, 0.0), TypeError),
        ((2, 1, True), TypeError),
        ((2, 1, "0"), TypeError),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_wrong_arguments(name, arguments, error):
    with pytest.raises(error):
        getattr(mypackage, name)(np.arange(4.0), *arguments)
    with pytest.raises(error):
        getattr(mypackage, name)([0.0, 1.0, 2.0, 3.0], *arguments)


@pytest.mark.parametrize("name", NAMES)
def test_more_wrong_arguments(name):
    function = getattr(mypackage, name)
    with pytest.raises(ValueError, match="0-dimensional"):
        function(np.float64(1), 1)
    with pytest.raises(TypeError, match="not both"):
        function(np.arange(4.0), 2, start=[0], end=[1])
    with pytest.raises(ValueError, match="negative"):
        function(np.arange(4.0), min_count=-1, start=[0], end=[1])
    with pytest.raises(TypeError, match="object"):
        function(np.arange(4, dtype="O"), 2)
    with pytest.raises(TypeError, match="generator"):
        function((x for x in range(3)), 2)
    with pytest.raises(ValueError, match="window"):
        function(np.empty(0), 1)
    assert function(np.empty((0, 3)), 2).shape == (0, 3)


@pytest.mark.parametrize("ddof", [1.0, True, "1", None])
@pytest.mark.parametrize("name", MOMENTS)
def test_wrong_ddof(name, ddof):
    if ddof is None:
        return
    with pytest.raises(TypeError, match="ddof"):
        getattr(mypackage, name)(np.arange(4.0), 2, ddof=ddof)


def test_ddof_is_the_fifth_argument():
    a = np.array([1.0, 2.0, 4.0])
    assert mypackage.move_var(a, 3, None, -1, 1)[2] == np.float64(7 / 3)
    with pytest.raises(TypeError):
        mypackage.move_sum(a, 3, None, -1, 1)
    assert np.isnan(mypackage.move_var(a, 2, ddof=2)).all()
    assert np.isnan(mypackage.move_std(a, 3, 1, ddof=3)).all()


# -- Other kinds -----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", "<>")
def test_time_differences(order):
    ticks = RNG.integers(-(2**60), 2**60, (50, 2))
    a = ticks.view("m8[ns]").astype(f"{order}m8[ns]")
    a[7, 0] = a[8, 0] = "NaT"
    for name in ("move_sum", "move_mean"):
        result = getattr(mypackage, name)(a, 3, 2, axis=0)
        assert result.dtype == np.dtype("m8[ns]")
        for column, i in itertools.product((0, 1), range(50)):
            window = a[max(i - 2, 0) : i + 1, column]
            window = window[~np.isnat(window)].astype("i8").tolist()
            if len(window) < 2:
                assert np.isnat(result[i, column])
                continue
            divisor = len(window) if name == "move_mean" else 1
            expected = rounded_to_int(sum(window), divisor)
            assert result[i, column].astype("i8") == expected
    with pytest.raises(OverflowError, match="timedelta64"):
        mypackage.move_sum(np.full(3, 2**62, "m8[s]"), 3)
    for name in MOMENTS:
        with pytest.raises(TypeError, match=r"timedelta64|m8"):
            getattr(mypackage, name)(a, 3)


def rounded_to_int(total, divisor):
    from fractions import Fraction

    return round(Fraction(total, divisor))


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("name", NAMES)
def test_lists_and_subclasses(name):
    values = [[1, 2, 4], [8, 16, 33]]
    expected = moving(name, np.array(values), 2)
    equal(getattr(mypackage, name)(values, 2), expected)
    matrix = getattr(mypackage, name)(np.matrix(values), 2)
    assert isinstance(matrix, np.matrix)
    equal(np.asarray(matrix), expected)


@pytest.mark.parametrize("dtype", ["f8", "i8", "u1", "m8[s]"])
@pytest.mark.parametrize("name", NAMES)
def test_masked_arrays(name, dtype):
    if dtype == "m8[s]" and name in MOMENTS:
        return
    data = np.arange(1, 11).astype(dtype)
    mask = np.isin(np.arange(10), [2, 3, 4, 8])
    result = getattr(mypackage, name)(np.ma.array(data, mask=mask), 3, 2)
    numbers = np.where(mask, np.nan, np.arange(1.0, 11.0))
    expected = moving(name, numbers, 3, 2)
    np.testing.assert_array_equal(np.ma.getmaskarray(result), np.isnan(expected))
    if dtype != "m8[s]":
        np.testing.assert_array_equal(result.compressed(), expected[~np.isnan(expected)])


def test_large_masked_integers():
    data = np.array([2**62 + 1, 2**62 + 3, 5, 2**62 + 5])
    result = mypackage.move_mean(np.ma.array(data, mask=[0, 0, 1, 0]), 2, 1)
    mean = rounded(__import__("fractions").Fraction(2**63 + 4, 2), np.dtype(float))
    assert result.tolist() == [float(2**62 + 1), mean, float(2**62 + 3), float(2**62 + 5)]


def test_labelled_kinds_are_told_where_to_go():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(TypeError, match=r"mypackage\.pandas\.rolling"):
        mypackage.move_sum(pandas.Series([1.0, 2.0]), 2)


# -- bottleneck's own tests ------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_those_of_bottleneck(name):
    tests = pytest.importorskip("bottleneck.tests.move_test")
    lists = pytest.importorskip("bottleneck.tests.list_input_test")
    modification = pytest.importorskip("bottleneck.tests.input_modification_test")
    function = getattr(mypackage, name)
    with np.errstate(all="ignore"):
        tests.test_arg_parsing(function)
        tests.test_arg_parse_raises(function)
        lists.test_list_input(function)
        modification.test_modification(function)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_the_long_one_of_bottleneck(name):
    tests = pytest.importorskip("bottleneck.tests.move_test")
    ours = getattr(mypackage, name)

    def function(a, *arguments, **others):
        # It keeps the byte order of what it hands to NumPy; ours is always the native one.
        result = ours(a, *arguments, **others)
        return result.astype(result.dtype.newbyteorder(a.dtype.byteorder))

    function.__name__ = name
    tests.test_move(function)
