"""Optional dependencies: the error for a missing one says how to install it."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

# What to `pip install`, where it is not the module's name.
PIP = {"dask": "'dask[array]'", "backports": "backports.zstd"}


def require(name: str) -> ModuleType:
    """Import an optional module.

    Raises
    ------
    ImportError
        Names the command that installs it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ImportError(
            f"this needs {package}: pip install {PIP.get(package, package)} ({error})",
            name=package,
        ) from error


def is_of(a: object, module: str, *names: str) -> bool:
    """Whether `a` is of one of a module's classes; the module is not imported for it.

    If another thread is importing the module right now, a class may not be there yet; then `a` is
    not an instance of it.
    """
    loaded = sys.modules.get(module)
    return isinstance(a, tuple(getattr(loaded, name) for name in names if hasattr(loaded, name)))
