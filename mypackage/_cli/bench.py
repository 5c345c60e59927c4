"""``mypackage bench``."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import mypackage
from mypackage._cli import CommandError
from mypackage._cli.cases import OURS, Case, cases
from mypackage._cli.timing import interleaved
from mypackage._native import build_info


class Row(NamedTuple):
    """One method in one case."""

    method: str
    nanoseconds: float
    ratio: float
    error: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How long, and whether to draw."""
    parser.add_argument("--quick", action="store_true", help="smaller inputs, in a few seconds")
    parser.add_argument(
        "--plot", metavar="FILE", type=Path, help="draw the table too (.png, .svg, .pdf, ...)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Print a table for each case as soon as it is measured; draw them all at the end."""
    if build_info()["profile"] != "release":
        raise CommandError(
            "this is a debug build, not worth measuring: install again without "
            "SETUPTOOLS_RUST_CARGO_PROFILE"
        )
    save = None if arguments.plot is None else _plotter(arguments.plot)
    seconds = 0.2 if arguments.quick else 2.0
    print(
        f"mypackage {mypackage.__version__}, {build_info()['isa']}, "
        f"{mypackage.get_num_threads()} threads.\n"
        "ratio: time over mypackage's, median of interleaved pairs.\n"
        "error: largest distance from the exact value, in units in the last place."
    )
    tables = {}
    for case in cases(arguments.quick):
        tables[case.title] = rows = measure(case, seconds)
        print(f"\n{case.title}\n{'':28}{'ns/element':>12}{'ratio':>10}{'error':>10}")
        for row in rows:
            print(f"  {row.method:26}{row.nanoseconds:12.3g}{row.ratio:10.3g}{row.error:10.3g}")
    if save is not None:
        save(tables)


def measure(case: Case, seconds: float) -> list[Row]:
    """Time the methods of a case in turns, and find how wrong each is.

    Parameters
    ----------
    case : Case
    seconds : float
        Start no round after this time; at least three rounds.
    """
    errors = {name: case.error(method()) for name, method in case.methods.items()}
    times = interleaved(case.methods, seconds)
    return [
        Row(
            name,
            statistics.median(times[name]) / case.elements * 1e9,
            statistics.median(a / b for a, b in zip(times[name], times[OURS], strict=True)),
            errors[name],
        )
        for name in case.methods
    ]


def _plotter(path: Path) -> Callable[[dict[str, list[Row]]], None]:
    """What draws the tables into `path`; all that can be wrong with it is found now, not after."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise CommandError("--plot needs matplotlib: pip install matplotlib") from None
    formats = Figure().canvas.get_supported_filetypes()
    if path.suffix[1:] not in formats:
        raise CommandError(f"--plot {path}: the suffix must be one of .{', .'.join(formats)}")
    if not path.parent.is_dir():
        raise CommandError(f"--plot {path}: there is no directory {path.parent}")

    def save(tables: dict[str, list[Row]]) -> None:
        figure = Figure(figsize=(9, 1 + 1.6 * len(tables)), layout="constrained")
        for axes, (title, rows) in zip(
            figure.subplots(len(tables), sharex=True, squeeze=False)[:, 0],
            tables.items(),
            strict=True,
        ):
            bars = axes.barh(
                [row.method for row in rows],
                [row.nanoseconds for row in rows],
                color=["tab:orange" if row.method == OURS else "tab:blue" for row in rows],
            )
            axes.bar_label(bars, [f"{row.error:.3g} ulp" for row in rows], padding=3)
            axes.set(title=title, xscale="log", xlabel="ns per element (error beside the bar)")
            axes.margins(x=0.15)
            axes.invert_yaxis()
        figure.savefig(path)

    return save
