"""Exact sums of files, with the position up to which they have been read."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mypackage._core.reductions import STATEFUL
from mypackage._core.states import result_dtype
from mypackage._extras import require

from .formats import FORMATS, reader
from .pieces import STDIN, Keys, Options, Piece, Source, UsageError
from .states import Decimals, Moments, Times, saved_state, state_of, total

_FORMAT = "mypackage checkpoint 2"


def expand(patterns: Sequence[str]) -> list[Path]:
    """Expand patterns with ``*``, ``?`` or ``[`` to file names.

    Raises
    ------
    ValueError
        If a pattern matches nothing.
    """
    paths: list[Path] = []
    for pattern in patterns:
        if os.path.exists(pattern) or not glob.has_magic(pattern):
            paths.append(Path(pattern))
        elif matches := sorted(glob.glob(pattern, recursive=True)):
            paths.extend(map(Path, matches))
        else:
            raise ValueError(f"{pattern}: no file matches")
    if paths.count(Path(STDIN)) > 1:
        raise UsageError(f"the standard input, {STDIN}, can be read once only")
    return paths


class Result(NamedTuple):
    """One result."""

    # For a table, the column's name, or None for all columns together.
    column: str | None
    # The keys of the group, by column name.
    by: dict[str, str]
    value: Any
    # How many numbers were reduced.
    count: Any


class Groups:
    """The groups that rows belong to, by the text of their keys."""

    def __init__(self) -> None:
        self.indices: dict[tuple[str, ...], int] = {}
        self.numeric: list[bool] = []

    def labels(self, keys: Sequence[Keys]) -> np.ndarray:
        """The group of each row; -1 where a key is null."""
        self.numeric = [key.numeric for key in keys]
        first, *others = keys
        combined = first.indices
        rows = [(text,) for text in first.texts]
        for key in others:
            # Number the pairs that occur.
            pairs = combined * len(key.texts) + key.indices
            pairs[(combined < 0) | (key.indices < 0)] = -1
            different, combined = np.unique(pairs, return_inverse=True)
            missing = int(len(different) > 0 and different[0] < 0)
            combined = combined.reshape(-1) - missing
            rows = [
                (*rows[pair // len(key.texts)], key.texts[pair % len(key.texts)])
                for pair in different[missing:].tolist()
            ]
        groups = [self.indices.setdefault(row, len(self.indices)) for row in rows]
        # The last entry is for -1.
        labels: np.ndarray = np.array([*groups, -1], np.int64)[combined]
        return labels

    def ordered(self) -> list[tuple[tuple[str, ...], int]]:
        """Keys and groups, sorted by key."""

        def rank(item: tuple[tuple[str, ...], int]) -> list[Any]:
            return [
                (text == "nan", Decimal(0 if text == "nan" else text), text) if numeric else text
                for text, numeric in zip(item[0], self.numeric, strict=True)
            ]

        return sorted(self.indices.items(), key=rank)


class Stream:
    """The exact sums of some files, with the position up to which they have been read.

    Everything that `save` writes is in the attributes.

    Parameters
    ----------
    sources : sequence of Source
        Read in this order. (No result depends on it.)
    options : Options
        What to read from each file, and the reduction.

    Raises
    ------
    UsageError
        If a file's format does not take one of the options.
    """

    def __init__(self, sources: Sequence[Source], options: Options) -> None:
        self.sources = sources
        self.options = options
        self.reduction = STATEFUL[options.op]
        self._readers = [reader(one, options) for one in sources]
        self.identities = [_identity(one) for one in self.sources]
        self.file = 0
        self.position: tuple[Any, ...] = ()
        self.names: list[str] | None = None
        self.states: list[Any] = []
        self.groups = Groups()
        self.notes: Sequence[str] = ()
        # Whether the files are both arrays and tables.
        self._mixed = not self.table and any(FORMATS[one.format].table for one in sources)
        if self._mixed and options.rows:
            raise UsageError("--axis: arrays and tables together have no columns in common")
        # With --axis 1, the result and the count of each row.
        self._across: list[tuple[Any, int]] = []

    def run(
        self,
        checkpoint: Path | None = None,
        every: float = 1.0,
        report: Callable[[float], object] = lambda done: None,
    ) -> None:
        """Read the rest of the files.

        Parameters
        ----------
        checkpoint : Path, optional
            Where to save the state.
        every : float
            Seconds from one checkpoint to the next.
        report : callable
            Called with the number of bytes read so far.

        Raises
        ------
        ValueError
            For a damaged file; the message names the file and the place in it.
        """
        sizes = [size for size, _ in self.identities]
        saved = time.monotonic()
        while self.file < len(self.sources):
            one, before = self.sources[self.file], sum(sizes[: self.file])
            with _naming(one.path):
                for piece in self.pieces():
                    self._add(piece)
                    report(before + piece.done * sizes[self.file])
                    if checkpoint is not None and time.monotonic() - saved >= every:
                        self.save(checkpoint)
                        saved = time.monotonic()
                if _identity(one) != self.identities[self.file]:
                    raise ValueError("changed while it was read")
            self.file, self.position = self.file + 1, ()
            report(sum(sizes[: self.file]))
        if checkpoint is not None:
            self.save(checkpoint)

    def pieces(self) -> Iterator[Piece]:
        """The remaining pieces of the current file."""
        read = self._readers[self.file]
        return read(self.sources[self.file], self.position, self.options)

    def _add(self, piece: Piece) -> None:
        options, columns = self.options, piece.columns
        if self._mixed:
            self._add_mixed(piece)
            return
        grouped = bool(options.by)
        if not self.states:
            self.names, self.notes = piece.names, piece.notes
            # A column of a table is summed over its only axis; an array keeps its other axes.
            shapes = [column.values.shape[1:] if options.rows else () for column in columns]
            self.states = [
                state_of(self.reduction, column, (0,) if grouped else shape)
                for column, shape in zip(columns, shapes, strict=True)
            ]
        elif (len(columns), piece.names) != (len(self.states), self.names):
            first = f"those of {self.sources[0].path} are {_listed(self.names, self.states)}"
            raise ValueError(f"its columns are {_listed(piece.names, columns)}, but {first}")
        if options.across:
            self._add_across(piece)
        else:
            labels = self.groups.labels(piece.keys) if grouped else None
            size = len(self.groups.indices)
            for i, column in enumerate(columns):
                if not options.rows and column.values.ndim != 1:
                    column = column._replace(values=column.values.reshape(-1))
                with _naming_column(self.names, i):
                    self.states[i].add(column, self.reduction, labels, size)
        self.position = piece.position

    def _add_mixed(self, piece: Piece) -> None:
        """Add to one common state, for arrays and tables together."""
        for i, column in enumerate(piece.columns):
            with _naming_column(piece.names, i):
                if not self.states:
                    self.states = [state_of(self.reduction, column, ())]
                flat = column._replace(values=column.values.reshape(-1))
                self.states[0].add(flat, self.reduction)
        self.position = piece.position

    def _add_across(self, piece: Piece) -> None:
        """Add with each row as a group of its own."""
        rows = len(piece.columns[0].values)
        labels = np.arange(rows)
        state = state_of(self.reduction, piece.columns[0], (0,))
        for i, column in enumerate(piece.columns):
            with _naming_column(self.names, i):
                state.add(column, self.reduction, labels, rows)
        self._across.append((state, rows))

    @property
    def size(self) -> int:
        """The size of all files in bytes."""
        return sum(size for size, _ in self.identities)

    @property
    def table(self) -> bool:
        """Whether all files are tables."""
        return all(FORMATS[one.format].table for one in self.sources)

    @property
    def _files(self) -> list[list[Any]]:
        together = zip(self.sources, self.identities, strict=True)
        return [
            [str(one.path), one.format, one.compression, *identity] for one, identity in together
        ]

    def results(self, dtype: Any = None) -> list[Result]:
        """The results, rounded once."""
        if self.options.across:
            return self._results_across(dtype)
        names: Sequence[str | None] = self.names or [None] * len(self.states)
        named = list(zip(names, self.states, strict=True))
        if self.options.total and self.table:
            named = [(None, total(self.states))]
        results = []
        order = self.groups.ordered()
        for name, state in named:
            values = self._finish(state, self._dtype(state, dtype))
            counts = state.counts()
            if not self.options.by:
                results.append(Result(name, {}, values, counts.tolist()))
                continue
            for keys, group in order:
                by = dict(zip(self.options.by, keys, strict=True))
                results.append(Result(name, by, values[group], int(counts[group])))
        return results

    def _results_across(self, dtype: Any) -> list[Result]:
        # All rows have the same dtype, or are decimals.
        dtypes = [self._dtype(state, dtype) for state, rows in self._across if rows]
        common = None
        if dtypes and dtypes[0] is not None:
            if any(one.kind != "O" for one in dtypes):
                dtypes = [np.dtype(np.float64) if one.kind == "O" else one for one in dtypes]
            common = np.result_type(*dtypes)
        results = []
        for state, rows in self._across:
            if rows:
                values, counts = self._finish(state, common), state.counts()
                results += [Result(None, {}, values[i], int(counts[i])) for i in range(rows)]
        return results

    def _finish(self, state: Any, dtype: Any) -> Any:
        """The results of a state."""
        if isinstance(state, Moments):
            return state.finish(self.reduction, dtype, self.options.ddof)
        return state.finish(self.reduction, dtype)

    def _dtype(self, state: Any, wanted: Any) -> Any:
        """The dtype of a result; None keeps decimals and times as they are."""
        if isinstance(state, (Decimals, Times)):
            return None if wanted is None else np.dtype(wanted)
        seen = np.dtype(np.float64) if state.dtype is None else state.dtype
        if not self.table:
            return result_dtype(self.reduction, seen, wanted)
        if wanted is None and state.integral and not self.reduction.fractional:
            # Integers are printed in full.
            return np.dtype(object)
        if wanted is None and self.options.total:
            return np.dtype(np.float64)
        seen = np.dtype(np.int64) if seen.kind == "O" else seen
        return result_dtype(self.reduction, seen, wanted)

    def save(self, checkpoint: Path) -> None:
        """Write the state atomically: if the process dies, the last checkpoint is intact."""
        body = {
            "options": self.options._asdict(),
            "files": self._files,
            "file": self.file,
            "position": self.position,
            "names": self.names,
            "notes": self.notes,
            "groups": [self.groups.numeric, list(self.groups.indices)],
            "states": [state.save() for state in self.states],
        }
        text = json.dumps(body)
        lines = f"{_FORMAT}\n{zlib.crc32(text.encode()):08x}\n{text}\n"
        temporary = checkpoint.with_name(f"{checkpoint.name}.tmp")
        try:
            with temporary.open("w", encoding="ascii") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, checkpoint)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def load(self, checkpoint: Path) -> None:
        """Resume from a checkpoint.

        Raises
        ------
        ValueError
            If it is damaged, or belongs to other files or options.
        """
        with _naming(checkpoint, "start anew by deleting it"):
            body = _checked(checkpoint.read_bytes())
            for name, mine in self.options._asdict().items():
                then = body["options"].get(name)
                if then != json.loads(json.dumps(mine)):
                    if name in ("rows", "across"):
                        raise ValueError("is of a run with another --axis")
                    option = f"--{name.replace('_', '-')}"
                    raise ValueError(f"is of a run with {option} {then}, not {mine}")
            files = self._files
            if [name for name, *_ in body["files"]] != [name for name, *_ in files]:
                raise ValueError("is of a run over other files")
            for (name, *then), (_, *now) in zip(body["files"], files, strict=True):
                if then[:2] != now[:2]:
                    raise ValueError(f"is of a run that read {name} as {'.'.join(then[:2])}")
                if then != now:
                    raise ValueError(f"{name} has changed since: size {then[2]}, now {now[2]}")
            self.file = body["file"]
            self.position = tuple(body["position"])
            self.names, self.notes = body["names"], body["notes"]
            self.groups.numeric, keys = body["groups"]
            self.groups.indices = {tuple(key): group for group, key in enumerate(keys)}
            shape = (0,) if self.options.by else ()
            self.states = [saved_state(self.reduction, shape, saved) for saved in body["states"]]


def read(stream: Stream) -> np.ndarray:
    """The array in a stream's only file; a .npy file is memory-mapped.

    Raises
    ------
    ValueError
        For a damaged file; the message names the file, the place and the remedy.
    """
    one = stream.sources[0]
    pieces = stream.pieces()
    with _naming(one.path):
        if one.format == "npy":
            next(pieces)  # Checks it.
            mapped: np.ndarray = np.lib.format.open_memmap(one.path, mode="r")
            return mapped
        return np.concatenate([piece.columns[0].values for piece in pieces])


def _identity(one: Source) -> tuple[int, int]:
    if not one.regular:
        return 0, 0
    with _naming(one.path):
        status = one.path.stat()
    return status.st_size, status.st_mtime_ns


def _checked(raw: bytes) -> Any:
    first, _, rest = raw.partition(b"\n")
    if first != _FORMAT.encode():
        raise ValueError(f"is not a checkpoint: at offset 0 it should say {_FORMAT!r}")
    check, _, text = rest.partition(b"\n")
    offset = len(first) + len(check) + 2
    if not text.endswith(b"\n") or check != b"%08x" % zlib.crc32(text[:-1]):
        raise ValueError(f"is damaged: the check sum of what follows offset {offset} is wrong")
    return json.loads(text)


def _listed(names: Sequence[str] | None, items: Sequence[Any]) -> str:
    return ", ".join(names) if names else f"{len(items)} without names"


@contextlib.contextmanager
def _naming(path: Path, way_out: str = "") -> Iterator[None]:
    """Add the name of the file to errors."""
    tail = f"; {way_out}" if way_out else ""
    try:
        yield
    except UsageError:
        raise
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}{tail}") from error
    except (ValueError, TypeError, KeyError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: {error}{tail}") from error


@contextlib.contextmanager
def _naming_column(names: Sequence[str] | None, index: int) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError) as error:
        if names is None:
            raise
        raise ValueError(f"column {names[index]}: {error}") from error


@contextlib.contextmanager
def progress(total: float, wanted: bool | None) -> Iterator[Callable[[float], object]]:
    """A function that draws a progress bar for the bytes read; by default only on a terminal."""
    if wanted is None:
        try:
            wanted = sys.stderr.isatty() and require("tqdm") is not None
        except ImportError:
            wanted = False
    if not wanted:
        yield lambda done: None
        return
    with require("tqdm").tqdm(total=int(total) or None, unit="B", unit_scale=True) as bar:
        yield lambda done: bar.update(int(done) - bar.n)
