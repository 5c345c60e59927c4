"""What every ufunc of the package owes NumPy, whatever it computes."""

import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

import mypackage

PAIR = ["ll->l", "LL->L", "lL->L", "Ll->l", "OO->O"]
MIXES = ["ll", "LL", "lL", "Ll"]
QUADRUPLE = [f"{parameters}{mix}->{mix[1]}" for parameters in MIXES for mix in MIXES]
# The loops, in the order NumPy tries them, are part of the interface: all have int64's, uint64's
# and those of objects.
TYPES = {
    "fibonacci": ["l->l", "L->L", "O->O"],
    "fibonacci_index": ["l->l", "L->l", "O->O"],
    "fibonacci_mod": PAIR,
    "fibonacci_pair": ["l->ll", "L->LL", "O->OO"],
    "is_fibonacci": ["l->?", "L->?", "O->?"],
    "lucas": ["l->l", "L->L", "O->O"],
    "lucas_mod": PAIR,
    "lucasu_mod": [*QUADRUPLE, "OOOO->O"],
    "lucasv_mod": [*QUADRUPLE, "OOOO->O"],
    "pisano_period": ["l->l", "L->L", "O->O"],
}
UFUNCS = sorted(TYPES)


def test_no_ufunc_is_left_out():
    found = [name for name in mypackage.__all__ if isinstance(getattr(mypackage, name), np.ufunc)]
    assert sorted(found) == UFUNCS, "a ufunc needs its row in TYPES, above"


@pytest.fixture(params=UFUNCS)
def ufunc(request):
    return getattr(mypackage, request.param)


def arguments(ufunc, size=600, dtype=np.int64):
    """Arguments from 1 to 83, for all of which every ufunc has a result that int64 holds."""
    base = np.arange(size) % 83 + 1
    return tuple((base * (3 * index + 1) % 83 + 1).astype(dtype) for index in range(ufunc.nin))


def results(ufunc, *args, **kwargs):
    result = ufunc(*args, **kwargs)
    return result if ufunc.nout > 1 else (result,)


def assert_same(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_types(ufunc):
    # int64 is `l` or `q`, after the platform's C long.
    platform = str.maketrans("lL", np.dtype(np.int64).char + np.dtype(np.uint64).char)
    assert ufunc.types == [row.translate(platform) for row in TYPES[ufunc.__name__]]
    assert ufunc.identity is None


def test_docstring_opens_with_the_call(ufunc):
    lines = [line for line in ufunc.__doc__.splitlines() if line.startswith(f"{ufunc.__name__}(")]
    # The line that NumPy makes up says x, or x1, x2, and lists every keyword.
    assert any(", /, out=" in line and "casting" not in line for line in lines)
    for section in "Parameters", "Returns", "Raises", "Examples":
        assert f"\n{section}\n{'-' * len(section)}\n" in ufunc.__doc__
    if np.lib.NumpyVersion(np.__version__) >= "2.2.0":
        assert ufunc.__module__ == "mypackage"
        assert ufunc.__doc__.startswith(lines[0])


def test_scalars_agree_with_arrays(ufunc):
    args = arguments(ufunc, 100)
    whole = results(ufunc, *args)
    for index in range(100):
        single = results(ufunc, *(int(a[index]) for a in args))
        assert [int(x) for x in single] == [int(x[index]) for x in whole]
        assert all(np.ndim(x) == 0 for x in single)


@pytest.mark.parametrize("dtype", [np.uint64, np.int32, np.uint8, ">i8", object])
def test_dtypes_agree(ufunc, dtype):
    expected = results(ufunc, *arguments(ufunc, 83))
    args = arguments(ufunc, 83, dtype)
    assert_same([np.asarray(r, dtype=np.int64) for r in results(ufunc, *args)], expected)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, object])
def test_layouts(ufunc, dtype):
    args = arguments(ufunc, dtype=dtype)
    expected = results(ufunc, *args)
    layouts = [lambda a: a[::-1].copy()[::-1], lambda a: np.repeat(a, 3)[::3]]
    if dtype is not object:
        layouts.append(misaligned)
    for layout in layouts:
        assert_same(results(ufunc, *map(layout, args)), expected)
    square = [a.reshape(20, 30) for a in args]
    assert_same([r.ravel() for r in results(ufunc, *square)], expected)
    assert_same(
        [r.T.ravel() for r in results(ufunc, *(np.asfortranarray(a).T for a in square))], expected
    )


def misaligned(a):
    raw = np.zeros(a.nbytes + 1, dtype=np.uint8)
    view = raw[1:].view(a.dtype)
    view[:] = a
    assert not view.flags.aligned
    return view


@pytest.mark.parametrize("dtype", [np.int64, object])
def test_stride_zero(ufunc, dtype):
    args = arguments(ufunc, 300, dtype)
    for shared in range(ufunc.nin):
        broadcast = [np.broadcast_to(a[7], 300) if i == shared else a for i, a in enumerate(args)]
        assert_same(results(ufunc, *broadcast), results(ufunc, *(a.copy() for a in broadcast)))


def test_empty_and_zero_dimensional(ufunc):
    for empty in results(ufunc, *(a[:0] for a in arguments(ufunc))):
        assert empty.shape == (0,)
    args = arguments(ufunc, 1)
    assert_same(
        results(ufunc, *(a.reshape(()) for a in args)), [r[0] for r in results(ufunc, *args)]
    )


@pytest.mark.parametrize("dtype", [np.int64, object])
def test_where_and_out(ufunc, dtype):
    args = arguments(ufunc, dtype=dtype)
    expected = results(ufunc, *args)
    mask = np.arange(600) % 3 == 0
    out = tuple(np.full_like(r, 7) for r in expected)
    returned = results(ufunc, *args, out=out, where=mask)
    assert all(a is b for a, b in zip(returned, out, strict=True))
    assert_same(out, [np.where(mask, r, np.full_like(r, 7)) for r in expected])


@pytest.mark.parametrize("dtype", [np.int64, object])
def test_out_overlapping_the_input(ufunc, dtype):
    if ufunc is mypackage.is_fibonacci:
        pytest.skip("bool does not hold the input")
    args = arguments(ufunc, dtype=dtype)
    expected = results(ufunc, *args)[0]
    for first, second in (
        (slice(None), slice(None)),
        (slice(None, -1), slice(1, None)),
        (slice(None, None, -1), slice(None)),
    ):
        buffer = args[0].copy()
        rest = tuple(a[first] for a in args[1:])
        outputs = (buffer[second], *[None] * (ufunc.nout - 1))
        result = results(ufunc, buffer[first], *rest, out=outputs)
        np.testing.assert_array_equal(result[0], expected[first])


def test_at_and_outer(ufunc):
    if ufunc.nout > 1 or ufunc.nin > 2:
        pytest.skip("NumPy has these for one or two inputs and one output")
    args = arguments(ufunc, 60)
    if ufunc is not mypackage.is_fibonacci:
        target = args[0].copy()
        ufunc.at(target, [3, 5, 3], *(a[:3] for a in args[1:]))
        expected = args[0].copy()
        for step, index in enumerate([3, 5, 3]):
            expected[index] = ufunc(expected[index], *(a[step] for a in args[1:]))
        np.testing.assert_array_equal(target, expected)
    if ufunc.nin == 2:
        a, b = args
        np.testing.assert_array_equal(ufunc.outer(a, b), ufunc(a[:, None], b[None, :]))


def test_no_floating_point_flags(ufunc):
    with np.errstate(all="raise"):
        ufunc(*arguments(ufunc, 5000))


def test_floats_are_refused(ufunc):
    for bad in (1.5, np.float32(1), 1j):
        with pytest.raises(TypeError):
            ufunc(*[bad] * ufunc.nin)


def test_python_integers_beyond_64_bits_are_objects(ufunc):
    if ufunc in (mypackage.fibonacci, mypackage.lucas, mypackage.fibonacci_pair):
        for n in (-(2**63), 2**63, 2**70):
            with pytest.raises(OverflowError, match="too large to hold; use") as refusal:
                ufunc(n, dtype=object)
            message = str(refusal.value).replace("8 * 10^17", str(8 * 10**17))
            size, advice = re.search(r" (\d+) bytes, .*; use (\w+)\(n, m", message).groups()
            # Of n log2(golden ratio) bits.
            assert int(size) <= abs(n) * 0.0867803
            assert isinstance(getattr(mypackage, advice), np.ufunc)
    elif ufunc.nin == 1:
        assert isinstance(ufunc(2**70), int | np.bool_)
    else:
        # NumPy 2 takes Python ints for int64 when there are several.
        assert isinstance(ufunc(*[2**70] * ufunc.nin, dtype=object), int)


def test_threads_agree(ufunc):
    if ufunc in (mypackage.lucasu_mod, mypackage.lucasv_mod):
        args = arguments(ufunc, 30_000)
    else:
        args = arguments(ufunc, 600_000)
    with mypackage.threads(1):
        expected = results(ufunc, *args)
    with mypackage.threads(3):
        assert_same(results(ufunc, *args), expected)


def test_inputs_are_left_alone(ufunc):
    args = arguments(ufunc)
    before = [a.copy() for a in args]
    for a in args:
        a.flags.writeable = False
    ufunc(*args)
    assert_same(args, before)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(ufunc, protocol):
    assert pickle.loads(pickle.dumps(ufunc, protocol)) is ufunc


def test_pickles_between_processes():
    ufuncs = [getattr(mypackage, name) for name in UFUNCS]
    code = "import sys, pickle; print([u.__name__ for u in pickle.loads(sys.stdin.buffer.read())])"
    run = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(ufuncs), capture_output=True, check=True
    )
    assert run.stdout.decode().strip() == str(UFUNCS)


def test_references_are_balanced(ufunc):
    """Object loops keep what they store and release what they replace."""
    args = arguments(ufunc, 50, object)
    ufunc(*args)
    marker = object()
    if ufunc is mypackage.is_fibonacci:
        pytest.skip("stores no objects")
    out = tuple(np.empty(50, dtype=object) for _ in range(ufunc.nout))
    for array in out:
        array.fill(marker)
    count = sys.getrefcount(marker)
    ufunc(*args, out=out)
    assert sys.getrefcount(marker) == count - 50 * ufunc.nout


def test_pandas(ufunc):
    pandas = pytest.importorskip("pandas")
    args = arguments(ufunc, 20)
    series = [pandas.Series(a, index=range(5, 25)) for a in args]
    for result, expected in zip(results(ufunc, *series), results(ufunc, *args), strict=True):
        assert isinstance(result, pandas.Series)
        assert list(result.index) == list(range(5, 25))
        np.testing.assert_array_equal(result.to_numpy(), expected)


def test_xarray(ufunc):
    xarray = pytest.importorskip("xarray")
    args = arguments(ufunc, 20)
    arrays = [xarray.DataArray(a, dims="t") for a in args]
    for result, expected in zip(results(ufunc, *arrays), results(ufunc, *args), strict=True):
        assert isinstance(result, xarray.DataArray)
        assert result.dims == ("t",)
        np.testing.assert_array_equal(result.to_numpy(), expected)


def test_dask(ufunc):
    dask = pytest.importorskip("dask.array")
    args = arguments(ufunc, 20)
    chunked = [dask.from_array(a, chunks=6) for a in args]
    if ufunc.nout == 1:
        lazy = (ufunc(*chunked),)
    else:
        lazy = dask.apply_gufunc(ufunc, "()->(),()", *chunked, output_dtypes=[np.int64] * 2)
    for result, expected in zip(lazy, results(ufunc, *args), strict=True):
        assert isinstance(result, dask.Array)
        np.testing.assert_array_equal(result.compute(), expected)
