"""The package's functions inside numba's compiled code."""

import subprocess
import sys

import numpy as np
import pytest
from reference import exact_vecdot, fibonacci, fibonacci_mod

import mypackage

numba = pytest.importorskip("numba")
import mypackage.numba  # noqa: E402
from mypackage import capi  # noqa: E402

NUMBERS = np.random.default_rng(5).normal(size=3000) * 10.0 ** np.arange(-30, 30).repeat(50)


@numba.njit
def compiled_sum(a):
    return mypackage.sum(a)


@numba.njit
def compiled_vecdot(x, y):
    return mypackage.vecdot(x, y)


@numba.njit
def compiled_capi_vecdot(x, y):
    return capi.vecdot(x, y)


@numba.njit
def compiled_fibonacci(n):
    return mypackage.fibonacci(n)


@numba.njit
def compiled_fibonacci_mod(n, m):
    return mypackage.fibonacci_mod(n, m)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("step", [1, -1, 7, -3])
def test_sum_along_an_axis(dtype, step):
    a = NUMBERS.astype(dtype)[::step]
    total = compiled_sum(a)
    assert dtype(total).tobytes() == mypackage.sum(a).tobytes()


@pytest.mark.parametrize("order", ["C", "F"])
def test_sum_of_contiguous_axes(order):
    a = np.asarray(NUMBERS.reshape(30, 10, 10), order=order)
    assert compiled_sum(a) == mypackage.sum(NUMBERS)
    assert compiled_sum(a[:0]) == 0.0


@pytest.mark.parametrize("compiled", [compiled_vecdot, compiled_capi_vecdot])
@pytest.mark.parametrize("step", [1, -1, 7])
def test_vecdot(compiled, step):
    x, y = NUMBERS[::step], NUMBERS[::-step] * 1e-3
    assert compiled(x, y) == mypackage.vecdot(x, y) == exact_vecdot(x, y)
    assert compiled(x[:0], y[:0]) == 0.0
    with pytest.raises(ValueError, match="equal length"):
        compiled(x, y[1:])


def test_vecdot_in_a_loop():
    @numba.njit
    def gram(rows):
        products = np.empty((rows.shape[0], rows.shape[0]))
        for i in range(rows.shape[0]):
            for j in range(rows.shape[0]):
                products[i, j] = mypackage.vecdot(rows[i], rows[j])
        return products

    rows = NUMBERS.reshape(6, 500)
    expected = mypackage.vecdot(rows[:, None], rows[None, :])
    assert gram(rows).tobytes() == expected.tobytes()


def test_fibonacci():
    assert [compiled_fibonacci(n) for n in range(-92, 93)] == [fibonacci(n) for n in range(-92, 93)]
    assert compiled_fibonacci(np.uint64(93)) == fibonacci(93)
    assert compiled_fibonacci(np.int8(-6)) == -8
    for bad in (93, -93, np.uint64(94)):
        with pytest.raises(OverflowError, match="does not fit"):
            compiled_fibonacci(bad)


SIGNED = [0, 1, 2, 7, 90, 10**18, 2**63 - 1, -1, -6, -7, -90, -(10**18), -(2**63)]
UNSIGNED = [np.uint64(n) for n in (0, 1, 90, 10**18, 2**63, 2**64 - 1)]


@pytest.mark.parametrize("numbers", [SIGNED, UNSIGNED])
def test_fibonacci_mod(numbers):
    for n in numbers:
        for m in numbers:
            if m == 0:
                with pytest.raises(ZeroDivisionError):
                    compiled_fibonacci_mod(n, m)
            else:
                assert compiled_fibonacci_mod(n, m) == fibonacci_mod(int(n), int(m)), (n, m)


def test_what_is_not_supported_is_an_error_when_compiled():
    with pytest.raises(numba.TypingError):
        compiled_sum(np.arange(3))
    with pytest.raises(numba.TypingError):
        compiled_sum(np.ones((4, 4))[::2, ::2])
    for bad in (np.arange(3), np.ones((2, 2)), np.ones(3, np.float32)):
        with pytest.raises(numba.TypingError):
            compiled_vecdot(bad, bad)
    with pytest.raises(numba.TypingError):
        compiled_fibonacci(1.0)
    with pytest.raises(numba.TypingError):
        compiled_fibonacci_mod(1, np.uint64(2))


def test_calls_from_several_threads():
    @numba.njit(parallel=True)
    def rows(a):
        totals = np.empty(a.shape[0])
        for i in numba.prange(a.shape[0]):
            totals[i] = mypackage.sum(a[i])
        return totals

    a = NUMBERS.reshape(60, 50)
    assert rows(a).tolist() == mypackage.sum(a, axis=1).tolist()


CACHED = """
import numba, numpy as np, mypackage

@numba.njit(cache=True)
def f(a):
    return mypackage.sum(a) + mypackage.fibonacci(10)

print(f(np.array([1e16, 1.0, -1e16])), sum(f.stats.cache_hits.values()))
"""


def test_numba_finds_the_module_and_may_cache(tmp_path):
    script = tmp_path / "cached.py"
    script.write_text(CACHED)
    for hits in (0, 1):
        result = subprocess.run(
            [sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path
        )
        assert result.stdout == f"56.0 {hits}\n", result.stderr


def test_moments():
    @numba.njit
    def moments(a):
        return mypackage.var(a), mypackage.std(a, 1), mypackage.var(a, ddof=0.5), mypackage.norm(a)

    values = np.random.default_rng(0).normal(size=(6, 7)) + 1e9
    for a in (values, values.T, values[1], values[:, 2][::-1]):
        expected = mypackage.ExactMoments().add(np.ravel(a))
        assert moments(a) == (expected.var(), expected.std(1), expected.var(0.5), expected.norm())
