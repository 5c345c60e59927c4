"""`ExactSum` against exact fractions: order, grouping, taking back, bytes, kinds of input."""

import copy
import gc
import math
import pickle
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from reference import to_format

import mypackage
from mypackage import ExactSum

RNG = np.random.default_rng(20)
finite = st.floats(allow_nan=False, allow_infinity=False)


def exact(total: ExactSum) -> Fraction:
    return Fraction(*total.as_integer_ratio())


def fraction(values) -> Fraction:
    return sum(map(Fraction, values), Fraction(0))


@given(st.lists(finite), st.randoms())
def test_any_order_and_grouping(values, random):
    total = ExactSum()
    rest = list(values)
    random.shuffle(rest)
    parts = []
    while rest:
        size = random.randint(1, len(rest))
        parts.append(ExactSum().add(np.array(rest[:size])))
        rest = rest[size:]
    random.shuffle(parts)
    for part in parts:
        total += part
    assert exact(total) == fraction(values)
    assert total == ExactSum().add(np.array(values))
    assert total.count == len(values)


@given(st.lists(finite), st.lists(st.floats()))
def test_subtracting_takes_back_exactly(kept, passing):
    total = ExactSum().add(np.array(kept))
    before = total.to_bytes()
    total.add(np.array(passing)).subtract(np.array(passing))
    assert total.to_bytes() == before


def test_a_sliding_window_never_drifts():
    values = RNG.normal(size=3000) * 10.0 ** RNG.integers(-200, 200, 3000)
    window = ExactSum()
    for index, value in enumerate(values):
        window += value
        if index >= 50:
            window -= values[index - 50]
        if index % 100 == 99:
            assert window.value() == mypackage.sum(values[max(0, index - 49) : index + 1])
    assert window.subtract(values[-50:]) == ExactSum()


@given(st.lists(st.floats(), max_size=30))
def test_value_and_mean_are_those_of_the_functions(values):
    array = np.array(values)
    total = ExactSum().add(array)
    with np.errstate(all="ignore"):
        for dtype in (np.float16, np.float32, np.float64):
            value = total.value(dtype)
            assert type(value) is dtype
            assert value.tobytes() == mypackage.sum(array, dtype=dtype).tobytes()
            if values:
                assert total.mean(dtype).tobytes() == mypackage.mean(array, dtype=dtype).tobytes()


@pytest.mark.parametrize("dtype", ["?", "i1", "u8", "i8", "f2", "f4", ">f8", "c8", "c16"])
def test_every_dtype_and_layout(dtype):
    values = (RNG.integers(0, 2 if dtype == "?" else 100, (7, 40))).astype(dtype)
    for array in (values, values.T, values[::-1, ::3], np.asfortranarray(values)):
        total = ExactSum().add(array)
        assert total.value() == array.astype("c16" if "c" in dtype else "f8").sum()
        assert total.count == array.size


def test_large_integers_are_exact():
    values = np.array([2**63 - 1, 1, 2**62], dtype=np.uint64)
    total = ExactSum().add(values)
    assert total.as_integer_ratio() == (2**63 + 2**62, 1)
    assert total.value(np.uint64) == 2**63 + 2**62
    with pytest.raises(OverflowError, match=str(2**63 + 2**62)):
        total.value(np.int64)


def test_arrays_of_sums():
    values = RNG.normal(size=(4, 5, 6)) * 1e200
    columns = ExactSum((5, 6)).add(values)
    np.testing.assert_array_equal(columns.value(), mypackage.sum(values, axis=0))
    np.testing.assert_array_equal(columns.count, np.full((5, 6), 4))
    middle = ExactSum((4, 6)).add(values, axis=1).add(values, axis=(1,))
    np.testing.assert_array_equal(
        middle.value(), mypackage.sum(np.concatenate([values, values], axis=1), axis=1)
    )
    mask = values > 0
    some = ExactSum((5, 6)).add(values, where=mask)
    np.testing.assert_array_equal(some.value(), mypackage.sum(values, axis=0, where=mask))
    np.testing.assert_array_equal(some.count, mask.sum(axis=0))
    np.testing.assert_array_equal(ExactSum(3).add(np.ones((0, 3))).value(), np.zeros(3))


def test_infinities_and_nans_can_be_taken_back():
    total = ExactSum().add([1.0, math.inf])
    assert total.value() == math.inf
    total += -math.inf
    with pytest.warns(RuntimeWarning, match="invalid"):
        assert math.isnan(total.value())
    total -= [math.inf, -math.inf]
    assert total.value() == 1.0
    assert math.isnan(total.add(math.nan).value())
    assert total.subtract(math.nan).value() == 1.0


def test_complex_numbers_join_real_ones():
    total = ExactSum().add([1.0, 2.0])
    total += [1e300 + 1j, -1e300 + 2j]
    assert (total.value(), total.mean(), total.count) == (3 + 3j, 0.75 + 0.75j, 4)
    assert ExactSum.from_bytes(total.to_bytes()) == total
    many = ExactSum((2, 2)).add(np.array([[1j, 2], [3, 4]]))
    assert ExactSum.from_bytes(many.to_bytes()) == many
    assert "<td>4 sums" in many._repr_html_()
    with pytest.raises(ValueError, match="real"):
        total.as_integer_ratio()


@given(st.lists(st.floats(), max_size=40), st.integers(0, 2))
def test_bytes_are_canonical(values, spare):
    total = ExactSum(2).add(np.array([values, values]).T.reshape(-1, 2))
    again = ExactSum.from_bytes(bytearray(total.to_bytes()))
    assert again == total and again.to_bytes() == total.to_bytes()
    for other in (pickle.loads(pickle.dumps(total)), copy.copy(total), copy.deepcopy(total)):
        assert other == total
        other += np.ones(2)
        assert other != total


@given(st.data())
def test_bad_bytes_are_refused(data):
    good = ExactSum(3).add(np.arange(27.0).reshape(9, 3) / 7).to_bytes()
    at = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    bad[at] ^= 1 << data.draw(st.integers(0, 7))
    for broken in (bytes(bad), good[:at], good + b"\0"):
        with pytest.raises(ValueError, match="not an exact sum"):
            ExactSum.from_bytes(broken)


def test_sizes_that_the_documentation_states():
    ordinary = ExactSum().add(RNG.normal(size=10**5))
    assert len(ordinary.to_bytes()) < 40
    wild = ExactSum().add(np.array([5e-324, 1.7e308, 1.0]))
    assert len(wild.to_bytes()) < 560


def test_another_process_gets_the_same_sum():
    total = ExactSum().add([0.1, 1e300, 1e-300])
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer).to_bytes().hex())"
    run = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(total), capture_output=True, check=True
    )
    assert run.stdout.decode().strip() == total.to_bytes().hex()


@pytest.mark.parametrize("dtype", [None, "f4", "f2"])
def test_quotients(dtype):
    """Against exact fractions; one rounding."""
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 20, 4, 5))
    quotients = ExactSum((4, 5)).add(x).divide(ExactSum((4, 5)).add(y), dtype)
    assert quotients.dtype == (dtype or "f8")
    for place in np.ndindex(4, 5):
        top, bottom = (sum(map(Fraction, part[(slice(None), *place)].tolist())) for part in (x, y))
        assert quotients[place] == to_format(top / bottom, quotients.dtype.type)
    mixed = ExactSum().add([1 + 2j, 3.0]).divide(ExactSum().add([3.0]))
    assert mixed == complex(4 / 3, 2 / 3) and mixed.dtype == "c16"
    big = ExactSum().add([1e308, 1e308]).divide(ExactSum().add([1e308, 1e308]))
    assert big == 1.0
    assert np.isnan(ExactSum().add(np.nan).divide(ExactSum().add(1.0)))


def test_quotients_are_refused():
    one = ExactSum().add(1.0)
    with pytest.raises(ZeroDivisionError, match="a divisor is zero"):
        one.divide(ExactSum().add([1e300, -1e300]))
    with pytest.raises(ValueError, match=r"shape \(\) cannot be divided by sums of shape \(2,\)"):
        one.divide(ExactSum(2))
    with pytest.raises(TypeError, match="must be real"):
        one.divide(ExactSum().add(1j))
    with pytest.raises(TypeError, match="floating-point"):
        one.divide(one, "i8")
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert ExactSum().add(1e300).divide(ExactSum().add(1e-300)) == np.inf


def test_many_are_merged_at_once():
    parts = [ExactSum(3).add(np.full((2, 3), x)) for x in (1e300, 1.0, -1e300)]
    parts.append(ExactSum(3).add([[1j, 2j, 3j]]))
    total = parts[0].copy().merge(*parts[1:])
    assert total.value().tolist() == [2 + 1j, 2 + 2j, 2 + 3j]
    assert total.count.tolist() == [7, 7, 7]
    assert parts[0].count.tolist() == [2, 2, 2] and parts[1].value().tolist() == [2.0] * 3
    assert total.copy().merge() == total
    doubled = total.copy()
    assert doubled.merge(doubled, doubled) == total.merge(total.copy(), total.copy())
    with pytest.raises(ValueError, match="cannot be merged"):
        total.merge(parts[0], ExactSum(2))


def test_copies_are_independent():
    total = ExactSum(2).add([[1.0, 2.0]])
    copies = [total.copy(), copy.copy(total), copy.deepcopy(total)]
    total += [[1.0, 1.0]]
    for other in copies:
        assert other.value().tolist() == [1.0, 2.0]


def test_operators_and_the_builtin_sum():
    one, two = ExactSum().add(1.0), ExactSum().add(2.0)
    assert (one + two).value() == 3.0 and (two - one).value() == 1.0
    assert (one + 5).count == 2 and one.count == 1
    assert sum([one, two]) == one + two
    assert float(one) == 1.0
    assert one != 1.0
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


@pytest.mark.parametrize(
    "left", [np.array([1.0, 2.0]), np.array([[1, 2]]), np.float64(3), np.array(3), 3, True]
)
def test_arrays_on_the_left(left):
    """Their elements are added, as on the right."""
    total = mypackage.ExactSum().add([0.5])
    assert left + total == total + left
    assert isinstance(left + total, mypackage.ExactSum)


def test_weak_references():
    """A cache may hold one."""
    total = mypackage.ExactSum()
    reference = weakref.ref(total)
    assert reference() is total
    del total
    gc.collect()
    assert reference() is None


def test_bytes_of_any_buffer():
    """Of nothing else: least of all as many zeros as an int says."""
    data = mypackage.ExactSum().add([1.5]).to_bytes()
    for buffer in (bytearray(data), memoryview(data), np.frombuffer(data, np.uint8)):
        assert mypackage.ExactSum.from_bytes(buffer).value() == 1.5
    for other in (10**15, "MYXS", None, [1]):
        with pytest.raises(TypeError, match="bytes-like"):
            mypackage.ExactSum.from_bytes(other)


def test_streams_of_arrays():
    chunks = [RNG.normal(size=size) for size in (3, 0, 1000, 7)]
    assert ExactSum().add(iter(chunks)) == ExactSum().add(np.concatenate(chunks))


def test_masked_elements_are_left_out():
    masked = np.ma.array([1.0, 2.0, 4.0], mask=[False, True, False])
    total = ExactSum().add(masked)
    assert (total.value(), total.count) == (5.0, 2)
    assert total.add(masked, where=[True, True, False]).value() == 6.0


def test_representations():
    assert repr(ExactSum().add([1.5, 1])) == "ExactSum(2.5, count=2)"
    assert repr(ExactSum((2, 3))) == (
        "ExactSum([[0., 0., 0.],\n          [0., 0., 0.]],\n"
        "         count=[[0, 0, 0],\n                [0, 0, 0]])"
    )
    assert repr(ExactSum(2).add([[0.5, 1e300], [1.0, 1e300]])) == (
        "ExactSum([1.5e+000, 2.0e+300], count=[2, 2])"
    )
    html = ExactSum().add(2.5)._repr_html_()
    assert html.startswith("<table>") and "<td>2.5</td>" in html


def test_an_empty_mean_warns():
    with pytest.warns(RuntimeWarning, match="Mean of empty slice"):
        assert math.isnan(ExactSum().mean())


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: ExactSum().add("x"), TypeError, "no exact result for dtype"),
        (lambda: ExactSum().add(np.array([1], "M8[s]")), TypeError, "datetime64"),
        (lambda: ExactSum(2).add(np.ones((2, 3))), ValueError, r"\(2, 3\)"),
        (lambda: ExactSum(2).merge(ExactSum(3)), ValueError, r"\(3,\)"),
        (lambda: ExactSum(-1), ValueError, "not a shape"),
        (lambda: ExactSum("x"), TypeError, "shape must be"),
        (lambda: ExactSum((10**9, 10**9, 10**9)), ValueError, "shape|memory"),
        (lambda: ExactSum(10**17), MemoryError, "memory"),
        (lambda: ExactSum().add(math.inf).as_integer_ratio(), OverflowError, "inf"),
    ],
)
def test_bad_input_is_named(make, error, match):
    with pytest.raises(error, match=match):
        make()


# Limits


def doubled(total, times):
    for _ in range(times):
        total.merge(total)
    return total


@pytest.mark.parametrize("values", [[2.0], [np.nan], [np.inf], [1e308, 1e-308, 0.0, 2.0]])
@pytest.mark.parametrize("shape", [(), (3,), (2000,)])
def test_a_count_that_would_wrap_is_an_error(values, shape):
    """Neither count nor NaN nor mean is ever lost; after the error all is as it was."""
    table = np.broadcast_to(np.array(values).reshape(-1, *[1] * len(shape)), (len(values), *shape))
    total = ExactSum(shape).add(table)
    kind = math.isnan(float(np.ravel(total.value())[0]))
    mean = total.mean()
    doubled(total, 62 - (len(values) - 1).bit_length())
    before = total.to_bytes()
    for change in (
        lambda: total.merge(total),
        lambda: total.merge(ExactSum(shape), total),
        lambda: total.add(total),
        lambda: total.add(table),
        lambda: total + total,
        lambda: total.subtract(ExactSum(shape).subtract(total)),
    ):
        with pytest.raises(OverflowError, match=r"more than the 2\^62 that it can"):
            change()
        assert total.to_bytes() == before
    with np.errstate(over="ignore"):
        assert np.isnan(np.ravel(total.value())[0]) == kind
    np.testing.assert_array_equal(total.mean(), mean)
    assert ExactSum.from_bytes(before) == total
    assert total.subtract(table).add(table).to_bytes() == before


@pytest.mark.parametrize("sign", [1, -1])
def test_a_sum_that_would_wrap_is_an_error(sign):
    total = ExactSum().add(sign * 1e308).subtract(0.0)
    assert total.count == 0
    merges = 0
    with pytest.raises(OverflowError, match=r"would reach 2\^2112"):
        while merges < 5200:
            total.merge(total)
            merges += 1
    assert exact(total) == sign * Fraction(1e308) * 2**merges
    assert exact(total) / sign * 2 >= 2**2112
    with np.errstate(over="ignore"):
        assert total.value() == sign * math.inf
    assert ExactSum.from_bytes(total.to_bytes()) == total
    assert exact(total.subtract(total)) == 0


def test_an_error_does_not_make_a_sum_complex():
    total = doubled(ExactSum(2).add(np.ones((1, 2))), 62)
    with pytest.raises(OverflowError):
        total.add(np.ones((1, 2)) * 1j)
    assert total.value().dtype == float


def test_equality_and_merges_from_both_sides_by_many_threads():
    """Nobody waits for a lock while holding one; the bits are those of one thread."""
    sums = [ExactSum(50).add(RNG.normal(size=(9, 50))) for _ in range(2)]
    parts = [ExactSum(50).add(RNG.normal(size=(9, 50))) for _ in range(2)]
    expected = [sums[index].copy().merge(*[parts[index]] * 800) for index in range(2)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:

        def work(index):
            mine, other = sums[index % 2], sums[1 - index % 2]
            for _ in range(200):
                assert mine != other
                assert mine.copy() != other.copy()
                mine += parts[index % 2]
                assert mine.shape == other.shape

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
    finally:
        sys.setswitchinterval(interval)
    assert sums == expected
