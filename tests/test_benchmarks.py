"""The benchmarks run, check what they time, and hold it to targets; nothing here asserts a time."""

import csv
import math
import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from mypackage._native import build_info


@pytest.fixture(scope="module", autouse=True)
def modules(root):
    """The benchmarks' modules, found as their scripts find them."""
    sys.path.append(str(root / "benchmarks"))
    yield
    sys.path.remove(str(root / "benchmarks"))


@pytest.mark.skipif(build_info()["profile"] != "release", reason="refuses a debug build")
@pytest.mark.parametrize("name", ["sums", "reductions", "processors", "moments", "windows"])
def test_smoke(name, root, tmp_path):
    """Every case runs and is right, on each instruction set, and goes into the record."""
    record = tmp_path / "record.csv"
    script = root / "benchmarks" / f"{name}.py"
    run = subprocess.run(
        [sys.executable, str(script), "--smoke", "--csv", str(record)],
        # Else only that one is measured.
        env={name: value for name, value in os.environ.items() if name != "MYPACKAGE_ISA"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    with record.open(newline="") as file:
        rows = list(csv.DictReader(file))
    cases = {isa: [] for isa in build_info()["isas_available"]}
    for row in rows:
        cases[row["isa"]].append((row["case"], row["threads"]))
        assert float(row["ns per element"]) > 0
    assert len(cases[build_info()["isa"]]) > 20
    assert all(found == cases[build_info()["isa"]] for found in cases.values())


@pytest.mark.skipif(build_info()["profile"] != "release", reason="its figures would mislead")
def test_threads(root):
    """Any number of threads gives one result."""
    script = root / "benchmarks" / "threads.py"
    run = subprocess.run([sys.executable, str(script), "--smoke"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("us") >= 3 * 4


@pytest.mark.parametrize("isa", build_info()["isas_available"][:-1])
def test_peers_have_the_instructions_that_ours_have(isa):
    """On a processor with more, NumPy does without them where ours do."""
    from pairs import peers_limited_to

    variables = peers_limited_to(isa)
    names = set(variables["NPY_DISABLE_CPU_FEATURES"].split())
    # (As NumPy 2.4 calls them, and before.)
    assert bool(names & {"X86_V3", "AVX2"}) == (isa == "baseline")
    code = """if True:
        import numpy as np
        core = np._core if hasattr(np, "_core") else np.core
        print(*(name for name, has in core._multiarray_umath.__cpu_features__.items() if has))
    """
    run = [sys.executable, "-c", code]
    usual, limited = (
        set(subprocess.check_output(run, text=True, env={**os.environ, **more}).split())
        for more in ({}, variables)
    )
    assert limited < usual
    assert not limited & names


def case(check, targets=()):
    from pairs import Case, task

    return Case("one", lambda: task(1, int, {"peer": int}, check), 1, targets)


def test_a_wrong_answer_ends_it():
    from pairs import Scale, measure

    with pytest.raises(SystemExit, match="wrong"):
        measure(case(lambda answer: answer == 1), Scale.SMOKE)
    answers = iter([True, False])
    with pytest.raises(SystemExit, match="changed"):
        measure(case(lambda answer: next(answers)), Scale.SMOKE)


def test_targets(monkeypatch):
    import pairs
    from pairs import Scale, Target, measure

    monkeypatch.setattr(pairs, "BEST", True)
    targets = Target("peer", 0.0), Target("peer", math.inf), Target("absent", math.inf)
    other = Target("peer", math.inf, isa="another")
    for chosen, shown, missed in [
        ((targets[0],), "peer 0", ""),
        ((targets[1],), "peer inf", "peer"),
        ((targets[2], other), "", ""),
    ]:
        row = measure(case(lambda answer: True, chosen), Scale.QUICK)
        assert (row["targets"], row["missed"]) == (shown, missed)


def test_the_readme_has_the_recorded_figures(root, monkeypatch, capsys):
    import figure

    monkeypatch.setattr(figure, "draw", lambda ratios: None)
    figure.main()
    table = capsys.readouterr().out
    assert len(table.splitlines()) == 2 + len(figure.ROWS)
    assert table in (root / "README.md").read_text(), "python benchmarks/figure.py prints it"


def test_a_debug_build_is_refused(monkeypatch):
    import pairs

    monkeypatch.setattr(pairs, "build_info", lambda: {**build_info(), "profile": "debug"})
    monkeypatch.setattr(sys, "argv", ["sums.py"])
    with pytest.raises(SystemExit, match="debug build"):
        pairs.main(lambda scale: [], "")


def test_oracles():
    """What answers are compared with, against fractions."""
    from inputs import DIFFICULT, ORDINARY, numbers
    from oracles import exact_dot, exact_sum

    for kind in [*ORDINARY, *DIFFICULT]:
        values = numbers(kind, 3000)
        assert np.isfinite(values).all()
        assert exact_sum(values) == sum(map(Fraction, values.tolist()))
    x, y = numbers("normal", 300), numbers("lognormal", 300)
    assert exact_dot(x, y) == sum(
        Fraction(a) * Fraction(b) for a, b in zip(x.tolist(), y.tolist(), strict=True)
    )
    integers = np.array([2**62, 2**62, -(2**63) + 1, 2**33, -1])
    assert exact_sum(integers) == sum(integers.tolist())
    assert exact_sum(np.array([True, False, True])) == 2


def test_the_numbers_are_as_difficult_as_they_are_called():
    from inputs import numbers
    from oracles import exact_sum

    assert exact_sum(numbers("total cancellation", 1000)) == 0
    assert (numbers("subnormals", 1000) < np.finfo(np.float64).smallest_normal).all()
    for kind, binades in ("wide exponents", 500), ("random bits", 1900):
        exponents = np.frexp(numbers(kind, 1000))[1]
        assert exponents.max() - exponents.min() > binades
