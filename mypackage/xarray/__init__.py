"""The reductions on xarray's DataArray and Dataset: by ``dim=``, with coordinates and attributes.

`mypackage.sum` and the other reductions call these for xarray objects. Dask-backed ones stay lazy.
As in xarray itself, NaNs are missing values and left out of floats unless ``skipna=False``.
"""

# Names that are imported "as" themselves are for other modules of the package.
from mypackage._docstrings import publish
from mypackage._extras import require
from mypackage.xarray._averages import average as average
from mypackage.xarray._averages import plain_weights as plain_weights
from mypackage.xarray._groups import group_by_number as group_by_number
from mypackage.xarray._groups import group_cumsum as group_cumsum
from mypackage.xarray._groups import group_mean, group_std, group_sum, group_var
from mypackage.xarray._labels import valid as valid
from mypackage.xarray._prefixes import cumsum
from mypackage.xarray._products import pairs as pairs
from mypackage.xarray._products import vecdot as vecdot
from mypackage.xarray._reductions import mean, norm, std, sum, var
from mypackage.xarray._reductions import reduce as reduce
from mypackage.xarray._rolling import Windows, rolling

xr = require("xarray")

__all__ = [
    "Windows",
    "cumsum",
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
