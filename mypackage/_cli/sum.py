"""``mypackage sum``."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np

import mypackage
from mypackage._cli.files import read

OPERATIONS = ("sum", "nansum", "mean", "nanmean")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, what to take from it, and the reduction's own parameters."""
    parser.add_argument("file", metavar="FILE", type=Path, help=".npy, .npz or .csv")
    parser.add_argument(
        "--columns",
        type=lambda text: text.split(","),
        metavar="NAME,...",
        help="of a .csv file: names in its header, or numbers from 0 (default: all)",
    )
    parser.add_argument("--key", help="of a .npz file: which array (default: the only one)")
    parser.add_argument(
        "--axis",
        type=_axes,
        metavar="AXIS,...",
        help="reduce these axes; 0 gives a result for each column (default: all axes)",
    )
    parser.add_argument(
        "--dtype", help="round the exact result to this dtype, float32 say (default: as NumPy)"
    )
    parser.add_argument("--op", choices=OPERATIONS, default="sum", help="(default: %(default)s)")


def _axes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(axis) for axis in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number, nor several with commas between"
        ) from None


def run(arguments: argparse.Namespace) -> None:
    """Print a scalar; or a line for each named column; or the last axis of the result as lines."""
    values, names = read(arguments.file, arguments.columns, arguments.key)
    operation = getattr(mypackage, arguments.op)
    result = np.asarray(operation(values, axis=arguments.axis, dtype=arguments.dtype))
    if names is not None and result.shape == (len(names),):
        for name, value in zip(names, result, strict=True):
            print(name, value, sep="\t")
    else:
        rows = np.atleast_1d(result)
        for row in rows.reshape(math.prod(rows.shape[:-1]), rows.shape[-1]):
            print(*row, sep="\t")
