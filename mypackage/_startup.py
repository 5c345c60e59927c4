"""Loads the extension first, since a bad environment variable makes it fail."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # The module typing takes longer to load than this one.
    from types import TracebackType


def _is_command() -> bool:
    """Whether the package is imported to run as ``python -m mypackage`` or as ``mypackage``."""
    # An embedding program may leave sys.argv unset or empty. It holds -m only while Python looks
    # for the module to run.
    program: str = (getattr(sys, "argv", None) or [""])[0]
    return program == "-m" or os.path.splitext(os.path.basename(program))[0] == "mypackage"


def _show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print one line for Ctrl-C while modules are imported, for which Python has a traceback."""
    if issubclass(kind, KeyboardInterrupt):
        print("mypackage: interrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


if _is_command():
    sys.excepthook = _show

# Here, since the extension panics if it is interrupted while it imports NumPy.
import numpy  # noqa: E402, F401

try:
    # The error of `from . import` would blame a circular import.
    import mypackage._native  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != f"{__package__}._native":
        raise
    raise ImportError(
        f"{os.path.dirname(__file__)} holds the sources of mypackage, but not the compiled module: "
        "build it in the clone with `pip install -e .`, or `pip install .` and import it from "
        "another folder",
        name=error.name,
    ) from None
except ValueError as error:
    # MYPACKAGE_ISA or MYPACKAGE_NUM_THREADS is wrong. On the command line one line is enough.
    if not _is_command():
        raise
    sys.exit(f"mypackage: {error}")
