"""Commands that look after what is there: cancel, kernels, kernelspec, prune."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from nbpart.cli import options
from nbpart.cli.output import print_json, print_table, remark
from nbpart.cli.tables import Table
from nbpart.cli.text import count, printable
from nbpart.cli.trust import ask_for_trust
from nbpart.states import REQUESTED

PRUNE_ROWS = 20


@click.command()
@click.argument("backfill_id", metavar="ID")
@options.workspace_option
def cancel(backfill_id: str) -> None:
    """Stop a backfill, wherever it runs.

    Its notebooks are ended, nothing new starts, and what was done stays. `nbpart resume` goes on.
    """
    with options.open_workspace() as workspace:
        backfill = workspace.backfills[backfill_id]
        if not (backfill.is_running or backfill.status == REQUESTED):
            remark(f"Nothing to cancel: backfill {backfill.id} is over, {backfill.status}.")
            return
        remark(f"Cancelling backfill {backfill.id}: the notebooks that run are being ended ...")
        backfill.cancel()
        status = backfill.status
    click.echo(f"backfill {backfill_id} {status}")


@click.command()
@click.option("--shutdown", "ended", metavar="RUN_ID", help="End the kernel that this run left.")
@options.trust_option
@options.json_option
@options.workspace_option
def kernels(ended: str | None, as_json: bool) -> None:
    """List the kernels that failed runs left alive.

    `nbpart backfill --keep-failed-kernels N` leaves them, for an hour. The command in the last column opens a console
    on one, where the variables of the failed notebook still are.
    """
    with options.open_workspace() as workspace:
        if ended is not None:
            ask_for_trust(workspace, f"what the file of the kernel of run {ended} says")
            workspace.get_run(ended).kernel().shutdown()
            remark(f"The kernel of run {ended} is ended.")
            return
        frame = workspace.kernels()
        if len(frame):
            ask_for_trust(workspace, "a console connects to the kernels that its files name")
        frame["connect"] = [workspace.get_run(run_id).kernel().console_command() for run_id in frame["run_id"]]
    print_table(Table.from_frame(frame), as_json, empty="No run left its kernel.", spare=("pid", "expires_at"))


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
        remark(f"There is no kernel {name!r}.")


@click.command()
@click.argument("selection", nargs=-1)
@click.option("--keep", type=click.IntRange(min=1), default=3, show_default=True, help="How many runs of a partition.")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be removed.")
@options.json_option
@options.workspace_option
def prune(selection: Sequence[str], keep: int, dry_run: bool, as_json: bool) -> None:
    """Remove old data, notebooks, logs and stray files.

    The newest runs and data of each partition stay, and what is current always does. SELECTION restricts it to assets;
    then stray files stay too.
    """
    with options.open_workspace() as workspace:
        frame = workspace.prune(keep, list(selection) or None, dry_run=dry_run)
    if as_json:
        print_json(Table.from_frame(frame).to_records())
        return
    size = frame["bytes"].sum() / 1e6
    done = "would be removed" if dry_run else "removed"
    more = f"{count(len(frame), 'file')} {done}, {size:,.1f} MB"
    rows = Table.from_frame(frame.head(PRUNE_ROWS) if dry_run else frame.head(0))
    if rows.rows:
        print_table(rows, False, empty="")
    click.echo(more if len(frame) else "Nothing to remove.")
