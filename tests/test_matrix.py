"""Every kind of input by every function: `matrix.TABLE` holds what each cell is.

The numbers are such that one rounding, one lost mask or one misplaced label shows.
"""

import datetime
import importlib
import math
import re
import warnings
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import gmpy2
import matrix
import numpy as np
import pytest

import mypackage
from mypackage import records

# Rounding anywhere on the way loses the 1 or the half.
FLOATS = [2.0**53, 1.0, -(2.0**53), 0.5]
INTS = [2**53 + 1, 5, -(2**53), 2]
SMALL = [1, 0, 1, 1]
NAN = math.nan
LABELS = [0, 1, 0, 0]
WEIGHTS = [1, 2, 1, 4]


class Kind:
    """A kind of input.

    Attributes
    ----------
    make : callable
        Gives an input, from the modules that it names.
    elements : list
        Its exact elements; None for a missing one.
    out : callable, optional
        The way out of a refusal: what is given instead; `way` is how the message says it.
    """

    def __init__(self, make, elements=FLOATS, *, way=None, out=None, modules=(), owner=None):
        self.make, self.elements, self.way, self.out = make, elements, way, out
        self.modules, self.owner = modules, owner

    def build(self):
        return self.make(*map(pytest.importorskip, self.modules))


def objects(elements):
    array = np.empty(len(elements), object)
    array[:] = elements
    return array


def masked(elements, hidden):
    return np.ma.array(elements, mask=[x is None for x in hidden])


TICKS = [3, 5, -4, 2]
DATES = np.array(["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-06"], "M8[D]")
WITHOUT = [2.0**53, None, -(2.0**53), 0.5]
INTS_WITHOUT = [2**53 + 1, None, -(2**53), 2]
NANS = [2.0**53, NAN, -(2.0**53), 0.5]
INDEX = list("dabc")
# Cast together, they lose the 1.
TWO_COLUMNS = {"a": [2**53 + 1, -(2**53)], "b": [0.5, 1.0]}

PLAIN = {
    "array of float64": Kind(lambda: np.array(FLOATS)),
    "array of float32": Kind(
        lambda: np.array([2**24, 1, -(2**24), 0.5], "f4"),
        [2**24, 1, -(2**24), 0.5],
        way="astype|float64",
        out=lambda a: a.astype("f8"),
    ),
    "array of float16": Kind(
        lambda: np.array([2**11, 1, -(2**11), 0.5], "f2"),
        [2**11, 1, -(2**11), 0.5],
        way="astype",
        out=lambda a: a.astype("f8"),
    ),
    "array of int64": Kind(lambda: np.array(INTS), INTS, way="astype|mypackage.sum"),
    "array of uint64": Kind(
        lambda: np.array([2**63 + 1, 5, 2, 7], "u8"),
        [2**63 + 1, 5, 2, 7],
        way="astype|mypackage.sum",
    ),
    "array of bool": Kind(lambda: np.array(SMALL, "?"), SMALL, way="astype", out=lambda a: a * 1.0),
    "array of complex128": Kind(lambda: np.array(FLOATS) * (1 + 1j), way="real|astype"),
    "array of complex64": Kind(
        lambda: np.array([2**24, 1, -(2**24), 0.5], "c8"),
        [2**24, 1, -(2**24), 0.5],
        way="real|astype",
    ),
    "array of timedelta64": Kind(
        lambda: np.array(TICKS, "m8[s]"), TICKS, way="i8|astype|numbers|supported"
    ),
    "array of datetime64": Kind(
        lambda: DATES, DATES.view("i8").tolist(), way="dates|i8|astype|numbers|supported"
    ),
    "array of longdouble": Kind(
        lambda: np.array(FLOATS, "g"), way="supported|astype|float64", out=lambda a: a.astype("f8")
    ),
    "array of strings": Kind(
        lambda: np.array(["1", "2", "3", "4"]),
        [1, 2, 3, 4],
        way="supported|astype|real numbers|numbers of dtype",
        out=lambda a: a.astype("f8"),
    ),
    "structured array": Kind(
        lambda: np.array([(x,) for x in FLOATS], [("x", "f8")]),
        way="supported|astype|real numbers|numbers of dtype",
        out=lambda a: a["x"],
    ),
    "array with NaN": Kind(lambda: np.array(NANS), NANS),
    "array with another byte order": Kind(
        lambda: np.array(FLOATS, ">f8"), way="astype", out=lambda a: a.astype("f8")
    ),
    "object array of ints": Kind(
        lambda: objects([10**400 + 1, 5, -(10**400), 2]),
        [10**400 + 1, 5, -(10**400), 2],
        way="mypackage.sum",
    ),
    "object array of floats": Kind(lambda: objects(FLOATS), way="mypackage.sum"),
    "object array of Fractions": Kind(
        lambda: objects([Fraction(1, 4), 1, 2.0, Fraction(1, 2)]),
        [Fraction(1, 4), 1, 2, Fraction(1, 2)],
        way="mypackage.sum",
    ),
    "object array of Decimals": Kind(
        lambda: objects([Decimal("1e30"), Decimal(1), Decimal("-1e30"), Decimal("0.5")]),
        [10**30, 1, -(10**30), Fraction(1, 2)],
        way="mypackage.sum",
    ),
    "object array of mpz": Kind(
        lambda: objects([gmpy2.mpz(2) ** 80, 1, -(gmpy2.mpz(2) ** 80), 2]),
        [2**80, 1, -(2**80), 2],
        way="mypackage.sum",
    ),
    "object array with mpfr": Kind(
        lambda: objects([gmpy2.mpfr(1), 1, 2, 3]), way="numpy.sum|mypackage.sum"
    ),
    "object array with None": Kind(
        lambda: objects([*FLOATS[:3], None]),
        way="masked_equal|mypackage.sum",
        out=lambda a: np.ma.masked_equal(a, None),
    ),
    "list of floats": Kind(lambda: list(FLOATS)),
    "list of ints": Kind(lambda: list(INTS), INTS, way="astype|mypackage.sum"),
    "list of ints beyond 64 bits": Kind(
        lambda: [2**64 + 1, 5, -(2**64), 2], [2**64 + 1, 5, -(2**64), 2], way="mypackage.sum"
    ),
    "list of ints and floats": Kind(
        lambda: [2**53 + 1, 0.5, -(2**53), 1], [2**53 + 1, 0.5, -(2**53), 1], way="mypackage.sum"
    ),
    "list of lists": Kind(
        lambda: [[2**53 + 1, 0.5, -(2**53), 1]], [2**53 + 1, 0.5, -(2**53), 1], way="mypackage.sum"
    ),
    "range": Kind(lambda: range(3, 7), [3, 4, 5, 6], way="astype"),
    "set": Kind(lambda: {*FLOATS}, way=r"list\(a\)", out=lambda a: sorted(a, key=FLOATS.index)),
    "dict": Kind(
        lambda: dict(enumerate(FLOATS)), way=r"list\(a.values\(\)\)", out=lambda a: list(a.values())
    ),
    "dict view": Kind(lambda: dict(enumerate(FLOATS)).values(), way=r"list\(a\)", out=list),
    "generator": Kind(
        lambda: (x for x in FLOATS), way="fromiter", out=lambda a: np.fromiter(a, float)
    ),
    "None": Kind(lambda: None, way="None is no number"),
    "masked array": Kind(
        lambda: masked([2.0**53, 1e300, -(2.0**53), 0.5], WITHOUT),
        WITHOUT,
        owner=np.ma.MaskedArray,
        way="missing|mypackage.sum",
    ),
    "masked array of ints": Kind(
        lambda: masked([2**53 + 1, 2**62, -(2**53), 2], INTS_WITHOUT),
        INTS_WITHOUT,
        owner=np.ma.MaskedArray,
        way="missing|mypackage.sum",
    ),
    "structured masked array": Kind(
        lambda: np.ma.array([(x,) for x in FLOATS], [("x", "f8")]),
        way="supported|numbers of dtype|astype|real numbers",
        out=lambda a: a["x"],
    ),
    "matrix": Kind(lambda: np.array([FLOATS]).view(np.matrix), owner=np.matrix, way="ravel"),
    "memmap": Kind(lambda: memmap(FLOATS)),
}


def memmap(elements):
    import tempfile

    with tempfile.TemporaryFile() as file:
        array = np.memmap(file, float, "w+", shape=(len(elements),))
    array[:] = elements
    return array


def pandas_kinds():
    series = lambda values, **options: lambda pd, *_: pd.Series(values, index=INDEX, **options)  # noqa: E731
    pd = {"modules": ["pandas"]}
    na = {**pd, "way": "missing|mypackage.sum|to_numpy|dtype"}
    arrow = {**na, "modules": ["pandas", "pyarrow"]}
    yield "pandas Series", Kind(series(FLOATS), way="to_numpy", **pd)
    yield "pandas Series with NaN", Kind(series(NANS), WITHOUT, **na)
    yield (
        "pandas Series of ints",
        Kind(series(INTS), INTS, way="astype|to_numpy|mypackage.sum", **pd),
    )
    yield (
        "pandas Series of Int64 with NA",
        Kind(series(INTS_WITHOUT, dtype="Int64"), INTS_WITHOUT, **na),
    )
    yield "pandas Series of Float64 with NA", Kind(series(WITHOUT, dtype="Float64"), WITHOUT, **na)
    yield (
        "pandas Series of boolean",
        Kind(
            series([True, False, True, True], dtype="boolean"), SMALL, way="astype|to_numpy", **pd
        ),
    )
    yield (
        "pandas Series of Arrow's int64",
        Kind(series(INTS_WITHOUT, dtype="int64[pyarrow]"), INTS_WITHOUT, **arrow),
    )
    yield (
        "pandas Series of objects",
        Kind(
            series([2**80 + 1, None, -(2**80), 2], dtype=object),
            [2**80 + 1, None, -(2**80), 2],
            **na,
        ),
    )
    yield (
        "pandas Series of Sparse",
        Kind(
            lambda pd: pd.Series(pd.arrays.SparseArray(FLOATS, fill_value=0), index=INDEX),
            way="to_numpy",
            **pd,
        ),
    )
    yield (
        "pandas Series of timedelta64",
        Kind(
            lambda pd: pd.Series(np.array(TICKS, "m8[s]"), index=INDEX),
            TICKS,
            way="i8|astype|to_numpy|numbers|real",
            **pd,
        ),
    )
    yield (
        "pandas Series of categories",
        Kind(series(["a", "b", "a", "b"], dtype="category"), way="select_dtypes|to_numpy", **pd),
    )
    yield (
        "pandas Series of strings",
        Kind(series(["1", "2", "3", "4"]), way="select_dtypes|to_numpy|object", **pd),
    )
    yield (
        "pandas Index",
        Kind(lambda pd: pd.Index(INTS), INTS, way="to_numpy|astype|mypackage.sum", **pd),
    )
    yield (
        "pandas extension array",
        Kind(lambda pd: pd.array(INTS_WITHOUT, dtype="Int64"), INTS_WITHOUT, **na),
    )
    yield (
        "pandas DataFrame",
        Kind(
            lambda pd: pd.DataFrame(TWO_COLUMNS),
            TWO_COLUMNS,
            way="to_numpy|mypackage.sum|one axis",
            **pd,
        ),
    )
    grouped = {**pd, "out": lambda a: a.obj.to_numpy()}
    yield (
        "pandas GroupBy",
        Kind(
            lambda pd: pd.Series(FLOATS).groupby(LABELS),
            way="mypackage.pandas.group_sum",
            **grouped,
        ),
    )
    yield (
        "pandas Rolling",
        Kind(lambda pd: pd.Series(FLOATS).rolling(2), way="Series itself", **grouped),
    )
    yield (
        "pandas Resampler",
        Kind(
            lambda pd: pd.Series(FLOATS, pd.to_datetime(DATES)).resample("2D"),
            way="Grouper",
            **grouped,
        ),
    )


def xarray_kinds():
    def data(values):
        return lambda xr: xr.DataArray(values, {"x": INDEX}, "x", attrs={"units": "m"})

    xr = {"modules": ["xarray"]}
    way = {"way": "missing|.data|mypackage.sum|several arrays|one order"}
    yield "xarray DataArray", Kind(data(FLOATS), owner="DataArray", **xr, **way)
    yield "xarray DataArray with NaN", Kind(data(NANS), WITHOUT, owner="DataArray", **xr, **way)
    yield (
        "xarray Variable",
        Kind(lambda xr: xr.Variable("x", FLOATS), owner="Variable", **xr, **way),
    )
    yield (
        "xarray Dataset",
        Kind(
            lambda xr: xr.Dataset({"v": ("x", FLOATS)}),
            owner="Dataset",
            out=lambda a: a.v.data,
            **xr,
            **way,
        ),
    )
    out = {"out": lambda a: np.array(FLOATS)}
    yield (
        "xarray GroupBy",
        Kind(
            lambda xr: xr.DataArray(FLOATS, dims="x", coords={"k": ("x", LABELS)}).groupby("k"),
            way="mypackage.xarray.group_sum",
            **xr,
            **out,
        ),
    )
    yield (
        "xarray Weighted",
        Kind(
            lambda xr: xr.DataArray(FLOATS, dims="x").weighted(xr.DataArray(WEIGHTS, dims="x")),
            way="mypackage.average",
            **xr,
            **out,
        ),
    )
    yield (
        "xarray Rolling",
        Kind(
            lambda xr: xr.DataArray(FLOATS, dims="x").rolling(x=2),
            way=r"construct\(\)",
            **xr,
            **out,
        ),
    )


def other_kinds():
    quantity = {
        "way": r"\.value|\.physical|unit",
        "out": lambda q: q.value,
        "modules": ["astropy.units"],
    }
    yield "astropy Quantity", Kind(lambda u: u.Quantity(FLOATS, "m"), owner="Quantity", **quantity)
    yield "astropy Magnitude", Kind(lambda u: u.Magnitude(FLOATS), **quantity)
    quantity = {"way": r"\.magnitude|unit", "out": lambda q: q.magnitude, "modules": ["pint"]}
    yield (
        "pint Quantity",
        Kind(
            lambda pint: pint.get_application_registry().Quantity(np.array(FLOATS), "m"),
            owner="Quantity",
            **quantity,
        ),
    )
    yield (
        "pint Quantity with an offset",
        Kind(
            lambda pint: pint.get_application_registry().Quantity(np.array(FLOATS), "degC"),
            owner="Quantity",
            **quantity,
        ),
    )
    lazy = {"way": r"lazy|to_dask_array"}
    yield (
        "dask array",
        Kind(
            lambda da: da.from_array(np.array(FLOATS), chunks=2),
            owner="Array",
            out=lambda a: a.compute(),
            modules=["dask.array"],
            **lazy,
        ),
    )
    frame = {
        "modules": ["dask.dataframe", "pandas"],
        "out": lambda a: a.compute().to_numpy().ravel(),
        **lazy,
    }
    yield (
        "dask Series",
        Kind(lambda dd, pd: dd.from_pandas(pd.Series(FLOATS), npartitions=2), **frame),
    )
    yield (
        "dask DataFrame",
        Kind(lambda dd, pd: dd.from_pandas(pd.DataFrame({"x": FLOATS}), npartitions=2), **frame),
    )
    pa = {
        "modules": ["pyarrow"],
        "way": "null|astype|mypackage.sum|several columns|float64|numbers|supported|i8|real",
    }
    yield "pyarrow Array", Kind(lambda pa: pa.array(FLOATS), **pa)
    yield "pyarrow Array of ints", Kind(lambda pa: pa.array(INTS), INTS, **pa)
    nulls = {**pa, "out": lambda a: a.drop_null()}
    yield "pyarrow Array with null", Kind(lambda pa: pa.array(WITHOUT), WITHOUT, **nulls)
    yield "pyarrow ChunkedArray", Kind(lambda pa: pa.chunked_array([FLOATS[:1], FLOATS[1:]]), **pa)
    yield (
        "pyarrow Array of decimals",
        Kind(
            lambda pa: pa.array(
                [Decimal("1e20"), Decimal(1), Decimal("-1e20"), Decimal("0.5")],
                pa.decimal128(30, 1),
            ),
            [10**20, 1, -(10**20), Fraction(1, 2)],
            **pa,
        ),
    )
    yield (
        "pyarrow Array of durations",
        Kind(lambda pa: pa.array(TICKS, pa.duration("s")), TICKS, **pa),
    )
    table = TWO_COLUMNS
    yield "pyarrow Table", Kind(lambda pa: pa.table(table), table, **pa)
    yield "pyarrow RecordBatch", Kind(lambda pa: pa.RecordBatch.from_pydict(table), table, **pa)
    yield (
        "pyarrow Scalar",
        Kind(lambda pa: pa.scalar(5), [5], modules=["pyarrow"], way=r"as_py\(\)"),
    )
    pl = {**pa, "modules": ["polars"]}
    yield "polars Series", Kind(lambda pl: pl.Series("x", FLOATS), **pl)
    yield "polars Series of ints", Kind(lambda pl: pl.Series("x", INTS), INTS, **pl)
    nulls = {**pl, "out": lambda a: a.drop_nulls()}
    yield "polars Series with null", Kind(lambda pl: pl.Series("x", WITHOUT), WITHOUT, **nulls)
    yield (
        "polars Series of Decimal",
        Kind(
            lambda pl: pl.Series(
                [Decimal("1e20"), Decimal(1), Decimal("-1e20"), Decimal("0.5")],
                dtype=pl.Decimal(30, 1),
            ),
            [10**20, 1, -(10**20), Fraction(1, 2)],
            **pl,
        ),
    )
    yield (
        "polars Series of Duration",
        Kind(lambda pl: pl.Series(TICKS, dtype=pl.Duration("us")), TICKS, **pl),
    )
    yield "polars DataFrame", Kind(lambda pl: pl.DataFrame(table), table, **pl)
    yield (
        "polars LazyFrame",
        Kind(
            lambda pl: pl.DataFrame({"x": FLOATS}).lazy(),
            out=lambda a: a.collect()["x"],
            modules=["polars"],
            way=r"\.collect\(\)",
        ),
    )
    yield (
        "scipy sparse array",
        Kind(
            lambda sp: sp.csr_array(np.array([FLOATS])),
            modules=["scipy.sparse"],
            way="its own conversion",
            out=lambda a: a.toarray()[0],
        ),
    )


KINDS = {**PLAIN, **dict(pandas_kinds()), **dict(xarray_kinds()), **dict(other_kinds())}


def test_the_table_has_every_kind():
    assert set(matrix.cells()) == set(KINDS)


# -- What functions give ---------------------------------------------------------------------------


def call(function, a):
    """The function of an input, and of fixed labels, weights and vectors beside it."""
    module, _, name = function.rpartition(".")
    if name.startswith("group_"):
        shape = {"axis": 0} if type(a).__name__ == "DataFrame" else {}
        labels = [1, 0] if shape else LABELS
        return getattr(mypackage, name)(labels, a, **shape)
    if function == "average":
        two = (type(a).__module__.startswith("pandas") and a.ndim == 2) or isinstance(a, np.matrix)
        nested = isinstance(a, list) and isinstance(a[0], list)
        weights = np.reshape(WEIGHTS, a.shape) if two else [WEIGHTS] if nested else WEIGHTS
        return mypackage.average(a, weights=weights)
    if name == "vecdot":
        owner = importlib.import_module("mypackage.capi") if module else mypackage
        return owner.vecdot(a, [1.0] * 4 if module else [1] * 4)
    if function == "ExactSum.add":
        total = mypackage.ExactSum().add(a)
        value = total.value()
        exact = isinstance(value, float) and value == value
        return total.as_fraction() if exact else value
    if name == "add":
        total = importlib.import_module("mypackage.capi").Accumulator()
        total.add(a)
        return total.value()
    if name == "summarize":
        return records.summarize(a).sum
    owner = importlib.import_module("mypackage.capi") if module else mypackage
    return getattr(owner, name)(a)


def expected(function, elements, skip):
    """The exact results, in Fractions, from the elements; None for a missing one."""
    name = function.rpartition(".")[2]
    if isinstance(elements, dict):
        return by_column(name, elements)
    elements = [None if x is None else x if x != x else Fraction(x) for x in elements]
    pairs = list(zip(elements, WEIGHTS, LABELS, strict=False))
    if skip or name in ("nansum", "nanmean", "summarize"):
        pairs = [pair for pair in pairs if pair[0] is not None and pair[0] == pair[0]]
    if name == "cumsum" and skip == "xarray":
        # A NaN counts as 0 there.
        return [
            sum([x for x in elements[: at + 1] if x is not None], Fraction()) for at in range(4)
        ]
    if name == "cumsum":
        return [
            sum([x for x in elements[: at + 1] if x is not None], Fraction())
            if elements[at] is not None
            else None
            for at in range(len(elements))
        ]
    if name.startswith("group_"):
        groups = [[x for x, _, label in pairs if label == group] for group in range(2)]
        return [
            None
            if not group and (name == "group_mean" or skip == "masked")
            else sum(group) / (len(group) if name == "group_mean" else 1)
            for group in groups
        ]
    values = [x for x, _, _ in pairs]
    if name == "average":
        return [sum(x * w for x, w, _ in pairs) / Fraction(sum(w for _, w, _ in pairs))]
    total = sum(values)
    return [total / len(values) if name.endswith("mean") else total]


def by_column(name, table):
    """The same of a table whose columns have two elements each."""
    columns = [list(map(Fraction, column)) for column in table.values()]
    everything = [x for row in zip(*columns, strict=True) for x in row]
    if name == "cumsum":
        return [y for a, b in columns for y in (a, a + b)]
    if name.startswith("group_"):
        return [y for a, b in columns for y in (b, a)]
    return expected(name, everything, True)


def numbers(result):
    """A result as a list of numbers; None for a missing one."""
    if type(result).__name__ == "Array":
        result = result.compute()
    if type(result).__name__ == "Dataset":
        result = result.v
    if type(result).__name__ == "Timedelta":
        result = result.to_numpy()
    for attribute in ("magnitude", "value"):
        if type(result).__name__ == "Quantity":
            result = getattr(result, attribute, result)
    if type(result).__name__ == "DataFrame":
        return [x for _, column in result.items() for x in numbers(column)]
    if type(result).__name__ in ("Series", "DataArray", "Variable", "Index"):
        result = result.to_numpy() if hasattr(result, "to_numpy") else result.values
    if isinstance(result, datetime.timedelta):
        return [result.total_seconds()]
    mask = np.ma.getmaskarray(result)
    flat = np.ravel(
        np.ma.getdata(np.ma.asarray(result))
        if isinstance(result, np.ma.MaskedArray)
        else np.asarray(result)
    )
    if flat.dtype.kind in "mM":
        flat = np.where(np.isnat(flat), 0, flat.view("i8")).astype(object)
    missing = [
        hidden or x is None or "NA" in type(x).__name__ or x != x
        for x, hidden in zip(flat.tolist(), mask.ravel().tolist(), strict=True)
    ]
    return [None if hidden else x for x, hidden in zip(flat.tolist(), missing, strict=True)]


def agrees(results, wanted):
    """The numbers are the exact ones, rounded once to one of the formats where they are floats."""
    assert len(results) == len(wanted), (results, wanted)
    for result, exact in zip(results, wanted, strict=True):
        if exact is None or exact != exact:
            assert result is None or result != result, (results, wanted)
        elif isinstance(result, complex):
            assert result.real in nearest(exact) and abs(result.imag) in (0, abs(result.real))
        elif isinstance(result, float):
            assert result in nearest(exact), (results, wanted)
        elif isinstance(result, Decimal):
            ratio = Decimal(exact.numerator) / Decimal(exact.denominator)
            assert Fraction(result) == exact or result == ratio
        else:
            # Whole ticks of a time difference are rounded half to even.
            assert result in (exact, round(exact)), (results, wanted)


def nearest(exact):
    with np.errstate(over="ignore"):
        return [float(kind(float(exact))) for kind in (np.float64, np.float32, np.float16)]


def skips(kind):
    for owner in ("xarray", "masked"):
        if kind.startswith(owner):
            return owner
    return kind.startswith(("pandas", "xarray", "masked")) or "null" in kind


CELLS = [
    (kind, function, code) for kind, row in matrix.cells().items() for function, code in row.items()
]


@pytest.mark.parametrize(("kind", "function", "code"), CELLS, ids=[f"{k}-{f}" for k, f, _ in CELLS])
@pytest.mark.filterwarnings("ignore:invalid value|Mean of empty:RuntimeWarning")
def test_cell(kind, function, code):
    this = KINDS[kind]
    a = this.build()
    if code == "-":
        with pytest.raises((TypeError, ValueError)) as refusal:
            call(function, a)
        message = str(refusal.value)
        name = {"Accumulator.add": "values"}.get(
            function.partition(".")[2], function.rpartition(".")[2]
        )
        assert re.search(this.way, message), message
        if this.out is not None and matrix.cells()["array of float64"][function] == "=":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    call(function, this.out(this.build()))
                except (TypeError, ValueError, OverflowError) as error:
                    assert name and str(error), "a way out that leads nowhere"
        return
    result = call(function, a)
    agrees(numbers(result), expected(function, this.elements, skips(kind)))
    plain = (
        np.generic,
        int,
        float,
        complex,
        Fraction,
        Decimal,
        datetime.timedelta,
        type(gmpy2.mpz(1)),
        type(gmpy2.mpq(1)),
        np.ndarray,
    )
    if code == "=":
        assert isinstance(result, plain) and not isinstance(result, np.ma.MaskedArray)
    else:
        check_owner(kind, function, a, result)


def check_owner(kind, function, a, result):
    """Labels, units, masks and laziness are those of the input."""
    if kind.startswith("pandas"):
        if function == "cumsum":
            assert type(result) is type(a)
            assert not hasattr(a, "index") or result.index.equals(a.index)
        else:
            assert type(result).__module__.startswith("pandas")
    elif kind.startswith("xarray"):
        assert type(result).__name__ == KINDS[kind].owner
        assert result.attrs == a.attrs
        if function == "cumsum" and hasattr(a, "coords"):
            assert result.coords.identical(a.coords)
    elif "Quantity" in kind:
        assert str(getattr(result, "unit", None) or result.units) == str(
            getattr(a, "unit", None) or a.units
        )
    elif kind == "dask array":
        assert type(result).__name__ == "Array"
    elif kind == "matrix":
        assert isinstance(result, np.matrix)
    elif function == "cumsum":
        assert np.array_equal(result.mask, a.mask)
    else:
        assert isinstance(result, np.ma.MaskedArray) or np.ndim(result) == 0


def test_the_documentation_has_the_table():
    text = (Path(__file__).parents[1] / "docs" / "numerics.md").read_text()
    assert matrix.markdown() in text, "run `python tests/matrix.py` and paste the table"
