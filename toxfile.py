"""Lets tox see every Python that pyenv has installed, not only those that it has made global."""

import os
from pathlib import Path

from tox.config.cli.parser import ToxParser
from tox.plugin import impl


@impl
def tox_add_option(parser: ToxParser) -> None:
    """Append pyenv's interpreters to PATH; no other hook runs before this one."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    interpreters = sorted(map(str, root.glob("versions/*/bin")))
    os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], *interpreters])
