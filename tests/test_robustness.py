"""Hostile surroundings: threads at exit, racing writes, little memory or stack, unmasked traps.

Most of it runs in processes of its own, which may be ended by the system.
"""

import json
import math
import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import mypackage
from mypackage import ExactSum, records

# Threads, memory and processors that nobody else should use meanwhile.
pytestmark = pytest.mark.xdist_group("serial")


def run(program, *arguments, timeout=300):
    """Run a program of its own; its output, and a negative return code for a signal."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
    )


# Daemon threads at exit

AT_EXIT = """
import sys, threading, time
from fractions import Fraction
import numpy as np
import mypackage

class Busy:
    "Runs Python code wherever NumPy asks it for something."
    def __float__(self):
        sum(range(99))
        return 0.5
    def __array__(self, dtype=None, copy=None):
        sum(range(99))
        return np.ones(3)

class Index:
    def __index__(self):
        sum(range(99))
        return 30

fractions = np.array([Fraction(1, n) for n in range(1, 99)], object)
integers = np.array([10**20 + n for n in range(999)], object)
indices = np.empty(9, object)
indices[:] = [Index()] * 9
total = mypackage.ExactSum()
calls = {
    "objects": lambda: mypackage.sum(integers),
    "fractions": lambda: mypackage.mean(fractions),
    "list": lambda: mypackage.sum([0.5] * 999),
    "array method": lambda: mypackage.sum(Busy()),
    "cumsum": lambda: mypackage.cumsum(Busy()),
    "average": lambda: mypackage.average(Busy(), weights=Busy()),
    "vecdot": lambda: mypackage.vecdot(Busy(), Busy()),
    "group_sum": lambda: mypackage.group_sum([0, 1, 0], Busy()),
    "ExactSum": lambda: total.add(Busy()),
    "iterator": lambda: total.add(sum(range(9)) for _ in range(99)),
    "fibonacci": lambda: mypackage.fibonacci(indices),
    "no Python code": lambda: mypackage.sum(big),
}
big = np.ones(10**6)
call = calls[sys.argv[1]]

def work():
    while True:
        call()

call()
for _ in range(6):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
print("end")
"""


@pytest.mark.parametrize(
    "call",
    [
        "objects",
        "fractions",
        "list",
        "array method",
        "cumsum",
        "average",
        "vecdot",
        "group_sum",
        "ExactSum",
        "iterator",
        "fibonacci",
        "no Python code",
    ],
)
def test_daemon_threads_do_not_end_the_process(call):
    """CPython unwinds them at exit before 3.14; that must not go through our frames."""
    for _ in range(2):
        finished = run(AT_EXIT, call)
        assert (finished.returncode, finished.stdout) == (0, "end\n"), finished.stderr


def test_threads_that_end_as_usual_are_let_go():
    """What waits for the end of a thread does not wait for ever."""

    def work():
        mypackage.sum([0.5, 0.25])

    for _ in range(50):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(60)
        assert not thread.is_alive()


# Racing writes


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
@pytest.mark.parametrize("name", ["fibonacci", "lucas", "fibonacci_pair", "fibonacci_index"])
def test_writes_of_another_thread_give_a_right_answer_or_error(name, dtype):
    """Every number is that of an index that was there; an error names one that is too large."""
    function = getattr(mypackage, name)
    n = np.full(400_000, 5, dtype)
    stop = threading.Event()

    def write():
        while not stop.is_set():
            n[::7] = 200
            n[::7] = 5

    valid = function(np.array([5], dtype))
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(60):
            try:
                results = function(n)
            except OverflowError as error:
                assert f"{name}(200) does not fit" in str(error)
                continue
            if name == "fibonacci_index":
                assert np.isin(results, [5, -1]).all()
                continue
            for result, expected in zip(np.atleast_2d(results), np.atleast_2d(valid), strict=True):
                assert (result == expected).all()
    finally:
        stop.set()
        writer.join()


# Little memory

LIMITED = """
import resource, sys, time
import numpy as np
import mypackage

def held():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()

threads, more, call = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
mypackage.set_num_threads(threads)
if sys.argv[4] == "warm":
    mypackage.fibonacci(np.array([10**6], object))
    time.sleep(0.3)  # for threads that have only just been started
# (Python 3.12 forgets to say that it has no memory to compile.)
code = compile(call, "call", "eval")
limit = held() + more
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    eval(code)
except MemoryError as error:
    print("MemoryError", error)
else:
    print("done")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sets Linux's limits")
@pytest.mark.parametrize(("threads", "state"), [(1, "cold"), (4, "warm"), (4, "cold")])
@pytest.mark.parametrize(
    "call",
    [
        "mypackage.fibonacci(np.array([10**7], object))",
        "mypackage.lucas(np.array([10**7, 3 * 10**6], object))",
        "mypackage.fibonacci_pair(np.array([5 * 10**6], object))",
    ],
)
def test_too_little_memory_is_an_error(call, threads, state):
    """Whatever the limit, there is a result or a MemoryError, never the end of the process."""
    outcomes = set()
    for more in [0, 3, 10, 22, 45, 120, 600]:
        finished = run(LIMITED, threads, more << 20, call, state)
        assert finished.returncode == 0, (more, finished.returncode, finished.stderr)
        outcomes.add(finished.stdout.split()[0])
    assert outcomes == {"done", "MemoryError"}


SMALL_LIMITS = """
import ctypes
import resource
import sys
import numpy as np
import mypackage

N = 100_000
rng = np.random.default_rng(0)
x, rows, columns = rng.random(N), rng.random((N, 3)), rng.random((3, N))
indices = np.arange(N)
states = mypackage.ExactSum(N).add(columns, axis=0)
moments = mypackage.ExactMoments(N).add(columns, axis=0)
data, numbers = states.to_bytes(), [0.1] * N

libc = ctypes.CDLL(None)

def held():
    # What the allocator keeps goes back, but for a little.
    getattr(libc, "malloc_trim", int)(400_000)
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()

mypackage.set_num_threads(1)
for call in sys.stdin.read().splitlines():
    print(call, file=sys.stderr)  # The last one is what ended the process.
    code = compile(call, "call", "eval")
    eval(code)
    outcomes = set()
    for more in [0.1, 0.4, 0.9, 1.4, 2, 3, 4, 6, 9, 14, 20, 30, 60, 200]:
        resource.setrlimit(resource.RLIMIT_AS, (held() + int(more * 1e6), -1))
        try:
            eval(code)
        except MemoryError:
            outcomes.add("MemoryError")
        else:
            outcomes.add("done")
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
    print(call, *sorted(outcomes))
"""

NEED_MEMORY = """
mypackage.sum(columns, axis=0)
mypackage.sum(numbers)
mypackage.average(columns, axis=0, weights=columns)
mypackage.cumsum(x)
mypackage.vecdot(rows, rows)
mypackage.group_sum(indices, x)
mypackage.group_mean(indices, x)
mypackage.group_cumsum(indices, x)
mypackage.group_nanmean(indices, x)
mypackage.group_var(indices // 2, x)
mypackage.group_var([0, 1, 0], columns, axis=0)
mypackage.group_count(indices, x)
mypackage.var(columns, axis=0)
mypackage.var(columns, axis=0, mean=x)
mypackage.norm(columns, axis=0)
mypackage.summarize(columns, axis=0)
mypackage.cov(rows[:300])
mypackage.move_sum(x, 100)
mypackage.move_var(x, N // 2)
mypackage.move_sum(x, start=indices[:-9], end=indices[9:])
mypackage.segment_sum(x, indices)
mypackage.ExactSum(N)
mypackage.ExactSum(N).add(columns, axis=0)
mypackage.ExactSum.from_values(x)
mypackage.ExactSum.from_bytes(data)
mypackage.ExactSum.stack([states, states])
states.to_bytes()
states.value()
states + states
-states
states * 7
states[::2]
mypackage.ExactMoments(N).add(columns, axis=0)
moments + moments
moments.to_bytes()
moments.var()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sets Linux's limits")
def test_no_buffer_ends_the_process():
    """A result or a MemoryError also where it is many results that take the memory."""
    # Large blocks come from the system and go back to it; small ones are there. (Another thread's
    # arena would have room that was set aside before the limit.)
    settings = {
        "MALLOC_ARENA_MAX": "1",
        "MALLOC_MMAP_THRESHOLD_": "32768",
        "MALLOC_TOP_PAD_": "400000",
        "MALLOC_TRIM_THRESHOLD_": "1000000000",
    }
    finished = subprocess.run(
        [sys.executable, "-c", SMALL_LIMITS],
        input=NEED_MEMORY.strip(),
        capture_output=True,
        text=True,
        env=os.environ | settings,
    )
    assert finished.returncode == 0, finished.stderr[-500:]
    outcomes = finished.stdout.splitlines()
    assert all(line.endswith(" done") for line in outcomes)
    # (What was given back, but kept by the allocator, lets some succeed under each limit.)
    assert sum(line.endswith(" MemoryError done") for line in outcomes) > len(outcomes) / 2


@pytest.mark.parametrize("shape", [2**50, (2**30, 2**20), 2**58])
def test_more_exact_sums_than_memory_are_an_error(shape):
    with pytest.raises(MemoryError, match=r"there is no memory for \d+ exact sums"):
        ExactSum(shape)


def test_too_many_dimensions_are_no_shape():
    with pytest.raises(ValueError, match="at most 64 dimensions, not 65"):
        ExactSum((1,) * 65)


# Little stack

RECURSION = """
import sys, threading
import numpy as np
import mypackage

function = {"mypackage": mypackage, "numpy": np}[sys.argv[1]]
function = getattr(function, sys.argv[2])

class Nested:
    "Its array is made by the function that asked for it."
    def __array__(self, dtype=None, copy=None):
        return function(self)

outcome = []

def work():
    try:
        function(Nested())
    except RecursionError:
        outcome.append("RecursionError")

threading.stack_size(int(sys.argv[3]) << 10)
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(*outcome)
"""


@pytest.mark.parametrize("function", ["sum", "mean", "cumsum", "nansum"])
def test_recursion_ends_about_where_numpys_does(function):
    """Python's limit comes before the stack's end, as it does for NumPy with half as much stack."""
    for kilobytes in [768, 1024, 1280, 1536, 2048, 3072]:
        if run(RECURSION, "numpy", function, kilobytes).stdout:
            break
    finished = run(RECURSION, "mypackage", function, kilobytes * 3 // 2)
    assert (finished.returncode, finished.stdout) == (0, "RecursionError\n")


# Numbers as text

UNMASKED = """
import ctypes, ctypes.util
from mypackage import records

libm = ctypes.CDLL(ctypes.util.find_library("m"))
requests = [b'{"values": [0.1, 1e-310, 1e300]}', b'{"values": []}']
libm.feenableexcept(0x3d)
answers = []
for request in requests:
    try:
        records.exchange("summarize", request)
    except RuntimeError as error:
        answers.append(str(error))
libm.fedisableexcept(0x3d)
assert len(answers) == 2 and all("unmasked" in answer for answer in answers), answers
print(records.exchange("summarize", requests[0])[:10])
"""


UNMASKED_CSV = """
import ctypes, ctypes.util
from mypackage._native import CsvStyle, CsvTable

libm = ctypes.CDLL(ctypes.util.find_library("m"))
style = CsvStyle(",", ".", None, None, False, [], False)
start, text = (0, 1, False), b"0.1,1e-310\\n3.3,0.30000000000000004440892098500626"
table = CsvTable(style, [1, 1], (False, False), start)
calls = [lambda: style.first_row(text, start, True), lambda: table.feed(text), table.finish]
libm.feenableexcept(0x3d)
answers = []
for call in calls:
    try:
        call()
    except RuntimeError as error:
        answers.append(str(error))
libm.fedisableexcept(0x3d)
assert len(answers) == 3 and all("unmasked" in answer for answer in answers), answers
table.feed(text)
table.finish()
print(table.take()[0][0].tolist())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="calls glibc's feenableexcept")
@pytest.mark.skipif(sys.version_info < (3, 11), reason="SIGFPE in ctypes, after both answers")
@pytest.mark.parametrize(
    ("code", "answer"),
    [(UNMASKED, "b'{\"count\":3'\n"), (UNMASKED_CSV, "[0.1, 3.3]\n")],
    ids=["records", "csv"],
)
def test_text_under_unmasked_exceptions_is_an_error(code, answer):
    """Not the end of the process by SIGFPE."""
    finished = run(code)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == answer


def test_too_many_numbers_for_a_record_are_told_soon(monkeypatch):
    """Before they have all become text."""
    written = []
    monkeypatch.setattr(
        records.json, "dumps", lambda x, dumps=json.dumps: written.append(len(x)) or dumps(x)
    )
    with pytest.raises(ValueError, match="3000000 numbers are more than the 16777216 bytes"):
        records.summarize(np.full(3_000_000, math.pi))
    assert sum(written) < 1_000_000
    assert records.summarize(np.full(700_000, math.pi)).count == 700_000


def test_records_of_every_length_around_the_pieces():
    for size in [0, 1, 2, 16383, 16384, 16385, 40000]:
        values = np.arange(size) * 0.5
        values[1:2] = np.nan
        summary = records.summarize(values)
        assert (summary.count, summary.sum) == (size, float(mypackage.nansum(values)))
