"""Signs of zeros: those of NumPy 2.4 and later.

A zero sum is -0.0 only if `initial` is and so are all elements that count (or none counts); a zero
prefix only if all elements so far are. Everything else is +0.0.
"""

import numpy as np
import pytest

import mypackage

Z = -0.0
FLOATS = ["f2", "f4", "f8", ">f8"]
COMPLEX = ["c8", "c16"]


def signs(x):
    """The signs of real numbers, and of both parts of complex ones."""
    x = np.asarray(x)
    return np.signbit(np.stack([x.real, x.imag]) if x.dtype.kind == "c" else x).tolist()


def same(ours, theirs):
    assert np.asarray(ours).dtype == np.asarray(theirs).dtype.newbyteorder("=")
    assert np.array_equal(ours, theirs) and signs(ours) == signs(theirs)


# -- Prefixes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS + COMPLEX)
@pytest.mark.parametrize("size", [1, 2, 7, 64, 513, 5000])
def test_prefixes(dtype, size):
    zero = complex(Z, Z) if "c" in dtype else Z
    a = np.full(size, zero, dtype)
    same(mypackage.cumsum(a), np.cumsum(a))
    same(mypackage.nancumsum(a), np.nancumsum(a))
    for other in (0, complex(Z, 0), complex(0, Z), 1):
        b = a.copy()
        b[size // 2] = other if "c" in dtype else np.real(other)
        same(mypackage.cumsum(b), np.cumsum(b))
    # After an exact zero that is no -0.0 there is none.
    b = np.concatenate([a, np.array([1, -1, zero], dtype)])
    same(mypackage.cumsum(b), np.cumsum(b))


@pytest.mark.parametrize("dtype", FLOATS + COMPLEX)
def test_prefixes_along_axes(dtype):
    rng = np.random.default_rng(7)
    choice = np.array([Z, Z, Z, Z, 0.0, 1.0, -1.0])
    for shape in ((3, 4), (17, 3), (2, 600), (600, 2), (2, 3, 4)):
        a = rng.choice(choice, shape).astype(dtype)
        if "c" in dtype:
            a = a.copy()
            a.imag = rng.choice(choice, shape)
        for view in (a, a[::-1], a.swapaxes(0, -1), a[..., ::2], np.asfortranarray(a)):
            same(mypackage.cumsum(view), np.cumsum(view))
            for axis in range(a.ndim):
                same(mypackage.cumsum(view, axis), np.cumsum(view, axis))


def test_other_prefixes():
    lines = np.full((2, 3), Z)
    same(mypackage.cumsum(np.broadcast_to(Z, (2, 3))), np.full(6, Z))
    same(mypackage.cumsum(lines, 1, "f4"), np.full((2, 3), Z, "f4"))
    assert signs(mypackage.cumulative_sum(lines[0], include_initial=True)) == [False, *[True] * 3]
    assert signs(mypackage.nancumsum([Z, np.nan, Z])) == signs(np.nancumsum([Z, np.nan, Z]))
    grouped = mypackage.group_cumsum([0, 1, 0, 1, 0, -1], [Z, 0.0, Z, Z, 1.0, Z])
    assert signs(grouped) == [True, False, True, False, False, False]
    grouped = mypackage.group_cumsum([0, 0, 0], [complex(Z, 0), complex(Z, Z), complex(0, Z)])
    assert signs(grouped) == [[True, True, False], [False] * 3]
    # A prefix that rounds to zero has the sign of the exact one.
    assert signs(mypackage.cumsum([-1e-60, 1e-60], dtype="f4")) == [True, False]
    assert signs(mypackage.cumsum(np.array([Z, Z, 0.0], object)).astype(float)) == [1, 1, 0]


# -- Sums -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS + COMPLEX)
@pytest.mark.parametrize("function", ["sum", "nansum"])
def test_sums(dtype, function):
    ours, theirs = getattr(mypackage, function), getattr(np, function)
    zero = complex(Z, Z) if "c" in dtype else Z
    for size in (0, 1, 3, 200):
        a = np.full(size, zero, dtype)
        # (NumPy's sum of an array of nothing but -0.0 is -0.0 before 2.4, and ours is not.)
        assert signs(ours(a)) in (False, [False, False])
        for initial in (0.0, Z, np.float32(Z), np.array(Z), complex(Z, Z), complex(Z, 0), 1.0):
            if "c" not in dtype and np.iscomplexobj(initial):
                continue
            same(ours(a, initial=initial), theirs(a, initial=initial))
            if size:
                b = a.copy()
                b[-1] = 0
                same(ours(b, initial=initial), theirs(b, initial=initial))


@pytest.mark.parametrize("dtype", ["f8", "c16"])
def test_sums_of_some(dtype):
    a = np.array([[Z, 1.0, Z], [Z, Z, Z], [0.0, Z, Z]]).astype(dtype)
    if dtype == "c16":
        a.imag = [[Z, Z, Z], [1, Z, Z], [Z, 0.0, Z]]
    initial = complex(Z, Z) if dtype == "c16" else Z
    where = np.array([[True, False, True], [True, True, True], [False, False, False]])
    for options in (
        {"axis": 0},
        {"axis": 1},
        {"axis": (0, 1), "keepdims": True},
        {"axis": 1, "where": where},
        {"axis": 0, "where": where},
        {"where": False},
        {"axis": 1, "keepdims": True, "where": where[:, :1]},
    ):
        same(mypackage.sum(a, initial=initial, **options), np.sum(a, initial=initial, **options))
    out = np.ones(3, dtype)
    assert mypackage.sum(a, 1, out=out, initial=initial, where=where) is out
    same(out, np.sum(a, 1, initial=initial, where=where))
    # The result may lie where the elements do.
    b = a.copy()
    same(mypackage.sum(b, 0, out=b[0], initial=initial), np.sum(a, 0, initial=initial))


def test_sums_of_other_kinds():
    # A NaN that is left out does not count.
    assert signs(mypackage.nansum([Z, np.nan], initial=Z)) is True
    assert signs(mypackage.sum(np.array([0]), initial=Z, dtype=float)) is False
    assert signs(mypackage.sum(np.array([], int), initial=Z, dtype=float)) is True
    assert np.isnan(mypackage.sum([Z, np.nan], initial=Z))
    masked = np.ma.array([Z, 1.0, Z], mask=[0, 1, 0])
    assert signs(mypackage.sum(masked, initial=Z)) is True
    assert mypackage.sum([1 + 1j], initial=complex(2, Z)) == 3 + 1j
    assert signs(mypackage.sum([complex(1, Z)], initial=complex(2, Z))) == [False, True]
    matrix = np.array([[Z, Z], [Z, 0.0]]).view(np.matrix)
    assert signs(mypackage.sum(matrix, axis=1, initial=Z)) == [[True], [False]]


def test_everything_else_is_positive():
    zeros = [Z, Z, Z, Z]
    for result in (
        mypackage.sum(zeros),
        mypackage.mean(zeros),
        mypackage.nanmean(zeros),
        mypackage.average(zeros, weights=[1, 2, 3, 4]),
        mypackage.vecdot(zeros, [1.0] * 4),
        mypackage.sum(np.array(zeros, object)),
        mypackage.group_sum([0] * 4, zeros),
        mypackage.group_nansum([0] * 4, zeros),
        mypackage.group_mean([0] * 4, zeros),
        mypackage.group_sum([1] * 4, zeros),
        mypackage.segment_sum(zeros, [0, 2, 2, 4]),
        mypackage.move_sum(zeros, 1),
        mypackage.move_mean(zeros, 1),
        mypackage.ExactSum().add(zeros).value(),
        mypackage.ExactSum(2).add([[Z, Z], [Z, Z]]).value(),
        mypackage.ExactSum().value(),
        mypackage.var(zeros),
        mypackage.cov(zeros, zeros),
    ):
        assert not np.any(np.signbit(result)), result


# -- dask and labels ------------------------------------------------------------------------------


def test_dask():
    rng = np.random.default_rng(8)
    da = pytest.importorskip("dask.array")
    choice = np.array([Z, Z, Z, 0.0, 1.0, -1.0])
    for shape, chunks in (((12,), 1), ((12,), 5), ((6, 4), (2, 3))):
        for dtype in ("f4", "f8", "c16"):
            a = rng.choice(choice, shape).astype(dtype)
            if dtype == "c16":
                a.imag = rng.choice(choice, shape)
            a[:2] = complex(Z, Z) if dtype == "c16" else Z
            lazy = da.from_array(a, chunks=chunks)
            initial = complex(Z, Z) if dtype == "c16" else Z
            for axis in range(a.ndim):
                same(mypackage.cumsum(lazy, axis).compute(), np.cumsum(a, axis))
                same(
                    mypackage.sum(lazy, axis, initial=initial).compute(),
                    np.sum(a, axis, initial=initial),
                )
            for where in (False, a == 0):
                same(
                    mypackage.sum(lazy, initial=initial, where=where).compute(),
                    np.sum(a, initial=initial, where=where),
                )
    masked = da.ma.masked_array(da.from_array([[Z, 1.0], [Z, Z]], chunks=1), [[0, 1], [1, 1]])
    result = mypackage.sum(masked, 1, initial=Z).compute()
    assert signs(result.data[:1]) == [True] and result.mask.tolist() == [False, True]


def test_pandas_and_xarray():
    pd, xr = pytest.importorskip("pandas"), pytest.importorskip("xarray")
    series = pd.Series([Z, Z, 0.0, Z])
    assert signs(mypackage.cumsum(series)) == signs(series.cumsum()) == [1, 1, 0, 0]
    array = xr.DataArray([Z, Z, 0.0, Z])
    assert signs(mypackage.cumsum(array)) == signs(array.cumsum(skipna=False)) == [1, 1, 0, 0]
    assert not np.signbit(mypackage.sum(series)) and not np.signbit(mypackage.sum(array))
    assert np.signbit(mypackage.sum(array[:2], initial=Z))
