"""What the readers of files are given and what they yield.

A reader is a generator function ``(source, start, options)``. It yields `Piece` after `Piece`, at
least one, and holds one at a time. `start` is the position from an earlier piece, or ``()``. A
damaged file raises a ValueError that says where; the caller adds the name of the file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mypackage._core.reductions import STATEFUL

# Large enough that the overhead per piece is negligible.
PIECE_BYTES = 1 << 25
TEXT_BYTES = 1 << 22
BATCH_ROWS = 1 << 17

# The file name that means the standard input.
STDIN = "-"


class UsageError(ValueError):
    """Options that contradict each other, or do not apply to the files."""


class Source(NamedTuple):
    """A file, and how to read it."""

    path: Path
    # A key of `formats.FORMATS`.
    format: str
    # A key of `text.COMPRESSIONS`, or "".
    compression: str = ""
    # Whether it is a regular file, with a known size and random access.
    regular: bool = True


class Options(NamedTuple):
    """What to read from the files; each field is the option of ``mypackage sum`` of that name."""

    op: str = "sum"
    # Of variances: the divisor is the count minus this.
    ddof: float = 0
    columns: Sequence[str] | None = None
    by: Sequence[str] | None = None
    total: bool = False
    # Whether a row of an array must keep its place; otherwise the order of elements does not
    # matter.
    rows: bool = False
    # Whether each row of a table is reduced, instead of each column.
    across: bool = False
    key: str | None = None
    skip_nulls: bool = False
    na_values: Sequence[str] = ()
    header: bool | None = None
    delimiter: str | None = None
    decimal: str = "."
    thousands: str | None = None
    comment: str | None = None
    skip_initial_space: bool = False
    encoding: str | None = None
    decimal_exact: bool = False

    @property
    def missing(self) -> bool:
        """Whether missing values are allowed."""
        return self.skip_nulls or STATEFUL[self.op].skip_nan


class Column(NamedTuple):
    """A part of a column or an array.

    A column has one value for each row; rows listed in `nulls` or `wide` have a 0 in `values`.
    """

    values: np.ndarray
    # For decimals, whose digits are in `values` and `wide`, the exponents of ten.
    exponents: np.ndarray | None = None
    # Integers beyond 64 bits, with their rows.
    wide: Sequence[tuple[int, int]] = ()
    # The rows without a value.
    nulls: np.ndarray | None = None
    # Whether the dtype comes from the file, so that it also holds for an empty column.
    typed: bool = True


class Keys(NamedTuple):
    """A part of a column whose values define groups."""

    # For each row the index of its value in `texts`, -1 for a missing one.
    indices: np.ndarray
    # The distinct values as text.
    texts: Sequence[str]
    # Whether they are numbers, which are sorted as numbers.
    numeric: bool = False


class Piece(NamedTuple):
    """A part of a file."""

    columns: list[Column]
    # The position of the next piece.
    position: tuple[Any, ...]
    # The fraction of the file that has been read.
    done: float
    # The names of a table's columns; None for an array.
    names: list[str] | None = None
    keys: Sequence[Keys] = ()
    # What the reader guessed, to be reported once.
    notes: Sequence[str] = ()


Reader = Callable[[Source, tuple[Any, ...], Options], Iterator[Piece]]


@contextlib.contextmanager
def at(place: str, *errors: type[Exception]) -> Iterator[None]:
    """Turn errors at a position in a file into ValueErrors that name the position."""
    try:
        yield
    except errors as error:
        raise ValueError(f"{place}: {error}") from error
