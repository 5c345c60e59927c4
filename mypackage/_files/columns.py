"""Choosing the columns of a table."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Sequence
from typing import NamedTuple

from .pieces import Options


class Choice(NamedTuple):
    """The chosen columns, as indices."""

    numbers: list[int]
    keys: list[int]


def choose(names: Sequence[str], options: Options, left_out: Sequence[int] = ()) -> Choice:
    """The columns that the options name, or all; columns in `left_out` only if they are named.

    Raises
    ------
    ValueError
        If a name fits no column or several, or is given twice.
    """
    keys = [index(names, name) for name in options.by or ()]
    if options.columns is None:
        numbers = [i for i in range(len(names)) if i not in keys and i not in left_out]
        # A table with nothing but an index is summed all the same.
        numbers = numbers or [i for i in left_out if i not in keys]
    else:
        numbers = [index(names, name) for name in options.columns]
    for chosen in (numbers, keys, [*keys, *numbers]):
        for place, i in enumerate(chosen):
            if i in chosen[:place]:
                raise ValueError(f"column {names[i]} is given twice, in --columns or --by")
    return Choice(numbers, keys)


def index(names: Sequence[str], name: str) -> int:
    """The column with this name, or else with this number."""
    if names.count(name) > 1:
        numbers = " or ".join(str(i) for i, other in enumerate(names) if other == name)
        raise ValueError(f"several columns are named {name!r}; choose by number: {numbers}")
    if name in names:
        return names.index(name)
    if name.isascii() and name.isdecimal() and int(name) < len(names):
        return int(name)
    raise ValueError(f"has no column {name!r}, but {', '.join(names)}")


def paste(names: Sequence[str], chosen: Sequence[int]) -> str:
    """The option that chooses these columns, quoted for a shell."""
    text = io.StringIO()
    shown = [names[i] if names.count(names[i]) == 1 and names[i] else str(i) for i in chosen]
    csv.writer(text, lineterminator="").writerow(shown)
    return f"--columns={shlex.quote(text.getvalue())}"


def split(text: str) -> list[str]:
    """The names in the value of an option, which is a row of CSV."""
    return next(csv.reader([text], strict=True), [""])
