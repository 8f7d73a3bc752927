"""Sets of partitions in a terminal: listing them and their keys, and changing the keys that are added by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from nbpart.cli.output import print_json, print_table
from nbpart.cli.tables import Table
from nbpart.cli.text import list_first, pluralize, printable
from nbpart.cli.verbs import confirm
from nbpart.errors import DeclarationError, ParameterError, UnknownNameError, nearest
from nbpart.partitions import DynamicPartitions, Parameters, TimeWindowPartitions
from nbpart.partitions.choice import TypedText
from nbpart.partitions.columns import Column, ColumnSource
from nbpart.partitions.key_values import is_parameter
from nbpart.partitions.samples import SampleMethod
from nbpart.partitions.zones import load_zone

if TYPE_CHECKING:
    from datetime import tzinfo

    from nbpart.catalog import Catalog
    from nbpart.partitions import PartitionsDefinition
    from nbpart.project.partition_set import PartitionSet
    from nbpart.workspace import Workspace

#: The name under which a key stands in the rows that are added.
_KEY = "partition_key"


@dataclass(frozen=True)
class AskedSample:
    """The sample that a command is asked to draw; without ``seed`` of points that are not there."""

    count: int
    seed: int | None
    values: Mapping[str, str]
    method: SampleMethod


@dataclass(frozen=True)
class Change:
    """What a command is asked to change of a set; ``replacement`` is None where its keys are not replaced."""

    add: Sequence[str] = ()
    columns: Mapping[str, str] | None = None
    sample: AskedSample | None = None
    remove: Sequence[str] = ()
    renames: Sequence[tuple[str, str]] = ()
    replacement: Sequence[str] | None = None
    at_most: int | None = None
    delete_data: bool = False
    reason: str = ""
    yes: bool = False

    def __bool__(self) -> bool:
        return bool(self.add or self.sample or self.remove or self.renames or self.replacement is not None)


def find_set(workspace: Workspace, name: str) -> PartitionSet:
    """The set of that name. Raises `UnknownNameError`."""
    sets = workspace.partition_sets
    if name not in sets:
        raise UnknownNameError(
            f"there are no partitions {name!r}; {nearest(name, sets)} New ones are declared with ws.partitions."
        )
    return sets[name]


def list_sets(workspace: Workspace, max_rows: int | None, as_json: bool) -> None:
    """Print every set that has a name, its columns and the assets that use it."""
    readers: dict[str, list[str]] = {}
    for definition in workspace.assets.definitions:
        readers.setdefault(definition.set_name, []).append(definition.name)
    rows: list[tuple[Any, ...]] = []
    for name, keys in workspace.partition_sets.items():
        columns = [(f"{column.name}: {column.kind}", is_parameter(column)) for column in keys.definition.columns]
        parameters, others = ([text for text, is_one in columns if is_one is wanted] for wanted in (True, False))
        rows.append((name, _describe_kind(keys.definition), len(keys), parameters, others, readers.get(name, [])))
    shown = rows[:max_rows]
    if not as_json:
        shown = [tuple(", ".join(cell) if isinstance(cell, list) else cell for cell in row) for row in shown]
    table = Table(("set", "kind", "keys", "parameters", "columns", "used_by"), shown)
    more = describe_rest(len(rows), len(shown))
    print_table(table, as_json, empty="There are no named sets of partitions yet.", more=more, droppable=("columns",))


def list_keys(keys: PartitionSet, max_rows: int | None, as_json: bool, where: str | None = None) -> None:
    """Print the keys of a set with all its columns, in its order; all, or those for which ``where`` is true."""
    if where is not None:
        chosen = keys.where(where)
        frame, count = chosen if max_rows is None else chosen.head(max_rows), len(chosen)
    else:
        frame, count = keys.frame if max_rows is None else keys.head(max_rows), len(keys)
    table = Table.from_frame(frame)
    if not as_json:
        table = _in_zones(table, keys.definition)
    total = count if max_rows is not None and len(frame) == max_rows else len(frame)
    is_dynamic = isinstance(keys.definition, DynamicPartitions)
    empty = f"{printable(keys.name)} has no keys yet{'; --add adds some' if is_dynamic else ''}."
    if where is not None and len(keys):
        empty = f"{printable(keys.name)} has no such keys."
    print_table(table, as_json, empty=empty, more=describe_rest(total, len(frame)))


def change_set(catalog: Catalog, keys: PartitionSet, change: Change, as_json: bool) -> None:
    """Change a set, and print what was added, removed, renamed or dropped.

    Raises `UnknownNameError` for a key to remove or rename that it does not have, before anything is changed, and
    whatever `PartitionSet` raises.
    """
    from nbpart.project.removal import remove_keys

    leaving = keys.choose([TypedText(key) for key in change.remove])
    for key, _ in change.renames:
        if key not in keys:
            raise UnknownNameError(f"{keys.name!r} has no key {key!r}; {nearest(key, keys.page(0, 1000))}")
    if change.replacement is not None:
        _replace(keys, change.replacement, change, as_json)
        return
    remove = partial(
        remove_keys, catalog, keys.set_id, keys.definition, leaving,
        delete_data=change.delete_data, reason=change.reason,
    )  # fmt: skip
    if leaving and change.delete_data:
        confirm(printable(remove(dry_run=True).question), change.yes)
    added = _add(keys, change.add, change.columns)
    drawn = _add_sample(keys, change.sample) if change.sample else []
    for old, new in change.renames:
        keys.rename(old, new)
    gone = remove() if leaving else None
    removed = gone.keys if gone else []
    if as_json:
        print_json({"set": keys.name, "added": [*added, *drawn], "removed": removed, "renamed": dict(change.renames)})
        return
    name = printable(keys.name)
    if change.add:
        click.echo(_describe_added(name, len(set(keys.spell(list(change.add)))), added))
    if change.sample:
        click.echo(_describe_added(name, change.sample.count, drawn))
    for old, new in change.renames:
        click.echo(f"renamed {printable(old)} of {name} to {printable(new)}")
    if gone and change.delete_data:
        click.echo(printable(str(gone)))
    elif change.remove:
        click.echo(f"removed {pluralize(len(removed), 'key')} from {name}: {list_first(removed)}")


def describe_rest(total: int, shown: int) -> str:
    """How many rows were left out, and how to see them."""
    return f"{total - shown:,} more; --limit {total} shows all." if total > shown else ""


def _add(keys: PartitionSet, add: Sequence[str], columns: Mapping[str, str] | None) -> list[str]:
    if not add:
        return []
    if not columns:
        return keys.add(*add)  # one by one: of a list, odd names would be left out
    values = _read_columns(keys, columns)
    return keys.add_rows([{_KEY: key, **values} for key in add], key=_KEY)


def _add_sample(keys: PartitionSet, sample: AskedSample) -> list[str]:
    declared = {one.name: one for one in keys.parameters or ()}
    values = {
        name: declared[name].parse_typed(text) if name in declared else text for name, text in sample.values.items()
    }
    return keys.add_sample(sample.count, sampler_seed=sample.seed, values=values, method=sample.method)


def _read_columns(keys: PartitionSet, columns: Mapping[str, str]) -> dict[str, Any]:
    """The typed values of declared columns. Raises `ParameterError` for another one, and for a value that is wrong."""
    definition = keys.definition
    attributes: Parameters | None = definition.attributes if isinstance(definition, DynamicPartitions) else None
    if attributes is None:
        raise DeclarationError(f"partitions {keys.name!r} have no columns that can be set; they declare none.")
    declared = {one.name: one for one in attributes}
    for name in columns:
        if name not in declared:
            raise ParameterError(f"{keys.name!r} has no column {name!r} to set; {nearest(name, declared)}")
    return {name: declared[name].parse_typed(text) for name, text in columns.items()}


def _replace(keys: PartitionSet, wanted: Sequence[str], change: Change, as_json: bool) -> None:
    before = list(keys)
    keys.replace(list(wanted), at_most=change.at_most, reason=change.reason)
    now = list(keys)
    known, left = set(before), set(now)
    added, removed = [key for key in now if key not in known], [key for key in before if key not in left]
    if as_json:
        print_json({"set": keys.name, "added": added, "removed": removed, "renamed": {}})
        return
    said = [f"{verb} {pluralize(len(some), 'key')}: {list_first(some)}" for verb, some in
            (("added", added), ("removed", removed)) if some]  # fmt: skip
    click.echo(f"{printable(keys.name)} has {pluralize(len(now), 'key')} now; {'; '.join(said) or 'none is new'}")


def _describe_added(name: str, asked: int, added: Sequence[str]) -> str:
    old = asked - len(added)
    line = f"added {pluralize(len(added), 'key')} to {name}{': ' if added else ''}{list_first(added)}"
    return f"{line}; {pluralize(old, 'key')} {'was' if old == 1 else 'were'} there already" if old > 0 else line


def _describe_kind(definition: PartitionsDefinition) -> str:
    """A word for where its keys come from; of a child set with the set of its parent."""
    if isinstance(definition, TimeWindowPartitions):
        return f"windows ({definition.timezone})"
    if isinstance(definition, DynamicPartitions) and definition.parent is not None:
        return f"dynamic, under {definition.parent.set_name}"
    if definition.parts:
        return f"product of {', '.join(part.set_name for _, part in definition.parts)}"
    return definition.kind


def _in_zones(table: Table, definition: PartitionsDefinition) -> Table:
    """The table with the start and end of windows as the clock in their zone shows them, with its offset."""
    zones = {column.name: zone for column in definition.columns if (zone := _find_zone(definition, column))}
    cells = [zones.get(name) for name in table.columns]
    rows = [tuple(_at(value, zone) for value, zone in zip(row, cells, strict=True)) for row in table.rows]
    return Table(table.columns, rows)


def _find_zone(definition: PartitionsDefinition, column: Column) -> tzinfo | None:
    """The zone of a column that has the start or end of windows; None for any other column."""
    if column.source is ColumnSource.PART and column.of is not None:
        return _find_zone(dict(definition.parts)[str(column.part)], column.of)
    is_instant = column.source in (ColumnSource.WINDOW_START, ColumnSource.WINDOW_END)
    return load_zone(definition.timezone) if is_instant and isinstance(definition, TimeWindowPartitions) else None


def _at(value: Any, zone: tzinfo | None) -> Any:
    if zone is None or not isinstance(value, datetime):
        return value
    return value.astimezone(zone).isoformat(sep=" ", timespec="minutes" if value.second == 0 else "seconds")
