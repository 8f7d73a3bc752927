"""Commands that do something to partitions without a run: accept, adopt, wipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

import click

from nbpart.cli import options
from nbpart.cli.output import Failure, print_json
from nbpart.cli.text import pluralize, printable
from nbpart.partitions.choice import TypedText
from nbpart.project.verb_result import VerbResult

Command = TypeVar("Command", bound=Callable[..., Any])
selection_argument = click.argument("selection", nargs=-1, required=True)


def confirming_options(command: Command) -> Command:
    """``--reason``, ``-n`` and ``-y`` of a command that changes partitions."""
    for option in (
        click.option("-y", "--yes", is_flag=True, help="Do it without asking."),
        click.option("-n", "--dry-run", is_flag=True, help="Only say what would be done."),
        click.option("--reason", metavar="TEXT", default="", help="Why; it stands in the history of each partition."),
    ):
        command = option(command)
    return command


def confirm(question: str, yes: bool) -> None:
    """Ask a person who has a terminal. Exits where the answer is no, or where nobody can be asked."""
    if yes:
        return
    if not options.has_terminal():
        raise Failure(f"{question} There is no terminal to ask on: say -y if that is meant.")
    click.confirm(question, abort=True, err=True)


def perform(act: Callable[[bool], VerbResult], question: str, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Do what `act` does, after asking with the number of partitions, and print what was done.

    `act` is called with True to say what it would do. ``{}`` in the question stands for the number.
    """
    result = act(True)
    if not dry_run and result.count:
        confirm(question.format(pluralize(result.count, "partition")), yes)
        result = act(False)
    if as_json:
        print_json(result.to_json())
    else:
        click.echo(printable(str(result)))


@click.command()
@selection_argument
@options.keys_option
@options.where_option
@confirming_options
@options.json_option
@options.workspace_option
def accept(
    selection: Sequence[str],
    keys: Sequence[str],
    where: str | None,
    reason: str,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Declare partitions current as they are, without a run.

    Their data count as made by the code and of the inputs of now; a later change makes them stale again. +SELECTION
    accepts all above it too.
    """
    chosen = [TypedText(key) for key in keys] or None
    with options.open_workspace() as workspace:
        perform(
            lambda dry: workspace.accept(list(selection), chosen, where=where, reason=reason, dry_run=dry),
            "Accept {} as they are?",
            dry_run=dry_run,
            yes=yes,
            as_json=as_json,
        )


@click.command()
@click.argument("asset")
@click.argument("path")
@click.option(
    "--version",
    type=click.Choice(["hash", "size+mtime"]),
    default="hash",
    show_default=True,
    help="By what a file is told from another: by what it holds, or by size and time, without reading it.",
)
@confirming_options
@options.json_option
@options.workspace_option
def adopt(
    asset: str, path: str, version: Literal["hash", "size+mtime"], reason: str, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Make files that are there the data of partitions.

    PATH names columns of the partitions in braces: old/{partition_key}.parquet. Keys that a dynamic set does not have
    are added. The files stay where they are and are only ever read.
    """
    with options.open_workspace() as workspace:
        perform(
            lambda dry: workspace.adopt(asset, path, version=version, reason=reason, dry_run=dry),
            "Adopt the files of {}?",
            dry_run=dry_run,
            yes=yes,
            as_json=as_json,
        )


@click.command()
@selection_argument
@options.keys_option
@options.where_option
@click.option("--data", is_flag=True, help="Delete the files of all their runs now; adopted files always stay.")
@confirming_options
@options.json_option
@options.workspace_option
def wipe(
    selection: Sequence[str],
    keys: Sequence[str],
    where: str | None,
    data: bool,
    reason: str,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Make partitions missing, as if they had never run.

    Their files stay until a prune, and accept takes the partitions back until then.
    """
    chosen = [TypedText(key) for key in keys] or None
    with options.open_workspace() as workspace:
        perform(
            lambda dry: workspace.wipe(list(selection), chosen, where=where, reason=reason, data=data, dry_run=dry),
            "Wipe {} and delete their files?" if data else "Wipe {}?",
            dry_run=dry_run,
            yes=yes,
            as_json=as_json,
        )
