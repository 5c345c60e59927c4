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

# The least that our annotations need of other libraries, some of which have no types of their own.
LIBRARIES = {
    "dask/__init__.pyi": "",
    "dask/array.pyi": "class Array: ...",
    "pandas/__init__.pyi": "class Series: ...\nclass DataFrame: ...",
    "xarray/__init__.pyi": "class DataArray: ...\nclass Dataset: ...",
}
OTHERS = """
from typing import Any

import dask.array as da
import pandas as pd
import xarray as xr
from typing_extensions import assert_type

import mypackage.dask
import mypackage.pandas
import mypackage.xarray

def of_dask(a: da.Array) -> None:
    assert_type(mypackage.dask.sum(a, axis=0), da.Array)
    assert_type(mypackage.dask.nanmean(a), da.Array)
    assert_type(mypackage.dask.nanstd(a, ddof=1), da.Array)
    assert_type(mypackage.dask.norm(a), da.Array)
    assert_type(mypackage.dask.cumsum(a, 0), da.Array)
    assert_type(mypackage.dask.vecdot(a, [1.0]), da.Array)
    assert_type(mypackage.dask.group_count([0, 1], a), da.Array)
    assert_type(mypackage.dask.group_var([0, 1], a), da.Array)
    assert_type(mypackage.dask.average(a), da.Array)
    assert_type(mypackage.dask.average(a, weights=a, returned=True), tuple[da.Array, da.Array])
    assert_type(mypackage.dask.average(a, 0, a, True), tuple[da.Array, da.Array])

def of_xarray(a: xr.DataArray, table: xr.Dataset) -> None:
    assert_type(mypackage.xarray.sum(a, "time"), xr.DataArray)
    assert_type(mypackage.xarray.mean(table), xr.Dataset)
    assert_type(mypackage.xarray.std(a, ddof=1), xr.DataArray)
    assert_type(mypackage.xarray.norm(table), xr.Dataset)
    assert_type(mypackage.xarray.cumsum(a), xr.DataArray)
    assert_type(mypackage.xarray.group_mean(a, "k"), xr.DataArray)
    assert_type(mypackage.xarray.group_std(table, "k"), xr.Dataset)
    assert_type(mypackage.xarray.rolling(a, time=3).mean(), xr.DataArray)
    assert_type(mypackage.xarray.rolling(table, time=3).count(), xr.Dataset)

def of_pandas(a: pd.Series, table: pd.DataFrame, groups: Any) -> None:
    assert_type(mypackage.pandas.sum(a), Any)
    assert_type(mypackage.pandas.sum(table, min_count=1), pd.Series)
    assert_type(mypackage.pandas.sum(table, None), Any)
    assert_type(mypackage.pandas.mean(table, axis="columns"), pd.Series)
    assert_type(mypackage.pandas.var(table, 1, ddof=1), pd.Series)
    assert_type(mypackage.pandas.std(a), Any)
    assert_type(mypackage.pandas.norm(table), pd.Series)
    assert_type(mypackage.pandas.cumsum(a), pd.Series)
    assert_type(mypackage.pandas.cumsum(table), pd.DataFrame)
    assert_type(mypackage.pandas.group_sum(a, [0, 1]), pd.Series)
    assert_type(mypackage.pandas.group_std(table, "k"), pd.DataFrame)
    assert_type(mypackage.pandas.rolling(table, 3).sum(), pd.DataFrame)
    assert_type(mypackage.pandas.expanding(a).mean(), pd.Series)
    assert_type(mypackage.pandas.rolling(groups, 3).sum(), Any)
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
    (directory / "others.py").write_text(OTHERS)
    (directory / "wrong.py").write_text(WRONG)
    for name, text in LIBRARIES.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
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


def test_types_of_other_libraries_results(complaints):
    """What comes back is of the class that the docstring says."""
    assert [line for line in complaints if line.startswith("others.py")] == []


def test_wrong_calls(complaints):
    """mypy refuses what Python would."""
    errors = [line.split(":") for line in complaints if ": error:" in line]
    assert {int(number) for name, number, *_ in errors if name == "wrong.py"} == {3, 4, 5, 6}
