"""Results as pandas itself would give them."""

from __future__ import annotations

from typing import Any

import numpy as np

from mypackage._extras import require
from mypackage.pandas._columns import numbers_of

pd = require("pandas")


def nullable_dtypes(a: Any) -> list[Any]:
    """The dtypes of the columns that have `pandas.NA`; of a Series its own."""
    dtypes = a.dtypes if isinstance(a, pd.DataFrame) else [a.dtype]
    return [dtype for dtype in dtypes if getattr(dtype, "na_value", None) is pd.NA]


def in_own_dtype(values: np.ndarray, missing: Any, nullable: list[Any]) -> Any:
    """Results in the nullable dtype that pandas' own methods give; None if there is none."""
    if not nullable or values.dtype.kind not in "biuf":
        return None
    missing = np.broadcast_to(missing, values.shape).copy()
    if all(isinstance(dtype, pd.ArrowDtype) for dtype in nullable):
        # (NaN stays NaN.)
        return pd.arrays.ArrowExtensionArray(require("pyarrow").array(values, mask=missing))
    name = values.dtype.name.replace("uint", "UInt").replace("int", "Int")
    try:
        empty = pd.array([], dtype=name.replace("float", "Float").replace("bool", "boolean"))
    except TypeError:
        return None
    return type(empty)(values, missing)


def series_of(a: Any, values: Any, index: Any, dtype: Any = None) -> Any:
    """A Series of results for the columns or rows of a table, of its class of Series."""
    return like_own(a, a._constructor_sliced(values, index=index, dtype=dtype))


def like_own(a: Any, result: Any) -> Any:
    """A result with the attributes and flags of what it is a result of, as pandas' own have."""
    return result.__finalize__(a)


def own_scalar(value: Any, zone: Any) -> Any:
    """A time as pandas' own scalar, in a time zone if that is not None."""
    if isinstance(value, np.timedelta64):
        return pd.Timedelta(value)
    if isinstance(value, np.datetime64):
        # The value is in UTC; the zone changes how it is shown.
        time = pd.Timestamp(value)
        return time if zone is None or time is pd.NaT else time.tz_localize("UTC").tz_convert(zone)
    return value


def or_missing(value: Any, a: Any, skipna: bool) -> Any:
    """`pandas.NA` in place of a NaN that stands for missing values, for a dtype that has it."""
    is_nan = isinstance(value, np.floating) and np.isnan(value)
    if not is_nan or getattr(a.dtype, "na_value", None) is not pd.NA:
        return value
    # (An Index or an extension array counts as a Series without labels.)
    values, missing = numbers_of("sum", a if isinstance(a, pd.Series) else pd.Series(a))
    # Without infinities and NaNs nothing else gives NaN.
    is_missing = (not skipna and missing.any()) or np.isfinite(values[~missing]).all()
    return pd.NA if is_missing else value


def in_zone(times: Any, zone: Any) -> Any:
    """A Series, with its UTC times converted to a time zone if that is not None."""
    if zone is None or times.dtype.kind != "M":
        return times
    return times.dt.tz_localize("UTC").dt.tz_convert(zone)


def zone_of(name: str, a: Any) -> Any:
    """The time zone of dates, or the common one of a DataFrame's columns; None if there is none."""
    if isinstance(a, pd.DataFrame):
        zones = [zone_of(name, column) for _, column in a.items()]
        for zone in zones:
            if str(zone) != str(zones[0]):
                raise TypeError(
                    f"{name}: the columns are of the time zones {zones[0]} and {zone}; convert "
                    "them to one, with dt.tz_convert, or choose axis=0"
                )
        return zones[0] if zones else None
    arrow = getattr(a.dtype, "pyarrow_dtype", None)
    return getattr(a.dtype if arrow is None else arrow, "tz", None)


def each_column(function: Any, table: Any, index: Any) -> Any:
    """Apply a function to each column of a table, whose column names may repeat."""
    columns = [function(column) for _, column in table.items()]
    for column in columns:
        # (concat would compare them, also those that are arrays.)
        column.attrs = {}
    result = pd.concat(columns, axis=1) if columns else table._constructor(index=index)
    return like_own(table, result.set_axis(table.columns, axis=1))
