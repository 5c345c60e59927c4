"""The kernels at their edges: sizes around every block, numbers that each check must notice.

Sums and means of whole arrays, columns, rows and strided lines, compared with integer arithmetic;
then the same bits on every instruction set and number of threads.
"""

import functools
import hashlib
import itertools
import mmap
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from reference import exact_total, exact_vecdot, rounded_quotient, same

import mypackage

# Around a block of rows (256), a panel of columns (512), a vector, a block (2048) and a short run.
SHAPES = [(257, 9), (33, 513), (600, 3), (513, 17), (3, 1025), (4097, 1), (520, 64), (2049, 5)]
BIG = (70_000, 5)  # enough for threads, and for a narrow matrix to be folded


def spread(rng, shape, low, high):
    """Numbers of either sign, the exponents uniform."""
    return np.ldexp(rng.uniform(-2, 2, shape), rng.integers(low, high, shape))


def with_outliers(rng, shape, exponents):
    a = rng.random(shape)
    a[::255, rng.integers(shape[1])] *= 2.0 ** rng.choice(exponents)
    return a


def cancelling(rng, shape):
    a = spread(rng, shape, -60, 60)
    half = len(a) // 2
    a[half : 2 * half] = -a[:half][::-1]
    return a


def jumping(rng, shape, exponents):
    """Another scale in each panel of rows."""
    a = rng.standard_normal(shape)
    for row in range(0, len(a), 256):
        a[row : row + 256] *= 2.0 ** rng.choice(exponents)
    return a


def late(rng, shape, exponent):
    """Zeros, then numbers."""
    a = np.zeros(shape)
    a[len(a) // 2 :] = rng.standard_normal((len(a) - len(a) // 2, shape[1])) * 2.0**exponent
    return a


def with_specials(rng, shape, specials):
    a = rng.random(shape)
    a.flat[rng.integers(0, a.size, len(specials))] = specials
    return a


def midpoint(rng, shape, nudge):
    """Half way between two numbers, or next to it."""
    a = np.zeros(shape)
    a[0], a[-1] = 1 + 2.0**-52, 2.0**-53
    a[len(a) // 2] += nudge
    return a


def tails(rng, shape):
    """One long tail of bits in many numbers of one size: the remainder is seldom zero."""
    return 1 + rng.integers(0, 2**52, shape) * 2.0**-52 + rng.choice([0, 2.0**-40], shape)


DATA = {
    "uniform": lambda rng, s: rng.random(s),
    "normal": lambda rng, s: rng.standard_normal(s),
    "integers": lambda rng, s: rng.integers(-(2**53), 2**53, s).astype(float),
    "zeros": lambda rng, s: rng.choice([0.0, -0.0], s),
    "few": lambda rng, s: np.where(rng.random(s) < 0.01, rng.random(s), -0.0),
    "spread 12": lambda rng, s: spread(rng, s, -12, 12),
    "spread 25": lambda rng, s: spread(rng, s, -25, 25),
    "spread 60": lambda rng, s: spread(rng, s, -60, 60),
    "spread 1000": lambda rng, s: spread(rng, s, -1070, 1000),
    "outliers": lambda rng, s: with_outliers(rng, s, [9, 10, 13, 14, 40]),
    "tiny outliers": lambda rng, s: with_outliers(rng, s, [-60, -200, -1000]),
    "subnormal": lambda rng, s: rng.integers(-(2**40), 2**40, s) * 5e-324,
    "at the bottom": lambda rng, s: spread(rng, s, -1074, -1000),
    "at the top": lambda rng, s: rng.choice([2.0**1022, -(2.0**1022), 1.7e308, -1.7e308, 1.0], s),
    "cancelling": cancelling,
    "jumps up and down": lambda rng, s: jumping(rng, s, [0, 13, -60, 60, 300, -300]),
    "zeros first": lambda rng, s: late(rng, s, 0),
    "zeros, then huge": lambda rng, s: late(rng, s, 1000),
    "columns of many scales": lambda rng, s: (
        rng.standard_normal(s) * np.exp2(rng.integers(-500, 500, s[1]))
    ),
    "rows of many scales": lambda rng, s: (
        rng.standard_normal(s) * np.exp2(rng.integers(-500, 500, (s[0], 1)))
    ),
    "inf": lambda rng, s: with_specials(rng, s, [np.inf]),
    "nan": lambda rng, s: with_specials(rng, s, [np.nan]),
    "inf - inf": lambda rng, s: with_specials(rng, s, [np.inf, -np.inf, np.inf]),
    "midpoint": lambda rng, s: midpoint(rng, s, 0.0),
    "above a midpoint": lambda rng, s: midpoint(rng, s, 2.0**-200),
    "below a midpoint": lambda rng, s: midpoint(rng, s, -5e-324),
    "tails": tails,
}


def matrix(kind: str, shape: tuple[int, int], dtype: str) -> np.ndarray:
    rng = np.random.default_rng([list(DATA).index(kind), *shape])
    with np.errstate(over="ignore", under="ignore"):
        return np.ascontiguousarray(DATA[kind](rng, shape).astype(dtype))


def views(a: np.ndarray):
    """Equal arrays that are read in other ways."""
    yield a
    yield np.asfortranarray(a)
    yield a.astype(a.dtype.newbyteorder())
    for step, between in ((2, 1.0), (3, np.nan), (-5, 1.0), (7, np.nan)):
        wide = np.full((len(a), a.shape[1] * abs(step)), between, a.dtype)
        wide[:, ::step] = a
        yield wide[:, ::step]
    tall = np.full((len(a) * 3, a.shape[1]), np.nan, a.dtype)
    tall[::-3] = a
    yield tall[::-3]


def some(count: int) -> list[int]:
    """The first and last few, and some between."""
    return sorted({*range(min(count, 5)), *range(max(count - 3, 0), count), *range(0, count, 97)})


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", ["d", "f", "e"])
@pytest.mark.parametrize("kind", DATA)
def test_sums_and_means(kind, dtype):
    """Each shape, as any view, along each axis."""
    shapes = SHAPES if dtype == "d" else SHAPES[:3]
    for shape in shapes:
        a = matrix(kind, shape, dtype)
        for axis, lines in ((0, a.T), (1, a), (None, a.reshape(1, -1))):
            at = some(len(lines))
            totals = [exact_total(lines[i]) for i in at]
            count = lines.shape[1]
            for function, divisor in ((mypackage.sum, 1), (mypackage.mean, count)):
                expected = np.array([rounded_quotient(t, divisor, a.dtype) for t in totals])
                for view in views(a):
                    same(np.atleast_1d(function(view, axis))[at], expected)


@pytest.mark.parametrize("exponent", [-70, 20, 60, 100])
def test_a_panel_that_changes_after_its_first_rows(exponent):
    """The scale of the panel before suits the first block of rows, and not the next."""
    a = np.random.default_rng(1).random((600, 2100))
    a[256:, 1024:] *= 2.0**exponent
    for columns in (a, a.astype("f")):
        at = [0, 1023, 1024, 1500, 2047, 2048, 2099]
        totals = [exact_total(columns[:, i]) for i in at]
        expected = np.array([rounded_quotient(t, 1, columns.dtype) for t in totals])
        with mypackage.threads(1):
            same(mypackage.sum(columns, axis=0)[at], expected)


@pytest.mark.parametrize("step", [1, 2, 3, 7, -40])
def test_what_is_left_out_of_a_line(step):
    rng = np.random.default_rng(3)
    a = rng.integers(-99, 99, 6000 * abs(step)).astype(float)[::step]
    mask = rng.random(6000) < 0.5
    same(mypackage.sum(a, where=mask), np.sum(a[mask]))
    same(mypackage.mean(a, where=mask), np.mean(a[mask]))
    a[mask] = np.nan
    same(mypackage.nansum(a), np.sum(a[~mask]))
    same(mypackage.nanmean(a), np.mean(a[~mask]))


@pytest.mark.parametrize("dtype", ["d", "e", "q", "b"])
def test_masks_of_narrow_matrices(dtype):
    """The mask's memory is not laid out as that of the numbers."""
    rng = np.random.default_rng(2)
    a = rng.integers(-100, 100, (700, 3)).astype(dtype)
    wide = rng.random((1400, 7)) < 0.5
    for mask in (wide[::2, :1], wide[::2, ::3], wide[700::-1, 2:5][:700], wide[:700, 3:6]):
        for function in (mypackage.sum, mypackage.mean):
            twin = getattr(np, function.__name__)
            expected = twin(a.astype("d"), axis=0, where=mask)
            same(function(a, axis=0, where=mask, dtype="d"), expected)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", ["d", "f"])
@pytest.mark.parametrize("kind", DATA)
def test_batches_of_runs_that_are_added_up(kind, dtype):
    """The middle axis is kept: each result is the sum of many short runs."""
    for size, length in ((30, 50), (7, 400), (500, 3)):
        a = matrix(kind, (12 * size, length), dtype).reshape(12, size, length)
        lines = a.swapaxes(0, 1).reshape(size, -1)
        at = some(size)
        totals = [exact_total(lines[i]) for i in at]
        for function, divisor in ((mypackage.sum, 1), (mypackage.mean, lines.shape[1])):
            expected = np.array([rounded_quotient(t, divisor, a.dtype) for t in totals])
            same(function(a, (0, 2))[at], expected)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", ["d", "f"])
@pytest.mark.parametrize("kind", DATA)
def test_complex_numbers(kind, dtype):
    """Real and imaginary parts are summed in turn, each as the numbers that it is."""
    for shape in ((9001,), (3, 1500), (4, 3, 700), (12, 30, 25), (5, 2049)):
        parts = matrix(kind, (int(np.prod(shape)), 2), dtype)
        a = parts.view(parts.dtype.char.upper()).reshape(shape)
        parts = parts.reshape(*shape, 2)
        for axis in (None, -1, (0, -1), 0):
            axes = range(len(shape)) if axis is None else np.atleast_1d(axis)
            axes = tuple({int(i) % len(shape) for i in axes})
            expected = [mypackage.sum(parts[..., i].copy(), axes) for i in (0, 1)]
            total = np.asarray(mypackage.sum(a, axes))
            same(np.asarray(total.real), np.asarray(expected[0]))
            same(np.asarray(total.imag), np.asarray(expected[1]))


@pytest.mark.parametrize("dtype", ["d", "f", "q", "D", "F"])
def test_rows_of_two_numbers_in_turn(dtype):
    """Many short rows of complex numbers, or of pairs, in two orders of memory."""
    rng = np.random.default_rng(5)
    for rows, length in ((1040, 1), (2080, 2), (1100, 3), (600, 7)):
        pairs = rng.integers(-50, 50, (rows, length, 2))
        a = pairs.astype(dtype.lower())
        a = a.view(dtype)[..., 0] if dtype in "DF" else a
        turned = a.reshape(rows // 20, 20, *a.shape[1:]).swapaxes(0, 1)
        same(mypackage.sum(a, axis=1), np.sum(a, axis=1))
        same(mypackage.sum(turned, axis=2), np.sum(turned, axis=2))


def test_batches_of_runs_that_cancel():
    """Sums of upper and lower parts that no longer fit a number, of which nothing is left."""
    rng = np.random.default_rng(6)
    a = rng.uniform(1, 2, (60, 64, 10)) * rng.choice([1, 2.0**-40], (60, 64, 10))
    a = np.concatenate([a, -a[rng.permutation(60)]])
    a[7, :, 3] += 2.0**-30
    a[70, :, 3] -= 2.0**-30
    at = some(64)
    totals = [exact_total(a[:, i].ravel()) for i in at]
    expected = np.array([rounded_quotient(t, 1, a.dtype) for t in totals])
    same(mypackage.sum(a, (0, 2))[at], expected)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("kind", ["uniform", "spread 25", "outliers", "jumps up and down", "tails"])
def test_threads(kind):
    """Enough numbers to be shared out, of both shapes."""
    for a in (matrix(kind, BIG, "d"), matrix(kind, BIG, "d").T.copy()):
        expected = [
            np.array([rounded_quotient(exact_total(x), 1, a.dtype) for x in lines])
            for lines in (a.T[:5], a[:5], a.reshape(1, -1))
        ]
        for threads in (1, 2, 3, 7):
            with mypackage.threads(threads):
                for axis, wanted in zip((0, 1, None), expected, strict=True):
                    same(np.atleast_1d(mypackage.sum(a, axis))[:5], wanted)


@functools.cache
def digest() -> str:
    """Of sums and means of all kinds of numbers."""
    result = hashlib.sha256()
    with np.errstate(all="ignore"):
        for kind in DATA:
            for shape in SHAPES[:4]:
                a = matrix(kind, shape, "d")
                for view in (a, a[:, ::-2], a.astype("f")):
                    for axis in (0, 1, None):
                        result.update(np.asarray(mypackage.sum(view, axis)).tobytes())
                        result.update(np.asarray(mypackage.mean(view, axis)).tobytes())
                deep = a[: len(a) // 4 * 4].reshape(4, -1, a.shape[1])
                result.update(np.asarray(mypackage.sum(deep, (0, 2))).tobytes())
                complex_ = a.ravel()[: a.size // 2 * 2].view(complex)
                result.update(np.asarray(mypackage.sum(complex_)).tobytes())
                result.update(np.asarray(mypackage.vecdot(a, a[::-1])).tobytes())
                result.update(np.asarray(mypackage.cumsum(a, 1)).tobytes())
    return result.hexdigest()


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_every_instruction_set(isa, capsys):
    """The bits are those of this process's instruction set, which the tests above check."""
    if isa not in mypackage.show_config()["isas_available"]:
        pytest.skip(f"this machine has no {isa}")
    code = "import test_kernels; print(test_kernels.digest())"
    environment = {**os.environ, "MYPACKAGE_ISA": isa, "MYPACKAGE_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", code]
    directory = os.path.dirname(__file__)
    ran = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment, cwd=directory
    )
    assert ran.stdout.strip() == digest()


@pytest.mark.parametrize("length", [*range(1, 34), 63, 65, 129, 511, 513, 1023, 1024, 1025])
def test_short_runs(length):
    """Batches of 511 to 513 runs, with and without gaps, the last of them the largest numbers."""
    rng = np.random.default_rng(length)
    for count in (511, 512, 513) if length < 100 else (5, 9):
        for gap in (0, 1, 8):
            wide = spread(rng, (count, length + gap), -6, 6)
            wide[:, length:] = np.nan
            wide[-1] *= 2.0**8
            a = wide[:, :length]
            at = [0, count // 2, count - 2, count - 1]
            totals = [exact_total(a[i]) for i in at]
            for function, divisor in ((mypackage.sum, 1), (mypackage.mean, length)):
                expected = np.array([rounded_quotient(t, divisor, a.dtype) for t in totals])
                same(function(a, axis=1)[at], expected)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("apart", [0, 33, 34, 90, 500])
def test_products(apart):
    """One product in a block smaller by so many binades than the others, and one that vanishes."""
    rng = np.random.default_rng(apart)
    for count in (12, 100, 2049):
        for centre in (0, -430, -480, -520, 500):
            x, y = (np.ldexp(rng.uniform(1, 2, count), centre) for _ in "xy")
            x[count // 2] = np.ldexp(1 + 2.0**-52, centre - apart)
            y[:: max(count // 3, 1)] *= -1
            same(mypackage.vecdot(x, y), np.float64(exact_vecdot(x, y)))
            x[1] = y[1] = 2.0**-600
            x[2] = 0.0
            same(mypackage.vecdot(x, y), np.float64(exact_vecdot(x, y)))


@pytest.mark.parametrize("kind", ["q", "Q", "i", "b", "?"])
def test_integers(kind):
    """The extremes of each type, along each axis."""
    dtype = np.dtype(kind)
    low, high = (0, 1) if kind == "?" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        a = rng.choice(np.array([low, high, 0, 1], dtype), shape)
        for axis in (0, 1, None):
            expected = np.sum(a.astype(object) + 0, axis)
            assert np.array_equal(mypackage.sum(a, axis, dtype=object), expected)
            turned = a[:, ::-1] if axis == 1 else a[::-1]
            assert np.array_equal(mypackage.sum(turned, axis, dtype=object), expected)


def test_any_byte_but_0_is_true():
    raw = np.array([0, 1, 2, 128, 255] * 900, np.uint8)
    a, plain = raw.view(bool), raw != 0
    for shape in (4500, (900, 5), (5, 900)):
        for step in (1, 3):
            odd, even = a.reshape(shape)[::step], plain.reshape(shape)[::step]
            for function in (mypackage.sum, mypackage.mean, mypackage.cumsum):
                same(function(odd), function(even))
                same(function(odd, axis=0), function(even, axis=0))
            x = np.arange(odd.size, dtype=float).reshape(odd.shape)
            x.flat[::7] = x.flat[-1] = np.nan
            for y in (x, x + 1j * np.arange(odd.size).reshape(odd.shape)):
                same(mypackage.nansum(y, where=odd), mypackage.nansum(y, where=even))
                same(mypackage.nanmean(y, where=odd), mypackage.nanmean(y, where=even))
                same(mypackage.nanmean(y, where=a[2:3]), mypackage.nanmean(y))
    same(mypackage.vecdot(a, np.ones(4500)), np.float64(3600))


@pytest.mark.parametrize("exponent", range(6, 70))
def test_a_number_that_comes_and_goes(exponent):
    """The last bits of what a lane held are lost to the large number, and it leaves no trace.

    Both are 32 numbers apart, and so in one lane of any vectors and streams.
    """
    for tail in (2.0**-30, 2.0**-36, 2.0**-45):
        for count in (1000, 5000):
            a = np.full(count, 1 + tail)
            a[500], a[532] = 2.0**exponent, -(2.0**exponent)
            expected = np.float64(rounded_quotient(exact_total(a), 1, a.dtype))
            same(mypackage.sum(a), expected)
            same(mypackage.vecdot(a, np.ones(count)), expected)
            same(mypackage.sum(np.repeat(a, 3)[::3]), expected)
            same(mypackage.sum(np.stack([a, -a, a], axis=1), axis=0)[2], expected)


def test_sums_that_fill_their_integers():
    """Numbers larger than those that the scale was chosen by, as many as there is room for."""
    numbers = np.full(2_200_300, 15.75)
    numbers[:600] = 1.0
    # Row i begins at number 2 i: little memory for many rows.
    columns = np.lib.stride_tricks.as_strided(numbers, (1_100_000, 260), (16, 8))
    ones = (600 - np.arange(260) + 1) // 2
    with mypackage.threads(1):
        same(mypackage.sum(columns, axis=0), ones + 15.75 * (1_100_000 - ones))
        folded = np.full((1_300_000, 3), 15.75, "f")
        folded[:9000] = 1.0
        same(mypackage.sum(folded, axis=0, dtype="d"), np.full(3, 9000 + 15.75 * 1_291_000))
        labels = np.zeros(5_000_000, np.int64)
        grouped = np.broadcast_to(np.float32(1.9375), labels.shape)
        same(mypackage.group_sum(labels, grouped, dtype="d"), np.array([1.9375 * 5_000_000]))
        # Small numbers are where the scale is guessed from.
        mixed = np.full((16, 312_500), 15.75)
        mixed[:, :512] = 1.0
        same(mypackage.group_sum(labels, mixed.ravel()), np.array([15.75 * 4_991_808 + 8192]))


@pytest.mark.skipif(not hasattr(mmap, "PROT_READ"), reason="protects memory")
def test_nothing_beyond_the_array_is_read():
    """Arrays that end, or begin, at memory that may not be read: a wrong step would be a crash."""
    code = """
import ctypes, mmap
import numpy as np
import mypackage

page = mmap.PAGESIZE
memory = mmap.mmap(-1, 18 * page)
start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
libc = ctypes.CDLL(None)
for guard in (start, start + 17 * page):
    assert libc.mprotect(ctypes.c_void_p(guard), ctypes.c_size_t(page), 0) == 0
readable = np.frombuffer((ctypes.c_char * (16 * page)).from_address(start + page), np.uint8)

def check(a, axis):
    for function in (mypackage.sum, mypackage.mean):
        assert function(a, axis).tobytes() == function(a.copy(), axis).tobytes()

for dtype in "dfeb":
    whole = readable.view(dtype)
    whole[:] = np.arange(len(whole)) % 2
    for rows in (1, 2, 3, 9, 33, 100):
        for columns in (*range(1, 20), 31, 64, 65):
            count = rows * columns
            for end in (whole[len(whole) - count:], whole[:count]):
                for a in (end.reshape(rows, columns), end.reshape(rows, columns)[::-1, ::-1]):
                    for axis in (0, 1, None):
                        check(a, axis)
                        check(a.T, axis)
                if dtype != "b":
                    assert mypackage.vecdot(end, end) == mypackage.sum(end)
    for step in range(1, 10):
        for count in (1, 5, 31, 257, 700):
            span = (count - 1) * step + 1
            check(whole[len(whole) - span :: step], None)
            check(whole[span - 1 :: -step], None)
print("done")
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, "done\n"), ran.stderr


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_another_thread_may_write():
    """Any numbers may come out, but nothing breaks, and the next sums are right."""
    a = np.zeros((600, 500))
    labels = np.zeros(500, np.int64)
    kinds = [matrix(kind, a.shape, "d") for kind in ("uniform", "spread 1000", "nan")]
    done = threading.Event()

    def write():
        for numbers in itertools.cycle(kinds):
            a[:] = numbers
            labels[:] = numbers[0] > 0.5
            if done.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(20):
            for axis in (None, 0, 1):
                assert isinstance(np.sum(mypackage.sum(a[:, ::2], axis)), float)
                assert isinstance(np.sum(mypackage.mean(a, axis)), float)
            assert mypackage.vecdot(a, a[::-1]).shape == (600,)
            assert mypackage.cumsum(a, axis=1).shape == a.shape
            assert mypackage.group_sum(labels, a, axis=1, size=2).shape == (600, 2)
    finally:
        done.set()
        writer.join()
    same(mypackage.sum(a), np.float64(rounded_quotient(exact_total(a.ravel()), 1, a.dtype)))
