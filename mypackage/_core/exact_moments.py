"""`ExactMoments`: the count, the exact sum and the exact sum of squares of numbers."""

from __future__ import annotations

import contextlib
import math
import threading
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mypackage._docstrings import like
from mypackage._errors import (
    DEGREES,
    IMPOSSIBLE,
    report,
    report_empty,
    without_warnings_of_few,
)
from mypackage._native import ExactSum, round_moments, square_states, sum_states

from . import lists, moments, objects, units
from .input_types import KERNELS, as_array, front, is_dask, label_kind, refuse_dask, unsupported
from .inputs import named, wanted
from .python_numbers import LOWEST

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike
    from typing_extensions import Self


_MAGIC, _VERSION = b"MYXM", 1


class ExactMoments:
    """
    Exact moments of numbers, or an array of them, that numbers are added to and subtracted from.

    It holds the count, the sum and the sum of squares of the numbers, without rounding. So neither
    the order nor the grouping of additions and merges changes a mean, a variance or a norm, and
    subtracting numbers restores the earlier state bit for bit. (Methods that update a mean and
    differences from it, such as Welford's and Chan's, have neither property.) Infinities and NaNs
    are counted separately, and can be subtracted too.

    All methods may be called from several threads.

    Parameters
    ----------
    shape : int or tuple of ints, optional
        The shape of the array; by default the moments of one set of numbers.

    Attributes
    ----------
    count
    shape

    Methods
    -------
    add
    subtract
    merge
    mean
    var
    std
    norm
    copy
    to_bytes
    from_bytes

    See Also
    --------
    ExactSum, var, std, norm

    Notes
    -----
    The count may be negative temporarily, if numbers are subtracted before they are added.

    Examples
    --------
    >>> import numpy as np, mypackage
    >>> moments = mypackage.ExactMoments()
    >>> for chunk in np.array_split(1e9 + np.arange(10.0), 3):
    ...     moments += chunk
    >>> float(moments.mean()), float(moments.var())
    (1000000004.5, 8.25)
    >>> float(moments.subtract(1e9 + np.arange(9.0)).var())
    0.0
    """

    __slots__ = ("__weakref__", "_lock", "_squares", "_sums")

    #: Makes NumPy leave ``array + moments`` to `__radd__`.
    __array_ufunc__ = None

    _lock: threading.Lock
    _sums: ExactSum
    _squares: ExactSum

    def __init__(self, shape: int | tuple[int, ...] = ()) -> None:
        with named("ExactMoments", "ExactSum"):
            self._adopt(ExactSum(shape), ExactSum(shape))

    def _adopt(self, sums: ExactSum, squares: ExactSum) -> None:
        self._sums, self._squares, self._lock = sums, squares, threading.Lock()

    @classmethod
    def _of(cls, sums: ExactSum, squares: ExactSum) -> Self:
        self = cls.__new__(cls)
        self._adopt(sums, squares)
        return self

    def _content(self) -> tuple[ExactSum, ExactSum]:
        """A consistent copy of the sums and the sums of squares."""
        with self._lock:
            return self._sums.copy(), self._squares.copy()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array; ``()`` for one set of numbers.

        See Also
        --------
        count

        Examples
        --------
        >>> import mypackage
        >>> mypackage.ExactMoments((2, 3)).shape
        (2, 3)
        """
        return self._sums.shape

    @property
    def count(self) -> Any:
        """The number of numbers added minus those subtracted: an int, or an array of int64.

        See Also
        --------
        shape, mean

        Examples
        --------
        >>> import mypackage
        >>> mypackage.ExactMoments().add([0.5, 1.5]).subtract(0.5).count
        1
        """
        return self._sums.count

    def add(self, values: Any, axis: Any = None, where: ArrayLike = True) -> Self:
        """Add numbers exactly.

        Parameters
        ----------
        values : array_like or iterator of array_like
            Numbers of any dtype that `sum` takes, or other ExactMoments of the same shape.
        axis : None or int or tuple of ints, optional
            The axes of `values` to sum over; the others must have this object's shape. By default
            all leading axes that this object lacks.
        where : array_like of bool, optional
            Elements to include.

        Returns
        -------
        ExactMoments
            This object.

        Raises
        ------
        ValueError
            If the shapes do not match.
        TypeError
            If `values` are not numbers.

        See Also
        --------
        subtract, merge

        Examples
        --------
        >>> import mypackage
        >>> mypackage.ExactMoments().add([1e9, 1e9 + 2]).add(1e9 + 4)
        ExactMoments(mean=1000000002.0, var=2.6666666666666665, count=3)
        """
        for sums, squares in self._given(values, axis, where):
            with self._lock:
                self._sums.merge(sums)
                self._squares.merge(squares)
        return self

    @like(add)
    def subtract(self, values: Any, axis: Any = None, where: ArrayLike = True) -> Self:
        """Subtract numbers exactly; the inverse of `add`.

        See Also
        --------
        add

        Examples
        --------
        >>> import mypackage
        >>> mypackage.ExactMoments().add([1e300, 1.0, 3.0]).subtract(1e300)
        ExactMoments(mean=2.0, var=1.0, count=2)
        """
        for sums, squares in self._given(values, axis, where):
            with self._lock:
                self._sums -= sums
                self._squares -= squares
        return self

    def merge(self, *others: ExactMoments) -> Self:
        """Add the contents of others of the same shape.

        Parameters
        ----------
        *others : ExactMoments
            Merging several in one call is faster.

        Returns
        -------
        ExactMoments
            This object.

        Raises
        ------
        ValueError
            If the shapes differ.

        See Also
        --------
        add

        Examples
        --------
        >>> import mypackage
        >>> parts = [mypackage.ExactMoments().add(part) for part in ([1.0, 2.0], [3.0])]
        >>> float(mypackage.ExactMoments().merge(*parts).mean())
        2.0
        """
        contents = [self._checked(other) for other in others]
        with self._lock:
            self._sums.merge(*(sums for sums, _ in contents))
            self._squares.merge(*(squares for _, squares in contents))
        return self

    def _checked(self, other: Any) -> tuple[ExactSum, ExactSum]:
        if not isinstance(other, ExactMoments):
            raise TypeError(f"ExactMoments: a {type(other).__name__} is not an ExactMoments")
        if other.shape != self.shape:
            raise ValueError(
                f"ExactMoments: moments of shape {other.shape} cannot be merged into moments of "
                f"shape {self.shape}"
            )
        return other._content()

    def _given(self, values: Any, axis: Any, where: Any) -> Iterator[tuple[ExactSum, ExactSum]]:
        """The sums and the sums of squares of values, or of each item of an iterator."""
        if hasattr(values, "__next__"):
            for item in values:
                yield from self._given(item, axis, where)
        elif isinstance(values, ExactMoments):
            yield self._checked(values)
        else:
            yield states_of("ExactMoments", values, axis, where, shape=self.shape)

    def mean(self, dtype: DTypeLike | None = None) -> Any:
        """The exact means, each rounded once.

        Parameters
        ----------
        dtype : dtype, optional
            The result's dtype; float64 by default, complex128 if complex numbers were added.

        Returns
        -------
        scalar or ndarray
            With the shape of this object; NaN, with a RuntimeWarning, for no numbers.

        See Also
        --------
        var, mypackage.mean

        Examples
        --------
        >>> import mypackage
        >>> float(mypackage.ExactMoments().add([0.1] * 10).mean())
        0.1
        """
        if not np.all(self.count):
            report_empty("ExactMoments.mean")
        with without_warnings_of_few(), named("ExactMoments.mean", "ExactSum.mean"):
            return self._sums.mean(dtype)

    def var(self, ddof: Any = 0, dtype: DTypeLike | None = None) -> Any:
        """The exact variances, each rounded once.

        Parameters
        ----------
        ddof : real number, optional
            Delta degrees of freedom: the divisor is the count minus `ddof`.
        dtype : dtype, optional
            The result's dtype; float64 by default.

        Returns
        -------
        scalar or ndarray
            With the shape of this object. NaN for no numbers; where the count is at most `ddof`,
            infinite, or NaN if all numbers are equal; no warning is given.

        Raises
        ------
        ValueError
            If no numbers can have these sums, because other numbers were subtracted than were
            added.

        See Also
        --------
        std, mean, mypackage.var

        Examples
        --------
        >>> import mypackage
        >>> moments = mypackage.ExactMoments().add([0.1, 0.1, 0.1])
        >>> float(moments.var()), float(moments.std(ddof=1))
        (0.0, 0.0)
        """
        return self._moment("var", ddof, dtype)

    @like(var, variances="deviations")
    def std(self, ddof: Any = 0, dtype: DTypeLike | None = None) -> Any:
        """The exact standard deviations, each rounded once: roots of the exact variances.

        See Also
        --------
        var, mypackage.std

        Examples
        --------
        >>> import mypackage
        >>> float(mypackage.ExactMoments().add([1e9, 1e9 + 2]).std())
        1.0
        """
        return self._moment("std", ddof, dtype)

    def norm(self, dtype: DTypeLike | None = None) -> Any:
        """The roots of the exact sums of squares, each rounded once.

        Parameters
        ----------
        dtype : dtype, optional
            The result's dtype; float64 by default.

        Returns
        -------
        scalar or ndarray
            With the shape of this object.

        Raises
        ------
        ValueError
            If other numbers were subtracted than were added.

        See Also
        --------
        mypackage.norm, mypackage.sum_of_squares

        Examples
        --------
        >>> import mypackage
        >>> float(mypackage.ExactMoments().add([3.0, 4.0]).norm())
        5.0
        """
        return self._moment("norm", 0, dtype)

    def _moment(self, name: str, ddof: Any, dtype: DTypeLike | None) -> Any:
        result, _ = rounded(name, *self._content(), ddof, np.dtype(dtype or np.float64))
        return result

    def copy(self) -> Self:
        """An independent object with the same content.

        Returns
        -------
        ExactMoments
            The copy; later changes of one do not affect the other.

        See Also
        --------
        merge

        Examples
        --------
        >>> import mypackage
        >>> moments = mypackage.ExactMoments().add(1.0)
        >>> moments.copy().add(3.0).count, moments.count
        (2, 1)
        """
        return self._of(*self._content())

    def to_bytes(self) -> bytes:
        """The moments as bytes; equal moments of the same kind of numbers have equal bytes.

        So they do on every machine.

        Returns
        -------
        bytes
            About 60 bytes, or in an array 40 for each element, for ordinary numbers. They tell
            whether only integers were added.

        See Also
        --------
        from_bytes

        Examples
        --------
        >>> import mypackage
        >>> moments = mypackage.ExactMoments().add([0.1, 0.2])
        >>> mypackage.ExactMoments.from_bytes(moments.to_bytes()) == moments
        True
        """
        sums, squares = (state.to_bytes() for state in self._content())
        return b"".join((_MAGIC, bytes([_VERSION]), len(sums).to_bytes(8, "little"), sums, squares))

    @classmethod
    def from_bytes(cls, data: Any, /) -> Self:
        """The inverse of `to_bytes`.

        Parameters
        ----------
        data : bytes-like
            The result of `to_bytes`, also on another machine.

        Returns
        -------
        ExactMoments
            Equal to the one that the bytes were made from.

        Raises
        ------
        ValueError
            If `data` is damaged, cut short, or of a version that this release does not read.

        See Also
        --------
        to_bytes

        Examples
        --------
        >>> import mypackage
        >>> data = mypackage.ExactMoments().add([1.0, 3.0]).to_bytes()
        >>> mypackage.ExactMoments.from_bytes(data)
        ExactMoments(mean=2.0, var=1.0, count=2)
        """
        data = memoryview(data).tobytes()
        if not data.startswith(_MAGIC):
            raise ValueError('these bytes are not exact moments: they do not begin with "MYXM"')
        if data[4:5] != bytes([_VERSION]):
            raise ValueError(
                f"these bytes are not exact moments: version {data[4:5].hex() or 'none'} is not "
                f"{_VERSION}, the one this release reads"
            )
        length = int.from_bytes(data[5:13], "little")
        try:
            sums = ExactSum.from_bytes(data[13 : 13 + length])
            squares = ExactSum.from_bytes(data[13 + length :])
        except ValueError as error:
            raise ValueError(f"these bytes are not exact moments: {error}") from None
        if sums.shape != squares.shape or np.any(sums.count != squares.count):
            raise ValueError("these bytes are not exact moments: sums and squares do not match")
        return cls._of(sums, squares)

    def __reduce__(self) -> tuple[Any, tuple[bytes]]:
        return type(self).from_bytes, (self.to_bytes(),)

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Self:
        return self.copy()

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self._sums.__sizeof__() + self._squares.__sizeof__()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ExactMoments):
            return NotImplemented
        return self is other or self._content() == other._content()

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: Any) -> Self:
        return self.copy().add(other)

    def __radd__(self, other: Any) -> Self:
        # The builtin sum() starts with 0, which must not be counted.
        if type(other) is int and other == 0:
            return self.copy()
        return self.copy().add(other)

    def __sub__(self, other: Any) -> Self:
        return self.copy().subtract(other)

    def __iadd__(self, other: Any) -> Self:
        return self.add(other)

    def __isub__(self, other: Any) -> Self:
        return self.subtract(other)

    def _shown(self) -> tuple[str, str]:
        """Mean and variance as text, without warnings."""
        with np.errstate(all="ignore"):
            if not self.count:
                return "nan", "nan"
            mean = repr(self.mean().item())
            try:
                return mean, repr(self.var().item())
            except ValueError:
                return mean, "none"

    def __repr__(self) -> str:
        if not self.shape:
            mean, var = self._shown()
            return f"ExactMoments(mean={mean}, var={var}, count={self.count})"
        start = "ExactMoments("
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fields: dict[str, Any] = {"mean": self.mean(), "var": None, "count": self.count}
            with contextlib.suppress(ValueError):
                fields["var"] = self.var()
        texts = [
            f"{name}={np.array2string(values, separator=', ', prefix=f'{start}{name}=')}"
            if values is not None
            else f"{name}=none"
            for name, values in fields.items()
        ]
        between = ", "
        if any("\n" in text for text in texts):
            between = ",\n" + " " * len(start)
        return f"{start}{between.join(texts)})"

    def _repr_html_(self) -> str:
        """A small table for notebooks."""
        if self.shape:
            total = sum(self.count.ravel().tolist())
            rows = [("moments", f"{math.prod(self.shape)} of shape {self.shape}"), ("count", total)]
        else:
            mean, var = self._shown()
            rows = [("mean", mean), ("var", var), ("count", self.count)]
        rows.append(("bytes", len(self.to_bytes())))
        cells = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows)
        return f"<table><caption>ExactMoments</caption>{cells}</table>"


# The module that users and pickles see.
ExactMoments.__module__ = "mypackage"


def states_of(
    name: str,
    values: Any,
    axis: Any,
    where: Any = True,
    skip_nan: bool = False,
    shape: tuple[int, ...] | None = None,
) -> tuple[ExactSum, ExactSum]:
    """The exact sums and sums of squares over axes; with `shape`, over the leading axes."""
    array, where = _plain(name, values, where)
    if axis is None and shape is not None:
        axis = tuple(range(max(array.ndim - len(shape), 0)))
    of_objects = array.dtype.kind == "O"
    if of_objects:
        sums = objects.state(name, array, axis, where, skip_nan)
    else:
        sums = sum_states(array, axis, where, skip_nan)
    if shape is not None and sums.shape != shape:
        raise ValueError(
            f"{name}: values of shape {array.shape} leave moments of shape {sums.shape}, but this "
            f"one has shape {shape}; choose another axis"
        )
    if of_objects:
        squares = objects.squares(name, array, where)
        return sums, objects.state(name, squares, axis, where, skip_nan, 2 * LOWEST)
    return sums, square_states(array, axis, where, skip_nan, sums)


def _plain(name: str, values: Any, where: Any) -> tuple[np.ndarray, Any]:
    """A plain array of numbers, and a mask of the elements to use."""
    refuse_dask(name, values, "add its chunks, or use mypackage.dask")
    kind = label_kind(values)
    if kind == "xarray":
        values, where = front(kind).valid(name, values, where)
        if is_dask(values):
            return _plain(name, values, where)
    elif kind is not None:
        if np.ndim(values) == 2:
            raise TypeError(
                f"{name}: a table is several columns, of dtypes of their own; add one by one"
            )
        (column,) = front(kind).columns_of(values, name=name, where=where)
        values, where = column.values, ~column.missing
    units.refuse(name, values)
    array, _ = lists.exact(values, as_array(name, values))
    where = True if where is True else wanted(where)
    if array.dtype.names:
        raise unsupported(name, array.dtype)
    if isinstance(array, np.ma.MaskedArray):
        where = where & ~np.ma.getmaskarray(array)
    data = np.asarray(np.ma.getdata(array))
    if data.dtype.char not in KERNELS and data.dtype.kind != "O":
        raise unsupported(name, data.dtype)
    return data, where


def rounded(
    name: str, sums: ExactSum, squares: ExactSum, ddof: Any, dtype: np.dtype[Any]
) -> tuple[Any, int]:
    """The rounded moments `name`, and status bits, apart from the one for degrees of freedom.

    Raises
    ------
    ValueError
        If no numbers can have these sums.
    TypeError
        If `dtype` is not a floating-point dtype.
    """
    if dtype.char not in "efdFD":
        raise TypeError(f"{name}: moments are floats; choose float64, not {dtype}")
    part = np.empty(0, dtype).real.dtype
    exact = moments.exact_ddof(name, ddof)
    result, status = round_moments(name, sums, squares, exact, part.num)
    if status & IMPOSSIBLE:
        raise ValueError(
            f"ExactMoments.{name}: no numbers have these sums; others were taken back than were "
            "added"
        )
    report(name, status & ~DEGREES)
    return result.astype(dtype, copy=False)[()], status
