"""`fibonacci_mod`, `lucas_mod`, `lucasu_mod`, `lucasv_mod`, `pisano_period`."""

import _thread
import itertools
import math
import threading

import numpy as np
import pytest
import reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import mypackage

WORDS = {"l": st.integers(-(2**63), 2**63 - 1), "L": st.integers(0, 2**64 - 1)}
DTYPES = {"l": np.int64, "L": np.uint64}
MIXES = list(itertools.product("lL", repeat=2))


def expected(name, n, m):
    u, v = reference.lucas_sequences_mod(1, -1, n, m)
    return u if name == "fibonacci_mod" else v


def moduli(kind):
    """Of every size and either parity, with the ends of the type."""
    low, high = np.iinfo(DTYPES[kind]).min, np.iinfo(DTYPES[kind]).max
    sizes = st.integers(0, 64).flatmap(
        lambda bits: st.integers(max(low, -(2**bits)), min(high, 2**bits))
    )
    return st.one_of(sizes, st.sampled_from([low, high, low + 1, high - 1])).filter(bool)


@pytest.mark.parametrize("name", ["fibonacci_mod", "lucas_mod"])
@pytest.mark.parametrize(("n_kind", "m_kind"), MIXES)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_every_mix_of_words(name, n_kind, m_kind, data):
    pairs = data.draw(st.lists(st.tuples(WORDS[n_kind], moduli(m_kind)), min_size=1, max_size=40))
    n = np.array([n for n, _ in pairs], dtype=DTYPES[n_kind])
    m = np.array([m for _, m in pairs], dtype=DTYPES[m_kind])
    result = getattr(mypackage, name)(n, m)
    assert result.dtype == m.dtype
    assert result.tolist() == [expected(name, *pair) for pair in pairs]


@pytest.mark.parametrize("name", ["fibonacci_mod", "lucas_mod"])
@pytest.mark.parametrize(("n_kind", "m_kind"), MIXES)
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_one_modulus_for_many(name, n_kind, m_kind, data):
    """Arrays with one modulus go another way; it leads to the same place."""
    m = data.draw(moduli(m_kind))
    some = data.draw(st.lists(WORDS[n_kind], min_size=1, max_size=10))
    n = np.resize(np.array(some, dtype=DTYPES[n_kind]), 400)
    result = getattr(mypackage, name)(n, DTYPES[m_kind](m))
    assert result.tolist() == [expected(name, k, m) for k in n.tolist()]


@pytest.mark.parametrize("m", [1, 2, 10, 2**31 - 1, 2**31, 2**62 + 6, 2**63 - 1])
def test_large_arrays_with_and_without_threads(m):
    rng = np.random.default_rng(m)
    n = rng.integers(-(2**63), 2**63 - 1, 20_000)
    several = rng.integers(1, m, 20_000, endpoint=True)
    results = []
    for count in 1, 2:
        with mypackage.threads(count):
            results.append((mypackage.fibonacci_mod(n, m), mypackage.fibonacci_mod(n, several)))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    for index in range(0, 20_000, 997):
        k = int(n[index])
        assert results[0][0][index] == expected("fibonacci_mod", k, m)
        assert results[0][1][index] == expected("fibonacci_mod", k, int(several[index]))


@pytest.mark.parametrize("name", ["fibonacci_mod", "lucas_mod"])
@given(n=st.integers(-(10**60), 10**60), m=st.integers(-(10**60), 10**60).filter(bool))
@settings(max_examples=60, deadline=None)
def test_objects_of_any_size(name, n, m):
    result = getattr(mypackage, name)(n, m, dtype=object)
    assert type(result) is int
    assert result == expected(name, n, m)


@given(
    m=st.integers(1, 2**63 - 1), a=st.integers(-(10**30), 10**30), b=st.integers(-(10**30), 10**30)
)
@settings(max_examples=60, deadline=None)
def test_addition_formula(m, a, b):
    def f(k):
        return mypackage.fibonacci_mod(k, m, dtype=object)

    assert f(a + b) == (f(a) * f(b + 1) + f(a - 1) * f(b)) % m


@pytest.mark.parametrize("mix", list(itertools.product("lL", repeat=4)))
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_lucas_sequences(mix, data):
    values = [data.draw(WORDS[kind]) for kind in mix[:3]] + [data.draw(moduli(mix[3]))]
    p, q, n, m = values
    assume(n >= 0 or math.gcd(q, m) == 1)
    arrays = [
        np.array([value], dtype=DTYPES[kind]) for value, kind in zip(values, mix, strict=True)
    ]
    u, v = mypackage.lucasu_mod(*arrays), mypackage.lucasv_mod(*arrays)
    assert u.dtype == v.dtype == arrays[3].dtype
    assert (u[0], v[0]) == reference.lucas_sequences_mod(p, q, n, m)
    # The same by the tables for many indices, and in objects.
    arrays[2] = np.repeat(arrays[2], 200)
    assert set(mypackage.lucasu_mod(*arrays).tolist()) == {int(u[0])}
    assert mypackage.lucasv_mod(p, q, n, m, dtype=object) == v[0]


def test_lucas_sequences_against_gmpy2():
    gmpy2 = pytest.importorskip("gmpy2")
    rng = np.random.default_rng(7)
    p, q = rng.integers(2, 1000, (2, 300))
    n, m = rng.integers(1, 2**63 - 1, (2, 300))
    usable = p * p != 4 * q
    p, q, n, m = (array[usable] for array in (p, q, n, m))
    arguments = list(zip(p.tolist(), q.tolist(), n.tolist(), m.tolist(), strict=True))
    assert mypackage.lucasu_mod(p, q, n, m).tolist() == [gmpy2.lucasu_mod(*a) for a in arguments]
    assert mypackage.lucasv_mod(p, q, n, m).tolist() == [gmpy2.lucasv_mod(*a) for a in arguments]


@pytest.mark.parametrize("kwargs", [{}, {"dtype": object}])
def test_a_negative_index_needs_an_invertible_q(kwargs):
    for function in mypackage.lucasu_mod, mypackage.lucasv_mod:
        with pytest.raises(ValueError, match=r"n=-3 needs Q to be invertible .* Q=2 and m=6"):
            function(3, 2, -3, 6, **kwargs)


def test_a_modulus_of_zero_is_as_in_numpy():
    functions = [
        lambda m: mypackage.fibonacci_mod(5, m),
        lambda m: mypackage.lucas_mod(np.arange(3), m),
        lambda m: mypackage.lucasu_mod(3, 2, 5, m),
        lambda m: mypackage.lucasv_mod(3, 2, 5, m),
        mypackage.pisano_period,
    ]
    for function in functions:
        for zero in np.int64(0), np.uint64(0):
            with pytest.warns(RuntimeWarning, match="divide by zero"):
                assert not np.any(function(zero))
            with np.errstate(divide="ignore"):
                assert not np.any(function(zero))
            with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
                function(zero)
        with pytest.raises(ZeroDivisionError):
            function(np.array(0, dtype=object))
    with np.errstate(divide="ignore"):
        m = np.array([7, 0, -7])
        assert mypackage.fibonacci_mod(10, m).tolist() == [6, 0, -1]
        # Many elements, so that other threads meet the zero.
        many = np.tile(m, 10_000)
        assert mypackage.fibonacci_mod(10, many).tolist() == [6, 0, -1] * 10_000


def test_accumulate_and_reduce_go_element_by_element():
    values = np.arange(10, 60)[::-1].copy()
    running = [int(values[0])]
    for m in values[1:].tolist():
        running.append(reference.fibonacci_mod(running[-1], m))
    assert mypackage.fibonacci_mod.accumulate(values).tolist() == running
    assert mypackage.fibonacci_mod.reduce(values) == running[-1]


@pytest.mark.parametrize("bad", [1.0, 1j, "7", None])
def test_what_is_no_integer_is_a_type_error(bad):
    for arguments in ((bad, 7), (7, bad)):
        with pytest.raises(TypeError):
            mypackage.fibonacci_mod(*arguments)
        with pytest.raises(TypeError):
            mypackage.lucas_mod(*(np.array([x], dtype=object) for x in arguments))


def test_periods_of_all_small_numbers():
    m = np.arange(1, 1500)
    periods = [reference.pisano_period(k) for k in m.tolist()]
    assert mypackage.pisano_period(m).tolist() == periods
    assert mypackage.pisano_period(-m).tolist() == periods
    assert mypackage.pisano_period(m.astype(np.uint64)).tolist() == periods
    assert mypackage.pisano_period(m[:200].astype(object)).tolist() == periods[:200]


def is_least_period(k, m):
    """F has period k modulo m, and no shorter one by a prime factor."""
    sympy = pytest.importorskip("sympy")

    def holds(k):
        return reference.fibonacci_mod(k, m) == 0 and reference.fibonacci_mod(k + 1, m) == 1 % m

    return holds(k) and not any(holds(k // q) for q in sympy.factorint(k))


@given(m=st.integers(0, 59).flatmap(lambda bits: st.integers(1, 2**bits)))
@settings(max_examples=60, deadline=None)
def test_periods_of_large_numbers(m):
    assert is_least_period(int(mypackage.pisano_period(m)), m)


def test_periods_of_special_numbers():
    primes = [2**31 - 1, 2**61 - 1, 10**9 + 7, 2**64 - 59]
    cases = [*primes, (2**31 - 1) ** 2, 5**27, 2**63, 2**64 - 1, (10**9 + 7) * (10**9 + 9)]
    for m in cases:
        try:
            period = int(mypackage.pisano_period(np.uint64(m)))
        except OverflowError:
            period = mypackage.pisano_period(m, dtype=object)
            assert period >= 2**64
        assert is_least_period(period, m)


def test_periods_beyond_64_bits():
    assert mypackage.pisano_period(10**40, dtype=object) == 15 * 10**39
    for m in (2**89 - 1, 10**30 + 57, 3**80, (10**9 + 7) * (2**61 - 1) * 12):
        assert is_least_period(mypackage.pisano_period(m, dtype=object), m)


def test_a_period_that_does_not_fit_is_named():
    m = 2 * 5**26
    with pytest.raises(
        OverflowError, match=rf"^pisano_period\({m}\) is {6 * m}, .*int64.*dtype=object"
    ):
        mypackage.pisano_period(np.array([1, m]))
    assert mypackage.pisano_period(np.uint64(m)) == 6 * m
    assert mypackage.pisano_period(m, dtype=object) == 6 * m


def test_long_work_can_be_interrupted():
    """The factors below are out of reach; the test ends because the interrupt does."""
    hopeless = (2**127 - 1) * (2**107 - 1)
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            mypackage.pisano_period(hopeless, dtype=object)
    finally:
        timer.cancel()
