"""Typed records to Rust and back."""

import dataclasses
import json
import math
import os
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from reference import exact_sum, to_float

from mypackage import records
from mypackage.records import Greeting, Person, Summary, exchange, greet, summarize

FINITE = st.floats(allow_nan=False, allow_infinity=False)


# Greeting


def test_a_dataclass_goes_and_comes():
    person = Person(name="Jan", age=42)
    assert greet(person) == Greeting(person, "Jan says hello in Rust")


@given(name=st.text(st.characters(exclude_categories=["Cs"])), age=st.integers(0, 2**63 - 1))
def test_any_name_survives(name, age):
    greeting = greet({"name": name, "age": age})
    assert greeting.person == {"name": name, "age": age}
    assert greeting.message == f"{name} says hello in Rust"


def test_pydantic_models_go_and_come():
    pydantic = pytest.importorskip("pydantic")

    class Visitor(pydantic.BaseModel):
        name: str
        age: int

    class Answer(pydantic.BaseModel):
        person: Visitor
        message: str

    answer = greet(Visitor(name="Jan", age=42), model=Answer)
    assert answer == Answer(person=Visitor(name="Jan", age=42), message="Jan says hello in Rust")

    class Total(pydantic.BaseModel):
        sum: float
        nan_count: int

    assert summarize([0.1] * 10, model=Total) == Total(sum=1.0, nan_count=0)


@pytest.mark.parametrize(
    ("request_", "exception", "message"),
    [
        (b"", ValueError, "not JSON: EOF"),
        (b"{", ValueError, "not JSON: EOF"),
        (b'{"name": "J", "age": 1} x', ValueError, "trailing characters at line 1 column 25"),
        (b'{"name": "\xff\xfe", "age": 1}', ValueError, "not JSON: invalid unicode"),
        (b'{"name": "\\udc80", "age": 1}', ValueError, "not JSON: .*surrogate|hex escape"),
        (b'{"name": "J", "age": NaN}', ValueError, "not JSON"),
        (b'{"name": "J", "age": 1' + b"0" * 500 + b"}", ValueError, "number out of range"),
        (b'{"name": "J"}', TypeError, "missing field `age`"),
        (b'{"name": "J", "age": "1"}', TypeError, 'string "1", expected i64'),
        (b'{"name": 7, "age": 1}', TypeError, "integer `7`, expected a string"),
        (b'{"name": "J", "age": 1.5}', TypeError, "floating point `1.5`"),
        (b'{"name": "J", "age": 1, "shoe": 9}', TypeError, "unknown field `shoe`"),
        (b'{"name": "J", "name": "K", "age": 1}', TypeError, "duplicate field `name`"),
        (b"null", TypeError, "invalid type: null"),
        (b'{"name": "J", "age": -1}', ValueError, "age must not be negative, but J's is -1"),
        (b'{"name": ' + b"[" * 100_000, (TypeError, ValueError), "request is not"),
        (b"[" * 100_000, (TypeError, ValueError), "request is not"),
    ],
)
def test_a_malformed_request_is_a_clear_exception(request_, exception, message):
    with pytest.raises(exception, match=message):
        exchange("greet", request_)


def test_deep_nesting_is_refused_where_any_value_may_stand():
    deep = b'{"values": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises((TypeError, ValueError), match="request is not"):
        exchange("summarize", deep)


def test_a_huge_request_is_refused():
    limit = 16 * 2**20
    padded = b'{"name": "J", "age": 1' + b" " * limit
    with pytest.raises(ValueError, match=f"has {len(padded)} bytes.*npy"):
        exchange("greet", padded)
    fits = b'{"name": "J", "age": 1}'.ljust(limit)
    assert json.loads(exchange("greet", fits))["message"] == "J says hello in Rust"


def test_only_records_are_taken():
    for bad in (7, "Jan", None, Person):
        with pytest.raises(TypeError, match="a record is a dataclass"):
            greet(bad)
    with pytest.raises(ValueError, match="string_free"):
        exchange("string_free", b"")


@given(junk=st.binary(max_size=200), name=st.sampled_from(["greet", "summarize"]))
def test_no_bytes_are_fatal(junk, name):
    try:
        exchange(name, junk)
    except (TypeError, ValueError, OSError) as error:
        assert str(error)


@pytest.mark.parametrize(
    "request_", [b'{"name": "Jan", "age": 42}', b'{"name": "Jan"}', b'{"name": 1']
)
def test_answers_are_released(request_, lost_memory):
    padded = request_.ljust(2000)
    # The error of a long name quotes it, so that a leak of answers would show.
    padded = padded.replace(b"Jan", b"J" * 1000)

    def work():
        for _ in range(50_000):
            try:
                exchange("greet", padded)
            except (TypeError, ValueError):
                pass

    # A lost answer for every call would be from 2.5 to 50 MB.
    assert lost_memory(work) < 1_000_000


def test_every_kind_of_error_has_an_exception(root):
    source = (root / "bindings" / "capi" / "src" / "record.rs").read_text()
    kinds = source.partition("fn kind")[2].partition("\n}\n")[0]
    assert set(re.findall(r'\("(\w+)", Status', kinds)) == set(records.KIND_EXCEPTIONS)


# Summaries


def distance(a, b):
    """How many floats b is away from a."""
    if not (math.isfinite(a) and math.isfinite(b)):
        return None
    bits = np.array([a, b]).view(np.int64).tolist()
    first, second = (-(x + 2**63) if x < 0 else x for x in bits)
    return abs(first - second)


def naive(numbers):
    total = 0.0
    for x in numbers:
        total += float(x)
    return total


def pairwise(numbers):
    """np.nansum, in the order that it has had since NumPy 2.3 for any length."""
    if numbers.size <= 8192 or np.lib.NumpyVersion(np.__version__) >= "2.3.0":
        return float(np.nansum(numbers))
    left = numbers.size // 2 // 8 * 8
    return pairwise(numbers[:left]) + pairwise(numbers[left:])


def check(summary, numbers):
    numbers = np.asarray(numbers, dtype=np.float64).ravel()
    kept = numbers[~np.isnan(numbers)]
    exact = exact_sum(kept)
    with np.errstate(over="ignore", invalid="ignore"):
        in_pairs = pairwise(numbers)
    assert (summary.count, summary.nan_count) == (numbers.size, numbers.size - kept.size)
    np.testing.assert_equal(summary.sum, exact)
    np.testing.assert_equal(summary.naive_sum, naive(kept))
    np.testing.assert_equal(summary.pairwise_sum, in_pairs)
    assert summary.naive_ulps == distance(summary.naive_sum, exact)
    assert summary.pairwise_ulps == distance(in_pairs, exact)
    assert summary.min == (kept.min() if kept.size else None)
    assert summary.max == (kept.max() if kept.size else None)
    if not np.isfinite(kept).all() or not kept.any():
        assert summary.condition_number is None
    else:
        fractions = [Fraction(x) for x in kept.tolist()]
        mean = to_float(sum(fractions) / kept.size)
        assert summary.mean == mean
        total = abs(sum(fractions))
        expected = to_float(sum(map(abs, fractions)) / total) if total else math.inf
        # The quotient of two rounded numbers.
        if math.isfinite(expected):
            assert distance(summary.condition_number, expected) <= 2
        else:
            assert summary.condition_number == expected
    if not kept.size:
        assert math.isnan(summary.mean)


@given(numbers=hnp.arrays(np.float64, st.integers(0, 400), elements=st.floats()))
def test_summary_of_values(numbers):
    check(summarize(numbers), numbers)


@given(numbers=hnp.arrays(np.float64, st.integers(0, 400), elements=FINITE))
def test_summary_of_finite_values(numbers):
    check(summarize(numbers), numbers)


@pytest.mark.parametrize(
    "size", [*range(20), 127, 128, 129, 136, 255, 256, 257, 1000, 4097, 30_011]
)
def test_pairwise_order_is_numpys(size):
    numbers = np.random.default_rng(size).normal(size=size)
    check(summarize(numbers), numbers)


def test_text_keeps_every_bit():
    numbers = [0.1, 5e-324, 1.7976931348623157e308, -0.0, 2.0**-1074 * 3]
    for x in numbers:
        summary = summarize([x])
        assert summary.sum == x
        assert math.copysign(1, summary.min) == math.copysign(1, x)


def test_integers_and_names_of_values():
    answer = json.loads(exchange("summarize", b'{"values": [1, -2, 18446744073709551615, "NaN"]}'))
    assert (answer["count"], answer["nan_count"], answer["max"]) == (4, 1, 2.0**64)
    answer = json.loads(exchange("summarize", b'{"values": ["Infinity", 1]}'))
    assert (answer["sum"], answer["naive_sum"], answer["naive_ulps"]) == ("Infinity",) * 2 + (None,)


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", ">f4"])
@pytest.mark.parametrize("shape", [(), (0,), (1000,), (10, 0, 3), (7, 11, 13)])
def test_summary_of_a_file(dtype, shape, tmp_path):
    numbers = np.random.default_rng(3).normal(size=shape).astype(dtype)
    path = tmp_path / "ünïcode.npy"
    np.save(path, numbers)
    check(summarize(path), numbers)
    assert repr(summarize(str(path))) == repr(summarize(path))


def test_summary_of_a_long_file_in_any_order(tmp_path):
    numbers = np.random.default_rng(4).normal(size=(200, 100)) * 1e3
    path = tmp_path / "long.npy"
    for array in (numbers, np.asfortranarray(numbers)):
        np.save(path, array)
        summary = summarize(path)
        check(summary, array.ravel(order="K"))
    with path.open("wb") as file:
        np.lib.format.write_array(file, numbers, version=(3, 0))
    assert summarize(path).sum == summary.sum


def test_what_a_sum_loses_is_told():
    summary = summarize(np.tile([1.0, 1e100, 1.0, -1e100], 1000))
    assert summary.sum == 2000.0
    assert summary.naive_sum == 0.0
    assert summary.naive_ulps == np.float64(2000.0).view(np.int64)
    assert summary.condition_number == 1e100


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "ends within its header"),
        (b"PK\x03\x04 and what an .npz begins with", "does not begin with"),
        (b"\x93NUMPY\x01\x00\xff\xff{'descr'", "ends within its header"),
        (b"\x93NUMPY\x09\x00" + bytes(100), "version 9"),
    ],
)
def test_a_file_of_another_kind_is_refused(content, message, tmp_path):
    path = tmp_path / "file.npy"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as raised:
        summarize(path)
    assert "file.npy" in str(raised.value)


def test_other_dtypes_short_files_and_no_files(tmp_path):
    path = tmp_path / "file.npy"
    for array in (np.arange(3), np.ones(3, np.complex128), np.ones(2, "f8,f8")):
        np.save(path, array)
        with pytest.raises(ValueError, match=r"float64 or float32.*astype"):
            summarize(path)
    np.save(path, np.ones(1000))
    os.truncate(path, 5000)
    with pytest.raises(ValueError, match="ends before the 1000 numbers"):
        summarize(path)
    with pytest.raises(ValueError, match="not a regular file"):
        summarize(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"missing\.npy"):
        summarize(tmp_path / "missing.npy")
    for request in (b"{}", b'{"path": "x", "values": []}'):
        with pytest.raises(ValueError, match="one of the two"):
            exchange("summarize", request)


def test_fields_are_those_of_rust():
    answer = json.loads(exchange("summarize", b'{"values": []}'))
    assert list(answer) == [field.name for field in dataclasses.fields(Summary)]
