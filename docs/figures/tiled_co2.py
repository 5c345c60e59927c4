"""Draws the README's picture: what float32 means of more and more rows become.

The 2,225 weeks of examples/co2.csv are repeated, so the true mean never changes.
"""

from pathlib import Path

import matplotlib
import numpy as np

import mypackage

matplotlib.use("agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent


def means(counts):
    """The means over axis 0 by NumPy and by mypackage, in float32, of so many rows."""
    path = HERE.parent.parent / "examples" / "co2.csv"
    weeks = np.genfromtxt(path, delimiter=",", skip_header=1, usecols=1, dtype=np.float32)
    for count in counts:
        # Two columns: along a single one NumPy adds in pairs, and loses less.
        table = np.resize(weeks, count).repeat(2).reshape(-1, 2)
        yield np.mean(table, axis=0)[0], mypackage.mean(table, axis=0)[0]


def main():
    rows = np.geomspace(2225, 9_000_000, 40).astype(int)
    numpys, ours = zip(*means(rows), strict=True)
    figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    axes.plot(rows, numpys, color="#c44e52", lw=2, label="numpy.mean")
    axes.plot(rows, ours, color="#4c72b0", lw=2, label="mypackage.mean")
    axes.set(xscale="log", xlabel="rows (2,225 weeks, tiled)", ylabel="mean CO$_2$ (ppm)")
    for mean in (numpys[-1], ours[-1]):
        axes.annotate(f"{mean:.2f}", (rows[-1], mean), (6, -4), textcoords="offset points")
    axes.set_xlim(rows[0], 2.2 * rows[-1])
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("float32 mean(axis=0) of the Mauna Loa record", loc="left")
    axes.legend(frameon=False, loc="lower left")
    figure.savefig(HERE / "tiled_co2.png", dpi=150, metadata={"Software": None})
    print(f"{rows[-1]:,} rows: NumPy {numpys[-1]:.2f}, mypackage {ours[-1]:.2f}")


if __name__ == "__main__":
    main()
