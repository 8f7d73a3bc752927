"""Asking for trust before a command runs a workspace's code, and the command trust."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from nbpart.cli import options
from nbpart.cli.output import Failure, print_stderr, print_table, show_path
from nbpart.cli.tables import Table
from nbpart.cli.text import printable
from nbpart.storage.relative import absolute_folder

if TYPE_CHECKING:
    from nbpart.workspace import Workspace


def ask_for_trust(workspace: Workspace, what: str) -> None:
    """Ask the person at the terminal to trust a workspace whose code is about to run; does nothing for a trusted one.

    ``what`` says what would run. Raises `UntrustedWorkspaceError` where there is no terminal, `Failure` for a no.
    """
    from nbpart.project.ownership import name_owner

    if workspace.is_trusted:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        workspace.project.check_trust()
    root = printable(str(workspace.root))
    print_stderr(
        f"{root} (its files belong to {printable(name_owner(workspace.root))}) is no workspace that you made or trust."
    )
    print_stderr(f"This runs code that it holds, as you: {printable(what)}.")
    if not click.confirm("Trust it, now and from now on?", err=True):
        raise Failure("Nothing was run.")
    workspace.trust()


@click.command()
@click.option("--list", "lists", is_flag=True, help="List the workspaces that you made or trust.")
@click.option("--remove", "removes", is_flag=True, help="Trust it no longer.")
@options.json_option
@options.workspace_option
def trust(lists: bool, removes: bool, as_json: bool) -> None:
    """Trust a workspace that somebody else made.

    From then on its code (notebooks, functions, sensors) may run as you. What you made yourself needs no such word;
    what was moved or copied does, once.
    """
    from nbpart.project.trust import forget_workspace, load_trusted

    if lists and removes:
        raise click.UsageError("Give --list or --remove, not both.")
    if lists:
        rows = [(entry.path, entry.how, entry.since, entry.workspace_id) for entry in load_trusted()]
        table = Table(("path", "how", "since", "workspace_id"), rows)
        print_table(table, as_json, empty="There is no workspace that you made or trust.", droppable=("workspace_id",))
        return
    root = absolute_folder(options.workspace_path())
    place = show_path(root) or "."
    if removes:
        was_there = forget_workspace(root)
        click.echo(f"{place} is trusted no longer." if was_there else f"{place} was not on the list.")
        return
    with options.open_workspace() as workspace:
        workspace.trust()
    click.echo(f"{place} is trusted; `nbpart trust --remove` takes that back.")
