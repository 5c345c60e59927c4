"""Messages are as Python writes things, and what they advise works."""

import importlib

import numpy as np
import pytest

import mypackage

TABLE = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: mypackage.sum(TABLE, axis=0, out=np.zeros((2, 2))),
            "sum: out has shape (2, 2), but the result has shape (3,)",
        ),
        (
            lambda: mypackage.mean(TABLE, out=np.zeros(1)),
            "mean: out has shape (1,), but the result has shape ()",
        ),
        (
            lambda: mypackage.vecdot(TABLE, np.ones((5, 3))),
            "vecdot: the shapes of the other axes, (2,) and (5,), cannot be broadcast together",
        ),
        (
            lambda: mypackage.matmul([1, 2], [1, 2, 3]),
            "matmul: the axes that are summed over differ in length: 2 and 3",
        ),
        (
            lambda: mypackage.ExactSum(3).add([1, 2]),
            "ExactSum: values of shape (2,) leave sums of shape (2,), but this one has shape (3,); "
            "choose another axis",
        ),
        (lambda: mypackage.ExactSum(-1), "ExactSum: (-1,) is not a shape"),
        (
            lambda: mypackage.sum(TABLE, where=[True, False]),
            "where has shape (2,), which does not broadcast to that of the elements, (2, 3)",
        ),
    ],
)
def test_shapes(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: mypackage.set_num_threads(1.5),
            "the number of threads must be an int, not float",
        ),
        (
            lambda: mypackage.sum(TABLE, initial="x"),
            "sum: initial must be a number that float64 holds, not 'x'",
        ),
        (
            lambda: mypackage.ExactSum("x"),
            "ExactSum: shape must be an int or a tuple of ints, not 'x'",
        ),
        (
            lambda: mypackage.ExactSum().divide(2),
            "ExactSum.divide takes ExactSum objects, not 2; ExactSum().add(x) makes one",
        ),
        (
            lambda: mypackage.cumsum(TABLE, axis=(0, 1)),
            "axis must be an int, not (0, 1)",
        ),
        (
            lambda: mypackage.sum(TABLE, axis="x"),
            "axis must be None, an int or a tuple of ints, not 'x'",
        ),
    ],
)
def test_values(call, message):
    with pytest.raises(TypeError) as error:
        call()
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("name", "keyword", "others"),
    [
        ("sum", "dim", "; mypackage.xarray.sum has it"),
        ("nanmean", "dim", "; mypackage.xarray.mean has it"),
        (
            "var",
            "skipna",
            "; mypackage.pandas.var and mypackage.xarray.var have it, and mypackage.nanvar leaves "
            "NaN out",
        ),
        ("std", "split_every", "; mypackage.dask.std has it"),
        ("sum_of_squares", "dim", ""),
        ("mean", "nothing", ""),
    ],
)
def test_unknown_keywords(name, keyword, others):
    """They are refused in Python's words, and with the functions that have them."""
    with pytest.raises(TypeError) as error:
        getattr(mypackage, name)(TABLE, **{keyword: 1})
    assert str(error.value) == f"{name}() got an unexpected keyword argument '{keyword}'{others}"
    for module in ("pandas", "xarray", "dask"):
        if f"mypackage.{module}.{name}" in others:
            pytest.importorskip(module)
            assert hasattr(importlib.import_module(f"mypackage.{module}"), name)


def test_nulls_of_arrow():
    pa = pytest.importorskip("pyarrow")
    column = pa.array([1.0, None, 3.0])
    with pytest.raises(ValueError) as error:
        mypackage.mean(column)
    assert str(error.value) == (
        "mean: 1 of 3 values are null, so they are not numbers; "
        "mypackage.arrow.mean(..., skip_nulls=True) or mypackage.nanmean or the column's "
        "drop_null() leaves nulls out"
    )
    assert mypackage.arrow.mean(column, skip_nulls=True) == mypackage.nanmean(column) == 2.0
    assert mypackage.mean(column.drop_null()) == 2.0
