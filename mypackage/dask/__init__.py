"""The reductions on dask arrays: lazy, and the same bits as in memory for any chunking.

Each chunk becomes an exact state (`mypackage.ExactSum`), the states merge in a tree, and the root
is rounded once. A state does not depend on how the elements were grouped, so neither does the
result: it is the same for any chunks, scheduler, workers and ``split_every``, and if tasks run
twice.

`mypackage.sum` and the other reductions call these for dask arrays.
"""

# Names that are imported "as" themselves are for other modules of the package.
from mypackage._docstrings import publish
from mypackage._extras import require
from mypackage.dask._averages import average
from mypackage.dask._groups import (
    group_count,
    group_mean,
    group_nanmean,
    group_nansum,
    group_std,
    group_sum,
    group_var,
)
from mypackage.dask._groups import moments_of_groups as moments_of_groups
from mypackage.dask._groups import reduce_groups as reduce_groups
from mypackage.dask._moments import nanstd, nanvar, norm, std, sum_of_squares, var
from mypackage.dask._prefixes import cumsum, group_cumsum
from mypackage.dask._sums import mean, nanmean, nansum, sum, vecdot
from mypackage.dask._windows import move as move
from mypackage.dask._windows import move_around as move_around

da = require("dask.array")

__all__ = [
    "average",
    "cumsum",
    "group_count",
    "group_cumsum",
    "group_mean",
    "group_nanmean",
    "group_nansum",
    "group_std",
    "group_sum",
    "group_var",
    "mean",
    "nanmean",
    "nanstd",
    "nansum",
    "nanvar",
    "norm",
    "std",
    "sum",
    "sum_of_squares",
    "var",
    "vecdot",
]

publish(globals())


def __dir__() -> list[str]:
    return __all__
