"""The command line: one module per command, imported only when the command runs.

A command module has ``add_arguments(parser)`` and ``run(arguments)``. For bad input it raises
`CommandError`, or what the package raises; `main` prints one line.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import warnings
from collections.abc import Sequence

import mypackage
from mypackage._core.reductions import STATEFUL
from mypackage._extras import require
from mypackage._files.pieces import UsageError

COMMANDS = {
    "info": "what is installed and what the kernels use",
    "bench": "time and error, next to pure Python, NumPy and math.fsum",
    "sum": "reduce the numbers in files of any size and number, rounding once",
    "fibonacci": "Fibonacci numbers, exact or modulo M",
}


# Commands that are aliases with another default.
ALIASES: dict[str, tuple[str, dict[str, str]]] = {
    op: ("sum", {"op": op}) for op in ("mean", "var", "std") if op in STATEFUL
}
COMMANDS |= {op: f"the same as `{command} --op {op}`" for op, (command, _) in ALIASES.items()}


class CommandError(Exception):
    """An error that is shown to the user as one line."""


# 128 + SIGINT, as shells report it.
INTERRUPTED = 130


def _parser(commands: Sequence[str]) -> argparse.ArgumentParser:
    # With python -OO there is none.
    summary = (mypackage.__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="mypackage", description=summary)
    parser.add_argument("--version", action="version", version=mypackage.__version__)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in commands:
        command, defaults = ALIASES.get(name, (name, {}))
        module = importlib.import_module(f"{__name__}.{command}")
        text = COMMANDS[name]
        subparser = subparsers.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}."
        )
        module.add_arguments(subparser, **defaults)
        subparser.set_defaults(run=module.run, parser=subparser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default those of the process.

    Returns
    -------
    int
        The exit status: 0; 1 for bad input; 130 after Ctrl-C. (A wrong option exits with 2.)
    """
    process = argv is None
    argv = sys.argv[1:] if argv is None else list(argv)
    if sys.stdout is None:
        return _fail("standard output is closed")
    try:
        # Import only the command that is run; all of them for --help or an unknown command.
        commands = argv[:1] if argv and argv[0] in COMMANDS else list(COMMANDS)
        parser = _parser(commands)
        if "_ARGCOMPLETE" in os.environ:
            # For a shell's completion request, this prints the answer and exits.
            require("argcomplete").autocomplete(parser)
        try:
            arguments = parser.parse_args(argv)
        finally:
            # Also of --help and --version, after which argparse exits.
            sys.stdout.flush()
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            try:
                arguments.run(arguments)
            except UsageError as error:
                arguments.parser.error(str(error))
        sys.stdout.flush()
    except KeyboardInterrupt:
        if process:
            # The process ends now; another interrupt has nothing to add but a traceback.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader, such as `head`, has closed the pipe.
        _abandon_output()
        return 0
    except MemoryError as error:
        return _fail(f"out of memory: {error}" if str(error) else "out of memory")
    except (CommandError, ArithmeticError, ImportError, OSError, TypeError, ValueError) as error:
        if isinstance(error, OSError):
            try:
                sys.stdout.flush()
            except OSError:
                _abandon_output()
        return _fail(str(error))
    return 0


def _abandon_output() -> None:
    """Let what Python writes at exit succeed, though standard output takes no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_warning(message: Warning | str, *place: object, **more: object) -> None:
    # The source line of a warning means nothing to the user of a command.
    print(f"mypackage: warning: {message}", file=sys.stderr)


def _fail(message: str, status: int = 1) -> int:
    print(f"mypackage: {' '.join(message.split())}", file=sys.stderr)
    return status
