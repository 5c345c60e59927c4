"""``mypackage fibonacci``."""

from __future__ import annotations

import argparse
import sys

import numpy as np

import mypackage
from mypackage._cli import CommandError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Any number of integers N, of any size."""
    # Python refuses to convert ints of more than 4300 digits unless told otherwise, to guard
    # servers (CVE-2020-10735); on a command line the user asked for them.
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    parser.add_argument("n", metavar="N", type=_integer, nargs="+", help="which Fibonacci numbers")
    parser.add_argument("--mod", metavar="M", type=_integer, help="print F(N) mod M instead")


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def run(arguments: argparse.Namespace) -> None:
    """Print one result per line, in the order of the arguments."""
    if arguments.mod == 0:
        raise CommandError("--mod 0: there is no remainder modulo 0")
    n = np.array(arguments.n, dtype=object)
    if arguments.mod is None:
        try:
            results = mypackage.fibonacci(n)
        except OverflowError as error:
            what = str(error).partition("; use")[0]
            raise CommandError(f"{what}; --mod M gives a remainder") from None
    else:
        results = mypackage.fibonacci_mod(n, arguments.mod)
    for result in results:
        print(result)
