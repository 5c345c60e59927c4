"""The one rounding of Python's rational numbers, against GMP's floats and Python's own."""

import math
from fractions import Fraction

import gmpy2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mypackage._core.rounding import nearest, whole

# Bits, least and greatest exponent of a number of MPFR's that lies in [1/2, 1).
FORMATS = {"f2": (11, -23, 16), "f4": (24, -148, 128), "f8": (53, -1073, 1024)}


def rounded(x, dtype, root):
    """By MPFR, with subnormal numbers."""
    precision, emin, emax = FORMATS[dtype]
    with gmpy2.context(precision=precision, emin=emin, emax=emax, subnormalize=True) as context:
        context.round = gmpy2.RoundToNearest
        if not root:
            return float(gmpy2.mpfr(gmpy2.mpq(x.numerator, x.denominator)))
    # A root of more bits than are needed, and one more that tells whether others were cut off.
    scale = 2 * (1400 + x.denominator.bit_length())
    square = (abs(x.numerator) << scale) // x.denominator
    exact = (math.isqrt(square) ** 2 * x.denominator) == abs(x.numerator) << scale
    near = Fraction(2 * math.isqrt(square) + (not exact), 2 << scale // 2)
    return rounded(near if x > 0 else -near, dtype, False)


def halfway(dtype):
    """Numbers halfway between two of a format, and beside those."""
    precision, emin, emax = FORMATS[dtype]
    return st.builds(
        lambda mantissa, exponent, above, sign: (
            sign * (Fraction(2 * mantissa + 1) + Fraction(above, 2**200)) * Fraction(2) ** exponent
        ),
        st.integers(0, 2**precision),
        st.integers(emin - precision - 3, emax - precision + 2),
        st.sampled_from([-1, 0, 1]),
        st.sampled_from([-1, 1]),
    )


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("root", [False, True])
@given(data=st.data())
def test_nearest(dtype, root, data):
    x = data.draw(st.one_of(st.fractions(), st.integers(-(2**2000), 2**2000), halfway(dtype)))
    x = Fraction(x)
    if root:
        x = x * abs(x) if data.draw(st.booleans()) else x
    result = nearest(x, np.dtype(dtype), root)
    assert result == rounded(x, dtype, root)
    assert np.dtype(dtype).type(result) == result


def test_nearest_at_the_edges():
    for dtype, (precision, emin, emax) in FORMATS.items():
        kind, most = np.dtype(dtype), Fraction(float(np.finfo(dtype).max))
        half = Fraction(2) ** (emax - precision - 1)
        assert nearest(most + half, kind) == math.inf
        assert nearest(-(most + half), kind) == -math.inf
        assert nearest(most + half - Fraction(1, 2**2000), kind) == most
        least = Fraction(2) ** (emin - 1)
        assert nearest(least / 2, kind) == 0
        assert nearest(least / 2 + Fraction(1, 2**2000), kind) == least
        assert nearest(least**2 / 4, kind, root=True) == 0
        assert nearest(0, kind) == 0


@given(st.integers(0, 2**300), st.integers(1, 2**200))
def test_whole(numerator, denominator):
    assert whole(numerator, denominator, False) == round(Fraction(numerator, denominator))
    root = whole(numerator, denominator, True)
    square = Fraction(numerator, denominator)
    below, above = Fraction(2 * root - 1, 2) ** 2, Fraction(2 * root + 1, 2) ** 2
    assert (root == 0 or below <= square) and square <= above
    assert square not in (below, above) or root % 2 == 0
