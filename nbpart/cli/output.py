"""How commands print: results to stdout; messages, notices and errors to stderr."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from nbpart.cli.tables import Table, lay_out, to_json
from nbpart.cli.text import one_line, printable, printable_block
from nbpart.errors import (
    ConditionError,
    DeclarationError,
    NbpartError,
    ParameterError,
    PartitionKeyError,
    UnknownNameError,
)
from nbpart.partitions import PartitionRef

#: Errors caused by what the command was given: exit code 2.
USAGE_ERRORS = (UnknownNameError, DeclarationError, PartitionKeyError, ParameterError, ConditionError)


class Failure(click.ClickException):
    """A command failed: prints the error as one line to stderr, or with ``keep_lines`` as it is, and exits with 1."""

    def __init__(self, error: BaseException | str, *, keep_lines: bool = False) -> None:
        super().__init__(printable_block(str(error)) if keep_lines else one_line(str(error)))


class UsageFailure(Failure):
    """A `Failure` because of what the command was given: exits with 2."""

    exit_code = 2


class Group(click.Group):
    """A group that lists its commands in the order in which they were added, and prints nbpart's errors in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:  # its message repeats what was typed or pasted
            raise _make_printable(error) from None
        except NbpartError as error:
            raise (UsageFailure if isinstance(error, USAGE_ERRORS) else Failure)(error) from error


def _make_printable(error: click.UsageError) -> click.UsageError:
    message = error.format_message()
    return error if printable_block(message) == message else click.UsageError(printable_block(message), error.ctx)


class StderrHandler(logging.Handler):
    """Prints what nbpart logs to stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        print_stderr(record.getMessage())


_HANDLER = StderrHandler()


def prepare_streams(ctx: click.Context) -> None:
    """Let stdout and stderr escape what they cannot encode, obey NO_COLOR, and print nbpart's log to stderr."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if os.environ.get("NO_COLOR"):
        ctx.color = False
    logger = logging.getLogger("nbpart")
    logger.addHandler(_HANDLER)
    logger.setLevel(logging.INFO)
    ctx.call_on_close(lambda: logger.removeHandler(_HANDLER))


def print_stderr(text: str) -> None:
    """Print a line of text to stderr, with control characters escaped."""
    click.echo(printable(text), err=True)


def print_json(value: Any) -> None:
    click.echo(to_json(value))


def print_table(
    table: Table, as_json: bool, *, empty: str, more: str = "", droppable: Sequence[str] = (), fit: bool = True
) -> None:
    """Print a table to stdout, for people or as JSON.

    For people, ``empty`` is printed to stderr instead of a table without rows, and ``more`` behind a table. Columns are
    left out where the terminal is too narrow, those named in ``droppable`` first; without ``fit`` none is left out.
    """
    if as_json:
        print_json(table.to_records())
        return
    if not table.rows:
        print_stderr(empty)
        return
    layout = lay_out(table, terminal_width() if fit else None, droppable)
    click.echo("\n".join(layout.lines))
    if layout.left_out:
        print_stderr(f"not shown for want of room: {', '.join(layout.left_out)} (--json shows all)")
    if layout.shortened:
        print_stderr(f"cut short: {', '.join(layout.shortened)} (--json shows it whole)")
    if more:
        print_stderr(more)


def print_facts(facts: Mapping[str, str]) -> None:
    """Print names and values in two aligned columns; empty values are left out."""
    shown = {name: value for name, value in facts.items() if value}
    size = max(map(len, shown), default=0)
    for name, value in shown.items():
        click.echo(f"{click.style(name.ljust(size), bold=True)}  {value}")


def terminal_width() -> int | None:
    """The width of the terminal in columns; None where stdout is none, and nothing should be cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def show_path(path: Path | None) -> str:
    """A path relative to the current folder if it is below, else absolute; "" for None."""
    if path is None:
        return ""
    here = Path.cwd()
    return printable(str(path.relative_to(here) if path.is_relative_to(here) else path))


def partition_name(asset: str, key: str | None) -> str:
    """The label of a partition, with control characters escaped."""
    return printable(PartitionRef(asset, key).label)
