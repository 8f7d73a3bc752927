"""The command compare: the partitions of an asset beside each other, best first."""

from __future__ import annotations

from collections.abc import Sequence

import click

from nbpart.cli import options
from nbpart.cli.output import print_stderr, print_table
from nbpart.cli.tables import Table
from nbpart.cli.text import printable

COMPARE_ROWS = 20
#: Columns that are left out first where the terminal has no room for all.
DROPPABLE_COLUMNS = ("run_id", "partition_key", "duration_s")


@click.command()
@click.argument("asset", shell_complete=options.complete_asset)
@click.option(
    "--metric",
    "metrics",
    metavar="NAME=min|max",
    multiple=True,
    help="Which way a metric is better, in place of what the asset declares; the first one orders. Can be given again.",
)
@options.limit_option(COMPARE_ROWS)
@options.json_option
@options.workspace_option
def compare(asset: str, metrics: Sequence[str], limit: int | None, as_json: bool) -> None:
    """Compare the partitions of an asset, best first.

    Their parameters and settings that differ, what their runs logged, and how they ended. What was told to end early
    stands behind what went to its end.
    """
    max_rows = limit or (None if as_json else COMPARE_ROWS)
    with options.open_workspace() as workspace:
        board = workspace.compare(asset, metrics=_read_metrics(metrics))
        frame, constant = board.frame, board.constant
    if not frame["stopped_early"].any() and not as_json:
        frame = frame.drop(columns="stopped_early")
    shown = frame if max_rows is None else frame.head(max_rows)
    more = f"{len(frame) - len(shown):,} more; --limit {len(frame)} shows all." if len(shown) < len(frame) else ""
    print_table(
        Table.from_frame(shown), as_json, empty="There are no partitions.", more=more, droppable=DROPPABLE_COLUMNS
    )
    if constant and not as_json:
        print_stderr(f"equal in all: {printable(', '.join(f'{name}={value}' for name, value in constant.items()))}")


def _read_metrics(metrics: Sequence[str]) -> dict[str, str] | None:
    given = {}
    for text in metrics:
        name, sign, direction = text.rpartition("=")
        if not sign or not name:
            raise click.UsageError(f"--metric {text!r} says no direction; write {text}=min or {text}=max.")
        given[name] = direction
    return given or None
