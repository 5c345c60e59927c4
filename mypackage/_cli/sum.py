"""``mypackage sum``, and its aliases such as ``mypackage mean``, which is ``sum --op mean``."""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mypackage
from mypackage._core.reductions import STATEFUL
from mypackage._files import formats
from mypackage._files.columns import split
from mypackage._files.pieces import STDIN, Options, UsageError
from mypackage._files.streams import Result, Stream, expand, progress, read
from mypackage._files.text import check_encoding


def add_arguments(parser: argparse.ArgumentParser, op: str = "sum") -> None:
    """The files, what to read from them, and the parameters of the reduction."""
    parser.add_argument(
        "files", metavar="FILE", nargs="+",
        help=f"{', '.join(formats.SUFFIXES)}, text also with .gz or .zst; {STDIN} is the standard "
        "input; several, or a pattern such as 'part-*.npy', make one result",
    )  # fmt: skip
    parser.add_argument(
        "--op", choices=STATEFUL, default=op, help="what to compute (default: %(default)s)"
    )
    parser.add_argument(
        "--ddof", type=_real, default=0, metavar="N",
        help="for var and std: divide by the count minus N (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--dtype", type=_dtype,
        help="round the exact result to this dtype, float32 say (default: integers of tables in "
        "full, else as NumPy)",
    )  # fmt: skip
    parser.add_argument(
        "--axis", type=_axes, metavar="AXIS,...",
        help="reduce these axes; 0 gives a result for each column, as tables do by default "
        "(default of arrays: all axes)",
    )  # fmt: skip
    parser.add_argument("--key", help="which array of a .npz or HDF5 file (default: the only one)")
    parser.add_argument(
        "--format", choices=formats.NAMES, help="of the files (default: by suffix, or csv)"
    )

    tables = parser.add_argument_group("tables")
    _listed(tables, "--columns", "names, or numbers from 0 (default: all)")
    _listed(tables, "--by", "a result for each group of rows with the same values in these columns")
    tables.add_argument(
        "--total", action="store_true", help="one result for all chosen columns together"
    )
    tables.add_argument("--skip-nulls", action="store_true", help="leave missing values out")

    text = parser.add_argument_group("text")
    text.add_argument(
        "--header", action=argparse.BooleanOptionalAction,
        help="whether the first row has the names (default: if it has no numbers)",
    )  # fmt: skip
    _listed(text, "--na-values", "what stands for a missing value, as an empty field does")
    text.add_argument(
        "--delimiter", type=_character, metavar="CHAR",
        help="between fields; 'tab' for a tab (default: a comma; a tab for .tsv)",
    )  # fmt: skip
    text.add_argument(
        "--decimal", metavar="CHAR", default=".", help="the decimal point (default: %(default)s)"
    )
    text.add_argument("--thousands", metavar="CHAR", help="separates groups of three digits")
    text.add_argument("--comment", metavar="CHAR", help="ignore lines that begin with it")
    text.add_argument(
        "--skip-initial-space", action="store_true", help="ignore spaces before a field"
    )
    text.add_argument(
        "--encoding", help="of the text (default: UTF-8, or as a byte order mark says)"
    )
    text.add_argument(
        "--decimal-exact", action="store_true",
        help="sum decimal fractions exactly as they are written",
    )  # fmt: skip

    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="one line of JSON")
    output.add_argument(
        "--quiet", action="store_true", help="do not say what was taken for a header or an index"
    )
    output.add_argument(
        "--progress", action=argparse.BooleanOptionalAction,
        help="show a progress bar (default: on a terminal, if tqdm is installed)",
    )  # fmt: skip

    state = parser.add_argument_group("long runs")
    state.add_argument(
        "--checkpoint", metavar="FILE", type=Path,
        help="keep the state in this file; if the run dies, the same command goes on from there",
    )  # fmt: skip
    state.add_argument(
        "--every", metavar="SECONDS", type=float, default=1.0,
        help="how often to save it (default: %(default)s)",
    )  # fmt: skip


def _listed(group: Any, option: str, help: str) -> None:
    """An option that may be repeated, and whose value is a row of CSV."""
    group.add_argument(option, type=_row, action="extend", metavar="NAME,...", help=help)


def _row(text: str) -> list[str]:
    try:
        # (A row of one empty field, as the name of a column without one.)
        return split(text) or [""]
    except csv.Error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a row of CSV: {error}") from None


def _axes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(axis) for axis in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number, nor several with commas between"
        ) from None


def _dtype(text: str) -> np.dtype[Any]:
    try:
        return np.dtype(text)
    except TypeError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _real(text: str) -> float:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _character(text: str) -> str:
    return "\t" if text in ("tab", r"\t") else text


def run(arguments: argparse.Namespace) -> None:
    """Print one result, or a line for each column, group or row of an array."""
    if hasattr(sys, "set_int_max_str_digits"):
        # Python limits the digits of ints it prints (CVE-2020-10735); here they are printed in
        # full.
        sys.set_int_max_str_digits(0)
    paths = expand(arguments.files)
    sources = [formats.source(path, arguments.format) for path in paths]
    table = all(formats.FORMATS[source.format].table for source in sources)
    options = Options(**{name: getattr(arguments, name) for name in _TAKEN})
    options = options._replace(na_values=options.na_values or ())
    if options.encoding is not None:
        check_encoding(options.encoding)
    if table:
        options = _table_axes(arguments.axis, options)
    elif arguments.axis is not None:
        options = options._replace(rows=True)
    if arguments.checkpoint:
        folder = arguments.checkpoint.parent
        if not folder.is_dir():
            raise UsageError(f"--checkpoint {arguments.checkpoint}: there is no directory {folder}")
        for path, source in zip(paths, sources, strict=True):
            if not source.regular or not (path.suffix or arguments.format):
                raise UsageError(f"--checkpoint needs files with a suffix, not {path}")
    whole = options.across or (not table and arguments.axis not in (None, (0,)))
    if whole and (len(paths) > 1 or arguments.checkpoint):
        raise UsageError("several files and --checkpoint go with --axis 0 or without --axis")
    if options.ddof and STATEFUL[options.op].finish not in ("var", "std"):
        raise UsageError(f"--ddof goes with --op var and std, not --op {options.op}")
    stream = Stream(sources, options)
    if whole and not table:
        results = [_whole(stream, arguments)]
    else:
        if arguments.checkpoint and arguments.checkpoint.exists():
            stream.load(arguments.checkpoint)
        with progress(stream.size, arguments.progress) as report:
            stream.run(arguments.checkpoint, arguments.every, report)
        results = stream.results(arguments.dtype)
    if not arguments.quiet:
        for note in stream.notes:
            print(f"mypackage: {paths[0]}: {note}", file=sys.stderr)
    if arguments.json:
        _print_json(arguments.op, paths, results)
    elif table:
        _print_table(results, options)
    else:
        _print_array(results[0].value)
    if arguments.checkpoint:
        # Only once the result is printed.
        print(end="", flush=True)
        arguments.checkpoint.unlink(missing_ok=True)


# The arguments that are fields of `Options` with the same name.
_TAKEN = (
    "op", "ddof", "columns", "by", "total", "key", "skip_nulls", "na_values", "header", "delimiter",
    "decimal", "thousands", "comment", "skip_initial_space", "encoding", "decimal_exact",
)  # fmt: skip


def _table_axes(axes: tuple[int, ...] | None, options: Options) -> Options:
    """The axes of a table: 0, the default, reduces columns, 1 rows, and both everything."""
    if axes is None:
        return options
    places = [axis + 2 if axis < 0 else axis for axis in axes]
    for axis, place in zip(axes, places, strict=True):
        if place not in (0, 1):
            raise ValueError(f"--axis {axis}: a table has the axes 0 and 1")
    if len(set(places)) < len(places):
        raise UsageError("--axis names an axis twice")
    if places == [0]:
        return options
    if options.by or options.total:
        raise UsageError(f"--axis {axes[0]} goes with neither --by nor --total")
    return options._replace(total=True) if len(places) == 2 else options._replace(across=True)


def _whole(stream: Stream, arguments: argparse.Namespace) -> Result:
    """Reduce an array, read as a whole, over any axes."""
    values = read(stream)
    operation = getattr(mypackage, arguments.op)
    given: dict[str, Any] = {"dtype": arguments.dtype}
    if STATEFUL[arguments.op].finish == "norm":
        given = {}
    elif arguments.ddof:
        given["ddof"] = arguments.ddof
    result = operation(values, axis=arguments.axis, **given)
    counted = np.ones(values.shape, bool)
    if STATEFUL[arguments.op].skip_nan and values.dtype.kind in "fc":
        counted = ~np.isnan(values)
    count = np.count_nonzero(counted, axis=arguments.axis)
    return Result(None, {}, result, np.asarray(count).tolist())


def _print_array(result: Any) -> None:
    """Print an array, the last axis as a line."""
    rows = np.atleast_1d(result)
    for row in rows.reshape(math.prod(rows.shape[:-1]), rows.shape[-1]):
        print(*row, sep="\t")


def _print_table(results: Sequence[Result], options: Options) -> None:
    # Names that contain a tab are quoted.
    lines = csv.writer(sys.stdout, "excel-tab", lineterminator="\n")
    if options.across:
        lines.writerow([result.value for result in results])
    elif not options.by:
        for result in results:
            named = len(results) > 1
            lines.writerow([result.column, result.value] if named else [result.value])
    else:
        columns = list(dict.fromkeys(result.column for result in results))
        lines.writerow([*options.by, *(column or "total" for column in columns)])
        groups: dict[tuple[str, ...], list[Any]] = {}
        for result in results:
            groups.setdefault(tuple(result.by.values()), []).append(result.value)
        for keys, values in groups.items():
            lines.writerow([*keys, *values])


def _print_json(op: str, paths: Sequence[Path], results: Sequence[Result]) -> None:
    shown = []
    for result in results:
        by = {"by": result.by} if result.by else {}
        value = {"value": _plain(result.value), "count": result.count}
        shown.append({"column": result.column, **by, **value})
    print(json.dumps({"op": op, "files": [str(path) for path in paths], "results": shown}))


def _plain(value: Any) -> Any:
    """A number as a JSON value; NaN, infinities, decimals and complex numbers become strings."""
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value] if value.ndim else _plain(value[()])
    # (A timedelta64 is an np.integer.)
    if isinstance(value, (int, np.integer, np.bool_)) and not isinstance(value, np.timedelta64):
        return int(value)
    if isinstance(value, (float, np.floating)) and math.isfinite(value):
        # The shortest digits that identify it in its own dtype.
        return float(str(value))
    return str(value)
