"""Arrays of every dtype, layout and kind of number, as hypothesis strategies."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

INTEGERS = ["?", "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q"]
FLOATS = ["e", "f", "d"]
COMPLEX = ["F", "D"]
DTYPES = INTEGERS + FLOATS + COMPLEX


def reversed_axes(a: np.ndarray) -> np.ndarray:
    """Equal to `a`, every stride negative."""
    turn = (..., *(slice(None, None, -1),) * a.ndim)
    return a[turn].copy()[turn]


def strided(a: np.ndarray) -> np.ndarray:
    """Equal to `a`, with elements between its elements."""
    wide = np.ones([2 * n for n in a.shape], a.dtype)
    view = wide[(..., *(slice(None, None, 2),) * a.ndim)]
    view[...] = a
    return view


def misaligned(a: np.ndarray) -> np.ndarray:
    """Equal to `a`, at odd addresses."""
    memory = np.zeros(a.nbytes + 1, np.uint8)
    view = memory[1:].view(a.dtype).reshape(a.shape)
    view[...] = a
    return view


def record_field(a: np.ndarray) -> np.ndarray:
    """Equal to `a`, with a stride that is no multiple of the element's size."""
    records = np.zeros(a.shape, [("before", "u1"), ("a", a.dtype)])
    records["a"] = a
    return records["a"]


def read_only(a: np.ndarray) -> np.ndarray:
    """Equal to `a`, not writeable."""
    copy = a.copy()
    copy.flags.writeable = False
    return copy


# Each gives an array that is equal to its argument and lies in memory in another way.
LAYOUTS = {
    "C": np.copy,
    "F": lambda a: a.copy(order="F"),
    "reversed": reversed_axes,
    "strided": strided,
    "misaligned": misaligned,
    "record field": record_field,
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "read-only": read_only,
}


def _elements(dtype: np.dtype) -> st.SearchStrategy:
    if dtype.kind not in "fc":
        return hnp.from_dtype(dtype)
    width = dtype.itemsize * 8 // (2 if dtype.kind == "c" else 1)
    tiny = float(np.finfo(dtype).smallest_subnormal)
    biggest = float(np.finfo(dtype).max)
    number = st.one_of(
        st.integers(-100, 100).map(float),
        st.floats(width=width, allow_nan=False, allow_infinity=False),
        st.sampled_from([0.0, -0.0, tiny, -3 * tiny, biggest, -biggest, 1 / 4096]),
        st.sampled_from([np.inf, -np.inf, np.nan, 1.0]),
    )
    return number if dtype.kind == "f" else st.builds(complex, number, number)


@st.composite
def arrays(draw, dtypes=DTYPES, max_dims=4, finite=False) -> np.ndarray:
    """An array of any shape, empty and 0-d included, in any layout."""
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=max_dims, min_side=0, max_side=5))
    a = draw(hnp.arrays(dtype, shape, elements=_elements(dtype)))
    if finite and dtype.kind in "fc":
        a[~np.isfinite(a)] = 1
    a = LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))](a)
    if a.ndim and a.shape[0] and draw(st.integers(0, 9)) == 0:
        return np.broadcast_to(a[:1], (draw(st.integers(0, 5)), *a.shape[1:]))
    return a


@st.composite
def axes(draw, ndim: int):
    """None, an int or a tuple of ints, of either sign."""
    if ndim == 0:
        return draw(st.sampled_from([None, (), 0, -1]))
    one = st.integers(-ndim, ndim - 1)
    some = st.lists(one, unique_by=lambda i: i % ndim, max_size=ndim).map(tuple)
    return draw(st.one_of(st.none(), one, some))
