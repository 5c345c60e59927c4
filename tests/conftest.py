"""What every test file may use."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no failure: no test asserts a time.
settings.register_profile("mypackage", deadline=None)
settings.load_profile("mypackage")


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
