"""Other ways to add float64 numbers, and how fast memory can be read; each only where installed."""

from __future__ import annotations

import ctypes
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np

from mypackage._cli.timing import interleaved
from pairs import BEST, Method, Scale

HERE = Path(__file__).parent
# So many numbers are enough for the slow ones; more would take long without telling more.
FEW = 20_000
# How many words ahead of its turn memory is asked for, depends on the processor: all are tried.
AHEAD = 0, 128, 384, 1024
# Words between two places that are read at once; 0 is one place.
APART = 0, 1 << 14


def sums(values: np.ndarray, threads: int, scale: Scale, limit: bool = False) -> dict[str, Method]:
    """The peers of a sum of contiguous float64 numbers, by name.

    With `limit`, also how long it takes to read them. Slow peers take `FEW` numbers of them.
    """
    peers = {"np.sum": Method(partial(np.sum, values), values.size)}
    # A smoke test has no time for compilers.
    compilers = scale is not Scale.SMOKE
    if limit and compilers and (read := read_limit(values, threads)):
        peers["read limit"] = Method(read, values.size)
    few = values[:FEW]
    peers["math.fsum"] = Method(partial(math.fsum, few.tolist()), few.size)
    if not BEST:
        return peers
    if bottleneck := optional("bottleneck"):
        peers["bottleneck"] = Method(partial(bottleneck.nansum, values), values.size)
    if pyarrow := optional("pyarrow.compute", "pyarrow"):
        array = optional("pyarrow").array(values)
        peers["pyarrow"] = Method(partial(pyarrow.sum, array), values.size)
    if compilers:
        for name, function in _numba_sums(threads).items():
            peers[name] = Method(partial(function, values), values.size)
        if library := _rust_peers():
            for name in "xsum", "accurate":
                if function := getattr(library, f"{name}_sum", None):
                    call = partial(function, few.ctypes.data, few.size)
                    peers[name] = Method(call, few.size)
    return peers


@cache
def optional(module: str, package: str | None = None) -> Any:
    """A module, or None after a line that says so."""
    try:
        __import__(module)
    except ImportError:
        print(f"skipped: {package or module} is not installed")
        return None
    return sys.modules[module]


@cache
def _compiled() -> dict[str, Callable[[np.ndarray], float]]:
    # Idle threads of numba's would otherwise spin, and take a processor from who comes next.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    numba = optional("numba")
    if numba is None:
        return {}

    @numba.njit(parallel=True, fastmath=True)
    def reassociated(values):
        total = 0.0
        for i in numba.prange(values.size):
            total += values[i]
        return total

    @numba.njit
    def by_pairs(values):
        """Blocks of 128, then sums of pairs of sums, as one writes it by hand (Higham, 1993)."""
        partial_sums = np.zeros(64)
        filled = np.zeros(64, np.bool_)
        for start in range(0, values.size, 128):
            total = 0.0
            for i in range(start, min(start + 128, values.size)):
                total += values[i]
            level = 0
            while filled[level]:
                total += partial_sums[level]
                filled[level] = False
                level += 1
            partial_sums[level] = total
            filled[level] = True
        return partial_sums[filled].sum()

    return {"numba fastmath": reassociated, "numba pairwise": by_pairs}


def _numba_sums(threads: int) -> dict[str, Callable[[np.ndarray], float]]:
    functions = _compiled()
    if functions:
        numba = optional("numba")
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    return functions


@cache
def _rust_peers() -> ctypes.CDLL | None:
    """The library in rust_peers/, built for this processor; without crates if they are not here."""
    if not (cargo := shutil.which("cargo")):
        print("skipped: xsum, accurate and the read limit need cargo")
        return None
    target = HERE.parent / "target" / "rust_peers"
    command = [
        *(cargo, "build", "--release", "--locked", "--quiet"),
        *("--manifest-path", str(HERE / "rust_peers" / "Cargo.toml"), "--target-dir", str(target)),
    ]
    environment = {**os.environ, "RUSTFLAGS": "-C target-cpu=native"}
    if subprocess.run(command, env=environment, capture_output=True).returncode:
        print("skipped: cargo cannot get the crates xsum and accurate")
        alone = [*command, "--offline", "--no-default-features"]
        if subprocess.run(alone, env=environment).returncode:
            print("skipped: the read limit, for its library was not built")
            return None
    names = {"win32": "rust_peers.dll", "darwin": "librust_peers.dylib"}
    library = ctypes.CDLL(str(target / "release" / names.get(sys.platform, "librust_peers.so")))
    library.read_words.argtypes = [ctypes.c_void_p, *[ctypes.c_size_t] * 3]
    library.read_words.restype = ctypes.c_uint64
    for name in "xsum_sum", "accurate_sum":
        if function := getattr(library, name, None):
            function.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
            function.restype = ctypes.c_double
    return library


@cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor()


def read_limit(values: np.ndarray, threads: int) -> Callable[[], int] | None:
    """The fastest pass over the memory that we know: the bitwise or of all words, as many words
    ahead and in as many places as suits this processor best, each thread with a part of its own."""
    if not (library := _rust_peers()):
        return None
    bounds = [values.size * part // threads for part in range(threads + 1)]
    parts = [(values.ctypes.data + 8 * start, stop - start) for start, stop in pairwise(bounds)]

    def read(ahead: int, apart: int) -> int:
        others = [_workers().submit(library.read_words, *part, ahead, apart) for part in parts[1:]]
        words = library.read_words(*parts[0], ahead, apart)
        for other in others:
            words |= other.result()
        return words

    ways = list(product(AHEAD, APART))
    if any(read(*way) != np.bitwise_or.reduce(values.view(np.uint64)) for way in ways):
        raise SystemExit("the read limit did not read everything")
    times = interleaved({str(way): partial(read, *way) for way in ways}, 0.0)
    return partial(read, *min(ways, key=lambda way: min(times[str(way)])))
