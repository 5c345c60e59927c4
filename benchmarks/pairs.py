"""What the benchmarks share: cases in tables, timed in interleaved turns, held to targets.

A script lists its cases and calls `main`, which gives it its command line. Every instruction set
has a process of its own, for MYPACKAGE_ISA is read once; so has a user who sets that variable. In
such a process NumPy and OpenBLAS do without the instructions that we do without.
"""

from __future__ import annotations

import argparse
import csv
import enum
import importlib.util
import itertools
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import timeit
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import mypackage
from mypackage._cli.timing import interleaved
from mypackage._native import build_info

OURS = "mypackage"
ISA: str = build_info()["isa"]
# Targets that name no instruction set are for the best one; slow peers are met there only.
BEST: bool = ISA == build_info()["isas_available"][-1]
CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Scale(enum.Enum):
    """How large the cases are and how long each is measured: seconds, and rounds at least."""

    FULL = 2.0, 9
    QUICK = 0.15, 5
    SMOKE = 0.0, 1

    def of(self, full: int, quick: int | None = None) -> int:
        """A size; `quick` is that of a quick run if it differs."""
        quick = full if quick is None else quick
        return {Scale.FULL: full, Scale.QUICK: quick, Scale.SMOKE: min(quick, 20)}[self]

    def shape(self, full: tuple[int, ...], quick: tuple[int, ...] | None = None) -> tuple[int, ...]:
        return tuple(self.of(*sizes) for sizes in zip(full, quick or full, strict=True))


class Method(NamedTuple):
    """One way to do a task, perhaps on fewer elements: times are compared per element."""

    call: Callable[[], Any]
    elements: int


class Target(NamedTuple):
    """A peer's time per element over ours is to be at least this, with this instruction set."""

    peer: str
    ratio: float
    isa: str | None = None

    def applies(self) -> bool:
        return BEST if self.isa is None else self.isa == ISA


def by_level(peer: str, avx2: float | None, baseline: float | None = None) -> tuple[Target, ...]:
    """How many times as long as ours a peer is to take, by instruction set."""
    both = ("avx2", avx2), ("baseline", baseline)
    return tuple(Target(peer, ratio, isa) for isa, ratio in both if ratio is not None)


class Task(NamedTuple):
    """`check` takes our result and says whether it is right."""

    ours: Method
    peers: dict[str, Method]
    check: Callable[[Any], bool]


@dataclass(frozen=True)
class Case:
    """A line of the table; its data are made by `build` when its turn comes."""

    name: str
    build: Callable[[], Task]
    threads: int = 1
    targets: tuple[Target, ...] = field(default=())


def by_default_and_alone(
    name: str, build: Callable[[], Task], targets: tuple[Target, ...]
) -> Iterator[Case]:
    """With all threads, as calls have them by default: then targets hold; and with one."""
    yield Case(name, build, CPUS, targets)
    if CPUS > 1:
        yield Case(name, build, 1)


def task(
    elements: int,
    ours: Callable[[], Any],
    peers: dict[str, Callable[[], Any]],
    check: Callable[[Any], bool],
) -> Task:
    """A task whose methods all take all elements."""
    return Task(
        Method(ours, elements),
        {name: Method(call, elements) for name, call in peers.items()},
        check,
    )


def short(size: int) -> str:
    """2e7 rather than 20000000."""
    digits, _, exponent = f"{size:e}".partition("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(exponent)}" if size >= 10_000 else str(size)


def best_of(call: Callable[[], Any], repeat: int = 9) -> float:
    """The shortest time of a call in seconds, out of several runs."""
    timer = timeit.Timer(call)
    number = max(1, timer.autorange()[0] // 10)
    return min(timer.repeat(repeat, number)) / number


def ratio(theirs: list[float], ours: list[float]) -> float:
    """The median of the ratios of the rounds."""
    return statistics.median(a / b for a, b in zip(theirs, ours, strict=True))


def measure(case: Case, scale: Scale) -> dict[str, Any]:
    """One row; a wrong answer ends the program."""
    ours, peers, check = case.build()
    with mypackage.threads(case.threads):
        if not check(ours.call()):
            raise SystemExit(f"{case.name}, {ISA}, {case.threads} threads: the answer is wrong")
        for peer in peers.values():
            # What it compiles or caches at first is not its speed.
            peer.call()
        methods = {OURS: ours, **peers}
        times = interleaved({name: method.call for name, method in methods.items()}, *scale.value)
        if not check(ours.call()):
            raise SystemExit(f"{case.name}, {ISA}, {case.threads} threads: the answer changed")
    each = {
        name: [seconds / method.elements for seconds in times[name]]
        for name, method in methods.items()
    }
    ratios = {name: ratio(each[name], each[OURS]) for name in peers}
    targets = [target for target in case.targets if target.applies() and target.peer in peers]
    if scale is Scale.SMOKE:
        targets = []
    return {
        "case": case.name,
        "isa": ISA,
        "threads": case.threads,
        "ns per element": statistics.median(each[OURS]) * 1e9,
        "targets": "; ".join(f"{target.peer} {target.ratio:.3g}" for target in targets),
        "missed": "; ".join(
            target.peer for target in targets if ratios[target.peer] < target.ratio
        ),
        **ratios,
    }


def processor() -> str:
    """The processor's name, as the system has it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        fields = dict(re.findall(r"^([\w ]+?)\t+: (.*)$", cpuinfo.read_text(), re.MULTILINE))
        name, family, model = (fields.get(f, "?") for f in ("model name", "cpu family", "model"))
        return f"{name} (family {family}, model {model})"
    return platform.processor() or platform.machine()


COMMON_COLUMNS = (
    *("case", "isa", "threads", "ns per element", "targets", "missed"),
    *("processor", "date"),
)
RECORDS = Path(__file__).parent / "records"


def peers_of(row: dict[str, Any]) -> dict[str, float]:
    """A row's ratios, which a CSV file holds as text, or empty."""
    return {
        name: float(value)
        for name, value in row.items()
        if name not in COMMON_COLUMNS and value not in ("", None)
    }


def targets_of(row: dict[str, Any]) -> dict[str, float]:
    targets = (target.rpartition(" ") for target in row["targets"].split("; ") if target)
    return {peer: float(ratio) for peer, _, ratio in targets}


def show(row: dict[str, Any]) -> None:
    """Prints a row, each target beside its ratio."""
    targets, missed = targets_of(row), row["missed"].split("; ")
    shown = [
        f"{name} {value:.3g}"
        + (f" [{targets[name]} {'MISSED' if name in missed else 'met'}]" if name in targets else "")
        for name, value in peers_of(row).items()
    ]
    print(
        f"{row['case']:46}{row['threads']:>2}T{row['ns per element']:>9.3g} ns  {', '.join(shown)}",
        flush=True,
    )


def summarise(rows: list[dict[str, Any]]) -> None:
    judged = [row for row in rows if row["targets"]]
    missed = [row for row in judged if row["missed"]]
    if judged:
        met = len(judged) - len(missed)
        print(f"\n{met} of {len(judged)} rows with targets meet them{'; not:' if missed else '.'}")
    for row in missed:
        ratios = peers_of(row)
        peers = ", ".join(f"{name} {ratios[name]:.3g}" for name in row["missed"].split("; "))
        print(
            f"  {row['case']}, {row['isa']}, {row['threads']}T: {peers} (targets: {row['targets']})"
        )


def measure_all(cases: Iterable[Case], scale: Scale, only: str) -> list[dict[str, Any]]:
    print(
        f"\n{ISA}: ns per element, and how many times as long as ours each peer takes", flush=True
    )
    rows = []
    for case in cases:
        if only not in case.name:
            continue
        if case.threads > CPUS:
            print(f"{case.name}: skipped, needs {case.threads} processors")
            continue
        rows.append(measure(case, scale))
        show(rows[-1])
    return rows


def peers_limited_to(isa: str) -> dict[str, str]:
    """The variables by which NumPy and OpenBLAS use no better instructions than ours.

    So they are as fast as on a processor without these, and not as on this one.
    """
    if isa == build_info()["isas_available"][-1]:
        return {}
    core = np._core if hasattr(np, "_core") else np.core
    features = core._multiarray_umath.__cpu_dispatch__
    beyond = [one for one in features if isa == "baseline" or re.search("AVX512|X86_V4", one)]
    blas = {"baseline": "Nehalem", "avx2": "Haswell"}[isa]
    return {"NPY_DISABLE_CPU_FEATURES": " ".join(beyond), "OPENBLAS_CORETYPE": blas}


def measure_each_isa(isas: Iterable[str], options: list[str]) -> list[dict[str, Any]]:
    """Runs this script once for each instruction set."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as directory:
        record = Path(directory, "rows.csv")
        for isa in isas:
            command = [sys.executable, sys.argv[0], *options, "--csv", str(record)]
            own = {"MYPACKAGE_ISA": isa, **peers_limited_to(isa)}
            run = subprocess.run(command, env={**os.environ, **own})
            if run.returncode:
                raise SystemExit(run.returncode)
            with record.open(newline="") as file:
                rows += csv.DictReader(file)
    return rows


def write_csv(rows: list[dict[str, Any]], path: Path) -> None:
    peers = dict.fromkeys(name for row in rows for name in peers_of(row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*COMMON_COLUMNS, *peers], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Ratios and targets, a panel for each instruction set."""
    from matplotlib.figure import Figure

    labels = list(dict.fromkeys(f"{row['case']}, {row['threads']}T" for row in rows))
    isas = list(dict.fromkeys(row["isa"] for row in rows))
    peers = list(dict.fromkeys(name for row in rows for name in peers_of(row)))
    markers = {"target": "|", **dict(zip(peers, itertools.cycle("os^vDP*Xh<>"), strict=False))}
    figure = Figure(figsize=(5 + 4 * len(isas), 0.22 * len(labels) + 2), layout="constrained")
    panels = figure.subplots(1, len(isas), sharey=True, squeeze=False)[0]
    for panel, isa in zip(panels, isas, strict=True):
        points: dict[str, list[tuple[float, int]]] = {name: [] for name in markers}
        for row in rows:
            if row["isa"] == isa:
                place = labels.index(f"{row['case']}, {row['threads']}T")
                for name, value in peers_of(row).items():
                    points[name].append((value, place))
                for target in targets_of(row).values():
                    points["target"].append((target, place))
        for colour, (name, marker) in enumerate(markers.items()):
            style = {"marker": marker, "color": "black" if name == "target" else f"C{colour}"}
            if points[name]:
                panel.scatter(*zip(*points[name], strict=True), label=name, s=18, **style)
        panel.axvline(1, color="black", linewidth=1)
        panel.margins(y=0.01)
        panel.set(xscale="log", title=isa, xlabel="their time over ours")
        panel.grid(alpha=0.3)
    panels[0].set_yticks(range(len(labels)), labels)
    panels[0].invert_yaxis()
    handles = {h.get_label(): h for panel in panels for h in panel.get_legend_handles_labels()[0]}
    figure.legend(handles=list(handles.values()), loc="outside lower center", ncols=6)
    figure.suptitle(f"mypackage {mypackage.__version__}, NumPy {np.__version__}, {CPUS} processors")
    figure.savefig(path, dpi=120)


def main(
    cases: Callable[[Scale], Iterable[Case]], description: str, every_isa: bool = True
) -> None:
    """The command line of a script."""
    parser = argparse.ArgumentParser(description=description)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="smaller arrays, shorter runs")
    size.add_argument("--smoke", action="store_true", help="tiny arrays: does it run?")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases with this in their name")
    parser.add_argument("--csv", metavar="FILE", type=Path, help="write the figures")
    parser.add_argument("--record", action="store_true", help="write them to benchmarks/records")
    parser.add_argument("--plot", metavar="FILE", type=Path, help="draw them")
    arguments = parser.parse_args()
    if build_info()["profile"] != "release":
        raise SystemExit("this is a debug build; its figures would say nothing")
    if arguments.plot and not importlib.util.find_spec("matplotlib"):
        raise SystemExit("--plot needs matplotlib")
    scale = Scale.QUICK if arguments.quick else Scale.SMOKE if arguments.smoke else Scale.FULL
    isas = [ISA]
    if every_isa and "MYPACKAGE_ISA" not in os.environ:
        isas = build_info()["isas_available"][::-1]
    if isas == [ISA] and peers_limited_to(ISA).items() <= os.environ.items():
        rows = measure_all(cases(scale), scale, arguments.only)
    else:
        sizes = {Scale.FULL: [], Scale.QUICK: ["--quick"], Scale.SMOKE: ["--smoke"]}[scale]
        rows = measure_each_isa(isas, [*sizes, "--only", arguments.only])
    if "MYPACKAGE_ISA" not in os.environ:
        summarise(rows)
    if arguments.csv:
        write_csv(rows, arguments.csv)
    if arguments.record:
        RECORDS.mkdir(exist_ok=True)
        name = re.sub(r"\W+", "-", f"{processor()} {date.today()}".lower()).strip("-")
        write_csv(
            [{**row, "processor": processor(), "date": date.today()} for row in rows],
            RECORDS / f"{Path(sys.argv[0]).stem}-{name}.csv",
        )
    if arguments.plot:
        plot(rows, arguments.plot)
