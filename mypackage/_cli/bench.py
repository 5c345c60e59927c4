"""``mypackage bench``."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import mypackage
from mypackage._cli import CommandError
from mypackage._cli.cases import OURS, Case, cases
from mypackage._cli.timing import interleaved
from mypackage._native import build_info


class Row(NamedTuple):
    """The measurement of one method in one case."""

    method: str
    nanoseconds: float
    ratio: float
    error: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How long to measure, and whether to draw."""
    parser.add_argument("--quick", action="store_true", help="smaller inputs, in a few seconds")
    parser.add_argument(
        "--plot", metavar="FILE", type=Path, help="draw the table too (.png, .svg, .pdf, ...)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Print a table for each case as soon as it is measured, and draw all of them at the end."""
    if build_info()["profile"] != "release":
        raise CommandError(
            "this is a debug build, not worth measuring: install again without "
            "SETUPTOOLS_RUST_CARGO_PROFILE"
        )
    save = None if arguments.plot is None else _plotter(arguments.plot)
    seconds = 0.2 if arguments.quick else 2.0
    print(
        f"{_heading()}.\n"
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


def _heading() -> str:
    threads = mypackage.get_num_threads()
    return (
        f"mypackage {mypackage.__version__}, {build_info()['isa']}, "
        f"{threads} thread{'s' * (threads > 1)}"
    )


def measure(case: Case, seconds: float) -> list[Row]:
    """Time the methods of a case alternately, and find the error of each.

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
    """A function that draws the tables into `path`; a bad path is refused before measuring."""
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
        lines = sum(map(len, tables.values()))
        figure = Figure(figsize=(9, 1.2 + 0.75 * len(tables) + 0.3 * lines), layout="constrained")
        figure.suptitle(_heading(), fontsize="medium", x=0.01, ha="left")
        heights = [len(rows) + 0.6 for rows in tables.values()]
        panels = figure.subplots(
            len(tables), sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
        )[:, 0]
        for axes, (title, rows) in zip(panels, tables.items(), strict=True):
            _draw(axes, title, rows)
        panels[-1].set_xlabel("ns per element (logarithmic; further left is faster)")
        # Room for the label beside the last point.
        low, high = panels[0].get_xlim()
        panels[0].set_xlim(low, high * (high / low) ** 0.45)
        figure.savefig(path, dpi=150)

    return save


# From the palette of Okabe and Ito, which is safe for colour-blind readers.
_OURS, _OTHERS, _WRONG = "#0072B2", "#7F7F7F", "#D55E00"


def _draw(axes: Any, title: str, rows: list[Row]) -> None:
    """Draw a point for each method, since bars on a logarithmic axis have no origin."""
    for place, row in enumerate(rows):
        color = _OURS if row.method == OURS else _OTHERS
        axes.plot(row.nanoseconds, place, "o", color=color, markersize=7)
        rounded = row.error <= 0.5
        axes.annotate(
            f"{float(f'{row.nanoseconds:.3g}'):,g} ns, "
            + ("correctly rounded" if rounded else f"off by {row.error:.3g} ulp"),
            (row.nanoseconds, place),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
            color=color if rounded else _WRONG,
        )
    axes.set_title(title, loc="left", fontsize="medium", fontweight="bold")
    axes.set_yticks(range(len(rows)), [row.method for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.6)
    axes.set_xscale("log")
    axes.grid(axis="both", color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
