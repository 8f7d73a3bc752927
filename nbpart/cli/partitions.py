"""The command partitions, which lists partitions and changes sets of keys."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from nbpart.cli import options
from nbpart.cli.output import print_json, print_table
from nbpart.cli.tables import Table
from nbpart.cli.text import list_first, pluralize, printable
from nbpart.errors import UnknownNameError, nearest
from nbpart.states import STATUS_GROUPS, STATUS_WORDS

if TYPE_CHECKING:
    import pandas as pd

    from nbpart.project.partition_set import PartitionSet
    from nbpart.workspace import Workspace

PARTITION_ROWS = 50
#: Columns that are left out first where the terminal has no room for all.
DROPPABLE_COLUMNS = ("bytes", "rows", "duration_s", "materialized_at")


@click.command()
@click.argument("asset", required=False)
@click.option(
    "-s",
    "--status",
    "statuses",
    type=click.Choice(STATUS_WORDS),
    multiple=True,
    help="Only partitions of ASSET with this status; can be given again.",
)
@click.option("--set", "set_name", metavar="NAME", help="A set of dynamic partitions instead of an asset.")
@click.option("--add", metavar="KEY", multiple=True, help="Add this key to the set; can be given again.")
@click.option("--remove", metavar="KEY", multiple=True, help="Remove this key from the set; its data stay.")
@options.limit_option(PARTITION_ROWS)
@options.json_option
@options.workspace_option
def partitions(
    asset: str | None,
    statuses: Sequence[str],
    set_name: str | None,
    add: Sequence[str],
    remove: Sequence[str],
    limit: int | None,
    as_json: bool,
) -> None:
    """List partitions, or the keys of a set; change it.

    The partitions of ASSET with their status, or the keys of a --set of dynamic partitions; without both, all sets.
    A key with parameters is spelled lr=0.1,depth=3.
    """
    _check_usage(asset, statuses, set_name, add, remove)
    max_rows = limit or (None if as_json else PARTITION_ROWS)
    with options.open_workspace() as workspace:
        if set_name is None and asset is None:
            _list_sets(workspace, max_rows, as_json)
        elif set_name is None:
            _list_partitions(workspace.partition_status(asset), statuses, max_rows, as_json)
        elif add or remove:
            _change(_find_set(workspace, set_name), add, remove, as_json)
        else:
            _list_keys(_find_set(workspace, set_name), max_rows, as_json)


def _check_usage(
    asset: str | None, statuses: Sequence[str], set_name: str | None, add: Sequence[str], remove: Sequence[str]
) -> None:
    """Raise `click.UsageError` for arguments that do not go together."""
    if asset is not None and set_name is not None:
        raise click.UsageError("Give an ASSET or a --set, not both.")
    if (add or remove) and set_name is None:
        raise click.UsageError("--add and --remove change a set: name it with --set.")
    if statuses and asset is None:
        raise click.UsageError("--status chooses among the partitions of an ASSET: name it.")
    if both := set(add) & set(remove):
        raise click.UsageError(f"The key {min(both)!r} cannot be both added and removed.")


def _find_set(workspace: Workspace, name: str) -> PartitionSet:
    sets = workspace.partition_sets
    if name not in sets:
        raise UnknownNameError(
            f"there are no dynamic partitions {name!r}; {nearest(name, sets)} "
            "New ones are declared with ws.dynamic_partitions."
        )
    return sets[name]


def _list_partitions(frame: pd.DataFrame, statuses: Sequence[str], max_rows: int | None, as_json: bool) -> None:
    if statuses:
        wanted = {status for word in statuses for status in STATUS_GROUPS.get(word, [word])}
        frame = frame[frame["status"].isin([str(status) for status in wanted])]
    table = Table.from_frame(frame if max_rows is None else frame.head(max_rows))
    more = _describe_rest(len(frame), len(table.rows))
    print_table(table, as_json, empty="There are no such partitions.", more=more, droppable=DROPPABLE_COLUMNS)


def _list_sets(workspace: Workspace, max_rows: int | None, as_json: bool) -> None:
    readers: dict[str, list[str]] = {}
    for definition in workspace.assets.definitions:
        readers.setdefault(definition.set_name, []).append(definition.name)
    rows = [
        (name, len(keys), ", ".join(f"{p.name}: {p.kind}" for p in keys.parameters or ()), readers.get(name, []))
        for name, keys in workspace.partition_sets.items()
    ]
    shown = rows[:max_rows] if as_json else [(*row[:3], ", ".join(row[3])) for row in rows[:max_rows]]
    table = Table(("set", "keys", "parameters", "used_by"), shown)
    print_table(
        table, as_json, empty="There are no dynamic partitions yet.", more=_describe_rest(len(rows), len(shown))
    )


def _list_keys(keys: PartitionSet, max_rows: int | None, as_json: bool) -> None:
    texts = list(keys if max_rows is None else islice(keys, max_rows))
    parameters = keys.parameters
    columns = ("partition_key", *(parameters.names if parameters else ()))
    rows: list[tuple[Any, ...]] = [(key, *(parameters.parse(key).values() if parameters else ())) for key in texts]
    total = len(keys) if max_rows is not None and len(texts) == max_rows else len(texts)
    empty = f"{printable(keys.name)} has no keys yet; --add adds some."
    print_table(Table(columns, rows), as_json, empty=empty, more=_describe_rest(total, len(texts)))


def _change(keys: PartitionSet, add: Sequence[str], remove: Sequence[str], as_json: bool) -> None:
    for key in remove:
        if key not in keys:
            raise UnknownNameError(f"{keys.name!r} has no key {key!r}; {nearest(key, keys.page(0, 1000))}")
    added = keys.add(*add) if add else []  # one by one: of a list, odd names would be left out
    removed = keys.remove(list(remove)) if remove else []
    if as_json:
        print_json({"set": keys.name, "added": added, "removed": removed})
        return
    name = printable(keys.name)
    if add:
        old = len(set(add)) - len(added)
        line = f"added {pluralize(len(added), 'key')} to {name}{': ' if added else ''}{list_first(added)}"
        if old > 0:
            line += f"; {pluralize(old, 'key')} {'was' if old == 1 else 'were'} there already"
        click.echo(line)
    if remove:
        click.echo(f"removed {pluralize(len(removed), 'key')} from {name}: {list_first(removed)}")


def _describe_rest(total: int, shown: int) -> str:
    return f"{total - shown:,} more; --limit {total} shows all." if total > shown else ""
