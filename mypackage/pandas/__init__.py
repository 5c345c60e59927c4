"""The reductions on pandas' Series and DataFrame.

`mypackage.sum` and the other reductions call these for pandas objects. As in pandas itself, missing
values (NaN, NA) are left out unless ``skipna=False``, and integers of nullable dtypes stay exact.
"""

# Names that are imported "as" themselves are for other modules of the package.
from mypackage._docstrings import publish
from mypackage._extras import require
from mypackage.pandas._averages import average as average
from mypackage.pandas._averages import plain_weights as plain_weights
from mypackage.pandas._columns import columns_of as columns_of
from mypackage.pandas._groups import group_by_number as group_by_number
from mypackage.pandas._groups import group_cumsum as group_cumsum
from mypackage.pandas._groups import group_mean, group_std, group_sum, group_var
from mypackage.pandas._moments import norm, std, var
from mypackage.pandas._prefixes import cumsum
from mypackage.pandas._products import pairs as pairs
from mypackage.pandas._products import vecdot as vecdot
from mypackage.pandas._rolling import Windows, expanding, rolling
from mypackage.pandas._sums import mean, sum
from mypackage.pandas._sums import reduce as reduce

pd = require("pandas")

__all__ = [
    "Windows",
    "cumsum",
    "expanding",
    "group_mean",
    "group_std",
    "group_sum",
    "group_var",
    "mean",
    "norm",
    "rolling",
    "std",
    "sum",
    "var",
]

publish(globals())


def __dir__() -> list[str]:
    return __all__
