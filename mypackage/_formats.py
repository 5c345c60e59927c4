"""Reads the numbers in a file piece by piece, from the beginning or from where a reader stopped.

A reader is a generator function ``(path, start, options)``. It yields `Piece` after `Piece`, at
least one, and holds one at a time. `start` is the position that a piece carried, or ``()``. What
is wrong with a file is a ValueError that says where; the caller adds the file's name.
"""

from __future__ import annotations

import contextlib
import csv
import io
import math
import os
import re
import tokenize
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from mypackage._extras import require

# Perhaps beyond 2**53, where float64 does not hold every integer.
_LONG_INTEGER = re.compile(r"(?<![\d.])\d{16,}(?![\d.eE])")

# Large enough that the work per piece is nothing next to that per byte.
PIECE_BYTES = 1 << 25
TEXT_BYTES = 1 << 22
BATCH_ROWS = 1 << 17


class Piece(NamedTuple):
    """Some of the numbers in a file."""

    # An array is one column; a table's may have several parts each.
    columns: list[list[np.ndarray]]
    # Where the next piece begins.
    position: tuple[int, ...]
    # How much of the file has been read, from 0 to 1.
    done: float
    # A table's columns, if the file names them.
    names: list[str] | None = None


class Options(NamedTuple):
    """What to take from a file."""

    columns: Sequence[str] | None = None
    key: str | None = None
    skip_nulls: bool = False
    # Keep the rows of arrays apart along their first axis; otherwise the order means nothing.
    rows: bool = False


Reader = Callable[[Path, tuple[int, ...], Options], Iterator[Piece]]


def reader(path: Path, options: Options) -> Reader:
    """The reader for a file's suffix.

    Raises
    ------
    ValueError
        If there is none, or it has no use for an option.
    """
    if path.suffix not in READERS:
        *most, last = READERS
        raise ValueError(f"the suffix must be {', '.join(most)} or {last}, not {path.suffix!r}")
    if options.columns is not None and path.suffix not in TABLES:
        raise ValueError("only the columns of a .csv, parquet or Arrow file can be chosen")
    if options.key is not None and path.suffix not in _ARCHIVES:
        raise ValueError("only a .npz file has keys, and HDF5")
    return READERS[path.suffix]


def _slabs(shape: tuple[int, ...], itemsize: int, start: tuple[int, ...]) -> Iterator[slice]:
    """Pieces of an array along its first axis."""
    row = max(1, itemsize * math.prod(shape[1:]))
    step = max(1, PIECE_BYTES // row)
    first = start[0] if start else 0
    for begin in range(first, max(shape[0], first + 1), step):
        yield slice(begin, min(begin + step, shape[0]))


@contextlib.contextmanager
def _at(place: str, *errors: type[Exception]) -> Iterator[None]:
    """What goes wrong at a place in a file, as a ValueError that names it."""
    try:
        yield
    except errors as error:
        raise ValueError(f"{place}: {error}") from error


def _header(file: Any, place: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    # NumPy parses it as Python.
    with _at(f"{place} is damaged", ValueError, SyntaxError, tokenize.TokenError):
        version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in read:
        raise ValueError(f"version {version} of the .npy format holds no plain numbers")
    with _at(f"{place} is damaged", ValueError, SyntaxError, tokenize.TokenError):
        shape, fortran, dtype = read[version](file)
    if dtype.hasobject:
        raise ValueError("holds Python objects, which are not read: they could run code")
    return shape, fortran, dtype


def _npy(path: Path, start: tuple[int, ...], options: Options) -> Iterator[Piece]:
    with path.open("rb") as file:
        shape, fortran, dtype = _header(file, "its header, at offset 0,")
        offset = file.tell()
        end = offset + math.prod(shape) * dtype.itemsize
        if not options.rows or not shape:
            shape = (math.prod(shape),)
        for slab in _slabs(shape, dtype.itemsize, start):
            # Mapped memory beyond the end of a file is fatal, so look before each piece.
            _check_size(os.fstat(file.fileno()).st_size, end)
            if slab.start == slab.stop:
                values = np.empty((0, *shape[1:]), dtype)
            elif fortran and len(shape) > 1:
                values = np.memmap(file, dtype, "r", offset, shape, "F")[slab]
            else:
                row = dtype.itemsize * math.prod(shape[1:])
                size = (slab.stop - slab.start, *shape[1:])
                # Mapped anew for each piece, so that what was read can leave memory.
                values = np.memmap(file, dtype, "r", offset + slab.start * row, size)
            done = slab.stop / max(1, shape[0])
            yield Piece([[values.view(np.ndarray)]], (slab.stop,), done)


def _check_size(actual: int, end: int) -> None:
    if actual < end:
        raise ValueError(f"is cut short: it ends at offset {actual}, but its header says {end}")
    if actual > end:
        raise ValueError(f"{actual - end} bytes follow the array, which ends at offset {end}")


def _npz(path: Path, start: tuple[int, ...], options: Options) -> Iterator[Piece]:
    # NumPy would take anything else for a pickle, and say so.
    if path.is_file() and not zipfile.is_zipfile(path):
        raise ValueError("is not a .npz archive, or its end is cut off")
    # Of encryption and of methods that it lacks, the library says so in these.
    with _at("its archive", RuntimeError), zipfile.ZipFile(path) as archive:
        members = [name.removesuffix(".npy") for name in archive.namelist()]
        key = _choose(members, options.key)
        with archive.open(f"{key}.npy") as file:
            shape, fortran, dtype = _header(file, f"the header of array {key!r}")
            if not options.rows or not shape:
                shape, fortran = (math.prod(shape),), False
            if fortran:
                with np.load(path, allow_pickle=False) as arrays:
                    yield Piece([[arrays[key]]], shape[:1], 1.0)
                return
            row = dtype.itemsize * math.prod(shape[1:])
            # No seek: only a member that is read from end to end has its check sum compared.
            _skip(file, (start[0] if start else 0) * row)
            for slab in _slabs(shape, dtype.itemsize, start):
                size = (slab.stop - slab.start) * row
                data = file.read(size)
                if len(data) < size:
                    raise ValueError(f"array {key!r} is cut short at its byte {file.tell()}")
                values = np.frombuffer(data, dtype).reshape(-1, *shape[1:])
                if slab.stop == shape[0] and file.read(1):
                    raise ValueError(f"array {key!r}: more follows at its byte {file.tell() - 1}")
                yield Piece([[values]], (slab.stop,), slab.stop / max(1, shape[0]))


def _skip(file: Any, size: int) -> None:
    while size > 0:
        size -= len(file.read(min(size, PIECE_BYTES))) or size


def _choose(names: Sequence[str], key: str | None) -> str:
    if key is None and len(names) == 1:
        return names[0]
    if key is None or key not in names:
        problem = "holds several arrays" if key is None else f"has no array {key!r}"
        raise ValueError(f"{problem}; choose with --key from {', '.join(names) or 'nothing'}")
    return key


def _hdf5(path: Path, start: tuple[int, ...], options: Options) -> Iterator[Piece]:
    h5py = require("h5py")
    # The library has no type of its own for what is wrong with a file.
    errors = (OSError, RuntimeError, KeyError, TypeError)
    with h5py.File(path, "r") as file:
        names: list[str] = []
        with _at("its list of arrays is damaged", *errors):
            file.visititems(
                lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None
            )
        key = _choose(names, options.key and options.key.strip("/"))
        with _at(f"the header of array {key!r} is damaged", *errors):
            dataset = file[key]
            shape, itemsize = dataset.shape, dataset.dtype.itemsize
        if not shape:
            with _at(f"array {key!r}", *errors):
                value = np.atleast_1d(dataset[()])
            yield Piece([[value]], (1,), 1.0)
            return
        for slab in _slabs(shape, itemsize, start):
            with _at(f"array {key!r}, from index {slab.start}", *errors):
                values = dataset[slab]
            flat = values if options.rows else values.reshape(-1)
            yield Piece([[flat]], (slab.stop,), slab.stop / max(1, shape[0]))


def _parquet(path: Path, start: tuple[int, ...], options: Options) -> Iterator[Piece]:
    parquet = require("pyarrow.parquet")
    errors = (require("pyarrow").ArrowException, OSError)
    with (
        _at("its footer", *errors),
        parquet.ParquetFile(path, page_checksum_verification=True) as file,
    ):
        names = _columns(file.schema_arrow.names, options.columns)
        group, batch = start or (0, 0)
        yield _batch(file.schema_arrow.empty_table(), names, (group, batch), 0.0, options)
        for index in range(group, file.num_row_groups):
            with _at(f"row group {index}", *errors):
                batches = file.iter_batches(BATCH_ROWS, row_groups=[index], columns=names)
                for number, rows in enumerate(batches):
                    if number >= batch:
                        where = (index, number + 1)
                        yield _batch(rows, names, where, index / file.num_row_groups, options)
            batch = 0


def _ipc(path: Path, start: tuple[int, ...], options: Options) -> Iterator[Piece]:
    pa = require("pyarrow")
    errors = (pa.ArrowException, OSError)
    with (
        _at("its footer", *errors),
        pa.memory_map(os.fspath(path)) as source,
        pa.ipc.open_file(source) as file,
    ):
        names = _columns(file.schema.names, options.columns)
        first = start[0] if start else 0
        yield _batch(file.schema.empty_table(), names, (first,), 0.0, options)
        for index in range(first, file.num_record_batches):
            with _at(f"record batch {index}", *errors):
                rows = file.get_batch(index)
                rows.validate(full=True)
            yield _batch(rows, names, (index + 1,), (index + 1) / file.num_record_batches, options)


def _batch(
    rows: Any, names: list[str], position: tuple[int, ...], done: float, options: Options
) -> Piece:
    from mypackage import arrow

    columns = [
        list(arrow.chunks(rows.column(name), f"column {name}", options.skip_nulls))
        for name in names
    ]
    return Piece(columns, position, done, names)


def _columns(names: Sequence[str], wanted: Sequence[str] | None) -> list[str]:
    if wanted is None:
        return list(names)
    return [names[_index(names, name)] for name in wanted]


def _index(names: Sequence[str], name: str) -> int:
    if name in names:
        return names.index(name)
    if name.isdecimal() and int(name) < len(names):
        return int(name)
    raise ValueError(f"has no column {name!r}, but {', '.join(names)}")


def _csv(path: Path, start: tuple[int, ...], options: Options) -> Iterator[Piece]:
    size = path.stat().st_size
    with path.open("rb") as file:
        names, header = _csv_header(file)
        wanted = range(len(names)) if options.columns is None else [
            _index(names, name) for name in options.columns
        ]  # fmt: skip
        shown = [names[index] for index in wanted] if header else None
        offset, line = start or ((file.tell(), header) if header else (0, 0))
        file.seek(offset)
        while text := _whole_lines(file):
            values = _numbers(text, line, wanted, names)
            line += text.count(b"\n")
            yield Piece(values, (file.tell(), line), file.tell() / size, shown)
        if not start and file.tell() == offset:
            yield Piece([[np.empty(0)] for _ in wanted], (offset, line), 1.0, shown)


def _csv_header(file: BinaryIO) -> tuple[list[str], int]:
    """The names of the columns and how many lines they take; the file is left behind those."""
    lines = 0
    while raw := file.readline():
        lines += 1
        while raw.count(b'"') % 2 and (more := file.readline()):
            raw += more
            lines += 1
        _, first = next(_rows(_decode(raw, 0), 0), (0, []))
        if first:
            if all(_is_number(text) for text in first):
                return [str(index) for index in range(len(first))], 0
            return [text.strip() for text in first], lines
    raise ValueError("holds no rows")


def _decode(raw: bytes, line: int) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line += 1 + raw.count(b"\n", 0, error.start)
        raise ValueError(f"line {line} is not UTF-8: {error}") from None


def _is_number(text: str) -> bool:
    try:
        float(text.strip() or "nan")
    except ValueError:
        return False
    return True


def _whole_lines(file: BinaryIO) -> bytes:
    """The next lines; none ends inside quotes, where a line break is text."""
    text = file.read(TEXT_BYTES) + file.readline()
    while text.count(b'"') % 2 and (more := file.readline()):
        text += more
    return text


def _numbers(
    raw: bytes, line: int, wanted: Sequence[int], names: Sequence[str]
) -> list[list[np.ndarray]]:
    """The columns of some lines: int64 where all are such integers, else float64.

    Every number is the integer, if it is one of 64 bits, or else the float64 nearest to what is
    written, however the lines are divided.
    """
    text = _decode(raw, line)
    # NumPy's parser is fast, but knows no missing values. It would cut 1.5 to 1 with a warning: as
    # an error, that means float64.
    for dtype in (np.int64, np.float64):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                table = np.loadtxt(
                    io.StringIO(text), dtype, None, ",", usecols=wanted, ndmin=2, quotechar='"'
                )
        except (ValueError, Warning):
            continue
        if not _is_regular(text, len(table), len(names)):
            break
        rounded = dtype == np.float64 and (np.abs(table) >= 2.0**53).any()
        if not (rounded and _LONG_INTEGER.search(text)):
            return [[column] for column in table.T]
    return _slow_numbers(text, line, wanted, names)


def _rows(text: str, line: int) -> Iterator[tuple[int, list[str]]]:
    """The rows after so many lines, each with the number of its last line."""
    rows = csv.reader(io.StringIO(text, newline=""))
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(f"line {line + rows.line_num}: {error}") from None
        yield line + rows.line_num, row


def _is_regular(text: str, rows: int, fields: int) -> bool:
    """Whether every row has so many fields."""
    if '"' not in text:
        return text.count(",") == (fields - 1) * rows
    return all(len(row) in (0, fields) for _, row in _rows(text, 0))


def _slow_numbers(
    text: str, line: int, wanted: Sequence[int], names: Sequence[str]
) -> list[list[np.ndarray]]:
    columns: list[list[int | float]] = [[] for _ in wanted]
    for end, row in _rows(text, line):
        if not row:
            continue
        if len(row) != len(names):
            raise ValueError(
                f"line {end} has another number of fields than the first row: "
                f"{len(row)}, not {len(names)}"
            )
        for column, index in zip(columns, wanted, strict=True):
            field = row[index].strip()
            try:
                column.append(_number(field))
            except ValueError:
                raise ValueError(
                    f"line {end}, column {names[index]}: {field!r} is not a "
                    "number; choose other columns with --columns"
                ) from None
    return [_column(column) for column in columns]


def _number(field: str) -> int | float:
    """A blank field is NaN."""
    value = float(field or "nan")
    if abs(value) >= 2.0**53 and field.lstrip("+-").isdecimal():
        integer = int(field)
        return integer if -(2**63) <= integer < 2**63 else value
    return value


def _column(numbers: list[int | float]) -> list[np.ndarray]:
    integers = [x for x in numbers if type(x) is int]
    floats = [x for x in numbers if type(x) is float]
    parts = [np.array(floats, np.float64), np.array(integers, np.int64)]
    return [part for part in parts if part.size] or parts[:1]


READERS: dict[str, Reader] = {
    ".npy": _npy,
    ".npz": _npz,
    ".csv": _csv,
    ".parquet": _parquet,
    ".arrow": _ipc,
    ".feather": _ipc,
    ".h5": _hdf5,
    ".hdf5": _hdf5,
}
TABLES = {".csv", ".parquet", ".arrow", ".feather"}
_ARCHIVES = {".npz", ".h5", ".hdf5"}
