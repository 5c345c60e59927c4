"""`group_sum` and `group_mean`: a group's result is, to the bit, that of its elements alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import mypackage

RNG = np.random.default_rng(30)
DTYPES = ["?", "i1", "u2", "i4", "i8", "u8", "f2", "f4", "f8", ">f8", ">i4", "c8", "c16"]


def check(labels, values, size=None):
    """Compares every group with the reduction of its elements."""
    for name in ("sum", "mean"):
        with np.errstate(all="ignore"):
            result = getattr(mypackage, f"group_{name}")(labels, values, size=size)
            for group in range(result.shape[-1]):
                member = values[..., np.asarray(labels) == group]
                if member.shape[-1]:
                    expected = getattr(mypackage, name)(member, axis=-1)
                    assert result.dtype == expected.dtype
                    np.testing.assert_array_equal(result[..., group], expected)
                else:
                    np.testing.assert_array_equal(result[..., group], 0)


@given(st.data())
def test_any_numbers_and_labels(data):
    dtype = data.draw(st.sampled_from([np.float16, np.float32, np.float64]))
    values = data.draw(hnp.arrays(dtype, st.integers(0, 40)))
    labels = data.draw(hnp.arrays(np.int64, values.shape, elements=st.integers(-2, 6)))
    check(labels, values, 8)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_and_layout(dtype):
    values = RNG.integers(0, 30, (3, 500)).astype(dtype)
    labels = RNG.integers(-1, 9, 500)
    check(labels, values)
    check(labels, values[:, ::-1])
    check(labels, np.asfortranarray(values))
    swapped = np.moveaxis(values, -1, 0)
    np.testing.assert_array_equal(
        mypackage.group_sum(labels, swapped, axis=0),
        np.moveaxis(mypackage.group_sum(labels, values), -1, 0),
    )


@pytest.mark.parametrize("spread", [0, 5, 30, 60, 300])
@pytest.mark.parametrize("groups", [1, 7, 3000])
def test_sizes_and_spreads(spread, groups):
    values = RNG.normal(size=10_000) * 2.0 ** RNG.integers(-spread, spread + 1, 10_000)
    labels = RNG.integers(0, groups, values.size)
    result = mypackage.group_sum(labels, values, size=groups)
    for group in range(0, groups, max(1, groups // 50)):
        assert result[group] == mypackage.sum(values[labels == group])
    order = np.argsort(labels, kind="stable")
    assert mypackage.group_sum(labels[order], values[order], size=groups).tobytes() == (
        result.tobytes()
    )


def test_more_numbers_than_pairs_can_take():
    """The 64-bit pairs are emptied every two million numbers, in each thread."""
    values = np.full(5_000_000, 1.0 + 2.0**-30)
    labels = np.zeros(values.size, dtype=np.int64)
    labels[::3] = 1
    for threads in (1, 2, 3):
        with mypackage.threads(threads):
            result = mypackage.group_sum(labels, values)
        for group in (0, 1):
            assert result[group] == mypackage.sum(values[labels == group])


def test_infinities_and_nans_stay_in_their_group():
    values = RNG.normal(size=5000)
    labels = np.arange(5000) % 5
    values[[11, 22, 32]] = [np.inf, np.nan, -np.inf]
    result = mypackage.group_sum(labels, values)
    assert result[1] == np.inf and np.isnan(result[2]) and np.isfinite(result[[0, 3, 4]]).all()


def test_integers_do_not_wrap():
    with pytest.raises(OverflowError, match=f"{2**64}.*int64"):
        mypackage.group_sum([0, 1, 1, 1, 1], np.array([1, *[2**62] * 4]))
    exact = mypackage.group_sum([1, 1], np.array([2**62, 2**62]), dtype=object)
    assert exact[1] == 2**63


def test_empty_groups_and_fill_value():
    assert mypackage.group_sum([2], [5.0]).tolist() == [0.0, 0.0, 5.0]
    filled = mypackage.group_mean([2, 2], [[1, 2], [3, 5]], size=4, fill_value=np.nan)
    np.testing.assert_array_equal(
        filled, [[np.nan, np.nan, 1.5, np.nan], [np.nan, np.nan, 4, np.nan]]
    )
    assert mypackage.group_sum([], []).shape == (0,)
    assert mypackage.group_sum([], [], size=2).tolist() == [0.0, 0.0]
    assert mypackage.group_sum([-1, -5], [1.0, 2.0]).shape == (0,)


def test_dtype_is_what_is_rounded_to():
    values = np.full(3, 0.1, np.float32)
    assert mypackage.group_sum([0, 0, 0], values, dtype=np.float64)[0] == np.float64(values[0]) * 3


@pytest.mark.parametrize(
    ("arguments", "options", "error", "match"),
    [
        (([0, 3], [1.0, 2.0]), {"size": 3}, ValueError, "label 3"),
        (([0], [1.0, 2.0]), {}, ValueError, "1 labels.*2 elements"),
        (([0.5, 1], [1.0, 2.0]), {}, TypeError, "float64"),
        (([[0, 1]], [1.0, 2.0]), {}, ValueError, "one axis"),
        (([0, 1], ["a", "b"]), {}, TypeError, "no exact result"),
        (([0, 1], [1.0, 2.0]), {"size": -1}, ValueError, "size"),
        (([0, 1], [1.0, 2.0]), {"axis": 2}, np.exceptions.AxisError, "axis 2"),
        (([0], 1.0), {}, ValueError, "at least one axis"),
    ],
)
def test_bad_input_is_named(arguments, options, error, match):
    with pytest.raises(error, match=match):
        mypackage.group_sum(*arguments, **options)
