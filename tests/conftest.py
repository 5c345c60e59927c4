"""What every test file may use."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def root() -> Path:
    """The directory of setup.cfg: a clone, or an unpacked sdist."""
    return Path(__file__).parents[1]
