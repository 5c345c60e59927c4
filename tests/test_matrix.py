"""Every kind of input by every function: `matrix.TABLE` holds what each cell is."""

import datetime
import importlib
import itertools
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
from input_types import INPUT_TYPES, LABELS, WEIGHTS

import mypackage
from mypackage import records

# Segments of four elements: one, and the rest.
OFFSETS = [0, 1, 4]


def test_the_table_has_every_kind():
    assert set(matrix.cells()) == set(INPUT_TYPES)


# -- What functions give ---------------------------------------------------------------------------


def call(function, a, labels=LABELS):
    """The function of an input, and of fixed labels, weights, offsets and vectors beside it."""
    module, _, name = function.rpartition(".")
    owner = importlib.import_module("mypackage.capi") if module == "capi" else mypackage
    if name.startswith("group_"):
        shape = {"axis": 0} if type(a).__name__ in ("DataFrame", "Table", "RecordBatch") else {}
        return getattr(mypackage, name)([1, 0] if shape else labels, a, **shape)
    if function == "average":
        two = (type(a).__module__.startswith("pandas") and a.ndim == 2) or isinstance(a, np.matrix)
        nested = isinstance(a, list) and isinstance(a[0], list)
        weights = np.reshape(WEIGHTS, a.shape) if two else [WEIGHTS] if nested else WEIGHTS
        return mypackage.average(a, weights=weights)
    if name == "vecdot":
        return owner.vecdot(a, [1.0] * 4 if module else [1] * 4)
    if name == "cumulative_sum":
        return mypackage.cumulative_sum(a, axis=0 if type(a).__name__ == "DataFrame" else -1)
    column = type(a).__module__.startswith(("pyarrow", "polars")) and hasattr(a, "to_numpy")
    plain = isinstance(a, (np.ndarray, list, range)) or (column and np.ndim(a) == 1)
    plain |= type(a).__module__.startswith("pandas") and hasattr(a, "isna") and a.ndim == 1
    # (Of pandas' nullable dtypes NumPy makes another.)
    whole = "int" in str(getattr(a, "dtype", "")).lower()
    if name == "sum_of_squares" and plain and (whole or np.asarray(a).dtype.kind in "iuO"):
        # They add up beyond 64 bits.
        return mypackage.sum_of_squares(a, dtype=object)
    if name in ("cov", "corrcoef"):
        return getattr(mypackage, name)(a, WEIGHTS)
    if name.startswith("move_"):
        return getattr(mypackage, name)(a, 2)
    if name.startswith("segment_"):
        if type(a).__name__ == "DataFrame":
            return getattr(mypackage, name)(a, [0, 1, 2], axis=0)
        return getattr(mypackage, name)(a, OFFSETS)
    if function == "ExactSum.add":
        total = mypackage.ExactSum().add(a)
        value = total.value()
        exact = isinstance(value, float) and value == value
        return total.as_fraction() if exact else value
    if function == "ExactMoments.add":
        return mypackage.ExactMoments().add(a).var()
    if name == "add":
        total = importlib.import_module("mypackage.capi").Accumulator()
        total.add(a)
        return total.value()
    if name == "summarize":
        return (records if module else mypackage).summarize(a).sum
    return getattr(owner, name)(a)


class Root(Fraction):
    """The exact root of a number: a fraction on the same side of every number of 53 bits."""

    def __new__(cls, square):
        square = Fraction(square)
        scale = 1 << 400
        scaled = square.numerator * scale * scale
        root, rest = math.isqrt(scaled // square.denominator), scaled % square.denominator
        whole = not rest and root * root == scaled // square.denominator
        return Fraction(2 * root + (not whole), 2 * scale)


def variance(values, ddof=0):
    if any(x != x for x in values):
        return math.nan
    if len(values) <= ddof:
        return None
    mean = sum(values) / Fraction(len(values))
    return sum((x - mean) ** 2 for x in values) / (len(values) - ddof)


# Those that leave out NaN.
SKIPPING = {
    "nansum", "nanmean", "nanvar", "nanstd", "group_nansum", "group_nanmean", "group_count",
    "summarize",
}  # fmt: skip


def expected(function, elements, skip, parts=1, labels=LABELS):
    """The exact results, in Fractions, from the elements; None for a missing one.

    `parts` is 2 for complex numbers whose parts are both the element.
    """
    name = function.rpartition(".")[2]
    if isinstance(elements, dict):
        return by_column(name, elements)
    elements = [None if x is None else x if x != x else Fraction(x) for x in elements]
    if name in ("cumsum", "nancumsum", "cumulative_sum"):
        return prefixes(elements, name, skip)
    triples = list(zip(elements, WEIGHTS, labels, strict=False))
    if skip or name in SKIPPING:
        triples = [one for one in triples if one[0] is not None and one[0] == one[0]]
    if name.startswith("move_"):
        pairs = [[None], *itertools.pairwise(elements)]
        return [
            None
            if any(x is None or x != x for x in pair)
            else finished(name, list(pair), skip, parts)
            for pair in pairs
        ]
    if name.startswith("segment_"):
        pieces = [elements[:1], elements[1:]]
        if skip:
            pieces = [[x for x in piece if x is not None and x == x] for piece in pieces]
        return [finished(name, piece, skip, parts) for piece in pieces]
    if name == "group_cumsum":
        sums, result = {}, []
        for x, label in zip(elements, labels, strict=True):
            missing = skip and (x is None or x != x)
            sums[label] = sums.get(label, 0) + (0 if missing else math.nan if x is None else x)
            kept = None if missing and skip != "xarray" else sums[label]
            result.append(kept if label >= 0 else 0)
        return result
    if name.startswith("group_"):
        groups = [
            [x for x, _, label in triples if label == group] for group in range(max(labels) + 1)
        ]
        return [finished(name, group, skip, parts) for group in groups]
    if name in ("cov", "corrcoef"):
        return covariances(name, elements, parts)
    if name == "average":
        total = sum(w for _, w, _ in triples)
        return [sum(x * w for x, w, _ in triples) / Fraction(total)]
    return [
        finished(
            "var" if function == "ExactMoments.add" else name, [x for x, *_ in triples], skip, parts
        )
    ]


def finished(name, values, skip, parts):
    """One result of its elements."""
    what = re.sub("^(group|move|segment)_", "", name).removeprefix("nan")
    if what == "count":
        return len(values)
    if what == "mean":
        return sum(values) / Fraction(len(values)) if values else None
    if what in ("var", "std"):
        square = variance(values)
        square = square and parts * square
        return square if square is None or what == "var" or square != square else Root(square)
    if what in ("sum_of_squares", "norm"):
        total = parts * sum(x * x for x in values)
        return total if what == "sum_of_squares" or total != total else Root(total)
    if not values and skip == "masked" and name.startswith("group_"):
        return None
    return sum(values, Fraction())


def prefixes(elements, name, skip):
    sums, result = Fraction(), []
    for x in elements:
        gone = x is None or (x != x and name == "nancumsum")
        sums += 0 if gone else x
        # A missing element of pandas or a masked one stays so; xarray's counts as 0.
        result.append(
            None
            if x is None and skip != "xarray" and not (skip is True and name == "nancumsum")
            else sums
        )
    return result


def covariances(name, elements, parts):
    if any(x is None or x != x for x in elements):
        lost = variance([Fraction(w) for w in WEIGHTS], 1)
        return [math.nan, math.nan, math.nan, lost if name == "cov" else 1]
    x, y = list(map(Fraction, elements)), list(map(Fraction, WEIGHTS))
    mean = [sum(one) / 4 for one in (x, y)]
    both = sum((p - mean[0]) * (q - mean[1]) for p, q in zip(x, y, strict=True)) / 3
    first, second = parts * variance(x, 1), variance(y, 1)
    if name == "cov":
        return [first, both, both, second]
    r = Root(both * both / (first * second)) * (1 if both >= 0 else -1)
    return [1, r, r, 1]


def by_column(name, table):
    """The same of a table whose columns have two elements each."""
    columns = [list(map(Fraction, column)) for column in table.values()]
    everything = [x for row in zip(*columns, strict=True) for x in row]
    if name in ("cumsum", "nancumsum", "cumulative_sum"):
        return [y for a, b in columns for y in (a, a + b)]
    if name == "group_cumsum" or name.startswith("segment_"):
        return [y for column in columns for y in column]
    if name.startswith("group_"):
        # The rows are groups of one, in another order.
        return [finished(name, [y], True, 1) for a, b in columns for y in (b, a)]
    return expected(name, everything, True)


def numbers(result):
    """A result as a list of numbers; None for a missing one."""
    if type(result).__name__ == "Array":
        result = result.compute()
    if type(result).__name__ == "Dataset":
        result = result.v
    if type(result).__name__ in ("Timedelta", "Timestamp"):
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
    if type(result).__name__ == "TimestampScalar":
        return [result.value]
    if isinstance(result, datetime.datetime):
        epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        return [(result - epoch) // datetime.timedelta(microseconds=1)]
    mask = np.ma.getmaskarray(result)
    flat = np.ravel(
        np.ma.getdata(np.ma.asarray(result))
        if isinstance(result, np.ma.MaskedArray)
        else np.asarray(result)
    )
    if flat.dtype.kind in "mM":
        flat = np.where(np.isnat(flat), None, flat.view("i8").astype(object))
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
    try:
        double = float(exact)
    except OverflowError:
        double = math.inf if exact > 0 else -math.inf
    with np.errstate(over="ignore"):
        return [float(kind(double)) for kind in (np.float64, np.float32, np.float16)]


def skips(kind):
    for owner in ("xarray", "masked"):
        if kind.startswith(owner):
            return owner
    return kind.startswith(("pandas", "xarray", "masked")) or "null" in kind


CELLS = [
    (kind, function, code) for kind, row in matrix.cells().items() for function, code in row.items()
]


# -- Ways out of refusals --------------------------------------------------------------------------


def instead(function):
    """Another function of the same input."""
    return lambda a, _: (function, a)


def given(change):
    """The same function of another input."""
    return lambda a, function: (function, change(a))


def hidden(a, function):
    """A masked array by labels that are -1 where it is masked."""
    mask = np.ma.getmaskarray(a)
    return function, np.where(mask, 0, a.data), np.where(mask, -1, LABELS)


def ticks(a):
    """The numbers of times, of UTC if they have a zone."""
    return a.astype("int64").to_numpy() if hasattr(a, "iloc") else np.asarray(a).view("i8")


def differences(a):
    """Times since the first."""
    if type(a).__module__.startswith("pyarrow"):
        return importlib.import_module("pyarrow.compute").subtract(a, a[0])
    if type(a).__module__.startswith("polars"):
        return a - a[:1]
    return a - (a.iloc[0] if hasattr(a, "iloc") else a[0])


def grouped(a, _=None):
    """Groups of what a pandas or xarray object holds that was grouped already."""
    if type(a).__module__.startswith("pandas"):
        front, data = importlib.import_module("mypackage.pandas"), a.obj
        labels = [0, 0, 1, 2]
        if "Resampler" in type(a).__name__:
            pd = importlib.import_module("pandas")
            return front.group_sum(data, pd.Grouper(freq="2D")).tolist()[:2], (labels, data)
        return front.group_sum(data, LABELS).tolist(), (LABELS, data)
    front, data = importlib.import_module("mypackage.xarray"), a._obj
    return front.group_sum(data, "k").values.tolist(), (LABELS, data)


# What a message names, and what it leads to. The first that is named is taken.
WAYS = [
    (r"give (its|their) \.value\b", given(lambda a: a.value)),
    (r"\.physical\b", given(lambda a: a.value)),
    (r"\.magnitude\b", given(lambda a: a.magnitude)),
    (r"\.collect\(\)", given(lambda a: a.collect()["x"])),
    (r"\.to_dask_array\(\)", given(lambda a: a.to_dask_array(lengths=True).ravel())),
    (r"compute\(\)|add its chunks|mypackage\.dask", given(lambda a: a.compute())),
    (r"\.as_py\(\)", given(lambda a: [a.as_py(), 1, 0, 2])),
    (r"list\(a\.values\(\)\)", given(lambda a: list(a.values()))),
    (r"list\(a\)", given(lambda a: sorted(a, key=list(a).index))),
    (r"fromiter", given(lambda a: np.fromiter(a, float))),
    (r"give an array, a list or a number", given(lambda a: [1.0, 2.0, 3.0, 5.0])),
    (r"mypackage\.(pandas|xarray)\.group_sum", grouped),
    (r"give the Series itself", given(lambda a: a.obj.to_numpy())),
    (r"mypackage\.average takes", instead("weighted")),
    (r"construct\(\)", given(lambda a: a.construct("window").data[:, -1])),
    (r"its own conversion", given(lambda a: a.toarray()[0])),
    (r"dt\.tz_convert\(None\)", given(lambda a: a.dt.tz_convert(None).to_numpy())),
    (
        r"replace_time_zone\(None\)",
        given(lambda a: a.dt.convert_time_zone("UTC").dt.replace_time_zone(None)),
    ),
    (
        r"cast\(pyarrow\.timestamp",
        given(lambda a: a.cast(importlib.import_module("pyarrow").timestamp("s"))),
    ),
    (r"drop_nulls?\(\)", given(lambda a: getattr(a, "drop_null", None) or a.drop_nulls)),
    (r"its dropna\(\)\.astype\('int64'\)\.to_numpy\(\)", given(ticks)),
    (r"its dropna\(\)\.to_numpy\(\)", given(lambda a: a.dropna().to_numpy())),
    (r"each column's to_numpy\(\)", given(lambda a: a["a"].to_numpy())),
    (r"to_dataarray\(\)\.to_numpy\(\)", given(lambda a: a.to_dataarray().to_numpy()[0])),
    (r"its astype\('int64'\)\.to_numpy\(\)", given(ticks)),
    (
        r"to_numpy\(\), with rowvar=False",
        given(lambda a: a.to_numpy() if a.ndim == 1 else a["a"].to_numpy()),
    ),
    (r"to_numpy\(\)", given(lambda a: a.to_numpy())),
    (r"its \.data\b", given(lambda a: a.data)),
    (
        r"the \.data of each variable|map mypackage|several arrays|mypackage\.xarray",
        given(lambda a: a.v.data),
    ),
    (
        r"table is several columns",
        given(lambda a: a.column(0) if type(a).__module__.startswith("pyarrow") else a["a"]),
    ),
    (r"label -1", hidden),
    (r"masked_equal", given(lambda a: np.ma.masked_equal(a, None).compressed().tolist())),
    (r"compressed\(\)", given(lambda a: a.compressed())),
    (r"filled\(0\)", given(lambda a: a.filled(0))),
    (r"numpy\.ma\.cov", given(lambda a: a.filled(0))),
    (r"fields", given(lambda a: np.asarray(a["x"]))),
    (r"view\('i8'\)", given(ticks)),
    (r"\.real\b", given(lambda a: a.real)),
    (r"mypackage\.sum", instead("sum")),
    (
        r"\.astype\('float64'\)",
        given(lambda a: (ticks(a) if hasattr(a, "dt") else np.asarray(a)).astype("f8")),
    ),
    (r"subtract one of them", given(differences)),
    (r"numpy\.asarray\(a, float\)", given(lambda a: np.asarray(a, float))),
    (r"astype\(float\)", given(lambda a: a.astype(float))),
    (r"numpy\.ravel\(numpy\.asarray\(a\)\)", given(lambda a: np.ravel(np.asarray(a)))),
]


def elements_of(x):
    """The elements of an input that a message leads to: Fractions, NaN, None for a missing one."""
    x = x.compute() if type(x).__name__ == "Array" and hasattr(x, "compute") else x
    if hasattr(x, "to_numpy"):
        x = x.to_numpy()
    if type(x).__module__.startswith("pyarrow"):
        x = x.to_numpy(zero_copy_only=False)
    missing = np.ma.getmaskarray(x).ravel().tolist() if isinstance(x, np.ma.MaskedArray) else None
    x = np.ma.getdata(x) if missing else x
    flat = np.array(x, object).ravel().tolist() if isinstance(x, list) else np.ravel(x)
    if isinstance(flat, np.ndarray):
        flat = (flat.view("i8") if flat.dtype.kind in "mM" else flat).tolist()
    return [
        None if hidden else x for x, hidden in zip(flat, missing or [0] * len(flat), strict=True)
    ]


def take_the_way_out(kind, function, a, message):
    """Do what a message says, and what the next one says, and check that the result is right."""
    x, skip, labels = a, skips(kind), None
    for _ in range(3):
        way = next((way for pattern, way in WAYS if re.search(pattern, message)), None)
        assert way, f"no way out of: {message}"
        if way is grouped:
            (result, (labels, data)) = grouped(x)
            values = [Fraction(x) for x in np.asarray(data).tolist()]
            pairs = list(zip(values, labels, strict=True))
            agrees(numbers(result), [sum(x for x, of in pairs if of == one) for one in (0, 1)])
            return
        before, given_ = function, x
        function, x, *labels = way(x, function)
        if function == "weighted":
            result = mypackage.average(x.obj, weights=x.weights)
            agrees(numbers(result), expected("average", x.obj.values.tolist(), True))
            return
        x = x() if callable(x) else x
        if x is not given_:
            skip = False
        elements = INPUT_TYPES[kind].elements if x is a else elements_of(x)
        assert elements
        if len(elements) < 4 and x is not a:
            # Weights and labels would not fit any more.
            function = "sum"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = call(function, x, *labels)
        except (TypeError, ValueError) as refusal:
            message, function = str(refusal), function if function == "sum" else before
            continue
        agrees(numbers(result), expected(function, elements, skip, labels=(*labels, LABELS)[0]))
        return
    raise AssertionError(f"no way out after three: {message}")


def other_names(function):
    """What messages may begin with: the function's name, or that of its class or argument."""
    first, _, name = function.rpartition(".")
    names = {name, first}
    if first.startswith("capi"):
        names |= {"values", "x1"}
    return names - {"", "add", "capi", "records"}


@pytest.mark.parametrize(("kind", "function", "code"), CELLS, ids=[f"{k}-{f}" for k, f, _ in CELLS])
@pytest.mark.filterwarnings("ignore:invalid value|Mean of empty|overflow:RuntimeWarning")
def test_cell(kind, function, code):
    this = INPUT_TYPES[kind]
    a = this.build()
    if code == "-":
        with pytest.raises((TypeError, ValueError)) as refusal:
            call(function, a)
        message = str(refusal.value)
        assert re.match("|".join(rf"{name}\b" for name in other_names(function)), message), message
        take_the_way_out(kind, function, this.build(), message)
        return
    result = call(function, a)
    agrees(numbers(result), expected(function, this.elements, skips(kind), this.parts))
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
        assert isinstance(result, plain)
        assert not isinstance(result, (np.ma.MaskedArray, np.matrix))
    else:
        check_owner(kind, function, a, result)


def check_owner(kind, function, a, result):
    """Labels, units, masks and laziness are those of the input."""
    if kind.startswith("pandas"):
        if function in ("cumsum", "group_cumsum"):
            assert type(result) is type(a)
            assert not hasattr(a, "index") or result.index.equals(a.index)
        else:
            assert type(result).__module__.startswith("pandas")
    elif "of a zone" in kind:
        assert "Asia/Tokyo" in repr(getattr(result, "tzinfo", None) or result.type)
    elif kind.startswith("xarray"):
        assert type(result).__name__ == INPUT_TYPES[kind].owner
        assert result.attrs == a.attrs
        if function in ("cumsum", "group_cumsum") and hasattr(a, "coords"):
            assert result.coords.identical(a.coords)
    elif "Quantity" in kind:
        assert str(getattr(result, "unit", None) or result.units) == str(
            getattr(a, "unit", None) or a.units
        )
    elif kind.startswith("dask array"):
        assert type(result).__name__ == "Array"
    elif kind == "matrix":
        assert isinstance(result, np.matrix)
    elif function in ("cumsum", "group_cumsum"):
        assert np.array_equal(result.mask, a.mask)
    else:
        assert isinstance(result, np.ma.MaskedArray) or np.ndim(result) == 0


def test_the_documentation_has_the_table():
    text = (Path(__file__).parents[1] / "docs" / "numerics.md").read_text()
    assert matrix.markdown() in text, "run `python tests/matrix.py` and paste the table"
