"""Commands that maintain an installation and a workspace: kernelspec, prune."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import click

from nbpart.cli import options
from nbpart.cli.output import print_json, print_stderr, print_table
from nbpart.cli.tables import Table
from nbpart.cli.text import printable
from nbpart.cli.verbs import VerbOptions, confirm, verb_options

PRUNE_ROWS = 20


@click.group()
def kernelspec() -> None:
    """Pre-warmed kernels for Jupyter and papermill themselves."""


@kernelspec.command()
@click.option("--name", default="nbpart", show_default=True, help="The kernel's name, as for papermill -k.")
@click.option("--preload", multiple=True, metavar="MODULE", help="Import this module ahead; can be given again.")
@click.option("--sys-prefix", is_flag=True, help="Install into this environment instead of for the user.")
def install(name: str, preload: Sequence[str], sys_prefix: bool) -> None:
    """Install the kernel "Python (nbpart, pre-warmed)".

    JupyterLab and `papermill -k nbpart` then start kernels that are forked from a process which has imported what
    notebooks need.
    """
    import sys

    from nbpart.run.kernels.install import install_kernelspec

    prefix: dict[str, Any] = {"user": False, "prefix": sys.prefix} if sys_prefix else {}
    place = install_kernelspec(name, preload=tuple(preload), **prefix)
    click.echo(f"kernel {printable(name)} is installed in {place}")


@kernelspec.command()
@click.option("--name", default="nbpart", show_default=True, help="The kernel's name.")
def remove(name: str) -> None:
    """Remove a kernel that `install` installed."""
    from nbpart.run.kernels.install import remove_kernelspec

    if remove_kernelspec(name):
        click.echo(f"kernel {printable(name)} is removed")
    else:
        print_stderr(f"There is no kernel {name!r}.")


@click.command()
@options.selection_argument
@click.option("--keep", type=click.IntRange(min=0), default=3, show_default=True, help="How many runs of a partition.")
@verb_options
def prune(selection: Sequence[str], keep: int, asked: VerbOptions) -> None:
    """Remove old data, notebooks, logs and stray files.

    The newest runs and data of each partition stay, and what is current does, but with --keep 0, which needs keys or a
    condition, and asks. SELECTION, keys and a condition restrict it; then stray files stay too.
    """
    from nbpart.project.prune import prune as prune_files

    with options.open_workspace() as workspace:
        of = list(selection) or None
        remove = partial(prune_files, workspace.project, keep, of, asked.keys, asked.where, reason=asked.reason)
        if keep == 0 and not asked.dry_run and (would := remove(dry_run=True)).count:
            confirm(printable(would.question), asked.yes)
        done = remove(dry_run=asked.dry_run)
    if asked.as_json:
        print_json(Table.from_frame(done.files).to_records())
        return
    if asked.dry_run and len(done.files):
        print_table(Table.from_frame(done.files.head(PRUNE_ROWS)), False, empty="")
    click.echo(printable(str(done)))
