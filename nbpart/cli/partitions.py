"""The command partitions, which lists partitions and changes sets of keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO, get_args

import click

from nbpart.cli import options
from nbpart.cli.output import print_table
from nbpart.cli.partition_sets import AskedSample, Change, change_set, describe_rest, find_set, list_keys, list_sets
from nbpart.cli.tables import Table
from nbpart.errors import UnknownNameError
from nbpart.partitions.samples import SampleMethod
from nbpart.states import STATUS_GROUPS, STATUS_WORDS

if TYPE_CHECKING:
    import pandas as pd

    from nbpart.workspace import Workspace

PARTITION_ROWS = 50
#: Columns that are left out first where the terminal has no room for all.
DROPPABLE_COLUMNS = ("bytes", "rows", "duration_s", "materialized_at")


@click.command()
@click.argument("asset", required=False, shell_complete=options.complete_asset)
@click.option(
    "-s",
    "--status",
    "statuses",
    type=click.Choice(STATUS_WORDS),
    multiple=True,
    help="Only partitions of ASSET with this status; can be given again.",
)
@options.where_option
@click.option("--set", "set_name", metavar="NAME", help="A set of partitions instead of an asset.")
@click.option("--add", metavar="KEY", multiple=True, help="Add this key to the set; can be given again.")
@click.option(
    "--column",
    "columns",
    metavar="NAME=VALUE",
    multiple=True,
    help="The value of a declared column of the keys that --add names; can be given again.",
)
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    metavar="N",
    help="Draw N points from the distributions of the set's parameters, and add them.",
)
@click.option(
    "--sampler-seed",
    type=click.IntRange(min=0),
    metavar="SEED",
    help="The first points of this seed, which are the same each time; without it N that are not there.",
)
@click.option(
    "--value",
    "values",
    metavar="NAME=VALUE",
    multiple=True,
    help="The value of a parameter that --sample does not draw; can be given again.",
)
@click.option(
    "--method",
    type=click.Choice(get_args(SampleMethod)),
    help="How --sample draws: random (the default), or spread evenly, which needs scipy.",
)
@click.option(
    "--rename",
    "renames",
    nargs=2,
    metavar="OLD NEW",
    multiple=True,
    help="Give a key another text; it keeps its history and data. Can be given again.",
)
@click.option("--remove", metavar="KEY", multiple=True, help="Remove this key from the set; its data stay.")
@click.option(
    "--delete-data",
    is_flag=True,
    help="Delete all that runs left of the keys that --remove names, in all assets; asks first.",
)
@click.option("--reason", metavar="TEXT", default="", help="Why keys are removed; it stands in their history.")
@click.option("-y", "--yes", is_flag=True, help="Delete without asking.")
@click.option(
    "--replace",
    type=click.File(encoding="utf-8-sig", errors="surrogateescape"),
    metavar="FILE",
    help="Make the keys of the set the lines of a file (- is stdin), in its order.",
)
@click.option(
    "--at-most",
    type=click.IntRange(min=0),
    metavar="N",
    help="How many keys --replace may take off the set; without it fewer than ten or a tenth, and never all.",
)
@options.limit_option(PARTITION_ROWS)
@options.json_option
@options.workspace_option
def partitions(
    asset: str | None,
    statuses: Sequence[str],
    where: str | None,
    set_name: str | None,
    limit: int | None,
    as_json: bool,
    **changes: Any,
) -> None:
    """List partitions, or the keys of a set; change it.

    The partitions of ASSET with their status, or the keys of a --set with their columns; without both, all sets. A key
    with parameters is spelled lr=0.1,depth=3, one below a parent parent/own.
    """
    change = _read_change(**changes)
    _check_usage(asset, statuses, where, set_name, change)
    max_rows = limit or (None if as_json else PARTITION_ROWS)
    with options.open_workspace() as workspace:
        if set_name is None and asset is None:
            list_sets(workspace, max_rows, as_json)
        elif set_name is None:
            _list_partitions(_load_status(workspace, str(asset), where), statuses, max_rows, as_json)
        elif change:
            change_set(workspace.project.catalog, find_set(workspace, set_name), change, as_json)
        else:
            list_keys(find_set(workspace, set_name), max_rows, as_json, where)


def _load_status(workspace: Workspace, asset: str, where: str | None) -> pd.DataFrame:
    """The partitions of an asset. Raises `UnknownNameError`, which says so where a set has the name."""
    try:
        return workspace.partition_status(asset, where)
    except UnknownNameError as error:
        if asset in workspace.partition_sets:
            raise UnknownNameError(f"{asset!r} is a set of partitions: list it by --set {asset}.") from None
        raise error


def _read_change(*, columns: Sequence[str], replace: TextIO | None, **given: Any) -> Change:
    """What the options ask to change; a file of keys has one a line."""
    lines = None if replace is None else [line for line in replace.read().splitlines() if line.strip()]
    count, seed, values, method = (given.pop(name) for name in ("sample", "sampler_seed", "values", "method"))
    if count is None and (seed is not None or values or method is not None):
        raise click.UsageError("--sampler-seed, --value and --method are of a sample: say how large by --sample.")
    sample = None if count is None else AskedSample(count, seed, _parse_pairs("--value", values), method or "random")
    return Change(columns=_parse_pairs("--column", columns), replacement=lines, sample=sample, **given)


def _parse_pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise click.UsageError(f"{option} {text!r} is not NAME=VALUE.")
        values[name.strip()] = value
    return values


def _check_usage(
    asset: str | None, statuses: Sequence[str], where: str | None, set_name: str | None, change: Change
) -> None:
    """Raise `click.UsageError` for arguments that do not go together."""
    if asset is not None and set_name is not None:
        raise click.UsageError("Give an ASSET or a --set, not both.")
    if change and set_name is None:
        raise click.UsageError("--add, --sample, --rename, --remove and --replace change a set: name it with --set.")
    if where is not None and asset is None and (set_name is None or change):
        raise click.UsageError("--where chooses among the partitions of an ASSET or the keys of a --set: name it.")
    if statuses and asset is None:
        raise click.UsageError("--status chooses among the partitions of an ASSET: name it.")
    if change.columns and not change.add:
        raise click.UsageError("--column is of the keys that are added: name them with --add.")
    if change.at_most is not None and change.replacement is None:
        raise click.UsageError("--at-most says how many keys --replace may take off: give --replace too.")
    if change.reason and not change.remove and change.replacement is None:
        raise click.UsageError("--reason is of the keys that are removed: name them with --remove, or give --replace.")
    if change.delete_data and not change.remove:
        raise click.UsageError("--delete-data is of the keys that are removed: name them with --remove.")
    if change.replacement is not None and (change.add or change.sample or change.remove or change.renames):
        raise click.UsageError("--replace says all keys that the set has then: give it alone.")
    named = [*change.add, *change.remove, *(key for pair in change.renames for key in pair)]
    if twice := [key for key in dict.fromkeys(named) if _ways(change, key) > 1]:
        raise click.UsageError(f"The key {twice[0]!r} can be added, removed or renamed, but only one of these at once.")


def _ways(change: Change, key: str) -> int:
    renamed = [text for pair in change.renames for text in pair]
    return (key in change.add) + (key in change.remove) + renamed.count(key)


def _list_partitions(frame: pd.DataFrame, statuses: Sequence[str], max_rows: int | None, as_json: bool) -> None:
    if statuses:
        wanted = {status for word in statuses for status in STATUS_GROUPS.get(word, [word])}
        frame = frame[frame["status"].isin([str(status) for status in wanted])]
    table = Table.from_frame(frame if max_rows is None else frame.head(max_rows))
    more = describe_rest(len(frame), len(table.rows))
    print_table(table, as_json, empty="There are no such partitions.", more=more, droppable=DROPPABLE_COLUMNS)
