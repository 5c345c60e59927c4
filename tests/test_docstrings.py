"""What numpydoc asks of docstrings: every public name has all sections, in their order."""

import importlib
import inspect
import re

import numpy as np
import pytest

import mypackage

# Submodules and the libraries that they need.
SUBMODULES = {
    "arrow": "pyarrow",
    "capi": None,
    "dask": "dask.array",
    "flox": "flox",
    "numba": "numba",
    "pandas": "pandas",
    "records": None,
    "threadpoolctl": "threadpoolctl",
    "tutorial": None,
    "xarray": "xarray",
}
# No extended summary where the first line says it all; See Also without descriptions; closing
# quotes on the last line.
ALLOWED = {"ES01", "SA04", "GL02"}
# The parameters of a ufunc stand in the first line of its docstring, as those of NumPy's.
OF_UFUNCS = {"PR01", "PR02", "PR04"}
# Made by functions, not by users.
MADE = {"mypackage.pandas.Windows", "mypackage.xarray.Windows"}


def public_names(module, prefix):
    """The public names of a module, with the methods and properties of its classes."""
    for name in getattr(module, "__all__", ()):
        yield f"{prefix}.{name}"
        value = getattr(module, name)
        if inspect.isclass(value):
            for member in sorted(vars(value)):  # The order of properties varies from run to run.
                if not member.startswith("_") and member not in getattr(
                    value, "__dataclass_fields__", ()
                ):
                    yield f"{prefix}.{name}.{member}"


def objections(name):
    """What numpydoc has to object to a docstring."""
    validate = pytest.importorskip("numpydoc.validate", reason="needs numpydoc").validate
    allowed = set(ALLOWED)
    if isinstance(getattr(mypackage, name.rpartition(".")[2], None), np.ufunc):
        allowed |= OF_UFUNCS
    if name in MADE:
        allowed |= {"PR01"}
    return [f"{code} {text}" for code, text in validate(name)["errors"] if code not in allowed]


@pytest.mark.parametrize("name", list(public_names(mypackage, "mypackage")))
def test_functions_and_classes(name):
    assert objections(name) == []


def test_the_package_docstring_is_an_index():
    """It names each public function, class and submodule once."""
    lines = [line for line in mypackage.__doc__.splitlines() if line.startswith("    ")]
    names = re.findall(r"\w+", " ".join(line.partition(" : ")[0] for line in lines))
    assert sorted(names) == sorted([*mypackage.__all__, *mypackage._SUBMODULES])


@pytest.mark.parametrize("submodule", SUBMODULES)
def test_submodules(submodule):
    library = SUBMODULES[submodule]
    if library:
        pytest.importorskip(library)
    module = importlib.import_module(f"mypackage.{submodule}")
    assert inspect.getdoc(module)
    names = public_names(module, f"mypackage.{submodule}")
    assert {name: objections(name) for name in names if objections(name)} == {}


def test_all_submodules_are_looked_at():
    assert set(SUBMODULES) == set(mypackage._SUBMODULES)


@pytest.mark.parametrize(
    "name", [one for one in mypackage.__all__ if isinstance(getattr(mypackage, one), np.ufunc)]
)
def test_signatures_of_ufuncs(name):
    """The first line names as many inputs as the ufunc takes, each of which is described."""
    ufunc = getattr(mypackage, name)
    call, _, text = ufunc.__doc__.partition("\n\n")
    if text.startswith(f"{name}("):  # NumPy before 2.2 puts a line of its own first.
        call, _, text = text.partition("\n\n")
    inputs = re.fullmatch(rf"{name}\(([\w, ]+), /, out=.*\)", call)[1].split(", ")
    assert len(inputs) == ufunc.nin
    described = re.search(r"Parameters\n-+\n([\w, ]+) : ", text)[1].split(", ")
    assert described == inputs


def test_no_docstring_sends_readers_elsewhere():
    """A docstring says what its function does, whatever function it is akin to."""
    for prefix, module in [("mypackage", mypackage), ("capi", mypackage.capi)]:
        for name in public_names(module, prefix):
            value = module
            for part in name.split(".")[1:]:
                value = getattr(value, part)
            found = re.search(
                r"(are|is) (those|that) of `\w+`\.|[Aa]s of `|\b[Aa]s for `\w+`\.$",
                inspect.getdoc(value),
                re.M,
            )
            assert not found, (name, found)


def test_completed_docstrings():
    """`like` takes from the model what is missing, in the order of sections and arguments."""
    from mypackage._docstrings import like

    def sum(a, axis=None, dtype=None):
        """Sum.

        Parameters
        ----------
        a, b : array_like
            What to sum.
        axis : int
            The axis of sums.
        dtype : dtype
            Of `mypackage.sum`.

        Returns
        -------
        scalar
            The sums.

        Raises
        ------
        ValueError
            Sometimes.

        Examples
        --------
        >>> 1
        1
        """

    @like(sum, sums="means")
    def mean(a, ddof=0, axis=None, dtype=None):
        """Mean.

        More.

        Parameters
        ----------
        ddof : int
            What is subtracted.

        Raises
        ------
        TypeError
            Never.

        See Also
        --------
        sum
        """

    assert mean.__doc__ == inspect.cleandoc(
        """
        Mean.

        More.

        Parameters
        ----------
        a, b : array_like
            What to sum.
        ddof : int
            What is subtracted.
        axis : int
            The axis of means.
        dtype : dtype
            Of `mypackage.mean`.

        Returns
        -------
        scalar
            The means.

        Raises
        ------
        TypeError
            Never.

        See Also
        --------
        sum
        """
    )
    # As it is with python -OO.
    sum.__doc__ = None
    assert like(sum)(lambda: 0).__doc__ is None
