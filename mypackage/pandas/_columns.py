"""The numbers of pandas objects, without rounding, and which of them are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import numpy as np

from mypackage._core import labels
from mypackage._core.axes import normalised
from mypackage._core.columns import Column
from mypackage._core.input_types import front, label_kind
from mypackage._core.inputs import wanted
from mypackage._core.python_numbers import kind_of
from mypackage._extras import require

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    Axis: TypeAlias = Literal[0, 1, "index", "columns"]

pd = require("pandas")

T_Pandas = TypeVar("T_Pandas", "DataFrame", "Series")


def check(name: str, a: Any) -> None:
    """Refuse what is no object of pandas."""
    if label_kind(a) != "pandas":
        raise TypeError(
            f"{name}: give a Series or a DataFrame, not {type(a).__name__}; mypackage.{name} takes "
            "arrays and lists"
        )


def axes_of(name: str, axis: Any) -> set[int]:
    """The axes of a DataFrame as a set of numbers."""
    names = {"index": 0, "rows": 0, "columns": 1}
    if isinstance(axis, str):
        if axis not in names:
            raise ValueError(f"{name}: a DataFrame has no axis {axis!r}")
        return {names[axis]}
    return set(normalised(name, axis, 2))


def columns_of(a: Any, name: str, where: Any = True) -> list[Column]:
    """The columns of a Series, an Index, an extension array or a DataFrame, without rounding.

    Elements that `where` excludes count as missing.
    """
    if isinstance(a, pd.DataFrame):
        wanted = _wanted(name, a, where)
        return [
            Column(label, values, missing if wanted is None else missing | ~wanted[:, at])
            for at, (label, column) in enumerate(a.items())
            for values, missing in (numbers_of(name, column),)
        ]
    if isinstance(a, pd.MultiIndex):
        raise TypeError(f"{name}: a MultiIndex has several levels; give its get_level_values(0)")
    values, missing = numbers_of(name, a if isinstance(a, pd.Series) else pd.Series(a))
    wanted = _wanted(name, a, where)
    label = getattr(a, "name", None)
    return [Column(label, values, missing if wanted is None else missing | ~wanted)]


def _wanted(name: str, a: Any, where: Any) -> Any:
    if where is True:
        return None
    # This refuses missing values too.
    chosen = wanted(where)
    if label_kind(where) in ("pandas", "xarray"):
        chosen = np.asarray(labels.aligned(name, "where", where, a), bool)
    return np.broadcast_to(chosen, a.shape)


def numbers_of(name: str, column: Any) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of a column and a mask of the missing ones."""
    dtype = column.dtype
    missing = column.isna().to_numpy(bool)
    if isinstance(dtype, pd.SparseDtype):
        column, dtype = column.sparse.to_dense(), dtype.subtype
    if isinstance(dtype, np.dtype):
        if dtype.kind in "biufcmM":
            return column.to_numpy(), missing
        if dtype.kind == "O":
            # The elements decide; missing ones are skipped.
            values = np.where(missing, 0, column.to_numpy())
            _check_objects(name, column, values)
            return values, missing
    elif getattr(dtype, "pyarrow_dtype", None) is not None:
        arrow = str(dtype.pyarrow_dtype)
        if arrow.startswith("decimal"):
            return np.where(missing, 0, column.to_numpy(object)), missing
        if arrow.startswith(("duration", "timestamp", "date")):
            return front("arrow").values_of(column.array.__arrow_array__(), name)[0], missing
    if isinstance(dtype, pd.DatetimeTZDtype):
        return column.dt.tz_convert(None).to_numpy(), missing
    kind = getattr(dtype, "numpy_dtype", None)
    if kind is None or kind.kind not in "biufc":
        raise TypeError(
            f"{name}: {named_column(column)} of dtype {dtype} has no exact sum; choose columns of "
            "numbers, with select_dtypes('number') say, or make it one, with astype(float) say"
        )
    # Not by way of float64, which would round large integers.
    return column.to_numpy(kind, na_value=kind.type(0)), missing


def _check_objects(name: str, column: Any, values: np.ndarray) -> None:
    """Refuse objects without an exact sum, text before pandas 3 say, by the column's name."""
    for kind in set(map(type, values.tolist())):
        try:
            kind_of(name, kind)
        except TypeError as error:
            what = str(error).removeprefix(f"{name}: ")
            raise TypeError(
                f"{name}: {named_column(column)} of dtype object: {what}; or choose columns of "
                "numbers, with select_dtypes('number') say"
            ) from None


def named_column(column: Any) -> str:
    """A column in a message; a Series need not have a name."""
    return "a column" if column.name is None else f"column {column.name!r}"
