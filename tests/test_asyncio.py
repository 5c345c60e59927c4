"""Sums on other threads: the event loop goes on, and can stop them being waited for."""

import asyncio
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import mypackage
from mypackage import capi

INTERFACES = [pytest.param(mypackage.sum, id="pyo3"), pytest.param(capi.sum, id="ctypes")]


@pytest.fixture(scope="module")
def numbers():
    return np.random.default_rng(6).normal(size=12_000_000)


@pytest.fixture(autouse=True)
def one_thread():
    """The longest time in the kernel for a given size."""
    before = capi.get_num_threads()
    capi.set_num_threads(1)
    with mypackage.threads(1):
        yield
    capi.set_num_threads(before)


def timed(function, numbers):
    start = time.perf_counter()
    total = function(numbers)
    return start, time.perf_counter(), total


@pytest.mark.parametrize("function", INTERFACES)
def test_the_loop_ticks_during_a_sum(function, numbers):
    async def main():
        ticks = []
        task = asyncio.create_task(asyncio.to_thread(timed, function, numbers))
        while not task.done():
            ticks.append(time.perf_counter())
            await asyncio.sleep(0)
        start, end, total = await task
        assert total == function(numbers)
        return sum(start < tick < end for tick in ticks)

    # With the GIL held there would be none, or one before the kernel begins, however often it runs;
    # without it, a busy machine may still let one of the threads wait.
    assert any(asyncio.run(main()) > 3 for _ in range(20))


@pytest.mark.parametrize("function", INTERFACES)
def test_two_sums_run_at_once(function, numbers):
    async def main():
        runs = [asyncio.to_thread(timed, function, a) for a in (numbers, numbers[::-1])]
        return await asyncio.gather(*runs)

    for _ in range(20):
        (start, end, total), (other_start, other_end, other_total) = asyncio.run(main())
        assert total == other_total
        if max(start, other_start) < min(end, other_end):
            return
    pytest.fail("no two sums overlapped")


@pytest.mark.parametrize("function", INTERFACES)
def test_a_cancelled_sum_is_forgotten(function, numbers):
    started, cancelled, totals = threading.Event(), threading.Event(), []

    def work():
        started.set()
        # (On a busy processor, a single sum may end before it is cancelled.)
        while not cancelled.is_set():
            totals.append(function(numbers))

    async def main():
        task = asyncio.create_task(asyncio.to_thread(work))
        while not started.is_set():
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        cancelled.set()
        return await asyncio.to_thread(function, numbers)

    expected = function(numbers)
    assert asyncio.run(main()) == expected
    # The thread came to its end by itself, and nobody had to know.
    assert set(totals) == {expected}


FOREVER = """
import asyncio, sys, threading
import numpy as np, mypackage
from mypackage import capi

async def main(function):
    a = np.ones(1_000_000)
    stop = threading.Event()

    def work():
        while not stop.is_set():
            function(a)

    try:
        print("ready", flush=True)
        await asyncio.to_thread(work)
    finally:
        stop.set()

asyncio.run(main({"pyo3": mypackage.sum, "ctypes": capi.sum}[sys.argv[1]]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
@pytest.mark.parametrize("interface", ["pyo3", "ctypes"])
def test_ctrl_c_is_clean(interface):
    command = [sys.executable, "-c", FOREVER, interface]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            # Until the loop waits and the kernel works.
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGINT
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert "panicked" not in errors
