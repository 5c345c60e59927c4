"""Ctrl-C ends long calls, on any number of threads, and leaves everything usable."""

import subprocess
import sys
import textwrap

import pytest

from mypackage._native import build_info

# Without an end to speak of; the memory is that of one number.
CALLS = {
    "sum": "mypackage.sum(huge(10**12))",
    "sum of integers": "mypackage.sum(huge(10**12, dtype='i4'))",
    "sum of rows": "mypackage.sum(huge(10**5, 10**7), axis=1)",
    "sum of columns": "mypackage.sum(np.broadcast_to(np.ones(600), (10**10, 600)), axis=0)",
    "sum of few columns": "mypackage.sum(np.broadcast_to(np.ones(3), (10**12, 3)), axis=0)",
    "sum where": "mypackage.sum(huge(10**12), where=huge(10**12, dtype='?'))",
    "nansum": "mypackage.nansum(huge(10**12, dtype='f4'))",
    "mean": "mypackage.mean(huge(10**6, 10**6), axis=(0, 1), dtype='f4')",
    "nanmean of columns": "mypackage.nanmean(np.broadcast_to(np.ones(9), (10**12, 9)), axis=0)",
    "complex sum": "mypackage.sum(huge(10**12, dtype='D'))",
    "vecdot": "mypackage.vecdot(huge(10**12), huge(10**12))",
    "vecdot of rows": "mypackage.vecdot(huge(10**5, 10**7), huge(10**7))",
    "vecdot of integers": "mypackage.vecdot(huge(10**12, dtype='i8'), huge(10**12, dtype='u1'))",
    "average": "mypackage.average(huge(10**12), weights=huge(10**12))",
    "group_sum": "mypackage.group_sum(np.arange(10**6) % 9, huge(10**5, 10**6))",
    "ExactSum": "mypackage.ExactSum().add(huge(10**12))",
    "ExactSum of columns": "mypackage.ExactSum(5).add(np.broadcast_to(np.ones(5), (10**12, 5)))",
    "pisano_period": "mypackage.pisano_period((10**300 + 7) * (10**301 + 9))",
    "fibonacci_mod": "mypackage.fibonacci_mod(10**100_000, 10**100_000 + 7, dtype=object)",
    "fibonacci": "mypackage.fibonacci(np.arange(10**9, 10**9 + 10), dtype=object)",
}

# Results take memory, so these calls do end, after a while. An `out` that holds what it held before
# tells that they did not.
CALLS_WITH_OUT = {
    "cumsum": ("mypackage.cumsum(hard, axis=1, out=out)", (100, 10**5)),
    "cumsum of one line": ("mypackage.cumsum(hard, out=out)", (10**7,)),
    "sum of short rows": ("mypackage.sum(rows, axis=2, out=out)", (5000, 1000)),
}

SETUP = """
import _thread, sys, threading, time
import numpy as np
import mypackage

mypackage.set_num_threads(int(sys.argv[1]))

def huge(*shape, dtype=float):
    return np.broadcast_to(np.ones(1, dtype), shape)

def interrupted(name, call):
    # CPython remembers an interrupt that leaves eval() of a string, even if it is caught.
    code = compile(call, name, "eval")
    timer = threading.Timer(0.15, _thread.interrupt_main)
    timer.start()
    try:
        eval(code)
    except KeyboardInterrupt:
        pass
    else:
        sys.exit(name + " was not interrupted")
    timer.join()
    # The next calls are as good as ever.
    a = np.arange(300_000.0).reshape(-1, 3)
    assert mypackage.sum(a) == mypackage.sum(a, axis=0).sum() == 300_000 * 299_999 // 2, name
"""


def run(code: str, threads: int) -> str:
    """What a Python program prints; it fails if it does not end in good time."""
    command = [sys.executable, "-c", SETUP + textwrap.dedent(code), str(threads)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("threads", [1, 2])
def test_calls_without_end(threads):
    code = f"""
    for name, call in {CALLS!r}.items():
        interrupted(name, call)
    print("done")
    """
    assert run(code, threads) == "done\n"


@pytest.mark.parametrize("threads", [1, 2])
def test_out_is_left_alone(threads):
    code = f"""
    rng = np.random.default_rng(0)
    hard = np.ldexp(rng.standard_normal(10**5), rng.integers(-500, 500, 10**5))
    hard = np.broadcast_to(hard, (100, 10**5))
    rows = np.broadcast_to(np.ones((1000, 1000)), (5000, 1000, 1000))

    for name, (call, shape) in {CALLS_WITH_OUT!r}.items():
        out = np.full(shape, 7.0)
        interrupted(name, call)
        assert (out == 7).all(), name
    print("done")
    """
    assert run(code, threads) == "done\n"


def test_handlers_that_return():
    """A handler runs during the call, once for its signal, and the call goes on."""
    # With checks of overflow, bytes are added a hundred times slower.
    count = 4 * 10**9 if build_info()["profile"] == "release" else 10**8
    code = f"""
    import signal

    seen = []
    signal.signal(signal.SIGINT, lambda *_: seen.append("seen"))
    threading.Timer(0.15, _thread.interrupt_main).start()
    a = huge({count}, dtype="u1")
    print(int(mypackage.sum(a)), *seen)
    """
    assert run(code, 1) == f"{count} seen\n"


def test_other_threads_are_left_alone():
    """Signals are the main thread's; a call on another one ends with its result."""
    code = """
    results = []
    worker = threading.Thread(target=lambda: results.append(int(mypackage.sum(huge(4 * 10**9)))))
    worker.start()
    threading.Timer(0.15, _thread.interrupt_main).start()
    try:
        while not results:
            time.sleep(0.01)
    except KeyboardInterrupt:
        print("interrupted")
    worker.join()
    print(results)
    """
    assert run(code, 2) == f"interrupted\n[{4 * 10**9}]\n"
