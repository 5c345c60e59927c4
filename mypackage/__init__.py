"""Exact, bit-reproducible reductions and exact Fibonacci numbers for NumPy.

Reductions
    sum, nansum, mean, nanmean, average, sum_of_squares, cumsum, nancumsum, cumulative_sum,
    vecdot, matvec, vecmat, matmul, summarize
Moments
    var, std, nanvar, nanstd, norm, cov, corrcoef
Windows and segments
    move_sum, move_mean, move_var, move_std, segment_sum, segment_mean
Groups
    group_sum, group_mean, group_var, group_std, group_count, group_nansum, group_nanmean,
    group_cumsum
States, which are added to, merged and saved
    ExactSum, ExactMoments
Fibonacci numbers, as ufuncs
    fibonacci, lucas, fibonacci_pair, fibonacci_index, is_fibonacci, fibonacci_mod, lucas_mod,
    lucasu_mod, lucasv_mod, pisano_period
Threads and settings
    get_num_threads, set_num_threads, threads, show_config
For C programs
    get_include, get_library

Submodules, which are loaded when they are first used
    arrow, dask, flox, pandas, xarray : these functions for data of other libraries
    numba, threadpoolctl : support for those two
    capi, records : the C library, by ctypes and as typed records
    tutorial : the smallest functions, step by step
"""

from . import _startup as _startup  # isort: split

from importlib import import_module as _import_module

from ._config import show_config, threads
from ._core.average import average
from ._core.covariance import corrcoef, cov
from ._core.cumulative import cumulative_sum, group_cumsum, nancumsum
from ._core.exact_moments import ExactMoments
from ._core.group_moments import group_count, group_nanmean, group_nansum, group_std, group_var
from ._core.products import matmul, matvec, vecmat
from ._core.segments import segment_mean, segment_sum
from ._core.summary import summarize
from ._locate import get_include, get_library
from ._native import (
    ExactSum,
    cumsum,
    fibonacci,
    fibonacci_index,
    fibonacci_mod,
    fibonacci_pair,
    get_num_threads,
    group_mean,
    group_sum,
    is_fibonacci,
    load_modules,
    lucas,
    lucas_mod,
    lucasu_mod,
    lucasv_mod,
    mean,
    move_mean,
    move_std,
    move_sum,
    move_var,
    nanmean,
    nanstd,
    nansum,
    nanvar,
    norm,
    pisano_period,
    set_num_threads,
    std,
    sum,
    sum_of_squares,
    var,
    vecdot,
)

__version__ = "0.1.0"

__all__ = [
    "ExactMoments",
    "ExactSum",
    "average",
    "corrcoef",
    "cov",
    "cumsum",
    "cumulative_sum",
    "fibonacci",
    "fibonacci_index",
    "fibonacci_mod",
    "fibonacci_pair",
    "get_include",
    "get_library",
    "get_num_threads",
    "group_count",
    "group_cumsum",
    "group_mean",
    "group_nanmean",
    "group_nansum",
    "group_std",
    "group_sum",
    "group_var",
    "is_fibonacci",
    "lucas",
    "lucas_mod",
    "lucasu_mod",
    "lucasv_mod",
    "matmul",
    "matvec",
    "mean",
    "move_mean",
    "move_std",
    "move_sum",
    "move_var",
    "nancumsum",
    "nanmean",
    "nanstd",
    "nansum",
    "nanvar",
    "norm",
    "pisano_period",
    "segment_mean",
    "segment_sum",
    "set_num_threads",
    "show_config",
    "std",
    "sum",
    "sum_of_squares",
    "summarize",
    "threads",
    "var",
    "vecdot",
    "vecmat",
]

# Loaded when they are first used; those that belong to another library need it.
_SUBMODULES = {
    "arrow": "pyarrow",
    "capi": None,
    "dask": "dask",
    "flox": "flox",
    "numba": "numba",
    "pandas": "pandas",
    "records": None,
    "threadpoolctl": "threadpoolctl",
    "tutorial": None,
    "xarray": "xarray",
}


def __getattr__(name: str) -> object:
    if name in ("add", "hello"):
        return getattr(_import_module(f"{__name__}.tutorial"), name)
    if name in _SUBMODULES:
        try:
            return _import_module(f"{__name__}.{name}")
        except ImportError as error:
            # What hasattr() understands; `import` and `from ... import` give the ImportError.
            # (No class can be both: in CPython the memory layouts of the two conflict.)
            raise AttributeError(f"mypackage.{name}: {error}") from error
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    from importlib.util import find_spec

    there = [name for name, needs in _SUBMODULES.items() if not needs or find_spec(needs)]
    return sorted([*__all__, "__version__", *there])


load_modules()
del load_modules

# Where users find them: help() shows it, and pickles name it.
for _name in __all__:
    if type(globals()[_name]).__name__ in ("function", "builtin_function_or_method"):
        globals()[_name].__module__ = __name__
del _name
