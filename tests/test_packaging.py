"""One fact, one home; and every way to build the package works.

The slow half (`pytest -m slow`, or ``tox run -e packaging``) builds, and needs cargo.
"""

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

import mypackage
from mypackage import _native

CAPI = next(Path(mypackage.__file__).parent.glob("_capi.*"))


@pytest.fixture(scope="session")
def setup_cfg(root):
    parser = configparser.ConfigParser()
    parser.read(root / "setup.cfg")
    return parser


def cargo_package(root, key):
    """The value of a key in Cargo.toml's first table (Python 3.10 has no tomllib)."""
    table = (root / "Cargo.toml").read_text().partition("\n[package]")[0]
    return re.search(rf'^{key} = "(.+)"$', table, re.MULTILINE)[1]


# One fact, one home


def test_versions_agree(root, setup_cfg):
    """Cargo.toml, setup.cfg, the compiled module and the front say the same."""
    versions = {
        cargo_package(root, "version"),
        setup_cfg["metadata"]["version"],
        _native.build_info()["version"],
        mypackage.__version__,
    }
    assert len(versions) == 1


def test_rust_floors_agree(root):
    """setup.py, which checks before cargo runs, and Cargo.toml ask for the same Rust."""
    floor = cargo_package(root, "rust-version")
    assert f'rust_version=">={floor}"' in (root / "setup.py").read_text()


def test_python_floors_agree(root, setup_cfg):
    """The abi3 floor, python_requires and ruff's target are one version."""
    floor = setup_cfg["options"]["python_requires"].removeprefix(">=")
    tag = floor.replace(".", "")
    assert setup_cfg["bdist_wheel"]["py_limited_api"] == f"cp{tag}"
    assert f'target-version = "py{tag}"' in (root / "pyproject.toml").read_text()


def test_the_oldest_versions_are_those_that_are_tested(root, setup_cfg):
    """tox.ini's `lowest` has each floor of the package, its extras and its tests, and no more."""
    extras = setup_cfg["options.extras_require"]
    tools = {"all", "benchmarks", "cli", "docs", "lint", "notebooks", "packaging"}
    lines = setup_cfg["options"]["install_requires"].split("\n")
    for name in set(extras) - tools:
        lines += extras[name].split("\n")
    lines = [line.partition(";")[0].strip() for line in lines]
    floors = dict(
        line.split(">=") for line in lines if line and not line.startswith(("#", "mypackage["))
    )
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(root / "tox.ini")
    lowest = dict(line.split("==") for line in tox["testenv:lowest"]["deps"].split())
    assert set(lowest) == set(floors)
    for name, version in lowest.items():
        assert f"{version}.0".startswith(f"{floors[name]}."), name


def test_linters_are_pinned(root, setup_cfg):
    """A new release of a linter changes nothing before we do; both places name the same ruff."""
    lint = setup_cfg["options.extras_require"]["lint"].split("\n")
    pins = dict(line.split("==") for line in lint if line and not line.startswith("#"))
    assert set(pins) == {"mypy", "ruff"}
    hooks = root / ".pre-commit-config.yaml"
    if not hooks.exists():
        pytest.skip("an sdist holds no hooks")
    assert set(re.findall(r"\[(ruff.*)\]", hooks.read_text())) == {f"ruff=={pins['ruff']}"}


def test_packages_are_all_listed(root, setup_cfg):
    """setup.cfg lists packages by name; none is forgotten."""
    found = {
        str(path.parent.relative_to(root)).replace(os.sep, ".")
        for path in (root / "mypackage").rglob("__init__.py")
    }
    assert set(setup_cfg["options"]["packages"].split()) == found


def test_stub_names_are_the_runtimes(root):
    """The stub's __all__ and definitions are the compiled module's."""
    tree = ast.parse((root / "mypackage" / "_native.pyi").read_text())
    defined, listed = set(), None
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.AnnAssign):
            defined.add(node.target.id)
        elif isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
            listed = set(ast.literal_eval(node.value))
        elif isinstance(node, ast.Assign):
            defined.add(node.targets[0].id)
    where = "left: the stub's __all__; right: bindings/python/src/lib.rs"
    assert listed == set(_native.__all__), where
    public = {name for name in defined if not name.startswith("_")}
    assert public == listed, "left: the stub's definitions; right: its __all__"


def test_all_is_what_the_package_offers():
    """Every public name that is ours is in __all__, in order, and is there."""
    public = {
        name
        for name, value in vars(mypackage).items()
        if not name.startswith("_") and not isinstance(value, type(mypackage))
    }
    assert mypackage.__all__ == sorted(mypackage.__all__)
    assert set(mypackage.__all__) == public, "left: __all__; right: what __init__.py imports"


def test_contributing_knows_every_module(root):
    """CONTRIBUTING.md, "Where things are", says what each folder and module is for."""
    text = (root / "CONTRIBUTING.md").read_text().partition("```\n")[2].partition("```")[0]
    parts = {"src": text.partition("\nsrc/")[2].partition("\nmypackage/")[0]}
    parts["mypackage"] = text.partition("\nmypackage/")[2].partition("\ntests/")[0]
    for folder, part in parts.items():
        modules = {path.name for path in (root / folder).iterdir()}
        modules -= {name for name in modules if name.endswith((".so", ".pyd", "__", ".typed"))}
        missing = {name for name in modules if not re.search(rf"[\s]{re.escape(name)}\b", part)}
        assert missing == set(), "CONTRIBUTING.md does not say what they are for"


def test_ci_runs_the_readme_command(root):
    """The command that CI runs is the one that the README gives."""
    script = root / ".ci" / "run"
    if not script.exists():
        pytest.skip("an sdist holds no CI script")
    command = re.search(r"^test_command='(.+)'$", script.read_text(), re.MULTILINE)[1]
    assert command in (root / "README.md").read_text().splitlines()


@pytest.mark.skipif(shutil.which("nm") is None, reason="needs nm")
def test_capi_has_no_python_symbol():
    """The C library neither needs nor offers a symbol of Python's."""
    symbols = subprocess.run(
        ["nm", "--dynamic", CAPI], capture_output=True, text=True, check=True
    ).stdout
    names = [line.split()[-1] for line in symbols.splitlines()]
    assert names
    assert [name for name in names if name.startswith(("Py", "_Py"))] == []


# Every way to build


# How the crate is optimised does not matter to how it is built: spend less time on it. The wheel
# that tox builds and tests is optimised in full. PyO3 is compiled again for each interpreter that
# it looks at: it is always the same one.
QUICK = {
    "CARGO_PROFILE_DEV_DEBUG": "0",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "PYO3_PYTHON": sys.executable,
}


def run(*command, cwd, check=True, **environment):
    """Run a command; a value of None removes a variable from its environment."""
    environment = {
        name: str(value)
        for name, value in {**os.environ, **QUICK, **environment}.items()
        if value is not None
    }
    finished = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True
    )
    if check:
        assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished


def unpack(sdist, where):
    with tarfile.open(sdist) as archive:
        archive.extractall(where, **({"filter": "data"} if sys.version_info >= (3, 12) else {}))
    (top,) = where.iterdir()
    return top


def check_wheel(directory):
    """There is one wheel, for every Python from the floor; it holds both extensions."""
    (wheel,) = directory.glob("*.whl")
    assert "-cp310-abi3-" in wheel.name
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    for name in ("_native", "_capi"):
        assert any(re.fullmatch(rf"mypackage/{name}\.(abi3\.so|pyd)", file) for file in names)
    files = {"_native.pyi", "py.typed", "include/mypackage.h"}
    assert {f"mypackage/{file}" for file in files} <= set(names)
    assert not any(file.startswith("src/") or file.endswith(".rs") for file in names)
    return wheel


@pytest.fixture(scope="session")
def sources(root, tmp_path_factory):
    """The contents of an sdist, alone in a directory: cargo builds what is elsewhere once more."""
    directory = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "setup.py", "-q", "sdist", "-d", directory, cwd=root)
    (sdist,) = directory.iterdir()
    return unpack(sdist, tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="session")
def target(root):
    """Where cargo keeps what it has compiled: shared, so that few crates are compiled twice."""
    return os.environ.get("CARGO_TARGET_DIR", root / "target")


@pytest.fixture(scope="session")
def venv(tmp_path_factory):
    """The Python of a new, empty environment."""
    directory = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", directory, cwd=directory)
    return directory / ("Scripts" if os.name == "nt" else "bin") / "python"


def profile(python, cwd):
    return run(python, "-m", "mypackage", "info", cwd=cwd).stdout.split("profile")[1].split()[0]


@pytest.mark.slow
def test_setup_py_bdist_wheel(sources, target, tmp_path):
    """The sdist builds from nothing but its own contents."""
    command = [sys.executable, "setup.py", "-q", "bdist_wheel", "-d", tmp_path]
    run(*command, cwd=sources, CARGO_TARGET_DIR=target)
    check_wheel(tmp_path)


@pytest.mark.slow
def test_pip_wheel(sources, target, venv, tmp_path):
    """`pip wheel .` makes the same wheel."""
    command = [venv, "-m", "pip", "wheel", "--no-deps", "-w", tmp_path, "."]
    run(*command, cwd=sources, CARGO_TARGET_DIR=target)
    check_wheel(tmp_path)


@pytest.mark.slow
def test_pip_install(sources, target, venv, tmp_path):
    """`pip install .` gives an optimised package that works."""
    run(venv, "-m", "pip", "install", ".", cwd=sources, CARGO_TARGET_DIR=target)
    assert profile(venv, tmp_path) == "release"


@pytest.mark.slow
def test_pip_install_editable(sources, target, venv, tmp_path):
    """An editable install is optimised, too."""
    run(venv, "-m", "pip", "install", "-e", ".", cwd=sources, CARGO_TARGET_DIR=target)
    assert profile(venv, tmp_path) == "release"


@pytest.mark.slow
def test_vendored_sdist_builds_offline(sources, venv, tmp_path):
    """With the crates inside it, an sdist needs neither a registry nor what cargo has cached.

    setuptools-rust's variable chooses another profile for it.
    """
    copy = shutil.copytree(sources, tmp_path / "copy")
    (tmp_path / "sdist").mkdir()
    command = [sys.executable, "setup.py", "-q", "sdist", "--vendor-crates"]
    run(*command, "-d", tmp_path / "sdist", cwd=copy)
    (sdist,) = (tmp_path / "sdist").iterdir()
    vendored = unpack(sdist, tmp_path / "vendored")
    run(
        *[sys.executable, "setup.py", "-q", "bdist_wheel", "-d", tmp_path / "wheel"],
        cwd=vendored,
        CARGO_NET_OFFLINE="true",
        CARGO_HOME=tmp_path / "empty",
        # rustup's proxies look for toolchains here, and beside CARGO_HOME otherwise.
        RUSTUP_HOME=os.environ.get("RUSTUP_HOME", Path.home() / ".rustup"),
        CARGO_TARGET_DIR=tmp_path / "target",
        SETUPTOOLS_RUST_CARGO_PROFILE="dev",
    )
    wheel = check_wheel(tmp_path / "wheel")
    run(venv, "-m", "pip", "install", "--force-reinstall", wheel, cwd=tmp_path)
    assert profile(venv, tmp_path) == "debug"


def fake_rust(directory, version):
    """Programs that say they are this version of Rust, or none at all."""
    directory.mkdir()
    for name in ("cargo", "rustc") if version else ():
        program = directory / name
        program.write_text(f"#!/bin/sh\necho '{name} {version} (0123456789 2020-01-01)'\n")
        program.chmod(0o755)
    return directory


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")
@pytest.mark.parametrize(
    ("version", "message"),
    [
        (None, "can't find Rust compiler"),
        ("1.60.0", r"Rust 1\.60\.0 does not match .*>={}"),
    ],
)
def test_missing_or_old_rust_is_a_plain_error(version, message, root, sources, tmp_path):
    """Without Rust, or with one too old, the build ends saying so."""
    programs = fake_rust(tmp_path / "bin", version)
    finished = run(
        *[sys.executable, "setup.py", "-q", "bdist_wheel", "-d", tmp_path / "wheel"],
        cwd=sources,
        check=False,
        PATH=os.pathsep.join([str(programs), "/usr/bin", "/bin"]),
        CARGO=None,
        RUSTC=None,
    )
    assert finished.returncode != 0
    floor = re.escape(cargo_package(root, "rust-version"))
    assert re.search(message.format(floor), finished.stdout + finished.stderr)
