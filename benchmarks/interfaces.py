"""What a call through each interface costs: prints a table.

Needs numba, cffi, cargo and a C compiler. Every figure is the best of several runs, with one
thread.
"""

import os
import pathlib
import platform
import shutil
import subprocess
import tempfile

os.environ["MYPACKAGE_NUM_THREADS"] = "1"

import cffi
import numba
import numpy as np

import mypackage
from mypackage import capi, records
from mypackage._native import build_info
from pairs import best_of

ROOT = pathlib.Path(__file__).parents[1]
FEW = np.full(8, 0.1)
MANY = np.arange(1_000_000) % 1000 + 0.1
COLUMNS = {
    "add": "`add(3, 5)`",
    "fibonacci": "`fibonacci(50)`",
    "sum_few": "`sum` of 8",
    "sum_many": "`sum` of 10⁶",
}


def nanoseconds(function, inner=1):
    return best_of(function) / inner * 1e9


def python_interface(interface):
    n = np.int64(50)
    return {
        "add": nanoseconds(lambda: interface.add(3, 5)),
        "fibonacci": nanoseconds(lambda: interface.fibonacci(n)),
        "sum_few": nanoseconds(lambda: interface.sum(FEW)),
        "sum_many": nanoseconds(lambda: interface.sum(MANY)),
    }


def cffi_interface():
    header = pathlib.Path(mypackage.get_include(), "mypackage.h").read_text()
    ffi = cffi.FFI()
    ffi.cdef(header.partition('extern "C" {\n#endif')[2].partition("#ifdef __cplusplus")[0])
    library = ffi.dlopen(mypackage.get_library())
    eight, total = ffi.new("int32_t *"), ffi.new("double *")
    n, out = ffi.new("int64_t *", 50), ffi.new("int64_t *")
    few, many = (ffi.from_buffer("double[]", array) for array in (FEW, MANY))
    return {
        "add": nanoseconds(lambda: library.mypackage_add_i32(3, 5, eight)),
        "fibonacci": nanoseconds(lambda: library.mypackage_fibonacci_i64(n, 1, 0, out, 0)),
        "sum_few": nanoseconds(lambda: library.mypackage_sum_f64(few, 8, 8, total)),
        "sum_many": nanoseconds(lambda: library.mypackage_sum_f64(many, len(MANY), 8, total)),
    }


def numba_interface():
    @numba.njit
    def fibonacci(times):
        total = 0
        for _ in range(times):
            total += mypackage.fibonacci(50)
        return total

    @numba.njit
    def sums(a, times):
        total = 0.0
        for _ in range(times):
            total += mypackage.sum(a)
        return total

    times = 1000
    return {
        "fibonacci": nanoseconds(lambda: fibonacci(times), times),
        "sum_few": nanoseconds(lambda: sums(FEW, times), times),
        "sum_many": nanoseconds(lambda: sums(MANY, 1)),
    }


def record_interface():
    person = records.Person(name="Jan", age=42)
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "many.npy")
        np.save(path, MANY)
        return {
            "add": nanoseconds(lambda: records.greet(person)),
            "sum_few": nanoseconds(lambda: records.summarize(FEW)),
            "sum_many": nanoseconds(lambda: records.summarize(path)),
        }


def output(*command):
    text = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    return {name: float(cost) for name, cost in map(str.split, text.splitlines()) if cost}


def c_interface():
    compiler = shutil.which("cc") or "gcc"
    with tempfile.TemporaryDirectory() as directory:
        program = str(pathlib.Path(directory, "interfaces"))
        source = str(ROOT / "benchmarks" / "interfaces.c")
        include = f"-I{mypackage.get_include()}"
        command = [compiler, "-O2", include, source, mypackage.get_library(), "-o", program]
        subprocess.run(command, check=True)
        return output(program)


def rust_interface():
    return output("cargo", "bench", "--quiet", "--bench", "interfaces")


def shown(cost):
    if cost is None:
        return "-"
    for factor, unit in ((1e6, "ms"), (1e3, "µs")):
        if cost >= factor:
            return f"{cost / factor:.3g} {unit}"
    return f"{cost:.3g} ns"


def main():
    interfaces = {
        "Rust crate": rust_interface(),
        "C": c_interface(),
        "numba, in a loop": numba_interface(),
        "Python (PyO3)": python_interface(mypackage),
        "cffi": cffi_interface(),
        "ctypes, `mypackage.capi`": python_interface(capi),
        "JSON record (`greet`, `summarize`)": record_interface(),
    }
    print("| interface |", " | ".join(COLUMNS.values()), "|")
    print("|---|", "|".join("--:" for _ in COLUMNS), "|", sep="")
    for name, costs in interfaces.items():
        print(f"| {name} |", " | ".join(shown(costs.get(column)) for column in COLUMNS), "|")
    print(
        f"\nmypackage {mypackage.__version__}, NumPy {np.__version__}, numba {numba.__version__}, "
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()} with "
        f"{build_info()['isa']}, one thread, best of nine runs."
    )


if __name__ == "__main__":
    main()
