"""`mypackage.dask` next to `dask.array`: interleaved pairs on chunks in memory, threads of dask.

Prints the median ratio of times (above 1: ours is faster), and the most memory that a sum to many
cells takes beyond its input. Arguments choose some of the functions `sum`, `mean` and `nansum`, or
``memory``.
"""

import statistics
import subprocess
import sys

import dask.array as da

import mypackage.dask as md
from mypackage._cli.timing import interleaved
from pairs import ratio

ROUNDS = 15


def compared(name, lazy, **options):
    """The ratio, and the median times of dask's and ours; making the graph counts."""

    def method(module):
        return lambda: getattr(module, name)(lazy, **options).compute()

    times = interleaved({"dask": method(da), "mypackage": method(md)}, 0.0, ROUNDS)
    theirs, ours = times["dask"], times["mypackage"]
    return ratio(theirs, ours), statistics.median(theirs), statistics.median(ours)


def table(names):
    flat = da.random.random(40_000_000, chunks=1_000_000).persist()
    single = flat.astype("f4").persist()
    matrix = flat.reshape((20_000, 2000)).rechunk((1000, 1000)).persist()
    small = da.random.random(1_000_000, chunks=1000).persist()
    cells = da.random.random((40, 1_000_000), chunks=(10, 250_000)).persist()
    cases = {
        "float64, 40 chunks of 8 MB": (flat, {}),
        "float32, 40 chunks of 4 MB": (single, {}),
        "axis=0, 2000 columns": (matrix, {"axis": 0}),
        "axis=1, 20,000 rows": (matrix, {"axis": 1}),
        "1000 chunks of 8 kB": (small, {}),
        "axis=0, 1e6 columns of 40": (cells, {"axis": 0}),
    }
    print(f"{'':30}{'dask':>10}{'mypackage':>11}{'ratio':>8}")
    for name in names:
        for case, (lazy, options) in cases.items():
            gain, theirs, ours = compared(name, lazy, **options)
            print(f"{name:8}{case:30}{theirs * 1e3:8.1f} ms{ours * 1e3:8.1f} ms{gain:8.2f}")


def memory():
    """In a process of its own, for the maximum is the process's. Needs Linux's /proc."""
    for module in ("dask.array", "mypackage.dask"):
        run = subprocess.run(
            [sys.executable, __file__, module], capture_output=True, text=True, check=True
        )
        print(f"most memory, 1e6 columns of 160 in 16 x 4 chunks, {module}: {run.stdout.strip()}")


if __name__ == "__main__":
    modules = {"dask.array": da, "mypackage.dask": md}
    asked = sys.argv[1:] or ["sum", "mean", "nansum", "memory"]
    if asked[0] in modules:
        module = modules[asked[0]]
        lazy = da.ones((160, 1_000_000), chunks=(10, 250_000))
        module.sum(lazy, axis=0).compute(scheduler="sync")
        # Not getrusage, whose maximum a process inherits from the one that started it.
        lines = dict(line.split(":") for line in open("/proc/self/status"))
        print(f"{int(lines['VmHWM'].split()[0]) / 1e3:.0f} MB")
    else:
        if names := [name for name in asked if name != "memory"]:
            table(names)
        if "memory" in asked:
            memory()
