"""The command that opens the notebook of a partition to be edited, and writes it back."""

from __future__ import annotations

from typing import Any

import click

from nbpart.cli import options
from nbpart.cli.output import print_stderr, show_path
from nbpart.cli.text import printable
from nbpart.cli.trust import ask_for_trust


@click.command()
@click.argument("asset", shell_complete=options.complete_asset)
@click.argument("key", required=False, shell_complete=options.complete_key)
@click.option("--save", "saves", is_flag=True, help="Write its cells back to your own notebook.")
@click.option("--force", is_flag=True, help="With --save: also where your notebook was changed meanwhile.")
@click.option("--discard", "discards", is_flag=True, help="Give it up; your own notebook stays as it is.")
@options.setting_option
@options.trust_option
@options.workspace_option
def edit(
    asset: str, key: str | None, saves: bool, force: bool, discards: bool, settings: dict[str, Any] | None
) -> None:
    """Open the notebook of one partition to edit it.

    Prints the path of a working copy in which all is as in a run of that partition; an edit that is open is found again
    with its changes. Open it in JupyterLab, then write it back by --save.
    """
    from nbpart.project.edits import find_edit

    if saves and discards:
        raise click.UsageError("Give --save or --discard, not both.")
    with options.open_workspace() as workspace:
        ask_for_trust(workspace, "the notebook of that asset, once you execute it")
        if saves or discards:
            found = find_edit(workspace.project, asset, key)
            if saves:
                click.echo(printable(found.save(force=force).text))
            else:
                found.discard()
                print_stderr("The edit is discarded.")
            return
        click.echo(printable(show_path(workspace.edit(asset, key, settings=settings).path)))
    again = options.command_line("edit", asset, *([key] if key else []), "--save")
    print_stderr(f"Open it in JupyterLab (nbpart lab); then: {again}")
