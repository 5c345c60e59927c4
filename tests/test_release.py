"""What a release needs: the scripts in tools/, the workflows, the files about the project."""

import configparser
import os
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import pytest


@pytest.fixture(scope="module")
def metadata(root):
    parser = configparser.ConfigParser()
    parser.read(root / "setup.cfg")
    return parser["metadata"]


@pytest.fixture(scope="module")
def tools(root):
    """The folder of scripts, importable."""
    directory = root / "tools"
    sys.path.insert(0, str(directory))
    yield directory
    sys.path.remove(str(directory))


class VersionInfo(NamedTuple):
    """What `sys.version_info` is."""

    major: int
    minor: int
    micro: int = 0
    releaselevel: str = "final"
    serial: int = 0


OURS = {"name": "mypackage", "version": "1.2.3", "author": "The mypackage developers"}
FREE = {"pypi": None, "crates": None}


def pypi(author, releases=()):
    return {"info": {"author": author}, "releases": dict.fromkeys(releases)}


def crate(*owners):
    return {"users": [{"login": owner} for owner in owners]}


@pytest.mark.parametrize(
    ("tag", "registries", "expected"),
    [
        ("v1.2.3", FREE, []),
        ("v1.2.4", FREE, ["the tag v1.2.4 is not v1.2.3"]),
        ("1.2.3", FREE, ["the tag 1.2.3 is not v1.2.3"]),
        ("v1.2.3", {"pypi": pypi(OURS["author"], ["1.2.2"]), "crates": crate("us")}, []),
        ("v1.2.3", {"pypi": pypi(OURS["author"], ["1.2.3"]), "crates": None}, ["on PyPI already"]),
        ("v1.2.3", {"pypi": None, "crates": crate("them", "github:us:team")}, []),
        (
            "v1.2.3",
            {"pypi": pypi("A Stranger"), "crates": crate("them", "github:them:us")},
            ["is a project of A Stranger", "is a crate of them, github:them:us, not of us"],
        ),
        ("v1.2.3", {"pypi": pypi(""), "crates": None}, ["is a project of somebody else"]),
    ],
)
def test_a_release_stops_where_the_name_is_not_ours(tools, tag, registries, expected):
    import check_release

    def fetch(url):
        return registries["pypi" if "pypi" in url else "crates"]

    found = list(check_release.problems(tag, "us", OURS, fetch))
    assert len(found) == len(expected)
    for line, part in zip(found, expected, strict=True):
        assert part in line


def wheel_with(directory, name, contents):
    """A wheel made of these files, by `wheel pack`."""
    top = directory / "top"
    for path, text in contents.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)
    subprocess.run(
        [sys.executable, "-m", "wheel", "pack", top, "--dest-dir", directory],
        check=True,
        capture_output=True,
    )
    return directory / name


@pytest.mark.parametrize("kind", ["small", "ours"])
def test_an_sbom_is_put_into_the_wheel(kind, tools, tmp_path):
    """Under .dist-info/sboms, listed in RECORD; the wheel keeps its name and all else in it."""
    pytest.importorskip("wheel")
    if kind == "ours":
        # tox.ini's `packaging` has it.
        built = os.environ.get("MYPACKAGE_WHEEL") or pytest.skip("MYPACKAGE_WHEEL is not set")
        wheel = Path(shutil.copy(built, tmp_path))
    else:
        tag = "cp310-abi3-manylinux_2_28_x86_64"
        contents = {
            "thing/__init__.py": "",
            "thing-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
            "thing-1.0.dist-info/WHEEL": (
                f"Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: false\nTag: {tag}\n"
            ),
            "thing-1.0.dist-info/RECORD": "",
        }
        wheel = wheel_with(tmp_path, f"thing-1.0-{tag}.whl", contents)
    with ZipFile(wheel) as archive:
        before = {name: archive.read(name) for name in archive.namelist()}
    (record,) = [name for name in before if name.endswith(".dist-info/RECORD")]
    sbom = tmp_path / "mypackage-python.cdx.json"
    sbom.write_text('{"bomFormat": "CycloneDX"}')
    command = [sys.executable, tools / "sbom.py", wheel, "--sbom", sbom]
    subprocess.run(command, check=True, capture_output=True)
    with ZipFile(wheel) as archive:
        place = record.replace("RECORD", "sboms/mypackage-python.cdx.json")
        assert archive.read(place) == sbom.read_bytes()
        assert place in archive.read(record).decode()
        assert set(archive.namelist()) == {*before, place}
        before.pop(record)
        assert {name: archive.read(name) for name in before} == before


def test_project_files_agree(root, metadata):
    """The citation and the change log tell the same name, version and authors as setup.cfg."""
    citation = (root / "CITATION.cff").read_text()
    assert f"\nversion: {metadata['version']}\n" in citation
    assert f"\ntitle: {metadata['name']}\n" in citation
    assert f"  - name: {metadata['author']}\n" in citation
    assert f"\nlicense: {metadata['license_expression']}\n" in citation


def test_extra_all_has_the_parts(root):
    """The extra `all` takes in every input type and tool that a user may want."""
    parser = configparser.ConfigParser()
    parser.read(root / "setup.cfg")
    extras = parser["options.extras_require"]
    parts = set(re.search(r"mypackage\[(.+)\]", extras["all"])[1].replace(" ", "").split(","))
    ours = {"all", "benchmarks", "docs", "lint", "notebooks", "packaging", "test"}
    assert parts == {name for name in extras if name not in ours}


@pytest.mark.parametrize(
    ("python", "without_gil", "abi", "features"),
    [
        ((3, 10), False, "cp310", []),
        ((3, 15), False, "cp310", []),
        ((3, 14), True, False, []),
        ((3, 15), True, "cp315", ["pyo3/abi3t-py315"]),
    ],
)
def test_a_python_without_gil_gets_a_wheel_of_its_own(
    root, monkeypatch, python, without_gil, abi, features
):
    """setup.py keeps to setup.cfg's stable ABI wherever Python has one."""
    setuptools = pytest.importorskip("setuptools", "77")
    pytest.importorskip("setuptools_rust")
    given = {}
    monkeypatch.setattr(setuptools, "setup", given.update)
    runpy.run_path(str(root / "setup.py"))
    distribution = setuptools.Distribution({"name": "mypackage", "version": "1"})
    distribution.rust_extensions = given["rust_extensions"]
    command = given["cmdclass"]["bdist_wheel"](distribution)
    command.dist_info_dir = "mypackage-1.dist-info"
    command.py_limited_api = "cp310"
    flag = {"Py_GIL_DISABLED": int(without_gil)}
    real = sysconfig.get_config_var
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: flag.get(name) or real(name))
    monkeypatch.setattr(sys, "version_info", VersionInfo(*python))
    monkeypatch.setattr(
        "setuptools.command.bdist_wheel._python_version", lambda: python, raising=False
    )
    command.finalize_options()
    assert command.py_limited_api == abi
    native, capi = distribution.rust_extensions
    assert (list(native.features), list(capi.features)) == (features, [])


def test_releasing_is_ten_lines_and_begins_with_the_name(root):
    lines = re.findall(r"^\d+\. .+$", (root / "RELEASING.md").read_text(), re.MULTILINE)
    assert len(lines) == 10
    assert lines[0].startswith("1. Choose a name that is free and register it")


@pytest.mark.parametrize("name", ["tests.yml", "wheels.yml", "release.yml"])
def test_workflows_take_actions_by_major_tag_and_grant_little(root, name):
    path = root / ".github" / "workflows" / name
    if not path.exists():
        pytest.skip("an sdist holds no workflows")
    text = path.read_text()
    assert "\npermissions:\n  contents: read\n" in text
    used = re.findall(r"uses: (\S+)", text)
    remote = [action for action in used if not action.startswith("./")]
    assert remote or used
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+@(v\d+|release/v\d+)", action) for action in remote)


def test_every_wheel_is_planned():
    """The identifiers that cibuildwheel makes of pyproject.toml."""
    pytest.importorskip("cibuildwheel")
    root = Path(__file__).parents[1]
    found = set()
    for platform, archs in {
        "linux": "x86_64,aarch64",
        "macos": "x86_64,arm64",
        "windows": "AMD64,ARM64",
    }.items():
        command = [sys.executable, "-m", "cibuildwheel", "--platform", platform, "--archs", archs]
        finished = subprocess.run(
            [*command, "--print-build-identifiers", root],
            capture_output=True,
            text=True,
            check=True,
            cwd=root,
        )
        found |= set(finished.stdout.split())
    systems = [
        *(f"manylinux_{arch}" for arch in ("x86_64", "aarch64")),
        *(f"musllinux_{arch}" for arch in ("x86_64", "aarch64")),
        *("macosx_x86_64", "macosx_arm64", "win_amd64", "win_arm64"),
    ]
    pythons = ["cp310", "cp314t", "cp315t"]
    assert found == {f"{python}-{system}" for python in pythons for system in systems}
