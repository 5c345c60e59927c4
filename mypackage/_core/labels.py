"""Aligning two labelled inputs: they must have the same labels; those of the first give the order.

A plain array beside a labelled one is matched by position, and its shape must be the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .input_types import label_kind


def aligned(name: str, argument: str, other: Any, a: Any) -> Any:
    """The plain values of `other` in the order of the labels of `a`, a pandas object.

    Raises
    ------
    ValueError
        If one of the two lacks a label, or has it more than once; the message names it.
    """
    refuse_others(name, argument, other)
    if label_kind(other) != "pandas":
        return np.asarray(other)
    index = getattr(a, "index", None)
    if index is None or getattr(other, "index", None) is None:
        # An Index or an extension array has no labels.
        return np.asarray(other)
    other = reordered(name, argument, other, index)
    columns = getattr(a, "columns", None)
    if columns is not None and getattr(other, "columns", None) is not None:
        other = reordered(name, argument, other.T, columns).T
    return other.to_numpy()


def refuse_others(name: str, argument: str, other: Any) -> None:
    """Refuse an argument with labels beside a pandas object, if they are not pandas' own."""
    if label_kind(other) == "xarray":
        raise TypeError(
            f"{name}: {argument} is of another package than the elements; give it as one of theirs"
        )


def reordered(name: str, argument: str, other: Any, index: Any) -> Any:
    """A pandas object, reordered like an index with the same labels."""
    if other.index.equals(index):
        return other
    for labels, whose in ((index, "the elements"), (other.index, argument)):
        if not labels.is_unique:
            label = labels[labels.duplicated()][0]
            raise ValueError(
                f"{name}: the label {_shown(label)} is there more than once in {whose}, and those "
                f"of {argument} are in another order"
            )
    for labels, others, whose, lacking in (
        (index, other.index, "the elements", argument),
        (other.index, index, argument, "the elements"),
    ):
        missing = labels.difference(others, sort=False)
        if len(missing):
            raise ValueError(
                f"{name}: the label {_shown(missing[0])} of {whose} is not one of {lacking}; give "
                "the same labels, or to_numpy() to go by position"
            )
    return other.reindex(index)


def _shown(label: Any) -> str:
    """The repr of a label."""
    return repr(label.item() if isinstance(label, (np.number, np.bool_, np.str_)) else label)
