"""Loads the extension before anything else: it refuses a wrong environment variable."""

from __future__ import annotations

import os
import sys


def _is_command() -> bool:
    """Whether the package is imported to run as ``python -m mypackage`` or as ``mypackage``."""
    # An embedding program may leave sys.argv out or empty; -m stands in it only as long as Python
    # looks for the module to run.
    program: str = (getattr(sys, "argv", None) or [""])[0]
    return program == "-m" or os.path.splitext(os.path.basename(program))[0] == "mypackage"


try:
    from . import _native as _native
except ValueError as error:
    # MYPACKAGE_ISA or MYPACKAGE_NUM_THREADS. At a terminal one line says it all.
    if not _is_command():
        raise
    sys.exit(f"mypackage: {error}")
