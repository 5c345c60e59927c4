"""What the parts of a distributed exact sum cost.

Needs dask. Every time is the best of several runs, with one thread.
"""

import os
import tempfile
from pathlib import Path

os.environ["MYPACKAGE_NUM_THREADS"] = "1"

import dask.array as da
import numpy as np

import mypackage
import mypackage.dask
from mypackage import ExactSum
from mypackage._cli.timing import interleaved
from mypackage._files.formats import source
from mypackage._files.pieces import PIECE_BYTES, Options
from mypackage._files.streams import Stream
from mypackage._native import sum_states
from pairs import best_of, ratio

CELLS = 100_000
RNG = np.random.default_rng(0)


def states():
    ordinary = RNG.standard_normal((50, CELLS))
    wild = ordinary * 2.0 ** RNG.integers(-1000, 1000, ordinary.shape)
    print("sums of 50 numbers          byte form  merge       to bytes    from bytes")
    for name, values in {"normal": ordinary, "2^-1000 to 2^1000": wild}.items():
        state = ExactSum(CELLS).add(values)
        data = state.to_bytes()
        times = (
            best_of(lambda state=state: state.copy().merge(state)),
            best_of(state.to_bytes),
            best_of(lambda data=data: ExactSum.from_bytes(data)),
        )
        row = "".join(f"{time / CELLS * 1e9:7.0f} ns  " for time in times)
        print(f"  {name:24} {len(data) / CELLS:6.1f} B {row}")
    one = ExactSum().add(ordinary)
    print(f"  one sum of {ordinary.size:.0e} numbers: {len(one.to_bytes())} bytes")


def reading():
    values = RNG.standard_normal(30_000_000)
    time = best_of(lambda: mypackage.sum(values))
    print(f"sum, one thread: {values.nbytes / time / 1e9:.1f} GB/s")


def cells():
    """What each step of a sum to many cells takes, and what NumPy takes for the same."""
    chunks = RNG.standard_normal((4, 10, CELLS))
    first, *others = (sum_states(chunk, 0, True, False) for chunk in chunks)
    totals = chunks.sum(axis=1)
    make = lambda: sum_states(chunks[0], 0, True, False)  # noqa: E731
    merge = lambda: first.copy().merge(*others)  # noqa: E731
    steps = {
        "10 rows to a state": (lambda: chunks[0].sum(axis=0), make),
        "merge 4 states": (lambda: totals.sum(axis=0), merge),
        "round": (totals[0].copy, first.value),
    }
    print(f"sums to {CELLS} cells          numpy    mypackage")
    for name, calls in steps.items():
        theirs, ours = (best_of(call) / CELLS * 1e9 for call in calls)
        print(f"  {name:24} {theirs:6.1f} ns {ours:6.1f} ns")


def files():
    """Next to reading the file from the page cache into one buffer."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "values.npy")
        np.save(path, RNG.standard_normal(50_000_000))
        buffer = bytearray(PIECE_BYTES)

        def plain():
            with path.open("rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass

        def stream():
            Stream([source(path, None)], Options()).run()

        times = interleaved({"plain": plain, "stream": stream}, 0.0, 9)
        size = path.stat().st_size / 1e9
        plainly, ours = (min(times[name]) for name in ("plain", "stream"))
        print(
            f"{size:.1f} GB file: {size / plainly:.1f} GB/s read, {size / ours:.1f} GB/s summed, "
            f"ratio {ratio(times['plain'], times['stream']):.2f}"
        )


def graphs():
    lazy = da.ones(10_000, chunks=1)
    print("10,000 chunks of one number")
    for name, function in {"da.sum": da.sum, "mypackage.dask.sum": mypackage.dask.sum}.items():
        result = function(lazy)
        time = best_of(lambda result=result: result.compute(scheduler="sync"))
        tasks = len(result.__dask_graph__())
        print(f"  {name:20} {tasks} tasks {time / 10_000 * 1e6:6.0f} us per chunk")


if __name__ == "__main__":
    reading()
    files()
    states()
    cells()
    graphs()
