"""What every test file may use."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no failure: no test asserts a time.
settings.register_profile("mypackage", deadline=None)
settings.load_profile("mypackage")

# A shell starts background jobs with Ctrl-C ignored, and so would every test of it be.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
