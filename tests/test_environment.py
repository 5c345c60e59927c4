"""The caller's floating-point environment: what other libraries leave behind changes no bit.

Rounding modes are set by `fesetround`, flushing of subnormal numbers by `fesetenv` with the bits of
MXCSR, on the calling thread, before and after the threads of the pool are made.
"""

import ctypes
import ctypes.util
import platform
import subprocess
import sys

import numpy as np
import pytest

import mypackage

libm = ctypes.CDLL(ctypes.util.find_library("m") or None)
X86 = platform.machine() in ("x86_64", "AMD64") and sys.platform == "linux"
pytestmark = pytest.mark.skipif(not X86, reason="the layout of glibc's fenv_t on x86-64")

# Bits of MXCSR.
FLUSH, DENORMALS_ARE_ZEROS = 1 << 15, 1 << 6
ROUNDING = {"down": 1 << 13, "up": 2 << 13, "to zero": 3 << 13}
MODES = {
    **ROUNDING,
    "flush": FLUSH,
    "flush both": FLUSH | DENORMALS_ARE_ZEROS,
    "all": FLUSH | DENORMALS_ARE_ZEROS | ROUNDING["up"],
}


class Mode:
    """Sets control bits of MXCSR (at byte 28 of fenv_t) for a block."""

    def __init__(self, bits):
        self.bits = bits

    def __enter__(self):
        self.saved = ctypes.create_string_buffer(32)
        assert libm.fegetenv(self.saved) == 0
        changed = ctypes.create_string_buffer(self.saved.raw, 32)
        register = ctypes.c_uint32.from_buffer(changed, 28)
        register.value |= self.bits
        assert libm.fesetenv(changed) == 0

    def __exit__(self, *_):
        assert libm.fesetenv(self.saved) == 0


def data(dtype, size, seed=1):
    rng = np.random.default_rng(seed)
    if dtype in "qQib":
        return rng.integers(0, 100, size).astype(dtype)
    part = {"D": "d", "F": "f"}.get(dtype, dtype)
    low = {"d": -1074, "f": -149, "e": -24}[part]
    high = min(low + 60, 14) if part == "e" else low + 60
    size *= 2 if dtype in "DF" else 1
    x = np.ldexp(rng.uniform(-1, 1, size), rng.integers(low, high, size))
    x = x.astype(part)
    x[:: max(size // 5, 1)] = np.ldexp(1.0, low)  # the smallest subnormal number
    return x.view(dtype)


FUNCTIONS = {
    "sum": lambda a: mypackage.sum(a),
    "mean": lambda a: mypackage.mean(a),
    "sum axis 0": lambda a: mypackage.sum(a.reshape(-1, 5), axis=0),
    "mean axis 1": lambda a: mypackage.mean(a.reshape(-1, 5), axis=1),
    "sum long rows": lambda a: mypackage.sum(a.reshape(5, -1), axis=1),
    "few rows": lambda a: mypackage.sum(a.reshape(5, -1), axis=0),
    "strided": lambda a: mypackage.sum(a[::3]),
    "swapped": lambda a: mypackage.sum(a.byteswap().view(a.dtype.newbyteorder())),
    "nansum": lambda a: mypackage.nansum(a),
    "nanmean": lambda a: mypackage.nanmean(a.reshape(-1, 5), axis=0),
    "where": lambda a: mypackage.sum(a, where=MASKS[a.size]),
    "vecdot": lambda a: mypackage.vecdot(a, a[::-1]),
    "vecdot axis": lambda a: mypackage.vecdot(a.reshape(-1, 5), a.reshape(-1, 5), axis=0),
    "sum_of_squares": lambda a: mypackage.sum_of_squares(a),
    "cumsum": lambda a: mypackage.cumsum(a),
    "cumsum axis 0": lambda a: mypackage.cumsum(a.reshape(-1, 5), axis=0),
    "group_sum": lambda a: mypackage.group_sum(LABELS[a.size], a),
    "group_mean": lambda a: mypackage.group_mean(LABELS[a.size], a),
    "ExactSum": lambda a: exact_sum(a),
    "var": lambda a: mypackage.var(a),
    "var axis 0": lambda a: mypackage.var(a.reshape(-1, 5), axis=0, ddof=1),
    "nanstd axis 1": lambda a: mypackage.nanstd(a.reshape(-1, 5), axis=1),
    "std where": lambda a: mypackage.std(a, where=MASKS[a.size]),
    "var given a mean": lambda a: mypackage.var(a, mean=mypackage.mean(a)),
    "norm": lambda a: mypackage.norm(a),
    "norm axis 0": lambda a: mypackage.norm(a.reshape(-1, 5), axis=0),
    "cov": lambda a: mypackage.cov(a.reshape(5, -1)),
    "corrcoef": lambda a: mypackage.corrcoef(a.reshape(5, -1)),
    "group_var": lambda a: mypackage.group_var(LABELS[a.size], a),
    "group_std": lambda a: mypackage.group_std(LABELS[a.size], a),
    "move_sum": lambda a: mypackage.move_sum(a, 7, min_count=1),
    "move_mean": lambda a: mypackage.move_mean(a, 7),
    "move_var": lambda a: mypackage.move_var(a, 7),
    "move_std": lambda a: mypackage.move_std(a, 7),
    "segment_sum": lambda a: mypackage.segment_sum(a, [0, 3, 10, a.size]),
    "segment_mean": lambda a: mypackage.segment_mean(a, [0, 3, 10, a.size]),
    "vecmat": lambda a: mypackage.vecmat(a[:5], a[:15].reshape(5, 3)),
    "matmul": lambda a: mypackage.matmul(a[:15].reshape(3, 5), a[:15].reshape(5, 3)),
    "average": lambda a: mypackage.average(a.real, weights=abs(a.real)),
}
SIZES = [15, 1000, 5000]
MASKS = {size: np.random.default_rng(3).random(size) < 0.7 for size in [*SIZES, 300_000]}
LABELS = {size: np.random.default_rng(4).integers(0, 7, size) for size in [*SIZES, 300_000]}


def exact_sum(a):
    total = mypackage.ExactSum()
    total.add(a)
    return total.value()


def bits(x):
    return x if isinstance(x, bytes) else (np.asarray(x).dtype.char, np.asarray(x).tobytes())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["d", "f", "e", "D", "F", "q", "i"])
def test_same_bits(mode, function, dtype):
    for size in SIZES:
        a = data(dtype, size)
        call = FUNCTIONS[function]
        with np.errstate(all="ignore"):
            expected = bits(call(a))
            with Mode(MODES[mode]):
                found = call(a)
            assert bits(found) == expected, (mode, function, dtype, size)


@pytest.mark.parametrize("mode", ["up", "flush both"])
def test_threads(mode):
    """Enough numbers for several threads, which were started before."""
    for dtype in "df":
        a = data(dtype, 300_000)
        for name in ["sum", "sum axis 0", "mean axis 1", "vecdot", "where", "cumsum"]:
            expected = bits(FUNCTIONS[name](a))
            with Mode(MODES[mode]):
                found = FUNCTIONS[name](a)
            assert bits(found) == expected, (mode, name, dtype)


def test_the_smallest_number_is_not_zero():
    """Times infinity it is infinity; a zero would be invalid."""
    x, y = np.array([5e-324, 1.0]), np.array([np.inf, 1.0])
    with Mode(MODES["flush both"]):
        assert bits(mypackage.vecdot(x, y)) == bits(np.float64(np.inf))


def test_threads_that_keep_the_mode():
    """A pool that is made in another mode keeps it when the caller has left it."""
    code = """
import numpy as np
import mypackage
import test_environment as this
a = this.data("f", 3_000_000)
with this.Mode(this.MODES["all"]):
    inside = mypackage.sum(a)
outside = mypackage.sum(a)
columns = mypackage.sum(a.reshape(-1, 50), axis=0)
one = mypackage.set_num_threads(1)
assert inside == outside == mypackage.sum(a), (inside, outside)
assert columns.tobytes() == mypackage.sum(a.reshape(-1, 50), axis=0).tobytes()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_mode_is_left_alone():
    a = data("d", 5000)
    for bits_ in MODES.values():
        with Mode(bits_):
            before = ctypes.create_string_buffer(32)
            after = ctypes.create_string_buffer(32)
            libm.fegetenv(before)
            mypackage.sum(a)
            mypackage.cumsum(a)
            libm.fegetenv(after)
        controls = [int.from_bytes(b.raw[28:32], "little") & ~0x3F for b in (before, after)]
        assert controls[0] == controls[1]
