"""The command line: `nbpart`."""

from nbpart.cli.main import main

__all__ = ["main"]
