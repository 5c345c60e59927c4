"""What the readers of files yield, and what they are asked for.

A reader is a generator function ``(source, start, options)``. It yields `Piece` after `Piece`, at
least one, and holds one at a time. `start` is the position that a piece carried, or ``()``. What
is wrong with a file is a ValueError that says where; the caller adds the file's name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mypackage._core.reductions import STATEFUL

# Large enough that the work per piece is nothing next to that per byte.
PIECE_BYTES = 1 << 25
TEXT_BYTES = 1 << 22
BATCH_ROWS = 1 << 17

# The name of the standard input.
STDIN = "-"


class UsageError(ValueError):
    """Options that do not go together, or not with the files."""


class Source(NamedTuple):
    """A file, and how to read it."""

    path: Path
    # A key of `formats.FORMATS`.
    format: str
    # A key of `text.COMPRESSIONS`, or "".
    compression: str = ""
    # Whether its size is known and any part of it can be read again.
    regular: bool = True


class Options(NamedTuple):
    """What to take from the files. Each is the option of ``mypackage sum`` of its name."""

    op: str = "sum"
    # Of variances: what is taken from the count before it divides.
    ddof: float = 0
    columns: Sequence[str] | None = None
    by: Sequence[str] | None = None
    total: bool = False
    # Keep the rows of arrays apart along their first axis; otherwise the order means nothing.
    rows: bool = False
    # Reduce each row of a table, not each column.
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
        """Whether values may be missing."""
        return self.skip_nulls or STATEFUL[self.op].skip_nan


class Column(NamedTuple):
    """Some of the numbers of a column or an array.

    A column's are one for each row: where `nulls` or `wide` says so, there is 0 in its place.
    """

    values: np.ndarray
    # Of decimals, whose digits are in `values` and `wide`: their exponents of ten.
    exponents: np.ndarray | None = None
    # Integers that no array holds, with their rows.
    wide: Sequence[tuple[int, int]] = ()
    # Rows without a value.
    nulls: np.ndarray | None = None
    # Whether the dtype is the file's own, so that it also says something of no numbers.
    typed: bool = True


class Keys(NamedTuple):
    """Some of a column by whose values groups are told apart."""

    # For each row the index of its value, -1 for none.
    indices: np.ndarray
    # The values as they print.
    texts: Sequence[str]
    # Whether they are numbers, and sorted as such.
    numeric: bool = False


class Piece(NamedTuple):
    """Some of a file."""

    columns: list[Column]
    # Where the next piece begins.
    position: tuple[Any, ...]
    # How much of the file has been read, from 0 to 1.
    done: float
    # A table's columns; None for an array.
    names: list[str] | None = None
    keys: Sequence[Keys] = ()
    # What the reader decided by itself, to be told once.
    notes: Sequence[str] = ()


Reader = Callable[[Source, tuple[Any, ...], Options], Iterator[Piece]]


@contextlib.contextmanager
def at(place: str, *errors: type[Exception]) -> Iterator[None]:
    """What goes wrong at a place in a file, as a ValueError that names it."""
    try:
        yield
    except errors as error:
        raise ValueError(f"{place}: {error}") from error
