"""Exact, bit-reproducible reductions and exact Fibonacci numbers for NumPy."""

from . import _startup as _startup  # isort: split

from ._config import show_config, threads
from ._core.average import average
from ._locate import get_include, get_library
from ._native import (
    ExactSum,
    add,
    cumsum,
    fibonacci,
    fibonacci_index,
    fibonacci_mod,
    fibonacci_pair,
    get_num_threads,
    group_mean,
    group_sum,
    hello,
    is_fibonacci,
    lucas,
    lucas_mod,
    lucasu_mod,
    lucasv_mod,
    mean,
    nanmean,
    nansum,
    pisano_period,
    set_num_threads,
    sum,
    vecdot,
)

__version__ = "0.1.0"

__all__ = [
    "ExactSum",
    "add",
    "average",
    "cumsum",
    "fibonacci",
    "fibonacci_index",
    "fibonacci_mod",
    "fibonacci_pair",
    "get_include",
    "get_library",
    "get_num_threads",
    "group_mean",
    "group_sum",
    "hello",
    "is_fibonacci",
    "lucas",
    "lucas_mod",
    "lucasu_mod",
    "lucasv_mod",
    "mean",
    "nanmean",
    "nansum",
    "pisano_period",
    "set_num_threads",
    "show_config",
    "sum",
    "threads",
    "vecdot",
]

# Where users find them: help() shows it, and pickles name it.
for _name in __all__:
    if type(globals()[_name]).__name__ in ("function", "builtin_function_or_method"):
        globals()[_name].__module__ = __name__
del _name
