"""The documentation site, once built by ``tox run -e docs``, in a browser."""

import shutil
import subprocess

import pytest

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
    assert missing == [], "add them to docs/reference/python.rst"


def page(site, tmp_path, address):
    """What a page is once its scripts have run."""
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += ["--disable-background-networking", f"--user-data-dir={tmp_path}"]
    command += ["--virtual-time-budget=20000", "--dump-dom", f"file://{site}/{address}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120).stdout


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_search_finds_a_function(site, tmp_path):
    results = page(site, tmp_path, "search.html?q=group_sum")
    assert "reference/generated/mypackage.group_sum.html" in results
