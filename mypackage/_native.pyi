from typing import Any, Self, TypeAlias, final

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

__all__ = [
    "ExactSum",
    "add",
    "build_info",
    "fibonacci",
    "fibonacci_index",
    "fibonacci_mod",
    "fibonacci_pair",
    "get_num_threads",
    "group_mean",
    "group_sum",
    "hello",
    "is_fibonacci",
    "lucas",
    "lucas_mod",
    "lucasu_mod",
    "lucasv_mod",
    "mean",
    "nanmean",
    "nansum",
    "pisano_period",
    "set_num_threads",
    "sum",
]

_Axis: TypeAlias = int | tuple[int, ...] | None

fibonacci: np.ufunc
fibonacci_mod: np.ufunc
fibonacci_index: np.ufunc
fibonacci_pair: np.ufunc
is_fibonacci: np.ufunc
lucas: np.ufunc
lucas_mod: np.ufunc
lucasu_mod: np.ufunc
lucasv_mod: np.ufunc
pisano_period: np.ufunc

@final
class ExactSum:
    def __new__(cls, shape: int | tuple[int, ...] = ()) -> Self: ...
    @property
    def count(self) -> Any: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    def add(self, values: Any, axis: _Axis = None, where: ArrayLike = True) -> Any: ...
    def subtract(self, values: Any, axis: _Axis = None, where: ArrayLike = True) -> Any: ...
    def merge(self, other: ExactSum, /) -> Any: ...
    def value(self, dtype: DTypeLike | None = None) -> Any: ...
    def mean(self, dtype: DTypeLike | None = None) -> Any: ...
    def as_integer_ratio(self) -> Any: ...
    def copy(self) -> Self: ...
    def to_bytes(self) -> bytes: ...
    @classmethod
    def from_bytes(cls, data: bytes, /) -> Self: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    def __float__(self) -> float: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __add__(self, value: Any, /) -> Self: ...
    def __radd__(self, value: Any, /) -> Self: ...
    def __iadd__(self, value: Any, /) -> Self: ...
    def __sub__(self, value: Any, /) -> Self: ...
    def __rsub__(self, value: Any, /) -> Self: ...
    def __isub__(self, value: Any, /) -> Self: ...

def add(left: int, right: int, /) -> int: ...
def build_info() -> dict[str, object]: ...
def get_num_threads() -> int: ...
def hello() -> None: ...
def set_num_threads(n: int, /) -> int: ...
def mean(
    a: Any,
    axis: _Axis = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
    keepdims: bool = False,
    *,
    where: ArrayLike = True,
) -> Any: ...
def nanmean(
    a: Any,
    axis: _Axis = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
    keepdims: bool = False,
    *,
    where: ArrayLike = True,
) -> Any: ...
def nansum(
    a: Any,
    axis: _Axis = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
    keepdims: bool = False,
    initial: Any = 0,
    where: ArrayLike = True,
) -> Any: ...
def sum(
    a: Any,
    axis: _Axis = None,
    dtype: DTypeLike | None = None,
    out: np.ndarray | None = None,
    keepdims: bool = False,
    initial: Any = 0,
    where: ArrayLike = True,
) -> Any: ...
def group_mean(
    group_idx: ArrayLike,
    array: ArrayLike,
    *,
    axis: int | None = -1,
    size: int | None = None,
    fill_value: Any = 0,
    dtype: DTypeLike | None = None,
) -> Any: ...
def group_sum(
    group_idx: ArrayLike,
    array: ArrayLike,
    *,
    axis: int | None = -1,
    size: int | None = None,
    fill_value: Any = 0,
    dtype: DTypeLike | None = None,
) -> Any: ...
