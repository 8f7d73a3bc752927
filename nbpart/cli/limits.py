"""The command limits."""

from __future__ import annotations

import click

from nbpart.cli import options
from nbpart.cli.output import print_table
from nbpart.cli.tables import Table


@click.command()
@click.argument("given", metavar="[NAME=N]...", nargs=-1)
@options.json_option
@options.workspace_option
def limits(given: tuple[str, ...], as_json: bool) -> None:
    """List or set how many runs go on at a time.

    A limit is that of an asset, or of all assets with a tag. It holds over all
    backfills and processes of the workspace. NAME is an asset, or tag: and a tag; NAME=none takes a limit away.
    """
    chosen = dict(map(_parse_limit, given))
    with options.open_workspace() as workspace:
        if chosen:
            workspace.set_limits(chosen)
        frame = workspace.limits()
    table = Table(tuple(frame.columns), [tuple(row) for row in frame.itertuples(index=False)])
    print_table(table, as_json, empty="There are no limits; `nbpart limits tag:db=2` sets one.")


def _parse_limit(text: str) -> tuple[str, int | None]:
    name, _, most = text.rpartition("=")
    if not name.strip() or not (most.strip().isdecimal() or most.strip() == "none"):
        raise click.UsageError(f"{text!r} is not NAME=N with a whole number N, nor NAME=none.")
    return name.strip(), None if most.strip() == "none" else int(most)
