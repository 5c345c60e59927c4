"""Delimited text: the numbers that it says, however it is written and cut, or an error."""

import codecs
import csv
import gzip
import io
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference import to_float

from mypackage._cli import main
from mypackage._files import pieces
from mypackage._files.formats import source
from mypackage._files.pieces import Options, UsageError
from mypackage._files.streams import Stream

CO2 = Path(__file__).parents[1] / "examples" / "co2.csv"


@pytest.fixture
def file(tmp_path):
    """Writes a text, or bytes, and gives its path."""

    def write(content, name="values.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def run(capsys, *arguments):
    """Output and messages of a command that succeeds."""
    assert main(["sum", *map(str, arguments)]) == 0, capsys.readouterr().err
    return capsys.readouterr()


def output(capsys, *arguments):
    """Output alone, of which nothing is told."""
    captured = run(capsys, *arguments, "--quiet")
    assert captured.err == ""
    return captured.out


def refusal(capsys, *arguments):
    """The one line with which a command refuses bad data."""
    assert main(["sum", *map(str, arguments)]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    return captured.err


def misuse(capsys, *arguments):
    """The last line with which a command refuses its options."""
    with pytest.raises(SystemExit, match="2"):
        main(["sum", *map(str, arguments)])
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()[-1]


def results(path, **options):
    """The results of a stream over one file."""
    stream = Stream([source(path, None)], Options(**options))
    stream.run()
    return stream.results()


# Fields


def test_a_quote_in_the_header_is_a_character(file, capsys):
    """It begins no quoted field, so no row is lost."""
    assert output(capsys, file('size (in "),v\n1,2\n3,4\n'), "--columns", "v") == "6\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r", "\n\r\n\n"])
def test_line_ends(end, file, capsys):
    """LF, CRLF and CR, also at the end or missing there; blank lines do not count."""
    for text in (end.join(["x,y", "1,2", "3,4", ""]), end.join(["", "x,y", "1,2", "3,4"])):
        assert output(capsys, file(text)) == "x\t4\ny\t6\n"


def test_quoted_fields_hold_anything(file, capsys):
    """Delimiters, doubled quotes and line breaks."""
    path = file('\ufeff"day, ""local""\nname",x\n\n"mon\r\nday","0.1"\n"",0.2\n')
    assert output(capsys, path, "--columns", "x") == "0.30000000000000004\n"
    assert "line 4, column day" in refusal(capsys, path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n1,2\n1\n", "line 3 has 1 fields, but the first row 2"),
        ("x,y\n1,2\n\n1,2,3\n", "line 4 has 3 fields, but the first row 2"),
        ('x,y\n1,2\n"3,4"\n', "line 3 has 1 fields"),
        ("x,y\n1,2\n3,4,\n", "line 3 has 3 fields"),
        ('x,y\n1,2\n3,"4\n5,6\n', "line 3: a quote is open at the end of the file"),
        ('x,y\n1,"2"3\n', "line 2: text follows a closing quote"),
        ("x,y\n1,2\n3,\0\n", "line 3 holds a NUL byte"),
        ("x,y\n1,2\n3," + "4" * (2**20 + 1), "line 3: a field is longer than 1048576 bytes"),
        ("x\n1e400\n", "line 2, column x: '1e400' is beyond float64"),
        ("", "holds no rows"),
        ("\n \n", "holds neither texts nor numbers"),
    ],
)
def test_what_is_no_table_is_refused(text, message, file, capsys):
    """With the line where it begins."""
    assert message in refusal(capsys, file(text))


def test_a_stray_quote_takes_no_time(file, capsys):
    """In 6 MB it took nine minutes, and the rest of the file into memory."""
    path = file("x,y\n1,2\n" + '3,"4\n' + "5,6\n" * 1_500_000)
    start = time.perf_counter()
    assert "line 3: a field is longer than" in refusal(capsys, path)
    assert time.perf_counter() - start < 30


def test_rows_that_are_not_chosen_are_looked_at(file, capsys):
    """A damaged row is one whatever is read of it."""
    for columns in ("x", "y", "x,y"):
        path = file('x,y\n1,2\n"3,4"\n')
        assert "line 3 has" in refusal(capsys, path, "--columns", columns)


# Header and columns


def test_what_is_taken_for_the_header_is_told(file, capsys):
    """A row without numbers; one line on stderr, unless a flag or --quiet is given."""
    told = run(capsys, file("x,y\n1,2\n"))
    assert told.out == "x\t1\ny\t2\n"
    assert "values.csv: the first row is taken for the header" in told.err
    assert told.err.startswith("mypackage: ") and told.err.count("\n") == 1
    told = run(capsys, file("1,2\n3,\n"), "--skip-nulls")
    assert told.out == "0\t4\n1\t2\n"
    assert "values.csv: the first row is taken for data" in told.err
    for flag, out in (("--header", "3\n"), ("--no-header", "4\n"), ("--quiet", "4\n")):
        told = run(capsys, file("1\n3\n"), flag)
        assert (told.out, told.err) == (out, "")
    assert run(capsys, file(",y\n1,2\n"), "--columns=1").out == "2\n"


@pytest.mark.parametrize("row", ["alice,10", "x,inf", "x,,1e999"])
def test_a_mixed_first_row_is_refused(row, file, capsys):
    """It could be either; a row would be lost."""
    path = file(f"{row}\n{row}\n")
    assert "--header or --no-header" in refusal(capsys, path, "--columns", "1")
    path = file("alice,10\nbob,20\n")
    assert output(capsys, path, "--columns", "1", "--no-header") == "30\n"
    assert output(capsys, path, "--columns", "1", "--header") == "20\n"


def test_columns(file, capsys):
    """Names first, then numbers; in the order asked for; a text column must be chosen away."""
    path = file('day,x,"a,b",0,-z\nmon,1,2,3,4\n')
    assert "--header" in refusal(capsys, path)
    assert output(capsys, path, "--columns", "2", "--header") == "2\n"
    assert output(capsys, path, "--columns", "0", "--header") == "3\n"
    path = file('day,x,"a,b",-z\nmon,1,2,4\n')
    assert output(capsys, path, "--columns", "2,x") == "a,b\t2\nx\t1\n"
    assert output(capsys, path, "--columns", '"a,b"', "--columns", "x") == "a,b\t2\nx\t1\n"
    line = refusal(capsys, path)
    assert "line 2, column day: 'mon' is not a number; choose other columns with --columns=" in line
    pasted = shlex.split(line)[-1]
    assert output(capsys, path, pasted) == "x\t1\na,b\t2\n-z\t4\n"
    assert "has no column 'q', but day, x" in refusal(capsys, path, "--columns", "q")
    assert "has no column '5'" in refusal(capsys, path, "--columns", "5")
    assert "column x is given twice" in refusal(capsys, path, "--columns", "x,1")
    twice = file("x,y,x\n1,2,3\n")
    assert "several columns are named 'x'; choose by number: 0 or 2" in refusal(
        capsys, twice, "--columns", "x"
    )
    assert output(capsys, twice, "--columns", "2") == "3\n"
    assert "not a row of CSV" in misuse(capsys, path, "--columns", '"x')


def test_an_unnamed_first_column_is_an_index(file, capsys):
    """As pandas writes it; left out unless it is chosen, and told."""
    path = file(",x\n0,1.5\n1,2.5\n")
    told = run(capsys, path)
    assert told.out == "4.0\n"
    assert "the first column has no name and is left out" in told.err
    assert run(capsys, path, "--columns", "0").out == "1\n"


# Results


def test_results_of_a_table(capsys):
    """One for each column; dates are not added to measurements."""
    assert output(capsys, CO2) == "date\t44057076589\nco2\t756816.5\n"
    assert output(capsys, CO2, "--axis", "0") == output(capsys, CO2)
    assert output(capsys, CO2, "--columns", "co2", "--op", "mean") == "340.1422471910112\n"
    assert output(capsys, CO2, "--total") == "44057833405.5\n"
    assert output(capsys, CO2, "--axis=0,1") == "44057833405.5\n"
    mean = to_float(Fraction("44057833405.5") / 4450)
    assert output(capsys, CO2, "--total", "--op", "mean") == f"{mean}\n"


def test_results_of_rows(file, capsys):
    """--axis 1 sums across the columns, exactly."""
    path = file(f"x,y\n{2**53 + 1},-1\n3,\n{10**30},1\n")
    assert output(capsys, path, "--axis", "1", "--op", "nansum") == f"{2**53}\t3\t{10**30 + 1}\n"
    path = file(f"x,y\n{2**53 + 1},0.5\n3,1\n")
    assert output(capsys, path, "--axis=-1") == f"{2.0**53 + 2}\t4.0\n"
    assert "--axis 2: a table has the axes 0 and 1" in refusal(capsys, path, "--axis", "2")
    assert "--by nor --total" in misuse(capsys, path, "--axis", "1", "--total")


def test_totals_of_integers_are_integers(file, capsys):
    """Of others the exact total is rounded once, to float64."""
    path = file(f"x,y,z\n{2**53 + 1},{10**40},0.5\n")
    assert output(capsys, path, "--total", "--columns", "x,y") == f"{10**40 + 2**53 + 1}\n"
    assert output(capsys, path, "--total", "--columns", "x,z") == f"{2.0**53 + 2}\n"


def test_variances_of_integers_beside_fractions(file, capsys):
    """No digit is lost where a column's integers are beyond those of float64."""
    path = file(f"k,x\na,{2**53 + 1}\na,0.5\nb,{-(2**63)}\nb,1\n")
    expected = [to_float((Fraction(x) - y) ** 2 / 4) for x, y in
                ((2**53 + 1, Fraction(1, 2)), (2**63, Fraction(-1)))]  # fmt: skip
    found = output(capsys, path, "--by", "k", "--op", "var")
    assert found == f"k\tx\na\t{expected[0]}\nb\t{expected[1]}\n"
    path = file(f"x\n{2**53 + 1}\n0.5\n")
    assert output(capsys, path, "--op", "var") == f"{expected[0]}\n"
    path = file(f"x\n{2**63}\n0.5\n")
    expected = to_float((Fraction(2**63) - Fraction(1, 2)) ** 2 / 4)
    assert output(capsys, path, "--op", "var") == f"{expected}\n"


def test_json(file, capsys):
    """One line; integers of any size, other specials as strings; the groups' keys."""
    path = file(f"k,x,y,z\na,{10**20},nan,0.1\nb,1,inf,0.2\n")

    def answer(*options):
        out = output(capsys, path, "--json", *options)
        assert out.count("\n") == 1
        return json.loads(out)

    assert answer("--columns=x,y,z") == {
        "op": "sum",
        "files": [str(path)],
        "results": [
            {"column": "x", "value": 10**20 + 1, "count": 2},
            {"column": "y", "value": "nan", "count": 2},
            {"column": "z", "value": 0.1 + 0.2, "count": 2},
        ],
    }
    assert answer("--columns=y", "--by=k", "--op=nansum")["results"] == [
        {"column": "y", "by": {"k": "a"}, "value": 0.0, "count": 0},
        {"column": "y", "by": {"k": "b"}, "value": "inf", "count": 1},
    ]
    assert answer("--columns=z", "--total", "--op=mean")["results"] == [
        {"column": None, "value": 0.15000000000000002, "count": 2}
    ]
    assert answer("--columns=z", "--decimal-exact")["results"][0]["value"] == "0.3"


# Numbers


@pytest.mark.parametrize(
    "text", ["1_000", "0x10", "1,5", "\u0661", "1 2", "+-1", "1e", ".", "NA", "None"]
)
def test_what_is_no_number(text, file, capsys):
    """Python would take some of these, and pyarrow others."""
    assert "is not a number" in refusal(capsys, file(f'x\n"{text}"\n'), "--header")


def test_numbers(file, capsys):
    """Signs, points, exponents, blanks, names in any case."""
    path = file("x\n 1.\n+.5\t\n-2e-1\n1E2\n")
    assert output(capsys, path) == f"{to_float(1 + Fraction('0.5') - Fraction(0.2) + 100)}\n"
    assert output(capsys, file("x\nInf\n-1\n")) == "inf\n"
    assert output(capsys, file("x\nNaN\n1\n")) == "nan\n"
    assert output(capsys, file("x\nNaN\n1\n"), "--op", "nanmean") == "1.0\n"
    assert output(capsys, file("x\n"), "--header") == "0.0\n"
    # nan, and 1e308 + 1e308, are results.
    with np.errstate(over="ignore"):
        assert output(capsys, file("x\n1e308\n1e308\n")) == "inf\n"


integers = st.integers() | st.integers(-(10**40), 10**40)
floats = st.floats(allow_nan=False, allow_infinity=False, max_value=1e300, min_value=-1e300)


@settings(deadline=None)
@given(
    numbers=st.lists(integers | floats | st.none(), min_size=1, max_size=30),
    delimiter=st.sampled_from(",;\t| "),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    piece=st.integers(1, 40),
    notes=st.lists(st.text("ab ,;|\t\"'\r\n#é€😀"), min_size=30, max_size=30),
    header=st.booleans(),
)
def test_dialects_and_pieces(
    tmp_path_factory, monkeypatch_piece, numbers, delimiter, end, quoting, piece, notes, header
):
    """What Python's csv module writes is read back to the exact sum, whatever the pieces."""
    if quoting == csv.QUOTE_MINIMAL:
        # Before Python 3.13 it quotes no line breaks but its own.
        notes = [re.sub("[\r\n]", "", note) for note in notes]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    rows = [("note", "x")] if header else []
    rows += [
        (note, "" if number is None else repr(number))
        for note, number in zip(notes, numbers, strict=False)
    ]
    # A line of one blank field would be none.
    writer.writerows([*row, "-"] for row in rows)
    path = tmp_path_factory.mktemp("csv") / "values.csv"
    path.write_bytes(text.getvalue().encode())
    with monkeypatch_piece(piece):
        (result,) = results(path, op="nansum", columns=["1"], delimiter=delimiter, header=header)
    shown = [number for number in numbers if number is not None]
    exact = sum(map(Fraction, shown), Fraction())
    integral = shown and all(isinstance(number, int) for number in shown)
    assert result.value == (exact if integral else to_float(exact))
    assert type(result.value) is int if integral else np.float64
    assert result.count == len(shown)


@pytest.fixture(scope="module")
def monkeypatch_piece():
    """Sets the size of pieces for a while."""

    class Size:
        def __init__(self, size):
            self.size = size

        def __enter__(self):
            self.before, pieces.TEXT_BYTES = pieces.TEXT_BYTES, self.size

        def __exit__(self, *error):
            pieces.TEXT_BYTES = self.before

    return Size


@settings(deadline=None, max_examples=300)
@given(
    text=st.lists(
        st.sampled_from(
            [
                *'1 2.5 , , # é x "3" " "" 9007199254740993 10000000000000000000000 1e999'.split(),
                *[" ", "\t", "\n", "\n", "\r\n", "\r", "1,2\n"],
            ]
        ),
        max_size=25,
    ).map("".join),
    piece=st.integers(1, 9),
    skip_initial_space=st.booleans(),
    comment=st.sampled_from([None, "#"]),
)
def test_any_text_is_read_alike_in_any_pieces(
    tmp_path_factory, monkeypatch_piece, text, piece, skip_initial_space, comment
):
    """The same results or the same error; and where Python's reader finds numbers, those."""
    path = tmp_path_factory.mktemp("csv") / "values.csv"
    path.write_bytes(text.encode())
    options = {
        "op": "nansum", "header": False, "skip_initial_space": skip_initial_space,
        "comment": comment, "skip_nulls": True,
    }  # fmt: skip

    def outcome():
        try:
            return results(path, **options)
        except ValueError as error:
            return str(error)

    expected = outcome()
    with monkeypatch_piece(piece):
        assert outcome() == expected
    if isinstance(expected, str) or comment or skip_initial_space:
        # An error, or a dialect of which Python's reader says something else.
        return
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    columns = [[field.strip(" \t") for field in column] for column in zip(*rows, strict=True)]
    exact = [sum((Fraction(x) for x in column if x), Fraction()) for column in columns]
    assert [to_float(Fraction(result.value)) for result in expected] == list(map(to_float, exact))


def test_pyarrow_agrees_on_ordinary_numbers(file):
    """An independent reader; where it is known to err, nothing is compared."""
    pa_csv = pytest.importorskip("pyarrow.csv")
    rng = np.random.default_rng(0)
    floats = rng.standard_normal(2000) * 10.0 ** rng.integers(-200, 200, 2000)
    rows = zip(floats.tolist(), rng.integers(-(2**62), 2**62, 2000).tolist(), strict=True)
    path = file("x,y\n" + "".join(f"{x!r},{y}\n" for x, y in rows))
    table = pa_csv.read_csv(path)
    mine = results(path)
    for result, name in zip(mine, ["x", "y"], strict=True):
        exact = sum(map(Fraction, table[name].to_pylist()))
        assert result.value == (exact if name == "y" else to_float(exact))


# Missing values


def test_missing_values(file, capsys):
    """An empty field is a null: refused, or skipped with its count."""
    path = file('x,y\n1,\n2, \n3,""\n4,NA\n')
    assert "line 2, column y: a value is missing; --skip-nulls" in refusal(
        capsys, path, "--na-values", "NA"
    )
    assert "'NA' is not a number" in refusal(capsys, path, "--skip-nulls")
    for options in (["--skip-nulls"], ["--op", "nansum"]):
        assert output(capsys, path, "--na-values=-,NA", *options) == "x\t10\ny\t0.0\n"
    assert output(capsys, path, "--columns", "x") == "10\n"
    path = file("x\n1\n-\n2\n")
    assert output(capsys, path, "--na-values=-", "--skip-nulls", "--op", "mean") == "1.5\n"


# How numbers are written


def test_thousands_and_decimal(file, capsys):
    """Groups of three only; the characters must differ."""
    path = file('x;y\n"1.234,5";1\n-2.345.678;1\n')
    german = ["--delimiter", ";", "--decimal", ",", "--thousands", "."]
    assert output(capsys, path, *german, "--columns", "x") == "-2344443.5\n"
    assert output(capsys, file('x,y\n"1,234",2\n'), "--thousands", ",") == "x\t1234\ny\t2\n"
    assert "'1,5' is not a number" in refusal(capsys, file('x\n"1,5"\n'), "--thousands", ",")
    assert "'1,5' is not a number" in refusal(capsys, file('x\n"1,5"\n'))
    assert output(capsys, file("x\n1 234\n"), "--thousands", " ") == "1234\n"
    for options in (
        ["--decimal", ","], ["--delimiter", ".", "--decimal", "."], ["--thousands", "."],
        ["--delimiter", ";", "--thousands", ";"], ["--delimiter", "#", "--comment", "#"],
        ["--delimiter", "ab"], ["--decimal", "1"], ["--thousands", "e"], ["--delimiter", '"'],
        ["--delimiter", "é"], ["--comment", ""],
    ):  # fmt: skip
        assert options[0] in misuse(capsys, path, *options)


def test_comments_and_spaces(file, capsys):
    """A comment begins a line; spaces may be skipped so that a quote begins its field."""
    path = file('# 1, "\nx, y\n1, "2"\n#\r3, "4"\n', name="values.csv")
    options = ["--comment", "#", "--skip-initial-space"]
    assert output(capsys, path, *options) == "x\t4\ny\t6\n"
    assert "'1#'" in refusal(capsys, file("x\n1#\n"), "--comment", "#")
    assert "is not a number" in refusal(capsys, path, "--comment", "#", "--header")


def test_tabs(file, capsys):
    """A suffix in any case tells the delimiter."""
    path = file("x\ty\n1\t2\n", name="values.TSV")
    assert output(capsys, path) == "x\t1\ny\t2\n"
    assert output(capsys, file("x\ty\n1\t2\n"), "--delimiter", "tab") == "x\t1\ny\t2\n"
    assert output(capsys, file("x\ty\n1\t2\n"), "--format", "tsv") == "x\t1\ny\t2\n"


decimals = st.decimals(allow_nan=False, allow_infinity=False, places=None)


@settings(deadline=None)
@given(numbers=st.lists(decimals, min_size=1, max_size=20))
def test_decimals_are_exact(tmp_path_factory, numbers):
    """At the largest scale seen, as Python's Decimal of enough digits."""
    assume(all(abs(number.as_tuple().exponent) < 2000 for number in numbers))
    path = tmp_path_factory.mktemp("csv") / "values.csv"
    path.write_text("x\n" + "".join(f"{number}\n" for number in numbers))
    (result,) = results(path, decimal_exact=True)
    scale = max(0, *(-number.as_tuple().exponent for number in numbers), 0)
    exact = sum(map(Fraction, numbers), Fraction())
    assert Fraction(Decimal(result.value)) == exact
    assert len(result.value.partition(".")[2]) == scale
    assert result.count == len(numbers)


def test_decimals(file, capsys):
    """A ledger to the cent; other operations, NaN and exponents beyond 10,000 are refused."""
    path = file("x\n0.10\n0.2\n-0.30\n" + "9" * 30 + "\n")
    assert output(capsys, path, "--decimal-exact") == "9" * 30 + ".00\n"
    assert "--op mean" in misuse(capsys, path, "--decimal-exact", "--op", "mean")
    path = file("x\nnan\n")
    assert "is not a decimal number" in refusal(capsys, path, "--decimal-exact", "--header")
    for number in ("1e10001", "1e-10001", "0." + "0" * 10_000 + "1"):
        assert "is beyond 10000" in refusal(capsys, file(f"x\n{number}\n"), "--decimal-exact")
    path = file("x\n0.1\n0.2\n")
    assert output(capsys, path, "--decimal-exact", "--dtype", "float64") == "0.3\n"
    path = file("k,x\na,1.5\nb,2.25\na,1\n")
    assert output(capsys, path, "--decimal-exact", "--by", "k") == "k\tx\na\t2.50\nb\t2.25\n"


# Input


def test_standard_input_and_pipes(tmp_path):
    """CSV unless --format says otherwise; no checkpoint, which needs a file to go on with."""
    command = [sys.executable, "-m", "mypackage", "sum", "-", "--quiet"]
    done = subprocess.run(command, input=b"x,y\n1,2\n", capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"x\t1\ny\t2\n", b"")
    more = ["--format", "tsv.gz", "--total"]
    text = gzip.compress(b"x\ty\n1\t2\n")
    assert subprocess.run([*command, *more], input=text, capture_output=True).stdout == b"3\n"
    for options, option in (
        (["--checkpoint", str(tmp_path / "state")], b"--checkpoint"),
        (["--format", "npy"], b"--format npy"),
    ):
        done = subprocess.run([*command, *options], input=b"1\n", capture_output=True)
        assert (done.returncode, done.stdout) == (2, b"") and option in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_fifo(tmp_path, capsys):
    """As the standard input."""
    path = tmp_path / "fifo.log"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("x\n1\n2\n",))
    writer.start()
    assert output(capsys, path) == "3\n"
    writer.join()
    assert "--checkpoint" in misuse(capsys, path, "--checkpoint", tmp_path / "state")


def test_names_without_suffix(file, capsys):
    """They are CSV."""
    assert output(capsys, file("x\n1\n", name="values")) == "1\n"


def compressor(suffix):
    """What makes such files here."""
    if suffix == ".gz":
        return gzip.compress
    try:
        from compression import zstd
    except ImportError:
        zstd = pytest.importorskip("backports.zstd")
    return zstd.compress


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_compressed(suffix, file, capsys, monkeypatch):
    """A stream that is cut is an error, and reading goes on from any place."""
    compress = compressor(suffix)
    text = "x,y\r\n" + "".join(f"{i}.5,{10**20 + i}\r\n" for i in range(2000))
    whole = compress(text.encode())
    path = file(whole, name=f"values.CSV{suffix.upper()}")
    plain = output(capsys, file(text))
    assert output(capsys, path) == plain
    monkeypatch.setattr(pieces, "TEXT_BYTES", 1000)
    parts = list(Stream([source(path, None)], Options()).pieces())
    for stop in range(1, len(parts), 9):
        stream = Stream([source(path, None)], Options())
        for piece in parts[:stop]:
            stream._add(piece)
        stream.run()
        shown = "".join(f"{x.column}\t{x.value}\n" for x in stream.results())
        assert shown == plain
    for size in (len(whole) - 1, len(whole) - 9, len(whole) // 2):
        path.write_bytes(whole[:size])
        assert path.name in refusal(capsys, path)
    path.write_bytes(b"no stream at all")
    assert path.name in refusal(capsys, path)


def test_encodings(file, capsys):
    """UTF-16 by its mark, others by name; what is not in the encoding is refused with its line."""
    text = "näme,x\rä,1\r\nö,2\n"
    for encoding, mark in (
        ("utf-8", b""), ("utf-8", codecs.BOM_UTF8), ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE), ("utf-32-le", codecs.BOM_UTF32_LE),
    ):  # fmt: skip
        path = file(mark + text.encode(encoding))
        assert output(capsys, path, "--columns", "x", "--by", "näme") == "näme\tx\nä\t1\nö\t2\n"
    path = file(text.encode("latin-1"))
    assert output(capsys, path, "--encoding", "latin-1", "--columns", "x") == "3\n"
    line = refusal(capsys, path, "--columns", "x")
    assert "line 1 is not UTF-8: it holds the byte 0xe4; --encoding" in line
    path = file(codecs.BOM_UTF16_LE + "x\n1\n2\n".encode("utf-16-le") + b"\x00\xd8\n\x00")
    assert "line 4 is not utf-16" in refusal(capsys, path)
    path = file("x\n1\n2\nä\n")
    assert "line 4 is not ascii" in refusal(capsys, path, "--encoding", "ascii")
    assert "--encoding utf-9" in misuse(capsys, path, "--encoding", "utf-9")
    assert "--encoding" in misuse(capsys, path, "--encoding", "rot13")


# Groups


def test_groups(file, capsys):
    """Keys as written, sorted; values in columns."""
    path = file('A,B,x,y\nb,1,1,0.5\na,2,2,0.5\nb,1,3,nan\nb,10,4,1\n"a\tc",2,5,1\n')
    assert output(capsys, path, "--by", "A,B") == (
        'A\tB\tx\ty\na\t2\t2\t0.5\n"a\tc"\t2\t5\t1.0\nb\t1\t4\tnan\nb\t10\t4\t1.0\n'
    )
    assert output(capsys, path, "--by", "A", "--by", "B", "--columns", "x", "--op", "mean") == (
        'A\tB\tx\na\t2\t2.0\n"a\tc"\t2\t5.0\nb\t1\t2.0\nb\t10\t4.0\n'
    )
    assert output(capsys, path, "--by", "B", "--total", "--columns", "x,y", "--op", "nansum") == (
        "B\ttotal\n1\t4.5\n10\t5.0\n2\t8.5\n"
    )
    assert "column A is given twice" in refusal(capsys, path, "--by", "A", "--columns", "A,x")
    path = file(f"k,x\na,1\n,2\nb,{10**30}\na,\n")
    assert "line 3, column k: a value is missing; --skip-nulls" in refusal(
        capsys, path, "--by", "k", "--op", "nansum"
    )
    assert output(capsys, path, "--by", "k", "--skip-nulls") == f"k\tx\na\t1\nb\t{10**30}\n"


@settings(deadline=None, max_examples=50)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abcdefghijk"), st.sampled_from("xyz"), integers | floats),
        min_size=1,
        max_size=40,
    ),
    piece=st.integers(1, 60),
    stop=st.integers(0, 20),
)
def test_groups_are_exact_and_survive_a_checkpoint(
    tmp_path_factory, monkeypatch_piece, rows, piece, stop
):
    """The sums of a dict of fractions, also when another process goes on."""
    path = tmp_path_factory.mktemp("csv") / "values.csv"
    path.write_text("A,B,v\n" + "".join(f"{a},{b},{v!r}\n" for a, b, v in rows))
    options = Options(by=["A", "B"])
    with monkeypatch_piece(piece):
        first = Stream([source(path, None)], options)
        for _, part in zip(range(stop), first.pieces(), strict=False):
            first._add(part)
        first.save(path.with_name("state"))
        second = Stream([source(path, None)], options)
        second.load(path.with_name("state"))
        second.run()
    groups = {}
    for a, b, v in rows:
        groups.setdefault((a, b), []).append(v)
    integral = all(isinstance(v, int) for *_, v in rows)
    expected = [
        (keys, sum(map(Fraction, values)), len(values)) for keys, values in sorted(groups.items())
    ]
    found = [(tuple(x.by.values()), x.value, x.count) for x in second.results()]
    assert found == [
        (keys, exact if integral else to_float(exact), count) for keys, exact, count in expected
    ]


def test_usage_errors_are_values_too():
    """Who uses the readers without the command line gets a ValueError."""
    with pytest.raises(UsageError, match="--key"):
        Stream([source(CO2, None)], Options(key="x"))
