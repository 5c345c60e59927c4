"""The table of reductions, which all other modules read."""

from __future__ import annotations

from typing import NamedTuple

NAN = float("nan")


class Reduction(NamedTuple):
    """How a function reduces elements.

    Attributes
    ----------
    name : str
        The name of the function, and of NumPy's twin.
    finish : str
        What is computed from the exact state: the name of the function without "nan".
    state : str
        The class of the exact state, ``"ExactSum"`` or ``"ExactMoments"``; empty if there is none.
    skip_nan : bool
    empty : int or float
        The result for no elements: 0, or NaN, with NumPy's warning.
    fractional : bool
        Whether results for integers are floats.
    """

    name: str
    finish: str
    state: str
    skip_nan: bool
    empty: float
    fractional: bool

    def skipping(self, skip_nan: bool) -> Reduction:
        """The reduction with the same `finish` that does or does not skip NaN."""
        if self.skip_nan == skip_nan:
            return self
        table = GROUPED if self.name in GROUPED else STATEFUL
        alike = (row for row in table.values() if row.finish == self.finish)
        return next(row for row in alike if row.skip_nan == skip_nan)

    @property
    def grouped(self) -> Reduction:
        """The grouped reduction with the same `finish`."""
        return next(row for row in GROUPED.values() if row.finish == self.finish)


def _table(*rows: Reduction) -> dict[str, Reduction]:
    return {row.name: row for row in rows}


# Over axes, for every kind of input.
REDUCTIONS = _table(
    #         name       finish  state       skip_nan  empty  fractional
    Reduction("sum", "sum", "ExactSum", False, 0, False),
    Reduction("nansum", "sum", "ExactSum", True, 0, False),
    Reduction("mean", "mean", "ExactSum", False, NAN, True),
    Reduction("nanmean", "mean", "ExactSum", True, NAN, True),
)

# The same for moments; `norm` takes no `ddof`.
MOMENTS = _table(
    Reduction("var", "var", "ExactMoments", False, NAN, True),
    Reduction("nanvar", "var", "ExactMoments", True, NAN, True),
    Reduction("std", "std", "ExactMoments", False, NAN, True),
    Reduction("nanstd", "std", "ExactMoments", True, NAN, True),
    Reduction("norm", "norm", "ExactMoments", False, 0, True),
)

# Over axes, for arrays only: there is no exact state for chunks or columns.
ARRAYS = _table(
    Reduction("sum_of_squares", "sum_of_squares", "", False, 0, False),
)

# The reductions with an exact state, and all of them.
STATEFUL = {**REDUCTIONS, **MOMENTS}
ALL = {**STATEFUL, **ARRAYS}

# Reductions of pairs.
VECDOT = Reduction("vecdot", "sum", "ExactSum", False, 0, False)

# Grouped reductions.
GROUPED = _table(
    Reduction("group_sum", "sum", "ExactSum", False, 0, False),
    Reduction("group_mean", "mean", "ExactSum", False, NAN, True),
)

# Grouped moments.
GROUPED_MOMENTS = _table(
    Reduction("group_var", "var", "ExactMoments", False, NAN, True),
    Reduction("group_std", "std", "ExactMoments", False, NAN, True),
)
