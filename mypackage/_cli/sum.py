"""``mypackage sum``."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np

import mypackage
from mypackage._cli import CommandError
from mypackage._core.reductions import REDUCTIONS
from mypackage._formats import READERS, Options
from mypackage._streams import Stream, expand, progress, read


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The files, what to take from them, and the reduction's own parameters."""
    parser.add_argument(
        "files", metavar="FILE", nargs="+",
        help=f"{', '.join(READERS)}; several, or a pattern such as 'part-*.npy', make one result",
    )  # fmt: skip
    parser.add_argument(
        "--columns",
        type=lambda text: text.split(","),
        metavar="NAME,...",
        help="of a table (.csv, parquet, Arrow): names, or numbers from 0 (default: all)",
    )
    parser.add_argument("--key", help="of a .npz or HDF5 file: which array (default: the only one)")
    parser.add_argument(
        "--axis",
        type=_axes,
        metavar="AXIS,...",
        help="reduce these axes; 0 gives a result for each column (default: all axes)",
    )
    parser.add_argument(
        "--dtype", help="round the exact result to this dtype, float32 say (default: as NumPy)"
    )
    parser.add_argument("--op", choices=REDUCTIONS, default="sum", help="(default: %(default)s)")
    parser.add_argument(
        "--skip-nulls", action="store_true", help="leave out the nulls of parquet and Arrow files"
    )
    parser.add_argument(
        "--checkpoint", metavar="FILE", type=Path,
        help="keep the state in this file; if the run dies, the same command goes on from there",
    )  # fmt: skip
    parser.add_argument(
        "--every", metavar="SECONDS", type=float, default=1.0,
        help="from one checkpoint to the next (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--progress", action=argparse.BooleanOptionalAction,
        help="draw a bar (default: if this is a terminal and tqdm is there)",
    )  # fmt: skip


def _axes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(axis) for axis in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number, nor several with commas between"
        ) from None


def run(arguments: argparse.Namespace) -> None:
    """Print a scalar; or a line for each named column; or the last axis of the result as lines."""
    paths = expand(arguments.files)
    rows = arguments.axis == (0,)
    options = Options(arguments.columns, arguments.key, arguments.skip_nulls, rows)
    if arguments.axis is not None and not rows:
        if len(paths) > 1 or arguments.checkpoint:
            raise CommandError("several files and --checkpoint go with --axis 0 or without --axis")
        operation = getattr(mypackage, arguments.op)
        values = read(paths[0], options._replace(rows=True))
        _print(np.asarray(operation(values, axis=arguments.axis, dtype=arguments.dtype)))
        return
    stream = Stream(paths, arguments.op, options)
    if arguments.checkpoint and arguments.checkpoint.exists():
        stream.load(arguments.checkpoint)
    with progress(stream.size, arguments.progress) as report:
        stream.run(arguments.checkpoint, arguments.every, report)
    result = stream.result(arguments.dtype)
    if rows and stream.names is not None:
        for name, value in zip(stream.names, result, strict=True):
            print(name, value, sep="\t")
    else:
        _print(result)
    if arguments.checkpoint:
        # Not before the result is out.
        print(end="", flush=True)
        arguments.checkpoint.unlink(missing_ok=True)


def _print(result: np.ndarray) -> None:
    rows = np.atleast_1d(result)
    for row in rows.reshape(math.prod(rows.shape[:-1]), rows.shape[-1]):
        print(*row, sep="\t")
