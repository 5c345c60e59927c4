from collections.abc import Callable, Iterable, Sequence
from typing import (
    Any,
    Literal,
    SupportsFloat,
    SupportsIndex,
    TypeAlias,
    TypeVar,
    final,
    overload,
    type_check_only,
)

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from typing_extensions import Self

__all__ = [
    "CsvError",
    "CsvStyle",
    "CsvTable",
    "ExactSum",
    "add",
    "build_info",
    "covariances",
    "cumsum",
    "fibonacci",
    "fibonacci_index",
    "fibonacci_mod",
    "fibonacci_pair",
    "get_num_threads",
    "group_mean",
    "group_moments",
    "group_product_states",
    "group_scan",
    "group_states",
    "group_sum",
    "hello",
    "integer_states",
    "is_fibonacci",
    "join_states",
    "load_modules",
    "lucas",
    "lucas_mod",
    "lucasu_mod",
    "lucasv_mod",
    "mean",
    "moments_of_array",
    "move_mean",
    "move_numbers",
    "move_std",
    "move_sum",
    "move_var",
    "nan_scan",
    "nanmean",
    "nanstd",
    "nansum",
    "nanvar",
    "norm",
    "pisano_period",
    "reshape_states",
    "round_moments",
    "round_states",
    "run_serially",
    "segment_slices",
    "set_num_threads",
    "split_states",
    "square_states",
    "std",
    "sum",
    "sum_of_squares",
    "sum_states",
    "summarize_rows",
    "var",
    "vecdot",
    "vecdot_states",
    "weighted_mean",
    "weighted_moments_of_array",
]

_Axis: TypeAlias = SupportsIndex | tuple[SupportsIndex, ...] | None
_Result = TypeVar("_Result")
_Array = TypeVar("_Array", bound=NDArray[Any])
_Scalar = TypeVar("_Scalar", bound=np.generic)
_DType: TypeAlias = type[_Scalar] | np.dtype[_Scalar]
# Sums of the first two kinds are 64-bit integers; the third is kept. (To mypy, int8 is an int64.)
_Signed: TypeAlias = np.bool_ | np.int8 | np.int16 | np.int32
_Unsigned: TypeAlias = np.uint8 | np.uint16 | np.uint32
_Wide = TypeVar("_Wide", bound=np.inexact | np.int64 | np.uint64 | np.timedelta64)
# As the third kind; of complex numbers, sums of squares are real.
_Real = TypeVar("_Real", bound=np.floating | np.int64 | np.uint64)
# Means keep the first kind; those of the second are float64.
_Inexact = TypeVar("_Inexact", bound=np.inexact | np.timedelta64)
_Integer: TypeAlias = np.bool_ | np.integer
# What a variance keeps; `ddof` is any real number.
_Float = TypeVar("_Float", bound=np.floating)
_Ddof: TypeAlias = SupportsFloat | SupportsIndex

# Ufuncs, by their numbers of inputs and outputs. (NumPy declares its own in this way, though ufunc
# is final.) An array gives an array; a number, a sequence or an object with its own
# `__array_ufunc__` (pandas, xarray, dask) what its kind gives.
@type_check_only
class _Ufunc1(np.ufunc):  # type: ignore[misc]
    @overload
    def __call__(
        self, n: NDArray[Any], /, *, where: ArrayLike = ..., dtype: DTypeLike = ..., **kwargs: Any
    ) -> NDArray[Any]: ...
    @overload
    def __call__(
        self,
        n: Any,
        /,
        out: Any = ...,
        *,
        where: ArrayLike = ...,
        dtype: DTypeLike = ...,
        **kwargs: Any,
    ) -> Any: ...

@type_check_only
class _Ufunc1Pair(np.ufunc):  # type: ignore[misc]
    @overload
    def __call__(
        self, n: NDArray[Any], /, *, where: ArrayLike = ..., dtype: DTypeLike = ..., **kwargs: Any
    ) -> tuple[NDArray[Any], NDArray[Any]]: ...
    @overload
    def __call__(
        self,
        n: Any,
        /,
        out: Any = ...,
        *,
        where: ArrayLike = ...,
        dtype: DTypeLike = ...,
        **kwargs: Any,
    ) -> tuple[Any, Any]: ...

@type_check_only
class _Ufunc2(np.ufunc):  # type: ignore[misc]
    @overload
    def __call__(
        self,
        n: NDArray[Any],
        m: ArrayLike,
        /,
        *,
        where: ArrayLike = ...,
        dtype: DTypeLike = ...,
        **kwargs: Any,
    ) -> NDArray[Any]: ...
    @overload
    def __call__(
        self,
        n: Any,
        m: Any,
        /,
        out: Any = ...,
        *,
        where: ArrayLike = ...,
        dtype: DTypeLike = ...,
        **kwargs: Any,
    ) -> Any: ...

@type_check_only
class _Ufunc4(np.ufunc):  # type: ignore[misc]
    @overload
    def __call__(
        self,
        p: NDArray[Any],
        q: ArrayLike,
        n: ArrayLike,
        m: ArrayLike,
        /,
        *,
        where: ArrayLike = ...,
        dtype: DTypeLike = ...,
        **kwargs: Any,
    ) -> NDArray[Any]: ...
    @overload
    def __call__(
        self,
        p: Any,
        q: Any,
        n: Any,
        m: Any,
        /,
        out: Any = ...,
        *,
        where: ArrayLike = ...,
        dtype: DTypeLike = ...,
        **kwargs: Any,
    ) -> Any: ...

fibonacci: _Ufunc1
fibonacci_index: _Ufunc1
fibonacci_mod: _Ufunc2
fibonacci_pair: _Ufunc1Pair
is_fibonacci: _Ufunc1
lucas: _Ufunc1
lucas_mod: _Ufunc2
lucasu_mod: _Ufunc4
lucasv_mod: _Ufunc4
pisano_period: _Ufunc1

_Place: TypeAlias = tuple[int, int, bool]

class CsvError(ValueError): ...

@final
class CsvStyle:
    def __new__(
        cls,
        delimiter: str,
        decimal: str,
        thousands: str | None,
        comment: str | None,
        skip_initial_space: bool,
        nulls: list[str],
        decimals: bool,
    ) -> Self: ...
    def first_row(
        self, text: bytes, start: _Place, all: bool
    ) -> tuple[list[tuple[str, bool | None]], _Place] | None: ...

@final
class CsvTable:
    def __new__(
        cls, style: CsvStyle, kinds: list[int], missing: tuple[bool, bool], start: _Place
    ) -> Self: ...
    @property
    def position(self) -> _Place: ...
    def feed(self, piece: bytes) -> None: ...
    def finish(self) -> None: ...
    def take(self) -> list[tuple[Any, ...] | None]: ...

@final
class ExactSum:
    __array_ufunc__: None
    def __new__(cls, shape: SupportsIndex | tuple[SupportsIndex, ...] = ()) -> Self: ...
    @property
    def count(self) -> Any: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    def add(self, values: Any, axis: _Axis = None, where: ArrayLike = True) -> Self: ...
    def subtract(self, values: Any, axis: _Axis = None, where: ArrayLike = True) -> Self: ...
    def merge(self, *others: ExactSum) -> Self: ...
    def value(self, dtype: DTypeLike | None = None) -> Any: ...
    def mean(self, dtype: DTypeLike | None = None) -> Any: ...
    def divide(self, divisor: ExactSum, /, dtype: DTypeLike | None = None) -> Any: ...
    def as_integer_ratio(self) -> tuple[int, int]: ...
    def as_fraction(self) -> Any: ...
    @classmethod
    def from_values(cls, values: ArrayLike, /) -> Self: ...
    @classmethod
    def stack(cls, sums: Sequence[ExactSum], /, axis: int = 0) -> Self: ...
    def add_products(self, x: ArrayLike, y: ArrayLike, /) -> Self: ...
    def reshape(self, *shape: SupportsIndex | tuple[SupportsIndex, ...]) -> Self: ...
    def sum(self, axis: _Axis = None) -> Self: ...
    def copy(self) -> Self: ...
    def to_bytes(self) -> bytes: ...
    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview, /) -> Self: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, _memo: object) -> Self: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    def __float__(self) -> float: ...
    def __int__(self) -> int: ...
    def __len__(self) -> int: ...
    def __getitem__(self, key: Any, /) -> Self: ...
    def __neg__(self) -> Self: ...
    def __pos__(self) -> Self: ...
    def __mul__(self, value: SupportsIndex, /) -> Self: ...
    def __rmul__(self, value: SupportsIndex, /) -> Self: ...
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

# The reductions' overloads, in order: the result goes to `out`; to a scalar of `dtype`; to an array
# of it; as `a` says, to a scalar or an array; what is known at run time only.
# Those that leave NaNs out are called as those that do not.
@overload
def cumsum(
    a: ArrayLike,
    axis: SupportsIndex | None = None,
    dtype: DTypeLike | None = None,
    *,
    out: _Array,
) -> _Array: ...
@overload
def cumsum(
    a: ArrayLike, axis: SupportsIndex | None = None, *, dtype: _DType[_Scalar], out: None = None
) -> NDArray[_Scalar]: ...
@overload
def cumsum(
    a: _Signed | NDArray[_Signed],
    axis: SupportsIndex | None = None,
    dtype: None = None,
    out: None = None,
) -> NDArray[np.int64]: ...
@overload
def cumsum(
    a: _Unsigned | NDArray[_Unsigned],
    axis: SupportsIndex | None = None,
    dtype: None = None,
    out: None = None,
) -> NDArray[np.uint64]: ...
@overload
def cumsum(
    a: _Wide | NDArray[_Wide],
    axis: SupportsIndex | None = None,
    dtype: None = None,
    out: None = None,
) -> NDArray[_Wide]: ...
@overload
def cumsum(
    a: ArrayLike,
    axis: SupportsIndex | None = None,
    dtype: DTypeLike | None = None,
    out: None = None,
) -> NDArray[Any]: ...
def get_num_threads() -> int: ...
def hello() -> None: ...
def set_num_threads(n: int, /) -> int: ...
@overload
def mean(
    a: ArrayLike,
    axis: _Axis = None,
    dtype: DTypeLike | None = None,
    *,
    out: _Array,
    keepdims: bool = False,
    where: ArrayLike = True,
) -> _Array: ...
@overload
def mean(
    a: ArrayLike,
    axis: None = None,
    *,
    dtype: _DType[_Scalar],
    out: None = None,
    keepdims: Literal[False] = False,
    where: ArrayLike = True,
) -> _Scalar: ...
@overload
def mean(
    a: ArrayLike,
    axis: _Axis = None,
    *,
    dtype: _DType[_Scalar],
    out: None = None,
    keepdims: Literal[True],
    where: ArrayLike = True,
) -> NDArray[_Scalar]: ...
@overload
def mean(
    a: _Inexact | NDArray[_Inexact],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    keepdims: Literal[False] = False,
    *,
    where: ArrayLike = True,
) -> _Inexact: ...
@overload
def mean(
    a: _Integer | NDArray[_Integer],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    keepdims: Literal[False] = False,
    *,
    where: ArrayLike = True,
) -> np.float64: ...
@overload
def mean(
    a: _Inexact | NDArray[_Inexact],
    axis: _Axis = None,
    dtype: None = None,
    out: None = None,
    *,
    keepdims: Literal[True],
    where: ArrayLike = True,
) -> NDArray[_Inexact]: ...
@overload
def mean(
    a: _Integer | NDArray[_Integer],
    axis: _Axis = None,
    dtype: None = None,
    out: None = None,
    *,
    keepdims: Literal[True],
    where: ArrayLike = True,
) -> NDArray[np.float64]: ...
@overload
def mean(
    a: ArrayLike,
    axis: _Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: ArrayLike = True,
) -> Any: ...

nanmean = mean

@overload
def var(
    a: ArrayLike,
    axis: _Axis = None,
    dtype: DTypeLike | None = None,
    *,
    out: _Array,
    ddof: _Ddof = 0,
    keepdims: bool = False,
    where: ArrayLike = True,
    mean: ArrayLike = ...,
    correction: _Ddof = ...,
    weights: ArrayLike | None = None,
) -> _Array: ...
@overload
def var(
    a: ArrayLike,
    axis: None = None,
    *,
    dtype: _DType[_Scalar],
    out: None = None,
    ddof: _Ddof = 0,
    keepdims: Literal[False] = False,
    where: ArrayLike = True,
    mean: ArrayLike = ...,
    correction: _Ddof = ...,
    weights: ArrayLike | None = None,
) -> _Scalar: ...
@overload
def var(
    a: _Float | NDArray[_Float],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    ddof: _Ddof = 0,
    keepdims: Literal[False] = False,
    *,
    where: ArrayLike = True,
    correction: _Ddof = ...,
) -> _Float: ...
@overload
def var(
    a: _Integer | NDArray[_Integer],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    ddof: _Ddof = 0,
    keepdims: Literal[False] = False,
    *,
    where: ArrayLike = True,
    correction: _Ddof = ...,
) -> np.float64: ...
@overload
def var(
    a: ArrayLike,
    axis: _Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    ddof: _Ddof = 0,
    keepdims: bool = False,
    *,
    where: ArrayLike = True,
    mean: ArrayLike = ...,
    correction: _Ddof = ...,
    weights: ArrayLike | None = None,
) -> Any: ...

std = var
nanvar = var
nanstd = var

@overload
def norm(
    x: _Float | NDArray[_Float],
    /,
    *,
    axis: None = None,
    keepdims: Literal[False] = False,
    ord: Literal[2] | None = 2,
) -> _Float: ...
@overload
def norm(
    x: ArrayLike,
    /,
    *,
    axis: _Axis = None,
    keepdims: bool = False,
    ord: Literal[2] | None = 2,
) -> Any: ...
def moments_of_array(
    name: str,
    a: NDArray[Any],
    reduced: list[bool],
    mask: NDArray[np.bool_] | None,
    means: NDArray[np.float64] | None,
    ddof: float | tuple[int, int],
    dtype_num: int,
    times: bool,
) -> tuple[NDArray[Any], int]: ...
def weighted_moments_of_array(
    name: str,
    a: NDArray[Any],
    weights: NDArray[Any],
    reduced: list[bool],
    mask: NDArray[np.bool_] | None,
    ddof: float | tuple[int, int],
    dtype_num: int,
) -> tuple[NDArray[Any], int]: ...
@overload
def sum(
    a: ArrayLike,
    axis: _Axis = None,
    dtype: DTypeLike | None = None,
    *,
    out: _Array,
    keepdims: bool = False,
    initial: complex | np.generic | None = 0,
    where: ArrayLike = True,
) -> _Array: ...
@overload
def sum(
    a: ArrayLike,
    axis: None = None,
    *,
    dtype: _DType[_Scalar],
    out: None = None,
    keepdims: Literal[False] = False,
    initial: complex | np.generic | None = 0,
    where: ArrayLike = True,
) -> _Scalar: ...
@overload
def sum(
    a: ArrayLike,
    axis: _Axis = None,
    *,
    dtype: _DType[_Scalar],
    out: None = None,
    keepdims: Literal[True],
    initial: complex | np.generic | None = 0,
    where: ArrayLike = True,
) -> NDArray[_Scalar]: ...
@overload
def sum(
    a: _Signed | NDArray[_Signed],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    keepdims: Literal[False] = False,
    initial: complex | np.generic | None = 0,
    where: ArrayLike = True,
) -> np.int64: ...
@overload
def sum(
    a: _Unsigned | NDArray[_Unsigned],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    keepdims: Literal[False] = False,
    initial: complex | np.generic | None = 0,
    where: ArrayLike = True,
) -> np.uint64: ...
@overload
def sum(
    a: _Wide | NDArray[_Wide],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    keepdims: Literal[False] = False,
    initial: complex | np.generic | None = 0,
    where: ArrayLike = True,
) -> _Wide: ...
@overload
def sum(
    a: _Signed | NDArray[_Signed],
    axis: _Axis = None,
    dtype: None = None,
    out: None = None,
    *,
    keepdims: Literal[True],
    initial: complex | np.generic | None = 0,
    where: ArrayLike = True,
) -> NDArray[np.int64]: ...
@overload
def sum(
    a: _Unsigned | NDArray[_Unsigned],
    axis: _Axis = None,
    dtype: None = None,
    out: None = None,
    *,
    keepdims: Literal[True],
    initial: complex | np.generic | None = 0,
    where: ArrayLike = True,
) -> NDArray[np.uint64]: ...
@overload
def sum(
    a: _Wide | NDArray[_Wide],
    axis: _Axis = None,
    dtype: None = None,
    out: None = None,
    *,
    keepdims: Literal[True],
    initial: complex | np.generic | None = 0,
    where: ArrayLike = True,
) -> NDArray[_Wide]: ...
@overload
def sum(
    a: ArrayLike,
    axis: _Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    initial: complex | np.generic | None = 0,
    where: ArrayLike = True,
) -> Any: ...

nansum = sum

@overload
def sum_of_squares(
    a: ArrayLike,
    axis: _Axis = None,
    dtype: DTypeLike | None = None,
    *,
    out: _Array,
    keepdims: bool = False,
    where: ArrayLike = True,
) -> _Array: ...
@overload
def sum_of_squares(
    a: ArrayLike,
    axis: None = None,
    *,
    dtype: _DType[_Scalar],
    out: None = None,
    keepdims: Literal[False] = False,
    where: ArrayLike = True,
) -> _Scalar: ...
@overload
def sum_of_squares(
    a: _Signed | NDArray[_Signed],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    keepdims: Literal[False] = False,
    *,
    where: ArrayLike = True,
) -> np.int64: ...
@overload
def sum_of_squares(
    a: _Unsigned | NDArray[_Unsigned],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    keepdims: Literal[False] = False,
    *,
    where: ArrayLike = True,
) -> np.uint64: ...
@overload
def sum_of_squares(
    a: _Real | NDArray[_Real],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    keepdims: Literal[False] = False,
    *,
    where: ArrayLike = True,
) -> _Real: ...
@overload
def sum_of_squares(
    a: ArrayLike,
    axis: _Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: ArrayLike = True,
) -> Any: ...
def group_states(
    group_idx: ArrayLike, array: ArrayLike, axis: int | None, size: int | None
) -> ExactSum: ...
def group_mean(
    group_idx: ArrayLike,
    array: ArrayLike,
    *,
    axis: int | None = -1,
    size: int | None = None,
    fill_value: Any = None,
    dtype: DTypeLike | None = None,
    weights: ArrayLike | None = None,
) -> Any: ...
def group_sum(
    group_idx: ArrayLike,
    array: ArrayLike,
    *,
    axis: int | None = -1,
    size: int | None = None,
    fill_value: Any = None,
    dtype: DTypeLike | None = None,
    min_count: int = 0,
) -> Any: ...
def vecdot(
    x1: ArrayLike,
    x2: ArrayLike,
    /,
    out: Any = None,
    *,
    axis: SupportsIndex = -1,
    dtype: DTypeLike | None = None,
    axes: Any = None,
) -> Any: ...
def run_serially(function: Callable[..., _Result], *args: Any) -> _Result: ...
def sum_states(values: ArrayLike, axis: _Axis, where: ArrayLike, skip_nan: bool) -> ExactSum: ...
def integer_states(
    scaled: Iterable[tuple[int, int]], counts: list[int], shape: tuple[int, ...], integers: bool
) -> ExactSum: ...
def load_modules() -> None: ...
def split_states(states: ExactSum) -> list[ExactSum]: ...
def join_states(singles: list[ExactSum], shape: tuple[int, ...]) -> ExactSum: ...
def reshape_states(states: ExactSum, shape: tuple[int, ...]) -> ExactSum: ...
def round_states(states: ExactSum, name: str, dtype: DTypeLike) -> Any: ...
def move_mean(
    a: ArrayLike,
    window: SupportsIndex | None = None,
    min_count: SupportsIndex | None = None,
    axis: SupportsIndex = -1,
    *,
    start: ArrayLike | None = None,
    end: ArrayLike | None = None,
) -> Any: ...
def move_std(
    a: ArrayLike,
    window: SupportsIndex | None = None,
    min_count: SupportsIndex | None = None,
    axis: SupportsIndex = -1,
    ddof: SupportsIndex = 0,
    *,
    start: ArrayLike | None = None,
    end: ArrayLike | None = None,
) -> Any: ...
def move_sum(
    a: ArrayLike,
    window: SupportsIndex | None = None,
    min_count: SupportsIndex | None = None,
    axis: SupportsIndex = -1,
    *,
    start: ArrayLike | None = None,
    end: ArrayLike | None = None,
) -> Any: ...
def move_var(
    a: ArrayLike,
    window: SupportsIndex | None = None,
    min_count: SupportsIndex | None = None,
    axis: SupportsIndex = -1,
    ddof: SupportsIndex = 0,
    *,
    start: ArrayLike | None = None,
    end: ArrayLike | None = None,
) -> Any: ...
def move_numbers(
    name: str,
    a: NDArray[Any],
    window: Any,
    min_count: Any,
    axis: Any,
    ddof: Any,
    start: Any,
    end: Any,
    dtype: int | None,
    lowest_is_missing: bool = False,
) -> Any: ...
def group_scan(labels: NDArray[Any], array: NDArray[Any], axis: int, dtype: DTypeLike) -> Any: ...
def nan_scan(
    a: NDArray[Any], axis: SupportsIndex | None, dtype: DTypeLike | None, out: _Array | None
) -> Any: ...
def segment_slices(
    values: NDArray[np.float64], offsets: NDArray[np.int64], mean: bool
) -> NDArray[np.float64] | None: ...
def summarize_rows(rows: NDArray[np.float64], /) -> list[tuple[Any, Any]]: ...
def weighted_mean(a: NDArray[Any], weights: NDArray[Any], dtype_num: int) -> Any: ...
def covariances(
    arrays: list[NDArray[Any]],
    dtype_num: int,
    ddof: int,
    correlation: bool,
    fweights: NDArray[Any] | None,
    aweights: NDArray[Any] | None,
) -> tuple[NDArray[Any], bool, bool, bool]: ...
def vecdot_states(x1: ArrayLike, x2: ArrayLike, axis: int) -> ExactSum: ...
def round_moments(
    name: str,
    sums: ExactSum,
    squares: ExactSum,
    ddof: float | tuple[int, int],
    dtype_num: int,
) -> tuple[NDArray[Any], int]: ...
def group_moments(
    name: str,
    labels: NDArray[np.int64],
    array: NDArray[Any],
    axis: int,
    size: int,
    ddof: float | tuple[int, int],
    dtype_num: int,
) -> tuple[NDArray[Any], NDArray[np.int64], int]: ...
def group_product_states(
    labels: NDArray[np.int64], x: NDArray[Any], y: NDArray[Any], axis: int, size: int
) -> ExactSum: ...
def square_states(
    values: NDArray[Any], axis: _Axis, where: ArrayLike, skip_nan: bool, sums: ExactSum
) -> ExactSum: ...
