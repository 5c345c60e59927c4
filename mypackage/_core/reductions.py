"""The reductions: one row each, which everything else reads."""

from __future__ import annotations

from typing import NamedTuple

NAN = float("nan")


class Reduction(NamedTuple):
    """What a function does with the elements.

    Attributes
    ----------
    name : str
        Of the function; NumPy's twin has the same name.
    finish : str
        What is made of the exact state: the function of this name, which skips no NaN.
    state : str
        The class that holds the exact state, ``"ExactSum"`` or ``"ExactMoments"``; empty where
        none does.
    skip_nan : bool
    empty : int or float
        The result for no elements: 0, or NaN where NumPy's twin also warns.
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
        """The reduction that makes the same of its state, and does or does not skip NaN."""
        if self.skip_nan == skip_nan:
            return self
        table = GROUPED if self.name in GROUPED else STATEFUL
        alike = (row for row in table.values() if row.finish == self.finish)
        return next(row for row in alike if row.skip_nan == skip_nan)

    @property
    def grouped(self) -> Reduction:
        """The function that makes the same of the elements with one label."""
        return next(row for row in GROUPED.values() if row.finish == self.finish)


def _table(*rows: Reduction) -> dict[str, Reduction]:
    return {row.name: row for row in rows}


# Over axes, of any kind of input.
REDUCTIONS = _table(
    #         name       finish  state       skip_nan  empty  fractional
    Reduction("sum", "sum", "ExactSum", False, 0, False),
    Reduction("nansum", "sum", "ExactSum", True, 0, False),
    Reduction("mean", "mean", "ExactSum", False, NAN, True),
    Reduction("nanmean", "mean", "ExactSum", True, NAN, True),
)

# The same of squares: `norm` takes no `ddof`.
MOMENTS = _table(
    Reduction("var", "var", "ExactMoments", False, NAN, True),
    Reduction("nanvar", "var", "ExactMoments", True, NAN, True),
    Reduction("std", "std", "ExactMoments", False, NAN, True),
    Reduction("nanstd", "std", "ExactMoments", True, NAN, True),
    Reduction("norm", "norm", "ExactMoments", False, 0, True),
)

# Over axes, of arrays: there is no exact state that chunks or columns could be added to.
ARRAYS = _table(
    Reduction("sum_of_squares", "sum_of_squares", "", False, 0, False),
)

# Those with an exact state, and all.
STATEFUL = {**REDUCTIONS, **MOMENTS}
ALL = {**STATEFUL, **ARRAYS}

# Of pairs.
VECDOT = Reduction("vecdot", "sum", "ExactSum", False, 0, False)

# By label.
GROUPED = _table(
    Reduction("group_sum", "sum", "ExactSum", False, 0, False),
    Reduction("group_mean", "mean", "ExactSum", False, NAN, True),
)

# By label, of squares.
GROUPED_MOMENTS = _table(
    Reduction("group_var", "var", "ExactMoments", False, NAN, True),
    Reduction("group_std", "std", "ExactMoments", False, NAN, True),
)
