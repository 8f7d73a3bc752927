"""Commands about checks: check runs them, checks lists them and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from nbpart.cli import options
from nbpart.cli.output import print_json, print_table
from nbpart.cli.tables import Table
from nbpart.cli.text import list_first, one_line, pluralize, printable
from nbpart.cli.trust import ask_for_trust
from nbpart.partitions.choice import TypedText

CHECK_ROWS = 50
#: Columns that are left out first where the terminal has no room for all.
DROPPABLE = ("description", "kind", "without_outcome", "outdated", "run_id", "checked_at", "is_outdated", "blocking")


@click.command()
@options.selection_argument
@options.keys_option
@options.where_option
@click.option("--check", "names", metavar="NAME", multiple=True, help="Only this check; can be given again.")
@options.count_options("max_workers", "timeout_s")
@options.trust_option
@options.json_option
@options.workspace_option
@click.pass_context
def check(
    ctx: click.Context,
    /,
    selection: Sequence[str],
    keys: Sequence[str],
    where: str | None,
    names: Sequence[str],
    as_json: bool,
    **run_options: Any,
) -> None:
    """Judge the data that is there by the checks of its assets.

    Nothing is made again. SELECTION is that of `nbpart plan`; without one, all assets that have checks. Exits with 1 if
    a check failed that is no warning.
    """
    with options.open_workspace() as workspace:
        ask_for_trust(workspace, f"the checks of {list_first(selection) if selection else 'all assets'}")
        results = workspace.run_checks(
            list(selection) or "*",
            [TypedText(key) for key in keys] or None,
            where=where,
            checks=list(names) or None,
            **options.keep_given(**run_options),
        )
    frame = results.frame
    if as_json:
        absent = [{"asset": ref.asset, "partition_key": ref.key} for ref in results.without_data]
        print_json({"outcomes": frame.to_dict("records"), "without_data": absent, "notes": results.notes})
    else:
        bad = Table.from_frame(frame[frame["outcome"] != "passed"].drop(columns="metadata").head(CHECK_ROWS))
        if bad.rows:
            print_table(bad, False, empty="")
        click.echo(printable(one_line(repr(results))))
    ctx.exit(1 if (frame["outcome"] == "failed").any() else 0)


@click.command()
@click.argument("asset", required=False, shell_complete=options.complete_asset)
@options.keys_option
@options.where_option
@options.limit_option(CHECK_ROWS)
@options.json_option
@options.workspace_option
def checks(asset: str | None, keys: Sequence[str], where: str | None, limit: int | None, as_json: bool) -> None:
    """List the checks, or what those of an asset say.

    Without ASSET each check with how many partitions passed it, warned and failed; with one what each check says of
    each partition that it judged as it is now.
    """
    if asset is None and (keys or where):
        raise click.UsageError("-k and --where choose partitions of an asset: name it.")
    with options.open_workspace() as workspace:
        if asset is None:
            frame = workspace.checks()
        else:
            typed = [TypedText(key) for key in keys] or None
            frame = workspace.check_outcomes(asset, typed, where=where)
    if not as_json and asset is not None:
        frame = frame.drop(columns="traceback")
    max_rows = limit or (None if as_json else CHECK_ROWS)
    shown = frame if max_rows is None else frame.head(max_rows)
    more = f"{len(frame) - len(shown):,} more; --limit {len(frame)} shows all." if len(shown) < len(frame) else ""
    empty = "No check is declared yet: @ws.check(asset) does." if asset is None else "No partition was judged yet."
    print_table(Table.from_frame(shown), as_json, empty=empty, more=more, droppable=DROPPABLE)


def describe_bad_checks(frame: Any) -> list[str]:
    """A line for each check that partitions do not pass, of the frame that `Workspace.checks` returns."""
    bad = frame[(frame["failed"] > 0) | (frame["warned"] > 0)]
    return [
        printable(f"{pluralize(row.failed or row.warned, 'partition')} of {row.asset} "
                  f"{'failed' if row.failed else 'warned by'} check {row.check}"
                  f"{', which holds back what reads them' if row.failed and row.blocking else ''}")
        for row in bad.itertuples(index=False)
    ]  # fmt: skip
