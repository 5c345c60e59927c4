"""The reader for each file format, and the options that it takes."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from . import arrays, csv, tables
from .pieces import STDIN, Options, Reader, Source, UsageError
from .text import COMPRESSIONS


class Format(NamedTuple):
    """A file format."""

    reader: Reader
    suffixes: Sequence[str]
    # Which of these the format has: columns of a table, arrays by key, text.
    table: bool = False
    archive: bool = False
    text: bool = False


FORMATS = {
    "npy": Format(arrays.npy, [".npy"]),
    "npz": Format(arrays.npz, [".npz"], archive=True),
    "csv": Format(csv.read, [".csv"], table=True, text=True),
    "tsv": Format(csv.read, [".tsv"], table=True, text=True),
    "parquet": Format(tables.parquet, [".parquet"], table=True),
    "arrow": Format(tables.ipc, [".arrow", ".feather"], table=True),
    "hdf5": Format(arrays.hdf5, [".h5", ".hdf5"], archive=True),
}
SUFFIXES = {suffix: name for name, format in FORMATS.items() for suffix in format.suffixes}

# The values of --format.
NAMES = [
    *FORMATS,
    *(f"{name}.{end}" for name, f in FORMATS.items() if f.text for end in COMPRESSIONS),
]

# The options that apply to tables, to text and to archives only.
_TABLE = ("columns", "by", "total", "skip_nulls")
_TEXT = (
    "na_values", "header", "delimiter", "decimal", "thousands", "comment",
    "skip_initial_space", "encoding", "decimal_exact",
)  # fmt: skip
_ARCHIVE = ("key",)


def source(path: Path, wanted: str | None) -> Source:
    """A file and its format, which follows from its suffix unless it is given.

    Raises
    ------
    UsageError
        If the format cannot be read from a stream.
    ValueError
        If the suffix is unknown.
    """
    regular = str(path) != STDIN and not (path.exists() and _is_stream(path))
    if wanted is not None:
        name, _, compression = wanted.partition(".")
    else:
        suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
        compression = suffixes.pop()[1:] if suffixes and suffixes[-1][1:] in COMPRESSIONS else ""
        suffix = suffixes[-1] if suffixes else ""
        name = SUFFIXES.get(suffix, "" if suffix and regular else "csv")
        if not name:
            *most, last = SUFFIXES
            raise ValueError(
                f"{path}: the suffix must be {', '.join(most)} or {last}, not {suffix!r}; "
                "--format says how to read it"
            )
        if compression and not FORMATS[name].text:
            raise ValueError(f"{path}: only text is read compressed, not {suffix}")
    if not regular and not FORMATS[name].text:
        raise UsageError(f"--format {name} needs a file that can be read twice, not {path}")
    return Source(path, name, compression, regular)


def _is_stream(path: Path) -> bool:
    return not stat.S_ISREG(path.stat().st_mode) and not path.is_dir()


def reader(source: Source, options: Options) -> Reader:
    """The reader for a file.

    Raises
    ------
    UsageError
        If it does not take one of the options.
    """
    format = FORMATS[source.format]
    defaults = Options()
    for having, names, what in (
        (format.table, _TABLE, "tables (csv, tsv, parquet, arrow)"),
        (format.text, _TEXT, "text (csv, tsv)"),
        (format.archive, _ARCHIVE, "archives of arrays (npz, hdf5)"),
    ):
        for name in names:
            if not having and getattr(options, name) != getattr(defaults, name):
                option = f"--{name.replace('_', '-')}"
                raise UsageError(
                    f"{option} is of use for {what} only, not for {source.path} ({source.format})"
                )
    return format.reader
