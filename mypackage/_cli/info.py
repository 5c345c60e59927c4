"""``mypackage info``."""

from __future__ import annotations

import argparse

import mypackage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are no options."""


def run(arguments: argparse.Namespace) -> None:
    """Print the configuration."""
    mypackage.show_config()
