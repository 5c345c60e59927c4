"""The optional dependencies: where one is missing, the error says how to get it."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

# The extra of setup.cfg that brings each module.
EXTRAS = {
    "dask": "dask",
    "pandas": "pandas",
    "xarray": "xarray",
    "flox": "xarray",
    "pyarrow": "arrow",
    "polars": "polars",
    "h5py": "hdf5",
    "threadpoolctl": "threadpoolctl",
    "tqdm": "progress",
}


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
            f"this needs {package}: pip install 'mypackage[{EXTRAS[package]}]' ({error})",
            name=package,
        ) from error


def is_of(a: object, module: str, *names: str) -> bool:
    """Whether `a` is of one of a module's classes; the module is not imported for it.

    Another thread may be importing it right now: what it does not have yet, nothing is of.
    """
    loaded = sys.modules.get(module)
    return isinstance(a, tuple(getattr(loaded, name) for name in names if hasattr(loaded, name)))
