"""Draws the README's figure of speed from the records, and prints its table.

    python benchmarks/figure.py

`python benchmarks/processors.py --record` makes a record. Each processor and instruction set is a
group of bars; a bar is NumPy's time over ours, and 1 means as fast as NumPy.
"""

from __future__ import annotations

import csv
from pathlib import Path

from pairs import RECORDS, peers_of

OUT = Path(__file__).parents[1] / "docs" / "figures" / "speed.png"
# A row's name in the records, threads, its peer, and what the figure calls it; slow rows included.
ROWS = [
    ("sum, float64, 1e5", 1, "np.sum", "sum, 1e5"),
    ("sum, float64, 2e7", 2, "np.sum", "sum, 2e7, 2 threads"),
    ("axis=0 of 1000 x 1000", 1, "np.sum", "axis=0, 1000 x 1000"),
    ("vecdot, float64, 1e5", 1, "np.dot", "vecdot, 1e5"),
    ("nansum, 1e6", 1, "np.nansum", "nansum, 1e6"),
    ("wide exponents, 1e6", 1, "np.sum", "sum, wide range, 1e6"),
]
ISAS = {"avx512": "AVX-512", "avx2": "AVX2", "baseline": "SSE2"}


def records() -> list[dict[str, str]]:
    rows = []
    for path in sorted(RECORDS.glob("processors-*.csv")):
        with path.open(newline="") as file:
            rows += csv.DictReader(file)
    return rows


def main() -> None:
    rows = records()
    groups = dict.fromkeys((row["processor"], row["isa"], row["date"]) for row in rows)
    ratios = {
        group: [
            next(
                (
                    peers_of(row)[peer]
                    for row in rows
                    if (row["processor"], row["isa"], row["date"]) == group
                    and (row["case"], row["threads"]) == (case, str(threads))
                ),
                None,
            )
            for case, threads, peer, _ in ROWS
        ]
        for group in groups
    }
    titles = titles_of(list(groups))
    print("| | " + " | ".join(titles) + " |")
    print("|---" + "|--:" * len(groups) + "|")
    for place, (*_, label) in enumerate(ROWS):
        cells = (f"{r[place]:.2g}" if r[place] else "" for r in ratios.values())
        print(f"| {label} | {' | '.join(cells)} |")
    draw(dict(zip(titles, ratios.values(), strict=True)))


def titles_of(groups: list[tuple[str, str, str]]) -> list[str]:
    """The instruction sets, with processor and date only where there are several."""
    several = len({(processor, day) for processor, _, day in groups}) > 1
    return [
        f"{ISAS[isa]}, {processor}, {day}" if several else ISAS[isa]
        for processor, isa, day in groups
    ]


def draw(ratios: dict[str, list[float | None]]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.5 + 0.62 * len(ROWS)), layout="constrained")
    axes = figure.subplots()
    height = 0.8 / len(ratios)
    for index, (title, values) in enumerate(ratios.items()):
        places = [row + (index - (len(ratios) - 1) / 2) * height for row in range(len(ROWS))]
        bars = axes.barh(places, [v or 0 for v in values], height, label=title)
        labels = [f"{v:.2g}" if v else "" for v in values]
        # On white, where the line at 1 would cross them.
        white = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
        axes.bar_label(bars, labels, padding=3, fontsize=8, bbox=white, zorder=3)
    axes.axvline(1, color="black", linewidth=1, zorder=2)
    axes.set_yticks(range(len(ROWS)), [label for *_, label in ROWS])
    axes.invert_yaxis()
    axes.set(xscale="log", xlabel="NumPy's time over ours (1: as fast; to the right: faster)")
    axes.set_xticks([0.1, 0.2, 0.5, 1, 2, 5, 10], ["0.1", "0.2", "0.5", "1", "2", "5", "10"])
    axes.minorticks_off()
    axes.set_xlim(0.1, 10)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, fontsize=8, loc="outside upper left", ncols=len(ratios))
    figure.savefig(OUT, dpi=150, metadata={"Software": None})


if __name__ == "__main__":
    main()
