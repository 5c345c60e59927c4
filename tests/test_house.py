"""The sources: where Rust may be unsafe, what constants are called, which module imports which."""

import ast
import pathlib
import re

import pytest

#: What each of these files keeps safe for all others.
UNSAFE = {
    "bindings/capi/src/export.rs": "declares C's functions",
    "bindings/capi/src/foreign.rs": "follows C's pointers",
    "bindings/python/src/config.rs": "two C functions for threadpoolctl",
    "bindings/python/src/exit.rs": "threads at the interpreter's end",
    "bindings/python/src/ndarray.rs": "NumPy's arrays",
    "bindings/python/src/ufunc.rs": "NumPy's ufuncs",
    "src/array/memory.rs": "prefetches and large pages",
    "src/array/view.rs": "arrays in memory",
    "src/array/walk.rs": "lends lines of results to threads",
    "src/cpu.rs": "calls what is compiled for an instruction set",
    "src/cumulative/lanes.rs": "instructions that move lanes",
    "src/environment.rs": "reads the floating-point environment",
    "src/fibonacci/permute.rs": "tables in registers",
    "src/simd.rs": "instructions of vectors",
    "src/threads.rs": "lends work to threads",
}
#: Folders whose files give one name one value.
FOLDERS = [
    "src/array",
    "src/cumulative",
    "src/exact",
    "src/fibonacci",
    "src/groups",
    "src/kernel",
    "src/moments",
    "src/products",
    "src/reduce",
    "src/windows",
    "bindings/python/src",
]
#: Each of these imports only those before it.
LAYERS = [
    "binary64",
    "array",
    "exact",
    "kernel",
    "products",
    "reduce",
    "moments",
    "cumulative",
    "groups",
    "windows",
    "summary",
]


def code(path):
    """The file without its comments and unit tests."""
    text = path.read_text()
    text = re.split(r"^#\[cfg\(test\)\]\nmod tests \{", text, maxsplit=1, flags=re.MULTILINE)[0]
    return re.sub(r"//.*", "", text)


@pytest.fixture(scope="module")
def files(root):
    sources = [*(root / "src").rglob("*.rs"), *(root / "bindings").rglob("*.rs")]
    found = {path.relative_to(root).as_posix(): code(path) for path in sources}
    return {name: text for name, text in found.items() if pathlib.Path(name).name != "tests.rs"}


def test_unsafe_code_is_in_these_files(files):
    found = {name for name, text in files.items() if re.search(r"\bunsafe(_code)?\b", text)}
    assert found == UNSAFE.keys()
    assert len(found) <= 15
    assert sum(name.startswith("bindings/") for name in found) <= 6


@pytest.mark.parametrize("folder", FOLDERS)
def test_one_name_has_one_value(files, folder):
    values = {}
    for name, text in files.items():
        if name.startswith(f"{folder}/"):
            for constant, value in re.findall(
                r"^(?:pub(?:\(\w+\))? )?const (\w\w+): [^=]+= ([^;]+);", text, re.MULTILINE
            ):
                values.setdefault(constant, {}).setdefault(value, []).append(name)
    assert values
    assert {constant: found for constant, found in values.items() if len(found) > 1} == {}


def test_a_layer_imports_only_those_below(files):
    imported = set()
    for name, text in files.items():
        own = name.removeprefix("src/").split("/")[0].removesuffix(".rs")
        for braced, single in re.findall(r"\bcrate::(?:\{([^}]*)\}|(\w+))", text):
            for other in re.findall(r"\w+", braced or single):
                if own in LAYERS and other in LAYERS and other != own:
                    imported.add((name, other, LAYERS.index(own) > LAYERS.index(other)))
    assert imported
    assert [found for found in sorted(imported) if not found[-1]] == []


def test_the_layers_stand_in_this_order_in_the_tree(root):
    tree = (root / "CONTRIBUTING.md").read_text()
    places = [tree.index(f"\n    {name}") for name in LAYERS]
    assert places == sorted(places)


def test_modules_for_other_input_are_in_layers(root):
    """A module of `_core` imports only those that its package lists before it, which lists all."""
    folder = root / "mypackage" / "_core"
    listed = re.findall(r"``(\w+)``", (folder / "__init__.py").read_text())
    assert sorted(listed) == sorted(path.stem for path in folder.glob("[!_]*.py"))
    for place, module in enumerate(listed):
        for node in ast.parse((folder / f"{module}.py").read_text()).body:
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                names = [node.module] if node.module else [name.name for name in node.names]
                assert set(names) <= set(listed[:place]), module
