"""What commands print, and where: answers to stdout, remarks to stderr."""

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
from nbpart.cli.text import printable, printable_block, sentence
from nbpart.errors import DeclarationError, NbpartError, ParameterError, PartitionKeyError, UnknownNameError
from nbpart.partitions import PartitionRef

#: The errors that mean that the command was given something wrong.
USAGE_ERRORS = (UnknownNameError, DeclarationError, PartitionKeyError, ParameterError)


class Failure(click.ClickException):
    """Something failed: one line on stderr, exit code 1."""

    def __init__(self, error: BaseException | str, *, keep_lines: bool = False) -> None:
        super().__init__(printable_block(str(error)) if keep_lines else sentence(str(error)))


class WrongUse(Failure):
    """The command was given something wrong: exit code 2."""

    exit_code = 2


class Group(click.Group):
    """Commands in the order in which they are needed, with the errors of nbpart told in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:  # it repeats what was typed or pasted
            raise _cleaned(error) from None
        except NbpartError as error:
            raise (WrongUse if isinstance(error, USAGE_ERRORS) else Failure)(error) from error


def _cleaned(error: click.UsageError) -> click.UsageError:
    told = error.format_message()
    return error if printable_block(told) == told else click.UsageError(printable_block(told), error.ctx)


class RemarkHandler(logging.Handler):
    """What nbpart logs, to stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        remark(record.getMessage())


_HANDLER = RemarkHandler()


def prepare_streams(ctx: click.Context) -> None:
    """Make stdout and stderr bear any text, leave colours out where NO_COLOR asks for that, and show what is logged."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if os.environ.get("NO_COLOR"):
        ctx.color = False
    logger = logging.getLogger("nbpart")
    logger.addHandler(_HANDLER)
    logger.setLevel(logging.INFO)
    ctx.call_on_close(lambda: logger.removeHandler(_HANDLER))


def remark(text: str) -> None:
    """Say something beside the answer."""
    click.echo(printable(text), err=True)


def print_json(value: Any) -> None:
    click.echo(to_json(value))


def print_table(
    table: Table, as_json: bool, *, empty: str, more: str = "", spare: Sequence[str] = (), fit: bool = True
) -> None:
    """Print a table for people or as JSON; `empty` is said instead of one without rows, `more` after a cut one.

    Columns named in `spare` are the first to go where there is no room; without `fit` none goes.
    """
    if as_json:
        print_json(table.to_records())
        return
    if not table.rows:
        remark(empty)
        return
    layout = lay_out(table, terminal_width() if fit else None, spare)
    click.echo("\n".join(layout.lines))
    if layout.left_out:
        remark(f"not shown for want of room: {', '.join(layout.left_out)} (--json shows all)")
    if layout.shortened:
        remark(f"cut short: {', '.join(layout.shortened)} (--json shows it whole)")
    if more:
        remark(more)


def print_facts(facts: Mapping[str, str]) -> None:
    """Print names and values, one a line; empty ones are left out."""
    shown = {name: value for name, value in facts.items() if value}
    size = max(map(len, shown), default=0)
    for name, value in shown.items():
        click.echo(f"{click.style(name.ljust(size), bold=True)}  {value}")


def terminal_width() -> int | None:
    """The width to fit in; None where nobody looks and nothing should be cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def show_path(path: Path | None) -> str:
    """A path as it can be used from the current folder."""
    if path is None:
        return ""
    here = Path.cwd()
    return printable(str(path.relative_to(here) if path.is_relative_to(here) else path))


def partition_name(asset: str, key: str | None) -> str:
    return printable(PartitionRef(asset, key).label)
