"""Exact, bit-reproducible reductions and exact Fibonacci numbers for NumPy."""

from ._config import show_config, threads
from ._native import (
    fibonacci,
    fibonacci_mod,
    get_num_threads,
    lucas,
    lucas_mod,
    lucasu_mod,
    lucasv_mod,
    set_num_threads,
)

__version__ = "0.1.0"

__all__ = [
    "fibonacci",
    "fibonacci_mod",
    "get_num_threads",
    "lucas",
    "lucas_mod",
    "lucasu_mod",
    "lucasv_mod",
    "set_num_threads",
    "show_config",
    "threads",
]
