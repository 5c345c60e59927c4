"""Bits of results that no change may alter: a check sum for each function, dtype and axis.

The data are made from integers alone, by a generator of their own and `ldexp`, so they are the same
with every version of NumPy and on every processor; so are the results, on every instruction set.
src/golden.rs compares what it can with the same table, also on processors that have no Python here.
`python test_golden.py` prints the table.
"""

import functools
import json
import os
import pathlib
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest

import mypackage

TABLE = pathlib.Path(__file__).with_name("golden.json")
DTYPES = ["d", "f", "e", "D", "F", "q", "Q", "i", "H", "b", "?"]
# Around a vector, a short row, a panel of columns, a block, and what is worth a second thread.
SHAPES = [(70, 33, 5), (3, 2050), (300, 17), (1030, 2), (5, 40, 64), (1100, 240)]
FUNCTIONS = ["sum", "mean", "nansum", "nanmean", "where", "cumsum", "vecdot", "average", "group"]
FAMILIES = ["like", "spread", "wide", "cancelling", "ties", "tiny", "special"]


def integers(size: int, seed: int) -> np.ndarray:
    """Pseudo-random 64-bit integers (splitmix64)."""
    x = np.arange(1, size + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x += np.uint64(seed * 0xD1342543DE82EF95 % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return x ^ (x >> np.uint64(31))


def floats(size: int, family: str, seed: int, digits: int, low: int, high: int) -> np.ndarray:
    """Numbers of so many binary digits with exponents within `low..high`, as float64."""
    bits, more = integers(size, seed), integers(size, seed + 1)
    significand = (bits >> np.uint64(64 - digits)).astype(np.int64)
    significand -= 2 ** (digits - 1)
    spread = {"like": 3, "ties": 1, "spread": 40, "cancelling": 60, "wide": high - low}.get(
        family, 6
    )
    spread = min(spread, high - low)
    centre = low + spread // 2 if family == "tiny" else (low + high) // 2
    exponent = (more % np.uint64(spread + 1)).astype(np.int32) - spread // 2 + centre
    if family == "ties":
        significand >>= digits // 2
    x = np.ldexp(significand.astype("d"), exponent - digits)
    half = size // 2
    if family == "cancelling":
        x[half : 2 * half] = -x[:half][::-1]
        x[0] += np.ldexp(1.0, low + digits)
    if family == "special":
        x[:: max(size // 7, 1)] = np.nan
        x[size // 3] = np.inf
        x[1::11] = -0.0
    return x


def data(dtype: str, shape, family: str, seed: int) -> np.ndarray:
    size = int(np.prod(shape))
    if dtype in "qQiHb?":
        bits = integers(size, seed)
        if family in ("like", "ties"):
            bits >>= np.uint64(24)
        return (bits if dtype != "?" else bits & np.uint64(1)).astype(dtype).reshape(shape)
    part = {"D": "d", "F": "f"}.get(dtype, dtype)
    digits, low, high = {"d": (53, -1000, 980), "f": (24, -130, 100), "e": (11, -20, 10)}[part]
    parts = 2 if dtype in "DF" else 1
    x = floats(size * parts, family, seed, digits, low, high).astype(part)
    return (x.view(dtype) if parts == 2 else x).reshape(shape)


def run(function: str, a: np.ndarray, axis, seed: int):
    if function == "where":
        keep = (integers(a.size, seed + 9) % np.uint64(3) > 0).reshape(a.shape)
        return [mypackage.sum(a, axis=axis, where=keep), mypackage.mean(a, axis=axis, where=keep)]
    if function == "vecdot":
        b = data(a.dtype.char, a.shape, "like", seed + 5)
        if axis is None:
            return [mypackage.vecdot(a.ravel(), b.ravel())]
        return [mypackage.vecdot(a, b, axis=axis)]
    if function == "average":
        weights = data("d", a.shape, "like", seed + 6)
        return [mypackage.average(a, axis=axis, weights=weights)]
    if function == "group":
        labels = (integers(a.shape[0], seed + 7) % np.uint64(9)).astype(np.intp)
        return [mypackage.group_sum(labels, a.reshape(len(a), -1)[:, 0])]
    return [getattr(mypackage, function)(a, axis=axis)]


@functools.cache
def table() -> dict[str, str]:
    """The CRC-32 of each function, dtype and axis."""
    sums = {}
    for function in FUNCTIONS:
        for dtype in DTYPES:
            if function == "average" and dtype in "?":
                continue
            for axis in (None,) if function == "group" else (None, 0, -1):
                crc = 0
                for number, shape in enumerate(SHAPES):
                    # One array that is worth a second thread.
                    large = number == len(SHAPES) - 1
                    for family in FAMILIES[:2] if large else FAMILIES:
                        seed = 100 * number + FAMILIES.index(family)
                        a = data(dtype, shape, family, seed)
                        with np.errstate(all="ignore"), warnings.catch_warnings():
                            warnings.simplefilter("ignore")
                            try:
                                results = run(function, a, axis, seed)
                            except OverflowError:
                                results = [np.float64(0)]
                        for result in results:
                            result = np.ascontiguousarray(result)
                            little = result.astype(result.dtype.newbyteorder("<"))
                            kind = f"{result.dtype.kind}{result.dtype.itemsize}"
                            crc = zlib.crc32(f"{kind}{result.shape}".encode(), crc)
                            crc = zlib.crc32(little.tobytes(), crc)
                sums[f"{function} {dtype} {axis}"] = f"{crc:08x}"
    return sums


@pytest.mark.parametrize("function", FUNCTIONS)
def test_bits_are_those_of_before(function):
    expected = json.loads(TABLE.read_text())
    found = {key: value for key, value in table().items() if key.split()[0] == function}
    assert found == {key: value for key, value in expected.items() if key.split()[0] == function}


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_on_every_instruction_set(isa):
    environment = {**os.environ, "MYPACKAGE_ISA": isa, "MYPACKAGE_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, __file__], env=environment, capture_output=True, text=True, check=False
    )
    if "not available on this processor" in done.stderr:
        pytest.skip(f"this processor has no {isa}")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(TABLE.read_text())


if __name__ == "__main__":
    print(json.dumps(table(), indent=0))
