"""`group_sum` and `group_mean`: a group's result is, to the bit, that of its elements alone."""

import ctypes
import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from reference import exact_sum

import mypackage

RNG = np.random.default_rng(30)
DTYPES = ["?", "i1", "u2", "i4", "i8", "u8", "f2", "f4", "f8", ">f8", ">i4", "c8", "c16"]


def check(labels, values, size=None):
    """Compares every group with the reduction of its elements."""
    for name in ("sum", "mean"):
        with np.errstate(all="ignore"):
            result = getattr(mypackage, f"group_{name}")(labels, values, size=size)
            for group in range(result.shape[-1]):
                member = values[..., np.asarray(labels) == group]
                if member.shape[-1]:
                    expected = getattr(mypackage, name)(member, axis=-1)
                    assert result.dtype == expected.dtype
                    np.testing.assert_array_equal(result[..., group], expected)
                else:
                    empty = 0 if name == "sum" else np.full(result[..., group].shape, np.nan)
                    np.testing.assert_array_equal(result[..., group], empty)


@given(st.data())
def test_any_numbers_and_labels(data):
    dtype = data.draw(st.sampled_from([np.float16, np.float32, np.float64]))
    values = data.draw(hnp.arrays(dtype, st.integers(0, 40)))
    labels = data.draw(hnp.arrays(np.int64, values.shape, elements=st.integers(-2, 6)))
    check(labels, values, 8)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_and_layout(dtype):
    values = RNG.integers(0, 30, (3, 500)).astype(dtype)
    labels = RNG.integers(-1, 9, 500)
    check(labels, values)
    check(labels, values[:, ::-1])
    check(labels, np.asfortranarray(values))
    swapped = np.moveaxis(values, -1, 0)
    np.testing.assert_array_equal(
        mypackage.group_sum(labels, swapped, axis=0),
        np.moveaxis(mypackage.group_sum(labels, values), -1, 0),
    )


@pytest.mark.parametrize("spread", [0, 5, 30, 60, 300])
@pytest.mark.parametrize("groups", [1, 7, 3000])
def test_sizes_and_spreads(spread, groups):
    values = RNG.normal(size=10_000) * 2.0 ** RNG.integers(-spread, spread + 1, 10_000)
    labels = RNG.integers(0, groups, values.size)
    result = mypackage.group_sum(labels, values, size=groups)
    for group in range(0, groups, max(1, groups // 50)):
        assert result[group] == mypackage.sum(values[labels == group])
    order = np.argsort(labels, kind="stable")
    assert mypackage.group_sum(labels[order], values[order], size=groups).tobytes() == (
        result.tobytes()
    )


def orders(rng, groups, count):
    """Labels, some of them negative, in orders that are summed in different ways."""
    labels = rng.integers(-1, groups, count)
    runs = np.repeat(labels[: count // 50 + 1], 50)[:count]
    far = np.minimum(np.sort(labels) * 3, groups - 1)
    late = np.sort(labels)
    late[-1:] = 0
    return {
        "unsorted": labels,
        "sorted": np.sort(labels),
        "runs": runs,
        "sorted runs": np.sort(runs),
        "with gaps": far,
        "all but the last sorted": late,
        "descending": -np.sort(-labels),
    }


def numbers(rng, count):
    """Numbers whose sums need their last bits, or a scale that the first ones do not tell."""
    plain = rng.normal(size=count)
    wide = np.ldexp(plain, rng.integers(-40, 40, count))
    outliers = plain.copy()
    outliers[::777] *= 2.0 ** rng.integers(1, 20, len(outliers[::777]))
    specials = plain.copy()
    specials[count // 2 :: 1500] = rng.choice(
        [np.inf, np.nan, -np.inf, 5e-324], len(specials[count // 2 :: 1500])
    )
    return {
        "plain": plain,
        "wide": wide,
        "growing": plain * np.exp2(np.linspace(-5, 5, count)),
        "twice as large": np.where(np.arange(count) % 600 == 599, 3.99, 1.01) * np.sign(plain),
        "outliers": outliers,
        "huge": np.sign(plain) * 1.7e308,
        "subnormal": np.round(plain * 1e6) * 5e-324,
        "zeros": np.copysign(0.0, plain),
        "specials": specials,
    }


def beside(labels, table, expected, groups):
    """Many lines side by side in memory, at once and a panel after the other."""
    cases = [(np.tile(table, (3, 1)), np.tile(expected, (3, 1)))]
    if groups < 50:
        cases.append((np.tile(table[:1], (530, 1)), np.tile(expected[:1], (530, 1))))
    for lines, wanted in cases:
        rows = np.ascontiguousarray(lines.T)
        wider = np.zeros((len(rows), 2 * len(lines)))
        wider[:, ::2] = rows
        back = np.ascontiguousarray(rows[:, ::-1])
        deep = np.stack([rows, rows[::-1], rows])
        for threads in (1, 3):
            with mypackage.threads(threads):
                for x in (rows, wider[:, ::2], back[:, ::-1], rows.astype(">f8")):
                    result = mypackage.group_sum(labels, x, axis=0, size=groups)
                    np.testing.assert_array_equal(result, wanted.T)
                result = mypackage.group_sum(labels, deep, axis=1, size=groups)
                np.testing.assert_array_equal(result[::2], np.stack([wanted.T, wanted.T]))
                flipped = mypackage.group_sum(labels[::-1], rows, axis=0, size=groups)
                np.testing.assert_array_equal(result[1], flipped)


def check_plans(count, groups):
    """Every kind of numbers in every order of labels, beside sums of fractions."""
    rng = np.random.default_rng(count)
    values = numbers(rng, count)
    table = np.stack(list(values.values()))
    for labels in orders(rng, groups, count).values():
        members = [np.flatnonzero(labels == group) for group in range(groups)]
        expected = np.array([[exact_sum(x[m]) for m in members] for x in values.values()])
        single = np.array([[float(np.float32(1.5)) * len(m) for m in members]], dtype=np.float32)
        with np.errstate(all="ignore"):
            for size in (groups, groups + 2000):
                padded = np.zeros((len(expected), size))
                padded[:, :groups] = expected
                for threads in (1, 3):
                    with mypackage.threads(threads):
                        result = mypackage.group_sum(labels, table, size=size)
                assert not np.signbit(result[result == 0]).any()
                np.testing.assert_array_equal(result, padded)
            one = np.ascontiguousarray(table[0])
            np.testing.assert_array_equal(
                mypackage.group_sum(labels, one, size=groups), expected[0]
            )
            beside(labels, table, expected, groups)
            halves = np.full((1, count), 1.5, np.float32)
            np.testing.assert_array_equal(mypackage.group_sum(labels, halves, size=groups), single)
        integers = rng.integers(-(2**62), 2**62, count) >> 12
        result = mypackage.group_sum(labels, integers, size=groups)
        assert result.tolist() == [sum(integers[m].tolist()) for m in members]


PLANS = [(511, 3), (1030, 1024), (9000, 1025), (9000, 40), (20_000, 2500)]


@pytest.mark.parametrize(("count", "groups"), PLANS)
def test_plans(count, groups):
    check_plans(count, groups)


@pytest.mark.parametrize("groups", [30, 5000])
def test_threads(groups):
    """The bits of one thread, which are those of the groups' elements."""
    rng = np.random.default_rng(groups)
    count = 300_000
    values = numbers(rng, count)
    for labels in orders(rng, groups, count).values():
        for kind in ("plain", "growing", "outliers"):
            x = values[kind]
            results = []
            for threads in (1, 2, 5):
                with mypackage.threads(threads):
                    results.append(mypackage.group_sum(labels, x, size=groups))
            assert len({result.tobytes() for result in results}) == 1
            for group in (0, groups // 2, groups - 1):
                assert results[0][group] == exact_sum(x[labels == group])


@pytest.mark.parametrize("count", [300_000, 600_000])
def test_more_results_than_one_thread_hands_on(count):
    """Next to each other and apart, as pairs and as accumulators."""
    rng = np.random.default_rng(count)
    groups = 290_000
    labels = rng.integers(-1, groups, count)
    labels[count // 2] = 7
    table = rng.integers(-99, 99, (3, count)).astype(np.float64)
    expected = np.stack([np.bincount(labels[labels >= 0], x[labels >= 0], groups) for x in table])
    for special in (0.0, np.inf):
        table[1, count // 2] += special
        expected[1, 7] += special
        for threads in (1, 3):
            with mypackage.threads(threads):
                result = mypackage.group_sum(labels, table, size=groups)
                np.testing.assert_array_equal(result, expected)
                one = mypackage.group_sum(labels, table[1], size=groups)
                np.testing.assert_array_equal(one, expected[1])
                apart = np.ascontiguousarray(table.T)
                result = mypackage.group_sum(labels, apart, axis=0, size=groups)
                np.testing.assert_array_equal(result, expected.T)


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="knows x86-64's fenv_t"
)
@pytest.mark.parametrize("groups", [7, 300_000])
def test_modes_that_others_left_on(groups):
    """Rounding upward, and taking subnormal numbers for 0."""
    libm = ctypes.CDLL("libm.so.6")
    usual, changed = (ctypes.c_uint32 * 8)(), (ctypes.c_uint32 * 8)()
    rng = np.random.default_rng(groups)
    labels, plain = rng.integers(0, groups, 700_000), rng.normal(size=700_000)
    wide = np.ldexp(plain, rng.integers(-80, 80, plain.size))
    subnormal = np.round(plain * 1e6) * 5e-324
    for x in (plain, wide, subnormal):
        expected = mypackage.group_sum(labels, x, size=groups)
        for threads in (1, 3):
            with mypackage.threads(threads):
                libm.fegetenv(usual)
                changed[:] = usual
                changed[7] |= 0xC040
                libm.fesetenv(changed)
                try:
                    result = mypackage.group_sum(labels, x, size=groups)
                finally:
                    libm.fesetenv(usual)
            assert result.tobytes() == expected.tobytes()


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_every_instruction_set(isa):
    if isa not in mypackage.show_config()["isas_available"]:
        pytest.skip(f"this machine has no {isa}")
    code = "import test_group; test_group.check_plans(9000, 1025)"
    environment = {**os.environ, "MYPACKAGE_ISA": isa}
    directory = os.path.dirname(__file__)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=directory)


def test_more_numbers_than_pairs_can_take():
    """The integers are looked at, and emptied, every two million numbers, in each thread."""
    values = np.full(5_000_000, 7.9 + 2.0**-30)
    # The scale is guessed from these, and leaves the others less room than it might.
    for start in range(0, values.size, values.size // 16):
        values[start : start + 512] = 1.5
    labels = np.zeros(values.size, dtype=np.int64)
    labels[::3] = 1
    for threads in (1, 2, 3):
        with mypackage.threads(threads):
            result = mypackage.group_sum(labels, values, size=2)
        for group in (0, 1):
            assert result[group] == mypackage.sum(values[labels == group])
    with mypackage.threads(1):
        beside = np.broadcast_to(values[:, np.newaxis], (values.size, 16))
        rows = mypackage.group_sum(labels, beside, axis=0, size=2)
    np.testing.assert_array_equal(rows, np.stack([result] * 16, axis=1))


@pytest.mark.parametrize("odd", [2.0**50 + 1, np.nan])
@pytest.mark.parametrize("place", [1000, 1_000_001, 1_999_999])
def test_one_number_unlike_the_others(place, odd):
    """The scale is guessed without it; it is in the table of one thread."""
    rng = np.random.default_rng(place)
    values, labels = rng.normal(size=2_000_000), np.arange(2_000_000) % 7
    values[place] = odd
    expected = [mypackage.sum(values[labels == group]) for group in range(7)]
    for threads in (1, 2, 3):
        with mypackage.threads(threads):
            np.testing.assert_array_equal(mypackage.group_sum(labels, values), expected)


def test_infinities_and_nans_stay_in_their_group():
    values = RNG.normal(size=5000)
    labels = np.arange(5000) % 5
    values[[11, 22, 32]] = [np.inf, np.nan, -np.inf]
    result = mypackage.group_sum(labels, values)
    assert result[1] == np.inf and np.isnan(result[2]) and np.isfinite(result[[0, 3, 4]]).all()


def test_integers_do_not_wrap():
    with pytest.raises(OverflowError, match=f"{2**64}.*int64"):
        mypackage.group_sum([0, 1, 1, 1, 1], np.array([1, *[2**62] * 4]))
    exact = mypackage.group_sum([1, 1], np.array([2**62, 2**62]), dtype=object)
    assert exact[1] == 2**63


def test_empty_groups_and_fill_value():
    assert mypackage.group_sum([2], [5.0]).tolist() == [0.0, 0.0, 5.0]
    filled = mypackage.group_mean([2, 2], [[1, 2], [3, 5]], size=4, fill_value=np.nan)
    np.testing.assert_array_equal(
        filled, [[np.nan, np.nan, 1.5, np.nan], [np.nan, np.nan, 4, np.nan]]
    )
    assert mypackage.group_sum([], []).shape == (0,)
    assert mypackage.group_sum([], [], size=2).tolist() == [0.0, 0.0]
    assert mypackage.group_sum([-1, -5], [1.0, 2.0]).shape == (0,)


@pytest.mark.parametrize(
    ("value", "fill", "dtype"),
    [
        (1, 0.5, "int64"),
        (1, np.nan, "int64"),
        (1, -1, "uint64"),
        (1, 2**64, "int64"),
        (1, [1, 2], "int64"),
        (1.0, 1j, "float64"),
        (1.0, "x", "float64"),
    ],
)
def test_fill_values_that_do_not_fit(value, fill, dtype):
    """Nothing is cut off to fit."""
    values = np.array([value, value], "u1" if dtype == "uint64" else None)
    with pytest.raises(ValueError, match=rf"group_sum: fill_value=.* does not fit {dtype}; choose"):
        mypackage.group_sum([0, 2], values, fill_value=fill)
    # Where no group is empty, nothing is filled.
    assert mypackage.group_sum([0, 1], values, fill_value=fill).tolist() == [value, value]


def test_masked_labels_are_of_no_group():
    """As negative ones are."""
    labels = np.ma.array([0, 1, 1, 200], "u1", mask=[0, 0, 1, 1])
    assert mypackage.group_sum(labels, [1.0, 2.0, 4.0, 8.0]).tolist() == [1, 2]


def test_dtype_is_what_is_rounded_to():
    values = np.full(3, 0.1, np.float32)
    assert mypackage.group_sum([0, 0, 0], values, dtype=np.float64)[0] == np.float64(values[0]) * 3


@pytest.mark.parametrize(
    ("arguments", "options", "error", "match"),
    [
        (([0, 3], [1.0, 2.0]), {"size": 3}, ValueError, "label 3"),
        (([9, 3, 0], [1.0, 2.0, np.nan]), {"size": 3}, ValueError, "label 9"),
        ((np.arange(3000), np.ones(3000)), {"size": 2500}, ValueError, "label 2999"),
        ((np.full(3000, 8), np.ones(3000)), {"size": 8}, ValueError, "label 8"),
        (([0, 3], np.ones((0, 2))), {"size": 3}, ValueError, "label 3"),
        (([0, 3, 5, 2], np.ones((4, 20))), {"size": 3, "axis": 0}, ValueError, "label 5"),
        (([0, 9, 5, 2], np.full((4, 20), np.inf)), {"size": 3, "axis": 0}, ValueError, "label 9"),
        (([0, 3], [1.0, 2.0]), {"size": 0}, ValueError, "label 3"),
        (([0], [1.0, 2.0]), {}, ValueError, "1 labels.*length 2"),
        (([0.5, 1], [1.0, 2.0]), {}, TypeError, "float64"),
        (([[0, 1]], [1.0, 2.0]), {}, ValueError, "one axis"),
        (([0, 1], ["a", "b"]), {}, TypeError, "no exact result"),
        (([0, 1], [1.0, 2.0]), {"size": -1}, ValueError, "size"),
        (([0, 1], [1.0, 2.0]), {"axis": 2}, np.exceptions.AxisError, "axis 2"),
        (([0], 1.0), {}, ValueError, "at least one axis"),
    ],
)
def test_bad_input_is_named(arguments, options, error, match):
    # One thread takes more lines at once.
    for threads in (1, 3):
        with mypackage.threads(threads), pytest.raises(error, match=match):
            mypackage.group_sum(*arguments, **options)


@pytest.mark.parametrize("place", [0, 170_000, 299_999])
def test_a_label_beyond_size_is_named_by_any_thread(place):
    labels = np.arange(300_000) % 7
    labels[place], labels[place // 2 + 1] = 99, 98
    one = np.ones(300_000)
    for values in (one, np.ones((3, 300_000)), np.where(np.arange(300_000) == place, np.nan, one)):
        for threads in (1, 3):
            with mypackage.threads(threads), pytest.raises(ValueError, match="label 99 "):
                mypackage.group_sum(labels, values, size=7)


def test_a_label_beyond_size_is_named_with_many_lines():
    for shape in [(3000, 100), (100, 3000)]:
        labels = np.arange(100) % 7
        labels[60] = 99
        for threads in (1, 3):
            with mypackage.threads(threads), pytest.raises(ValueError, match="label 99 "):
                mypackage.group_sum(labels, np.ones(shape), size=7, axis=shape.index(100))


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory")
def test_more_groups_than_memory():
    code = """
import resource
import mypackage

mypackage.group_sum([0, 1], [1.0, 2.0])
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, resource.RLIM_INFINITY))
try:
    mypackage.group_sum([0, 1], [1.0, 2.0], size=100_000_000)
except MemoryError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0 and "100000000 groups" in ran.stdout, ran.stderr


def test_labels_at_any_address():
    """What comes from another process may lie at an odd address."""
    labels = np.zeros(33, np.uint8)[1:].view(np.int64)
    labels[:] = [0, 1, 0, 2]
    assert not labels.flags.aligned
    values = np.array([1.0, 2.0, 3.0, 4.0])
    assert mypackage.group_sum(labels, values).tolist() == [4.0, 2.0, 4.0]
    assert mypackage.group_var(labels, values).tolist() == [1.0, 0.0, 0.0]
    assert mypackage.group_cumsum(labels, values).tolist() == [1.0, 2.0, 4.0, 4.0]
