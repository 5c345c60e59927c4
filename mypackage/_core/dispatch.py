"""Where the extension hands over what is not a plain array of a dtype with a kernel.

Each input type gets the answer that NumPy's twin would give; ``docs/numerics.md`` has the table.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.ma  # NumPy imports it on first use.

from . import columns, groups, lists, masked, objects, subclasses, units
from .groups import fill, labels_of
from .input_types import (
    KERNELS,
    as_array,
    front,
    goes_to_dask,
    is_dask,
    label_kind,
    own_numbers,
    refuse_dask,
    unsupported,
)
from .inputs import wanted, without_labels
from .outputs import fill_out
from .plain import starts_at_negative_zero
from .reductions import ALL, GROUPED, REDUCTIONS

__all__ = [
    "cumsum",
    "exact_state",
    "fill",
    "fill_out",
    "grouped",
    "numbers",
    "reduce",
    "starts_at_negative_zero",
    "vecdot",
    "wanted",
]


def reduce(name: str, a: Any, **arguments: Any) -> Any:
    """Reduce any input with the function `name` and the arguments it was called with."""
    reduction = ALL[name]
    kind = label_kind(a)
    if kind == "arrow" and name not in REDUCTIONS:
        if front(kind).is_table(a):
            front(kind).plain(a, name)
        # The functions that skip NaN skip nulls too.
        (column,) = front(kind).columns_of(a, name, reduction.skip_nan)
        if column.missing.any():
            where = wanted(arguments.get("where", True))
            arguments["where"] = np.logical_and(where, ~column.missing)
        return reduce(name, column.values, **arguments)
    if is_dask(a):
        return getattr(front("dask"), name)(a, **arguments)
    if kind is not None:
        return front(kind).reduce(reduction, a, **arguments)
    if arguments.get("where", True) is not True:
        arguments["where"] = wanted(arguments["where"])
    unit = units.kind_of(a)
    if name not in REDUCTIONS:
        units.refuse(name, a)
    elif unit is not None:
        units.check(name, a, reduction.finish == "mean")
        if unit != "other":
            numbers = units.arguments_for(name, a, arguments)
            result = reduce(name, units.plain(a), **numbers)
            out = arguments.get("out")
            return units.with_unit(a, result, reduction.finish == "sum") if out is None else out
    units.refuse(f"{name}: initial", arguments.get("initial"))
    array, dtype = lists.exact(a, as_array(name, a))
    if dtype is not None:
        arguments.setdefault("dtype", dtype)
    weights = arguments.get("weights")
    if isinstance(weights, np.ma.MaskedArray):
        axis = arguments.get("axis")
        array, arguments["weights"] = masked.without_weight(name, array, weights, axis)
    if isinstance(array, np.ma.MaskedArray):
        return masked.reduce(reduction, array, arguments)
    return subclasses.reduce(reduction, array, arguments)


def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """`mypackage.cumsum` for any input."""
    name = "cumsum"
    if is_dask(a):
        return front("dask").cumsum(a, axis=axis, dtype=dtype, out=out)
    kind = label_kind(a)
    if kind == "arrow":
        a = front(kind).plain(a, name)
    elif kind is not None:
        if out is not None:
            raise TypeError(f"cumsum: a {kind} object takes no out=; give {own_numbers(a)}")
        return front(kind).cumsum(a, axis=axis, dtype=dtype)
    if units.kind_of(a) is not None:
        units.check(name, a, False)
        if units.kind_of(a) != "other":
            numbers = units.arguments_for(name, a, {"out": out})
            result = cumsum(units.plain(a), axis, dtype, numbers["out"])
            return units.with_unit(a, result, True) if out is None else out
    array, exact = lists.exact(a, as_array(name, a))
    dtype = exact if dtype is None and out is None else dtype
    if isinstance(array, np.ma.MaskedArray):
        return masked.cumsum(array, axis, dtype, out)
    return subclasses.cumsum(array, axis, dtype, out)


def vecdot(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """`mypackage.vecdot` for any input."""
    axis = -1 if axis is None else axis
    for owner in (label_kind(x1), label_kind(x2)):
        if owner in ("pandas", "xarray"):
            return front(owner).vecdot(x1, x2, axis)
    if is_dask(x1) or is_dask(x2):
        return front("dask").vecdot(x1, x2, axis=axis)
    x1, x2 = (without_labels("vecdot", x) for x in (x1, x2))
    units.refuse("vecdot", x1, x2)
    if any(isinstance(x, np.ma.MaskedArray) for x in (x1, x2)):
        return masked.vecdot(x1, x2, axis)
    pairs = [lists.exact(x, as_array("vecdot", x)) for x in (x1, x2)]
    dtype = lists.common_dtype(*pairs)
    if dtype is not None:
        return objects.vecdot(pairs[0][0], pairs[1][0], axis, dtype)
    return subclasses.vecdot(pairs[0][0], pairs[1][0], axis)


def grouped(name: str, group_idx: Any, array: Any, options: dict[str, Any]) -> tuple[Any, Any]:
    """Plain values and int64 labels for the extension; for other input, None and the result."""
    reduction = GROUPED[name]
    if goes_to_dask(array, group_idx):
        return None, getattr(front("dask"), name)(group_idx, array, **options)
    kind = label_kind(array)
    if kind in ("pandas", "xarray"):
        return None, front(kind).group_by_number(name, group_idx, array, **options)
    if kind == "arrow":
        array = front(kind).plain(array, name)
    units.refuse(name, array)
    labels = labels_of(name, group_idx)
    if isinstance(array, np.ma.MaskedArray):
        return None, masked.grouped(reduction, labels, array, **options)
    values, dtype = lists.exact(array, as_array(name, array))
    values = np.asarray(values)
    if values.dtype.char in KERNELS:
        return values, labels
    if dtype is not None:
        options.setdefault("dtype", dtype)
    return None, groups.by_label(reduction, labels, values, **options)


def exact_state(
    values: Any, axis: Any, where: Any, shape: tuple[int, ...] | None, skip_nan: bool
) -> Any:
    """What `ExactSum.add` adds for any input: a plain array with a mask, or a state.

    `shape` is that of the sums; if `axis` is None, the other, leading axes are summed over.
    """
    name = "ExactSum"
    refuse_dask(name, values, "add its chunks, or use mypackage.dask")
    kind = label_kind(values)
    if kind == "xarray":
        values, where = front(kind).valid(name, values, where)
        if is_dask(values):
            return exact_state(values, axis, where, shape, skip_nan)
    elif kind is not None:
        table = front(kind).columns_of(values, name=name, where=where)
        if np.ndim(values) == 2:
            return columns.state_of(table, len(values), axis, shape)
        values, where = table[0].values, ~table[0].missing
    units.refuse(name, values)
    array, _ = lists.exact(values, as_array(name, values))
    where = True if where is True else wanted(where)
    if array.dtype.names:
        raise unsupported(name, array.dtype)
    if isinstance(array, np.ma.MaskedArray):
        where = where & ~np.ma.getmaskarray(array)
    data = np.asarray(np.ma.getdata(array))
    if data.dtype.kind == "O":
        if axis is None and shape is not None:
            axis = tuple(range(data.ndim - len(shape)))
        return objects.state(name, data, axis, where, skip_nan)
    if data.dtype.kind in "mM":
        raise TypeError(
            f"{name}: its bytes have no unit, as {data.dtype} has; give values.view('i8')"
        )
    if data.dtype.char not in KERNELS:
        raise unsupported(name, data.dtype, " and object")
    return data, where


def numbers(name: str, values: Any, nan: bool = False) -> np.ndarray:
    """A plain array of numbers, for a function that cannot handle missing values.

    Raises
    ------
    TypeError, ValueError
        If a value is missing, would be rounded, or is more than a number; NaN is allowed if `nan`.
    """
    refuse_dask(name, values, "compute() it, or use mypackage.dask")
    kind = label_kind(values)
    missing = np.zeros((), bool)
    if kind == "xarray":
        data, wanted = front(kind).valid(name, values, True)
        values, missing = numbers(name, data, nan), ~np.asarray(wanted)
    elif kind == "arrow":
        values = front(kind).plain(values, name)
    elif kind == "pandas":
        table = front(kind).columns_of(values, name)
        if np.ndim(values) == 2:
            values, missing = columns.table(table), np.array([one.missing for one in table]).T
        else:
            values, missing = table[0].values, table[0].missing
    if nan and isinstance(values, np.ndarray) and values.dtype.kind in "fc":
        missing = missing & ~np.isnan(values)
    if isinstance(values, np.ma.MaskedArray):
        missing = np.ma.getmaskarray(values)
    if missing.any():
        raise ValueError(
            f"{name}: {int(missing.sum())} of the values are missing, so they are not numbers; "
            "mypackage.sum and the other reductions leave them out"
        )
    units.refuse(name, values)
    array, _ = lists.exact(values, as_array(name, values))
    data = np.asarray(np.ma.getdata(array))
    if data.dtype.kind == "O":
        raise TypeError(f"{name}: float64 does not hold these numbers; use mypackage.sum")
    return data


# NumPy imports what these methods need on their first call, which fails if that happens while
# Python shuts down.
for _method in ("any", "all", "max", "min", "sum"):
    getattr(np.zeros(1, bool), _method)()
del _method
