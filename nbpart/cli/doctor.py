"""The command that looks whether an installation and a workspace are well."""

from __future__ import annotations

import click

from nbpart.cli import options
from nbpart.cli.output import print_json
from nbpart.cli.text import printable
from nbpart.errors import WorkspaceError
from nbpart.storage.relative import absolute_folder

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command()
@options.json_option
@options.workspace_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Look whether all is well.

    Versions, extras, kernels, and of the workspace its disk, file system, locks, clock, catalog, processes and trust: a
    line each, with what to do. Works without a workspace and in a broken one; none of its code runs. Exits with 1 for a
    problem.
    """
    from nbpart.workspace.doctor.diagnose import diagnose
    from nbpart.workspace.doctor.findings import Finding, Level

    root = None
    refused: tuple[Finding, ...] = ()
    try:
        root = absolute_folder(options.workspace_path())
    except WorkspaceError as error:  # one of another user that was only found
        refused = (Finding("workspace", str(error), Level.PROBLEM),)
    found = diagnose(root, and_also=refused)
    if as_json:
        print_json({"is_well": found.is_well, "findings": found.to_records()})
    else:
        size = max(len(one.topic) for one in found.findings)
        for one in found.findings:
            level = click.style(f"{one.level:<8}", fg=_COLOURS[one.level])
            click.echo(f"{level} {one.topic:<{size}}  {printable(str(one))}")
        click.echo(found.summary)
    ctx.exit(0 if found.is_well else 1)
