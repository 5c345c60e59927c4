"""Tables of typed columns: parquet and Arrow files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from mypackage._core.reductions import STATEFUL
from mypackage._extras import require

from . import pieces
from .columns import Choice, choose, paste
from .pieces import Column, Keys, Options, Piece, Source, at


def parquet(source: Source, start: tuple[Any, ...], options: Options) -> Iterator[Piece]:
    """Read the row groups of a parquet file."""
    library = require("pyarrow.parquet")
    errors = (require("pyarrow").ArrowException, OSError)
    with (
        at("its footer", *errors),
        library.ParquetFile(source.path, page_checksum_verification=True) as file,
    ):
        table = _Table(file.schema_arrow, options)
        group, batch = start or (0, 0)
        yield table.piece(file.schema_arrow.empty_table(), (group, batch), 0.0)
        # By name, since a nested column is stored as several.
        names = table.read
        for index in range(group, file.num_row_groups):
            with at(f"row group {index}", *errors):
                batches = file.iter_batches(pieces.BATCH_ROWS, row_groups=[index], columns=names)
                for number, rows in enumerate(batches):
                    if number >= batch:
                        done = index / file.num_row_groups
                        yield table.piece(rows, (index, number + 1), done)
            batch = 0


def ipc(source: Source, start: tuple[Any, ...], options: Options) -> Iterator[Piece]:
    """Read the record batches of an Arrow file."""
    pa = require("pyarrow")
    errors = (pa.ArrowException, OSError)
    with (
        at("its footer", *errors),
        pa.memory_map(os.fspath(source.path)) as memory,
        pa.ipc.open_file(memory) as file,
    ):
        table = _Table(file.schema, options)
        first = start[0] if start else 0
        yield table.piece(file.schema.empty_table(), (first,), 0.0)
        for index in range(first, file.num_record_batches):
            with at(f"record batch {index}", *errors):
                rows = file.get_batch(index)
                rows.validate(full=True)
            yield table.piece(rows, (index + 1,), (index + 1) / file.num_record_batches)


class _Table:
    """The chosen columns of a schema."""

    def __init__(self, schema: Any, options: Options) -> None:
        self._options = options
        names = schema.names
        index = _index_columns(schema)
        choice = choose(names, options, index)
        for i in (*choice.numbers, *choice.keys):
            if names.count(names[i]) > 1:
                raise ValueError(f"several columns are named {names[i]!r}; rename them first")
        self._numbers = [names[i] for i in choice.numbers]
        self._keys = [names[i] for i in choice.keys]
        self.read = [*self._numbers, *self._keys]
        left_out = [names[i] for i in index if i not in (*choice.numbers, *choice.keys)]
        self._notes = []
        if left_out and options.columns is None:
            one = len(left_out) == 1
            what, pronoun = ("column {} is", "it") if one else ("columns {} are", "them")
            listed = what.format(", ".join(left_out))
            self._notes.append(f"the index {listed} left out; --columns takes {pronoun}")
        self._check(schema, choice)

    def _check(self, schema: Any, choice: Choice) -> None:
        """Refuse columns that are not numbers before anything is read."""
        numeric = [i for i in choice.numbers if _is_numeric(schema.field(i).type)]
        for i in choice.numbers:
            kind = schema.field(i).type
            if _is_date(kind) and STATEFUL[self._options.op].finish == "mean":
                if getattr(kind, "tz", None) is None:
                    continue
                raise TypeError(
                    f"column {schema.names[i]}: the mean of {kind} elements would be without its "
                    "time zone; mypackage.mean of the column has it"
                )
            if i not in numeric:
                way_out = f"; choose other columns with {paste(schema.names, numeric)}"
                raise TypeError(
                    f"column {schema.names[i]}: there is no exact {self._options.op} of {kind} "
                    f"elements{way_out if numeric else ''}"
                )

    def piece(self, rows: Any, position: tuple[Any, ...], done: float) -> Piece:
        """A part of the table's rows."""
        options = self._options
        columns = [
            _column(whole, f"column {name}", options.missing)
            for name, whole in _chunks(rows, self._numbers)
        ]
        keys = [
            _key(whole, f"column {name}", options.skip_nulls)
            for name, whole in _chunks(rows, self._keys)
        ]
        return Piece(columns, position, done, list(self._numbers), keys, self._notes)


def _chunks(rows: Any, names: list[str]) -> Iterator[tuple[str, Any]]:
    pa = require("pyarrow")
    for name in names:
        column = rows.column(name)
        if isinstance(column, pa.ChunkedArray):
            # For an empty table.
            column = pa.array([], column.type)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        yield name, column


def _index_columns(schema: Any) -> list[int]:
    """The index columns according to pandas' metadata; a RangeIndex is not stored as a column."""
    text = (schema.metadata or {}).get(b"pandas")
    try:
        index = json.loads(text)["index_columns"] if text else []
    except (ValueError, KeyError, TypeError):
        return []
    return [i for i, name in enumerate(schema.names) if name in index]


def _is_numeric(kind: Any) -> bool:
    types = require("pyarrow").types
    checks = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    return types.is_duration(kind) or any(check(kind) for check in checks)


def _is_date(kind: Any) -> bool:
    types = require("pyarrow").types
    return bool(types.is_timestamp(kind) or types.is_date(kind))


def _column(array: Any, what: str, missing: bool) -> Column:
    nulls = None
    if array.null_count:
        if not missing:
            raise ValueError(
                f"{what}: {array.null_count} of {len(array)} values are null; "
                "--skip-nulls leaves them out"
            )
        nulls = np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))
    types = require("pyarrow").types
    if types.is_decimal(array.type):
        return _decimals(array, nulls)
    if nulls is not None:
        times = types.is_duration(array.type) or _is_date(array.type)
        if types.is_floating(array.type) or times:
            # Nulls are NaN or NaT here, and nothing is rounded.
            values = array.to_numpy(zero_copy_only=False).copy()
            values[nulls] = 0
            return Column(values, nulls=nulls)
        array = array.fill_null(False if types.is_boolean(array.type) else 0)
    return Column(array.to_numpy(zero_copy_only=False), nulls=nulls)


def _decimals(array: Any, nulls: np.ndarray | None) -> Column:
    """Digits and exponents of decimals; digits beyond 64 bits are returned separately."""
    exponents = np.full(len(array), -array.type.scale, np.int32)
    if array.type.bit_width == 128:
        words = np.frombuffer(array.buffers()[1] or b"", np.int64)
        words = words[2 * array.offset : 2 * (array.offset + len(array))].reshape(-1, 2)
        low, high = words[:, 0].copy(), words[:, 1]
        if nulls is not None:
            low[nulls] = 0
            high = high.copy()
            high[nulls] = 0
        rows = np.flatnonzero(high != low >> 63)
        # The low word is unsigned.
        wide = [
            (int(row), (int(high[row]) << 64) + (int(low[row]) & (1 << 64) - 1)) for row in rows
        ]
        low[rows] = 0
        return Column(low, exponents, wide, nulls)
    digits = np.zeros(len(array), np.int64)
    wide = []
    for row, value in enumerate(array.to_pylist()):
        if value is not None:
            sign, figures, exponent = value.as_tuple()
            number = int("".join(map(str, figures))) * 10 ** (exponent + array.type.scale)
            number = -number if sign else number
            if -(2**63) <= number < 2**63:
                digits[row] = number
            else:
                wide.append((row, number))
    return Column(digits, exponents, wide, nulls)


def _key(array: Any, what: str, skip_nulls: bool) -> Keys:
    pa = require("pyarrow")
    if array.null_count and not skip_nulls:
        raise ValueError(
            f"{what}: {array.null_count} of {len(array)} keys are null; "
            "--skip-nulls leaves their rows out"
        )
    types = pa.types
    numeric = any(f(array.type) for f in (types.is_integer, types.is_floating, types.is_decimal))
    encoded = array.dictionary_encode()
    indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    values = encoded.dictionary
    if types.is_floating(array.type):
        texts = [str(x) for x in values.to_numpy(zero_copy_only=False)]
    elif types.is_boolean(array.type):
        texts = [str(x) for x in values.to_pylist()]
    else:
        try:
            texts = values.cast(pa.string()).to_pylist()
        except pa.ArrowException:
            raise TypeError(f"{what}: {array.type} values cannot be keys of groups") from None
    return Keys(indices, texts, numeric)
