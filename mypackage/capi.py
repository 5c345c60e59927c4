"""The C library, called through ctypes instead of PyO3.

The functions take NumPy arrays of any stride and alignment without a copy, and release the GIL.
Their results are bit for bit those of the package's functions of the same names.
"""

from __future__ import annotations

import ctypes
import operator
import weakref
from ctypes import (
    POINTER,
    byref,
    c_char_p,
    c_double,
    c_float,
    c_int32,
    c_int64,
    c_size_t,
    c_ssize_t,
    c_void_p,
)
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._core.dispatch import numbers
from ._docstrings import like
from ._locate import get_include, get_library

__all__ = [
    "Accumulator",
    "add",
    "fibonacci",
    "fibonacci_mod",
    "get_include",
    "get_library",
    "get_num_threads",
    "hello",
    "library",
    "norm",
    "set_num_threads",
    "std",
    "sum",
    "var",
    "vecdot",
    "version",
]


def __dir__() -> list[str]:
    return __all__


#: The library itself, with every function's types declared.
library = ctypes.CDLL(get_library())
library.__doc__ = """The C library itself, loaded by ctypes, with every function's types declared.

A function that returns a status raises the exception of that status.

See Also
--------
get_library, get_include

Examples
--------
>>> from mypackage import capi
>>> capi.library.mypackage_set_num_threads(capi.get_num_threads())
0
"""

#: The exception for each status; tests/test_capi.py compares the numbers with the header.
STATUS_EXCEPTIONS: dict[int, type[Exception]] = {
    1: ValueError,
    2: OverflowError,
    3: TypeError,
    4: ValueError,
    5: OSError,
    6: RuntimeError,
    7: MemoryError,
}


def _raise_failure(status: int, function: Any, arguments: tuple[object, ...]) -> int:
    if status:
        message = library.mypackage_error_message().decode()
        raise STATUS_EXCEPTIONS[status](message)
    return status


#: The argument types of the functions that return a status. Arrays are passed as addresses.
_STATUS_FUNCTIONS: dict[str, list[Any]] = {
    "add_i32": [c_int32, c_int32, POINTER(c_int32)],
    "set_num_threads": [c_size_t],
    "fibonacci_i64": [c_void_p, c_size_t, c_ssize_t, c_void_p, c_ssize_t],
    "fibonacci_u64": [c_void_p, c_size_t, c_ssize_t, c_void_p, c_ssize_t],
    "fibonacci_mod_u64": [
        c_void_p,
        c_void_p,
        c_size_t,
        c_ssize_t,
        c_ssize_t,
        c_void_p,
        c_ssize_t,
    ],
    "sum_f64": [c_void_p, c_size_t, c_ssize_t, POINTER(c_double)],
    "sum_f32": [c_void_p, c_size_t, c_ssize_t, POINTER(c_float)],
    "vecdot_f64": [c_void_p, c_void_p, c_size_t, c_ssize_t, c_ssize_t, POINTER(c_double)],
    "var_f64": [c_void_p, c_size_t, c_ssize_t, c_double, POINTER(c_double)],
    "std_f64": [c_void_p, c_size_t, c_ssize_t, c_double, POINTER(c_double)],
    "norm_f64": [c_void_p, c_size_t, c_ssize_t, POINTER(c_double)],
    "accumulator_new": [POINTER(c_void_p)],
    "accumulator_add_f64": [c_void_p, c_void_p, c_size_t, c_ssize_t],
    "accumulator_merge": [c_void_p, c_void_p],
    "accumulator_value_f64": [c_void_p, POINTER(c_double)],
    "accumulator_count": [c_void_p, POINTER(c_int64)],
    "accumulator_to_bytes": [c_void_p, c_void_p, c_size_t, POINTER(c_size_t)],
    "accumulator_from_bytes": [c_char_p, c_size_t, POINTER(c_void_p)],
}
#: The result and argument types of the others. The records' status comes with an answer that says
#: more, which mypackage.records turns into an exception.
_OTHER_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "version": (c_char_p, []),
    "error_message": (c_char_p, []),
    "hello": (c_char_p, []),
    "get_num_threads": (c_size_t, []),
    "accumulator_free": (None, [c_void_p]),
    "greet": (c_int32, [c_char_p, c_size_t, POINTER(c_void_p)]),
    "summarize": (c_int32, [c_char_p, c_size_t, POINTER(c_void_p)]),
    "string_free": (None, [c_void_p]),
}


def _declare() -> None:
    for name, argtypes in _STATUS_FUNCTIONS.items():
        function = getattr(library, f"mypackage_{name}")
        function.argtypes = argtypes
        function.restype = c_int32
        function.errcheck = _raise_failure
    for name, (restype, argtypes) in _OTHER_FUNCTIONS.items():
        function = getattr(library, f"mypackage_{name}")
        function.argtypes = argtypes
        function.restype = restype


_declare()


def version() -> str:
    """Return the version of the C library.

    Returns
    -------
    str
        As ``mypackage.__version__``.

    See Also
    --------
    library

    Examples
    --------
    >>> import mypackage, mypackage.capi
    >>> mypackage.capi.version() == mypackage.__version__
    True
    """
    text: bytes = library.mypackage_version()
    return text.decode()


def hello() -> None:
    """Print the library's greeting.

    See Also
    --------
    add, mypackage.tutorial.hello

    Examples
    --------
    >>> from mypackage import capi
    >>> capi.hello()
    Hello from rust
    """
    print(library.mypackage_hello().decode())


def get_num_threads() -> int:
    """Return the number of threads that a call into the C library may use.

    The C library has a setting of its own, apart from that of the package's extension; both start
    from ``MYPACKAGE_NUM_THREADS``.

    Returns
    -------
    int
        From 1 to 4096.

    See Also
    --------
    set_num_threads, mypackage.get_num_threads

    Examples
    --------
    >>> from mypackage import capi
    >>> capi.get_num_threads() >= 1
    True
    """
    count: int = library.mypackage_get_num_threads()
    return count


def set_num_threads(n: int) -> None:
    """Set the number of threads that a call into the C library may use.

    Parameters
    ----------
    n : int
        From 1 to 4096.

    Raises
    ------
    ValueError
        If `n` is out of range.

    See Also
    --------
    get_num_threads, mypackage.set_num_threads

    Examples
    --------
    >>> from mypackage import capi
    >>> capi.set_num_threads(capi.get_num_threads())
    """
    n = operator.index(n)
    if not 0 <= n < 2**32:
        raise ValueError(f"{n} is not a number of threads")
    library.mypackage_set_num_threads(n)


def add(left: int, right: int) -> int:
    """Add two 32-bit integers.

    Parameters
    ----------
    left, right : int
        From -2**31 to 2**31 - 1.

    Returns
    -------
    int
        The sum, from -2**31 to 2**31 - 1.

    Raises
    ------
    OverflowError
        If an argument or the sum does not fit.

    See Also
    --------
    hello, mypackage.tutorial.add

    Examples
    --------
    >>> from mypackage import capi
    >>> capi.add(3, 5)
    8
    """
    out = c_int32()
    library.mypackage_add_i32(_int32("left", left), _int32("right", right), byref(out))
    return out.value


def _int32(name: str, value: int) -> int:
    # ctypes would wrap around silently.
    value = operator.index(value)
    if not -(2**31) <= value < 2**31:
        raise OverflowError(f"{name} must fit int32 (-2147483648 to 2147483647), not {value}")
    return value


def _array(name: str, values: ArrayLike, *dtypes: str) -> NDArray[Any]:
    """Check what the C functions cannot see: the dtype and the number of axes."""
    array = numbers(name, values)
    if array.dtype.str[1:] not in dtypes or not array.dtype.isnative:
        expected = " or ".join(str(np.dtype(dtype)) for dtype in dtypes)
        ways = {"c": "give its .real and .imag", "V": "give one of its fields"}
        convert = f"convert it with .astype({str(np.dtype(dtypes[0]))!r})"
        raise TypeError(
            f"{name} must be an array of native {expected}, not {array.dtype.str}; "
            + ways.get(array.dtype.kind, convert)
        )
    if array.ndim > 1:
        raise ValueError(
            f"{name} must have one axis, not shape {array.shape}; use numpy.ravel(numpy.asarray(a))"
        )
    return array


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _stride(array: NDArray[Any]) -> int:
    """Return the stride in bytes; 0, for a number, repeats it."""
    return array.strides[0] if array.ndim else 0


def sum(values: ArrayLike) -> float | np.float32:
    """Return the exact sum, rounded once to the dtype of the array.

    Parameters
    ----------
    values : array_like of float64 or float32
        With at most one axis, at any stride and alignment.

    Returns
    -------
    float or numpy.float32
        A float for float64, a numpy.float32 for float32.

    Raises
    ------
    TypeError
        If the array is of another dtype.
    ValueError
        If the array has more than one axis.

    See Also
    --------
    Accumulator, mypackage.sum

    Examples
    --------
    >>> from mypackage import capi
    >>> capi.sum([1e308, 1e308, -1e308])
    1e+308
    """
    array = _array("values", values, "f8", "f4")
    if array.dtype.itemsize == 8:
        out = c_double()
        library.mypackage_sum_f64(_address(array), array.size, _stride(array), byref(out))
        return out.value
    out32 = c_float()
    library.mypackage_sum_f32(_address(array), array.size, _stride(array), byref(out32))
    return np.float32(out32.value)


def vecdot(x1: ArrayLike, x2: ArrayLike) -> float:
    """Return the exact sum of the products of two vectors' elements, rounded once.

    Parameters
    ----------
    x1, x2 : array_like of float64
        Of equal length; a number is paired with every element.

    Returns
    -------
    float
        Infinite or NaN where the exact sum is; no warning is given.

    Raises
    ------
    TypeError
        If an array is of another dtype.
    ValueError
        If the lengths differ, or an array has more than one axis.

    See Also
    --------
    sum, mypackage.vecdot

    Examples
    --------
    >>> from mypackage import capi
    >>> capi.vecdot([1e200, 1.0, -1e200], [1e200, 2.0, 1e200])
    2.0
    """
    x1, x2 = _array("x1", x1, "f8"), _array("x2", x2, "f8")
    size = _common_size(x1=x1, x2=x2)
    out = c_double()
    library.mypackage_vecdot_f64(
        _address(x1), _address(x2), size, _stride(x1), _stride(x2), byref(out)
    )
    return out.value


@like(sum)
def var(values: ArrayLike, ddof: float = 0) -> float:
    """Return the exact variance, rounded once.

    Parameters
    ----------
    values : array_like of float64
        With at most one axis, at any stride and alignment.
    ddof : float, optional
        Delta degrees of freedom: the divisor is the number of elements minus `ddof`.

    Returns
    -------
    float
        NaN for no elements; for no more than `ddof` elements infinite, or NaN if all are equal.

    See Also
    --------
    std, mypackage.var

    Examples
    --------
    >>> from mypackage import capi
    >>> capi.var([1e9, 1e9 + 1, 1e9 + 2], ddof=1)
    1.0
    """
    array, out = _array("values", values, "f8"), c_double()
    library.mypackage_var_f64(_address(array), array.size, _stride(array), ddof, byref(out))
    return out.value


@like(var)
def std(values: ArrayLike, ddof: float = 0) -> float:
    """Return the exact standard deviation, rounded once.

    The root of the exact variance, not of a rounded one.

    See Also
    --------
    var, mypackage.std

    Examples
    --------
    >>> from mypackage import capi
    >>> capi.std([0.1, 0.1, 0.1])
    0.0
    """
    array, out = _array("values", values, "f8"), c_double()
    library.mypackage_std_f64(_address(array), array.size, _stride(array), ddof, byref(out))
    return out.value


@like(var)
def norm(values: ArrayLike) -> float:
    """Return the root of the exact sum of squares, rounded once.

    Nothing overflows or underflows on the way.

    Returns
    -------
    float
        NaN if an element is NaN, else infinity if one is infinite.

    See Also
    --------
    sum, mypackage.norm

    Examples
    --------
    >>> from mypackage import capi
    >>> capi.norm([3.0, 4.0])
    5.0
    """
    array, out = _array("values", values, "f8"), c_double()
    library.mypackage_norm_f64(_address(array), array.size, _stride(array), byref(out))
    return out.value


def _common_size(**arrays: NDArray[Any]) -> int:
    sizes = {array.size for array in arrays.values() if array.ndim}
    if len(sizes) > 1:
        shapes = ", ".join(f"{name} has {array.size}" for name, array in arrays.items())
        raise ValueError(f"arrays must be of equal length, but {shapes} elements")
    return sizes.pop() if sizes else 1


def _integers(name: str, values: ArrayLike, *dtypes: str) -> NDArray[Any]:
    if isinstance(values, int):
        fitting = [one for one in dtypes if np.iinfo(one).min <= values <= np.iinfo(one).max]
        if not fitting:
            kinds = " or ".join(np.dtype(one).name for one in dtypes)
            # (Python refuses to print ints of more than 4300 digits.)
            bits = values.bit_length()
            shown = values if bits < 1000 else f"an int of {bits} bits"
            raise OverflowError(
                f"{name} is {shown}, which does not fit {kinds}; mypackage.fibonacci_mod(n, "
                "m, dtype=object) takes ints of any size"
            )
        values = np.array(values, dtype=fitting[0])
    return _array(name, values, *dtypes)


def _output(out: NDArray[Any] | None, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if out is None:
        return np.empty(shape, dtype)
    if not (isinstance(out, np.ndarray) and out.dtype == dtype and out.shape == shape):
        raise ValueError(f"out must be an array of {dtype} and shape {shape}, not {out!r:.60}")
    if not out.flags.writeable:
        raise ValueError("out is read-only")
    return out


def fibonacci(n: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return the Fibonacci numbers F(n).

    Parameters
    ----------
    n : int, or array_like of int64 or uint64
        With at most one axis. F(-n) is (-1)**(n + 1) * F(n).
    out : ndarray, optional
        Where to put the result, of n's dtype and shape; it may be `n` itself.

    Returns
    -------
    ndarray
        Of n's dtype and shape.

    Raises
    ------
    OverflowError
        If a number does not fit the dtype; the first such n is named.
    TypeError
        If `n` is of another dtype.

    See Also
    --------
    fibonacci_mod, mypackage.fibonacci

    Examples
    --------
    >>> import numpy as np
    >>> from mypackage import capi
    >>> capi.fibonacci(np.array([10, -6, 92]))
    array([                 55,                  -8, 7540113804746346429])
    """
    n = _integers("n", n, "i8", "u8")
    out = _output(out, n.dtype, n.shape)
    signed = n.dtype.kind == "i"
    function = library.mypackage_fibonacci_i64 if signed else library.mypackage_fibonacci_u64
    function(_address(n), n.size, _stride(n), _address(out), _stride(out))
    return out


def fibonacci_mod(n: ArrayLike, m: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return the Fibonacci numbers F(n) modulo m.

    Parameters
    ----------
    n, m : int, or array_like of uint64
        With at most one axis; a number is paired with every element.
    out : ndarray of uint64, optional
        Where to put the result; it may be `n` or `m`.

    Returns
    -------
    ndarray of uint64
        From 0 to ``m - 1``.

    Raises
    ------
    ValueError
        If a modulus is 0, or the lengths differ.
    TypeError
        If an array is of another dtype.

    See Also
    --------
    fibonacci, mypackage.fibonacci_mod

    Examples
    --------
    >>> from mypackage import capi
    >>> int(capi.fibonacci_mod(10**18, 10**9 + 7))
    209783453
    """
    n, m = _integers("n", n, "u8"), _integers("m", m, "u8")
    size = _common_size(n=n, m=m)
    out = _output(out, n.dtype, (size,) if n.ndim or m.ndim else ())
    library.mypackage_fibonacci_mod_u64(
        _address(n), _address(m), size, _stride(n), _stride(m), _address(out), _stride(out)
    )
    return out


class Accumulator:
    """An exact sum as a value that can be added to, merged and stored.

    Attributes
    ----------
    count

    Methods
    -------
    add
    merge
    value
    to_bytes
    from_bytes

    See Also
    --------
    sum, mypackage.ExactSum

    Examples
    --------
    >>> from mypackage import capi
    >>> left, right = capi.Accumulator(), capi.Accumulator()
    >>> left.add([1e100, 1.0])
    >>> right.add([-1e100])
    >>> left.merge(right)
    >>> left.value(), left.count
    (1.0, 3)
    """

    def __init__(self) -> None:
        handle = c_void_p()
        library.mypackage_accumulator_new(byref(handle))
        self._adopt(handle)

    def _adopt(self, handle: c_void_p) -> None:
        self._handle = handle
        # Allocated by Rust, so released by Rust.
        weakref.finalize(self, library.mypackage_accumulator_free, handle)

    def __repr__(self) -> str:
        return f"Accumulator({self.value()!r}, count={self.count})"

    def add(self, values: ArrayLike) -> None:
        """Add numbers.

        Parameters
        ----------
        values : array_like of float64
            With at most one axis.

        Raises
        ------
        TypeError
            If the array is of another dtype.
        ValueError
            If the array has more than one axis.

        See Also
        --------
        merge

        Examples
        --------
        >>> from mypackage import capi
        >>> total = capi.Accumulator()
        >>> total.add([1e16, 1.0, -1e16])
        >>> total.value()
        1.0
        """
        array = _array("values", values, "f8")
        library.mypackage_accumulator_add_f64(
            self._handle, _address(array), array.size, _stride(array)
        )

    def merge(self, other: Accumulator) -> None:
        """Add everything that another accumulator holds.

        Parameters
        ----------
        other : Accumulator
            It is not changed.

        Raises
        ------
        TypeError
            If `other` is something else.
        OverflowError
            If the sum would then be of more than 2**62 numbers.

        See Also
        --------
        add

        Examples
        --------
        >>> from mypackage import capi
        >>> left, right = capi.Accumulator(), capi.Accumulator()
        >>> right.add([0.5, 0.25])
        >>> left.merge(right)
        >>> left.value()
        0.75
        """
        if not isinstance(other, Accumulator):
            raise TypeError(f"other must be an Accumulator of mypackage.capi, not {other!r:.60}")
        library.mypackage_accumulator_merge(self._handle, other._handle)

    def value(self) -> float:
        """Return the sum, rounded once.

        Returns
        -------
        float
            0.0 for no numbers.

        See Also
        --------
        count

        Examples
        --------
        >>> from mypackage import capi
        >>> capi.Accumulator().value()
        0.0
        """
        out = c_double()
        library.mypackage_accumulator_value_f64(self._handle, byref(out))
        return out.value

    @property
    def count(self) -> int:
        """How many numbers were added.

        See Also
        --------
        value

        Examples
        --------
        >>> from mypackage import capi
        >>> total = capi.Accumulator()
        >>> total.add([1.0, 2.0])
        >>> total.count
        2
        """
        out = c_int64()
        library.mypackage_accumulator_count(self._handle, byref(out))
        return out.value

    def to_bytes(self) -> bytes:
        """Return the sum as bytes; equal sums have equal bytes.

        Returns
        -------
        bytes
            In the format of `mypackage.ExactSum.to_bytes`.

        See Also
        --------
        from_bytes

        Examples
        --------
        >>> import mypackage
        >>> from mypackage import capi
        >>> total = capi.Accumulator()
        >>> total.add([0.1, 0.2])
        >>> mypackage.ExactSum.from_bytes(total.to_bytes())
        ExactSum(0.30000000000000004, count=2)
        """
        length = c_size_t()
        library.mypackage_accumulator_to_bytes(self._handle, None, 0, byref(length))
        buffer = ctypes.create_string_buffer(length.value)
        library.mypackage_accumulator_to_bytes(self._handle, buffer, length, byref(length))
        return buffer.raw

    @classmethod
    def from_bytes(cls, data: bytes) -> Accumulator:
        """Return the sum that `to_bytes` wrote.

        Parameters
        ----------
        data : bytes
            The result of `to_bytes`, also on another machine, or of `mypackage.ExactSum.to_bytes`.

        Returns
        -------
        Accumulator
            Equal to the one that the bytes were made from.

        Raises
        ------
        ValueError
            If the bytes are damaged.

        See Also
        --------
        to_bytes

        Examples
        --------
        >>> from mypackage import capi
        >>> total = capi.Accumulator()
        >>> total.add([0.1, 0.2])
        >>> capi.Accumulator.from_bytes(total.to_bytes()).count
        2
        """
        handle = c_void_p()
        library.mypackage_accumulator_from_bytes(data, len(data), byref(handle))
        self = cls.__new__(cls)
        self._adopt(handle)
        return self
