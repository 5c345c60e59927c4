"""Arrays of exact sums against single ones and fractions, whichever way each sum is kept."""

import itertools
import math
import pickle
import sys
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import mypackage
from mypackage import ExactSum
from mypackage._native import join_states, reshape_states, split_states

# More sums than a block of pairs has, and a block of few.
SIZE = 1024 + 7
KINDS = {
    "ordinary": lambda rng, shape: rng.standard_normal(shape),
    "integers": lambda rng, shape: rng.integers(-(2**40), 2**40, shape).astype(float),
    "spread": lambda rng, shape: rng.standard_normal(shape) * 2.0 ** rng.integers(-60, 60, shape),
    "wild": lambda rng, shape: rng.standard_normal(shape) * 2.0 ** rng.integers(-1000, 1000, shape),
    "tiny": lambda rng, shape: rng.integers(-9, 9, shape) * 5e-324,
    "huge": lambda rng, shape: rng.choice([1.7e308, -1.7e308, 2.0**970, 1e292], shape),
    "zeros": lambda rng, shape: np.copysign(np.zeros(shape), rng.standard_normal(shape)),
}


def some_specials(rng, values):
    """Infinities and NaNs in a few places."""
    for special in (np.inf, -np.inf, np.nan):
        values[rng.integers(0, len(values)), rng.integers(0, SIZE)] = special
    return values


def assert_same(array, singles):
    """The array is what the single sums are, in every respect."""
    parts = split_states(array)
    assert parts == singles
    joined = join_states(singles, [SIZE])
    assert array == joined and joined == array
    assert array.to_bytes() == joined.to_bytes()
    again = pickle.loads(pickle.dumps(array))
    assert again == array and again.to_bytes() == array.to_bytes()
    assert array.count.tolist() == [single.count for single in singles]
    assert repr(array) == repr(joined)
    with np.errstate(all="ignore"):
        for dtype in ("f8", "f4", "f2"):
            for method in ("value", "mean"):
                if method == "mean" and not all(single.count for single in singles):
                    continue
                expected = [getattr(single, method)(dtype) for single in singles]
                got = getattr(array, method)(dtype)
                assert got.tobytes() == np.array(expected, dtype).tobytes()


@given(
    st.lists(st.tuples(st.sampled_from(list(KINDS)), st.booleans()), min_size=1, max_size=4),
    st.integers(0, 2**32),
    st.booleans(),
)
def test_any_history(steps, seed, subtract):
    rng = np.random.default_rng(seed)
    array = ExactSum(SIZE)
    singles = [ExactSum() for _ in range(SIZE)]
    for kind, special in steps:
        values = KINDS[kind](rng, (3, SIZE))
        if special:
            values = some_specials(rng, values)
        # By rows, merged, and with elements left out.
        mask = rng.random(values.shape) < (0.9 if special else 1)
        wanted = mask if special else True
        way = int(rng.integers(0, 3))
        if way == 0:
            array.add(values, where=wanted)
        elif way == 1:
            rows = zip(values[:, None], mask[:, None], strict=True)
            array.merge(*(ExactSum(SIZE).add(row, where=some) for row, some in rows))
        else:
            array = array.copy() + ExactSum(SIZE).add(values, axis=0, where=wanted)
        for single, column, some in zip(singles, values.T, mask.T, strict=True):
            single.add(column[some])
    if subtract:
        values = KINDS[steps[0][0]](rng, (2, SIZE))
        array -= values
        for single, column in zip(singles, values.T, strict=True):
            single.subtract(column)
    assert_same(array, singles)
    if subtract:
        return
    # What was added can be taken back.
    assert array - array == ExactSum(SIZE)


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_the_fractions(kind):
    rng = np.random.default_rng(11)
    chunks = [KINDS[kind](rng, (5, SIZE)) for _ in range(4)]
    array = ExactSum(SIZE).merge(*(ExactSum(SIZE).add(chunk) for chunk in chunks))
    columns = np.concatenate(chunks).T.tolist()
    for single, column in zip(split_states(array), columns, strict=True):
        exact = sum(map(Fraction, column))
        assert Fraction(*single.as_integer_ratio()) == exact
        assert single.count == 20
    with np.errstate(over="ignore"):
        rounded = array.value()
    for value, column in zip(rounded.tolist(), columns, strict=True):
        exact = sum(map(Fraction, column))
        try:
            expected = exact.numerator / exact.denominator
        except OverflowError:
            expected = math.inf if exact > 0 else -math.inf
        assert value == expected


def test_complex_sums():
    rng = np.random.default_rng(12)
    values = rng.standard_normal((6, SIZE)) + 1j * rng.standard_normal((6, SIZE))
    real = rng.standard_normal((2, SIZE))
    array = ExactSum(SIZE).add(real) + ExactSum(SIZE).add(values)
    everything = np.concatenate([real, values])
    expected = mypackage.sum(everything, axis=0)
    np.testing.assert_array_equal(array.value(), expected)
    np.testing.assert_array_equal(array.mean(), mypackage.mean(everything, axis=0))
    with pytest.warns(np.exceptions.ComplexWarning):
        np.testing.assert_array_equal(array.value("f8"), expected.real)
    assert array.count.tolist() == [8] * SIZE
    singles = [ExactSum().add(column) for column in everything.T]
    assert split_states(array) == singles and join_states(singles, [SIZE]) == array
    assert array - ExactSum(SIZE).add(values) - ExactSum(SIZE).add(real) == ExactSum(SIZE).add(
        values
    ) - ExactSum(SIZE).add(values)


def test_integers_that_do_not_fit():
    array = ExactSum(SIZE).add(np.full((2, SIZE), 2**62))
    assert (array.value("u8") == 2**63).all()
    with pytest.raises(OverflowError, match="9223372036854775808"):
        array.value("i8")
    assert (ExactSum(SIZE).add(np.full((3, SIZE), 2**62)).value("u8") == 3 * 2**62).all()


def test_quotients():
    rng = np.random.default_rng(13)
    top, bottom = rng.standard_normal((2, 4, SIZE))
    quotients = ExactSum(SIZE).add(top).divide(ExactSum(SIZE).add(bottom))
    for value, x, y in zip(quotients.tolist(), top.T.tolist(), bottom.T.tolist(), strict=True):
        exact = sum(map(Fraction, x)) / sum(map(Fraction, y))
        assert value == exact.numerator / exact.denominator
    with pytest.raises(ZeroDivisionError):
        ExactSum(SIZE).add(top).divide(ExactSum(SIZE))


def test_warnings_are_those_of_single_sums():
    empty, overflowing, invalid = ExactSum(SIZE), ExactSum(SIZE), ExactSum(SIZE)
    with pytest.warns(RuntimeWarning, match="Mean of empty slice"):
        assert np.isnan(empty.mean()).all()
    overflowing.add(np.full((2, SIZE), 1.7e308))
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert (overflowing.value() == np.inf).all()
    assert (overflowing.mean() == 1.7e308).all()
    invalid.add(np.array([[np.inf] * SIZE, [-np.inf] * SIZE]))
    with pytest.warns(RuntimeWarning, match="invalid"):
        assert np.isnan(invalid.value()).all()
    # Fewer numbers than none.
    negative = ExactSum(SIZE).subtract(np.full((2, SIZE), 3.0))
    assert (negative.count == -2).all() and (negative.mean() == 3.0).all()


def test_no_order_of_merges_shows():
    rng = np.random.default_rng(14)
    chunks = [
        some_specials(rng, kind(rng, (3, SIZE))) if special else kind(rng, (3, SIZE))
        for kind, special in itertools.product(KINDS.values(), [False, True])
    ]
    states = [ExactSum(SIZE).add(chunk) for chunk in chunks]
    everything = ExactSum(SIZE).add(np.concatenate(chunks))
    for _ in range(10):
        order = rng.permutation(len(states))
        total = ExactSum(SIZE)
        while order.size:
            taken, order = np.split(order, [int(rng.integers(1, 5))])
            group = states[taken[0]].copy().merge(*(states[index] for index in taken[1:]))
            total.merge(group)
        assert total == everything and total.to_bytes() == everything.to_bytes()


def test_what_an_array_takes():
    array = ExactSum((1000, 100)).add(np.random.default_rng(15).standard_normal((5, 1000, 100)))
    assert len(array.to_bytes()) < 16.1 * 100_000
    assert 16 * 100_000 <= sys.getsizeof(array) < 17 * 100_000
    # A NaN makes a block of accumulators; numbers of very different sizes make these long.
    wide = ExactSum(1024).add(np.where(np.arange(1024) == 7, np.nan, 1.0)[None])
    assert 64 * 1024 <= sys.getsizeof(wide) < 66 * 1024
    widest = ExactSum(1024).add(np.array([[1e300], [1.0], [1e-300]]) * np.ones(1024))
    assert 1100 * 1024 <= sys.getsizeof(widest) < 1200 * 1024


@pytest.mark.parametrize("dtype", ["f8", "c16"])
def test_other_shapes(dtype):
    """The same sums in C order; a copy of its own."""
    flat = ExactSum(6).add(np.arange(18).reshape(3, 6).astype(dtype))
    table = reshape_states(flat, (2, 3))
    assert table.shape == (2, 3)
    assert np.array_equal(table.value(), flat.value().reshape(2, 3))
    assert np.array_equal(table.count, np.full((2, 3), 3))
    table.add(np.ones((1, 2, 3)))
    assert flat.value()[0] == 18
    with pytest.raises(ValueError, match=r"of shape \(6,\) have no shape \(4,\)"):
        reshape_states(flat, (4,))


def test_equal_values_of_other_counts_differ():
    one = mypackage.ExactSum((5,))
    one.add(np.arange(10.0).reshape(2, 5))
    other = one.copy()
    assert one == other
    other.add(np.zeros(5), where=[False, False, True, False, False])
    assert one != other and one.value().tolist() == other.value().tolist()
    one.add(np.zeros(5))
    assert one != other
