"""What help() shows: docstrings of functions that are variations of another one, and modules."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])

# The sections in numpydoc's order, and those that are copied from the model.
_SECTIONS = (
    "Parameters",
    "Returns",
    "Raises",
    "Warns",
    "See Also",
    "Notes",
    "References",
    "Examples",
)
_INHERITED = ("Returns", "Raises", "Warns")


def like(model: Callable[..., Any], **words: str) -> Callable[[_F], _F]:
    """Complete the docstring of a function from that of a `model`.

    Parameters that it does not describe itself are copied from the model, in the order of the
    signature; so are Returns, Raises and Warns.

    Parameters
    ----------
    model : callable
        A function whose docstring is complete.
    **words : str
        Words of the model's docstring, each with its replacement.

    Returns
    -------
    callable
        A decorator.
    """

    def complete(function: _F) -> _F:
        # python -OO strips docstrings.
        if not function.__doc__ or not model.__doc__:
            return function
        mine, theirs = _sections(function.__doc__), _sections(model.__doc__)
        name, other = function.__name__, model.__name__

        def adapted(text: str) -> str:
            for before, after in {f"mypackage.{other}": f"mypackage.{name}", **words}.items():
                text = re.sub(rf"\b{re.escape(before)}\b", after, text)
            return text

        own = _entries(mine.pop("Parameters", ""))
        models = _entries(theirs.get("Parameters", ""))
        entries: list[str] = []
        for parameter in inspect.signature(function).parameters.values():
            stars: dict[Any, str] = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
            key = stars.get(parameter.kind, "") + parameter.name
            entry = own.get(key) or adapted(models.get(key, ""))
            if entry and entry not in entries:
                entries.append(entry)
        parts = [mine.pop("")]
        if entries:
            mine["Parameters"] = "\n".join(entries)
        for section in _INHERITED:
            if section in theirs and section not in mine:
                mine[section] = adapted(theirs[section])
        for section in _SECTIONS:
            if section in mine:
                parts.append(f"{section}\n{'-' * len(section)}\n{mine.pop(section)}")
        assert not mine, f"{name}: sections without a place: {list(mine)}"
        function.__doc__ = "\n\n".join(parts)
        return function

    return complete


def _sections(text: str) -> dict[str, str]:
    """The sections of a docstring by title; the summary has the title ''."""
    lines = inspect.cleandoc(text).split("\n")
    sections: dict[str, list[str]] = {"": []}
    title = ""
    for at, line in enumerate(lines):
        if at + 1 < len(lines) and line and lines[at + 1] == "-" * len(line):
            title = line
            sections[title] = []
        elif not (at and title == lines[at - 1] and line == "-" * len(title)):
            sections[title].append(line)
    return {title: "\n".join(body).strip("\n") for title, body in sections.items()}


def _entries(section: str) -> dict[str, str]:
    """A section's entries by parameter name; parameters documented together share an entry."""
    entries: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", section):
        for name in entry.partition("\n")[0].partition(" :")[0].split(","):
            if name.strip():
                entries[name.strip()] = entry
    return entries


def publish(module: dict[str, Any]) -> None:
    """Let the names in ``__all__`` belong to this module, given by its globals().

    So messages, help() and documentation name it, and not the private module that defines them.
    """
    for name in module["__all__"]:
        module[name].__module__ = module["__name__"]
