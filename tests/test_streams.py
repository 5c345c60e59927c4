"""Files of any size and number: one right answer, also after kill -9; damage is never a number."""

import json
import math
import os
import signal
import subprocess
import sys
import time
import zlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import exact_sum, to_float

import mypackage
from mypackage._cli import main
from mypackage._core.reductions import REDUCTIONS
from mypackage._files import formats, pieces
from mypackage._files.formats import FORMATS, SUFFIXES
from mypackage._files.pieces import Options
from mypackage._files.states import STATES
from mypackage._files.streams import Stream

COLUMNS = ["a", "b"]
# Those with a state that a stream can keep.
OPERATIONS = [name for name, row in REDUCTIONS.items() if row.state in STATES]
TABLES = {suffix for suffix, name in SUFFIXES.items() if FORMATS[name].table}


def wild(shape, seed=0):
    """Numbers whose naive sum depends on the order."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) * 2.0 ** rng.integers(-300, 300, shape)


def write(path, values):
    """Write a table of two columns in the format of the suffix."""
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".npz":
        np.savez_compressed(path, values=values)
    elif path.suffix in {".csv", ".tsv"}:
        tab = "," if path.suffix == ".csv" else "\t"
        rows = [COLUMNS, *((repr(a), repr(b)) for a, b in values.tolist())]
        path.write_text("".join(f"{tab.join(row)}\n" for row in rows))
    elif path.suffix in {".h5", ".hdf5"}:
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            file["group/values"] = values
    else:
        pa = pytest.importorskip("pyarrow")
        table = pa.table(dict(zip(COLUMNS, values.T, strict=True)))
        if path.suffix == ".parquet":
            pytest.importorskip("pyarrow.parquet").write_table(table, path, row_group_size=300)
        else:
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table, max_chunksize=70)
    return path


@pytest.fixture
def small_pieces(monkeypatch):
    """So that a small file has many."""
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1000)
    monkeypatch.setattr(pieces, "TEXT_BYTES", 1000)
    monkeypatch.setattr(pieces, "BATCH_ROWS", 70)


def stream_of(*paths, **options):
    return Stream([formats.source(path, None) for path in paths], Options(**options))


def output(capsys, *arguments):
    assert main([*map(str, arguments), "--quiet"]) == 0, capsys.readouterr().err
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def misuse(capsys, message, *arguments):
    """Usage errors end with status 2 and argparse's message."""
    with pytest.raises(SystemExit, match="2"):
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert captured.out == "" and message in captured.err.splitlines()[-1]


def refusal(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    return captured.err


# Formats


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_format(suffix, operation, tmp_path, capsys, small_pieces):
    values = wild((1000, 2))
    if operation.startswith("nan"):
        values[::7, 0] = np.nan
    path = write(tmp_path / f"values{suffix}", values)
    function = getattr(mypackage, operation)
    total = ["--total"] if suffix in TABLES else []
    printed = output(capsys, "sum", path, "--op", operation, *total)
    assert float(printed) == function(values)
    printed = output(capsys, "sum", path, "--op", operation, "--axis", 0)
    numbers = [float(text) for text in printed.split() if text not in COLUMNS]
    assert numbers == function(values, axis=0).tolist()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_goes_on_from_every_piece(suffix, tmp_path, small_pieces):
    path = write(tmp_path / f"values{suffix}", wild((1000, 2)))
    for rows in (False, True):
        parts = list(stream_of(path, rows=rows).pieces())
        assert len(parts) > 5
        assert parts[-1].done <= 1.0
        whole = stream_of(path, rows=rows)
        whole.run()
        for index in range(0, len(parts), 4):
            stream = stream_of(path, rows=rows)
            for piece in parts[: index + 1]:
                stream._add(piece)
            stream.run()
            assert [x.save() for x in stream.states] == [x.save() for x in whole.states]


def test_orders_and_shapes_of_npy(tmp_path, capsys, small_pieces):
    values = wild((50, 3, 4))
    for suffix, save in ((".npy", np.save), (".npz", np.savez)):
        swapped = (values > 0).astype(">f4")
        for array in (values, np.asfortranarray(values), values[0, 0, 0], swapped):
            path = tmp_path / f"values{suffix}"
            save(path, array)
            with np.errstate(all="ignore"):
                expected = np.asarray(mypackage.sum(array))
                assert float(output(capsys, "sum", path)) == float(str(expected))
                if array.ndim:
                    printed = output(capsys, "sum", path, "--axis", 0).split()
                    assert printed == [str(x) for x in mypackage.sum(array, axis=0).ravel()]


def test_many_files_make_one_result(tmp_path, capsys):
    values = wild((90, 2))
    for index, part in enumerate(np.array_split(values, 7)):
        np.save(tmp_path / f"part-{index}.npy", part)
    pattern = tmp_path / "part-*.npy"
    expected = f"{mypackage.mean(values)!s}\n"
    assert output(capsys, "sum", pattern, "--op", "mean") == expected
    files = sorted(tmp_path.glob("*.npy"), reverse=True)
    assert output(capsys, "sum", *files, "--op", "mean") == expected
    write(tmp_path / "more.csv", wild((9, 2), seed=1))
    both = to_float(sum(map(Fraction, [*values.flat, *wild((9, 2), seed=1).flat])))
    assert float(output(capsys, "sum", pattern, tmp_path / "more.csv")) == both
    assert "no file matches" in refusal(capsys, "sum", tmp_path / "*.csx")
    write(tmp_path / "two.csv", wild((9, 2)))
    (tmp_path / "three.csv").write_text("a,c\n1,2\n")
    both = [tmp_path / "two.csv", tmp_path / "three.csv"]
    assert "columns are a, c, but those of" in refusal(capsys, "sum", *both)
    assert float(output(capsys, "sum", *both, "--columns", "a")) == to_float(
        Fraction(1) + sum(map(Fraction, wild((9, 2))[:, 0]))
    )
    misuse(capsys, "--axis", "sum", pattern, tmp_path / "more.csv", "--axis", 0)
    misuse(capsys, "--checkpoint", "sum", pattern, "--axis", 1)


def test_nulls_are_refused_or_skipped(tmp_path, capsys):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "values.parquet"
    large = 2**60 + 1
    parquet.write_table(pa.table({"a": pa.array([large, None, 2]), "b": ["x", "y", None]}), path)
    line = refusal(capsys, "sum", path, "--columns", "a")
    assert "values.parquet: column a: 1 of 3 values are null" in line and "--skip-nulls" in line
    assert output(capsys, "sum", path, "--columns", "a", "--skip-nulls") == f"{large + 2}\n"
    assert "column b: there is no exact sum of string" in refusal(capsys, "sum", path)


@settings(max_examples=50, deadline=None)
@given(
    numbers=st.lists(
        st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(-1e300, 1e300), st.none()), min_size=1
    ),
    piece=st.integers(1, 200),
)
def test_csv_is_exact_however_it_is_divided(numbers, piece, tmp_path_factory):
    """Integers beyond 2**53 keep their digits next to fractions and gaps."""
    path = tmp_path_factory.mktemp("csv") / "values.csv"
    cells = ["" if number is None else repr(number) for number in numbers]
    path.write_text('"a\nb",x\n' + "".join(f'"1\n",{cell}\n' for cell in cells))
    before, pieces.TEXT_BYTES = pieces.TEXT_BYTES, piece
    try:
        stream = stream_of(path, op="nansum", columns=["x"])
        stream.run()
    finally:
        pieces.TEXT_BYTES = before
    exact = sum(Fraction(number) for number in numbers if number is not None)
    state = stream.states[0]
    wide = sum(value for value, _ in state.wide.values())
    assert Fraction(*state.exact.as_integer_ratio()) + wide == exact
    integral = all(isinstance(number, (int, type(None))) for number in numbers)
    some = any(number is not None for number in numbers)
    value = stream.results()[0].value
    assert value == (exact if integral and some else to_float(exact))


# Damage


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_cut_file_is_no_number(suffix, tmp_path, capsys):
    if suffix in {".csv", ".tsv"}:
        pytest.skip("text has no length to compare with")
    path = write(tmp_path / f"values{suffix}", wild((1000, 2)))
    whole = path.read_bytes()
    for length in (len(whole) - 1, len(whole) - 9, len(whole) // 2, 10, 0):
        path.write_bytes(whole[:length])
        assert path.name in refusal(capsys, "sum", path)
    if suffix == ".npy":
        path.write_bytes(whole[:-9])
        assert f"ends at offset {len(whole) - 9}, but its header says {len(whole)}" in refusal(
            capsys, "sum", path
        )
        path.write_bytes(whole + b"more")
        assert f"4 bytes follow the array, which ends at offset {len(whole)}" in refusal(
            capsys, "sum", path
        )


def damaged(whole, rng):
    """The bytes with some flipped, zeroed, removed or cut off; the ends are hit more often."""
    broken = bytearray(whole)
    place = int(rng.choice([rng.integers(len(whole)), rng.integers(300), -rng.integers(1, 600)]))
    place = place % len(whole)
    match rng.integers(4):
        case 0:
            broken[place] ^= 1 << rng.integers(8)
        case 1:
            broken[place : place + 50] = bytes(len(broken[place : place + 50]))
        case 2:
            del broken[place : place + int(rng.integers(1, 50))]
        case 3:
            del broken[place:]
    return bytes(broken)


@pytest.mark.parametrize("summed", [False, True], ids=["", "check sums"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_any_damage_is_an_error_with_a_name_or_what_the_file_says(suffix, summed, tmp_path):
    """An error names the file, whatever library it comes from; with check sums, no number is wrong.

    Formats without them cannot tell a changed number from another.
    """
    values = wild((400, 2))
    path = tmp_path / f"values{suffix}"
    if not summed:
        write(path, values)
    elif suffix == ".npz":
        np.savez(path, values=values)
    elif suffix == ".parquet":
        pa, parquet = (pytest.importorskip(name) for name in ("pyarrow", "pyarrow.parquet"))
        table = pa.table(dict(zip(COLUMNS, values.T, strict=True)))
        parquet.write_table(table, path, row_group_size=300, write_page_checksum=True)
    elif suffix in {".h5", ".hdf5"}:
        with pytest.importorskip("h5py").File(path, "w") as file:
            file.create_dataset("values", data=values, fletcher32=True, chunks=(100, 2))
    else:
        pytest.skip("the format has none")
    whole, rng = path.read_bytes(), np.random.default_rng(len(suffix))
    errors = 0
    for _ in range(200):
        path.write_bytes(damaged(whole, rng))
        stream = stream_of(path)
        try:
            stream.run()
        except ValueError as error:
            assert str(error).startswith(f"{path}: ")
            errors += 1
            continue
        if summed and suffix != ".parquet":
            assert stream.results()[0].value == exact_sum(values.flat)
    assert errors >= 50


def test_a_page_that_does_not_match_its_check_sum_is_found(tmp_path, capsys):
    pa, parquet = (pytest.importorskip(name) for name in ("pyarrow", "pyarrow.parquet"))
    path = tmp_path / "values.parquet"
    options = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
    parquet.write_table(pa.table({"a": np.arange(1000.0)}), path, row_group_size=500, **options)
    whole = bytearray(path.read_bytes())
    whole[whole.index(np.float64(700.0).tobytes())] ^= 1
    path.write_bytes(whole)
    assert "values.parquet: row group 1: " in refusal(capsys, "sum", path)


def test_an_arrow_buffer_that_is_too_short_is_not_read(tmp_path, capsys):
    """Its length is in the file, and so is the number of nulls; both are compared."""
    pa = pytest.importorskip("pyarrow")
    path = tmp_path / "values.arrow"
    table = pa.table({"a": pa.array([1.0, None] * 500)})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    whole = path.read_bytes()
    for field, wrong in ((8000, 4000), (500, 501)):
        places = [
            i
            for i in range(0, len(whole) - 8, 8)
            if whole[i : i + 8] == field.to_bytes(8, "little")
        ]
        found = []
        for place in places:
            path.write_bytes(whole[:place] + wrong.to_bytes(8, "little") + whole[place + 8 :])
            if main(["sum", str(path), "--skip-nulls", "--op", "mean"]) == 1:
                found.append(capsys.readouterr().err)
            else:
                assert capsys.readouterr().out == "1.0\n"
        assert any("record batch 0: " in line for line in found)


def test_damage_inside_an_archive_is_found(tmp_path, capsys, small_pieces):
    """Its check sum is of the whole array: pieces that were read are of no use then."""
    path = tmp_path / "values.npz"
    np.savez(path, values=wild((1000, 2)))
    damaged = bytearray(path.read_bytes())
    damaged[9000] ^= 1
    path.write_bytes(damaged)
    assert "CRC" in refusal(capsys, "sum", path)


def test_the_place_in_a_csv_is_named(tmp_path, capsys, small_pieces):
    path = tmp_path / "values.csv"
    path.write_text("a,b\n" + "1,2\n" * 1000 + "1,x\n" + "1,2\n" * 1000)
    assert "values.csv: line 1002, column b: 'x'" in refusal(capsys, "sum", path)
    path.write_bytes(b"a,b\n" + b"1,2\n" * 1000 + b"1,\xff\n")
    assert "values.csv: line 1002 is not UTF-8" in refusal(capsys, "sum", path)
    path.write_text("a,b\n" + "1,2\n" * 1000 + "1," + "2" * 200_000 + "x\n")
    assert "values.csv: line 1002, column b: '2222" in refusal(capsys, "sum", path)


def test_a_missing_library_is_named(tmp_path, monkeypatch, capsys):
    path = tmp_path / "values.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert "pip install pyarrow" in refusal(capsys, "sum", path)


# Checkpoints


def checkpoint_of(tmp_path, values=None):
    """Some files, half of them read, and the checkpoint of that."""
    values = wild((300, 2)) if values is None else values
    paths = [write(tmp_path / "one.npy", values[:100]), write(tmp_path / "two.npy", values[100:])]
    stream = stream_of(*paths)
    for piece in stream.pieces():
        stream._add(piece)
    stream.save(tmp_path / "state")
    return paths, tmp_path / "state"


def test_a_run_goes_on_from_a_checkpoint(tmp_path, capsys):
    values = wild((300, 2))
    paths, state = checkpoint_of(tmp_path, values)
    assert float(output(capsys, "sum", *paths, "--checkpoint", state)) == exact_sum(values.flat)
    assert not state.exists()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["one.npy", "two.npy"]


def test_a_damaged_checkpoint_is_refused(tmp_path, capsys):
    paths, state = checkpoint_of(tmp_path)
    whole = state.read_bytes()
    for index in range(len(whole)):
        damaged = bytearray(whole)
        damaged[index] ^= 2
        state.write_bytes(damaged)
        line = refusal(capsys, "sum", *paths, "--checkpoint", state)
        assert str(state) in line and "offset" in line
    for length in range(len(whole)):
        state.write_bytes(whole[:length])
        assert "offset" in refusal(capsys, "sum", *paths, "--checkpoint", state)


def test_a_checkpoint_needs_a_directory(tmp_path, capsys):
    paths, _ = checkpoint_of(tmp_path)
    with pytest.raises(SystemExit):
        main(["sum", *map(str, paths), "--checkpoint", str(tmp_path / "absent" / "state")])
    assert f"there is no directory {tmp_path / 'absent'}" in capsys.readouterr().err


def test_a_checkpoint_of_something_else_is_refused(tmp_path, capsys):
    paths, state = checkpoint_of(tmp_path)

    def refused(*arguments):
        return refusal(capsys, "sum", *arguments, "--checkpoint", state)

    assert "is of a run with --op sum, not mean" in refused(*paths, "--op", "mean")
    assert "is of a run with another --axis" in refused(*paths, "--axis", 0)
    assert "other files" in refused(paths[0])
    os.utime(paths[1], ns=(0, 0))
    assert "two.npy has changed since" in refused(*paths)
    body = {"version": 2}
    text = json.dumps(body)
    state.write_text(f"mypackage checkpoint 2\n{zlib.crc32(text.encode()):08x}\n{text}\n")
    assert "options" in refused(*paths)


def test_a_file_that_changes_under_the_reader(tmp_path, monkeypatch):
    path = write(tmp_path / "values.npy", wild((1000, 2)))
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1000)
    stream = stream_of(path)
    with pytest.raises(ValueError, match="changed while it was read"):
        stream.run(report=lambda done: os.utime(path, ns=(0, 0)))
    stream = stream_of(path)
    with pytest.raises(ValueError, match="is cut short: it ends at offset 12000"):
        stream.run(report=lambda done: os.truncate(path, 12000))


def contents(path):
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("suffix", [".npy", ".csv", ".parquet"])
def test_kill_9(suffix, tmp_path):
    """Killed again and again, at any moment, it ends with the bits of an undisturbed run."""
    values = wild((6000, 2))
    paths = [
        write(tmp_path / f"part-{index}{suffix}", part)
        for index, part in enumerate(np.array_split(values, 3))
    ]
    state = tmp_path / "state"
    code = (
        "import sys, time\n"
        "from mypackage._files import pieces, streams\n"
        "from mypackage._cli import main\n"
        "pieces.PIECE_BYTES = pieces.TEXT_BYTES = 1000\n"
        "pieces.BATCH_ROWS = 50\n"
        "add = streams.Stream._add\n"
        "streams.Stream._add = lambda self, piece: (add(self, piece), time.sleep(0.005))\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", code, "sum", *paths, "--checkpoint", state, "--every", "0"]
    command += ["--quiet", *(["--total"] if suffix in TABLES else [])]
    command = [str(word) for word in command]
    kills = resumed = 0
    while True:
        known = contents(state)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # Let it write a few checkpoints of its own, then kill it.
        changes = 0
        while process.poll() is None and changes < 15 + 7 * kills:
            time.sleep(0.001)
            now = contents(state)
            changes += now != known
            known = now
        if process.poll() is None:
            process.kill()
            assert process.wait() == -signal.SIGKILL
            process.communicate()
            kills += 1
            resumed += state.exists()
            continue
        out, error = process.communicate()
        assert (process.returncode, error) == (0, b"")
        break
    assert kills >= 2 and resumed >= 2
    assert float(out) == exact_sum(values.flat)
    assert sorted(tmp_path.iterdir()) == paths


# Memory and progress


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads Linux's /proc")
def test_memory_is_constant(tmp_path):
    """A file of 1 GB, most of it a hole, in less than a quarter of that."""
    path = tmp_path / "hole.npy"
    size = 2**27
    with path.open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (size,)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + 8 * size)
        file.seek(-8, os.SEEK_END)
        file.write(np.float64(math.pi).tobytes())
    code = (
        "import sys; from mypackage._cli import main; main(['sum', sys.argv[1]]);"
        "lines = dict(line.split(':') for line in open('/proc/self/status'));"
        "print(lines['VmHWM'].split()[0])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    total, kilobytes = run.stdout.split()
    assert float(total) == math.pi
    assert int(kilobytes) < 250_000


def test_progress(tmp_path, capsys):
    pytest.importorskip("tqdm")
    path = write(tmp_path / "values.npy", wild((1000, 2)))
    assert main(["sum", str(path), "--progress"]) == 0
    assert "100%" in capsys.readouterr().err


def test_a_missing_bar_is_named(tmp_path, monkeypatch, capsys):
    path = write(tmp_path / "values.npy", wild((1000, 2)))
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert "pip install tqdm" in refusal(capsys, "sum", path, "--progress")
    output(capsys, "sum", path)
