"""Commands that look after the catalog itself: catalog check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nbpart.cli import options
from nbpart.cli.output import print_json, print_table, remark
from nbpart.cli.tables import Table
from nbpart.cli.text import count

if TYPE_CHECKING:
    from nbpart.catalog.records import Finding

CHECK_ROWS = 20
#: So many differences are looked for at most; mending knows no limit.
MOST_FOUND = 1000


@click.group()
def catalog() -> None:
    """Look after the catalog itself."""


@catalog.command()
@click.option("--repair", is_flag=True, help="Put what the events come to in the place of what is stored.")
@options.json_option
@options.workspace_option
@click.pass_context
def check(ctx: click.Context, repair: bool, as_json: bool) -> None:
    """Compare the facts of partitions with their events.

    Events are only ever added; beside them the catalog keeps what they come to for each partition. Shows where the two
    differ, and exits with 1 if they do; with --repair they are brought together, which loses nothing.
    """
    from nbpart.catalog import check as checking
    from nbpart.workspace.folder import open_folder

    _, opened = open_folder(options.workspace_path(), create=False, purpose="nbpart catalog check")
    try:
        findings = opened.read(lambda batch: checking.check(batch, MOST_FOUND))
        repaired = opened.write(checking.repair) if repair and findings else 0
    finally:
        opened.close()
    if as_json:
        print_json({"findings": _to_table(findings).to_records(), "repaired": repaired})
    else:
        _tell(findings, repaired)
    ctx.exit(1 if findings and not repair else 0)


def _to_table(findings: list[Finding]) -> Table:
    columns = ("asset", "partition_key", "fact", "stored", "events_say")
    return Table(columns, [(f.asset, f.partition_key, f.column, f.recorded, f.rebuilt) for f in findings])


def _tell(findings: list[Finding], repaired: int) -> None:
    table = _to_table(findings)
    shown = Table(table.columns, table.rows[:CHECK_ROWS])
    more = f"{'at least ' if len(findings) == MOST_FOUND else ''}{count(len(findings), 'difference')}"
    print_table(shown, False, empty="The facts are what the events come to.", more=more if findings else "")
    if repaired:
        click.echo(f"Mended the facts of {count(repaired, 'partition')}.")
    elif findings:
        remark(f"To mend them: {options.command_line('catalog', 'check', '--repair')}")
