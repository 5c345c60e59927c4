"""Moments of dask arrays: lazy, and the bits of the array in memory for any chunking."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import mypackage

da = pytest.importorskip("dask.array")
md = pytest.importorskip("mypackage.dask")

NAMES = ["var", "std", "nanvar", "nanstd", "norm"]
CHUNKS = [1, 7, (3, 100), (-1, 2), -1]


def wild(dtype="f8", shape=(12, 9)):
    rng = np.random.default_rng(3)
    values = rng.standard_normal(shape) * 2.0 ** rng.integers(-60, 60, shape)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * values[::-1]
    with np.errstate(over="ignore"):
        return values.astype(dtype)


def same(lazy, expected):
    assert isinstance(lazy, da.Array) and lazy.dtype == expected.dtype
    got = lazy.compute()
    assert got.dtype == expected.dtype and np.shape(got) == np.shape(expected)
    assert np.asarray(got).tobytes() == np.asarray(expected).tobytes()


@pytest.mark.parametrize("chunks", CHUNKS, ids=str)
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)])
@pytest.mark.parametrize("name", NAMES)
def test_any_chunking(name, axis, chunks):
    values = wild()
    if name.startswith("nan"):
        values[3, 4] = values[5] = np.nan
    ours, here = getattr(md, name), getattr(mypackage, name)
    lazy = da.from_array(values, chunks=chunks)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        same(ours(lazy, axis=axis), here(values, axis=axis))
        same(here(lazy, axis=axis), here(values, axis=axis))
        same(
            ours(lazy, axis=axis, keepdims=True, split_every=2),
            here(values, axis=axis, keepdims=True),
        )
        if name != "norm":
            same(ours(lazy, axis=axis, ddof=0.5), here(values, axis=axis, ddof=0.5))
            same(ours(lazy, axis=axis, dtype="f4"), here(values, axis=axis, dtype="f4"))


@pytest.mark.parametrize("dtype", ["?", "i2", "i8", "u8", "f2", "f4", "c8", "c16", ">f8"])
def test_every_dtype(dtype):
    values = wild(dtype) if np.dtype(dtype).kind in "fc" else wild("f4").astype("i8").astype(dtype)
    lazy = da.from_array(values, chunks=(5, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in NAMES:
            same(getattr(md, name)(lazy, axis=0), getattr(mypackage, name)(values, axis=0))


def test_where_and_masks():
    values, where = wild(), wild() > 0
    lazy = da.from_array(values, chunks=(5, 4))
    same(md.var(lazy, axis=1, where=where), mypackage.var(values, axis=1, where=where))
    masked = np.ma.array(values, mask=where)
    masked[2] = np.ma.masked
    got = md.std(da.from_array(masked, chunks=(5, 4)), axis=1).compute()
    expected = mypackage.std(masked, axis=1)
    assert isinstance(got, np.ma.MaskedArray)
    assert got.mask.tolist() == expected.mask.tolist()
    assert got.compressed().tolist() == expected.compressed().tolist()


def test_no_freedom_is_one_warning():
    lazy = da.from_array(np.array([[1.0, 2.0], [3.0, 3.0]]), chunks=(2, 1))
    with pytest.warns(RuntimeWarning, match="Degrees of freedom") as caught:
        got = md.var(lazy, axis=1, ddof=2).compute()
    assert len(caught) == 1 and got[0] == np.inf and np.isnan(got[1])
    with pytest.warns(RuntimeWarning, match="Degrees of freedom"):
        assert np.isnan(md.nanvar(lazy, axis=1, ddof=2).compute()).all()


def test_refusals():
    lazy = da.from_array(np.array([1.0, 2.0]), chunks=1)
    with pytest.raises(TypeError, match="compute"):
        mypackage.var(lazy, mean=1.0)
    with pytest.raises(TypeError, match="2-norm"):
        md.norm(lazy, ord=1)
    with pytest.raises(TypeError, match="float64"):
        md.var(lazy, dtype=int)
    with pytest.raises(TypeError, match="real number"):
        md.var(lazy, ddof=1j)
    with pytest.raises(TypeError, match="exact result"):
        md.var(da.from_array(np.array(["a"]), chunks=1))


@pytest.mark.parametrize("chunks", [1, 4, -1])
def test_groups(chunks):
    values = wild()
    values[2, 3] = np.nan
    labels = np.array([0, 2, -1, 0, 2, 2, 0, 4, 0, 2, 2, 0])
    lazy = da.from_array(values, chunks=chunks)
    for name, options in [
        ("group_var", {"ddof": 1}),
        ("group_std", {}),
        ("group_count", {}),
        ("group_nansum", {}),
        ("group_nansum", {"min_count": 2}),
        ("group_nanmean", {}),
        ("group_nanmean", {"fill_value": -1}),
        ("group_var", {"fill_value": 7, "dtype": "f4"}),
    ]:
        expected = getattr(mypackage, name)(labels, values, axis=0, size=5, **options)
        same(getattr(md, name)(labels, lazy, axis=0, size=5, **options), expected)
        same(
            getattr(mypackage, name)(da.asarray(labels), lazy, axis=0, size=5, **options), expected
        )
