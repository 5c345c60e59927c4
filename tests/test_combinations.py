"""Combinations of input types: units, masks, labels, nulls and lazy arrays beside each other."""

import datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

import mypackage

BIG = 2.0**53


def test_nested_lists_keep_nothing_from_numpy():
    masked = np.ma.array([1, 2], mask=[0, 1])
    for lists in ([[masked], [masked]], [[np.ma.masked, 1], [1, 2]], ([(masked,)],)):
        with pytest.raises(TypeError, match=r"^sum: .* without masks"):
            mypackage.sum(lists)
    pa = pytest.importorskip("pyarrow")
    assert mypackage.sum([[pa.array([2**60 + 1])], [pa.array([-(2**60)])]]) == 1
    with pytest.raises(TypeError, match="what is missing"):
        mypackage.sum([[pa.array([1, None])]])
    pd = pytest.importorskip("pandas")
    with pytest.raises(TypeError, match="what is missing"):
        mypackage.mean([[pd.Series([1.0, None])]])
    assert mypackage.sum([[pd.Series([1, 2])], [pd.Series([1, 3])]]) == 7
    # Deeper than arrays are, and a list in itself.
    deep = [1.0]
    for _ in range(70):
        deep = [deep]
    with pytest.raises((TypeError, ValueError)):
        mypackage.sum(deep)
    own = [1.0]
    own.append(own)
    with pytest.raises((TypeError, ValueError, RecursionError)):
        mypackage.sum(own)


def test_lists_of_quantities():
    u = pytest.importorskip("astropy.units")
    q = u.Quantity([BIG, 1.0, -BIG], "m")
    for lists in ([q, q], [[q], [q]], [1 * u.m, 2 * u.km], [u.Quantity(1, "m"), 0]):
        with pytest.raises(TypeError, match=r"^mean: .* unit .* give numpy\.stack\(a\)"):
            mypackage.mean(lists)
    assert mypackage.sum(np.stack([q, q])) == 2 * u.m
    ratios = [(q / q)[0], (q / q)[1]]
    assert mypackage.sum(ratios) == 2
    with pytest.raises(TypeError, match="unit"):
        # 5 % is 0.05, which is no float.
        mypackage.sum([5 * u.percent, 1 * u.percent])
    pint = pytest.importorskip("pint")
    quantity = pint.get_application_registry().Quantity
    pair = [quantity(np.array([1.0, 2.0]), "m"), quantity(np.array([1.0, 2.0]), "m")]
    with pytest.raises(TypeError, match=r"numpy\.stack\(a\)"):
        mypackage.sum(pair)
    assert mypackage.sum(np.stack(pair)) == quantity(6.0, "m")
    assert mypackage.sum([quantity(1.0, ""), quantity(2.0, "")]) == 3


def test_labels_of_two_packages():
    pd, xr = pytest.importorskip("pandas"), pytest.importorskip("xarray")
    series = pd.Series([BIG, 1.0, -BIG], index=list("abc"))
    other = xr.DataArray([2, 1, 0], {"x": list("cab")}, "x")
    for call in (
        lambda: mypackage.average(series, weights=other),
        lambda: mypackage.sum(series, where=other > 0),
        lambda: mypackage.group_sum(other, series),
        lambda: mypackage.group_var(other, series),
        lambda: mypackage.group_cumsum(other, series),
        lambda: mypackage.ExactSum().add(series, where=other > 0),
    ):
        with pytest.raises(TypeError, match="of another package than the elements"):
            call()
    array = xr.DataArray([BIG, 1.0, -BIG], {"x": list("abc")}, "x")
    weights = pd.Series([2, 1, 0], index=list("cab"))
    with pytest.raises(TypeError, match="weights is a Series, not a DataArray"):
        mypackage.average(array, weights=weights)


def test_labelled_weights_of_plain_elements_go_by_position():
    pd = pytest.importorskip("pandas")
    weights = pd.Series([1, 1, 2], index=list("cab"))
    for elements in ([BIG, 1.0, -BIG], np.array([BIG, 1.0, -BIG])):
        assert mypackage.average(elements, weights=weights) == (1 - BIG) / 4
    assert mypackage.average([[1.0, 3.0]], axis=1, weights=weights[:2]).tolist() == [2.0]
    # Not by way of float64.
    large = pd.array([2**60 + 1, -(2**60)], "Int64")
    assert mypackage.average([0.0, 1.0], weights=large) == -(2.0**60)
    for missing in (pd.array([1, None, 2], "Int64"), pd.Series([1.0, np.nan, 2.0])):
        with pytest.raises(ValueError, match="weights must not be missing"):
            mypackage.average([1.0, 2.0, 3.0], weights=missing)
    masked = np.ma.array([1, 1, 2], mask=[1, 0, 0])
    with pytest.raises(ValueError, match="weights must not be missing"):
        mypackage.average(pd.Series([1.0, 2.0, 3.0]), weights=masked)
    xr = pytest.importorskip("xarray")
    array = xr.DataArray([4.0, 2.0, 1.0], {"x": list("cab")}, "x")
    assert mypackage.average([1, 2, 3], weights=array) == 11 / 7
    with pytest.raises(ValueError, match="must not be NaN"):
        mypackage.average([1, 2, 3], weights=array.where(array < 4))


def test_units_in_xarray():
    xr, pint = pytest.importorskip("xarray"), pytest.importorskip("pint")
    quantity = pint.get_application_registry().Quantity
    array = xr.DataArray(quantity(np.array([1.0, np.nan, 4.0]), "m"), dims="x")
    mean, total = mypackage.average(array, weights=quantity([1, 5, 1], "s"), returned=True)
    assert mean.data == quantity(2.5, "m") and total.data == quantity(2.0, "s")
    assert mypackage.average(array, weights=[3, 1, 0]).data == quantity(1.0, "m")
    degrees = xr.DataArray(quantity(np.array([10.0, 20.0]), "degC"))
    assert mypackage.average(degrees, weights=[1, 1]).data == quantity(15.0, "degC")
    with pytest.raises(TypeError, match="offset"):
        mypackage.average(degrees, weights=degrees)


def test_masked_weights_of_xarray():
    xr = pytest.importorskip("xarray")
    array = xr.DataArray([[BIG, 1.0, -BIG], [1.0, 2.0, 3.0]], dims=("y", "x"))
    weights = np.ma.array([1, 2, 3], mask=[1, 0, 0])
    result = mypackage.average(array, axis=1, weights=weights)
    assert result.values.tolist() == [(2 - 3 * BIG) / 5, 13 / 5]


def test_lazy_second_inputs_of_labelled_elements():
    da = pytest.importorskip("dask.array")
    labels, weights = da.from_array(np.array([0, 0, 1])), da.from_array(np.array([1.0, 1.0, 2.0]))
    pd = pytest.importorskip("pandas")
    series = pd.Series([1.0, np.nan, 3.0])
    for call in (
        lambda: mypackage.group_sum(labels, series),
        lambda: mypackage.group_nansum(labels, series),
        lambda: mypackage.group_var(labels, series),
        lambda: mypackage.group_cumsum(labels, series),
        lambda: mypackage.average(series, weights=weights),
    ):
        with pytest.raises(TypeError, match=r"compute\(\)"):
            call()
    xr = pytest.importorskip("xarray")
    array = xr.DataArray([1.0, np.nan, 3.0], {"x": list("abc")}, "x")
    with pytest.raises(TypeError, match=r"give the labels' compute\(\)"):
        mypackage.group_sum(labels, array)
    for lazy in (weights, xr.DataArray(weights, dims="x")):
        result = mypackage.average(array, weights=lazy)
        assert isinstance(result, xr.DataArray) and result.compute().item() == 7 / 3


def test_plain_second_inputs_of_lazy_arrays():
    """Nulls, units and digits of what goes with a dask array are not lost on the way into one."""
    da, pa = pytest.importorskip("dask.array"), pytest.importorskip("pyarrow")
    labels, ones = da.from_array(np.array([0, 0, 0])), da.ones(3, chunks=2)
    large = [2**53 + 1, 0.5, -(2**53)]
    assert mypackage.group_sum(labels, large, size=1).compute().tolist() == [1.5]
    assert mypackage.vecdot(ones, large).compute() == 1.5
    assert mypackage.average(ones, weights=large).compute() == 1
    nulls = pa.array([1, None, 3])
    for call in (
        lambda: mypackage.group_sum(labels, nulls, size=1),
        lambda: mypackage.group_nanmean(labels, nulls, size=1),
        lambda: mypackage.vecdot(ones, nulls),
        lambda: mypackage.average(ones, weights=nulls),
    ):
        with pytest.raises(ValueError, match="1 of 3 values are null"):
            call()
    u = pytest.importorskip("astropy.units")
    lengths = u.Quantity([1.0, 2.0, 3.0], "m")
    for name in ("group_sum", "group_nansum", "group_count", "group_var", "group_cumsum"):
        with pytest.raises(TypeError, match=rf"^{name}: the unit"):
            getattr(mypackage, name)(labels, lengths, size=1)
    with pytest.raises(TypeError, match="vecdot: the unit"):
        mypackage.vecdot(ones, lengths)
    with pytest.raises(TypeError, match=r"without its unit; give their compute\(\)"):
        mypackage.average(lengths, weights=ones)
    assert mypackage.average(ones, weights=lengths).compute() == 1
    assert mypackage.average([1, 2, 6], weights=ones).compute() == 3


def test_weighted_means_of_groups():
    labels, weights = [0, 1, 1], [1, 2, 6]
    hidden = np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])
    assert mypackage.group_mean(labels, hidden, weights=weights).tolist() == [1.0, 3.0]
    hidden = np.ma.array([1.0, 2.0, 4.0], mask=[0, 0, 1])
    result = mypackage.group_mean([0, 1, 3], hidden, weights=weights)
    assert result.tolist()[:2] == [1.0, 2.0] and np.isnan(result[2]) and result.mask[3]
    rows = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    masked = np.ma.array(weights, mask=[0, 1, 0])
    result = mypackage.group_mean(labels, rows, weights=masked)
    assert result.tolist() == [[1.0, 3.0], [4.0, 6.0]]
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match="are null"):
        mypackage.group_mean(labels, rows[0], weights=pa.array([1, None, 2]))
    u = pytest.importorskip("astropy.units")
    with pytest.raises(TypeError, match="the unit"):
        mypackage.group_mean(labels, rows[0], weights=u.Quantity(weights, "s"))


def test_weighted_means_of_labelled_groups():
    pd = pytest.importorskip("pandas")
    labels = [0, 1, 1]
    series = pd.Series([BIG, 1.0, -BIG], index=list("abc"))
    weights = pd.Series([4, 2, 1], index=list("cab"))
    expected = [BIG, float(Fraction(1 - 4 * 2**53, 5))]
    assert mypackage.group_mean(labels, series, weights=weights).tolist() == expected
    assert mypackage.group_mean(labels, [BIG, 1, -BIG], weights=weights).tolist() == [
        BIG,
        float(Fraction(2 - 2**53, 3)),
    ]
    missing = pd.array([2**60 + 1, None, 3], "Int64")
    assert mypackage.group_mean(labels, missing, weights=[1, 2, 6]).tolist() == [2.0**60, 3.0]
    frame = pd.DataFrame({"x": [1.0, 2.0, np.nan], "n": [1, 2, 5]})
    result = mypackage.group_mean(labels, frame, axis=0, weights=[1, 2, 6])
    assert result.to_dict("list") == {"x": [1.0, 2.0], "n": [1.0, 34 / 8]}
    with pytest.raises(ValueError, match="the label 'a' of the elements"):
        mypackage.group_mean(labels, series, weights=pd.Series([1, 2, 3]))
    with pytest.raises(ValueError, match="must not be missing"):
        mypackage.group_mean(labels, series, weights=weights.where(weights > 1))
    xr = pytest.importorskip("xarray")
    array = xr.DataArray([[BIG, np.nan, -BIG], [1, 2, 3]], {"x": list("abc")}, ("y", "x"))
    weights = xr.DataArray([4.0, 2.0, 1.0], {"x": list("cab")}, "x")
    result = mypackage.group_mean(labels, array, weights=weights)
    assert result.dims == ("y", "group") and result.values.tolist() == [[BIG, -BIG], [1, 14 / 5]]
    assert mypackage.group_mean(labels, array, weights=[1, 2, 6]).values[1, 1] == 22 / 8


def test_summaries_of_labelled_numbers():
    pd, xr = pytest.importorskip("pandas"), pytest.importorskip("xarray")
    plain = mypackage.summarize([BIG, 1.0, -BIG])
    series = pd.Series([BIG, 1.0, -BIG], index=list("abc"))
    assert mypackage.summarize(series) == mypackage.summarize(xr.DataArray(series)) == plain
    assert mypackage.summarize(series.to_frame(), axis=(0, 1)) == plain
    nullable = mypackage.summarize(pd.array([2**60, None, 1], "Int64"))
    assert (nullable.count, nullable.nan_count, nullable.sum) == (3, 1, 2.0**60)
    with pytest.raises(ValueError, match=f"float64 does not hold {2**60 + 1}"):
        mypackage.summarize(pd.array([2**60 + 1, None], "Int64"))
    for labelled in (series.to_frame(), xr.DataArray([[1.0, 2.0]])):
        with pytest.raises(TypeError, match="have no labels"):
            mypackage.summarize(labelled, axis=1)


def test_empty_segments_of_objects_in_frames():
    pd = pytest.importorskip("pandas")
    half = np.array([1, 2], object) / np.array([2, 1], object)
    frame = pd.DataFrame({"o": half, "n": [1, 2]})
    result = mypackage.segment_mean(frame, [0, 0, 2], axis=0)
    assert result.isna().to_numpy().tolist() == [[True, True], [False, False]]
    assert mypackage.segment_mean(frame["o"], [0, 0, 2], axis=0).tolist()[1] == 1.25


def test_initial_values_are_not_rounded():
    times = np.array([1, 2], "m8[s]")
    assert mypackage.sum(times, initial=datetime.timedelta(seconds=2)) == np.timedelta64(5, "s")
    for initial in (1.5, "1", datetime.timedelta(microseconds=2)):
        with pytest.raises(TypeError, match=r"^sum: initial="):
            mypackage.sum(times, initial=initial)
    for initial in (Fraction(1, 3), Decimal("0.1"), np.ma.masked):
        for elements in ([1.0, 2.0], np.array([1.0, 2.0], "f4")):
            with pytest.raises(
                TypeError, match=r"^sum: initial must be a number that float.. holds"
            ):
                mypackage.sum(elements, initial=initial)
    held = (Fraction(1, 4), Decimal("0.25"), np.longdouble(0.25), np.float16(0.25), 0.25 + 0j)
    for initial in held:
        assert mypackage.sum([1.0, 2.0], initial=initial) == 3.25
    assert np.isnan(mypackage.sum([1.0, 2.0], initial=np.nan))
    assert mypackage.sum([1j, 2.0], initial=0.25j) == 2 + 1.25j
    assert mypackage.sum(np.array([1, Fraction(1, 3)], object), initial=Fraction(1, 3)) == (
        Fraction(5, 3)
    )
    u = pytest.importorskip("astropy.units")
    with pytest.raises(TypeError, match=r"^sum: initial: the unit .* give its \.value"):
        mypackage.sum([1.0, 2.0], initial=3 * u.m)


def calls_with(value, units=False):
    """Calls with an argument beside the elements that is not plain, by what their errors name."""
    two, ints = [1.0, 2.0], [1, 2, 3]
    for name in ("var", "std", "nanvar", "nanstd"):
        function = getattr(mypackage, name)
        yield f"{name}: mean", partial(function, two, mean=value(1.5))
        yield f"{name}: mean", partial(function, np.array(two), mean=value([1.5]))
        if units:
            # (Masked ones are left out.)
            yield f"{name}: weights", partial(function, two, weights=value(two))
    yield "cov: fweights", partial(mypackage.cov, two, fweights=value([1, 2]))
    yield "cov: ddof", partial(mypackage.cov, two, ddof=value(1))
    yield "cov: aweights", partial(mypackage.cov, two, aweights=value(two))
    for values in (ints, np.array([1.0, 2, 3]), np.ma.array(ints)):
        yield "segment_sum: offsets", partial(mypackage.segment_sum, values, value([0, 1, 3]))
    yield "move_sum: start", partial(mypackage.move_sum, two, start=value([0, 1]), end=[1, 2])
    yield "move_mean: end", partial(mypackage.move_mean, two, start=[0, 1], end=value([1, 2]))
    for name in ("group_sum", "group_mean", "group_var", "group_cumsum"):
        labels = [0, -1] if name == "group_cumsum" else [0, 0]
        options = {"fill_value": value(1.0), "size": 2}
        yield f"{name}: fill_value", partial(getattr(mypackage, name), labels, two, **options)
        if units:
            # (Elements with masked labels are left out.)
            yield f"{name}: group_idx", partial(getattr(mypackage, name), value([0, 1]), two)
    if units:
        for name in ("sum", "nansum"):
            for a in (two, np.array(two), np.array([[1, 2]]), np.array([1, 2], "m8[s]")):
                yield f"{name}: initial", partial(getattr(mypackage, name), a, initial=value(1))
        yield "move_sum: window", partial(mypackage.move_sum, two, value(2))
        yield "move_sum: min_count", partial(mypackage.move_sum, two, 2, value(1))


def test_masks_beside_the_elements_are_not_dropped():
    for begin, call in calls_with(lambda x: np.ma.array(x, mask=np.ones(np.shape(x), bool))):
        with pytest.raises(ValueError, match=rf"^{begin}: .*masked"):
            call()
    plain, shown = [1.0, 2.0], np.ma.array([1.0, 2.0])
    assert mypackage.var(plain, mean=shown[:1]) == mypackage.var(plain, mean=1.0)
    assert mypackage.cov(plain, aweights=shown) == mypackage.cov(plain, aweights=plain)
    assert mypackage.segment_sum(plain, np.ma.array([0, 2])).tolist() == [3]


def test_units_beside_the_elements_are_not_dropped():
    u, pint = pytest.importorskip("astropy.units"), pytest.importorskip("pint")
    quantity = pint.get_application_registry().Quantity
    for value in (lambda x: u.Quantity(x, "m"), lambda x: quantity(np.asarray(x)[()], "m")):
        for begin, call in calls_with(value, units=True):
            with pytest.raises(TypeError, match=rf"^{begin}: .* unit .* give"):
                call()


def test_missing_values_beside_the_elements_are_not_dropped():
    pd, pa = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    for missing in (
        pa.array([1, None]),
        pd.array([1, None], dtype="Int64"),
        pd.Series([1.0, None]),
    ):
        for call in (
            lambda x=missing: mypackage.var([1.0, 2.0], weights=x),
            lambda x=missing: mypackage.std([[1.0, 2.0]], axis=0, mean=x),
            lambda x=missing: mypackage.cov([1.0, 2.0], fweights=x),
            lambda x=missing: mypackage.segment_sum([1.0, 2.0], x),
        ):
            with pytest.raises(ValueError, match="missing"):
                call()
    with pytest.raises(TypeError, match="weights: a table is several columns"):
        mypackage.var([1.0, 2.0], weights=pa.table({"x": [1, 3]}))
    for given in (pa.array([1, 3]), pd.Series([1, 3]), pd.array([1, 3], dtype="Int64")):
        assert mypackage.var([1.0, 2.0], weights=given) == 3 / 16
        assert mypackage.segment_sum([1.0, 2.0, 4.0], given).tolist() == [6]


def test_masked_weights_of_moments_are_left_out():
    """As in `average`: with their elements, and what has no others is masked."""
    weights = np.ma.array([2, 9, 3], mask=[0, 1, 0])
    exact = mypackage.var([1.0, 5.0], weights=[2, 3])
    for a in ([1.0, 2.0, 5.0], np.array([1.0, np.nan, 5.0]), np.array([1, 2, 5], object)):
        assert mypackage.var(a, weights=weights) == exact
    assert mypackage.var(np.ma.array([1.0, 2.0, 5.0], mask=[1, 0, 0]), weights=weights) == 0
    table = np.arange(6.0).reshape(2, 3) ** 2
    got = mypackage.var(table, axis=1, weights=weights)
    assert got.tolist() == mypackage.var(table[:, ::2], axis=1, weights=[2, 3]).tolist()
    each = np.ma.array(np.ones((2, 3)), mask=[[1, 1, 1], [0, 0, 0]])
    assert mypackage.std(table, axis=1, weights=each).mask.tolist() == [True, False]
    assert mypackage.var([1.0], weights=np.ma.array([1.0], mask=[1])) is np.ma.masked


def test_nan_among_objects_of_xarray():
    xr, _ = pytest.importorskip("xarray"), pytest.importorskip("dask.array")
    values = np.array([2**70, np.nan, Fraction(1, 2)], object)
    array = xr.DataArray(values, {"x": list("abc")}, "x")
    kept = 2**70 + Fraction(1, 2)
    assert mypackage.ExactSum().add(array).value(object) == kept
    assert mypackage.ExactMoments().add(array).count == 2
    for given in (array, array.chunk(2)):
        assert mypackage.sum(given).compute().item() == kept
        assert mypackage.cumsum(given).compute().values.tolist() == [2**70, 2**70, kept]
        mean = mypackage.average(given, weights=[1, 2, 3]).compute().item()
        assert mean == (2**70 + Fraction(3, 2)) / 4
        assert mypackage.vecdot(given, given).compute().item() == 2**140 + Fraction(1, 4)
    products = mypackage.ExactSum().add_products(array.astype(float), array.astype(float))
    assert products.count == 2
