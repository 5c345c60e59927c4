"""What the parts of a distributed exact sum cost: prints the figures that docs/scale.md quotes.

Needs dask. Every time is the best of several runs, with one thread.
"""

import os

os.environ["MYPACKAGE_NUM_THREADS"] = "1"

import dask.array as da
import numpy as np

import mypackage
import mypackage.dask
from mypackage import ExactSum
from pairs import best_of

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
    states()
    graphs()
