"""Messages are as Python writes things, and what they advise works."""

import importlib
from decimal import Decimal, InvalidOperation

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


@pytest.mark.parametrize(
    "call",
    [
        lambda where: mypackage.sum([1, 2, 3], where=where),
        lambda where: mypackage.std([1, 2, 3], where=where),
        lambda where: mypackage.sum([1, 2**80, 3], where=where),
        lambda where: mypackage.mean(np.zeros(3, "m8[s]"), where=where),
        lambda where: mypackage.ExactSum().add([1, 2, 3], where=where),
    ],
)
def test_masks_of_another_shape(call):
    with pytest.raises(
        ValueError, match=r"where has shape \(2,\), which does not broadcast to .*3"
    ):
        call([True, False])


def test_what_is_no_label():
    for labels in (["a", "b"], np.array([None, 0])):
        with pytest.raises(TypeError, match=r"group_idx must be of an integer .*numpy\.unique"):
            mypackage.group_var(labels, [1.0, 2.0])
    _, numbers = np.unique(["b", "a"], return_inverse=True)
    assert mypackage.group_var(numbers, [1.0, 2.0]).tolist() == [0, 0]
    with pytest.raises(ValueError, match=r"^group_var: size must be an int of at least 0, not '3'"):
        mypackage.group_var([0, 1], [1.0, 2.0], size="3")
    with pytest.raises(ValueError, match=r"^ExactMoments: .* is not a shape"):
        mypackage.ExactMoments(-1)


def test_sparse_arrays():
    """numpy.asarray is not advised where it is an error, as of arrays of the library sparse."""

    class COO:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("Cannot convert a sparse array to dense automatically.")

        def __array_function__(self, func, types, args, kwargs):
            return NotImplemented

        def todense(self):
            return np.array([0.0, 1.0])

    with pytest.raises(TypeError, match=r"^sum: .* COO .* would be lost; give its \.todense\(\)$"):
        mypackage.sum(COO())
    assert mypackage.sum(COO().todense()) == 1.0


def test_signalling_decimals():
    for values in ([Decimal("sNaN")], [Decimal("sNaN"), 1]):
        with pytest.raises(InvalidOperation):
            mypackage.sum(values)
    assert mypackage.sum([Decimal("Infinity"), 1]) == Decimal("Infinity")
    assert mypackage.sum([Decimal("NaN"), 1]).is_qnan()


def test_pandas_functions_of_something_else():
    pd = pytest.importorskip("pandas")
    mp = pytest.importorskip("mypackage.pandas")
    for call in (
        lambda x: mp.group_sum(x, [0, 1]),
        lambda x: mp.rolling(x, 2),
        lambda x: mp.expanding(x),
    ):
        with pytest.raises(TypeError, match=r"give a Series.*, not list; mypackage\.\w+ .*arrays"):
            call([1.0, 2.0])
    with pytest.raises(TypeError, match=r"^sum: a column of dtype"):
        mp.sum(pd.Series(["a"]))
    frame = pd.DataFrame({"a": [1.0, 2.0]})
    for function in (mp.sum, mp.var):
        assert function(frame, axis="rows").tolist() == function(frame, axis=0).tolist()
    assert mp.cumsum(frame, axis="rows")["a"].tolist() == [1, 3]
