from typing import Any, SupportsIndex

from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = [
    "build_info",
    "cumsum",
    "get_num_threads",
    "set_num_threads",
    "vecdot",
    "weighted_mean",
]

def build_info() -> dict[str, object]: ...
def cumsum(
    a: ArrayLike,
    axis: SupportsIndex | None = None,
    dtype: DTypeLike | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]: ...
def get_num_threads() -> int: ...
def set_num_threads(n: int, /) -> int: ...
def vecdot(x1: ArrayLike, x2: ArrayLike, /, *, axis: SupportsIndex = -1) -> Any: ...
def weighted_mean(a: NDArray[Any], weights: NDArray[Any], dtype_num: int) -> Any: ...
