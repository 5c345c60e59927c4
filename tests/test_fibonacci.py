"""`fibonacci`, `lucas`, `fibonacci_pair`, `fibonacci_index`, `is_fibonacci`: exact or an error."""

import _thread
import math
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

import mypackage

SEQUENCES = {"fibonacci": reference.fibonacci, "lucas": reference.lucas}
# Name, dtype, smallest and largest index that fits.
RANGES = [
    ("fibonacci", np.int64, -92, 92),
    ("fibonacci", np.uint64, 0, 93),
    ("lucas", np.int64, -90, 90),
    ("lucas", np.uint64, 0, 92),
]


@pytest.mark.parametrize(("name", "dtype", "low", "high"), RANGES)
def test_every_value_that_fits(name, dtype, low, high):
    n = np.arange(low, high + 1).astype(dtype)
    result = getattr(mypackage, name)(n)
    assert result.dtype == dtype
    assert result.tolist() == [SEQUENCES[name](k) for k in n.tolist()]


@pytest.mark.parametrize(("name", "dtype", "low", "high"), RANGES)
def test_the_first_that_does_not_fit_is_named(name, dtype, low, high):
    function = getattr(mypackage, name)
    bad = [high + 1, np.iinfo(dtype).max] + ([low - 1, np.iinfo(dtype).min] if low else [])
    for n in bad:
        # The largest that fits says that the limit is not too low.
        with pytest.raises(OverflowError, match=rf"^{name}\({n}\) does not fit {np.dtype(dtype)}"):
            function(np.array([low, n, high + 7], dtype=dtype))
        with pytest.raises(OverflowError, match=rf"dtype=object.*{name}_mod"):
            function(dtype(n))


def test_the_first_offender_of_a_large_array_is_named_whatever_the_threads():
    n = np.zeros(3_000_000, dtype=np.int64)
    n[1_000_000:] = np.arange(2_000_000) + 93
    for count in 1, 2, 3:
        with mypackage.threads(count), pytest.raises(OverflowError, match=r"^fibonacci\(93\)"):
            mypackage.fibonacci(n)
    # Cast input comes in chunks, all of which NumPy runs.
    with pytest.raises(OverflowError, match=r"^fibonacci\(93\)"):
        mypackage.fibonacci(n.astype(np.int32))
    # After an error the same thread computes again.
    assert mypackage.fibonacci(10) == 55


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "u1", "u2", "u4", "bool"])
def test_smaller_integers_are_cast_up(dtype):
    n = np.array([0, 1, 1, 0, 1], dtype=dtype)
    assert mypackage.fibonacci(n).dtype == np.int64
    assert mypackage.fibonacci(n).tolist() == [0, 1, 1, 0, 1]


@pytest.mark.parametrize("name", ["fibonacci", "lucas", "fibonacci_pair", "fibonacci_index"])
@pytest.mark.parametrize("bad", [1.0, 1j, np.float32(2), "3", None, np.datetime64("2020-01-01")])
def test_what_is_no_integer_is_a_type_error(name, bad):
    with pytest.raises(TypeError):
        getattr(mypackage, name)(bad)
    with pytest.raises(TypeError):
        getattr(mypackage, name)(np.array([bad], dtype=object))


def test_objects_name_the_offending_entry():
    with pytest.raises(TypeError, match=r"fibonacci takes integers, not 1\.5 of type float"):
        mypackage.fibonacci(np.array([3, 1.5], dtype=object))


@pytest.mark.parametrize("name", SEQUENCES)
def test_objects_in_any_order(name):
    function, oracle = getattr(mypackage, name), SEQUENCES[name]
    expected = {n: oracle(n) for n in range(-400, 401)}
    rng = np.random.default_rng(5)
    for n in (np.arange(-400, 401), rng.integers(-400, 401, 1000), np.arange(400, -401, -7)):
        result = function(n.astype(object))
        assert result.tolist() == [expected[k] for k in n.tolist()]
        assert {type(value) for value in result} == {int}
    assert function(-300, dtype=object) == expected[-300]


@given(n=st.lists(st.integers(0, 20_000), min_size=2, max_size=12))
@settings(max_examples=40, deadline=None)
def test_objects_share_work_and_nothing_else(n):
    """A batch gives what single calls give."""
    for function in mypackage.fibonacci, mypackage.lucas:
        batch = function(np.array(n, dtype=object))
        assert batch.tolist() == [function(k, dtype=object) for k in n]


@given(m=st.integers(-(10**5), 10**5), n=st.integers(-(10**5), 10**5))
@settings(max_examples=40, deadline=None)
def test_identities_of_large_numbers(m, n):
    def f(k):
        return mypackage.fibonacci(k, dtype=object)

    assert f(n - 1) * f(n + 1) - f(n) ** 2 == (-1) ** (n % 2)  # Cassini
    assert f(m + n) == f(m) * f(n + 1) + f(m - 1) * f(n)  # addition
    assert math.gcd(f(m), f(n)) == abs(f(math.gcd(m, n)))
    assert mypackage.lucas(n, dtype=object) == f(n - 1) + f(n + 1)
    assert f(2 * n) == f(n) * mypackage.lucas(n, dtype=object)


@pytest.mark.parametrize("n", [10**4, 10**5 + 1, 10**6, 3_333_333])
def test_huge_numbers(n):
    """Large enough for number theoretic transforms."""
    gmpy2 = pytest.importorskip("gmpy2")
    for count in 1, 2:
        with mypackage.threads(count):
            assert mypackage.fibonacci(n, dtype=object) == int(gmpy2.fib(n))
            assert mypackage.lucas(n, dtype=object) == int(gmpy2.lucas(n))


@pytest.mark.parametrize("name", ["fibonacci", "lucas", "fibonacci_pair"])
def test_too_large_is_refused_with_its_size(name):
    function = getattr(mypackage, name)
    message = rf"^{name}\({10**18}\) has 86780239203827\d+ bytes, too large"
    with pytest.raises(OverflowError, match=message):
        function(10**18, dtype=object)
    for n in (2**70, -(2**70), 2**63):
        with pytest.raises(OverflowError, match=rf"^{name}\({n}\) has more than"):
            function(np.array([n], dtype=object))


def test_long_work_can_be_interrupted():
    """The index below takes minutes; the test ends because the interrupt does."""
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            mypackage.fibonacci(2 * 10**9, dtype=object)
    finally:
        timer.cancel()


def test_pairs():
    n = np.arange(-92, 92)
    here, following = mypackage.fibonacci_pair(n)
    assert here.tolist() == [reference.fibonacci(k) for k in n.tolist()]
    assert following.tolist() == [reference.fibonacci(k + 1) for k in n.tolist()]
    here, following = mypackage.fibonacci_pair(np.arange(93, dtype=np.uint64))
    assert here.dtype == following.dtype == np.uint64
    assert following[92] == reference.fibonacci(93)
    here, following = mypackage.fibonacci_pair(np.arange(-200, 200).astype(object))
    assert here.tolist() == [reference.fibonacci(k) for k in range(-200, 200)]
    assert following.tolist() == [reference.fibonacci(k + 1) for k in range(-200, 200)]


@pytest.mark.parametrize(("dtype", "bad"), [(np.int64, 92), (np.int64, -93), (np.uint64, 93)])
def test_pairs_that_do_not_fit(dtype, bad):
    with pytest.raises(OverflowError, match=rf"^fibonacci_pair\({bad}\) does not fit"):
        mypackage.fibonacci_pair(np.array([5, bad], dtype=dtype))


def test_index_and_membership_of_small_numbers():
    index = {}
    for n in [*range(-30, 0)][::-1] + [*range(30)][::-1]:
        index[reference.fibonacci(n)] = n
    # A positive number has its index from n >= 0: those were written last.
    x = np.arange(-1000, 1001)
    expected = [index.get(k, -1) for k in x.tolist()]
    for dtype in np.int64, object:
        assert mypackage.fibonacci_index(x.astype(dtype)).tolist() == expected
        assert mypackage.is_fibonacci(x.astype(dtype)).tolist() == [k in index for k in x.tolist()]
    positive = x[x >= 0].astype(np.uint64)
    assert mypackage.fibonacci_index(positive).tolist() == expected[1000:]
    assert mypackage.is_fibonacci(positive).dtype == bool


def test_index_at_the_ends_of_the_types():
    top = mypackage.fibonacci(np.uint64(93))
    assert mypackage.fibonacci_index(
        np.array([top, top - 1, 2**64 - 1], dtype=np.uint64)
    ).tolist() == [93, -1, -1]
    extremes = np.array([np.iinfo(np.int64).min, np.iinfo(np.int64).max], dtype=np.int64)
    assert mypackage.fibonacci_index(extremes).tolist() == [-1, -1]
    assert mypackage.fibonacci_index(mypackage.fibonacci(np.int64(-92))) == -92


@given(n=st.integers(3, 30_000), sign=st.sampled_from([1, -1]), change=st.integers(-3, 3))
@settings(max_examples=60, deadline=None)
def test_index_of_large_numbers(n, sign, change):
    n *= sign
    x = mypackage.fibonacci(n, dtype=object)
    found = mypackage.fibonacci_index(x + change, dtype=object)
    assert mypackage.is_fibonacci(np.array([x + change], dtype=object))[0] == (found != -1)
    if found != -1:
        assert mypackage.fibonacci(found, dtype=object) == x + change
    if change == 0:
        assert found == (n if n > 0 or n % 2 == 0 else -n)
    elif abs(n) > 10:
        assert found == -1


@pytest.mark.parametrize(("name", "dtype", "low", "high"), RANGES)
@pytest.mark.parametrize("skipped", [0, 1, 6])
def test_arrays_beyond_the_caches(name, dtype, low, high, skipped):
    """Their results are stored past the caches, from the first aligned element on."""
    table = np.array([SEQUENCES[name](k) for k in range(low, high + 1)], dtype=dtype)
    index = np.random.default_rng(6).integers(0, high - low + 1, 2**21 + 13)
    n = (index + low).astype(dtype)[skipped:]
    out = np.full(n.size + 2 * 8, 7, dtype=dtype)
    inner = out[8 - skipped : 8 - skipped + n.size]
    for count in 1, 2:
        inner[:] = 5
        with mypackage.threads(count):
            assert getattr(mypackage, name)(n, out=inner) is inner
        np.testing.assert_array_equal(inner, table[index[skipped:]])
        assert set(out[: 8 - skipped]) | set(out[8 - skipped + n.size :]) == {7}
    # In place, and shifted onto itself.
    buffer = np.concatenate([n, n[:1]])
    getattr(mypackage, name)(buffer[:-1], out=buffer[1:])
    np.testing.assert_array_equal(buffer[1:], inner)
    getattr(mypackage, name)(n, out=n)
    np.testing.assert_array_equal(n, inner)


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_every_instruction_set_gives_the_same(isa):
    if isa not in mypackage._native.build_info()["isas_available"]:
        pytest.skip(f"this processor has no {isa}")
    code = """if True:
        import numpy as np, mypackage, test_fibonacci as tests
        for row in tests.RANGES:
            tests.test_every_value_that_fits(*row)
            tests.test_the_first_that_does_not_fit_is_named(*row)
            tests.test_arrays_beyond_the_caches(*row, 1)
        tests.test_pairs()
        n = np.arange(1, 2000)
        print(mypackage._native.build_info()["isa"], np.dot(mypackage.pisano_period(n), n))
    """
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"MYPACKAGE_ISA": isa},
        cwd=os.path.dirname(__file__),
        capture_output=True,
        text=True,
        check=True,
    )
    n = np.arange(1, 2000)
    expected = sum(reference.pisano_period(k) * k for k in n.tolist())
    assert run.stdout.split() == [isa, str(expected)]


BAD_IN_THE_MIDDLE = {
    # The dtype, the number of elements, an offender and an element that is none.
    "fibonacci": (np.int64, 10**7, 93, 5),
    "lucas": (np.uint64, 10**7, 93, 5),
    "fibonacci_pair": (np.int64, 10**7, 92, 5),
    "pisano_period": (np.int64, 10**5, 2 * 5**26, 10),
}


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("name", BAD_IN_THE_MIDDLE)
def test_an_error_ends_the_work(name, count):
    """What comes long after the offender is not computed."""
    dtype, size, bad, good = BAD_IN_THE_MIDDLE[name]
    function = getattr(mypackage, name)
    n = np.full(size, good, dtype=dtype)
    n[size // 100] = bad
    out = tuple(np.zeros(size, dtype=dtype) for _ in range(function.nout))
    with mypackage.threads(count), pytest.raises(OverflowError, match=rf"^{name}\({bad}\)"):
        function(n, out=out)
    for values in out:
        assert values[0] != 0
        assert values[-size // 10 :].tolist() == [0] * len(values[-size // 10 :])


@pytest.mark.parametrize("name", ["fibonacci", "lucas", "fibonacci_pair"])
def test_an_error_ends_the_work_on_objects(name):
    function = getattr(mypackage, name)
    n = np.full(1000, 5, dtype=object)
    n[500], n[501] = "five", Stubborn()
    with pytest.raises(TypeError, match="five"):
        function(n)


class Stubborn:
    """Fails the test if it is asked for its value."""

    def __index__(self):
        pytest.fail("asked after an error")
