"""What users reported about moving windows elsewhere, each as a case: here it is right.

The numbers are those of the reports or of the same kind; the exact answers are fractions.
"""

from fractions import Fraction

import numpy as np
import pytest
from reference import moving, windowed

import mypackage


def exact(name, values, window, min_count=None):
    a = np.array(values, float)
    result = getattr(mypackage, name)(a, window, min_count)
    np.testing.assert_array_equal(result, moving(name, a, window, min_count))
    return result


def test_pandas_11645_an_extreme_value_spoils_what_follows():
    values = np.arange(10.0)
    values[2] = -9e33
    assert exact("move_mean", values, 5)[-1] == 7.0


def test_pandas_13254_means_of_what_is_positive_are_not_negative():
    rng = np.random.default_rng(13254)
    values = np.concatenate([rng.random(50) * 1e-9, rng.random(20) * 1e12, rng.random(80) * 1e-9])
    assert (exact("move_mean", values, 10, 1) > 0).all()
    assert (exact("move_var", values, 10, 1) >= 0).all()


def test_pandas_36031_the_mean_of_zeros_is_zero():
    means = exact("move_mean", [3002399751580331.0, -0.0, -0.0, -0.0], 3)
    assert means[-1] == 0.0
    pd = pytest.importorskip("pandas")
    import mypackage.pandas

    times = [pd.Timestamp(f"19700101 09:00:{second:02}") for second in (0, 3, 6)]
    series = pd.Series([3002399751580331.0, -0.0, -0.0], index=times).resample("1s").ffill()
    windows = mypackage.pandas.rolling(series, "3s", closed="left", min_periods=3)
    assert windows.mean().iloc[-1] == 0.0


def test_pandas_38752_groups_do_not_touch_each_other():
    pd = pytest.importorskip("pandas")
    import mypackage.pandas

    first = pd.date_range("2019-10-01", "2020-01-08", freq="2h")
    second = pd.date_range("2019-10-01", "2020-01-08")
    values = (np.e + 2.5) ** (((np.arange(len(first)) + 10) % 40) - 20)
    tiny = np.where(second == pd.Timestamp("2019-11-15"), 1e-13, np.nan)
    table = pd.DataFrame(
        {
            "id": [1] * len(first) + [2] * len(second),
            "stamp": first.append(second),
            "value": np.concatenate([values, tiny]),
        }
    ).sort_values("stamp")
    windows = mypackage.pandas.rolling(table.groupby("id"), "93D", on="stamp")
    assert windows.sum()["value"].loc[2].iloc[-1] == 1e-13


def test_pandas_38488_zeros_after_large_numbers():
    values = np.random.default_rng(38488).random(20)
    values[:10] *= 1e6
    values[10:] = 0.0
    assert (exact("move_mean", values, 6)[15:] == 0.0).all()
    assert (exact("move_std", values, 6)[15:] == 0.0).all()


def test_pandas_40043_large_integers():
    values = np.array([138, 2377900603251717750])
    result = mypackage.move_sum(values, 2, 1)
    assert result.tolist() == [138.0, float(Fraction(2377900603251717888))]


def test_polars_22445_one_huge_number():
    values = [1, 2, 3, 1e90, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15]
    result = exact("move_sum", values, 2, 1)
    assert result.tolist()[5:] == [9, 11, 13, 15, 17, 19, 21, 23, 25, 28]


def test_polars_22936_a_large_float32_among_small_ones():
    values = np.array(
        [
            4.17571609e-05,
            4.27760388e-05,
            5.72538265e-05,
            9.24392344e04,
            5.20393951e-05,
            5.19272326e-05,
            4.18911623e-05,
            4.23079109e-05,
            4.28866042e-05,
            4.07778753e-05,
            4.04103557e-05,
        ],
        "f4",
    )
    bounds = [(max(i - 2, 0), min(i + 3, len(values))) for i in range(len(values))]
    start, end = np.array(bounds).T
    result = mypackage.move_mean(values, start=start, end=end)
    np.testing.assert_array_equal(result, windowed("move_mean", values, bounds, 1))
    assert (result >= values.min()).all()


def test_polars_24738_zeros_sum_to_zero():
    assert exact("move_sum", [2.06, 0.888889, 0.0, 0.0, 0.0, 0.0], 2).tolist()[3:] == [0.0] * 3


def test_polars_18919_an_infinity_that_has_left():
    values = [-26376644.44, 1.25, np.inf, -25578911.63, -25538502.74, 3.5]
    result = exact("move_mean", values, 2)
    assert result[2] == result[3] == np.inf
    assert result[5] == (-25538502.74 + 3.5) / 2


def test_bottleneck_332_and_164_roots_of_what_is_negative():
    values = [0.0011448196318903589] + [0.00028718669878572767] * 8
    assert (exact("move_std", values, 3)[3:] == 0.0).all()
    noisy = np.random.default_rng(10).random(5000).astype("f4")
    noisy[noisy < 0.05] = 100
    stds = mypackage.move_std(noisy, 121)
    np.testing.assert_array_equal(stds, moving("move_std", noisy, 121))
    assert (stds[120:] > 0).all()


def test_bottleneck_377_zeros_after_a_number():
    assert exact("move_mean", [1.9272201201869577, 0.0, 0.0, 0.0, 0.0], 3)[4] == 0.0


def test_bottleneck_437_windows_of_one_are_the_elements():
    values = np.random.default_rng(437).standard_normal(300) / 60
    np.testing.assert_array_equal(mypackage.move_mean(values, 1, 1), values)
    np.testing.assert_array_equal(mypackage.move_sum(values, 1), values)


def test_xarray_7128_and_3855_constants_after_others():
    xr = pytest.importorskip("xarray")
    import mypackage.xarray

    values = np.concatenate([np.random.default_rng(7128).random(20) * 1e8, np.full(20, 1e-3)])
    array = xr.DataArray(values, dims="time")
    windows = mypackage.xarray.rolling(array, time=5)
    assert (windows.std()[24:] == 0.0).all()
    assert (windows.mean()[24:] == 1e-3).all()
    narrow = mypackage.xarray.rolling(array.astype("f4"), time=5)
    assert (narrow.std()[24:] == 0.0).all()
    assert (narrow.sum() >= 0)[4:].all()
