"""Same elements, same bits: any order, layout, chunking, CPU, number of threads, process."""

import hashlib
import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layouts import LAYOUTS, arrays
from reference import reduce

import mypackage
from mypackage._core.reductions import REDUCTIONS


def wide(size: int, seed: int = 0, dtype="d") -> np.ndarray:
    """Numbers of many scales that nearly cancel."""
    rng = np.random.default_rng(seed)
    a = rng.standard_normal(size) * 2.0 ** rng.integers(-60, 60, size)
    a[size // 2 : size // 2 * 2] = -a[: size // 2] * (1 + 2.0**-52)
    return a.astype(dtype)


def bits(x) -> str:
    return np.asarray(x).tobytes().hex()


@given(arrays(["d", "f", "e", "D"], finite=False), st.randoms(use_true_random=False))
def test_order(a, random):
    """Any permutation."""
    shuffled = a.ravel().tolist()
    random.shuffle(shuffled)
    shuffled = np.array(shuffled, a.dtype)
    with np.errstate(all="ignore"):
        assert bits(mypackage.sum(a)) == bits(mypackage.sum(shuffled))
        if a.size:
            assert bits(mypackage.mean(a)) == bits(mypackage.mean(shuffled))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["d", "f", "D", "e"])
def test_layout(layout, dtype):
    """Any memory, along any axis."""
    a = np.random.default_rng(2).standard_normal((40, 9, 70)).astype(dtype)
    view = LAYOUTS[layout](a)
    for axis in (None, 0, 1, 2, (0, 2)):
        for name in REDUCTIONS:
            function = getattr(mypackage, name)
            assert bits(function(view, axis)) == bits(function(a, axis))


@pytest.mark.parametrize("size", [1000, 4097, 300_001])
def test_order_of_many(size):
    """Orders that meet the kernels with other scales first."""
    a = wide(size)
    expected = bits(mypackage.sum(a))
    rng = np.random.default_rng(1)
    for view in (
        a[::-1],
        np.sort(a),
        a[np.argsort(abs(a))],
        rng.permutation(a),
        rng.permutation(a),
    ):
        assert bits(mypackage.sum(view)) == expected


def test_chunking():
    """The sum of the parts is the sum, where the parts' sums are exact."""
    a = np.random.default_rng(0).integers(-(2**40), 2**40, 100_000).astype(float)
    for pieces in (2, 3, 7, 1000):
        parts = [mypackage.sum(part) for part in np.array_split(a, pieces)]
        assert mypackage.sum(parts) == mypackage.sum(a)


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_threads(axis):
    """1, 2, 3 and 7 of them."""
    for dtype in "dfeqD":
        a = np.random.default_rng(5).integers(-99, 99, (701, 801)).astype(dtype)
        a = a if dtype == "q" else a / a.dtype.type(7)
        seen = set()
        for n in (1, 2, 3, 7):
            with mypackage.threads(n):
                seen.add(bits(mypackage.sum(a, axis)))
        assert len(seen) == 1


def test_callers_in_threads():
    """Calls from eight Python threads that take turns often, on separate and on shared arrays."""
    arrays = [wide(100_000, seed).reshape(250, 400) for seed in range(8)]
    labels = np.arange(250) % 7

    def results(a):
        return [
            bits(mypackage.sum(a)),
            bits(mypackage.mean(a, axis=0)),
            bits(mypackage.vecdot(a, a)),
            bits(mypackage.group_sum(labels, a, axis=0)),
            bits(mypackage.cumsum(a[0])),
            bits(mypackage.var(a, axis=1)),
        ]

    expected = [results(a) for a in arrays]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            own = pool.map(lambda i: [results(arrays[i]) for _ in range(3)], range(8))
            assert list(own) == [[of_one] * 3 for of_one in expected]
            shared = pool.map(lambda _: [results(arrays[0]) for _ in range(3)], range(8))
            assert list(shared) == [[expected[0]] * 3] * 8
    finally:
        sys.setswitchinterval(interval)


def test_array_written_during_the_call():
    """A wrong number then, but nothing worse."""
    a = np.ones(1_000_000)
    stop = threading.Event()

    def scribble():
        rng = np.random.default_rng(0)
        while not stop.is_set():
            a[rng.integers(0, a.size, 1000)] = rng.choice([1e300, -1.0, np.nan, 5e-324], 1000)

    writer = threading.Thread(target=scribble)
    writer.start()
    try:
        with np.errstate(all="ignore"):
            for axis in (None, 0):
                for _ in range(10):
                    assert mypackage.sum(a.reshape(1000, 1000), axis=axis).dtype == float
    finally:
        stop.set()
        writer.join()


def _child(a, queue):
    queue.put(bits(mypackage.sum(a)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_fork():
    """A child of a process whose thread pool is running computes, and does not hang."""
    a = wide(600_000)
    with mypackage.threads(2):
        expected = bits(mypackage.sum(a))
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()
        child = context.Process(target=_child, args=(a, queue))
        child.start()
        child.join(30)
        alive = child.is_alive()
        if alive:
            child.kill()
        assert not alive
        assert queue.get() == expected
        assert bits(mypackage.sum(a)) == expected


# -- Other CPUs -----------------------------------------------------------------------------------


def ours(name, a, axis):
    with np.errstate(all="ignore"):
        return getattr(mypackage, name)(a, axis=axis)


def golden(reduce=ours) -> str:
    """A digest of the bits of many results, from elements that integers define."""
    state, raw = 12345, np.empty(6000, "u8")
    for i in range(raw.size):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        raw[i] = state
    digest = hashlib.sha256()
    u, exponent = np.uint64, raw % np.uint64(2039)
    for exponents in (exponent, exponent % u(30) + u(1000), exponent % u(30)):
        double = (raw & u(2**63 + 2**52 - 1) | exponents << u(52)).view("f8")
        single = (raw & u(2**31 + 2**23 - 1) | exponents % u(254) << u(23)).astype("u4").view("f4")
        half = (raw & u(2**15 + 2**10 - 1) | exponents % u(31) << u(10)).astype("u2").view("f2")
        complexes = double.view("c16"), single.view("c8")
        integers = raw[:500].view("u1"), raw >> u(16)
        for a in (double, np.sort(double), single, half, *complexes, *integers):
            for axis, shape in ((None, -1), (0, (100, -1)), (1, (100, -1)), (0, (-1, 4))):
                for name in REDUCTIONS:
                    result = reduce(name, a.reshape(shape), axis)
                    digest.update(np.asarray(result).astype(result.dtype.newbyteorder("<")))
    return digest.hexdigest()


def available_isas() -> list[str]:
    return mypackage._native.build_info()["isas_available"]


# What every machine must find.
GOLDEN = "5a16754566aac8daabbc5e9d917d7efd322b3d3dfd75bc32c3308de70483e825"


def test_golden_bits():
    """The bits of 384 results are those of every other machine, and of exact fractions."""
    assert golden() == GOLDEN
    assert golden(reduce) == GOLDEN


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize("threads", ["1", "3"])
def test_isa(isa, threads):
    """Each instruction set of this processor, in a process of its own."""
    environment = {**os.environ, "MYPACKAGE_ISA": isa, "MYPACKAGE_NUM_THREADS": threads}
    code = (
        "import test_invariance as t, mypackage\n"
        "isa = mypackage._native.build_info()['isa']\n"
        "print(isa, t.golden(), t.bits(mypackage.sum(t.wide(300_000))))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=os.path.dirname(__file__),
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == [isa, GOLDEN, bits(mypackage.sum(wide(300_000)))]


@pytest.mark.parametrize("isa", ["mmx", "AVX1024"])
def test_unknown_isa(isa):
    """A wrong name is an error at import that names the choices."""
    run = subprocess.run(
        [sys.executable, "-c", "import mypackage"],
        env={**os.environ, "MYPACKAGE_ISA": isa},
        capture_output=True,
        text=True,
    )
    assert run.returncode != 0
    assert isa in run.stderr and "baseline, avx2, avx512" in run.stderr
