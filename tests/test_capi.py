"""The C library and its ctypes front."""

import ctypes
import gc
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from reference import exact_sum, exact_vecdot, fibonacci, fibonacci_mod

import mypackage
from mypackage import capi

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def same(x, y):
    """The same bits, all NaNs being one."""
    return (np.isnan(x) and np.isnan(y)) or np.float64(x).tobytes() == np.float64(y).tobytes()


def strided(numbers, step, shift):
    """The numbers at a stride of `step` bytes, `shift` bytes off alignment; read-only."""
    numbers = np.asarray(numbers)
    start = max(0, -step * (numbers.size - 1))
    memory = np.zeros(abs(step) * numbers.size + start + numbers.itemsize + shift, np.uint8)
    view = np.ndarray(numbers.shape, numbers.dtype, memory, start + shift, (step,))
    view[...] = numbers
    view.flags.writeable = False
    return view


@pytest.fixture(scope="module")
def header():
    return pathlib.Path(mypackage.get_include(), "mypackage.h").read_text()


def declared(header):
    code = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    return set(re.findall(r"\b(mypackage_\w+)\(", code))


def compiler(*names):
    for name in names:
        if path := shutil.which(name):
            return path
    pytest.skip(f"no compiler: {' or '.join(names)}")


# The header and the library


@pytest.mark.parametrize(
    ("names", "standard"),
    [(("cc", "gcc", "clang"), "-xc -std=c99"), (("c++", "g++", "clang++"), "-xc++ -std=c++11")],
)
def test_header_is_clean(names, standard, tmp_path):
    source = tmp_path / "empty"
    source.write_text("#include <mypackage.h>\n#include <mypackage.h>\n")
    command = [compiler(*names), *standard.split(), "-Wall", "-Wextra", "-Werror", "-pedantic"]
    subprocess.run(
        [*command, "-fsyntax-only", "-I", mypackage.get_include(), str(source)], check=True
    )


def test_header_is_what_the_library_exports(header):
    if sys.platform != "linux":
        pytest.skip("reads ELF symbols")
    lines = subprocess.run(
        [compiler("nm"), "-D", mypackage.get_library()], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    exported = {line.split()[-1] for line in lines if re.search(r" [TDBR] ", line)}
    assert exported == declared(header), "left: bindings/capi/src; right: mypackage.h"
    undefined = {line.split()[-1] for line in lines if " U " in line}
    assert not {name for name in exported | undefined if name.startswith(("Py", "_Py"))}


def test_front_declares_every_function(header):
    functions = {*capi._STATUS_FUNCTIONS, *capi._OTHER_FUNCTIONS}
    named = {f"mypackage_{name}" for name in functions}
    assert named == declared(header), "left: the tables in mypackage/capi.py; right: mypackage.h"


def test_front_knows_every_status(header):
    numbers = dict(re.findall(r"(MYPACKAGE_\w+) = (\d)", header))
    assert numbers.pop("MYPACKAGE_OK") == "0"
    assert {int(number) for number in numbers.values()} == set(capi.STATUS_EXCEPTIONS)
    by_name = {name: capi.STATUS_EXCEPTIONS[int(number)] for name, number in numbers.items()}
    assert by_name["MYPACKAGE_ERROR_OVERFLOW"] is OverflowError
    assert by_name["MYPACKAGE_ERROR_TYPE"] is TypeError
    assert by_name["MYPACKAGE_ERROR_IO"] is OSError


def test_version():
    assert capi.version() == mypackage.__version__


# Greeting and adding


@pytest.mark.parametrize("interface", [mypackage, capi])
def test_hello(interface, capsys):
    assert interface.hello() is None
    assert capsys.readouterr().out == "Hello from rust\n"


@pytest.mark.parametrize("interface", [mypackage, capi])
@given(left=st.integers(-(2**31), 2**31 - 1), right=st.integers(-(2**31), 2**31 - 1))
def test_add(interface, left, right):
    if -(2**31) <= left + right < 2**31:
        assert interface.add(left, right) == left + right
    else:
        with pytest.raises(OverflowError, match=str(left + right)):
            interface.add(left, right)


@pytest.mark.parametrize("interface", [mypackage, capi])
def test_add_refuses_what_does_not_fit(interface):
    assert interface.add(3, 5) == 8
    assert interface.add(np.int16(3), True) == 4
    for bad in (2**31, -(2**31) - 1, 2**80):
        with pytest.raises(OverflowError, match=str(bad)):
            interface.add(bad, -1)
        with pytest.raises(OverflowError, match=str(bad)):
            interface.add(-1, bad)
    for bad in (1.0, "1", None):
        with pytest.raises(TypeError):
            interface.add(bad, 1)


# Sums


@given(
    numbers=hnp.arrays(np.float64, st.integers(0, 60), elements=st.floats()),
    step=st.sampled_from([8, 16, 24, 9, 13, -8, -16, -11]),
    shift=st.integers(0, 8),
)
def test_sum_of_any_layout(numbers, step, shift):
    assert same(capi.sum(strided(numbers, step, shift)), exact_sum(numbers))


@pytest.mark.parametrize("step", [8, -8, 24, 9])
def test_sum_of_a_long_array(step):
    numbers = np.random.default_rng(1).normal(size=300_000) * 10.0 ** np.arange(300_000).clip(0, 99)
    assert same(capi.sum(strided(numbers, step, 3)), exact_sum(numbers))


@given(numbers=hnp.arrays(np.float32, st.integers(0, 60), elements=st.floats(width=32)))
def test_sum_of_float32_is_rounded_once(numbers):
    total = capi.sum(strided(numbers, -6, 1))
    assert isinstance(total, np.float32)
    exact = exact_sum(numbers)
    # A float32 of the float64 is right but where the first rounding made a tie.
    with np.errstate(over="ignore", invalid="ignore"):
        expected = np.float32(exact)
    assert same(total, expected) or abs(total - expected) == np.spacing(abs(expected))
    if numbers.size <= 2:
        assert same(total, expected)


def test_sum_of_float32_is_not_rounded_twice():
    assert capi.sum(np.array([1, 2.0**-24, 2.0**-80], np.float32)) == 1 + np.float32(2.0**-23)


def test_sum_of_one_number_and_of_many():
    assert capi.sum(2.5) == 2.5
    assert capi.sum(np.broadcast_to(0.1, 1000)) == exact_sum([0.1] * 1000)


def test_sum_takes_no_copy():
    numbers = np.ones(1_000_000)[::2]
    capi.sum(numbers)
    tracemalloc.start()
    try:
        assert capi.sum(numbers) == 500_000
        assert tracemalloc.get_traced_memory()[1] < 10_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("bad", [[1, 2], ["a"], np.ones(3, ">f8"), np.ones(3, "f2"), [1j]])
def test_sum_refuses_other_dtypes(bad):
    with pytest.raises(TypeError, match="float64 or float32"):
        capi.sum(bad)


def test_sum_refuses_two_axes():
    with pytest.raises(ValueError, match=r"\(2, 2\)"):
        capi.sum(np.ones((2, 2)))


@given(
    pairs=st.lists(st.tuples(FINITE, FINITE), max_size=40),
    steps=st.sampled_from([(8, -9), (24, 8)]),
)
def test_vecdot(pairs, steps):
    x, y = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    total = capi.vecdot(strided(x, steps[0], 5), strided(y, steps[1], 0))
    assert same(total, exact_vecdot(x, y))


def test_vecdot_pairs_a_number_with_all():
    assert capi.vecdot(np.arange(1200.0), 0.1) == exact_vecdot(np.arange(1200.0), [0.1] * 1200)
    with pytest.raises(ValueError, match="x1 has 2, x2 has 3"):
        capi.vecdot([1.0, 2.0], [1.0, 2.0, 3.0])


# Fibonacci numbers


@given(
    n=st.lists(st.integers(-92, 92), max_size=1200),
    step=st.sampled_from([8, -8, 19]),
    shift=st.integers(0, 7),
)
def test_fibonacci_i64(n, step, shift):
    n = strided(np.array(n, dtype=np.int64), step, shift)
    assert capi.fibonacci(n).tolist() == [fibonacci(k) for k in n.tolist()]


def test_fibonacci_u64_and_in_place():
    n = np.arange(94, dtype=np.uint64)
    expected = [fibonacci(k) for k in range(94)]
    assert capi.fibonacci(n).tolist() == expected
    out = np.zeros(188, np.uint64)[::2]
    assert capi.fibonacci(n, out=out) is out
    assert out.tolist() == expected
    assert capi.fibonacci(n, out=n).tolist() == expected


@pytest.mark.parametrize(
    ("n", "bad"), [(93, 93), (-93, -93), ([0] * 600 + [-(2**63), 99], -(2**63))]
)
def test_fibonacci_names_what_does_not_fit(n, bad):
    with pytest.raises(OverflowError, match=rf"\({bad}\)"):
        capi.fibonacci(np.array(n, dtype=np.int64))


def test_fibonacci_names_ints_beyond_64_bits():
    for n in (2**64, -(2**63) - 1):
        with pytest.raises(OverflowError, match=f"^n is {n}, which does not fit int64 or uint64"):
            capi.fibonacci(n)
    with pytest.raises(OverflowError, match=f"fibonacci.{2**63}. does not fit uint64"):
        capi.fibonacci(2**63)
    with pytest.raises(OverflowError, match=r"^n is an int of 33220 bits"):
        capi.fibonacci_mod(10**10000, 7)
    with pytest.raises(OverflowError, match=r"^m is -1, which does not fit uint64"):
        capi.fibonacci_mod(1, -1)


@given(
    pairs=st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(1, 2**64 - 1)), max_size=20),
    step=st.sampled_from([8, -8, 9]),
)
def test_fibonacci_mod(pairs, step):
    n, m = np.array(pairs, dtype=np.uint64).reshape(-1, 2).T
    result = capi.fibonacci_mod(strided(n, step, 1), strided(m, step, 2))
    assert result.tolist() == [fibonacci_mod(n, m) for n, m in pairs]


def test_fibonacci_mod_with_one_modulus_for_many():
    n = np.random.default_rng(2).integers(0, 2**64, 1300, dtype=np.uint64)
    m = 2**64 - 59
    assert capi.fibonacci_mod(n, m).tolist() == [fibonacci_mod(k, m) for k in n.tolist()]
    for few in (n[:5], n):
        with pytest.raises(ValueError, match="modulus"):
            capi.fibonacci_mod(few, 0)


def test_fibonacci_refuses_bad_arguments():
    for bad in ([1.5], np.ones(2, np.int32)):
        with pytest.raises(TypeError, match="int64 or uint64"):
            capi.fibonacci(bad)
    read_only = np.zeros(1, np.int64)
    read_only.flags.writeable = False
    for out in (np.zeros(2, np.int64), np.zeros(1, np.uint64), [0], read_only):
        with pytest.raises(ValueError, match="out"):
            capi.fibonacci(np.array([1]), out=out)


# Bad pointers and lengths


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("sum_f64", (None, 1, 8, ctypes.c_double()), "values is a null pointer"),
        ("sum_f64", (8, 2**63, 8, ctypes.c_double()), "exceed the address space"),
        ("sum_f64", (8, 2**40, 2**40, ctypes.c_double()), "exceed the address space"),
        ("sum_f64", (8, 2**60, 0, ctypes.c_double()), "exceed the address space"),
        ("sum_f32", (None, 0, 4, None), "out is a null pointer"),
        ("vecdot_f64", (8, None, 1, 8, 8, ctypes.c_double()), "y is a null pointer"),
        ("add_i32", (1, 2, None), "out is a null pointer"),
        ("fibonacci_i64", (None, 1, 8, 8, 8), "n is a null pointer"),
        ("fibonacci_u64", (8, 1, 8, None, 8), "out is a null pointer"),
        ("fibonacci_mod_u64", (8, None, 1, 8, 8, 8, 8), "m is a null pointer"),
        ("set_num_threads", (0,), "from 1 to 4096"),
        ("accumulator_new", (None,), "out is a null pointer"),
        ("accumulator_add_f64", (None, None, 0, 8), "accumulator is a null pointer"),
        ("accumulator_value_f64", (1, ctypes.c_double()), "no function of this library"),
        ("accumulator_merge", (None, None), "other is a null pointer"),
        ("accumulator_count", (None, ctypes.c_int64()), "accumulator is a null pointer"),
        ("accumulator_to_bytes", (None, None, 0, None), "accumulator is a null pointer"),
        ("accumulator_from_bytes", (None, 3, None), "bytes is a null pointer"),
        ("accumulator_from_bytes", (b"abc", 3, None), "not an exact sum"),
    ],
)
def test_bad_pointers_and_lengths_are_a_status(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(capi.library, f"mypackage_{name}")(*arguments)


def test_every_null_pointer_is_a_status():
    """Each pointer of each function in turn, the others being good."""
    functions = capi._STATUS_FUNCTIONS | {
        name: types for name, (_, types) in capi._OTHER_FUNCTIONS.items() if len(types) > 1
    }
    total = capi.Accumulator()
    memory = ctypes.create_string_buffer(64 * 64 + 8)
    tried = 0
    for name, types in functions.items():
        function = ctypes.CDLL(mypackage.get_library())[f"mypackage_{name}"]
        function.argtypes = types
        # Accumulators come first; every count, capacity and stride is 64, but for bytes.
        handles = {"accumulator_merge": 2}.get(name, int(name.startswith("accumulator_")))
        good = [64 if hasattr(type_(), "value") else type_._type_() for type_ in types]
        for place, type_ in enumerate(types):
            if type_ is ctypes.c_char_p:
                good[place : place + 2] = total.to_bytes(), len(total.to_bytes())
            elif type_ is ctypes.c_void_p:
                good[place] = total._handle if place < handles else ctypes.addressof(memory)
        for place, type_ in enumerate(types):
            if type_ in (ctypes.c_void_p, ctypes.c_char_p) or hasattr(type_, "contents"):
                assert function(*good[:place], None, *good[place + 1 :]) == 4, (name, place)
                message = capi.library.mypackage_error_message().decode()
                assert message.endswith("is a null pointer")
                tried += 1
    assert tried > 30


def test_null_is_an_array_of_nothing():
    out = ctypes.c_double(7)
    assert capi.library.mypackage_sum_f64(None, 0, 8, out) == 0
    assert out.value == 0.0
    assert capi.library.mypackage_fibonacci_i64(None, 0, 8, None, 8) == 0
    capi.library.mypackage_accumulator_free(None)
    capi.library.mypackage_string_free(None)


def test_results_may_be_misaligned():
    memory = (ctypes.c_char * 9)()
    out = ctypes.cast(ctypes.addressof(memory) + 1, ctypes.POINTER(ctypes.c_double))
    assert capi.library.mypackage_sum_f64(ctypes.byref(ctypes.c_double(2.5)), 1, 8, out) == 0
    assert memory.raw[1:] == np.float64(2.5).tobytes()


def test_messages_belong_to_threads():
    message = capi.library.mypackage_error_message
    barrier = threading.Barrier(2)
    seen = {}

    def fail(left):
        with pytest.raises(OverflowError):
            capi.add(left, 2**31 - 1)
        barrier.wait()
        seen[left] = message().decode()

    threads = [threading.Thread(target=fail, args=(left,)) for left in (11, 22)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen[11].startswith("11 + ")
    assert seen[22].startswith("22 + ")


@pytest.mark.parametrize("variable", ["MYPACKAGE_ISA", "MYPACKAGE_NUM_THREADS"])
def test_a_bad_environment_is_a_status(variable):
    code = (
        "import ctypes, sys; library = ctypes.CDLL(sys.argv[1])\n"
        "library.mypackage_error_message.restype = ctypes.c_char_p\n"
        "print(library.mypackage_add_i32(1, 2, ctypes.byref(ctypes.c_int32())))\n"
        "print(library.mypackage_error_message().decode())"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, mypackage.get_library()],
        env=os.environ | {variable: "rubbish"},
        check=True,
        capture_output=True,
        text=True,
    )
    status, message = result.stdout.splitlines()
    assert status == "1"
    assert variable in message
    assert "rubbish" in message


# Accumulators


@given(parts=st.lists(st.lists(st.floats(), max_size=20), max_size=6))
def test_accumulator(parts):
    total = capi.Accumulator()
    for part in parts:
        other = capi.Accumulator()
        other.add(np.array(part, dtype=np.float64))
        total.merge(capi.Accumulator.from_bytes(other.to_bytes()))
    numbers = [x for part in parts for x in part]
    assert same(total.value(), exact_sum(numbers))
    assert total.count == len(numbers)
    at_once = capi.Accumulator()
    at_once.add(np.array(numbers, dtype=np.float64))
    assert at_once.to_bytes() == total.to_bytes()


def test_accumulator_merges_with_itself():
    total = capi.Accumulator()
    total.add([1e300, 1.0])
    total.merge(total)
    total.add([-2e300])
    assert (total.value(), total.count) == (2.0, 5)


def test_accumulator_counts_do_not_wrap():
    """The status is that of an overflow, not of a defect, and nothing has changed."""
    total = capi.Accumulator()
    total.add([2.0])
    for _ in range(62):
        total.merge(total)
    assert total.count == 2**62
    with pytest.raises(OverflowError, match=r"more than the 2\^62 that it can"):
        total.merge(total)
    with pytest.raises(OverflowError, match=r"more than the 2\^62 that it can"):
        total.add([1.0])
    assert (total.count, total.value()) == (2**62, 2.0**63)


def test_accumulator_refuses_rubbish():
    total = capi.Accumulator()
    with pytest.raises(TypeError, match="Accumulator"):
        total.merge(1.0)
    for rubbish in (b"", b"MYXS", total.to_bytes()[:-1], b"x" * 50):
        with pytest.raises(ValueError, match="not an exact sum"):
            capi.Accumulator.from_bytes(rubbish)
    length = ctypes.c_size_t()
    buffer = ctypes.create_string_buffer(3)
    with pytest.raises(ValueError, match="not 3"):
        capi.library.mypackage_accumulator_to_bytes(total._handle, buffer, 3, length)
    assert length.value == len(total.to_bytes())
    assert buffer.raw == bytes(3)


def test_accumulators_are_released(lost_memory):
    def work():
        for _ in range(20_000):
            total = capi.Accumulator()
            total.add([1e300, 1.0, 1e-300])
        del total
        gc.collect()

    # 20000 of them with their superaccumulators would hold more than 10 MB.
    assert lost_memory(work) < 4_000_000


# From C


@pytest.fixture(scope="module")
def build(root, tmp_path_factory):
    """A function that compiles examples/c/interfaces.c and returns the program."""

    def build(*options):
        program = tmp_path_factory.mktemp("c") / "interfaces"
        command = [compiler("cc", "gcc", "clang"), "-std=c99", "-Wall", "-Wextra", "-Werror"]
        command += ["-pedantic", "-g", "-I", mypackage.get_include(), *options]
        source = str(root / "examples" / "c" / "interfaces.c")
        subprocess.run([*command, source, mypackage.get_library(), "-o", program], check=True)
        return str(program)

    return build


C_OUTPUT = """\
Hello from rust
3 + 5 = 8
F(92) = 7540113804746346429
F(10^18) mod (10^9 + 7) = 209783453
1e16 + 1 - 1e16 = 1
merged: 10000000000000002
{"person":{"name":"Jan","age":42},"message":"Jan says hello in Rust"}
2147483647 + 1 = 2147483648 does not fit int32, which holds -2147483648 to 2147483647;\
 add Python integers with +
"""


def test_c_program(build):
    result = subprocess.run([build()], check=True, capture_output=True, text=True)
    assert result.stdout == C_OUTPUT
    assert result.stderr == ""


def sanitizer():
    """Whether the compiler has AddressSanitizer, and its library is there."""
    with tempfile.TemporaryDirectory() as directory:
        program = pathlib.Path(directory, "empty")
        source = b"int main(void) { return 0; }"
        command = [compiler("cc", "gcc", "clang"), "-fsanitize=address", "-xc", "-", "-o", program]
        return not subprocess.run(command, input=source, stderr=subprocess.DEVNULL).returncode


@pytest.mark.parametrize("tool", ["valgrind", "AddressSanitizer"])
def test_c_program_leaks_nothing(tool, build):
    if tool == "AddressSanitizer":
        if not sanitizer():
            pytest.skip("no AddressSanitizer")
        command = [build("-fsanitize=address")]
    elif valgrind := shutil.which("valgrind"):
        command = [valgrind, "--quiet", "--error-exitcode=9", "--leak-check=full", build()]
    else:
        pytest.skip("no valgrind")
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout == C_OUTPUT


@given(st.lists(FINITE, max_size=30), st.sampled_from([0, 1, 0.1, -2]), st.integers(-3, 3))
def test_moments_at_any_stride(numbers, ddof, step):
    step = 8 * step or 24
    view = strided(numbers, step, 3)
    with np.errstate(all="ignore"):
        moments = mypackage.ExactMoments().add(np.array(numbers, float))
        assert same(capi.var(view, ddof), moments.var(ddof))
        assert same(capi.std(view, ddof), moments.std(ddof))
        assert same(capi.norm(view), moments.norm())


def test_moments_of_what_is_not_finite():
    assert np.isnan(capi.var([1.0, np.inf])) and np.isnan(capi.std([np.nan])) and capi.norm([]) == 0
    assert capi.norm([1.0, -np.inf]) == np.inf and np.isnan(capi.norm([np.nan, np.inf]))
    assert (
        capi.var([1.0, 2.0], 2) == np.inf
        and np.isnan(capi.var([1.0], 1))
        and np.isnan(capi.var([]))
    )
    with pytest.raises(TypeError, match="float64"):
        capi.var(np.float32([1]))
    with pytest.raises(ValueError, match="one axis"):
        capi.norm([[1.0]])
