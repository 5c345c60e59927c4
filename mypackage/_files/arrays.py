"""Readers of arrays: .npy through a memory map, .npz and HDF5 piece by piece."""

from __future__ import annotations

import math
import os
import tokenize
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mypackage._extras import require

from . import pieces
from .pieces import Column, Options, Piece, Source, at


def _slabs(shape: tuple[int, ...], itemsize: int, start: tuple[int, ...]) -> Iterator[slice]:
    """Cut an array into pieces along its first axis."""
    row = max(1, itemsize * math.prod(shape[1:]))
    step = max(1, pieces.PIECE_BYTES // row)
    first = start[0] if start else 0
    for begin in range(first, max(shape[0], first + 1), step):
        yield slice(begin, min(begin + step, shape[0]))


def _header(file: Any, place: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    # NumPy evaluates the header as a Python literal.
    with at(f"{place} is damaged", ValueError, SyntaxError, tokenize.TokenError):
        version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in read:
        raise ValueError(f"version {version} of the .npy format holds no plain numbers")
    with at(f"{place} is damaged", ValueError, SyntaxError, tokenize.TokenError):
        shape, fortran, dtype = read[version](file)
    if dtype.hasobject:
        raise ValueError("holds Python objects, which are not read: they could run code")
    return shape, fortran, dtype


def npy(source: Source, start: tuple[Any, ...], options: Options) -> Iterator[Piece]:
    with source.path.open("rb") as file:
        shape, fortran, dtype = _header(file, "its header, at offset 0,")
        offset = file.tell()
        end = offset + math.prod(shape) * dtype.itemsize
        if not options.rows or not shape:
            shape = (math.prod(shape),)
        for slab in _slabs(shape, dtype.itemsize, start):
            # Reading a memory map beyond the end of its file kills the process, so check before
            # each piece.
            _check_size(os.fstat(file.fileno()).st_size, end)
            if slab.start == slab.stop:
                values = np.empty((0, *shape[1:]), dtype)
            elif fortran and len(shape) > 1:
                values = np.memmap(file, dtype, "r", offset, shape, "F")[slab]
            else:
                row = dtype.itemsize * math.prod(shape[1:])
                size = (slab.stop - slab.start, *shape[1:])
                # Mapped again for each piece, so that pages that were read can be released.
                values = np.memmap(file, dtype, "r", offset + slab.start * row, size)
            done = slab.stop / max(1, shape[0])
            yield Piece([Column(values.view(np.ndarray))], (slab.stop,), done)


def _check_size(actual: int, end: int) -> None:
    if actual < end:
        raise ValueError(f"is cut short: it ends at offset {actual}, but its header says {end}")
    if actual > end:
        raise ValueError(f"{actual - end} bytes follow the array, which ends at offset {end}")


def npz(source: Source, start: tuple[Any, ...], options: Options) -> Iterator[Piece]:
    path = source.path
    # NumPy would assume that anything else is a pickle, and complain about that.
    if path.is_file() and not zipfile.is_zipfile(path):
        raise ValueError("is not a .npz archive, or its end is cut off")
    # What zipfile raises for encrypted members and compression methods that it lacks.
    with at("its archive", RuntimeError), zipfile.ZipFile(path) as archive:
        members = [name.removesuffix(".npy") for name in archive.namelist()]
        key = _choose(members, options.key)
        with archive.open(f"{key}.npy") as file:
            shape, fortran, dtype = _header(file, f"the header of array {key!r}")
            if not options.rows or not shape:
                shape, fortran = (math.prod(shape),), False
            if fortran:
                with np.load(path, allow_pickle=False) as arrays:
                    yield Piece([Column(arrays[key])], shape[:1], 1.0)
                return
            row = dtype.itemsize * math.prod(shape[1:])
            # No seeking: zipfile compares the check sum only of a member that is read from start to
            # end.
            _skip(file, (start[0] if start else 0) * row)
            for slab in _slabs(shape, dtype.itemsize, start):
                size = (slab.stop - slab.start) * row
                data = file.read(size)
                if len(data) < size:
                    raise ValueError(f"array {key!r} is cut short at its byte {file.tell()}")
                values = np.frombuffer(data, dtype).reshape(-1, *shape[1:])
                if slab.stop == shape[0] and file.read(1):
                    raise ValueError(f"array {key!r}: more follows at its byte {file.tell() - 1}")
                yield Piece([Column(values)], (slab.stop,), slab.stop / max(1, shape[0]))


def _skip(file: Any, size: int) -> None:
    while size > 0:
        size -= len(file.read(min(size, pieces.PIECE_BYTES))) or size


def _choose(names: Sequence[str], key: str | None) -> str:
    if key is None and len(names) == 1:
        return names[0]
    if key is None or key not in names:
        problem = "holds several arrays" if key is None else f"has no array {key!r}"
        raise ValueError(f"{problem}; choose with --key from {', '.join(names) or 'nothing'}")
    return key


def hdf5(source: Source, start: tuple[Any, ...], options: Options) -> Iterator[Piece]:
    h5py = require("h5py")
    # h5py has no exception of its own for a damaged file.
    errors = (OSError, RuntimeError, KeyError, TypeError)
    with h5py.File(source.path, "r") as file:
        names: list[str] = []
        with at("its list of arrays is damaged", *errors):
            file.visititems(
                lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None
            )
        key = _choose(names, options.key and options.key.strip("/"))
        with at(f"the header of array {key!r} is damaged", *errors):
            dataset = file[key]
            shape, itemsize = dataset.shape, dataset.dtype.itemsize
        if not shape:
            with at(f"array {key!r}", *errors):
                value = np.atleast_1d(dataset[()])
            yield Piece([Column(value)], (1,), 1.0)
            return
        for slab in _slabs(shape, itemsize, start):
            with at(f"array {key!r}, from index {slab.start}", *errors):
                values = dataset[slab]
            flat = values if options.rows else values.reshape(-1)
            yield Piece([Column(flat)], (slab.stop,), slab.stop / max(1, shape[0]))
