"""What every test file may use."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no failure: no test asserts a time.
settings.register_profile("mypackage", deadline=None)
settings.register_profile("smoke", deadline=None, max_examples=5)
settings.load_profile("mypackage")

# A shell starts background jobs with Ctrl-C ignored, and so would every test of it be.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config):
    if config.option.markexpr == "smoke":
        settings.load_profile("smoke")


def pytest_collection_modifyitems(items):
    """Mark the first case of each test, and the tests that share a process under xdist."""
    seen = set()
    for item in items:
        test = item.nodeid.partition("[")[0]
        if test not in seen and item.get_closest_marker("slow") is None:
            item.add_marker("smoke")
        seen.add(test)
        if "resident_memory" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("serial"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The directory of setup.cfg: a clone, or an unpacked sdist."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def resident_memory():
    """A function that returns the bytes of memory in use now."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("reads Linux's /proc")
    return lambda: int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="session")
def lost_memory(resident_memory):
    """A function that tells how many bytes stay in use after a call that has been made before.

    Other threads and huge pages change the memory of the process now and then, a leak each time:
    the least of several calls counts.
    """

    def once(call):
        before = resident_memory()
        call()
        return resident_memory() - before

    def measure(call):
        call()
        return min(once(call) for _ in range(3))

    return measure
