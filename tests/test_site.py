"""The documentation site, once built by ``tox run -e docs``, in a browser."""

import importlib
import shutil
import subprocess
from pathlib import Path

import pytest
from test_docstrings import SUBMODULES, public_names

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def site(root):
    built = root / "docs" / "_build" / "html"
    if not (built / "index.html").exists():
        pytest.skip("the site is not built")
    return built


def test_every_public_name_has_a_page(site):
    import mypackage

    missing = [
        name
        for name in mypackage.__all__
        if not (site / "reference" / "generated" / f"mypackage.{name}.html").exists()
    ]
    assert missing == [], "add them to docs/reference/python.md"


@pytest.mark.parametrize("submodule", SUBMODULES)
def test_every_public_name_of_a_submodule_has_a_page(site, submodule):
    if SUBMODULES[submodule]:
        pytest.importorskip(SUBMODULES[submodule])
    module = importlib.import_module(f"mypackage.{submodule}")
    pages = site / "reference" / "generated"
    assert f"module-mypackage.{submodule}" in (site / "reference" / "submodules.html").read_text()
    missing = [
        name
        for name in public_names(module, f"mypackage.{submodule}")
        if not (pages / f"{name}.html").exists()
    ]
    assert missing == [], "add them to docs/reference/submodules.rst"


# Where Debian's packages python-NAME-doc put them.
DEBIAN = {
    "numpy": "python-numpy",
    "dask": "python-dask-doc",
    "pandas": "python-pandas-doc",
    "xarray": "python-xarray-doc",
}


@pytest.mark.parametrize("name", DEBIAN)
def test_names_of_other_sites(root, name):
    """The names that pages link to have pages there, at these addresses."""
    sphobjinv = pytest.importorskip("sphobjinv", reason="needs sphobjinv")
    file = Path("/usr/share/doc") / DEBIAN[name] / "html" / "objects.inv"
    if not file.exists():
        pytest.skip(f"needs Debian's python-{name}-doc")

    theirs = sphobjinv.Inventory(str(file)).objects
    entries = {one.name: one.uri_expanded for one in theirs if one.domain == "py"}
    pages = {one.uri_expanded for one in theirs if one.role == "doc"}
    if len(entries) < 10:
        pytest.skip(f"Debian's python-{name}-doc has no reference")
    for one in sphobjinv.Inventory(str(root / "docs" / "inventories" / f"{name}.txt")).objects:
        # NumPy's ufuncs have pages there, but no entries.
        assert entries.get(one.name, one.uri_expanded) == one.uri_expanded
        assert one.uri_expanded.partition("#")[0] in pages, one.name


def page(site, tmp_path, address):
    """What a page is once its scripts have run."""
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += ["--disable-background-networking", f"--user-data-dir={tmp_path}"]
    command += ["--virtual-time-budget=20000", "--dump-dom", f"file://{site}/{address}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120).stdout


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_search_finds_a_function(site, tmp_path):
    results = page(site, tmp_path, "search.html?q=move_sum")
    assert "reference/generated/mypackage.move_sum.html" in results
