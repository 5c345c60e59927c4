"""What mypy knows of the functions' results."""

import sys
from pathlib import Path

import pytest

import mypackage

pytest.importorskip("mypy", reason="mypy is not installed")

# Each assert_type is checked by mypy, not run.
SNIPPET = """
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import assert_type

import mypackage

d: NDArray[np.float64] = np.ones((2, 3))
f: NDArray[np.float32] = np.ones((2, 3), np.float32)
i: NDArray[np.int64] = np.ones(3, np.int64)
b: NDArray[np.bool_] = np.ones(3, np.bool_)
u: NDArray[np.uint8] = np.ones(3, np.uint8)
t: NDArray[np.timedelta64] = np.ones(3, "m8[s]")

assert_type(mypackage.sum(d), np.float64)
assert_type(mypackage.sum(d, None), np.float64)
assert_type(mypackage.sum(f, initial=1, where=[True, False, True]), np.float32)
assert_type(mypackage.nansum(f, initial=1), np.float32)
assert_type(mypackage.sum(i), np.int64)
assert_type(mypackage.sum(b), np.int64)
assert_type(mypackage.sum(u), np.uint64)
assert_type(mypackage.sum(t), np.timedelta64)
assert_type(mypackage.sum(np.float32(1)), np.float32)
assert_type(mypackage.sum(d, keepdims=True), NDArray[np.float64])
assert_type(mypackage.sum(d, axis=0, keepdims=True), NDArray[np.float64])
assert_type(mypackage.sum(u, keepdims=True), NDArray[np.uint64])
assert_type(mypackage.sum(f, dtype=np.float64), np.float64)
assert_type(mypackage.sum(f, axis=1, dtype=np.float64, keepdims=True), NDArray[np.float64])
assert_type(mypackage.sum(d, axis=0, out=f), NDArray[np.float32])
assert_type(mypackage.sum(d, axis=0), Any)
assert_type(mypackage.sum([1.0, 2.0]), Any)
assert_type(mypackage.mean(d), np.float64)
assert_type(mypackage.mean(f), np.float32)
assert_type(mypackage.mean(i), np.float64)
assert_type(mypackage.nanmean(b), np.float64)
assert_type(mypackage.nanmean(f, keepdims=True), NDArray[np.float32])
assert_type(mypackage.mean(u, axis=0, keepdims=True), NDArray[np.float64])
assert_type(mypackage.mean(i, dtype=np.float32), np.float32)
assert_type(mypackage.mean(d, 0, out=f), NDArray[np.float32])
assert_type(mypackage.sum_of_squares(f), np.float32)
assert_type(mypackage.sum_of_squares(u), np.uint64)
assert_type(mypackage.sum_of_squares(d, axis=0), Any)
assert_type(mypackage.sum_of_squares(i, dtype=np.float32), np.float32)
assert_type(mypackage.average(f), np.float32)
assert_type(mypackage.average(i), np.float64)
assert_type(mypackage.average(d, axis=0), Any)
assert_type(mypackage.average(d, weights=f), Any)
assert_type(mypackage.average(d, returned=True), tuple[Any, Any])
assert_type(mypackage.cumsum(d), NDArray[np.float64])
assert_type(mypackage.cumsum(b, 0), NDArray[np.int64])
assert_type(mypackage.cumsum(u, axis=np.int8(0)), NDArray[np.uint64])
assert_type(mypackage.cumsum(i, dtype=np.float32), NDArray[np.float32])
assert_type(mypackage.cumsum(i, dtype="f4"), NDArray[Any])
assert_type(mypackage.cumsum(d, out=f), NDArray[np.float32])
assert_type(mypackage.cumsum([1.0, 2.0]), NDArray[Any])
assert_type(mypackage.sum(d, axis=np.int64(0), keepdims=True), NDArray[np.float64])
total = mypackage.ExactSum(np.int64(3))
assert_type(total.add(d).subtract(d).merge(total, total), mypackage.ExactSum)
assert_type(mypackage.ExactSum.from_bytes(bytearray()).as_integer_ratio(), tuple[int, int])
"""

# Each line is an error that mypy must report.
WRONG = """
import mypackage
mypackage.sum()
mypackage.sum([1.0], axis="rows")
mypackage.mean([1.0], initial=1)
mypackage.mean([1.0], None, None, None, False, True)
"""


@pytest.fixture(scope="module")
def complaints(tmp_path_factory) -> list[str]:
    """What mypy has to say: 'right.py:1: error: ...'."""
    from mypy import api

    directory = tmp_path_factory.mktemp("typing")
    (directory / "right.py").write_text(SNIPPET)
    (directory / "wrong.py").write_text(WRONG)
    # An editable install has an import hook, which mypy does not follow.
    (directory / "mypackage").symlink_to(Path(mypackage.__file__).parent)
    options = ["--strict", "--follow-imports=silent", "--no-error-summary"]
    places = [f"--python-executable={sys.executable}", f"--cache-dir={directory / 'cache'}"]
    output, errors, _ = api.run([*options, *places, *map(str, directory.glob("*.py"))])
    assert not errors
    return [line.rpartition("/")[2] for line in output.splitlines()]


def test_types_of_results(complaints):
    """Scalars and arrays of the right dtype."""
    assert [line for line in complaints if line.startswith("right.py")] == []


def test_wrong_calls(complaints):
    """mypy refuses what Python would."""
    errors = [line.split(":") for line in complaints if ": error:" in line]
    assert {int(number) for name, number, *_ in errors if name == "wrong.py"} == {3, 4, 5, 6}
