"""Threads and the description of the installation."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator

import numpy as np

from ._native import build_info, get_num_threads, set_num_threads


@contextlib.contextmanager
def threads(n: int) -> Iterator[None]:
    """Use `n` threads inside a ``with`` block, and the number before after it.

    The setting is the process's: other Python threads see it too. No result depends on it.

    Parameters
    ----------
    n : int
        From 1 to 4096.

    Yields
    ------
    None
        The block runs with `n` threads.

    Raises
    ------
    ValueError
        If `n` is out of range.

    See Also
    --------
    set_num_threads, get_num_threads

    Examples
    --------
    >>> import mypackage
    >>> with mypackage.threads(1):
    ...     mypackage.get_num_threads()
    1
    """
    before = set_num_threads(n)
    try:
        yield
    finally:
        set_num_threads(before)


class _Config(dict[str, object]):
    """What `show_config` has printed already: a notebook does not show it once more."""

    def _ipython_display_(self) -> None:
        pass


def show_config() -> dict[str, object]:
    """Print, and return, what is installed and what the kernels use.

    Returns
    -------
    dict
        ``version``, ``profile`` (the build's), ``isa`` (in use), ``isas_available``, ``threads``,
        ``cpus`` (that this process may use), ``numpy``, ``python``, ``platform`` and
        ``environment`` (the package's variables that are set).

    See Also
    --------
    get_num_threads, numpy.show_config

    Examples
    --------
    >>> import mypackage
    >>> config = mypackage.show_config()  # doctest: +ELLIPSIS
    version         ...
    >>> config["profile"]
    'release'
    """
    config = _Config(build_info())
    config["threads"] = get_num_threads()
    config["cpus"] = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    )
    config["numpy"] = np.__version__
    config["python"] = platform.python_version()
    config["platform"] = f"{platform.system()}-{platform.machine()}"
    config["environment"] = {
        name: os.environ[name]
        for name in ("MYPACKAGE_ISA", "MYPACKAGE_NUM_THREADS")
        if name in os.environ
    }
    for name, value in config.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        print(f"{name:15} {shown}")
    return config
