"""Exact, bit-reproducible reductions and exact Fibonacci numbers for NumPy."""

from ._config import show_config, threads
from ._native import get_num_threads, mean, nanmean, nansum, set_num_threads, sum

__version__ = "0.1.0"

__all__ = [
    "get_num_threads",
    "mean",
    "nanmean",
    "nansum",
    "set_num_threads",
    "show_config",
    "sum",
    "threads",
]
