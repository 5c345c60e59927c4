"""Exact sums of files larger than memory, of many files, and with checkpoints to go on from."""

from __future__ import annotations

import base64
import contextlib
import glob
import json
import os
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mypackage import ExactSum
from mypackage._core.reductions import REDUCTIONS
from mypackage._core.states import add, result_dtype, rounded
from mypackage._extras import require
from mypackage._formats import TABLES, Options, Piece, reader

_FORMAT = "mypackage checkpoint 1"


def expand(patterns: Sequence[str]) -> list[Path]:
    """The files that names and patterns with ``*``, ``?`` or ``[`` stand for.

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
    return paths


class Stream:
    """The exact sums of some files: where the reading stands, and what has been read.

    All that `save` writes is in the attributes.

    Parameters
    ----------
    paths : sequence of Path
        Read in this order. (No result depends on it.)
    operation : {"sum", "nansum", "mean", "nanmean"}
        The function whose result is wanted.
    options : Options
        What to take from each file.
    """

    def __init__(self, paths: Sequence[Path], operation: str, options: Options) -> None:
        self.paths = paths
        self.operation = operation
        self.reduction = REDUCTIONS[operation]
        self.options = options
        self.identities = [_identity(path) for path in paths]
        self.file = 0
        self.position: tuple[int, ...] = ()
        self.dtype: np.dtype[Any] | None = None
        self.names: list[str] | None = None
        self.states: list[ExactSum] = []
        # Whether there is a state for each column of a table.
        self._table = options.rows and paths[0].suffix in TABLES

    def run(
        self,
        checkpoint: Path | None = None,
        every: float = 1.0,
        report: Callable[[float], object] = lambda done: None,
    ) -> None:
        """Read what is left to read.

        Parameters
        ----------
        checkpoint : Path, optional
            Where to save the state.
        every : float
            Seconds from one checkpoint to the next.
        report : callable
            Is told the bytes read so far.

        Raises
        ------
        ValueError
            Names the file and the place in it.
        """
        sizes = [size for size, _ in self.identities]
        saved = time.monotonic()
        while self.file < len(self.paths):
            path, before = self.paths[self.file], sum(sizes[: self.file])
            with _naming(path):
                for piece in reader(path, self.options)(path, self.position, self.options):
                    self._add(piece)
                    report(before + piece.done * sizes[self.file])
                    if checkpoint is not None and time.monotonic() - saved >= every:
                        self.save(checkpoint)
                        saved = time.monotonic()
                if _identity(path) != self.identities[self.file]:
                    raise ValueError("changed while it was read")
            self.file, self.position = self.file + 1, ()
            report(sum(sizes[: self.file]))
        if checkpoint is not None:
            self.save(checkpoint)

    def _add(self, piece: Piece) -> None:
        columns = piece.columns
        if not self.options.rows:
            columns = [[part for column in columns for part in column]]
        if not self.states:
            self.names = piece.names
            shape = columns[0][0].shape[1:] if self.options.rows else ()
            self.states = [ExactSum(shape) for _ in columns]
        elif self.options.rows and (len(columns), piece.names) != (len(self.states), self.names):
            raise ValueError(
                f"its columns are {_listed(piece.names, columns)}, but those of {self.paths[0]} "
                f"are {_listed(self.names, self.states)}"
            )
        for state, parts in zip(self.states, columns, strict=True):
            for part in parts:
                result_dtype(self.reduction, part.dtype)  # Refuses what is no number.
                both = [part.dtype] if self.dtype is None else [self.dtype, part.dtype]
                self.dtype = np.result_type(*both)
                add(state, part, skip_nan=self.reduction.skip_nan)
        self.position = piece.position

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(size for size, _ in self.identities)

    @property
    def _files(self) -> list[list[Any]]:
        together = zip(self.paths, self.identities, strict=True)
        return [[str(path), *identity] for path, identity in together]

    def result(self, dtype: Any = None) -> np.ndarray:
        """The sums, rounded once: a scalar, a row, or one value for each column of a table."""
        chosen = result_dtype(self.reduction, self.dtype, dtype)
        values = [rounded(self.reduction, state, chosen) for state in self.states]
        return np.asarray(values if self._table else values[0])

    def save(self, checkpoint: Path) -> None:
        """Write the state so that, whenever the process dies, one whole checkpoint is there."""
        body = {
            "operation": self.operation,
            "options": self.options._asdict(),
            "files": self._files,
            "file": self.file,
            "position": self.position,
            "dtype": None if self.dtype is None else self.dtype.str,
            "names": self.names,
            "states": [base64.b64encode(state.to_bytes()).decode() for state in self.states],
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
        """Go on from a checkpoint.

        Raises
        ------
        ValueError
            If it is damaged, or of other files or another question.
        """
        with _naming(checkpoint, "start anew by deleting it"):
            body = _checked(checkpoint.read_bytes())
            asked = {"operation": self.operation, "options": self.options._asdict()}
            for what, mine in asked.items():
                if body[what] != json.loads(json.dumps(mine)):
                    raise ValueError(f"is of a run with {what} {body[what]}, not {mine}")
            files = self._files
            if [name for name, *_ in body["files"]] != [name for name, *_ in files]:
                raise ValueError("is of a run over other files")
            for (name, *then), (_, *now) in zip(body["files"], files, strict=True):
                if then != now:
                    raise ValueError(f"{name} has changed since: size {then[0]}, now {now[0]}")
            self.file = body["file"]
            self.position = tuple(body["position"])
            self.dtype = body["dtype"] and np.dtype(body["dtype"])
            self.names = body["names"]
            self.states = [ExactSum.from_bytes(base64.b64decode(s)) for s in body["states"]]


def read(path: Path, options: Options) -> np.ndarray:
    """All of a file in memory; a .npy file is mapped.

    Raises
    ------
    ValueError
        Names the file, the place and the way out.
    """
    with _naming(path):
        if path.suffix == ".npy":
            next(reader(path, options)(path, (), options))  # Checks it.
            return np.lib.format.open_memmap(path, mode="r")
        pieces = [piece.columns for piece in reader(path, options)(path, (), options)]
        if path.suffix == ".csv" and any(len(parts) > 1 for piece in pieces for parts in piece):
            raise ValueError(
                "fractions stand next to integers beyond 2**53, which no array holds exactly; "
                "sum over all axes, or over axis 0"
            )
        parts = [[np.concatenate(column) for column in columns] for columns in pieces]
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        return np.stack(columns, axis=1) if path.suffix in TABLES else columns[0]


def _identity(path: Path) -> tuple[int, int]:
    with _naming(path):
        status = path.stat()
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
    """Name the file in what goes wrong with it."""
    tail = f"; {way_out}" if way_out else ""
    try:
        yield
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}{tail}") from error
    except (ValueError, TypeError, KeyError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: {error}{tail}") from error


@contextlib.contextmanager
def progress(total: float, wanted: bool | None) -> Iterator[Callable[[float], object]]:
    """A function that draws a bar for the bytes it is told; by default only at a terminal."""
    if wanted is None:
        try:
            wanted = sys.stderr.isatty() and require("tqdm") is not None
        except ImportError:
            wanted = False
    if not wanted:
        yield lambda done: None
        return
    with require("tqdm").tqdm(total=int(total), unit="B", unit_scale=True) as bar:
        yield lambda done: bar.update(int(done) - bar.n)
