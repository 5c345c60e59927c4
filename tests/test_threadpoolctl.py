"""threadpoolctl sees the package's threads, limits them and puts them back."""

import subprocess
import sys

import pytest

import mypackage

threadpoolctl = pytest.importorskip("threadpoolctl")
import mypackage.threadpoolctl  # noqa: E402


def ours() -> dict[str, int]:
    """The threads of each of the package's libraries that is loaded."""
    return {
        info["prefix"]: info["num_threads"]
        for info in threadpoolctl.threadpool_info()
        if info["user_api"] == "mypackage"
    }


@pytest.mark.parametrize("user_api", ["mypackage", None])
def test_limits(user_api):
    with mypackage.threads(5):
        with threadpoolctl.threadpool_limits(2, user_api=user_api):
            assert mypackage.get_num_threads() == ours()["_native"] == 2
            assert mypackage.sum([0.1] * 10) == 1.0
        assert mypackage.get_num_threads() == ours()["_native"] == 5


def test_the_c_library_too():
    capi = pytest.importorskip("mypackage.capi")
    before = capi.get_num_threads()
    capi.set_num_threads(5)
    try:
        with threadpoolctl.threadpool_limits({"mypackage": 3}):
            assert capi.get_num_threads() == ours()["_capi"] == 3
        assert capi.get_num_threads() == 5
    finally:
        capi.set_num_threads(before)


def test_info():
    [native] = threadpoolctl.ThreadpoolController().select(prefix="_native").info()
    assert native["internal_api"] == "mypackage"
    assert native["version"] == mypackage.__version__
    assert native["filepath"] == mypackage._native.__file__


def test_other_limits_leave_the_threads_alone():
    with mypackage.threads(5), threadpoolctl.threadpool_limits(1, user_api="blas"):
        assert mypackage.get_num_threads() == 5


@pytest.mark.parametrize("count", [0, -1, 4097])
def test_refused(count):
    controllers = threadpoolctl.ThreadpoolController().select(prefix="_native").lib_controllers
    with mypackage.threads(5):
        with pytest.raises(ValueError, match=f"from 1 to 4096, not {count}"):
            controllers[0].set_num_threads(count)
        assert mypackage.get_num_threads() == 5


def test_nothing_is_registered_before_it_is_asked_for():
    """And a second import registers nothing twice."""
    code = """
import importlib, mypackage, threadpoolctl
ours = lambda: [i for i in threadpoolctl.threadpool_info() if i["user_api"] == "mypackage"]
assert not ours()
importlib.import_module("mypackage.threadpoolctl")
importlib.import_module("mypackage.threadpoolctl")
assert len(ours()) == 1
"""
    subprocess.run([sys.executable, "-c", code], check=True)
