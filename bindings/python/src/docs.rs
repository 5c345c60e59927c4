//! Sections shared by several docstrings, for `#[doc = ...]` between their own lines.

/// The sections from Parameters to Warns of `sum` and `nansum`.
macro_rules! sections_of_sums {
    ($nan:literal) => {
        concat!(
            "Parameters
----------
a : array_like
    Elements to sum: bool, any integer, float16, float32, float64, complex64 or complex128, of
    any strides, alignment and byte order; Python's numbers in lists and object arrays.
axis : None or int or tuple of ints, optional
    Axes to sum over; all by default.
dtype : dtype, optional
    What the exact sum is rounded to; by default the dtype of `a`, or int64 or uint64 for
    smaller integers. With ``dtype=object``, integers sum to Python ints of any size.
out : ndarray, optional
    Where to put the result; its shape must be the result's. It gives the default for `dtype`.
keepdims : bool, optional
    Keep the axes summed over, with size one.
initial : scalar, optional
    A number that is added to each sum, exactly.
where : array_like of bool, optional
    Elements to include, broadcast against `a`.

Returns
-------
ndarray or scalar
    The sums; 0 for no elements. ",
            $nan,
            "

Raises
------
OverflowError
    If an integer sum does not fit the result's dtype.
TypeError
    If `a` or `dtype` is of a type that has no exact sum here.

Warns
-----
RuntimeWarning
    If a finite sum overflows, or infinities of both signs meet; as `numpy.errstate` says."
        )
    };
}

/// The sections from Parameters to Warns of `mean` and `nanmean`.
macro_rules! sections_of_means {
    () => {
        "Parameters
----------
a : array_like
    Elements: bool, any integer, float16, float32, float64, complex64 or complex128, of any
    strides, alignment and byte order; Python's numbers in lists and object arrays.
axis : None or int or tuple of ints, optional
    Axes to average over; all by default.
dtype : dtype, optional
    What the exact mean is rounded to; by default the dtype of `a`, or float64 for integers.
out : ndarray, optional
    Where to put the result; its shape must be the result's. It gives the default for `dtype`.
keepdims : bool, optional
    Keep the axes averaged over, with size one.
where : array_like of bool, optional
    Elements to include, broadcast against `a`.

Returns
-------
ndarray or scalar
    The means; NaN, with a RuntimeWarning, for no elements.

Raises
------
OverflowError
    If a mean does not fit an integer `dtype`.
TypeError
    If `a` or `dtype` is of a type that has no exact mean here.

Warns
-----
RuntimeWarning
    If a mean is of no elements; and, as `numpy.errstate` says, if a finite one overflows or
    infinities of both signs meet."
    };
}

/// Parameters of variances and deviations.
macro_rules! parameters_of_moments {
    () => {
        "Parameters
----------
a : array_like
    Elements: bool, any integer, float16, float32, float64, complex64 or complex128, of any
    strides, alignment and byte order; of an object array ints, floats, complex numbers and
    Fractions.
axis : None or int or tuple of ints, optional
    Axes along which to compute the result; all by default.
dtype : dtype, optional
    What the exact result is rounded to; by default the dtype of `a`, of its parts if it is
    complex, or float64 for integers. An integer dtype rounds half to even; with
    ``dtype=object`` a variance is a `fractions.Fraction`.
out : ndarray, optional
    Where to put the result; its shape must be the result's. It gives the default for `dtype`.
ddof : real number, optional
    Taken exactly; the divisor is ``n - ddof``.
keepdims : bool, optional
    Keep the reduced axes, with size one.
where : array_like of bool, optional
    Elements to include, broadcast against `a`.
mean : array_like, optional
    The mean to use, exactly as it is given, in a shape that broadcasts to the result's with
    ``keepdims=True``. The result depends on it: a rounded mean gives another one.
correction : real number, optional
    The Array API's name for `ddof`; not both.
weights : array_like, optional
    Weights w that are not negative, broadcast as in `average`: with ``W = sum(w)`` the variance
    is ``(W sum(w x^2) - sum(w x)^2) / (W (W - ddof))``."
    };
}

/// Raises of variances and deviations.
macro_rules! errors_of_moments {
    () => {
        "Raises
------
OverflowError
    If a result does not fit an integer `dtype`.
TypeError
    If `a` or `dtype` is of a type that has no exact result here, or `ddof` is not a real number.
ValueError
    If a weight is negative, `mean` has another shape, or `ddof` and `correction` are given.
ZeroDivisionError
    If weights sum to zero.

Warns
-----
RuntimeWarning
    If ``n - ddof <= 0``, once; and, as `numpy.errstate` says, if an element is infinite or a
    finite result overflows."
    };
}

/// How variances and deviations are computed.
macro_rules! notes_on_moments {
    () => {
        "Notes
-----
Sums about a shift (Chan, Golub and LeVeque 1983), in two binary levels, give an interval that is
proved to contain the result. Where its ends do not round to the same number, the sums of the
elements and of their squares are computed exactly."
    };
}

/// The first parameters of functions of groups.
macro_rules! parameters_of_groups {
    () => {
        "Parameters
----------
group_idx : array_like of int, shape (n,)
    The group of each position along `axis`: 0, 1, ...; a negative or masked label means none.
array : array_like, shape (..., n, ...)
    Elements, of any dtype that `sum` takes.
axis : int, optional
    The axis of `array` that the labels belong to; the last by default.
size : int, optional
    The number of groups; by default the greatest label plus one."
    };
}

/// The parameters of moving windows, but for `ddof`, `start` and `end`.
macro_rules! parameters_of_windows {
    () => {
        "Parameters
----------
a : array_like
    Elements: bool, integers, floats, complex numbers or timedelta64.
window : int
    The number of elements in each window: an element and those before it.
min_count : int, optional
    Windows with fewer elements that are not NaN give NaN. By default `window`; with `start` and
    `end`, 1.
axis : int, optional
    The axis along which windows move; the last one by default."
    };
}

/// The last parameters of moving windows.
macro_rules! bounds_of_windows {
    () => {
        "start, end : array_like of int, optional
    Instead of `window`: result i is that of ``a[start[i]:end[i]]`` along the axis. Both are
    one-dimensional, of any length; a window with ``start[i] >= end[i]`` is empty. If bounds are
    non-decreasing, a window takes constant time on average; otherwise time grows with its length."
    };
}

/// The errors of moving windows.
macro_rules! errors_of_windows {
    () => {
        "Raises
------
ValueError
    If `window` is not from 1 to the length of the axis or `min_count` not from 1 to `window`,
    or if `a` is 0-dimensional.
IndexError
    If an index is not from 0 to the length of the axis.
TypeError
    If an integer argument is not an integer, or if `a` is of a dtype that has no exact
    result here.
OverflowError
    If a result of time differences does not fit."
    };
}

/// The parameters of `ExactSum.add` and `ExactSum.subtract`.
macro_rules! parameters_of_values {
    () => {
        "Parameters
----------
values : array_like or iterator of array_like
    Numbers of any dtype that `sum` takes, or another ExactSum of the same shape.
axis : None or int or tuple of ints, optional
    The axes of `values` to sum over; the others must have this object's shape. By default
    all leading axes that this object lacks.
where : array_like of bool, optional
    Elements to include.

Returns
-------
ExactSum
    This object.

Raises
------
ValueError
    If the shapes do not match.
TypeError
    If `values` are not numbers."
    };
}
