"""Interface against interface: the same bits, whichever way in; and every example runs."""

import ctypes
import math
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import mypackage
from mypackage import capi
from mypackage.records import summarize

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"


def bits(x):
    return "nan" if np.isnan(x) else np.asarray(x).tobytes()


def by_address(numbers):
    """The C function itself, through a library loaded apart."""
    library = ctypes.CDLL(mypackage.get_library())
    out = ctypes.c_double()
    address = ctypes.c_void_p(numbers.ctypes.data)
    assert (
        library.mypackage_sum_f64(address, numbers.size, ctypes.c_ssize_t(8), ctypes.byref(out))
        == 0
    )
    return out.value


@given(numbers=hnp.arrays(np.float64, st.integers(0, 300), elements=st.floats()))
def test_sum(numbers):
    with np.errstate(all="ignore"):
        expected = bits(mypackage.sum(numbers))
    assert bits(capi.sum(numbers)) == expected
    assert bits(capi.sum(numbers[::-1])) == expected
    assert bits(by_address(numbers)) == expected
    total = capi.Accumulator()
    for x in numbers:
        total.add(x)
    assert bits(total.value()) == expected
    if not np.isnan(numbers).any():
        summary = summarize(numbers)
        assert bits(summary.sum) == expected
        if numbers.size:
            with np.errstate(all="ignore"):
                assert bits(summary.mean) == bits(mypackage.mean(numbers))


@given(numbers=hnp.arrays(np.float32, st.integers(0, 300), elements=st.floats(width=32)))
def test_sum_of_float32(numbers):
    with np.errstate(all="ignore"):
        assert bits(capi.sum(numbers)) == bits(mypackage.sum(numbers))


@given(
    pair=st.integers(0, 100).flatmap(
        lambda size: st.tuples(*[hnp.arrays(np.float64, size, elements=st.floats())] * 2)
    )
)
def test_vecdot(pair):
    with np.errstate(all="ignore"):
        assert bits(capi.vecdot(*pair)) == bits(mypackage.vecdot(*pair))


def test_fibonacci():
    for n in (np.arange(-92, 93), np.arange(94, dtype=np.uint64)):
        assert capi.fibonacci(n).tolist() == mypackage.fibonacci(n).tolist()


@given(n=hnp.arrays(np.uint64, 30), m=hnp.arrays(np.uint64, 30, elements=st.integers(1, 2**64 - 1)))
def test_fibonacci_mod(n, m):
    expected = mypackage.fibonacci_mod(n, m)
    assert capi.fibonacci_mod(n, m).tolist() == expected.tolist()


@given(numbers=hnp.arrays(np.float64, st.integers(0, 50), elements=st.floats()))
def test_accumulators_have_the_same_bytes(numbers):
    here, there = mypackage.ExactSum(), capi.Accumulator()
    here.add(numbers)
    there.add(numbers)
    assert repr(there) == f"Accumulator({there.value()!r}, count={numbers.size})"
    assert capi.Accumulator.from_bytes(here.to_bytes()).to_bytes() == there.to_bytes()
    back = mypackage.ExactSum.from_bytes(there.to_bytes())
    with np.errstate(all="ignore"):
        assert bits(back.value()) == bits(there.value())


# Examples

OUTPUTS = {
    "asyncio_interface.py": "the same bits: True\nthe loop went on: True\n",
    "cffi_interface.py": "Hello from rust\n1.0\nvalues is a null pointer\n",
    "ctypes_interface.py": (
        "Hello from rust\n0 8\n1e+308\n"
        "2147483647 + 1 = 2147483648 does not fit int32, which holds -2147483648 to 2147483647; "
        "add Python integers with +\n"
    ),
    "numba_interface.py": f"{math.fsum([1.0, math.fsum([0.1, 0.2, 0.3]), 6.0])}\n",
    "python_interface.py": (
        "Hello from rust\n8 [                 55                  -8 7540113804746346429]\n"
        "2147483647 + 1 = 2147483648 does not fit int32, which holds -2147483648 to 2147483647; "
        "add Python integers with +\n"
        "[1.  0.6]\n[1.  0.6] [3 3]\n"
    ),
    "records_interface.py": None,
}


def test_every_example_is_run(root):
    # c: tests/test_capi.py. rust: below. co2.csv: the README's.
    others = {"c", "rust", "co2.csv"}
    assert {path.name for path in EXAMPLES.iterdir()} == set(OUTPUTS) | others
    assert "examples/co2.csv" in (root / "README.md").read_text()
    assert {path.name for path in (EXAMPLES / "c").glob("*.c")} == {"interfaces.c"}


@pytest.mark.parametrize("name", OUTPUTS)
def test_example(name):
    needed = name.removesuffix("_interface.py")
    if needed in ("cffi", "numba"):
        pytest.importorskip(needed)
    result = subprocess.run([sys.executable, str(EXAMPLES / name)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    if OUTPUTS[name] is not None:
        assert result.stdout == OUTPUTS[name]


def test_records_example():
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / "records_interface.py")], capture_output=True, text=True
    )
    greeting, error, *summary = result.stdout.splitlines()
    assert greeting == "Jan says hello in Rust"
    assert "missing field `age`" in error
    values = dict(line.split() for line in summary)
    assert (values["sum"], values["naive_sum"]) == ("1000.0", "0.0")


RUST_OUTPUT = """\
Jan says hello in Rust
3 + 5 = 8
F(92) = 7540113804746346429
F(10^18) mod (10^9 + 7) = 209783453
1e16 + 1 - 1e16 = 1
merged: 10000000000000002
"""


def test_rust_crate(root, tmp_path):
    """Another crate, with this one as a dependency: built without Python or C."""
    if not (cargo := shutil.which("cargo")):
        pytest.skip("no cargo")
    crate = tmp_path / "interfaces"
    shutil.copytree(EXAMPLES / "rust", crate)
    manifest = crate / "Cargo.toml"
    manifest.write_text(manifest.read_text().replace("../..", root.as_posix()))
    # The versions that are tested, which are also those at hand without a network.
    shutil.copy(root / "Cargo.lock", crate)
    target = ["--offline", "--manifest-path", str(manifest)]
    tree = subprocess.run([cargo, "tree", *target], capture_output=True, text=True)
    assert tree.returncode == 0, tree.stderr
    for name in ("pyo3", "numpy", "serde"):
        assert name not in tree.stdout
    result = subprocess.run(
        [cargo, "run", "--quiet", *target, "--target-dir", str(root / "target" / "interfaces")],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(RUST_OUTPUT)
    assert "fibonacci(93) does not fit int64" in result.stdout
