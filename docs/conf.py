"""Settings of the documentation: `sphinx-build -W -n docs docs/_build` (or ``tox run -e docs``)."""

import importlib
import re
import shutil
from pathlib import Path

import numpy
from sphobjinv import Inventory, compress, writebytes

import mypackage

HERE = Path(__file__).parent
ROOT = HERE.parent

project = "mypackage"
author = "The mypackage developers"
copyright = author
version = release = mypackage.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
    "sphinx_copybutton",
]

# The notebooks are executed by tests and committed with their output; here they are only shown.
nb_execution_mode = "off"
GALLERY = HERE / "gallery"


def copy_notebooks():
    """MyST-NB finds notebooks below the source folder only."""
    shutil.rmtree(GALLERY, ignore_errors=True)
    GALLERY.mkdir()
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        shutil.copy(notebook, GALLERY)


copy_notebooks()

templates_path = ["_templates"]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# `include`d files link to each other as files of the repository.
suppress_warnings = ["myst.xref_missing"]

# Only what was typed is copied, without prompts and output.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

autosummary_generate = True
# Its own tables of methods would list inherited ones that have no page.
numpydoc_show_class_members = False
autodoc_typehints = "none"
default_role = "py:obj"

# Inventories are committed as text and compiled here, so that a build needs no network: only the
# names that the documentation links to, from inventories/*.txt.
BASES = {
    "numpy": "https://numpy.org/doc/stable/",
    "python": "https://docs.python.org/3/",
    "dask": "https://docs.dask.org/en/stable/",
    "pandas": "https://pandas.pydata.org/docs/",
    "xarray": "https://docs.xarray.dev/en/stable/",
}
intersphinx_mapping = {}


def compile_inventories():
    """Write each inventories/NAME.txt as the file that intersphinx reads."""
    target = HERE / "_build" / "inventories"
    target.mkdir(parents=True, exist_ok=True)
    for name, base in BASES.items():
        inventory = Inventory(str(HERE / "inventories" / f"{name}.txt"))
        writebytes(str(target / f"{name}.inv"), compress(inventory.data_file()))
        intersphinx_mapping[name] = (base, str(target / f"{name}.inv"))


compile_inventories()

# Words of numpydoc's type lines that are no objects, and names other inventories lack.
nitpick_ignore_regex = [
    ("py:.*", r"(array_like|optional|scalar|ndarray|int|ints|bool|float|str|tuple|None|dtype)"),
    # Parameters in single backticks.
    ("py:obj", r"[a-z_]\w*"),
    ("py:.*", r"(number|object|callable|dict|list|sequence|.* of .*|same as .*|default.*)"),
]


def as_function(ufunc):
    """A function with a ufunc's signature and docstring: autodoc takes a ufunc for data."""
    call, _, text = ufunc.__doc__.partition("\n\n")
    namespace = {}
    exec(f"def {call}: ...", namespace)
    function = namespace[ufunc.__name__]
    function.__doc__, function.__module__ = text, "mypackage"
    return function


for _name, _value in list(vars(mypackage).items()):
    if isinstance(_value, numpy.ufunc):
        setattr(mypackage, _name, as_function(_value))


def is_public(name):
    """Whether a dotted name has a page in the reference."""
    module, _, attribute = name.rpartition(".")
    if module in ("mypackage.ExactSum", "mypackage.ExactMoments"):
        return hasattr(getattr(mypackage, module.partition(".")[2]), attribute)
    if module == "mypackage":
        return attribute in mypackage.__all__ or attribute in mypackage._SUBMODULES
    return module.partition(".")[2] in mypackage._SUBMODULES and attribute in getattr(
        importlib.import_module(module), "__all__", ()
    )


def improve(app, docname, source):
    """In the pages in Markdown, names become links, and examples lose their last, blank line.

    (Only doctest needs that line.)
    """
    if Path(app.env.doc2path(docname)).suffix != ".md":
        return
    # Text and code blocks take turns.
    parts = re.split(r"^(```.*?^```$)", source[0], flags=re.MULTILINE | re.DOTALL)

    def linked(match):
        return f"{{py:obj}}{match[0]}" if is_public(match[1]) else match[0]

    for place, part in enumerate(parts):
        if place % 2:
            parts[place] = part.replace("\n\n```", "\n```")
        else:
            parts[place] = re.sub(r"(?<![`\w}])`(mypackage(?:\.\w+)+)`(?!`)", linked, part)
    source[0] = "".join(parts)


def without_class(app, what, name, obj, options, signature, returned):
    """The signature of a compiled class method; numpydoc would show its class as an argument."""
    is_class_method = "$cls" in (getattr(obj, "__text_signature__", None) or "")
    return (signature, returned) if is_class_method else None


def setup(app):
    app.connect("source-read", improve)
    app.connect("autodoc-process-signature", without_class, priority=400)


html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = "mypackage"
# Pages without others below them have nothing to list there.
html_sidebars = {
    name: [] for name in ("index", "numerics", "benchmarks", "contributing", "release-notes")
}
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "header_links_before_dropdown": 6,
}
html_show_sourcelink = False
html_copy_source = False
