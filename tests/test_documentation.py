"""The examples in docstrings and in the README are true; Rust in the documents is the crate's."""

import doctest
import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mypackage
from mypackage._cli import main
from mypackage._native import build_info

ROOT = Path(__file__).parent.parent

numpy_2 = pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="NumPy 1 prints scalars in another way"
)


MODULES = {
    "mypackage": None,
    "mypackage.arrow": "pyarrow",
    "mypackage.capi": None,
    "mypackage.dask": "dask.array",
    "mypackage.flox": "flox",
    "mypackage.numba": "numba",
    "mypackage.pandas": "pandas",
    "mypackage.records": None,
    "mypackage.threadpoolctl": "threadpoolctl",
    "mypackage.tutorial": None,
    "mypackage.xarray": "xarray",
}


def doctests():
    """scipy-doctest, which finds all public names, ufuncs too, and its settings."""
    tool = pytest.importorskip("scipy_doctest", reason="needs scipy-doctest")

    class AsText(tool.DTChecker):
        """Compares text: its own comparison takes 1 for 1.0, and we promise types and last bits."""

        check_output = doctest.OutputChecker.check_output

    # Nothing is passed over.
    everything = {"stopwords": set(), "rndm_markers": set(), "skiplist": set()}
    return tool, tool.DTConfig(CheckerKlass=AsText, optionflags=0, **everything)


@numpy_2
@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str) -> None:
    """Every public name has a docstring with an example, which gives what it says."""
    if MODULES[name]:
        pytest.importorskip(MODULES[name])
    if name == "mypackage" and build_info()["profile"] != "release":
        pytest.skip("an example shows the profile")
    tool, config = doctests()
    module = importlib.import_module(name)
    results, history = tool.testmod(module, strategy="api", config=config)
    assert results.failed == 0
    for public in getattr(module, "__all__", ()):
        assert history[f"{name}.{public}"][1] > 0, public


def test_help_shows_a_call_once() -> None:
    """Python writes the signature above the docstring of anything but a ufunc."""
    public = [getattr(mypackage, name) for name in mypackage.__all__]
    public += [
        one for one in vars(mypackage.ExactSum).values() if hasattr(one, "__text_signature__")
    ]
    for one in public:
        text = one.__doc__ or ""
        assert "\n--\n" not in text, one
        assert not text.startswith(f"{one.__name__}(") or isinstance(one, np.ufunc), one


@pytest.mark.parametrize(
    "name", ["fibonacci", "lucas", "fibonacci_mod", "pisano_period", "sum", "mean"]
)
def test_docstrings_are_complete(name) -> None:
    """Arguments, result, errors; for ufuncs, where the algorithm comes from, with the year."""
    text = getattr(mypackage, name).__doc__
    for heading in ("Parameters", "Returns", "Raises", "Examples"):
        assert f"\n{heading}\n{'-' * len(heading)}\n" in text
    if name != "mean":
        assert re.search(r"\b(19|20)\d\d\b", text)


PAGES = [
    "README.md",
    *(str(page.relative_to(ROOT)) for page in sorted((ROOT / "docs").rglob("*.md"))),
]
# What a page's examples import beside the package.
NEEDS = {
    "docs/guide/dask.md": ["dask"],
    "docs/guide/interfaces.md": ["numba"],
    "docs/guide/labelled.md": ["pandas", "xarray", "flox", "polars", "pyarrow"],
    "docs/guide/windows.md": ["pandas"],
    "docs/howto/climate-budget.md": ["dask", "xarray"],
}


@numpy_2
@pytest.mark.parametrize("page", PAGES)
def test_examples_of_pages(page) -> None:
    """What a page shows after >>> is what Python prints."""
    for library in NEEDS.get(page, ()):
        pytest.importorskip(library)
    tool, config = doctests()
    results, _ = tool.testfile(str(ROOT / page), module_relative=False, config=config)
    assert results.failed == 0


def test_the_table_of_functions_links_to_them(root):
    """Each row of the README's table names what its section of the reference has."""
    reference = (root / "docs" / "reference" / "python.md").read_text()
    sections = {}
    for part in reference.split("\n## ")[1:]:
        title, _, text = part.partition("\n")
        sections[title.lower().replace(" ", "-")] = {*re.findall(r"^   (\w+)$", text, re.MULTILINE)}
    assert set().union(*sections.values()) == set(mypackage.__all__)
    table = (
        (root / "README.md").read_text().partition("## What there is")[2].partition("\n\nEach")[0]
    )
    rows = re.findall(r"\(docs/reference/python\.md#([\w-]+)\).*? \| `(.*?)`", table)
    assert {name: {*text.split()} for name, text in rows} == sections
    for page in re.findall(r"\]\((docs/[^)#]+)", table):
        assert (root / page).exists(), page


def commands():
    """The commands of the package that pages show with what they print."""
    for page in PAGES:
        blocks = re.findall(r"^```console\n(.*?)^```$", (ROOT / page).read_text(), re.M | re.DOTALL)
        for part in "".join(blocks).split("$ ")[1:]:
            command, _, output = part.partition("\n")
            if command.startswith("mypackage ") and output:
                yield pytest.param(command, output, id=f"{page}: {command}")


@pytest.mark.parametrize(("command", "output"), list(commands()))
def test_commands_of_pages(command, output, tmp_path, monkeypatch, capsys) -> None:
    """What a page shows after $ is what the command prints."""
    monkeypatch.chdir(ROOT)
    arguments = shlex.split(command.replace("/tmp/", f"{tmp_path}/"))[1:]
    assert main(arguments) == 0
    assert capsys.readouterr().out == output


def test_the_program_for_mpi(root, tmp_path):
    """With two ranks docs/howto/mpi-and-spark.md's program gives the exact sum that it shows."""
    pytest.importorskip("mpi4py", reason="needs mpi4py")
    mpirun = shutil.which("mpirun")
    if mpirun is None:
        pytest.skip("needs mpirun")
    text = (root / "docs" / "howto" / "mpi-and-spark.md").read_text()
    script = tmp_path / "total.py"
    script.write_text(re.search(r"```python\n(from mpi4py.*?)```", text, re.DOTALL)[1])
    command = [mpirun, "-n", "2", sys.executable, str(script)]
    # Open MPI asks for these where there are fewer processors, and of root.
    allowed = ("OMPI_MCA_rmaps_base_oversubscribe", "OMPI_ALLOW_RUN_AS_ROOT")
    env = os.environ | dict.fromkeys([*allowed, "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"], "1")
    run = subprocess.run(command, capture_output=True, text=True, env=env, timeout=120)
    assert run.returncode == 0, run.stderr
    shown = re.search(r"^2 ranks: .*$", text, re.MULTILINE)[0]
    assert re.sub("np.sum [^,]*, ", "", run.stdout.strip()) == re.sub("np.sum [^,]*, ", "", shown)


def uncommented(source: str) -> str:
    """The source with what its comments say as if it were code: an example stands there too."""
    return re.sub(r"^ *//[/!] ?", "", source, flags=re.MULTILINE)


def test_rust_in_the_documents_is_the_crates(root) -> None:
    """An excerpt follows the name of its file and is in it, but for what `// ...` leaves out."""
    text = (root / "docs" / "guide" / "interfaces.md").read_text()
    excerpts = re.findall(r"`((?:src|bindings)/[\w/]+\.rs)`:\n\n```rust\n(.*?)```", text, re.DOTALL)
    assert len(excerpts) == text.count("```rust")
    for file, excerpt in excerpts:
        source = (root / file).read_text()
        for part in filter(str.strip, re.split(r"^// \.\.\.\n", excerpt, flags=re.MULTILINE)):
            assert part in source or part in uncommented(source), (file, part)


def rust_items(source: str):
    """What a source file offers to other crates: each item's line, and the comment before it.

    By the rules of this crate: an item for the crate alone says `pub(crate)` or `pub(super)`, and
    so do types whose methods say `pub`; one for the bindings in this workspace alone is hidden from
    the documentation. Constants are left out.
    """
    # With the tests, which stand at the end of a file, left out too.
    lines = source.partition("\n#[cfg(test)]\nmod tests")[0].splitlines()
    types = set(re.findall(r"^pub (?:struct|enum) (\w+)", source, re.MULTILINE)) | {"Accumulator"}
    types -= set(
        re.findall(r"^#\[doc\(hidden\)\](?:\n#.*)*\npub struct (\w+)", source, re.MULTILINE)
    )
    inside = None
    for number, line in enumerate(lines):
        if match := re.match(r"impl(?:<.*?>)? (\w+)", line):
            inside = match[1]
        function = re.match(r" {4}pub (unsafe |const )*fn ", line) and inside in types
        if function or re.match(r"pub (unsafe |const )*(fn|struct|enum|trait|type) ", line):
            comment = []
            while re.match(r" *(///|#\[)", lines[number - len(comment) - 1]):
                comment.append(lines[number - len(comment) - 1])
            if not any("#[doc(hidden)]" in line for line in comment):
                yield line.strip(), comment


def test_every_rust_item_has_an_example(root) -> None:
    """Everything public in the crate has an example in its documentation, which cargo test runs."""
    # What stands in these is for this crate and its bindings.
    inner = {"kernel", "array", "moments", "windows"}
    files = [file for file in (root / "src").rglob("*.rs") if file.parent.name not in inner]
    items = [(file.name, *item) for file in files for item in rust_items(file.read_text())]
    assert len(items) > 100
    without = [item[:2] for item in items if not any("/// ```" in line for line in item[2])]
    assert without == []
