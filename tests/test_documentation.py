"""The examples in docstrings and in the README are true."""

import doctest

import numpy as np
import pytest

import mypackage

pytestmark = pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="NumPy 1 prints scalars in another way"
)


@pytest.mark.parametrize("name", mypackage.__all__)
def test_docstring_examples(name: str) -> None:
    """Every public name has a docstring with an example, which gives what it says."""
    tests = doctest.DocTestFinder().find(getattr(mypackage, name), f"mypackage.{name}", globs={})
    assert any(test.examples for test in tests)
    for test in tests:
        assert doctest.DocTestRunner().run(test).failed == 0


def test_readme_examples(root) -> None:
    """What the README shows after >>> is what Python prints."""
    results = doctest.testfile(str(root / "README.md"), module_relative=False)
    assert results.attempted > 0
    assert results.failed == 0
