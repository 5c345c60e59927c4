"""Reads the numbers in a file: .npy and .npz (NumPy's own), .csv."""

from __future__ import annotations

import contextlib
import csv
import math
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mypackage._cli import CommandError


class Data(NamedTuple):
    """An array and, if the file names them, the names of its columns (its last axis)."""

    values: np.ndarray
    names: list[str] | None = None


def read(path: Path, columns: Sequence[str] | None = None, key: str | None = None) -> Data:
    """Read a file by its suffix.

    Parameters
    ----------
    path : Path
        A .npy file is mapped, not loaded.
    columns : sequence of str, optional
        Of a .csv file: names in its header, or numbers counted from 0. Default: all.
    key : str, optional
        Of a .npz file: which array. Not needed if there is one only.

    Raises
    ------
    CommandError
        Names the file, the place and the way out.
    """
    if path.suffix not in {".npy", ".npz", ".csv"}:
        raise CommandError(f"{path}: the suffix must be .npy, .npz or .csv, not {path.suffix!r}")
    if columns is not None and path.suffix != ".csv":
        raise CommandError(f"{path}: only the columns of a .csv file can be chosen")
    if key is not None and path.suffix != ".npz":
        raise CommandError(f"{path}: only a .npz file has keys")
    try:
        if path.suffix == ".npy":
            return Data(np.lib.format.open_memmap(path, mode="r"))
        if path.suffix == ".npz":
            return _read_npz(path, key)
        return _read_csv(path, columns)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from error
    except (CommandError, ValueError, EOFError, csv.Error, zipfile.BadZipFile, zlib.error) as error:
        raise CommandError(f"{path}: {error}") from error


def _read_npz(path: Path, key: str | None) -> Data:
    # NumPy would take anything else for a pickle, and say so.
    if path.is_file() and not zipfile.is_zipfile(path):
        raise CommandError("is not a .npz archive")
    with np.load(path, allow_pickle=False) as archive:
        if key is None and len(archive.files) == 1:
            key = archive.files[0]
        if key not in archive.files:
            names = ", ".join(archive.files) or "nothing"
            problem = "holds several arrays" if key is None else f"has no array {key!r}"
            raise CommandError(f"{problem}; choose with --key from {names}")
        return Data(archive[key])


def _read_csv(path: Path, columns: Sequence[str] | None) -> Data:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        first = next((row for row in reader if row), None)
        header_lines = reader.line_num
    if first is None:
        raise CommandError("holds no rows")
    if all(_is_number(text) for text in first):
        header, names, header_lines = None, [str(index) for index in range(len(first))], 0
    else:
        header = names = [text.strip() for text in first]
    indices = range(len(names)) if columns is None else [_index(names, name) for name in columns]
    values = _parse(path, header_lines, indices, names)
    return Data(values, header and [header[index] for index in indices])


def _is_number(text: str) -> bool:
    try:
        float(text.strip() or "nan")
    except ValueError:
        return False
    return True


def _index(names: Sequence[str], name: str) -> int:
    if name in names:
        return names.index(name)
    if name.isdecimal() and int(name) < len(names):
        return int(name)
    raise CommandError(f"has no column {name!r}, but {', '.join(names)}")


def _parse(path: Path, skip: int, indices: Sequence[int], names: Sequence[str]) -> np.ndarray:
    # NumPy's parser is fast, but knows no missing values; int64 first, so that no large integer is
    # rounded. It would cut 1.5 to 1 with a warning: as an error, that means float64.
    for dtype in (np.int64, np.float64):
        with contextlib.suppress(ValueError, Warning), warnings.catch_warnings():
            warnings.simplefilter("error")
            return np.loadtxt(
                path, dtype, None, ",", skiprows=skip, usecols=indices, ndmin=2,
                encoding="utf-8-sig", quotechar='"',
            )  # fmt: skip
    rows = []
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        for row in reader:
            if reader.line_num <= skip or not row:
                continue
            for index in indices:
                text = row[index].strip() if index < len(row) else ""
                try:
                    rows.append(float(text) if text else math.nan)
                except ValueError:
                    raise CommandError(
                        f"line {reader.line_num}, column {names[index]}: {text!r} is not a number; "
                        "choose other columns with --columns"
                    ) from None
    return np.array(rows).reshape(-1, len(indices))
