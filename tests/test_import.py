"""What `import mypackage` brings in: NumPy, and nothing else that costs time."""

import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mypackage

# Expensive, optional, or both: none may come in with the package but by its own front for it.
HEAVY = """
argparse asyncio concurrent ctypes dask dataclasses decimal fractions h5py importlib.metadata
importlib.util json llvmlite logging multiprocessing mypackage._cli mypackage._files
mypackage.arrow mypackage.capi mypackage.dask mypackage.numba mypackage.pandas
mypackage.records mypackage.threadpoolctl mypackage.xarray numba pandas pathlib polars pyarrow
pydantic socket sqlite3 threadpoolctl tqdm typing_extensions unittest urllib xarray
""".split()


CODE = """
import numpy, sys
before = set(sys.modules)
{}
print(*set(sys.modules) - before)
"""

# One call of each kind.
CALLS = """
import mypackage
mypackage.sum([0.1] * 10)
mypackage.mean([[1, 2]], axis=0)
mypackage.average([1.0], weights=[2])
mypackage.vecdot([1.0], [2.0])
mypackage.fibonacci(numpy.arange(9))
mypackage.ExactSum().add([1.0]).value()
"""


def imported(code):
    """The modules that `code` imports and NumPy does not."""
    command = [sys.executable, "-c", CODE.format(code)]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_import_brings_in_numpy_only():
    modules = imported("import mypackage")
    assert not modules & set(HEAVY)
    assert {name.partition(".")[0] for name in modules} - sys.stdlib_module_names - {"numpy"} == {
        "mypackage"
    }


def test_calls_bring_in_nothing():
    assert not imported(CALLS) & set(HEAVY)


@pytest.mark.parametrize("name", mypackage.__all__)
def test_names_are_the_packages(name):
    """help() and pickles say where users find a function, not where it is written."""
    value = getattr(mypackage, name)
    assert value.__name__ == name
    assert pickle.loads(pickle.dumps(value)) is value
    # Ufuncs know their module since NumPy 2.2.
    if not isinstance(value, np.ufunc) or hasattr(value, "__module__"):
        assert value.__module__ == "mypackage"
        assert b"_native" not in pickle.dumps(value)


SOURCES = Path(mypackage.__file__).parent


def test_the_sources_alone_say_what_to_do(tmp_path):
    """From a clone's root, `import mypackage` finds the sources, without the compiled module."""
    modules = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    shutil.copytree(SOURCES, tmp_path / "mypackage", ignore=modules)
    command = [sys.executable, "-S", "-c", "import sys; sys.path += {!r}; import mypackage"]
    command[-1] = command[-1].format([str(Path(np.__file__).parent.parent)])
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 1
    assert "pip install" in run.stderr and "circular" not in run.stderr


def test_submodules_load_when_used():
    code = "import mypackage, sys; print('mypackage.capi' in sys.modules, bool(mypackage.capi))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False True\n"


def test_dir_is_public():
    private = [name for name in dir(mypackage) if name.startswith("_") and name != "__version__"]
    assert private == []
    assert {"capi", "records", "tutorial"} < set(dir(mypackage))


@pytest.mark.parametrize("name", sorted(set(mypackage._SUBMODULES) - {"numba", "threadpoolctl"}))
def test_dir_of_submodules_is_public(name):
    """What the package's other modules take from a submodule, no user is shown."""
    needed = mypackage._SUBMODULES[name]
    if needed:
        pytest.importorskip(needed)
    module = getattr(mypackage, name)
    assert sorted(module.__all__) == dir(module)


def test_a_submodule_without_its_library(monkeypatch):
    """hasattr() is False; the attribute's error and the import's name the command to run."""
    for module in ("flox", "flox.aggregations"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "mypackage.flox", raising=False)
    monkeypatch.delattr(mypackage, "flox", raising=False)
    assert not hasattr(mypackage, "flox")
    with pytest.raises(AttributeError, match="pip install flox"):
        mypackage.flox  # noqa: B018
    for statement in ("import mypackage.flox", "from mypackage import flox"):
        with pytest.raises(ImportError, match="pip install flox"):
            exec(statement)
    with pytest.raises(TypeError, match=r"lay-?out conflict"):
        # Where this works, the attribute's error should be of such a class.
        type("Both", (AttributeError, ImportError), {})


def test_tutorial():
    from mypackage import tutorial

    assert mypackage.add(3, 5) == 8 and mypackage.hello is tutorial.hello
    assert "add" not in mypackage.__all__
