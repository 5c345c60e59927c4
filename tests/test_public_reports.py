"""A museum of wrong numbers: public bug reports, written anew from their symptoms.

The tests assert what is right. What the others gave, and give today, is printed by the command

    python tests/test_public_reports.py

and asserted nowhere: it is theirs to mend.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
from reference import root_to_format, to_format

import mypackage


class Report(NamedTuple):
    """A public report.

    Attributes
    ----------
    thread : str
        Where it was made: project and number.
    version : str
        Of the project, in which the number was seen.
    mended : str
        What has become of it.
    symptom : str
    ours, right : callable
        The number by this package, and what it must be, to the last bit.
    theirs : callable
        The number by the project itself; an ImportError where it is not installed.
    """

    thread: str
    version: str
    mended: str
    symptom: str
    ours: Callable[[], Any]
    right: Callable[[], Any]
    theirs: Callable[[], Any]


def scatter(values: Any) -> tuple[int, Fraction]:
    """How many numbers, and their variance times the square of that."""
    exact = [Fraction(x) for x in np.asarray(values).ravel().tolist()]
    n, total = len(exact), sum(exact, Fraction())
    return n, n * sum((x * x for x in exact), Fraction()) - total * total


def var(values: Any, ddof: int = 0) -> float:
    n, v = scatter(values)
    return float(to_format(v / (n * (n - ddof)), np.float64))


def std(values: Any, ddof: int = 0, dtype: Any = np.float64) -> float:
    n, v = scatter(values)
    return float(root_to_format(v / (n * (n - ddof)), dtype))


def rolling(function: Callable[..., float], values: Any, window: int, ddof: int = 0) -> list[float]:
    """What each whole window has, counted from the first."""
    values = np.asarray(values)
    windows = np.lib.stride_tricks.sliding_window_view(values, window)
    return [function(one, ddof) for one in windows]


def total(values: Any) -> Fraction:
    return sum((Fraction(x) for x in np.asarray(values).ravel().tolist()), Fraction())


def exact_total(values: Any) -> float:
    return float(to_format(total(values), np.float64))


def pandas() -> Any:
    import pandas

    return pandas


def generator() -> np.random.Generator:
    return np.random.default_rng(20230101)


ONES = np.broadcast_to(np.float32(1), (20_000_000, 2))
MANY = np.broadcast_to(np.float32(1), (4000, 10_000))
WARM = generator().uniform(250, 320, (300_000, 3)).astype(np.float32)
SPIKE = np.array([1000.0] + [0.0] * 30)
STEP = np.array([0.0] * 5 + [-1.0] + [0.0] * 9)
TINY = np.array([0, 0, 3.16188252e-18, 2.95781651e-16, 2.23153542e-51, 0, 0, 5.39943432e-48])
LARGE = np.array([1.2e3, 1.3e17, 1.5e17, 1.995e3, 1.990e3])
SMALL = np.array([1.0, 1e-7] + [0.0] * 8)
SALT = 1e6 + generator().uniform(0, 1, 1200) / 100
MONTH = np.arange(1200) % 12
NOISE = generator().normal(size=(100, 300))
CANCEL = np.array([1e16, 1.0, 3.0, -1e16, 0.1, 7.0, 1e16, -1e16])
TREND = generator().normal(size=100_000) + 1e6


def moving(name: str, values: np.ndarray, window: int, **options: Any) -> list[float]:
    """By this package: what each whole window has."""
    result = getattr(mypackage, name)(values, window, **options)
    return [float(x) for x in result[window - 1 :]]


def pandas_moving(name: str, values: np.ndarray, window: int) -> list[float]:
    result = getattr(pandas().Series(values).rolling(window), name)()
    return [float(x) for x in result[window - 1 :]]


def flox_std() -> float:
    import dask.array as da
    import xarray as xr

    a = xr.DataArray(da.from_array(SALT, chunks=100), dims="t", coords={"m": ("t", MONTH)})
    return float(a.groupby("m").std("t")[3])


def chunked(name: str) -> Any:
    import dask.array as da

    array = da.from_array(CANCEL, chunks=3)
    return getattr(array, name)()


REPORTS = [
    Report(
        "numpy#9631",
        "1.13",
        "open",
        "the variance of ten equal numbers is not 0",
        lambda: mypackage.var([6715266981.538051] * 10),
        lambda: 0.0,
        lambda: np.var([6715266981.538051] * 10),
    ),
    Report(
        "numpy#32445",
        "2.4",
        "closed as expected",
        "std of a constant float64 array is not 0",
        lambda: mypackage.std(np.full(1448, 1.81), ddof=1),
        lambda: 0.0,
        lambda: np.std(np.full(1448, 1.81), ddof=1),
    ),
    Report(
        "numpy#27782",
        "2.1",
        "closed as expected",
        "seven equal products deviate by 4",
        lambda: mypackage.std(np.prod(np.full((7, 10), 45.0), axis=1)),
        lambda: 0.0,
        lambda: np.std(np.prod(np.full((7, 10), 45.0), axis=1)),
    ),
    Report(
        "numpy#17261",
        "1.19",
        "closed as a duplicate",
        "three times -0.087 has a std, 20.0 has none",
        lambda: mypackage.std([-0.087] * 3),
        lambda: 0.0,
        lambda: np.std([-0.087] * 3),
    ),
    Report(
        "pandas#67022",
        "3.0",
        "closed",
        "Series.std of a constant is not 0",
        lambda: mypackage.std(np.full(1448, 0.576), ddof=1),
        lambda: 0.0,
        lambda: float(pandas().Series(np.full(1448, 0.576)).std()),
    ),
    Report(
        "SALib#344",
        "1.3 on numpy 1.19",
        "worked around",
        "a constant output seems sensitive",
        lambda: mypackage.var([192.53] * 1001),
        lambda: 0.0,
        lambda: np.var([192.53] * 1001),
    ),
    Report(
        "scikit-learn#17794",
        "0.23",
        "by a threshold",
        "a constant feature of 14.62 is scaled to -1",
        lambda: mypackage.std(np.full(1000, 14.62)),
        lambda: 0.0,
        lambda: np.std(np.full(1000, 14.62)),
    ),
    Report(
        "scikit-learn#3722",
        "0.14",
        "by a threshold",
        "eight times log(1e-5) is no constant",
        lambda: mypackage.std(np.full(8, np.log(1e-5))),
        lambda: 0.0,
        lambda: np.std(np.full(8, np.log(1e-5))),
    ),
    Report(
        "numpy#20381",
        "1.20",
        "closed",
        "a constant float32 column varies beside another one",
        lambda: mypackage.var(np.full((10, 2), 0.1, np.float32), axis=0)[0],
        lambda: np.float32(0),
        lambda: np.var(np.full((10, 2), 0.1, np.float32), axis=0)[0],
    ),
    Report(
        "numpy#14691",
        "1.17",
        "closed as documented",
        "std of float32 columns is wrong by per cents",
        lambda: float(mypackage.std(WARM[:20_000], axis=0)[0]),
        lambda: float(std(WARM[:20_000, 0], dtype=np.float32)),
        lambda: float(np.std(WARM[:20_000], axis=0)[0]),
    ),
    Report(
        "numpy#7392",
        "1.11",
        "by clipping",
        "a correlation above 1 on the diagonal",
        lambda: mypackage.corrcoef(NOISE).max(),
        lambda: 1.0,
        lambda: np.corrcoef(NOISE).max(),
    ),
    Report(
        "pandas#61120",
        "2.2",
        "closed",
        "two points correlate by 1.15",
        lambda: mypackage.corrcoef([0.0, 1.0], [1.35951, 1.3595100000000007])[0, 1],
        lambda: 1.0,
        lambda: (
            pandas().DataFrame({"x": [0.0, 1.0], "y": [1.35951, 1.3595100000000007]}).corr().x.y
        ),
    ),
    Report(
        "pandas#52407",
        "2.0",
        "closed",
        "a rolling variance is negative",
        lambda: moving("move_var", TINY, 3, ddof=1),
        lambda: rolling(var, TINY, 3, 1),
        lambda: pandas_moving("var", TINY, 3),
    ),
    Report(
        "pandas#42064",
        "1.2",
        "closed",
        "zeros behind one 1000 deviate for ever",
        lambda: moving("move_std", SPIKE, 10, ddof=1)[-1],
        lambda: 0.0,
        lambda: pandas_moving("std", SPIKE, 10)[-1],
    ),
    Report(
        "pandas#44640",
        "1.3",
        "closed as expected",
        "zeros behind one -1 deviate for ever",
        lambda: moving("move_std", STEP, 3, ddof=1),
        lambda: rolling(std, STEP, 3, 1),
        lambda: pandas_moving("std", STEP, 3),
    ),
    Report(
        "pandas#54518",
        "2.0",
        "closed",
        "after 1e17, every rolling std is 0",
        lambda: moving("move_std", LARGE, 2, ddof=1)[-1],
        lambda: std(LARGE[-2:], 1),
        lambda: pandas_moving("std", LARGE, 2)[-1],
    ),
    Report(
        "polars#21677",
        "1.24",
        "closed",
        "a rolling variance is negative, its root NaN",
        lambda: moving("move_var", SMALL, 5, ddof=1)[-1],
        lambda: 0.0,
        lambda: __import__("polars").Series(SMALL).rolling_var(5)[-1],
    ),
    Report(
        "flox#422",
        "0.10",
        "by flox PR 456",
        "the std of a group depends on the chunks",
        lambda: float(mypackage.group_std(MONTH, SALT)[3]),
        lambda: std(SALT[MONTH == 3]),
        flox_std,
    ),
    Report(
        "dask#5725",
        "2.9",
        "by clipping, PR 5728",
        "the variance of a group is negative",
        lambda: mypackage.group_var(np.zeros(5, int), np.full(5, 1.1e8) + 0.1).tolist(),
        lambda: [0.0],
        lambda: float(
            np.mean((np.full(5, 1.1e8) + 0.1) ** 2) - np.mean(np.full(5, 1.1e8) + 0.1) ** 2
        ),
    ),
    Report(
        "numpy#22956",
        "1.24",
        "open",
        "the mean of 20 million float32 ones is 0.84",
        lambda: mypackage.mean(ONES, axis=0).tolist(),
        lambda: [1.0, 1.0],
        lambda: np.mean(ONES, axis=0).tolist(),
    ),
    Report(
        "numpy#8869",
        "1.12",
        "open",
        "a mean of ones over two axes is 0.42",
        lambda: float(mypackage.mean(MANY)),
        lambda: 1.0,
        lambda: float(np.add.reduce(np.asarray(MANY).reshape(-1, 1), axis=0)[0] / MANY.size),
    ),
    Report(
        "numpy#29772",
        "2.3",
        "closed as a duplicate",
        "means of float32 columns are off by per cents",
        lambda: float(mypackage.mean(WARM, axis=0)[1]),
        lambda: float(to_format(total(WARM[:, 1]) / len(WARM), np.float32)),
        lambda: float(np.mean(WARM, axis=0)[1]),
    ),
    Report(
        "numpy#30543",
        "2.3",
        "open",
        "the sum of a column is not that column of the sums",
        lambda: float(mypackage.sum(WARM, axis=0)[2] - mypackage.sum(WARM[:, 2])),
        lambda: 0.0,
        lambda: float(np.sum(WARM, axis=0)[2] - np.sum(WARM[:, 2])),
    ),
    Report(
        "numpy#13240",
        "1.16",
        "closed as documented",
        "the mean depends on C or Fortran order",
        lambda: float(mypackage.sum(WARM) - mypackage.sum(np.asfortranarray(WARM))),
        lambda: 0.0,
        lambda: float(np.sum(WARM) - np.sum(np.asfortranarray(WARM))),
    ),
    Report(
        "numpy#14909",
        "1.17",
        "open",
        "cumsum()[-1] is not sum()",
        lambda: float(mypackage.cumsum(TREND)[-1] - mypackage.sum(TREND)),
        lambda: 0.0,
        lambda: float(np.cumsum(TREND)[-1] - np.sum(TREND)),
    ),
    Report(
        "numpy#8786",
        "1.12",
        "open",
        "a few summands suffice to lose everything",
        lambda: float(mypackage.sum(CANCEL[:4])),
        lambda: 4.0,
        lambda: float(np.sum(CANCEL[:4])),
    ),
    Report(
        "cpython#132667",
        "3.13",
        "open",
        "fsum raises OverflowError for a sum that is 0",
        lambda: float(mypackage.sum([1e308, 1e308, -1e308, -1e308])),
        lambda: 0.0,
        lambda: _error(lambda: math.fsum([1e308, 1e308, -1e308, -1e308])),
    ),
    Report(
        "pandas#38778",
        "1.2",
        "by Kahan's sums",
        "the sum of one group is not the column's",
        lambda: float(mypackage.group_sum(np.zeros(8, int), CANCEL)[0]),
        lambda: exact_total(CANCEL),
        lambda: float(pandas().Series(CANCEL).groupby(np.zeros(8, int)).sum()[0]),
    ),
    Report(
        "xarray#2902",
        "0.12",
        "open",
        "a sum depends on the size of the chunks",
        lambda: float(mypackage.sum(chunked("rechunk")).compute()),
        lambda: exact_total(CANCEL),
        lambda: float(chunked("sum").compute()),
    ),
    Report(
        "dask#12359",
        "2025",
        "open",
        "a cumulative sum depends on the chunks",
        lambda: float(mypackage.cumsum(chunked("rechunk"))[-1].compute()),
        lambda: exact_total(CANCEL),
        lambda: float(chunked("rechunk").cumsum(axis=0)[-1].compute()),
    ),
]


def _error(function: Callable[[], Any]) -> Any:
    try:
        return function()
    except (ArithmeticError, ValueError) as error:
        return type(error).__name__


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.thread)
def test_report(report):
    if "move_" in "".join(report.ours.__code__.co_consts.__repr__()) and not hasattr(
        mypackage, "move_var"
    ):
        pytest.skip("no rolling windows in this build")
    if report.thread in ("xarray#2902", "dask#12359"):
        pytest.importorskip("dask.array")
    ours, right = report.ours(), report.right()
    assert repr(np.asarray(ours).tolist()) == repr(np.asarray(right).tolist())


def test_there_are_enough_of_them():
    assert len(REPORTS) >= 25 and len({report.thread for report in REPORTS}) == len(REPORTS)


def main() -> None:
    """Print what each of them gives today."""
    warnings.simplefilter("ignore")
    for report in REPORTS:
        try:
            theirs = report.theirs()
        except ImportError as error:
            theirs = f"({error.name} is not installed)"
        try:
            ours = report.ours()
        except AttributeError as error:
            ours = str(error)
        print(f"{report.thread:20} {report.symptom}")
        print(f"{'':20} seen in {report.version}; {report.mended}")
        print(f"{'':20} theirs {_short(theirs)}")
        print(f"{'':20} ours   {_short(ours)}")


def _short(value: Any) -> str:
    text = repr(np.asarray(value).tolist())
    return text if len(text) < 70 else f"{text[:66]} ..."


if __name__ == "__main__":
    sys.exit(main())
