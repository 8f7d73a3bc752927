"""The command that says why a partition is what it is."""

from __future__ import annotations

import click

from nbpart.cli import options
from nbpart.cli.output import print_json, print_table
from nbpart.cli.tables import Table
from nbpart.cli.text import printable


@click.command()
@click.argument("asset", shell_complete=options.complete_asset)
@click.argument("key", required=False, shell_complete=options.complete_key)
@options.json_option
@options.workspace_option
def why(asset: str, key: str | None, as_json: bool) -> None:
    """Say why a partition is stale, missing, or what it is.

    One sentence, and the chain to its root: the partition that changed, and when.
    """
    with options.open_workspace() as workspace:
        found = workspace.why(asset, key)
    if as_json:
        print_json({"text": found.text, "chain": found.frame.to_dict("records")})
        return
    click.echo(printable(repr(found)))
    if len(found.causes) > 1:
        print_table(Table.from_frame(found.frame), as_json, empty="", droppable=("run_id", "status", "cause", "at"))
