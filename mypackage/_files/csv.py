"""Delimited text: the extension finds the fields and reads the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from mypackage._native import CsvError, CsvStyle, CsvTable

from .columns import Choice, choose, paste
from .pieces import Column, Keys, Options, Piece, Source, UsageError
from .text import Text, opened

_SKIPPED, _NUMBER, _TEXT = range(3)

_DELIMITERS = {"csv": ",", "tsv": "\t"}

# Characters that have a meaning in numbers or records, so no option may redefine them.
_TAKEN = '+-"\r\n\0'


class Place(NamedTuple):
    """The position of a piece, and what was determined at the beginning of the file."""

    offset: int
    line: int
    after_return: bool
    encoding: str
    # The names of the columns, or their number if they have no names.
    header: list[str] | int


def style(options: Options, format: str) -> CsvStyle:
    """The delimiter and other conventions for a text of this format.

    Raises
    ------
    UsageError
        If the options contradict each other.
    """
    if options.decimal_exact and options.op != "sum":
        raise UsageError(f"--decimal-exact goes with --op sum only, not --op {options.op}")
    delimiter = _DELIMITERS[format] if options.delimiter is None else options.delimiter
    characters = {
        "--delimiter": delimiter,
        "--decimal": options.decimal,
        "--thousands": options.thousands,
        "--comment": options.comment,
    }
    for option, character in characters.items():
        if character is None:
            continue
        if len(character) != 1 or not character.isascii() or character in _TAKEN:
            raise UsageError(
                f"{option} {character!r}: it must be one ASCII character, "
                "neither a sign, a quote nor a line break"
            )
        if option != "--comment" and character.isalnum():
            raise UsageError(f"{option} {character!r}: it can't be a letter or a digit")
    if options.decimal in " \t" or options.thousands == "\t":
        raise UsageError("--decimal and --thousands can't be blanks, but for a thousands space")
    pairs = [
        ("--delimiter", "--decimal"),
        ("--decimal", "--thousands"),
        ("--delimiter", "--thousands"),
        ("--delimiter", "--comment"),
    ]
    for left, right in pairs:
        # A quoted number may contain the commas that separate fields.
        quoted = (left, right, delimiter) == ("--delimiter", "--thousands", ",")
        if characters[left] == characters[right] and not quoted:
            raise UsageError(f"{left} and {right} are both {characters[left]!r}")
    return CsvStyle(
        delimiter,
        options.decimal,
        options.thousands,
        options.comment,
        options.skip_initial_space,
        list(options.na_values),
        options.decimal_exact,
    )


def read(source: Source, start: tuple[Any, ...], options: Options) -> Iterator[Piece]:
    """Read the rows of a text, piece by piece."""
    written = style(options, source.format)
    place = Place(*start) if start else None
    encoding = place.encoding if place else options.encoding
    with opened(source, encoding, place.offset if place else 0) as text:
        data = b""
        notes: list[str] = []
        if place is None:
            data, place, notes = _first_row(text, written, options)
        header = place.header
        names = header if isinstance(header, list) else [str(i) for i in range(header)]
        # An index that was written without a name.
        index = [0] if not names[0] and len(names) > 1 else []
        choice = choose(names, options, index)
        if index and options.columns is None and 0 not in choice.keys:
            notes.append("the first column has no name and is left out; --columns 0 takes it")
        kinds = [_SKIPPED] * len(names)
        for i in choice.numbers:
            kinds[i] = _NUMBER
        for i in choice.keys:
            kinds[i] = _TEXT
        missing = (options.missing, options.skip_nulls)
        table = CsvTable(written, kinds, missing, place[:3])

        def piece() -> Piece:
            columns = table.take()
            return Piece(
                [_column(columns[i]) for i in choice.numbers],
                (*table.position, *place[3:]),
                text.done,
                [names[i] for i in choice.numbers],
                [_keys(columns[i]) for i in choice.keys],
                notes,
            )

        # Also for no rows.
        yield piece()
        try:
            while data := data or text.read():
                table.feed(data)
                data = b""
                yield piece()
            table.finish()
        except CsvError as error:
            raise _explained(error, names, choice) from None
        yield piece()


def _column(arrays: Any) -> Column:
    values, exponents, _, wide, nulls = arrays
    return Column(values, exponents, wide, nulls, typed=False)


def _keys(arrays: Any) -> Keys:
    return Keys(arrays[0], arrays[2])


def _first_row(text: Text, written: CsvStyle, options: Options) -> tuple[bytes, Place, list[str]]:
    """The text after the header, the position where it begins, and notes for the user."""
    data, row, more = b"", None, b"..."
    start = (text.offset, 0, False)
    try:
        while row is None and more:
            more = text.read()
            data += more
            row = written.first_row(data, start, not more)
    except CsvError as error:
        raise _explained(error, [], Choice([], [])) from None
    if row is None:
        raise ValueError("holds no rows")
    fields, end = row
    numbers = [field for field, number in fields if number]
    texts = [field for field, number in fields if number is False]
    header = options.header
    notes = []
    if header is None:
        if bool(numbers) == bool(texts):
            what = (
                f"both texts ({texts[0]!r}) and numbers ({numbers[0]!r})"
                if numbers
                else "neither texts nor numbers"
            )
            raise ValueError(
                f"line {end[1]}: the first row holds {what}; say --header or --no-header"
            )
        header = bool(texts)
        taken = "the header" if header else "data, as it holds numbers"
        notes.append(f"the first row is taken for {taken} (--header or --no-header says so)")
    if not header:
        return data, Place(*start, text.encoding, len(fields)), notes
    names = [field.strip() for field, _ in fields]
    return data[end[0] - start[0] :], Place(*end, text.encoding, names), notes


def _explained(error: CsvError, names: Sequence[str], choice: Choice) -> ValueError:
    line, column, problem, message, no_numbers = error.args
    place = f"line {line}"
    if column is not None:
        place += f", column {names[column] or column}"
    way_out = ""
    if problem == "null":
        way_out = "; --skip-nulls leaves it out"
    elif problem == "encoding":
        way_out = "; --encoding names another encoding"
    elif problem == "nul":
        way_out = ", so it is not text in UTF-8; --encoding names another encoding"
    elif problem == "text":
        others = [i for i in choice.numbers if i not in no_numbers]
        if others:
            way_out = f"; choose other columns with {paste(names, others)}"
    return ValueError(f"{place}{message}{way_out}")
