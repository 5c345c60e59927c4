"""The command line: right answers, and one clear line for everything that is wrong."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial

import numpy as np
import pytest

import mypackage
from mypackage._cli import COMMANDS, INTERRUPTED, main
from mypackage._cli.bench import measure
from mypackage._cli.cases import OURS, cases
from mypackage._cli.timing import balanced_orders, interleaved
from mypackage._core.reductions import REDUCTIONS
from mypackage._files.states import STATES
from mypackage._native import build_info

# What pip installed.
COMMAND = os.path.join(os.path.dirname(sys.executable), "mypackage")


def run(*arguments, **keywords):
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "mypackage", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        **keywords,
    )


def refusal(capsys, *arguments):
    """The one line with which a command refuses bad input."""
    assert main([str(argument) for argument in arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("mypackage: ") and captured.err.count("\n") == 1
    return captured.err


def misuse(capsys, message, *arguments):
    """Usage errors end with status 2 and argparse's message."""
    with pytest.raises(SystemExit, match="2"):
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert captured.out == "" and message in captured.err.splitlines()[-1]


def output(capsys, *arguments):
    """What a command prints when all is well."""
    quiet = ["--quiet"] if arguments[0] == "sum" else []
    assert main([*map(str, arguments), *quiet]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def test_the_console_command_is_the_module():
    """`mypackage` and `python -m mypackage` are the same program."""
    script = subprocess.run([COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert script.stdout == run("--version").stdout == f"{mypackage.__version__}\n"


@pytest.mark.parametrize("variable", ["MYPACKAGE_ISA", "MYPACKAGE_NUM_THREADS"])
@pytest.mark.parametrize("program", [[sys.executable, "-m", "mypackage"], [COMMAND]])
def test_a_wrong_environment_variable_is_one_line(variable, program):
    """The extension refuses it when it is imported, before `main` could."""
    result = subprocess.run(
        [*program, "fibonacci", "10"],
        capture_output=True,
        text=True,
        env={**os.environ, variable: "rubbish"},
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch(rf'mypackage: {variable}="rubbish" is not .+\n', result.stderr)


def test_a_wrong_environment_variable_is_a_value_error_elsewhere():
    """A program that imports the package may catch it."""
    code = """
try:
    import mypackage
except ValueError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "MYPACKAGE_ISA": "mmx"},
    )
    assert result.stdout.startswith('MYPACKAGE_ISA="mmx" is not an instruction set; choose one of ')
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command, capsys):
    """Each command describes itself."""
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert command in capsys.readouterr().out


def test_help_keeps_capital_letters(capsys):
    """Names are written as they are."""
    with pytest.raises(SystemExit, match="0"):
        main(["bench", "--help"])
    assert "Time and error, next to pure Python, NumPy and math.fsum." in capsys.readouterr().out


def test_shells_complete(tmp_path):
    """As argcomplete asks: what could come next is written to a file."""
    pytest.importorskip("argcomplete")
    line = "mypackage sum --deci"
    asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    answer = {"_ARGCOMPLETE_STDOUT_FILENAME": str(tmp_path / "answer"), "_ARGCOMPLETE_IFS": " "}
    run(env={**os.environ, **asked, **answer})
    assert (tmp_path / "answer").read_text().split() == ["--decimal", "--decimal-exact"]


def test_mean_is_sum_with_an_operation(tmp_path, capsys):
    """The same options, another default."""
    np.save(tmp_path / "values.npy", [[1, 2], [4, 8]])
    assert output(capsys, "mean", tmp_path / "values.npy", "--axis", 0) == "2.5\t5.0\n"
    assert output(capsys, "mean", tmp_path / "values.npy", "--op", "sum") == "15\n"


@pytest.mark.parametrize("arguments", [[], ["fibo"], ["fibonacci"], ["fibonacci", "1.5"]])
def test_usage_errors(arguments, capsys):
    """Wrong usage exits with argparse's 2 and its line."""
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "error: " in capsys.readouterr().err


def test_info(capsys):
    """`info` prints the configuration."""
    assert f"version         {mypackage.__version__}\n" in output(capsys, "info")


# fibonacci


def test_fibonacci(capsys):
    """One result per line, in order, negative and large numbers too."""
    assert output(capsys, "fibonacci", 10, -6, 100) == "55\n-8\n354224848179261915075\n"


def test_fibonacci_mod(capsys):
    """F(10**18) is out of reach; its last digits are not."""
    assert output(capsys, "fibonacci", 10**18, 7, "--mod", 1000) == "875\n13\n"


def test_fibonacci_refuses(capsys):
    """No wrapped number, and no remainder modulo 0."""
    assert "--mod 0" in refusal(capsys, "fibonacci", 3, "--mod", 0)


# sum


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex128", "int64", "bool"])
def test_sum_of_npy(dtype, tmp_path, capsys):
    """The printed digits read back to the result itself."""
    values = np.arange(-3, 9).reshape(3, 4).astype(dtype)
    if values.dtype.kind in "fc":
        values /= 7
    np.save(tmp_path / "values.npy", values)
    for axis, options in [(None, []), (0, ["--axis", 0])]:
        expected = np.atleast_1d(mypackage.sum(values, axis=axis))
        printed = output(capsys, "sum", tmp_path / "values.npy", *options).split()
        assert [expected.dtype.type(text) for text in printed] == expected.tolist()


def test_sum_axes_and_dtype(tmp_path, capsys):
    """Several axes; the last axis of the result makes the lines; `--dtype` rounds."""
    values = np.full((2, 3, 4), 0.1)
    np.save(tmp_path / "values.npy", values)
    path = tmp_path / "values.npy"
    assert output(capsys, "sum", path, "--axis", "0,2", "--dtype", "float32") == "0.8\t0.8\t0.8\n"
    assert output(capsys, "sum", path, "--axis=-1", "--dtype=float32") == "0.4\t0.4\t0.4\n" * 2
    np.save(path, np.empty((2, 0)))
    assert output(capsys, "sum", path, "--axis", 0) == "\n"
    assert output(capsys, "sum", path) == "0.0\n"


@pytest.mark.parametrize(
    "operation", [name for name, row in REDUCTIONS.items() if row.state in STATES]
)
def test_sum_op(operation, tmp_path, capsys):
    """`--op` names the function of the package that is called."""
    values = np.array([[0.1, 0.2, np.nan], [0.3, 0.4, 0.5]])
    np.save(tmp_path / "values.npy", values)
    printed = output(capsys, "sum", tmp_path / "values.npy", "--op", operation, "--axis", 0)
    expected = getattr(mypackage, operation)(values, axis=0)
    assert np.array_equal([float(text) for text in printed.split()], expected, equal_nan=True)


def test_sum_of_npz(tmp_path, capsys):
    """The only array is the default; of several, one must be chosen."""
    path = tmp_path / "values.npz"
    np.savez(path, a=[1, 2])
    assert output(capsys, "sum", path) == "3\n"
    np.savez(path, a=[1, 2], b=[5])
    assert output(capsys, "sum", path, "--key", "b") == "5\n"
    assert "--key from a, b" in refusal(capsys, "sum", path)
    assert "no array 'c'" in refusal(capsys, "sum", path, "--key", "c")


def test_overflow_is_a_warning(tmp_path):
    """NumPy's warning takes one line too, and infinity is an answer."""
    np.save(tmp_path / "values.npy", [1e308, 1e308])
    finished = run("sum", tmp_path / "values.npy")
    assert (finished.returncode, finished.stdout) == (0, "inf\n")
    assert re.fullmatch("mypackage: warning: overflow.*\n", finished.stderr)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.npy", None, "No such file"),
        ("a.txt", b"1", "the suffix must be .npy, .npz, .csv, .tsv, .parquet"),
        ("a.npy.gz", b"1", "only text is read compressed"),
        ("a.npy", b"", "magic string"),
        ("a.npy", b"not an array", "magic string"),
        ("a.npz", b"not an archive", "not a .npz archive"),
        ("absent.npz", None, "No such file"),
        ("a.csv", b"", "holds no rows"),
        ("a.csv", b"\xff,2", "line 1 is not UTF-8: it holds the byte 0xff; --encoding"),
        ("a.csv", b"x\n1\nabc\n", "line 3, column x: 'abc' is not a number"),
        ("absent.csv", None, "No such file"),
    ],
)
def test_bad_files(name, content, message, tmp_path, capsys):
    """A file that can't be read is named, with what is wrong."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    line = refusal(capsys, "sum", path)
    assert name in line and message in line


def test_truncated_and_pickled_files(tmp_path, capsys):
    """Neither a cut file nor one that would run code is read."""
    np.save(tmp_path / "cut.npy", np.ones(1000))
    whole = (tmp_path / "cut.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:-8])
    assert "cut.npy" in refusal(capsys, "sum", tmp_path / "cut.npy")
    np.save(tmp_path / "objects.npy", np.array([1, None]), allow_pickle=True)
    assert "objects.npy" in refusal(capsys, "sum", tmp_path / "objects.npy")


def test_bad_options(tmp_path, capsys):
    """A wrong axis, dtype or choice is named, and the option that made it."""
    path = tmp_path / "values.npy"
    np.save(path, np.ones((2, 2)))
    assert "axis 2" in refusal(capsys, "sum", path, "--axis", 2)
    misuse(capsys, "--dtype: data type 'float33'", "sum", path, "--dtype", "float33")
    misuse(capsys, "--axis: 'x' is not a whole number", "sum", path, "--axis", "x")
    for option in ("columns", "by", "na-values", "thousands", "delimiter", "comment", "encoding"):
        misuse(capsys, f"--{option} is of use for", "sum", path, f"--{option}", "utf-8")
    for option in ("total", "skip-nulls", "header", "no-header", "decimal-exact"):
        misuse(capsys, f"--{option.removeprefix('no-')} is of use", "sum", path, f"--{option}")
    misuse(capsys, "--key is of use for archives", "sum", path, "--key", "x")
    misuse(capsys, "--checkpoint", "sum", path, "--axis", 1, "--checkpoint", tmp_path / "state")
    np.save(path, np.array(["a"]))
    refusal(capsys, "sum", path)


# bench

in_release = pytest.mark.skipif(
    build_info()["profile"] != "release", reason="`bench` refuses a debug build"
)


@in_release
def test_bench_prints_a_table():
    """Every method of every case has its row."""
    finished = run("bench", "--quick")
    assert finished.returncode == 0, finished.stderr
    for case in cases(quick=True):
        table = finished.stdout.partition(case.title)[2]
        assert all(method in table for method in case.methods)


@pytest.mark.parametrize("count", range(2, 8))
def test_each_method_follows_each_other_equally_often(count):
    names = [str(number) for number in range(count)]
    orders = balanced_orders(names)
    assert all(sorted(order) == names for order in orders)
    pairs = Counter(pair for order in orders for pair in itertools.pairwise(order))
    assert len(pairs) == count * (count - 1) and len(set(pairs.values())) == 1


def test_a_time_for_each_method_and_round():
    calls = []
    methods = {name: partial(calls.append, name) for name in "abc"}
    times = interleaved(methods, 0.0, rounds=6)
    assert all(len(times[name]) == 6 and min(times[name]) > 0 for name in "abc")
    assert set(calls) == set("abc")


def test_bench_measures_error():
    """The last column is zero or rounding for exact methods, and large where NumPy is wrong."""
    for case in cases(quick=True):
        rows = {row.method: row for row in measure(case, seconds=0)}
        assert rows[OURS].ratio == 1
        assert 0 <= rows[OURS].error <= 0.5
        assert max(row.error for row in rows.values()) > 0.5 or "0 to 20" in case.title


# (pyparsing 3.3 warns of names that matplotlib has used.)
@in_release
@pytest.mark.filterwarnings("ignore:.* deprecated[, ].*use:DeprecationWarning")
def test_bench_plot(tmp_path, capsys):
    """The plot is a file of the kind its suffix names."""
    pytest.importorskip("matplotlib")
    output(capsys, "bench", "--quick", "--plot", tmp_path / "bench.svg")
    assert "<svg" in (tmp_path / "bench.svg").read_text()
    assert "suffix must be one of" in refusal(capsys, "bench", "--plot", tmp_path / "bench.foo")
    assert "no directory" in refusal(capsys, "bench", "--plot", tmp_path / "absent" / "bench.png")


@in_release
def test_bench_plot_without_matplotlib(monkeypatch, capsys):
    """The way out is named before anything is measured."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert "pip install matplotlib" in refusal(capsys, "bench", "--plot", "bench.png")


# leaving early


@in_release
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c():
    """Ctrl-C ends with one line and the shell's status for it."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "mypackage", "bench"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()  # The heading: it is measuring now.
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (INTERRUPTED, "mypackage: interrupted\n")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_closed_pipe():
    """`mypackage info | head -0` is no error."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        finished = subprocess.run(
            [sys.executable, "-m", "mypackage", "info"],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert (finished.returncode, finished.stderr) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_at_the_start(tmp_path):
    """One line, even while modules are imported."""
    (tmp_path / "numpy.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    finished = run("info", env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert (finished.returncode, finished.stdout) == (-signal.SIGINT, "")
    assert finished.stderr == "mypackage: interrupted\n"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX shells")
@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("info >&-", "standard output is closed"),
        ("--help >&-", "standard output is closed"),
        ("sum - <&-", "-: standard input is closed"),
        ("info >/dev/full", "[Errno 28] No space left on device"),
        ("--version >/dev/full", "[Errno 28] No space left on device"),
    ],
)
def test_closed_and_full_files(command, message):
    if "/dev/full" in command and not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    # (Where nothing is buffered, argparse does not notice.)
    environment = {key: x for key, x in os.environ.items() if key != "PYTHONUNBUFFERED"}
    finished = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m mypackage {command}'],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr == f"mypackage: {message}\n"


def test_a_fibonacci_number_that_no_memory_holds(capsys):
    assert main(["fibonacci", "100000000000000000000"]) == 1
    assert capsys.readouterr().err.endswith("too large to hold; --mod M gives a remainder\n")


def test_a_column_without_a_name(tmp_path, capsys):
    path = tmp_path / "index.csv"
    path.write_text(",v\n0,1\n5,2\n")
    assert main(["sum", str(path), "--columns", "", "--quiet"]) == 0
    assert capsys.readouterr().out == "5\n"
    path.write_text("a,b\n1,2\n")
    assert main(["sum", str(path), "--columns", "", "--quiet"]) == 1
    assert "has no column ''" in capsys.readouterr().err
