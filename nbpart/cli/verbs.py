"""Commands that do something to partitions without a run: accept, adopt, wipe."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import click

from nbpart.cli import options
from nbpart.cli.output import Failure, print_json
from nbpart.cli.text import printable
from nbpart.partitions.choice import TypedText
from nbpart.project.verb_result import VerbResult

selection_argument = click.argument("selection", nargs=-1, required=True, shell_complete=options.complete_asset)


@dataclass(frozen=True)
class VerbOptions:
    """What the options of a command that changes partitions say: of which, why, and whether and how it does it."""

    keys: list[TypedText] | None
    where: str | None
    reason: str
    dry_run: bool
    yes: bool
    as_json: bool


def verb_options(command: Callable[..., None]) -> Callable[..., None]:
    """``-k`` and ``--where`` of a command that changes partitions, and the options of `confirming_options`."""
    return options.keys_option(options.where_option(confirming_options(command)))


def confirming_options(command: Callable[..., None]) -> Callable[..., None]:
    """``--reason``, ``-n``, ``-y``, ``--json`` and ``-w`` of a command that changes partitions.

    The command is called with all that they say as ``asked``.
    """

    @functools.wraps(command)
    def call(
        *,
        keys: Sequence[str] = (),
        where: str | None = None,
        reason: str,
        dry_run: bool,
        yes: bool,
        as_json: bool,
        **given: Any,
    ) -> None:
        chosen = [TypedText(key) for key in keys] or None
        command(asked=VerbOptions(chosen, where, reason, dry_run, yes, as_json), **given)

    for option in (
        options.workspace_option,
        options.json_option,
        click.option("-y", "--yes", is_flag=True, help="Do it without asking."),
        click.option("-n", "--dry-run", is_flag=True, help="Only say what would be done."),
        click.option("--reason", metavar="TEXT", default="", help="Why; it stands in the history of each partition."),
    ):
        call = option(call)
    return call


def confirm(question: str, yes: bool) -> None:
    """Ask a person who has a terminal. Exits where the answer is no, or where nobody can be asked."""
    if yes:
        return
    if not options.has_terminal():
        raise Failure(f"{question} There is no terminal to ask on: say -y if that is meant.")
    click.confirm(question, abort=True, err=True)


def perform(act: Callable[[bool], VerbResult], asked: VerbOptions) -> None:
    """Do what `act` does, after asking with the number of partitions, and print what was done.

    `act` is called with True to say what it would do.
    """
    result = act(True)
    if not asked.dry_run:
        if result.count:
            confirm(printable(result.question), asked.yes)
        result = act(False)
    if asked.as_json:
        print_json(result.to_json())
    else:
        click.echo(printable(str(result)))


@click.command()
@selection_argument
@verb_options
def accept(selection: Sequence[str], asked: VerbOptions) -> None:
    """Declare partitions current as they are, without a run.

    Their data count as made by the code and of the inputs of now; a later change makes them stale again. +SELECTION
    accepts all above it too.
    """
    with options.open_workspace() as workspace:
        perform(
            lambda dry: workspace.accept(
                list(selection), asked.keys, where=asked.where, reason=asked.reason, dry_run=dry
            ),
            asked,
        )


@click.command()
@click.argument("asset", shell_complete=options.complete_asset)
@click.argument("path")
@click.option(
    "--version",
    type=click.Choice(["hash", "size+mtime"]),
    default="hash",
    show_default=True,
    help="By what a file is told from another: by what it holds, or by size and time, without reading it.",
)
@confirming_options
def adopt(asset: str, path: str, version: Literal["hash", "size+mtime"], asked: VerbOptions) -> None:
    """Make files that are there the data of partitions.

    PATH names columns of the partitions in braces: old/{partition_key}.parquet. Keys that a dynamic set does not have
    are added. The files stay where they are and are only ever read.
    """
    with options.open_workspace() as workspace:
        perform(
            lambda dry: workspace.adopt(asset, path, version=version, reason=asked.reason, dry_run=dry),
            asked,
        )


@click.command()
@selection_argument
@click.option("--data", is_flag=True, help="Delete the files of all their runs now; adopted files always stay.")
@verb_options
def wipe(selection: Sequence[str], data: bool, asked: VerbOptions) -> None:
    """Make partitions missing, as if they had never run.

    Their files stay until a prune, and accept takes the partitions back until then.
    """
    with options.open_workspace() as workspace:
        perform(
            lambda dry: workspace.wipe(
                list(selection), asked.keys, where=asked.where, reason=asked.reason, data=data, dry_run=dry
            ),
            asked,
        )
