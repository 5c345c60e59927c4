"""The names by which an extension that was built before this package had `_core` calls it."""

from ._core.dispatch import as_numbers, cumsum, fill, grouped, reduce, vecdot
from ._core.reductions import REDUCTIONS

__all__ = ["REDUCTIONS", "as_numbers", "cumsum", "fill", "grouped", "reduce", "vecdot"]
