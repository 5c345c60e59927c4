"""Every kind of input: what comes back is of the kind that NumPy's twin returns, or a TypeError.

docs/numerics.md has the table.
"""

import array
import inspect
import sys
import types
from fractions import Fraction

import numpy as np
import pytest
from reference import same

import mypackage
from mypackage._core.reductions import ARRAYS, MOMENTS, REDUCTIONS

A = np.array([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]])


@pytest.fixture(params=REDUCTIONS)
def pair(request):
    """Our function and NumPy's."""
    return getattr(mypackage, request.param), getattr(np, request.param)


def test_every_reduction_says_what_it_does_with_other_kinds():
    """A function that takes `where` is a reduction. (Ufuncs, which do too, have NumPy's kinds.)"""
    builtins = filter(inspect.isbuiltin, map(vars(mypackage).get, mypackage.__all__))
    found = {f.__name__ for f in builtins if "where" in inspect.signature(f).parameters}
    message = "a reduction needs its row in mypackage/_core/reductions.py, and a function for kinds"
    # (A norm takes none.)
    assert found == {*REDUCTIONS, *MOMENTS, *ARRAYS} - {"norm"}, message


class Subclass(np.ndarray):
    """A minimal subclass."""


class HasArray:
    """An object that NumPy can make an array of."""

    def __array__(self, dtype=None, copy=None):
        return A if dtype is None else A.astype(dtype)


ALIKE = {
    "list": A.tolist(),
    "tuple of tuples": tuple(map(tuple, A.tolist())),
    "list of arrays": list(A),
    "list of ints": [1, 2, 3],
    "list of bools": [True, False],
    "list of complex": [1j, 2.0],
    "int": 5,
    "float": 2.5,
    "NumPy scalar": np.float32(2.5),
    "0-d": np.array(7),
    "range": range(10),
    "array.array": array.array("d", [1.0, 2.0]),
    "memoryview": memoryview(bytearray([1, 2, 3])),
    "__array__": HasArray(),
    "subclass": A.view(Subclass),
    "record array": A.view(np.recarray),
    "matrix": A.view(np.matrix),
    "object array": np.array([1, 2.5, 2**80], dtype=object),
}


@pytest.mark.parametrize("a", ALIKE.values(), ids=ALIKE)
@pytest.mark.parametrize("options", [{}, {"axis": 0}, {"axis": -1}, {"keepdims": True}], ids=str)
def test_alike(pair, a, options):
    """The same type, dtype, shape and numbers as NumPy's (the numbers here are exact in both)."""
    ours, theirs = pair
    if isinstance(a, np.matrix):
        options = {k: v for k, v in options.items() if k != "keepdims"}  # which NumPy refuses
    result = ours(a, **options)
    if np.ndim(a) == 0:
        options = {k: v for k, v in options.items() if k != "axis"}  # some of NumPy's refuse it
    expected = theirs(a, **options)
    assert type(result) is type(expected)
    assert np.shape(result) == np.shape(expected)
    assert getattr(result, "dtype", None) == getattr(expected, "dtype", None)
    assert np.array_equal(result, expected)


def test_lists_are_summed_exactly():
    """Conversion does not round."""
    assert mypackage.sum([1e16, 1, -1e16]) == 1
    assert mypackage.sum([2**62] * 3, dtype=object) == 3 * 2**62
    assert mypackage.sum([]) == 0.0


@pytest.mark.parametrize(
    "a",
    [
        np.ones(3, np.longdouble),
        np.ones(3, np.clongdouble),
        np.array(["a"]),
        np.array([b"a"]),
        np.zeros(2, [("x", "f8")]),
        "text",
        ["a", "b"],
        np.zeros(2, "V4"),
    ],
    ids=lambda a: str(getattr(a, "dtype", a)),
)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_without_exact_result(name, a):
    """A TypeError that names the function, the dtype and what is supported."""
    with pytest.raises(TypeError, match=f"^{name}: .*float64"):
        getattr(mypackage, name)(a)


def test_dates():
    """Means only, half to even in the input's unit."""
    days = np.array(["2020-01-01", "2020-01-04", "NaT", "2020-01-04"], "M8[D]")
    assert mypackage.nanmean(days) == np.datetime64("2020-01-03")
    assert np.isnat(mypackage.mean(days))
    assert mypackage.mean(days[:2]) == np.datetime64("2020-01-03")
    assert mypackage.mean(days[:2, None], axis=0).dtype == np.dtype("M8[D]")
    for name in ("sum", "nansum", "cumsum", "group_sum"):
        with pytest.raises(TypeError, match=f"^{name}: dates have no sum"):
            getattr(mypackage, name)(*[[0] * 4] * (name == "group_sum"), days)


def test_longdouble_as_result():
    """Nor is there rounding to it."""
    with pytest.raises(TypeError, match=r"float128|longdouble"):
        mypackage.sum(A, dtype=np.longdouble)


@pytest.mark.parametrize("name", [*REDUCTIONS, "cumsum", "average"])
def test_generators(name):
    """No shape, no sum: the message says what to do."""
    with pytest.raises(TypeError, match=f"^{name}: .*fromiter"):
        getattr(mypackage, name)(x for x in A)
    with pytest.raises(TypeError, match="fromiter"):
        getattr(mypackage, name)(iter([1.0]))


class HasDlpack:
    """An array that NumPy takes on request only."""

    def __dlpack__(self, **options):
        return A.__dlpack__(**options)

    def __dlpack_device__(self):
        return A.__dlpack_device__()


class Sparse:
    """An array that NumPy does not take; numpy.sum calls its method."""

    def sum(self, axis=None, dtype=None, out=None):
        return 63.0


@pytest.mark.parametrize("name", [*REDUCTIONS, "cumsum", "average"])
def test_arrays_that_are_none_for_numpy(name):
    """An error, and not the object itself, which is what its 0-d object array sums to."""
    function = getattr(mypackage, name)
    with pytest.raises(TypeError, match=f"^{name}: .* HasDlpack; use numpy.from_dlpack"):
        function(HasDlpack())
    with pytest.raises(TypeError, match=f"^{name}: .* Sparse; use its own conversion"):
        function(Sparse())
    assert function(np.from_dlpack(HasDlpack())).shape in [(), (6,)]
    third = Fraction(1, 3)
    assert np.all(function(third) == third)


def test_memory_map(tmp_path, pair):
    """Summed where it lies; the result is an ordinary array or scalar, as NumPy's."""
    ours, theirs = pair
    path = tmp_path / "a.npy"
    np.save(path, A)
    a = np.load(path, mmap_mode="r")
    assert isinstance(a, np.memmap)
    for axis in (None, 0, 1):
        result, expected = ours(a, axis=axis), theirs(a, axis=axis)
        assert type(result) is type(expected)
        same(result, np.asarray(expected))


def test_subclass_of_memory_map(tmp_path, pair):
    """It is a subclass like any other."""

    class Mapped(np.memmap):
        pass

    ours, theirs = pair
    a = Mapped(tmp_path / "a", float, "w+", shape=(2, 3))
    a[...] = A
    for axis in (None, 0):
        result, expected = ours(a, axis=axis), theirs(a, axis=axis)
        assert type(result) is type(expected)
        same(np.asarray(result), np.asarray(expected))


def test_subclass_with_out(pair):
    """`out` itself comes back."""
    out = np.zeros(3)
    assert pair[0](A.view(Subclass), axis=0, out=out) is out
    same(out, pair[1](A, axis=0))


# -- Masked arrays --------------------------------------------------------------------------------

MASKED = np.ma.array(A, mask=[[0, 1, 0], [0, 1, 1]])


@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1), (1,)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(
    "a",
    [MASKED, np.ma.array(A), np.ma.masked_all((2, 3)), np.ma.array([[3, 4]], mask=[[1, 0]])],
    ids=["some", "none", "all", "integers"],
)
def test_masked(name, axis, keepdims, a):
    """Masked elements are left out; a result of nothing is masked."""
    result = getattr(mypackage, name)(a, axis=axis, keepdims=keepdims)
    expected = getattr(np.ma, name)(a, axis=axis, keepdims=keepdims)
    if expected is np.ma.masked:
        assert result is np.ma.masked
        return
    assert isinstance(result, np.ma.MaskedArray) == isinstance(expected, np.ma.MaskedArray)
    assert result.dtype == expected.dtype and np.shape(result) == np.shape(expected)
    assert np.array_equal(np.ma.getmaskarray(result), np.ma.getmaskarray(expected))
    assert np.array_equal(np.ma.filled(result, 0), np.ma.filled(expected, 0))


def test_masked_is_exact_and_silent_about_what_is_hidden():
    """NaNs and infinities under the mask do not matter."""
    a = np.ma.array([[1e16, 1.0, -1e16, np.nan], [np.inf, -np.inf, np.nan, 1e308]], mask=False)
    a[0, 3] = a[1] = np.ma.masked
    assert mypackage.sum(a) == 1
    assert mypackage.sum(a, axis=1).tolist() == [1.0, None]
    assert mypackage.mean(a, axis=1).tolist() == [1 / 3, None]
    assert mypackage.nansum(a, axis=1, where=[True, True, False, False]).tolist() == [
        1e16 + 1,
        None,
    ]


def test_masked_out():
    """A masked `out` receives the mask too."""
    out = np.ma.zeros(3)
    assert mypackage.sum(MASKED, axis=0, out=out) is out
    assert out.tolist() == [9.0, None, 4.0]
    plain = np.zeros(2)
    assert mypackage.sum(MASKED, axis=1, out=plain) is plain
    assert plain.tolist() == [5.0, 8.0]


def test_masked_out_has_the_results_shape_and_dtype():
    """Nothing is broadcast into it, and nothing rounded twice."""
    a = np.ma.array([1.0, 2.0**-30, 5.0], "f4", mask=[0, 0, 1])
    for out in (np.zeros(()), np.ma.zeros(())):
        assert mypackage.sum(a, out=out) is out
        assert float(out) == 1 + 2.0**-30
    for name in REDUCTIONS:
        function = getattr(mypackage, name)
        for out in (np.zeros((2, 3)), np.ma.zeros((2, 3))):
            with pytest.raises(ValueError, match=rf"^{name}: out has shape"):
                function(MASKED, axis=0, out=out)
        with pytest.raises(TypeError, match=f"^{name}: out must be an array, not list"):
            function(MASKED, axis=0, out=[0, 0, 0])


def test_masked_objects():
    """By NumPy, masked elements left out."""
    a = np.ma.array([[1, 2**80, 3], [4, 5, None]], mask=[[0, 0, 1], [0, 1, 1]], dtype=object)
    assert mypackage.sum(a) == 2**80 + 5
    assert mypackage.sum(a, axis=1).tolist() == [2**80 + 1, 4]
    assert mypackage.mean(a[1]) == 4
    assert mypackage.sum(a, where=[[True], [False]]) == 2**80 + 1
    nan = np.ma.array([1.5, float("nan"), 2.5, 7.0], mask=[0, 0, 0, 1], dtype=object)
    assert mypackage.nansum(nan) == 4 and mypackage.nanmean(nan) == 2


# -- Time differences -----------------------------------------------------------------------------

DAYS = np.array([[1, 2], [4, 6]], "m8[D]")
NAT = np.timedelta64("NaT", "D")


@pytest.mark.parametrize("options", [{}, {"axis": 0}, {"axis": 1, "keepdims": True}], ids=str)
@pytest.mark.parametrize("a", [DAYS, DAYS.astype(">m8[D]"), DAYS.T[::-1], DAYS[:, :0]])
def test_timedelta_sums(options, a):
    """As NumPy's."""
    result, expected = mypackage.sum(a, **options), np.sum(a, **options)
    assert type(result) is type(expected)
    same(result, np.asarray(expected))


def test_timedelta_means():
    """The exact mean, half to even, of the unit's ticks."""
    same(mypackage.mean(DAYS, axis=0), np.array([2, 4], "m8[D]"))
    assert mypackage.mean(np.array([2**62] * 5, "m8[s]")) == np.timedelta64(2**62, "s")
    for values, mean in [([1, 2], 2), ([2, 3], 2), ([-1, -2], -2), ([0, 0, 2], 1)]:
        assert mypackage.mean(np.array(values, "m8[s]")) == np.timedelta64(mean, "s")


def test_timedelta_nat():
    """NaT is NaN's brother."""
    a = np.array([[1, "NaT"], [3, 4]], "m8[D]")
    assert np.isnat(mypackage.sum(a)) and np.isnat(mypackage.mean(a))
    assert np.isnat(mypackage.sum(a, axis=0)).tolist() == [False, True]
    same(mypackage.nansum(a, axis=0), np.array([4, 4], "m8[D]"))
    same(mypackage.nanmean(a, axis=0), np.array([2, 4], "m8[D]"))
    same(mypackage.sum(a, axis=0, where=[[1, 0], [1, 1]]), np.array([4, 4], "m8[D]"))
    with pytest.warns(RuntimeWarning, match="Mean of empty slice in nanmean") as record:
        assert np.isnat(mypackage.nanmean(a[:1, 1]))
    assert record[0].filename == __file__
    with pytest.warns(RuntimeWarning, match="Mean of empty slice in mean"):
        assert np.isnat(mypackage.mean(DAYS[:0], axis=0)).all()


def test_timedelta_arguments():
    """initial, dtype and out."""
    one_hour = np.timedelta64(1, "h")
    assert mypackage.sum(DAYS.astype("m8[h]"), initial=one_hour) == 13 * 24 * one_hour + one_hour
    assert mypackage.sum(DAYS, dtype="m8[h]") == np.timedelta64(13 * 24, "h")
    out = np.zeros(2, "m8[h]")
    assert mypackage.sum(DAYS, axis=0, out=out) is out
    assert out.tolist() == np.array([5, 8], "m8[D]").astype("m8[h]").tolist()
    with pytest.raises(TypeError, match="timedelta64"):
        mypackage.sum(DAYS, dtype=float)
    with pytest.raises(TypeError, match="sum: out must be an array, not list"):
        mypackage.sum(DAYS, axis=0, out=[0, 0])
    with pytest.raises(ValueError, match=r"sum: out has shape \(2, 2\)"):
        mypackage.sum(DAYS, axis=0, out=np.zeros((2, 2), "m8[h]"))


@pytest.mark.parametrize("name", ["sum", "nansum"])
def test_timedelta_overflow(name):
    """Neither wraps nor becomes NaT, also where the result's unit is a finer one."""
    function, limit = getattr(mypackage, name), 2**63 - 1
    message = rf"^{name}: .* does not fit timedelta64\[s\]; use a coarser unit"
    for ticks in [2**62] * 2, [-limit, -1], [-limit, -2]:
        with pytest.raises(OverflowError, match=message):
            function(np.array(ticks, "m8[s]"))
    assert function(np.array([-limit, -1, 1], "m8[s]")) == np.timedelta64(-limit, "s")
    long = np.array([[2**62, 5], [1, 6]], "m8[s]")
    with pytest.raises(OverflowError, match=rf"^{name}: .* timedelta64\[ns\]; use a coarser unit"):
        function(long, axis=0, dtype="m8[ns]")
    with pytest.raises(OverflowError, match=r"^mean: "):
        mypackage.mean(long, dtype="m8[ns]")
    assert function(long[:, 1], dtype="m8[ns]") == np.timedelta64(11, "s")
    assert function(long[:, 1], dtype="m8[m]") == np.timedelta64(0, "m")


def test_masked_timedelta_and_matrix():
    """Kinds combine."""
    a = np.ma.array(DAYS, mask=[[1, 0], [0, 0]])
    assert mypackage.sum(a) == np.timedelta64(12, "D")
    m = A.view(np.matrix)
    assert mypackage.sum(m, axis=0, where=[[True], [False]]).tolist() == [[1.0, 2.0, 4.0]]


@pytest.mark.parametrize("module", ["dask.array", "pandas", "xarray", "pyarrow", "polars"])
def test_while_another_thread_imports_a_module(module, monkeypatch):
    """It is there, and has no classes yet."""
    monkeypatch.setitem(sys.modules, module, types.ModuleType(module))
    assert mypackage.sum([1.0, 2.0]) == 3
    assert mypackage.cumsum([1.0, 2.0]).tolist() == [1, 3]
    assert mypackage.vecdot([1.0, 2.0], [3, 4]) == 11
    assert mypackage.average([1.0, 2.0], weights=[1, 1]) == 1.5
    assert mypackage.group_sum([0, 0], [1.0, 2.0]).tolist() == [3]
