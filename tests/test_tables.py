"""Parquet and Arrow files on the command line: typed columns, indexes, decimals, groups."""

import json
import shlex
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import to_float

from mypackage._cli import main
from mypackage._files import pieces
from mypackage._files.formats import source
from mypackage._files.pieces import Options
from mypackage._files.streams import Stream

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(params=["parquet", "arrow"])
def file(request, tmp_path):
    """Writes a table in either format, a few rows at a time, and gives its path."""

    def write(columns):
        table = columns if isinstance(columns, pa.Table) else pa.table(columns)
        path = tmp_path / f"values.{request.param}"
        if request.param == "parquet":
            parquet.write_table(table, path, row_group_size=3)
        else:
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table, max_chunksize=2)
        return path

    return write


def output(capsys, *arguments):
    """What a command prints that has nothing to tell."""
    assert main(["sum", *map(str, arguments)]) == 0, capsys.readouterr().err
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def refusal(capsys, *arguments):
    """The one line with which a command refuses bad data."""
    assert main(["sum", *map(str, arguments)]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    return captured.err


def test_columns_keep_their_types(file, capsys):
    """No column is cast to another's type; integers print in full."""
    path = file(
        {
            "a": pa.array([2**60 + 1, 2**63 - 1, -1]),
            "b": [0.5, 0.25, 1.0],
            "c": pa.array([0.1, 0.2, 0.3], "float32"),
            "d": [True, False, True],
            "e": pa.array([2**64 - 1, 1, 1], "uint64"),
        }
    )
    sums = [2**60 + 2**63 - 1, 1.75, np.float32(0.6), 2, 2**64 + 1]
    lines = "".join(f"{name}\t{value!s}\n" for name, value in zip("abcde", sums, strict=True))
    assert output(capsys, path) == lines
    assert output(capsys, path, "--axis", "0") == lines
    assert output(capsys, path, "--columns", "e,a", "--total") == f"{sums[4] + sums[0]}\n"
    exact = Fraction(sums[0]) + Fraction("1.75")
    assert output(capsys, path, "--columns", "a,b", "--total") == f"{to_float(exact)}\n"
    shown = json.loads(output(capsys, path, "--json"))["results"]
    assert [result["value"] for result in shown] == [*sums[:2], 0.6, *sums[3:]]
    rows = output(capsys, path, "--columns", "a,b", "--axis", "1").split()
    assert [float(x) for x in rows] == [float(2**60 + 1), float(2**63), 0.0]
    assert output(capsys, path, "--columns", "a", "--dtype", "float32") == "1.0376294e+19\n"


def test_texts_are_chosen_away(file, capsys):
    """The list of the other columns is there to be pasted."""
    path = file({"day of": ["x"], "a b": [1], "c": [2.5]})
    line = refusal(capsys, path)
    assert "column day of: there is no exact sum of string elements" in line
    assert output(capsys, path, shlex.split(line)[-1]) == "a b\t1\nc\t2.5\n"
    assert "column c is given twice" in refusal(capsys, path, "--columns", "c,2")


def test_an_index_is_left_out(file, capsys):
    """All columns of it, as pandas' metadata names them; this is told, and can be undone."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"k": [1, 2], "l": [5, 5], "x": [0.5, 1]})
    path = file(pa.Table.from_pandas(frame.set_index(["k", "l"])))
    assert main(["sum", str(path)]) == 0
    told = capsys.readouterr()
    assert told.out == "1.5\n"
    assert "the index columns k, l are left out; --columns takes them" in told.err
    assert output(capsys, path, "--quiet") == "1.5\n"
    assert output(capsys, path, "--columns", "k,x") == "k\t3\nx\t1.5\n"
    assert output(capsys, path, "--by", "l", "--quiet") == "l\tx\n5\t1.5\n"
    path = file(pa.Table.from_pandas(frame))
    assert output(capsys, path) == "k\t3\nl\t10\nx\t1.5\n"


def test_decimals_are_exact(file, capsys):
    """At the largest scale; other operations and a total with floats are refused."""
    small = pa.array([Decimal("0.10"), None, Decimal("-0.30")], pa.decimal128(5, 2))
    large = pa.array([Decimal("9" * 33 + ".125"), Decimal("0.001"), None], pa.decimal128(38, 3))
    huge = pa.array([Decimal("9" * 60), Decimal(-1), Decimal(2)], pa.decimal256(70, 1))
    path = file({"a": small, "b": large, "c": huge, "n": [1, 2, 3], "f": [0.5, 0.5, 0.5]})
    assert output(capsys, path, "--skip-nulls", "--columns=a,b,c") == (
        f"a\t-0.20\nb\t{'9' * 33}.126\nc\t1{'0' * 60}.0\n"
    )
    total = f"1{'0' * 32}4.926\n"
    assert output(capsys, path, "--skip-nulls", "--columns=n,a,b", "--total") == total
    assert "--op mean" in refusal(capsys, path, "--columns=c", "--op", "mean")
    assert "have no common total" in refusal(capsys, path, "--columns=c,f", "--total")
    assert "column a: 1 of" in refusal(capsys, path, "--columns=a")
    assert output(capsys, path, "--columns=c", "--dtype", "float64") == "1e+60\n"


@settings(deadline=None, max_examples=30)
@given(
    numbers=st.lists(
        st.none() | st.decimals(-(10**30), 10**30, places=3, allow_nan=False), min_size=1
    ),
    offset=st.integers(0, 3),
)
def test_words_of_decimals(numbers, offset):
    """Every digit of 128 bits, also of a slice."""
    from mypackage._files.tables import _column

    column = _column(pa.array(numbers, pa.decimal128(38, 3))[offset:], "x", missing=True)
    wide = dict(column.wide)
    shown = [wide.get(row, int(value)) for row, value in enumerate(column.values)]
    assert shown == [0 if x is None else int(Fraction(x) * 1000) for x in numbers[offset:]]
    nulls = [] if column.nulls is None else column.nulls.tolist()
    assert nulls == [row for row, x in enumerate(numbers[offset:]) if x is None]


def test_groups_of_typed_keys(file, capsys):
    """They print as they are, and numbers are sorted as numbers."""
    path = file(
        {
            "n": pa.array([10, 9, 9, 10, -1]),
            "f": pa.array([0.1, np.nan, np.nan, -np.inf, 2], "float32"),
            "s": pa.array(["b", "a", "a", "b", "a"]).dictionary_encode(),
            "t": pa.array([0, 1, 1, 0, 0], pa.date32()),
            "x": [0.5, 1.0, 2.0, 4.0, 8.0],
        }
    )
    by_number = "n\tx\n-1\t8.0\n9\t3.0\n10\t4.5\n"
    assert output(capsys, path, "--by", "n", "--columns", "x") == by_number
    assert output(capsys, path, "--by", "f", "--columns", "x") == (
        "f\tx\n-inf\t4.0\n0.1\t0.5\n2.0\t8.0\nnan\t3.0\n"
    )
    assert output(capsys, path, "--by", "s,t", "--columns", "x") == (
        "s\tt\tx\na\t1970-01-01\t8.0\na\t1970-01-02\t3.0\nb\t1970-01-01\t4.5\n"
    )
    path = file({"k": ["a", None, "a"], "x": [1, 2, None], "y": [0.5, np.nan, np.nan]})
    line = refusal(capsys, path, "--by", "k", "--op", "nansum")
    assert "column k: 1 of" in line and "keys are null; --skip-nulls" in line
    assert output(capsys, path, "--by", "k", "--skip-nulls", "--op", "nansum") == (
        "k\tx\ty\na\t1\t0.5\n"
    )


def test_groups_survive_a_checkpoint(file, monkeypatch):
    """From every batch on."""
    monkeypatch.setattr(pieces, "BATCH_ROWS", 2)
    rng = np.random.default_rng(0)
    keys, values = rng.integers(0, 5, 30), rng.standard_normal(30)
    decimals = pa.array([Decimal(int(x)) for x in keys], pa.decimal128(9, 2))
    path = file({"k": keys, "x": values, "d": decimals})
    options = Options(by=["k"])
    whole = Stream([source(path, None)], options)
    whole.run()
    expected = {
        str(k): to_float(sum(map(Fraction, values[keys == k].tolist()))) for k in sorted(set(keys))
    }
    assert {x.by["k"]: x.value for x in whole.results() if x.column == "x"} == expected
    parts = list(Stream([source(path, None)], options).pieces())
    assert len(parts) > 10
    for stop in range(len(parts)):
        first = Stream([source(path, None)], options)
        for piece in parts[:stop]:
            first._add(piece)
        first.save(path.with_name("state"))
        second = Stream([source(path, None)], options)
        second.load(path.with_name("state"))
        second.run()
        assert second.results() == whole.results()


def test_time_differences(file, capsys, tmp_path):
    """Exact in ticks; NaT is their NaN; means are rounded half to even."""
    times = pa.array([5, None, 2, 0], pa.duration("ms"))
    more = pa.array([2**62, 2**62, 1, -(2**62)], pa.duration("ns"))
    path = file({"t": times, "u": more, "x": [1, 2, 3, 4]})
    assert output(capsys, path, "--columns", "t", "--skip-nulls") == "7 milliseconds\n"
    assert output(capsys, path, "--columns", "u") == f"{2**62 + 1} nanoseconds\n"
    assert output(capsys, path, "--columns", "t", "--op", "nanmean") == "2 milliseconds\n"
    assert output(capsys, path, "--columns", "t", "--by", "x", "--skip-nulls", "--dtype=m8[s]") == (
        "x\tt\n1\t0 seconds\n2\t0 seconds\n3\t0 seconds\n4\t0 seconds\n"
    )
    total = ["--columns", "t,u", "--total", "--skip-nulls"]
    assert output(capsys, path, *total) == f"{2**62 + 1 + 7_000_000} nanoseconds\n"
    assert "have no common total" in refusal(capsys, path, "--columns", "u,x", "--total")
    assert "u: column" not in refusal(capsys, path, "--columns", "u", "--dtype", "float64")
    path = file({"u": pa.array([2**62, 2**62], pa.duration("ns"))})
    assert "does not fit" in refusal(capsys, path)
    array = np.array([[5, 1], ["NaT", 1], [2, 1]], "m8[s]")
    np.save(tmp_path / "values.npy", array)
    path = tmp_path / "values.npy"
    assert output(capsys, path) == "NaT\n"
    assert output(capsys, path, "--op", "nansum") == "10 seconds\n"
    assert output(capsys, path, "--axis", "0") == "NaT\t3 seconds\n"
    assert output(capsys, path, "--axis", "0", "--op", "nanmean") == "4 seconds\t1 seconds\n"


def test_dates(file, capsys, tmp_path):
    """Means, half to even in their unit; no sums."""
    days = pa.array([1, 2, 4, 4], pa.date32())
    times = pa.array([1, None, 2, 2], pa.timestamp("us"))
    zoned = pa.array([1, 2, 3, 4], pa.timestamp("us", "Asia/Tokyo"))
    spans = pa.array([1, 2, 3, 4], pa.duration("us"))
    columns = {"d": days, "t": times, "z": zoned, "s": spans, "k": [0, 1, 0, 1]}
    path = file(columns)
    mean = [path, "--op", "mean", "--columns"]
    assert output(capsys, *mean, "d") == "1970-01-04\n"
    assert output(capsys, *mean, "t", "--skip-nulls") == "1970-01-01T00:00:00.000002\n"
    assert output(capsys, *mean, "t", "--op", "nanmean") == "1970-01-01T00:00:00.000002\n"
    assert output(capsys, *mean, "d,s") == "d\t1970-01-04\ns\t2 microseconds\n"
    assert output(capsys, *mean, "d", "--by", "k") == "k\td\n0\t1970-01-03\n1\t1970-01-04\n"
    assert output(capsys, *mean, "d", "--dtype", "M8[h]") == "1970-01-03T18\n"
    results = json.loads(output(capsys, *mean, "d,s", "--json"))["results"]
    assert [one["value"] for one in results] == ["1970-01-04", "2 microseconds"]
    assert "no exact sum of date32" in refusal(capsys, path, "--columns", "d")
    assert "values are null; --skip-nulls" in refusal(capsys, *mean, "t")
    assert "without its time zone; mypackage.mean" in refusal(capsys, *mean, "z")
    assert "dates and time differences" in refusal(capsys, *mean, "d,s", "--total")
    assert "a datetime64, not float64" in refusal(capsys, *mean, "d", "--dtype", "float64")
    np.save(tmp_path / "days.npy", np.array(["2020-01-01", "2020-01-03"], "M8[D]"))
    assert output(capsys, tmp_path / "days.npy", "--op", "mean") == "2020-01-02\n"
    assert "dates have exact means only" in refusal(capsys, tmp_path / "days.npy")


def test_types_that_differ_from_file_to_file(file, capsys, tmp_path):
    """Decimals are no integers of their digits, nor the other way round."""
    first = file({"x": pa.array([Decimal("1.5")], pa.decimal128(5, 1))})
    others = {
        name: tmp_path / f"{name}.parquet" for name in ("integers", "floats", "times", "decimals")
    }
    parquet.write_table(pa.table({"x": [1]}), others["integers"])
    parquet.write_table(pa.table({"x": [0.5]}), others["floats"])
    parquet.write_table(pa.table({"x": pa.array([1], pa.duration("s"))}), others["times"])
    parquet.write_table(
        pa.table({"x": pa.array([Decimal("0.25")], pa.decimal128(5, 2))}), others["decimals"]
    )
    assert output(capsys, first, others["integers"], others["decimals"]) == "2.75\n"
    for one, other in (("floats", first), ("integers", first), ("times", first)):
        assert "column x: " in refusal(capsys, others[one], other)
    for other in ("floats", "times"):
        assert "column x: " in refusal(capsys, first, others[other])
