"""``mypackage sum --op var`` and its kin: exact, from files in pieces, with checkpoints."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

import mypackage
from mypackage._core.reductions import STATEFUL
from mypackage._files import formats
from mypackage._files.pieces import Options
from mypackage._files.streams import Stream

VALUES = 1e9 + np.random.default_rng(1).normal(size=3000)


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "mypackage", *map(str, arguments)], capture_output=True, text=True
    )


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    rows = [f"{'ab'[i % 2]},{x!r},{i}" for i, x in enumerate(VALUES.tolist())]
    path.write_text("\n".join(["kind,x,n", *rows]) + "\n")
    return path


@pytest.mark.parametrize("op", ["var", "std", "norm"])
def test_of_columns(table, op):
    result = run("sum", "--op", op, "--columns", "x,n", table)
    assert result.returncode == 0, result.stderr
    got = dict(line.split("\t") for line in result.stdout.splitlines())
    function = getattr(mypackage, op)
    assert float(got["x"]) == function(VALUES)
    assert float(got["n"]) == function(np.arange(3000))


def test_ddof_and_groups(table):
    result = run("var", "--ddof", "1", "--by", "kind", "--columns", "x", "--json", table)
    assert result.returncode == 0, result.stderr
    got = json.loads(result.stdout)["results"]
    assert [one["value"] for one in got] == [
        mypackage.var(VALUES[::2], ddof=1),
        mypackage.var(VALUES[1::2], ddof=1),
    ]
    assert [one["count"] for one in got] == [1500, 1500]
    result = run("sum", "--op", "std", "--ddof", "0.5", "--columns", "x", table)
    assert float(result.stdout) == mypackage.std(VALUES, ddof=0.5)
    assert run("sum", "--ddof", "1", table).returncode == 2


def test_of_arrays(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, VALUES.reshape(1000, 3))
    assert float(run("var", path).stdout) == mypackage.var(VALUES)
    got = run("var", "--axis", "0", path).stdout.split()
    assert [float(x) for x in got] == mypackage.var(VALUES.reshape(1000, 3), axis=0).tolist()
    got = run("std", "--axis", "1", "--ddof", "1", path).stdout.split()
    expected = mypackage.std(VALUES.reshape(1000, 3), axis=1, ddof=1)
    assert [float(x) for x in got] == expected.tolist()


@pytest.mark.parametrize(
    "op", [name for name, row in STATEFUL.items() if row.state == "ExactMoments"]
)
def test_checkpoints_hold_the_state(tmp_path, op):
    path, checkpoint = tmp_path / "a.npy", tmp_path / "state"
    np.save(path, VALUES)
    stream = Stream([formats.source(path, None)], Options(op=op))
    stream.run()
    stream.save(checkpoint)
    again = Stream([formats.source(path, None)], Options(op=op))
    again.load(checkpoint)
    assert again.results()[0].value == stream.results()[0].value == getattr(mypackage, op)(VALUES)


def test_ddof_that_is_no_number(tmp_path):
    result = run("var", tmp_path / "x.csv", "--ddof", "one")
    assert result.returncode == 2 and "--ddof: 'one' is not a number" in result.stderr


def test_integers_of_any_size(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text(f"k,n\na,{2**70}\na,1\nb,{-(10**290)}\nb,{10**290 + 2**970}\n")
    values = [2**70, 1, -(10**290), 10**290 + 2**970]

    def variance(numbers):
        mean = Fraction(sum(numbers), len(numbers))
        return float(sum((x - mean) ** 2 for x in numbers) / len(numbers))

    result = run("var", path, "--columns", "n", "--dtype", "float64")
    assert float(result.stdout) == math.inf
    for op, expected in (("var", variance(values[:2])), ("std", math.sqrt(variance(values[:2])))):
        result = run(op, path, "--columns", "n", "--by", "k")
        assert float(result.stdout.split()[3]) == pytest.approx(expected, rel=1e-15)
    path.write_text(f"n\n{2**70}\n1\n")
    assert float(run("var", path).stdout) == variance(values[:2])
    path.write_text(f"n\n{10**400}\n1\n")
    result = run("var", path)
    assert result.returncode == 1 and "beyond 2**1000: only sums and means" in result.stderr
