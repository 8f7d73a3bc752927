"""Commands that show what is registered and how it stands: status, refresh, assets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from nbpart.cli import options
from nbpart.cli.checks import describe_bad_checks
from nbpart.cli.output import print_json, print_stderr, print_table
from nbpart.cli.summary import describe_open_backfills
from nbpart.cli.tables import Table
from nbpart.partitions.mapping import Same, Whole

if TYPE_CHECKING:
    from nbpart.assets.definition import AssetDefinition

NO_ASSETS = "No asset is registered yet: declare some in a notebook or module."


@click.command()
@options.selection_argument
@options.json_option
@options.workspace_option
def status(selection: Sequence[str], as_json: bool) -> None:
    """Show how many partitions have each status.

    SELECTION restricts it to assets, as that of `nbpart plan`.
    """
    from nbpart.automation.triggers import describe_watching
    from nbpart.project.refresh import describe_code_age

    with options.open_workspace() as workspace:
        table = Table.from_frame(workspace.status(list(selection) or None).reset_index())
        backfills = [] if as_json else describe_open_backfills(workspace)
        code_age = describe_code_age(workspace.project)
        watching = "" if as_json else describe_watching(workspace.project)
        bad_checks = [] if as_json else describe_bad_checks(workspace.checks())
    print_table(table, as_json, empty=NO_ASSETS, fit=False)
    if code_age and table.rows:
        print_stderr(f"The code on disk {code_age}; to look again: {options.command_line('refresh')}")
    for line in (*bad_checks, *backfills, *([watching] if watching else [])):
        print_stderr(line)


@click.command()
@options.json_option
@options.workspace_option
@click.pass_context
def refresh(ctx: click.Context, as_json: bool) -> None:
    """Look whether code or sources changed on disk.

    What was edited is taken up, and what the earlier code made is stale; nothing runs. A plan, a backfill and a tick
    look by themselves. Exits with 1 if some code cannot be taken up.
    """
    with options.open_workspace() as workspace:
        changes = workspace.refresh()
    if as_json:
        found = {"edited": changes.edited, "unreadable": changes.unreadable, "gone": changes.gone}
        print_json({**found, "sources": changes.sources})
    elif not (changes.notice or changes.source_notice or changes.warnings):
        click.echo("Nothing changed.")
    if changes.unreadable:
        ctx.exit(1)


@click.command()
@options.json_option
@options.workspace_option
def assets(as_json: bool) -> None:
    """List assets and sources, each after what it reads."""
    with options.open_workspace() as workspace:
        definitions = workspace.assets.definitions
    if as_json:
        print_json([_to_json(definition) for definition in definitions])
        return
    columns = ("name", "kind", "partitions", "inputs", "code_version", "description")
    rows = [
        (
            d.name,
            d.kind,
            d.set_name,
            ", ".join(_describe_input(d, i) for i in d.inputs),
            d.code_version[:12],
            d.description.strip().partition("\n")[0],
        )
        for d in definitions
    ]
    print_table(Table(columns, rows), False, empty=NO_ASSETS)


def _to_json(definition: AssetDefinition) -> dict[str, Any]:
    return {
        "name": definition.name,
        "kind": definition.kind,
        "partitions": definition.set_name or None,
        "inputs": [
            {"name": read.name, "argument": read.argument, "mapping": read.mapping.describe()}
            for read in definition.inputs
        ],
        "code_version": definition.code_version or None,
        "path": definition.path,
        "folder": definition.folder,
        "settings": definition.settings,
        "env": definition.env,
        "description": definition.description,
        "group": definition.group or None,
        "tags": definition.tags,
    }


def _describe_input(definition: AssetDefinition, read: Any) -> str:
    """The name of an input, with its mapping in parentheses where it does not read the same key."""
    same = isinstance(read.mapping, Same) or (isinstance(read.mapping, Whole) and not definition.is_partitioned)
    return read.name if same else f"{read.name} ({read.mapping.describe()})"
