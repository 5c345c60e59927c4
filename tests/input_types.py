"""Inputs of every kind, with their exact elements.

The numbers are such that one rounding, one lost mask or one misplaced label shows.
"""

import math
from decimal import Decimal
from fractions import Fraction

import gmpy2
import numpy as np
import pytest

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
    owner : optional
        The class, or the name of the class, of results that are of the kind of the input.
    parts : int
        2 for complex numbers, both of whose parts are the element.
    """

    def __init__(self, make, elements=FLOATS, *, modules=(), owner=None, parts=1):
        self.make, self.elements, self.parts = make, elements, parts
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
SECONDS = DATES.astype("M8[s]").view("i8").tolist()
WITHOUT = [2.0**53, None, -(2.0**53), 0.5]
INTS_WITHOUT = [2**53 + 1, None, -(2**53), 2]
NANS = [2.0**53, NAN, -(2.0**53), 0.5]
INDEX = list("dabc")
# Cast together, they lose the 1.
TWO_COLUMNS = {"a": [2**53 + 1, -(2**53)], "b": [0.5, 1.0]}
PLAIN = {
    "array of float64": Kind(lambda: np.array(FLOATS)),
    "array of float32": Kind(
        lambda: np.array([2**24, 1, -(2**24), 0.5], "f4"), [2**24, 1, -(2**24), 0.5]
    ),
    "array of float16": Kind(
        lambda: np.array([2**11, 1, -(2**11), 0.5], "f2"), [2**11, 1, -(2**11), 0.5]
    ),
    "array of int64": Kind(lambda: np.array(INTS), INTS),
    "array of uint64": Kind(lambda: np.array([2**63 + 1, 5, 2, 7], "u8"), [2**63 + 1, 5, 2, 7]),
    "array of bool": Kind(lambda: np.array(SMALL, "?"), SMALL),
    "array of complex128": Kind(lambda: np.array(FLOATS) * (1 + 1j), parts=2),
    "array of complex64": Kind(
        lambda: np.array([2**24, 1, -(2**24), 0.5], "c8"), [2**24, 1, -(2**24), 0.5]
    ),
    "array of timedelta64": Kind(lambda: np.array(TICKS, "m8[s]"), TICKS),
    "array of datetime64": Kind(lambda: DATES, DATES.view("i8").tolist()),
    "array of longdouble": Kind(lambda: np.array(FLOATS, "g")),
    "array of strings": Kind(lambda: np.array(["1", "2", "3", "4"]), [1, 2, 3, 4]),
    "structured array": Kind(lambda: np.array([(x,) for x in FLOATS], [("x", "f8")])),
    "array with NaN": Kind(lambda: np.array(NANS), NANS),
    "array with another byte order": Kind(lambda: np.array(FLOATS, ">f8")),
    "object array of ints": Kind(
        lambda: objects([10**100 + 1, 5, -(10**100), 2]), [10**100 + 1, 5, -(10**100), 2]
    ),
    "object array of floats": Kind(lambda: objects(FLOATS)),
    "object array of Fractions": Kind(
        lambda: objects([Fraction(1, 4), 1, 2.0, Fraction(1, 2)]),
        [Fraction(1, 4), 1, 2, Fraction(1, 2)],
    ),
    "object array of Decimals": Kind(
        lambda: objects([Decimal("1e30"), Decimal(1), Decimal("-1e30"), Decimal("0.5")]),
        [10**30, 1, -(10**30), Fraction(1, 2)],
    ),
    "object array of mpz": Kind(
        lambda: objects([gmpy2.mpz(2) ** 80, 1, -(gmpy2.mpz(2) ** 80), 2]), [2**80, 1, -(2**80), 2]
    ),
    "object array with mpfr": Kind(lambda: objects([gmpy2.mpfr(1), 1, 2, 3])),
    "object array with None": Kind(lambda: objects([*FLOATS[:3], None])),
    "list of floats": Kind(lambda: list(FLOATS)),
    "list of ints": Kind(lambda: list(INTS), INTS),
    "list of ints beyond 64 bits": Kind(
        lambda: [2**64 + 1, 5, -(2**64), 2], [2**64 + 1, 5, -(2**64), 2]
    ),
    "list of ints and floats": Kind(
        lambda: [2**53 + 1, 0.5, -(2**53), 1], [2**53 + 1, 0.5, -(2**53), 1]
    ),
    "list of lists": Kind(lambda: [[2**53 + 1, 0.5, -(2**53), 1]], [2**53 + 1, 0.5, -(2**53), 1]),
    "range": Kind(lambda: range(3, 7), [3, 4, 5, 6]),
    "set": Kind(lambda: {*FLOATS}),
    "dict": Kind(lambda: dict(enumerate(FLOATS))),
    "dict view": Kind(lambda: dict(enumerate(FLOATS)).values()),
    "generator": Kind(lambda: (x for x in FLOATS)),
    "None": Kind(lambda: None),
    "masked array": Kind(
        lambda: masked([2.0**53, 1e300, -(2.0**53), 0.5], WITHOUT), WITHOUT, owner=np.ma.MaskedArray
    ),
    "masked array of ints": Kind(
        lambda: masked([2**53 + 1, 2**62, -(2**53), 2], INTS_WITHOUT),
        INTS_WITHOUT,
        owner=np.ma.MaskedArray,
    ),
    "structured masked array": Kind(lambda: np.ma.array([(x,) for x in FLOATS], [("x", "f8")])),
    "matrix": Kind(lambda: np.array([FLOATS]).view(np.matrix), owner=np.matrix),
    "memmap": Kind(lambda: memmap(FLOATS)),
}


def memmap(elements):
    import tempfile

    with tempfile.TemporaryFile() as file:
        array = np.memmap(file, float, "w+", shape=(len(elements),))
    array[:] = elements
    return array


def pandas_kinds():
    def series(values, **options):
        return lambda pd, *_: pd.Series(values, index=INDEX, **options)

    pd = {"modules": ["pandas"]}
    arrow = {**pd, "modules": ["pandas", "pyarrow"]}
    yield ("pandas Series", Kind(series(FLOATS), **pd))
    yield ("pandas Series with NaN", Kind(series(NANS), WITHOUT, **pd))
    yield ("pandas Series of ints", Kind(series(INTS), INTS, **pd))
    yield (
        "pandas Series of Int64 with NA",
        Kind(series(INTS_WITHOUT, dtype="Int64"), INTS_WITHOUT, **pd),
    )
    yield (
        "pandas Series of Float64 with NA",
        Kind(series(WITHOUT, dtype="Float64"), WITHOUT, **pd),
    )
    yield (
        "pandas Series of boolean",
        Kind(series([True, False, True, True], dtype="boolean"), SMALL, **pd),
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
            **pd,
        ),
    )
    yield (
        "pandas Series of Sparse",
        Kind(lambda pd: pd.Series(pd.arrays.SparseArray(FLOATS, fill_value=0), index=INDEX), **pd),
    )
    yield (
        "pandas Series of timedelta64",
        Kind(lambda pd: pd.Series(np.array(TICKS, "m8[s]"), index=INDEX), TICKS, **pd),
    )
    yield (
        "pandas Series of datetime64",
        Kind(lambda pd: pd.Series(DATES.astype("M8[s]"), index=INDEX), SECONDS, **pd),
    )
    yield (
        "pandas Series of datetime64 of a zone",
        Kind(
            lambda pd: pd.Series(DATES.astype("M8[s]"), index=INDEX).dt.tz_localize("Asia/Tokyo"),
            [x - 9 * 3600 for x in SECONDS],
            **pd,
        ),
    )
    yield (
        "pandas Series of categories",
        Kind(series(["1", "2", "1", "2"], dtype="category"), **pd),
    )
    yield ("pandas Series of strings", Kind(series(["1", "2", "3", "4"]), **pd))
    yield ("pandas Index", Kind(lambda pd: pd.Index(INTS), INTS, **pd))
    yield (
        "pandas extension array",
        Kind(lambda pd: pd.array(INTS_WITHOUT, dtype="Int64"), INTS_WITHOUT, **pd),
    )
    yield ("pandas DataFrame", Kind(lambda pd: pd.DataFrame(TWO_COLUMNS), TWO_COLUMNS, **pd))
    yield ("pandas GroupBy", Kind(lambda pd: pd.Series(FLOATS).groupby(LABELS), **pd))
    yield ("pandas Rolling", Kind(lambda pd: pd.Series(FLOATS).rolling(2), **pd))
    yield (
        "pandas Resampler",
        Kind(lambda pd: pd.Series(FLOATS, pd.to_datetime(DATES)).resample("2D"), **pd),
    )


def xarray_kinds():

    def data(values):
        return lambda xr: xr.DataArray(values, {"x": INDEX}, "x", attrs={"units": "m"})

    xr = {"modules": ["xarray"]}
    yield ("xarray DataArray", Kind(data(FLOATS), owner="DataArray", **xr))
    yield ("xarray DataArray with NaN", Kind(data(NANS), WITHOUT, owner="DataArray", **xr))
    for dtype in ("timedelta64", "datetime64"):
        # (Older releases of xarray have nanoseconds only.)
        times = np.array(TICKS, "m8[s]") if dtype == "timedelta64" else DATES.astype("M8[s]")
        times = times.astype(f"{dtype}[ns]")
        elements = [x * 10**9 for x in (TICKS if dtype == "timedelta64" else SECONDS)]
        yield (f"xarray DataArray of {dtype}", Kind(data(times), elements, owner="DataArray", **xr))
    yield (
        "xarray Variable",
        Kind(lambda xr: xr.Variable("x", FLOATS), owner="Variable", **xr),
    )
    yield (
        "xarray Dataset",
        Kind(lambda xr: xr.Dataset({"v": ("x", FLOATS)}), owner="Dataset", **xr),
    )
    yield (
        "xarray GroupBy",
        Kind(
            lambda xr: xr.DataArray(FLOATS, dims="x", coords={"k": ("x", LABELS)}).groupby("k"),
            **xr,
        ),
    )
    yield (
        "xarray Weighted",
        Kind(
            lambda xr: xr.DataArray(FLOATS, dims="x").weighted(xr.DataArray(WEIGHTS, dims="x")),
            **xr,
        ),
    )
    yield (
        "xarray Rolling",
        Kind(lambda xr: xr.DataArray(FLOATS, dims="x").rolling(x=2), **xr),
    )


def other_kinds():
    quantity = {"modules": ["astropy.units"]}
    yield (
        "astropy Quantity",
        Kind(lambda u: u.Quantity(FLOATS, "m"), owner="Quantity", **quantity),
    )
    yield ("astropy Magnitude", Kind(lambda u: u.Magnitude(FLOATS), **quantity))
    quantity = {"modules": ["pint"]}
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
    yield (
        "dask array",
        Kind(
            lambda da: da.from_array(np.array(FLOATS), chunks=2),
            owner="Array",
            modules=["dask.array"],
        ),
    )
    yield (
        "dask array of timedelta64",
        Kind(
            lambda da: da.from_array(np.array(TICKS, "m8[s]"), chunks=2),
            TICKS,
            owner="Array",
            modules=["dask.array"],
        ),
    )
    yield (
        "dask array of objects",
        Kind(
            lambda da: da.from_array(objects([10**100 + 1, 5, -(10**100), 2]), chunks=2),
            [10**100 + 1, 5, -(10**100), 2],
            owner="Array",
            modules=["dask.array"],
        ),
    )
    frame = {"modules": ["dask.dataframe", "pandas"]}
    yield (
        "dask Series",
        Kind(lambda dd, pd: dd.from_pandas(pd.Series(FLOATS), npartitions=2), **frame),
    )
    yield (
        "dask DataFrame",
        Kind(lambda dd, pd: dd.from_pandas(pd.DataFrame({"x": FLOATS}), npartitions=2), **frame),
    )
    pa = {"modules": ["pyarrow"]}
    yield ("pyarrow Array", Kind(lambda pa: pa.array(FLOATS), **pa))
    yield ("pyarrow Array of ints", Kind(lambda pa: pa.array(INTS), INTS, **pa))
    yield ("pyarrow Array with null", Kind(lambda pa: pa.array(WITHOUT), WITHOUT, **pa))
    yield (
        "pyarrow ChunkedArray",
        Kind(lambda pa: pa.chunked_array([FLOATS[:1], FLOATS[1:]]), **pa),
    )
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
    yield (
        "pyarrow Array of timestamps",
        Kind(lambda pa: pa.array(SECONDS, pa.timestamp("s")), SECONDS, **pa),
    )
    yield (
        "pyarrow Array of timestamps of a zone",
        Kind(lambda pa: pa.array(SECONDS, pa.timestamp("s", "Asia/Tokyo")), SECONDS, **pa),
    )
    table = TWO_COLUMNS
    yield ("pyarrow Table", Kind(lambda pa: pa.table(table), table, **pa))
    yield ("pyarrow RecordBatch", Kind(lambda pa: pa.RecordBatch.from_pydict(table), table, **pa))
    yield ("pyarrow Scalar", Kind(lambda pa: pa.scalar(5), [5], modules=["pyarrow"]))
    pl = {**pa, "modules": ["polars"]}
    yield ("polars Series", Kind(lambda pl: pl.Series("x", FLOATS), **pl))
    yield ("polars Series of ints", Kind(lambda pl: pl.Series("x", INTS), INTS, **pl))
    yield ("polars Series with null", Kind(lambda pl: pl.Series("x", WITHOUT), WITHOUT, **pl))
    yield (
        "polars Series of Decimal",
        Kind(
            # (polars 1.0 takes Decimals of one scale only.)
            lambda pl: pl.Series(
                [
                    Decimal(f"1{'0' * 20}.0"),
                    Decimal("1.0"),
                    Decimal(f"-1{'0' * 20}.0"),
                    Decimal("0.5"),
                ],
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
    yield (
        "polars Series of Datetime",
        Kind(lambda pl: pl.Series(TICKS).cast(pl.Datetime("us")), TICKS, **pl),
    )
    yield (
        "polars Series of Datetime of a zone",
        Kind(lambda pl: pl.Series(TICKS).cast(pl.Datetime("us", "Asia/Tokyo")), TICKS, **pl),
    )
    yield ("polars DataFrame", Kind(lambda pl: pl.DataFrame(table), table, **pl))
    yield (
        "polars LazyFrame",
        Kind(lambda pl: pl.DataFrame({"x": FLOATS}).lazy(), modules=["polars"]),
    )
    yield (
        "scipy sparse array",
        Kind(lambda sp: sp.csr_array(np.array([FLOATS])), modules=["scipy.sparse"]),
    )


INPUT_TYPES = {**PLAIN, **dict(pandas_kinds()), **dict(xarray_kinds()), **dict(other_kinds())}
